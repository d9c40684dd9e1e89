"""Thumbnails: their size, their letters, what is grey and what is not known."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers.geometry.orientation import EdgeLetters
from helpers.pictures.style import PADDING_COLOUR
from helpers.pictures.thumbnail import GAP_PIXELS, MIN_PIXELS, contact_sheet, thumbnail
from helpers.volume.slice import Slice

LETTERS = EdgeLetters("R", "L", "A", "P")


def _slice(array, spacing=(1.0, 1.0), **more):
    return Slice(np.asarray(array), spacing, LETTERS, **more)


def _pixels(picture):
    image = Image.open(io.BytesIO(picture.webp))
    assert image.size == (picture.width, picture.height) and image.format == "WEBP"
    return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("shape", "spacing", "size"),
    [
        ((512, 512), (1, 1), (192, 192)),
        ((2000, 1000), (0.1, 0.1), (96, 192)),
        ((50, 100), (2, 1), (192, 192)),
        ((1000, 4), (1, 1), (MIN_PIXELS, 192)),
        ((1, 1), (1, 1), (192, 192)),
    ],
)
def test_the_longer_side_is_so_long_and_the_aspect_that_of_millimetres(shape, spacing, size):
    picture = thumbnail(_slice(np.zeros(shape, np.int16), spacing))
    assert (picture.width, picture.height) == size and _pixels(picture).shape[1::-1] == size


def test_letters_stand_on_the_edges_and_are_ten_pixels_high():
    shown = _pixels(thumbnail(_slice(np.zeros((100, 100), np.int16)), window=(500, 100)))
    bright = shown.max(axis=2) > 128
    for rows, columns in ((slice(80, 112), slice(0, 20)), (slice(80, 112), slice(172, 192))):
        letter = np.flatnonzero(bright[rows, columns].any(axis=1))
        assert 9 <= np.ptp(letter) + 1 <= 13
    assert bright[:20, 85:107].any() and bright[172:, 85:107].any()
    assert not bright[30:80, 30:160].any()


def test_values_go_through_the_window_and_unknown_ones_have_the_colour_of_padding():
    array = np.repeat([[0, 100]], 100, axis=0).repeat(50, axis=1).astype(np.int16)
    padding = np.zeros(array.shape, bool)
    padding[:30] = True
    shown = _pixels(thumbnail(_slice(array, padding=padding), window=(50, 100)))
    assert shown[150, 60].max() < 20 and shown[150, 130].min() > 235
    expected = [int(PADDING_COLOUR[place : place + 2], 16) for place in (1, 3, 5)]
    assert np.abs(shown[40, 130] - expected).max() < 25


def test_colour_stays_colour():
    array = np.zeros((64, 64, 3), np.uint8)
    array[..., 0] = 200
    red, green, blue = _pixels(thumbnail(_slice(array)))[96, 60]
    assert red > 150 and max(green, blue) < 60


def test_noise_takes_no_more_than_thirteen_kilobytes():
    noise = np.random.default_rng(0).integers(0, 4096, (400, 400)).astype(np.int16)
    assert len(thumbnail(_slice(noise)).webp) <= 13_000


def test_a_contact_sheet_has_its_pictures_in_lines():
    slices = [_slice(np.full((10, 10), value, np.int16)) for value in (0, 50, 100)]
    sheet = contact_sheet(slices, columns=2, pixels=64)
    assert (sheet.width, sheet.height) == (2 * 64 + GAP_PIXELS, 2 * 64 + GAP_PIXELS)
