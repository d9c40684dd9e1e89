"""Do the identifiers hold together what belongs together? Rules that look at UIDs and IDs alone."""

from collections.abc import Iterator

import numpy as np

from helpers.geometry.grids import (
    SAME_COSINE,
    SAME_SPACING,
    is_even,
    places_of,
    position_tolerance_mm,
)
from helpers.quality.findings import COLLECTION, Finding, Rule, rule
from helpers.quality.rules import Collection, several_of

MIN_FILES = 3  # from here on "another in every file" is no accident
MIN_POSITIONS = 5  # of a grid that single slices make
UIDS = ("StudyInstanceUID", "SOPInstanceUID")  # besides the series' own, which is in the index
IDENTITIES = {"PatientID": "patients", "StudyInstanceUID": "studies", "SeriesNumber": "series"}

IDENTITY_RULES: dict[str, Rule] = {}


@rule(
    IDENTITY_RULES,
    "warning",
    effect="What belongs together is a guess: series and studies may be mixed, or torn apart.",
    clause="PS3.3 C.7.2.1, C.7.3.1, C.12.1",
    remedy="Ask for the original files; without a Series Instance UID images are kept apart by "
    "folder, Series Number and Series Description.",
)
def missing_identifiers(collection: Collection) -> Iterator[Finding]:
    """Images without UID of their own, their series or their study."""
    measures = collection.measures
    lacking = {"SeriesInstanceUID": collection.without_uid}
    given = collection.slices.reindex(columns=UIDS)
    lacking |= {keyword: given[keyword].isna().to_numpy() for keyword in UIDS}
    counts = {keyword: measures.sums(missing).astype(int) for keyword, missing in lacking.items()}
    for stack in np.flatnonzero(sum(counts.values())).tolist():
        own = {keyword: count[stack] for keyword, count in counts.items() if count[stack]}
        named = ", ".join(f"{keyword} in {count}" for keyword, count in own.items())
        yield collection.stack_finding(f"no {named} of {measures.counts[stack]} images", stack)


@rule(
    IDENTITY_RULES,
    "warning",
    effect="Each image counts as a study or patient of its own: splits by patient leak.",
    clause="PS3.3 C.7.1.1, C.7.2.1, PS3.15 E.1",
    remedy="Take the series for one (slice_table does); ask for files with consistent identifiers.",
)
def identifiers_per_file(collection: Collection) -> Iterator[Finding]:
    """Stacks with another study or patient in every file, as a broken anonymiser writes them."""
    for stack in np.flatnonzero(collection.measures.counts >= MIN_FILES).tolist():
        words = [
            word
            for word in ("StudyInstanceUID", "PatientID")
            if _in_every_file(collection, word, stack)
        ]
        if words:
            value = f"another {' and '.join(words)} in each of {_files(collection, stack)} files"
            yield collection.stack_finding(value, stack)


@rule(
    IDENTITY_RULES,
    "warning",
    effect="Programs that group by it mix patients or examinations.",
    clause="PS3.3 C.7.3.1",
    remedy="Group by patient, study and series number too (slice_table does).",
)
def shared_series_uid(collection: Collection) -> Iterator[Finding]:
    """Series Instance UIDs that several patients, studies or series numbers share."""
    measures, index = collection.measures, collection.slices.index
    uid = np.asarray(index.codes[0])[measures.starts]
    for stacks in several_of(np.arange(len(uid)), uid):
        if not collection.without_uid[measures.starts[stacks[0]]]:
            rows = measures.starts[stacks]
            words = [word for word in IDENTITIES if not _in_every_file(collection, word, stacks[0])]
            counts = {word: _count(measures.codes(word)[rows]) for word in words}
            shared = [f"{n} {IDENTITIES[word]} ({word})" for word, n in counts.items() if n > 1]
            if shared:
                yield collection.stack_finding(", ".join(shared), stacks[0])


@rule(
    IDENTITY_RULES,
    "warning",
    effect="Programs that split by it see several stacks, or single slices; whether places agree "
    "with those of other series is not known.",
    clause="PS3.3 C.7.4.1",
    remedy="Take the images for one stack where their positions make an even grid (slice_table "
    "does); do not carry positions over to other series.",
)
def several_frames_of_reference(collection: Collection) -> Iterator[Finding]:
    """Stacks whose images have several Frame of Reference UIDs."""
    several = collection.several(collection.measures.codes("FrameOfReferenceUID"))
    for stack in np.flatnonzero(several & collection.sections).tolist():
        count, files = (
            _distinct(collection, "FrameOfReferenceUID", stack),
            _files(collection, stack),
        )
        each = ", one per file" if count == files else ""
        yield collection.stack_finding(f"{count} Frame of Reference UIDs{each}", stack)


@rule(
    IDENTITY_RULES,
    "warning",
    scope=COLLECTION,
    effect="One scan counts as many series of one slice; there is no volume of it.",
    clause="PS3.3 C.7.3.1",
    remedy="Stack them all the same: slice_table(headers.drop(columns='SeriesInstanceUID')), with "
    "the headers of these files alone.",
)
def grid_of_single_slices(collection: Collection) -> Iterator[Finding]:
    """Series of one slice that make an even grid together, as a broken anonymiser leaves them."""
    measures = collection.measures
    for stacks in _single_slices_alike(collection):
        rows = measures.starts[stacks]
        along = measures.vectors("ImagePositionPatient", 3)[rows] @ measures.normal[stacks[0]]
        tolerance = position_tolerance_mm(measures.vectors("PixelSpacing", 2)[rows[:1]])[0]
        order = np.argsort(along, kind="stable")
        positions = along[order][np.diff(places_of(along, tolerance)[order], prepend=-1) > 0]
        if len(positions) >= MIN_POSITIONS and is_even(positions):
            gap = np.median(np.diff(positions))
            value = f"{len(stacks)} series of one slice make an even grid, {gap:.4g} mm apart"
            yield collection.image_finding(value, rows[order[0]])


def _single_slices_alike(collection):
    """Stacks of one slice, each alone in its series, that lie alike in one study: by number."""
    measures = collection.measures
    uid = np.asarray(collection.slices.index.codes[0])[measures.starts]
    alone = (measures.counts == 1) & (np.bincount(uid, minlength=1)[uid] == 1)
    normal = np.isfinite(measures.normal).all(axis=1)
    placed = np.isfinite(measures.along[measures.starts])
    stacks = np.flatnonzero(alone & normal & placed & collection.sections)
    rows = measures.starts[stacks]
    words = ("PatientID", "Modality", "Rows", "Columns")
    keys = [measures.codes(word)[rows] for word in words]
    study = measures.codes("StudyInstanceUID")[rows]
    once = np.bincount(study + 1, minlength=1)[study + 1] == 1  # renamed in every file as well
    keys.append(np.where(once, -1, study))
    keys.append(_alike(measures.vectors("ImageOrientationPatient", 6)[rows], SAME_COSINE))
    keys.append(_alike(measures.vectors("PixelSpacing", 2)[rows], SAME_SPACING))
    joint = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    return several_of(stacks, joint)


def _alike(vectors, tolerance):
    """A number for each vector (m, k): equal where they are equal within a tolerance."""
    rounded = np.round(np.nan_to_num(vectors) / (2 * tolerance)) if len(vectors) else vectors
    return np.unique(rounded, axis=0, return_inverse=True)[1].reshape(-1)


def _in_every_file(collection, keyword, stack):
    """Whether an element has another value in every file of a stack."""
    return _distinct(collection, keyword, stack) >= _files(collection, stack) >= MIN_FILES


def _files(collection, stack):
    return len(np.unique(collection.path_codes[collection.measures.rows(stack)]))


def _distinct(collection, keyword, stack):
    """How many values an element has in a stack, missing ones aside."""
    return _count(collection.measures.codes(keyword)[collection.measures.rows(stack)])


def _count(codes):
    return len(np.unique(codes[codes >= 0]))
