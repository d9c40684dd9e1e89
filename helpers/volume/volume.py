"""What are the voxels of a stack, and where are they in the patient?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.errors import require_type
from helpers.geometry.orientation import PLANE_OF_NORMAL, letters_of_axes
from helpers.geometry.planes import (
    PLANES,
    PROJECTIONS,
    PlaneAxes,
    PlaneError,
    plane_axes,
    shear_of,
    transposed_affine,
)
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.window import VoiLut, Window, resolve_window
from helpers.runtime import quiet
from helpers.slices.arrays import paths_of
from helpers.slices.grid import StackError, grid_affine, longest_run
from helpers.slices.table import NO_UID
from helpers.volume.slice import Slice, captions_of
from helpers.volume.voxels import read_voxels

MIN_SLICES_FOR_BAR = 100  # from here on a progress bar is shown
UIDS = ("FrameOfReferenceUID", "SeriesInstanceUID")  # that all images of a volume share
VISIBLE_SHEAR_DEG = 1.0  # from here on a picture across the slices says that they are sheared


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels ``array[slice, row, column]`` and where they are in the patient.

    `affine` (4, 4) takes (slice, row, column, 1) to LPS mm. `padding` is a boolean mask like
    `array`, or None; values that are no finite numbers belong to it. `windows` maps
    names to `Window` or `VoiLut`, the default first. `acquired_axis` is the axis of the array along
    which images were acquired.
    `frame_of_reference` is the UID of the frame that LPS mm count in; empty where it is not known.
    `series` is the Series Instance UID of its images, empty where they have none or several, and
    `paths` are the files that it was loaded from.
    """

    array: np.ndarray
    affine: np.ndarray
    unit: str = ""
    padding: np.ndarray | None = None
    windows: Mapping[str, Window | VoiLut] = field(default_factory=dict)
    inverted: bool = False
    caption: Mapping[str, str] = field(default_factory=dict)
    anatomical_orientation: str = "BIPED"
    acquired_axis: int = 0
    frame_of_reference: str = ""
    series: str = ""
    paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", _with_lost_values(self.padding, self.array))
        for name in ("array", "affine", "padding"):
            if (values := getattr(self, name)) is not None:
                frozen = values.view()
                frozen.flags.writeable = False
                object.__setattr__(self, name, frozen)

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.array.shape))
        spacing = " × ".join(f"{step:.4g}" for step in self.spacing)
        return f"Volume of {shape} voxels, {spacing} mm, {self.array.dtype} {self.unit}".strip()

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm of neighbouring voxels along (slice, row, column) axes of the array."""
        slice_step, row_step, column_step = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return slice_step, row_step, column_step

    @property
    def middle(self) -> np.ndarray:
        """The voxel in the middle of the volume, (3,) LPS mm."""
        return (self.affine @ [*(n // 2 for n in self.array.shape), 1])[:3]

    @property
    def acquired_plane(self) -> str:
        """The plane that was acquired; the other two are cut from the volume."""
        normals = {plane_axes(self.affine, plane).normal: plane for plane in PLANES}
        return normals[self.acquired_axis]

    def shape_of(self, plane: str) -> tuple[int, int, int]:
        """(number of slices, rows, columns) of the pictures that `slice` gives of a plane."""
        axes, shape = plane_axes(self.affine, plane), self.array.shape
        return shape[axes.normal], shape[axes.down], shape[axes.right]

    def window(self, wanted: object = None) -> tuple[str, Window | VoiLut]:
        """(name, Window or VoiLut) of a window for all slices; see `Slice.window`."""
        return resolve_window(wanted, self.windows, self.array, self.padding, unit=self.unit)

    def slice(self, plane: str, index: int | None = None) -> Slice:
        """The picture of one plane in radiological view, as a `Slice`.

        The axes of the array are matched to those of the patient, each to the nearest, and the one
        along the plane's normal is cut at `index` (None for the middle). The picture is only
        flipped and transposed (axial: R on the left, A on top; coronal: R left, H top; sagittal:
        A left, H top), and the letters follow; on an oblique volume they are compound.

        Raises
        ------
        PlaneError
        """
        axes = plane_axes(self.affine, plane)
        index = self._checked(plane, axes, index)
        padding = None if self.padding is None else np.take(self.padding, index, axes.normal)
        return self._picture(plane, index, np.take(self.array, index, axes.normal), padding)

    def slab(
        self,
        plane: str,
        index: int | None = None,
        *,
        thickness_mm: float = 10.0,
        how: str = "max",
    ) -> Slice:
        """Several neighbouring slices as one picture: an intensity projection, as a `Slice`.

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
        axes = plane_axes(self.affine, plane)
        index, step = self._checked(plane, axes, index), self._distance(axes)
        wanted = max(1, round(thickness_mm / step))
        start = index - (wanted - 1) // 2
        indices = range(max(0, start), min(self.array.shape[axes.normal], start + wanted))
        array = np.take(self.array, indices, axes.normal)
        padding = np.zeros(array.shape, bool)
        if self.padding is not None:
            padding = np.take(self.padding, indices, axes.normal)
        values = PROJECTIONS[how](array, padding, axes.normal)
        lost = None if self.padding is None else np.all(padding, axis=axes.normal)
        picture = self._picture(plane, index, values, lost)
        count = f"{len(indices)} slice{'' if len(indices) == 1 else 's'}"
        caption = {"thickness": f"{how} of {count}, {len(indices) * step:.4g} mm"}
        return replace(picture, caption={**picture.caption, **caption})

    def affine_of(self, plane: str, index: int | None = None) -> np.ndarray:
        """Where the pixels of ``slice(plane, index)`` lie: (0, row, column, 1) to LPS mm, (4, 4).

        The first column is the step to the next slice.

        Raises
        ------
        PlaneError
        """
        axes = plane_axes(self.affine, plane)
        index = self._checked(plane, axes, index)
        order, steps = (axes.normal, axes.down, axes.right), (1, axes.down_step, axes.right_step)
        affine = transposed_affine(self.affine, self.array.shape, order, steps)
        affine[:3, 3] += index * affine[:3, 0]
        return affine

    def place_in(self, plane: str, point: Any) -> tuple[int, tuple[float, float]]:
        """Where a point (3,) in LPS mm lies: (index of the nearest slice, (row, column) in it).

        Raises
        ------
        PlaneError
            Where the point is outside the volume.
        """
        if np.shape(point) != (3,) or not all(
            isinstance(end, (int, float, np.number)) and np.isfinite(end) for end in point
        ):
            raise PlaneError(f"expected a point as (x, y, z) in LPS mm, got {point!r}")
        voxel, last = np.linalg.solve(self.affine, [*point, 1])[:3], np.array(self.array.shape) - 1
        if (voxel < -0.5).any() or (voxel > last + 0.5).any():
            raise PlaneError(
                f"expected a point inside the volume ({self._extent()} mm), "
                f"got {tuple(map(float, point))}"
            )
        axes = plane_axes(self.affine, plane)
        row, column = (
            float(voxel[axis] if step > 0 else last[axis] - voxel[axis])
            for axis, step in ((axes.down, axes.down_step), (axes.right, axes.right_step))
        )
        return int(np.clip(np.round(voxel[axes.normal]), 0, last[axes.normal])), (row, column)

    def _checked(self, plane: str, axes: PlaneAxes, index: int | None) -> int:
        """The index of a slice, counted from 0."""
        count = self.array.shape[axes.normal]
        index = count // 2 if index is None else index
        if not isinstance(index, (int, np.integer)) or not -count <= index < count:
            raise PlaneError(
                f"expected an index from 0 to {count - 1} for the {plane} plane, got {index!r}"
            )
        return int(index) % count

    def _picture(
        self, plane: str, index: int, pixels: np.ndarray, padding: np.ndarray | None
    ) -> Slice:
        """A section of the array as it is displayed, with its letters and caption."""
        axes = plane_axes(self.affine, plane)
        right = self.affine[:3, axes.right] * axes.right_step
        down = self.affine[:3, axes.down] * axes.down_step
        kind = self.anatomical_orientation
        return Slice(
            array=axes.picture(pixels),
            spacing=(self.spacing[axes.down], self.spacing[axes.right]),
            letters=letters_of_axes(right, down, anatomical_orientation=kind),
            padding=None if padding is None else axes.picture(padding),
            windows=self.windows,
            inverted=self.inverted,
            unit=self.unit,
            caption={**self.caption, **self._captions(plane, axes, index)},
        )

    def _distance(self, axes: PlaneAxes) -> float:
        """Distance in mm of neighbouring slices of a plane, along their normal."""
        normal = np.cross(self.affine[:3, axes.down], self.affine[:3, axes.right])
        return float(abs(self.affine[:3, axes.normal] @ normal) / np.linalg.norm(normal))

    def _captions(self, plane: str, axes: PlaneAxes, index: int) -> dict[str, str]:
        """Captions of one picture: which of how many, and where its middle lies."""
        middle = [(n - 1) / 2 for n in self.array.shape]
        middle[axes.normal] = index
        lps = PLANE_OF_NORMAL.index(plane)
        captions = {
            "plane": plane,
            "slice": f"{index + 1} of {self.array.shape[axes.normal]}",
            "position": f"{'xyz'[lps]} {(self.affine @ [*middle, 1])[lps]:+.1f} mm",
            "spacing": f"{self._distance(axes):.4g} mm apart",
        }
        if axes.normal != self.acquired_axis:
            captions["thickness"] = "cut from the volume"
            if (shear := shear_of(self.affine)) >= VISIBLE_SHEAR_DEG:
                remarks = self.caption.get("remark"), f"slices are sheared by {shear:.1f}°"
                captions["remark"] = "; ".join(filter(None, remarks))
        return captions

    def _extent(self) -> str:
        """From where to where the volume reaches along x, y and z, in mm."""
        corners = np.array([*np.ndindex(2, 2, 2)]) * np.subtract(self.array.shape, 1)
        ends = (self.affine[:3] @ np.c_[corners, np.ones(8)].T).round(2)
        return ", ".join(f"{x} {min(pair):g} to {max(pair):g}" for x, pair in zip("xyz", ends))


def load_volume(
    slices: pd.DataFrame,
    *,
    on_irregular: str = "raise",
    progress: bool | Callable[..., Any] | None = None,
) -> Volume:
    """The voxels of a stack with the affine that says where they are, as a `Volume`.

    Parameters
    ----------
    slices : the rows of one stack: ``slices.loc[stack]`` of `helpers.slice_table`, where `stack`
        is an entry of the index of `helpers.stack_table`
    on_irregular : {"raise", "longest"}
        What to do with gaps and repeated positions: raise `StackError`, or load the longest evenly
        spaced run, one image per position, and say in a `StackWarning` what was left out.
    progress : bool, None, or a function that makes a progress bar as tqdm does
        Whether to show a progress bar; None shows it from 100 slices on.

    Returns
    -------
    Volume; `array` (slices, rows, columns) is rescaled: int16 if the possible range fits, else
    int32; float32 where slope or intercept is fractional, and for a dose. A tilted gantry is kept
    as shear in `affine`. Where the stack is a single image its thickness (else 1 mm) stands for
    the step.

    Raises
    ------
    StackError
        Where positions are missing or make no regular grid: names files, gap and the ways on.
        Where images are no slices of a volume: a cine, projections, pictures, tiles.
    ImageError
        Where an image cannot be read or decoded, or its file has changed since its row was read.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    require_type(slices, pd.DataFrame, "slices.loc[stack] of slice_table")
    if on_irregular not in ("raise", "longest"):
        raise StackError(f"expected on_irregular to be 'raise' or 'longest', got {on_irregular!r}")
    if on_irregular == "longest":
        slices = longest_run(slices)
    affine = grid_affine(slices, one_meaning=on_irregular == "raise")
    is_shown = len(slices) >= MIN_SLICES_FOR_BAR if progress is None else progress
    bar = progress if callable(progress) else partial(tqdm, disable=not is_shown)
    image = read_voxels(slices, bar)
    with quiet():
        anatomical_orientation = image.header.get("AnatomicalOrientationType", "BIPED")
        uids = [_common_uid(word, slices, image.header) for word in UIDS]
    return Volume(
        array=image.array,
        affine=affine,
        unit=image.unit,
        padding=image.padding,
        windows=image.windows,
        inverted=image.inverted,
        caption=captions_of(image),
        anatomical_orientation=anatomical_orientation,
        frame_of_reference=uids[0],
        series=uids[1],
        paths=tuple(dict.fromkeys(paths_of(slices))),
    )


def _common_uid(keyword: str, slices: pd.DataFrame, header: FrameHeader) -> str:
    """A UID of all images; empty where they name none, or not the same."""
    uids = slices[keyword] if keyword in slices else [header.get(keyword)]
    if keyword in slices.index.names:
        uids = slices.index.get_level_values(keyword)
    (uid, *others) = {str(uid) if isinstance(uid, str) else "" for uid in uids}
    return "" if others or uid == NO_UID else uid


def _with_lost_values(padding: np.ndarray | None, array: np.ndarray) -> np.ndarray | None:
    """Padding, and with it what is no finite number."""
    if array.dtype.kind != "f" or (finite := np.isfinite(array)).all():
        return padding
    return ~finite if padding is None else padding | ~finite
