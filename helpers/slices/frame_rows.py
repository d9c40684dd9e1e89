"""Which images does a collection hold? One row per frame, as of single images."""

from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.errors import require_type
from helpers.headers.columns import dtype_of
from helpers.headers.packed import MAX_EXACT_INTEGER
from helpers.runtime import MANY_FILES, require_executor, through
from helpers.slices.frame_counts import are_slides, counts_and_errors
from helpers.slices.frame_places import (
    POSITION,
    USED_KEYWORDS,
    Columns,
    Values,
    columns_of_frames,
    detector_columns,
    is_reconstructed,
    pointed_keywords,
)
from helpers.slices.functional_groups import (
    deidentified_columns,
    read_frame_columns,
    read_shared_columns,
)
from helpers.slices.images import has_few_keywords, is_image
from helpers.slices.remembered_frames import Read, remembered_frames

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
FIRST_FRAME_ONLY = (POSITION, "SliceLocation")  # of which the header speaks for the first frame
FILES_PER_TASK = 16  # that are sent to an executor at once


def frame_rows(
    headers: pd.DataFrame,
    *,
    executor: Executor | None = None,
    progress: bool | None = None,
    cache: bool = True,
) -> pd.DataFrame:
    """The rows that hold an image, one per frame, with what each frame says of its own.

    What functional groups say stands in the columns that single images have, such as
    ``ImagePositionPatient``; so do positions of the planes of a dose and of reconstructed nuclear
    medicine. Frames of other multi-frame files have no position. A whole-slide image is one row.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    executor : opens the multi-frame files; None opens them here, one after the other
    progress : whether to show a progress bar; None shows it for 200 multi-frame files and more
    cache : whether what was slow to read is remembered, as header tables are

    Returns
    -------
    DataFrame, index ``path`` as in `headers`, with the column ``frame`` (int64, from 0)
        ``error`` is None, but where the file cannot hold as many frames as it says: one row.

    References
    ----------
    PS3.3 C.7.6.16.2 (functional groups), C.8.8.3.2 (dose), C.8.4.15 (nuclear medicine)
    """
    require_executor(executor)
    require_type(cache, bool, "whether what was read is remembered")
    found = is_image(headers)
    images = headers if found.all() else headers[found]
    counts, errors = counts_and_errors(images)
    slides = are_slides(images)
    counts[slides] = 1
    files = _opened_files(images, counts, slides, errors)
    rows = np.union1d(np.flatnonzero(counts > 1), np.array(list(files), int))
    if not len(rows):
        return _with_fixed(images.copy(deep=False), counts, errors)
    reading = partial(_read_all, executor=executor, progress=progress)
    read = (
        remembered_frames(files, reading, headers.index)
        if cache
        else dict(zip(files, reading(files)))
    )
    own = _own_columns(images, rows, counts, read)
    return _with_fixed(_expanded(images, counts, rows, own), counts, errors)


def _opened_files(images, counts, slides, errors) -> dict[int, Read]:
    """How the files are read that are opened again, by the number of their row."""
    paths, reads = images.index, {}
    for row, image in _reconstructed(images):
        reads[row] = partial(detector_columns, paths[row], image, int(counts[row]))
    for row in np.flatnonzero(_with_groups(images, counts)).tolist():
        read = read_shared_columns if slides[row] else read_frame_columns
        reads[row] = partial(read, paths[row], int(counts[row]))
    return {row: reads[row] for row in sorted(reads.keys() - errors.keys())}


def _with_groups(images: pd.DataFrame, counts: np.ndarray) -> np.ndarray:
    """Which rows have functional groups, or may have, boolean (n,)."""
    named = [keyword for keyword in GROUPS if keyword in images]
    if not named and has_few_keywords(images):
        return counts > 1
    return images[named].notna().any(axis=1).to_numpy(bool)


def _reconstructed(images: pd.DataFrame) -> list[tuple[int, Values]]:
    """Rows of nuclear medicine whose frames are slices: number, and values of the header."""
    if "DetectorInformationSequence" not in images:
        return []
    rows = np.flatnonzero(images["DetectorInformationSequence"].notna()).tolist()
    values = _values_of(images.iloc[rows])
    return [(row, image) for row, image in zip(rows, values) if is_reconstructed(image)]


# reading


def _read_all(
    files: dict[int, Read], executor: Executor | None, progress: bool | None
) -> Iterator[Columns]:
    """Yields what is read of each file, in their order."""
    shown = len(files) >= MANY_FILES if progress is None else progress
    bar = tqdm(total=len(files), desc="Reading frames", unit=" files", disable=not shown)
    with bar:
        for some in _read_chunks(list(files.values()), executor):
            yield from some
            bar.update(len(some))


def _read_chunks(files: list[Read], executor: Executor | None) -> Iterator[list[Columns]]:
    """Yields what was read of the files, some at a time, in their order.

    Warns
    -----
    RuntimeWarning
        Where a worker fails; its files are then read here.
    """
    size = 1 if executor is None else FILES_PER_TASK
    chunks = [files[start : start + size] for start in range(0, len(files), size)]
    yield from map(_read, chunks) if executor is None else through(executor, _read, chunks)


def _read(files: list[Read]) -> list[Columns]:
    """What some files say of their frames."""
    return [read() for read in files]


# columns


def _own_columns(
    images: pd.DataFrame, rows: np.ndarray, counts: np.ndarray, read: dict[int, Columns]
) -> list[Columns]:
    """What the frames of each of some files say of their own.

    `read` is what was read of files, by the number of the row.
    """
    own = []
    for row, count, image in zip(rows, counts[rows].tolist(), _values_of(images.iloc[rows])):
        columns = columns_of_frames(image, count) if count > 1 else {}
        own.append(columns | deidentified_columns(read.get(row, {})))
    return own


def _values_of(images: pd.DataFrame) -> list[Values]:
    """What the header of each of some files says about its frames; nothing of what is missing."""
    pointers = images.get("FrameIncrementPointer", pd.Series(dtype=object)).dropna()
    pointed = [
        keyword for pointer in pointers.unique().tolist() for keyword in pointed_keywords(pointer)
    ]
    used = [keyword for keyword in dict.fromkeys([*USED_KEYWORDS, *pointed]) if keyword in images]
    columns = [_plain_values(images[keyword]) for keyword in used]
    return [
        {keyword: value for keyword, value in zip(used, values) if value is not None}
        for values in (zip(*columns) if columns else [()] * len(images))
    ]


def _plain_values(column: pd.Series) -> list[Any]:
    """The values of a column, None where one is missing."""
    return [None if value != value else value for value in column.tolist()]


def _expanded(
    images: pd.DataFrame, counts: np.ndarray, rows: np.ndarray, own: list[Columns]
) -> pd.DataFrame:
    """One row per frame; `own` has the columns of the frames of each of some `rows`."""
    repeated = np.repeat(np.arange(len(images)), counts)
    of_own = np.isin(repeated, rows)
    some, numbers = images.iloc[rows], counts[rows].tolist()
    filled = {}
    for keyword in sorted({keyword for columns in own for keyword in columns}):
        header = _plain_values(some[keyword]) if keyword in some else [None] * len(some)
        values = _filled(keyword, own, header, numbers)
        others = images[keyword].iloc[repeated[~of_own]] if keyword in images else None
        filled[keyword] = _merged(pd.Series(values, dtype=dtype_of(values)), others, of_own)
    kept = images[[keyword for keyword in images if keyword not in filled]].iloc[repeated]
    return pd.concat([kept, pd.DataFrame(filled).set_axis(kept.index)], axis=1)


def _filled(keyword: str, own: list[Columns], header: list, counts: list[int]) -> list[Any]:
    """The values of one column for the frames of some files, from their headers where unsaid."""
    values: list[Any] = []
    for columns, general, count in zip(own, header, counts):
        said = columns.get(keyword)
        if said is None:
            values += [general] * count
        elif general is None or (count > 1 and keyword in FIRST_FRAME_ONLY):
            values += said
        else:
            values += [general if value is None else value for value in said]
    return values


def _merged(own: pd.Series, others: pd.Series | None, of_own: np.ndarray) -> pd.Series:
    """One column (n,) of those of two kinds of rows; `of_own` says which are of the first."""
    dtype = _common_dtype(own, others, bool(of_own.all()))
    values = np.full(len(of_own), None if dtype is object else 0, dtype)
    values[of_own] = _as(own, dtype)
    if not of_own.all():
        values[~of_own] = np.nan if dtype is float and others is None else _as(others, dtype)
    return pd.Series(values, dtype=dtype)


def _as(column: pd.Series | None, dtype: Any) -> np.ndarray | None:
    """The values of a column of one type, in which a missing one is None or NaN."""
    if column is None or column.dtype == dtype:
        return column if column is None else column.to_numpy()
    if dtype is object:
        return column.astype(object).where(column.notna(), None).to_numpy()
    return pd.to_numeric(column).to_numpy(dtype)


def _common_dtype(own: pd.Series, others: pd.Series | None, alone: bool) -> Any:
    """The type of a column of all values, as `dtype_of` gives it: numbers where none loses."""
    if others is not None and own.dtype == others.dtype:
        return own.dtype
    columns = [own] if others is None or alone else [own, others]
    kinds = {column.dtype.kind for column in columns if column.notna().any()}
    if not kinds or kinds - {"i", "f"}:
        return object
    if kinds == {"i"} and (alone or others is not None) and all(c.notna().all() for c in columns):
        return np.int64
    whole = [column for column in columns if column.dtype.kind == "i"]
    return object if any((abs(column) > MAX_EXACT_INTEGER).any() for column in whole) else float


# what every row has


def _with_fixed(frames: pd.DataFrame, counts: np.ndarray, errors: dict[int, str]) -> pd.DataFrame:
    """The table with numbers of frames, and errors; put into the table itself."""
    starts = np.cumsum(counts) - counts
    frames["frame"] = np.arange(len(frames)) - np.repeat(starts, counts)
    if errors:
        values = np.full(len(frames), None, object)
        values[starts[list(errors)]] = list(errors.values())
        frames["error"] = pd.Series(values, frames.index, dtype=object)
    return frames
