"""Where does an element of a header end, and what does its value say? (PS3.5 6.2, 7.1, 7.5)"""

import re
from functools import lru_cache
from struct import Struct

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.values import convert_value

LONG = frozenset(
    re.findall(b"..", b"OBODOFOLOVOWSQSVUCUNURUTUV")
)  # VRs whose length has 4 bytes (PS3.5 7.1.2)
SHORT = frozenset(re.findall(b"..", b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS"))
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
UNDEFINED = 0xFFFFFFFF

_tag_words, _two_bytes = Struct("<HH").unpack_from, Struct("<H").unpack_from
four_bytes = Struct("<L").unpack_from


class FastPathNotApplicable(Exception):
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
            raise FastPathNotApplicable("no VR of the standard")
        if pos + 12 > len(data):
            return len(data) + 1
        length, start = four_bytes(data, pos + 8)[0], pos + 12
        sequence = vr == b"SQ"
    if length != UNDEFINED:
        return start + length
    if not sequence:
        raise FastPathNotApplicable("undefined length outside a sequence")
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
            raise FastPathNotApplicable("no item where one should be")
        count, pos = count + 1, pos + 8
        pos = _item_end(data, pos, None if length == UNDEFINED else pos + length, implicit)
    if pos != stop:
        raise FastPathNotApplicable("items do not fit their sequence")
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
        raise FastPathNotApplicable("elements do not fit their item")
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


# text that says the same however it is read: the characters it is made of, and what becomes of each value
AS_WRITTEN = {
    "DS": (b"0123456789+-.eE\\ ", float),
    "IS": (b"0123456789+-\\ ", int),
    "UI": (b"0123456789.\\", str),
    "DA": (b"0123456789.\\", str),
    "DT": (b"0123456789+-.\\", str),
    "TM": (b"0123456789:.\\", str),
}
BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "OB or OW"}
LONGEST_INTEGER = 12  # characters (PS3.5 6.2, IS); what is longer is left to pydicom


def plain(value):
    """pydicom's value as Python's own types.

    One value is a scalar, several are a tuple (an empty one among them stays an empty text), an empty
    one is None; a sequence is its number of items, bulk data its length in bytes.
    """
    if isinstance(value, (MultiValue, list, tuple)) and not isinstance(value, Sequence):
        return tuple("" if one == "" else plain(one) for one in value) or None
    if isinstance(value, (Sequence, bytes, bytearray)):
        return len(value)
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    return None if value is None else str(value) or None


def plain_value(dataset, tag):
    """The plain value of an element of a data set; one that pydicom cannot convert stays the text that the file holds."""
    raw = dataset.get_item(tag, keep_deferred=True)
    if raw.VR in BULK and raw.value is None:
        return getattr(raw, "length", None) or None  # left on disk
    try:
        return plain(dataset[tag].value)
    except Exception:
        raw = raw.value
        return raw.decode("latin-1").strip("\0 ") if isinstance(raw, bytes) else raw and str(raw)


def value_of(tag, vr, content, character_set, implicit):
    """The plain value of an element's bytes, equal to pydicom's. Raises what pydicom raises for bytes that do not fit.

    Numbers as text, dates, times and identifiers in plain characters are taken as they are written, which is
    all that pydicom does with them; everything else pydicom converts.
    """
    if vr in AS_WRITTEN and (value := _as_written(vr, content)) is not None:
        return value
    raw = RawDataElement(tag, vr, len(content), content, 0, implicit, True)
    return plain(convert_value(vr, raw, _encodings(character_set)))


def _as_written(vr, content):
    """The value; None where the text is not plain enough to be sure."""
    characters, kind = AS_WRITTEN[vr]
    text = content.rstrip(b"\0 ")
    if not text or text.strip(characters):
        return None
    parts = text.decode("ascii").split("\\")
    if kind is int and max(map(len, parts)) > LONGEST_INTEGER:
        return None
    try:
        return kind(parts[0]) if len(parts) == 1 else tuple(map(kind, parts))
    except ValueError:
        return None


@lru_cache
def _encodings(character_set):
    return convert_encodings(
        list(character_set) if isinstance(character_set, tuple) else character_set or ""
    )
