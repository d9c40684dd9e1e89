"""Can you find the fault? Small collections with one planted fault each, and a check of answers."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from helpers.errors import ClearError
from helpers.phantom.scans import GE, PHILIPS, SIEMENS, Scan
from helpers.phantom.writing import write_phantom

TOLERANCE = 0.5  # of an answer, in the unit that is asked for


class ExerciseError(ClearError, KeyError):
    """An exercise that does not exist."""

    __str__ = Exception.__str__  # KeyError's would quote the sentence


class Exercise(NamedTuple):
    """A scan with a fault, the question, its answer and a hint."""

    scan: Scan
    question: str
    answer: float
    hint: str


EXERCISES = {
    1: Exercise(
        Scan("E1", 18, 10.0, 10.0, SIEMENS, faults=("second-scan",)),
        "How many slices has this patient, counted once?",
        18,
        "helpers.slice_counts has a column that counts the positions of the largest stack",
    ),
    2: Exercise(
        Scan("E2", 20, 12.0, 12.0, GE, faults=("missing-slice",)),
        "How wide is the gap in millimetres where a slice is missing?",
        24.0,
        "helpers.stack_table measures the largest gap between two positions",
    ),
    3: Exercise(
        Scan("E3", 16, 15.0, 15.0, PHILIPS, faults=("wrong-rescale",)),
        "By how many HU is the rescale intercept too high?",
        1000,
        "air is -1000 HU, and helpers.pixel_table has the median of the corners",
    ),
}


@cache
def exercise(number: int) -> Path:
    """The folder of one exercise: written once, and removed when Python ends."""
    scan = _known(number).scan
    folder = Path(tempfile.mkdtemp(prefix=f"dicom-exercise-{number}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_phantom(folder, scans=[scan])
    return folder


def check(number: int, answer: object) -> str:
    """Whether an answer is right, as text; with a hint where it is not."""
    known = _known(number)
    if answer is None or answer is ...:
        return f"Exercise {number}: no answer yet. {known.question} Hint: {known.hint}."
    try:
        right = abs(float(answer) - known.answer) < TOLERANCE  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return f"Exercise {number}: expected a number, got {answer!r}."
    if right:
        return f"Exercise {number}: right."
    return f"Exercise {number}: not {answer}. Hint: {known.hint}."


def _known(number: int) -> Exercise:
    if number not in EXERCISES:
        raise ExerciseError(f"expected an exercise from 1 to {len(EXERCISES)}, got {number!r}")
    return EXERCISES[number]
