"""Pictures as files: what another program reads from them is what was shown."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from stacks_of import best_stack

from helpers import Window, load_slice, load_volume, show_slice
from helpers.volume.saving import SavingError, save_slice


@pytest.fixture(scope="module")
def volume(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    return load_volume(best_stack(rows))


def test_png_holds_the_grey_and_square_pixels(volume, tmp_path):
    cut = volume.slice("axial", 4)
    with Image.open(save_slice(cut, tmp_path / "a.png", window="lungs")) as image:
        assert image.mode == "L" and np.array_equal(
            np.asarray(image), (cut.grey("lungs") * 255).round()
        )
    with Image.open(save_slice(volume.slice("coronal"), tmp_path / "b.png")) as image:
        assert image.size == (128, 80), "10 mm of slices are 3 mm of pixels long"


def test_jpeg_is_near_to_it(volume, tmp_path):
    cut = volume.slice("axial", 4)
    with Image.open(save_slice(cut, tmp_path / "a.jpg")) as image:
        assert np.abs(np.asarray(image) / 255 - cut.grey()).mean() < 0.02


def test_tiff_of_16_bits_brings_the_values_back(volume, tmp_path):
    cut = volume.slice("axial", 4)
    with Image.open(save_slice(cut, tmp_path / "a.tif", window="whole range")) as image:
        assert image.mode == "I;16"
        grey, words, resolution = (
            np.asarray(image).astype(float),
            image.tag_v2[270],
            image.tag_v2[282],
        )
    low, high = cut.window("whole range")[1].limits
    assert f"0 is {low:g}, 65535 is {high:g} HU" in words and float(resolution) == pytest.approx(
        10 / 3
    )
    values = low + grey / 65535 * (high - low)
    assert np.abs(values - cut.array)[~cut.padding].max() < 0.05
    assert "P02" not in words


def test_tiff_says_what_its_grey_means(volume, tmp_path):
    cut = volume.slice("axial", 4)
    inverted = replace(cut, inverted=True)
    with Image.open(save_slice(inverted, tmp_path / "a.tif", window="whole range")) as image:
        low, high = cut.window("whole range")[1].limits
        assert f"0 is {high:g}, 65535 is {low:g} HU; padding is 0" in image.tag_v2[270]
        values = high + np.asarray(image) / 65535 * (low - high)
        assert np.abs(values - cut.array)[~cut.padding].max() < 0.05
    for number, window in enumerate(("equal frequency", Window(40, 400, "", "SIGMOID"))):
        with Image.open(save_slice(cut, tmp_path / f"c{number}.tif", window=window)) as image:
            assert "not proportional" in image.tag_v2[270]


def test_what_cannot_be_written_is_refused(volume, tmp_path, real):
    with pytest.raises(SavingError, match=r"expected a name that ends in .png, .* got a.bmp"):
        save_slice(volume.slice("axial"), tmp_path / "a.bmp")
    (tmp_path / "there.png").write_text("mine")
    with pytest.raises(SavingError, match="nothing is overwritten"):
        save_slice(volume.slice("axial"), tmp_path / "there.png")
    with pytest.raises(SavingError, match="expected a folder that is there"):
        save_slice(volume.slice("axial"), tmp_path / "nowhere" / "a.png")
    with pytest.raises(SavingError, match="expected the name of a file, got None"):
        save_slice(volume.slice("axial"), None)
    colour = load_slice(real / "odd/pydicom/SC_rgb_small_odd.dcm")
    with pytest.raises(SavingError, match="got colour: save it as PNG"):
        save_slice(colour, tmp_path / "c.tif")
    with Image.open(save_slice(colour, tmp_path / "c.png")) as image:
        assert np.array_equal(np.asarray(image), colour.array)


def test_a_drawing_with_letters_is_saved_by_its_figure(volume, tmp_path):
    for name in ("a.png", "a.jpg", "a.tif"):
        show_slice(volume.slice("axial")).figure.savefig(tmp_path / name)
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 300
