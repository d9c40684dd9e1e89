"""Annotations on pictures and volumes: places in pixels, in LPS mm, and voxels of masks."""

import numpy as np
import pytest
from competition_tables import (
    PNEUMONIA,
    PNEUMONIA_CLASSES,
    RADIOGRAPH_SHAPE,
    RADIOGRAPHS,
    SPINE_POINTS,
    SPINE_SHAPE,
    chest_slices,
    haemorrhage,
    radiograph_slices,
    radiograph_uid,
    spine_slices,
    table_of,
    written,
)
from truth_headers import FIRST_UID

from helpers import annotation_labels, annotation_table, image_labels, reoriented, runs_of_mask
from helpers.labels.labels import LabelError
from helpers.slices.grid import grid_affine
from helpers.volume.volume import Volume

FOLDER = "/data/stage_2_train_images/"


@pytest.fixture(scope="module")
def radiographs():
    return radiograph_slices()


@pytest.fixture(scope="module")
def chests():
    return chest_slices()


@pytest.fixture(scope="module")
def spines():
    return spine_slices()


def _volume(slices, series):
    """A volume without values on the grid of a series."""
    rows = slices.loc[(f"{FIRST_UID}.2.{series}", 0)]
    shape = len(rows), int(rows["Rows"].iloc[0]), int(rows["Columns"].iloc[0])
    frame = rows["FrameOfReferenceUID"].iloc[0]
    return Volume(np.zeros(shape, np.int16), grid_affine(rows), frame_of_reference=frame)


def _asymmetric(shape):
    """A mask (rows, columns) that no flip or transposition leaves alone."""
    mask = np.zeros(shape, bool)
    mask[2:9, 3] = mask[2, 3:6] = mask[11, 7] = True
    return mask


# one image, in its pixels


def test_a_box_covers_the_pixels_that_it_counts(radiographs, tmp_path):
    """Of 3, 10, 12 × 20 the first pixel is column 3 of row 10, the last column 14 of row 29."""
    found = annotation_table(written(tmp_path, PNEUMONIA), radiographs)
    labels = image_labels(found, f"{FOLDER}{RADIOGRAPHS[1]}.dcm")
    first, second = labels.marks
    assert first.places == ((9.5, 2.5), (9.5, 14.5), (29.5, 14.5), (29.5, 2.5))
    assert second.places[2] == (31.5, 34.5)
    assert first.words == "Target 1" and first.shape == "box"
    assert [label.name for label in labels.labels] == ["Target 1"] and labels.maps == ()
    assert {mark.value for mark in labels.marks} == {labels.labels[0].value}


def test_a_box_beyond_the_image_is_drawn_and_one_elsewhere_is_not(radiographs, tmp_path):
    found = annotation_table(written(tmp_path, PNEUMONIA), radiographs)
    (mark,) = image_labels(found, f"{FOLDER}{RADIOGRAPHS[2]}.dcm").marks
    assert mark.places[2] == (69.5, 49.5)
    assert image_labels(found, f"{FOLDER}{RADIOGRAPHS[3]}.dcm").labels == ()


def test_a_word_about_an_image_has_its_corners(radiographs, tmp_path):
    found = annotation_table(written(tmp_path, PNEUMONIA_CLASSES), radiographs)
    (mark,) = image_labels(found, f"{FOLDER}{RADIOGRAPHS[0]}.dcm").marks
    rows, columns = RADIOGRAPH_SHAPE
    assert mark.shape == "class" and mark.words == "No Lung Opacity / Not Normal"
    assert mark.places[0] == (-0.5, -0.5) and mark.places[2] == (rows - 0.5, columns - 0.5)


def test_a_class_that_is_absent_is_in_the_table_alone(radiographs, tmp_path):
    uids = [radiograph_uid(name) for name in RADIOGRAPHS]
    found = annotation_table(written(tmp_path, haemorrhage(uids)), radiographs)
    assert found["name"].tolist()[4:8] == [
        "epidural 0",
        "intraparenchymal 0",
        "subdural 1",
        "any 1",
    ]
    words = []
    for name in RADIOGRAPHS:
        labels = image_labels(found, f"{FOLDER}{name}.dcm")
        assert [mark.words for mark in labels.marks] == [label.name for label in labels.labels]
        words.append([mark.words for mark in labels.marks])
    assert words == [[], ["subdural 1", "any 1"]] * 2
    grades = table_of(image=uids[:3], grade=[0, 1, 2])
    found = annotation_table(grades, radiographs, columns={"image": "image"})
    shown = [image_labels(found, path).marks for path in found["path"]]
    assert [[mark.words for mark in marks] for marks in shown] == [[], ["grade 1"], ["grade 2"]]


def test_a_point_of_the_class_0_is_drawn(radiographs):
    table = table_of(image=[radiograph_uid(RADIOGRAPHS[0])], x=[4.5], y=[6.5], label=[0])
    found = annotation_table(table, radiographs)
    (mark,) = image_labels(found, f"{FOLDER}{RADIOGRAPHS[0]}.dcm").marks
    assert (mark.shape, mark.words) == ("point", "label 0")


@pytest.mark.parametrize("how", ["relative", "absolute"])
def test_a_mask_is_on_its_pixels(radiographs, how):
    mask = _asymmetric(RADIOGRAPH_SHAPE)
    uid = radiograph_uid(RADIOGRAPHS[1])
    table = table_of(ImageId=[uid], EncodedPixels=[runs_of_mask(mask, how)])
    found = annotation_table(table, radiographs, run_lengths=how)
    labels = image_labels(found, f"{FOLDER}{RADIOGRAPHS[1]}.dcm")
    np.testing.assert_array_equal(labels.mask(labels.labels[0]), mask)
    assert (labels.mask(labels.labels[0]) != mask[::-1]).any()


def test_masks_that_overlap_have_their_own_maps_and_parts_of_one_are_one(radiographs):
    shape, uid = RADIOGRAPH_SHAPE, radiograph_uid(RADIOGRAPHS[0])
    left, right, other = (np.zeros(shape, bool) for _ in range(3))
    left[3:6, 2:4] = right[30:33, 20:29] = other[4:40, 3:9] = True
    table = table_of(
        image=[uid] * 3,
        organ=["lung", "lung", "heart"],
        rle=[runs_of_mask(one, "absolute") for one in (left, right, other)],
    )
    found = annotation_table(table, radiographs, run_lengths="absolute")
    labels = image_labels(found, f"{FOLDER}{RADIOGRAPHS[0]}.dcm")
    by_name = {label.name: labels.mask(label) for label in labels.labels}
    np.testing.assert_array_equal(by_name["lung"], left | right)
    np.testing.assert_array_equal(by_name["heart"], other)


def test_a_name_has_one_value_on_all_images(radiographs):
    uids = [radiograph_uid(name) for name in RADIOGRAPHS]
    table = table_of(image=uids, finding=["mass", "nodule", "mass", "effusion"])
    found = annotation_table(table, radiographs)
    values = [image_labels(found, f"{FOLDER}{name}.dcm").labels[0].value for name in RADIOGRAPHS]
    assert values[0] == values[2] and len({*values}) == 3


def test_what_is_no_table_of_annotations_is_refused(radiographs):
    with pytest.raises(LabelError, match="of annotation_table, got one without"):
        image_labels(radiographs, "a.dcm")


# on a volume


def test_a_point_on_a_sagittal_spine_lies_in_the_patient(spines, tmp_path):
    """Image 3 lies at x = 2; x 20.25 and y 30.5 from its corner are column 19.75 and row 30."""
    found = annotation_table(written(tmp_path, SPINE_POINTS), spines)
    volume = _volume(spines, "702807833")
    labels = annotation_labels(found, volume)
    canal, foramen = labels.marks
    np.testing.assert_allclose(canal.points[0], (2.0, -30 + 19.75 * 0.8, 25 - 30 * 0.5))
    np.testing.assert_allclose(foramen.points[0], (6.0, -30 + 10.25 * 0.8, 25 - 11.75 * 0.5))
    names = [label.name for label in labels.labels]
    assert names == ["Spinal Canal Stenosis · L1/L2", "Left Neural Foraminal Narrowing · L4/L5"]
    assert labels.maps == () and labels.shape == (5, *SPINE_SHAPE)
    index, place = volume.place_in("sagittal", canal.points[0])
    (seen,) = (one for one in labels.slice("sagittal", index).marks if one.value == canal.value)
    np.testing.assert_allclose(seen.places[0], place)


def test_points_of_another_study_are_not_on_the_volume(spines, tmp_path):
    found = annotation_table(written(tmp_path, SPINE_POINTS), spines)
    own = found[found["PatientID"] == "patient of 4646740"]
    with pytest.raises(LabelError, match="of images that lie on the volume, got 1 of 1 images"):
        annotation_labels(own, _volume(spines, "702807833"))


def test_annotations_of_two_series_that_lie_alike_are_said(spines):
    table = table_of(
        study_id=[4003253] * 2,
        series_id=[702807833, 1054713880],
        instance_number=[2, 3],
        label=["one", "other"],
    )
    labels = annotation_labels(annotation_table(table, spines), _volume(spines, "702807833"))
    assert labels.remark == "annotations of 2 series that lie here"
    assert [mark.shape for mark in labels.marks] == ["class", "class"]


def test_masks_are_on_the_voxels_of_their_slices(chests):
    """The stack runs upwards, from file 4 to file 1, and the mask of file 2 is on slice 2."""
    mask = _asymmetric((16, 20))
    table = table_of(
        PatientID=["ID00007", "ID00007"],
        file=["2.dcm", "1.dcm"],
        organ=["lung", "heart"],
        rle=[runs_of_mask(mask, "absolute"), runs_of_mask(mask[::-1], "absolute")],
    )
    found = annotation_table(table, chests, run_lengths="absolute")
    volume = _volume(chests, "00007")
    labels = annotation_labels(found, volume)
    lung = labels.mask("lung")
    np.testing.assert_array_equal(lung[2], mask)
    assert lung.sum() == mask.sum()
    np.testing.assert_array_equal(labels.mask("heart")[3], mask[::-1])
    assert labels.ml("lung") == pytest.approx(mask.sum() * 0.7 * 0.7 * 5 / 1000)


@pytest.mark.parametrize("toward", ["HPL", "LPH", "ARF", "PFR"])
def test_masks_and_marks_follow_a_volume_that_is_turned(chests, toward):
    mask = _asymmetric((16, 20))
    table = table_of(
        PatientID=["ID00007"] * 2,
        number=["", ""],
        file=["2.dcm", "3.dcm"],
        label=["lung", "lung"],
        rle=[runs_of_mask(mask, "absolute")] * 2,
    ).drop(columns="number")
    found = annotation_table(table, chests, run_lengths="absolute")
    volume = _volume(chests, "00007")
    straight, turned = (
        annotation_labels(found, one) for one in (volume, reoriented(volume, toward))
    )
    where = [
        np.argwhere(labels.mask("lung")) @ labels.affine[:3, :3].T + labels.affine[:3, 3]
        for labels in (straight, turned)
    ]
    assert len(where[0]) == 2 * mask.sum()
    ordered = [points[np.lexsort(points.round(3).T)] for points in where]
    np.testing.assert_allclose(*ordered, atol=1e-6)


def test_masks_on_another_grid_are_said_and_not_bent(chests):
    mask = _asymmetric((16, 20))
    table = table_of(
        PatientID=["ID00007"] * 2,
        file=["2.dcm", "3.dcm"],
        label=["lung", "heart"],
        rle=[runs_of_mask(mask, "absolute"), ""],
    )
    found = annotation_table(table, chests, run_lengths="absolute")
    volume = _volume(chests, "00007")
    affine = volume.affine.copy()
    affine[:3, 2] *= 0.7
    other = Volume(volume.array, affine, frame_of_reference=volume.frame_of_reference)
    labels = annotation_labels(found, other)
    assert "1 mask on another grid left out" in labels.remark
    assert not any(label.layer is not None for label in labels.labels)
