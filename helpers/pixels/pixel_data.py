"""Which bytes of a file are its pixels? As many as its header needs, and as its file can hold."""

import os
import struct
from collections.abc import Collection, Iterator
from math import ceil
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from helpers.errors import one_line
from helpers.files.opening import open_file
from helpers.files.reading import OpenFile
from helpers.headers.elements import (
    ITEM,
    SEQUENCE_END,
    UNDEFINED_LENGTH,
    FastPathNotApplicable,
    four_bytes,
)
from helpers.headers.inflated import MAX_PIXELS
from helpers.headers.pydicom_reader import inflated_pixels, read_header
from helpers.headers.split_header import SplitHeader
from helpers.pixels.layout import ASK, ImageError, is_compressed, uncompressed_bits

DEFER_BYTES = 2**23  # larger pixel data stays in the file, and its frames are read one by one
MAX_FRAGMENTS = 2**20  # of a file
MAX_GROWTH = 2  # times that compressed pixels are larger than uncompressed ones at most
MAX_FRAME = 2**30  # bytes of one frame, uncompressed
# bytes of a frame that a few bytes may become: 8192 × 8192 equal values are 357 bytes of JPEG 2000
HARMLESS_FRAME = 2**27
MAX_EXPANSION = 1_000  # times that a larger frame is compressed at most
BLOCK_SIZE = 2**12  # bytes read at once


def header_and_pixels(path: str | os.PathLike[str], *, without: Collection[int] = ()) -> Dataset:
    """The header of a file with its pixel element, whose value stays in the file where it is large.

    Of one uncompressed image, and of deflated ones, only as many bytes are read as they need.

    Parameters
    ----------
    without : tags of elements that may be left out, where that is faster

    Raises
    ------
    ImageError
        Where the file has no header that can be read, or its frames stand in no items.
    """
    dataset, wrong, pixels = _header(path, without)
    if dataset is None:
        raise ImageError(
            f"expected a DICOM image in {path}, found {wrong} there: "
            "its row in header_table says what it is"
        )
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_transfer_syntax and syntax.is_deflated:
        needed = _needed_bytes(dataset)
        if needed > MAX_PIXELS:
            expected = f"expected at most {MAX_PIXELS} bytes of deflated pixels in {path}"
            raise ImageError(f"{expected}, got {needed}; inflate it with other software")
        try:
            pixels = inflated_pixels(path, needed)
        except Exception as error:
            raise ImageError(f"expected a DICOM image in {path}, got {one_line(error)}") from error
    elif pixels is not None:
        pixels = _with_value(pixels, dataset, path)
    if pixels is not None:
        dataset[pixels.tag] = pixels
    return dataset


def pixel_items(file: OpenFile, start: int) -> Iterator[tuple[int, int]]:
    """Yields (byte where it begins, bytes) of the value of each item of compressed pixels.

    The first is the table of offsets. Ends at the delimiter, or where the file does.

    Parameters
    ----------
    start : byte of the first item

    Raises
    ------
    ImageError
        Where one is none or ends behind the file, or there are more than `MAX_FRAGMENTS`.

    References
    ----------
    PS3.5 A.4
    """
    pos, block, at = start, b"", start
    for _ in range(MAX_FRAGMENTS):
        if not at <= pos <= at + len(block) - 8:
            block, at = file.read(pos, BLOCK_SIZE), pos
        head = block[pos - at : pos - at + 8]
        if len(head) < 8 or head[:4] == SEQUENCE_END:
            return
        length = four_bytes(head, 4)[0]
        end = pos + 8 + length
        if head[:4] != ITEM or end > file.size:
            what = "no item" if head[:4] != ITEM else f"one that ends at byte {end}"
            raise ImageError(
                f"expected an item of compressed pixels at byte {pos} of {file.path}, a file of "
                f"{file.size} bytes, got {what} (PS3.5 A.4); {ASK}"
            )
        yield pos + 8, length
        pos = end
    raise ImageError(
        f"expected at most {MAX_FRAGMENTS} items of pixels in {file.path}, got more; {ASK}"
    )


def _header(path: str | os.PathLike[str], without: Collection[int]) -> tuple[Any, Any, Any]:
    """(the data set or None, what is wrong, the pixel element without its value or None)."""
    if without:
        try:
            with open_file(path) as file:
                header = SplitHeader(file)
                return header.dataset(without), None, header.pixels()
        except (FastPathNotApplicable, OSError, ValueError, RecursionError, struct.error):
            pass
    dataset, wrong, _, pixels = read_header(path)
    return dataset, wrong, pixels


def _needed_bytes(dataset: Dataset) -> int:
    """Bytes of all frames, one that makes their number even included; many where it is unsaid."""
    bits = uncompressed_bits(dataset)
    return MAX_PIXELS if bits is None else 2 * ceil(bits * _frames(dataset) / 16)


def _frames(dataset: Dataset) -> int:
    try:
        return max(1, int(dataset.get("NumberOfFrames") or 1))
    except (TypeError, ValueError, OverflowError):
        return 1


def _with_value(pixels: RawDataElement, dataset: Dataset, path: Any) -> RawDataElement:
    """The pixel element of a file, with its value unless several frames can be read one by one."""
    with open_file(path) as file:
        length, start = pixels.length, pixels.value_tell
        if length == UNDEFINED_LENGTH:
            length = sum(8 + length for _, length in pixel_items(file, start))
        held = min(length, file.size - start)
        _check_frame(dataset, held, path)
        if held > DEFER_BYTES and _frames(dataset) > 1:
            return pixels
        needed = _needed_bytes(dataset)
        if held > DEFER_BYTES and pixels.length == UNDEFINED_LENGTH and held > MAX_GROWTH * needed:
            raise ImageError(
                f"expected at most {MAX_GROWTH * needed} bytes of compressed pixels in {path}, "
                f"got {held}; {ASK}"
            )
        if held > DEFER_BYTES and pixels.length != UNDEFINED_LENGTH:
            held = min(held, needed)
        value = file.read(start, held)
        return pixels._replace(value=value, length=max(pixels.length, len(value)))


def _check_frame(dataset: Dataset, held: int, path: Any) -> None:
    """Refuses an image without rows or columns, and one that a file of some bytes cannot hold."""
    rows, columns = dataset.get("Rows"), dataset.get("Columns")
    if 0 in (rows, columns):
        raise ImageError(f"expected an image in {path}, got {rows} Rows and {columns} Columns")
    frame = (uncompressed_bits(dataset) or 0) // 8
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    compressed = syntax is not None and is_compressed(syntax)
    most = min(MAX_FRAME, max(HARMLESS_FRAME, held * (MAX_EXPANSION if compressed else 1)))
    if frame > most:
        raise ImageError(
            f"expected a frame of at most {most} bytes in {path}, as its pixel data has {held}, "
            f"got {rows} Rows and {columns} Columns, {frame} bytes; {ASK}"
        )
