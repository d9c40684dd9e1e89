"""Which views of its values does a file offer?"""

import numpy as np

from helpers.luts import lut_of
from helpers.rescale import can_be_negative
from helpers.window import LEAST_WIDTH, Curve, Window

OWN = "the file's own"
WINDOW_KEYWORDS = [
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
]  # all that windows are made of


def views_of(header):
    """The file's windows and look-up tables by name, the first of them the default.

    They are alternatives: one of them is applied, never two (PS3.3 C.11.2). Windows come before tables. A window
    that its function gives no meaning, and a table that is not whole, are left out (C.11.2.1.1 to C.11.2.1.3).

    Parameters
    ----------
    header : `helpers.frame_header.FrameHeader`

    Returns
    -------
    dict of name → `helpers.window.Window` or `helpers.window.Curve`
    """
    found = {}
    for name, view in [*_windows(header), *_curves(header)]:
        while name in found:
            name = f"{name} {len(found) + 1}"
        found[name] = view
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


def _curves(header):
    for number, item in enumerate(header.get("VOILUTSequence") or ()):
        try:
            lut = lut_of(item, "VOILUTSequence", negative=can_be_negative(header))
        except ValueError:
            continue
        values = lut.first + np.arange(len(lut.entries))
        yield lut.explanation or f"look-up table {number + 1}", Curve(values, lut.entries / (2**lut.bits - 1), OWN)
