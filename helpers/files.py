"""Which files are here? Finds the collection and lists its files; reads no header."""

import os
import re
import shutil
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import ClearError
from helpers.phantom import clinical_rows, write_phantom

KAGGLE_INPUT = Path("/kaggle/input")
MOST_FOLDERS = 0.9  # a child holding this share of the DICOM folders is walked into
PIECES = re.compile(r"([0-9]+)|([^0-9]+)")
FILES_TRIED = 3  # files of a folder looked into before it is held to have no DICOM
VERSION_CONTROL = {"CVS", "_darcs"}  # beside those whose names start with a dot
PHANTOM_FOLDER = "dicom-phantom-7"  # the number changes with the phantom


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
            raise FolderError(f"DICOM_ROOT: expected a folder, found {'a file' if root.exists() else 'none'} at {root}")
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
    return [Path(name) for name in file_names(root)]


def file_names(root):
    """As `list_files`, as a list of str."""
    if not os.path.isdir(root):
        raise FolderError(f"expected a folder, found {'a file' if os.path.exists(root) else 'nothing'} at {root}")
    names = list(_walk(os.fsdecode(Path(root))))
    if not names:
        raise FolderError(f"expected files, found none below {root}")
    return names


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
    names = defaultdict(list)
    for path in _walk(os.fsdecode(Path(folder))):
        names[os.path.dirname(path)].append(path)
    holders = [Path(holder) for holder, paths in names.items() if _any_dicom(paths)]
    if not holders:
        return None
    root, count = Path(folder), len(holders)
    while (child := _main_child(root, holders)) is not None:
        root = child
    inside = sum(holder.is_relative_to(root) for holder in holders)
    return root, f"found below {folder}: {inside} of its {count} folders with DICOM files"


def phantom_root():
    """The folder of the phantom collection, written on first use; beside it lie ``train.csv``, as OSIC has it, and the truth."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = cache / PHANTOM_FOLDER
    if not root.is_dir():
        unfinished = cache / f"{PHANTOM_FOLDER}.{os.getpid()}"
        write_phantom(unfinished / "train").to_csv(unfinished / "truth.csv", index=False)
        clinical_rows().to_csv(unfinished / "train.csv", index=False)
        try:
            unfinished.rename(root)
        except OSError:  # another process was first: its phantom is the same
            shutil.rmtree(unfinished)
    return root / "train"


def is_phantom(root):
    """Whether a folder is the phantom's, whose patients are nobody."""
    return Path(root).parent.name == PHANTOM_FOLDER and (Path(root).parent / "truth.csv").is_file()


def phantom_truth(root):
    """The truth table of the phantom (see `helpers.phantom.write_phantom`), as a DataFrame; empty for another collection."""
    file = Path(root).parent / "truth.csv"
    if not is_phantom(root):
        return pd.DataFrame(columns=["rule", "path", "stack", "patient"], dtype=object)
    table = pd.read_csv(file, dtype=str)
    return table.astype(object).where(table.notna(), None)


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
                (entry for entry in found if not entry.name.startswith(".")), key=lambda entry: natural_key(entry.name)
            )
    except OSError as error:
        warnings.warn(f"folder left out: {error}", stacklevel=2)
        return []
    folders = {entry.path for entry in entries if _holds(entry.is_dir) and entry.name not in VERSION_CONTROL}
    return [(entry.path, entry.path in folders) for entry in entries if entry.path in folders or _holds(entry.is_file)]


def _holds(question):
    """The answer; no where the system cannot tell, as of a link that leads to itself."""
    try:
        return question()
    except OSError:
        return False


def _any_dicom(paths):
    likely_first = sorted(paths, key=lambda path: not path.lower().endswith((".dcm", ".dicom")))
    return any(map(_has_preamble, likely_first[:FILES_TRIED]))


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
