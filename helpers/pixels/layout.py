"""Where in the pixel data does a value stand? Bits of a cell, frames of bits, number of frames."""

import os
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, BinaryIO

import numpy as np
from pydicom import Dataset, uid

from helpers.errors import ClearError
from helpers.headers.elements import UNDEFINED_LENGTH
from helpers.pixels.frame_header import FrameHeader
from helpers.slices.frame_counts import HALVED_COLOURS, MIN_FRAME_BYTES

WHOLE_CELLS = {  # compressed transfer syntaxes that keep every bit of a cell where it is
    uid.RLELossless,
    "1.2.840.10008.1.2.1.98",  # Encapsulated Uncompressed
    "1.2.840.10008.1.2.8.1",  # Deflated Image Frame
}
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
ASK = "ask for the original"


class ImageError(ClearError):
    """An image that cannot be read or decoded."""


def bits_below(dataset: Dataset, path: str | os.PathLike[str]) -> int:
    """How many bits of a cell lie below the stored value, which ends at High Bit; 0 as a rule.

    Raises
    ------
    ImageError
        For a High Bit that cannot be, and where it is not sure what a decoder makes of it.

    References
    ----------
    PS3.5 8.1.1
    """
    allocated, stored, high = map(dataset.get, ("BitsAllocated", "BitsStored", "HighBit"))
    if "PixelData" not in dataset or None in (allocated, stored, high) or high == stored - 1:
        return 0
    said = f"got High Bit {high} for {stored} bits stored of {allocated} in {path}"
    if not stored - 1 <= high < allocated:
        most = f"from {stored - 1} to {allocated - 1}" if stored < allocated else stored - 1
        raise ImageError(f"expected High Bit {most}, {said}: its values cannot be told; {ASK}")
    syntax = dataset.file_meta.TransferSyntaxUID
    surely = not is_compressed(syntax) or syntax in WHOLE_CELLS
    if not surely or dataset.get("SamplesPerPixel", 1) != 1:
        what = syntax.name if not surely else "colour"
        raise ImageError(
            f"expected High Bit {stored - 1} of {what}, {said}: it is not sure which bits its "
            f"values have; {ASK}"
        )
    return int(high + 1 - stored)


def one_bit_frames(
    pixels: bytes | BinaryIO, dataset: Dataset, frames: Sequence[int]
) -> Iterator[np.ndarray]:
    """Yields frames of one bit a pixel (rows, columns), uint8; they need not begin at a byte.

    Parameters
    ----------
    pixels : the uncompressed values, or an open file that stands where they begin

    References
    ----------
    PS3.5 8.1.1 and annex D: frames follow each other without a gap
    """
    shape = dataset.Rows, dataset.Columns
    start = 0 if isinstance(pixels, bytes) else pixels.tell()
    for frame in frames:
        first, end = frame * prod(shape), (frame + 1) * prod(shape)
        begin, stop = start + first // 8, start + -(-end // 8)
        if isinstance(pixels, bytes):
            packed = pixels[begin:stop]
        else:
            pixels.seek(begin)
            packed = pixels.read(stop - begin)
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
        yield bits[first % 8 :][: prod(shape)].reshape(shape)


def check_frame_count(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Refuses a Number of Frames that is none, and one that the pixel data cannot hold.

    Raises
    ------
    ImageError

    References
    ----------
    PS3.3 C.7.6.6.1.1
    """
    given = _number_of_frames(dataset)
    length, bits = _pixel_bytes(dataset), _frame_bits(dataset)
    if given not in (None, ""):
        values = FrameHeader({"NumberOfFrames": given}).floats("NumberOfFrames")
        if len(values) != 1 or not 0 <= values[0] < np.inf or values[0] % 1:
            raise ImageError(f"expected a whole Number of Frames, got {given!r} in {path}; {ASK}")
    count = int(float(given or 0))
    if length is None or bits is None:
        return
    held = int(8 * length // bits)
    if count > max(held, 1):
        raise ImageError(
            f"expected at most {held} frames in {path}, as its pixel data has {length} bytes, "
            f"got {count} as Number of Frames: its header is wrong or the file is cut short; {ASK}"
        )
    exact = not dataset.file_meta.TransferSyntaxUID.is_encapsulated
    if exact and not count and held > 1 and length - -(-held * bits // 8) in (0, 1):
        raise ImageError(
            f"expected {held} as Number of Frames in {path}, as its pixel data has {length} bytes, "
            f"got {'none' if given in (None, '') else count}; {ASK}"
        )


def is_compressed(syntax: uid.UID) -> bool:
    """Whether frames stand in items of their own, as compressed ones do (PS3.5 A.4)."""
    return syntax.is_transfer_syntax and syntax.is_encapsulated


def _number_of_frames(dataset: Dataset) -> Any:
    """Number of Frames as pydicom has it; the text that the file holds where that is no number."""
    try:
        return dataset.get("NumberOfFrames")
    except Exception:
        raw = dataset.get_item("NumberOfFrames").value
        return raw.decode("latin-1").strip() if isinstance(raw, bytes) else raw


def _pixel_bytes(dataset: Dataset) -> int | None:
    """Bytes of the pixel data; None where they are left in the file without a length."""
    keyword = next(keyword for keyword in PIXEL_KEYWORDS if keyword in dataset)
    element: Any = dataset.get_item(keyword, keep_deferred=True)
    if element.value is not None:
        length = getattr(element, "length", UNDEFINED_LENGTH)
        return len(element.value) if length == UNDEFINED_LENGTH else int(length)
    return None if element.length == UNDEFINED_LENGTH else int(element.length)


def _frame_bits(dataset: Dataset) -> int | None:
    """Bits of one frame, the fewest where it is compressed; None where the header does not say."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_transfer_syntax:
        return None
    if syntax.is_encapsulated:
        return 8 * MIN_FRAME_BYTES
    return uncompressed_bits(dataset, default_samples=1)


def uncompressed_bits(dataset: Dataset, *, default_samples: int | None = None) -> int | None:
    """Bits of one frame before it is compressed; None where the header does not say."""
    halved = dataset.get("PhotometricInterpretation") in HALVED_COLOURS
    samples = 2 if halved else dataset.get("SamplesPerPixel", default_samples)
    sizes = dataset.get("Rows"), dataset.get("Columns"), samples, dataset.get("BitsAllocated")
    known = all(isinstance(size, int) and size > 0 for size in sizes)
    return prod(sizes) if known else None
