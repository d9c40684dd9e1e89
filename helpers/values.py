"""What does the value of a data element say, in Python's own types?"""

from functools import lru_cache

from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.values import convert_value

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
    return convert_encodings(list(character_set) if isinstance(character_set, tuple) else character_set or "")
