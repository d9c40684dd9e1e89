"""What can be wrong with labels? Functions that spoil those of one scan.

They work as those of `helpers.phantom.faults` do.
"""

from collections.abc import Callable

import numpy as np
from pydicom.uid import generate_uid

from helpers.phantom.encoding import Files
from helpers.phantom.labels import masks_of, segment, store_masks
from helpers.phantom.organs import HEART, LIVER, SEGMENTATION, SEGMENTS, STRUCTURES
from helpers.phantom.spoiling import fault

SLICES_UP = 4  # by which frames are moved out of the volume
FORWARD_MM = 108  # by which the heart leaves the body

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
def several_persons(files: Files) -> list[str]:
    """The second series is of a person of the other sex, under one Patient ID."""
    second = [name for name, dataset in files.items() if dataset.SeriesNumber == 2]
    for name in second:
        files[name].PatientSex = "F" if files[name].PatientSex == "M" else "M"
    return second[:1]


def _number_of_heart() -> int:
    return SEGMENTS.index(HEART) + 1
