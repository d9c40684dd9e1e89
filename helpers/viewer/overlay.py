"""How is one volume drawn over another? Its values become colours, more or less opaque."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from helpers.errors import require_type
from helpers.labels.labels import SliceLabels
from helpers.pictures.colours import coloured, heat
from helpers.pictures.slices import snapshot
from helpers.pixels.window import VoiLut, Window, apply_window, value_range
from helpers.viewer.viewer_data import seen_slice, volume_windows, window_data
from helpers.volume.resampling import check_frames, slice_at
from helpers.volume.slice import Slice, remarked
from helpers.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class Overlay:
    """A volume that is drawn over another of the same frame of reference, in colour.

    `colours` (256, 4) uint8 RGBA stand for the greys that a window makes of its values.
    """

    volume: Volume
    colours: np.ndarray = field(default_factory=heat)

    @property
    def windows(self) -> dict[str, Window | VoiLut]:
        """Its windows by name."""
        return volume_windows(self.volume)

    @property
    def data(self) -> dict[str, Any]:
        """All that does not change while it is looked at, as a dict of JSON's own types."""
        volume = self.volume
        low, high = value_range(volume.array, padding=volume.padding, share=1).limits
        return {
            "windows": [window_data(name, one) for name, one in self.windows.items()],
            "low": low,
            "high": high,
            "unit": volume.unit,
            "colours": self.colours.ravel().tolist(),
        }

    def slice_bytes(self, base: Volume, plane: str, index: int) -> tuple[bytes, bytes]:
        """(float32 values, padding) at the pixels of a slice of another volume, row by row."""
        over = slice_at(self.volume, base, plane, index)
        padding = b"" if over.padding is None else np.packbits(over.padding).tobytes()
        return np.ascontiguousarray(over.array, "<f4").tobytes(), padding

    def over(
        self,
        base: Volume,
        plane: str,
        index: int | None = None,
        *,
        window: Window | VoiLut,
        base_window: Window | VoiLut,
        opacity: float,
        slab_mm: float = 0.0,
        slab_how: str = "max",
    ) -> Slice:
        """A slice of another volume with this one over it, as a `Slice` in colour.

        The other may be a slab; of this one it is the slice in its middle.
        """
        below = seen_slice(base, plane, index, slab_mm, slab_how)
        own = slice_at(self.volume, base, plane, index)
        grey_of_own = apply_window(own.array, window, padding=own.padding)
        colours = coloured(grey_of_own, self.colours)
        alpha = opacity * colours[..., 3:] / 255
        grey = np.repeat(255 * below.grey(base_window)[..., None], 3, axis=2)
        pixels = np.round((1 - alpha) * grey + alpha * colours[..., :3]).astype(np.uint8)
        grey_words, words = base_window.text(base.unit), window.text(self.volume.unit)
        words = f"grey: {grey_words}; in colour: {words}"
        caption = remarked(below.caption, words)
        return replace(below, array=pixels, caption=caption, inverted=False, unit="", windows={})


def snapshot_over(
    volume: Volume,
    plane: str,
    index: int | None,
    window: Window | VoiLut,
    *,
    badge: str = "",
    label: str = "",
    over: Overlay | None = None,
    over_window: Window | VoiLut | None = None,
    opacity: float = 0.5,
    labels: SliceLabels | None = None,
    fill: float = 0.0,
    slab_mm: float = 0.0,
    slab_how: str = "max",
) -> bytes:
    """A slice as the viewer shows it, as PNG bytes: with what lies over it, and its label.

    `labels` are those of the slice, as `snapshot` takes them, with `fill`.
    """
    shown = seen_slice(volume, plane, index, slab_mm, slab_how)
    if over is not None and over_window is not None:
        shown = over.over(
            *(volume, plane, index),
            window=over_window,
            base_window=window,
            opacity=opacity,
            slab_mm=slab_mm,
            slab_how=slab_how,
        )
    words = " · ".join(filter(None, (shown.caption["position"], label)))
    shown = replace(shown, caption={**shown.caption, "position": words})
    window_of_grey = None if shown.array.ndim == 3 else window
    return snapshot(shown, window_of_grey, badge=badge, labels=labels, fill=fill)


def overlay_of(over: Volume | Overlay, base: Volume) -> Overlay:
    """A volume as an overlay of another.

    Raises
    ------
    ResamplingError
        Where the two do not share one frame of reference.
    """
    require_type(over, (Volume, Overlay), "of load_volume")
    overlay = over if isinstance(over, Overlay) else Overlay(over)
    check_frames(overlay.volume, base)
    return overlay
