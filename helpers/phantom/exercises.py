"""Can you find the fault? Small collections with one planted fault each, and a check of answers."""

import atexit
import shutil
import tempfile
import textwrap
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.errors import ClearError
from helpers.phantom.scans import GE, PHILIPS, SIEMENS, Scan
from helpers.phantom.writing import write_phantom

TOLERANCE = 0.5  # of an answer, in the unit that is asked for
LINE_LENGTH = 88  # characters of what is printed


class ExerciseError(ClearError, KeyError):
    """An exercise that does not exist."""

    __str__ = Exception.__str__  # KeyError's would quote the sentence


class Exercise(NamedTuple):
    """A scan with a fault, the question and its answer, and what is said to answers."""

    scan: Scan
    question: str
    answer: float
    hint: str
    planted: str  # the fault, said once the answer is right
    wrong: dict[float, str]  # answer → what it is instead


EXERCISES = {
    1: Exercise(
        Scan("E1", 18, 10.0, 10.0, SIEMENS, faults=("second-scan",)),
        "At how many positions does this patient have a slice, each position counted once?",
        18,
        "look at the column largest_stack of slice_counts(first)",
        "a second scan at the same places was planted: 36 files are two stacks of 18 slices, and "
        "the column positions adds up both",
        {
            36: "these are all files, and the positions of both stacks together",
            2: "this is the number of stacks",
        },
    ),
    2: Exercise(
        Scan("E2", 20, 12.0, 12.0, GE, faults=("missing-slice",)),
        "How many millimetres lie between the two neighbours of the slice that is missing?",
        24.0,
        "first make second_slices = slice_table(second), then look at the column gap_max_mm of "
        "stack_table(second_slices)",
        "a missing slice was planted: one of 20 slices, 12 mm apart, was left out, so that its "
        "neighbours are 24 mm apart",
        {
            12: "this is the usual distance from one slice to the next",
            19: "this is the number of slices that are left",
        },
    ),
    3: Exercise(
        Scan("E3", 16, 15.0, 15.0, PHILIPS, faults=("wrong-rescale",)),
        "By how many HU is the rescale intercept of these images too high?",
        1000,
        "look at the column corner of pixel_table(third), the median value in the corners "
        "of each image; they show air, which is -1000 HU",
        "a wrong rescale was planted: 1000 was added to the intercept, and air is at 0 HU",
        {
            0: "this is the value of air here; how far is it above -1000 HU?",
            -1000: "this is the value that air should have; how far above it is it here?",
        },
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


def check(number: int, answer: object) -> None:
    """Prints whether an answer is right, and what was planted; a hint where it is not.

    Parameters
    ----------
    answer : a number, or a Series or array of one value; None or ... asks for the question
    """
    print(textwrap.fill(_said_of(number, answer), LINE_LENGTH, break_on_hyphens=False))


def _said_of(number: int, answer: object) -> str:
    known = _known(number)
    if answer is None or answer is ...:
        return f"Exercise {number}: no answer yet. {known.question} Hint: {known.hint}."
    values = np.ravel(np.asarray(answer, dtype=object))
    if len(values) != 1:
        return (
            f"Exercise {number}: expected one number, got {len(values)} values. "
            "Take one of them: .iloc[0] gives the first of a column."
        )
    try:
        value = float(values[0])
    except (TypeError, ValueError):
        return f"Exercise {number}: expected a number, got {answer!r}."
    if abs(value - known.answer) < TOLERANCE:
        return f"Right: {known.planted}."
    instead = [words for one, words in known.wrong.items() if abs(value - one) < TOLERANCE]
    because = f": {instead[0]}" if instead else ""
    end = "" if because.endswith("?") else "."
    return f"Exercise {number}: not {value:g}{because}{end} Hint: {known.hint}."


def _known(number: int) -> Exercise:
    if number not in EXERCISES:
        raise ExerciseError(f"expected an exercise from 1 to {len(EXERCISES)}, got {number!r}")
    return EXERCISES[number]
