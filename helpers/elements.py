"""What do the first kilobytes of one file say? Splits a header into its elements, where that is sure.

A header is a run of (tag, VR, length, value), so it can be cut up without an object per element; and
the images of a series repeat nearly all their elements byte for byte, so each distinct one is
converted once, by pydicom's own conversion, and its value is shared. Whatever is not surely read
right this way is left to `helpers.reading`.
"""

import os
import stat
from functools import lru_cache

from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.uid import UID
from pydicom.values import convert_value

from helpers.reading import PIXEL_VALUES, pixel_state, plain
from helpers.structure import LONG, SHORT, UNDEFINED, NotSure, end_of, entry_of, four_bytes, items_of, meta, tag_at

FIRST_READ = 8192  # bytes; most headers end before
BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "OB or OW"}
PIXEL_GROUP, CHARACTER_SET, PIXEL_REPRESENTATION = b"\xe0\x7f", 0x00080005, 0x00280103
REPEATING_GROUPS = range(0x5000, 0x6100)  # curves and overlays: several elements of one keyword
NO_ELEMENT, NO_RUN = (b"", 0, None, None), (b"", 0, 0, {}, 0)
SHORTEST_RUN = 4  # elements that are worth remembering as one
MOST_KNOWN = 100_000  # elements remembered before the memory of them is begun anew


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
        syntax, start = meta(data)
        implicit = _is_implicit(syntax)
        if implicit and data[start + 4 : start + 6].isupper():
            raise NotSure("a VR is written where none should be")
        while (found := self._columns(data, start, implicit, size)) is None:
            more = file.read(7 * len(data)) if len(data) < size else b""
            if not more:
                raise NotSure("the header is cut short")
            data += more
        row, private, pixels = found
        error, offset = pixel_state(file, size, *_pixel_element(data, pixels, implicit)) if pixels else (None, None)
        row |= {"error": error, "file_size": size, "pixel_offset": offset}
        return row | {"TransferSyntaxUID": syntax, "private_elements": private}

    def _columns(self, data, pos, implicit, size):
        """(columns, number of private elements, where the pixel element starts or None); None where more bytes are needed.

        Most elements are those of the file before, in runs of many: these are found by the first bytes of the
        run and compared as a whole. An element outside is found by its own first bytes, or cut out and looked up.
        """
        row, private, last, limit, held = {}, 0, 0, len(data), []
        memory = self._memory_of(implicit, None, None)
        while pos + 8 <= limit:
            head = data[pos : pos + 8]
            block, first, end_tag, columns, hidden = memory.runs.get(head, NO_RUN)
            if block and first > last and data.startswith(block, pos):
                row.update(columns)
                private, last, pos, held = private + hidden, end_tag, pos + len(block), memory.close(held)
                continue
            element, tag, keyword, value = memory.recent.get(head, NO_ELEMENT)
            again = element and data.startswith(element, pos)
            if not again:
                if head[:2] == PIXEL_GROUP and tag_at(head, 0) in PIXEL_VALUES:
                    break
                end = end_of(data, pos, implicit)
                if end > limit:
                    return self._wait(end, size)
                element, tag, keyword, value = memory.recent[head] = memory.meaning(data[pos:end])
            if tag <= last:
                raise NotSure("tags do not rise")
            last = tag
            pos += len(element)
            if keyword is None:
                private += tag >> 16 & 1
            elif keyword not in row:  # of a repeating group the first is kept
                row[keyword] = value
            if tag == CHARACTER_SET or (implicit and tag == PIXEL_REPRESENTATION):
                held = memory.close(held)
                sign = row.get("PixelRepresentation") if implicit else None
                memory = self._memory_of(implicit, row.get("SpecificCharacterSet"), sign)
            elif again and tag >> 16 not in REPEATING_GROUPS:
                held.append((element, tag, keyword, value))
            else:
                held = memory.close(held)
        memory.close(held)
        if pos + 12 <= limit and data[pos : pos + 2] == PIXEL_GROUP:
            return row, private, pos
        return (row, private, None) if pos == limit == size and last else None

    @staticmethod
    def _wait(end, size):
        """None, for more bytes, unless the file has none."""
        if end > size + 1:
            raise NotSure("an element is longer than its file")

    def _memory_of(self, *context):
        memory = self._memory.get(context)
        if memory is None or len(memory.known) > MOST_KNOWN:
            memory = self._memory[context] = Memory(*context)
        return memory


class Memory:
    """What elements mean in one context: VR written or not, character set, sign of the pixels (which decides some VRs)."""

    def __init__(self, implicit, character_set, sign):
        self.context = implicit, character_set, sign
        self.known = {}  # all bytes of an element → (bytes, tag, keyword, value)
        self.recent = {}  # its first bytes → the same, as it was last
        self.runs = {}  # first bytes of a run → (bytes, first tag, last tag, columns, number of private elements)

    def meaning(self, element):
        """(bytes, tag, keyword, value) of a whole element."""
        found = self.known.get(element)
        if found is None:
            found = self.known[element] = (element, *_meaning(element, *self.context))
        return found

    def close(self, held):
        """Remembers elements that were as in the file before as one run; returns a new list to hold the next in."""
        if len(held) >= SHORTEST_RUN:
            columns = {keyword: value for _, _, keyword, value in held if keyword is not None}
            hidden = sum(tag >> 16 & 1 for _, tag, keyword, _ in held if keyword is None)
            block = b"".join(element for element, *_ in held)
            self.runs[block[:8]] = block, held[0][1], held[-1][1], columns, hidden
        return []


@lru_cache
def _is_implicit(syntax):
    uid = UID(syntax)
    if not uid.is_transfer_syntax or uid.is_deflated or not uid.is_little_endian:
        raise NotSure("an encoding that is not read here")
    return uid.is_implicit_VR


def _pixel_element(data, pos, implicit):
    """(offset of the values, their length) of the pixel element at `pos`."""
    if implicit:
        return pos + 8, four_bytes(data, pos + 4)[0]
    if data[pos + 4 : pos + 6] not in LONG:
        raise NotSure("pixels with an odd VR")
    return pos + 12, four_bytes(data, pos + 8)[0]


def _meaning(element, implicit, character_set, sign):
    """(tag, keyword, value) of a whole element; without keyword where it is no column."""
    tag = tag_at(element, 0)
    keyword, vr, name = entry_of(tag)
    if keyword is None:
        return tag, None, None
    head = 8 if implicit or element[4:6] in SHORT else 12
    vr = vr if implicit else element[4:6].decode()
    if vr == "SQ":
        undefined = four_bytes(element, head - 4)[0] == UNDEFINED
        return tag, keyword, items_of(element, head, None if undefined else len(element), implicit)[0]
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


@lru_cache
def _encodings(character_set):
    return convert_encodings(list(character_set) if isinstance(character_set, tuple) else character_set or "")
