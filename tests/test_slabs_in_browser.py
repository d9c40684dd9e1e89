"""Slabs in a page without a kernel, in a real browser: `make test-all`."""

import numpy as np
import pytest
import test_in_browser
from test_in_browser import MAIN

from helpers import Volume
from helpers.viewer.volume_browser import VolumeBrowser

pytestmark = pytest.mark.browser
chromium, open_page = test_in_browser.chromium, test_in_browser.open_page  # fixtures


@pytest.fixture(scope="module")
def volume():
    """Slices of one value each, 2 mm apart."""
    heights = np.array([3, 200, 7, 40, 90, 0, 255, 60, 80, 10], np.int16)
    array = np.repeat(heights, 32 * 32).reshape(10, 32, 32)
    return Volume(array, np.diag([2.0, 1, 1, 1])[[2, 1, 0, 3]], "HU")


@pytest.mark.parametrize("how", ["max", "min", "mean"])
def test_a_slab_on_a_saved_page_is_that_of_the_volume(open_page, volume, tmp_path, how):
    viewer = VolumeBrowser(volume, window=(100, 200))
    viewer.slab_mm, viewer.slab_how = 6, how
    viewer.save_html(tmp_path / "page.html")
    page = open_page((tmp_path / "page.html").as_uri(), offline=True)
    page.locator(f"{MAIN}[data-slice]:not([data-waiting])").first.wait_for()
    assert page.get_by_label("Slab, mm").input_value() == "6"
    for index, mm in ((5, 6), (1, 6), (9, 6), (5, 12), (5, 0)):
        page.get_by_label("Slice", exact=True).fill(str(index))
        page.get_by_label("Slab, mm").fill(str(mm))
        page.locator(f"{MAIN}[data-slice='axial {index}']:not([data-waiting])").first.wait_for()
        slab = volume.slab("axial", index, thickness_mm=mm, how=how)
        page.locator(MAIN).first.hover(position={"x": 100, "y": 100})
        said = page.locator(".dv-words output").inner_text()
        assert float(said.split(" ")[0]) == pytest.approx(float(slab.array[5, 5]), abs=1.1)
