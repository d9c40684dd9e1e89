"""Run lengths that count in a picture of another size than the image."""

import numpy as np
import pytest
from competition_tables import RADIOGRAPHS, table_of
from truth_headers import FIRST_UID, header_frame, header_row

from helpers import annotation_columns, annotation_table, image_labels, runs_of_mask
from helpers.labels.labels import LabelError
from helpers.labels.run_sizes import mask_sizes
from helpers.labels.runs import resized_mask
from helpers.slices.table import slice_table

GUESS = (
    "run lengths of a mask, {}, of 1024 × 1024 pixels, by the steps between them, laid on images "
    "of another size by nearest neighbour: a guess"
)


def _slices(*shapes):
    """A radiograph of each shape."""
    rows = [
        header_row(
            f"/data/{name}.dcm",
            PatientID=name,
            SOPInstanceUID=f"{FIRST_UID}.4.{number}",
            SeriesInstanceUID=f"{FIRST_UID}.2.{number}",
            Rows=shape[0],
            Columns=shape[1],
            ImageOrientationPatient=None,
        )
        for number, (name, shape) in enumerate(zip(RADIOGRAPHS, shapes))
    ]
    return slice_table(header_frame(rows))


def _blob(shape, middle=(0.3, 0.7), radii=(0.2, 0.1)):
    """An ellipse, of which neither a mirrored nor a transposed one is the same."""
    y, x = ((np.arange(size) + 0.5) / size for size in shape)
    return ((y[:, None] - middle[0]) / radii[0]) ** 2 + ((x - middle[1]) / radii[1]) ** 2 < 1


def _share(one, other):
    """Dice's share of two masks."""
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def _laid(table, slices, **options):
    """(annotations, the mask on each image)"""
    found = annotation_table(table, slices, **options)
    labels = [image_labels(found, path) for path in found["path"]]
    return found, [one.mask(one.labels[0]) for one in labels], [one.labels[0] for one in labels]


@pytest.mark.parametrize("how", ["relative", "absolute"])
def test_masks_of_a_smaller_picture_are_laid_on_their_images(how):
    """As those of SIIM, of 1024 × 1024 pixels, on images as they come from the machine."""
    shapes = [(2000, 2000), (512, 512), (2500, 2500)]
    runs = [runs_of_mask(_blob((1024, 1024), middle), how) for middle in ((0.3, 0.7), (0.6, 0.2))]
    table = table_of(ImageId=[*RADIOGRAPHS[:3]], EncodedPixels=[*runs, "-1"])
    found = annotation_table(table, slices := _slices(*shapes))
    assert found["mask_shape"].tolist() == [(1024, 1024)] * 2 + [None]
    assert found["why"].isna().all() and found["run_lengths"].tolist()[0] == how
    columns = annotation_columns(table, slices)
    assert columns.loc["EncodedPixels"].tolist() == ["runs", GUESS.format(how), True]
    _, masks, labels = _laid(table.head(2), slices)
    for mask, shape, middle in zip(masks, shapes, ((0.3, 0.7), (0.6, 0.2))):
        assert mask.shape == shape
        assert _share(mask, _blob(shape, middle)) > 0.99
        assert all(_share(other, _blob(shape, middle)) < 0.5 for other in (mask[::-1], mask.T))
    assert {one.remark for one in labels} == {
        "its run lengths count in another size: laid on the image by nearest neighbour"
    }


def test_masks_of_the_images_own_size_are_as_they_were():
    mask = _blob((500, 500))
    table = table_of(ImageId=[RADIOGRAPHS[0]], rle=[runs_of_mask(mask, "absolute")])
    found, (laid,), (label,) = _laid(table, _slices((500, 500)))
    assert found["mask_shape"].tolist() == [None] and label.remark == ""
    np.testing.assert_array_equal(laid, mask)


def test_columns_say_the_size():
    mask = _blob((300, 200))
    table = table_of(
        id=[*RADIOGRAPHS[:3]], rle=[runs_of_mask(mask, "absolute")] * 3, height=300, width=200
    )
    slices = _slices((600, 400), (300, 200), (400, 400))
    found = annotation_table(table, slices)
    assert found["mask_shape"].tolist() == [(300, 200), None, None]
    assert found["why"].tolist() == [
        *(None, None),
        "the run lengths count in a picture that has not the shape of the image",
    ]
    _, (large, own), _ = _laid(table.head(2), slices)
    np.testing.assert_array_equal(own, mask)
    np.testing.assert_array_equal(large, mask.repeat(2, 0).repeat(2, 1))
    assert annotation_columns(table, slices).loc["height", "role"] == "size"
    told = table.rename(columns={"height": "down", "width": "across"})
    found = annotation_table(told, slices, columns={"size": ["down", "across"]})
    assert found["mask_shape"].tolist()[0] == (300, 200)
    with pytest.raises(LabelError, match="expected 2 columns for size, got 3"):
        annotation_table(told, slices, columns={"size": ["down", "across", "id"]})


def test_nothing_is_guessed_of_images_that_are_not_square_or_of_few_runs():
    runs = runs_of_mask(_blob((1024, 1024)), "absolute")
    found = annotation_table(table_of(id=[RADIOGRAPHS[0]], rle=[runs]), _slices((512, 400)))
    assert found["why"].tolist() == ["the run lengths do not fit the image"]
    few = " ".join(runs.split()[:20])
    assert not mask_sizes([few], np.array([[512.0, 512.0]])).is_other.any()
    twenty = mask_sizes(["garbage", "1 2 3", runs], np.array([[512.0, 512.0]] * 3))
    assert twenty.is_guess
    for shape in ((1024, 1024), (np.nan, np.nan)):
        assert not mask_sizes([runs], np.array([shape], float)).is_other.any()


def test_sizes_that_are_none_are_those_of_the_image():
    given = np.array([[0.0, 5], [np.nan, 3], [2.5, 3], [1e9, 1e9], [30, 20]])
    found = mask_sizes(["1 2"] * 5, np.array([[60.0, 40.0]] * 5), given)
    assert found.is_other.tolist() == [False] * 4 + [True]
    assert found.sizes[:4].tolist() == [[60, 40]] * 4


def test_every_pixel_of_a_smaller_mask_is_in_the_larger_one():
    mask = _blob((8, 6), radii=(0.4, 0.4))
    np.testing.assert_array_equal(resized_mask(mask, (24, 18)), mask.repeat(3, 0).repeat(3, 1))
    np.testing.assert_array_equal(resized_mask(mask.repeat(3, 0).repeat(3, 1), (8, 6)), mask)
