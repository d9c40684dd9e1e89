"""How do the planes of a patient lie in an array of voxels? Pure numpy."""

import itertools
from typing import NamedTuple

import numpy as np

from helpers.errors import ClearError

VIEWS = {  # radiological: the LPS axis that runs to the right of the picture, the one that runs down, with sign
    "axial": ((0, 1), (1, 1)),
    "coronal": ((0, 1), (2, -1)),
    "sagittal": ((1, 1), (2, -1)),
}

PROJECTIONS = {  # along an axis of (values, padding): padding counts only where there is nothing else
    "max": lambda values, padding, axis: np.where(padding, values.min(), values).max(axis),
    "min": lambda values, padding, axis: np.where(padding, values.max(), values).min(axis),
    "mean": lambda values, padding, axis: _mean(values, padding, axis),
}


class PlaneError(ClearError, IndexError):
    """A plane or an index that a volume does not have."""


class Cut(NamedTuple):
    """How an array is cut and turned to show a plane: its axis along the plane's normal, down the picture and to the right."""

    along: int
    down: int
    right: int
    step_down: int  # 1, or -1 for a flip
    step_right: int

    def turned(self, image):
        """The picture of what was cut from the array: an image whose axes are in the order of the array's."""
        image = image if self.down < self.right else image.T
        return image[:: self.step_down, :: self.step_right]


def cut_of(affine, plane):
    """The `Cut` that shows a plane in radiological view: each axis of the array is matched to the nearest of the patient.

    Parameters
    ----------
    affine : (4, 4), (slice, row, column, 1) to LPS mm
    plane : {"axial", "coronal", "sagittal"}

    Raises
    ------
    PlaneError
    """
    if not isinstance(plane, str) or plane not in VIEWS:
        raise PlaneError(f"expected a plane of {', '.join(VIEWS)}, got {plane!r}")
    (right, to_right), (down, to_bottom) = VIEWS[plane]
    axis_of = nearest_axes(affine)
    return Cut(
        axis_of[3 - right - down],
        axis_of[down],
        axis_of[right],
        1 if affine[down, axis_of[down]] * to_bottom >= 0 else -1,
        1 if affine[right, axis_of[right]] * to_right >= 0 else -1,
    )


def nearest_axes(affine):
    """The axis of the array nearest to each of the patient's x, y and z, a tuple of three."""
    cosines = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    return max(
        itertools.permutations(range(3)),
        key=lambda axes: sum(cosines[lps, axes[lps]] for lps in range(3)),
    )


def turned_affine(affine, shape, axes, steps):
    """The affine (4, 4) of an array of some shape whose axes are put into another order, each kept (1) or flipped (-1)."""
    turned = affine.copy()
    for place, (axis, step) in enumerate(zip(axes, steps)):
        turned[:3, place] = affine[:3, axis] * step
        if step < 0:
            turned[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
    return turned


def normal_axis(plane):
    """The LPS axis (0, 1, 2) that a plane is seen along."""
    (right, _), (down, _) = VIEWS[plane]
    return 3 - right - down


def shear_of(affine):
    """How far in degrees the axes of an array are from standing at right angles; a tilted gantry's tilt."""
    return max(skew_of(affine, axis) for axis in range(3))


def skew_of(affine, axis):
    """Angle in degrees between one axis of an array and the normal of the other two."""
    normal, step = (
        np.cross(*(affine[:3, other] for other in range(3) if other != axis)),
        affine[:3, axis],
    )
    sine = np.linalg.norm(np.cross(normal, step)) / (np.linalg.norm(normal) * np.linalg.norm(step))
    return float(np.degrees(np.arcsin(min(sine, 1.0))))


def _mean(values, padding, axis):
    counts = np.maximum((~padding).sum(axis), 1)
    return (np.where(padding, 0, values).sum(axis, dtype=np.float64) / counts).astype(np.float32)
