"""How far beside what they outline do labels lie? Guessed from the edges of their CT.

The border of a label lies on edges of the image, where it was drawn on it. So the edges under its
border are compared at its place and at all places around it. A shift is said where one other place
is far better than its own and than any third, which misses some: margins, targets and labels with
soft edges fit nowhere, and are left alone. Values of other scans than CT have edges that nobody
outlines (the coil's gradient, vessels that flow): nothing is said of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.labels.labels import Label, Labels
from helpers.volume.volume import Volume

STEP_MM = 2.0  # by which labels are moved, or by a voxel where that is larger
REACH = 10  # steps to each side
MIN_STEPS = 2  # of a shift along an axis, below which labels are drawn, not moved
MAX_LABELS = 12  # of a file that are looked at, the largest
MIN_FACES, MAX_FACES = 60, 400  # of a border: in all, and to each of its six sides
EDGE_PERCENTILE = 85  # of the differences of neighbours; a difference of so much is half an edge
VALUE_PERCENTILES = (1, 99)  # values beyond count as these
PADDING_HU = -1024  # and below
PEAK = 1  # steps around a place that belong to it
MIN_SCORES = {1: 8.0, 2: 7.0, 3: 6.0}  # labels that agree, or more → standard deviations
MAX_STAYING = 0.6  # of the best score, at the place of the labels
MAX_RIVAL = 0.75  # of the best score, at any other place
NEAR = 0.8  # what an edge one step beside a border counts of one on it: outlines have a margin
MIN_GAIN = 0.05  # of edges, by which both sides of a label fit better along the way
OWN_BEST = 0.85  # of a label's own best score, from which on it agrees with others
MAX_NEEDED = 3  # labels that must agree, of fewer than twice as many the half

Steps = tuple[int, int, int]


class _Fit(NamedTuple):
    """How well a label fits at all places: its own is in the middle.

    `scores` (n, n, n) are in standard deviations above their mean; `sides` are the edges on which
    its border lies, (n, n, n) of 0 to 1, of each of up to six sides, with the axis of each.
    """

    label: Label
    scores: np.ndarray
    sides: tuple[tuple[int, np.ndarray], ...]


class Shift(NamedTuple):
    """The way from where labels lie to where they fit: in mm of LPS, and in voxels.

    `labels` are those that say so.
    """

    mm: tuple[float, float, float]
    voxels: Steps  # (slices, rows, columns)
    labels: tuple[Label, ...]


def guessed_shift(labels: Labels, chosen: Sequence[Label], volume: Volume) -> Shift | None:
    """By how much labels lie beside edges that they fit; None where they fit, or nobody knows.

    Parameters
    ----------
    labels : on the grid of `volume`
    chosen : those of them that are looked at, none of them empty
    volume : in HU; of other values nothing is said
    """
    fits = _fits(labels, chosen, volume) if volume.unit == "HU" else []
    moved, agreeing = _better_place(fits) if fits else (np.zeros(3), [])
    if not agreeing:
        return None
    x, y, z = (volume.affine[:3, :3] @ (moved * _step(volume))).tolist()
    slices, rows, columns = (moved * _step(volume)).tolist()
    return Shift((x, y, z), (slices, rows, columns), tuple(agreeing))


def _step(volume: Volume) -> np.ndarray:
    """The voxels (3,) along each axis that make a step."""
    spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
    return np.maximum(1, np.round(STEP_MM / spacing)).astype(int)


# judged


def _better_place(fits: list[_Fit]) -> tuple[np.ndarray, list[Label]]:
    """(the steps (3,) to where labels fit far better, those that say so); none where none do."""
    together = _standard(np.mean([one.scores for one in fits], axis=0))
    place = _place_of_best(together)
    moved = np.array(place) - REACH
    if np.abs(moved).max() < MIN_STEPS or np.abs(moved).max() == REACH:
        return moved, []
    agreeing = [one.label for one in fits if _agrees(one, place)]
    is_known = _is_unmistakable(together, place, len(agreeing), len(fits))
    return moved, agreeing if is_known else []


def _fits(labels: Labels, chosen: Sequence[Label], volume: Volume) -> list[_Fit]:
    """How well the largest labels fit; those with too small a border are left out."""
    from scipy import ndimage

    boxes = [ndimage.find_objects(one) for one in labels.maps]
    steps = _step(volume)
    found = []
    for label in sorted(chosen, key=labels.ml, reverse=True)[:MAX_LABELS]:
        layer = label.layer or 0
        fit = _fit(volume, labels.maps[layer], label, boxes[layer][label.value - 1], steps)
        if fit is not None:
            found.append(fit)
    return found


def _standard(scores: np.ndarray) -> np.ndarray:
    """Scores in standard deviations above their mean."""
    result: np.ndarray = (scores - scores.mean()) / max(scores.std(), 1e-9)
    return result


def _place_of_best(scores: np.ndarray) -> Steps:
    first, second, third = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(first), int(second), int(third)


def _around(place: Steps, reach: int) -> tuple[slice, ...]:
    return tuple(slice(max(0, at - reach), at + reach + 1) for at in place)


def _agrees(fit: _Fit, place: Steps) -> bool:
    """Whether a label fits at a place as well as anywhere, on both sides, and not at its own."""
    best = fit.scores[_around(place, PEAK)].max()
    own = fit.scores[REACH, REACH, REACH]
    if best < OWN_BEST * fit.scores.max() or own > MAX_STAYING * best:
        return False
    along = np.abs(np.array(place) - REACH) >= MIN_STEPS
    gains = [side[place] - side[REACH, REACH, REACH] for axis, side in fit.sides if along[axis]]
    return bool(gains) and min(gains) >= MIN_GAIN


def _is_unmistakable(scores: np.ndarray, place: Steps, agreeing: int, count: int) -> bool:
    """Whether labels fit at one place far better than at their own, and at any other."""
    best = scores[place]
    rivals = scores.copy()
    rivals[_around(place, 2 * PEAK)] = -np.inf
    return bool(
        2 * agreeing >= min(count, 2 * MAX_NEEDED)
        and agreeing > 0
        and best >= MIN_SCORES[min(agreeing, max(MIN_SCORES))]
        and scores[REACH, REACH, REACH] <= MAX_STAYING * best
        and rivals.max() <= MAX_RIVAL * best
    )


# measured


def _fit(
    volume: Volume, label_map: np.ndarray, label: Label, box: tuple[slice, ...], steps: np.ndarray
) -> _Fit | None:
    """How well a label fits at each place around; None where too little is seen of its border."""
    crop = _crop(box, steps, volume.array.shape)
    inside = _means(label_map[crop] == label.value, steps) >= 0.5
    sides = _faces(inside)
    count = sum(len(faces) for _, faces in sides)
    if count < MIN_FACES:
        return None
    edges = _edges(_values(volume, crop, steps))
    on_edges = [(axis, _mean_at(edges[axis], _some(faces))) for axis, faces in sides]
    share = np.sum([len(faces) * own for (_, faces), (_, own) in zip(sides, on_edges)], axis=0)
    return _Fit(label, _standard(share / count), tuple(on_edges))


def _values(volume: Volume, crop: tuple[slice, ...], steps: np.ndarray) -> np.ndarray:
    """The values of a part of a volume, the few lowest and highest of them cut off."""
    values = _means(volume.array[crop], steps)
    values = np.maximum(values, PADDING_HU)
    clipped: np.ndarray = np.clip(values, *np.percentile(values, VALUE_PERCENTILES))
    return clipped


def _crop(box: tuple[slice, ...], steps: np.ndarray, shape: Sequence[int]) -> tuple[slice, ...]:
    """What lies around a label as far as it is moved, cut at whole steps."""
    return tuple(
        slice(
            max(0, one.start // step - REACH) * step,
            min(size // step, -(-one.stop // step) + REACH) * step,
        )
        for one, step, size in zip(box, steps.tolist(), shape)
    )


def _means(array: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Means of the voxels of each step, float32."""
    shape = [part for size, step in zip(array.shape, steps) for part in (size // step, step)]
    means: np.ndarray = array.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)
    return means


def _edges(values: np.ndarray) -> list[np.ndarray]:
    """How much of an edge is between each voxel and the next along each axis: 0 to 1.

    One that is a step before or behind counts almost as much.
    """
    from scipy import ndimage

    differences = [np.abs(np.diff(values, axis=axis)) for axis in range(3)]
    half = np.percentile(np.concatenate([one.ravel() for one in differences]), EDGE_PERCENTILE)
    edges = [one / (one + half + 1e-6) for one in differences]
    return [
        np.maximum(one, NEAR * ndimage.maximum_filter1d(one, 3, axis)) if one.size else one
        for axis, one in enumerate(edges)
    ]


def _faces(inside: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(axis, places (n, 3)) of up to six sides: a border runs between a place and the next."""
    found = []
    for axis in range(3):
        turn = np.diff(inside.astype(np.int8), axis=axis)
        found += [(axis, np.argwhere(turn == sign)) for sign in (-1, 1)]
    return [(axis, places) for axis, places in found if len(places)]


def _some(faces: np.ndarray) -> np.ndarray:
    if len(faces) <= MAX_FACES:
        return faces
    return faces[np.random.default_rng(0).permutation(len(faces))[:MAX_FACES]]


def _mean_at(edges: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The mean of edges at faces (m, 3) that are moved by every step in reach: (n, n, n).

    Beyond the image, edges count as they are on the average.
    """
    edges = np.pad(edges, REACH, constant_values=edges.mean())
    strides = np.array([edges.shape[1] * edges.shape[2], edges.shape[2], 1])
    size = 2 * REACH + 1
    moves = np.indices((size, size, size)).reshape(3, -1).T @ strides
    places, flat = faces @ strides, edges.ravel()
    means = [flat[some[:, None] + places].mean(1) for some in np.array_split(moves, size)]
    return np.concatenate(means).reshape(size, size, size)
