"""What do the first kilobytes of one file say? Splits a header into its elements, where that is sure.

A header is a run of (tag, VR, length, value), so it can be cut up without an object per element; and
the images of a series repeat nearly all their elements byte for byte, so each distinct one is
converted once, by pydicom's own conversion, and its value is shared. Whatever is not surely read
right this way is left to `helpers.reading`.
"""

import os
import re
import stat
from functools import lru_cache
from struct import Struct

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import UID
from pydicom.values import convert_value

from helpers.reading import PIXEL_VALUES, UNDEFINED, pixel_state, plain

FIRST_READ = 8192  # bytes; most headers end before
BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "OB or OW"}
LONG = frozenset(re.findall(b"..", b"OBODOFOLOVOWSQSVUCUNURUTUV"))  # VRs whose length has 4 bytes (PS3.5 7.1.2)
SHORT = frozenset(re.findall(b"..", b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS"))
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
META_GROUP, PIXEL_GROUP = b"\x02\x00", b"\xe0\x7f"
TRANSFER_SYNTAX, CHARACTER_SET, PIXEL_REPRESENTATION = 0x00020010, 0x00080005, 0x00280103
NOTHING = (b"", 0, None, None)
MOST_KNOWN = 100_000  # elements remembered before the memory of them is begun anew

_tag_words, _two_bytes, _four_bytes = Struct("<HH").unpack_from, Struct("<H").unpack_from, Struct("<L").unpack_from


class NotSure(Exception):
    """The fast way does not surely apply."""


class Elements:
    """Reads headers one after the other and remembers what their elements mean."""

    def __init__(self):
        self._memory = {}

    def row(self, path):
        """A file's columns as a dict, as `helpers.headers.header_table` has them; None where that is not sure."""
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                return None
            with open(path, "rb", buffering=0) as file:
                return self._row(file, status.st_size)
        except (NotSure, OSError, RecursionError):
            return None

    def _row(self, file, size):
        data = file.read(FIRST_READ)
        syntax, start = _meta(data)
        implicit = _is_implicit(syntax)
        if implicit and data[start + 4 : start + 6].isupper():
            raise NotSure("a VR is written where none should be")
        while (found := self._columns(data, start, implicit, whole=len(data) >= size)) is None:
            more = file.read(7 * len(data)) if len(data) < size else b""
            if not more:
                raise NotSure("the header is cut short")
            data += more
        row, private, pixels = found
        error, offset = pixel_state(file, size, *_pixel_element(data, pixels, implicit)) if pixels else (None, None)
        row |= {"error": error, "file_size": size, "pixel_offset": offset}
        return row | {"TransferSyntaxUID": syntax, "private_elements": private}

    def _columns(self, data, pos, implicit, *, whole):
        """(columns, number of private elements, where the pixel element starts or None); None where more bytes are needed.

        Most elements are those of the file before: they are found by their first bytes, without being cut out.
        """
        row, private, last, limit = {}, 0, 0, len(data)
        context = (implicit, None, None)
        recent, known = self._of(context)
        while pos + 8 <= limit:
            head = data[pos : pos + 8]
            element, tag, keyword, value = recent.get(head, NOTHING)
            if not element or not data.startswith(element, pos):
                if head[:2] == PIXEL_GROUP and _tag(head, 0) in PIXEL_VALUES:
                    return (row, private, pos) if pos + 12 <= limit else None
                end = _end(data, pos, implicit)
                if end > limit:
                    return None
                element = data[pos:end]
                meaning = known.get(element)
                if meaning is None:
                    meaning = known[element] = (element, *_meaning(element, *context))
                recent[head] = meaning
                _, tag, keyword, value = meaning
            if tag <= last:
                raise NotSure("tags do not rise")
            last = tag
            pos += len(element)
            if keyword is None:
                private += tag >> 16 & 1
                continue
            if keyword not in row:  # of a repeating group the first is kept
                row[keyword] = value
            if tag == CHARACTER_SET or (implicit and tag == PIXEL_REPRESENTATION):
                context = (implicit, row.get("SpecificCharacterSet"), row.get("PixelRepresentation") if implicit else None)
                recent, known = self._of(context)
        return (row, private, None) if whole and pos == limit and last else None

    def _of(self, context):
        """(meanings by first bytes, by all bytes) of elements in one context: VR, character set, sign of the pixels."""
        recent, known = self._memory.setdefault(context, ({}, {}))
        if len(known) > MOST_KNOWN:
            recent.clear(), known.clear()
        return recent, known


def _meta(data):
    """(transfer syntax, byte where the data set starts) from the file meta information (PS3.10 7.1)."""
    if data[128:132] != b"DICM":
        raise NotSure("no prefix")
    pos, syntax = 132, None
    while data[pos : pos + 2] == META_GROUP and pos + 12 <= len(data):
        end = _end(data, pos, implicit=False)
        if _tag(data, pos) == TRANSFER_SYNTAX:
            syntax = data[pos + 8 : end].rstrip(b"\0 ").decode("ascii", "replace")
        pos = end
    if syntax is None or pos >= len(data):
        raise NotSure("no transfer syntax")
    return syntax, pos


@lru_cache
def _is_implicit(syntax):
    uid = UID(syntax)
    if not uid.is_transfer_syntax or uid.is_deflated or not uid.is_little_endian:
        raise NotSure("an encoding that is not read here")
    return uid.is_implicit_VR


def _tag(data, pos):
    group, number = _tag_words(data, pos)
    return group << 16 | number


def _end(data, pos, implicit):
    """Where the element at `pos` ends; behind the data where more of it is needed to know."""
    if implicit:
        length, start = _four_bytes(data, pos + 4)[0], pos + 8
        sequence = length == UNDEFINED and _entry(_tag(data, pos))[1] == "SQ"
    else:
        vr = data[pos + 4 : pos + 6]
        if vr in SHORT:
            return pos + 8 + _two_bytes(data, pos + 6)[0]
        if vr not in LONG:
            raise NotSure("no VR of the standard")
        if pos + 12 > len(data):
            return len(data) + 1
        length, start = _four_bytes(data, pos + 8)[0], pos + 12
        sequence = vr == b"SQ"
    if length != UNDEFINED:
        return start + length
    if not sequence:
        raise NotSure("undefined length outside a sequence")
    return _items(data, start, None, implicit)[1]


def _items(data, pos, stop, implicit):
    """(number of items of a sequence, where it ends); `stop` is None where a delimiter ends it (PS3.5 7.5)."""
    count, limit = 0, len(data)
    while stop is None or pos < stop:
        if pos + 8 > limit:
            return count, limit + 1
        marker, length = data[pos : pos + 4], _four_bytes(data, pos + 4)[0]
        if stop is None and marker == SEQUENCE_END:
            return count, pos + 8
        if marker != ITEM:
            raise NotSure("no item where one should be")
        count, pos = count + 1, pos + 8
        pos = _item_end(data, pos, None if length == UNDEFINED else pos + length, implicit)
    if pos != stop:
        raise NotSure("items do not fit their sequence")
    return count, pos


def _item_end(data, pos, stop, implicit):
    limit = len(data)
    while stop is None or pos < stop:
        if pos + 8 > limit:
            return limit + 1
        if stop is None and data[pos : pos + 4] == ITEM_END:
            return pos + 8
        pos = _end(data, pos, implicit)
    if pos != stop:
        raise NotSure("elements do not fit their item")
    return pos


def _pixel_element(data, pos, implicit):
    """(offset of the values, their length) of the pixel element at `pos`."""
    if implicit:
        return pos + 8, _four_bytes(data, pos + 4)[0]
    if data[pos + 4 : pos + 6] not in LONG:
        raise NotSure("pixels with an odd VR")
    return pos + 12, _four_bytes(data, pos + 8)[0]


def _meaning(element, implicit, character_set, sign):
    """(tag, keyword, value) of a whole element; without keyword where it is no column."""
    tag = _tag(element, 0)
    keyword, vr, name = _entry(tag)
    if keyword is None:
        return tag, None, None
    head = 8 if implicit or element[4:6] in SHORT else 12
    vr = vr if implicit else element[4:6].decode()
    if vr == "SQ":
        undefined = _four_bytes(element, head - 4)[0] == UNDEFINED
        return tag, keyword, _items(element, head, None if undefined else len(element), implicit)[0]
    content = element[head:]
    if not content or vr in BULK:
        return tag, keyword, len(content) or None
    if vr == "US or SS" and sign is not None:
        vr = "SS" if sign else "US"
    if vr == "UN" or " or " in vr:
        raise NotSure("a VR that the data set decides")
    try:
        raw = RawDataElement(name, vr, len(content), content, 0, implicit, True)
        return tag, keyword, plain(convert_value(vr, raw, _encodings(character_set)))
    except Exception as error:  # what pydicom cannot convert, it is asked about again in the slow way
        raise NotSure("a value that does not fit its VR") from error


@lru_cache(maxsize=10_000)
def _entry(tag):
    """(keyword or None, VR, pydicom's tag) of a tag in the dictionary (PS3.6); private ones and group lengths have no keyword."""
    public = not tag >> 16 & 1 and tag & 0xFFFF
    keyword = keyword_for_tag(tag) if public else ""
    return keyword or None, dictionary_VR(tag) if keyword else "UN", Tag(tag)


@lru_cache
def _encodings(character_set):
    return convert_encodings(list(character_set) if isinstance(character_set, tuple) else character_set or "")
