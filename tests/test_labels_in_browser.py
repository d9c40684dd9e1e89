"""Labels in a real browser, on a saved page and with a kernel: `make test-all`."""

from dataclasses import replace

import numpy as np
import pytest
import test_in_browser
from test_images_in_browser import _lab_notebook
from test_in_browser import LAB, MAIN, Server

from helpers import Volume, browse
from helpers.labels.labels import Label, Mark, Part, layered, section_of

pytestmark = pytest.mark.browser
chromium, open_page = test_in_browser.chromium, test_in_browser.open_page  # fixtures
SHAPE = (16, 64, 64)
AFFINE = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
NAME = "<img src=x onerror=document.title='owned'>"
COLOURS = """
(places) => {
  const canvas = document.querySelector('.dv-views > canvas'), pen = canvas.getContext('2d');
  const scale = canvas.width / 64;
  return places.map(([row, column]) =>
    [...pen.getImageData(Math.round(column * scale), Math.round(row * scale), 1, 1).data]);
}
"""
FIRST, SECOND = [230, 159, 0], [86, 180, 233]  # of the first two labels


def _write(path):
    """A volume of zeros with a square in slices 4 to 11, larger in slice 9, and a box in 6."""
    parts = []
    for name, extra, column in ((NAME, 9, 10), ("other", 7, 36)):
        sections = []
        for index in range(4, 12):
            mask = np.zeros(SHAPE[1:], bool)
            grown = 4 * (index == extra)
            mask[20 : 40 + grown, column : column + 16] = True
            sections.append(section_of(index, mask))
        parts.append(Part(name, sections))
    labels = layered(parts, AFFINE, SHAPE, kind="SEG", source="made.dcm")
    corners = [(6, 2, 2), (6, 2, 9), (6, 12, 9), (6, 12, 2)]
    points = tuple(tuple((AFFINE @ [*corner, 1])[:3]) for corner in corners)
    named = (*labels.labels, Label("opacity", 3))
    labels = replace(labels, labels=named, marks=(Mark(3, "box", points),), _counts={})
    volume = Volume(np.zeros(SHAPE, np.int16), AFFINE, "HU")
    browse(volume, labels=labels, window=(200, 100)).save_html(path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "page.html"
    _write(path)
    return path


def _at(page, *places):
    """The colours (3,) of the picture at (row, column) corners of pixels."""
    return [colour[:3] for colour in page.evaluate(COLOURS, list(places))]


def _close(colour, wanted):
    return np.abs(np.subtract(colour, wanted)).max() < 60


def _slice(page):
    label = page.locator(MAIN).get_attribute("aria-label")
    return int(label.split("slice ")[1].split(" of")[0]) - 1


def _go(page, index):
    page.locator(".dv").get_by_label("Slice", exact=True).fill(str(index))
    page.wait_for_timeout(200)


def test_outlines_run_where_labels_are(open_page, saved):
    page = open_page(saved.as_uri(), offline=True)
    page.locator(MAIN).wait_for()
    page.get_by_label("Three planes").uncheck()
    _go(page, 5)
    left, inside, other = _at(page, (30, 10), (30, 18), (30, 36))
    assert _close(left, FIRST) and _close(inside, [0, 0, 0]) and _close(other, SECOND)
    page.get_by_label("Areas").fill("100")
    page.wait_for_timeout(200)
    assert _close(*_at(page, (30, 18)), FIRST)
    assert page.title() != "owned" and NAME in page.locator(".dv-labels").inner_text()


def test_labels_are_switched_off_and_on(open_page, saved):
    page = open_page(saved.as_uri(), offline=True)
    page.locator(MAIN).wait_for()
    page.get_by_label("Three planes").uncheck()
    _go(page, 5)
    page.get_by_label("other", exact=True).uncheck()
    page.wait_for_timeout(200)
    first, second = _at(page, (30, 10), (30, 36))
    assert _close(first, FIRST) and _close(second, [0, 0, 0])
    assert "2 of 3 shown" in page.locator(".dv-labels summary").inner_text()
    page.get_by_role("button", name="All or none").click()
    page.wait_for_timeout(200)
    assert _close(*_at(page, (30, 36)), SECOND)


def test_ways_lead_to_slices_with_labels(open_page, saved):
    page = open_page(saved.as_uri(), offline=True)
    page.locator(MAIN).wait_for()
    _go(page, 0)
    assert page.get_by_role("button", name="labelled ▸").is_disabled(), "as the slider, to the feet"
    page.get_by_role("button", name="◂ labelled").click()
    page.wait_for_timeout(200)
    assert _slice(page) == 4
    assert page.get_by_role("button", name="labelled ▸").is_disabled()
    page.get_by_label("Largest cross-section of other").click()
    page.wait_for_timeout(200)
    assert _slice(page) == 7
    page.get_by_label("Largest cross-section of opacity").click()
    page.wait_for_timeout(200)
    assert _slice(page) == 6
    page.get_by_label("Three planes").uncheck()
    page.wait_for_timeout(200)
    assert _close(*_at(page, (7, 2.5)), [0, 158, 115]), "its left side"


CELLS = [
    "import numpy as np\n"
    "from helpers import Volume, browse\n"
    "from helpers.labels.labels import Part, layered, section_of",
    "affine = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]\n"
    "mask = np.zeros((64, 64), bool)\n"
    "mask[20:40, 10:26] = True\n"
    "parts = [Part('square', [section_of(index, mask) for index in range(4, 12)])]\n"
    "labels = layered(parts, affine, (16, 64, 64), kind='SEG', source='')\n"
    "volume = Volume(np.zeros((16, 64, 64), np.int16), affine, 'HU')\n"
    "viewer = browse(volume, labels=labels, three_planes=False, window=(200, 100))\n"
    "viewer",
]


def test_labels_come_from_the_kernel(chromium, tmp_path):
    server = Server(LAB, tmp_path, tmp_path)
    page = chromium.new_page(viewport={"width": 1300, "height": 1300})
    try:
        _lab_notebook(page, server, "labels", CELLS)
        page.locator(MAIN).wait_for()
        page.wait_for_timeout(500)
        assert _close(*_at(page, (30, 10)), FIRST)
        page.get_by_label("square", exact=True).uncheck()
        page.wait_for_timeout(500)
        assert server.python("viewer.hidden_labels") == [1]
        assert _close(*_at(page, (30, 10)), [0, 0, 0])
        server.python("[setattr(viewer, 'hidden_labels', []), setattr(viewer, 'label_fill', 1)]")
        page.wait_for_timeout(500)
        assert _close(*_at(page, (30, 18)), FIRST)
    finally:
        page.close()
        server.stop()
