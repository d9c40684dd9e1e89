"""What do the first kilobytes of one file say? Splits a header into its elements, where that is sure.

A header is a run of (tag, VR, length, value), so it can be cut up without an object per element; and
the images of a series repeat nearly all their elements byte for byte, so each distinct one is
converted once and its value is shared. Whatever is not surely read right this way is left to
`helpers.headers.pydicom_reader`.
"""

import os
import stat
from functools import lru_cache
from typing import NamedTuple

from pydicom.uid import UID

from helpers.headers.elements import (
    BULK,
    LONG,
    SHORT,
    UNDEFINED,
    FastPathNotApplicable,
    end_of,
    entry_of,
    four_bytes,
    is_private_creator,
    items_of,
    private_name,
    tag_at,
    value_of,
)
from helpers.headers.pydicom_reader import PIXEL_VALUES, pixel_state

FIRST_READ = 8192  # bytes; most headers end before
# a pipe without a writer does not hold us up; on Windows bytes stay bytes
OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
LONGEST_HEADER = 2**22  # bytes; one that is longer is not held in memory here
META_GROUP, PIXEL_GROUP = b"\x02\x00", b"\xe0\x7f"
REPEATING_GROUPS = range(0x5000, 0x6100)  # curves and overlays: several elements of one keyword
MOST_KNOWN = 10_000  # elements remembered before the memory of them is begun anew


class Elements:
    """Reads headers one after the other and remembers what their elements mean.

    Parameters
    ----------
    keywords : collection of str, or None for all
    private : bool; whether private elements become columns too
    """

    def __init__(self, keywords=None, private=False):
        self._wanted = None if keywords is None else NEEDED | set(keywords)
        self.private = private
        self._memory = {}

    def __reduce__(self):
        """A copy for another process begins with an empty memory."""
        return Elements, (self._wanted, self.private)

    def row(self, path):
        """A file's columns as a dict, as `helpers.header_table` has them; None where that is not sure."""
        try:
            file = os.open(path, OPEN_FLAGS)
            try:
                status = os.fstat(file)
                return self._row(file, status.st_size) if stat.S_ISREG(status.st_mode) else None
            finally:
                os.close(file)
        except (FastPathNotApplicable, OSError, ValueError, RecursionError):
            return None

    def _row(self, file, size):
        data = os.read(file, FIRST_READ)
        if data[128:132] != b"DICM":
            raise FastPathNotApplicable("no prefix")
        while (found := self._read(data, size)) is None:
            more = os.read(file, 7 * len(data)) if len(data) < size else b""
            if not more:
                raise FastPathNotApplicable("the header is cut short")
            data += more
        row, private, pixels, implicit = found
        error, offset = (
            pixel_state(file, size, *_pixel_element(data, pixels, implicit))
            if pixels
            else (None, None)
        )
        row |= {
            "error": error,
            "file_size": size,
            "pixel_offset": offset,
            "private_elements": private,
        }
        return row

    def _read(self, data, size):
        """(columns, private elements, byte of the pixel element or None, implicit); None where more bytes are needed."""
        row = {}
        walked = self._walk(data, 132, size, row, Context(meta=True))
        if walked is None:
            return None
        start, _ = walked
        implicit = _is_implicit(row.get("TransferSyntaxUID"))
        if implicit and data[start + 4 : start + 6].isupper():
            raise FastPathNotApplicable("a VR is written where none should be")
        walked = self._walk(data, start, size, row, Context(implicit))
        if walked is None:
            return None
        end, private = walked
        if end + 12 <= len(data) and data[end : end + 2] == PIXEL_GROUP:
            return row, private, end, implicit
        return (row, private, None, implicit) if start < end == len(data) == size else None

    def _walk(self, data, pos, size, row, context):
        """(where it stopped, number of private elements), the columns put into `row`; None where more bytes are needed.

        Most elements are those of the file before, in runs of many: these are found by the first bytes of the
        run and compared as a whole. An element outside is found by its own first bytes, or cut out and looked up.
        """
        private, last, limit, held = 0, 0, len(data), []
        memory = self._memory_of(context)
        while pos + 8 <= limit:
            head = data[pos : pos + 8]
            run = memory.runs.get(head, NO_RUN)
            block, first, end_tag, columns, hidden = run
            if block and first > last and data.startswith(block, pos):
                row.update(columns)
                private, last, pos = private + hidden, end_tag, pos + len(block)
                if held:
                    held = memory.close(held)
                continue
            element = memory.recent.get(head, NO_ELEMENT)
            content, tag, keyword, value, turns = element
            again = content and data.startswith(content, pos)
            if not again:
                if context.meta and head[:2] != META_GROUP:
                    break
                if head[:2] == PIXEL_GROUP and tag_at(head, 0) in PIXEL_VALUES:
                    break
                end = end_of(data, pos, context.implicit)
                if end > limit:
                    return _wait(end, size)
                element = memory.meaning(data[pos:end])
                if end - pos <= LONGEST_KNOWN:
                    memory.recent[head] = element
                content, tag, keyword, value, turns = element
            if tag <= last:
                raise FastPathNotApplicable("tags do not rise")
            last, pos = tag, pos + len(content)
            if tag >> 16 & 1:
                private += 1
            if keyword is not None and keyword not in row:  # of a repeating group the first is kept
                row[keyword] = value
            if again and not turns and tag >> 16 not in REPEATING_GROUPS:
                held.append(element)
            elif held:
                held = memory.close(held)
            if turns:
                context = turned(context, tag, value)
                memory = self._memory_of(context)
        if held:
            memory.close(held)
        return pos, private

    def _memory_of(self, context):
        memory = self._memory.get(context)
        if memory is None or len(memory.known) > MOST_KNOWN:
            memory = self._memory[context] = Memory(context, self._wanted, self.private)
        return memory


def _wait(end, size):
    """None, for more bytes, unless the file has none or they are too many."""
    if end > size + 1 or end > LONGEST_HEADER:
        raise FastPathNotApplicable(
            "an element that is longer than its file, or too long to be held in memory"
        )


@lru_cache
def _is_implicit(syntax):
    uid = UID(str(syntax))
    if not uid.is_transfer_syntax or uid.is_deflated or not uid.is_little_endian:
        raise FastPathNotApplicable("an encoding that is not read here")
    return uid.is_implicit_VR


def _pixel_element(data, pos, implicit):
    """(offset of the values, their length) of the pixel element at `pos`."""
    if implicit:
        return pos + 8, four_bytes(data, pos + 4)[0]
    if data[pos + 4 : pos + 6] not in LONG:
        raise FastPathNotApplicable("pixels with an odd VR")
    return pos + 12, four_bytes(data, pos + 8)[0]


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
            columns = {
                element.keyword: element.value for element in held if element.keyword is not None
            }
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
    if not creator and (
        keyword is None or (wanted is not None and not hidden and keyword not in wanted)
    ):
        return Element(content, tag)
    turns = creator or tag == CHARACTER_SET or (context.implicit and tag == PIXEL_REPRESENTATION)
    return Element(content, tag, keyword, _value(content, name, vr, context), turns)


def _private_keyword(tag, context):
    if context.implicit:
        raise FastPathNotApplicable("private elements whose VR is not written")
    owner = tag & 0xFFFF0000 | tag >> 8 & 0xFF
    creators = dict(context.creators)
    same = [
        maker
        for maker in creators
        if maker >> 16 == tag >> 16 and creators[maker] == creators.get(owner)
    ]
    if len(same) > 1:
        raise FastPathNotApplicable("two blocks of one creator")
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
        raise FastPathNotApplicable("a VR that the data set decides")
    try:
        return value_of(name, vr, value, context.character_set, implicit)
    except (
        Exception
    ) as error:  # what pydicom cannot convert, it is asked about again in the slow way
        raise FastPathNotApplicable("a value that does not fit its VR") from error
