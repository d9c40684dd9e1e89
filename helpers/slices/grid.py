"""Do the images of a stack lie on a regular grid, and where in the patient? By headers alone."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.geometry.grids import (
    SAME_COSINE,
    SAME_SPACING,
    new_position,
    position_tolerance_mm,
)
from helpers.geometry.orientation import row_and_column
from helpers.slices.arrays import name_of
from helpers.slices.measures import Measures
from helpers.slices.words import (
    irregularities,
    irregularities_of,
    mixtures,
    mixtures_of,
    reason_of,
)

RUN_GAP_TOLERANCE = 0.04  # share by which the gaps of a regular run differ from its first
MAX_NAMED_FILES = 3  # files named before "and n more"
STACK_LEVELS = ["path", "frame"]  # of the index of one stack's rows
ONE_STACK = "the rows of one stack, slices.loc[stack] of slices = slice_table(headers)"


class StackError(ClearError, ValueError):
    """A stack whose images make no regular grid."""


class StackWarning(UserWarning):
    """What was left out of a stack to make it regular."""


def grid_affine(slices: pd.DataFrame, *, one_meaning: bool = False) -> np.ndarray:
    """(4, 4) matrix that takes (slice, row, column, 1) to LPS mm; a tilted gantry is kept as shear.

    The step from slice to slice comes from the first and last positions. A single image steps along
    its normal by its Slice Thickness, else by 1 mm.

    Parameters
    ----------
    slices : the rows of one stack of `helpers.slice_table`, in spatial order
    one_meaning : whether they must be one scan: one b-value, one echo, one kernel

    Raises
    ------
    StackError
        Where positions are missing or make no regular grid, and where scans are mixed: names file
        and gap, or element and values, and the ways on.
    """
    placed = _placed(slices)
    mixed = mixtures_of(placed, 0) if one_meaning else ()
    if found := [*irregularities_of(placed, 0), *mixed]:
        raise StackError(
            f"expected a regular grid of one scan, got {'; '.join(found)}. Ways on: "
            "load_volume(slices, on_irregular='longest') takes the longest even run; "
            "load_slice(path) shows single images; or drop rows of slices yourself"
        )
    row, column = row_and_column(placed.vectors("ImageOrientationPatient", 6)[0])  # type: ignore[misc]
    row_spacing, column_spacing = placed.vectors("PixelSpacing", 2)[0]
    positions = placed.vectors("ImagePositionPatient", 3)
    affine = np.eye(4)
    affine[:3, 0] = (
        (positions[-1] - positions[0]) / (len(placed) - 1)
        if len(placed) > 1
        else np.cross(row, column) * _thickness(placed)
    )
    affine[:3, 1], affine[:3, 2] = column * row_spacing, row * column_spacing
    affine[:3, 3] = positions[0]
    return affine


def longest_run(slices: pd.DataFrame) -> pd.DataFrame:
    """The longest evenly spaced run of images, one per position.

    Warns of what it leaves out, and of what it mixes.
    """
    kept, remark = longest_regular_run(slices)
    if remark:
        warnings.warn(remark, StackWarning, stacklevel=3)
    return kept


def longest_regular_run(slices: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """(the longest evenly spaced run of images, one per position; what it leaves out, in words)."""
    measures = _placed(slices)
    placed = measures.slices.assign(position_mm=measures.along, repeated=measures.repeated)
    first = np.flatnonzero(~measures.repeated)
    distinct = placed.iloc[first]
    kept = first[_longest_even(distinct)] if irregularities(distinct) else first
    left = [name_of(slices, row) for row in np.setdiff1d(range(len(slices)), kept)]
    more = f" and {len(left) - MAX_NAMED_FILES} more" if len(left) > MAX_NAMED_FILES else ""
    words = f"the longest even run has {len(kept)} of {len(slices)} images; left out: "
    remarks = [f"{words}{', '.join(left[:MAX_NAMED_FILES])}{more}"] if left else []
    return slices.iloc[kept], "; ".join([*remarks, *mixtures(placed.iloc[kept])])


def _placed(slices: pd.DataFrame) -> Measures:
    """The measures of a stack, with positions measured anew, as some rows may have been dropped.

    Refuses what is no grey image with a place in the patient, several stacks, and rows out of
    order.
    """
    slices = _one_stack(slices)
    measures = Measures(slices)
    for row in np.flatnonzero(measures.codes("error") >= 0):
        name, error = name_of(slices, int(row)), measures.errors[row]
        raise StackError(f"expected images that can be used, got {name} with an error: {error}")
    if reason := reason_of(measures, 0):
        raise StackError(
            f"expected grey images with a place in the patient, got {reason}: no volume; "
            "see load_slice(path) or browse(slices, stack)"
        )
    orientations = measures.vectors("ImageOrientationPatient", 6)
    spacings = measures.vectors("PixelSpacing", 2)
    for keyword, values, tolerance in (  # images of a stack are that near to the first of them
        ("ImageOrientationPatient", orientations, SAME_COSINE),
        ("PixelSpacing", spacings, SAME_SPACING * spacings.min()),
    ):
        if (np.ptp(values, axis=0) > 2 * tolerance).any():
            raise StackError(f"expected one {keyword}, got several: take {ONE_STACK}")
    along = measures.vectors("ImagePositionPatient", 3) @ measures.normal[0]
    tolerance = position_tolerance_mm(spacings[:1])
    if (np.diff(along) < -tolerance).any():
        raise StackError(f"expected rows in spatial order, got them mixed: take {ONE_STACK}")
    measures.along = along
    measures.repeated = ~new_position(along, np.arange(len(along)) == 0, tolerance)
    return measures


def _one_stack(slices: pd.DataFrame) -> pd.DataFrame:
    """The rows of one stack, with their path and frame alone as index."""
    names = list(slices.index.names)
    if names[-2:] != STACK_LEVELS or not {"kind", "repeated", "error"} <= {*slices}:
        got = f"a table with the index {', '.join(map(str, names))}"
        raise StackError(f"expected {ONE_STACK}; got {got}")
    if not len(slices):
        raise StackError(f"expected {ONE_STACK}; got none")
    stacks = slices.index.droplevel(STACK_LEVELS).unique() if len(names) > 2 else [None]
    if len(stacks) > 1:
        best = "the best is stack_table(slices).index[0]"
        raise StackError(f"expected {ONE_STACK}; got those of {len(stacks)} stacks: {best}")
    return slices.droplevel(names[:-2]) if len(names) > 2 else slices


def _longest_even(distinct):
    """The longest run of distinct positions with even gaps, as a slice object."""
    gaps = np.diff(distinct["position_mm"])
    starts = [0]
    for i, gap in enumerate(gaps):
        if abs(gap - gaps[starts[-1]]) > RUN_GAP_TOLERANCE * gaps[starts[-1]]:
            starts.append(i)
    start, end = max(pairwise([*starts, len(gaps)]), key=lambda run: run[1] - run[0])
    return slice(start, end + 1)


def _thickness(placed):
    thickness = placed.numbers("SliceThickness")[0]
    return thickness if thickness > 0 else 1.0
