"""What can be wrong with the pixels of a scan? Functions that spoil clean images, as those of `helpers.phantom.faults` do."""

import io

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

JPEG_FULL_PROGRESSION = "1.2.840.10008.1.2.4.55"  # retired (PS3.6 annex A)
BORDER = 6  # pixels
WRONG_HU = 1000
AIR_NOISE_HU = 10


def no_decoder(files):
    """The images are in a retired transfer syntax, which no program decodes any more."""
    for dataset in files.values():
        dataset.PixelData = encapsulate([dataset.PixelData])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", "ISO_10918_1"
        begin_meta(dataset, JPEG_FULL_PROGRESSION)
    return list(files)


def undecodable(files):
    """One compressed image is damaged, as in one patient of OSIC."""
    name = middle(files)
    for dataset in files.values():
        begin_meta(dataset, ExplicitVRLittleEndian)
        dataset.compress(RLELossless, generate_instance_uid=False)
    content = bytearray(content_of(files[name]))
    content[content.index(b"\xfe\xff\x00\xe0", content.index(b"\xe0\x7f\x10\x00") + 20) + 8] = (
        0xFF  # RLE's number of segments
    )
    files[name] = bytes(content)
    return [name]


def black_slice(files):
    """The first image is black, as in one patient of OSIC."""
    name = next(iter(files))
    store(files[name], np.zeros_like(stored(files[name])))
    return [name]


def empty_slice(files):
    """One image shows air alone."""
    name = middle(files)
    dataset = files[name]
    rng = np.random.default_rng(len(files))
    air = -1000 - dataset.RescaleIntercept
    store(
        dataset,
        np.maximum(np.round(air + rng.normal(0, AIR_NOISE_HU, (dataset.Rows, dataset.Columns))), 0),
    )
    return [name]


def identical_images(files):
    """Two slices at two positions have the same pixels."""
    names = list(files)[5:7]
    files[names[1]].PixelData = files[names[0]].PixelData
    return names


def undeclared_padding(files):
    """The value outside the scanned circle is declared by no Pixel Padding Value."""
    return without(files, "PixelPaddingValue") and [None]


def zero_border(files):
    """A border of stored zeros, which the intercept makes water."""
    for dataset in files.values():
        pixels = stored(dataset).copy()
        pixels[:BORDER], pixels[-BORDER:], pixels[:, :BORDER], pixels[:, -BORDER:] = 0, 0, 0, 0
        store(dataset, pixels)
    return [None]


def wrong_rescale(files):
    """The rescale intercept is off by 1000, as in two patients of OSIC."""
    for dataset in files.values():
        dataset.RescaleIntercept += WRONG_HU
    return [None]


def rescale_varies(files):
    """Every second image has a rescale intercept of its own, and values that fit it."""
    for dataset in list(files.values())[::2]:
        pixels = stored(dataset).astype(int)
        dataset.RescaleIntercept -= 24
        store(dataset, pixels + 24)
    return [None]


def signed_as_unsigned(files):
    """12-bit signed values that the header calls unsigned, so that air is the brightest."""
    for dataset in files.values():
        hu = stored(dataset).astype(int) + int(dataset.RescaleIntercept)
        (
            dataset.PixelRepresentation,
            dataset.BitsStored,
            dataset.HighBit,
            dataset.RescaleIntercept,
        ) = 0, 12, 11, 0
        store(dataset, np.clip(hu, -2048, 2047) % 4096)
    return [None]


PIXEL_FAULTS = (
    *(
        no_decoder,
        undecodable,
        black_slice,
        empty_slice,
        identical_images,
        undeclared_padding,
        zero_border,
        wrong_rescale,
    ),
    *(rescale_varies, signed_as_unsigned),
)


def middle(files):
    """The name of the file in the middle."""
    return list(files)[len(files) // 2]


def without(files, keyword):
    """Takes an element out of every file; returns their names."""
    for dataset in files.values():
        delattr(dataset, keyword)
    return list(files)


def stored(dataset):
    """The stored values (rows, columns) of a dataset that was not written yet."""
    return np.frombuffer(
        dataset.PixelData, "<i2" if dataset.PixelRepresentation else "<u2"
    ).reshape(dataset.Rows, dataset.Columns)


def store(dataset, values):
    """Puts values into a dataset as its header says."""
    dataset.PixelData = (
        np.round(values).astype("<i2" if dataset.PixelRepresentation else "<u2").tobytes()
    )


def content_of(dataset):
    """The bytes of the file that a dataset becomes."""
    buffer = io.BytesIO()
    if not hasattr(dataset, "file_meta"):
        begin_meta(dataset, ExplicitVRLittleEndian)
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def begin_meta(dataset, syntax):
    """Gives a dataset its file meta information."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
