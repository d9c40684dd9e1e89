"""Which images of one cell belong to one stack? Cut where headers say why, and only there.

A cell holds the images of a series that lie alike (`helpers.slices.cells`). An even grid is one
stack. Positions that repeat are cut by what the headers say tells the repetitions apart: meaning
before bookkeeping, one element before several, at last the clock or the Instance Number.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from helpers.files.names import natural_ranks
from helpers.geometry.grids import is_even, typical_gap
from helpers.slices.elements import BOOKKEEPING, CLOCKS, COMPONENTS, MEANING, TIMES, seconds
from helpers.slices.parts import (
    DIMENSIONS,
    FILE_NAME,
    FRAME,
    GUESS,
    Cell,
    Part,
    Way,
    inside,
    named_parts,
)
from helpers.slices.repetitions import are_separate, ranks_in_position

RANKED = (*TIMES, "InversionTime")  # that may differ a little from slice to slice
MIN_POSITIONS = 3  # of a part; what has fewer stays with the largest, as repeated
MOST_POSITIONS = 2 / 3  # share of a few positions that is as good as three
NEAR_EXTENT = 0.5  # share of the extent of all that a part spans
NEARLY_SAME_EXTENT = 0.75  # the same, of parts that lie between each other's slices
MIN_BLOCK_GAP = 2.2  # spacings between blocks of slices: more than where one slice lacks
MAX_LEFT_OVER = 0.2  # share of the images that may stay with the largest part


def parts_of(cell: Cell) -> list[Part]:
    """The stacks that a cell holds, in the order of what tells them apart."""
    if len(cell.positions) == 1:
        return _views(cell)
    if cell.repeats:
        return _told_apart(cell)
    even = is_even(cell.positions)
    way = _between_each_other(cell, (*MEANING, *TIMES, *(() if even else BOOKKEEPING)), even)
    if way is None and not even:
        way = _runs_in_time(cell)
    return [Part(cell.rows)] if way is None else _parts_of_each(cell, way)


def _parts_of_each(cell: Cell, way: Way) -> list[Part]:
    return [
        inside(own, part)
        for own in named_parts(cell, way)
        for part in parts_of(cell.take(np.isin(cell.rows, own.rows)))
    ]


# one position, many times


def _views(cell: Cell) -> list[Part]:
    """Images of one position: all over time, but for components that come equally often."""
    for keyword, values in cell.varying(COMPONENTS).items():
        counts = np.bincount(labels := _joint([values]))
        if counts.min() >= MIN_POSITIONS and np.ptp(counts) == 0:
            return _parts_of_each(cell, Way(labels, (keyword,)))
    return [Part(cell.rows)]


# positions that repeat


def _told_apart(cell: Cell) -> list[Part]:
    """Parts in which no position comes twice, as far as something tells the repetitions apart."""
    values = cell.varying([*MEANING, *TIMES])
    way = _fewest_elements(cell, values) or _most_elements(cell, values)
    if way is None:
        way = _by_time_or_number(cell)
        return [Part(cell.rows)] if way is None else named_parts(cell, way)
    parts = []
    for part in named_parts(cell, way):
        own = cell.take(np.isin(cell.rows, part.rows))
        tie = _by_time_or_number(own) if own.repeats and not _has_left_over(way) else None
        parts += [part] if tie is None else [
            inside(part, one) for one in named_parts(own, tie)
        ]  # fmt: skip
    return parts


def _fewest_elements(cell: Cell, values: dict[str, np.ndarray]) -> Way | None:
    """The way with the fewest elements, then parts, that leaves no position twice in one."""
    for near in (True, False):
        for size in (1, 2):
            ways = _valid(cell, _joint_ways(values, size), near)
            if ways:
                pure = [way for way in ways if _is_pure(cell, way, values)]
                return min(pure or ways, key=lambda way: way.labels.max())
    way = _most_elements(cell, values)
    return way if way is not None and _is_valid(cell, way.labels, near=True) else None


def _joint_ways(values, size) -> Iterator[Way]:
    for keywords in itertools.combinations(values, size):
        yield Way(_joint([values[keyword] for keyword in keywords]), keywords)


def _valid(cell, ways, near):
    """The ways whose parts have each position once, what is small left over."""
    found = [way._replace(labels=_without_small(cell, way.labels)) for way in ways]
    return [way for way in found if _is_valid(cell, way.labels, near)]


def _most_elements(cell: Cell, values: dict[str, np.ndarray]) -> Way | None:
    """The elements that each tell more repetitions apart, in parts near the extent of all."""
    keywords: list[str] = []
    labels = np.zeros(len(cell.rows), int)
    for keyword, own in values.items():
        joint = _without_small(cell, _joint([labels, own]))
        fewer = _repetitions(cell, joint) < _repetitions(cell, labels)
        if fewer and _are_near(cell, joint) and (joint < 0).sum() == 0:
            labels, keywords = joint, [*keywords, keyword]
    for keyword in keywords[:-1] if len(keywords) > 1 else ():
        rest = [one for one in keywords if one != keyword]
        joint = _joint([values[one] for one in rest])
        if _repetitions(cell, joint) == _repetitions(cell, labels):
            labels, keywords = joint, rest
    return Way(labels, tuple(keywords)) if keywords else None


def _by_time_or_number(cell: Cell) -> Way | None:
    """What tells repetitions apart that have one meaning: bookkeeping, the clock, numbers."""
    times = {keyword: cell.arrays.numbers(keyword)[cell.rows] for keyword in RANKED}
    ranked = {keyword: _ranked(cell, values, keyword) for keyword, values in times.items()}
    separate = [
        way for way in ranked.values() if way and are_separate(way.labels, times[way.keywords[0]])
    ]
    if separate:
        return separate[0]
    values = cell.varying(BOOKKEEPING)
    for near in (True, False):
        for size in (1, 2):
            if ways := _valid(cell, _joint_ways(values, size), near):
                return min(ways, key=lambda way: way.labels.max())
    if ways := [ranked[keyword] for keyword in TIMES if ranked[keyword]]:
        return ways[0]
    for keyword in CLOCKS:
        if way := _ranked(cell, _clock(cell, keyword), keyword):
            return way
    return _ranked(cell, _dimensions(cell), DIMENSIONS) or _by_guess(cell)


def _dimensions(cell):
    """The rank (m,) of each frame's Dimension Index Values; NaN where they are not known."""
    first = cell.arrays.values(DIMENSIONS, cell.rows[:1])[0]
    length = len(first) if isinstance(first, tuple) else 0
    indices = cell.arrays.vectors(DIMENSIONS, length)[cell.rows]
    if not length or not np.isfinite(indices).all():
        return np.full(len(indices), np.nan)
    return np.unique(indices, axis=0, return_inverse=True)[1].reshape(-1).astype(float)


def _by_guess(cell: Cell) -> Way | None:
    """Images numbered within their position by Instance Number, else by file name and frame."""
    if way := _ranked(cell, cell.arrays.numbers(GUESS)[cell.rows], GUESS):
        return way
    paths = [cell.arrays.path(row) for row in cell.rows]
    keyword = FILE_NAME if len({*paths}) > 1 else FRAME
    return _ranked(cell, natural_ranks(paths).astype(float), keyword)


def _clock(cell, keyword):
    return seconds(cell.arrays, keyword)[cell.rows]


def _ranked(cell: Cell, values: np.ndarray, keyword: str) -> Way | None:
    """Images numbered within their position by rising values."""
    labels = ranks_in_position(cell.place, values)
    if labels is None:
        return None
    labels = _without_small(cell, labels)
    return Way(labels, (keyword,)) if _is_valid(cell, labels, near=False) else None


# positions that do not repeat


def _between_each_other(cell: Cell, keywords: Sequence[str], even: bool) -> Way | None:
    """The first element whose parts are even grids, over nearly one extent or far apart."""
    for keyword, values in cell.varying(keywords).items():
        labels = _joint([values])
        parts = [np.sort(cell.along[labels == label]) for label in range(labels.max() + 1)]
        fits = all(_lies_between(cell, part, len(parts), even) for part in parts)
        if len(parts) > 1 and (fits or (not even and _are_blocks(parts))):
            return Way(labels, (keyword,))
    return None


def _lies_between(cell, part, count, even):
    """Whether positions are an even grid over nearly the extent of the cell."""
    if len(part) < (2 if even else MIN_POSITIONS) or not is_even(part):
        return False
    extent = part[-1] - part[0]
    if not even:
        return extent >= NEAR_EXTENT * cell.extent
    lost = (count + 0.5) * typical_gap(np.diff(cell.positions))
    return extent >= min(NEARLY_SAME_EXTENT * cell.extent, max(cell.extent - lost, 0.5 * lost))


def _are_blocks(parts: Sequence[np.ndarray]) -> bool:
    """Whether rising positions (k,) of each part are an even grid, and far from all others."""
    if any(len(part) < MIN_POSITIONS or not is_even(part) for part in parts):
        return False
    ordered = sorted(parts, key=lambda part: part[0])
    spacings = [typical_gap(np.diff(part)) for part in ordered]
    return all(
        after[0] - before[-1] > MIN_BLOCK_GAP * max(two)
        for (before, after), two in zip(itertools.pairwise(ordered), itertools.pairwise(spacings))
    )


def _runs_in_time(cell: Cell) -> Way | None:
    """Runs of a clock, else of Instance Numbers, each an even grid."""
    for keyword in CLOCKS:
        if way := _runs(cell, _clock(cell, keyword), keyword):
            return way
    return _runs(cell, cell.arrays.numbers(GUESS)[cell.rows], GUESS)


def _runs(cell: Cell, number: np.ndarray, keyword: str) -> Way | None:
    """Runs of rising numbers (m,) in which the position moves one way, each an even grid."""
    if not np.isfinite(number).all() or len(np.unique(number)) < len(number):
        return None
    order = np.argsort(number)
    steps = np.sign(np.diff(cell.along[order]))
    main = 1 if (steps > 0).sum() >= (steps < 0).sum() else -1
    labels = np.empty(len(number), int)
    labels[order] = np.r_[0, np.cumsum(steps == -main)]
    parts = [np.sort(cell.along[labels == label]) for label in range(labels.max() + 1)]
    fits = all(_lies_between(cell, part, len(parts), even=False) for part in parts)
    return Way(labels, (keyword,)) if len(parts) > 1 and fits else None


# what a way does


def _joint(values: Sequence[np.ndarray]) -> np.ndarray:
    """A number (m,) from 0 for the values of several elements together, in their order."""
    joint = np.zeros(len(values[0]), int)
    for own in values:
        joint = np.unique(joint * (int(own.max()) + 2) + own + 1, return_inverse=True)[1]
    return joint


def _repetitions(cell, labels):
    """How many images lie where another of their label does."""
    kept = labels >= 0
    pairs = labels[kept] * len(cell.positions) + cell.place[kept]
    return len(pairs) - len(np.unique(pairs))


def _without_small(cell: Cell, labels: np.ndarray) -> np.ndarray:
    """Labels (m,) from 0 of the parts that have enough positions; -1 for what is left over."""
    kept = labels >= 0
    pairs = np.unique(labels[kept] * len(cell.positions) + cell.place[kept])
    counts = np.bincount(pairs // len(cell.positions), minlength=int(labels.max()) + 1)
    large = counts >= min(MIN_POSITIONS, math.ceil(MOST_POSITIONS * len(cell.positions)))
    new = np.where(large, np.cumsum(large) - 1, -1)
    return np.where(kept, new[np.maximum(labels, 0)], -1)


def _is_valid(cell: Cell, labels: np.ndarray, near: bool) -> bool:
    """Whether there are several parts that have each position once; `near` the extent of all."""
    if labels.max() < 1 or (labels < 0).mean() > MAX_LEFT_OVER or _repetitions(cell, labels):
        return False
    return not near or _are_near(cell, labels)


def _are_near(cell, labels):
    """Whether each part spans much of the extent of all."""
    kept = labels >= 0
    count = int(labels.max()) + 1
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, labels[kept], cell.along[kept])
    np.maximum.at(high, labels[kept], cell.along[kept])
    return bool((high - low >= NEAR_EXTENT * cell.extent).all())


def _is_pure(cell, way, values):
    """Whether no other element that varies at a position has several values in a part."""
    for own in values.values():
        if _repetitions(cell, _joint([own])) < len(cell.rows) - len(cell.positions):
            joint = _joint([np.maximum(way.labels, -1) + 1, own])
            if joint.max() > way.labels.max() + (way.labels < 0).any():
                return False
    return True


def _has_left_over(way):
    return bool((way.labels < 0).any())
