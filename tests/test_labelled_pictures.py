"""Labels on pictures: where their outlines run, what is named, and in which colour."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from helpers import Volume, show_montage, show_planes, show_slice
from helpers.errors import ClearError
from helpers.labels.labels import Label, Mark, Part, PictureMark, Section, layered, section_of
from helpers.pictures.colours import LABEL_COLOURS, label_colour
from helpers.pictures.labelled import outline
from helpers.pictures.style import DrawingError

SHAPE, STEP = (10, 40, 50), (3.0, 0.5, 0.8)  # mm from slice to slice, row to row, column to column
AFFINE = np.array([[0, 0, STEP[2], 0], [0, STEP[1], 0, 0], [STEP[0], 0, 0, 0], [0, 0, 0, 1.0]])
VOLUME = Volume(np.zeros(SHAPE, np.int16), AFFINE, unit="HU")


@pytest.fixture
def labels():
    """A block in slices 3 to 6, a part of it as a second label, a point and a box in slice 5."""
    block, part = np.zeros(SHAPE[1:], bool), np.zeros(SHAPE[1:], bool)
    block[10:20, 30:45], part[12:14, 31:33] = True, True
    parts = [
        Part("block", [section_of(index, block) for index in range(3, 7)]),
        Part("part", [section_of(5, part)]),
    ]
    found = layered(parts, AFFINE, SHAPE, kind="SEG", source="made.dcm")
    corners = [(5, 2, 3), (5, 2, 9), (5, 8, 9), (5, 8, 3)]
    points = [tuple((AFFINE @ [*voxel, 1])[:3]) for voxel in corners]
    marks = (Mark(3, "box", tuple(points)), Mark(4, "point", (points[0],), "here"))
    named = (*found.labels, Label("opacity", 3), Label("nodule", 4))
    return replace(found, labels=named, marks=marks, _counts={})


def _outlines(ax):
    return [one for one in ax.collections if isinstance(one, LineCollection)]


def _names(ax):
    return {text.get_text(): text.get_color() for text in ax.texts}


def test_an_outline_runs_along_the_edges_of_pixels():
    mask = np.zeros((5, 6), bool)
    mask[1:4, 2:5] = True
    mask[2, 3] = False
    edges = outline(mask)
    assert len(edges) == 8, "four sides and four of the hole"
    assert np.abs(np.diff(edges, axis=1)).sum() == 12 + 4
    assert edges[..., 0].min() == 2 and edges[..., 0].max() == 5
    assert edges[..., 1].min() == 1 and edges[..., 1].max() == 4


@pytest.mark.parametrize("mask", [np.zeros((3, 4), bool), np.ones((3, 4), bool)])
def test_outlines_of_nothing_and_of_everything(mask):
    assert len(outline(mask)) == (4 if mask.any() else 0)


def test_labels_are_drawn_in_millimetres_and_named(labels):
    ax = show_slice(VOLUME.slice("axial", 5), labels=labels.slice("axial", 5))
    block, part = _outlines(ax)
    ends = np.concatenate(block.get_segments())
    assert ends.min(0) == pytest.approx((30 * STEP[2], 10 * STEP[1]))
    assert ends.max(0) == pytest.approx((45 * STEP[2], 20 * STEP[1]))
    ml = 4 * 10 * 15 * np.prod(STEP) / 1000
    names = _names(ax)
    assert names[f"block: {ml:.3g} ml"] == LABEL_COLOURS[0]
    assert names["nodule"] == LABEL_COLOURS[3] and "opacity" in names
    assert tuple(part.get_color()[0]) == to_rgba(LABEL_COLOURS[1])
    (box,) = ax.patches[-1:]
    assert box.get_xy()[0] == pytest.approx((3.5 * STEP[2], 2.5 * STEP[1]))


def test_only_what_is_on_a_slice_is_named(labels):
    names = _names(show_slice(VOLUME.slice("axial", 3), labels=labels.slice("axial", 3)))
    assert [name.split(":")[0] for name in names if "ml" in name] == ["block"]
    assert "nodule" not in names


def test_areas_are_filled_where_asked(labels):
    shown = labels.slice("axial", 5)
    ax = show_slice(VOLUME.slice("axial", 5), labels=shown, fill=0.4)
    _, area, *_ = ax.images
    alpha = np.asarray(area.get_array())[..., 3]
    assert alpha[15, 40] == pytest.approx(0.4) and alpha[0, 0] == 0
    with pytest.raises(DrawingError, match="opacity"):
        show_slice(VOLUME.slice("axial", 5), labels=shown, fill=2)


def test_three_planes_show_the_same_point(labels):
    axes = show_planes(VOLUME, at=labels.marks[1].points[0], labels=labels)
    assert all("nodule" in _names(ax) for ax in axes)
    assert ["opacity" in _names(ax) for ax in axes] == [True, False, False], "a box is flat"


def test_a_montage_shows_slices_with_labels(labels):
    axes = show_montage(VOLUME, labels=labels, count=4)
    assert [ax.get_title().split(" of")[0] for ax in axes] == ["4", "5", "6", "7"]
    assert all(_outlines(ax) for ax in axes)
    plt.close("all")


def test_colours_that_come_again_are_dashed():
    mask = np.ones((2, 2), bool)
    parts = [Part(f"label {n}", [Section(0, 0, 3 * n, mask)]) for n in range(9)]
    affine, shape = np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]], (1, 2, 60)
    many = layered(parts, affine, shape, kind="SEG", source="")
    plain = Volume(np.zeros(shape, np.int16), affine)
    outlines = _outlines(show_slice(plain.slice("axial", 0), labels=many.slice("axial", 0)))
    assert label_colour(9) == label_colour(1)
    assert outlines[0].get_linestyle() != outlines[8].get_linestyle()


def test_what_is_no_label_is_refused(labels):
    with pytest.raises(ClearError, match="SliceLabels"):
        show_slice(VOLUME.slice("axial", 5), labels=labels)


def test_a_point_beside_the_volume_is_not_seen_and_stretches_no_picture(labels):
    far = tuple((AFFINE @ [5, -400, 10, 1])[:3])
    strange = replace(labels, marks=(Mark(4, "point", (far,)),), _counts={})
    assert not any(strange.counts("nodule", plane).any() for plane in ("axial", "coronal"))
    assert not strange.slice("axial", 5).marks
    shown = replace(labels.slice("axial", 5), marks=(PictureMark(4, "point", ((9000, 3),)),))
    ax = show_slice(VOLUME.slice("axial", 5), labels=shown)
    assert ax.get_ylim() == (SHAPE[1] * STEP[1], 0)
