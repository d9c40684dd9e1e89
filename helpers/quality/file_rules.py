"""What can be wrong with single files? Rules that look at the rows of the header table."""

import os
import re
from collections.abc import Iterator

import numpy as np
from pydicom.charset import python_encoding

from helpers.geometry.orientation import COSINE_TOLERANCE
from helpers.headers.pydicom_reader import EMPTY_FILE, NOT_DICOM
from helpers.quality.rules import Collection, Finding, Rule, rule

MAJORITY = 0.5  # of the files that agree on how folders or files are named
SPACING_KEYWORDS = [
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
]
BODY_MODALITIES = ["CT", "MR", "PT", "CR", "DX", "MG", "US"]
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
    effect="The slice is missing from its stack.",
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
    effect="The images can be neither drawn nor measured here.",
    clause="PS3.5 10, A.4",
    remedy="Install the decoder that is named; decoder_table(headers) lists the patients that it "
    "brings back.",
)
def no_decoder(collection: Collection) -> Iterator[Finding]:
    """Images in a transfer syntax that nothing here decodes."""
    if collection.no_decoders:
        syntaxes = collection.column("TransferSyntaxUID")[collection.image]
        for path, syntax in syntaxes[syntaxes.isin(list(collection.no_decoders))].items():
            yield Finding(collection.no_decoders[syntax], path)


@rule(
    FILE_RULES,
    "error",
    effect="The file holds no such images, or not all of them; none of it can be used.",
    clause="PS3.3 C.7.6.6.1.1",
    remedy="Copy the file again, or ask for the original; the other files are unharmed.",
)
def impossible_frame_count(collection: Collection) -> Iterator[Finding]:
    """Files that cannot hold as many frames as they say."""
    errors = collection.slices["error"].dropna()
    return (Finding(error, path) for (_, _, path, _), error in errors.items())


@rule(
    FILE_RULES,
    "warning",
    effect="Programs take other bits for the value: it is too large or too small by a power of 2.",
    clause="PS3.3 C.7.6.3, PS3.5 8.1.1",
    remedy="Compare values with what is known, such as air at -1000 HU; ask for the original.",
)
def high_bit(collection: Collection) -> Iterator[Finding]:
    """Images whose High Bit is not one less than Bits Stored."""
    high, stored = map(collection.files.numbers, ("HighBit", "BitsStored"))
    known = np.isfinite(high - stored) & collection.image
    for row in np.flatnonzero(known & (high != stored - 1)).tolist():
        value = f"High Bit {high[row]:g} for {stored[row]:g} bits stored"
        yield Finding(value, collection.headers.index[row])


@rule(
    FILE_RULES,
    "warning",
    effect="Pictures and values rest on a guess, which is written on them.",
    clause="PS3.3 C.7.6.3.1, PS3.5 6.2",
    remedy="Look at the picture; compare values with what is known, such as air at -1000 HU.",
)
def guessed_header(collection: Collection) -> Iterator[Finding]:
    """Images whose header lacks one thing, or has written it otherwise, that can be guessed."""
    for path, (gap, *_) in collection.gaps.items():
        if path not in collection.incomplete:
            yield Finding(f"{gap.lack}; guessed: {gap.guess}", path)


@rule(
    FILE_RULES,
    "error",
    effect="The image can be neither drawn nor measured: all of it would be guesses.",
    clause="PS3.3 C.7.6.3.1",
    remedy="Ask for the original files; what wrote these left elements out.",
)
def incomplete_header(collection: Collection) -> Iterator[Finding]:
    """Images whose header lacks more than one thing, or one that nothing supports a guess of."""
    return (Finding(lacks, path) for path, lacks in collection.incomplete.items())


@rule(
    FILE_RULES,
    "error",
    effect="Every value would be the intercept: the image can be neither drawn nor measured.",
    clause="PS3.3 C.11.1",
    remedy="Ask for the original files; the stored values may be whole, but not what they mean.",
)
def zero_slope(collection: Collection) -> Iterator[Finding]:
    """Images with a Rescale Slope of 0."""
    intercepts = collection.measures.numbers("RescaleIntercept")
    for row in collection.first_in_file(collection.zero_slope):
        value = f"Rescale Slope 0, Rescale Intercept {intercepts[row]:g}"
        yield Finding(value, collection.paths[row])


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
    effect="Lengths, areas and true aspect are unknown.",
    clause="PS3.3 10.7.1.3",
    remedy="Do not measure; pictures are drawn with pixels as long as wide, and say so.",
)
def no_spacing(collection: Collection) -> Iterator[Finding]:
    """Images of the body that do not say how large a pixel is."""
    measures = collection.measures
    words = collection.slices.reindex(columns=["Modality", "SOPClassUID"])
    body = words["Modality"].isin(BODY_MODALITIES) & ~words["SOPClassUID"].isin(SCREENSHOTS)
    known = measures.codes("SequenceOfUltrasoundRegions") >= 0
    for keyword in SPACING_KEYWORDS:
        known = known | (measures.vectors(keyword, 2) > 0).all(axis=1)
    for row in collection.first_in_file(body.to_numpy() & ~known & ~collection.unusable):
        yield Finding("no pixel spacing of any kind", collection.paths[row])


@rule(
    FILE_RULES,
    "warning",
    effect="The image is counted, and learned from, twice.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Keep one file of each SOP Instance UID.",
)
def same_instance_twice(collection: Collection) -> Iterator[Finding]:
    """Files with the SOP Instance UID of another."""
    codes = collection.files.codes("SOPInstanceUID")
    rows = np.flatnonzero(collection.image & (codes >= 0))
    if len(np.unique(codes[rows])) < len(rows):
        paths = collection.headers.index[rows]
        first = dict(zip(codes[rows][::-1].tolist(), paths[::-1]))
        for code, path in zip(codes[rows].tolist(), paths):
            if first[code] != path:
                yield Finding(f"as {os.path.basename(first[code])}", path)


@rule(
    FILE_RULES,
    "warning",
    effect="The images may be of someone else; splits by patient may leak.",
    clause="PS3.3 C.7.1.1",
    remedy="Find out which is right, the folder or the header.",
)
def other_patient(collection: Collection) -> Iterator[Finding]:
    """Files of which no folder is named by their Patient ID, where that is the rule."""
    patients, folders = map(collection.files.codes, ("PatientID", "folder"))
    rows = np.flatnonzero(collection.readable & (patients >= 0))
    pairs = folders[rows] * (patients.max(initial=0) + 1) + patients[rows]
    _, first, pair = np.unique(pairs, return_index=True, return_inverse=True)
    paths, names = collection.headers.index.to_numpy()[rows], collection.column("PatientID")
    named = zip(names.iloc[rows[first]].map(str), paths[first])
    right = np.array([_is_in_folder_of(name, path) for name, path in named], bool)[pair]
    for row in np.flatnonzero(~right) if right.sum() > MAJORITY * len(right) else ():
        folder = os.path.basename(os.path.dirname(paths[row]))
        yield Finding(f"folder {folder}, Patient ID {names.iloc[rows[row]]}", paths[row])


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


def _is_in_folder_of(patient, path):
    """Whether one of the folders that a file lies in has the name of a patient."""
    return patient in os.path.dirname(path).split(os.sep)


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
