"""Run lengths: both forms, down the columns, there and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from helpers import mask_of_runs, runs_of_mask
from helpers.labels.labels import LabelError
from helpers.labels.runs import RUN_LENGTHS, run_form

ASYMMETRIC = np.array([[0, 0, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 0, 0]], bool)
MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))


def _one_by_one(text, shape, how):
    """The pixels that a text names, found by walking over them."""
    flat = np.zeros(shape[0] * shape[1], bool)
    numbers, at = [int(one) for one in text.split()], 0
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        at = at + start if how == "relative" else start - 1
        for _ in range(length):
            flat[at] = True
            at += 1
    return flat.reshape(shape, order="F")


def test_pixels_are_counted_down_the_columns():
    assert runs_of_mask(ASYMMETRIC, "absolute") == "5 1 8 2 13 1"
    assert runs_of_mask(ASYMMETRIC, "relative") == "4 1 2 2 3 1"
    for how in RUN_LENGTHS:
        mask = mask_of_runs(runs_of_mask(ASYMMETRIC, how), ASYMMETRIC.shape, how)
        np.testing.assert_array_equal(mask, ASYMMETRIC)
        with pytest.raises(AssertionError):
            np.testing.assert_array_equal(mask, ASYMMETRIC[:, ::-1])


@settings(deadline=None)
@given(MASKS, st.sampled_from(RUN_LENGTHS))
def test_a_mask_comes_back(mask, how):
    text = runs_of_mask(mask, how)
    np.testing.assert_array_equal(mask_of_runs(text, mask.shape, how), mask)
    if text not in ("", "-1"):
        np.testing.assert_array_equal(_one_by_one(text, mask.shape, how), mask)


@settings(deadline=None)
@given(st.lists(MASKS.filter(np.any), min_size=1, max_size=5), st.sampled_from(RUN_LENGTHS))
def test_the_form_in_which_masks_were_written_fits_them_all(masks, how):
    texts = [runs_of_mask(mask, how) for mask in masks]
    found = run_form(texts, np.array([float(mask.size) for mask in masks]))
    assert found.fits.all()
    assert found.how == how or found.is_guess


@pytest.mark.parametrize("text", ["-1", "", " "])
@pytest.mark.parametrize("how", RUN_LENGTHS)
def test_nothing_is_an_empty_mask(text, how):
    assert not mask_of_runs(text, (4, 3), how).any()


def test_the_form_is_told_by_what_fits():
    size = np.array([100.0])
    assert run_form(["3 5 90 2"], size)[:2] == ("relative", True)  # 3 + 5 + 90 + 2 pixels
    assert run_form(["60 5 90 2"], size)[:2] == ("absolute", False)  # beyond it, one after another
    assert run_form(["60 5 10 2"], size)[:2] == ("relative", False)  # a start that falls
    assert run_form(["0 5"], size)[:2] == ("relative", False)  # no pixel has the number 0
    assert run_form(["1 5"], size)[:2] == ("relative", True)
    assert run_form(["1 5"], size, "absolute")[:2] == ("absolute", False)
    assert run_form(["1 5", "60 5 90 2"], np.array([100.0, 100.0])).how == "absolute"
    assert run_form(["1 5 99 9", "7 200"], np.array([100.0, np.nan])).fits.tolist() == [False, True]


@pytest.mark.parametrize("text", ["1", "1 2 3", "a b", "1.5 2", "-3 4", "=cmd()", "9" * 40 + " 1"])
def test_what_is_no_run_length_is_refused_in_one_line(text):
    with pytest.raises(LabelError, match="expected pairs of whole numbers") as error:
        mask_of_runs(text, (9, 9), "relative")
    assert "\n" not in str(error.value) and len(str(error.value)) < 150


def test_runs_beyond_the_image_are_refused_with_its_size():
    with pytest.raises(LabelError, match=r"within 4 × 3 = 12 pixels, got pixels 12 to 13"):
        mask_of_runs("12 2", (4, 3), "absolute")
    with pytest.raises(LabelError, match="relative or absolute, got 'other'"):
        mask_of_runs("1 2", (4, 3), "other")
    with pytest.raises(LabelError, match="got pixels 0 to"):
        mask_of_runs("0 2", (4, 3), "absolute")


def test_a_header_that_says_too_many_pixels_is_refused():
    with pytest.raises(LabelError, match="at most 536870912 pixels, got 65535 × 65535"):
        mask_of_runs("1 2", (65535, 65535), "relative")
