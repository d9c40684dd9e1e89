"""Labels in the viewer: what it is told of them, and what a page without a kernel holds."""

import json
import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from helpers import Volume, browse
from helpers.geometry.planes import PLANES
from helpers.labels.labels import Label, LabelError, Mark, Part, layered, section_of
from helpers.pictures.colours import LABEL_COLOURS
from helpers.viewer.standalone_html import framed_html, standalone_html
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.viewer.volume_labels import label_bytes, labels_data

SHAPE = (12, 30, 40)
AFFINE = np.array([[0, 0, 1.0, 5], [0, 1.0, 0, -7], [3.0, 0, 0, 11], [0, 0, 0, 1]])
VOLUME = Volume(np.random.default_rng(0).integers(-900, 300, SHAPE).astype(np.int16), AFFINE, "HU")
NAME = "<b>liver</b>"


def _labels(affine=AFFINE, shape=SHAPE):
    """Two labels that overlap, and a point in slice 4."""
    rng = np.random.default_rng(1)
    masks = rng.random((2, *shape)) > 0.7
    masks[:, 9:] = False
    parts = [
        Part(name, [found for n in range(shape[0]) if (found := section_of(n, mask[n]))])
        for name, mask in zip((NAME, "tumour"), masks)
    ]
    made = layered(parts, affine, shape, kind="SEG", source="made.dcm")
    point = tuple((affine @ [4, 7, 8, 1])[:3])
    labels = (*made.labels, Label("nodule", 3))
    return replace(made, labels=labels, marks=(Mark(3, "point", (point,)),), _counts={}), masks


@pytest.fixture
def labels():
    return _labels()[0]


def test_the_viewer_is_told_where_labels_are(labels):
    data = labels_data(labels)
    first, second, third = data["items"]
    masks = _labels()[1]
    assert first["counts"]["axial"] == masks[0].sum((1, 2)).tolist()
    assert second["counts"]["coronal"] == masks[1].sum((0, 2)).tolist()
    assert second["counts"]["sagittal"] == masks[1].sum((0, 1)).tolist()
    assert third["layer"] is None and third["counts"]["axial"][4] == 1
    assert [item["colour"] for item in data["items"]] == list(LABEL_COLOURS[:3])
    assert data["layers"] == 2, "they overlap"
    (mark,) = data["marks"]
    assert mark["places"]["axial"] == {4: ((7, 8),)}
    assert json.loads(json.dumps(data))["marks"][0]["places"]["coronal"] == {"7": [[7, 8]]}


@pytest.mark.parametrize("plane", PLANES)
def test_a_slice_comes_with_its_label_maps(labels, plane):
    viewer, sent = VolumeBrowser(VOLUME, labels=labels), []
    viewer.send = lambda content, buffers=None: sent.append((content, buffers))
    viewer._answer(None, {"type": "slice", "plane": plane, "index": 3, "about": False}, [])
    ((_, buffers),) = sent
    shape = VOLUME.shape_of(plane)[1:]
    for map, part in zip(labels.slice(plane, 3).maps, buffers[2:], strict=True):
        assert np.array_equal(np.frombuffer(part, np.uint8).reshape(shape), map)


def test_a_page_holds_labels_without_loss(labels):
    document = standalone_html(VOLUME, labels=labels).document
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', document, re.S)
    assert "<b>" not in text, "a name is no HTML"
    stored = json.loads(text)["labels"]
    for pictures, map in zip(stored["maps"], labels.maps, strict=True):
        found = [np.asarray(Image.open(BytesIO(b64decode(one)))) for one in pictures]
        assert np.array_equal(found, map)
    assert stored["items"][0]["name"] == NAME


def test_a_page_of_fewer_slices_has_their_labels(labels):
    big = replace(
        VOLUME, array=np.random.default_rng(2).integers(0, 255, (96, 90, 120)).astype("i2")
    )
    many, _ = _labels(shape=big.array.shape)
    page = standalone_html(big, labels=many, max_mb=0.9)
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', page.document, re.S)
    data = json.loads(text)
    assert data["shape"] != list(big.array.shape)
    assert [len(one) for one in data["labels"]["maps"]] == [data["shape"][0]] * 2
    assert len(data["labels"]["items"][0]["counts"]["axial"]) == data["shape"][0]
    assert len(page.document) < 0.9e6


def test_labels_that_are_switched_off_are_on_no_snapshot(labels):
    viewer = VolumeBrowser(VOLUME, labels=labels)
    shown = viewer._snapshot()
    viewer.hidden_labels = [1, 2, 3]
    assert viewer._snapshot() == VolumeBrowser(VOLUME)._snapshot() != shown


def test_browse_shows_labels_without_a_kernel(labels, tmp_path):
    viewer = browse(VOLUME, labels=labels)
    viewer.save_html(tmp_path / "page.html")
    assert "tumour" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_frame_has_room_for_the_switches_of_labels(labels):
    """Where no kernel runs, the page cannot ask for more room than the frame has."""
    heights = [
        int(re.search(r"height: (\d+)px", framed_html(VOLUME, labels=shown)[0])[1])
        for shown in (None, labels)
    ]
    assert heights[1] - heights[0] == 50 + 28 * len(labels.labels)


def test_labels_of_another_grid_are_refused(labels):
    moved, _ = _labels(affine=AFFINE + np.eye(4)[[3, 3, 3, 3]] * 0.5)
    with pytest.raises(LabelError, match="load_labels"):
        VolumeBrowser(VOLUME, labels=moved)


def test_more_labels_than_a_page_can_name_are_refused():
    mask = np.zeros(SHAPE[1:], bool)
    mask[0, 0] = True
    many = layered(
        [Part(f"label {n}", [section_of(0, mask)]) for n in range(3)],
        *(AFFINE, SHAPE),
        kind="SEG",
        source="",
    )
    labels = tuple(Label(f"label {n}", n, 0) for n in range(1, 300))
    with pytest.raises(LabelError, match="at most 255"):
        standalone_html(VOLUME, labels=replace(many, labels=labels, _counts={}))


def test_maps_of_different_types_are_sent_in_one(labels):
    wide = replace(labels, maps=(labels.maps[0], labels.maps[1].astype(np.uint16)), _counts={})
    assert labels_data(wide)["bytes"] == 2
    sent = label_bytes(wide, "axial", 4)
    shown = wide.slice("axial", 4).maps
    for part, one in zip(sent, shown, strict=True):
        assert np.array_equal(np.frombuffer(part, "<u2").reshape(one.shape), one)
