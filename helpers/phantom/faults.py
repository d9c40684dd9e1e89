"""What can be wrong with a file, its pixels or a stack? Functions that spoil one scan's images.

Each takes the scan's files, a dict of file name to Dataset, and changes it in place. It returns
the names of the files that are wrong, or None where the stack as a whole is. A file that pydicom
would not write becomes the bytes that stand in it.
"""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
from pydicom.uid import generate_uid

from helpers.phantom.encoding import Files, store, stored_values
from helpers.phantom.file_faults import FILE_FAULTS
from helpers.phantom.label_faults import LABEL_FAULTS
from helpers.phantom.modality_faults import MODALITY_FAULTS
from helpers.phantom.spoiling import (
    add_copy,
    fault,
    gap,
    give_uids,
    middle,
    move,
    remove,
    second_half,
)

DISPLACED_MM = 30
THICKNESS_ERROR_MM = 0.004
TURNED_15_DEG = [0.965925826, 0.258819045, 0, -0.258819045, 0.965925826, 0]

STACK_FAULTS: dict[str, Callable] = {}


@fault(STACK_FAULTS)
def missing_slice(files: Files) -> list[str]:
    """A slice in the middle is missing; the gap follows the one before it, from feet to head."""
    names = list(files)
    middle = len(names) // 2
    upwards = files[names[0]].ImagePositionPatient[2] < files[names[-1]].ImagePositionPatient[2]
    del files[names[middle]]
    return [names[middle - 1 if upwards else middle + 1]]


@fault(STACK_FAULTS)
def repeated_slice(files: Files) -> list[str]:
    """One image was stored twice under two names and two UIDs."""
    return [add_copy(files, files[middle(files)])]


@fault(STACK_FAULTS)
def same_instance_twice(files: Files) -> list[str]:
    """One file was copied: the same SOP Instance UID under two names."""
    name = f"copy of {middle(files)}"
    files[name] = deepcopy(files[middle(files)])
    return [name]


@fault(STACK_FAULTS)
def second_scan(files: Files) -> None:
    """The scan was made again a little later, in the same folder and series, as in OSIC."""
    for dataset in list(files.values()):
        add_copy(files, dataset, AcquisitionNumber=2)


@fault(STACK_FAULTS)
def several_phases(files: Files) -> None:
    """Each position was scanned at two phases of the heart."""
    for dataset in list(files.values()):
        dataset.NominalPercentageOfCardiacPhase = 0
        add_copy(files, dataset, NominalPercentageOfCardiacPhase=50)


@fault(STACK_FAULTS)
def ambiguous_repetitions(files: Files) -> None:
    """Each position was scanned three times; only Instance Numbers tell the scans apart."""
    for dataset in 2 * list(files.values()):
        add_copy(files, dataset)


@fault(STACK_FAULTS)
def localizer(files: Files) -> list[str]:
    """The scout lies among the slices that it was made for."""
    datasets = sorted(files.values(), key=lambda dataset: -dataset.ImagePositionPatient[2])
    scout = deepcopy(datasets[0])
    scout.ImageType, scout.InstanceNumber = ["ORIGINAL", "PRIMARY", "LOCALIZER"], 0
    scout.SOPInstanceUID = generate_uid(entropy_srcs=[scout.SOPInstanceUID, "scout"])
    scout.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    scout.PixelSpacing = [gap(datasets), scout.PixelSpacing[1]]
    scout.Rows = len(datasets)
    store(scout, np.stack([stored_values(dataset).mean(axis=0) for dataset in datasets]))
    files["0.dcm"] = scout
    return ["0.dcm"]


@fault(STACK_FAULTS)
def displaced_slice(files: Files) -> list[str]:
    """One slice lies 30 mm beside the others."""
    return [move(files, (DISPLACED_MM, 0, 0))]


@fault(STACK_FAULTS)
def no_position(files: Files) -> list[str]:
    """No image says where it is."""
    return remove(files, "ImagePositionPatient")


@fault(STACK_FAULTS)
def no_orientation(files: Files) -> list[str]:
    """No image says which way it lies."""
    return remove(files, "ImageOrientationPatient")


@fault(STACK_FAULTS)
def no_spacing(files: Files) -> list[str]:
    """No image says how large its pixels are."""
    return remove(files, "PixelSpacing")


@fault(STACK_FAULTS)
def bad_orientation(files: Files) -> list[str]:
    """The direction cosines are no unit vectors."""
    for dataset in files.values():
        cosines = dataset.ImageOrientationPatient
        dataset.ImageOrientationPatient = [round(1.05 * value, 4) for value in cosines]
    return list(files)


@fault(STACK_FAULTS)
def several_orientations(files: Files) -> None:
    """The second half is turned by 15 degrees in its plane."""
    for dataset in second_half(files):
        dataset.ImageOrientationPatient = TURNED_15_DEG


@fault(STACK_FAULTS)
def several_spacings(files: Files) -> None:
    """The pixels of the second half are larger, as in one patient of OSIC."""
    for dataset in second_half(files):
        dataset.PixelSpacing = [1.25 * value for value in dataset.PixelSpacing]


@fault(STACK_FAULTS)
def several_sizes(files: Files) -> None:
    """The second half has half the matrix."""
    for dataset in second_half(files):
        values = stored_values(dataset)[::2, ::2]
        dataset.Rows, dataset.Columns = values.shape
        dataset.PixelSpacing = [2 * value for value in dataset.PixelSpacing]
        store(dataset, values)


@fault(STACK_FAULTS)
def uneven_spacing(files: Files) -> None:
    """One slice lies a third of a gap off its position."""
    move(files, (0, 0, gap(list(files.values())) / 3))


@fault(STACK_FAULTS)
def wrong_declared_spacing(files: Files) -> None:
    """Spacing Between Slices is twice what the positions say."""
    spacing = 2 * gap(list(files.values()))
    for dataset in files.values():
        dataset.SpacingBetweenSlices = spacing


@fault(STACK_FAULTS)
def thickness_varies(files: Files) -> None:
    """Slice Thickness is written a little differently in every second image."""
    for dataset in list(files.values())[::2]:
        dataset.SliceThickness += THICKNESS_ERROR_MM


@fault(STACK_FAULTS)
def mixed_meanings(files: Files) -> None:
    """The second half was computed with another kernel."""
    for dataset in second_half(files):
        dataset.ConvolutionKernel = "SHARP"


@fault(STACK_FAULTS)
def series_read_alike(files: Files) -> None:
    """Two reconstructions have one description, as where each is named after its thickness."""
    for dataset in files.values():
        dataset.SeriesDescription = f"{dataset.SliceThickness:g} mm"


@fault(STACK_FAULTS)
def several_frames_of_reference(files: Files) -> None:
    """Each file has a Frame of Reference UID of its own, as a broken anonymiser leaves it."""
    give_uids(files.values(), "FrameOfReferenceUID")


@fault(STACK_FAULTS)
def missing_identifiers(files: Files) -> None:
    """No image says which study it belongs to."""
    remove(files, "StudyInstanceUID")


@fault(STACK_FAULTS)
def identifiers_per_file(files: Files) -> None:
    """Each file has a Study Instance UID of its own."""
    give_uids(files.values(), "StudyInstanceUID")


@fault(STACK_FAULTS)
def shared_series_uid(files: Files) -> None:
    """The second half is of another study, under the same Series Instance UID."""
    study = generate_uid(entropy_srcs=[next(iter(files.values())).StudyInstanceUID, "another"])
    for dataset in second_half(files):
        dataset.StudyInstanceUID = study


@fault(STACK_FAULTS)
def grid_of_single_slices(files: Files) -> list[str]:
    """Each file but the lowest has a Series Instance UID of its own; that one is named."""
    lowest, *others = sorted(files, key=lambda name: files[name].ImagePositionPatient[2])
    give_uids([files[name] for name in others], "SeriesInstanceUID")
    return [lowest]


@fault(STACK_FAULTS)
def swapped_numbers(files: Files) -> list[str]:
    """The Instance Numbers of two files were exchanged."""
    names = list(files)[3:5]
    one, other = (files[name] for name in names)
    one.InstanceNumber, other.InstanceNumber = other.InstanceNumber, one.InstanceNumber
    return names


FAULTS = {
    **STACK_FAULTS,
    **FILE_FAULTS,
    **MODALITY_FAULTS,
    **LABEL_FAULTS,
}  # rule of the audit that finds it → function
