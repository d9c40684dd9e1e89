"""What are the values of a stack's images, as one array?"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.headers.elements import FastPathNotApplicable
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.image import Image, OpenFiles
from helpers.pixels.images import put_values
from helpers.pixels.luts import DTYPES
from helpers.pixels.padding import guessed_padding, padding_of
from helpers.pixels.plain import PlainReader
from helpers.pixels.sources import Source, sources_of
from helpers.pixels.unchanged import check_unchanged, expected_values
from helpers.pixels.window import BodyWindow, VoiLut, Window
from helpers.runtime import chunks_of, in_threads_if_slow
from helpers.slices.arrays import frames_of, paths_of
from helpers.slices.grid import StackError

IMAGES_PER_CHUNK = 4  # that are read one after the other, here or in a thread
MAX_REMARKS = 2  # that are quoted
IMAGES_TO_GUESS_FROM = 5  # of a stack, evenly spread, for padding that no header declares

Windows: TypeAlias = Mapping[str, Window | VoiLut]


class NeedsWiderDtype(Exception):
    """A value's type, which is wider than that of the values before."""


class Like(NamedTuple):
    """What the first image of a stack is like, and all others must be."""

    shape: tuple[int, ...]
    dtype: np.dtype  # the least
    inverted: bool
    unit: str
    header: FrameHeader
    decoded: bool  # whether values must be decoded, which takes long


class Part(NamedTuple):
    """What an image says beside its values."""

    padding: np.ndarray | None  # where a header declares it
    windows: Windows
    remark: str


Read: TypeAlias = Callable[[np.ndarray, Sequence[int]], Iterator[Part]]  # some images into an array


def read_voxels(slices: pd.DataFrame, progress: Callable[..., Any] = tqdm) -> Image:
    """The images of a stack, in their order, as one `Image` of arrays (slices, rows, columns).

    Its header is that of the first image. Each image goes straight into its part of the array, in
    threads where that takes long: plain ones are read or decoded there, all others come by way of
    pydicom. Beside the
    result there are never more than a few images in memory. Padding that no header declares is
    guessed once, from a few images.

    Parameters
    ----------
    progress : makes a progress bar, as tqdm does
    """
    new_bar = partial(progress, desc="Loading slices", total=len(slices))
    try:
        return _plain(slices, new_bar)
    except FastPathNotApplicable:
        return _decoded(slices, new_bar)


def _plain(slices: pd.DataFrame, new_bar: Callable[[], Any]) -> Image:
    """The stack of plain images.

    Raises
    ------
    FastPathNotApplicable
        Where one is not surely plain.
    """
    sources, reader = sources_of(slices), PlainReader()
    first = next(reader.images(sources[:1]))
    layout = first.layout
    header = FrameHeader(first.header)
    decoded = sources[0].offset is None
    like = Like(layout.shape, layout.rescaled, layout.inverted, layout.unit, header, decoded)
    windows: Windows = first.windows

    def read(array: np.ndarray, numbers: Sequence[int]) -> Iterator[Part]:
        images = reader.images([sources[n] for n in numbers])
        for n, image in zip(numbers, images):
            if (own := image.layout) is not layout:
                _check_like(like, own.shape, own.inverted, image.source.path)
                _check_width(array, own.rescaled)
            same = image.window_values == first.window_values
            yield Part(put_values(image, array[n]), windows if same else {}, "")

    return _stack(like, _tasks(sources), lambda: read, new_bar)


def _decoded(slices: pd.DataFrame, new_bar: Callable[[], Any]) -> Image:
    """The stack of images that pydicom reads."""
    paths, frames, expected = paths_of(slices), frames_of(slices), expected_values(slices)
    unused = [OpenFiles(paths)]  # the first is read once: what is kept of it is used again
    first = next(unused[0].images(paths[0], [frames[0]], keep=True))
    if first.array.ndim != 2:
        raise StackError(f"expected grey values, got colour in {paths[0]}: see load_slice(path)")
    shape, dtype = first.array.shape, first.array.dtype
    like = Like(shape, dtype, first.inverted, first.unit, first.header, True)

    def new_read() -> Read:
        files = unused.pop() if unused else OpenFiles(paths)

        def read(array: np.ndarray, numbers: Sequence[int]) -> Iterator[Part]:
            path = paths[numbers[0]]
            for n, image in zip(numbers, files.images(path, [frames[n] for n in numbers])):
                check_unchanged(expected[n], image.header, path)
                _check_like(like, image.array.shape, image.inverted, path)
                _check_width(array, image.array.dtype)
                array[n] = image.array
                padding = image.padding if image.guess is None else None
                yield Part(padding, image.windows, image.remark)

        return read

    return _stack(like, _tasks_by_file(paths), new_read, new_bar)


def _tasks(sources: list[Source]) -> list[list[int]]:
    """The numbers of images that a thread reads one after the other, those of a file in a row."""
    first_of = {source.path: n for n, source in reversed([*enumerate(sources)])}
    numbers = sorted(range(len(sources)), key=lambda n: (first_of[sources[n].path], n))
    return chunks_of(numbers, IMAGES_PER_CHUNK)


def _tasks_by_file(paths: list[str]) -> list[list[int]]:
    """As `_tasks`, each of one file."""
    of_file = defaultdict(list)
    for n, path in enumerate(paths):
        of_file[path].append(n)
    return [chunk for numbers in of_file.values() for chunk in chunks_of(numbers, IMAGES_PER_CHUNK)]


def _stack(
    like: Like,
    tasks: Sequence[Sequence[int]],
    new_read: Callable[[], Read],
    new_bar: Callable[[], Any],
) -> Image:
    """The images of some tasks as one `Image`, in the least type that holds all their values."""
    dtype, count = like.dtype, sum(map(len, tasks))
    while True:
        array = np.empty((count, *like.shape), dtype)
        try:
            return _filled(array, like, tasks, new_read(), new_bar)
        except NeedsWiderDtype as error:
            (dtype,) = error.args


def _filled(
    array: np.ndarray,
    like: Like,
    tasks: Sequence[Sequence[int]],
    read: Read,
    new_bar: Callable[[], Any],
) -> Image:
    """The stack of an array that ``read`` fills, and of what it yields."""
    padding, parts = None, {}
    results = in_threads_if_slow(lambda task: list(read(array, task)), tasks, surely=like.decoded)
    with closing(results), new_bar() as bar:
        for numbers, some in zip(tasks, results):
            for n, part in zip(numbers, some):
                if part.padding is not None:
                    padding = np.zeros(array.shape, bool) if padding is None else padding
                    padding[n] = part.padding
                parts[n] = part._replace(padding=None)
            bar.update(len(some))
    guess = None
    if padding is None and like.unit == "HU":
        padding, guess = _guessed(array)
    return Image(
        array,
        padding,
        guess,
        like.unit,
        _common_windows([parts[n].windows for n in range(len(array))], array, padding),
        like.inverted,
        like.header,
        _common_remark([parts[n].remark for n in range(len(array))]),
    )


def _guessed(array: np.ndarray) -> tuple[np.ndarray | None, float | None]:
    """(mask, value) of padding that no header declares, as most of a few images show it."""
    few = np.unique(np.linspace(0, len(array) - 1, IMAGES_TO_GUESS_FROM).astype(int))
    guesses = [guessed_padding(array[n])[1] for n in few]
    values = [value for value in guesses if value is not None]
    if 2 * len(values) <= len(few):
        return None, None
    value = float(np.median(values))
    return padding_of(array, value), value


def _check_like(like: Like, shape: tuple[int, ...], inverted: bool, path: str) -> None:
    """Refuses an image that is not like the first of its stack."""
    if shape != like.shape:
        raise StackError(f"expected an image of {like.shape} pixels, got {shape} in {path}")
    if inverted != like.inverted:
        raise StackError(
            "expected one Photometric Interpretation in all images, got mixed MONOCHROME1 and "
            f"MONOCHROME2 in {path}: load the rows of each by itself"
        )


def _check_width(array: np.ndarray, dtype: np.dtype) -> None:
    """Asks for a wider array where values need it."""
    if DTYPES.index(dtype) > DTYPES.index(array.dtype):
        raise NeedsWiderDtype(dtype)


def _common_remark(remarks: list[str]) -> str:
    """What was remarked, each once, and of how many images where it is not all."""
    counts = Counter(remark for remark in remarks if remark)
    said = [
        remark if count == len(remarks) else f"{remark} ({count} of {len(remarks)} images)"
        for remark, count in counts.most_common(MAX_REMARKS)
    ]
    more = len(counts) - len(said)
    return "; ".join([*said, *([f"and {more} more"] if more else [])])


def _common_windows(
    windows: list[Windows], array: np.ndarray, padding: np.ndarray | None
) -> Windows:
    """The files' windows where all have the same; else one from the values of all slices."""
    if windows[0] and all(_is_equal(own, windows[0]) for own in windows):
        return windows[0]
    return BodyWindow(array, padding)


def _is_equal(one: Windows, other: Windows) -> bool:
    """Whether two files offer the same windows."""
    if one is other:
        return True
    pairs = zip(one.values(), other.values())
    return list(one) == list(other) and all(
        np.array_equal(np.asarray(a), np.asarray(b)) for pair in pairs for a, b in zip(*pair)
    )
