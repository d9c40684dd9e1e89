"""Archives are folders: the same table from a folder, its ZIP and its tar; and those that harm."""

import bz2
import gzip
import io
import lzma
import multiprocessing
import os
import shutil
import struct
import tarfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.data import get_testdata_file

from helpers import (
    audit,
    collection_root,
    contents_table,
    header_of,
    header_table,
    list_files,
    load_slice,
    load_volume,
    on_disk,
    slice_table,
    stack_table,
)
from helpers.files import archives
from helpers.files.archives import Archive
from helpers.files.listing import FolderError, file_names
from helpers.files.opening import fingerprints_of, open_file, size_of

CT = get_testdata_file("CT_small.dcm")
KINDS = {  # ending → what writes it
    "stored.zip": partial(zipfile.ZipFile, mode="w", compression=zipfile.ZIP_STORED),
    "deflated.zip": partial(zipfile.ZipFile, mode="w", compression=zipfile.ZIP_DEFLATED),
    "plain.tar": partial(tarfile.open, mode="w"),
    "packed.tar.gz": partial(tarfile.open, mode="w:gz"),
    "packed.TGZ": partial(tarfile.open, mode="w:gz"),
    "packed.tar.bz2": partial(tarfile.open, mode="w:bz2"),
    "packed.tar.xz": partial(tarfile.open, mode="w:xz"),
}


def _pack(folder, path, names=None):
    """Writes the files of a folder into an archive."""
    with KINDS[path.name](path) as archive:
        add = archive.write if isinstance(archive, zipfile.ZipFile) else archive.add
        for file in names or list_files(folder):
            add(file, Path(file).relative_to(folder).as_posix())
    return path


def _zipped(path, **contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def _without(table, root):
    """A table whose paths are those below the root."""
    index = [str(path).removeprefix(f"{root}/") for path in table.index]
    return table.set_axis(pd.Index(index, dtype=object, name="path"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of every encoding that pydicom ships, some in a folder, one that is no DICOM."""
    root = tmp_path_factory.mktemp("scan")
    names = ("CT_small", "MR_small", "JPEG2000", "SC_rgb_jpeg_dcmtk", "image_dfl", "rtplan")
    for number, name in enumerate(names):
        path = root / ("a" if number % 2 else "b") / f"{number}.dcm"
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(get_testdata_file(f"{name}.dcm"), path)
    (root / "notes.txt").write_text("no DICOM\n", encoding="utf-8")
    (root / ".hidden").write_bytes(b"x")
    (root / "empty.dcm").write_bytes(b"")
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_an_archive_is_that_of_its_folder(folder, tmp_path, kind):
    path = _pack(folder, tmp_path / kind)
    expected = _without(header_table(folder), folder)
    pd.testing.assert_frame_equal(_without(header_table(path), path), expected)
    assert [str(one) for one in list_files(path)] == file_names(path)
    inner = header_table(path / "a")
    assert len(inner) == 3 and all(one.startswith(f"{path}/a/") for one in inner.index)


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_in_a_folder_is_one_more_folder(folder, tmp_path, kind):
    shutil.copyfile(CT, tmp_path / "9.dcm")
    _pack(folder, tmp_path / kind)
    headers = header_table(tmp_path)
    assert len(headers) == 1 + len(list_files(folder))
    assert str(tmp_path / kind / "a" / "1.dcm") in headers.index


@pytest.fixture(scope="module")
def volumes(real, tmp_path_factory):
    """A scan as (its slices from the folder, its slices from an archive)."""
    files = [path for path in list_files(real) if "P01" in str(path)] or list_files(real)[:60]
    path = tmp_path_factory.mktemp("zip") / "deflated.zip"
    _pack(real, path, files)
    return tuple(slice_table(header_table(root)) for root in (files, path))


def test_pixels_volumes_and_findings_are_the_same(volumes):
    plain, packed = volumes
    assert len(plain) == len(packed) > 0
    pd.testing.assert_frame_equal(stack_table(plain), stack_table(packed))
    for stack, row in stack_table(packed).iterrows():
        if row["volume"] == "whole":
            one, other = load_volume(plain.loc[stack]), load_volume(packed.loc[stack])
            assert np.array_equal(one.array, other.array)
            assert np.array_equal(one.affine, other.affine)
    found = [
        audit(header_table(sorted(set(rows.index.get_level_values("path")))), rows)
        for rows in volumes
    ]
    assert found[0]["rule"].tolist() == found[1]["rule"].tolist()


@pytest.mark.parametrize("kind", ["stored.zip", "deflated.zip", "plain.tar", "packed.tar.gz"])
def test_any_part_of_a_member_is_that_of_its_file(tmp_path, kind):
    content = np.random.default_rng(1).integers(0, 8, 3_000_000, np.uint8).tobytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.dcm").write_bytes(content)
    path = _pack(tmp_path / "in", tmp_path / kind)
    with open_file(path / "1.dcm") as file:
        assert file.size == len(content) == size_of(path / "1.dcm")
        for start, length in ((0, 100), (2_999_990, 100), (5, 2_000_000), (1_000, 8192), (4e6, 5)):
            start = int(start)
            assert file.read(start, length) == content[start : start + length]
        out = np.empty(1000, np.int16)
        assert file.read_into(100, out) and out.tobytes() == content[100:2100]
        assert not file.read_into(len(content) - 10, out)


def test_files_of_an_archive_are_copied_where_a_program_needs_a_path(folder, tmp_path):
    path = _pack(folder, tmp_path / "deflated.zip")
    member = str(path / "a" / "1.dcm")
    copy = on_disk(member)
    assert Path(copy).read_bytes() == (folder / "a" / "1.dcm").read_bytes()
    assert on_disk(member) == copy and on_disk(CT) == CT
    with pytest.raises(FileNotFoundError):
        on_disk(path / "nothing.dcm")
    assert len(header_of(member)) > 10
    assert load_slice(member).array.shape


def test_what_is_remembered_of_members_is_true(folder, tmp_path):
    path = _pack(folder, tmp_path / "deflated.zip")
    before = fingerprints_of(file_names(path))
    assert (before[:, 0] >= 0).all()
    assert (fingerprints_of(file_names(path)) == before).all()
    cache = tmp_path / "cache"
    header_table(path, cache=cache)
    _zipped(path, **{"a/1.dcm": Path(CT).read_bytes()})
    os.utime(path, ns=(1, 1))
    headers = header_table(path, cache=cache)
    assert headers["error"].isna().all() and len(headers) == 1


def test_archives_in_archives_are_read_to_a_depth(tmp_path):
    inner = _zipped(tmp_path / "1.zip", **{"1.dcm": Path(CT).read_bytes()})
    for depth in (2, 3, 4):
        inner = _zipped(tmp_path / f"{depth}.zip", **{inner.name: inner.read_bytes()})
    assert header_table(tmp_path / "2.zip").index.tolist() == [f"{tmp_path}/2.zip/1.zip/1.dcm"]
    (error,) = header_table(tmp_path / "4.zip")["error"]
    assert error.startswith("not DICOM: ZIP archive")


# archives that harm


def _row(path):
    (error,) = header_table(path)["error"]
    return error


def test_names_that_lead_out_of_an_archive_lead_nowhere(tmp_path):
    content = Path(CT).read_bytes()
    names = ["../../up.dcm", "/etc/root.dcm", "a/../../b.dcm", "ok.dcm", "./here.dcm", "a//b.dcm"]
    _zipped(tmp_path / "a.zip", **dict.fromkeys(names, content))
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    for name in ("a.zip", "b.tar"):
        headers = header_table(tmp_path / name)
        assert len(headers) == len(names)
        assert not any(".." in Path(path).parts for path in headers.index)
        bad = headers["error"].dropna()
        assert len(bad) == 3 and bad.str.startswith("a name that leads out of the archive: '").all()
        good = headers.index[headers["error"].isna()]
        assert {path.removeprefix(f"{tmp_path}/{name}/") for path in good} == {
            *("ok.dcm", "here.dcm", "a/b.dcm")
        }
    assert not (tmp_path / "up.dcm").exists() and not (tmp_path.parent / "up.dcm").exists()


def test_links_and_devices_of_an_archive_are_rows(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("l", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("f", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    errors = header_table(tmp_path)["error"]
    assert errors.str.contains("a link in an archive, which is not followed").sum() == 3
    assert errors.str.contains("no regular file").sum() == 1


def test_of_two_members_alike_the_last_counts(tmp_path):
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(tmp_path / "a.zip", "w") as archive,
    ):
        archive.writestr("1.dcm", b"first")
        archive.writestr("1.dcm", Path(CT).read_bytes())
    headers = header_table(tmp_path / "a.zip")
    assert headers["error"].tolist() == [None, archives.FOLLOWED]
    assert headers.index[1].endswith("1.dcm#1")


def test_damage_is_a_reason(tmp_path):
    content = Path(CT).read_bytes()
    good = _zipped(tmp_path / "good.zip", **{"1.dcm": content}).read_bytes()
    half = tmp_path / "half.zip"
    half.write_bytes(good[: len(good) // 2])
    assert _row(half).startswith("not DICOM: ZIP archive; unzip opens it; not a whole archive: ")
    with pytest.raises(FolderError, match=r"found an archive that cannot be read at .*half\.zip"):
        file_names(half)
    broken = bytearray(good)
    broken[200:260] = bytes(60)
    (tmp_path / "broken.zip").write_bytes(broken)
    assert "damaged" in _row(tmp_path / "broken.zip") or _unreadable(tmp_path / "broken.zip/1.dcm")
    (tmp_path / "text.zip").write_text("no archive", encoding="utf-8")
    assert "not a whole archive" in _row(tmp_path / "text.zip")
    _zipped(tmp_path / "none.zip")
    assert _row(tmp_path / "none.zip").endswith("; it holds no files")
    for kind in ("plain.tar", "packed.tar.gz"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / "1.dcm").write_bytes(content)
        path = _pack(tmp_path / "in", tmp_path / kind)
        path.write_bytes(path.read_bytes()[:9000])
        assert any(word in _row(path) for word in ("damaged", "not a whole archive"))


def _unreadable(path):
    with pytest.raises(OSError, match="damaged"), open_file(path) as file:
        file.read(0, file.size)
    return True


def test_a_member_with_another_sum_is_damaged(tmp_path):
    path = _zipped(tmp_path / "a.zip", **{"1.dcm": Path(CT).read_bytes()})
    content = bytearray(path.read_bytes())
    where = content.index(b"PK\1\2") + 16
    content[where] ^= 1
    path.write_bytes(content)
    assert _unreadable(path / "1.dcm")


def test_members_that_cannot_be_read_in_place_say_so(tmp_path):
    content = Path(CT).read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("1.dcm", content)
    assert "packed by LZMA, which is not read in place: unpack the archive" in _row(
        tmp_path / "a.zip"
    )
    path = _zipped(tmp_path / "b.zip", **{"1.dcm": content})
    locked = bytearray(path.read_bytes())
    locked[locked.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(locked)
    assert _row(path) == "encrypted in its archive: unpack it with its password"


def test_bombs_take_no_memory(tmp_path, monkeypatch):
    bomb = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("1.dcm", "w") as out,
    ):
        for _ in range(64):
            out.write(bytes(2**20))
    monkeypatch.setattr(archives, "LARGE", 2**25)
    assert "bytes that unpack to 67108864: this is no image" in _row(bomb)
    monkeypatch.setattr("helpers.files.reading.SHARE_OF_FREE", 0)
    tar = tmp_path / "bomb.tar.gz"
    tar.write_bytes(gzip.compress(bytes(2**20)))
    assert "unpack the archive where there is room, or set TMPDIR" in _row(tar)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    _zipped(tmp_path / "many.zip", **{f"{n}.dcm": b"" for n in range(6)})
    assert "expected at most 5 files in an archive, got more" in _row(tmp_path / "many.zip")
    monkeypatch.setattr(archives, "MAX_AT_ONCE", 100)
    assert "expected a directory of at most 100 bytes" in _row(
        _zipped(tmp_path / "c.zip", **{"a" * 99: b"x"})
    )


def test_many_empty_members_are_as_many_rows(tmp_path):
    _zipped(tmp_path / "a.zip", **{f"{n}.dcm": b"" for n in range(3000)})
    assert header_table(tmp_path / "a.zip")["error"].eq("empty file").sum() == 3000


def test_a_wrong_offset_is_damage(tmp_path):
    path = _zipped(tmp_path / "a.zip", **{"1.dcm": Path(CT).read_bytes()})
    content = bytearray(path.read_bytes())
    where = content.index(b"PK\1\2") + 42
    content[where : where + 4] = struct.pack("<I", 5)
    path.write_bytes(content)
    with pytest.raises(OSError, match="damaged: no file begins where the archive's directory says"):
        Archive(str(path), open_file(path)).open("1.dcm")


def test_what_is_packed_and_no_archive_is_a_file(tmp_path):
    for name, content in (("a.tar.gz", gzip.compress(b"x")), ("a.tar.bz2", bz2.compress(b"x"))):
        (tmp_path / name).write_bytes(content)
        assert "not a whole archive" in _row(tmp_path / name)
    (tmp_path / "a.tar.xz").write_bytes(lzma.compress(bytes(10240)))
    assert "it holds no files" in _row(tmp_path / "a.tar.xz")


def test_an_archive_may_be_larger_than_what_is_read_of_it_at_once(folder, tmp_path, monkeypatch):
    path = _pack(folder, tmp_path / "stored.zip")
    monkeypatch.setattr(archives, "MAX_AT_ONCE", 2**15)
    assert path.stat().st_size > 2**15 and len(header_table(path)) == len(list_files(folder))


def test_a_folder_that_is_called_like_an_archive_is_a_folder(tmp_path):
    (tmp_path / "scan.zip").mkdir()
    shutil.copyfile(CT, tmp_path / "scan.zip" / "1.dcm")
    assert header_table(tmp_path)["error"].isna().all()
    assert header_table([tmp_path / "scan.zip" / "2.dcm"])["error"].tolist() == ["no such file"]


def test_hidden_files_of_an_archive_are_left_out_and_counted(tmp_path):
    names = {"1.dcm": Path(CT).read_bytes(), "__MACOSX/._1.dcm": b"x", ".DS_Store": b"x"}
    _zipped(tmp_path / "a.zip", **names)
    headers = header_table(tmp_path)
    assert len(headers) == 1
    assert contents_table(headers)["files"].loc["left out"].sum() == 2


def test_a_root_may_be_an_archive(folder, tmp_path, monkeypatch, capsys):
    path = _pack(folder, tmp_path / "deflated.zip")
    monkeypatch.setenv("DICOM_ROOT", str(path))
    assert collection_root() == path
    assert f"Collection: {path} (named by DICOM_ROOT)" in capsys.readouterr().out
    monkeypatch.setenv("DICOM_ROOT", str(path / "a"))
    assert collection_root() == path / "a"


# what a reviewer broke


def _tar(path, items):
    with tarfile.open(path, "w") as archive:
        for name, content in items:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_a_tar_that_ends_in_a_document_is_no_zip(tmp_path):
    document = _zipped(tmp_path / "report.docx", **{"word.xml": b"x"}).read_bytes()
    content = Path(CT).read_bytes()
    path = _tar(tmp_path / "t.tar", [("1.dcm", content), ("2.dcm", content), ("3.docx", document)])
    assert len(header_table(path)) == 3


def test_a_damaged_description_in_a_tar_is_a_row(tmp_path):
    content = Path(CT).read_bytes()
    path = _tar(tmp_path / "t.tar", [(f"{number}.dcm", content) for number in range(5)])
    block = 512 + -(-len(content) // 512) * 512
    raw = bytearray(path.read_bytes())
    raw[2 * block] ^= 255
    path.write_bytes(raw)
    headers = header_table(path)
    assert headers["error"].isna().sum() == 2 and len(headers) == 3
    assert headers["error"].iloc[-1].startswith("damaged: what stands there describes no file")
    path.write_bytes(path.read_bytes()[: block + block // 2])
    cut = header_table(path)["error"]
    assert cut.isna().sum() == 1 and cut.str.contains("the archive ends").sum() == 1


def test_descriptions_without_end_take_no_time(tmp_path):
    with tarfile.open(tmp_path / "names.tar", "w") as archive:
        for _ in range(1200):
            info = tarfile.TarInfo("x")
            info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2
            archive.addfile(info, io.BytesIO(b"y\0"))
    first = tarfile.TarInfo("1.dcm")
    content = Path(CT).read_bytes()
    first.size = len(content)
    back = bytearray(tarfile.TarInfo("2.dcm").tobuf(tarfile.GNU_FORMAT))
    back[124:136] = (256**12 - 512).to_bytes(12, "big")
    back[148:156] = b" " * 8
    back[148:156] = b"%06o\0 " % sum(back)
    start = first.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)
    (tmp_path / "back.tar").write_bytes(start + back + bytes(10240))
    headers = header_table(tmp_path)
    assert headers["error"].isna().sum() == 1 and len(headers) == 3


def test_times_and_sizes_beyond_all_numbers_are_damage(tmp_path):
    content = Path(CT).read_bytes()
    with tarfile.open(tmp_path / "t.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for number, changed in enumerate(("1e300", "inf", "nan")):
            info = tarfile.TarInfo(f"{number}.dcm")
            info.size, info.pax_headers = len(content), {"mtime": changed}
            archive.addfile(info, io.BytesIO(content))
    assert header_table(tmp_path / "t.tar")["error"].isna().all()


def test_folders_called_like_archives_take_no_time(tmp_path):
    path = _zipped(tmp_path / "f.zip", **{"a.zip/" * 40 + "1.dcm": Path(CT).read_bytes()})
    assert header_table(path)["error"].tolist() == [None]


def test_members_that_share_their_bytes_are_damage(tmp_path):
    path = _zipped(tmp_path / "a.zip", **{"1.dcm": Path(CT).read_bytes(), "2.dcm": b"x"})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\1\2") + 42
    content[second : second + 4] = bytes(4)
    path.write_bytes(content)
    assert header_table(path)["error"].tolist() == [None, archives.SHARED]


def test_a_cut_member_fails_each_time(tmp_path):
    content = np.random.default_rng(2).integers(0, 4, 100_000, np.uint8).tobytes()
    path = _zipped(tmp_path / "a.zip", **{"1.dcm": content})
    raw = bytearray(path.read_bytes())
    where = raw.index(b"PK\1\2") + 20
    raw[where : where + 4] = struct.pack("<I", struct.unpack_from("<I", raw, where)[0] // 2)
    path.write_bytes(raw)
    with open_file(path / "1.dcm") as file:
        for _ in range(2):
            with pytest.raises(OSError, match="it ends too early"):
                file.read(0, len(content))
    with pytest.raises(OSError, match="it ends too early"):
        on_disk(path / "1.dcm")


def test_names_of_members_are_never_lost(tmp_path):
    content = Path(CT).read_bytes()
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(tmp_path / "a.zip", "w") as archive,
    ):
        for name in ("1.dcm#1", "1.dcm", "1.dcm", "9" * 5000, "dir/"):
            archive.writestr(name, content)
    assert len(header_table(tmp_path / "a.zip")) == 5


class _Part:
    """Reads a part of a file that was open before the process was forked."""

    file = None

    def __call__(self, start):
        return _Part.file.read(start, 20_000)


def test_a_copy_that_fails_leaves_room_for_the_next(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bad.csv", b"0123456789" * 500)
        archive.writestr("good.csv", b"a,b")
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF  # of what is packed
    path.write_bytes(content)
    with pytest.raises(OSError, match="damaged in its archive"):
        on_disk(f"{path}/bad.csv")
    assert Path(on_disk(f"{path}/good.csv")).read_bytes() == b"a,b"


def test_forked_processes_share_what_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.files.reading.KEPT_IN_MEMORY", 2**16)
    content = np.random.default_rng(3).integers(0, 256, 3_000_000, np.uint8).tobytes()
    path = _zipped(tmp_path / "a.zip", **{"1.dcm": content})
    file = open_file(path / "1.dcm")
    file.read(0, file.size)
    starts = np.random.default_rng(4).integers(0, 2_900_000, 400).tolist()
    _Part.file = file
    with multiprocessing.get_context("fork").Pool(3) as pool:
        parts = pool.map(_Part(), starts, chunksize=5)
    assert parts == [content[start : start + 20_000] for start in starts]
    file.close()


def test_many_frames_are_unpacked_once(tmp_path, monkeypatch):
    content = np.random.default_rng(5).integers(0, 8, 3_000_000, np.uint8).tobytes()
    path = _zipped(tmp_path / "a.zip", **{"1.dcm": content})
    inflated = []
    inflate = archives._inflated

    def counted(*found):
        for part in inflate(*found):
            inflated.append(len(part))
            yield part

    monkeypatch.setattr(archives, "_inflated", counted)
    for start in range(0, 3_000_000, 300_000):
        with open_file(path / "1.dcm") as file:
            assert file.read(start, 300_000) == content[start : start + 300_000]
    assert sum(inflated) == len(content)
