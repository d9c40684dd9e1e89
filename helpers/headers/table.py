"""What does every header say? One row per file."""

import os
import time
import warnings
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import current_thread, main_thread
from time import perf_counter, thread_time

import numpy as np
import pandas as pd
from pydicom.datadict import tag_for_keyword
from tqdm.auto import tqdm

from helpers.errors import WrongTypeError, require_type
from helpers.files import file_names
from helpers.headers.cache import CacheError, keep, recall, stamp_of
from helpers.headers.columns import ALWAYS, Columns
from helpers.headers.dump import MANY_FILES
from helpers.headers.fast_reader import Elements
from helpers.headers.keywords import KeywordError, check_keyword
from helpers.headers.pydicom_reader import PIXEL_VALUES, one_line, pydicom_row
from helpers.privacy.pseudonyms import deidentified_table

KEPT_EVERY = 10.0  # seconds between writings of a cache while headers are read
KEPT_SHARE = 0.1  # of the time that these may take


def header_table(
    files_or_root, *, keywords=None, private=False, cache=None, executor=None, progress=None
):
    """One row per file, always: a file that cannot be read has its reason in ``error``.

    Parameters
    ----------
    files_or_root : a folder (all files below it but hidden ones), or a list of files
    keywords : list of str, or None
        The DICOM keywords wanted as columns; None gives every public one that is met before the pixels.
    private : bool
        Also a column for each private element, named after its group, creator and element.
    cache : path of a Parquet file, or None
        Remembers the table: the next call reads only files that are new or have changed. It holds all
        keywords, whichever are wanted, of the files of the last call: use one cache for each folder.
        What was read is kept when the reading is interrupted.
    executor : concurrent.futures.Executor, or None
        Reads the files, for example a ProcessPoolExecutor or Dask's ``Client.get_executor()``. None reads
        them here, in threads where the disk is slow.
    progress : bool or None
        Whether to show a progress bar; None shows it for 200 files and more.

    Returns
    -------
    DataFrame, index ``path`` (str, object dtype), in natural order for a folder.
        One value is a scalar, several are a tuple, missing is None or NaN; a sequence is its
        number of items, bulk data its length in bytes. Beside the keywords: ``error``,
        ``file_size`` and ``pixel_offset`` (bytes; the latter where uncompressed pixel values
        start, else missing), ``TransferSyntaxUID`` and ``private_elements`` (a count).

    Raises
    ------
    KeywordError
        For a keyword that DICOM does not know (PS3.6), with the nearest that it does.
    FolderError
        For a folder that is not there or is empty.
    CacheError
        For a cache that cannot be where it is said to be.

    Notes
    -----
    Dates and ages stay as they are written. As dates: ``pd.to_datetime(headers["StudyDate"], format="%Y%m%d",
    errors="coerce")``; as years, of ages like 061Y: ``headers["PatientAge"].str.extract(r"(\\d+)Y")[0].astype(float)``
    (PS3.5 6.2).
    """
    keywords = None if keywords is None else _checked(keywords)
    if executor is not None and not hasattr(executor, "submit"):
        raise WrongTypeError(
            f"expected an executor, such as ProcessPoolExecutor(), got {type(executor).__name__}"
        )
    paths = _paths(files_or_root)
    shown = len(paths) >= MANY_FILES if progress is None else progress
    if cache is None:
        columns = Columns()
        for rows in _read(paths, Elements(keywords, private), executor, shown):
            columns.add(rows)
        table = columns.table(paths)
    else:
        table = _with_cache(
            _cache_file(cache, files_or_root), paths, Elements(None, private), executor, shown
        )
    table = deidentified_table(table)
    table.attrs["keywords"] = keywords  # whether what is missing was not asked for
    return table if keywords is None else _only(table, keywords)


def split_values(headers, keyword):
    """A multi-valued column as one column per value, ``value 1`` and so on; missing values are None.

    Examples
    --------
    >>> split_values(pd.DataFrame({"ImageType": [("ORIGINAL", "PRIMARY"), "DERIVED"]}), "ImageType")
        value 1  value 2
    0  ORIGINAL  PRIMARY
    1   DERIVED     None
    """
    require_type(headers, pd.DataFrame, "of header_table")
    check_keyword(keyword)
    column = (
        headers[keyword] if keyword in headers else pd.Series(None, headers.index, dtype=object)
    )
    rows = [value if isinstance(value, tuple) else (value,) for value in column]
    longest = max(map(len, rows), default=1)
    table = pd.DataFrame(
        [(*row, *[None] * (longest - len(row))) for row in rows], index=headers.index, dtype=object
    )
    return table.set_axis([f"value {n + 1}" for n in range(longest)], axis=1)


def _only(table, keywords):
    """The chosen keywords, met or not, with private elements and the fixed columns."""
    own = [name for name in table if name in ALWAYS or name.startswith("(")]
    chosen = [*dict.fromkeys(keyword for keyword in keywords if keyword not in own), *own]
    return table.reindex(columns=chosen)


def _checked(keywords):
    """The keywords as a list, each of which can be a column."""
    if isinstance(keywords, (str, bytes)) or not hasattr(keywords, "__iter__"):
        raise KeywordError(f"expected a list of keywords, got {keywords!r}")
    keywords = list(keywords)
    for keyword in keywords:
        check_keyword(keyword, also=ALWAYS)
        tag = tag_for_keyword(keyword)
        if keyword not in ALWAYS and tag and (tag >> 16 <= 2 or tag >= min(PIXEL_VALUES)):
            where = (
                "the file meta information" if tag >> 16 <= 2 else "the pixels, which are not read"
            )
            raise KeywordError(
                f"expected a keyword of the header, got {keyword!r}, of {where}; header_of(path) shows one file"
            )
    return keywords


def _paths(files_or_root):
    if isinstance(files_or_root, (str, bytes, os.PathLike)):
        root = os.path.expanduser(os.fsdecode(files_or_root))
        return [root] if os.path.isfile(root) else file_names(root)
    if isinstance(files_or_root, pd.DataFrame) or not hasattr(files_or_root, "__iter__"):
        hint = "; its files are its index" if isinstance(files_or_root, pd.DataFrame) else ""
        raise WrongTypeError(
            f"expected a folder or a list of files, got {type(files_or_root).__name__}{hint}"
        )
    files = list(files_or_root)
    if wrong := [file for file in files if not isinstance(file, (str, bytes, os.PathLike))]:
        raise WrongTypeError(f"expected a list of files, got {wrong[0]!r} in it")
    return [os.fsdecode(file) for file in files]


def _read(paths, reader, executor, shown):
    """Yields the rows of the files, some at a time, with a progress bar."""
    with (
        warnings.catch_warnings(),
        tqdm(total=len(paths), desc="Reading headers", unit=" files", disable=not shown) as bar,
    ):
        warnings.simplefilter(
            "ignore", UserWarning
        )  # what pydicom warns of stands in the values or in `error`
        for rows in rows_of(paths, reader, executor):
            yield rows
            bar.update(len(rows))


def _with_cache(cache, paths, reader, executor, shown):
    """The table, of which only those files are read that the cache does not know as they are."""
    stamps = [stamp_of(path) for path in paths]
    if os.fsencode(cache) in {stamp.file for stamp in stamps}:
        raise CacheError(f"cache: expected a file of its own, got {cache}, which is to be read")
    remembered = recall(cache, reader.private)
    places = remembered.places(
        stamps
    )  # where each file's row stands in the cache; None where it is to be read
    if paths and places == list(range(len(remembered))):
        return remembered.table(paths)
    known = [n for n, place in enumerate(places) if place is not None]
    order = known + [
        n for n, place in enumerate(places) if place is None
    ]  # files in the order in which rows come
    columns = remembered.columns([places[n] for n in known])
    due = time.monotonic() + KEPT_EVERY
    try:
        for rows in _read([paths[n] for n in order[len(known) :]], reader, executor, shown):
            columns.add(rows)
            if time.monotonic() > due:  # a process can be killed without a word
                due = time.monotonic() + max(
                    KEPT_EVERY, _keep(cache, stamps, columns, order, reader) / KEPT_SHARE
                )
    finally:
        try:
            _keep(cache, stamps, columns, order, reader)
        except KeyboardInterrupt:  # in the middle of the writing
            _keep(cache, stamps, columns, order, reader)
            raise
    return columns.take(np.argsort(order)).table(paths)


def _keep(cache, stamps, columns, order, reader):
    """Writes what was read so far, in the order of the files; returns the seconds that it took."""
    start = time.monotonic()
    places = np.argsort(order[: len(columns)])
    try:
        keep(
            cache, [stamps[order[place]] for place in places], columns.take(places), reader.private
        )
    except OSError as error:
        warnings.warn(
            f"cache: {cache} could not be written ({error}); the table is complete", stacklevel=4
        )
    return time.monotonic() - start


def _cache_file(cache, root):
    """The full path of the cache, links followed; one in the folder that is read is refused: nothing is written there."""
    if not isinstance(cache, (str, os.PathLike)):
        raise WrongTypeError(f"cache: expected the name of a file, got {cache!r}")
    file = Path(os.path.realpath(os.path.expanduser(cache))) if os.fspath(cache) else Path()
    is_folder = isinstance(root, (str, os.PathLike)) and os.path.isdir(root)
    if is_folder and file.is_relative_to(os.path.realpath(root)):
        raise CacheError(
            f"cache: expected a file outside of the folder that is read, got {cache}; it would be one of its files"
        )
    return file


CHUNK = 4  # files that a thread reads one after the other
SENT = 256  # files sent to a given executor at once
THREADS = 64  # enough to overlap the latency of a slow disk
WAITING = (
    0.001  # seconds a file that a disk may keep us waiting before threads are worth their price
)
SLOW_CHUNKS = 2  # in a row, before it is believed


def rows_of(paths, reader, executor=None):
    """Yields lists of rows (dicts of columns), in the order of the paths, as they are read.

    Parameters
    ----------
    paths : list of str
    reader : `helpers.headers.fast_reader.Elements`
    executor : concurrent.futures.Executor, or None
        None reads here as long as the disk is fast, and in threads from where it is not: threads cost
        more than they save where there is nothing to wait for. The caller shuts down what it gave.

    Warns
    -----
    RuntimeWarning
        Where a worker fails; its files are then read here.
    """
    if executor is not None:
        yield from _through(executor, paths, reader, SENT)
        return
    place = slow = 0
    while place < len(paths) and slow < SLOW_CHUNKS:
        before = perf_counter() - thread_time()
        rows = read(reader, paths[place : place + CHUNK])
        waited = perf_counter() - thread_time() - before
        slow = slow + 1 if waited > WAITING * len(rows) else 0
        place += len(rows)
        yield rows
    if place < len(paths):
        with ThreadPoolExecutor(THREADS, "headers") as threads:
            yield from _through(threads, paths[place:], reader, CHUNK)


def read(reader, paths):
    """The rows of some files, one after the other. What pydicom warns of stands in the values or in `error`."""
    with warnings.catch_warnings():
        if (
            current_thread() is main_thread()
        ):  # a process has one list of filters; threads leave it alone
            warnings.simplefilter("ignore")
        return [_row(reader, path) for path in paths]


def _row(reader, path):
    try:
        return reader.row(path) or pydicom_row(path, reader.private)
    except Exception as error:  # whatever it is, it costs no other file its row
        return {"error": one_line(error), "file_size": None}


def _through(executor, paths, reader, size):
    chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
    futures = deque(_submitted(executor, reader, chunk) for chunk in chunks)
    failures = 0
    try:
        for chunk in chunks:
            try:
                rows = futures.popleft().result()
                if len(rows) != len(chunk):
                    raise ValueError(f"{len(rows)} rows for {len(chunk)} files")
            except Exception as error:
                failures += 1
                if failures == 1:
                    warnings.warn(
                        f"a worker failed ({error!r}); its files are read here",
                        RuntimeWarning,
                        stacklevel=2,
                    )
                rows = read(reader, chunk)
            yield rows
    finally:
        for future in futures:
            future.cancel()


def _submitted(executor, reader, chunk):
    """The Future of a chunk; one that has failed already where the executor takes no more work."""
    try:
        return executor.submit(read, reader, chunk)
    except Exception as error:
        future = Future()
        future.set_exception(error)
        return future
