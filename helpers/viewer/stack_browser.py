"""Which stack shall be looked at? A chooser of patients, stacks and findings over a viewer."""

import threading
from collections import OrderedDict

import ipywidgets as widgets

from helpers.errors import ClearError
from helpers.quality.audit import badge
from helpers.quality.evidence import finding_png
from helpers.slices.frames import frame_table
from helpers.slices.grid import longest_regular_run, numbers
from helpers.slices.stacks import stack_slices, stack_table
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.volume import load_volume

MAX_MB = 1000  # of volumes kept
WIDE = widgets.Layout(width="min(46em, 95%)")


class CancelledError(ClearError):
    """A load that was not wanted any more."""


class StackBrowser(widgets.VBox):
    """Patients, stacks and findings to choose from, and the viewer of the stack that is chosen.

    A stack is loaded in the background, with a progress bar, and can be cancelled. Volumes that were looked at stay
    in memory up to `max_mb`; a stack that is larger than that is loaded with every second slice, or every third, and
    its picture says so. ``patient``, ``stack`` and ``finding`` are the controls (read and set their ``.value``),
    ``viewer`` is the `VolumeBrowser` or None, ``message`` what there is to say.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.frame_table`
    findings : DataFrame of `helpers.audit`, or None: pictures then have badges, and a finding leads to its slice
    max_mb : of volumes kept in memory
    """

    def __init__(self, headers, *, findings=None, max_mb=MAX_MB):
        self.headers = headers if "frame" in headers else frame_table(headers)
        self.stacks, self.findings, self.max_mb = stack_table(self.headers), findings, max_mb
        self._lock = threading.RLock()  # held while what is shown changes
        self.volumes, self.viewer, self._loading, self._loads = OrderedDict(), None, None, None
        self._finding = self._wanted = None  # what a finding leads to: its row, its path
        patients = [str(patient) for patient in dict.fromkeys(self.stacks["PatientID"])]
        self.patient = widgets.Dropdown(options=patients, description="Patient", layout=WIDE)
        self.stack = widgets.Dropdown(description="Stack", layout=WIDE)
        self.finding = widgets.Dropdown(
            options=self._finding_options(), description="Finding", layout=WIDE
        )
        self.bar = widgets.IntProgress(
            description="Loading", layout=widgets.Layout(visibility="hidden")
        )
        self.cancel = widgets.Button(
            description="Cancel", layout=widgets.Layout(visibility="hidden")
        )
        self.message, self.place = widgets.Label(), widgets.VBox()
        self._offer_stacks()
        self.patient.observe(self._offer_stacks, "value")
        self.stack.observe(self._load, "value")
        self.finding.observe(self._go_to_finding, "value")
        self.cancel.on_click(lambda _: self._give_up())
        shown = [self.patient, self.stack, *([self.finding] if findings is not None else [])]
        super().__init__([*shown, widgets.HBox([self.bar, self.cancel, self.message]), self.place])
        self._load()

    def wait(self, seconds=None):
        """Waits for what is being loaded."""
        if self._loading is not None:
            self._loading.join(seconds)

    def _offer_stacks(self, _=None):
        rows = (
            self.stacks[self.stacks["PatientID"].map(str) == self.patient.value]
            if self.patient.value
            else self.stacks[:0]
        )
        self.stack.options = [(_label(row), row.Index) for row in rows.itertuples()]
        if len(rows) and self.stack.index is None:
            self.stack.index = 0

    def _finding_options(self):
        if self.findings is None:
            return [("", None)]
        rows = zip(
            self.findings["rule"],
            self.findings["severity"],
            self.findings["value"],
            range(len(self.findings)),
        )
        return [
            ("choose a finding", None),
            *((f"{severity}: {rule}, {value}", place) for rule, severity, value, place in rows),
        ]

    def _go_to_finding(self, change):
        if change.new is None:
            return
        finding = self.findings.iloc[change.new]
        stack = finding["stack"] or self._stack_of(finding["path"])
        self._finding, self._wanted = finding, finding["path"]
        if stack is None or stack not in self.stacks.index:
            self._stop()
            self._put(_evidence(finding, self.headers))
            self.message.value = finding["value"]
            return
        self.patient.value = str(self.stacks.loc[[stack], "PatientID"].iloc[0])
        if self.stack.value == stack:
            self._load()
        else:
            self.stack.value = stack

    def _stack_of(self, path):
        return next(
            (
                stack
                for stack in self.stacks.index
                if path in stack_slices(self.headers, stack).index
            ),
            None,
        )

    def _load(self, _=None):
        """Shows the chosen stack, from memory or loaded in the background."""
        stack = self.stack.value
        if stack == self._loads and self._loading.is_alive() and not self._cancelled.is_set():
            return
        self._stop()
        if stack is None:
            self.message.value = "No stack of images here."
            return
        if stack in self.volumes:
            self._show(stack)
            return
        self._loads, self._cancelled = stack, threading.Event()
        self._loading = threading.Thread(
            target=self._load_in_background, args=(stack, self._cancelled), daemon=True
        )
        self._loading.start()

    def _load_in_background(self, stack, cancelled):
        try:
            slices, uneven = longest_regular_run(stack_slices(self.headers, stack))
            slices, thinned = self._affordable(slices)
            volume = load_volume(slices, progress=_Bar(self, cancelled))
            with self._lock:
                if not cancelled.is_set():
                    self._keep(stack, volume, "; ".join(filter(None, (uneven, thinned))))
                    self._show(stack)
        except CancelledError:
            pass
        except Exception as error:  # a thread has nobody else to tell
            with self._lock:
                if not cancelled.is_set():
                    self._put(
                        None if self._finding is None else _evidence(self._finding, self.headers)
                    )
                    self.message.value = str(error)
        finally:
            if not cancelled.is_set():
                self.bar.layout.visibility = self.cancel.layout.visibility = "hidden"

    def _put(self, widget):
        """Shows a widget in place of the one before; a viewer that is not seen any more is closed."""
        old, self.viewer = self.viewer, widget if isinstance(widget, VolumeBrowser) else None
        self.place.children = () if widget is None else (widget,)
        if old is not None:
            old.close()

    def _affordable(self, slices):
        """(the slices, or every so many-th of them; a remark)"""
        bytes_of_all = 2 * len(slices) * numbers(slices, "Rows")[0] * numbers(slices, "Columns")[0]
        every = max(1, int(-(-bytes_of_all // (1e6 * self.max_mb))))
        return slices.iloc[
            ::every
        ], "" if every == 1 else f"every {every}. slice, to stay below {self.max_mb} MB"

    def _keep(self, stack, volume, remark):
        self.volumes[stack] = volume, remark
        while (
            len(self.volumes) > 1
            and sum(kept.array.nbytes for kept, _ in self.volumes.values()) > 1e6 * self.max_mb
        ):
            self.volumes.popitem(last=False)

    def _show(self, stack):
        self.volumes.move_to_end(stack)
        volume, self.message.value = self.volumes[stack]
        if self.viewer is not None and self.viewer.volume is volume:
            self._show_wanted()
            return
        slices = stack_slices(self.headers, stack)
        words = badge(self.findings, stack, slices) if self.findings is not None else ""
        self._put(VolumeBrowser(volume, badge=words))
        self._show_wanted()

    def _show_wanted(self):
        """Scrolls to the slice of a finding."""
        path, self._wanted = self._wanted, None
        slices = stack_slices(self.headers, self.stack.value)
        if path in slices.index and self.viewer is not None:
            place = slices.loc[[path], "ImagePositionPatient"].iloc[0]
            if isinstance(place, tuple):
                self.viewer.plane = self.viewer.volume.acquired_plane
                self.viewer.position_mm = list(place)

    def _give_up(self):
        self._stop()
        self.message.value = "Cancelled."

    def _stop(self):
        with self._lock:
            if self._loading is not None and self._loading.is_alive():
                self._cancelled.set()
                self.bar.layout.visibility = self.cancel.layout.visibility = "hidden"


class _Bar:
    """A progress bar as tqdm makes one, shown in a browser; it is where a load is cancelled."""

    def __init__(self, browser, cancelled):
        self.browser, self.cancelled = browser, cancelled

    def __call__(self, *, desc, total):
        bar = self.browser.bar
        bar.value, bar.max, bar.description = 0, total, "Loading"
        bar.layout.visibility = self.browser.cancel.layout.visibility = "visible"
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, number):
        self.check()
        self.browser.bar.value += number

    def check(self):
        """Ends the load where it is not wanted any more."""
        if self.cancelled.is_set():
            raise CancelledError


def _evidence(finding, headers):
    """The picture of a finding that no volume shows."""
    return widgets.Image(
        value=finding_png(finding, headers),
        format="png",
        layout=widgets.Layout(width="max-content"),
    )


def _label(row):
    """A stack in a few words."""
    words = [row.plane, f"{row.positions} slices", f"{row.rows} × {row.columns}", row.Modality]
    return " · ".join(map(str, filter(None, words))) + (
        f" · {row.problems}" if row.problems else ""
    )
