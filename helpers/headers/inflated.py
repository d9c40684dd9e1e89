"""What does a deflated header say? Inflates a file only as far as its header needs (PS3.5 A.5).

A few bytes can inflate to gigabytes, so what is not looked at is let go, and what does not end is
given up.
"""

import io
import zlib
from typing import Protocol

from helpers.errors import ClearError

BLOCK_SIZE = 2**18  # bytes, read and inflated at once
KEPT_BEHIND = 2**18  # bytes before the place of reading, which a reader may want again
MAX_READ = 2**25  # bytes that a header takes in memory, before it is given up
READ_OVERHEAD = 64  # bytes that stand beside those of each read
MAX_INFLATED = 2**28  # bytes, looked at or not, before a header is given up
MAX_PIXELS = 2**28  # bytes of pixels that are inflated at most
NO_END = "truncated: the deflated data has no end (PS3.5 A.5)"


class InflateError(ClearError):
    """Deflated data that does not inflate, or inflates to more than a header has."""


class Readable(Protocol):
    """Where deflated bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Some bytes; none at the end."""


class InflatingReader:
    """The inflated bytes of a file from where it stands, as a file that is read forwards."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        self._kept = bytearray()  # the inflated bytes before `_end`
        self._end = self._position = self._read = 0

    def tell(self) -> int:
        """The place of the next byte."""
        return self._position

    def seek(self, position: int) -> int:
        """Goes to a place: forwards, or back by less than `KEPT_BEHIND` bytes."""
        self._position = position
        return position

    def read(self, size: int) -> bytes:
        """Some bytes; fewer where they end.

        Raises
        ------
        InflateError
            Where they are damaged, or so many that this is no header.
        """
        self._inflate_to(self._position + size)
        start = self._position - (self._end - len(self._kept))
        if start < 0:
            raise InflateError(f"byte {self._position} of the inflated data is not kept")
        content = bytes(self._kept[start : start + size])
        self._position += len(content)
        self._read += len(content) + READ_OVERHEAD
        return content

    def read_values(self, size: int) -> bytes:
        """The bytes of pixels from here on; fewer where they end, `MAX_PIXELS` at most."""
        self._inflate_to(self._position)
        values, left = io.BytesIO(), min(size, MAX_PIXELS)
        behind = len(self._kept) - (self._end - self._position)
        piece = bytes(self._kept[behind:])
        while left > 0 and (piece or (piece := self._piece())):
            left -= values.write(piece[:left])
            piece = b""
        return values.getvalue()

    def ending(self) -> str | None:
        """What is wrong with the rest, or None; of what is longer than can be told nothing is."""
        try:
            while self._end < MAX_INFLATED and (piece := self._piece()):
                self._end += len(piece)
        except InflateError as error:
            return str(error)
        return NO_END if self._end < MAX_INFLATED and not self._decompressor.eof else None

    def _inflate_to(self, end: int) -> None:
        while self._end < end and (piece := self._piece()):
            self._kept += piece
            self._end += len(piece)
            unread = self._end - self._position
            del self._kept[: max(0, len(self._kept) - max(unread, 0) - KEPT_BEHIND)]
            if self._end > MAX_INFLATED or self._read + unread > MAX_READ:
                expected = "expected a header in the deflated data (PS3.5 A.5)"
                raise InflateError(f"{expected}, got {self._end} bytes and no pixels yet")

    def _piece(self) -> bytes:
        """The next inflated bytes; none where they end, or where the file does."""
        while not self._decompressor.eof:
            source = self._decompressor.unconsumed_tail or self._file.read(BLOCK_SIZE)
            try:
                piece = self._decompressor.decompress(source, BLOCK_SIZE)
            except zlib.error as error:
                raise InflateError(f"damaged: {error} (PS3.5 A.5)") from error
            if piece or not source:
                return piece
        return b""
