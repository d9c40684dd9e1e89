"""What does one volume look like on another: a PET in colour on its CT?"""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from helpers.errors import require_type
from helpers.pictures.colours import TABLE_SIZE, colour_table, coloured, heat
from helpers.pictures.slices import show_slice, window_text
from helpers.pictures.style import DrawingError, axes_or_new
from helpers.pixels.window import VoiLut, Window, apply_window
from helpers.volume.resampling import slice_at
from helpers.volume.slice import remarked
from helpers.volume.volume import Volume

COLOUR_BAR = (1.02, 0, 0.035, 1)  # beside the picture: left, bottom, width, height as shares of it


def show_fused(
    base: Volume,
    over: Volume,
    *,
    plane: str = "axial",
    index: int | None = None,
    opacity: float = 0.5,
    window: object = None,
    over_window: object = None,
    ax: Axes | None = None,
    **overlays: Any,
) -> Axes:
    """Draws a slice of a volume in grey, and another volume over it in colour; returns the Axes.

    The lowest colours are clear, so that what lies below is seen where there is nothing above.
    Colours rise in lightness, for colour-blind readers too; their bar has the other's unit.

    Parameters
    ----------
    plane, index : of `base`, as `Volume.slice` takes them
    opacity : of the colours, 0 to 1
    window, over_window : as `Volume.window` takes them; None for the default of each
    overlays : as `show_slice` takes them

    Raises
    ------
    ResamplingError
        Where the two do not share one frame of reference.
    DrawingError
    """
    for volume in (base, over):
        require_type(volume, Volume, "of load_volume")
    if not isinstance(opacity, (int, float)) or not 0 <= opacity <= 1:
        raise DrawingError(f"expected an opacity from 0 to 1, got {opacity!r}")
    below, above = base.slice(plane, index), slice_at(over, base, plane, index)
    name, own = base.window(window)
    of_over = over.window(over_window)
    words = f"in colour: {window_text(of_over, over.unit)}"
    caption = remarked(below.caption, words, above.caption["remark"])
    below = replace(below, windows={**below.windows, name: own}, caption=caption)
    ax = show_slice(below, window=name, ax=axes_or_new(ax, 6.6, 6), **overlays)
    grey = apply_window(above.array, of_over[1], padding=above.padding)
    colours = coloured(grey, heat()) / 255
    colours[..., 3] *= opacity
    extent = ax.images[0].get_extent()
    ax.imshow(colours, extent=extent, aspect="equal", interpolation="nearest")
    _draw_colour_bar(ax, of_over[1], over.unit)
    return ax


def _draw_colour_bar(ax: Axes, window: Window | VoiLut, unit: str) -> None:
    """Which colour, made opaque, stands for which value: at the right of a picture."""
    low, high = window.limits
    values = np.linspace(low, high, TABLE_SIZE)[:, None]
    bar = ax.inset_axes(COLOUR_BAR)
    bar.imshow(
        coloured(apply_window(values, window), colour_table()),
        extent=(0, 1, low, high),
        aspect="auto",
        origin="lower",
    )
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    bar.set(xticks=[], ylabel=unit)
