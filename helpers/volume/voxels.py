"""What are the values of a stack's images, as one array?"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.headers.elements import FastPathNotApplicable
from helpers.headers.fast_reader import FastReader
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.image import Image, OpenFiles
from helpers.pixels.luts import (
    DTYPES,
    WINDOW_KEYWORDS,
    rescale,
    rescaled_dtype,
    slope_and_intercept,
    stored_range,
    unit_of,
    voi_luts_of,
)
from helpers.pixels.padding import declared_padding, guessed_padding
from helpers.pixels.window import VoiLut, Window, body_range
from helpers.runtime import in_threads
from helpers.slices.arrays import frames_of, paths_of
from helpers.slices.grid import StackError
from helpers.volume.unchanged import COMPARED, check_unchanged, expected_values

IMAGES_PER_TASK = 16  # that a thread reads one after the other
# what a header must say for values to be read from the file as they are
UNCOMPRESSED: dict[str, set[Any]] = {
    "TransferSyntaxUID": {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"},
    "BitsAllocated": {16},
    "SamplesPerPixel": {1},
    "PhotometricInterpretation": {"MONOCHROME1", "MONOCHROME2"},
    "NumberOfFrames": {None, 1},
    "PixelRepresentation": {0, 1},
    "ModalityLUTSequence": {None},
    "VOILUTSequence": {None},
    "DoseGridScaling": {None},
    "SharedFunctionalGroupsSequence": {None},
    "PerFrameFunctionalGroupsSequence": {None},
}
RESCALE = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0}  # and what an absent one means
SIZES = ["Rows", "Columns", "BitsStored"]
EQUAL_IN_ALL = [*SIZES, "PixelRepresentation", "PhotometricInterpretation"]
OTHER_KEYWORDS = [
    *("HighBit", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("Modality", "RescaleType", *WINDOW_KEYWORDS, *COMPARED),
]

Windows: TypeAlias = dict[str, Window | VoiLut]


class NeedsWiderDtype(Exception):
    """A value's type, which is wider than that of the values before."""


class Wanted(NamedTuple):
    """An image of a stack."""

    path: str
    frame: int
    expected: dict[str, Any]  # what its row says of the file


def read_voxels(slices: pd.DataFrame, progress: Callable[..., Any] = tqdm) -> Image:
    """The images of a stack, in their order, as one `Image` of arrays (slices, rows, columns).

    Its header is that of the first image. In threads, each image straight into its part of the
    array: uncompressed values are read there, all others decoded. Beside the result there are
    never more than a few images in memory.

    Parameters
    ----------
    progress : makes a progress bar, as tqdm does
    """
    wanted = list(map(Wanted, paths_of(slices), frames_of(slices), expected_values(slices)))
    new_bar = partial(progress, desc="Loading slices", total=len(wanted))
    files = OpenFiles(path for path, *_ in wanted)
    first = next(files.images(wanted[0].path, [wanted[0].frame], keep=True))
    if first.pixels.ndim != 2:
        raise StackError(
            f"expected grey values, got colour in {wanted[0].path}: see load_slice(path)"
        )
    return _read(wanted, first, new_bar) or _decode(wanted, first, files, new_bar)


def _read(wanted: list[Wanted], first: Image, new_bar: Callable[[], Any]) -> Image | None:
    """The stack from files of uncompressed values; None where they are not surely that."""
    if any(one.frame for one in wanted):
        return None
    paths = [one.path for one in wanted]
    if (headers := uncompressed_headers(paths)) is None:
        return None
    for one, header in zip(wanted, headers):
        check_unchanged(one.expected, header, one.path)
    array, windows = array_for(headers), windows_of(headers)

    def read(numbers: Sequence[int]) -> Iterator[Image]:
        for n in numbers:
            padding, guess = read_values(paths[n], headers[n], array[n])
            yield first._replace(padding=padding, guess=guess, windows=windows[n])

    numbers = range(len(wanted))
    tasks = [numbers[start : start + IMAGES_PER_TASK] for start in numbers[::IMAGES_PER_TASK]]
    try:
        return _filled(array, tasks, read, new_bar)
    except FastPathNotApplicable:
        return None


def _decode(
    wanted: list[Wanted], first: Image, files: OpenFiles, new_bar: Callable[[], Any]
) -> Image:
    """The stack from images that pydicom reads, each like the `first`."""
    array = np.empty((len(wanted), *first.pixels.shape), first.pixels.dtype)

    def decode(numbers: Sequence[int]) -> Iterator[Image]:
        path = wanted[numbers[0]].path
        images = files.images(path, [wanted[n].frame for n in numbers])
        for n, image in zip(numbers, images):
            check_unchanged(wanted[n].expected, image.header, path)
            _check_like(image, first, path)
            if DTYPES.index(image.pixels.dtype) > DTYPES.index(array.dtype):
                raise NeedsWiderDtype(image.pixels.dtype)
            array[n] = image.pixels
            yield image._replace(pixels=array[n], header=first.header)  # the file's bytes may go

    while True:
        try:
            return _filled(array, _tasks_by_file(wanted), decode, new_bar)
        except NeedsWiderDtype as error:
            array = np.empty(array.shape, *error.args)
            files = OpenFiles(one.path for one in wanted)


def _tasks_by_file(wanted: list[Wanted]) -> list[list[int]]:
    """The numbers of images that one thread reads, of one file each; those of a file in a row."""
    of_file = defaultdict(list)
    for n, one in enumerate(wanted):
        of_file[one.path].append(n)
    return [
        numbers[start : start + IMAGES_PER_TASK]
        for numbers in of_file.values()
        for start in range(0, len(numbers), IMAGES_PER_TASK)
    ]


def _filled(
    array: np.ndarray,
    tasks: Sequence[Sequence[int]],
    read: Callable[[Sequence[int]], Iterator[Image]],
    new_bar: Callable[[], Any],
) -> Image:
    """The stack of an array that ``read(numbers)`` fills in threads, and of what it yields."""
    padding, images = None, {}
    with in_threads(lambda task: list(read(task)), tasks) as results, new_bar() as bar:
        for numbers, some in zip(tasks, results):
            for n, image in zip(numbers, some):
                if image.padding is not None:
                    padding = np.zeros(array.shape, bool) if padding is None else padding
                    padding[n] = image.padding
                images[n] = image._replace(padding=None)
            bar.update(len(some))
    in_order = [images[n] for n in range(len(array))]
    return in_order[0]._replace(
        pixels=array,
        padding=padding,
        guess=next((image.guess for image in in_order if image.guess is not None), None),
        windows=_common_windows([image.windows for image in in_order], array, padding),
        remark=next((image.remark for image in in_order if image.remark), ""),
    )


def _check_like(image: Image, first: Image, path: str) -> None:
    """Refuses an image that is not like the first of its stack."""
    shape = first.pixels.shape
    if image.pixels.shape != shape:
        raise StackError(f"expected an image of {shape} pixels, got {image.pixels.shape} in {path}")
    if image.inverted != first.inverted:
        raise StackError(
            "expected one Photometric Interpretation in all images, got mixed MONOCHROME1 and "
            f"MONOCHROME2 in {path}: load the rows of each by itself"
        )


def _common_windows(
    windows: list[Windows], array: np.ndarray, padding: np.ndarray | None
) -> Windows:
    """The files' windows where all have the same; else one from the values of all slices."""
    if windows[0] and all(_is_equal(own, windows[0]) for own in windows):
        return windows[0]
    return {"body": body_range(array, padding=padding)}


def _is_equal(one: Windows, other: Windows) -> bool:
    """Whether two files offer the same windows."""
    if one is other:
        return True
    pairs = zip(one.values(), other.values())
    return list(one) == list(other) and all(
        np.array_equal(np.asarray(a), np.asarray(b)) for pair in pairs for a, b in zip(*pair)
    )


# uncompressed values, read without pydicom


def uncompressed_headers(paths: Sequence[str]) -> list[FrameHeader] | None:
    """The headers of files with one image each; None where they are not surely plain and alike."""
    reader = FastReader([*EQUAL_IN_ALL, *UNCOMPRESSED, *RESCALE, *OTHER_KEYWORDS])
    rows: list[dict[str, Any]] = []
    for path in paths:
        row = reader.row(path)
        if row is None or not _is_plain(row):
            return None
        rows.append(row)
        if any(row[keyword] != rows[0][keyword] for keyword in EQUAL_IN_ALL):
            return None
    return [FrameHeader(row) for row in rows]


def windows_of(headers: Sequence[FrameHeader]) -> list[Windows]:
    """The windows of each header; those that are equal are one object."""
    keys = [tuple(header.get(keyword) for keyword in WINDOW_KEYWORDS) for header in headers]
    known = {key: voi_luts_of(header) for key, header in dict(zip(keys, headers)).items()}
    return [known[key] for key in keys]


def array_for(headers: Sequence[FrameHeader]) -> np.ndarray:
    """An array (slices, rows, columns), not filled, for every value that the headers allow.

    int16 where that range fits, else int32; float32 where a slope or an intercept is fractional.
    """
    dtypes = [
        rescaled_dtype(stored_range(header), *slope_and_intercept(header)) for header in headers
    ]
    shape = len(headers), headers[0].get("Rows"), headers[0].get("Columns")
    return np.empty(shape, max(dtypes, key=DTYPES.index))


def read_values(
    path: str | os.PathLike[str], header: FrameHeader, out: np.ndarray
) -> tuple[np.ndarray | None, float | None]:
    """Puts the rescaled values of one file into `out` (rows, columns).

    Returns
    -------
    (where they are padding or None, the value of padding that no header declares or None)

    Raises
    ------
    FastPathNotApplicable
        Where they are too few, or use bits that Bits Stored does not allow: those are pydicom's
        to interpret.
    """
    dtype = np.dtype("<i2" if header.get("PixelRepresentation") else "<u2")
    slope, intercept = slope_and_intercept(header)
    in_place = out.dtype == np.int16 and slope == 1
    stored = out.view(dtype) if in_place else np.empty(out.shape, dtype)
    with open(path, "rb", buffering=0) as file:
        file.seek(header.get("pixel_offset"))
        if file.readinto(stored.data.cast("B")) != stored.nbytes:
            raise FastPathNotApplicable("the file is cut short")
    low, high = stored_range(header)
    if header.get("BitsStored") < 16 and (stored.max() > high or (low < 0 and stored.min() < low)):
        raise FastPathNotApplicable("bits beyond those stored")
    padding = declared_padding(stored, header)
    rescale(stored, slope, intercept, out)
    if padding is None and unit_of(header) == "HU":
        return guessed_padding(out)
    return padding, None


def _is_plain(row: dict[str, Any]) -> bool:
    """Whether a header says all that is needed, and that nothing more is to be done."""
    numbers = [row.get(keyword, absent) for keyword, absent in RESCALE.items()]
    sizes = [row.get(keyword) for keyword in SIZES]
    return bool(
        row["error"] is None
        and row["pixel_offset"]
        and all(row.get(keyword) in allowed for keyword, allowed in UNCOMPRESSED.items())
        and all(isinstance(number, float) and np.isfinite(number) for number in numbers)
        and all(isinstance(size, int) and size > 0 for size in sizes)
        and row.get("HighBit") == row["BitsStored"] - 1 <= 15
    )
