"""Do positions along a normal lie on an even grid? numpy alone; mm, for many stacks at once."""

import numpy as np

from helpers.geometry.orientation import MAX_COSINE_ERROR, cosine_error

SAME_POSITION = 0.02  # share of the pixel spacing: images nearer than this are at one position
UNKNOWN_SPACING_MM = 0.5  # stands for a pixel spacing that is not known
SAME_COSINE = 1e-3  # orientations whose cosines differ by less belong to one stack
SAME_SPACING = 1e-4  # share by which pixel spacings of one stack differ at most
EVEN_GAP = 0.01  # a gap off the median by more than this share is said
REGULAR_GAP = 0.1  # by more than this share it breaks the grid
MAX_OFF_GRID = 0.1  # share of the spacing that a position may lie off the even grid
MIN_FILLED = 0.75  # share of the places of a grid that are not missing


def unit_normals(orientations: np.ndarray) -> np.ndarray:
    """Unit normals (n, 3) of orientations (n, 6), LPS; NaN where the cosines make no plane.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        normals = np.cross(orientations[:, :3], orientations[:, 3:])
        normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
        usable = cosine_error(orientations) <= MAX_COSINE_ERROR
    normals[~usable] = np.nan
    return normals


def position_tolerance_mm(pixel_spacings: np.ndarray) -> np.ndarray:
    """How near images must be to be at one position, (n,) mm, from their pixel spacings (n, 2)."""
    with np.errstate(invalid="ignore"):
        smallest = np.where(pixel_spacings > 0, pixel_spacings, np.inf).min(axis=1)
    return SAME_POSITION * np.where(np.isfinite(smallest), smallest, UNKNOWN_SPACING_MM)


def begins(*sorted_codes: np.ndarray) -> np.ndarray:
    """Where a run of equal codes begins, boolean (n,); the first row always does."""
    if not len(sorted_codes[0]):
        return np.zeros(0, bool)
    changed = [codes[1:] != codes[:-1] for codes in sorted_codes]
    return np.r_[True, np.logical_or.reduce(changed)]


def new_position(along: np.ndarray, first: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Where another position begins, boolean (n,); of sorted positions in runs.

    Parameters
    ----------
    along : (n,) mm, rising within each run; NaN is a position of its own
    first : boolean (n,), where a run begins
    tolerance : (n,) mm, `position_tolerance_mm`
    """
    step = np.diff(along, prepend=-np.inf)
    return first | ~(step <= tolerance)


def places_of(along: np.ndarray, tolerance: float) -> np.ndarray:
    """A number for each position (n,) in mm, from 0 and rising; equal for those at one place."""
    order = np.argsort(along, kind="stable")
    places = np.empty(len(along), int)
    steps = np.diff(along[order]) > tolerance
    places[order] = np.r_[0, np.cumsum(steps)][: len(along)]
    return places


def typical_gap(gaps: np.ndarray) -> float:
    """The gap (n,) that most have, the smaller of two; gaps within a tenth count as one."""
    if np.ptp(gaps) <= REGULAR_GAP * gaps.min():
        return float(np.median(gaps))
    ordered = np.sort(gaps)
    low = np.searchsorted(ordered, ordered * (1 - REGULAR_GAP), "left")
    high = np.searchsorted(ordered, ordered * (1 + REGULAR_GAP), "right")
    most = int(np.argmax(high - low))
    return float(np.median(ordered[low[most] : high[most]]))


def is_even(positions: np.ndarray) -> bool:
    """Whether distinct rising positions (n,) lie on one even grid, a few of it perhaps missing."""
    gaps = np.diff(positions)
    if len(gaps) < 2:
        return True
    spacing = typical_gap(gaps)
    steps = np.maximum(np.round(gaps / spacing), 1)
    if (np.abs(gaps - steps * spacing) > REGULAR_GAP * spacing).any():
        return False
    return bool(len(positions) >= MIN_FILLED * (steps.sum() + 1))


def distinct_counts(segment: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """How many distinct codes (n,), -1 or more, each of `count` segments has, (count,)."""
    size = int(codes.max(initial=0)) + 2
    pairs = np.unique(segment * size + codes + 1)
    return np.bincount(pairs // size, minlength=count)


def segment_medians(
    values: np.ndarray, segment: np.ndarray, count: int, *, tolerance: float | None = None
) -> np.ndarray:
    """The median of the finite values (n,) of each of `count` segments, (count,); NaN of none.

    Of two positive values in the middle that differ by more than a share `tolerance`, it is the
    smaller: their mean would be a value that nothing has.
    """
    known = np.isfinite(values)
    values, segment = values[known], segment[known]
    order = np.lexsort((values, segment))
    values, sizes = values[order], np.bincount(segment, minlength=count)
    ends = np.cumsum(sizes)
    low, high = ends - sizes + (sizes - 1) // 2, ends - sizes + sizes // 2
    medians = np.full(count, np.nan)
    some = sizes > 0
    lower, upper = values[low[some]], values[high[some]]
    medians[some] = (lower + upper) / 2
    if tolerance is not None:
        medians[some] = np.where(upper - lower > tolerance * lower, lower, medians[some])
    return medians
