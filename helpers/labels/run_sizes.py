"""Of how many pixels is the picture that run lengths count in? The image's, or one made smaller.

Competitions hand out pictures of one size; the images that they were made from have others.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from helpers.labels.labels import LabelError
from helpers.labels.runs import run_numbers, starts_of_runs

USUAL_SIDES = (128, 224, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 3072, 4096)
MAX_SIDE = 2**16
MAX_MASKS = 500  # of a table, by which its size is judged
MIN_STEPS = 20  # from one run to the next, in all masks together
SAME_STEP = 0.02  # share by which steps may differ from a side, and yet be of it
MIN_ALIKE = 0.5  # of all steps are that near to the side
ONE_PIXEL = 1.0  # by which a picture that was made smaller may be rounded


class MaskSizes(NamedTuple):
    """The pixels (n, 2) of rows and columns that each mask counts in; NaN where that is not known.

    `is_other` (n,) says which are not those of the image, `is_scaled` (n,) which are these in
    another size, with one factor for rows and columns. `words` say it of the table.
    """

    sizes: np.ndarray
    is_other: np.ndarray
    is_scaled: np.ndarray
    words: str = ""
    is_guess: bool = False

    @property
    def counts(self) -> np.ndarray:
        """How many pixels each mask has, (n,)."""
        return self.sizes.prod(1)


def mask_sizes(
    runs: Iterable[str], images: np.ndarray, given: np.ndarray | None = None
) -> MaskSizes:
    """The size that each mask counts in: as the table gives it, else as its runs tell.

    A run stands in each column of what it outlines, so from one start to the next there are about
    as many pixels as a column has. Where most steps of a table are of one usual side, and no image
    has that, the masks are taken to be of it: a guess, and for square images alone.

    Parameters
    ----------
    runs : (n,) texts of run lengths
    images : (n, 2) rows and columns of the images, NaN where an image is not known
    given : (n, 2) the same of the masks, as columns of the table have them
    """
    sizes, words, is_guess = images, "", False
    if given is not None:
        is_side = np.isfinite(given) & (given >= 1) & (given <= MAX_SIDE) & (given % 1 == 0)
        sizes = np.where(is_side.all(1)[:, None], given, images)
    elif side := _side_of_runs(runs, images):
        sizes = np.where(np.isnan(images), np.nan, float(side))
        words, is_guess = f"of {side} × {side} pixels, by the steps between them", True
    is_other = np.isfinite(images).all(1) & (sizes != images).any(1)
    scaled = sizes[:, 0] * images[:, 1] / np.maximum(images[:, 0], 1)
    is_scaled = is_other & (np.abs(scaled - sizes[:, 1]) <= ONE_PIXEL)
    if is_other.any():
        said = "laid on images of another size by nearest neighbour"
        words = ", ".join(filter(None, (words, said)))
    return MaskSizes(sizes, is_other, is_scaled, words, is_guess and bool(is_other.any()))


def _side_of_runs(runs: Iterable[str], images: np.ndarray) -> int:
    """The usual side that most steps between runs are of; 0 for none, or where an image has it.

    Images have to be square, as a picture that is none may have been made smaller in many ways.
    """
    known = images[np.isfinite(images).all(1)]
    if not len(known) or (known[:, 0] != known[:, 1]).any():
        return 0
    steps = _steps(runs)
    if len(steps) < MIN_STEPS:
        return 0
    middle = float(np.median(steps))
    side = min(USUAL_SIDES, key=lambda one: abs(one - middle))
    alike = np.abs(steps - side) <= SAME_STEP * side
    is_of_image = np.abs(known[:, 0] - middle) <= 2 * SAME_STEP * middle
    if is_of_image.any() or alike.mean() < MIN_ALIKE:
        return 0
    return side


def _steps(runs: Iterable[str]) -> np.ndarray:
    """How many pixels there are from the start of a run to the next, over some masks of a table."""
    pairs = []
    for text in runs:
        try:
            numbers = run_numbers(text)
        except LabelError:
            continue
        if len(numbers) > 1:
            pairs.append(numbers)
        if len(pairs) == MAX_MASKS:
            break
    is_rising = all((np.diff(one[:, 0]) >= one[:-1, 1]).all() for one in pairs)
    how = "absolute" if is_rising else "relative"
    steps = [np.diff(starts_of_runs(one, how)) for one in pairs]
    return np.concatenate(steps) if steps else np.zeros(0)
