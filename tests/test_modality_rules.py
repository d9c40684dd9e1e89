"""Rules that know their modality: each finds its fault, and nothing in images of other kinds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from helpers import audit, badge, header_table, show_evidence, slice_table, write_phantom
from helpers.headers.references import references_of, sequences_of
from helpers.phantom.modality_faults import MODALITY_FAULTS
from helpers.phantom.scans import ALL_SCANS, CORONAL, Scan
from helpers.privacy.pseudonyms import deidentified_table
from helpers.quality.encoding_rules import ALWAYS_LOSSY
from helpers.quality.findings import MAX_ALIKE

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
CHEST = {"image_orientation": CORONAL, "matrix": 32}
RULES = {*MODALITY_FAULTS, "mixed-monochrome"}


def _audited(folder):
    headers = deidentified_table(header_table(folder, progress=False))
    return audit(headers), headers


def _found(folder):
    """rule → values, of the rules that know their modality."""
    found, _ = _audited(folder)
    found = found[found["rule"].isin(RULES)]
    return found.groupby("rule")["value"].apply(list).to_dict()


def _scans(count, variant, fault):
    """Scans of so many patients, with something wrong."""
    return [
        Scan(f"R{n}", 2, 12.0, 12.0, variants=(variant,), faults=(fault,), **CHEST)
        for n in range(count)
    ]


VALUES = {
    "mammogram-without-view": ["no side", "no view"],
    "radiograph-without-view": ["no view"],
    "no-patient-orientation": ["no Patient Orientation"],
    "spacing-at-detector": ["Imager Pixel Spacing alone"],
    "ultrasound-without-regions": ["no Sequence of Ultrasound Regions"],
    "pet-without-suv": ["no Patient's Weight (0010,1030)"],
    "cine-without-frame-time": ["no element says how fast: shown at 10 frames per second, a guess"],
    "lossy-compression": ["ISO_10918_1; 10 of 10 images, ratio 12"],
    "mosaic": ["one image of 9 slices side by side"],
}


@pytest.fixture(scope="module")
def of_rule(phantom):
    """rule → what the audit finds in the folder of the patient who has it."""
    patients = {rule: scan.patient for scan in ALL_SCANS for rule in scan.faults if rule in RULES}
    return {rule: _found(phantom / patient) for rule, patient in patients.items()}


@pytest.mark.parametrize("rule", VALUES)
def test_what_is_lacking_is_said(of_rule, rule):
    assert of_rule[rule] == {rule: VALUES[rule]}


def test_a_reference_names_the_series_that_is_not_here(of_rule):
    (value,) = of_rule["missing-references"]["missing-references"]
    start = "a part of what it refers to is not here; 1 of 3 objects, in series 1.2.826.0.1.3680043"
    assert value.startswith(start)


def test_what_many_files_lack_is_said_once(tmp_path):
    """So that a habit of a whole collection does not bury what is wrong with single files."""
    few, many = tmp_path / "few", tmp_path / "many"
    write_phantom(few, scans=_scans(3, "radiograph", "radiograph-without-view"))
    write_phantom(many, scans=_scans(MAX_ALIKE + 1, "radiograph", "radiograph-without-view"))
    assert _found(few) == {"radiograph-without-view": ["no view"] * 3}
    found, headers = _audited(many)
    own = found[found["rule"] == "radiograph-without-view"]
    assert own["value"].tolist() == [f"no view, in {MAX_ALIKE + 1} files"]
    assert own["path"].tolist() == [headers.index[0]]


def test_stacks_that_say_the_same_are_said_once_whatever_their_ratio(tmp_path):
    write_phantom(tmp_path, scans=_scans(MAX_ALIKE + 1, "radiograph", "lossy-compression"))
    for number, path in enumerate(sorted(tmp_path.rglob("*.dcm"))):
        dataset = pydicom.dcmread(path)
        dataset.LossyImageCompressionRatio = 5 + number
        dataset.save_as(path)
    assert _found(tmp_path) == {"lossy-compression": [f"ISO_10918_1, in {MAX_ALIKE + 1} stacks"]}


@pytest.fixture
def radiograph(tmp_path):
    """The path of a conforming radiograph, and what changes it and gives what is found in it."""
    write_phantom(tmp_path, scans=[Scan("R", 2, 12.0, 12.0, variants=("radiograph",), **CHEST)])
    path = tmp_path / "R" / "1.dcm"

    def changed(**elements):
        dataset = pydicom.dcmread(path)
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path)
        return _found(tmp_path)

    return changed


CR = "1.2.840.10008.5.1.4.1.1.1"


@pytest.mark.parametrize(
    ("elements", "rules"),
    [
        ({}, {}),
        ({"ImageLaterality": None}, {"radiograph-without-view": ["no side"]}),
        ({"ImageLaterality": None, "Laterality": "L"}, {}),
        ({"ImageLaterality": None, "SOPClassUID": CR, "Modality": "CR"}, {}),  # of a chest
        (
            {"ImageLaterality": None, "SOPClassUID": CR, "BodyPartExamined": "KNEE"},
            {"radiograph-without-view": ["no side"]},
        ),
        (
            {"ImageLaterality": None, "ViewPosition": ""},
            {"radiograph-without-view": ["no side and no view"]},
        ),
        ({"Modality": "RF", "ViewPosition": None, "ImageLaterality": None}, {}),
        ({"PixelSpacingCalibrationType": None}, {}),  # other values than at the detector
        ({"LossyImageCompression": "01"},
         {"lossy-compression": ["by a method that is not said; 1 of 1 images"]}),
    ],
)  # fmt: skip
def test_side_view_and_spacing_of_a_radiograph(radiograph, elements, rules):
    assert radiograph(**elements) == rules


def test_a_spacing_equal_to_the_detectors_is_not_one_in_the_patient(radiograph):
    """PS3.3 10.7.1.1: equal values say that nothing was calibrated, unless a type says it was."""
    known = radiograph(PixelSpacing=[12.0, 12.0], ImagerPixelSpacing=[12.0, 12.0])
    assert known == {}
    lost = radiograph(PixelSpacingCalibrationType=None)
    assert lost == {"spacing-at-detector": ["Pixel Spacing as at the detector"]}


def test_a_lossy_transfer_syntax_that_is_not_declared(tmp_path, phantom):
    dataset = pydicom.dcmread(phantom / "P30-retired-syntax" / "1.dcm")
    assert dataset.file_meta.TransferSyntaxUID in ALWAYS_LOSSY
    del dataset.LossyImageCompression, dataset.LossyImageCompressionMethod
    dataset.save_as(tmp_path / "1.dcm")
    (value,) = _found(tmp_path)["lossy-compression"]
    assert value.startswith("undeclared, JPEG Full Progression") and value.endswith(
        "; 1 of 1 images"
    )


@pytest.mark.parametrize(
    ("modalities", "found"),
    [
        (["DX", "DX", "DX"], "DX: 1 MONOCHROME1 beside 2 MONOCHROME2"),
        (["CR", "DX", "DX"], None),  # each modality by itself
    ],
)
def test_both_monochromes_in_one_modality(tmp_path, modalities, found):
    scans = [
        Scan(f"R{n}", 2, 12.0, 12.0, variants=("radiograph",), **CHEST)
        for n in range(len(modalities))
    ]
    write_phantom(tmp_path, scans=scans)
    for number, modality in enumerate(modalities):
        dataset = pydicom.dcmread(tmp_path / f"R{number}" / "1.dcm")
        dataset.Modality = modality
        if number == 0:
            dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.save_as(tmp_path / f"R{number}" / "1.dcm")
    expected = {"mixed-monochrome": [found]} if found else {}
    assert _found(tmp_path) == expected


REAL = {  # file → what is found in it alone, by what its header says
    "kinds/mammogram/MG1_J2KI": {"lossy-compression"},
    "kinds/radiographs/RG1_J2KI": {"lossy-compression"},  # a chest: PA, letters, no spacing at all
    "kinds/radiographs/RG2_JPLY": {
        *("lossy-compression", "radiograph-without-view", "no-patient-orientation"),
    },
    "kinds/radiographs/RG3_JPLL": set(),  # R, AP, letters
    "kinds/nuclear-medicine/NM1_JPLL": set(),
    "odd/highdicom/dx_image.dcm": {"radiograph-without-view", "spacing-at-detector"},
    "odd/highdicom/sm_image.dcm": set(),
    "odd/highdicom/sr_document.dcm": set(),  # it refers to nothing
    "odd/dicom-test-files/US1_UNC": {"ultrasound-without-regions"},
    "odd/dicom-test-files/XA1_UNC": set(),
    "odd/dicom-test-files/CT1_UNC": set(),
    "odd/pydicom/rtdose.dcm": {"missing-references"},  # its plan
    "odd/pydicom/waveform_ecg.dcm": set(),
    "odd/pydicom-data/OT-PAL-8-face.dcm": set(),
    "kinds/mr-enhanced-fmri": set(),
    "kinds/mr-fmri-ge": set(),
    "kinds/mr-mosaic-siemens/mr_0003": {"mosaic"},
    "kinds/seg-ct-3slice": set(),  # all three slices are here
    "kinds/seg-small": set(),
    "series/chest-ct-8mm-siemens": set(),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_of_every_kind(real, name):
    assert set(_found(real / name)) == REAL[name]


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("examples_ybr_color.dcm", {"lossy-compression"}),  # regions and a frame time are there
        ("examples_palette.dcm", set()),
        ("examples_rgb_color.dcm", {"ultrasound-without-regions"}),
        ("dicomdirtests/77654033/CR1", {"spacing-at-detector"}),
        ("dicomdirtests/TINY_ALPHA", set()),
    ],
)
def test_files_that_pydicom_ships(name, rules):
    if not (SHIPPED / name).exists():
        pytest.skip(f"{name} is not among the files that pydicom ships")
    assert set(_found(SHIPPED / name)) == rules


# references


def test_references_of_structures_are_counted(real):
    """Two images are here; one file refers to them, one to three others too, one to nothing."""
    folder = real / "odd/rt-utils/mock_data"
    counts = {}
    for path in sorted(folder.glob("*rt.dcm")):
        sop_class = str(pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID)
        counts[path.name] = len(references_of(str(path), sequences_of(sop_class)))
    assert counts == {
        "invalid_reference_rt.dcm": 5,
        "non_existent_reference_rt.dcm": 0,
        "rt.dcm": 2,
    }
    (value,) = _found(folder)["missing-references"]
    assert value.startswith(
        "a part of what it refers to is not here; 3 of 5 objects, in series 2.16"
    )


def test_references_are_those_of_pydicom(real):
    path = real / "kinds/seg-ct-3slice/liver.dcm"
    (series,) = pydicom.dcmread(path).ReferencedSeriesSequence
    found = references_of(str(path), sequences_of("1.2.840.10008.5.1.4.1.1.66.4"))
    instances = [one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence]
    assert [one.instance for one in found] == instances
    assert {one.series for one in found} == {series.SeriesInstanceUID}


def test_a_segmentation_without_its_images_says_so(real, tmp_path):
    (tmp_path / "liver.dcm").symlink_to(real / "kinds/seg-ct-3slice/liver.dcm")
    (value,) = _found(tmp_path)["missing-references"]
    assert value.startswith("nothing that it refers to is here; 3 objects, in series 1.")


def test_references_match_where_identity_is_hidden(phantom, monkeypatch):
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a secret")
    assert _found(phantom / "P69-key-images") == {}
    (value,) = _found(phantom / "P79-reference-lost")["missing-references"]
    assert "1 of 3 objects, in series 2.25." in value


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.2", None, "1.2.3", 5.0])
def test_images_are_not_asked_for_references(sop_class):
    assert sequences_of(sop_class) == ()


def test_a_file_that_cannot_be_read_has_no_references(tmp_path):
    (tmp_path / "1.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 100)
    for path in (tmp_path / "1.dcm", tmp_path / "none.dcm"):
        assert references_of(str(path), ("ReferencedSeriesSequence",)) == []


# what is no image


def test_documents_alone_are_no_errors(real, tmp_path):
    """Reports, a waveform, a directory and a text: counted, and nothing is wrong with them."""
    (tmp_path / "sr_document.dcm").symlink_to(real / "odd/highdicom/sr_document.dcm")
    for name in ("waveform_ecg.dcm", "reportsi.dcm", "test-SR.dcm"):
        (tmp_path / name).symlink_to(real / "odd/pydicom" / name)
    (tmp_path / "DICOMDIR").symlink_to(real / "odd/dcm_qa_ct/DICOMDIR")
    (tmp_path / "notes.txt").write_text("Patient moved.\n")
    headers = header_table(tmp_path, progress=False)
    found = audit(headers, pixels=True)
    assert set(found["rule"]) <= {"not-dicom"} and set(found["severity"]) <= {"note"}
    assert len(audit(headers.drop(str(tmp_path / "notes.txt")), pixels=True)) == 0


def test_evidence_of_every_kind_is_a_picture_or_says_why_not(phantom):
    patients = [scan.patient for scan in ALL_SCANS if set(scan.faults) & set(MODALITY_FAULTS)]
    headers = pd.concat([header_table(phantom / one, progress=False) for one in patients])
    slices = slice_table(headers)
    found = audit(headers, slices)
    axes = {ax.get_title().split("\n")[0]: ax for ax in show_evidence(found, slices, most=30)}
    assert set(MODALITY_FAULTS) <= set(axes)
    drawn = {rule for rule, ax in axes.items() if ax.images}
    assert drawn == set(axes) - {"missing-references", "interspaced"}
    (words,) = axes["missing-references"].texts
    assert words.get_text().startswith("no image can be drawn\nexpected a DICOM image in key")
    frame = axes["cine-without-frame-time"].images[0].get_array()
    assert np.ptp(frame) > 0


def test_notes_are_no_warning_on_a_picture_and_warnings_are(phantom):
    for patient, words in [("P71-view-unsaid", ""), ("P74-no-regions", "! ultrasound-without")]:
        headers = header_table(phantom / patient, progress=False)
        slices = slice_table(headers)
        (stack,) = {row[:2] for row in slices.index}
        assert badge(audit(headers, slices), stack, slices.loc[stack]).startswith(words)
