"""How do values become grey? Pure numpy."""

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


LEAST_WIDTH = {"LINEAR": 1, "LINEAR_EXACT": 0, "SIGMOID": 0}  # and above 0
SHARES = {"whole range": 1.0, "most values": 0.99}  # windows taken from the values themselves
SAMPLE = 1_000_000  # values that a share of them is estimated from

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


def apply_window(array, window, *, function="LINEAR", padding=None):
    """Grey as float32 in [0, 1], black to white, of the shape of `array`.

    Parameters
    ----------
    array : ndarray of any shape
        Values after the Modality LUT (rescale), for example HU.
    window : (center, width) or Window
        In the unit of `array`.
    function : {"LINEAR", "LINEAR_EXACT", "SIGMOID"}
        VOI LUT Function (0028,1056); LINEAR is what a file means that names none.
    padding : boolean ndarray like `array`, or None
        Where True the result is 0: padding is no measured value.

    Raises
    ------
    WindowError
        For a width or a function that the standard does not allow.

    References
    ----------
    PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT)

    Examples
    --------
    LINEAR is not ``center ± width / 2``: 8 bits shown as they are have the window (128, 256).

    >>> apply_window(np.array([0, 127.5, 255]), (128, 256)).tolist()
    [0.0, 0.5, 1.0]
    """
    center, width = float(window[0]), float(window[1])
    _check(center, width, function)
    values = np.asarray(array, np.float64)
    if function == "SIGMOID":
        grey = 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    elif function == "LINEAR_EXACT":
        grey = np.clip((values - center) / width + 0.5, 0, 1)
    else:
        grey = _linear(values, center, width)
    return _without(grey, padding).astype(np.float32)


def value_range(array, *, padding=None, share=1.0):
    """The `Window` (LINEAR_EXACT) from the lowest to the highest value, padding left out.

    Parameters
    ----------
    share : part of the values that the window keeps, the rarest at both ends cut off; below 1 it is
        taken from about a million evenly chosen values
    """
    values = np.asarray(array)
    values = values[np.isfinite(values) & (True if padding is None else ~padding)]
    if not values.size:
        return Window(0.0, 1.0, "no values", "LINEAR_EXACT")
    sample = values if share == 1 else values[:: max(1, values.size // SAMPLE)]
    low, high = np.quantile(sample, [(1 - share) / 2, (1 + share) / 2]) if share < 1 else (sample.min(), sample.max())
    low, high = float(low), float(high)
    return Window((low + high) / 2, high - low or 1.0, f"{share:.0%} of the values shown", "LINEAR_EXACT")


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


def _without(grey, padding):
    return grey if padding is None else np.where(padding, 0, grey)
