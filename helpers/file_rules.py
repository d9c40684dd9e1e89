"""What can be wrong with single files? Rules that look at the rows of the header table."""

import os
import re

import numpy as np
import pandas as pd
from pydicom.charset import python_encoding

from helpers.decoders import decoder_table
from helpers.grid import numbers, vectors
from helpers.orientation import COSINE_TOLERANCE, cosine_error
from helpers.rules import rule

FILE_RULES = {}
MOST = 0.5  # share of the files that agree on how folders or files are named
SPACINGS = ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio", "SequenceOfUltrasoundRegions"]
NOT_DICOM = {"not DICOM", "empty file"}


@rule(
    FILE_RULES,
    "note",
    effect="Counts of files are too high.",
    clause="PS3.10 7.1",
    remedy="Count images, not files (slice_counts does).",
)
def not_dicom(case):
    """Files that are no DICOM."""
    errors = case.headers["error"]
    for path, error in errors[errors.isin(NOT_DICOM)].items():
        yield path, None, error


@rule(
    FILE_RULES,
    "error",
    effect="The slice is missing from its stack.",
    clause="PS3.5 7.1, A.4",
    remedy="Copy or download the file again.",
)
def truncated_file(case):
    """Files that end too early."""
    errors = case.headers["error"]
    for path, error in errors[errors.str.startswith("truncated", na=False)].items():
        yield path, None, error


@rule(
    FILE_RULES,
    "error",
    effect="Nothing of the file is known.",
    clause="PS3.10 7.1",
    remedy="See the reason; make the file readable or copy it again.",
)
def unreadable_file(case):
    """Files that cannot be opened, or whose header cannot be read."""
    errors = case.headers["error"].dropna()
    for path, error in errors[~errors.isin(NOT_DICOM) & ~errors.str.startswith("truncated")].items():
        yield path, None, error


@rule(
    FILE_RULES,
    "error",
    effect="The images can be neither drawn nor measured here.",
    clause="PS3.5 10, A.4",
    remedy="Install the decoder that is named; decoder_table(headers) lists the patients that it brings back.",
)
def no_decoder(case):
    """Images in a transfer syntax that nothing here decodes."""
    table = decoder_table(case.headers)
    missing = table[~table["decodable"]]
    for path, syntax in case.column("TransferSyntaxUID")[case.image].items():
        if syntax in missing.index:
            yield path, None, f"{missing.loc[syntax, 'name']}: {missing.loc[syntax, 'install']}"


@rule(
    FILE_RULES,
    "error",
    effect="Order and distance of the slices are guesses; no volume.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Ask for the original files; do not type in a spacing.",
)
def no_position(case):
    """Images of a stack without Image Position (Patient)."""
    yield from _lacking(case, "ImagePositionPatient", 3)


@rule(
    FILE_RULES,
    "error",
    effect="No letters, no plane, no volume.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Ask for the original files; Patient Position does not replace it.",
)
def no_orientation(case):
    """Images of a stack without Image Orientation (Patient)."""
    yield from _lacking(case, "ImageOrientationPatient", 6)


@rule(
    FILE_RULES,
    "error",
    effect="Letters and distances are off, or cannot be had.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Find out what wrote them; normalise only if the directions are surely right.",
)
def bad_orientation(case):
    """Direction cosines that are not two perpendicular unit vectors."""
    rows = case.headers[case.image]
    error = cosine_error(vectors(rows, "ImageOrientationPatient", 6))
    for place in np.flatnonzero(np.isfinite(error) & (error > COSINE_TOLERANCE)):
        yield rows.index[place], None, f"{error[place]:.2g} off"


@rule(
    FILE_RULES,
    "warning",
    effect="Lengths, areas and true aspect are unknown.",
    clause="PS3.3 10.7.1.3",
    remedy="Do not measure; pictures are drawn with pixels as long as wide, and say so.",
)
def no_spacing(case):
    """Images that do not say how large a pixel is."""
    known = np.logical_or.reduce([case.having(keyword) for keyword in SPACINGS])
    single = numbers(case.headers, "NumberOfFrames")
    for path in case.headers.index[case.image & ~known & ~(single > 1)]:
        yield path, None, "no Pixel Spacing"


@rule(
    FILE_RULES,
    "warning",
    effect="The image is counted, and learned from, twice.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Keep one file of each SOP Instance UID.",
)
def same_instance_twice(case):
    """Files with the SOP Instance UID of another."""
    keys = ["SOPInstanceUID", *(["frame"] if "frame" in case.headers else [])]
    rows = case.headers.reindex(columns=keys)[case.image & case.having("SOPInstanceUID")]
    first = dict(zip(map(tuple, rows.to_numpy()[::-1]), rows.index[::-1]))
    for path, key in zip(rows.index[rows.duplicated()], map(tuple, rows.to_numpy()[rows.duplicated()])):
        yield path, None, f"as {os.path.basename(first[key])}"


@rule(
    FILE_RULES,
    "warning",
    effect="The images may be of someone else; splits by patient may leak.",
    clause="PS3.3 C.7.1.1",
    remedy="Find out which is right, the folder or the header.",
)
def other_patient(case):
    """Files whose Patient ID is not the folder's name, where that is the rule."""
    rows = case.headers[case.readable & case.having("PatientID")]
    parts = [path.split(os.sep)[:-1] for path in rows.index]
    patients = case.column("PatientID")[case.readable & case.having("PatientID")].map(str).tolist()
    for level in range(-1, -1 - max(map(len, parts), default=0), -1):
        same = np.array([len(part) >= -level and part[level] == patient for part, patient in zip(parts, patients)], bool)
        if same.mean() > MOST:
            for path, part, patient in ((rows.index[n], parts[n], patients[n]) for n in np.flatnonzero(~same)):
                yield path, None, f"folder {part[level] if len(part) >= -level else '—'}, Patient ID {patient}"
            return


@rule(
    FILE_RULES,
    "note",
    effect="Sorting by file name gives another order than by Instance Number.",
    clause="PS3.3 C.7.6.1",
    remedy="Sort by position (stack_slices does).",
)
def swapped_numbers(case):
    """Files whose number is not their Instance Number, where that is the rule in their folder."""
    rows = case.headers[case.image]
    instance = numbers(rows, "InstanceNumber")
    named = [re.findall(r"\d+", os.path.basename(path)) for path in rows.index]
    number = np.array([float(found[-1]) if found else np.nan for found in named])
    both = np.isfinite(number) & np.isfinite(instance)
    agrees = pd.Series(number == instance)[both]
    folders = pd.Series([os.path.dirname(path) for path in rows.index])[both]
    usual = agrees.groupby(folders).transform("mean") > MOST
    for place in agrees.index[usual & ~agrees]:
        yield rows.index[place], None, f"Instance Number {instance[place]:g}"


@rule(
    FILE_RULES,
    "warning",
    effect="Names and descriptions may be garbled.",
    clause="PS3.3 C.12.1.1.2",
    remedy="Do not match patients by name; ask which character set was meant.",
)
def unknown_charset(case):
    """Character sets that DICOM does not know."""
    for path, value in case.column("SpecificCharacterSet")[case.readable].dropna().items():
        unknown = [one for one in (value if isinstance(value, tuple) else (value,)) if one and one not in python_encoding]
        if unknown:
            yield path, None, ", ".join(unknown)


def _lacking(case, keyword, length):
    """Sliced images without a usable value, one frame each."""
    rows = case.headers[case.sliced]
    missing = ~np.isfinite(vectors(rows, keyword, length)).all(axis=1)
    several = numbers(rows, "NumberOfFrames") > 1
    for path in rows.index[missing & ~several]:
        yield path, None, "none"
