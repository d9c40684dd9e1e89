"""Which collection is meant? The folder that is named, the one that is found, or the phantom."""

import os
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pandas as pd

from helpers.files import FolderError, _walk
from helpers.phantom.writing import clinical_rows, write_phantom

KAGGLE_INPUT = Path("/kaggle/input")
MOST_FOLDERS = 0.9  # a child holding this share of the DICOM folders is walked into
FILES_TRIED = 3  # files of a folder looked into before it is held to have no DICOM
PHANTOM_FOLDER = "dicom-phantom-8"  # the number changes with the phantom


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
            raise FolderError(
                f"DICOM_ROOT: expected a folder, found {'a file' if root.exists() else 'none'} at {root}"
            )
        why = "named by DICOM_ROOT"
    elif KAGGLE_INPUT.is_dir() and (found := find_dicom(KAGGLE_INPUT)) is not None:
        root, why = found
    else:
        root, why = (
            phantom_root(),
            "the phantom, made here; set DICOM_ROOT to explore your own folder",
        )
    print(f"Collection: {root} ({why})")
    return root


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
    """The truth table of the phantom (see `helpers.write_phantom`), as a DataFrame; empty for another collection."""
    file = Path(root).parent / "truth.csv"
    if not is_phantom(root):
        return pd.DataFrame(columns=["rule", "path", "stack", "patient"], dtype=object)
    table = pd.read_csv(file, dtype=str)
    return table.astype(object).where(table.notna(), None)


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
