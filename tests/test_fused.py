"""A volume in colour over another: the same place of the patient is at the same pixel of both."""

import numpy as np
import pytest
from kind_views import write_pet_ct
from matplotlib import pyplot

from helpers import (
    header_table,
    load_volume,
    show_fused,
    show_slice,
    slice_table,
    stack_table,
    suv,
)
from helpers.errors import WrongTypeError
from helpers.pictures.style import DrawingError
from helpers.volume.resampling import ResamplingError


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("petct")
    write_pet_ct(folder, small=True)
    return slice_table(header_table(folder, progress=False))


def _stacks(slices, modality):
    stacks = stack_table(slices)
    return [slices.loc[stack] for stack in stacks.index[stacks["Modality"] == modality]]


@pytest.fixture(scope="module")
def ct(slices):
    return load_volume(_stacks(slices, "CT")[0])


@pytest.fixture(scope="module")
def pet(slices):
    rows = _stacks(slices, "PT")[0]
    return suv(load_volume(rows), rows)


def _pixels(ax):
    """What is drawn inside the axes, RGB from 0 to 255, with the middle of each pixel of `ax`."""
    figure = ax.figure
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def _at(ax, x, y):
    """The drawn colour at a point in mm of a picture."""
    left, down = ax.transData.transform((x, y))
    image = _pixels(ax)
    return image[round(len(image) - down), round(left)]


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_the_hottest_place_is_coloured_where_the_base_has_it(ct, pet, plane):
    hottest = np.unravel_index(pet.array.argmax(), pet.array.shape)
    index, place = ct.place_in(plane, (pet.affine @ [*hottest, 1])[:3])
    plain = {"letters": False, "corners": False, "scale_bar": False}
    ax = show_fused(ct, pet, plane=plane, index=index, opacity=1, window=(0, 4000), **plain)
    below = show_slice(ct.slice(plane, index), window=(0, 4000), **plain)
    y, x = np.multiply(np.add(place, 0.5), ct.slice(plane, index).spacing)
    red, green, blue = _at(ax, x, y)
    assert red > 240 and green > 140 and blue < 200  # bright yellow: some SUV
    assert len(set(_at(below, x, y))) == 1
    corner = [_at(one, 3, 3) for one in (ax, below)]
    assert np.array_equal(*corner)  # where there is nothing above, what lies below is seen


def test_the_bar_has_the_unit_and_the_window_of_what_is_coloured(ct, pet):
    ax = show_fused(ct, pet, over_window="SUV 0 to 10")
    (bar,) = ax.child_axes
    assert bar.get_ylabel() == "SUVbw" and bar.get_ylim() == (0, 10)
    texts = " ".join(" ".join(text.get_text() for text in ax.texts).split())
    assert "in colour: SUV 0 to 10: C 5 W 10 SUVbw" in texts
    assert "interpolated on another grid" in texts and " HU" in texts
    letters = {text.get_text() for text in ax.texts}
    assert {"R", "L", "A", "P"} <= letters


def test_nothing_is_seen_of_what_is_clear(ct, pet):
    plain = {"letters": False, "corners": False, "scale_bar": False}
    shown = show_fused(ct, pet, opacity=0, **plain)
    shown.child_axes[0].remove()
    own = show_slice(ct.slice("axial"), window=ct.window()[1], **plain)
    own.figure.set_size_inches(shown.figure.get_size_inches())
    assert np.array_equal(_pixels(shown), _pixels(own))


def test_it_is_drawn_on_the_axes_that_are_given(ct, pet):
    axes = pyplot.figure().subplots(1, 2)
    assert show_fused(ct, pet, ax=axes[1]) is axes[1]
    assert len(axes[1].images) == 2 and not axes[0].images


def test_what_shares_no_frame_of_reference_is_refused(slices, ct, pet):
    (other,) = [rows for rows in _stacks(slices, "CT") if not _is_of(rows, ct)]
    with pytest.raises(ResamplingError, match=r"one Frame of Reference UID .*got two"):
        show_fused(load_volume(other), pet)


def _is_of(rows, volume):
    return rows["FrameOfReferenceUID"].iloc[0] == volume.frame_of_reference


@pytest.mark.parametrize("opacity", [-0.1, 1.5, "half", None])
def test_opacity_is_a_share(ct, pet, opacity):
    with pytest.raises(DrawingError, match="expected an opacity from 0 to 1, got"):
        show_fused(ct, pet, opacity=opacity)


def test_only_volumes_are_fused(ct):
    with pytest.raises(WrongTypeError, match="expected a Volume"):
        show_fused(ct, ct.slice("axial"))
