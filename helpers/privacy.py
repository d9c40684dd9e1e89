"""What here could identify a person? Counts that show no value, and the values to look for before something is passed on."""

import os
from pathlib import Path

import pandas as pd

from helpers import expect
from helpers.keywords import meanings

PROFILE = Path(__file__).with_name("identifying.csv")  # keyword and action (PS3.15 Table E.1-1, the Basic Profile)
PRIVATE = "("  # how the column of a private element begins
KINDS = {"PN": "name", "DA": "date", "DT": "date", "TM": "date", "UI": "identifier (UID)", "SQ": "sequence"}


def identifying(headers):
    """One row per element that can identify a person: how many files have a value, and of how many patients.

    Values are not shown. What is listed is listed because the Basic Profile lists it, whether or not its
    values were already replaced; pixels are not looked at.

    Parameters
    ----------
    headers : DataFrame of `helpers.headers.header_table`; with ``private=True`` private elements by name

    Returns
    -------
    DataFrame, index ``keyword``: ``kind`` (name, date, identifier (UID), sequence, text, private, pixels),
        ``files`` with a value, ``patients`` and ``folders`` (numbers; `where` names the folders), ``distinct``
        values, and ``action``, what the profile asks for: X remove, Z empty, D replace, U another UID, K keep,
        C clean; several where it depends (PS3.15 Table E.1-1 and E.3.1)
    """
    expect(headers, pd.DataFrame, "of header_table")
    headers = headers[~headers.index.duplicated()]  # a file once, however many frames it has
    actions = pd.read_csv(PROFILE, index_col="keyword")["action"]
    rows = [
        (keyword, *_counts(headers, headers[keyword].notna()), headers[keyword].nunique(), actions[keyword])
        for keyword in headers
        if keyword in actions
    ]
    table = pd.DataFrame(rows, columns=["keyword", "files", "patients", "folders", "distinct", "action"]).set_index("keyword")
    table.insert(0, "kind", [KINDS.get(meanings()[keyword].VR, "text") for keyword in table.index])
    others = [_private(headers), _burned_in(headers)]
    table = pd.concat([table, *(other for other in others if len(other))])
    return table[table["files"] > 0].rename_axis("keyword").sort_values(["kind", "files"], ascending=[True, False], kind="stable")


def _counts(headers, having):
    patients = headers["PatientID"][having].nunique() if "PatientID" in headers else 0
    folders = {os.path.dirname(path) for path in headers.index[having]}
    return int(having.sum()), int(patients), len(folders)


def where(headers, keyword):
    """The folders (a Series of folder to number of files) in which files have a value for one element, most files first."""
    expect(headers, pd.DataFrame, "of header_table")
    having = headers[keyword].notna() if keyword in headers else pd.Series(False, headers.index)
    folders = pd.Series([os.path.dirname(path) for path in headers.index[having].unique()], dtype=object, name="folder")
    return folders.value_counts().rename("files")


def identifying_values(headers):
    """Every text that an identifying element holds, as it would be printed: to be looked for, never to be shown.

    Names, dates, UIDs and other texts of the elements that the Basic Profile lists, and of private elements where
    `headers` has them as columns. Several values of one element are several texts; numbers are none, nor is what
    stands inside sequences.

    Parameters
    ----------
    headers : DataFrame of `helpers.headers.header_table`; with ``private=True`` private elements too

    Returns
    -------
    set of str
    """
    expect(headers, pd.DataFrame, "of header_table")
    listed = set(pd.read_csv(PROFILE)["keyword"])
    columns = [name for name in headers if name in listed or name.startswith(PRIVATE)]
    values = {value for name in columns for value in headers[name].dropna().unique()}
    several = (value if isinstance(value, tuple) else (value,) for value in values)
    return {text.strip() for texts in several for text in texts if isinstance(text, str) and text.strip()}


def _private(headers):
    """One row for private elements, where there are any: their meaning is not known (PS3.15 E.3.10)."""
    if "private_elements" not in headers:
        return pd.DataFrame()
    having = headers["private_elements"].fillna(0) > 0
    return _row("private elements", "private", headers, having, headers["private_elements"].nunique(), "X")


def _burned_in(headers):
    """One row for images that say that names are burned into their pixels (PS3.3 C.7.6.1)."""
    if "BurnedInAnnotation" not in headers:
        return pd.DataFrame()
    return _row("burned-in annotation", "pixels", headers, headers["BurnedInAnnotation"] == "YES", 1, "clean pixel data")


def _row(name, kind, headers, having, distinct, action):
    files, patients, folders = _counts(headers, having)
    values = {"kind": kind, "files": files, "patients": patients, "folders": folders, "distinct": distinct, "action": action}
    return pd.DataFrame(values, index=pd.Index([name], name="keyword"))
