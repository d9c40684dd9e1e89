"""Which files are here? Lists them in natural order; reads no header."""

import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from helpers.errors import ClearError

DIGITS_OR_TEXT = re.compile(r"([0-9]+)|([^0-9]+)")
VERSION_CONTROL = {"CVS", "_darcs"}  # beside those whose names start with a dot


class FolderError(ClearError, FileNotFoundError):
    """A folder that is not there or holds nothing to read."""


def list_files(root: str | os.PathLike[str]) -> list[Path]:
    """Every regular file below `root`, in natural order (2.dcm before 10.dcm).

    Hidden files and folders and those of version control are left out; links are followed, and
    no folder is entered twice. A folder that cannot be opened is named in a warning.

    Raises
    ------
    FolderError
        Where `root` is no folder or no file lies below it.
    """
    return [Path(name) for name in file_names(root)]


def file_names(root: str | os.PathLike[str]) -> list[str]:
    """As `list_files`, as a list of str."""
    if not os.path.isdir(root):
        found = "a file" if os.path.exists(root) else "nothing"
        raise FolderError(f"expected a folder, found {found} at {root}")
    names = list(walk_files(root))
    if not names:
        raise FolderError(f"expected files, found none below {root}")
    return names


def walk_files(root: str | os.PathLike[str]) -> Iterator[str]:
    """Yields the path of every regular file below a folder, as `list_files` lists them."""
    waiting, entered = [(os.fsdecode(Path(root)), True)], set()
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
        elif (real := os.path.realpath(path)) not in entered:
            entered.add(real)
            waiting += reversed(_entries(path))


def natural_key(path: str | os.PathLike[str]) -> list[list[tuple[float, str]]]:
    """A sort key that puts the numbers inside names in order: 2.dcm before 10.dcm."""
    return [
        [
            (int(digits) if digits else float("inf"), text)
            for digits, text in DIGITS_OR_TEXT.findall(part)
        ]
        for part in os.fspath(path).split(os.sep)
    ]


def natural_ranks(paths: Iterable[str]) -> np.ndarray:
    """The rank (n,) of each path in their natural order."""
    keys = [natural_key(path) for path in paths]
    return np.argsort(sorted(range(len(keys)), key=keys.__getitem__))


def _entries(folder: str) -> list[tuple[str, bool]]:
    """(path, whether it is a folder) of what is not hidden in a folder, in natural order."""
    try:
        with os.scandir(folder) as found:
            visible = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        warnings.warn(f"folder left out: {error}", stacklevel=2)
        return []
    visible.sort(key=lambda entry: natural_key(entry.name))
    folders = [_holds(entry.is_dir) and entry.name not in VERSION_CONTROL for entry in visible]
    return [
        (entry.path, is_folder)
        for entry, is_folder in zip(visible, folders)
        if is_folder or _holds(entry.is_file)
    ]


def _holds(question: Callable[[], bool]) -> bool:
    """The answer; no where the system cannot tell, as of a link that leads to itself."""
    try:
        return question()
    except OSError:
        return False
