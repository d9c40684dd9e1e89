"""How are volumes of one grid looked at in turn: times, b-values? Each loaded when it is shown."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from helpers.errors import ClearError, require_type
from helpers.slices.grid import longest_regular_run
from helpers.slices.groups import PHASE, TIME, stack_group
from helpers.slices.words import NUMBERED
from helpers.volume.slice import remarked
from helpers.volume.volume import Volume, load_volume

MAX_GROUP_MB = 500  # of a group's volumes that are kept in memory
ONE_WINDOW = (TIME, PHASE)  # of what changes along these, greys are compared


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

    They are in the order of `helpers.slices.groups.stack_group`. Of a stack with gaps the longest
    even run is shown, and its picture says what was left out.

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
    group = stack_group(slices, stacks, stack)
    if group is None:
        return None
    members = group.stacks

    def load(number: int) -> Volume:
        images, remark = longest_regular_run(slices.loc[members[number]])
        volume = load_volume(images, progress=False)
        volume = volume if converted is None else converted(volume, images)
        return replace(volume, caption=remarked(volume.caption, remark))

    return VolumeGroup(
        group.name,
        group.labels,
        load,
        first=members.index(stack),
        one_window=group.name in ONE_WINDOW,
        remark=NUMBERED if group.is_guess else "",
        badge=lambda number: badge(members[number], slices.loc[members[number]]) if badge else "",
        max_mb=max_mb,
    )


def _size(volume: Volume) -> int:
    """Bytes of a volume."""
    return volume.array.nbytes + (0 if volume.padding is None else volume.padding.nbytes)
