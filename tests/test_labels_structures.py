"""Structure sets: contours filled at pixel centres, holes and islands, planes of every kind."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pydicom
import pytest
from label_files import contours_of, masks, read_back, structure_set, write_images
from matplotlib.path import Path as Polygon
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from helpers import load_labels, reoriented
from helpers.labels.filling import filled_sections
from helpers.labels.labels import LabelError
from helpers.labels.loading import BY_REFERENCE, FRAME_DIFFERS

CLOSED, POINT = "CLOSED_PLANAR", "POINT"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), "oblique")


def filled(contours, size):
    mask = np.zeros(size, bool)
    for section in filled_sections([(0, contours)], size):
        rows, columns = section.mask.shape
        assert not mask.any()
        mask[section.row :, section.column :][:rows, :columns] = section.mask
    return mask


def loaded(made, named, tmp_path, volume=None, change=None, **more):
    """The labels of named lists of (type, points as (slice, row, column))."""
    affine = made.volume.affine
    drawn = {
        name: [
            (kind, (np.c_[points, np.ones(len(points))] @ affine.T)[:, :3])
            for kind, points in contours
        ]
        for name, contours in named.items()
    }
    dataset = structure_set(drawn, affine)
    if change is not None:
        change(dataset)
    little = dataset.file_meta.TransferSyntaxUID.is_little_endian
    how = {"implicit_vr": dataset.file_meta.TransferSyntaxUID.is_implicit_VR}
    dataset.save_as(
        tmp_path / "rt.dcm",
        enforce_file_format=little,
        **({} if little else how | {"little_endian": False, "force_encoding": True}),
    )
    return load_labels(tmp_path / "rt.dcm", volume or made.volume, **more)


def square(index, low, high):
    return np.array(
        [(index, low, low), (index, low, high), (index, high, high), (index, high, low)]
    )


# filling


@pytest.mark.parametrize("seed", range(20))
def test_random_polygons_are_filled_as_matplotlib_fills_them(seed):
    """At centres that lie on no edge, and by even and odd where a polygon crosses itself."""
    rng, size = np.random.default_rng(seed), (40, 50)
    points = rng.uniform(-8, 55, (rng.integers(3, 40), 2))
    closed = np.vstack([points, points[:1]])
    rows, columns = np.mgrid[: size[0], : size[1]]
    # matplotlib's rule is that of even and odd, one edge after the other
    inside = np.zeros(size, bool)
    for (r0, c0), (r1, c1) in pairwise(closed):
        crosses = (r0 <= rows) != (r1 <= rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (columns > c0 + (rows - r0) / (r1 - r0) * (c1 - c0))
    assert np.array_equal(filled([points], size), inside)
    around = points[np.argsort(np.arctan2(*(points - points.mean(0)).T))]  # crosses itself nowhere
    centres = np.c_[rows.ravel(), columns.ravel()]
    expected = Polygon(around).contains_points(centres).reshape(size)
    assert np.array_equal(filled([around], size), expected)


def test_regions_with_an_edge_in_common_share_no_pixel_and_leave_none_out():
    left = np.array([(0.0, 0.0), (0.0, 4.0), (6.0, 4.0), (6.0, 0.0)])
    right = left + np.array([0, 4])
    both = filled([left], (9, 12)).astype(int) + filled([right], (9, 12))
    assert both.max() == 1 and both.sum() == 6 * 8
    assert np.array_equal(both.astype(bool), filled([left, right], (9, 12)))


@pytest.mark.parametrize("pixels", [1, 3000, 2**24])
def test_a_batch_is_as_one_after_the_other(pixels, monkeypatch):
    monkeypatch.setattr("helpers.labels.filling.MAX_PIXELS", pixels)
    rng = np.random.default_rng(0)
    slices = [(n, [rng.uniform(-5, 30, (6, 2)) for _ in range(n % 3 + 1)]) for n in range(70)]
    together = {section.slice_index: section for section in filled_sections(slices, (25, 20))}
    for index, contours in slices:
        mask = filled(contours, (25, 20))
        if mask.any():
            section = together[index]
            height, width = section.mask.shape
            own = mask[section.row : section.row + height, section.column : section.column + width]
            assert np.array_equal(section.mask, own) and own.sum() == mask.sum()
        else:
            assert index not in together


def test_contours_that_cross_rows_too_often_are_refused():
    zigzag = np.tile([(0.0, 1.0), (2.0**14, 2.0)], (600, 1))
    with pytest.raises(LabelError, match="cross its rows at most 16777216 times, got 196"):
        filled([zigzag], (2**14, 9))


# contours


def test_holes_islands_and_keyholes(made, tmp_path):
    ring = [(CLOSED, square(2, 0.6, 9.4)), ("CLOSEDPLANAR_XOR", square(2, 2.6, 7.4))]
    island = (CLOSED, square(2, 4.6, 5.4))
    hole = square(2, 2.6, 7.4)[::-1]
    outer = square(2, 0.6, 9.4)
    keyhole = (CLOSED, np.vstack([outer, outer[:1], hole[-1:], hole, outer[:1]]))
    labels = loaded(made, {"a": [*ring, island], "b": ring, "c": [keyhole]}, tmp_path)
    solid = np.zeros((12, 15), bool)
    solid[1:10, 1:10] = True
    solid[3:8, 3:8] = False
    assert np.array_equal(labels.mask("b")[2], solid)
    assert np.array_equal(labels.mask("c")[2], solid)
    solid[5, 5] = True
    assert np.array_equal(labels.mask("a")[2], solid)
    assert labels.mask("a").sum() == solid.sum()


def test_contours_through_the_centres_of_an_oblique_volume_have_straight_edges(made, tmp_path):
    """Whatever is lost of their points where they are written."""
    for low in range(1, 4):
        points = square(3, low, low + 5) + np.random.default_rng(low).normal(0, 1e-4, (4, 3))
        labels = loaded(made, {"a": [(CLOSED, points)]}, tmp_path)
        expected = np.zeros((12, 15), bool)
        expected[low : low + 5, low : low + 5] = True
        assert np.array_equal(labels.mask("a")[3], expected)


def test_two_planes_on_one_slice_are_joined_and_others_said(made, tmp_path):
    drawn = [(CLOSED, square(2, 1.6, 5.4)), (CLOSED, square(2.3, 3.6, 8.4))]
    labels = loaded(made, {"a": drawn}, tmp_path)
    expected = np.zeros((12, 15), bool)
    expected[2:6, 2:6] = True
    expected[4:9, 4:9] = True
    assert np.array_equal(labels.mask("a")[2], expected)
    assert labels.labels[0].remark == "contours up to 0.3 slices off a slice are put on the nearest"


@pytest.mark.parametrize("first", [-0.5, 0.5])
def test_contours_halfway_between_slices_leave_none_out(made, first, tmp_path):
    drawn = [(CLOSED, square(first + n, 1.6, 5.4)) for n in range(6)]
    labels = loaded(made, {"a": drawn}, tmp_path)
    on = [n + round(first + 0.5) for n in range(6)]
    assert labels.mask("a").sum((1, 2)).tolist() == [16 * (n in on) for n in range(7)]


@pytest.mark.parametrize(
    ("column", "columns"), [(6, [6]), (6.3, [6]), (5.7, [6]), (6.5, [7]), (5.5, [6])]
)
def test_one_plane_across_the_slices_is_a_voxel_thick(made, column, columns, tmp_path):
    drawn = [(CLOSED, np.array([(n, row, column) for n, row in ((1, 2), (1, 9), (5, 9), (5, 2))]))]
    labels = loaded(made, {"a": drawn}, tmp_path)
    assert np.flatnonzero(labels.mask("a").any((0, 1))).tolist() == columns
    assert 25 <= labels.mask("a").sum() <= 35
    assert ("contours in one plane are taken as 0.6 mm thick" in labels.remark) == (column != 6)


def test_what_is_not_filled_is_said(made, tmp_path):
    drawn = {
        "gaps": [(CLOSED, square(1, 1.6, 5.4)), (CLOSED, square(4, 1.6, 5.4))],
        "outside": [(CLOSED, square(1, 1.6, 5.4)), (CLOSED, square(9, 1.6, 5.4))],
        "open": [(CLOSED, square(1, 6.6, 8.4)), ("OPEN_PLANAR", square(1, 1.6, 5.4))],
        "short": [(CLOSED, square(1, 6.6, 8.4)), (CLOSED, square(1, 1.6, 5.4)[:2])],
        "none": [],
    }
    labels = loaded(made, drawn, tmp_path)
    assert {label.name: label.remark for label in labels.labels} == {
        "gaps": "2 slices between its contours without any",
        "outside": "1 contour outside of the volume",
        "open": "1 contour not filled (OPEN_PLANAR)",
        "short": "1 contour of fewer than three points",
        "none": "has no contour",
    }
    assert labels.ml("none") == 0 and labels.mask("short").sum() == 4


def test_points_are_marks(made, tmp_path):
    drawn = {
        "both": [(CLOSED, square(2, 1.6, 5.4)), (POINT, [(3, 4, 5)])],
        "spot": [(POINT, [(4, 7, 9)])],
    }
    labels = loaded(made, drawn, tmp_path)
    assert [label.layer for label in labels.labels] == [0, None]
    assert [mark.value for mark in labels.marks] == [1, 2]
    (place,) = (labels.marks[1].points,)
    expected = (made.volume.affine @ (4, 7, 9, 1))[:3]
    assert np.allclose(place, expected, atol=1e-6) and labels.marks[1].shape == "point"


def test_who_made_it_is_no_person(made, tmp_path):
    labels = loaded(made, {"a": [(CLOSED, square(2, 1.6, 5.4))]}, tmp_path)
    assert labels.labels[0].by == "manual, organ" and "Nobody" not in repr(labels.labels)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_other_encodings(made, syntax, tmp_path):
    def encode(dataset):
        dataset.file_meta.TransferSyntaxUID = syntax

    labels = loaded(made, {"a": [(CLOSED, square(2, 1.6, 5.4))]}, tmp_path, change=encode)
    assert labels.mask("a").sum() == 16


def test_sequences_without_a_length(made, tmp_path):
    def lengthless(dataset):
        for element in dataset.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True

    labels = loaded(made, {"a": [(CLOSED, square(2, 1.6, 5.4))]}, tmp_path, change=lengthless)
    assert labels.mask("a").sum() == 16


def test_a_volume_across_the_contours_takes_the_nearest(tmp_path):
    """A volume of another plane whose voxels are those of the contours' own, and a finer one."""
    made = write_images(tmp_path, "sagittal")
    drawn = {
        name: [(CLOSED, points) for _, points in contours_of(mask, made.volume.affine)]
        for name, mask in masks().items()
    }
    structure_set(drawn, None).save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    across = reoriented(made.volume, "HPL")
    labels = load_labels(tmp_path / "rt.dcm", across)
    back = reoriented(replace(across, array=labels.mask("hollow").astype(np.int16)), "LPF")
    own = reoriented(replace(made.volume, array=masks()["hollow"].astype(np.int16)), "LPF")
    assert np.array_equal(back.array, own.array)
    turned = across.affine.copy()
    tilt = np.radians(20)
    cosine, sine = np.cos(tilt), np.sin(tilt)
    rotation = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    turned[:3, :3] = rotation @ turned[:3, :3]
    middle = (across.affine @ (*np.array(across.array.shape) / 2, 1))[:3]
    turned[:3, 3] = middle - turned[:3, :3] @ np.array(across.array.shape) / 2
    oblique = load_labels(tmp_path / "rt.dcm", replace(across, affine=turned))
    assert "nearest" in oblique.remark
    expected = masks()["hollow"].sum() * oblique.voxel_ml
    assert oblique.ml("hollow") == pytest.approx(expected, rel=0.15)


def test_regions_of_another_frame_of_reference_are_left_out_and_named(made, tmp_path):
    def move(dataset):
        dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.9.9"

    drawn = {name: [(CLOSED, square(2, 1.6, 5.4))] for name in ("here", "elsewhere")}
    labels = loaded(made, drawn, tmp_path, change=move)
    assert [label.name for label in labels.labels] == ["here"]
    assert labels.remark == "of another frame of reference, left out: elsewhere"


def test_a_frame_of_reference_is_trusted_where_no_region_has_the_images_own(made, tmp_path):
    """In a file that names the images, as its row of labels_of says."""
    row = pd.DataFrame({"by": [BY_REFERENCE]}, pd.Index([str(tmp_path / "rt.dcm")], name="path"))
    drawn = {name: [(CLOSED, square(2, 1.6, 5.4))] for name in ("here", "elsewhere")}

    def move(*numbers):
        def change(dataset):
            for number in numbers:
                roi = dataset.StructureSetROISequence[number]
                roi.ReferencedFrameOfReferenceUID = "1.9.9"

        return change

    loaded(made, drawn, tmp_path, change=move(1))
    labels = load_labels(row, made.volume)
    assert [label.name for label in labels.labels] == ["here"]
    assert labels.remark == "of another frame of reference, left out: elsewhere"
    with pytest.raises(LabelError, match="Frame of Reference UID"):
        load_labels(row, made.volume, names="elsewhere")
    with pytest.raises(LabelError, match="Frame of Reference UID"):
        loaded(made, drawn, tmp_path, change=move(0, 1))
    labels = load_labels(row, made.volume)
    assert [labels.mask(label).sum() for label in labels.labels] == [16, 16]
    assert labels.remark == FRAME_DIFFERS


def test_regions_of_one_number_are_refused(made, tmp_path):
    def same(dataset):
        for item in (*dataset.StructureSetROISequence, *dataset.ROIContourSequence):
            for element in item:
                if element.keyword in ("ROINumber", "ReferencedROINumber"):
                    element.value = 4

    drawn = {"a": [(CLOSED, square(2, 1.6, 5.4))], "b": [(CLOSED, square(4, 1.6, 5.4))]}
    with pytest.raises(LabelError, match=r"expected each ROI Number once in .*, got 4 2 times"):
        loaded(made, drawn, tmp_path, change=same)


def test_real_structures_are_filled_as_matplotlib_fills_them(real):
    """At the centres that lie on no edge."""
    folder = real / "odd" / "rt-utils" / "mock_data"
    made = read_back(folder)
    path = folder / "invalid_reference_rt.dcm"
    labels = load_labels(path, made.volume)
    dataset = pydicom.dcmread(path)
    to_voxel = np.linalg.inv(made.volume.affine)
    rows, columns = np.mgrid[: made.volume.array.shape[1], : made.volume.array.shape[2]]
    centres = np.c_[rows.ravel(), columns.ravel()]
    for label, item in zip(labels.labels, dataset.ROIContourSequence):
        mask = np.zeros(labels.shape, bool)
        for contour in item.ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            voxels = points @ to_voxel[:3, :3].T + to_voxel[:3, 3]
            index = round(voxels[:, 0].mean())
            if 0 <= index < len(mask):
                polygon = Polygon(voxels[:, 1:])
                mask[index] ^= polygon.contains_points(centres).reshape(rows.shape)
        differing = (mask != labels.mask(label)).sum()
        assert differing <= 0.01 * mask.sum() and mask.sum() > 1000
        assert labels.ml(label) == pytest.approx(mask.sum() * labels.voxel_ml, rel=0.01)


def test_pydicoms_own_example_has_no_volume_and_is_read(real):
    from helpers.labels.contours import rois_of

    rois = rois_of(str(real / "odd" / "pydicom" / "rtstruct.dcm"))
    dataset = pydicom.dcmread(real / "odd" / "pydicom" / "rtstruct.dcm", force=True)
    assert [roi.name for roi in rois] == [one.ROIName for one in dataset.StructureSetROISequence]
    for roi, item in zip(rois, dataset.ROIContourSequence):
        for own, contour in zip(roi.contours, item.ContourSequence):
            assert own.kind == contour.ContourGeometricType
            assert own.points.ravel().tolist() == [*map(float, contour.ContourData)]


# damaged ones


def test_damaged_contours_are_refused_in_one_line(made, tmp_path):
    def with_data(text):
        def change(dataset):
            contour = dataset.ROIContourSequence[0].ContourSequence[0]
            contour.add_new(0x30060050, "LT", text)

        return change

    for text, words in {
        "1\\2\\3\\4": "x, y and z",
        "1\\2\\x": "numbers",
        "1\\2\\nan": "within",
        "1\\2\\1e300": "within",
        "1\\\\3": "numbers",
    }.items():
        with pytest.raises(LabelError, match=words) as caught:
            loaded(made, {"a": [(CLOSED, square(2, 1, 5))]}, tmp_path, change=with_data(text))
        assert "\n" not in str(caught.value) and "contour 1 of ROI 1" in str(caught.value)


def test_missing_elements_are_no_failure(made, tmp_path):
    drawn = {"a": [(CLOSED, square(2, 1.6, 5.4))]}

    def without(*keywords):
        def change(dataset):
            for item in (dataset, *dataset.ROIContourSequence, *dataset.StructureSetROISequence):
                for keyword in keywords:
                    if keyword in item:
                        del item[keyword]

        return change

    labels = loaded(made, drawn, tmp_path, change=without("RTROIObservationsSequence", "ROIName"))
    assert labels.labels[0].name == "ROI 1" and labels.mask("ROI 1").sum() == 16
    labels = loaded(made, drawn, tmp_path, change=without("StructureSetROISequence"))
    assert labels.mask("ROI 1").sum() == 16
    for keyword in ("ROIContourSequence", "ContourSequence"):
        labels = loaded(made, drawn, tmp_path, change=without(keyword))
        assert labels.ml("a") == 0 and labels.labels[0].remark == "has no contour"
    with pytest.raises(LabelError, match="ROI Number"):
        loaded(made, drawn, tmp_path, change=without("ROINumber"))
    with pytest.raises(LabelError, match="Referenced ROI Number"):
        loaded(made, drawn, tmp_path, change=without("ReferencedROINumber"))


def test_a_file_that_is_cut_short_is_refused(made, tmp_path):
    loaded(made, {"a": [(CLOSED, square(2, 1.6, 5.4))] * 40}, tmp_path)
    content = (tmp_path / "rt.dcm").read_bytes()
    for part in (0.3, 0.6, 0.9, 0.99):
        (tmp_path / "cut.dcm").write_bytes(content[: int(part * len(content))])
        with pytest.raises(LabelError) as caught:
            load_labels(tmp_path / "cut.dcm", made.volume)
        assert "\n" not in str(caught.value)


def test_a_million_contours_are_refused_in_time(made, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.labels.contours.MAX_CONTOURS", 100)
    with pytest.raises(LabelError, match="expected at most 100 contours"):
        loaded(
            made,
            {"a": [(CLOSED, square(2, 1, 5))] * 60, "b": [(CLOSED, square(2, 1, 5))] * 60},
            tmp_path,
        )
