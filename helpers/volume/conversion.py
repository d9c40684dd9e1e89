"""How does a volume turn, straighten, and leave for SimpleITK and nibabel?"""

from dataclasses import replace
from importlib import import_module

import numpy as np

from helpers.errors import ClearError, require_type
from helpers.geometry.planes import nearest_axes, shear_of, transposed_affine
from helpers.runtime import install_line
from helpers.volume.volume import Volume

ENDS = {
    "R": (0, -1),
    "L": (0, 1),
    "A": (1, -1),
    "P": (1, 1),
    "F": (2, -1),
    "H": (2, 1),
    "I": (2, -1),
    "S": (2, 1),
}
STRAIGHT = 0.01  # degrees of shear that no program minds
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class ConversionError(ClearError, ValueError):
    """A volume that cannot be given the form that is asked for."""


def reoriented(volume, toward="HPL"):
    """The same voxels with their axes permuted and flipped, so that (slice, row, column) run towards these letters.

    No value is changed or interpolated and every voxel stays where it is in the patient; letters, padding and
    affine follow.

    Parameters
    ----------
    toward : three letters of R L A P H F (I and S stand for F and H), one of each pair. "HPL" are axial slices
        in radiological view; nibabel's "RAS" for axes (x, y, z) is "SAR" here, the slice axis being first.

    Raises
    ------
    ConversionError

    Examples
    --------
    >>> affine = np.diag([5.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    >>> reoriented(Volume(np.zeros((2, 3, 4)), affine), "LPH").array.shape
    (4, 3, 2)
    """
    require_type(volume, Volume, "of load_volume")
    letters = str(toward).upper()
    ends = [ENDS.get(letter) for letter in letters]
    if None in ends or sorted(axis for axis, _ in ends) != [0, 1, 2]:
        raise ConversionError(
            f"expected three letters such as HPL, one of R L, A P and H F (or S I) each, got {toward!r}"
        )
    axes = [nearest_axes(volume.affine)[lps] for lps, _ in ends]
    steps = [
        1 if volume.affine[lps, axis] * sign >= 0 else -1 for (lps, sign), axis in zip(ends, axes)
    ]

    return _turned(volume, axes, steps)


def straightened(volume):
    """A volume on a grid with right angles: the slices of a tilted gantry moved within their planes.

    Each slice stays at its distance along the normal; within it values are interpolated between the four nearest
    pixels, float32. The picture grows so that nothing is lost; where nothing was measured is padding, with the
    lowest value of the volume.

    Raises
    ------
    ConversionError
        Where rows and columns of the slices themselves are not at right angles.

    References
    ----------
    PS3.3 C.7.6.2.1.1; the tilt is that of the positions, not Gantry/Detector Tilt (0018,1120)
    """
    require_type(volume, Volume, "of load_volume")
    if shear_of(volume.affine) < STRAIGHT:
        return volume
    axes = [volume.acquired_axis, *(axis for axis in range(3) if axis != volume.acquired_axis)]
    if not _is_right(volume.affine, *axes[1:]):
        raise ConversionError(
            "expected slices with rows and columns at right angles, got others: they cannot be straightened"
        )
    straight = _straightened(_turned(volume, axes, (1, 1, 1)))
    return _turned(straight, np.argsort(axes).tolist(), (1, 1, 1))


def to_simpleitk(volume):
    """The volume as a ``SimpleITK.Image`` in the same place: its axes are (column, row, slice), its frame LPS mm.

    Padding has the value that the array has there.

    Raises
    ------
    ConversionError
        For a sheared volume, which an ITK image cannot hold: straighten it first.
    """
    require_type(volume, Volume, "of load_volume")
    SimpleITK = _package("SimpleITK")
    if (shear := shear_of(volume.affine)) >= STRAIGHT:
        raise ConversionError(
            f"expected a grid with right angles, got one sheared by {shear:.1f}°, which ITK has no place for: "
            "to_simpleitk(straightened(volume)), or to_nibabel(volume)"
        )
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(volume.array))
    image.SetSpacing(volume.spacing[::-1])
    image.SetOrigin(volume.affine[:3, 3].tolist())
    image.SetDirection((volume.affine[:3, 2::-1] / volume.spacing[::-1]).ravel().tolist())
    return image


def to_nibabel(volume):
    """The volume as a ``nibabel.Nifti1Image`` in the same place: its axes are (column, row, slice), its frame RAS mm.

    Shear stays in the affine; padding has the value that the array has there.
    """
    require_type(volume, Volume, "of load_volume")
    nibabel = _package("nibabel")
    affine = volume.affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(volume.array.transpose(2, 1, 0), LPS_TO_RAS @ affine)
    image.header.set_xyzt_units("mm")
    return image


def _turned(volume, axes, steps):
    """The volume with its axes in another order, each kept (1) or flipped (-1)."""

    def turned(array):
        return (
            None
            if array is None
            else array.transpose(axes)[tuple(slice(None, None, step) for step in steps)]
        )

    affine = transposed_affine(volume.affine, volume.array.shape, axes, steps)
    acquired = list(axes).index(volume.acquired_axis)
    return replace(
        volume,
        array=turned(volume.array),
        affine=affine,
        padding=turned(volume.padding),
        acquired_axis=acquired,
    )


def _is_right(affine, one, other):
    """Whether two axes stand at right angles, to the accuracy that `STRAIGHT` asks for."""
    a, b = affine[:3, one], affine[:3, other]
    return abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)) < np.radians(STRAIGHT)


def _straightened(volume):
    """The same for a volume whose first axis is the one that leans."""
    row, column = (volume.affine[:3, axis] / volume.spacing[axis] for axis in (1, 2))
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    step = volume.affine[:3, 0]
    drift = np.array(
        [step @ row / volume.spacing[1], step @ column / volume.spacing[2]]
    )  # pixels from slice to slice
    shifts = np.arange(len(volume.array))[:, None] * drift
    start = np.floor(shifts.min(axis=0)).astype(int)
    grown = np.ceil(shifts.max(axis=0)).astype(int) - start
    shape = (len(volume.array), *(np.array(volume.array.shape[1:]) + grown))
    array, padding, lowest = np.empty(shape, np.float32), np.empty(shape, bool), volume.array.min()
    for place, shift in enumerate(shifts - start):
        known = (
            np.ones(volume.array.shape[1:], bool)
            if volume.padding is None
            else ~volume.padding[place]
        )
        values, padding[place] = _moved(volume.array[place], known, shift, shape[1:])
        array[place] = np.where(padding[place], lowest, values)
    affine = volume.affine.copy()
    affine[:3, 0] = normal * (step @ normal)
    affine[:3, 3] += start[0] * volume.affine[:3, 1] + start[1] * volume.affine[:3, 2]
    remark = f"straightened from a shear of {shear_of(volume.affine):.1f}°"
    return replace(
        volume,
        array=array,
        affine=affine,
        padding=padding,
        caption={**volume.caption, "remark": remark},
    )


def _package(name):
    """A package that only who wants it installs."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ConversionError(
            f"expected the package {name}, which is not installed: {install_line(name)}"
        ) from error


def _moved(image, known, shift, shape):
    """(values, padding) of an image moved by (rows, columns) into a larger one; what has no neighbour is padding."""
    whole = np.floor(shift).astype(int)
    values, weights = np.zeros(shape, np.float64), np.zeros(shape)
    rows, columns = image.shape
    for corner in np.ndindex(2, 2):
        weight = np.prod(np.abs(np.subtract(1, corner) - (shift - whole)))
        if weight > 0:
            top, left = whole + corner
            values[top : top + rows, left : left + columns] += weight * np.where(known, image, 0)
            weights[top : top + rows, left : left + columns] += weight * known
    lost = weights < 1 - 1e-6  # a neighbour is padding, or outside of the image
    return np.where(lost, 0, values), lost
