"""What does the header of one file say? Read by pydicom, whatever it is; pixels stay on disk."""

import os
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, NamedTuple

from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from helpers.errors import error_text, one_line
from helpers.files.names import archive_part, is_address, is_archive_name
from helpers.files.opening import archive_at, open_file, size_of
from helpers.files.reading import ArchiveError, OpenFile, SizeLimitedReader
from helpers.files.systems import ObjectError
from helpers.formats import SNIFFED_BYTES, format_of, opened_by
from helpers.headers.elements import (
    BULK_VRS,
    DIFFUSION_COLUMNS,
    DIFFUSION_GROUPS,
    LONG_VRS,
    SEQUENCE_END,
    UNDEFINED_LENGTH,
    element_value,
    end_of,
    private_creator,
    private_name,
    python_value,
)
from helpers.headers.inflated import InflatingReader
from helpers.headers.limits import (
    MAX_CHARACTER_SETS,
    MAX_TOP_ELEMENTS,
    TOO_DEEP,
    TOO_MANY,
    HeaderTooLargeError,
    MeteredReader,
)

DEFLATED = DeflatedExplicitVRLittleEndian
CHARACTER_SET = 0x00080005
PIXEL_TAGS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
FIRST_GROUPS = {0x0002, 0x0008}  # of a file without DICOM's prefix, to be taken for DICOM
SEARCHED_BYTES = 4096  # at the end of a file, first, for the end of compressed pixel data
NOT_READ = "not read: "  # begins the error of a file that the system did not give; it may later
NOT_DICOM = "not DICOM"  # begins the error of a file that is something else, as far as known
EMPTY_FILE = "empty file"
LONGEST_VALUE = 2**22  # bytes of bulk data; what is longer is not read
BLOCK_SIZE = 2**20  # bytes read at once
LONGEST_META = 4096  # bytes, in which the syntax of a file stands
EMPTY = "truncated: no data element behind the file meta information"


class Header(NamedTuple):
    """What could be read of one file."""

    dataset: FileDataset | None  # None where nothing could
    error: str | None  # one line: what is wrong with the file
    pixel_offset: int | None  # byte where uncompressed pixel values start
    pixels: RawDataElement | None = None  # the pixel element, its value left in the file


def read_header(path: str | os.PathLike[str]) -> Header:
    """The `Header` of one file.

    Raises nothing: whatever a broken file does to the reader is its `error`.

    References
    ----------
    PS3.10 7.1 (the prefix; files without it are read where they begin as DICOM does)
    """
    try:
        with MeteredReader(open_file(path)) as file:
            header = _header_of(file)
        if str(header.error).startswith(NOT_DICOM) and is_archive_name(path):
            return header._replace(error=f"{header.error}; {_why_no_folder(os.fsdecode(path))}")
        return header
    except FileNotFoundError:
        return Header(None, "no such file", None)
    except Exception as error:
        if why := _why_no_file(os.fsdecode(path)):
            return Header(None, why, None)
        if RecursionError in (type(error), type(error.__context__)):  # pydicom makes another of it
            return Header(None, TOO_DEEP, None)
        of_the_disk = isinstance(error, OSError) and error.errno is not None
        said = str(error) if isinstance(error, (ArchiveError, ObjectError)) else one_line(error)
        return Header(None, (NOT_READ if of_the_disk else "") + said, None)


def pydicom_row(path: str, private: bool = False) -> dict[str, Any]:
    """One file's columns; what `helpers.headers.fast_reader` reads faster must equal them.

    Private elements are columns where they are asked for, and where they tell of diffusion.
    """
    dataset, error, pixel_offset, _ = read_header(path)
    row = {"error": error, "file_size": size_of(path)}
    if dataset is None:
        return row
    row["TransferSyntaxUID"] = python_value(dataset.file_meta.get("TransferSyntaxUID"))
    row["pixel_offset"] = pixel_offset
    row["private_elements"] = sum(tag.is_private for tag in dataset.keys())
    try:
        for tag in dataset.keys():
            name = _column_name(dataset, tag, private)
            if name and name not in row:
                row[name] = element_value(dataset, tag)
    except HeaderTooLargeError as too_large:
        return {"error": one_line(too_large), "file_size": row["file_size"]}
    return row


def inflated_pixels(path: str | os.PathLike[str], most: int) -> RawDataElement | None:
    """The pixel element of a deflated file, with as many bytes of its value as `most` says.

    None where there is none.

    Raises
    ------
    InflateError, HeaderTooLargeError
        Where what stands before it cannot be read.
    """
    with MeteredReader(open_file(path)) as file:
        file.seek(132)
        _meta_of(file)
        inflated, elements = _inflated_header(file)
        dataset = _as_file_dataset(inflated, elements, FileMetaDataset())
        pixels = _pixel_element(inflated, dataset)
        if pixels is None:
            return None
        inflated.seek(pixels.value_tell)
        return pixels._replace(value=inflated.read_values(min(most, pixels.length)))


def pixel_state(file: OpenFile, offset: int, length: int) -> tuple[str | None, int | None]:
    """(error or None, offset of uncompressed values or None) of a file's pixel element.

    Parameters
    ----------
    offset, length : where the values start, and how many bytes they have
    """
    if length == UNDEFINED_LENGTH:
        complete = _has_delimiter(file, offset)
        return None if complete else "truncated: compressed pixel data has no end (PS3.5 A.4)", None
    end = offset + length
    missing = f"truncated: pixel values end at byte {end} of a file of {file.size}"
    return missing if end > file.size else None, offset if length else None


def _header_of(file: SizeLimitedReader) -> Header:
    start = file.read(SNIFFED_BYTES)
    file.seek(0)
    prefixed = start[128:132] == b"DICM"
    if not prefixed and not _may_begin(start):
        return Header(None, _other_format(start) if start else EMPTY_FILE, None)
    if prefixed and (meta := _deflated_meta(file)):
        return _deflated_header(file, meta)
    file.seek(0)
    dataset = _read(file)
    if not prefixed and not _plausible(dataset):
        return Header(None, _other_format(start), None)
    if pixels := _pixel_element(file, dataset):
        state = pixel_state(file.file, pixels.value_tell, pixels.length)
        return Header(dataset, *state, pixels)
    return Header(dataset, _header_truncation(file, dataset), None)


def _other_format(start: bytes) -> str:
    """What is said of a file that is no DICOM: what it is, and what opens it."""
    found = format_of(start)
    named = f"{NOT_DICOM}: {found}" if found else NOT_DICOM
    return f"{named}; {program} opens it" if (program := opened_by(found)) else named


def _why_no_file(path: str) -> str:
    """What is in place of a file on a disk; empty where there is one, and of files elsewhere."""
    if is_address(path) or archive_part(path) is not None or os.path.isfile(path):
        return ""
    return "not a regular file" if os.path.exists(path) else "no such file"


def _why_no_folder(path: str) -> str:
    """Why an archive is a file in a table, and no folder of files."""
    try:
        names = archive_at(path).names
    except (OSError, ValueError) as error:
        return error_text(error)
    return "as a folder, its files are read in place" if names else "it holds no files"


def _may_begin(start: bytes) -> bool:
    """Whether bytes may begin a file without prefix: a low group, in either byte order."""
    groups = {int.from_bytes(start[:2], "little"), int.from_bytes(start[:2], "big")}
    return not groups.isdisjoint(FIRST_GROUPS)


def _deflated_meta(file: SizeLimitedReader) -> Dataset | None:
    """The file meta information of a file whose data set is deflated; None of others."""
    if DEFLATED.encode() not in file.read(LONGEST_META):
        return None
    file.seek(132)
    meta = _meta_of(file)
    return meta if meta.get("TransferSyntaxUID") == DEFLATED else None


def _meta_of(file: Any) -> Dataset:
    """The file meta information at the place of a file, which then stands behind it."""
    return read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != 2)


def _deflated_header(file: SizeLimitedReader, meta: Dataset) -> Header:
    """The header of a file that stands behind its file meta information.

    Some writers deflate a whole file, whose own data set is deflated already.
    """
    inflated, elements = _inflated_header(file)
    dataset = _as_file_dataset(inflated, elements, FileMetaDataset(meta))
    return Header(dataset, inflated.ending() if len(dataset) else EMPTY, None)


def _as_file_dataset(
    inflated: InflatingReader, elements: Dataset, meta: FileMetaDataset
) -> FileDataset:
    source: Any = inflated  # not the file, whose bytes are others
    dataset = FileDataset(source, elements, None, meta, False, True)
    dataset.set_original_encoding(False, True, elements.original_character_set)
    return dataset


def _inflated_header(file: SizeLimitedReader) -> tuple[InflatingReader, Dataset]:
    """(what inflates the data set, its elements before the pixels) of a file behind its meta."""
    start = file.tell()
    inflated, elements = _inflated(file, LONGEST_VALUE)
    if _only_bulk_left_out(elements):
        return inflated, elements
    file.seek(start)
    return _inflated(file, None)


def _inflated(file: SizeLimitedReader, longest: int | None) -> tuple[InflatingReader, Dataset]:
    """(what inflates the data set, its elements before the pixels), without values too long."""
    inflated = InflatingReader(file)
    if _meta_of(inflated).get("TransferSyntaxUID") == DEFLATED:
        inflated = InflatingReader(inflated)
    source: Any = inflated
    elements = read_dataset(source, False, True, stop_when=_at_pixels(), defer_size=longest)
    return inflated, elements


def _at_pixels() -> Callable[[BaseTag, str | None, int], bool]:
    """What tells of each element of a header whether the pixels begin; refuses too many."""
    numbers = count(1)

    def stops(tag: BaseTag, vr: str | None, length: int) -> bool:
        if next(numbers) > MAX_TOP_ELEMENTS:
            raise HeaderTooLargeError(TOO_MANY)
        if tag == CHARACTER_SET and length > MAX_CHARACTER_SETS:
            expected = f"expected at most {MAX_CHARACTER_SETS} bytes of Specific Character Set"
            raise HeaderTooLargeError(f"{expected}, got {length}")
        return tag in PIXEL_TAGS

    return stops


def _read(file: SizeLimitedReader) -> FileDataset:
    """The data set before the pixels; long bulk data stays on disk."""
    dataset = read_partial(file, _at_pixels(), defer_size=LONGEST_VALUE, force=True)
    if _only_bulk_left_out(dataset):
        return dataset
    file.seek(0)
    return read_partial(file, _at_pixels(), force=True)


def _only_bulk_left_out(dataset: Dataset) -> bool:
    """Whether the values that were too long to be read are bulk data."""
    return all(
        element.VR in BULK_VRS
        for element in dataset.values()
        if getattr(element, "length", 0) > LONGEST_VALUE and element.value is None
    )


def _plausible(dataset: FileDataset) -> bool:
    """Whether what was read without the prefix is DICOM all the same."""
    tags = [*dataset.file_meta.keys(), *dataset.keys()]
    known = any(map(dictionary_has_tag, tags[:2]))
    return len(tags) > 1 and tags[0].group in FIRST_GROUPS and known


def _pixel_element(
    file: SizeLimitedReader | InflatingReader, dataset: FileDataset
) -> RawDataElement | None:
    """The pixel element where reading stopped, without its value; None if none."""
    implicit, little = map(bool, dataset.original_encoding)
    order: Literal["little", "big"] = "little" if little else "big"
    start, element = file.tell(), file.read(12)
    tag = int.from_bytes(element[:2], order) << 16 | int.from_bytes(element[2:4], order)
    if tag not in PIXEL_TAGS:
        return None
    long = not implicit and element[4:6] in LONG_VRS
    where = slice(8, 12) if long else slice(4, 8) if implicit else slice(6, 8)
    length, vr = int.from_bytes(element[where], order), element[4:6].decode("latin-1")
    offset, known = start + (12 if long else 8), None if implicit else vr
    return RawDataElement(BaseTag(tag), known, length, None, offset, implicit, little)


def _header_truncation(file: SizeLimitedReader, dataset: FileDataset) -> str | None:
    """Where a file without pixels ends too early, or None."""
    if not len(dataset):
        return EMPTY
    last = dataset.get_item(max(dataset.keys()), keep_deferred=True)
    length, start = getattr(last, "length", UNDEFINED_LENGTH), getattr(last, "value_tell", 0)
    implicit, little = dataset.original_encoding
    if last.tag == CHARACTER_SET and last.VR == "CS" and little:  # pydicom has converted it
        start = getattr(last, "file_tell", 8)
        file.seek(start - 8)
        length = end_of(file.read(8), 0, bool(implicit)) - 8
    if length == UNDEFINED_LENGTH or not start:
        return None
    left = file.file.size - start - length
    if left < 0:
        return f"truncated: the header ends inside {last.tag}"
    return f"truncated: {left} bytes behind {last.tag}" if 0 < left < 8 else None


def _has_delimiter(file: OpenFile, offset: int) -> bool:
    """Whether a sequence delimiter stands near the end of the file, or anywhere behind `offset`."""
    near_end = max(offset, file.size - SEARCHED_BYTES)
    if SEQUENCE_END in file.read(near_end, SEARCHED_BYTES):
        return True
    overlap = len(SEQUENCE_END) - 1
    starts = range(offset, file.size, BLOCK_SIZE)
    return any(SEQUENCE_END in file.read(start, BLOCK_SIZE + overlap) for start in starts)


def _column_name(dataset: FileDataset, tag: BaseTag, private: bool) -> str:
    """The column of an element; empty for one that has none."""
    if not tag.is_private:
        return keyword_for_tag(tag) if tag.element else ""
    asked = private or tag.group in DIFFUSION_GROUPS
    if not asked or tag.is_private_creator or not tag.element:
        return ""
    name = private_name(tag, private_creator(dataset, tag))
    return name if private or name in DIFFUSION_COLUMNS else ""
