"""What are the voxels of uncompressed images? Reads their values straight into their place.

Only what is surely plain is read here: one grey value of 16 bits a pixel, little endian, no look-up table.
Everything else is left to `helpers.pixels`, which gives the same values.
"""

import numpy as np

from helpers.elements import Elements
from helpers.pixels import FrameHeader, padding_of, rescaled_type, windows_of

UNSURE = object()
SAME = ["Rows", "Columns", "BitsStored", "PixelRepresentation"]  # of all images of a stack
PLAIN = {  # what they must say
    "TransferSyntaxUID": {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"},
    "BitsAllocated": {16},
    "SamplesPerPixel": {1},
    "PhotometricInterpretation": {"MONOCHROME1", "MONOCHROME2"},
    "NumberOfFrames": {None, 1},
    "PixelRepresentation": {0, 1},
    "ModalityLUTSequence": {None},
    "SharedFunctionalGroupsSequence": {None},
}
RESCALE = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0}  # and what stands for them where they are absent
ALSO = [
    *("HighBit", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"),
]


def read_native(paths, step=iter):
    """(array, padding or None, windows) of the values of files with one image each; None where they are not surely plain.

    Parameters
    ----------
    paths : list of str, in the order of the slices
    step : function that goes through the slices as they are read, such as a progress bar

    Returns
    -------
    array (slices, rows, columns), rescaled: int16 where the possible range fits, else int32; float32 where a slope or an
        intercept is fractional. padding: boolean array, or None where no value is padding (PS3.3 C.7.5.1.1.2).
        windows: those of each file, by name
    """
    reader = Elements([*SAME, *PLAIN, *RESCALE, *ALSO])
    rows = [reader.row(path) for path in paths]
    if not all(row is not None and _is_plain(row) and _is_like(row, rows[0]) for row in rows):
        return None
    first = rows[0]
    stored = np.dtype("<i2" if first["PixelRepresentation"] else "<u2")
    array = np.empty((len(rows), first["Rows"], first["Columns"]), max(map(_type_of, rows), key=_width))
    masks = [_place(path, row, here, stored) for path, row, here in step(zip(paths, rows, array))]
    if any(mask is UNSURE for mask in masks):
        return None
    return array, _together(masks, array.shape), [windows_of(Row(row)) for row in rows]


class Row(FrameHeader):
    """The header of a file with one image, from its row instead of its data set."""

    def __init__(self, row):
        self._places = [row]


def _place(path, row, here, stored):
    """Puts the values of one file into their place; returns where they are padding (None for nowhere), or `UNSURE`."""
    slope, intercept = _rescale(row)
    in_place = here.dtype == np.int16 and slope == 1 and abs(intercept) < 2**15
    values = here.view(stored) if in_place else np.empty(here.shape, stored)
    if not _fill(values, path, row) or not _fits(values, slope, intercept, here.dtype):
        return UNSURE
    mask = padding_of(values, row)
    if in_place:
        here += np.int16(intercept)  # what wraps around in between comes back
    elif here.dtype.kind == "i":
        np.add(values * np.int64(slope) if slope != 1 else values, int(intercept), out=here, casting="unsafe", dtype=np.int64)
    else:
        here[...] = values * slope + intercept
    return mask


def _together(masks, shape):
    """The masks of all slices as one array; None where there is none."""
    if not any(mask is not None for mask in masks):
        return None
    padding = np.zeros(shape, bool)
    for place, mask in enumerate(masks):
        if mask is not None:
            padding[place] = mask
    return padding


def _is_plain(row):
    """Whether a header says all that is needed, and that nothing more is to be done."""
    known = all(isinstance(row.get(keyword), int) for keyword in SAME) and row["error"] is None and row["pixel_offset"]
    known = known and row["Rows"] * row["Columns"] > 0
    numbers = all(isinstance(row.get(keyword, absent), float) for keyword, absent in RESCALE.items())
    plain = all(row.get(keyword) in allowed for keyword, allowed in PLAIN.items())
    return bool(known and numbers and plain and row.get("HighBit") == row["BitsStored"] - 1 <= 15)


def _is_like(row, first):
    return all(row[keyword] == first[keyword] for keyword in SAME)


def _rescale(row):
    return tuple(row.get(keyword, absent) for keyword, absent in RESCALE.items())


def _type_of(row):
    """The type that holds every value that the header allows."""
    slope, intercept = _rescale(row)
    bits, signed = row["BitsStored"], row["PixelRepresentation"]
    return rescaled_type((-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1), slope, intercept)


def _width(kind):
    return (np.int16, np.int32, np.float32).index(kind)


def _fill(values, path, row):
    """Reads the stored values of a file; whether there were enough."""
    with open(path, "rb", buffering=0) as file:
        file.seek(row["pixel_offset"])
        return file.readinto(memoryview(values).cast("B")) == values.nbytes


def _fits(values, slope, intercept, kind):
    """Whether what is there, whatever the header allows, fits into the array."""
    if kind.kind == "f":
        return True
    low = 0 if values.dtype.kind == "u" else values.min()
    ends = [int(end) * slope + intercept for end in (low, values.max())]
    return np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max
