"""What does a look-up table in a header say?"""

import struct
from typing import NamedTuple

import numpy as np


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
    header : `helpers.frame_header.FrameHeader`
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
        raise ValueError(f"expected a LUT Descriptor of three values in {keyword}, got {descriptor!r}")
    count, first, bits = map(int, descriptor)
    count = count or 2**16  # what does not fit into 16 bits is written 0
    data = _numbers(item)
    if bits == 8 and len(data) == -(-count // 2):  # two entries in each word, the first in its low byte
        data = np.stack([data & 255, data >> 8], axis=1).ravel()
    if len(data) < count:
        raise ValueError(f"expected {count} entries of a look-up table in {keyword}, got {len(data)}")
    first = first - 2**16 if negative and first > 32767 else first
    return Lut(first, data[:count], bits, str(item.get("LUTExplanation") or ""))


def _numbers(item):
    """LUT Data as unsigned integers, whether it was written as numbers or as words of 16 bits."""
    data = item.get("LUTData")
    if isinstance(data, bytes):
        order = ">" if item.original_encoding[1] is False else "<"
        data = struct.unpack(f"{order}{len(data) // 2}H", data[: len(data) // 2 * 2])
    return np.atleast_1d(np.asarray([] if data is None else data, np.int64)) & 0xFFFF
