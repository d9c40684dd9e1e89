"""Measuring with mouse, keys and fingers in a real browser, part of `make test-all`."""

import re
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import test_in_browser
from pydicom import examples
from test_images_in_browser import _lab_notebook
from test_in_browser import LAB, MAIN, Server

from helpers import Window, header_table, load_slice, slice_table
from helpers.viewer.images_html import ImagesPage
from helpers.viewer.measurements import shape_values
from helpers.viewer.standalone_html import save_html

pytestmark = pytest.mark.browser
chromium, open_page = test_in_browser.chromium, test_in_browser.open_page  # fixtures
ROWS, COLUMNS = 24, 30
MADE = f"""
import numpy as np
from helpers import Volume
slices, rows, columns = np.mgrid[:12, :{ROWS}, :{COLUMNS}]
array = 10 * slices + 7 * rows + 3 * columns - 100
affine = np.array([[0, 0.2, 0.9, -13], [0.6, 1.4, 0, -16], [3, 0.1, 0.1, -18], [0, 0, 0, 1.0]])
sheared = Volume(array=array.astype(np.int16), affine=affine, unit="HU", padding=columns < 4)
suv = Volume(array=(array / 71).astype(np.float32), affine=affine, unit="SUVbw")
"""
SPACE = {}
exec(MADE, SPACE)  # the notebook's own volumes
SHEARED, SUV = SPACE["sheared"], SPACE["suv"]
CORNERS = (4.5, 2.5), (14.5, 21.5)  # between pixels: rows 5 to 14, columns 3 to 21
BOX = np.s_[5:15, 3:22]
GREEN = """
(canvas) => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]
  .filter((red, i, all) => i % 4 === 0 && red === 93 && all[i + 1] === 255 && all[i + 2] === 169)
  .length
"""


def _at(page, shape, spacing, pixel):
    """Where a pixel of the picture lies on the page, CSS pixels."""
    box, (rows, columns), (down, right) = page.locator(MAIN).bounding_box(), shape[:2], spacing
    scale = min(box["width"] / (columns * right), box["height"] / (rows * down))
    left = box["x"] + (box["width"] - columns * right * scale) / 2
    top = box["y"] + (box["height"] - rows * down * scale) / 2
    return left + (pixel[1] + 0.5) * right * scale, top + (pixel[0] + 0.5) * down * scale


def _drag(page, image, tool, *pixels):
    """Draws with a tool from one pixel of a picture to the next."""
    page.get_by_label("Drag", exact=True).select_option(tool)
    places = [_at(page, image.array.shape, image.spacing, pixel) for pixel in pixels]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=3)
    page.mouse.up()
    for place in places[2:]:
        page.mouse.move(*place)
        page.mouse.down()
        page.mouse.up()


def _said(page):
    """The list of measurements, when no value has to come."""
    page.wait_for_function(
        "!document.querySelector('.dv-measures').textContent.includes('…')", timeout=20_000
    )
    page.wait_for_timeout(200)
    return page.locator(
        ".dv-measures .dv-row button:not([aria-label])[aria-pressed]"
    ).all_inner_texts()


def _numbers(text):
    """What a text says of the values in an area."""
    names = {"mean": "mean", "sd": "SD", "min": "min", "max": "max", "n": "n"}
    return {
        name: float(re.search(rf"\b{word} (-?[\d.e+-]+)", text)[1]) for name, word in names.items()
    }


def _length(text):
    return float(re.search(r"distance, ([\d.]+) mm", text)[1])


def _open_volume(open_page, tmp_path, volume, **shown):
    path = tmp_path / "volume.html"
    save_html(path, volume, plane="axial", **shown)
    page = open_page(path.as_uri())
    page.wait_for_selector(f"{MAIN}[data-slice]:not([data-waiting])")
    page.wait_for_timeout(500)
    return page


@pytest.mark.parametrize("volume", [SHEARED, SUV], ids=["sheared, padding", "SUV"])
def test_a_saved_page_says_about_what_numpy_does(open_page, tmp_path, volume):
    page = _open_volume(open_page, tmp_path, volume)
    picture = volume.slice("axial", 6)
    _drag(page, picture, "rectangle", *CORNERS)
    (top, left), (bottom, right) = CORNERS
    _drag(page, picture, "ellipse", (bottom, left), (top, right))  # where no end is taken
    texts = _said(page)
    for text, kind in zip(texts, ("rectangle", "ellipse")):
        values = shape_values(picture, kind, np.array(CORNERS))
        assert f"{kind}, about mean" in text and "axial slice 7" in text and volume.unit in text
        found, step = _numbers(text), 2 * np.ptp(volume.array) / 255
        assert found["n"] == values["n"]
        assert all(abs(found[name] - values[name]) < step for name in ("mean", "sd", "min", "max"))
        assert (f"{values['padding']} of padding left out" in text) is (values["padding"] > 0)
    area = float(re.search(r"([\d.]+) mm²", texts[0])[1])
    expected = 10 * 19 * np.linalg.norm(np.cross(*volume.affine[:3, 1:3].T))
    assert area == pytest.approx(expected, rel=0.02), "to a pixel of the screen"


def test_distance_and_angle_are_those_in_the_patient(open_page, tmp_path):
    page, picture = _open_volume(open_page, tmp_path, SHEARED), SHEARED.slice("axial", 6)
    pixels = (4, 5), (14, 20), (18, 9)
    _drag(page, picture, "distance", *pixels[:2])
    _drag(page, picture, "angle", *pixels[::-1])
    one, corner, other = ((SHEARED.affine_of("axial", 6) @ [0, *pixel, 1])[:3] for pixel in pixels)
    distance, angle = _said(page)
    expected = np.linalg.norm(one - corner)
    assert _length(distance) == pytest.approx(expected, rel=0.01)
    a, b = one - corner, other - corner
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    found = float(re.search(r"([\d.]+)°", angle)[1])
    assert found == pytest.approx(np.degrees(np.arccos(cosine)), abs=0.6)


def test_an_end_is_dragged_undone_taken_away_and_copied(open_page, tmp_path):
    page, picture = _open_volume(open_page, tmp_path, SHEARED), SHEARED.slice("axial", 6)
    _drag(page, picture, "distance", (4, 5), (4, 15))
    before = _said(page)[0]
    assert _length(before) == pytest.approx(10 * SHEARED.spacing[2], rel=0.02)
    page.get_by_label("Drag", exact=True).select_option("window")
    start, end = (
        _at(page, picture.array.shape, picture.spacing, pixel) for pixel in ((4, 15), (4, 25))
    )
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    page.mouse.up()
    found = _length(_said(page)[0])
    assert found == pytest.approx(20 * SHEARED.spacing[2], rel=0.02), "every tool takes its ends"
    page.keyboard.press("Control+z")
    assert _said(page)[0].split(" (")[0] == before.split(" (")[0]
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; }")
    page.get_by_role("button", name="Copy as text").click()
    page.get_by_text("Copied.").wait_for()
    number, kind, where, length = page.evaluate("window.copied").split("\t")
    assert (number, kind, where) == ("1", "distance", "axial slice 7") and length.endswith(" mm")
    page.locator(MAIN).focus()
    page.keyboard.press("Delete")
    assert _said(page) == []
    page.get_by_role("button", name="Undo").click()
    assert len(_said(page)) == 1
    page.get_by_role("button", name="Clear").click()
    assert _said(page) == []


def test_what_is_half_drawn_is_taken_back_before_all_else(open_page, tmp_path):
    page, picture = _open_volume(open_page, tmp_path, SHEARED), SHEARED.slice("axial", 6)
    at = [_at(page, picture.array.shape, picture.spacing, pixel) for pixel in ((2, 20), (8, 22))]
    _drag(page, picture, "distance", (2, 2), (2, 20))
    _drag(page, picture, "rectangle", (10, 4), (15, 20))
    other = _said(page)[1].split(" (")[0].replace("2: ", "1: ")
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=3)
    page.keyboard.press("Delete")
    page.mouse.up()
    assert _said(page) == [other], "the other one is not drawn over"
    page.get_by_label("Drag", exact=True).select_option("angle")
    for place in at:
        page.mouse.move(*place)
        page.mouse.down()
        page.mouse.up()
    row = page.locator(".dv-measures button[aria-pressed]", has_text="2: angle")
    row.click()  # it has no place yet to go to
    assert len(_said(page)) == 2
    page.get_by_role("button", name="Undo").click()
    assert _said(page) == [other]
    page.get_by_role("button", name="Undo").click()
    assert len(_said(page)) == 2 and "distance" in _said(page)[0]


def test_a_unit_without_end_widens_no_page(open_page, tmp_path):
    page = _open_volume(open_page, tmp_path, replace(SHEARED, unit="u" * 300))
    page.locator(MAIN).focus()
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    assert len(_said(page)) == 1
    page.locator(MAIN).hover()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


WORDS_ON_THE_PICTURE = """
const boxes = window.boxes = new Map();
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  fill.call(this, text, x, y);
  const { actualBoundingBoxLeft: left, actualBoundingBoxRight: right, actualBoundingBoxAscent: up,
    actualBoundingBoxDescent: down } = this.measureText(text);
  const box = [x - left, y - up, x + right, y + down];
  if (this.canvas.matches('.dv-views > canvas')) boxes.set(text, box);
};
"""


@pytest.mark.parametrize("width", [360, 1000])
def test_words_of_measurements_cover_no_others(chromium, tmp_path, width):
    """Of three of them, beside captions, a badge and names without end; all stay on the picture."""
    volume = replace(SHEARED, unit="u" * 60)
    path = tmp_path / "volume.html"
    save_html(path, volume, plane="axial", badge="a guess that is long, " + "and " * 30)
    page = chromium.new_context(viewport={"width": width, "height": 1000}).new_page()
    page.add_init_script(WORDS_ON_THE_PICTURE)
    page.goto(path.as_uri())
    page.wait_for_selector(f"{MAIN}[data-slice]:not([data-waiting])")
    picture = volume.slice("axial", 6)
    for top in (3, 9, 15):
        _drag(page, picture, "rectangle", (top, 4), (top + 4, 12))
    assert len(_said(page)) == 3
    page.evaluate("boxes.clear()")
    page.keyboard.press("Escape")
    page.locator(MAIN).focus()
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.wait_for_timeout(500)
    boxes = page.evaluate("Object.fromEntries(boxes)")
    size = page.locator(MAIN).bounding_box()
    own = {text: box for text, box in boxes.items() if re.match(r"\d: about", text)}
    assert len(own) == 3
    for text, (left, top, right, bottom) in boxes.items():
        assert left >= 0 and right <= size["width"] + 1 and bottom <= size["height"] + 1, text
        for other, (low, high, far, deep) in own.items():
            apart = right <= low or far <= left or bottom <= high or deep <= top
            assert text == other or apart, (text, other)
    page.context.close()


def test_a_tool_takes_back_what_another_has_half_drawn(open_page, tmp_path):
    page, picture = _open_volume(open_page, tmp_path, SHEARED), SHEARED.slice("axial", 6)
    page.get_by_label("Drag", exact=True).select_option("angle")
    for pixel in ((2, 20), (8, 22)):
        page.mouse.move(*_at(page, picture.array.shape, picture.spacing, pixel))
        page.mouse.down()
        page.mouse.up()
    assert len(_said(page)) == 1
    page.get_by_label("Drag", exact=True).select_option("pan")
    page.locator(".dv-measures").wait_for(state="hidden", timeout=5_000)


def test_a_typed_window_that_has_a_name_is_called_by_it(open_page, tmp_path):
    windows = {"own": Window(-600, 1500)}
    page = _open_volume(open_page, tmp_path, replace(SHEARED, windows=windows))
    menu = "document.querySelector('.dv select[aria-label=Window]')"
    typed = (-500, 1400, "custom"), (-600, 1500, "own"), (-600, 1400, "custom")
    for center, width, name in typed:
        page.get_by_label("Center", exact=True).fill(str(center))
        page.get_by_label("Width", exact=True).fill(str(width))
        page.wait_for_timeout(200)
        assert page.evaluate(f"{menu}.selectedOptions[0].textContent") == name


def test_keys_alone_measure(open_page, tmp_path):
    page = _open_volume(open_page, tmp_path, SHEARED)
    page.locator(MAIN).focus()
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    first = _length(_said(page)[0])
    focused = page.evaluate("document.activeElement.textContent")
    assert focused.startswith("1: distance") and focused.endswith("(end 2)")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowRight")
    assert _length(_said(page)[0]) > first + 3
    page.keyboard.press("Enter")
    assert "(end 1)" in _said(page)[0]
    page.keyboard.press("Delete")
    assert _said(page) == []


def test_they_stay_with_their_slice_through_planes_and_zoom(open_page, tmp_path):
    item = {"kind": "rectangle", "plane": "axial"}
    affine = SHEARED.affine_of("axial", 4)
    item["points_mm"] = [(affine @ [0, *corner, 1])[:3].tolist() for corner in CORNERS]
    page = _open_volume(open_page, tmp_path, SHEARED, measured=[item])
    said = _said(page)
    assert "axial slice 5" in said[0] and _numbers(said[0])["n"] == 10 * 18
    canvas = page.locator(MAIN)
    assert canvas.evaluate(GREEN) == 0, "it lies on another slice"
    page.locator(".dv-measures button", has_text="1: rectangle").click()
    assert canvas.get_attribute("data-slice") == "axial 4"
    page.get_by_label("Plane", exact=True).select_option("coronal")
    page.wait_for_timeout(300)
    assert canvas.evaluate(GREEN) > 10, "where the plane cuts it"
    assert _said(page)[0].split(" (")[0] == said[0]


def test_two_fingers_zoom_while_a_tool_measures(chromium, tmp_path):
    path = tmp_path / "volume.html"
    save_html(path, SHEARED, plane="axial")
    context = chromium.new_context(has_touch=True, viewport={"width": 800, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector(f"{MAIN}[data-slice]:not([data-waiting])")
    page.get_by_label("Drag", exact=True).select_option("distance")
    box, client = page.locator(MAIN).bounding_box(), context.new_cdp_session(page)

    def touch(kind, *points):
        touches = [
            {"x": box["x"] + x, "y": box["y"] + y, "id": n} for n, (x, y) in enumerate(points)
        ]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    touch("touchStart", (100, 100))
    touch("touchMove", (200, 200))
    touch("touchEnd")
    assert len(_said(page)) == 1
    touch("touchStart", (150, 300))
    touch("touchStart", (150, 300), (250, 300))
    touch("touchMove", (100, 300), (300, 300))
    touch("touchEnd")
    assert len(_said(page)) == 1, "the second finger ended it"
    context.close()


# images


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory):
    """A MONOCHROME1 radiograph with a spacing at its detector, and a picture in colour."""
    folder = tmp_path_factory.mktemp("radiographs")
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.4", "1.3", "CR"
    dataset.Rows, dataset.Columns, dataset.ImagerPixelSpacing = 1800, 1500, [0.2, 0.1]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME1"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    down, right = np.mgrid[:1800, :1500]
    dataset.PixelData = ((down + 2 * right) % 4096).astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.save_as(folder / "1.dcm", enforce_file_format=True)
    pydicom.dcmread(examples.get_path("rgb_color")).save_as(folder / "2.dcm")
    return folder


def _images(folder):
    slices = slice_table(header_table(folder, progress=False))
    return slices, [load_slice(path) for path in slices.index.get_level_values("path")]


def test_images_of_a_saved_page_are_measured_where_they_have_values(
    open_page, radiographs, tmp_path
):
    slices, images = _images(radiographs)
    ImagesPage(slices).save_html(tmp_path / "images.html")
    page = open_page((tmp_path / "images.html").as_uri())
    for number, image in enumerate(images):
        page.wait_for_selector(f"{MAIN}[data-slice='image {number}']:not([data-waiting])")
        _drag(page, image, "rectangle", (100, 100), (200, 260))
        text = _said(page)[number]
        if image.array.ndim == 3:
            assert "mean" not in text and "²" in text
        else:
            values, found = (
                shape_values(image, "rectangle", np.array([(100, 100), (200, 260)])),
                _numbers(text),
            )
            assert "about mean" in text and "mm² at the detector" in text
            assert found["mean"] == pytest.approx(values["mean"], rel=0.05)
        page.get_by_label("Next image").click()
    page.wait_for_timeout(300)


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory, radiographs):
    folder = tmp_path_factory.mktemp("measured")
    server = Server(LAB, folder, radiographs)
    page = chromium.new_page(viewport={"width": 1300, "height": 1300})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page, server
    page.close()
    server.stop()
    assert not errors


@pytest.mark.parametrize("name", ["sheared", "suv"])
def test_values_in_jupyterlab_are_those_of_numpy(lab, name):
    page, server = lab
    volume = SPACE[name]
    show = f"from helpers import browse\nviewer = browse({name}, plane='axial')\nviewer"
    _lab_notebook(page, server, name, [MADE, show])
    picture = volume.slice("axial", 6)
    _drag(page, picture, "rectangle", *CORNERS)
    text = _said(page)[0]
    page.wait_for_timeout(500)
    row = server.python(
        "viewer.measurements.iloc[0][['n','mean','sd','min','max','padding']].to_dict()"
    )
    values = picture.array[BOX].ravel().astype(float)
    if picture.padding is not None:
        values = picture.array[BOX][~picture.padding[BOX]].astype(float)
        assert row["padding"] == picture.padding[BOX].sum()
    expected = len(values), values.mean(), values.std(), values.min(), values.max()
    assert tuple(row.values())[:5] == pytest.approx(expected, rel=1e-12)
    found = _numbers(text)
    assert "about" not in text
    assert tuple(found.values()) == pytest.approx((*expected[1:], expected[0]), rel=1e-4), (
        "five digits"
    )
    server.python("setattr(viewer, 'measured', [])")
    page.wait_for_timeout(500)
    assert _said(page) == []


def test_images_in_jupyterlab_are_measured_in_their_own_pixels(lab, radiographs):
    page, server = lab
    cell = (
        "from helpers import header_table, slice_table\n"
        "from helpers.viewer.image_browser import ImageBrowser\n"
        f"viewer = ImageBrowser(slice_table(header_table({str(radiographs)!r})))\nviewer"
    )
    _lab_notebook(page, server, "radiographs", [cell])
    _, images = _images(radiographs)
    number = next(n for n, image in enumerate(images) if image.array.ndim == 2)
    server.python(f"setattr(viewer, 'index', {number})")
    page.wait_for_selector(f"{MAIN}[data-slice='image {number}']:not([data-waiting])")
    _drag(page, images[number], "ellipse", (300, 200), (900, 800))
    text = _said(page)[0]
    page.wait_for_timeout(500)
    corners = np.array(server.python("viewer.measured[0]['points']"))
    values = shape_values(images[number], "ellipse", corners)
    assert "about" not in text and _numbers(text) == pytest.approx(
        {name: values[name] for name in ("mean", "sd", "min", "max", "n")}, rel=1e-4
    )
