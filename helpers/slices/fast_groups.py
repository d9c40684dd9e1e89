"""What do the functional groups of a file say? Splits their bytes, where that is sure.

Frames repeat most of their groups byte for byte, so each distinct one is converted once, as
`helpers.headers.fast_reader` does with the elements of headers. Whatever is not surely read right
this way is left to `helpers.slices.functional_groups`, which asks pydicom.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydicom.uid import UID

from helpers.files import OpenFile
from helpers.headers.element_cache import (
    MAX_CACHED_ELEMENTS,
    PIXEL_REPRESENTATION,
    TRANSFER_SYNTAX,
    Context,
    ElementCache,
)
from helpers.headers.elements import (
    DIFFUSION_GROUPS,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED_LENGTH,
    FastPathNotApplicable,
    end_of,
    entry_of,
    four_bytes,
    tag_at,
)
from helpers.headers.limits import MAX_HEADER
from helpers.headers.pydicom_reader import CHARACTER_SET

SHARED_GROUPS, FRAME_GROUPS = 0x52009229, 0x52009230
FIRST_READ = 2**16  # bytes

Values = dict[str, Any]  # by keyword


class Macro(NamedTuple):
    """What the first item of a functional group's sequence says."""

    content: bytes = b""  # the sequence, tag and length included
    own: Values = {}  # noqa: RUF012
    nested: Values = {}  # noqa: RUF012  # of the first items of the sequences in it


NO_MACRO = Macro()


def split_groups(path: str, count: int) -> tuple[Values, list[Values]]:
    """(what all frames share, what each of the first `count` frames says), by keyword.

    Raises
    ------
    FastPathNotApplicable, OSError, ValueError, struct.error
        Where a file is not surely read right this way.
    """
    with OpenFile(path) as file:
        header = _Header(file)
        context, starts = header.groups()
    reader = _GroupReader(header.data, context)
    shared = reader.groups(starts[SHARED_GROUPS], 1) if SHARED_GROUPS in starts else []
    frames = reader.groups(starts[FRAME_GROUPS], count) if FRAME_GROUPS in starts else []
    return (shared[0] if shared else {}), frames


class _Header:
    """The bytes of an open file, more of them where an element is not there as a whole."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self.data = file.read(0, FIRST_READ)
        if self.data[128:132] != b"DICM":
            raise FastPathNotApplicable("no prefix")

    def groups(self) -> tuple[Context, dict[int, int]]:
        """(what decides how values are read, where the sequences of groups start by tag)."""
        pos, found = self._meta()
        context = Context(_is_implicit(found.get(TRANSFER_SYNTAX), self.data, pos))
        starts, last = {}, 0
        while last < (tag := self._tag(pos)) <= FRAME_GROUPS:
            end = self._end(pos, context.implicit)
            if tag in (SHARED_GROUPS, FRAME_GROUPS):
                starts[tag] = pos
            elif tag in (CHARACTER_SET, PIXEL_REPRESENTATION):
                value = ElementCache(context, None, False).meaning(self.data[pos:end]).value
                changed = "character_set" if tag == CHARACTER_SET else "sign"
                context = context._replace(**{changed: value})
            last, pos = tag, end
        if tag <= last:
            raise FastPathNotApplicable("tags do not rise")
        return context, starts

    def _meta(self) -> tuple[int, dict[int, Any]]:
        """(where the file meta information ends, its values by tag)."""
        pos, found, cache = 132, {}, ElementCache(Context(meta=True), None, False)
        while self._tag(pos) >> 16 == 2:
            end = self._end(pos, False)
            element = cache.meaning(self.data[pos:end])
            found[element.tag], pos = element.value, end
        return pos, found

    def _tag(self, pos: int) -> int:
        while pos + 12 > len(self.data):
            self._read_more(pos + 12)
        return tag_at(self.data, pos)

    def _end(self, pos: int, implicit: bool) -> int:
        while (end := end_of(self.data, pos, implicit)) > len(self.data):
            self._read_more(end)
        return end

    def _read_more(self, end: int) -> None:
        """More bytes of the file, where it can have as many as are needed."""
        read = len(self.data)
        possible = end <= self._file.size + 1
        self.data = self._file.read(0, min(8 * read, MAX_HEADER) if possible else 0)
        if len(self.data) <= read:
            raise FastPathNotApplicable("cut short, or too long to read")


def _is_implicit(syntax: Any, data: bytes, pos: int) -> bool:
    """Whether elements from `pos` on are written without VR."""
    uid = UID(str(syntax))
    if not uid.is_transfer_syntax or uid.is_deflated or not uid.is_little_endian:
        raise FastPathNotApplicable("an encoding that is not read here")
    if uid.is_implicit_VR and data[pos + 4 : pos + 6].isupper():
        raise FastPathNotApplicable("a VR is written where none should be")
    return uid.is_implicit_VR


class _GroupReader:
    """Reads functional groups one after the other and remembers what their bytes mean."""

    def __init__(self, data: bytes, context: Context) -> None:
        self._data, self._context = data, context
        self._caches: dict[Context, ElementCache] = {}
        self._known: dict[bytes, Macro] = {}  # by all bytes of a sequence
        self._recent: dict[bytes, Macro] = {}  # by its first bytes, as it was last

    def groups(self, pos: int, count: int) -> list[Values]:
        """What the first `count` items of the sequence at `pos` say."""
        pos, stop = _content(self._data, pos, self._context.implicit)
        found: list[Values] = []
        while len(found) < count and (item := _item(self._data, pos, stop)):
            values, pos = self._group(*item)
            found.append(values)
        return found

    def _group(self, pos: int, stop: int | None) -> tuple[Values, int]:
        """(what one item says, where it ends); `stop` is None where a delimiter ends it.

        Most sequences are those of the frame before: these are found by their first bytes and
        compared as a whole.
        """
        data, own, nested = self._data, {}, {}
        while pos < stop if stop is not None else data[pos : pos + 4] != ITEM_END:
            macro = self._recent.get(data[pos : pos + 8], NO_MACRO)
            if not macro.content or not data.startswith(macro.content, pos):
                macro = self._macro_at(pos)
            own.update(macro.own)
            nested.update(macro.nested)
            pos += len(macro.content)
        return {**nested, **own}, _checked_end(pos, stop)

    def _macro_at(self, pos: int) -> Macro:
        end = end_of(self._data, pos, self._context.implicit)
        if end > len(self._data):
            raise FastPathNotApplicable("a sequence that is cut short")
        content = self._data[pos:end]
        macro = self._known.get(content)
        if macro is None:
            if len(self._known) > MAX_CACHED_ELEMENTS:
                self._known.clear()
            macro = self._known[content] = self._macro(content)
        self._recent[content[:8]] = macro
        return macro

    def _macro(self, content: bytes) -> Macro:
        """What the first item of a sequence says; nothing where that is none."""
        is_private = bool(tag_at(content, 0) >> 16 & 1)
        elements = self._first_item(content)
        nested: Values = {}
        for element in elements:
            in_private = is_private or bool(tag_at(element, 0) >> 16 & 1)
            nested |= self._values(self._first_item(element), in_private)
        return Macro(content, self._values(elements, is_private), nested)

    def _first_item(self, content: bytes) -> list[bytes]:
        """The elements of the first item of a sequence; none where an element is no sequence."""
        implicit, tag = self._context.implicit, tag_at(content, 0)
        vr = entry_of(tag)[1].encode() if implicit else content[4:6]
        if vr == b"UN":
            raise FastPathNotApplicable("pydicom may know it for a sequence")
        if vr != b"SQ":
            return []
        item = _item(content, *_content(content, 0, implicit))
        return list(_elements(content, *item, implicit)) if item else []

    def _values(self, elements: list[bytes], in_private: bool) -> Values:
        """The values of elements; in a private sequence only those of private ones."""
        values, context = {}, self._context
        for content in elements:
            group, tag = tag_at(content, 0) >> 16, tag_at(content, 0)
            if group not in DIFFUSION_GROUPS if group & 1 else in_private:
                continue
            if tag in (CHARACTER_SET, PIXEL_REPRESENTATION):
                raise FastPathNotApplicable("an item that is read in a way of its own")
            element = self._cache(context).meaning(content)
            if element.changes_context:
                context = context._replace(creators=(*context.creators, (tag, element.value)))
            if element.keyword is not None:
                values[element.keyword] = element.value
        return values

    def _cache(self, context: Context) -> ElementCache:
        cache = self._caches.get(context)
        if cache is None or len(cache.known) > MAX_CACHED_ELEMENTS:
            cache = self._caches[context] = ElementCache(context, None, False)
        return cache


def _content(data: bytes, pos: int, implicit: bool) -> tuple[int, int | None]:
    """(where the items of the sequence at `pos` start, where they end or None: at a delimiter)."""
    if not implicit and data[pos + 4 : pos + 6] != b"SQ":
        raise FastPathNotApplicable("no sequence")
    start = pos + (8 if implicit else 12)
    length = four_bytes(data, start - 4)[0]
    return start, None if length == UNDEFINED_LENGTH else start + length


def _item(data: bytes, pos: int, stop: int | None) -> tuple[int, int | None] | None:
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


def _checked_end(pos: int, stop: int | None) -> int:
    """Where an item ends whose last element ends at `pos`; a `stop` of None is a delimiter."""
    if stop is not None and pos != stop:
        raise FastPathNotApplicable("elements do not fit their item")
    return pos + 8 if stop is None else stop


def _elements(data: bytes, pos: int, stop: int | None, implicit: bool) -> Iterator[bytes]:
    """The elements of one item, each as all its bytes."""
    while pos < stop if stop is not None else data[pos : pos + 4] != ITEM_END:
        end = end_of(data, pos, implicit)
        if end > len(data):
            raise FastPathNotApplicable("an item that is cut short")
        yield data[pos:end]
        pos = end
    _checked_end(pos, stop)
