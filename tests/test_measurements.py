"""What was measured in a viewer, against numpy on the same pixels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom import examples

from helpers import Volume, header_table, slice_table, stack_table
from helpers.geometry.planes import PLANES, PlaneError
from helpers.viewer.image_browser import ImageBrowser
from helpers.viewer.image_data import length_unit
from helpers.viewer.measurements import (
    IMAGE_COLUMNS,
    VOLUME_COLUMNS,
    MeasurementError,
    shape_mask,
    shape_values,
)
from helpers.viewer.stack_browser import StackBrowser
from helpers.viewer.standalone_html import stored_viewer
from helpers.viewer.viewer_data import picture_affine
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.slice import Slice

SHAPE = (7, 12, 10)
STRAIGHT = np.array([[0.8, 0, 0, -4], [0, 0, 0.5, -3], [0, -3, 0, 9], [0, 0, 0, 1.0]])[
    :, [1, 2, 0, 3]
]
SHEARED = np.array([[0, 0.1, 0.8, -4], [0.7, 0.5, 0, -3], [3, 0.05, 0.1, 9], [0, 0, 0, 1.0]])


def _volume(affine=SHEARED, dtype=np.int16, padded=False, **more):
    random = np.random.default_rng(7)
    array = random.normal(40, 300, SHAPE).astype(dtype)
    padding = random.random(SHAPE) < 0.2 if padded else None
    return Volume(array=array, affine=affine, unit="HU", padding=padding, **more)


def _points(volume, plane, index, *pixels):
    """Pixels of a slice as LPS mm."""
    return [(volume.affine_of(plane, index) @ [0, *pixel, 1])[:3].tolist() for pixel in pixels]


def _row(viewer, kind, points):
    row = viewer.measure(kind, points)
    assert row.equals(viewer.measurements.iloc[-1])
    return row


@pytest.mark.parametrize("affine", [STRAIGHT, SHEARED], ids=["non-square", "sheared"])
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_values_of_a_rectangle_are_those_of_numpy(affine, plane, padded, dtype):
    volume = _volume(affine, dtype, padded)
    viewer = VolumeBrowser(volume, plane=plane)
    index = viewer.index - 1
    row = _row(viewer, "rectangle", _points(volume, plane, index, (4, 6), (1, 2)))
    picture = volume.slice(plane, index)
    box = np.s_[1:5, 2:7]
    values = picture.array[box].ravel().astype(float)
    if padded:
        values = picture.array[box][~picture.padding[box]].astype(float)
        assert row["padding"] == picture.padding[box].sum() > 0
    expected = len(values), values.mean(), values.std(), values.min(), values.max()
    assert tuple(row[["n", "mean", "sd", "min", "max"]]) == pytest.approx(expected, rel=1e-12)
    assert (row["kind"], row["plane"], row["index"], row["unit"]) == (
        *("rectangle", plane, index, "HU"),
    )
    step = np.linalg.norm(np.cross(*picture_affine(volume, plane)[:3, 1:3].T))
    assert row["area_mm2"] == pytest.approx(3 * 4 * step)


def test_an_ellipse_takes_the_pixels_whose_middles_lie_in_it():
    mask = shape_mask("ellipse", np.array([[1, 1], [5, 9]]), (7, 12))
    row, column = np.mgrid[:7, :12]
    assert np.array_equal(mask, ((row - 3) / 2) ** 2 + ((column - 5) / 4) ** 2 <= 1)
    assert mask[1, 5] and mask[3, 1] and mask[3, 9], "on its edge"
    volume = _volume()
    viewer = VolumeBrowser(volume, plane="axial")
    row = _row(viewer, "ellipse", _points(volume, "axial", 3, (1, 1), (5, 9)))
    picture = volume.slice("axial", 3)
    inside = shape_mask("ellipse", np.array([[1, 1], [5, 9]]), picture.array.shape)
    assert row["mean"] == pytest.approx(picture.array[inside].mean())
    assert row["n"] == inside.sum()


@pytest.mark.parametrize("affine", [STRAIGHT, SHEARED], ids=["non-square", "sheared"])
def test_lengths_and_angles_are_those_in_the_patient(affine):
    volume = _volume(affine)
    viewer = VolumeBrowser(volume)
    points = _points(volume, "coronal", 2, (1, 2), (5, 8), (3, 0))
    one, corner, other = np.array(points)
    row = _row(viewer, "distance", points[:2])
    assert row["length_mm"] == pytest.approx(np.linalg.norm(one - corner))
    assert row[["angle_deg", "area_mm2", "mean"]].isna().all()
    row = _row(viewer, "angle", points)
    a, b = one - corner, other - corner
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert row["angle_deg"] == pytest.approx(np.degrees(np.arccos(cosine)))


def test_there_is_an_empty_table_at_first():
    viewer = VolumeBrowser(_volume())
    table = viewer.measurements
    assert isinstance(table, pd.DataFrame) and table.empty
    assert list(table) == VOLUME_COLUMNS and viewer.measured == []


def test_traits_are_set_observed_and_taken_away():
    volume, seen = _volume(), []
    viewer = VolumeBrowser(volume)
    viewer.observe(lambda change: seen.append(len(change.new)), "measured")
    viewer.measured = [
        {
            "kind": "distance",
            "plane": "axial",
            "points_mm": _points(volume, "axial", 1, (1, 1), (2, 2)),
        }
    ]
    assert viewer.measurements["index"].tolist() == [1]
    viewer.measured = []
    assert seen == [1, 0] and viewer.measurements.empty


@pytest.mark.parametrize(
    ("kind", "points", "words"),
    [
        (
            "line",
            [(0, 0, 0)] * 2,
            "expected one of distance, angle, rectangle, ellipse, got 'line'",
        ),
        ("distance", [(0, 0, 0)] * 3, r"expected 2 points \(x, y, z\) in LPS mm of a distance"),
        ("distance", [(0, 0), (1, 1)], r"expected 2 points \(x, y, z\) in LPS mm"),
        ("distance", "ab", "expected 2 points"),
        ("distance", None, "expected 2 points"),
        ("angle", [(0, 0, np.nan)] * 3, "expected 3 points"),
    ],
)
def test_what_has_no_meaning_is_refused_in_one_line(kind, points, words):
    viewer = VolumeBrowser(_volume())
    with pytest.raises(MeasurementError, match=words) as caught:
        viewer.measure(kind, points)
    assert "\n" not in str(caught.value) and viewer.measured == []


def test_points_outside_the_volume_and_areas_across_slices_are_refused():
    volume = _volume()
    viewer = VolumeBrowser(volume, plane="axial")
    with pytest.raises(PlaneError, match="expected a point inside the volume"):
        viewer.measure("distance", [(0, 0, 0), (1e4, 0, 0)])
    apart = _points(volume, "axial", 1, (1, 1)) + _points(volume, "axial", 2, (3, 3))
    with pytest.raises(MeasurementError, match=r"on one axial slice, got slices 2\.0 and 3\.0"):
        viewer.measure("rectangle", apart)
    assert viewer.measure("distance", apart)["length_mm"] > 3, "from slice to slice"
    with pytest.raises(MeasurementError, match="expected a plane of axial"):
        viewer.measured = [{"kind": "distance", "plane": "oblique", "points_mm": apart}]


def test_the_browser_is_told_the_values_that_it_asks_for():
    volume, sent = _volume(padded=True), []
    viewer = VolumeBrowser(volume, plane="axial")
    viewer.send = lambda content, buffers=None: sent.append(content)
    item = {
        "kind": "ellipse",
        "plane": "axial",
        "points_mm": _points(volume, "axial", 3, (1, 1), (5, 9)),
    }
    viewer._answer(None, {"type": "measure", "key": "k", "member": 0, "item": item}, [])
    viewer.measured = [item]
    answer, row = sent[0], viewer.measurements.iloc[0]
    assert (answer["type"], answer["key"]) == ("measured", "k")
    assert answer["statistics"] == {name: row[name] for name in answer["statistics"]}
    assert set(answer["statistics"]) == {"n", "mean", "sd", "min", "max", "padding"}


def test_a_shape_without_a_pixel_has_no_values():
    picture = Slice(np.ones((4, 4)), (1, 1), ("R", "L", "A", "P"), padding=np.ones((4, 4), bool))
    none = dict.fromkeys(("mean", "sd", "min", "max"))
    corners = np.array([[1, 1], [2, 2]])
    assert shape_values(picture, "rectangle", corners) == {"n": 0, **none, "padding": 4}
    between = np.array([[1.2, 1.2], [1.8, 1.8]])
    assert shape_values(picture, "ellipse", between) == {"n": 0, **none, "padding": 0}


def test_those_of_a_stack_are_there_again_when_it_is(phantom_slices):
    some = phantom_slices[phantom_slices["PatientID"].str.startswith(("P01", "P02"), na=False)]
    browser = StackBrowser(some)
    browser.wait(60)
    first, other = stack_table(some).index[:2]
    browser.go_to(first)
    browser.wait(60)
    middle = browser.viewer.volume.middle
    expected = browser.measure("distance", [middle, middle + 1])
    browser.go_to(other)
    browser.wait(60)
    assert browser.measurements.empty
    browser.go_to(first)
    browser.wait(60)
    assert browser.measurements.iloc[0].equals(expected)
    browser.close()


def test_a_saved_page_has_them():
    volume = _volume()
    viewer = VolumeBrowser(volume, plane="axial")
    viewer.measure("distance", _points(volume, "axial", 3, (1, 1), (5, 9)))
    data = stored_viewer(volume, 1e6, plane="axial", measured=viewer.measured).data
    assert data["state"]["measured"] == viewer.measured


# images


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two radiographs of 20 × 30, the second MONOCHROME1, and a picture in colour."""
    folder = tmp_path_factory.mktemp("radiographs")
    for number, name in enumerate(("MONOCHROME2", "MONOCHROME1"), 1):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", f"1.2.{number}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.4", f"1.3.{number}"
        dataset.Modality, dataset.Rows, dataset.Columns = "CR", 20, 30
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, name
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation = 0
        if number == 1:
            dataset.ImagerPixelSpacing = [0.2, 0.1]
        pixels = np.arange(600, dtype="<u2") * number
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    paths = [*sorted(map(str, folder.glob("*.dcm"))), str(examples.get_path("rgb_color"))]
    return slice_table(header_table(paths, progress=False))


def test_measurements_on_images_are_in_their_pixels_and_say_where_millimetres_hold(images):
    viewer = ImageBrowser(images)
    assert list(viewer.measurements) == IMAGE_COLUMNS
    rows = {}
    for index in range(3):
        viewer.index = index
        row = viewer.measure("rectangle", [(2, 3), (5, 9)])
        length = viewer.measure("distance", [(0, 0), (4, 3)])["length"]
        rows[row["length_unit"], viewer.slice.array.ndim] = row, length, viewer.slice
    table = viewer.measurements
    assert table["path"].nunique() == 3 and set(table["frame"]) == {0}
    row, length, image = rows["mm at the detector", 2]
    assert length == pytest.approx(np.hypot(4 * 0.2, 3 * 0.1))
    assert row["area"] == pytest.approx(3 * 0.2 * 6 * 0.1)
    row, length, image = rows["px", 2]
    assert (length, row["area"]) == (5, 18) and image.inverted
    values = image.array[2:6, 3:10]
    assert row["n"] == 28 and row["mean"] == values.mean() and row["sd"] == values.std()
    colour, *_ = next(found for (_, dimensions), found in rows.items() if dimensions == 3)
    assert colour[["n", "mean", "sd", "padding"]].isna().all() and colour["area"] > 0


def test_pixels_outside_an_image_are_refused(images):
    viewer = ImageBrowser(images)
    with pytest.raises(MeasurementError, match="expected pixels of an image of 20 × 30, got"):
        viewer.measure("distance", [(0, 0), (25, 3)])
    with pytest.raises(MeasurementError, match="expected an index from 0 to 2, got 9"):
        viewer.measured = [{"kind": "distance", "index": 9, "points": [(0, 0), (1, 1)]}]


def test_the_unit_of_a_length_says_where_it_holds():
    image = Slice(np.zeros((2, 2)), (1, 1), ("R", "L", "A", "P"))
    units = {
        "": "mm",
        "as scanned": "mm as scanned",
        "of the 2D region, not of": "mm of the 2D region",
    }
    assert {one: length_unit(replace(image, caption={"spacing": one})) for one in units} == units
    assert (
        length_unit(replace(image, spacing_unit="px", caption={"spacing": "mm in regions"})) == "px"
    )
