"""What does a volume, or a whole collection, look like? Browsed with a kernel or without one."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pandas as pd

from helpers.errors import require_type
from helpers.runtime import is_live
from helpers.slices.frames import frame_table
from helpers.slices.grid import StackError
from helpers.slices.stacks import stack_slices, stack_table
from helpers.viewer.stack_browser import MAX_MEMORY_MB, StackBrowser
from helpers.viewer.standalone_html import MAX_HTML_MB, framed_html, save_html
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.volume import Volume, load_volume


def browse(
    what: Volume | pd.DataFrame,
    *,
    plane: str | None = None,
    window: object = None,
    badge: str = "",
    three_planes: bool = True,
    findings: pd.DataFrame | None = None,
    max_mb: float = MAX_MEMORY_MB,
) -> "VolumeBrowser | StackBrowser | StaticViewer":
    """A viewer of a volume, or of a collection with menus of its stacks and findings.

    Where a kernel runs it is a widget: a `VolumeBrowser`, or a `StackBrowser` over one. Where none
    does (a page executed from end to end, the saved version of a kernel, a script) it is a
    `StaticViewer` of the volume or of the best stack: it scrolls and windows all the same. Each
    leaves a picture where scripts are off, and each has ``save_html(path, max_mb=…)``.

    Parameters
    ----------
    what : Volume, or DataFrame of `helpers.header_table` or `helpers.frame_table`
    plane : {"axial", "coronal", "sagittal"} or None for the one that was acquired
    window : the name of one of the volume's own or of `helpers.WINDOWS`, a name of those computed
        from the values ("body", "most values", "whole range", "equal frequency"), a Window,
        (center, width), or None for the volume's first
    badge : a word of warning for a volume, such as `helpers.badge` gives
    three_planes : whether the other two planes are shown beside it
    findings : of `helpers.audit`, for a collection: badges, and a way from each to its slice
    max_mb : of a collection's volumes that are kept in memory

    Notes
    -----
    Two viewers move together when their positions are linked: ``ipywidgets.link((one,
    "position_mm"), (other, "position_mm"))``; `browse_together` does it for volumes.
    """
    require_type(what, (Volume, pd.DataFrame), "of load_volume or header_table")
    if isinstance(what, pd.DataFrame):
        if is_live():
            return StackBrowser(what, findings=findings, max_mb=max_mb)
        return StaticViewer(_best_volume(what))
    if is_live():
        return VolumeBrowser(
            what, plane=plane, window=window, badge=badge, three_planes=three_planes
        )
    return StaticViewer(what, plane=plane, window=window, badge=badge)


def browse_together(*volumes: Volume, window: object = None) -> "widgets.HBox | StaticViewer":
    """Viewers of several volumes that move together, by the position in the patient.

    They stand side by side where there is room.
    """
    if not is_live():
        return StaticViewer(*volumes, window=window)
    viewers = [VolumeBrowser(volume, window=window, three_planes=False) for volume in volumes]
    for viewer in viewers:
        viewer.layout = {"width": "min(540px, 100%)"}
        widgets.link((viewers[0], "position_mm"), (viewer, "position_mm"))
    return widgets.HBox(viewers, layout={"flex_flow": "row wrap"})


class StaticViewer:
    """What `browse` gives where no kernel runs: a page in a frame that scrolls, and a picture.

    `options` are `plane`, `window` and `badge`, as `browse` takes them.
    """

    def __init__(self, *volumes: Volume, **options: Any) -> None:
        self.volumes, self.options = volumes, options

    def __repr__(self) -> str:
        volumes = " and ".join(map(repr, self.volumes))
        return f"a viewer of {volumes}: a notebook shows it, save_html writes it to a file"

    def save_html(self, path: str | Path, *, max_mb: float = MAX_HTML_MB) -> str:
        """Writes a page that needs no kernel; returns what was reduced to fit.

        Several volumes stand on one page, one below the other, with equal shares of `max_mb`.
        `path` is the name of a file that is not there yet.
        """
        return save_html(path, *self.volumes, max_mb=max_mb, **self.options)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        document, picture = framed_html(*self.volumes, **self.options)
        return {
            "text/html": document,
            "image/png": b64encode(picture).decode(),
            "text/plain": "\n".join(map(repr, self.volumes)),
        }


def _best_volume(headers: pd.DataFrame) -> Volume:
    """The volume of the best stack."""
    frames = headers if "frame" in headers else frame_table(headers)
    stacks = stack_table(frames)
    if not len(stacks):
        raise StackError("expected a stack of images, found none in these headers")
    return load_volume(stack_slices(frames, stacks.index[0]), on_irregular="longest")
