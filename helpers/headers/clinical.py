"""What else is known of the patients? Finds the CSV file beside a collection that speaks of them."""

import os
from pathlib import Path

import pandas as pd

from helpers.errors import require_type

MOST_BYTES = 50_000_000  # of a CSV file that is looked into


def clinical_table(headers, path=None):
    """The clinical table of a collection, such as OSIC's ``train.csv``; prints one line that says which.

    Of the CSV files in the collection's folder and the two above, that is the one with the column whose
    values are the most of the collection's patients.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    path : CSV file, or None to look for it

    Returns
    -------
    DataFrame, all rows of the file, its index that column, as text and named ``PatientID``: so
        ``counts.join(table.groupby("PatientID").first())`` joins it to a table by patient. Empty where there is none.
    """
    require_type(headers, pd.DataFrame, "of header_table")
    patients = set(headers["PatientID"].dropna().map(str)) if "PatientID" in headers else set()
    found = [
        match
        for path in ([Path(path)] if path else _csv_files(headers.index))
        for match in _matches(path, patients)
    ]
    if not found:
        print("Clinical table: no CSV file beside the collection speaks of its patients")
        return pd.DataFrame(index=pd.Index([], dtype=object, name="PatientID"))
    known, path, column, names = max(
        found, key=lambda match: (match[0], "patient" in str(match[2]).lower())
    )
    print(f"Clinical table: {path}, column {column}: {known} of {len(patients)} patients")
    table = _table(path).drop(columns=column).drop(columns="PatientID", errors="ignore")
    return table.set_index(names.rename("PatientID"))


def _csv_files(paths):
    if not len(paths):
        return []
    root = Path(os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths]))
    folders = [root, *root.parents[:2]]
    files = [file for folder in folders for file in sorted(folder.glob("*.csv"))]
    return [file for file in files if file.is_file() and file.stat().st_size <= MOST_BYTES]


def _table(path, **options):
    """A CSV file whose values stand between commas or semicolons."""
    table = pd.read_csv(path, **options)
    return table if table.shape[1] > 1 else pd.read_csv(path, sep=";", **options)


def _matches(path, patients):
    """Yields (patients known, path, column, its values) for each column of a CSV file that knows one of them."""
    try:
        table = _table(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError):
        return
    for column in table:
        known = len(patients & set(table[column]))
        if known:
            yield known, path, column, table[column]
