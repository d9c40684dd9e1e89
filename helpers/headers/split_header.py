"""Where in a file does each element of its header stand? Found without an object for each.

Long sequences, such as those of frames and of contours, can be read item by item from their bytes.
"""

import io
from collections.abc import Collection, Iterator
from typing import Any, Protocol

from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from helpers.headers.elements import (
    ITEM,
    ITEM_END,
    LONG_VRS,
    SEQUENCE_END,
    UNDEFINED_LENGTH,
    FastPathNotApplicable,
    end_of,
    four_bytes,
    tag_at,
)
from helpers.headers.limits import MAX_HEADER, MAX_TOP_ELEMENTS
from helpers.headers.pydicom_reader import PIXEL_TAGS

FIRST_READ = 2**16  # bytes
PREFIX = 132  # bytes before the file meta information
LAST_BEFORE_PIXELS = min(PIXEL_TAGS) - 1


class Bytes(Protocol):
    """Where the bytes of a file come from, as `helpers.files.reading.OpenFile` has them."""

    size: int

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends."""


class SplitHeader:
    """The bytes of a header, and where each of its elements stands.

    Parameters
    ----------
    file : whose bytes are read until the elements end
    last : the last tag that is looked at; by default all before the pixels
    most : bytes that are read at most

    Attributes
    ----------
    data : bytes from the start of the file, at least as far as the elements
    meta, implicit : the file meta information, and whether elements are written without VR
    spans : (where it starts, where it ends) of each element of the data set, by tag

    Raises
    ------
    FastPathNotApplicable, OSError, ValueError, struct.error
        Where a file is not surely read right this way.
    """

    def __init__(
        self, file: Bytes, *, last: int = LAST_BEFORE_PIXELS, most: int = MAX_HEADER
    ) -> None:
        self._file, self._last, self._most = file, last, most
        self.data = file.read(0, FIRST_READ)
        if self.data[128:PREFIX] != b"DICM":
            raise FastPathNotApplicable("no prefix")
        self.meta, self.end = _meta_of(self.data)
        self.implicit = _is_implicit(self.meta.get("TransferSyntaxUID"), self.data, self.end)
        self.spans: dict[int, tuple[int, int]] = {}
        self._split()

    def dataset(self, without: Collection[int]) -> FileDataset:
        """The data set as pydicom reads it, without some of its elements."""
        kept = [self.data[slice(*span)] for tag, span in self.spans.items() if tag not in without]
        elements = read_dataset(io.BytesIO(b"".join(kept)), self.implicit, True)
        path: Any = getattr(self._file, "path", "")
        return FileDataset(path, elements, None, self.meta, self.implicit, True)

    def pixels(self) -> RawDataElement | None:
        """The pixel element behind the others, without its value; None if none."""
        head = self._file.read(self.end, 12)
        tag = tag_at(head, 0) if len(head) == 12 else 0
        if tag not in PIXEL_TAGS:
            return None
        if self.implicit:
            length, vr, start = four_bytes(head, 4)[0], None, self.end + 8
        elif head[4:6] in LONG_VRS:
            length, vr, start = four_bytes(head, 8)[0], head[4:6].decode("ascii"), self.end + 12
        else:
            raise FastPathNotApplicable("pixels of a VR that they cannot have")
        return RawDataElement(BaseTag(tag), vr, length, None, start, self.implicit, True)

    def _split(self) -> None:
        last, pos = 0, self.end
        while pos < self._file.size and last < (tag := self._tag(pos)) <= self._last:
            end = self._end(pos)
            self.spans[tag] = (pos, end)
            last, pos = tag, end
            if len(self.spans) > MAX_TOP_ELEMENTS:
                raise FastPathNotApplicable("too many elements")
        if pos < self._file.size and tag <= last:
            raise FastPathNotApplicable("tags do not rise")
        self.end = pos

    def _tag(self, pos: int) -> int:
        while min(pos + 12, self._file.size) > len(self.data):
            self._read_more(pos + 12)
        return tag_at(self.data, pos)

    def _end(self, pos: int) -> int:
        while (end := end_of(self.data, pos, self.implicit)) > len(self.data):
            self._read_more(end)
        return end

    def _read_more(self, end: int) -> None:
        """More bytes of the file, where it can have as many as are needed."""
        read = len(self.data)
        possible = end <= self._file.size + 1
        self.data = self._file.read(0, min(8 * read, self._most) if possible else 0)
        if len(self.data) <= read:
            raise FastPathNotApplicable("cut short, or too long to read")


def content_of(data: bytes, pos: int, implicit: bool) -> tuple[int, int | None]:
    """(where the items of the sequence at `pos` start, where they end or None: at a delimiter)."""
    if not implicit and data[pos + 4 : pos + 6] != b"SQ":
        raise FastPathNotApplicable("no sequence")
    start = pos + (8 if implicit else 12)
    length = four_bytes(data, start - 4)[0]
    return start, None if length == UNDEFINED_LENGTH else start + length


def item_at(data: bytes, pos: int, stop: int | None) -> tuple[int, int | None] | None:
    """(where the item at `pos` starts, where it ends); None where there is no more in a sequence.

    A `stop` of None is a delimiter.
    """
    marker, length = data[pos : pos + 4], 0
    if pos == stop or (stop is None and marker == SEQUENCE_END):
        return None
    length = four_bytes(data, pos + 4)[0]
    end = None if length == UNDEFINED_LENGTH else pos + 8 + length
    if marker != ITEM or (end or 0) > (stop or len(data)):
        raise FastPathNotApplicable("no item where one should be")
    return pos + 8, end


def item_end(pos: int, stop: int | None) -> int:
    """Where an item ends whose last element ends at `pos`; a `stop` of None is a delimiter."""
    if stop is not None and pos != stop:
        raise FastPathNotApplicable("elements do not fit their item")
    return pos + 8 if stop is None else stop


def spans_of(
    data: bytes, pos: int, stop: int | None, implicit: bool
) -> Iterator[tuple[int, int, int]]:
    """Yields (tag, where it starts, where it ends) of the elements of one item."""
    while pos < stop if stop is not None else data[pos : pos + 4] != ITEM_END:
        end = end_of(data, pos, implicit)
        if end > (len(data) if stop is None else stop):
            raise FastPathNotApplicable("an element that is cut short")
        yield tag_at(data, pos), pos, end
        pos = end


def _meta_of(data: bytes) -> tuple[FileMetaDataset, int]:
    """(the file meta information, where it ends)."""
    stream = io.BytesIO(data)
    stream.seek(PREFIX)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, *_: tag.group != 2)
    return FileMetaDataset(meta), stream.tell()


def _is_implicit(syntax: Any, data: bytes, pos: int) -> bool:
    """Whether elements from `pos` on are written without VR."""
    uid = UID(str(syntax))
    if not uid.is_transfer_syntax or uid.is_deflated or not uid.is_little_endian:
        raise FastPathNotApplicable("an encoding that is not read here")
    if uid.is_implicit_VR and data[pos + 4 : pos + 6].isupper():
        raise FastPathNotApplicable("a VR is written where none should be")
    return bool(uid.is_implicit_VR)
