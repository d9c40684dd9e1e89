"""What is unusual in a scan and yet right? Functions that change clean images, and spoil nothing.

Each takes the scan's files, a dict of file name to Dataset, and changes it in place.
"""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
from pydicom.uid import EnhancedCTImageStorage, generate_uid

from helpers.phantom.encoding import Files, compress, data_set, store, stored_values
from helpers.phantom.labels import labels
from helpers.phantom.modalities import MODALITIES

SHARED = {  # what the images of a stack share, by functional group (PS3.3 C.7.6.16.2)
    "PixelMeasuresSequence": ["PixelSpacing", "SliceThickness"],
    "PlaneOrientationSequence": ["ImageOrientationPatient"],
    "PixelValueTransformationSequence": ["RescaleIntercept", "RescaleSlope", "RescaleType"],
    "FrameVOILUTSequence": ["WindowCenter", "WindowWidth"],
}

SOFT_KERNEL = "B30f"

VARIANTS: dict[str, Callable] = {**MODALITIES, "labels": labels}


def variant(change: Callable) -> Callable:
    """Puts a function into `VARIANTS`."""
    VARIANTS[change.__name__.replace("_", "-")] = change
    return change


@variant
def monochrome1(files: Files) -> None:
    """The lowest value is to be shown white."""
    _update(files, PhotometricInterpretation="MONOCHROME1")


@variant
def sigmoid(files: Files) -> None:
    """The window is to be applied as a sigmoid curve."""
    _update(files, VOILUTFunction="SIGMOID")


@variant
def accented(files: Files) -> None:
    """A name with letters beyond ASCII, in UTF-8."""
    _update(files, PatientName="Ångström^Zoë")


@variant
def private(files: Files) -> None:
    """A manufacturer's own elements."""
    for number, dataset in enumerate(files.values()):
        block = dataset.private_block(0x0019, "PHANTOM NOTES", create=True)
        block.add_new(0x10, "LO", "made up")
        block.add_new(0x11, "DS", str(number))


@variant
def no_extension(files: Files) -> None:
    """File names that end in nothing, and only some files with a Slice Location."""
    for number, name in enumerate(list(files)):
        files[name.removesuffix(".dcm")] = dataset = files.pop(name)
        if number % 2:
            del dataset.SliceLocation


@variant
def run_length(files: Files) -> None:
    """Compressed without loss."""
    for dataset in files.values():
        compress(dataset)


@variant
def enhanced(files: Files) -> None:
    """All images as the frames of one file."""
    datasets = list(files.values())
    first = datasets[0]
    frames = [_frame(dataset, number) for number, dataset in enumerate(datasets, 1)]
    first.PerFrameFunctionalGroupsSequence = frames
    shared = {group: [_taken(first, keywords)] for group, keywords in SHARED.items()}
    first.SharedFunctionalGroupsSequence = [data_set(**shared)]
    del first.ImagePositionPatient, first.SliceLocation
    first.SOPClassUID, first.InstanceNumber = EnhancedCTImageStorage, 1
    first.NumberOfFrames = len(datasets)
    first.PixelData = b"".join(dataset.PixelData for dataset in datasets)
    files.clear()
    files["1.dcm"] = first


@variant
def two_reconstructions(files: Files) -> None:
    """The scan was made into images twice, sharp for the lung and soft: a series of each."""
    for dataset in list(files.values()):
        soft = deepcopy(dataset)
        dataset.SeriesDescription, soft.SeriesDescription = "Lung", "Soft tissue"
        soft.SeriesNumber, soft.ConvolutionKernel = 2, SOFT_KERNEL
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
            setattr(soft, keyword, generate_uid(entropy_srcs=[dataset.get(keyword), "soft"]))
        store(soft, _smoothed(stored_values(dataset)))
        files[f"{len(files) + 1}.dcm"] = soft


def _smoothed(values):
    """Values (rows, columns), each the mean of itself and its neighbours along row and column."""
    shifted = [np.roll(values, step, axis) for step in (-1, 1) for axis in (0, 1)]
    return np.mean([values, *shifted], axis=0)


def _update(files, **values):
    for dataset in files.values():
        dataset.update(values)


def _frame(dataset, number):
    """The functional groups of one frame."""
    content = data_set(InStackPositionNumber=number, StackID="1")
    position = data_set(ImagePositionPatient=list(dataset.ImagePositionPatient))
    return data_set(FrameContentSequence=[content], PlanePositionSequence=[position])


def _taken(dataset, keywords):
    """An item with these elements, taken out of the data set."""
    return data_set(**{keyword: dataset.pop(keyword).value for keyword in keywords})
