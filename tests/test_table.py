"""The header table: a row for every file, every value as pydicom has it."""

import contextlib
import io
import os
import shutil
import tempfile
import tracemalloc
import warnings
from collections import Counter
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.datadict import keyword_for_tag

from helpers import header_of, header_table, list_files, split_values
from helpers.errors import ClearError
from helpers.headers.keywords import KeywordError

NO_DICOM = {  # ends of names among the real files → what these are
    **dict.fromkeys((".md", ".txt", ".dump"), "not DICOM: text file"),
    ".gz": "not DICOM: gzip-compressed DICOM file; gunzip opens it",
    ".json": "not DICOM: JSON file",
    ".icc": "not DICOM",
}
BAD = {
    "no_meta.dcm": "not DICOM",  # it begins with Study Date: pydicom tells it by force alone
    "MR_truncated.dcm": "truncated: pixel values end at byte 9692 of a file of 9630",
    "rtplan_truncated.dcm": "truncated: the header ends inside (300A,00B0)",
    "SC_rgb_jpeg.dcm": "truncated: pixel values end at byte 66477 of a file of 4464",
}
WITH_PRIVATE = Path(get_testdata_file("CT_small.dcm"))  # pydicom brings it along


@pytest.fixture(scope="module")
def good(phantom):
    """A file in which nothing is wrong: 1,336 bytes of header, then its pixels."""
    return phantom / "P01-reference" / "1.dcm"


def test_one_row_per_file_and_bad_files_say_why(real, real_headers):
    files = list_files(real)
    assert real_headers.index.tolist() == list(map(str, files))
    expected = {str(file): NO_DICOM[file.suffix] for file in files if file.suffix in NO_DICOM}
    expected |= {str(file): BAD[file.name] for file in files if file.name in BAD}
    assert real_headers["error"].dropna().to_dict() == expected


def test_every_value_equals_pydicoms(real_headers):
    compared: Counter[str] = Counter()
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
                    compared[path] += 1
    assert min(compared.values()) > 0 and sum(compared.values()) > 40 * len(compared)


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
    for path, row in real_headers[real_headers["error"].isna()].iterrows():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
        keywords = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
        pixels = next((dataset[keyword] for keyword in keywords if keyword in dataset), None)
        deflated = row["TransferSyntaxUID"] == pydicom.uid.DeflatedExplicitVRLittleEndian
        if pixels is None or pixels.is_undefined_length or deflated:
            assert np.isnan(row["pixel_offset"]), path
        else:
            with open(path, "rb") as file:
                file.seek(int(row["pixel_offset"]))
                assert file.read(64) == pixels.value[:64], path


def test_bad_files_among_good_ones(good, tmp_path):
    content = good.read_bytes()
    bad = {
        "empty": b"",
        "text": b"hello\n" * 100,
        "cut in the pixels": content[:-100],
        "cut in the header": content[:1100],
        "zeros": bytes(5000),
    }
    for name, cut in {"good": content, **bad}.items():
        (tmp_path / name).write_bytes(cut)
    table = header_table([*sorted(tmp_path.iterdir()), tmp_path, tmp_path / "nowhere"])
    assert table.loc[str(tmp_path / "good"), ["PatientID", "error"]].tolist() == [
        "P01-reference",
        None,
    ]
    errors = table["error"].drop(str(tmp_path / "good")).rename(os.path.basename)
    size, end = len(content) - 100, len(content)
    assert errors.to_dict() == {
        "empty": "empty file",
        "text": "not DICOM: text file",
        "zeros": "not DICOM: file that begins with zeros",
        "nowhere": "no such file",
        tmp_path.name: "not a regular file",
        "cut in the pixels": f"truncated: pixel values end at byte {end} of a file of {size}",
        "cut in the header": "truncated: 6 bytes behind (0020,0052)",
    }


def test_a_pipe_does_not_hang_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert header_table([tmp_path / "pipe"])["error"].tolist() == ["not a regular file"]


def test_a_name_that_is_not_utf8(good, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.dcm")
    path.write_bytes(good.read_bytes())
    table = header_table(tmp_path)
    assert table.index[0] == str(path) and table["error"].isna().all()


def test_chosen_keywords(good):
    keywords = ["Rows", "PatientID", "CardiacNumberOfImages", "Rows"]
    table = header_table(good.parent, keywords=keywords, progress=False)
    assert list(table.columns) == [
        *("Rows", "PatientID", "CardiacNumberOfImages"),
        *("error", "file_size", "pixel_offset", "TransferSyntaxUID", "private_elements"),
    ]
    assert table["CardiacNumberOfImages"].isna().all() and table["Rows"].eq(128).all()


def test_what_was_asked_for_is_no_secret_of_the_table(good):
    """A table joined of others is as good as theirs: it carries nothing but its columns."""
    assert header_table(good.parent, keywords=["Rows"]).attrs == {}


def test_an_unknown_keyword_is_refused_with_the_nearest(good):
    assert "OverlayRows" in header_table(good, keywords=["OverlayRows"])
    with pytest.raises(KeywordError, match="expected a list of keywords, got 'PatientID'"):
        header_table(good, keywords="PatientID")
    with pytest.raises(KeywordError, match=r"got 'PixelSpaceing'; did you mean PixelSpacing\?"):
        header_table(good, keywords=["PixelSpaceing"])
    assert issubclass(KeywordError, ValueError)


def test_private_elements_have_their_creator(real):
    table = header_table(WITH_PRIVATE, private=True)
    assert table["(0009,xx01) GEMS_IDEN_01"].tolist() == ["GE_GENESIS_FF"]
    table = header_table(real / "series/mr-sagittal-hfdl", private=True, progress=False)
    assert table["(0051,xx0E) SIEMENS MR HEADER"].eq("Sag").all()
    assert table["private_elements"].min() > 30


@pytest.mark.parametrize("fast", [True, False])
def test_the_length_of_a_private_group_is_no_column_and_no_creator(good, tmp_path, fast):
    group = b"\x09\0\0\0UL\x04\0\x10\0\0\0" + b"\x09\0\x01\0LO\x02\0x "
    content = good.read_bytes()
    if not fast:  # a VR that is none: pydicom is asked
        group += b"\x09\0\x02\0??\x02\0x "
    place = content.index(b"\x10\0\x10\0PN")
    (tmp_path / "1.dcm").write_bytes(content[:place] + group + content[place:])
    table = header_table(tmp_path, private=True)
    private = [name for name in table if name.startswith("(")]
    assert private == ["(0009,xx01) no creator", "(0009,xx02) no creator"][: 2 - fast]
    assert header_of(tmp_path / "1.dcm", search="0009")["name"].tolist()[0] != "16: Private"


def test_looks_like_numbers_but_is_text(good, tmp_path):
    for name, identity in (("1", "007"), ("2", "1e3")):
        dataset = pydicom.dcmread(good, stop_before_pixels=True)
        dataset.PatientID = identity
        dataset.save_as(tmp_path / name)
    assert header_table(tmp_path)["PatientID"].tolist() == ["007", "1e3"]


def test_a_value_that_does_not_fit_its_vr_stays_text(good, tmp_path):
    raw = good.read_bytes()
    instance = raw.index(b"\x20\x00\x13\x00IS\x02\x00")
    (tmp_path / "1").write_bytes(raw[: instance + 8] + b"x " + raw[instance + 10 :])
    few_bytes = raw[: instance + 4] + b"FD" + raw[instance + 6 :]
    (tmp_path / "2").write_bytes(few_bytes)
    table = header_table(tmp_path)
    assert table["InstanceNumber"].tolist() == ["x", "1"] and table["error"].isna().all()
    shown = header_of(tmp_path / "2", search="(0020,0013)")["value"].iloc[0]
    assert shown.startswith("1 (BytesLengthException")


def test_a_file_stands_for_itself_and_an_empty_list_for_nothing(good):
    assert header_table(good).index.tolist() == [str(good)]
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


def test_cuts_inside_a_header_are_seen(good, tmp_path):
    """A cut between two elements makes a shorter header; every other has its reason."""
    dataset, lengths = pydicom.dcmread(good), []
    meta, content = len(_written(pydicom.Dataset(), dataset.file_meta)), good.read_bytes()
    for element in dataset:
        one = pydicom.Dataset()
        one.add(element)
        lengths.append(len(_written(one, dataset.file_meta)) - meta)
    between = set(accumulate(lengths[:-1], initial=meta)) - {meta}  # behind elements
    assert max(between) == content.index(b"\xe0\x7f\x10\0OW"), "where the pixels begin"
    for kept in range(meta, max(between) + 1):
        (tmp_path / f"{kept}.dcm").write_bytes(content[:kept])
    errors = header_table(tmp_path, progress=False)["error"]
    assert len(errors) == max(between) - meta + 1
    whole = {int(Path(path).stem) for path in errors.index[errors.isna()]}
    assert whole == between
    cut = content.index(b"\x10\x00\x20\x00LO") + 5
    assert errors.loc[str(tmp_path / f"{cut}.dcm")] == "truncated: 5 bytes behind (0010,0010)"


def _written(dataset, file_meta):
    """The bytes that pydicom writes of a data set."""
    file = io.BytesIO()
    dataset.file_meta = file_meta
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def test_as_many_rows_as_files_whatever_they_are(good, tmp_path):
    """A link loop, a file that may not be read, a name that is not UTF-8.

    By hand also a pipe, a folder and what is not there.
    """
    root = Path(tempfile.mkdtemp(dir="/tmp"))  # which others may enter, unlike the folder of a test
    root.chmod(0o755)
    names = ["1.dcm", "closed.dcm", os.fsdecode(b"caf\xe9.dcm")]
    for name in names:
        shutil.copyfile(good, root / name)
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


@pytest.mark.parametrize("left", [None, 0, 200, 1000])
def test_a_file_that_vanishes_or_shrinks_while_it_is_read(good, tmp_path, monkeypatch, left):
    """It is another than was listed when it is opened, and again when its size is asked for."""
    for name in ("1.dcm", "2.dcm"):
        shutil.copyfile(good, tmp_path / name)
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
    shutil.copyfile(good, tmp_path / "1.dcm")
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


def test_keywords_from_whatever_holds_them(good, phantom_headers):
    columns = phantom_headers.columns[:3]
    for keywords in (columns, columns.to_numpy(), iter(columns)):
        table = header_table(good, keywords=keywords)
        assert table.columns[:3].tolist() == columns.tolist() and len(table.columns) == 8


def test_names_that_no_system_has(good):
    table = header_table([good, "a\0b", "a\ud800b"])
    assert table["error"].tolist() == [None, "no such file", "no such file"]


def test_headers_are_the_same_whatever_the_environment_says(good, monkeypatch):
    plain = header_table(good, private=True)
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a key")
    pd.testing.assert_frame_equal(header_table(good, private=True), plain)
    assert plain["PatientID"].tolist() == ["P01-reference"]


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
