"""What stands on a picture: letters, captions, a scale bar, a badge. Readable on any ground, whatever the size."""

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

LETTER_COLOUR = "#ffd92f"
BADGE_COLOUR = "#d55e00"
NARROW = 110  # points; a narrower picture has no room for words in its corners
OUTLINE = [withStroke(linewidth=2.5, foreground="black")]
MARGIN = 0.015  # of the picture
EDGES = {
    "left": (MARGIN, 0.5, "left", "center"),
    "right": (1 - MARGIN, 0.5, "right", "center"),
    "top": (0.5, 1 - MARGIN, "center", "top"),
    "bottom": (0.5, MARGIN, "center", "bottom"),
}
CORNERS = {  # which captions stand where
    (MARGIN, 1 - MARGIN, "left", "top"): ("slice", "position"),
    (MARGIN, MARGIN, "left", "bottom"): ("window",),
    (1 - MARGIN, MARGIN, "right", "bottom"): ("remark", "padding", "thickness", "spacing"),
}
BAR_SHARE = 0.3  # of the picture's width that a scale bar has at most
BAR_LENGTHS = [1, 2, 5, 10, 20, 50, 100, 200, 500]  # mm


def write_letters(ax, letters, points):
    """The patient directions on the four edges of a picture so many points wide."""
    for place, letter in zip(EDGES.values(), letters):
        _write(ax, place, letter, color=LETTER_COLOUR, fontsize=_font_size(points / 22), fontweight="bold")


def write_corners(ax, captions, points):
    """The captions (a mapping of those of `CORNERS`) in the corners, where there is room for them."""
    if points <= NARROW:
        return
    for place, names in CORNERS.items():
        _write(ax, place, "\n".join(filter(None, map(captions.get, names))), color="white", fontsize=_font_size(points / 38))


def write_badge(ax, text, points):
    """A word of warning in the upper right corner."""
    frame = {"facecolor": BADGE_COLOUR, "edgecolor": "white", "boxstyle": "round,pad=0.3"}
    place = (1 - 2 * MARGIN, 1 - 2 * MARGIN, "right", "top")
    _write(ax, place, text, color="white", fontsize=_font_size(points / 38), bbox=frame, path_effects=[])


def draw_scale_bar(ax, width_mm, height_mm, points):
    """A bar of a round number of mm in the lower left of a picture so many mm large and points wide."""
    fitting = [length for length in BAR_LENGTHS if length <= BAR_SHARE * width_mm]
    if not fitting or points <= NARROW:
        return
    length, size = fitting[-1], _font_size(points / 38)
    bottom = 2 * size / (points * height_mm / width_mm)  # above a line of text
    bar = Rectangle((MARGIN, bottom), length / width_mm, 0.008, transform=ax.transAxes)
    bar.set(facecolor="white", edgecolor="black", linewidth=0.8)
    ax.add_patch(bar)
    _write(ax, (MARGIN, bottom + 0.012, "left", "bottom"), f"{length} mm", color="white", fontsize=size)


def drawn_width(ax, aspect):
    """How wide a picture of an aspect (width / height) comes out in its axes, in points."""
    box = ax.get_window_extent()
    return min(box.width, box.height * aspect) / ax.figure.dpi * 72


def _write(ax, place, text, **style):
    x, y, ha, va = place
    if text:
        ax.text(x, y, text, ha=ha, va=va, transform=ax.transAxes, **{"path_effects": OUTLINE, **style})


def _font_size(points):
    return float(np.clip(points, 5, 16))
