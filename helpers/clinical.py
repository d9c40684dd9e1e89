"""What else is known of the patients? Finds the CSV file beside a collection that speaks of them."""

import os
from pathlib import Path

import pandas as pd

MOST_BYTES = 50_000_000  # of a CSV file that is looked into


def clinical_table(headers):
    """The clinical table of a collection, such as OSIC's ``train.csv``; prints one line that says which.

    Of the CSV files in the collection's folder and the one above, that is the one with the column whose
    values are the most of the collection's patients.

    Parameters
    ----------
    headers : DataFrame of `helpers.headers.header_table`

    Returns
    -------
    DataFrame, all rows of the file, its index that column, as text and named ``PatientID``: so
        ``counts.join(table.groupby("PatientID").first())`` joins it to a table by patient. Empty where there is none.
    """
    patients = set(headers["PatientID"].dropna().map(str)) if "PatientID" in headers else set()
    found = [match for path in _csv_files(headers.index) for match in _matches(path, patients)]
    if not found:
        print("Clinical table: no CSV file beside the collection speaks of its patients")
        return pd.DataFrame(index=pd.Index([], dtype=object, name="PatientID"))
    known, path, column, names = max(found, key=lambda match: match[0])
    print(f"Clinical table: {path}, column {column}: {known} of {len(patients)} patients")
    return pd.read_csv(path).set_index(names.rename("PatientID")).drop(columns=column)


def _csv_files(paths):
    if not len(paths):
        return []
    root = Path(os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths]))
    files = [*sorted(root.glob("*.csv")), *sorted(root.parent.glob("*.csv"))]
    return [file for file in files if file.is_file() and file.stat().st_size <= MOST_BYTES]


def _matches(path, patients):
    """Yields (patients known, path, column, its values) for each column of a CSV file that knows one of them."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError):
        return
    for column in table:
        known = len(patients & set(table[column]))
        if known:
            yield known, path, column, table[column]
