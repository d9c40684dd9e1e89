"""What are the values of one image? Reads one file with pydicom, decodes it and rescales it."""

import warnings
from typing import NamedTuple

import numpy as np
import pydicom
from pydicom.multival import MultiValue
from pydicom.pixels import apply_color_lut, apply_modality_lut, get_decoder, pixel_array

from helpers import ClearError
from helpers.window import LEAST_WIDTH, Window


class ImageError(ClearError):
    """An image that cannot be read or decoded."""


class Image(NamedTuple):
    """One frame: its values, and what the header says of them."""

    pixels: np.ndarray  # (rows, columns) after rescale; colour: (rows, columns, 3), uint8
    padding: np.ndarray | None  # boolean (rows, columns): stored there is no measured value
    unit: str  # of the values; empty where the header does not say
    windows: dict  # name → Window, the file's own, the first one its default
    inverted: bool  # low values are meant to be white
    header: "FrameHeader"


class FrameHeader:
    """The header of a file as one of its frames sees it: functional groups first (C.7.6.16.2)."""

    def __init__(self, dataset, frame=0):
        per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
        shared = dataset.get("SharedFunctionalGroupsSequence") or []
        groups = [*per_frame[frame : frame + 1], *shared[:1]]
        macros = [macro for group in groups for macro in group if macro.VR == "SQ" and not macro.tag.is_private]
        self.dataset = dataset
        self._places = [*(item for macro in macros for item in macro.value[:1]), dataset]

    def get(self, keyword, default=None):
        """pydicom's value; `default` where it is missing or empty."""
        found = (place.get(keyword) for place in self._places)
        return next((value for value in found if value not in (None, "")), default)

    def floats(self, keyword):
        """All values as a tuple of floats; empty where there are none or they are no numbers."""
        value = self.get(keyword, ())
        try:
            return tuple(map(float, value if isinstance(value, (MultiValue, tuple, list)) else [value]))
        except (TypeError, ValueError):
            return ()


def read_image(path, frame=0):
    """One frame of a file as an `Image`.

    Raises
    ------
    ImageError
        Where the file holds no such image, or it cannot be decoded here; says why and what helps.

    References
    ----------
    PS3.3 C.11.1 (rescale), C.7.5.1.1.2 (padding, found before rescale), C.7.6.3.1.2 (MONOCHROME1)
    """
    return next(read_images([(path, frame)]))


def read_images(places):
    """An iterator over the `Image` of each (path, frame); frames of one file that follow each other read it once."""
    last = dataset = None
    for path, frame in places:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd headers are the audit's matter
            dataset = dataset if path == last else _dataset(path)
            last, stored = path, _decoded(path, dataset, frame)
            try:
                image = _image(stored, FrameHeader(dataset, frame))
            except Exception as error:
                raise ImageError(f"cannot interpret the values of {path}: {_first_line(error)}") from error
        yield image


def _image(stored, header):
    """Stored values with what the header makes of them."""
    if stored.ndim == 3:
        return Image(_eight_bits(stored, header), None, "", {}, False, header)
    inverted = header.get("PhotometricInterpretation") == "MONOCHROME1" or header.get("PresentationLUTShape") == "INVERSE"
    padding = padding_of(stored, header)
    pixels = _rescaled(stored, header)
    if pixels.dtype.kind == "f" and (lost := ~np.isfinite(pixels)).any():
        padding = lost if padding is None else padding | lost
        pixels = np.where(lost, np.float32(0), pixels)
    return Image(pixels, padding, _unit(header), windows_of(header), inverted, header)


def frame_count(header):
    """Number of Frames of a `FrameHeader`; 1 where it does not say, or says no number."""
    return max(1, int((header.floats("NumberOfFrames") or (1,))[0]))


def _dataset(path):
    try:
        dataset = pydicom.dcmread(path, force=True)
    except Exception as error:
        raise ImageError(f"expected a DICOM image in {path}, got {_first_line(error)}") from error
    if not {"PixelData", "FloatPixelData", "DoubleFloatPixelData"} & set(dataset.dir()) or "Rows" not in dataset:
        raise ImageError(f"expected a DICOM image in {path}, found no pixels there")
    return dataset


def _decoded(path, dataset, frame):
    """Stored values (rows, columns), or colour as (rows, columns, 3) RGB."""
    frames = frame_count(FrameHeader(dataset))
    if not 0 <= frame < frames:
        raise ImageError(f"expected a frame from 0 to {frames - 1}, got {frame} for {path}")
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
    try:
        stored = pixel_array(dataset, index=frame)
        palette = dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
        return apply_color_lut(stored, dataset) if palette else stored
    except Exception as error:
        raise ImageError(f"cannot decode {path}: {_cause(dataset.file_meta.TransferSyntaxUID, error)}") from error


def _cause(syntax, error):
    """Why pixel data of a transfer syntax cannot be decoded here, and what pydicom says would help."""
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return f"pydicom has no decoder for {syntax.name}; convert it with other software"
    cause = _first_line(error) if decoder.is_available else "no decoder for it is installed"
    missing = ", ".join(decoder.missing_dependencies)
    return f"{syntax.name}: {cause}" + (f"; decoders that are not installed: {missing}" if missing else "")


def _guessed_syntax(dataset):
    """What pydicom took the encoding for in a file whose meta information does not say."""
    implicit, little = dataset.original_encoding
    if not little:
        return pydicom.uid.ExplicitVRBigEndian
    return pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian


def _rescaled(stored, header):
    """``stored * slope + intercept`` in a type that holds every possible value: int16, else int32, else float32.

    A Modality LUT Sequence stands in place of slope and intercept (C.11.1).
    """
    if header.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, header.dataset).astype(np.int32)
    slope, intercept = _number(header, "RescaleSlope", 1.0), _number(header, "RescaleIntercept", 0.0)
    if stored.dtype.kind not in "iu" or slope % 1 or intercept % 1:
        return (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    bits, signed = int(header.get("BitsStored", 16)), bool(header.get("PixelRepresentation", 0))
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    kind = rescaled_type((*ends, int(stored.min()), int(stored.max())), slope, intercept)
    if kind == np.float32:
        return (stored.astype(np.float64) * slope + intercept).astype(kind)
    return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(kind)


def rescaled_type(ends, slope, intercept):
    """The type of ``stored * slope + intercept`` for stored values within `ends`: int16, else int32, else float32."""
    reach = [end * slope + intercept for end in ends]
    for kind in () if slope % 1 or intercept % 1 else (np.int16, np.int32):
        if np.iinfo(kind).min <= min(reach) and max(reach) <= np.iinfo(kind).max:
            return kind
    return np.float32


def _number(header, keyword, default):
    """One number; a value that is there and is no number is an error, not the default."""
    if header.get(keyword) is None:
        return default
    values = header.floats(keyword)
    if len(values) != 1 or not np.isfinite(values[0]):
        raise ValueError(f"expected a number as {keyword}, got {header.get(keyword)!r}")
    return values[0]


def padding_of(stored, header):
    """Where a stored value lies between Pixel Padding Value and its Range Limit, or None where none does."""
    prefix = "Float" if stored.dtype.kind == "f" else ""
    declared = [header.get(f"{prefix}{keyword}") for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    ends = [_with_sign_of(stored, value) for value in declared if isinstance(value, (int, float))]
    if not ends or not isinstance(declared[0], (int, float)):
        return None
    mask = (stored >= min(ends)) & (stored <= max(ends))
    return mask if mask.any() else None


def _with_sign_of(stored, value):
    """The 16-bit value read with the sign of the pixels: 63536 in signed data means -2000."""
    if stored.dtype.kind == "i" and value > 32767:
        return value - 65536
    return value + 65536 if stored.dtype.kind == "u" and value < 0 else value


def _unit(header):
    """Unit of the rescaled values: Rescale Type where it says, HU for CT (C.8.2.1)."""
    kind = header.get("RescaleType")
    if kind and kind != "US":
        return str(kind)
    return "HU" if header.get("Modality") == "CT" and header.get("RescaleIntercept") is not None else ""


def windows_of(header):
    """The file's windows by name; those that their function gives no meaning are left out (C.11.2.1.2, C.11.2.1.3)."""
    function = str(header.get("VOILUTFunction", "LINEAR"))
    least = LEAST_WIDTH.get(function, np.inf)
    names = header.get("WindowCenterWidthExplanation") or []
    names = [names] if isinstance(names, str) else list(names)
    found = {}
    for number, (center, width) in enumerate(zip(header.floats("WindowCenter"), header.floats("WindowWidth"))):
        name = str(names[number]) if number < len(names) and names[number] else f"window {number + 1}"
        name = name if name not in found else f"{name} {number + 1}"
        if np.isfinite(center) and least <= width < np.inf and width > 0:
            found[name] = Window(center, width, "the file's own", function)
    return found


def _eight_bits(colour, header):
    """Colour from 0 to 255; what has more bits loses its lowest (palettes have 16)."""
    if colour.dtype == np.uint8:
        return colour
    palette = header.get("PhotometricInterpretation") == "PALETTE COLOR"
    return (colour >> (8 if palette else max(0, int(header.get("BitsStored", 16)) - 8))).astype(np.uint8)


def _first_line(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:240]
