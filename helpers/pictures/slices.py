"""What does a slice look like? Drawn in true aspect, with letters on its edges."""

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers.errors import require_type
from helpers.labels.labels import Labels, SliceLabels
from helpers.pictures.annotations import (
    CAPTIONS,
    draw_scale_bar,
    text_layout,
    write_badge,
    write_corners,
    write_letters,
)
from helpers.pictures.labelled import draw_labels
from helpers.pictures.style import (
    ACCENT_COLOUR,
    PADDING_COLOUR,
    DrawingError,
    as_written,
    axes_grid,
    axes_or_new,
)
from helpers.pixels.window import VoiLut, Window
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

CT_WINDOWS = ["lungs", "mediastinum", "spine_bone"]  # drawn beside those of a file in HU
SNAPSHOT_PIXELS = 512  # of the longer side
SNAPSHOT_DPI = 128  # a power of two: inches of it are whole pixels


def show_slice(
    slice: Slice,
    *,
    window: object = None,
    ax: Axes | None = None,
    letters: bool = True,
    corners: bool | str | Collection[str] = True,
    scale_bar: bool = True,
    badge: str = "",
    identity: bool = False,
    labels: SliceLabels | None = None,
    fill: float = 0.0,
) -> Axes:
    """Draws a `Slice` with its letters, in millimetre aspect; returns the Axes.

    Parameters
    ----------
    slice : Slice
    window : as `Slice.window` takes it: None, a name, a Window, or (center, width)
    ax : Axes or None
    letters : whether to draw the letters on the edges
    corners : True, False, or some of "view" (side and view of a radiograph), "slice" (n of N),
        "position", "window", "thickness", "spacing", "padding" (where it was guessed) and "remark"
        (what else was guessed, or done)
    scale_bar : whether to draw it, where the size in mm is known
    badge : a word of warning, such as `helpers.badge` gives; empty for none
    identity : whether to name patient and series (off, because pictures travel)
    labels : ``labels.slice(plane, index)`` of `helpers.load_labels`, or `helpers.image_labels`, of
        the same picture: drawn over it, and named
    fill : opacity of their areas; 0 for outlines alone
    """
    require_type(slice, Slice, "of load_slice or volume.slice")
    ax = axes_or_new(ax, 6, 6)
    mask = np.ma.nomask if slice.padding is None else slice.padding
    grey, (height, width) = np.ma.array(slice.grey(window), mask=mask), _size(slice)
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), aspect="equal")
    ax.set(facecolor=PADDING_COLOUR, xlabel=slice.spacing_unit, ylabel=slice.spacing_unit)
    layout = text_layout(ax, width / height)
    if letters:
        write_letters(ax, slice.letters, layout)
    captions = _captions(slice, window, corners) if corners else {}
    write_corners(ax, captions, layout)
    if scale_bar and slice.spacing_unit == "mm":
        draw_scale_bar(ax, width, layout, captions.get("window", ""))
    if badge:
        write_badge(ax, badge, layout)
    if labels is not None:
        draw_labels(ax, labels, slice.spacing, layout, fill=fill, below=badge)
    if identity:
        whose = _identity(slice.caption)
        ax.set_title(whose, fontsize=10, **as_written(whose))
    return ax


def snapshot(
    slice: Slice,
    window: object = None,
    *,
    badge: str = "",
    labels: SliceLabels | None = None,
    fill: float = 0.0,
) -> bytes:
    """What `show_slice` draws, without axes, as PNG bytes: its longer side has 512 pixels.

    It is drawn on a figure of its own, not of pyplot, so that threads can call it.
    """
    size = np.array(_size(slice)[::-1])
    pixels = np.maximum(1, np.round(SNAPSHOT_PIXELS * size / size.max()))
    figure = Figure(pixels / SNAPSHOT_DPI, SNAPSHOT_DPI, facecolor=PADDING_COLOUR)
    canvas, buffer = FigureCanvasAgg(figure), io.BytesIO()
    ax = figure.add_axes((0, 0, 1, 1))
    show_slice(slice, window=window, ax=ax, badge=badge, labels=labels, fill=fill).set_axis_off()
    canvas.print_png(buffer, pil_kwargs={"compress_level": 1})
    return buffer.getvalue()


def show_windows(slice: Slice, *, windows: Iterable[object] | str | None = None) -> list[Axes]:
    """Draws one `Slice` through several windows side by side; returns the list of Axes.

    Parameters
    ----------
    windows : each as `Slice.window` takes it; None for the first two of the file's own, one taken
        from the values, and for Hounsfield units "lungs", "mediastinum" and "spine_bone"
    """
    require_type(slice, Slice, "of load_slice or volume.slice")
    if slice.array.ndim == 3:
        return [show_slice(slice)]
    known = [*list(slice.windows)[:2], "body", *(CT_WINDOWS if slice.unit == "HU" else ())]
    wanted = [windows] if isinstance(windows, str) else list(windows or dict.fromkeys(known))
    axes = axes_grid(len(wanted), 3, 4.6, 4.4)
    for ax, window in zip(axes, wanted):
        show_slice(slice, window=window, ax=ax, corners=False, scale_bar=False)
        ax.set_title(window_text(slice.window(window), slice.unit), fontsize=9)
    return axes


def show_planes(
    volume: Volume,
    *,
    at: Sequence[float] | np.ndarray | None = None,
    window: object = None,
    axes: Sequence[Axes] | None = None,
    crosshair: bool = True,
    labels: Labels | None = None,
    **overlays: Any,
) -> Sequence[Axes]:
    """Draws the axial, coronal and sagittal slice through one point; returns the three Axes.

    Parameters
    ----------
    at : (3,) LPS mm, or None for the middle of the volume
    crosshair : whether to mark the point
    labels : of `helpers.load_labels` on this volume, drawn over it
    overlays : as `show_slice` takes them
    """
    require_type(volume, Volume, "of load_volume")
    at = volume.middle if at is None else at
    axes = axes_grid(3, 3, 5, 5.4) if axes is None else axes
    if len(axes) != 3:
        raise DrawingError(f"expected three axes, got {len(axes)}")
    name, values = volume.window(window)
    for ax, plane in zip(axes, ("axial", "coronal", "sagittal")):
        index, place = volume.place_in(plane, at)
        slice = _with_window(volume.slice(plane, index), name, values)
        over = None if labels is None else labels.slice(plane, index)
        show_slice(slice, window=name, ax=ax, labels=over, **overlays)
        if crosshair:
            row, column = np.multiply(np.add(place, 0.5), slice.spacing)
            ax.axhline(row, color=ACCENT_COLOUR, linewidth=0.8)
            ax.axvline(column, color=ACCENT_COLOUR, linewidth=0.8)
        title = " · ".join(filter(None, (plane, ax.get_title())))
        ax.set_title(title, **as_written(title))
    return axes


def show_montage(
    volume: Volume,
    *,
    plane: str = "axial",
    count: int = 12,
    window: object = None,
    figure: Figure | None = None,
    badge: str = "",
    identity: bool = False,
    labels: Labels | None = None,
    fill: float = 0.0,
) -> list[Axes]:
    """Draws evenly chosen slices of a volume, all through one window; returns the Axes.

    Each has its number and its position as a title. With labels, of `helpers.load_labels` on this
    volume, the slices are chosen where there are any.
    """
    require_type(volume, Volume, "of load_volume")
    if not isinstance(count, (int, np.integer)):
        raise DrawingError(f"expected a number of slices, got {count!r}")
    name, values = volume.window(window)
    first, last = (0, volume.shape_of(plane)[0] - 1) if labels is None else _range(labels, plane)
    wanted = max(1, min(count, last - first + 1))
    indices = np.unique(np.linspace(first, last, wanted).round().astype(int))
    slices = [_with_window(volume.slice(plane, int(index)), name, values) for index in indices]
    axes = axes_grid(len(slices), 4, 3, 3.05, figure)
    for ax, slice, index in zip(axes, slices, indices):
        is_first = ax is axes[0]
        over = None if labels is None else labels.slice(plane, int(index))
        drawn: dict[str, Any] = {"window": name, "corners": False, "scale_bar": is_first}
        words = badge if is_first else ""
        show_slice(slice, ax=ax, badge=words, labels=over, fill=fill, **drawn)
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        ax.set_title(f"{slice.caption['slice']} · {slice.caption['position']}", fontsize=8)
    height, width = _size(slices[0])
    size = f"{plane} slices, {width:.0f} × {height:.0f} {slices[0].spacing_unit} each"
    parts = [size, window_text((name, values), volume.unit)]
    parts += [_identity(slices[0].caption)] if identity else []
    title = (", " if len(axes) > 1 else "\n").join(filter(None, parts))
    axes[0].figure.suptitle(title, fontsize=10, **as_written(title))
    return axes


def window_text(window: tuple[str, Window | VoiLut], unit: str) -> str:
    """A window with its name, as `Slice.window` gives them, in a few words."""
    return f"{window[0]}: {window[1].text(unit)}"


def _size(slice: Slice) -> tuple[float, float]:
    """(height, width) of a slice in its unit of spacing."""
    (rows, columns), (vertical, horizontal) = slice.array.shape[:2], slice.spacing
    return rows * vertical, columns * horizontal


def _captions(slice: Slice, window: object, wanted: Any) -> dict[str, str]:
    """What stands in the corners, by name."""
    shown = window_text(slice.window(window), slice.unit) if slice.array.ndim == 2 else "colour"
    captions = {**slice.caption, "window": shown}
    names = CAPTIONS if wanted is True else [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, Collection) or not set(names) <= set(CAPTIONS):
        known = ", ".join(CAPTIONS)
        raise DrawingError(f"expected corners to be True, False or some of {known}, got {wanted!r}")
    return {name: captions.get(name, "") for name in names}


def _identity(caption: Mapping[str, str]) -> str:
    return " · ".join(filter(None, (caption.get("patient"), caption.get("series"))))


def _range(labels: Labels, plane: str) -> tuple[int, int]:
    """The first and the last slice of a plane that has a label; all slices where none has."""
    counts = sum(labels.counts(label, plane) for label in labels.labels)
    found = np.flatnonzero(counts)
    return (int(found[0]), int(found[-1])) if len(found) else (0, np.size(counts) - 1)


def _with_window(slice: Slice, name: str, window: Window | VoiLut) -> Slice:
    """The slice with one more window of its own, that of its whole volume."""
    return replace(slice, windows={**slice.windows, name: window})
