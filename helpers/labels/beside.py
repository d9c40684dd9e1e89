"""Which table beside the collection says what is seen on its images?"""

import contextlib
import io
import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from helpers.errors import require_type
from helpers.headers.clinical import csv_files_beside
from helpers.headers.csv_files import AS_TEXT, read_csv
from helpers.labels.annotation_rows import HEADER, REACHES_BEYOND, WHERE
from helpers.labels.annotations import annotation_table
from helpers.labels.crossed import crossed_classes, crossing
from helpers.labels.labels import LabelError

COLUMNS = [  # of `helpers.annotation_table`
    *(name for name, _ in WHERE),
    *("level", "shape", "name", "value", "x", "y", "width", "height", "runs", "run_lengths"),
    *("mask_shape", "by", "source", "row", "why", *HEADER),
]
NONE_BESIDE = "Annotations: no CSV file beside the collection says anything of its images"


def annotations_beside(
    slices: pd.DataFrame,
    table: str | os.PathLike[str] | pd.DataFrame | None = None,
    *,
    columns: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """The annotations of a table: of the one that is named, or of the one beside the collection.

    Of the CSV files in the collection's folder and the one above, of at most 50 MB, that is the one
    with most boxes, points and masks that have a place; where none has any, the one with most
    classes. One line is printed that says which it is, or that there is none. Where another of the
    files has a column for each combination of values in two of its columns, the class that stands
    there is added, a guess: see `wide` of `helpers.annotation_table`.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    table : path of a CSV file, or its DataFrame; None to look for it
    columns : role → column, or list of columns, as of `helpers.annotation_table`; a table that has
        not these is passed over where it is looked for

    Returns
    -------
    DataFrame of `helpers.annotation_table`; empty, with its columns, where there is no such table

    Raises
    ------
    LabelError
        Where `table` is given, and cannot be read or annotates nothing.
    """
    require_type(slices, pd.DataFrame, "of slice_table")
    files = csv_files_beside(slices.index.unique("path"))
    if table is not None:
        said, found = _read(table, slices, columns, files)
        print(said)
        return found
    best, most, said, chosen = pd.DataFrame(columns=COLUMNS), (0, 0), NONE_BESIDE, None
    for file in files:
        with contextlib.suppress(LabelError):
            line, annotations = _read(file, slices, columns, [])
            if (counted := _counted(annotations)) > most:
                best, most, said, chosen = annotations, counted, line, file
    if chosen is not None and _wide_of(chosen, files) is not None:
        said, best = _read(chosen, slices, columns, files)
    print(said)
    return best


def _read(
    table: Any, slices: pd.DataFrame, columns: Mapping[str, Any] | None, files: list[str]
) -> tuple[str, pd.DataFrame]:
    """(what is said of a table, its annotations), with a class of a wide one among some files."""
    wide = _wide_of(table, files)
    with contextlib.redirect_stdout(io.StringIO()) as line:
        found = annotation_table(table, slices, columns=columns, wide=wide)
    return line.getvalue().strip(), found


def _wide_of(table: Any, files: list[str]) -> str | None:
    """The file whose columns are named by the values of two columns of a table."""
    for file in files:
        with contextlib.suppress(ValueError, OSError):
            rows = table if isinstance(table, pd.DataFrame) else read_csv(table, **AS_TEXT)
            found = crossing(rows, read_csv(file, nrows=0, **AS_TEXT).columns)
            if found and crossed_classes(rows, read_csv(file, **AS_TEXT), found) is not None:
                return file
    return None


def _counted(annotations: pd.DataFrame) -> tuple[int, int]:
    """(boxes, points and masks, all annotations) that have a place."""
    why = annotations["why"]
    is_placed = why.isna() | why.eq(REACHES_BEYOND)
    return int((is_placed & annotations["shape"].ne("class")).sum()), int(is_placed.sum())
