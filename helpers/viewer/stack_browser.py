"""How is one stack of a collection chosen? Menus of patients, stacks and findings over a viewer."""

import threading
from pathlib import Path
from typing import Any, TypeAlias

import ipywidgets as widgets
import numpy as np
import pandas as pd

from helpers.errors import error_text
from helpers.quality.evidence import finding_png
from helpers.slices.arrays import vectors
from helpers.slices.stacks import checked_slices, stack_table
from helpers.viewer.choices import VIEWS, Choices, Stack, shortened
from helpers.viewer.image_browser import ImageBrowser
from helpers.viewer.loading import Load, LoadingBar
from helpers.viewer.measurements import MeasurementError
from helpers.viewer.opening import MAX_MEMORY_MB, PET, Opened, Opener, Wanted
from helpers.viewer.standalone_page import MAX_HTML_MB, HtmlError
from helpers.viewer.volume_browser import VolumeBrowser

MENU_WIDTH = "min(46em, 95%)"
AS_STORED, AS_SUV = "as stored", "SUV by body weight"
MAKING_S = 2.0  # that a browser has to make a viewer; anywidget calls one closed before a failure

Viewer: TypeAlias = VolumeBrowser | ImageBrowser


class StackBrowser(widgets.VBox):
    """Menus of patients, stacks and findings, and the viewer of what is selected.

    A volume is loaded in the background, with a progress bar, and can be cancelled. The volumes
    looked at last stay in memory, up to `max_mb`; of a larger one every 2nd slice is loaded, or
    every 3rd, and ``message`` says so. Volumes of one group (times, b-values, echoes) are one
    entry, and the viewer has a second slider for them. Over a volume may lie a PET or a dose of the
    same frame of reference. Images that are no volume are shown one after the other: those of a
    stack, and all views of a patient, or of all patients.

    ``patient``, ``stack``, ``over``, ``values`` and ``finding`` are the controls (read and set
    their ``.value``), ``viewer`` is the `VolumeBrowser` or `ImageBrowser`, or None. What is
    measured on a stack is kept, and is there again when the stack is.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    stack : an entry of the index of `helpers.stack_table` that is shown first; None for the best
        volume, or for all images where nothing is a volume
    findings : DataFrame of `helpers.audit`, or None
        With them pictures have badges, and a finding leads to its image.
    labels : DataFrame of `helpers.labels_of`, or of `helpers.annotation_table`, or None
        With them what is labelled is drawn over volumes and images, with a switch for each label.
    max_mb : of volumes kept in memory
    """

    def __init__(
        self,
        slices: pd.DataFrame,
        stack: Stack | None = None,
        *,
        findings: pd.DataFrame | None = None,
        labels: pd.DataFrame | None = None,
        max_mb: float = MAX_MEMORY_MB,
    ) -> None:
        self.viewer: Viewer | None = None
        self._lock = threading.RLock()  # held while what is shown changes
        self._loading: Load | None = None
        self.slices, self.stacks = slices, stack_table(checked_slices(slices))
        self.findings = findings
        self._choices = Choices(slices, self.stacks)
        self._opener = Opener(self._choices, findings=findings, labels=labels, max_mb=max_mb)
        self.volumes = self._opener.volumes
        self._selecting = False  # while menus are set one after the other, nothing is loaded
        self._finding: pd.Series | None = None  # which led to what is shown next
        self._shown: Wanted | None = None
        self._measured: dict[tuple[Any, Any], list[dict[Any, Any]]] = {}  # by patient and stack
        menu, hidden = {"width": MENU_WIDTH}, {"width": MENU_WIDTH, "display": "none"}
        patients, found = self._choices.patients, self._finding_options()
        self.patient = widgets.Dropdown(options=patients, description="Patient", layout=menu)
        self.stack = widgets.Dropdown(description="Stack", layout=menu)
        self.over = widgets.Dropdown(description="Over it", layout=hidden)
        self.values = widgets.Dropdown(
            options=[AS_STORED, AS_SUV], description="PET values", layout=hidden
        )
        self.finding = widgets.Dropdown(options=found, index=0, description="Finding", layout=menu)
        self.finding.disabled = len(found) == 1  # the entry says that nothing was found
        self.loading, self.place = LoadingBar(self._give_up), widgets.VBox()
        self.message = self.loading.message
        self._select(*self._choices.first(stack))
        self._offer_layers()
        self.patient.observe(self._offer_stacks, "value")
        self.stack.observe(self._offer_layers, "value")
        for control in (self.stack, self.over, self.values):
            control.observe(self._load, "value")
        self.finding.observe(self._go_to_finding, "value")
        menus = [self.patient, self.stack, self.over, self.values]
        menus += [self.finding] if findings is not None else []
        super().__init__([*menus, self.loading, self.place])
        self._load()

    def wait(self, seconds: float | None = None) -> None:
        """Waits for what is being loaded."""
        if self._loading is not None:
            self._loading.join(seconds)

    def go_to(self, stack: Stack) -> None:
        """Shows a stack: an entry of the index of `helpers.stack_table`.

        Raises
        ------
        UnknownStackError
        """
        self._select(*self._choices.first(stack))
        self._load()

    @property
    def measurements(self) -> pd.DataFrame:
        """What was measured on the stack that is shown, as its viewer has it."""
        return self._measuring_viewer().measurements

    def measure(self, kind: str, points: Any) -> pd.Series:
        """Measures on the stack that is shown, as its viewer does."""
        return self._measuring_viewer().measure(kind, points)

    def save_html(self, path: str | Path, *, max_mb: float = MAX_HTML_MB) -> str:
        """Writes the viewer that is shown as a page that needs no kernel."""
        if self.viewer is None:
            raise HtmlError(f"expected a stack that is shown, got none: {self.message.value}")
        return self.viewer.save_html(path, max_mb=max_mb)

    def close(self) -> None:
        """Takes it off the page, ends what is being loaded, and closes the viewer in it."""
        self._stop()
        if self.viewer is not None:
            self.viewer.close()
        super().close()

    def _measuring_viewer(self) -> Viewer:
        if self.viewer is None:
            raise MeasurementError(
                f"expected a stack that is shown, got none: {self.message.value}"
            )
        return self.viewer

    # menus

    def _wanted(self) -> Wanted:
        as_suv = self.values.value == AS_SUV
        return Wanted(self.patient.value, self.stack.value, self.over.value, as_suv)

    def _select(self, patient: Any, entry: Any) -> None:
        """Sets the menus to an entry of a patient."""
        if patient is None:
            return
        self._selecting = True
        try:
            self.patient.value = patient
            self.stack.options = self._choices.stacks_of(patient, entry)
            self.stack.value = entry
        finally:
            self._selecting = False

    def _offer_stacks(self, _: Any = None) -> None:
        self.stack.options = self._choices.stacks_of(self.patient.value)
        if self.stack.options and self.stack.index is None:
            self.stack.index = 0
        self._load()  # all images of another patient are the same entry, of which no menu tells

    def _offer_layers(self, _: Any = None) -> None:
        """Offers what may lie over the stack, and SUV where there is a PET."""
        stack = self.stack.value
        shown = [] if stack is None or stack == VIEWS else [stack]
        self.over.options = layers = self._choices.layers_for(stack) if shown else []
        shown += [layer for _, layer in layers if layer is not None]
        self.over.layout.display = "" if layers else "none"
        is_pet = self.stacks.loc[shown, "Modality"].eq(PET).any()
        self.values.layout.display = "" if is_pet else "none"

    def _finding_options(self) -> list[tuple[str, int | None]]:
        nothing = self.findings is not None and self.findings.empty
        title = "the audit found nothing" if nothing else "select a finding"
        options: list[tuple[str, int | None]] = [(title, None)]
        if self.findings is not None:
            for number, row in enumerate(self.findings.itertuples(index=False)):
                words = f"{row.severity}: {row.rule}, {row.value}", self._place_of(row)
                options.append((shortened(" · ".join(filter(None, words))), number))
        return options

    def _place_of(self, finding: Any) -> str:
        """What a finding is about: a file in its folder, or the patient of a stack."""
        if isinstance(finding.path, str):
            return "/".join(Path(finding.path).parts[-2:])
        known = isinstance(finding.stack, tuple) and finding.stack in self.stacks.index
        return self._choices.patient_of(finding.stack) if known else ""

    def _go_to_finding(self, change: Any) -> None:
        if change.new is None or self.findings is None:
            self._load()  # what the menus say, in place of the picture of a finding
            return
        finding = self.findings.iloc[change.new]
        stack = finding["stack"] or self._stack_of(finding["path"])
        if stack is None or stack not in self.stacks.index:
            self._stop()
            self.message.value = finding["value"]
            self._put(_evidence(finding, self.slices))
            return
        self._finding = finding
        if self.stack.value == VIEWS and self._is_among_views(finding):
            self._load()  # it stays among the others
        else:
            self.go_to(stack)

    def _is_among_views(self, finding: pd.Series) -> bool:
        """Whether the image of a finding is one of those that are shown one after the other."""
        images = self._choices.views_of(self.patient.value)
        return len(_rows_of(images, finding["path"], finding["frame"])) > 0

    def _stack_of(self, path: Any) -> Any:
        """The stack that a file is an image of; None without one."""
        rows = _rows_of(self.slices, path, None)
        return self.slices.index[rows[0]][:2] if len(rows) else None

    # loading

    def _load(self, _: Any = None) -> None:
        """Shows what the menus ask for, from memory or loaded in the background."""
        if self._selecting:
            return
        wanted, loading = self._wanted(), self._loading
        if loading is not None and loading.wanted == wanted and loading.goes_on():
            return
        self._stop()
        self._loading = Load(wanted, self._load_in_background, self.loading)
        self._loading.start()

    def _load_in_background(self, load: Load) -> None:
        try:
            opened = self._opener.open(load.wanted, progress=load)
            with self._lock:
                if not load.cancelled.is_set():
                    self._show(opened, load.wanted)
        except Exception as error:  # a thread has nobody else to tell
            with self._lock:
                if not load.cancelled.is_set():
                    self.message.value = error_text(error)
                    self._put(None)
        finally:
            if not load.cancelled.is_set():
                self.loading.show("hidden")

    def _show(self, opened: Opened, wanted: Wanted) -> None:
        self.message.value = opened.message
        if self.viewer is None or wanted != self._shown:
            self._put(viewer := _viewer_of(opened))
            if viewer is not None:
                viewer.measured = self._measured.get(wanted[:2], [])
        self._shown = wanted
        if self._finding is not None:
            self._scroll_to(self._finding)
            self._finding = None

    def _scroll_to(self, finding: pd.Series) -> None:
        """Shows the image of a finding, where that is among those shown."""
        rows = _rows_of(self.slices, finding["path"], finding["frame"])
        if not len(rows) or self.viewer is None:
            return
        if isinstance(self.viewer, ImageBrowser):
            _, _, path, frame = self.slices.index[rows[0]]
            self.viewer.go_to(path, frame)
            return
        position = vectors(self.slices.iloc[rows[:1]], "ImagePositionPatient", 3)[0]
        if np.isfinite(position).all():
            self.viewer.plane = self.viewer.volume.acquired_plane
            self.viewer.position_mm = position.tolist()

    def _put(self, widget: Any) -> None:
        """Shows a widget in place of the one before, and closes a viewer that is seen no more."""
        is_viewer = isinstance(widget, (VolumeBrowser, ImageBrowser))
        old, self.viewer = self.viewer, widget if is_viewer else None
        self.place.children = () if widget is None else (widget,)
        if old is not None:
            if self._shown is not None:
                self._measured[self._shown[:2]] = old.measured
            _close_when_made(old)

    def _give_up(self, _: Any = None) -> None:
        self._stop()
        self.message.value = "Cancelled."

    def _stop(self) -> None:
        with self._lock:
            if self._loading is not None and self._loading.is_alive():
                self._loading.cancelled.set()
                self.loading.show("hidden")


def _viewer_of(opened: Opened) -> Viewer | None:
    if opened.volume is not None:
        return VolumeBrowser(opened.volume, **opened.options)
    return None if opened.images is None else ImageBrowser(opened.images, **opened.options)


def _close_when_made(viewer: Viewer) -> None:
    """Closes a viewer when the browser, which may be behind, has surely made it."""
    timer = threading.Timer(MAKING_S, viewer.close)
    timer.daemon = True
    timer.start()


def _evidence(finding: pd.Series, slices: pd.DataFrame) -> widgets.Image:
    """The picture of a finding that no viewer shows."""
    png = finding_png(finding, slices)
    return widgets.Image(value=png, format="png", layout={"width": "max-content"})


def _rows_of(slices: pd.DataFrame, path: Any, frame: Any) -> np.ndarray:
    """The numbers of the rows of a file, or of one of its frames."""
    found = slices.index.get_level_values("path") == path
    if frame is not None and frame == frame:
        found = found & (slices.index.get_level_values("frame") == frame)
    return np.flatnonzero(found)
