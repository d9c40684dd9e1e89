"""What does a volume, or a whole collection, look like? Browsed with a kernel or without one."""

from base64 import b64encode
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, cast

import ipywidgets as widgets
import pandas as pd

from helpers.errors import require_type
from helpers.labels.labels import Labels
from helpers.runtime import is_live
from helpers.slices.stacks import checked_slices, stack_table
from helpers.viewer.choices import Choices, Stack
from helpers.viewer.image_data import NoSuchImageError
from helpers.viewer.images_html import ImagesPage
from helpers.viewer.opening import MAX_MEMORY_MB, Opener, Wanted
from helpers.viewer.stack_browser import StackBrowser
from helpers.viewer.standalone_html import framed_html, save_html
from helpers.viewer.standalone_page import MAX_HTML_MB
from helpers.viewer.static_text import StaticText
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.slice import remarked
from helpers.volume.volume import Volume


def browse(
    slices: pd.DataFrame | Volume,
    stack: Stack | None = None,
    *,
    findings: pd.DataFrame | None = None,
    plane: str | None = None,
    window: object = None,
    badge: str = "",
    three_planes: bool = True,
    over: Volume | None = None,
    labels: Labels | pd.DataFrame | None = None,
    max_mb: float = MAX_MEMORY_MB,
) -> "VolumeBrowser | StackBrowser | StaticViewer | ImagesPage | StaticText":
    """A viewer of a collection, with menus of its stacks and findings, or of one volume.

    Where a kernel runs it is a widget: a `StackBrowser`, or the viewer in it. Where none does (a
    page executed from end to end, the saved version of a kernel, a script) it is a page in a frame
    that scrolls, plays and windows all the same: a `StaticViewer` of a volume and the others of its
    group, an `ImagesPage` of images that are no volume. Each leaves a picture where scripts are
    off, and each has ``save_html(path)``.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`, or a Volume
    stack : an entry of the index of `helpers.stack_table`, which is opened; None for the best
        volume, or for all images where nothing is a volume
    findings : of `helpers.audit`, for a collection: badges, and a way from each to its slice
    plane : {"axial", "coronal", "sagittal"} or None for the one that was acquired; of a Volume
    window : the name of one of the volume's own or of `helpers.WINDOWS`, a name of those computed
        from the values ("body", "most values", "whole range", "equal frequency"), a Window,
        (center, width), or None for the volume's first; of a Volume
    badge : a word of warning for a Volume, such as `helpers.badge` gives
    three_planes : whether the other two planes are shown beside it
    over : a Volume in the same frame of reference that lies over a Volume in colour, such as a PET
    labels : what is drawn over the pictures, with a switch for each: of a Volume the Labels of
        `helpers.load_labels`, of a collection the rows of `helpers.labels_of` or of
        `helpers.annotation_table`
    max_mb : of a collection's volumes that are kept in memory

    Raises
    ------
    UnknownStackError, ResamplingError

    Notes
    -----
    Two viewers move together when their positions are linked: ``ipywidgets.link((one,
    "position_mm"), (other, "position_mm"))``; `browse_together` does it for volumes.
    """
    require_type(slices, (Volume, pd.DataFrame), "of load_volume or slice_table")
    if isinstance(slices, pd.DataFrame):
        rows = _rows(labels)
        if is_live():
            return StackBrowser(slices, stack, findings=findings, labels=rows, max_mb=max_mb)
        return _static(slices, stack, findings, rows)
    options = {"plane": plane, "window": window, "badge": badge, "over": over, "labels": labels}
    return volume_viewer(slices, three_planes=three_planes, **options)


def volume_viewer(
    volume: Volume, *, three_planes: bool = True, **options: Any
) -> "VolumeBrowser | StaticViewer":
    """The viewer of a volume, with a kernel or without one; `options` are those of `browse`."""
    if is_live():
        return VolumeBrowser(volume, three_planes=three_planes, **options)
    return StaticViewer(volume, **options)


def with_remark(volume: Volume, words: str) -> Volume:
    """The volume, with a line about it on its pictures."""
    return replace(volume, caption=remarked(volume.caption, words))


def browse_together(*volumes: Volume, window: object = None) -> "widgets.HBox | StaticViewer":
    """Viewers of several volumes that move and zoom together, by the position in the patient.

    They stand side by side where there is room.
    """
    if not is_live():
        return StaticViewer(*volumes, window=window)
    viewers = [VolumeBrowser(volume, window=window, three_planes=False) for volume in volumes]
    for viewer in viewers:
        viewer.layout = {"width": "min(540px, 100%)"}
        viewer.view_mm = []  # shared from now on
    for viewer, name in product(viewers[1:], ("position_mm", "view_mm")):
        widgets.link((viewers[0], name), (viewer, name))
    return widgets.HBox(viewers, layout={"flex_flow": "row wrap"})


class StaticViewer:
    """What `browse` gives where no kernel runs: a page in a frame that scrolls, and a picture.

    `options` are `plane`, `window`, `badge` and `over`, as `browse` takes them, and `members`, a
    `helpers.viewer.volume_group.VolumeGroup`.
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


def _rows(labels: Labels | pd.DataFrame | None) -> pd.DataFrame | None:
    """Labels of a collection, which are rows of a table."""
    if labels is not None:
        require_type(labels, pd.DataFrame, "of labels_of or annotation_table")
    return cast("pd.DataFrame | None", labels)


def _static(
    slices: pd.DataFrame,
    stack: Stack | None,
    findings: pd.DataFrame | None,
    labels: pd.DataFrame | None,
) -> StaticViewer | ImagesPage | StaticText:
    """What is shown of a stack, or of the best, where no kernel runs."""
    choices = Choices(slices, stack_table(checked_slices(slices)))
    opened = Opener(choices, findings=findings, labels=labels).open(Wanted(*choices.first(stack)))
    if opened.volume is not None:
        return StaticViewer(with_remark(opened.volume, opened.message), **opened.options)
    if opened.images is not None:
        try:
            return ImagesPage(opened.images, words=opened.message, **opened.options)
        except NoSuchImageError as error:  # the tiles of a slide, which are not listed
            return StaticText(str(error))
    return StaticText(opened.message)
