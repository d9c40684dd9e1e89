"""What here could identify a person?"""

import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pandas as pd
from pydicom.datadict import dictionary_VR, tag_for_keyword

from helpers.errors import ClearError, require_type

PROFILE = Path(__file__).with_name("identifying.csv")  # keyword, action (PS3.15 Table E.1-1)
IDENTIFYING_VRS = {"PN", "DA", "DT", "TM", "LT", "ST", "UT", "UC", "UR", "AE"}  # names, dates, text
IDENTIFYING_NAMES = re.compile(  # of elements that are newer than the profile, or retired
    r"Comment|Calendar|OrderNumber|Label$|(?<!U)IDs?$"
)
STANDARD_ROOT = "1.2.840.10008."  # of the UIDs that the standard itself gives away (PS3.5 9)
KINDS = {
    **{"PN": "name", "DA": "date", "DT": "date", "TM": "date"},
    **{"UI": "identifier (UID)", "SQ": "sequence"},
}
BURNED_IN = "burned-in annotation"  # a row that is no element
PRIVATE_VRS = {  # of private elements that hold physics alone (PS3.15 E.3.10)
    "(0019,xx0A) SIEMENS MR HEADER": "US",  # slices side by side in a mosaic
    "(0019,xx0C) SIEMENS MR HEADER": "IS",  # b-value
    "(0019,xx0E) SIEMENS MR HEADER": "FD",  # gradient direction
    "(0043,xx2F) GEMS_PARM_01": "SS",  # magnitude, phase, real or imaginary
    "(0043,xx39) GEMS_PARM_01": "IS",  # b-value
    "(2001,xx03) Philips Imaging DD 001": "FL",  # b-value
    "(2001,xx04) Philips Imaging DD 001": "CS",  # direction
}
WORD = re.compile(r"[^\W_]+")
TOKEN = re.compile(r"\w+(?:[.\-]\w+)*")  # an ID, a UID, a word


@cache
def identifies(keyword: str) -> bool:
    """Whether the values of an element can identify a person.

    These are the elements of the Basic Profile, and all names, dates and free text. Private
    elements can, too: the names of their columns begin with a bracket. b-values cannot.

    References
    ----------
    PS3.15 Table E.1-1 and E.3.10
    """
    if keyword in _profile():
        return True
    if VR := vr_of(keyword):
        return VR in IDENTIFYING_VRS or IDENTIFYING_NAMES.search(keyword) is not None
    return keyword.startswith("(")


def vr_of(keyword: str) -> str:
    """The value representation of an element; empty for a column whose element is not known."""
    return dictionary_VR(tag) if (tag := tag_for_keyword(keyword)) else PRIVATE_VRS.get(keyword, "")


def identifying(headers: pd.DataFrame) -> pd.DataFrame:
    """One row per element that can identify a person: how many files and patients have a value.

    Values are not shown. What is listed is listed because the Basic Profile lists it, whether or
    not its values were already replaced; pixels are not looked at.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`; with ``private=True`` private elements by name

    Returns
    -------
    DataFrame, index ``keyword``: ``kind`` (name, date, identifier (UID), sequence, text, private,
        pixels), ``files`` with a value, ``patients`` and ``folders`` (numbers; `folders_with` names
        the folders), ``distinct`` values, and ``action``, what the profile asks for: X remove,
        Z empty, D replace, U another UID, K keep, C clean; several where it depends (PS3.15 Table
        E.1-1 and E.3.1)
    """
    require_type(headers, pd.DataFrame, "of header_table")
    headers = headers[~headers.index.duplicated()]  # a file once, however many frames it has
    rows = [
        (name, kind, *_counts(headers, values.notna()), values.nunique(), action)
        for name, kind, values, action in _found(headers)
    ]
    names = ["keyword", "kind", "files", "patients", "folders", "distinct", "action"]
    table = pd.DataFrame(rows, columns=names).set_index("keyword")
    return table.sort_values(["kind", "files"], ascending=[True, False], kind="stable")


def identifying_names(headers: pd.DataFrame) -> list[str]:
    """What `identifying` has a row for, without counting where it is."""
    return [name for name, *_ in _found(headers)]


def folders_with(headers: pd.DataFrame, keyword: str) -> pd.Series:
    """The folders in which files have a value for an element, each with its number of files."""
    require_type(headers, pd.DataFrame, "of header_table")
    files = headers.index[headers[keyword].notna()].unique() if keyword in headers else []
    folders = pd.Series(map(os.path.dirname, files), dtype=object, name="folder")
    return folders.value_counts().rename("files")


def identifying_values(headers: pd.DataFrame) -> set[str]:
    """Every text that an identifying element holds: to be looked for, never to be shown.

    Names, dates, UIDs and other texts of the elements that `identifies` names. Several values of
    one element are several texts; numbers are none, nor is what stands inside sequences.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`; with ``private=True`` private elements too
    """
    require_type(headers, pd.DataFrame, "of header_table")
    return _texts_of(headers, filter(identifies, headers))


def harmless_values(headers: pd.DataFrame) -> set[str]:
    """Every text of the other elements: what stands there too identifies nobody."""
    return _texts_of(headers, (name for name in headers if not identifies(name)))


def own_words(helpers: Path = Path(__file__).parents[1]) -> frozenset[str]:
    """The words of this suite's modules, in lower case: a page may hold them whatever headers say.

    Parameters
    ----------
    helpers : folder with the modules

    Raises
    ------
    ClearError
        Where no module lies below the folder.
    """
    texts = [path.read_text(encoding="utf-8") for path in helpers.rglob("*.py")]
    if not texts:
        raise ClearError(f"expected the modules of this suite below {helpers}, found none")
    return frozenset(word for text in texts for word in WORD.findall(text.casefold()))


@cache
def _profile() -> dict[str, str]:
    """Keyword and action of the Basic Profile."""
    return pd.read_csv(PROFILE, index_col="keyword")["action"].to_dict()


def _found(headers: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series, str]]:
    """Yields name, kind, values by file and action of all that identifies and has a value."""
    found = [
        (keyword, KINDS.get(vr_of(keyword), "text"), column, action)
        for keyword, column in headers.items()
        if (action := _profile().get(keyword))
    ]
    if "private_elements" in headers:  # their meaning is not known (PS3.15 E.3.10)
        private = pd.to_numeric(headers["private_elements"])
        found.append(("private elements", "private", private.where(private > 0), "X"))
    if "BurnedInAnnotation" in headers:  # names in the pixels (PS3.3 C.7.6.1)
        burned = headers["BurnedInAnnotation"]
        burned = burned.where(burned == "YES")
        found.append((BURNED_IN, "pixels", burned, "clean pixel data"))
    yield from (one for one in found if one[2].notna().any())


def _counts(headers: pd.DataFrame, having: pd.Series) -> tuple[int, int, int]:
    """Files, patients and folders in which something is."""
    patients = headers["PatientID"][having].nunique() if "PatientID" in headers else 0
    folders = {os.path.dirname(path) for path in headers.index[having]}
    return int(having.sum()), int(patients), len(folders)


def _texts_of(headers: pd.DataFrame, names: Iterable[str]) -> set[str]:
    values = {value for name in names for value in headers[name].dropna().unique()}
    several = (value if isinstance(value, tuple) else (value,) for value in values)
    texts = {text.strip() for texts in several for text in texts if isinstance(text, str)}
    return texts - {""}
