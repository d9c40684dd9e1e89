"""Where does an image hold no measured value?"""

import numpy as np

IMPOSSIBLE_HU = -1100  # below the air of any CT
BLUR_HU = 100  # by which lossy compression may change padding
FAR_HU = 300  # from padding to the next value, at least
LEAST_SHARE = 0.02  # of the image
MOST_BETWEEN = 0.005  # of the image: blurred edges of the padding


def declared_padding(stored, header):
    """Where stored values lie between Pixel Padding Value and its Range Limit, as a boolean array; None where none does.

    The two may stand in either order, and are read with the sign of the pixels: 63536 in signed data means -2000.

    Parameters
    ----------
    stored : (rows, columns), before rescale
    header : `helpers.pixels.frame_header.FrameHeader`, or anything with ``get``

    References
    ----------
    PS3.3 C.7.5.1.1.2
    """
    prefix = {"f4": "Float", "f8": "DoubleFloat"}.get(stored.dtype.str[1:], "")
    declared = [
        header.get(f"{prefix}{keyword}")
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
    ]
    ends = [_with_sign_of(stored, value) for value in declared if isinstance(value, (int, float))]
    if not ends or not isinstance(declared[0], (int, float)):
        return None
    mask = (stored >= min(ends)) & (stored <= max(ends))
    return mask if mask.any() else None


def guessed_padding(values):
    """(mask, value) of padding that no header declares, in a CT image; (None, None) where there is no sign of it.

    A guess, to be labelled as one: all four corners hold about the same value below the air of any CT, it fills a
    good part of the image, and hardly any value is a little above it. Lossy compression blurs it: what is nearer to
    it than to the next values belongs to it.

    Parameters
    ----------
    values : (rows, columns), after rescale, HU
    """
    corners = values[[0, 0, -1, -1], [0, -1, 0, -1]]
    if corners.max() > IMPOSSIBLE_HU or np.ptp(corners.astype(float)) > BLUR_HU:
        return None, None
    value = float(np.median(corners))
    mask = values < value + BLUR_HU
    between = (values < value + FAR_HU) & ~mask
    if mask.mean() < LEAST_SHARE or mask.all() or between.mean() > MOST_BETWEEN:
        return None, None
    return mask | between, value


def _with_sign_of(stored, value):
    """The 16-bit value read with the sign of the pixels."""
    if stored.dtype.kind == "i" and value > 32767:
        return value - 65536
    return value + 65536 if stored.dtype.kind == "u" and value < 0 else value


def with_mask(padding, place, mask, shape):
    """The padding of a volume of some shape with the mask (None for nowhere) of one slice put in; None where there is none."""
    if mask is None:
        return padding
    padding = np.zeros(shape, bool) if padding is None else padding
    padding[place] = mask
    return padding
