"""Which table has a column for each combination of two columns of another, and a class in it?

Such as ``spinal_canal_stenosis_l1_l2``, with one row a study, beside a table of points that has
columns of conditions and levels.
"""

from collections.abc import Mapping
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.labels.name_columns import plain_name, texts_of
from helpers.labels.named import NO_TEXT

NAME = "class"  # of the column that a wide table makes
MIN_COMBINATIONS = 2  # that are columns, all that occur
MAX_PARTS = 100  # different values of one of the two columns


class Crossing(NamedTuple):
    """How the rows of a table find their class in a wide one.

    `keys` are the columns that both have, `parts` the two that make the name of a column, `columns`
    (n,) the name of the column for each row; None where a part is missing.
    """

    keys: dict[Any, Any]  # of the table → of the wide one
    parts: tuple[Any, Any]
    columns: np.ndarray

    @property
    def how(self) -> str:
        """In words, where a class comes from."""
        parts, keys = " and ".join(map(str, self.parts)), ", ".join(map(str, self.keys))
        return f"named by {parts}, joined by {keys}"


def crossing(table: pd.DataFrame, wide_columns: pd.Index) -> Crossing | None:
    """How a table and a wide one belong together; None where that is not beyond doubt.

    They share a column by name, and every combination of values that two columns of the table have
    is the name of a column, letter by letter and digit by digit.
    """
    by_plain = {plain_name(name): name for name in wide_columns}
    keys = {name: by_plain[plain_name(name)] for name in table if plain_name(name) in by_plain}
    parts = {
        name: texts
        for name in table
        if name not in keys and (texts := _parts(table[name], by_plain)) is not None
    }
    for first, second in permutations(parts, 2) if keys else ():
        pairs, inverse = _pairs(parts[first], parts[second])
        whole = [(a, b) for a, b in pairs if a and b]
        named = [by_plain.get(a + b) if a and b else None for a, b in pairs]
        if len(whole) >= MIN_COMBINATIONS and None not in [by_plain.get(a + b) for a, b in whole]:
            return Crossing(keys, (first, second), np.array(named, object)[inverse])
    return None


def crossed_classes(table: pd.DataFrame, wide: pd.DataFrame, how: Crossing) -> np.ndarray | None:
    """The class (n,) that a wide table has for each row of another, None where it has none.

    Nothing where several rows of the wide table are of one study, patient or whatever is named.
    """
    own, there = _names(table, how.keys), _names(wide, dict.fromkeys(how.keys.values()))
    if len({*there}) < len(there):
        return None
    row_of = {name: row for row, name in enumerate(there)}
    rows = np.array([row_of.get(name, -1) for name in own], int)
    found = np.full(len(table), None, object)
    for column in dict.fromkeys(filter(None, how.columns)):
        is_here = (how.columns == column) & (rows >= 0)
        found[is_here] = _texts(wide[column])[rows[is_here]]
    return found


def free_name(table: pd.DataFrame) -> str:
    """A name for a column of classes that no column of the table has."""
    taken = {str(name).strip() for name in table}
    numbered = (f"{NAME} {number}" for number in range(2, len(taken) + 3))
    return next(name for name in (NAME, *numbered) if name not in taken)


def _parts(column: pd.Series, by_plain: Mapping[str, Any]) -> np.ndarray | None:
    """The values of a column (n,) in small letters and digits; None where these are no parts.

    That is, of no name of a column.
    """
    codes, distinct = pd.factorize(_texts(column))
    plain = [plain_name(one) for one in distinct]
    known = [one for one in plain if one]
    if not known or len(known) > MAX_PARTS:
        return None
    if not all(any(one in name for name in by_plain) for one in known):
        return None
    return np.array([*plain, ""], object)[codes]


def _pairs(first: np.ndarray, second: np.ndarray) -> tuple[list[tuple[str, str]], np.ndarray]:
    """(the different pairs of two columns, which of them each row has)."""
    codes, pairs = pd.factorize(pd.Series([*zip(first, second)], dtype=object))
    return [*pairs], codes


def _names(table: pd.DataFrame, keys: Mapping[Any, Any]) -> list[tuple[str, ...]]:
    """What each row is of, by several columns."""
    return [*zip(*(_texts(table[key]) for key in keys))]


def _texts(column: pd.Series) -> np.ndarray:
    """The values of a column (n,) as texts; None where there is none."""
    texts = np.concatenate([np.zeros(0, object), *texts_of(column)])
    texts[np.isin(texts, NO_TEXT)] = None
    return texts
