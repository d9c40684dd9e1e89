"""What stands on a picture: letters, captions, a scale bar, a badge. Readable on any ground, left out where there is no room."""

import textwrap
from typing import NamedTuple

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

LETTER_COLOUR = "#ffd92f"
BADGE_COLOUR = "#d55e00"
NARROW = 110  # points; a picture that is narrower has no room for words in its corners
LEAST_LINES = 7  # of text, one above the other, that a picture with words has room for
LEAST_PIXELS = 6  # of the height of letters that can be read
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
CAPTIONS = [name for names in CORNERS.values() for name in names]
BAR_SHARE = 0.3  # of the picture's width that a scale bar has at most
BAR_LENGTHS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]  # mm
WIDE = 0.6  # width of a letter as a share of its height, about
BADGE_SHARE = 0.5  # of the picture's width, about, that a line of a badge has at most


class Room(NamedTuple):
    """How large a picture comes out, in points, and how large letters and captions are on it."""

    width: float
    height: float
    letter: float
    caption: float
    has_words: bool


def text_layout(ax, aspect):
    """The `Room` of a picture of an aspect (width / height) in its axes."""
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    width = min(box.width, box.height * aspect) / dpi * 72
    caption = _font_size(width / 38)
    wide = width > NARROW and width / aspect > LEAST_LINES * 1.3 * caption
    return Room(
        width,
        width / aspect,
        _font_size(width / 22),
        caption,
        wide and caption * dpi / 72 > LEAST_PIXELS,
    )


def write_letters(ax, letters, room):
    """The patient directions on the four edges of a picture; those without room for two of them are left out."""
    for (edge, place), letter in zip(EDGES.items(), letters):
        along, across = (
            (room.height, room.width) if edge in ("top", "bottom") else (room.width, room.height)
        )
        if along > 3 * room.letter and across > 1.6 * room.letter:
            _write(ax, place, letter, color=LETTER_COLOUR, fontsize=room.letter, fontweight="bold")


def write_corners(ax, captions, room):
    """The captions (a mapping of those of `CAPTIONS`) in the corners, wrapped before they meet the letter between them."""
    if room.has_words:
        for place, names in CORNERS.items():
            lines = [line for name in names for line in _wrapped(captions.get(name) or "", room)]
            _write(ax, place, "\n".join(lines), color="white", fontsize=room.caption)


def _wrapped(text, room):
    return textwrap.wrap(text, max(10, int((room.width / 2 - room.letter) / (WIDE * room.caption))))


def write_badge(ax, text, room):
    """A word of warning in the upper right corner, in several lines where it is long."""
    if room.has_words:
        columns = max(12, int(BADGE_SHARE * room.width / (WIDE * room.caption)) - 2)
        frame = {"facecolor": BADGE_COLOUR, "edgecolor": "white", "boxstyle": "round,pad=0.3"}
        place = (1 - 2 * MARGIN, 1 - 2 * MARGIN, "right", "top")
        text = textwrap.fill(text, columns // 2 if len(text) > columns else columns)
        _write(ax, place, text, color="white", fontsize=room.caption, bbox=frame, path_effects=[])


def draw_scale_bar(ax, width_mm, room, below=""):
    """A bar of a round number of mm in the lower left of a picture so many mm wide, above the caption `below`."""
    fitting = [length for length in BAR_LENGTHS if length <= BAR_SHARE * width_mm]
    if not fitting or not room.has_words:
        return
    length, lines = fitting[-1], len(_wrapped(below, room))
    bottom = (1.3 * lines + 0.7) * room.caption / room.height
    bar = Rectangle((MARGIN, bottom), length / width_mm, 0.008, transform=ax.transAxes)
    bar.set(facecolor="white", edgecolor="black", linewidth=0.8)
    ax.add_patch(bar)
    _write(
        ax,
        (MARGIN, bottom + 0.012, "left", "bottom"),
        f"{length:g} mm",
        color="white",
        fontsize=room.caption,
    )


def _write(ax, place, text, **style):
    x, y, ha, va = place
    if text:
        written = ax.text(
            x, y, text, ha=ha, va=va, transform=ax.transAxes, **{"path_effects": OUTLINE, **style}
        )
        written.set_in_layout(False)


def _font_size(points):
    return float(np.clip(points, 5, 16))
