"""The viewers in a real browser, part of `make test-all`: JupyterLab, Voila, pages of their own."""

import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from base64 import b64decode
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageSequence
from viewer_picture import FLAGS, MAIN, PICTURE, chromium_path, frames

from helpers import (
    Volume,
    browse,
    browse_together,
    header_table,
    load_volume,
    slice_table,
    stack_table,
)
from helpers.errors import ClearError
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.viewer.volume_group import VolumeGroup

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
ALL_THERE = (  # the viewers of page 06
    "document.querySelectorAll('.dv').length >= 3 && document.querySelector('.dh') !== null"
)
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
EVIL = {
    "PatientID": "<img src=x onerror=document.title='owned'>",
    "PatientName": "</script><script>document.title='owned'</script>",
    "SeriesDescription": "\"'><svg onload=document.title='owned'>",
    "StudyDescription": "x" * 10_000,
    "ManufacturerModelName": "a\x07b\x1b[31m ",
    "WindowCenterWidthExplanation": "</textarea><img src=x onerror=document.title='owned'>",
    "ProtocolName": "{{7*7}} ${7*7} <!--",
}


def _write_hostile(phantom, folder):
    """Six slices of a patient whose headers attack."""
    folder.mkdir()
    for number in range(1, 7):
        dataset = pydicom.dcmread(phantom / "P02-interspaced" / f"{number}.dcm")
        for keyword, value in EVIL.items():
            with pydicom.config.disable_value_validation():
                setattr(dataset, keyword, value)
        dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.7"
        dataset.save_as(folder / f"{number}.dcm")


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium of the system."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    assert path, "expected Chromium: apt-get install chromium, or name one in CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def volume(phantom_headers):
    return _volume(phantom_headers, "P02-interspaced")


def _volume(headers, patient):
    slices = slice_table(headers[headers["PatientID"] == patient])
    return load_volume(slices.loc[stack_table(slices).index[0]])


@pytest.fixture
def open_page(chromium):
    """Opens an address in a fresh context; the errors of its scripts are failures."""
    contexts = []

    def open_one(address, **options):
        context = chromium.new_context(**{"viewport": {"width": 1300, "height": 1000}, **options})
        contexts.append((context, errors := []))
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield open_one
    for context, errors in contexts:
        context.close()
        assert not errors


class Server:
    """A Jupyter server or Voila, and the Python of its newest kernel."""

    def __init__(self, command, folder, collection):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.runtime = folder / "runtime"
        env = {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
        }
        env |= {
            "DICOM_ROOT": str(collection),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "HOME": str(folder),
        }
        settings = folder / "overrides" / "overrides.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
        self.runtime.mkdir()
        options = [
            part.format(port=self.port, settings=settings.parent, runtime=self.runtime)
            for part in command
        ]
        self.log = folder / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *options], cwd=folder, env=env, stdout=log, stderr=log
            )
        self._wait()

    def _wait(self):
        for _ in range(900):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text(encoding="utf-8"))

    def python(self, code):
        """What an expression gives in the newest kernel, through JSON."""
        from jupyter_client import BlockingKernelClient

        newest = max(self.runtime.rglob("kernel-*.json"), key=os.path.getmtime)
        client = BlockingKernelClient(connection_file=str(newest))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        shown = []
        client.execute_interactive(
            f"import json; print(json.dumps({code}))", timeout=60, output_hook=shown.append
        )
        client.stop_channels()
        words = "".join(
            message["content"].get("text", "")
            for message in shown
            if message["msg_type"] == "stream"
        )
        assert words.strip(), shown
        return json.loads(words.strip().splitlines()[-1])

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


LAB = [
    *(
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--port={port}",
        "--IdentityProvider.token=",
        "--expose-app-in-browser",
    ),
    *("--ServerApp.port_retries=0", "--LabApp.app_settings_dir={settings}"),
]
VOILA = [
    *(
        "voila",
        "--no-browser",
        "--port={port}",
        "--Voila.ip=127.0.0.1",
        "--Voila.connection_dir_root={runtime}",
    ),
    "06_browse.ipynb",
]


@pytest.fixture(scope="module", params=["JupyterLab", "Voila"])
def host(request, tmp_path_factory, phantom):
    """(page 06 as it runs there, the server): on three patients of the phantom."""
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copy(NOTEBOOKS / "06_browse.ipynb", folder)
    collection = folder / "collection"
    for patient in ("P01-reference", "P02-interspaced", "P14-slice-twice"):
        shutil.copytree(phantom / patient, collection / patient)
    _write_hostile(phantom, collection / "hostile")
    server = Server(LAB if request.param == "JupyterLab" else VOILA, folder, collection)
    yield request.param, server
    server.stop()


def _run_all(page):
    """Runs the cells; again where JupyterLab, asked right after its start, ran the first alone."""
    from playwright.sync_api import TimeoutError as NotYet

    for _ in range(3):
        page.wait_for_timeout(2000)
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        with suppress(NotYet):
            return page.wait_for_function(ALL_THERE, timeout=30_000, polling=200)


@pytest.fixture(scope="module")
def page(host, chromium):
    """Page 06, run."""
    name, server = host
    page = chromium.new_page(viewport={"width": 1500, "height": 3200})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    if name == "JupyterLab":
        page.goto(f"http://127.0.0.1:{server.port}/lab/tree/06_browse.ipynb")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        page.wait_for_selector(".jp-NotebookPanel-toolbar [data-status=idle]", timeout=60_000)
        _run_all(page)
    else:
        page.goto(f"http://127.0.0.1:{server.port}/", timeout=120_000)  # it is executed first
    page.wait_for_function(ALL_THERE, timeout=60_000, polling=200)
    page.wait_for_function(
        f"document.querySelectorAll('{MAIN}[data-slice]').length >= 3", timeout=60_000, polling=200
    )
    yield page
    owned, attacks = page.title() == "owned", page.locator("img[src=x], svg[onload]").count()
    page.close()
    assert not errors and not owned and not attacks


def _shown(viewer):
    """What the main canvas of a viewer shows, (rows, columns, 3)."""
    viewer.page.wait_for_timeout(150)
    viewer.locator(f"{MAIN}:not([data-waiting])").wait_for(timeout=10_000)
    picture = viewer.locator(MAIN).evaluate("canvas => canvas.toDataURL('image/png')")
    with Image.open(io.BytesIO(b64decode(picture.split(",")[1]))) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def _agrees(shown, volume, plane, index, window):
    """Whether a canvas shows values between those of a slice, through a window, letters apart."""
    picture = volume.slice(plane, index)
    values = Image.fromarray(picture.array.astype(np.float32))
    between = np.asarray(values.resize(shown.shape[1::-1], Image.Resampling.BILINEAR))
    expected = 255 * replace(picture, array=between, padding=None).grey(picture.window(window)[1])
    height, width = expected.shape
    inner = np.s_[height // 8 : -height // 8, width // 8 : -width // 8]
    plain = np.ptp(shown, axis=2)[inner] == 0
    return plain.mean() > 0.6 and np.abs(shown[..., 0] - expected)[inner][plain].mean() < 8


def _index(viewer):
    return int(viewer.locator(MAIN).get_attribute("data-slice").split()[1])


def _dragged(page, viewer, start, end):
    """Center and width after the mouse was dragged between two points of the main picture."""
    box = viewer.locator(MAIN).bounding_box()
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=4)
    page.mouse.up()
    return [
        float(viewer.get_by_label(name, exact=True).input_value()) for name in ("Center", "Width")
    ]


def _viewer(page, number):
    viewer = page.locator(".dv").nth(number)
    viewer.scroll_into_view_if_needed()
    return viewer


def _state(server):
    """The traits of the first viewer of the page, as Python has them."""
    return server.python(
        "(lambda v: [v.plane, v.index, list(v.position_mm), list(v.window[:2])])(Out[2].viewer)"
    )


def test_page_06_scrolls_by_slider_wheel_keys_and_from_python(page, host, phantom_headers):
    volume, server = _volume(phantom_headers, "P01-reference"), host[1]
    viewer = _viewer(page, 0)
    canvas, slider = viewer.locator(MAIN), viewer.get_by_label("Slice", exact=True)
    assert canvas.get_attribute("data-slice") == "axial 48"
    assert _agrees(_shown(viewer), volume, "axial", 48, None)
    slider.fill("20")
    assert _agrees(_shown(viewer), volume, "axial", 20, None)
    canvas.focus()
    for key in ("ArrowDown", "ArrowRight", "PageDown", "ArrowUp"):
        page.keyboard.press(key)
    assert _agrees(_shown(viewer), volume, "axial", 9, None), "towards the feet"
    canvas.hover()
    page.mouse.wheel(0, 100)
    assert _agrees(_shown(viewer), volume, "axial", 8, None)
    page.keyboard.press("End")
    assert _agrees(_shown(viewer), volume, "axial", 0, None)
    plane, index, position, _ = _state(server)
    assert (plane, index) == ("axial", 0) and volume.place_in("axial", position)[0] == 0
    server.python("setattr(Out[2].viewer, 'index', 7)")
    page.wait_for_timeout(500)
    assert _agrees(_shown(viewer), volume, "axial", 7, None)
    assert _state(server)[2][2] == pytest.approx((volume.affine @ [7, 0, 0, 1])[2])


def test_window_drag_presets_and_fields(page, host, phantom_headers):
    volume = _volume(phantom_headers, "P01-reference")
    viewer = _viewer(page, 0)
    viewer.get_by_label("Slice", exact=True).fill("40")
    viewer.get_by_label("Window", exact=True).select_option(label="lungs")
    assert _agrees(_shown(viewer), volume, "axial", 40, "lungs")
    viewer.get_by_label("Center").fill("40")
    viewer.get_by_label("Width").fill("400")
    viewer.get_by_label("Width").press("Enter")
    assert _state(host[1])[3] == [40, 400]
    assert _agrees(_shown(viewer), volume, "axial", 40, (40, 400))
    center, width = _dragged(page, viewer, (250, 250), (350, 200))
    assert center < 0 and width > 500
    assert _agrees(_shown(viewer), volume, "axial", 40, (center, width))
    assert _state(host[1])[3] == [center, width]
    host[1].python("setattr(Out[2].viewer, 'window', 'liver')")
    page.wait_for_timeout(500)
    assert _agrees(_shown(viewer), volume, "axial", 40, "liver")


@pytest.mark.parametrize("plane", ["coronal", "sagittal", "axial"])
def test_planes_and_their_letters(page, phantom_headers, plane):
    volume = _volume(phantom_headers, "P01-reference")
    viewer = _viewer(page, 0)
    viewer.get_by_label("Plane", exact=True).select_option(plane)
    viewer.get_by_label("Slice", exact=True).fill("30")
    viewer.get_by_label("Window", exact=True).select_option(label="mediastinum")
    shown = _shown(viewer)
    assert _agrees(shown, volume, plane, 30, "mediastinum")
    left, right, top, bottom = volume.slice(plane, 30).letters
    label = viewer.locator(MAIN).get_attribute("aria-label")
    assert f"{left} is left, {right} right, {top} above, {bottom} below" in label
    yellow = (shown[..., 0] > 200) & (shown[..., 1] > 160) & (shown[..., 2] < 120)
    height, width = yellow.shape
    for edge in (np.s_[:, :30], np.s_[:, -30:], np.s_[:30], np.s_[-30:]):
        assert yellow[edge].sum() > 20
    assert not yellow[height // 4 : -height // 4, width // 4 : -width // 4].any()


def test_the_crosshair_goes_where_it_is_pointed(page, phantom_headers):
    volume = _volume(phantom_headers, "P01-reference")
    viewer = _viewer(page, 0)
    viewer.get_by_label("Plane", exact=True).select_option("axial")
    box = viewer.locator(MAIN).bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
    viewer.get_by_label("Plane", exact=True).select_option("sagittal")
    expected = round(0.25 * volume.shape_of("sagittal")[0] - 0.5)
    viewer.page.wait_for_timeout(300)
    plane, index = viewer.locator(MAIN).get_attribute("data-slice").split()
    assert plane == "sagittal" and abs(int(index) - expected) <= 1
    viewer.get_by_label("Plane", exact=True).select_option("axial")


def test_the_pointer_reads_value_and_place(page, phantom_headers):
    volume = _volume(phantom_headers, "P01-reference")
    viewer = _viewer(page, 0)
    viewer.get_by_label("Plane", exact=True).select_option("axial")
    viewer.get_by_label("Slice", exact=True).fill("48")
    _shown(viewer)
    box = viewer.locator(MAIN).bounding_box()
    page.mouse.move(box["x"] + box["width"] * (80.5 / 128), box["y"] + box["height"] * (60.5 / 128))
    page.wait_for_timeout(100)
    cut, place = volume.slice("axial", 48), (volume.affine @ [48, 60, 80, 1])[:3]
    words = viewer.locator("output").first.inner_text()
    assert words.startswith(f"{cut.array[60, 80]} HU at x {place[0]:.1f} (")
    assert f"z {place[2]:.1f} (" in words and words.endswith("mm; row 60, column 80")


def test_the_chooser_leads_from_a_finding_to_its_slice(page, phantom_headers):
    once = phantom_headers[~phantom_headers.index.str.endswith("33.dcm")]
    volume = _volume(once, "P14-slice-twice")
    chooser = page.get_by_label("Finding")
    chooser.scroll_into_view_if_needed()
    option = chooser.locator("option", has_text="repeated-slice").first.inner_text()
    chooser.select_option(label=option)
    page.wait_for_function(
        "[...document.querySelectorAll('.dv')].some(e => e.innerHTML && "
        "e.querySelector('canvas').ariaLabel.includes('! repeated-slice'))",
        timeout=30_000,
    )
    viewer = _viewer(page, 0)
    assert _agrees(_shown(viewer), volume, "axial", _index(viewer), None)
    page.get_by_label("Patient", exact=True).select_option("P02-interspaced")
    page.wait_for_function(
        "document.querySelectorAll('.dv')[0].querySelector('canvas').ariaLabel.includes('of 24')",
        timeout=30_000,
    )


def test_two_viewers_move_together(page):
    one, other = _viewer(page, 1), _viewer(page, 2)
    for number in ("10", "70"):
        one.get_by_label("Slice", exact=True).fill(number)
        page.wait_for_timeout(600)
        first, second = (
            viewer.locator(MAIN).get_attribute("aria-label") for viewer in (one, other)
        )
        heights = [float(label.split("z ")[1].split(" mm")[0]) for label in (first, second)]
        assert abs(heights[0] - heights[1]) <= 5.1, "to the nearest slice"


def _labelled(viewer, words):
    """Waits for the picture of a member by its label."""
    viewer.locator(f'{MAIN}[aria-label^="{words}"]').wait_for(timeout=20_000)


def test_a_hostile_patient_is_text(page):
    page.get_by_label("Patient", exact=True).select_option(EVIL["PatientID"])
    of_6 = "document.querySelectorAll('.dv')[0].querySelector('canvas').ariaLabel.includes('of 6')"
    page.wait_for_function(of_6, timeout=30_000)
    assert page.title() != "owned"


def test_headers_are_searched(page):
    table = page.locator(".dh table")
    table.scroll_into_view_if_needed()
    assert "ImagePositionPatient" in table.inner_text()
    page.get_by_placeholder("keyword, tag").fill("(0028,0010)")
    page.get_by_placeholder("keyword, tag").press("Tab")
    page.wait_for_function(
        "document.querySelector('.dh table').innerText.includes('Rows')", timeout=10_000
    )


@pytest.fixture(scope="module")
def saved(volume, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "page.html"
    browse(volume).save_html(path)
    return path


def test_a_saved_page_lives_without_network_and_kernel(open_page, saved, volume):
    page = open_page(saved.as_uri(), offline=True)
    viewer = page.locator(".dv")
    assert _agrees(_shown(viewer), volume, "axial", 12, None)
    viewer.get_by_label("Slice", exact=True).fill("5")
    viewer.get_by_label("Window", exact=True).select_option(label="mediastinum")
    assert _agrees(_shown(viewer), volume, "axial", 5, "mediastinum")
    viewer.get_by_label("Plane", exact=True).select_option("coronal")
    page.wait_for_timeout(800)
    assert _agrees(_shown(viewer), volume, "coronal", _index(viewer), "mediastinum")
    assert "Reduced for this page: 24 of 24 slices" in page.inner_text("body")


@pytest.fixture(scope="module")
def both(volume, phantom_headers, tmp_path_factory):
    """Two volumes of different spacing on one page, and as a notebook frames them."""
    folder = tmp_path_factory.mktemp("both")
    viewer = browse_together(_volume(phantom_headers, "P01-reference"), volume)
    viewer.save_html(folder / "page.html")
    framed = viewer._repr_mimebundle_()["text/html"]
    (folder / "framed.html").write_text(framed, encoding="utf-8")
    without = re.sub("<iframe.*?</iframe>", "", framed, flags=re.S)
    (folder / "frame_taken_out.html").write_text(without, encoding="utf-8")
    return folder


def test_a_frame_has_no_scroll_bar_of_its_own_however_wide_it_is(open_page, both):
    page = open_page((both / "framed.html").as_uri(), offline=True)
    page.frame_locator("iframe").locator(f"{MAIN}[data-slice]").nth(1).wait_for(timeout=20_000)
    for width in (360, 480, 600, 770, 900, 1300):
        page.set_viewport_size({"width": width, "height": 700})
        page.wait_for_timeout(300)
        needed, there = page.frames[1].evaluate(
            "[document.documentElement.scrollHeight, innerHeight]"
        )
        assert needed <= there, f"{needed} CSS pixels at a width of {width}"


@pytest.mark.parametrize("name", ["page.html", "framed.html"])
def test_two_viewers_of_one_page_move_together(open_page, both, phantom_headers, name):
    page = open_page((both / name).as_uri(), offline=True)
    root = page if name == "page.html" else page.frame_locator("iframe")
    one, other = (root.locator(".dv").nth(number) for number in (0, 1))
    first = _volume(phantom_headers, "P01-reference")
    for number in (10, 70):
        one.get_by_label("Slice", exact=True).fill(str(number))
        one.locator(f'{MAIN}[data-slice="axial {number}"]').wait_for(timeout=20_000)
        page.wait_for_timeout(600)
        _, second = (
            float(viewer.locator(MAIN).get_attribute("aria-label").split("z ")[1].split(" mm")[0])
            for viewer in (one, other)
        )
        height = (first.affine @ [number, 0, 0, 1])[2]
        assert abs(second - height) <= 5.1, "to the nearest slice"
        assert _index(one) == number, "and the other does not pull it back"


@pytest.mark.parametrize("name", ["page.html", "frame_taken_out.html"])
def test_without_scripts_or_frames_the_pictures_show(open_page, both, name):
    page = open_page((both / name).as_uri(), offline=True, java_script_enabled=False)
    images = page.locator("img").all()
    assert len(images) == 2 and all(image.is_visible() for image in images)
    assert all(image.bounding_box()["width"] > 400 for image in images)


def test_every_control_has_a_name_and_can_be_reached_by_key(open_page, saved):
    page = open_page(saved.as_uri(), offline=True)
    page.wait_for_timeout(500)
    controls = page.locator(".dv select, .dv input, .dv button, .dv-views > canvas, .dv > canvas")
    controls = controls.filter(visible=True)
    names = controls.evaluate_all("all => all.map(e => e.ariaLabel || e.textContent)")
    assert all(name.strip() for name in names) and len(names) >= 10
    reached = []
    for _ in range(len(names)):
        page.keyboard.press("Tab")
        focus = "document.activeElement"
        reached.append(page.evaluate(f"{focus}.ariaLabel || {focus}.textContent"))
    assert len(set(reached)) == len(names), "each one is reached"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus can be seen"


def test_touch_drags(open_page, saved):
    narrow = {"width": 420, "height": 900}
    page = open_page(saved.as_uri(), offline=True, has_touch=True, viewport=narrow)
    page.wait_for_timeout(500)
    viewer = page.locator(".dv")
    viewer.get_by_label("Drag", exact=True).select_option("slice")
    box = viewer.locator(MAIN).bounding_box()
    assert box["width"] <= 420, "it fits a narrow page"
    client = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + 60
    for step, kind in enumerate(["touchStart", *["touchMove"] * 5]):
        event = {"type": kind, "touchPoints": [{"x": x, "y": y + 20 * step}]}
        client.send("Input.dispatchTouchEvent", event)
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(300)
    assert viewer.locator(MAIN).get_attribute("data-slice") != "axial 12"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_light_and_dark(open_page, saved, scheme):
    page = open_page(saved.as_uri(), offline=True, color_scheme=scheme)
    page.wait_for_timeout(300)
    text = page.evaluate("getComputedStyle(document.querySelector('.dv')).color")
    dark_text = sum(map(float, text[4:-1].split(",")[:3])) < 300
    assert dark_text == (scheme == "light"), text


def test_hostile_headers_run_nothing_anywhere(open_page, phantom, tmp_path):
    """Every page on a collection whose headers attack, and a saved viewer of it."""
    collection = tmp_path / "collection"
    _write_hostile(phantom, collection)
    command = [
        sys.executable,
        "-m",
        "helpers.site",
        str(collection),
        "--site",
        str(tmp_path / "site"),
    ]
    subprocess.run(command, cwd=NOTEBOOKS.parent, check=True, stdout=subprocess.DEVNULL)
    slices = slice_table(header_table(collection, progress=False))
    volume = load_volume(slices.loc[stack_table(slices).index[0]])
    framed = browse(volume)._repr_mimebundle_()["text/html"]
    (tmp_path / "site" / "viewer.html").write_text(framed, encoding="utf-8")
    browse(volume).save_html(tmp_path / "site" / "saved.html")
    for name in sorted((tmp_path / "site").glob("*.html")):
        page = open_page(name.as_uri(), offline=True)
        page.wait_for_timeout(700)
        assert "owned" not in {page.title(), *(frame.title() for frame in page.frames)}, name
        assert not page.locator("img[src=x], svg[onload]").count(), name
        assert page.evaluate("document.documentElement.scrollWidth") < 3000, name
    assert page.locator(".dv").count() or page.frames


def test_small_ranges_and_curves_can_be_windowed_by_hand(open_page, tmp_path):
    affine = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    ramp = np.broadcast_to(np.linspace(0, 1, 60, dtype=np.float32), (10, 40, 60)).copy()
    browse(Volume(ramp, affine)).save_html(tmp_path / "page.html")
    page = open_page((tmp_path / "page.html").as_uri(), offline=True)
    page.wait_for_timeout(500)
    viewer = page.locator(".dv")
    center, width = _dragged(page, viewer, (100, 100), (60, 100))
    assert center == pytest.approx(0.5, abs=0.05) and 0.8 < width < 1, "the values' range"
    viewer.get_by_label("Window", exact=True).select_option(label="equal frequency")
    viewer.get_by_label("Center").fill("0.4")
    assert float(viewer.get_by_label("Width").input_value()) > 0.5


def test_three_planes_can_be_put_away(open_page, saved):
    page = open_page(saved.as_uri(), offline=True)
    page.wait_for_timeout(500)
    assert page.locator(".dv-side canvas").first.is_visible()
    page.get_by_label("Three planes").uncheck()
    page.wait_for_timeout(200)
    assert not page.locator(".dv-side canvas").first.is_visible()


def test_the_pointer_follows_the_zoom(open_page, saved, volume):
    page = open_page(saved.as_uri(), offline=True)
    page.wait_for_timeout(700)
    viewer = page.locator(".dv")
    box = viewer.locator(MAIN).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.4)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    before = viewer.locator("output").first.inner_text()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.4)
    assert before and viewer.locator("output").first.inner_text() == before


def test_the_picture_of_the_readme_shows_what_the_viewer_does(phantom, chromium):
    with Image.open(PICTURE) as file:
        shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(file)]
    for one, other in zip(frames(phantom, chromium), shown, strict=True):
        ours, theirs = (
            np.asarray(picture.convert("L").resize((60, 50), Image.Resampling.BOX), float)
            for picture in (one, other)
        )
        assert np.abs(ours - theirs).mean() < 6, "make picture draws it anew"


# a group, and one volume over another, on a page of their own


def _levels(count):
    """Volumes of one grid, each 100 brighter than the last, whose columns rise."""
    affine = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    ramp = np.broadcast_to(np.arange(60, dtype=np.int16), (10, 60, 60))
    return [Volume(ramp + 100 * number, affine, "HU") for number in range(count)]


def _refusing(volumes, lost):
    def load(number):
        if number == lost:
            raise ClearError("<b>expected</b> a regular grid, got 1 gap")
        return volumes[number]

    return load


@pytest.fixture(scope="module")
def group_page(tmp_path_factory):
    """Four echoes, the third of which cannot be loaded."""
    volumes, path = _levels(4), tmp_path_factory.mktemp("group") / "page.html"
    labels = [f"TE {number + 1}0 ms" for number in range(4)]
    members = VolumeGroup("Echo", labels, _refusing(volumes, 2))
    VolumeBrowser(volumes[0], members=members).save_html(path)
    return path, volumes


def test_a_saved_page_moves_through_a_group(open_page, group_page):
    path, volumes = group_page
    page = open_page(path.as_uri(), offline=True)
    viewer, window = page.locator(".dv"), (200, 400)
    viewer.get_by_label("Center").fill("200")
    viewer.get_by_label("Width").fill("400")
    viewer.get_by_label("Slice", exact=True).fill("3")
    assert _agrees(_shown(viewer), volumes[0], "axial", 3, window)
    slider = viewer.get_by_label("Echo", exact=True)
    slider.fill("1")
    _labelled(viewer, "TE 20 ms")
    assert _agrees(_shown(viewer), volumes[1], "axial", 3, window), "plane, slice, window stay"
    viewer.get_by_label("Plane", exact=True).select_option("coronal")
    slider.fill("3")
    _labelled(viewer, "TE 40 ms; coronal slice 31 of 60")
    page.wait_for_timeout(500)
    assert _agrees(_shown(viewer), volumes[3], "coronal", _index(viewer), window)


def test_a_member_that_is_lost_is_a_line_and_is_stepped_over(open_page, group_page):
    page = open_page(group_page[0].as_uri(), offline=True)
    viewer = page.locator(".dv")
    slider = viewer.get_by_label("Echo", exact=True)
    slider.fill("2")
    status = viewer.locator(".dv-words .dv-status")
    status.get_by_text("TE 30 ms: <b>expected</b> a regular grid, got 1 gap").wait_for()
    assert slider.input_value() == "0", "what is shown is what the slider says"
    viewer.locator(MAIN).focus()
    for key, words in [("]", "TE 20 ms"), ("]", "TE 40 ms"), ("[", "TE 20 ms")]:
        page.keyboard.press(key)
        _labelled(viewer, words)
    assert status.inner_text() == ""


def test_a_group_is_played(open_page, group_page):
    page = open_page(group_page[0].as_uri(), offline=True)
    viewer = page.locator(".dv")
    viewer.get_by_label("Play through").select_option(label="Echo")
    viewer.get_by_text("Play", exact=False).first.click()
    for words in ("TE 20 ms", "TE 40 ms", "TE 10 ms", "TE 20 ms"):
        _labelled(viewer, words)
    viewer.get_by_text("Stop", exact=False).first.click()
    assert _index(viewer) == 5, "and the slice stays"


@pytest.fixture(scope="module")
def fused_page(tmp_path_factory):
    """A flat volume; over its left half, in the patient, lies one that rises by 0.1 a mm."""
    base = replace(_levels(1)[0], array=np.zeros((10, 60, 60), np.int16), frame_of_reference="1.2")
    affine = np.diag([4.0, 4.0, 4.0, 1.0])[[2, 1, 0, 3]]
    affine[0, 3] = 30
    array = np.broadcast_to(3 + 0.4 * np.arange(8), (6, 15, 8)).astype(np.float32)
    over = Volume(array, affine, "SUVbw", frame_of_reference="1.2")
    path = tmp_path_factory.mktemp("fused") / "page.html"
    VolumeBrowser(base, over=over, over_window=(4, 4), window=(0, 400)).save_html(path)
    return path


def test_opacity_changes_the_picture_and_the_pointer_reads_both(open_page, fused_page):
    page = open_page(fused_page.as_uri(), offline=True)
    viewer = page.locator(".dv")
    viewer.get_by_label("Three planes").uncheck()
    shown = {}
    for opacity in (0, 50, 100):
        viewer.get_by_label("Opacity").fill(str(opacity))
        shown[opacity] = _shown(viewer)
    height, width = shown[0].shape[:2]
    left, right = (np.s_[height // 2 + 40, int(width * x / 60)] for x in (15, 50))
    grey, colour = shown[0][right], shown[100][right]
    assert np.ptp(grey) == 0 and np.ptp(colour) > 60
    assert shown[50][right] == pytest.approx((grey + colour) / 2, abs=3)
    assert all((shown[opacity][left] == shown[0][left]).all() for opacity in shown), "nothing there"
    box = viewer.locator(MAIN).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 50.5 / 60, box["y"] + box["height"] * 0.6)
    page.wait_for_timeout(100)
    words = viewer.locator("output").first.inner_text()
    value = float(re.match(r"0 HU; ([\d.]+) SUVbw at x 50\.0 ", words)[1])
    assert value == pytest.approx(5, abs=0.05), "3 + 0.1 for each of 20 mm"
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.6)
    page.wait_for_timeout(100)
    assert viewer.locator("output").first.inner_text().startswith("0 HU at x ")


def test_the_window_of_what_lies_over_is_dragged_and_set_by_itself(open_page, fused_page):
    page = open_page(fused_page.as_uri(), offline=True)
    viewer = page.locator(".dv")
    _shown(viewer)
    viewer.get_by_label("Drag", exact=True).select_option(label="overlay window")
    before = float(viewer.get_by_label("Overlay center").input_value())
    assert _dragged(page, viewer, (100, 100), (100, 60)) == [0, 400], "the one below stays"
    assert float(viewer.get_by_label("Overlay center").input_value()) < before
    viewer.get_by_label("Overlay window").select_option(label="whole range")
    assert float(viewer.get_by_label("Overlay center").input_value()) == pytest.approx(4.4, abs=0.1)
