"""Where is each label? Named masks on one grid, in as few label maps as their overlaps allow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import NamedTuple

import numpy as np

from helpers.errors import ClearError
from helpers.geometry.planes import PlaneAxes, PlaneError, plane_axes

MAX_BYTES = 2**33  # of all label maps together
FLAT = 0.5 + 1e-3  # slices by which a mark may lie off a slice and yet is seen on it


class LabelError(ClearError, ValueError):
    """A label that does not lie on the volume, cannot be read, or is not there."""


@dataclass(frozen=True)
class Label:
    """One label: its name, who made it, and where its voxels are.

    `value` stands for it in the `layer`-th label map; `layer` is None for a label of marks alone.
    `by` says who or what made it, as its source says; `source` is the path of its file, `kind` what
    that file is. `remark` says what was done to it, or guessed.
    """

    name: str
    value: int
    layer: int | None = None
    kind: str = ""
    source: str = ""
    by: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Mark:
    """A box, a point or a word on one image: `points` (n, 3) in LPS mm.

    `shape`: "box" (its four corners in turn), "point" (one), or "class" (the four corners of the
    image that it is about). `value` is that of its label; `words` stand beside it.
    """

    value: int
    shape: str
    points: tuple[tuple[float, ...], ...]
    words: str = ""


class PictureMark(NamedTuple):
    """A mark on one picture: `places` are (row, column), whole numbers at the centres of pixels."""

    value: int
    shape: str
    places: tuple[tuple[float, float], ...]
    words: str = ""


@dataclass(frozen=True, eq=False)
class SliceLabels:
    """The labels of one picture: label maps (rows, columns) as it is displayed, and marks.

    `ml` says how large each label is as a whole, by its value, where that is known.
    """

    labels: tuple[Label, ...]
    maps: tuple[np.ndarray, ...] = ()
    marks: tuple[PictureMark, ...] = ()
    ml: Mapping[int, float] = field(default_factory=dict)

    def mask(self, label: Label) -> np.ndarray | None:
        """Boolean (rows, columns) of one label; None for one of marks alone."""
        return None if label.layer is None else self.maps[label.layer] == label.value


@dataclass(frozen=True, eq=False)
class Labels:
    """Named labels on the grid of a volume.

    `maps` are label maps (slices, rows, columns), zero where there is no label: one where labels do
    not overlap, more where they do. `affine` (4, 4) takes (slice, row, column, 1) to LPS mm.
    `labels` have different values, counted from 1. `remark` says what was done to all of them.
    """

    maps: tuple[np.ndarray, ...]
    affine: np.ndarray
    shape: tuple[int, int, int]
    labels: tuple[Label, ...]
    marks: tuple[Mark, ...] = ()
    frame_of_reference: str = ""
    remark: str = ""
    _counts: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        names = ", ".join(f"{label.name} {self.ml(label):.4g} ml" for label in self.masks)
        marked = f"{len(self.marks)} mark{'' if len(self.marks) == 1 else 's'}" * bool(self.marks)
        words = "; ".join(filter(None, (names, marked))) or "none"
        return f"Labels on {' × '.join(map(str, self.shape))} voxels: {words}"

    @property
    def masks(self) -> tuple[Label, ...]:
        """The labels that have voxels of their own kind, not marks alone."""
        return tuple(label for label in self.labels if label.layer is not None)

    @cached_property
    def voxel_ml(self) -> float:
        """The size of a voxel in ml."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    def label(self, name: str | int) -> Label:
        """A label by its name, or by its value.

        Raises
        ------
        LabelError
        """
        for label in self.labels:
            if name in (label.name, label.value):
                return label
        known = ", ".join(label.name for label in self.labels) or "none"
        raise LabelError(f"expected a label of {known}, got {name!r}")

    def mask(self, label: "Label | str | int") -> np.ndarray:
        """Boolean (slices, rows, columns): the voxels of one label, or of none for marks alone.

        Raises
        ------
        LabelError
        """
        label = label if isinstance(label, Label) else self.label(label)
        if label.layer is None:
            return np.zeros(self.shape, bool)
        return self.maps[label.layer] == label.value

    def ml(self, label: "Label | str | int") -> float:
        """How large a label is, in ml."""
        label = label if isinstance(label, Label) else self.label(label)
        return 0.0 if label.layer is None else float(self._along(label, 0).sum()) * self.voxel_ml

    def counts(self, label: "Label | str | int", plane: str) -> np.ndarray:
        """How many voxels of a label, or marks, each slice of a plane has: (slices of the plane,).

        Raises
        ------
        LabelError, PlaneError
        """
        label = label if isinstance(label, Label) else self.label(label)
        axes = plane_axes(self.affine, plane)
        counts = np.zeros(self.shape[axes.normal], int)
        if label.layer is not None:
            counts = counts + self._along(label, axes.normal)
        for mark in self.marks:
            if mark.value == label.value and (at := self._seen_at(mark, axes)) is not None:
                counts[at] += 1
        return counts

    def slice(self, plane: str, index: int | None = None) -> SliceLabels:
        """The labels on ``volume.slice(plane, index)``, of the volume on whose grid they are.

        Raises
        ------
        PlaneError
        """
        axes = plane_axes(self.affine, plane)
        count = self.shape[axes.normal]
        index = count // 2 if index is None else index
        if not -count <= index < count:
            raise PlaneError(f"expected an index from 0 to {count - 1}, got {index!r}")
        index %= count
        maps = tuple(axes.picture(np.take(one, index, axes.normal)) for one in self.maps)
        marks = [
            PictureMark(mark.value, mark.shape, self._places(mark, axes), mark.words)
            for mark in self.marks
            if self._seen_at(mark, axes) == index
        ]
        ml = {label.value: self.ml(label) for label in self.masks}
        return SliceLabels(self.labels, maps, tuple(marks), ml)

    def places(self, mark: Mark, plane: str) -> dict[int, tuple[tuple[float, float], ...]]:
        """Where the points of a mark are seen: the slice of a plane, and (row, column) there."""
        axes = plane_axes(self.affine, plane)
        index = self._seen_at(mark, axes)
        return {} if index is None else {index: self._places(mark, axes)}

    def _along(self, label: Label, axis: int) -> np.ndarray:
        """Voxels of a label in each slice along an axis of the array."""
        layer = label.layer or 0
        if (layer, axis) not in self._counts:
            counted = _counted(self.maps[layer])
            self._counts.update({(layer, axis): counts for axis, counts in enumerate(counted)})
        counts = self._counts[layer, axis]
        known = label.value < len(counts)
        return counts[label.value] if known else np.zeros(self.shape[axis], int)

    def _voxels(self, mark: Mark) -> np.ndarray:
        """The points of a mark as (n, 3) of (slice, row, column)."""
        points = np.c_[np.array(mark.points, float), np.ones(len(mark.points))]
        return np.linalg.solve(self.affine, points.T)[:3].T

    def _seen_at(self, mark: Mark, axes: PlaneAxes) -> int | None:
        """The slice of a plane on which a mark in the volume is seen; None where it is on none.

        A box or a word is seen on slices that it lies flat in, a point in every plane.
        """
        voxels = self._voxels(mark)
        if (voxels.max(0) < -FLAT).any() or (voxels.min(0) > np.array(self.shape) - 1 + FLAT).any():
            return None
        along = voxels[:, axes.normal]
        first, last = int(np.ceil(along.max() - FLAT)), int(np.floor(along.min() + FLAT))
        nearest = int(np.round(along.mean()))
        if first > last or not 0 <= nearest < self.shape[axes.normal]:
            return None
        return nearest

    def _places(self, mark: Mark, axes: PlaneAxes) -> tuple[tuple[float, float], ...]:
        """The points of a mark as (row, column) in the picture of a plane."""
        voxels, last = self._voxels(mark), np.array(self.shape) - 1
        rows, columns = (
            voxels[:, axis] if step > 0 else last[axis] - voxels[:, axis]
            for axis, step in ((axes.down, axes.down_step), (axes.right, axes.right_step))
        )
        return tuple(zip(rows.tolist(), columns.tolist()))


class Section(NamedTuple):
    """A part of a label in one slice of a grid: `mask` begins at (row, column) there."""

    slice_index: int
    row: int
    column: int
    mask: np.ndarray


class Part(NamedTuple):
    """A label as its source has it; `sections` may be made anew each time they are iterated."""

    name: str
    sections: Iterable[Section]
    by: str = ""
    remark: str = ""


def layered(
    parts: Iterable[Part],
    affine: np.ndarray,
    shape: tuple[int, int, int],
    *,
    kind: str,
    source: str,
    frame_of_reference: str = "",
    remark: str = "",
) -> Labels:
    """Labels from the sections of each; a label goes into the first map that it has to itself.

    Parameters
    ----------
    affine, shape : of the grid that the sections count in
    kind, source : of the file that they come from
    """
    parts = list(parts)
    dtype = map_dtype(len(parts))
    maps: list[np.ndarray] = []
    labels = []
    for value, part in enumerate(parts, 1):
        takes = (n for n, one in enumerate(maps) if _is_painted(one, part.sections, value))
        layer = next(takes, len(maps))
        if layer == len(maps):
            check_memory((len(maps) + 1) * dtype.itemsize, shape)
            maps.append(np.zeros(shape, dtype))
            _is_painted(maps[layer], part.sections, value)
        labels.append(Label(part.name, value, layer, kind, source, part.by, part.remark))
    return Labels(tuple(maps), affine, shape, tuple(labels), (), frame_of_reference, remark)


def map_dtype(count: int) -> np.dtype:
    """The type of a label map of so many labels.

    Raises
    ------
    LabelError
    """
    for dtype in (np.uint8, np.uint16):
        if count <= np.iinfo(dtype).max:
            return np.dtype(dtype)
    raise LabelError(f"expected at most {np.iinfo(np.uint16).max} labels, got {count}")


def check_memory(voxel_bytes: int, shape: tuple[int, ...]) -> None:
    """Refuses label maps that take more memory than any real ones.

    Raises
    ------
    LabelError
    """
    if voxel_bytes * prod(shape) > MAX_BYTES:
        raise LabelError(
            f"expected label maps of at most {MAX_BYTES >> 30} GB, got more: {voxel_bytes} bytes "
            f"for each of {' × '.join(map(str, shape))} voxels; load some of the labels with names="
        )


def section_of(index: int, mask: np.ndarray) -> Section | None:
    """The section of a boolean mask (rows, columns), cut to what it covers; None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    return Section(index, top, left, mask[top : rows[-1] + 1, left : columns[-1] + 1])


def _is_painted(label_map: np.ndarray, sections: Iterable[Section], value: int) -> bool:
    """Whether the sections found room in a label map; where not, it is as it was."""
    slices: list[int] = []
    for section in sections:
        window = _window_of(label_map, section)
        mask = section.mask.astype(bool, copy=False)
        taken = (window != 0) & mask
        if taken.any() and (window[taken] != value).any():
            for index in slices:
                label_map[index][label_map[index] == value] = 0
            return False
        np.copyto(window, value, where=mask, casting="unsafe")
        slices.append(section.slice_index)
    return True


def _window_of(label_map: np.ndarray, section: Section) -> np.ndarray:
    """The part of a label map that a section is about."""
    height, width = section.mask.shape
    rows = slice(section.row, section.row + height)
    return label_map[section.slice_index, rows, section.column : section.column + width]


def _counted(label_map: np.ndarray) -> list[np.ndarray]:
    """How many voxels of each value there are along each of the three axes: (values, n) each."""
    values = int(label_map.max(initial=0)) + 1
    counts = [np.zeros((values, length), int) for length in label_map.shape]
    for index, section in enumerate(label_map):
        rows, columns = np.nonzero(section)
        found = section[rows, columns].astype(int)
        counts[0][:, index] = np.bincount(found, minlength=values)
        for along, places in zip(counts[1:], (rows, columns)):
            length = along.shape[1]
            added = np.bincount(found * length + places, minlength=values * length)
            along += added.reshape(values, length)
    return counts
