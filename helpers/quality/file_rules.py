"""What can be wrong with single files? Rules that look at the rows of the header table."""

import os
import re
from collections.abc import Iterator
from itertools import takewhile

import numpy as np
from pydicom.charset import python_encoding

from helpers.geometry.orientation import COSINE_TOLERANCE
from helpers.headers.pydicom_reader import EMPTY_FILE, NOT_DICOM
from helpers.quality.findings import COLLECTION, Finding, Rule, rule
from helpers.quality.rules import Collection

MAJORITY = 0.5  # of the files that agree on how folders or files are named
SPACING_KEYWORDS = [
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
]
BODY_MODALITIES = ["CT", "MR", "PT", "CR", "DX", "MG"]  # ultrasound has regions of its own
SCREENSHOTS = [  # SOP classes of secondary captures: reports, summaries, scanned paper
    f"1.2.840.10008.5.1.4.1.1.7{suffix}" for suffix in ("", ".1", ".2", ".3", ".4")
]
NUMBER = re.compile(r"\d+")

FILE_RULES: dict[str, Rule] = {}


@rule(
    FILE_RULES,
    "note",
    effect="Counts of files are too high.",
    clause="PS3.10 7.1",
    remedy="Count images, not files (slice_counts does).",
)
def not_dicom(collection: Collection) -> Iterator[Finding]:
    """Files that are no DICOM."""
    yield from _errors(collection.errors[_is_no_dicom(collection.errors)])


@rule(
    FILE_RULES,
    "error",
    effect="The image is lost, and missing from its stack.",
    clause="PS3.5 7.1, A.4",
    remedy="Copy or download the file again.",
)
def truncated_file(collection: Collection) -> Iterator[Finding]:
    """Files that end too early."""
    yield from _errors(collection.errors[collection.errors.str.startswith("truncated")])


@rule(
    FILE_RULES,
    "error",
    effect="Nothing of the file is known.",
    clause="PS3.10 7.1",
    remedy="See the reason; make the file readable or copy it again.",
)
def unreadable_file(collection: Collection) -> Iterator[Finding]:
    """Files that cannot be opened, or whose header cannot be read."""
    errors = collection.errors
    explained = _is_no_dicom(errors) | errors.str.startswith("truncated")
    yield from _errors(errors[~explained])


@rule(
    FILE_RULES,
    "error",
    effect="The image cannot be placed; where all lack it, order and distance are guesses and "
    "there is no volume.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Ask for the original files; do not type in a spacing.",
)
def no_position(collection: Collection) -> Iterator[Finding]:
    """Images of a stack without Image Position (Patient)."""
    yield from _lacking(collection, "ImagePositionPatient", 3)


@rule(
    FILE_RULES,
    "error",
    effect="No letters, no plane, no volume.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Ask for the original files; Patient Position does not replace it.",
)
def no_orientation(collection: Collection) -> Iterator[Finding]:
    """Images of a stack without Image Orientation (Patient)."""
    yield from _lacking(collection, "ImageOrientationPatient", 6)


@rule(
    FILE_RULES,
    "error",
    effect="Letters and distances are off, or cannot be had.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Find out what wrote them; normalise only if the directions are surely right.",
)
def bad_orientation(collection: Collection) -> Iterator[Finding]:
    """Direction cosines that are not two perpendicular unit vectors."""
    error = collection.measures.cosine_error
    for row in collection.first_in_file(np.isfinite(error) & (error > COSINE_TOLERANCE)):
        value = f"{error[row]:.2g} off two perpendicular unit vectors"
        yield Finding(value, collection.paths[row])


@rule(
    FILE_RULES,
    "warning",
    said_once=True,
    effect="Lengths, areas and true aspect are unknown.",
    clause="PS3.3 10.7.1.3",
    remedy="Do not measure; pictures are drawn with pixels as long as wide, and say so.",
)
def no_spacing(collection: Collection) -> Iterator[Finding]:
    """Images of the body that do not say how large a pixel is."""
    measures = collection.measures
    words = collection.slices.reindex(columns=["Modality", "SOPClassUID"])
    body = words["Modality"].isin(BODY_MODALITIES) & ~words["SOPClassUID"].isin(SCREENSHOTS)
    known, written = np.zeros((2, len(measures)), bool)
    for keyword in SPACING_KEYWORDS:
        spacing = measures.vectors(keyword, 2)
        known |= (spacing > 0).all(axis=1)
        written |= np.isfinite(spacing).any(axis=1)
    wrong = body.to_numpy() & ~known & ~collection.unusable
    values = np.where(
        written, "a pixel spacing that is not above 0", "no pixel spacing of any kind"
    )
    yield from collection.file_findings(values, wrong)


@rule(
    FILE_RULES,
    "warning",
    scope=COLLECTION,
    effect="An image is counted, and learned from, twice; which report is valid is not known.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Keep one file of each SOP Instance UID.",
)
def same_instance_twice(collection: Collection) -> Iterator[Finding]:
    """Files with the SOP Instance UID of another."""
    codes = collection.files.codes("SOPInstanceUID")
    rows = np.flatnonzero(collection.readable & (codes >= 0))
    if len(np.unique(codes[rows])) < len(rows):
        paths = collection.headers.index[rows]
        first = dict(zip(codes[rows][::-1].tolist(), paths[::-1]))
        for code, path in zip(codes[rows].tolist(), paths):
            if first[code] != path:
                yield Finding(f"as {_beside(path, first[code])}", path)


@rule(
    FILE_RULES,
    "warning",
    scope=COLLECTION,
    effect="The images may be of someone else; splits by patient may leak.",
    clause="PS3.3 C.7.1.1",
    remedy="Find out which is right, the folder or the header.",
)
def other_patient(collection: Collection) -> Iterator[Finding]:
    """Files in a folder of another name than their Patient ID, where folders are named by it.

    The folders that count lie as far below the one that all files have in common as those that
    are named by patients do; what lies above them, such as a file at the root, is nobody's.
    """
    patients, folders = map(collection.files.codes, ("PatientID", "folder"))
    rows = np.flatnonzero(collection.readable & (patients >= 0))
    if not len(rows):
        return
    pairs = folders[rows] * (patients.max() + 1) + patients[rows]
    _, first, pair = np.unique(pairs, return_index=True, return_inverse=True)
    paths, names = collection.headers.index.to_numpy()[rows], collection.column("PatientID")
    names = names.iloc[rows].map(str).to_numpy()
    levels = _folders_below_the_common_one(paths[first])
    found = [own.index(name) if name in own else -1 for own, name in zip(levels, names[first])]
    level = np.array(found)[pair]
    files = collection.file_counts[rows]
    named = np.bincount(level[level >= 0], files[level >= 0], minlength=1)
    usual = int(named.argmax())
    wrong = (level < 0) & np.array([len(own) > usual for own in levels])[pair]
    for row in np.flatnonzero(wrong) if named[usual] > files[wrong].sum() else ():
        folder = levels[pair[row]][usual]
        yield Finding(f"folder {folder}, Patient ID {names[row]}", paths[row])


@rule(
    FILE_RULES,
    "note",
    effect="Sorting by file name gives another order than by Instance Number.",
    clause="PS3.3 C.7.6.1",
    remedy="Sort by position (slice_table does).",
)
def swapped_numbers(collection: Collection) -> Iterator[Finding]:
    """Files whose number is another's Instance Number, where the two agree in their series."""
    files, paths = collection.files, collection.headers.index.to_numpy()
    rows = np.flatnonzero(collection.image)
    instance = files.numbers("InstanceNumber")[rows]
    number = np.array([_number_in(path) for path in paths[rows].tolist()], float)
    known = np.isfinite(number - instance)
    rows, instance, number = rows[known], instance[known], number[known]
    series, folders = (files.codes(word)[rows] for word in ("SeriesInstanceUID", "folder"))
    groups = folders * (series.max(initial=0) + 2) + series + 1
    for own in _where_offsets_differ(groups, number - instance):
        for row in _exchanged(number[own], instance[own]):
            value = f"Instance Number {instance[own][row]:g}"
            yield Finding(value, paths[rows[own[row]]])


@rule(
    FILE_RULES,
    "warning",
    effect="Names and descriptions may be garbled.",
    clause="PS3.3 C.12.1.1.2",
    remedy="Do not match patients by name; ask which character set was meant.",
)
def unknown_charset(collection: Collection) -> Iterator[Finding]:
    """Character sets that DICOM does not know."""
    stated = collection.column("SpecificCharacterSet")[collection.readable].dropna()
    unknown = {value: _unknown_names(value) for value in stated.unique()}
    unknown = {value: names for value, names in unknown.items() if names}
    for path, value in stated[stated.isin(list(unknown))].items() if unknown else ():
        yield Finding(unknown[value], path)


def _beside(path, other):
    """Another path without the folders that hold both."""
    _, folders = _folders_below_the_common_one([path, other])
    return os.path.join(*folders, os.path.basename(other))


def _is_no_dicom(errors):
    """Which errors (n,) say that a file is something else, or nothing."""
    return errors.str.startswith(NOT_DICOM) | (errors == EMPTY_FILE)


def _errors(errors):
    """Findings of files (an index) that have these errors."""
    return (Finding(error, path) for path, error in errors.items())


def _lacking(collection, keyword, length):
    """Slices of CT, MR and PET without a usable value."""
    measures = collection.measures
    missing = ~np.isfinite(measures.vectors(keyword, length)).all(axis=1)
    for row in collection.first_in_file(missing & collection.sections[measures.segment]):
        yield Finding(f"no {keyword} of {length} numbers", collection.paths[row])


def _folders_below_the_common_one(paths):
    """The names of the folders of each file, from below the folder that all have in common."""
    folders = [path.split(os.sep)[:-1] for path in paths]
    names = zip(*folders, strict=False)
    common = sum(1 for _ in takewhile(lambda several: len(set(several)) == 1, names))
    return [own[common:] for own in folders]


def _number_in(path):
    """The last number in the name of a file; NaN without one."""
    found = NUMBER.findall(os.path.basename(path))
    return float(found[-1]) if found else np.nan


def _where_offsets_differ(groups, offsets):
    """The items of each group, from numbers (m,), whose offsets (m,) are not all the same."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    if not len(starts):
        return
    low, high = (how.reduceat(offsets[order], starts) for how in (np.minimum, np.maximum))
    ends = np.r_[starts[1:], len(order)]
    for one in np.flatnonzero(low < high).tolist():
        yield order[starts[one] : ends[one]]


def _exchanged(number, instance):
    """Which files (m,) have the number of another's name, while most have their own."""
    offsets, counts = np.unique(number - instance, return_counts=True)
    expected = number - offsets[counts.argmax()]
    odd = np.flatnonzero(instance != expected)
    exchanged = set(expected[odd]) == set(instance[odd])
    return odd if counts.max() > MAJORITY * len(number) and exchanged else ()


def _unknown_names(value):
    """The names in a Specific Character Set that DICOM does not know, as text."""
    names = value if isinstance(value, tuple) else (value,)
    return ", ".join(name for name in names if name and name not in python_encoding)
