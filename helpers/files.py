"""Which files are here? Lists them in natural order; reads no header."""

import os
import re
import warnings
from pathlib import Path

import numpy as np

from helpers.errors import ClearError

PIECES = re.compile(r"([0-9]+)|([^0-9]+)")
VERSION_CONTROL = {"CVS", "_darcs"}  # beside those whose names start with a dot


class FolderError(ClearError, FileNotFoundError):
    """A folder that is not there or holds nothing to read."""


def list_files(root):
    """Every regular file below `root`, as a list of Path in natural order (2.dcm before 10.dcm).

    Hidden files and folders and those of version control are left out; links are followed, and
    no folder is entered twice. A folder that cannot be opened is named in a warning.

    Raises
    ------
    FolderError
        Where `root` is no folder or no file lies below it.
    """
    return [Path(name) for name in file_names(root)]


def file_names(root):
    """As `list_files`, as a list of str."""
    if not os.path.isdir(root):
        raise FolderError(
            f"expected a folder, found {'a file' if os.path.exists(root) else 'nothing'} at {root}"
        )
    names = list(_walk(os.fsdecode(Path(root))))
    if not names:
        raise FolderError(f"expected files, found none below {root}")
    return names


def natural_key(path):
    """A sort key that puts the numbers inside names in order: 2.dcm before 10.dcm."""
    parts = os.fspath(path).split(os.sep)
    return [
        [(int(digits) if digits else float("inf"), text) for digits, text in PIECES.findall(part)]
        for part in parts
    ]


def natural_ranks(paths):
    """The place (n,) of each path in their natural order."""
    keys = [natural_key(path) for path in paths]
    return np.argsort(sorted(range(len(keys)), key=keys.__getitem__))


def _walk(folder):
    """Yields the path of every regular file below a folder in natural order; links are followed, each folder once."""
    waiting, seen = [(folder, True)], set()
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
        elif (real := os.path.realpath(path)) not in seen:
            seen.add(real)
            waiting += reversed(_entries(path))


def _entries(folder):
    """(path, whether it is a folder) of what is in a folder, in natural order, without what is hidden."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(
                (entry for entry in found if not entry.name.startswith(".")),
                key=lambda entry: natural_key(entry.name),
            )
    except OSError as error:
        warnings.warn(f"folder left out: {error}", stacklevel=2)
        return []
    folders = {
        entry.path
        for entry in entries
        if _holds(entry.is_dir) and entry.name not in VERSION_CONTROL
    }
    return [
        (entry.path, entry.path in folders)
        for entry in entries
        if entry.path in folders or _holds(entry.is_file)
    ]


def _holds(question):
    """The answer; no where the system cannot tell, as of a link that leads to itself."""
    try:
        return question()
    except OSError:
        return False
