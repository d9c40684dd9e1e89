"""Faults to find oneself: small collections with something planted, and a checker."""

import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from helpers.errors import ClearError
from helpers.phantom.scans import GE, PHILIPS, SIEMENS, Scan
from helpers.phantom.writing import write_phantom


class ExerciseError(ClearError, KeyError):
    """An exercise that there is not."""

    __str__ = Exception.__str__  # KeyError's would quote the sentence


class Exercise(NamedTuple):
    """A scan with a fault, what is asked, the answer and a hint."""

    scan: Scan
    question: str
    answer: object
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
def exercise(number):
    """The folder of one exercise, as a Path; written once."""
    folder = Path(tempfile.mkdtemp(prefix=f"exercise-{number}-"))
    write_phantom(folder, scans=[_known(number).scan])
    return folder


def check(number, answer):
    """Whether an answer is right, as text; with a hint where it is not."""
    known = _known(number)
    if answer is None or answer is ...:
        return f"Exercise {number}: no answer yet. {known.question} Hint: {known.hint}."
    try:
        right = abs(float(answer) - known.answer) < 0.5
    except (TypeError, ValueError):
        return f"Exercise {number}: expected a number, got {answer!r}."
    return (
        f"Exercise {number}: right."
        if right
        else f"Exercise {number}: not {answer}. Hint: {known.hint}."
    )


def _known(number):
    if number not in EXERCISES:
        raise ExerciseError(f"expected an exercise from 1 to {len(EXERCISES)}, got {number!r}")
    return EXERCISES[number]
