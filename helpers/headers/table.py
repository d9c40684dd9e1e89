"""What does every header say? One row per file."""

import os
import warnings
from collections.abc import Collection, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import pandas as pd
from pydicom.datadict import tag_for_keyword
from tqdm.auto import tqdm

from helpers.errors import WrongTypeError, one_line, require_type
from helpers.files.listing import FolderError, file_names, is_folder
from helpers.files.names import as_named, is_address
from helpers.files.objects import beginnings, forget
from helpers.files.opening import is_there
from helpers.headers.cache import cached_table
from helpers.headers.cache_place import place_of
from helpers.headers.columns import FIXED_COLUMNS, Columns, Row
from helpers.headers.elements import DIFFUSION_COLUMNS
from helpers.headers.fast_reader import FastReader
from helpers.headers.keywords import KeywordError, check_keyword
from helpers.headers.pydicom_reader import PIXEL_TAGS, pydicom_row
from helpers.runtime import MANY_FILES, chunks_of, quiet, require_executor, through

FILES_PER_CHUNK = 4  # that are read one after the other, here and in a thread
FILES_PER_TASK = 256  # that are sent to a given executor at once
FILES_PER_REQUEST, REMOTE_THREADS = 128, 3  # of a bucket: one waits while others read
MAX_THREADS = 64  # enough to overlap the latency of a slow disk
FILES_IN_THREADS = 10_000  # before it is tried without
MAX_WAIT = 0.001  # seconds for a file; where a disk takes longer, threads are worth their price
SLOW_CHUNKS = 2  # in a row, before it is believed


def header_table(
    files_or_root: Any,
    *,
    keywords: Collection[str] | None = None,
    private: bool = False,
    cache: str | os.PathLike[str] | bool = True,
    executor: Executor | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """One row per file, always: a file that cannot be read has its reason in ``error``.

    Parameters
    ----------
    files_or_root : a folder (all files below it but hidden ones), or a list of files
        Or a header table in a Parquet file, as a survey keeps it: its rows are taken from there,
        and no file is read; it has no private elements.
    keywords : list of str, or None
        The DICOM keywords wanted as columns; None gives every public one that is met before the
        pixels, and b-values and gradient directions that stand in private elements.
    private : bool
        Also a column for each private element, named after its group, creator and element, as in
        ``(0019,xx0C) SIEMENS MR HEADER``.
    cache : bool, or path of a file
        Whether the table of a folder is remembered, so that the next call, or tomorrow's, reads
        only files that are new or have changed; see the notes. A path names a file for it, which
        remembers a list of files too: all keywords, whichever are wanted, of the files of the
        last call, so use one for each folder.
    executor : concurrent.futures.Executor, or None
        Reads the files, for example a ProcessPoolExecutor or Dask's ``Client.get_executor()``.
        None reads them here, in threads where the disk is slow.
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
        For a folder that is not there or is empty, and a Parquet file that is no header table.
    CacheError
        For a cache that cannot be where it is said to be.

    Notes
    -----
    What took more than a second to read is remembered in ``dicom-headers`` in the user's
    cache folder (``$XDG_CACHE_HOME``, or ``~/.cache``), which a line says once. It holds names
    and IDs as the files do, so only the user can read it; it is never in the collection, nor
    written while a de-identified report is made. ``cache=False`` does without, the environment
    variable ``DICOM_NO_CACHE`` in all calls. Above 1 GB in all, the tables that were
    not used for longest are dropped. What was read is kept when the reading is interrupted. A
    file is read again when its size or times have changed.

    On Kaggle the table is part of the kernel's output, ``/kaggle/working``, and is found below
    ``/kaggle/input`` where the output of another kernel is attached. There a file counts as
    unchanged where path and size are the same, for mounts have times of their own: eight files
    are read to see whether they say what is remembered.

    Dates and ages stay as they are written. As dates: ``pd.to_datetime(headers["StudyDate"],
    format="%Y%m%d", errors="coerce")``; as years, of ages like 061Y:
    ``headers["PatientAge"].str.extract(r"(\\d+)Y")[0].astype(float)`` (PS3.5 6.2).
    """
    keywords = None if keywords is None else _checked(keywords)
    require_executor(executor)
    if _is_table(files_or_root):
        if private:
            expected = "expected a folder, for private elements are not in the table of a survey"
            raise FolderError(f"{expected}, got {as_named(files_or_root)}")
        table = _read_table(as_named(files_or_root))
        return table if keywords is None else _only(table, keywords, private)
    paths, folder = _paths(files_or_root), _folder(files_or_root)
    place = place_of(cache, folder, paths)
    reader = FastReader(keywords if place is None else None, private)
    shown = len(paths) >= MANY_FILES if progress is None else progress
    read = partial(_with_progress, reader=reader, executor=executor, shown=shown)
    if place is None:
        columns = Columns()
        for rows in read(paths):
            columns.add(rows)
        table = columns.table(paths)
    else:
        table = cached_table(place, folder, paths, read, partial(read_rows, reader), private)
    return table if keywords is None else _only(table, keywords, private)


def split_values(headers: pd.DataFrame, keyword: str) -> pd.DataFrame:
    """A multi-valued column as one per value, ``value 1`` and so on; missing values are None.

    Examples
    --------
    >>> split_values(pd.DataFrame({"ImageType": [("ORIGINAL", "PRIMARY"), "DERIVED"]}), "ImageType")
        value 1  value 2
    0  ORIGINAL  PRIMARY
    1   DERIVED     None
    """
    require_type(headers, pd.DataFrame, "of header_table")
    check_keyword(keyword)
    values = headers[keyword] if keyword in headers else [None] * len(headers)
    rows = [value if isinstance(value, tuple) else (value,) for value in values]
    longest = max(map(len, rows), default=1)
    filled = [(*row, *[None] * (longest - len(row))) for row in rows]
    names = [f"value {number + 1}" for number in range(longest)]
    return pd.DataFrame(filled, index=headers.index, columns=names, dtype=object)


def _is_table(files_or_root: Any) -> bool:
    """Whether a header table is named that was written to a file."""
    if not isinstance(files_or_root, (str, bytes, os.PathLike)):
        return False
    name = as_named(files_or_root)
    return name.lower().endswith(".parquet") and os.path.isfile(name)


def _read_table(name: str) -> pd.DataFrame:
    """The rows of a header table in a file."""
    from helpers.headers.parquet import TableError, read_headers  # is slow to import

    try:
        return read_headers(name)
    except TableError as error:
        expected = "expected the header table of a survey, or a folder of DICOM files"
        raise FolderError(f"{expected}, got another file: {name}") from error


def _checked(keywords: Any) -> list[str]:
    """The keywords as a list, each of which can be a column."""
    if isinstance(keywords, (str, bytes)) or not hasattr(keywords, "__iter__"):
        raise KeywordError(f"expected a list of keywords, got {keywords!r}")
    keywords = list(keywords)
    for keyword in keywords:
        check_keyword(keyword, also=[*FIXED_COLUMNS, *DIFFUSION_COLUMNS])
        tag = tag_for_keyword(keyword) or 0x00080000
        of_meta = tag >> 16 <= 2
        if keyword not in FIXED_COLUMNS and (of_meta or tag >= min(PIXEL_TAGS)):
            where = "file meta information" if of_meta else "pixels, which are not read"
            expected = f"expected a keyword of the header, got {keyword!r}, of the {where}"
            raise KeywordError(f"{expected}; header_of(path) shows one file")
    return keywords


def _paths(files_or_root: Any) -> list[str]:
    if isinstance(files_or_root, (str, bytes, os.PathLike)):
        root = as_named(files_or_root)
        if is_address(root):
            forget(root)  # it may have changed
        return [root] if not is_folder(root) and is_there(root) else file_names(root)
    if isinstance(files_or_root, pd.DataFrame) or not hasattr(files_or_root, "__iter__"):
        hint = "; its files are its index" if isinstance(files_or_root, pd.DataFrame) else ""
        got = type(files_or_root).__name__ + hint
        raise WrongTypeError(f"expected a folder or a list of files, got {got}")
    files = list(files_or_root)
    if wrong := [file for file in files if not isinstance(file, (str, bytes, os.PathLike))]:
        raise WrongTypeError(f"expected a list of files, got {wrong[0]!r} in it")
    return [os.fsdecode(file) for file in files]


def _folder(files_or_root: Any) -> str | None:
    """The folder that the paths begin with; None for a list of files."""
    if not isinstance(files_or_root, (str, bytes, os.PathLike)):
        return None
    root = as_named(files_or_root)
    if is_address(root):
        return root.rstrip("/")
    return str(Path(root)) if is_folder(root) else None


def _with_progress(
    paths: list[str], *, reader: FastReader, executor: Executor | None, shown: bool
) -> Iterator[list[Row]]:
    """Yields the rows of the files, some at a time, with a progress bar."""
    bar = tqdm(total=len(paths), desc="Reading headers", unit=" files", disable=not shown)
    with warnings.catch_warnings(), bar:
        warnings.simplefilter("ignore", UserWarning)  # pydicom's: they stand in values and errors
        for rows in _rows_of(paths, reader, executor):
            yield rows
            bar.update(len(rows))


def _rows_of(
    paths: list[str], reader: FastReader, executor: Executor | None
) -> Iterator[list[Row]]:
    """Yields the rows of the files, some at a time, in the order of the paths.

    Without an executor they are read here as long as the disk is fast, and in threads for a while
    where it is not: threads cost more than they save where there is nothing to wait for.

    Warns
    -----
    RuntimeWarning
        Where a worker fails; its files are then read here.
    """
    if executor is not None:
        yield from through(executor, partial(read_rows, reader), chunks_of(paths, FILES_PER_TASK))
        return
    if paths and is_address(paths[0]):
        with ThreadPoolExecutor(REMOTE_THREADS, "headers") as threads:
            chunks = chunks_of(paths, FILES_PER_REQUEST)
            yield from through(threads, partial(read_rows, reader), chunks)
        return
    count = 0
    while count < len(paths):
        for rows in _rows_here(paths, count, reader):
            count += len(rows)
            yield rows
        if not (chunks := chunks_of(paths[count : count + FILES_IN_THREADS], FILES_PER_CHUNK)):
            return
        with ThreadPoolExecutor(MAX_THREADS, "headers") as threads:
            for rows in through(threads, partial(read_rows, reader), chunks):
                count += len(rows)
                yield rows


def _rows_here(paths: list[str], start: int, reader: FastReader) -> Iterator[list[Row]]:
    """Yields the rows of files from a number on, some at a time, up to where the disk is slow."""
    slow = 0
    while start < len(paths) and slow < SLOW_CHUNKS:
        before = perf_counter() - thread_time()
        rows = read_rows(reader, paths[start : start + FILES_PER_CHUNK])
        waited = perf_counter() - thread_time() - before
        slow = slow + 1 if waited > MAX_WAIT * len(rows) else 0
        start += len(rows)
        yield rows


def read_rows(reader: FastReader, paths: list[str]) -> list[Row]:
    """The rows of some files; what pydicom warns of stands in the values or in ``error``."""
    with quiet(), beginnings(paths):
        return [_row(reader, path) for path in paths]


def _row(reader: FastReader, path: str) -> Row:
    try:
        return reader.row(path) or pydicom_row(path, reader.private)
    except Exception as error:  # whatever it is, it costs no other file its row
        return {"error": one_line(error), "file_size": None}


def _only(table: pd.DataFrame, keywords: list[str], private: bool) -> pd.DataFrame:
    """The chosen keywords, met or not, with private elements if asked and the fixed columns."""
    own = [name for name in table if name in FIXED_COLUMNS or (private and name.startswith("("))]
    chosen = [*dict.fromkeys(keyword for keyword in keywords if keyword not in own), *own]
    return table.reindex(columns=chosen)
