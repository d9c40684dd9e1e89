"""The header table: a row for every file, every value as pydicom has it."""

import contextlib
import os
import shutil
import tempfile
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.datadict import keyword_for_tag

from helpers import header_of, header_table, list_files, split_values
from helpers.errors import ClearError
from helpers.headers.keywords import KeywordError

CHEST = "series/chest-ct-8mm-siemens"


def test_one_row_per_file_and_bad_files_say_why(real, real_headers):
    assert len(real_headers) == len(list_files(real))
    errors = {
        os.path.basename(path): error for path, error in real_headers["error"].dropna().items()
    }
    assert errors.keys() >= {
        "README.md",
        "README.txt",
        "zipMR.gz",
        "MR_truncated.dcm",
        "rtplan_truncated.dcm",
    }
    assert (
        errors["MR_truncated.dcm"] == "truncated: pixel values end at byte 9692 of a file of 9630"
    )
    assert all("\n" not in error for error in errors.values())
    assert len(errors) == 6


def test_every_value_equals_pydicoms(real_headers):
    compared = 0
    for path, row in real_headers[real_headers["error"].isna()].iterrows():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            for tag in dataset.keys():
                keyword = keyword_for_tag(tag)
                if (
                    keyword
                    and not tag.is_private
                    and tag.element
                    and tag.group & 0xFF00 not in (0x5000, 0x6000)
                ):
                    assert _same(row[keyword], dataset[tag]), (
                        path,
                        keyword,
                        row[keyword],
                        dataset[tag],
                    )
                    compared += 1
    assert compared > 20_000


def _same(ours, element):
    theirs = element.value
    if element.VR == "SQ" or isinstance(theirs, bytes):
        return ours == len(theirs)
    if theirs in (None, "", []):
        return ours is None or ours != ours
    if element.VM > 1:
        return (
            ours == tuple(theirs)
            if not isinstance(theirs[0], pydicom.valuerep.PersonName)
            else ours == tuple(map(str, theirs))
        )
    return ours == (str(theirs) if element.VR in ("PN", "UI") else theirs)


def test_columns_are_plain(real_headers):
    types = {type(value) for column in real_headers for value in real_headers[column]}
    assert types <= {str, int, float, tuple, type(None), np.float64, np.int64}
    assert list(real_headers.columns[-5:]) == [
        "error",
        "file_size",
        "pixel_offset",
        "TransferSyntaxUID",
        "private_elements",
    ]
    assert real_headers.index.name == "path" and real_headers.index.dtype == object


def test_pixel_offset_is_where_uncompressed_values_start(real_headers):
    found = real_headers["pixel_offset"].dropna()
    assert len(found) > 300
    for path, offset in found.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
        values = next(
            dataset[k].value
            for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
            if k in dataset
        )
        with open(path, "rb") as file:
            file.seek(int(offset))
            assert file.read(64) == values[:64]
    compressed = (
        real_headers["TransferSyntaxUID"]
        .fillna("")
        .str.startswith(("1.2.840.10008.1.2.4", "1.2.840.10008.1.2.5"))
    )
    assert real_headers.loc[compressed, "pixel_offset"].isna().all()


def test_bad_files_among_good_ones(real, tmp_path):
    good = (real / CHEST / "1-01.dcm").read_bytes()
    bad = {
        "empty": b"",
        "text": b"hello\n" * 100,
        "cut in the pixels": good[:-100],
        "cut in the header": good[:1100],
        "zeros": bytes(5000),
    }
    for name, content in {"good": good, **bad}.items():
        (tmp_path / name).write_bytes(content)
    table = header_table([*sorted(tmp_path.iterdir()), tmp_path, tmp_path / "nowhere"])
    assert len(table) == 8
    assert table["error"].isna().sum() == 1
    assert (
        table.loc[str(tmp_path / "good"), "PatientID"]
        == pydicom.dcmread(tmp_path / "good").PatientID
    )
    reasons = table["error"].set_axis([os.path.basename(path) for path in table.index])
    assert reasons["empty"] == "empty file"
    assert reasons["text"] == reasons["zeros"] == "not DICOM"
    assert reasons["nowhere"] == "no such file"
    assert reasons[tmp_path.name] == "not a regular file"
    assert reasons["cut in the pixels"].startswith("truncated: pixel values end at byte")
    assert "cut in the header" in reasons.dropna()


def test_a_pipe_does_not_hang_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert header_table([tmp_path / "pipe"])["error"].tolist() == ["not a regular file"]


def test_a_name_that_is_not_utf8(real, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.dcm")
    path.write_bytes((real / CHEST / "1-01.dcm").read_bytes())
    table = header_table(tmp_path)
    assert table.index[0] == str(path) and table["error"].isna().all()


def test_chosen_keywords(real):
    table = header_table(
        real / CHEST,
        keywords=["Rows", "PatientID", "CardiacNumberOfImages", "Rows"],
        progress=False,
    )
    assert list(table.columns[:3]) == ["Rows", "PatientID", "CardiacNumberOfImages"]
    assert table["CardiacNumberOfImages"].isna().all() and table["Rows"].eq(512).all()
    assert len(table.columns) == 8


def test_an_unknown_keyword_is_refused_with_the_nearest(real):
    assert "OverlayRows" in header_table(real / CHEST, keywords=["OverlayRows"], progress=False)
    with pytest.raises(KeywordError, match="expected a list of keywords, got 'PatientID'"):
        header_table(real / CHEST, keywords="PatientID")
    with pytest.raises(KeywordError, match=r"got 'PixelSpaceing'; did you mean PixelSpacing\?"):
        header_table(real / CHEST, keywords=["PixelSpaceing"])
    assert issubclass(KeywordError, ValueError)


def test_private_elements_have_their_creator(real):
    table = header_table(real / "series/mr-sagittal-hfdl", private=True, progress=False)
    assert table["(0051,xx0E) SIEMENS MR HEADER"].eq("Sag").all()
    assert table["private_elements"].min() > 30


def test_looks_like_numbers_but_is_text(tmp_path, real):
    for name, identity in (("1", "007"), ("2", "1e3")):
        dataset = pydicom.dcmread(real / CHEST / "1-01.dcm", stop_before_pixels=True)
        dataset.PatientID = identity
        dataset.save_as(tmp_path / name)
    assert header_table(tmp_path)["PatientID"].tolist() == ["007", "1e3"]


def test_a_value_that_does_not_fit_its_vr_stays_text(tmp_path, real):
    raw = (real / CHEST / "1-01.dcm").read_bytes()
    instance = raw.index(b"\x20\x00\x13\x00IS\x02\x00")
    (tmp_path / "1").write_bytes(raw[: instance + 8] + b"x " + raw[instance + 10 :])
    (tmp_path / "2").write_bytes(
        raw[: instance + 4] + b"FD" + raw[instance + 6 :]
    )  # 8 bytes are too few
    table = header_table(tmp_path)
    assert table["InstanceNumber"].tolist() == ["x", "1"] and table["error"].isna().all()
    assert (
        "BytesLengthException" in header_of(tmp_path / "2", search="(0020,0013)")["value"].iloc[0]
    )


def test_a_file_stands_for_itself_and_an_empty_list_for_nothing(real):
    assert len(header_table(real / CHEST / "1-01.dcm")) == 1
    assert len(header_table([])) == 0


def test_the_folder_is_left_as_it_was(phantom):
    def state():
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in phantom.rglob("*")}

    before = state()
    header_table(phantom, progress=False)
    assert state() == before


def test_values_split_into_columns():
    table = pd.DataFrame({"ImageType": [("A", "B", "C"), None, "D"]}, dtype=object)
    assert split_values(table, "ImageType").to_numpy().tolist() == [
        ["A", "B", "C"],
        [None] * 3,
        ["D", None, None],
    ]
    assert split_values(table, "EchoTime")["value 1"].isna().all()
    with pytest.raises(KeywordError, match="did you mean ImageType"):
        split_values(table, "ImageTyp")


def test_every_cut_of_a_compressed_file_is_seen(real, tmp_path):
    whole = (real / "odd/pydicom/MR_small_RLE.dcm").read_bytes()
    for kept in (whole.rindex(b"\xfe\xff\xdd\xe0") + 3, len(whole) * 2 // 3):
        (tmp_path / "cut.dcm").write_bytes(whole[:kept])
        assert (
            header_table(tmp_path)["error"]
            .iloc[0]
            .startswith("truncated: compressed pixel data has no end")
        )


def test_cuts_inside_a_header_are_seen(real, tmp_path):
    """Every cut in mid-element leaves a reason; a cut between two elements cannot be told from a shorter header."""
    whole = (real / CHEST / "1-01.dcm").read_bytes()
    for kept in range(400, 1500, 7):
        (tmp_path / "cut.dcm").write_bytes(whole[:kept])
        table = header_table(tmp_path)
        assert len(table) == 1 and (
            table["error"].notna().all() or table["pixel_offset"].isna().all()
        )
    (tmp_path / "cut.dcm").write_bytes(whole[: whole.index(b"\x10\x00\x20\x00LO") + 5])
    assert (
        header_table(tmp_path)["error"].iloc[0].startswith("truncated: 5 bytes behind (0010,0010)")
    )


def test_as_many_rows_as_files_whatever_they_are(real, tmp_path):
    """A link loop, a file that may not be read, a name that is not UTF-8; and by hand a pipe, a folder, what is not there."""
    good = (real / CHEST / "1-01.dcm").read_bytes()
    root = Path(tempfile.mkdtemp(dir="/tmp"))  # which others may enter, unlike the folder of a test
    root.chmod(0o755)
    names = ["1.dcm", "closed.dcm", os.fsdecode(b"caf\xe9.dcm")]
    for name in names:
        (root / name).write_bytes(good)
    (root / "closed.dcm").chmod(0)
    (root / "loop").symlink_to(root)
    (root / "itself").symlink_to(root / "itself")
    os.mkfifo(root / "pipe")
    try:
        with _nobody():
            table = header_table(root)
            by_hand = header_table(
                [*table.index, root / "pipe", root / "loop", root / "itself", root / "nowhere"]
            )
    finally:
        shutil.rmtree(root)
    assert sorted(map(os.path.basename, table.index)) == sorted(names)
    errors = {os.path.basename(path): error for path, error in by_hand["error"].items()}
    assert errors.pop("closed.dcm").startswith("not read: PermissionError: ")
    assert errors.pop("1.dcm") is None and errors.pop(names[2]) is None
    assert errors == {
        "pipe": "not a regular file",
        "loop": "not a regular file",
        "itself": "no such file",
        "nowhere": "no such file",
    }


@contextlib.contextmanager
def _nobody():
    """Someone who may not read what is closed; root may read all."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("left", [None, 0, 200, 1500])
def test_a_file_that_vanishes_or_shrinks_while_it_is_read(real, tmp_path, monkeypatch, left):
    """It is as it was when it was listed; when it is opened, and again when its size is asked for, it is another."""
    for name in ("1.dcm", "2.dcm"):
        (tmp_path / name).write_bytes((real / CHEST / "1-01.dcm").read_bytes())
    files, opened, read = list_files(tmp_path), os.open, os.read

    def shrunk(path):
        (tmp_path / "1.dcm").unlink() if left is None else os.truncate(tmp_path / "1.dcm", left)
        return path

    def opening(path, *more):
        return opened(shrunk(path) if path == str(files[0]) and files[0].exists() else path, *more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opening)
        table = header_table(files)
    assert len(table) == 2 and table["error"].isna().tolist() == [False, True]
    (tmp_path / "1.dcm").write_bytes((real / CHEST / "1-01.dcm").read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(
            os,
            "read",
            lambda *these: (shrunk(None) if files[0].exists() else None, read(*these))[1],
        )
        assert len(header_table(files)) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"files_or_root": None}, "expected a folder or a list of files, got NoneType"),
        ({"files_or_root": [None]}, "expected a list of files, got None in it"),
        (
            {"files_or_root": pd.DataFrame()},
            "expected a folder or a list of files, got DataFrame; its files are its index",
        ),
        ({"files_or_root": [], "keywords": 5}, "expected a list of keywords, got 5"),
        ({"files_or_root": [], "keywords": [["PatientID"]]}, "expected a DICOM keyword, got"),
        ({"files_or_root": [], "keywords": ["PixelData"]}, "of the pixels, which are not read"),
        (
            {"files_or_root": [], "keywords": ["MediaStorageSOPClassUID"]},
            "of the file meta information",
        ),
        ({"files_or_root": [], "executor": 4}, "expected an executor, such as ProcessPoolExecutor"),
    ],
)
def test_wrong_arguments_are_refused_in_one_clear_line(wrong, message):
    with pytest.raises(ClearError, match=message) as caught:
        header_table(**wrong)
    assert "\n" not in str(caught.value)


def test_keywords_from_whatever_holds_them(real, real_headers):
    for keywords in (
        real_headers.columns[:3],
        real_headers.columns[:3].to_numpy(),
        iter(["Rows", "Columns"]),
    ):
        assert len(header_table(real / CHEST, keywords=keywords, progress=False).columns) in (7, 8)


def test_names_that_no_system_has(real):
    good = real / CHEST / "1-01.dcm"
    table = header_table([good, "a\0b", "a\ud800b"])
    assert table["error"].isna().tolist() == [True, False, False]


def test_long_elements_take_no_memory(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm", stop_before_pixels=True)
    for number in range(4):
        dataset.add_new(0x00420011, "OB", bytes(6_000_000 * (4 if number else 1)))
        dataset.save_as(tmp_path / f"{number}.dcm")
    tracemalloc.start()
    table = header_table(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        table["EncapsulatedDocument"].tolist() == [6_000_000, *[24_000_000] * 3]
        and table["error"].isna().all()
    )
    assert most < 60_000_000
