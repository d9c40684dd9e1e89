"""What does a collection look like whose every answer is known? Writes CT scans of a made-up chest.

A scan samples `helpers.phantom.anatomy` at the pixel centres that its own header gives. So whatever the
plane or the patient's position, heart and stomach are on the left because they are there, and
not because of how the file was written.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
from pydicom.uid import CTImageStorage, generate_uid

from helpers.phantom.anatomy import chest
from helpers.phantom.faults import FAULTS
from helpers.phantom.pixel_faults import content_of
from helpers.phantom.scans import CORONAL, SAGITTAL, SCANS
from helpers.phantom.variants import VARIANTS

FIELD_MM = 384.0
NOISE_HU = 14
INTERSPACED = 1.5  # times the thickness from slice to slice: something was skipped
OUTSIDE_STORED = -2000  # what GE writes outside the scanned circle

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
    DataFrame with columns ``rule``, ``path`` (relative to `folder`, None for a whole series), ``stack`` (the
    Series Instance UID) and ``patient``: what there is to find, and where. Everything else is right.
    """
    truth = []
    for number, scan in enumerate(scans):
        rng = np.random.default_rng([seed, number])
        patient = Path(folder, scan.patient)
        patient.mkdir(parents=True, exist_ok=True)
        files = {
            f"{dataset.InstanceNumber}.dcm": dataset
            for dataset in _datasets(scan, number, seed, rng)
        }
        for variant in scan.variants:
            VARIANTS[variant](files)
        found = [(fault, name) for fault in scan.faults for name in FAULTS[fault](files)]
        series = _uid(seed, scan.patient, "series")
        for rule, name in [*found, *((rule, None) for rule in _by_design(scan))]:
            truth.append((rule, name and f"{scan.patient}/{name}", series, scan.patient))
        for name, content in files.items():
            (patient / name).write_bytes(
                content if isinstance(content, bytes) else content_of(content)
            )
    return pd.DataFrame(truth, columns=["rule", "path", "stack", "patient"], dtype=object)


def _by_design(scan):
    """What there is to find of a scan that was made as it is."""
    blind = {"no-position", "no-orientation"} & set(scan.faults)
    if scan.gap > INTERSPACED * scan.thickness and not blind:
        yield "interspaced"
    if scan.table:
        yield "gantry-tilt"


def clinical_rows(*, scans=SCANS, seed=0):
    """The clinical table of the phantom's patients, with the columns of OSIC's ``train.csv``: 6 to 10 visits each.

    FVC is the forced vital capacity in ml, Percent its share of what is usual for age and sex; made up, as the patients are.
    """
    rows = []
    for number, patient in enumerate(dict.fromkeys(scan.patient for scan in scans)):
        rng = np.random.default_rng([seed, number, 1])
        sex, age = _sex_and_age(number)
        usual = (27.63 if sex == "Male" else 21.78) * 165 - (
            0.112 if sex == "Male" else 0.101
        ) * age * 165
        first, loss = usual * rng.uniform(0.6, 0.95), rng.uniform(0, 3)
        status = str(
            rng.choice(["Ex-smoker", "Never smoked", "Currently smokes"], p=[0.67, 0.28, 0.05])
        )
        for week in np.sort(
            rng.choice(np.arange(-5, 130), rng.integers(6, 11), replace=False)
        ).tolist():
            capacity = round(first - loss * week + rng.normal(0, 60))
            rows.append(
                (patient, week, capacity, round(100 * capacity / usual, 4), age, sex, status)
            )
    return pd.DataFrame(
        rows, columns=["Patient", "Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"]
    )


def _sex_and_age(number):
    return ("Male", "Female")[number % 2], 55 + number


def _datasets(scan, number, seed, rng):
    """The scan's images in the order of their instance numbers."""
    row, column = (
        np.array(scan.image_orientation[:3], float),
        np.array(scan.image_orientation[3:], float),
    )
    normal = np.cross(row, column)
    spacing = FIELD_MM / scan.matrix
    pixel = (np.arange(scan.matrix) - (scan.matrix - 1) / 2) * spacing
    in_plane = pixel[:, None, None] * column + pixel[None, :, None] * row
    along = (np.arange(scan.slices) - (scan.slices - 1) / 2) * scan.gap
    size = 0.94 + 0.12 * rng.random()  # patients differ
    for index, offset in enumerate(along if scan.feet_to_head else along[::-1]):
        center = offset * (normal if scan.table is None else np.array(scan.table, float))
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
    dataset.AccessionNumber = dataset.ReferringPhysicianName = (
        dataset.PositionReferenceIndicator
    ) = ""
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
    by_vendor = {
        "SIEMENS": ["AXIAL", "CT_SOM5 SPI"],
        "TOSHIBA": ["OTHER"],
        "Hitachi Medical Corporation": [],
    }
    return ["ORIGINAL", "PRIMARY", *by_vendor.get(scan.vendor, ["AXIAL"])]


def _store(dataset, hu, in_plane, style):
    """Puts the image in as its vendor does: intercept, sign, and what stands outside the circle."""
    intercept, signed, outside, *_ = style
    stored = np.clip(np.round(hu) - intercept, 0 if not signed else -(2**15), 4095)
    if outside is not None:
        stored[np.linalg.norm(in_plane, axis=-1) > FIELD_MM / 2] = outside
        dataset.PixelPaddingValue = outside
    dataset.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()


def _uid(*parts):
    return generate_uid(entropy_srcs=[str(part) for part in ("phantom", *parts)])
