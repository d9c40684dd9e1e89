"""How is a file opened, wherever it lies? Every byte that is read of one comes through here."""

import atexit
import contextlib
import os
import shutil
import tempfile
from array import array
from collections import OrderedDict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np

from helpers.files.archives import Archive
from helpers.files.names import archive_part, is_address
from helpers.files.objects import (
    fingerprint_of_object,
    is_object,
    open_object,
    size_of_object,
)
from helpers.files.reading import DiskFile, OpenFile, SizeLimitedReader

UNKNOWN = (-1, -1, -1)  # fingerprint of a file that is to be read another time
MAX_ARCHIVES = 16  # that stay open

Fingerprint = tuple[int, int, int]

_archives: OrderedDict[str, tuple[Fingerprint, Archive]] = OrderedDict()
_lock = Lock()


def open_file(path: str | os.PathLike[str]) -> OpenFile:
    """A file on a disk, in an archive (``study.zip/1.dcm``), or in a bucket (``s3://scans/1.dcm``).

    Raises
    ------
    OSError
        Where there is none, or it cannot be read.
    """
    try:
        if not is_address(path):
            return DiskFile(path)
    except (FileNotFoundError, NotADirectoryError):
        if archive_part(os.fsdecode(path)) is None:
            raise
    name = os.fsdecode(path)
    archive = _archive_of(name)
    if archive is not None:
        return archive.open(name[len(archive.path) + 1 :])
    return open_object(name) if is_address(name) else DiskFile(name)


def archive_at(path: str) -> Archive:
    """The archive at a path, which may itself lie in another one or in a bucket.

    Raises
    ------
    OSError
        Where there is none.
    """
    if is_address(path) and archive_part(path) is None and not is_object(path):
        raise FileNotFoundError(f"no archive at {path}")
    fingerprint = fingerprint_of(path)
    with _lock:
        known, archive = _archives.get(path, (UNKNOWN, None))
        if archive is not None and known == fingerprint:
            _archives.move_to_end(path)
            return archive
    archive = Archive(path, open_file(path))
    with _lock:
        _archives[path] = fingerprint, archive
        while len(_archives) > MAX_ARCHIVES:
            _archives.popitem(last=False)
    return archive


def is_there(path: str) -> bool:
    """Whether there is a file of this path, and it can be opened."""
    try:
        open_file(path).close()
    except (OSError, ValueError):
        return False
    return True


def size_of(path: str | os.PathLike[str]) -> int | None:
    """Bytes of a regular file; None of anything else."""
    if is_address(path) and _archive_of(os.fsdecode(path)) is None:
        try:
            return size_of_object(os.fsdecode(path))
        except OSError:
            return None
    if os.path.isfile(path):
        return os.path.getsize(path)
    found = fingerprint_of(os.fsdecode(path))[0]
    return None if found < 0 else found


def fingerprints_of(paths: Iterable[str]) -> np.ndarray:
    """What tells whether files are as they were, beside their paths: int64 (n, 3).

    Size in bytes, times of the last change of content and of status in nanoseconds, or what an
    archive or a bucket says in their place; `UNKNOWN` of a file that is not there.
    """
    found = array("q")
    for path in paths:
        found.extend(fingerprint_of(path))
    return np.frombuffer(found, np.int64).reshape(-1, 3)


def fingerprint_of(path: str) -> Fingerprint:
    """A row of `fingerprints_of`."""
    try:
        if is_address(path):
            is_member = _archive_of(path) is not None
            return _fingerprint_of_member(path) if is_member else fingerprint_of_object(path)
        status = os.stat(path)
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns
    except (FileNotFoundError, NotADirectoryError):
        return _fingerprint_of_member(path)
    except (OSError, ValueError):
        return UNKNOWN


def on_disk(path: str | os.PathLike[str]) -> str:
    """A path under which any program can open a file: its own, or that of a temporary copy.

    A file in an archive or a bucket is copied, once; the copies go with the process.

    Raises
    ------
    OSError
        Where the file cannot be read, or there is no room for a copy.
    """
    path = os.fsdecode(path)
    return path if not is_address(path) and os.path.isfile(path) else _copied(path)


@cache
def _copied(path: str) -> str:
    folder = tempfile.mkdtemp(prefix="dicom-copy-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder, os.path.basename(path))
    copy_file(path, copy)
    return str(copy)


def copy_file(path: str | os.PathLike[str], copy: str | os.PathLike[str]) -> None:
    """Copies a file, wherever it lies, to a new one on a disk."""
    with SizeLimitedReader(open_file(path)) as file, open(copy, "xb") as out:
        shutil.copyfileobj(file, out)


def _archive_of(path: str) -> Archive | None:
    """The innermost archive in which a file lies; None where there is none on the way."""
    part = archive_part(path)
    while part is not None:
        if not os.path.isdir(part):  # one may be called like an archive
            with contextlib.suppress(FileNotFoundError):
                return archive_at(part)
        part = archive_part(part)
    return None


def _fingerprint_of_member(path: str) -> Fingerprint:
    """Size of the file, what the archive says of its content, and when the archive was changed."""
    try:
        archive = _archive_of(path)
        if archive is None:
            return UNKNOWN
        member = archive.member(path[len(archive.path) + 1 :])
        return member.size, member.check, fingerprint_of(archive.path)[1]
    except (OSError, ValueError):
        return UNKNOWN
