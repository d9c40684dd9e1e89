"""Which values has an image or a volume, and what does the window make of them?"""

import numpy as np
from matplotlib.axes import Axes

from helpers.errors import require_type
from helpers.pictures.slices import window_text
from helpers.pictures.style import (
    ACCENT_COLOUR,
    LEGEND_BESIDE,
    MUTED_COLOUR,
    SECOND_COLOUR,
    axes_or_new,
)
from helpers.pixels.window import VoiLut, Window, apply_window, value_range
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

HISTOGRAM_BINS = 200
HISTOGRAM_SHARE = 0.999  # of the values that a histogram spans
CHANNELS = {  # of a colour image: name → colour and line, told apart by colour-blind readers too
    "red": (SECOND_COLOUR, "-"),
    "green": ("#009e73", "--"),
    "blue": (ACCENT_COLOUR, ":"),
}


def plot_histogram(
    values: Slice | Volume, *, window: object = None, ax: Axes | None = None
) -> Axes:
    """Draws how often each value occurs, padding left out, and the window on it; returns the Axes.

    Of a colour image it is a line for each channel, from 0 to 255, and how much of it is grey.

    Parameters
    ----------
    values : Slice or Volume
    window : as `Slice.window` takes it; marked are what it shows as black and as white, and how
        the grey rises in between
    """
    require_type(values, (Slice, Volume), "of load_slice or load_volume")
    array = values.array
    ax = axes_or_new(ax, 9, 4, layout="constrained")
    if isinstance(values, Slice) and array.ndim == 3:
        return _draw_channels(ax, array)
    padding, (name, shown) = values.padding, values.window(window)
    kept = array.ravel() if padding is None else array[~padding]
    counts, edges = np.histogram(kept, _bin_edges(array, *_drawn_range(array, padding, shown)))
    ax.stairs(100 * counts / max(1, kept.size), edges, fill=True, color=MUTED_COLOUR)
    label = f"value in {values.unit}" if values.unit else "value"
    ax.set(xlabel=label, ylabel="% of the values, each bar", xlim=edges[[0, -1]])
    ax.set_yscale("symlog", linthresh=0.1)
    ax.set_ylim(bottom=0)
    _draw_window(ax, shown, np.linspace(edges[0], edges[-1], 500), values.inverted)
    title = window_text((name, shown), values.unit)
    if padding is not None:
        title += f"; {padding.mean():.1%} of the pixels are padding and left out"
    ax.set_title(title, fontsize=10)
    return ax


def _drawn_range(
    array: np.ndarray, padding: np.ndarray | None, window: Window | VoiLut
) -> tuple[float, float]:
    """(low, high) that spans most values, and the whole window as far as it is near them."""
    low, high = value_range(array, padding=padding, share=HISTOGRAM_SHARE).limits
    (black, white), near = window.limits, high - low
    return max(min(low, black), low - near), min(max(high, white), high + near)


def _bin_edges(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Edges of the bars; of whole numbers each bar holds equally many, so that none stands out."""
    if array.dtype.kind != "i":
        return np.linspace(low, high, HISTOGRAM_BINS + 1)
    step = max(1, round((high - low) / HISTOGRAM_BINS))
    return np.arange(np.floor(low) - 0.5, high + step, step)


def _draw_window(ax: Axes, window: Window | VoiLut, values: np.ndarray, inverted: bool) -> None:
    """The grey of each value as a line over the histogram, and what is black and white."""
    for limit in window.limits:
        ax.axvline(limit, color=SECOND_COLOUR, linestyle="--", linewidth=1)
    grey, right = apply_window(values, window), ax.twinx()
    right.plot(values, 1 - grey if inverted else grey, color=ACCENT_COLOUR)
    right.set_ylim(-0.02, 1.02)
    right.set_ylabel("grey, 0 black to 1 white", color=ACCENT_COLOUR)


def _draw_channels(ax: Axes, colour: np.ndarray) -> Axes:
    """How often each value occurs in each channel (rows, columns, 3) of a colour image."""
    edges = np.arange(257) - 0.5
    for (name, (line_colour, line)), channel in zip(CHANNELS.items(), np.moveaxis(colour, -1, 0)):
        counts = np.histogram(channel, edges)[0]
        shares = 100 * counts / channel.size
        ax.stairs(shares, edges, label=name, color=line_colour, linestyle=line, linewidth=1.5)
    grey = (colour == colour[..., :1]).all(axis=-1).mean()
    ax.set(xlabel="value of a channel, 0 to 255", ylabel="% of the pixels, each value")
    ax.set(xlim=(-2, 257))
    ax.set_yscale("symlog", linthresh=0.1)
    ax.set_ylim(bottom=0)
    ax.legend(**LEGEND_BESIDE)
    text = f"Colour, without unit and window; {grey:.1%} of the pixels are grey (equal channels)"
    ax.set_title(text, fontsize=10)
    return ax
