"""Where does an element of a header end, and what does its value say? (PS3.5 6.2, 7.1, 7.5)"""

import re
from functools import lru_cache
from struct import Struct, error
from typing import Any

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.values import convert_value

from helpers.headers.limits import MAX_ELEMENTS, HeaderTooLargeError, check_value

# value representations whose length has 4 bytes, and those whose length has 2 (PS3.5 7.1.2)
LONG_VRS = frozenset(re.findall(b"..", b"OBODOFOLOVOWSQSVUCUNURUTUV"))
SHORT_VRS = frozenset(re.findall(b"..", b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS"))
BULK_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "OB or OW"}
MIN_ELEMENT = 8  # bytes of the shortest one
ITEM_IN_BIG_ENDIAN = b"\xff\xfe\xe0\x00"
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
UNDEFINED_LENGTH = 0xFFFFFFFF
# text that says the same however it is read: its characters, and what becomes of each value
PLAIN_TEXT = {
    "DS": (b"0123456789+-.eE\\ ", float),
    "IS": (b"0123456789+-\\ ", int),
    "UI": (b"0123456789.\\", str),
    "DA": (b"0123456789.\\", str),
    "DT": (b"0123456789+-.\\", str),
    "TM": (b"0123456789:.\\", str),
}
LONGEST_INTEGER = 12  # characters (PS3.5 6.2, IS); what is longer is left to pydicom
# private elements that say what the pixels are: b-value, gradient direction, complex component,
# and how many slices a mosaic holds side by side
DIFFUSION_COLUMNS = frozenset(
    {
        *("(0019,xx0C) SIEMENS MR HEADER", "(0019,xx0E) SIEMENS MR HEADER"),
        *("(0019,xx0A) SIEMENS MR HEADER", "(0043,xx2F) GEMS_PARM_01", "(0043,xx39) GEMS_PARM_01"),
        *("(2001,xx03) Philips Imaging DD 001", "(2001,xx04) Philips Imaging DD 001"),
    }
)
DIFFUSION_GROUPS = frozenset(int(name[1:5], 16) for name in DIFFUSION_COLUMNS)

four_bytes = Struct("<L").unpack_from
_two_bytes = Struct("<H").unpack_from
_group_and_number = Struct("<HH").unpack_from


class FastPathNotApplicable(Exception):
    """The fast way does not surely apply."""


def tag_at(data: bytes, pos: int) -> int:
    """The tag at `pos` as one number, group first."""
    group, number = _group_and_number(data, pos)
    return group << 16 | number


def end_of(data: bytes, pos: int, implicit: bool) -> int:
    """Where the element at `pos` ends; behind the data where more of it is needed to know."""
    if implicit:
        length, start = four_bytes(data, pos + 4)[0], pos + 8
        sequence = length == UNDEFINED_LENGTH and entry_of(tag_at(data, pos))[1] == "SQ"
    else:
        vr = data[pos + 4 : pos + 6]
        if vr in SHORT_VRS:
            return pos + 8 + _two_bytes(data, pos + 6)[0]
        if vr not in LONG_VRS:
            raise FastPathNotApplicable("no VR of the standard")
        if pos + 12 > len(data):
            return len(data) + 1
        length, start = four_bytes(data, pos + 8)[0], pos + 12
        sequence = vr == b"SQ"
    if length != UNDEFINED_LENGTH:
        return start + length
    if not sequence:
        raise FastPathNotApplicable("undefined length outside a sequence")
    return items_of(data, start, None, implicit)[1]


def items_of(data: bytes, pos: int, stop: int | None, implicit: bool) -> tuple[int, int]:
    """(number of items of a sequence, where it ends); `stop` is None where a delimiter ends it.

    References
    ----------
    PS3.5 7.5
    """
    count, limit = 0, len(data)
    while stop is None or pos < stop:
        if pos + 8 > limit:
            return count, limit + 1
        marker, length = data[pos : pos + 4], four_bytes(data, pos + 4)[0]
        count, pos = count + 1, pos + 8
        if stop is None and marker == SEQUENCE_END:
            return count - 1, pos
        if marker != ITEM:
            raise FastPathNotApplicable("no item where one should be")
        pos = _item_end(data, pos, None if length == UNDEFINED_LENGTH else pos + length, implicit)
    if pos != stop:
        raise FastPathNotApplicable("items do not fit their sequence")
    return count, pos


@lru_cache(maxsize=10_000)
def entry_of(tag: int) -> tuple[str | None, str, BaseTag]:
    """(keyword or None, VR, pydicom's tag) of a tag in the dictionary (PS3.6).

    Private elements and group lengths have no keyword.
    """
    public = not tag >> 16 & 1 and tag & 0xFFFF
    keyword = keyword_for_tag(tag) if public else ""
    return keyword or None, dictionary_VR(tag) if keyword else "UN", Tag(tag)


def private_name(tag: int, creator: Any) -> str:
    """The column of a private element: group, end of its number, who made it (PS3.5 7.8)."""
    return f"({tag >> 16:04X},xx{tag & 0xFF:02X}) {creator or 'no creator'}"


def private_creator(dataset: Dataset, tag: BaseTag) -> Any:
    """Who made a private element; None where its block has no creator (PS3.5 7.8.1)."""
    owner = (tag.group, tag.element >> 8)
    return element_value(dataset, owner) if owner[1] >= 0x10 and owner in dataset else None


def value_of(
    tag: BaseTag, vr: str, content: bytes, character_set: str | tuple | None, implicit: bool
) -> Any:
    """The value of an element's bytes, as `python_value` has it of pydicom's.

    Numbers as text, dates, times and identifiers in plain characters are taken as they are
    written, which is all that pydicom does with them; everything else pydicom converts. Raises
    what pydicom raises for bytes that do not fit, and `HeaderTooLargeError` for too many.
    """
    check_value(tag, vr, content)
    if vr in PLAIN_TEXT and (value := _as_written(vr, content)) is not None:
        return value
    raw = RawDataElement(tag, vr, len(content), content, 0, implicit, True)
    return python_value(convert_value(vr, raw, _encodings(character_set)))


def python_value(value: Any) -> Any:
    """pydicom's value as Python's own types.

    One value is a scalar, several are a tuple (an empty one among them stays an empty text), an
    empty one is None; a sequence is its number of items, bulk data its length in bytes.
    """
    if isinstance(value, (MultiValue, list, tuple)) and not isinstance(value, Sequence):
        return tuple("" if one == "" else python_value(one) for one in value) or None
    if isinstance(value, (Sequence, bytes, bytearray)):
        return len(value)
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    return None if value is None else str(value) or None


def element_value(dataset: Dataset, tag: BaseTag | tuple[int, int]) -> Any:
    """The `python_value` of an element of a data set.

    One that pydicom cannot convert stays the text that the file holds.

    Raises
    ------
    HeaderTooLargeError
        For a value that becomes too large.
    """
    raw = dataset.get_item(tag, keep_deferred=True)
    if raw.VR in BULK_VRS and raw.value is None:
        return getattr(raw, "length", None) or None  # left on disk
    if (items := _item_count(raw)) is not None:
        return items
    check_element(raw)
    try:
        return python_value(dataset[tag].value)
    except Exception:  # header_of says why
        raw = raw.value
        return raw.decode("latin-1").strip("\0 ") if isinstance(raw, bytes) else raw and str(raw)


def check_element(raw: DataElement | RawDataElement) -> None:
    """Refuses an element that pydicom would make too much of.

    Raises
    ------
    HeaderTooLargeError
    """
    if not isinstance(raw, RawDataElement) or not isinstance(raw.value, bytes):
        return
    vr = _vr_of(raw)
    if vr not in ("SQ", "UN") or not raw.value.startswith((ITEM, ITEM_IN_BIG_ENDIAN)):
        check_value(raw.tag, vr, raw.value)
    elif len(raw.value) // MIN_ELEMENT > MAX_ELEMENTS and _element_count(raw) > MAX_ELEMENTS:
        expected = f"expected at most {MAX_ELEMENTS} elements in {raw.tag}"
        raise HeaderTooLargeError(f"{expected}, got more in {len(raw.value)} bytes")


def _vr_of(raw: RawDataElement) -> str:
    return raw.VR or entry_of(raw.tag)[1]


def _item_count(raw: DataElement | RawDataElement) -> int | None:
    """Items of a sequence whose bytes are there; None of anything else, and where it is not sure.

    pydicom would make data sets of them.
    """
    if not isinstance(raw, RawDataElement) or not isinstance(raw.value, bytes):
        return None
    if _vr_of(raw) != "SQ" or not raw.is_little_endian:
        return None
    try:
        return items_of(raw.value, 0, len(raw.value), raw.is_implicit_VR)[0]
    except (FastPathNotApplicable, RecursionError, error):
        return None


def _element_count(raw: RawDataElement) -> int:
    """Elements and items in the value of a sequence, at most; those of big endian are guessed."""
    data, count, pos = raw.value or b"", 0, 0
    if not raw.is_little_endian:
        return len(data) // MIN_ELEMENT
    while pos + MIN_ELEMENT <= len(data):
        vr, length, start = data[pos + 4 : pos + 6], four_bytes(data, pos + 4)[0], pos + 8
        if data[pos : pos + 4] in (ITEM, ITEM_END, SEQUENCE_END):
            length = 0
        elif not raw.is_implicit_VR and vr in SHORT_VRS:
            length = _two_bytes(data, pos + 6)[0]
        elif not raw.is_implicit_VR and pos + 12 <= len(data):
            length, start = four_bytes(data, pos + 8)[0], pos + 12
        into = length == UNDEFINED_LENGTH or data[start : start + 4] == ITEM
        count, pos = count + 1, start if into else start + length
    return count


def _item_end(data: bytes, pos: int, stop: int | None, implicit: bool) -> int:
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


def _as_written(vr: str, content: bytes) -> Any:
    """The value; None where the text is not plain enough to be sure."""
    characters, kind = PLAIN_TEXT[vr]
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
def _encodings(character_set: str | tuple | None) -> list[str]:
    several = list(character_set) if isinstance(character_set, tuple) else character_set
    return convert_encodings(several or "")
