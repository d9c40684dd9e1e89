"""Images that are no volume: what is sent of each, in the browser's terms, and pages of them.

pydicom's own arrays say what values and colours are; a real browser shows them in
test_in_browser.py.
"""

import json
import re
import warnings
from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image
from pydicom import examples
from pydicom.dataset import FileMetaDataset

from helpers import Window, header_table, load_slice, load_volume, slice_table
from helpers.errors import WrongTypeError
from helpers.pixels.blocks import block_means
from helpers.pixels.window import WindowError
from helpers.viewer.image_browser import ImageBrowser
from helpers.viewer.image_data import Images, NoSuchImageError, image_data
from helpers.viewer.image_pixels import screen_factors, wire_dtype
from helpers.viewer.images_html import ImagesPage, chosen_rows, images_html
from helpers.viewer.standalone_page import HtmlError

EVIL = "</script><img src=x onerror=document.title='owned'>"


def _slices(*paths):
    return slice_table(header_table([*map(str, paths)], progress=False))


@pytest.fixture(scope="module")
def cine():
    """An ultrasound of 30 frames in colour, compressed."""
    return _slices(examples.get_path("ybr_color"))


def _write(path, pixels, **elements):
    """Writes an uncompressed grey image, of a series of its own."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dataset = pydicom.FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta[0x00020002].value, meta[0x00020003].value
    uid = pydicom.uid.generate_uid(entropy_srcs=["series", path.name])  # the same order in each run
    dataset.StudyInstanceUID = dataset.SeriesInstanceUID = uid
    dataset.Modality, dataset.PatientID = "CR", "somebody"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *pixels.shape, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
    dataset["PixelData"].VR = "OW"
    for keyword, value in elements.items():
        with pydicom.config.disable_value_validation():
            setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory):
    """Five radiographs: large, signed and dark on light; a pixel; one that no decoder reads."""
    folder, rng = tmp_path_factory.mktemp("radiographs"), np.random.default_rng(0)
    large = rng.integers(0, 4096, (1001, 803), np.uint16)
    placed = {"ImagerPixelSpacing": [0.2, 0.2], "PatientOrientation": ["L", "F"]}
    _write(folder / "1.dcm", large, WindowCenter=2000, WindowWidth=4000, **placed)
    signed = rng.integers(-900, 900, (40, 30)).astype(np.int16)
    dark = {"PhotometricInterpretation": "MONOCHROME1", "PixelSpacing": [1, 2]}
    _write(folder / "2.dcm", signed, **dark)
    _write(folder / "3.dcm", np.full((1, 1), 7, np.uint16), PatientID=EVIL)
    broken = pydicom.dcmread(_write(folder / "4.dcm", np.zeros((8, 8), np.uint16)))
    broken.PixelData = pydicom.encaps.encapsulate([b"no stream of JPEG"])
    broken["PixelData"].VR, broken["PixelData"].is_undefined_length = "OB", True
    broken.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLosslessSV1
    broken.save_as(folder / "4.dcm", enforce_file_format=True)
    _write(folder / "5.dcm", large[:300, :200] // 16, SeriesDescription=EVIL)
    return folder


@pytest.fixture
def browser(radiographs):
    return ImageBrowser(slice_table(header_table(radiographs, progress=False)))


@pytest.fixture
def ask(monkeypatch):
    """What a viewer answers to a message of the browser: (content, buffers)."""

    def asked(viewer, **content):
        sent = []
        monkeypatch.setattr(viewer, "send", lambda told, buffers=(): sent.append((told, buffers)))
        viewer._answer(viewer, content, [])
        for told, _ in sent:
            json.dumps(told)
        return sent[0] if sent else None

    return asked


def _row(browser, name):
    return next(row for row, path in enumerate(browser.images.paths) if path.endswith(name))


def _pixels(told, buffers, shape):
    kind = {"i2": "<i2", "f4": "<f4", "u1": "u1"}[told["dtype"]]
    return np.frombuffer(buffers[0], kind).reshape(shape)


# traits


def test_nothing_is_read_before_it_is_looked_at(radiographs, monkeypatch):
    slices = slice_table(header_table(radiographs, progress=False))
    with monkeypatch.context() as nothing:
        nothing.setattr("builtins.open", None)
        nothing.setattr("os.open", None)
        browser = ImageBrowser(slices)
    assert (
        browser.meta["count"] == 5 and browser.meta["labels"] is None and not browser.images._slices
    )


def test_it_goes_where_it_is_told(browser):
    browser.index = 2
    assert browser.position.startswith("3 of 5")
    browser.go_to(browser.images.paths[4])
    assert browser.index == 4 and browser.position.startswith("5 of 5")
    with pytest.raises(NoSuchImageError, match="expected an index from 0 to 4, got 5"):
        browser.index = 5
    with pytest.raises(NoSuchImageError, match="got frame 3 of"):
        browser.go_to(browser.images.paths[0], 3)
    assert browser.index == 4


def test_what_are_no_images_is_refused(cine):
    with pytest.raises(NoSuchImageError, match="expected images to show, got none"):
        ImageBrowser(cine.iloc[:0])
    with pytest.raises(WrongTypeError, match="of slice_table"):
        ImageBrowser("a folder")
    with pytest.raises(NoSuchImageError, match="expected rows of slice_table"):
        ImageBrowser(pd.DataFrame({"Rows": [1]}))


def test_a_window_by_name_holds_for_all_and_by_numbers_for_its_file(browser):
    first, other = _row(browser, "1.dcm"), _row(browser, "5.dcm")
    browser.index = first
    own = browser.window
    browser.window = (40, 400)
    assert browser.window == Window(40, 400) and browser.preset == ""
    browser.index = other
    assert browser.window == load_slice(browser.images.paths[other]).window()[1]
    browser.window = "whole range"
    browser.index = first
    assert browser.window == Window(40, 400)
    browser.window = None
    assert browser.window == own and browser.preset == ""
    browser.window = "whole range"
    low, high = browser.window.limits
    assert (low, high) == (browser.slice.array.min(), browser.slice.array.max())
    with pytest.raises(WindowError, match="expected values in HU"):
        browser.window = "lungs"
    with pytest.raises(WindowError, match="width at least 1"):
        browser.window = (40, 0)


# what is sent


@pytest.mark.parametrize("name", ["1.dcm", "2.dcm", "3.dcm", "5.dcm"])
def test_what_is_sent_is_what_the_file_holds(browser, ask, name):
    row = _row(browser, name)
    told, buffers = ask(browser, type="image", index=row, width=2000, height=2000)
    stored = pydicom.dcmread(browser.images.paths[row])
    assert (told["rows"], told["columns"]) == (stored.Rows, stored.Columns)
    assert tuple(told["factors"]) == (1, 1) and buffers[1] == b""
    assert np.array_equal(_pixels(told, buffers, stored.pixel_array.shape), stored.pixel_array)
    assert told["inverted"] == (name == "2.dcm")


def test_a_picture_is_reduced_to_the_screen_by_means(browser, ask):
    row = _row(browser, "1.dcm")
    told, buffers = ask(browser, type="image", index=row, width=210, height=255)
    assert tuple(told["factors"]) == (3, 3), "never fewer pixels than the screen has"
    shown = _pixels(told, buffers, (334, 268))
    stored = pydicom.dcmread(browser.images.paths[row]).pixel_array.astype(float)
    assert np.abs(shown[5, 7] - stored[15:18, 21:24].mean()) <= 0.5
    assert np.abs(shown[-1, -1] - stored[999:, 801:].mean()) <= 0.5, "the last blocks are parts"
    few, _ = ask(browser, type="image", index=row, width=210, height=255, max_bytes=20_000)
    rows, columns = -(-1001 // few["factors"][0]), -(-803 // few["factors"][1])
    assert 10_000 < 2 * rows * columns <= 20_000


def test_a_part_is_sent_in_full_resolution(browser, ask):
    row = _row(browser, "1.dcm")
    box = [100, 150, 200, 280]
    told, buffers = ask(browser, type="part", index=row, box=box, factors=[1, 1])
    stored = pydicom.dcmread(browser.images.paths[row]).pixel_array
    assert told["box"] == box
    assert np.array_equal(_pixels(told, buffers, (50, 80)), stored[100:150, 200:280])
    told, buffers = ask(browser, type="value", index=row, row=17, column=400)
    assert told["text"] == str(stored[17, 400]) and buffers == []


def test_words_letters_and_millimetres(browser, ask):
    told, _ = ask(browser, type="image", index=_row(browser, "1.dcm"))
    assert told["letters"] == ["R", "L", "H", "F"]
    assert told["spacing"] == [0.2, 0.2] and told["spacing_unit"] == "mm"
    assert "at the detector, not in the patient" in told["words"]
    told, _ = ask(browser, type="image", index=_row(browser, "2.dcm"))
    assert told["letters"] == ["?"] * 4 and told["spacing"] == [1, 2]


def test_what_stands_on_a_picture_names_nobody(browser, ask):
    for row in range(5):
        told, _ = ask(browser, type="image", index=row)
        label = told.pop("label")  # beside the picture, as in the menus
        assert EVIL not in json.dumps(told)
        assert "somebody" not in label and label.startswith(f"{row + 1} of 5 · ")


def test_an_image_that_cannot_be_decoded_says_so_and_the_others_go_on(browser, ask):
    row = _row(browser, "4.dcm")
    told, buffers = ask(browser, type="image", index=row)
    assert "4.dcm" in told["error"] and "\n" not in told["error"] and buffers == []
    assert ask(browser, type="part", index=row, box=[0, 1, 0, 1], factors=[1, 1])[0]["error"]
    browser.index = row
    bundle, _ = browser._repr_mimebundle_()
    assert "4.dcm" in bundle["text/plain"] and "image/png" not in bundle
    assert "error" not in ask(browser, type="image", index=_row(browser, "5.dcm"))[0]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "image", "index": 99},
        {"type": "image", "index": "0"},
        {"type": "nothing", "index": 0},
        {},
    ],
)
def test_what_makes_no_sense_is_not_answered(browser, ask, content):
    assert ask(browser, **content) is None


def test_windows_taken_from_values_are_worked_out_when_chosen(browser, ask):
    row = _row(browser, "5.dcm")
    told, _ = ask(browser, type="image", index=row)
    assert {"name": "equal frequency"} in told["windows"]
    assert told["voi"]["name"] == next(iter(browser.images.slice(row).windows), "body")
    chosen, _ = ask(browser, type="window", index=row, name="equal frequency")
    expected = browser.images.slice(row).window("equal frequency")[1]
    assert np.allclose(chosen["voi"]["values"], expected.values)
    counts = told["histogram"]["counts"]
    assert len(counts) == 128 and sum(counts) > 20_000


def test_only_so_many_images_are_kept(radiographs, browser):
    row = _row(browser, "1.dcm")
    size = browser.images.slice(row).array.nbytes
    small = Images(browser.images.slices, max_mb=1.5 * size / 1e6)
    for one in (row, _row(browser, "5.dcm"), row):
        small.slice(one)
    assert len(small._slices) == 2
    tiny = Images(browser.images.slices, max_mb=0.001)
    tiny.slice(row)
    tiny.slice(_row(browser, "3.dcm"))
    assert list(tiny._slices) == [_row(browser, "3.dcm")]


def test_badges_go_by_path_and_frame(cine, browser):
    path = browser.images.paths[1]
    images = Images(browser.images.slices, badges={path: "! one"})
    assert [images.badge(row) for row in (0, 1)] == ["", "! one"]
    own = Images(cine, badges={(str(examples.get_path("ybr_color")), 3): "! frame"})
    assert [own.badge(row) for row in (2, 3)] == ["", "! frame"]
    assert Images(cine, badges="! all").badge(7) == "! all"


# cine


def test_frames_are_one_run_with_its_own_times(cine, ask):
    viewer = ImageBrowser(cine)
    told, buffers = ask(viewer, type="image", index=12, width=640, height=480)
    assert told["run"]["start"] == 0 and told["run"]["stop"] == 30
    assert told["run"]["ms"] == [pytest.approx(33.333)] and not told["run"]["is_guess"]
    assert told["voi"] is None and told["dtype"] == "u1"
    shown = _pixels(told, buffers, (240, 320, 3)).astype(int)
    expected = pydicom.pixels.pixel_array(examples.get_path("ybr_color"), index=12).astype(int)
    assert np.abs(shown - expected).max() <= 1
    assert ask(viewer, type="value", index=12, row=3, column=5)[0]["text"].startswith("R ")
    assert viewer.window is None


def test_a_file_of_frames_is_opened_once(cine, monkeypatch):
    from helpers.pixels import image

    opened, read = [], image.header_and_pixels
    monkeypatch.setattr(image, "header_and_pixels", lambda path: opened.append(path) or read(path))
    images = Images(cine)
    for row in (0, 5, 29, 3):
        images.slice(row)
    assert len(opened) == 1


def test_files_of_one_view_over_time_are_one_run():
    index = pd.MultiIndex.from_tuples(
        [("1", 0, "a", 0), ("1", 0, "b", 0), ("1", 1, "c", 0), ("2", 0, "d", 0), ("2", 0, "e", 0)],
        names=["SeriesInstanceUID", "stack", "path", "frame"],
    )
    kinds = ["cine", "cine", "cine", "projection", "projection"]
    images = Images(pd.DataFrame({"kind": kinds}, index))
    assert [tuple(images.run(row)) for row in range(5)] == [
        *((0, 2), (0, 2), (2, 3), (3, 4), (4, 5))
    ]


# pixels


def test_means_leave_padding_out():
    pixels = np.array([[0, 10, 5, 5], [20, 30, 5, 5]], np.int16)
    padding = np.array([[True, False, True, True], [False, False, True, True]])
    means, lost = block_means(pixels, padding, (2, 2))
    assert means.tolist() == [[20, 5]] and lost.tolist() == [[False, True]]


def test_reduction_agrees_with_pillow():
    rng = np.random.default_rng(1)
    pixels = rng.normal(0, 1000, (97, 61)).astype(np.float32)
    expected = np.asarray(Image.fromarray(pixels).reduce((4, 7)))
    assert np.allclose(block_means(pixels, None, (7, 4))[0], expected, atol=0.01)
    colour = rng.integers(0, 256, (60, 40, 3), np.uint8)
    theirs = np.asarray(Image.fromarray(colour).reduce(4)).astype(int)
    assert np.abs(block_means(colour, None, (4, 4))[0].astype(int) - theirs).max() <= 1


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (np.zeros((2, 2), np.int16), "<i2"),
        (np.full((2, 2), 40_000, np.int32), "<f4"),
        (np.full((2, 2), 400, np.int32), "<i2"),
        (np.zeros((2, 2), np.uint8), "<i2"),
        (np.zeros((2, 2), np.float32), "<f4"),
        (np.zeros((2, 2, 3), np.uint8), "|u1"),
    ],
)
def test_types_that_pixels_are_sent_in(pixels, kind):
    assert wire_dtype(pixels) == np.dtype(kind)


def test_pixels_that_are_not_square_are_reduced_by_their_own_factors(browser):
    wide = load_slice(browser.images.paths[_row(browser, "2.dcm")])  # 40 × 30, twice as wide
    assert screen_factors(wide, 20, 20) == (3, 1)


# pages


def _data(document):
    return json.loads(re.search(r'json">(.*?)</script>', document, re.S)[1])


def _picture(text):
    with Image.open(BytesIO(b64decode(text))) as image:
        return np.asarray(image)


def test_a_page_holds_values_in_steps_and_colours(browser, cine):
    page = images_html(browser.images)
    data = _data(page.document)
    entry = data["pictures"][_row(browser, "5.dcm")]
    stored = pydicom.dcmread(browser.images.paths[_row(browser, "5.dcm")]).pixel_array
    values = entry["low"] + entry["step"] * _picture(entry["jpeg"]).astype(float)
    assert np.abs(values.mean() - stored.mean()) < 2 and values.shape == stored.shape
    colour = _data(images_html(Images(cine)).document)["pictures"][4]
    expected = load_slice(examples.get_path("ybr_color"), frame=4).array.astype(float)
    assert np.abs(_picture(colour["jpeg"]) - expected).mean() < 4


def test_a_page_says_what_was_left_out_and_plays_as_long(cine):
    whole = images_html(Images(cine))
    assert "30 of 30 images" in whole.note
    small = images_html(Images(cine), max_mb=0.4)
    data = _data(small.document)
    kept = len(data["pictures"])
    assert 2 <= kept < 30 and f"{kept} of 30 images, evenly chosen" in small.note
    assert len(small.document) <= 400_000
    run = data["pictures"][0]["run"]
    assert (run["start"], run["stop"]) == (0, kept)
    assert sum(run["ms"]) == pytest.approx(1000, abs=1), "30 frames of 33.333 ms"


def test_a_page_opens_where_the_viewer_is(cine, tmp_path):
    viewer = ImageBrowser(cine, index=17)
    viewer.save_html(tmp_path / "page.html", max_mb=0.4)
    data = _data((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert data["pictures"][data["state"]["index"]]["label"] == "18 of 30"
    with pytest.raises(HtmlError, match="expected the name of a new file"):
        viewer.save_html(tmp_path / "page.html")
    with pytest.raises(HtmlError, match="raise max_mb"):
        viewer.save_html(tmp_path / "other.html", max_mb=0.001)


def test_a_page_names_nobody_and_no_header_ends_its_script(browser, radiographs):
    browser.window = (300, 900)
    document = images_html(browser.images, customs=browser.customs).document
    data = _data(document)
    assert EVIL not in json.dumps(data) and "onerror" not in document
    assert str(radiographs) not in document, "no path, which may name a person"
    assert data["pictures"][_row(browser, "4.dcm")]["error"]
    assert data["state"]["customs"]["0"]["center"] == 300
    assert "default-src 'none'" in document


def test_of_a_collection_some_are_chosen_evenly():
    index = pd.MultiIndex.from_product([map(str, range(1000)), [0]], names=["path", "frame"])
    images = Images(pd.DataFrame({"Rows": 1}, index))
    rows = chosen_rows(images, 50, 333)
    assert 45 <= len(rows) <= 51 and 333 in rows and np.diff(rows).max() < 30
    mixed = pd.MultiIndex.from_tuples(
        [*(("cine", frame) for frame in range(100)), ("one", 0), ("two", 0)],
        names=["path", "frame"],
    )
    images = Images(pd.DataFrame({"Rows": 1}, mixed))
    assert {100, 101} <= {*chosen_rows(images, 10, 0)}, "the cine does not take all"


def test_a_static_page_is_a_frame_and_a_picture(cine):
    page = ImagesPage(cine, index=3)
    bundle = page._repr_mimebundle_()
    assert "srcdoc=" in bundle["text/html"] and "a viewer of 30 images" in bundle["text/plain"]
    with Image.open(BytesIO(b64decode(bundle["image/png"]))) as image:
        assert max(image.size) == 512


# other kinds


def test_levels_of_a_slide_are_said_and_its_overview_shown(real):
    path = real / "odd" / "highdicom" / "sm_image.dcm"
    slices = _slices(path)
    with pytest.raises(NoSuchImageError, match="50 × 50 pixels in 25 tiles of 10 × 10"):
        ImageBrowser(slices)
    overview = slices.copy()
    overview["NumberOfFrames"] = 1
    images = Images(pd.concat([slices, overview]))
    assert len(images) == 1
    assert (
        "levels, not shown: 50 × 50 pixels in 25 tiles of 10 × 10" in image_data(images, 0)["words"]
    )


@pytest.mark.parametrize("folder", ["odd/pydicom", pytest.param("kinds", marks=pytest.mark.slow)])
def test_every_kind_of_real_image_is_sent(real, ask, folder):
    """Of every stack of real files the first image: signed, float, 1 bit, palettes, colours."""
    if not (real / folder).exists():
        pytest.skip("these real files are not here")
    slices = slice_table(header_table(real / folder, progress=False))
    viewer, failed = ImageBrowser(slices.groupby(level=[0, 1], sort=False).head(1)), 0
    for row in range(len(viewer.images)):
        told, buffers = ask(viewer, type="image", index=row, width=512, height=512)
        failed += "error" in told
        if "error" in told:
            continue
        sizes = zip((told["rows"], told["columns"]), told["factors"])
        rows, columns = (-(-size // factor) for size, factor in sizes)
        samples = 3 if told["voi"] is None else 1
        assert _pixels(told, buffers, -1).size == rows * columns * samples
        assert max(rows, columns) <= 2 * 512 + 2
    assert failed < len(viewer.images) / 4


def test_values_longer_than_the_standard_allows_are_shown_without_a_warning(tmp_path):
    dataset = pydicom.dcmread(examples.get_path("ct"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.SeriesDescription = "d" * 70
        dataset.BodyPartExamined = dataset.ViewPosition = "C" * 20
        dataset.FrameOfReferenceUID = "1.2." + "3" * 70
        dataset.AnatomicalOrientationType = "BIPED" * 4
        dataset.save_as(path := tmp_path / "a.dcm")
    slices = _slices(path)
    assert load_slice(path).caption["series"] == "d" * 70
    assert load_volume(slices).caption["series"] == "d" * 70
    assert images_html(Images(slices)).document.count('"upper": ["' + "C" * 20) == 1
