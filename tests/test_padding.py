"""Padding that is guessed, and what it is kept out of; that of a header is in test_pixels."""

import numpy as np
import pydicom
import pytest
from stacks_of import best_stack

from helpers import (
    header_table,
    load_slice,
    load_volume,
    pixel_table,
    plot_histogram,
    show_slice,
)
from helpers.pixels import codecs
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.padding import declared_padding, guessed_padding


def _padded(value=-2000, radius=20, noise=10):
    values = np.random.default_rng(0).normal(-1000, noise, (64, 64)).astype(np.int16)
    rows, columns = np.mgrid[:64, :64] - 31.5
    circle = rows**2 + columns**2 < radius**2
    return np.where(circle, values, value), ~circle


def test_a_circle_of_the_scanner_is_found():
    values, outside = _padded(radius=31)
    mask, value = guessed_padding(values)
    assert value == -2000 and np.array_equal(mask, outside)


@pytest.mark.parametrize("name", ["JPEGLSLossy", "JPEGProcess2_4", "JPEG2000TransferSyntax"])
def test_padding_blurred_by_lossy_compression_is_found_too(real, name):
    if not codecs.is_available(pydicom.uid.JPEGLSNearLossless):
        pytest.skip("Kaggle's image lacks the decoders")
    (path,) = (real / "odd/cornerstone").glob(f"*{name}*")
    plain, lossy = load_slice(real / "odd/cornerstone/CTImage.dcm"), load_slice(path)
    assert plain.padding.mean() == pytest.approx(lossy.padding.mean(), abs=0.01)
    assert plain.array[~plain.padding].mean() == pytest.approx(
        lossy.array[~lossy.padding].mean(), abs=15
    )


def test_double_floats_have_a_padding_of_their_own():
    header = FrameHeader({"DoubleFloatPixelPaddingValue": -9999.0, "FloatPixelPaddingValue": 3.0})
    assert declared_padding(np.array([[-9999.0, 3.0]]), header).tolist() == [[True, False]]
    assert declared_padding(np.array([[-9999.0, 3.0]], np.float32), header).tolist() == [
        [False, True]
    ]


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).integers(-1024, 400, (64, 64)),
        np.full((64, 64), -1024),  # air that is cut off
        np.full((64, 64), -2000),  # nothing else to tell it from
        np.where(np.arange(64) < 2, -3024, 40) * np.ones((64, 1), int),  # one edge alone
        _padded(-1150)[0],  # not far enough from air
    ],
)
def test_what_may_be_measured_is_no_padding(values):
    assert guessed_padding(values.astype(np.int16)) == (None, None)


def test_a_guess_is_labelled_and_kept_out_of_everything(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P35-padding-undeclared"]
    slices = best_stack(rows)
    volume = load_volume(slices)
    value = volume.array.min()
    assert volume.padding is not None and (volume.array[volume.padding] == value).all()
    for cut in (volume.slice("axial"), load_slice(slices.index[0][0])):
        assert cut.caption["padding"] == f"padding guessed: {value} HU"
        assert (
            cut.window("whole range")[1].limits[0] > value
            and cut.window("body")[1].limits[0] > value
        )
        ax = show_slice(cut)
        assert (
            any("padding guessed" in text.get_text() for text in ax.texts)
            and ax.images[0].get_array().mask[0, 0]
        )
        assert not any(
            "guessed" in text.get_text() for text in show_slice(cut, corners=["slice"]).texts
        )
    ax = plot_histogram(volume)
    assert "are padding and left out" in ax.get_title() and ax.get_xlim()[0] > value
    table = pixel_table(slices, progress=False)
    assert (
        (table["guessed_padding"] == value).all()
        and (table["min"] > value).all()
        and (table["padding"] > 0.1).all()
    )


def test_declared_padding_is_no_guess(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    cut = load_slice(rows.index[0])
    assert cut.padding is not None and cut.caption["padding"] == ""
    table = pixel_table(rows, progress=False)
    assert table["guessed_padding"].isna().all() and table["padding"].between(0.1, 0.3).all()


def test_other_modalities_are_not_guessed_at(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P35-padding-undeclared" / "10.dcm")
    dataset.Modality, dataset.RescaleType = "OT", "US"
    dataset.save_as(tmp_path / "image.dcm")
    assert load_slice(tmp_path / "image.dcm").padding is None


def test_statistics_of_a_window(phantom_headers, real):
    headers = header_table(real / "series/chest-ct-8mm-siemens", progress=False)
    own, lungs, custom = (
        pixel_table(headers.iloc[:4], window=w, progress=False) for w in (None, "lungs", (40, 401))
    )
    for path in headers.index[:4]:
        dataset = pydicom.dcmread(path)
        hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        inside = {"lungs": (hu > -1350) & (hu <= 149), "custom": (hu > -160.5) & (hu <= 239.5)}
        assert lungs.loc[path, "in_window"] == pytest.approx(inside["lungs"].mean())
        assert custom.loc[path, "in_window"] == pytest.approx(inside["custom"].mean())
        center, width = float(dataset.WindowCenter[0]), float(dataset.WindowWidth[0])
        low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
        assert own.loc[path, "in_window"] == pytest.approx(((hu > low) & (hu <= high)).mean())
    with pytest.raises(ValueError, match=r"expected a window of .*lungs, .*got 'lung'"):
        pixel_table(headers.iloc[:1], window="lung")


def test_an_image_that_cannot_be_decoded_is_a_reason_and_no_number(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P30-retired-syntax"]
    table = pixel_table(rows, progress=False)
    assert table["pixel_error"].str.contains("cannot decode").all() and table[
        ["min", "mean", "padding"]
    ].isna().all(axis=None)
