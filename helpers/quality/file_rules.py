"""What can be wrong with single files? Rules that look at the rows of the header table."""

import os
import re

import numpy as np
import pandas as pd
from pydicom.charset import python_encoding

from helpers.geometry.orientation import COSINE_TOLERANCE, cosine_error
from helpers.quality.rules import rule
from helpers.slices.grid import numbers, vectors

FILE_RULES = {}
MOST = 0.5  # share of the files that agree on how folders or files are named
SPACINGS = ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"]
OF_THE_BODY = ["CT", "MR", "PT", "CR", "DX", "MG", "US"]
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
    for path, error in errors[
        ~errors.isin(NOT_DICOM) & ~errors.str.startswith("truncated")
    ].items():
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
    for path, syntax in case.column("TransferSyntaxUID")[case.image].items():
        if syntax in case.no_decoders:
            yield path, None, case.no_decoders[syntax]


@rule(
    FILE_RULES,
    "error",
    effect="The image cannot be placed; where all lack it, order and distance are guesses and there is no volume.",
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
        yield rows.index[place], None, f"{error[place]:.2g} off two perpendicular unit vectors"


@rule(
    FILE_RULES,
    "warning",
    effect="Lengths, areas and true aspect are unknown.",
    clause="PS3.3 10.7.1.3",
    remedy="Do not measure; pictures are drawn with pixels as long as wide, and say so.",
)
def no_spacing(case):
    """Images of the body that do not say how large a pixel is."""
    body = case.image & case.column("Modality").isin(OF_THE_BODY).to_numpy()
    pairs = [(vectors(case.headers, keyword, 2) > 0).all(axis=1) for keyword in SPACINGS]
    known = np.logical_or.reduce([*pairs, case.having("SequenceOfUltrasoundRegions")])
    for path in _once(case.headers.index[body & ~known]):
        yield path, None, "no pixel spacing of any kind"


@rule(
    FILE_RULES,
    "warning",
    effect="The image is counted, and learned from, twice.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Keep one file of each SOP Instance UID.",
)
def same_instance_twice(case):
    """Files with the SOP Instance UID of another."""
    uids = case.column("SOPInstanceUID")[case.image & case.having("SOPInstanceUID")]
    uids = uids[~uids.index.duplicated()]  # not the frames of one file
    first = uids.drop_duplicates()
    named = dict(zip(first, first.index))
    for path, uid in uids[uids.duplicated()].items():
        yield path, None, f"as {os.path.basename(named[uid])}"


@rule(
    FILE_RULES,
    "warning",
    effect="The images may be of someone else; splits by patient may leak.",
    clause="PS3.3 C.7.1.1",
    remedy="Find out which is right, the folder or the header.",
)
def other_patient(case):
    """Files of which no folder is named by their Patient ID, where that is the rule."""
    patients = case.column("PatientID")[case.readable & case.having("PatientID")].map(str)
    patients = patients[~patients.index.duplicated()]
    folders = [os.path.dirname(path).split(os.sep) for path in patients.index]
    right = np.array([patient in names for patient, names in zip(patients, folders)], bool)
    for place in np.flatnonzero(~right) if right.sum() > MOST * len(right) else ():
        yield (
            patients.index[place],
            None,
            f"folder {folders[place][-1]}, Patient ID {patients.iloc[place]}",
        )


@rule(
    FILE_RULES,
    "note",
    effect="Sorting by file name gives another order than by Instance Number.",
    clause="PS3.3 C.7.6.1",
    remedy="Sort by position (stack_slices does).",
)
def swapped_numbers(case):
    """Files whose number is another's Instance Number, where numbers and names go together in their series."""
    rows = case.headers[case.image]
    named = [re.findall(r"\d+", os.path.basename(path)) for path in rows.index]
    number = np.array([float(found[-1]) if found else np.nan for found in named])
    offset = pd.Series(number - numbers(rows, "InstanceNumber")).to_numpy()
    groups = pd.DataFrame(
        {
            "folder": [os.path.dirname(path) for path in rows.index],
            "series": case.column("SeriesInstanceUID")[case.image].to_numpy(),
        }
    )
    for places in (
        groups[np.isfinite(offset)].groupby(["folder", "series"], dropna=False).indices.values()
    ):
        known = np.flatnonzero(np.isfinite(offset))[places]
        values, counts = np.unique(offset[known], return_counts=True)
        usual = values[counts.argmax()]
        odd = known[offset[known] != usual]
        exchanged = set(number[odd]) == {number[place] - offset[place] + usual for place in odd}
        if counts.max() > MOST * len(known) and exchanged:
            for place in odd:
                yield rows.index[place], None, f"Instance Number {number[place] - offset[place]:g}"


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
        unknown = [
            one
            for one in (value if isinstance(value, tuple) else (value,))
            if one and one not in python_encoding
        ]
        if unknown:
            yield path, None, ", ".join(unknown)


def _lacking(case, keyword, length):
    """Sliced images without a usable value."""
    rows = case.headers[case.sliced]
    missing = ~np.isfinite(vectors(rows, keyword, length)).all(axis=1)
    for path in _once(rows.index[missing]):
        yield path, None, f"no {keyword} of {length} numbers"


def _once(paths):
    """Each path once, however many of its frames there are."""
    return dict.fromkeys(paths)
