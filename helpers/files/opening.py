"""How is a file opened, wherever it lies? Every byte that is read of one comes through here."""

import atexit
import errno
import os
import shutil
import tempfile
from array import array
from collections import OrderedDict
from collections.abc import Iterable
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Lock

import numpy as np

from helpers.files.archives import Archive
from helpers.files.names import ARCHIVE_NAME, archive_part, is_address
from helpers.files.objects import (
    fingerprint_of_object,
    is_object,
    open_object,
    size_of_object,
)
from helpers.files.reading import DiskFile, OpenFile, SizeLimitedReader

UNKNOWN = (-1, -1, -1)  # fingerprint of a file that is to be read another time
MAX_ARCHIVES = 16  # that stay open
# what a system says of a path that leads into an archive, as if that were a folder
ELSEWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)

Fingerprint = tuple[int, int, int]

_archives: OrderedDict[str, tuple[Fingerprint, Archive]] = OrderedDict()
_opening: dict[str, Lock] = {}
_copies: dict[tuple[str, Fingerprint], str] = {}
_lock = Lock()


def open_file(path: str | os.PathLike[str]) -> OpenFile:
    """A file on a disk, in an archive (``study.zip/1.dcm``), or in a bucket (``s3://scans/1.dcm``).

    Raises
    ------
    OSError
        Where there is none, or it cannot be read.
    """
    name = os.fsdecode(path)
    try:
        if not is_address(name):
            return DiskFile(path)
    except OSError as error:
        if error.errno not in ELSEWHERE or archive_part(name) is None:
            raise
    archive = _archive_of(name)
    return _open_plain(name) if archive is None else archive.open(name[len(archive.path) + 1 :])


def archive_at(path: str) -> Archive:
    """The archive at a path, which may itself lie in another one or in a bucket.

    Raises
    ------
    OSError
        Where there is none.
    """
    return _archive_in(_archive_of(path), path)


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
        try:
            return _fingerprint_in(_archive_of(path) if is_address(path) else None, path)
        except (FileNotFoundError, NotADirectoryError):
            archive = None if is_address(path) else _archive_of(path)
            return UNKNOWN if archive is None else _fingerprint_in(archive, path)
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
    if not is_address(path) and os.path.isfile(path):
        return path
    key = path, fingerprint_of(path)
    if key not in _copies or not os.path.isfile(_copies[key]):
        copy = Path(_folder_for_copies(os.getpid()), f"{len(_copies) + 1}{Path(path).suffix}")
        copy_file(path, copy)
        _copies[key] = str(copy)
    return _copies[key]


@cache
def _folder_for_copies(process: int) -> str:
    """A folder that goes with a process: a forked one has its own."""
    folder = tempfile.mkdtemp(prefix="dicom-copies-")

    def remove() -> None:
        if os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    Finalize(None, remove, exitpriority=0)  # processes of multiprocessing end without atexit
    return folder


def copy_file(path: str | os.PathLike[str], copy: str | os.PathLike[str]) -> None:
    """Copies a file, wherever it lies, to a new one on a disk."""
    with SizeLimitedReader(open_file(path)) as file, open(copy, "xb") as out:
        try:
            shutil.copyfileobj(file, out)
        except BaseException:
            os.remove(copy)
            raise


def _archive_of(path: str) -> Archive | None:
    """The innermost archive in which a file lies; None where there is none on the way."""
    archive: Archive | None = None
    for found in ARCHIVE_NAME.finditer(path):
        part = path[: found.end()]
        if part == path:
            break
        if archive is None:
            is_one = is_object(part) if is_address(part) else os.path.isfile(part)
        else:
            is_one = part[len(archive.path) + 1 :] in archive
        if is_one:  # and no folder that is called like an archive
            archive = _archive_in(archive, part)
    return archive


def _archive_in(outer: Archive | None, path: str) -> Archive:
    """The archive at a path that lies in another one, or in none; each is opened once."""
    if outer is None and is_address(path) and not is_object(path):
        raise FileNotFoundError(f"no archive at {path}")
    with _lock:
        opening = _opening.setdefault(path, Lock())
    with opening:
        fingerprint = _fingerprint_in(outer, path)
        known, archive = _archives.get(path, (UNKNOWN, None))
        if archive is None or known != fingerprint:
            inner = path[len(outer.path) + 1 :] if outer else ""
            file = outer.open(inner) if outer else _open_plain(path)
            archive = Archive(path, file)
    with _lock:
        _archives[path] = fingerprint, archive
        _archives.move_to_end(path)
        while len(_archives) > MAX_ARCHIVES:
            _opening.pop(_archives.popitem(last=False)[0], None)
    return archive


def _open_plain(path: str) -> OpenFile:
    """A file that lies in no archive."""
    return open_object(path) if is_address(path) else DiskFile(path)


def _fingerprint_in(archive: Archive | None, path: str) -> Fingerprint:
    """Size, what an archive says of the content, and when the archive was changed.

    Raises
    ------
    FileNotFoundError
        For a file that an archive has not, or no listing of a bucket.
    """
    if archive is not None:
        member = archive.member(path[len(archive.path) + 1 :])
        return member.size, member.check, fingerprint_of(archive.path)[1]
    if is_address(path):
        return fingerprint_of_object(path)
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
