"""Labels in NIfTI files: where they lie by sform and qform, and what their values are."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from label_files import masks, write_images, write_nifti

from helpers import (
    header_table,
    label_table,
    labels_of,
    load_labels,
    load_volume,
    slice_table,
    write_phantom,
)
from helpers.labels.labels import LabelError
from helpers.phantom.organs import SEGMENTS
from helpers.phantom.scans import ALL_SCANS
from helpers.phantom.writing import mask_files

nibabel = pytest.importorskip("nibabel", reason="nibabel writes NIfTI files")
PATIENT = "P81-labels"
NO_FRAME = "names no frame of reference: placed by its grid"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), "oblique")


@pytest.fixture
def values(made):
    values = np.zeros(made.volume.array.shape, np.uint8)
    for number, mask in enumerate(masks().values(), 3):
        values[mask] = number
    return values


def refused(path, made):
    with pytest.raises(LabelError) as caught:
        load_labels(path, made.volume)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz", "mask.dcm"])
def test_what_a_file_is_its_content_says(made, values, name, tmp_path):
    write_nifti(tmp_path / "real.nii", values, made.volume.affine)
    if name.endswith("gz"):
        write_nifti(tmp_path / name, values, made.volume.affine)
    else:
        (tmp_path / name).write_bytes((tmp_path / "real.nii").read_bytes())
    labels = load_labels(tmp_path / name, made.volume)
    assert [label.name for label in labels.labels] == ["label 3", "label 4"]
    for label, mask in zip(labels.labels, masks().values()):
        assert np.array_equal(labels.mask(label), mask)
    assert labels.remark == NO_FRAME and labels.labels[0].kind == "NIfTI"


@pytest.mark.parametrize(
    ("dtype", "first"), [("i1", -3), ("<i2", 700), (">i4", 10**6), ("f4", 5), ("f8", 5), ("u2", 9)]
)
def test_values_of_every_type(made, dtype, first, tmp_path):
    values = np.zeros(made.volume.array.shape, dtype)
    for number, mask in enumerate(masks().values(), first):
        values[mask] = number
    write_nifti(tmp_path / "mask.nii", values, made.volume.affine)
    labels = load_labels(tmp_path / "mask.nii", made.volume)
    assert [label.name for label in labels.labels] == [f"label {first}", f"label {first + 1}"]
    for label, mask in zip(labels.labels, masks().values()):
        assert np.array_equal(labels.mask(label), mask)


def test_the_second_version_of_the_format(made, values, tmp_path):
    ras = (np.diag([-1, -1, 1, 1]) @ made.volume.affine)[:, [2, 1, 0, 3]]
    nibabel.Nifti2Image(values.T, ras).to_filename(tmp_path / "mask.nii")
    labels = load_labels(tmp_path / "mask.nii", made.volume)
    assert np.array_equal(labels.mask("label 3"), masks()["hollow"])


def test_sform_comes_before_qform(made, values, tmp_path):
    affine = made.volume.affine
    for codes in ({"sform": 1, "qform": 0}, {"sform": 0, "qform": 1}, {"sform": 2, "qform": 1}):
        write_nifti(tmp_path / "mask.nii", values, affine, **codes)
        labels = load_labels(tmp_path / "mask.nii", made.volume)
        assert np.array_equal(labels.mask("label 3"), masks()["hollow"])
        assert labels.remark == NO_FRAME
    image = nibabel.load(tmp_path / "mask.nii")
    moved = image.affine.copy()
    moved[:3, 3] += 400
    image.set_qform(moved, 1)
    image.to_filename(tmp_path / "two.nii")
    labels = load_labels(tmp_path / "two.nii", made.volume)
    assert np.array_equal(labels.mask("label 3"), masks()["hollow"])
    assert "its sform and qform differ: the sform is taken" in labels.remark


def test_a_file_that_does_not_say_where_it_lies_is_a_guess(made, values, tmp_path):
    write_nifti(tmp_path / "mask.nii", values, np.diag([2, 1, 1, 1.0]), sform=0, qform=0)
    header = nibabel.load(tmp_path / "mask.nii")
    lps = (np.diag([-1, -1, 1, 1]) @ header.affine)[:, [2, 1, 0, 3]]
    labels = load_labels(tmp_path / "mask.nii", replace(made.volume, affine=lps))
    assert "neither sform nor qform" in labels.remark and "guess" in labels.remark


def test_metres_are_no_millimetres(made, values, tmp_path):
    affine = made.volume.affine.copy()
    affine[:3] /= 1000
    write_nifti(tmp_path / "mask.nii", values, affine)
    image = nibabel.load(tmp_path / "mask.nii")
    image.header.set_xyzt_units("meter")
    image.to_filename(tmp_path / "metres.nii")
    labels = load_labels(tmp_path / "metres.nii", made.volume)
    assert np.array_equal(labels.mask("label 3"), masks()["hollow"])


def test_probabilities_are_cut_at_the_threshold(made, tmp_path):
    values = np.where(masks()["hollow"], 0.7, np.where(masks()["solid"], 0.4, 0.05))
    values[0, 0, 0] = np.nan
    write_nifti(tmp_path / "mask.nii", values.astype("f4"), made.volume.affine)
    labels = load_labels(tmp_path / "mask.nii", made.volume)
    assert np.array_equal(labels.mask("label 1"), masks()["hollow"])
    assert "a probability of 0.5 or more is taken" in labels.remark
    assert "1 voxels are no number" in labels.remark
    low = load_labels(tmp_path / "mask.nii", made.volume, threshold=0.3)
    assert np.array_equal(low.mask("label 1"), masks()["hollow"] | masks()["solid"])


def test_a_file_without_any_label_says_its_rule_and_has_a_row(made, tmp_path):
    values = np.where(masks()["hollow"], 0.4, 0.05).astype("f4")
    write_nifti(tmp_path / "mask.nii", values, made.volume.affine)
    labels = load_labels(tmp_path / "mask.nii", made.volume)
    assert not labels.labels and "a probability of 0.5 or more is taken" in labels.remark
    sources = labels_of(header_table(tmp_path, progress=False), made.slices)
    table = label_table(sources, made.slices, progress=False)
    assert table.index.get_level_values("label").tolist() == [""]
    assert table["remark"].iloc[0].startswith("has no label; ") and table["ml"].isna().all()


def test_a_broken_qform_beside_an_sform_is_said(made, values, tmp_path):
    write_nifti(tmp_path / "mask.nii", values, made.volume.affine, qform=1)
    content = bytearray((tmp_path / "mask.nii").read_bytes())
    content[256:260] = np.float32(1.2).tobytes()  # quatern_b
    (tmp_path / "mask.nii").write_bytes(content)
    labels = load_labels(tmp_path / "mask.nii", made.volume)
    assert np.array_equal(labels.mask("label 3"), masks()["hollow"])
    assert "its qform is no rotation: the sform is taken" in labels.remark
    content[254:256] = bytes(2)  # sform_code
    (tmp_path / "mask.nii").write_bytes(content)
    assert "qform" in refused(tmp_path / "mask.nii", made)


def test_many_labels_may_be_an_image(made, tmp_path):
    values = np.arange(7 * 12 * 15).reshape(7, 12, 15)
    for count, said in ((99, False), (251, True)):
        write_nifti(tmp_path / "mask.nii", (values % (count + 1)).astype("u1"), made.volume.affine)
        labels = load_labels(tmp_path / "mask.nii", made.volume)
        assert len(labels.labels) == count
        assert (f"{count} labels: it may be an image" in labels.remark) == said


def test_values_are_not_read_that_take_too_much_memory(made, values, tmp_path, monkeypatch):
    """Where they are scaled, each is read as 8 bytes."""
    write_nifti(tmp_path / "plain.nii", values, made.volume.affine)
    content = bytearray((tmp_path / "plain.nii").read_bytes())
    content[112:120] = np.array([2, 0], np.float32).tobytes()  # scl_slope, scl_inter
    (tmp_path / "scaled.nii").write_bytes(content)
    monkeypatch.setattr("helpers.labels.labels.MAX_BYTES", 4 * values.size)
    assert len(load_labels(tmp_path / "plain.nii", made.volume).labels) == 2
    assert ": 8 bytes for each of" in refused(tmp_path / "scaled.nii", made)


def test_images_and_others_are_no_labels(made, values, tmp_path):
    shape = (20, 40, 50)
    rng = np.random.default_rng(0)
    for name, found, words in (
        ("image", rng.normal(0, 400, shape).astype("i2"), "is an image"),
        ("floats", rng.normal(0, 4, shape).astype("f4"), "is an image"),
        ("colour", np.zeros((2, *shape), "u1"), "three dimensions"),
    ):
        write_nifti(tmp_path / f"{name}.nii", found, made.volume.affine)
        said = refused(tmp_path / f"{name}.nii", made)
        assert words in said and "LabelError" not in said
    write_nifti(tmp_path / "complex.nii", values.astype("c8"), made.volume.affine)
    assert "expected numbers" in refused(tmp_path / "complex.nii", made)


def test_damaged_files_are_refused_in_one_line(made, values, tmp_path):
    for name in ("mask.nii", "mask.nii.gz"):
        write_nifti(tmp_path / name, values, made.volume.affine)
        content = (tmp_path / name).read_bytes()
        for part in (0.5, 0.9):
            (tmp_path / f"cut {name}").write_bytes(content[: int(part * len(content))])
            refused(tmp_path / f"cut {name}", made)
    content = bytearray((tmp_path / "mask.nii").read_bytes())
    for where, value in (
        (42, b"\xff\x7f" * 3),
        (42, bytes(6)),
        (70, b"\xff\x7f"),
        (280, b"\0\0\xc0\x7f"),
    ):
        changed = bytearray(content)
        changed[where : where + len(value)] = value
        (tmp_path / "changed.nii").write_bytes(changed)
        refused(tmp_path / "changed.nii", made)
    content[344:348] = b"ni1\0"
    (tmp_path / "pair.hdr").write_bytes(content)
    assert "without them" in refused(tmp_path / "pair.hdr", made)


def test_without_nibabel_one_line_says_what_to_install(made, values, tmp_path, monkeypatch):
    write_nifti(tmp_path / "mask.nii", values, made.volume.affine)
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    assert "python -m pip install nibabel" in refused(tmp_path / "mask.nii", made)


# of the phantom


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Two patients of the phantom, with and without labels, and the masks beside them."""
    folder = tmp_path_factory.mktemp("phantom")
    scans = [scan for scan in ALL_SCANS if scan.patient in ("P78-lossy", PATIENT)]
    assert write_phantom(folder / "train", scans=scans)["rule"].tolist() != []
    for name, content in mask_files(scans=scans).items():
        (folder / name).write_bytes(content)
    headers = header_table(folder / "train", progress=False)
    return folder, headers, slice_table(headers)


def test_masks_of_the_phantom_are_as_nibabel_reads_them(labelled):
    folder, _, _ = labelled
    assert mask_files() == mask_files(scans=ALL_SCANS)
    assert mask_files().keys() == {f"{PATIENT}_left-lung.nii.gz", f"{PATIENT}_heart.nii.gz"}
    for name, organ in zip(mask_files(), SEGMENTS):
        image = nibabel.load(folder / name)
        assert image.get_sform(coded=True)[1] == 1 and image.header.get_xyzt_units()[0] == "mm"
        values = np.asanyarray(image.dataobj)
        assert values.dtype == np.uint8 and {*np.unique(values)} == {0, 1}
        place = image.affine @ (*np.argwhere(values).mean(0), 1)
        assert place[:2] == pytest.approx(np.multiply(organ.center[:2], -1), abs=2), "RAS"
        assert place[2] == pytest.approx(organ.center[2], abs=6)
        flips = [np.flip(values, axes) for axes in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 2))]
        assert all((flipped != values).any() for flipped in flips)


def test_masks_of_the_phantom_are_those_of_its_segmentation(labelled):
    folder, headers, slices = labelled
    sources = labels_of(headers, slices)
    assert sources["kind"].tolist() == ["SEG", "RTSTRUCT", "NIfTI", "NIfTI"]
    assert sources["PatientID"].eq(PATIENT).all() and sources["why"].eq("").all()
    assert sources["by"].tolist()[2:] == ["same grid"] * 2
    volume = load_volume(slices.loc[tuple(sources.iloc[0][["SeriesInstanceUID", "stack"]])])
    segments = load_labels(sources.iloc[0], volume)
    masks_beside = sources[sources["kind"] == "NIfTI"]
    for name, organ in (("heart", "Heart"), ("left-lung", "Left lung")):
        path = folder / f"{PATIENT}_{name}.nii.gz"
        assert str(path) in masks_beside.index
        assert np.array_equal(load_labels(path, volume).mask(1), segments.mask(organ))


def test_files_beside_that_lie_on_no_stack_are_left_out(labelled, tmp_path):
    """But not those in the collection, nor those that cannot be read."""
    folder, _, _ = labelled
    shutil.copytree(folder / "train" / PATIENT, tmp_path / "train" / PATIENT)
    (tmp_path / "train" / "other").mkdir()
    shutil.copy(next((folder / "train" / "P78-lossy").iterdir()), tmp_path / "train" / "other")
    write_nifti(tmp_path / "elsewhere.nii", np.ones((3, 4, 5), np.uint8), np.eye(4))
    write_nifti(tmp_path / "train" / "inside.nii", np.ones((3, 4, 5), np.uint8), np.eye(4))
    (tmp_path / "broken.nii").write_bytes((tmp_path / "elsewhere.nii").read_bytes()[:390])
    headers = header_table(tmp_path / "train", progress=False)
    for listed in (headers, headers[headers["SOPClassUID"].notna()]):
        found = labels_of(listed, slice_table(listed))
        found = found[found["kind"] == "NIfTI"]
        names = [path.removeprefix(f"{tmp_path}/") for path in found.index]
        assert names == (
            ["train/inside.nii", "broken.nii"] if listed is headers else ["broken.nii"]
        )
        assert "cut short" in found["why"].iloc[-1]
