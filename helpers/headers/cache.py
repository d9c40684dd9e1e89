"""What did we read last time, and is it still true? Remembers the rows of the header table in a Parquet file.

A row per file: its full path as bytes (so that any name will do), size and times, then the columns of the
header table. A column of whole numbers, of fractions or of text is one of Parquet's; tuples, mixed values and
empty ones stand as JSON, each distinct one once. A row counts as long as path, size and times are those of the file.
"""

import contextlib
import hashlib
import itertools
import json
import os
import threading
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pydicom
from pyarrow import parquet

from helpers.errors import ClearError
from helpers.headers.columns import ABSENT, Columns, any_inexact, column_of, table_of
from helpers.headers.pydicom_reader import NOT_READ

FORMAT = 1  # changes with what is stored, and with how headers are read
ABOUT = b"dicom header table"  # the key of what the file says about itself
JSON = {b"form": b"json"}  # marks a column of JSON texts
SEAL, SEAL_LENGTH = (
    b'"seal": "',
    32,
)  # what stands before the digest of all other bytes, and its characters
UNKNOWN = -1  # size of a file that could not be read: to be read next time, whatever it is then


class CacheError(ClearError):
    """A cache that cannot be where it was said to be."""


class Stamp(NamedTuple):
    """What tells whether a file is as it was: full path as the system has it, size in bytes, times in ns."""

    file: bytes
    size: int
    modified: int
    changed: int  # its content or who may read it; on Windows when it was made


def stamp_of(path):
    """The Stamp of a file."""
    full = os.path.abspath(path)
    try:
        file, status = os.fsencode(full), os.stat(path)
    except (OSError, ValueError):
        return Stamp(full.encode("utf-8", "backslashreplace"), UNKNOWN, UNKNOWN, UNKNOWN)
    return Stamp(file, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def recall(cache, private):
    """What a cache remembers; nothing where there is none, or where it is not to be trusted.

    Warns
    -----
    UserWarning
        Where the file is damaged, or was written by something else: it is renamed, and a new one begun.
    """
    folder = Path(cache).absolute().parent
    if Path(cache).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise CacheError(
            f"cache: expected the name of a file in a folder that can be written to, got {str(cache)!r}"
        )
    try:
        data = Path(cache).read_bytes()
    except FileNotFoundError:
        return Remembered()
    except OSError as error:
        warnings.warn(f"cache: {cache} cannot be read and is not used ({error})", stacklevel=4)
        return Remembered()
    try:
        stored, about = _trusted(data)
    except Exception as error:
        aside = _free_name(cache)
        with contextlib.suppress(FileNotFoundError):  # another process was first
            os.replace(cache, aside)
        reason = " ".join(str(error).split())
        warnings.warn(
            f"cache: {cache} is set aside as {aside} and begun anew ({reason})", stacklevel=4
        )
        return Remembered()
    return Remembered(stored, private) if about["private"] or not private else Remembered()


def _trusted(data):
    """(Parquet table, what it says about itself) of a cache's bytes. Raises where they are not to be trusted."""
    stored = parquet.read_table(pa.BufferReader(data))
    about = json.loads((stored.schema.metadata or {}).get(ABOUT, b"null"))
    if about is None:
        raise ValueError("not a cache of headers")
    if _sealed(data) != data:
        raise ValueError("not as it was written")
    if about | {"seal": ""} != _about(stored.schema.names, about.get("private")) | {"seal": ""}:
        raise ValueError("written by another version")
    return stored, about


def keep(cache, stamps, columns, private):
    """Writes the Columns of the files with these stamps, under a temporary name that then becomes `cache`."""
    lists = columns.lists()
    stamps = [
        stamp._replace(size=UNKNOWN) if _not_read(error) else stamp
        for stamp, error in zip(stamps, lists["error"])
    ]
    fields = [
        _plain_field(name, pa.array([getattr(stamp, name) for stamp in stamps]))
        for name in Stamp._fields
    ]
    fields += [_stored(name, values) for name, values in lists.items()]
    names = [field.name for field, _ in fields]
    schema = pa.schema(
        [field for field, _ in fields],
        {ABOUT: json.dumps(_about(names, private) | {"seal": "0" * SEAL_LENGTH})},
    )
    temporary = f"{os.fspath(cache)}.{os.getpid()}-{threading.get_ident()}"
    try:
        sink = pa.BufferOutputStream()
        parquet.write_table(pa.table([array for _, array in fields], schema), sink)
        Path(temporary).write_bytes(_sealed(sink.getvalue().to_pybytes()))
        os.replace(temporary, cache)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


class Remembered:
    """The rows that a cache holds."""

    def __init__(self, stored=None, private=False):
        self._stored = pa.table({name: [] for name in Stamp._fields}) if stored is None else stored
        self._private = private
        stamps = zip(*(self._stored.column(name).to_pylist() for name in Stamp._fields))
        self._places = {stamp: place for place, stamp in enumerate(stamps) if stamp[1] != UNKNOWN}

    def places(self, stamps):
        """Where the row of each stamp stands; None where there is none, or the file is no longer as it was."""
        return [self._places.get(stamp) for stamp in stamps]

    def columns(self, places):
        """The Columns of some rows."""
        return Columns(
            {name: _values(field, array) for name, field, array in self._fields()},
            len(self._stored),
        ).take(places)

    def table(self, paths):
        """All rows as the DataFrame that a fresh reading gives, its index the paths."""
        return table_of(
            {name: _series(field, array) for name, field, array in self._fields()}, paths
        )

    def __len__(self):
        return len(self._stored)

    def _fields(self):
        for field in list(self._stored.schema)[len(Stamp._fields) :]:
            if self._private or not field.name.startswith("("):
                yield field.name, field, self._stored.column(field.name).combine_chunks()


def _about(names, private):
    """What a cache says about itself, to be compared when it is read."""
    return {"format": FORMAT, "pydicom": pydicom.__version__, "private": private, "names": names}


def _sealed(data):
    """The bytes of a cache with their digest in the place that is kept for it, near their end."""
    start = data.rindex(SEAL) + len(SEAL)
    before, behind = data[:start], data[start + SEAL_LENGTH :]
    return (
        before
        + hashlib.blake2b(before + behind, digest_size=SEAL_LENGTH // 2).hexdigest().encode()
        + behind
    )


def _not_read(error):
    return isinstance(error, str) and error.startswith(NOT_READ)


def _free_name(cache):
    """A name beside the cache that no file has."""
    names = (f"{os.fspath(cache)}.set-aside{number or ''}" for number in itertools.count())
    return next(name for name in names if not os.path.exists(name))


def _stored(name, values):
    """(field, array) of Parquet for the values of a column."""
    kinds = set(map(type, values)) - {type(ABSENT)}
    present = [None if value is ABSENT else value for value in values]
    with contextlib.suppress(UnicodeEncodeError):  # text that is not Unicode stands as JSON
        if kinds == {str}:
            return _plain_field(name, pa.array(present, pa.string()).dictionary_encode())
    if not kinds or kinds == {float} or (kinds == {int} and not any_inexact(values)):
        return _plain_field(name, pa.array(present))
    texts = {
        identity: json.dumps(value)
        for identity, value in {id(value): value for value in values}.items()
        if value is not ABSENT
    }
    array = pa.array([texts.get(id(value)) for value in values], pa.string()).dictionary_encode()
    return pa.field(name, array.type, metadata=JSON), array


def _plain_field(name, array):
    return pa.field(name, array.type), array


def _series(field, array):
    """A column as the Series that a fresh reading gives."""
    if pa.types.is_dictionary(array.type) or pa.types.is_null(array.type):
        return (
            column_of(_values(field, array))
            if field.metadata
            else pd.Series(_objects(array, None), dtype=object)
        )
    return array.to_pandas()


def _values(field, array):
    """A column as the list of values that a fresh reading gives."""
    if pa.types.is_dictionary(array.type):
        return _objects(array, ABSENT, as_json=bool(field.metadata)).tolist()
    return [ABSENT if value is None else value for value in array.to_pylist()]


def _objects(array, missing, as_json=False):
    """The values of a dictionary array as an array of objects."""
    if pa.types.is_null(array.type):
        return np.full(len(array), missing)
    distinct = array.dictionary.to_pylist()
    if as_json:
        distinct = [
            tuple(value) if isinstance(value, list) else value
            for value in json.loads(f"[{','.join(distinct)}]")
        ]
    objects = np.empty(len(distinct) + 1, dtype=object)
    objects[:-1], objects[-1] = distinct, missing
    return objects[array.indices.fill_null(len(distinct)).to_numpy()]
