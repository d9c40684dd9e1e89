"""One volume over another: the right values at the right pixels, in the right colours."""

import json
import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image
from scipy.ndimage import map_coordinates
from traitlets import TraitError

from helpers import Volume, Window
from helpers.pictures.colours import colour_table
from helpers.viewer.overlay import heat, overlay_of
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.resampling import ResamplingError

FRAME = "1.2.3"
STEPS = np.eye(4)[[2, 1, 0, 3]]  # slices to the head, rows to the back, columns to the left


def _affine(spacing, origin):
    affine = STEPS @ np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return affine


@pytest.fixture(scope="module")
def ct():
    """1000 HU everywhere but for a box of 0."""
    array = np.full((20, 60, 80), 1000, np.int16)
    array[5:15, 20:40, 30:50] = 0
    return Volume(array, _affine((2, 1, 1), (-40, -30, 0)), "HU", frame_of_reference=FRAME)


@pytest.fixture(scope="module")
def pet():
    """Values that rise by 0.1 with every mm to the left, on a coarser grid, a little aside."""
    affine = _affine((4, 4, 4), (-30.5, -22, 3))
    columns = affine[0, 3] + 4 * np.arange(18)
    array = np.broadcast_to(5 + 0.1 * columns, (8, 12, 18)).astype(np.float32)
    return Volume(array, affine, "SUVbw", frame_of_reference=FRAME)


def test_colours_rise_in_lightness_and_begin_clear():
    colours = heat()
    assert colours.shape == (256, 4) and colours.dtype == np.uint8
    assert colours[0, 3] == 0 and (colours[64:, 3] == 255).all()
    assert (np.diff(colours[:, 3].astype(int)) >= 0).all()
    light = colour_table() @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) > -0.5).all() and light[-1] > 230
    expected = np.array([colormaps["inferno"](one)[:3] for one in range(256)])
    assert np.abs(colour_table() / 255 - expected).max() < 1 / 255


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_what_is_sent_over_a_slice_are_the_values_at_its_pixels(ct, pet, plane, monkeypatch):
    viewer, sent = VolumeBrowser(ct, over=pet), []
    monkeypatch.setattr(viewer, "send", lambda content, buffers=None: sent.append(buffers))
    index = ct.shape_of(plane)[0] // 2
    viewer._answer(viewer, {"type": "slice", "plane": plane, "index": index}, [])
    ((_, _, values, padding),) = sent
    about = viewer.meta["planes"][plane]
    shape = about["rows"], about["columns"]
    values = np.frombuffer(values, "<f4").reshape(shape)
    outside = np.unpackbits(np.frombuffer(padding, np.uint8))[: values.size].reshape(shape) > 0
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    pixels = np.stack([np.full(rows.shape, index), rows, columns, np.ones(rows.shape)])
    x, y, z = np.einsum("ij,jrc->irc", np.array(about["affine"]), pixels)
    inner = (abs(x + 30.5 - 34) < 33.9) & (abs(y + 22 - 22) < 21.9) & (abs(z - 3 - 14) < 13.9)
    assert inner.sum() > 100 and not outside[inner].any()
    assert np.allclose(values[inner], 5 + 0.1 * x[inner], atol=1e-4), "SUV at the same place"
    far = (x < -33) | (x > 40) | (y < -25) | (y > 25) | (z < 0.5) | (z > 34)
    assert outside[far].all()


def test_a_picture_is_grey_below_and_coloured_above(ct, pet):
    overlay, grey, window = overlay_of(pet, ct), Window(500, 1000), Window(5, 4)
    below = ct.slice("axial", 10)
    clear, half, full = (
        overlay.over(ct, "axial", 10, window=window, base_window=grey, opacity=opacity).array
        for opacity in (0, 0.5, 1)
    )
    assert np.array_equal(clear, np.repeat(np.round(255 * below.grey(grey))[..., None], 3, axis=2))
    column = 65  # x = 25 mm, 7.5 SUV: beyond the window
    assert np.abs(full[30, column] - colour_table()[255].astype(int)).max() <= 1
    mean = (full[30, column].astype(int) + clear[30, column]) / 2
    assert np.abs(half[30, column] - mean).max() <= 1
    assert np.array_equal(full[30, 12], clear[30, 12]), "2.2 SUV, below the window: clear"
    assert np.array_equal(full[2, column], clear[2, column]), "outside: clear"


def test_what_counts_from_another_origin_is_refused(ct, pet):
    for uid in ("9.9", ""):
        with pytest.raises(ResamplingError, match="expected two volumes of one Frame of Reference"):
            VolumeBrowser(ct, over=replace(pet, frame_of_reference=uid))
    with pytest.raises(TypeError, match="expected a Volume or Overlay"):
        VolumeBrowser(ct, over=pet.array)


def test_opacity_and_the_window_above_are_traits(ct, pet):
    viewer = VolumeBrowser(ct, over=pet, over_window=(5, 4), opacity=0.3)
    assert viewer.opacity == 0.3 and viewer.over_window == Window(5, 4)
    assert viewer.over_voi == {"name": "custom", "center": 5, "width": 4, "function": "LINEAR"}
    viewer.over_window = "whole range"
    low, high = float(pet.array.min()), float(pet.array.max())
    assert viewer.over_window.limits == pytest.approx((low, high))
    viewer.over_voi = {"name": "custom", "center": 4, "width": 3, "function": "LINEAR"}
    assert viewer.over_window == Window(4, 3) and viewer.voi["name"] == "body"
    with pytest.raises(TraitError):
        viewer.opacity = 1.2
    alone = VolumeBrowser(ct)
    assert alone.over_window is None and alone.over_voi == {} and alone.meta["over"] is None
    json.dumps(viewer.meta)


def test_the_picture_beside_the_widget_is_coloured_too(ct, pet):
    for over, coloured in ((pet, True), (None, False)):
        bundle, _ = VolumeBrowser(ct, over=over, opacity=1)._repr_mimebundle_()
        with Image.open(BytesIO(b64decode(bundle["image/png"]))) as image:
            middle = np.asarray(image.convert("RGB")).astype(int)[150:350, 280:400]
        assert (np.ptp(middle, axis=2).max() > 60) == coloured


def _decoded(stored):
    pictures = []
    for picture in stored["pictures"]:
        with Image.open(BytesIO(b64decode(picture))) as image:
            pictures.append(np.asarray(image).astype(float))
    low, step = stored["scale"]
    return low + step * np.stack(pictures)


def test_a_page_holds_what_lies_over_it_on_its_own_grid(ct, pet, tmp_path):
    viewer = VolumeBrowser(ct, over=pet, over_window=(5, 4), opacity=0.7)
    note = viewer.save_html(tmp_path / "page.html")
    assert "over it, 8 of 8 slices; values from " in note and "SUVbw" in note
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', text, re.S)
    data = json.loads(text)
    state, stored = data["state"], data["over"]
    assert state["opacity"] == 0.7 and state["over_voi"]["center"] == 5
    assert stored["shape"] == [8, 12, 18] and stored["unit"] == "SUVbw"
    assert np.allclose(np.array(stored["inverse"]), np.linalg.inv(pet.affine)[:3])
    place = np.array(stored["inverse"]) @ [10.0, 0, 15, 1]
    value = map_coordinates(_decoded(stored), place[:, None], order=1)
    assert value == pytest.approx(6, abs=0.1), "5 + 0.1 for each of 10 mm"
