"""What is a cell, and what a part of it? Images that lie alike, and what tells them apart."""

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from helpers.geometry.grids import places_of
from helpers.slices.arrays import PLACES, Arrays
from helpers.slices.elements import TIMES, compared, shown

TIME_DECIMALS = 6  # of a median of times that are said
# where nothing else tells them apart
GUESS, FILE_NAME, FRAME = GUESSES = ("InstanceNumber", "path", "frame")
DIMENSIONS = "DimensionIndexValues"  # numbers of a frame in each dimension of its file


class Part(NamedTuple):
    """Images of a cell that belong to one stack, and what tells them from the others."""

    rows: np.ndarray  # numbers of rows of the table
    keyword: str | None = None
    value: Any = None  # a number or a text


class Way(NamedTuple):
    """A way to tell images apart: a number for each (m,), -1 for those left over."""

    labels: np.ndarray
    keywords: tuple[str, ...]


class Cell:
    """Images that lie alike: rows of a table, and their place along the normal.

    Parameters
    ----------
    arrays : of the whole table
    rows : (m,) numbers of rows
    along : (m,) mm
    tolerance : mm within which positions are one
    """

    def __init__(
        self, arrays: Arrays, rows: np.ndarray, along: np.ndarray, tolerance: float
    ) -> None:
        self.arrays, self.rows, self.along, self.tolerance = arrays, rows, along, tolerance
        self.place = places_of(along, tolerance)
        self.positions = np.zeros(self.place.max() + 1)
        self.positions[self.place] = along
        self.extent = float(self.positions[-1] - self.positions[0])

    def take(self, kept: np.ndarray) -> "Cell":
        """Only some of the images, `kept` (m,) boolean."""
        return Cell(self.arrays, self.rows[kept], self.along[kept], self.tolerance)

    @property
    def repeats(self) -> bool:
        """Whether a position comes more than once."""
        return len(self.place) > len(self.positions)

    def values(self, keyword: str) -> np.ndarray:
        """A number (m,) that is equal for equal values, and rises with them."""
        if keyword in PLACES:
            return self._places(keyword)
        return compared(self.arrays, keyword, self.rows)

    def _places(self, which: str) -> np.ndarray:
        """A number (m,) for each file or folder, in the order of the rows; -1 for none."""
        codes = self.arrays.codes(which)[self.rows]
        _, first, same = np.unique(codes, return_index=True, return_inverse=True)
        ranks = np.argsort(np.argsort(first))
        return np.where(codes < 0, -1, ranks[same.reshape(-1)])

    def varying(self, keywords: Iterable[str]) -> dict[str, np.ndarray]:
        """The `values` of those elements that have several here."""
        found = {}
        for keyword in keywords:
            codes = self.arrays.codes(keyword)[self.rows]
            if codes.min() != codes.max() and np.ptp(values := self.values(keyword)):
                found[keyword] = values
        return found


def named_parts(cell: Cell, way: Way) -> list[Part]:
    """The parts of a way, with the values that tell them apart."""
    kept = [cell.rows[way.labels == label] for label in range(way.labels.max() + 1)]
    return [Part(part.rows, *_name(cell, own, way)) for part, own in zip(_split(cell, way), kept)]


def inside(outer: Part, inner: Part) -> Part:
    """A part of a part: what tells it apart is said of both."""
    if inner.keyword is None:
        return inner._replace(keyword=outer.keyword, value=outer.value)
    keyword = f"{outer.keyword}, {inner.keyword}"
    return Part(inner.rows, keyword, f"{outer.value}, {inner.value}")


def _split(cell: Cell, way: Way) -> list[Part]:
    """The parts of a way; what is left over goes with the largest."""
    largest = int(np.bincount(way.labels[way.labels >= 0]).argmax())
    labels = np.where(way.labels < 0, largest, way.labels)
    return [Part(cell.rows[labels == label]) for label in range(labels.max() + 1)]


def _name(cell: Cell, rows: np.ndarray, way: Way) -> tuple[str, Any]:
    """(keyword, value) of a part: several elements are joined."""
    values = [_value(cell, keyword, rows, way) for keyword in way.keywords]
    value = values[0] if len(values) == 1 else ", ".join(map(str, values))
    return ", ".join(way.keywords), value


def _value(cell, keyword, rows, way):
    """What a part has of an element: a number, or a text."""
    if keyword in GUESSES or keyword == DIMENSIONS:
        label = way.labels[np.isin(cell.rows, rows)].max()
        return int(label) + 1
    if keyword in PLACES:
        path = cell.arrays.path(rows[0])
        return os.path.basename(path if keyword == "file" else os.path.dirname(path))
    if keyword in TIMES:
        return round(float(np.nanmedian(cell.arrays.numbers(keyword)[rows])), TIME_DECIMALS)
    value = cell.arrays.values(keyword, rows[:1])[0]
    if keyword == "ImageType" and isinstance(value, tuple):
        value = _telling_components(cell.arrays.values(keyword, cell.rows), value)
    return shown(value)


def _telling_components(all_values, value):
    """The components of an Image Type that differ among all."""
    same_length = {len(one) for one in all_values if isinstance(one, tuple)} == {len(value)}
    if not same_length:
        return value
    components = zip(*(one for one in all_values if isinstance(one, tuple)))
    differs = [len(set(component)) > 1 for component in components]
    return tuple(one for one, telling in zip(value, differs) if telling) or value
