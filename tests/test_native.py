"""Uncompressed values read without pydicom are pydicom's; what is not surely plain is left."""

import os
import warnings

import numpy as np
import pydicom
import pytest

from helpers import slice_table, stack_table
from helpers.headers.elements import FastPathNotApplicable
from helpers.pixels.image import read_images
from helpers.pixels.luts import DTYPES
from helpers.slices.arrays import paths_of
from helpers.volume.voxels import array_for, read_values, uncompressed_headers, windows_of


def read_uncompressed(paths):
    """(array, paddings, guesses, windows) as a volume reads them; None where they are not plain."""
    if (headers := uncompressed_headers(paths)) is None:
        return None
    array = array_for(headers)
    try:
        masks, guesses = zip(*[read_values(*one) for one in zip(paths, headers, array)])
    except FastPathNotApplicable:
        return None
    return array, masks, list(guesses), windows_of(headers)


def _decoded(paths):
    """(array, paddings, guesses, windows) as single images have them."""
    images = list(read_images([(path, 0) for path in paths]))
    dtype = max((image.pixels.dtype for image in images), key=DTYPES.index)
    array = np.stack([image.pixels for image in images]).astype(dtype)
    _, paddings, guesses, _, windows, *_ = zip(*images)
    return array, paddings, list(guesses), list(windows)


def _by_pydicom(path):
    """Values of one file in double precision, by pydicom alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
        return dataset.pixel_array * float(slope) + float(intercept)


def _compare(paths):
    """Whether the files were read; if so, all is as pydicom and single images have it."""
    found = read_uncompressed(paths)
    if found is None:
        return False
    array, paddings, guesses, windows = found
    values, masks, their_guesses, their_windows = _decoded(paths)
    assert array.dtype == values.dtype and np.array_equal(array, values)
    for ours, path in zip(array, paths):
        atol = 0 if array.dtype.kind == "i" else 1e-4
        assert np.allclose(ours, _by_pydicom(path), rtol=1e-6, atol=atol)
    for ours, mask in zip(paddings, masks):
        assert (ours is None) == (mask is None) and np.array_equal(ours, mask)
    assert guesses == their_guesses and windows == their_windows
    return True


def test_every_stack_of_the_phantom_and_of_real_scanners(real_headers, phantom_headers):
    uncompressed = {}
    for headers in (phantom_headers, real_headers):
        table = slice_table(headers)
        for stack in stack_table(table).index:
            slices = table.loc[stack]
            native = (
                slices["TransferSyntaxUID"].isin(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]).all()
            )
            if native and slices[["Rows", "Columns"]].nunique().eq(1).all():
                uncompressed[stack] = _compare(paths_of(slices))
    assert sum(uncompressed.values()) > 50


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
    assert _compare(paths)


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
    assert read_uncompressed(paths) is None
    assert np.abs(_decoded(paths)[0]).max() <= 4095, "and it does"


@pytest.mark.parametrize(
    "change",
    [
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"HighBit": 15, "BitsStored": 12},
        {"NumberOfFrames": 2},
        {"Rows": 0},
        {"BitsAllocated": 8},
        {"RescaleSlope": (1, None)},
        {"PerFrameFunctionalGroupsSequence": [pydicom.Dataset()]},
        {"PhotometricInterpretation": ("MONOCHROME1", "MONOCHROME2")},
    ],
)
def test_what_is_not_surely_plain_is_left_alone(written, change):
    paths = written(np.zeros((2, 4, 4), "<u2"))
    for path, number in zip(paths, (0, 1)):
        dataset = pydicom.dcmread(path)
        for keyword, value in change.items():
            setattr(dataset, keyword, value[number] if isinstance(value, tuple) else value)
        dataset.save_as(path)
    assert read_uncompressed(paths) is None


def test_a_file_that_is_cut_or_gone_is_left_alone(written):
    paths = written(np.zeros((2, 4, 4), "<u2"))
    with open(paths[1], "r+b") as file:
        file.truncate(os.path.getsize(paths[1]) - 2)
    assert read_uncompressed(paths) is None and read_uncompressed([paths[0], "nowhere"]) is None
