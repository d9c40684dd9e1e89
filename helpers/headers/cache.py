"""What was read last time, and is it still true? Remembers header tables in a Parquet file.

A row per file: its fingerprint, then the columns of the header table, each of which holds every
distinct value once, as JSON. A row counts as long as the fingerprint is the file's.
"""

import contextlib
import itertools
import json
import os
import threading
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pydicom
from pyarrow import parquet

from helpers.errors import ClearError, WrongTypeError
from helpers.files import UNKNOWN, Fingerprint, fingerprint_of
from helpers.headers.columns import ABSENT, Columns, Row
from helpers.headers.elements import DIFFUSION_COLUMNS
from helpers.headers.pydicom_reader import NOT_READ

FORMAT = 3  # changes with what is stored, and with how headers are read
ABOUT = b"dicom header table"  # the key of what the file says about itself


class CacheError(ClearError):
    """A cache that cannot be where it was said to be."""


def cached_table(
    cache: str | os.PathLike[str],
    root: Any,
    paths: list[str],
    read: Callable[[list[str]], Iterable[list[Row]]],
    private: bool,
) -> pd.DataFrame:
    """The header table, of which only those files are read that are not in the cache as they are.

    What was read is written even where the reading is interrupted.

    Parameters
    ----------
    cache : the Parquet file
    root : what the table is of; where that is a folder, the cache must not lie in it
    read : yields the rows of files, some at a time
    private : whether all private elements become columns too

    Raises
    ------
    CacheError
        For a cache that cannot be where it is said to be.
    """
    file = _checked(cache, root, paths)
    fingerprints = list(map(fingerprint_of, paths))
    stored, columns = load(file, private)
    numbers = {fingerprint: number for number, fingerprint in enumerate(stored)} | {UNKNOWN: -1}
    found = [numbers.get(fingerprint, -1) for fingerprint in fingerprints]  # -1: not stored
    if found == list(range(len(stored))):
        return columns.table(paths)
    known = [n for n, number in enumerate(found) if number >= 0]
    order = known + [n for n, number in enumerate(found) if number < 0]  # in which rows come
    columns = columns.take([found[n] for n in known])
    try:
        for rows in read([paths[n] for n in order[len(known) :]]):
            columns.add(rows)
    finally:
        rows_read = np.argsort(order[: len(columns)])
        columns = columns.take(rows_read)
        save(file, [fingerprints[order[n]] for n in rows_read], columns, private)
    return columns.table(paths)


def load(file: Path, private: bool) -> tuple[list[Fingerprint], Columns]:
    """What a cache holds: the Fingerprint of each file, and their columns.

    Warns
    -----
    UserWarning
        Where the file is damaged, or was written by something else: it is renamed.
    """
    try:
        return _load(file.read_bytes(), private)
    except FileNotFoundError:
        pass
    except Exception as error:  # whatever is wrong with the file, headers can be read without it
        aside = _free_name(file)
        with contextlib.suppress(FileNotFoundError):  # another process was first
            os.replace(file, aside)
        reason = " ".join(str(error).split())
        message = f"cache: {file} is set aside as {aside} and begun anew ({reason})"
        warnings.warn(message, stacklevel=5)
    return [], Columns()


def save(file: Path, fingerprints: list[Fingerprint], columns: Columns, private: bool) -> None:
    """Writes the columns of the files, under a temporary name that then becomes `file`.

    Warns
    -----
    UserWarning
        Where it cannot be written.
    """
    lists = columns.lists()
    fingerprints = [
        UNKNOWN if str(error).startswith(NOT_READ) else fingerprint
        for fingerprint, error in zip(fingerprints, lists["error"])
    ]
    arrays = {"fingerprint": pa.array(fingerprints, pa.binary())}
    arrays |= {name: _encoded(values) for name, values in lists.items()}
    about = {"format": FORMAT, "pydicom": pydicom.__version__, "private": private}
    table = pa.table(arrays).replace_schema_metadata({ABOUT: json.dumps(about)})
    temporary = f"{file}.{os.getpid()}-{threading.get_ident()}"
    try:
        parquet.write_table(table, temporary, write_page_checksum=True)
        os.replace(temporary, file)
    except OSError as error:
        message = f"cache: {file} could not be written ({error}); the table is complete"
        warnings.warn(message, stacklevel=5)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


def _checked(cache: Any, root: Any, paths: list[str]) -> Path:
    """The full path of the cache, links followed, if it can be a file there.

    One in the folder that is read is refused: nothing is written there.
    """
    if not isinstance(cache, (str, os.PathLike)):
        raise WrongTypeError(f"cache: expected the name of a file, got {cache!r}")
    file = Path(os.path.realpath(os.path.expanduser(cache))) if os.fspath(cache) else Path()
    if any(path.endswith(file.name) and os.path.realpath(path) == str(file) for path in paths):
        raise CacheError(f"cache: expected a file of its own, got {file}, which is to be read")
    folder = isinstance(root, (str, os.PathLike)) and os.path.realpath(os.path.expanduser(root))
    if folder and file.is_relative_to(folder):
        expected = "a file outside of the folder that is read"
        raise CacheError(f"cache: expected {expected}, got {cache}; it would be one of its files")
    if file.is_dir() or not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        expected = "the name of a file in a folder that can be written to"
        raise CacheError(f"cache: expected {expected}, got {str(cache)!r}")
    return file


def _load(content: bytes, private: bool) -> tuple[list[Fingerprint], Columns]:
    stored = parquet.read_table(pa.BufferReader(content), page_checksum_verification=True)
    about = json.loads((stored.schema.metadata or {}).get(ABOUT, b"{}"))
    if not about:
        raise ValueError("not a cache of headers")
    if (about["format"], about["pydicom"]) != (FORMAT, pydicom.__version__):
        raise ValueError("written by another version")
    if private and not about["private"]:
        return [], Columns()
    names = [
        name
        for name in stored.column_names[1:]
        if private or name[0] != "(" or name in DIFFUSION_COLUMNS
    ]
    lists = {name: _decoded(stored[name].combine_chunks()) for name in names}
    return stored["fingerprint"].to_pylist(), Columns(lists, len(stored))


def _free_name(file: Path) -> str:
    """A name beside the cache that no file has."""
    names = (f"{file}.set-aside{number or ''}" for number in itertools.count())
    return next(name for name in names if not os.path.exists(name))


def _encoded(values: list) -> pa.DictionaryArray:
    """The values as JSON, each distinct text once; null where the element is absent."""
    identities = list(map(id, values))  # equal values that files share are one object
    texts = {
        identity: None if value is ABSENT else json.dumps(value)
        for identity, value in dict(zip(identities, values)).items()
    }
    return pa.array(map(texts.get, identities), pa.string()).dictionary_encode()


def _decoded(array: pa.DictionaryArray) -> list:
    """The values of a column, as a fresh reading has them."""
    distinct = json.loads(f"[{','.join(array.dictionary.to_pylist())}]")
    distinct = [tuple(value) if isinstance(value, list) else value for value in distinct]
    distinct.append(ABSENT)  # number -1
    numbers = array.indices.fill_null(-1).to_numpy().tolist()
    return list(map(distinct.__getitem__, numbers))
