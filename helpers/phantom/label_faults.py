"""What can be wrong with labels? Functions that spoil those of one scan.

They work as those of `helpers.phantom.faults` do.
"""

from collections.abc import Callable, Mapping

import numpy as np
from pydicom import Dataset
from pydicom.uid import generate_uid

from helpers.phantom.encoding import Files, stored_values
from helpers.phantom.labels import masks_of, pixel_centers, segment, store_masks
from helpers.phantom.organs import HEART, LEFT_LUNG, LIVER, SEGMENTATION, SEGMENTS, STRUCTURES
from helpers.phantom.spoiling import fault

SLICES_UP = 4  # by which frames are moved out of the volume
FORWARD_MM = 108  # by which the heart leaves the body
BESIDE = (-3, 4)  # rows, columns by which outlines are moved
AROUND = 1.25  # of an organ's radii, within which its values are looked for
VALUES = {LEFT_LUNG: (-1000, -300), HEART: (0, 100)}  # HU, beyond which it ends

LABEL_FAULTS: dict[str, Callable] = {}


@fault(LABEL_FAULTS)
def label_of_another_frame(files: Files) -> list[str]:
    """Structures whose frame of reference is not that of the images they were drawn on."""
    dataset = files[STRUCTURES]
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    another = generate_uid(entropy_srcs=[frame.FrameOfReferenceUID, "another"])
    dataset.FrameOfReferenceUID = frame.FrameOfReferenceUID = another
    for region in dataset.StructureSetROISequence:
        region.ReferencedFrameOfReferenceUID = another
    return [STRUCTURES]


@fault(LABEL_FAULTS)
def label_outside_volume(files: Files) -> list[str]:
    """A segmentation that lies too high: a part of it is beyond the uppermost slice."""
    dataset = files[SEGMENTATION]
    (measures,) = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (plane,) = frame.PlanePositionSequence
        moved = np.add(plane.ImagePositionPatient, (0, 0, SLICES_UP * measures.SliceThickness))
        plane.ImagePositionPatient = moved.tolist()
    return [SEGMENTATION]


@fault(LABEL_FAULTS)
def empty_label(files: Files) -> list[str]:
    """A segment that is described, and has no frame."""
    files[SEGMENTATION].SegmentSequence.append(segment(len(SEGMENTS) + 1, LIVER))
    return [SEGMENTATION]


@fault(LABEL_FAULTS)
def label_on_other_side(files: Files) -> list[str]:
    """A segmentation whose columns run the other way: what is left is on the right."""
    dataset = files[SEGMENTATION]
    store_masks(dataset, masks_of(dataset)[..., ::-1])
    return [SEGMENTATION]


@fault(LABEL_FAULTS)
def label_outside_body(files: Files) -> list[str]:
    """A heart that lies in front of the chest."""
    dataset = files[SEGMENTATION]
    spacing = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[0]
    masks = masks_of(dataset)
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == _number_of_heart():
            masks[number] = np.roll(masks[number], -round(FORWARD_MM / spacing), axis=0)
    store_masks(dataset, masks)
    return [SEGMENTATION]


@fault(LABEL_FAULTS)
def label_shifted(files: Files) -> list[str]:
    """A segmentation that was drawn along the edges of organs, and given a wrong origin.

    No structure set stands beside it.
    """
    dataset = files[SEGMENTATION]
    del files[STRUCTURES]
    images = {one.SOPInstanceUID: one for one in files.values() if one.Modality == "CT"}
    masks = [_drawn(frame, images) for frame in dataset.PerFrameFunctionalGroupsSequence]
    store_masks(dataset, np.roll(masks, BESIDE, axis=(1, 2)))
    return [SEGMENTATION]


def _drawn(frame: Dataset, images: Mapping[str, Dataset]) -> np.ndarray:
    """The mask (rows, columns) of an organ in a frame, drawn along the edges of its image."""
    image = images[frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
    organ = SEGMENTS[frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber - 1]
    hu = stored_values(image) * image.RescaleSlope + image.RescaleIntercept
    low, high = VALUES[organ]
    x, y, z = organ.radii
    around = organ._replace(radii=(AROUND * x, AROUND * y, AROUND * z))
    return around.mask(pixel_centers(image)) & (low < hu) & (hu < high)


@fault(LABEL_FAULTS)
def several_persons(files: Files) -> list[str]:
    """The second series is of a person of the other sex, under one Patient ID."""
    second = [name for name, dataset in files.items() if dataset.SeriesNumber == 2]
    for name in second:
        files[name].PatientSex = "F" if files[name].PatientSex == "M" else "M"
    return second[:1]


def _number_of_heart() -> int:
    return SEGMENTS.index(HEART) + 1
