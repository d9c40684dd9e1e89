"""How does a picture leave for other programs?"""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.errors import ClearError, require_type
from helpers.pixels.window import VoiLut, Window
from helpers.volume.slice import Slice

EIGHT_BIT_ENDINGS, SIXTEEN_BIT_ENDINGS = [".png", ".jpg", ".jpeg"], [".tif", ".tiff"]
WHITE_OF_8_BITS, WHITE_OF_16_BITS = 255, 65535
JPEG_QUALITY = 95
IMAGE_DESCRIPTION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 270, 282, 283, 296  # TIFF tags
PER_CM, MM_PER_CM = 3, 10


class SavingError(ClearError, ValueError):
    """A picture that cannot be written as it is asked for."""


def save_slice(slice: Slice, path: str | os.PathLike[str], *, window: object = None) -> Path:
    """Writes what a `Slice` shows, without letters, captions and identity; returns the Path.

    For a drawing with letters, or a montage, save its figure:
    ``show_slice(...).figure.savefig(path)``.

    Parameters
    ----------
    path : name of a file that is not there yet
        .png or .jpg: 8 bits; pixels are made square, so that every program shows the true aspect.
        .tif: grey of 16 bits, the pixels as they are; resolution, unit and how to come from grey
        to values stand in the file.
    window : as `Slice.window` takes it; "whole range" keeps most of the values in 16 bits

    Raises
    ------
    SavingError
        For another ending, a file that is there already, or colour as TIFF.
    """
    require_type(slice, Slice, "of load_slice or volume.slice")
    return _save(slice.grey(window), slice, _checked(path), window)


def save_label_map(
    label_map: np.ndarray, path: Path, *, spacing: tuple[float, float] | None = None
) -> Path:
    """Writes a label map (rows, columns) as a PNG whose grey is the value; returns the Path.

    Parameters
    ----------
    path : name of a file that is not there yet
    spacing : (row, column), so that it lies on a picture of `save_slice` whose pixels were made
        square, by nearest neighbour; None leaves pixels as they are

    Raises
    ------
    SavingError
    """
    image = Image.fromarray(np.ascontiguousarray(label_map))
    if spacing is not None:
        image = _square(image, spacing, how=Image.Resampling.NEAREST)
    image.save(_checked(path))
    return path


def square_shape(shape: tuple[int, int], spacing: tuple[float, float]) -> tuple[int, int]:
    """(rows, columns) of an image whose pixels are made square: the smaller spacing stays.

    Examples
    --------
    >>> square_shape((40, 128), (5.0, 2.5))
    (80, 128)
    """
    vertical, horizontal = np.divide(spacing, min(spacing))
    return round(shape[0] * vertical), round(shape[1] * horizontal)


def grey_in_words(shown: Window | VoiLut, white: int, *, unit: str, inverted: bool) -> str:
    """Which values the ends of the grey stand for, where those between lie evenly between.

    Examples
    --------
    >>> grey_in_words(Window(0.5, 101), 255, unit="HU", inverted=False)
    '0 is -50, 255 is 50 HU'
    """
    if not isinstance(shown, Window) or shown.function == "SIGMOID":
        return "grey is not proportional to values"
    low, high = shown.limits[:: -1 if inverted else 1]
    return f"0 is {low:g}, {white} is {high:g} {unit}".strip()


def _checked(path: str | os.PathLike[str]) -> Path:
    """The Path, if it may be written."""
    try:
        path = Path(path)
    except TypeError:
        raise SavingError(f"expected the name of a file, got {path!r}") from None
    endings = [*EIGHT_BIT_ENDINGS, *SIXTEEN_BIT_ENDINGS]
    if path.suffix.lower() not in endings:
        raise SavingError(f"expected a name that ends in {', '.join(endings)}, got {path.name}")
    if not path.parent.is_dir():
        raise SavingError(
            f"expected a folder that is there, found none at {path.parent.absolute()}"
        )
    if path.exists():
        raise SavingError(
            f"expected the name of a new file, got {path}, which is there already: "
            "nothing is overwritten"
        )
    return path


def _save(grey: np.ndarray, slice: Slice, path: Path, window: object) -> Path:
    if path.suffix.lower() in EIGHT_BIT_ENDINGS:
        image = Image.fromarray((grey * WHITE_OF_8_BITS).round().astype(np.uint8))
        square = _square(image, slice.spacing, how=Image.Resampling.BILINEAR)
        square.save(path, quality=JPEG_QUALITY)
        return path
    if grey.ndim == 3:
        raise SavingError(f"expected grey values for {path.name}, got colour: save it as PNG")
    image = Image.fromarray((grey * WHITE_OF_16_BITS).round().astype(np.uint16))
    image.save(path, tiffinfo=_tiff_tags(slice, window))
    return path


def _square(image: Image.Image, spacing: tuple[float, float], *, how: int) -> Image.Image:
    """The image with square pixels."""
    rows, columns = square_shape((image.height, image.width), spacing)
    size = columns, rows
    return image if size == image.size else image.resize(size, how)


def _tiff_tags(slice: Slice, window: object) -> dict[int, object]:
    """Resolution in pixels per cm where it is known, and in words what the grey means."""
    name, shown = slice.window(window)
    means = grey_in_words(shown, WHITE_OF_16_BITS, unit=slice.unit, inverted=slice.inverted)
    padded = "" if slice.padding is None else "; padding is 0"
    words = f"{name}: {shown.text(slice.unit)}; {means}{padded}"
    tags: dict[int, object] = {IMAGE_DESCRIPTION: words.encode("ascii", "replace").decode()}
    if slice.spacing_unit == "mm":
        vertical, horizontal = slice.spacing
        tags |= {X_RESOLUTION: MM_PER_CM / horizontal, Y_RESOLUTION: MM_PER_CM / vertical}
        tags[RESOLUTION_UNIT] = PER_CM
    return tags
