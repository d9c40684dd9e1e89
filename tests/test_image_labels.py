"""Annotations on images that are no volume: what the viewer and a page are told of them."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from kind_collections import write_kind

from helpers import annotation_table, browse, header_table, slice_table
from helpers.errors import ClearError
from helpers.labels.labels import Label, PictureMark, SliceLabels
from helpers.labels.runs import runs_of_mask
from helpers.pictures.colours import LABEL_COLOURS
from helpers.viewer.image_browser import ImageBrowser
from helpers.viewer.image_labels import ImageLabels, reduced_labels
from helpers.viewer.images_html import ImagesPage


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    folder = write_kind("radiographs", tmp_path_factory.mktemp("radiographs"))
    return slice_table(header_table(folder, progress=False))


@pytest.fixture(scope="module")
def mask(slices):
    """Of the third image: a mark that is no mirror image of itself."""
    shape = int(slices["Rows"].iloc[2]), int(slices["Columns"].iloc[2])
    marked = np.zeros(shape, bool)
    marked[4:20, 6:9] = marked[4:8, 6:30] = True
    return marked


@pytest.fixture(scope="module")
def annotations(slices, mask):
    """Two boxes on one image, a class that says none on another, a mask on the third."""
    uids = slices["SOPInstanceUID"]
    boxes = pd.DataFrame(
        [
            {
                "image": uids.iloc[0],
                "x": 10,
                "y": 20,
                "width": 8,
                "height": 4,
                "finding": "opacity",
            },
            {"image": uids.iloc[0], "x": 1, "y": 2, "width": 5, "height": 6, "finding": "opacity"},
            {"image": uids.iloc[1], "x": np.nan, "finding": "normal"},
        ]
    )
    runs = pd.DataFrame(
        [{"ImageId": uids.iloc[2], "EncodedPixels": runs_of_mask(mask, "absolute")}]
    )
    read = annotation_table(boxes, slices), annotation_table(runs, slices, run_lengths="absolute")
    return pd.concat(read, ignore_index=True)


def _of_row(annotations, slices, row):
    browser = ImageBrowser(slices)
    return ImageLabels(annotations, browser.images).of(row)


def test_boxes_are_told_in_pixels(annotations, slices):
    (found,) = _of_row(annotations, slices, 0)
    assert [mark["shape"] for mark in found["marks"]] == ["box", "box"]
    rows, columns = np.array(found["marks"][0]["places"]).T
    assert (rows.min(), rows.max()) == (19.5, 23.5), "from edge to edge of its pixels"
    assert (columns.min(), columns.max()) == (9.5, 17.5)


def test_a_mask_is_told_by_its_outline(annotations, slices, mask):
    (found,) = _of_row(annotations, slices, 2)
    edges = np.array(found["outline"]).reshape(-1, 2, 2)
    assert edges[..., 0].min() == 6 and edges[..., 0].max() == 30, "columns"
    assert edges[..., 1].min() == 4 and edges[..., 1].max() == 20, "rows"


def test_every_name_has_one_colour_and_a_count_on_each_image(annotations, slices):
    items = ImageBrowser(slices, labels=annotations).meta["labels"]["items"]
    assert [item["colour"] for item in items] == list(LABEL_COLOURS[: len(items)])
    counts = {item["name"]: item["counts"]["image"] for item in items}
    (opacity,) = (name for name in counts if "opacity" in name)
    assert counts[opacity][:3] == [2, 0, 0] and len(counts[opacity]) == len(slices)


def test_an_image_comes_with_its_labels(annotations, slices):
    browser, sent = ImageBrowser(slices, labels=annotations), []
    browser.send = lambda content, buffers=None: sent.append(content)
    browser._answer(None, {"type": "image", "indices": [0, 3], "width": 300, "height": 300}, [])
    assert [len(one["labels"]) for one in sent] == [1, 0]
    assert json.dumps(sent[0]["labels"])


def test_a_page_without_a_kernel_has_them(annotations, slices):
    page = browse(slices, labels=annotations)
    assert isinstance(page, ImagesPage)
    (text,) = re.findall(
        r'<script type="application/json">(.*?)</script>', page._repr_mimebundle_()["text/html"]
    ) or [""]
    shown = ImagesPage(slices)._repr_mimebundle_()["image/png"]
    assert page._repr_mimebundle_()["image/png"] != shown, "the picture for where scripts are off"
    assert "opacity" in page._repr_mimebundle_()["text/html"] or "opacity" in text


def test_labels_that_are_switched_off_are_on_no_snapshot(annotations, slices):
    browser = ImageBrowser(slices, labels=annotations)
    shown = browser._repr_mimebundle_()[0]["image/png"]
    browser.hidden_labels = [item["value"] for item in browser.meta["labels"]["items"]]
    plain = ImageBrowser(slices)._repr_mimebundle_()[0]["image/png"]
    assert browser._repr_mimebundle_()[0]["image/png"] == plain != shown


def test_labels_shrink_with_their_image():
    marks = (PictureMark(1, "box", ((-0.5, -0.5), (-0.5, 3.5), (7.5, 3.5), (7.5, -0.5))),)
    label_map = np.zeros((8, 4), np.uint8)
    label_map[4:, 2:] = 1
    small = reduced_labels(SliceLabels((Label("a", 1, 0),), (label_map,), marks), (4, 2))
    assert small.maps[0].tolist() == [[0, 0], [0, 1]]
    assert small.marks[0].places == ((-0.5, -0.5), (-0.5, 1.5), (1.5, 1.5), (1.5, -0.5))


def test_what_is_no_table_of_labels_is_refused(slices):
    with pytest.raises(ClearError, match="labels_of or annotation_table"):
        browse(slices, labels="train.csv")
