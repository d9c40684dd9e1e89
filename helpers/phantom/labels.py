"""How does somebody outline organs on the phantom? As DICOM SEG and RTSTRUCT."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage, SegmentationStorage, generate_uid

from helpers.phantom.encoding import Files, data_set
from helpers.phantom.modality_headers import OF_STUDY, code
from helpers.phantom.organs import REGIONS, SEGMENTATION, SEGMENTS, STRUCTURES, Organ

POINTS = 36  # of a contour
OF_IMAGES = (*OF_STUDY, "FrameOfReferenceUID", "PositionReferenceIndicator")
LEFT = code("7771000", "SCT", "Left")


def labels(files: Files) -> None:
    """Organs outlined on axial images: two that overlap as DICOM SEG, one with a hole as RTSTRUCT.

    References
    ----------
    PS3.3 A.51, C.8.20 (segmentation), A.19, C.8.8.5, C.8.8.6 (structure set)
    """
    images = list(files.values())
    files[SEGMENTATION] = _segmentation(images)
    files[STRUCTURES] = _structures(images)


def _object(images: Sequence[Dataset], what: str, number: int, **elements: Any) -> Dataset:
    """An object of the study and the frame of reference of images, in a series of its own."""
    first = images[0]
    return data_set(
        **{word: first.get(word) for word in OF_IMAGES if word in first},
        SOPInstanceUID=generate_uid(entropy_srcs=[first.SOPInstanceUID, what]),
        SeriesInstanceUID=generate_uid(entropy_srcs=[first.SeriesInstanceUID, what]),
        SeriesNumber=number,
        InstanceNumber=1,
        SeriesDescription=what.capitalize(),
        ManufacturerModelName="phantom",
        DeviceSerialNumber="1",
        SoftwareVersions="1",
        **elements,
    )


# segmentation


def _segmentation(images: Sequence[Dataset]) -> Dataset:
    """The segments as bits, of the slices that each is in."""
    found = [
        (image, number, mask)
        for number, organ in enumerate(SEGMENTS, 1)
        for image in sorted(images, key=lambda image: image.ImagePositionPatient[2])
        if (mask := organ.mask(pixel_centers(image))).any()
    ]
    first = images[0]
    dimensions = generate_uid(entropy_srcs=[first.SOPInstanceUID, "dimensions"])
    dataset = _object(
        images,
        "segmentation",
        100,
        SOPClassUID=SegmentationStorage,
        Modality="SEG",
        ImageType=["DERIVED", "PRIMARY"],
        ContentDate="20200101",
        ContentTime="121000",
        ContentLabel="ORGANS",
        ContentDescription="Organs",
        ContentCreatorName="",
        SegmentationType="BINARY",
        LossyImageCompression="00",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=first.Rows,
        Columns=first.Columns,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelRepresentation=0,
        ReferencedSeriesSequence=[_series_of(images, "ReferencedInstanceSequence")],
        DimensionOrganizationSequence=[data_set(DimensionOrganizationUID=dimensions)],
        DimensionIndexSequence=[
            data_set(
                DimensionOrganizationUID=dimensions,
                DimensionIndexPointer=pointer,
                FunctionalGroupPointer=group,
            )
            for pointer, group in ((0x0062000B, 0x0062000A), (0x00200032, 0x00209113))
        ],
        SegmentSequence=[segment(number, organ) for number, organ in enumerate(SEGMENTS, 1)],
        SharedFunctionalGroupsSequence=[_shared(first)],
        PerFrameFunctionalGroupsSequence=[_frame(image, number) for image, number, _ in found],
    )
    store_masks(dataset, np.array([mask for *_, mask in found]))
    return dataset


def segment(number: int, organ: Organ) -> Dataset:
    """The description of a segment."""
    kind = code(organ.code[0], "SCT", organ.code[1])
    if organ.name.startswith("Left"):
        kind.SegmentedPropertyTypeModifierCodeSequence = [LEFT]
    return data_set(
        SegmentNumber=number,
        SegmentLabel=organ.name,
        SegmentAlgorithmType="MANUAL",
        SegmentedPropertyCategoryCodeSequence=[code("123037004", "SCT", "Anatomical Structure")],
        SegmentedPropertyTypeCodeSequence=[kind],
    )


def masks_of(dataset: Dataset) -> np.ndarray:
    """The bits of a segmentation's frames, boolean (frames, rows, columns)."""
    shape = dataset.NumberOfFrames, dataset.Rows, dataset.Columns
    bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
    return bits[: np.prod(shape)].reshape(shape).astype(bool)


def store_masks(dataset: Dataset, masks: np.ndarray) -> None:
    """Puts masks (frames, rows, columns) into a segmentation as bits (PS3.5 8.1.1)."""
    packed = np.packbits(masks, axis=None, bitorder="little").tobytes()
    dataset.NumberOfFrames = len(masks)
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)


def _shared(image: Dataset) -> Dataset:
    """The functional groups that all frames share."""
    measures = {word: image[word].value for word in ("PixelSpacing", "SliceThickness")}
    orientation = data_set(ImageOrientationPatient=image.ImageOrientationPatient)
    return data_set(
        PixelMeasuresSequence=[data_set(**measures)], PlaneOrientationSequence=[orientation]
    )


def _frame(image: Dataset, number: int) -> Dataset:
    """The functional groups of the frame of one segment on one image."""
    source = data_set(
        ReferencedSOPClassUID=image.SOPClassUID,
        ReferencedSOPInstanceUID=image.SOPInstanceUID,
        PurposeOfReferenceCodeSequence=[
            code("121322", "DCM", "Source image for image processing operation")
        ],
    )
    derivation = data_set(
        DerivationCodeSequence=[code("113076", "DCM", "Segmentation")], SourceImageSequence=[source]
    )
    index = [number, image.InstanceNumber]
    return data_set(
        FrameContentSequence=[data_set(DimensionIndexValues=index)],
        PlanePositionSequence=[data_set(ImagePositionPatient=image.ImagePositionPatient)],
        SegmentIdentificationSequence=[data_set(ReferencedSegmentNumber=number)],
        DerivationImageSequence=[derivation],
    )


def pixel_centers(image: Dataset) -> np.ndarray:
    """The pixel centres (rows, columns, 3) of an axial image, in LPS mm."""
    left, top, z = image.ImagePositionPatient
    down, right = image.PixelSpacing
    y, x = np.mgrid[: image.Rows, : image.Columns]
    return np.stack([left + x * right, top + y * down, np.full(x.shape, z)], axis=-1)


# structure set


def _structures(images: Sequence[Dataset]) -> Dataset:
    """The regions as closed planar contours on each slice; one inside another is a hole."""
    first = images[0]
    series = _series_of(images, "ContourImageSequence")
    study = data_set(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    frame = data_set(
        FrameOfReferenceUID=first.FrameOfReferenceUID, RTReferencedStudySequence=[study]
    )
    regions = list(enumerate(REGIONS, 1))
    return _object(
        images,
        "structures",
        101,
        SOPClassUID=RTStructureSetStorage,
        Modality="RTSTRUCT",
        OperatorsName="",
        StructureSetLabel="ORGANS",
        StructureSetDate="20200101",
        StructureSetTime="121000",
        ApprovalStatus="UNAPPROVED",
        ReferencedFrameOfReferenceSequence=[frame],
        StructureSetROISequence=[
            data_set(
                ROINumber=number,
                ReferencedFrameOfReferenceUID=first.FrameOfReferenceUID,
                ROIName=organ.name,
                ROIGenerationAlgorithm="MANUAL",
            )
            for number, organ in regions
        ],
        ROIContourSequence=[
            data_set(ReferencedROINumber=number, ContourSequence=[*_contours(organ, images)])
            for number, organ in regions
        ],
        RTROIObservationsSequence=[
            data_set(
                ObservationNumber=number,
                ReferencedROINumber=number,
                RTROIInterpretedType="ORGAN",
                ROIInterpreter="",
            )
            for number, _ in regions
        ],
    )


def _contours(organ: Organ, images: Sequence[Dataset]) -> Iterator[Dataset]:
    """The contours of an organ on each image, the hole after what it is in."""
    angles = np.arange(POINTS) * 2 * np.pi / POINTS
    for image in images:
        z = float(image.ImagePositionPatient[2])
        for rx, ry in organ.sections(z):
            x, y = organ.center[0] + rx * np.cos(angles), organ.center[1] + ry * np.sin(angles)
            points = np.stack([x, y, np.full(POINTS, z)], axis=-1).round(2)
            yield data_set(
                ContourImageSequence=_instances([image]),
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=POINTS,
                ContourData=points.ravel().tolist(),
            )


def _series_of(images: Sequence[Dataset], keyword: str) -> Dataset:
    """The item that refers to the series of images, and to each of them under a keyword."""
    return data_set(SeriesInstanceUID=images[0].SeriesInstanceUID, **{keyword: _instances(images)})


def _instances(images: Sequence[Dataset]) -> list[Dataset]:
    return [
        data_set(
            ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID
        )
        for image in images
    ]
