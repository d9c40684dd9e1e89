"""How much may one header take? Limits on elements, values and bytes that no real header meets.

Some kilobytes become gigabytes where a header is made to: each element and each item of a sequence
takes some hundred bytes of memory, however short it is in the file.
"""

from helpers.errors import ClearError
from helpers.files.reading import OpenFile, SizeLimitedReader

MAX_HEADER = 2**26  # bytes of elements that are read into memory at once
MAX_VALUE = 2**24  # bytes of a value that is converted; bulk data is not
MAX_VALUES = 2**18  # of one element
MAX_ELEMENTS = 2**18  # of a header, those of its sequences included
MAX_TOP_ELEMENTS = 2**16  # of a header, without those of its sequences
MAX_DEPTH = 50  # of sequences inside sequences
MAX_CHARACTER_SETS = 2**10  # bytes of Specific Character Set
TOO_DEEP = "sequences are nested too deep"
TOO_MANY = f"expected a header of at most {MAX_TOP_ELEMENTS} elements, got more"
READ_OVERHEAD = 256  # bytes that stand beside those of each read
MAX_READ = 2**27  # bytes that a header takes in memory, before it is given up
VALUE_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "AT": 4, "FD": 8, "SV": 8, "UV": 8}


class HeaderTooLargeError(ClearError):
    """A header that takes more than any real one."""


class MeteredReader(SizeLimitedReader):
    """A file object that ends the reading of a header which takes too much memory."""

    def __init__(self, file: OpenFile) -> None:
        super().__init__(file)
        self._read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Some bytes, as of any file.

        Raises
        ------
        HeaderTooLargeError
            Where these and those before are too many, or too many small reads.
        """
        left = self.file.size - self.tell()
        wanted = left if size is None or size < 0 else min(size, left)
        self._read += max(0, wanted) + READ_OVERHEAD
        if wanted > MAX_HEADER or self._read > MAX_READ:
            raise HeaderTooLargeError(
                f"expected a header of at most {MAX_READ} bytes in memory, got more by byte "
                f"{self.tell()} of {self.file.size}: too many elements, or values too long"
            )
        return super().read(size)


def check_value(tag: int, vr: str | None, content: bytes) -> None:
    """Refuses a value that would become too large or too many.

    Raises
    ------
    HeaderTooLargeError
    """
    if len(content) <= MAX_VALUES:
        return
    size = VALUE_SIZES.get((vr or "")[:2])  # of "US or SS" too
    count = len(content) // size if size else content.count(b"\\") + 1
    if (len(content) > MAX_VALUE and vr != "UN") or count > MAX_VALUES:
        name = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        raise HeaderTooLargeError(
            f"expected at most {MAX_VALUES} values in {MAX_VALUE} bytes in {name}, "
            f"got {count} in {len(content)}"
        )
