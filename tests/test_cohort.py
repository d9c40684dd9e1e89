"""Who is in the table, where each slice lies, and who is held out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import (
    check_decodable,
    header_table,
    largest_group,
    sample_slices,
    slice_table,
    training_table,
)
from helpers.errors import ClearError, WrongTypeError
from helpers.learn.cohort import patient_split
from helpers.slices.persons import person_ids

OTHER_KINDS = ("projection", "picture", "cine", "mosaic", "segmentation")  # than slices


@pytest.fixture(scope="module")
def table(phantom_slices):
    return training_table(phantom_slices)


def _of(table, patient):
    return table[table["patient"].str.startswith(patient)]


def test_every_image_has_its_row(phantom_slices, table):
    assert table.index.equals(phantom_slices.index)
    errors = phantom_slices["error"].dropna()
    patients = table.groupby("left_out")["patient"].agg(set)
    projections = {
        *("P18-scout-inside", "P63-radiograph", "P64-mammograms", "P70-side-unsaid"),
        *("P71-view-unsaid", "P72-letters-unsaid", "P73-at-the-detector"),
    }
    assert patients["no slice of a volume: projection"] == projections
    assert patients[errors.iloc[0]] == {"P58-frames-claimed"}
    assert set(patients.index) == {
        *("", "position unknown", "position repeated"),
        *(f"no slice of a volume: {kind}" for kind in OTHER_KINDS),
        *errors,
    }
    assert patients["position unknown"] == {"P12-no-position", "P19-no-orientation"}
    assert patients["position repeated"] == {"P14-slice-twice", "P17-file-copied"}


@pytest.mark.parametrize(
    ("patient", "axis"),
    [
        *((patient, 2) for patient in ("P01", "P04", "P05", "P22", "P43", "P45")),
        ("P10", 0),
        ("P15", 1),
    ],
)
def test_position_rises_towards_head_back_and_left(table, patient, axis):
    rows = _of(table, patient)
    place = np.array([position[axis] for position in rows["ImagePositionPatient"]])
    assert rows["position"].to_numpy() == pytest.approx(
        place - (place.min() + place.max()) / 2, abs=0.01
    )


def test_positions_are_those_of_the_anatomy(table):
    rows = _of(table, "P01")
    assert rows["position"].abs().max() == pytest.approx(142.5)
    assert rows["plane"].unique().tolist() == ["axial"]


def test_frames_and_slabs_name_their_images_in_spatial_order(phantom_slices):
    frames = phantom_slices[phantom_slices["PatientID"] == "P42-one-file"]
    rows = training_table(frames, slab=3)
    (path,) = rows.index.unique("path")
    assert [len(images) for images in rows["images"]] == [2, *[3] * 24, 2]
    assert all({place for place, _ in images} == {path} for images in rows["images"])
    middles = [images[len(images) // 2][1] for images in rows["images"].iloc[1:-1]]
    assert middles == rows.index.get_level_values("frame")[1:-1].tolist()
    with pytest.raises(ClearError, match="expected a slab of 1, 3, 5 … slices, got 2"):
        training_table(phantom_slices, slab=2)


def test_what_is_no_grey_slice_of_a_volume_says_what_it_is(real):
    slices = slice_table(header_table(real / "odd" / "pydicom", progress=False))
    table = training_table(slices)
    colour = table["SamplesPerPixel"] == 3
    assert colour.any() and set(table["left_out"][colour]) == {"colour"}
    grey = table["left_out"][~colour & slices["error"].isna()]
    for kind in ("dose", "cine", "picture"):
        own = grey[table["kind"] == kind]
        assert set(own) <= {f"no slice of a volume: {kind}"}
    assert "no slice of a volume: dose" in set(grey)
    assert table["position"][table["kind"] != "volume"].isna().all()


def test_a_slab_stays_within_its_stack(phantom_slices):
    rows = training_table(phantom_slices, slab=5)
    stack_of = dict(zip(zip(*map(rows.index.get_level_values, ("path", "frame"))), rows.index))
    for own, places in zip(rows.index, rows["images"]):
        assert {stack_of[place][:2] for place in places} == {own[:2]}


def test_without_any_image_it_is_empty_with_its_columns(phantom_slices, table):
    empty = training_table(phantom_slices.iloc[:0])
    assert empty.empty and list(empty) == list(table)
    assert largest_group(empty).empty and empty["patient"].nunique() == 0


def test_a_table_of_headers_is_refused_in_one_line(phantom_headers):
    with pytest.raises(WrongTypeError, match=r"expected the table of slice_table\(headers\), got"):
        training_table(phantom_headers)


def _rows(*people):
    columns = ["PatientID", "StudyInstanceUID", "SeriesInstanceUID"]
    return pd.DataFrame(
        people,
        columns=columns,
        index=[f"/data/{n}/1.dcm" for n in range(len(people))],
        dtype=object,
    )


def test_who_shares_an_id_a_study_or_a_series_is_one_person():
    known = [("A", "1", "1.1"), ("B", "1", "1.2"), ("B ", "2", "2.1"), ("C", "3", "3.1")]
    rows = _rows(*known, (None, "3", "3.2"), ("", "4", "4.1"))
    assert person_ids(rows).tolist() == ["A = B", "A = B", "A = B", "C", "C", "study 4"]
    assert person_ids(rows.iloc[::-1]).tolist() == person_ids(rows).tolist()[::-1]


def test_who_has_no_id_is_known_by_what_there_is():
    rows = _rows((None, None, "1.1"), (None, None, None), (None, None, None)).assign(other=1)
    rows.index = ["/a/1.dcm", "/b/1.dcm", "/b/2.dcm"]
    assert person_ids(rows).tolist() == ["series 1.1", "folder /b", "folder /b"]
    assert person_ids(rows[["other"]]).tolist() == ["folder /a", "folder /b", "folder /b"]


def test_one_name_and_birth_date_are_one_person_unless_made_up():
    rows = _rows(("A", "1", "1.1"), ("B", "2", "2.1"), ("C", "3", "3.1"), ("D", "4", "4.1"))
    named = rows.assign(PatientName=["DOE^JANE", "Doe^Jane^^", "DOE^JANE", "Roe"])
    named["PatientBirthDate"] = ["19700101", "19700101", "19700102", None]
    assert person_ids(named).tolist() == ["A = B", "A = B", "C", "D"]
    assert person_ids(named.assign(PatientBirthDate=None)).tolist() == ["A", "B", "C", "D"]
    made_up = named.assign(PatientName="ANON", PatientBirthDate="19000101")
    assert person_ids(made_up).tolist() == ["A", "B", "C", "D"]


def test_a_mistyped_id_in_one_file_makes_nobody_two_persons(phantom_slices):
    patients = ["P02-interspaced", "P03-interspaced"]
    spoiled = phantom_slices[phantom_slices["PatientID"].isin(patients)].copy()
    mistyped = spoiled.index[spoiled["PatientID"] == "P02-interspaced"][0]
    spoiled.loc[mistyped, "PatientID"] = "P02"
    people = training_table(spoiled)["patient"].value_counts().to_dict()
    assert people == {"P02 = P02-interspaced": 24, "P03-interspaced": 15}


@given(
    people=st.lists(st.integers(0, 9), min_size=2, max_size=60).filter(
        lambda people: len(set(people)) > 1
    ),
    share=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_no_patient_is_on_both_sides(people, share, seed):
    table = pd.DataFrame({"patient": [f"P{number}" for number in people]})
    learned, held = patient_split(table, share=share, seed=seed)
    one, other = set(table["patient"].iloc[learned]), set(table["patient"].iloc[held])
    assert one and other and not one & other
    assert sorted([*learned, *held]) == list(range(len(table)))
    assert len(other) == min(max(1, round(share * len(one | other))), len(one | other) - 1)


def test_the_split_is_that_of_the_seed_whatever_the_order(table):
    mixed = table.sample(frac=1, random_state=3)
    sides = [set(rows["patient"].iloc[patient_split(rows, seed=4)[1]]) for rows in (table, mixed)]
    assert sides[0] == sides[1] and len(sides[0]) == round(table["patient"].nunique() / 5)
    assert sides[0] != set(table["patient"].iloc[patient_split(table, seed=5)[1]])


def test_one_patient_cannot_be_split(table):
    with pytest.raises(ClearError, match=r"expected at least 2 patients, .*, got 1"):
        patient_split(_of(table, "P01"))


def test_a_table_that_names_no_patient_is_split_by_person():
    rows = _rows(("A", "1", "1.1"), ("B", "1", "1.2"), ("C", "2", "2.1"))
    learned, held = patient_split(rows, share=0.5)
    assert sorted([sorted(learned), sorted(held)]) == [[0, 1], [2]]


def test_a_sample_is_spread_evenly_from_end_to_end(table):
    sample = sample_slices(table[table["left_out"] == ""], patients=5, slices=7, seed=1)
    assert sample["patient"].nunique() == 5 and len(sample) == 35
    for patient, rows in sample.groupby("patient"):
        whole = table[(table["patient"] == patient) & (table["left_out"] == "")]["position"]
        assert rows["position"].iloc[[0, -1]].tolist() == [whole.min(), whole.max()]
    few = sample_slices(_of(table, "P28"), patients=9, slices=99)
    assert few["position"].tolist() == sorted(_of(table, "P28")["position"])
    with pytest.raises(ClearError, match="got none"):
        sample_slices(table.iloc[:0], patients=1, slices=1)


def test_the_largest_group_is_that_of_most_patients(table):
    group = largest_group(table)
    assert set(group["plane"]) == {"axial"} and set(group["Modality"]) == {"CT"}
    assert set(group["left_out"]) == {""}
    others = {"P10-sagittal", "P12-no-position", "P15-coronal", "P19-no-orientation"}
    assert set(group["patient"]) == set(table["patient"][table["Modality"] == "CT"]) - others
    assert largest_group(table[table["left_out"] != ""]).empty


def test_what_cannot_be_decoded_is_named_beforehand(table):
    rows = check_decodable(pd.concat([_of(table, "P01"), _of(table, "P31")]))
    bad = rows[rows["left_out"] != ""]
    assert bad["patient"].unique().tolist() == ["P31-rle-damaged"]
    assert len(bad) == 1 and bad["left_out"].iloc[0].startswith("cannot decode")
    assert set(rows["unit"][rows["left_out"] == ""]) == {"HU"}
    assert check_decodable(table.iloc[:0]).empty
