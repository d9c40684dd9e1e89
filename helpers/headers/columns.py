"""How do rows become columns? Gathers the rows of files into a table, column by column."""

from collections.abc import Iterable
from itertools import repeat
from operator import is_
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydicom.datadict import tag_for_keyword

Row = dict[str, Any]  # one file's values by column

FIXED_COLUMNS = [
    *("error", "file_size", "pixel_offset", "TransferSyntaxUID", "private_elements"),
]
MAX_EXACT_INTEGER = 2**53  # integers up to it are exact as floats
MAX_ROWS = 200  # gathered before they are turned into columns; about as many as a series has
ABSENT = object()  # where a file lacks an element; None is one that is there and empty


class Same(NamedTuple):
    """One value that all rows of a chunk share."""

    value: Any


Packed = Same | np.ndarray | list  # values of the rows of a chunk, in little memory


class Chunk(NamedTuple):
    """The columns of some rows; one that no row has is left out."""

    length: int
    columns: dict[str, Packed]

    def values(self, name: str) -> list:
        """The values of a column, `ABSENT` where a row has none."""
        packed = self.columns.get(name, Same(ABSENT))
        if isinstance(packed, Same):
            return [packed.value] * self.length
        return packed.tolist() if isinstance(packed, np.ndarray) else packed

    def kinds(self, name: str) -> set[type]:
        """The types among the values of a column."""
        packed = self.columns.get(name, Same(ABSENT))
        few = packed[:1].tolist() if isinstance(packed, np.ndarray) else packed
        return set(map(type, few))


class Columns:
    """Values of a growing number of rows, by column, `ABSENT` where a row has none.

    They are far smaller than the rows: what the files of a series share stands there once.
    """

    def __init__(self, lists: dict[str, list] | None = None, length: int = 0) -> None:
        self._chunks = [Chunk(length, dict(lists or {}))] if length else []
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return sum(chunk.length for chunk in self._chunks) + len(self._rows)

    def add(self, rows: list[Row]) -> None:
        """Takes more rows."""
        self._rows += rows
        if len(self._rows) >= MAX_ROWS:
            self._flush()

    def lists(self) -> dict[str, list]:
        """The values by column: keywords in the order of their tags, private ones, then fixed."""
        return {
            name: [value for chunk in self._chunks for value in chunk.values(name)]
            for name in self._names()
        }

    def take(self, rows: Iterable[int]) -> "Columns":
        """Only the rows of these numbers, in this order, with the columns that one of them has."""
        rows = list(rows)
        if rows == list(range(len(self))):
            return self
        taken = {name: [values[row] for row in rows] for name, values in self.lists().items()}
        present = {name: values for name, values in taken.items() if set(values) - {ABSENT}}
        return Columns(present, len(rows))

    def table(self, paths: list[str]) -> pd.DataFrame:
        """The table, its index the paths; the values are moved there, so that none is held twice.

        pandas keeps the columns of a dtype in one array: it is made here, once.
        """
        dtypes = {name: self._dtype(name) for name in self._names()}
        index, frames = pd.Index(paths, dtype=object, name="path"), []
        for dtype in sorted(set(dtypes.values())):
            names = [name for name in dtypes if dtypes[name] == dtype]
            block = np.empty((len(names), len(index)), dtype)
            for row, name in zip(block, names):
                self._move(name, row)
            frames.append(pd.DataFrame(block.T, index, names, dtype=dtype, copy=False))
        return pd.concat(frames, axis=1)[list(dtypes)]

    def _names(self) -> list[str]:
        self._flush()
        found = {name for chunk in self._chunks for name in chunk.columns} - set(FIXED_COLUMNS)
        in_order = sorted(found, key=lambda name: (tag_for_keyword(name) or float("inf"), name))
        return [*in_order, *FIXED_COLUMNS]

    def _flush(self) -> None:
        """Turns the rows into columns, all at once: an interrupt leaves the rows."""
        rows = list(self._rows)
        names = set().union(*rows)
        columns = {name: packed([row.get(name, ABSENT) for row in rows]) for name in names}
        chunks = [Chunk(len(rows), columns)] if rows else []
        self._chunks, self._rows = self._chunks + chunks, []

    def _dtype(self, name: str) -> str:
        """The dtype of a column: numbers where all are numbers and none loses by it."""
        kinds = set().union(*(chunk.kinds(name) for chunk in self._chunks))
        numbers = kinds - {type(None), type(ABSENT)}
        if not numbers or not numbers <= {int, float}:
            return "object"
        if int in numbers and any(any_inexact(chunk.values(name)) for chunk in self._chunks):
            return "object"
        return "int64" if kinds == {int} else "float64"

    def _move(self, name: str, row: np.ndarray) -> None:
        """Takes the values of a column out of the chunks and puts them into the row of an array."""
        start = 0
        for chunk in self._chunks:
            values = chunk.values(name)
            row[start : start + chunk.length] = [
                None if value is ABSENT else value for value in values
            ]
            chunk.columns.pop(name, None)
            start += chunk.length


def packed(values: list) -> Packed:
    """The values of a chunk, in as little memory as is quickly found."""
    if all(map(is_, values, repeat(values[0]))):
        return Same(values[0])
    kinds = set(map(type, values))
    if kinds == {float}:
        return np.array(values)
    if kinds == {int} and not any_inexact(values):
        return np.array(values, "int64")
    return values


def any_inexact(values: list) -> bool:
    """Whether an integer is among the numbers that is none as a float."""
    distinct = set(values)
    return any(type(value) is int and abs(value) > MAX_EXACT_INTEGER for value in distinct)


def dtype_of(values: list) -> str:
    """The dtype of a column of these values: numbers where all are and none loses by it."""
    kinds = set(map(type, values))
    numbers = kinds - {type(None)}
    if not numbers or not numbers <= {int, float} or (int in numbers and any_inexact(values)):
        return "object"
    return "int64" if kinds == {int} else "float64"
