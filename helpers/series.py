"""How do the stacks of one series differ, and what explains a gap? Questions that rules ask."""

import numpy as np

from helpers.grid import EVEN_GAP, REGULAR_GAP, SAME_COSINE, along_normal, numbers, vectors
from helpers.orientation import slice_normal

MOST_MISSING = 5  # times the usual gap: more, and it is another part of the body
SCOUT_IMAGES = 3  # at most so many in one plane beside a stack of many make a scout
SCOUT_TURN = 0.7  # cosine of the angle between a scout's normal and that of the stack: less, and it is another plane


CONTRASTS = [  # what tells images of one place apart that are meant to be several
    *("DiffusionBValue", "TriggerTime", "NominalPercentageOfCardiacPhase", "FrameReferenceTime", "InversionTime", "FlipAngle"),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "EchoTime", "EchoNumbers", "SequenceName", "ImageType"),
    *("ContrastBolusAgent", "ConvolutionKernel", "KVP", "SliceThickness"),
]


def usual_gap(gaps):
    """The gap in mm that most have, the smaller of two; gaps within a tenth of each other count as one."""
    if np.ptp(gaps) <= REGULAR_GAP * gaps.min():
        return float(np.median(gaps))
    like = [np.abs(gaps - gap) <= REGULAR_GAP * gap for gap in gaps]
    most = max(map(np.sum, like))
    return float(min(np.median(gaps[those]) for those in like if those.sum() == most))


def differ(one, other):
    """Whether two slices say what makes them two, by a contrast or a time."""
    return any(
        one.get(keyword) != other.get(keyword) for keyword in CONTRASTS if _known(one.get(keyword)) or _known(other.get(keyword))
    )


def _known(value):
    return value is not None and value == value


def is_multiple(gaps, usual):
    """Which gaps (n,) are a whole number of the usual one: twice or more, but no part of the body away."""
    steps = np.round(gaps / usual) if usual > 0 else np.ones(len(gaps))
    return (steps > 1) & (steps <= MOST_MISSING) & (np.abs(gaps - steps * usual) <= REGULAR_GAP * usual)


def explained(case, slices, place, usual):
    """Whether files that cannot be read or placed are as many as slices are missing behind a slice."""
    headers = case.headers
    if "SeriesInstanceUID" not in slices:
        return False
    same = (case.column("SeriesInstanceUID") == slices["SeriesInstanceUID"].iloc[0]).to_numpy()
    bad, unplaced = headers[~case.readable & same], case.image & same & ~case.having("ImagePositionPatient")
    along = along_normal(bad) if len(bad) else np.array([])
    ends = slices["position_mm"].to_numpy(float)[place : place + 2]
    inside = ((along > ends[0] + EVEN_GAP) & (along < ends[1] - EVEN_GAP)).sum() + unplaced.sum()
    return bool(inside >= round((ends[1] - ends[0]) / usual) - 1)


def consecutive(slices, place):
    """Whether a slice and the next have consecutive Instance Numbers: then nothing was lost between them."""
    instance = numbers(slices, "InstanceNumber")[place : place + 2]
    return bool(abs(np.diff(instance)[0]) == 1)


def beside_line_mm(slices):
    """How far each position (n,) lies beside the line through them, in mm; few that do cannot bend it (it is of medians)."""
    places = vectors(slices, "ImagePositionPatient", 3)
    along = slices["position_mm"].to_numpy(float)
    steps = np.diff(places, axis=0) / np.diff(along)[:, None]
    straight = places - along[:, None] * np.median(steps, axis=0)
    return np.linalg.norm(straight - np.median(straight, axis=0), axis=1)


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
