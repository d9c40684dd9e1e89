"""A slice, drawn: with letters on its edges, in true aspect. Computes nothing but the layout."""

import io
from collections.abc import Collection
from dataclasses import replace

import numpy as np
from matplotlib import pyplot as plt
from PIL import Image, ImageDraw, ImageFont

from helpers.errors import require_type
from helpers.pictures.overlay import (
    CAPTIONS,
    LETTER_COLOUR,
    draw_scale_bar,
    text_layout,
    write_badge,
    write_corners,
    write_letters,
)
from helpers.pictures.plane_in_patient import DrawingError
from helpers.pictures.style import ACCENT, QUIET, SECOND
from helpers.pixels.window import apply_window
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

NO_VALUE = "#24384c"  # shows where padding is: no measured value
KNOWN_IN_CT = ["lungs", "mediastinum", "spine_bone"]
BINS = 200  # of a histogram
DRAWN_SHARE = 0.999  # of the values that a histogram spans


def show_slice(
    slice,
    *,
    window=None,
    ax=None,
    letters=True,
    corners=True,
    scale_bar=True,
    badge="",
    identity=False,
):
    """Draws a `Slice` with its letters, in millimetre aspect; returns the Axes.

    Parameters
    ----------
    slice : Slice
    window : as `Slice.window` takes it: None, a name, a Window, or (center, width)
    ax : Axes or None
    letters : whether to draw the letters on the edges
    corners : True, False, or those wanted of "slice" (n of N), "position", "window", "thickness", "spacing",
        "padding" (where it was guessed) and "remark" (of a sheared volume)
    scale_bar : whether to draw it, where the size in mm is known
    badge : a word of warning, such as `helpers.badge` gives; empty for none
    identity : whether to name patient and series (off: pictures travel)
    """
    require_type(slice, Slice, "of load_slice or volume.slice")
    ax = ax or plt.figure(figsize=(6, 6)).add_subplot()
    grey = np.ma.masked_where(_padding(slice), slice.grey(window))
    height, width = np.multiply(slice.pixels.shape[:2], slice.spacing)
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), aspect="equal")
    ax.set(facecolor=NO_VALUE, xlabel=slice.spacing_unit, ylabel=slice.spacing_unit)
    room = text_layout(ax, width / height)
    if letters:
        write_letters(ax, slice.letters, room)
    captions = _captions(slice, window, corners) if corners else {}
    write_corners(ax, captions, room)
    if scale_bar and slice.spacing_unit == "mm":
        draw_scale_bar(ax, width, room, captions.get("window", ""))
    if badge:
        write_badge(ax, badge, room)
    if identity:
        ax.set_title(_identity(slice.caption), fontsize=10, wrap=True)
    return ax


def show_views(slice, *, windows=None):
    """Draws one `Slice` through several views side by side; returns the list of Axes.

    Parameters
    ----------
    windows : views as `Slice.window` takes them; None for the first two of the file's own, one taken from the values,
        and for Hounsfield units the well-known "lungs", "mediastinum" and "spine_bone"
    """
    require_type(slice, Slice, "of load_slice or volume.slice")
    if slice.pixels.ndim == 3:
        return [show_slice(slice)]
    known = [*list(slice.windows)[:2], "body", *(KNOWN_IN_CT if slice.unit == "HU" else ())]
    windows = [windows] if isinstance(windows, str) else list(windows or dict.fromkeys(known))
    columns = min(3, len(windows))
    rows = -(-len(windows) // columns)
    figure = plt.figure(figsize=(4.6 * columns, 4.4 * rows), layout="constrained")
    axes = [figure.add_subplot(rows, columns, place + 1) for place in range(len(windows))]
    for ax, window in zip(axes, windows):
        show_slice(slice, window=window, ax=ax, corners=False, scale_bar=False)
        ax.set_title(_window_text(*slice.window(window), slice.unit), fontsize=9)
    return axes


def show_planes(volume, *, at=None, window=None, axes=None, crosshair=True, **overlays):
    """Draws the axial, coronal and sagittal slice through one point, with a crosshair; returns the three Axes.

    Parameters
    ----------
    at : (3,) LPS mm, or None for the middle of the volume
    overlays : as `show_slice` takes them
    """
    require_type(volume, Volume, "of load_volume")
    at = volume.middle if at is None else at
    axes = plt.subplots(1, 3, figsize=(15, 5.4), layout="constrained")[1] if axes is None else axes
    if len(axes) != 3:
        raise DrawingError(f"expected three axes, got {len(axes)}")
    name, view = volume.window(window)
    for ax, plane in zip(axes, ("axial", "coronal", "sagittal")):
        index, place = volume.place_in(plane, at)
        slice = _seen(volume.slice(plane, index), name, view)
        show_slice(slice, window=name, ax=ax, **overlays)
        if crosshair:
            row, column = np.multiply(np.add(place, 0.5), slice.spacing)
            ax.axhline(row, color=ACCENT, linewidth=0.8)
            ax.axvline(column, color=ACCENT, linewidth=0.8)
        ax.set_title(" · ".join(filter(None, (plane, ax.get_title()))), wrap=True)
    return axes


def show_montage(
    volume, *, plane="axial", count=12, window=None, figure=None, badge="", identity=False
):
    """Draws evenly chosen slices of a volume with number and position on each, all in one window; returns the Axes."""
    require_type(volume, Volume, "of load_volume")
    if not isinstance(count, (int, np.integer)):
        raise DrawingError(f"expected a number of slices, got {count!r}")
    total, (name, view) = volume.shape_of(plane)[0], volume.window(window)
    indices = np.unique(np.linspace(0, total - 1, max(1, min(count, total))).round().astype(int))
    columns = min(4, len(indices))
    rows = -(-len(indices) // columns)
    figure = figure or plt.figure(figsize=(3 * columns, 3.05 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(indices) :]:
        ax.remove()
    for ax, index in zip(axes, indices):
        slice = _seen(volume.slice(plane, int(index)), name, view)
        show_slice(
            slice,
            window=name,
            ax=ax,
            corners=False,
            scale_bar=ax is axes[0],
            badge=badge if ax is axes[0] else "",
        )
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        ax.set_title(f"{slice.caption['slice']} · {slice.caption['position']}", fontsize=8)
    size = np.multiply(slice.pixels.shape, slice.spacing)
    what = f"{plane} slices, {size[1]:.0f} × {size[0]:.0f} {slice.spacing_unit} each"
    parts = [
        what,
        _window_text(name, view, slice.unit),
        _identity(slice.caption) if identity else "",
    ]
    figure.suptitle(
        (", " if len(axes) > 1 else "\n").join(filter(None, parts)), fontsize=10, wrap=True
    )
    return axes[: len(indices)]


def plot_histogram(values, *, window=None, ax=None):
    """Draws how often each value occurs, padding left out, and the window on it; returns the Axes.

    Parameters
    ----------
    values : Slice or Volume
    window : as `Slice.window` takes it; what is black and what is white of it is marked, and how grey rises between
    """
    require_type(values, (Slice, Volume), "of load_slice or load_volume")
    array = values.array if isinstance(values, Volume) else values.pixels
    if isinstance(values, Slice) and array.ndim == 3:
        ax = ax or plt.figure(figsize=(9, 1), layout="constrained").add_subplot()
        ax.text(
            0.5,
            0.5,
            "A colour image: its values have no unit and no window",
            ha="center",
            va="center",
        )
        ax.set_axis_off()
        return ax
    padding = values.padding
    kept = array.ravel() if padding is None else array[~padding]
    ax = ax or plt.figure(figsize=(9, 4), layout="constrained").add_subplot()
    name, view = values.window(window)
    low, high = _drawn_range(kept, view)
    counts, edges = np.histogram(kept, _bins(kept, low, high))
    ax.stairs(100 * counts / max(1, kept.size), edges, fill=True, color=QUIET)
    unit = f"value in {values.unit}" if values.unit else "value"
    ax.set(xlabel=unit, ylabel="% of the values, each bar", xlim=(edges[0], edges[-1]))
    ax.set_yscale("symlog", linthresh=0.1)
    ax.set_ylim(bottom=0)
    _draw_window(ax, view, np.linspace(edges[0], edges[-1], 500), values.inverted)
    padded = (
        "" if padding is None else f"; {padding.mean():.1%} of the pixels are padding and left out"
    )
    ax.set_title(_window_text(name, view, values.unit) + padded, fontsize=10)
    return ax


def _bins(values, low, high):
    """Edges of the bars; whole numbers have bars of whole numbers, else some bars would hold one more than others."""
    if values.dtype.kind != "i":
        return np.linspace(low, high, BINS + 1)
    step = max(1, round((high - low) / BINS))
    return np.arange(np.floor(low) - 0.5, high + step, step)


def _drawn_range(values, view):
    """(low, high) that shows most values and the whole window, as far as it is near them."""
    if not values.size:
        return view.limits
    ends = [(1 - DRAWN_SHARE) / 2, (1 + DRAWN_SHARE) / 2]
    low, high = np.quantile(values[:: max(1, values.size // 1_000_000)], ends)
    near = high - low
    return float(max(min(low, view.limits[0]), low - near)), float(
        min(max(high, view.limits[1]), high + near) + 1e-6
    )


def _draw_window(ax, view, values, inverted):
    """The grey of each value as a line over the histogram, and what is black and white."""
    for limit in view.limits:
        ax.axvline(limit, color=SECOND, linestyle="--", linewidth=1)
    grey = ax.twinx()
    shown = apply_window(values, view)
    grey.plot(values, 1 - shown if inverted else shown, color=ACCENT)
    grey.set_ylim(-0.02, 1.02)
    grey.set_ylabel("grey, 0 black to 1 white", color=ACCENT)


def _captions(slice, window, wanted):
    """What stands in the corners, by name."""
    view = _window_text(*slice.window(window), slice.unit) if slice.pixels.ndim == 2 else "colour"
    captions = {**slice.caption, "window": view}
    names = CAPTIONS if wanted is True else [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, Collection) or not set(names) <= set(CAPTIONS):
        raise DrawingError(
            f"expected corners to be True, False or some of {', '.join(CAPTIONS)}, got {wanted!r}"
        )
    return {name: captions.get(name) for name in names}


def _identity(caption):
    return " · ".join(filter(None, (caption.get("patient"), caption.get("series"))))


def _seen(slice, name, view):
    """The slice with one more window of its own."""
    return replace(slice, windows={**slice.windows, name: view})


def _padding(slice):
    if slice.padding is None:
        return np.zeros(slice.pixels.shape, bool)
    return slice.padding


def _window_text(name, view, unit):
    return f"{name}: {view.text(unit)}"


HEIGHT = 512  # of the picture, in screen pixels


def snapshot(slice, window):
    """The picture as PNG bytes: HEIGHT pixels high or less, in true aspect, with letters and captions."""
    rows, columns = slice.pixels.shape[:2]
    high, wide = np.multiply((rows, columns), slice.spacing)
    scale = HEIGHT / max(high, wide)
    image = Image.fromarray((slice.grey(window) * 255).round().astype(np.uint8)).convert("RGB")
    image = image.resize(
        (max(1, round(wide * scale)), max(1, round(high * scale))), Image.Resampling.BILINEAR
    )
    _write(ImageDraw.Draw(image), image.size, slice, window)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _write(draw, size, slice, window):
    width, height = size
    large, small = ImageFont.load_default(22), ImageFont.load_default(13)
    letters = slice.letters
    for text, place, anchor in (
        (letters.left, (6, height / 2), "lm"),
        (letters.right, (width - 6, height / 2), "rm"),
        (letters.top, (width / 2, 6), "ma"),
        (letters.bottom, (width / 2, height - 6), "md"),
    ):
        draw.text(place, text, LETTER_COLOUR, large, anchor, stroke_width=2, stroke_fill="black")
    name, view = slice.window(window)
    for text, place, anchor in (
        (f"{slice.caption.get('slice', '')}  {slice.caption.get('position', '')}", (6, 6), "la"),
        (f"{name}: {view.text(slice.unit)}", (6, height - 6), "ld"),
    ):
        draw.text(place, text, "white", small, anchor, stroke_width=2, stroke_fill="black")
