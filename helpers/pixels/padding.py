"""Where does an image hold no measured value?"""

import math

import numpy as np

from helpers.pixels.frame_header import FrameHeader

BELOW_AIR_HU = -1100  # no CT measures less
BLUR_HU = 100  # by which lossy compression may change padding
GAP_HU = 300  # from padding to the next value, at least
MIN_PADDED_SHARE = 0.02  # of the image
MAX_SHARE_IN_GAP = 0.005  # of the image: blurred edges of the padding


def declared_padding(stored: np.ndarray, header: FrameHeader) -> np.ndarray | None:
    """Where stored values lie between Pixel Padding Value and its Range Limit; None for nowhere.

    The two may stand in either order, and are read with the sign of the pixels: 63536 in signed
    data means -2000.

    Parameters
    ----------
    stored : (rows, columns), before rescale

    Returns
    -------
    (rows, columns), boolean

    References
    ----------
    PS3.3 C.7.5.1.1.2
    """
    prefix = {"f4": "Float", "f8": "DoubleFloat"}.get(stored.dtype.str[1:], "")
    value = header.get(f"{prefix}PixelPaddingValue")
    limit = header.get(f"{prefix}PixelPaddingRangeLimit")
    if not isinstance(value, (int, float)):
        return None
    ends = np.array([end for end in (value, limit) if isinstance(end, (int, float))])
    ends = ends.astype({"i": np.int16, "u": np.uint16}.get(stored.dtype.kind, stored.dtype))
    low, high = ends.min(), ends.max()
    mask = stored == low if low == high else (stored >= low) & (stored <= high)
    return mask if mask.any() else None


def guessed_padding(values: np.ndarray) -> tuple[np.ndarray | None, float | None]:
    """(mask, value) of padding that no header of a CT declares; (None, None) without a sign of it.

    A guess, to be labelled as one: all four corners hold about the same value below the air of any
    CT, it fills a good part of the image, and hardly any value is a little above it. Lossy
    compression blurs it: what is nearer to it than to the next values belongs to it.

    Parameters
    ----------
    values : (rows, columns), after rescale, HU
    """
    if values[0, 0] > BELOW_AIR_HU:
        return None, None
    corners = values[[0, 0, -1, -1], [0, -1, 0, -1]]
    if corners.max() > BELOW_AIR_HU or np.ptp(corners.astype(float)) > BLUR_HU:
        return None, None
    value = float(np.median(corners))
    mask, near = padding_of(values, value), padding_of(values, value, BLUR_HU)
    sure = near.mean()
    if sure < MIN_PADDED_SHARE or near.all() or mask.mean() - sure > MAX_SHARE_IN_GAP:
        return None, None
    return mask, value


def padding_of(values: np.ndarray, value: float, beyond: int = GAP_HU) -> np.ndarray:
    """Where values are less than `beyond` above that of the padding, boolean of their shape."""
    end = value + beyond
    return values < (math.ceil(end) if values.dtype.kind == "i" else end)
