"""What do stored values mean (Modality LUT), and which windows and curves does a file offer (VOI LUT)?"""

import struct
from typing import NamedTuple

import numpy as np

from helpers.pixels.window import LEAST_WIDTH, VoiLut, Window


class Lut(NamedTuple):
    """Values from `first` on are mapped to `entries` (n,), integers of so many `bits`; what lies outside, to the ends."""

    first: int
    entries: np.ndarray
    bits: int
    explanation: str

    def of(self, values):
        """The entries that integer values are mapped to, int32, of their shape."""
        places = np.clip(values.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[places].astype(np.int32)


def luts_of(header, keyword, *, negative):
    """The look-up tables of a sequence, a list of `Lut`.

    Parameters
    ----------
    header : `helpers.pixels.frame_header.FrameHeader`
    keyword : "ModalityLUTSequence" or "VOILUTSequence"
    negative : whether the values that are mapped can be negative: then a first value above 32767 is a negative one
        that was written unsigned

    Raises
    ------
    ValueError
        Where a table has no descriptor of three values or fewer entries than that says.

    References
    ----------
    PS3.3 C.11.1.1 (Modality LUT), C.11.2.1.1 (VOI LUT), C.8.11.3.1.5 (bits)
    """
    return [lut_of(item, keyword, negative=negative) for item in header.get(keyword) or ()]


def lut_of(item, keyword, *, negative):
    """The `Lut` of one item of a sequence, as `luts_of` has it."""
    descriptor = item.get("LUTDescriptor")
    if descriptor is None or len(descriptor) != 3:
        raise ValueError(
            f"expected a LUT Descriptor of three values in {keyword}, got {descriptor!r}"
        )
    count, first, bits = map(int, descriptor)
    count = count or 2**16  # what does not fit into 16 bits is written 0
    data = _numbers(item)
    if bits == 8 and len(data) == -(
        -count // 2
    ):  # two entries in each word, the first in its low byte
        data = np.stack([data & 255, data >> 8], axis=1).ravel()
    if len(data) < count:
        raise ValueError(
            f"expected {count} entries of a look-up table in {keyword}, got {len(data)}"
        )
    first = first - 2**16 if negative and first > 32767 else first
    return Lut(first, data[:count], bits, str(item.get("LUTExplanation") or ""))


def _numbers(item):
    """LUT Data as unsigned integers, whether it was written as numbers or as words of 16 bits."""
    data = item.get("LUTData")
    if isinstance(data, bytes):
        order = ">" if item.original_encoding[1] is False else "<"
        data = struct.unpack(f"{order}{len(data) // 2}H", data[: len(data) // 2 * 2])
    return np.atleast_1d(np.asarray([] if data is None else data, np.int64)) & 0xFFFF


def rescaled(stored, header):
    """Stored values through the Modality LUT: a table where there is one, else slope and intercept.

    ``stored * slope + intercept`` in a type that holds every possible value: int16, else int32, else float32. A
    table or a slope of the frame's functional groups comes before that of the file.

    Parameters
    ----------
    stored : (rows, columns)
    header : `helpers.pixels.frame_header.FrameHeader`

    Raises
    ------
    ValueError
        Where slope or intercept is no number, or the table is not whole.

    References
    ----------
    PS3.3 C.11.1
    """
    if luts := luts_of(header, "ModalityLUTSequence", negative=stored.dtype.kind == "i"):
        return luts[0].of(stored)
    slope, intercept = header.number("RescaleSlope", 1.0), header.number("RescaleIntercept", 0.0)
    if stored.dtype.kind not in "iu" or slope % 1 or intercept % 1:
        return (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    ends = stored_range(int(header.get("BitsStored", 16)), header.get("PixelRepresentation", 0))
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


def can_be_negative(header):
    """Whether the header allows values below 0 after the Modality LUT."""
    if header.get("ModalityLUTSequence"):
        return False
    ends = stored_range(int(header.get("BitsStored", 16)), header.get("PixelRepresentation", 0))
    slope, intercept = header.number("RescaleSlope", 1.0), header.number("RescaleIntercept", 0.0)
    return min(end * slope + intercept for end in ends) < 0


def stored_range(bits, signed):
    """The lowest and the highest value that so many bits hold."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def unit_of(header):
    """Unit of the rescaled values: what Rescale Type or Modality LUT Type says, HU for CT (PS3.3 C.11.1.1.2, C.8.2.1)."""
    luts = header.get("ModalityLUTSequence")
    kind = luts[0].get("ModalityLUTType") if luts else header.get("RescaleType")
    if kind:
        return "" if kind == "US" else str(kind)  # US: unspecified
    return (
        "HU"
        if header.get("Modality") == "CT"
        and not luts
        and header.get("RescaleIntercept") is not None
        else ""
    )


OWN = "the file's own"
WINDOW_KEYWORDS = [
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
]  # all that windows are made of


def voi_luts_of(header):
    """The file's windows and look-up tables by name, the first of them the default.

    They are alternatives: one of them is applied, never two (PS3.3 C.11.2). Windows come before tables. A window
    that its function gives no meaning, and a table that is not whole, are left out (C.11.2.1.1 to C.11.2.1.3).

    Parameters
    ----------
    header : `helpers.pixels.frame_header.FrameHeader`

    Returns
    -------
    dict of name → `helpers.Window` or `helpers.pixels.window.VoiLut`
    """
    found = {}
    for name, view in [*_windows(header), *_curves(header)]:
        while name in found:
            name = f"{name} {len(found) + 1}"
        found[name] = view
    return found


def _windows(header):
    function = str(header.get("VOILUTFunction", "LINEAR"))
    least = LEAST_WIDTH.get(function, np.inf)
    names = header.get("WindowCenterWidthExplanation") or []
    names = [names] if isinstance(names, str) else list(names)
    for number, (center, width) in enumerate(
        zip(header.floats("WindowCenter"), header.floats("WindowWidth"))
    ):
        name = (
            str(names[number]) if number < len(names) and names[number] else f"window {number + 1}"
        )
        if np.isfinite(center) and least <= width < np.inf and width > 0:
            yield name, Window(center, width, OWN, function)


def _curves(header):
    for number, item in enumerate(header.get("VOILUTSequence") or ()):
        try:
            lut = lut_of(item, "VOILUTSequence", negative=can_be_negative(header))
        except ValueError:
            continue
        values = lut.first + np.arange(len(lut.entries))
        yield (
            lut.explanation or f"look-up table {number + 1}",
            VoiLut(values, lut.entries / (2**lut.bits - 1), OWN),
        )
