"""What can be wrong with a stack? Rules that look at the geometry of its slices alone."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers.quality.rules import Collection, Finding, Rule, differ, rule
from helpers.slices.grid import (
    EVEN_GAP_TOLERANCE,
    REGULAR_GAP_TOLERANCE,
    along_normal,
    file_name,
    numbers,
    shear_deg,
    vectors,
)

MIN_SLICES_TO_JUDGE = 4  # how far apart they lie
MIN_TILT_DEG = 1.0
INTERSPACED = 1.5  # times the thickness
ROUNDING_MM = 0.101  # a gap may be off by so much because positions are written with few digits
MIN_EQUAL_GAPS = 3  # that many gaps of one size are no accident
MAX_LATERAL_SHARE = 0.1  # of the spacing
MAX_DECLARED_SHARE = 0.05  # of the spacing, by which what is declared may differ
MAX_MISSING_SPACINGS = 5  # a longer gap leads to another part of the body

STACK_RULES: dict[str, Rule] = {}


@rule(
    STACK_RULES,
    "error",
    effect="What lay there was lost; a volume would be bent.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Look for the file; else load the longest even run.",
)
def missing_slice(collection: Collection) -> Iterator[Finding]:
    """Gaps of several typical spacings, where numbers are missing and no unreadable file is why."""
    for stack, (slices, gaps, spacing) in collection.measured.items():
        for row in np.flatnonzero(_is_multiple(gaps, spacing)):
            explained = explained_by_bad_files(collection, slices, int(row), spacing)
            if not _consecutive(slices, row) and not explained:
                yield Finding(_gap(slices, gaps, row, spacing), slices.index[row], stack=stack)


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are drawn, and volumes computed, in the wrong place.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Load the longest even run, or resample by position.",
)
def uneven_spacing(collection: Collection) -> Iterator[Finding]:
    """Gaps unlike the typical one, no number missing; a change of protocol once for the stack."""
    for stack, (slices, gaps, spacing) in collection.measured.items():
        off = np.abs(gaps - spacing)
        lost = _is_multiple(gaps, spacing)
        lost[lost] = [not _consecutive(slices, row) for row in np.flatnonzero(lost)]
        odd = np.flatnonzero(
            (off > np.maximum(REGULAR_GAP_TOLERANCE * spacing, ROUNDING_MM)) & ~lost
        )
        sizes_mm = np.unique(np.round(gaps[odd], 2))
        if len(odd) >= MIN_EQUAL_GAPS * max(1, len(sizes_mm)):
            sizes = ", ".join(f"{size:g}" for size in sizes_mm)
            yield Finding(f"{len(odd)} gaps of {sizes} mm beside {spacing:.4g} mm", stack=stack)
            continue
        for row in odd:
            yield Finding(_gap(slices, gaps, row, spacing), slices.index[row], stack=stack)


@rule(
    STACK_RULES,
    "warning",
    effect="The slice is drawn, and a volume computed, beside its place.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Look at it; leave it out, or resample by position.",
)
def displaced_slice(collection: Collection) -> Iterator[Finding]:
    """Slices that lie beside the line that the others make."""
    for stack, (slices, gaps, spacing) in collection.measured.items():
        off = lateral_offset_mm(slices)
        for row in np.flatnonzero(off > MAX_LATERAL_SHARE * spacing) if len(gaps) > 1 else ():
            value = f"{off[row]:.3g} mm beside the line of the others"
            yield Finding(value, slices.index[row], stack=stack)


@rule(
    STACK_RULES,
    "warning",
    effect="The slice is counted twice; naive stacks are one slice too long.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Keep one image of each position (stack_slices marks the others).",
)
def repeated_slice(collection: Collection) -> Iterator[Finding]:
    """Images at the position of another in their stack, each with a UID of its own."""
    for stack, (slices, _) in collection.stacks.items():
        repeated = slices["repeated"].to_numpy(bool)
        keys = slices.reindex(columns=["SOPInstanceUID", "frame"])
        copies = (keys.duplicated() & keys["SOPInstanceUID"].notna()).to_numpy()
        for row in np.flatnonzero(repeated & ~copies):
            if not differ(slices.iloc[row], slices.iloc[row - 1]):
                position = slices["position_mm"].iloc[row]
                value = f"at {position:.4g} mm, as {file_name(slices, int(row) - 1)}"
                yield Finding(value, slices.index[row], stack=stack)


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are shifted against each other: a box of voxels leans.",
    clause="PS3.3 C.7.6.2.1.1, C.8.2.1",
    remedy="Use the affine, which holds the shift; do not stack the arrays as a box.",
)
def gantry_tilt(collection: Collection) -> Iterator[Finding]:
    """Stacks whose positions do not run along the normal; measured, not read from an element."""
    for stack, (slices, gaps, spacing) in collection.measured.items():
        angle, lateral = shear_deg(slices), lateral_offset_mm(slices)
        straight = len(gaps) < 2 or (lateral <= MAX_LATERAL_SHARE * spacing).all()
        if straight and angle > MIN_TILT_DEG:
            yield Finding(f"{angle:.1f}°", stack=stack)


@rule(
    STACK_RULES,
    "warning",
    effect="Programs that trust it draw the stack too long, too short or upside down.",
    clause="PS3.3 C.7.6.2",
    remedy="Measure spacing from positions (stack_table does).",
)
def wrong_declared_spacing(collection: Collection) -> Iterator[Finding]:
    """Spacing Between Slices that is not what the positions say, in size or sign."""
    for stack, (slices, _, spacing) in collection.measured.items():
        declared = numbers(slices, "SpacingBetweenSlices")
        wrong = declared[np.abs(declared - spacing) > MAX_DECLARED_SHARE * spacing]
        if len(wrong):
            yield Finding(f"declared {wrong[0]:g} mm, measured {spacing:.4g} mm", stack=stack)


@rule(
    STACK_RULES,
    "note",
    effect="What lies between the slices was never seen; volumes of organs are estimates.",
    clause="PS3.3 C.7.6.2",
    remedy="Do not take Slice Thickness for spacing; do not interpolate across.",
)
def interspaced(collection: Collection) -> Iterator[Finding]:
    """Stacks whose slices lie further apart than they are thick."""
    for stack, (slices, _, spacing) in collection.measured.items():
        thickness = numbers(slices, "SliceThickness")[0]
        if len(slices) >= MIN_SLICES_TO_JUDGE and spacing > INTERSPACED * thickness > 0:
            yield Finding(f"{thickness:g} mm thick, {spacing:.4g} mm apart", stack=stack)


@rule(
    STACK_RULES,
    "note",
    effect="Stored values of different slices must not be compared.",
    clause="PS3.3 C.11.1",
    remedy="Apply each image's own rescale (load_volume does).",
)
def rescale_varies(collection: Collection) -> Iterator[Finding]:
    """Stacks whose images have several rescale slopes or intercepts."""
    for stack, (slices, _) in collection.stacks.items():
        slope, intercept = (numbers(slices, f"Rescale{word}") for word in ("Slope", "Intercept"))
        pairs = set(zip(np.nan_to_num(slope, nan=-np.inf), np.nan_to_num(intercept, nan=-np.inf)))
        if len(pairs) > 1:
            yield Finding(f"{len(pairs)} pairs of slope and intercept", stack=stack)


def explained_by_bad_files(
    collection: Collection, slices: pd.DataFrame, row: int, spacing: float
) -> bool:
    """Whether as many files cannot be read or placed as slices are missing behind a slice."""
    series = slices["SeriesInstanceUID"].iloc[row]
    same_series = (collection.column("SeriesInstanceUID") == series).to_numpy()
    placed = collection.column("ImagePositionPatient").notna().to_numpy()
    along = along_normal(collection.headers[~collection.readable & same_series])
    first, last = slices["position_mm"].to_numpy(float)[row : row + 2]
    inside = ((along > first + EVEN_GAP_TOLERANCE) & (along < last - EVEN_GAP_TOLERANCE)).sum()
    unplaced = (collection.image & same_series & ~placed).sum()
    return bool(inside + unplaced >= round((last - first) / spacing) - 1)


def lateral_offset_mm(slices: pd.DataFrame) -> np.ndarray:
    """How far each position (n,) lies beside the line through them, in mm.

    The line is one of medians, so that a few displaced slices cannot bend it.
    """
    positions = vectors(slices, "ImagePositionPatient", 3)
    along = slices["position_mm"].to_numpy(float)
    steps = np.diff(positions, axis=0) / np.diff(along)[:, None]
    beside = positions - along[:, None] * np.median(steps, axis=0)
    return np.linalg.norm(beside - np.median(beside, axis=0), axis=1)


def _is_multiple(gaps, spacing):
    """Which gaps (n,) are a whole number of spacings: two or more, but no part of the body away."""
    steps = np.round(gaps / spacing) if spacing > 0 else np.ones(len(gaps))
    several = (steps > 1) & (steps <= MAX_MISSING_SPACINGS)
    return several & (np.abs(gaps - steps * spacing) <= REGULAR_GAP_TOLERANCE * spacing)


def _consecutive(slices, row):
    """Whether a slice and the next have consecutive numbers: then nothing between them was lost."""
    one, other = numbers(slices, "InstanceNumber")[row : row + 2]
    return bool(abs(other - one) == 1)


def _gap(slices, gaps, row, spacing):
    return f"{gaps[row]:.4g} mm to {file_name(slices, row + 1)}, usual {spacing:.4g} mm"
