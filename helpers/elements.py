"""What do the first kilobytes of one file say? Splits a header into its elements, where that is sure.

A header is a run of (tag, VR, length, value), so it can be cut up without an object per element; and
the images of a series repeat nearly all their elements byte for byte, so each distinct one is
converted once and its value is shared. Whatever is not surely read right this way is left to
`helpers.reading`.
"""

import os
import stat
from functools import lru_cache

from pydicom.uid import UID

from helpers.meaning import LONGEST_KNOWN, NEEDED, NO_ELEMENT, NO_RUN, Context, Memory, turned
from helpers.reading import PIXEL_VALUES, pixel_state
from helpers.structure import LONG, NotSure, end_of, four_bytes, tag_at

FIRST_READ = 8192  # bytes; most headers end before
# a pipe without a writer does not hold us up; on Windows bytes stay bytes
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
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
        """A file's columns as a dict, as `helpers.headers.header_table` has them; None where that is not sure."""
        try:
            file = os.open(path, OPEN_FLAGS)
            try:
                status = os.fstat(file)
                return self._row(file, status.st_size) if stat.S_ISREG(status.st_mode) else None
            finally:
                os.close(file)
        except (NotSure, OSError, ValueError, RecursionError):
            return None

    def _row(self, file, size):
        data = os.read(file, FIRST_READ)
        if data[128:132] != b"DICM":
            raise NotSure("no prefix")
        while (found := self._read(data, size)) is None:
            more = os.read(file, 7 * len(data)) if len(data) < size else b""
            if not more:
                raise NotSure("the header is cut short")
            data += more
        row, private, pixels, implicit = found
        error, offset = pixel_state(file, size, *_pixel_element(data, pixels, implicit)) if pixels else (None, None)
        row |= {"error": error, "file_size": size, "pixel_offset": offset, "private_elements": private}
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
            raise NotSure("a VR is written where none should be")
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
                raise NotSure("tags do not rise")
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
        raise NotSure("an element that is longer than its file, or too long to be held in memory")


@lru_cache
def _is_implicit(syntax):
    uid = UID(str(syntax))
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
