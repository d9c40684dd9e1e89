"""What do the pixels of every image say? Reads each image once, and keeps numbers only."""

import math
import warnings
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, closing
from functools import lru_cache, partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.errors import require_type
from helpers.pixels.image import Image, ImageError
from helpers.pixels.images import ImageReader
from helpers.pixels.sources import Source, sources_of
from helpers.pixels.window import WindowError, resolve_window
from helpers.runtime import chunks_of, in_threads_if_slow, quiet, through
from helpers.slices.frame_rows import frame_rows

HISTOGRAM_EDGES = np.arange(-4096, 4097, 32)  # in the unit of the values
BINS, BIN_WIDTH = len(HISTOGRAM_EDGES) - 1, int(HISTOGRAM_EDGES[1] - HISTOGRAM_EDGES[0])
CORNER_PIXELS = 4  # along a side
MIN_TISSUE_HU = -500
MIN_IMAGES_FOR_PROGRESS = 200
IMAGES_PER_CHUNK = 8  # that are read one after the other, here or in a thread
IMAGES_PER_TASK = 256  # that are sent to a given executor at once


class Statistics(NamedTuple):
    """What is known of the values of one image, padding left out; see `pixel_table`."""

    pixel_error: str | None = None
    min: float = np.nan
    max: float = np.nan
    mean: float = np.nan
    sd: float = np.nan
    in_window: float = np.nan
    padding: float = np.nan
    guessed_padding: float = np.nan
    tissue: float = np.nan
    corner: float = np.nan
    corner_sd: float = np.nan
    border: float = np.nan
    histogram: np.ndarray | float = np.nan
    checksum: float = np.nan


def pixel_table(
    headers: pd.DataFrame,
    *,
    window: Any = None,
    executor: Executor | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """One row per image: statistics of its values after rescale (HU for CT), padding left out.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.slice_table`
    window : for ``in_window``: (center, width), a Window, a name as `helpers.Slice.window` takes
        it, or None for the first of each file's own; those of `helpers.WINDOWS` are refused where
        an image is not in HU
    executor : concurrent.futures.Executor, or None
        Reads the images, for example a ProcessPoolExecutor or Dask's ``Client.get_executor()``.
        None reads them here, in threads where they take long.
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

    All but the error are missing where there is one, for colour, and where all is padding. A file
    that has changed since its row was read is an error.

    Raises
    ------
    WindowError
        For a window that is none, or has no meaning for the values of an image.
    """
    require_type(headers, pd.DataFrame, "of header_table or slice_table")
    placed = "frame" in headers.index.names
    rows = headers if placed else frame_rows(headers, executor=executor, progress=progress)
    errors = [error if isinstance(error, str) else None for error in rows["error"]]
    sources = [source for source, error in zip(sources_of(rows), errors) if error is None]
    shown = len(rows) >= MIN_IMAGES_FOR_PROGRESS if progress is None else progress
    bar = tqdm(total=len(sources), desc="Reading images", unit=" images", disable=not shown)
    with warnings.catch_warnings(), _reading(sources, window, executor) as chunks, bar:
        warnings.simplefilter("ignore", UserWarning)  # pydicom's: they are the audit's matter
        found = iter([one for chunk in chunks for one in _checked(chunk, bar)])
    statistics = [next(found) if error is None else Statistics(error) for error in errors]
    table = pd.DataFrame(statistics, columns=Statistics._fields, index=rows.index)
    if not placed:
        table.insert(0, "frame", rows["frame"])
    return table


def _reading(
    sources: list[Source], window: Any, executor: Executor | None
) -> AbstractContextManager[Iterator[list[Statistics | WindowError]]]:
    """Gives an iterator over the statistics of images, some at a time, in their order."""
    read = partial(_read, ImageReader(), window)
    if executor is None:
        return closing(in_threads_if_slow(read, chunks_of(sources, IMAGES_PER_CHUNK)))
    return closing(through(executor, read, chunks_of(sources, IMAGES_PER_TASK)))


def _checked(found: list[Statistics | WindowError], bar: tqdm) -> Iterator[Statistics]:
    """Yields some statistics, if the window has a meaning for all of them."""
    for one in found:
        if isinstance(one, WindowError):
            raise one
        yield one
    bar.update(len(found))


def _read(
    reader: ImageReader, window: Any, sources: Sequence[Source]
) -> list[Statistics | WindowError]:
    """The statistics of some images, or what is wrong with the window."""
    with quiet():
        return [
            _statistics(image, window, source.path)
            for image, source in zip(reader.images(sources), sources)
        ]


def _statistics(image: Image | ImageError, window: Any, path: str) -> Statistics | WindowError:
    if isinstance(image, ImageError):
        return Statistics(str(image))
    values = image.array
    kept = values if image.padding is None else values[~image.padding]
    if values.ndim == 3 or not kept.size:
        return Statistics()
    try:
        in_window = _share_in_window(kept, image, window)
    except WindowError as error:
        return WindowError(f"{error}; in {path}")
    low, high, corners = float(kept.min()), float(kept.max()), _corners(values, image.padding)
    mean, sd = _mean_and_sd(kept)
    return Statistics(
        min=low,
        max=high,
        mean=mean,
        sd=sd,
        in_window=in_window,
        padding=1 - kept.size / values.size,
        guessed_padding=np.nan if image.guess is None else image.guess,
        tissue=_count_above(kept, MIN_TISSUE_HU) / kept.size,
        corner=float(median(corners.tolist())) if corners.size else np.nan,
        corner_sd=_mean_and_sd(corners)[1] if corners.size else np.nan,
        border=_border(values),
        histogram=_histogram(kept, low, high),
        checksum=zlib.crc32(np.ascontiguousarray(values).data),
    )


def _share_in_window(kept: np.ndarray, image: Image, window: Any) -> float:
    """The share of values that a window makes neither black nor white; missing without one."""
    if window is None and not image.windows:
        return np.nan
    _, found = resolve_window(window, image.windows, image.array, image.padding, unit=image.unit)
    low, high = found.limits
    return max(0, _count_above(kept, low) - _count_above(kept, high)) / kept.size


def _count_above(values: np.ndarray, limit: float) -> int:
    """How many values are above a limit; whole ones are compared with a whole one, for speed."""
    is_whole = values.dtype.kind == "i" and math.isfinite(limit)
    return int(np.count_nonzero(values > (math.floor(limit) if is_whole else limit)))


def _mean_and_sd(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation; of int16 from exact sums."""
    if values.dtype == np.int16:
        count, total = values.size, int(values.sum(dtype=np.int64))
        squares = int(np.square(values, dtype=np.int32).sum(dtype=np.int64))
        return total / count, math.sqrt(count * squares - total**2) / count
    mean = float(values.mean(dtype=float))
    deviations = np.subtract(values, mean, dtype=float)
    return mean, math.sqrt(np.square(deviations, out=deviations).mean())


def _corners(values: np.ndarray, padding: np.ndarray | None) -> np.ndarray:
    """The values (n,) of the four corners that are no padding."""
    places = _corner_places(values.shape)
    corners = values[places]
    return corners.reshape(-1) if padding is None else corners[~padding[places]]


@lru_cache(maxsize=100)
def _corner_places(shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """What takes the corners out of an image; where they overlap, its values count again."""
    ends = [[*range(size)[:CORNER_PIXELS], *range(size)[-CORNER_PIXELS:]] for size in shape]
    return np.ix_(*ends)


def _border(values: np.ndarray) -> float:
    """The one value of all pixels on the edge, else missing."""
    value, edges = values[0, 0], (values[0], values[-1], values[:, 0], values[:, -1])
    return float(value) if all((edge == value).all() for edge in edges) else np.nan


def _histogram(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The counts (256,) between `HISTOGRAM_EDGES`, of values from `low` to `high`."""
    first, last = HISTOGRAM_EDGES[0], HISTOGRAM_EDGES[-1]
    if low < first or high > last:
        values = values[(values >= first) & (values <= last)]
    bins = np.floor(values / BIN_WIDTH) if values.dtype.kind == "f" else values // BIN_WIDTH
    counts = np.bincount((bins.astype(np.intp) + BINS // 2).reshape(-1), minlength=BINS + 1)
    counts[BINS - 1] += counts[BINS]  # the last bin has its upper edge too
    return counts[:BINS].astype(np.uint32)
