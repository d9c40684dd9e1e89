"""How do labels get onto the grid of a volume? Moved whole where it fits, else to the nearest."""

from dataclasses import replace

import numpy as np

from helpers.labels.labels import LabelError, Labels
from helpers.volume.resampling import resampled
from helpers.volume.volume import Volume

SAME_GRID = 0.1  # voxels by which one grid may drift from another and yet is the same
ON_ANOTHER_GRID = "resampled by nearest neighbour from another grid"


def placed(labels: Labels, volume: Volume) -> Labels:
    """Labels on the grid of a volume.

    Where the grids differ by whole voxels, transpositions and flips alone, every voxel stays what
    it is; else each voxel of the volume takes the label at its centre, and the remark says so.

    Raises
    ------
    LabelError
        Where labels and volume count from different origins, or do not meet: names both.

    References
    ----------
    PS3.3 C.7.4.1 (Frame of Reference)
    """
    to_label = check_meets(labels, volume)
    moved = _moved if _is_same_grid(to_label, volume.array.shape) else _resampled
    maps, remark = moved(labels, volume, to_label)
    return replace(
        labels,
        maps=tuple(maps),
        affine=volume.affine,
        shape=volume.array.shape,
        frame_of_reference=volume.frame_of_reference,
        remark="; ".join(filter(None, (labels.remark, remark))),
        _counts={},
    )


def check_meets(labels: Labels, volume: Volume) -> np.ndarray:
    """What takes voxels of a volume to voxels of labels, (4, 4), where the two can lie together.

    Only the geometry of the labels is asked for; they need no label maps yet.

    Raises
    ------
    LabelError
    """
    _check_frames(labels, volume)
    to_label = np.linalg.solve(labels.affine, volume.affine)
    if not _meet(to_label, labels.shape, volume.array.shape):
        raise LabelError(
            f"expected labels that lie on the volume, got {_where(labels)}; the volume: "
            f"{_where(volume)}: load the series that they were drawn on"
        )
    return to_label


def _check_frames(labels: Labels, volume: Volume) -> None:
    """Refuses labels of another frame of reference; one that is not known is no other."""
    own, other = labels.frame_of_reference, volume.frame_of_reference
    if own and other and own != other:
        raise LabelError(
            "expected labels of the volume's Frame of Reference UID (0020,0052) "
            f"{other}, got {own}: {_where(labels)}; the volume: {_where(volume)}. Load the series "
            "that they were drawn on, or register them with other software"
        )


def _is_same_grid(to_label: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether voxels of a volume fall on voxels of the labels, over the whole volume."""
    whole = np.round(to_label)
    steps = np.abs(whole[:3, :3])
    if (steps.sum(0) != 1).any() or (steps.sum(1) != 1).any():
        return False
    corners = np.array([*np.ndindex(2, 2, 2)]) * np.subtract(shape, 1)
    drift = (to_label - whole)[:3] @ np.c_[corners, np.ones(8)].T
    return bool((np.abs(drift) <= SAME_GRID).all())


def _moved(labels: Labels, volume: Volume, to_label: np.ndarray) -> tuple[list[np.ndarray], str]:
    """Label maps transposed, flipped and cut; views of them where nothing is added."""
    whole = np.round(to_label).astype(int)
    axes = np.abs(whole[:3, :3]).argmax(axis=0)  # of the labels, for each axis of the volume
    maps = []
    for label_map in labels.maps:
        turned = label_map.transpose(axes)
        for new, axis in enumerate(axes):
            turned = _shifted(turned, new, int(whole[axis, 3]), int(whole[axis, new]), volume)
        maps.append(turned)
    return maps, _cut_off(labels, maps)


def _cut_off(labels: Labels, maps: list[np.ndarray]) -> str:
    """What is said of labelled voxels that the volume has no place for."""
    pairs = [*zip(maps, labels.maps)]
    if all(one.size == own.size and np.may_share_memory(one, own) for one, own in pairs):
        return ""  # views of all of them
    labelled = sum(map(np.count_nonzero, labels.maps))
    lost = labelled - sum(map(np.count_nonzero, maps))
    return f"{lost} of {labelled} labelled voxels lie outside the volume" if lost else ""


def _shifted(turned: np.ndarray, axis: int, start: int, step: int, volume: Volume) -> np.ndarray:
    """An array that begins, along one axis, at a voxel and goes on by 1 or -1; zeros beyond it."""
    count, length = volume.array.shape[axis], turned.shape[axis]
    places = start + step * np.arange(count)
    inside = np.flatnonzero((places >= 0) & (places < length))
    first, last = (places[inside[0]], places[inside[-1]]) if len(inside) else (0, -1)
    low, high = sorted((first, last)) if len(inside) else (0, -1)
    along = [slice(None)] * 3
    along[axis] = slice(low, high + 1)
    kept = turned[tuple(along)]
    kept = np.flip(kept, axis) if step < 0 else kept
    if len(inside) == count:
        return kept
    shape = [*turned.shape]
    shape[axis] = count
    result = np.zeros(shape, turned.dtype)
    along[axis] = slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)
    result[tuple(along)] = kept
    return result


def _resampled(
    labels: Labels, volume: Volume, to_label: np.ndarray
) -> tuple[list[np.ndarray], str]:
    """Label maps at the centres of the volume's voxels."""
    maps = []
    for label_map in labels.maps:
        one = Volume(array=label_map, affine=labels.affine)
        grid = volume.affine, volume.array.shape
        there = resampled(one, *grid, how="nearest", progress=False)
        kept = there.array.copy()
        if there.padding is not None:
            kept[there.padding] = 0
        maps.append(kept)
    return maps, ON_ANOTHER_GRID


def _meet(to_label: np.ndarray, own: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether the box of a volume, in voxels of the labels, and their own have room in common."""
    corners = np.array([*np.ndindex(2, 2, 2)]) * other - 0.5
    ends = to_label[:3] @ np.c_[corners, np.ones(8)].T
    return bool((ends.max(1) > -0.5).all() and (ends.min(1) < np.array(own) - 0.5).all())


def _where(one: Labels | Volume) -> str:
    """A grid in a few words: how many voxels, how large, from where to where in the patient."""
    shape = one.shape if isinstance(one, Labels) else one.array.shape
    corners = np.array([*np.ndindex(2, 2, 2)]) * np.subtract(shape, 1)
    ends = (one.affine[:3] @ np.c_[corners, np.ones(8)].T).round(1)
    extent = ", ".join(f"{x} {min(pair):g} to {max(pair):g}" for x, pair in zip("xyz", ends))
    steps = " × ".join(f"{step:.4g}" for step in np.linalg.norm(one.affine[:3, :3], axis=0))
    return f"{' × '.join(map(str, shape))} voxels of {steps} mm ({extent} mm)"
