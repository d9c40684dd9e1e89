"""What can be wrong with stacks? Rules that look at geometry, from headers alone."""

import numpy as np

from helpers.grid import REGULAR_GAP, SAME_COSINE, SAME_SPACING_MM, file_name, numbers, shear_deg
from helpers.orientation import plane_name
from helpers.rules import rule
from helpers.series import distinct, explained, is_multiple, is_scout, sizes, upright
from helpers.splitting import SCAN_KEYWORDS

STACK_RULES = {}
REPETITION = "repeated run of positions"
ONE_SCAN = {"EchoTime", "EffectiveEchoTime", "EchoNumbers", "TemporalPositionIdentifier", "TemporalPositionIndex"}  # of one
SECOND_SCAN = {*SCAN_KEYWORDS, REPETITION} - ONE_SCAN
FEW = 3  # slices: too few to tell how far apart they lie
LEAST_TILT_DEG = 1.0
INTERSPACED = 1.5  # times the thickness
DECLARED_OFF = 0.05  # share by which declared and measured spacing may differ


@rule(
    STACK_RULES,
    "error",
    effect="Slices are counted twice; a volume of all of them is a mixture.",
    clause="PS3.3 C.7.3.1, C.7.6.1",
    remedy="Take one stack of stack_table.",
)
def second_scan(case):
    """Series that hold the same part of the body more than once."""
    for stacks in case.series.values():
        reasons = sorted({reason for _, _, split_by in stacks for reason in split_by.split(", ")} & SECOND_SCAN)
        if reasons:
            counts = " and ".join(str(len(slices)) for _, slices, _ in stacks)
            yield None, stacks[0][0], f"stacks of {counts} images, told apart by {', '.join(reasons)}"


@rule(
    STACK_RULES,
    "error",
    effect="What lay there was lost; a volume would be bent.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Look for the file; else load the longest even run.",
)
def missing_slice(case):
    """Gaps of two or more times the usual one, where no unreadable file explains them."""
    for stack, (slices, gaps) in case.measured.items():
        usual = np.median(gaps)
        for place in np.flatnonzero(is_multiple(gaps, usual)):
            if not explained(case, slices, place):
                yield slices.index[place], stack, f"{gaps[place]:.4g} mm to {file_name(slices, place + 1)}, usual {usual:.4g} mm"


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are drawn, and volumes computed, in the wrong place.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Load the longest even run, or resample by position.",
)
def uneven_spacing(case):
    """Gaps that are neither the usual one nor a multiple of it."""
    for stack, (slices, gaps) in case.measured.items():
        usual = np.median(gaps)
        odd = (np.abs(gaps - usual) > REGULAR_GAP * usual) & ~is_multiple(gaps, usual)
        for place in np.flatnonzero(odd):
            yield slices.index[place], stack, f"{gaps[place]:.4g} mm to {file_name(slices, place + 1)}, usual {usual:.4g} mm"


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
            yield slices.index[place], stack, f"at {slices['position_mm'].iloc[place]:.4g} mm, as {file_name(slices, place - 1)}"


@rule(
    STACK_RULES,
    "note",
    effect="A projection lies among the slices; counts are one too high.",
    clause="PS3.3 C.8.2.1.1.1",
    remedy="Leave it out (stack_table has it as a stack of its own).",
)
def localizer(case):
    """Scouts among slices: by Image Type, or a few images in another plane than a stack of many."""
    for stacks in case.series.values():
        for stack, slices, _ in stacks:
            if is_scout(slices, stacks[0][1]):
                for path in slices.index.unique():
                    yield path, stack, f"{plane_name(slices['ImageOrientationPatient'].iloc[0])} among {len(stacks[0][1])} images"


@rule(
    STACK_RULES,
    "warning",
    effect="A volume of all images is no volume; letters differ from image to image.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Take one stack of stack_table.",
)
def several_orientations(case):
    """Series with images in several orientations, scouts aside."""
    for stacks in case.series.values():
        kept = [(stack, slices) for stack, slices, _ in stacks if not is_scout(slices, stacks[0][1])]
        orientations = distinct(kept, "ImageOrientationPatient", 6, SAME_COSINE)
        if len(orientations) > 1:
            planes = ", ".join(dict.fromkeys(plane_name(orientation) for orientation in orientations))
            yield None, stacks[0][0], f"{len(orientations)} orientations ({planes})"


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are shifted against each other: a box of voxels leans.",
    clause="PS3.3 C.7.6.2.1.1, C.8.2.1",
    remedy="Use the affine, which holds the shift; do not stack the arrays as a box.",
)
def gantry_tilt(case):
    """Stacks whose positions do not run along the normal; measured, not read from the tilt's element."""
    for stack, (slices, _) in case.measured.items():
        angle = shear_deg(slices)
        if angle > LEAST_TILT_DEG:
            yield None, stack, f"{angle:.1f}°"


@rule(
    STACK_RULES,
    "warning",
    effect="The arrays do not stack.",
    clause="PS3.3 C.7.6.3",
    remedy="Take one stack of stack_table, or resample.",
)
def several_sizes(case):
    """Series whose images of one orientation have several matrix sizes."""
    for stacks in case.series.values():
        found = sizes(stacks)
        if len(found) > 1:
            yield None, stacks[0][0], " and ".join(f"{rows:g} × {columns:g}" for rows, columns in found)


@rule(
    STACK_RULES,
    "warning",
    effect="Lengths and areas change from slice to slice.",
    clause="PS3.3 10.7.1.3",
    remedy="Take one stack of stack_table, or resample.",
)
def several_spacings(case):
    """Series whose images of one orientation and size have several pixel spacings."""
    for stacks in case.series.values():
        spacings = distinct(upright(stacks), "PixelSpacing", 2, SAME_SPACING_MM)
        if len(spacings) > 1 and len(sizes(stacks)) == 1:
            yield None, stacks[0][0], " and ".join(f"{row:.4g} × {column:.4g} mm" for row, column in spacings)


@rule(
    STACK_RULES,
    "warning",
    effect="Programs that trust it draw the stack too long, too short or upside down.",
    clause="PS3.3 C.7.6.2",
    remedy="Measure spacing from positions (stack_table does).",
)
def wrong_declared_spacing(case):
    """Spacing Between Slices that is not what the positions say, in size or sign."""
    for stack, (slices, gaps) in case.measured.items():
        declared, usual = numbers(slices, "SpacingBetweenSlices"), np.median(gaps)
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
    for stack, (slices, gaps) in case.measured.items():
        thickness, usual = numbers(slices, "SliceThickness")[0], np.median(gaps)
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
        pairs = {pair for pair in zip(numbers(slices, "RescaleSlope"), numbers(slices, "RescaleIntercept")) if pair[0] == pair[0]}
        if len(pairs) > 1:
            yield None, stack, f"{len(pairs)} pairs of slope and intercept"
