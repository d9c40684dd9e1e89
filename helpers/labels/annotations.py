"""What does a table beside the collection say of its images? One row per annotation.

Places count in pixels of the image as it is stored: x to the right, y down, from the outer corner
of the first pixel, as competitions publish boxes. The centre of that pixel is (0.5, 0.5).
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import one_line, require_type
from helpers.headers.csv_files import AS_TEXT, read_csv
from helpers.labels.annotation_rows import TableRead, annotation_rows, numbers_at
from helpers.labels.columns import PLACE_IN_MM, Reading, Taken, read_columns
from helpers.labels.labels import LabelError
from helpers.labels.named import Names, named
from helpers.labels.runs import run_form

A_TABLE = "a path of a CSV file, or a table"


def annotation_table(
    table: str | os.PathLike[str] | pd.DataFrame,
    slices: pd.DataFrame,
    *,
    columns: Mapping[str, Any] | None = None,
    run_lengths: str | None = None,
) -> pd.DataFrame:
    """What a competition's table says, one row per annotation, tied to the image it is about.

    Rows name a patient, study, series or image: by its UID, its ID, its file, its folder, by
    ``series/instance number`` or by columns of these together. They carry classes, a box, a point
    or the run lengths of a mask. What each column is taken for shows in its values, and is printed;
    `annotation_columns` says why, `columns` corrects it.

    Parameters
    ----------
    table : path of a CSV file, or its DataFrame
    slices : DataFrame of `helpers.slice_table`
    columns : role → column, or list of columns, as in ``{"image": "patientId", "class": "Target"}``
        Roles: image, series, study, patient, number (Instance Number), frame; box (left, top,
        width, height), corners (left, top, right, bottom), centred (middle x, y, width, height),
        point (x, y), runs; class, value, by (who annotated), unused.
    run_lengths : {"relative", "absolute"}, or None: the form that fits the images

    Returns
    -------
    DataFrame; `row` is the row of the table, from 0. A row with a box, point or mask is one
        annotation, named by all its classes; else each class is one. With the columns

    - ``PatientID, StudyInstanceUID, SeriesInstanceUID, stack, path, frame``: what is named; path
      and frame are missing where it is no single image
    - ``level``: patient, study, series or image; ``shape``: class, box, point or mask
    - ``name``, in words; ``value``, that of the class
    - ``x, y, width, height``, in pixels as the module says; a point named by whole numbers is the
      centre of that pixel; ``runs`` and ``run_lengths``, the text and its form
    - ``by``, ``source`` (path) and ``row``
    - ``why``: None, or why it has no place on an image; all rows of the table are kept
    - and of the image ``Rows, Columns, PixelSpacing, ImagePositionPatient,
      ImageOrientationPatient, FrameOfReferenceUID``

    Raises
    ------
    LabelError
        Where the table cannot be read, no column names anything here, or nothing is annotated.
    """
    source, read = _read(table, slices, columns, run_lengths)
    found = annotation_rows(read, source)
    print(_summary(read, found, source))
    return found


def annotation_columns(
    table: str | os.PathLike[str] | pd.DataFrame,
    slices: pd.DataFrame,
    *,
    columns: Mapping[str, Any] | None = None,
    run_lengths: str | None = None,
) -> pd.DataFrame:
    """What each column of a table is taken for by `annotation_table`, and why.

    Returns
    -------
    DataFrame, index ``column``; ``role`` as in `columns`, ``how`` in words, ``guess`` whether it is
        a guess
    """
    _, read = _read(table, slices, columns, run_lengths)
    taken = read.reading.taken
    index = pd.Index([*map(str, taken)], dtype=object, name="column")
    return pd.DataFrame([*taken.values()], index, ["role", "how", "guess"])


def class_balance(annotations: pd.DataFrame) -> pd.DataFrame:
    """How often each class is annotated: by annotations, images and patients that are here.

    Parameters
    ----------
    annotations : DataFrame of `annotation_table`

    Returns
    -------
    DataFrame, index ``name``, the most frequent first; ``annotations, images, patients`` and
        ``share``, of all patients that are annotated
    """
    require_type(annotations, pd.DataFrame, "of annotation_table")
    here = annotations[annotations["why"].isna() & annotations["name"].notna()]
    image = here.groupby(["path", "frame"], sort=False).ngroup()
    by_name = here.assign(image=image.where(image >= 0)).groupby("name", sort=False)
    counts = by_name.agg(
        annotations=("row", "size"), images=("image", "nunique"), patients=("PatientID", "nunique")
    )
    counts["share"] = counts["patients"] / max(here["PatientID"].nunique(), 1)
    return counts.sort_values("annotations", ascending=False, kind="stable")


def _read(
    table: Any, slices: pd.DataFrame, columns: Mapping[str, Any] | None, run_lengths: str | None
) -> tuple[str, TableRead]:
    """(the path of the table, what it says)"""
    require_type(slices, pd.DataFrame, "of slice_table")
    source, rows = _table(table)
    names = Names(slices)
    reading = read_columns(rows, names, columns)
    _check(reading, source)
    found = named(names, reading.keys, len(rows))
    row_count, column_count = (
        numbers_at(slices, keyword, found.row) for keyword in ("Rows", "Columns")
    )
    places = _places(reading, row_count, column_count)
    form = None
    if reading.runs is not None:
        form = run_form(reading.runs, row_count * column_count, run_lengths)
        guess = ": both forms fit, a guess" if form.is_guess else ""
        how = f"run lengths of a mask, {form.how}{guess}"
        reading.taken[reading.runs_column] = Taken("runs", how, form.is_guess)
    return source, TableRead(reading, names, found, places, form)


def _table(table: Any) -> tuple[str, pd.DataFrame]:
    """(path or empty, rows) of what is given as a table."""
    require_type(table, (str, os.PathLike, pd.DataFrame), A_TABLE)
    if isinstance(table, pd.DataFrame):
        return "", _with_index(table)
    try:
        return os.fspath(table), read_csv(table, **AS_TEXT)
    except (ValueError, OSError) as error:
        raise LabelError(f"expected {A_TABLE}, got {table}: {one_line(error)}") from None


def _with_index(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its rows counted from 0; an index that may name something is a column."""
    index = table.index
    may_name = index.nlevels > 1 or index.name is not None or index.dtype.kind not in "iu"
    is_new = may_name and {*index.names}.isdisjoint(table.columns)
    rows = table.reset_index(drop=not is_new)
    if not rows.columns.is_unique:
        twice = ", ".join(map(str, rows.columns[rows.columns.duplicated()].unique()))
        raise LabelError(f"expected columns of different names, got several of {twice}")
    return rows


def _check(reading: Reading, source: str) -> None:
    """Refuses a table whose columns name nothing, or say nothing."""
    listed = ", ".join(map(str, reading.table)) or "none"
    where = f"{source or 'a table'} with the columns {listed}"
    if not reading.keys:
        raise LabelError(
            "expected a column that names images, series, studies or patients of this collection "
            "by UID, ID, file or folder, got none in "
            f"{where}; columns={{'image': …}} (or series, study, patient) says which it is"
        )
    mm = [column for column, one in reading.taken.items() if one.how == PLACE_IN_MM]
    in_space = f" ({', '.join(map(str, mm))} are {PLACE_IN_MM})" if mm else ""
    said = reading.classes or reading.shape or reading.measured or reading.behind
    if not said and reading.runs is None:
        raise LabelError(
            f"expected a column of classes, boxes, points or run lengths, got none in {where}"
            f"{in_space}; columns={{'class': …}} (or box, point, runs, value) says which it is"
        )


def _places(reading: Reading, row_count: np.ndarray, column_count: np.ndarray) -> np.ndarray:
    """x, y, width, height (n, 4) of boxes and points in pixels, from the image's outer corner."""
    given, shape = reading.numbers, reading.shape
    if given is None:
        return np.broadcast_to(np.nan, (len(reading.table), 4))
    remark, is_guess, finite = "", False, given[np.isfinite(given)]
    if len(finite) and finite.max() <= 1 and (finite % 1 != 0).any():
        size = np.stack([column_count, row_count] * (given.shape[1] // 2), axis=1)
        given = given * np.where(np.isnan(size), 1, size)
        remark, is_guess = ", as fractions of the image: a guess", True
    elif shape == "point" and len(finite) and (finite % 1 == 0).all():
        given, remark = given + 0.5, ", whole numbers that name pixels"
    places = np.full((len(given), 4), np.nan)
    places[:, : given.shape[1]] = given
    if shape == "corners":
        places[:, 2:] = given[:, 2:] - given[:, :2]
    if shape == "centred":
        places[:, :2] = given[:, :2] - given[:, 2:] / 2
    for column, (role, how, was_guess) in reading.taken.items():
        if role == shape:
            reading.taken[column] = Taken(role, how + remark, is_guess or was_guess)
    return places


def _summary(read: TableRead, found: pd.DataFrame, source: str) -> str:
    """What was read, in one line."""
    parts: dict[str, list[str]] = {}
    for column, (role, how, is_guess) in read.reading.taken.items():
        if role != "unused" or is_guess:
            guess = " (a guess)" if is_guess and "guess" not in how else ""
            parts.setdefault(f"{role} by {{}}: {how}{guess}", []).append(str(column).strip())
    said = "; ".join(text.format(", ".join(names)) for text, names in parts.items())
    left = int(found["why"].notna().sum())
    unplaced = f", {left:,} without a place" if left else ""
    return f"Annotations: {len(found):,} of {source or 'the table'}{unplaced}; {said}"
