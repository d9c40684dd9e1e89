"""What do labels look like on a picture? Outlines or areas, boxes, points, and their names."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Polygon

from helpers.errors import require_type
from helpers.labels.labels import Label, PictureMark, SliceLabels
from helpers.pictures.annotations import TextLayout, write_list
from helpers.pictures.colours import is_repeated_colour, label_colour
from helpers.pictures.style import DrawingError

LINE_WIDTH, POINT_SIZE = 1.4, 9.0  # points
DASHES = (4, 2)  # of the outlines of labels whose colour another one has


def draw_labels(
    ax: Axes,
    labels: SliceLabels,
    spacing: tuple[float, float],
    layout: TextLayout,
    *,
    fill: float = 0.0,
    below: str = "",
) -> None:
    """Draws the labels of a picture whose pixels have a (row, column) spacing; names them.

    Outlines run along the edges of pixels; a colour that comes a second time is dashed.

    Parameters
    ----------
    fill : opacity of the areas, 0 for outlines alone
    below : the badge in the corner where the names stand, which stay below it

    Raises
    ------
    DrawingError
    """
    require_type(labels, SliceLabels, "of labels.slice or image_labels")
    if not isinstance(fill, (int, float)) or not 0 <= fill <= 1:
        raise DrawingError(f"expected an opacity of areas from 0 to 1, got {fill!r}")
    shown = [label for label in labels.labels if _draw_mask(ax, labels, label, spacing, fill)]
    for mark in labels.marks:
        _draw_mark(ax, mark, spacing)
    marked = {mark.value for mark in labels.marks}
    words = {
        label.value: label_text(label, labels.ml.get(label.value))
        for label in labels.labels
        if label in shown or label.value in marked
    }
    colours = [label_colour(value) for value in words]
    write_list(ax, list(words.values()), colours, layout, below=below)


def outline(mask: np.ndarray) -> np.ndarray:
    """The edges of pixels between inside and outside: (n, 2, 2), from (column, row) to another.

    Whole numbers are corners: pixel (0, 0) reaches from (0, 0) to (1, 1). Edges in line are one.
    """
    grown = np.pad(np.asarray(mask, bool), 1)
    across = grown[1:, 1:-1] != grown[:-1, 1:-1]  # below row r - 1, above row r
    upright = grown[1:-1, 1:] != grown[1:-1, :-1]
    lying = [((start, row), (end, row)) for row, start, end in _runs(across)]
    standing = [((column, start), (column, end)) for column, start, end in _runs(upright.T)]
    return np.array([*lying, *standing], float).reshape(-1, 2, 2)


def label_text(label: Label, ml: float | None) -> str:
    """A label's name, with its volume, in three digits, where it has one."""
    return label.name if ml is None else f"{label.name}: {ml_text(ml)}"


def ml_text(ml: float) -> str:
    """A volume in ml, in three digits, more where it is large."""
    return f"{ml:.0f} ml" if ml >= 100 else f"{ml:.3g} ml"


def _runs(edges: np.ndarray) -> list[tuple[int, int, int]]:
    """Where True stands without a break: (row, first, behind the last) of each."""
    steps = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8))
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return list(zip(rows.tolist(), starts.tolist(), ends.tolist()))


def _draw_mask(
    ax: Axes, labels: SliceLabels, label: Label, spacing: tuple[float, float], fill: float
) -> bool:
    """Draws the pixels of a label, if it has any here; returns whether it has."""
    mask = labels.mask(label)
    if mask is None or not mask.any():
        return False
    colour, (vertical, horizontal) = label_colour(label.value), spacing
    if fill:
        area = np.zeros((*mask.shape, 4))
        area[mask] = to_rgba(colour, fill)
        extent = (0, mask.shape[1] * horizontal, mask.shape[0] * vertical, 0)
        ax.imshow(area, extent=extent, aspect="equal", interpolation="nearest")
    dashes = (0, DASHES) if is_repeated_colour(label.value) else "solid"
    edges = outline(mask) * (horizontal, vertical)
    ax.add_collection(
        LineCollection(list(edges), colors=colour, linewidths=LINE_WIDTH, linestyles=dashes),
        autolim=False,
    )
    return True


def _draw_mark(ax: Axes, mark: PictureMark, spacing: tuple[float, float]) -> None:
    """Draws a box or a point; a class is named in the list alone."""
    colour = label_colour(mark.value)
    places = [((c + 0.5) * spacing[1], (r + 0.5) * spacing[0]) for r, c in mark.places]
    if mark.shape == "box":
        box = Polygon(places, fill=False, edgecolor=colour, linewidth=LINE_WIDTH)
        ax.add_patch(box)
    elif mark.shape == "point":
        style: dict[str, Any] = {
            "marker": "+",
            "markersize": POINT_SIZE,
            "markeredgewidth": LINE_WIDTH,
        }
        ax.plot(*zip(*places), color=colour, linestyle="none", scalex=False, scaley=False, **style)
