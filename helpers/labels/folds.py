"""Is a patient in two folds? Then a network is asked what it was shown."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from helpers.errors import require_type
from helpers.labels.labels import LabelError

PERSONS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")  # the first that is there


def fold_leaks(annotations: pd.DataFrame, folds: Iterable[Any]) -> pd.DataFrame:
    """Patients who are annotated in several folds, as the headers of their images name them.

    Where a header names no patient, its study counts for one, and else its series.
    A table may name one patient by several IDs or by images alone; the headers say who it is.

    Parameters
    ----------
    annotations : DataFrame of `helpers.annotation_table`
    folds : of each row of the table that was read, such as ``pd.read_csv(path)["fold"]``; an empty
        one is none

    Returns
    -------
    DataFrame, index ``PatientID`` (or UID of a study or series), empty where none leaks:
        ``folds`` as a tuple, and how many ``annotations`` lie in them

    Raises
    ------
    LabelError
        Where there are fewer folds than rows.
    """
    require_type(annotations, pd.DataFrame, "of annotation_table")
    of_row = pd.Series(list(folds), dtype=object)
    if len(annotations) and len(of_row) <= annotations["row"].max():
        rows = annotations["row"].max() + 1
        raise LabelError(f"expected a fold for each of {rows} rows, got {len(of_row)}")
    own = annotations.assign(fold=of_row.reindex(annotations["row"]).to_numpy(object))
    named = own[[*PERSONS]].replace("", None).astype(object).bfill(axis=1)["PatientID"]
    own = own.assign(PatientID=named)[own["fold"].notna() & named.notna()]
    by_patient = own.groupby("PatientID", sort=False)["fold"]
    found = by_patient.agg(folds=lambda one: tuple(dict.fromkeys(one)), annotations="size")
    return found[found["folds"].map(len) > 1]
