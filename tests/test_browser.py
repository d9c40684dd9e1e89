"""The widget, driven by its controls."""

import base64
import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from helpers.browser import browse
from helpers.headers import header_table
from helpers.stacks import stack_slices, stack_table
from helpers.volume import load_volume


@pytest.fixture(scope="module")
def volume(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    return load_volume(stack_slices(rows, stack_table(rows).index[0]))


def _picture(browser):
    return np.asarray(Image.open(io.BytesIO(browser.picture.value)).convert("L"), int)


def test_it_starts_in_the_middle_of_the_finest_plane(volume):
    browser = browse(volume)
    assert (browser.plane.value, browser.index.value, browser.index.max) == ("axial", 12, 23)
    assert browser.window.value == "window 1" and {"lungs", "liver"} <= {value for _, value in browser.window.options}


def test_the_picture_is_the_windowed_slice(volume):
    browser = browse(volume)
    browser.index.value = 5
    browser.window.value = "mediastinum"
    shown, expected = _picture(browser), volume.slice("axial", 5).grey("mediastinum") * 255
    assert shown.shape == (512, 512)
    inner = slice(24, 104)  # letters are on the edges
    assert np.abs(shown[2::4, 2::4][inner, inner] - expected[inner, inner]).mean() < 12


def test_every_control_draws_anew(volume):
    browser = browse(volume)
    seen = [_picture(browser)]
    for control, value in ((browser.index, 3), (browser.window, "liver"), (browser.plane, "coronal")):
        control.value = value
        seen.append(_picture(browser))
    assert all(a.shape != b.shape or (a != b).any() for a, b in pairwise(seen))
    assert browser.index.max == 127 and browser.index.value == 64


def test_the_aspect_is_true(volume):
    browser = browse(volume, plane="coronal")
    height, width = _picture(browser).shape
    assert height / width == pytest.approx(24 * 10 / (128 * 3), abs=0.01)


def test_without_widgets_its_picture_remains(volume):
    bundle = browse(volume)._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_window_of_ones_own(volume):
    browser = browse(volume, window=(40, 80))
    assert browser.window.value == (40, 80)
    assert browse(volume, window="liver").window.value == "liver"


def test_a_volume_without_windows_shows_its_whole_range(real):
    headers = header_table(real / "series/head-ct-64x64", progress=False)
    browser = browse(load_volume(stack_slices(headers, stack_table(headers).index[0]), progress=False))
    assert np.ptp(_picture(browser)) > 200


def test_only_a_volume_can_be_browsed():
    with pytest.raises(TypeError, match="expected a Volume"):
        browse("folder")
