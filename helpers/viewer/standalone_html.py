"""How does a viewer live on without a kernel? As one HTML page with everything in it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.errors import require_type
from helpers.labels.labels import Labels
from helpers.pixels.window import VoiLut, Window
from helpers.viewer.measurements import Measurement
from helpers.viewer.overlay import Overlay, overlay_of, snapshot_over
from helpers.viewer.standalone_page import (
    MAX_HTML_MB,
    StandalonePage,
    StoredViewer,
    check_is_new,
    max_bytes_of_viewers,
    page_html,
    picture_html,
)
from helpers.viewer.stored_group import stored_group, stored_overlay
from helpers.viewer.stored_volume import stored_volume
from helpers.viewer.viewer_data import (
    named_window,
    nearest_slice,
    picture_affine,
    volume_data,
    volume_windows,
)
from helpers.viewer.volume_group import VolumeGroup
from helpers.viewer.volume_labels import (
    checked_labels,
    shown_labels,
    stored_labels,
    stored_labels_size,
)
from helpers.volume.volume import Volume

OVERLAY_SHARE = 0.3  # of a page that a volume over another takes at most
FRAME_HEIGHT = 760  # CSS pixels, of one volume
SIDES_HEIGHT, SIDE_BY_SIDE = 310, 770  # small pictures go below the large one in a narrower frame
SWITCHES_HEIGHT, LABEL_HEIGHT, MAX_LIST_HEIGHT = 50, 28, 145  # of labels; a longer list scrolls


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


def framed_html(*volumes: Volume, **shown: Any) -> tuple[str, bytes]:
    """(a `standalone_html` page in a frame, for a notebook's output; the first snapshot as PNG).

    Where scripts or frames are off, the snapshots show.
    """
    page = standalone_html(*volumes, **shown)
    height = (FRAME_HEIGHT + _labels_height(shown.get("labels"))) * len(volumes)
    sides = SIDES_HEIGHT * len(volumes)
    return page.framed(height, more=sides, below=SIDE_BY_SIDE), page.snapshots[0]


def _labels_height(labels: Labels | None) -> int:
    """How much room the switches of labels take below a picture, in CSS pixels."""
    if labels is None:
        return 0
    return SWITCHES_HEIGHT + min(LABEL_HEIGHT * len(labels.labels), MAX_LIST_HEIGHT)


def standalone_html(*volumes: Volume, max_mb: float = MAX_HTML_MB, **shown: Any) -> StandalonePage:
    """A page that scrolls and windows volumes without a kernel or a network.

    Parameters
    ----------
    volumes : several stand one below the other and move together
    max_mb : how large the page may be, an equal share of it for each volume; slices are left out
        and pixels made larger until it fits
    shown : of each volume: `plane`, `window` and `badge` as `helpers.browse` takes them, `index`
        of the slice and `position_mm` of the point at which it opens; `members`, `over`,
        `over_window`, `opacity`, `labels`, `hidden_labels`, `label_fill`, `measured`,
        `slab_mm`, `slab_how` and `interpolation` as `VolumeBrowser` has them,
        `member` that is shown first

    Raises
    ------
    HtmlError
        Where not even one slice fits.
    """
    for volume in volumes:
        require_type(volume, Volume, "of load_volume")
    share = max_bytes_of_viewers(max_mb) / len(volumes)
    viewers = [stored_viewer(volume, share, **shown) for volume in volumes]
    document = page_html(*(viewer.html for viewer in viewers))
    notes = "\n".join(viewer.note for viewer in viewers)
    return StandalonePage(document, notes, [viewer.snapshot for viewer in viewers])


def stored_viewer(
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
    labels: Labels | None = None,
    hidden_labels: Sequence[int] = (),
    label_fill: float = 0.0,
    measured: Sequence[Measurement] = (),
    slab_mm: float = 0.0,
    slab_how: str = "max",
    interpolation: str = "linear",
) -> StoredViewer:
    """The viewer of a volume, in so many bytes; what it shows is as of `standalone_html`.

    Raises
    ------
    HtmlError
        Where not even one slice fits.
    """
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
        labels=shown_labels(labels.slice(plane, index), hidden_labels) if labels else None,
        fill=label_fill,
        slab_mm=slab_mm,
        slab_how=slab_how,
    )
    about = len(json.dumps(volume_data(volume, windows)))
    room = max_bytes - len(picture_html(still)) - about
    notes: list[str] = []
    data: dict[str, Any] = {}
    if overlay is not None:
        stored_over = stored_overlay(overlay, OVERLAY_SHARE * room)
        room -= stored_over.size
        data["over"] = stored_over.data
        notes = [f"over it, {stored_over.note}"]
    if labels is not None:
        room -= stored_labels_size(checked_labels(labels, volume))
    if members is None:
        stored, group = stored_volume(volume, room), None
    else:
        group = stored_group(members, number, volume, room)
        stored = group.shown
        notes = [*group.notes, *notes]
    if labels is not None:
        data["labels"] = stored_labels(labels, stored.reduced)
    note = f"Reduced for this page: {'; '.join([stored.note, *notes])}."
    if position_mm is None:
        position_mm = _middle_of(volume, plane, index)
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
            "hidden_labels": list(hidden_labels),
            "label_fill": label_fill,
            "measured": list(measured),
            "slab_mm": slab_mm,
            "slab_how": slab_how,
            "interpolation": interpolation,
        },
    }
    return StoredViewer(data, note, still)


def _middle_of(volume: Volume, plane: str, index: int | None) -> list[float]:
    """The middle of a slice of a plane, (3,) LPS mm; None is the slice in the middle."""
    count, rows, columns = volume.shape_of(plane)
    middle = [count // 2 if index is None else index, (rows - 1) / 2, (columns - 1) / 2, 1]
    return (picture_affine(volume, plane) @ middle)[:3].tolist()


def _window(
    volume: Volume, wanted: object
) -> tuple[dict[str, Any], Window | VoiLut, dict[str, Window | VoiLut]]:
    """(a window that is asked for, as the browser has it; the window; those to choose from)"""
    known = volume_windows(volume)
    name, window = volume.window(wanted)
    voi = named_window(window, known, name)
    return voi, window, {**known, voi["name"]: window}
