"""Who is each image of? One person may have several IDs, and several persons one."""

import os
from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers.slices.arrays import Arrays
from helpers.slices.table import NO_UID

PERSON_KEYWORDS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")  # shared by one person
PERSONAL = {"PatientSex": "sexes", "PatientBirthDate": "birth dates"}  # of which one has one
SEXES = ("M", "F")
NAMES = ("PatientName", "PatientBirthDate")  # which together are a person's
MAX_IDS = 3  # of one person; more IDs under one name and birth date tell that these are made up


def person_ids(rows: pd.DataFrame) -> np.ndarray:
    """Who each row (n,) belongs to: rows that share a patient ID, a study or a series are one's.

    So are those that share name and birth date, unless more than three patient IDs do: then these
    are made up. So nobody is two persons because an ID is missing or was mistyped in one file, or
    another was given. A person has the name of all of their patient IDs; without any, that of the
    study, else series, else folder, and the name says so.

    Parameters
    ----------
    rows : DataFrame of `helpers.slice_table`, or with paths as its index; PatientID,
        StudyInstanceUID, SeriesInstanceUID, PatientName and PatientBirthDate as far as there are
    """
    keys = {keyword: texts_of(rows, keyword) for keyword in PERSON_KEYWORDS}
    folders = pd.Series([os.path.dirname(path) for path in row_paths(rows)], dtype=object)
    keys["folder"] = folders.where(pd.DataFrame(keys, folders.index).isna().all(axis=1))
    shared = [*keys.values(), _names(rows, keys["PatientID"])]
    person, before = pd.Series(range(len(rows))), None
    while not person.equals(before):  # the lowest number spreads over all that is shared
        before = person
        for key in shared:
            person = person.groupby(key).transform("min").where(key.notna(), person).astype(int)
    names = pd.Series(dtype=object)
    for keyword, key in keys.items():
        names = names.combine_first(_person_names(person, keyword, key))
    return person.map(names).to_numpy(object)


def of_several_values(
    rows: Arrays, keyword: str, files: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yields, for each patient ID under which several values of an element stand, their rows.

    One row for each value, the first that has it; that of the value which fewest files have is the
    last.

    Parameters
    ----------
    keyword : one of `PERSONAL`
    files : how many files each row (n,) stands for; None: each for itself
    """
    patients, values = (rows.codes(word) for word in ("PatientID", keyword))
    counted = (patients >= 0) & (values >= 0)
    if keyword == "PatientSex":
        counted &= pd.Series(rows.values(keyword), dtype=object).isin(SEXES).to_numpy()
    known = np.flatnonzero(counted)
    pairs = patients[known] * (values.max(initial=0) + 1) + values[known]
    kinds, first, kind = np.unique(pairs, return_index=True, return_inverse=True)
    counts = np.bincount(kind, None if files is None else files[known], len(kinds))
    of_patient = kinds // (values.max(initial=0) + 1)
    for patient in np.flatnonzero(np.bincount(of_patient, minlength=1) > 1).tolist():
        own = np.flatnonzero(of_patient == patient)
        own = own[np.argsort(-counts[own], kind="stable")]
        yield known[first[own]]


def row_paths(table: pd.DataFrame) -> pd.Index:
    """The path of the file of each row."""
    return table.index.get_level_values("path" if "path" in table.index.names else 0)


def texts_of(rows: pd.DataFrame, keyword: str) -> pd.Series:
    """A column or level as text without blanks around it; missing where there is no value."""
    values = rows.get(keyword, np.full(len(rows), None))
    if keyword in rows.index.names:
        values = rows.index.get_level_values(keyword)
    texts = pd.Series(np.asarray(values, object), dtype=object)
    texts = texts.map(lambda value: str(value).strip() or None, na_action="ignore")
    return texts.where(texts != NO_UID, None)


def _names(rows: pd.DataFrame, patient: pd.Series) -> pd.Series:
    """Name and birth date of each row as one text; missing without both, or where made up."""
    pairs = zip(*(texts_of(rows, keyword) for keyword in NAMES))
    known = [None if pd.isna(name) or pd.isna(born) else (name, born) for name, born in pairs]
    both = pd.Series(
        [pair and f"{pair[0].casefold().strip('^ ')}\n{pair[1]}" for pair in known], dtype=object
    )
    return both.where(patient.groupby(both).transform("nunique") <= MAX_IDS, None)


def _person_names(person: pd.Series, keyword: str, key: pd.Series) -> pd.Series:
    """What one keyword calls each person that it knows: index the person's number."""
    known = pd.DataFrame({"person": person, "value": key}).dropna().drop_duplicates()
    by_person = known.sort_values("value").groupby("person")["value"]
    if keyword == "PatientID":
        return by_person.agg(" = ".join)
    return f"{keyword.removesuffix('InstanceUID').lower()} " + by_person.first()
