"""What do the files of one part say, and by which keys are they divided?"""

import os
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.files.listing import file_names, has_more_files, is_folder, walk_files
from helpers.files.names import absolute, as_named, is_address
from helpers.files.objects import facts_taken, remember
from helpers.headers.columns import FIXED_COLUMNS, Columns
from helpers.headers.fast_reader import FastReader
from helpers.headers.packed import ABSENT, Chunk, Coded, Same
from helpers.headers.parquet import FILE_NUMBER
from helpers.headers.table import read_rows
from helpers.headers.table_file import Entries, decoded, encoded
from helpers.scale.store import Store, being_written, write_arrays
from helpers.slices.arrays import numbers
from helpers.slices.frame_counts import MAX_FRAMES
from helpers.slices.images import REQUIRED_KEYWORDS, is_image

IDENTITY = {  # what a file is divided by, by the name of its key
    "patient": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "number": "SeriesNumber",
    "description": "SeriesDescription",
}
KEYS = [*IDENTITY, "folder", "image"]
NO_VALUE = np.uint64(0)  # the hash of what is missing


class Keys(NamedTuple):
    """What the files of a part are divided by."""

    kinds: np.ndarray  # uint64 (k, len(KEYS)), the distinct keys
    kind: np.ndarray  # (n,) the number of each file's
    instance: np.ndarray  # uint64 (n,) hash of the SOP Instance UID
    readable: np.ndarray  # bool (n,)
    weight: np.ndarray  # (n,) images, about
    columns: np.ndarray  # names of the columns that these files have


def checked_root(root: str | os.PathLike[str]) -> str:
    """The whole path of a folder, an archive or a bucket, for workers that stand elsewhere.

    Raises
    ------
    FolderError
        Where there is no folder, or no file in it.
    """
    folder = absolute(as_named(root))
    is_known = is_address(folder)  # is listed later, once
    if not is_folder(folder) or not (is_known or next(walk_files(folder), None)):
        file_names(folder)  # says what is there instead
    return folder


def is_one_part(root: str, size: int) -> bool:
    """Whether one part holds all files below a folder; of a bucket that is not known before."""
    return not is_address(root) and not has_more_files(root, size)


def list_parts(store: Store, root: str, size: int) -> Iterator[int]:
    """Yields the number of each part of the files below a folder, as soon as it is listed.

    What was read of a part stays where the same files are listed in it.
    """
    if store.has("work", "list", "done"):
        yield from range(store.read_json("work", "list", "done")["parts"])
        return
    part = count = 0
    names = walk_files(root, few_at_once=True)
    while some := list(islice(names, size)):
        _keep_list(store, part, some)
        yield part
        part, count = part + 1, count + len(some)
    if not count:
        file_names(root)  # says what is there instead
    store.write_json({"parts": part, "files": count}, "work", "list", "done")


def listed(store: Store, part: int) -> list[str]:
    """The paths of the files of a part."""
    with open(store.part("list", part), "rb") as file:
        return [os.fsdecode(name) for name in file.read().split(b"\0")]


def read_part(store: Store, part: int, first: int) -> None:
    """Reads the headers of a part, and writes what they say.

    Parameters
    ----------
    first : the number of its first file in the collection
    """
    paths, columns = listed(store, part), Columns()
    if is_address(paths[0]):
        remember(paths, store.read_json("work", "list", f"{part:06}.facts"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydicom's: they stand in values and errors
        for start in range(0, len(paths), 100):
            columns.add(read_rows(_reader(), paths[start : start + 100]))
    rows = columns.merged()
    rows.columns[FILE_NUMBER] = np.arange(first, first + len(paths))
    keys = keys_of(rows, paths)
    write_arrays(store.part("read", part, ".keys.npz"), keys._asdict())
    write_rows(store.part("read", part), rows, paths)


def is_read(store: Store, part: int) -> bool:
    """Whether a part has been read."""
    return os.path.exists(store.part("read", part))


def part_keys(store: Store, part: int) -> Keys:
    """The keys of the files of a part."""
    with np.load(store.part("read", part, ".keys.npz"), allow_pickle=False) as arrays:
        return Keys(**{name: arrays[name] for name in Keys._fields})


def write_rows(path: str, rows: Chunk, paths: list[str]) -> None:
    """Writes what files say."""
    with being_written(path) as temporary, open(temporary, "wb") as file:
        file.write(packed_rows(rows, paths))


def packed_rows(rows: Chunk, paths: list[str]) -> bytes:
    """What files say, as bytes."""
    ones = np.ones(len(paths), int)
    return encoded(Entries({}, paths, np.zeros((len(paths), 3), int), ones, rows))


def unpacked_rows(content: bytes) -> tuple[Chunk, list[str]]:
    """(what files say, their paths)"""
    entries = decoded(content)
    return entries.rows, entries.names


def keys_of(rows: Chunk, paths: list[str]) -> Keys:
    """The `Keys` of files."""
    names = [*REQUIRED_KEYWORDS, "NumberOfFrames", *FIXED_COLUMNS]
    few = Chunk(rows.length, {name: rows.columns[name] for name in names if name in rows.columns})
    table = Columns(few).table(paths).reindex(columns=names)
    image = is_image(table)
    folders = [path.rpartition(os.sep)[0] for path in paths]
    keys = [column_hashes(rows, word) for word in IDENTITY.values()]
    keys += [hashes(folders), image.astype(np.uint64)]
    kinds, kind = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
    first = np.full(len(kinds), len(paths))
    np.minimum.at(first, kind.reshape(-1), np.arange(len(paths)))
    order = np.argsort(first)
    frames = np.clip(np.nan_to_num(numbers(table, "NumberOfFrames"), nan=1), 1, MAX_FRAMES)
    return Keys(
        kinds[order],
        np.argsort(order)[kind.reshape(-1)].astype(np.int32),
        column_hashes(rows, "SOPInstanceUID"),
        table["error"].isna().to_numpy(),
        np.where(image, frames, 1).astype(np.int32),
        np.array([name for name in rows.columns if name != FILE_NUMBER], str),
    )


def values_of(rows: Chunk, name: str) -> list[Any]:
    """The values of a column, None where there is none."""
    return _known(rows.values(name))


def column_hashes(rows: Chunk, name: str) -> np.ndarray:
    """`hashes` (n,) of the values of a column; those that files share are hashed once."""
    held = rows.packed(name)
    if isinstance(held, Same):
        return np.repeat(hashes(_known([held.value])), rows.length)
    if isinstance(held, Coded):
        return hashes(_known(held.distinct))[held.codes]
    return hashes(held if isinstance(held, np.ndarray) else _known(held))


def hashes(values: Any) -> np.ndarray:
    """A hash (n,) uint64 of each value, equal where they are; `NO_VALUE` of none."""
    held = np.empty(len(values), object)
    held[:] = values
    codes, distinct = pd.factorize(held)
    texts = np.array([*map(_text, distinct)], object)
    known = pd.util.hash_array(texts, categorize=False) if len(texts) else np.empty(0, np.uint64)
    return np.r_[known, NO_VALUE][codes]


def _known(values: list[Any]) -> list[Any]:
    """Values, None where there is none."""
    return [None if value is ABSENT else value for value in values]


def _text(value: Any) -> str:
    """A value as a text that is the same where values are equal."""
    if isinstance(value, str):
        return "s" + value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, tuple):
        return "t" + "\\".join(map(_text, value))
    return f"n{float(value) + 0.0!r}" if not abs(value) > 2**53 else f"n{value!r}"  # -0.0 is 0.0


def _keep_list(store: Store, part: int, names: list[str]) -> None:
    """Writes the names of a part; what was read of other names that it had goes."""
    path, content = store.part("list", part), b"\0".join(map(os.fsencode, names))
    if os.path.exists(path):
        with open(path, "rb") as file:
            if file.read() == content:
                return
    if is_read(store, part):
        os.remove(store.part("read", part))
    if is_address(names[0]):
        store.write_json(facts_taken(names), "work", "list", f"{part:06}.facts")
    with being_written(path) as temporary, open(temporary, "wb") as file:
        file.write(content)


@cache
def _reader() -> FastReader:
    """The reader of this process, which remembers what elements mean."""
    return FastReader()
