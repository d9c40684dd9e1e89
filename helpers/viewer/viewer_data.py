"""What does the viewer need to know of a volume? Numbers and words as JSON, slices as bytes."""

import numpy as np

from helpers.geometry.planes import PLANES, normal_axis, plane_axes, transposed_affine
from helpers.pixels.auto_window import COMPUTED, sampled
from helpers.pixels.window import WINDOWS, VoiLut

BINS = 128  # of the histogram
DRAWN_SHARE = 0.999  # of the values that it spans
WORDS = [
    "remark",
    "padding",
    "thickness",
    "spacing",
]  # of a slice's caption, in the lower right corner


def volume_data(volume, views, *, badge="", three_planes=True):
    """All that does not change while a volume is looked at, as a dict of JSON's own types.

    ``planes`` maps each plane to the geometry and words of its pictures: ``affine`` (3 × 4) takes (index, row, column,
    1) to LPS mm, ``inverse`` back. ``windows`` are the views that can be chosen (those of `volume_windows`);
    ``histogram`` is of the whole volume, padding left out.
    """
    return {
        "planes": {plane: _plane(volume, plane) for plane in PLANES},
        "windows": [window_data(name, view) for name, view in views.items()],
        "histogram": _histogram(volume),
        "unit": volume.unit,
        "inverted": volume.inverted,
        "badge": badge,
        "three_planes": three_planes,
    }


def window_data(name, view):
    """A Window or VoiLut as a dict."""
    if isinstance(view, VoiLut):
        return {
            "name": name,
            "values": np.asarray(view.values, float).tolist(),
            "greys": np.asarray(view.greys, float).tolist(),
        }
    return {"name": name, "center": view.center, "width": view.width, "function": view.function}


def slice_bytes(volume, plane, index, kind):
    """(values, padding): row by row of a kind (`kind_of`); padding one bit a pixel, or nothing."""
    picture = volume.slice(plane, index)
    values = np.ascontiguousarray(picture.pixels, kind).tobytes()
    return values, b"" if picture.padding is None else np.packbits(picture.padding).tobytes()


def kind_of(volume):
    """The type in which values travel: little endian int16 where they fit, else float32."""
    if volume.array.dtype.kind == "i":
        ends = volume.array.min(), volume.array.max()
        if np.iinfo(np.int16).min <= ends[0] and ends[1] <= np.iinfo(np.int16).max:
            return np.dtype("<i2")
    return np.dtype("<f4")


def _plane(volume, plane):
    count, rows, columns = volume.shape_of(plane)
    first = volume.slice(plane, 0)
    affine = picture_affine(volume, plane)
    axis = normal_axis(plane)
    middles = affine @ [
        np.arange(count),
        *(np.full(count, (number - 1) / 2) for number in (rows, columns)),
        np.ones(count),
    ]
    return {
        "count": count,
        "rows": rows,
        "columns": columns,
        "spacing": list(first.spacing),
        "letters": list(first.letters),
        "affine": affine[:3].tolist(),
        "inverse": np.linalg.inv(affine)[:3].tolist(),
        "positions": [f"{'xyz'[axis]} {place:+.1f} mm" for place in middles[axis]],
        "words": [word for name in WORDS if (word := first.caption.get(name))],
    }


def picture_affine(volume, plane):
    """(4, 4): takes (index, row, column, 1) of the pictures of a plane to LPS mm."""
    normal, down, right, down_step, right_step = plane_axes(volume.affine, plane)
    axes, steps = (normal, down, right), (1, down_step, right_step)
    return transposed_affine(volume.affine, volume.array.shape, axes, steps)


def nearest_slice(volume, plane, point):
    """The index of the slice of a plane that is nearest to a point (3,) in LPS mm, inside the volume or not."""
    place = np.linalg.solve(picture_affine(volume, plane), [*point, 1])[0]
    return int(np.clip(np.round(place), 0, volume.shape_of(plane)[0] - 1))


def volume_windows(volume):
    """A dict of name → Window or VoiLut: the volume's own, those taken from its values, in CT the well-known ones."""
    found = dict(volume.windows)
    for name, view_of in COMPUTED.items():
        found.setdefault(name, view_of(volume.array, padding=volume.padding))
    return found | {
        name: view for name, view in WINDOWS.items() if volume.unit == "HU" and name not in found
    }


def _histogram(volume):
    values = sampled(volume.array, volume.padding)
    if not values.size:
        return {"counts": [0], "low": 0.0, "high": 1.0}
    low, high = map(float, np.quantile(values, [(1 - DRAWN_SHARE) / 2, (1 + DRAWN_SHARE) / 2]))
    high = max(high, low + 1e-6)
    return {"counts": np.histogram(values, BINS, (low, high))[0].tolist(), "low": low, "high": high}
