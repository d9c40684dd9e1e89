"""What is each annotation called? The classes of a row of a table, in words."""

from typing import Any, NamedTuple

import numpy as np

from helpers.labels.columns import Reading, class_column
from helpers.labels.name_columns import ClassColumn
from helpers.labels.runs import NO_RUNS

MIN_TELLING = 3  # characters of a text that stands alone; a shorter one follows its column's name
NOT_TELLING = {"true", "false", "yes", "not", "none", "positive", "negative", "unknown", "other"}
JOINT = " · "
NO_PLACE = {"box": "no box", "corners": "no box", "centred": "no box", "point": "no point"}


class Words(NamedTuple):
    """The annotations of a table: `rows` (m,) that they stand in, names and values of classes (m,).

    `is_empty` (m,) says which rows have nothing that could be named.
    """

    rows: np.ndarray
    names: np.ndarray
    class_values: np.ndarray
    is_empty: np.ndarray


def words_of(reading: Reading) -> Words:
    """The annotations of a table: one for a row with a place, else one for each class of a row."""
    if reading.shape or reading.runs is not None:
        return _of_places(reading)
    return _of_classes(reading)


def _of_places(reading: Reading) -> Words:
    """One annotation for each row, named by all its classes; by its shape where it has none."""
    count = len(reading.table)
    own = [*reading.classes, *([reading.behind] if reading.behind else [])]
    parts = [(column, _named(column, _is_shared(column, own))) for column in own]
    if reading.runs is not None:
        parts.append(_absence(np.isin(reading.runs, NO_RUNS), "no mask"))
    elif reading.numbers is not None and not own:
        absent = np.isnan(reading.numbers).all(1)
        parts.append(_absence(absent, NO_PLACE[reading.shape]))
    keys = np.zeros(count, np.int64)
    for column, shown in parts:
        keys = np.unique(keys, return_inverse=True)[1] * (len(shown) + 1) + column.codes + 1
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    alone = "mask" if reading.runs is not None else NO_PLACE.get(reading.shape, "")[3:]
    texts = np.empty(len(first), object)
    texts[:] = [
        JOINT.join(filter(None, (shown[column.codes[row]] for column, shown in parts))) or alone
        for row in first
    ]
    values = np.full(count, None, object)
    if reading.classes:
        values = _values(reading.classes[0], reading.classes[0].codes)
    return Words(np.arange(count), texts[inverse], values, np.zeros(count, bool))


def _absence(absent: np.ndarray, words: str) -> tuple[ClassColumn, np.ndarray]:
    """Words for the rows (n,) in which there is nothing, as a column with its names."""
    return ClassColumn("", absent.astype(np.int32), []), np.array(["", words, ""], object)


def _of_classes(reading: Reading) -> Words:
    """One annotation for each class that a row has; a row without any is one, too."""
    told = [class_column(reading.table[name]) for name in reading.measured]
    columns, behind = [*reading.classes, *told], reading.behind
    if not columns and behind is not None:
        columns, behind = [behind], None
    present = np.stack([column.codes >= 0 for column in columns], axis=1)
    is_empty = ~np.any(present, axis=1)
    present[is_empty, 0] = True
    rows, place = np.nonzero(present)
    names, values = np.full(len(rows), None, object), np.full(len(rows), None, object)
    for number, column in enumerate(columns):
        here = np.flatnonzero(place == number)
        codes = column.codes[rows[here]]
        values[here] = _values(column, codes)
        if number >= len(reading.classes) and told:
            names[here] = column.name
        elif behind is None:
            names[here] = _named(column, len(columns) > 1)[codes]
        else:
            names[here] = _with_behind(column, behind)[codes, behind.codes[rows[here]]]
    return Words(rows, names, values, is_empty[rows])


def _is_shared(column: ClassColumn, beside: list[ClassColumn]) -> bool:
    """Whether another column has a value of this one, too."""
    others = {str(value) for one in beside if one is not column for value in one.distinct}
    return not others.isdisjoint(map(str, column.distinct))


def _named(column: ClassColumn, is_shared: bool) -> np.ndarray:
    """The names of the values of a column (v + 1,); the last is None, of a missing value."""
    words = column.name.replace("_", " ").strip()
    return np.array([*(_name(value, words, is_shared) for value in column.distinct), None], object)


def _with_behind(column: ClassColumn, behind: ClassColumn) -> np.ndarray:
    """Names (values, values behind): the class behind a name stands for that of the column."""
    names = np.full((len(column.distinct) + 1, len(behind.distinct)), None, object)
    for number, value in enumerate(column.distinct):
        names[number] = [_name(value, str(words), True) for words in behind.distinct]
    return names


def _name(value: Any, words: str, is_shared: bool) -> str:
    """A value in words: alone where it tells enough, else with what it is a value of."""
    text = str(value)
    has_letter = any(map(str.isalpha, text))
    if not has_letter or len(text) < MIN_TELLING or text.lower() in NOT_TELLING:
        return f"{words} {text}".strip()
    return f"{text}{JOINT}{words}" if is_shared and words else text


def _values(column: ClassColumn, codes: np.ndarray) -> np.ndarray:
    return np.array([*column.distinct, None], object)[codes]
