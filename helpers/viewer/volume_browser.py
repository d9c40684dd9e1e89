"""A volume, browsed: drawn in the browser, its slices fetched from the kernel as they are needed."""

from base64 import b64encode
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from helpers.geometry.planes import PLANES, PlaneError
from helpers.pictures.slices import snapshot
from helpers.pixels.auto_window import resolve_window
from helpers.pixels.window import Window, apply_window
from helpers.viewer.standalone_html import MAX_MB, save_html
from helpers.viewer.viewer_data import (
    kind_of,
    nearest_slice,
    picture_affine,
    slice_bytes,
    volume_data,
    volume_windows,
    window_data,
)

SCRIPT = Path(__file__).with_name("viewer.js")


class VolumeBrowser(anywidget.AnyWidget):
    """The widget of `browse`. Its traits can be read, set, observed, and linked with those of others.

    ``plane``: "axial", "coronal" or "sagittal". ``index``: which of its slices is shown, from 0. ``position_mm``: the
    point (x, y, z) in LPS mm that all planes go through; link it to scroll several viewers together. ``window``: a
    `Window` or `VoiLut`; may be set to whatever `helpers.browse` takes as a window.
    """

    _esm = SCRIPT
    plane = traitlets.Enum(list(PLANES)).tag(sync=True)
    index = traitlets.Int().tag(sync=True)
    position_mm = traitlets.List(traitlets.CFloat(), minlen=3, maxlen=3).tag(sync=True)
    window = traitlets.Any()
    view = traitlets.Dict().tag(sync=True)  # the window as the browser has it
    meta = traitlets.Dict().tag(sync=True)

    def __init__(self, volume, *, plane=None, window=None, badge="", three_planes=True):
        self.volume, self._views, self._kind = volume, volume_windows(volume), kind_of(volume)
        plane = plane or volume.acquired_plane
        super().__init__(
            plane=plane,
            index=volume.shape_of(plane)[0] // 2,
            position_mm=volume.middle.tolist(),
            window=window,
            meta=volume_data(volume, self._views, badge=badge, three_planes=three_planes),
        )
        self.on_msg(self._answer)

    @traitlets.validate("window")
    def _as_window(self, proposal):
        wanted = proposal.value
        wanted = next(iter(self._views)) if wanted is None else wanted
        view = resolve_window(wanted, self._views, self.volume.array, self.volume.padding)[1]
        apply_window(np.zeros(1), view)  # refuses what has no meaning
        return view

    @traitlets.validate("index")
    def _within(self, proposal):
        count = self.volume.shape_of(self.plane)[0]
        if not 0 <= proposal.value < count:
            raise PlaneError(
                f"expected an index from 0 to {count - 1} for the {self.plane} plane, got {proposal.value}"
            )
        return proposal.value

    @traitlets.observe("window")
    def _show_window(self, change):
        known = (
            name
            for name, view in self._views.items()
            if view is change.new or _equal(view, change.new)
        )
        name = next(known, "chosen")
        self.view = window_data(name, change.new)

    @traitlets.observe("view")
    def _take_window(self, change):
        view = change.new
        if view["name"] in self._views and view == window_data(
            view["name"], self._views[view["name"]]
        ):
            self.window = self._views[view["name"]]
        elif "center" in view and window_data(view["name"], self.window) != view:
            self.window = Window(view["center"], view["width"], "", view["function"])

    @traitlets.observe("index")
    def _move_to_slice(self, _):
        if nearest_slice(self.volume, self.plane, self.position_mm) != self.index:
            affine = picture_affine(self.volume, self.plane)
            voxel = np.linalg.solve(affine, [*self.position_mm, 1])
            voxel[0] = self.index
            self.position_mm = (affine @ voxel)[:3].tolist()

    @traitlets.observe("position_mm", "plane")
    def _move_to_position(self, _):
        self.index = nearest_slice(self.volume, self.plane, self.position_mm)

    def save_html(self, path, *, max_mb=MAX_MB):
        """Writes what is shown as a page that needs no kernel, as `helpers.viewer.standalone_html.save_html`; returns what was reduced to fit."""
        return save_html(self.volume, path, max_mb=max_mb, **self._shown())

    def _shown(self):
        place = {"plane": self.plane, "index": self.index, "position_mm": list(self.position_mm)}
        return {**place, "window": self.window, "badge": self.meta["badge"]}

    def _answer(self, _, content, buffers):
        """Sends the slice that the browser asks for."""
        if content.get("type") == "slice":
            plane, index = content["plane"], content["index"]
            if not 0 <= index < self.volume.shape_of(plane)[0]:
                self.send(
                    {
                        "type": "failed",
                        "plane": plane,
                        "index": index,
                        "text": f"there is no {plane} slice {index + 1}",
                    }
                )
                return
            answer = {
                "type": "slice",
                "plane": plane,
                "index": index,
                "float": self._kind.kind == "f",
            }
            self.send(answer, list(slice_bytes(self.volume, plane, index, self._kind)))

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and beside it the picture for whatever shows no widgets."""
        still = snapshot(self.volume.slice(self.plane, self.index), self.window)
        shown = super()._repr_mimebundle_(**kwargs)
        data = shown[0] if isinstance(shown, tuple) else shown
        return {**data, "image/png": b64encode(still).decode()}


def _equal(view, other):
    """Whether two windows are the same, whatever their source."""
    windows = isinstance(view, Window) and isinstance(other, Window)
    return windows and (view.center, view.width, view.function) == (
        other.center,
        other.width,
        other.function,
    )
