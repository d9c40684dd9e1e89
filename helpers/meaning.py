"""What does one data element mean, given those before it? Each distinct one is asked once and remembered."""

from functools import lru_cache
from typing import NamedTuple

from helpers.structure import SHORT, UNDEFINED, NotSure, entry_of, four_bytes, is_private_creator, items_of, private_name, tag_at
from helpers.values import BULK, value_of

TRANSFER_SYNTAX, CHARACTER_SET, PIXEL_REPRESENTATION = 0x00020010, 0x00080005, 0x00280103
NEEDED = {"TransferSyntaxUID", "SpecificCharacterSet", "PixelRepresentation"}  # to read the others
LONGEST_KNOWN = 4096  # bytes of an element that is remembered
SHORTEST_RUN = 3  # elements that are worth remembering as one


class Context(NamedTuple):
    """What an element's bytes do not say themselves, but elements before it."""

    implicit: bool = False
    meta: bool = False  # inside the file meta information
    character_set: str | tuple | None = None
    sign: int | None = None  # Pixel Representation, which decides some implicit VRs
    creators: tuple = ()  # (tag, name) of private creators


class Element(NamedTuple):
    """One element as it stands in a file, and what it means."""

    content: bytes = b""  # all of it, tag and VR and length included
    tag: int = 0
    keyword: str | None = None  # None where it is no column
    value: object = None
    turns: bool = False  # whether it changes what the next mean


class Run(NamedTuple):
    """Elements that follow each other in file after file."""

    content: bytes = b""
    first: int = 0  # tag
    last: int = 0
    columns: dict = {}  # noqa: RUF012
    private: int = 0  # elements among them


NO_ELEMENT, NO_RUN = Element(), Run()


class Memory:
    """What elements mean in one context."""

    def __init__(self, context, wanted, private):
        self._asked = context, wanted, private
        self.known = {}  # all bytes of an element → Element
        self.recent = {}  # its first bytes → the same, as it was last
        self.runs = {}  # first bytes of a run → Run

    def meaning(self, content):
        """The Element of all its bytes."""
        found = self.known.get(content)
        if found is None:
            found = _element(content, *self._asked)
            if len(content) <= LONGEST_KNOWN:
                self.known[content] = found
        return found

    def close(self, held):
        """Remembers elements that were as in the file before as one run; returns a new list to hold the next in."""
        if len(held) >= SHORTEST_RUN:
            block = b"".join(element.content for element in held)
            columns = {element.keyword: element.value for element in held if element.keyword is not None}
            private = sum(element.tag >> 16 & 1 for element in held)
            self.runs[block[:8]] = Run(block, held[0].tag, held[-1].tag, columns, private)
        return []


@lru_cache(maxsize=1000)
def turned(context, tag, value):
    """The context behind an element that changes it."""
    if tag == CHARACTER_SET:
        return context._replace(character_set=value)
    if tag == PIXEL_REPRESENTATION:
        return context._replace(sign=value)
    return context._replace(creators=(*context.creators, (tag, value)))


def _element(content, context, wanted, private):
    """An Element from all its bytes."""
    tag = tag_at(content, 0)
    keyword, vr, name = entry_of(tag)
    hidden = bool(tag >> 16 & 1)
    creator = private and is_private_creator(tag)
    if hidden and private and not creator:
        keyword = _private_keyword(tag, context)
    if context.meta and tag != TRANSFER_SYNTAX:
        keyword = None
    if not creator and (keyword is None or (wanted is not None and not hidden and keyword not in wanted)):
        return Element(content, tag)
    turns = creator or tag == CHARACTER_SET or (context.implicit and tag == PIXEL_REPRESENTATION)
    return Element(content, tag, keyword, _value(content, name, vr, context), turns)


def _private_keyword(tag, context):
    if context.implicit:
        raise NotSure("private elements whose VR is not written")
    owner = tag & 0xFFFF0000 | tag >> 8 & 0xFF
    creators = dict(context.creators)
    same = [maker for maker in creators if maker >> 16 == tag >> 16 and creators[maker] == creators.get(owner)]
    if len(same) > 1:
        raise NotSure("two blocks of one creator")
    return private_name(tag, creators.get(owner))


def _value(content, name, vr, context):
    """The plain value of an element."""
    implicit = context.implicit
    head = 8 if implicit or content[4:6] in SHORT else 12
    vr = vr if implicit else content[4:6].decode()
    if vr == "SQ":
        undefined = four_bytes(content, head - 4)[0] == UNDEFINED
        return items_of(content, head, None if undefined else len(content), implicit)[0]
    value = content[head:]
    if not value or vr in BULK:
        return len(value) or None
    if vr == "US or SS" and context.sign is not None:
        vr = "SS" if context.sign else "US"
    if vr == "UN" or " or " in vr:
        raise NotSure("a VR that the data set decides")
    try:
        return value_of(name, vr, value, context.character_set, implicit)
    except Exception as error:  # what pydicom cannot convert, it is asked about again in the slow way
        raise NotSure("a value that does not fit its VR") from error
