"""How do values become grey? By one view of them: a window, or a curve. Pure numpy."""

from typing import NamedTuple

import numpy as np

from helpers.errors import ClearError


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
        return f"C {self.center:.5g} W {self.width:.5g} {unit}".strip()


class VoiLut(NamedTuple):
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
        return f"{self.limits[0]:.5g} to {self.limits[1]:.5g} {unit}".strip()


LEAST_WIDTH = {"LINEAR": 1, "LINEAR_EXACT": 0, "SIGMOID": 0}  # and above 0

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
    PS3.3 C.11.2.1.1 (VOI LUT), C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT)

    Examples
    --------
    LINEAR is not ``center ± width / 2``: 8 bits shown as they are have the window (128, 256).

    >>> apply_window(np.array([0, 127.5, 255]), (128, 256)).tolist()
    [0.0, 0.5, 1.0]
    """
    values = np.asarray(array, np.float64)
    view = as_window(window)
    if isinstance(view, VoiLut):
        grey = np.interp(values, view.values, view.greys)
    else:
        grey = _windowed(values, view.center, view.width, function or view.function)
    return (grey if padding is None else np.where(padding, 0, grey)).astype(np.float32)


def as_window(wanted):
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
        center, width = wanted
        return Window(float(center), float(width))
    except (TypeError, ValueError):
        raise WindowError(f"expected a name, a Window or (center, width), got {wanted!r}") from None


def _windowed(values, center, width, function):
    _check(center, width, function)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    return _linear(values, center, width)


def _check(center, width, function):
    if function not in LEAST_WIDTH:
        raise WindowError(
            f"expected a VOI LUT function of {', '.join(LEAST_WIDTH)}, got {function!r} (C.11.2.1.3)"
        )
    if not (np.isfinite(center) and 0 < width < np.inf and width >= LEAST_WIDTH[function]):
        need = "at least 1" if function == "LINEAR" else "above 0"
        raise WindowError(
            f"expected a finite center and a width {need} for {function}, got ({center:g}, {width:g})"
        )


def _linear(values, center, width):
    if width == 1:  # both bounds fall together: a threshold
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
