"""What do the first kilobytes of one file say? Splits a header into elements, where that is sure.

A header is a run of (tag, VR, length, value), so it can be cut up without an object per element;
and the images of a series repeat nearly all their elements byte for byte, so each distinct one is
converted once and its value is shared. Whatever is not surely read right this way is left to
`helpers.headers.pydicom_reader`.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple

from pydicom.datadict import private_dictionary_VR
from pydicom.tag import BaseTag
from pydicom.uid import UID

from helpers.files import OpenFile
from helpers.headers.columns import Row
from helpers.headers.elements import (
    BULK_VRS,
    DIFFUSION_COLUMNS,
    DIFFUSION_GROUPS,
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    FastPathNotApplicable,
    end_of,
    entry_of,
    four_bytes,
    items_of,
    private_name,
    tag_at,
    value_of,
)
from helpers.headers.pydicom_reader import CHARACTER_SET, PIXEL_TAGS, pixel_state

FIRST_READ = 8192  # bytes; most headers end before
LONGEST_HEADER = 2**22  # bytes; a longer one is not read into memory here
META_GROUP, PIXEL_GROUP = b"\x02\x00", b"\xe0\x7f"
REPEATING_GROUPS = range(0x5000, 0x6100)  # curves and overlays: several elements of one keyword
LAST_TAG = 0xFFFFFFFF
TRANSFER_SYNTAX, PIXEL_REPRESENTATION = 0x00020010, 0x00280103
ALWAYS_READ = {"TransferSyntaxUID", "SpecificCharacterSet", "PixelRepresentation"}
MAX_CACHED_ELEMENTS = 10_000  # before the cache is begun anew
LONGEST_CACHED_ELEMENT = 4096  # bytes
SHORTEST_RUN = 3  # elements that are worth remembering as one


class Context(NamedTuple):
    """What an element's bytes do not say themselves, but elements before it."""

    implicit: bool = False
    meta: bool = False  # inside the file meta information
    character_set: str | tuple | None = None
    sign: int | None = None  # Pixel Representation, which decides some implicit VRs
    creators: tuple[tuple[int, Any], ...] = ()  # (tag, name) of private creators


class Element(NamedTuple):
    """One element as it stands in a file, and what it means."""

    content: bytes = b""  # all of it, tag and VR and length included
    tag: int = 0
    keyword: str | None = None  # None where it is no column
    value: Any = None
    changes_context: bool = False  # whether the next elements mean something else by it


class Run(NamedTuple):
    """Elements that follow each other in file after file."""

    content: bytes = b""
    first_tag: int = 0
    last_tag: int = 0
    columns: Row = {}  # noqa: RUF012
    private: int = 0  # elements among them


NO_ELEMENT, NO_RUN = Element(), Run()


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
        self._caches: dict[Context, ElementCache] = {}

    def __reduce__(self) -> tuple:
        """A copy for another process begins with an empty cache."""
        return FastReader, (self._wanted, self.private, self._last)

    def row(self, path: str) -> Row | None:
        """A file's columns, as `helpers.header_table` has them; None where that is not sure."""
        try:
            with OpenFile(path) as file:
                return self._row(file)
        except (FastPathNotApplicable, OSError, ValueError, RecursionError):
            return None

    def beginning(self, file: OpenFile) -> tuple[Row, tuple[int, int] | None]:
        """(columns up to `last`, offset and length of the pixel values if they were reached).

        Raises
        ------
        FastPathNotApplicable
            Where that is not sure.
        """
        row, _, pixels = self._header(file)
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
            more = file.read(len(data), 7 * len(data))
            if not more:
                raise FastPathNotApplicable("the header is cut short")
            data += more
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
        private, last, limit = 0, 0, len(data)
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
                if context.meta and head[:2] != META_GROUP:
                    break
                if head[:2] == PIXEL_GROUP and tag_at(head, 0) in PIXEL_TAGS:
                    break
                if tag_at(head, 0) > self._last and not context.meta:
                    break
                end = end_of(data, pos, context.implicit)
                if end > limit:
                    if end > size + 1 or end > LONGEST_HEADER:
                        raise FastPathNotApplicable("longer than the file, or too long to read")
                    return None
                element = cache.meaning(data[pos:end])
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
                context = _changed(context, tag, value)
                cache = self._cache_for(context)
        if run:
            cache.flush(run)
        return pos, private

    def _cache_for(self, context: Context) -> "ElementCache":
        cache = self._caches.get(context)
        if cache is None or len(cache.known) > MAX_CACHED_ELEMENTS:
            cache = self._caches[context] = ElementCache(context, self._wanted, self.private)
        return cache


class ElementCache:
    """What elements mean in one context."""

    def __init__(self, context: Context, wanted: set[str] | None, private: bool) -> None:
        self.known: dict[bytes, Element] = {}  # by all bytes of an element
        self.recent: dict[bytes, Element] = {}  # by its first bytes, as it was last
        self.runs: dict[bytes, Run] = {}  # by the first bytes of a run
        self._options = context, wanted, private

    def meaning(self, content: bytes) -> Element:
        """The Element of all its bytes."""
        found = self.known.get(content)
        if found is None:
            found = _element(content, *self._options)
            if len(content) <= LONGEST_CACHED_ELEMENT:
                self.known[content] = found
        return found

    def flush(self, run: list[Element]) -> list[Element]:
        """Remembers repeated elements as one run; returns an empty list for the next."""
        if len(run) >= SHORTEST_RUN:
            content = b"".join(element.content for element in run)
            columns = {
                element.keyword: element.value for element in run if element.keyword is not None
            }
            private = sum(element.tag >> 16 & 1 for element in run)
            self.runs[content[:8]] = Run(content, run[0].tag, run[-1].tag, columns, private)
        return []


@lru_cache
def _is_implicit(syntax: Any) -> bool:
    uid = UID(str(syntax))
    if not uid.is_transfer_syntax or uid.is_deflated or not uid.is_little_endian:
        raise FastPathNotApplicable("an encoding that is not read here")
    return uid.is_implicit_VR


def _pixel_element(data: bytes, pos: int, implicit: bool) -> tuple[int, int]:
    """(offset of the values, their length) of the pixel element at `pos`."""
    if implicit:
        return pos + 8, four_bytes(data, pos + 4)[0]
    if data[pos + 4 : pos + 6] not in LONG_VRS:
        raise FastPathNotApplicable("pixels with an odd VR")
    return pos + 12, four_bytes(data, pos + 8)[0]


@lru_cache(maxsize=1000)
def _changed(context: Context, tag: int, value: Any) -> Context:
    """The context behind an element that changes it."""
    if tag == CHARACTER_SET:
        return context._replace(character_set=value)
    if tag == PIXEL_REPRESENTATION:
        return context._replace(sign=value)
    return context._replace(creators=(*context.creators, (tag, value)))


def _element(content: bytes, context: Context, wanted: set[str] | None, private: bool) -> Element:
    """An Element from all its bytes."""
    tag = tag_at(content, 0)
    keyword, vr, pydicom_tag = entry_of(tag)
    if tag >> 16 & 1:
        return _private_element(content, pydicom_tag, context, wanted, private)
    of_meta = context.meta and tag != TRANSFER_SYNTAX
    if of_meta or keyword is None or (wanted is not None and keyword not in wanted):
        return Element(content, tag)
    sign_decides = context.implicit and tag == PIXEL_REPRESENTATION
    value = _value(content, pydicom_tag, vr, context)
    return Element(content, tag, keyword, value, tag == CHARACTER_SET or sign_decides)


def _private_element(
    content: bytes, tag: BaseTag, context: Context, wanted: set[str] | None, private: bool
) -> Element:
    """An Element whose meaning its creator knows (PS3.5 7.8.1); a column where that is wanted."""
    if not private and tag.group not in DIFFUSION_GROUPS:
        return Element(content, tag)
    columns = DIFFUSION_COLUMNS if wanted is None else DIFFUSION_COLUMNS & wanted
    if tag.is_private_creator:
        name = _value(content, tag, "LO", context) if private or columns else None
        known = any(column.endswith(f") {name}") for column in columns)
        return Element(content, tag, None, name, private or known)
    creators = dict(context.creators)
    creator = creators.get(tag.group << 16 | tag.element >> 8)
    keyword = private_name(tag, creator)
    if not tag.element or not (private or keyword in columns):  # or the length of a group
        return Element(content, tag)
    if sum(one >> 16 == tag.group and creators[one] == creator for one in creators) > 1:
        raise FastPathNotApplicable("two blocks of one creator")
    vr = private_dictionary_VR(tag, str(creator)) if keyword in DIFFUSION_COLUMNS else "UN"
    return Element(content, tag, keyword, _value(content, tag, vr, context))


def _value(content: bytes, tag: BaseTag, vr: str, context: Context) -> Any:
    """The value of an element, of the VR that it is known by where none is written."""
    implicit = context.implicit
    head = 8 if implicit or content[4:6] in SHORT_VRS else 12
    if not implicit and not (tag.is_private and content[4:6] == b"UN"):
        vr = content[4:6].decode()
    if vr == "SQ":
        undefined = four_bytes(content, head - 4)[0] == UNDEFINED_LENGTH
        return items_of(content, head, None if undefined else len(content), implicit)[0]
    value = content[head:]
    if not value or vr in BULK_VRS:
        return len(value) or None
    if vr == "US or SS" and context.sign is not None:
        vr = "SS" if context.sign else "US"
    if vr == "UN" or " or " in vr:
        raise FastPathNotApplicable("a VR that the data set decides")
    try:
        return value_of(tag, vr, value, context.character_set, implicit)
    except Exception as error:  # what pydicom cannot convert, it is asked about again
        raise FastPathNotApplicable("a value that does not fit its VR") from error
