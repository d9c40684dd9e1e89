"""What are the values of a stack's images, as one array?"""

from functools import partial
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from helpers.headers.fast_reader import Elements
from helpers.pixels.auto_window import body_range
from helpers.pixels.frame_header import RowHeader
from helpers.pixels.image import Image, read_image, read_images
from helpers.pixels.luts import WINDOW_KEYWORDS, rescaled_type, stored_range, unit_of, voi_luts_of
from helpers.pixels.padding import declared_padding, guessed_padding, with_mask
from helpers.runtime import in_threads
from helpers.slices.grid import StackError, is_per_frame

KINDS = [
    np.dtype(kind) for kind in (np.int16, np.int32, np.float32)
]  # each fits into those behind it
TOGETHER = 16  # images that a thread reads one after the other


class Voxels(NamedTuple):
    """Values (slices, rows, columns), where they are padding (or None), what was guessed, and what the files say of them."""

    array: np.ndarray
    padding: np.ndarray | None
    guess: float | None  # the value of padding that no header declares
    windows: dict
    first: Image


class NeedsWiderDtype(Exception):
    """Values that need a wider type than those before them."""

    def __init__(self, kind):
        self.kind = kind


def read_voxels(slices, progress=tqdm):
    """The `Voxels` of the slices, in their order; `progress` makes a progress bar as tqdm does.

    In threads, each image into its place: uncompressed values are read straight there (`helpers.volume.voxels`), all
    others decoded; beside the result there are never more than a few images in memory.
    """
    frames = slices["frame"].tolist() if is_per_frame(slices) else [0] * len(slices)
    places = list(zip(slices.index.tolist(), frames))
    progress = partial(progress, desc="Loading slices", total=len(places))
    first = read_image(*places[0])
    if first.pixels.ndim != 2:
        raise StackError(
            f"expected grey values, got colour in {places[0][0]}: see load_slice(path)"
        )
    array, padding, guesses, windows = _read(places, progress) or _decode(places, first, progress)
    guess = next((guess for guess in guesses if guess is not None), None)
    return Voxels(array, padding, guess, _common_windows(windows, array, padding), first)


def _read(places, progress):
    """(array, padding or None, guesses, windows) of uncompressed images; None where they are not surely plain."""
    headers = (
        None if any(frame for _, frame in places) else plain_headers([path for path, _ in places])
    )
    if headers is None:
        return None
    array = array_for(headers)
    place = partial(_place_plain, places, headers, windows_of(headers), array)
    try:
        return array, *_fill(array, place, places, progress)
    except FastPathNotApplicable:
        return None


def _decode(places, first, progress):
    """(array, padding or None, guesses, windows) of the images at (path, frame), each like the `first`."""
    kind = first.pixels.dtype
    while True:
        array = np.empty((len(places), *first.pixels.shape), kind)
        try:
            return array, *_fill(
                array, partial(_place_decoded, places, array, first.inverted), places, progress
            )
        except NeedsWiderDtype as error:
            kind = error.kind


def _fill(array, place, places, progress):
    """(padding or None, guesses, windows) of what `place` puts into the array and tells of each image."""
    padding, guesses, windows = None, [], []
    with in_threads(place, _chunks(places)) as results, progress() as bar:
        for found in results:
            for number, mask, guess, own in found:
                padding = with_mask(padding, number, mask, array.shape)
                guesses.append(guess)
                windows.append(own)
            bar.update(len(found))
    return padding, guesses, windows


def _place_plain(places, headers, windows, array, numbers):
    """Reads some uncompressed images into their places; returns (number, padding or None, guess, windows) of each."""
    return [
        (number, *place_values(places[number][0], headers[number], array[number]), windows[number])
        for number in numbers
    ]


def _place_decoded(places, array, inverted, numbers):
    """Decodes some images into their places; returns (number, padding or None, guess, windows) of each."""
    found = []
    for number, image in zip(numbers, read_images([places[number] for number in numbers])):
        _check(image, array, inverted, places[number][0])
        if KINDS.index(image.pixels.dtype) > KINDS.index(array.dtype):
            raise NeedsWiderDtype(image.pixels.dtype)
        array[number] = image.pixels
        found.append((number, image.padding, image.guess, image.windows))
    return found


def _check(image, array, inverted, path):
    """Refuses an image that is not like the others of its stack."""
    if image.pixels.shape != array.shape[1:]:
        raise StackError(
            f"expected an image of {array.shape[1:]} pixels, got {image.pixels.shape} in {path}"
        )
    if image.inverted != inverted:
        raise StackError(
            f"expected one sense of grey in all images, got MONOCHROME1 beside MONOCHROME2 in {path}: "
            "load the rows of each Photometric Interpretation by itself"
        )


def _chunks(places):
    """Lists of numbers of places that one thread takes together."""
    for start in range(0, len(places), TOGETHER):
        yield range(start, min(start + TOGETHER, len(places)))


def _common_windows(windows, array, padding):
    """The files' windows where all have the same; else one from the values, good for every slice."""
    if windows[0] and all(_alike(own, windows[0]) for own in windows):
        return windows[0]
    return {"body": body_range(array, padding=padding)}


def _alike(one, other):
    """Whether two files offer the same views."""
    if one is other:
        return True
    return list(one) == list(other) and all(
        np.array_equal(a, b) for name in one for a, b in zip(one[name], other[name])
    )


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
RESCALE = {
    "RescaleSlope": 1.0,
    "RescaleIntercept": 0.0,
}  # and what stands for them where they are absent
ALSO = [
    *("HighBit", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("Modality", "RescaleType", *WINDOW_KEYWORDS),
]


class FastPathNotApplicable(Exception):
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
    return [
        found.get(key) or found.setdefault(key, voi_luts_of(header))
        for key, header in zip(keys, headers)
    ]


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
    FastPathNotApplicable
        Where they are too few, or use bits that Bits Stored does not allow: those are pydicom's to interpret.
    """
    stored = np.dtype("<i2" if header.get("PixelRepresentation") else "<u2")
    slope, intercept = _rescale(header)
    in_place = here.dtype == np.int16 and slope == 1 and abs(intercept) < 2**15
    values = here.view(stored) if in_place else np.empty(here.shape, stored)
    _read_stored(values, path, header.get("pixel_offset"))
    _check_range(values, header)
    mask, guess = declared_padding(values, header), None
    if in_place:
        here += np.int16(intercept)  # what wraps around in between comes back
    elif here.dtype.kind == "i":
        np.add(
            values * np.int64(slope) if slope != 1 else values,
            int(intercept),
            out=here,
            casting="unsafe",
            dtype=np.int64,
        )
    else:
        here[...] = values * slope + intercept
    if mask is None and unit_of(header) == "HU":
        mask, guess = guessed_padding(here)
    return mask, guess


def _is_plain(row):
    """Whether a header says all that is needed, and that nothing more is to be done."""
    known = (
        all(isinstance(row.get(keyword), int) for keyword in SAME)
        and row["error"] is None
        and row["pixel_offset"]
    )
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


def _read_stored(values, path, offset):
    """Reads the stored values of a file, which must have enough of them."""
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        if file.readinto(memoryview(values).cast("B")) != values.nbytes:
            raise FastPathNotApplicable


def _check_range(values, header):
    bits = header.get("BitsStored")
    if bits == 16:
        return
    low, high = stored_range(bits, header.get("PixelRepresentation"))
    if values.max() > high or (low < 0 and values.min() < low):
        raise FastPathNotApplicable
