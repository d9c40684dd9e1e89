"""Which repetition of its position is an image, by its rank in time? numpy alone."""

import numpy as np

MIN_COMPLETE = 0.5  # share of the positions that come equally often
SHIFT_COST = 0.01  # of moving a position's times as a whole, beside that of each time alone
MOVED_WEIGHT = 2.0  # of what is left after times are moved: that fits what only jitters, too


def ranks_in_position(place: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    """The rank (m,) from 0 of each image among those of its position, by rising values.

    Where a position has fewer or more images than most, they are matched in order to those of the
    nearest position that is complete; one too many has rank -1.

    Parameters
    ----------
    place : (m,) int, number of the position of each image, rising along the normal
    values : (m,) a time or number; finite and another for each image of a position, else None is
        returned, as where positions come once, or most have a count of their own
    """
    if not np.isfinite(values).all():
        return None
    order = np.lexsort((values, place))
    same_place = np.diff(place[order]) == 0
    if (same_place & (np.diff(values[order]) == 0)).any():
        return None
    counts = np.bincount(place)
    usual = _most_common(counts[counts > 0])
    complete = np.flatnonzero(counts == usual)
    if usual < 2 or len(complete) < MIN_COMPLETE * (counts > 0).sum():
        return None
    starts = np.cumsum(counts) - counts
    ranks = np.empty(len(place), int)
    ranks[order] = np.arange(len(place)) - starts[place[order]]
    for one in np.flatnonzero((counts != usual) & (counts > 0)):
        rows = order[starts[one] : starts[one] + counts[one]]
        near = complete[np.abs(complete - one).argmin()]
        pattern = values[order[starts[near] : starts[near] + usual]]
        ranks[rows] = _matched(values[rows], pattern)
    return ranks


def are_separate(labels: np.ndarray, values: np.ndarray) -> bool:
    """Whether the values (m,) of each label from 0 lie below all those of the next."""
    kept = labels >= 0
    count = labels.max() + 1
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, labels[kept], values[kept])
    np.maximum.at(high, labels[kept], values[kept])
    return bool((high[:-1] < low[1:]).all())


def _most_common(counts):
    """The count that most have, the larger of two."""
    values, how_often = np.unique(counts, return_counts=True)
    return int(values[::-1][how_often[::-1].argmax()])


def _matched(values, pattern):
    """The rank of each rising value in a rising pattern; -1 for those too many."""
    if len(values) > len(pattern):
        ranks = np.full(len(values), -1)
        ranks[_nearest_in_order(pattern, values)[0]] = np.arange(len(pattern))
        return ranks
    shifts = (values[0] - pattern[0], values[-1] - pattern[-1])
    moved = [values - shift for shift in shifts] + [_scaled(values, pattern)]
    ranks, least = _nearest_in_order(values, pattern)
    for own in moved:
        found, cost = _nearest_in_order(own, pattern)
        cost = MOVED_WEIGHT * cost + SHIFT_COST * np.abs(own - values).max()
        if cost < least:
            ranks, least = found, cost
    return ranks


def _scaled(values, pattern):
    """Times whose usual gap is made the pattern's.

    Phases of a heart lie as far apart as its beat is long, which is another from slice to slice.
    """
    gap = np.median(np.diff(values)) if len(values) > 1 else 0.0
    return values * np.median(np.diff(pattern)) / gap if gap else values


def _nearest_in_order(few, many):
    """(number in `many` of each of `few`, rising and at the least distances; their sum)."""
    distance = np.abs(few[:, None] - many[None, :])
    costs = np.empty_like(distance)
    before = np.zeros(len(many))
    for row, own in enumerate(distance):
        costs[row] = own + before
        before = np.r_[np.inf, np.minimum.accumulate(costs[row])[:-1]]
    chosen, limit = np.empty(len(few), int), len(many)
    for row in range(len(few) - 1, -1, -1):
        chosen[row] = limit = int(costs[row][:limit].argmin())
    return chosen, costs[-1][chosen[-1]]
