"""How is a volume browsed? The browser draws it and fetches slices from the kernel when needed."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from helpers.geometry.planes import PLANES, PlaneError
from helpers.pictures.slices import snapshot
from helpers.pixels.window import VoiLut, Window, apply_window, resolve_window
from helpers.viewer.script import SCRIPT
from helpers.viewer.standalone_html import MAX_HTML_MB, save_html
from helpers.viewer.viewer_data import (
    nearest_slice,
    picture_affine,
    slice_bytes,
    slice_dtype,
    volume_data,
    volume_windows,
    window_data,
)
from helpers.volume.volume import Volume


class VolumeBrowser(anywidget.AnyWidget):
    """The widget of `browse`. Its traits can be read, set, observed, and linked with others'.

    ``plane``: "axial", "coronal" or "sagittal". ``index``: which of its slices is shown, from 0.
    ``position_mm``: the point (x, y, z) in LPS mm that all planes go through; link it to scroll
    several viewers together. ``window``: a `Window` or `VoiLut`; may be set to whatever
    `helpers.browse` takes as a window.
    """

    _esm = SCRIPT
    plane = traitlets.Enum(list(PLANES)).tag(sync=True)
    index = traitlets.Int().tag(sync=True)
    position_mm = traitlets.List(traitlets.CFloat(), minlen=3, maxlen=3).tag(sync=True)
    window = traitlets.Any()
    voi = traitlets.Dict().tag(sync=True)  # the window as the browser has it
    meta = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        volume: Volume,
        *,
        plane: str | None = None,
        window: object = None,
        badge: str = "",
        three_planes: bool = True,
    ) -> None:
        self.volume, self._windows = volume, volume_windows(volume)
        self._dtype = slice_dtype(volume)
        plane = plane or volume.acquired_plane
        super().__init__(
            plane=plane,
            index=volume.shape_of(plane)[0] // 2,
            position_mm=volume.middle.tolist(),
            window=window,
            meta=volume_data(volume, self._windows, badge=badge, three_planes=three_planes),
        )
        self.on_msg(self._answer)

    def save_html(self, path: str | Path, *, max_mb: float = MAX_HTML_MB) -> str:
        """Writes what is shown as a page that needs no kernel; returns what was reduced to fit.

        `path` and `max_mb` are as `helpers.viewer.standalone_html.save_html` takes them.
        """
        return save_html(
            path,
            self.volume,
            max_mb=max_mb,
            plane=self.plane,
            index=self.index,
            position_mm=self.position_mm,
            window=self.window,
            badge=self.meta["badge"],
        )

    @traitlets.validate("window")
    def _as_window(self, proposal: Any) -> Window | VoiLut:
        volume, known = self.volume, self._windows
        wanted = next(iter(known)) if proposal.value is None else proposal.value
        _, window = resolve_window(wanted, known, volume.array, volume.padding, unit=volume.unit)
        apply_window(np.zeros(1), window)  # refuses what has no meaning
        return window

    @traitlets.validate("index")
    def _within_plane(self, proposal: Any) -> int:
        last = self.volume.shape_of(self.plane)[0] - 1
        if not 0 <= proposal.value <= last:
            expected = f"expected an index from 0 to {last} for the {self.plane} plane"
            raise PlaneError(f"{expected}, got {proposal.value}")
        return proposal.value

    @traitlets.observe("window")
    def _show_window(self, change: Any) -> None:
        names = (name for name, known in self._windows.items() if _same(known, change.new))
        self.voi = window_data(next(names, "custom"), change.new)

    @traitlets.observe("voi")
    def _take_window(self, change: Any) -> None:
        voi = change.new
        known = self._windows.get(voi["name"])
        if known is not None and voi == window_data(voi["name"], known):
            self.window = known
        elif "center" in voi and voi != window_data(voi["name"], self.window):
            self.window = Window(voi["center"], voi["width"], "", voi["function"])

    @traitlets.observe("index")
    def _move_to_slice(self, _: Any) -> None:
        if nearest_slice(self.volume, self.plane, self.position_mm) != self.index:
            affine = picture_affine(self.volume, self.plane)
            pixel = np.linalg.solve(affine, [*self.position_mm, 1])
            pixel[0] = self.index
            self.position_mm = (affine @ pixel)[:3].tolist()

    @traitlets.observe("position_mm", "plane")
    def _move_to_position(self, _: Any) -> None:
        self.index = nearest_slice(self.volume, self.plane, self.position_mm)

    def _answer(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        """Sends the slice that the browser asks for."""
        if content.get("type") != "slice":
            return
        plane, index = content["plane"], content["index"]
        if 0 <= index < self.volume.shape_of(plane)[0]:
            content = {**content, "float": self._dtype.kind == "f"}
            self.send(content, [*slice_bytes(self.volume, plane, index, self._dtype)])
        else:
            text = f"there is no {plane} slice {index + 1}"
            self.send({**content, "type": "failed", "text": text})

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """The widget, and beside it a picture for whatever shows no widgets."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        shown = self.volume.slice(self.plane, self.index)
        picture = snapshot(shown, self.window, badge=self.meta["badge"])
        return {**data, "image/png": b64encode(picture).decode()}, metadata


def _same(one: Window | VoiLut, other: Window | VoiLut) -> bool:
    """Whether two windows are the same, whatever their source."""
    if isinstance(one, VoiLut) or isinstance(other, VoiLut):
        return one is other
    return one._replace(source="") == other._replace(source="")
