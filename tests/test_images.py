"""Many images, read whichever way is fastest, are those that are read one by one."""

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames

from helpers import header_table, slice_table
from helpers.pixels.image import ImageError, read_image
from helpers.pixels.images import ImageReader
from helpers.pixels.sources import sources_of
from helpers.slices.arrays import frames_of, paths_of


def _check(slices):
    """Whether all images are those of `read_image`; returns how many are images."""
    found = list(ImageReader().images(sources_of(slices)))
    for image, path, frame in zip(found, paths_of(slices), frames_of(slices), strict=True):
        try:
            one = read_image(path, frame)
        except ImageError as error:
            assert str(image) == str(error)
            continue
        assert np.array_equal(image.array, one.array) and image.array.dtype == one.array.dtype
        assert (image.padding is None) == (one.padding is None), path
        assert np.array_equal(image.padding, one.padding)
        assert (image.guess, image.unit, image.inverted) == (one.guess, one.unit, one.inverted)
        assert image.remark == one.remark and list(image.windows) == list(one.windows)
        for own, other in zip(image.windows.values(), one.windows.values()):
            assert all(np.array_equal(*parts) for parts in zip(own, other))
    return sum(not isinstance(image, ImageError) for image in found)


def test_every_kind_of_image(phantom_slices, real_headers):
    """Plain or not, grey or colour, of files of one image or many, with and without an error."""
    tables = phantom_slices, slice_table(real_headers)
    some = pd.concat([table.groupby(level=[0, 1]).head(3) for table in tables])
    usable = some[some["error"].isna().to_numpy()]
    assert _check(usable) > 400


def test_a_table_of_few_keywords_gives_the_same_images(phantom):
    headers = header_table(phantom / "P42-one-file", keywords=["Rows"], progress=False)
    rows = slice_table(header_table(phantom / "P42-one-file", progress=False))
    few = rows[[*headers]]
    assert _check(few) == len(rows)


@pytest.mark.parametrize("damaged", [(3,), (0, 1, 7)])
def test_a_frame_that_is_damaged_costs_no_other(phantom, tmp_path, damaged):
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames))
    for frame in damaged:
        frames[frame] = b"\xff" * len(frames[frame])
    dataset.PixelData = encapsulate(frames)
    dataset.save_as(tmp_path / "1.dcm")
    slices = slice_table(header_table(tmp_path, progress=False))
    assert _check(slices) == len(frames) - len(damaged)
    images = list(ImageReader().images(sources_of(slices)))
    lost = {frame for frame, image in zip(frames_of(slices), images) if type(image) is ImageError}
    assert lost == {*damaged}


def test_values_beyond_any_float_are_as_of_single_images(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    dataset.RescaleSlope = "1e37"
    dataset.save_as(tmp_path / "1.dcm")
    assert _check(slice_table(header_table(tmp_path, progress=False))) == 1
