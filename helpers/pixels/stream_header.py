"""What does a compressed image say of itself, before anything decodes it?"""

from typing import NamedTuple

from helpers.pixels.layout import ImageError

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_2000_START = b"\xff\x4f\xff\x51"
SEQUENTIAL_FRAMES = {0xC0, 0xC1, 0xC3, 0xF7}  # JPEG baseline, extended, lossless; JPEG-LS
OTHER_FRAMES = {0xC2, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
LONGEST_PADDING = 4  # bytes after the end of a stream; one makes its length even
MAX_TILES = 4096  # of JPEG 2000; a decoder keeps some kilobytes for each, whatever its size


class StreamHeader(NamedTuple):
    """Size and range of the values of one compressed image."""

    rows: int
    columns: int
    samples: int
    bits: int  # of the values, the sign included
    signed: bool


def stream_header(encoded: bytes) -> StreamHeader:
    """Size and range of an image as JPEG, JPEG-LS, JPEG 2000 or HTJ2K, from its first bytes.

    Raises
    ------
    ImageError
        Where it is none of these, is cut short, or would take a decoder far more memory and time
        than its pixels: progressive and hierarchical JPEG, very many tiles.

    References
    ----------
    ISO/IEC 10918-1 B.2.2 (JPEG), 14495-1 C.2.2 (JPEG-LS), 15444-1 A.5.1 (JPEG 2000)
    """
    if encoded[:4] == JPEG_2000_START:
        return _jpeg_2000_header(encoded)
    if encoded[:2] == JPEG_START:
        return _jpeg_header(encoded)
    raise ImageError(f"expected the start of a compressed image, got {encoded[:4].hex(' ')}")


def _jpeg_header(encoded: bytes) -> StreamHeader:
    if encoded.rfind(JPEG_END, -len(JPEG_END) - LONGEST_PADDING) < 0:
        raise ImageError("expected a JPEG image with an end, got one that is cut short")
    start = 2
    while len(found := encoded[start : start + 10]) == 10 and found[0] == 0xFF:
        if found[1] in SEQUENTIAL_FRAMES:
            rows, columns = int.from_bytes(found[5:7]), int.from_bytes(found[7:9])
            return StreamHeader(rows, columns, samples=found[9], bits=found[4], signed=False)
        if found[1] in OTHER_FRAMES:
            raise ImageError("expected sequential JPEG, got a progressive or hierarchical one")
        start += 1 if found[1] == 0xFF else 2 + int.from_bytes(found[2:4])
    raise ImageError("expected a JPEG image with its size, got one without")


def _jpeg_2000_header(encoded: bytes) -> StreamHeader:
    if len(encoded) < 43:
        raise ImageError("expected a JPEG 2000 image, got one that is cut short")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = (
        int.from_bytes(encoded[place : place + 4]) for place in range(8, 40, 4)
    )
    sign_and_bits = encoded[42]
    if not tile_width or not tile_height:
        raise ImageError("expected tiles of a JPEG 2000 image, got some without a size")
    tiles = -((tile_left - right) // tile_width) * -((tile_top - bottom) // tile_height)
    if tiles > MAX_TILES:
        raise ImageError(f"expected at most {MAX_TILES} tiles of a JPEG 2000 image, got {tiles}")
    return StreamHeader(
        rows=bottom - top,
        columns=right - left,
        samples=int.from_bytes(encoded[40:42]),
        bits=(sign_and_bits & 0x7F) + 1,
        signed=sign_and_bits > 0x7F,
    )
