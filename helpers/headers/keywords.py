"""Which keywords does DICOM know (PS3.6), and what does a collection say of each?"""

import difflib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydicom.datadict import DicomDictionary, RepeatersDictionary

from helpers.errors import ClearError, require_type
from helpers.headers.columns import FIXED_COLUMNS

MODULES = Path(__file__).with_name("modules.csv")  # keyword, its most general module (PS3.3 C)
LEVELS = {  # the narrowest first → what it is called where several values stand side by side in one
    "SeriesInstanceUID": "within series",
    "StudyInstanceUID": "between series",
    "PatientID": "between studies",
}
MAX_EXAMPLES, LONGEST_EXAMPLE = 3, 40  # how many, and how many characters of each


class KeywordError(ClearError, ValueError):
    """A name that is no DICOM keyword."""


class DictionaryEntry(NamedTuple):
    """What the standard says of a keyword."""

    name: str
    VR: str
    VM: str
    retired: bool


PRIVATE = DictionaryEntry("private element", "", "", False)


@cache
def dictionary_entries() -> dict[str, DictionaryEntry]:
    """The entry of every keyword of the standard; those of repeating groups among them."""
    entries = (*RepeatersDictionary.values(), *DicomDictionary.values())
    return {
        keyword: DictionaryEntry(name, vr, vm, retired == "Retired")
        for vr, vm, name, retired, keyword in entries
        if keyword
    }


def check_keyword(keyword: Any, also: Collection[str] = ()) -> None:
    """Refuses a keyword that DICOM does not know, with the nearest that it does.

    Parameters
    ----------
    also : names that will do as well
    """
    known = dictionary_entries()
    if not isinstance(keyword, str) or (keyword not in also and keyword not in known):
        near = difflib.get_close_matches(str(keyword), known, 1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else " (PS3.6 lists them)"
        raise KeywordError(f"expected a DICOM keyword, got {keyword!r}{hint}")


def tag_summary(headers: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """One row per keyword: how many files have a value, how many values, and where they change.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    by : str or None
        A keyword, such as Modality: a summary for each of its values, and for files without one.

    Returns
    -------
    DataFrame, index ``keyword`` (with `by`: its value, then ``keyword``), as the columns are.
        ``files`` that have a value and their ``share``, number of ``distinct`` values, ``varies``,
        ``examples`` (text), and what the standard says: ``name``, ``VR``, ``VM``, ``retired``
        (PS3.6) and ``module`` (PS3.3 C; the most general that has it, empty where no module of
        radiological images does). ``varies`` is ``no value``, ``constant``, or the narrowest
        level at which there are several values: ``within series``, ``between series`` of a study,
        ``between studies`` of a patient, ``between patients``; ``between files`` where some do
        not say whose they are.

    Raises
    ------
    KeywordError
        Where `by` is neither a keyword nor a column of the table.
    """
    require_type(headers, pd.DataFrame, "of header_table")
    if by is None:
        return _summary(headers)
    if not isinstance(by, str) or (by not in headers and by not in dictionary_entries()):
        raise KeywordError(f"by: expected a column of the header table, got {by!r}")
    column = headers.reindex(columns=[by])[by]
    labels = column.map(str).where(column.notna(), "no value").to_numpy(dtype=object)
    groups = {label: _summary(group) for label, group in headers.groupby(labels)}
    return pd.concat(groups or {"": _summary(headers[:0])}, names=[by])


def _summary(headers: pd.DataFrame) -> pd.DataFrame:
    fixed = set(FIXED_COLUMNS) - {"TransferSyntaxUID"}
    columns = [keyword for keyword in headers if keyword not in fixed]
    levels = {
        varies: pd.factorize(headers[keyword])[0]
        for keyword, varies in LEVELS.items()
        if keyword in headers
    }
    return summary_table(
        columns, [_row(keyword, headers[keyword].to_numpy(), levels) for keyword in columns]
    )


def summary_table(keywords: list[str], rows: list[tuple]) -> pd.DataFrame:
    """A table of `tag_summary`, from the `summary_row` of each keyword."""
    names = [
        *("files", "share", "distinct", "varies", "examples"),
        *(*DictionaryEntry._fields, "module"),
    ]
    index = pd.Index(keywords, dtype=object, name="keyword")
    return pd.DataFrame(rows, columns=names, index=index)


def _row(keyword: str, values: np.ndarray, levels: dict[str, np.ndarray]) -> tuple:
    codes, distinct = pd.factorize(values)
    present = codes >= 0
    varies = _varies(codes[present], {name: level[present] for name, level in levels.items()})
    count, examples = int(present.sum()), list(distinct[:MAX_EXAMPLES])
    return summary_row(keyword, count, len(values), len(distinct), examples, varies)


def summary_row(
    keyword: str, count: int, files: int, distinct: int, examples: list[Any], varies: str
) -> tuple:
    """What `tag_summary` says of a keyword that `count` of some files have."""
    more = " …" if distinct > MAX_EXAMPLES else ""
    said = ", ".join(map(_shortened, examples)) + more
    entry, module = dictionary_entries().get(keyword, PRIVATE), _modules().get(keyword, "")
    return count, count / files if files else 0.0, distinct, varies, said, *entry, module


def _varies(codes: np.ndarray, levels: dict[str, np.ndarray]) -> str:
    """Where several values stand side by side."""
    if not len(codes):
        return "no value"
    if (codes == codes[0]).all():
        return "constant"
    for name, level in levels.items():
        known = level >= 0
        pairs = np.unique(level[known] * (codes.max() + 1) + codes[known])
        if len(pairs) > len(np.unique(level[known])):
            return name
    complete = bool(levels) and all((level >= 0).all() for level in levels.values())
    return "between patients" if complete else "between files"


def _shortened(value: Any) -> str:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[: LONGEST_EXAMPLE - 1]}…"


@cache
def _modules() -> dict[str, str]:
    return pd.read_csv(MODULES, index_col="keyword")["module"].to_dict()
