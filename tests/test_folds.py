"""Folds of a table: who is in several of them, and the boxes that the phantom's table has."""

import numpy as np
import pandas as pd
import pytest

from helpers import (
    annotation_table,
    fold_leaks,
    header_table,
    image_labels,
    load_labels,
    load_volume,
    slice_table,
    write_phantom,
)
from helpers.errors import WrongTypeError
from helpers.labels.labels import LabelError
from helpers.phantom.scans import LABELLED
from helpers.phantom.writing import box_rows

SCANS = [scan for scan in LABELLED if scan.patient[:3] in ("P81", "P84")]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    write_phantom(folder, scans=SCANS)
    return slice_table(header_table(folder, progress=False))


@pytest.fixture(scope="module")
def annotations(labelled):
    return annotation_table(box_rows(scans=SCANS), labelled)


def test_the_phantoms_boxes_are_tied_to_their_images(annotations):
    assert annotations["shape"].eq("box").all() and annotations["why"].isna().all()
    patients = annotations.groupby("PatientID")["name"].value_counts().to_dict()
    names = {"left lung": 8, "heart": 3}
    expected = {(scan.patient, name): count for scan in SCANS for name, count in names.items()}
    assert patients == expected


def test_a_box_of_the_phantom_is_around_its_mask(labelled, annotations):
    rows = labelled[labelled["PatientID"] == SCANS[0].patient]
    ct, masks = rows[rows["Modality"] == "CT"], rows[rows["Modality"] == "SEG"]
    path = masks.index.get_level_values("path")[0]
    labels = load_labels(path, load_volume(ct))
    own = annotations[annotations["path"].isin(ct.index.get_level_values("path"))]
    height = ct.droplevel(["SeriesInstanceUID", "stack", "frame"])["ImagePositionPatient"].str[2]
    order = height.rank().astype(int) - 1  # the volume runs from feet to head
    for image in own["path"].unique():
        for mark in image_labels(own, image).marks:
            name = {"left lung": "Left lung", "heart": "Heart"}[mark.words]
            places = np.argwhere(labels.mask(name)[order[image]])
            corners = np.array(mark.places)
            assert corners.min(0) == pytest.approx(places.min(0) - 0.5, abs=1)
            assert corners.max(0) == pytest.approx(places.max(0) + 0.5, abs=1)


def test_a_patient_in_two_folds_is_named(annotations):
    folds = pd.Series(0, annotations.index)
    assert fold_leaks(annotations, folds).empty
    folds[annotations["PatientID"] == SCANS[1].patient] = 1
    assert fold_leaks(annotations, folds).empty
    folds.iloc[0] = 1
    (leak,) = fold_leaks(annotations, folds).itertuples()
    assert (leak.Index, leak.folds, leak.annotations) == (SCANS[0].patient, (1, 0), 11)
    folds.iloc[0] = np.nan
    assert fold_leaks(annotations, folds).empty


@pytest.mark.parametrize("missing", [None, ""])
def test_without_a_patient_the_study_counts_and_else_the_series(annotations, missing):
    folds = pd.Series([0, 1] * (len(annotations) // 2))
    own = annotations.assign(PatientID=missing)
    leaks = fold_leaks(own, folds)
    assert set(leaks.index) == set(annotations["StudyInstanceUID"])
    leaks = fold_leaks(own.assign(StudyInstanceUID=None), folds)
    assert set(leaks.index) == set(annotations["SeriesInstanceUID"])
    assert leaks["annotations"].tolist() == [11, 11]


def test_too_few_folds_are_refused(annotations):
    with pytest.raises(LabelError, match="expected a fold for each of 22 rows, got 3"):
        fold_leaks(annotations, [1, 2, 3])
    with pytest.raises(WrongTypeError):
        fold_leaks("train.csv", [1])
