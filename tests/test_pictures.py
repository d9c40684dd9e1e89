"""Pictures by their structure: where letters are, in which aspect, what is said and what is not."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from itertools import combinations

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt
from PIL import Image
from stacks_of import best_stack

from helpers import (
    Slice,
    Window,
    header_table,
    load_slice,
    load_volume,
    plot_histogram,
    show_montage,
    show_plane_in_patient,
    show_planes,
    show_slice,
    show_windows,
)
from helpers.geometry.orientation import EdgeLetters
from helpers.pictures.slices import snapshot
from helpers.pictures.style import PADDING_COLOUR, DrawingError
from helpers.pixels.window import WindowError

CHEST = "series/chest-ct-8mm-siemens"


@pytest.fixture(scope="module")
def volume(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    return load_volume(best_stack(rows))


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
    ax = show_slice(load_slice(real / "odd/dicom-test-files/US1_UNC"))
    assert ax.get_xlabel() == "px"


def test_corners_say_which_slice_where_and_through_which_window(volume):
    said = "\n".join(_texts(show_slice(volume.slice("axial", 4), window=(40, 400))))
    assert "5 of 24" in said and "z -75.0 mm" in said and "custom: C 40 W 400 HU" in said
    assert "1.25 mm thick" in said and "10 mm apart" in said
    assert not _texts(
        show_slice(volume.slice("axial", 4), letters=False, corners=False, scale_bar=False)
    )


def test_a_narrow_picture_has_letters_and_no_words(volume):
    narrow = plt.figure(figsize=(1.5, 1.5)).add_subplot()
    assert set(_texts(show_slice(volume.slice("axial"), ax=narrow))) == {"R", "L", "A", "P"}


def test_identity_is_off_unless_asked_for(volume):
    def words(ax):
        return ax.get_title() + "".join(_texts(ax))

    assert "P02" not in words(show_slice(volume.slice("axial", 4)))
    assert "P02-interspaced" in words(show_slice(volume.slice("axial", 4), identity=True))
    assert all("P02-interspaced" in ax.get_title() for ax in show_planes(volume, identity=True))
    assert "P02-interspaced" in show_montage(volume, identity=True)[0].figure.get_suptitle()
    assert "P02" not in show_montage(volume)[0].figure.get_suptitle()


def test_padding_is_transparent_and_shows_the_ground(volume):
    ax = show_slice(volume.slice("axial", 4))
    shown = ax.images[0].get_array()
    assert shown.mask[0, 0] and not shown.mask[64, 64]


def test_a_montage_and_three_planes_have_one_window(volume):
    expected = volume.window("most values")[1].text("HU")
    axes = show_montage(volume, count=4, window="most values")
    assert expected in axes[0].figure.get_suptitle()
    for index, ax in zip((0, 8, 15, 23), axes):
        cut = volume.slice("axial", index)
        assert np.array_equal(
            ax.images[0].get_array().data, cut.grey(volume.window("most values")[1])
        )
    said = [
        " ".join("\n".join(_texts(ax)).split()) for ax in show_planes(volume, window="most values")
    ]
    assert all(f"most values: {expected}" in text for text in said)


def test_histograms_of_whole_numbers_draw_every_value():
    pixels = np.repeat([[0, 1, 2]], 30, axis=0).astype(np.int16)
    ax = plot_histogram(Slice(pixels, (1, 1), EdgeLetters(*"RLAP")))
    (bars,) = [patch for patch in ax.patches if hasattr(patch, "get_data")]
    counts, edges = bars.get_data().values, bars.get_data().edges
    for value in (0, 1, 2):
        place = np.searchsorted(edges, value, side="right") - 1
        assert counts[place] == pytest.approx(100 / 3)
        assert ax.get_xlim()[0] <= edges[place] < edges[place + 1] <= ax.get_xlim()[1]


def test_a_histogram_of_a_volume_has_the_windows_of_the_volume(volume):
    ax = plot_histogram(volume, window="whole range")
    window = volume.window("whole range")[1].text("HU")
    assert ax.get_title().startswith(f"whole range: {window}; 2")
    assert ax.get_xlim()[0] > -1200, "padding is left out"


def test_a_histogram_of_colour_has_a_line_for_each_channel():
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels[:5], pixels[5:] = (200, 100, 50), (7, 7, 7)
    ax = plot_histogram(Slice(pixels, (1, 1), EdgeLetters(*"RLAP")))
    lines = {patch.get_label(): patch.get_data().values for patch in ax.patches}
    assert list(lines) == ["red", "green", "blue"]
    for (name, shares), value in zip(lines.items(), (200, 100, 50)):
        assert {int(place): shares[place] for place in np.flatnonzero(shares)} == {
            7: 50,
            value: 50,
        }, name
    assert "50.0% of the pixels are grey" in ax.get_title() and "0 to 255" in ax.get_xlabel()


@pytest.mark.parametrize(
    ("shape", "colour"),
    [((2500, 2000), False), ((4000, 30), True), ((30, 4000), False), ((1, 500), True), ((2, 2), 1)],
)
def test_pictures_of_any_shape_are_drawn_in_their_proportions(shape, colour):
    pixels = np.zeros((*shape, 3), np.uint8) if colour else np.arange(np.prod(shape)) % 4096
    slice = Slice(pixels.reshape(*shape, *(3,) * colour), (1, 1), EdgeLetters(*"RLHF"))
    ax = show_slice(replace(slice, spacing_unit="px"))
    ax.figure.canvas.draw()
    box = ax.get_window_extent()
    assert box.width / box.height == pytest.approx(shape[1] / shape[0], rel=0.05)
    assert ax.get_xlabel() == "px" and not ax.patches, "no bar of mm"


def test_a_view_stands_on_the_picture_and_where_its_millimetres_hold(real):
    ax = show_slice(load_slice(real / "odd/highdicom/dx_image.dcm"))
    said = " ".join("\n".join(_texts(ax)).split())
    assert "L · THORAX" in said and "at the detector, not in the patient" in said
    assert "100 mm" in said or "50 mm" in said


@pytest.mark.parametrize(
    ("spacing", "bar"), [(0.00025, "5 µm"), (0.0025, "50 µm"), (0.005, "0.1 mm"), (5, "100 mm")]
)
def test_the_bar_of_a_slide_is_told_in_micrometres(spacing, bar):
    slice = Slice(np.zeros((100, 100, 3), np.uint8), (spacing, spacing), EdgeLetters(*"????"))
    ax = show_slice(slice)
    assert bar in _texts(ax)
    (drawn,) = ax.patches
    length = float(bar.split()[0]) / (1000 if "µm" in bar else 1)
    assert drawn.get_width() == pytest.approx(length / (100 * spacing))


def test_what_a_header_says_is_drawn_as_it_is_and_not_as_a_formula(volume):
    slice = volume.slice("axial")
    hostile = replace(slice, caption={**slice.caption, "view": "$\\nothing{", "patient": "a$x_{$"})
    show_slice(hostile, identity=True).figure.canvas.draw()
    named = replace(volume, windows={"a$x_{$": Window(0, 100)}, caption={"patient": "a$x_{$"})
    show_montage(named, count=2, identity=True)[0].figure.canvas.draw()


def test_windows_of_8_bits_and_of_monochrome1(real):
    """Every window of a MONOCHROME1 image is inverted, and each has its name."""
    path = real / "odd/highdicom/dx_image.dcm"
    axes = show_windows(load_slice(path))
    assert len(axes) >= 2 and len({ax.get_title() for ax in axes}) == len(axes)
    picture = load_slice(path)
    assert picture.inverted
    for ax, window in zip(axes, (None, "body")):
        assert np.array_equal(ax.images[0].get_array(), picture.grey(window))
    pixels, shown = picture.array, axes[0].images[0].get_array()
    assert shown[pixels == pixels.max()].max() < shown[pixels == pixels.min()].min()


def test_a_projection_has_no_plane_in_the_patient(real):
    header = header_table([real / "odd/highdicom/dx_image.dcm"], progress=False).iloc[0]
    said = r"found no usable ImageOrientationPatient and ImagePositionPatient, only .* L\\F: show_"
    with pytest.raises(DrawingError, match=said):
        show_plane_in_patient(header)
    with pytest.raises(DrawingError, match="nor directions of its edges: show_slice"):
        show_plane_in_patient({"Modality": "US"})


@pytest.mark.parametrize("shape", [(10, 2000), (2000, 10), (40, 800), (3, 3)])
def test_flat_pictures_have_no_words_and_no_letters_that_change_places(shape):
    pixels = np.arange(np.prod(shape)).reshape(shape)
    ax = show_slice(Slice(pixels, (1, 1), EdgeLetters(*"RLAP")), badge="! gap")
    ax.figure.canvas.draw()
    boxes = {text.get_text(): text.get_window_extent() for text in ax.texts}
    picture = ax.get_window_extent()
    for text, box in boxes.items():
        assert box.y0 >= picture.y0 - 1 and box.y1 <= picture.y1 + 1, text
        assert box.x0 >= picture.x0 - 1 and box.x1 <= picture.x1 + 1, text
    for one, other in combinations(boxes, 2):
        assert not boxes[one].overlaps(boxes[other]), (one, other)


@pytest.mark.parametrize(("inches", "dpi"), [(6, 100), (3, 100), (2, 200), (12, 50), (3, 50)])
def test_a_long_badge_leaves_letters_and_captions_alone(volume, inches, dpi):
    figure = plt.figure(figsize=(inches, inches), dpi=dpi)
    badge = "! uneven-spacing, repeated-slice, wrong-declared-spacing"
    ax = show_slice(volume.slice("axial"), ax=figure.add_subplot(), badge=badge)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) >= 4
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


def test_words_on_the_right_end_before_the_edge_of_the_picture():
    words = "grey: C 40 W 400 HU; in colour: C 2.5 W 5 SUVbw; at the detector, not in the patient"
    caption = {"remark": words, "spacing": "6.25 mm apart"}
    slice = Slice(np.zeros((64, 64)), (1, 1), EdgeLetters(*"RLAP"), caption=caption)
    seen = _seen(slice, (2000, 4)).max(axis=2) > 128
    last = np.flatnonzero(seen[300:].any(axis=0))[-1]
    assert 490 < last < 509, "half of the margin at least stays black"


def test_corners_are_those_that_are_asked_for(volume):
    slice = volume.slice("axial")
    ax = show_slice(slice, corners=["spacing"], letters=False, scale_bar=False)
    assert list(_texts(ax)) == ["10 mm apart"]
    said = r"expected corners to be True, False or some of view, slice, .*'postion'"
    with pytest.raises(DrawingError, match=said):
        show_slice(slice, corners=["postion"])


def test_windows_side_by_side(volume, real):
    titles = [ax.get_title() for ax in show_windows(volume.slice("axial"))]
    assert titles[0].startswith("window 1: C -500 W 1500 HU")
    assert any(title.startswith("lungs") for title in titles)
    assert len(show_windows(volume.slice("axial"), windows="brain")) == 1
    assert len(show_windows(volume.slice("axial"), windows=[])) == len(titles)
    assert len(show_windows(load_slice(real / "odd/pydicom/SC_rgb_small_odd.dcm"))) == 1


def test_inversion_comes_last():
    pixels = np.array([[0, 50, 100]], float)
    windows = {"own": Window(50.5, 101)}
    slice = Slice(pixels, (1, 1), EdgeLetters(*"RLAP"), inverted=True, windows=windows)
    assert slice.grey().tolist() == [[1, 0.5, 0]]
    padded = replace(slice, padding=np.array([[True, False, False]]))
    assert padded.grey().tolist() == [[0, 0.5, 0]]


def test_windows_by_name(volume):
    slice = volume.slice("axial", 0)
    assert slice.window()[0] == "window 1" and slice.window("liver")[1].width == 150
    said = r"expected a window of body, most values, .*, lungs, .*, got 'lung'"
    with pytest.raises(WindowError, match=said):
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
    numbers = [ax.get_title().split(" ·")[0] for ax in axes]
    assert numbers == [f"{number} of 24" for number in (1, 7, 13, 18, 24)]
    assert len(show_montage(volume, count=100)) == 24
    assert all({"R", "L", "A", "P"} <= _texts(ax).keys() for ax in axes)


def test_a_montage_of_one(real):
    headers = header_table(real / CHEST, progress=False)
    assert len(show_montage(load_volume(best_stack(headers).iloc[:1]))) == 1


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


def _seen(slice, window=None, **options):
    """A snapshot as an array (rows, columns, 3)."""
    with Image.open(BytesIO(snapshot(slice, window, **options))) as image:
        return np.asarray(image.convert("RGB"))


def _yellow(picture):
    """Where letters are."""
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return (red > 200) & (green > 160) & (blue < 120)


@pytest.mark.parametrize(
    ("shape", "spacing", "size"),
    [
        ((28, 64), (4.0, 6.4), (512, 140)),  # not square
        ((300, 60), (1, 1), (102, 512)),  # tall
        ((40, 800), (2, 0.5), (512, 102)),  # wide
        ((700, 700), (1, 1), (512, 512)),
        ((3, 3), (1, 1), (512, 512)),
        ((1, 4000), (1, 1), (512, 1)),
    ],
)
def test_a_snapshot_has_true_aspect_and_at_most_512_pixels(shape, spacing, size):
    pixels = np.arange(np.prod(shape)).reshape(shape)
    slice = Slice(pixels, spacing, EdgeLetters(*"RLAP"))
    with Image.open(BytesIO(snapshot(slice))) as image:
        assert image.size == size


def test_a_snapshot_is_what_show_slice_draws(volume):
    """The same greys, a letter on each edge, the ground where padding is; no axes."""
    slice = volume.slice("axial", 4)
    picture = _seen(slice, "mediastinum")
    pixels = picture.reshape(128, 4, 128, 4, 3)[:, 2, :, 2].astype(float)  # their middles
    inner = np.s_[20:-20, 20:-20]  # without text
    grey, measured = 255 * slice.grey("mediastinum")[inner], ~slice.padding[inner]
    assert np.abs(pixels[inner] - grey[..., None])[measured].max() <= 2
    ground = np.round(255 * np.array(colors.to_rgb(PADDING_COLOUR)))
    assert slice.padding[2, 100] and np.array_equal(picture[10, 402], ground)
    letters = _yellow(picture)
    for edge in (np.s_[:, :40], np.s_[:, -40:], np.s_[:40], np.s_[-40:]):
        assert letters[edge].sum() > 50
    assert not letters[60:-60, 60:-60].any()
    assert not plt.get_fignums(), "drawn beside pyplot"


def test_a_snapshot_of_monochrome1_is_inverted_and_colour_keeps_its_colours(real):
    values = np.linspace(0, 100, 64 * 64).reshape(64, 64)
    options = {"windows": {"own": Window(50, 100)}, "unit": ""}
    plain, inverted = (
        _seen(Slice(values, (1, 1), EdgeLetters(*"RLAP"), inverted=inverted, **options))
        for inverted in (False, True)
    )
    inner = np.s_[200:300, 200:300, 0]
    total = plain[inner].astype(int) + inverted[inner]
    assert np.abs(total - 255).max() <= 1 and plain[200, 256, 0] < plain[300, 256, 0]
    colour = load_slice(real / "odd/pydicom/SC_rgb_small_odd.dcm")
    assert np.array_equal(_seen(colour)[120, 256], colour.array[0, 1])


def test_a_snapshot_warns_with_its_badge(volume):
    orange = np.round(255 * np.array(colors.to_rgb("#d55e00")))
    pictures = [_seen(volume.slice("axial"), badge=badge) for badge in ("", "! gap")]
    counts = [(picture[:100, 300:] == orange).all(axis=2).sum() for picture in pictures]
    assert counts[0] == 0 and counts[1] > 500


def test_snapshots_drawn_in_threads_are_those_drawn_one_by_one(volume):
    slices = [volume.slice("axial", index) for index in range(8)]
    alone = [snapshot(slice) for slice in slices]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(snapshot, slices)) == alone


def test_everything_draws_on_the_axes_it_is_given(volume, phantom_headers):
    figure, axes = plt.subplots(1, 3)
    assert show_slice(volume.slice("axial", 0), ax=axes[0]) is axes[0]
    assert show_planes(volume, axes=axes)[1] is axes[1]
    space = plt.figure().add_subplot(projection="3d")
    assert show_plane_in_patient(phantom_headers.iloc[0], ax=space) is space
    assert show_montage(volume, figure=plt.figure(), count=2)[0].figure is not figure
