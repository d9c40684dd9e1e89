"""Finding files, in awkward folders."""

import os

import pytest

from helpers import list_files
from helpers.errors import ClearError
from helpers.files.listing import FolderError
from helpers.files.names import natural_key


def _touch(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_natural_order(tmp_path):
    for name in ("10.dcm", "2.dcm", "1.dcm", "b/1.dcm", "a10/1.dcm", "a9/1.dcm"):
        _touch(tmp_path / name)
    names = [path.relative_to(tmp_path).as_posix() for path in list_files(tmp_path)]
    assert names == ["1.dcm", "2.dcm", "10.dcm", "a9/1.dcm", "a10/1.dcm", "b/1.dcm"]


def test_natural_order_takes_any_name():
    names = ["x1y10", "\udcff", "x1y2", "²", "1²", "01", ""]
    assert sorted(names, key=natural_key) == ["", "01", "1²", "x1y2", "x1y10", "²", "\udcff"]


def test_hidden_files_version_control_and_what_is_no_file_are_left_out(tmp_path):
    kept = _touch(tmp_path / "scan" / "1")
    for name in (".hidden", ".git/config", "CVS/Entries", "scan/.DS_Store"):
        _touch(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert list_files(tmp_path) == [kept]


def test_a_link_loop_does_not_trap_it_and_links_are_followed(tmp_path):
    elsewhere = _touch(tmp_path / "elsewhere" / "2.dcm")
    root = tmp_path / "root"
    _touch(root / "1.dcm")
    (root / "loop").symlink_to(root)
    (root / "linked").symlink_to(elsewhere.parent)
    assert [path.name for path in list_files(root)] == ["1.dcm", "2.dcm"]


def test_a_name_that_is_not_utf8_is_kept(tmp_path):
    name = os.fsdecode(b"caf\xe9.dcm")
    _touch(tmp_path / name)
    assert [path.name for path in list_files(tmp_path)] == [name]


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(FolderError, match=r"expected a folder, found nothing at .*nowhere"):
        list_files(tmp_path / "nowhere")
    with pytest.raises(FolderError, match="found a file"):
        list_files(_touch(tmp_path / "file"))
    with pytest.raises(FolderError, match="expected files, found none below"):
        list_files(_touch(tmp_path / "empty" / ".hidden").parent)


def test_clear_errors_show_as_one_line_in_a_notebook():
    assert FolderError("what, where")._render_traceback_() == ["FolderError: what, where"]
    assert issubclass(FolderError, ClearError) and issubclass(FolderError, FileNotFoundError)
