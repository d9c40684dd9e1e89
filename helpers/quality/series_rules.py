"""What can be wrong with a series? Rules that look at its stacks side by side, by headers alone."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from helpers.geometry.grids import SAME_COSINE, SAME_SPACING
from helpers.geometry.orientation import plane_name
from helpers.quality.findings import Finding, Rule, rule
from helpers.quality.rules import Collection, several_of
from helpers.slices.elements import BOOKKEEPING, CLOCKS
from helpers.slices.parts import GUESSES

NOT_MEANT = {*BOOKKEEPING, *CLOCKS, *GUESSES}  # what tells two scans apart, but no contrast or time
MAX_SCOUT_IMAGES = 3  # in one plane, beside a stack of many
MAX_SCOUT_COSINE = 0.7  # between the normals of a scout and of the stack: another plane
SCOUT_WORDS = ("pilot", "survey", "scout", "localizer", "localiser")  # in a description
MAX_PLANE_IMAGES = 10  # in each of the three planes of a localizer without a name
MAX_BLOCK_IMAGES = 15  # in each of the blocks that follow a spine
MIN_BLOCK_COSINE = 0.7  # between the normals of two blocks: 45 degrees

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
    for stacks, reasons in collection.groups:
        if len(stacks) == 2 and _is_repetition(collection, stacks, reasons):
            one, other = collection.measures.counts[stacks]
            value = f"stacks of {one} and {other} images, told apart by {', '.join(reasons)}"
            yield collection.stack_finding(value, stacks[0])


@rule(
    SERIES_RULES,
    "warning",
    effect="Which images belong to one scan is a guess; a volume may be a mixture.",
    clause="PS3.3 C.7.6.1",
    remedy="Look at each stack before it is used; ask what the repetitions are.",
)
def ambiguous_repetitions(collection: Collection) -> Iterator[Finding]:
    """Repeated positions that nothing but the order of Instance Numbers tells apart."""
    for stacks, reasons in collection.groups:
        if collection.measures.guessed[stacks].any():
            counts = collection.measures.counts[stacks]
            yield collection.stack_finding(
                f"{len(stacks)} stacks of {counts[0]} images, told apart by {', '.join(reasons)}",
                stacks[0],
            )


@rule(
    SERIES_RULES,
    "note",
    effect="Each position has several images: slices per patient are counted several times.",
    clause="PS3.3 C.7.3.1, C.7.6.1",
    remedy="Take one stack of stack_table for each contrast or time.",
)
def several_phases(collection: Collection) -> Iterator[Finding]:
    """Series of several contrasts or times of the same part of the body."""
    for stacks, reasons in collection.groups:
        guessed = collection.measures.guessed[stacks].all()
        meant = not _is_repetition(collection, stacks, reasons)
        overlap = _overlap(collection.measures, stacks)
        if overlap and not guessed and (len(stacks) > 2 or meant):
            counts = collection.measures.counts[stacks]
            few, many = counts.min(), counts.max()
            images = f"{few}" if few == many else f"{few} to {many}"
            value = f"{len(stacks)} stacks of {images} images, told apart by {', '.join(reasons)}"
            yield collection.stack_finding(value, stacks[0])


@rule(
    SERIES_RULES,
    "note",
    effect="A scout lies among the slices; counts are too high.",
    clause="PS3.3 C.8.2.1.1.1",
    remedy="Leave it out (stack_table has it as a stack of its own).",
)
def localizer(collection: Collection) -> Iterator[Finding]:
    """Scouts among slices: by Image Type, or a few images in another plane than a stack of many."""
    measures = collection.measures
    for stacks, scouts in _with_scouts(collection):
        among = measures.counts[stacks[0]]
        for scout in scouts:
            marked = np.zeros(len(measures), bool)
            marked[measures.rows(scout)] = True
            plane = plane_name(measures.first_of("ImageOrientationPatient")[scout])
            for row in collection.first_in_file(marked):
                yield collection.image_finding(f"{plane} among {among} images", row)


@rule(
    SERIES_RULES,
    "warning",
    effect="A volume of all images is no volume; letters differ from image to image.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Take one stack of stack_table.",
)
def several_orientations(collection: Collection) -> Iterator[Finding]:
    """Series with images in several orientations; not scouts, and not the blocks of a spine."""
    measures = collection.measures
    orientations = measures.vectors("ImageOrientationPatient", 6)[measures.starts]
    for stacks, scouts in _with_scouts(collection):
        kept = np.setdiff1d(stacks, scouts)
        number = _alike(orientations[kept], SAME_COSINE)
        distinct = [orientations[kept[number == one][0]] for one in range(number.max() + 1)]
        images = np.bincount(number, measures.counts[kept])
        if len(distinct) > 1 and not (
            _are_three_planes(distinct, images) or _are_blocks(distinct, images)
        ):
            planes = ", ".join(dict.fromkeys(map(plane_name, distinct)))
            value = f"{len(distinct)} orientations ({planes})"
            yield collection.stack_finding(value, stacks[0])


@rule(
    SERIES_RULES,
    "warning",
    effect="The arrays do not stack.",
    clause="PS3.3 C.7.6.3",
    remedy="Take one stack of stack_table, or resample.",
)
def several_sizes(collection: Collection) -> Iterator[Finding]:
    """Series whose images of one orientation have several matrix sizes."""
    for stacks in _that_lie_alike(collection):
        sizes = _sizes(collection, stacks)
        if len(sizes) > 1:
            value = " and ".join(f"{rows:g} × {columns:g}" for rows, columns in sizes)
            yield collection.stack_finding(value, stacks[0])


@rule(
    SERIES_RULES,
    "warning",
    effect="Lengths and areas change from slice to slice.",
    clause="PS3.3 10.7.1.3",
    remedy="Take one stack of stack_table, or resample.",
)
def several_spacings(collection: Collection) -> Iterator[Finding]:
    """Series whose images of one orientation and size have several pixel spacings."""
    measures = collection.measures
    spacings = measures.vectors("PixelSpacing", 2)[measures.starts]
    for stacks in _that_lie_alike(collection):
        own = spacings[stacks][np.isfinite(spacings[stacks]).all(axis=1)]
        number = _alike(own / own.max(), SAME_SPACING) if len(own) else np.zeros(1, int)
        if number.max() and len(_sizes(collection, stacks)) == 1:
            several = [own[number == one][0] for one in range(number.max() + 1)]
            value = " and ".join(f"{row:.4g} × {column:.4g} mm" for row, column in several)
            yield collection.stack_finding(value, stacks[0])


def _is_repetition(collection, stacks, reasons):
    """Whether nothing that tells stacks apart is a contrast or a time, or counted in the header."""
    counted = not {*GUESSES}.isdisjoint(reasons) and not collection.measures.guessed[stacks].any()
    meant = not NOT_MEANT.issuperset(reasons) or counted
    return bool(reasons) and not meant and _overlap(collection.measures, stacks)


def _overlap(measures, stacks):
    """Whether stacks that lie alike cover a common part of the body."""
    extents = [measures.along[measures.rows(stack)] for stack in stacks]
    return max(np.min(own) for own in extents) <= min(np.max(own) for own in extents)


def _with_scouts(collection):
    """Series of slices in several orientations, or with scouts: (stacks, the scouts of them).

    The first stack is the largest that is none; a series that is a localizer by name is left out.
    """
    measures = collection.measures
    marked = _of_distinct(measures.first_of("ImageType"), _names_localizer)
    orientations = measures.vectors("ImageOrientationPatient", 6)[measures.starts]
    named = _is_named_localizer(measures)
    candidates = np.flatnonzero(collection.cross_sectional & ~named)
    for stacks in several_of(candidates, collection.series[candidates]):
        sections = stacks[collection.sections[stacks] & ~marked[stacks]]
        lies = orientations[stacks]
        if not len(sections):
            continue
        turned = np.abs(lies - orientations[sections[0]]).max(axis=1) > SAME_COSINE
        if turned.any() or marked[stacks].any():
            rest = stacks[stacks != sections[0]]
            scouts = [one for one in rest if marked[one] or _is_scout(measures, one, sections[0])]
            ordered = np.r_[sections[:1], rest[collection.sections[rest] | marked[rest]]]
            yield ordered, np.array(scouts, int)


def _is_scout(measures, stack, largest):
    """Whether a stack is a few images in another plane than a stack of many."""
    few, many = measures.counts[[stack, largest]]
    if few > MAX_SCOUT_IMAGES or many <= MAX_SCOUT_IMAGES**2:
        return False
    return bool(abs(measures.normal[stack] @ measures.normal[largest]) < MAX_SCOUT_COSINE)


def _is_named_localizer(measures):
    """Which stacks (s,) are of a series that its description or protocol calls a localizer."""
    words = ("SeriesDescription", "ProtocolName")
    return np.logical_or.reduce(
        [_of_distinct(measures.first_of(word), _names_scout) for word in words]
    )


def _of_distinct(values, test):
    """Whether a test holds for each of some values (s,), each distinct one tested once."""
    known = {value: test(value) for value in set(values.tolist())}
    return np.array([known[value] for value in values.tolist()], bool)


def _names_localizer(image_type):
    return "LOCALIZER" in (image_type if isinstance(image_type, tuple) else (image_type,))


def _names_scout(description):
    return any(word in str(description).lower() for word in SCOUT_WORDS)


def _are_three_planes(orientations, images):
    """Whether these are three planes in few images each, as a localizer has them."""
    planes = {plane_name(one) for one in orientations}
    three = planes == {"axial", "coronal", "sagittal"} and len(orientations) == len(planes)
    return three and images.max() <= MAX_PLANE_IMAGES


def _are_blocks(orientations, images):
    """Whether these are blocks of a few slices, tilted against each other about one axis.

    Their rows, or their columns, run the same way; so they follow a spine.
    """
    if images.max() > MAX_BLOCK_IMAGES:
        return False
    rows, columns = np.array(orientations)[:, :3], np.array(orientations)[:, 3:]
    one_axis = [np.abs(axis - axis[0]).max() <= SAME_COSINE for axis in (rows, columns)]
    normals = np.cross(rows, columns)
    near = all(one @ other > MIN_BLOCK_COSINE for one, other in combinations(normals, 2))
    return any(one_axis) and near


def _that_lie_alike(collection):
    """The stacks of slices of each series that lie as its largest one does, where several do."""
    measures = collection.measures
    orientations = measures.vectors("ImageOrientationPatient", 6)[measures.starts]
    candidates = np.flatnonzero(collection.sections & _varies_in_size(collection))
    for stacks in several_of(candidates, collection.series[candidates]):
        off = np.abs(orientations[stacks] - orientations[stacks[0]]).max(axis=1)
        alike = stacks[~(off > SAME_COSINE)]
        if len(alike) > 1:
            yield alike


def _varies_in_size(collection):
    """Which stacks (s,) are of a series whose stacks have several sizes or spacings."""
    measures = collection.measures
    codes = [measures.codes(word)[measures.starts] for word in ("Rows", "Columns", "PixelSpacing")]
    sizes = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    pairs = np.unique(np.stack([collection.series, sizes], axis=1), axis=0)[:, 0]
    return np.bincount(pairs)[collection.series] > 1 if len(pairs) else np.zeros(0, bool)


def _sizes(collection, stacks):
    """The matrix sizes (rows, columns) of some stacks."""
    starts = collection.measures.starts[stacks]
    sizes = [collection.measures.numbers(word)[starts] for word in ("Rows", "Columns")]
    return dict.fromkeys(zip(*sizes))


def _alike(vectors, tolerance):
    """A number from 0 for each vector (m, k): of the first that it differs little from."""
    numbers = np.zeros(len(vectors), int)
    firsts: list[np.ndarray] = []
    for row, vector in enumerate(vectors):
        near = [n for n, one in enumerate(firsts) if not np.abs(vector - one).max() > tolerance]
        numbers[row] = near[0] if near else len(firsts)
        firsts += [] if near else [vector]
    return numbers
