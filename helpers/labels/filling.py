"""Which pixels do closed contours enclose? Those that they go round an odd number of times.

numpy alone; a pixel is its centre, exact to the arithmetic of floats; many slices at once.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from helpers.labels.labels import LabelError, Section

MAX_PIXELS = 2**24  # that are filled at once, but for one slice alone
MAX_CROSSINGS = 2**24  # of edges and rows of pixels, of a slice, and of those filled at once


def filled_sections(
    slices: Sequence[tuple[int, list[np.ndarray]]], size: tuple[int, int]
) -> Iterator[Section]:
    """Yields the pixels that contours enclose, slice by slice; nothing where that is none.

    Contours of one entry combine by even and odd: one inside another is a hole. A centre on an edge
    belongs to the region at its right or below it, so that regions with an edge in common share no
    pixel and leave none out.

    Parameters
    ----------
    slices : (index, contours (n, 2) of (row, column)) each; an index may come several times
    size : rows, columns of the slices

    Raises
    ------
    LabelError
        Where the contours of a slice go to and fro more often than any real ones.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [0.5, 2.5], [2.5, 2.5], [2.5, 0.5]])
    >>> (section,) = filled_sections([(7, [square])], (9, 9))
    >>> section.row, section.column, section.mask.shape
    (1, 1, (2, 2))
    """
    for batch in _batches(slices, np.array(size)):
        yield from _filled(batch, np.array(size))


def _batches(
    slices: Sequence[tuple[int, list[np.ndarray]]], size: np.ndarray
) -> Iterator[list[tuple[int, list[np.ndarray]]]]:
    """Yields as many slices at a time as may be filled at once."""
    batch: list[tuple[int, list[np.ndarray]]] = []
    spent = np.zeros(2)
    for one in slices:
        cost = _cost(one, size)
        if cost[1] > MAX_CROSSINGS:
            raise LabelError(
                f"expected contours of a slice that cross its rows at most {MAX_CROSSINGS} times, "
                f"got {cost[1]:.0f}"
            )
        if batch and (spent + cost > (MAX_PIXELS, MAX_CROSSINGS)).any():
            yield batch
            batch, spent = [], np.zeros(2)
        batch.append(one)
        spent += cost
    if batch:
        yield batch


def _cost(one: tuple[int, list[np.ndarray]], size: np.ndarray) -> np.ndarray:
    """(pixels of the box round the contours of a slice, crossings of their edges with rows)."""
    starts, ends, _, _ = _edges([one])
    low, high = np.clip([starts.min(0), starts.max(0)], -1, size)
    rows, next_rows = np.clip([starts[:, 0], ends[:, 0]], -1, size[0])
    return np.array([np.prod(high - low + 2), np.abs(next_rows - rows).sum()])


def _filled(slices: Sequence[tuple[int, list[np.ndarray]]], size: np.ndarray) -> Iterator[Section]:
    """The same of some slices.

    The boxes of all lie one behind the other in one long array, a pixel wider than needed: what
    is toggled there ends each row as it began, so that one running sum serves all.
    """
    starts, ends, owner, first = _edges(slices)
    low, high = np.minimum.reduceat(starts, first), np.maximum.reduceat(starts, first)
    top_left = np.clip(np.ceil(low), 0, size).astype(int)
    bottom_right = np.clip(np.floor(high), -1, size - 1).astype(int)
    heights, widths = np.maximum(bottom_right - top_left + 1, 0).T
    widths = widths + 1
    offsets = np.cumsum([0, *heights * widths])
    edge, rows, columns = _crossings(starts, ends, top_left[owner, 0], heights[owner])
    box = owner[edge]
    columns = np.clip(np.ceil(columns) - top_left[box, 1], 0, widths[box] - 1).astype(int)
    toggled = offsets[box] + (rows - top_left[box, 0]) * widths[box] + columns
    counts = np.zeros(offsets[-1], np.uint8)
    np.add.at(counts, toggled, np.uint8(1))
    inside = (np.cumsum(counts, dtype=np.uint8) & 1).view(bool)
    for (index, _), where, span, width in zip(
        slices, top_left.tolist(), pairwise(offsets.tolist()), widths.tolist()
    ):
        mask = inside[slice(*span)].reshape(-1, width)[:, :-1]
        if mask.any():
            yield Section(index, where[0], where[1], mask)


def _edges(
    slices: Sequence[tuple[int, list[np.ndarray]]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The edges of contours: (their starts, their ends, which slice they are of, its first)."""
    contours = [contour for _, several in slices for contour in several]
    lengths = np.array([len(contour) for contour in contours])
    starts = np.concatenate(contours)
    behind = np.cumsum(lengths)
    ends = np.roll(starts, -1, axis=0)
    ends[behind - 1] = starts[behind - lengths]
    counts = np.array([sum(map(len, several)) for _, several in slices])
    return starts, ends, np.repeat(np.arange(len(slices)), counts), np.cumsum(counts) - counts


def _crossings(
    starts: np.ndarray, ends: np.ndarray, tops: np.ndarray, heights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(edge, row, column) of every place where an edge crosses the centres of a row, (m,) each.

    An edge has its upper end and not its lower one.
    """
    swapped = starts[:, :1] > ends[:, :1]
    upper, lower = np.where(swapped, ends, starts), np.where(swapped, starts, ends)
    first = np.clip(np.ceil(upper[:, 0]), tops, tops + heights).astype(int)
    counts = np.clip(np.ceil(lower[:, 0]), tops, tops + heights).astype(int) - first
    edge = np.repeat(np.arange(len(counts)), counts)
    rows = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    (row, column), (last_row, last_column) = upper[edge].T, lower[edge].T
    return edge, rows, column + (rows - row) / (last_row - row) * (last_column - column)
