"""What is unusual in a scan and yet right? Functions that change clean images, and spoil nothing.

Each takes the scan's files, a dict of file name to Dataset, and changes it in place.
"""

from collections.abc import Callable

from pydicom.uid import EnhancedCTImageStorage

from helpers.phantom.encoding import Files, compress, data_set
from helpers.phantom.modalities import MODALITIES

SHARED = {  # what the images of a stack share, by functional group (PS3.3 C.7.6.16.2)
    "PixelMeasuresSequence": ["PixelSpacing", "SliceThickness"],
    "PlaneOrientationSequence": ["ImageOrientationPatient"],
    "PixelValueTransformationSequence": ["RescaleIntercept", "RescaleSlope", "RescaleType"],
    "FrameVOILUTSequence": ["WindowCenter", "WindowWidth"],
}

VARIANTS: dict[str, Callable] = {**MODALITIES}


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
