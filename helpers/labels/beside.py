"""Which table beside the collection says what is seen on its images?"""

import contextlib
import io
import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from helpers.errors import require_type
from helpers.headers.clinical import csv_files_beside
from helpers.labels.annotation_rows import HEADER, REACHES_BEYOND, WHERE
from helpers.labels.annotations import annotation_table
from helpers.labels.labels import LabelError

COLUMNS = [  # of `helpers.annotation_table`
    *(name for name, _ in WHERE),
    *("level", "shape", "name", "value", "x", "y", "width", "height", "runs", "run_lengths"),
    *("by", "source", "row", "why", *HEADER),
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
    classes. One line is printed that says which it is, or that there is none.

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
    if table is not None:
        return annotation_table(table, slices, columns=columns)
    best, most, said = pd.DataFrame(columns=COLUMNS), (0, 0), NONE_BESIDE
    for file in csv_files_beside(slices.index.unique("path")):
        with contextlib.suppress(LabelError), contextlib.redirect_stdout(io.StringIO()) as line:
            annotations = annotation_table(file, slices, columns=columns)
            if (counted := _counted(annotations)) > most:
                best, most, said = annotations, counted, line.getvalue().strip()
    print(said)
    return best


def _counted(annotations: pd.DataFrame) -> tuple[int, int]:
    """(boxes, points and masks, all annotations) that have a place."""
    why = annotations["why"]
    is_placed = why.isna() | why.eq(REACHES_BEYOND)
    return int((is_placed & annotations["shape"].ne("class")).sum()), int(is_placed.sum())
