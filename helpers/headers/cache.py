"""What was read last time, and is it still true? Remembers what headers say.

What is remembered of a file counts as long as its size and its times are as they were. Of data on
Kaggle, whose times and mounts differ from one kernel to the next and whose content does not, it
counts as long as path and size do, and some of the files say the same when they are read again.
"""

import contextlib
import itertools
import os
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pydicom

from helpers.files.opening import UNKNOWN, fingerprints_of, open_file
from helpers.headers.cache_place import Place
from helpers.headers.columns import Columns, Row
from helpers.headers.elements import DIFFUSION_COLUMNS
from helpers.headers.packed import ABSENT, Chunk
from helpers.headers.pydicom_reader import NOT_READ
from helpers.headers.table_file import Entries, decoded, encoded

FORMAT = 6  # changes with what is stored, and with how headers are read
MIN_SECONDS = 1  # what is read in less need not be remembered, where no file was named for it
MAX_PROBES = 8  # files of Kaggle's data that are read to see whether they say what is remembered

NOTHING = Entries({}, [], np.empty((0, 3), int), np.empty(0, int), Chunk(0, {}))

Values = dict[str, list[Any]]  # of the rows of one file, by column


class Memory:
    """What is remembered of files.

    Parameters
    ----------
    place : where
    about : what a table must say of itself to be used, beside its version
    """

    def __init__(self, place: Place, about: dict[str, Any]) -> None:
        self._place = place
        self._about = {"format": FORMAT, "pydicom": pydicom.__version__, **about}

    def recall(
        self,
        names: list[str],
        fingerprints: np.ndarray,
        counts: np.ndarray,
        probe: Callable[[int], Values],
    ) -> tuple[Entries, np.ndarray]:
        """(what is remembered, the number in it of each file (n,) or -1).

        Parameters
        ----------
        counts : how many rows each file (n,) must have; of frames none, too
        probe : reads the file of a number anew; asked where times say nothing

        Warns
        -----
        UserWarning
            Where a file is damaged, or was written by something else: it is renamed.
        """
        for file in (self._place.file, *self._place.attached):
            entries = self._load(file)
            found = self._found(entries, names, fingerprints, counts, probe)
            if (found >= 0).any():
                with contextlib.suppress(OSError):
                    os.utime(file)  # the oldest are those that are not used
                self._place.say("found in", file)
                return entries, found
        return entries, found

    def keep(self, entries: Entries, seconds: float) -> None:
        """Remembers these files alone, if reading them took long enough to be worth it."""
        if self._place.named or seconds >= MIN_SECONDS or os.path.exists(self._place.file):
            about = {**self._about, "root": self._place.root}
            self._place.write(encoded(entries._replace(about=about)))

    def _load(self, file: Path) -> Entries:
        try:
            entries = decoded(_content(file))
            self._check_version(entries.about)
            wanted = self._about.get("private")
            return entries if wanted else entries._replace(rows=_without_private(entries.rows))
        except FileNotFoundError:
            pass
        except Exception as error:  # whatever is wrong with the file, headers can be read without
            if self._place.named and file == self._place.file:  # ours are written anew
                _set_aside(file, error)
        return NOTHING

    def _check_version(self, about: dict[str, Any]) -> None:
        if any(about.get(key) != self._about[key] for key in ("format", "pydicom")):
            raise ValueError("written by another version")

    def _found(
        self,
        entries: Entries,
        names: list[str],
        fingerprints: np.ndarray,
        counts: np.ndarray,
        probe: Callable[[int], Values],
    ) -> np.ndarray:
        """The number of each file (n,) among those that are remembered, -1 where it is none."""
        nowhere, mounted = np.full(len(names), -1), self._place.is_mounted
        if not entries.names or not self._is_about_these(entries.about):
            return nowhere
        numbers = _numbers_of(names, entries.names)
        stored = np.where(numbers[:, None] < 0, UNKNOWN, entries.fingerprints[numbers])
        told = slice(1) if mounted else slice(None)
        same = (fingerprints[:, told] == stored[:, told]).all(axis=1) & (fingerprints[:, 0] >= 0)
        held = entries.counts[numbers]
        same &= (held == counts) | ((held == 0) & (self._about["kind"] == "frames"))
        found = np.where(same, numbers, -1)
        known = np.flatnonzero(same)
        if (fingerprints[known] == stored[known]).all():
            return found
        probed = known[np.unique(np.linspace(0, len(known) - 1, MAX_PROBES).astype(int))]
        remembered = values_of(entries, found[probed])
        agree = all(_text(probe(n)) == _text(said) for n, said in zip(probed, remembered))
        return found if agree else nowhere

    def _is_about_these(self, about: dict[str, Any]) -> bool:
        """Whether a table is of this folder, and says as much of its files as is asked for."""
        of_root = about.get("root") == self._place.root or self._place.is_mounted
        return of_root and all(
            about.get(key) is True or about.get(key) == self._about[key]
            for key in self._about.keys() - {"format", "pydicom"}
        )


def cached_table(
    place: Place,
    folder: str | None,
    paths: list[str],
    read: Callable[[list[str]], Iterable[list[Row]]],
    read_few: Callable[[list[str]], list[Row]],
    private: bool,
) -> pd.DataFrame:
    """The header table, of which only those files are read that are not remembered as they are.

    What was read is kept even where the reading is interrupted.

    Parameters
    ----------
    place : where it is remembered
    folder : that the paths begin with; None for a list of files
    read : yields the rows of files, some at a time
    read_few : gives the rows of files, without a progress bar
    private : whether all private elements become columns too
    """
    memory = Memory(place, {"kind": "headers", "private": private})
    names, fingerprints = place.names(paths, folder), fingerprints_of(paths)
    ones, probe = np.ones(len(paths), int), partial(_read_one, paths, read_few)
    stored, found = memory.recall(names, fingerprints, ones, probe)
    if np.array_equal(found, np.arange(len(stored.names))):
        return Columns(stored.rows).table(paths)
    known, new = np.flatnonzero(found >= 0), np.flatnonzero(found < 0)
    columns, order = Columns(stored.rows.take(found[known])), np.concatenate([known, new])
    start = perf_counter()
    try:
        for some in read([paths[n] for n in new]) if len(new) else ():
            columns.add(some)
    finally:
        seconds = perf_counter() - start
        order = order[: len(columns)]
        rows = columns.merged()
        if (np.diff(order) < 0).any():
            rows, order = rows.take(np.argsort(order)), np.sort(order)
        fingerprints[order[_not_read(rows)]] = UNKNOWN
        counts = np.ones(len(order), int)
        names = [names[n] for n in order]
        memory.keep(Entries({}, names, fingerprints[order], counts, rows), seconds)
    return Columns(rows).table(paths)


def values_of(entries: Entries, numbers: np.ndarray) -> list[Values]:
    """What is remembered of the files of some numbers (n,), each its columns."""
    stops, counts = np.cumsum(entries.counts)[numbers], entries.counts[numbers]
    places = [np.arange(stop - count, stop) for stop, count in zip(stops, counts)]
    rows = entries.rows.take(np.concatenate([np.empty(0, int), *places]))
    lists = {name: rows.values(name) for name in rows.columns}
    ends = np.cumsum(counts).tolist()
    return [
        {
            name: values[end - count : end]
            for name, values in lists.items()
            if count and values[end - count] is not ABSENT
        }
        for end, count in zip(ends, counts.tolist())
    ]


def _read_one(paths: list[str], read_few: Callable[[list[str]], list[Row]], number: int) -> Values:
    """What a file says now."""
    (row,) = read_few([paths[number]])
    return {name: [value] for name, value in row.items()}


def _text(values: Values) -> str:
    """Values as a text that is the same where they are, NaN too."""
    return repr(sorted(values.items()))


def _numbers_of(names: list[str], stored: list[str]) -> np.ndarray:
    """The number of each name (n,) among those that are remembered, -1 where it is none."""
    if names == stored:
        return np.arange(len(names))
    numbers = dict(zip(stored, range(len(stored))))
    return np.array([numbers.get(name, -1) for name in names], int)


def _without_private(rows: Chunk) -> Chunk:
    """The rows with those private elements alone that stand in every header table."""
    shown = [name for name in rows.columns if name[:1] != "(" or name in DIFFUSION_COLUMNS]
    return Chunk(rows.length, {name: rows.columns[name] for name in shown})


def _not_read(rows: Chunk) -> np.ndarray:
    """Which files could not be read (n,), and are to be read another time."""
    if not any(str(error).startswith(NOT_READ) for error in rows.few_values("error")):
        return np.zeros(rows.length, bool)
    return np.array([str(error).startswith(NOT_READ) for error in rows.values("error")])


def _content(file: Path) -> bytes:
    with open_file(file) as opened:
        return opened.read(0, opened.size)


def _set_aside(file: Path, error: Exception) -> None:
    """Renames a file that cannot be used, and says so."""
    aside = _free_name(file)
    with contextlib.suppress(OSError):  # another process was first
        os.replace(file, aside)
    reason = " ".join(str(error).split())
    message = f"cache: {file} is set aside as {aside} and begun anew ({reason})"
    warnings.warn(message, stacklevel=6)


def _free_name(file: Path) -> str:
    """A name beside the cache that no file has."""
    names = (f"{file}.set-aside{number or ''}" for number in itertools.count())
    return next(name for name in names if not os.path.exists(name))
