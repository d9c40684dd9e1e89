"""How does a viewer live on without a kernel? As one HTML document with everything in it."""

import html
import io
import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.errors import ClearError, require_type
from helpers.geometry.planes import PLANES, plane_axes
from helpers.pictures.slices import snapshot
from helpers.pixels.auto_window import sampled
from helpers.viewer.viewer_data import (
    nearest_slice,
    picture_affine,
    volume_data,
    volume_windows,
    window_data,
)
from helpers.volume.volume import Volume

SCRIPT = Path(__file__).with_name("viewer.js")
MAX_MB = 3.0
SPARE = 50_000  # bytes for padding and the page itself
QUALITY = 85  # of JPEG
ENOUGH = 64  # slices; before there are fewer, pixels are made larger
SHRINKS = (1, 2, 4)
SHOWN_SHARE = 0.9995  # of the values that 256 steps span
FRAME_HEIGHT = 720  # CSS pixels
DOCUMENT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }} body {{ margin: 8px; font: 13px system-ui, sans-serif }} img {{ max-width: 100% }}
</style>
</head><body><div id="viewer"></div>
<noscript><img alt="{title}" src="data:image/png;base64,{still}"></noscript>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}
page(document.getElementById("viewer"), JSON.parse(document.getElementById("data").textContent));
</script></body></html>
"""
FRAME = """<div style="position: relative; min-height: {height}px">
<img alt="{title}" src="data:image/png;base64,{still}" style="position: absolute; top: 0; left: 0; max-width: 100%">
<iframe title="{title}" srcdoc="{document}" sandbox="allow-scripts" loading="lazy"
 style="position: absolute; top: 0; left: 0; width: 100%; height: {height}px; border: 0; background: Canvas"></iframe></div>
"""


class PageError(ClearError, ValueError):
    """A page that cannot be written as it is asked for."""


def save_html(
    volume, path, *, max_mb=MAX_MB, plane=None, window=None, badge="", index=None, position_mm=None
):
    """Writes a page that scrolls and windows a volume without a kernel or a network; returns what was reduced to fit.

    Parameters
    ----------
    path : name of a file that is not there yet
    max_mb : how large it may be; slices are left out and pixels made larger until it fits
    plane, window, badge : as `helpers.browse` takes them
    index, position_mm : the slice that is shown first, the point that the planes go through

    Raises
    ------
    PageError
    """
    path = Path(path)
    if path.exists():
        raise PageError(
            f"expected the name of a new file, got {path}, which is there already: nothing is overwritten"
        )
    shown = {
        "plane": plane,
        "window": window,
        "badge": badge,
        "index": index,
        "position_mm": position_mm,
    }
    document, note = standalone_html(volume, max_mb=max_mb, **shown)
    path.write_text(document, encoding="utf-8")
    return note


def standalone_html(
    volume, *, max_mb=MAX_MB, plane=None, window=None, badge="", index=None, position_mm=None
):
    """(HTML document, what was reduced to fit)."""
    require_type(volume, Volume, "of load_volume")
    if not max_mb > 0:
        raise PageError(f"expected a size in MB above 0, got {max_mb!r}")
    name, view = volume.window(window)
    plane = plane or volume.acquired_plane
    count = volume.shape_of(plane)[0]
    still = b64encode(snapshot(volume.slice(plane, index), view))
    script, scale, views = (
        SCRIPT.read_text(encoding="utf-8"),
        _scale(volume),
        {**volume_windows(volume), name: view},
    )
    about = len(json.dumps(volume_data(volume, views)))
    reduced, pictures = _fitted(
        volume, scale, 1e6 * max_mb - len(still) - len(script) - about - SPARE
    )
    note = _note(volume, reduced, scale)
    meta = volume_data(reduced, views, badge=badge)
    for one in PLANES:
        meta["planes"][one]["strides"] = _strides(reduced, one)
    point = (
        _point(volume, plane, count // 2 if index is None else index)
        if position_mm is None
        else position_mm
    )
    data = {
        "meta": {
            **meta,
            "acquired": next(one for one in PLANES if plane_axes(volume.affine, one).normal == 0),
        },
        "shape": list(reduced.array.shape),
        "low": scale[0],
        "step": scale[1],
        "float": not _fits_int16(scale),
        "pictures": pictures,
        **_masks(reduced.padding, len(reduced.array)),
        "note": note,
        "state": {
            "plane": plane,
            "index": nearest_slice(reduced, plane, point),
            "position_mm": list(point),
            "view": window_data(name, view),
        },
    }
    shown = json.dumps(data).replace(
        "<", "\\u003c"
    )  # no value can end the script that it stands in
    title = f"{plane} slices, {count} of them"
    return DOCUMENT.format(
        title=html.escape(title), still=still.decode(), data=shown, script=script
    ), note


def framed_html(volume, **options):
    """The page as a piece of HTML for a notebook's output; where scripts or frames are off, the still picture shows."""
    document, _ = standalone_html(volume, **options)
    plane = options.get("plane") or volume.acquired_plane
    still = snapshot(
        volume.slice(plane, options.get("index")), volume.window(options.get("window"))[1]
    )
    words = html.escape(f"{plane} slices")
    picture = b64encode(still).decode()
    return FRAME.format(
        title=words, still=picture, document=html.escape(document), height=FRAME_HEIGHT
    ), still


def _point(volume, plane, index):
    """The middle of one slice, LPS mm."""
    _, rows, columns = volume.shape_of(plane)
    return (picture_affine(volume, plane) @ [index, (rows - 1) / 2, (columns - 1) / 2, 1])[
        :3
    ].tolist()


def _fits_int16(scale):
    """Whether all 256 steps are whole numbers that 16 bits hold."""
    low, step = scale
    return low % 1 == 0 and step % 1 == 0 and low >= -(2**15) and low + 255 * step < 2**15


def _scale(volume):
    """(low, step): a byte stands for low + step × byte."""
    ends = [(1 - SHOWN_SHARE) / 2, (1 + SHOWN_SHARE) / 2]
    values = sampled(volume.array, volume.padding)
    low, high = np.quantile(values, ends) if values.size else (0, 1)
    step = (high - low) / 255 or 1.0
    whole = volume.array.dtype.kind == "i"
    return (
        (float(np.floor(low)), float(max(1, np.ceil(step)))) if whole else (float(low), float(step))
    )


def _fitted(volume, scale, room):
    """(reduced volume, its slices along the first axis as JPEG in base64) that take no more than so many bytes."""
    count = len(volume.array)
    for shrink in SHRINKS:
        per_slice = len(_picture(_shrunk(volume, count // 2, shrink)[0], scale))
        keep = min(count, int(room / per_slice))
        if keep >= min(count, ENOUGH) or shrink == SHRINKS[-1]:
            break
    if keep < 1:
        raise PageError(
            f"expected room for a slice of {per_slice / 1e6:.2f} MB, got {max(room, 0) / 1e6:.2f} MB: raise max_mb"
        )
    while True:
        stride = -(-count // keep)
        slices = [_shrunk(volume, number, shrink) for number in range(0, count, stride)]
        pictures = [_picture(values, scale) for values, _ in slices]
        padding = None if volume.padding is None else np.stack([padding for _, padding in slices])
        masks = _masks(padding, len(slices))["masks"]
        if sum(map(len, [*pictures, *masks])) <= room or keep == 1:
            break
        keep = max(1, int(keep * 0.9))
    affine = volume.affine.copy()
    affine[:3, 3] += (affine[:3, 1] + affine[:3, 2]) * (shrink - 1) / 2
    affine[:3, :3] *= (stride, shrink, shrink)
    return replace(
        volume, array=np.stack([values for values, _ in slices]), affine=affine, padding=padding
    ), pictures


def _shrunk(volume, number, shrink):
    """(values, padding or None) of one slice along the first axis, each pixel the mean of several."""
    rows, columns = (size // shrink for size in volume.array.shape[1:])

    def blocks(array):
        return array[number, : rows * shrink, : columns * shrink].reshape(
            rows, shrink, columns, shrink
        )

    if shrink == 1:
        return volume.array[number], None if volume.padding is None else volume.padding[number]
    padding = (
        np.zeros((rows, shrink, columns, shrink), bool)
        if volume.padding is None
        else blocks(volume.padding)
    )
    known = np.where(
        padding.all(axis=(1, 3), keepdims=True), True, ~padding
    )  # a block of padding alone keeps its value
    values = blocks(volume.array).mean(axis=(1, 3), where=known)
    values = np.round(values) if volume.array.dtype.kind == "i" else values
    return values.astype(volume.array.dtype), None if volume.padding is None else padding.all(
        axis=(1, 3)
    )


def _picture(values, scale):
    """Values as a JPEG of bytes, in base64."""
    low, step = scale
    buffer = io.BytesIO()
    shown = np.clip(np.round((values - low) / step), 0, 255).astype(np.uint8)
    Image.fromarray(shown).save(buffer, "JPEG", quality=QUALITY)
    return b64encode(buffer.getvalue()).decode()


def _strides(volume, plane):
    """Where in the flat array the pixels of a plane's pictures lie: that of (0, 0, 0), and steps to the next ones."""
    axes, shape = plane_axes(volume.affine, plane), volume.array.shape
    flat = (shape[1] * shape[2], shape[2], 1)
    flipped = [
        axis for axis, step in ((axes.down, axes.down_step), (axes.right, axes.right_step)) if step < 0
    ]
    return {
        "origin": sum(flat[axis] * (shape[axis] - 1) for axis in flipped),
        "along": flat[axes.normal],
        "down": flat[axes.down] * axes.down_step,
        "right": flat[axes.right] * axes.right_step,
    }


def _masks(padding, count):
    """The padding of so many slices: different masks as PNG in base64, and which of them each slice has (-1 for none)."""
    if padding is None:
        return {"masks": [], "mask_of": [-1] * count}
    keys = [np.packbits(mask).tobytes() for mask in padding]
    different = {key: mask for key, mask in zip(keys, padding) if mask.any()}
    places = {key: place for place, key in enumerate(different)}
    return {
        "masks": list(map(_mask_picture, different.values())),
        "mask_of": [places.get(key, -1) for key in keys],
    }


def _mask_picture(mask):
    """A mask as a PNG of one bit a pixel, in base64."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    return b64encode(buffer.getvalue()).decode()


def _note(volume, reduced, scale):
    """What was reduced, in words."""
    words = [f"{len(reduced.array)} of {len(volume.array)} slices"]
    if reduced.array.shape[1:] != volume.array.shape[1:]:
        words.append(
            "{} × {} of {} × {} pixels".format(*reduced.array.shape[1:], *volume.array.shape[1:])
        )
    low, high = scale[0], scale[0] + 255 * scale[1]
    steps = (
        f"values from {low:.5g} to {high:.5g} in 256 steps of {scale[1]:.3g} {volume.unit}".strip()
    )
    words.append(f"{steps}, compressed as JPEG")
    return "Reduced for this page: " + "; ".join(words) + "."
