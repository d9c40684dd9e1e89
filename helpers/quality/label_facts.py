"""What do labels cover of the images that they are of? Measured once, for all rules on labels."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.labels import segmentation
from helpers.labels.contours import rois_of
from helpers.labels.labels import Label, Labels
from helpers.labels.loading import load_labels
from helpers.labels.sources import labels_of
from helpers.quality.body import Body, steps_of
from helpers.quality.findings import Stack
from helpers.quality.label_shifts import Shift, guessed_shift
from helpers.quality.label_words import AROUND_BODY, HOLD_AIR, SIDES, coded_words, words_of
from helpers.quality.rules import Collection
from helpers.runtime import quiet
from helpers.volume.volume import Volume, load_volume

SAME_AXES = 0.01  # by which direction cosines of one stack differ at most
BEYOND = 0.75  # slices or pixels beyond the outermost one, from which on it is outside
MIN_VOXELS = 20  # looked at, below which nothing is said
MAY_LIE_IN_AIR = AROUND_BODY | HOLD_AIR
NO_CONTOUR, NO_FRAME = "has no contour", "has no frame"  # of what is described alone


class LabelFacts(NamedTuple):
    """One label of a file, as it lies on its images.

    `center_x` is the middle of its voxels (LPS mm), `left_share` the share of them left of the
    middle of the body, `air_share` the share in air around it. NaN is what is not known, as where
    the images do not show the air on both sides of the body. `words` are those of its name, and of
    its codes where the name says no side.
    """

    label: Label
    words: frozenset[str]
    is_empty: bool
    center_x: float
    left_share: float
    air_share: float


class FileFacts(NamedTuple):
    """The labels of a file on the volume of its images; `outside` says what lies beyond them.

    `shift` is a guess of the way to where they fit far better, None where they fit as they lie.
    """

    path: str
    outside: str
    labels: tuple[LabelFacts, ...] = ()
    shift: Shift | None = None


class _File(NamedTuple):
    """A file of labels: its row of `helpers.labels_of`, and the stacks that it refers to.

    `is_whole` says that it does, and that every image is here that it refers to.
    """

    row: pd.Series
    stacks: list[int]
    is_whole: bool

    @property
    def path(self) -> str:
        return str(self.row.name)


def label_facts(collection: Collection) -> list[FileFacts]:
    """What each file of labels covers whose images are here; each volume is loaded once.

    Nothing is said of what cannot be loaded, nor of what lies beyond images of which a part is not
    here: other rules do.
    """
    found = []
    for stack, files in _files_by_stack(collection).items():
        volume = _volume(collection, stack)
        for file in files:
            outside = _beyond(collection, file) if file.is_whole else ""
            if volume is None or outside:
                found.append(FileFacts(file.path, outside))
            else:
                found.append(_measured(file, volume, collection))
    return found


def shift_of(labels: Labels, volume: Volume) -> Shift | None:
    """The way to where the labels of a file fit far better; those around a body are left out."""
    within = [
        one
        for one in labels.masks
        if labels.ml(one) and AROUND_BODY.isdisjoint(words_of(f"{one.name} {one.by}"))
    ]
    return guessed_shift(labels, within, volume)


def _files_by_stack(collection: Collection) -> dict[Stack, list[_File]]:
    """The files of labels on each stack."""
    sources = labels_of(collection.headers, collection.slices)
    sources = sources[sources["stack"].notna()]
    if not len(sources):
        return {}
    instances = collection.measures.values("SOPInstanceUID")
    number_of = dict(zip(instances, collection.measures.segment.tolist()))
    found: dict[Stack, list[_File]] = {}
    for path, row in sources.iterrows():
        named = [number_of.get(one.instance) for one in collection.references.get(str(path), ())]
        stacks = [one for one in dict.fromkeys(named) if one is not None]
        file = _File(row, stacks, bool(stacks) and None not in named)
        found.setdefault((row["SeriesInstanceUID"], row["stack"]), []).append(file)
    return found


def _volume(collection: Collection, stack: Stack) -> Volume | None:
    rows = collection.slices.loc[stack]
    with quiet():
        try:
            return load_volume(rows, on_irregular="longest", progress=False)
        except (ClearError, MemoryError):
            return None


# beyond the images


def _beyond(collection: Collection, file: _File) -> str:
    """What is said of what a file labels beyond its images; nothing where all lies on them."""
    box = _box(collection, file.stacks)
    if box is None:
        return ""
    if file.row["kind"] == segmentation.KIND:
        return _frames_beyond(collection, file.path, box)
    return _contours_beyond(file.path, box)


class _Box(NamedTuple):
    """Where images lie: `axes` (3, 3) are their normal, column and row; the rest is along them."""

    axes: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def beyond(self, points: np.ndarray) -> np.ndarray:
        """Which things lie beyond, all their points (things, points, 3) on one side: (things,)."""
        along = points @ self.axes.T
        return ((along.max(1) < self.low) | (along.min(1) > self.high)).any(1)


def _box(collection: Collection, stacks: list[int]) -> _Box | None:
    """Where the images of stacks lie, with `BEYOND` around; None where that is not known."""
    measures = collection.measures
    rows = np.flatnonzero(np.isin(measures.segment, stacks))
    corners, normals = _corners(collection, rows)
    if not np.isfinite(corners).all() or np.ptp(normals, axis=0).max() > SAME_AXES:
        return None
    row, column = corners[0, 1] - corners[0, 0], corners[0, 2] - corners[0, 0]
    axes = np.stack([normals[0], *(one / max(np.linalg.norm(one), 1e-9) for one in (column, row))])
    along = np.unique((corners[:, 0] @ normals[0]).round(2))
    gap = float(np.median(np.diff(along))) if len(along) > 1 else 0.0
    thickness = np.nan_to_num(measures.numbers("SliceThickness")[rows]).max()
    pixel = measures.vectors("PixelSpacing", 2)[rows].max()
    margin = BEYOND * np.array([max(gap, thickness), pixel, pixel])
    places = (corners @ axes.T).reshape(-1, 3)
    return _Box(axes, places.min(0) - margin, places.max(0) + margin)


def _corners(collection: Collection, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the corners of images (m, 4, 3) in LPS mm, their normals (m, 3)); NaN for unknown ones."""
    measures = collection.measures
    position = measures.vectors("ImagePositionPatient", 3)[rows]
    cosines = measures.vectors("ImageOrientationPatient", 6)[rows]
    spacing = measures.vectors("PixelSpacing", 2)[rows]
    size = np.stack([measures.numbers(word)[rows] for word in ("Rows", "Columns")], axis=1)
    row, column = cosines[:, :3], cosines[:, 3:]
    right = row * (spacing[:, 1] * (size[:, 1] - 1))[:, None]
    down = column * (spacing[:, 0] * (size[:, 0] - 1))[:, None]
    corners = np.stack([position, position + right, position + down, position + right + down], 1)
    return corners, np.cross(row, column)


def _frames_beyond(collection: Collection, path: str, box: _Box) -> str:
    """What is said of frames of a segmentation, not empty, that lie beyond its images."""
    rows = np.flatnonzero(collection.paths == path)
    rows = rows[np.nan_to_num(collection.pixels["max"].to_numpy(float)[rows]) > 0]
    corners, _ = _corners(collection, rows)
    if not len(rows) or not np.isfinite(corners).all():
        return ""
    count = int(box.beyond(corners).sum())
    return f"{count} of {len(rows)} frames lie beyond its images" if count else ""


def _contours_beyond(path: str, box: _Box) -> str:
    """What is said of contours that lie beyond their images; couches and the like may."""
    try:
        rois = rois_of(path)
    except (ClearError, MemoryError):
        return ""
    words = []
    for roi in rois:
        contours = [one.points for one in roi.contours if len(one.points)]
        count = sum(int(box.beyond(points[None])[0]) for points in contours)
        if count and AROUND_BODY.isdisjoint(words_of(f"{roi.name} {roi.by}")):
            words.append(f"{count} of {len(contours)} contours of {roi.name}")
    more = f" and {len(words) - 1} more" if len(words) > 1 else ""
    return f"{words[0]}{more} lie beyond its images" if words else ""


# on the voxels


def _measured(file: _File, volume: Volume, collection: Collection) -> FileFacts:
    """The facts of a file whose labels lie on the volume; without them where they cannot."""
    with quiet():
        try:
            labels = load_labels(file.row, volume, progress=False)
        except ClearError:
            return FileFacts(file.path, "")
    facts = tuple(_facts_of(labels, file, volume, collection))
    return FileFacts(file.path, "", facts, shift_of(labels, volume))


def _facts_of(
    labels: Labels, file: _File, volume: Volume, collection: Collection
) -> Iterator[LabelFacts]:
    """The facts of each label of a file."""
    body, is_all = Body(volume), file.is_whole and _has_all_slices(volume, file, collection)
    coded = coded_words(file.path) if file.row["kind"] == segmentation.KIND else {}
    for label in labels.labels:
        words = set(words_of(label.name))
        words |= set(coded.get(label.name, ())) if words.isdisjoint(SIDES) else set()
        if label.layer is not None and labels.ml(label):
            yield _facts(label, frozenset(words), labels, body)
        else:
            is_empty = is_all and label.layer is not None and _can_be_empty(label, labels)
            yield LabelFacts(label, frozenset(words), is_empty, np.nan, np.nan, np.nan)


def _has_all_slices(volume: Volume, file: _File, collection: Collection) -> bool:
    """Whether a volume has all images that a file refers to."""
    return len(volume.array) == sum(int(collection.measures.counts[one]) for one in file.stacks)


def _can_be_empty(label: Label, labels: Labels) -> bool:
    """Whether a label without voxels has none: nothing says that some were left out or missed."""
    return not labels.remark and label.remark in ("", NO_CONTOUR, NO_FRAME)


def _facts(label: Label, words: frozenset[str], labels: Labels, body: Body) -> LabelFacts:
    label_map = labels.maps[label.layer or 0]
    places = _places(label_map, label.value)
    x = body.x_of(places)
    middle = body.middle_x(places)
    left = float((x > middle).mean()) if np.isfinite(middle) else np.nan
    left = left if len(x) >= MIN_VOXELS else np.nan
    is_judged = np.isfinite(left) and MAY_LIE_IN_AIR.isdisjoint({*words, *words_of(label.by)})
    air = body.air_share(label_map, label.value, places) if is_judged else np.nan
    return LabelFacts(label, words, False, float(x.mean()), left, air)


def _places(label_map: np.ndarray, value: int) -> np.ndarray:
    """Voxels (3, m) of a label: of a large map some, evenly spread."""
    steps = steps_of(label_map.shape)
    few = np.array(np.nonzero(label_map[tuple(slice(None, None, step) for step in steps)] == value))
    if few.shape[1] >= MIN_VOXELS:
        return few * np.array(steps)[:, None]
    return np.array(np.nonzero(label_map == value))
