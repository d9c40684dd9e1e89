"""Where does every image belong? One row per image, in its stack and in its place there."""

import itertools
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.slices.arrays import Arrays
from helpers.slices.assignment import Stacks, stacks_of
from helpers.slices.cells import SeriesFacts, cells_of
from helpers.slices.elements import with_private_diffusion
from helpers.slices.frame_rows import frame_rows
from helpers.slices.images import checked_headers
from helpers.slices.kinds import KINDS
from helpers.slices.order import in_order, order_grades, repeated_in_order

NO_UID = "no SeriesInstanceUID"  # stands in the index where a series has none
LEVELS = ["SeriesInstanceUID", "stack", "path", "frame"]
MAX_COPIED_ROWS = 100_000  # of larger tables no column is held twice


class Elsewhere(NamedTuple):
    """What is known of the files of a collection that are not in a table of some of its files."""

    series: dict[str, SeriesFacts]  # by UID or `NO_UID`, of which images are elsewhere too
    instances: frozenset[str]  # SOP Instance UIDs of images that are elsewhere too


NOTHING_ELSEWHERE = Elsewhere({}, frozenset())


def slice_table(
    headers: pd.DataFrame,
    *,
    executor: Executor | None = None,
    progress: bool | None = None,
    cache: bool = True,
    elsewhere: Elsewhere = NOTHING_ELSEWHERE,
) -> pd.DataFrame:
    """One row per image: its stack, and its place in it.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    executor : concurrent.futures.Executor, or None
        Opens multi-frame files again for what each frame says; None opens them here.
    progress : bool or None
        Whether to show a progress bar; None shows it for many multi-frame files.
    cache : bool
        Whether what frames say is remembered where that was slow to read, as and where
        `helpers.header_table` remembers headers: these files are then not opened again.
    elsewhere : `Elsewhere`
        Of headers that are a part of a collection's, what is known of the others.

    Returns
    -------
    DataFrame, index levels ``SeriesInstanceUID, stack, path, frame`` (frame from 0; a missing UID
        is a text that says so), sorted by UID and stack: ``slices.loc[(series, stack)]`` is a
        stack in spatial order, along ``+cross(row cosines, column cosines)``, with the index
        ``path, frame``. Stacks of a series count from 0, the largest first.

    The columns are those of `headers`, for every frame of a multi-frame object too
    (``DiffusionBValue`` and ``DiffusionGradientOrientation`` also where vendors give them in
    private elements), and

    - ``position_mm``, along the normal (Slice Location for order grade B; missing for C and D)
    - ``repeated``, whether an earlier image of the stack has the same position, or is the same
      object stored twice
    - ``order_grade``: A by position; B by Slice Location, a guess; C by time, Instance Number or
      frame; D by file name
    - ``kind``: volume, cine, projection, picture, slide, dose, segmentation or mosaic
    - ``group``, of stacks in a series that lie alike; ``split_keyword`` and ``split_value``, what
      tells them apart: a keyword and a number or text, or None
    - ``error``: None, or why an image cannot be used

    Without any image it is empty, with its columns.

    References
    ----------
    PS3.3 C.7.6.2.1.1 (position, orientation), C.7.6.16.2 (functional groups), C.7.6.2.1.2 (Slice
    Location is measured from no known point)
    """
    headers = checked_headers(headers)
    frames = frame_rows(headers, executor=executor, progress=progress, cache=cache)
    table = with_private_diffusion(frames)
    return _taken(table, *_placed(table, elsewhere))


def _placed(
    table: pd.DataFrame, elsewhere: Elsewhere
) -> tuple[np.ndarray, pd.MultiIndex, dict[str, np.ndarray]]:
    """(the rows in order, their index, the columns that say their places)"""
    series, uids, missing = _series_of(table)
    paths, names = pd.factorize(table.index, sort=True)
    frames = table["frame"].to_numpy()
    base = np.lexsort((frames, paths, series))
    arrays = Arrays(table, base)
    series, paths, frames, missing = series[base], paths[base], frames[base], missing[base]
    divided = {n: elsewhere.series[uid] for n, uid in enumerate(uids) if uid in elsewhere.series}
    cells = cells_of(arrays, series, paths, missing, divided)
    found = stacks_of(arrays, cells, frames, elsewhere.instances)
    grade = order_grades(arrays, found, paths)
    order, numbers, group = in_order(arrays, found, cells, grade, frames)
    repeated = repeated_in_order(found, cells, order)
    index = pd.MultiIndex(
        levels=[uids, _levels(numbers), pd.Index(names, dtype=object), _levels(frames)],
        codes=[series[order], numbers[order], paths[order], frames[order]],
        names=LEVELS,
        verify_integrity=False,
    )
    keywords, values = _splits(found)
    own = {
        "position_mm": found.along[order],
        "repeated": repeated,
        "order_grade": np.array(["A", "B", "C", "D"], object)[grade[order]],
        "kind": np.array(KINDS, object)[found.kind[order]],
        "group": group[order],
        "split_keyword": keywords[order],
        "split_value": values[order],
    }
    return base[order], index, own


def _series_of(table):
    """(number of the series of each row, the UIDs, which rows have none)"""
    given = table.reindex(columns=["SeriesInstanceUID"])["SeriesInstanceUID"]
    codes, distinct = pd.factorize(given)
    texts = np.array([*map(str, distinct), NO_UID], object)  # number -1 is the last
    uids, numbers = np.unique(texts, return_inverse=True)
    used, numbers = np.unique(numbers[codes], return_inverse=True)
    return numbers, pd.Index(uids[used], dtype=object), codes < 0


def _taken(
    table: pd.DataFrame, rows: np.ndarray, index: pd.MultiIndex, own: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Rows of the table, with columns of their own; in one piece where that costs little memory."""
    kept = [name for name in table if name not in ("SeriesInstanceUID", "frame")]
    taken = ((name, table[name].to_numpy()[rows]) for name in kept)
    columns = {
        name: pd.Series(one, index, one.dtype, copy=False)
        for name, one in itertools.chain(taken, own.items())
    }
    return pd.DataFrame(columns, index, copy=len(rows) <= MAX_COPIED_ROWS)


def _levels(frames):
    return np.arange(frames.max(initial=-1) + 1)


def _splits(found: Stacks) -> tuple[np.ndarray, np.ndarray]:
    """(keyword, value) of every image's stack, as object arrays (n,)."""
    keywords = np.full(int(found.stack.max(initial=-1)) + 1, None, object)
    values = keywords.copy()
    for stack, (keyword, value) in found.split.items():
        keywords[stack], values[stack] = keyword, value
    return keywords[found.stack], values[found.stack]
