"""Menus over a viewer in JupyterLab, on a folder of four kinds of images: `make test-all`."""

import shutil

import numpy as np
import pytest
import test_in_browser
from kind_collections import write_kind
from test_images_in_browser import FRAMES_SHOWN
from test_in_browser import LAB, MAIN, NOTEBOOKS, Server, _agrees, _labelled, _run_all, _shown

from helpers import header_table, load_slice, load_volume, slice_table, stack_table

pytestmark = pytest.mark.browser
chromium = test_in_browser.chromium  # a fixture
KINDS = ("radiographs", "ultrasound clips", "diffusion", "PET with CT")
CHOOSER = "Out[2]"  # of page 06
IDLE = ".jp-NotebookPanel-toolbar [data-status=idle]"
NOT_WAITING = f"{MAIN}:not([data-waiting])"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Patients X01 to X06 (radiographs), E01 E02 (clips), D01 (diffusion), T01 T02 (PET/CT)."""
    folder = tmp_path_factory.mktemp("kinds")
    for kind in KINDS:
        write_kind(kind, folder / kind)
    return folder


@pytest.fixture(scope="module")
def lab(folder, chromium, tmp_path_factory):
    """(page 06 as it runs there, the server)"""
    home = tmp_path_factory.mktemp("menus")
    shutil.copy(NOTEBOOKS / "06_browse.ipynb", home)
    server, errors = Server(LAB, home, folder), []
    page = chromium.new_page(viewport={"width": 1300, "height": 1300})
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(f"http://127.0.0.1:{server.port}/lab/tree/06_browse.ipynb")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        page.wait_for_selector(IDLE, timeout=60_000)
        _run_all(page)
        page.wait_for_selector(".jp-RenderedImage img", timeout=120_000)  # of the last cell
        page.wait_for_selector(IDLE, timeout=60_000)
        yield page, server
    finally:
        page.close()
        server.stop()
    assert not errors


@pytest.fixture
def select(lab):
    """Selects an entry of a menu whose text has some words."""

    def select(menu, words):
        control = lab[0].get_by_label(menu, exact=True).first
        entries = control.locator("option").all_text_contents()
        found = [words in entry.replace("\xa0", " ") for entry in entries]
        control.select_option(index=found.index(True))

    return select


@pytest.fixture
def viewer(lab):
    """The viewer below the menus."""
    viewer = lab[0].locator(".dv").first
    viewer.scroll_into_view_if_needed()
    return viewer


def _said(viewer, words):
    """Waits until the words about the picture, those for a screen reader, have some words."""
    viewer.locator(f'{NOT_WAITING}[aria-label*="{words}"]').wait_for(timeout=30_000)


def test_a_second_slider_moves_through_the_b_values(lab, select, viewer, folder):
    slices = slice_table(header_table(folder / "diffusion", progress=False))
    select("Patient", "D01")
    _said(viewer, "b = 0")
    labels = lab[1].python(f"{CHOOSER}.viewer.members.labels")
    assert len(labels) == 7 and "1000" in labels[2] and "2000" in labels[5]
    for number in (2, 5, 0):
        viewer.get_by_label("b-value", exact=True).fill(str(number))
        _labelled(viewer, labels[number])
        volume = load_volume(slices.loc[sorted(stack_table(slices).index)[number]])
        assert _agrees(_shown(viewer), volume, "axial", 2, None)
    assert lab[1].python(f"[{CHOOSER}.viewer.member, {CHOOSER}.viewer.index]") == [0, 2]


def test_radiographs_follow_each_other_of_all_patients_and_of_one(lab, select, viewer):
    select("Patient", "all 11")
    _said(viewer, "1 of 12")
    for _ in range(3):
        viewer.get_by_label("Next image").click()
    _said(viewer, "4 of 12")
    assert viewer.locator(".dv-place").inner_text().startswith("4 of 12")
    assert _is_shown(viewer, _image(lab[1]))
    select("Patient", "X03")
    _said(viewer, "1 of 2")
    assert _is_shown(viewer, _image(lab[1]))
    select("Stack", "Chest LL")
    _said(viewer, "image 1 of 1; left lateral")
    assert viewer.get_by_label("Next image").is_hidden(), "one image alone"


def test_a_clip_of_another_patient_is_played_in_colour(lab, select, viewer):
    page, server = lab
    select("Patient", "E02")
    _said(viewer, "frame 1 of 6")
    viewer.get_by_role("button", name="▶ Play").click()
    page.wait_for_timeout(1000)
    _, frames = page.evaluate(FRAMES_SHOWN, 1500)
    viewer.get_by_role("button", name="❚❚ Stop").click()
    assert frames == 6
    assert np.ptp(_shown(viewer), axis=2).max() > 40, "in colour"
    assert server.python(f"{CHOOSER}.viewer.index") in range(6)


def test_a_pet_lies_over_its_ct_more_or_less_opaque(lab, select, viewer):
    page, server = lab
    select("Patient", "T01")
    _said(viewer, "of 15")
    select("Over it", "PET")
    viewer.get_by_label("Opacity").wait_for(timeout=30_000)
    select("PET values", "SUV")
    page.wait_for_function("document.querySelector('.dv').innerText.includes('SUV 0 to 10')")
    assert server.python(f"{CHOOSER}.viewer.over.volume.unit") == "SUVbw"
    shares = []
    for opacity in (0, 30, 100):
        viewer.get_by_label("Opacity").fill(str(opacity))
        page.wait_for_timeout(300)
        shares.append(np.ptp(_shown(viewer), axis=2).mean())
    assert shares[0] < shares[1] < shares[2], "more colour"
    select("Over it", "nothing")
    viewer.get_by_label("Opacity").wait_for(state="detached", timeout=30_000)


def test_a_finding_leads_to_its_image_and_stays_among_the_others(lab, select, viewer):
    page, server = lab
    select("Finding", "mixed-monochrome")
    _said(viewer, "! mixed-monochrome")
    assert page.get_by_label("Patient", exact=True).input_value() == "X02"
    assert _path(server).endswith("X02/LL.dcm")
    select("Patient", "all 11")
    _said(viewer, "of 12")
    select("Finding", "X05/PA.dcm")
    page.wait_for_timeout(1000)
    assert _path(server).endswith("X05/PA.dcm")
    _said(viewer, "of 12")
    assert _is_shown(viewer, _image(server))


def test_patients_that_are_changed_fast_fail_nowhere(lab, select, viewer):
    for patient in ("X01", "D01", "X02", "E01", "X03", "T02", "X04", "E02", "X05", "X06", "D01"):
        select("Patient", patient)
    _said(viewer, "b = 0")
    lab[0].wait_for_timeout(2500)  # after which anywidget would call one closed early a failure


def _path(server):
    """The file of the image that is shown."""
    shown = f"{CHOOSER}.viewer"
    return server.python(f"{shown}.images.slices.index.get_level_values('path')[{shown}.index]")


def _image(server):
    return load_slice(_path(server))


def _is_shown(viewer, image):
    """Whether a canvas shows an image, fitted into it, as its file's first window has it."""
    shown, grey = _shown(viewer), image.grey()
    size = np.multiply(grey.shape, image.spacing)
    scale = min(np.array(shown.shape[:2]) / size)
    corner = (np.array(shown.shape[:2]) - scale * size) / 2
    near = []
    for row, column in np.random.default_rng(0).integers(0.2 * size, 0.8 * size, (40, 2)):
        at = np.round(corner + scale * np.array([row, column])).astype(int)
        place = np.floor(np.array([row, column]) / image.spacing).astype(int)
        near.append(abs(shown[tuple(at)][0] - 255 * grey[tuple(place)]) < 25)
    return np.mean(near) > 0.9
