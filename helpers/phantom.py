"""What does a collection look like whose every answer is known? Writes CT scans of a made-up chest.

A scan samples `helpers.anatomy` at the pixel centres that its own header gives. So whatever the
plane or the patient's position, heart and stomach are on the left because they are there, and
not because of how the file was written.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from helpers.anatomy import chest
from helpers.faults import FAULTS

AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SAGITTAL = (0, 1, 0, 0, 0, -1)
PRONE = (-1, 0, 0, 0, -1, 0)
OBLIQUE = tuple(np.round([1, 0, 0, 0, np.cos(np.radians(20)), -np.sin(np.radians(20))], 9).tolist())
FIELD_MM = 384.0
NOISE_HU = 14
OUTSIDE_STORED = -2000  # what GE writes outside the scanned circle


class Scan(NamedTuple):
    """One series of the collection: how many slices of which plane, how far apart, in millimetres."""

    patient: str
    slices: int
    gap: float
    thickness: float
    vendor: str = "SIEMENS"
    image_orientation: tuple = AXIAL
    position: str = "HFS"
    matrix: int = 128
    faults: tuple = ()
    feet_to_head: bool = False


# two groups as in OSIC: few slices far apart, and many thin ones
SCANS = (
    Scan("P01-reference", 96, 3.0, 3.0),
    Scan("P02-interspaced", 24, 10.0, 1.25, "GE MEDICAL SYSTEMS"),
    Scan("P03-interspaced", 15, 20.0, 1.0, "TOSHIBA"),
    Scan("P04-feet-first", 28, 10.0, 1.5, "Philips", position="FFS", feet_to_head=True),
    Scan("P05-prone", 30, 10.0, 1.5, "SIEMENS", PRONE, "HFP"),
    Scan("P06-large-matrix", 12, 20.0, 1.0, "Hitachi Medical Corporation", matrix=192),
    Scan("P07-thin", 70, 4.0, 4.0, "GE MEDICAL SYSTEMS", feet_to_head=True),
    Scan("P08-oblique", 30, 8.0, 2.0, "Philips", OBLIQUE),
    Scan("P09-two-scans", 40, 6.0, 5.0, "SIEMENS", faults=("second-scan",)),
    Scan("P10-sagittal", 40, 8.0, 2.0, "SIEMENS", SAGITTAL),
    Scan("P11-slice-missing", 26, 10.0, 1.25, "GE MEDICAL SYSTEMS", faults=("missing-slice",)),
    Scan("P12-no-position", 20, 15.0, 1.0, "TOSHIBA", faults=("no-position",)),
    Scan("P13-truncated-file", 25, 12.0, 1.25, "Philips", faults=("truncated-file",)),
    Scan("P14-slice-twice", 32, 9.0, 2.0, "SIEMENS", faults=("repeated-slice",)),
    Scan("P15-coronal", 28, 8.0, 2.0, "GE MEDICAL SYSTEMS", CORONAL),
    Scan("P16-thin", 80, 3.75, 3.75, "TOSHIBA"),
)
# how each vendor stores: rescale intercept, pixel representation, value outside the circle, kernel, window
STYLES = {
    "SIEMENS": (-1024, 0, None, "B70f", ([-500, 40], [1700, 400])),
    "GE MEDICAL SYSTEMS": (-1024, 1, OUTSIDE_STORED, "LUNG", (-500, 1500)),
    "TOSHIBA": (0, 1, None, "FC51", (-550, 1600)),
    "Philips": (-1000, 0, None, "D", (-600, 1600)),
    "Hitachi Medical Corporation": (0, 1, None, "2", (-600, 2000)),
}


def write_phantom(folder, *, scans=SCANS, seed=0):
    """Writes the collection as ``<folder>/<PatientID>/<n>.dcm`` and returns its truth table.

    Parameters
    ----------
    folder : path; made where it does not exist
    scans : sequence of Scan
    seed : int; the same seed and scans give the same bytes

    Returns
    -------
    DataFrame with columns ``rule``, ``path`` (relative to `folder`, None for a whole patient)
    and ``stack`` (the patient): what is wrong, and where. Everything else is right.
    """
    truth = []
    for number, scan in enumerate(scans):
        rng = np.random.default_rng([seed, number])
        patient = Path(folder, scan.patient)
        patient.mkdir(parents=True, exist_ok=True)
        files = {f"{dataset.InstanceNumber}.dcm": dataset for dataset in _datasets(scan, number, seed, rng)}
        for fault in scan.faults:
            truth += [(fault, name and f"{scan.patient}/{name}", scan.patient) for name in FAULTS[fault](files)]
        for name, dataset in files.items():
            _write(patient / name, dataset)
    return pd.DataFrame(truth, columns=["rule", "path", "stack"], dtype=object)


def clinical_rows(*, scans=SCANS, seed=0):
    """The clinical table of the phantom's patients, with the columns of OSIC's ``train.csv``: 6 to 10 visits each.

    FVC is the forced vital capacity in ml, Percent its share of what is usual for age and sex; made up, as the patients are.
    """
    rows = []
    for number, patient in enumerate(dict.fromkeys(scan.patient for scan in scans)):
        rng = np.random.default_rng([seed, number, 1])
        sex, age = _sex_and_age(number)
        usual = (27.63 if sex == "Male" else 21.78) * 165 - (0.112 if sex == "Male" else 0.101) * age * 165
        first, loss = usual * rng.uniform(0.6, 0.95), rng.uniform(0, 3)
        status = str(rng.choice(["Ex-smoker", "Never smoked", "Currently smokes"], p=[0.67, 0.28, 0.05]))
        for week in np.sort(rng.choice(np.arange(-5, 130), rng.integers(6, 11), replace=False)).tolist():
            capacity = round(first - loss * week + rng.normal(0, 60))
            rows.append((patient, week, capacity, round(100 * capacity / usual, 4), age, sex, status))
    return pd.DataFrame(rows, columns=["Patient", "Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"])


def _sex_and_age(number):
    return ("Male", "Female")[number % 2], 55 + number


def _datasets(scan, number, seed, rng):
    """The scan's images in the order of their instance numbers."""
    row, column = np.array(scan.image_orientation[:3], float), np.array(scan.image_orientation[3:], float)
    normal = np.cross(row, column)
    spacing = FIELD_MM / scan.matrix
    pixel = (np.arange(scan.matrix) - (scan.matrix - 1) / 2) * spacing
    in_plane = pixel[:, None, None] * column + pixel[None, :, None] * row
    along = (np.arange(scan.slices) - (scan.slices - 1) / 2) * scan.gap
    size = 0.94 + 0.12 * rng.random()  # patients differ
    for index, offset in enumerate(along if scan.feet_to_head else along[::-1]):
        center = offset * normal
        hu = chest((in_plane + center) / size, couch_side=-1 if scan.position == "HFP" else 1)
        hu = hu + rng.normal(0, NOISE_HU, hu.shape)
        dataset = _header(scan, number, seed, index + 1)
        _describe_pixels(dataset, scan)
        dataset.ImagePositionPatient = np.round(center + pixel[0] * (row + column), 4).tolist()
        dataset.SliceLocation = round(float(center[2]), 4)
        _store(dataset, hu, in_plane, STYLES[scan.vendor])
        yield dataset


def _header(scan, number, seed, instance):
    """Everything but the pixels, what describes them, and the position."""
    kernel = STYLES[scan.vendor][3]
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = _image_type(scan)
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyDate = dataset.SeriesDate = "20200101"
    dataset.StudyTime = dataset.SeriesTime = "120000"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = dataset.PositionReferenceIndicator = ""
    dataset.Modality = "CT"
    dataset.Manufacturer = scan.vendor
    dataset.SeriesDescription = f"Chest {scan.thickness:g} mm {kernel}"
    dataset.PatientName = dataset.PatientID = scan.patient
    dataset.PatientBirthDate = dataset.StudyID = ""
    sex, age = _sex_and_age(number)
    dataset.PatientSex, dataset.PatientAge = sex[0], f"{age:03d}Y"
    dataset.BodyPartExamined = "CHEST"
    dataset.SliceThickness = scan.thickness
    dataset.KVP = 120
    dataset.ConvolutionKernel = kernel
    dataset.PatientPosition = scan.position
    dataset.StudyInstanceUID = _uid(seed, scan.patient, "study")
    dataset.SeriesInstanceUID = _uid(seed, scan.patient, "series")
    dataset.FrameOfReferenceUID = _uid(seed, scan.patient, "frame")
    dataset.SOPInstanceUID = _uid(seed, scan.patient, instance)
    dataset.SeriesNumber, dataset.AcquisitionNumber, dataset.InstanceNumber = 1, 1, instance
    dataset.ImageOrientationPatient = [float(c) for c in scan.image_orientation]
    dataset.PixelSpacing = [FIELD_MM / scan.matrix] * 2
    return dataset


def _describe_pixels(dataset, scan):
    """How the vendor writes values, and the windows it gives."""
    intercept, signed, _, _, (center, width) = STYLES[scan.vendor]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = scan.matrix
    dataset.BitsAllocated, dataset.PixelRepresentation = 16, signed
    dataset.BitsStored, dataset.HighBit = (16, 15) if signed else (12, 11)
    dataset.WindowCenter, dataset.WindowWidth = center, width
    if isinstance(center, list):
        dataset.WindowCenterWidthExplanation = ["LUNG", "SOFT TISSUE"]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = intercept, 1, "HU"


def _image_type(scan):
    """Two to four values, as vendors write them; a plane that CT does not scan was computed."""
    if scan.image_orientation in (CORONAL, SAGITTAL):
        return ["DERIVED", "SECONDARY", "REFORMATTED"]
    by_vendor = {"SIEMENS": ["AXIAL", "CT_SOM5 SPI"], "TOSHIBA": ["OTHER"], "Hitachi Medical Corporation": []}
    return ["ORIGINAL", "PRIMARY", *by_vendor.get(scan.vendor, ["AXIAL"])]


def _store(dataset, hu, in_plane, style):
    """Puts the image in as its vendor does: intercept, sign, and what stands outside the circle."""
    intercept, signed, outside, *_ = style
    stored = np.clip(np.round(hu) - intercept, 0 if not signed else -(2**15), 4095)
    if outside is not None:
        stored[np.linalg.norm(in_plane, axis=-1) > FIELD_MM / 2] = outside
        dataset.PixelPaddingValue = outside
    dataset.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()


def _write(path, content):
    """`content` is a dataset, or the bytes of a file that a fault has spoilt."""
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    content.file_meta = FileMetaDataset()
    content.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content.save_as(path, enforce_file_format=True)


def _uid(*parts):
    return generate_uid(entropy_srcs=[str(part) for part in ("phantom", *parts)])
