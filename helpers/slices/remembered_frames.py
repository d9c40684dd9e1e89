"""What did the frames of multi-frame files say last time? These files are not opened again.

Beside the file, what is remembered belongs to what was asked of it: which part of it, of how many
frames, and what its header says of them.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import perf_counter

import numpy as np

from helpers.files.names import folder_of
from helpers.files.opening import fingerprints_of
from helpers.headers.cache import Memory, values_of
from helpers.headers.cache_place import our_place
from helpers.headers.packed import Chunk, merged, packed
from helpers.headers.table_file import Entries
from helpers.slices.frame_places import Columns

Read = partial[Columns]  # opens one file, its first argument, and gives what its frames say


def remembered_frames(
    files: dict[int, Read],
    read: Callable[[dict[int, Read]], Iterator[Columns]],
    collection: Iterable[str],
) -> dict[int, Columns]:
    """What the frames of files say, of which only those are read that are not remembered.

    What was slow to read is remembered in the user's cache folder, as `helpers.header_table`
    remembers headers, under the folder that holds all these files. What was read is kept even
    where the reading is interrupted.

    Parameters
    ----------
    files : how each is read, by a number; the last argument is the number of its frames
    read : yields what is read of some of them, in their order
    collection : paths of all files, also of those with one image: nothing is written among them
    """
    paths = [file.args[0] for file in files.values()]
    folder = folder_of(paths)
    whole = folder_of(collection)
    place = our_place(folder, "frames", whole) if folder is not None and whole is not None else None
    if place is None:
        return dict(zip(files, read(files)))
    numbers, asked = list(files), list(map(_asked, files.values()))
    names = list(map("\n".join, zip(place.names(paths, folder), asked)))
    fingerprints, memory = fingerprints_of(paths), Memory(place, {"kind": "frames"})
    counts = np.array([file.args[-1] for file in files.values()], int)
    stored, found = memory.recall(names, fingerprints, counts, lambda n: files[numbers[n]]())
    known = np.flatnonzero(found >= 0)
    columns = {numbers[n]: one for n, one in zip(known, values_of(stored, found[known]))}
    missing = {number: file for number, file in files.items() if number not in columns}
    if not missing:
        return columns
    start = perf_counter()
    try:
        for number, one in zip(missing, read(missing)):
            columns[number] = one
    finally:
        there = [n for n, number in enumerate(numbers) if number in columns]
        rows, counts = _rows([columns[numbers[n]] for n in there])
        entries = Entries({}, [names[n] for n in there], fingerprints[there], counts, rows)
        memory.keep(entries, perf_counter() - start)
    return columns


def _asked(read: Read) -> str:
    """What is asked of a file, beside its path."""
    return f"{read.func.__name__}{read.args[1:]}"


def _rows(files: list[Columns]) -> tuple[Chunk, np.ndarray]:
    """(the frames of some files as rows, how many each has)"""
    counts = [len(next(iter(columns.values()), [])) for columns in files]
    chunks = [
        Chunk(count, {keyword: packed(values) for keyword, values in columns.items()})
        for count, columns in zip(counts, files)
        if count
    ]
    keywords = dict.fromkeys(keyword for chunk in chunks for keyword in chunk.columns)
    columns = {keyword: merged(keyword, chunks) for keyword in keywords}
    return Chunk(sum(counts), columns), np.array(counts, int)
