"""What does a compressed image say of itself, before anything decodes it?"""

from typing import NamedTuple

from helpers.pixels.layout import ImageError

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_2000_START, JP2_START, JP2_CODESTREAM = b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"jp2c"
SEQUENTIAL = {0xC0, 0xC1, 0xC3, 0xF7}  # JPEG baseline, extended, lossless; JPEG-LS
PROGRESSIVE_OR_HIERARCHICAL = {0xC2, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
LONGEST_PADDING = 4  # bytes after the end of a stream; one makes its length even
MAX_TILES = 4096  # of JPEG 2000; a decoder keeps 10 kB for each, whatever its size


class StreamHeader(NamedTuple):
    """Size and range of the values of one compressed image."""

    rows: int
    columns: int
    samples: int
    bits: int  # of the values, the sign included
    signed: bool
    plain: bool  # as DICOM asks: sequential JPEG that has its end, or JPEG 2000 without boxes


def stream_header(encoded: bytes) -> StreamHeader:
    """Size and range of an image as JPEG, JPEG-LS, JPEG 2000 or HTJ2K, from its first bytes.

    Raises
    ------
    ImageError
        Where it is none of these, is cut short, or has more than `MAX_TILES`.

    References
    ----------
    ISO/IEC 10918-1 B.2.2 (JPEG), 14495-1 C.2.2 (JPEG-LS), 15444-1 A.5.1 (JPEG 2000) and I.4 (boxes)
    """
    if encoded[:2] == JPEG_START:
        return _jpeg_header(encoded)
    return _jpeg_2000_header(encoded, _codestream_start(encoded))


def _jpeg_header(encoded: bytes) -> StreamHeader:
    has_end = encoded.rfind(JPEG_END, -len(JPEG_END) - LONGEST_PADDING) > 0
    start = 2
    while len(found := encoded[start : start + 10]) == 10 and found[0] == 0xFF:
        kind = found[1]
        if kind in SEQUENTIAL | PROGRESSIVE_OR_HIERARCHICAL:
            rows, columns = int.from_bytes(found[5:7]), int.from_bytes(found[7:9])
            plain = has_end and kind in SEQUENTIAL
            return StreamHeader(rows, columns, found[9], bits=found[4], signed=False, plain=plain)
        start += 1 if kind == 0xFF else 2 + int.from_bytes(found[2:4])
    raise ImageError("expected a JPEG image that says its size, got one that does not")


def _codestream_start(encoded: bytes) -> int:
    """Where JPEG 2000 begins, in boxes or without."""
    start = 0
    if encoded[: len(JP2_START)] == JP2_START:
        while encoded[start + 4 : start + 8] not in (JP2_CODESTREAM, b""):
            start += max(8, int.from_bytes(encoded[start : start + 4]))
        start += 8
    if encoded[start : start + 4] != JPEG_2000_START:
        raise ImageError(f"expected JPEG or JPEG 2000, got bytes {encoded[:4].hex(' ')}")
    return start


def _jpeg_2000_header(encoded: bytes, start: int) -> StreamHeader:
    found = encoded[start : start + 43]
    if len(found) < 43:
        raise ImageError("expected a JPEG 2000 image, got one that is cut short")
    right, bottom, left, top, tile_width, tile_height, tiles_left, tiles_top = (
        int.from_bytes(found[place : place + 4]) for place in range(8, 40, 4)
    )
    if not tile_width or not tile_height:
        raise ImageError("expected tiles of a JPEG 2000 image, got some without a size")
    tiles = -((tiles_left - right) // tile_width) * -((tiles_top - bottom) // tile_height)
    if tiles > MAX_TILES:
        raise ImageError(f"expected at most {MAX_TILES} tiles of a JPEG 2000 image, got {tiles}")
    return StreamHeader(
        rows=bottom - top,
        columns=right - left,
        samples=int.from_bytes(found[40:42]),
        bits=(found[42] & 0x7F) + 1,
        signed=found[42] > 0x7F,
        plain=start == 0,
    )
