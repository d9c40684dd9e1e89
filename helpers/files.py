"""Which files are here, and what are their bytes? Every byte that is read comes through here."""

import contextlib
import io
import os
import re
import stat
import warnings
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from helpers.errors import ClearError

DIGITS = re.compile(r"([0-9]+)")
VERSION_CONTROL = {"CVS", "_darcs"}  # beside those whose names start with a dot
# a pipe without a writer does not hold us up; on Windows bytes stay bytes
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
UNKNOWN = (-1, -1, -1)  # fingerprint of a file that is to be read another time


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
        hidden = _hidden_in(os.fsdecode(root))
        but = f" but hidden ones, such as {os.path.basename(min(hidden))}" if hidden else ""
        raise FolderError(f"expected files, found none below {root}{but}")
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


def hidden_entries(paths: Iterable[str]) -> dict[str, bool]:
    """What `list_files` left out beside files: the full path of each, and whether it is a folder.

    Hidden files and folders, and those of version control, in the folders that hold these files
    and in those above up to the one that holds all; what lies below is not looked at.
    """
    listed = set(paths)
    folders = set(map(os.path.abspath, {os.path.dirname(path) for path in listed}))
    top = os.path.commonpath(folders) if folders else ""
    for folder in list(folders):
        while folder != top and (folder := os.path.dirname(folder)) not in folders:
            folders.add(folder)
    found = {
        path: is_folder for folder in folders for path, is_folder in _hidden_in(folder).items()
    }
    left_out = found.keys() - set(map(os.path.abspath, listed)) if found else ()
    return {path: found[path] for path in sorted(left_out)}


def natural_key(path: str | os.PathLike[str]) -> list[tuple]:
    """A sort key that puts the numbers inside names in order: 2.dcm before 10.dcm.

    Of each part of a path: a text, a number, the text behind it, and so on.
    """
    return list(map(_natural_part, os.fspath(path).split(os.sep)))


def natural_ranks(paths: Iterable[str]) -> np.ndarray:
    """The rank (n,) of each path in their natural order."""
    keys = [natural_key(path) for path in paths]
    return np.argsort(sorted(range(len(keys)), key=keys.__getitem__))


# the bytes of a file


class OpenFile:
    """A file that is open for reading: its size, and any range of its bytes.

    Raises
    ------
    OSError
        Where it is no regular file, or cannot be opened.
    """

    __slots__ = ("_descriptor", "path", "size")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._descriptor = os.open(path, OPEN_FLAGS)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(f"not a regular file: {os.fspath(path)}")
        self.size = status.st_size

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the reading."""
        os.close(self._descriptor)

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends, whatever `length` says."""
        wanted = max(0, min(length, self.size - start))
        content = _read_at(self._descriptor, wanted, start)
        while len(content) < wanted and (
            more := _read_at(self._descriptor, wanted - len(content), start + len(content))
        ):
            content += more
        return content

    def read_into(self, start: int, out: np.ndarray) -> bool:
        """Fills a contiguous array with the bytes from `start` on; whether there were enough."""
        buffer, done = out.data.cast("B"), 0
        while done < len(buffer) and (count := _fill_at(self._descriptor, buffer[done:], start)):
            done, start = done + count, start + count
        return done == len(buffer)


class Stream(io.RawIOBase):
    """An `OpenFile` as the file object that libraries read; closing it closes the file."""

    def __init__(self, file: OpenFile) -> None:
        self.file, self.name = file, file.path
        self._position = 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it has places to go to: yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place in the file."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.file.size}
        self._position = origin[whence] + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills a buffer as far as the file goes; returns how many bytes that were."""
        content = self.file.read(self._position, len(buffer))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        """Ends the reading."""
        if not self.closed:
            self.file.close()
        super().close()


class SizeLimitedReader(io.BufferedReader):
    """A file object that is never asked for more than it holds: a wrong length takes no memory."""

    def __init__(self, file: OpenFile) -> None:
        super().__init__(Stream(file))
        self.file = file

    def read(self, size: int | None = -1, /) -> bytes:
        """Some bytes, as of any file."""
        most = self.file.size
        return super().read(most if size is None or size < 0 else min(size, most))


def size_of(path: str | os.PathLike[str]) -> int | None:
    """Bytes of a regular file; None of anything else."""
    return os.path.getsize(path) if os.path.isfile(path) else None


def fingerprints_of(paths: Iterable[str]) -> np.ndarray:
    """What tells whether files are as they were, beside their paths: int64 (n, 3).

    Size in bytes, times of the last change of content and of status in nanoseconds; `UNKNOWN` of
    a file that is not there.
    """
    found = array("q")
    for path in paths:
        try:
            status = os.stat(path)
            found.extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        except (OSError, ValueError):
            found.extend(UNKNOWN)
    return np.frombuffer(found, np.int64).reshape(-1, 3)


def _seek_and_read(descriptor: int, length: int, start: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, length)


def _read_and_copy(descriptor: int, buffer: memoryview, start: int) -> int:
    content = _read_at(descriptor, len(buffer), start)
    buffer[: len(content)] = content
    return len(content)


def _fill(descriptor: int, buffer: memoryview, start: int) -> int:
    return os.preadv(descriptor, [buffer], start)


# where a system lacks the call that does both at once
_read_at = getattr(os, "pread", _seek_and_read)
_fill_at = _fill if hasattr(os, "preadv") else _read_and_copy


# the files of a folder


@lru_cache(2**14)  # as many names recur from folder to folder
def _natural_part(name: str) -> tuple:
    """A text, a number, the text behind it, and so on."""
    parts: list = DIGITS.split(name)
    parts[1::2] = map(int, parts[1::2])
    return tuple(parts)


def _entries(folder: str) -> list[tuple[str, bool]]:
    """(path, whether it is a folder) of what is not hidden in a folder, in natural order."""
    try:
        with os.scandir(folder) as found:
            visible = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        warnings.warn(f"folder left out: {error}", stacklevel=2)
        return []
    visible.sort(key=lambda entry: _natural_part(entry.name))
    folders = [_holds(entry.is_dir) and entry.name not in VERSION_CONTROL for entry in visible]
    return [
        (entry.path, is_folder)
        for entry, is_folder in zip(visible, folders)
        if is_folder or _holds(entry.is_file)
    ]


def _hidden_in(folder: str) -> dict[str, bool]:
    """What is left out of a folder: the path of each entry, and whether it is a folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return {
            os.path.join(folder, entry.name): _holds(entry.is_dir)
            for entry in entries
            if entry.name.startswith(".") or entry.name in VERSION_CONTROL
        }
    return {}


def _holds(question: Callable[[], bool]) -> bool:
    """The answer; no where the system cannot tell, as of a link that leads to itself."""
    try:
        return question()
    except OSError:
        return False
