"""How do rows become columns? Gathers the rows of files into a table, column by column."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from pydicom.datadict import tag_for_keyword

Row = dict[str, Any]  # one file's values by column

FIXED_COLUMNS = [
    *("error", "file_size", "pixel_offset", "TransferSyntaxUID", "private_elements"),
]
MAX_EXACT_INTEGER = 2**53  # integers up to it are exact as floats
MAX_ROWS = 500  # gathered before they are turned into columns
ABSENT = object()  # where a file lacks an element; None is one that is there and empty


class Columns:
    """Values of a growing number of rows: a list per column, `ABSENT` where a row has none.

    They are far smaller than the rows, which share their values and are let go as they come.
    """

    def __init__(self, lists: dict[str, list] | None = None, length: int = 0) -> None:
        self._lists = lists or {}
        self._length = length
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return self._length + len(self._rows)

    def add(self, rows: list[Row]) -> None:
        """Takes more rows."""
        self._rows += rows
        if len(self._rows) >= MAX_ROWS:
            self._flush()

    def lists(self) -> dict[str, list]:
        """The values by column: keywords in the order of their tags, private ones, then fixed."""
        self._flush()
        found = self._lists.keys() - set(FIXED_COLUMNS)
        in_order = sorted(found, key=lambda name: (tag_for_keyword(name) or float("inf"), name))
        names = [*in_order, *FIXED_COLUMNS]
        return {name: self._lists.get(name) or [ABSENT] * len(self) for name in names}

    def take(self, rows: Iterable[int]) -> "Columns":
        """Only the rows of these numbers, in this order, with the columns that one of them has."""
        rows = list(rows)
        if rows == list(range(len(self))):
            return self
        taken = {name: [values[row] for row in rows] for name, values in self.lists().items()}
        present = {name: values for name, values in taken.items() if set(values) - {ABSENT}}
        return Columns(present, len(rows))

    def table(self, paths: list[str]) -> pd.DataFrame:
        """The table, its index the paths."""
        columns = {name: column_of(values) for name, values in self.lists().items()}
        return pd.DataFrame(columns).set_axis(pd.Index(paths, dtype=object, name="path"))

    def _flush(self) -> None:
        """Turns the rows into columns; begins anew where it was interrupted half-way."""
        rows, length = list(self._rows), self._length + len(self._rows)
        for values in self._lists.values():
            del values[self._length :]
        for name in {name for row in rows for name in row}:
            values = self._lists.setdefault(name, [])
            values += [ABSENT] * (self._length - len(values))
            values += [row.get(name, ABSENT) for row in rows]
        for values in self._lists.values():
            values += [ABSENT] * (length - len(values))
        self._rows, self._length = [], length


def column_of(values: list) -> pd.Series:
    """Values as a column: numbers where all are numbers and none loses by it, else objects."""
    kinds = set(map(type, values))
    if type(ABSENT) in kinds:
        return column_of([None if value is ABSENT else value for value in values])
    kinds -= {type(None)}
    if not kinds or not kinds <= {int, float} or (int in kinds and any_inexact(values)):
        return pd.Series(values, dtype=object)
    whole = kinds == {int} and None not in values
    return pd.Series(values, dtype="int64" if whole else "float64")


def any_inexact(values: list) -> bool:
    """Whether an integer is among the numbers that is none as a float."""
    distinct = set(values)
    return any(type(value) is int and abs(value) > MAX_EXACT_INTEGER for value in distinct)
