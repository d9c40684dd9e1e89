"""Folds of patients: nobody is in two, classes are spread, and doubtful persons are named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import folds, stack_table, training_table
from helpers.errors import WrongTypeError
from helpers.learn.cohort import CohortError


def _table(patients, **columns):
    """Rows of some patients, in files of their own."""
    paths = [f"/data/{patient}/{n}.dcm" for n, patient in enumerate(patients)]
    own = {"PatientID": pd.Series([*patients], paths, dtype=object)}
    more = {name: pd.Series([*values], paths, dtype=object) for name, values in columns.items()}
    return pd.DataFrame(own | more)


CLASSES = st.sampled_from(["healthy", "ill", "rare"])


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(st.integers(0, 20), CLASSES), min_size=8, max_size=90).filter(
        lambda rows: len({patient for patient, _ in rows}) >= 5
    ),
    n=st.integers(2, 5),
    seed=st.integers(0, 3),
    balance=st.sampled_from([None, "class"]),
)
def test_nobody_is_in_two_folds_and_all_have_as_many(rows, n, seed, balance):
    patients, classes = zip(*((f"P{number}", name) for number, name in rows))
    table = _table(patients, **{"class": classes})
    found = folds(table, n, balance=balance, seed=seed)
    assert found.index.equals(table.index) and list(found) == ["patient", "fold", "remark"]
    by_patient = found.groupby("patient")["fold"]
    assert (by_patient.nunique() == 1).all() and (found["remark"] == "").all()
    sizes = np.bincount(by_patient.first(), minlength=n)
    assert len(sizes) == n and sizes.max() - sizes.min() <= 1
    mixed = table.sample(frac=1, random_state=seed)
    again = folds(mixed, n, balance=balance, seed=seed)["fold"]
    if len(set(table.index)) == len(table):
        assert again.reindex(found.index).equals(found["fold"]), "whatever the order of the rows"


def _imbalance(fold, classes):
    """How far shares of classes in folds are from even ones, root mean square."""
    counts = pd.crosstab(fold, classes)
    shares = counts / counts.sum()
    return float(np.sqrt(((shares - 1 / len(shares)) ** 2).to_numpy().mean()))


@pytest.mark.parametrize("seed", range(4))
def test_classes_are_spread_as_evenly_as_by_scikit_learn(seed):
    selection = pytest.importorskip("sklearn.model_selection")
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(60), rng.integers(1, 30, 60))
    of_patient = rng.choice(["a", "b", "c"], 60, p=[0.5, 0.35, 0.15])
    classes = of_patient[patients]
    table = _table([f"P{number:02d}" for number in patients], **{"class": classes})
    own = folds(table, 5, balance="class")
    theirs = np.zeros(len(table), int)
    splits = selection.StratifiedGroupKFold(5).split(table, classes, patients)
    for number, (_, held_out) in enumerate(splits):
        theirs[held_out] = number
    assert _imbalance(own["fold"], table["class"]) < _imbalance(theirs, table["class"]) + 0.02
    blind = folds(table, 5)["fold"]
    assert _imbalance(own["fold"], table["class"]) < _imbalance(blind, table["class"])
    assert _imbalance(blind, np.full(len(table), "")) < 0.03, "as many rows in each"


def test_seeds_deal_otherwise():
    table = _table([f"P{number}" for number in range(20)])
    assert not folds(table, seed=0).equals(folds(table, seed=1))
    assert folds(table, seed=0).equals(folds(table))


# who may be several


def test_one_person_under_two_ids_is_kept_together_and_named():
    table = _table("ABCD", StudyInstanceUID=["1", "1", "2", "3"])
    found = folds(table, 3)
    assert found["patient"].tolist() == ["A = B", "A = B", "C", "D"]
    assert found["fold"].iloc[0] == found["fold"].iloc[1]
    assert found["remark"].tolist() == [*["one person under the IDs A, B"] * 2, "", ""]
    named = _table("ABCD", PatientName=["Doe", "Doe", "Roe", "Poe"])
    named["PatientBirthDate"] = ["19700101", "19700101", "19700101", None]
    assert folds(named, 3)["remark"].tolist() == found["remark"].tolist()


def test_two_persons_under_one_id_are_named():
    table = _table("AABB", PatientSex=["M", "F", "O", "M"])
    table["PatientBirthDate"] = ["1", "2", None, "3"]
    remark = folds(table, 2)["remark"]
    assert (
        remark.iloc[0]
        == remark.iloc[1]
        == (
            "2 sexes (PatientSex) under one ID: perhaps several persons; "
            "2 birth dates (PatientBirthDate) under one ID: perhaps several persons"
        )
    )
    assert remark.tolist()[2:] == ["", ""]


def test_doubtful_persons_of_the_phantom(phantom_slices):
    slices = phantom_slices.copy()
    mistyped = slices.index[slices["PatientID"] == "P02-interspaced"][0]
    slices.loc[mistyped, "PatientID"] = "P02"
    found = folds(slices)
    words = found[found["remark"] != ""].groupby("patient")["remark"].first()
    assert words.to_dict() == {
        "P87-two-persons": "2 sexes (PatientSex) under one ID: perhaps several persons",
        "P02 = P02-interspaced": "one person under the IDs P02, P02-interspaced",
    }
    assert (found.groupby("patient")["fold"].nunique() == 1).all()
    assert folds(training_table(slices))["remark"].tolist() == found["remark"].tolist()


# by something else


def test_by_study_and_by_site():
    table = _table("AABBCD", StudyInstanceUID=list("112345"), site=["x", "x", "y", "x", "", "z"])
    found = folds(table, 5, by="study")
    assert found["study"].tolist() == list("112345") and found["fold"].nunique() == 5
    torn = found.loc[table["PatientID"] == "B"]
    numbers = ", ".join(map(str, sorted(torn["fold"])))
    assert set(torn["remark"]) == {f"a patient in the folds {numbers}"}
    assert (found["remark"][table["PatientID"] != "B"] == "").all()
    by_site = folds(table, 4, by="site")
    assert by_site["site"].tolist() == ["x", "x", "y", "x", "patient C", "z"]


def test_stacks_have_folds_too(phantom_slices):
    stacks = stack_table(phantom_slices)
    found = folds(stacks, 4, balance="Modality")
    assert found.index.equals(stacks.index)
    known = stacks["PatientID"].notna()
    assert (found["fold"][known].groupby(stacks["PatientID"]).nunique() == 1).all()
    of_slices = folds(phantom_slices, 4)["fold"].groupby(level=[0, 1])
    assert (of_slices.nunique() == 1).all() and {*of_slices.first().index} == {*stacks.index}


# what is refused


def test_what_makes_no_folds_is_refused_in_a_line():
    table = _table("ABCA", score=[1.5, 2.5, 3.5, 4.5])
    for n in (1, 4, 2.5, "5", None):
        with pytest.raises(CohortError, match=r"expected from 2 to 3 folds, .*'patient' at most"):
            folds(table, n)
    with pytest.raises(CohortError, match=r"expected a column of PatientID, score, got 'scor'"):
        folds(table, 2, balance="scor")
    with pytest.raises(CohortError, match=r"expected a column of .* got 'StudyInstanceUID'"):
        folds(table, 2, by="study")
    many = _table([f"P{n}" for n in range(60)], score=np.arange(60) / 7)
    with pytest.raises(CohortError, match=r"at most 50 .* got 'score' with 60: pandas\.qcut"):
        folds(many, 2, balance="score")
    with pytest.raises(CohortError, match="expected from 2 to 0 folds"):
        folds(table.iloc[:0], 2)
    with pytest.raises(WrongTypeError, match="expected a DataFrame"):
        folds("folder")
