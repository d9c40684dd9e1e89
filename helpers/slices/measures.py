"""How do the images of every stack lie? Positions, gaps and angles of all stacks at once."""

import os
from functools import cached_property

import numpy as np
import pandas as pd

from helpers.geometry.grids import (
    EVEN_GAP,
    MAX_OFF_GRID,
    REGULAR_GAP,
    begins,
    segment_medians,
    typical_gap,
    unit_normals,
)
from helpers.geometry.orientation import MAX_COSINE_ERROR, cosine_error, plane_name
from helpers.slices.arrays import Arrays, of_distinct
from helpers.slices.elements import MEANING, compared
from helpers.slices.kinds import KINDS, ON_A_GRID
from helpers.slices.parts import GUESSES

GRID_KINDS = tuple(KINDS[kind] for kind in ON_A_GRID)


class Measures(Arrays):
    """The geometry of the stacks of a table, as arrays for all images (n,) and all stacks (s,).

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`, whole stacks of it, or the rows of one stack
    """

    def __init__(self, slices: pd.DataFrame) -> None:
        super().__init__(slices)
        self.slices = slices
        if "stack" in slices.index.names:
            levels = [slices.index.names.index(name) for name in ("SeriesInstanceUID", "stack")]
            self.first = begins(*(np.asarray(slices.index.codes[level]) for level in levels))
        else:
            self.first = np.arange(len(slices)) == 0
        self.starts = np.flatnonzero(self.first)  # (s,) the first row of each stack
        self.segment = np.cumsum(self.first) - 1  # (n,) the number of the stack of each row
        self.counts = np.diff(self.starts, append=len(slices))  # (s,) images

    @cached_property
    def stacks(self) -> pd.MultiIndex:
        """The entries of the index, (SeriesInstanceUID, stack), of each stack."""
        return self.slices.index[self.starts].droplevel(["path", "frame"])

    def of(self, stack: int) -> pd.DataFrame:
        """The rows of one stack, by its number here."""
        return self.slices.iloc[self.rows(stack)]

    def rows(self, stack: int) -> slice:
        """Where the rows of one stack are."""
        return slice(self.starts[stack], self.starts[stack] + self.counts[stack])

    def any_of(self, rows: np.ndarray) -> np.ndarray:
        """Whether a row of each stack is marked, boolean (s,), from boolean (n,)."""
        return self.sums(rows) > 0

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum (s,) of values (n,) over each stack."""
        return np.bincount(self.segment, values, len(self.starts))

    def first_of(self, keyword: str) -> np.ndarray:
        """What the first image of each stack says, (s,) objects; None where no column is."""
        return self.values(keyword, self.starts)

    @cached_property
    def errors(self) -> np.ndarray:
        """Why each image (n,) cannot be used, a text; None where it can."""
        return self.values("error")

    def name(self, row: int) -> str:
        """The name of one row's file; with the frame where the file has several."""
        name = os.path.basename(self.path(row))
        several = self.numbers("NumberOfFrames")[row] > 1
        return f"{name} frame {self.slices.index[row][-1]}" if several else name

    @cached_property
    def kind(self) -> np.ndarray:
        """The kind of each stack (s,), a text."""
        return self.first_of("kind")

    @cached_property
    def grade(self) -> np.ndarray:
        """The order grade of each stack (s,), a text."""
        return self.first_of("order_grade")

    @cached_property
    def plane(self) -> np.ndarray:
        """The name of the plane of each stack (s,), a text, as its first image lies."""
        return of_distinct(self.first_of("ImageOrientationPatient"), plane_name)

    @cached_property
    def along(self) -> np.ndarray:
        """The place of each image along its stack's normal, (n,) mm; NaN where it is not known."""
        return self.slices["position_mm"].to_numpy(float)

    @cached_property
    def on_grid(self) -> np.ndarray:
        """Which stacks (s,) are ordered by positions in the patient."""
        return (self.grade == "A") & np.isin(self.kind, GRID_KINDS)

    @cached_property
    def repeated(self) -> np.ndarray:
        """Which images (n,) lie where an earlier one does, or are a copy of it."""
        return self.slices["repeated"].to_numpy(bool)

    @cached_property
    def kept(self) -> np.ndarray:
        """Which images (n,) are the first at their position, in stacks that have positions."""
        return ~self.repeated & self.on_grid[self.segment]

    @cached_property
    def positions(self) -> np.ndarray:
        """How many positions each stack has (s,): one for a cine; images, where none is known.

        Of a mosaic's slices none has a position of its own: it has none.

        An image that cannot be used has none.
        """
        count = self.sums(~self.repeated & (self.codes("error") < 0)).astype(int)
        most = np.select([self.kind == "cine", self.kind == "mosaic"], [1, 0], count)
        return np.minimum(count, most)

    @cached_property
    def gap(self) -> np.ndarray:
        """mm from each kept image to the next of its stack (n,); NaN for the last, and others."""
        found = np.full(len(self.along), np.nan)
        rows = np.flatnonzero(self.kept)
        if len(rows) > 1:
            same = np.diff(self.segment[rows]) == 0
            found[rows[:-1][same]] = np.diff(self.along[rows])[same]
        return found

    @cached_property
    def median_gap(self) -> np.ndarray:
        """The median gap of each stack (s,) mm; NaN without one."""
        count = len(self.starts)
        return segment_medians(self.gap, self.segment, count, tolerance=REGULAR_GAP)

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest and the largest gap of each stack, (s,) and (s,) mm; NaN without one."""
        known = np.isfinite(self.gap)
        low, high = np.full(len(self.starts), np.inf), np.full(len(self.starts), -np.inf)
        np.minimum.at(low, self.segment[known], self.gap[known])
        np.maximum.at(high, self.segment[known], self.gap[known])
        return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)

    @cached_property
    def is_uneven(self) -> np.ndarray:
        """Which stacks (s,) have gaps that differ by more than rounding."""
        low, high = self.ends
        return high - low > 2 * EVEN_GAP * self.median_gap

    @cached_property
    def is_odd(self) -> np.ndarray:
        """Which gaps (n,) are off the median of their stack by more than a regular grid allows."""
        median = self.median_gap[self.segment]
        return np.abs(self.gap - median) > REGULAR_GAP * median

    @cached_property
    def spacing(self) -> np.ndarray:
        """The gap that most of each stack have (s,) mm, the smaller of two; NaN without one.

        Where no gap is that of half of them it is the median.
        """
        found = self.median_gap.copy()
        for stack in np.flatnonzero(self.any_of(self.is_odd)):
            gaps = self.gap[self.rows(int(stack))]
            gaps = gaps[np.isfinite(gaps)]
            usual = typical_gap(gaps)
            if 2 * np.count_nonzero(np.abs(gaps - usual) <= REGULAR_GAP * usual) >= len(gaps):
                found[stack] = usual
        return found

    @cached_property
    def _first_kept(self):
        """The row of the first kept image of each stack (s,); -1 without."""
        rows = np.full(len(self.starts), -1)
        kept = np.flatnonzero(self.kept)[::-1]
        rows[self.segment[kept]] = kept
        return rows

    @cached_property
    def _last_kept(self):
        rows = np.full(len(self.starts), -1)
        kept = np.flatnonzero(self.kept)
        rows[self.segment[kept]] = kept
        return rows

    @cached_property
    def off_grid(self) -> np.ndarray:
        """mm of each kept image (n,) off its place on an even grid from first to last; else 0."""
        position = self.vectors("ImagePositionPatient", 3)
        ends = position[self._first_kept], position[self._last_kept]
        count = self.sums(self.kept)
        number = np.cumsum(self.kept) - np.r_[0, np.cumsum(self.sums(self.kept))][self.segment] - 1
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.nan_to_num(number / (count - 1)[self.segment])[:, None]
        even = ends[0][self.segment] * (1 - share) + ends[1][self.segment] * share
        off = np.linalg.norm(position - even, axis=1)
        return np.where(self.kept, np.nan_to_num(off), 0.0)

    @cached_property
    def is_off_grid(self) -> np.ndarray:
        """Which kept images (n,) lie too far off their place on an even grid."""
        return self.off_grid > MAX_OFF_GRID * self.median_gap[self.segment]

    @cached_property
    def off(self) -> np.ndarray:
        """mm of each kept image (n,) beside the line of the others: one of medians; NaN of none."""
        position, step = self.vectors("ImagePositionPatient", 3), np.full((len(self.along), 3), 0.0)
        rows = np.flatnonzero(np.isfinite(self.gap))
        following = np.flatnonzero(self.kept)
        after = following[np.searchsorted(following, rows) + 1] if len(rows) else rows
        step[rows] = (position[after] - position[rows]) / self.gap[rows, None]
        beside = np.empty_like(position)
        for axis in range(3):
            own = np.where(np.isfinite(self.gap), step[:, axis], np.nan)
            slope = segment_medians(own, self.segment, len(self.starts))[self.segment]
            line = np.where(self.kept, position[:, axis] - self.along * slope, np.nan)
            middle = segment_medians(line, self.segment, len(self.starts))
            beside[:, axis] = line - middle[self.segment]
        return np.linalg.norm(beside, axis=1)

    @cached_property
    def shear(self) -> np.ndarray:
        """Degrees between the normal and the line of positions (s,); NaN without two positions."""
        position = self.vectors("ImagePositionPatient", 3)
        line = position[self._last_kept] - position[self._first_kept]
        with np.errstate(invalid="ignore", divide="ignore"):
            line = line / np.linalg.norm(line, axis=1, keepdims=True)
        cosine = np.abs(np.einsum("ij,ij->i", line, self.normal))
        known = (self._first_kept >= 0) & (self._last_kept > self._first_kept)
        return np.where(known, np.degrees(np.arccos(np.minimum(cosine, 1))), np.nan)

    @cached_property
    def normal(self) -> np.ndarray:
        """The unit normal of the first image of each stack, (s, 3), LPS; NaN without cosines."""
        return unit_normals(self.vectors("ImageOrientationPatient", 6)[self.starts])

    @cached_property
    def guessed(self) -> np.ndarray:
        """Which stacks (s,) were cut by number or file name, without a word in the headers for it.

        As many stacks as Number of Temporal Positions (0020,0105) says are no guess.
        """
        keywords = self.first_of("split_keyword")
        numbered = np.array(
            [not {*GUESSES}.isdisjoint(str(word).split(", ")) for word in keywords], bool
        )
        if not numbered.any():
            return numbered
        series = np.asarray(self.slices.index.codes[0])[self.starts]
        groups = np.c_[series, self.first_of("group").astype(int)]
        _, which, sizes = np.unique(groups, axis=0, return_inverse=True, return_counts=True)
        stated = self.numbers("NumberOfTemporalPositions")[self.starts]
        return numbered & (stated != sizes[which.reshape(-1)])

    @cached_property
    def cosine_error(self) -> np.ndarray:
        """How far the cosines of each image (n,) are off two perpendicular unit vectors."""
        return cosine_error(self.vectors("ImageOrientationPatient", 6))

    @cached_property
    def unusable(self) -> dict[str, np.ndarray]:
        """For each element that a volume needs, which images (n,) lack a usable value of it."""
        position = np.isfinite(self.vectors("ImagePositionPatient", 3)).all(axis=1)
        spacing = (self.vectors("PixelSpacing", 2) > 0).all(axis=1)
        return {
            "ImageOrientationPatient": ~(self.cosine_error <= MAX_COSINE_ERROR),
            "ImagePositionPatient": ~position,
            "PixelSpacing": ~spacing,
        }

    @cached_property
    def mixed(self) -> dict[int, list[tuple[str, list]]]:
        """stack → elements of meaning that have several values in it, with these."""
        found: dict[int, list[tuple[str, list]]] = {}
        for keyword in MEANING:
            if self.is_constant(keyword):
                continue
            codes = self.codes(keyword)
            if codes.max(initial=-1) < 1:
                continue
            for stack in self._with_several(codes):
                values = self._distinct(keyword, stack)
                if len(values) > 1:
                    found.setdefault(int(stack), []).append((keyword, values))
        return found

    def _with_several(self, codes):
        """The stacks on a grid with several values, missing ones aside."""
        low = np.minimum.reduceat(np.where(codes < 0, codes.max() + 1, codes), self.starts)
        high = np.maximum.reduceat(codes, self.starts)
        return np.flatnonzero((low < high) & self.on_grid & (self.positions > 1))

    def _distinct(self, keyword, stack):
        """The distinct values of an element in a stack, in rising order."""
        rows = np.arange(len(self))[self.rows(stack)]
        numbers = compared(self, keyword, rows)
        distinct = np.unique(numbers[numbers >= 0])
        return list(self.values(keyword, [rows[(numbers == one).argmax()] for one in distinct]))
