"""The cache: a second table equal to a fresh one, whatever happened in between."""

import errno
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pydicom
import pytest

from helpers import header_table
from helpers.errors import WrongTypeError
from helpers.headers import table as table_module
from helpers.headers.cache_place import CacheError, Place
from helpers.headers.fast_reader import FastReader
from helpers.headers.packed import ABSENT, Coded, Same
from helpers.headers.table_file import decoded


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

        def failing(*_):
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr("helpers.files.os.open", failing)
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
