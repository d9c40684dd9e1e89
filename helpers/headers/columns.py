"""How do rows become columns? Gathers the rows of files into a table, column by column."""

from typing import Any

import numpy as np
import pandas as pd
from pydicom.datadict import tag_for_keyword

from helpers.headers.packed import ABSENT, Chunk, any_inexact, merged, packed

Row = dict[str, Any]  # one file's values by column

FIXED_COLUMNS = [
    *("error", "file_size", "pixel_offset", "TransferSyntaxUID", "private_elements"),
]
MAX_ROWS = 200  # gathered before they are turned into columns; about as many as a series has


class Columns:
    """Values of a growing number of rows, by column, `ABSENT` where a row has none.

    They are far smaller than the rows: what the files of a series share stands there once.
    """

    def __init__(self, *chunks: Chunk) -> None:
        self._chunks = [chunk for chunk in chunks if chunk.length]
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return sum(chunk.length for chunk in self._chunks) + len(self._rows)

    def add(self, rows: list[Row]) -> None:
        """Takes more rows."""
        self._rows += rows
        if len(self._rows) >= MAX_ROWS:
            self._flush()

    def merged(self) -> Chunk:
        """All rows as one chunk."""
        columns = {name: merged(name, self._chunks) for name in self._names() if self._chunks}
        return Chunk(len(self), columns)

    def table(self, paths: list[str]) -> pd.DataFrame:
        """The table, its index the paths; the values are moved there, so that none is held twice.

        Keywords stand in the order of their tags, then private elements, then fixed columns.
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
        few = [chunk.few_values(name) for chunk in self._chunks]
        kinds = {kind for values in few for kind in map(type, values)}
        numbers = kinds - {type(None), type(ABSENT)}
        if not numbers or not numbers <= {int, float}:
            return "object"
        if int in numbers and any(map(any_inexact, few)):
            return "object"
        return "int64" if kinds == {int} else "float64"

    def _move(self, name: str, row: np.ndarray) -> None:
        """Takes the values of a column out of the chunks and puts them into the row of an array."""
        start = 0
        for chunk in self._chunks:
            chunk.fill(name, row[start : start + chunk.length])
            chunk.columns.pop(name, None)
            start += chunk.length


def dtype_of(values: list) -> str:
    """The dtype of a column of these values: numbers where all are and none loses by it."""
    kinds = set(map(type, values))
    numbers = kinds - {type(None)}
    if not numbers or not numbers <= {int, float} or (int in numbers and any_inexact(values)):
        return "object"
    return "int64" if kinds == {int} else "float64"
