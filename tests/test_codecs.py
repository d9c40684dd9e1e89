"""Compressed images through `imagecodecs`: real files, and streams written here by other code."""

import random
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import as_pixel_options, get_decoder, get_encoder, pixel_array
from stacks_of import best_stack

from helpers import decoder_table, header_table, load_volume
from helpers.pixels import codecs
from helpers.pixels.image import ImageError, read_image, read_images
from helpers.pixels.stream_header import stream_header

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
assert read_image({path!r}).array.any()
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
    assert all(np.array_equal(image.array, found[0].array) for image in found)


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
        read_image(path).array, read_image(real / "odd/cornerstone/CTImage.dcm").array
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
    assert np.array_equal(read_image(tmp_path / "image.dcm").array, pixels)


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
    assert np.array_equal(read_image(tmp_path / "image.dcm").array, pixels)


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
    assert np.abs(read_image(tmp_path / "image.dcm").array.astype(int) - red).max() <= 2


def test_twelve_bits_of_jpeg_extended(real):
    """The file's own uncompressed twin is at hand."""
    folder = real / "odd/cornerstone"
    (lossy,) = folder.glob("*JPEGProcess2_4TransferSyntax*")
    twin, found = (
        read_image(folder / "CTImage.dcm").array.astype(float),
        read_image(lossy).array.astype(float),
    )
    assert (
        np.abs(found - twin).mean() < 5 and np.corrcoef(found.ravel(), twin.ravel())[0, 1] > 0.999
    )
    assert decoder_table(header_table([lossy], progress=False))["decodable"].all()


def test_a_damaged_stream_is_refused_in_one_line_with_the_reason_of_every_decoder(
    phantom, tmp_path
):
    encoded = imagecodecs.jpeg2k_encode(_values(16, False), codecformat="j2k", reversible=True)[:99]
    size = {"Rows": 32, "Columns": 48}
    dataset = _dataset(phantom, encoded, pydicom.uid.JPEG2000Lossless, **size)
    dataset.save_as(tmp_path / "image.dcm")
    reasons = r"JPEG 2000 .*: imagecodecs: opj_.* failed; .*pillow: .*; it is damaged"
    with pytest.raises(ImageError, match=rf"cannot decode .*image.dcm: {reasons}") as caught:
        read_image(tmp_path / "image.dcm")
    assert "\n" not in str(caught.value)


def test_a_stream_that_does_not_say_its_size_is_given_to_no_decoder(phantom, tmp_path):
    dataset = _dataset(phantom, b"\xff\xd8\xff\xd9", pydicom.uid.JPEGLosslessSV1)
    dataset.save_as(tmp_path / "image.dcm")
    with pytest.raises(ImageError, match=r"1\]\): expected a JPEG image [^;]*; it is damaged"):
        read_image(tmp_path / "image.dcm")


# frames decoded into their place, without pydicom


def _encoded_frames(dataset):
    count = int(dataset.get("NumberOfFrames") or 1)
    return [bytes(frame) for frame in generate_frames(dataset.PixelData, number_of_frames=count)]


def test_grey_frames_of_real_files_are_those_of_pydicom(real_headers):
    compared = dict.fromkeys(codecs.GREY_DECODERS, 0) | {pydicom.uid.RLELossless: 0}
    for path, syntax in real_headers["TransferSyntaxUID"].items():
        decode = codecs.frame_decoder(syntax)
        dataset = pydicom.dcmread(path, force=True) if decode else {}
        if "PixelData" not in dataset or dataset.SamplesPerPixel > 1:
            continue
        kind = "i" if dataset.PixelRepresentation else "u"
        frames = _encoded_frames(dataset)
        stored = codecs.stored_frames(path, dataset, range(len(frames)))
        for frame, (expected, remark) in zip(frames, stored):
            out = np.empty(expected.shape, f"{kind}{dataset.BitsAllocated // 8}")
            decode(frame, out, dataset.BitsStored)
            assert not remark and np.array_equal(out, expected), path
            compared[syntax] += 1
    in_no_real_file = {syntax for syntax in compared if "HTJ2K" in pydicom.uid.UID(syntax).keyword}
    assert {syntax for syntax, count in compared.items() if not count} == in_no_real_file


def _jpeg_lossless(values, bits):
    return imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits)


def _jpeg_2000(values, bits):
    options = {"codecformat": "j2k", "reversible": True, "bitspersample": bits}
    return imagecodecs.jpeg2k_encode(values, **options)


def _rle(values, bits):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * values.itemsize, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2", "1.2"
    encoder = get_encoder(pydicom.uid.RLELossless)
    return encoder.encode(values, encoding_plugin="pydicom", **as_pixel_options(dataset))


ENCODERS = {
    "JPEGLosslessSV1": _jpeg_lossless,
    "JPEGLSLossless": lambda values, bits: imagecodecs.jpegls_encode(values),
    "JPEG2000Lossless": _jpeg_2000,
    "HTJ2KLossless": lambda values, bits: imagecodecs.htj2k_encode(values, reversible=True),
    "RLELossless": _rle,
}
KEEPS_SIGN = {"JPEG2000Lossless", "HTJ2KLossless"}  # in the stream itself


def _values(bits, signed, shape=(32, 48)):
    low = -(2 ** (bits - 1)) if signed else 0
    values = np.random.default_rng(bits).integers(low, low + 2**bits, shape)
    return values.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("name", ENCODERS)
def test_grey_frames_come_back_bit_by_bit_with_their_sign(phantom, tmp_path, name, bits, signed):
    """As the values, and as what pydicom makes of the same file; one byte of padding or none."""
    values = _values(bits, signed)
    in_stream = 8 * values.itemsize if name == "JPEGLSLossless" else bits
    unsigned = values.astype(values.dtype.str.replace("i", "u")) & (2**in_stream - 1)
    encoded = ENCODERS[name](values if name in KEEPS_SIGN else unsigned, bits)
    encoded += bytes(len(encoded) % 2)
    syntax, out = getattr(pydicom.uid, name), np.empty_like(values)
    codecs.frame_decoder(syntax)(encoded, out, bits)
    if name == "RLELossless":  # the bits above the stored ones are a matter of its caller
        out = out << 8 * out.itemsize - bits >> 8 * out.itemsize - bits
    assert np.array_equal(out, values)

    size = {"Rows": values.shape[0], "Columns": values.shape[1], "RescaleIntercept": 0}
    depth = {"BitsAllocated": 8 * values.itemsize, "BitsStored": bits, "HighBit": bits - 1}
    dataset = _dataset(phantom, encoded, syntax, PixelRepresentation=int(signed), **size, **depth)
    dataset.save_as(tmp_path / "image.dcm")
    assert np.array_equal(read_image(tmp_path / "image.dcm").array, values)


HUGE = (60_000).to_bytes(2), (60_000).to_bytes(4)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_frame_that_asks_for_more_pixels_than_its_file_has_is_refused(phantom, tmp_path, name):
    """Before a decoder asks for the memory; with pydicom, too."""
    values, syntax = _values(16, False), getattr(pydicom.uid, name)
    encoded = bytearray(ENCODERS[name](values, 16))
    decode = codecs.frame_decoder(syntax)
    if name == "RLELossless":
        with pytest.raises(Exception, match=r"output too small|OUTPUT_TOO_SMALL"):
            decode(bytes(encoded), np.empty((31, 48), np.uint16), 16)
        return
    rows, columns = (side.to_bytes(4 if name in KEEPS_SIGN else 2) for side in values.shape)
    sizes = columns + rows if name in KEEPS_SIGN else rows + columns
    place = bytes(encoded).index(sizes)
    encoded[place : place + len(sizes)] = HUGE[name in KEEPS_SIGN] * 2
    if name in KEEPS_SIGN:  # one tile
        encoded[place + 16 : place + 16 + len(sizes)] = HUGE[1] * 2
    with pytest.raises(ImageError, match=r"expected \(32, 48, 1\) rows.*\(60000, 60000, 1\)"):
        decode(bytes(encoded), np.empty_like(values), 16)
    size = {"Rows": 32, "Columns": 48, "BitsStored": 16, "HighBit": 15}
    _dataset(phantom, bytes(encoded), syntax, **size).save_as(tmp_path / "image.dcm")
    with pytest.raises(ImageError, match=r": expected \(32, 48, 1\) rows"):
        read_image(tmp_path / "image.dcm")


CUT_SHORT = (ImageError, RuntimeError, ValueError, struct.error)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_frame_that_is_cut_short_is_refused(name):
    values = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint16)  # smooth, so compressed
    encoded = ENCODERS[name](values, 16)
    decode, out = codecs.frame_decoder(getattr(pydicom.uid, name)), np.empty_like(values)
    decode(encoded, out, 16)
    for length in range(0, len(encoded) - 8, max(1, len(encoded) // 97)):
        with pytest.raises(CUT_SHORT):
            decode(encoded[:length], out, 16)


@pytest.mark.parametrize("name", ENCODERS)
def test_damaged_frames_give_an_exception_or_values_in_their_place(name):
    """In a row of bytes around the place, nothing is written."""
    values, rng = _values(12, False), random.Random(0)
    encoded, around = ENCODERS[name](values, 12), np.full((3, *values.shape), 7, np.uint16)
    decode, refused = codecs.frame_decoder(getattr(pydicom.uid, name)), 0
    for _ in range(300):
        damaged = bytearray(encoded)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(rng.choice([100, len(damaged)]))] = rng.randrange(256)
        try:
            decode(bytes(damaged), around[1], 12)
        except Exception:
            refused += 1
    assert refused and (around[0] == 7).all() and (around[2] == 7).all()


def test_segments_outside_of_the_frame_are_not_looked_for():
    encoded = bytearray(_rle(_values(16, False), 16))
    encoded[8:12] = (2**32 - 1).to_bytes(4, "little")
    with pytest.raises(ImageError, match="expected segments of RLE within its bytes"):
        codecs.frame_decoder(pydicom.uid.RLELossless)(bytes(encoded), np.empty((32, 48), "u2"), 16)


@pytest.mark.parametrize(
    ("name", "values", "dtype", "bits"),
    [
        ("JPEG2000Lossless", _values(16, True), np.uint16, 16),  # a sign that is not expected
        ("JPEGLosslessSV1", _values(12, False), np.int16, 14),  # a sign in another bit
        ("JPEGLSLossless", _values(8, False), np.uint16, 16),  # one byte, not two
    ],
)
def test_values_that_may_mean_something_else_are_left_to_pydicom(name, values, dtype, bits):
    encoded = ENCODERS[name](values, 8 * values.itemsize if name != "JPEGLosslessSV1" else 12)
    with pytest.raises(ImageError, match=rf"expected values of {bits} bits for {dtype.__name__}"):
        codecs.frame_decoder(getattr(pydicom.uid, name))(encoded, np.empty((32, 48), dtype), bits)


def test_jpeg_2000_in_boxes_is_left_to_pydicom():
    values = _values(16, False)
    header = stream_header(imagecodecs.jpeg2k_encode(values, codecformat="jp2", reversible=True))
    assert header == (32, 48, 1, 16, False, False)


def test_very_many_tiles_are_refused():
    encoded = bytearray(_jpeg_2000(_values(16, False, (300, 300)), 16))
    encoded[24:32] = (4).to_bytes(4) * 2
    with pytest.raises(ImageError, match=r"expected at most 4096 tiles .* got 5625"):
        stream_header(bytes(encoded))


@pytest.mark.parametrize("syntax", [*codecs.GREY_DECODERS, pydicom.uid.RLELossless])
def test_without_imagecodecs_no_frame_is_decoded_directly(syntax, monkeypatch):
    assert codecs.frame_decoder(syntax)
    assert codecs.frame_decoder(pydicom.uid.ExplicitVRLittleEndian) is None
    monkeypatch.setattr(codecs, "imagecodecs", None)
    assert codecs.frame_decoder(syntax) is None


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
    whole = [image.array for image in read_images(wanted)]
    monkeypatch.setattr("helpers.pixels.pixel_data.DEFER_BYTES", 2**10)
    for image, expected, (_, frame) in zip(read_images(wanted), whole, wanted):
        pixels = image.header.dataset.get_item("PixelData", keep_deferred=True)
        assert pixels.value is None, "it stays in the file"
        assert np.array_equal(image.array, expected)
        steps = frames[frame].astype(int) - frames[frame].min()
        assert np.array_equal(expected - expected.min(), steps)
