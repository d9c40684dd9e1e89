"""Images that are no volume in a real browser, part of `make test-all`: in JupyterLab, on pages."""

import re

import nbformat
import numpy as np
import pydicom
import pytest
import test_in_browser
from pydicom import examples
from test_in_browser import EVIL, LAB, MAIN, Server, _shown

from helpers import header_table, load_slice, slice_table
from helpers.viewer.image_browser import ImageBrowser
from helpers.viewer.images_html import ImagesPage

pytestmark = pytest.mark.browser
chromium, open_page = test_in_browser.chromium, test_in_browser.open_page  # fixtures
CINE = [
    "from pydicom import examples\n"
    "from helpers import header_table, slice_table\n"
    "from helpers.viewer.image_browser import ImageBrowser",
    "headers = header_table([str(examples.get_path('ybr_color'))])\n"
    "viewer = ImageBrowser(slice_table(headers))\nviewer",
]
FRAMES_SHOWN = """
async (ms) => {
  const canvas = document.querySelector('.dv-views > canvas'), seen = new Set();
  let shown = 0;
  const watch = new MutationObserver(() => { shown += 1; seen.add(canvas.dataset.slice); });
  watch.observe(canvas, { attributeFilter: ['data-slice'] });
  const start = performance.now();
  await new Promise((go) => setTimeout(go, ms));
  watch.disconnect();
  return [1000 * shown / (performance.now() - start), seen.size];
}
"""
REFRESHES = """
(ms) => new Promise((done) => {
  let count = 0;
  const start = performance.now();
  const tick = (now) => {
    count += 1;
    if (now - start > ms) done(1000 * count / (now - start)); else requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})
"""


def _radiographs(folder):
    """Two radiographs of 1200 × 900, of which the second is inverted, and one that is broken."""
    folder.mkdir()
    down, right = np.mgrid[0:1200, 0:900]
    for number, name in enumerate(("MONOCHROME2", "MONOCHROME1", "MONOCHROME2"), 1):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        dataset.SOPInstanceUID, dataset.SeriesInstanceUID = f"1.2.{number}", f"1.3.{number}"
        dataset.StudyInstanceUID, dataset.Modality, dataset.ViewPosition = "1.4", "CR", "PA"
        dataset.PatientOrientation, dataset.ImagerPixelSpacing = ["L", "F"], [0.2, 0.2]
        for keyword, value in EVIL.items():
            with pydicom.config.disable_value_validation():
                setattr(dataset, keyword, value)
        dataset.WindowCenter, dataset.WindowWidth = 2000, 4000
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 1200, 900, 1
        dataset.PhotometricInterpretation = name
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation = 0
        dataset.PixelData = ((down + 2 * right + 100 * number) % 4096).astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"
        if number == 3:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLosslessSV1
            dataset.PixelData = pydicom.encaps.encapsulate([b"no stream of JPEG"])
            dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return slice_table(header_table(folder, progress=False))


def _lab_notebook(page, server, name, cells):
    """Opens a notebook of its own in JupyterLab and runs it until a picture is shown."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, server.log.parent / f"{name}.ipynb")
    page.goto(f"http://127.0.0.1:{server.port}/lab/workspaces/{name}/tree/{name}.ipynb")
    page.wait_for_selector(".jp-NotebookPanel-toolbar [data-status=idle]", timeout=60_000)
    page.wait_for_timeout(2000)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(f"{MAIN}[data-slice]", timeout=120_000)


def _frames_per_second(page):
    """(frames shown per second, different ones, how many the screen could show)"""
    page.get_by_role("button", name="▶ Play").click()
    page.wait_for_timeout(3000)  # until all frames have come
    rate, frames = page.evaluate(FRAMES_SHOWN, 3000)
    page.get_by_role("button", name="❚❚ Stop").click()
    return rate, frames, page.evaluate(REFRESHES, 1000)


@pytest.fixture(scope="module")
def lab_images(chromium, tmp_path_factory):
    """A cine and radiographs in JupyterLab: (page, server)."""
    folder = tmp_path_factory.mktemp("images")
    _radiographs(folder / "radiographs")
    server = Server(LAB, folder, folder / "radiographs")
    page = chromium.new_page(viewport={"width": 1300, "height": 1300})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page, server
    owned = page.title() == "owned"
    page.close()
    server.stop()
    assert not errors and not owned


def test_a_cine_plays_at_its_own_rate_in_jupyterlab(lab_images):
    page, server = lab_images
    _lab_notebook(page, server, "cine", CINE)
    assert page.get_by_label("Frames per second").input_value() == "30"
    rate, frames, refreshes = _frames_per_second(page)
    expected = min(30, refreshes)
    assert 0.7 * expected < rate <= 31 and frames > 20, (rate, frames, refreshes)
    assert server.python("viewer.index") in range(30)


def test_radiographs_are_stepped_windowed_and_zoomed_in_jupyterlab(lab_images):
    page, server = lab_images
    cells = [CINE[0], "viewer = ImageBrowser(slice_table(header_table('radiographs')))\nviewer"]
    _lab_notebook(page, server, "radiographs", cells)
    viewer = page.locator(".dv")
    canvas = viewer.locator(MAIN)
    assert canvas.get_attribute("data-factors") == "2,2", "reduced to the screen"
    slices = slice_table(header_table(server.log.parent / "radiographs", progress=False))
    image = load_slice(slices.index.get_level_values("path")[0])
    shown = _shown(viewer)
    height, width = shown.shape[:2]
    left = (width - height * 900 / 1200) / 2
    for row, column in ((300, 250), (700, 600), (950, 400)):
        at = round(row / 1200 * height), round(left + column / 900 * (width - 2 * left))
        expected = 255 * image.grey()[row, column]
        assert abs(shown[at][0] - expected) < 8, "the window of the file"
    box = canvas.bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(f"{MAIN}[data-factors='1,1']", timeout=10_000)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(500)
    said = viewer.locator("output").inner_text()
    value, row, column = re.match(r"(\d+) at row (\d+), column (\d+)", said).groups()
    assert int(value) == image.array[int(row), int(column)]
    viewer.get_by_role("button", name="Fit").click()
    viewer.get_by_label("Center").fill("1000")
    viewer.get_by_label("Width").fill("500")
    page.wait_for_timeout(500)
    assert list(server.python("list(viewer.window[:2])")) == [1000, 500]
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"{MAIN}[data-slice='image 1']:not([data-waiting])", timeout=10_000)
    assert "C 2000 W 4000" in canvas.get_attribute("aria-label"), "its own window"
    second = _shown(viewer)
    value = load_slice(slices.index.get_level_values("path")[1]).grey()[300, 250]
    at = round(300 / 1200 * height), round(left + 250 / 900 * (width - 2 * left))
    assert abs(second[at][0] - 255 * value) < 8, "inverted"
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"{MAIN}[data-failed=yes]", timeout=10_000)
    assert "cannot be shown: cannot decode" in canvas.get_attribute("aria-label")
    page.keyboard.press("Home")
    page.wait_for_selector(f"{MAIN}[data-slice='image 0']:not([data-waiting])", timeout=10_000)
    assert "C 1000 W 500" in canvas.get_attribute("aria-label"), "the window set for this file"
    server.python("setattr(viewer, 'index', 1)")
    page.wait_for_selector(f"{MAIN}[data-slice='image 1']", timeout=10_000)


def test_a_cine_plays_at_its_own_rate_in_a_saved_page(open_page, tmp_path):
    slices = slice_table(header_table([str(examples.get_path("ybr_color"))], progress=False))
    ImageBrowser(slices).save_html(tmp_path / "page.html")
    page = open_page((tmp_path / "page.html").as_uri(), offline=True)
    page.wait_for_selector(f"{MAIN}[data-slice='image 0']")
    rate, frames, refreshes = _frames_per_second(page)
    expected = min(30, refreshes)
    assert 0.7 * expected < rate <= 31 and frames > 20, (rate, frames, refreshes)
    shown = _shown(page.locator(".dv"))
    assert np.ptp(shown, axis=2).max() > 40, "in colour"


def test_saved_images_of_a_hostile_patient_are_text(open_page, tmp_path):
    page_of = ImagesPage(_radiographs(tmp_path / "radiographs"))
    page_of.save_html(tmp_path / "page.html")
    framed = page_of._repr_mimebundle_()["text/html"]
    (tmp_path / "framed.html").write_text(framed, encoding="utf-8")
    for name in ("page.html", "framed.html"):
        page = open_page((tmp_path / name).as_uri(), offline=True)
        root = page if name == "page.html" else page.frame_locator("iframe")
        root.locator(f"{MAIN}[data-slice='image 0']").wait_for(timeout=10_000)
        assert "owned" not in {page.title(), *(frame.title() for frame in page.frames)}
        assert not root.locator("img[src=x], svg[onload]").count()
        slider = root.get_by_label("Image", exact=True)
        slider.fill("2")
        root.locator(f"{MAIN}[data-failed=yes]").wait_for(timeout=10_000)
        slider.fill("1")
        root.locator(f"{MAIN}[data-slice='image 1']").wait_for(timeout=10_000)
    without = open_page((tmp_path / "page.html").as_uri(), offline=True, java_script_enabled=False)
    assert without.locator("img").first.is_visible()


def test_every_control_of_images_has_a_name_and_can_be_reached_by_key(open_page, tmp_path):
    ImagesPage(_radiographs(tmp_path / "radiographs")).save_html(tmp_path / "page.html")
    page = open_page((tmp_path / "page.html").as_uri(), offline=True)
    page.wait_for_selector(f"{MAIN}[data-slice]")
    controls = page.locator(".dv select, .dv input, .dv button, .dv-views > canvas, .dv > canvas")
    shown = "all.filter((e) => e.checkVisibility())"
    names = controls.evaluate_all(f"all => {shown}.map((e) => e.ariaLabel || e.textContent)")
    assert all(name.strip() for name in names) and len(names) >= 11
    reached = set()
    for _ in range(len(names)):
        page.keyboard.press("Tab")
        focus = "document.activeElement"
        reached.add(page.evaluate(f"{focus}.ariaLabel || {focus}.textContent"))
    assert len(reached) == len(names), "each one is reached"
    label = page.locator(MAIN).get_attribute("aria-label")
    assert "R is left, L right, H above, F below" in label
