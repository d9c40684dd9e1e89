"""Where does each annotation of a table belong, and why has one no place? One row for each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.labels.annotation_words import Words, words_of
from helpers.labels.columns import Reading
from helpers.labels.name_columns import ClassColumn
from helpers.labels.named import LEVELS, Named, Names
from helpers.labels.run_sizes import MaskSizes
from helpers.labels.runs import NO_RUNS, RunForm
from helpers.slices.arrays import numbers
from helpers.slices.table import MAX_COPIED_ROWS

SHAPES = ("class", "box", "point", "mask")
BOX, POINT, MASK = 1, 2, 3  # places in it
REACHES_BEYOND = "reaches beyond the image"  # why; it is drawn all the same
LIES_OUTSIDE = "lies outside the image"
NOT_SCALED = "the run lengths count in a picture that has not the shape of the image"
BEYOND = 1.0  # pixels by which a box or point may reach beyond its image
HEADER = (  # elements of the image that is named, by which its annotation finds its place
    *("Rows", "Columns", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"),
    "FrameOfReferenceUID",
)
WHERE = (  # column → what has to be one, so that it is said
    ("PatientID", "patients"),
    ("StudyInstanceUID", "studies"),
    ("SeriesInstanceUID", "series"),
    ("stack", "stacks"),
    ("path", "images"),
    ("frame", "frames"),
)


class TableRead(NamedTuple):
    """A table that has been read: its columns, what its rows name, and their places."""

    reading: Reading
    names: Names
    found: Named
    places: np.ndarray  # (n, 4) x, y, width, height; NaN where there is none
    form: RunForm | None
    sizes: MaskSizes | None


def annotation_rows(read: TableRead, source: str) -> pd.DataFrame:
    """One row per annotation, as `helpers.annotation_table` has them."""
    words = words_of(read.reading)
    rows, shapes = words.rows, _shapes(read, words)
    columns: dict[str, Any] = {name: values[rows] for name, values in _where(read).items()}
    columns["level"] = np.array(LEVELS, object)[read.found.level[rows]]
    columns["shape"] = np.array(SHAPES, object)[shapes]
    columns |= {"name": words.names, "value": words.class_values}
    for place, name in enumerate(("x", "y", "width", "height")):
        own = read.reading.numbers is not None  # then each row is one annotation
        columns[name] = read.places[:, place] if own else np.broadcast_to(np.nan, len(rows))
    no_text = np.broadcast_to(np.array(None, object), len(rows))
    is_mask = shapes == MASK
    runs, form = read.reading.runs, read.form
    columns["runs"] = no_text if runs is None else np.where(is_mask, runs[rows], None)
    columns["run_lengths"] = no_text if form is None else _where_mask(is_mask, form.how)
    columns["mask_shape"] = no_text if read.sizes is None else _mask_shapes(read.sizes, is_mask)
    columns["by"] = no_text if read.reading.by is None else _taken(read.reading.by, rows)
    columns["source"] = np.broadcast_to(np.array(source or None, object), len(rows))
    columns["row"] = rows
    columns["why"] = _whys(read, shapes, rows, words)
    slices, row = read.names.slices, np.where(_is_one(read, "path"), read.found.row, -1)[rows]
    for keyword in HEADER:
        columns[keyword] = _of_slices(slices.get(keyword), row)
    return _frame(columns, len(rows))


def _where_mask(is_mask: np.ndarray, text: str) -> np.ndarray:
    return np.array([None, text], object)[is_mask.astype(int)]


def _mask_shapes(sizes: MaskSizes, is_mask: np.ndarray) -> np.ndarray:
    """(rows, columns) of each mask that is laid on its image in another size; else None."""
    shapes = np.full(len(is_mask), None, object)
    for row in np.flatnonzero(is_mask & sizes.is_scaled).tolist():
        shapes[row] = tuple(sizes.sizes[row].astype(int).tolist())
    return shapes


def _shapes(read: TableRead, words: Words) -> np.ndarray:
    """What each annotation is, as a number in `SHAPES`."""
    shapes = np.zeros(len(words.rows), np.int8)
    given, runs = read.reading.numbers, read.reading.runs
    if given is not None:
        shapes[np.isfinite(given).any(1)] = POINT if read.reading.shape == "point" else BOX
    if runs is not None:
        shapes[~np.isin(runs, NO_RUNS)] = MASK
    return shapes


def _where(read: TableRead) -> dict[str, np.ndarray]:
    """What each row of the table names, as columns of the result."""
    slices, columns = read.names.slices, {}
    for name, _ in WHERE:
        own = (
            slices.index.get_level_values(name) if name in slices.index.names else slices.get(name)
        )
        columns[name] = _of_slices(own, np.where(_is_one(read, name), read.found.row, -1))
    return columns


def _is_one(read: TableRead, column: str) -> np.ndarray:
    """Whether each row of the table (n,) names one patient, series … as a column has it."""
    counts, what = read.found.counts, dict(WHERE)[column]
    if what not in ("images", "frames"):
        return counts[what] == 1
    is_image = ((counts["images"] == 1) | (counts["objects"] == 1)) & (read.found.level == 0)
    return is_image & (counts["frames"] == 1) if what == "frames" else is_image


def _of_slices(values: Any, rows: np.ndarray) -> np.ndarray:
    """Values of a column in rows (n,) of the slices; None, or NaN of numbers, for row -1."""
    if values is None:
        return np.broadcast_to(np.array(None, object), rows.shape)
    values = np.asarray(values)
    if values.dtype.kind in "iu":
        whole = pd.array(np.append(values, 0), dtype="Int64")
        whole[-1] = pd.NA
        return whole.take(np.where(rows < 0, len(values), rows))
    values = np.append(values.astype(object) if values.dtype.kind not in "f" else values, np.nan)
    if values.dtype == object:
        values[-1] = None
    return values[rows]


def _taken(column: ClassColumn, rows: np.ndarray) -> np.ndarray:
    """The values of a class column in rows, as texts; None where there is none."""
    return np.array([*map(str, column.distinct), None], object)[column.codes[rows]]


def _whys(read: TableRead, shapes: np.ndarray, rows: np.ndarray, words: Words) -> np.ndarray:
    """Why each annotation has no place on an image (n,); None where it has, or needs none."""
    counts, level = read.found.counts, read.found.level
    is_image, is_drawn = (level == 0)[rows], shapes > 0
    several = (counts["images"] > 1) & (counts["objects"] != 1)
    no_frame = is_image & is_drawn & (counts["frames"] > 1)[rows]
    why = np.full(len(rows), None, object)
    reasons = [(words.is_empty, "has no class")]  # the last that holds is said
    if read.reading.numbers is not None:
        reasons += _of_places(read, shapes)
    if read.form is not None:
        misfit = (shapes == MASK) & ~read.form.fits[rows]
        reasons.append((misfit, "the run lengths do not fit the image"))
    if read.sizes is not None:
        stretched = (shapes == MASK) & read.sizes.is_other & ~read.sizes.is_scaled
        reasons.append((stretched, NOT_SCALED))
    reasons += [
        (no_frame, "names a file of several frames, and no frame"),
        (is_image & several[rows], "names several images here"),
        *(
            ((level == number)[rows] & (counts[what] > 1)[rows], f"names several {what} here")
            for number, what in ((1, "series"), (2, "studies"))
        ),
        (is_drawn & ~is_image, "names no image, which a place needs"),
    ]
    for holds, reason in reasons:
        why[holds] = reason
    unknown = (read.found.row < 0)[rows]
    for number, what in enumerate(LEVELS):
        why[unknown & (level == number)[rows]] = f"names no {what} here"
    return why


def _of_places(read: TableRead, shapes: np.ndarray) -> list[tuple[np.ndarray, str]]:
    """Which boxes and points (n,) are not whole or not inside their image, and the words for it."""
    x, y, width, height = read.places.T
    is_box, is_point = shapes == BOX, shapes == POINT
    row_count, column_count = (
        numbers_at(read.names.slices, keyword, read.found.row) for keyword in HEADER[:2]
    )
    right, bottom = np.where(is_point, x, x + width), np.where(is_point, y, y + height)
    beyond = (np.minimum(x, y) < -BEYOND) | (right > column_count + BEYOND)
    beyond |= bottom > row_count + BEYOND
    outside = (np.minimum(right, bottom) < -BEYOND) | (x > column_count + BEYOND)
    outside |= y > row_count + BEYOND
    lacking = (is_box & np.isnan(x + y + width + height)) | (is_point & np.isnan(x + y))
    return [
        ((is_box | is_point) & beyond, REACHES_BEYOND),
        ((is_box | is_point) & outside, LIES_OUTSIDE),
        (is_box & ((width <= 0) | (height <= 0)), "the box has no size"),
        (lacking, "a number is missing"),
    ]


def numbers_at(slices: pd.DataFrame, keyword: str, rows: np.ndarray) -> np.ndarray:
    """Numbers (n,) of an element in rows of the slices; NaN for row -1."""
    return np.append(numbers(slices, keyword), np.nan)[rows]


def _frame(columns: Mapping[str, Any], count: int) -> pd.DataFrame:
    """A table of columns; a large one is not copied, and what is one value throughout is one."""
    index = pd.RangeIndex(count)
    return pd.DataFrame(
        {name: pd.Series(one, index, one.dtype, copy=False) for name, one in columns.items()},
        index,
        copy=count <= MAX_COPIED_ROWS,
    )
