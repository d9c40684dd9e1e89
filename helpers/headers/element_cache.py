"""What do elements mean? Each distinct one is converted once, and found again, alone or in runs."""

from functools import lru_cache
from typing import Any, NamedTuple

from pydicom.datadict import private_dictionary_VR
from pydicom.tag import BaseTag

from helpers.headers.columns import Row
from helpers.headers.elements import (
    BULK_VRS,
    DIFFUSION_COLUMNS,
    DIFFUSION_GROUPS,
    SHORT_VRS,
    UNDEFINED_LENGTH,
    FastPathNotApplicable,
    entry_of,
    four_bytes,
    items_of,
    private_name,
    tag_at,
    value_of,
)
from helpers.headers.pydicom_reader import CHARACTER_SET

TRANSFER_SYNTAX, PIXEL_REPRESENTATION = 0x00020010, 0x00280103
MAX_CACHED_ELEMENTS = 10_000  # before the cache is begun anew
MAX_CREATORS = 1_000  # of private elements
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
            if len(self.known) > MAX_CACHED_ELEMENTS:
                self.known.clear()
                self.recent.clear()
                self.runs.clear()
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


@lru_cache(maxsize=1000)
def changed(context: Context, tag: int, value: Any) -> Context:
    """The context behind an element that changes it."""
    if tag == CHARACTER_SET:
        return context._replace(character_set=value)
    if tag == PIXEL_REPRESENTATION:
        return context._replace(sign=value)
    if len(context.creators) >= MAX_CREATORS:
        raise FastPathNotApplicable("more creators than any scanner has")
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
