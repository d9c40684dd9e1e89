"""The audit, scored on faults that were planted, and held against what is known of real series."""

import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from helpers import (
    RULES,
    audit,
    decoder_table,
    header_table,
    phantom_truth,
    pixel_table,
    score,
    slice_table,
    stack_table,
    write_phantom,
)
from helpers.errors import ClearError
from helpers.phantom.scans import ALL_SCANS
from helpers.quality.audit import badge, check_columns, stack_badges
from helpers.quality.evidence import show_finding
from helpers.quality.findings import SEVERITIES
from helpers.slices.images import MissingColumnError, is_image

FIXED_COLUMNS = ["error", "pixel_offset", "TransferSyntaxUID"]
BY_DESIGN = {"interspaced", "gantry-tilt", "mixed-monochrome"}
PIXEL_RULES = {
    *("undecodable", "black-slice", "empty-slice", "identical-images", "undeclared-padding"),
    *("zero-border", "wrong-rescale", "signed-as-unsigned"),
    *("label-outside-volume", "empty-label", "label-on-other-side", "label-outside-body"),
    "label-shifted",
}


@pytest.fixture(scope="module")
def truth(phantom):
    """What was planted."""
    return phantom_truth(phantom)


@pytest.fixture(scope="module")
def findings(phantom_headers, phantom_slices):
    return audit(phantom_headers, phantom_slices, pixels=True)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """The findings of the same patients without their faults, by patient."""
    folder = tmp_path_factory.mktemp("clean")
    small = {"slices": 8, "matrix": 32, "faults": ()}
    write_phantom(folder, scans=[scan._replace(**small) for scan in ALL_SCANS])
    headers = header_table(folder, progress=False)
    found = audit(headers, pixels=True)
    owner = headers.groupby("SeriesInstanceUID")["PatientID"].first()
    patients = [
        headers.loc[path, "PatientID"] if path else owner[stack[0]]
        for path, stack in zip(found["path"], found["stack"])
    ]
    return found.assign(patient=patients)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_finds_all_that_was_planted_and_nothing_else(findings, truth, rule):
    result = score(findings, truth).loc[rule]
    assert result["planted"] == result["found"] > 0
    assert result["recall"] == 1 and result["missed"] == result["false_alarms"] == 0


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in BY_DESIGN])
def test_every_rule_is_silent_on_the_clean_twin(clean, rule):
    (twin,) = [scan.patient for scan in ALL_SCANS if rule in scan.faults]
    assert set(clean["rule"][clean["patient"] == twin]) <= BY_DESIGN
    assert rule not in set(clean["rule"])


def test_rules_by_design_are_silent_where_slices_touch_and_stand_upright(findings, phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"]
    assert rows["SeriesInstanceUID"].iloc[0] not in {
        stack[0] for stack in findings["stack"].dropna()
    }
    assert not set(rows.index) & set(findings["path"])


def test_headers_alone_by_default(phantom_headers, phantom_slices, findings):
    without = findings[~findings["rule"].isin(PIXEL_RULES)].reset_index(drop=True)
    pd.testing.assert_frame_equal(audit(phantom_headers, phantom_slices), without)
    pd.testing.assert_frame_equal(audit(phantom_headers), without)


def test_findings_are_whole(findings, phantom_headers):
    columns = "rule, severity, path, frame, stack, value, effect, clause, remedy"
    assert ", ".join(findings) == columns
    words = findings[["rule", "severity", "value", "effect", "clause", "remedy"]]
    assert words.map(lambda text: bool(text) and "\n" not in text).all(axis=None)
    assert findings["severity"].map(SEVERITIES.index).is_monotonic_increasing, "the worst first"
    assert (findings["path"].notna() | findings["stack"].notna()).all()
    assert set(findings["path"].dropna()) <= set(phantom_headers.index)
    assert all(rule.clause.startswith("PS3.") for rule in RULES.values())
    assert all(rule.finds.endswith(".") and "\n" not in rule.finds for rule in RULES.values())


def test_gaps_and_repetitions_name_files_and_millimetres(findings):
    found = findings.set_index("rule")
    assert found.loc["missing-slice", "value"] == "20 mm to 13.dcm, usual 10 mm"
    assert found.loc["missing-slice", "path"].endswith("P11-slice-missing/15.dcm")
    assert found.loc["repeated-slice", "value"] == "at -4.5 mm, as 17.dcm"
    assert found.loc["repeated-slice", "path"].endswith("P14-slice-twice/33.dcm")
    second = "stacks of 94 and 94 images, told apart by AcquisitionNumber"
    assert found.loc["second-scan", "value"] == second
    assert found.loc["gantry-tilt", "value"] == "12.0°"
    assert found.loc["wrong-rescale", "value"] == "air at 0 HU"


REAL = {  # rule → findings in each series, from what the folder's description and the files say
    "chest-ct-8mm-siemens": {},
    "head-ct-64x64": {},  # its air is at 0, and its Rescale Type says that the unit is not known
    "ct-duplicate-positions": {  # 11 slices 2.5 mm thick at 10 positions, 7.5 to 115 mm apart
        "repeated-slice": 1,
        "uneven-spacing": 8,  # of 9 gaps: none is that of half of them, their median is 32.5 mm
        "interspaced": 1,
        "wrong-declared-spacing": 1,  # 0.625 mm
        "undeclared-padding": 1,  # -2048 outside the circle
    },
    # the pixels of these were replaced by noise, which is no body
    "ct-failing-gantrytilt": {"gantry-tilt": 1, "empty-slice": 4},
    "ct-failing-missing-slice": {"uneven-spacing": 1, "empty-slice": 4},  # no number is missing
    "ct-failing-same-position": {"empty-slice": 4},  # a contrast bolus, watched at one position
    "mr-failing-two-orientations": {"shared-series-uid": 1},  # of two Series Numbers
    "mr-3plane-localizer-ffs": {},
    "mr-nonsquare-pixels-28x64": {"rescale-varies": 1},
    "mr-rows-anterior-cols-left": {"black-slice": 7, "identical-images": 78},
    "one-slice-7-transfer-syntaxes": {"mosaic": 1},
    "mr-sagittal-hfdl": {},
    "mr-enhanced-multiframe": {},
    "mr-enhanced-philips": {},
}
NO_DECODER = {"one-slice-7-transfer-syntaxes": 4}  # files, where imagecodecs is not installed


@pytest.mark.parametrize("series", REAL)
def test_what_is_known_of_real_series_is_found_and_nothing_else(real, series):
    found = audit(header_table(real / "series" / series, progress=False), pixels=True)
    undecodable = 0 if find_spec("imagecodecs") else NO_DECODER.get(series, 0)
    expected = REAL[series] | ({"no-decoder": undecodable} if undecodable else {})
    assert found.groupby("rule").size().to_dict() == expected


def test_black_and_identical_slices_are_those_that_pydicom_reads(real):
    folder = real / "series/mr-rows-anterior-cols-left"
    datasets = [pydicom.dcmread(path) for path in folder.iterdir()]
    black = [dataset for dataset in datasets if np.ptp(dataset.pixel_array) == 0]
    copies = Counter(dataset.PixelData for dataset in datasets)
    identical = sum(count for count in copies.values() if count > 1) - len(black)
    assert {"black-slice": len(black), "identical-images": identical} == REAL[folder.name]


@pytest.fixture(scope="module")
def real_findings(real_headers):
    return audit(real_headers)


def test_every_real_file_is_audited_without_a_complaint(real_headers, real_findings):
    counts = real_findings.groupby("rule").size()
    truncated = real_headers["error"].str.startswith("truncated", na=False)
    uids = real_headers["SOPInstanceUID"][real_headers["error"].isna()].dropna()  # plans, too
    assert counts["truncated-file"] == truncated.sum() > 0
    assert counts["same-instance-twice"] == uids.duplicated().sum() > 0


def test_no_other_rule_finds_anything_in_real_files(real, real_findings):
    assert (real / "series").is_dir()  # the whole folder, which is described
    assert set(real_findings["rule"]) == {
        *("truncated-file", "no-decoder", "impossible-frame-count", "missing-slice", "no-spacing"),
        *("same-instance-twice", "missing-identifiers", "uneven-spacing", "repeated-slice"),
        *("gantry-tilt", "wrong-declared-spacing", "not-dicom", "several-phases", "interspaced"),
        *("rescale-varies", "shared-series-uid", "mosaic", "mixed-monochrome", "lossy-compression"),
        *("radiograph-without-view", "no-patient-orientation", "spacing-at-detector"),
        *("ultrasound-without-regions", "missing-references"),
        *("label-of-another-frame", "several-persons"),
    }


def _healthy(n=20, **columns):
    """A header table of clean axial CT slices 2 mm apart."""
    index = pd.Index([f"/data/p/{i + 1}.dcm" for i in range(n)], dtype=object, name="path")
    fixed = {
        "SOPClassUID": CT, "SeriesInstanceUID": "1.2", "PatientID": "p", "Modality": "CT",
        "StudyInstanceUID": "1.1", "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0,
        "Rows": 8, "Columns": 8, "SliceThickness": 2.0, "TransferSyntaxUID": "1.2.840.10008.1.2.1",
        "error": None, "pixel_offset": 100, "file_size": 1000, "private_elements": 0,
    }  # fmt: skip
    own = {
        "ImagePositionPatient": [(0.0, 0.0, 2.0 * z) for z in range(n)],
        "ImageOrientationPatient": [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)] * n,
        "PixelSpacing": [(1.0, 1.0)] * n,
        "InstanceNumber": range(1, n + 1),
        "SOPInstanceUID": [f"1.2.{i}" for i in range(n)],
    }
    return pd.DataFrame(index=index).assign(**{**fixed, **own, **columns})


def _rules(headers):
    return audit(headers).groupby("rule").size().to_dict()


CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
POSITION, ACQUISITION = "ImagePositionPatient", "AcquisitionNumber"


def _at(heights):
    return {POSITION: [(0.0, 0.0, float(z)) for z in heights]}


@pytest.mark.parametrize(
    ("columns", "rules"),
    [
        ({}, {}),
        (
            _at([4.0 * n for n in range(10)] + [36 + 8.0 * n for n in range(1, 11)]),
            {"uneven-spacing": 1},
        ),
        (_at(3.0 * n + 90 * (n > 9) for n in range(20)), {"uneven-spacing": 1}),
        (_at(round(0.625 * n, 1) for n in range(20)), {}),
        (
            {**_at(2.0 * (n % 10) for n in range(20)), "DiffusionBValue": [0] * 10 + [1000] * 10},
            {"several-phases": 1},
        ),
        (
            {**_at(2.0 * (n % 5) for n in range(20)), ACQUISITION: [n // 5 for n in range(20)]},
            {"several-phases": 1},
        ),
        (
            {**_at(2.0 * (n % 10) for n in range(20)), ACQUISITION: [1] * 10 + [2] * 10},
            {"second-scan": 1},
        ),
        ({**_at([0] * 20), "TriggerTime": range(20)}, {}),
        ({POSITION: [(30.0 * (n == 9), 0.0, 2.0 * n) for n in range(20)]}, {"displaced-slice": 1}),
        ({"PixelSpacing": [(0.0, 0.0)] * 20}, {"no-spacing": 20}),
        (
            {
                "Modality": "OT",
                "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
                "PixelSpacing": None,
                POSITION: None,
            },
            {},
        ),
        ({"InstanceNumber": range(0, 20)}, {}),
        ({"InstanceNumber": [*range(0, 5), 6, 5, *range(7, 20)]}, {"swapped-numbers": 2}),
        (
            {POSITION: [(0.0, 0.0, 2.0 * n) if n != 9 else None for n in range(20)]},
            {"no-position": 1},
        ),
        (
            {
                "RescaleSlope": [1.0] * 10 + [None] * 10,
                "RescaleIntercept": [-1024.0] * 10 + [None] * 10,
            },
            {"rescale-varies": 1},
        ),
        ({"ImageType": [("ORIGINAL", "PRIMARY", "LOCALIZER")] * 20}, {}),
    ],
)
def test_healthy_and_odd_series_by_hand(columns, rules):
    found = _rules(_healthy(**columns))
    found.pop("interspaced", None)
    assert found == {rule: count for rule, count in rules.items() if count}


def _turned(angle, n, axis="rows"):
    """Cosines (n times) of an axial plane that is tilted about its rows, or turned in its plane."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    tilted = (1.0, 0.0, 0.0, 0.0, cosine, sine)
    return [tilted if axis == "rows" else (cosine, sine, 0.0, -sine, cosine, 0.0)] * n


ORIENTATION, AXIAL = "ImageOrientationPatient", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL, SAGITTAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0), (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
BLOCKS = {  # five blocks of four slices that follow a lumbar spine
    ORIENTATION: [one for angle in (-20, -8, 2, 12, 25) for one in _turned(angle, 4)],
    POSITION: [(0.0, 0.0, 35.0 * block + 4 * z) for block in range(5) for z in range(4)],
}
RADIAL = {  # twenty planes around one axis, as of a heart or a knee, centred on the origin
    ORIENTATION: [(np.cos(a), np.sin(a), 0.0, 0.0, 0.0, -1.0) for a in np.pi * np.arange(20) / 20],
    POSITION: [(-3.5 * np.cos(a), -3.5 * np.sin(a), 3.5) for a in np.pi * np.arange(20) / 20],
}
PLANES = {
    ORIENTATION: [AXIAL] * 7 + [CORONAL] * 7 + [SAGITTAL] * 6,
    POSITION: [
        *((0.0, 0.0, 15.0 * n) for n in range(7)),
        *((0.0, 15.0 * n, 0.0) for n in range(7)),
        *((15.0 * n, 0.0, 0.0) for n in range(6)),
    ],
}
TWO_PLANES = {
    ORIENTATION: [AXIAL] * 10 + [CORONAL] * 10,
    POSITION: [(0.0, 0.0, 5.0 * n) for n in range(10)] + [(0.0, 5.0 * n, 0.0) for n in range(10)],
}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (TWO_PLANES, True),
        (PLANES, False),
        (BLOCKS, False),
        (RADIAL, False),
        ({ORIENTATION: _turned(0, 10) + _turned(15, 10, "plane")}, True),
        *(
            (TWO_PLANES | {word: text}, False)
            for word, text in [
                ("SeriesDescription", "AX/COR Pilot"),
                ("ProtocolName", "SmartBrain SURVEY"),
                ("SeriesDescription", "3-plane scout"),
                ("ProtocolName", "Localizer"),
                ("ImageType", [("ORIGINAL", "PRIMARY", "LOCALIZER")] * 20),
            ]
        ),
        (TWO_PLANES | {"SeriesDescription": "T2 TSE", "ProtocolName": None}, True),
    ],
)
@pytest.mark.parametrize("mr", [False, True])
def test_several_orientations_are_no_fault_of_localizers_spines_and_radial_planes(
    columns, found, mr
):
    kind = {"Modality": "MR", "SOPClassUID": MR} if mr else {}
    assert ("several-orientations" in _rules(_healthy(**columns, **kind))) == found


def _repeated(times, positions, **columns):
    """Some positions, each several times, with columns of (times, positions) values."""
    n = times * positions
    place = {POSITION: [(0.0, 0.0, 2.0 * (row % positions)) for row in range(n)]}
    return _healthy(n, **place, **{word: [*map(one, range(n))] for word, one in columns.items()})


@pytest.mark.parametrize(
    ("table", "rules"),
    [
        (_repeated(2, 10), {"second-scan": 1, "ambiguous-repetitions": 1}),
        (_repeated(3, 10), {"ambiguous-repetitions": 1}),
        (_repeated(2, 10, AcquisitionTime=lambda n: f"12{n // 10:02}00"), {"second-scan": 1}),
        (_repeated(2, 10, SliceThickness=lambda n: 2.0 + n // 10), {"second-scan": 1}),
        (_repeated(2, 10, EchoTime=lambda n: 5.0 + n // 10), {"several-phases": 1}),
        (_repeated(2, 10, ImageType=lambda n: ("ORIGINAL", "PRIMARY", "MP"[n // 10])),
         {"several-phases": 1}),
        (_repeated(2, 10, TriggerTime=lambda n: 400.0 * (n // 10) + n % 10),
         {"several-phases": 1}),
        (_repeated(19, 8, TemporalPositionIdentifier=lambda n: n // 8), {"several-phases": 1}),
        (_repeated(30, 1, TriggerTime=lambda n: 20.0 * n), {}),
    ],
)  # fmt: skip
def test_repetitions_are_judged_by_what_tells_them_apart(table, rules):
    assert _rules(table) == rules


def test_echoes_of_several_lengths_are_counted_from_the_fewest_to_the_most(real):
    headers = header_table(real / "odd/dcmstack/2D_16Echo_qT2", progress=False)
    found = audit(headers, slice_table(headers)).set_index("rule")
    told = "3 stacks of 2 to 3 images, told apart by EchoTime"
    assert found.loc["several-phases", "value"] == told


@pytest.mark.parametrize(
    ("columns", "rules", "value"),
    [
        ({"FrameOfReferenceUID": [f"1.3.{n}" for n in range(20)]},
         {"several-frames-of-reference": 1}, "20 Frame of Reference UIDs, one per file"),
        ({"FrameOfReferenceUID": ["1.3.1", "1.3.2"] * 10},
         {"several-frames-of-reference": 1}, "2 Frame of Reference UIDs"),
        ({"FrameOfReferenceUID": ["1.3.1", None] * 10}, {}, None),
        ({"SliceThickness": [2.0, 2.001] * 10},
         {"thickness-varies": 1}, "2 thicknesses, 2 to 2.001 mm"),
        ({"StudyInstanceUID": None}, {"missing-identifiers": 1},
         "no StudyInstanceUID in 20 of 20 images"),
        ({"SeriesInstanceUID": None}, {"missing-identifiers": 1},
         "no SeriesInstanceUID in 20 of 20 images"),
        ({"SOPInstanceUID": [*(f"1.2.{n}" for n in range(18)), None, None]},
         {"missing-identifiers": 1}, "no SOPInstanceUID in 2 of 20 images"),
        ({"StudyInstanceUID": [f"1.4.{n}" for n in range(20)]},
         {"identifiers-per-file": 1}, "another StudyInstanceUID in each of 20 files"),
        ({"PatientID": [f"p{n}" for n in range(20)],
          "StudyInstanceUID": [f"1.4.{n}" for n in range(20)]},
         {"identifiers-per-file": 1}, "another StudyInstanceUID and PatientID in each of 20 files"),
        ({"StudyInstanceUID": ["1.1.1"] * 10 + ["1.1.2"] * 10},
         {"shared-series-uid": 1}, "2 studies (StudyInstanceUID)"),
        ({"PatientID": ["p"] * 10 + ["q"] * 10, "SeriesNumber": [1] * 5 + [2] * 15},
         {"shared-series-uid": 1}, "2 patients (PatientID), 2 series (SeriesNumber)"),
        ({"HighBit": 15, "BitsStored": 12}, {"high-bit": 20}, "High Bit 15 for 12 bits stored"),
        ({"HighBit": 11, "BitsStored": 12}, {}, None),
        ({"KVP": [120] * 10 + [80] * 10}, {"mixed-meanings": 1}, "2 values of KVP (80, 120)"),
        ({"KVP": [80, 120] * 10}, {"several-phases": 1}, None),  # two energies side by side
    ],
)  # fmt: skip
def test_identifiers_bits_and_meanings(columns, rules, value):
    table = _healthy(**columns)
    if any(len(set(map(str, own))) > 1 for word, own in columns.items() if word == "PatientID"):
        table.index = pd.Index([f"/data/{n}.dcm" for n in range(1, 21)], dtype=object, name="path")
    found = audit(table)
    assert found.groupby("rule").size().drop("interspaced", errors="ignore").to_dict() == rules
    assert value is None or value in set(found["value"])


def test_frames_that_a_file_cannot_hold_are_named_and_explain_the_gap():
    table = _healthy()
    table["NumberOfFrames"] = [2_000_000_000 if n == 9 else None for n in range(20)]
    found = audit(table)
    assert found["rule"].tolist() == ["impossible-frame-count"]
    assert found["path"].tolist() == ["/data/p/10.dcm"] and "2000000000" in found["value"][0]


def _single_slices(heights, **columns):
    """One series for each height, in mm."""
    series = [f"1.2.{n}" for n in range(len(heights))]
    return _healthy(len(heights), **_at(heights), SeriesInstanceUID=series, **columns)


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (_single_slices([3.0 * n for n in range(60)]), True),
        (_single_slices([3.0 * n for n in (4, 1, 3, 0, 5)]), True),
        (_single_slices([3.0 * n for n in range(4)]), False),
        (_single_slices([0.0, 3.0, 7.0, 20.0, 61.0, 62.0, 90.0]), False),
        (_single_slices([5.0] * 10), False),
        (_single_slices([3.0 * n for n in range(6)], StudyInstanceUID=[*"aabbcc"]), False),
        (_single_slices([3.0 * n for n in range(6)], Rows=[8, 16, 32, 64, 128, 256]), False),
        (_single_slices([3.0 * n for n in range(6)], **{ORIENTATION: [AXIAL, CORONAL] * 3}), False),
    ],
)
def test_series_of_one_slice_that_make_a_grid_are_named_and_stack_by_the_call(table, found):
    findings = audit(table)
    assert (findings["rule"] == "grid-of-single-slices").sum() == found
    if found:
        finding = findings.set_index("rule").loc["grid-of-single-slices"]
        assert finding["value"].startswith(f"{len(table)} series of one slice make an even grid, 3")
        assert "slice_table(headers.drop(columns='SeriesInstanceUID'))" in finding["remedy"]
        stacks = stack_table(slice_table(table.drop(columns="SeriesInstanceUID")))
        assert stacks["positions"].tolist() == [len(table)]
        assert stacks["volume"].tolist() == ["whole" if len(table) > 5 else "in part"]


def test_the_call_stacks_single_slices_of_real_headers_too(phantom_headers, findings):
    found = findings.set_index("rule").loc["grid-of-single-slices"]
    rows = phantom_headers[phantom_headers["PatientID"] == "P56-series-per-file"]
    assert found["value"] == f"{len(rows)} series of one slice make an even grid, 10 mm apart"
    (stack,) = stack_table(slice_table(rows.drop(columns="SeriesInstanceUID"))).itertuples()
    assert stack.positions == len(rows) and stack.volume == "whole" and not stack.problems


@pytest.mark.parametrize("kind", ["dose", "segmentation", "slide", "cine", "projection", "picture"])
def test_what_is_no_stack_of_slices_has_no_faults_of_slices(kind):
    """Uneven, repeated, unplaced: rules of slices look at CT, MR and PET alone."""
    suffix = {"dose": "481.2", "segmentation": "66.4", "slide": "77.1.6", "cine": "3.1",
              "projection": "1.1", "picture": "7"}[kind]  # fmt: skip
    words = {"Modality": "OT", "SOPClassUID": f"1.2.840.10008.5.1.4.1.1.{suffix}"}
    heights = [0.0, 2, 4, 4, 10, 12, 13, 14, 16, 30]
    for place in (_at(heights), {POSITION: None}):
        assert _rules(_healthy(10, **words, **place)) == {}


def test_sister_stacks_are_said_once():
    table = _repeated(3, 10, EchoTime=lambda n: float(n // 10), SliceThickness=lambda n: 1.0)
    found = audit(table).set_index("rule")["value"]
    assert found["interspaced"] == "1 mm thick, 2 mm apart, in 3 stacks"


def test_series_without_uid_are_not_compared_with_each_other():
    """Of two folders: other sizes, spacings and planes are those of other series."""
    other = _healthy(
        20, **{ORIENTATION: [CORONAL] * 20, "Rows": 16, "PixelSpacing": [(2.0, 2.0)] * 20}
    )
    other = other.assign(SOPInstanceUID=[f"1.9.{n}" for n in range(20)])
    other[POSITION] = [(0.0, 2.0 * n, 0.0) for n in range(20)]
    other.index = other.index.str.replace("/data/p/", "/data/p/other/")
    both = pd.concat([_healthy(), other]).drop(columns="SeriesInstanceUID")
    assert _rules(both) == {"missing-identifiers": 2}


def _in_folders(owners):
    """Clean slices, each of a patient of its own, in files of these paths: (path, Patient ID)."""
    paths, patients = zip(*owners)
    table = _healthy(
        len(paths),
        PatientID=list(patients),
        StudyInstanceUID=[f"1.1.{patient}" for patient in patients],
        SeriesInstanceUID=[f"1.3.{n}" for n in range(len(paths))],
    )
    table.index = pd.Index(paths, dtype=object, name="path")
    return table


PATIENTS = [(f"/data/{patient}/{n}.dcm", patient) for patient in "abc" for n in range(2)]


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ([("/data/d/1.dcm", "x")], ["folder d, Patient ID x"]),
        ([("/data/d/series 2/1.dcm", "x")], ["folder d, Patient ID x"]),
        ([("/data/d/series 2/1.dcm", "d"), ("/data/a/scan/1/1.dcm", "a")], []),
        ([("/data/1.dcm", "x"), ("/data/2.dcm", "d")], []),  # at the root: nobody's folder
        ([(f"/data/{n}/1.dcm", "x") for n in range(6)], []),  # folders are not named by patients
    ],
)
def test_the_folder_of_a_patient_is_told_from_those_above_and_below(others, found):
    assert _other_patients(_in_folders([*PATIENTS, *others])) == found


def test_a_root_named_by_a_patient_says_nothing_of_the_folders_below_it():
    owners = [(f"/data/demo/{n}.dcm", "demo") for n in range(9)]
    assert _other_patients(_in_folders([*owners, ("/data/demo/rgb/001/1.dcm", "other")])) == []


def _other_patients(table):
    found = audit(table)
    return found["value"][found["rule"] == "other-patient"].tolist()


def test_folders_of_other_names_are_no_fault():
    table = _healthy()
    table.index = pd.Index(
        [f"/data/p/ct/{i}.dcm" if i % 2 else f"/data/p/{i}.dcm" for i in range(1, 21)],
        dtype=object,
        name="path",
    )
    assert _rules(table) == {}


def test_two_truncated_files_explain_two_missing_slices_and_not_three():
    table = _healthy()
    bad = table.index[9:10]
    table.loc[bad, "error"] = "truncated: pixel values end at byte 5 of a file of 4"
    assert _rules(table) == {"truncated-file": 1}
    assert _rules(table.drop(table.index[[8, 10]])) == {"truncated-file": 1, "missing-slice": 1}


NEEDED = ["SeriesInstanceUID", "Rows", "Columns"]


@pytest.mark.parametrize(
    ("keywords", "missing"),
    [
        (NEEDED, "SOPClassUID, SOPInstanceUID, PatientID, Modality, InstanceNumber, ImagePosition"),
        ([*NEEDED, "Modality", "SOPClassUID", "BitsStored"], "SOPInstanceUID, PatientID, "),
        ([*NEEDED, "PatientID", "ImagePositionPatient", "PixelSpacing"], "SOPClassUID, SOPInst"),
    ],
)
def test_a_table_of_some_keywords_is_refused(phantom, keywords, missing):
    """Whether alone, with another of its kind, or with a table of all keywords."""
    few = header_table(phantom / "P03-interspaced", keywords=keywords)
    whole = header_table(phantom / "P28-unknown-charset")
    again = header_table(phantom / "P02-interspaced", keywords=keywords)
    for table in (few, pd.concat([few, again])):
        with pytest.raises(MissingColumnError, match=rf"got {len(table)} of .* without {missing}"):
            audit(table)
    with pytest.raises(MissingColumnError, match=r"got 15 of 29 .*: read them without"):
        audit(pd.concat([whole, few]))


def test_a_table_of_all_that_rules_judge_is_audited(phantom):
    keywords = [*NEEDED, "SOPClassUID", "SOPInstanceUID", "PatientID", "Modality", "SliceThickness"]
    keywords += [
        "StudyInstanceUID",
        "InstanceNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        *("SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation"),
        *("BitsAllocated", "BitsStored"),
    ]
    table = header_table(phantom / "P12-no-position", keywords=keywords)
    assert _rules(table) == {"no-position": 20}


@pytest.mark.parametrize(
    ("patient", "rule", "keyword"),
    [
        ("P12-no-position", "no-position", "ImagePositionPatient"),
        ("P19-no-orientation", "no-orientation", "ImageOrientationPatient"),
        ("P20-no-spacing", "no-spacing", "PixelSpacing"),
    ],
)
def test_an_element_that_no_file_has_is_found(phantom, patient, rule, keyword):
    table = header_table(phantom / patient)
    assert keyword not in table
    assert _rules(table)[rule] == _rules(pd.concat([table, table.iloc[:0]]))[rule] == len(table)


def test_no_real_image_is_taken_for_one_read_with_few_keywords(real_headers):
    """As a table of its own, which has no column for what its file does not have."""
    images = real_headers[is_image(real_headers)]
    for row in range(len(images)):
        alone = images.iloc[[row]]
        check_columns(alone.loc[:, alone.notna().any() | alone.columns.isin(FIXED_COLUMNS)])


def test_air_is_looked_for_where_no_file_has_a_rescale_type(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P37-rescale-wrong"]
    found = audit(rows.drop(columns="RescaleType"), pixels=True)
    assert found.loc[found["rule"] == "wrong-rescale", "value"].tolist() == ["air at 0 HU"]


def test_a_finding_scores_once_whatever_the_form_of_its_stack(findings):
    assert (score(findings, findings)["recall"] == 1).all()


def test_decoders(phantom_headers, real_headers):
    table = decoder_table(phantom_headers)
    retired = table.loc["1.2.840.10008.1.2.4.55"]
    assert not retired["decodable"] and retired["install"].startswith("nothing decodes it")
    assert retired["brings_back"] == ("P30-retired-syntax",)
    decodable = table[table["decodable"]]
    assert len(decodable) == len(table) - 1 and (decodable["install"] == "").all()
    assert table["files"].sum() == is_image(phantom_headers).sum()
    real = decoder_table(real_headers)
    undecodable = real_headers["TransferSyntaxUID"].isin(real.index[~real["decodable"]])
    pixels = pixel_table(real_headers[undecodable], progress=False)
    assert pixels["pixel_error"].notna().all()


def test_statistics_are_those_of_the_values(real):
    headers = header_table(real / "series/chest-ct-8mm-siemens", progress=False)
    table = pixel_table(headers, progress=False)
    for path in headers.index[::7]:
        dataset = pydicom.dcmread(path)
        hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        row = table.loc[path]
        assert row[["min", "max"]].tolist() == [hu.min(), hu.max()]
        assert row["mean"] == pytest.approx(hu.mean()) and row["sd"] == pytest.approx(hu.std())
        assert row["tissue"] == pytest.approx((hu > -500).mean())
        assert row["histogram"].sum() == hu.size


def test_a_finding_in_a_frame_says_which(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    pixels = dataset.pixel_array.copy()
    pixels[7] = 0
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(tmp_path / "1.dcm")
    headers = header_table(tmp_path)
    slices = slice_table(headers)
    found = audit(headers, slices, pixels=True).set_index("rule")
    assert found.loc["black-slice", ["frame", "value"]].tolist() == [7, "-1024 throughout"]
    ax = show_finding(next(found.loc[["black-slice"]].reset_index().itertuples()), slices)
    assert ax.get_title().startswith("black-slice, frame 7")
    assert np.ptp(ax.images[0].get_array()) == 0


def test_one_file_makes_one_finding_of_a_rule(phantom, tmp_path):
    """However many of its frames cannot be decoded, are black, or have the pixels of another."""
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    count = int(dataset.NumberOfFrames)
    pixels = dataset.pixel_array.copy()
    pixels[[3, 8, 9]] = 0
    dataset.PixelData = pixels.tobytes()
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    dataset.save_as(tmp_path / "1.dcm")
    black = audit(header_table(tmp_path), pixels=True).set_index("rule").loc["black-slice"]
    assert black["value"] == "-1024 throughout, and 2 more in this file"
    assert black["frame"] == 9  # the lowest in the patient
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=count))
    dataset.PixelData = pydicom.encaps.encapsulate([b"\xff" + frame[1:] for frame in frames])
    dataset.save_as(tmp_path / "1.dcm")
    damaged = audit(header_table(tmp_path), pixels=True).set_index("rule").loc[["undecodable"]]
    assert len(damaged) == 1
    assert damaged["value"].iloc[0].endswith(f", and {count - 1} more in this file")


def test_a_missing_decoder_is_named_in_the_remedy(phantom_headers, monkeypatch):
    """One that can be installed by its line; else that there is none."""
    found = audit(phantom_headers).set_index("rule").loc["no-decoder"]
    assert set(found["value"]) == {"JPEG Full Progression, Non-Hierarchical (Process 10 and 12)"}
    assert found["remedy"].str.startswith("Nothing decodes it; ask for another").all()
    monkeypatch.setattr("helpers.pixels.codecs.imagecodecs", None)
    table = _healthy(2, TransferSyntaxUID="1.2.840.10008.1.2.4.70")
    remedies = audit(table).set_index("rule").loc["no-decoder", "remedy"]
    assert remedies.str.startswith("python -m pip install imagecodecs; decoder_table").all()


def test_score_counts_what_was_missed_and_what_was_not_there():
    findings = pd.DataFrame({
        "rule": ["a", "a", "b", "b"], "path": ["/x/p/1.dcm", "/x/p/2.dcm", None, None],
        "stack": [None, None, ("u", 0), ("w", 1)],
    })  # fmt: skip
    truth = pd.DataFrame(
        {
            "rule": ["a", "a", "b", "c"],
            "path": ["p/1.dcm", "p/3.dcm", None, None],
            "stack": ["u", "u", "u", "u"],
        }
    )
    result = score(findings, truth)
    counts = ["planted", "found", "missed", "false_alarms"]
    assert result.loc["a", [*counts, "recall"]].tolist() == [2, 1, 1, 1, 0.5]
    assert result.loc["b", counts].tolist() == [1, 1, 0, 1]
    assert result.loc["c", "recall"] == 0
    assert np.isnan(score(findings, truth[:0]).loc["a", "recall"])


def test_nothing_to_find_is_an_empty_table(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"]
    assert audit(rows, pixels=True).empty and audit(rows).columns.tolist()[0] == "rule"
    assert audit(header_table([])).empty


@pytest.mark.parametrize("wrong", [None, "folder", []])
def test_what_is_no_header_table_is_refused(wrong):
    with pytest.raises(ClearError, match="expected a DataFrame"):
        audit(wrong)


@pytest.mark.parametrize(("suffix", "black"), [("66.4", 0), ("481.2", 0), ("2", 1)])
def test_masks_and_doses_may_be_empty(phantom, tmp_path, suffix, black):
    dataset = pydicom.dcmread(phantom / "P20-no-spacing" / "8.dcm")
    uid = f"1.2.840.10008.5.1.4.1.1.{suffix}"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(tmp_path / "8.dcm")
    found = audit(header_table(tmp_path), pixels=True)
    assert (found["rule"] == "black-slice").sum() == black


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """The folder of the cases beside the project, built; skipped where they are not there."""
    source = Path(__file__).parents[2] / "shared" / "cases" / "build.py"
    if not source.is_file():
        pytest.skip("the cases are not beside the project")
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, source, folder], check=True, capture_output=True)
    return folder


CASES = {
    "acquisitions_alternate": {},
    "b_values_out_of_order": {"several-phases": 1},
    "dose": {},
    "frame_of_reference_per_file": {"several-frames-of-reference": 1},
    "high_bit_15_of_12": {"high-bit": 1},
    "inflates_to_2_GB": {},
    "micrometres": {},
    "no_series_uid": {"missing-identifiers": 2},
    "thickness_alternates": {"thickness-varies": 1, "interspaced": 1},
    "two_segments": {},
    "two_studies_one_series": {"shared-series-uid": 1},
    "two_thousand_million_frames": {"impossible-frame-count": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_cases_are_is_found_and_nothing_else(cases, case):
    assert _rules(header_table(cases / case, progress=False)) == CASES[case]


def test_blocks_far_apart_are_no_second_scan_and_no_phases():
    place = [(0.0, 0.0, float(z)) for z in [*range(0, 20, 2), *range(100, 120, 2)]]
    headers = _healthy(20, ImagePositionPatient=place, StackID=["a"] * 10 + ["b"] * 10)
    assert not {"second-scan", "several-phases"} & set(audit(headers)["rule"])


def test_single_slices_whose_studies_were_renamed_too_make_a_grid():
    uids = [f"1.2.{n}" for n in range(20)]
    headers = _healthy(20, SeriesInstanceUID=uids, StudyInstanceUID=uids)
    assert "grid-of-single-slices" in set(audit(headers)["rule"])


def test_a_study_in_every_file_is_said_once():
    place = [(0.0, 0.0, 2.0 * (n // 2)) for n in range(20)]
    studies, echoes = [f"1.2.{n}" for n in range(20)], [10.0, 20.0] * 10
    headers = _healthy(20, ImagePositionPatient=place, StudyInstanceUID=studies, EchoTime=echoes)
    rules = set(audit(headers)["rule"])
    assert "identifiers-per-file" in rules and "shared-series-uid" not in rules


def test_badges_of_all_stacks_are_those_of_each(phantom_headers, phantom_slices):
    findings = audit(phantom_headers, phantom_slices)
    stacks = phantom_slices.index.droplevel(["path", "frame"]).unique()
    each = {stack: badge(findings, stack, phantom_slices.loc[stack]) for stack in stacks}
    expected = {stack: words for stack, words in each.items() if words}
    assert stack_badges(findings, phantom_slices) == expected
    assert 0 < len(expected) < len(stacks)
