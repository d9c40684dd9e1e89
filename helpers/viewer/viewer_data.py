"""What does the viewer need to know of a volume? Numbers and words as JSON, slices as bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from helpers.geometry.orientation import PLANE_OF_NORMAL
from helpers.geometry.planes import PLANES, plane_axes, transposed_affine
from helpers.pixels.window import COMPUTED, VoiLut, Window, presets_for, sampled, value_range
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

TIE = 1e-6  # of a slice: a point between two belongs to the one above, here and in planes.js
HISTOGRAM_BINS = 128
HISTOGRAM_SHARE = 0.999  # of the values that the histogram spans
CORNER_CAPTIONS = ["remark", "padding", "thickness", "spacing"]  # in the lower right corner


def volume_data(
    volume: Volume,
    windows: Mapping[str, Window | VoiLut],
    *,
    badge: str = "",
    three_planes: bool = True,
) -> dict[str, Any]:
    """All that does not change while a volume is looked at, as a dict of JSON's own types.

    ``planes`` maps each plane to the geometry and words of its pictures: ``affine`` (3 × 4) takes
    (index, row, column, 1) to LPS mm, ``inverse`` back. ``windows`` are those to choose from (of
    `volume_windows`); ``histogram`` is of the whole volume, padding left out.
    """
    return {
        "planes": {plane: _plane_data(volume, plane) for plane in PLANES},
        "windows": [window_data(name, window) for name, window in windows.items()],
        "histogram": _histogram(volume),
        "unit": volume.unit,
        "inverted": volume.inverted,
        "badge": badge,
        "three_planes": three_planes,
    }


def volume_windows(volume: Volume) -> dict[str, Window | VoiLut]:
    """The volume's own windows, those computed from its values, and in HU the well-known ones."""
    own, array, padding = volume.windows, volume.array, volume.padding
    computed = {name: compute(array, padding=padding) for name, compute in COMPUTED.items()}
    return {**own, **computed, **presets_for(volume.unit), **own}  # its own come first, and win


def window_data(name: str, window: Window | VoiLut) -> dict[str, Any]:
    """A Window or VoiLut as a dict."""
    if isinstance(window, VoiLut):
        values, greys = (np.asarray(part, float).tolist() for part in window[:2])
        return {"name": name, "values": values, "greys": greys}
    center, width, _, function = window
    return {"name": name, "center": center, "width": width, "function": function}


def named_window(
    window: Window | VoiLut, known: Mapping[str, Window | VoiLut], name: str = "custom"
) -> dict[str, Any]:
    """A window as a dict, by the name under which it is known, else by another."""
    names = (known_name for known_name, other in known.items() if _same(other, window))
    return window_data(next(names, name), window)


def slice_dtype(volume: Volume) -> np.dtype:
    """The type in which slices are sent: little-endian int16 where all values fit, else float32."""
    limits = np.iinfo(np.int16)
    whole = volume.array.dtype.kind == "i"
    fits = whole and limits.min <= volume.array.min() and volume.array.max() <= limits.max
    return np.dtype("<i2" if fits else "<f4")


def seen_slice(
    volume: Volume, plane: str, index: int | None, slab_mm: float = 0.0, slab_how: str = "max"
) -> Slice:
    """A slice as a viewer shows it: one, or the slab of `Volume.slab` where that has a thickness.

    Raises
    ------
    PlaneError
    """
    if not slab_mm:
        return volume.slice(plane, index)
    return volume.slab(plane, index, thickness_mm=slab_mm, how=slab_how)


def slice_bytes(picture: Slice, dtype: np.dtype) -> tuple[bytes, bytes]:
    """(values of a dtype, padding) of a slice row by row; padding one bit a pixel, or nothing."""
    values = np.ascontiguousarray(picture.array, dtype).tobytes()
    return values, packed(picture.padding)


def packed(padding: np.ndarray | None) -> bytes:
    """Padding as one bit a pixel, row by row; nothing where there is none."""
    return b"" if padding is None else np.packbits(padding).tobytes()


def picture_matrix(volume: Volume, plane: str) -> np.ndarray:
    """(4, 4): takes (index, row, column, 1) of a plane's pictures to those of the array."""
    normal, down, right, down_step, right_step = plane_axes(volume.affine, plane)
    axes, steps = (normal, down, right), (1, down_step, right_step)
    return transposed_affine(np.eye(4), volume.array.shape, axes, steps)


def picture_affine(volume: Volume, plane: str) -> np.ndarray:
    """(4, 4): takes (index, row, column, 1) of a plane's pictures to LPS mm."""
    return volume.affine @ picture_matrix(volume, plane)


def nearest_slice(volume: Volume, plane: str, point: Sequence[float]) -> int:
    """The index of a plane's slice nearest to a point (3,) in LPS mm, inside the volume or not."""
    index = np.linalg.solve(picture_affine(volume, plane), [*point, 1])[0]
    return int(np.clip(np.floor(index + 0.5 + TIE), 0, volume.shape_of(plane)[0] - 1))


def _plane_data(volume: Volume, plane: str) -> dict[str, Any]:
    count, rows, columns = volume.shape_of(plane)
    first, affine, axis = (
        volume.slice(plane, 0),
        picture_affine(volume, plane),
        PLANE_OF_NORMAL.index(plane),
    )
    middles = (affine @ [index, (rows - 1) / 2, (columns - 1) / 2, 1] for index in range(count))
    return {
        "count": count,
        "rows": rows,
        "columns": columns,
        "spacing": list(first.spacing),
        "letters": list(first.letters),
        "affine": affine[:3].tolist(),
        "inverse": np.linalg.inv(affine)[:3].tolist(),
        "positions": [f"{'xyz'[axis]} {middle[axis]:+.1f} mm" for middle in middles],
        "words": [first.caption[name] for name in CORNER_CAPTIONS if first.caption.get(name)],
    }


def _histogram(volume: Volume) -> dict[str, Any]:
    low, high = value_range(volume.array, padding=volume.padding, share=HISTOGRAM_SHARE).limits
    values = sampled(volume.array, volume.padding)
    counts, _ = np.histogram(values, HISTOGRAM_BINS, (low, high))
    return {"counts": counts.tolist(), "low": low, "high": high}


def _same(one: Window | VoiLut, other: Window | VoiLut) -> bool:
    """Whether two windows are the same, whatever their source."""
    if isinstance(one, VoiLut) or isinstance(other, VoiLut):
        return type(one) is type(other) and all(map(np.array_equal, one[:2], other[:2]))
    return one._replace(source="") == other._replace(source="")
