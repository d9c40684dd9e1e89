"""Which images are read without pydicom? Plain ones, of grey values that need nothing more.

What a row of the slice table says of an image leads to its bytes; the beginning of its file says
whether it is still the same, and what its values mean. Whatever is not surely plain is left to
`helpers.pixels.image`, which asks pydicom.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import groupby, islice, pairwise
from math import prod
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from helpers.files.opening import open_file
from helpers.files.reading import OpenFile
from helpers.headers.columns import Row
from helpers.headers.elements import (
    SEQUENCE_END,
    UNDEFINED_LENGTH,
    FastPathNotApplicable,
    four_bytes,
)
from helpers.headers.fast_reader import FastReader
from helpers.pixels.codecs import FrameDecoder, frame_decoder
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.layout import ImageError
from helpers.pixels.luts import (
    WINDOW_KEYWORDS,
    is_inverted,
    rescaled_dtype,
    slope_and_intercept,
    stored_range,
    unit_of,
    voi_luts_of,
)
from helpers.pixels.pixel_data import HARMLESS_FRAME, pixel_items
from helpers.pixels.sources import KEYWORDS_BEHIND, OF_FRAME, RESCALE, Source
from helpers.pixels.unchanged import COMPARED, check_unchanged
from helpers.pixels.window import VoiLut, Window
from helpers.slices.frame_rows import GROUPS

HEAD_BYTES = {  # of the pixel element, before its uncompressed values
    "1.2.840.10008.1.2": 8,
    "1.2.840.10008.1.2.1": 12,
}
PIXEL_DATA = b"\xe0\x7f\x10\x00"
MAX_ITEMS = 100_000  # of a file
PLAIN_VALUES: dict[str, set[Any]] = {  # what a header must say
    "BitsAllocated": {8, 16},
    "SamplesPerPixel": {1},
    "PhotometricInterpretation": {"MONOCHROME1", "MONOCHROME2"},
    "PixelRepresentation": {0, 1},
    "ModalityLUTSequence": {None},
    "VOILUTSequence": {None},
    "DoseGridScaling": {None},
}
SIZES = ["Rows", "Columns", "BitsStored"]
MEANING = [
    *(*PLAIN_VALUES, *SIZES, "HighBit", "PixelPaddingValue", "PixelPaddingRangeLimit", "Modality"),
    *(*RESCALE, *KEYWORDS_BEHIND),
]
WINDOW_NUMBERS = ["WindowCenter", "WindowWidth"]
CAPTIONS = [
    *("PatientID", "SeriesDescription", "AnatomicalOrientationType", "FrameOfReferenceUID"),
]
OF_INDEX = ["SeriesInstanceUID"]  # which the rows of one stack have no more
KEYWORDS = [*MEANING, *OF_FRAME, *CAPTIONS, *COMPARED, "NumberOfFrames"]
LAST_TAG_READ = 0x00283010  # VOI LUT Sequence

Items: TypeAlias = list[tuple[int, int]]  # (place of the value, bytes) of items of a file


class Layout(NamedTuple):
    """How values are stored, and what they mean; images that say the same share it."""

    header: FrameHeader
    shape: tuple[int, int]
    stored: np.dtype
    limits: tuple[int, int]  # the lowest and the highest stored value
    rescale: tuple[float, float]  # slope and intercept
    rescaled: np.dtype
    unit: str
    inverted: bool
    padded: bool  # whether the header declares padding


class Beginning(NamedTuple):
    """What a file says before its pixels."""

    header: Row  # as far as it was read
    frames: int  # how many
    items: list[Items] | None  # of each frame; None where values are uncompressed
    decode: FrameDecoder | None


class PlainImage(NamedTuple):
    """One image of an open file."""

    file: OpenFile
    source: Source
    layout: Layout
    header: Row  # as far as it was read, and as its frame has it
    items: Items  # its bytes in the file, in one or more parts
    decode: FrameDecoder | None  # None where values are uncompressed

    @property
    def window_values(self) -> tuple:
        """What the header says about windows."""
        return tuple(map(self.header.get, WINDOW_KEYWORDS))

    @property
    def windows(self) -> dict[str, Window | VoiLut]:
        """The windows that the header offers, by name, the default first."""
        return voi_luts_of(FrameHeader(self.header))

    def read_into(self, stored: np.ndarray) -> None:
        """Puts the stored values into an array (rows, columns) of the layout's type.

        Raises
        ------
        FastPathNotApplicable
            Where they are not surely what pydicom would give.
        """
        layout = self.layout
        if self.decode is None:
            ((offset, _),) = self.items
            if not self.file.read_into(offset, stored):
                raise FastPathNotApplicable("the file is cut short")
        else:
            encoded = b"".join(self.file.read(*item) for item in self.items)
            try:
                self.decode(encoded, stored, int(layout.header.get("BitsStored")))
            except Exception as error:
                raise FastPathNotApplicable("not surely decoded") from error
        low, high = layout.limits
        all_bits = high - low + 1 == 2 ** (8 * stored.itemsize)
        if not all_bits and (stored.max() > high or (low < 0 and stored.min() < low)):
            raise FastPathNotApplicable("bits beyond those stored")


class PlainReader:
    """Reads plain images and remembers what headers mean. Threads may ask at the same time."""

    def __init__(self) -> None:
        self._layouts: dict[tuple, Layout] = {}
        self._tables: set[frozenset[str]] = set()  # columns of tables that lack nothing
        self._several: dict[str, Beginning] = {}  # of files that have several frames

    def images(self, sources: Sequence[Source]) -> Iterator[PlainImage]:
        """Yields images, each while its file is open; those of one file open it once.

        Raises
        ------
        FastPathNotApplicable
            Where one is not surely plain, or its file cannot be opened.
        ImageError
            Where a file has changed since its row was read.
        """
        for path, group in groupby(sources, key=attrgetter("path")):
            images = list(group)
            try:
                file = open_file(path)
            except (OSError, ValueError) as error:
                raise FastPathNotApplicable("the file cannot be opened") from error
            with file:
                yield from self._images_of(file, images)

    def _images_of(self, file: OpenFile, sources: list[Source]) -> Iterator[PlainImage]:
        """Yields images of one file."""
        found = self._several.get(sources[0].path) or self._beginning(file, sources[0])
        for source in sources:
            header = found.header | dict(source.own) if source.own else found.header
            if not source.said <= header.keys():
                raise FastPathNotApplicable("elements out of their order, or in groups")
            layout = self._layout(header)
            if source.frame >= found.frames:
                raise FastPathNotApplicable("a frame that is not there")
            if found.items is None:
                items = _native_items(file, header, layout, source)
            elif prod(layout.shape) * layout.stored.itemsize > HARMLESS_FRAME:
                raise FastPathNotApplicable("a frame so large that its file is asked first")
            else:
                items = found.items[source.frame]
            yield PlainImage(file, source, layout, header, items, found.decode)

    def _beginning(self, file: OpenFile, source: Source) -> Beginning:
        """What a file says before its pixels, once it is known to be the one of its row."""
        header, pixels = _header_reader(source.offset is None).beginning(file)
        self._check_table(file, source.known)
        header["file_size"] = file.size
        check_unchanged(source.expected, header, source.path)
        count, items, decode = _frame_count(header), None, None
        if source.offset is None:
            decode = _decoder(header["TransferSyntaxUID"])
            items = _items_by_frame(file, _items(file, pixels), count)
        found = Beginning(header, count, items, decode)
        if count > 1:
            self._several[source.path] = found
        return found

    def _check_table(self, file: OpenFile, known: frozenset[str]) -> None:
        """Refuses a table that lacks a column of what its first file has: it is one of some."""
        if known not in self._tables:
            header, _ = _table_reader().beginning(file)
            if not header.keys() <= known:
                raise FastPathNotApplicable("a table of some keywords")
            self._tables.add(known)

    def _layout(self, header: Row) -> Layout:
        key = tuple(map(header.get, MEANING))
        if (layout := self._layouts.get(key)) is None:
            layout = self._layouts[key] = _layout_of(dict(zip(MEANING, key)))
        if not all(map(_are_numbers, map(header.get, WINDOW_NUMBERS))):
            raise FastPathNotApplicable("a window that is no number")
        return layout


@cache
def _table_reader() -> FastReader:
    """Reads what a table must have a column of, where a file has it."""
    return FastReader([*KEYWORDS, *GROUPS])


@cache
def _header_reader(to_pixels: bool) -> FastReader:
    """Reads headers as far as they say what values mean, or to the pixels; remembers elements."""
    return FastReader([*KEYWORDS, *OF_INDEX], last=None if to_pixels else LAST_TAG_READ)


@lru_cache
def _are_numbers(value: Any) -> bool:
    """Whether a value, or several, are numbers; none are, too."""
    return not value or len(FrameHeader({"value": value}).floats("value")) > 0


def _layout_of(values: dict[str, Any]) -> Layout:
    """How values are stored and what they mean, of what a header says of a plain image.

    Raises
    ------
    FastPathNotApplicable
        Where the image is not plain.
    """
    header, sizes = FrameHeader(values), [values[keyword] for keyword in SIZES]
    plain = all(values[keyword] in allowed for keyword, allowed in PLAIN_VALUES.items())
    sized = all(isinstance(size, int) and size > 0 for size in sizes)
    if not plain or not sized or not values["HighBit"] == sizes[-1] - 1 < values["BitsAllocated"]:
        raise FastPathNotApplicable("an image that is not plain")
    try:
        slope, intercept = slope_and_intercept(header)
    except ValueError as error:
        raise FastPathNotApplicable("a rescale that is none") from error
    limits = stored_range(header)
    if max(abs(end * slope + intercept) for end in limits) > float(np.finfo(np.float32).max):
        raise FastPathNotApplicable("values beyond what any image has")
    return Layout(
        header=header,
        shape=(values["Rows"], values["Columns"]),
        stored=np.dtype(
            f"<{'i' if values['PixelRepresentation'] else 'u'}{values['BitsAllocated'] // 8}"
        ),
        limits=limits,
        rescale=(slope, intercept),
        rescaled=rescaled_dtype(limits, slope, intercept),
        unit=unit_of(header),
        inverted=is_inverted(header),
        padded=header.get("PixelPaddingValue") is not None,
    )


def _native_items(file: OpenFile, header: Row, layout: Layout, source: Source) -> Items:
    """Where the values of an image are in a file of uncompressed ones."""
    offset, syntax = source.offset, header.get("TransferSyntaxUID")
    if offset is None or syntax not in HEAD_BYTES:
        raise FastPathNotApplicable("values that are not read as they are")
    head = file.read(offset - HEAD_BYTES[syntax], HEAD_BYTES[syntax])
    frame_bytes = prod(layout.shape) * layout.stored.itemsize
    beyond = four_bytes(head, len(head) - 4)[0] - _frame_count(header) * frame_bytes
    if head[:4] != PIXEL_DATA or beyond not in (0, 1):
        raise FastPathNotApplicable("pixel data of another length")
    return [(offset + source.frame * frame_bytes, frame_bytes)]


def _frame_count(header: Row) -> int:
    count = header.get("NumberOfFrames")
    if count is not None and not (isinstance(count, int) and count > 0):
        raise FastPathNotApplicable("no number of frames")
    return count or 1


def _decoder(syntax: str) -> FrameDecoder:
    if (decode := frame_decoder(syntax)) is None:
        raise FastPathNotApplicable("no decoder that is called by itself")
    return decode


def _items(file: OpenFile, pixels: tuple[int, int] | None) -> Items:
    """The items of encapsulated pixel data, the offset table first.

    Parameters
    ----------
    pixels : where the items start, and the length of their element

    References
    ----------
    PS3.5 A.4
    """
    if pixels is None or pixels[1] != UNDEFINED_LENGTH:
        raise FastPathNotApplicable("frames that should stand in items")
    try:
        items = list(islice(pixel_items(file, pixels[0]), MAX_ITEMS))
    except ImageError as error:
        raise FastPathNotApplicable("items that are none") from error
    if len(items) < 2 or file.read(sum(items[-1]), 4) != SEQUENCE_END:
        raise FastPathNotApplicable("no items, or too many, or no end")
    return items


def _items_by_frame(file: OpenFile, items: Items, count: int) -> list[Items]:
    """The items of each of `count` frames; of several in a frame the offset table tells."""
    (start, length), *fragments = items
    if count == 1:
        return [fragments]
    if len(fragments) == count:
        return [[fragment] for fragment in fragments]
    number_at = {begin - fragments[0][0]: n for n, (begin, _) in enumerate(fragments)}
    table = file.read(start, length) if length == 4 * count else b""
    starts = [number_at.get(offset, -1) for offset in np.frombuffer(table, "<u4").tolist()]
    if starts[:1] != [0] or starts != sorted({*starts}):
        raise FastPathNotApplicable("no telling which item belongs to which frame")
    return [fragments[begin:end] for begin, end in pairwise([*starts, None])]
