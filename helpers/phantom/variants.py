"""What is unusual in a scan and yet right? Functions that change clean images without spoiling them.

Each takes the scan's files, a dict of file name to Dataset, and changes it in place.
"""

import numpy as np
from pydicom import Dataset
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian, RLELossless

from helpers.phantom.pixel_faults import begin_meta, stored

SHARED = {  # what the images of a stack share, by functional group (PS3.3 C.7.6.16.2)
    "PixelMeasuresSequence": ["PixelSpacing", "SliceThickness"],
    "PlaneOrientationSequence": ["ImageOrientationPatient"],
    "PixelValueTransformationSequence": ["RescaleIntercept", "RescaleSlope", "RescaleType"],
    "FrameVOILUTSequence": ["WindowCenter", "WindowWidth"],
}


def monochrome1(files):
    """The lowest value is to be shown white."""
    _set(files, PhotometricInterpretation="MONOCHROME1")


def sigmoid(files):
    """The window is to be applied as a sigmoid curve."""
    _set(files, VOILUTFunction="SIGMOID")


def accented(files):
    """A name with letters beyond ASCII, in UTF-8."""
    _set(files, PatientName="Ångström^Zoë")


def private(files):
    """A manufacturer's own elements."""
    for number, dataset in enumerate(files.values()):
        block = dataset.private_block(0x0019, "PHANTOM NOTES", create=True)
        block.add_new(0x10, "LO", "made up")
        block.add_new(0x11, "DS", str(number))


def no_extension(files):
    """File names that end in nothing, and only some files with a Slice Location."""
    for number, name in enumerate(list(files)):
        files[name.removesuffix(".dcm")] = dataset = files.pop(name)
        if number % 2:
            del dataset.SliceLocation


def run_length(files):
    """Compressed without loss, in a way that every reader knows."""
    for dataset in files.values():
        begin_meta(dataset, ExplicitVRLittleEndian)
        dataset.compress(RLELossless, generate_instance_uid=False)


def enhanced(files):
    """All images as the frames of one file."""
    datasets = list(files.values())
    first = datasets[0]
    pixels = np.concatenate([stored(dataset) for dataset in datasets])
    first.SOPClassUID, first.NumberOfFrames, first.InstanceNumber = (
        EnhancedCTImageStorage,
        len(datasets),
        1,
    )
    first.PerFrameFunctionalGroupsSequence = [
        _frame(dataset, number) for number, dataset in enumerate(datasets, 1)
    ]
    shared = Dataset()
    for group, keywords in SHARED.items():
        setattr(shared, group, [_moved(first, keywords)])
    first.SharedFunctionalGroupsSequence = [shared]
    del first.ImagePositionPatient, first.SliceLocation
    first.PixelData = pixels.tobytes()
    files.clear()
    files["1.dcm"] = first


VARIANTS = {
    variant.__name__.replace("_", "-"): variant
    for variant in (monochrome1, sigmoid, accented, private, no_extension, run_length, enhanced)
}


def _set(files, **values):
    for dataset in files.values():
        dataset.update(values)


def _frame(dataset, number):
    """The functional groups of one frame."""
    frame, content = Dataset(), Dataset()
    content.InStackPositionNumber, content.StackID = number, "1"
    frame.FrameContentSequence = [content]
    position = Dataset()
    position.ImagePositionPatient = list(dataset.ImagePositionPatient)
    frame.PlanePositionSequence = [position]
    return frame


def _moved(dataset, keywords):
    """An item with these elements, taken out of the dataset."""
    item = Dataset()
    for keyword in keywords:
        item[keyword] = dataset[keyword]
        del dataset[keyword]
    return item
