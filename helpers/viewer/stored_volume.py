"""What does a page without a kernel hold of a volume? Slices as pictures, fewer if need be.

A byte stands for the value ``low + step × byte``. Slices are those along the first axis of the
array; the other planes are cut from them in the browser.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from helpers.geometry.planes import PLANES, plane_axes
from helpers.pixels.blocks import block_means
from helpers.viewer.standalone_page import HtmlError
from helpers.viewer.stored_picture import SCALE_SHARE, Scale, in_bytes, jpeg, png, scale_of
from helpers.viewer.viewer_data import picture_matrix
from helpers.volume.volume import Volume

MIN_SLICES = 64  # before there are fewer, pixels are made larger
SHRINK_FACTORS = (1, 2, 4)


class StoredVolume(NamedTuple):
    """A volume as a page holds it."""

    reduced: Volume  # what is left of it
    data: dict[str, Any]  # of JSON's own types
    note: str  # what was reduced, in words

    @property
    def size(self) -> int:
        """Bytes of its pictures."""
        return sum(map(len, [*self.data["pictures"], *self.data["masks"]]))


def stored_volume(volume: Volume, max_bytes: float, *, share: float = SCALE_SHARE) -> StoredVolume:
    """A volume with slices left out and pixels made larger until it fits.

    Parameters
    ----------
    share : of the values that 256 steps span

    Raises
    ------
    HtmlError
        Where not even one slice fits.
    """
    scale = scale_of(volume.array, volume.padding, share)
    reduced, pictures = _reduced(volume, scale, max_bytes)
    data = {
        "stored": next(one for one in PLANES if plane_axes(volume.affine, one).normal == 0),
        "strides": {one: _strides(reduced, one) for one in PLANES},
        "shape": reduced.array.shape,
        "scale": scale,
        "float": not _fits_int16(scale),
        "type": "jpeg",
        "pictures": pictures,
        **_masks(reduced.padding, len(reduced.array)),
    }
    return StoredVolume(reduced, data, _note(volume, reduced, scale))


def stored_size(volume: Volume) -> int:
    """Bytes that the pictures of a whole volume would take, about."""
    middle = len(volume.array) // 2
    scale = scale_of(volume.array, volume.padding)
    picture = _picture(volume.array[middle], scale)
    return len(volume.array) * len(picture)


def _fits_int16(scale: Scale) -> bool:
    """Whether all 256 values are whole numbers that 16 bits hold."""
    values = scale[0] + scale[1] * np.arange(256)
    return bool((values == values.clip(-(2**15), 2**15 - 1).round()).all())


def _reduced(volume: Volume, scale: Scale, max_bytes: float) -> tuple[Volume, list[str]]:
    """(the volume with slices left out and pixels made larger, its slices in base64)."""
    count = len(volume.array)
    for shrink in SHRINK_FACTORS:
        slice_size = len(_picture(_shrunk(volume, count // 2, shrink)[0], scale))
        kept = min(count, int(max_bytes / slice_size))
        if kept >= min(count, MIN_SLICES):
            break
    if kept < 1:
        size, room = slice_size / 1e6, max(max_bytes, 0) / 1e6
        raise HtmlError(
            f"expected room for a slice of {size:.2f} MB, got {room:.2f} MB: raise max_mb"
        )
    while True:
        stride = -(-count // kept)
        slices = [_shrunk(volume, number, shrink) for number in range(0, count, stride)]
        pictures = [_picture(values, scale) for values, _ in slices]
        padding = None if volume.padding is None else np.stack([lost for _, lost in slices])
        size = sum(map(len, [*pictures, *_masks(padding, len(slices))["masks"]]))
        if size <= max_bytes or kept == 1:
            break
        kept = max(1, int(kept * 0.9))
    affine = volume.affine.copy()
    affine[:3, 3] += (affine[:3, 1] + affine[:3, 2]) * (shrink - 1) / 2
    affine[:3, :3] *= (stride, shrink, shrink)
    array = np.stack([values for values, _ in slices])
    return replace(volume, array=array, affine=affine, padding=padding), pictures


def _shrunk(volume: Volume, number: int, shrink: int) -> tuple[np.ndarray, np.ndarray]:
    """(values, padding) of one slice along the first axis, each pixel the mean of known ones."""
    rows, columns = (length // shrink * shrink for length in volume.array.shape[1:])
    place = np.s_[number, :rows, :columns]  # a rest is cut off
    padding = None if volume.padding is None else volume.padding[place]
    values, lost = block_means(volume.array[place], padding, (shrink, shrink))
    return values, np.zeros(values.shape, bool) if lost is None else lost


def _picture(values: np.ndarray, scale: Scale) -> str:
    """Values as a picture of bytes, in base64."""
    return jpeg(in_bytes(values, scale))


def _masks(padding: np.ndarray | None, count: int) -> dict[str, list[Any]]:
    """Different masks as PNG in base64, and which of them each slice has (-1 for none)."""
    masks = np.zeros((count, 1), bool) if padding is None else padding
    keys = [mask.tobytes() for mask in masks]
    different = {key: mask for key, mask in zip(keys, masks) if mask.any()}
    numbers = {key: number for number, key in enumerate(different)}
    return {
        "masks": [png(mask) for mask in different.values()],
        "mask_of": [numbers.get(key, -1) for key in keys],
    }


def _strides(volume: Volume, plane: str) -> dict[str, int]:
    """Where in the flat array the pixels of a plane's pictures lie: the first, and steps on."""
    _, rows, columns = volume.array.shape
    steps = np.array([rows * columns, columns, 1, 0]) @ picture_matrix(volume, plane)
    return dict(zip(("along", "down", "right", "origin"), map(int, steps)))


def _note(volume: Volume, reduced: Volume, scale: Scale) -> str:
    """What was reduced, in words."""
    words = [f"{len(reduced.array)} of {len(volume.array)} slices"]
    (_, *smaller), (_, *whole) = reduced.array.shape, volume.array.shape
    if smaller != whole:
        words.append("{} × {} of {} × {} pixels".format(*smaller, *whole))
    low, step = scale
    high, steps = low + 255 * step, f"256 steps of {step:.3g} {volume.unit}".strip()
    words.append(f"values from {low:.5g} to {high:.5g} in {steps}, compressed as JPEG")
    return "; ".join(words)
