"""What are the values of one image? Reads one file with pydicom, decodes it and rescales it."""

from itertools import groupby
from typing import NamedTuple

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_icc_profile, get_decoder, iter_pixels

from helpers.errors import ClearError
from helpers.pixels.codecs import DECODERS, INSTALL, PLUGIN, is_available
from helpers.pixels.frame_header import FrameHeader, frame_count
from helpers.pixels.luts import rescaled, unit_of, voi_luts_of
from helpers.pixels.padding import declared_padding, guessed_padding
from helpers.runtime import quiet

NO_IMAGE = "its row in header_table says what it is"
DAMAGED = "it is damaged or its header does not fit: copy it again, or ask for the original"
LARGE = 2**23  # bytes of pixel data that are not all read for one frame


class ImageError(ClearError):
    """An image that cannot be read or decoded."""


class Image(NamedTuple):
    """One frame: its values, and what the header says of them."""

    pixels: np.ndarray  # (rows, columns) after rescale; colour: (rows, columns, 3), uint8
    padding: np.ndarray | None  # boolean (rows, columns): stored there is no measured value
    guess: float | None  # the value of the padding, where no header declares it
    unit: str  # of the values; empty where the header does not say
    windows: dict  # name → Window or VoiLut, the file's own, the first one its default
    inverted: bool  # low values are meant to be white
    header: FrameHeader
    remark: str = ""


def read_image(path, frame=0):
    """One frame of a file as an `Image`.

    Raises
    ------
    ImageError
        Where the file holds no such image, or it cannot be decoded here; says why and what helps.

    References
    ----------
    PS3.3 C.11.1 (rescale), C.7.5.1.1.2 (padding, found before rescale), C.7.6.3.1.2 (MONOCHROME1),
    C.11.6 (Presentation LUT Shape)
    """
    return next(read_images([(path, frame)]))


def read_images(places):
    """An iterator over the `Image` of each (path, frame); frames of one file that follow each other read its header once."""
    for path, group in groupby(places, key=lambda place: place[0]):
        frames = [frame for _, frame in group]
        with quiet():  # odd headers are the audit's matter
            dataset = _dataset(path, frames)
        decoded = _stored(dataset, path, frames)
        for frame in frames:
            with quiet():
                image = _image(next(decoded), FrameHeader(dataset, frame), path)
            yield image


def _image(stored, header, path):
    """Stored values with what the header makes of them."""
    try:
        return _colour(stored, header) if stored.ndim == 3 else _grey(stored, header)
    except Exception as error:
        raise ImageError(f"cannot interpret the values of {path}: {_first_line(error)}") from error


def _grey(stored, header):
    inverted = (
        header.get("PhotometricInterpretation") == "MONOCHROME1"
        or header.get("PresentationLUTShape") == "INVERSE"
    )
    padding, guess, pixels = declared_padding(stored, header), None, rescaled(stored, header)
    if pixels.dtype.kind == "f" and (lost := ~np.isfinite(pixels)).any():
        padding = lost if padding is None else padding | lost
        pixels = np.where(lost, np.float32(0), pixels)
    unit = unit_of(header)
    if padding is None and unit == "HU":
        padding, guess = guessed_padding(pixels)
    return Image(pixels, padding, guess, unit, voi_luts_of(header), inverted, header)


def _colour(stored, header):
    """Colour from 0 to 255, as sRGB where a profile says how; what has more bits loses its lowest (palettes have 16)."""
    palette = header.get("PhotometricInterpretation") == "PALETTE COLOR"
    bits = 16 if palette and stored.dtype != np.uint8 else int(header.get("BitsStored", 8))
    colour = stored if stored.dtype == np.uint8 else (stored >> max(0, bits - 8)).astype(np.uint8)
    remark = ""
    if header.get("ICCProfile"):
        try:
            colour = apply_icc_profile(colour, header.dataset, color_space="sRGB")
        except Exception:
            remark = "colours as stored: the profile cannot be read"
    return Image(colour, None, None, "", {}, False, header, remark)


def _dataset(path, frames):
    """The header, and the pixel data unless it is large."""
    try:
        dataset = pydicom.dcmread(path, force=True, defer_size=LARGE)
    except Exception as error:
        raise ImageError(f"expected a DICOM image in {path}, got {_first_line(error)}") from error
    has_pixels = bool({"PixelData", "FloatPixelData", "DoubleFloatPixelData"} & set(dataset.dir()))
    if not has_pixels or "Rows" not in dataset:
        found = "pixels without Rows" if has_pixels else "no pixels"
        raise ImageError(f"expected a DICOM image in {path}, found {found} there: {NO_IMAGE}")
    count = frame_count(FrameHeader(dataset))
    for frame in frames:
        if not isinstance(frame, (int, np.integer)) or not 0 <= frame < count:
            raise ImageError(f"expected a frame from 0 to {count - 1}, got {frame!r} for {path}")
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
    return dataset


def _stored(dataset, path, frames):
    """Yields stored values (rows, columns), or colour (rows, columns, 3) as RGB, of some frames, each when it is asked for."""
    syntax, palette = (
        dataset.file_meta.TransferSyntaxUID,
        dataset.get("PhotometricInterpretation") == "PALETTE COLOR",
    )
    deferred = (
        "PixelData" in dataset and dataset.get_item("PixelData", keep_deferred=True).value is None
    )
    in_pieces = deferred and not syntax.is_deflated and frame_count(FrameHeader(dataset)) > 1
    source = path if in_pieces else dataset
    try:
        for stored in _decoded(source, syntax, frames):
            yield apply_color_lut(stored, dataset) if palette else stored
    except Exception as error:
        raise ImageError(f"cannot decode {path}: {_cause(syntax, error)}") from error


def _decoded(source, syntax, frames):
    """Yields frames by our plugin; from where that fails, by any that pydicom has."""
    done = 0
    if is_available(syntax):
        try:
            for stored in iter_pixels(
                source, indices=frames, decoding_plugin=PLUGIN, transfer_syntax_uid=syntax
            ):
                done += 1
                yield stored
        except Exception:
            pass  # another may know better, or say what is wrong
    if frames[done:]:
        yield from iter_pixels(source, indices=frames[done:], transfer_syntax_uid=syntax)


def _cause(syntax, error):
    """Why pixel data of a transfer syntax cannot be decoded here, and the way on."""
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return f"pydicom has no decoder for {syntax.name}; convert it with other software"
    cause = _first_line(error) if decoder.is_available else "no decoder for it is installed"
    missing = syntax in DECODERS and not is_available(syntax)
    return f"{syntax.name}: {cause}; {INSTALL if missing else DAMAGED}"


def _guessed_syntax(dataset):
    """What pydicom took the encoding for in a file whose meta information does not say."""
    implicit, little = dataset.original_encoding
    if not little:
        return pydicom.uid.ExplicitVRBigEndian
    return pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian


def _first_line(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:240]
