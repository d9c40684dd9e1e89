"""A slice, drawn: with letters on its edges, in true aspect. Computes nothing but the layout."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patheffects import withStroke

from helpers import ClearError, expect
from helpers.orientation import direction_letters, edge_letters, row_and_column
from helpers.plots import ACCENT, SECOND
from helpers.volume import Slice, Volume

NO_VALUE = "#24384c"  # shows where padding is: no measured value
LETTER_COLOUR = "#ffd92f"
NARROW = 110  # points; a narrower picture has no room for words in its corners
OUTLINE = [withStroke(linewidth=2.5, foreground="black")]
EDGES = {
    "left": (0.015, 0.5, "left", "center"),
    "right": (0.985, 0.5, "right", "center"),
    "top": (0.5, 0.985, "center", "top"),
    "bottom": (0.5, 0.015, "center", "bottom"),
}


class DrawingError(ClearError, ValueError):
    """What is asked for cannot be drawn from what is known."""


def show_slice(slice, *, window=None, ax=None, letters=True, corners=True, identity=False):
    """Draws a `Slice` with its letters, in millimetre aspect; returns the Axes.

    Parameters
    ----------
    slice : Slice
    window : as `Slice.window` takes it: None, a name, or (center, width)
    ax : Axes or None
    letters, corners : whether to draw the edge letters, and slice number, position and window in the corners
    identity : whether to name patient and series (off: pictures travel)
    """
    expect(slice, Slice, "of load_slice or volume.slice")
    ax = ax or plt.figure(figsize=(6, 6)).add_subplot()
    grey = np.ma.masked_where(_padding(slice), slice.grey(window))
    height, width = np.multiply(slice.pixels.shape[:2], slice.spacing)
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), aspect="equal")
    ax.set(facecolor=NO_VALUE, xlabel=slice.spacing_unit, ylabel=slice.spacing_unit)
    points = _drawn_width(ax, width / height)
    if letters:
        _write_letters(ax, slice.letters, points)
    if corners and points > NARROW:
        _write_corners(ax, slice, window, points)
    if identity:
        ax.set_title(" · ".join(filter(None, (slice.caption.get("patient"), slice.caption.get("series")))))
    return ax


def show_planes(volume, *, at=None, window=None, axes=None):
    """Draws the axial, coronal and sagittal slice through one point, with a crosshair; returns the three Axes.

    Parameters
    ----------
    at : (3,) LPS mm, or None for the middle of the volume
    """
    expect(volume, Volume, "of load_volume")
    at = volume.middle if at is None else at
    axes = plt.subplots(1, 3, figsize=(15, 5.4), layout="constrained")[1] if axes is None else axes
    for ax, plane in zip(axes, ("axial", "coronal", "sagittal")):
        index, place = volume.place_in(plane, at)
        slice = volume.slice(plane, index)
        show_slice(slice, window=window, ax=ax)
        row, column = np.multiply(np.add(place, 0.5), slice.spacing)
        ax.axhline(row, color=ACCENT, linewidth=0.8)
        ax.axvline(column, color=ACCENT, linewidth=0.8)
        ax.set_title(plane)
    return axes


def show_montage(volume, *, plane="axial", count=12, window=None, figure=None):
    """Draws evenly chosen slices of a volume with number and position on each; returns the Axes."""
    expect(volume, Volume, "of load_volume")
    total = volume.shape_of(plane)[0]
    indices = np.unique(np.linspace(0, total - 1, max(1, min(count, total))).round().astype(int))
    columns = min(4, len(indices))
    rows = -(-len(indices) // columns)
    figure = figure or plt.figure(figsize=(3 * columns, 3.05 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(indices) :]:
        ax.remove()
    for ax, index in zip(axes, indices):
        slice = volume.slice(plane, int(index))
        show_slice(slice, window=window, ax=ax, corners=False)
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        ax.set_title(f"{slice.caption['slice']} · {slice.caption['position']}", fontsize=8)
    name, view = slice.window(window)
    size = np.multiply(slice.pixels.shape, slice.spacing)
    figure.suptitle(
        f"{plane} slices, {size[1]:.0f} × {size[0]:.0f} {slice.spacing_unit} each, {_window_text(name, view, slice.unit)}",
        fontsize=10,
    )
    return axes[: len(indices)]


def show_plane_in_patient(header, *, ax=None):
    """Draws where an image lies in the patient: its rows, columns and normal, in LPS mm; returns the 3-D Axes.

    Parameters
    ----------
    header : a row of the header table, a pydicom Dataset, or anything with ``get``: Image Orientation,
        Image Position, Pixel Spacing, Rows and Columns are taken from it

    Raises
    ------
    DrawingError
        Where one of them is missing.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    corner, row, column, width, height = _plane(header)
    ax = ax or plt.figure(figsize=(7, 7)).add_subplot(projection="3d")
    outline = np.array([corner, corner + row * width, corner + row * width + column * height, corner + column * height])
    ax.plot_trisurf(*outline.T, triangles=[(0, 1, 2), (0, 2, 3)], color=ACCENT, alpha=0.25)
    ax.plot(*outline[[0, 1, 2, 3, 0]].T, color=ACCENT, linewidth=1)
    _arrow(ax, corner, row * width, f"row → {direction_letters(row)}", ACCENT)
    _arrow(ax, corner, column * height, f"column → {direction_letters(column)}", SECOND)
    middle = outline.mean(axis=0)
    normal = np.cross(row, column)
    _arrow(ax, middle, normal * max(width, height) / 3, f"normal → {direction_letters(normal)}", "black")
    for letter, side in zip(edge_letters((*row, *column)), (-row * width, row * width, -column * height, column * height)):
        ax.text(*(middle + side * 0.42), letter, color="black", fontsize=15, fontweight="bold", ha="center", va="center")
    _frame(ax, middle, max(width, height) * 0.6)
    return ax


def _padding(slice):
    if slice.padding is None:
        return np.zeros(slice.pixels.shape, bool)
    return slice.padding


def _write_letters(ax, letters, points):
    size = _font_size(points / 22)
    for (x, y, ha, va), letter in zip(EDGES.values(), letters):
        ax.text(
            x,
            y,
            letter,
            transform=ax.transAxes,
            ha=ha,
            va=va,
            color=LETTER_COLOUR,
            fontsize=size,
            fontweight="bold",
            path_effects=OUTLINE,
        )


def _write_corners(ax, slice, window, points):
    caption, size = slice.caption, _font_size(points / 38)
    texts = {
        (0.015, 0.985, "left", "top"): [caption.get("slice"), caption.get("position")],
        (0.015, 0.015, "left", "bottom"): [
            _window_text(*slice.window(window), slice.unit) if slice.pixels.ndim == 2 else "colour"
        ],
        (0.985, 0.015, "right", "bottom"): [caption.get("thickness"), caption.get("spacing")],
    }
    for (x, y, ha, va), lines in texts.items():
        ax.text(
            x,
            y,
            "\n".join(filter(None, lines)),
            transform=ax.transAxes,
            ha=ha,
            va=va,
            color="white",
            fontsize=size,
            path_effects=OUTLINE,
        )


def _window_text(name, window, unit):
    return f"{name}: C {window.center:g} W {window.width:g} {unit}".strip()


def _drawn_width(ax, aspect):
    """How wide a picture of an aspect (width / height) comes out in its axes, in points."""
    box = ax.get_window_extent()
    return min(box.width, box.height * aspect) / ax.figure.dpi * 72


def _font_size(points):
    return max(5, min(16, points))


def _plane(header):
    """(outer corner of the first pixel, row, column, width and height in mm) of an image."""
    counts = {"ImageOrientationPatient": 6, "ImagePositionPatient": 3, "PixelSpacing": 2, "Rows": 1, "Columns": 1}
    found = {keyword: _floats(header.get(keyword), count) for keyword, count in counts.items()}
    cosines = row_and_column(found["ImageOrientationPatient"])
    missing = [keyword for keyword in counts if found[keyword] is None or (keyword.startswith("ImageO") and cosines is None)]
    if missing:
        raise DrawingError(
            f"expected a header that says where its image lies, found no usable {', '.join(missing)} "
            "(a multi-frame object has them in functional groups, which are not read here)"
        )
    row, column = cosines
    vertical, horizontal = found["PixelSpacing"]
    corner = np.array(found["ImagePositionPatient"]) - row * horizontal / 2 - column * vertical / 2
    return corner, row, column, horizontal * found["Columns"][0], vertical * found["Rows"][0]


def _floats(value, count):
    try:
        values = tuple(map(float, value if np.ndim(value) else [value]))
    except (TypeError, ValueError):
        return None
    return values if len(values) == count else None


def _arrow(ax, start, vector, text, colour):
    ax.quiver(*start, *vector, color=colour, arrow_length_ratio=0.08, linewidth=2.5)
    ax.text(*(start + vector * 1.08), text, color=colour, fontsize=10)


def _frame(ax, middle, reach):
    """Axes with patient letters at both ends, one millimetre equally long in all directions."""
    ends = (("R", "L"), ("A", "P"), ("F", "H"))
    for axis, (low, high), center in zip("xyz", ends, middle):
        getattr(ax, f"set_{axis}lim")(center - reach, center + reach)
        getattr(ax, f"set_{axis}label")(f"{axis} in mm: {low} ← → {high}")
    ax.set_box_aspect((1, 1, 1))
    ax.view_init(elev=18, azim=-60)
