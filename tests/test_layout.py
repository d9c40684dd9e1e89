"""Where a value stands in the pixel data: High Bit, frames of bits, and how many frames there are.

The standard's formulas and pydicom's whole array say what is right.
"""

import tracemalloc
from itertools import product

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from helpers import load_slice, pixel_table
from helpers.headers.table import header_table
from helpers.pixels.image import read_image, read_images
from helpers.pixels.layout import ImageError


@pytest.fixture
def dataset(phantom):
    """A small clean CT image to change; values are those that are stored."""
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    return dataset


def _save(dataset, tmp_path, cells, **elements):
    for keyword, value in {"Rows": cells.shape[-2], "Columns": cells.shape[-1], **elements}.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = cells.tobytes() + bytes(cells.nbytes % 2)
    dataset.save_as(tmp_path / "image.dcm")
    return tmp_path / "image.dcm"


LAYOUTS = [
    (allocated, stored, high, signed)
    for (allocated, stored), signed in product([(8, 5), (16, 12), (16, 16), (32, 27)], (0, 1))
    for high in {stored - 1, (stored + allocated) // 2 - 1, allocated - 1}
]


@pytest.mark.parametrize(
    ("allocated", "stored", "high", "signed", "compressed"),
    [(*one, compressed) for one in LAYOUTS for compressed in (False, True)[: 1 + (one[0] < 32)]],
)
def test_the_stored_value_ends_at_high_bit(
    dataset, tmp_path, allocated, stored, high, signed, compressed
):
    """PS3.5 8.1.1, in integers of Python; what stands in the other bits is not looked at."""
    rng = np.random.default_rng(allocated + stored + high)
    low = -(2 ** (stored - 1)) if signed else 0
    values = rng.integers(low, low + 2**stored, (5, 7))
    values[0, :2] = low, low + 2**stored - 1
    junk = rng.integers(0, 2**allocated, values.shape)
    mask = (2**stored - 1) << (high + 1 - stored)
    cells = (junk & ~mask) | ((values << (high + 1 - stored)) & mask)
    whole = {"BitsAllocated": allocated, "BitsStored": allocated, "HighBit": allocated - 1}
    kind = f"<u{allocated // 8}"
    path = _save(dataset, tmp_path, cells.astype(kind), PixelRepresentation=0, **whole)
    if compressed:
        dataset.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = stored, high, signed
    dataset.save_as(path)
    assert np.array_equal(load_slice(path).array, values)


def test_padding_is_compared_with_the_value_and_not_with_its_cell(dataset, tmp_path):
    values = np.array([[3, 63, 500, 3]])
    dataset.add_new("PixelPaddingValue", "US", 3)
    depth = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 15, "PixelRepresentation": 0}
    path = _save(dataset, tmp_path, (values << 4).astype("<u2"), **depth)
    assert load_slice(path).padding.tolist() == [[True, False, False, True]]
    table = pixel_table(header_table([path], progress=False), progress=False)
    assert table[["min", "max", "padding"]].values.tolist() == [[63, 500, 0.5]]


@pytest.mark.parametrize(
    ("high", "said"),
    [(10, "High Bit from 11 to 15"), (16, "High Bit from 11 to 15"), (0, "High Bit from 11 to 15")],
)
def test_a_high_bit_that_cannot_be_is_refused(dataset, tmp_path, high, said):
    path = _save(
        dataset, tmp_path, np.zeros((2, 2), "<u2"), BitsStored=12, HighBit=high, BitsAllocated=16
    )
    with pytest.raises(ImageError, match=rf"{said}, got High Bit {high} .*image.dcm") as caught:
        load_slice(path)
    assert "\n" not in str(caught.value)


def test_what_a_decoder_makes_of_another_high_bit_is_not_guessed(dataset, tmp_path):
    path = _save(dataset, tmp_path, np.zeros((2, 2), "<u2"), BitsStored=12, HighBit=15)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
    dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51"])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.save_as(path)
    with pytest.raises(ImageError, match=r"expected High Bit 11 of JPEG 2000 .*, got High Bit 15"):
        load_slice(path)


def test_a_high_bit_of_colour_is_not_guessed(dataset, tmp_path):
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    depth = {"BitsAllocated": 8, "BitsStored": 6, "HighBit": 7, "PixelRepresentation": 0}
    path = _save(dataset, tmp_path, np.zeros((2, 6), "u1"), Columns=2, **colour, **depth)
    with pytest.raises(ImageError, match="expected High Bit 5 of colour"):
        load_slice(path)


ONE_BIT = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelRepresentation": 0}


@pytest.mark.parametrize("shape", [(7, 3, 5), (1, 3, 3), (9, 1, 1), (8, 4, 4), (11, 13, 17)])
@pytest.mark.parametrize("deferred", [False, True])
def test_frames_of_bits_that_do_not_end_at_a_byte(dataset, tmp_path, monkeypatch, shape, deferred):
    masks = np.random.default_rng(0).integers(0, 2, shape, dtype=np.uint8)
    packed = np.packbits(masks.ravel(), bitorder="little")
    sizes = {"Rows": shape[1], "Columns": shape[2], "NumberOfFrames": shape[0]}
    path = _save(dataset, tmp_path, packed[None], **sizes, **ONE_BIT)
    whole = pydicom.dcmread(path).pixel_array.reshape(shape)
    assert np.array_equal(whole, masks)
    if deferred:
        monkeypatch.setattr("helpers.pixels.pixel_data.DEFER_BYTES", 0)
    frames = [*range(shape[0])][::-1]
    found = [image.array for image in read_images([(path, frame) for frame in frames])]
    assert np.array_equal(found, whole[frames])
    assert all(np.array_equal(read_image(path, frame).array, whole[frame]) for frame in frames)


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        (b"2000000000", "expected at most 3 frames in .*, got 2000000000 as Number of Frames"),
        (b"4 ", "expected at most 3 frames in .*, got 4 as Number of Frames"),
        (b"0 ", "expected 3 as Number of Frames in .*, got 0"),
        (b"-1", "expected a whole Number of Frames, got '-1'"),
        (b"1A", "expected a whole Number of Frames, got '1A'"),
        (b"3\\3 ", "expected a whole Number of Frames, got "),
        (None, "expected 3 as Number of Frames in .*, got none"),
    ],
)
def test_a_number_of_frames_that_cannot_be_is_refused_and_takes_no_memory(
    dataset, tmp_path, claimed, said
):
    if claimed:
        tag = pydicom.tag.Tag("NumberOfFrames")
        dataset[tag] = pydicom.dataelem.RawDataElement(
            tag, "IS", len(claimed), claimed, 0, False, True
        )
    path = _save(dataset, tmp_path, np.zeros((3, 4, 5), "<u2"))
    for frame in (0, 2, 1_999_999_999):
        tracemalloc.start()
        with pytest.raises(ImageError, match=said) as caught:
            load_slice(path, frame=frame)
        assert tracemalloc.get_traced_memory()[1] < 1e6 and "\n" not in str(caught.value)
        tracemalloc.stop()


def test_a_number_of_compressed_frames_that_cannot_be_is_refused(dataset, tmp_path):
    dataset.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")
    dataset.NumberOfFrames = 2_000_000_000
    dataset.save_as(tmp_path / "image.dcm")
    with pytest.raises(ImageError, match=r"expected at most \d+ frames in .*, got 2000000000"):
        load_slice(tmp_path / "image.dcm")


@pytest.mark.parametrize("claimed", [0, 1, None])
def test_one_image_needs_no_number_of_frames(dataset, tmp_path, claimed):
    if claimed is not None:
        dataset.NumberOfFrames = claimed
    path = _save(dataset, tmp_path, np.arange(20, dtype="<u2").reshape(4, 5))
    assert np.array_equal(load_slice(path).array, np.arange(20).reshape(4, 5))


def test_one_compressed_image_needs_no_number_of_frames(dataset, tmp_path):
    """Whatever its length is: that of a compressed image does not tell how many there are."""
    lengths = set()
    for columns in range(8, 24):
        pixels = np.random.default_rng(columns).integers(0, 4096, (16, columns), "<u2")
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        path = _save(dataset, tmp_path, pixels)
        stored = pydicom.dcmread(path)
        stored.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")
        stored.save_as(path)
        lengths.add(len(stored.PixelData) % 8)
        assert np.array_equal(load_slice(path).array, pixels)
    assert 0 in lengths


def test_an_unknown_transfer_syntax_is_one_clear_line(dataset, tmp_path):
    path = _save(dataset, tmp_path, np.zeros((3, 4, 5), "<u2"), NumberOfFrames=3)
    known, other = pydicom.uid.ExplicitVRLittleEndian.encode(), b"1.2.840.10008.1.2.9"
    path.write_bytes(path.read_bytes().replace(known + b"\0", other + b"\0"))
    with pytest.raises(ImageError, match=r"1\.2\.840\.10008\.1\.2\.9") as caught:
        load_slice(path)
    assert "\n" not in str(caught.value)


def test_bytes_behind_the_frames_are_no_error(dataset, tmp_path):
    path = _save(dataset, tmp_path, np.zeros((3, 4, 5), "<u2"), NumberOfFrames=2)
    assert load_slice(path, frame=1).array.shape == (4, 5)
    with pytest.raises(ImageError, match="expected a frame from 0 to 1, got 2"):
        load_slice(path, frame=2)
