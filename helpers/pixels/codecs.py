"""How do the bytes of a file become stored values? By `imagecodecs` where it can, else by pydicom.

pydicom's own plugins hold Python's lock while they decode, so threads gain nothing with them.
`imagecodecs` is a plugin of decoders of this module's own: those of pydicom stay as they are.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

import numpy as np
from pydicom import Dataset, uid
from pydicom.pixels import as_pixel_options, get_decoder, iter_pixels
from pydicom.pixels.decoders.base import Decoder

from helpers.headers.pydicom_reader import one_line
from helpers.pixels.frame_header import FrameHeader, frame_count
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
DECODERS = {  # transfer syntax → function of imagecodecs
    **dict.fromkeys([uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1], "jpeg8_decode"),
    **dict.fromkeys([uid.JPEGLSLossless, uid.JPEGLSNearLossless], "jpegls_decode"),
    **dict.fromkeys(
        [uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K],
        "jpeg2k_decode",
    ),
}


class DecodingError(Exception):
    """Encoded values that nothing here decodes: why, and what helps, in one line."""


def stored_frames(
    path: str | os.PathLike[str], dataset: Dataset, frames: Sequence[int]
) -> Iterator[tuple[np.ndarray, str]]:
    """Yields (stored values, remark) of some frames, each decoded when it is asked for.

    Values are (rows, columns), or colour (rows, columns, 3) as RGB. From where `imagecodecs`
    fails, pydicom's own decoders take over, and the remark says why.

    Parameters
    ----------
    path : of the file, from which frames are read one by one where `dataset` has deferred them

    Raises
    ------
    DecodingError
    """
    syntax, done, failure = dataset.file_meta.TransferSyntaxUID, 0, ""
    if is_available(syntax):
        try:
            for stored in _by_imagecodecs(path, dataset, frames):
                done += 1
                yield stored, ""
        except Exception as error:
            failure = _reason(error)
    if done == len(frames):
        return
    source = dataset if _offset_of_frames(dataset) is None else path
    try:
        for stored in iter_pixels(source, indices=frames[done:], transfer_syntax_uid=syntax):
            yield stored, f"another decoder took over after {failure}" if failure else ""
    except Exception as error:
        raise DecodingError(_explanation(syntax, failure, error)) from error


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


@cache
def _decoder(syntax: uid.UID) -> Decoder:
    """A decoder as pydicom has one, with `decode_frame` as its only plugin."""
    decoder = Decoder(syntax)
    decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))
    return decoder


def _by_imagecodecs(
    path: str | os.PathLike[str], dataset: Dataset, frames: Sequence[int]
) -> Iterator[np.ndarray]:
    decoder, options = _decoder(dataset.file_meta.TransferSyntaxUID), as_pixel_options(dataset)
    offset = _offset_of_frames(dataset)
    source: Any
    with open(path, "rb") if offset else nullcontext(dataset) as source:
        if offset:
            source.seek(offset)
        for stored, _ in decoder.iter_array(source, indices=frames, **options):
            yield stored


def _offset_of_frames(dataset: Dataset) -> int | None:
    """The byte where pixel data starts that was left in the file, to be read frame by frame."""
    if "PixelData" not in dataset or frame_count(FrameHeader(dataset)) == 1:
        return None
    pixels: Any = dataset.get_item("PixelData", keep_deferred=True)
    is_left = pixels.value is None and not dataset.file_meta.TransferSyntaxUID.is_deflated
    return pixels.value_tell if is_left else None


def _explanation(syntax: uid.UID, failure: str, error: Exception) -> str:
    """Why nothing here decodes a transfer syntax, and the way on."""
    try:
        is_installed = get_decoder(syntax).is_available
    except NotImplementedError:
        return f"pydicom has no decoder for {syntax.name}; convert it with other software"
    causes = [failure, _reason(error) if is_installed else ""]
    cause = "; ".join(filter(None, causes)) or "no decoder for it is installed"
    lacks_plugin = syntax in DECODERS and not is_available(syntax)
    return f"{syntax.name}: {cause}; {INSTALL if lacks_plugin else DAMAGED}"


def _reason(error: Exception) -> str:
    """What a plugin says, without the words of pydicom around it."""
    return one_line(error).removeprefix(FAILED)
