"""How do the planes of a patient lie in an array of voxels? Pure numpy."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from helpers.errors import ClearError
from helpers.geometry.orientation import PLANE_OF_NORMAL

# radiological view: the LPS axis that runs to the right of the picture, and the one that runs
# down, each with its sign
PLANES = {
    "axial": ((0, 1), (1, 1)),
    "coronal": ((0, 1), (2, -1)),
    "sagittal": ((1, 1), (2, -1)),
}

# (values, padding, axis) → values without that axis; padding counts where nothing else is
PROJECTIONS: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "max": lambda values, padding, axis: np.where(padding, values.min(), values).max(axis),
    "min": lambda values, padding, axis: np.where(padding, values.max(), values).min(axis),
    "mean": lambda values, padding, axis: _mean(values, padding, axis),
}


class PlaneError(ClearError, IndexError):
    """A plane or an index that a volume does not have."""


class PlaneAxes(NamedTuple):
    """The axes of an array along a plane's normal, down its picture and to the right of it."""

    normal: int
    down: int
    right: int
    down_step: int  # 1, or -1 for a flip
    right_step: int

    def picture(self, section: np.ndarray) -> np.ndarray:
        """A section (the array without its normal axis) transposed and flipped for display."""
        section = section if self.down < self.right else section.T
        return section[:: self.down_step, :: self.right_step]


def plane_axes(affine: np.ndarray, plane: str) -> PlaneAxes:
    """The `PlaneAxes` of a plane in radiological view: of each axis of the patient the nearest.

    Parameters
    ----------
    affine : (4, 4), (slice, row, column, 1) to LPS mm
    plane : {"axial", "coronal", "sagittal"}

    Raises
    ------
    PlaneError
    """
    if not isinstance(plane, str) or plane not in PLANES:
        raise PlaneError(f"expected a plane of {', '.join(PLANES)}, got {plane!r}")
    (right, to_right), (down, to_bottom) = PLANES[plane]
    axis_of = nearest_axes(affine)
    return PlaneAxes(
        normal=axis_of[PLANE_OF_NORMAL.index(plane)],
        down=axis_of[down],
        right=axis_of[right],
        down_step=1 if affine[down, axis_of[down]] * to_bottom >= 0 else -1,
        right_step=1 if affine[right, axis_of[right]] * to_right >= 0 else -1,
    )


def nearest_axes(affine: np.ndarray) -> tuple[int, ...]:
    """The axis of the array nearest to each of the patient's x, y and z, a tuple of three."""
    cosines = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    return max(
        itertools.permutations(range(3)),
        key=lambda axes: sum(cosines[lps, axes[lps]] for lps in range(3)),
    )


def transposed_affine(
    affine: np.ndarray, shape: Sequence[int], axes: Sequence[int], steps: Sequence[int]
) -> np.ndarray:
    """The affine (4, 4) of an array of some shape after a transposition and flips.

    Parameters
    ----------
    axes : as ``ndarray.transpose`` takes them
    steps : of each new axis, 1 or -1 for a flip
    """
    result = affine.copy()
    for new, (axis, step) in enumerate(zip(axes, steps)):
        result[:3, new] = affine[:3, axis] * step
        if step < 0:
            result[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
    return result


def shear_of(affine: np.ndarray) -> float:
    """Largest angle in degrees between an axis and the normal of the other two (gantry tilt)."""
    axes = affine[:3, :3].T / np.linalg.norm(affine[:3, :3].T, axis=1, keepdims=True)
    normals = np.cross(axes[[1, 2, 0]], axes[[2, 0, 1]])
    sines = np.linalg.norm(np.cross(normals, axes), axis=1) / np.linalg.norm(normals, axis=1)
    return float(np.degrees(np.arcsin(min(sines.max(), 1.0))))


def _mean(values: np.ndarray, padding: np.ndarray, axis: int) -> np.ndarray:
    counts = np.maximum((~padding).sum(axis), 1)
    return (np.where(padding, 0, values).sum(axis, dtype=np.float64) / counts).astype(np.float32)
