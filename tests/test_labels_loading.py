"""Labels in every format, on volumes in every position: the same voxels come back."""

from dataclasses import replace

import numpy as np
import pytest
from label_files import (
    POSES,
    SHAPE,
    affine_of,
    masks,
    overlapping,
    slow_but,
    structure_set,
    write_images,
    write_nifti,
    write_segmentation,
    write_structures,
)

from helpers import load_labels, reoriented
from helpers.labels.labels import LabelError

FORMATS = ("BINARY", "FRACTIONAL", "LABELMAP", "RTSTRUCT", "NIfTI")
TURNS = ("HPL", "RAF", "PLH", "FAL", "LHA")
TELLING = ("oblique", "tilted")  # no axis can be mistaken for another; a grid that is sheared


@pytest.fixture(scope="module", params=slow_but(POSES, TELLING))
def pose(request):
    return request.param


@pytest.fixture(scope="module")
def made(pose, tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), pose)


def written(path, kind, made, named):
    """The path of a file that holds named masks, in their order."""
    if kind == "RTSTRUCT":
        write_structures(path, named, made.volume.affine, images=made.images)
    elif kind == "NIfTI":
        path = path.with_suffix(".nii.gz")
        values = sum(n * mask.astype(np.uint8) for n, mask in enumerate(named.values(), 1))
        write_nifti(path, values, made.volume.affine)
    else:
        pytest.importorskip("highdicom", reason="highdicom writes segmentations")
        write_segmentation(path, made.images, named, kind)
    return path


def test_masks_have_no_symmetry():
    """So that one that is flipped or transposed is not the same."""
    for mask in masks().values():
        flips = [tuple(np.flatnonzero(one)) for one in np.ndindex(2, 2, 2)]
        assert all(not axes or (np.flip(mask, axes) != mask).any() for axes in flips)
        cube = np.zeros((15, 15, 15), bool)
        cube[:7, :12] = mask
        for axes in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)):
            assert (cube.transpose(axes) != cube).any()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_voxel_comes_back(made, pose, kind, tmp_path):
    path = written(tmp_path / "label.dcm", kind, made, masks())
    labels = load_labels(path, made.volume)
    assert labels.shape == SHAPE and len(labels.maps) == 1
    assert np.allclose(labels.affine, made.volume.affine)
    assert len(labels.labels) == 2
    for label, mask in zip(labels.labels, masks().values()):
        assert np.array_equal(labels.mask(label), mask)
        assert labels.ml(label) == pytest.approx(mask.sum() * labels.voxel_ml)
    assert "nearest" not in labels.remark


@pytest.mark.parametrize("kind", FORMATS)
def test_every_voxel_comes_back_on_a_volume_that_was_turned(made, kind, tmp_path):
    path = written(tmp_path / "label.dcm", kind, made, masks())
    plain = load_labels(path, made.volume)
    for toward in TURNS:
        turned = reoriented(made.volume, toward)
        labels = load_labels(path, turned)
        for label in labels.labels:
            there = np.argwhere(labels.mask(label))
            places = np.c_[there, np.ones(len(there))] @ labels.affine.T
            back = np.linalg.solve(plain.affine, places.T)[:3].T.round().astype(int)
            expected = plain.mask(label.name)
            assert expected[tuple(back.T)].all() and len(back) == expected.sum()


@pytest.mark.parametrize("kind", ("BINARY", "FRACTIONAL", "RTSTRUCT"))
def test_labels_that_overlap_keep_all_their_voxels(made, kind, tmp_path):
    path = written(tmp_path / "label.dcm", kind, made, overlapping())
    labels = load_labels(path, made.volume)
    assert len(labels.maps) == 2
    for name, mask in overlapping().items():
        assert np.array_equal(labels.mask(name), mask)


def test_several_sources_are_one(made, tmp_path):
    named = overlapping()
    paths = []
    for number, (name, mask) in enumerate(named.items()):
        paths.append(tmp_path / f"{name}.nii")
        write_nifti(paths[-1], np.where(mask, 7 + number, 0).astype(np.int16), made.volume.affine)
    paths.append(written(tmp_path / "rt.dcm", "RTSTRUCT", made, named))
    labels = load_labels(paths, made.volume, progress=False)
    assert [label.value for label in labels.labels] == [1, 2, 3, 4, 5, 6]
    assert [label.name for label in labels.labels] == ["label 7", "label 8", "label 9", *named]
    for label, mask in zip(labels.labels, [*named.values()] * 2):
        assert np.array_equal(labels.mask(label), mask)
    assert len(labels.maps) == 4
    assert {label.kind for label in labels.labels} == {"NIfTI", "RTSTRUCT"}


def test_two_labels_of_one_name_are_told_apart(made, tmp_path):
    paths = [tmp_path / "left.nii", tmp_path / "right.nii"]
    for path, mask in zip(paths, masks().values()):
        write_nifti(path, mask.astype(np.uint8), made.volume.affine)
    labels = load_labels(paths, made.volume, progress=False)
    assert [label.name for label in labels.labels] == ["label 1 (left)", "label 1 (right)"]
    assert np.array_equal(labels.mask("label 1 (right)"), masks()["solid"])


def test_a_name_chooses_as_its_file_has_it_and_as_it_is_shown(made, tmp_path):
    paths = [tmp_path / "left.nii", tmp_path / "right.nii"]
    for path, mask in zip(paths, masks().values()):
        write_nifti(path, mask.astype(np.uint8), made.volume.affine)
    names = ["label 1 (left)", "label 1 (right)"]
    labels = load_labels(paths, made.volume, names=["label 1"], progress=False)
    assert [label.name for label in labels.labels] == names
    labels = load_labels(paths, made.volume, names=names[1], progress=False)
    assert [(label.name, label.value) for label in labels.labels] == [(names[1], 1)]
    assert np.array_equal(labels.mask(names[1]), masks()["solid"])
    assert labels.ml(names[1]) == pytest.approx(masks()["solid"].sum() * labels.voxel_ml)
    with pytest.raises(LabelError, match=r"of label 1 \(left\), label 1 \(right\), got 'other'"):
        load_labels(paths, made.volume, names="other", progress=False)


def test_a_number_behind_a_name_is_that_of_no_other_label(made, tmp_path):
    dataset = structure_set({"a": [], "b": [], "c": []}, None)
    for roi, name in zip(dataset.StructureSetROISequence, ("A", "A", "A (2)")):
        roi.ROIName = name
    dataset.save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    labels = load_labels(tmp_path / "rt.dcm", made.volume)
    assert [label.name for label in labels.labels] == ["A", "A (3)", "A (2)"]
    for name in ("A (2)", "A (3)"):
        (label,) = load_labels(tmp_path / "rt.dcm", made.volume, names=name).labels
        assert label.name == name


def test_names_choose(made, tmp_path):
    for kind in ("BINARY", "LABELMAP", "RTSTRUCT"):
        path = written(tmp_path / f"{kind}.dcm", kind, made, masks())
        labels = load_labels(path, made.volume, names="solid")
        assert [(label.name, label.value) for label in labels.labels] == [("solid", 1)]
        assert np.array_equal(labels.mask("solid"), masks()["solid"])
        with pytest.raises(LabelError, match="expected labels of hollow, solid, got 'liver'"):
            load_labels(path, made.volume, names=["solid", "liver"])


@pytest.mark.parametrize("kind", FORMATS)
def test_labels_far_from_the_volume_are_refused_with_both_places(made, kind, tmp_path):
    path = written(tmp_path / "label.dcm", kind, made, masks())
    far = made.volume.affine.copy()
    far[:3, 3] += 500
    with pytest.raises(LabelError, match=r"volume.* mm") as caught:
        load_labels(path, replace(made.volume, affine=far))
    assert "\n" not in str(caught.value) and str(caught.value).count(" to ") >= 6


@pytest.mark.parametrize("kind", FORMATS[:4])
def test_labels_of_another_frame_of_reference_are_refused(made, kind, tmp_path):
    path = written(tmp_path / "label.dcm", kind, made, masks())
    with pytest.raises(LabelError, match=r"0020,0052.*9\.9\.9, got 1\.2\.3\.4\.5"):
        load_labels(path, replace(made.volume, frame_of_reference="9.9.9"))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_finer_volume_takes_the_nearest_and_says_so(made, kind, tmp_path):
    path = written(tmp_path / "label.dcm", kind, made, masks())
    fine = made.volume.affine.copy()
    fine[:3, 1:3] /= 3
    fine[:3, 3] -= fine[:3, 1:3].sum(1)
    zoomed = np.repeat(np.repeat(made.volume.array, 3, axis=1), 3, axis=2)
    labels = load_labels(path, replace(made.volume, array=zoomed, affine=fine))
    for label, mask in zip(labels.labels, masks().values()):
        expected = np.repeat(np.repeat(mask, 3, axis=1), 3, axis=2)
        assert np.array_equal(labels.mask(label), expected)
    assert ("nearest" in labels.remark) == (kind != "RTSTRUCT")  # which is filled anew


def test_what_is_no_label_is_refused_in_one_line(made, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("Dear colleague, nothing here.\n", encoding="utf-8")
    image = made.headers.index[0]
    for source, words in (
        (note, "text file"),
        (image, "CT Image Storage"),
        (tmp_path / "none.dcm", "No such file"),
        (tmp_path, "regular file"),
        (5, "got int"),
        ([], "without any"),
        ([3], "got list"),
    ):
        with pytest.raises(LabelError, match=words) as caught:
            load_labels(source, made.volume)
        assert "\n" not in str(caught.value)
    for threshold in (0, 1.1, "half"):
        with pytest.raises(LabelError, match="expected a threshold"):
            load_labels(note, made.volume, threshold=threshold)


def test_affines_are_those_of_the_images(made, pose):
    assert np.allclose(made.volume.affine, affine_of(pose), atol=1e-6) or pose == "feet first"


def test_voxels_that_the_volume_has_no_place_for_are_counted(made, tmp_path):
    path = written(tmp_path / "label.dcm", "NIfTI", made, masks())
    short = replace(made.volume, array=made.volume.array[:, :, :9])
    labels = load_labels(path, short)
    assert np.array_equal(labels.mask("label 1"), masks()["hollow"][:, :, :9])
    whole = sum(mask.sum() for mask in masks().values())
    lost = sum(mask[:, :, 9:].sum() for mask in masks().values())
    assert f"{lost} of {whole} labelled voxels lie outside the volume" in labels.remark
