"""What are the values of one volume at the places of another?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from helpers.errors import ClearError, require_type
from helpers.volume.slice import Slice, remarked
from helpers.volume.volume import MIN_SLICES_FOR_BAR, Volume

ORDERS = {"linear": 1, "nearest": 0}  # of the splines that interpolate
DECIMALS = 6  # of a place in voxels; beyond, it is how it was computed
MAX_ROUNDING = 10.0**-DECIMALS  # voxels by which a place on the rim may lie outside
MIN_WEIGHT = 1 - 1e-6  # of the voxels known around a place, for a value that is interpolated
MAX_DRIFT = 1e-3  # voxels by which a row of places may leave a row of voxels, and yet follow it
MIN_DETERMINANT = 1e-9  # mm³ of one voxel
INTERPOLATED = "interpolated on another grid"


class ResamplingError(ClearError, ValueError):
    """Volumes of which nobody knows how they lie to each other, or a grid that is none."""


def resampled(
    volume: Volume,
    affine: ArrayLike,
    shape: Sequence[int],
    *,
    how: str = "linear",
    progress: bool | None = None,
) -> Volume:
    """The values of a volume on another grid, as a `Volume`: float32, where they are interpolated.

    A plane is a grid of one slice, shape (1, rows, columns), and costs no more than that. A voxel
    reaches half a step around its centre; what lies outside all voxels, or beside padding, is
    padding, with the lowest value of the volume. Values are those at the centres of the new
    voxels: a grid much coarser than the volume shows some of its voxels, no means.

    Parameters
    ----------
    affine : (4, 4), (slice, row, column, 1) to LPS mm, in the volume's frame of reference
    shape : (slices, rows, columns)
    how : {"linear", "nearest"}
        "linear" between the eight nearest voxels; "nearest" for labels, and keeps their type.
    progress : whether to show a progress bar; None shows it from 100 slices on

    Raises
    ------
    ResamplingError
        For another `how`, and what is no grid.
    """
    require_type(volume, Volume, "of load_volume")
    if how not in ORDERS:
        raise ResamplingError(f"expected a way of {', '.join(ORDERS)}, got {how!r}")
    affine, shape = _checked(affine, shape)
    to_voxel = np.linalg.solve(volume.affine, affine)
    lowest = volume.array.min()
    array = np.empty(shape, volume.array.dtype if how == "nearest" else np.float32)
    padding = np.empty(shape, bool)
    is_shown = shape[0] >= MIN_SLICES_FOR_BAR if progress is None else progress
    bar = tqdm(range(shape[0]), "Resampling", unit=" slices", disable=not is_shown)
    for index in bar:  # slice by slice: little memory beside the result
        array[index], padding[index] = _plane(volume, to_voxel, index, shape[1:], ORDERS[how])
    array[padding] = lowest
    return replace(
        volume,
        array=array,
        affine=affine,
        padding=padding if padding.any() else None,
        caption=_caption(volume),
        acquired_axis=_nearest_axis(affine, volume.affine[:3, volume.acquired_axis]),
    )


def slice_at(
    volume: Volume, base: Volume, plane: str, index: int | None = None, *, how: str = "linear"
) -> Slice:
    """The values of a volume at the pixels of ``base.slice(plane, index)``, as a `Slice`.

    Letters, spacing and shape are those of the base's picture, so that one lies on the other;
    unit, windows and captions are the volume's own.

    Raises
    ------
    ResamplingError
        Where the two do not share one frame of reference.
    PlaneError
    """
    check_frames(volume, base)
    below, shape = base.slice(plane, index), (1, *base.shape_of(plane)[1:])
    on_base = resampled(volume, base.affine_of(plane, index), shape, how=how)
    return replace(
        below,
        array=on_base.array[0],
        padding=None if on_base.padding is None else on_base.padding[0],
        windows=volume.windows,
        inverted=volume.inverted,
        unit=volume.unit,
        caption={**below.caption, **on_base.caption},
    )


def check_frames(volume: Volume, other: Volume) -> None:
    """Refuses two volumes whose positions do not count from one origin.

    Raises
    ------
    ResamplingError
        Where Frame of Reference UID (0020,0052) differs, or is not known of one.

    References
    ----------
    PS3.3 C.7.4.1
    """
    for one in (volume, other):
        require_type(one, Volume, "of load_volume")
    uids = volume.frame_of_reference, other.frame_of_reference
    if uids[0] == uids[1] != "":
        return
    got = "two" if all(uids) else "none"
    raise ResamplingError(
        "expected two volumes of one Frame of Reference UID (0020,0052), whose positions count "
        f"from one origin, got {got}: register them with other software; where you know them to "
        "lie in one, dataclasses.replace(volume, frame_of_reference=base.frame_of_reference)"
    )


def _plane(
    volume: Volume, to_voxel: np.ndarray, index: int, shape: tuple[int, ...], order: int
) -> tuple[np.ndarray, np.ndarray]:
    """(values, padding) of one slice (rows, columns) of another grid."""
    matrix = to_voxel[:3, :3]
    start = to_voxel[:3, 3] + matrix[:, 0] * index
    outside = _outside(volume.array.shape, matrix[:, 1:], start, shape)
    interpolated = _along_axes if _is_aligned(matrix, shape) else _between_axes
    if outside.all():
        return np.zeros(shape, volume.array.dtype), outside
    if volume.padding is not None:
        outside |= interpolated(volume.padding, matrix, start, shape, order) > 1 - MIN_WEIGHT
    return interpolated(volume.array, matrix, start, shape, order), outside


def _is_aligned(matrix: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether each axis of a slice follows an axis of the voxels."""
    axes = np.abs(matrix).argmax(axis=1)
    others = np.abs(matrix)
    others[range(3), axes] = 0
    drift = (others * [0, *np.subtract(shape, 1)]).sum(axis=1)
    return sorted(axes) == [0, 1, 2] and bool((drift <= MAX_DRIFT).all())


def _along_axes(
    array: np.ndarray, matrix: np.ndarray, start: np.ndarray, shape: tuple[int, ...], order: int
) -> np.ndarray:
    """Values of a slice (rows, columns) whose axes follow those of the array: one by one."""
    toward = np.abs(matrix).argmax(axis=1)  # the axis of the grid that each axis runs along
    counts = (1, *shape)
    for new in range(3):  # first from slice to slice, which leaves little to do
        axis = int(np.flatnonzero(toward == new)[0])
        places = start[axis] + matrix[axis, new] * np.arange(counts[new])
        array = _along_axis(array, axis, places, order)
    return array.transpose(np.argsort(toward))[0]


def _along_axis(array: np.ndarray, axis: int, places: np.ndarray, order: int) -> np.ndarray:
    """The values of an array at places (n,) of one of its axes."""
    places = np.clip(places.round(DECIMALS), 0, array.shape[axis] - 1)
    if not order:
        return array.take(np.floor(places + 0.5).astype(int), axis)
    below = np.minimum(places.astype(int), max(0, array.shape[axis] - 2))
    weight = (places - below).astype(np.float32)
    weight = weight.reshape([-1 if other == axis else 1 for other in range(array.ndim)])
    above = np.minimum(below + 1, array.shape[axis] - 1)
    low, high = (array.take(index, axis).astype(np.float32) for index in (below, above))
    return low * (1 - weight) + high * weight


def _between_axes(
    array: np.ndarray, matrix: np.ndarray, start: np.ndarray, shape: tuple[int, ...], order: int
) -> np.ndarray:
    """Values of a slice (rows, columns) that lies askew in the array."""
    from scipy import ndimage

    values = np.empty((1, *shape), np.float32 if order else array.dtype)
    ndimage.affine_transform(
        *(array, matrix, start, values.shape, values), order=order, mode="nearest"
    )
    return values[0]


def _outside(
    count: tuple[int, ...], in_plane: np.ndarray, start: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Which pixels (rows, columns) lie outside all voxels of an array of some shape."""
    outside = np.zeros(shape, bool)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    for axis, (down, right) in enumerate(in_plane):
        voxel = start[axis] + down * rows + right * columns
        outside |= voxel < -0.5 - MAX_ROUNDING
        outside |= voxel > count[axis] - 0.5 + MAX_ROUNDING
    return outside


def _checked(affine: ArrayLike, shape: Sequence[int]) -> tuple[np.ndarray, tuple[int, ...]]:
    """The affine (4, 4) and the shape of a grid, if they are those of one."""
    try:
        matrix, counts = np.array(affine, np.float64), tuple(map(int, shape))
    except (TypeError, ValueError):
        raise ResamplingError(f"expected an affine (4, 4) and a shape, got {shape!r}") from None
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ResamplingError(f"expected an affine of (4, 4) numbers, got {matrix.shape}")
    if abs(np.linalg.det(matrix[:3, :3])) < MIN_DETERMINANT or tuple(matrix[3]) != (0, 0, 0, 1):
        raise ResamplingError(
            f"expected an affine of three steps in mm that make a grid, got {matrix.tolist()}"
        )
    if len(counts) != 3 or min(counts) < 1:
        raise ResamplingError(f"expected a shape of (slices, rows, columns), got {shape!r}")
    return matrix, counts


def _nearest_axis(affine: np.ndarray, direction: np.ndarray) -> int:
    """The axis of a grid that runs most nearly along a direction (3,)."""
    steps = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return int(np.abs(direction @ steps).argmax())


def _caption(volume: Volume) -> Mapping[str, str]:
    """The volume's captions, which say once that values are interpolated."""
    is_said = INTERPOLATED in volume.caption.get("remark", "")
    return volume.caption if is_said else remarked(volume.caption, INTERPOLATED)
