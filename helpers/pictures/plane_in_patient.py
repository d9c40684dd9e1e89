"""Where in the patient does an image lie? Drawn in three dimensions."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

from helpers.errors import ClearError
from helpers.geometry.orientation import direction_letters, edge_letters, row_and_column
from helpers.pictures.style import ACCENT, SECOND


class DrawingError(ClearError, ValueError):
    """What is asked for cannot be drawn from what is known."""


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
    if not hasattr(header, "get"):
        raise DrawingError(
            f"expected a header (a row of the header table, or a Dataset), got {type(header).__name__}"
        )
    corner, row, column, width, height = _plane(header)
    ax = ax or plt.figure(figsize=(7, 7)).add_subplot(projection="3d")
    outline = np.array(
        [
            corner,
            corner + row * width,
            corner + row * width + column * height,
            corner + column * height,
        ]
    )
    ax.plot_trisurf(*outline.T, triangles=[(0, 1, 2), (0, 2, 3)], color=ACCENT, alpha=0.25)
    ax.plot(*outline[[0, 1, 2, 3, 0]].T, color=ACCENT, linewidth=1)
    _arrow(ax, corner, row * width, f"row → {direction_letters(row)}", ACCENT)
    _arrow(ax, corner, column * height, f"column → {direction_letters(column)}", SECOND)
    middle = outline.mean(axis=0)
    normal = np.cross(row, column)
    _arrow(
        ax,
        middle,
        normal * max(width, height) / 3,
        f"normal → {direction_letters(normal)}",
        "black",
    )
    for letter, side in zip(
        edge_letters((*row, *column)),
        (-row * width, row * width, -column * height, column * height),
    ):
        ax.text(
            *(middle + side * 0.42),
            letter,
            color="black",
            fontsize=15,
            fontweight="bold",
            ha="center",
            va="center",
        )
    _frame(ax, middle, max(width, height) * 0.6)
    return ax


def _plane(header):
    """(outer corner of the first pixel, row, column, width and height in mm) of an image."""
    counts = {
        "ImageOrientationPatient": 6,
        "ImagePositionPatient": 3,
        "PixelSpacing": 2,
        "Rows": 1,
        "Columns": 1,
    }
    found = {keyword: _floats(header.get(keyword), count) for keyword, count in counts.items()}
    cosines = row_and_column(found["ImageOrientationPatient"])
    missing = [
        keyword
        for keyword in counts
        if found[keyword] is None or (keyword.startswith("ImageO") and cosines is None)
    ]
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
        getattr(ax, f"set_{axis}label")(f"{axis} in mm: {low} ← → {high}", labelpad=10)
        getattr(ax, f"{axis}axis").set_major_locator(MaxNLocator(5))
    ax.set_box_aspect((1, 1, 1))
    ax.view_init(elev=18, azim=-60)
