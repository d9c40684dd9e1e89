"""Which colour stands for a value? Tables that rise in lightness, for colour-blind readers too."""

import numpy as np
from matplotlib import colormaps

TABLE_SIZE = 256
CLEAR_SHARE = 0.25  # of the colours, from the lowest, that grow from clear to opaque


def colour_table() -> np.ndarray:
    """Colours (256, 3) uint8 of matplotlib's inferno, from its lowest value to its highest."""
    shares = np.linspace(0, 1, TABLE_SIZE)
    return np.round(255 * colormaps["inferno"](shares)[:, :3]).astype(np.uint8)


def heat() -> np.ndarray:
    """Colours (256, 4) uint8, RGBA: the lowest is clear, so that what lies below is seen there."""
    opaque = np.minimum(1, np.linspace(0, 1, TABLE_SIZE) / CLEAR_SHARE)
    return np.c_[colour_table(), np.round(255 * opaque).astype(np.uint8)]


def coloured(grey: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The colours of a table (256, channels) that stand for greys from 0 to 1, of any shape."""
    return table[np.round((len(table) - 1) * grey).astype(int)]
