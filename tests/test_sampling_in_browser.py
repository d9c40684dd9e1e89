"""Values between pixels are those of scipy, seen through the window after it: `make test-all`."""

import numpy as np
import pytest
import test_in_browser
from scipy.ndimage import map_coordinates
from test_in_browser import MAIN

from helpers import Volume
from helpers.pixels.window import apply_window
from helpers.viewer.volume_browser import VolumeBrowser

pytestmark = pytest.mark.browser
chromium, open_page = test_in_browser.chromium, test_in_browser.open_page  # fixtures
PIXELS = """
(canvas) => {
  const { width, height } = canvas, pen = canvas.getContext('2d');
  const { data } = pen.getImageData(0, 0, width, height);
  return { width, height, greys: [...data].filter((_, at) => at % 4 === 0) };
}
"""
WORDS = 90  # CSS pixels at each edge, where letters and words may be


@pytest.fixture(scope="module")
def volume():
    """Smooth hills, which JPEG keeps; pixels that are no squares."""
    row, column = np.mgrid[:40, :48]
    hills = np.round(127 + 120 * np.sin(row / 5) * np.cos(column / 6)).astype(np.int16)
    affine = np.diag([2.0, 1.3, 1, 1])[[2, 1, 0, 3]]
    return Volume(np.repeat(hills[None], 3, axis=0), affine, "HU")


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("how", ["linear", "nearest"])
@pytest.mark.parametrize("window", [(127, 255), (127, 10)])
def test_pixels_of_the_canvas_are_those_of_scipy(open_page, volume, tmp_path, ratio, how, window):
    viewer = VolumeBrowser(volume, window=window)
    viewer.interpolation = how
    viewer.save_html(tmp_path / "page.html")
    address = (tmp_path / "page.html").as_uri()
    page = open_page(address, offline=True, device_scale_factor=ratio)
    page.locator(f"{MAIN}[data-slice]:not([data-waiting])").first.wait_for()
    assert page.get_by_label("Pixels").input_value() == how
    page.get_by_label("Three planes").uncheck()  # else its cross lies over the pixels
    page.locator(".dv-side").first.wait_for(state="hidden")
    page.locator(f"{MAIN}:not([data-rough])").first.wait_for()
    shown = page.locator(MAIN).first.evaluate(PIXELS)
    greys = np.reshape(shown["greys"], (shown["height"], shown["width"]))
    picture = volume.slice("axial", 1)
    down, right = picture.spacing
    rows, columns = picture.array.shape
    scale = min(shown["width"] / (columns * right), shown["height"] / (rows * down))
    places = (
        (np.arange(length) + 0.5 - (length - count * step * scale) / 2) / (step * scale) - 0.5
        for length, count, step in zip(greys.shape, (rows, columns), (down, right))
    )
    grid = np.meshgrid(*places, indexing="ij")
    order = 1 if how == "linear" else 0
    values = map_coordinates(picture.array.astype(float), grid, order=order, mode="nearest")
    expected = 255 * apply_window(values, viewer.window)
    edge = WORDS * ratio
    inner = np.s_[edge:-edge, edge:-edge]
    difference = np.abs(greys - expected)[inner]
    steepest = 255 / window[1]  # greys for each unit, of which JPEG may take two
    assert np.median(difference) <= 1 and np.mean(difference > 3 * steepest + 1) < 0.01
