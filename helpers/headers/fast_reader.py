"""What do the first kilobytes of one file say? Splits a header into elements, where that is sure.

A header is a run of (tag, VR, length, value), so it can be cut up without an object per element;
and the images of a series repeat nearly all their elements byte for byte, so each distinct one is
converted once and its value is shared. Whatever is not surely read right this way is left to
`helpers.headers.pydicom_reader`.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID

from helpers.errors import one_line
from helpers.files.opening import open_file
from helpers.files.reading import OpenFile
from helpers.headers.columns import Row
from helpers.headers.element_cache import (
    LONGEST_CACHED_ELEMENT,
    NO_ELEMENT,
    NO_RUN,
    Context,
    Element,
    ElementCache,
    changed,
)
from helpers.headers.elements import (
    DIFFUSION_COLUMNS,
    LONG_VRS,
    FastPathNotApplicable,
    end_of,
    entry_of,
    four_bytes,
    tag_at,
)
from helpers.headers.limits import MAX_HEADER, MAX_TOP_ELEMENTS, TOO_MANY, HeaderTooLargeError
from helpers.headers.pydicom_reader import (
    LONGEST_VALUE,
    PIXEL_TAGS,
    pixel_state,
)

FIRST_READ = 8192  # bytes; most headers end before
META_GROUP, PIXEL_GROUP = b"\x02\x00", b"\xe0\x7f"
REPEATING_GROUPS = range(0x5000, 0x6100)  # curves and overlays: several elements of one keyword
LAST_TAG = 0xFFFFFFFF
ALWAYS_READ = {"TransferSyntaxUID", "SpecificCharacterSet", "PixelRepresentation"}


class FastReader:
    """Reads headers one after the other and remembers what their elements mean.

    Parameters
    ----------
    keywords : the columns that are wanted, or None for all
    private : whether all private elements become columns too, not only those of diffusion
    last : the last tag that is read by `beginning`; None reads as far as the pixels
    """

    def __init__(
        self,
        keywords: Collection[str] | None = None,
        private: bool = False,
        last: int | None = None,
    ) -> None:
        self.private = private
        self._last = LAST_TAG if last is None else last
        self._wanted = None if keywords is None else ALWAYS_READ | set(keywords)
        self._tags = _tags_of(self._wanted, private)
        self._caches: dict[Context, ElementCache] = {}

    def __reduce__(self) -> tuple:
        """A copy for another process begins with an empty cache."""
        return FastReader, (self._wanted, self.private, self._last)

    def row(self, path: str) -> Row | None:
        """A file's columns, as `helpers.header_table` has them; None where that is not sure."""
        try:
            with open_file(path) as file:
                try:
                    return self._row(file)
                except HeaderTooLargeError as error:
                    return {"error": one_line(error), "file_size": file.size}
        except (FastPathNotApplicable, OSError, ValueError, RecursionError):
            return None

    def beginning(self, file: OpenFile) -> tuple[Row, tuple[int, int] | None]:
        """(columns up to `last`, offset and length of the pixel values if they were reached).

        Raises
        ------
        FastPathNotApplicable
            Where that is not sure.
        """
        try:
            row, _, pixels = self._header(file)
        except HeaderTooLargeError as error:
            raise FastPathNotApplicable("too large") from error
        return row, pixels

    def _row(self, file: OpenFile) -> Row:
        row, private, pixels = self._header(file)
        error, offset = pixel_state(file, *pixels) if pixels else (None, None)
        row.update(error=error, file_size=file.size, pixel_offset=offset, private_elements=private)
        return row

    def _header(self, file: OpenFile) -> tuple[Row, int, tuple[int, int] | None]:
        """(columns, private elements, offset and length of the pixel values or None)."""
        data = file.read(0, FIRST_READ)
        if data[128:132] != b"DICM":
            raise FastPathNotApplicable("no prefix")
        while (found := self._split(data, file.size)) is None:
            read = len(data)
            data = file.read(0, min(8 * read, MAX_HEADER))  # again, for less memory than a copy
            if len(data) == read:
                raise FastPathNotApplicable("the header is cut short, or too long to read")
        row, private, pixels, implicit = found
        return row, private, _pixel_element(data, pixels, implicit) if pixels else None

    def _split(self, data: bytes, size: int) -> tuple[Row, int, int | None, bool] | None:
        """(columns, private elements, byte of the pixel element or None, implicit).

        None where more bytes are needed.
        """
        row: Row = {}
        meta = self._walk(data, 132, size, row, Context(meta=True))
        if meta is None:
            return None
        start, _ = meta
        implicit = _is_implicit(row.get("TransferSyntaxUID"))
        if implicit and data[start + 4 : start + 6].isupper():
            raise FastPathNotApplicable("a VR is written where none should be")
        walked = self._walk(data, start, size, row, Context(implicit))
        if walked is None:
            return None
        end, private = walked
        if end + 12 <= len(data) and data[end : end + 2] == PIXEL_GROUP:
            return row, private, end, implicit
        if end + 12 <= len(data) and tag_at(data, end) > self._last:
            return row, private, None, implicit
        return (row, private, None, implicit) if start < end == len(data) == size else None

    def _walk(
        self, data: bytes, pos: int, size: int, row: Row, context: Context
    ) -> tuple[int, int] | None:
        """(where it stopped, number of private elements); puts the columns into `row`.

        None where more bytes are needed. Most elements are those of the file before, in runs of
        many: these are found by their first bytes and compared as a whole. An element outside
        of them is found by its own first bytes, or cut out and looked up.
        """
        private, last, count, limit = 0, 0, 0, len(data)
        run: list[Element] = []
        cache = self._cache_for(context)
        while pos + 8 <= limit:
            head = data[pos : pos + 8]
            content, first, run_end, columns, private_in_run = cache.runs.get(head, NO_RUN)
            if content and first > last and data.startswith(content, pos):
                row.update(columns)
                private, last, pos = private + private_in_run, run_end, pos + len(content)
                if run:
                    run = cache.flush(run)
                continue
            element = cache.recent.get(head, NO_ELEMENT)
            content, tag, keyword, value, changes_context = element
            repeated = content and data.startswith(content, pos)
            if not repeated:
                tag = tag_at(head, 0)
                if context.meta:
                    if head[:2] != META_GROUP:
                        break
                elif tag in PIXEL_TAGS or tag > self._last:
                    break
                end = end_of(data, pos, context.implicit)
                if end > limit:
                    if end > size + 1 or _is_long_value(data, pos, end, context.implicit):
                        raise FastPathNotApplicable("longer than the file, or too long to read")
                    return None
                count += 1
                if count > MAX_TOP_ELEMENTS:
                    raise HeaderTooLargeError(TOO_MANY)
                content = data[pos:end]
                wanted = self._tags is None or tag in self._tags
                element = cache.meaning(content) if wanted else Element(content, tag)
                if end - pos <= LONGEST_CACHED_ELEMENT:
                    cache.recent[head] = element
                content, tag, keyword, value, changes_context = element
            if tag <= last:
                raise FastPathNotApplicable("tags do not rise")
            last, pos = tag, pos + len(content)
            if tag >> 16 & 1:
                private += 1
            if keyword is not None and keyword not in row:  # of a repeating group the first is kept
                row[keyword] = value
            if repeated and not changes_context and tag >> 16 not in REPEATING_GROUPS:
                run.append(element)
            elif run:
                run = cache.flush(run)
            if changes_context:
                context = changed(context, tag, value)
                cache = self._cache_for(context)
        if run:
            cache.flush(run)
        return pos, private

    def _cache_for(self, context: Context) -> "ElementCache":
        cache = self._caches.get(context)
        if cache is None:
            cache = self._caches[context] = ElementCache(context, self._wanted, self.private)
        return cache


def _tags_of(wanted: set[str] | None, private: bool) -> set[int] | None:
    """The tags of the keywords that are wanted; None where private elements may be, or all are."""
    if wanted is None or private or DIFFUSION_COLUMNS & wanted:
        return None
    return {tag for keyword in wanted if (tag := tag_for_keyword(keyword)) is not None}


@lru_cache
def _is_implicit(syntax: Any) -> bool:
    uid = UID(str(syntax))
    if not uid.is_transfer_syntax or uid.is_deflated or not uid.is_little_endian:
        raise FastPathNotApplicable("an encoding that is not read here")
    return uid.is_implicit_VR


def _is_long_value(data: bytes, pos: int, end: int, implicit: bool) -> bool:
    """Whether the element at `pos` is one that is not read into memory: no sequence, and long."""
    vr = entry_of(tag_at(data, pos))[1].encode() if implicit else data[pos + 4 : pos + 6]
    return end - pos > LONGEST_VALUE and vr != b"SQ"


def _pixel_element(data: bytes, pos: int, implicit: bool) -> tuple[int, int]:
    """(offset of the values, their length) of the pixel element at `pos`."""
    if implicit:
        return pos + 8, four_bytes(data, pos + 4)[0]
    if data[pos + 4 : pos + 6] not in LONG_VRS:
        raise FastPathNotApplicable("pixels with an odd VR")
    return pos + 12, four_bytes(data, pos + 8)[0]
