"""What do the pixels of every image say? Reads each image once, and keeps numbers only."""

import zlib
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.pixels.image import Image, ImageError, read_image
from helpers.pixels.window import WindowError, resolve_window
from helpers.runtime import in_threads
from helpers.slices.arrays import frames_of, paths_of
from helpers.slices.frame_rows import frame_rows

HISTOGRAM_EDGES = np.arange(-4096, 4097, 32)  # in the unit of the values
CORNER_PIXELS = 4  # along a side
MIN_TISSUE_HU = -500
MIN_IMAGES_FOR_PROGRESS = 200
COLUMNS = [
    *("frame", "pixel_error", "min", "max", "mean", "sd", "in_window", "padding"),
    *("guessed_padding", "tissue", "corner", "corner_sd", "border", "histogram", "checksum"),
]


def pixel_table(
    headers: pd.DataFrame, *, window: Any = None, progress: bool | None = None
) -> pd.DataFrame:
    """One row per image: statistics of its values after rescale (HU for CT), padding left out.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.slice_table`
    window : for ``in_window``: (center, width), a Window, a name as `helpers.Slice.window` takes
        it, or None for the first of each file's own; those of `helpers.WINDOWS` are refused where
        an image is not in HU
    progress : bool or None
        Whether to show a progress bar; None shows it for 200 images and more.

    Returns
    -------
    DataFrame; of a slice table with its index, of a header table with the path of each image, and
    its frame as a column

    - ``frame`` (from 0), ``pixel_error`` (None, or why it cannot be decoded)
    - ``min``, ``max``, ``mean``, ``sd``
    - shares from 0 to 1: ``in_window`` (values neither black nor white), ``padding`` (of the
      image), ``tissue`` (values above -500)
    - ``guessed_padding``, the value of padding that no header declares
    - ``corner`` and ``corner_sd``, median and deviation of the corners; ``border``, the one value
      of all pixels on the edge, else missing
    - ``histogram`` (256 counts from -4096 to 4096) and ``checksum``

    All but the error are missing where there is one, for colour, and where all is padding.
    """
    placed = "frame" in headers.index.names
    rows = headers if placed else frame_rows(headers, progress=progress)
    frames = frames_of(rows) if placed else rows["frame"].tolist()
    images, count = zip(paths_of(rows), frames, rows["error"]), len(rows)
    shown = count >= MIN_IMAGES_FOR_PROGRESS if progress is None else progress
    with in_threads(lambda image: _statistics(*image, window=window), images) as found:
        bar = tqdm(found, "Reading images", count, unit=" images", disable=not shown)
        table = pd.DataFrame([*bar], columns=COLUMNS, index=rows.index)
    return table.drop(columns="frame") if placed else table


def _statistics(path, frame, error, *, window):
    """One row as a dict."""
    if isinstance(error, str):
        return {"frame": frame, "pixel_error": error}
    try:
        image = read_image(path, frame)
    except ImageError as error:
        return {"frame": frame, "pixel_error": str(error)}
    values = image.pixels
    kept = values if image.padding is None else values[~image.padding]
    if values.ndim == 3 or not kept.size:
        return {"frame": frame}
    corners = _corners(values, image.padding)
    edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    return {
        "frame": frame,
        "min": float(kept.min()),
        "max": float(kept.max()),
        "mean": float(kept.mean(dtype=float)),
        "sd": float(kept.std(dtype=float)),
        "in_window": _share_in_window(kept, image, window, path),
        "padding": 1 - kept.size / values.size,
        "guessed_padding": np.nan if image.guess is None else image.guess,
        "tissue": float((kept > MIN_TISSUE_HU).mean()),
        "corner": float(np.median(corners)) if corners.size else np.nan,
        "corner_sd": float(corners.std()) if corners.size else np.nan,
        "border": float(edge[0]) if (edge == edge[0]).all() else np.nan,
        "histogram": np.histogram(kept, HISTOGRAM_EDGES)[0],
        "checksum": zlib.crc32(values.tobytes()),
    }


def _share_in_window(kept: np.ndarray, image: Image, window: Any, path: str) -> float:
    """The share of values that a window makes neither black nor white; missing without one."""
    if window is None and not image.windows:
        return np.nan
    try:
        _, found = resolve_window(
            window, image.windows, image.pixels, image.padding, unit=image.unit
        )
    except WindowError as error:
        raise WindowError(f"{error}; in {path}") from None
    low, high = found.limits
    return float(((kept > low) & (kept <= high)).mean())


def _corners(values, padding):
    """The values of the four corners that are no padding, as one array of floats."""
    ends = (slice(None, CORNER_PIXELS), slice(-CORNER_PIXELS, None))
    measured = np.ones(values.shape, bool) if padding is None else ~padding
    corners = [(rows, columns) for rows in ends for columns in ends]
    return np.concatenate([values[corner][measured[corner]] for corner in corners]).astype(float)
