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
from helpers.labels.columns import PLACE_IN_MM, Reading, Taken, class_column, read_columns
from helpers.labels.crossed import crossed_classes, crossing, free_name
from helpers.labels.labels import LabelError
from helpers.labels.named import Names, named
from helpers.labels.run_sizes import MaskSizes, mask_sizes
from helpers.labels.runs import RunForm, run_form

A_TABLE = "a path of a CSV file, or a table"


def annotation_table(
    table: str | os.PathLike[str] | pd.DataFrame,
    slices: pd.DataFrame,
    *,
    columns: Mapping[str, Any] | None = None,
    run_lengths: str | None = None,
    wide: str | os.PathLike[str] | pd.DataFrame | None = None,
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
        point (x, y), runs, size (rows and columns of the picture that runs count in); class, value,
        by (who annotated), unused.
    run_lengths : {"relative", "absolute"}, or None: the form that fits the images
    wide : a table that says more of the rows, in columns that are named by the values of two others
        An example is ``spinal_canal_stenosis_l1_l2`` beside points with ``condition`` and
        ``level``. What it has there, in the row of the same study, is one more class.

    Returns
    -------
    DataFrame; `row` is the row of the table, from 0. A row with a box, point or mask is one
        annotation, named by all its classes; else each class is one. With the columns

    - ``PatientID, StudyInstanceUID, SeriesInstanceUID, stack, path, frame``: what is named; path
      and frame are missing where it is no single image
    - ``level``: patient, study, series or image; ``shape``: class, box, point or mask
    - ``name``, in words; ``value``, that of the class
    - ``x, y, width, height``, in pixels as the module says; a point named by whole numbers is the
      centre of that pixel; ``runs`` and ``run_lengths``, the text and its form; ``mask_shape``,
      rows and columns of a mask that is laid on its image by nearest neighbour, else None
    - ``by``, ``source`` (path) and ``row``
    - ``why``: None, or why it has no place on an image; all rows of the table are kept
    - and of the image ``Rows, Columns, PixelSpacing, ImagePositionPatient,
      ImageOrientationPatient, FrameOfReferenceUID``

    Raises
    ------
    LabelError
        Where the table cannot be read, no column names anything here, or nothing is annotated.
    """
    source, read = _read(table, slices, columns, run_lengths, wide)
    found = annotation_rows(read, source)
    print(_summary(read, found, source))
    return found


def annotation_columns(
    table: str | os.PathLike[str] | pd.DataFrame,
    slices: pd.DataFrame,
    *,
    columns: Mapping[str, Any] | None = None,
    run_lengths: str | None = None,
    wide: str | os.PathLike[str] | pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What each column of a table is taken for by `annotation_table`, and why.

    Returns
    -------
    DataFrame, index ``column``; ``role`` as in `columns`, ``how`` in words, ``guess`` whether it is
        a guess
    """
    _, read = _read(table, slices, columns, run_lengths, wide)
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
    table: Any,
    slices: pd.DataFrame,
    columns: Mapping[str, Any] | None,
    run_lengths: str | None,
    wide: Any,
) -> tuple[str, TableRead]:
    """(the path of the table, what it says)"""
    require_type(slices, pd.DataFrame, "of slice_table")
    source, rows = _table(table)
    names, more = Names(slices), dict[str, str]()
    if wide is not None:
        rows, more = _with_wide(rows, wide)
        columns = _with_class(columns, more)
    reading = read_columns(rows, names, columns)
    _check(reading, source)
    for column, how in more.items():
        if reading.taken[column].role != "class":
            reading.classes.append(class_column(rows[column]))
        count = len(rows[column].dropna().unique())
        reading.taken[column] = Taken("class", f"{count} classes, {how}", True)
    found = named(names, reading.keys, len(rows))
    row_count, column_count = (
        numbers_at(slices, keyword, found.row) for keyword in ("Rows", "Columns")
    )
    places = _places(reading, row_count, column_count)
    images = np.stack([row_count, column_count], axis=1)
    form, sizes = _runs(reading, images, run_lengths)
    return source, TableRead(reading, names, found, places, form, sizes)


def _runs(
    reading: Reading, images: np.ndarray, run_lengths: str | None
) -> tuple[RunForm | None, MaskSizes | None]:
    """The form of run lengths, and the size that they count in, which may not be that of `images`.

    Parameters
    ----------
    images : (n, 2) rows and columns
    """
    if reading.runs is None:
        return None, None
    sizes = mask_sizes(reading.runs, images, reading.size)
    form = run_form(reading.runs, sizes.counts, run_lengths)
    guess = ": both forms fit, a guess" if form.is_guess else ""
    size = f", {sizes.words}{': a guess' if sizes.is_guess else ''}" if sizes.words else ""
    how = f"run lengths of a mask, {form.how}{guess}{size}"
    reading.taken[reading.runs_column] = Taken("runs", how, form.is_guess or sizes.is_guess)
    return form, sizes


def _table(table: Any) -> tuple[str, pd.DataFrame]:
    """(path or empty, rows) of what is given as a table."""
    require_type(table, (str, os.PathLike, pd.DataFrame), A_TABLE)
    if isinstance(table, pd.DataFrame):
        return "", _with_index(table)
    try:
        return os.fspath(table), read_csv(table, **AS_TEXT)
    except (ValueError, OSError) as error:
        raise LabelError(f"expected {A_TABLE}, got {table}: {one_line(error)}") from None


def _with_wide(rows: pd.DataFrame, wide: Any) -> tuple[pd.DataFrame, dict[str, str]]:
    """(rows with what a wide table says of them in one more column, that column and how)."""
    source, table = _table(wide)
    found = crossing(rows, table.columns)
    classes = None if found is None else crossed_classes(rows, table, found)
    if found is None or classes is None:
        raise LabelError(
            "expected a table with one row for each study, patient or image, and columns that are "
            f"named by the values of two columns of the other table, got {source or 'none such'}"
        )
    name = free_name(rows)
    where = f" of {os.path.basename(source)}" if source else ""
    return rows.assign(**{name: classes}), {name: f"from the columns{where} {found.how}"}


def _with_class(
    columns: Mapping[str, Any] | None, more: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """What is said of columns, with a class of a wide table beside those that are asked for."""
    if columns is None or "class" not in columns:
        return columns
    given = columns["class"]
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    return {**columns, "class": [*listed, *more]}


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
