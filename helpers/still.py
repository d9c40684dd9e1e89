"""What remains of a viewer where nothing moves? A slice as a PNG picture with its letters."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from helpers.overlay import LETTER_COLOUR

HEIGHT = 512  # of the picture, in screen pixels


def png_of(slice, window):
    """The picture as PNG bytes: HEIGHT pixels high or less, in true aspect, with letters and captions."""
    rows, columns = slice.pixels.shape[:2]
    high, wide = np.multiply((rows, columns), slice.spacing)
    scale = HEIGHT / max(high, wide)
    image = Image.fromarray((slice.grey(window) * 255).round().astype(np.uint8)).convert("RGB")
    image = image.resize((max(1, round(wide * scale)), max(1, round(high * scale))), Image.Resampling.BILINEAR)
    _write(ImageDraw.Draw(image), image.size, slice, window)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _write(draw, size, slice, window):
    width, height = size
    large, small = ImageFont.load_default(22), ImageFont.load_default(13)
    letters = slice.letters
    for text, place, anchor in (
        (letters.left, (6, height / 2), "lm"),
        (letters.right, (width - 6, height / 2), "rm"),
        (letters.top, (width / 2, 6), "ma"),
        (letters.bottom, (width / 2, height - 6), "md"),
    ):
        draw.text(place, text, LETTER_COLOUR, large, anchor, stroke_width=2, stroke_fill="black")
    name, view = slice.window(window)
    for text, place, anchor in (
        (f"{slice.caption.get('slice', '')}  {slice.caption.get('position', '')}", (6, 6), "la"),
        (f"{name}: {view.text(slice.unit)}", (6, height - 6), "ld"),
    ):
        draw.text(place, text, "white", small, anchor, stroke_width=2, stroke_fill="black")
