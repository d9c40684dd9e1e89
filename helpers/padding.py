"""Where does an image hold no measured value?"""

import numpy as np

IMPOSSIBLE_HU = -1100  # below the air of any CT
FAR_HU = 200  # from padding to the next value, at least
LEAST_SHARE = 0.02  # of the image


def declared_padding(stored, header):
    """Where stored values lie between Pixel Padding Value and its Range Limit, as a boolean array; None where none does.

    The two may stand in either order, and are read with the sign of the pixels: 63536 in signed data means -2000.

    Parameters
    ----------
    stored : (rows, columns), before rescale
    header : `helpers.frame_header.FrameHeader`, or anything with ``get``

    References
    ----------
    PS3.3 C.7.5.1.1.2
    """
    prefix = "Float" if stored.dtype.kind == "f" else ""
    declared = [header.get(f"{prefix}{keyword}") for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    ends = [_with_sign_of(stored, value) for value in declared if isinstance(value, (int, float))]
    if not ends or not isinstance(declared[0], (int, float)):
        return None
    mask = (stored >= min(ends)) & (stored <= max(ends))
    return mask if mask.any() else None


def guessed_padding(values):
    """(mask, value) of padding that no header declares, in a CT image; (None, None) where there is no sign of it.

    A guess, to be labelled as one: all four corners hold the lowest value, it is below the air of any CT, far
    below the next value, and fills a good part of the image.

    Parameters
    ----------
    values : (rows, columns), after rescale, HU
    """
    low = values[0, 0]
    corners = values[[0, 0, -1, -1], [0, -1, 0, -1]]
    if low > IMPOSSIBLE_HU or (corners != low).any() or values.min() < low:
        return None, None
    mask = values == low
    rest = values[~mask]
    if mask.mean() < LEAST_SHARE or not rest.size or rest.min() < low + FAR_HU:
        return None, None
    return mask, float(low)


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
