"""How do many values take little memory? Those that files share are held once."""

from itertools import repeat
from operator import is_
from typing import Any, NamedTuple

import numpy as np

MAX_EXACT_INTEGER = 2**53  # integers up to it are exact as floats
MISSING = {"O": None, "f": np.nan, "i": 0}  # by kind of dtype; of integers none is missing
NUMBERS = {int: np.dtype("int64"), float: np.dtype("float64")}
ABSENT = object()  # where a file lacks an element; None is one that is there and empty


class Same(NamedTuple):
    """One value that all rows share."""

    value: Any


class Coded(NamedTuple):
    """Values that rows share: each object once, behind `ABSENT`, and its number for each row."""

    distinct: list
    codes: np.ndarray  # (n,) unsigned; 0 is `ABSENT`, and every other number occurs


Packed = Same | np.ndarray | Coded | list  # the values of some rows

ALL_ABSENT = Same(ABSENT)


class Chunk(NamedTuple):
    """The columns of some rows; one that no row has is left out."""

    length: int
    columns: dict[str, Packed]

    def packed(self, name: str) -> Packed:
        """The values of a column as they are held."""
        return self.columns.get(name, ALL_ABSENT)

    def values(self, name: str) -> list:
        """The values of a column, `ABSENT` where a row has none."""
        packed = self.packed(name)
        if isinstance(packed, Same):
            return [packed.value] * self.length
        if isinstance(packed, Coded):
            return list(map(packed.distinct.__getitem__, packed.codes.tolist()))
        return packed.tolist() if isinstance(packed, np.ndarray) else packed

    def few_values(self, name: str) -> list:
        """Values of a column: each that is no number of an array, and of an array one."""
        packed = self.packed(name)
        if isinstance(packed, Coded):
            return packed.distinct[int(packed.codes.all()) :]
        return packed[:1].tolist() if isinstance(packed, np.ndarray) else list(packed)

    def fill(self, name: str, array: np.ndarray) -> None:
        """Puts the values of a column into an array (n,) of their dtype; None or NaN for absent."""
        packed = self.packed(name)
        if isinstance(packed, Coded):
            values = np.full(len(packed.distinct), MISSING[array.dtype.kind], array.dtype)
            values[1:] = packed.distinct[1:]
            array[:] = values[packed.codes]
        elif isinstance(packed, np.ndarray):
            array[:] = packed
        elif isinstance(packed, Same):
            array.fill(None if packed.value is ABSENT else packed.value)
        else:
            array[:] = [None if value is ABSENT else value for value in packed]

    def take(self, rows: np.ndarray) -> "Chunk":
        """Only the rows of these numbers (m,), with the columns that one of them has."""
        taken = {name: _taken(packed, rows) for name, packed in self.columns.items()}
        some = {name: packed for name, packed in taken.items() if packed is not ALL_ABSENT}
        return Chunk(len(rows), some if len(rows) else {})


def packed(values: list) -> Packed:
    """The values of some rows, in as little memory as is quickly found."""
    if all(map(is_, values, repeat(values[0]))):
        return Same(values[0])
    kinds = set(map(type, values))
    if kinds == {float}:
        return np.array(values)
    if kinds == {int} and not any_inexact(values):
        return np.array(values, "int64")
    return values


def merged(name: str, chunks: list[Chunk]) -> Packed:
    """The values of a column in all chunks, each object once where they are not all numbers."""
    parts = [chunk.packed(name) for chunk in chunks]
    first = parts[0]
    if isinstance(first, Same) and all(
        isinstance(part, Same) and part.value is first.value for part in parts
    ):
        return first
    dtypes = set(map(_number_dtype, parts))
    if len(dtypes) == 1 and None not in dtypes:
        (dtype,) = dtypes
        column = np.empty(sum(chunk.length for chunk in chunks), dtype)
        _in_places(column, [one.value if isinstance(one, Same) else one for one in parts], chunks)
        return column
    return first if len(parts) == 1 and isinstance(first, Coded) else _coded(parts, chunks)


def any_inexact(values: list) -> bool:
    """Whether an integer is among the numbers that is none as a float."""
    distinct = set(values)
    return any(type(value) is int and abs(value) > MAX_EXACT_INTEGER for value in distinct)


def _number_dtype(part: Packed) -> np.dtype | None:
    """The dtype of an array of these values, all numbers; None where there is none."""
    if isinstance(part, Same):
        kind = type(part.value)
        return NUMBERS.get(kind) if kind is float or not any_inexact([part.value]) else None
    return part.dtype if isinstance(part, np.ndarray) else None


def _coded(parts: list[Packed], chunks: list[Chunk]) -> Coded:
    """Values as objects and their numbers: equal ones that files share are one object."""
    objects, identities = {id(ABSENT): ABSENT}, []
    for part in parts:
        values = part.distinct if isinstance(part, Coded) else part
        values = values.tolist() if isinstance(values, np.ndarray) else list(values)
        identities.append(list(map(id, values)))
        objects.update(zip(identities[-1], values))
    numbers = dict(zip(objects, range(len(objects))))
    codes = np.empty(sum(chunk.length for chunk in chunks), _code_dtype(len(objects)))
    own = [np.array(list(map(numbers.__getitem__, some)), codes.dtype) for some in identities]
    own = [one[part.codes] if isinstance(part, Coded) else one for one, part in zip(own, parts)]
    _in_places(codes, own, chunks)
    return Coded(list(objects.values()), codes)


def _in_places(column: np.ndarray, parts: list, chunks: list[Chunk]) -> None:
    """Puts numbers of each chunk, or the one that it has, into a column of all."""
    start = 0
    for part, chunk in zip(parts, chunks):
        column[start : start + chunk.length] = part
        start += chunk.length


def _taken(packed: Packed, rows: np.ndarray) -> Packed:
    """The values of the rows of these numbers (m,)."""
    if isinstance(packed, Same):
        return packed
    if isinstance(packed, np.ndarray):
        return packed[rows]
    if isinstance(packed, list):
        packed = _coded([packed], [Chunk(len(packed), {})])
    codes = packed.codes[rows]
    used = np.bincount(codes, minlength=len(packed.distinct)) > 0
    if not used[1:].any():
        return ALL_ABSENT
    used[0] = True
    distinct = [packed.distinct[number] for number in np.flatnonzero(used).tolist()]
    return Coded(distinct, (np.cumsum(used) - 1).astype(_code_dtype(len(distinct)))[codes])


def _code_dtype(count: int) -> np.dtype:
    """The smallest dtype that numbers so many objects."""
    return np.min_scalar_type(count - 1)
