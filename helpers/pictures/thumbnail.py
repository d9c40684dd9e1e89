"""What does an image look like in small? A picture of a few kilobytes, with letters on its edges.

Many of them are made for one report, so they are drawn without matplotlib.
"""

import io
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from helpers.pictures.style import LETTER_COLOUR, PADDING_COLOUR
from helpers.pixels.blocks import block_means
from helpers.volume.slice import Slice

THUMBNAIL_PIXELS = 192  # of the longer side
MIN_PIXELS = 32  # of the shorter side, which is filled up: a long strip has room for its letters
LETTER_PIXELS = 13  # height of the font
OUTLINE_PIXELS, MARGIN_PIXELS = 2, 3
GAP_PIXELS = 4  # between the pictures of a sheet
QUALITIES, EFFORT = (72, 45, 20, 5), 2  # of WebP, from 0 to 100 and from 0 to 6
MAX_THUMBNAIL = 13_000  # bytes, before its quality is less: noise does not compress
EDGES = {  # where a letter stands, as shares of width and height, and how it is aligned (Pillow)
    "left": (0, 0.5, "lm"),
    "right": (1, 0.5, "rm"),
    "top": (0.5, 0, "ma"),
    "bottom": (0.5, 1, "md"),
}


class Thumbnail(NamedTuple):
    """A picture as a file holds it."""

    webp: bytes
    width: int  # pixels
    height: int


def thumbnail(slice: Slice, *, window: object = None, pixels: int = THUMBNAIL_PIXELS) -> Thumbnail:
    """A `Slice` in small, in true aspect, with the letters of its edges; nothing else is written.

    Parameters
    ----------
    window : as `Slice.window` takes it; one that is computed is that of the small picture
    pixels : of the longer side
    """
    picture = small_picture(slice, window=window, pixels=pixels)
    most = MAX_THUMBNAIL if pixels <= THUMBNAIL_PIXELS else np.inf
    return _file(picture, most)


def contact_sheet(
    slices: Sequence[Slice], *, columns: int, pixels: int = THUMBNAIL_PIXELS
) -> Thumbnail:
    """Several slices side by side, in the order of reading; see `thumbnail`.

    Parameters
    ----------
    columns : pictures of a line
    pixels : of the longer side of each
    """
    pictures = [small_picture(one, pixels=pixels) for one in slices]
    width = max(picture.width for picture in pictures) + GAP_PIXELS
    height = max(picture.height for picture in pictures) + GAP_PIXELS
    across = min(columns, len(pictures))
    down = -(-len(pictures) // across)
    sheet = Image.new("RGB", (across * width - GAP_PIXELS, down * height - GAP_PIXELS))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % across * width, number // across * height))
    return _file(sheet)


def small_picture(
    slice: Slice, *, window: object = None, pixels: int = THUMBNAIL_PIXELS
) -> Image.Image:
    """A slice as a picture in memory; as `thumbnail`."""
    size = _size(slice, pixels)
    small = _reduced(slice, size)
    grey = np.uint8(np.rint(255 * small.grey(window)))
    picture = Image.fromarray(grey).convert("RGB")
    if small.padding is not None and small.padding.any():
        picture.paste(PADDING_COLOUR, mask=Image.fromarray(small.padding))
    picture = _with_room(picture.resize(size, Image.Resampling.BILINEAR))
    _write_letters(picture, slice)
    return picture


def _size(slice: Slice, pixels: int) -> tuple[int, int]:
    """(width, height) of the picture of a slice, in pixels."""
    (rows, columns), (down, right) = slice.array.shape[:2], slice.spacing
    sides = np.array([columns * right, rows * down])
    width, height = np.maximum(1, np.rint(pixels * sides / sides.max())).astype(int)
    return int(width), int(height)


def _reduced(slice: Slice, size: tuple[int, int]) -> Slice:
    """A slice of fewer pixels, and yet of as many as the picture has."""
    rows, columns = slice.array.shape[:2]
    factors = max(1, rows // size[1]), max(1, columns // size[0])
    array, padding = block_means(slice.array, slice.padding, factors)
    return replace(slice, array=array, padding=padding)


def _with_room(picture: Image.Image) -> Image.Image:
    """A picture on a ground that is wide and high enough for letters."""
    width, height = (max(side, MIN_PIXELS) for side in picture.size)
    if (width, height) == picture.size:
        return picture
    ground = Image.new("RGB", (width, height))
    ground.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return ground


def _write_letters(picture: Image.Image, slice: Slice) -> None:
    """Writes the letters on the edges; those of above and below only where there is room."""
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    for edge, (x, y, anchor) in EDGES.items():
        is_beside = edge in ("left", "right")
        if not is_beside and height < 4 * LETTER_PIXELS:
            continue
        inset = [(1 - 2 * share) * MARGIN_PIXELS for share in (x, y)]
        draw.text(
            (x * width + inset[0], y * height + inset[1]),
            getattr(slice.letters, edge),
            fill=LETTER_COLOUR,
            font=_font(),
            anchor=anchor,
            stroke_width=OUTLINE_PIXELS,
            stroke_fill="black",
        )


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(LETTER_PIXELS)


def _file(picture: Image.Image, most: float = np.inf) -> Thumbnail:
    """A picture as WebP, of the first quality that takes at most so many bytes, or the last."""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=EFFORT)
        if buffer.tell() <= most:
            break
    return Thumbnail(buffer.getvalue(), *picture.size)
