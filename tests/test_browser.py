"""The viewers by their traits and data; what they look like in a real browser is in test_in_browser.py."""

import json
import re
import sys
import threading
from base64 import b64decode
from io import BytesIO

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from helpers import (
    HeaderBrowser,
    Volume,
    Window,
    audit,
    browse,
    browse_together,
    header_table,
    load_volume,
    stack_slices,
    stack_table,
)
from helpers.geometry.planes import PlaneError
from helpers.pixels.auto_window import COMPUTED
from helpers.pixels.window import WindowError
from helpers.runtime import is_live
from helpers.slices.grid import StackError
from helpers.viewer.browse import StaticViewer
from helpers.viewer.stack_browser import StackBrowser
from helpers.viewer.standalone_html import PageError, _shrunk, save_html, standalone_html
from helpers.viewer.viewer_data import (
    kind_of,
    picture_affine,
    slice_bytes,
    volume_data,
    volume_windows,
)
from helpers.viewer.volume_browser import VolumeBrowser


def _volume(headers, patient):
    rows = headers[headers["PatientID"].str.startswith(patient, na=False)]
    return load_volume(stack_slices(rows, stack_table(rows).index[0]))


@pytest.fixture(scope="module")
def volume(phantom_headers):
    return _volume(phantom_headers, "P02")


def test_it_starts_in_the_middle_of_the_plane_that_was_acquired(volume, phantom_headers):
    viewer = VolumeBrowser(volume)
    assert (viewer.plane, viewer.index) == ("axial", 12) and viewer.window == volume.windows[
        "window 1"
    ]
    assert VolumeBrowser(_volume(phantom_headers, "P10")).plane == "sagittal"


def test_plane_index_and_position_go_together(volume):
    viewer = VolumeBrowser(volume)
    viewer.index = 5
    assert viewer.position_mm[2] == pytest.approx(-65)
    viewer.plane = "coronal"
    assert viewer.index == volume.place_in("coronal", viewer.position_mm)[0]
    viewer.position_mm = [30, -40, -20]
    assert viewer.index == volume.place_in("coronal", (30, -40, -20))[0]
    viewer.plane = "axial"
    assert viewer.index == volume.place_in("axial", (30, -40, -20))[0] and viewer.position_mm == [
        30,
        -40,
        -20,
    ]
    viewer.position_mm = [0, 0, 9999]
    assert viewer.index == 23, "outside: the nearest slice"
    with pytest.raises(
        PlaneError, match="expected an index from 0 to 23 for the axial plane, got 24"
    ):
        viewer.index = 24


def test_windows_are_set_by_name_and_by_numbers(volume):
    viewer = VolumeBrowser(volume, window="lungs")
    assert viewer.window[:2] == (-600, 1500) and viewer.view["name"] == "lungs"
    viewer.window = (40, 400)
    assert viewer.window == Window(40, 400) and viewer.view == {
        "name": "chosen",
        "center": 40,
        "width": 400,
        "function": "LINEAR",
    }
    viewer.view = {
        "name": "chosen",
        "center": 50,
        "width": 500,
        "function": "LINEAR",
    }  # as the browser sets it
    assert viewer.window[:2] == (50, 500)
    viewer.window = "equal frequency"
    assert viewer.view["name"] == "equal frequency" and len(viewer.view["values"]) == len(
        viewer.view["greys"]
    )
    with pytest.raises(WindowError, match=r"expected a window of body, .*got 'lung'"):
        viewer.window = "lung"
    with pytest.raises(WindowError, match="expected a name, a Window or"):
        viewer.window = 5


def test_traits_can_be_observed_and_linked(volume, phantom_headers):
    one, other, seen = VolumeBrowser(volume), VolumeBrowser(_volume(phantom_headers, "P03")), []
    one.observe(lambda change: seen.append(change.new), "index")
    widgets.link((one, "position_mm"), (other, "position_mm"))
    widgets.link((one, "window"), (other, "window"))
    one.index = 3
    assert seen == [3] and other.position_mm == one.position_mm
    assert other.index == other.volume.place_in("axial", one.position_mm)[0]
    one.window = "liver"
    assert other.window == one.window and other.view["name"] == "liver"


@pytest.mark.parametrize("patient", ["P02", "P08", "P10", "P39"])
def test_what_is_sent_is_the_picture_in_its_place(phantom_headers, patient):
    volume = _volume(phantom_headers, patient)
    data = volume_data(volume, volume_windows(volume))
    json.dumps(data)
    for plane, about in data["planes"].items():
        picture = volume.slice(plane, 2)
        values, padding = slice_bytes(volume, plane, 2, kind_of(volume))
        assert np.array_equal(
            np.frombuffer(values, "<i2").reshape(about["rows"], about["columns"]), picture.pixels
        )
        if picture.padding is None:
            assert padding == b""
        else:
            assert np.array_equal(
                np.unpackbits(np.frombuffer(padding, np.uint8))[: picture.pixels.size],
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
    assert kind_of(Volume(wide, affine)) == "<f4" and kind_of(Volume(small, affine)) == "<i2"
    values, _ = slice_bytes(Volume(wide, affine), "axial", 0, kind_of(Volume(wide, affine)))
    assert (np.frombuffer(values, "<f4") == 70_000).all()


def test_a_viewer_answers_with_the_slice_that_it_is_asked_for(volume, monkeypatch):
    viewer, sent = VolumeBrowser(volume), []
    monkeypatch.setattr(viewer, "send", lambda content, buffers: sent.append((content, buffers)))
    viewer._answer(viewer, {"type": "slice", "plane": "coronal", "index": 9}, [])
    ((content, buffers),) = sent
    json.dumps(content)
    assert content == {"type": "slice", "plane": "coronal", "index": 9, "float": False}
    assert np.array_equal(
        np.frombuffer(buffers[0], "<i2").reshape(24, 128), volume.slice("coronal", 9).pixels
    )


def test_beside_the_widget_stands_a_picture(volume):
    bundle = VolumeBrowser(volume)._repr_mimebundle_()
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


def test_without_a_kernel_a_page_and_a_picture_stand_in(volume, phantom_headers):
    shown = browse(volume, badge="! gap")
    assert isinstance(shown, StaticViewer)
    bundle = shown._repr_mimebundle_()
    assert bundle.keys() == {"text/html", "image/png", "text/plain"}
    assert (
        bundle["text/html"].count("<iframe") == 1
        and 'sandbox="allow-scripts"' in bundle["text/html"]
    )
    assert isinstance(browse(phantom_headers), StaticViewer)
    assert browse_together(volume, volume)._repr_mimebundle_()["text/html"].count("<iframe") == 2


@pytest.mark.parametrize("max_mb", [3, 0.5, 0.35])
def test_a_page_fits_and_says_what_it_lacks(real, tmp_path, max_mb):
    headers = header_table(real / "series/chest-ct-8mm-siemens", progress=False)
    volume = load_volume(stack_slices(headers, stack_table(headers).index[0]))
    note = save_html(volume, tmp_path / "page.html", max_mb=max_mb)
    assert (tmp_path / "page.html").stat().st_size <= 1.02e6 * max_mb
    assert re.match(r"Reduced for this page: \d+ of 30 slices", note) and re.search(
        r"values from -\d+ to \d+ in 256 steps of 8 HU", note
    )
    assert ("of 512 × 512 pixels" in note) == (max_mb < 3)
    with pytest.raises(PageError, match="nothing is overwritten"):
        save_html(volume, tmp_path / "page.html")
    with pytest.raises(PageError, match="expected a size in MB above 0, got 0"):
        save_html(volume, tmp_path / "other.html", max_mb=0)
    with pytest.raises(PageError, match="raise max_mb"):
        save_html(volume, tmp_path / "other.html", max_mb=0.01)


def test_64_slices_of_512_fit_into_3_mb(real, tmp_path):
    headers = header_table(real / "series/chest-ct-8mm-siemens", progress=False)
    volume = load_volume(stack_slices(headers, stack_table(headers).index[0]))
    tall = Volume(
        np.concatenate([volume.array, volume.array, volume.array[:4]]),
        volume.affine,
        "HU",
        windows=volume.windows,
    )
    document, note = standalone_html(tall)
    assert "64 of 64 slices; values" in note and len(document) <= 3e6


@pytest.mark.parametrize("patient", ["P02", "P08", "P10", "P15"])
def test_a_page_holds_the_values_of_every_plane(phantom_headers, patient):
    """What a page cuts from its pictures, by its own strides, are the slices to its own accuracy."""
    volume = _volume(phantom_headers, patient)
    document, _ = standalone_html(volume)
    data = json.loads(re.search(r'id="data">(.*?)</script>', document, re.S)[1])
    stack = []
    for picture in data["pictures"]:
        with Image.open(BytesIO(b64decode(picture))) as image:
            stack.append(np.asarray(image))
    flat = np.concatenate([values.ravel() for values in stack])
    for plane, about in data["meta"]["planes"].items():
        strides, index = about["strides"], about["count"] // 2
        rows, columns = np.mgrid[: about["rows"], : about["columns"]]
        places = (
            strides["origin"]
            + index * strides["along"]
            + rows * strides["down"]
            + columns * strides["right"]
        )
        values = data["low"] + data["step"] * flat[places].astype(float)
        expected = volume.slice(plane, index)
        known = np.ones(values.shape, bool) if expected.padding is None else ~expected.padding
        assert np.abs(values - expected.pixels)[known].mean() < 4 * data["step"]


def test_a_chooser_leads_from_findings_to_slices(phantom_headers):
    rows = phantom_headers[
        phantom_headers["PatientID"].isin(["P02-interspaced", "P14-slice-twice", "P20-no-spacing"])
    ]
    findings = audit(rows)
    chooser = StackBrowser(rows, findings=findings)
    chooser.wait()
    assert chooser.viewer is not None and chooser.patient.options == (
        "P02-interspaced",
        "P14-slice-twice",
        "P20-no-spacing",
    )
    place = findings["rule"].tolist().index("repeated-slice")
    chooser.finding.value = place
    chooser.wait()
    assert (
        chooser.patient.value == "P14-slice-twice"
        and chooser.viewer.meta["badge"] == "! repeated-slice"
    )
    assert "32 of 33 images" in chooser.message.value
    path = findings["path"].iloc[place]
    assert chooser.viewer.position_mm == pytest.approx(rows.loc[path, "ImagePositionPatient"])
    chooser.finding.value = findings["rule"].tolist().index("no-spacing")
    chooser.wait()
    assert chooser.viewer is None and isinstance(chooser.place.children[0], widgets.Image)
    chooser.patient.value = "P02-interspaced"
    chooser.wait()
    assert chooser.viewer.volume is chooser.volumes[chooser.stack.value][0]


def test_a_load_can_be_cancelled(phantom_headers, monkeypatch):
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"]
    chooser = StackBrowser(rows, max_mb=100)
    chooser.wait()
    chooser.volumes.clear()
    monkeypatch.setattr("helpers.viewer.stack_browser._Bar.update", _cancel_at_once)
    chooser._load()
    chooser.wait()
    assert chooser.message.value == "Cancelled." and not chooser.volumes


def _cancel_at_once(bar, number):
    bar.browser._give_up()
    bar.check()


def test_volumes_in_memory_stay_within_a_limit(phantom_headers):
    rows = phantom_headers[
        phantom_headers["PatientID"].isin(["P01-reference", "P02-interspaced", "P03-interspaced"])
    ]
    chooser = StackBrowser(rows, max_mb=1)
    for patient in chooser.patient.options:
        chooser.patient.value = patient
        chooser.wait()
        assert sum(volume.array.nbytes for volume, _ in chooser.volumes.values()) <= 2e6
        if patient.startswith("P01"):
            assert (
                "every 4. slice, to stay below 1 MB" in chooser.message.value
                and len(chooser.viewer.volume.array) == 24
            )
    assert len(chooser.volumes) < 3


def test_headers_are_searched_and_stepped_through(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    shown = HeaderBrowser(stack_slices(rows, stack_table(rows).index[0]), search="position")
    assert (
        set(shown.rows["keyword"]) >= {"ImagePositionPatient", "PatientPosition"}
        and "<table>" in shown.table.value
    )
    shown.file.value = 1
    assert "1 changed since the file before" in shown.words.value
    assert re.search(
        r"<tr class=changed><td>[^<]*</td><td>DS</td><td>3</td><td>ImagePositionPatient",
        shown.table.value,
    )
    shown.varying.value = True
    assert (
        list(shown.rows["keyword"]) == ["ImagePositionPatient"]
        and "along 24 files" in shown.words.value
    )
    shown.search.value = ""
    assert {"InstanceNumber", "SOPInstanceUID"} <= set(shown.rows["keyword"])
    assert "<table>" in shown._repr_mimebundle_()["text/html"], "without a kernel its table remains"


def test_only_a_volume_or_a_collection_can_be_browsed():
    with pytest.raises(TypeError, match=r"expected a Volume or DataFrame .*got ndarray"):
        browse(np.zeros((2, 3, 4)))


def test_views_by_name_are_those_of_the_volume(volume):
    assert {*COMPUTED, "window 1", "lungs"} <= set(volume_windows(volume))


def _ramp(values, **options):
    """A volume whose columns rise, 10 slices of 40 rows."""
    affine = np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    return Volume(np.broadcast_to(values, (10, 40, len(values))).copy(), affine, **options)


def _data(volume, **options):
    return json.loads(
        re.search(r'id="data">(.*?)</script>', standalone_html(volume, **options)[0], re.S)[1]
    )


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
    document, _ = standalone_html(_ramp(np.arange(60, dtype=np.int16)), badge="<!-- </script><b>")
    inside = re.search(r'id="data">(.*?)</script>', document, re.S)[1]
    assert "<" not in inside and json.loads(inside)["meta"]["badge"] == "<!-- </script><b>"


def test_a_page_opens_where_the_viewer_was(volume, tmp_path):
    viewer = VolumeBrowser(volume)
    viewer.index = 8
    viewer.save_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    state = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])["state"]
    assert state["index"] == 8 and state["position_mm"] == viewer.position_mm
    assert _data(volume, index=23)["state"]["index"] == 23


def test_smaller_pixels_are_the_mean_of_what_was_measured():
    padding = np.zeros((10, 40, 60), bool)
    padding[:, :3] = True
    volume = _ramp(np.full(60, 500, np.int16), padding=padding)
    array = volume.array.copy()
    array[padding] = -2000
    values, mask = _shrunk(Volume(array, volume.affine, padding=padding), 0, 2)
    assert (
        values[0, 0] == -2000 and mask[0].all() and (values[1:] == 500).all() and not mask[1:].any()
    )


def test_a_slice_that_is_not_there_is_answered(volume, monkeypatch):
    viewer, sent = VolumeBrowser(volume), []
    monkeypatch.setattr(viewer, "send", lambda content, buffers=None: sent.append(content))
    viewer._answer(viewer, {"type": "slice", "plane": "axial", "index": 30}, [])
    assert sent == [
        {"type": "failed", "plane": "axial", "index": 30, "text": "there is no axial slice 31"}
    ]


def test_a_load_that_fails_late_leaves_what_is_shown_alone(phantom_headers, monkeypatch):
    rows = phantom_headers[
        phantom_headers["PatientID"].isin(["P02-interspaced", "P03-interspaced"])
    ]
    chooser, go_on = StackBrowser(rows), threading.Event()
    chooser.wait()
    shown = chooser.viewer

    def fails_late(*_, **__):
        go_on.wait(20)
        raise StackError("late")

    monkeypatch.setattr("helpers.load_volume", fails_late)
    chooser.patient.value = "P03-interspaced"
    chooser.patient.value = "P02-interspaced"
    go_on.set()
    chooser.wait()
    assert (
        chooser.viewer is shown
        and chooser.message.value == ""
        and chooser.place.children == (shown,)
    )


def test_viewers_that_are_not_seen_any_more_are_closed(phantom_headers, monkeypatch):
    rows = phantom_headers[phantom_headers["PatientID"].isin(["P02-interspaced", "P20-no-spacing"])]
    chooser = StackBrowser(rows)
    chooser.wait()
    old = chooser.viewer
    chooser.patient.value = "P20-no-spacing"
    chooser.wait()
    assert chooser.viewer is None and old.comm is None
