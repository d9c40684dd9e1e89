"""What else is known of the patients? Finds the CSV file beside a collection that names them."""

import os
from collections.abc import Iterable
from fnmatch import fnmatch

import pandas as pd

from helpers.errors import require_type
from helpers.files.listing import files_in
from helpers.files.names import absolute, disk_folder, folder_of
from helpers.files.opening import size_of
from helpers.headers.csv_files import AS_TEXT, read_csv

MAX_BYTES = 50_000_000  # of a CSV file that is looked into
ROWS_TRIED = 20  # of a CSV file, before it is read as a whole


def clinical_table(
    headers: pd.DataFrame, path: str | os.PathLike[str] | None = None
) -> pd.DataFrame:
    """The clinical table of a collection, such as OSIC's ``train.csv``; prints which it is.

    Of the CSV files in the collection's folder and the one above, that is the one with the column
    whose values are the most of the collection's patients. A file is read as a whole only where
    a column is named after patients, or the first rows name one of the collection's.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    path : CSV file, or None to look for it

    Returns
    -------
    DataFrame, all rows of the file, its index that column, as text and named ``PatientID``: so
        ``counts.join(table.groupby("PatientID").first())`` joins it to a table by patient. Empty
        where there is none.
    """
    require_type(headers, pd.DataFrame, "of header_table")
    patients = set(headers["PatientID"].dropna().map(str)) if "PatientID" in headers else set()
    found: list[tuple[int, bool, str, pd.Series]] = []
    unreadable = []
    for file in [os.fspath(path)] if path else csv_files_beside(headers.index):
        try:
            if path or _speaks_of(patients, read_csv(file, nrows=ROWS_TRIED, **AS_TEXT)):
                found += [
                    (
                        len(patients.intersection(column)),
                        _is_named_after_patients(name),
                        file,
                        column,
                    )
                    for name, column in read_csv(file, **AS_TEXT).items()
                ]
        except (ValueError, OSError) as error:
            unreadable.append(f"; {file} cannot be read: {' '.join(str(error).split())}")
    if not any(match[0] for match in found):
        print("Clinical table: no CSV file beside the collection names its patients", *unreadable)
        return pd.DataFrame(index=pd.Index([], dtype=object, name="PatientID"))
    known, _, file, column = max(found, key=lambda match: match[:2])
    print(f"Clinical table: {file}, column {column.name}: {known} of {len(patients)} patients")
    table = read_csv(file).drop(columns=[column.name, "PatientID"], errors="ignore")
    return table.set_index(column.rename("PatientID"))


def csv_files_beside(paths: Iterable[str]) -> list[str]:
    """The CSV files in the folder in which all paths lie, and in the one above.

    Files above `MAX_BYTES` are left out.
    """
    return [file for file in files_beside(paths, "*.csv") if (size_of(file) or 0) <= MAX_BYTES]


def files_beside(paths: Iterable[str], *patterns: str) -> list[str]:
    """The files of some names in the folder in which all paths lie, and in the one above.

    Of an archive these are folders in it; the one that it lies in, and that above, come behind.
    """
    paths = [absolute(path) for path in paths]
    on_disks = set(filter(None, map(disk_folder, paths)))
    places = [folder_of(paths), os.path.commonpath(on_disks) if on_disks else None]
    folders = [folder for one in places if one for folder in (one, os.path.dirname(one))]
    files = [file for folder in dict.fromkeys(folders) for file in files_in(folder)]
    return [file for file in files if any(fnmatch(file, pattern) for pattern in patterns)]


def _speaks_of(patients: set[str], rows: pd.DataFrame) -> bool:
    """Whether rows of a CSV file name a patient, or a column is named after patients."""
    known = any(not patients.isdisjoint(column) for _, column in rows.items())
    return known or any(map(_is_named_after_patients, rows))


def _is_named_after_patients(column: str) -> bool:
    return "patient" in column.lower()
