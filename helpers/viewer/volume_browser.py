"""How is a volume browsed? The browser draws it and fetches slices from the kernel when needed."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import numpy as np
import pandas as pd
import traitlets

from helpers.errors import ClearError
from helpers.geometry.planes import PLANES, PROJECTIONS, PlaneError
from helpers.labels.labels import Labels
from helpers.pixels.window import VoiLut, Window, apply_window, resolve_window
from helpers.viewer.measurements import (
    Measurement,
    checked_in_volume,
    volume_measurements,
    volume_values,
)
from helpers.viewer.measuring import Measuring
from helpers.viewer.overlay import Overlay, overlay_of, snapshot_over
from helpers.viewer.script import SCRIPT
from helpers.viewer.sent_slices import failed_message, greys_message, values_message
from helpers.viewer.standalone_html import save_html
from helpers.viewer.standalone_page import MAX_HTML_MB
from helpers.viewer.viewer_data import (
    named_window,
    nearest_slice,
    picture_affine,
    slice_dtype,
    volume_data,
    volume_windows,
    window_data,
)
from helpers.viewer.volume_group import VolumeGroup
from helpers.viewer.volume_labels import checked_labels, labels_data, shown_labels
from helpers.volume.volume import Volume

MAX_SLAB_MM = 1000
DRAWN = ("over", "over_window", "opacity", "slab_mm", "slab_how")


class VolumeBrowser(Measuring, anywidget.AnyWidget):
    """The widget of `browse`. Its traits can be read, set, observed, and linked with others'.

    ``plane``: "axial", "coronal" or "sagittal". ``index``: which of its slices is shown, from 0.
    ``position_mm``: the point (x, y, z) in LPS mm that all planes go through; link it to scroll
    several viewers together. ``window``: a `Window` or `VoiLut`; may be set to whatever
    `helpers.browse` takes as a window. ``member``: which volume of a group is shown, from 0; plane,
    position and window stay. ``opacity`` (0 to 1) and ``over_window``: of the volume drawn over it.
    ``hidden_labels``: values of the labels that are switched off; ``label_fill`` (0 to 1): opacity
    of the areas of the others. ``measurements``: a DataFrame of what was measured; ``measure``
    adds to it, ``measured`` is how the browser has it. ``view_mm``: None; of viewers that zoom
    together, linked, a list: empty for the whole picture, else CSS pixels for each mm, and the
    point in the middle. ``slab_mm`` and ``slab_how``: how thick the slab is that is shown, and
    what of it, as of `Volume.slab`; 0 is one slice, and labels and areas measured are of that.
    ``interpolation``: "linear" or "nearest", of values between pixels, before the window.

    Parameters
    ----------
    volume : Volume, of a group the one that is shown first
    plane, window, badge, three_planes : as `helpers.browse` takes them
    members : VolumeGroup or None
        With it there is a second slider: time, b-value, echo or phase.
    over : Volume or Overlay in the same frame of reference, drawn over it in colour; or None
    over_window : of `over`, as `window`
    labels : Labels on the volume's grid, of `helpers.load_labels`; or None

    Raises
    ------
    ResamplingError
        Where `over` does not share the frame of reference.
    LabelError
        Where labels lie on another grid.
    """

    _esm = SCRIPT
    plane = traitlets.Enum(list(PLANES)).tag(sync=True)
    index = traitlets.Int().tag(sync=True)
    position_mm = traitlets.List(traitlets.CFloat(), minlen=3, maxlen=3).tag(sync=True)
    window = traitlets.Any()
    voi = traitlets.Dict().tag(sync=True)  # the window as the browser has it
    member = traitlets.Int().tag(sync=True)
    opacity = traitlets.CFloat(0.5, min=0, max=1).tag(sync=True)
    over_window = traitlets.Any()
    over_voi = traitlets.Dict().tag(sync=True)
    hidden_labels = traitlets.List(traitlets.Int()).tag(sync=True)
    label_fill = traitlets.CFloat(0.0, min=0, max=1).tag(sync=True)
    view_mm = traitlets.List(traitlets.CFloat(), None, allow_none=True).tag(sync=True)
    slab_mm = traitlets.CFloat(0.0, min=0, max=MAX_SLAB_MM).tag(sync=True)
    slab_how = traitlets.Enum(list(PROJECTIONS), "max").tag(sync=True)
    interpolation = traitlets.Enum(["linear", "nearest"], "linear").tag(sync=True)
    meta = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        volume: Volume,
        *,
        plane: str | None = None,
        window: object = None,
        badge: str = "",
        three_planes: bool = True,
        members: VolumeGroup | None = None,
        over: Volume | Overlay | None = None,
        over_window: object = None,
        opacity: float = 0.5,
        labels: Labels | None = None,
    ) -> None:
        self._loader = ThreadPoolExecutor(1)  # of the volumes that are asked for ahead
        self.members, self.over = members, None if over is None else overlay_of(over, volume)
        self.labels = None if labels is None else checked_labels(labels, volume)
        self._first, self._badge, self._three_planes = volume, badge, three_planes
        self._facts_of: dict[int, _Facts] = {}
        self._over_windows = {} if self.over is None else self.over.windows
        member = 0 if members is None else members.first
        self._shown = member, volume
        if members is not None:
            members.keep(member, volume)
        plane = plane or volume.acquired_plane
        super().__init__(
            plane=plane,
            index=volume.shape_of(plane)[0] // 2,
            position_mm=volume.middle.tolist(),
            window=window,
            member=member,
            opacity=opacity,
            over_window=over_window,
            meta={
                **self._facts(member).data,
                "member": member,
                "members": None if members is None else members.data,
                "over": None if self.over is None else self.over.data,
                "labels": None if self.labels is None else labels_data(self.labels),
            },
        )
        self.on_msg(self._answer)

    @property
    def volume(self) -> Volume:
        """The one that is shown."""
        if self._shown[0] != self.member:
            self._shown = self.member, self._volume(self.member)
        return self._shown[1]

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
            badge=self._facts(self.member).data["badge"],
            members=self.members,
            member=self.member,
            **self._drawn,
            labels=self.labels,
            hidden_labels=self.hidden_labels,
            label_fill=self.label_fill,
            measured=self.measured,
            interpolation=self.interpolation,
        )

    def close(self) -> None:
        """Takes it off the page, and loads no more."""
        self._loader.shutdown(wait=False, cancel_futures=True)
        super().close()

    @traitlets.validate("window")
    def _as_window(self, proposal: Any) -> Window | VoiLut:
        return _window(proposal.value, self._facts(self.member).windows, self.volume)

    @traitlets.validate("over_window")
    def _as_over_window(self, proposal: Any) -> Window | VoiLut | None:
        if self.over is None:
            return None
        return _window(proposal.value, self._over_windows, self.over.volume)

    @traitlets.validate("index")
    def _within_plane(self, proposal: Any) -> int:
        last = self.volume.shape_of(self.plane)[0] - 1
        if not 0 <= proposal.value <= last:
            expected = f"expected an index from 0 to {last} for the {self.plane} plane"
            raise PlaneError(f"{expected}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("member")
    def _loadable(self, proposal: Any) -> int:
        self._volume(proposal.value)
        return proposal.value

    @traitlets.observe("window")
    def _show_window(self, change: Any) -> None:
        self.voi = named_window(change.new, self._facts(self.member).windows)

    @traitlets.observe("over_window")
    def _show_over_window(self, change: Any) -> None:
        self.over_voi = {} if self.over is None else named_window(change.new, self._over_windows)

    @traitlets.observe("voi")
    def _take_window(self, change: Any) -> None:
        windows = self._facts(self.member).windows
        self.window = _taken(change.new, self.window, windows)

    @traitlets.observe("over_voi")
    def _take_over_window(self, change: Any) -> None:
        if self.over is not None:
            self.over_window = _taken(change.new, self.over_window, self._over_windows)

    @traitlets.observe("member")
    def _show_member(self, change: Any) -> None:
        """Keeps the position, and the window, by its name where each volume has its own."""
        before = self._facts_of.get(change.old)  # none while the viewer is made
        if self.members is not None and not self.members.one_window and before and self.voi:
            name, now = self.voi["name"], self._facts(change.new).windows
            if name not in now and name == next(iter(before.windows)):
                name = next(iter(now))
            self.window = now.get(name, self.window)
        self._move_to_position(change)

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
        """Sends the slice that the browser asks for, at once or when its volume is loaded."""
        if content.get("type") == "measure":
            self.send(self._statistics(content))
        if content.get("type") not in ("slice", "greys"):
            return
        member = content.get("member", self.member)
        if self.members is None or self.members.is_loaded(member):
            self._send_slice(content)
        else:
            self._loader.submit(self._send_slice, content)

    def _send_slice(self, content: dict[str, Any]) -> None:
        member = content.get("member", self.member)
        try:
            volume, facts = self._volume(member), self._facts(member)
            if content.get("type") == "greys":
                more, parts = greys_message(volume, content, self.window, facts.dtype)
                more["voi"] = self.voi
            else:
                lies = self.over, self.labels
                more, parts = values_message(volume, content, facts.dtype, *lies)
        except ClearError as error:
            self.send({**content, **failed_message(error)})
            return
        about = {"about": facts.data} if content.get("about") else {}
        self.send({**content, **about, **more}, parts)

    def _new_measurement(self, kind: str, points: Any) -> dict[str, Any]:
        return {"kind": kind, "plane": self.plane, "points_mm": points}

    def _checked_measurement(self, item: Measurement) -> dict[str, Any]:
        return checked_in_volume(self.volume, item)

    def _measurement_table(self) -> pd.DataFrame:
        return volume_measurements(self.volume, self.measured)

    def _values_in(self, item: Measurement, content: dict[str, Any]) -> dict[str, Any] | None:
        return volume_values(self._volume(content["member"]), item)

    def _volume(self, number: int) -> Volume:
        """The volume of a number."""
        if self.members is not None:
            return self.members.volume(number)
        if number != 0:
            raise ClearError(f"expected 0, the only volume that is shown here, got {number}")
        return self._first

    def _facts(self, number: int) -> "_Facts":
        """What the viewer needs to know of the volume of a number; worked out once."""
        if number not in self._facts_of:
            volume = self._volume(number)
            windows = volume_windows(volume)
            badge = "" if self.members is None else self.members.badge(number)
            badge = badge or (self._badge if volume is self._first else "")
            data = volume_data(volume, windows, badge=badge, three_planes=self._three_planes)
            self._facts_of[number] = _Facts(windows, slice_dtype(volume), data)
        return self._facts_of[number]

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """The widget, and beside it a picture for whatever shows no widgets."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "image/png": b64encode(self._snapshot()).decode()}, metadata

    @property
    def _drawn(self) -> dict[str, Any]:
        """What a picture needs to know besides its slice and window."""
        return {name: getattr(self, name) for name in DRAWN}

    def _snapshot(self) -> bytes:
        """What is shown, as PNG."""
        labels, at = self.labels, (self.plane, self.index)
        return snapshot_over(
            *(self.volume, self.plane, self.index, self.window),
            badge=self._facts(self.member).data["badge"],
            label="" if self.members is None else self.members.labels[self.member],
            **self._drawn,
            labels=shown_labels(labels.slice(*at), self.hidden_labels) if labels else None,
            fill=self.label_fill,
        )


class _Facts(NamedTuple):
    """What the viewer needs to know of a volume besides its voxels."""

    windows: dict[str, Window | VoiLut]
    dtype: np.dtype
    data: dict[str, Any]


def _window(wanted: object, known: dict[str, Window | VoiLut], volume: Volume) -> Window | VoiLut:
    """A window of a volume that is asked for; None is the first that is known."""
    wanted = next(iter(known)) if wanted is None else wanted
    _, window = resolve_window(wanted, known, volume.array, volume.padding, unit=volume.unit)
    apply_window(np.zeros(1), window)  # refuses what has no meaning
    return window


def _taken(
    voi: dict[str, Any], before: Window | VoiLut, known: dict[str, Window | VoiLut]
) -> Window | VoiLut:
    """The window that the browser has set; the one before where it has set none."""
    window = known.get(voi["name"])
    if window is not None and voi == window_data(voi["name"], window):
        return window
    if "center" in voi and voi != window_data(voi["name"], before):
        return Window(voi["center"], voi["width"], "", voi["function"])
    return before
