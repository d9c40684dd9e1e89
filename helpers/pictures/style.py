"""What does everything that is drawn share? Its colours, the axes it is drawn on, its error."""

from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.errors import ClearError

ACCENT_COLOUR = "#0072b2"  # told from the next by colour-blind readers too
SECOND_COLOUR = "#d55e00"
MUTED_COLOUR = "0.75"
LETTER_COLOUR = "#ffd92f"
PADDING_COLOUR = "#24384c"  # where there is no measured value

LEGEND_BESIDE: dict[str, Any] = {  # of the Axes, so that it hides nothing
    "frameon": False,
    "loc": "upper left",
    "bbox_to_anchor": (1, 1),
}


class DrawingError(ClearError, ValueError):
    """What is asked for cannot be drawn from what is known."""


def as_written(text: str) -> dict[str, Any]:
    """How a text is written as it is, in several lines: $ of a header value is no mathematics.

    Matplotlib measures what stands between two of them as mathematics where it breaks lines.
    """
    return {"parse_math": False, "wrap": "$" not in text}


def axes_or_new(ax: Axes | None, width: float, height: float, **options: Any) -> Axes:
    """The given Axes; for None those of a new figure, of `width` × `height` inches."""
    return plt.figure(figsize=(width, height), **options).add_subplot() if ax is None else ax


def axes_grid(
    count: int, columns: int, width: float, height: float, figure: Figure | None = None
) -> list[Axes]:
    """`count` Axes row by row, of a figure that gives each of them `width` × `height` inches."""
    columns = min(columns, count)
    rows = -(-count // columns)
    if figure is None:
        figure = plt.figure(figsize=(width * columns, height * rows), layout="constrained")
    return [figure.add_subplot(rows, columns, number + 1) for number in range(count)]


def line_of_text(words: str) -> Axes:
    """A line of text where pictures would be, as low as it is."""
    ax = axes_or_new(None, 6, 0.5, layout="constrained")
    ax.set_axis_off()
    ax.text(0, 0.5, words, va="center", fontsize=10, transform=ax.transAxes)
    return ax
