"""Windows against the standard's pseudo-code and against pydicom."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels import apply_windowing
from stacks_of import best_stack

from helpers import (
    WINDOWS,
    Slice,
    Volume,
    Window,
    apply_window,
    edge_letters,
    header_table,
    load_slice,
    load_volume,
    pixel_table,
    show_slice,
)
from helpers.pixels.window import (
    COMPUTED,
    WindowError,
    body_range,
    equal_frequency,
    resolve_window,
    sampled,
    value_range,
)
from helpers.viewer.standalone_html import framed_html
from helpers.viewer.volume_browser import VolumeBrowser

centers, widths = st.floats(-4000, 4000), st.floats(1, 8000)
values = st.lists(st.floats(-10000, 10000), min_size=1, max_size=20)


@given(values, centers, widths)
def test_linear_is_the_standards_pseudo_code(values, center, width):
    for x, grey in zip(values, apply_window(np.array(values), (center, width))):
        if x <= center - 0.5 - (width - 1) / 2:
            expected = 0
        elif x > center - 0.5 + (width - 1) / 2:
            expected = 1
        else:
            expected = (x - (center - 0.5)) / (width - 1) + 0.5
        assert grey == pytest.approx(expected, abs=1e-6)


@given(values, centers, widths)
def test_linear_exact_and_sigmoid_are_the_standards_formulas(values, center, width):
    x = np.array(values)
    exact = np.where(
        x <= center - width / 2, 0, np.where(x > center + width / 2, 1, (x - center) / width + 0.5)
    )
    assert np.allclose(apply_window(x, (center, width), function="LINEAR_EXACT"), exact, atol=1e-6)
    with np.errstate(over="ignore"):
        sigmoid = 1 / (1 + np.exp(-4 * (x - center) / width))
    assert np.allclose(apply_window(x, (center, width), function="SIGMOID"), sigmoid, atol=1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@given(center=st.integers(-500, 3000), width=st.integers(2, 4000))
def test_equal_to_pydicom(function, center, width):
    stored = np.arange(4096, dtype=np.uint16)
    dataset = pydicom.Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = (
        "MONOCHROME2",
        12,
        0,
    )
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = center, width, function
    with np.errstate(over="ignore"):
        theirs = apply_windowing(stored, dataset) / 4095
    assert np.allclose(apply_window(stored, (center, width), function=function), theirs, atol=1e-6)


def test_the_result_is_float32_between_0_and_1_and_the_input_stays():
    array = np.array([[-3000, 40], [400, 3000]], np.int16)
    grey = apply_window(array, WINDOWS["mediastinum"])
    assert grey.dtype == np.float32
    assert grey.min() == 0 and grey.max() == 1
    assert array.tolist() == [[-3000, 40], [400, 3000]]


def test_width_one_is_a_threshold():
    assert apply_window(np.array([39, 39.5, 39.6, 40]), (40, 1)).tolist() == [0, 0, 1, 1]


def test_padding_is_black_whatever_its_value():
    array, padding = np.array([5000, 5000, 0]), np.array([True, False, False])
    assert apply_window(array, (40, 400), padding=padding).tolist()[:2] == [0, 1]


def test_windows_from_the_values_ignore_padding():
    values, padding = np.array([-2000.0, 0, 50, 100]), np.array([True, False, False, False])
    whole = value_range(values, padding=padding)
    assert apply_window(values[1:], whole, function=whole.function).tolist() == [0, 0.5, 1]
    assert value_range(values[:1], padding=padding[:1]).width > 0
    most = value_range(np.r_[np.arange(1000), 1e9], share=0.99)
    assert most.center == pytest.approx(500, abs=5) and most.width == pytest.approx(990, abs=5)


def test_small_fractions_are_seen_too():
    window = value_range(np.array([0, 0.01]))
    assert apply_window(np.array([0, 0.005, 0.01]), window, function=window.function).tolist() == [
        0,
        0.5,
        1,
    ]


@pytest.mark.parametrize(
    ("window", "function"),
    [
        ((40, 0.5), "LINEAR"),
        ((40, 0), "LINEAR_EXACT"),
        ((40, -1), "SIGMOID"),
        ((np.nan, 400), "LINEAR"),
        ((40, 400), "CUBIC"),
    ],
)
def test_a_window_without_meaning_is_refused(window, function):
    with pytest.raises(WindowError, match="expected"):
        apply_window(np.zeros(3), window, function=function)


def test_every_preset_names_its_source():
    assert all(window.source and window.width >= 1 for window in WINDOWS.values())


def test_a_window_brings_its_own_function():
    window = Window(40, 400, "", "SIGMOID")
    values = np.linspace(-400, 400, 9)
    assert np.array_equal(
        apply_window(values, window), apply_window(values, window[:2], function="SIGMOID")
    )
    assert np.array_equal(
        apply_window(values, window, function="LINEAR"), apply_window(values, window[:2])
    )


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT"])
@given(center=centers, width=st.floats(2, 8000))
def test_limits_are_black_and_white(function, center, width):
    window = Window(center, width, "", function)
    low, high = window.limits
    assert apply_window(np.array([low, high]), window) == pytest.approx([0, 1], abs=1e-5)
    inside = apply_window(np.array([low + 0.1, high - 0.1]), window)
    assert inside[0] > 0 and inside[1] < 1


def _head(air, noise, tissue):
    """A round body, and air around it."""
    rows, columns = np.mgrid[:128, :128] - 63.5
    body = rows**2 + columns**2 < 45**2
    rng = np.random.default_rng(0)
    return np.where(
        body, rng.normal(tissue, 50, body.shape), air + noise * np.abs(rng.normal(0, 1, body.shape))
    ), body


@pytest.mark.parametrize(("air", "noise", "tissue"), [(-1000, 15, 40), (0, 4, 600), (0, 0, 300)])
def test_the_window_of_the_body_leaves_out_the_air_around(air, noise, tissue):
    image, body = _head(air, noise, tissue)
    assert body_range(image).limits == pytest.approx(np.quantile(image[body], [0.01, 0.99]), abs=30)


def test_the_window_of_the_body_leaves_out_padding():
    image, body = _head(-1000, 15, 40)
    padding = np.zeros(body.shape, bool)
    padding[:20] = padding[:, :20] = True
    image[padding] = -3000
    assert body_range(image, padding=padding).limits[0] == pytest.approx(
        np.quantile(image[body & ~padding], 0.01), abs=20
    )


def test_an_image_that_shows_no_air_keeps_its_values():
    tissue = np.random.default_rng(0).normal(40, 50, (128, 128))
    assert body_range(tissue).limits == pytest.approx(np.quantile(tissue, [0.01, 0.99]), abs=1)


@pytest.mark.parametrize("columns", [64, 100, 512])
def test_a_sample_meets_every_column(monkeypatch, columns):
    monkeypatch.setattr("helpers.pixels.window.SAMPLE_SIZE", 1000)
    array = np.broadcast_to(np.arange(columns), (30, 128, columns))
    assert len(np.unique(sampled(array))) > 0.8 * min(columns, 1000)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [0, 100, 200]])
def test_labels_are_all_told_apart(labels):
    image = np.random.default_rng(0).choice(
        labels, (64, 64), p=np.r_[0.9, np.full(len(labels) - 1, 0.1 / (len(labels) - 1))]
    )
    grey = apply_window(image, body_range(image))
    assert len(np.unique(grey)) == len(labels) and grey.min() == 0 and grey.max() == 1


@pytest.mark.parametrize(
    "wanted", [5, (40,), [], {}, b"lungs", (40, 400, 1, 2, 3), (None, None), ("a", "b")]
)
def test_what_is_no_window_is_refused_in_one_line(wanted):
    with pytest.raises(WindowError, match=r"expected a name, a Window or \(center, width\), got"):
        resolve_window(wanted, {}, np.zeros((4, 4)), unit="HU")


def test_lungs_are_part_of_the_body(real):
    cut = load_slice(real / "series/chest-ct-8mm-siemens/1-15.dcm")
    low, high = cut.window("body")[1].limits
    assert -1010 < low < -750 and high > 200


HIST_SCALED = """
import sys
import numpy, torch
import fastai.medical.imaging
values = torch.from_numpy(numpy.load(sys.argv[1]))
numpy.save(sys.argv[2], values.hist_scaled().numpy())
"""


def test_equal_frequency_is_fastais(tmp_path):
    """Asked in a process of its own: fastai.medical.imaging changes other packages' classes."""
    pytest.importorskip(
        "fastai", reason="fastai is left out of the environment of Kaggle's versions"
    )
    values = np.random.default_rng(0).gamma(2, 300, (64, 64)).round().astype(np.float32)
    given, theirs = tmp_path / "values.npy", tmp_path / "grey.npy"
    np.save(given, values)
    command = [sys.executable, "-c", HIST_SCALED, str(given), str(theirs)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    expected = np.load(theirs)
    assert expected.min() == 0 and expected.max() == 1
    assert np.allclose(apply_window(values, equal_frequency(values)), expected, atol=1e-6)


def test_equal_frequency_makes_each_grey_as_frequent():
    values, padding = (
        np.random.default_rng(0).normal(0, 100, (100, 100)) ** 3,
        np.zeros((100, 100), bool),
    )
    padding[:50] = True
    grey = apply_window(values, equal_frequency(values, padding=padding), padding=padding)[50:]
    assert np.histogram(grey, 10, (0, 1))[0] == pytest.approx([500] * 10, rel=0.12)


@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize(
    "values", [np.full((4, 4), 7), np.zeros((4, 4)), np.arange(16).reshape(4, 4)]
)
def test_views_of_few_values_are_usable(name, values):
    for padding in (None, values == 7, np.ones(values.shape, bool)):
        grey = apply_window(values, COMPUTED[name](values, padding=padding), padding=padding)
        assert np.isfinite(grey).all() and grey.min() >= 0 and grey.max() <= 1


# windows in HU


REFUSED = (
    r"^expected values in HU for the window 'lungs', got values without unit: "
    r"use 'body', 'most values', 'whole range', 'equal frequency', .*or \(center, width\)"
)


@pytest.fixture(scope="module")
def mr_slices(real):
    """The rows of an MR stack."""
    headers = header_table(real / "series/mr-nonsquare-pixels-28x64", progress=False)
    return best_stack(headers)


@pytest.mark.parametrize("window", ["lungs", WINDOWS["lungs"]])
def test_windows_in_hu_are_refused_for_mr_in_one_line(mr_slices, window):
    one, volume = load_slice(mr_slices.index[0][0]), load_volume(mr_slices)
    for ask in (
        one.window,
        one.grey,
        volume.window,
        lambda window: show_slice(one, window=window),
        lambda window: show_slice(volume.slice("sagittal"), window=window),
        lambda window: pixel_table(mr_slices, window=window, progress=False),
        lambda window: VolumeBrowser(volume, window=window),
        lambda window: framed_html(volume, window=window),
    ):
        with pytest.raises(WindowError, match=REFUSED) as caught:
            ask(window)
        assert "\n" not in str(caught.value)
    own = {"SOFT": Window(500, 900)}
    with pytest.raises(WindowError, match="the file's own 'SOFT', or"):
        replace(one, windows=own).window(window)
    assert replace(one, windows=own).window("SOFT") == ("SOFT", own["SOFT"])


def test_windows_in_hu_are_for_hu(real):
    letters = edge_letters()
    values = np.linspace(-1000, 1000, 64).reshape(8, 8)
    for unit in ("HU", "", "OD", "US"):
        for what in (
            Slice(values, (1, 1), letters, unit=unit),
            Volume(values[None], np.eye(4)[[2, 1, 0, 3]], unit),
        ):
            assert what.window((-600, 1500)) == ("custom", Window(-600, 1500))
            if unit == "HU":
                assert what.window("lungs") == ("lungs", WINDOWS["lungs"])
                assert what.window(WINDOWS["lungs"]) == ("lungs", WINDOWS["lungs"])
                continue
            with pytest.raises(WindowError, match=f"got {unit or 'values without unit'}: use"):
                what.window("lungs")


def test_a_files_own_window_may_be_called_as_one_in_hu():
    own = {"lungs": Window(300, 600), "other": WINDOWS["brain"]}
    image = Slice(np.zeros((4, 4)), (1, 1), edge_letters(), windows=own)
    assert image.window() == image.window("lungs") == ("lungs", own["lungs"])
    assert image.window(WINDOWS["brain"]) == ("other", WINDOWS["brain"])
