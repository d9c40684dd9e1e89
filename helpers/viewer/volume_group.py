"""Which volumes of one grid belong together: times, b-values, echoes? Loaded when looked at."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import ClearError, require_type
from helpers.slices.arrays import numbers
from helpers.slices.elements import CLOCKS, TIMES
from helpers.slices.grid import longest_regular_run
from helpers.slices.labels import split_label, split_labels
from helpers.slices.parts import GUESSES
from helpers.slices.words import NUMBERED
from helpers.volume.slice import remarked
from helpers.volume.volume import Volume, load_volume

MAX_GROUP_MB = 500  # of a group's volumes that are kept in memory
B_VALUE, DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"
TEMPORAL = (
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "TimeSlotVector", *TIMES, *CLOCKS),
)
NAMES = {  # what the slider of a group is called, by the element that tells its volumes apart
    **{B_VALUE: "b-value", DIRECTION: "b-value"},
    **dict.fromkeys(("EchoTime", "EffectiveEchoTime", "EchoNumbers"), "Echo"),
    **dict.fromkeys(
        ("NominalPercentageOfCardiacPhase", "RespiratoryIntervalTime", "PhaseVector"), "Phase"
    ),
    **dict.fromkeys(TEMPORAL, "Time"),
    "ReferencedSegmentNumber": "Segment",
}
ONE_WINDOW = ("Time", "Phase")  # of what changes along these, greys are compared
NUMBER = re.compile(r"\d+ of \d+")  # a label that is nothing but a number
OTHER_NAME = "Volume"  # where nothing says what the volumes are


class VolumeGroup:
    """Volumes that differ by time, b-value, echo or phase, each loaded when it is looked at.

    Those looked at last stay in memory, up to `max_mb`. Several threads may ask for them.

    Parameters
    ----------
    name : what tells them apart, such as "b-value"
    labels : of each volume, such as "b = 1000 s/mm²"
    load : gives the volume of a number, from 0; it may raise a `ClearError`
    first : the number of the volume that is shown first
    one_window : whether all are shown through one window, so that their greys can be compared;
        else each through its own of the same name
    remark : a word on the whole, such as that the order is a guess
    badge : gives a word of warning for the volume of a number, or ""
    max_mb : of volumes that are kept
    """

    def __init__(
        self,
        name: str,
        labels: Sequence[str],
        load: Callable[[int], Volume],
        *,
        first: int = 0,
        one_window: bool = False,
        remark: str = "",
        badge: Callable[[int], str] = lambda _: "",
        max_mb: float = MAX_GROUP_MB,
    ) -> None:
        if not labels:
            raise GroupError("expected the labels of several volumes, got none")
        self.name, self.labels, self.remark = name, list(labels), remark
        self.first, self.one_window, self.badge, self.max_mb = first, one_window, badge, max_mb
        self._load = load
        self._volumes: OrderedDict[int, Volume] = OrderedDict()
        self._kept = threading.Lock()  # held while volumes are kept or let go
        self._loading = threading.Lock()  # held while one is loaded

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"{len(self)} volumes by {self.name}: {self.labels[0]} to {self.labels[-1]}"

    @property
    def data(self) -> dict[str, Any]:
        """All that does not change while it is looked at, as a dict of JSON's own types."""
        words = {"name": self.name, "labels": self.labels, "remark": self.remark}
        return {**words, "one_window": self.one_window}

    def checked(self, number: int) -> int:
        """The number, if a volume has it.

        Raises
        ------
        GroupError
        """
        if not 0 <= number < len(self):
            raise GroupError(f"expected a volume from 0 to {len(self) - 1}, got {number}")
        return number

    def is_loaded(self, number: int) -> bool:
        """Whether a volume is in memory."""
        return number in self._volumes

    def volume(self, number: int) -> Volume:
        """One of the volumes, from memory or loaded.

        Raises
        ------
        GroupError
            For a number that is none.
        ClearError
            Where the volume cannot be loaded; its label stands before the reason.
        """
        volume = self._remembered(self.checked(number))
        if volume is None:
            with self._loading:
                volume = self._remembered(number)  # which another thread has loaded meanwhile
                if volume is None:
                    volume = self._loaded(number)
                    self.keep(number, volume)
        return volume

    def keep(self, number: int, volume: Volume) -> None:
        """Takes a volume that is loaded already; lets those go that were not used for longest."""
        with self._kept:
            self._volumes[number] = volume
            self._volumes.move_to_end(number)
            sizes = {one: _size(kept) for one, kept in self._volumes.items()}
            while len(sizes) > 1 and sum(sizes.values()) > 1e6 * self.max_mb:
                oldest, _ = self._volumes.popitem(last=False)
                del sizes[oldest]

    def _remembered(self, number: int) -> Volume | None:
        with self._kept:
            if number in self._volumes:
                self._volumes.move_to_end(number)
            return self._volumes.get(number)

    def _loaded(self, number: int) -> Volume:
        try:
            return self._load(number)
        except ClearError as error:
            raise GroupError(f"{self.labels[number]}: {error}") from error


class GroupError(ClearError, ValueError):
    """A volume that a group does not have, or that cannot be loaded."""


def group_of(
    slices: pd.DataFrame,
    stacks: pd.DataFrame,
    stack: tuple[str, int],
    *,
    badge: Callable[[tuple[str, int], pd.DataFrame], str] | None = None,
    converted: Callable[[Volume, pd.DataFrame], Volume] | None = None,
    max_mb: float = MAX_GROUP_MB,
) -> VolumeGroup | None:
    """The stacks of one grid that a stack belongs to, as a `VolumeGroup`; None for one by itself.

    They are the stacks of one series, kind and ``group``, by b-value where there are several, else
    in the order of their numbers. Of a stack with gaps the longest even run is shown, and its
    picture says what was left out.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    stacks : DataFrame of `helpers.stack_table` for these slices
    stack : an entry of its index, which is shown first
    badge : gives a word of warning for a stack and its slices
    converted : gives what is shown of a volume and its slices, such as `helpers.suv`
    max_mb : of volumes that are kept in memory
    """
    for table in (slices, stacks):
        require_type(table, pd.DataFrame, "of slice_table or stack_table")
    rows = sister_stacks(stacks, stack)
    if len(rows) < 2:
        return None
    b_values = _b_values(slices, rows)
    rows, b_values = rows.iloc[order := np.argsort(b_values, kind="stable")], b_values[order]
    members = list(rows.index)

    def load(number: int) -> Volume:
        images, remark = longest_regular_run(slices.loc[members[number]])
        volume = load_volume(images, progress=False)
        volume = volume if converted is None else converted(volume, images)
        return replace(volume, caption=remarked(volume.caption, remark))

    name = _name(rows)
    return VolumeGroup(
        name,
        _labels(rows, b_values, name),
        load,
        first=members.index(stack),
        one_window=name in ONE_WINDOW,
        remark=NUMBERED if _is_guess(rows) else "",
        badge=lambda number: badge(members[number], slices.loc[members[number]]) if badge else "",
        max_mb=max_mb,
    )


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
    return next(iter(known), "Time" if numbered else OTHER_NAME)


def _is_guess(rows: pd.DataFrame) -> bool:
    """Whether nothing but numbers or names tells them apart, and no header says how many."""
    return bool(rows["problems"].str.contains(NUMBERED, regex=False).any())


def _size(volume: Volume) -> int:
    """Bytes of a volume."""
    return volume.array.nbytes + (0 if volume.padding is None else volume.padding.nbytes)
