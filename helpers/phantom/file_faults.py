"""What can be wrong with a file or its pixels? Functions that spoil one scan's images.

They work as those of `helpers.phantom.faults` do.
"""

from collections.abc import Callable

import numpy as np
from pydicom.encaps import encapsulate

from helpers.phantom.encoding import (
    Files,
    compress,
    encoded,
    set_transfer_syntax,
    store,
    stored_values,
)
from helpers.phantom.spoiling import fault, middle, remove

JPEG_FULL_PROGRESSION = "1.2.840.10008.1.2.4.55"  # retired (PS3.6 annex A)
ITEM = b"\xfe\xff\x00\xe0"  # begins the offset table, then the first fragment (PS3.5 A.4)
BORDER_PIXELS = 6
WRONG_INTERCEPT_HU = 1000
AIR_NOISE_HU = 10
CLAIMED_FRAMES = 2_000_000_000

FILE_FAULTS: dict[str, Callable] = {}


@fault(FILE_FAULTS)
def other_patient(files: Files) -> list[str]:
    """The Patient ID is not that of the folder."""
    for dataset in files.values():
        dataset.PatientID = f"{dataset.PatientID} (another)"
    return list(files)


@fault(FILE_FAULTS)
def unknown_charset(files: Files) -> list[str]:
    """The character set is none that DICOM knows."""
    for name, dataset in files.items():
        files[name] = encoded(dataset).replace(b"ISO_IR 192", b"ISO_IR 999", 1)
    return list(files)


@fault(FILE_FAULTS)
def not_dicom(files: Files) -> list[str]:
    """A text file lies among the images."""
    files["notes.txt"] = b"Patient moved, scan repeated.\n"
    return ["notes.txt"]


@fault(FILE_FAULTS)
def unreadable_file(files: Files) -> list[str]:
    """The last file says that it is deflated, and is not."""
    name = list(files)[-1]
    stated, deflated = (
        bytes([len(uid), 0]) + uid for uid in (b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    )
    files[name] = encoded(files[name]).replace(stated, deflated, 1)
    return [name]


@fault(FILE_FAULTS)
def truncated_file(files: Files) -> list[str]:
    """The file ends in the middle of its pixels."""
    name = middle(files)
    files[name] = encoded(files[name])[: -len(files[name].PixelData) // 2]
    return [name]


@fault(FILE_FAULTS)
def impossible_frame_count(files: Files) -> list[str]:
    """One file claims more frames than any disk holds."""
    files[middle(files)].NumberOfFrames = CLAIMED_FRAMES
    return [middle(files)]


@fault(FILE_FAULTS)
def guessed_header(files: Files) -> list[str]:
    """One image does not say whether it is signed, one which grey it has, one writes a comma."""
    signless, grey, comma = list(files)[3:6]
    del files[signless].PixelRepresentation
    files[grey].PhotometricInterpretation = "MONOCHROME"
    width = str(files[comma].WindowWidth).encode()
    files[comma] = encoded(files[comma]).replace(width, width.replace(b".", b","), 1)
    return [signless, grey, comma]


@fault(FILE_FAULTS)
def incomplete_header(files: Files) -> list[str]:
    """One image lacks two things, each of which could be guessed."""
    dataset = files[middle(files)]
    del dataset.SamplesPerPixel, dataset.PixelRepresentation
    return [middle(files)]


@fault(FILE_FAULTS)
def zero_slope(files: Files) -> list[str]:
    """The rescale slope is 0, as of a program that never set it."""
    for dataset in files.values():
        dataset.RescaleSlope = 0
    return list(files)


@fault(FILE_FAULTS)
def high_bit(files: Files) -> list[str]:
    """Values of 12 bits stand in the upper bits of their cells, as older scanners wrote them."""
    for dataset in files.values():
        above = dataset.BitsAllocated - dataset.BitsStored
        store(dataset, stored_values(dataset) << above)
        dataset.HighBit = dataset.BitsAllocated - 1
    return list(files)


@fault(FILE_FAULTS)
def no_decoder(files: Files) -> list[str]:
    """The images say that they are in a retired transfer syntax, which no program decodes."""
    for dataset in files.values():
        dataset.PixelData = encapsulate([dataset.PixelData])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", "ISO_10918_1"
        set_transfer_syntax(dataset, JPEG_FULL_PROGRESSION)
    return list(files)


@fault(FILE_FAULTS)
def undecodable(files: Files) -> list[str]:
    """One compressed image is damaged, as in one patient of OSIC."""
    for dataset in files.values():
        compress(dataset)
    dataset = files[middle(files)]
    damaged = bytearray(dataset.PixelData)
    damaged[damaged.index(ITEM, len(ITEM)) + 8] = 0xFF  # RLE's number of segments
    dataset.PixelData = bytes(damaged)
    return [middle(files)]


@fault(FILE_FAULTS)
def black_slice(files: Files) -> list[str]:
    """The first image is black, as in one patient of OSIC."""
    name = next(iter(files))
    store(files[name], np.zeros_like(stored_values(files[name])))
    return [name]


@fault(FILE_FAULTS)
def empty_slice(files: Files) -> list[str]:
    """One image shows air alone."""
    dataset = files[middle(files)]
    noise = np.random.default_rng(len(files)).normal(size=stored_values(dataset).shape)
    air = -1000 - dataset.RescaleIntercept
    store(dataset, np.maximum(np.round(air + AIR_NOISE_HU * noise), 0))
    return [middle(files)]


@fault(FILE_FAULTS)
def identical_images(files: Files) -> list[str]:
    """Two slices at two positions have the same pixels."""
    names = list(files)[5:7]
    files[names[1]].PixelData = files[names[0]].PixelData
    return names


@fault(FILE_FAULTS)
def undeclared_padding(files: Files) -> None:
    """The value outside the scanned circle is declared by no Pixel Padding Value."""
    remove(files, "PixelPaddingValue")


@fault(FILE_FAULTS)
def zero_border(files: Files) -> None:
    """A border of stored zeros, which the intercept makes water."""
    for dataset in files.values():
        inner = stored_values(dataset)[BORDER_PIXELS:-BORDER_PIXELS, BORDER_PIXELS:-BORDER_PIXELS]
        store(dataset, np.pad(inner, BORDER_PIXELS))


@fault(FILE_FAULTS)
def wrong_rescale(files: Files) -> None:
    """The rescale intercept is off by 1000, as in two patients of OSIC."""
    for dataset in files.values():
        dataset.RescaleIntercept += WRONG_INTERCEPT_HU


@fault(FILE_FAULTS)
def rescale_varies(files: Files) -> None:
    """Every second image has a rescale intercept of its own, and values that fit it."""
    for dataset in list(files.values())[::2]:
        values = stored_values(dataset).astype(int)
        dataset.RescaleIntercept -= 24
        store(dataset, values + 24)


@fault(FILE_FAULTS)
def signed_as_unsigned(files: Files) -> None:
    """12-bit signed values that the header calls unsigned, so that air is the brightest."""
    for dataset in files.values():
        hu = stored_values(dataset).astype(int) + int(dataset.RescaleIntercept)
        dataset.PixelRepresentation, dataset.RescaleIntercept = 0, 0
        dataset.BitsStored, dataset.HighBit = 12, 11
        store(dataset, np.clip(hu, -2048, 2047) % 4096)
