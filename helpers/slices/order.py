"""In which order do the images of a stack lie? By position, and by a labelled guess where none is given."""

import numpy as np

from helpers.files import natural_ranks
from helpers.slices.grid import SAME_POSITION_MM, along_normal, numbers

TIES = (
    "frame",
    "InstanceNumber",
    "TemporalPositionIdentifier",
    "AcquisitionNumber",
)  # the weakest first
GUESSES = {
    "B": "no usable Image Position and Orientation (Patient): ordered by Slice Location, a guess",
    "C": "no usable Image Position and Orientation (Patient): ordered by Instance Number, a guess",
    "D": "no usable Image Position and Orientation (Patient): ordered by file name, a guess",
}


def in_order(rows):
    """The rows of one stack in spatial order, along ``+cross(row cosines, column cosines)``.

    Returns
    -------
    DataFrame with ``position_mm`` (along the normal; Slice Location for grade B; missing for C and D),
    ``repeated`` (an earlier row has the same position) and ``order_grade``: A by Image Position;
    B by Slice Location, C by Instance Number, D by file name, which are guesses

    References
    ----------
    PS3.3 C.7.6.2.1.1; C.7.6.2.1.2 (Slice Location is measured from no known point)
    """
    along, grade = along_normal(rows), "A"
    if not np.isfinite(along).all():
        location, instance = numbers(rows, "SliceLocation"), numbers(rows, "InstanceNumber")
        grade = "B" if _tells_apart(location) else "C" if _tells_apart(instance) else "D"
        along = location if grade == "B" else np.full(len(rows), np.nan)
    place = np.round(along / SAME_POSITION_MM)
    order = np.lexsort((*_tie_breakers(rows, grade, place), place))
    repeated = np.r_[False, np.diff(along[order]) <= SAME_POSITION_MM]
    return rows.iloc[order].assign(position_mm=along[order], repeated=repeated, order_grade=grade)


def _tie_breakers(rows, grade, place):
    """Keys that order images of one place, the weakest first; none where each has its own."""
    if len(np.unique(place)) == len(place):
        return ()
    keywords = {"C": TIES[:2], "D": TIES[:1]}.get(grade, TIES)
    return (natural_ranks(rows.index), *(numbers(rows, keyword) for keyword in keywords))


def _tells_apart(values):
    return bool(np.isfinite(values).all() and (len(values) == 1 or np.ptp(values) > 0))
