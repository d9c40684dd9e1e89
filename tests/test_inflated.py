"""Deflated headers: read as pydicom reads them, however much they inflate to."""

import io
import struct
import subprocess
import sys
import zlib

import pandas as pd
import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from helpers import header_table
from helpers.headers.inflated import NO_END

MEASURED = """
import re, sys
from pathlib import Path
from helpers.headers.table import header_table

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = most()
table = header_table([sys.argv[1]])
print(most() - before, table["error"].iloc[0], *table.get("PatientID", [None]), sep="|")
"""
MAX_MEMORY = 50_000  # kB, above what the imports take
PRIVATE = b"\x01\x70\x10\0LO\4\0ME  \x01\x70\1\x10"  # a creator, and the tag of an element
GIGABYTES = struct.pack("<I", 2**31)


@pytest.fixture(scope="module")
def dataset(phantom):
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dataset


def _write(path, dataset, tail=b"", zeros=0):
    """The header of a data set, then bytes and zeros (MiB), deflated."""
    meta, body = io.BytesIO(bytes(128) + b"DICM"), DicomBytesIO()
    meta.seek(132)
    write_file_meta_info(meta, dataset.file_meta)
    body.is_little_endian, body.is_implicit_VR = True, False
    write_dataset(body, dataset[:0x70000000])
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = squeeze.compress(body.getvalue() + tail) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(bytes(2**20)) + squeeze.flush(zlib.Z_FULL_FLUSH)  # needs no other
    path.write_bytes(meta.getvalue() + start + block * zeros + squeeze.flush())


def _measured(path):
    """(memory above that of the imports in kB, error, Patient ID) of a process that reads it."""
    command = [sys.executable, "-c", MEASURED, str(path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    memory, error, patient = output.strip().split("|")
    return int(memory), error, patient


def test_a_deflated_file_has_the_columns_of_the_same_file(dataset, phantom, tmp_path):
    dataset.save_as(tmp_path / "1.dcm")
    fixed = ["file_size", "pixel_offset", "TransferSyntaxUID"]
    ours, theirs = header_table(tmp_path), header_table([phantom / "P01-reference" / "1.dcm"])
    assert ours["error"].isna().all() and ours["pixel_offset"].isna().all()
    assert ours["TransferSyntaxUID"].tolist() == [DeflatedExplicitVRLittleEndian]
    pd.testing.assert_frame_equal(
        ours.drop(columns=fixed).reset_index(drop=True),
        theirs.drop(columns=fixed).reset_index(drop=True),
    )


def test_pixels_of_gigabytes_cost_no_memory(dataset, tmp_path):
    _write(tmp_path / "1.dcm", dataset, b"\xe0\x7f\x10\0OW\0\0" + GIGABYTES, zeros=2**11)
    memory, error, patient = _measured(tmp_path / "1.dcm")
    assert (error, patient) == ("None", "P01-reference") and memory < MAX_MEMORY


@pytest.mark.parametrize(
    "tail",
    [
        PRIVATE + b"OB\0\0" + GIGABYTES,
        PRIVATE + b"OB\0\0\xff\xff\xff\xff",
        PRIVATE + b"UT\0\0" + GIGABYTES,
    ],
)
def test_a_header_without_end_is_given_up(dataset, tmp_path, tail):
    _write(tmp_path / "1.dcm", dataset, tail, zeros=300)
    memory, error, _ = _measured(tmp_path / "1.dcm")
    assert error.startswith("InflateError: expected a header in the deflated data (PS3.5 A.5), got")
    assert error.endswith("bytes and no pixels yet") and memory < MAX_MEMORY


def test_a_header_of_elements_without_end_is_given_up(dataset, tmp_path):
    _write(tmp_path / "1.dcm", dataset, zeros=300)
    memory, error, _ = _measured(tmp_path / "1.dcm")
    assert error.endswith("expected a header of at most 65536 elements, got more")
    assert memory < MAX_MEMORY


@pytest.mark.parametrize(("vr", "value"), [(b"OB", 8 * 2**20), (b"UT", None)])
def test_long_values_before_the_pixels(dataset, tmp_path, vr, value):
    tail = PRIVATE + vr + b"\0\0" + struct.pack("<I", 8 * 2**20)
    _write(tmp_path / "1.dcm", dataset, tail, zeros=8)
    table = header_table(tmp_path, private=True)
    assert table["error"].isna().all() and table["(7001,xx01) ME"].tolist() == [value]


def test_a_file_that_was_deflated_as_a_whole(dataset, tmp_path):
    """Its data set is one more file, meta information and deflated data, without the preamble."""
    written, squeeze = io.BytesIO(), zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    dataset.save_as(written)
    content = written.getvalue()
    start = content.index(b"\2\0\0\0UL")
    meta = io.BytesIO()
    write_file_meta_info(meta, dataset.file_meta)
    deflated = squeeze.compress(content[start:]) + squeeze.flush()
    (tmp_path / "1.dcm").write_bytes(bytes(128) + b"DICM" + meta.getvalue() + deflated)
    table = header_table(tmp_path)
    assert table["error"].isna().all() and table["PatientID"].tolist() == ["P01-reference"]


def test_cuts_and_damage_are_said(dataset, tmp_path):
    dataset.save_as(tmp_path / "whole.dcm")
    whole = (tmp_path / "whole.dcm").read_bytes()
    start = whole.index(b"\2\0\x13\0SH") + 40  # inside the deflated data
    (tmp_path / "whole.dcm").write_bytes(whole[:-400])
    table = header_table(tmp_path)
    assert table["error"].tolist() == [NO_END] and table["PatientID"].tolist() == ["P01-reference"]
    (tmp_path / "whole.dcm").write_bytes(whole[:start] + b"\xff" * 9 + whole[start + 9 :])
    error = header_table(tmp_path)["error"].iloc[0]
    assert "damaged" in error or "truncated" in error or "Error" in error
