"""What does the header of one file say? Read by pydicom, whatever the file; the pixels stay on disk."""

import io
import os
from typing import NamedTuple

import pydicom
from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from helpers.headers.elements import (
    BULK,
    LONG,
    SEQUENCE_END,
    UNDEFINED,
    plain,
    plain_value,
    private_name,
)

PIXEL_VALUES = {0x7FE00008, 0x7FE00009, 0x7FE00010}
FIRST_GROUPS = {
    0x0002,
    0x0008,
}  # where a file without DICOM's prefix must begin to be taken for DICOM
NEAR_END = 4096  # bytes looked at first for the end of compressed pixel data, which is always little endian
LONGEST_ERROR = 300  # characters
NOT_READ = (
    "not read: "  # begins the error of a file that the system did not give; it may another time
)
LONG_VALUE = 2**22  # bytes; bulk data from there on is not read
MOST_AT_ONCE = 2**20  # bytes read at once


class Header(NamedTuple):
    """What could be read of one file."""

    dataset: pydicom.Dataset | None  # None where nothing could
    error: str | None  # one line: what is wrong with the file
    pixel_offset: int | None  # byte where uncompressed pixel values start


class SizeLimitedReader(io.BufferedReader):
    """An open file that is never asked for more than it holds, so that a length that lies takes no memory."""

    def __init__(self, raw):
        super().__init__(raw)
        self.size = os.fstat(raw.fileno()).st_size

    def read(self, size=-1, /):
        """Some bytes, as of any file."""
        return super().read(self.size if size is None or size < 0 else min(size, self.size))


def read_header(path):
    """The `Header` of one file. Raises nothing: whatever a broken file does to the reader is its `error`.

    References
    ----------
    PS3.10 7.1 (the prefix; files without it are read where they begin as DICOM does)
    """
    try:
        if not os.path.isfile(path):
            return Header(
                None, "not a regular file" if os.path.exists(path) else "no such file", None
            )
        with SizeLimitedReader(io.FileIO(path)) as file:
            start = file.read(132)
            file.seek(0)
            prefixed = start[128:] == b"DICM"
            if not prefixed and not _may_begin(start):
                return Header(None, "not DICOM" if start else "empty file", None)
            dataset = _read(file)
            if not prefixed and not _plausible(dataset):
                return Header(None, "not DICOM", None)
            if pixels := _pixel_element(file, dataset):
                return Header(dataset, *pixel_state(file.fileno(), file.size, *pixels))
            return Header(dataset, _header_truncation(dataset, file.size), None)
    except Exception as error:
        of_the_disk = isinstance(error, OSError) and error.errno is not None
        return Header(None, (NOT_READ if of_the_disk else "") + one_line(error), None)


def pydicom_row(path, private=False):
    """One file's columns as a dict, read by pydicom; what `helpers.headers.fast_reader` reads faster must equal it."""
    dataset, error, pixel_offset = read_header(path)
    row = {"error": error, "file_size": _size(path)}
    if dataset is None:
        return row
    row["TransferSyntaxUID"] = plain(dataset.file_meta.get("TransferSyntaxUID"))
    row["pixel_offset"] = pixel_offset
    row["private_elements"] = sum(tag.is_private for tag in dataset.keys())
    for tag in dataset.keys():
        name = _name(dataset, tag, private)
        if name and name not in row:
            row[name] = plain_value(dataset, tag)
    return row


def _size(path):
    """Bytes of a file; None where it cannot be asked."""
    try:
        return os.path.getsize(path)
    except (OSError, ValueError):
        return None


def _name(dataset, tag, private):
    """The column of an element; empty for one that has none."""
    if not tag.is_private:
        return keyword_for_tag(tag) if tag.element else ""
    if not private or tag.is_private_creator:
        return ""
    owner = (tag.group, tag.element >> 8)
    creator = plain_value(dataset, owner) if owner in dataset else None
    return private_name(tag, creator)


def pixel_state(file, size, offset, length):
    """(error or None, offset of uncompressed values or None) of a pixel element of an open file (its descriptor)."""
    if length == UNDEFINED:
        return (
            None
            if _has_delimiter(file, size, offset)
            else "truncated: compressed pixel data has no end (PS3.5 A.4)"
        ), None
    end = offset + length
    error = (
        None if end <= size else f"truncated: pixel values end at byte {end} of a file of {size}"
    )
    return error, offset if length else None


def one_line(error):
    """An exception's class and text, without line breaks."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST_ERROR]


def _read(file):
    """The data set before the pixels; long bulk data stays on disk."""
    dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, defer_size=LONG_VALUE)
    left = [
        element
        for element in dataset.values()
        if getattr(element, "length", 0) > LONG_VALUE and element.value is None
    ]
    if all(element.VR in BULK for element in left):
        return dataset
    file.seek(0)
    return pydicom.dcmread(file, stop_before_pixels=True, force=True)


def _may_begin(start):
    """Whether bytes may be the first of a file without the prefix: a low group, in either byte order."""
    return {int.from_bytes(start[:2], "little"), int.from_bytes(start[:2], "big")} & FIRST_GROUPS


def _plausible(dataset):
    """Whether what was read without the prefix is DICOM all the same."""
    tags = [*dataset.file_meta.keys(), *dataset.keys()]
    return (
        len(tags) > 1 and tags[0].group in FIRST_GROUPS and any(map(dictionary_has_tag, tags[:2]))
    )


def _pixel_element(file, dataset):
    """(offset of the values, their length) of the pixel element that reading stopped at; None where it met none."""
    implicit, little = dataset.original_encoding
    start, element, order = file.tell(), file.read(12), "little" if little else "big"
    tag = int.from_bytes(element[:2], order) << 16 | int.from_bytes(element[2:4], order)
    if tag not in PIXEL_VALUES:
        return None
    long = not implicit and element[4:6] in LONG
    where = slice(8, 12) if long else slice(4, 8) if implicit else slice(6, 8)
    return start + (12 if long else 8), int.from_bytes(element[where], order)


def _header_truncation(dataset, size):
    """Where a file without pixels ends too early, or None."""
    if not len(dataset):
        return "truncated: no data element behind the file meta information"
    last = dataset.get_item(max(dataset.keys()), keep_deferred=True)
    length, start = getattr(last, "length", UNDEFINED), getattr(last, "value_tell", None)
    if (
        length == UNDEFINED
        or start is None
        or dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    ):
        return None
    left = size - start - length
    if left < 0:
        return f"truncated: the header ends inside {last.tag}"
    return f"truncated: {left} bytes behind {last.tag}" if 0 < left < 8 else None


def _has_delimiter(file, size, offset):
    """Whether a sequence delimiter stands near the end of the file, or anywhere behind `offset`."""
    for start in (max(offset, size - NEAR_END), offset):
        os.lseek(file, start, os.SEEK_SET)
        if SEQUENCE_END in _rest(file):
            return True
    return False


def _rest(file):
    """All bytes of a file from where it is read to its end."""
    return b"".join(iter(lambda: os.read(file, MOST_AT_ONCE), b""))
