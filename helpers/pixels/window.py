"""How do values become grey? By one window or look-up table of many. Pure numpy."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from helpers.errors import ClearError, wrong_name

MIN_WIDTH = {"LINEAR": 1, "LINEAR_EXACT": 0, "SIGMOID": 0}  # and above 0
SAMPLE_SIZE = 1_000_000  # values that shares of an array are estimated from
MAX_LABELS, LABEL_SAMPLE_SIZE = 16, 10_000  # distinct values of an image of labels, among so many
BODY_SHARE = 0.98  # of the body's values that its window keeps
MIN_BODY_SHARE = 0.01  # of all values; less is no body
MAX_AIR_SHARE = 0.15  # of the values' range, from its low end, in which the air around lies
AIR_DEVIATIONS = 4  # above the median of air up to which values are taken for air
NORMAL_QUARTILE = 0.6745  # of a normal distribution, in standard deviations
EQUAL_FREQUENCY_STEPS = 100


class WindowError(ClearError, ValueError):
    """A window that the standard, or the unit of the values, gives no meaning."""


class Window(NamedTuple):
    """A range of values shown as grey, in the unit of the values.

    `function` is a VOI LUT Function, as `apply_window` takes it.
    """

    center: float
    width: float
    source: str = ""
    function: str = "LINEAR"

    @property
    def limits(self) -> tuple[float, float]:
        """(low, high): what is black and what is white, nearly so for SIGMOID."""
        shift, width = (0.5, self.width - 1) if self.function == "LINEAR" else (0, self.width)
        return self.center - shift - width / 2, self.center - shift + width / 2

    def text(self, unit: str = "") -> str:
        """What it is, in a few words."""
        return f"C {self.center:.5g} W {self.width:.5g} {unit}".strip()


class VoiLut(NamedTuple):
    """Values shown as grey by a table: `greys` (n,) from 0 to 1 at rising `values` (n,)."""

    values: np.ndarray
    greys: np.ndarray
    source: str = ""

    @property
    def limits(self) -> tuple[float, float]:
        """(low, high) in the unit of the values: beyond them the grey does not change."""
        return float(self.values[0]), float(self.values[-1])

    def text(self, unit: str = "") -> str:
        """What it is, in a few words."""
        return f"{self.limits[0]:.5g} to {self.limits[1]:.5g} {unit}".strip()


_FASTAI = "fastai.medical.imaging, after Radiopaedia: Windowing (CT)"

WINDOWS = {  # in HU
    "lungs": Window(-600, 1500, _FASTAI),
    "mediastinum": Window(50, 350, _FASTAI),
    "abdomen_soft": Window(50, 400, _FASTAI),
    "liver": Window(30, 150, _FASTAI),
    "spine_soft": Window(50, 250, _FASTAI),
    "spine_bone": Window(400, 1800, _FASTAI),
    "brain": Window(40, 80, _FASTAI),
    "brain_bone": Window(600, 2800, _FASTAI),
    "brain_soft": Window(40, 375, _FASTAI),
    "subdural": Window(100, 254, _FASTAI),
    "stroke": Window(32, 8, _FASTAI),
}

SUV_UNIT = "SUVbw"  # by body weight, g/ml
_OHIF = "OHIF viewer's presets for PET; the liver has about 2"

SUV_WINDOWS = {  # from 0 to as many SUV, the default first
    f"SUV 0 to {high}": Window(high / 2, high, _OHIF, "LINEAR_EXACT") for high in (5, 7, 10)
}


def apply_window(
    array: ArrayLike,
    window: "Window | VoiLut | tuple[float, float]",
    *,
    function: str | None = None,
    padding: np.ndarray | None = None,
) -> np.ndarray:
    """Grey as float32 in [0, 1], black to white, of the shape of `array`.

    Parameters
    ----------
    array : ndarray of any shape
        Values after the Modality LUT (rescale), for example HU.
    window : (center, width), Window or VoiLut
        In the unit of `array`.
    function : {"LINEAR", "LINEAR_EXACT", "SIGMOID"} or None for that of the Window, else LINEAR
        VOI LUT Function (0028,1056); LINEAR is what a file means that names none.
    padding : boolean ndarray like `array`, or None
        Where True the result is 0: padding is no measured value.

    Raises
    ------
    WindowError
        For a width or a function that the standard does not allow.

    References
    ----------
    PS3.3 C.11.2.1.1 (VOI LUT), C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID),
    C.11.2.1.3.2 (LINEAR_EXACT)

    Examples
    --------
    LINEAR is not ``center ± width / 2``: 8 bits shown as they are have the window (128, 256).

    >>> apply_window(np.array([0, 127.5, 255]), (128, 256)).tolist()
    [0.0, 0.5, 1.0]
    """
    values, voi_lut = np.asarray(array, np.float64), as_window(window)
    if isinstance(voi_lut, VoiLut):
        grey = np.interp(values, voi_lut.values, voi_lut.greys)
    else:
        grey = _windowed(values, voi_lut.center, voi_lut.width, function or voi_lut.function)
    return (grey if padding is None else np.where(padding, 0, grey)).astype(np.float32)


def resolve_window(
    wanted: object,
    own: Mapping[str, Window | VoiLut],
    array: np.ndarray,
    padding: np.ndarray | None = None,
    *,
    unit: str,
) -> tuple[str, Window | VoiLut]:
    """(name, Window or VoiLut) of a window that is asked for.

    Parameters
    ----------
    wanted : None for the default (the first of `own`; "body" where there is none), a name of
        `own`, `WINDOWS` or `COMPUTED` (taken from the values), a Window, a VoiLut, or
        (center, width), which is called "custom"
    array, padding : the values that a computed window is taken from
    unit : of the values; those of `WINDOWS` mean something for "HU" alone

    Raises
    ------
    WindowError
        For what is no window, and for one of `WINDOWS` where values are not HU: says what to use.
    """
    if wanted is None:
        wanted = next(iter(own), "body")
    window, known = None, {**presets_for(unit), **own}
    if not isinstance(wanted, str):
        window = as_window(wanted)
        named = (name for name, one in (*own.items(), *WINDOWS.items()) if one is window)
        wanted = next(named, "custom")
    if wanted in WINDOWS and wanted not in known:
        names = [
            *map(repr, COMPUTED),
            *(f"the file's own {one!r}" for one in own if one not in COMPUTED),
        ]
        raise WindowError(
            f"expected values in HU for the window {wanted!r}, "
            f"got {unit or 'values without unit'}: use {', '.join(names)}, or (center, width)"
        )
    if window is not None or wanted in known:
        return wanted, known[wanted] if window is None else window
    if wanted not in COMPUTED:
        raise WindowError(f"expected a window of {wrong_name(wanted, [*COMPUTED, *known])}")
    return wanted, COMPUTED[wanted](array, padding=padding)


def presets_for(unit: str) -> dict[str, Window]:
    """Windows that mean something for values of a unit: `WINDOWS` for HU, `SUV_WINDOWS` for SUV."""
    return {"HU": WINDOWS, SUV_UNIT: SUV_WINDOWS}.get(unit, {})


def as_window(wanted: Any) -> Window | VoiLut:
    """A Window or VoiLut as it is, (center, width) as a Window.

    Raises
    ------
    WindowError
    """
    if isinstance(wanted, (Window, VoiLut)):
        return wanted
    try:
        if isinstance(wanted, (str, bytes, dict)):
            raise TypeError
        center, width = map(float, wanted)
        return Window(center, width)
    except (TypeError, ValueError):
        raise WindowError(f"expected a name, a Window or (center, width), got {wanted!r}") from None


def value_range(
    array: ArrayLike, *, padding: np.ndarray | None = None, share: float = 1.0
) -> Window:
    """The `Window` (LINEAR_EXACT) from the lowest to the highest value, padding left out.

    Parameters
    ----------
    share : part of the values that the window keeps, the rarest at both ends cut off; below 1 it
        is estimated from about a million evenly chosen values
    """
    values = _measured(array, padding) if share == 1 else sampled(array, padding)
    return _spanning(values, share, f"{share:.0%} of the values shown")


def body_range(array: ArrayLike, *, padding: np.ndarray | None = None) -> Window:
    """The `Window` (LINEAR_EXACT) of 98 % of the body's values, without padding and the air around.

    Air is what the rim of the images shows, where that is dark and uniform. An image whose rim
    shows a part of the body is taken whole, and so are images of a few distinct values, such as
    labels. Estimated from about a million evenly chosen values.

    Parameters
    ----------
    array : (..., rows, columns)
    """
    values = sampled(array, padding)
    if np.unique(values[:: 1 + values.size // LABEL_SAMPLE_SIZE]).size <= MAX_LABELS:
        return _spanning(_measured(array, padding), 1.0, "all of a few distinct values")
    body = values[values > _highest_air(np.asarray(array), padding, values)]
    body = body if body.size > MIN_BODY_SHARE * values.size else values
    return _spanning(
        body, BODY_SHARE, "98 % of the values of the body, air around it and padding left out"
    )


class BodyWindow(Mapping):
    """The mapping of "body" to the `body_range` of some values, found when it is asked for."""

    def __init__(self, array: np.ndarray, padding: np.ndarray | None = None) -> None:
        self._values = array, padding

    def __getitem__(self, name: str) -> Window:
        if name != "body":
            raise KeyError(name)
        return self._window

    def __iter__(self) -> Iterator[str]:
        return iter(["body"])

    def __len__(self) -> int:
        return 1

    @cached_property
    def _window(self) -> Window:
        array, padding = self._values
        return body_range(array, padding=padding)


def equal_frequency(array: ArrayLike, *, padding: np.ndarray | None = None) -> VoiLut:
    """The `VoiLut` by which every grey is equally frequent, as fastai's ``hist_scaled``."""
    values = np.sort(sampled(array, padding))
    if not values.size:
        return VoiLut(np.zeros(1), np.zeros(1), "no values")
    steps = np.arange(EQUAL_FREQUENCY_STEPS) + 0.5
    shares = np.r_[0.001, steps / EQUAL_FREQUENCY_STEPS, 0.999]
    breaks = np.unique(values[(values.size * shares).astype(int)])
    return VoiLut(breaks, np.linspace(0, 1, len(breaks)), "each grey equally frequent")


COMPUTED: dict[str, Callable[..., Window | VoiLut]] = {  # taken from the values themselves
    "body": body_range,
    "most values": lambda array, padding=None: value_range(array, padding=padding, share=0.99),
    "whole range": value_range,
    "equal frequency": equal_frequency,
}


def sampled(array: ArrayLike, padding: np.ndarray | None = None) -> np.ndarray:
    """About a million evenly chosen values (n,), without padding and what is not finite."""
    values = np.asarray(array)
    step = max(1, values.size // SAMPLE_SIZE)
    while math.gcd(step, math.prod(values.shape[-2:])) > 1:  # else columns would be left out
        step += 1
    return _measured(values, padding, step)


def _measured(array: ArrayLike, padding: np.ndarray | None, step: int = 1) -> np.ndarray:
    """Every n-th value as (n,), without padding and what is not finite."""
    values = np.asarray(array).reshape(-1)[::step]
    if padding is None and values.dtype.kind in "iub":
        return values
    is_kept = np.isfinite(values)
    if padding is not None:
        is_kept &= ~np.asarray(padding).reshape(-1)[::step]
    return values[is_kept]


def _spanning(values: np.ndarray, share: float, source: str) -> Window:
    if not values.size:
        return Window(0.0, 1.0, "no values", "LINEAR_EXACT")
    ends = [(1 - share) / 2, (1 + share) / 2]
    low, high = map(float, np.quantile(values, ends) if share < 1 else (values.min(), values.max()))
    if high - low > 100:  # whole numbers are easier to read, and as good
        low, high = float(np.floor(low)), float(np.ceil(high))
    return Window((low + high) / 2, high - low or 1.0, source, "LINEAR_EXACT")


def _highest_air(array: np.ndarray, padding: np.ndarray | None, values: np.ndarray) -> float:
    """The highest value of the air around the body; below all values where the rim shows none."""
    if array.ndim < 2:
        return -np.inf
    edges: list[Any] = [np.s_[..., 0, :], np.s_[..., -1, :], np.s_[..., :, 0], np.s_[..., :, -1]]
    rim = np.concatenate(
        [_measured(array[edge], None if padding is None else padding[edge]) for edge in edges]
    )
    if not rim.size:
        return -np.inf
    low, middle = np.quantile(rim, [0.25, 0.5])  # above its middle the rim may show the body
    lowest, highest = np.quantile(values, [0.01, 0.99])
    if middle - lowest >= MAX_AIR_SHARE * (highest - lowest):
        return -np.inf
    return middle + AIR_DEVIATIONS * (middle - low) / NORMAL_QUARTILE


def _windowed(values: np.ndarray, center: float, width: float, function: str) -> np.ndarray:
    if function not in MIN_WIDTH:
        raise WindowError(
            f"expected a VOI LUT function of {', '.join(MIN_WIDTH)}, got {function!r} (C.11.2.1.3)"
        )
    if not (np.isfinite(center) and 0 < width < np.inf and width >= MIN_WIDTH[function]):
        least = "at least 1" if function == "LINEAR" else "above 0"
        raise WindowError(
            f"expected a finite center and a width {least} for {function}, "
            f"got ({center:g}, {width:g})"
        )
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width == 1:  # both bounds of LINEAR fall together: a threshold
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
