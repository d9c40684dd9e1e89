"""How long each frame of a cine is shown."""

import numpy as np
import pandas as pd
import pytest
from pydicom.data import get_testdata_file

from helpers.headers.table import header_table
from helpers.slices.cine import GUESSED_MS, frame_times_ms
from helpers.slices.table import slice_table


def _rows(count=3, **columns):
    return pd.DataFrame(columns, pd.RangeIndex(count))


def test_a_real_ultrasound_plays_at_its_own_rate():
    """Frame Time 33.333 ms, as dcmdump shows it."""
    headers = header_table([get_testdata_file("examples_ybr_color.dcm")], cache=False)
    times = frame_times_ms(slice_table(headers, cache=False))
    assert times.ms.tolist() == [33.333] * 30
    assert (times.source, times.is_guess, times.sweeps) == ("Frame Time: 33.333 ms", False, False)


@pytest.mark.parametrize(
    ("columns", "ms", "source"),
    [
        ({"CineRate": 25}, [40, 40, 40], "Cine Rate: 25 frames per second"),
        ({"CineRate": 25, "FrameTime": 50.0}, [50, 50, 50], "Frame Time: 50 ms"),
        (
            {"RecommendedDisplayFrameRate": 10, "CineRate": 25, "FrameTime": 50.0},
            [100, 100, 100],
            "Recommended Display Frame Rate: 10 frames per second",
        ),
        ({"FrameTimeVector": [0.0, 20.0, 60.0]}, [20, 60, 40], "Frame Time Vector"),
        ({"FrameTimeVector": [(0.0, 20.0, 60.0)] * 3}, [20, 60, 40], "Frame Time Vector"),
        ({"FrameTime": 0.0, "CineRate": 20}, [50, 50, 50], "Cine Rate: 20 frames per second"),
        ({"FrameTime": -5.0, "TriggerTime": [0, 30, 60]}, [30, 30, 30], "by TriggerTime"),
        (
            {"TriggerTime": [10, 40, 70], "NominalInterval": 100},
            [30, 30, 40],
            "by TriggerTime",
        ),
        (
            {"TemporalPositionTimeOffset": [0.0, 0.5, 1.0]},
            [500, 500, 500],
            "by TemporalPositionTimeOffset",
        ),
        (
            {
                "AcquisitionTime": ["235959.5", "235959.75", "000000.0"],
                "AcquisitionDate": "20200101",
            },
            None,
            "",
        ),
    ],
)
def test_the_header_says_how_long(columns, ms, source):
    times = frame_times_ms(_rows(**columns))
    if ms is None:  # a clock that runs backwards says nothing
        assert times.is_guess and (times.ms == GUESSED_MS).all()
    else:
        assert np.allclose(times.ms, ms) and (times.source, times.is_guess) == (source, False)


def test_what_no_header_says_is_labelled_a_guess():
    times = frame_times_ms(_rows())
    assert times.is_guess and (times.ms == GUESSED_MS).all() and "a guess" in times.source
    slow = frame_times_ms(_rows(FrameReferenceTime=[0.0, 30_000.0, 60_000.0]))
    assert slow.is_guess and "every 30 s" in slow.source and (slow.ms == GUESSED_MS).all()


def test_there_and_back_where_the_header_asks_for_it():
    assert frame_times_ms(_rows(FrameTime=40.0, PreferredPlaybackSequencing=1)).sweeps
    assert not frame_times_ms(_rows(FrameTime=40.0, PreferredPlaybackSequencing=0)).sweeps


def test_no_frame_has_no_time():
    assert frame_times_ms(_rows(0, FrameTime=[])).ms.tolist() == []
