"""The small collections beside the project that were read wrongly: what is right, end to end."""

import subprocess
import sys
import warnings
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from helpers import (
    ClearError,
    audit,
    header_table,
    load_slice,
    load_volume,
    slice_counts,
    slice_table,
    stack_table,
)

CASES = Path(__file__).parents[2] / "shared" / "cases" / "build.py"
MAX_MEMORY = 50e6  # bytes above what the imports take
pytestmark = pytest.mark.skipif(not CASES.exists(), reason=f"no cases at {CASES.parent}")


class Case:
    """One collection, with every stage of it."""

    def __init__(self, folder):
        self.folder = folder
        self.headers = header_table(folder, progress=False)
        self.slices = slice_table(self.headers, progress=False)
        self.stacks = stack_table(self.slices)
        self.findings = audit(self.headers, self.slices)
        self.counts = slice_counts(self.headers, self.slices)

    def severities(self, rule):
        return set(self.findings.loc[self.findings["rule"] == rule, "severity"])

    def volumes(self):
        return {key: load_volume(self.slices.loc[key], progress=False) for key in self.stacks.index}

    def one(self):
        """The row of the only stack."""
        assert len(self.stacks) == 1
        return self.stacks.iloc[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with all cases."""
    spec = spec_from_file_location("cases_build", CASES)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("cases")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of values that are wrong on purpose
        module.build(folder)
    return folder


@pytest.fixture
def case(built, request):
    """The case after which a test is named."""
    return Case(built / request.node.originalname.removeprefix("test_"))


def test_frame_of_reference_per_file(case):
    stack = case.one()
    assert (stack["positions"], stack["volume"]) == (12, "whole")
    assert stack["spacing_mm"] == pytest.approx(2)
    assert case.severities("several-frames-of-reference") == {"warning"}


def test_b_values_out_of_order(case):
    assert set(case.stacks["split_keyword"]) == {"DiffusionBValue"}
    assert sorted(case.stacks["split_value"]) == [0, 500, 1000]
    assert case.stacks["group"].nunique() == 1 and set(case.stacks["volume"]) == {"whole"}
    for key, volume in case.volumes().items():
        b = case.stacks.loc[key, "split_value"]
        assert volume.array[:, 0, 0].tolist() == [b + z for z in range(8)]


def test_thickness_alternates(case):
    assert (case.one()["positions"], case.one()["volume"]) == (20, "whole")
    assert not case.severities("missing-slice")
    assert case.severities("thickness-varies") == {"note"}


def test_acquisitions_alternate(case):
    assert (case.one()["positions"], case.one()["volume"]) == (20, "whole")
    assert not case.severities("second-scan")
    assert load_volume(case.slices.loc[case.stacks.index[0]]).array.shape == (20, 16, 20)


def test_two_studies_one_series(case):
    assert case.stacks["positions"].tolist() == [8, 8]
    firsts = {tuple(volume.array[:, 0, 0].tolist()) for volume in case.volumes().values()}
    assert firsts == {tuple(range(1000, 1008)), tuple(range(2000, 2008))}
    assert all(volume.spacing[0] == pytest.approx(2) for volume in case.volumes().values())


def test_no_series_uid(case):
    assert case.stacks["positions"].tolist() == [8, 8]
    for key, volume in case.volumes().items():
        folders = {Path(path).parent.name for path in case.slices.loc[key].index.unique("path")}
        assert len(folders) == 1
        first = 1000 * int(folders.pop().removeprefix("scan"))
        assert volume.array[:, 0, 0].tolist() == list(range(first, first + 8))
    assert case.severities("missing-identifiers") == {"warning"}


def test_micrometres(case):
    assert (case.one()["positions"], case.one()["volume"]) == (12, "whole")
    assert not case.slices["repeated"].any() and not case.severities("repeated-slice")
    assert case.one()["spacing_mm"] == pytest.approx(0.005)
    (volume,) = case.volumes().values()
    assert volume.array.shape == (12, 16, 20) and volume.spacing == pytest.approx((0.005,) * 3)


def test_dose(case):
    stack = case.one()
    assert (stack["kind"], stack["positions"], stack["images"]) == ("dose", 5, 5)
    assert stack["spacing_mm"] == pytest.approx(3)
    assert case.slices["position_mm"].tolist() == pytest.approx([-10, -7, -4, -1, 2])
    (volume,) = case.volumes().values()
    assert volume.array[:, 0, 0] == pytest.approx([1, 2, 3, 4, 5])
    assert volume.unit.lower() == "gy"


def test_two_segments(case):
    assert sorted(case.stacks["positions"]) == [6, 8]
    assert set(case.stacks["kind"]) == {"segmentation"}
    marked = {
        len(v.array): set((v.array > 0).sum((1, 2)).tolist()) for v in case.volumes().values()
    }
    assert marked == {8: {80}, 6: {160}}


def test_high_bit_15_of_12(case):
    assert case.severities("high-bit") == {"warning"}
    stored = np.arange(320).reshape(16, 20) * 12
    (path,) = case.headers.index
    try:
        read = [load_slice(path).array, next(iter(case.volumes().values())).array[0]]
    except ClearError as refusal:
        assert "high bit" in str(refusal).lower() and "\n" not in str(refusal)
    else:
        assert all((pixels == stored).all() for pixels in read)


def test_two_thousand_million_frames(case):
    bad = case.headers.index[case.headers["NumberOfFrames"] == 2_000_000_000]
    paths = case.slices.index.get_level_values("path")
    assert len(bad) == 1 and len(case.slices) == 4
    assert (case.slices["error"].notna() == paths.isin(bad)).all()
    assert "2000000000" in case.slices["error"].dropna().iloc[0].replace(",", "")
    (key,) = case.slices.index[case.slices["error"].isna()].droplevel(["path", "frame"]).unique()
    assert load_volume(case.slices.loc[key]).array.shape == (3, 16, 20)
    assert case.severities("impossible-frame-count") == {"error"}


def test_every_stage_counts_alike(built):
    folders = [folder for folder in sorted(built.iterdir()) if folder.name != "inflates_to_2_GB"]
    assert len(folders) == 11
    for folder in folders:
        case = Case(folder)
        assert set(case.headers.index) == set(case.slices.index.get_level_values("path"))
        assert case.counts["files"].sum() == len(case.headers)
        assert case.counts["stacks"].sum() == len(case.stacks)
        # doses and masks are no slices of a patient
        slices = case.stacks[~case.stacks["kind"].isin(["dose", "segmentation"])]
        assert case.counts["positions"].sum() == slices["positions"].sum()


MEASURED = """\
import sys
from pathlib import Path

import numpy, pandas, pydicom
import helpers.headers.pydicom_reader
from helpers import header_table, slice_table

def peak():
    "Bytes: the highest of this program alone, unlike ru_maxrss, which a child inherits."
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return [1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")][0]

before = peak()
headers = header_table(sys.argv[1], progress=False)
print(peak() - before)
row = headers.iloc[0]
assert (len(headers), row["Rows"], row["PatientID"]) == (1, 16, "case-inflates"), row
assert len(slice_table(headers, progress=False)) == 1
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in Linux's unit")
def test_inflates_to_2_GB(built):
    command = [sys.executable, "-c", MEASURED, str(built / "inflates_to_2_GB")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    of_headers, of_both = map(int, run.stdout.split())
    assert of_headers < MAX_MEMORY, of_headers
    assert of_both < 2 * MAX_MEMORY, of_both
