"""Which files does a ZIP or tar archive hold, and where in it? They are read in place.

Nothing is ever unpacked to where a member's name says. A member that cannot be read is listed all
the same, and says why when it is opened.
"""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from helpers.errors import one_line
from helpers.files.names import ARCHIVES, is_hidden, natural_key
from helpers.files.reading import (
    ArchiveError,
    DiskFile,
    OpenFile,
    PartOfFile,
    Stream,
    UnpackedFile,
    check_room,
)

MAX_AT_ONCE = 2**28  # bytes of a directory or a tar header that are read into memory
MAX_MEMBERS = 2**22
MAX_RATIO, LARGE = 200, 2**30  # a member that is larger and packed better is no image
BLOCK = 2**20  # bytes that are unpacked at once
FIRST_BLOCK = 2**13  # at first: most headers end in it
LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a ZIP member: mark, length of its name and of more
LONGEST_NAME = 512  # bytes of both that are read together with the first block; others take a read
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz"}  # not read here
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
ENCRYPTED, PATCHED = 1, 32  # flags of a ZIP member
PACKED_TAR: dict[bytes, tuple[str, Any]] = {  # by its beginning: how it is packed, what unpacks it
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\0": ("xz", lzma.open),
}
MAX_TAR_HEADER = 2**17  # bytes that describe one file of a tar archive
KEPT_OPEN = 2**20  # bytes; the last deflated member that is larger stays unpacked
SHARED = "damaged: its bytes are those of another file of the archive"
FOLLOWED = "another file of the same name follows in the archive, and takes its place"
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, NotImplementedError, OverflowError, struct.error, RecursionError),
)


class Member(NamedTuple):
    """Where a file stands in an archive."""

    start: int  # byte in the archive: of its local header in a ZIP archive, else of its content
    packed: int  # bytes of its content there
    size: int  # bytes of the file
    method: int  # how it is packed, by ZIP's numbers
    check: int  # of a ZIP archive the CRC-32 of the file, else when it was last changed
    error: str = ""  # why it cannot be read


IMPOSSIBLE = Member(0, 0, 0, STORED, 0, "damaged: of an impossible size, or at an impossible place")


class Archive:
    """The files of an archive.

    Parameters
    ----------
    path : of the archive, with which those of its members begin
    file : its bytes, which stay open as long as members are

    Raises
    ------
    ArchiveError
        For what is no archive, is damaged, or is too large.
    """

    def __init__(self, path: str, file: OpenFile) -> None:
        self.path, self._file = path, file
        self._kept: tuple[str, UnpackedFile | None] = "", None  # the last that is large
        try:
            self._is_zip = not _is_tar(path, file) and zipfile.is_zipfile(_reader(file))
            if not self._is_zip:
                self._file = _as_tar(path, file)
            found = _zip_members(file) if self._is_zip else _tar_members(self._file)
            self._members = _by_name(found)
        except ArchiveError:
            raise
        except DAMAGED as error:
            raise ArchiveError(f"not a whole archive: {one_line(error)}") from None

    @cached_property
    def names(self) -> list[str]:
        """The names of its files in natural order, without those that are hidden."""
        shown = (name for name in self._members if not any(map(is_hidden, name.split("/"))))
        return sorted(shown, key=natural_key)

    def hidden(self) -> list[str]:
        """The names of the files that are hidden, or lie in a folder that is."""
        return [name for name in self._members if any(map(is_hidden, name.split("/")))]

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def member(self, name: str) -> Member:
        """Where a file stands.

        Raises
        ------
        FileNotFoundError
            For a name that it has not.
        """
        if name not in self._members:
            raise FileNotFoundError(f"no such file in the archive: {self.path}/{name}")
        return self._members[name]

    def open(self, name: str) -> OpenFile:
        """One of its files.

        Raises
        ------
        FileNotFoundError, ArchiveError
            For a name that it has not, and for a file that cannot be read.
        """
        member, path = self.member(name), f"{self.path}/{name}"
        if member.error:
            raise ArchiveError(member.error)
        if not self._is_zip:
            return PartOfFile(path, self._file, member.start, member.size)
        start, beginning = self._content(member)
        if member.method == STORED:
            return PartOfFile(path, self._file, start, member.size, beginning)
        name_kept, kept = self._kept
        if kept is None or name_kept != name:
            kept = UnpackedFile(path, member.size, _inflated(self._file, member, start, beginning))
            if member.size <= KEPT_OPEN:
                return kept
            self._kept = name, kept
        return PartOfFile(path, kept, 0, member.size)  # many frames are read one after the other

    def _content(self, member: Member) -> tuple[int, bytes]:
        """(byte at which the content of a ZIP member begins, its first bytes)"""
        head = self._file.read(member.start, LOCAL_HEADER.size + LONGEST_NAME + FIRST_BLOCK)
        if len(head) < LOCAL_HEADER.size or head[:4] != b"PK\3\4":
            raise ArchiveError("damaged: no file begins where the archive's directory says")
        _, name, more = LOCAL_HEADER.unpack_from(head)
        before = LOCAL_HEADER.size + name + more
        return member.start + before, head[before : before + member.packed]


class _CarefulReader(io.BufferedReader):
    """A file object that lends its bytes: it is never asked for too many, nor closes its file."""

    def __init__(self, file: OpenFile) -> None:
        super().__init__(_LentStream(file))
        self._size = file.size
        self.left: int | None = None  # bytes that may be read, where they are counted

    def read(self, size: int | None = -1, /) -> bytes:
        """Some bytes, as of any file."""
        left = max(0, self._size - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > MAX_AT_ONCE:
            raise ArchiveError(f"expected a directory of at most {MAX_AT_ONCE} bytes, got {wanted}")
        if self.left is not None:
            self.left -= wanted
            if self.left < 0:
                raise ArchiveError("damaged: the description of a file in it has no end")
        return super().read(wanted)


class _LentStream(Stream):
    def close(self) -> None:
        """Ends the reading, and leaves the file open."""
        io.RawIOBase.close(self)


def _reader(file: OpenFile) -> Any:
    return _CarefulReader(file)


def _is_tar(path: str, file: OpenFile) -> bool:
    """Whether it is a tar archive; a ZIP archive as its last file does not make it one."""
    is_named = path.lower().endswith(ARCHIVES[1:])
    start = file.read(0, 512)
    return is_named or start[257:262] == b"ustar" or any(map(start.startswith, PACKED_TAR))


def _by_name(found: Iterator[tuple[str, Member]]) -> dict[str, Member]:
    """The members by a name that can stand in a path; of two alike the last is what unpacks."""
    members: dict[str, Member] = {}
    earlier: Counter[str] = Counter()
    for name, member in found:
        if len(members) == MAX_MEMBERS:
            raise ArchiveError(f"expected at most {MAX_MEMBERS} files in an archive, got more")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\0" in name or not parts:
            member = member._replace(error=f"a name that leads out of the archive: {name!r}")
        safe = "/".join("%2E%2E" if part == ".." else part for part in parts).replace("\0", "%00")
        safe = safe or "%00"
        if safe in members:
            earlier[safe] += 1
            while (again := f"{safe}#{earlier[safe]}") in members:
                earlier[safe] += 1
            members[again] = members[safe]._replace(error=FOLLOWED)
        members[safe] = member if _is_possible(member) else IMPOSSIBLE
    return members


def _is_possible(member: Member) -> bool:
    return all(0 <= number < 2**63 for number in (member.start, member.packed, member.size))


# ZIP


def _zip_members(file: OpenFile) -> Iterator[tuple[str, Member]]:
    with zipfile.ZipFile(_reader(file)) as archive:
        seen: set[int] = set()
        for info in archive.infolist():
            if not info.is_dir() or info.file_size:
                where = info.header_offset, info.compress_size, info.file_size
                why = SHARED if info.header_offset in seen else _refusal(info)
                seen.add(info.header_offset)
                yield info.filename, Member(*where, info.compress_type, info.CRC, why)


def _refusal(info: zipfile.ZipInfo) -> str:
    """Why a ZIP member is not read; empty where it is."""
    if info.flag_bits & ENCRYPTED:
        return "encrypted in its archive: unpack it with its password"
    if info.external_attr >> 28 == 0o12:
        return "a link in an archive, which is not followed"
    if info.compress_type not in (STORED, DEFLATED) or info.flag_bits & PATCHED:
        kind = METHODS.get(info.compress_type, f"method {info.compress_type}")
        return f"packed by {kind}, which is not read in place: unpack the archive"
    if info.compress_type == STORED and info.file_size != info.compress_size:
        return "damaged: its size is two numbers in the archive's directory"
    if info.file_size > LARGE and info.file_size > MAX_RATIO * info.compress_size:
        return f"{info.compress_size} bytes that unpack to {info.file_size}: this is no image"
    return ""


def _inflated(file: OpenFile, member: Member, start: int, beginning: bytes) -> Iterator[bytes]:
    """Yields the bytes of a deflated member, some at a time; the last once their sum is checked."""
    unpack, check, done, most = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0, FIRST_BLOCK
    size = 0
    try:
        while done < member.packed and not unpack.eof:
            wanted = min(BLOCK, member.packed - done)
            packed = beginning if not done and beginning else file.read(start + done, wanted)
            if not packed:
                raise ArchiveError("damaged: the archive ends inside this file")
            done += len(packed)
            while (part := unpack.decompress(packed, most)) or packed:
                packed, check, most = unpack.unconsumed_tail, zlib.crc32(part, check), BLOCK
                size += len(part)
                if size > member.size or (
                    unpack.eof and (check, size) != (member.check, member.size)
                ):
                    raise ArchiveError("damaged: its bytes are not those that were packed (CRC)")
                if part:
                    yield part
        if not unpack.eof:
            raise ArchiveError("damaged: it ends too early")
    except zlib.error as error:
        raise ArchiveError(f"damaged in its archive: {error}") from None


# tar


def _as_tar(path: str, file: OpenFile) -> OpenFile:
    """A tar archive to read in place: the file as it is, or unpacked to a temporary one."""
    start = file.read(0, 8)
    for mark, (kind, unpacked) in PACKED_TAR.items():
        if start.startswith(mark):
            return _unpacked(path, unpacked(_reader(file)), kind)
    return file if isinstance(file, DiskFile) else _unpacked(path, _reader(file), "")


def _unpacked(path: str, packed: Any, kind: str) -> DiskFile:
    """A temporary file with the bytes of a packed archive; it is gone when it is closed."""
    size = 0
    with tempfile.TemporaryFile() as out:
        while part := packed.read(BLOCK):
            check_room(len(part))
            size += len(part)
            out.write(part)
        out.flush()
        file = DiskFile(path, os.dup(out.fileno()))
    why = f"what {kind} packed" if kind else "a tar archive that is not on a disk"
    print(f"{path}: {size / 1e6:,.0f} MB in a temporary file, for {why} has no places to read at")
    return file


def _tar_members(file: OpenFile) -> Iterator[tuple[str, Member]]:
    reader, reached = _reader(file), -1
    reader.left = MAX_TAR_HEADER
    with tarfile.open(fileobj=reader, mode="r:") as opened:
        archive: Any = opened
        while info := _next_of_tar(archive, reader):
            archive.members.clear()  # it would keep them all
            if info.size < 0 or archive.offset <= reached:
                break
            reached = archive.offset
            if not info.isdir():
                changed = int(info.mtime) if abs(info.mtime) < 2**62 else 0
                where = info.offset_data, info.size, info.size
                yield info.name, Member(*where, STORED, changed, _tar_refusal(info, file))
        end = archive.offset if info is None else info.offset
    if file.read(end, tarfile.BLOCKSIZE).strip(b"\0"):
        why = "damaged: what stands there describes no file; what follows cannot be found"
        yield f"byte {end}", IMPOSSIBLE._replace(error=why)


def _next_of_tar(archive: Any, reader: Any) -> tarfile.TarInfo | None:
    """What is said of the next file; None at the end, and where that cannot be read."""
    reader.left = MAX_TAR_HEADER
    try:
        return archive.next()
    except (tarfile.TarError, ArchiveError, RecursionError, ValueError):
        return None


def _tar_refusal(info: tarfile.TarInfo, file: OpenFile) -> str:
    """Why a tar member is not read; empty where it is."""
    if info.issym() or info.islnk():
        return "a link in an archive, which is not followed"
    if not info.isreg() or info.issparse():
        return "no regular file: unpack the archive"
    missing = info.offset_data + info.size - file.size
    return f"damaged: the archive ends {missing} bytes before this file" if missing > 0 else ""
