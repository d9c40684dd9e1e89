"""How are the slices of a volume written as pictures, all through one window?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from helpers.geometry.orientation import letters_of_axes
from helpers.interchange.grids import grid_facts
from helpers.interchange.targets import Target
from helpers.pixels.window import VoiLut, Window
from helpers.volume.saving import (
    EIGHT_BIT_ENDINGS,
    WHITE_OF_8_BITS,
    WHITE_OF_16_BITS,
    grey_in_words,
    save_label_map,
    save_slice,
    square_shape,
)
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

FORMATS = {
    ".png": "PNG, grey of 8 bits",
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG, grey of 8 bits, lossy"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF, grey of 16 bits"),
}


def write_slices(
    folder: Path, target: Target, volume: Volume, window: Window | VoiLut
) -> Iterator[str]:
    """Writes each slice along the first axis of a volume; yields the names, one after the other."""
    for index in range(len(volume.array)):
        name = target.picture(index, len(volume.array))
        save_slice(_slice(volume, index), folder / name, window=window)
        yield name


def write_label_slices(
    folder: Path, target: Target, volume: Volume, label_map: np.ndarray
) -> Iterator[str]:
    """Writes the slices of a label map on the volume's grid; they lie on those of the volume."""
    spacing = volume.spacing[1:] if target.ending in EIGHT_BIT_ENDINGS else None
    for index, section in enumerate(label_map):
        name = Path(target.picture(index, len(label_map))).with_suffix(".png").name
        save_label_map(section, folder / name, spacing=spacing)
        yield name


def grid_of_pictures(volume: Volume, ending: str) -> dict[str, Any]:
    """What the axes of the pictures are, and where their pixels lie, made square or not."""
    affine, shape = volume.affine[:, [2, 1, 0, 3]], volume.array.shape[1:]
    drawn = square_shape(shape, volume.spacing[1:]) if ending in EIGHT_BIT_ENDINGS else shape
    for axis, (count, pixels) in enumerate(zip(shape[::-1], drawn[::-1])):
        step = count / pixels  # the first pixel begins where it began, and so lies nearer to there
        affine[:3, 3] += affine[:3, axis] * (step - 1) / 2
        affine[:3, axis] *= step
    words = "(column, row, number of the picture, 1) to LPS mm, as in DICOM"
    return grid_facts("column, row, picture", affine, (*drawn[::-1], len(volume.array)), words)


def window_in_words(volume: Volume, window: tuple[str, Window | VoiLut], ending: str) -> str:
    """What the grey of the pictures means."""
    name, shown = window
    white = WHITE_OF_8_BITS if ending in EIGHT_BIT_ENDINGS else WHITE_OF_16_BITS
    means = grey_in_words(shown, white, unit=volume.unit, inverted=volume.inverted)
    function = getattr(shown, "function", "table")
    padded = "" if volume.padding is None else "; padding is 0"
    return f"window {name}: {shown.text(volume.unit)} ({function}); {means}{padded}"


def squared_in_words(volume: Volume, target: Target) -> str:
    """What was done to make pixels square; empty where it was nothing."""
    shape, spacing = volume.array.shape[1:], volume.spacing[1:]
    drawn = square_shape(shape, spacing) if target.ending in EIGHT_BIT_ENDINGS else shape
    if drawn == shape:
        return ""
    before, after = (" × ".join(map(str, one)) for one in (shape, drawn))
    return f"pixels made square: from {before} to {after} (rows × columns), linear; labels nearest"


def _slice(volume: Volume, index: int) -> Slice:
    """A slice along the first axis of the array, as the array has it."""
    down, right = volume.affine[:3, 1], volume.affine[:3, 2]
    kind = volume.anatomical_orientation
    return Slice(
        array=volume.array[index],
        spacing=volume.spacing[1:],
        letters=letters_of_axes(right, down, anatomical_orientation=kind),
        padding=None if volume.padding is None else volume.padding[index],
        windows=volume.windows,
        inverted=volume.inverted,
        unit=volume.unit,
    )
