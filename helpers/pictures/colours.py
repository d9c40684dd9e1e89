"""Which colour stands for a value? Tables that rise in lightness, for colour-blind readers too."""

import numpy as np
from matplotlib import colormaps

TABLE_SIZE = 256


def colour_table(name: str = "inferno") -> np.ndarray:
    """The colours (256, 3) uint8 of a map of matplotlib, from its lowest value to its highest."""
    shares = np.linspace(0, 1, TABLE_SIZE)
    return np.round(255 * colormaps[name](shares)[:, :3]).astype(np.uint8)
