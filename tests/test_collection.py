"""The collection that is meant: named, found, or the phantom, which leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from helpers import collection as module
from helpers import collection_root, phantom_root, phantom_truth
from helpers.collection import PHANTOM_FOLDER, PHANTOM_VERSION, find_dicom, is_phantom
from helpers.files.listing import FolderError
from helpers.files.opening import open_file

PREFIX = bytes(128) + b"DICM"


def _touch(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A cache folder of its own, in which phantoms are written at once: one file, for speed."""

    def written(folder, **_):
        _touch(Path(folder, "P01", "1.dcm"), PREFIX)
        return pd.DataFrame({"rule": ["r"], "path": ["p"], "stack": [None], "patient": ["P01"]})

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "write_phantom", written)
    return tmp_path


def test_the_root_named_by_the_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DICOM_ROOT", str(tmp_path))
    assert collection_root() == tmp_path
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1 and "DICOM_ROOT" in printed
    monkeypatch.setenv("DICOM_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(FolderError, match=r"DICOM_ROOT: .*nowhere"):
        collection_root()


def test_without_a_root_the_phantom_is_written_once(phantom, capsys):
    before = (phantom / "P01-reference" / "1.dcm").stat().st_mtime_ns
    assert collection_root() == phantom
    assert "phantom" in capsys.readouterr().out
    assert (phantom / "P01-reference" / "1.dcm").stat().st_mtime_ns == before
    assert Path(os.environ["XDG_CACHE_HOME"]) in phantom.parents


@pytest.mark.parametrize("mount", ["osic", "competitions/osic", "datasets/someone/osic"])
def test_a_collection_is_found_below_kaggles_input(tmp_path, mount):
    for patient in range(30):
        _touch(tmp_path / mount / "train" / f"ID{patient}" / "1.dcm", PREFIX)
    _touch(tmp_path / mount / "test" / "ID3" / "1.dcm", PREFIX)
    _touch(tmp_path / mount / "train.csv", b"Patient,Weeks")
    _touch(tmp_path / "other-data" / "picture.png", b"PNG")
    root, why = find_dicom(tmp_path)
    assert root == tmp_path / mount / "train"
    assert "30 of its 31 folders" in why


def test_no_dicom_below_kaggles_input(tmp_path):
    _touch(tmp_path / "data" / "table.csv")
    assert find_dicom(tmp_path) is None


def test_a_file_that_cannot_be_opened_hides_no_collection(tmp_path, monkeypatch):
    def closed_to_us(path):
        if Path(path).name == "1.dcm":
            raise PermissionError
        return open_file(path)

    for name in ("1.dcm", "2.dcm"):
        _touch(tmp_path / "scan" / name, PREFIX)
    monkeypatch.setattr("helpers.collection.open_file", closed_to_us)
    assert find_dicom(tmp_path)[0] == tmp_path / "scan"


def test_older_phantoms_and_unfinished_ones_are_removed(home):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    old = [f"dicom-phantom-{PHANTOM_VERSION - 1}", "dicom-phantom-1"]
    unfinished = [f"{PHANTOM_FOLDER}.{ended.pid}", f"dicom-phantom-1.{ended.pid}"]
    running = f"{PHANTOM_FOLDER}.{os.getppid()}"
    others = [f"dicom-phantom-{PHANTOM_VERSION + 1}", "dicom-phantom-7-mine", "another-program"]
    for name in (*old, *unfinished, running, *others):
        _touch(home / name / "train" / "1.dcm")
    assert phantom_root() == home / PHANTOM_FOLDER / "train"
    assert {path.name for path in home.iterdir()} == {PHANTOM_FOLDER, running, *others}
    _touch(home / old[0] / "1.dcm")
    assert is_phantom(phantom_root()) and not (home / old[0]).exists(), "also where it is there"


def test_a_phantom_whose_writing_fails_leaves_nothing(home, monkeypatch):
    def failing(folder, **_):
        _touch(Path(folder, "P01", "1.dcm"))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_phantom", failing)
    with pytest.raises(KeyboardInterrupt):
        phantom_root()
    assert not list(home.iterdir())


def test_another_process_may_be_first(home, monkeypatch):
    write = module.write_phantom

    def slower(folder, **_):
        _touch(home / PHANTOM_FOLDER / "train" / "theirs.dcm")
        return write(folder)

    monkeypatch.setattr(module, "write_phantom", slower)
    assert [path.name for path in phantom_root().iterdir()] == ["theirs.dcm"]
    assert [path.name for path in home.iterdir()] == [PHANTOM_FOLDER]


def test_the_truth_is_the_phantoms_alone(home, tmp_path):
    assert phantom_truth(phantom_root()).to_dict("records") == [
        {"rule": "r", "path": "p", "stack": None, "patient": "P01"}
    ]
    assert phantom_truth(tmp_path).empty and "rule" in phantom_truth(tmp_path)
