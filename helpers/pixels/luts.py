"""What do stored values mean (Modality LUT), and which windows does a file offer (VOI LUT)?"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from pydicom import Dataset

from helpers.errors import ClearError
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.window import MIN_WIDTH, VoiLut, Window

FROM_FILE = "the file's own"
MAX_TABLES = 100  # for windowing, of one image: each takes a megabyte, and real ones are few
WINDOW_KEYWORDS = [  # all that windows are made of
    *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"),
]
PET_UNITS = {  # Units (0054,1001) as they are written; others stay as they are
    **{"BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts", "CPS": "counts/s", "NONE": ""},
    **{"PCNT": "%", "CM2ML": "cm²/ml", "1CM": "1/cm"},
}
DTYPES = [np.dtype(kind) for kind in (np.int16, np.int32, np.float32)]  # narrow to wide


class RescaleError(ClearError, ValueError):
    """A rescale that leaves nothing of the values."""


class Lut(NamedTuple):
    """Values from `first` on are mapped to `entries` (n,); what lies outside, to the ends."""

    first: int
    entries: np.ndarray
    bits: int
    explanation: str

    def apply(self, values: np.ndarray) -> np.ndarray:
        """The entries that integer values are mapped to, int32, of their shape."""
        indices = np.clip(values.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[indices].astype(np.int32)


def rescaled(stored: np.ndarray, header: FrameHeader) -> np.ndarray:
    """Stored values through the Modality LUT: a table where there is one, else slope and intercept.

    In a type that holds every possible value: int16, else int32, else float32; a dose is float32.
    A table or a slope of the frame's functional groups comes before that of the file.

    Parameters
    ----------
    stored : (rows, columns)

    Raises
    ------
    ValueError
        Where slope or intercept is no number, the slope is 0, or the table is not whole.

    References
    ----------
    PS3.3 C.11.1, C.8.8.3 (dose)
    """
    if luts := header.get("ModalityLUTSequence"):
        is_signed = stored.dtype.kind == "i"
        return read_lut(luts[0], "ModalityLUTSequence", signed=is_signed).apply(stored)
    slope, intercept = slope_and_intercept(header)
    dtype = np.dtype(np.float32)
    if stored.dtype.kind in "iu" and not _is_scaled_dose(header):
        dtype = rescaled_dtype(
            (*stored_range(header), int(stored.min()), int(stored.max())), slope, intercept
        )
    return rescale(stored, slope, intercept, np.empty(stored.shape, dtype))


def rescale(stored: np.ndarray, slope: float, intercept: float, out: np.ndarray) -> np.ndarray:
    """Puts ``stored * slope + intercept`` into `out`, of a type that holds it; returns `out`.

    Both may be the same memory where `out` is int16 and the slope is 1.
    """
    if out.dtype.kind == "f":
        exact = np.multiply(stored, slope, dtype=np.float64)
        return np.add(exact, intercept, out=out, casting="same_kind")
    alike = stored.itemsize == out.itemsize and stored.dtype.isnative
    whole = stored.view(out.dtype) if alike else stored.astype(out.dtype)  # wraps around and back
    if slope != 1:
        whole = np.multiply(whole, np.int64(slope).astype(out.dtype), out=out)
    return np.add(whole, np.int64(intercept).astype(out.dtype), out=out)


def rescaled_dtype(ends: tuple[int, ...], slope: float, intercept: float) -> np.dtype:
    """The type of ``stored * slope + intercept`` for stored values within `ends`, of `DTYPES`."""
    reach = [end * slope + intercept for end in ends]
    for dtype in () if slope % 1 or intercept % 1 else DTYPES[:2]:
        limits = np.iinfo(dtype.name)
        if limits.min <= min(reach) and max(reach) <= limits.max:
            return dtype
    return DTYPES[-1]


def stored_range(header: FrameHeader) -> tuple[int, int]:
    """The lowest and the highest value that Bits Stored and Pixel Representation allow."""
    bits = int(header.get("BitsStored", 16))
    if header.get("PixelRepresentation", 0):
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1


def slope_and_intercept(header: FrameHeader) -> tuple[float, float]:
    """Rescale Slope and Intercept, of a dose Dose Grid Scaling and 0.

    Raises
    ------
    ValueError
        Where one is no number; RescaleError for a slope of 0.
    """
    if _is_scaled_dose(header):
        return header.number("DoseGridScaling", 1.0), 0.0
    slope = header.number("RescaleSlope", 1.0)
    if not slope:
        raise RescaleError(
            "expected a Rescale Slope other than 0, got 0, which makes every value the intercept: "
            "see the stored values with pydicom, or ask for the original"
        )
    return slope, header.number("RescaleIntercept", 0.0)


def is_inverted(header: FrameHeader) -> bool:
    """Whether low values are meant to be white.

    References
    ----------
    PS3.3 C.7.6.3.1.2 (MONOCHROME1), C.11.6 (Presentation LUT Shape)
    """
    return (
        header.get("PhotometricInterpretation") == "MONOCHROME1"
        or header.get("PresentationLUTShape") == "INVERSE"
    )


def unit_of(header: FrameHeader) -> str:
    """Unit of the rescaled values, as Rescale Type, Modality LUT Type or a PET's Units say.

    HU for CT, Gy for a dose.

    References
    ----------
    PS3.3 C.11.1.1.2, C.8.2.1, C.8.8.3 (a relative dose has none), C.8.9.1 (PET)
    """
    if _is_scaled_dose(header):
        return "Gy" if header.get("DoseUnits") == "GY" else ""
    if header.get("Modality") == "PT" and (units := header.get("Units")):
        return PET_UNITS.get(str(units), str(units))
    luts = header.get("ModalityLUTSequence")
    unit = luts[0].get("ModalityLUTType") if luts else header.get("RescaleType")
    if unit:
        return "" if unit == "US" else str(unit)  # US: unspecified
    has_rescale = not luts and header.get("RescaleIntercept") is not None
    return "HU" if header.get("Modality") == "CT" and has_rescale else ""


def voi_luts_of(header: FrameHeader) -> dict[str, Window | VoiLut]:
    """The file's windows and look-up tables by name, the first of them the default.

    They are alternatives: one of them is applied, never two (PS3.3 C.11.2). Windows come before
    tables. A window that its function gives no meaning, and a table that is not whole, are left
    out (C.11.2.1.1 to C.11.2.1.3).
    """
    found: dict[str, Window | VoiLut] = {}
    for name, voi_lut in (*_windows(header), *_tables(header)):
        while name in found:
            name = f"{name} {len(found) + 1}"
        found[name] = voi_lut
    return found


def read_lut(item: Dataset, keyword: str, *, signed: bool) -> Lut:
    """The look-up table of one item of a sequence.

    Parameters
    ----------
    keyword : "ModalityLUTSequence" or "VOILUTSequence"
    signed : whether the values that are mapped can be negative: then a first value above 32767 is
        a negative one that was written unsigned

    Raises
    ------
    ValueError
        Where the table has no descriptor of three values or fewer entries than that says.

    References
    ----------
    PS3.3 C.11.1.1 (Modality LUT), C.11.2.1.1 (VOI LUT), C.8.11.3.1.5 (bits)
    """
    descriptor = item.get("LUTDescriptor")
    if descriptor is None or len(descriptor) != 3:
        raise ValueError(
            f"expected a LUT Descriptor of three values in {keyword}, got {descriptor!r}"
        )
    count, first, bits = map(int, descriptor)
    count = count or 2**16  # what does not fit into 16 bits is written 0
    entries = _entries(item)
    if bits == 8 and len(entries) == -(-count // 2):  # two in each word, the first in its low byte
        entries = np.stack([entries & 255, entries >> 8], axis=1).ravel()
    if len(entries) < count:
        raise ValueError(
            f"expected {count} entries of a look-up table in {keyword}, got {len(entries)}"
        )
    first = first - 2**16 if signed and first > 32767 else first
    return Lut(first, entries[:count], bits, str(item.get("LUTExplanation") or ""))


def _is_scaled_dose(header: FrameHeader) -> bool:
    """Whether stored values become a dose by Dose Grid Scaling."""
    return header.get("DoseGridScaling") is not None


def _entries(item: Dataset) -> np.ndarray:
    """LUT Data as unsigned integers, whether written as numbers or as words of 16 bits."""
    data = item.get("LUTData")
    if isinstance(data, bytes):
        order = ">" if item.original_encoding[1] is False else "<"
        data = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2")
    return np.atleast_1d(np.asarray([] if data is None else data, np.int64)) & 0xFFFF


def _windows(header: FrameHeader) -> Iterator[tuple[str, Window | VoiLut]]:
    function = str(header.get("VOILUTFunction", "LINEAR"))
    min_width = MIN_WIDTH.get(function, np.inf)
    names = header.get("WindowCenterWidthExplanation") or []
    names = [names] if isinstance(names, str) else list(names)
    pairs = zip(header.floats("WindowCenter"), header.floats("WindowWidth"))
    for number, (center, width) in enumerate(pairs):
        name = str(names[number]) if number < len(names) else ""
        if np.isfinite(center) and min_width <= width < np.inf and width > 0:
            yield name or f"window {number + 1}", Window(center, width, FROM_FILE, function)


def _tables(header: FrameHeader) -> Iterator[tuple[str, Window | VoiLut]]:
    for number, item in enumerate((header.get("VOILUTSequence") or ())[:MAX_TABLES]):
        try:
            lut = read_lut(item, "VOILUTSequence", signed=_can_be_negative(header))
        except ValueError:
            continue
        values = lut.first + np.arange(len(lut.entries))
        name = lut.explanation or f"look-up table {number + 1}"
        yield name, VoiLut(values, lut.entries / (2**lut.bits - 1), FROM_FILE)


def _can_be_negative(header: FrameHeader) -> bool:
    """Whether the header allows values below 0 after the Modality LUT."""
    if header.get("ModalityLUTSequence"):
        return False
    slope, intercept = slope_and_intercept(header)
    return min(end * slope + intercept for end in stored_range(header)) < 0
