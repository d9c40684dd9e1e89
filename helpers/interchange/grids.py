"""How does a volume come to the spacing and the orientation that are asked for?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.geometry.planes import nearest_axes, shear_of
from helpers.interchange.targets import ExportError
from helpers.volume.conversion import MAX_SHEAR_DEG, ConversionError, reoriented
from helpers.volume.resampling import resampled
from helpers.volume.volume import Volume

ENDS = ("RL", "AP", "IS")  # of the LPS axes, as nibabel and SimpleITK call them
PICTURE_ORIENTATIONS = {  # radiological view: to the right, down, from slice to slice
    "axial": "LPS",
    "coronal": "LIP",
    "sagittal": "PIL",
}
MAX_VOXELS = 2**31  # of a new grid, beyond which a spacing is taken for a mistake
SAME_GRID_MM = 1e-6  # by which one grid may differ from another and yet is the same


def orientation_of(affine: np.ndarray) -> str:
    """Three letters: where the axes of a grid run, each to the nearest.

    Of axes (column, row, slice) they are those of nibabel's ``aff2axcodes`` and of SimpleITK's
    ``DICOMOrient``.

    Parameters
    ----------
    affine : (4, 4), to LPS mm

    Examples
    --------
    >>> orientation_of(np.diag([1.0, 1.0, 5.0, 1.0]))
    'LPS'
    """
    axes = nearest_axes(affine)
    ends = [(axes.index(axis), affine[axes.index(axis), axis]) for axis in range(3)]
    return "".join(ENDS[lps][int(step >= 0)] for lps, step in ends)


def grid_facts(axes: str, affine: np.ndarray, shape: Sequence[int], frame: str) -> dict[str, Any]:
    """What a grid is, in its own axes.

    Parameters
    ----------
    affine : (4, 4), these axes to LPS mm
    frame : the same in words
    """
    return {
        "axes": axes,
        "orientation": orientation_of(affine),
        "shape": list(shape),
        "spacing_mm": np.linalg.norm(affine[:3, :3], axis=0).round(9).tolist(),
        "shear_deg": round(shear_of(affine), 3),
        "affine": affine,
        "frame": frame,
    }


def oriented(volume: Volume, orientation: str) -> tuple[Volume, str]:
    """(the same voxels with axes that run towards three letters, what was done in words).

    Raises
    ------
    ExportError
    """
    before = orientation_of(volume.affine[:, [2, 1, 0, 3]])
    try:
        moved = reoriented(volume, str(orientation)[::-1])
    except ConversionError:
        raise ExportError(
            "expected an orientation of three letters such as RAS or LPS, one of R L, A P and "
            f"S I each, got {orientation!r}"
        ) from None
    after = orientation_of(moved.affine[:, [2, 1, 0, 3]])
    if after == before:
        return volume, ""
    return (
        moved,
        f"reoriented from {before} to {after}: axes permuted and flipped, no value changed",
    )


def respaced(volume: Volume, spacing_mm: Any, progress: bool | None) -> tuple[Volume, str]:
    """(the volume on a grid with right angles of another spacing, what was done in words).

    The grid has the middle of the volume, and as many voxels as come nearest to its extent.

    Parameters
    ----------
    spacing_mm : of all axes, or of (column, row, slice)

    Raises
    ------
    ExportError
    """
    spacing = _checked(spacing_mm)[::-1]
    affine, shape = right_angled_grid(volume, spacing)
    if shape == volume.array.shape and np.allclose(affine, volume.affine, 0, SAME_GRID_MM):
        return volume, ""
    sheared = shear_of(volume.affine)
    tilt = f" and a shear of {sheared:.1f}°" if sheared >= MAX_SHEAR_DEG else ""
    words = (
        f"resampled from {_text(volume.spacing)} mm{tilt} to {_text(spacing)} mm (columns, rows, "
        "slices) at right angles: linear between the eight nearest voxels, float32; values are "
        "those at the centres of the new voxels, no means of what lies between"
    )
    return resampled(volume, affine, shape, progress=progress), words


def right_angled_grid(
    volume: Volume, spacing: Sequence[float]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """(affine, shape) of a grid over the extent of a volume, with axes at right angles.

    The axes of the slices stay; of a sheared volume the third one becomes their normal.

    Parameters
    ----------
    spacing : mm along (slice, row, column)
    """
    first = volume.acquired_axis
    order = [*(axis for axis in range(3) if axis != first), first]
    q, r = np.linalg.qr(volume.affine[:3, order] / np.array(volume.spacing)[order])
    axes = (q * np.sign(np.diag(r)))[:, np.argsort(order)]
    corners = np.array([*np.ndindex(2, 2, 2)]) * volume.array.shape - 0.5
    ends = axes.T @ (volume.affine[:3] @ np.c_[corners, np.ones(8)].T)
    low, high = ends.min(axis=1), ends.max(axis=1)
    shape = tuple(max(1, round(count)) for count in ((high - low) / spacing).tolist())
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise ExportError(
            f"expected a spacing that makes at most {MAX_VOXELS} voxels, got "
            f"{_text(spacing)} mm, which makes {' × '.join(map(str, shape))}"
        )
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = axes @ ((low + high - np.subtract(shape, 1) * spacing) / 2)
    return affine, shape


def _checked(spacing_mm: Any) -> tuple[float, ...]:
    try:
        numbers = np.broadcast_to(np.asarray(spacing_mm, float), 3)
    except (TypeError, ValueError):
        numbers = np.zeros(3)
    if not (np.isfinite(numbers) & (numbers > 0)).all():
        raise ExportError(
            "expected a spacing in mm, or three of columns, rows and slices (x, y, z), "
            f"got {spacing_mm!r}"
        )
    return tuple(numbers.tolist())


def _text(spacing: Sequence[float]) -> str:
    """The spacing of (slice, row, column) as other programs name it, of (column, row, slice)."""
    return " × ".join(f"{step:.4g}" for step in spacing[::-1])
