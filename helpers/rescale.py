"""What do stored values mean?"""

import numpy as np

from helpers.luts import luts_of


def rescaled(stored, header):
    """Stored values through the Modality LUT: a table where there is one, else slope and intercept.

    ``stored * slope + intercept`` in a type that holds every possible value: int16, else int32, else float32. A
    table or a slope of the frame's functional groups comes before that of the file.

    Parameters
    ----------
    stored : (rows, columns)
    header : `helpers.frame_header.FrameHeader`

    Raises
    ------
    ValueError
        Where slope or intercept is no number, or the table is not whole.

    References
    ----------
    PS3.3 C.11.1
    """
    if luts := luts_of(header, "ModalityLUTSequence", negative=stored.dtype.kind == "i"):
        return luts[0].of(stored)
    slope, intercept = header.number("RescaleSlope", 1.0), header.number("RescaleIntercept", 0.0)
    if stored.dtype.kind not in "iu" or slope % 1 or intercept % 1:
        return (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    ends = stored_range(int(header.get("BitsStored", 16)), header.get("PixelRepresentation", 0))
    kind = rescaled_type((*ends, int(stored.min()), int(stored.max())), slope, intercept)
    if kind == np.float32:
        return (stored.astype(np.float64) * slope + intercept).astype(kind)
    return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(kind)


def rescaled_type(ends, slope, intercept):
    """The type of ``stored * slope + intercept`` for stored values within `ends`: int16, else int32, else float32."""
    reach = [end * slope + intercept for end in ends]
    for kind in () if slope % 1 or intercept % 1 else (np.int16, np.int32):
        if np.iinfo(kind).min <= min(reach) and max(reach) <= np.iinfo(kind).max:
            return kind
    return np.float32


def can_be_negative(header):
    """Whether the header allows values below 0 after the Modality LUT."""
    if header.get("ModalityLUTSequence"):
        return False
    ends = stored_range(int(header.get("BitsStored", 16)), header.get("PixelRepresentation", 0))
    slope, intercept = header.number("RescaleSlope", 1.0), header.number("RescaleIntercept", 0.0)
    return min(end * slope + intercept for end in ends) < 0


def stored_range(bits, signed):
    """The lowest and the highest value that so many bits hold."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def unit_of(header):
    """Unit of the rescaled values: what Rescale Type or Modality LUT Type says, HU for CT (PS3.3 C.11.1.1.2, C.8.2.1)."""
    luts = header.get("ModalityLUTSequence")
    kind = luts[0].get("ModalityLUTType") if luts else header.get("RescaleType")
    if kind:
        return "" if kind == "US" else str(kind)  # US: unspecified
    return "HU" if header.get("Modality") == "CT" and not luts and header.get("RescaleIntercept") is not None else ""
