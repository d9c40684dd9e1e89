"""Downloads as they come: what is there is told by content, and nothing of it stops anything."""

import bz2
import gzip
import io
import lzma
import os
import shlex
import shutil
import struct
import subprocess
import tarfile
import warnings
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
from messy_download import (
    APPLE_DOUBLE,
    HIDDEN,
    MESSY,
    ON_CD,
    WINDOWS_PROGRAM,
    key_objects,
    pdf_document,
    write_messy_download,
)
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian

from helpers import (
    audit,
    clinical_table,
    collection_root,
    contents_line,
    contents_table,
    decoder_table,
    diff_headers,
    export,
    header_of,
    header_table,
    identifying,
    list_files,
    slice_counts,
    slice_table,
    stack_table,
    tag_summary,
)
from helpers import collection as collection_module
from helpers.errors import ClearError
from helpers.files.listing import FolderError
from helpers.files.opening import size_of
from helpers.formats import MARKS, OPENED_BY, command_for, format_of
from helpers.headers.pydicom_reader import pydicom_row
from helpers.phantom.encoding import encoded
from helpers.slices.contents import images
from helpers.slices.images import NoImageError

CT = get_testdata_file("CT_small.dcm")
SEVEN_ZIP = b"7z\xbc\xaf'\x1c\0\4\x8d\x9b\xd5\x0f" + bytes(20)  # an empty one


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    return write_messy_download(tmp_path_factory.mktemp("messy") / "download")


@pytest.fixture(scope="module")
def messy_headers(messy):
    return header_table(messy, progress=False)


@pytest.fixture(scope="module")
def image(messy):
    return pydicom.dcmread(messy / "CD 1" / "PT000000" / "ST000000" / "SE000000" / "IM000003")


def _touch(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _headers(folder):
    return header_table(folder, progress=False)


# the whole download


def test_every_file_is_counted_by_what_it_is(messy, messy_headers):
    contents = contents_table(messy_headers)
    assert contents["files"].droplevel("part").to_dict() == {**MESSY, "hidden file": HIDDEN}
    assert contents["files"].drop("left out").sum() == len(messy_headers) == len(list_files(messy))
    counts = contents.groupby("part", sort=False)["files"].sum()
    assert counts.to_dict() == {
        **{"images": 90, "other DICOM objects": 10, "not DICOM": 15, "left out": HIDDEN}
    }
    assert contents.loc["images"].iloc[0][["Modality", "files", "patients", "series"]].tolist() == [
        *("CT", 90, 4, 4)
    ]
    sizes = sum(map(size_of, list_files(messy)))
    assert contents["size_mb"].sum() == pytest.approx(sizes / 1e6, abs=0.1)
    assert all(map(os.path.exists, contents["example"]))


def test_what_opens_archives_opens_them(messy, messy_headers, tmp_path):
    commands = contents_table(messy_headers)["how_to_open"]
    commands = commands[commands != ""].droplevel("part")
    assert set(commands.index) == {"gzip-compressed DICOM file"}
    copy = shutil.copytree(messy / "downloads", tmp_path / "downloads")
    for command in commands:
        moved = command.replace(str(messy), str(tmp_path))
        subprocess.run(["sh", "-c", moved], check=True, capture_output=True)
    headers = _headers(copy)
    assert headers["PatientID"].eq("CD-0001").sum() == 3 + 3 + 1, "of ZIP, tar, gzip"
    for name in ("CT export.zip", "series.tar.gz"):
        command = command_for(format_of((copy / name).read_bytes()), copy / name)
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)
        (copy / name).unlink()
    assert _headers(copy)["PatientID"].eq("CD-0001").sum() == 3 + 3 + 1, "unpacked by programs"


def test_the_scans_of_a_messy_download_are_whole(messy_headers):
    """Duplicates on a second copy of a CD are repeated images of one stack, none of them lost."""
    slices = slice_table(messy_headers)
    stacks = stack_table(slices)
    assert len(slices) == 90 and slices["repeated"].sum() == ON_CD.slices + 3 + 3
    assert stacks.set_index("PatientID")["positions"].to_dict() == {
        **{"CD-0001": 24, "JP 0002": 12, "DE-0003": 12, "EG-0004": 12}
    }
    counts = slice_counts(messy_headers, slices)
    assert counts.loc["CD-0001", ["images", "unique_images", "positions"]].tolist() == [54, 24, 24]
    findings = audit(messy_headers, slices)
    twice = findings[findings["rule"] == "same-instance-twice"]
    assert len(twice) == 24 + 3 + 3
    assert twice["value"].str.match(r"as CD 1( \(copy\))?/PT0").all(), "names alone are the same"
    assert findings["severity"].ne("error").all(), findings.to_string()


def test_audit_calls_no_other_object_a_fault(messy_headers):
    findings = audit(messy_headers)
    good = messy_headers.index[messy_headers["error"].isna()]
    others = {path for path in good if "documents" in path or "DICOMDIR" in path}
    known = {"missing-references", "unknown-charset"}
    assert set(findings[findings["path"].isin(others)]["rule"]) <= known
    bad = findings[findings["rule"] == "not-dicom"]
    assert len(bad) == 15 and any("gzip-compressed DICOM file" in said for said in bad["value"])


def _tables(headers, folder):
    """Calls of every public function that takes a folder's tables."""
    slices = slice_table(headers)
    yield lambda: stack_table(slices)
    yield lambda: slice_counts(headers, slices)
    yield lambda: audit(headers, slices, pixels=True)
    yield lambda: identifying(headers)
    yield lambda: tag_summary(headers)
    yield lambda: tag_summary(headers, by="Modality")
    yield lambda: contents_table(headers)
    yield lambda: decoder_table(headers)
    yield lambda: clinical_table(headers)
    yield lambda: export(headers, folder / "headers.csv")
    yield lambda: export(headers, folder / "headers.parquet")
    yield lambda: export(contents_table(headers), folder / "contents.csv")
    yield lambda: export(contents_table(headers), folder / "contents.parquet")


PARTS = {  # of the download, each alone → how its line begins
    "CD 1/DICOMDIR": "No image in this collection: 1 DICOMDIR",
    "documents/report 1.dcm": "No image in this collection: 1 Basic Text SR document",
    "documents/letter.dcm": "No image in this collection: 1 Encapsulated PDF",
    "documents/state.dcm": "No image in this collection: 1 Grayscale Softcopy Presentation State",
    "documents/key images.dcm": "No image in this collection: 1 Key Object Selection Document",
    "documents/ecg.dcm": "No image in this collection: 1 12-lead ECG Waveform",
    "documents/plan.dcm": "No image in this collection: 1 RT Plan",
    "documents/page.jpg": "No image in this collection; not DICOM: 1 JPEG picture",
    "documents/nothing.dcm": "No image in this collection; not DICOM: 1 empty file",
    "downloads/1.dcm.gz": "No image in this collection; not DICOM: 1 gzip-compressed DICOM file ",
    "README.txt": "No image in this collection; not DICOM: 1 text file",
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_alone_says_what_it_is_and_stops_nothing(messy, tmp_path, part):
    (tmp_path / "out").mkdir()
    folder = tmp_path / "alone"
    _touch(folder / Path(part).name, (messy / part).read_bytes())
    headers = _headers(folder)
    assert contents_line(headers).startswith(PARTS[part])
    assert len(slice_table(headers)) == 0
    for call in _tables(headers, tmp_path / "out"):
        assert call() is not None
    with pytest.raises(NoImageError, match=r"expected DICOM images, found none in .*alone: "):
        images(headers)


def test_the_whole_download_stops_nothing(messy_headers, tmp_path):
    for call in _tables(messy_headers, tmp_path):
        assert call() is not None
    table = clinical_table(messy_headers)
    assert sorted(table.index) == ["CD-0001", "JP 0002"]


def test_a_line_says_what_there_is_and_how_to_go_on(messy, messy_headers, tmp_path):
    line = contents_line(messy_headers)
    assert line.startswith("90 CT Images; other DICOM objects: 2 DICOMDIRs, ")
    assert line.endswith(f"; left out: {HIDDEN} hidden files") and "\n" not in line
    for name in ("a.7z", "b.7z"):
        _touch(tmp_path / name, SEVEN_ZIP)
    path = shlex.quote(str(tmp_path / "a"))
    assert contents_line(_headers(tmp_path)) == (
        "No image in this collection; not DICOM: 2 7z archives "
        f"(7z x {path}.7z -o{path} opens the first)"
    )


def test_a_line_stays_one_line_whatever_names_are(tmp_path):
    for name in ("new\nline.7z", os.fsdecode(b"caf\xe9.7z")):
        folder = tmp_path / str(len(name))
        _touch(folder / name, SEVEN_ZIP)
        line = contents_line(_headers(folder))
        assert line == "No image in this collection; not DICOM: 1 7z archive"
        line.encode()


# DICOM objects that are no images


def test_objects_are_read_fast_and_as_pydicom_has_them(messy, messy_headers):
    paths = [path for path in messy_headers.index if "documents" in path or "DICOMDIR" in path]
    for path in paths:
        expected = pydicom_row(path)
        row = messy_headers.loc[path]
        for name, value in expected.items():
            assert row[name] == value or (value is None and pd.isna(row[name])), (path, name)
        if expected["error"] is None:
            assert len(header_of(path)) > 5
    pdf = messy / "documents" / "letter.dcm"
    document = pydicom.dcmread(pdf).EncapsulatedDocument
    assert messy_headers.loc[str(pdf), "EncapsulatedDocument"] == len(document)
    shown = header_of(pdf, search="EncapsulatedDocument")["value"].tolist()
    assert any(f"{len(document)} bytes" in value for value in shown)


def test_reports_are_compared_to_their_depth(messy, image, tmp_path):
    one, other = key_objects(image), key_objects(image)
    other.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    files = [
        _touch(tmp_path / name, encoded(dataset)) for name, dataset in (("a", one), ("b", other))
    ]
    (row,) = diff_headers(*files).to_dict("records")
    assert row["keyword"] == "ReferencedSOPInstanceUID" and row["b"] == "1.2.3"
    assert row["tag"] == "(0040,A730)[1] (0008,1199)[1] (0008,1155)"


def test_a_large_dicomdir_is_read_fast(tmp_path, image):
    """Of 20,000 images, 5 MB: its records are counted, not made."""
    record = _element(0x0004, 0x1430, b"CS", b"IMAGE ") + _element(
        0x0004, 0x1500, b"CS", b"PT000000\\ST000000\\SE000000\\IM000000 "
    )
    record += _element(0x0008, 0x0018, b"UI", b"1.2.3.4.5.6.7.8.9.10.11.12.13.14")
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(record)) + record
    content = item * 20_000
    sequence = b"\x04\0\x20\x12SQ\0\0" + struct.pack("<L", len(content)) + content
    meta = _element(0x0002, 0x0010, b"UI", ExplicitVRLittleEndian.encode() + b"\0")
    path = _touch(tmp_path / "DICOMDIR", bytes(128) + b"DICM" + meta + sequence)
    rows = _headers(tmp_path)
    assert rows["DirectoryRecordSequence"].tolist() == [20_000] and rows["error"].isna().all()
    assert contents_line(rows) == "No image in this collection: 1 DICOMDIR"
    assert pydicom_row(path)["DirectoryRecordSequence"] == 20_000


def _element(group, number, vr, value):
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ("images", "CT Image")),
        ({"SOPClassUID": ""}, ("images", "CT Image (no SOP class)")),
        ({"SOPClassUID": "1.3.12.2.1107.5.9.1"}, ("images", "CT Image (private SOP class)")),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.999"},
            ("images", "CT Image (unknown SOP class)"),
        ),
        ({"SOPClassUID": "", "Modality": ""}, ("images", "DICOM Image (no SOP class)")),
        ({"SOPClassUID": None}, ("images", "CT Image")),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "CR"},
            ("images", "Secondary Capture Image (CR)"),
        ),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1", "Modality": "DX"},
            ("images", "Digital X-Ray Image - For Presentation"),
        ),
        ({"PixelData": None}, ("other DICOM objects", "CT Image without pixels")),
        (
            {"PixelData": None, "Rows": None, "Columns": None, "SOPClassUID": ""},
            ("other DICOM objects", "CT object (no SOP class)"),
        ),
        (
            {"PixelData": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.66"},
            ("other DICOM objects", "Raw Data"),
        ),
    ],
)
def test_a_file_is_named_as_its_class_or_else_its_modality_says(tmp_path, changes, kind):
    dataset = pydicom.dcmread(CT)
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "1.dcm", enforce_file_format=False)
    contents = contents_table(_headers(tmp_path))
    assert contents.index.tolist() == [kind]


def test_what_a_header_says_makes_no_second_line(tmp_path):
    dataset = pydicom.dcmread(CT)
    del dataset.SOPClassUID
    for number, modality in enumerate(["<script>\nalert(1)</script>", ["CT", "PT"], "C" * 5000]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.Modality = modality
            dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=False)
    headers = _headers(tmp_path)
    assert contents_line(headers) == "3 DICOM Images"
    assert contents_table(headers)["Modality"].tolist() == ["?"]


def test_files_that_cannot_be_read_are_counted_apart(tmp_path):
    content = Path(CT).read_bytes()
    _touch(tmp_path / "cut.dcm", content[: len(content) // 2])
    paths = [CT, tmp_path / "cut.dcm", tmp_path / "nowhere.dcm", tmp_path / "cut.dcm"]
    contents = contents_table(header_table(paths))["files"]
    assert contents.drop("left out", errors="ignore").to_dict() == {
        ("images", "CT Image"): 1,
        ("cannot be read", "truncated CT Image"): 1,
        ("cannot be read", "file that cannot be opened"): 1,
    }


# files that are no DICOM


def _saved(save, *arguments, **options):
    stream = io.BytesIO()
    save(stream, *arguments, **options)
    return stream.getvalue()


def _zipped(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _tarred(mode):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        archive.add(CT, "1.dcm")
    return stream.getvalue()


PICTURE = Image.fromarray(np.zeros((8, 8), np.uint8))
NIFTI = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.eye(4)).to_bytes()
NIFTI_2 = nibabel.Nifti2Image(np.zeros((2, 2, 2), np.float32), np.eye(4)).to_bytes()
FORMATS = [  # what a file is, and the bytes of one, most of them written by a library
    ("ZIP archive", _zipped(**{"a/1.dcm": b"x"})),
    ("ZIP archive", _zipped()),
    ("Office document", _zipped(**{"[Content_Types].xml": "<Types/>"})),
    ("Office document", _zipped(mimetype="application/vnd.oasis.opendocument.text")),
    ("NPZ arrays", _saved(np.savez, a=np.zeros(3))),
    ("NPY array", _saved(np.save, np.zeros(3))),
    ("tar archive", _tarred("w")),
    ("gzip-compressed tar archive", _tarred("w:gz")),
    ("bzip2-compressed file", bz2.compress(b"x")),
    ("xz-compressed file", lzma.compress(b"x")),
    ("gzip-compressed DICOM file", gzip.compress(Path(CT).read_bytes())),
    ("gzip-compressed NIfTI image", gzip.compress(NIFTI)),
    ("gzip-compressed CSV table", gzip.compress(b"a,b\n1,2\n")),
    ("gzip-compressed file", gzip.compress(b"\1\2\3")),
    ("gzip-compressed file", gzip.compress(b"abc")[:10] + b"\xff\xff"),
    ("7z archive", SEVEN_ZIP),
    ("RAR archive", b"Rar!\x1a\7\1\0\x33\x92\xb5\xe5"),
    ("PDF document", pdf_document("text")),
    *(
        (f"{name} picture", _saved(PICTURE.save, format=name))
        for name in ("JPEG", "PNG", "TIFF", "GIF", "BMP", "WebP")
    ),
    ("JPEG 2000 picture", _saved(PICTURE.save, format="JPEG2000")),
    ("MP4 video", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
    ("NIfTI image", NIFTI),
    ("NIfTI image", NIFTI_2),
    ("NRRD image", b"NRRD0005\ntype: uint8\n"),
    ("MetaImage header", b"ObjectType = Image\nNDims = 3\n"),
    ("HDF5 file", b"\x89HDF\r\n\x1a\n" + bytes(40)),
    ("Parquet table", _saved(pd.DataFrame({"a": [1]}).to_parquet)),
    ("Windows program", WINDOWS_PROGRAM),
    ("macOS AppleDouble file", APPLE_DOUBLE),
    ("macOS .DS_Store file", b"\0\0\0\1Bud1" + bytes(40)),
    ("old Office document or Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)),
    ("Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    ("DICOM file", Path(CT).read_bytes()),
    ("file that begins with zeros", bytes(5000)),
    ("HTML page", b"\n<!DOCTYPE html><html>"),
    ("HTML page", b'<?xml version="1.0"?><html xmlns="x">'),
    ("XML file", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
    ("JSON file", b'{"a": [1, 2]}'),
    ("JSON file", b'[{"a": "' + b"b" * 600 + b'"}]'),
    ("JSON file", "\ufeff".encode() + b"\n[1, 2, 3]"),
    ("CSV table", b"PatientID,Age\nA,1\nB,2\n"),
    ("CSV table", b'PatientID;Name\nA;"x;y"\n'),
    ("CSV table", b"id\tvalue\n1\t2\n3\t"),
    ("CSV table", b"StudyInstanceUID,label,split"),
    ("CSV table", ",".join(f"column {n}" for n in range(200)).encode()),
    ("text file", b"One, two, three. Four, five (six)."),
    ("text file", b"[1] a reference, and more\n"),
    ("text file", b"[autorun]\r\nopen=viewer.exe\r\n"),
    ("text file", b"function(a,b){return a,b}"),
    ("text file", b"\n"),
    ("text file", "Zoë – 日本語 ".encode() * 40),
    ("text file", "Befund: unauffällig, größer".encode("latin-1")),
    ("text file", "Text of Windows".encode("utf-16")),
    ("", b"\1\2\3"),
    ("", bytes(range(256))),
    ("", b""),
    ("text file", b"[" * 511),
]


@pytest.mark.parametrize(
    ("expected", "content"), FORMATS, ids=[str(n) for n in range(len(FORMATS))]
)
def test_formats_are_told_by_their_first_bytes(expected, content):
    assert format_of(content[:512]) == expected


def test_every_format_of_the_table_is_tried():
    tried = {name for name, _ in FORMATS}
    untried = {name for *_, name in MARKS} - tried
    assert untried == {
        *("zstd-compressed file", "RTF document", "HEIC picture", "AVI video", "MATLAB file"),
        *("Matroska or WebM video", "SQLite database", "Linux program", "macOS program"),
    }


def test_it_names_whatever_bytes_there_are():
    rng = np.random.default_rng(0)
    for length in (1, 7, 100, 512):
        for _ in range(300):
            assert isinstance(format_of(rng.bytes(length)), str)
    for _, content in FORMATS:
        for cut in (1, 3, 20, 131, 300):
            assert isinstance(format_of(content[:cut]), str)


def test_commands_open_what_they_say(tmp_path):
    for kind, content, inside in (
        ("ZIP archive", _zipped(**{"a b.txt": "x"}), "a b.txt"),
        ("tar archive", _tarred("w"), "1.dcm"),
        ("gzip-compressed tar archive", _tarred("w:gz"), "1.dcm"),
        ("bzip2-compressed file", bz2.compress(b"x"), ""),
        ("xz-compressed file", lzma.compress(b"x"), ""),
        ("gzip-compressed text file", gzip.compress(b"x"), ""),
    ):
        for name in (f"it's {kind}.x", f"{kind} without ending"):
            path = _touch(tmp_path / name, content)
            for into in (None, tmp_path / "other folder"):
                if into:
                    into.mkdir(exist_ok=True)
                command = command_for(kind, path, into=into)
                if shutil.which(shlex.split(command)[0]) is None:
                    continue
                subprocess.run(["sh", "-c", command], check=True, capture_output=True)
                opened = path.with_suffix("") if path.suffix else path.with_name(f"{name} opened")
                opened = into / opened.name if into else opened
                assert (opened / inside if inside else opened).is_file()
    assert command_for("PDF document", "a.pdf") == "" and set(OPENED_BY) >= {"7z archive"}


# names, links, folders


def test_awkward_names_and_folders_are_read(tmp_path):
    content = Path(CT).read_bytes()
    names = [
        *("IM000001", "a.dcm", "A.DCM", "a.DCM", "b.ima", "with blank .dcm", "日本語.dcm"),
        *("أشعة.dcm", "🩻", "e\u0301.dcm", "é.dcm", "-rf.dcm", "1.dcm.part", "a\nb.dcm"),
        "/".join(["a long name of a folder, as export tools make them"] * 60) + "/1.dcm",
    ]
    for name in names:
        _touch(tmp_path / "scan" / name, content)
    (tmp_path / "scan" / "link.dcm").symlink_to(tmp_path / "scan" / "a.dcm")
    (tmp_path / "scan").chmod(0o555)  # nothing is written beside what is read
    headers = _headers(tmp_path / "scan")
    (tmp_path / "scan").chmod(0o755)
    assert headers["error"].isna().all()
    assert {os.path.relpath(path, tmp_path / "scan") for path in headers.index} == {
        *(*names, "link.dcm")
    }
    slices = slice_table(headers)
    assert len(slices) == len(names) + 1 and slices["repeated"].sum() == len(names)
    assert slice_counts(headers, slices)["unique_images"].tolist() == [1]


def test_hidden_files_are_counted_where_they_lie(tmp_path):
    for name in ("a/1.dcm", "b/c/2.dcm"):
        _touch(tmp_path / "root" / name, Path(CT).read_bytes())
    hidden = ["root/.DS_Store", "root/b/c/._2.dcm", "root/b/.git/config", "root/CVS/Entries"]
    for name in (*hidden, ".elsewhere"):
        _touch(tmp_path / name)
    contents = contents_table(_headers(tmp_path / "root")).loc["left out", "files"]
    assert contents.to_dict() == {"hidden file": 2, "hidden folder": 2}
    listed = [*list_files(tmp_path / "root"), tmp_path / hidden[0], tmp_path / hidden[1]]
    contents = contents_table(header_table(listed))["files"]
    assert contents["not DICOM"].to_dict() == {"empty file": 2}
    assert contents["left out"].to_dict() == {"hidden folder": 2}
    with pytest.raises(
        FolderError, match=r"found none below .*c but hidden ones, such as \._2.dcm"
    ):
        (tmp_path / "root/b/c/2.dcm").unlink()
        list_files(tmp_path / "root/b/c")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("downloads/1.dcm.gz", r"\(gzip-compressed DICOM file\); open it, .*: gunzip -c "),
        ("documents/ecg.dcm", r"found a DICOM file at .*ecg.dcm; name its folder: .*documents$"),
        ("README.txt", r"found a file at .*README.txt \(text file\)$"),
        ("documents/nothing.dcm", r"found a file at .*nothing.dcm$"),
        ("nowhere", "found nothing at .*nowhere$"),
    ],
)
def test_a_file_in_place_of_a_folder_is_one_useful_line(messy, monkeypatch, name, expected):
    monkeypatch.setenv("DICOM_ROOT", str(messy / name))
    with pytest.raises(
        FolderError, match=rf"DICOM_ROOT: expected a folder of DICOM files, .*{expected}"
    ):
        collection_root()


def test_a_table_of_one_file_says_what_opens_it(messy):
    headers = header_table(messy / "downloads" / "1.dcm.gz")
    assert headers["error"].tolist() == ["not DICOM: gzip-compressed DICOM file; gunzip opens it"]


def test_a_collection_is_found_among_pictures_tables_and_archives(messy, tmp_path):
    found, why = collection_module.find_dicom(messy)
    assert found == messy and "10 of its 10 folders" in why
    for patient in range(3):
        folder = tmp_path / "data" / f"ID{patient}"
        for name in ("1.png", "2.jpg", "3.csv", "4.txt", "scan.zip"):
            _touch(folder / name, b"no DICOM")
        _touch(folder / "slice 10.IMA", Path(CT).read_bytes())
    assert collection_module.find_dicom(tmp_path)[0] == tmp_path / "data"


def test_archives_alone_below_kaggles_input_are_named(messy, tmp_path, monkeypatch, capsys):
    _touch(tmp_path / "CT export.7z", SEVEN_ZIP)
    monkeypatch.setattr(collection_module, "KAGGLE_INPUT", tmp_path)
    monkeypatch.setattr(collection_module, "phantom_root", lambda: Path("the phantom"))
    collection_root()
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and said.startswith("Collection: the phantom (")
    assert f"no DICOM files, but 1 archive; the first opens with: 7z x '{tmp_path}" in said
    assert "-o'/kaggle/working/CT export')" in said


def test_a_collection_in_an_archive_below_kaggles_input_is_found(messy, tmp_path, monkeypatch):
    shutil.copyfile(messy / "downloads" / "CT export.zip", tmp_path / "CT export.zip")
    monkeypatch.setattr(collection_module, "KAGGLE_INPUT", tmp_path)
    root = collection_root()
    assert root == tmp_path / "CT export.zip" / "CT"
    assert len(slice_table(header_table(root))) == 3


def test_no_table_of_another_kind_is_summed_up(messy_headers):
    with pytest.raises(ClearError, match="expected the table of header_table"):
        contents_table(slice_table(messy_headers))
    with pytest.raises(ClearError, match="expected a header table with SeriesInstanceUID"):
        contents_table(header_table([CT], keywords=["PatientID"]))
    few = header_table([CT], keywords=["SeriesInstanceUID", "Rows", "Columns", "Modality"])
    assert contents_line(few) == "1 CT Image", "what was not asked for is not missing"
    assert contents_table(messy_headers[:0]).empty
    with pytest.raises(NoImageError, match="found none in an empty list: no file"):
        images(messy_headers[:0])
