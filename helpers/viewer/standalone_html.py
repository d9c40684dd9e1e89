"""How does a viewer live on without a kernel? As one HTML page with everything in it."""

import html
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from helpers.errors import require_type
from helpers.pixels.window import VoiLut, Window
from helpers.viewer.overlay import Overlay, overlay_of, snapshot_over
from helpers.viewer.script import SCRIPT
from helpers.viewer.stored_group import stored_group, stored_overlay
from helpers.viewer.stored_volume import HtmlError, stored_volume
from helpers.viewer.viewer_data import (
    named_window,
    nearest_slice,
    picture_affine,
    volume_data,
    volume_windows,
)
from helpers.viewer.volume_group import VolumeGroup
from helpers.volume.volume import Volume

MAX_HTML_MB = 3.0
SPARE_BYTES = 50_000  # of a page, for padding and the HTML itself
OVERLAY_SHARE = 0.3  # of a page that a volume over another takes at most
FRAME_HEIGHT = 720  # CSS pixels
DOCUMENT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>DICOM viewer</title>
<style>
:root {{ color-scheme: light dark }} body {{ margin: 8px; font: 13px system-ui, sans-serif }}
img {{ max-width: 100% }}
</style>
</head><body>{viewers}
<script type="module">{script}
standalone(document.querySelectorAll("section"));
</script></body></html>
"""
VIEWER = """<section><div></div><noscript>{picture}</noscript>
<script type="application/json">{data}</script></section>
"""
PICTURE = '<img alt="one slice" src="data:image/png;base64,{}">'
FRAME = """<div style="position: relative; min-height: {height}px">
<div style="position: absolute; max-width: 100%">{pictures}</div>
<iframe title="DICOM viewer" srcdoc="{document}" sandbox="allow-scripts" loading="lazy"
 style="position: absolute; width: 100%; height: {height}px; border: 0; background: Canvas">
</iframe></div>
"""


class StandalonePage(NamedTuple):
    """A page that needs neither a kernel nor a network."""

    document: str
    note: str  # what was reduced to fit, a line for each volume
    snapshots: Sequence[bytes]  # PNG, for where scripts are off


def save_html(path: str | Path, *volumes: Volume, max_mb: float = MAX_HTML_MB, **shown: Any) -> str:
    """Writes a `standalone_html` page; returns what was reduced to fit.

    Parameters
    ----------
    path : name of a file that is not there yet

    Raises
    ------
    HtmlError
    """
    check_is_new(path)
    page = standalone_html(*volumes, max_mb=max_mb, **shown)
    Path(path).write_text(page.document, encoding="utf-8")
    return page.note


def check_is_new(path: str | Path) -> None:
    """Refuses the name of a file that is there.

    Raises
    ------
    HtmlError
    """
    if Path(path).exists():
        raise HtmlError(
            f"expected the name of a new file, got {path}, which is there already: "
            "nothing is overwritten"
        )


def framed_html(*volumes: Volume, **shown: Any) -> tuple[str, bytes]:
    """(a `standalone_html` page in a frame, for a notebook's output; the first snapshot as PNG).

    Where scripts or frames are off, the snapshots show.
    """
    page, height = standalone_html(*volumes, **shown), FRAME_HEIGHT * len(volumes)
    pictures, document = "\n".join(map(_picture, page.snapshots)), html.escape(page.document)
    return FRAME.format(height=height, pictures=pictures, document=document), page.snapshots[0]


def standalone_html(*volumes: Volume, max_mb: float = MAX_HTML_MB, **shown: Any) -> StandalonePage:
    """A page that scrolls and windows volumes without a kernel or a network.

    Parameters
    ----------
    volumes : several stand one below the other and move together
    max_mb : how large the page may be, an equal share of it for each volume; slices are left out
        and pixels made larger until it fits
    shown : of each volume: `plane`, `window` and `badge` as `helpers.browse` takes them, `index`
        of the slice and `position_mm` of the point at which it opens; `members`, `over`,
        `over_window` and `opacity` as `VolumeBrowser` takes them, `member` that is shown first

    Raises
    ------
    HtmlError
        Where not even one slice fits.
    """
    for volume in volumes:
        require_type(volume, Volume, "of load_volume")
    if not max_mb > 0:
        raise HtmlError(f"expected a size in MB above 0, got {max_mb!r}")
    share = (1e6 * max_mb - len(SCRIPT) - SPARE_BYTES) / len(volumes)
    viewers, notes, snapshots = zip(*(_viewer(volume, share, **shown) for volume in volumes))
    document = DOCUMENT.format(viewers="".join(viewers), script=SCRIPT)
    return StandalonePage(document, "\n".join(notes), snapshots)


def _viewer(
    volume: Volume,
    max_bytes: float,
    *,
    plane: str | None = None,
    window: object = None,
    badge: str = "",
    index: int | None = None,
    position_mm: Sequence[float] | None = None,
    members: VolumeGroup | None = None,
    member: int | None = None,
    over: Volume | Overlay | None = None,
    over_window: object = None,
    opacity: float = 0.5,
) -> tuple[str, str, bytes]:
    """(a viewer of a volume as HTML, what was reduced to fit, a snapshot as PNG)."""
    voi, shown, windows = _window(volume, window)
    plane = plane or volume.acquired_plane
    overlay = None if over is None else overlay_of(over, volume)
    over_voi, over_shown, _ = _window(overlay.volume, over_window) if overlay else ({}, None, {})
    number = 0 if members is None else members.first if member is None else member
    still = snapshot_over(
        *(volume, plane, index, shown),
        badge=badge,
        label="" if members is None else members.labels[number],
        over=overlay,
        over_window=over_shown,
        opacity=opacity,
    )
    picture, about = _picture(still), len(json.dumps(volume_data(volume, windows)))
    room = max_bytes - len(picture) - about
    notes: list[str] = []
    data: dict[str, Any] = {}
    if overlay is not None:
        stored_over = stored_overlay(overlay, OVERLAY_SHARE * room)
        room -= stored_over.size
        data["over"] = stored_over.data
        notes = [f"over it, {stored_over.note}"]
    if members is None:
        stored, group = stored_volume(volume, room), None
    else:
        group = stored_group(members, number, volume, room)
        stored = group.shown
        notes = [*group.notes, *notes]
    note = f"Reduced for this page: {'; '.join([stored.note, *notes])}."
    if position_mm is None:
        count, rows, columns = volume.shape_of(plane)
        middle = [count // 2 if index is None else index, (rows - 1) / 2, (columns - 1) / 2, 1]
        position_mm = (picture_affine(volume, plane) @ middle)[:3].tolist()
    data = {
        "meta": volume_data(stored.reduced, windows, badge=badge),
        **stored.data,
        **data,
        "group": None if group is None else group.data,
        "note": note,
        "state": {
            "plane": plane,
            "index": nearest_slice(stored.reduced, plane, position_mm),
            "position_mm": list(position_mm),
            "voi": voi,
            "member": 0 if group is None else group.number,
            "opacity": opacity,
            "over_voi": over_voi,
        },
    }
    # no text of a header can end the script that it stands in
    safe = json.dumps(data).replace("<", "\\u003c")
    return VIEWER.format(picture=picture, data=safe), note, still


def _window(
    volume: Volume, wanted: object
) -> tuple[dict[str, Any], Window | VoiLut, dict[str, Window | VoiLut]]:
    """(a window that is asked for, as the browser has it; the window; those to choose from)"""
    known = volume_windows(volume)
    name, window = volume.window(wanted)
    voi = named_window(window, known, name)
    return voi, window, {**known, voi["name"]: window}


def _picture(png: bytes) -> str:
    return PICTURE.format(b64encode(png).decode())
