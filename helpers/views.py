"""Which views of its values does a file offer?"""

import numpy as np

from helpers.luts import luts_of
from helpers.window import LEAST_WIDTH, Curve, Window

OWN = "the file's own"
WINDOW_KEYWORDS = [
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
]  # all that windows are made of


def views_of(header, *, negative=True):
    """The file's windows and look-up tables by name, the first of them the default.

    They are alternatives: one of them is applied, never two (PS3.3 C.11.2). Windows come before tables. What
    its function gives no meaning is left out (C.11.2.1.2, C.11.2.1.3).

    Parameters
    ----------
    header : `helpers.frame_header.FrameHeader`
    negative : whether the values, after rescale, can be negative

    Returns
    -------
    dict of name → `helpers.window.Window` or `helpers.window.Curve`
    """
    found = {}
    for name, view in [*_windows(header), *_curves(header, negative)]:
        found[name if name not in found else f"{name} {len(found) + 1}"] = view
    return found


def _windows(header):
    function = str(header.get("VOILUTFunction", "LINEAR"))
    least = LEAST_WIDTH.get(function, np.inf)
    names = header.get("WindowCenterWidthExplanation") or []
    names = [names] if isinstance(names, str) else list(names)
    for number, (center, width) in enumerate(zip(header.floats("WindowCenter"), header.floats("WindowWidth"))):
        name = str(names[number]) if number < len(names) and names[number] else f"window {number + 1}"
        if np.isfinite(center) and least <= width < np.inf and width > 0:
            yield name, Window(center, width, OWN, function)


def _curves(header, negative):
    for number, lut in enumerate(luts_of(header, "VOILUTSequence", negative=negative)):
        values = lut.first + np.arange(len(lut.entries))
        yield lut.explanation or f"look-up table {number + 1}", Curve(values, lut.entries / (2**lut.bits - 1), OWN)
