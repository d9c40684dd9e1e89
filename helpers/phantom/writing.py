"""How does the phantom come to be? Writes CT scans of a synthetic chest, and says what is in them.

A scan samples `helpers.phantom.anatomy` at the pixel centres that its own header gives. So
whatever the plane or the patient's position, heart and stomach are on the left because they are
there, and not because of how the file was written.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydicom import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from helpers.phantom.anatomy import chest
from helpers.phantom.encoding import data_set, encoded, store
from helpers.phantom.faults import FAULTS
from helpers.phantom.nifti import nifti_mask
from helpers.phantom.organs import SEGMENTS
from helpers.phantom.scans import ALL_SCANS, CORONAL, SAGITTAL, SCANS, Scan
from helpers.phantom.variants import VARIANTS

FIELD_MM = 384.0  # side of the square that an image covers
NOISE_HU = 14
INTERSPACED = 1.5  # times the thickness from slice to slice: something was skipped
HEIGHT_CM = 165  # of every patient
MAX_AGES = 62  # years, from 55 on


class VendorStyle(NamedTuple):
    """How a vendor stores its images."""

    intercept: int  # of the rescale
    signed: int  # Pixel Representation
    outside: int | None  # stored outside the scanned circle
    kernel: str
    image_type: list[str]  # beside ORIGINAL and PRIMARY
    window: dict[str, Any]


TWO_WINDOWS = {
    "WindowCenter": [-500, 40],
    "WindowWidth": [1700, 400],
    "WindowCenterWidthExplanation": ["LUNG", "SOFT TISSUE"],
}
STYLES = {
    "SIEMENS": VendorStyle(-1024, 0, None, "B70f", ["AXIAL", "CT_SOM5 SPI"], TWO_WINDOWS),
    "GE MEDICAL SYSTEMS": VendorStyle(
        -1024, 1, -2000, "LUNG", ["AXIAL"], {"WindowCenter": -500, "WindowWidth": 1500}
    ),
    "TOSHIBA": VendorStyle(
        0, 1, None, "FC51", ["OTHER"], {"WindowCenter": -550, "WindowWidth": 1600}
    ),
    "Philips": VendorStyle(
        -1000, 0, None, "D", ["AXIAL"], {"WindowCenter": -600, "WindowWidth": 1600}
    ),
    "Hitachi Medical Corporation": VendorStyle(
        0, 1, None, "2", [], {"WindowCenter": -600, "WindowWidth": 2000}
    ),
}


def write_phantom(
    folder: str | os.PathLike[str], *, scans: Sequence[Scan] = SCANS, seed: int = 0
) -> pd.DataFrame:
    """Writes the collection as ``<folder>/<PatientID>/<n>.dcm`` and returns its truth table.

    Parameters
    ----------
    folder : path; made where it does not exist
    scans : sequence of Scan
    seed : int; the same seed and scans give the same bytes

    Returns
    -------
    DataFrame with columns ``rule``, ``path`` (relative to `folder`, None for a whole series),
        ``stack`` (the Series Instance UID) and ``patient``: what there is to find, and where.
        Everything else is right.
    """
    truth = []
    for number, scan in enumerate(scans):
        patient = Path(folder, scan.patient)
        patient.mkdir(parents=True, exist_ok=True)
        images = _images(scan, number, seed)
        files = {f"{dataset.InstanceNumber}.dcm": dataset for dataset in images}
        for variant in scan.variants:
            VARIANTS[variant](files)
        found = [(fault, name) for fault in scan.faults for name in FAULTS[fault](files) or [None]]
        series = _uid(seed, scan.patient, "series")
        for rule, name in [*found, *((rule, None) for rule in _found_by_design(scan))]:
            truth.append((rule, name and f"{scan.patient}/{name}", series, scan.patient))
        for name, content in files.items():
            whole = content if isinstance(content, bytes) else encoded(content)
            (patient / name).write_bytes(whole)
    return pd.DataFrame(truth, columns=["rule", "path", "stack", "patient"], dtype=object)


def clinical_rows(*, scans: Sequence[Scan] = SCANS, seed: int = 0) -> pd.DataFrame:
    """A clinical table with the columns of OSIC's ``train.csv``: 6 to 10 visits of each patient.

    FVC is the forced vital capacity in ml, Percent its share of what is usual for age and sex;
    synthetic, as the patients are.
    """
    rows = []
    for number, patient in enumerate(dict.fromkeys(scan.patient for scan in scans)):
        rng = np.random.default_rng([seed, number, 1])
        sex, age = _sex_and_age(number)
        per_cm, per_year = (27.63, 0.112) if sex == "Male" else (21.78, 0.101)
        usual = per_cm * HEIGHT_CM - per_year * age * HEIGHT_CM
        first, loss = usual * rng.uniform(0.6, 0.95), rng.uniform(0, 3)
        habits = ["Ex-smoker", "Never smoked", "Currently smokes"]
        smoking = str(rng.choice(habits, p=[0.67, 0.28, 0.05]))
        weeks = rng.choice(np.arange(-5, 130), rng.integers(6, 11), replace=False)
        for week in np.sort(weeks).tolist():
            capacity = round(first - loss * week + rng.normal(0, 60))
            percent = round(100 * capacity / usual, 4)
            rows.append((patient, week, capacity, percent, age, sex, smoking))
    columns = ["Patient", "Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"]
    return pd.DataFrame(rows, columns=columns)


def box_rows(*, scans: Sequence[Scan] = ALL_SCANS, seed: int = 0) -> pd.DataFrame:
    """Boxes around organs on the images of labelled scans, as a competition's table has them.

    Returns
    -------
    DataFrame, one row per box, with columns ``SOPInstanceUID``, ``class``, and ``x``, ``y``,
        ``width`` and ``height`` in pixels, from the outer corner of the first one
    """
    rows = []
    for scan in scans:
        side = FIELD_MM / scan.matrix
        for instance, z in enumerate(_along(scan) if "labels" in scan.variants else [], 1):
            uid = _uid(seed, scan.patient, instance)
            for organ in SEGMENTS:
                for rx, ry in organ.sections(float(z))[:1]:
                    corner = organ.center[0] - rx, organ.center[1] - ry
                    x, y = ((value + FIELD_MM / 2) / side for value in corner)
                    size = 2 * rx / side, 2 * ry / side
                    box = (round(value, 2) for value in (x, y, *size))
                    rows.append((uid, organ.name.lower(), *box))
    columns = ["SOPInstanceUID", "class", "x", "y", "width", "height"]
    return pd.DataFrame(rows, columns=columns)


def mask_files(*, scans: Sequence[Scan] = ALL_SCANS) -> dict[str, bytes]:
    """NIfTI files of the organs of a labelled scan without faults, by their names.

    One for each organ, as these overlap: the same voxels as the DICOM segmentation has.
    """
    found = {}
    for scan in scans:
        if "labels" not in scan.variants or scan.faults:
            continue
        side = FIELD_MM / scan.matrix
        along = np.sort(_along(scan))
        first = np.array([-(scan.matrix - 1) / 2 * side] * 2 + [along[0]]).round(4)
        affine = np.eye(4)
        affine[:3] = np.c_[(0, 0, scan.gap), (0, side, 0), (side, 0, 0), first]
        voxels = np.moveaxis(np.indices((scan.slices, scan.matrix, scan.matrix)), 0, -1)
        centers = voxels @ affine[:3, :3].T + affine[:3, 3]
        for organ in SEGMENTS:
            name = f"{scan.patient}_{organ.name.lower().replace(' ', '-')}.nii.gz"
            found[name] = nifti_mask(organ.mask(centers), affine)
    return found


def _found_by_design(scan: Scan) -> Iterator[str]:
    """The rules that find something in a scan that was made as it is."""
    unplaced = {"no-position", "no-orientation"} & set(scan.faults)
    if scan.gap > INTERSPACED * scan.thickness and not unplaced:
        yield "interspaced"
    if scan.table:
        yield "gantry-tilt"
    if "monochrome1" in scan.variants:
        yield "mixed-monochrome"
    if "no-decoder" in scan.faults:
        yield "lossy-compression"


def _sex_and_age(number: int) -> tuple[str, int]:
    return ("Male", "Female")[number % 2], 55 + number % MAX_AGES


def _images(scan: Scan, number: int, seed: int) -> Iterator[Dataset]:
    """The scan's images in the order of their instance numbers."""
    rng = np.random.default_rng([seed, number])
    row, column = np.array(scan.image_orientation, float).reshape(2, 3)
    step = np.cross(row, column) if scan.table is None else np.array(scan.table, float)
    pixel = (np.arange(scan.matrix) - (scan.matrix - 1) / 2) * FIELD_MM / scan.matrix
    in_plane = pixel[:, None, None] * column + pixel[None, :, None] * row
    size = 0.94 + 0.12 * rng.random()  # patients differ
    for index, offset in enumerate(_along(scan)):
        center = offset * step
        hu = chest((in_plane + center) / size, couch_side=-1 if scan.position == "HFP" else 1)
        dataset = _header(scan, number, seed, index + 1)
        dataset.ImagePositionPatient = np.round(center + pixel[0] * (row + column), 4).tolist()
        dataset.SliceLocation = round(float(center[2]), 4)
        outside = np.linalg.norm(in_plane, axis=-1) > FIELD_MM / 2
        _put_pixels(dataset, STYLES[scan.vendor], hu + rng.normal(0, NOISE_HU, hu.shape), outside)
        yield dataset


def _along(scan: Scan) -> np.ndarray:
    """Where the images lie in mm along the way of the table, in the order of their numbers."""
    along = (np.arange(scan.slices) - (scan.slices - 1) / 2) * scan.gap
    return along if scan.feet_to_head else along[::-1]


def _header(scan: Scan, number: int, seed: int, instance: int) -> Dataset:
    """Everything but the position and the pixels."""
    style, (sex, age) = STYLES[scan.vendor], _sex_and_age(number)
    bits = 16 if style.signed else 12
    return data_set(
        SpecificCharacterSet="ISO_IR 192",
        ImageType=_image_type(scan),
        SOPClassUID=CTImageStorage,
        SOPInstanceUID=_uid(seed, scan.patient, instance),
        StudyDate="20200101",
        SeriesDate="20200101",
        StudyTime="120000",
        SeriesTime="120000",
        AccessionNumber="",
        Modality="CT",
        Manufacturer=scan.vendor,
        ReferringPhysicianName="",
        SeriesDescription=f"Chest {scan.thickness:g} mm {style.kernel}",
        PatientName=scan.patient,
        PatientID=scan.patient,
        PatientBirthDate="",
        PatientSex=sex[0],
        PatientAge=f"{age:03d}Y",
        BodyPartExamined="CHEST",
        SliceThickness=scan.thickness,
        KVP=120,
        ConvolutionKernel=style.kernel,
        PatientPosition=scan.position,
        StudyInstanceUID=_uid(seed, scan.patient, "study"),
        SeriesInstanceUID=_uid(seed, scan.patient, "series"),
        StudyID="",
        SeriesNumber=1,
        AcquisitionNumber=1,
        InstanceNumber=instance,
        ImageOrientationPatient=[float(cosine) for cosine in scan.image_orientation],
        FrameOfReferenceUID=_uid(seed, scan.patient, "frame"),
        PositionReferenceIndicator="",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=scan.matrix,
        Columns=scan.matrix,
        PixelSpacing=[FIELD_MM / scan.matrix] * 2,
        BitsAllocated=16,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=style.signed,
        RescaleIntercept=style.intercept,
        RescaleSlope=1,
        RescaleType="HU",
        **style.window,
    )


def _image_type(scan: Scan) -> list[str]:
    """Two to four values, as vendors write them; a plane that CT does not scan was computed."""
    if scan.image_orientation in (CORONAL, SAGITTAL):
        return ["DERIVED", "SECONDARY", "REFORMATTED"]
    return ["ORIGINAL", "PRIMARY", *STYLES[scan.vendor].image_type]


def _put_pixels(dataset: Dataset, style: VendorStyle, hu: np.ndarray, outside: np.ndarray) -> None:
    """Stores an image (rows, columns) as its vendor does.

    Parameters
    ----------
    outside : (rows, columns), which pixels lie outside the scanned circle
    """
    lowest = -(2**15) if style.signed else 0
    values = np.clip(np.round(hu) - style.intercept, lowest, 4095)
    if style.outside is not None:
        values[outside] = dataset.PixelPaddingValue = style.outside
    store(dataset, values)


def _uid(*parts: object) -> str:
    return generate_uid(entropy_srcs=[str(part) for part in ("phantom", *parts)])
