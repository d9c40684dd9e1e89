"""What do the columns of a table say as arrays? Numbers, vectors, codes; names of its rows."""

import os
from collections.abc import Callable, Hashable
from itertools import repeat
from operator import is_
from typing import Any

import numpy as np
import pandas as pd

PLACES = ("file", "folder")  # of an image, as `codes` knows them: only files with several count


class Arrays:
    """The columns of a table as arrays for all rows at once, each worked out when first asked for.

    Parameters
    ----------
    table : DataFrame with DICOM keywords as columns
    order : (n,) numbers of its rows, in the order that the arrays have them; None as they are
    """

    def __init__(self, table: pd.DataFrame, order: np.ndarray | None = None) -> None:
        self.table, self.order = table, order
        self._known: dict[Hashable, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.table)

    def numbers(self, keyword: str) -> np.ndarray:
        """As `numbers`, kept."""
        return self._kept(("number", keyword), lambda: numbers(self.table, keyword))

    def vectors(self, keyword: str, length: int) -> np.ndarray:
        """As `vectors`, kept."""
        return self._kept((keyword, length), lambda: vectors(self.table, keyword, length))

    def codes(self, keyword: str) -> np.ndarray:
        """As `codes`, kept."""
        return self._kept(("code", keyword), lambda: codes(self.table, keyword))

    def numbers_of(self, keyword: str, convert: Callable[[Any], float]) -> np.ndarray:
        """Numbers (n,) that a function makes of values, each looked at once; NaN for none."""
        return self._kept((keyword, convert), lambda: _converted(self.table, keyword, convert))

    def values(self, keyword: str, rows: Any = slice(None)) -> np.ndarray:
        """The values of a column in some rows (m,), as objects; None where no column is."""
        wanted = np.arange(len(self))[rows] if self.order is None else self.order[rows]
        if keyword not in self.table:
            return np.full(len(wanted), None, object)
        return self.table[keyword].to_numpy(object)[wanted]

    def is_constant(self, keyword: str) -> bool:
        """Whether all rows surely share one value, or there is no column."""
        if keyword not in self.table:
            return True
        values = self.table[keyword].to_numpy()
        if values.dtype == object:
            return all(map(is_, values, repeat(values[0]))) if len(values) else True
        return bool((values == values[:1]).all())

    def path(self, row: int) -> str:
        """The path of the file of a row."""
        return self.table.index.get_level_values("path")[
            row if self.order is None else self.order[row]
        ]

    def _kept(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        if key not in self._known:
            made = make()
            made = made if self.order is None else made[self.order]
            self._known[key] = _in_little_memory(made)
        return self._known[key]


def _in_little_memory(values):
    """The same array; one element for all where they are equal."""
    if values.ndim > 1 or not len(values):
        return values
    first = values[:1]
    same = (values == first) if first == first else np.isnan(values)
    return np.broadcast_to(first, values.shape) if same.all() else values


def numbers(table: pd.DataFrame, keyword: str) -> np.ndarray:
    """A column as (n,) floats, NaN where it holds no single finite number."""
    if keyword not in table:
        return np.full(len(table), np.nan)
    try:
        found = pd.to_numeric(table[keyword], errors="coerce").to_numpy(float)
    except OverflowError:  # a whole number that is too large for a float
        found = np.array([_number(value) for value in table[keyword]], float)
    return _without_infinity(found)


def _without_infinity(values):
    return np.where(np.isinf(values), np.nan, values) if np.isinf(values).any() else values


def _number(value):
    """One value as a float; NaN where it is no number, or too large for one."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def vectors(table: pd.DataFrame, keyword: str, length: int) -> np.ndarray:
    """A multi-valued column as (n, length) floats; NaN throughout a row that has it otherwise.

    Infinity is no number either.
    """
    if keyword not in table:
        return np.full((len(table), length), np.nan)
    column, found = table[keyword].tolist(), np.full((len(table), length), np.nan)
    rows = [row for row, one in enumerate(column) if type(one) is tuple and len(one) == length]
    try:
        found[rows] = np.array([column[row] for row in rows], float).reshape(-1, length)
    except (TypeError, ValueError, OverflowError):  # a text, or a number too large for a float
        for row in rows:
            if all(isinstance(one, (int, float)) for one in column[row]):
                found[row] = [_number(one) for one in column[row]]
    return _without_infinity(found)


def codes(table: pd.DataFrame, keyword: str) -> np.ndarray:
    """A number for each row (n,), equal for equal values; -1 where there is none."""
    if keyword in PLACES:
        return _place_codes(table, keyword)
    if keyword not in table:
        return np.full(len(table), -1)
    return pd.factorize(table[keyword].to_numpy())[0]


def of_distinct(values: np.ndarray, function: Callable[[Any], Any]) -> np.ndarray:
    """A function of each value (m,), worked out once for each distinct one; objects."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    found = np.empty(len(distinct), object)
    found[:] = [function(value) for value in distinct]
    return found[codes]


def _converted(table, keyword, convert):
    """A column (n,) of numbers, each distinct value converted once; NaN where there is none."""
    if keyword not in table:
        return np.full(len(table), np.nan)
    numbers, distinct = pd.factorize(table[keyword].to_numpy())
    return np.array([*map(convert, distinct.tolist()), np.nan], float)[numbers]


def paths_of(table: pd.DataFrame) -> list[str]:
    """The path of the file of each row."""
    return table.index.get_level_values("path").tolist()


def frames_of(table: pd.DataFrame) -> list[int]:
    """The number of the frame of each row, from 0."""
    if "frame" in table.index.names:
        return table.index.get_level_values("frame").tolist()
    return [0] * len(table)


def name_of(table: pd.DataFrame, row: int) -> str:
    """The name of one row's file, without its folder; with the frame where files have several."""
    name = os.path.basename(table.index.get_level_values("path")[row])
    counts = numbers(table, "NumberOfFrames")
    return f"{name} frame {frames_of(table)[row]}" if (counts > 1).any() else name


def _place_codes(table, which):
    """A number for the file of each row, or for its folder; -1 for a file of one image."""
    paths = table.index.get_level_values("path")
    if which == "folder":
        return pd.factorize(np.array([path.rpartition(os.sep)[0] for path in paths], object))[0]
    found = pd.factorize(paths)[0]
    return np.where(np.bincount(found)[found] > 1, found, -1)
