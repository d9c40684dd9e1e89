"""Compressed images through our own plugin: real files, and streams written here by other code."""

import importlib

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, pixel_array

from helpers import decoder_table, header_table
from helpers.pixels.image import codecs, read_image

imagecodecs = pytest.importorskip("imagecodecs", reason="Kaggle's image lacks the decoders")
OTHERS = ["gdcm", "pylibjpeg", "pyjpegls", "pillow"]


@pytest.mark.parametrize("syntax", codecs.DECODERS)
def test_every_syntax_that_is_promised_has_a_decoder(syntax):
    assert codecs.PLUGIN in get_decoder(syntax).available_plugins


def test_real_files_decode_as_with_pydicoms_own_plugins(real_headers):
    compared = 0
    for path, syntax in real_headers["TransferSyntaxUID"].items():
        dataset = pydicom.dcmread(path, force=True) if syntax in codecs.DECODERS else {}
        if "PixelData" not in dataset:
            continue
        try:
            ours = pixel_array(dataset, decoding_plugin=codecs.PLUGIN)
        except RuntimeError:
            continue
        for other in set(OTHERS) & set(get_decoder(syntax).available_plugins):
            try:
                theirs = pixel_array(dataset, decoding_plugin=other)
            except Exception:
                continue
            assert np.array_equal(ours, theirs), (path, other)
            compared += 1
    assert compared > 10


@pytest.mark.parametrize(
    "name",
    ["JPEG2000LosslessOnly", "JPEGLSLossless", "JPEGProcess14SV1", "JPEGProcess14", "RLELossless"],
)
def test_what_is_lossless_equals_its_uncompressed_twin(real, name):
    (path,) = (real / "odd/cornerstone").glob(f"*{name}TransferSyntax*")
    assert np.array_equal(
        read_image(path).pixels, read_image(real / "odd/cornerstone/CTImage.dcm").pixels
    )


def _dataset(phantom, encoded, syntax, **attributes):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([encoded])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("HTJ2KLossless", lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True)),
        (
            "JPEG2000Lossless",
            lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True),
        ),
        ("JPEGLSLossless", imagecodecs.jpegls_encode),
        ("JPEGLosslessSV1", lambda pixels: imagecodecs.ljpeg_encode(pixels, bitspersample=16)),
    ],
)
def test_grey_streams_come_back_bit_by_bit(phantom, tmp_path, name, encode):
    pixels = np.random.default_rng(0).integers(0, 4096, (64, 64), dtype=np.uint16)
    size = {
        "Rows": 64,
        "Columns": 64,
        "PixelRepresentation": 0,
        "RescaleIntercept": 0,
        "BitsStored": 16,
        "HighBit": 15,
    }
    dataset = _dataset(phantom, encode(pixels), getattr(pydicom.uid, name), **size)
    dataset.save_as(tmp_path / "image.dcm")
    assert np.array_equal(read_image(tmp_path / "image.dcm").pixels, pixels)


def test_colour_of_jpeg_lossless_is_left_as_it_is_stored(phantom, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    encoded = imagecodecs.jpeg8_encode(pixels, lossless=True, colorspace="RGB", outcolorspace="RGB")
    colour = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "Rows": 32,
        "Columns": 48,
    }
    depth = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    dataset = _dataset(phantom, encoded, pydicom.uid.JPEGLosslessSV1, **colour, **depth)
    dataset.save_as(tmp_path / "image.dcm")
    assert np.array_equal(read_image(tmp_path / "image.dcm").pixels, pixels)


def test_colours_that_the_decoder_leaves_alone_are_converted_after_it(phantom, tmp_path):
    red = np.full((32, 48, 3), (200, 0, 0), np.uint8)
    ybr = pydicom.pixels.convert_color_space(red, "RGB", "YBR_FULL")
    encoded = imagecodecs.jpeg2k_encode(ybr, codecformat="j2k", reversible=True, mct=False)
    colour = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "YBR_FULL",
        "PlanarConfiguration": 0,
        "Rows": 32,
        "Columns": 48,
    }
    depth = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    _dataset(phantom, encoded, pydicom.uid.JPEG2000Lossless, **colour, **depth).save_as(
        tmp_path / "image.dcm"
    )
    assert np.abs(read_image(tmp_path / "image.dcm").pixels.astype(int) - red).max() <= 2


def test_twelve_bits_of_jpeg_extended(real):
    """The file's own uncompressed twin is at hand."""
    folder = real / "odd/cornerstone"
    (lossy,) = folder.glob("*JPEGProcess2_4TransferSyntax*")
    twin, found = (
        read_image(folder / "CTImage.dcm").pixels.astype(float),
        read_image(lossy).pixels.astype(float),
    )
    assert (
        np.abs(found - twin).mean() < 5 and np.corrcoef(found.ravel(), twin.ravel())[0, 1] > 0.999
    )
    assert decoder_table(header_table([lossy], progress=False))["decodable"].all()


def test_a_damaged_stream_is_refused_in_one_line(phantom, tmp_path):
    from helpers.pixels.image import ImageError

    dataset = _dataset(phantom, b"\xff\xd8\xff\xd9", pydicom.uid.JPEG2000Lossless)
    dataset.save_as(tmp_path / "image.dcm")
    with pytest.raises(ImageError, match=r"cannot decode .*image.dcm: JPEG 2000") as caught:
        read_image(tmp_path / "image.dcm")
    assert "\n" not in str(caught.value)


def test_the_module_can_be_imported_anew():
    """As where a kernel's cells run a second time; pydicom refuses a plugin that it has."""
    importlib.reload(codecs)
    assert get_decoder(pydicom.uid.JPEG2000Lossless).available_plugins.count(codecs.PLUGIN) == 1
