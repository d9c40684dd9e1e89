"""Where in the patient does an image lie? Drawn in three dimensions."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D

from helpers.geometry.orientation import direction_letters, edge_letters, row_and_column
from helpers.pictures.style import ACCENT_COLOUR, SECOND_COLOUR, DrawingError

VALUES_OF = {  # keyword → how many values it has
    "ImageOrientationPatient": 6,
    "ImagePositionPatient": 3,
    "PixelSpacing": 2,
    "Rows": 1,
    "Columns": 1,
}
ENDS = {"x": ("R", "L"), "y": ("A", "P"), "z": ("F", "H")}  # of the LPS axes


def show_plane_in_patient(header: Any, *, ax: Axes3D | None = None) -> Axes3D:
    """Draws an image's rows, columns and normal in the patient, in LPS mm; returns the 3-D Axes.

    Parameters
    ----------
    header : a row of the header table, a pydicom Dataset, or anything with ``get``
        Image Orientation, Image Position, Pixel Spacing, Rows and Columns are taken from it.

    Raises
    ------
    DrawingError
        Where one of them is missing.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    corner, row, column, width, height = _plane(header)
    ax = plt.figure(figsize=(7, 7)).add_subplot(projection="3d") if ax is None else ax
    right, down = row * width, column * height
    outline = np.array([corner, corner + right, corner + right + down, corner + down])
    middle, normal = outline.mean(axis=0), np.cross(row, column)
    ax.plot_trisurf(*outline.T, triangles=[(0, 1, 2), (0, 2, 3)], color=ACCENT_COLOUR, alpha=0.25)
    ax.plot(*outline[[0, 1, 2, 3, 0]].T, color=ACCENT_COLOUR, linewidth=1)
    _arrow(ax, corner, right, f"row → {direction_letters(row)}", ACCENT_COLOUR)
    _arrow(ax, corner, down, f"column → {direction_letters(column)}", SECOND_COLOUR)
    upward = normal * max(width, height) / 3
    _arrow(ax, middle, upward, f"normal → {direction_letters(normal)}", "black")
    style = {"fontsize": 15, "fontweight": "bold", "ha": "center", "va": "center"}
    for letter, side in zip(edge_letters((*row, *column)), (-right, right, -down, down)):
        ax.text(*(middle + side * 0.42), letter, **style)
    _frame(ax, middle, max(width, height) * 0.6)
    return ax


def _plane(header: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """(outer corner of the first pixel, row, column, width and height in mm) of an image."""
    if not hasattr(header, "get"):
        kind = type(header).__name__
        raise DrawingError(f"expected a header (a row of the header table, a Dataset), got {kind}")
    found: dict[str, Any] = {key: _floats(header.get(key), VALUES_OF[key]) for key in VALUES_OF}
    found["ImageOrientationPatient"] = row_and_column(found["ImageOrientationPatient"])
    if found["ImageOrientationPatient"] is None and found["ImagePositionPatient"] is None:
        raise DrawingError(_no_place(header))
    if missing := ", ".join(key for key, values in found.items() if values is None):
        raise DrawingError(
            f"expected a header that says where its image lies, found no usable {missing} "
            "(a multi-frame object has them in functional groups, which are not read here)"
        )
    (row, column), (vertical, horizontal) = found["ImageOrientationPatient"], found["PixelSpacing"]
    corner = found["ImagePositionPatient"] - row * horizontal / 2 - column * vertical / 2
    return corner, row, column, horizontal * found["Columns"][0], vertical * found["Rows"][0]


def _no_place(header: Any) -> str:
    """Why an image without any place in the patient has no plane there, and what it has."""
    words = header.get("PatientOrientation")
    several = isinstance(words, Iterable) and not isinstance(words, str)
    said = "\\".join(map(str, words)) if several else ""
    found = f"only its edges' directions, {said}" if said else "nor directions of its edges"
    return (
        "expected a header that says where its image lies, found no usable ImageOrientationPatient "
        f"and ImagePositionPatient, {found}: show_slice(load_slice(path)) draws it"
    )


def _floats(value: Any, count: int) -> np.ndarray | None:
    try:
        values = np.array(value, float).reshape(-1)
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and np.isfinite(values).all() else None


def _arrow(ax: Axes3D, start: np.ndarray, vector: np.ndarray, text: str, colour: str) -> None:
    ax.quiver(*start, *vector, color=colour, arrow_length_ratio=0.08, linewidth=2.5)
    ax.text(*(start + vector * 1.08), text, color=colour, fontsize=10)


def _frame(ax: Axes3D, middle: np.ndarray, reach: float) -> None:
    """Axes with patient letters at both ends, one millimetre equally long in all directions."""
    for (axis, (low, high)), center in zip(ENDS.items(), middle):
        getattr(ax, f"set_{axis}lim")(center - reach, center + reach)
        getattr(ax, f"set_{axis}label")(f"{axis} in mm: {low} ← → {high}", labelpad=10)
        getattr(ax, f"{axis}axis").set_major_locator(MaxNLocator(5))
    ax.set_box_aspect((1, 1, 1))
    ax.view_init(elev=18, azim=-60)
