"""In which order do the images of a stack lie, and the stacks of a series?"""

import numpy as np

from helpers.files.names import natural_ranks
from helpers.geometry.grids import begins, distinct_counts, new_position
from helpers.slices.arrays import Arrays
from helpers.slices.assignment import Stacks
from helpers.slices.cells import Cells
from helpers.slices.elements import CLOCKS, TIMES, seconds
from helpers.slices.kinds import IN_TIME, VOLUME

IN_STACK = ("InStackPositionNumber", "TemporalPositionIndex")  # of frames, the weakest first
TIME_POINTS = ("TemporalPositionIdentifier", "TemporalPositionIndex")
TIE_BREAKERS = ("TemporalPositionIdentifier", "AcquisitionNumber")  # the weakest first


def order_grades(arrays: Arrays, found: Stacks, paths: np.ndarray) -> np.ndarray:
    """The order grade of each image (n,): 0 for A, 1 for B, 2 for C, 3 for D."""
    count = int(found.stack.max(initial=-1)) + 1
    number = arrays.numbers("InstanceNumber")
    order = np.lexsort((number, found.stack))
    same = (np.diff(found.stack[order]) == 0) & ~(np.diff(number[order]) != 0)
    ties = np.bincount(found.stack[order][1:][same], minlength=count)
    unknown = np.bincount(found.stack, ~np.isfinite(number), count)
    files = distinct_counts(found.stack, paths, count)
    numbered = ((ties == 0) & (unknown == 0)) | (files == 1)
    by_number = np.where(numbered, 2, 3)[found.stack]
    return np.where(found.by_position, np.where(found.by_location, 1, 0), by_number)


def in_order(
    arrays: Arrays, found: Stacks, cells: Cells, grade: np.ndarray, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(the rows in order, the number of each row's stack in its series, of its group)"""
    stack = found.stack
    size = _sizes(found, cells)
    largest = np.zeros(int(cells.cell.max(initial=-1)) + 1, int)
    np.maximum.at(largest, cells.cell, size[stack])
    first = np.full(len(size), len(stack))
    np.minimum.at(first, stack, np.arange(len(stack)))
    first_of_cell = np.full(len(largest), len(stack))
    np.minimum.at(first_of_cell, cells.cell, np.arange(len(stack)))
    place = _places(found, cells)
    keys = [
        *(np.arange(len(stack)), *_later_keys(arrays, found, grade, frames), place, stack),
        *(first_of_cell[cells.cell], -largest[cells.cell], cells.series),
    ]
    order = np.lexsort(keys)
    new_series = begins(cells.series[order])
    new_cell = begins(cells.cell[order], cells.series[order])
    new_stack = begins(stack[order])
    numbers, group = np.empty(len(stack), int), np.empty(len(stack), int)
    numbers[order] = _counted(new_stack, new_series)
    group[order] = _counted(new_cell, new_series)
    return order, numbers, group


def _sizes(found, cells):
    """Positions of each stack; images, where none has a position."""
    place = np.where(found.by_position, _places(found, cells), np.arange(len(found.stack)))
    return distinct_counts(found.stack, place, int(found.stack.max(initial=-1)) + 1)


def _places(found: Stacks, cells: Cells) -> np.ndarray:
    """The number of each image's position among those of its stack (n,); 0 without."""
    place = np.zeros(len(found.stack), int)
    rows = np.flatnonzero(found.by_position)
    if len(rows):
        rows = rows[np.lexsort((found.along[rows], found.stack[rows]))]
        first = begins(found.stack[rows])
        new = new_position(found.along[rows], first, cells.tolerance[rows])
        place[rows] = _counted(new, first)
    return place


def _counted(new, first):
    """Numbers (n,) that count from 0 what is new, from each first row on."""
    total = np.cumsum(new)
    starts = np.flatnonzero(first)
    return total - total[starts][np.cumsum(first) - 1] if len(total) else total


def _later_keys(arrays: Arrays, found: Stacks, grade: np.ndarray, frames: np.ndarray) -> list:
    """Keys (n,) that order images of one position, or without one; the weakest first."""
    keys: list[np.ndarray] = []
    if (grade == 3).any():
        names, rows = np.zeros(len(frames), int), np.flatnonzero(grade == 3)
        names[rows] = natural_ranks([arrays.path(int(row)) for row in rows])
        keys.append(names)
    number = np.where(grade == 3, 0, arrays.numbers("InstanceNumber"))
    keys += [frames, number, *_position_keys(arrays, found)]
    unplaced = (found.kind == VOLUME) & (grade >= 2)
    if unplaced.any():
        in_stack = [arrays.numbers(keyword) for keyword in IN_STACK]
        keys += [_where_complete(own, unplaced, found.stack) for own in in_stack]
    if (cine := np.isin(found.kind, IN_TIME) & (grade >= 2)).any():
        clocks = [seconds(arrays, keyword) for keyword in CLOCKS]
        times = [arrays.numbers(keyword) for keyword in (*TIMES, *TIME_POINTS)]
        keys += [_where_complete(own, cine, found.stack) for own in [*clocks[::-1], *times[::-1]]]
    return keys


def _position_keys(arrays, found):
    """Keys that order images of one position before their numbers do."""
    return [np.where(found.by_position, arrays.numbers(word), 0) for word in TIE_BREAKERS]


def _where_complete(values, wanted, stack):
    """Values (n,) in wanted stacks that have one for every image; else 0."""
    missing = np.bincount(stack, ~np.isfinite(values) | ~wanted, int(stack.max()) + 1)
    return np.where(missing[stack] == 0, values, 0.0)


def repeated_in_order(found: Stacks, cells: Cells, order: np.ndarray) -> np.ndarray:
    """Which images, in order, lie where an earlier one of their stack does, or are its copy."""
    place, stack = _places(found, cells)[order], found.stack[order]
    again = ~begins(stack, place) & found.by_position[order]
    copies = np.ones(len(order), bool)
    copies[np.unique(found.original[order], return_index=True)[1]] = False
    return again | copies
