"""Which stack does every image belong to? Cells, cut where headers say why."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.geometry.grids import (
    REGULAR_GAP,
    begins,
    new_position,
    segment_medians,
    unit_normals,
)
from helpers.slices.arrays import Arrays
from helpers.slices.cells import Cells
from helpers.slices.cuts import Cell, parts_of
from helpers.slices.elements import CLOCKS, MEANING, TIMES
from helpers.slices.kinds import CINE, ON_A_GRID, PICTURE, VOLUME, is_capture

VOLUME_POSITION = "ImagePositionVolume"  # of ultrasound volumes
SEGMENT = "ReferencedSegmentNumber"
MANY_NUMBERS = 3  # Instance Numbers of one UID from which on it is no identifier


class Stacks(NamedTuple):
    """Of every image (n,): its stack, and what tells that from its sister stacks."""

    stack: np.ndarray  # int, a number of its own for every stack of the table
    kind: np.ndarray
    along: np.ndarray  # mm; of Slice Location for grade B; NaN without
    by_position: np.ndarray  # bool, whether it lies in order of `along`
    by_location: np.ndarray  # bool, whether `along` is Slice Location, or in a volume's own frame
    original: np.ndarray  # the first row that holds the same object; its own for most
    split: dict[int, tuple[Any, Any]]  # stack → (keyword, value), where it was cut


def stacks_of(
    arrays: Arrays, cells: Cells, frames: np.ndarray, elsewhere: Collection[str] = ()
) -> Stacks:
    """The `Stacks` that the cells hold; `elsewhere` as of `originals_of`."""
    along, by_location = _with_locations(arrays, cells)
    on_grid = np.isfinite(along) & np.isin(cells.kind, ON_A_GRID)
    original = originals_of(arrays, cells.cell, along, frames, elsewhere)
    copies = original < np.arange(len(original))
    kind, by_position, captures = cells.kind.copy(), on_grid.copy(), is_capture(arrays)
    stack, split = _segments(arrays, cells)
    count = int(stack.max(initial=-1)) + 1
    for rows in _stacks_to_look_at(arrays, stack, cells, along, on_grid & ~copies):
        cell = Cell(arrays, rows, along[rows], cells.tolerance[rows[0]])
        one = stack[rows[0]]
        if len(cell.positions) == 1 and kind[rows[0]] == VOLUME:
            whole = stack == one
            kind[whole], by_position[whole] = np.where(captures[whole], PICTURE, CINE), False
        for part in parts_of(cell):
            if part.keyword is not None:
                stack[part.rows], split[count] = count, (part.keyword, part.value)
                count += 1
    return Stacks(stack[original], kind, along, by_position, by_location, original, split)


def _segments(arrays: Arrays, cells: Cells) -> tuple[np.ndarray, dict[int, tuple[Any, Any]]]:
    """(a number for each image's stack, {stack: (keyword, segment)} where a cell has several)"""
    stack, split = cells.cell.copy(), dict[int, tuple[Any, Any]]()
    segment = arrays.codes(SEGMENT)
    if segment.max(initial=-1) < 1:
        return stack, split
    pairs = pd.DataFrame({"cell": stack, "segment": arrays.numbers(SEGMENT)})
    stack = pairs.groupby(["cell", "segment"], dropna=False).ngroup().to_numpy(copy=True)
    first = pairs[~pd.Series(stack).duplicated().to_numpy()]
    several = first[first["cell"].duplicated(keep=False)].dropna()
    for row, number in several["segment"].items():
        split[int(stack[row])] = (SEGMENT, int(number))
    return stack, split


def _with_locations(arrays, cells):
    """(place of each image in mm, whether that is Slice Location for want of a position)"""
    along, wanted = cells.along, ~np.isfinite(cells.along) & (cells.kind == VOLUME)
    if not wanted.any():
        return along, wanted
    location = np.where(wanted, _locations(arrays), np.nan)
    count = int(cells.cell.max()) + 1
    complete = np.bincount(cells.cell, ~np.isfinite(location), count) == 0
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, cells.cell, np.nan_to_num(location))
    np.maximum.at(high, cells.cell, np.nan_to_num(location))
    tells = complete & ((high > low) | (np.bincount(cells.cell, minlength=count) == 1))
    by_location = wanted & tells[cells.cell]
    return np.where(by_location, location, along), by_location


def _locations(arrays):
    """mm along a normal that is not known in the patient (n,): in a volume's own frame, else the
    Slice Location (PS3.3 C.7.6.16.2.20, C.7.6.2.1.2)."""
    location = arrays.numbers("SliceLocation")
    if VOLUME_POSITION not in arrays.table:
        return location
    normals = unit_normals(arrays.vectors("ImageOrientationVolume", 6))
    own = np.einsum("ij,ij->i", arrays.vectors(VOLUME_POSITION, 3), normals)
    return np.where(np.isfinite(own), own, location)


def _stacks_to_look_at(arrays, stack, cells, along, wanted):
    """The rows of every stack whose grid is not even, has a position twice, or mixes meanings."""
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return
    rows = rows[np.lexsort((along[rows], stack[rows]))]
    first = begins(stack[rows])
    starts, segment = np.flatnonzero(first), np.cumsum(first) - 1
    new = new_position(along[rows], first, cells.tolerance[rows])
    gaps = np.where(first, np.nan, np.diff(along[rows], prepend=0))
    median = segment_medians(gaps, segment, len(starts))
    with np.errstate(invalid="ignore"):
        odd = ~new | (np.abs(gaps - median[segment]) > REGULAR_GAP * median[segment])
    for keyword in [*MEANING, *TIMES]:
        codes = arrays.codes(keyword)
        if codes.min() != codes.max():
            own = codes[rows]
            varies = np.minimum.reduceat(own, starts) != np.maximum.reduceat(own, starts)
            odd |= varies[segment]
    chosen = np.flatnonzero(np.add.reduceat(odd, starts))
    ends = np.r_[starts[1:], len(rows)]
    for one in chosen:
        yield np.sort(rows[starts[one] : ends[one]])


def originals_of(
    arrays: Arrays,
    cell: np.ndarray,
    along: np.ndarray,
    frames: np.ndarray,
    elsewhere: Collection[str] = (),
) -> np.ndarray:
    """The first row (n,) that holds the same object: UID, frame and place; its own for most.

    A UID that stands at several places, or for many numbers, is no identifier: then the numbers
    must be equal too. What has another meaning or time is another object, whichever UID it has.

    Parameters
    ----------
    elsewhere : UIDs that stand at other places too, in files that are not among these
    """
    found, uid = np.arange(len(cell)), arrays.codes("SOPInstanceUID")
    keys = uid * (int(frames.max(initial=0)) + 1) + frames
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    rows = np.flatnonzero((counts[inverse] > 1) & (uid >= 0))
    if not len(rows):
        return found
    said = [arrays.codes(keyword)[rows] for keyword in (*MEANING, *TIMES, *CLOCKS)]
    said = [own for own in said if own.min() != own.max()]
    places = np.c_[keys[rows], cell[rows], np.nan_to_num(along[rows], nan=-np.inf)]
    if said:
        places = np.c_[places, np.stack(said, axis=1)]
    number = arrays.codes("InstanceNumber")[rows]
    unsure = _with_many(keys[rows], places, 2) | _with_many(keys[rows], number, MANY_NUMBERS)
    if elsewhere:
        unsure |= np.isin(arrays.values("SOPInstanceUID", rows).astype(str), [*elsewhere])
    numbers = np.where(unsure, number, -1)
    _, first, same = np.unique(
        np.c_[places, numbers], axis=0, return_index=True, return_inverse=True
    )
    found[rows] = rows[first[same.reshape(-1)]]
    return found


def _with_many(keys, values, many):
    """Which rows (m,) have a key that stands for so many distinct values (m,) or (m, k)."""
    distinct = np.unique(np.c_[keys, values], axis=0)[:, 0]
    found, counts = np.unique(distinct, return_counts=True)
    return np.isin(keys, found[counts >= many])
