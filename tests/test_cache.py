"""The cache: a second table equal to a fresh one, whatever happened in between."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import zlib

import numpy as np
import pandas as pd
import pydicom
import pytest
from test_frame_rows import item, write

from helpers import header_table, slice_table
from helpers.errors import WrongTypeError
from helpers.headers import table as table_module
from helpers.headers.cache_place import CacheError, Place
from helpers.headers.fast_reader import FastReader
from helpers.headers.packed import ABSENT, Chunk, Coded, Same
from helpers.headers.table_file import LENGTHS, MARK, Entries, decoded, encoded
from helpers.slices import functional_groups
from helpers.slices.frame_rows import frame_rows

GROUPS = "PerFrameFunctionalGroupsSequence"


@pytest.fixture
def folder(real, phantom, tmp_path):
    """Files of every kind that a table has columns for, among them names that are no text."""
    folder = tmp_path / "data"
    folder.mkdir()
    for number, path in enumerate(
        [*(real / "odd/pydicom").iterdir(), *(phantom / "P03-interspaced").iterdir()]
    ):
        (folder / f"{number}{path.suffix}").write_bytes(path.read_bytes())
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    dataset.add_new(0x00189306, "FD", float("nan"))
    dataset.add_new(0x00181310, "US", [0, 1, 2, 3])
    dataset.save_as(folder / os.fsdecode(b"caf\xe9.dcm"))
    return folder


@pytest.fixture
def read(monkeypatch):
    """The paths that were read since the start of the test."""
    paths, row = [], FastReader.row
    monkeypatch.setattr(FastReader, "row", lambda self, path: paths.append(path) or row(self, path))
    return paths


def _same(folder, cache, **options):
    with_cache = header_table(folder, cache=cache, progress=False, **options)
    fresh = header_table(folder, cache=False, progress=False, **options)
    pd.testing.assert_frame_equal(with_cache, fresh)
    return with_cache


def test_the_second_table_equals_a_fresh_one_and_reads_nothing(folder, tmp_path, read):
    first = header_table(folder, cache=tmp_path / "cache", progress=False)
    read.clear()
    second = header_table(folder, cache=tmp_path / "cache", progress=False)
    assert not read
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(second, header_table(folder, progress=False))
    for column in first:
        kinds = [[type(value) for value in table[column]] for table in (first, second)]
        assert kinds[0] == kinds[1], column
    assert any(isinstance(value, tuple) for value in second["ImagePositionPatient"])


def test_only_what_is_new_or_changed_is_read_and_what_is_gone_is_dropped(
    folder, phantom, tmp_path, read
):
    header_table(folder, cache=tmp_path / "cache", progress=False)
    names = sorted(folder.iterdir())
    names[0].unlink()
    dataset = pydicom.dcmread(phantom / "P01-reference" / "2.dcm")
    dataset.save_as(folder / "0 new.dcm")
    dataset.PatientName = "Other^Name"
    dataset.save_as(folder / "zz changed later.dcm")
    read.clear()
    table = header_table(folder, cache=tmp_path / "cache", progress=False)
    assert sorted(map(os.path.basename, read)) == ["0 new.dcm", "zz changed later.dcm"]
    dataset.PatientName = "Third^Name"
    status = os.stat(folder / "zz changed later.dcm")
    dataset.save_as(folder / "zz changed later.dcm")
    times = status.st_atime_ns, status.st_mtime_ns  # which a copying program keeps
    os.utime(folder / "zz changed later.dcm", ns=times)
    read.clear()
    table = _same(folder, tmp_path / "cache")
    assert "Third^Name" in table["PatientName"].tolist() and str(names[0]) not in table.index


def test_numbers_stay_the_numbers_they_were(phantom, tmp_path):
    """What a column is depends on all its values: numbers with a gap, with a text, then alone."""
    folder = tmp_path / "data"
    folder.mkdir()
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    dataset.save_as(folder / "1.dcm")
    del dataset.InstanceNumber
    dataset.save_as(folder / "2.dcm")
    assert _same(folder, tmp_path / "cache")["InstanceNumber"].dtype == np.float64
    raw = (folder / "1.dcm").read_bytes()
    place = raw.index(b"\x20\x00\x13\x00IS")
    (folder / "3.dcm").write_bytes(raw[: place + 8] + b"x" + raw[place + 9 :])
    assert _same(folder, tmp_path / "cache")["InstanceNumber"].tolist()[:2] == [1, None]
    for name in ("2.dcm", "3.dcm"):
        (folder / name).unlink()
    assert _same(folder, tmp_path / "cache")["InstanceNumber"].dtype == np.int64


def test_keywords_and_private_elements(real, tmp_path):
    folder, cache = real / "series/mr-sagittal-hfdl", tmp_path / "cache"
    _same(folder, cache, keywords=["Rows", "PixelSpacing", "CardiacNumberOfImages"])
    _same(folder, cache)
    table = _same(folder, cache, private=True)
    assert "(0051,xx0E) SIEMENS MR HEADER" in table
    _same(folder, cache, private=True)
    assert "(0051,xx0E) SIEMENS MR HEADER" not in _same(folder, cache)


def test_other_folders_do_not_disturb_it(phantom, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    _same(phantom / "P01-reference", cache)
    _same(phantom / "P02-interspaced", cache)
    _same(
        [phantom / "P02-interspaced" / "3.dcm"] * 2
        + [phantom / "P01-reference" / "1.dcm", phantom / "nowhere"],
        cache,
    )
    _same([], cache)
    _same([], cache)
    for patient in ("P03-interspaced", "P16-thin"):  # the same relative names
        monkeypatch.chdir(phantom / patient)
        _same(".", cache)


def test_a_file_that_could_not_be_read_is_read_again(phantom, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    header_table([folder / "1.dcm"], cache=tmp_path / "cache")
    (folder / "1.dcm").write_bytes((phantom / "P01-reference" / "1.dcm").read_bytes())
    with monkeypatch.context() as patch:

        def failing(path, flags, opened=os.open):
            if os.fspath(path).endswith(".dcm"):
                raise OSError(errno.EIO, "Input/output error")
            return opened(path, flags)

        patch.setattr("helpers.files.reading.os.open", failing)
        errors = header_table([folder / "1.dcm"], cache=tmp_path / "cache")["error"].tolist()
    assert errors == ["not read: OSError: [Errno 5] Input/output error"]
    assert _same([folder / "1.dcm"], tmp_path / "cache")["error"].isna().all()


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "changed", "foreign", "older"])
def test_what_cannot_be_trusted_is_set_aside(phantom, tmp_path, monkeypatch, damage):
    folder, cache = phantom / "P03-interspaced", tmp_path / "cache.parquet"
    fresh = header_table(folder, cache=cache)
    whole = cache.read_bytes()
    if damage == "cut":
        cache.write_bytes(whole[: len(whole) // 2])
    elif damage in ("text", "empty"):
        cache.write_bytes(b"hello" * (damage == "text"))
    elif damage == "changed":
        assert b'"P03-interspaced"' in whole
        cache.write_bytes(whole.replace(b'"P03-interspaced"', b'"P04-interspaced"'))
    elif damage == "foreign":
        pd.DataFrame({"Patient": ["a"], "FVC": [1]}).to_parquet(cache)
    else:
        monkeypatch.setattr("helpers.headers.cache.FORMAT", -1)
    damaged = cache.read_bytes()
    message = r"cache: .*cache.parquet is set aside as .*cache.parquet.set-aside and begun anew \("
    with pytest.warns(UserWarning, match=message) as caught:
        table = header_table(folder, cache=cache)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert (tmp_path / "cache.parquet.set-aside").read_bytes() == damaged
    pd.testing.assert_frame_equal(table, fresh)
    _same(folder, cache)


def test_what_was_set_aside_is_not_overwritten(phantom, tmp_path):
    for content in (b"one", b"other"):
        (tmp_path / "cache").write_bytes(content)
        with pytest.warns(UserWarning, match="is set aside"):
            header_table(phantom / "P03-interspaced", cache=tmp_path / "cache")
    set_aside = sorted(tmp_path.glob("*.set-aside*"))
    assert [file.read_bytes() for file in set_aside] == [b"one", b"other"]


def test_each_distinct_value_is_stored_once(phantom, tmp_path):
    header_table(phantom / "P03-interspaced", cache=tmp_path / "cache")
    stored = decoded((tmp_path / "cache").read_bytes())
    columns = stored.rows.columns
    coded = [column for column in columns.values() if isinstance(column, Coded)]
    for column in coded:
        assert column.distinct[0] is ABSENT
        assert len(set(map(repr, column.distinct))) == len(column.distinct)
    assert len(coded) == 2 and columns["InstanceNumber"].dtype == "int64"
    wanted = ("PatientID", "PixelSpacing", "Rows", "AccessionNumber")
    assert [columns[name] for name in wanted] == [
        *(Same("P03-interspaced"), Same((3.0, 3.0)), Same(128), Same(None)),
    ]


def test_a_place_that_cannot_be_is_refused(phantom, tmp_path):
    for place in (tmp_path / "no" / "cache", tmp_path, ""):
        with pytest.raises(
            CacheError, match="expected the name of a file in a folder that can be written to, got"
        ):
            header_table(phantom / "P03-interspaced", cache=place)
    expected = "cache: expected the name of a file, True or False, got None"
    with pytest.raises(WrongTypeError, match=expected):
        header_table(phantom / "P03-interspaced", cache=None)
    file = tmp_path / "1.dcm"
    file.write_bytes((phantom / "P03-interspaced" / "1.dcm").read_bytes())
    with pytest.raises(
        CacheError, match=r"expected a file of its own, got .*1.dcm, which is to be read"
    ):
        header_table([file], cache=file)
    with pytest.raises(CacheError, match="expected a file outside of the folder that is read, got"):
        header_table(phantom, cache=phantom / "P03-interspaced" / "cache")


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_reading_keeps_what_was_read(folder, tmp_path, read, monkeypatch, error):
    cache, rows_of = tmp_path / "cache", table_module._rows_of

    def interrupted(*these):
        for number, rows in enumerate(rows_of(*these)):
            if number == 5:
                raise error
            yield rows

    with monkeypatch.context() as patch, pytest.raises(error):
        patch.setattr(table_module, "_rows_of", interrupted)
        header_table(folder, cache=cache, progress=False)
    read.clear()
    table = header_table(folder, cache=cache, progress=False)
    assert len(read) == len(table) - 5 * table_module.FILES_PER_CHUNK
    pd.testing.assert_frame_equal(table, header_table(folder, progress=False))


def test_it_is_written_once_and_not_where_nothing_is_new(folder, tmp_path, monkeypatch):
    written, write = [], Place.write
    monkeypatch.setattr(Place, "write", lambda *these: written.append(1) or write(*these))
    for _ in range(2):
        header_table(folder, cache=tmp_path / "cache", progress=False)
        assert len(written) == 1


def test_two_processes_at_once_do_not_spoil_it(phantom, tmp_path):
    script = (
        "import sys; from helpers import header_table; "
        "header_table(sys.argv[1], cache=sys.argv[2], progress=False)"
    )
    commands = [
        [sys.executable, "-W", "error", "-c", script, str(phantom / name), str(tmp_path / "cache")]
        for name in ("P01-reference", "P16-thin")
    ]
    processes = [subprocess.Popen(command) for command in commands * 2]
    assert [process.wait() for process in processes] == [0] * 4
    assert os.listdir(tmp_path) == ["cache"]
    _same(phantom / "P16-thin", tmp_path / "cache")


def test_a_cache_that_cannot_be_written_costs_no_row(phantom, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.warns(UserWarning, match=r"could not be written .*; the table is complete"),
    ):
        patch.setattr("helpers.headers.cache_place.os.replace", full)
        table = header_table(phantom / "P03-interspaced", cache=tmp_path / "cache")
    pd.testing.assert_frame_equal(table, header_table(phantom / "P03-interspaced"))
    assert not list(tmp_path.iterdir())


def test_a_link_stays_a_link(phantom, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    _same(phantom / "P03-interspaced", tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "cache").is_file()


def test_without_private_elements_from_a_cache_with_them(real, tmp_path, read):
    folder, cache = real / "series/mr-sagittal-hfdl", tmp_path / "cache"
    header_table(folder, cache=cache, private=True, progress=False)
    read.clear()
    table = header_table(folder, cache=cache, progress=False)
    assert not read
    pd.testing.assert_frame_equal(table, header_table(folder, progress=False))


def test_b_values_come_from_the_cache_and_go_where_they_were_not_asked_for(phantom, tmp_path, read):
    folder, cache, name = tmp_path / "data", tmp_path / "cache", "(0019,xx0C) SIEMENS MR HEADER"
    folder.mkdir()
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    for number in range(3):
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", 500 * number)
        dataset.save_as(folder / f"{number}.dcm")
    _same(folder, cache)
    read.clear()
    assert header_table(folder, cache=cache)[name].tolist() == [0, 500, 1000] and not read
    assert name not in header_table(folder, cache=cache, keywords=["Rows"])
    assert name in _same(folder, cache, keywords=["Rows", name])


# in the user's cache folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache folder of its own, where everything is worth remembering, and nothing was said."""
    monkeypatch.delenv("DICOM_NO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("helpers.headers.cache.MIN_SECONDS", 0)
    monkeypatch.setattr("helpers.headers.cache_place._said", set())
    return tmp_path / "home" / "dicom-headers"


def _table(folder, **options):
    return header_table(folder, progress=False, **options)


def _fresh(folder):
    return _table(folder, cache=False)


def test_the_table_of_a_folder_is_found_by_the_next_page(folder, home, read, capsys):
    first = _table(folder)
    read.clear()
    second = _table(f"{folder}/")
    assert not read
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(second, _fresh(folder))
    (file,) = home.iterdir()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        f"Headers: remembered in {home} (with names and IDs; "
        "cache=False or DICOM_NO_CACHE=1 does without)"
    )
    changed = sorted(folder.iterdir())[3]
    changed.write_bytes(changed.read_bytes() + b"0")
    read.clear()
    third = _table(folder)
    assert read == [str(changed)]
    pd.testing.assert_frame_equal(third, _fresh(folder))


def test_it_is_off_where_it_is_not_wanted(phantom, home, monkeypatch):
    folder = phantom / "P03-interspaced"
    _fresh(folder)
    _table(list(folder.iterdir()))
    _table(folder / "1.dcm")
    with monkeypatch.context() as patch:
        patch.setattr("helpers.headers.cache.MIN_SECONDS", float("inf"))
        _table(folder)
    with monkeypatch.context() as patch:
        patch.setenv("DICOM_NO_CACHE", "1")
        _table(folder)
    assert not home.exists()
    _table(folder)
    assert home.exists()


def test_it_is_not_in_the_collection(phantom, home, tmp_path, capsys):
    shutil.copytree(phantom / "P03-interspaced", tmp_path / "data")
    for _ in range(2):
        assert len(_table(tmp_path)) == len(list((tmp_path / "data").iterdir()))
    assert not home.exists()
    printed = capsys.readouterr().out
    assert printed == f"Headers: not remembered, for {home} lies in the collection\n"


def test_a_folder_that_cannot_be_written_to_costs_a_line(phantom, home, capsys):
    home.parent.write_bytes(b"a file")
    for _ in range(2):
        pd.testing.assert_frame_equal(_table(phantom), _fresh(phantom))
    (line,) = capsys.readouterr().out.splitlines()
    assert "could not be written" in line and line.endswith("; the table is complete")


def test_the_tables_not_used_for_longest_are_dropped(phantom, home, tmp_path, monkeypatch):
    folders = [phantom / name for name in ("P01-reference", "P02-interspaced", "P03-interspaced")]
    files = []
    for number, folder in enumerate(folders):
        _table(folder)
        (new,) = set(home.iterdir()) - set(files)
        os.utime(new, (number, number))
        files.append(new)
    _table(folders[0])
    _table(phantom / "P16-thin", cache=tmp_path / "as large")
    size = files[0].stat().st_size + (tmp_path / "as large").stat().st_size
    monkeypatch.setattr("helpers.headers.cache_place.MAX_BYTES", size)
    _table(phantom / "P16-thin")
    left = set(home.iterdir())
    assert files[0] in left and len(left) == 2 and left.isdisjoint(files[1:])


def test_a_deidentified_report_leaves_no_table_and_uses_one(phantom, home, monkeypatch, read):
    folder = phantom / "P03-interspaced"
    with monkeypatch.context() as patch:
        patch.setenv("DICOM_HIDE_IDENTITY", "a secret")
        table = _table(folder)
        assert not home.exists()
    _table(folder)
    assert b"P03-interspaced" in next(home.iterdir()).read_bytes()
    read.clear()
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a secret")
    pd.testing.assert_frame_equal(_table(folder), table)
    assert not read


def test_one_of_another_version_and_a_damaged_one_are_begun_anew(phantom, home, monkeypatch):
    folder = phantom / "P03-interspaced"
    fresh = _table(folder)
    with monkeypatch.context() as patch:
        patch.setattr("helpers.headers.cache.FORMAT", -1)
        pd.testing.assert_frame_equal(_table(folder), fresh)
    (file,) = home.iterdir()
    pd.testing.assert_frame_equal(_table(folder), fresh)
    file.write_bytes(file.read_bytes()[:-1])
    pd.testing.assert_frame_equal(_table(folder), fresh)
    assert list(home.iterdir()) == [file], "names are kept once"


def test_a_pipe_in_its_place_holds_nobody_up(phantom, home):
    folder = phantom / "P03-interspaced"
    fresh = _table(folder)
    (file,) = home.iterdir()
    file.unlink()
    os.mkfifo(file)
    pd.testing.assert_frame_equal(_table(folder), fresh)


def test_numbers_of_rows_that_lie_are_not_believed(phantom, home):
    """A few bytes could stand for thousands of millions of rows."""
    folder = phantom / "P03-interspaced"
    fresh = _table(folder)
    (file,) = home.iterdir()
    entries = decoded(file.read_bytes())
    many = np.full(len(entries.names), 10**12)
    same = {name: Same(None) for name in entries.rows.columns}
    file.write_bytes(encoded(entries._replace(counts=many, rows=Chunk(int(many.sum()), same))))
    pd.testing.assert_frame_equal(_table(folder), fresh)


def test_only_tables_of_ours_are_dropped(phantom, home, monkeypatch):
    home.mkdir(parents=True)
    other = home / "thesis.npy"
    other.write_bytes(bytes(1000))
    monkeypatch.setattr("helpers.headers.cache_place.MAX_BYTES", 1)
    for name in ("P03-interspaced", "P16-thin"):
        _table(phantom / name)
    assert other.exists() and len(list(home.iterdir())) == 2, "the one that was just written"


# on Kaggle


@pytest.fixture
def kaggle(tmp_path, monkeypatch, home, phantom):
    """Kaggle's folders: a collection that is mounted, and an empty one for the kernel's output."""
    for name in ("input", "working"):
        (tmp_path / "kaggle" / name).mkdir(parents=True)
        monkeypatch.setattr(
            f"helpers.headers.cache_place.KAGGLE_{name.upper()}", tmp_path / "kaggle" / name
        )
    mounted = tmp_path / "kaggle/input/osic/train"
    shutil.copytree(phantom / "P03-interspaced", mounted / "P03")
    shutil.copytree(phantom / "P01-reference", mounted / "P01")
    return tmp_path / "kaggle"


def _attached(kaggle, mount):
    """The same data in a later kernel: mounted elsewhere, with the first one's output."""
    shutil.copytree(kaggle / "input/osic", kaggle / "input" / mount, copy_function=shutil.copyfile)
    shutil.rmtree(kaggle / "input/osic")
    output = kaggle / "input/notebooks/someone/first-page"
    output.mkdir(parents=True)
    (kaggle / "working/dicom-headers").rename(output / "dicom-headers")
    return kaggle / "input" / mount / "train"


def test_a_later_kernel_finds_what_another_has_left(kaggle, home, read, capsys):
    first = header_table(kaggle / "input/osic/train", progress=True)
    printed = capsys.readouterr()
    assert f"{kaggle}/working/dicom-headers, part of this kernel's output (" in printed.out
    assert "Reading headers" in printed.err
    root = _attached(kaggle, "competitions/osic")
    read.clear()
    second = header_table(root, progress=True)
    assert len(read) == 8 < len(second) / 2
    printed = capsys.readouterr()
    assert f"found in {kaggle}/input/notebooks/someone/first-page/" in printed.out
    assert printed.out.count("\n") == 1 and not printed.err
    pd.testing.assert_frame_equal(second.reset_index(drop=True), first.reset_index(drop=True))
    assert second.index.tolist() == _fresh(root).index.tolist()
    assert not (kaggle / "working/dicom-headers").exists() and not home.exists()
    with open(root / "P01" / "1.dcm", "ab") as file:
        file.write(b"0")
    read.clear()
    pd.testing.assert_frame_equal(_table(root), _fresh(root))
    assert read.count(str(root / "P01" / "1.dcm")) == 2
    assert len(list((kaggle / "working/dicom-headers").iterdir())) == 1


def test_private_elements_that_another_kernel_has_read_do_no_harm(kaggle, read):
    for file in (kaggle / "input/osic/train/P03").iterdir():
        dataset = pydicom.dcmread(file)
        dataset.private_block(0x0011, "SOMEONE", create=True).add_new(0x01, "LO", "x")
        dataset.save_as(file)
    assert "(0011,xx01) SOMEONE" in _table(kaggle / "input/osic/train", private=True)
    root = _attached(kaggle, "other")
    read.clear()
    table = _table(root)
    assert len(read) == 8
    pd.testing.assert_frame_equal(table, _fresh(root))


def test_data_of_other_content_with_the_same_paths_and_sizes_is_read(kaggle, read):
    _table(kaggle / "input/osic/train")
    root = _attached(kaggle, "other")
    for file in root.rglob("*.dcm"):
        file.write_bytes(file.read_bytes().replace(b"P0", b"Q0"))
    pd.testing.assert_frame_equal(_table(root), _fresh(root))
    assert _table(root)["PatientID"].str.startswith("Q0").all()


# frames


@pytest.fixture
def several(tmp_path):
    """A folder of multi-frame files, and what their headers say."""
    for number in range(3):
        groups = [
            item(
                PlanePositionSequence=[item(ImagePositionPatient=[0, 0.1, place + number])],
                FrameContentSequence=[
                    item(InStackPositionNumber=place + 1, **({"StackID": "1"} if place else {}))
                ],
            )
            for place in range(4 + number)
        ]
        sequence = "SharedFunctionalGroupsSequence" if number == 2 else GROUPS
        groups = groups[:1] if number == 2 else groups
        (tmp_path / "data" / str(number)).mkdir(parents=True)
        path = tmp_path / "data" / str(number) / "1.dcm"
        write(path, 4 + number, **{sequence: groups})
    return tmp_path / "data"


@pytest.fixture
def split(monkeypatch):
    """The paths of multi-frame files that were opened again since the start of the test."""
    paths, groups_of = [], functional_groups._groups_of
    monkeypatch.setattr(
        functional_groups, "_groups_of", lambda *these: paths.append(these[0]) or groups_of(*these)
    )
    return paths


def test_multi_frame_files_are_not_opened_again(several, home, split):
    headers = _fresh(several)
    first = slice_table(headers)
    assert sorted(split) == headers.index.tolist() and len(list(home.iterdir())) == 1
    split.clear()
    pd.testing.assert_frame_equal(slice_table(headers), first)
    assert not split
    pd.testing.assert_frame_equal(slice_table(headers, cache=False), first)
    assert sorted(split) == headers.index.tolist()


def test_frames_that_have_changed_are_read_anew(several, home, split):
    slice_table(_fresh(several))
    group = item(PlanePositionSequence=[item(ImagePositionPatient=[1, 2, 3])])
    write(several / "1" / "1.dcm", 2, **{GROUPS: [group] * 2})
    write(several / "1" / "2.dcm", 1, **{GROUPS: [group]})
    split.clear()
    frames = frame_rows(_fresh(several))
    assert split == [str(several / "1" / "1.dcm"), str(several / "1" / "2.dcm")]
    pd.testing.assert_frame_equal(frames, frame_rows(_fresh(several), cache=False))
    split.clear()
    of_fewer = _fresh(several).assign(NumberOfFrames=[3, 1, 1, 3])
    frames = frame_rows(of_fewer)
    assert len(split) == 3, "of other numbers of frames"
    pd.testing.assert_frame_equal(frames, frame_rows(of_fewer, cache=False))


def test_frames_of_real_files_come_back_as_they_were(real_headers, home, split):
    first = frame_rows(real_headers)
    split.clear()
    second = frame_rows(real_headers)
    assert not split
    pd.testing.assert_frame_equal(first, second)
    for column in first:
        kinds = [[type(value) for value in table[column]] for table in (first, second)]
        assert kinds[0] == kinds[1], column


def test_frames_are_kept_where_their_reading_is_interrupted(several, home, split, monkeypatch):
    headers, groups_of = _fresh(several), functional_groups._groups_of

    def interrupted(path, count):
        if path == headers.index[2]:
            raise KeyboardInterrupt
        return groups_of(path, count)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(functional_groups, "_groups_of", interrupted)
        frame_rows(headers)
    split.clear()
    frame_rows(headers)
    assert split == [headers.index[2]]


# the file


def _content(change):
    """The content of a file whose text was changed, with a checksum that fits."""
    rows = Chunk(3, {"A": Coded([ABSENT, "x", (1, 2.5)], np.array([0, 1, 2], "uint8"))})
    rows.columns["B"] = np.arange(3.0)
    fingerprints = np.zeros((2, 3), int)
    content = encoded(Entries({}, ["a", "b"], fingerprints, np.array([1, 2]), rows))
    start = len(MARK) + LENGTHS.size
    _, length = LENGTHS.unpack_from(content, len(MARK))
    described = json.loads(content[start : start + length])
    described = change(described) or described
    text = json.dumps(described).encode()
    body = text + content[start + length :]
    return MARK + LENGTHS.pack(zlib.crc32(body), len(text)) + body


def test_what_is_written_is_what_is_read():
    found = decoded(_content(lambda _: None))
    assert found.names == ["a", "b"] and found.counts.tolist() == [1, 2]
    assert found.rows.values("A") == [ABSENT, "x", (1, 2.5)]
    assert found.rows.values("B") == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: [text],
        lambda text: text.pop("names") and None,
        lambda text: text.update(names=["a"]),
        lambda text: text.update(names=["a", 1]),
        lambda text: text.update(length=4),
        lambda text: text["arrays"].__setitem__(3, ["<f8", 10**15]),
        lambda text: text["arrays"].__setitem__(3, ["<f8", -1]),
        lambda text: text["arrays"].__setitem__(3, ["|O", 3]),
        lambda text: text["columns"]["A"].update(values=["x"]),
        lambda text: text["columns"]["A"].update(values=["x", {"a": 1}]),
        lambda text: text["columns"]["A"].update(values=["x", [[1]]]),
        lambda text: text["columns"]["A"].update(values=["x", True]),
        lambda text: text["columns"]["A"].update(codes=3),
        lambda text: text["columns"].update(B={"numbers": 2}),
        lambda text: text["columns"].update(B={"same": {}}),
        lambda text: text["columns"].update(B={"numbers": 9}),
    ],
)
def test_a_file_made_to_harm_is_refused(change):
    with pytest.raises(
        ValueError, match=r"not a table|do not fit|no array|does not fit|another type|buffer"
    ):
        decoded(_content(change))
