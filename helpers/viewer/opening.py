"""What is opened of what is chosen? A volume with what belongs to it, or images one by one."""

import math
import threading
from collections import OrderedDict
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.labels.labels import Labels
from helpers.labels.loading import load_labels, readable_labels
from helpers.quality.audit import badges, stack_badges
from helpers.slices.arrays import numbers
from helpers.slices.grid import longest_regular_run
from helpers.slices.words import why_no_volume
from helpers.viewer.choices import VIEW_KINDS, VIEWS, Choices, Patient, Stack
from helpers.viewer.image_data import Images
from helpers.viewer.loading import CancelledError
from helpers.viewer.volume_group import group_of
from helpers.volume.resampling import check_frames
from helpers.volume.suv import SuvError, suv
from helpers.volume.volume import Volume, load_volume

MAX_MEMORY_MB = 1000  # of volumes that are kept
BYTES_PER_VOXEL = 2
NO_IMAGE = "No stack of images here."
NEVER_VOLUMES = (*VIEW_KINDS, "cine")  # kinds of which nobody expects one
PET, SLIDE, LABEL = "PT", "slide", "LABEL"
TILED = "levels of a slide, whose tiles are not shown: "


class Wanted(NamedTuple):
    """What the menus ask for."""

    patient: Patient | None
    entry: Any  # a stack, or `VIEWS`; None for nothing
    over: Stack | None = None  # the stack that lies over it
    as_suv: bool = False  # whether a PET is in SUV


class Opened(NamedTuple):
    """What is shown: a volume and the options of its viewer, or images; and a line about it."""

    volume: Volume | None
    images: pd.DataFrame | None
    options: dict[str, Any]
    message: str


class Opener:
    """Opens what is chosen. The volumes used last stay in memory, up to `max_mb`.

    A stack that is larger than that is loaded with every 2nd slice, or every 3rd.

    Parameters
    ----------
    choices : of the collection
    findings : DataFrame of `helpers.audit`, or None
    labels : rows of `helpers.labels_of`, or of `helpers.annotation_table`, or None
    max_mb : of volumes that are kept
    """

    def __init__(
        self,
        choices: Choices,
        *,
        findings: pd.DataFrame | None = None,
        labels: pd.DataFrame | None = None,
        max_mb: float = MAX_MEMORY_MB,
    ) -> None:
        self.choices, self.findings, self.max_mb = choices, findings, max_mb
        self.labels = labels
        self.volumes: OrderedDict[Stack, tuple[Volume, str]] = OrderedDict()
        self._keeping = threading.Lock()

    def open(self, wanted: Wanted, progress: Any = False) -> Opened:
        """Opens what is wanted; of a volume that cannot be loaded, the images of its group.

        Parameters
        ----------
        progress : as `helpers.load_volume` takes it

        Raises
        ------
        CancelledError
            Where the progress is that of a load that is no longer wanted.
        """
        choices = self.choices
        if wanted.entry is None or wanted.patient is None:
            return Opened(None, None, {}, NO_IMAGE)
        if wanted.entry == VIEWS:
            return self._images(choices.views_of(wanted.patient), "")
        slices = choices.rows_of(wanted.entry)
        kind = choices.stacks.loc[wanted.entry, "kind"]
        if kind == SLIDE:
            return self._slide(wanted.entry[0])
        if kind in NEVER_VOLUMES:
            return self._images(slices, "")
        if choices.stacks.loc[wanted.entry, "volume"] == "no":
            return self._images(slices, why_no_volume(slices) or "")
        try:
            return self._volume(wanted, progress)
        except CancelledError:
            raise
        except ClearError as error:  # what headers do not say: pixels that cannot be decoded
            return self._images(choices.rows_of_group(wanted.entry), str(error))

    def _slide(self, series: str) -> Opened:
        """The overview of a slide and last its label; its levels of tiles are named."""
        own = self.choices.slices.xs(series, level="SeriesInstanceUID", drop_level=False)
        own = own[(own["kind"] == SLIDE).to_numpy()]
        types = own["ImageType"] if "ImageType" in own else [()] * len(own)
        is_label = [isinstance(words, tuple) and LABEL in words for words in types]
        images = Images(own.iloc[np.argsort(is_label, kind="stable")])
        levels = f"{TILED}{'; '.join(images.tiled)}" if images.tiled else ""
        if len(images):
            return self._images(images.slices, levels)
        return Opened(None, None, {}, levels)

    def _images(self, slices: pd.DataFrame, message: str) -> Opened:
        words = "" if self.findings is None else badges(self.findings, slices)
        options: dict[str, Any] = {"badges": words}
        if self.labels is not None and "shape" in self.labels:
            options["labels"] = self.labels
        return Opened(None, slices, options, message)

    def _volume(self, wanted: Wanted, progress: Any) -> Opened:
        volume, remark = self._loaded(wanted.entry, progress)
        shown, no_suv = self._in_suv(volume, wanted.entry, wanted.as_suv)
        options: dict[str, Any] = {"badge": self._badge(wanted.entry)}
        options["labels"], no_labels = self._labels_on(wanted.entry, volume)
        over, words = self._over(wanted, shown, progress)
        if over is not None:
            options["over"] = over
        else:
            options["members"] = group_of(
                self.choices.slices,
                self.choices.stacks,
                wanted.entry,
                badge=lambda stack, slices: self._badge(stack),
                converted=None if shown is volume else suv,
                max_mb=self.max_mb,
            )
        return Opened(
            shown, None, options, "; ".join(filter(None, (remark, no_suv, words, no_labels)))
        )

    def _labels_on(self, stack: Stack, volume: Volume) -> tuple[Labels | None, str]:
        """(what is labelled on the volume of a stack, or None; why it cannot be shown)"""
        if self.labels is None:
            return None, ""
        series, number = self.labels["SeriesInstanceUID"], self.labels["stack"]
        rows = self.labels[(series.eq(stack[0]) & number.eq(stack[1])).to_numpy(bool)]
        if not len(rows):
            return None, ""
        if rows.index.name == "path":  # files, each of which may be broken for itself
            found, refused = readable_labels(rows, volume)
            return found, "; ".join(refused)
        try:
            return load_labels(rows, volume, progress=False), ""
        except ClearError as error:
            return None, f"labels are not shown: {error}"

    def _over(self, wanted: Wanted, base: Volume, progress: Any) -> tuple[Volume | None, str]:
        """(what lies over a volume, or None where it cannot; a line about it)"""
        if wanted.over is None:
            return None, ""
        try:
            volume, remark = self._loaded(wanted.over, progress)
            check_frames(volume, base)
        except CancelledError:
            raise
        except ClearError as error:
            return None, f"nothing lies over it: {error}"
        volume, no_suv = self._in_suv(volume, wanted.over, wanted.as_suv)
        return volume, "; ".join(filter(None, (remark, no_suv)))

    def _in_suv(self, volume: Volume, stack: Stack, asked: bool) -> tuple[Volume, str]:
        """(a PET in SUV, if that is asked for and its headers allow it; else why not)"""
        if not asked or self.choices.stacks.loc[stack, "Modality"] != PET:
            return volume, ""
        try:
            return suv(volume, self.choices.slices.loc[stack]), ""
        except SuvError as error:
            return volume, f"as stored, not in SUV: {error}"

    def _loaded(self, stack: Stack, progress: Any) -> tuple[Volume, str]:
        """(the volume of a stack, from memory or loaded; what was left out)"""
        found = self.volumes.get(stack)
        if found is None:
            slices, uneven = longest_regular_run(self.choices.slices.loc[stack])
            slices, thinned = self._thinned(slices)
            volume = load_volume(slices, progress=progress)
            found = volume, "; ".join(filter(None, (uneven, thinned)))
        self._keep(stack, found)
        return found

    def _keep(self, stack: Stack, found: tuple[Volume, str]) -> None:
        """Takes a volume that is loaded; lets those go that were not used for longest."""
        with self._keeping:  # a load that is no longer wanted may end beside the next
            self.volumes[stack] = found
            self.volumes.move_to_end(stack)
            kept = self.volumes.values()
            while len(kept) > 1 and sum(one.array.nbytes for one, _ in kept) > 1e6 * self.max_mb:
                self.volumes.popitem(last=False)

    def _thinned(self, slices: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """(the slices, or every so many-th of them; a remark)"""
        pixels = numbers(slices, "Rows")[0] * numbers(slices, "Columns")[0]
        step = max(1, math.ceil(BYTES_PER_VOXEL * pixels * len(slices) / (1e6 * self.max_mb)))
        remark = f"every {_ordinal(step)} slice, to stay below {self.max_mb} MB"
        return slices.iloc[::step], remark if step > 1 else ""

    def _badge(self, stack: Stack) -> str:
        return self._badges.get(stack, "")

    @cached_property
    def _badges(self) -> dict[Stack, str]:
        """What the pictures of each stack should warn of."""
        return {} if self.findings is None else stack_badges(self.findings, self.choices.slices)


def _ordinal(number: int) -> str:
    """2 as 2nd."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
