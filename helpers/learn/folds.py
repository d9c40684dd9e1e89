"""Which part of the patients is held out, and which next? Folds as a table, for any library."""

from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import require_type, wrong_name
from helpers.learn.cohort import CohortError, shuffled
from helpers.slices.arrays import Arrays
from helpers.slices.persons import PERSONAL, of_several_values, person_ids, row_paths, texts_of

MIN_FOLDS = 2
MAX_CLASSES = 50  # different values that folds are balanced by
NO_VALUE = "no value"
COLUMN_OF = {"patient": "patient", "study": "StudyInstanceUID"}  # what `by` means
SAME_DECIMALS = 12  # to which two folds are equally good


def folds(
    rows: pd.DataFrame,
    n: int = 5,
    *,
    by: str = "patient",
    balance: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Which of n folds each image or stack is in: what belongs together is never torn apart.

    Each fold has as many patients as the others, or one more; among these divisions it is one with
    about as many rows of each class in every fold, dealt out greedily, the largest patients and
    the rarest classes first.

    Parameters
    ----------
    rows : DataFrame of `helpers.slice_table` or `helpers.training_table`, or of
        `helpers.stack_table`, in which persons are known by Patient ID alone
    by : what stays together: "patient" (a person, as `training_table` has it: rows that share an
        ID, a study, a series, or name and birth date), "study", or a column, such as the site.
        A row without it stays with its patient.
    balance : a column with few different values, whose rows are spread evenly; None spreads rows
    seed : other numbers deal otherwise; the order and the names of rows play no part

    Returns
    -------
    DataFrame with the index of `rows`

    - named as `by`: what was kept together
    - ``fold``: from 0 to n - 1
    - ``remark``: text, empty where all is well: one person under several Patient IDs (kept in one
      fold), an ID under which there are several sexes or birth dates (perhaps several persons), a
      patient in several folds, as `by` other than "patient" may have it

    Raises
    ------
    CohortError
        For less than two folds, or more than there are patients; for no such column, or one with
        many values.

    Examples
    --------
    >>> table = pd.DataFrame({"PatientID": ["A", "A", "B", "C"]}, ["1", "2", "3", "4"])
    >>> folds(table, 3)["fold"].nunique()
    3
    """
    require_type(rows, pd.DataFrame, "of slice_table, training_table or stack_table")
    persons = rows["patient"].to_numpy(object) if "patient" in rows else person_ids(rows)
    groups = _groups(rows, persons, by)
    names = shuffled(groups, row_paths(rows), seed)
    if not isinstance(n, (int, np.integer)) or not MIN_FOLDS <= n <= len(names):
        raise CohortError(
            f"expected from {MIN_FOLDS} to {len(names)} folds, as many as there are different "
            f"values of {by!r} at most, got {n!r}"
        )
    group = pd.Index(names).get_indexer(groups.astype(str))
    fold = _dealt(_counts(group, _classes(rows, balance)), int(n))[group]
    remark = _remarks(rows, persons, fold)
    return pd.DataFrame({by: groups, "fold": fold, "remark": remark}, index=rows.index)


def _groups(rows: pd.DataFrame, persons: np.ndarray, by: str) -> np.ndarray:
    """What each row (n,) is kept together with, by name."""
    if by == "patient":
        return persons
    own = texts_of(rows, _known_column(rows, COLUMN_OF.get(by, by)))
    return own.where(own.notna(), "patient " + pd.Series(persons, dtype=object)).to_numpy(object)


def _classes(rows: pd.DataFrame, balance: str | None) -> np.ndarray:
    """The class of each row (n,) as text; one for all where none is asked for."""
    if balance is None:
        return np.full(len(rows), "")
    values = texts_of(rows, _known_column(rows, balance))
    if values.nunique() > MAX_CLASSES:
        raise CohortError(
            f"expected a column with at most {MAX_CLASSES} different values to balance by, got "
            f"{balance!r} with {values.nunique()}: pandas.qcut makes classes of numbers"
        )
    return values.fillna(NO_VALUE).to_numpy(str)


def _known_column(rows: pd.DataFrame, name: Any) -> str:
    known = [*map(str, rows.columns), *filter(None, rows.index.names)]
    if name not in known:
        few = [one for one in known if one[:1].isalpha()]
        raise CohortError(f"expected a column of {wrong_name(str(name), few)}")
    return name


def _counts(group: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How many rows of each class each group has, (groups, classes), of rows (n,)."""
    of_class, _ = pd.factorize(classes, sort=True)
    width = of_class.max() + 1
    pairs = np.bincount(group * width + of_class, minlength=(group.max() + 1) * width)
    return pairs.reshape(-1, width)


def _dealt(counts: np.ndarray, n: int) -> np.ndarray:
    """The fold of each group (g,) of which so many rows are of each class, (g, classes)."""
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    loads, sizes = np.zeros((n, counts.shape[1])), np.zeros(n, int)
    least, remainder = divmod(len(counts), n)
    dealt = np.empty(len(counts), int)
    for group in np.argsort(-np.square(shares).sum(axis=1), kind="stable"):
        takes_one_more = (sizes == least) & ((sizes > least).sum() < remainder)
        open_folds = np.flatnonzero((sizes < least) | takes_one_more)
        added = (loads[open_folds] @ shares[group]).round(SAME_DECIMALS)  # to the sum of squares
        fold = open_folds[np.lexsort((sizes[open_folds], added))[0]]
        loads[fold] += shares[group]
        sizes[fold] += 1
        dealt[group] = fold
    return dealt


def _remarks(rows: pd.DataFrame, persons: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """What is to be known of each row (n,): who may be several, and who is torn apart."""
    person, ids = pd.Series(persons, dtype=object), texts_of(rows, "PatientID")
    remark = np.full(len(rows), "", object)
    for words in (
        person.map("one person under the IDs " + _several(ids, person)),
        ids.map(_several_persons(rows, ids)),
        person.map("a patient in the folds " + _several(pd.Series(fold).astype(str), person)),
    ):
        said = words.astype(object).where(words.notna(), "").to_numpy(object)
        remark = remark + np.where((remark != "") & (said != ""), "; ", "").astype(object) + said
    return remark


def _several(values: pd.Series, of: pd.Series) -> pd.Series:
    """The values of those that have more than one, as a text, index these."""
    known = pd.DataFrame({"of": of, "value": values}).dropna().drop_duplicates()
    listed = known.sort_values("value").groupby("of")["value"].agg(list)
    return listed[listed.map(len) > 1].map(", ".join).astype(object)


def _several_persons(rows: pd.DataFrame, ids: pd.Series) -> dict[str, str]:
    """What is said of Patient IDs under which several persons stand."""
    arrays, found = Arrays(rows), dict[str, str]()
    for keyword, words in PERSONAL.items():
        for own in of_several_values(arrays, keyword):
            said = f"{len(own)} {words} ({keyword}) under one ID: perhaps several persons"
            patient = ids[own[0]]
            found[patient] = "; ".join(filter(None, (found.get(patient), said)))
    return found
