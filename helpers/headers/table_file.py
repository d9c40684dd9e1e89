"""How does a remembered table lie in a file? As text and arrays, never as code that is run.

The file: `MARK`, a checksum of all that follows, the length of a text, the text, arrays one behind
the other. The text is JSON: what the table is about, names, columns, and what each array is. A
column is one value, an array of numbers, or distinct values and an array that numbers them.
"""

import itertools
import json
import struct
import zlib
from typing import Any, NamedTuple

import numpy as np

from helpers.headers.packed import ABSENT, Chunk, Coded, Packed, Same

MARK = b"header table\r\n\x1a\n"
LENGTHS = struct.Struct("<IQ")  # checksum (CRC-32), bytes of the text
NUMBERS, CODES = ("<i8", "<f8"), ("|u1", "<u2", "<u4", "<u8")
VALUES = {str, int, float, type(None)}  # types that a value or one of several can have


class Entries(NamedTuple):
    """What is remembered of some files, which have some rows each."""

    about: dict[str, Any]  # version of the format and the like, as JSON holds them
    names: list[str]  # of the files
    fingerprints: np.ndarray  # int64 (files, 3), as of `helpers.files.opening.fingerprints_of`
    counts: np.ndarray  # int64 (files,), rows of each
    rows: Chunk


class _Arrays:
    """Arrays on their way into a file."""

    def __init__(self) -> None:
        self.written: list[np.ndarray] = []

    def put(self, array: np.ndarray) -> int:
        """The number under which the array is found again."""
        little = array.dtype.newbyteorder("<")
        self.written.append(np.ascontiguousarray(array, little).ravel())
        return len(self.written) - 1


def encoded(entries: Entries) -> bytes:
    """The content of a file."""
    arrays = _Arrays()
    described = {
        "about": entries.about,
        "names": entries.names,
        "fingerprints": arrays.put(entries.fingerprints),
        "counts": arrays.put(entries.counts),
        "length": entries.rows.length,
        "columns": {name: _put(one, arrays) for name, one in entries.rows.columns.items()},
    }
    described["arrays"] = [(array.dtype.str, len(array)) for array in arrays.written]
    text = json.dumps(described, separators=(",", ":")).encode()
    body = b"".join([text, *(array.data.cast("B") for array in arrays.written)])
    return b"".join([MARK, LENGTHS.pack(zlib.crc32(body), len(text)), body])


def decoded(content: bytes) -> Entries:
    """What the content of a file holds.

    Raises
    ------
    ValueError
        Where it is damaged, or something else.
    """
    start = len(MARK) + LENGTHS.size
    if not content.startswith(MARK) or len(content) < start:
        raise ValueError("not a table of this suite")
    checksum, length = LENGTHS.unpack_from(content, len(MARK))
    if zlib.crc32(memoryview(content)[start:]) != checksum:
        raise ValueError("its bytes are not those that were written")
    try:
        return _entries(json.loads(content[start : start + length]), content, start + length)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not a table of this suite: {error!r}") from error


def _put(column: Packed, arrays: _Arrays) -> dict[str, Any]:
    """How a column is described in the text."""
    if isinstance(column, Same):
        return {} if column.value is ABSENT else {"same": column.value}
    if isinstance(column, np.ndarray):
        return {"numbers": arrays.put(column)}
    if isinstance(column, Coded):
        return {"values": column.distinct[1:], "codes": arrays.put(column.codes)}
    raise TypeError("expected rows that were merged")


def _entries(described: dict[str, Any], content: bytes, start: int) -> Entries:
    arrays = []
    for dtype, count in described["arrays"]:
        if dtype not in NUMBERS + CODES or count < 0:
            raise ValueError(f"no array of such a table: {dtype}, {count}")
        native = np.dtype(dtype).newbyteorder("=")
        arrays.append(np.frombuffer(content, dtype, count, start).astype(native, copy=False))
        start += arrays[-1].nbytes
    length, names, counts = described["length"], described["names"], arrays[described["counts"]]
    columns = {
        name: _column(one, arrays, length) for name, one in described["columns"].items() if one
    }
    if set(map(type, names)) - {str} or type(length) is not int or len(counts) != len(names):
        raise ValueError("names and arrays do not fit each other")
    if counts.min(initial=0) < 0 or counts.sum() != length:
        raise ValueError("names and rows do not fit each other")
    fingerprints = arrays[described["fingerprints"]].reshape(len(names), 3)
    return Entries(described["about"], names, fingerprints, counts, Chunk(length, columns))


def _column(described: dict[str, Any], arrays: list[np.ndarray], length: int) -> Packed:
    if "same" in described:
        return Same(*_values([described["same"]]))
    if "numbers" in described:
        column = arrays[described["numbers"]]
        fits = len(column) == length and column.dtype.kind in "if"
    else:
        distinct, column = [ABSENT, *_values(described["values"])], arrays[described["codes"]]
        fits = len(column) == length and column.dtype.kind == "u"
        fits = fits and int(column.max(initial=0)) < len(distinct)
    if not fits:
        raise ValueError("a column does not fit its rows")
    return column if "numbers" in described else Coded(distinct, column)


def _values(values: list) -> list:
    """Values as a fresh reading has them: several are a tuple."""
    several = [value for value in values if type(value) is list]
    inside = set(map(type, itertools.chain.from_iterable(several)))
    if set(map(type, values)) - {*VALUES, list} or inside - VALUES:
        raise ValueError("a value of another type than headers have")
    return (
        [tuple(value) if type(value) is list else value for value in values] if several else values
    )
