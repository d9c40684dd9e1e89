"""What is sent to the browser of a slice? Its greys at once where it waits, its values after them.

The greys, 8 bits through the window that is set, are half as many bytes as 16-bit values.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from helpers.errors import ClearError
from helpers.geometry.planes import PlaneError
from helpers.labels.labels import Labels
from helpers.pixels.window import VoiLut, Window, apply_window
from helpers.viewer.overlay import Overlay
from helpers.viewer.viewer_data import packed, seen_slice, slice_bytes
from helpers.viewer.volume_labels import label_bytes
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

KEPT_TABLES = 8  # of greys, of the windows used last
WHOLE = np.arange(-(2**15), 2**15, dtype=np.int16)


def values_message(
    volume: Volume,
    content: dict[str, Any],
    dtype: np.dtype,
    over: Overlay | None,
    labels: Labels | None,
) -> tuple[dict[str, Any], list[bytes]]:
    """(message, buffers) with the values of the slice that a message of the browser asks for.

    Buffers are values and padding, those of what lies over it, and label maps.

    Raises
    ------
    PlaneError
        Where there is no such slice.
    """
    plane, index = content["plane"], content["index"]
    picture, about = _picture(volume, content)
    dtype = dtype if picture.array.dtype.kind == "i" else np.dtype("<f4")  # a mean is a float
    parts = [*slice_bytes(picture, dtype)]
    if over is not None:
        parts += over.slice_bytes(volume, plane, index)
    if labels is not None:
        parts += label_bytes(labels, plane, index)
    return {**about, "float": dtype.kind == "f"}, parts


def greys_message(
    volume: Volume, content: dict[str, Any], window: Window | VoiLut, dtype: np.dtype
) -> tuple[dict[str, Any], list[bytes]]:
    """(message, buffers) with a slice as it is seen through a window: greys, and padding.

    Raises
    ------
    PlaneError
    """
    picture, about = _picture(volume, content)
    values = picture.array
    if dtype.kind == values.dtype.kind == "i":
        table = _table(_Key(window), volume.inverted)
        greys = table[values.astype(np.int16, copy=False).view(np.uint16)]
    else:
        greys = _greys(values, window, volume.inverted)
    return about, [greys.tobytes(), packed(picture.padding)]


def failed_message(error: ClearError) -> dict[str, Any]:
    """Says why a slice does not come."""
    return {"type": "failed", "text": str(error)}


def _picture(volume: Volume, content: dict[str, Any]) -> tuple[Slice, dict[str, Any]]:
    """(the slice or slab that is asked for, what the picture says of its slab)"""
    plane, index = content["plane"], content["index"]
    if not 0 <= index < volume.shape_of(plane)[0]:
        raise PlaneError(f"there is no {plane} slice {index + 1}")
    slab_mm = content.get("slab_mm", 0)
    picture = seen_slice(volume, plane, index, slab_mm, content.get("slab_how", "max"))
    return picture, {"slab": picture.caption["thickness"]} if slab_mm else {}


def _greys(values: np.ndarray, window: Window | VoiLut, inverted: bool) -> np.ndarray:
    greys = np.floor(255 * apply_window(values, window) + 0.5).astype(np.uint8)  # as in greys.js
    return 255 - greys if inverted else greys


class _Key:
    """A window by which its table is found again; a `VoiLut` holds arrays, which have no hash."""

    def __init__(self, window: Window | VoiLut) -> None:
        self.window = window
        table = isinstance(window, VoiLut)
        self.parts = tuple(np.asarray(one).tobytes() if table else one for one in window)

    def __hash__(self) -> int:
        return hash(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.parts == other.parts


@lru_cache(KEPT_TABLES)
def _table(key: _Key, inverted: bool) -> np.ndarray:
    """The greys of all 16-bit values, in the order of their bits."""
    return _greys(np.roll(WHOLE, 2**15), key.window, inverted)
