"""What can be wrong with single files? Rules that look at the rows of the header table."""

import os
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydicom.charset import python_encoding

from helpers.geometry.orientation import COSINE_TOLERANCE, cosine_error
from helpers.quality.rules import Collection, Finding, Rule, rule
from helpers.slices.grid import numbers, vectors

MAJORITY = 0.5  # of the files that agree on how folders or files are named
SPACING_KEYWORDS = [
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
]
BODY_MODALITIES = ["CT", "MR", "PT", "CR", "DX", "MG", "US"]
NOT_DICOM_ERRORS = ["not DICOM", "empty file"]

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
    errors = collection.headers["error"]
    yield from _errors(errors[errors.isin(NOT_DICOM_ERRORS)])


@rule(
    FILE_RULES,
    "error",
    effect="The slice is missing from its stack.",
    clause="PS3.5 7.1, A.4",
    remedy="Copy or download the file again.",
)
def truncated_file(collection: Collection) -> Iterator[Finding]:
    """Files that end too early."""
    errors = collection.headers["error"]
    yield from _errors(errors[errors.str.startswith("truncated", na=False)])


@rule(
    FILE_RULES,
    "error",
    effect="Nothing of the file is known.",
    clause="PS3.10 7.1",
    remedy="See the reason; make the file readable or copy it again.",
)
def unreadable_file(collection: Collection) -> Iterator[Finding]:
    """Files that cannot be opened, or whose header cannot be read."""
    errors = collection.headers["error"].dropna()
    explained = errors.isin(NOT_DICOM_ERRORS) | errors.str.startswith("truncated")
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
    for path, syntax in collection.column("TransferSyntaxUID")[collection.image].items():
        if syntax in collection.no_decoders:
            yield Finding(collection.no_decoders[syntax], path)


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
    rows = collection.headers[collection.image]
    error = cosine_error(vectors(rows, "ImageOrientationPatient", 6))
    for row in np.flatnonzero(np.isfinite(error) & (error > COSINE_TOLERANCE)):
        yield Finding(f"{error[row]:.2g} off two perpendicular unit vectors", rows.index[row])


@rule(
    FILE_RULES,
    "warning",
    effect="Lengths, areas and true aspect are unknown.",
    clause="PS3.3 10.7.1.3",
    remedy="Do not measure; pictures are drawn with pixels as long as wide, and say so.",
)
def no_spacing(collection: Collection) -> Iterator[Finding]:
    """Images of the body that do not say how large a pixel is."""
    body = collection.image & collection.column("Modality").isin(BODY_MODALITIES).to_numpy()
    known = collection.column("SequenceOfUltrasoundRegions").notna().to_numpy()
    for keyword in SPACING_KEYWORDS:
        known = known | (vectors(collection.headers, keyword, 2) > 0).all(axis=1)
    for path in _once(collection.headers.index[body & ~known]):
        yield Finding("no pixel spacing of any kind", path)


@rule(
    FILE_RULES,
    "warning",
    effect="The image is counted, and learned from, twice.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Keep one file of each SOP Instance UID.",
)
def same_instance_twice(collection: Collection) -> Iterator[Finding]:
    """Files with the SOP Instance UID of another."""
    uids = collection.column("SOPInstanceUID")[collection.image].dropna()
    uids = uids[~uids.index.duplicated()]  # not the frames of one file
    first = uids.drop_duplicates()
    path_of = dict(zip(first, first.index))
    for path, uid in uids[uids.duplicated()].items():
        yield Finding(f"as {os.path.basename(path_of[uid])}", path)


@rule(
    FILE_RULES,
    "warning",
    effect="The images may be of someone else; splits by patient may leak.",
    clause="PS3.3 C.7.1.1",
    remedy="Find out which is right, the folder or the header.",
)
def other_patient(collection: Collection) -> Iterator[Finding]:
    """Files of which no folder is named by their Patient ID, where that is the rule."""
    patients = collection.column("PatientID")[collection.readable].dropna().map(str)
    patients = patients[~patients.index.duplicated()]
    folders = [os.path.dirname(path).split(os.sep) for path in patients.index]
    right = np.array([patient in names for patient, names in zip(patients, folders)], bool)
    for row in np.flatnonzero(~right) if right.sum() > MAJORITY * len(right) else ():
        value = f"folder {folders[row][-1]}, Patient ID {patients.iloc[row]}"
        yield Finding(value, patients.index[row])


@rule(
    FILE_RULES,
    "note",
    effect="Sorting by file name gives another order than by Instance Number.",
    clause="PS3.3 C.7.6.1",
    remedy="Sort by position (stack_slices does).",
)
def swapped_numbers(collection: Collection) -> Iterator[Finding]:
    """Files whose number is another's Instance Number, where the two agree in their series."""
    rows = collection.headers[collection.image]
    named = [re.findall(r"\d+", os.path.basename(path)) for path in rows.index]
    number = np.array([float(found[-1]) if found else np.nan for found in named])
    instance = numbers(rows, "InstanceNumber")
    known = np.flatnonzero(np.isfinite(number - instance))
    folders = np.array([os.path.dirname(path) for path in rows.index], object)
    series = collection.column("SeriesInstanceUID")[collection.image].to_numpy()
    groups = pd.DataFrame({"folder": folders[known], "series": series[known], "row": known})
    for _, group in groups.groupby(["folder", "series"], dropna=False)["row"]:
        files = group.to_numpy()
        offsets, counts = np.unique((number - instance)[files], return_counts=True)
        expected = number - offsets[counts.argmax()]
        odd = files[instance[files] != expected[files]]
        exchanged = set(expected[odd]) == set(instance[odd])
        for row in odd if counts.max() > MAJORITY * len(files) and exchanged else ():
            yield Finding(f"Instance Number {instance[row]:g}", rows.index[row])


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
    for path, value in stated.items():
        names = value if isinstance(value, tuple) else (value,)
        unknown = [name for name in names if name and name not in python_encoding]
        if unknown:
            yield Finding(", ".join(unknown), path)


def _errors(errors):
    """Findings of files (an index) that have these errors."""
    return (Finding(error, path) for path, error in errors.items())


def _lacking(collection, keyword, length):
    """Cross-sectional images without a usable value."""
    rows = collection.headers[collection.cross_sectional]
    missing = ~np.isfinite(vectors(rows, keyword, length)).all(axis=1)
    for path in _once(rows.index[missing]):
        yield Finding(f"no {keyword} of {length} numbers", path)


def _once(paths):
    """Each path once, however many of its frames there are."""
    return dict.fromkeys(paths)
