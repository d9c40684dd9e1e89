"""What can be wrong with a stack? Rules that look at the geometry of its slices, from headers alone."""

import numpy as np

from helpers.quality.rules import (
    consecutive,
    differ,
    explained_by_bad_files,
    is_multiple,
    lateral_offset_mm,
    rule,
)
from helpers.slices.grid import REGULAR_GAP, file_name, numbers, shear_deg

STACK_RULES = {}
FEW = 3  # slices: too few to tell how far apart they lie
LEAST_TILT_DEG = 1.0
INTERSPACED = 1.5  # times the thickness
ROUNDED_MM = 0.101  # a gap may be off by so much because positions are written with few digits
MANY_GAPS = 3  # of one size: no accident
OFF_LINE = 0.1  # share of the spacing
DECLARED_OFF = 0.05  # share by which declared and measured spacing may differ


@rule(
    STACK_RULES,
    "error",
    effect="What lay there was lost; a volume would be bent.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Look for the file; else load the longest even run.",
)
def missing_slice(case):
    """Gaps of two or more times the usual one across which numbers are missing too, and no unreadable file explains them."""
    for stack, (slices, gaps, usual) in case.measured.items():
        for place in np.flatnonzero(is_multiple(gaps, usual)):
            if not consecutive(slices, place) and not explained_by_bad_files(
                case, slices, place, usual
            ):
                yield (
                    slices.index[place],
                    stack,
                    f"{gaps[place]:.4g} mm to {file_name(slices, place + 1)}, usual {usual:.4g} mm",
                )


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are drawn, and volumes computed, in the wrong place.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Load the longest even run, or resample by position.",
)
def uneven_spacing(case):
    """Gaps unlike the usual one, with no number missing; changes of the protocol in one line for the stack."""
    for stack, (slices, gaps, usual) in case.measured.items():
        off = np.abs(gaps - usual)
        lost = is_multiple(gaps, usual)
        lost[lost] = [not consecutive(slices, place) for place in np.flatnonzero(lost)]
        odd = np.flatnonzero((off > np.maximum(REGULAR_GAP * usual, ROUNDED_MM)) & ~lost)
        sizes_mm = np.unique(np.round(gaps[odd], 2))
        if len(odd) >= MANY_GAPS * max(1, len(sizes_mm)):
            yield (
                None,
                stack,
                f"{len(odd)} gaps of {', '.join(f'{size:g}' for size in sizes_mm)} mm beside {usual:.4g} mm",
            )
            continue
        for place in odd:
            yield (
                slices.index[place],
                stack,
                f"{gaps[place]:.4g} mm to {file_name(slices, place + 1)}, usual {usual:.4g} mm",
            )


@rule(
    STACK_RULES,
    "warning",
    effect="The slice is drawn, and a volume computed, beside its place.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Look at it; leave it out, or resample by position.",
)
def displaced_slice(case):
    """Slices that lie beside the line that the others make."""
    for stack, (slices, gaps, usual) in case.measured.items():
        off = lateral_offset_mm(slices)
        for place in np.flatnonzero(off > OFF_LINE * usual) if len(gaps) > 1 else ():
            yield slices.index[place], stack, f"{off[place]:.3g} mm beside the line of the others"


@rule(
    STACK_RULES,
    "warning",
    effect="The slice is counted twice; naive stacks are one slice too long.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Keep one image of each position (stack_slices marks the others).",
)
def repeated_slice(case):
    """Images at the position of another in their stack, each with a UID of its own."""
    for stack, (slices, _) in case.stacks.items():
        repeated = slices["repeated"].to_numpy(bool)
        if not repeated.any():
            continue
        keys = slices.reindex(columns=["SOPInstanceUID", "frame"])
        copies = (keys.duplicated() & keys["SOPInstanceUID"].notna()).to_numpy()
        for place in np.flatnonzero(repeated & ~copies):
            if differ(slices.iloc[place], slices.iloc[place - 1]):
                continue
            yield (
                slices.index[place],
                stack,
                f"at {slices['position_mm'].iloc[place]:.4g} mm, as {file_name(slices, place - 1)}",
            )


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are shifted against each other: a box of voxels leans.",
    clause="PS3.3 C.7.6.2.1.1, C.8.2.1",
    remedy="Use the affine, which holds the shift; do not stack the arrays as a box.",
)
def gantry_tilt(case):
    """Stacks whose positions do not run along the normal; measured, not read from the tilt's element."""
    for stack, (slices, gaps, usual) in case.measured.items():
        angle = shear_deg(slices)
        straight = len(gaps) < 2 or (lateral_offset_mm(slices) <= OFF_LINE * usual).all()
        if straight and angle > LEAST_TILT_DEG:
            yield None, stack, f"{angle:.1f}°"


@rule(
    STACK_RULES,
    "warning",
    effect="Programs that trust it draw the stack too long, too short or upside down.",
    clause="PS3.3 C.7.6.2",
    remedy="Measure spacing from positions (stack_table does).",
)
def wrong_declared_spacing(case):
    """Spacing Between Slices that is not what the positions say, in size or sign."""
    for stack, (slices, _, usual) in case.measured.items():
        declared = numbers(slices, "SpacingBetweenSlices")
        wrong = np.abs(declared - usual) > DECLARED_OFF * usual
        if wrong.any():
            yield None, stack, f"declared {declared[wrong][0]:g} mm, measured {usual:.4g} mm"


@rule(
    STACK_RULES,
    "note",
    effect="What lies between the slices was never seen; volumes of organs are estimates.",
    clause="PS3.3 C.7.6.2",
    remedy="Do not take Slice Thickness for spacing; do not interpolate across.",
)
def interspaced(case):
    """Stacks whose slices lie further apart than they are thick."""
    for stack, (slices, _, usual) in case.measured.items():
        thickness = numbers(slices, "SliceThickness")[0]
        if len(slices) > FEW and usual > INTERSPACED * thickness > 0:
            yield None, stack, f"{thickness:g} mm thick, {usual:.4g} mm apart"


@rule(
    STACK_RULES,
    "note",
    effect="Stored values of different slices must not be compared.",
    clause="PS3.3 C.11.1",
    remedy="Apply each image's own rescale (load_volume does).",
)
def rescale_varies(case):
    """Stacks whose images have several rescale slopes or intercepts."""
    for stack, (slices, _) in case.stacks.items():
        pairs = set(
            zip(
                *(
                    np.nan_to_num(numbers(slices, keyword), nan=-np.inf)
                    for keyword in ("RescaleSlope", "RescaleIntercept")
                )
            )
        )
        if len(pairs) > 1:
            yield None, stack, f"{len(pairs)} pairs of slope and intercept"
