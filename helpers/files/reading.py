"""Any range of the bytes of one file: on a disk, inside another file, or unpacked on the way."""

import io
import os
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from threading import Lock

import numpy as np

from helpers.errors import ClearError

# a pipe without a writer does not hold us up; on Windows bytes stay bytes
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
KEPT_IN_MEMORY = 2**24  # bytes of an unpacked file; a larger one goes to a temporary file
SHARE_OF_FREE = 0.5  # of the disk for temporary files that an unpacked file may take


class ArchiveError(ClearError, OSError):
    """An archive, or a member of one, that cannot be read."""


class OpenFile(ABC):
    """A file that is open for reading: its path, its size, and any range of its bytes."""

    __slots__ = ("path", "size")

    path: str | os.PathLike[str]
    size: int

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - what holds nothing has nothing to give back
        """Ends the reading."""

    @abstractmethod
    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends, whatever `length` says.

        Raises
        ------
        OSError
            Where they cannot be had.
        """

    def read_into(self, start: int, out: np.ndarray) -> bool:
        """Fills a contiguous array with the bytes from `start` on; whether there were enough."""
        buffer = out.data.cast("B")
        content = self.read(start, len(buffer))
        buffer[: len(content)] = content
        return len(content) == len(buffer)


class DiskFile(OpenFile):
    """A file on a disk.

    Parameters
    ----------
    descriptor : of the file, where it is open already

    Raises
    ------
    OSError
        Where it is no regular file, or cannot be opened.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, path: str | os.PathLike[str], descriptor: int | None = None) -> None:
        self.path, self._descriptor = path, -1
        self._descriptor = os.open(path, OPEN_FLAGS) if descriptor is None else descriptor
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(f"not a regular file: {os.fspath(path)}")
        self.size = status.st_size

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Ends the reading."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

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


class PartOfFile(OpenFile):
    """A file that stands as it is in another one, from a byte on.

    Parameters
    ----------
    whole : the other one, which stays open
    beginning : its first bytes, where they have been read already
    """

    __slots__ = ("_beginning", "_start", "_whole")

    def __init__(
        self, path: str, whole: OpenFile, start: int, size: int, beginning: bytes = b""
    ) -> None:
        self.path, self.size = path, size
        self._whole, self._start, self._beginning = whole, start, beginning

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends, whatever `length` says."""
        wanted = max(0, min(length, self.size - start))
        if start + wanted <= len(self._beginning):
            return self._beginning[start : start + wanted]
        return self._whole.read(self._start + start, wanted)


class UnpackedFile(OpenFile):
    """A file that can be unpacked from its beginning on alone: as far as it was, it is kept.

    What was kept is read by its place, so that forked processes may share it.

    Parameters
    ----------
    parts : yields its bytes, some at a time
    """

    __slots__ = ("_done", "_error", "_kept", "_lock", "_parts", "_spool")

    def __init__(self, path: str, size: int, parts: Iterator[bytes]) -> None:
        self.path, self.size = path, size
        self._parts, self._done, self._lock = parts, 0, Lock()
        self._kept, self._spool = bytearray(), -1
        self._error: OSError | None = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Ends the reading."""
        if self._spool >= 0:
            os.close(self._spool)
            self._spool = -1

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends, whatever `length` says."""
        wanted = max(0, min(length, self.size - start))
        with self._lock:
            while self._done < start + wanted and (part := self._next()):
                self._keep(part)
            if self._spool < 0:
                return bytes(self._kept[start : start + wanted])
            return _read_at(self._spool, max(0, min(wanted, self._done - start)), start)

    def _next(self) -> bytes:
        """The next part; empty at the end. What fails once fails again."""
        if self._error is not None:
            raise self._error
        try:
            return next(self._parts, b"")
        except OSError as error:
            self._error = error
            raise

    def _keep(self, part: bytes) -> None:
        """Keeps a part: in memory, or from some size on in a temporary file."""
        if self._spool < 0 and self._done + len(part) <= KEPT_IN_MEMORY:
            self._kept += part
        else:
            if self._spool < 0:
                check_room(self.size)
                with tempfile.TemporaryFile(buffering=0) as file:
                    self._spool = os.dup(file.fileno())
                _write_all_at(self._spool, self._kept, 0)
                self._kept = bytearray()
            _write_all_at(self._spool, part, self._done)
        self._done += len(part)


def check_room(size: int) -> None:
    """Refuses to unpack so many bytes, where they take more than half of what is free.

    Raises
    ------
    ArchiveError
    """
    folder = tempfile.gettempdir()
    most = int(SHARE_OF_FREE * shutil.disk_usage(folder).free)
    if size > most:
        raise ArchiveError(
            f"expected at most {most >> 20} MB of unpacked files, half of what {folder} has free, "
            "got more: unpack the archive where there is room, or set TMPDIR"
        )


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


def _seek_and_read(descriptor: int, length: int, start: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, length)


def _write_all_at(descriptor: int, content: bytes | bytearray, start: int) -> None:
    """Writes bytes at a place, all of them."""
    left = memoryview(content)
    while left:
        count = _put_at(descriptor, left, start)
        left, start = left[count:], start + count


def _seek_and_write(descriptor: int, content: memoryview, start: int) -> int:
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.write(descriptor, content)


def _read_and_copy(descriptor: int, buffer: memoryview, start: int) -> int:
    content = _read_at(descriptor, len(buffer), start)
    buffer[: len(content)] = content
    return len(content)


def _fill(descriptor: int, buffer: memoryview, start: int) -> int:
    return os.preadv(descriptor, [buffer], start)


# where a system lacks the call that does both at once
_read_at = getattr(os, "pread", _seek_and_read)
_put_at = getattr(os, "pwrite", _seek_and_write)
_fill_at = _fill if hasattr(os, "preadv") else _read_and_copy
