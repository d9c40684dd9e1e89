"""How is a volume transposed, straightened, and handed to SimpleITK and nibabel?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from helpers.errors import ClearError, require_type
from helpers.geometry.planes import nearest_axes, shear_of, transposed_affine
from helpers.runtime import optional_package
from helpers.volume.volume import Volume

LETTER_AXES = {  # the LPS axis, and the sign of the direction along it
    **{"R": (0, -1), "L": (0, 1), "A": (1, -1), "P": (1, 1)},
    **{"F": (2, -1), "H": (2, 1), "I": (2, -1), "S": (2, 1)},
}
MAX_SHEAR_DEG = 0.01  # that no program minds
MIN_WEIGHT = 1 - 1e-6  # of the pixels known around a point, for a value that is interpolated
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class ConversionError(ClearError, ValueError):
    """A volume that cannot be given the form that is asked for."""


def reoriented(volume: Volume, toward: str = "HPL") -> Volume:
    """The same voxels, with axes (slice, row, column) that run towards three letters.

    Axes are permuted and flipped: no value is changed or interpolated and every voxel stays where
    it is in the patient; letters, padding and affine follow.

    Parameters
    ----------
    toward : three letters of R L A P H F (I and S stand for F and H), one of each pair
        "HPL" are axial slices in radiological view; nibabel's "RAS" for axes (x, y, z) is "SAR"
        here, the slice axis being first.

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
    ends = [LETTER_AXES[letter] for letter in str(toward).upper() if letter in LETTER_AXES]
    if len(str(toward)) != 3 or sorted(lps for lps, _ in ends) != [0, 1, 2]:
        raise ConversionError(
            "expected three letters such as HPL, one of R L, A P and H F (or S I) each, "
            f"got {toward!r}"
        )
    nearest = nearest_axes(volume.affine)
    axes = [nearest[lps] for lps, _ in ends]
    steps = [1 if volume.affine[lps, nearest[lps]] * sign >= 0 else -1 for lps, sign in ends]
    return _transposed(volume, axes, steps)


def straightened(volume: Volume) -> Volume:
    """A volume on a grid with right angles: the slices of a tilted gantry moved in their planes.

    Each slice stays at its distance along the normal; within it values are interpolated between
    the four nearest pixels, float32. The picture grows so that nothing is lost; where nothing was
    measured is padding, with the lowest value of the volume.

    Raises
    ------
    ConversionError
        Where rows and columns of the slices themselves are not at right angles.

    References
    ----------
    PS3.3 C.7.6.2.1.1; the tilt is that of the positions, not Gantry/Detector Tilt (0018,1120)
    """
    require_type(volume, Volume, "of load_volume")
    if (shear := shear_of(volume.affine)) < MAX_SHEAR_DEG:
        return volume
    axes = [volume.acquired_axis, *(axis for axis in range(3) if axis != volume.acquired_axis)]
    column, row = (volume.affine[:3, axis] / volume.spacing[axis] for axis in axes[1:])
    if abs(column @ row) >= np.radians(MAX_SHEAR_DEG):
        raise ConversionError(
            "expected slices with rows and columns at right angles, got others: "
            "they cannot be straightened"
        )
    straight = _unsheared(_transposed(volume, axes, (1, 1, 1)))
    remarks = volume.caption.get("remark"), f"straightened from a shear of {shear:.1f}°"
    caption = {**volume.caption, "remark": "; ".join(filter(None, remarks))}
    back = np.argsort(axes).tolist()
    return replace(_transposed(straight, back, (1, 1, 1)), caption=caption)


def to_simpleitk(volume: Volume) -> Any:
    """The volume as a ``SimpleITK.Image``: its axes are (column, row, slice), its frame LPS mm.

    Padding has the value that the array has there.

    Raises
    ------
    ConversionError
        For a sheared volume, which an ITK image cannot hold: straighten it first.
    """
    require_type(volume, Volume, "of load_volume")
    SimpleITK = optional_package("SimpleITK", ConversionError)
    if (shear := shear_of(volume.affine)) >= MAX_SHEAR_DEG:
        raise ConversionError(
            f"expected a grid with right angles, got one sheared by {shear:.1f}°, which ITK has "
            "no place for: to_simpleitk(straightened(volume)), or to_nibabel(volume)"
        )
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(volume.array))
    image.SetSpacing(volume.spacing[::-1])
    image.SetOrigin(volume.affine[:3, 3].tolist())
    image.SetDirection((volume.affine[:3, 2::-1] / volume.spacing[::-1]).ravel().tolist())
    return image


def to_nibabel(volume: Volume) -> Any:
    """The volume as a ``nibabel.Nifti1Image``: its axes are (column, row, slice), its frame RAS mm.

    Its sform has the affine, shear too; so has its qform, unless there is shear, which that has no
    place for. Both count from the scanner's origin. Padding has the value that the array has there.
    """
    require_type(volume, Volume, "of load_volume")
    nibabel = optional_package("nibabel", ConversionError)
    affine = LPS_TO_RAS @ volume.affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(volume.array.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, "scanner")
    if shear_of(volume.affine) < MAX_SHEAR_DEG:
        image.set_qform(affine, "scanner")
    return image


def _transposed(volume: Volume, axes: Sequence[int], steps: Sequence[int]) -> Volume:
    """The volume with its axes in another order, each kept (1) or flipped (-1)."""
    flips = tuple(slice(None, None, step) for step in steps)
    padding = volume.padding
    return replace(
        volume,
        array=volume.array.transpose(axes)[flips],
        affine=transposed_affine(volume.affine, volume.array.shape, axes, steps),
        padding=None if padding is None else padding.transpose(axes)[flips],
        acquired_axis=list(axes).index(volume.acquired_axis),
    )


def _unsheared(volume: Volume) -> Volume:
    """A volume whose first axis is sheared, on a grid with right angles."""
    from scipy import ndimage

    step, in_plane, spacing = volume.affine[:3, 0], volume.affine[:3, 1:3], volume.spacing[1:]
    drift = step @ in_plane / np.square(spacing)  # pixels from slice to slice
    shifts = np.arange(len(volume.array))[:, None] * drift
    start, end = np.floor(shifts.min(axis=0)), np.ceil(shifts.max(axis=0))
    grown = [(0, 0), *((0, int(pixels)) for pixels in end - start)]
    known = np.ones(volume.array.shape, bool) if volume.padding is None else ~volume.padding
    known = np.pad(known, grown).astype(np.float32)
    array = np.pad(volume.array, grown).astype(np.float32) * known
    for index, shift in enumerate(shifts - start):
        for values in (array, known):  # beyond the image is 0, which takes part
            values[index] = ndimage.shift(values[index], shift, order=1, mode="grid-constant")
    padding = known < MIN_WEIGHT
    array[padding] = volume.array.min()
    affine = volume.affine.copy()
    affine[:3, 0] -= in_plane @ drift
    affine[:3, 3] += in_plane @ start
    return replace(volume, array=array, affine=affine, padding=padding)
