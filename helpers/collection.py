"""Which collection is meant? The folder that is named, the one that is found, or the phantom."""

import contextlib
import json
import os
import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.files.listing import FolderError, found_in_place, is_folder, walk_files
from helpers.files.names import as_named, is_address, is_archive_name
from helpers.files.opening import open_file
from helpers.formats import SNIFFED_BYTES, command_for, format_of
from helpers.phantom.scans import ALL_SCANS
from helpers.phantom.writing import box_rows, clinical_rows, mask_files, write_phantom
from helpers.runtime import KAGGLE_INPUT, KAGGLE_WORKING, user_cache

MAIN_CHILD_SHARE = 0.9  # of the DICOM folders: a child that holds so many is walked into
MAX_FILES_PROBED = 3  # of a folder, before it is taken to have no DICOM
LIKELY_ENDINGS = (".dcm", ".dicom", ".ima")  # are probed first
ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
OTHER_ENDINGS = (  # are probed last
    *ARCHIVE_ENDINGS,
    *(".csv", ".json", ".txt", ".md", ".xml", ".html", ".pdf", ".png", ".jpg", ".jpeg", ".tif"),
    *(".npy", ".nii", ".py", ".ipynb"),
)
MANIFEST, DONE = "survey.json", "done"  # in the folder of a survey: whose it is, and that it is
SAMPLE, PART = "sample.parquet", "sample.json"  # there: the part that is explored, and which it is
PHANTOM_VERSION = 17  # changes with the phantom
PHANTOM_FOLDER = f"dicom-phantom-{PHANTOM_VERSION}"
ANY_PHANTOM = re.compile(r"dicom-phantom-(\d+)(?:\.(\d{1,9}))?")  # version, process writing it


class Part(NamedTuple):
    """How much of a collection stands for all of it, where it was surveyed."""

    files: int
    of_files: int
    patients: int
    of_patients: int
    root: str  # of the whole collection

    @property
    def said(self) -> str:
        """What part it is, in words."""
        if self.files == self.of_files:
            return f"all {self.files:,} files"
        files = f"{self.files:,} of {self.of_files:,} files"
        if self.patients == self.of_patients:
            return f"the first {files}"
        return f"{files}: {self.patients:,} of {self.of_patients:,} patients, evenly chosen"


def collection_root() -> Path | str:
    """The folder to explore; prints one line that says which and why.

    ``$DICOM_ROOT`` if it is set: a folder, an archive, an address such as ``s3://bucket/scans``,
    which stays a str, or the folder of a survey, of which the header table of a sample is explored;
    else the DICOM folder found below ``/kaggle/input``; else the phantom collection, written once
    to a cache folder.

    Raises
    ------
    FolderError
        Where ``$DICOM_ROOT`` names no folder.
    """
    root, why = _root_and_reason()
    print(f"Collection: {root} ({why})")
    return root


def find_dicom(folder: str | os.PathLike[str]) -> tuple[Path, str] | None:
    """The folder of a collection below `folder` and why that one; None where no DICOM lies there.

    Goes down while nine tenths of the folders with DICOM files lie below one child, so that
    it stops above the patients.
    """
    names = defaultdict(list)
    for path in walk_files(folder):
        names[os.path.dirname(path)].append(path)
    holders = [Path(holder) for holder, paths in names.items() if _any_dicom(paths)]
    if not holders:
        return None
    root = Path(folder)
    while (child := _main_child(root, holders)) is not None:
        root = child
    inside = sum(holder.is_relative_to(root) for holder in holders)
    return root, f"found below {folder}: {inside} of its {len(holders)} folders with DICOM files"


def phantom_root() -> Path:
    """The folder of the phantom collection, written on first use.

    Beside it lie ``train.csv``, as OSIC has it, ``boxes.csv`` with boxes around organs, NIfTI masks
    of the organs of one patient, and the truth. Phantoms of earlier versions, and those whose
    writing was cut short, are removed from the cache folder.
    """
    cache = user_cache()
    root = cache / PHANTOM_FOLDER
    _remove_outdated(cache)
    if not root.is_dir():
        unfinished = cache / f"{PHANTOM_FOLDER}.{os.getpid()}"
        try:
            write_phantom(unfinished / "train", scans=ALL_SCANS).to_csv(
                unfinished / "truth.csv", index=False
            )
            clinical_rows(scans=ALL_SCANS).to_csv(unfinished / "train.csv", index=False)
            box_rows(scans=ALL_SCANS).to_csv(unfinished / "boxes.csv", index=False)
            for name, content in mask_files(scans=ALL_SCANS).items():
                (unfinished / name).write_bytes(content)
            with contextlib.suppress(OSError):  # another process was first: its phantom is the same
                unfinished.rename(root)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return root / "train"


def is_phantom(root: str | os.PathLike[str]) -> bool:
    """Whether a folder is the phantom's, whose patients are synthetic."""
    beside = Path(root).parent
    return beside.name == PHANTOM_FOLDER and (beside / "truth.csv").is_file()


def phantom_truth(root: str | os.PathLike[str]) -> pd.DataFrame:
    """The truth table of the phantom (see `helpers.write_phantom`); empty for what is none."""
    if not is_phantom(root):
        return pd.DataFrame(columns=["rule", "path", "stack", "patient"], dtype=object)
    table = pd.read_csv(Path(root).parent / "truth.csv", dtype=str)
    return table.astype(object).where(table.notna(), None)


def part_in(path: str | os.PathLike[str]) -> Part | None:
    """What part of a collection the sample of a survey is; None for what is no such sample."""
    path = Path(path)
    if is_address(path) or path.name != SAMPLE or not (path.is_file() and _is_done(path.parent)):
        return None
    try:
        said = json.loads(path.with_name(PART).read_text(encoding="utf-8"))
        files, of_files, patients, of_patients, root = said
        return Part(int(files), int(of_files), int(patients), int(of_patients), str(root))
    except (OSError, ValueError, TypeError):
        return None


def what_is_at(path: Path) -> str:
    """What there is in place of a folder, and how to go on."""
    if not path.is_file():
        return f"{'something else' if path.exists() else 'nothing'} at {path}"
    kind = _format_at(path)
    if is_archive_name(path.name):
        return found_in_place(os.fspath(path))
    if kind == "DICOM file":
        return f"a DICOM file at {path}; name its folder: {path.parent}"
    command = command_for(kind, path)
    how = f"; open it, and name the folder that this makes: {command}" if command else ""
    return f"a file at {path}{f' ({kind})' if kind else ''}{how}"


def named_root(folder: str | os.PathLike[str], what: str = "") -> Path | str:
    """A folder, an archive or an address that a person named, as a whole path.

    Of the folder of a survey it is the header table of its sample.

    Parameters
    ----------
    what : named it, where that is to be said

    Raises
    ------
    FolderError
        Where there is none.
    """
    name = as_named(folder)
    if is_address(name):
        return name.rstrip("/")
    root = Path(name)
    for sample in (root, root / SAMPLE):
        if part_in(sample):
            return sample.absolute()
    if _is_survey(root):
        is_done = _is_done(root)
        found = "one whose sample is damaged" if is_done else "one that was interrupted"
        way_on = "remove it, and make it anew with" if is_done else "it goes on with"
        raise FolderError(
            f"expected a survey that is done, found {found} at {root}: {way_on} helpers.survey, "
            "its collection and this folder"
        )
    if not is_folder(root):
        start = f"{what}: expected" if what else "expected"
        raise FolderError(f"{start} a folder of DICOM files, found {what_is_at(root)}")
    return root.absolute()


def _is_survey(folder: Path) -> bool:
    """Whether a folder is that of a survey, done or not."""
    try:
        about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and {"suite", "root", "sizes"} <= about.keys()


def _is_done(folder: Path) -> bool:
    return (folder / DONE).is_file()


def _root_and_reason() -> tuple[Path | str, str]:
    if named := os.environ.get("DICOM_ROOT"):
        root = named_root(named, "DICOM_ROOT")
        part = part_in(root)
        why = f"{part.said}, of {part.root}; " if part else ""
        return root, f"{why}named by DICOM_ROOT"
    why = "the phantom, made here; set DICOM_ROOT to explore your own folder"
    if KAGGLE_INPUT.is_dir():
        if (found_below := find_dicom(KAGGLE_INPUT)) is not None:
            return found_below
        why += _archives_below(KAGGLE_INPUT)
    return phantom_root(), why


def _archives_below(folder: Path) -> str:
    """What is said of archives in a folder without DICOM; empty where there is none."""
    archives = [path for path in walk_files(folder) if path.lower().endswith(ARCHIVE_ENDINGS)]
    if not archives:
        return ""
    command = command_for(_format_at(archives[0]), archives[0], into=KAGGLE_WORKING)
    how = f"; the first opens with: {command}" if command else ""
    number = f"{len(archives)} archive{'s' * (len(archives) > 1)}"
    return f"; below {folder} lie no DICOM files, but {number}{how}"


def _format_at(path: str | os.PathLike[str]) -> str:
    """What a file is by its first bytes; empty where unknown, or where it cannot be read."""
    try:
        with open_file(path) as file:
            return format_of(file.read(0, SNIFFED_BYTES))
    except OSError:
        return ""


def _any_dicom(paths: list[str]) -> bool:
    """Whether one of the likeliest files begins as DICOM does (PS3.10 7.1)."""
    for path in sorted(paths, key=_unlikeliness)[:MAX_FILES_PROBED]:
        with contextlib.suppress(OSError), open_file(path) as file:
            if format_of(file.read(0, SNIFFED_BYTES)) == "DICOM file":
                return True
    return False


def _unlikeliness(path: str) -> int:
    """0 for a file whose name says DICOM, 2 for one whose name says something else."""
    name = path.lower()
    return 0 if name.endswith(LIKELY_ENDINGS) else 2 if name.endswith(OTHER_ENDINGS) else 1


def _main_child(root: Path, holders: list[Path]) -> Path | None:
    """The child of `root` below which nine tenths of the holders under `root` lie, or None."""
    inside = [holder for holder in holders if holder.is_relative_to(root)]
    below = Counter(holder.relative_to(root).parts[0] for holder in inside if holder != root)
    name, count = below.most_common(1)[0] if below else ("", 0)
    return root / name if count and count >= MAIN_CHILD_SHARE * len(inside) else None


def _remove_outdated(cache: Path) -> None:
    """Removes phantoms of earlier versions, and unfinished ones that no process writes any more."""
    for folder in cache.glob("dicom-phantom-*"):
        if found := ANY_PHANTOM.fullmatch(folder.name):
            version, process = found.groups()
            abandoned = process is not None and not _is_running(int(process))
            if abandoned or (process is None and int(version) < PHANTOM_VERSION):
                shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    """Whether there is such a process; yes where asking would end it (Windows)."""
    try:
        if os.name != "nt":
            os.kill(process, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True
