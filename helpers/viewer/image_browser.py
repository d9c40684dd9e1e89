"""How are images that are no volume browsed? One after the other, each as it is meant."""

from base64 import b64encode
from pathlib import Path
from typing import Any, TypeAlias

import anywidget
import numpy as np
import pandas as pd
import traitlets

from helpers.errors import ClearError, error_text
from helpers.pixels.blocks import block_means
from helpers.pixels.window import VoiLut, Window, apply_window
from helpers.viewer.image_data import MAX_MEMORY_MB, Badges, Images, NoSuchImageError, image_data
from helpers.viewer.image_labels import ImageLabels
from helpers.viewer.image_pixels import pixel_bytes, screen_factors, value_text
from helpers.viewer.images_html import save_images_html, small_snapshot
from helpers.viewer.measurements import (
    Measurement,
    checked_in_images,
    image_measurements,
    image_values,
)
from helpers.viewer.measuring import Measuring
from helpers.viewer.script import SCRIPT
from helpers.viewer.standalone_page import MAX_HTML_MB
from helpers.viewer.viewer_data import window_data
from helpers.volume.slice import Slice

MAX_SCREEN = 8192  # pixels of a canvas that are believed
Message: TypeAlias = tuple[dict[str, Any], list[bytes]]


class ImageBrowser(Measuring, anywidget.AnyWidget):
    """One image after the other: radiographs, mammograms, a cine, pictures in colour.

    Each has its own aspect, window and letters; frames are played at their own rate. A picture is
    sent with as many pixels as the screen has for it, and its full resolution where it is zoomed
    into. No file is read before its image is looked at. An image that cannot be decoded shows why.

    ``index``: which image is shown, from 0; can be set, observed and linked. ``position``: which
    that is, in words. ``window``: the `Window` or `VoiLut` that is shown; set it to a name, which
    then counts for every image that has one of it, or to numbers, for the images of this file.
    ``measurements``: a DataFrame of what was measured; ``measure`` adds to it, ``measured`` is how
    the browser has it.

    Parameters
    ----------
    slices : rows of `helpers.slice_table`: of a collection, of a patient, or of one stack
    index : of the image that is shown first
    badges : words of warning, by path or by (path, frame), or one for all
    labels : DataFrame of `helpers.annotation_table`, whose boxes, points, masks and classes are
        drawn on the images that they are about, with a switch for each; or None
    max_mb : of decoded images that are kept in memory

    Raises
    ------
    NoSuchImageError
        Where there are no images, or an index is none of theirs.
    """

    _esm = SCRIPT
    index = traitlets.Int().tag(sync=True)
    position = traitlets.Unicode().tag(sync=True)
    preset = traitlets.Unicode().tag(sync=True)  # name of the window that all images are shown with
    customs = traitlets.Dict().tag(sync=True)  # first row of a run → the window set for it
    hidden_labels = traitlets.List(traitlets.Int()).tag(sync=True)
    meta = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        slices: pd.DataFrame,
        *,
        index: int = 0,
        badges: Badges = "",
        labels: pd.DataFrame | None = None,
        max_mb: float = MAX_MEMORY_MB,
    ) -> None:
        self.images = Images(slices, badges=badges, max_mb=max_mb)
        count = len(self.images)
        if not count:
            levels = "; ".join(self.images.tiled)
            found = f"levels of a slide alone, whose tiles are not shown: {levels}" * bool(levels)
            raise NoSuchImageError(f"expected images to show, got {found or 'none'}")
        self.labels = None if labels is None else ImageLabels(labels, self.images)
        data = None if self.labels is None else self.labels.data
        super().__init__(index=index, meta={"images": True, "count": count, "labels": data})
        self._say_position()
        self.on_msg(self._answer)

    @property
    def window(self) -> Window | VoiLut | None:
        """What the image that is shown is seen through; None for colour."""
        return None if self.slice.array.ndim == 3 else self._shown_window()[1]

    @window.setter
    def window(self, wanted: object) -> None:
        run = str(self.images.run(self.index).start)
        others = {start: voi for start, voi in self.customs.items() if start != run}
        if wanted is None or isinstance(wanted, str):
            if wanted is not None:
                self.images.window(self.index, wanted)  # refuses a name that it has not
            self.customs, self.preset = others, wanted or ""
            return
        _, window = self.images.window(self.index, wanted)
        apply_window(np.zeros(1), window)  # refuses what has no meaning
        self.customs = {**others, run: window_data("custom", window)}

    @property
    def slice(self) -> Slice:
        """The image that is shown, as `helpers.load_slice` gives it."""
        return self.images.slice(self.index)

    def go_to(self, path: str, frame: int = 0) -> None:
        """Shows the image of a file.

        Raises
        ------
        NoSuchImageError
        """
        self.index = self.images.row_of(path, frame)

    def save_html(self, path: str | Path, *, max_mb: float = MAX_HTML_MB) -> str:
        """Writes a page that needs no kernel, with as many images as fit; returns what was reduced.

        `path` is the name of a file that is not there yet.
        """
        return save_images_html(
            path,
            self.images,
            max_mb=max_mb,
            index=self.index,
            preset=self.preset,
            customs=self.customs,
            labels=self.labels,
            hidden_labels=self.hidden_labels,
            measured=self.measured,
        )

    @traitlets.validate("index")
    def _among_images(self, proposal: Any) -> int:
        last = len(self.images) - 1
        if not 0 <= proposal.value <= last:
            raise NoSuchImageError(f"expected an index from 0 to {last}, got {proposal.value}")
        return proposal.value

    @traitlets.observe("index")
    def _say_position(self, _: Any = None) -> None:
        self.position = self.images.label(self.index)

    def _answer(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        """Sends what the browser asks for: an image, a part of one, a value, a window."""
        kind = content.get("type")
        answers = {
            "image": self._image,
            "part": self._part,
            "value": self._value,
            "window": self._window_named,
            "measure": lambda _, content: (self._statistics(content), []),
        }
        several = content.get("indices")
        for row in several if isinstance(several, list) else [content.get("index")]:
            if kind not in answers or not isinstance(row, int) or not 0 <= row < len(self.images):
                continue
            try:
                self.send(*answers[kind](row, content))
            except Exception as error:  # the others go on
                self.send({"type": kind, "index": row, "error": error_text(error)})

    def _image(self, row: int, content: dict[str, Any]) -> Message:
        """An image with all that is said of it, reduced to the screen."""
        data = {"type": "image", **image_data(self.images, row, self.preset)}
        if "error" in data:
            return data, []
        if self.labels is not None:
            data["labels"] = self.labels.of(row)
        image, size = self.images.slice(row), _screen(content)
        factors = screen_factors(image, *size, content.get("max_bytes") or np.inf)
        kind, parts = pixel_bytes(image, block_means(image.array, image.padding, factors))
        return {**data, "factors": factors, "dtype": kind}, parts

    def _part(self, row: int, content: dict[str, Any]) -> Message:
        """A part of an image, from a first row and column to before a last, as fine as asked."""
        image, (top, bottom, left, right) = self.images.slice(row), map(int, content["box"])
        area = np.s_[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        padding = None if image.padding is None else image.padding[area]
        factors = tuple(min(max(1, int(factor)), MAX_SCREEN) for factor in content["factors"])
        part = block_means(image.array[area], padding, (factors[0], factors[1]))
        kind, parts = pixel_bytes(image, part)
        keys = ("type", "index", "box")
        return {**{key: content[key] for key in keys}, "factors": factors, "dtype": kind}, parts

    def _value(self, row: int, content: dict[str, Any]) -> Message:
        text = value_text(self.images.slice(row), int(content["row"]), int(content["column"]))
        return {**content, "text": text}, []

    def _window_named(self, row: int, content: dict[str, Any]) -> Message:
        """A window that is taken from the values of an image, or of its run."""
        _, window = self.images.window_or_default(row, str(content["name"]))
        return {**content, "voi": window_data(str(content["name"]), window)}, []

    def _new_measurement(self, kind: str, points: Any) -> dict[str, Any]:
        return {"kind": kind, "index": self.index, "points": points}

    def _checked_measurement(self, item: Measurement) -> dict[str, Any]:
        return checked_in_images(self.images, item)

    def _measurement_table(self) -> pd.DataFrame:
        return image_measurements(self.images, self.measured)

    def _values_in(self, item: Measurement, content: dict[str, Any]) -> dict[str, Any] | None:
        return image_values(self.images, item)

    def _shown_window(self) -> tuple[str, Window | VoiLut]:
        custom = self.customs.get(str(self.images.run(self.index).start))
        if custom is not None:
            return "custom", Window(custom["center"], custom["width"], "", custom["function"])
        return self.images.window_or_default(self.index, self.preset)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """The widget, and beside it a picture for whatever shows no widgets."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        try:
            window = None if self.slice.array.ndim == 3 else self._shown_window()[1]
            badge = self.images.badge(self.index)
            labels = (
                None if self.labels is None else self.labels.shown(self.index, self.hidden_labels)
            )
            picture = small_snapshot(self.slice, window, badge=badge, labels=labels)
        except ClearError as error:
            return {**data, "text/plain": str(error)}, metadata
        return {**data, "image/png": b64encode(picture).decode()}, metadata


def _screen(content: dict[str, Any]) -> tuple[float, float]:
    """(width, height) in pixels of the canvas that an image is for."""
    width, height = (
        min(max(float(content.get(name) or 512), 1.0), MAX_SCREEN) for name in ("width", "height")
    )
    return width, height
