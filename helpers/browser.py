"""A volume, browsed: a slider, a plane, a window, and the picture with its letters."""

import io
from base64 import b64encode

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from helpers import expect
from helpers.choice import COMPUTED
from helpers.overlay import LETTER_COLOUR
from helpers.planes import VIEWS
from helpers.volume import Volume
from helpers.window import WINDOWS

HEIGHT = 512  # of the picture, in screen pixels


def browse(volume, *, plane=None, window=None):
    """A widget that scrolls through a volume; where no kernel serves it, its first picture stays to be seen.

    Parameters
    ----------
    volume : Volume
    plane : {"axial", "coronal", "sagittal"} or None for the one that was acquired
    window : as `Slice.window` takes it, or None for the file's own
    """
    expect(volume, Volume, "of load_volume")
    return VolumeBrowser(volume, plane=plane, window=window)


class VolumeBrowser(widgets.VBox):
    """The widget of `browse`. `plane`, `index` and `window` are its controls: read and set their ``.value``."""

    def __init__(self, volume, *, plane=None, window=None):
        first = plane or volume.acquired_plane
        self.volume = volume
        self.plane = widgets.Dropdown(options=list(VIEWS), value=first, description="plane")
        self.window = widgets.Dropdown(options=_window_options(volume.slice(first), window), description="window")
        self.index = widgets.IntSlider(description="slice", readout=False, layout=widgets.Layout(width="34em"))
        self.picture = widgets.Image(format="png", layout=widgets.Layout(height=f"{HEIGHT}px", width="max-content"))
        self._start_in_the_middle()
        self._draw()
        self.plane.observe(self._start_in_the_middle, "value")
        for control in (self.plane, self.index, self.window):
            control.observe(self._draw, "value")
        super().__init__([widgets.HBox([self.plane, self.window]), self.index, self.picture])

    def _start_in_the_middle(self, _=None):
        count = self.volume.shape_of(self.plane.value)[0]
        self.index.value = 0
        self.index.max = count - 1
        self.index.value = count // 2

    def _draw(self, _=None):
        self.picture.value = _png(self.volume.slice(self.plane.value, self.index.value), self.window.value)

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and beside it the picture for whatever shows no widgets."""
        return {**super()._repr_mimebundle_(**kwargs), "image/png": b64encode(self.picture.value).decode()}


def _window_options(slice, wanted):
    """(label, value) pairs: what was asked for, the file's own windows, those from the values, the known ones of CT."""
    names = dict.fromkeys([*slice.windows, *COMPUTED, *(WINDOWS if slice.unit == "HU" else ())])
    asked = {} if wanted is None else {slice.window(wanted)[0]: wanted}
    return list({**asked, **{name: name for name in names if name not in asked}}.items())


def _png(slice, window):
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
