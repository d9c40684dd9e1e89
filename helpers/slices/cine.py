"""How long is each frame of a cine shown?"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import require_type
from helpers.slices.arrays import Arrays
from helpers.slices.elements import CLOCKS, TIMES, seconds

GUESSED_MS = 100.0  # where nothing says how long a frame is shown
LONGEST_MS = 1000.0  # between frames that are still seen as motion, where no header asks for it
MS_OF = {"TemporalPositionTimeOffset": 1000.0}  # of a unit; all other times are in ms
MAX_LAST_SHARE = 3.0  # of the usual time that the last frame may be shown
SWEEPING = 1  # Preferred Playback Sequencing: there and back


class FrameTimes(NamedTuple):
    """How long each frame of a cine is shown, and who says so."""

    ms: np.ndarray  # (n,) floats above 0, in the order of the frames
    source: str  # in words: which element says so, or that none does
    is_guess: bool  # whether the header says nothing of how fast it is shown
    sweeps: bool  # whether it is shown there and back (Preferred Playback Sequencing 1)


def frame_times_ms(slices: pd.DataFrame) -> FrameTimes:
    """How long each frame of a cine is shown, in ms; a guess is labelled as one.

    What is said of display stands first: Recommended Display Frame Rate; then Frame Time Vector,
    Frame Time and Cine Rate, in this order; then the times at which frames were taken, such as
    Trigger Time of the heart's phases, where they are seen as motion.

    Parameters
    ----------
    slices : the rows of one cine in `helpers.slice_table`, in their order: frames of one file, or
        files of one frame. Or one row of each stack of a group, to play its time points.

    References
    ----------
    PS3.3 C.7.6.5 (cine), C.7.6.5.1.2 (the first of a Frame Time Vector is 0: each is the time since
    the frame before)

    Examples
    --------
    >>> files = pd.Index(["a.dcm", "b.dcm", "c.dcm"], name="path")
    >>> frame_times_ms(pd.DataFrame({"TriggerTime": [0.0, 40.0, 80.0]}, files)).ms.tolist()
    [40.0, 40.0, 40.0]
    """
    require_type(slices, pd.DataFrame, "of slice_table")
    arrays = Arrays(slices)
    ms, source = _of_rate(arrays, "RecommendedDisplayFrameRate", "Recommended Display Frame Rate")
    if not source:
        ms, source = _of_vector(arrays)
    if not source:
        ms, source = _of_frame_time(arrays)
    if not source:
        ms, source = _of_rate(arrays, "CineRate", "Cine Rate")
    is_guess = not source
    if not source:
        ms, source, is_guess = _of_times(arrays)
    sweeps = bool(_first(arrays, "PreferredPlaybackSequencing") == SWEEPING)
    return FrameTimes(ms, source, is_guess, sweeps)


def _of_rate(arrays, keyword, name):
    """(ms of each frame, which rate in frames a second says so); no words where none does."""
    rate = _first(arrays, keyword)
    if not rate > 0:
        return np.empty(0), ""
    return np.full(len(arrays), 1000 / rate), f"{name}: {rate:g} frames per second"


def _of_frame_time(arrays):
    time = _first(arrays, "FrameTime")
    if not time > 0:
        return np.empty(0), ""
    return np.full(len(arrays), time), f"Frame Time: {time:g} ms"


def _of_vector(arrays):
    """(ms of each frame, words) of the times since the frame before; of one row each, or in one."""
    since = arrays.numbers("FrameTimeVector")
    if np.isnan(since).any():
        since = arrays.vectors("FrameTimeVector", len(arrays))[:1].reshape(-1)
    if len(since) < 2 or not (since[1:] > 0).all():
        return np.empty(0), ""
    return _with_last(since[1:]), "Frame Time Vector"


def _of_times(arrays):
    """(ms of each frame, words, whether it is a guess) by when frames were taken."""
    for keyword, times in _times(arrays):
        steps = np.diff(times)
        if not len(steps) or not (steps > 0).all():
            continue
        usual = float(np.median(steps))
        if usual <= LONGEST_MS:
            cycle = _first(arrays, "NominalInterval") if keyword == "TriggerTime" else np.nan
            return _with_last(steps, cycle - (times[-1] - times[0])), f"by {keyword}", False
        taken = f"frames were taken every {usual / 1000:.4g} s ({keyword})"
        return _guessed(arrays), f"{taken}; {_guess_words()}", True
    return _guessed(arrays), f"no element says how fast: {_guess_words()}", True


def _times(arrays):
    """(keyword, ms (n,)) of what says when a frame was taken."""
    for keyword in TIMES:
        yield keyword, arrays.numbers(keyword) * MS_OF.get(keyword, 1.0)
    for keyword in CLOCKS:
        yield keyword, seconds(arrays, keyword) * 1000


def _guessed(arrays):
    return np.full(len(arrays), GUESSED_MS)


def _guess_words():
    return f"shown at {1000 / GUESSED_MS:g} frames per second, a guess"


def _with_last(steps, rest=np.nan):
    """Times (n,) of n - 1 steps: the last lasts the rest of a cycle, else as long as is usual."""
    usual = float(np.median(steps))
    is_possible = 0 < rest <= MAX_LAST_SHARE * usual
    return np.r_[steps, rest if is_possible else usual]


def _first(arrays, keyword):
    """The number that the first frame has; NaN without."""
    return arrays.numbers(keyword)[0] if len(arrays) else np.nan
