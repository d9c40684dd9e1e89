"""Which files of a collection hold labels, the stack that each lies on, and what they measure."""

from dataclasses import replace

import numpy as np
import pytest
from label_files import (
    SPACING,
    masks,
    overlapping,
    read_back,
    structure_set,
    write_images,
    write_nifti,
    write_segmentation,
    write_structures,
)

from helpers import (
    header_table,
    label_table,
    labels_of,
    load_labels,
    load_volume,
    slice_table,
    stack_table,
)
from helpers.errors import ClearError
from helpers.labels.table import extent_mm
from helpers.viewer.choices import Choices
from helpers.viewer.opening import Opener, Wanted


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """Two series of one frame of reference, one of another, and labels of all kinds."""
    pytest.importorskip("highdicom", reason="highdicom writes segmentations")
    root = tmp_path_factory.mktemp("collection")
    series = {}
    for name, shape, frame in (
        ("long", (7, 12, 15), "1.2.3.4.5"),
        ("short", (4, 12, 15), "1.2.3.4.5"),
        ("other", (5, 9, 9), "1.2.3.9.9"),
    ):
        (root / name).mkdir()
        series[name] = write_images(root / name, "oblique", shape=shape, frame_of_reference=frame)
    long, short, other = series.values()
    some = {name: mask[:4] for name, mask in masks().items()}
    write_segmentation(root / "seg.dcm", short.images, some)
    write_structures(root / "own.dcm", masks(), long.volume.affine, images=long.images)
    away = write_structures(root / "frame.dcm", masks(), long.volume.affine)
    away.StructureSetROISequence[0].ROIName = "renamed"
    away.save_as(root / "frame.dcm", enforce_file_format=True)
    write_structures(
        root / "random.dcm",
        masks(),
        long.volume.affine,
        images=long.images,
        frame_of_reference="1.9.8.7",
    )
    write_structures(root / "lost.dcm", masks(), long.volume.affine, frame_of_reference="1.7.7")
    values = np.zeros(other.volume.array.shape, np.uint8)
    values[1:3, 2:5, 3:8] = 3
    write_nifti(root / "grid.nii.gz", values, other.volume.affine)
    write_nifti(root / "nowhere.nii", values[:, :5], other.volume.affine)
    (root / "broken.nii").write_bytes((root / "nowhere.nii").read_bytes()[:400])
    return root, series, read_back(root)


@pytest.fixture(scope="module")
def sources(collection):
    _, _, made = collection
    return labels_of(made.headers, made.slices)


def test_each_file_lies_on_the_stack_that_it_belongs_to(collection, sources):
    root, series, _ = collection
    found = sources.set_axis([path.removeprefix(f"{root}/") for path in sources.index])
    expected = {
        "seg.dcm": ("SEG", "short", "references its images"),
        "own.dcm": ("RTSTRUCT", "long", "references its images"),
        "frame.dcm": ("RTSTRUCT", "long", "same frame of reference"),
        "random.dcm": ("RTSTRUCT", "long", "references its images"),
        "grid.nii.gz": ("NIfTI", "other", "same grid"),
    }
    for name, (kind, on, by) in expected.items():
        row = found.loc[name]
        assert (row["kind"], row["by"], row["why"]) == (kind, by, "")
        assert (row["SeriesInstanceUID"], row["stack"]) == series[on].stack
        assert row["PatientID"] == "L1"
    assert found.loc["frame.dcm", "names"] == ("renamed", "solid")
    for name, words in (
        ("lost.dcm", "names no image, nor any of its frame of reference"),
        ("nowhere.nii", "no stack has the same grid"),
        ("broken.nii", "it is cut short"),
    ):
        assert words in found.loc[name, "why"] and found.loc[name, "stack"] is None
    assert len(found) == len(expected) + 3


def test_of_stacks_of_one_grid_that_in_the_folder_of_a_file_is_taken(tmp_path):
    """And none where stacks of several patients are as near."""
    values = np.ones((7, 12, 15), np.uint8)
    for number, patient in enumerate(("P1", "P2")):
        (tmp_path / patient).mkdir()
        made = write_images(tmp_path / patient, "axial", frame_of_reference=f"1.2.{number}")
        for image, path in zip(made.images, sorted((tmp_path / patient).iterdir())):
            image.PatientID, image.StudyInstanceUID = patient, f"1.2.3.{number}"
            image.save_as(path, enforce_file_format=True)
        write_nifti(tmp_path / patient / "seg.nii.gz", values, made.volume.affine)
    write_nifti(tmp_path / "between.nii.gz", values, made.volume.affine)
    made = read_back(tmp_path)
    found = labels_of(made.headers, made.slices)
    found = found.set_axis([path.removeprefix(f"{tmp_path}/") for path in found.index])
    for patient in ("P1", "P2"):
        row = found.loc[f"{patient}/seg.nii.gz"]
        assert (row["PatientID"], row["by"]) == (
            patient,
            "same grid, of 2 the nearest by its folder",
        )
    row = found.loc["between.nii.gz"]
    assert row["stack"] is None and row["PatientID"] is None
    assert row["why"] == "2 stacks of several patients have the same grid"


def test_no_header_value_stands_in_the_table_where_identity_is_hidden(tmp_path, monkeypatch):
    """Names of persons where numbers and defined terms belong."""
    made = write_images(tmp_path, "axial")
    dataset = structure_set({"a": [], "b": []}, None, images=made.images)
    for roi in dataset.StructureSetROISequence:
        roi.add_new(0x30060036, "LO", "Smith^John")
    dataset.RTROIObservationsSequence[0].add_new(0x300600A4, "LO", "Smith^John")
    dataset.save_as(tmp_path / "words.dcm", enforce_file_format=True)
    labels = load_labels(tmp_path / "words.dcm", made.volume)
    assert [label.by for label in labels.labels] == ["", "organ"]
    dataset.StructureSetROISequence[0].add_new(0x30060022, "LO", "Smith^John")
    dataset.save_as(tmp_path / "number.dcm", enforce_file_format=True)
    made = read_back(tmp_path)
    assert "'Smith^John'" in labels_of(made.headers, made.slices)["why"].iloc[0]
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a secret of this test")
    made = read_back(tmp_path)
    table = labels_of(made.headers, made.slices)
    assert "expected a whole ROI Number" in table["why"].iloc[0] and len(table) == 2
    assert "Smith" not in table.reset_index().to_csv()
    with pytest.raises(ClearError, match="expected a whole ROI Number") as caught:
        load_labels(tmp_path / "number.dcm", made.volume)
    assert "Smith" not in str(caught.value)


def test_a_source_that_cannot_be_read_hides_no_other_in_a_viewer(tmp_path):
    made = write_images(tmp_path, "axial")
    write_structures(tmp_path / "own.dcm", masks(), made.volume.affine, images=made.images)
    write_nifti(tmp_path / "cut.nii", masks()["solid"].astype(np.uint8), made.volume.affine)
    made = read_back(tmp_path)
    labels = labels_of(made.headers, made.slices, made.stack)
    assert len(labels) == 2
    path = tmp_path / "cut.nii"
    path.write_bytes(path.read_bytes()[:400])
    opener = Opener(Choices(made.slices, stack_table(made.slices)), labels=labels)
    opened = opener.open(Wanted("L1", made.stack))
    assert [label.name for label in opened.options["labels"].labels] == [*masks()]
    assert opened.message.startswith("labels of cut.nii are not shown: expected ")


def test_sources_of_one_stack(collection, sources):
    _, series, made = collection
    own = labels_of(made.headers, made.slices, series["short"].stack)
    assert [path.rpartition("/")[2] for path in own.index] == ["seg.dcm"]
    assert own.equals(sources.loc[own.index])
    none = labels_of(made.headers.iloc[:0], made.slices)
    assert none.empty and [*none.columns] == [*sources.columns]


def test_what_names_the_images_is_loaded_whatever_its_frame_of_reference(collection, sources):
    """Some programs write a frame of reference of their own beside the images that they name."""
    root, series, made = collection
    volume = load_volume(made.slices.loc[series["long"].stack], progress=False)
    path = str(root / "random.dcm")
    with pytest.raises(ClearError, match="Frame of Reference UID"):
        load_labels(path, volume)
    for source in (sources.loc[[path]], sources.loc[path]):
        labels = load_labels(source, volume)
        assert np.array_equal(labels.mask("hollow"), masks()["hollow"])
        assert "another frame of reference" in labels.remark


def test_table_measures_every_label(collection, sources):
    root, series, made = collection
    table = label_table(sources, made.slices, progress=False).sort_index()
    volume = series["short"].volume
    row = table.loc[(*series["short"].stack, "hollow")]
    mask = masks()["hollow"][:4]
    values = volume.array[mask]
    assert row["ml"] == pytest.approx(mask.sum() * np.prod(SPACING) / 1000)
    assert row["slices"] == mask.any((1, 2)).sum()
    assert (row["mean"], row["sd"]) == pytest.approx((values.mean(), values.std()))
    assert (row["unit"], row["kind"], row["by"]) == ("HU", "SEG", "automatic, net")
    places = np.argwhere(mask) @ volume.affine[:3, :3].T
    reach = np.ptp(places, axis=0) + np.abs(volume.affine[:3, :3]).sum(1)
    assert row[["x_mm", "y_mm", "z_mm"]].tolist() == pytest.approx(reach.tolist())
    lost = table[table["path"] == str(root / "lost.dcm")]
    assert lost["remark"].tolist() == ["names no image, nor any of its frame of reference"]
    assert lost["ml"].isna().all() and {*sources.index} == {*table["path"]}
    nifti = table.loc[(*series["other"].stack, "label 3")]
    assert nifti["slices"] == 2 and "names no frame of reference" in nifti["remark"]


def test_padding_takes_no_part_and_an_empty_label_has_a_row(collection, tmp_path):
    _, series, _ = collection
    long = series["long"]
    ends = np.array([(2, 3.2, 3, 1), (2, 3.2, 8, 1), (2, 3.2, 5, 1)]) @ long.volume.affine.T
    drawn = {"empty": [], "line": [("CLOSED_PLANAR", ends[:, :3])]}
    structure_set(drawn, long.volume.affine).save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    for number in range(len(long.images)):
        (tmp_path / f"{number}.dcm").symlink_to(long.slices.index.get_level_values("path")[number])
    both = read_back(tmp_path)
    table = label_table(labels_of(both.headers, both.slices), both.slices, progress=False)
    assert table.index.get_level_values("label").tolist() == ["empty", "line"]
    assert table["ml"].tolist() == [0, 0] and table["mean"].isna().all()
    assert table["remark"].iloc[0] == "has no contour"


def test_a_stack_that_cannot_be_loaded_is_tried_once(tmp_path, monkeypatch):
    made = write_images(tmp_path, "axial")
    for name in ("one.dcm", "two.dcm"):
        write_structures(tmp_path / name, masks(), made.volume.affine, images=made.images)
    for path in made.slices.index.get_level_values("path"):
        dataset = made.images[int(path.rpartition("/")[2].split(".")[0])]
        dataset.PixelData = dataset.PixelData[:10]
        dataset.save_as(path, enforce_file_format=True)
    tried = []

    def load(*values, **more):
        tried.append(values)
        return load_volume(*values, **more)

    monkeypatch.setattr("helpers.labels.table.load_volume", load)
    made_again = header_table(tmp_path, progress=False)
    slices = slice_table(made_again)
    table = label_table(labels_of(made_again, slices), slices, progress=False)
    assert len(tried) == 1 and table.index.get_level_values("label").tolist() == ["", ""]
    assert table["remark"].nunique() == 1 and table["remark"].iloc[0]


def test_extent_is_that_of_whole_voxels():
    mask = np.zeros((4, 5, 6), bool)
    mask[1:3, 0:3, 2] = True
    assert extent_mm(mask, np.diag([5.0, 2.0, 1.0, 1.0])).tolist() == [10, 6, 1]


def test_other_tables_are_refused(collection, sources):
    _, _, made = collection
    for call in (
        lambda: labels_of(made.slices, made.slices),
        lambda: labels_of(made.headers, None),
        lambda: label_table(None, made.slices),
        lambda: label_table(made.headers, made.slices),
    ):
        with pytest.raises(ClearError, match="expected"):
            call()


def test_overlaps_are_measured_whole(collection):
    root, series, _ = collection
    path = root / "long" / "overlap.dcm"
    write_structures(
        path, overlapping(), series["long"].volume.affine, images=series["long"].images
    )
    labels = load_labels(path, replace(series["long"].volume))
    path.unlink()
    assert [labels.ml(one) for one in labels.labels] == pytest.approx(
        [mask.sum() * labels.voxel_ml for mask in overlapping().values()]
    )
