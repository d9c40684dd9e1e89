"""How do images live on without a kernel? As one HTML page with as many of them as fit."""

import html
import json
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.labels.labels import SliceLabels
from helpers.pictures.slices import SNAPSHOT_PIXELS, snapshot
from helpers.pixels.blocks import block_means
from helpers.pixels.window import body_range, value_range
from helpers.viewer.image_data import Badges, Images, image_data
from helpers.viewer.image_labels import ImageLabels, reduced_labels
from helpers.viewer.image_pixels import screen_factors
from helpers.viewer.measurements import Measurement, renumbered
from helpers.viewer.standalone_page import (
    MAX_HTML_MB,
    HtmlError,
    StandalonePage,
    StoredViewer,
    check_is_new,
    max_bytes_of_viewers,
    page_html,
    picture_html,
)
from helpers.viewer.stored_picture import in_bytes, jpeg, png, scale_of
from helpers.viewer.viewer_data import window_data
from helpers.volume.slice import Slice

FRAME_HEIGHT = 815  # CSS pixels: controls, a picture, its histogram, what was reduced
CONTROLS_HEIGHT, CONTROLS_WIDTH = 60, 1000  # controls take more rows in a narrower frame
SIZES = (2560, 1280, 960, 640, 480, 320)  # pixels of a picture are so many squared at most
USUAL_SIZE = 640  # larger ones only where all images fit
MIN_IMAGES = 64  # before there are fewer, pixels are made larger
SAMPLES = 6  # images by which it is estimated how many fit
MAX_IMAGES = 300  # of a page, each of which has to be decoded
SMALLER_SHARE = 0.95  # of the images at most, that are tried where they do not fit


class ImagesPage:
    """What shows images where no kernel runs: a page in a frame, and a picture.

    Parameters
    ----------
    slices : rows of `helpers.slice_table`
    index : of the image that is shown first
    badges : as `helpers.viewer.image_browser.ImageBrowser` takes them
    window : the name of a window, for all images that have one of it; "" for their own
    labels : DataFrame of `helpers.annotation_table`, drawn on the images; or None
    words : a line about them, which stands above
    """

    def __init__(
        self,
        slices: pd.DataFrame,
        *,
        index: int = 0,
        badges: Badges = "",
        window: str = "",
        labels: pd.DataFrame | None = None,
        words: str = "",
    ) -> None:
        self.images, self.index, self.preset = Images(slices, badges=badges), index, window
        self.labels = None if labels is None else ImageLabels(labels, self.images)
        self.words = words

    def __repr__(self) -> str:
        count = len(self.images)
        images = f"{count} image{'s' * (count != 1)}"
        return f"a viewer of {images}: a notebook shows it, save_html writes it to a file"

    def save_html(self, path: str | Path, *, max_mb: float = MAX_HTML_MB) -> str:
        """Writes a page that needs no kernel; returns what was reduced to fit.

        `path` is the name of a file that is not there yet.
        """
        return save_images_html(path, self.images, max_mb=max_mb, **self._shown)

    @property
    def _shown(self) -> dict[str, Any]:
        return {"index": self.index, "preset": self.preset, "labels": self.labels}

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        page = images_html(self.images, **self._shown)
        png = {"image/png": b64encode(page.snapshots[0]).decode()} if page.snapshots else {}
        words = f"<p>{html.escape(self.words)}</p>" if self.words else ""
        frame = page.framed(FRAME_HEIGHT, more=CONTROLS_HEIGHT, below=CONTROLS_WIDTH)
        return {"text/html": words + frame, "text/plain": repr(self), **png}


def save_images_html(path: str | Path, images: Images, **shown: Any) -> str:
    """Writes an `images_html` page; returns what was reduced to fit.

    Raises
    ------
    HtmlError
        Where a file of that name is there already, or not even one image fits.
    """
    check_is_new(path)
    page = images_html(images, **shown)
    Path(path).write_text(page.document, encoding="utf-8")
    return page.note


def images_html(images: Images, *, max_mb: float = MAX_HTML_MB, **shown: Any) -> StandalonePage:
    """A page that shows images, and plays frames, without a kernel or a network.

    Parameters
    ----------
    max_mb : how large the page may be; pixels are made larger and images left out until it fits
    shown : `index`, `preset`, `customs`, `hidden_labels` and `measured` as the traits of
        `helpers.viewer.image_browser.ImageBrowser`; `labels`, what is drawn on the images

    Raises
    ------
    HtmlError
        Where there is no image, or not even one fits.
    """
    viewer = stored_images(images, max_bytes_of_viewers(max_mb), **shown)
    snapshots = [viewer.snapshot] if viewer.snapshot else []
    return StandalonePage(page_html(viewer.html), viewer.note, snapshots)


def stored_images(
    images: Images,
    room: float,
    index: int = 0,
    preset: str = "",
    customs: Mapping[str, Any] | None = None,
    labels: ImageLabels | None = None,
    hidden_labels: Sequence[int] = (),
    measured: Sequence[Measurement] = (),
) -> StoredViewer:
    """The viewer of images, in so many bytes; what it shows is as of `images_html`.

    Raises
    ------
    HtmlError
        Where there is no image, or not even one fits.
    """
    if not len(images):
        raise HtmlError("expected images to show, got none")
    still = _still(images, index, preset, labels, hidden_labels)
    picture = picture_html(still) if still else ""
    rows, entries, size = _fitting(images, preset, room - len(picture), index)
    masks = list(dict.fromkeys(entry["mask"] for entry in entries if entry.get("mask")))
    for row, entry in zip(rows, entries):
        entry["mask"] = masks.index(entry["mask"]) if entry.get("mask") else -1
        if labels is not None and "error" not in entry:
            entry["labels"] = labels.of(row)
    note = _note(images, entries, size)
    data = {
        "meta": {"images": True, "count": len(rows), "labels": labels and labels.data_of(rows)},
        "pictures": _renumbered(images, rows, entries),
        "masks": masks,
        "note": note,
        "state": {
            "index": rows.index(index),
            "preset": preset,
            "customs": _customs_of(images, rows, customs or {}),
            "hidden_labels": list(hidden_labels),
            "measured": renumbered(measured, rows),
        },
    }
    return StoredViewer(data, note, still, rows)


def small_snapshot(
    slice: Slice,
    window: object = None,
    *,
    badge: str = "",
    labels: SliceLabels | None = None,
) -> bytes:
    """As `helpers.pictures.slices.snapshot`, of no more pixels than it needs."""
    if window is None and slice.array.ndim == 2:
        window = slice.window()[1]
    factors = screen_factors(slice, SNAPSHOT_PIXELS, SNAPSHOT_PIXELS)
    pixels, padding = block_means(slice.array, slice.padding, factors)
    spacing = slice.spacing[0] * factors[0], slice.spacing[1] * factors[1]
    small = replace(slice, array=pixels, padding=padding, spacing=spacing)
    drawn = None if labels is None else reduced_labels(labels, factors)
    return snapshot(small, window, badge=badge, labels=drawn)


def _still(
    images: Images,
    index: int,
    preset: str,
    labels: ImageLabels | None,
    hidden: Sequence[int],
) -> bytes:
    """A picture for where scripts are off; empty where the image cannot be decoded."""
    try:
        image = images.slice(index)
        grey = image.array.ndim == 2
        window = images.window_or_default(index, preset)[1] if grey else None
        shown = None if labels is None else labels.shown(index, hidden)
        return small_snapshot(image, window, badge=images.badge(index), labels=shown)
    except ClearError:
        return b""


def _fitting(
    images: Images, preset: str, room: float, index: int
) -> tuple[list[int], list[dict[str, Any]], int]:
    """(rows of the images that fit, what is stored of each, the size that they have)"""
    count = len(images)
    sample = sorted({*np.linspace(0, count - 1, min(count, SAMPLES)).astype(int).tolist(), index})
    known: dict[int, dict[str, Any]] = {}
    for size in SIZES:
        known = {row: _stored(images, row, preset, size) for row in sample}
        mean = np.mean([len(json.dumps(entry)) for entry in known.values()])
        kept = min(MAX_IMAGES, int(room / mean))
        if kept >= (count if size > USUAL_SIZE else min(count, MIN_IMAGES)):
            break
    rows = chosen_rows(images, kept, index) if kept else []
    while rows:
        for row in rows:
            if row not in known:
                known[row] = _stored(images, row, preset, size)
        entries = [dict(known[row]) for row in rows]
        needed = len(json.dumps(entries))
        if needed <= room:
            return rows, entries, size
        fewer = int(len(rows) * min(SMALLER_SHARE, room / needed))
        rows = _evenly(rows, fewer, index) if len(rows) > 1 else []
    raise HtmlError(
        f"expected room for an image of {mean / 1e6:.2f} MB, got {max(room, 0) / 1e6:.2f} MB: "
        "raise max_mb"
    )


def chosen_rows(images: Images, count: int, index: int) -> list[int]:
    """Rows of about `count` images, evenly chosen, and that of `index`.

    Where there is room for it, each run keeps its share of frames: every 2nd of each, or every 3rd.
    Else there is one image of each of some runs.
    """
    runs, row = [], 0
    while row < len(images):
        runs.append(images.run(row))
        row = runs[-1].stop
    if count < len(runs):
        middles = [(run.start + run.stop) // 2 for run in runs]
        return _evenly(middles, count, index)
    step = 1
    while sum(-(-(run.stop - run.start) // step) for run in runs) > count:
        step += 1
    return sorted({index, *(row for run in runs for row in range(run.start, run.stop, step))})


def _evenly(rows: list[int], count: int, index: int) -> list[int]:
    """About `count` of some rows, evenly chosen, and that of `index`."""
    places = np.linspace(0, len(rows) - 1, max(count - 1, 0)).round().astype(int)
    return sorted({*(rows[place] for place in places), index})


def _stored(images: Images, row: int, preset: str, size: int) -> dict[str, Any]:
    """What a page holds of one image."""
    data = image_data(images, row, preset)
    if "error" in data:
        return {**data, "error": data["error"].replace(str(images.paths[row]), "this file")}
    image = images.slice(row)
    per_pixel = 3 if image.array.ndim == 3 else 2
    factors = screen_factors(image, size, size, max_bytes=per_pixel * size * size)
    pixels, padding = block_means(image.array, image.padding, factors)
    data |= {"factors": factors}
    if pixels.ndim == 3:
        return {**data, "jpeg": jpeg(pixels)}
    low, step = scale = scale_of(pixels, padding)
    mask = "" if padding is None or not padding.any() else png(padding)
    computed = {"body": body_range(pixels, padding=padding)}
    computed["whole range"] = value_range(image.array, padding=image.padding)
    windows = [window for window in data["windows"] if len(window) > 1]
    named = {window["name"] for window in windows}
    return {
        **data,
        "windows": windows
        + [window_data(name, one) for name, one in computed.items() if name not in named],
        "low": low,
        "step": step,
        "mask": mask,
        "jpeg": jpeg(in_bytes(pixels, scale)),
    }


def _renumbered(
    images: Images, rows: list[int], entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is stored, with numbers of the images that are there; frames left out are waited for."""
    found = []
    for number, (row, entry) in enumerate(zip(rows, entries)):
        run = entry["run"]
        first, behind = bisect_left(rows, run["start"]), bisect_left(rows, run["stop"])
        own = {**run, "start": first, "stop": behind}
        if "ms" in run:
            length = run["stop"] - run["start"]
            ms = run["ms"] if len(run["ms"]) > 1 else run["ms"] * length
            begins = [one - run["start"] for one in rows[first:behind]]
            own["ms"] = [round(sum(ms[one:other]), 3) for one, other in pairwise([*begins, length])]
        label = f"{row + 1} of {len(images)}" if len(images) > 1 else ""
        found.append({**entry, "index": number, "run": own, "label": label, "number": label})
    return found


def _customs_of(images: Images, rows: list[int], customs: Mapping[str, Any]) -> dict[str, Any]:
    """Windows that were set by hand, by the numbers of the images that are there."""
    found = {}
    for start, voi in customs.items():
        run = images.run(int(start))
        inside = [number for number, row in enumerate(rows) if run.start <= row < run.stop]
        if inside:
            found[str(inside[0])] = voi
    return found


def _note(images: Images, entries: list[dict[str, Any]], size: int) -> str:
    """What was reduced, in words."""
    count = len(images)
    words = [f"{len(entries)} of {count} image{'s' * (count != 1)}"]
    if len(entries) < count:
        words[0] += ", evenly chosen"
    shown = [entry for entry in entries if "factors" in entry]
    if any(tuple(entry["factors"]) != (1, 1) for entry in shown):
        words.append(f"at most about {size} × {size} pixels each")
    if any("low" in entry for entry in shown):
        words.append("values in 256 steps")
    words.append("compressed as JPEG")
    return f"Reduced for this page: {'; '.join(words)}."
