"""DICOM segmentations: as highdicom reads them, whatever the order and encoding of their frames."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from label_files import (
    POSES,
    SHAPE,
    SPACING,
    masks,
    overlapping,
    read_back,
    slow_but,
    write_images,
)
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from helpers import load_labels, load_volume
from helpers.labels.labels import LabelError
from helpers.labels.segmentation import CLASSES

highdicom = pytest.importorskip("highdicom", reason="highdicom writes segmentations")
from label_files import write_segmentation  # noqa: E402

READ_BY_HIGHDICOM = sorted({*POSES} - {"tilted"})  # of which it makes no volume
HIDDEN_NAMES = ("Somebody", "Known")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), "oblique")


@pytest.fixture(scope="module")
def plain(made, tmp_path_factory):
    """A binary segmentation, as a data set."""
    path = tmp_path_factory.mktemp("plain") / "seg.dcm"
    write_segmentation(path, made.images, overlapping())
    return pydicom.dcmread(path)


def loaded(dataset, made, tmp_path, **more):
    dataset.save_as(tmp_path / "changed.dcm", enforce_file_format=True)
    return load_labels(tmp_path / "changed.dcm", made.volume, **more)


def refused(dataset, made, tmp_path):
    """What is said of a data set that cannot be read, in one line."""
    with pytest.raises(LabelError) as caught:
        loaded(dataset, made, tmp_path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same(labels, named):
    return [np.array_equal(labels.mask(name), mask) for name, mask in named.items()]


def by_highdicom(path, volume):
    """Masks (slices, rows, columns) of each segment, placed by highdicom's own geometry."""
    read = highdicom.seg.segread(path)
    found = {}
    for number in read.segment_numbers:
        one = read.get_volume(
            segment_numbers=[number],
            combine_segments=False,
            rescale_fractional=False,
            allow_missing_positions=True,
        )
        mask, affine = one.array[..., 0] > 0, one.affine
        there = np.argwhere(mask)
        places = np.c_[there, np.ones(len(there))] @ affine.T
        voxels = np.linalg.solve(volume.affine, places.T)[:3].T
        assert np.abs(voxels - voxels.round()).max(initial=0) < 0.05
        whole = np.zeros(volume.array.shape, bool)
        whole[tuple(voxels.round().astype(int).T)] = True
        found[read.get_segment_description(number).segment_label] = whole
    return found


@pytest.mark.parametrize("folder", slow_but(["seg-ct-3slice", "seg-small"], ["seg-small"]))
def test_real_segmentations_are_as_highdicom_reads_them(real, folder):
    made = read_back(real / "kinds" / folder)
    volume = load_volume(made.slices.loc[made.stack])
    paths = made.headers.index[made.headers["SOPClassUID"].isin(CLASSES)]
    assert len(paths) >= 2
    for path in paths:
        labels = load_labels(path, volume)
        expected = by_highdicom(path, volume)
        expected.pop("Background", None)
        assert [label.name for label in labels.labels] == [*expected]
        for name, mask in expected.items():
            assert np.array_equal(labels.mask(name), mask) and mask.any()
            assert labels.ml(name) == pytest.approx(mask.sum() * np.prod(volume.spacing) / 1000)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("pose", slow_but(READ_BY_HIGHDICOM, ["oblique"]))
def test_made_segmentations_are_as_highdicom_reads_them(pose, kind, tmp_path):
    made = write_images(tmp_path, pose)
    write_segmentation(tmp_path / "seg.dcm", made.images, masks(), kind)
    expected = by_highdicom(tmp_path / "seg.dcm", made.volume)
    assert all(same(load_labels(tmp_path / "seg.dcm", made.volume), expected))


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_frames_come_in_any_order(made, kind, tmp_path):
    named = masks() if kind == "LABELMAP" else overlapping()
    write_segmentation(tmp_path / "seg.dcm", made.images, named, kind)
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    order = np.random.default_rng(3).permutation(dataset.NumberOfFrames)
    pixels = dataset.pixel_array
    groups = dataset.PerFrameFunctionalGroupsSequence
    dataset.PerFrameFunctionalGroupsSequence = [groups[n] for n in order]
    stored = pixels[order]
    packed = np.packbits(stored.ravel(), bitorder="little") if kind == "BINARY" else stored
    dataset.PixelData = packed.tobytes() + b"\0" * (packed.nbytes % 2)
    assert all(same(loaded(dataset, made, tmp_path), named))
    assert (SHAPE[1] * SHAPE[2]) % 8, "frames of bits do not begin at a byte"


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("FRACTIONAL", RLELossless),
        ("FRACTIONAL", JPEGLSLossless),
        ("LABELMAP", RLELossless),
        ("LABELMAP", JPEGLSLossless),
    ],
)
def test_compressed_frames(made, kind, syntax, tmp_path):
    more = {"transfer_syntax_uid": syntax}
    write_segmentation(tmp_path / "seg.dcm", made.images, masks(), kind, **more)
    assert all(same(load_labels(tmp_path / "seg.dcm", made.volume), masks()))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_encodings(made, plain, syntax, tmp_path):
    dataset = deepcopy(plain)
    dataset.file_meta.TransferSyntaxUID = syntax
    assert all(same(loaded(dataset, made, tmp_path), overlapping()))


def test_sequences_without_a_length(made, plain, tmp_path):
    dataset = deepcopy(plain)
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
    assert all(same(loaded(dataset, made, tmp_path), overlapping()))


def test_orientation_and_measures_of_each_frame(made, plain, tmp_path):
    dataset = deepcopy(plain)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.PlaneOrientationSequence = deepcopy(shared.PlaneOrientationSequence)
        frame.PixelMeasuresSequence = deepcopy(shared.PixelMeasuresSequence)
    del shared.PlaneOrientationSequence, shared.PixelMeasuresSequence
    assert all(same(loaded(dataset, made, tmp_path), overlapping()))


def test_a_fraction_is_cut_at_its_threshold(made, tmp_path):
    write_segmentation(tmp_path / "seg.dcm", made.images, masks(), "FRACTIONAL")
    low = load_labels(tmp_path / "seg.dcm", made.volume, threshold=0.2)
    high = load_labels(tmp_path / "seg.dcm", made.volume, threshold=0.8)
    half = load_labels(tmp_path / "seg.dcm", made.volume)
    assert low.ml("hollow") > half.ml("hollow") > high.ml("hollow") == 0
    assert half.remark == "probability of 0.5 or more of 255 is taken as the label"


def test_by_says_the_algorithm_and_no_person(made, plain, tmp_path):
    dataset = deepcopy(plain)
    dataset.ContentCreatorName = "^".join(HIDDEN_NAMES)
    dataset.SegmentSequence[0].SegmentAlgorithmType = "MANUAL"
    del dataset.SegmentSequence[0].SegmentAlgorithmName, dataset.SegmentSequence[1].SegmentLabel
    labels = loaded(dataset, made, tmp_path)
    assert [label.by for label in labels.labels] == ["manual", "automatic, net", "automatic, net"]
    assert (
        labels.labels[1].name == "segment 2" and labels.labels[1].remark == "has no Segment Label"
    )
    assert not any(name in repr(labels.labels) for name in HIDDEN_NAMES)


def test_a_segment_that_is_not_described_or_has_no_frame_is_said(made, plain, tmp_path):
    dataset = deepcopy(plain)
    dataset.SegmentSequence[1].SegmentNumber = 9
    labels = loaded(dataset, made, tmp_path)
    remarks = {label.name: label.remark for label in labels.labels}
    assert remarks["solid"] == "has no frame" and labels.ml("solid") == 0
    assert remarks["segment 2"] == "not described in Segment Sequence"
    assert np.array_equal(labels.mask("segment 2"), overlapping()["solid"])


def test_a_label_map_with_numbers_that_nobody_describes(made, tmp_path):
    write_segmentation(tmp_path / "seg.dcm", made.images, masks(), "LABELMAP")
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    dataset.SegmentSequence = [one for one in dataset.SegmentSequence if one.SegmentNumber != 1]
    labels = loaded(dataset, made, tmp_path)
    assert np.array_equal(labels.mask("segment 1"), masks()["hollow"])
    assert np.array_equal(labels.mask("solid"), masks()["solid"])


def test_frames_beyond_the_volume_are_counted(made, plain, tmp_path):
    short = replace(made.volume, array=made.volume.array[:3])
    plain.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    labels = load_labels(tmp_path / "seg.dcm", short)
    assert np.array_equal(labels.mask("hollow"), masks()["hollow"][:3])
    assert "frames lie outside the volume" in labels.remark


def test_frames_of_which_none_is_on_the_volume_are_refused(made, plain, tmp_path):
    far = made.volume.affine.copy()
    far[:3, 3] += 20 * far[:3, 0]
    plain.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    with pytest.raises(LabelError, match="expected frames on slices of the volume, got none of"):
        load_labels(tmp_path / "seg.dcm", replace(made.volume, affine=far))


@pytest.mark.parametrize("said", [(), ("SpacingBetweenSlices",), ("SliceThickness",)])
def test_slices_left_out_of_a_grid_of_its_own_stay_empty(made, tmp_path, said):
    """Of a segmentation that is cropped, with frames on slices 1 and 4 alone."""
    mask = np.zeros(SHAPE, bool)
    mask[[1, 4], 2:6, 3:9] = True
    write_segmentation(tmp_path / "seg.dcm", made.images, {"a": mask}, "LABELMAP")
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    assert dataset.NumberOfFrames == 2
    dataset.PixelData = np.ascontiguousarray(dataset.pixel_array[:, :, :12]).tobytes()
    dataset.Columns = 12
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    for keyword in {"SpacingBetweenSlices", "SliceThickness"} - {*said}:
        if keyword in measures:
            del measures[keyword]
    for keyword in said:
        setattr(measures, keyword, SPACING[0])
    labels = loaded(dataset, made, tmp_path)
    guess = "how far its slices are apart is a guess"
    if said:
        assert np.array_equal(labels.mask("a"), mask)
        assert labels.ml("a") == pytest.approx(mask.sum() * np.prod(SPACING) / 1000)
    assert (guess in labels.remark) == (said != ("SpacingBetweenSlices",))


def test_uneven_frames_are_refused(made, plain, tmp_path):
    dataset = deepcopy(plain)
    positions = [one.PlanePositionSequence[0] for one in dataset.PerFrameFunctionalGroupsSequence]
    normal = made.volume.affine[:3, 0] / np.linalg.norm(made.volume.affine[:3, 0])
    for one in positions:
        along = (np.array(one.ImagePositionPatient) - made.volume.affine[:3, 3]) @ normal
        moved = np.array(one.ImagePositionPatient) + normal * 0.03 * along**2
        one.ImagePositionPatient = [round(float(x), 6) for x in moved]
    words = refused(dataset, made, tmp_path)
    assert words.startswith("expected frames on an even grid, got gaps of")


def test_damaged_segmentations_are_refused_in_one_line(made, plain, tmp_path):
    cases = {
        "no frames": ({"NumberOfFrames": 0}, "Number of Frames"),
        "too many frames": ({"NumberOfFrames": 2**31 - 1}, "frames"),
        "no pixels": ({"PixelData": None}, "Pixel Data"),
        "cut pixels": ({"PixelData": plain.PixelData[: len(plain.PixelData) // 2]}, "frames"),
        "huge": ({"Rows": 65535, "Columns": 65535}, "65535"),
        "no rows": ({"Rows": 0}, "Rows"),
        "no columns": ({"Columns": None}, "expected"),
        "wrong bits": ({"BitsStored": 8, "HighBit": 7}, "expected"),
        "no groups": ({"PerFrameFunctionalGroupsSequence": None}, "place in the patient"),
        "few groups": (
            {"PerFrameFunctionalGroupsSequence": plain.PerFrameFunctionalGroupsSequence[:3]},
            "frame 3",
        ),
        "empty groups": ({"PerFrameFunctionalGroupsSequence": []}, "place in the patient"),
        "no orientation": ({"SharedFunctionalGroupsSequence": []}, "ImageOrientationPatient"),
    }
    for name, (values, words) in cases.items():
        dataset = deepcopy(plain)
        for keyword, value in values.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        assert words in refused(dataset, made, tmp_path), name


def test_hostile_positions_are_refused(made, plain, tmp_path):
    for value in ([0, 0], [0, 0, float("nan")], [1e300, 0, 0], ["x", "0", "0"]):
        dataset = deepcopy(plain)
        position = dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0]
        position.add_new(0x00200032, "LO", [str(one) for one in value])
        refused(dataset, made, tmp_path)


def test_no_segment_sequence(made, plain, tmp_path):
    for value in (None, []):
        dataset = deepcopy(plain)
        if value is None:
            del dataset.SegmentSequence
        else:
            dataset.SegmentSequence = value
        labels = loaded(dataset, made, tmp_path)
        assert [label.name for label in labels.labels] == ["segment 1", "segment 2", "segment 3"]
