"""Which pixels does a text of run lengths name? Of two forms, both down the columns."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from helpers.labels.labels import LabelError

RUN_LENGTHS = ("relative", "absolute")  # the forms; the first is the guess where both fit
NO_RUNS = ("", "-1")  # stand for an empty mask
RUNS = re.compile(r"\d{1,12}(\s+\d{1,12})*")
MAX_PIXELS = 2**29  # of an image that run lengths are about
MAX_SHOWN = 40  # characters of a text that an error shows


def mask_of_runs(text: str, shape: tuple[int, int], how: str) -> np.ndarray:
    """The pixels that run lengths name: boolean (rows, columns).

    Pixels count down the columns, the first column first. An empty text and ``-1`` name none.

    Parameters
    ----------
    text : pairs of whole numbers between spaces, a start and a length each
    shape : (rows, columns) of the image as it is stored
    how : {"relative", "absolute"}
        Where a run starts: so many pixels behind the end of the run before it, from 0 (as in
        SIIM's pneumothorax); or at this pixel, counted from 1 (as in most other competitions).

    Raises
    ------
    LabelError
        Where the text is none of run lengths, or its runs reach beyond the image.

    Examples
    --------
    >>> mask_of_runs("1 3", (2, 3), "relative").astype(int)
    array([[0, 1, 0],
           [1, 1, 0]])
    >>> mask_of_runs("1 3", (2, 3), "absolute").astype(int)
    array([[1, 1, 0],
           [1, 0, 0]])
    """
    rows, columns = shape
    if rows * columns > MAX_PIXELS:
        raise LabelError(
            f"expected an image of at most {MAX_PIXELS} pixels, got {rows} × {columns}"
        )
    starts, ends = _ranges(run_numbers(text), _checked(how))
    if len(starts) and not 0 <= starts.min() <= ends.max() <= rows * columns:
        raise LabelError(
            f"expected run lengths within {rows} × {columns} = {rows * columns} pixels, got pixels "
            f"{starts.min() + 1} to {ends.max()} ({how}): they are of another image or form"
        )
    steps = np.zeros(rows * columns + 1, np.int32)
    np.add.at(steps, starts, 1)
    np.add.at(steps, ends, -1)
    return (np.cumsum(steps[:-1]) > 0).reshape(columns, rows).T


def runs_of_mask(mask: np.ndarray, how: str) -> str:
    """The run lengths of a boolean mask (rows, columns), as `mask_of_runs` reads them.

    An empty mask is ``-1`` in the relative form, an empty text in the absolute one.

    Raises
    ------
    LabelError

    Examples
    --------
    >>> runs_of_mask(np.array([[0, 1, 0], [1, 1, 0]], bool), "absolute")
    '2 3'
    """
    along = np.concatenate([[0], np.asarray(mask, bool).T.ravel().astype(np.int8), [0]])
    steps = np.diff(along)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if _checked(how) == "relative" and not len(starts):
        return "-1"
    before = np.concatenate([[0], ends[:-1]]) if how == "relative" else np.full(len(starts), -1)
    return " ".join(map(str, np.c_[starts - before[: len(starts)], ends - starts].ravel()))


class RunForm(NamedTuple):
    """How the run lengths of a table are read; `fits` (n,) whether each lies within its image."""

    how: str
    is_guess: bool
    fits: np.ndarray


def run_form(texts: Iterable[str], sizes: np.ndarray, wanted: str | None = None) -> RunForm:
    """Which form fits most images; where both do, the relative one is a guess.

    Parameters
    ----------
    sizes : (n,) numbers of pixels of the images; NaN where an image is not known: all fits
    wanted : the form, where it is known

    Raises
    ------
    LabelError
    """
    sizes = np.where(np.isnan(sizes), np.inf, sizes)
    fits = np.array([_fits(text, size) for text, size in zip(texts, sizes)], bool).reshape(-1, 2)
    counts = dict(zip(RUN_LENGTHS, fits.sum(0)))
    how = max(counts, key=lambda form: counts[form]) if wanted is None else _checked(wanted)
    is_guess = wanted is None and len(set(counts.values())) == 1
    return RunForm(how, is_guess, fits[:, RUN_LENGTHS.index(how)])


def run_numbers(text: str) -> np.ndarray:
    """The starts and lengths of a text of run lengths as (n, 2) whole numbers.

    Raises
    ------
    LabelError
    """
    text = text.strip()
    if text in NO_RUNS:
        return np.zeros((0, 2), np.int64)
    numbers = text.split() if RUNS.fullmatch(text) else [""]
    if len(numbers) % 2:
        shown = f"{text[:MAX_SHOWN]}…" if len(text) > MAX_SHOWN else text
        raise LabelError(f"expected pairs of whole numbers as run lengths, got {shown!r}")
    return np.array(numbers, object).astype(np.int64).reshape(-1, 2)


def starts_of_runs(pairs: np.ndarray, how: str) -> np.ndarray:
    """The first pixels (n,) of runs, counted from 0 down the columns."""
    return _ranges(pairs, how)[0]


def resized_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A boolean mask (rows, columns) in another size, by nearest neighbour.

    Examples
    --------
    >>> resized_mask(np.array([[0, 1], [1, 1]], bool), (2, 4)).astype(int)
    array([[0, 0, 1, 1],
           [1, 1, 1, 1]])
    """
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(shape, mask.shape)
    )
    return mask[np.ix_(rows, columns)]


def _ranges(pairs: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray]:
    """(first pixels, pixels behind the last) of runs, counted from 0 down the columns."""
    starts, lengths = pairs[:, 0], pairs[:, 1]
    if how == "absolute":
        return starts - 1, starts - 1 + lengths
    ends = np.cumsum(pairs.sum(1))
    return ends - lengths, ends


def _fits(text: str, size: float) -> tuple[bool, bool]:
    """Whether a text names pixels of an image of so many, in each form of `RUN_LENGTHS`.

    Absolute starts also rise: no run begins before the one in front of it ends.
    """
    try:
        pairs = run_numbers(text)
    except LabelError:
        return False, False
    if not len(pairs):
        return True, True
    starts, ends = _ranges(pairs, "absolute")
    is_rising = starts[0] >= 0 and (starts[1:] >= ends[:-1]).all()
    return bool(pairs.sum() <= size), bool(is_rising and ends[-1] <= size)


def _checked(how: str) -> str:
    if how not in RUN_LENGTHS:
        raise LabelError(f"expected run lengths of {' or '.join(RUN_LENGTHS)}, got {how!r}")
    return how
