"""A second slider, and one volume over another, with a kernel in JupyterLab: `make test-all`."""

import numpy as np
import pytest
import test_in_browser
from test_images_in_browser import _lab_notebook
from test_in_browser import LAB, MAIN, Server, _agrees, _labelled, _levels, _shown
from test_viewer_access import AXE, VIOLATIONS

pytestmark = pytest.mark.browser
chromium = test_in_browser.chromium  # a fixture
CELLS = [
    "import numpy as np\n"
    "from helpers import Volume\n"
    "from helpers.viewer.volume_browser import VolumeBrowser\n"
    "from helpers.viewer.volume_group import VolumeGroup",
    "affine = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]\n"
    "ramp = np.broadcast_to(np.arange(60, dtype=np.int16), (10, 60, 60))\n"
    "options = {'frame_of_reference': '1'}\n"
    "volumes = [Volume(ramp + 100 * one, affine, 'HU', **options) for one in range(4)]\n"
    "over = Volume(ramp * np.float32(0.1), affine, 'SUVbw', **options)\n"
    "members = VolumeGroup('Time', [f'{one} s' for one in range(4)], volumes.__getitem__)\n"
    "viewer = VolumeBrowser(volumes[0], members=members, over=over, opacity=0, window=(200, 400))\n"
    "viewer",
]


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    """(a page with the viewer, the server)"""
    folder = tmp_path_factory.mktemp("groups")
    server, errors = Server(LAB, folder, folder), []
    page = chromium.new_page(viewport={"width": 1300, "height": 1300})
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        _lab_notebook(page, server, "groups", CELLS)
        yield page, server
    finally:
        page.close()
        server.stop()
    assert not errors


def test_a_group_is_moved_through_by_slider_keys_and_python(lab):
    page, server = lab
    viewer, volumes, window = page.locator(".dv"), _levels(4), (200, 400)
    assert _agrees(_shown(viewer), volumes[0], "axial", 5, window)
    viewer.get_by_label("Time", exact=True).fill("3")
    _labelled(viewer, "3 s")
    assert _agrees(_shown(viewer), volumes[3], "axial", 5, window)
    assert server.python("[viewer.member, viewer.index, viewer.window[:2]]") == [3, 5, [200, 400]]
    viewer.locator(MAIN).focus()
    page.keyboard.press("[")
    _labelled(viewer, "2 s")
    page.keyboard.press("Shift+ArrowUp")
    _labelled(viewer, "1 s")
    server.python("setattr(viewer, 'member', 0)")
    _labelled(viewer, "0 s")
    assert _agrees(_shown(viewer), volumes[0], "axial", 5, window)


def test_opacity_from_python_and_by_hand_colours_the_picture(lab):
    page, server = lab
    viewer = page.locator(".dv")
    assert np.ptp(_colour(viewer)) == 0
    server.python("setattr(viewer, 'opacity', 1.0)")
    page.wait_for_timeout(1000)
    assert np.ptp(_colour(viewer)) > 60
    viewer.get_by_label("Opacity").fill("25")
    page.wait_for_timeout(1000)
    assert 0 < np.ptp(_colour(viewer)) < 60 and server.python("viewer.opacity") == 0.25
    box = viewer.locator(MAIN).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 50.5 / 60, box["y"] + box["height"] * 0.6)
    page.wait_for_timeout(300)
    words = viewer.locator(".dv-words output").inner_text()
    assert words.startswith("50 HU; 5 SUVbw at x 50.0 (L), ")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_axe_finds_nothing_in_a_cell(lab, theme):
    page, _ = lab
    change = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
    page.evaluate(change, theme)
    page.wait_for_timeout(2000)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(VIOLATIONS) == []


def _colour(viewer):
    """What is shown at 40 mm, between letters and lines, (3,)."""
    shown = _shown(viewer)
    return shown[int(shown.shape[0] * 0.6), int(shown.shape[1] * 40.5 / 60)]
