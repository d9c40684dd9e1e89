"""What are the voxels of uncompressed images? Reads their values straight into their place.

Only what is surely plain is read here: one grey value of 16 bits a pixel, little endian, no look-up table.
Everything else is left to `helpers.pixels`, which gives the same values.
"""

import numpy as np

from helpers.elements import Elements
from helpers.frame_header import RowHeader
from helpers.padding import declared_padding, guessed_padding
from helpers.rescale import rescaled_type, stored_range, unit_of
from helpers.views import WINDOW_KEYWORDS, views_of

SAME = ["Rows", "Columns", "BitsStored", "PixelRepresentation"]  # of all images of a stack
PLAIN = {  # what they must say
    "TransferSyntaxUID": {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"},
    "BitsAllocated": {16},
    "SamplesPerPixel": {1},
    "PhotometricInterpretation": {"MONOCHROME1", "MONOCHROME2"},
    "NumberOfFrames": {None, 1},
    "PixelRepresentation": {0, 1},
    "ModalityLUTSequence": {None},
    "VOILUTSequence": {None},
    "SharedFunctionalGroupsSequence": {None},
}
RESCALE = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0}  # and what stands for them where they are absent
ALSO = [
    *("HighBit", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("Modality", "RescaleType", *WINDOW_KEYWORDS),
]


class UnsureError(Exception):
    """Values that are not plain after all."""


def plain_headers(paths):
    """The headers (`RowHeader`) of files with one image each; None where they are not surely plain and alike."""
    reader = Elements([*SAME, *PLAIN, *RESCALE, *ALSO])
    rows = [reader.row(path) for path in paths]
    if not all(row is not None and _is_plain(row) and _is_like(row, rows[0]) for row in rows):
        return None
    return list(map(RowHeader, rows))


def windows_of(headers):
    """The windows of each header; those that are alike are one object."""
    found = {}
    keys = [tuple(header.get(keyword) for keyword in WINDOW_KEYWORDS) for header in headers]
    return [found.get(key) or found.setdefault(key, views_of(header)) for key, header in zip(keys, headers)]


def array_for(headers):
    """An array (slices, rows, columns), not filled, of the type that holds every value that the headers allow.

    int16 where that range fits, else int32; float32 where a slope or an intercept is fractional.
    """
    shape = len(headers), headers[0].get("Rows"), headers[0].get("Columns")
    return np.empty(shape, max(map(_type_of, headers), key=_width))


def place_values(path, header, here):
    """Puts the rescaled values of one file into their place.

    Returns
    -------
    (where they are padding or None, the value of padding that no header declares or None)

    Raises
    ------
    UnsureError
        Where they are too few, or use bits that Bits Stored does not allow: those are pydicom's to interpret.
    """
    stored = np.dtype("<i2" if header.get("PixelRepresentation") else "<u2")
    slope, intercept = _rescale(header)
    in_place = here.dtype == np.int16 and slope == 1 and abs(intercept) < 2**15
    values = here.view(stored) if in_place else np.empty(here.shape, stored)
    _fill(values, path, header.get("pixel_offset"))
    _check_range(values, header)
    mask, guess = declared_padding(values, header), None
    if in_place:
        here += np.int16(intercept)  # what wraps around in between comes back
    elif here.dtype.kind == "i":
        np.add(values * np.int64(slope) if slope != 1 else values, int(intercept), out=here, casting="unsafe", dtype=np.int64)
    else:
        here[...] = values * slope + intercept
    if mask is None and unit_of(header) == "HU":
        mask, guess = guessed_padding(here)
    return mask, guess


def _is_plain(row):
    """Whether a header says all that is needed, and that nothing more is to be done."""
    known = all(isinstance(row.get(keyword), int) for keyword in SAME) and row["error"] is None and row["pixel_offset"]
    known = known and row["Rows"] * row["Columns"] > 0
    numbers = all(_is_finite(row.get(keyword, absent)) for keyword, absent in RESCALE.items())
    plain = all(row.get(keyword) in allowed for keyword, allowed in PLAIN.items())
    return bool(known and numbers and plain and row.get("HighBit") == row["BitsStored"] - 1 <= 15)


def _is_like(row, first):
    return all(row[keyword] == first[keyword] for keyword in [*SAME, "PhotometricInterpretation"])


def _is_finite(value):
    return isinstance(value, float) and np.isfinite(value)


def _rescale(header):
    return tuple(header.get(keyword, absent) for keyword, absent in RESCALE.items())


def _type_of(header):
    ends = stored_range(header.get("BitsStored"), header.get("PixelRepresentation"))
    return rescaled_type(ends, *_rescale(header))


def _width(kind):
    return (np.int16, np.int32, np.float32).index(kind)


def _fill(values, path, offset):
    """Reads the stored values of a file, which must have enough of them."""
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        if file.readinto(memoryview(values).cast("B")) != values.nbytes:
            raise UnsureError


def _check_range(values, header):
    bits = header.get("BitsStored")
    if bits == 16:
        return
    low, high = stored_range(bits, header.get("PixelRepresentation"))
    if values.max() > high or (low < 0 and values.min() < low):
        raise UnsureError
