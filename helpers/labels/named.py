"""Which images of a collection does a row of a table name? Texts against IDs, files and folders."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

CHUNK = 200_000  # texts that are looked at together, which bounds the memory that they need
KINDS = {  # what a text may be among the names of a collection → what it names; first wins a tie
    "SOP Instance UID": "image",
    "file name": "image",
    "file stem": "image",
    "Series Instance UID": "series",
    "Study Instance UID": "study",
    "Accession Number": "study",
    "Patient ID": "patient",
    "folder": "folder",
    "folder above": "folder",
    "Instance Number": "number",
    "frame": "frame",
}
KEYWORDS = {  # kinds that are an element of the header
    "SOP Instance UID": "SOPInstanceUID",
    "Study Instance UID": "StudyInstanceUID",
    "Accession Number": "AccessionNumber",
    "Patient ID": "PatientID",
}
LEVELS = ("image", "series", "study", "patient")  # what a row may be about, the finest first
NO_TEXT = ("", "nan", "NaN", "NA", "N/A", "null", "<NA>")  # stand for a missing value
MISSING, UNKNOWN = -2, -1  # in place of the number of a text: none is there, none is known


class Names:
    """The names in a collection: each distinct text once, and the images that it stands for.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    """

    def __init__(self, slices: pd.DataFrame) -> None:
        self.slices = slices
        texts = {kind: _texts_of(slices, kind) for kind in KINDS}
        missing = np.array(NO_TEXT, object)
        codes, distinct = pd.factorize(np.concatenate([missing, *texts.values()]))
        codes[np.isin(codes, codes[: len(missing)])] = UNKNOWN
        self.texts = pd.Index(distinct, dtype=object)
        self.of_kind = dict(zip(texts, codes[len(missing) :].reshape(len(texts), -1)))

    def known(self, kind: str) -> np.ndarray:
        """Which texts (m,) are names of a kind."""
        is_known = np.zeros(len(self.texts) + 2, bool)  # the last two stand for none
        is_known[self.of_kind[kind]] = True
        is_known[[UNKNOWN, MISSING]] = False
        return is_known

    @property
    def of_frame(self) -> np.ndarray:
        """The frame (slices,) of each row, from 0."""
        return self.slices.index.get_level_values("frame").to_numpy(int)

    @cached_property
    def stands_alone(self) -> np.ndarray:
        """Which texts (m,) name, as a file, one file alone."""
        return self.of_one_file("file name") | self.of_one_file("file stem")

    def of_one_file(self, kind: str) -> np.ndarray:
        """Which texts (m,) stand, as names of a kind, for the images of one file alone."""
        alone = np.zeros(len(self.texts) + 2, bool)
        paths = pd.factorize(self.slices.index.get_level_values("path"))[0]
        one_of = np.unique(np.c_[self.of_kind[kind], paths], axis=0)[:, 0]
        alone[np.flatnonzero(np.bincount(one_of[one_of >= 0]) == 1)] = True
        return alone

    def numbers(self, texts: np.ndarray) -> np.ndarray:
        """The number of each text (n,): `UNKNOWN` for no name, `MISSING` for no text."""
        found = self.texts.get_indexer(pd.Index(texts, dtype=object)).astype(np.int32)
        found[(found >= 0) & (found < len(NO_TEXT))] = MISSING
        return found


class Key(NamedTuple):
    """What a column names: numbers of its texts (n,), as names of a kind.

    `level` is what the name of the column says that they name; it may be empty.
    """

    kind: str
    codes: np.ndarray
    level: str


class Named(NamedTuple):
    """What the rows of a table name.

    `row` (n,) is the first row of the slices that is named, -1 for none; `level` (n,) numbers in
    `LEVELS` what is named; `counts` (n,) says of "images", "objects", "frames", "stacks", "series",
    "studies" and "patients" whether no (0), one (1) or several (2) are named.
    """

    row: np.ndarray
    level: np.ndarray
    counts: dict[str, np.ndarray]


def named(names: Names, keys: Sequence[Key], length: int) -> Named:
    """What each of so many rows names by several columns; one without a text is passed over."""
    finest = min(map(_level, keys), key=_rank, default="image")
    row, level = np.full(length, -1), np.full(length, LEVELS.index(finest), np.int8)
    counts = {what: np.zeros(length, np.int8) for what in _UNITS}
    if not len(names.slices):
        return Named(row, level, counts)
    for taken, rows in _patterns([key.codes for key in keys]):
        own = [keys[place]._replace(codes=keys[place].codes[rows]) for place in taken]
        groups = _Groups(names, [names.of_kind[key.kind] for key in own])
        found = groups.of(own, names)
        level[rows] = LEVELS.index(_level_of(own, groups, found))
        here, of_group = rows[found >= 0], found[found >= 0]
        row[here] = groups.first[of_group]
        for what, count in groups.counts.items():
            counts[what][here] = count[of_group]
    return Named(row, level, counts)


_UNITS = {  # what is counted → where it stands
    "images": "path",
    "frames": "frame",
    "objects": "SOPInstanceUID",
    "stacks": "stack",
    "series": "SeriesInstanceUID",
    "studies": "StudyInstanceUID",
    "patients": "PatientID",
}


class _Groups:
    """The images that share the names of several kinds: one group for each set of names."""

    def __init__(self, names: Names, kinds: list[np.ndarray]) -> None:
        self.kinds = [np.unique(codes) for codes in kinds]
        keys = _combined([np.searchsorted(a, b) for a, b in zip(self.kinds, kinds)], self.kinds)
        self.keys, group = np.unique(keys, return_inverse=True)
        order = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[order], np.arange(len(self.keys)))
        self.first = order[starts] if len(order) else np.zeros(1, int)
        self.counts = {}
        for what, codes in _unit_codes(names.slices).items():
            low, high = (way.reduceat(codes[order], starts) for way in (np.minimum, np.maximum))
            several = (low != high) | ((low < 0) & (what == "objects"))
            self.counts[what] = (1 + several).astype(np.int8)

    def of(self, keys: Sequence[Key], names: Names) -> np.ndarray:
        """The group of each row (n,), -1 for none."""
        known = np.logical_and.reduce([names.known(key.kind)[key.codes] for key in keys])
        places = [np.searchsorted(kind, key.codes[known]) for key, kind in zip(keys, self.kinds)]
        wanted = _combined(places, self.kinds)
        group = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = np.full(len(known), -1)
        found[known] = np.where(self.keys[group] == wanted, group, -1)
        return found


def _unit_codes(slices: pd.DataFrame) -> dict[str, np.ndarray]:
    """A number for each image, series … of each row of the slices."""
    codes = {}
    for what, name in _UNITS.items():
        if name in slices.index.names:
            codes[what] = pd.factorize(slices.index.get_level_values(name))[0]
        else:
            codes[what] = pd.factorize(slices.reindex(columns=[name])[name])[0]
    codes["stacks"] = codes["stacks"] + codes["series"] * (codes["stacks"].max(initial=0) + 1)
    return codes


def _combined(places: list[np.ndarray], kinds: list[np.ndarray]) -> np.ndarray:
    """One whole number for several; different ones for different sets."""
    keys = np.zeros(len(places[0]), np.int64)
    for place, kind in zip(places, kinds):
        keys = keys * (len(kind) + 1) + place
    return keys


def _patterns(columns: list[np.ndarray]) -> Iterator[tuple[list[int], np.ndarray]]:
    """(places of the columns that have a text, rows that have just these), for all rows."""
    if not columns:
        return
    bits = sum((codes != MISSING).astype(np.int32) << n for n, codes in enumerate(columns))
    for pattern in np.unique(bits):
        if pattern:
            taken = [n for n in range(len(columns)) if pattern >> n & 1]
            yield taken, np.flatnonzero(bits == pattern)


def _level_of(keys: Sequence[Key], groups: _Groups, found: np.ndarray) -> str:
    """What the finest of several columns names; of a folder, what its images say."""
    level = min(map(_level, keys), key=_rank)
    if level != "folder":
        return level
    known = found[found >= 0]
    single = {what: (groups.counts[what][known] == 1).all() for what in ("series", "studies")}
    return "series" if single["series"] else "study" if single["studies"] else "patient"


def _level(key: Key) -> str:
    """What a column names; what its own name says, where its kind may be more than one thing."""
    level = {"number": "image", "frame": "image"}.get(KINDS[key.kind], KINDS[key.kind])
    is_loose = level in ("folder", "study", "patient")
    return key.level if is_loose and key.level in LEVELS[1:] else level


def _rank(level: str) -> int:
    return (*LEVELS, "folder").index(level)


def _texts_of(slices: pd.DataFrame, kind: str) -> np.ndarray:
    """The names of one kind that each row of the slices (n,) has; None where it has none."""
    paths = slices.index.get_level_values("path")
    if kind == "Series Instance UID":
        at_hand = kind.replace(" ", "") in slices.index.names
        return _objects(
            slices.index.get_level_values("SeriesInstanceUID") if at_hand else None, slices
        )
    if kind in KEYWORDS:
        return _objects(slices.get(KEYWORDS[kind]), slices)
    if kind == "Instance Number":
        return _whole(slices.get("InstanceNumber"), slices)
    if kind == "frame":
        return _whole(slices.index.get_level_values("frame"), slices)
    return _of_paths(paths, kind)


def _of_paths(paths: pd.Index, kind: str) -> np.ndarray:
    """A part of each path (n,), worked out once for each file."""
    codes, distinct = pd.factorize(paths)
    part = {
        "file name": os.path.basename,
        "file stem": lambda path: os.path.splitext(os.path.basename(path))[0],
        "folder": lambda path: os.path.basename(os.path.dirname(path)),
        "folder above": lambda path: os.path.basename(os.path.dirname(os.path.dirname(path))),
    }[kind]
    found = np.empty(len(distinct), object)
    found[:] = [part(path) or None for path in distinct]
    return found[codes]


def _objects(values, slices: pd.DataFrame) -> np.ndarray:
    """Values (n,) as texts; None where there is none."""
    if values is None:
        return np.full(len(slices), None, object)
    codes, distinct = pd.factorize(np.asarray(values, object))
    texts = np.array([*(str(value).strip() or None for value in distinct), None], object)
    return texts[codes]


def _whole(values, slices: pd.DataFrame) -> np.ndarray:
    """Whole numbers (n,) as texts; None where there is none."""
    if values is None:
        return np.full(len(slices), None, object)
    numbers = pd.to_numeric(pd.Series(np.asarray(values)), errors="coerce").to_numpy(float)
    whole = np.isfinite(numbers) & (numbers == np.round(numbers))
    codes, distinct = pd.factorize(np.where(whole, numbers, np.nan))
    return np.array([*(f"{number:.0f}" for number in distinct), None], object)[codes]
