"""How do the stacks of one series differ, and what explains a gap? Questions that rules ask."""

import numpy as np

from helpers.grid import EVEN_GAP, REGULAR_GAP, SAME_COSINE, along_normal, vectors
from helpers.orientation import slice_normal

SCOUT_IMAGES = 3  # at most so many in one plane beside a stack of many make a scout
SCOUT_TURN = 0.7  # cosine of the angle between a scout's normal and that of the stack: less, and it is another plane


def is_multiple(gaps, usual):
    """Which gaps (n,) are twice the usual one or more, and a whole number of it."""
    steps = np.round(gaps / usual) if usual > 0 else np.ones(len(gaps))
    return (steps > 1) & (np.abs(gaps - steps * usual) <= REGULAR_GAP * usual)


def explained(case, slices, place):
    """Whether a file that cannot be read, but says where it is, belongs into the gap behind a slice."""
    headers = case.headers
    if case.readable.all() or "SeriesInstanceUID" not in slices:
        return False
    bad = headers[~case.readable & (case.column("SeriesInstanceUID") == slices["SeriesInstanceUID"].iloc[0]).to_numpy()]
    along = along_normal(bad) if len(bad) else np.array([])
    ends = slices["position_mm"].to_numpy(float)[place : place + 2]
    return bool(((along > ends[0] + EVEN_GAP) & (along < ends[1] - EVEN_GAP)).any())


def is_scout(slices, largest):
    """Whether a stack is a scout beside the largest stack of its series."""
    kinds = slices["ImageType"].iloc[0] if "ImageType" in slices else None
    if "LOCALIZER" in (kinds if isinstance(kinds, tuple) else (kinds,)):
        return True
    if len(slices) > SCOUT_IMAGES or len(largest) <= SCOUT_IMAGES**2:
        return False
    one, other = (
        slice_normal(rows["ImageOrientationPatient"].iloc[0]) if _oriented(rows) else None for rows in (slices, largest)
    )
    return one is not None and other is not None and bool(abs(one @ other) < SCOUT_TURN)


def _oriented(rows):
    return bool(np.isfinite(vectors(rows.iloc[:1], "ImageOrientationPatient", 6)).all())


def upright(stacks):
    """The (stack, slices) that lie as the largest one does."""
    largest = vectors(stacks[0][1].iloc[:1], "ImageOrientationPatient", 6)
    one = [(stack, slices, vectors(slices.iloc[:1], "ImageOrientationPatient", 6)) for stack, slices, _ in stacks]
    return [(stack, slices) for stack, slices, other in one if not np.abs(other - largest).max() > SAME_COSINE]


def sizes(stacks):
    """The matrix sizes (rows, columns) of the stacks that lie as the largest one does."""
    return dict.fromkeys((slices["Rows"].iloc[0], slices["Columns"].iloc[0]) for _, slices in upright(stacks))


def distinct(stacks, keyword, length, tolerance):
    """The distinct values of the first images of stacks, as tuples; missing ones left out."""
    found = []
    for _, slices in stacks:
        value = vectors(slices.iloc[:1], keyword, length)[0]
        if np.isfinite(value).all() and all(np.abs(value - other).max() > tolerance for other in found):
            found.append(value)
    return [tuple(value.tolist()) for value in found]
