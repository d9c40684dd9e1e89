"""How does a picture leave for other programs?"""

from pathlib import Path

import numpy as np
from PIL import Image

from helpers.errors import ClearError, require_type
from helpers.pixels.window import Window
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

EIGHT_BITS = {".png": {}, ".jpg": {"quality": 95}, ".jpeg": {"quality": 95}}
SIXTEEN_BITS = {".tif": {}, ".tiff": {}}
DESCRIPTION = 270  # TIFF tag
MM_PER_CM = 10


class SavingError(ClearError, ValueError):
    """A picture that cannot be written as it is asked for."""


def save_slice(slice, path, *, window=None):
    """Writes what a `Slice` shows, pixel by pixel, without letters, captions and identity; returns the Path.

    For a drawing with letters save its figure: ``show_slice(...).figure.savefig(path)``.

    Parameters
    ----------
    slice : Slice
    path : name of a file that is not there yet, ending in .png or .jpg (8 bits; pixels made square, so that every
        program shows the true aspect) or .tif (grey of 16 bits, the pixels as they are; resolution, unit and how
        to come from grey to values stand in the file)
    window : as `Slice.window` takes it; "whole range" keeps most of the values in 16 bits

    Raises
    ------
    SavingError
        For another ending, a file that is there already, or colour as TIFF.
    """
    require_type(slice, Slice, "of load_slice or volume.slice")
    return _save(slice.grey(window), slice, _checked(path), window)


def save_montage(volume, path, *, plane="axial", count=12, columns=4, window=None):
    """Writes evenly chosen slices of a volume side by side, as `save_slice` does; returns the Path.

    Every tile has the same window; the first slice is in the upper left corner.
    """
    require_type(volume, Volume, "of load_volume")
    path, total = _checked(path), volume.shape_of(plane)[0]
    indices = np.unique(np.linspace(0, total - 1, max(1, min(count, total))).round().astype(int))
    first = volume.slice(plane, int(indices[0]))
    view, columns = volume.window(window)[1], max(1, columns)
    tiles = [volume.slice(plane, int(index)).grey(view) for index in indices]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % min(columns, len(tiles)))
    rows = [
        np.hstack(tiles[start : start + columns])
        for start in range(0, len(tiles), min(columns, len(tiles)))
    ]
    return _save(np.vstack(rows), first, path, view)


def _checked(path):
    """The Path, if it may be written."""
    try:
        path = Path(path)
    except TypeError:
        raise SavingError(f"expected the name of a file, got {path!r}") from None
    if path.suffix.lower() not in {**EIGHT_BITS, **SIXTEEN_BITS}:
        known = ", ".join([*EIGHT_BITS, *SIXTEEN_BITS])
        raise SavingError(f"expected a name that ends in {known}, got {path.name}")
    if not path.parent.is_dir():
        raise SavingError(
            f"expected a folder that is there, found none at {path.parent.absolute()}"
        )
    if path.exists():
        raise SavingError(
            f"expected the name of a new file, got {path}, which is there already: nothing is overwritten"
        )
    return path


def _save(grey, slice, path, window):
    if path.suffix.lower() in EIGHT_BITS:
        _square(Image.fromarray((grey * 255).round().astype(np.uint8)), slice.spacing).save(
            path, **EIGHT_BITS[path.suffix.lower()]
        )
        return path
    if grey.ndim == 3:
        raise SavingError(f"expected grey values for {path.name}, got colour: save it as PNG")
    Image.fromarray((grey * 65535).round().astype(np.uint16)).save(
        path, tiffinfo=_tags(slice, window)
    )
    return path


def _square(image, spacing):
    """The image with square pixels, as large as the smaller of the two spacings makes it."""
    vertical, horizontal = np.divide(spacing, min(spacing))
    size = round(image.width * horizontal), round(image.height * vertical)
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def _tags(slice, window):
    """Resolution in pixels per cm where it is known, and in words what the grey means."""
    name, view = slice.window(window)
    low, high = view.limits[:: -1 if slice.inverted else 1]
    straight = isinstance(view, Window) and view.function != "SIGMOID"
    way_back = (
        f"0 is {low:g}, 65535 is {high:g} {slice.unit}".strip()
        if straight
        else "grey is not proportional to values"
    )
    padded = "" if slice.padding is None else "; padding is 0"
    words = f"{name}: {view.text(slice.unit)}; {way_back}{padded}"
    known = slice.spacing_unit == "mm"
    resolution = (
        {282: MM_PER_CM / slice.spacing[1], 283: MM_PER_CM / slice.spacing[0], 296: 3}
        if known
        else {}
    )
    return {DESCRIPTION: words.encode("ascii", "replace").decode(), **resolution}
