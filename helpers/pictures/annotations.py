"""How are letters, captions, a scale bar and a badge written on a picture?

Each can be read on any ground, and is left out where there is no room for it.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from matplotlib.transforms import ScaledTranslation, Transform

from helpers.geometry.orientation import EdgeLetters
from helpers.pictures.style import LETTER_COLOUR, SECOND_COLOUR

MIN_WORDS_WIDTH = 110  # points; a narrower picture has no room for words in its corners
MIN_WORDS_LINES = 7  # lines of text, one above the other, that a picture with words has room for
MIN_LETTER, MIN_CAPTION, MAX_FONT = 6, 5, 16  # points
MIN_TEXT_PIXELS = 6  # height of letters that can be read
LETTER_ASPECT = 0.6  # width of a letter as a share of its height, about
LINE_HEIGHT = 1.3  # of a line of text, as a share of the font size
MARGIN = 0.015  # of the picture
TEXT_OUTLINE = [withStroke(linewidth=2.5, foreground="black")]
EDGES = {  # x, y, and how text is aligned there
    "left": (MARGIN, 0.5, "left", "center"),
    "right": (1 - MARGIN, 0.5, "right", "center"),
    "top": (0.5, 1 - MARGIN, "center", "top"),
    "bottom": (0.5, MARGIN, "center", "bottom"),
}
CORNERS = {  # which captions stand in which corner
    (MARGIN, 1 - MARGIN, "left", "top"): ("view", "slice", "position"),
    (MARGIN, MARGIN, "left", "bottom"): ("window",),
    (1 - MARGIN, MARGIN, "right", "bottom"): ("remark", "padding", "thickness", "spacing"),
}
BADGE_CORNER = (1 - 2 * MARGIN, 1 - 2 * MARGIN, "right", "top")
CAPTIONS = [name for names in CORNERS.values() for name in names]
MAX_BADGE_SHARE = 0.5  # of the picture's width, about, that a line of a badge takes
MAX_BAR_SHARE = 0.3  # of the picture's width that a scale bar takes
BAR_LENGTHS = [  # mm
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500),
    1000,
]
MIN_MM = 0.1  # a shorter bar is told in µm


class TextLayout(NamedTuple):
    """How large a picture comes out, and how large text on it is; all in points."""

    width: float
    height: float
    letter: float
    caption: float
    has_words: bool


def text_layout(ax: Axes, aspect: float) -> TextLayout:
    """The layout for a picture of an aspect (width / height) that fills its axes."""
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    width = min(box.width, box.height * aspect) / dpi * 72
    height, caption = width / aspect, _font_size(width / 38, MIN_CAPTION)
    large = width > MIN_WORDS_WIDTH and height > MIN_WORDS_LINES * LINE_HEIGHT * caption
    has_words = large and caption * dpi / 72 > MIN_TEXT_PIXELS
    return TextLayout(width, height, _font_size(width / 22, MIN_LETTER), caption, has_words)


def write_letters(ax: Axes, letters: EdgeLetters, layout: TextLayout) -> None:
    """The patient directions on the four edges, in pairs where there is room for both."""
    style = {"color": LETTER_COLOUR, "fontsize": layout.letter, "fontweight": "bold"}
    pairs_fit = {  # one letter opposite the other, neither over its edge
        "x": layout.width > 3 * layout.letter and layout.height > 1.6 * layout.letter,
        "y": layout.height > 3 * layout.letter and layout.width > 1.6 * layout.letter,
    }
    for place, letter, axis in zip(EDGES.values(), letters, "xxyy"):
        if pairs_fit[axis]:
            _write(ax, place, letter, **style)


def write_corners(ax: Axes, captions: Mapping[str, str], layout: TextLayout) -> None:
    """The captions (by their names in `CAPTIONS`), wrapped before they meet a letter."""
    if layout.has_words:
        for corner, names in CORNERS.items():
            lines = [line for name in names for line in _wrapped(captions.get(name), layout)]
            _write(ax, corner, "\n".join(lines), fontsize=layout.caption)


def write_badge(ax: Axes, text: str, layout: TextLayout) -> None:
    """A word of warning in the upper right corner, in several lines where it is long."""
    if layout.has_words:
        text = "\n".join(_badge_lines(text, layout))
        box = {"facecolor": SECOND_COLOUR, "edgecolor": "white", "boxstyle": "round,pad=0.3"}
        _write(ax, BADGE_CORNER, text, fontsize=layout.caption, bbox=box, path_effects=[])


def write_list(
    ax: Axes, lines: Sequence[str], colours: Sequence[str], layout: TextLayout, below: str = ""
) -> None:
    """Names, each in its colour, below a badge in the upper right corner; as many as fit."""
    if not layout.has_words:
        return
    line = LINE_HEIGHT * layout.caption / layout.height
    top = 1 - 2 * MARGIN - (len(_badge_lines(below, layout)) + 0.8) * line * bool(below)
    room = max(1, int((top - 0.5) / line - layout.letter / layout.caption))
    shown = list(lines) if len(lines) <= room else lines[: room - 1]
    longest = _columns(layout.width / 2, layout)
    texts = [text if len(text) <= longest else f"{text[: longest - 1]}…" for text in shown]
    if len(shown) < len(lines):
        texts.append(f"and {len(lines) - len(shown)} more")
    for number, text in enumerate(texts):
        place = (1 - MARGIN, top - number * line, "right", "top")
        colour = colours[number] if number < len(shown) else "white"
        _write(ax, place, text, fontsize=layout.caption, color=colour)


def draw_scale_bar(ax: Axes, width_mm: float, layout: TextLayout, below: str = "") -> None:
    """A bar of a round number of mm or µm in the lower left corner, above the caption `below`.

    `width_mm` is the width of the whole picture.
    """
    fitting = [length for length in BAR_LENGTHS if length <= MAX_BAR_SHARE * width_mm]
    if not fitting or not layout.has_words:
        return
    lines = len(_wrapped(below, layout))
    bottom = (LINE_HEIGHT * lines + 0.7) * layout.caption / layout.height
    bar = Rectangle((MARGIN, bottom), fitting[-1] / width_mm, 0.008, transform=ax.transAxes)
    bar.set(facecolor="white", edgecolor="black", linewidth=0.8)
    ax.add_patch(bar)
    above = (MARGIN, bottom + 0.012, "left", "bottom")
    length = f"{1000 * fitting[-1]:g} µm" if fitting[-1] < MIN_MM else f"{fitting[-1]:g} mm"
    _write(ax, above, length, fontsize=layout.caption)


def _badge_lines(text: str, layout: TextLayout) -> list[str]:
    columns = max(12, _columns(MAX_BADGE_SHARE * layout.width, layout) - 2)
    return textwrap.wrap(text, columns // 2 if len(text) > columns else columns)


def _wrapped(text: str | None, layout: TextLayout) -> list[str]:
    return textwrap.wrap(text or "", max(10, _columns(layout.width / 2 - layout.letter, layout)))


def _columns(points: float, layout: TextLayout) -> int:
    """How many letters of a caption stand side by side."""
    return int(points / (LETTER_ASPECT * layout.caption))


def _write(ax: Axes, place: tuple[float, float, str, str], text: str, **style: Any) -> None:
    x, y, ha, va = place
    if text:
        style = {"color": "white", "path_effects": TEXT_OUTLINE, **style}
        style = {"ma": ha, "va": va, "parse_math": False, **style}  # a header's $ is a $
        if ha == "right" and style["path_effects"]:
            ha, style["transform"] = "left", _leftwards(ax, text, style)
        style = {"ha": ha, "transform": ax.transAxes, **style}
        ax.text(x, y, text, **style).set_in_layout(False)


def _leftwards(ax: Axes, text: str, style: Mapping[str, Any]) -> Transform:
    """Coordinates of the axes, moved to the left by the width of a text as it is drawn.

    Outlined letters are drawn as paths, wider than those that matplotlib measures to align a text.
    """
    font = FontProperties(size=style["fontsize"], weight=style.get("fontweight"))
    measure = text_to_path.get_text_width_height_descent
    width = max(measure(line, font, False)[0] for line in text.splitlines())  # points
    return ax.transAxes + ScaledTranslation(-width / 72, 0, ax.figure.dpi_scale_trans)


def _font_size(points: float, least: float) -> float:
    return float(np.clip(points, least, MAX_FONT))
