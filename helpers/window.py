"""How do values become grey? By one view of them: a window, or a curve. Pure numpy."""

from typing import NamedTuple

import numpy as np

from helpers import ClearError


class WindowError(ClearError, ValueError):
    """A window that the standard gives no meaning."""


class Window(NamedTuple):
    """A range of values shown as grey: `center` and `width` in the unit of the values, `function` as in `apply_window`."""

    center: float
    width: float
    source: str = ""
    function: str = "LINEAR"

    @property
    def limits(self):
        """(low, high) in the unit of the values: what is black and what is white, nearly so for SIGMOID."""
        shift, width = (0.5, self.width - 1) if self.function == "LINEAR" else (0, self.width)
        return self.center - shift - width / 2, self.center - shift + width / 2

    def text(self, unit=""):
        """What it is, in a few words."""
        return f"C {self.center:g} W {self.width:g} {unit}".strip()


class Curve(NamedTuple):
    """Values shown as grey by a curve: `greys` (n,) from 0 to 1 at rising `values` (n,), straight in between."""

    values: np.ndarray
    greys: np.ndarray
    source: str = ""

    @property
    def limits(self):
        """(low, high) in the unit of the values: below and above it the grey does not change."""
        return float(self.values[0]), float(self.values[-1])

    def text(self, unit=""):
        """What it is, in a few words."""
        return f"{self.limits[0]:g} to {self.limits[1]:g} {unit}".strip()


LEAST_WIDTH = {"LINEAR": 1, "LINEAR_EXACT": 0, "SIGMOID": 0}  # and above 0
SAMPLE = 1_000_000  # values that a share of them is estimated from
BODY_SHARE = 0.98  # of the body's values that its window keeps
DARK = 0.15  # share of the values' range, from its low end, in which the air around lies
AIR_SPREAD = 4  # deviations above its middle up to which values are those of the air around
LEAST_BODY = 0.01  # share of the values; less is no body
STEPS = 100  # of the equal-frequency curve

_FASTAI = "fastai.medical.imaging, after Radiopaedia: Windowing (CT)"

WINDOWS = {
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


def apply_window(array, window, *, function=None, padding=None):
    """Grey as float32 in [0, 1], black to white, of the shape of `array`.

    Parameters
    ----------
    array : ndarray of any shape
        Values after the Modality LUT (rescale), for example HU.
    window : (center, width), Window or Curve
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
    PS3.3 C.11.2.1.1 (VOI LUT), C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT)

    Examples
    --------
    LINEAR is not ``center ± width / 2``: 8 bits shown as they are have the window (128, 256).

    >>> apply_window(np.array([0, 127.5, 255]), (128, 256)).tolist()
    [0.0, 0.5, 1.0]
    """
    values = np.asarray(array, np.float64)
    if isinstance(window, Curve):
        grey = np.interp(values, window.values, window.greys)
    else:
        grey = _windowed(values, float(window[0]), float(window[1]), function or getattr(window, "function", "LINEAR"))
    return (grey if padding is None else np.where(padding, 0, grey)).astype(np.float32)


def value_range(array, *, padding=None, share=1.0):
    """The `Window` (LINEAR_EXACT) from the lowest to the highest value, padding left out.

    Parameters
    ----------
    share : part of the values that the window keeps, the rarest at both ends cut off; below 1 it is
        taken from about a million evenly chosen values
    """
    step = 1 if share == 1 else max(1, np.size(array) // SAMPLE)
    return _spanning(_known(array, padding, step), share, f"{share:.0%} of the values shown")


def body_range(array, *, padding=None):
    """The `Window` (LINEAR_EXACT) that keeps 98 % of the body's values; padding and the air around it left out.

    Air is what the rim of the images shows, where that is dark and alike; an image whose rim shows a part of
    the body is taken whole. Estimated from about a million evenly chosen values.

    Parameters
    ----------
    array : (..., rows, columns)
    """
    values = _known(array, padding, max(1, np.size(array) // SAMPLE))
    body = values[values > _air(np.asarray(array), padding, values)]
    body = body if body.size > LEAST_BODY * values.size else values
    return _spanning(body, BODY_SHARE, "98 % of the values of the body, air around it and padding left out")


def equal_frequency(array, *, padding=None):
    """The `Curve` on which every grey is equally frequent, padding left out; that of fastai's ``hist_scaled``."""
    values = np.sort(_known(array, padding, max(1, np.size(array) // SAMPLE)))
    if not values.size:
        return Curve(np.zeros(1), np.zeros(1), "no values")
    shares = np.r_[0.001, np.arange(STEPS) / STEPS + 1 / (2 * STEPS), 0.999]
    breaks = np.unique(values[(values.size * shares).astype(int)])
    return Curve(breaks, np.linspace(0, 1, len(breaks)), "each grey equally frequent")


COMPUTED = {  # views taken from the values themselves, by name
    "body": body_range,
    "most values": lambda array, padding=None: value_range(array, padding=padding, share=0.99),
    "whole range": value_range,
    "equal frequency": equal_frequency,
}


def _known(array, padding, step):
    """Every so many-th value as one flat array, without padding and what is no number."""
    values = np.asarray(array).reshape(-1)[::step]
    kept = np.isfinite(values) if padding is None else np.isfinite(values) & ~np.asarray(padding).reshape(-1)[::step]
    return values[kept]


def _spanning(values, share, source):
    if not values.size:
        return Window(0.0, 1.0, "no values", "LINEAR_EXACT")
    ends = np.quantile(values, [(1 - share) / 2, (1 + share) / 2]) if share < 1 else (values.min(), values.max())
    low, high = map(float, ends)
    if high - low > 100:  # whole numbers are easier to read, and as good
        low, high = float(np.floor(low)), float(np.ceil(high))
    return Window((low + high) / 2, high - low or 1.0, source, "LINEAR_EXACT")


def _air(array, padding, values):
    """The highest value of the air around the body; below all values where the rim shows no air."""
    edges = [np.s_[..., 0, :], np.s_[..., -1, :], np.s_[..., :, 0], np.s_[..., :, -1]]
    rim = np.concatenate([_known(array[edge], None if padding is None else padding[edge], 1) for edge in edges])
    if not rim.size:
        return -np.inf
    low, middle = np.quantile(rim, [0.25, 0.5])
    deviation = (middle - low) / 0.6745  # of a normal distribution; above its middle the rim may show the body
    lowest, highest = np.quantile(values, [0.01, 0.99])
    return middle + AIR_SPREAD * deviation if middle - lowest < DARK * (highest - lowest) else -np.inf


def _windowed(values, center, width, function):
    _check(center, width, function)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    return _linear(values, center, width)


def _check(center, width, function):
    if function not in LEAST_WIDTH:
        raise WindowError(f"expected a VOI LUT function of {', '.join(LEAST_WIDTH)}, got {function!r} (C.11.2.1.3)")
    if not (np.isfinite(center) and 0 < width < np.inf and width >= LEAST_WIDTH[function]):
        need = "at least 1" if function == "LINEAR" else "above 0"
        raise WindowError(f"expected a finite center and a width {need} for {function}, got ({center:g}, {width:g})")


def _linear(values, center, width):
    if width == 1:  # both bounds fall together: a threshold
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
