"""What does a page without a kernel hold beside a volume? The others of its group, and one over it.

A page has room for some megabytes. Of a long group volumes are left out, evenly.
"""

import json
from typing import Any, NamedTuple

import numpy as np

from helpers.errors import ClearError
from helpers.viewer.overlay import Overlay
from helpers.viewer.stored_volume import StoredVolume, stored_size, stored_volume
from helpers.viewer.viewer_data import volume_data, volume_windows
from helpers.viewer.volume_group import VolumeGroup
from helpers.volume.volume import Volume

MIN_MEMBERS = 8  # of a group, before slices are left out and pixels made larger


class StoredGroup(NamedTuple):
    """A group of volumes as a page holds it."""

    shown: StoredVolume  # the one that is shown first
    number: int  # of that one, among those on the page
    data: dict[str, Any]  # of JSON's own types
    notes: list[str]  # what was left out, in words


def stored_group(
    members: VolumeGroup, number: int, volume: Volume, max_bytes: float
) -> StoredGroup:
    """The volumes of a group, evenly chosen so that they fit, the one of a number among them.

    One that cannot be loaded stands as a text that says why.

    Raises
    ------
    HtmlError
    """
    size = stored_size(volume) + len(json.dumps(volume_data(volume, volume_windows(volume))))
    count = int(np.clip(max_bytes // size, min(len(members), MIN_MEMBERS), len(members)))
    numbers = _chosen(len(members), count, number)
    room = max_bytes / len(numbers)
    shown = stored_volume(volume, room)
    planes = volume_data(shown.reduced, {})["planes"]
    others = [None if one == number else _stored(members, one, room, planes) for one in numbers]
    data = members.data | {
        "labels": [members.labels[one] for one in numbers],
        "members": others,
    }
    notes = [f"{len(numbers)} of {len(members)} volumes"] if len(numbers) < len(members) else []
    return StoredGroup(shown, numbers.index(number), data, notes)


def stored_overlay(overlay: Overlay, max_bytes: float) -> StoredVolume:
    """A volume that is drawn over another; the browser finds its values at the other's pixels.

    Raises
    ------
    HtmlError
    """
    stored = stored_volume(overlay.volume, max_bytes, share=1)
    inverse = np.linalg.inv(stored.reduced.affine)[:3].tolist()
    return stored._replace(data={**overlay.data, **stored.data, "inverse": inverse})


def _chosen(total: int, count: int, wanted: int) -> list[int]:
    """Evenly chosen numbers below a total, with the nearest to a wanted one replaced by it."""
    numbers = np.unique(np.linspace(0, total - 1, count).round().astype(int))
    numbers[np.abs(numbers - wanted).argmin()] = wanted
    return numbers.tolist()


def _stored(
    members: VolumeGroup, number: int, room: float, planes: dict[str, Any]
) -> dict[str, Any]:
    """One volume of a group; its planes only where they are others than those of the one shown."""
    try:
        volume = members.volume(number)
    except ClearError as error:
        return {"failed": str(error)}
    windows = volume_windows(volume)
    stored = stored_volume(volume, room - len(json.dumps(volume_data(volume, windows))))
    meta = volume_data(stored.reduced, windows, badge=members.badge(number))
    if meta["planes"] == planes:
        del meta["planes"]
    return {"meta": meta, **stored.data}
