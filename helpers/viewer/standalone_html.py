"""How does a viewer live on without a kernel? As one HTML page with everything in it."""

import html
import io
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from helpers.errors import ClearError, require_type
from helpers.geometry.planes import PLANES, plane_axes
from helpers.pictures.slices import snapshot
from helpers.pixels.window import value_range
from helpers.viewer.script import SCRIPT
from helpers.viewer.viewer_data import (
    nearest_slice,
    picture_affine,
    picture_matrix,
    volume_data,
    volume_windows,
    window_data,
)
from helpers.volume.volume import Volume

MAX_HTML_MB = 3.0
SPARE_BYTES = 50_000  # of a page, for padding and the HTML itself
JPEG_QUALITY = 85
MIN_SLICES = 64  # before there are fewer, pixels are made larger
SHRINK_FACTORS = (1, 2, 4)
SCALE_SHARE = 0.9995  # of the values that 256 steps span
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


class HtmlError(ClearError, ValueError):
    """A page that cannot be written as it is asked for."""


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
        of the slice and `position_mm` of the point at which it opens

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
) -> tuple[str, str, bytes]:
    """(a viewer of a volume as HTML, what was reduced to fit, a snapshot as PNG)."""
    name, shown = volume.window(window)
    plane, windows = plane or volume.acquired_plane, {**volume_windows(volume), name: shown}
    still = snapshot(volume.slice(plane, index), shown, badge=badge)
    picture, about = _picture(still), len(json.dumps(volume_data(volume, windows)))
    scale = _scale(volume)
    reduced, jpegs = _reduced(volume, scale, max_bytes - len(picture) - about)
    note = _note(volume, reduced, scale)
    if position_mm is None:
        count, rows, columns = volume.shape_of(plane)
        middle = [count // 2 if index is None else index, (rows - 1) / 2, (columns - 1) / 2, 1]
        position_mm = (picture_affine(volume, plane) @ middle)[:3].tolist()
    data = {
        "meta": volume_data(reduced, windows, badge=badge),
        "stored": next(one for one in PLANES if plane_axes(volume.affine, one).normal == 0),
        "strides": {one: _strides(reduced, one) for one in PLANES},
        "shape": reduced.array.shape,
        "scale": scale,
        "float": not _fits_int16(scale),
        "pictures": jpegs,
        **_masks(reduced.padding, len(reduced.array)),
        "note": note,
        "state": {
            "plane": plane,
            "index": nearest_slice(reduced, plane, position_mm),
            "position_mm": list(position_mm),
            "voi": window_data(name, shown),
        },
    }
    # no text of a header can end the script that it stands in
    safe = json.dumps(data).replace("<", "\\u003c")
    return VIEWER.format(picture=picture, data=safe), note, still


def _picture(png: bytes) -> str:
    return PICTURE.format(b64encode(png).decode())


def _scale(volume: Volume) -> tuple[float, float]:
    """(low, step): a byte stands for the value ``low + step × byte``."""
    low, high = value_range(volume.array, padding=volume.padding, share=SCALE_SHARE).limits
    step = (high - low) / 255
    if volume.array.dtype.kind == "i":
        return float(np.floor(low)), float(np.ceil(step))
    return low, step


def _fits_int16(scale: tuple[float, float]) -> bool:
    """Whether all 256 values are whole numbers that 16 bits hold."""
    values = scale[0] + scale[1] * np.arange(256)
    return bool((values == values.clip(-(2**15), 2**15 - 1).round()).all())


def _reduced(
    volume: Volume, scale: tuple[float, float], max_bytes: float
) -> tuple[Volume, list[str]]:
    """(the volume with slices left out and pixels made larger, its slices as JPEG in base64).

    The slices are those along the first axis of the array.
    """
    count = len(volume.array)
    for shrink in SHRINK_FACTORS:
        slice_size = len(_jpeg(_shrunk(volume, count // 2, shrink)[0], scale))
        kept = min(count, int(max_bytes / slice_size))
        if kept >= min(count, MIN_SLICES):
            break
    if kept < 1:
        size, room = slice_size / 1e6, max(max_bytes, 0) / 1e6
        raise HtmlError(
            f"expected room for a slice of {size:.2f} MB, got {room:.2f} MB: raise max_mb"
        )
    while True:
        stride = -(-count // kept)
        slices = [_shrunk(volume, number, shrink) for number in range(0, count, stride)]
        jpegs = [_jpeg(values, scale) for values, _ in slices]
        padding = None if volume.padding is None else np.stack([lost for _, lost in slices])
        size = sum(map(len, [*jpegs, *_masks(padding, len(slices))["masks"]]))
        if size <= max_bytes or kept == 1:
            break
        kept = max(1, int(kept * 0.9))
    affine = volume.affine.copy()
    affine[:3, 3] += (affine[:3, 1] + affine[:3, 2]) * (shrink - 1) / 2
    affine[:3, :3] *= (stride, shrink, shrink)
    array = np.stack([values for values, _ in slices])
    return replace(volume, array=array, affine=affine, padding=padding), jpegs


def _shrunk(volume: Volume, number: int, shrink: int) -> tuple[np.ndarray, np.ndarray]:
    """(values, padding) of one slice along the first axis, each pixel the mean of known ones."""
    values = _blocks(volume.array[number], shrink)
    padding = np.zeros(values.shape, bool)
    if volume.padding is not None:
        padding = _blocks(volume.padding[number], shrink)
    lost = np.logical_and.reduce(padding, axis=(1, 3))
    known = ~padding | lost[:, None, :, None]  # a block of padding alone keeps its value
    means = values.mean(axis=(1, 3), where=known)
    means = np.round(means) if values.dtype.kind == "i" else means
    return means.astype(values.dtype), lost


def _blocks(image: np.ndarray, size: int) -> np.ndarray:
    """An image (rows, columns) as (rows / size, size, columns / size, size); a rest is cut off."""
    rows, columns = (length // size for length in image.shape)
    return image[: rows * size, : columns * size].reshape(rows, size, columns, size)


def _jpeg(values: np.ndarray, scale: tuple[float, float]) -> str:
    """Values as a JPEG of bytes, in base64."""
    steps = np.clip(np.round((values - scale[0]) / scale[1]), 0, 255).astype(np.uint8)
    return _encoded(steps, "JPEG", quality=JPEG_QUALITY)


def _encoded(image: np.ndarray, kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return b64encode(buffer.getvalue()).decode()


def _masks(padding: np.ndarray | None, count: int) -> dict[str, list[Any]]:
    """Different masks as PNG in base64, and which of them each slice has (-1 for none)."""
    masks = np.zeros((count, 1), bool) if padding is None else padding
    keys = [mask.tobytes() for mask in masks]
    different = {key: mask for key, mask in zip(keys, masks) if mask.any()}
    numbers = {key: number for number, key in enumerate(different)}
    return {
        "masks": [_encoded(mask, "PNG", optimize=True) for mask in different.values()],
        "mask_of": [numbers.get(key, -1) for key in keys],
    }


def _strides(volume: Volume, plane: str) -> dict[str, int]:
    """Where in the flat array the pixels of a plane's pictures lie: the first, and steps on."""
    _, rows, columns = volume.array.shape
    steps = np.array([rows * columns, columns, 1, 0]) @ picture_matrix(volume, plane)
    return dict(zip(("along", "down", "right", "origin"), map(int, steps)))


def _note(volume: Volume, reduced: Volume, scale: tuple[float, float]) -> str:
    """What was reduced, in words."""
    words = [f"{len(reduced.array)} of {len(volume.array)} slices"]
    (_, *smaller), (_, *whole) = reduced.array.shape, volume.array.shape
    if smaller != whole:
        words.append("{} × {} of {} × {} pixels".format(*smaller, *whole))
    low, step = scale
    high, steps = low + 255 * step, f"256 steps of {step:.3g} {volume.unit}".strip()
    words.append(f"values from {low:.5g} to {high:.5g} in {steps}, compressed as JPEG")
    return f"Reduced for this page: {'; '.join(words)}."
