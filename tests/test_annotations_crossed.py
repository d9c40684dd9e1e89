"""A wide table with a column for each combination of two columns of another one."""

import pandas as pd
import pytest
from competition_tables import (
    SPINE_CLASSES,
    SPINE_POINTS,
    SPINE_SEVERITIES,
    spine_slices,
    table_of,
    written,
)

from helpers import annotation_columns, annotation_table, annotations_beside, image_labels
from helpers.labels.crossed import crossed_classes, crossing
from helpers.labels.labels import LabelError

NAMES = [
    "Spinal Canal Stenosis · L1/L2 · Normal/Mild",
    "Left Neural Foraminal Narrowing · L4/L5 · Severe",
    "Spinal Canal Stenosis · L1/L2 · Moderate",
    "Spinal Canal Stenosis · L2/L3",  # nothing is said of it
]
FROM = "named by condition and level, joined by study_id"


@pytest.fixture(scope="module")
def spines():
    return spine_slices()


@pytest.fixture
def tables(tmp_path):
    """(the table of points, that of severities)"""
    points = written(tmp_path, SPINE_POINTS, name="train_label_coordinates.csv")
    return points, written(tmp_path, SPINE_SEVERITIES)


def test_a_point_says_its_condition_level_and_severity(tables, spines, capsys):
    points, severities = tables
    found = annotation_table(points, spines, wide=severities)
    assert capsys.readouterr().out.endswith(
        f"class by class: 3 classes, from the columns of train.csv {FROM} (a guess)\n"
    )
    assert found["name"].tolist() == NAMES
    (mark,) = image_labels(found, found["path"].iloc[1]).marks
    assert mark.words == NAMES[1]
    columns = annotation_columns(points, spines, wide=severities)
    assert columns.loc["class"].tolist()[0::2] == ["class", True]
    alone = annotation_table(points, spines)
    pd.testing.assert_frame_equal(alone.drop(columns="name"), found.drop(columns="name"))


def test_the_answer_is_that_of_each_study_in_any_order(tables, spines):
    points, severities = (pd.read_csv(one, dtype=str) for one in tables)
    turned = annotation_table(points.iloc[::-1, ::-1], spines, wide=severities.iloc[::-1, ::-1])
    assert [{*name.split(" · ")} for name in turned["name"]] == [
        {*name.split(" · ")} for name in reversed(NAMES)
    ]
    as_numbers = severities.assign(study_id=severities["study_id"].astype(int))
    assert annotation_table(points, spines, wide=as_numbers)["name"].tolist() == NAMES


def test_classes_that_are_asked_for_have_it_beside_them(tables, spines):
    points, severities = tables
    found = annotation_table(points, spines, columns={"class": "level"}, wide=severities)
    assert found["name"].tolist()[:2] == ["L1/L2 · Normal/Mild", "L4/L5 · Severe"]


def test_severities_beside_the_collection_are_found(tmp_path, capsys):
    slices = spine_slices()
    named = slices.reset_index()
    named["path"] = str(tmp_path) + named["path"]
    slices = named.set_index(slices.index.names)
    folder = tmp_path / "data"
    folder.mkdir()
    points = written(folder, SPINE_POINTS, name="train_label_coordinates.csv")
    for text, names in (
        (SPINE_SEVERITIES, NAMES),
        (SPINE_CLASSES, [name.rpartition(" · ")[0] for name in NAMES[:3]] + NAMES[3:]),
    ):
        written(folder, text)  # the second lacks a column for L4/L5
        for table in (None, points, pd.read_csv(points, dtype=str)):
            assert annotations_beside(slices, table)["name"].tolist() == names
            said = capsys.readouterr().out
            assert said.count("\n") == 1 and (FROM in said) == (names is NAMES)


def test_only_what_is_beyond_doubt_is_joined():
    points = table_of(study_id=["1", "1"], condition=["a", "b"], level=["L1/L2", "L1/L2"])
    wide = table_of(study_id=["1"], a_l1_l2=["x"], b_l1_l2=["y"])
    found = crossing(points, wide.columns)
    assert (found.keys, found.parts) == ({"study_id": "study_id"}, ("condition", "level"))
    assert crossed_classes(points, wide, found).tolist() == ["x", "y"]
    turned = crossing(
        points, wide.rename(columns=lambda n: {"a_l1_l2": "L1L2-A"}.get(n, n)).columns
    )
    assert turned is None, "both orders in one table"
    assert crossing(points, pd.Index(["patient", "a_l1_l2", "b_l1_l2"])) is None, "no key"
    assert crossing(points, pd.Index(["study_id", "a_l1_l2"])) is None, "one is no column"
    assert crossing(points.iloc[:1], wide.columns) is None, "one combination may be by chance"
    twice = pd.concat([wide, wide])
    assert crossed_classes(points, twice, found) is None


def test_a_wide_table_that_does_not_fit_is_refused(tables, spines, tmp_path):
    points, _ = tables
    other = written(tmp_path, "study_id,colour\n4003253,red\n", name="other.csv")
    with pytest.raises(LabelError, match=r"named by the values of two columns .* got .*other\.csv"):
        annotation_table(points, spines, wide=other)
    with pytest.raises(LabelError, match=r"^expected a path of a CSV file, or a table, got"):
        annotation_table(points, spines, wide=tmp_path / "none.csv")
