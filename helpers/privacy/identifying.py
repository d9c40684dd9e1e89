"""What stands in place of a value that could identify a person, where identity is to be left out?"""

import os
import re
from functools import cache
from pathlib import Path

import pandas as pd
from pydicom.datadict import dictionary_VR, tag_for_keyword

from helpers.errors import require_type

PROFILE = Path(__file__).with_name(
    "identifying.csv"
)  # keyword and action (PS3.15 Table E.1-1, the Basic Profile)
TELLING = {
    "PN",
    "DA",
    "DT",
    "TM",
    "LT",
    "ST",
    "UT",
    "UC",
    "UR",
    "AE",
}  # value representations of names, dates, free text
NAMED_TELLING = re.compile(
    r"Comment|Calendar|OrderNumber|Label$|(?<!U)IDs?$"
)  # newer and retired elements, listed or not


@cache
def identifies(keyword):
    """Whether the values of an element can identify a person: those of the Basic Profile, and all names, dates and free text.

    So can private elements, the names of whose columns begin with a bracket.

    References
    ----------
    PS3.15 Table E.1-1 and E.3.10
    """
    if keyword in _listed():
        return True
    VR = vr_of(keyword)
    return VR in TELLING or bool(NAMED_TELLING.search(keyword)) if VR else keyword.startswith("(")


def vr_of(keyword):
    """The value representation of an element; empty for a column that is no element of the standard."""
    return dictionary_VR(tag) if (tag := tag_for_keyword(keyword)) else ""


@cache
def _listed():
    return frozenset(pd.read_csv(PROFILE)["keyword"])


WORD = re.compile(r"[^\W_]+")
STANDARD_ROOT = "1.2.840.10008."  # of the UIDs that the standard itself gives away (PS3.5 9)
KINDS = {
    "PN": "name",
    "DA": "date",
    "DT": "date",
    "TM": "date",
    "UI": "identifier (UID)",
    "SQ": "sequence",
}


def identifying(headers):
    """One row per element that can identify a person: how many files have a value, and of how many patients.

    Values are not shown. What is listed is listed because the Basic Profile lists it, whether or not its
    values were already replaced; pixels are not looked at.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`; with ``private=True`` private elements by name

    Returns
    -------
    DataFrame, index ``keyword``: ``kind`` (name, date, identifier (UID), sequence, text, private, pixels),
        ``files`` with a value, ``patients`` and ``folders`` (numbers; `where` names the folders), ``distinct``
        values, and ``action``, what the profile asks for: X remove, Z empty, D replace, U another UID, K keep,
        C clean; several where it depends (PS3.15 Table E.1-1 and E.3.1)
    """
    require_type(headers, pd.DataFrame, "of header_table")
    headers = headers[~headers.index.duplicated()]  # a file once, however many frames it has
    actions = pd.read_csv(PROFILE, index_col="keyword")["action"]
    rows = [
        (
            keyword,
            *_counts(headers, headers[keyword].notna()),
            headers[keyword].nunique(),
            actions[keyword],
        )
        for keyword in headers
        if keyword in actions
    ]
    table = pd.DataFrame(
        rows, columns=["keyword", "files", "patients", "folders", "distinct", "action"]
    ).set_index("keyword")
    table.insert(0, "kind", [KINDS.get(vr_of(keyword), "text") for keyword in table.index])
    others = [_private(headers), _burned_in(headers)]
    table = pd.concat([table, *(other for other in others if len(other))])
    return (
        table[table["files"] > 0]
        .rename_axis("keyword")
        .sort_values(["kind", "files"], ascending=[True, False], kind="stable")
    )


def _counts(headers, having):
    patients = headers["PatientID"][having].nunique() if "PatientID" in headers else 0
    folders = {os.path.dirname(path) for path in headers.index[having]}
    return int(having.sum()), int(patients), len(folders)


def where(headers, keyword):
    """The folders (a Series of folder to number of files) in which files have a value for one element, most files first."""
    require_type(headers, pd.DataFrame, "of header_table")
    having = headers[keyword].notna() if keyword in headers else pd.Series(False, headers.index)
    folders = pd.Series(
        [os.path.dirname(path) for path in headers.index[having].unique()],
        dtype=object,
        name="folder",
    )
    return folders.value_counts().rename("files")


def identifying_values(headers):
    """Every text that an identifying element holds, as it would be printed: to be looked for, never to be shown.

    Names, dates, UIDs and other texts of the elements that `helpers.privacy.identifying.identifies` names. Several values of one
    element are several texts; numbers are none, nor is what stands inside sequences.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`; with ``private=True`` private elements too

    Returns
    -------
    set of str
    """
    require_type(headers, pd.DataFrame, "of header_table")
    return _texts_of(headers, filter(identifies, headers))


def harmless_values(headers):
    """Every text of the other elements, as a set of str: what stands there too identifies nobody."""
    return _texts_of(headers, (name for name in headers if not identifies(name)))


def own_words(helpers=Path(__file__).parent):
    """The words that the modules in a folder use themselves, in lower case: a page may hold them whatever the headers say."""
    texts = (path.read_text(encoding="utf-8") for path in helpers.glob("*.py"))
    return frozenset(word for text in texts for word in WORD.findall(text.casefold()))


def _texts_of(headers, names):
    values = {value for name in names for value in headers[name].dropna().unique()}
    several = (value if isinstance(value, tuple) else (value,) for value in values)
    return {
        text.strip()
        for texts in several
        for text in texts
        if isinstance(text, str) and text.strip()
    }


def _private(headers):
    """One row for private elements, where there are any: their meaning is not known (PS3.15 E.3.10)."""
    if "private_elements" not in headers:
        return pd.DataFrame()
    having = headers["private_elements"].fillna(0) > 0
    return _row(
        "private elements", "private", headers, having, headers["private_elements"].nunique(), "X"
    )


def _burned_in(headers):
    """One row for images that say that names are burned into their pixels (PS3.3 C.7.6.1)."""
    if "BurnedInAnnotation" not in headers:
        return pd.DataFrame()
    return _row(
        "burned-in annotation",
        "pixels",
        headers,
        headers["BurnedInAnnotation"] == "YES",
        1,
        "clean pixel data",
    )


def _row(name, kind, headers, having, distinct, action):
    files, patients, folders = _counts(headers, having)
    values = {
        "kind": kind,
        "files": files,
        "patients": patients,
        "folders": folders,
        "distinct": distinct,
        "action": action,
    }
    return pd.DataFrame(values, index=pd.Index([name], name="keyword"))
