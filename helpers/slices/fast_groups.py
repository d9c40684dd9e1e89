"""What do the functional groups of a file say? Splits their bytes, where that is sure.

Frames repeat most of their groups byte for byte, so each distinct one is converted once, as
`helpers.headers.fast_reader` does with the elements of headers. Whatever is not surely read right
this way is left to `helpers.slices.functional_groups`, which asks pydicom.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from helpers.files.opening import open_file
from helpers.headers.element_cache import (
    MAX_CACHED_ELEMENTS,
    PIXEL_REPRESENTATION,
    Context,
    ElementCache,
)
from helpers.headers.elements import (
    DIFFUSION_GROUPS,
    ITEM_END,
    FastPathNotApplicable,
    end_of,
    entry_of,
    tag_at,
)
from helpers.headers.pydicom_reader import CHARACTER_SET
from helpers.headers.split_header import SplitHeader, content_of, item_at, item_end, spans_of

SHARED_GROUPS, FRAME_GROUPS = 0x52009229, 0x52009230

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
    with open_file(path) as file:
        header = SplitHeader(file, last=FRAME_GROUPS)
    reader, spans = _GroupReader(header.data, _context(header)), header.spans
    shared = reader.groups(spans[SHARED_GROUPS][0], 1) if SHARED_GROUPS in spans else []
    frames = reader.groups(spans[FRAME_GROUPS][0], count) if FRAME_GROUPS in spans else []
    return (shared[0] if shared else {}), frames


def _context(header: SplitHeader) -> Context:
    """What decides how values are read."""
    context = Context(header.implicit)
    for tag, name in ((CHARACTER_SET, "character_set"), (PIXEL_REPRESENTATION, "sign")):
        if tag in header.spans:
            content = header.data[slice(*header.spans[tag])]
            value = ElementCache(context, None, False).meaning(content).value
            context = context._replace(**{name: value})
    return context


class _GroupReader:
    """Reads functional groups one after the other and remembers what their bytes mean."""

    def __init__(self, data: bytes, context: Context) -> None:
        self._data, self._context = data, context
        self._caches: dict[Context, ElementCache] = {}
        self._known: dict[bytes, Macro] = {}  # by all bytes of a sequence
        self._recent: dict[bytes, Macro] = {}  # by its first bytes, as it was last

    def groups(self, pos: int, count: int) -> list[Values]:
        """What the first `count` items of the sequence at `pos` say."""
        pos, stop = content_of(self._data, pos, self._context.implicit)
        found: list[Values] = []
        while len(found) < count and (item := item_at(self._data, pos, stop)):
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
        return {**nested, **own}, item_end(pos, stop)

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
        item = item_at(content, *content_of(content, 0, implicit))
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


def _elements(data: bytes, pos: int, stop: int | None, implicit: bool) -> Iterator[bytes]:
    """The elements of one item, each as all its bytes."""
    for _, start, end in spans_of(data, pos, stop, implicit):
        yield data[start:end]
