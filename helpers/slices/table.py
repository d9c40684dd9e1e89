"""Where does every image belong? One row per image, in its stack and in its place there."""

from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import require_type
from helpers.files import natural_ranks
from helpers.geometry.grids import REGULAR_GAP, begins, new_position, segment_medians
from helpers.slices.arrays import Arrays
from helpers.slices.cells import Cells, cells_of
from helpers.slices.cuts import Cell, parts_of
from helpers.slices.elements import CLOCKS, MEANING, TIMES, seconds, with_private_diffusion
from helpers.slices.frame_rows import frame_rows
from helpers.slices.kinds import CINE, KINDS, ON_A_GRID, VOLUME

NO_UID = "no SeriesInstanceUID"  # stands in the index where a series has none
SEGMENT = "ReferencedSegmentNumber"
LEVELS = ["SeriesInstanceUID", "stack", "path", "frame"]
OWN_COLUMNS = [
    *("position_mm", "repeated", "order_grade", "kind", "group", "split_keyword", "split_value"),
]
MAX_COPIED_ROWS = 100_000  # of larger tables no column is held twice
TIE_BREAKERS = ("TemporalPositionIdentifier", "AcquisitionNumber")  # the weakest first


class Stacks(NamedTuple):
    """Of every image (n,): its stack, and what tells that from its sister stacks."""

    stack: np.ndarray  # int, a number of its own for every stack of the table
    kind: np.ndarray
    along: np.ndarray  # mm; of Slice Location for grade B; NaN without
    by_position: np.ndarray  # bool, whether it lies in order of `along`
    by_location: np.ndarray  # bool, whether `along` is Slice Location
    split: dict[int, tuple[Any, Any]]  # stack → (keyword, value), where it was cut


def slice_table(
    headers: pd.DataFrame, *, executor: Executor | None = None, progress: bool | None = None
) -> pd.DataFrame:
    """One row per image: its stack, and its place in it.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    executor : concurrent.futures.Executor, or None
        Opens multi-frame files again for what each frame says; None opens them here.
    progress : bool or None
        Whether to show a progress bar; None shows it for many multi-frame files.

    Returns
    -------
    DataFrame, index levels ``SeriesInstanceUID, stack, path, frame`` (frame from 0; a missing UID
        is a text that says so), sorted by UID and stack: ``slices.loc[(series, stack)]`` is a
        stack in spatial order, along ``+cross(row cosines, column cosines)``, with the index
        ``path, frame``. Stacks of a series count from 0, the largest first.

    The columns are those of `headers`, for every frame of a multi-frame object too
    (``DiffusionBValue`` and ``DiffusionGradientOrientation`` also where vendors give them in
    private elements), and

    - ``position_mm``, along the normal (Slice Location for order grade B; missing for C and D)
    - ``repeated``, whether an earlier image of the stack has the same position, or is the same
      object stored twice
    - ``order_grade``: A by position; B by Slice Location, a guess; C by time, Instance Number or
      frame; D by file name
    - ``kind``: volume, cine, projection, picture, slide, dose or segmentation
    - ``group``, of stacks in a series that lie alike; ``split_keyword`` and ``split_value``, what
      tells them apart: a keyword and a number or text, or None
    - ``error``: None, or why an image cannot be used

    Without any image it is empty, with its columns.

    References
    ----------
    PS3.3 C.7.6.2.1.1 (position, orientation), C.7.6.16.2 (functional groups), C.7.6.2.1.2 (Slice
    Location is measured from no known point)
    """
    require_type(headers, pd.DataFrame, "of header_table")
    table = with_private_diffusion(frame_rows(headers, executor=executor, progress=progress))
    series, uids, missing = _series_of(table)
    paths, names = pd.factorize(table.index, sort=True)
    frames = table["frame"].to_numpy()
    base = np.lexsort((frames, paths, series))
    arrays = Arrays(table, base)
    series, paths, frames, missing = series[base], paths[base], frames[base], missing[base]
    cells = cells_of(arrays, series, paths, missing)
    found = _stacks(arrays, cells, frames)
    grade = _grades(arrays, found, paths)
    order, numbers, group = _order(arrays, found, cells, grade, frames)
    repeated = _repeated(arrays, found, cells, order, frames)
    index = pd.MultiIndex(
        levels=[uids, _levels(numbers), pd.Index(names, dtype=object), _levels(frames)],
        codes=[series[order], numbers[order], paths[order], frames[order]],
        names=LEVELS,
        verify_integrity=False,
    )
    keywords, values = _splits(found)
    own = {
        "position_mm": found.along[order],
        "repeated": repeated,
        "order_grade": np.array(["A", "B", "C", "D"], object)[grade[order]],
        "kind": np.array(KINDS, object)[found.kind[order]],
        "group": group[order],
        "split_keyword": keywords[order],
        "split_value": values[order],
    }
    return _taken(table, base[order], index, own)


def _series_of(table):
    """(number of the series of each row, the UIDs, which rows have none)"""
    given = table.reindex(columns=["SeriesInstanceUID"])["SeriesInstanceUID"]
    codes, distinct = pd.factorize(given)
    texts = np.array([*map(str, distinct), NO_UID], object)  # number -1 is the last
    uids, numbers = np.unique(texts, return_inverse=True)
    used, numbers = np.unique(numbers[codes], return_inverse=True)
    return numbers, pd.Index(uids[used], dtype=object), codes < 0


def _taken(
    table: pd.DataFrame, rows: np.ndarray, index: pd.MultiIndex, own: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Rows of the table, with columns of their own; in one piece where that costs little memory."""
    in_index = {"SeriesInstanceUID", "frame"}
    arrays = {
        name: column.to_numpy()[rows] for name, column in table.items() if name not in in_index
    }
    columns = {name: pd.Series(one, index, one.dtype) for name, one in (arrays | own).items()}
    return pd.DataFrame(columns, index, copy=len(rows) <= MAX_COPIED_ROWS)


def _levels(frames):
    return np.arange(frames.max(initial=-1) + 1)


# which images are a stack


def _stacks(arrays: Arrays, cells: Cells, frames: np.ndarray) -> Stacks:
    """The `Stacks` that the cells hold."""
    along, by_location = _with_locations(arrays, cells)
    on_grid = np.isfinite(along) & np.isin(cells.kind, ON_A_GRID)
    copies = copies_of(arrays, cells.cell, along, frames)
    kind, by_position = cells.kind.copy(), on_grid.copy()
    stack, split = _segments(arrays, cells)
    count = int(stack.max(initial=-1)) + 1
    for rows in _stacks_to_look_at(arrays, stack, cells, along, on_grid & ~copies):
        cell = Cell(arrays, rows, along[rows], cells.tolerance[rows[0]])
        one = stack[rows[0]]
        if len(cell.positions) == 1 and kind[rows[0]] == VOLUME:
            whole = stack == one
            kind[whole], by_position[whole] = CINE, False
            continue
        for part in parts_of(cell):
            if part.keyword is not None:
                stack[part.rows], split[count] = count, (part.keyword, part.value)
                count += 1
    _follow_originals(stack, arrays, cells, along, frames, copies)
    return Stacks(stack, kind, along, by_position, by_location, split)


def _segments(arrays, cells):
    """(a number for each image's stack, {stack: (keyword, segment)} where a cell has several)"""
    stack, split = cells.cell.copy(), {}
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
    location = np.where(wanted, arrays.numbers("SliceLocation"), np.nan)
    count = int(cells.cell.max()) + 1
    complete = np.bincount(cells.cell, ~np.isfinite(location), count) == 0
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, cells.cell, np.nan_to_num(location))
    np.maximum.at(high, cells.cell, np.nan_to_num(location))
    tells = complete & ((high > low) | (np.bincount(cells.cell, minlength=count) == 1))
    by_location = wanted & tells[cells.cell]
    return np.where(by_location, location, along), by_location


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


def _same_object(arrays, cell, along, frames):
    """A table that has equal rows where one object is stored twice: UID, frame and place.

    A UID that stands at several places is no identifier: then the numbers must be equal too.
    """
    uid, number = arrays.codes("SOPInstanceUID"), arrays.codes("InstanceNumber")
    table = pd.DataFrame({"uid": uid, "frame": frames, "cell": cell, "along": along})
    places = table.drop_duplicates()
    unsure = places[places.duplicated(["uid", "frame"], keep=False)]["uid"].unique()
    return table.assign(number=np.where(np.isin(uid, unsure), number, -1))


def copies_of(
    arrays: Arrays, cell: np.ndarray, along: np.ndarray, frames: np.ndarray
) -> np.ndarray:
    """Which images (n,) are the same object as an earlier one."""
    uid = arrays.codes("SOPInstanceUID")
    if len(np.unique(uid)) == len(uid):
        return np.zeros(len(uid), bool)
    return _same_object(arrays, cell, along, frames).duplicated().to_numpy() & (uid >= 0)


def _follow_originals(stack, arrays, cells, along, frames, copies):
    """Puts copies into the stacks of what they are copies of."""
    if copies.any():
        keys = _same_object(arrays, cells.cell, along, frames)
        of = keys.groupby(list(keys), dropna=False, sort=False).ngroup().to_numpy()
        first = np.zeros(of.max() + 1, int)
        first[of[~copies]] = stack[~copies]
        stack[copies] = first[of[copies]]


# in which order


def _grades(arrays: Arrays, found: Stacks, paths: np.ndarray) -> np.ndarray:
    """The order grade of each image (n,): 0 for A, 1 for B, 2 for C, 3 for D."""
    count = int(found.stack.max(initial=-1)) + 1
    number = arrays.numbers("InstanceNumber")
    order = np.lexsort((number, found.stack))
    same = (np.diff(found.stack[order]) == 0) & ~(np.diff(number[order]) != 0)
    ties = np.bincount(found.stack[order][1:][same], minlength=count)
    unknown = np.bincount(found.stack, ~np.isfinite(number), count)
    of_files = pd.DataFrame({"stack": found.stack, "path": paths}).drop_duplicates()["stack"]
    files = np.bincount(of_files, minlength=count)
    numbered = ((ties == 0) & (unknown == 0)) | (files == 1)
    by_number = np.where(numbered, 2, 3)[found.stack]
    return np.where(found.by_position, np.where(found.by_location, 1, 0), by_number)


def _order(arrays, found, cells, grade, frames):
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
    pairs = pd.DataFrame({"stack": found.stack, "place": place}).drop_duplicates()["stack"]
    return np.bincount(pairs, minlength=int(found.stack.max(initial=-1)) + 1)


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
        names[rows] = natural_ranks([arrays.path(row) for row in rows])
        keys.append(names)
    number = np.where(grade == 3, 0, arrays.numbers("InstanceNumber"))
    keys += [frames, number, *_position_keys(arrays, found)]
    if (cine := (found.kind == CINE) & (grade >= 2)).any():
        clocks = [seconds(arrays, keyword) for keyword in CLOCKS]
        times = [arrays.numbers(keyword) for keyword in TIMES]
        keys += [_where_complete(own, cine, found.stack) for own in [*clocks[::-1], *times[::-1]]]
    return keys


def _position_keys(arrays, found):
    """Keys that order images of one position before their numbers do."""
    return [np.where(found.by_position, arrays.numbers(word), 0) for word in TIE_BREAKERS]


def _where_complete(values, wanted, stack):
    """Values (n,) in wanted stacks that have one for every image; else 0."""
    missing = np.bincount(stack, ~np.isfinite(values) | ~wanted, int(stack.max()) + 1)
    return np.where(missing[stack] == 0, values, 0.0)


def _repeated(arrays, found, cells, order, frames):
    """Which images, in order, lie where an earlier one of their stack does, or are its copy."""
    place, stack = _places(found, cells)[order], found.stack[order]
    again = ~begins(stack, place) & found.by_position[order]
    in_order = Arrays(arrays.table, arrays.order[order])
    return again | copies_of(in_order, stack, found.along[order], frames[order])


def _splits(found):
    """(keyword, value) of every image's stack, as object arrays (n,)."""
    keywords = np.full(int(found.stack.max(initial=-1)) + 1, None, object)
    values = keywords.copy()
    for stack, (keyword, value) in found.split.items():
        keywords[stack], values[stack] = keyword, value
    return keywords[found.stack], values[found.stack]
