"""Which colour stands for a value? Tables that rise in lightness, for colour-blind readers too."""

import numpy as np
from matplotlib import colormaps

TABLE_SIZE = 256
LABEL_COLOURS = (  # of Okabe and Ito, that colour-blind readers tell apart, and white; dark last
    *("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#ffffff", "#0072b2"),
)
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


def label_colour(value: int) -> str:
    """The colour of a label by its value, counted from 1; beyond eight they come again."""
    return LABEL_COLOURS[(value - 1) % len(LABEL_COLOURS)]


def is_repeated_colour(value: int) -> bool:
    """Whether another label before it has the colour of a label already."""
    return value > len(LABEL_COLOURS)
