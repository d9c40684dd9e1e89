"""Pictures by their structure: where letters are, in which aspect, what is said and what is not."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from helpers.headers import header_table
from helpers.orientation import EdgeLetters
from helpers.pictures import DrawingError, show_montage, show_plane_in_patient, show_planes, show_slice
from helpers.slice import Slice
from helpers.stacks import stack_slices, stack_table
from helpers.volume import load_slice, load_volume
from helpers.window import Window, WindowError

CHEST = "series/chest-ct-8mm-siemens"


@pytest.fixture(scope="module")
def volume(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    return load_volume(stack_slices(rows, stack_table(rows).index[0]))


def _texts(ax):
    return {text.get_text(): text.get_position() for text in ax.texts}


def test_letters_stand_on_their_edges(volume):
    texts = _texts(show_slice(volume.slice("coronal", 60)))
    assert texts["R"][0] < 0.1 and texts["L"][0] > 0.9
    assert texts["H"][1] > 0.9 and texts["F"][1] < 0.1


def test_letters_that_are_not_known_are_question_marks(real):
    ax = show_slice(load_slice(real / "odd/dicom-test-files/US1_UNC"))
    assert [text.get_text() for text in ax.texts].count("?") == 4


def test_millimetres_are_equally_long_both_ways(real):
    path = next((real / "series/mr-nonsquare-pixels-28x64").iterdir())
    ax = show_slice(load_slice(path))
    assert ax.get_aspect() == 1
    assert ax.images[0].get_extent() == pytest.approx((0, 64 * 6.39995861, 28 * 4.0, 0))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("mm", "mm")


def test_without_spacing_the_axes_say_px(real):
    assert show_slice(load_slice(real / "odd/cornerstone/no-pixel-spacing.dcm")).get_xlabel() == "px"


def test_corners_say_which_slice_where_and_through_which_window(volume):
    said = "\n".join(_texts(show_slice(volume.slice("axial", 4), window=(40, 400))))
    assert "5 of 24" in said and "z -75.0 mm" in said and "chosen: C 40 W 400 HU" in said
    assert "1.25 mm thick" in said and "10 mm apart" in said
    assert not _texts(show_slice(volume.slice("axial", 4), letters=False, corners=False, scale_bar=False))


def test_a_narrow_picture_has_letters_and_no_words(volume):
    narrow = plt.figure(figsize=(1.5, 1.5)).add_subplot()
    assert set(_texts(show_slice(volume.slice("axial"), ax=narrow))) == {"R", "L", "A", "P"}


def test_identity_is_off_unless_asked_for(volume):
    def words(ax):
        return ax.get_title() + "".join(_texts(ax))

    assert "P02" not in words(show_slice(volume.slice("axial", 4)))
    assert "P02-interspaced" in words(show_slice(volume.slice("axial", 4), identity=True))


def test_padding_is_transparent_and_shows_the_ground(volume):
    ax = show_slice(volume.slice("axial", 4))
    shown = ax.images[0].get_array()
    assert shown.mask[0, 0] and not shown.mask[64, 64]


def test_inversion_comes_last():
    pixels = np.array([[0, 50, 100]], float)
    slice = Slice(pixels, (1, 1), EdgeLetters(*"RLAP"), inverted=True, windows={"own": Window(50.5, 101)})
    assert slice.grey().tolist() == [[1, 0.5, 0]]
    padded = Slice(pixels, (1, 1), slice.letters, np.array([[True, False, False]]), slice.windows, inverted=True)
    assert padded.grey().tolist() == [[0, 0.5, 0]]


def test_windows_by_name(volume):
    slice = volume.slice("axial", 0)
    assert slice.window()[0] == "window 1" and slice.window("liver")[1].width == 150
    with pytest.raises(WindowError, match=r"expected a window of body, most values, .*, lungs, .*, got 'lung'"):
        slice.window("lung")


def test_three_planes_cross_in_one_point(volume):
    at = (30, -40, -20)
    for ax, plane in zip(show_planes(volume, at=at), ("axial", "coronal", "sagittal"), strict=True):
        index, place = volume.place_in(plane, at)
        assert ax.get_title() == plane and f"{index + 1} of " in "\n".join(_texts(ax))
        lines = [line.get_xydata() for line in ax.lines]
        spacing = volume.slice(plane, index).spacing
        assert lines[0][0, 1] == pytest.approx((place[0] + 0.5) * spacing[0])
        assert lines[1][0, 0] == pytest.approx((place[1] + 0.5) * spacing[1])


def test_a_montage_runs_from_first_to_last(volume):
    axes = show_montage(volume, count=5)
    assert [ax.get_title().split(" ·")[0] for ax in axes] == ["1 of 24", "7 of 24", "13 of 24", "18 of 24", "24 of 24"]
    assert len(show_montage(volume, count=100)) == 24
    assert all({"R", "L", "A", "P"} <= _texts(ax).keys() for ax in axes)


def test_a_montage_of_one(real):
    headers = header_table(real / CHEST, progress=False)
    assert len(show_montage(load_volume(headers.iloc[:1]))) == 1


def test_the_plane_in_the_patient(real):
    header = header_table(real / "series/mr-nonsquare-pixels-28x64", progress=False).iloc[0]
    ax = show_plane_in_patient(header)
    outline = ax.lines[0].get_data_3d()
    corners = np.array(outline).T
    row, column = np.reshape(header["ImageOrientationPatient"], (2, 3))
    assert np.allclose(corners[1] - corners[0], row * 64 * 6.39995861, atol=0.01)
    assert np.allclose(corners[2] - corners[1], column * 28 * 4, atol=0.01)
    first_pixel = corners[0] + row * 6.39995861 / 2 + column * 2
    assert np.allclose(first_pixel, header["ImagePositionPatient"], atol=0.01)
    words = [text.get_text() for text in ax.texts]
    assert {"row → L", "column → P", "normal → H", "R", "L", "A", "P"} <= set(words)
    assert ax.get_zlabel() == "z in mm: F ← → H"


def test_a_header_without_geometry_cannot_be_drawn(phantom_headers):
    header = phantom_headers[phantom_headers["PatientID"] == "P12-no-position"].iloc[0]
    with pytest.raises(DrawingError, match="found no usable ImagePositionPatient"):
        show_plane_in_patient(header)


def test_everything_draws_on_the_axes_it_is_given(volume, phantom_headers):
    figure, axes = plt.subplots(1, 3)
    assert show_slice(volume.slice("axial", 0), ax=axes[0]) is axes[0]
    assert show_planes(volume, axes=axes)[1] is axes[1]
    space = plt.figure().add_subplot(projection="3d")
    assert show_plane_in_patient(phantom_headers.iloc[0], ax=space) is space
    assert show_montage(volume, figure=plt.figure(), count=2)[0].figure is not figure
