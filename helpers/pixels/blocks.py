"""What is a picture of fewer pixels? Blocks of pixels, each the mean of those that are known."""

import numpy as np


def block_means(
    pixels: np.ndarray, padding: np.ndarray | None, factors: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    """(pixels, padding) with blocks of (rows, columns) as one: the mean of known values.

    The last block may be a part of one. A block of padding alone is padding, and has its mean;
    where none of the pixels is padding, there is no padding.

    Parameters
    ----------
    pixels : (rows, columns), or (rows, columns, 3) of a colour image; their type is kept
    padding : boolean (rows, columns), or None
    factors : how many rows and columns become one
    """
    if factors == (1, 1):
        return pixels, padding
    counts = _block_sums(np.ones(pixels.shape[:2], np.uint8), factors)
    means = _block_sums(pixels, factors) / (counts if pixels.ndim == 2 else counts[..., None])
    lost = None
    if padding is not None and padding.any():
        known = _block_sums(~padding, factors)
        lost = known == 0
        sums = _block_sums(np.where(padding, 0, pixels), factors)
        means = np.where(lost, means, sums / np.maximum(known, 1))
    whole = pixels.dtype.kind in "iu"
    return (np.rint(means) if whole else means).astype(pixels.dtype), lost


def _block_sums(values: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Sums over blocks of (rows, columns) of an array, the last of which may be parts."""
    narrow = values.dtype.kind in "iub" and values.dtype.itemsize <= 2
    kind = np.dtype(np.int32 if narrow and factors[0] * factors[1] < 2**15 else np.float64)
    for axis, factor in enumerate(factors):
        lines = np.moveaxis(values, axis, 0)
        sums = lines[::factor].astype(kind)
        for start in range(1, factor):
            more = lines[start::factor]
            sums[: len(more)] += more
        values = np.moveaxis(sums, 0, axis)
    return values
