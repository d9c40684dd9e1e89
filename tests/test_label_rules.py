"""Rules on labels: each finds what was planted, and nothing where a label may be as it is."""

import re
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from kind_collections import write_kind

from helpers import (
    audit,
    header_table,
    load_labels,
    load_volume,
    show_evidence,
    slice_table,
    write_phantom,
)
from helpers.phantom.label_faults import BESIDE, LABEL_FAULTS
from helpers.phantom.organs import organ_rows
from helpers.phantom.scans import LABELLED, Scan
from helpers.privacy.pseudonyms import deidentified_table
from helpers.quality.body import Body
from helpers.quality.label_facts import label_facts, shift_of
from helpers.quality.label_words import words_of
from helpers.quality.rules import Collection
from helpers.volume.volume import Volume

CLEAN = LABELLED[0]._replace(matrix=32)
PIXEL_RULES = {
    *("label-outside-volume", "empty-label", "label-on-other-side", "label-outside-body"),
    "label-shifted",
}


def _found(folder, *, pixels=True):
    """rule → values, of the rules on labels."""
    found = audit(deidentified_table(header_table(folder, progress=False)), pixels=pixels)
    found = found[found["rule"].isin(LABEL_FAULTS)]
    return found.groupby("rule")["value"].apply(list).to_dict()


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """The folder of the phantom's labelled patients."""
    folder = tmp_path_factory.mktemp("labelled")
    write_phantom(folder, scans=LABELLED)
    return folder


VALUES = {
    "label-of-another-frame": r"of 1\.2\.826\.\S+, its images of 1\.2\.826\.\S+",
    "label-outside-volume": "4 of 11 frames lie beyond its images",
    "empty-label": "Liver",
    "label-on-other-side": r"Left lung lies on the right \(100%\)",
    "label-outside-body": r"Heart \(9\d% in air\)",
    "label-shifted": "a guess: Left lung would fit 24 mm to the right, 18 mm towards the back",
    "several-persons": r"2 sexes \(PatientSex\) of P87-two-persons",
}


def test_what_is_wrong_with_a_label_is_said(labelled):
    for rule, value in VALUES.items():
        (patient,) = [scan.patient for scan in LABELLED if rule in scan.faults]
        found = _found(labelled / patient)
        assert set(found) == {rule}
        (said,) = found[rule]
        assert re.fullmatch(value, said), said
        headers_alone = _found(labelled / patient, pixels=False)
        assert headers_alone == ({} if rule in PIXEL_RULES else found)


SHIFTED = next(scan for scan in LABELLED if "label-shifted" in scan.faults)


@pytest.fixture(scope="module")
def on_edges(labelled):
    """A CT, and labels of it that lie on its edges: the shifted ones, moved back."""
    volume = _volume_of(labelled / SHIFTED.patient)
    labels = load_labels(labelled / SHIFTED.patient / "segmentation.dcm", volume)
    return volume, _moved(labels, (0, *(-part for part in BESIDE)))


def _moved(labels, voxels):
    return replace(labels, maps=tuple(np.roll(one, voxels, (0, 1, 2)) for one in labels.maps))


@pytest.mark.parametrize("voxels", [(0, 0, 3), (0, -3, 0), (0, 3, -3)])
def test_the_way_back_is_found(on_edges, voxels):
    volume, labels = on_edges
    shift = shift_of(_moved(labels, voxels), volume)
    assert shift.voxels == tuple(-part for part in voxels)
    _, rows, columns = voxels
    assert shift.mm == pytest.approx((-6 * columns, -6 * rows, 0))


def test_labels_on_edges_beside_them_or_of_other_values_are_left_alone(on_edges, tmp_path):
    """One voxel is how somebody draws; other values have edges that nobody outlines."""
    volume, labels = on_edges
    assert shift_of(labels, volume) is None
    assert shift_of(_moved(labels, (0, 0, 1)), volume) is None
    moved = _moved(labels, (0, 0, 3))
    assert shift_of(moved, replace(volume, unit="")) is None
    write_phantom(tmp_path, scans=[SHIFTED._replace(faults=())])  # drawn a little inside of organs
    assert _found(tmp_path) == {}


@pytest.mark.parametrize("middle", [(4, 20, 20), (10, 40, 44), (8, 30, 32)])
def test_a_target_that_follows_no_edge_is_left_alone(on_edges, middle):
    volume, labels = on_edges
    places = np.moveaxis(np.indices(volume.array.shape), 0, -1)
    inside = (((places - middle) / (4, 9, 7)) ** 2).sum(axis=-1) < 1
    target = replace(labels, maps=(inside.astype(np.uint8),), labels=labels.labels[:1])
    assert shift_of(target, volume) is None


def test_a_finding_is_shown_by_the_label_on_its_image(labelled):
    """The lung on the wrong side, the heart in front of the chest; words where none is drawn."""
    headers = header_table(labelled, progress=False)
    slices = slice_table(headers)
    findings = audit(headers, slices, pixels=True)
    findings = findings[findings["rule"].isin(LABEL_FAULTS)]
    for finding, ax in zip(findings.itertuples(), show_evidence(findings, slices)):
        words = " ".join(text.get_text() for text in ax.texts)
        assert ax.images, finding.rule
        is_of_label = any(name in words for name in ("Left lung", "Liver"))
        assert is_of_label == (finding.rule != "several-persons")


def test_labels_of_the_phantom_lie_where_geometry_has_them(labelled):
    """So a mask that is mirrored, transposed or shifted between format and volume would show."""
    folder = labelled / CLEAN.patient
    slices = slice_table(header_table(folder, progress=False))
    volume = load_volume(slices[slices["Modality"] == "CT"])
    for path, organs in organ_rows(LABELLED[0]).groupby("path"):
        labels = load_labels(folder / path, volume)
        assert [label.name for label in labels.labels] == organs["name"].tolist()
        for organ in organs.itertuples():
            voxels = np.argwhere(labels.mask(organ.name))
            center = volume.affine @ [*voxels.mean(axis=0), 1]
            assert labels.ml(organ.name) == pytest.approx(organ.ml, rel=0.02)
            assert center[:3] == pytest.approx([organ.x, organ.y, organ.z], abs=1)
    (ring,) = [label for label in labels.labels if label.name == "Chest wall"]
    middle = labels.slice("axial").mask(ring)[32]
    assert not middle[31:33].any() and middle[:16].any() and middle[48:].any(), "a hole"


def test_the_phantoms_segmentation_is_read_by_others(labelled):
    highdicom = pytest.importorskip("highdicom")
    path = labelled / CLEAN.patient / "segmentation.dcm"
    read = highdicom.seg.segread(path)
    assert read.segmentation_type.value == "BINARY"
    assert [read.get_segment_description(n).segment_label for n in (1, 2)] == ["Left lung", "Heart"]
    side = read.get_segment_description(1).SegmentedPropertyTypeCodeSequence[0]
    modifier = side.SegmentedPropertyTypeModifierCodeSequence[0]
    assert (modifier.CodeValue, modifier.CodeMeaning) == ("7771000", "Left")
    counts = read.get_volume(combine_segments=False).array.sum(axis=(0, 1, 2))
    masks = load_labels(path, _volume_of(path.parent))
    assert counts.tolist() == [int(masks.mask(name).sum()) for name in ("Left lung", "Heart")]


def _volume_of(folder):
    slices = slice_table(header_table(folder, progress=False))
    return load_volume(slices[slices["Modality"] == "CT"])


@pytest.fixture
def clean(tmp_path):
    """The folder of a patient with labels, nothing wrong with them."""
    write_phantom(tmp_path, scans=[CLEAN])
    return tmp_path / CLEAN.patient


def _change(path, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("Right lung", {"label-on-other-side": ["Right lung lies on the left (100%)"]}),
        ("Lung_R", {"label-on-other-side": ["Lung_R lies on the left (100%)"]}),
        ("RightLung", {"label-on-other-side": ["RightLung lies on the left (100%)"]}),
        ("Lung_L", {}),
        ("lung without right GTV", {}),
        ("Left and right lung", {}),
        ("Right atrium", {}),  # there is one of it
        ("Right femur", {}),  # of a leg, the middle of the picture is no middle of the body
        ("R", {}),
        ("", {}),
    ],
)
def test_a_side_is_that_of_the_name(clean, name, rules):
    def rename(dataset):
        dataset.SegmentSequence[0].SegmentLabel = name

    _change(clean / "segmentation.dcm", rename)
    assert _found(clean) == rules


@pytest.mark.parametrize(
    ("label", "code", "rules"),
    [
        ("Lung", "24028007", {"label-on-other-side": ["Lung lies on the left (100%)"]}),
        ("Segment 1", "G-A100", {"label-on-other-side": ["Segment 1 lies on the left (100%)"]}),
        ("Segment 1", "7771000", {}),
        ("Segment 1", "51440002", {}),  # both
        ("Lung_L", "24028007", {}),  # a name that says its side is believed
    ],
)
def test_a_side_is_that_of_a_code_where_the_name_has_none(clean, label, code, rules):
    def change(dataset):
        (segment, _) = dataset.SegmentSequence
        segment.SegmentLabel = label
        (kind,) = segment.SegmentedPropertyTypeCodeSequence
        kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue = code

    _change(clean / "segmentation.dcm", change)
    assert _found(clean) == rules


def test_two_of_one_file_tell_their_sides_whatever_the_images_are(clean):
    def rename(dataset):
        for region, name in zip(dataset.StructureSetROISequence, ("Femur_L", "Femur_R")):
            region.ROIName = name

    _change(clean / "structures.dcm", rename)
    said = ["Femur_L lies to the right of Femur_R"]
    assert _found(clean) == {"label-on-other-side": said}


def test_the_body_beyond_the_images_has_no_middle(clean):
    """A picture of one lung alone: its middle is no middle of the body."""

    def crop(dataset):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x + 12 * 18, y, z]
        values = np.frombuffer(dataset.PixelData, "<u2").reshape(32, 32)
        dataset.PixelData, dataset.Columns = values[:, 18:28].tobytes(), 10

    def rename(dataset):
        dataset.SegmentSequence[0].SegmentLabel = "Right lung"

    (clean / "structures.dcm").unlink()
    for number in range(1, 9):
        _change(clean / f"{number}.dcm", crop)
    _change(clean / "segmentation.dcm", rename)
    assert _found(clean) == {}


def test_what_lies_around_a_body_may_lie_in_air(labelled, tmp_path):
    (scan,) = [scan for scan in LABELLED if "label-outside-body" in scan.faults]
    for name, rules in (("Couch", set()), ("Tumour", {"label-outside-body"})):
        folder = tmp_path / name
        write_phantom(folder, scans=[scan])

        def rename(dataset, name=name):
            dataset.SegmentSequence[1].SegmentLabel = name

        _change(folder / scan.patient / "segmentation.dcm", rename)
        assert set(_found(folder)) == rules


def test_a_hidden_name_is_not_said_and_its_side_is_known_by_its_code(labelled, monkeypatch):
    (scan,) = [scan for scan in LABELLED if "label-on-other-side" in scan.faults]
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a secret")
    (said,) = _found(labelled / scan.patient)["label-on-other-side"]
    assert re.fullmatch(r"hidden-\w+ lies on the right \(100%\)", said)


def test_images_that_are_not_here_make_one_finding(labelled, tmp_path):
    """The segmentation reaches beyond the others: that a part of its images is missing is why."""
    write_phantom(tmp_path, scans=[CLEAN])
    for number in (1, 2):
        (tmp_path / CLEAN.patient / f"{number}.dcm").unlink()
    found = audit(header_table(tmp_path, progress=False), pixels=True)
    assert set(found["rule"]) == {"missing-references"}


def test_contours_beyond_the_images_are_counted_but_for_couches(clean):
    def move(dataset):
        for contour in dataset.ROIContourSequence[1].ContourSequence[:4]:
            points = np.add(np.reshape(contour.ContourData, (-1, 3)).astype(float), (0, 0, 300))
            contour.ContourData = points.ravel().tolist()

    _change(clean / "structures.dcm", move)
    said = ["4 of 16 contours of Chest wall lie beyond its images"]
    assert _found(clean) == {"label-outside-volume": said}

    def rename(dataset):
        dataset.StructureSetROISequence[1].ROIName = "CouchSurface"

    _change(clean / "structures.dcm", rename)
    assert _found(clean) == {}


def test_regions_without_contours_are_empty(clean):
    def empty(dataset):
        dataset.ROIContourSequence[0].ContourSequence = []

    _change(clean / "structures.dcm", empty)
    assert _found(clean) == {"empty-label": ["Liver"]}


@pytest.mark.parametrize(
    ("sexes", "dates", "value"),
    [
        (["M"] * 8, [None] * 8, None),
        (["M"] * 6 + ["O", None], ["19500101"] * 7 + [None], None),
        (["M"] * 7 + ["F"], [None] * 8, "2 sexes (PatientSex)"),
        ([None] * 8, ["19500101"] * 7 + ["19600101"], "2 birth dates (PatientBirthDate)"),
        (
            ["M", "F"] * 4,
            ["1", "2", "3", "4"] * 2,
            "2 sexes (PatientSex) and 4 birth dates (PatientBirthDate)",
        ),
    ],
)
def test_persons_are_told_apart_by_sex_and_birth_date(labelled, sexes, dates, value):
    headers = header_table(labelled / "P87-two-persons", progress=False)
    headers = headers.assign(PatientSex=sexes, PatientBirthDate=dates)
    found = audit(headers)
    said = found["value"][found["rule"] == "several-persons"].tolist()
    assert said == ([f"{value} of P87-two-persons"] if value else [])
    unnamed = audit(headers.assign(PatientID=None))
    assert "several-persons" not in set(unnamed["rule"])


def test_a_collection_without_labels_loads_no_volume(tmp_path):
    write_phantom(tmp_path, scans=[Scan("A", 3, 10.0, 10.0, matrix=32)])
    headers = header_table(tmp_path, progress=False)
    assert label_facts(Collection(headers, slice_table(headers))) == []


def test_nothing_is_found_in_a_plan_with_masks_and_dose(tmp_path):
    write_kind("CT with objects", tmp_path)
    assert _found(tmp_path) == {}


@pytest.mark.parametrize("folder", ["kinds/seg-ct-3slice", "kinds/seg-small"])
def test_nothing_is_found_in_real_segmentations(real, folder):
    assert _found(real / folder) == {}


def test_a_real_structure_set_of_another_frame_is_all_that_is_found(real):
    found = _found(real / "odd/rt-utils")
    assert set(found) == {"label-of-another-frame"} and len(found["label-of-another-frame"]) == 1


@pytest.mark.parametrize("name", ["segmentation.dcm", "structures.dcm"])
def test_a_broken_file_of_labels_stops_nothing(clean, name):
    path = clean / name
    whole = path.read_bytes()
    for length in (len(whole) // 3, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:length])
        assert set(_found(clean)) <= {"empty-label"}


# the body


@pytest.fixture(scope="module")
def body_volume():
    """A cylinder 200 mm wide at x = 30 mm, in air, and a mask of its left half."""
    _, y, x = np.indices((12, 40, 60))
    hu = np.where(((x - 30) / 10) ** 2 + ((y - 20) / 8) ** 2 < 1, 40, -1000).astype(np.int16)
    affine = np.array([[0, 0, 10.0, -270], [0, 10, 0, -200], [10, 0, 0, 0], [0, 0, 0, 1]])
    return Volume(hu, affine, unit="HU"), (hu > 0) & (x > 32)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_the_body_is_where_it_is_however_the_array_lies(body_volume, axes, flips):
    volume, mask = body_volume
    turned, affine = volume.array.transpose(axes), volume.affine[:, [*axes, 3]].copy()
    mask = mask.transpose(axes)
    for axis in flips:
        affine[:, 3] += affine[:, axis] * (turned.shape[axis] - 1)
        affine[:, axis] *= -1
        turned, mask = np.flip(turned, axis), np.flip(mask, axis)
    body = Body(Volume(turned, affine, unit="HU"))
    voxels = np.array(np.nonzero(mask))
    assert body.middle_x(voxels) == pytest.approx(30, abs=1)
    assert (body.x_of(voxels) > 30).all()
    assert body.air_share(mask.astype(np.uint8), 1, voxels) == 0
    shifted = np.roll(mask, 20, axes.index(1))  # to behind the body
    share = body.air_share(shifted.astype(np.uint8), 1, np.array(np.nonzero(shifted)))
    assert share > 0.9


@pytest.mark.parametrize("changes", [{"unit": ""}, {"anatomical_orientation": "QUADRUPED"}])
def test_of_other_values_or_animals_nothing_is_known(body_volume, changes):
    volume, mask = body_volume
    body = Body(Volume(volume.array, volume.affine, **{"unit": "HU"} | changes))
    voxels = np.array(np.nonzero(mask))
    assert np.isnan(body.middle_x(voxels)) and np.isnan(body.air_share(mask * 1, 1, voxels))


def test_words_of_names():
    assert words_of("Lung_L") == ["lung", "l"] and words_of("KIDNEY LEFT") == ["kidney", "left"]
    assert words_of("leftKidney2") == ["left", "kidney"] and words_of("") == []
