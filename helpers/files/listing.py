"""Which files are here? Those of a folder, an archive or a bucket, in natural order."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from helpers.errors import ClearError
from helpers.files.buckets import walk_objects
from helpers.files.names import (
    ARCHIVE_NAME,
    VERSION_CONTROL,
    archive_part,
    as_named,
    is_address,
    is_archive_name,
    is_hidden,
    natural_part,
)
from helpers.files.objects import is_object, listed
from helpers.files.opening import archive_at
from helpers.files.systems import entries_in

MAX_DEPTH = 2  # of archives in archives


class FolderError(ClearError, FileNotFoundError):
    """A folder that is not there or holds nothing to read."""


def list_files(root: str | os.PathLike[str]) -> list[Path | str]:
    """Every regular file below `root`, in natural order (2.dcm before 10.dcm).

    Hidden files and folders and those of version control are left out; links are followed, and
    no folder is entered twice. A folder that cannot be opened is named in a warning. An archive
    (ZIP, tar, or a packed tar) is a folder, too; one that cannot be read is a file.

    Parameters
    ----------
    root : a folder, an archive, or an address that fsspec lists, as in ``s3://bucket/scans``

    Returns
    -------
    list of Path; of an address list of str, for an address is no path of this machine

    Raises
    ------
    FolderError
        Where `root` is no folder or no file lies below it.
    ObjectError
        Where an address cannot be listed.
    """
    names = file_names(root)
    return [*names] if is_address(names[0]) else [Path(name) for name in names]


def file_names(root: str | os.PathLike[str]) -> list[str]:
    """As `list_files`, as a list of str."""
    root = as_named(root)
    if not is_folder(root):
        raise FolderError(f"expected a folder, found {found_in_place(os.fsdecode(root))}")
    names = list(walk_files(root))
    if not names or names == [os.fsdecode(root)]:
        hidden = _hidden_in(os.fsdecode(root))
        but = f" but hidden ones, such as {os.path.basename(min(hidden))}" if hidden else ""
        raise FolderError(f"expected files, found none below {root}{but}")
    return names


def is_folder(root: str | os.PathLike[str]) -> bool:
    """Whether there is something that holds files: a folder, an archive, or a folder in one."""
    name = os.fsdecode(root)
    if os.path.isdir(name) or _archive_and_folder(name) is not None:
        return True
    return is_address(name) and archive_part(name) is None and not is_object(name)


def walk_files(root: str | os.PathLike[str], few_at_once: bool = False) -> Iterator[str]:
    """Yields the path of every regular file below a folder, as `list_files` lists them.

    Parameters
    ----------
    few_at_once : whether of a bucket no more shall be held than memory has room for
    """
    name = os.fsdecode(root if is_address(root) else Path(root))
    if not os.path.isdir(name) and (found := _archive_and_folder(name)) is not None:
        yield from _inside(*found)
        return
    of_bucket = walk_objects if few_at_once else listed
    for path in of_bucket(name) if is_address(name) else _walk(name):
        if is_archive_name(path):
            yield from _inside(path)
        else:
            yield path


def has_more_files(root: str | os.PathLike[str], most: int) -> bool:
    """Whether more than so many files lie below a folder; of these no more are listed."""
    return next(islice(walk_files(root), most, None), None) is not None


def files_in(folder: str) -> list[str]:
    """The files in a folder, wherever it lies, without those in its folders; none of no folder."""
    try:
        if os.path.isdir(folder):
            with os.scandir(folder) as entries:
                names = [entry.path for entry in entries if entry.is_file()]
        elif (found := _archive_and_folder(folder)) is not None:
            archive, inner = found
            below = [name for name in archive_at(archive).names if name.startswith(inner)]
            names = [f"{archive}/{name}" for name in below if "/" not in name[len(inner) :]]
        else:
            _, names = entries_in(folder) if is_address(folder) else ([], [])
    except OSError:
        return []
    return sorted(name for name in names if not is_hidden(os.path.basename(name)))


def hidden_entries(paths: Iterable[str]) -> dict[str, bool]:
    """What `list_files` left out beside files: the full path of each, and whether it is a folder.

    Hidden files and folders, and those of version control, in the folders that hold these files
    and in those above up to the one that holds all; what lies below is not looked at. Of archives
    all hidden files; of addresses nothing is known.
    """
    listed_files = {path for path in paths if not is_address(path)}
    folders = set(map(os.path.abspath, {os.path.dirname(path) for path in listed_files}))
    top = os.path.commonpath(folders) if folders else ""
    for folder in list(folders):
        while folder != top and (folder := os.path.dirname(folder)) not in folders:
            folders.add(folder)
    found = {
        path: is_folder for folder in folders for path, is_folder in _hidden_in(folder).items()
    }
    left_out = found.keys() - set(map(os.path.abspath, listed_files)) if found else ()
    return {path: found[path] for path in sorted(left_out)}


# the files of a folder


def _walk(root: str) -> Iterator[str]:
    """Yields the files of a folder on a disk; archives are files."""
    waiting, entered = [(root, True)], set()
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
        elif (real := os.path.realpath(path)) not in entered:
            entered.add(real)
            waiting += reversed(_entries(path))


def _inside(path: str, folder: str = "", depth: int = 1) -> Iterator[str]:
    """Yields the files in a folder of an archive; of one without any, or a broken one, itself."""
    try:
        names = archive_at(path).names
    except (OSError, ValueError):  # the row of the file says why
        names = []
    if not names:
        yield path
    for name in names:
        if name.startswith(folder):
            inner = f"{path}/{name}"
            if depth < MAX_DEPTH and is_archive_name(name):
                yield from _inside(inner, depth=depth + 1)
            else:
                yield inner


def _archive_and_folder(name: str) -> tuple[str, str] | None:
    """(archive, what names in it begin with) of a root in an archive; None of other roots."""
    name = name.rstrip("/")
    path: str | None = name if is_archive_name(name) else archive_part(name)
    while path is not None:
        folder = f"{name[len(path) + 1 :]}/".lstrip("/")
        with contextlib.suppress(OSError, ValueError):
            if any(inner.startswith(folder) for inner in archive_at(path).names):
                return path, folder
        path = archive_part(path)
    return None


def found_in_place(name: str) -> str:
    """What there is in place of a folder."""
    if is_address(name):
        return f"a file at {name}"
    if not os.path.exists(name):
        return f"nothing at {name}"
    if not is_archive_name(name):
        return f"a file at {name}"
    try:
        archive_at(name)
    except (OSError, ValueError) as error:
        return f"an archive that cannot be read at {name}: {error}"
    return f"an archive without files at {name}"


def _entries(folder: str) -> list[tuple[str, bool]]:
    """(path, whether it is a folder) of what is not hidden in a folder, in natural order."""
    try:
        with os.scandir(folder) as found:
            visible = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        warnings.warn(f"folder left out: {error}", stacklevel=2)
        return []
    visible.sort(key=lambda entry: natural_part(entry.name))
    folders = [_holds(entry.is_dir) and entry.name not in VERSION_CONTROL for entry in visible]
    return [
        (entry.path, is_folder)
        for entry, is_folder in zip(visible, folders)
        if is_folder or _holds(entry.is_file)
    ]


def _hidden_in(folder: str) -> dict[str, bool]:
    """What is left out of a folder: the path of each entry, and whether it is a folder."""
    if ARCHIVE_NAME.search(folder) and not os.path.isdir(folder):
        return _hidden_in_archive(folder)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return {
            os.path.join(folder, entry.name): _holds(entry.is_dir)
            for entry in entries
            if entry.name.startswith(".") or entry.name in VERSION_CONTROL
        }
    return {}


def _hidden_in_archive(folder: str) -> dict[str, bool]:
    """The hidden files of an archive; of a folder inside of one nothing, for they are the same."""
    if archive_part(f"{folder}/") != folder:
        return {}
    with contextlib.suppress(OSError, ValueError):
        return {f"{folder}/{name}": False for name in archive_at(folder).hidden()}
    return {}


def _holds(question: Callable[[], bool]) -> bool:
    """The answer; no where the system cannot tell, as of a link that leads to itself."""
    try:
        return question()
    except OSError:
        return False
