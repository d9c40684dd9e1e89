"""Statistics of images are what plain numpy makes of their values, whatever the type and size."""

import zlib
from threading import current_thread

import numpy as np
import pandas as pd
import pytest

from helpers import pixel_table
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.image import Image, ImageError, read_image
from helpers.pixels.window import Window, resolve_window
from helpers.quality import statistics as statistics_module
from helpers.quality.statistics import HISTOGRAM_EDGES, Statistics, _statistics
from helpers.slices.arrays import frames_of, paths_of


def _defined(image, window):
    """What each statistic is by its definition."""
    values, padding = image.array, image.padding
    kept = values if padding is None else values[~padding]
    if values.ndim == 3 or not kept.size:
        return Statistics()
    measured = np.ones(values.shape, bool) if padding is None else ~padding
    ends = np.s_[:4], np.s_[-4:]
    places = [(rows, columns) for rows in ends for columns in ends]
    corners = np.concatenate([values[place][measured[place]] for place in places]).astype(float)
    edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    _, found = resolve_window(window, image.windows, values, padding, unit=image.unit)
    low, high = found.limits
    return Statistics(
        min=kept.min(),
        max=kept.max(),
        mean=kept.mean(dtype=float),
        sd=kept.std(dtype=float),
        in_window=((kept > low) & (kept <= high)).mean(),
        padding=1 - kept.size / values.size,
        guessed_padding=np.nan if image.guess is None else image.guess,
        tissue=(kept > -500).mean(),
        corner=np.median(corners) if corners.size else np.nan,
        corner_sd=corners.std() if corners.size else np.nan,
        border=edge[0] if (edge == edge[0]).all() else np.nan,
        histogram=np.histogram(kept, HISTOGRAM_EDGES)[0],
        checksum=zlib.crc32(values.tobytes()),
    )


def _check(found, expected):
    assert np.array_equal(found.histogram, expected.histogram, equal_nan=True)
    numbers = [
        [getattr(one, name) for name in Statistics._fields[1:] if name != "histogram"]
        for one in (found, expected)
    ]
    assert np.allclose(*numbers, rtol=1e-12, atol=1e-9, equal_nan=True)


KINDS = {
    "int16": (-(2**15), 2**15, np.int16),
    "hu": (-1024, 3072, np.int16),
    "wide": (-(2**30), 2**31 - 1, np.int32),
    "int32": (-5000, 5000, np.int32),
    "float": (-5000, 5000, np.float32),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (6, 40), (64, 64)])
@pytest.mark.parametrize("padded", [0, 0.3, 1])
def test_every_type_and_size(kind, shape, padded):
    low, high, dtype = KINDS[kind]
    rng = np.random.default_rng(len(kind) + shape[0])
    values = rng.integers(low, high, shape).astype(dtype)
    values += rng.random(shape, np.float32) if dtype == np.float32 else 0
    on_edges = values.reshape(-1)[::3]
    on_edges[:] = rng.choice(
        [-4097, -4096, -4064, -501, -500, -499, 0, 4095, 4096, 4097], on_edges.shape
    )
    padding = rng.random(shape) < padded if padded else None
    for window in ((40.5, 401), Window(0.3, 2000.7, "", "LINEAR_EXACT"), Window(0, 0.5), "body"):
        image = Image(values, padding, None, "HU", {}, False, FrameHeader({}), "")
        _check(_statistics(image, window, ""), _defined(image, window))


@pytest.mark.parametrize("value", [-1024, 0, 4096])
def test_an_image_of_one_value_has_a_border_and_no_deviation(value):
    values = np.full((20, 30), value, np.int16)
    image = Image(values, None, None, "", {}, False, FrameHeader({}), "")
    found = _statistics(image, (0, 10), "")
    assert (found.border, found.corner, found.sd, found.corner_sd) == (value, value, 0, 0)
    values[7, -1] += 1
    assert np.isnan(_statistics(image, (0, 10), "").border)


def test_statistics_of_every_stack(phantom_slices):
    some = phantom_slices.groupby(level=[0, 1]).head(2)
    some = some[some["error"].isna().to_numpy()]
    table = pixel_table(some, window="body", progress=False)
    assert len(table) == len(some) > 150
    rows = map(Statistics._make, table.itertuples(index=False))
    for row, path, frame in zip(rows, paths_of(some), frames_of(some), strict=True):
        try:
            image = read_image(path, frame)
        except ImageError as error:
            assert row.pixel_error == str(error) and np.isnan(row.min)
        else:
            _check(row, _defined(image, "body"))


@pytest.mark.parametrize("limit", [0, np.inf])
def test_threads_read_what_takes_long(phantom_slices, monkeypatch, limit):
    used, some = set(), phantom_slices.iloc[:60]

    def noted(*these, original=statistics_module._statistics):
        used.add(current_thread().name)
        return original(*these)

    expected = pixel_table(some, progress=False)
    monkeypatch.setattr(statistics_module, "_statistics", noted)
    monkeypatch.setattr("helpers.runtime.MAX_WORK", limit)
    monkeypatch.setattr("helpers.runtime.MAX_WAIT", limit)
    pd.testing.assert_frame_equal(pixel_table(some, progress=False), expected)
    assert (len(used) > 1) == (limit == 0)
