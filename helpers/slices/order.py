"""In which order do the images of a stack lie? By position, else by a labelled guess."""

import numpy as np
import pandas as pd

from helpers.files import natural_ranks
from helpers.slices.grid import SAME_POSITION_MM, along_normal, numbers

# of images at one position, the weakest first
TIE_BREAKERS = ("frame", "InstanceNumber", "TemporalPositionIdentifier", "AcquisitionNumber")
NO_POSITION = "no usable Image Position and Orientation (Patient)"
GUESS_REMARKS = {
    "B": f"{NO_POSITION}: ordered by Slice Location, a guess",
    "C": f"{NO_POSITION}: ordered by Instance Number, a guess",
    "D": f"{NO_POSITION}: ordered by file name, a guess",
}


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one stack in spatial order, along ``+cross(row cosines, column cosines)``.

    Returns
    -------
    DataFrame with ``position_mm`` (along the normal; Slice Location for grade B; missing for C and
        D), ``repeated`` (an earlier row has the same position) and ``order_grade``: A by Image
        Position; B by Slice Location, C by Instance Number, D by file name, which are guesses

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
    order = np.lexsort((*_tie_break_keys(rows, grade, place), place))
    repeated = np.r_[False, np.diff(along[order]) <= SAME_POSITION_MM]
    return rows.iloc[order].assign(position_mm=along[order], repeated=repeated, order_grade=grade)


def _tie_break_keys(rows, grade, place):
    """Keys that order images of one position, the weakest first; none where each has its own."""
    if len(np.unique(place)) == len(place):
        return ()
    keywords = {"C": TIE_BREAKERS[:2], "D": TIE_BREAKERS[:1]}.get(grade, TIE_BREAKERS)
    return (natural_ranks(rows.index), *(numbers(rows, keyword) for keyword in keywords))


def _tells_apart(values):
    return bool(np.isfinite(values).all() and (len(values) == 1 or np.ptp(values) > 0))
