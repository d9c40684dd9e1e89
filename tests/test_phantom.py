"""The phantom: valid, reproducible, small, and a chest."""

import hashlib
import warnings

import numpy as np
import pydicom
import pytest

from helpers import write_phantom
from helpers.phantom.anatomy import chest
from helpers.phantom.faults import FAULTS
from helpers.phantom.scans import ALL_SCANS, OSIC_COUNTS, SCANS, full_size
from helpers.phantom.variants import VARIANTS
from helpers.phantom.writing import STYLES

SHORT_SCANS = [
    SCANS[number]._replace(slices=slices) for number, slices in ((1, 4), (8, 3), (12, 3), (13, 3))
]


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def _digest(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _files(folder)
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    write_phantom(tmp_path / "a", scans=SHORT_SCANS, seed=3)
    write_phantom(tmp_path / "b", scans=SHORT_SCANS, seed=3)
    write_phantom(tmp_path / "c", scans=SHORT_SCANS, seed=4)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b") != _digest(tmp_path / "c")


def test_the_collection(phantom):
    files = _files(phantom)
    assert len({path.parent for path in files}) == len(ALL_SCANS) >= 30
    assert sum(path.stat().st_size for path in files) < 30e6
    few, many = ([s for s in ALL_SCANS if (s.gap >= 8) == wide] for wide in (True, False))
    assert len(few) >= 6 and len(many) >= 4
    assert max(s.slices for s in few) <= 40 <= min(s.slices for s in many)
    counts = sorted(2 * s.slices if "second-scan" in s.faults else s.slices for s in ALL_SCANS)
    assert counts[-1] > 1.8 * counts[-2], "one patient has far more files, as in OSIC"
    assert {scan.vendor for scan in SCANS} == set(STYLES)


def test_every_file_reads_without_a_warning_and_sits_with_its_patient(phantom):
    spoilt = {scan.patient for scan in ALL_SCANS if scan.faults}
    for path in [path for path in _files(phantom) if path.parent.name not in spoilt]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dataset = pydicom.dcmread(path)
            assert [element.value for element in dataset]
            assert dataset.PatientID == path.parent.name
            if dataset.Modality in ("KO", "RTSTRUCT"):  # a document, contours
                continue
            frames = (dataset.NumberOfFrames,) if "NumberOfFrames" in dataset else ()
            assert dataset.pixel_array.shape == (*frames, dataset.Rows, dataset.Columns)
        assert str(dataset.InstanceNumber) == path.stem or dataset.Modality == "SEG"


def test_values_come_back_as_hounsfield_units(phantom):
    for scan in SCANS[:6]:
        dataset = pydicom.dcmread(phantom / scan.patient / f"{scan.slices // 2}.dcm")
        hu = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
        in_front_of_the_chest = hu[4:8, 40:-40]
        assert np.median(in_front_of_the_chest) == pytest.approx(-1000, abs=20)


def test_the_truth_names_each_fault(tmp_path):
    truth = write_phantom(tmp_path, scans=SHORT_SCANS)
    assert truth.columns.tolist() == ["rule", "path", "stack", "patient"]
    planted = {"second-scan", "truncated-file", "repeated-slice"}
    assert set(truth["rule"]) - {"interspaced"} == planted <= set(FAULTS)
    assert all((tmp_path / path).is_file() for path in truth["path"].dropna())
    assert truth.set_index("rule").loc["truncated-file", "path"] == "P13-truncated-file/2.dcm"


def test_a_clean_twin_stays_clean(tmp_path):
    scans = [scan._replace(faults=()) for scan in SHORT_SCANS]
    assert set(write_phantom(tmp_path, scans=scans)["rule"]) == {"interspaced"}


def test_every_fault_and_every_variant_is_in_the_collection():
    assert {fault for scan in ALL_SCANS for fault in scan.faults} == set(FAULTS)
    assert {variant for scan in ALL_SCANS for variant in scan.variants} == set(VARIANTS)
    assert len({scan.patient for scan in ALL_SCANS}) == len(ALL_SCANS)


def test_full_size_is_one_argument_away(tmp_path):
    scans = full_size(matrix=16)
    assert sum(2 * s.slices if s.faults else s.slices for s in scans) == sum(OSIC_COUNTS) == 33_026
    write_phantom(tmp_path, scans=[scan for scan in scans if scan.slices < 18])
    dataset = pydicom.dcmread(tmp_path / "F071" / "12.dcm")
    assert dataset.pixel_array.shape == (16, 16)


def test_the_right_lung_is_larger():
    ticks = np.arange(-192, 192, 4.0)
    points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1)
    hu = chest(points)
    lung = (hu > -900) & (hu < -830)
    right, left = lung[ticks < 0].sum(), lung[ticks > 0].sum()
    assert right > 1.05 * left > 0
