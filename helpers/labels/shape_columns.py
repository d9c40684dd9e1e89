"""Which columns of a table hold boxes and points? By their names, and by the numbers in them."""

import re
from typing import Any

import numpy as np
import pandas as pd

from helpers.labels.name_columns import plain_name, sample_of, texts_of
from helpers.labels.named import NO_TEXT

SHAPE_ROLES = {"box": 4, "corners": 4, "centred": 4, "point": 2}  # how many columns each takes
IN_SPACE = "in space"
SHAPE_NAMES = (  # (role, the plain names of its columns); the first that are all there
    *(("corners", names) for names in ("xmin ymin xmax ymax", "x1 y1 x2 y2", "x0 y0 x1 y1")),
    ("corners", "left top right bottom"),
    *(("box", names) for names in ("x y width height", "x y w h", "xmin ymin width height")),
    *(("box", names) for names in ("xmin ymin w h", "left top width height")),
    *(("centred", names) for names in ("xcenter ycenter width height", "xcenter ycenter w h")),
    *(("centred", names) for names in ("cx cy w h", "xc yc w h", "centerx centery width height")),
    *(("point", names) for names in ("x y", "xcoord ycoord", "coordx coordy", "px py")),
    *(("point", names) for names in ("xcenter ycenter", "centerx centery", "cx cy", "column row")),
)
THIRD_AXES = ("z", "coordz", "zcoord", "pointz")  # beside x and y: no place in an image
BOX_WORD = re.compile(r"^(bbox|box)")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
FOUR_NUMBERS = re.compile(rf"[\[(]?\s*{NUMBER.pattern}(?:[,;\s]+{NUMBER.pattern}){{3}}\s*[\])]?")
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


def shape_columns(table: pd.DataFrame) -> tuple[str, list[Any]]:
    """(role, columns) of boxes or points, by the names and values of the columns.

    Of a place in three directions, which is none in an image, the role is `IN_SPACE`.
    """
    plain = {_without_box(name): name for name in table}
    fitting = ((one, names.split()) for one, names in SHAPE_NAMES)
    role, listed = next((one for one in fitting if {*one[1]} <= plain.keys()), ("", []))
    columns = [plain[name] for name in listed]
    third = [plain[axis] for axis in THIRD_AXES if axis in plain]
    if not columns or not all(is_numeric(table[name]) for name in columns):
        texts = (name for name in table if _holds_boxes(table[name]))
        return "box", [*texts][:1]
    return (IN_SPACE, [*columns, *third]) if role == "point" and third else (role, columns)


def numbers_of(column: pd.Series) -> np.ndarray:
    """The values of a column as (n,) floats, decimal commas too; NaN where there is no number."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        numbers = numbers.copy()
        left = np.flatnonzero(np.isnan(numbers))
        for row, value in zip(left.tolist(), column.iloc[left].tolist()):
            if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value.strip()):
                numbers[row] = float(value.strip().replace(",", "."))
    return np.where(np.isinf(numbers), np.nan, numbers)


def listed_numbers(column: pd.Series, count: int) -> np.ndarray:
    """Numbers (n, count) that stand in one text each; NaN where they are not so many."""
    found = np.full((len(column), count), np.nan)
    texts = np.concatenate([np.zeros(0, object), *texts_of(column)])
    for row, text in enumerate(texts):
        numbers = NUMBER.findall(text)
        if len(numbers) == count:
            found[row] = [float(one) for one in numbers]
    return np.where(np.isinf(found), np.nan, found)


def is_numeric(column: pd.Series) -> bool:
    """Whether more than half of a sample of a column are numbers, decimal commas too."""
    sample = [text for text in sample_of(column) if text not in NO_TEXT]
    known = np.isfinite(numbers_of(pd.Series(sample, dtype=object)))
    return bool(known.sum() * 2 > len(sample))


def _holds_boxes(column: pd.Series) -> bool:
    """Whether the texts of a column that is named after boxes are four numbers each."""
    texts = {*sample_of(column)} - {*NO_TEXT}
    is_named = bool(BOX_WORD.search(plain_name(column.name)))
    return is_named and bool(texts) and all(map(FOUR_NUMBERS.fullmatch, texts))


def _without_box(name: Any) -> str:
    return BOX_WORD.sub("", plain_name(name))
