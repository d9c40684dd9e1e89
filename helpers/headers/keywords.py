"""Which keywords does DICOM know (PS3.6), and what does a collection say of each?"""

import difflib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydicom.datadict import DicomDictionary, RepeatersDictionary

from helpers.errors import ClearError, require_type
from helpers.headers.columns import ALWAYS


class KeywordError(ClearError, ValueError):
    """A name that is no DICOM keyword."""


class Meaning(NamedTuple):
    """What the standard says of a keyword."""

    name: str
    VR: str
    VM: str
    retired: bool


@lru_cache
def meanings():
    """A dict of keyword to Meaning, of every element of the standard; those of repeating groups among them."""
    entries = (*RepeatersDictionary.values(), *DicomDictionary.values())
    return {
        keyword: Meaning(name, vr, vm, retired == "Retired")
        for vr, vm, name, retired, keyword in entries
        if keyword
    }


def check_keyword(keyword, also=()):
    """Refuses a keyword that DICOM does not know, with the nearest that it does.

    Parameters
    ----------
    also : collection of str; names that will do as well
    """
    if isinstance(keyword, str) and (keyword in also or keyword in meanings()):
        return
    near = difflib.get_close_matches(str(keyword), meanings(), 1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else " (PS3.6 lists them)"
    raise KeywordError(f"expected a DICOM keyword, got {keyword!r}{hint}")


VARIES = {  # where several values stand side by side → what that is called, the narrowest place first
    "SeriesInstanceUID": "within series",
    "StudyInstanceUID": "between series",
    "PatientID": "between studies",
}
PRIVATE = Meaning("private element", "", "", False)
EXAMPLES, SHOWN = 3, 40  # how many, and how many characters of each
MODULES = Path(__file__).with_name(
    "modules.csv"
)  # keyword and its most general module (PS3.3 C), of radiological images


def tag_summary(headers, by=None):
    """One row per keyword: how many files have a value for it, how many values there are and where they change.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.frame_table`
    by : str or None
        A keyword, such as Modality: a summary for each of its values, and for the files without one.

    Returns
    -------
    DataFrame, index ``keyword`` (with `by`: its value, then ``keyword``), in the order of the table's columns.
        ``files`` that have a value and their ``share``, number of ``distinct`` values, ``varies``, ``examples``
        (text), and what the standard says: ``name``, ``VR``, ``VM``, ``retired`` (PS3.6) and ``module`` (PS3.3 C;
        the most general that has it, empty where no module of radiological images does). ``varies`` is ``no value``,
        ``constant``, or the narrowest place where there are several values: ``within series``, ``between series`` of
        a study, ``between studies`` of a patient, ``between patients``; ``between files`` where some do not say whose
        they are.

    Raises
    ------
    KeywordError
        Where the table has no column `by`.
    """
    require_type(headers, pd.DataFrame, "of header_table")
    if by is None:
        return _summary(headers)
    if not isinstance(by, str) or by not in headers:
        raise KeywordError(f"by: expected a column of the header table, got {by!r}")
    groups = {value: _summary(group) for value, group in headers.groupby(_labels(headers[by]))}
    return pd.concat(groups or {"": _summary(headers[:0])}, names=[by])


def _labels(column):
    """The values as text, of those that have none too."""
    return np.array(
        ["no value" if value is None or value != value else str(value) for value in column],
        dtype=object,
    )


def _summary(headers):
    columns = [
        keyword for keyword in headers if keyword not in ALWAYS or keyword == "TransferSyntaxUID"
    ]
    places = {
        varies: pd.factorize(headers[level])[0]
        for level, varies in VARIES.items()
        if level in headers
    }
    rows = [_row(keyword, headers[keyword].to_numpy(), places) for keyword in columns]
    names = ["files", "share", "distinct", "varies", "examples", *Meaning._fields, "module"]
    return pd.DataFrame(rows, columns=names, index=pd.Index(columns, dtype=object, name="keyword"))


def _row(keyword, values, places):
    codes, distinct = pd.factorize(values)
    present = codes >= 0
    shown = ", ".join(_shortened(value) for value in distinct[:EXAMPLES])
    examples = shown + (" …" if len(distinct) > EXAMPLES else "")
    share = present.mean() if len(present) else 0.0
    meaning = meanings().get(keyword, PRIVATE)
    varies = _varies(codes[present], {name: place[present] for name, place in places.items()})
    return (
        present.sum(),
        share,
        len(distinct),
        varies,
        examples,
        *meaning,
        _modules().get(keyword, ""),
    )


def _varies(codes, places):
    """Where several values stand side by side."""
    if not len(codes):
        return "no value"
    if (codes == codes[0]).all():
        return "constant"
    for name, place in places.items():
        known = place >= 0
        pairs = np.unique(place[known] * (codes.max() + 1) + codes[known])
        if len(pairs) > len(np.unique(place[known])):
            return name
    return (
        "between patients"
        if places and all((place >= 0).all() for place in places.values())
        else "between files"
    )


def _shortened(value):
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


@lru_cache
def _modules():
    return pd.read_csv(MODULES, index_col="keyword")["module"].to_dict()
