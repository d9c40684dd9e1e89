"""Where does each element of a header end? Little endian, explicit and implicit VR (PS3.5 7.1, 7.5)."""

import re
from functools import lru_cache
from struct import Struct

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.tag import Tag

LONG = frozenset(re.findall(b"..", b"OBODOFOLOVOWSQSVUCUNURUTUV"))  # VRs whose length has 4 bytes (PS3.5 7.1.2)
SHORT = frozenset(re.findall(b"..", b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS"))
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
UNDEFINED = 0xFFFFFFFF

_tag_words, _two_bytes = Struct("<HH").unpack_from, Struct("<H").unpack_from
four_bytes = Struct("<L").unpack_from


class NotSure(Exception):
    """The fast way does not surely apply."""


def tag_at(data, pos):
    """The tag at `pos` as one number, group first."""
    group, number = _tag_words(data, pos)
    return group << 16 | number


def end_of(data, pos, implicit):
    """Where the element at `pos` ends; behind the data where more of it is needed to know."""
    if implicit:
        length, start = four_bytes(data, pos + 4)[0], pos + 8
        sequence = length == UNDEFINED and entry_of(tag_at(data, pos))[1] == "SQ"
    else:
        vr = data[pos + 4 : pos + 6]
        if vr in SHORT:
            return pos + 8 + _two_bytes(data, pos + 6)[0]
        if vr not in LONG:
            raise NotSure("no VR of the standard")
        if pos + 12 > len(data):
            return len(data) + 1
        length, start = four_bytes(data, pos + 8)[0], pos + 12
        sequence = vr == b"SQ"
    if length != UNDEFINED:
        return start + length
    if not sequence:
        raise NotSure("undefined length outside a sequence")
    return items_of(data, start, None, implicit)[1]


def items_of(data, pos, stop, implicit):
    """(number of items of a sequence, where it ends); `stop` is None where a delimiter ends it (PS3.5 7.5)."""
    count, limit = 0, len(data)
    while stop is None or pos < stop:
        if pos + 8 > limit:
            return count, limit + 1
        marker, length = data[pos : pos + 4], four_bytes(data, pos + 4)[0]
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
        pos = end_of(data, pos, implicit)
    if pos != stop:
        raise NotSure("elements do not fit their item")
    return pos


def private_name(tag, creator):
    """The column of a private element: its group, the last digits of its number, who made it (PS3.5 7.8)."""
    return f"({tag >> 16:04X},xx{tag & 0xFF:02X}) {creator or 'no creator'}"


def is_private_creator(tag):
    """Whether a tag's value names who made the private elements of its block (PS3.5 7.8.1)."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


@lru_cache(maxsize=10_000)
def entry_of(tag):
    """(keyword or None, VR, pydicom's tag) of a tag in the dictionary (PS3.6); private ones and group lengths have no keyword."""
    public = not tag >> 16 & 1 and tag & 0xFFFF
    keyword = keyword_for_tag(tag) if public else ""
    return keyword or None, dictionary_VR(tag) if keyword else "UN", Tag(tag)
