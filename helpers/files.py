"""Which files are here? Finds the collection and lists its files; reads no header."""

import os
import re
import shutil
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from helpers import ClearError
from helpers.phantom import write_phantom

KAGGLE_INPUT = Path("/kaggle/input")
MOST_FOLDERS = 0.9  # a child holding this share of the DICOM folders is walked into
PIECES = re.compile(r"([0-9]+)|([^0-9]+)")
FILES_TRIED = 3  # files of a folder looked into before it is held to have no DICOM
VERSION_CONTROL = {"CVS", "_darcs"}  # beside those whose names start with a dot
PHANTOM_FOLDER = "dicom-phantom-2"  # the number changes with the phantom


class FolderError(ClearError, FileNotFoundError):
    """A folder that is not there or holds nothing to read."""


def collection_root():
    """The folder to explore, as a Path; prints one line that says which and why.

    ``$DICOM_ROOT`` if it is set; else the DICOM folder found below ``/kaggle/input``;
    else the phantom collection, written once to a cache folder.

    Raises
    ------
    FolderError
        Where ``$DICOM_ROOT`` names no folder.
    """
    if os.environ.get("DICOM_ROOT"):
        root = Path(os.environ["DICOM_ROOT"]).expanduser()
        if not root.is_dir():
            raise FolderError(f"DICOM_ROOT: expected a folder, found none at {root}")
        why = "named by DICOM_ROOT"
    elif KAGGLE_INPUT.is_dir() and (found := find_dicom(KAGGLE_INPUT)) is not None:
        root, why = found
    else:
        root, why = phantom_root(), "the phantom, made here; set DICOM_ROOT to explore your own folder"
    print(f"Collection: {root} ({why})")
    return root


def list_files(root):
    """Every regular file below `root`, as a list of Path in natural order (2.dcm before 10.dcm).

    Hidden files and folders and those of version control are left out; links are followed, and
    no folder is entered twice. A folder that cannot be opened is named in a warning.

    Raises
    ------
    FolderError
        Where `root` is no folder or no file lies below it.
    """
    root = Path(root)
    if not root.is_dir():
        raise FolderError(f"expected a folder, found {'a file' if root.exists() else 'nothing'} at {root}")
    files = [path for folder, names in _walk(root) for name in names if (path := Path(folder, name)).is_file()]
    if not files:
        raise FolderError(f"expected files, found none below {root}")
    return sorted(files, key=natural_key)


def natural_key(path):
    """A sort key that puts the numbers inside names in order: 2.dcm before 10.dcm."""
    parts = os.fspath(path).split(os.sep)
    return [[(int(digits) if digits else float("inf"), text) for digits, text in PIECES.findall(part)] for part in parts]


def natural_ranks(paths):
    """The place (n,) of each path in their natural order."""
    keys = [natural_key(path) for path in paths]
    return np.argsort(sorted(range(len(keys)), key=keys.__getitem__))


def find_dicom(folder):
    """The folder of a collection below `folder` and why that one, or None where no DICOM lies there.

    Goes down while nine tenths of the folders with DICOM files lie below one child, so that
    it stops above the patients.
    """
    holders = [Path(holder) for holder, names in _walk(folder) if _any_dicom(holder, names)]
    if not holders:
        return None
    root, count = Path(folder), len(holders)
    while (child := _main_child(root, holders)) is not None:
        root = child
    inside = sum(holder.is_relative_to(root) for holder in holders)
    return root, f"found below {folder}: {inside} of its {count} folders with DICOM files"


def phantom_root():
    """The folder of the phantom collection, written on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = cache / PHANTOM_FOLDER
    if not root.is_dir():
        unfinished = cache / f"{PHANTOM_FOLDER}.{os.getpid()}"
        write_phantom(unfinished)
        try:
            unfinished.rename(root)
        except OSError:  # another process was first: its phantom is the same
            shutil.rmtree(unfinished)
    return root


def _walk(folder):
    """(folder, file names) for `folder` and all below it, links followed, each folder once."""
    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True, onerror=_warn):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in VERSION_CONTROL)
        yield here, [name for name in names if not name.startswith(".")]


def _warn(error):
    warnings.warn(f"folder left out: {error}", stacklevel=2)


def _any_dicom(folder, names):
    likely_first = sorted(names, key=lambda name: not name.lower().endswith((".dcm", ".dicom")))
    return any(_has_preamble(Path(folder, name)) for name in likely_first[:FILES_TRIED])


def _has_preamble(path):
    """Whether the file has DICOM's prefix (PS3.10 7.1)."""
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _main_child(root, holders):
    """The child of `root` below which nine tenths of the holders under `root` lie, or None."""
    inside = [holder for holder in holders if holder.is_relative_to(root)]
    below = Counter(holder.relative_to(root).parts[0] for holder in inside if holder != root)
    name, count = below.most_common(1)[0] if below else ("", 0)
    return root / name if count and count >= MOST_FOLDERS * len(inside) else None
