"""The viewer by keyboard, finger and screen reader, in a real browser: `make test-all`."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import test_in_browser
from PIL import Image
from test_in_browser import MAIN, _index, _shown

from helpers import Volume, browse, header_table, slice_table
from helpers.viewer.browse import StaticViewer
from helpers.viewer.images_html import ImagesPage
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.viewer.volume_group import VolumeGroup

pytestmark = pytest.mark.browser
chromium, open_page = test_in_browser.chromium, test_in_browser.open_page  # fixtures
AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
VIOLATIONS = """
async () => (await axe.run(document.querySelectorAll('.dv, .dv dialog'))).violations.map(
  (one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)
"""
SPOT = 200  # of a voxel in a volume of zeros


def _spotted(shape, at, spacing):
    """Zeros with one voxel that stands out, feet first."""
    array = np.zeros(shape, np.int16)
    array[at] = SPOT
    affine = np.diag([*spacing, 1.0])[[2, 1, 0, 3]]
    return Volume(array, affine, "HU", frame_of_reference="1.2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def single(folder):
    """A volume of 20 slices whose pixels are no squares, with a spot near a corner."""
    path = folder / "single.html"
    browse(_spotted((20, 30, 60), (10, 5, 54), (3.0, 2.0, 1.0)), window=(100, 200)).save_html(path)
    return path.as_uri()


@pytest.fixture(scope="module")
def whole(folder):
    """A viewer with all that it may have: a group, a volume over it."""
    volumes = [_spotted((6, 30, 30), (3, 4, 5), (2.0, 1.0, 1.0)) for _ in range(3)]
    over = _spotted((6, 30, 30), (3, 4, 5), (2.0, 1.0, 1.0))
    members = VolumeGroup("Echo", ["1 ms", "2 ms", "3 ms"], volumes.__getitem__)
    path = folder / "whole.html"
    VolumeBrowser(volumes[0], members=members, over=over).save_html(path)
    return path.as_uri()


@pytest.fixture(scope="module")
def long_page(folder, single):
    """The viewer between texts, in a page that scrolls."""
    path = folder / "long.html"
    text = Path(single.removeprefix("file://")).read_text(encoding="utf-8")
    space = '<div style="height: 1500px">text</div>'
    text = text.replace("<section>", f"{space}<section>", 1)
    path.write_text(text.replace("</section>", f"</section>{space}", 1), encoding="utf-8")
    return path.as_uri()


def _opened(open_page, address, **options):
    page = open_page(address, offline=True, **options)
    page.locator(f"{MAIN}[data-slice]:not([data-waiting])").first.wait_for()
    return page, page.locator(".dv").first


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_axe_finds_nothing_on_a_saved_page(open_page, whole, scheme, width):
    viewport = {"width": width, "height": 900}
    page, viewer = _opened(open_page, whole, color_scheme=scheme, viewport=viewport)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(VIOLATIONS) == []
    if width == 360:
        viewer.get_by_role("button", name="More").click()
        assert page.evaluate(VIOLATIONS) == []
    viewer.get_by_role("button", name="Keys and help").click()
    assert page.evaluate(VIOLATIONS) == []


def _spot(viewer, near):
    """The middle of what is white, in CSS pixels, at most 70 from a place."""
    shown = _shown(viewer)
    rows, columns = np.nonzero((shown.min(axis=2) > 140) & (np.ptp(shown, axis=2) < 3))
    close = np.hypot(rows + 0.5 - near[1], columns + 0.5 - near[0]) < 70
    assert close.sum() > 20, "the spot is in view"
    return columns[close].mean() + 0.5, rows[close].mean() + 0.5


def _cross(viewer):
    """Where the lines of the point cross, in CSS pixels."""
    shown = _shown(viewer)
    blue = (shown[..., 2] - shown[..., 0] > 60) & (shown[..., 2] > 120)
    across, down = (blue.sum(axis=axis).astype(float) for axis in (0, 1))
    across[across < 0.6 * across.max()] = down[down < 0.6 * down.max()] = 0
    return tuple((np.arange(len(one)) + 0.5) @ one / one.sum() for one in (across, down))


def _until(page, expression):
    """Waits for what a page says; its own policy forbids the waiting that playwright has."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(expression)


def _place(viewer, x, y):
    """A place of the page, in whole pixels as of a mouse, of one on the large picture."""
    box = viewer.locator(MAIN).bounding_box()
    return round(box["x"] + x), round(box["y"] + y)


def _on(viewer, place):
    """A place on the large picture, of one of the page."""
    box = viewer.locator(MAIN).bounding_box()
    return np.array(place) - [box["x"], box["y"]]


def _notches(page, place, count):
    page.mouse.move(*place)
    page.keyboard.down("Control")
    for _ in range(count):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_six_notches_on_what_is_near_an_edge_leave_it_under_the_pointer(open_page, single, plane):
    page, viewer = _opened(open_page, single)
    viewer.get_by_label("Plane", exact=True).select_option(plane)
    page.wait_for_timeout(200)
    page.mouse.dblclick(*(place := _place(viewer, 470, 25)))
    before = _on(viewer, place)
    assert _cross(viewer) == pytest.approx(before, abs=1)
    _notches(page, place, 6)
    assert _cross(viewer) == pytest.approx(before, abs=1)


@pytest.fixture(scope="module")
def letterboxed(folder):
    """Two images of 400 × 300 pixels that are twice as wide as high, a spot near a corner."""
    down, right = np.mgrid[:400, :300]
    spot = SPOT * np.exp(-((down - 40) ** 2 + 4 * (right - 270) ** 2) / 50)
    (folder / "images").mkdir()
    for number in (1, 2):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        dataset.SOPInstanceUID, dataset.SeriesInstanceUID = f"1.2.{number}", f"1.3.{number}"
        dataset.StudyInstanceUID, dataset.Modality, dataset.PatientID = "1.4", "CR", "one"
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 400, 300, 1
        dataset.PixelSpacing, dataset.PhotometricInterpretation = [1, 2], "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation, dataset.WindowCenter, dataset.WindowWidth = 0, 100, 200
        dataset.PixelData = spot.astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.save_as(folder / "images" / f"{number}.dcm", enforce_file_format=True)
    page = folder / "letterboxed.html"
    ImagesPage(slice_table(header_table(folder / "images", progress=False))).save_html(page)
    return page.as_uri()


def test_images_in_a_wider_frame_are_zoomed_about_the_pointer_too(open_page, letterboxed):
    page, viewer = _opened(open_page, letterboxed)
    box = viewer.locator(MAIN).bounding_box()
    scale = box["width"] / 600
    top = (box["height"] - 400 * scale) / 2
    assert top > 20, "above and below the picture there is a frame"
    before = _spot(viewer, (541 * scale, top + 40.5 * scale))
    _notches(page, place := _place(viewer, *before), 6)
    pointer = _on(viewer, place)
    expected = pointer + np.exp(2) * (before - pointer)  # it was next to the pointer
    assert _spot(viewer, expected) == pytest.approx(expected, abs=2)


# fingers


def _fingers(page):
    """Sends touches: a list of places for each moment; the last is lifted."""
    client = page.context.new_cdp_session(page)

    def send(*moments):
        for number, places in enumerate(moments):
            before = len(moments[number - 1]) if number else 0
            kind = "touchStart" if len(places) > before else "touchMove"
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            page.wait_for_timeout(30)
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(400)

    return send


PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 400, "height": 800}}


def _to_the_viewer(page, viewer):
    page.evaluate("document.querySelector('.dv').scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(200)
    box = viewer.locator(MAIN).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _moved_up(x, y, way):
    return [[(x, y - way * part / 6)] for part in range(7)]


def test_one_finger_scrolls_the_page_until_the_picture_is_tapped(open_page, long_page):
    page, viewer = _opened(open_page, long_page, **PHONE)
    x, y = _to_the_viewer(page, viewer)
    touch, top = _fingers(page), page.evaluate("scrollY")
    said = viewer.locator(MAIN).get_attribute("aria-valuetext")
    touch(*_moved_up(x, y, 120))
    assert page.evaluate("scrollY") > top + 60, "the page goes on"
    assert viewer.locator(MAIN).get_attribute("aria-valuetext") == said, "and nothing else"
    x, y = _to_the_viewer(page, viewer)
    top = page.evaluate("scrollY")
    touch([(x, y)])
    assert page.evaluate("document.activeElement === document.querySelector('canvas')")
    page.keyboard.press("s")  # as the Drag menu would
    before = _index(viewer)
    touch(*_moved_up(x, y, 120))
    assert page.evaluate("scrollY") == top and _index(viewer) > before, "up is towards the head"


def test_two_fingers_zoom_and_move_what_lies_between_them(open_page, single):
    page, viewer = _opened(open_page, single, has_touch=True)
    page.mouse.dblclick(*_place(viewer, 400, 100))
    said = viewer.locator(MAIN).get_attribute("aria-valuetext")
    touch, (x, y) = _fingers(page), _place(viewer, 400, 100)
    way = [(part, x - 120 * part, y + 90 * part) for part in np.linspace(0, 1, 6)]
    touch(*[[(a - 15 - 30 * part, b), (a + 15 + 30 * part, b)] for part, a, b in way])
    assert _cross(viewer) == pytest.approx((280, 190), abs=2)
    assert viewer.locator(MAIN).get_attribute("aria-valuetext") == said, "no slice, no window"


# wheel


def test_the_wheel_scrolls_the_page_until_the_picture_has_the_focus(open_page, long_page):
    page, viewer = _opened(open_page, long_page)
    x, y = _to_the_viewer(page, viewer)
    top = page.evaluate("scrollY")
    page.mouse.move(x, y)
    page.mouse.wheel(0, 100)
    _until(page, f"scrollY > {top + 50}")
    assert viewer.locator(MAIN).get_attribute("data-slice") == "axial 10"
    assert "Click or tap" in viewer.locator(".dv-hint").inner_text()
    x, y = _to_the_viewer(page, viewer)
    viewer.locator(MAIN).click()
    page.mouse.wheel(0, 100)
    page.wait_for_timeout(300)
    assert viewer.locator(MAIN).get_attribute("data-slice") == "axial 9", "towards the feet"
    for _ in range(14):
        page.mouse.wheel(0, 100)
    page.wait_for_timeout(500)
    assert viewer.locator(MAIN).get_attribute("data-slice") == "axial 0"
    assert page.evaluate("scrollY") == top, "and at the end the page stays where it is"
    page.keyboard.press("Escape")
    page.mouse.wheel(0, 100)
    _until(page, f"scrollY > {top + 50}")


@pytest.mark.parametrize(
    "plane, letters, on", [("axial", "HF", -1), ("coronal", "AP", 1), ("sagittal", "RL", 1)]
)
def test_down_is_on_in_the_picture_and_its_slider_whose_ends_are_named(
    open_page, single, plane, letters, on
):
    page, viewer = _opened(open_page, single)
    viewer.get_by_label("Plane", exact=True).select_option(plane)
    viewer.locator(f'{MAIN}[data-slice^="{plane}"]').wait_for()
    start, slider = _index(viewer), viewer.get_by_label("Slice", exact=True)
    assert "".join(viewer.locator(".dv-slice b").all_inner_texts()) == letters
    for reached in (viewer.locator(MAIN), slider):
        reached.focus()
        for key, expected in [("ArrowDown", on), ("ArrowUp", 0), ("PageDown", 10 * on)]:
            page.keyboard.press(key)
            page.wait_for_timeout(150)
            assert _index(viewer) == np.clip(start + expected, 0, int(slider.get_attribute("max")))
        page.keyboard.press("Home")
        page.wait_for_timeout(150)
        assert _index(viewer) == (0 if on > 0 else int(slider.get_attribute("max")))
        thumb = slider.evaluate("one => one.dir === 'rtl' ? one.max - one.value : +one.value")
        assert thumb == 0, "the first one is at the slider's left end"
        slider.fill(str(start))


# keys


def test_everything_can_be_done_by_keys(open_page, single):
    page, viewer = _opened(open_page, single)
    viewer.get_by_label("Three planes").uncheck()
    main, output = viewer.locator(MAIN), viewer.locator("output")
    main.focus()
    value = lambda: main.get_attribute("aria-valuetext")  # noqa: E731
    press = lambda *keys: [page.keyboard.press(key) for key in keys]  # noqa: E731
    assert value() == "slice 11 of 20, z +30.0 mm; custom: C 100 W 200 HU"
    press("w", "Alt+ArrowRight", "Alt+ArrowDown")
    page.wait_for_timeout(200)
    assert "C 10" in value() and "C 100 W 200" not in value()
    spot = _spot(viewer, (54.5 * 512 / 60, 5.5 * 512 / 30))
    press("+", "+", "m", *["Alt+ArrowLeft"] * 25, *["Alt+ArrowDown"] * 15)
    zoomed = 256 + (np.array(spot) - 256) * 1.25**2 + [-200, 120]
    assert _spot(viewer, zoomed) == pytest.approx(zoomed, abs=2)
    press("0")
    assert _spot(viewer, spot) == pytest.approx(spot, abs=1)
    press("p", *["Alt+ArrowRight"] * 3)
    viewer.get_by_label("Plane", exact=True).select_option("sagittal")
    page.wait_for_timeout(300)
    assert _index(viewer) == 33, "three to the left of the middle, 30"
    main.focus()
    press("Space")
    viewer.get_by_role("button", name="Stop").wait_for()
    press("Space", "?")
    page.get_by_role("dialog").get_by_text("zoom about the pointer").wait_for()
    press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert main.evaluate("one => one === document.activeElement"), "back where one was"
    assert output.get_attribute("aria-live") == "off", "the pointer is not spoken"


def test_a_screen_reader_hears_of_slice_position_and_window_but_not_while_it_plays(
    open_page, single
):
    page, viewer = _opened(open_page, single)
    main = viewer.locator(MAIN)
    assert main.get_attribute("role") == "slider"
    said = [main.get_attribute(f"aria-value{part}") for part in ("min", "max", "now", "text")]
    assert said == ["1", "20", "11", "slice 11 of 20, z +30.0 mm; custom: C 100 W 200 HU"]
    viewer.get_by_role("button", name="▶ Play").click()
    _until(page, "document.querySelector('canvas').dataset.slice !== 'axial 10'")
    assert main.get_attribute("aria-valuenow") == "11"
    viewer.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(200)
    assert int(main.get_attribute("aria-valuenow")) == _index(viewer) + 1


def _slices_played(page, viewer, ms):
    seen = "new Set()"
    page.evaluate(
        f"window.seen = {seen}; new MutationObserver(() => seen.add("
        "document.querySelector('canvas').dataset.slice)).observe("
        "document.querySelector('canvas'), { attributeFilter: ['data-slice'] })"
    )
    viewer.get_by_role("button", name="▶ Play").click()
    page.wait_for_timeout(ms)
    viewer.get_by_role("button", name="Stop").click()
    return page.evaluate("seen.size")


def test_play_goes_slowly_for_who_asks_for_less_motion(open_page, single):
    page, viewer = _opened(open_page, single, reduced_motion="reduce")
    assert 2 <= _slices_played(page, viewer, 2000) <= 5, "two a second"


# words, menus, files


def test_value_and_place_are_read_on_every_picture(open_page, single):
    page, viewer = _opened(open_page, single)
    page.mouse.move(*_place(viewer, 54.5 * 512 / 60, 5.5 * 512 / 30))
    page.wait_for_timeout(200)
    words = viewer.locator("output").first.inner_text()
    assert words.split(" at ")[1] == "x 54.0 (L), y 10.0 (P), z 30.0 (H) mm; row 5, column 54"
    assert float(words.split(" HU")[0]) == pytest.approx(SPOT, abs=20)
    box = viewer.locator(".dv-side canvas").first.bounding_box()  # coronal
    page.mouse.move(box["x"] + box["width"] * 54.5 / 60, box["y"] + box["height"] * 2.5 / 20)
    page.wait_for_timeout(200)
    words = viewer.locator("output").first.inner_text()
    assert words.endswith("x 54.0 (L), y 30.0 (P), z 51.0 (H) mm; row 2, column 54")


def test_the_window_menu_says_custom_and_the_histogram_is_as_wide_as_the_picture(open_page, single):
    _, viewer = _opened(open_page, single)
    menu = viewer.get_by_label("Window", exact=True)
    menu.select_option(label="whole range")
    viewer.get_by_label("Center").fill("321")
    chosen = "menu => menu.selectedOptions[0].text"
    assert menu.evaluate(chosen) == "custom"
    menu.select_option(label="whole range")
    assert menu.evaluate(chosen) == "whole range"
    boxes = [viewer.locator(one).bounding_box() for one in (MAIN, ":scope > canvas")]
    assert boxes[0]["width"] == boxes[1]["width"]


def test_a_picture_is_saved_as_it_is_seen(open_page, single, tmp_path):
    page, viewer = _opened(open_page, single)
    with page.expect_download() as download:
        viewer.get_by_role("button", name="Save picture").click()
    assert download.value.suggested_filename == "axial-slice-11.png"
    download.value.save_as(tmp_path / "saved.png")
    with Image.open(tmp_path / "saved.png") as saved:
        assert (np.asarray(saved.convert("RGB")) == _shown(viewer)).all()


def test_viewers_of_one_page_zoom_together_and_a_single_one_shares_nothing(open_page, folder):
    volumes = [_spotted((20, 60, 60), (10, 40, 20), (3.0, 1.0, 1.0))]
    volumes += [_spotted((10, 40, 40), (5, 20, 10), (6.0, 2.0, 2.0))]  # the same place
    path = folder / "two.html"
    StaticViewer(*volumes, window=(100, 200)).save_html(path)
    page, one = _opened(open_page, path.as_uri(), viewport={"width": 1300, "height": 2000})
    other = page.locator(".dv").nth(1)
    page.mouse.dblclick(*(place := _place(one, 175, 346)))
    before = _on(one, place)
    _notches(page, place, 3)
    assert _cross(one) == pytest.approx(before, abs=1)
    middle = np.subtract(before, 256)
    assert _cross(other) == pytest.approx(256 + middle, abs=1.5), "the same at the same place"
    page.mouse.move(0, 0)
    one.get_by_role("button", name="Fit").click()
    page.wait_for_timeout(200)
    whole = np.array(_cross(one)) * 60 / 80 + 0.5 * 512 / 80  # 80 mm are seen of it, from -1 on
    assert _cross(other) == pytest.approx(whole, abs=2), "each one whole"


def test_a_narrow_page_has_few_rows_of_controls(open_page, single):
    page, viewer = _opened(open_page, single, viewport={"width": 360, "height": 800})
    top, left = viewer.locator(MAIN).bounding_box()["y"], viewer.bounding_box()
    assert top - left["y"] < 110, "three rows"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert viewer.get_by_label("Center").is_hidden()
    viewer.get_by_role("button", name="More").click()
    assert viewer.get_by_label("Center").is_visible()
