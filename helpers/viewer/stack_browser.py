"""How is one stack of a collection chosen? Menus of patients, stacks and findings over a viewer."""

import math
import threading
from collections import OrderedDict
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeAlias

import ipywidgets as widgets
import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.quality.audit import badge
from helpers.quality.evidence import finding_png
from helpers.slices.arrays import numbers, vectors
from helpers.slices.grid import longest_regular_run
from helpers.slices.stacks import checked_slices, stack_table
from helpers.viewer.standalone_html import MAX_HTML_MB, HtmlError
from helpers.viewer.static_picture import NO_IMAGE, StaticPicture, picture_of
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.volume import Volume, load_volume

MAX_MEMORY_MB = 1000  # of volumes that are kept
MENU_WIDTH = "min(46em, 95%)"
BYTES_PER_VOXEL = 2

Stack: TypeAlias = tuple[str, int]  # an entry of the index of `stack_table`


class CancelledError(ClearError):
    """A load that is no longer wanted."""


class UnknownStackError(ClearError, KeyError):
    """A stack that the slices do not have."""

    __str__ = Exception.__str__  # KeyError's would quote the sentence


class StackBrowser(widgets.VBox):
    """Menus of patients, stacks and findings, and the viewer of the stack that is selected.

    A stack is loaded in the background, with a progress bar, and can be cancelled. The volumes
    looked at last stay in memory, up to `max_mb`. A stack that is larger than that is loaded with
    every 2nd slice, or every 3rd, and ``message`` says so. Of a stack that is no volume one image
    is shown, and ``message`` says what it is. ``patient``, ``stack`` and ``finding`` are the
    controls (read and set their ``.value``), ``viewer`` is the `VolumeBrowser` or None, ``picture``
    the `StaticPicture` or None.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    stack : an entry of the index of `helpers.stack_table` that is shown first; None for the best
        volume
    findings : DataFrame of `helpers.audit`, or None
        With them pictures have badges, and a finding leads to its slice.
    max_mb : of volumes kept in memory
    """

    def __init__(
        self,
        slices: pd.DataFrame,
        stack: Stack | None = None,
        *,
        findings: pd.DataFrame | None = None,
        max_mb: float = MAX_MEMORY_MB,
    ) -> None:
        self.slices, self.stacks = slices, stack_table(checked_slices(slices))
        self.findings, self.max_mb = findings, max_mb
        self.volumes: OrderedDict[Stack, tuple[Volume, str]] = OrderedDict()
        self.viewer: VolumeBrowser | None = None
        self.picture: StaticPicture | None = None
        self._lock = threading.RLock()  # held while what is shown changes
        self._loading: _Load | None = None
        self._finding, self._finding_stack = None, None  # what the selected finding leads to
        menu, hidden = {"width": MENU_WIDTH}, {"visibility": "hidden"}
        patients = [str(patient) for patient in dict.fromkeys(self.stacks["PatientID"])]
        self.patient = widgets.Dropdown(options=patients, description="Patient", layout=menu)
        self.stack = widgets.Dropdown(description="Stack", layout=menu)
        options = self._finding_options()
        self.finding = widgets.Dropdown(
            options=options, index=0, description="Finding", layout=menu
        )
        self.bar = widgets.IntProgress(description="Loading", layout=hidden)
        self.cancel = widgets.Button(description="Cancel", layout=hidden)
        self.message, self.place = widgets.Label(), widgets.VBox()
        self._select(checked_stack(self.stacks, stack))
        self.patient.observe(self._offer_stacks, "value")
        self.stack.observe(self._load, "value")
        self.finding.observe(self._go_to_finding, "value")
        self.cancel.on_click(self._give_up)
        shown = [self.patient, self.stack, *([self.finding] if findings is not None else [])]
        super().__init__([*shown, widgets.HBox([self.bar, self.cancel, self.message]), self.place])
        self._load()

    def wait(self, seconds: float | None = None) -> None:
        """Waits for what is being loaded."""
        if self._loading is not None:
            self._loading.join(seconds)

    def save_html(self, path: str | Path, *, max_mb: float = MAX_HTML_MB) -> str:
        """Writes the viewer that is shown as `VolumeBrowser.save_html` does."""
        if self.viewer is not None:
            return self.viewer.save_html(path, max_mb=max_mb)
        if self.picture is not None:
            return self.picture.save_html(path)
        raise HtmlError(f"expected a stack that is shown, got none: {self.message.value}")

    def _select(self, stack: Stack | None) -> None:
        """Sets the menus to a stack."""
        if stack is not None:
            self.patient.value = str(self.stacks.loc[[stack], "PatientID"].iloc[0])
        self._offer_stacks()
        self.stack.value = stack

    def _offer_stacks(self, _: Any = None) -> None:
        rows = self.stacks[self.stacks["PatientID"].map(str) == self.patient.value]
        self.stack.options = [(_stack_label(row), row.Index) for row in rows.itertuples()]
        if len(rows) and self.stack.index is None:
            self.stack.index = 0

    def _finding_options(self) -> list[tuple[str, int | None]]:
        options: list[tuple[str, int | None]] = [("select a finding", None)]
        if self.findings is not None:
            rows = self.findings[["severity", "rule", "value"]].itertuples(index=False)
            options += [("{}: {}, {}".format(*row), number) for number, row in enumerate(rows)]
        return options

    def _go_to_finding(self, change: Any) -> None:
        if change.new is None or self.findings is None:
            return
        self._finding = finding = self.findings.iloc[change.new]
        self._finding_stack = stack = finding["stack"] or self._stack_of(finding["path"])
        if stack is None or stack not in self.stacks.index:
            self._stop()
            self.message.value = finding["value"]
            self._put(_evidence(finding, self.slices))
            return
        self.patient.value = str(self.stacks.loc[[stack], "PatientID"].iloc[0])
        if self.stack.value == stack:
            self._load()
        else:
            self.stack.value = stack

    def _stack_of(self, path: Any) -> Any:
        """The stack that a file is an image of; None without one."""
        rows = _rows_of(self.slices, path, None)
        return self.slices.index[rows[0]][:2] if len(rows) else None

    def _load(self, _: Any = None) -> None:
        """Shows the selected stack, from memory or loaded in the background."""
        stack, loading = self.stack.value, self._loading
        if loading is not None and loading.stack == stack and loading.is_wanted():
            return
        self._stop()
        if stack is None:
            self.message.value = NO_IMAGE
        elif stack in self.volumes:
            self._show(stack)
        else:
            self._loading = _Load(self, stack)
            self._loading.start()

    def _load_in_background(self, load: "_Load") -> None:
        try:
            if self.stacks.loc[load.stack, "volume"] == "no":
                self._load_picture(load)
            else:
                self._load_volume(load)
        except Exception as error:  # a thread has nobody else to tell
            with self._lock:
                if not load.cancelled.is_set():
                    self._show_failure(load.stack, error)
        finally:
            if not load.cancelled.is_set():
                self._show_progress("hidden")

    def _load_volume(self, load: "_Load") -> None:
        slices, uneven = longest_regular_run(self.slices.loc[load.stack])
        slices, thinned = self._thinned(slices)
        volume = load_volume(slices, progress=load)
        with self._lock:
            if not load.cancelled.is_set():
                self._keep(load.stack, volume, "; ".join(filter(None, (uneven, thinned))))
                self._show(load.stack)

    def _load_picture(self, load: "_Load") -> None:
        """Shows an image of a stack that is no volume, or the finding that led to it."""
        slices = self.slices.loc[load.stack]
        picture = picture_of(slices, badge=self._badge(load.stack, slices))
        with self._lock:
            if not load.cancelled.is_set():
                self.message.value = picture.words
                self._put(_image(picture.png) if picture.png else None)
                self.picture = picture
                self._put_evidence(load.stack)

    def _thinned(self, slices: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """(the slices, or every so many-th of them; a remark)"""
        pixels = numbers(slices, "Rows")[0] * numbers(slices, "Columns")[0]
        step = max(1, math.ceil(BYTES_PER_VOXEL * pixels * len(slices) / (1e6 * self.max_mb)))
        remark = f"every {_ordinal(step)} slice, to stay below {self.max_mb} MB"
        return slices.iloc[::step], remark if step > 1 else ""

    def _keep(self, stack: Stack, volume: Volume, remark: str) -> None:
        self.volumes[stack] = volume, remark
        kept = self.volumes.values()
        while len(kept) > 1 and sum(one.array.nbytes for one, _ in kept) > 1e6 * self.max_mb:
            self.volumes.popitem(last=False)

    def _show(self, stack: Stack) -> None:
        self.volumes.move_to_end(stack)
        volume, self.message.value = self.volumes[stack]
        slices = self.slices.loc[stack]
        if self.viewer is None or self.viewer.volume is not volume:
            self.viewer = self._put(VolumeBrowser(volume, badge=self._badge(stack, slices)))
        if self._finding is not None and self._finding_stack == stack:
            self._scroll_to(self._finding, slices)
            self._finding = None

    def _badge(self, stack: Stack, slices: pd.DataFrame) -> str:
        return "" if self.findings is None else badge(self.findings, stack, slices)

    def _scroll_to(self, finding: pd.Series, slices: pd.DataFrame) -> None:
        """Shows the slice of a finding, where its header says where that is."""
        rows = _rows_of(slices, finding["path"], finding["frame"])
        if len(rows) and self.viewer is not None:
            position = vectors(slices.iloc[rows[:1]], "ImagePositionPatient", 3)[0]
            if np.isfinite(position).all():
                self.viewer.plane = self.viewer.volume.acquired_plane
                self.viewer.position_mm = position.tolist()

    def _show_failure(self, stack: Stack, error: Exception) -> None:
        """Says what happened, beside the picture of the finding that led here."""
        known = isinstance(error, ClearError)
        self.message.value = str(error) if known else f"{type(error).__name__}: {error}"
        self._put(None)
        self._put_evidence(stack)

    def _put_evidence(self, stack: Stack) -> None:
        """Shows the picture of the finding that led to a stack, if one did."""
        if self._finding is not None and self._finding_stack == stack:
            self._put(_evidence(self._finding, self.slices))

    def _put(self, widget: Any) -> Any:
        """Shows a widget in place of the one before, and closes a viewer that is seen no more."""
        old, self.viewer, self.picture = self.viewer, None, None
        self.place.children = () if widget is None else (widget,)
        if old is not None:
            old.close()
        return widget

    def _show_progress(self, visibility: str) -> None:
        self.bar.layout.visibility = self.cancel.layout.visibility = visibility

    def _give_up(self, _: Any = None) -> None:
        self._stop()
        self.message.value = "Cancelled."

    def _stop(self) -> None:
        with self._lock:
            if self._loading is not None and self._loading.is_alive():
                self._loading.cancelled.set()
                self._show_progress("hidden")


class _Load(threading.Thread):
    """A stack that is being loaded. Called, it is the progress bar that `load_volume` wants."""

    def __init__(self, browser: StackBrowser, stack: Stack) -> None:
        super().__init__(target=browser._load_in_background, args=(self,), daemon=True)
        self.browser, self.stack, self.cancelled = browser, stack, threading.Event()

    def is_wanted(self) -> bool:
        """Whether it goes on."""
        return self.is_alive() and not self.cancelled.is_set()

    def __call__(self, *, desc: str, total: int) -> nullcontext["_Load"]:
        self.browser.bar.value, self.browser.bar.max = 0, total
        self.browser._show_progress("visible")
        return nullcontext(self)

    def update(self, number: int) -> None:
        """Moves the bar on; ends the load that is no longer wanted."""
        if self.cancelled.is_set():
            raise CancelledError("cancelled")
        self.browser.bar.value += number


def checked_stack(stacks: pd.DataFrame, stack: Stack | None) -> Stack | None:
    """The stack that is asked for, or where none is the best volume, else the first; or None.

    Raises
    ------
    UnknownStackError
    """
    if stack is None:
        volumes = stacks.index[stacks["volume"] != "no"]
        return next(iter([*volumes[:1], *stacks.index[:1]]), None)
    if (
        not isinstance(stack, tuple)
        or len(stack) != len(stacks.index.names)
        or (stack not in stacks.index)
    ):
        raise UnknownStackError(
            f"expected an entry of stack_table's index, got {stack!r}: "
            "these slices have no such stack"
        )
    return stack


def _evidence(finding: pd.Series, slices: pd.DataFrame) -> widgets.Image:
    """The picture of a finding that no volume shows."""
    return _image(finding_png(finding, slices))


def _image(png: bytes) -> widgets.Image:
    return widgets.Image(value=png, format="png", layout={"width": "max-content"})


def _rows_of(slices: pd.DataFrame, path: Any, frame: Any) -> np.ndarray:
    """The numbers of the rows of a file, or of one of its frames."""
    found = slices.index.get_level_values("path") == path
    if frame is not None and frame == frame:
        found = found & (slices.index.get_level_values("frame") == frame)
    return np.flatnonzero(found)


def _stack_label(row: Any) -> str:
    """A stack in a few words."""
    is_volume, split = row.volume != "no", ""
    if row.split_keyword:
        split = f"{row.split_keyword} {row.split_value}"
    what = row.plane if row.kind == "volume" else row.kind
    count = row.positions if is_volume else row.images
    images = f"{count} {'slice' if is_volume else 'image'}{'s' * (count != 1)}"
    size = f"{row.rows} × {row.columns}"
    words = [what, images, size, row.Modality, split, row.problems]
    return " · ".join(str(word) for word in words if word and word == word)


def _ordinal(number: int) -> str:
    """2 as 2nd."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
