"""What can be wrong with a stack? Rules that look at the geometry of its slices alone."""

from collections.abc import Iterator

import numpy as np

from helpers.geometry.grids import REGULAR_GAP
from helpers.quality.findings import Finding, Rule, rule
from helpers.quality.rules import Collection
from helpers.slices.elements import MEANING, shown

MIN_SLICES_TO_JUDGE = 4  # how far apart they lie
MIN_TILT_DEG = 1.0
INTERSPACED = 1.5  # times the thickness
ROUNDING_MM = 0.101  # a gap may be off by so much because positions are written with few digits,
MAX_ROUNDING = 0.25  # but by no more than this share of the spacing
MIN_EQUAL_GAPS = 3  # that many gaps of one size are no accident
MAX_LATERAL_SHARE = 0.1  # of the spacing
MAX_DECLARED_SHARE = 0.05  # of the spacing, by which what is declared may differ
MAX_MISSING_SPACINGS = 5  # a longer gap leads to another part of the body
MAX_NAMED_VALUES = 4  # of an element that varies

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
    for row in np.flatnonzero(_is_lost(collection)).tolist():
        if not explained_by_bad_files(collection, int(row)):
            yield collection.image_finding(_gap(collection, row), row)


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are drawn, and volumes computed, in the wrong place.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Load the longest even run, or resample by position.",
)
def uneven_spacing(collection: Collection) -> Iterator[Finding]:
    """Gaps unlike the typical one, no number missing; a change of protocol once for the stack."""
    measures, spacing = collection.measures, _spacing(collection)
    rounding = np.minimum(ROUNDING_MM, MAX_ROUNDING * spacing)
    off = np.abs(measures.gap - spacing) > np.maximum(REGULAR_GAP * spacing, rounding)
    odd = np.flatnonzero(off & ~_is_lost(collection))
    for stack in np.unique(measures.segment[odd]):
        rows = odd[measures.segment[odd] == stack]
        sizes_mm = np.unique(np.round(measures.gap[rows], 2))
        if len(rows) >= MIN_EQUAL_GAPS * len(sizes_mm):
            sizes = ", ".join(f"{size:g}" for size in sizes_mm)
            value = f"{len(rows)} gaps of {sizes} mm beside {measures.spacing[stack]:.4g} mm"
            yield collection.stack_finding(value, stack)
            continue
        for row in rows:
            yield collection.image_finding(_gap(collection, row), row)


@rule(
    STACK_RULES,
    "warning",
    effect="The slice is drawn, and a volume computed, beside its place.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Look at it; leave it out, or resample by position.",
)
def displaced_slice(collection: Collection) -> Iterator[Finding]:
    """Slices that lie beside the line that the others make."""
    for row in np.flatnonzero(_is_displaced(collection)).tolist():
        value = f"{collection.measures.off[row]:.3g} mm beside the line of the others"
        yield collection.image_finding(value, row)


@rule(
    STACK_RULES,
    "warning",
    effect="The slice is counted twice; naive stacks are one slice too long.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Keep one image of each position (slice_table marks the others as repeated).",
)
def repeated_slice(collection: Collection) -> Iterator[Finding]:
    """Images at the position of another in their stack, with a UID of its own and one meaning."""
    measures = collection.measures
    again = measures.repeated & (collection.sections & measures.on_grid)[measures.segment]
    kept = np.flatnonzero(measures.kept)
    for row in np.flatnonzero(again).tolist():
        other = kept[np.searchsorted(kept, row) - 1]
        if not _is_copy(collection, row, other) and not _differ(collection, row, other):
            value = f"at {measures.along[row]:.4g} mm, as {collection.name(other)}"
            yield collection.image_finding(value, row)


@rule(
    STACK_RULES,
    "error",
    effect="A volume of these images is none: values of several kinds lie side by side.",
    clause="PS3.3 C.7.3.1, C.7.6.1",
    remedy="Take the rows of slices that have one value of the element that is named.",
)
def mixed_meanings(collection: Collection) -> Iterator[Finding]:
    """Stacks that hold several values of what changes the pixels, and that nothing tells apart."""
    for stack, elements in collection.measures.mixed.items():
        if collection.sections[stack]:
            found = [_values(keyword, values) for keyword, values in elements]
            yield collection.stack_finding("; ".join(found), stack)


@rule(
    STACK_RULES,
    "warning",
    effect="Slices are shifted against each other: a box of voxels leans.",
    clause="PS3.3 C.7.6.2.1.1, C.8.2.1",
    remedy="Use the affine, which holds the shift; do not stack the arrays as a box.",
)
def gantry_tilt(collection: Collection) -> Iterator[Finding]:
    """Stacks whose positions do not run along the normal; measured, not read from an element."""
    bent = collection.measures.any_of(_is_displaced(collection))
    angle = collection.measures.shear
    for stack in np.flatnonzero(collection.measured & ~bent & (angle > MIN_TILT_DEG)).tolist():
        yield collection.stack_finding(f"{angle[stack]:.1f}°", stack)


@rule(
    STACK_RULES,
    "warning",
    effect="Programs that trust it draw the stack too long, too short or upside down.",
    clause="PS3.3 C.7.6.2",
    remedy="Measure spacing from positions (stack_table does).",
)
def wrong_declared_spacing(collection: Collection) -> Iterator[Finding]:
    """Spacing Between Slices that is not what the positions say, in size or sign."""
    measures, spacing = collection.measures, _spacing(collection)
    declared = measures.numbers("SpacingBetweenSlices")
    wrong = np.flatnonzero(np.abs(declared - spacing) > MAX_DECLARED_SHARE * spacing)
    stacks, first = np.unique(measures.segment[wrong], return_index=True)
    for stack, row in zip(stacks, wrong[first]):
        value = f"declared {declared[row]:g} mm, measured {measures.spacing[stack]:.4g} mm"
        yield collection.stack_finding(value, stack)


@rule(
    STACK_RULES,
    "note",
    effect="What lies between the slices was never seen; volumes of organs are estimates.",
    clause="PS3.3 C.7.6.2",
    remedy="Do not take Slice Thickness for spacing; do not interpolate across.",
)
def interspaced(collection: Collection) -> Iterator[Finding]:
    """Stacks whose slices lie further apart than they are thick."""
    measures = collection.measures
    thickness, spacing = measures.numbers("SliceThickness")[measures.starts], measures.spacing
    many = measures.sums(measures.kept) >= MIN_SLICES_TO_JUDGE
    apart = collection.measured & many & (thickness > 0) & (spacing > INTERSPACED * thickness)
    words = "{:g} mm thick, {:.4g} mm apart"
    stacks = np.flatnonzero(apart).tolist()
    yield from collection.group_findings(
        {stack: words.format(thickness[stack], spacing[stack]) for stack in stacks}
    )


@rule(
    STACK_RULES,
    "note",
    effect="Slices next to each other are blurred, and noisy, by different amounts.",
    clause="PS3.3 C.7.6.2",
    remedy="Take spacing from positions; compare noise within one thickness alone.",
)
def thickness_varies(collection: Collection) -> Iterator[Finding]:
    """Even stacks whose Slice Thickness is not the same in all images."""
    measures = collection.measures
    thickness = measures.numbers("SliceThickness")
    several = collection.several(measures.codes("SliceThickness"))
    even = collection.measured & ~measures.any_of(measures.is_odd)
    values = {}
    for stack in np.flatnonzero(several & even).tolist():
        own = np.unique(thickness[measures.rows(stack)])
        own = own[np.isfinite(own)]
        if len(own) > 1:
            values[stack] = f"{len(own)} thicknesses, {own[0]:.6g} to {own[-1]:.6g} mm"
    yield from collection.group_findings(values)


@rule(
    STACK_RULES,
    "note",
    effect="Stored values of different slices must not be compared.",
    clause="PS3.3 C.11.1",
    remedy="Apply each image's own rescale (load_volume does).",
)
def rescale_varies(collection: Collection) -> Iterator[Finding]:
    """Stacks whose images have several rescale slopes or intercepts."""
    measures = collection.measures
    pairs = [measures.codes(f"Rescale{word}") + 1 for word in ("Slope", "Intercept")]
    several = np.logical_or.reduce([collection.several(codes) for codes in pairs])
    values = {}
    for stack in np.flatnonzero(several & collection.cross_sectional).tolist():
        own = np.unique([codes[measures.rows(stack)] for codes in pairs], axis=1)
        values[stack] = f"{own.shape[1]} pairs of slope and intercept"
    yield from collection.group_findings(values)


def explained_by_bad_files(collection: Collection, row: int) -> bool:
    """Whether as many files cannot be read or placed as slices are missing behind an image."""
    measures = collection.measures
    stack, gap = measures.segment[row], measures.gap[row]
    spacing, first = measures.spacing[stack], measures.along[row]
    series, _ = collection.stack(stack)
    own = _of_series(collection, row)
    along = _bad_positions(collection, series, own) @ measures.normal[stack]
    inside = (along > first + REGULAR_GAP * spacing) & (along < first + gap - REGULAR_GAP * spacing)
    unplaced = own & collection.sections[measures.segment] & ~np.isfinite(measures.along)
    return bool(inside.sum() + unplaced.sum() >= round(gap / spacing) - 1)


def _of_series(collection, row):
    """Which images (n,) are of the series of one; of its folder, where that has no UID."""
    number = np.asarray(collection.slices.index.codes[0])
    own = number == number[row]
    if collection.without_uid[row]:
        folder = collection.measures.codes("folder")
        own &= folder == folder[row]
    return own


def _bad_positions(collection, series, own):
    """Positions (m, 3) of a series' files that cannot be read, and images that cannot be used."""
    files, rows = collection.files, np.flatnonzero(~collection.readable)
    bad = (collection.column("SeriesInstanceUID").iloc[rows] == series).to_numpy()
    positions = [files.vectors("ImagePositionPatient", 3)[rows[bad]]]
    unusable = own & collection.unusable
    positions.append(collection.measures.vectors("ImagePositionPatient", 3)[unusable])
    return np.concatenate(positions)


def _spacing(collection):
    """The typical gap of each image's stack (n,) mm; NaN where nothing is to be measured."""
    spacing = np.where(collection.measured, collection.measures.spacing, np.nan)
    return spacing[collection.measures.segment]


def _is_lost(collection):
    """Which gaps (n,) are several spacings with numbers missing, but lead to no other part."""
    measures, spacing = collection.measures, _spacing(collection)
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.round(measures.gap / spacing)
    several = (steps > 1) & (steps <= MAX_MISSING_SPACINGS)
    whole = np.abs(measures.gap - steps * spacing) <= REGULAR_GAP * spacing
    return several & whole & ~_is_consecutive(measures)


def _is_consecutive(measures):
    """Whether an image (n,) and the next have consecutive numbers: nothing was lost between."""
    kept = np.flatnonzero(measures.kept)
    found = np.zeros(len(measures), bool)
    for keyword in ("InstanceNumber", "InStackPositionNumber"):
        steps = np.abs(np.diff(measures.numbers(keyword)[kept]))
        found[kept[:-1][steps == 1]] = True
    return found


def _is_displaced(collection):
    """Which images (n,) lie beside the line of three or more."""
    measures, spacing = collection.measures, _spacing(collection)
    several = (measures.sums(np.isfinite(measures.gap)) > 1)[measures.segment]
    return several & (measures.off > MAX_LATERAL_SHARE * spacing)


def _is_copy(collection, row, other):
    """Whether two images are the same object, stored twice."""
    uids, frames = collection.measures.codes("SOPInstanceUID"), collection.frames
    return uids[row] >= 0 and uids[row] == uids[other] and frames[row] == frames[other]


def _differ(collection, row, other):
    """Whether the headers of two images say what makes their pixels different."""
    codes = map(collection.measures.codes, MEANING)
    return any(own[row] != own[other] for own in codes)


def _values(keyword, values):
    named = ", ".join(str(shown(value)) for value in values[:MAX_NAMED_VALUES])
    more = ", …" if len(values) > MAX_NAMED_VALUES else ""
    return f"{len(values)} values of {keyword} ({named}{more})"


def _gap(collection, row):
    """A gap in words: how wide, to which image, and the usual one."""
    measures = collection.measures
    after = row + 1 + int(measures.kept[row + 1 :].argmax())
    usual = measures.spacing[measures.segment[row]]
    return f"{measures.gap[row]:.4g} mm to {collection.name(after)}, usual {usual:.4g} mm"
