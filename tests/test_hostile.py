"""Files that were made to harm: each has its row and its reason, in bounded memory."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
from hostile_files import HostileFiles

pytestmark = pytest.mark.slow

GIGABYTE = 2**30
GOOD = 100
# a process that may take a gigabyte more than its imports and one good file need
READ = """
import json, resource, sys, warnings
from pathlib import Path

from helpers import (
    audit, diff_headers, header_of, header_table, load_slice, pixel_table, slice_table,
)

warnings.simplefilter("ignore")

def told(step, *arguments):
    try:
        step(*arguments)
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"

good, *files = json.load(sys.stdin)
slices = slice_table(header_table([good]))
audit(header_table([good]), slices, pixels=True), pixel_table(slices), load_slice(good)
status = Path("/proc/self/status").read_text()
size = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (1024 * size + 2**30,) * 2)

headers = header_table(files)
slices = slice_table(headers)
findings = audit(headers, slices)
values = pixel_table(slices)
hostile = [path for path in files if "good" not in path]
print(json.dumps({
    "error": headers["error"].to_dict(),
    "patient": headers["PatientID"].dropna().to_dict(),
    "images": slices.index.get_level_values("path").value_counts().to_dict(),
    "values": len(values),
    "load": {path: told(load_slice, path) for path in hostile},
    "header": {path: told(header_of, path) for path in hostile[::2]},
    "diff": {path: told(diff_headers, path, good) for path in hostile[1::2]},
}))
"""
NESTED = "sequences are nested too deep"
TOO_MANY = "HeaderTooLargeError: expected a header of at most 65536 elements, got more"
TOO_LONG = "HeaderTooLargeError: expected a header of at most 134217728 bytes in memory, got more"
TOO_MANY_VALUES = "HeaderTooLargeError: expected at most 262144 values in 16777216 bytes in (0018,"
CUT = "truncated: the header ends inside (0009,0001)"
ERRORS = {  # what begins the error in the header table; None where there is none
    "nested": NESTED,
    "nested in UN": NESTED,
    "nested private": NESTED,
    "nested by lengths": None,
    "nested, implicit": NESTED,
    **{f"{vr} that claims 4 GB": CUT for vr in ("UT", "OB", "UN", "SQ")},
    **{f"{vr} of 4 GB": TOO_LONG for vr in ("UT", "UN", "SQ")},
    "OB of 4 GB": None,
    "elements": TOO_MANY,
    "unsorted elements": TOO_MANY,
    "items": None,
    "values": TOO_MANY_VALUES,
    "binary values": TOO_MANY_VALUES,
    "character sets": "HeaderTooLargeError: expected at most 1024 bytes of Specific Character Set",
    "deflated zeros": "InflateError: expected a header in the deflated data (PS3.5 A.5), got",
    "an offset table that claims 4 GB": None,
    "pipe": "not a regular file",
    "socket": "not a regular file",
    "device": "not a regular file",
    "line\nbreak": "truncated",
    "turned \u202egnp.mcd": "truncated",
}
LOADED = {  # what is said where an image is asked for; empty where there is one
    "nested": f"found {NESTED} there",
    "OB of 4 GB": "",
    "elements": TOO_MANY,
    "JPEG Baseline, header of 65535": "expected a frame of at most 134217728 bytes in",
    "JPEG Baseline, stream of 65535": "expected (64, 64, 1) rows, columns and samples, got (65535",
    "JPEG Baseline, both of 65535": "expected a frame of at most 134217728 bytes in",
    "RLE Lossless, header of 65535": "expected a frame of at most 134217728 bytes in",
    "uncompressed of 65535": "expected a frame of at most 134217728 bytes in",
    "uncompressed of 2^31 frames": "expected at most 0 frames in",
    "RLE of 2^31 frames": "frames in",
    "empty fragments": "expected at most 1048576 items of pixels in",
    "an offset table that claims 4 GB": "expected an item of compressed pixels at byte",
    "pixels of 4 GB": "expected a frame of at most 1073741824 bytes in",
    "pixels of 4 GB behind one small image": "",
    "deflated pixels of 2 GB": "expected 4096 as Number of Frames in",
    "deflated pixels of 2 GB that are claimed": "expected at most 268435456 bytes of deflated",
    "no rows": "got 0 Rows and 64 Columns",
    "a profile of 1 GB": "",
    "an overlay of 65535": "",
}


@pytest.fixture(scope="module")
def good(phantom):
    return phantom / "P01-reference" / "1.dcm"


@pytest.fixture(scope="module")
def hostile(good):
    """What writes the files; all that harms by its number is there ten million times."""
    return HostileFiles(good, 10_000_000)


@pytest.fixture(scope="module")
def read(good, hostile, tmp_path_factory):
    """What a process with a gigabyte finds in all files, by their names."""
    folder = tmp_path_factory.mktemp("hostile")
    for number in range(GOOD):
        shutil.copy(good, folder / f"good {number}")
    for name, write in hostile.all().items():
        write(folder / name)
    files = [str(good), *(str(path) for path in sorted(folder.iterdir()))]
    process = subprocess.run(
        [sys.executable, "-c", READ], input=json.dumps(files), capture_output=True, text=True
    )
    shutil.rmtree(folder)
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout.splitlines()[-1])
    return {
        step: {path.rpartition("/")[2]: value for path, value in values.items()}
        if isinstance(values, dict)
        else values
        for step, values in found.items()
    }


def test_good_files_keep_their_rows(read):
    names = [f"good {number}" for number in range(GOOD)]
    assert [read["error"][name] for name in names] == [None] * GOOD
    assert [read["patient"][name] for name in names] == ["P01-reference"] * GOOD
    assert [read["images"][name] for name in names] == [1] * GOOD
    assert read["values"] == sum(read["images"].values())


def test_each_hostile_file_has_its_row_and_its_reason(read, hostile):
    assert set(hostile.all()) <= set(read["error"])
    for name in ERRORS.keys() & hostile.all().keys():
        error, found = ERRORS[name], read["error"][name]
        assert (found is None) if error is None else found.startswith(error), (name, found)


def test_images_of_hostile_files_are_refused_in_one_line(read):
    missing = (
        LOADED.keys() - read["load"].keys()
    )  # what is encoded cannot be made on Kaggle's image
    assert not missing or find_spec("imagecodecs") is None
    for name in LOADED.keys() - missing:
        said, found = LOADED[name], read["load"][name]
        assert said in found if said else not found, (name, found)
    for name, found in read["load"].items():
        assert not found or found.startswith("ImageError: "), (name, found)
        assert "\n" not in found.replace(name, ""), (name, found)


def test_headers_of_hostile_files_are_shown_or_refused_in_one_line(read):
    for step in ("header", "diff"):
        for name, found in read[step].items():
            assert not found or found.startswith("HeaderError: "), (name, found)
            assert "\n" not in found.replace(name, ""), (name, found)
