"""What are the voxels of a stack, and where are they in the patient?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.errors import require_type
from helpers.geometry.orientation import EdgeLetters, direction_letters
from helpers.geometry.planes import (
    PLANES,
    PROJECTIONS,
    PlaneError,
    normal_axis,
    plane_axes,
    shear_of,
)
from helpers.pixels.auto_window import resolve_window
from helpers.pixels.window import VoiLut, Window
from helpers.slices.grid import StackError, grid_affine, longest_run
from helpers.volume.slice import Slice, anatomy, identity, padding_remark, thickness
from helpers.volume.voxels import read_voxels

MANY_SLICES = 100  # from here on a progress bar is shown
VISIBLE_SHEAR = 1.0  # degrees from which on a picture across the slices says that they are sheared


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels ``array[slice, row, column]`` and the `affine` (4, 4) that takes (slice, row, column, 1) to LPS mm."""

    array: np.ndarray
    affine: np.ndarray
    unit: str = ""
    padding: np.ndarray | None = None
    windows: Mapping[str, Window | VoiLut] = field(default_factory=dict)
    inverted: bool = False
    caption: Mapping[str, str] = field(default_factory=dict)
    anatomical_orientation: str = "BIPED"
    acquired_axis: int = 0

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
        cut = plane_axes(self.affine, plane)
        return tuple(self.array.shape[axis] for axis in (cut.normal, cut.down, cut.right))

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
        cut = plane_axes(self.affine, plane)
        index = self._checked(plane, index, self.array.shape[cut.normal])
        padding = None if self.padding is None else np.take(self.padding, index, axis=cut.normal)
        return self._picture(
            plane, cut, np.take(self.array, index, axis=cut.normal), padding, index
        )

    def slab(self, plane, index=None, *, thickness_mm=10.0, how="max"):
        """Several neighbouring slices as one picture, as a `Slice`: a maximum, minimum or mean intensity projection.

        Parameters
        ----------
        plane, index : the middle of the slab, as for `slice`
        thickness_mm : how thick the slab is along the plane's normal; at least one slice is taken
        how : {"max", "min", "mean"}

        Returns
        -------
        Slice; values along the axis of the array, padding left out; the caption says the slab.

        Raises
        ------
        PlaneError
        """
        if not isinstance(thickness_mm, (int, float, np.number)) or not 0 <= thickness_mm < np.inf:
            raise PlaneError(f"expected a thickness in mm, 0 or more, got {thickness_mm!r}")
        if how not in PROJECTIONS:
            raise PlaneError(f"expected a projection of {', '.join(PROJECTIONS)}, got {how!r}")
        cut = plane_axes(self.affine, plane)
        count = self.array.shape[cut.normal]
        index = self._checked(plane, index, count)
        wanted = max(1, round(thickness_mm / self._distance(cut)))
        start = index - (wanted - 1) // 2
        places = range(max(0, start), min(count, start + wanted))
        array = np.take(self.array, places, axis=cut.normal)
        padding = (
            np.zeros(array.shape, bool)
            if self.padding is None
            else np.take(self.padding, places, axis=cut.normal)
        )
        values = PROJECTIONS[how](array, padding, cut.normal)
        lost = None if self.padding is None else padding.all(axis=cut.normal)
        picture = self._picture(plane, cut, values, lost, index)
        many = f"{len(places)} slices" if len(places) > 1 else "1 slice"
        slab = f"{how} of {many}, {len(places) * self._distance(cut):.4g} mm"
        return replace(picture, caption={**picture.caption, "thickness": slab})

    def _picture(self, plane, cut, pixels, padding, index):
        """What was cut from the array, turned, with its letters and caption."""
        return Slice(
            pixels=cut.picture(pixels),
            spacing=(self.spacing[cut.down], self.spacing[cut.right]),
            letters=self._letters(cut),
            padding=None if padding is None else cut.picture(padding),
            windows=self.windows,
            inverted=self.inverted,
            unit=self.unit,
            caption={**self.caption, **self._place(plane, cut, index)},
        )

    def place_in(self, plane, point):
        """Where a point (3,) in LPS mm lies: (index of the plane's nearest slice, its (row, column) in pixels there).

        Raises
        ------
        PlaneError
            Where the point is outside the volume.
        """
        if np.shape(point) != (3,) or not all(
            isinstance(end, (int, float, np.number)) and np.isfinite(end) for end in point
        ):
            raise PlaneError(f"expected a point as (x, y, z) in LPS mm, got {point!r}")
        voxel = np.linalg.solve(self.affine, [*point, 1])[:3]
        if (voxel < -0.5).any() or (voxel > np.array(self.array.shape) - 0.5).any():
            corners = np.array([*np.ndindex(2, 2, 2)]) * np.subtract(self.array.shape, 1)
            ends = self.affine[:3] @ np.c_[corners, np.ones(8)].T
            spans = ", ".join(
                f"{axis} {min(pair):g} to {max(pair):g}" for axis, pair in zip("xyz", ends.round(2))
            )
            raise PlaneError(
                f"expected a point inside the volume ({spans} mm), got {tuple(map(float, point))}"
            )
        cut = plane_axes(self.affine, plane)
        place = tuple(
            float(voxel[axis] if step > 0 else self.array.shape[axis] - 1 - voxel[axis])
            for axis, step in ((cut.down, cut.down_step), (cut.right, cut.right_step))
        )
        return int(np.clip(np.round(voxel[cut.normal]), 0, self.array.shape[cut.normal] - 1)), place

    @property
    def middle(self):
        """The voxel (3,) in the middle of the volume, LPS mm."""
        return (self.affine @ [*(n // 2 for n in self.array.shape), 1])[:3]

    @property
    def acquired_plane(self):
        """The plane that was acquired; the other two are cut from the volume."""
        return next(
            plane for plane in PLANES if plane_axes(self.affine, plane).normal == self.acquired_axis
        )

    def window(self, wanted=None):
        """(name, Window or VoiLut) of a view for all slices, as `helpers.pixels.window.resolve_window` has it."""
        return resolve_window(wanted, self.windows, self.array, self.padding)

    @staticmethod
    def _checked(plane, index, count):
        """The index counted from 0; None is the middle."""
        if index is None:
            return count // 2
        if not isinstance(index, (int, np.integer)) or not -count <= index < count:
            raise PlaneError(
                f"expected an index from 0 to {count - 1} for the {plane} plane, got {index!r}"
            )
        return int(index) % count

    def _letters(self, cut):
        right, down = (
            self.affine[:3, cut.right] * cut.right_step,
            self.affine[:3, cut.down] * cut.down_step,
        )
        kind = self.anatomical_orientation
        return EdgeLetters(
            *(
                direction_letters(end, anatomical_orientation=kind)
                for end in (-right, right, -down, down)
            )
        )

    def _distance(self, cut):
        """Distance in mm of neighbouring slices of a cut, along their normal."""
        normal = np.cross(
            *(self.affine[:3, axis] / self.spacing[axis] for axis in range(3) if axis != cut.normal)
        )
        return float(abs(self.affine[:3, cut.normal] @ normal) / np.linalg.norm(normal))

    def _place(self, plane, cut, index):
        """Caption of one cut: which of how many, and where its middle lies."""
        middle = [(n - 1) / 2 for n in self.array.shape]
        middle[cut.normal] = index
        axis = normal_axis(plane)
        place = (self.affine @ [*middle, 1])[axis]
        acquired = {} if cut.normal == self.acquired_axis else {"thickness": "cut from the volume"}
        shear = shear_of(self.affine)
        slanted = cut.normal != self.acquired_axis and shear >= VISIBLE_SHEAR
        return {
            **acquired,
            **({"remark": f"slices are sheared by {shear:.1f}°"} if slanted else {}),
            "plane": plane,
            "slice": f"{index + 1} of {self.array.shape[cut.normal]}",
            "position": f"{'xyz'[axis]} {place:+.1f} mm",
            "spacing": f"{self._distance(cut):.4g} mm apart",
        }


def load_volume(slices, *, on_irregular="raise", progress=None):
    """The voxels of a stack with the affine that says where they are, as a `Volume`.

    Parameters
    ----------
    slices : DataFrame of `helpers.stack_slices`, in spatial order
    on_irregular : {"raise", "longest"}
        What to do with gaps and repeated positions: raise `StackError`, or load the longest evenly
        spaced run, one image per position, and say in a `StackWarning` what was left out.
    progress : bool, None, or a function that makes a progress bar as tqdm does
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
    require_type(slices, pd.DataFrame, "of stack_slices")
    if on_irregular not in ("raise", "longest"):
        raise StackError(f"expected on_irregular to be 'raise' or 'longest', got {on_irregular!r}")
    slices = longest_run(slices) if on_irregular == "longest" else slices
    affine = grid_affine(slices)
    shown = len(slices) >= MANY_SLICES if progress is None else progress
    bar = progress if callable(progress) else partial(tqdm, disable=not shown)
    array, padding, guess, windows, first = read_voxels(slices, bar)
    caption = {
        **identity(first.header),
        "thickness": thickness(first.header),
        "padding": padding_remark(guess, first.unit),
    }
    return Volume(
        array, affine, first.unit, padding, windows, first.inverted, caption, anatomy(first.header)
    )
