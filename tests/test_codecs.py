"""Compressed images through `imagecodecs`: real files, and streams written here by other code."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, pixel_array
from stacks_of import best_stack

from helpers import decoder_table, header_table, load_volume
from helpers.pixels import codecs
from helpers.pixels.image import ImageError, read_image, read_images

imagecodecs = pytest.importorskip("imagecodecs", reason="Kaggle's image lacks the decoders")
OTHERS = ["gdcm", "pylibjpeg", "pyjpegls", "pillow"]


@pytest.mark.parametrize("syntax", codecs.DECODERS)
def test_every_syntax_that_is_promised_has_a_decoder(syntax):
    assert codecs.is_available(syntax)
    assert callable(getattr(imagecodecs, codecs.DECODERS[syntax]))


UNTOUCHED = """
import importlib, pkgutil
import pydicom.uid
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import _PIXEL_DATA_DECODERS

def plugins():
    syntaxes = pydicom.uid.AllTransferSyntaxes
    decoders = [get_decoder(one) for one in syntaxes if one in _PIXEL_DATA_DECODERS]
    return [(d.UID.name, d.available_plugins, tuple(d.missing_dependencies)) for d in decoders]

before = plugins()
assert len(before) > 10
import helpers
modules = [module.name for module in pkgutil.walk_packages(helpers.__path__, "helpers.")]
assert len(modules) > 50
for name in modules:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert error.name.split(".")[0] in {"fastai", "torch"}, error
assert plugins() == before, "an import changed pydicom's decoders"
from helpers.pixels.image import read_image
assert read_image({path!r}).pixels.any()
assert plugins() == before, "decoding changed pydicom's decoders"
"""


def test_pydicoms_decoders_stay_as_they_are(real):
    (path,) = (real / "odd/cornerstone").glob("*JPEGProcess14SV1TransferSyntax*")
    command = [sys.executable, "-c", UNTOUCHED.replace("{path!r}", repr(str(path)))]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_threads_may_meet_a_decoder_for_the_first_time_together(real):
    (path,) = (real / "odd/cornerstone").glob("*JPEGProcess14SV1TransferSyntax*")
    codecs._own_decoder.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(read_image, [path] * 16))
    assert all(np.array_equal(image.pixels, found[0].pixels) for image in found)


def test_real_files_decode_as_with_pydicoms_own_plugins(real_headers):
    compared = 0
    for path, syntax in real_headers["TransferSyntaxUID"].items():
        dataset = pydicom.dcmread(path, force=True) if syntax in codecs.DECODERS else {}
        if "PixelData" not in dataset:
            continue
        try:
            uid = dataset.file_meta.TransferSyntaxUID
            frames = range(int(dataset.get("NumberOfFrames") or 1))
            ours = list(codecs._decoded(codecs._own_decoder(uid), path, dataset, frames))
        except RuntimeError:
            continue
        for other in set(OTHERS) & set(get_decoder(syntax).available_plugins):
            try:
                theirs = pixel_array(dataset, decoding_plugin=other)
            except Exception:
                continue
            assert np.array_equal(np.squeeze(ours), theirs), (path, other)
            compared += 1
    assert compared > 5


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


def test_a_damaged_stream_is_refused_in_one_line_with_the_reason_of_every_decoder(
    phantom, tmp_path
):
    dataset = _dataset(phantom, b"\xff\xd8\xff\xd9", pydicom.uid.JPEG2000Lossless)
    dataset.save_as(tmp_path / "image.dcm")
    reasons = r"JPEG 2000 .*: imagecodecs: not a J2K .*; pillow: .*; it is damaged"
    with pytest.raises(ImageError, match=rf"cannot decode .*image.dcm: {reasons}") as caught:
        read_image(tmp_path / "image.dcm")
    assert "\n" not in str(caught.value)


def test_without_another_decoder_the_reason_is_that_of_imagecodecs(phantom, tmp_path):
    dataset = _dataset(phantom, b"\xff\xd8\xff\xd9", pydicom.uid.JPEGLosslessSV1)
    assert not get_decoder(pydicom.uid.JPEGLosslessSV1).is_available
    dataset.save_as(tmp_path / "image.dcm")
    with pytest.raises(ImageError, match=r": imagecodecs: JPEG datastream [^;]*; it is damaged"):
        read_image(tmp_path / "image.dcm")


@pytest.fixture
def jpeg_2000_stack(phantom, tmp_path):
    """The rows of five slices as JPEG 2000, and their values."""
    values = []
    for number in range(1, 6):
        dataset = pydicom.dcmread(phantom / "P03-interspaced" / f"{number}.dcm")
        values.append(dataset.pixel_array)
        encoded = imagecodecs.jpeg2k_encode(values[-1], codecformat="j2k", reversible=True)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        dataset.PixelData = encapsulate([encoded])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.save_as(tmp_path / f"{number}.dcm")
    headers = header_table(tmp_path, progress=False)
    return best_stack(headers), values


def test_another_decoder_that_takes_over_is_told(jpeg_2000_stack, monkeypatch):
    """Both give the same here; where a stream is odd they need not, so the slice says it."""
    slices, _ = jpeg_2000_stack
    plain = load_volume(slices)
    assert plain.caption["remark"] == "" == read_image(slices.index[0][0]).remark

    def failing(encoded):
        raise ValueError("odd\nstream")

    monkeypatch.setattr(imagecodecs, "jpeg2k_decode", failing)
    remark = "another decoder took over after imagecodecs: odd stream"
    volume, image = load_volume(slices), read_image(slices.index[0][0])
    assert np.array_equal(volume.array, plain.array)
    for said in (volume.caption["remark"], volume.slice("axial").caption["remark"], image.remark):
        assert said == remark


def test_frames_left_in_a_large_file_are_decoded_one_by_one(phantom, tmp_path, monkeypatch):
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    frames = dataset.pixel_array
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    dataset.PixelData = encapsulate([imagecodecs.jpegls_encode(frame) for frame in frames])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.save_as(tmp_path / "image.dcm")
    wanted = [(tmp_path / "image.dcm", frame) for frame in (3, 0, 1)]
    whole = [image.pixels for image in read_images(wanted)]
    monkeypatch.setattr("helpers.pixels.image.DEFER_BYTES", 2**10)
    for image, expected, (_, frame) in zip(read_images(wanted), whole, wanted):
        pixels = image.header.dataset.get_item("PixelData", keep_deferred=True)
        assert pixels.value is None, "it stays in the file"
        assert np.array_equal(image.pixels, expected)
        steps = frames[frame].astype(int) - frames[frame].min()
        assert np.array_equal(expected - expected.min(), steps)
