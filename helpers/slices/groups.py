"""Which stacks of one grid belong together: times, b-values, echoes? And what tells them apart."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.slices.arrays import numbers
from helpers.slices.elements import CLOCKS, TIMES
from helpers.slices.labels import split_label, split_labels
from helpers.slices.parts import GUESSES
from helpers.slices.words import NUMBERED

B_VALUE, DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"
TEMPORAL = (
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "TimeSlotVector", *TIMES, *CLOCKS),
)
TIME, PHASE = "Time", "Phase"
NAMES = {  # what the stacks of a group differ by, by the element that tells them apart
    **{B_VALUE: "b-value", DIRECTION: "b-value"},
    **dict.fromkeys(("EchoTime", "EffectiveEchoTime", "EchoNumbers"), "Echo"),
    **dict.fromkeys(
        ("NominalPercentageOfCardiacPhase", "RespiratoryIntervalTime", "PhaseVector"), PHASE
    ),
    **dict.fromkeys(TEMPORAL, TIME),
    "ReferencedSegmentNumber": "Segment",
}
OTHER_NAME = "Volume"  # where nothing says what they are
NUMBER = re.compile(r"\d+ of \d+")  # a label that is nothing but a number


class StackGroup(NamedTuple):
    """The stacks of a group in the order in which they are looked at."""

    name: str  # what tells them apart, such as "b-value"
    stacks: list[tuple[str, int]]  # entries of the index of `helpers.stack_table`
    labels: list[str]  # of each, such as "b = 1000 s/mm²"
    is_guess: bool  # whether nothing but numbers or names tells them apart


def stack_group(
    slices: pd.DataFrame, stacks: pd.DataFrame, stack: tuple[str, int]
) -> StackGroup | None:
    """The stacks of one grid that a stack belongs to; None for one by itself.

    They are the stacks of one series, kind and ``group``, by b-value where there are several, else
    in the order of their numbers.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    stacks : DataFrame of `helpers.stack_table` for these slices
    stack : an entry of its index
    """
    rows = sister_stacks(stacks, stack)
    if len(rows) < 2:
        return None
    b_values = _b_values(slices, rows)
    rows, b_values = rows.iloc[order := np.argsort(b_values, kind="stable")], b_values[order]
    name = _name(rows)
    return StackGroup(name, list(rows.index), _labels(rows, b_values, name), _is_guess(rows))


def sister_stacks(stacks: pd.DataFrame, stack: tuple[str, int]) -> pd.DataFrame:
    """The stacks of the group of a stack, itself among them, in the order of their numbers."""
    own = stacks.loc[stack]
    same = stacks.index.get_level_values(0) == stack[0]
    for column in ("group", "kind"):
        same = same & (stacks[column] == own[column]).to_numpy()
    return stacks[same & stacks["split_keyword"].notna().to_numpy()].sort_index()


def _b_values(slices: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """The b-value of each stack (n,) where directions tell them apart, in s/mm²; else NaN."""
    by_direction = rows["split_keyword"].map(lambda words: DIRECTION in words.split(", "))
    if B_VALUE not in slices or not by_direction.any():
        return np.full(len(rows), np.nan)
    return np.array([numbers(slices.loc[stack].iloc[:1], B_VALUE)[0] for stack in rows.index])


def _labels(rows: pd.DataFrame, b_values: np.ndarray, name: str) -> list[str]:
    """What tells each from the others; those that read alike are numbered."""
    labels = [
        f"{name.lower()} {label}" if NUMBER.fullmatch(label) else label
        for label in split_labels(rows)
    ]
    for number, (words, value) in enumerate(zip(rows["split_keyword"], b_values)):
        if B_VALUE not in words.split(", ") and np.isfinite(value):
            labels[number] = f"{split_label(B_VALUE, value)}, {labels[number]}"
    again = {label: iter(range(1, len(labels) + 1)) for label in labels}
    return [
        f"{label} ({next(again[label])} of {labels.count(label)})"
        if labels.count(label) > 1
        else label
        for label in labels
    ]


def _name(rows: pd.DataFrame) -> str:
    keywords = rows["split_keyword"].iloc[0].split(", ")
    known = [NAMES[keyword] for keyword in keywords if keyword in NAMES]
    numbered = not {*GUESSES}.isdisjoint(keywords) and not _is_guess(rows)
    return next(iter(known), TIME if numbered else OTHER_NAME)


def _is_guess(rows: pd.DataFrame) -> bool:
    """Whether nothing but numbers or names tells them apart, and no header says how many."""
    return bool(rows["problems"].str.contains(NUMBERED, regex=False).any())
