"""Volumes in every position, and labels on them in every format: what tests of labels write."""

from typing import NamedTuple

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from helpers import header_table, load_volume, slice_table, stack_table
from helpers.privacy.pseudonyms import deidentified_table

SHAPE = (7, 12, 15)  # slices, rows, columns
SPACING = (2.5, 0.8, 0.6)  # mm
FIRST = (-12.5, 33.0, -204.0)  # mm


def _turned(row, column, shear=(0.0, 0.0)):
    """(row cosines, column cosines, step in mm) of slices, sheared by mm."""
    row, column = np.array(row, float), np.array(column, float)
    row /= np.linalg.norm(row)
    column -= row * (row @ column)
    column /= np.linalg.norm(column)
    step = np.cross(row, column) * SPACING[0] + shear[0] * column + shear[1] * row
    return row, column, step


POSES = {
    "axial": _turned((1, 0, 0), (0, 1, 0)),
    "feet first": _turned((-1, 0, 0), (0, 1, 0)),
    "sagittal": _turned((0, 1, 0), (0, 0, -1)),
    "coronal": _turned((1, 0, 0), (0, 0, -1)),
    "oblique": _turned((0.9, 0.3, -0.2), (-0.1, 0.8, 0.55)),
    "tilted": _turned((1, 0, 0), (0, 1, 0), shear=(0.7, 0.0)),
}


def slow_but(several, kept):
    """Parameters of which all but those that are kept belong to the whole."""
    return [one if one in kept else pytest.param(one, marks=pytest.mark.slow) for one in several]


class Made(NamedTuple):
    """A volume, the data sets of its images in spatial order, and its tables."""

    volume: object
    images: list
    headers: object
    slices: object
    stack: tuple


def affine_of(pose, shape=SHAPE):
    row, column, step = POSES[pose]
    affine = np.eye(4)
    affine[:3, :3] = np.c_[step, column * SPACING[1], row * SPACING[2]]
    affine[:3, 3] = FIRST
    return affine


def dataset_of(sop_class):
    """A data set of a class, with what every object has."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = sop_class, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.PatientName = "L1", "Synthetic^Label"
    dataset.PatientBirthDate, dataset.PatientSex = "", "O"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.4.1", generate_uid()
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200101", "120000", "1"
    dataset.AccessionNumber, dataset.ReferringPhysicianName = "", ""
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.FrameOfReferenceUID = "1.2.3.4.5"
    return dataset


def write_images(folder, pose, *, shape=SHAPE, frame_of_reference="1.2.3.4.5"):
    """Writes the images of a volume; returns `Made`."""
    affine = affine_of(pose)
    row, column, _ = POSES[pose]
    series, images = generate_uid(), []
    values = np.random.default_rng(1).integers(-1000, 1000, shape).astype("<i2")
    for index in range(shape[0]):
        one = dataset_of(CTImageStorage)
        one.Modality, one.SeriesInstanceUID, one.InstanceNumber = "CT", series, index + 1
        one.FrameOfReferenceUID = frame_of_reference
        one.PositionReferenceIndicator = ""
        one.ImagePositionPatient = [float(x) for x in affine[:3, 3] + index * affine[:3, 0]]
        one.ImageOrientationPatient = [f"{x:.14g}"[:16] for x in (*row, *column)]
        one.PixelSpacing, one.SliceThickness = [SPACING[1], SPACING[2]], SPACING[0]
        one.Rows, one.Columns = shape[1:]
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleSlope, one.RescaleIntercept, one.RescaleType = 1, 0, "HU"
        one.PixelData = values[index].tobytes()
        one.save_as(folder / f"{index}.dcm", enforce_file_format=True)
        images.append(one)
    return read_back(folder, images)


def read_back(folder, images=()):
    """The `Made` of a folder."""
    headers = deidentified_table(header_table(folder, progress=False))
    slices = slice_table(headers)
    stack = stack_table(slices).index[0]
    return Made(load_volume(slices.loc[stack]), list(images), headers, slices, stack)


def masks(shape=SHAPE):
    """Two masks without any symmetry that touch and do not overlap, the first with a hole."""
    first = np.zeros(shape, bool)
    first[1:5, 2:8, 3:9] = True
    first[2:4, 4:6, 5:7] = False  # a hole through two slices
    first[1, 2:4, 3] = False
    first[4, 7, 3:11] = True
    first[3, 2, 9:13] = True
    second = np.zeros(shape, bool)
    second[3:6, 8:11, 4:10] = True
    second[5, 10, 10:14] = True
    second[6, 0, 0] = True  # a corner of the volume
    assert not (first & second).any()
    return {"hollow": first, "solid": second}


def overlapping(shape=SHAPE):
    """Three masks of which the first overlaps with both others."""
    found = masks(shape)
    found["across"] = np.zeros(shape, bool)
    found["across"][2:6, 6:10, 2:6] = True
    return found


def write_segmentation(path, images, named, kind="BINARY", **more):
    """A segmentation of named masks (slices, rows, columns), written by highdicom."""
    highdicom = pytest.importorskip("highdicom", reason="highdicom writes segmentations")
    from pydicom.sr.codedict import codes

    described = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="AUTOMATIC",
            algorithm_identification=highdicom.AlgorithmIdentificationSequence(
                name="net", family=codes.DCM.ArtificialIntelligence, version="1"
            ),
        )
        for number, name in enumerate(named, 1)
    ]
    stacked = np.stack(list(named.values()), axis=-1)
    pixels = stacked.astype(np.uint8)
    if kind == "LABELMAP":
        pixels = np.zeros(stacked.shape[:-1], np.uint8)
        for number in range(stacked.shape[-1]):
            pixels[stacked[..., number]] = number + 1
    if kind == "FRACTIONAL":
        pixels = np.where(stacked, 0.75, 0.25 * (np.arange(stacked.shape[2]) % 2)[:, None])
    segmentation = highdicom.seg.Segmentation(
        source_images=images,
        pixel_array=pixels.astype(np.float32) if kind == "FRACTIONAL" else pixels,
        segmentation_type=kind,
        segment_descriptions=described,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="1",
        device_serial_number="1",
        **more,
    )
    segmentation.save_as(path)
    return segmentation


def contours_of(mask, affine):
    """Rectangles (4, 3) in LPS mm round the runs of pixels of a mask, row by row."""
    for index, row in np.argwhere(mask.any(2)):
        edges = np.flatnonzero(np.diff(np.r_[0, mask[index, row].astype(int), 0]))
        for start, end in edges.reshape(-1, 2):
            top, bottom, left, right = row - 0.5, row + 0.5, start - 0.5, end - 0.5
            corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
            yield index, np.array([(affine @ (index, *one, 1))[:3] for one in corners])


def structure_set(named, affine, *, images=(), frame_of_reference="1.2.3.4.5"):
    """A structure set (data set) of named lists of (Contour Geometric Type, points (n, 3))."""
    dataset = dataset_of(RTStructureSetStorage)
    dataset.Modality, dataset.StructureSetLabel = "RTSTRUCT", "label"
    del dataset.FrameOfReferenceUID
    frame = Dataset()
    frame.FrameOfReferenceUID = frame_of_reference
    if images:
        frame.RTReferencedStudySequence = [Dataset()]
        series = Dataset()
        series.SeriesInstanceUID = images[0].SeriesInstanceUID
        series.ContourImageSequence = [Dataset() for _ in images]
        for item, image in zip(series.ContourImageSequence, images):
            item.ReferencedSOPClassUID = image.SOPClassUID
            item.ReferencedSOPInstanceUID = image.SOPInstanceUID
        frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence = [series]
    dataset.ReferencedFrameOfReferenceSequence = [frame]
    rois, drawn, observed = [], [], []
    for number, (name, contours) in enumerate(named.items(), 1):
        roi, item, seen = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, name, "MANUAL"
        roi.ReferencedFrameOfReferenceUID = frame_of_reference
        item.ReferencedROINumber, item.ContourSequence = number, []
        for kind, points in contours:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points)
            contour.ContourData = [f"{x:.10g}" for x in np.ravel(points)]
            item.ContourSequence.append(contour)
        seen.ObservationNumber = seen.ReferencedROINumber = number
        seen.RTROIInterpretedType, seen.ROIInterpreter = "ORGAN", "Nobody^Known"
        rois.append(roi), drawn.append(item), observed.append(seen)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = rois, drawn
    dataset.RTROIObservationsSequence = observed
    return dataset


def write_structures(path, named, affine, **more):
    """A structure set of named masks (slices, rows, columns) on the grid of an affine."""
    drawn = {
        name: [("CLOSED_PLANAR", points) for _, points in contours_of(mask, affine)]
        for name, mask in named.items()
    }
    dataset = structure_set(drawn, affine, **more)
    dataset.save_as(path, enforce_file_format=True)
    return dataset


def write_nifti(path, values, affine, *, sform=1, qform=0):
    """Values (slices, rows, columns) on a grid as a NIfTI file."""
    import nibabel

    ras = (np.diag([-1, -1, 1, 1]) @ affine)[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(values.T, ras)
    image.set_sform(ras if sform else None, sform)
    image.set_qform(ras if qform else None, qform)
    image.to_filename(path)
