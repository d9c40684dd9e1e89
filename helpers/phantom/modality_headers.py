"""What stands in the headers of other modalities than CT? Elements that the standard asks for."""

from typing import Any

from pydicom import Dataset

from helpers.phantom.encoding import data_set

WHITE_12_BITS = 4095
DOSE_BQ, HALF_LIFE_S, WEIGHT_KG = 3.7e8, 6586.2, 70  # of fluorine-18, 60 minutes before the scan


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    return data_set(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def detector(spacing: float) -> dict[str, Any]:
    """What radiographs and mammograms have in common (PS3.3 C.8.11.1 to C.8.11.4)."""
    return {
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "PresentationIntentType": "FOR PRESENTATION",
        "ReferencedPerformedProcedureStepSequence": [],
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "US",
        "PresentationLUTShape": "IDENTITY",
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",
        "DetectorType": "DIRECT",
        "ImagerPixelSpacing": [spacing, spacing],
        "AcquisitionContextSequence": [],
        "WindowCenter": (WHITE_12_BITS + 1) / 2,
        "WindowWidth": WHITE_12_BITS + 1,
        **unsigned(12),
    }


def unsigned(bits: int) -> dict[str, Any]:
    """How values of so many bits are stored."""
    return {
        "BitsAllocated": 8 if bits == 8 else 16,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
    }


def probe(rows: int) -> dict[str, Any]:
    """What ultrasound has (PS3.3 C.8.5.5, C.8.5.6): its region is all but the first rows."""
    top = rows // 16
    region = data_set(
        RegionSpatialFormat=1,
        RegionDataType=1,
        RegionFlags=2,
        RegionLocationMinX0=0,
        RegionLocationMinY0=top,
        RegionLocationMaxX1=rows - 1,
        RegionLocationMaxY1=rows - 1,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=12 / rows,
        PhysicalDeltaY=12 / rows,
    )
    return {
        "Modality": "US",
        "ImageType": ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"],
        "SeriesDescription": "Abdomen",
        "BodyPartExamined": "ABDOMEN",
        "PatientOrientation": [],
        "SequenceOfUltrasoundRegions": [region],
        "LossyImageCompression": "00",
        **unsigned(8),
    }


PLACE = (  # what says where an image lies
    *("ImagePositionPatient", "ImageOrientationPatient", "SliceLocation", "SliceThickness"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "PixelSpacing"),
)
OF_STUDY = (  # what all objects of a study share
    *("SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber", "Manufacturer"),
    *("ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyInstanceUID", "StudyID"),
)
DOSE = data_set(
    Radiopharmaceutical="FDG",
    RadiopharmaceuticalStartTime="110000",
    RadiopharmaceuticalStartDateTime="20200101110000",
    RadionuclideTotalDose=DOSE_BQ,
    RadionuclideHalfLife=HALF_LIFE_S,
    RadionuclideCodeSequence=[code("77004003", "SCT", "^18^Fluorine")],
)
TRACER: dict[str, Any] = {
    "Modality": "PT",
    "SeriesDescription": "PET AC",
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "PatientWeight": WEIGHT_KG,
    "Units": "BQML",
    "CountsSource": "EMISSION",
    "SeriesType": ["STATIC", "IMAGE"],
    "CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
    "DecayCorrection": "START",
    "CollimatorType": "NONE",
    "RadiopharmaceuticalInformationSequence": [DOSE],
    "PatientOrientationCodeSequence": [code("102538003", "SCT", "recumbent")],
    "PatientGantryRelationshipCodeSequence": [code("102540001", "SCT", "headfirst")],
    "AcquisitionDate": "20200101",
    "AcquisitionTime": "120000",
    "FrameReferenceTime": 0,
    "ActualFrameDuration": 120000,
    "DecayFactor": 1,
    "RescaleIntercept": 0,
    "RescaleSlope": 1,
    **unsigned(16),
}
SPIN_ECHO: dict[str, Any] = {
    "Modality": "MR",
    "SeriesDescription": "T2 TSE",
    "ImageType": ["ORIGINAL", "PRIMARY", "M"],
    "ScanningSequence": "SE",
    "SequenceVariant": "NONE",
    "ScanOptions": "",
    "MRAcquisitionType": "2D",
    "RepetitionTime": 4000,
    "EchoTime": 90,
    "EchoTrainLength": 12,
    "PatientPosition": "HFS",
    "WindowCenter": 200,
    "WindowWidth": 400,
    **unsigned(12),
}
