"""What can be wrong with a series? Rules that look at its stacks side by side, from headers alone."""

from helpers.geometry.orientation import plane_name
from helpers.quality.rules import differ, distinct, is_scout, rule, same_orientation, sizes
from helpers.slices.grid import SAME_COSINE, SAME_SPACING_MM
from helpers.slices.splitting import SCAN_KEYWORDS

SERIES_RULES = {}
AGAIN = {
    *SCAN_KEYWORDS,
    "repeated run of positions",
}  # reasons for which a series was split that mean the same place again


@rule(
    SERIES_RULES,
    "error",
    effect="Slices are counted twice; a volume of all of them is a mixture.",
    clause="PS3.3 C.7.3.1, C.7.6.1",
    remedy="Take one stack of stack_table.",
)
def second_scan(case):
    """Series that hold the same part of the body twice, with nothing to say that this was meant."""
    for stacks in case.series.values():
        again, reasons = _overlapping(stacks)
        if len(again) == 2 and not differ(again[0].iloc[0], again[1].iloc[0]):
            yield (
                None,
                stacks[0][0],
                f"stacks of {len(again[0])} and {len(again[1])} images, told apart by {reasons}",
            )


@rule(
    SERIES_RULES,
    "note",
    effect="Each place has several images: slices per patient are counted several times.",
    clause="PS3.3 C.7.3.1, C.7.6.1",
    remedy="Take one stack of stack_table for each contrast or time.",
)
def several_phases(case):
    """Series of several contrasts or times of the same part of the body."""
    for stacks in case.series.values():
        again, reasons = _overlapping(stacks)
        if len(again) > 2 or (len(again) == 2 and differ(again[0].iloc[0], again[1].iloc[0])):
            yield (
                None,
                stacks[0][0],
                f"{len(again)} stacks of {len(again[0])} images, told apart by {reasons}",
            )


@rule(
    SERIES_RULES,
    "note",
    effect="A scout lies among the slices; counts are too high.",
    clause="PS3.3 C.8.2.1.1.1",
    remedy="Leave it out (stack_table has it as a stack of its own).",
)
def localizer(case):
    """Scouts among slices: by Image Type, or a few images in another plane than a stack of many."""
    for stacks in case.series.values():
        for stack, slices, _ in stacks:
            if (
                stack != stacks[0][0]
                and is_scout(slices, stacks[0][1])
                and not is_scout(stacks[0][1], stacks[0][1])
            ):
                for path in slices.index.unique():
                    yield (
                        path,
                        stack,
                        f"{plane_name(slices['ImageOrientationPatient'].iloc[0])} among {len(stacks[0][1])} images",
                    )


@rule(
    SERIES_RULES,
    "warning",
    effect="A volume of all images is no volume; letters differ from image to image.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Take one stack of stack_table.",
)
def several_orientations(case):
    """Series with images in several orientations, scouts aside."""
    for stacks in case.series.values():
        kept = [
            (stack, slices) for stack, slices, _ in stacks if not is_scout(slices, stacks[0][1])
        ]
        orientations = distinct(kept, "ImageOrientationPatient", 6, SAME_COSINE)
        if len(orientations) > 1:
            planes = ", ".join(
                dict.fromkeys(plane_name(orientation) for orientation in orientations)
            )
            yield None, stacks[0][0], f"{len(orientations)} orientations ({planes})"


@rule(
    SERIES_RULES,
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
            yield (
                None,
                stacks[0][0],
                " and ".join(f"{rows:g} × {columns:g}" for rows, columns in found),
            )


@rule(
    SERIES_RULES,
    "warning",
    effect="Lengths and areas change from slice to slice.",
    clause="PS3.3 10.7.1.3",
    remedy="Take one stack of stack_table, or resample.",
)
def several_spacings(case):
    """Series whose images of one orientation and size have several pixel spacings."""
    for stacks in case.series.values():
        spacings = distinct(same_orientation(stacks), "PixelSpacing", 2, SAME_SPACING_MM)
        if len(spacings) > 1 and len(sizes(stacks)) == 1:
            yield (
                None,
                stacks[0][0],
                " and ".join(f"{row:.4g} × {column:.4g} mm" for row, column in spacings),
            )


def _overlapping(stacks):
    """(slices of the stacks that repeat the largest one's place, what told them apart) of one series."""
    reasons = sorted(
        {reason for _, _, split_by in stacks for reason in split_by.split(", ")} & AGAIN
    )
    return [slices for _, slices in same_orientation(stacks)] if reasons else [], ", ".join(reasons)
