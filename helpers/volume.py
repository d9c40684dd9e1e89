"""What are the voxels of a stack, and where are they in the patient?"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from helpers import ClearError, expect
from helpers.grid import grid_affine, longest_run
from helpers.orientation import EdgeLetters, direction_letters
from helpers.slice import Slice, anatomy, identity, load_slice, thickness
from helpers.voxels import read_voxels
from helpers.window import Window

__all__ = ["Slice", "Volume", "load_slice", "load_volume"]

VIEWS = {  # radiological: the LPS axis that runs to the right of the picture, the one that runs down, with sign
    "axial": ((0, 1), (1, 1)),
    "coronal": ((0, 1), (2, -1)),
    "sagittal": ((1, 1), (2, -1)),
}
MANY_SLICES = 100  # from here on a progress bar is shown


class PlaneError(ClearError, IndexError):
    """A plane or an index that a volume does not have."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels ``array[slice, row, column]`` and the `affine` (4, 4) that takes (slice, row, column, 1) to LPS mm."""

    array: np.ndarray
    affine: np.ndarray
    unit: str = ""
    padding: np.ndarray | None = None
    windows: Mapping[str, Window] = field(default_factory=dict)
    inverted: bool = False
    caption: Mapping[str, str] = field(default_factory=dict)
    anatomical_orientation: str = "BIPED"

    def __post_init__(self):
        for name in ("array", "affine", "padding"):
            if (values := getattr(self, name)) is not None:
                frozen = values.view()
                frozen.flags.writeable = False
                object.__setattr__(self, name, frozen)

    def __repr__(self):
        spacing = " × ".join(f"{step:.4g}" for step in self.spacing)
        return f"Volume of {' × '.join(map(str, self.array.shape))} voxels, {spacing} mm, {self.array.dtype} {self.unit}".strip()

    @property
    def spacing(self):
        """Distance in mm of neighbouring voxels along (slice, row, column) axes of the array."""
        return tuple(np.linalg.norm(self.affine[:3, :3], axis=0).tolist())

    def shape_of(self, plane):
        """(number of slices, rows, columns) of the pictures that `slice` gives of a plane."""
        along, down, right = self._axes_of(plane)
        return self.array.shape[along], self.array.shape[down], self.array.shape[right]

    def slice(self, plane, index=None):
        """The picture of one plane in radiological view, as a `Slice`.

        The axes of the array are matched to those of the patient, each to the nearest, and the one
        along the plane's normal is cut at `index` (None for the middle). Flips and transposition
        alone turn the picture (axial: R on the left, A on top; coronal: R left, H top; sagittal:
        A left, H top), and the letters follow; on an oblique volume they are compound.

        Raises
        ------
        PlaneError
        """
        along, down, right = self._axes_of(plane)
        index = self._checked(plane, index, self.array.shape[along])
        to_right, flip_right = self._turned(right, *VIEWS[plane][0])
        to_bottom, flip_down = self._turned(down, *VIEWS[plane][1])

        def picture(array):
            image = np.take(array, index, axis=along)
            image = image if down < right else image.T
            return image[::flip_down, ::flip_right]

        return Slice(
            pixels=picture(self.array),
            spacing=(self.spacing[down], self.spacing[right]),
            letters=self._letters(to_right, to_bottom),
            padding=None if self.padding is None else picture(self.padding),
            windows=self.windows,
            inverted=self.inverted,
            unit=self.unit,
            caption={**self.caption, **self._place(plane, along, index)},
        )

    def place_in(self, plane, point):
        """Where a point (3,) in LPS mm lies: (index of the plane's nearest slice, its (row, column) in pixels there).

        Raises
        ------
        PlaneError
            Where the point is outside the volume.
        """
        if np.shape(point) != (3,):
            raise PlaneError(f"expected a point as (x, y, z) in LPS mm, got {point!r}")
        voxel = np.linalg.solve(self.affine, [*point, 1])[:3]
        if (voxel < -0.5).any() or (voxel > np.array(self.array.shape) - 0.5).any():
            ends = self.affine[:3] @ np.array([[0, 0, 0, 1], [*(n - 1 for n in self.array.shape), 1]]).T
            spans = ", ".join(f"{axis} {min(pair):g} to {max(pair):g}" for axis, pair in zip("xyz", ends))
            raise PlaneError(f"expected a point inside the volume ({spans} mm), got {tuple(map(float, point))}")
        along, down, right = self._axes_of(plane)
        ends = []
        for axis, view in ((down, VIEWS[plane][1]), (right, VIEWS[plane][0])):
            _, step = self._turned(axis, *view)
            ends.append(float(voxel[axis] if step > 0 else self.array.shape[axis] - 1 - voxel[axis]))
        index = int(np.clip(np.round(voxel[along]), 0, self.array.shape[along] - 1))
        return index, tuple(ends)

    @property
    def middle(self):
        """The voxel (3,) in the middle of the volume, LPS mm."""
        return (self.affine @ [*(n // 2 for n in self.array.shape), 1])[:3]

    def plane_of(self, axis):
        """The plane that cuts along one axis of the array; axis 0 gives the plane that was acquired."""
        return next(plane for plane in VIEWS if self._axes_of(plane)[0] == axis)

    @staticmethod
    def _checked(plane, index, count):
        """The index counted from 0; None is the middle."""
        if index is None:
            return count // 2
        if not isinstance(index, (int, np.integer)) or not -count <= index < count:
            raise PlaneError(f"expected an index from 0 to {count - 1} for the {plane} plane, got {index!r}")
        return int(index) % count

    def _axes_of(self, plane):
        """The array axes that run along the plane's normal, down its picture, and to the right of it."""
        if plane not in VIEWS:
            raise PlaneError(f"expected a plane of {', '.join(VIEWS)}, got {plane!r}")
        cosines = np.abs(self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0))
        axis_of = max(itertools.permutations(range(3)), key=lambda p: sum(cosines[lps, p[lps]] for lps in range(3)))
        (right, _), (down, _) = VIEWS[plane]
        return axis_of[3 - right - down], axis_of[down], axis_of[right]

    def _turned(self, axis, lps, sign):
        """The direction of an array axis as the picture shows it, and the step (1 or -1) that shows it so."""
        direction = self.affine[:3, axis]
        step = 1 if direction[lps] * sign >= 0 else -1
        return direction * step, step

    def _letters(self, to_right, to_bottom):
        ends = (-to_right, to_right, -to_bottom, to_bottom)
        return EdgeLetters(*(direction_letters(end, anatomical_orientation=self.anatomical_orientation) for end in ends))

    def _place(self, plane, along, index):
        """Caption of one cut: which of how many, and where its middle lies."""
        middle = [(n - 1) / 2 for n in self.array.shape]
        middle[along] = index
        place = (self.affine @ [*middle, 1])[:3]
        (right, _), (down, _) = VIEWS[plane]
        axis = 3 - right - down
        acquired = {} if along == 0 else {"thickness": "cut from the volume"}
        normal = np.cross(*(self.affine[:3, axis] / self.spacing[axis] for axis in range(3) if axis != along))
        distance = abs(self.affine[:3, along] @ normal) / np.linalg.norm(normal)
        return {
            **acquired,
            "plane": plane,
            "slice": f"{index + 1} of {self.array.shape[along]}",
            "position": f"{'xyz'[axis]} {place[axis]:+.1f} mm",
            "spacing": f"{distance:.4g} mm apart",
        }


def load_volume(slices, *, on_irregular="raise", progress=None):
    """The voxels of a stack with the affine that says where they are, as a `Volume`.

    Parameters
    ----------
    slices : DataFrame of `helpers.stacks.stack_slices`, in spatial order
    on_irregular : {"raise", "longest"}
        What to do with gaps and repeated positions: raise `StackError`, or load the longest evenly
        spaced run, one image per position, and say in a `StackWarning` what was left out.
    progress : bool or None
        Whether to show a progress bar; None shows it from 100 slices on.

    Returns
    -------
    Volume; `array` (slices, rows, columns) is rescaled: int16 if the possible range fits, else int32;
    float32 where slope or intercept is fractional. A tilted gantry is kept as shear in `affine`.
    Where the stack is a single image its thickness (else 1 mm) stands for the step.

    Raises
    ------
    StackError
        Where positions are missing or make no regular grid: names the files, the gap and the ways on.
    ImageError
        Where an image cannot be read or decoded.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    expect(slices, pd.DataFrame, "of stack_slices")
    if on_irregular not in ("raise", "longest"):
        raise ValueError(f"expected on_irregular to be 'raise' or 'longest', got {on_irregular!r}")
    slices = longest_run(slices) if on_irregular == "longest" else slices
    affine = grid_affine(slices)
    shown = len(slices) >= MANY_SLICES if progress is None else progress
    array, padding, first, windows = read_voxels(slices, shown)
    caption = {**identity(first.header), "thickness": thickness(first.header)}
    return Volume(array, affine, first.unit, padding, windows, first.inverted, caption, anatomy(first.header))
