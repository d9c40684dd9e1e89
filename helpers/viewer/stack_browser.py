"""How is one stack of a collection chosen? Menus of patients, stacks and findings over a viewer."""

import math
import threading
from collections import OrderedDict
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pandas as pd

from helpers.errors import ClearError
from helpers.quality.audit import badge
from helpers.quality.evidence import finding_png
from helpers.slices.frames import frame_table
from helpers.slices.grid import longest_regular_run, numbers
from helpers.slices.stacks import stack_slices, stack_table
from helpers.viewer.standalone_html import MAX_HTML_MB, HtmlError
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.volume import Volume, load_volume

MAX_MEMORY_MB = 1000  # of volumes that are kept
MENU_WIDTH = "min(46em, 95%)"
BYTES_PER_VOXEL = 2


class CancelledError(ClearError):
    """A load that is no longer wanted."""


class StackBrowser(widgets.VBox):
    """Menus of patients, stacks and findings, and the viewer of the stack that is selected.

    A stack is loaded in the background, with a progress bar, and can be cancelled. The volumes
    looked at last stay in memory, up to `max_mb`. A stack that is larger than that is loaded with
    every 2nd slice, or every 3rd, and ``message`` says so. ``patient``, ``stack`` and ``finding``
    are the controls (read and set their ``.value``), ``viewer`` is the `VolumeBrowser` or None.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.frame_table`
    findings : DataFrame of `helpers.audit`, or None
        With them pictures have badges, and a finding leads to its slice.
    max_mb : of volumes kept in memory
    """

    def __init__(
        self,
        headers: pd.DataFrame,
        *,
        findings: pd.DataFrame | None = None,
        max_mb: float = MAX_MEMORY_MB,
    ) -> None:
        self.headers = headers if "frame" in headers else frame_table(headers)
        self.stacks, self.findings, self.max_mb = stack_table(self.headers), findings, max_mb
        self.volumes: OrderedDict[tuple[str, int], tuple[Volume, str]] = OrderedDict()
        self.viewer: VolumeBrowser | None = None
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
        self._offer_stacks()
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
        if self.viewer is None:
            raise HtmlError(f"expected a stack that is shown, got none: {self.message.value}")
        return self.viewer.save_html(path, max_mb=max_mb)

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
            self._put(_evidence(finding, self.headers))
            return
        self.patient.value = str(self.stacks.loc[[stack], "PatientID"].iloc[0])
        if self.stack.value == stack:
            self._load()
        else:
            self.stack.value = stack

    def _stack_of(self, path: Any) -> Any:
        """The stack that a file is an image of; None without one."""
        owns = (key for key in self.stacks.index if path in stack_slices(self.headers, key).index)
        return next(owns, None)

    def _load(self, _: Any = None) -> None:
        """Shows the selected stack, from memory or loaded in the background."""
        stack, loading = self.stack.value, self._loading
        if loading is not None and loading.stack == stack and loading.is_wanted():
            return
        self._stop()
        if stack is None:
            self.message.value = "No stack of images here."
        elif stack in self.volumes:
            self._show(stack)
        else:
            self._loading = _Load(self, stack)
            self._loading.start()

    def _load_in_background(self, load: "_Load") -> None:
        try:
            slices, uneven = longest_regular_run(stack_slices(self.headers, load.stack))
            slices, thinned = self._thinned(slices)
            volume = load_volume(slices, progress=load)
            with self._lock:
                if not load.cancelled.is_set():
                    self._keep(load.stack, volume, "; ".join(filter(None, (uneven, thinned))))
                    self._show(load.stack)
        except Exception as error:  # a thread has nobody else to tell
            with self._lock:
                if not load.cancelled.is_set():
                    self._show_failure(load.stack, error)
        finally:
            if not load.cancelled.is_set():
                self._show_progress("hidden")

    def _thinned(self, slices: pd.DataFrame) -> tuple[pd.DataFrame, str]:
        """(the slices, or every so many-th of them; a remark)"""
        pixels = numbers(slices, "Rows")[0] * numbers(slices, "Columns")[0]
        step = max(1, math.ceil(BYTES_PER_VOXEL * pixels * len(slices) / (1e6 * self.max_mb)))
        remark = f"every {_ordinal(step)} slice, to stay below {self.max_mb} MB"
        return slices.iloc[::step], remark if step > 1 else ""

    def _keep(self, stack: tuple[str, int], volume: Volume, remark: str) -> None:
        self.volumes[stack] = volume, remark
        kept = self.volumes.values()
        while len(kept) > 1 and sum(one.array.nbytes for one, _ in kept) > 1e6 * self.max_mb:
            self.volumes.popitem(last=False)

    def _show(self, stack: tuple[str, int]) -> None:
        self.volumes.move_to_end(stack)
        volume, self.message.value = self.volumes[stack]
        slices = stack_slices(self.headers, stack)
        if self.viewer is None or self.viewer.volume is not volume:
            words = "" if self.findings is None else badge(self.findings, stack, slices)
            self.viewer = self._put(VolumeBrowser(volume, badge=words))
        if self._finding is not None and self._finding_stack == stack:
            self._scroll_to(self._finding["path"], slices)
            self._finding = None

    def _scroll_to(self, path: Any, slices: pd.DataFrame) -> None:
        """Shows the slice of a file, where its header says where that is."""
        if path in slices.index and self.viewer is not None:
            position = slices.loc[[path], "ImagePositionPatient"].iloc[0]
            if isinstance(position, tuple):
                self.viewer.plane = self.viewer.volume.acquired_plane
                self.viewer.position_mm = list(position)

    def _show_failure(self, stack: tuple[str, int], error: Exception) -> None:
        """Says what happened, beside the picture of the finding that led here."""
        known = isinstance(error, ClearError)
        self.message.value = str(error) if known else f"{type(error).__name__}: {error}"
        self._put(None)
        if self._finding is not None and self._finding_stack == stack:
            self._put(_evidence(self._finding, self.headers))

    def _put(self, widget: Any) -> Any:
        """Shows a widget in place of the one before, and closes a viewer that is seen no more."""
        old, self.viewer = self.viewer, None
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

    def __init__(self, browser: StackBrowser, stack: tuple[str, int]) -> None:
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


def _evidence(finding: pd.Series, headers: pd.DataFrame) -> widgets.Image:
    """The picture of a finding that no volume shows."""
    picture = finding_png(finding, headers)
    return widgets.Image(value=picture, format="png", layout={"width": "max-content"})


def _stack_label(row: Any) -> str:
    """A stack in a few words."""
    size = f"{row.rows} × {row.columns}"
    words = [row.plane, f"{row.positions} slices", size, row.Modality, row.problems]
    return " · ".join(map(str, filter(None, words)))


def _ordinal(number: int) -> str:
    """2 as 2nd."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
