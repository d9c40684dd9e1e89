"""Columns whose values are names here by chance, and names that several things here have."""

import pandas as pd
import pytest
from competition_tables import (
    RADIOGRAPHS,
    numbered_slices,
    radiograph_slices,
    radiograph_uid,
    table_of,
)
from truth_headers import FIRST_UID

from helpers import annotation_columns, annotation_table


def _role(column, values, slices):
    table = table_of(PatientID=["1"] * len(values), **{column: values})
    return annotation_columns(table, slices)["role"][column]


# measures that are names by their values


@pytest.mark.parametrize(
    "column",
    [
        *("Number of Images", "patient_overall", "slice_thickness", "image_quality", "pathology"),
        *("scanner", "examiner", "profile", "caseload", "covid", "fluid", "direction"),
    ],
)
def test_a_measure_whose_name_begins_like_a_name_is_none(column):
    """The values are stems of files and the ID of the patient, as "1" is of 1.dcm."""
    assert _role(column, ["1", "0", "3", "1"], numbered_slices()) == "class"


@pytest.mark.parametrize("column", ["image", "image_id", "file_name", "slice", "sliceNo", "dcm"])
def test_a_short_number_is_a_name_where_its_column_says_so(column):
    table = table_of(**{column: ["1", "3"], "label": ["a", "b"]})
    found = annotation_table(table, numbered_slices())
    assert found["path"].tolist() == ["/data/1.dcm", "/data/3.dcm"]


# what a column speaks of


def test_patients_are_no_files_that_are_named_alike():
    """Eight patients, one of whom is here with files 1 to 8."""
    table = table_of(patient_id=[*map(str, range(1, 9))], label=["a", "b"] * 4)
    found = annotation_table(table, numbered_slices(8))
    assert found["level"].unique().tolist() == ["patient"]
    assert found["why"].tolist() == [None] + ["names no patient here"] * 7


# columns that name other images than the rest


def test_a_machine_with_the_number_of_a_patient_takes_no_row_away(capsys):
    table = table_of(
        image_id=["1", "2", "3", "4"], machine_id=["29", "21", "48", "29"], cancer=["1", "0"] * 2
    )
    found = annotation_table(table, numbered_slices(PatientID="29"))
    assert found["path"].tolist() == [f"/data/{n}.dcm" for n in range(1, 5)]
    said = (
        "unused by machine_id: Patient ID in 2 of 4 rows, but it names other images than image_id"
    )
    assert f"{said} (a guess)" in capsys.readouterr().out


def test_the_number_of_a_row_is_no_file_beside_a_series():
    table = table_of(id=["0", "1"], SeriesInstanceUID=[f"{FIRST_UID}.2"] * 2, label=["a", "b"])
    found = annotation_table(table.iloc[:2], numbered_slices())
    assert found["level"].tolist() == ["series"] * 2 and found["why"].isna().all()


def test_patients_of_another_numbering_give_way_to_uids():
    uids = [radiograph_uid(name) for name in RADIOGRAPHS[:3]]
    table = table_of(SOPInstanceUID=uids, PatientID=[RADIOGRAPHS[0], "7", "8"], label=[*"abb"])
    assert annotation_table(table, radiograph_slices())["why"].isna().all()


def test_files_of_a_patient_who_is_not_here_stay_without_a_place():
    """In a folder of one patient, all patients of the table have a file 1.dcm."""
    for column in ("id", "patient_id"):
        table = table_of(**{column: ["1", "2", "3"], "file": ["1.dcm"] * 3, "label": [*"abc"]})
        found = annotation_table(table, numbered_slices())
        assert found["path"].tolist() == ["/data/1.dcm", None, None]


def test_a_study_that_is_a_patient_of_several_studies_is_none():
    table = table_of(study_id=[RADIOGRAPHS[0], "1"], label=["a", "b"])
    slices = pd.concat([radiograph_slices(), numbered_slices()])
    assert annotation_table(table, slices)["why"].isna().all()
    slices.loc[slices["PatientID"] == RADIOGRAPHS[1], "PatientID"] = "1"
    found = annotation_table(table[1:], slices)
    assert found["level"].tolist() == ["study"] and found["StudyInstanceUID"].isna().all()
    assert found["why"].tolist() == ["names several studies here"]


# paths and numbers


def test_paths_of_unknown_folders_are_a_guess_and_none_where_they_claim_one_file():
    slices = numbered_slices(folder="/d/p1")
    table = table_of(image=["x/s/1.dcm", "x/s/2.dcm"], label=["a", "b"])
    assert annotation_columns(table, slices).loc["image", "guess"]
    table = table_of(image=["x1/s/1.dcm", "x2/s/1.dcm"], subject=["1", "1"], label=["a", "b"])
    assert annotation_columns(table, slices).loc["image", "role"] != "image"
    table["image"] = ["p1/1.dcm", "p2/1.dcm"]
    found = annotation_table(table, slices)
    assert found["path"].tolist() == ["/d/p1/1.dcm", None]
    assert not annotation_columns(table, slices).loc["image", "guess"]


def test_a_number_behind_a_folder_is_a_guess_where_files_are_numbered_otherwise():
    table = table_of(image=["p1/2", "p1/3"], label=["a", "b"])
    upward = numbered_slices(8, folder="/d/p1")
    downward = numbered_slices(8, folder="/d/p1", instance=lambda number: 9 - number)
    guesses = [annotation_columns(table, one).loc["image", "guess"] for one in (upward, downward)]
    assert guesses == [False, True]


def test_slices_that_are_counted_from_0_are_one_more():
    table = table_of(patient_id=["1"] * 4, slice_index=["0", "1", "2", "3"], label=[*"abcd"])
    found = annotation_table(table, numbered_slices())
    assert found["path"].tolist() == [f"/data/{n}.dcm" for n in range(1, 5)]
    columns = annotation_columns(table, numbered_slices())
    assert columns.loc["slice_index"].tolist() == [
        *("number", "Instance Number and 1 more in 4 of 4 rows", True)
    ]
    table["slice_index"] = ["1", "2", "3", "4"]
    assert annotation_table(table, numbered_slices())["path"].tolist() == found["path"].tolist()


def test_a_number_0_is_itself_where_an_image_has_it():
    slices = numbered_slices(instance=lambda number: number - 1)
    table = table_of(patient_id=["1"] * 2, instance_number=["0", "3"], label=["a", "b"])
    assert annotation_table(table, slices)["path"].tolist() == ["/data/1.dcm", "/data/4.dcm"]
