"""Do the images of a stack lie on a regular grid, and where in the patient? By headers alone."""

import os
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.geometry.orientation import (
    MAX_COSINE_ERROR,
    cosine_error,
    row_and_column,
    slice_normal,
)

SAME_POSITION_MM = 0.01  # images nearer than this along the normal are at one position
SAME_COSINE_TOLERANCE = 1e-3  # orientations that differ less belong to one stack
SAME_SPACING_MM = 1e-4  # and so do pixel spacings
EVEN_GAP_TOLERANCE = 0.01  # a gap off the median by more than this share is said
REGULAR_GAP_TOLERANCE = 0.1  # by more than this share it breaks the grid
OFF_GRID_TOLERANCE = 0.1  # share of the spacing that a position may lie off the even grid
RUN_GAP_TOLERANCE = 0.04  # share by which the gaps of a regular run differ from its first
MAX_NAMED_FILES = 3  # files named before "and n more"


class StackError(ClearError, ValueError):
    """A stack whose images make no regular grid."""


class StackWarning(UserWarning):
    """What was left out of a stack to make it regular."""


def along_normal(rows: pd.DataFrame) -> np.ndarray:
    """Distance in mm of each image along the normal of the first, (n,); NaN without a position."""
    orientation = vectors(rows, "ImageOrientationPatient", 6)
    position = vectors(rows, "ImagePositionPatient", 3)
    known = np.isfinite(orientation).all(axis=1) & np.isfinite(position).all(axis=1)
    if not known.any():
        return np.full(len(rows), np.nan)
    return np.where(known, position @ slice_normal(orientation[known][0]), np.nan)


def vectors(rows: pd.DataFrame, keyword: str, length: int) -> np.ndarray:
    """A multi-valued column as (n, length) floats; NaN throughout a row that has it otherwise."""
    column = rows[keyword].tolist() if keyword in rows else [None] * len(rows)
    try:
        return np.array(column, float).reshape(len(rows), length)
    except (TypeError, ValueError):  # not the same in all rows
        missing = (np.nan,) * length
        whole = [
            v if isinstance(v, tuple) and len(v) == length and _numeric(v) else missing
            for v in column
        ]
        return np.array(whole, float).reshape(len(rows), length)


def numbers(rows: pd.DataFrame, keyword: str) -> np.ndarray:
    """A column as (n,) floats, NaN where it holds no single number."""
    column = rows[keyword] if keyword in rows else pd.Series(np.nan, rows.index)
    return pd.to_numeric(column, errors="coerce").to_numpy(float)


def is_per_frame(rows: pd.DataFrame) -> bool:
    """Whether rows stand for single frames, as `helpers.frame_table` makes them."""
    return "frame" in rows and bool(rows["frame"].notna().all())


def file_name(rows: pd.DataFrame, row: int) -> str:
    """The name of one row's file, without its folder; with the frame where files have several."""
    name = os.path.basename(rows.index[row])
    several = is_per_frame(rows) and np.nan_to_num(numbers(rows, "NumberOfFrames")).max() > 1
    return f"{name} frame {int(rows['frame'].iloc[row])}" if several else name


def irregularities(slices: pd.DataFrame) -> list[str]:
    """What keeps positioned images, in spatial order, from a regular grid: with files and mm."""
    along = along_normal(slices)
    first = _first_of_each(along)
    distinct, gaps = slices[first], np.diff(along[first])
    found = []
    if not first.all():
        again = int(np.argmin(first))
        repeated = _count((~first).sum(), "repeated position")
        where = f"first {file_name(slices, again)} at {along[again]:g} mm"
        found.append(f"{repeated}, {where}")
    median = np.median(gaps) if len(gaps) else np.nan
    odd = np.flatnonzero(np.abs(gaps - median) > REGULAR_GAP_TOLERANCE * median)
    if len(odd):
        before, after = file_name(distinct, odd[0]), file_name(distinct, odd[0] + 1)
        found.append(
            f"{_count(len(odd), 'gap')} off the median of {median:.4g} mm, "
            f"first {gaps[odd[0]]:.4g} mm between {before} and {after}"
        )
    elif len(gaps):
        off = _off_grid_mm(distinct)
        if off.max() > OFF_GRID_TOLERANCE * median:
            name = file_name(distinct, int(off.argmax()))
            found.append(f"{name} lies {off.max():.3g} mm off its place in an even grid")
    return found


def why_no_volume(slices: pd.DataFrame) -> str | None:
    """What keeps images from being voxels at all, with a file name; None where nothing does."""
    for keyword, what in (
        ("NumberOfFrames", "a multi-frame object (see frame_table)"),
        ("SamplesPerPixel", "colour"),
    ):
        several = np.nan_to_num(numbers(slices, keyword)) > 1
        if several.any() and not (keyword == "NumberOfFrames" and is_per_frame(slices)):
            return f"{what} in {file_name(slices, several.argmax())}"
    usable = {
        "ImageOrientationPatient": cosine_error(vectors(slices, "ImageOrientationPatient", 6))
        <= MAX_COSINE_ERROR,
        "ImagePositionPatient": np.isfinite(vectors(slices, "ImagePositionPatient", 3)).all(axis=1),
        "PixelSpacing": (vectors(slices, "PixelSpacing", 2) > 0).all(axis=1),
    }
    for keyword, good in usable.items():
        if not good.all():
            first = file_name(slices, int(good.argmin()))
            return f"no usable {keyword} in {(~good).sum()} of {len(slices)}, first {first}"
    return None


def grid_affine(slices: pd.DataFrame) -> np.ndarray:
    """(4, 4) matrix that takes (slice, row, column, 1) to LPS mm; a tilted gantry is kept as shear.

    The step from slice to slice comes from the first and last positions. A single image steps along
    its normal by its Slice Thickness, else by 1 mm.

    Raises
    ------
    StackError
        Where positions are missing or make no regular grid: names file and gap and the ways on.
    """
    _check_placed(slices)
    if found := irregularities(slices):
        raise StackError(
            f"expected a regular grid, got {'; '.join(found)}. Ways on: "
            "load_volume(slices, on_irregular='longest') takes the longest even run; "
            "load_slice(path) shows single images; or drop rows of slices yourself"
        )
    orientation = slices["ImageOrientationPatient"].iloc[0]
    row, column = row_and_column(orientation)  # type: ignore[misc]  # usable: it was checked
    row_spacing, column_spacing = slices["PixelSpacing"].iloc[0]
    positions = vectors(slices, "ImagePositionPatient", 3)
    affine = np.eye(4)
    affine[:3, 0] = (
        (positions[-1] - positions[0]) / (len(slices) - 1)
        if len(slices) > 1
        else np.cross(row, column) * _thickness(slices)
    )
    affine[:3, 1], affine[:3, 2] = column * row_spacing, row * column_spacing
    affine[:3, 3] = positions[0]
    return affine


def longest_run(slices: pd.DataFrame) -> pd.DataFrame:
    """The longest evenly spaced run of images, one per position; warns of what it leaves out."""
    kept, remark = longest_regular_run(slices)
    if remark:
        warnings.warn(remark, StackWarning, stacklevel=3)
    return kept


def longest_regular_run(slices: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """(the longest evenly spaced run of images, one per position; what it leaves out, in words)."""
    _check_placed(slices)
    first = np.flatnonzero(_first_of_each(along_normal(slices)))
    distinct = slices.iloc[first]
    kept = first[_longest_even(distinct)] if irregularities(distinct) else first
    left = [file_name(slices, row) for row in np.setdiff1d(range(len(slices)), kept)]
    more = f" and {len(left) - MAX_NAMED_FILES} more" if len(left) > MAX_NAMED_FILES else ""
    words = f"the longest even run has {len(kept)} of {len(slices)} images; left out: "
    return slices.iloc[kept], f"{words}{', '.join(left[:MAX_NAMED_FILES])}{more}" if left else ""


def shear_deg(slices: pd.DataFrame) -> float:
    """Angle in degrees between the normal and the line of positions; NaN without two positions."""
    line = _line(slices)
    if line is None:
        return np.nan
    normal = slice_normal(vectors(slices, "ImageOrientationPatient", 6)[0])
    return float(np.degrees(np.arccos(min(abs(line @ normal), 1))))


def _longest_even(distinct):
    """The longest run of distinct positions with even gaps, as a slice object."""
    gaps = np.diff(along_normal(distinct))
    starts = [0]
    for i, gap in enumerate(gaps):
        if abs(gap - gaps[starts[-1]]) > RUN_GAP_TOLERANCE * gaps[starts[-1]]:
            starts.append(i)
    start, end = max(pairwise([*starts, len(gaps)]), key=lambda run: run[1] - run[0])
    return slice(start, end + 1)


def _numeric(values):
    return all(isinstance(value, (int, float)) for value in values)


def _first_of_each(along):
    """Which of sorted positions (n,) are not a repetition of the one before."""
    return np.r_[True, np.diff(along) > SAME_POSITION_MM][: len(along)]


def _off_grid_mm(distinct):
    """How far each position (n,) lies from where an even grid from the first to the last has it."""
    places = vectors(distinct, "ImagePositionPatient", 3)
    even = np.linspace(places[0], places[-1], len(places))
    return np.linalg.norm(places - even, axis=1)


def _line(slices):
    """Unit vector (3,) from the first to the last position, or None where there are not two."""
    places = vectors(slices, "ImagePositionPatient", 3)
    length = np.linalg.norm(places[-1] - places[0])
    return (places[-1] - places[0]) / length if length > SAME_POSITION_MM else None


def _check_placed(slices):
    """Refuses what is no grey image with a place in the patient, and rows out of order."""
    if not len(slices):
        raise StackError("expected the rows of a stack, got none")
    if reason := why_no_volume(slices):
        raise StackError(
            f"expected grey images with a place in the patient, got {reason}: no volume; "
            "see load_slice(path)"
        )
    for keyword, count, tolerance in (
        ("ImageOrientationPatient", 6, SAME_COSINE_TOLERANCE),
        ("PixelSpacing", 2, SAME_SPACING_MM),
    ):
        if (np.ptp(vectors(slices, keyword, count), axis=0) > tolerance).any():
            raise StackError(
                f"expected one {keyword}, got several: take rows from stack_slices(headers, stack)"
            )
    if (np.diff(along_normal(slices)) < -SAME_POSITION_MM).any():
        raise StackError(
            "expected rows in spatial order, got them mixed: "
            "take them from stack_slices(headers, stack)"
        )


def _thickness(slices):
    thickness = numbers(slices, "SliceThickness")[0]
    return thickness if thickness > 0 else 1.0


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"
