"""What does each column of a table of annotations hold? Names, boxes, points, run lengths, classes.

A column is known by what its values are, and by its own name where values alone do not tell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.labels.clashes import clashing
from helpers.labels.labels import LabelError
from helpers.labels.name_columns import (
    KINDS_OF,
    ClassColumn,
    NameColumn,
    name_column,
    plain_name,
    sample_of,
    texts_of,
)
from helpers.labels.named import NO_TEXT, Key, Names
from helpers.labels.runs import NO_RUNS, RUNS
from helpers.labels.shape_columns import (
    IN_SPACE,
    SHAPE_ROLES,
    is_numeric,
    listed_numbers,
    numbers_of,
    shape_columns,
)

ONE_COLUMN = ("runs", "by")
SIZE = "size"
SEVERAL_COLUMNS = ("class", "value", "unused")
ROLES = (*KINDS_OF, *SHAPE_ROLES, *ONE_COLUMN, SIZE, *SEVERAL_COLUMNS)
COLUMN_COUNTS = {**SHAPE_ROLES, SIZE: 2}
SHAPE_WORDS = {
    "box": "a box: left, top, width, height",
    "corners": "a box: left, top, right, bottom",
    "centred": "a box: x and y of its middle, width, height",
    "point": "a point: x, y",
}
PLACE_IN_MM = "x, y and z: a place in mm, perhaps, not in an image"
SIZE_NAMES = (  # plain names of columns of rows and columns of the picture that runs count in
    *("height width", "imgheight imgwidth", "imageheight imagewidth", "maskheight maskwidth"),
    *("rows columns", "rows cols", "sliceh slicew"),
)
RUNS_NAME = re.compile(r"encodedpixels|rle|runs?|runlengths?|segmentation")
READER_NAME = re.compile(r"(rad|reader|rater|annotator|radiologist|labeler|labeller)(id|name)?")
CLASS_WORD = re.compile(r"class|label|target|finding|diagnos|condition|level|grade|categor")
CODE_WORD = re.compile(r"(id|code|index|idx|number|num|no|nr|name|text)$")
MIN_TWINS = 3  # different values of two columns that say the same by more than chance
MAX_CLASSES, MAX_NAMED_CLASSES = 50, 500  # different values of a class; where it is named so
MAX_CLASS_NUMBER = 20  # of whole numbers that are a class, and not measured
MAX_CLASS_TEXT = 120  # characters
FEW_CLASSES = 10  # that need not come again to be classes


class Taken(NamedTuple):
    """What a column was taken for, in words, and whether that is a guess."""

    role: str
    how: str
    is_guess: bool = False


@dataclass
class Reading:
    """A table as it is read: what each column was taken for, and what it says.

    `numbers` (n, 4) or (n, 2) are those of the boxes or points that `shape` names; `runs` are texts
    (n,), `size` (n, 2) the rows and columns that they count in; `behind` is a class that stands
    behind names in one column.
    """

    table: pd.DataFrame
    taken: dict[Any, Taken] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    classes: list[ClassColumn] = field(default_factory=list)
    behind: ClassColumn | None = None
    shape: str = ""
    numbers: np.ndarray | None = None
    runs: np.ndarray | None = None
    runs_column: Any = None
    size: np.ndarray | None = None
    by: ClassColumn | None = None
    measured: list[Any] = field(default_factory=list)

    def free(self) -> list[Any]:
        """The columns that nothing is known of yet."""
        return [name for name in self.table if name not in self.taken]


def read_columns(
    table: pd.DataFrame, names: Names, columns: Mapping[str, Any] | None = None
) -> Reading:
    """What the columns of a table hold; `columns` says otherwise, role by role.

    Raises
    ------
    LabelError
        Where `columns` names a role or a column that is not there.
    """
    reading, told = Reading(table), _told(columns or {}, table)
    for column in told.get("unused", []):
        reading.taken[column] = Taken("unused", "as you say")
    _read_names(reading, names, told)
    _read_shapes(reading, told)
    _read_runs(reading, told)
    _read_others(reading, told)
    _read_classes(reading, told)
    for column in reading.free():
        reading.taken[column] = Taken("unused", _why_unused(table[column]))
    reading.taken = {column: reading.taken[column] for column in table}
    return reading


def class_column(column: pd.Series) -> ClassColumn:
    """The values of a column, each once; as numbers where all are."""
    known: dict[str, int] = {}
    codes = [np.zeros(0, np.int32)]
    for part in texts_of(column):
        own, distinct = pd.factorize(part)
        numbers = [-1 if one in NO_TEXT else known.setdefault(one, len(known)) for one in distinct]
        codes.append(np.array(numbers, np.int32)[own])
    return ClassColumn(str(column.name).strip(), np.concatenate(codes), _values([*known]))


def _told(columns: Mapping[str, Any], table: pd.DataFrame) -> dict[str, list[Any]]:
    """Role → its columns, as the user says, once it is sure that they are there."""
    told = {}
    for role, given in columns.items():
        listed = list(given) if isinstance(given, (list, tuple)) else [given]
        count = COLUMN_COUNTS.get(role, 0 if role in SEVERAL_COLUMNS else 1)
        if role not in ROLES:
            raise LabelError(f"expected columns of {', '.join(ROLES)}, got {role!r}")
        if count and len(listed) not in (1, count):
            raise LabelError(
                f"expected {count} column{'s' * (count > 1)} for {role}, got {len(listed)}"
            )
        by_name = {str(name).strip(): name for name in table}
        for one in listed:
            if one not in table and str(one).strip() not in by_name:
                shown = ", ".join(map(str, table)) or "none"
                raise LabelError(f"expected a column of {shown} for {role}, got {one!r}")
        told[role] = [one if one in table else by_name[str(one).strip()] for one in listed]
    return told


def _read_names(reading: Reading, names: Names, told: Mapping[str, list[Any]]) -> None:
    """Takes the columns that name something: those of which it is said, else all that do."""
    said = {column for listed in told.values() for column in listed}
    found: dict[Any, NameColumn] = {}
    for role in KINDS_OF.keys() & told.keys():
        (column,) = told[role]
        found[column] = name_column(reading.table[column], names, role)  # type: ignore[assignment]
    for column in reading.table:
        if column not in said and column not in reading.taken:
            one = name_column(reading.table[column], names)
            if one and one.role not in told:
                found[column] = one
    is_named = any(one.role == "image" for one in found.values())
    for column, others in clashing(found, reading.table, names, said).items():
        how = f"{found.pop(column).how}, but it names other images than {others}"
        reading.taken[column] = Taken("unused", how, True)
    for column, one in found.items():
        if one.role == "number" and is_named and "number" not in told:
            how = f"{one.how}, but the image is named already"
            reading.taken[column] = Taken("unused", how)
            continue
        reading.taken[column] = Taken(one.role, one.how, one.is_guess)
        reading.keys += one.keys
        reading.behind = one.behind or reading.behind


def _read_shapes(reading: Reading, told: Mapping[str, list[Any]]) -> None:
    """Takes the columns of boxes or points."""
    role = next((role for role in SHAPE_ROLES if role in told), "")
    columns, is_guess = told.get(role, []), False
    if not role:
        role, columns = shape_columns(reading.table[reading.free()])
        is_guess = len(columns) == 1
    if role == IN_SPACE:
        for column in columns:
            reading.taken[column] = Taken("unused", PLACE_IN_MM)
        return
    if not columns:
        return
    reading.shape = role
    numbers = [numbers_of(reading.table[name]) for name in columns if len(columns) > 1]
    if numbers:
        reading.numbers = np.stack(numbers, axis=1)
    else:
        reading.numbers = listed_numbers(reading.table[columns[0]], SHAPE_ROLES[role])
    for column in columns:
        guess = ", a guess" * is_guess
        reading.taken[column] = Taken(role, SHAPE_WORDS[role] + guess, is_guess)


def _read_runs(reading: Reading, told: Mapping[str, list[Any]]) -> None:
    """Takes the column of run lengths."""
    column = told["runs"][0] if "runs" in told else None
    if column is None:
        column = next((one for one in reading.free() if _holds_runs(reading.table[one])), None)
    if column is None:
        return
    reading.runs_column = column
    reading.runs = np.concatenate([np.zeros(0, object), *texts_of(reading.table[column])])
    reading.runs[np.isin(reading.runs, NO_TEXT)] = ""
    reading.taken[column] = Taken("runs", "run lengths of a mask")
    _read_size(reading, told)


def _read_size(reading: Reading, told: Mapping[str, list[Any]]) -> None:
    """Takes the columns of the size that run lengths count in."""
    plain = {plain_name(name): name for name in reading.free()}
    named = (names.split() for names in SIZE_NAMES)
    found = next((names for names in named if {*names} <= plain.keys()), [])
    columns = told.get(SIZE) or [plain[name] for name in found]
    if not all(SIZE in told or is_numeric(reading.table[name]) for name in columns):
        return
    for column in columns:
        reading.taken[column] = Taken(SIZE, "rows and columns that run lengths count in")
    if columns:
        reading.size = np.stack([numbers_of(reading.table[name]) for name in columns], axis=1)


def _read_others(reading: Reading, told: Mapping[str, list[Any]]) -> None:
    """Takes the columns of readers, and of values that the user names."""
    named = (one for one in reading.free() if READER_NAME.fullmatch(plain_name(one)))
    column = told["by"][0] if "by" in told else next(named, None)
    if column is not None:
        reading.by = class_column(reading.table[column])
        reading.taken[column] = Taken("by", "who annotated")
    for column in told.get("value", []):
        reading.measured.append(column)
        reading.taken[column] = Taken("value", "as you say")


def _read_classes(reading: Reading, told: Mapping[str, list[Any]]) -> None:
    """Takes the columns of classes; of two that say the same, one as a number, the words."""
    listed = told["class"] if "class" in told else reading.free()
    for column in listed:
        if "class" in told or _is_class(reading.table[column]):
            one = class_column(reading.table[column])
            count = len(one.distinct)
            if "class" not in told and not _is_few(one):
                continue
            words = f"{count} class{'es' * (count != 1)}"
            reading.taken[column] = Taken("class", words, not _is_sure(column, told))
            reading.classes.append(one)
    for one in [*reading.classes] if "class" not in told else []:
        twin = next((two for two in reading.classes if two is not one and _is_twin(one, two)), None)
        if twin is not None:
            reading.classes.remove(one)
            column = next(name for name in listed if str(name).strip() == one.name)
            reading.taken[column] = Taken("unused", f"the same as {twin.name}, in numbers", True)


def _is_sure(column: Any, told: Mapping[str, list[Any]]) -> bool:
    return "class" in told or bool(CLASS_WORD.search(plain_name(column)))


def _is_twin(numbers: ClassColumn, words: ClassColumn) -> bool:
    """Whether a column has, in numbers, what another has in words, by more than chance.

    As ``class_id`` and ``class_name`` do, or several values where a name is that of a class.
    """
    if not _are_numbers(numbers) or _are_numbers(words) or len(numbers.distinct) < 2:
        return False
    plain = [plain_name(one.name) for one in (numbers, words)]
    are_alike = CODE_WORD.sub("", plain[0]) == CODE_WORD.sub("", plain[1])
    is_class = any(map(CLASS_WORD.search, plain)) and len(numbers.distinct) >= MIN_TWINS
    if not are_alike and not is_class:
        return False
    pairs = np.unique(np.c_[numbers.codes, words.codes], axis=0)
    return all(len(np.unique(one.codes)) == len(pairs) for one in (numbers, words))


def _are_numbers(column: ClassColumn) -> bool:
    return all(isinstance(value, (int, float)) for value in column.distinct)


def _is_class(column: pd.Series) -> bool:
    """Whether a sample of a column looks like classes: short texts or small whole numbers."""
    sample = sample_of(column)
    texts = {text for text in sample if text not in NO_TEXT}
    if not texts or max(map(len, texts)) > MAX_CLASS_TEXT:
        return False
    values = _values([*texts])
    if all(isinstance(value, (int, float)) for value in values):
        return all(isinstance(one, int) and -1 <= one <= MAX_CLASS_NUMBER for one in values)
    most = MAX_NAMED_CLASSES if CLASS_WORD.search(plain_name(column.name)) else MAX_CLASSES
    return len(texts) <= most and (len(texts) <= FEW_CLASSES or len(texts) * 2 <= len(sample))


def _is_few(column: ClassColumn) -> bool:
    """Whether a column has no more different values, in all its rows, than classes have."""
    named = CLASS_WORD.search(plain_name(column.name))
    return len(column.distinct) <= (MAX_NAMED_CLASSES if named else MAX_CLASSES)


def _values(texts: list[str]) -> list[Any]:
    """Numbers, whole where they are; texts where one of them is no number."""
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(float)
    if not np.isfinite(numbers).all():
        return texts
    return [int(one) if one == round(one) else one for one in numbers.tolist()]


def _holds_runs(column: pd.Series) -> bool:
    """Whether a column holds run lengths, or stands for them by its name and holds none."""
    texts = {*sample_of(column)} - {*NO_TEXT}
    is_named = bool(RUNS_NAME.fullmatch(plain_name(column.name)))
    are_runs = all(text in NO_RUNS or RUNS.fullmatch(text) for text in texts)
    return are_runs and (any(" " in text for text in texts) or (is_named and bool(texts)))


def _why_unused(column: pd.Series) -> str:
    """What a column is that is neither a name nor a class."""
    if not sample_of(column):
        return "empty"
    if is_numeric(column):
        return "numbers: measured, perhaps"
    return "texts: no names here, and no classes"
