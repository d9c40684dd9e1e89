"""How do the bytes of a file become stored values? By `imagecodecs` where it can, else by pydicom.

pydicom's own plugins hold Python's lock while they decode, so threads gain nothing with them.
`imagecodecs` is a plugin of decoders of this module's own: those of pydicom stay as they are.
"""

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

import numpy as np
from pydicom import Dataset, uid
from pydicom.encaps import get_frame
from pydicom.pixels import as_pixel_options, get_decoder
from pydicom.pixels.decoders.base import Decoder

from helpers.errors import one_line
from helpers.files.opening import open_file
from helpers.files.reading import SizeLimitedReader
from helpers.pixels.frame_header import FrameHeader, frame_count
from helpers.pixels.layout import ImageError, bits_below, is_compressed, one_bit_frames
from helpers.pixels.stream_header import StreamHeader, stream_header
from helpers.runtime import install_line

try:
    import imagecodecs
except ImportError:
    imagecodecs = None  # type: ignore[assignment]

PLUGIN = "imagecodecs"
INSTALL = install_line(PLUGIN)
DAMAGED = "it is damaged or its header does not fit: copy it again, or ask for the original"
RGB_AS_STORED = {"colorspace": "RGB", "outcolorspace": "RGB"}  # pydicom converts colours, if at all
JPEG2000_TRANSFORMS = {"YBR_RCT", "YBR_ICT"}  # of colours, which the decoder has reversed
FAILED = "RuntimeError: Unable to decode as exceptions were raised by all available plugins: "
DECODERS: dict[str, str] = {  # transfer syntax → function of imagecodecs
    **dict.fromkeys([uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1], "jpeg8_decode"),
    **dict.fromkeys([uid.JPEGLSLossless, uid.JPEGLSNearLossless], "jpegls_decode"),
    **dict.fromkeys(
        [uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K],
        "jpeg2k_decode",
    ),
}
GREY_DECODERS: dict[str, str] = {**DECODERS, uid.JPEGBaseline8Bit: "jpeg8_decode"}
FrameDecoder = Callable[[bytes, np.ndarray, int], None]


def stored_frames(
    path: str | os.PathLike[str], dataset: Dataset, frames: Sequence[int]
) -> Iterator[tuple[np.ndarray, str]]:
    """Yields (stored values, remark) of some frames, each decoded when it is asked for.

    Values are (rows, columns), or colour (rows, columns, 3) as RGB, without the bits of their
    cells that are not stored. From where `imagecodecs` fails, pydicom's own plugins take over, and
    the remark says why.

    Parameters
    ----------
    path : of the file, from which frames are read one by one where `dataset` has deferred them

    Raises
    ------
    ImageError
        Where nothing here decodes them: why, and what helps.
    """
    bits_below(dataset, path)
    syntax, done = dataset.file_meta.TransferSyntaxUID, 0
    failures: list[str] = []
    for decoder in _decoders(syntax, path):
        try:
            for stored in _decoded(decoder, path, dataset, frames[done:]):
                done += 1
                yield stored, "; ".join(f"another decoder took over after {f}" for f in failures)
            return
        except ImageError as error:
            raise ImageError(f"cannot decode {path}: {syntax.name}: {error}; {DAMAGED}") from None
        except Exception as error:
            failures.append(one_line(error).removeprefix(FAILED))
    cause = "; ".join(failures) or "no decoder for it is installed"
    remedy = INSTALL if syntax in DECODERS and not is_available(syntax) else DAMAGED
    raise ImageError(f"cannot decode {path}: {syntax.name}: {cause}; {remedy}")


def frame_decoder(syntax: str) -> FrameDecoder | None:
    """What decodes whole grey frames of a transfer syntax without Python's lock; None for none.

    It is called as ``decode(encoded, out, bits_stored)``: `encoded` is one frame, its fragments
    joined; `out` (rows, columns) is contiguous, of 8 or 16 bits a cell, signed as Pixel
    Representation says, and takes the stored values. It raises an exception of any class where it
    is not sure that pydicom would give the same; then `out` holds anything, and `stored_frames`
    is the way. It asks for no more memory than `out` has, some times over.

    What a caller still has to check is that all values lie in `stored_range`: bits beyond those
    stored are for `stored_frames`, too.
    """
    if imagecodecs is None:
        return None
    if syntax == uid.RLELossless:
        return _decode_rle
    return partial(_decode_grey, GREY_DECODERS[syntax]) if syntax in GREY_DECODERS else None


def is_available(syntax: str) -> bool:
    """Whether `imagecodecs` is here and decodes a transfer syntax; pydicom asks plugins this."""
    return imagecodecs is not None and syntax in DECODERS


def decode_frame(encoded: bytes, runner: Any) -> bytes:
    """The values of one frame, pixel by pixel; tells pydicom's `runner` how wide they are."""
    name = DECODERS[runner.transfer_syntax]
    decode = getattr(imagecodecs, name)
    if name == "jpeg8_decode" and runner.samples_per_pixel > 1:
        decode = partial(decode, **RGB_AS_STORED)
    values = np.ascontiguousarray(decode(bytes(encoded)))
    runner.set_option("bits_allocated", 8 * values.itemsize)
    if runner.photometric_interpretation in JPEG2000_TRANSFORMS:
        runner.set_option("photometric_interpretation", "RGB")
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return values.tobytes()


def _decode_grey(name: str, encoded: bytes, out: np.ndarray, bits_stored: int) -> None:
    """Decodes one grey frame by a function of `imagecodecs`, into its place."""
    header = stream_header(encoded)
    _check_size(header, (*out.shape, 1))
    _check_range(header, out.dtype, bits_stored)
    getattr(imagecodecs, name)(encoded, out=out)
    unused = 8 * out.itemsize - header.bits
    if unused and out.dtype.kind == "i" and not header.signed:
        np.left_shift(out, unused, out=out)
        np.right_shift(out, unused, out=out)


def _check_size(header: StreamHeader, expected: tuple[int, ...]) -> None:
    """Refuses a frame of another size than its file says: it may ask for any amount of memory."""
    found = header.rows, header.columns, header.samples
    if found != expected:
        raise ImageError(f"expected {expected} rows, columns and samples, got {found} in its frame")


def _check_range(header: StreamHeader, dtype: np.dtype, bits_stored: int) -> None:
    """Refuses a frame whose values may mean something else than its file says."""
    signed, bits = dtype.kind == "i", 8 * dtype.itemsize
    fits = header.signed <= signed and -(-header.bits // 8) == dtype.itemsize
    sign_is_known = header.signed or not signed or header.bits in (bits_stored, bits)
    if not (header.plain and fits and sign_is_known):
        raise ImageError(f"expected values of {bits_stored} bits for {dtype}, got {header}")


def _decode_rle(encoded: bytes, out: np.ndarray, bits_stored: int) -> None:
    """Decodes one grey frame of RLE, into its place."""
    count, *offsets = struct.unpack("<16L", encoded[:64])
    if count != out.itemsize:
        raise ImageError(f"expected {out.itemsize} segments of RLE, got {count}")
    if not all(64 <= offset < len(encoded) for offset in offsets[:count]):
        raise ImageError(f"expected segments of RLE within its bytes, got some at {offsets}")
    decoded = imagecodecs.dicomrle_decode(encoded, out.dtype, out=out.data.cast("B"))
    if len(decoded) != out.nbytes:
        raise ImageError(f"expected {out.nbytes} bytes of RLE, got {len(decoded)}")


def _decoders(syntax: uid.UID, path: str | os.PathLike[str]) -> list[Decoder]:
    """What can decode a transfer syntax here, the preferred one first."""
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ImageError(
            f"cannot decode {path}: pydicom has no decoder for {syntax.name}; "
            "convert it with other software"
        ) from None
    own = [_own_decoder(syntax)] if is_available(syntax) else []
    return [*own, decoder] if decoder.is_available else own


@cache
def _own_decoder(syntax: uid.UID) -> Decoder:
    """A decoder as pydicom has one, with `decode_frame` as its only plugin."""
    decoder = Decoder(syntax)
    decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))
    return decoder


def _decoded(
    decoder: Decoder, path: str | os.PathLike[str], dataset: Dataset, frames: Sequence[int]
) -> Iterator[np.ndarray]:
    """Yields frames; those that were left in a file, for it is large, are read there one by one."""
    pixels, below = _left_in_file(dataset), bits_below(dataset, path)
    options = _options(dataset, pixels, below)
    source: Any = SizeLimitedReader(open_file(path)) if pixels else nullcontext(dataset)
    with source as opened:
        if pixels:
            opened.seek(pixels.value_tell)
        if dataset.get("BitsAllocated") == 1 and not is_compressed(decoder.UID):
            yield from one_bit_frames(opened if pixels else dataset.PixelData, dataset, frames)
            return
        _check_streams(opened, decoder.UID, frames, options)
        for stored, _ in decoder.iter_array(opened, indices=frames, **options):
            yield stored >> below if below else stored


def _check_streams(
    source: Any, syntax: uid.UID, frames: Sequence[int], options: dict[str, Any]
) -> None:
    """Refuses frames of another size than the header says, whatever decoder is to read them."""
    if syntax not in GREY_DECODERS:
        return
    encapsulated = source.PixelData if isinstance(source, Dataset) else source
    where: dict[str, Any] = {
        name: options.get(name) for name in ("extended_offsets", "number_of_frames")
    }
    size = tuple(options[name] for name in ("rows", "columns", "samples_per_pixel"))
    for frame in frames:
        _check_size(stream_header(get_frame(encapsulated, frame, **where)), size)


def _options(dataset: Dataset, pixels: Any, below: int) -> dict[str, Any]:
    """What pydicom is told of the pixels; bits below the values count, until these are shifted."""
    options = as_pixel_options(dataset)
    if pixels:
        options |= {"pixel_keyword": "PixelData", "pixel_vr": pixels.VR}
    if below:
        options["bits_stored"] += below
    return options


def _left_in_file(dataset: Dataset) -> Any:
    """The element of several frames that reading left in the file; None where it is at hand."""
    is_deflated = dataset.file_meta.TransferSyntaxUID.is_deflated
    if "PixelData" not in dataset or is_deflated or frame_count(FrameHeader(dataset)) == 1:
        return None
    pixels = dataset.get_item("PixelData", keep_deferred=True)
    return pixels if pixels.value is None else None
