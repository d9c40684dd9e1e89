"""The viewers by their traits and data; a real browser shows them in test_in_browser.py."""

import html
import json
import re
import subprocess
import sys
import threading
import time
import warnings
from base64 import b64decode
from importlib.util import find_spec
from io import BytesIO

import ipywidgets as widgets
import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from helpers import (
    HeaderBrowser,
    Volume,
    Window,
    audit,
    browse,
    header_table,
    list_files,
    load_volume,
    slice_table,
    stack_table,
)
from helpers.errors import WrongTypeError
from helpers.geometry.planes import PlaneError
from helpers.pixels.window import COMPUTED, WindowError
from helpers.runtime import is_live
from helpers.slices.grid import StackError, StackWarning
from helpers.viewer.browse import StaticViewer
from helpers.viewer.choices import EVERYBODY, VIEWS, UnknownStackError
from helpers.viewer.image_browser import ImageBrowser
from helpers.viewer.images_html import ImagesPage
from helpers.viewer.loading import Load
from helpers.viewer.opening import _ordinal
from helpers.viewer.stack_browser import MAKING_S, StackBrowser
from helpers.viewer.standalone_html import standalone_html
from helpers.viewer.standalone_page import HtmlError
from helpers.viewer.stored_volume import _shrunk
from helpers.viewer.viewer_data import (
    picture_affine,
    slice_bytes,
    slice_dtype,
    volume_data,
    volume_windows,
)
from helpers.viewer.volume_browser import VolumeBrowser


def _of(slices, *patients):
    """The slices of some patients."""
    return slices[slices["PatientID"].str.startswith(patients, na=False)]


def _best(slices):
    return load_volume(slices.loc[stack_table(slices).index[0]])


def _volume(slices, patient):
    return _best(_of(slices, patient))


@pytest.fixture(scope="module")
def volume(phantom_slices):
    return _volume(phantom_slices, "P02")


@pytest.fixture(scope="module")
def chest(real):
    return _best(slice_table(header_table(real / "series/chest-ct-8mm-siemens", progress=False)))


def _page_data(document):
    """What the viewers of a page hold, read from its HTML."""
    texts = re.findall(r'<script type="application/json">(.*?)</script>', document, re.S)
    return [json.loads(text) for text in texts]


def test_it_starts_in_the_middle_of_the_plane_that_was_acquired(volume, phantom_slices):
    viewer = VolumeBrowser(volume)
    assert (viewer.plane, viewer.index) == ("axial", 12)
    assert viewer.window == volume.windows["window 1"]
    assert VolumeBrowser(_volume(phantom_slices, "P10")).plane == "sagittal"


def test_plane_index_and_position_go_together(volume):
    viewer = VolumeBrowser(volume)
    viewer.index = 5
    assert viewer.position_mm[2] == pytest.approx(-65)
    viewer.plane = "coronal"
    assert viewer.index == volume.place_in("coronal", viewer.position_mm)[0]
    viewer.position_mm = [30, -40, -20]
    assert viewer.index == volume.place_in("coronal", (30, -40, -20))[0]
    viewer.plane = "axial"
    assert viewer.index == volume.place_in("axial", (30, -40, -20))[0]
    assert viewer.position_mm == [30, -40, -20]
    viewer.position_mm = [0, 0, 9999]
    assert viewer.index == 23, "outside: the nearest slice"
    said = "expected an index from 0 to 23 for the axial plane, got 24"
    with pytest.raises(PlaneError, match=said):
        viewer.index = 24


def test_windows_are_set_by_name_and_by_numbers(volume):
    viewer = VolumeBrowser(volume, window="lungs")
    assert viewer.window[:2] == (-600, 1500) and viewer.voi["name"] == "lungs"
    viewer.window = (40, 400)
    custom = {"name": "custom", "center": 40, "width": 400, "function": "LINEAR"}
    assert viewer.window == Window(40, 400) and viewer.voi == custom
    viewer.voi = {**custom, "center": 50, "width": 500}  # as the browser sets it
    assert viewer.window[:2] == (50, 500)
    viewer.window = "equal frequency"
    assert viewer.voi["name"] == "equal frequency"
    assert len(viewer.voi["values"]) == len(viewer.voi["greys"]) > 1
    with pytest.raises(WindowError, match=r"expected a window of body, .*got 'lung'"):
        viewer.window = "lung"
    with pytest.raises(WindowError, match="expected a name, a Window or"):
        viewer.window = 5
    with pytest.raises(WindowError, match="expected values in HU for the window 'lungs'"):
        VolumeBrowser(_ramp(np.arange(60, dtype=np.int16)), window="lungs")


def test_traits_can_be_observed_and_linked(volume, phantom_slices):
    one, other, seen = VolumeBrowser(volume), VolumeBrowser(_volume(phantom_slices, "P03")), []
    one.observe(lambda change: seen.append(change.new), "index")
    widgets.link((one, "position_mm"), (other, "position_mm"))
    widgets.link((one, "window"), (other, "window"))
    one.index = 3
    assert seen == [3] and other.position_mm == one.position_mm
    assert other.index == other.volume.place_in("axial", one.position_mm)[0]
    one.window = "liver"
    assert other.window == one.window and other.voi["name"] == "liver"


@pytest.mark.parametrize("patient", ["P02", "P08", "P10", "P39"])
def test_what_is_sent_is_the_picture_in_its_place(phantom_slices, patient):
    volume = _volume(phantom_slices, patient)
    data = volume_data(volume, volume_windows(volume))
    json.dumps(data)
    for plane, about in data["planes"].items():
        picture = volume.slice(plane, 2)
        values, padding = slice_bytes(picture, slice_dtype(volume))
        assert np.array_equal(
            np.frombuffer(values, "<i2").reshape(about["rows"], about["columns"]), picture.array
        )
        if picture.padding is None:
            assert padding == b""
        else:
            assert np.array_equal(
                np.unpackbits(np.frombuffer(padding, np.uint8))[: picture.array.size],
                picture.padding.ravel(),
            )
        assert (
            about["letters"] == list(picture.letters)
            and about["positions"][2] == picture.caption["position"]
        )
        place = (np.array(about["affine"]) @ [2, 5, 7, 1]).tolist()
        index, where = volume.place_in(plane, place)
        assert index == 2 and where == pytest.approx((5, 7), abs=1e-6)
        assert np.allclose(np.array(about["inverse"]) @ [*place, 1], [2, 5, 7], atol=1e-6)
        assert np.allclose(picture_affine(volume, plane)[:3], about["affine"])


def test_values_that_need_more_than_16_bits_travel_as_floats():
    affine = np.eye(4)[[2, 1, 0, 3]]
    wide, small = np.full((2, 3, 4), 70_000, np.int32), np.full((2, 3, 4), 7, np.int32)
    assert (
        slice_dtype(Volume(wide, affine)) == "<f4" and slice_dtype(Volume(small, affine)) == "<i2"
    )
    volume = Volume(wide, affine)
    values, _ = slice_bytes(volume.slice("axial", 0), slice_dtype(volume))
    assert (np.frombuffer(values, "<f4") == 70_000).all()


def test_a_viewer_answers_with_the_slice_that_it_is_asked_for(volume, monkeypatch):
    viewer, sent = VolumeBrowser(volume), []
    monkeypatch.setattr(viewer, "send", lambda content, buffers: sent.append((content, buffers)))
    viewer._answer(viewer, {"type": "slice", "plane": "coronal", "index": 9}, [])
    ((content, buffers),) = sent
    json.dumps(content)
    assert content == {"type": "slice", "plane": "coronal", "index": 9, "float": False}
    assert np.array_equal(
        np.frombuffer(buffers[0], "<i2").reshape(24, 128), volume.slice("coronal", 9).array
    )


def test_beside_the_widget_stands_a_picture(volume):
    bundle, _ = VolumeBrowser(volume)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    with Image.open(BytesIO(b64decode(bundle["image/png"]))) as image:
        assert image.size == (512, 512)


def test_who_is_live(monkeypatch):
    class Kernel:
        allowed = True

        def get_parent(self, channel):
            return {"content": {"allow_stdin": self.allowed}}

    shell = type("Shell", (), {"kernel": Kernel()})()
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    monkeypatch.setitem(
        sys.modules, "IPython", type("IPython", (), {"get_ipython": staticmethod(lambda: shell)})
    )
    assert is_live()
    shell.kernel.allowed = False
    assert not is_live(), "executed from end to end"
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    assert is_live()
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    assert not is_live()
    monkeypatch.setitem(
        sys.modules, "IPython", type("IPython", (), {"get_ipython": staticmethod(lambda: None)})
    )
    monkeypatch.undo()
    assert not is_live(), "no notebook at all"


def test_without_a_kernel_a_page_and_a_picture_stand_in(volume, phantom_slices):
    shown = browse(volume, badge="! gap")
    assert isinstance(shown, StaticViewer)
    bundle = shown._repr_mimebundle_()
    assert bundle.keys() == {"text/html", "image/png", "text/plain"}
    assert bundle["text/html"].count("<iframe") == 1
    assert 'sandbox="allow-scripts allow-downloads"' in bundle["text/html"]
    (of_the_best,) = browse(_of(phantom_slices, "P03")).volumes
    assert np.array_equal(of_the_best.array, _volume(phantom_slices, "P03").array)


SCRIPT = """
import sys, ipywidgets, helpers.viewer.browse
assert not ipywidgets.widgets.widget._instances, "importing makes no widget"
from helpers import browse, browse_together, header_table, load_volume, slice_table, stack_table
slices = slice_table(header_table(sys.argv[1], progress=False))
volume = load_volume(slices.loc[stack_table(slices).index[0]])
viewer = browse(volume, window="lungs", badge="! gap")
print(repr(viewer))
print(viewer.save_html(sys.argv[2], max_mb=1))
print(browse_together(volume, volume).save_html(sys.argv[3], max_mb=1))
print(browse(slices).save_html(sys.argv[4]))
"""


def test_a_script_saves_what_it_browses(phantom, tmp_path):
    """What the text of the viewer promises, in a process that has no notebook."""
    paths = [tmp_path / name for name in ("one.html", "two.html", "best.html")]
    command = [sys.executable, "-c", SCRIPT, str(phantom / "P03-interspaced"), *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    said = run.stdout.splitlines()
    assert said[0].endswith("a notebook shows it, save_html writes it to a file")
    assert len(said) == 5 and all(line.startswith("Reduced for this page") for line in said[1:])
    one, two, best = (_page_data(path.read_text(encoding="utf-8")) for path in paths)
    (only,) = one
    assert only["state"]["voi"]["name"] == "lungs" and only["meta"]["badge"] == "! gap"
    assert len(two) == 2 and len(best) == 1 and best[0]["shape"] == only["shape"]
    assert all(path.stat().st_size <= 1.02e6 for path in paths[:2])


def test_several_volumes_share_one_page_equally(chest, volume):
    page = standalone_html(chest, volume, max_mb=1)
    assert len(page.document) <= 1.02e6 and len(page.snapshots) == 2
    first, second = _page_data(page.document)
    assert (first["shape"][0], second["shape"][0]) == (30, 24)
    sizes = [sum(map(len, data["pictures"])) for data in (first, second)]
    assert max(sizes) < 0.5e6, "neither takes the room of the other"
    assert page.note.count("Reduced for this page") == 2


@pytest.mark.parametrize("max_mb", [3, 0.5, 0.5])
def test_a_page_fits_and_says_what_it_lacks(chest, tmp_path, max_mb):
    path = tmp_path / "page.html"
    note = browse(chest).save_html(path, max_mb=max_mb)
    assert path.stat().st_size <= 1.02e6 * max_mb
    assert re.match(r"Reduced for this page: \d+ of 30 slices", note)
    assert re.search(r"values from -\d+ to \d+ in 256 steps of 8 HU", note)
    assert ("of 512 × 512 pixels" in note) == (max_mb < 3)


def test_what_cannot_be_saved_is_said(volume, tmp_path):
    path, viewer = tmp_path / "page.html", browse(volume)
    viewer.save_html(path)
    before = path.read_bytes()
    with pytest.raises(HtmlError, match="nothing is overwritten"):
        viewer.save_html(path)
    assert path.read_bytes() == before
    with pytest.raises(HtmlError, match="expected a size in MB above 0, got 0"):
        viewer.save_html(tmp_path / "other.html", max_mb=0)
    with pytest.raises(HtmlError, match="raise max_mb"):
        viewer.save_html(tmp_path / "other.html", max_mb=0.01)
    assert not (tmp_path / "other.html").exists()


def test_64_slices_of_512_fit_into_3_mb(chest):
    array = np.concatenate([chest.array, chest.array, chest.array[:4]])
    page = standalone_html(Volume(array, chest.affine, "HU", windows=chest.windows))
    assert "64 of 64 slices; values" in page.note and len(page.document) <= 3e6


@pytest.mark.parametrize("patient", ["P02", "P08", "P10", "P15"])
def test_a_page_holds_the_values_of_every_plane(phantom_slices, patient):
    """What a page cuts from its pictures by its own strides is each slice, to its accuracy."""
    volume = _volume(phantom_slices, patient)
    (data,) = _page_data(standalone_html(volume).document)
    stack = []
    for picture in data["pictures"]:
        with Image.open(BytesIO(b64decode(picture))) as image:
            stack.append(np.asarray(image))
    flat, (low, step) = np.concatenate([values.ravel() for values in stack]), data["scale"]
    for plane, about in data["meta"]["planes"].items():
        strides, index = data["strides"][plane], about["count"] // 2
        rows, columns = np.mgrid[: about["rows"], : about["columns"]]
        places = strides["origin"] + index * strides["along"]
        places = places + rows * strides["down"] + columns * strides["right"]
        values = low + step * flat[places].astype(float)
        expected = volume.slice(plane, index)
        known = np.ones(values.shape, bool) if expected.padding is None else ~expected.padding
        assert np.abs(values - expected.array)[known].mean() < 4 * step


def test_a_chooser_leads_from_findings_to_slices(phantom_headers, phantom_slices, tmp_path):
    patients = ["P02-interspaced", "P14-slice-twice", "P20-no-spacing"]
    rows = _of(phantom_slices, *patients)
    findings = audit(phantom_headers[phantom_headers["PatientID"].isin(patients)], rows)
    chooser = StackBrowser(rows, findings=findings)
    chooser.wait()
    assert chooser.viewer is not None
    assert [name for name, _ in chooser.patient.options] == patients
    assert chooser.finding.label == "select a finding"
    place = findings["rule"].tolist().index("repeated-slice")
    chooser.finding.value = place
    chooser.wait()
    assert chooser.patient.value == "P14-slice-twice"
    assert chooser.viewer.meta["badge"] == "! repeated-slice"
    assert "32 of 33 images" in chooser.message.value
    path = findings["path"].iloc[place]
    assert chooser.viewer.position_mm == pytest.approx(_position(rows, path))
    chooser.finding.value = findings["rule"].tolist().index("no-spacing")
    chooser.wait()
    assert isinstance(chooser.viewer, ImageBrowser)
    assert "PixelSpacing" in chooser.message.value
    chooser.patient.value = "P02-interspaced"
    chooser.wait()
    assert chooser.viewer.volume is chooser.volumes[chooser.stack.value][0]


def test_a_finding_is_found_behind_a_stack_that_is_in_memory(phantom_slices):
    """Its patient's first stack, which is shown on the way, does not use it up."""
    rows = _of(phantom_slices, "P02", "P09")
    stacks = stack_table(rows)
    first, second = stacks.index[stacks["PatientID"] == "P09-two-scans"]
    path, frame = rows.loc[second].index[5]
    values = {"severity": "note", "rule": "a rule", "value": "x", "path": path, "stack": second}
    chooser = StackBrowser(rows, findings=pd.DataFrame([{**values, "frame": frame}]))
    for patient in ("P09-two-scans", "P02-interspaced"):
        chooser.patient.value = patient
        chooser.wait()
    assert first in chooser.volumes
    chooser.finding.value = 0
    chooser.wait()
    assert chooser.stack.value == second
    assert chooser.viewer.position_mm == pytest.approx(_position(rows, path))


def _position(slices, path):
    """Where the only image of a file is."""
    (position,) = slices.xs(path, level="path")["ImagePositionPatient"]
    return position


def test_a_finding_leads_to_its_frame(phantom_slices):
    rows = _of(phantom_slices, "P42-one-file")
    (stack,) = stack_table(rows).index
    path, frame = rows.loc[stack].index[3]
    values = {"severity": "note", "rule": "a rule", "value": "x", "path": path, "stack": None}
    chooser = StackBrowser(rows, findings=pd.DataFrame([{**values, "frame": frame}]))
    chooser.wait()
    chooser.finding.value = 0
    chooser.wait()
    expected = rows.loc[stack]["ImagePositionPatient"].iloc[3]
    assert chooser.stack.value == stack
    assert chooser.viewer.position_mm == pytest.approx(expected)


def test_a_saved_chooser_is_the_viewer_that_it_shows(phantom_slices, tmp_path):
    chooser = StackBrowser(_of(phantom_slices, "P03"))
    chooser.wait()
    chooser.viewer.index = 4
    chooser.save_html(tmp_path / "page.html")
    (data,) = _page_data((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert data["state"]["index"] == 4


def test_what_nobody_foresaw_is_said_with_its_kind(phantom_slices, monkeypatch):
    def fails(*_, **__):
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr("helpers.viewer.opening.load_volume", fails)
    chooser = StackBrowser(_of(phantom_slices, "P03"))
    chooser.wait()
    assert chooser.message.value == "ZeroDivisionError: nobody thought of it"
    assert chooser.viewer is None and chooser.loading.bar.layout.visibility == "hidden"
    with pytest.raises(HtmlError, match="expected a stack that is shown, got none: "):
        chooser.save_html("nowhere.html")


def test_a_load_can_be_cancelled(phantom_slices, monkeypatch):
    chooser = StackBrowser(_of(phantom_slices, "P01"), max_mb=100)
    chooser.wait()
    chooser.volumes.clear()
    update = Load.update

    def cancelled_at_once(load, number):
        chooser.loading.cancel.click()
        update(load, number)

    monkeypatch.setattr(Load, "update", cancelled_at_once)
    chooser.viewer = None
    chooser._load()
    chooser.wait()
    assert chooser.message.value == "Cancelled." and not chooser.volumes


def test_volumes_in_memory_stay_within_a_limit(phantom_slices):
    chooser = StackBrowser(_of(phantom_slices, "P01", "P02", "P03"), max_mb=1)
    for _, patient in chooser.patient.options:
        chooser.patient.value = patient
        chooser.wait()
        assert sum(volume.array.nbytes for volume, _ in chooser.volumes.values()) <= 2e6
        if patient.startswith("P01"):
            assert "every 4th slice, to stay below 1 MB" in chooser.message.value
            assert len(chooser.viewer.volume.array) == 24
    assert len(chooser.volumes) < 3


def test_ordinals():
    words = {2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 21: "21st", 112: "112th"}
    assert {number: _ordinal(number) for number in words} == words


def test_headers_are_searched_and_stepped_through(phantom_slices):
    rows = _of(phantom_slices, "P02")
    shown = HeaderBrowser(rows.loc[stack_table(rows).index[0]], search="position")
    assert set(shown.rows["keyword"]) >= {"ImagePositionPatient", "PatientPosition"}
    assert "<table>" in shown.table.value
    shown.file.value = 1
    assert "1 changed since the file before" in shown.words.value
    marked = r"<tr class=changed><td>[^<]*</td><td>DS</td><td>3</td><td>ImagePositionPatient"
    assert re.search(marked, shown.table.value)
    assert shown.table.value.count("class=changed") == 1
    shown.varying.value = True
    assert list(shown.rows["keyword"]) == ["ImagePositionPatient"]
    assert "along 24 files" in shown.words.value
    shown.search.value = ""
    assert {"InstanceNumber", "SOPInstanceUID"} <= set(shown.rows["keyword"])
    alone = HeaderBrowser(shown.paths[0])
    alone.varying.value = True
    assert alone.words.value == "0 elements change along 1 files" and not len(alone.rows)
    assert "<table>" in shown._repr_mimebundle_()["text/html"], "without a kernel its table remains"


def test_what_changes_may_be_missing_from_a_file(tmp_path, phantom_slices):
    path = _of(phantom_slices, "P02").index.get_level_values("path")[0]
    lacking = pydicom.dcmread(path)
    del lacking.SliceThickness
    lacking.save_as(tmp_path / "lacking.dcm")
    shown = HeaderBrowser([path, tmp_path / "lacking.dcm"], search="slicethickness")
    shown.varying.value = True
    (row,) = shown.rows.itertuples()
    assert row.first is not None and row.last is None
    assert shown.table.value.count("<td>—</td>") == 1, "what a file lacks is no value None"


def test_only_a_volume_or_a_collection_can_be_browsed():
    with pytest.raises(TypeError, match=r"expected a Volume or DataFrame .*got ndarray"):
        browse(np.zeros((2, 3, 4)))


def test_a_table_of_headers_is_refused_by_the_name_of_the_right_one(phantom_headers):
    with pytest.raises(WrongTypeError, match=r"expected the table of slice_table\(headers\), got"):
        browse(phantom_headers)
    with pytest.raises(WrongTypeError, match=r"expected the table of slice_table\(headers\), got"):
        StackBrowser(phantom_headers)


def test_a_stack_that_is_asked_for_is_opened(phantom_slices):
    rows = _of(phantom_slices, "P02", "P09")
    stacks = stack_table(rows)
    second = stacks.index[stacks["PatientID"] == "P09-two-scans"][1]
    expected = load_volume(rows.loc[second])
    (shown,) = browse(rows, second).volumes
    assert np.array_equal(shown.array, expected.array)
    chooser = StackBrowser(rows, second)
    chooser.wait()
    assert (chooser.patient.value, chooser.stack.value) == ("P09-two-scans", second)
    assert np.array_equal(chooser.viewer.volume.array, expected.array)
    for unknown in (("1.2.3", 0), (second[0], 99), second[0], 7):
        with pytest.raises(
            UnknownStackError, match=r"expected an entry of stack_table's index, got"
        ):
            browse(rows, unknown)


# what is no volume

DECODERS = find_spec("imagecodecs") is not None  # Kaggle's image lacks them
NO_VOLUMES = ("kinds/radiographs", "kinds/mammogram", "odd/pydicom/SC_rgb_small_odd.dcm")


def _slices_of(real, name):
    return slice_table(header_table(real / name, progress=False))


@pytest.mark.parametrize("name", NO_VOLUMES)
def test_what_is_no_volume_is_shown_one_after_the_other(real, name, tmp_path):
    slices = _slices_of(real, name)
    shown, chooser = browse(slices), StackBrowser(slices)
    chooser.wait()
    assert isinstance(shown, ImagesPage) and isinstance(chooser.viewer, ImageBrowser)
    assert len(shown.images) == len(chooser.viewer.images) == len(slices)
    assert chooser.message.value == shown.words == ""
    bundle = shown._repr_mimebundle_()
    if "image/png" in bundle or DECODERS:
        with Image.open(BytesIO(b64decode(bundle["image/png"]))) as picture:
            assert np.ptp(np.asarray(picture.convert("L"))) > 50
    for number, viewer in enumerate((shown, chooser)):
        viewer.save_html(path := tmp_path / f"{number}.html")
        assert bundle.get("image/png", "cannot decode") in path.read_text(encoding="utf-8")
        with pytest.raises(HtmlError, match="nothing is overwritten"):
            viewer.save_html(path)


def test_menus_lead_to_pictures_as_to_volumes(real, phantom):
    """And a volume opens first, though radiographs without a problem stand before it."""
    radiographs = _slices_of(real, "kinds/radiographs")
    folders = [phantom / "P14-slice-twice", real / "kinds/radiographs"]
    files = [file for folder in folders for file in list_files(folder)]
    chooser = StackBrowser(slice_table(header_table(files, progress=False)))
    chooser.wait()
    assert chooser.patient.value == "P14-slice-twice" and chooser.viewer is not None
    for patient in radiographs["PatientID"].map(str).unique():
        chooser.patient.value = patient
        for _, stack in chooser.stack.options:
            chooser.stack.value = stack
            chooser.wait()
            assert isinstance(chooser.viewer, ImageBrowser), chooser.message.value
            if DECODERS:
                assert np.ptp(chooser.viewer.slice.array) > 0
    chooser.patient.value = "P14-slice-twice"
    chooser.wait()
    assert isinstance(chooser.viewer, VolumeBrowser)
    assert ("all 4 patients", EVERYBODY) in chooser.patient.options
    chooser.patient.value = EVERYBODY
    chooser.wait()
    assert chooser.stack.options == (("all 3 images, one after the other", VIEWS),)
    assert chooser.viewer.images.paths == list(radiographs.index.get_level_values("path"))


def test_pixels_that_cannot_be_decoded_are_a_line_and_no_error(phantom_slices):
    rows = _of(phantom_slices, "P31-rle-damaged")
    shown = browse(rows)
    assert isinstance(shown, ImagesPage) and "cannot decode" in shown.words
    assert "cannot decode" in html.unescape(shown._repr_mimebundle_()["text/html"])


def test_without_any_image_a_line_says_so(phantom_slices, tmp_path):
    chooser, shown = StackBrowser(phantom_slices.iloc[:0]), browse(phantom_slices.iloc[:0])
    assert chooser.message.value == shown.words == "No stack of images here."
    assert shown._repr_mimebundle_().keys() == {"text/html", "text/plain"}
    shown.save_html(tmp_path / "page.html")
    assert "No stack of images here." in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_every_stack_of_odd_files_is_shown_somehow(real):
    """Volume, picture, or a line that says why there is neither; never an error."""
    slices = _slices_of(real, "odd")
    assert len(stack_table(slices)) > 40
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StackWarning)
        for stack in stack_table(slices).index:
            shown = browse(slices, stack)
            assert isinstance(shown, (StaticViewer, ImagesPage)) or "levels" in shown.words


def test_windows_to_choose_from_are_the_volumes_own_computed_and_known_in_hu(volume):
    names = list(volume_windows(volume))
    assert names[: len(volume.windows)] == list(volume.windows) and "window 1" in names
    assert {*COMPUTED, "lungs"} <= set(names)
    assert list(volume_windows(_ramp(np.arange(60, dtype=np.int16)))) == list(COMPUTED)


def _ramp(values, **options):
    """A volume whose columns rise, 10 slices of 40 rows."""
    affine = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    return Volume(np.broadcast_to(values, (10, 40, len(values))).copy(), affine, **options)


def _data(volume, **options):
    (data,) = _page_data(standalone_html(volume, **options).document)
    return data


def test_a_page_counts_large_values_as_floats():
    assert _data(_ramp(np.linspace(0, 100_000, 60).astype(np.int32)))["float"]
    assert _data(_ramp(np.linspace(0, 32_767, 60).astype(np.int16)))["float"], (
        "the last step ends beyond 16 bits"
    )
    assert not _data(_ramp(np.linspace(-1000, 1000, 60).astype(np.int16)))["float"]


def test_a_page_has_the_padding_of_each_slice():
    padding = np.zeros((10, 40, 60), bool)
    padding[:5, :20] = True
    data = _data(_ramp(np.arange(60, dtype=np.int16), padding=padding))
    assert data["mask_of"] == [0] * 5 + [-1] * 5
    with Image.open(BytesIO(b64decode(data["masks"][0]))) as image:
        assert np.array_equal(np.asarray(image), padding[0])


def test_no_word_can_end_the_script_that_it_stands_in():
    badge = "<!-- </script><b>"
    document = standalone_html(_ramp(np.arange(60, dtype=np.int16)), badge=badge).document
    (inside,) = re.findall(r'<script type="application/json">(.*?)</script>', document, re.S)
    assert "<" not in inside and json.loads(inside)["meta"]["badge"] == badge


def test_a_page_opens_where_the_viewer_was(volume, tmp_path):
    viewer = VolumeBrowser(volume)
    viewer.index = 8
    viewer.save_html(tmp_path / "page.html")
    (data,) = _page_data((tmp_path / "page.html").read_text(encoding="utf-8"))
    state = data["state"]
    assert state["index"] == 8 and state["position_mm"] == viewer.position_mm
    assert _data(volume, index=23)["state"]["index"] == 23


def test_smaller_pixels_are_the_mean_of_what_was_measured():
    padding = np.zeros((10, 40, 60), bool)
    padding[:, :3] = True
    volume = _ramp(np.full(60, 500, np.int16), padding=padding)
    array = volume.array.copy()
    array[padding] = -2000
    values, mask = _shrunk(Volume(array, volume.affine, padding=padding), 0, 2)
    assert values[0, 0] == -2000 and mask[0].all()
    assert (values[1:] == 500).all() and not mask[1:].any()


def test_a_slice_that_is_not_there_is_answered(volume, monkeypatch):
    viewer, sent = VolumeBrowser(volume), []
    monkeypatch.setattr(viewer, "send", lambda content, buffers=None: sent.append(content))
    viewer._answer(viewer, {"type": "slice", "plane": "axial", "index": 30}, [])
    assert sent == [
        {"type": "failed", "plane": "axial", "index": 30, "text": "there is no axial slice 31"}
    ]


def test_a_load_that_fails_late_leaves_what_is_shown_alone(phantom_slices, monkeypatch):
    chooser, go_on = StackBrowser(_of(phantom_slices, "P02", "P03")), threading.Event()
    chooser.wait()
    shown = chooser.viewer

    def fails_late(*_, **__):
        go_on.wait(20)
        raise StackError("late")

    monkeypatch.setattr("helpers.viewer.opening.load_volume", fails_late)
    chooser.patient.value = "P03-interspaced"
    chooser.patient.value = "P02-interspaced"
    go_on.set()
    chooser.wait()
    assert chooser.viewer is shown and chooser.place.children == (shown,)
    assert chooser.message.value == ""


def test_viewers_that_are_not_seen_any_more_are_closed(phantom_slices):
    chooser = StackBrowser(_of(phantom_slices, "P02", "P20"))
    chooser.wait()
    old = chooser.viewer
    chooser.patient.value = "P20-no-spacing"
    chooser.wait()
    assert isinstance(chooser.viewer, ImageBrowser)
    time.sleep(MAKING_S + 1)
    assert old.comm is None and chooser.viewer.comm is not None
