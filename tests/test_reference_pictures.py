"""Reference pictures, as they come out: letters on their edges, organs under them, proportions."""

import numpy as np
import pydicom
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt
from stacks_of import best_stack

from helpers import header_table, load_volume, show_slice, straightened
from helpers.pictures.style import PADDING_COLOUR

SOFT = (40, 400)  # lungs and air black, organs grey, bone white
CENTER_MM = np.zeros(3)  # the middle of the phantom's chest, LPS
HEART, STERNUM, SPINE, LIVER = (35, -35, -35), (0, -90, 0), (0, 72, 0), (-80, -20, -110)
LUNG_BESIDE = (-60, *HEART[1:])
STERNUM_BESIDE, SPINE_BESIDE = (0, -90, HEART[2]), (0, 72, HEART[2])


def _volume(headers, patient, **options):
    rows = headers[headers["PatientID"].str.startswith(patient, na=False)]
    return load_volume(best_stack(rows), **options)


class Picture:
    """One slice through a point of the patient, drawn; what is where on the canvas."""

    def __init__(self, volume, plane, point):
        self.volume, self.plane = volume, plane
        index, _ = volume.place_in(plane, point)
        self.slice = volume.slice(plane, index)
        figure = plt.figure(figsize=(5, 5), dpi=100)
        self.ax = show_slice(self.slice, window=SOFT, ax=figure.add_axes([0.1, 0.1, 0.8, 0.8]))
        figure.canvas.draw()
        self.canvas = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(float) / 255

    def at(self, point):
        """Mean grey of the canvas around a point of the patient (LPS mm) in the slice's plane."""
        x, y = self.pixel(point)
        return self.canvas[y - 2 : y + 3, x - 2 : x + 3].mean()

    def pixel(self, point):
        """(x, y) of a point of the patient on the canvas."""
        place = np.add(self.volume.place_in(self.plane, point)[1], 0.5) * self.slice.spacing
        x, y = self.ax.transData.transform(place[::-1])
        return round(x), round(len(self.canvas) - 1 - y)

    def edges(self):
        """The letters by the edge that they are drawn at."""
        box, found = self.ax.get_window_extent(), {}
        for text in self.ax.texts:
            extent = text.get_window_extent()
            x = (extent.x0 + extent.width / 2 - box.x0) / box.width
            y = (extent.y0 + extent.height / 2 - box.y0) / box.height
            near = {"left": x < 0.2, "right": x > 0.8, "top": y > 0.8, "bottom": y < 0.2}
            if text.get_text() in self.slice.letters:
                found[next((edge for edge in near if near[edge]), "nowhere")] = text.get_text()
        return found

    def check(self, letters, bright=(), dark=()):
        assert self.edges() == dict(zip(("left", "right", "top", "bottom"), letters))
        for point in bright:
            assert self.at(point) > 0.4, ("expected an organ at", point, self.at(point))
        for point in dark:
            assert self.at(point) < 0.2, ("expected lung at", point, self.at(point))


def test_axial_with_the_heart_under_l(phantom_headers):
    picture = Picture(_volume(phantom_headers, "P01"), "axial", HEART)
    picture.check("RLAP", bright=[HEART], dark=[LUNG_BESIDE])
    (heart, _), (middle, _) = picture.pixel(HEART), picture.pixel(CENTER_MM)
    assert heart > middle, "the heart is on the side of the L"
    (_, sternum), (_, spine) = picture.pixel(STERNUM_BESIDE), picture.pixel(SPINE_BESIDE)
    assert sternum < spine, "the sternum is above the spine"


def test_coronal_with_the_liver_under_r_and_f(phantom_headers):
    picture = Picture(_volume(phantom_headers, "P01"), "coronal", LIVER)
    picture.check("RLHF", bright=[LIVER], dark=[(-80, -20, 20)])
    (liver, low), (middle, _) = picture.pixel(LIVER), picture.pixel((0, -20, -110))
    assert liver < middle, "the liver is on the side of the R"
    assert low > picture.pixel((-80, -20, 20))[1], "and below the lung"


def test_sagittal_with_the_sternum_under_a(phantom_headers):
    picture = Picture(_volume(phantom_headers, "P01"), "sagittal", (0, 0, 0))
    picture.check("APHF", bright=[STERNUM, SPINE])
    assert picture.pixel(STERNUM)[0] < picture.pixel(SPINE)[0]


def test_oblique_has_compound_letters(phantom_headers):
    volume = _volume(phantom_headers, "P08")
    picture = Picture(volume, "axial", HEART)
    assert any(len(letter) > 1 for letter in picture.slice.letters)
    picture.check(picture.slice.letters, bright=[HEART])
    pairs = zip(picture.slice.letters.left, picture.slice.letters.right)
    assert all({*pair} in ({"R", "L"}, {"A", "P"}, {"F", "H"}) for pair in pairs), "opposite"


def test_pixels_that_are_not_square_keep_the_proportions(phantom_headers, phantom, tmp_path):
    """Every second row left out: the same patient, the same picture."""
    whole = Picture(_volume(phantom_headers, "P03"), "axial", HEART)
    for path in (phantom / "P03-interspaced").iterdir():
        dataset = pydicom.dcmread(path)
        pixels = dataset.pixel_array[::2]
        dataset.Rows, dataset.PixelData = len(pixels), pixels.tobytes()
        dataset.PixelSpacing = [2 * dataset.PixelSpacing[0], dataset.PixelSpacing[1]]
        dataset.save_as(tmp_path / path.name)
    halved = Picture(_volume(header_table(tmp_path, progress=False), "P03"), "axial", HEART)
    assert halved.slice.array.shape[0] * 2 == halved.slice.array.shape[1]
    halved.check("RLAP", bright=[HEART], dark=[LUNG_BESIDE])
    for point in (HEART, STERNUM_BESIDE, SPINE_BESIDE):
        assert np.allclose(halved.pixel(point), whole.pixel(point), atol=4), "it stays in place"


def test_a_tilted_gantry_says_so_and_can_be_straightened(phantom_headers):
    volume = _volume(phantom_headers, "P39")
    tilted = Picture(volume, "sagittal", (0, 0, 0))
    assert "slices are sheared by" in tilted.slice.caption["remark"]
    assert any("sheared" in text.get_text() for text in tilted.ax.texts)
    straight = straightened(volume)
    picture = Picture(straight, "sagittal", (0, 0, 0))
    picture.check(picture.slice.letters, bright=[STERNUM, SPINE])
    assert "straightened from" in picture.slice.caption["remark"]
    Picture(straight, "axial", HEART).check(straight.slice("axial").letters, bright=[HEART])


def test_white_is_low(phantom_headers):
    """MONOCHROME1: what is lowest is white, and nothing else moves."""
    rows = phantom_headers[phantom_headers["PatientID"] == "P40-white-is-low"]
    assert (rows["PhotometricInterpretation"] == "MONOCHROME1").all()
    picture = Picture(_volume(phantom_headers, "P40"), "axial", HEART)
    picture.check("RLAP", bright=[LUNG_BESIDE])
    bone, heart, lung = map(picture.at, (STERNUM_BESIDE, HEART, LUNG_BESIDE))
    assert bone < 0.25 < heart < 0.8 < lung


def test_padding_shows_the_ground(phantom_headers):
    picture = Picture(_volume(phantom_headers, "P02"), "axial", HEART)
    picture.check("RLAP", bright=[HEART])
    x, y = picture.pixel((185, -185, HEART[2]))
    corner = picture.canvas[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(axis=0)
    assert corner == pytest.approx(colors.to_rgb(PADDING_COLOUR), abs=0.02)
