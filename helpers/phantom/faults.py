"""What can be wrong with a file, its pixels or a stack? Functions that spoil one scan's images.

Each takes the scan's files, a dict of file name to Dataset, and changes it in place. It returns
the names of the files that are wrong, or None where the stack as a whole is. A file that pydicom
would not write becomes the bytes that stand in it.
"""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

from helpers.phantom.encoding import (
    Files,
    compress,
    encoded,
    set_transfer_syntax,
    store,
    stored_values,
)

JPEG_FULL_PROGRESSION = "1.2.840.10008.1.2.4.55"  # retired (PS3.6 annex A)
ITEM = b"\xfe\xff\x00\xe0"  # begins the offset table, then the first fragment (PS3.5 A.4)
BORDER_PIXELS = 6
WRONG_INTERCEPT_HU = 1000
AIR_NOISE_HU = 10
DISPLACED_MM = 30
TURNED_15_DEG = [0.965925826, 0.258819045, 0, -0.258819045, 0.965925826, 0]

FAULTS: dict[str, Callable] = {}  # rule of the audit that finds it → function


def fault(spoil: Callable) -> Callable:
    """Puts a function into `FAULTS`, under the name of the rule that finds what it does."""
    FAULTS[spoil.__name__.replace("_", "-")] = spoil
    return spoil


@fault
def missing_slice(files: Files) -> list[str]:
    """A slice in the middle is missing; the gap follows the one before it, from feet to head."""
    names = list(files)
    middle = len(names) // 2
    upwards = files[names[0]].ImagePositionPatient[2] < files[names[-1]].ImagePositionPatient[2]
    del files[names[middle]]
    return [names[middle - 1 if upwards else middle + 1]]


@fault
def repeated_slice(files: Files) -> list[str]:
    """One image was stored twice under two names and two UIDs."""
    return [_add_copy(files, files[_middle(files)])]


@fault
def same_instance_twice(files: Files) -> list[str]:
    """One file was copied: the same SOP Instance UID under two names."""
    name = f"copy of {_middle(files)}"
    files[name] = deepcopy(files[_middle(files)])
    return [name]


@fault
def second_scan(files: Files) -> None:
    """The scan was made again a little later, in the same folder and series, as in OSIC."""
    for dataset in list(files.values()):
        _add_copy(files, dataset, AcquisitionNumber=2)


@fault
def several_phases(files: Files) -> None:
    """Each position was scanned at two phases of the heart."""
    for dataset in list(files.values()):
        dataset.NominalPercentageOfCardiacPhase = 0
        _add_copy(files, dataset, NominalPercentageOfCardiacPhase=50)


@fault
def localizer(files: Files) -> list[str]:
    """The scout lies among the slices that it was made for."""
    datasets = sorted(files.values(), key=lambda dataset: -dataset.ImagePositionPatient[2])
    scout = deepcopy(datasets[0])
    scout.ImageType, scout.InstanceNumber = ["ORIGINAL", "PRIMARY", "LOCALIZER"], 0
    scout.SOPInstanceUID = generate_uid(entropy_srcs=[scout.SOPInstanceUID, "scout"])
    scout.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    scout.PixelSpacing = [_gap(datasets), scout.PixelSpacing[1]]
    scout.Rows = len(datasets)
    store(scout, np.stack([stored_values(dataset).mean(axis=0) for dataset in datasets]))
    files["0.dcm"] = scout
    return ["0.dcm"]


@fault
def displaced_slice(files: Files) -> list[str]:
    """One slice lies 30 mm beside the others."""
    return [_move(files, (DISPLACED_MM, 0, 0))]


@fault
def no_position(files: Files) -> list[str]:
    """No image says where it is."""
    return _remove(files, "ImagePositionPatient")


@fault
def no_orientation(files: Files) -> list[str]:
    """No image says which way it lies."""
    return _remove(files, "ImageOrientationPatient")


@fault
def no_spacing(files: Files) -> list[str]:
    """No image says how large its pixels are."""
    return _remove(files, "PixelSpacing")


@fault
def bad_orientation(files: Files) -> list[str]:
    """The direction cosines are no unit vectors."""
    for dataset in files.values():
        cosines = dataset.ImageOrientationPatient
        dataset.ImageOrientationPatient = [round(1.05 * value, 4) for value in cosines]
    return list(files)


@fault
def several_orientations(files: Files) -> None:
    """The second half is turned by 15 degrees in its plane."""
    for dataset in _second_half(files):
        dataset.ImageOrientationPatient = TURNED_15_DEG


@fault
def several_spacings(files: Files) -> None:
    """The pixels of the second half are larger, as in one patient of OSIC."""
    for dataset in _second_half(files):
        dataset.PixelSpacing = [1.25 * value for value in dataset.PixelSpacing]


@fault
def several_sizes(files: Files) -> None:
    """The second half has half the matrix."""
    for dataset in _second_half(files):
        values = stored_values(dataset)[::2, ::2]
        dataset.Rows, dataset.Columns = values.shape
        dataset.PixelSpacing = [2 * value for value in dataset.PixelSpacing]
        store(dataset, values)


@fault
def uneven_spacing(files: Files) -> None:
    """One slice lies a third of a gap off its position."""
    _move(files, (0, 0, _gap(list(files.values())) / 3))


@fault
def wrong_declared_spacing(files: Files) -> None:
    """Spacing Between Slices is twice what the positions say."""
    spacing = 2 * _gap(list(files.values()))
    for dataset in files.values():
        dataset.SpacingBetweenSlices = spacing


@fault
def swapped_numbers(files: Files) -> list[str]:
    """The Instance Numbers of two files were exchanged."""
    names = list(files)[3:5]
    one, other = (files[name] for name in names)
    one.InstanceNumber, other.InstanceNumber = other.InstanceNumber, one.InstanceNumber
    return names


@fault
def other_patient(files: Files) -> list[str]:
    """The Patient ID is not that of the folder."""
    for dataset in files.values():
        dataset.PatientID = f"{dataset.PatientID} (another)"
    return list(files)


@fault
def unknown_charset(files: Files) -> list[str]:
    """The character set is none that DICOM knows."""
    for name, dataset in files.items():
        files[name] = encoded(dataset).replace(b"ISO_IR 192", b"ISO_IR 999", 1)
    return list(files)


@fault
def not_dicom(files: Files) -> list[str]:
    """A text file lies among the images."""
    files["notes.txt"] = b"Patient moved, scan repeated.\n"
    return ["notes.txt"]


@fault
def unreadable_file(files: Files) -> list[str]:
    """The last file says that it is deflated, and is not."""
    name = list(files)[-1]
    stated, deflated = (
        bytes([len(uid), 0]) + uid for uid in (b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    )
    files[name] = encoded(files[name]).replace(stated, deflated, 1)
    return [name]


@fault
def truncated_file(files: Files) -> list[str]:
    """The file ends in the middle of its pixels."""
    name = _middle(files)
    files[name] = encoded(files[name])[: -len(files[name].PixelData) // 2]
    return [name]


@fault
def no_decoder(files: Files) -> list[str]:
    """The images say that they are in a retired transfer syntax, which no program decodes."""
    for dataset in files.values():
        dataset.PixelData = encapsulate([dataset.PixelData])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", "ISO_10918_1"
        set_transfer_syntax(dataset, JPEG_FULL_PROGRESSION)
    return list(files)


@fault
def undecodable(files: Files) -> list[str]:
    """One compressed image is damaged, as in one patient of OSIC."""
    for dataset in files.values():
        compress(dataset)
    dataset = files[_middle(files)]
    damaged = bytearray(dataset.PixelData)
    damaged[damaged.index(ITEM, len(ITEM)) + 8] = 0xFF  # RLE's number of segments
    dataset.PixelData = bytes(damaged)
    return [_middle(files)]


@fault
def black_slice(files: Files) -> list[str]:
    """The first image is black, as in one patient of OSIC."""
    name = next(iter(files))
    store(files[name], np.zeros_like(stored_values(files[name])))
    return [name]


@fault
def empty_slice(files: Files) -> list[str]:
    """One image shows air alone."""
    dataset = files[_middle(files)]
    noise = np.random.default_rng(len(files)).normal(size=stored_values(dataset).shape)
    air = -1000 - dataset.RescaleIntercept
    store(dataset, np.maximum(np.round(air + AIR_NOISE_HU * noise), 0))
    return [_middle(files)]


@fault
def identical_images(files: Files) -> list[str]:
    """Two slices at two positions have the same pixels."""
    names = list(files)[5:7]
    files[names[1]].PixelData = files[names[0]].PixelData
    return names


@fault
def undeclared_padding(files: Files) -> None:
    """The value outside the scanned circle is declared by no Pixel Padding Value."""
    _remove(files, "PixelPaddingValue")


@fault
def zero_border(files: Files) -> None:
    """A border of stored zeros, which the intercept makes water."""
    for dataset in files.values():
        inner = stored_values(dataset)[BORDER_PIXELS:-BORDER_PIXELS, BORDER_PIXELS:-BORDER_PIXELS]
        store(dataset, np.pad(inner, BORDER_PIXELS))


@fault
def wrong_rescale(files: Files) -> None:
    """The rescale intercept is off by 1000, as in two patients of OSIC."""
    for dataset in files.values():
        dataset.RescaleIntercept += WRONG_INTERCEPT_HU


@fault
def rescale_varies(files: Files) -> None:
    """Every second image has a rescale intercept of its own, and values that fit it."""
    for dataset in list(files.values())[::2]:
        values = stored_values(dataset).astype(int)
        dataset.RescaleIntercept -= 24
        store(dataset, values + 24)


@fault
def signed_as_unsigned(files: Files) -> None:
    """12-bit signed values that the header calls unsigned, so that air is the brightest."""
    for dataset in files.values():
        hu = stored_values(dataset).astype(int) + int(dataset.RescaleIntercept)
        dataset.PixelRepresentation, dataset.RescaleIntercept = 0, 0
        dataset.BitsStored, dataset.HighBit = 12, 11
        store(dataset, np.clip(hu, -2048, 2047) % 4096)


def _middle(files):
    """The name of the file in the middle."""
    return list(files)[len(files) // 2]


def _second_half(files):
    return list(files.values())[len(files) // 2 :]


def _gap(datasets):
    """The distance in mm of the first two images, from feet to head."""
    return abs(datasets[0].ImagePositionPatient[2] - datasets[1].ImagePositionPatient[2])


def _move(files, by_mm):
    """Moves the image in the middle; returns its file's name."""
    dataset = files[_middle(files)]
    moved = np.add(dataset.ImagePositionPatient, by_mm)
    dataset.ImagePositionPatient = np.round(moved, 4).tolist()
    return _middle(files)


def _remove(files, keyword):
    """Takes an element out of every file; returns their names."""
    for dataset in files.values():
        delattr(dataset, keyword)
    return list(files)


def _add_copy(files, dataset, **changes):
    """Adds a copy as the next instance and returns its file name."""
    added = deepcopy(dataset)
    added.InstanceNumber = len(files) + 1
    added.SOPInstanceUID = generate_uid(entropy_srcs=[dataset.SOPInstanceUID, "again"])
    added.update(changes)
    files[name := f"{added.InstanceNumber}.dcm"] = added
    return name
