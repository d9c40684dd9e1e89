"""Plain images read without pydicom are pydicom's; what is not surely plain is left to it."""

import os
import struct
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, itemize_fragment

from helpers import header_table, pixel_table, slice_table
from helpers.headers.columns import FIXED_COLUMNS
from helpers.headers.elements import FastPathNotApplicable
from helpers.pixels.codecs import frame_decoder
from helpers.pixels.image import read_image
from helpers.pixels.images import put_values
from helpers.pixels.plain import PlainReader
from helpers.pixels.sources import sources_of
from helpers.slices.images import MANDATORY_KEYWORDS, REQUIRED_KEYWORDS

HAS_DECODERS = frame_decoder(pydicom.uid.RLELossless) is not None  # Kaggle's image has none


def read_plain(rows):
    """The plain images of rows, as (values, padding, PlainImage) of each; None where one is not."""
    found, sources = [], sources_of(rows)
    try:
        for image in PlainReader().images(sources):
            values = np.empty(image.layout.shape, image.layout.rescaled)
            found.append((values, put_values(image, values), image))
    except FastPathNotApplicable:
        return None
    return found


def _of(paths):
    return (
        slice_table(header_table(paths, progress=False))
        .reset_index()
        .set_index(["path", "frame"])
        .loc[[(path, 0) for path in paths]]
    )


def _by_pydicom(path, frame):
    """Values of one frame in double precision, by pydicom alone; None where it cannot tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
        try:
            stored = pydicom.pixels.pixel_array(dataset, index=frame)
        except RuntimeError:  # nothing that pydicom finds decodes it
            return None
        grouped = "SharedFunctionalGroupsSequence" in dataset
        return None if grouped else stored * float(slope or 1) + float(intercept or 0)


def _compare(rows):
    """Whether the images were read; if so, all is as pydicom and single images have it."""
    if (found := read_plain(rows)) is None:
        return False
    for (path, frame), (values, padding, plain) in zip(rows.index, found, strict=True):
        image = read_image(path, frame)
        assert np.array_equal(values, image.array), path
        assert np.can_cast(image.array.dtype, values.dtype), "wide enough for any image like it"
        own = None if image.guess is not None else image.padding
        assert (padding is None) == (own is None) and np.array_equal(padding, own), path
        assert plain.windows == image.windows and plain.layout.unit == image.unit, path
        assert plain.layout.inverted == image.inverted and not image.remark
        if (independent := _by_pydicom(path, frame)) is not None:
            atol = 0 if values.dtype.kind == "i" else 1e-4
            assert np.allclose(values, independent, rtol=1e-6, atol=atol)
    return True


def test_every_image_of_the_phantom_and_of_real_scanners(real_headers, phantom_headers, whole):
    """Whatever way its values are stored: as they are or compressed, in files of one or many."""
    plain = {}
    for headers in (phantom_headers, real_headers):
        table = slice_table(headers)
        usable = table[table["error"].isna()]
        for stack, slices in usable.groupby(level=["SeriesInstanceUID", "stack"]):
            slices = slices.droplevel([0, 1]).iloc[: 5 if whole else 2]
            plain[stack] = slices["TransferSyntaxUID"].iloc[0], _compare(slices)
    counts = {syntax: 0 for syntax, _ in plain.values()}
    for syntax, is_plain in plain.values():
        counts[syntax] += is_plain
    assert counts["1.2.840.10008.1.2.1"] > 100
    compressed = [syntax for syntax, count in counts.items() if count and ".4." in str(syntax)]
    assert len(compressed) >= (3 if HAS_DECODERS else 0)


@pytest.fixture
def written(phantom, tmp_path):
    """Writes two images with changes to header and values; returns their paths."""

    def write(values, **changes):
        paths = []
        for number, pixels in enumerate(values):
            dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
            for keyword, value in changes.items():
                if keyword.startswith("PixelPadding"):
                    dataset.add_new(
                        keyword, "SS" if changes["PixelRepresentation"] else "US", value
                    )
                else:
                    setattr(dataset, keyword, value[number] if isinstance(value, tuple) else value)
            dataset.Rows, dataset.Columns = pixels.shape
            dataset.PixelData = pixels.tobytes()
            paths.append(str(tmp_path / f"{number}.dcm"))
            dataset.save_as(paths[-1])
        return paths

    return write


@pytest.mark.parametrize("slope", [1, 2, -1, 0.5, (1, 0.25)])
@pytest.mark.parametrize("intercept", [0, -1024, 40_000, -40_000, 0.5, (-1024, -1000)])
@pytest.mark.parametrize(("bits", "signed"), [(12, 0), (12, 1), (16, 0), (16, 1)])
def test_all_depths_signs_and_rescales(written, bits, signed, slope, intercept):
    rng = np.random.default_rng(bits + signed)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    values = rng.integers(low, high, (2, 5, 7)).astype("<i2" if signed else "<u2")
    pad = -2000 if signed else 0
    paths = written(
        values,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=signed,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        PixelPaddingValue=pad,
        PixelPaddingRangeLimit=pad + 50,
    )
    assert _compare(_of(paths))


@pytest.mark.parametrize(("signed", "value"), [(0, 60_000), (0, 0x8000), (1, 4090), (1, -3000)])
def test_bits_beyond_those_stored_are_pydicoms_to_interpret(written, signed, value):
    """An overlay in the upper bits, or a sign that was not extended."""
    values = np.full((2, 4, 4), 7, "<i2" if signed else "<u2")
    values[1, 2, 3] = value
    paths = written(
        values,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=signed,
        RescaleSlope=1,
        RescaleIntercept=0,
    )
    assert read_plain(_of(paths)) is None
    assert max(np.abs(read_image(path).array).max() for path in paths) <= 4095, "and it does"


@pytest.mark.parametrize(
    "change",
    [
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"HighBit": 15, "BitsStored": 12},
        {"NumberOfFrames": 2},
        {"Rows": 0},
        {"BitsAllocated": 8},
        {"RescaleSlope": 0},
        {"SamplesPerPixel": None},
    ],
)
def test_what_is_not_surely_plain_is_left_alone(written, change):
    paths = written(np.zeros((2, 4, 4), "<u2"))
    for path, number in zip(paths, (0, 1)):
        dataset = pydicom.dcmread(path)
        for keyword, value in change.items():
            setattr(dataset, keyword, value[number] if isinstance(value, tuple) else value)
        dataset.save_as(path)
    assert read_plain(_of(paths)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"RescaleSlope": (2, None), "RescaleIntercept": (5, None)},
        {"PhotometricInterpretation": ("MONOCHROME1", "MONOCHROME2")},
        {"PresentationLUTShape": ("INVERSE", "IDENTITY")},
        {"PerFrameFunctionalGroupsSequence": [pydicom.Dataset()]},
    ],
)
def test_images_that_differ_are_plain_all_the_same(written, change):
    paths = written(np.arange(32, dtype="<u2").reshape(2, 4, 4))
    for path, number in zip(paths, (0, 1)):
        dataset = pydicom.dcmread(path)
        for keyword, value in change.items():
            setattr(dataset, keyword, value[number] if isinstance(value, tuple) else value)
        dataset.save_as(path)
    assert _compare(_of(paths))


def test_a_table_of_some_keywords_is_not_trusted_for_the_others(written):
    """Low values are white here, which stands behind what is read of a file."""
    paths = written(np.arange(32, dtype="<u2").reshape(2, 4, 4))
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.PresentationLUTShape = "INVERSE"
        dataset.save_as(path)
    some = [*MANDATORY_KEYWORDS, *REQUIRED_KEYWORDS, "ImagePositionPatient", "PixelSpacing"]
    rows = slice_table(header_table(paths, keywords=some, progress=False)).droplevel([0, 1])
    assert read_plain(rows) is None and read_plain(_of(paths))[0][2].layout.inverted


@pytest.mark.parametrize(
    "late",
    [
        b"\x28\0\x52\x10DS\x06\0-1000 \x28\0\x53\x10DS\x02\x002 ",
        b"\x28\0\x20\x01US\x02\0\x03\0",
    ],
    ids=["rescale", "padding"],
)
def test_elements_out_of_their_order_are_seen(written, late):
    """The row has their values, the beginning of the file does not."""
    paths = written(np.arange(32, dtype="<u2").reshape(2, 4, 4))
    for path in paths:
        dataset = pydicom.dcmread(path)
        del dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.save_as(path)
        with open(path, "rb") as file:
            content = file.read()
        pixels = content.rindex(b"\xe0\x7f\x10\0")
        comment = b"\x40\0\x10\0SH\2\0x "
        with open(path, "wb") as file:
            file.write(content[:pixels] + comment + late + content[pixels:])
    headers = header_table(paths, progress=False)
    assert headers["error"].isna().all() and read_plain(_of(paths)) is None
    table = pixel_table(headers, progress=False)
    for path, low in zip(paths, table["max"]):
        image = read_image(path)
        kept = image.array if image.padding is None else image.array[~image.padding]
        assert low == kept.max()


@pytest.mark.parametrize("keyword", ["PerFrameFunctionalGroupsSequence", "PresentationLUTShape"])
def test_a_table_that_lacks_what_stands_behind_is_not_trusted(phantom, tmp_path, keyword):
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.save_as(tmp_path / "1.dcm")
    headers = header_table(tmp_path, progress=False)
    assert read_plain(slice_table(headers).droplevel([0, 1])) is not None
    few = [name for name in headers if name not in (*FIXED_COLUMNS, keyword) and name[0] != "("]
    rows = slice_table(header_table(tmp_path, keywords=few, progress=False)).droplevel([0, 1])
    assert read_plain(rows) is None


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_file_that_is_cut_or_gone_is_left_alone(written, damage):
    paths = written(np.zeros((2, 4, 4), "<u2"))
    rows = _of(paths).drop(columns="file_size")
    with open(paths[1], "r+b") as file:
        file.truncate(os.path.getsize(paths[1]) - 2)
    if damage == "gone":
        os.remove(paths[1])
    assert read_plain(rows) is None


# frames that stand in items


@pytest.fixture
def frames(phantom, tmp_path):
    """Writes frames of RLE by hand into one file; gives its rows and the stored values."""
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    values = np.random.default_rng(0).integers(0, 1000, (4, 6, 8)).astype("<i2")
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 6, 8, 4
    encoded = []
    for one in values:
        dataset.PixelData, dataset.NumberOfFrames = one.tobytes(), 1
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        encoded.append(pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1))
    dataset.NumberOfFrames = 4

    def write(pixel_data):
        dataset.PixelData = pixel_data
        dataset.save_as(tmp_path / "frames.dcm")
        return slice_table(header_table([tmp_path / "frames.dcm"], progress=False)).droplevel(
            [0, 1]
        )

    return values, encoded, write


def _split(encoded, size):
    """A frame in fragments."""
    return [encoded[start : start + size] for start in range(0, len(encoded), size)]


def _with_table(encoded, offsets):
    """Frames in two fragments each, with a table of offsets, or none."""
    table = struct.pack(f"<{len(offsets)}L", *offsets)
    return itemize_fragment(table) + b"".join(
        itemize_fragment(fragment) for one in encoded for fragment in _split(one, 64)
    )


def _offsets(encoded):
    sizes = [sum(8 + len(fragment) for fragment in _split(one, 64)) for one in encoded]
    return [sum(sizes[:n]) for n in range(len(sizes))]


def test_frames_are_found_by_items_and_by_offset_tables(frames):
    values, encoded, write = frames
    for pixel_data in (
        encapsulate(encoded),
        encapsulate(encoded, has_bot=False),
        _with_table(encoded, _offsets(encoded)),
    ):
        rows = write(pixel_data)
        found = read_plain(rows.iloc[[2, 0, 3]])
        assert (found is not None) == HAS_DECODERS
        if found is None:
            continue
        slope, intercept = found[0][2].layout.rescale
        for (ours, _, _), frame in zip(found, (2, 0, 3)):
            assert np.array_equal(ours, values[frame] * slope + intercept)


@pytest.mark.parametrize("wrong", [[], [0, 1, 2, 3], [0, 0, 0, 0], "shifted", "short", "no end"])
def test_offset_tables_that_do_not_fit_are_left_alone(frames, wrong):
    _, encoded, write = frames
    offsets = _offsets(encoded)
    right = {"shifted": [one + 8 for one in offsets], "short": offsets[:3], "no end": offsets}
    table = right.get(wrong, wrong) if isinstance(wrong, str) else wrong
    rows = write(_with_table(encoded, table))
    if wrong == "no end":
        path = rows.index[0][0]
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) - 8)
        rows = rows.drop(columns="file_size")
    assert read_plain(rows) is None
