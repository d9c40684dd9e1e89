"""How are the pixels of an image sent? As many as the screen has room for, as bytes."""

from typing import Any

import numpy as np

from helpers.pixels.window import value_range
from helpers.viewer.viewer_data import HISTOGRAM_BINS, HISTOGRAM_SHARE
from helpers.volume.slice import Slice

HISTOGRAM_VALUES = 100_000  # that a histogram is made of


def screen_factors(
    slice: Slice, width: float, height: float, max_bytes: float = np.inf
) -> tuple[int, int]:
    """How many (rows, columns) become one, so that a picture still fills so many screen pixels.

    Parameters
    ----------
    max_bytes : that the pixels may take; below it they are fewer than those of the screen
    """
    (rows, columns), (down, right) = slice.array.shape[:2], slice.spacing
    scale = min(width / (columns * right), height / (rows * down))
    factors = [max(1, int(1 / (scale * step) + 1e-6)) for step in (down, right)]
    pixel_bytes = 3 if slice.array.ndim == 3 else wire_dtype(slice.array).itemsize
    while -(-rows // factors[0]) * -(-columns // factors[1]) * pixel_bytes > max_bytes:
        factors[0 if rows / factors[0] > columns / factors[1] else 1] += 1
    return factors[0], factors[1]


def wire_dtype(pixels: np.ndarray) -> np.dtype:
    """The type in which pixels are sent: colour bytes, int16 where all values fit, else float32."""
    if pixels.ndim == 3:
        return np.dtype(np.uint8)
    limits = np.iinfo(np.int16)
    fits = pixels.dtype.kind in "iub" and (
        pixels.dtype.itemsize == 1
        or pixels.dtype == np.int16
        or (limits.min <= pixels.min() and pixels.max() <= limits.max)
    )
    return np.dtype("<i2" if fits else "<f4")


def pixel_bytes(
    slice: Slice, part: tuple[np.ndarray, np.ndarray | None]
) -> tuple[str, list[bytes]]:
    """(type, [pixels row by row, padding one bit a pixel or nothing]) of a part of an image."""
    (pixels, padding), dtype = part, wire_dtype(slice.array)
    bits = b"" if padding is None else np.packbits(padding).tobytes()
    return dtype.str[1:], [np.ascontiguousarray(pixels, dtype).tobytes(), bits]


def value_text(slice: Slice, row: int, column: int) -> str:
    """The value of a pixel after rescale with its unit, or what else is known of it."""
    if slice.padding is not None and slice.padding[row, column]:
        return "padding, no value"
    value = slice.array[row, column]
    if slice.array.ndim == 3:
        return "R {} G {} B {}".format(*value)
    shown = f"{value:d}" if slice.array.dtype.kind in "iu" else f"{value:.5g}"
    return f"{shown} {slice.unit}".strip()


def histogram(values: np.ndarray, padding: np.ndarray | None) -> dict[str, Any]:
    """Counts of evenly chosen values, and between which they are counted."""
    step = max(1, int(np.sqrt(values.size / HISTOGRAM_VALUES)))
    chosen = values[::step, ::step]
    lost = None if padding is None else padding[::step, ::step]
    low, high = value_range(chosen, padding=lost, share=HISTOGRAM_SHARE).limits
    kept = chosen if lost is None else chosen[~lost]
    counts, _ = np.histogram(kept, HISTOGRAM_BINS, (low, high))
    return {"counts": counts.tolist(), "low": low, "high": high}
