"""What would other scanners have made of the same patient? Functions that change clean CT images.

Each takes the scan's files, a dict of file name to Dataset, and puts images of another modality in
their place, as the standard asks for them.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    KeyObjectSelectionDocumentStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

from helpers.phantom.encoding import Files, data_set, store, stored_values
from helpers.phantom.modality_headers import (
    OF_STUDY,
    PLACE,
    SPIN_ECHO,
    TRACER,
    WHITE_12_BITS,
    code,
    detector,
    probe,
)

CT_ALONE = (  # elements that images of one view each do not have
    *("ImagePositionPatient", "ImageOrientationPatient", "SliceLocation", "SliceThickness"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "ConvolutionKernel", "PatientPosition"),
    *("KVP", "PixelSpacing", "PixelPaddingValue", "RescaleIntercept", "RescaleSlope"),
    *("RescaleType", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"),
)
WHITE_8_BITS = 255
MAGNIFICATION = 1.1  # of a radiograph, from patient to detector
FRAME_TIME_MS = 40
BACKGROUND_BQML, HEART_BQML = 4000, 20000
BODY_HU, TISSUE_HU = -300, (20, 80)
BREASTS = {  # view → its code (PS3.16 CID 4014), and where its rows and columns run by side
    "CC": ("399162004", "cranio-caudal", {"L": ["A", "R"], "R": ["P", "L"]}),
    "MLO": ("399368009", "medio-lateral oblique", {"L": ["A", "FR"], "R": ["P", "FL"]}),
}

MODALITIES: dict[str, Callable] = {}


def modality(change: Callable) -> Callable:
    """Puts a function into `MODALITIES`."""
    MODALITIES[change.__name__.replace("_", "-")] = change
    return change


@modality
def radiograph(files: Files) -> None:
    """One radiograph of the chest from behind: the coronal slices of a CT, seen through."""
    datasets, first = list(files.values()), next(iter(files.values()))
    spacing = first.PixelSpacing[0]
    density = np.mean([_hounsfield(dataset) + 1000 for dataset in datasets], axis=0)
    _become(
        first,
        SOPClassUID=DigitalXRayImageStorageForPresentation,
        Modality="DX",
        SeriesDescription="Chest PA",
        AnatomicRegionSequence=[code("43799004", "SCT", "Chest")],
        ImageLaterality="U",
        ViewPosition="PA",
        PatientOrientation=["L", "F"],
        PixelSpacing=[spacing / MAGNIFICATION] * 2,
        PixelSpacingCalibrationType="GEOMETRY",
        PixelSpacingCalibrationDescription="of a plane in the middle of the patient",
        **detector(spacing),
    )
    store(first, _grey(density, WHITE_12_BITS))
    _replace(files, [first])


@modality
def mammogram(files: Files) -> None:
    """Four mammograms: both breasts, from above and obliquely."""
    first = next(iter(files.values()))
    _become(
        first,
        SOPClassUID=DigitalMammographyXRayImageStorageForPresentation,
        Modality="MG",
        SeriesDescription="Screening",
        AnatomicRegionSequence=[code("76752008", "SCT", "Breast")],
        OrganExposed="BREAST",
        BodyPartExamined="BREAST",
        PositionerType="MAMMOGRAPHIC",
        PatientSex="F",
        PixelSpacing=[0.9, 0.9],
        PixelSpacingCalibrationType="GEOMETRY",
        PixelSpacingCalibrationDescription="of a plane in the middle of the breast",
        **detector(1.0),
    )
    images = []
    for number, (view, side) in enumerate([("CC", "L"), ("CC", "R"), ("MLO", "L"), ("MLO", "R")]):
        value, meaning, directions = BREASTS[view]
        image = _next(first, number)
        image.ImageLaterality, image.ViewPosition = side, view
        image.ViewCodeSequence = [code(value, "SCT", meaning)]
        image.ViewCodeSequence[0].ViewModifierCodeSequence = []
        image.PatientOrientation = directions[side]
        store(image, _breast(image.Rows, number, is_left=side == "L"))
        images.append(image)
    _replace(files, images)


@modality
def ultrasound(files: Files) -> None:
    """One picture of ultrasound, with the region in which distances are known."""
    first = next(iter(files.values()))
    _become(first, SOPClassUID=UltrasoundImageStorage, **probe(first.Rows))
    first.PixelData = _fan(first.Rows, 0).tobytes()
    _replace(files, [first])


@modality
def ultrasound_cine(files: Files) -> None:
    """A loop of ultrasound of as many frames as there were slices."""
    first, count = next(iter(files.values())), len(files)
    _become(
        first,
        SOPClassUID=UltrasoundMultiFrameImageStorage,
        NumberOfFrames=count,
        FrameTime=FRAME_TIME_MS,
        FrameIncrementPointer=0x00181063,
        **probe(first.Rows),
    )
    first.PixelData = b"".join(_fan(first.Rows, n / count).tobytes() for n in range(count))
    _replace(files, [first])


@modality
def pet(files: Files) -> None:
    """A PET with fluorine-18 in Bq/ml, the heart above the rest of the body."""
    heart = next(dataset for dataset in files.values()).Rows // 2
    for dataset in files.values():
        hounsfield = _hounsfield(dataset)
        activity = np.where(hounsfield > BODY_HU, BACKGROUND_BQML, 0)
        low, high = TISSUE_HU
        muscle = (hounsfield > low) & (hounsfield < high)
        muscle[:, :heart] = False
        activity = np.where(muscle, HEART_BQML, activity)
        _become(dataset, keep=PLACE, SOPClassUID=PositronEmissionTomographyImageStorage, **TRACER)
        dataset.ImageIndex, dataset.NumberOfSlices = dataset.InstanceNumber, len(files)
        store(dataset, activity)


@modality
def mr(files: Files) -> None:
    """Spin echo images: bright where there is tissue."""
    for dataset in files.values():
        signal = np.clip(_hounsfield(dataset) + 200, 0, 400)
        _become(dataset, keep=PLACE, SOPClassUID=MRImageStorage, **SPIN_ECHO)
        store(dataset, signal)


@modality
def key_images(files: Files) -> None:
    """A key object document that refers to two of the images."""
    images = list(files.values())[:2]
    document = data_set(
        **{word: images[0].get(word) for word in OF_STUDY if word in images[0]},
        SOPClassUID=KeyObjectSelectionDocumentStorage,
        SOPInstanceUID=generate_uid(entropy_srcs=[images[0].SOPInstanceUID, "key"]),
        SeriesInstanceUID=generate_uid(entropy_srcs=[images[0].SeriesInstanceUID, "key"]),
        Modality="KO",
        SeriesNumber=2,
        InstanceNumber=1,
        ReferencedPerformedProcedureStepSequence=[],
        ContentDate="20200101",
        ContentTime="120500",
        ReferencedRequestSequence=[],
        CurrentRequestedProcedureEvidenceSequence=[evidence(images)],
        ValueType="CONTAINER",
        ConceptNameCodeSequence=[code("113000", "DCM", "Of Interest")],
        ContinuityOfContent="SEPARATE",
        ContentTemplateSequence=[data_set(MappingResource="DCMR", TemplateIdentifier="2010")],
        ContentSequence=[_shown(image) for image in images],
    )
    files["key images.dcm"] = document


def evidence(images: Sequence[Dataset]) -> Dataset:
    """The item of a sequence that refers to images of one series."""
    instances = [
        data_set(
            ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID
        )
        for image in images
    ]
    series = data_set(
        SeriesInstanceUID=images[0].SeriesInstanceUID, ReferencedSOPSequence=instances
    )
    return data_set(StudyInstanceUID=images[0].StudyInstanceUID, ReferencedSeriesSequence=[series])


def _shown(image):
    """The item of a document's content that shows an image."""
    return data_set(
        RelationshipType="CONTAINS",
        ValueType="IMAGE",
        ReferencedSOPSequence=evidence([image]).ReferencedSeriesSequence[0].ReferencedSOPSequence,
    )


def _become(dataset: Dataset, *, keep: Sequence[str] = (), **elements: Any) -> None:
    """Takes out what a CT alone has, and puts in what another modality has."""
    for keyword in CT_ALONE:
        if keyword in dataset and keyword not in keep:
            del dataset[keyword]
    dataset.update(data_set(**elements))


def _next(dataset: Dataset, number: int) -> Dataset:
    """A copy of an image, as one of several of its series."""
    image = deepcopy(dataset)
    image.InstanceNumber = number + 1
    image.SOPInstanceUID = generate_uid(entropy_srcs=[dataset.SOPInstanceUID, str(number)])
    return image


def _replace(files: Files, images: Sequence[Dataset]) -> None:
    files.clear()
    for number, image in enumerate(images, 1):
        image.InstanceNumber = number
        files[f"{number}.dcm"] = image


def _hounsfield(dataset: Dataset) -> np.ndarray:
    """What a CT image shows, without what lies outside the scanned circle."""
    values = stored_values(dataset) + float(dataset.RescaleIntercept)
    return np.maximum(values * float(dataset.RescaleSlope), -1000)


def _grey(values: np.ndarray, white: int) -> np.ndarray:
    return white * (values - values.min()) / np.ptp(values)


def _fan(rows: int, phase: float) -> np.ndarray:
    """The fan (rows, rows) of a probe at the top, at a phase from 0 to 1 of a beat; uint8."""
    y, x = np.mgrid[:rows, :rows] / rows
    depth, angle = np.hypot(x - 0.5, y - 0.02), np.arctan2(x - 0.5, y - 0.02)
    inside = (np.abs(angle) < 0.6) & (depth > 0.06) & (depth < 0.95)
    speckle = np.random.default_rng(rows).rayleigh(0.25, (rows, rows))
    radius = 0.14 + 0.03 * np.sin(2 * np.pi * phase)
    speckle[np.hypot(x - 0.5, y - 0.55) < radius] *= 0.1  # a vessel, which beats
    return (WHITE_8_BITS * np.clip(speckle * inside, 0, 1)).astype(np.uint8)


def _breast(rows: int, number: int, *, is_left: bool) -> np.ndarray:
    """A breast (rows, rows), its chest wall on the left of the image where it is the left one."""
    y, x = np.mgrid[:rows, :rows] / rows
    depth = np.hypot(x / 0.6, (y - 0.5) / 0.42)
    noise = np.random.default_rng(number).normal(0, 0.04, (rows, rows))
    tissue = np.where(depth < 1, 0.35 + 0.3 * np.cos(9 * x) * np.cos(11 * y) + noise, 0)
    image = WHITE_12_BITS * np.clip(tissue, 0, 1)
    return image if is_left else image[:, ::-1]
