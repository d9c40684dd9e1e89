"""A volume or a whole collection, browsed: with a kernel or without."""

from base64 import b64encode

import ipywidgets as widgets
import pandas as pd

from helpers.errors import require_type
from helpers.runtime import is_live
from helpers.slices.frames import frame_table
from helpers.slices.grid import StackError
from helpers.slices.stacks import stack_slices, stack_table
from helpers.viewer.stack_browser import MAX_MB, StackBrowser
from helpers.viewer.standalone_html import framed_html
from helpers.viewer.volume_browser import VolumeBrowser
from helpers.volume.volume import Volume, load_volume


def browse(
    what, *, plane=None, window=None, badge="", three_planes=True, findings=None, max_mb=MAX_MB
):
    """A viewer of a volume, or of a collection with a chooser of its stacks and findings.

    Where a kernel will be there it is a widget: `VolumeBrowser`, or `StackBrowser` over one. Where none will (a page
    executed from end to end, the saved version of a kernel), it is a `StaticViewer`: a page in a frame that scrolls and
    windows all the same, of the volume or of the best stack. Either leaves a picture where scripts are off.

    Parameters
    ----------
    what : Volume, or DataFrame of `helpers.header_table` or `helpers.frame_table`
    plane : {"axial", "coronal", "sagittal"} or None for the one that was acquired
    window : the name of one of the volume's own or of `helpers.WINDOWS`, one of `helpers.pixels.auto_window.COMPUTED`,
        a Window, (center, width), or None for the volume's first
    badge : a word of warning for a volume, such as `helpers.badge` gives
    three_planes : whether the other two planes are shown beside it
    findings : of `helpers.audit`, for a collection: badges, and a way from each finding to its slice
    max_mb : of a collection's volumes that are kept in memory

    Notes
    -----
    Any two viewers move together when their positions are linked: ``ipywidgets.link((one, "position_mm"), (other,
    "position_mm"))``; `browse_together` does it for volumes.
    """
    require_type(what, (Volume, pd.DataFrame), "of load_volume or header_table")
    if isinstance(what, pd.DataFrame):
        return (
            StackBrowser(what, findings=findings, max_mb=max_mb)
            if is_live()
            else StaticViewer(_best(what))
        )
    if not is_live():
        return StaticViewer(what, plane=plane, window=window, badge=badge)
    return VolumeBrowser(what, plane=plane, window=window, badge=badge, three_planes=three_planes)


def browse_together(*volumes, window=None):
    """Viewers of several volumes that move together, by the position in the patient; side by side where there is room."""
    if not is_live():
        return StaticViewer(*volumes, window=window)
    viewers = [VolumeBrowser(volume, window=window, three_planes=False) for volume in volumes]
    for other in viewers[1:]:
        widgets.link((viewers[0], "position_mm"), (other, "position_mm"))
    half = widgets.Layout(width="min(540px, 100%)")
    for viewer in viewers:
        viewer.layout = half
    return widgets.HBox(viewers, layout=widgets.Layout(flex_flow="row wrap"))


class StaticViewer:
    """What `browse` gives where no kernel will be there: pages in frames that scroll all the same, and a picture."""

    def __init__(self, *volumes, **options):
        self.volumes, self.options = volumes, options

    def __repr__(self):
        return f"a viewer of {' and '.join(map(repr, self.volumes))}: a notebook shows it, save_html writes it to a file"

    def _repr_mimebundle_(self, **kwargs):
        framed_ones = [framed_html(volume, **self.options) for volume in self.volumes]
        documents, stills = zip(*framed_ones)
        words = "\n".join(map(repr, self.volumes))
        return {
            "text/html": "\n".join(documents),
            "image/png": b64encode(stills[0]).decode(),
            "text/plain": words,
        }


def _best(headers):
    headers = headers if "frame" in headers else frame_table(headers)
    stacks = stack_table(headers)
    if not len(stacks):
        raise StackError("expected a stack of images, found none in these headers")
    return load_volume(stack_slices(headers, stacks.index[0]), on_irregular="longest")
