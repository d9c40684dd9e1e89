"""Stacks: which images belong together, in which order, how far apart; and honest counts."""

import warnings

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK

from helpers import audit, header_table, slice_counts, slice_table, stack_table
from helpers.errors import WrongTypeError
from helpers.phantom.faults import FAULTS
from helpers.phantom.scans import ALL_SCANS, AXIAL, SAGITTAL, SCANS
from helpers.slices.arrays import paths_of
from helpers.slices.images import MissingColumnError, is_image
from helpers.slices.words import NUMBERED

SERIES = [
    *("chest-ct-8mm-siemens", "head-ct-64x64", "ct-duplicate-positions", "ct-failing-gantrytilt"),
    *("ct-failing-missing-slice", "ct-failing-same-position", "mr-3plane-localizer-ffs"),
    *("mr-failing-two-orientations", "mr-nonsquare-pixels-28x64", "mr-rows-anterior-cols-left"),
    *("mr-sagittal-hfdl", "one-slice-7-transfer-syntaxes"),
]
ALMOST_AXIAL = (1, 0, 0, 0, 0.99999, 0.0004)
PLANES = ("coronal", "sagittal", "axial")


def _of(real, headers, folder):
    start = f"{real / 'series' / folder}/"
    rows = headers[[path.startswith(start) for path in headers.index]]
    assert len(rows)
    return rows


@pytest.mark.parametrize("folder", SERIES)
def test_order_equals_an_independent_orderers(real, real_headers, folder):
    """GDCM, as SimpleITK wraps it, orders the files of each real stack by their positions."""
    slices = slice_table(_of(real, real_headers, folder))
    for stack, kind in stack_table(slices)["kind"].items():
        rows = slices.loc[stack]
        distinct = paths_of(rows[~rows["repeated"]])
        names = [path.rsplit("/", 1)[1] for path in distinct]
        if kind == "volume":
            assert names == _gdcm_order(real / "series" / folder, set(names))


def _gdcm_order(folder, names):
    reader = SimpleITK.ImageSeriesReader
    found = [
        path.rsplit("/", 1)[1]
        for uid in reader.GetGDCMSeriesIDs(str(folder))
        for path in reader.GetGDCMSeriesFileNames(str(folder), uid)
    ]
    kept = [name for name in found if name in names]
    headers = [pydicom.dcmread(folder / name, stop_before_pixels=True) for name in kept]
    series = {dataset.get("SeriesInstanceUID") for dataset in headers}
    if len(series) == 1 and len(kept) == len(found):
        return kept
    # GDCM does not order a series of several orientations
    return sorted(kept, key=lambda name: _projection(folder / name))


def _projection(path):
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    row, column = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
    return float(np.dot(np.array(dataset.ImagePositionPatient, float), np.cross(row, column)))


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("chest-ct-8mm-siemens", [("axial", 30, 8.0, "")]),
        ("head-ct-64x64", [("axial", 93, 1.5, "")]),
        ("mr-sagittal-hfdl", [("sagittal", 35, 4.8, "")]),
        ("mr-rows-anterior-cols-left", [("axial", 128, 1.0, "")]),
        ("mr-3plane-localizer-ffs", [(plane, 7, 15.0, "") for plane in PLANES]),
        ("mr-failing-two-orientations", [("sagittal", 2, 3.3, ""), ("axial", 2, 4.4, "")]),
        ("mr-nonsquare-pixels-28x64", [("axial", 4, 0.5, "")]),
        ("ct-failing-gantrytilt", [("axial", 4, 4.851, "")]),
        ("ct-failing-missing-slice", [("axial", 4, 5.0, "1 gap off the median of 5 mm, first 10 mm "
                                       "between IM-0001-0009-0001.dcm and IM-0001-0010-0001.dcm")]),
        ("ct-failing-same-position", [("axial", 1, np.nan, "several files at one position, and no "
                                       "time or setting tells them apart")]),
    ],
)  # fmt: skip
def test_what_is_known_of_real_series_is_found(real, real_headers, folder, expected):
    table = stack_table(slice_table(_of(real, real_headers, folder)))
    found = table[["plane", "positions", "spacing_mm", "problems"]].to_records(index=False).tolist()
    for ours, (plane, positions, spacing, problems) in zip(found, expected, strict=True):
        assert ours == (plane, positions, pytest.approx(spacing, abs=1e-3, nan_ok=True), problems)


def test_a_tilted_gantry_is_measured_from_positions(real, real_headers):
    table = stack_table(slice_table(_of(real, real_headers, "ct-failing-gantrytilt")))
    assert table["shear_deg"].iloc[0] == pytest.approx(14, abs=0.01)
    assert table["tilt_deg"].iloc[0] == pytest.approx(14, abs=0.01)
    straight = slice_table(_of(real, real_headers, "mr-nonsquare-pixels-28x64"))
    assert stack_table(straight)["shear_deg"].iloc[0] < 0.1


def test_duplicates_and_gaps_of_a_real_series(real, real_headers):
    slices = slice_table(_of(real, real_headers, "ct-duplicate-positions"))
    table = stack_table(slices)
    assert (table["files"].iloc[0], table["positions"].iloc[0]) == (11, 10)
    assert table[["gap_min_mm", "gap_max_mm"]].iloc[0].tolist() == [7.5, 115]
    rows = slices.loc[table.index[0]]
    assert rows["repeated"].sum() == 1 and rows["position_mm"].is_monotonic_increasing


def _files(slices):
    stacks = slices.groupby(level=["SeriesInstanceUID", "stack"])
    return {stack: paths_of(rows) for stack, rows in stacks}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_files_does_not_matter(phantom_headers, phantom_slices, seed):
    slices = slice_table(phantom_headers.sample(frac=1, random_state=seed))
    pd.testing.assert_frame_equal(slices, phantom_slices)
    pd.testing.assert_frame_equal(stack_table(slices), stack_table(phantom_slices))


def test_flipping_the_normal_reverses_the_order(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"].copy()
    before = paths_of(slice_table(rows))
    rows["ImageOrientationPatient"] = [(0, 1, 0, 1, 0, 0)] * len(rows)
    assert paths_of(slice_table(rows)) == before[::-1]


def test_the_phantoms_stacks(phantom_slices):
    table = stack_table(phantom_slices)
    known = {scan.patient + " (another)" * ("other-patient" in scan.faults): scan for scan in SCANS}
    clean = table[table["problems"] == ""]
    faultless = [patient for patient, scan in known.items() if not scan.faults]
    assert set(clean["PatientID"]) >= set(faultless)
    assert table.index[0] == clean["positions"].idxmax()
    tilt = np.cos(np.radians(12))
    even = table[table["PatientID"].isin(faultless)]
    gaps = even["PatientID"].map(
        {patient: scan.gap * (tilt if scan.table else 1) for patient, scan in known.items()}
    )
    assert np.allclose(even["spacing_mm"], gaps, atol=1e-3)
    of_patients = table["problems"][table["kind"] != "segmentation"]  # masks come behind them
    assert of_patients.iloc[of_patients.eq("").sum() :].ne("").all()


def test_missing_positions_give_a_labelled_guess(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P12-no-position"]
    for grade, dropped in (
        ("B", []),
        ("C", ["SliceLocation"]),
        ("D", ["SliceLocation", "InstanceNumber"]),
    ):
        slices = slice_table(rows.drop(columns=dropped))
        table = stack_table(slices)
        assert table["order_grade"].tolist() == [grade]
        assert "guess" in table["problems"].iloc[0]
        instance = [int(path.rsplit("/", 1)[1].split(".")[0]) for path in paths_of(slices)]
        assert instance == sorted(instance, reverse=grade == "B")


def _scan(positions, **columns):
    """A header table of axial images at these positions."""
    n = len(positions)
    table = pd.DataFrame(
        index=pd.Index([f"/scan/{i}.dcm" for i in range(n)], name="path", dtype=object)
    )
    fixed = {
        "SeriesInstanceUID": "1.2", "PatientID": "p", "Modality": "CT", "Rows": 8, "Columns": 8,
        "error": None, "pixel_offset": 100, "TransferSyntaxUID": "1.2.840.10008.1.2.1",
    }  # fmt: skip
    per_file = {
        "ImagePositionPatient": [(0.0, 0.0, float(z)) for z in positions],
        "ImageOrientationPatient": [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)] * n,
        "PixelSpacing": [(1.0, 1.0)] * n,
        "InstanceNumber": range(1, n + 1),
        "SOPInstanceUID": [f"1.2.{i}" for i in range(n)],
    }
    return table.assign(**{**fixed, **per_file, **columns})


@pytest.mark.parametrize(
    ("positions", "columns", "stacks"),
    [
        ([0, 1, 2, 3, 4, 5], {}, [6]),
        ([0, 1, 2, 3, 4, 5], {"AcquisitionNumber": [1, 1, 2, 2, 3, 3]}, [6]),  # parts abut
        ([0, 1, 2, 0, 1, 2], {"AcquisitionNumber": [1, 1, 1, 2, 2, 2]}, [3, 3]),
        ([0, 1, 2, 0.4, 1.4, 2.4], {"AcquisitionNumber": [1, 1, 1, 2, 2, 2]}, [3, 3]),
        ([0, 1, 2, 3, 1, 2], {"EchoTime": [10, 10, 10, 10, 20, 20]}, [4]),  # too few to be one
        ([5, 5, 5, 5], {"AcquisitionNumber": [4, 3, 2, 1]}, [1]),  # one position four times
        ([0, 1, 2, 3, 2], {"AcquisitionNumber": [1, 1, 1, 1, 2]}, [4]),  # a single repetition stays
        ([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], {}, [5, 5]),  # two runs, by position alone
        ([0, 1, 2, 3, 0.5, 1.5, 2.5, 3.7, 4.5], {}, [9]),  # no regular second run
        ([0, 1, 2, 3, 4, 6, 7, 8, 9, *range(10)], {}, [10, 9]),  # a gap of the first scan
        ([0, 2, 4, 8, 10, 1, 3, 5, 7, 9], {}, [10]),  # interleaved, one slice missing
        ([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], {"InstanceNumber": [1, 2, 3, 4, 5] * 2}, [5, 5]),
        ([0, 0, 1, 1, 2, 2, 3, 3], {"KVP": [80, 140, 140, 80] * 2}, [4, 4]),
        ([0, 1, 2, 3, 4, 5, 6, 0, 3, 6], {"SliceThickness": [1] * 7 + [5] * 3}, [7, 3]),
        ([0, 1, 2, 3, 0, 1, 2, 3], {"ConvolutionKernel": ["B30f"] * 4 + ["B70f"] * 4}, [4, 4]),
        ([0, 1, 2, 3, 4, 5], {"PatientID": list("aaabbb")}, [3, 3]),
        ([0, 1, 2, 3, 4, 5], {"SeriesInstanceUID": None, "PatientID": list("aaabbb")}, [3, 3]),
        ([0, 1, 2, 3], {"FrameOfReferenceUID": list("aabb")}, [4]),  # bookkeeping
        ([*range(9), *range(10), 4], {"AcquisitionNumber": [1] * 9 + [2] * 10 + [None]}, [10, 9]),
        ([*range(10), *range(9, -1, -1)], {"AcquisitionNumber": np.arange(20) // 2 + 1}, [10, 10]),
        ([0, 1, 2, 3, 4, 0.3, 1.3, 2.3, 3.3], {}, [5, 4]),
        ([0, 0, 1, 1, 2, 2, 3, 3], {}, [4, 4]),
        ([0, 2, 4, 1, 3, 5], {}, [6]),  # interleaved, and one regular grid
        ([0, 1, 2, 3], {"PixelSpacing": [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (0.9, 0.9)]}, [3, 1]),
        ([0, 1, 2, 3], {"Rows": [8, 8, 8, 16]}, [3, 1]),
        ([0, 1, 2, 3], {"ImagePositionPatient": [(0, 0, 0), (0, 0, 1), (0, 0, 2), None]}, [3, 1]),
        ([0, 1, 2], {"ImageOrientationPatient": [AXIAL, ALMOST_AXIAL, SAGITTAL]}, [2, 1]),
    ],
)  # fmt: skip
def test_how_a_series_splits(positions, columns, stacks):
    table = stack_table(slice_table(_scan(positions, **columns)))
    assert sorted(table["positions"], reverse=True) == stacks
    assert table["files"].sum() == len(positions)


def test_every_image_is_in_exactly_one_stack(real_headers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slices = slice_table(real_headers)
        table = stack_table(slices)
    images = slices.index.droplevel(["SeriesInstanceUID", "stack"])
    assert images.is_unique and table["images"].sum() == len(slices)
    assert set(paths_of(slices)) == set(real_headers.index[is_image(real_headers)])


def test_counts_of_the_phantom(phantom_headers, phantom_slices):
    """Files, readable, images, unique images, stacks, positions, and those of the largest stack."""
    counts = slice_counts(phantom_headers, phantom_slices)
    for scan in SCANS:
        n, half = scan.slices, scan.slices - scan.slices // 2
        expected = {
            "second-scan": (2 * n, 2 * n, 2 * n, 2 * n, 2, 2 * n, n),
            "missing-slice": (n - 1, n - 1, n - 1, n - 1, 1, n - 1, n - 1),
            "truncated-file": (n, n - 1, n - 1, n - 1, 1, n - 1, n - 1),
            "unreadable-file": (n, n - 1, n - 1, n - 1, 1, n - 1, n - 1),
            "repeated-slice": (n + 1, n + 1, n + 1, n + 1, 1, n, n),
            "same-instance-twice": (n + 1, n + 1, n + 1, n, 1, n, n),
            "localizer": (n + 1, n + 1, n + 1, n + 1, 2, n + 1, n),
            "not-dicom": (n + 1, n, n, n, 1, n, n),
            **dict.fromkeys(
                ("several-orientations", "several-spacings", "several-sizes"),
                (n, n, n, n, 2, n, half),
            ),
            "shared-series-uid": (n, n, n, n, 2, n, half),
            "ambiguous-repetitions": (3 * n, 3 * n, 3 * n, 3 * n, 3, 3 * n, n),
            "grid-of-single-slices": (n, n, n, n, n, n, 1),
            "impossible-frame-count": (n, n, n, n, 2, n - 1, n - 1),
            "several-phases": (2 * n, 2 * n, 2 * n, 2 * n, 2, 2 * n, n),
            "enhanced": (1, 1, n, n, 1, n, n),
        }
        patient = scan.patient + " (another)" * ("other-patient" in scan.faults)
        known = next(
            (expected[name] for name in (*scan.faults, *scan.variants) if name in expected),
            (n, n, n, n, 1, n, n),
        )
        assert tuple(counts.loc[patient]) == known, scan.patient
    assert len(counts) == len(ALL_SCANS)
    assert set(FAULTS) == {fault for scan in ALL_SCANS for fault in scan.faults}


def test_files_that_do_not_say_count_with_their_folder():
    headers = _scan([0, 1, 2])
    headers.loc["/scan/9.dcm", ["error", "PatientID"]] = ["not DICOM", None]
    headers.loc["/other/1.txt", ["error", "PatientID"]] = ["not DICOM", None]
    counts = slice_counts(headers)
    assert counts["files"].to_dict() == {"?": 1, "p": 4}
    assert counts["readable"].to_dict() == {"?": 0, "p": 3}
    assert counts["files"].sum() == len(headers)


def test_the_same_object_stored_twice_is_one_unique_image():
    headers = _scan([0, 1, 2, 2], SOPInstanceUID=["a", "b", "c", "c"])
    assert slice_counts(headers)[["images", "unique_images", "positions"]].iloc[0].tolist() == [
        4,
        3,
        3,
    ]


def test_a_folder_without_images_has_tables_without_rows(real, tmp_path):
    (tmp_path / "report.dcm").write_bytes((real / "odd/pydicom/test-SR.dcm").read_bytes())
    (tmp_path / "notes.txt").write_text("hello")
    headers = header_table(tmp_path)
    slices = slice_table(headers)
    table = stack_table(slices)
    assert slices.empty and table.empty
    assert slices.index.names == ["SeriesInstanceUID", "stack", "path", "frame"]
    assert {"position_mm", "kind"} <= set(slices) and {"positions", "problems"} <= set(table)
    assert slice_counts(headers, slices)["images"].sum() == 0
    assert audit(headers, slices)["rule"].tolist() == ["not-dicom"]


def test_a_table_of_headers_is_no_table_of_slices(phantom_headers):
    for function in (stack_table, lambda table: slice_counts(phantom_headers, table)):
        with pytest.raises(WrongTypeError, match=r"^expected the table of slice_table\(headers\)"):
            function(phantom_headers)


def test_a_gap_is_never_filled_with_a_slice_of_another_scan():
    slices = slice_table(_scan([0, 1, 2, 3, 4, 6, 7, 8, 9, *range(10)]))
    parts = [set(rows["InstanceNumber"]) for _, rows in slices.groupby(level="stack")]
    assert sorted(parts, key=min) == [set(range(1, 10)), set(range(10, 20))]
    assert sorted(stack_table(slices)["problems"]) == [
        f"1 gap off the median of 1 mm, first 2 mm between 4.dcm and 5.dcm; {NUMBERED}",
        NUMBERED,
    ]


def test_of_two_gaps_the_smaller_is_the_usual_one():
    table = stack_table(slice_table(_scan([0, 10.5, 31.5])))
    assert table["spacing_mm"].tolist() == [10.5], "not 15.75 mm, which no two slices are apart"
    assert table["problems"].tolist() == [
        "1 gap off the median of 10.5 mm, first 21 mm between 1.dcm and 2.dcm"
    ]


def test_scans_without_instance_numbers_follow_their_file_names():
    slices = slice_table(_scan(list(range(10)) * 2, InstanceNumber=None))
    parts = [
        sorted(int(path[6:-4]) for path in paths_of(rows))
        for _, rows in slices.groupby(level="stack")
    ]
    assert parts == [list(range(10)), list(range(10, 20))]
    assert stack_table(slices)["problems"].eq(NUMBERED).all()


def test_stacks_of_two_patients_count_for_each():
    counts = slice_counts(_scan(range(6), PatientID=list("aaabbb")))
    assert counts["positions"].to_dict() == {"a": 3, "b": 3}


def test_grade_c_is_by_instance_number_alone():
    headers = _scan([0, 1, 2, 3], ImagePositionPatient=None, AcquisitionNumber=[2, 1, 2, 1])
    slices = slice_table(headers)
    assert slices["order_grade"].eq("C").all() and slices["InstanceNumber"].tolist() == [1, 2, 3, 4]


def test_unique_images_count_readable_ones_and_those_without_a_uid():
    headers = _scan([0, 1, 2, 3], SOPInstanceUID=["a", "a", None, None])
    headers.loc["/scan/0.dcm", "error"] = "truncated"
    assert slice_counts(headers)[["images", "unique_images"]].iloc[0].tolist() == [3, 3]


def test_a_collection_without_any_series_uid_is_no_table_of_few_keywords(phantom, tmp_path):
    for path in (phantom / "P03-interspaced").iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.SeriesInstanceUID
        dataset.save_as(tmp_path / path.name)
    headers = header_table(tmp_path)
    assert "SeriesInstanceUID" not in headers
    table = stack_table(slice_table(headers))
    assert table.index.tolist() == [("no SeriesInstanceUID", 0)] and table[
        "positions"
    ].tolist() == [15]
    assert set(audit(headers)["rule"]) == {"interspaced", "missing-identifiers"}


def test_pixels_without_any_header_are_no_image(real):
    headers = header_table([real / "odd/pydicom/nested_priv_SQ.dcm"])
    assert headers["pixel_offset"].notna().all() and "Rows" not in headers
    assert slice_table(headers).empty
    assert audit(headers).empty and slice_counts(headers)["images"].tolist() == [0]


def test_tables_without_the_columns_that_tell_are_refused(phantom):
    table = header_table(phantom / "P03-interspaced", keywords=["PatientID", "Rows"])
    for function in (slice_table, slice_counts):
        with pytest.raises(MissingColumnError, match="got one without SeriesInstanceUID, Columns"):
            function(table)
    with pytest.raises(MissingColumnError, match="got 'Patient'"):
        slice_counts(table.assign(SeriesInstanceUID="1", Columns=1), by="Patient")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"PixelSpacing": None}, "no volume: no usable PixelSpacing in 4 of 4, first 0.dcm"),
        (
            {"PixelSpacing": [(0, 0)] * 4},
            "no volume: no usable PixelSpacing in 4 of 4, first 0.dcm",
        ),
        (
            {"ImageOrientationPatient": [(1, 0, 0, 0.01, 1, 0)] * 4},
            "direction cosines are 0.01 off two perpendicular unit vectors",
        ),
    ],
)
def test_what_is_wrong_with_the_headers_is_said(change, problem):
    table = stack_table(slice_table(_scan([0, 1, 2, 3], **change)))
    assert table["volume"].iloc[0] == ("no" if problem.startswith("no volume") else "whole")
    assert table["problems"].iloc[0] == problem


def test_positions_that_drift_off_the_grid_are_said():
    z = np.r_[0, np.cumsum([1.0] * 50 + [1.09] * 50)]
    problems = stack_table(slice_table(_scan(z)))["problems"]
    assert problems.tolist() == ["50.dcm lies 2.25 mm off its place in an even grid"]
