"""What can be wrong with a series? Rules that look at its stacks side by side, by headers alone."""

from collections.abc import Iterator

import numpy as np

from helpers.geometry.orientation import plane_name, slice_normal
from helpers.quality.rules import Collection, Finding, Rule, differ, rule
from helpers.slices.grid import SAME_COSINE_TOLERANCE, SAME_SPACING_MM, vectors
from helpers.slices.splitting import SCAN_KEYWORDS

# reasons for which a series was split whose parts cover the same positions again
REPEATING_REASONS = {*SCAN_KEYWORDS, "repeated run of positions"}
MAX_SCOUT_IMAGES = 3  # in one plane, beside a stack of many
MAX_SCOUT_COSINE = 0.7  # between the normals of a scout and of the stack: another plane

SERIES_RULES: dict[str, Rule] = {}


@rule(
    SERIES_RULES,
    "error",
    effect="Slices are counted twice; a volume of all of them is a mixture.",
    clause="PS3.3 C.7.3.1, C.7.6.1",
    remedy="Take one stack of stack_table.",
)
def second_scan(collection: Collection) -> Iterator[Finding]:
    """Series that hold the same part of the body twice, with nothing to say that this was meant."""
    for stacks in collection.series.values():
        parts, reasons = _overlapping(stacks)
        if len(parts) == 2 and not differ(parts[0].iloc[0], parts[1].iloc[0]):
            one, other = map(len, parts)
            value = f"stacks of {one} and {other} images, told apart by {reasons}"
            yield Finding(value, stack=stacks[0][0])


@rule(
    SERIES_RULES,
    "note",
    effect="Each position has several images: slices per patient are counted several times.",
    clause="PS3.3 C.7.3.1, C.7.6.1",
    remedy="Take one stack of stack_table for each contrast or time.",
)
def several_phases(collection: Collection) -> Iterator[Finding]:
    """Series of several contrasts or times of the same part of the body."""
    for stacks in collection.series.values():
        parts, reasons = _overlapping(stacks)
        if len(parts) > 2 or (len(parts) == 2 and differ(parts[0].iloc[0], parts[1].iloc[0])):
            value = f"{len(parts)} stacks of {len(parts[0])} images, told apart by {reasons}"
            yield Finding(value, stack=stacks[0][0])


@rule(
    SERIES_RULES,
    "note",
    effect="A scout lies among the slices; counts are too high.",
    clause="PS3.3 C.8.2.1.1.1",
    remedy="Leave it out (stack_table has it as a stack of its own).",
)
def localizer(collection: Collection) -> Iterator[Finding]:
    """Scouts among slices: by Image Type, or a few images in another plane than a stack of many."""
    for (_, largest, _), *others in collection.series.values():
        scouts = [(stack, slices) for stack, slices, _ in others if _is_scout(slices, largest)]
        for stack, slices in scouts if not _is_scout(largest, largest) else ():
            plane = plane_name(slices["ImageOrientationPatient"].iloc[0])
            for path in slices.index.unique():
                yield Finding(f"{plane} among {len(largest)} images", path, stack=stack)


@rule(
    SERIES_RULES,
    "warning",
    effect="A volume of all images is no volume; letters differ from image to image.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Take one stack of stack_table.",
)
def several_orientations(collection: Collection) -> Iterator[Finding]:
    """Series with images in several orientations, scouts aside."""
    for stacks in collection.series.values():
        largest = stacks[0][1]
        kept = [(stack, slices) for stack, slices, _ in stacks if not _is_scout(slices, largest)]
        orientations = _distinct(kept, "ImageOrientationPatient", 6, SAME_COSINE_TOLERANCE)
        if len(orientations) > 1:
            planes = ", ".join(dict.fromkeys(map(plane_name, orientations)))
            value = f"{len(orientations)} orientations ({planes})"
            yield Finding(value, stack=stacks[0][0])


@rule(
    SERIES_RULES,
    "warning",
    effect="The arrays do not stack.",
    clause="PS3.3 C.7.6.3",
    remedy="Take one stack of stack_table, or resample.",
)
def several_sizes(collection: Collection) -> Iterator[Finding]:
    """Series whose images of one orientation have several matrix sizes."""
    for stacks in collection.series.values():
        sizes = _sizes(stacks)
        if len(sizes) > 1:
            value = " and ".join(f"{rows:g} × {columns:g}" for rows, columns in sizes)
            yield Finding(value, stack=stacks[0][0])


@rule(
    SERIES_RULES,
    "warning",
    effect="Lengths and areas change from slice to slice.",
    clause="PS3.3 10.7.1.3",
    remedy="Take one stack of stack_table, or resample.",
)
def several_spacings(collection: Collection) -> Iterator[Finding]:
    """Series whose images of one orientation and size have several pixel spacings."""
    for stacks in collection.series.values():
        spacings = _distinct(_same_orientation(stacks), "PixelSpacing", 2, SAME_SPACING_MM)
        if len(spacings) > 1 and len(_sizes(stacks)) == 1:
            value = " and ".join(f"{row:.4g} × {column:.4g} mm" for row, column in spacings)
            yield Finding(value, stack=stacks[0][0])


def _overlapping(stacks):
    """(slices of the stacks that cover the same positions, what tells them apart)."""
    reasons = {reason for _, _, split_by in stacks for reason in split_by.split(", ")}
    repeating = sorted(reasons & REPEATING_REASONS)
    parts = [slices for _, slices in _same_orientation(stacks)] if repeating else []
    return parts, ", ".join(repeating)


def _is_scout(slices, largest):
    """Whether a stack is a scout beside the largest stack of its series."""
    kinds = slices["ImageType"].iloc[0]
    if "LOCALIZER" in (kinds if isinstance(kinds, tuple) else (kinds,)):
        return True
    if len(slices) > MAX_SCOUT_IMAGES or len(largest) <= MAX_SCOUT_IMAGES**2:
        return False
    one, other = (
        slice_normal(rows["ImageOrientationPatient"].iloc[0]) for rows in (slices, largest)
    )
    return bool(abs(one @ other) < MAX_SCOUT_COSINE)


def _same_orientation(stacks):
    """The (stack, slices) that lie as the largest one does."""
    first = [slices.iloc[:1] for _, slices, _ in stacks]
    orientations = [vectors(rows, "ImageOrientationPatient", 6) for rows in first]
    return [
        (stack, slices)
        for (stack, slices, _), orientation in zip(stacks, orientations)
        if not np.abs(orientation - orientations[0]).max() > SAME_COSINE_TOLERANCE
    ]


def _sizes(stacks):
    """The matrix sizes (rows, columns) of the stacks that lie as the largest one does."""
    first = [slices.iloc[0] for _, slices in _same_orientation(stacks)]
    return dict.fromkeys((row["Rows"], row["Columns"]) for row in first)


def _distinct(stacks, keyword, length, tolerance):
    """The distinct values of the first images of stacks, as tuples; missing ones left out."""
    found: list = []
    for _, slices in stacks:
        value = vectors(slices.iloc[:1], keyword, length)[0]
        known = np.isfinite(value).all()
        if known and all(np.abs(value - other).max() > tolerance for other in found):
            found.append(value)
    return [tuple(value.tolist()) for value in found]
