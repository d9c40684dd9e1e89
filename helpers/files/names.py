"""What does a path say? Natural order, and what paths have in common, on a disk and elsewhere."""

import os
import re
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

DIGITS = re.compile(r"([0-9]+)")
MOST_DIGITS = 4000  # of a number in a name; Python reads no more than 4300
VERSION_CONTROL = {"CVS", "_darcs"}  # beside those whose names start with a dot
ADDRESS = "://"  # stands in the path of what is not on this machine's disks
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")
ARCHIVE_NAME = re.compile(rf"({'|'.join(map(re.escape, ARCHIVES))})(?=$|[/\\])", re.I)


def natural_key(path: str | os.PathLike[str]) -> list[tuple]:
    """A sort key that puts the numbers inside names in order: 2.dcm before 10.dcm.

    Of each part of a path: a text, a number, the text behind it, and so on.
    """
    return list(map(natural_part, os.fspath(path).split(os.sep)))


def natural_ranks(paths: Iterable[str]) -> np.ndarray:
    """The rank (n,) of each path in their natural order."""
    keys = [natural_key(path) for path in paths]
    return np.argsort(sorted(range(len(keys)), key=keys.__getitem__))


@lru_cache(2**14)  # as many names recur from folder to folder
def natural_part(name: str) -> tuple:
    """A text, a number, the text behind it, and so on."""
    parts: list = DIGITS.split(name)
    parts[1::2] = (int(one) if len(one) < MOST_DIGITS else len(one) for one in parts[1::2])
    return tuple(parts)


def is_hidden(name: str) -> bool:
    """Whether a file or a folder of this name is left out of a listing."""
    return name.startswith(".") or name in VERSION_CONTROL


def is_address(path: str | os.PathLike[str]) -> bool:
    """Whether a path names something in a bucket or on a server, as ``s3://bucket/scan`` does."""
    return ADDRESS in os.fsdecode(path)


def is_archive_name(path: str | os.PathLike[str]) -> bool:
    """Whether a file is called like an archive that is read in place."""
    return os.fsdecode(path).lower().endswith(ARCHIVES)


def as_named(path: str | bytes | os.PathLike) -> str:
    """A path as a person may name it: of the home (~), or of a disk as an address (file://)."""
    name = os.fsdecode(path)
    for start in ("file://", "local://"):
        name = name.removeprefix(start)
    return os.path.expanduser(name)


def archive_part(path: str) -> str | None:
    """The part of a path that is, by its name, the innermost archive on the way to what it names.

    Examples
    --------
    >>> archive_part("data/study.zip/1/2.dcm"), archive_part("data/study.zip")
    ('data/study.zip', None)
    """
    names = [found for found in ARCHIVE_NAME.finditer(path) if found.end() < len(path)]
    return path[: names[-1].end()] if names else None


def absolute(path: str) -> str:
    """A path from the root on; an address as it is."""
    return path if is_address(path) or os.path.isabs(path) else os.path.abspath(path)


def real_path(path: str | os.PathLike[str]) -> str:
    """A path with its links followed; an address as it is."""
    return os.fsdecode(path) if is_address(path) else os.path.realpath(path)


def folder_of(paths: Iterable[str]) -> str | None:
    """The folder below which all these files lie, as they are written; None where there is none.

    Examples
    --------
    >>> folder_of(["s3://scans/a/1.dcm", "s3://scans/a/b/2.dcm"])
    's3://scans/a'
    """
    folders = set(map(os.path.dirname, paths))
    schemes = {folder.partition(ADDRESS)[0] if is_address(folder) else "" for folder in folders}
    if len(schemes) != 1:
        return None
    (scheme,) = schemes
    start = f"{scheme}{ADDRESS}" if scheme else ""
    try:
        return start + os.path.commonpath([folder.removeprefix(start) for folder in folders])
    except ValueError:  # some whole and some not, or on several drives
        return None


def disk_folder(path: str) -> str | None:
    """The folder on a disk in which a file lies, or its archive does; None for an address."""
    if is_address(path):
        return None
    first = ARCHIVE_NAME.search(path)
    while first and not os.path.isfile(path[: first.end()]):
        first = ARCHIVE_NAME.search(path, first.end())
    return os.path.dirname(path[: first.end()] if first else path)
