"""Where do annotations of a table lie? On one image in its pixels, on a volume in the patient."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import require_type
from helpers.geometry.orientation import row_and_column
from helpers.labels.annotation_rows import REACHES_BEYOND
from helpers.labels.labels import (
    Label,
    LabelError,
    Labels,
    Mark,
    Part,
    PictureMark,
    Section,
    SliceLabels,
    layered,
    section_of,
)
from helpers.labels.placing import SAME_GRID
from helpers.labels.runs import mask_of_runs, resized_mask
from helpers.slices.arrays import numbers, vectors
from helpers.volume.volume import Volume

KIND = "table"  # what a label of an annotation comes from
RESIZED = "its run lengths count in another size: laid on the image by nearest neighbour"
CENTRE = 0.5  # of the first pixel, from its outer corner
NEEDED_COLUMNS = {
    *("path", "frame", "shape", "name", "value", "x", "y", "width", "height", "runs", "why"),
    *("run_lengths", "mask_shape"),
}
ANNOTATIONS = "of annotation_table"


def image_labels(
    annotations: pd.DataFrame,
    path: str | os.PathLike[str],
    frame: int = 0,
    *,
    shape: tuple[int, int] | None = None,
) -> SliceLabels:
    """The annotations of one image, on its pixels as they are stored and `load_slice` gives them.

    A name has one value on all images of the table. Words about an image are marks of its corners;
    a class with the value 0, such as ``epidural 0``, is in the table alone.

    Parameters
    ----------
    annotations : DataFrame of `helpers.annotation_table`
    frame : from 0; what is said of a file as a whole belongs to all its frames
    shape : (rows, columns) of the image, where its header does not say them

    Raises
    ------
    LabelError
    """
    _check(annotations)
    frames = annotations["frame"]
    here = annotations["path"].eq(os.fspath(path)) & (frames.eq(frame) | frames.isna()).fillna(True)
    own = pictured(annotations[here.to_numpy(bool)])
    if not len(own):
        return SliceLabels(())
    rows, columns = shape or _shape(own.iloc[0], path)
    marks: list[PictureMark] = []
    sections: dict[str, list[Section]] = {}
    names = _names(annotations)
    for one in own.itertuples():
        if one.shape == "mask":
            mask = _mask(one, (rows, columns))
            section = section_of(0, mask)
            sections.setdefault(one.name, []).extend([section] if section else [])
            continue
        places = tuple((y, x) for x, y in _corners(one, rows, columns))
        marks.append(PictureMark(names[one.name], one.shape, places, one.name))
    found = _layered(own, names, sections, np.eye(4), (1, rows, columns), "")
    return SliceLabels(found.labels, tuple(one[0] for one in found.maps), tuple(marks))


def annotation_labels(annotations: pd.DataFrame, volume: Volume) -> Labels:
    """The annotations of the images that lie on a volume, as `Labels` of its voxels.

    Boxes, points and words are marks in LPS mm; masks by run lengths are label maps. An image
    belongs where its position and orientation put it, in the volume's frame of reference.

    Parameters
    ----------
    annotations : DataFrame of `helpers.annotation_table`; its rows of one series, where several lie
        on the volume and one is meant
    volume : of `helpers.load_volume`

    Raises
    ------
    LabelError
        Where no annotated image lies on the volume.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    _check(annotations)
    require_type(volume, Volume, "of load_volume")
    own = pictured(annotations)
    own = own[own["frame"].notna().to_numpy(bool) & _is_of_frame(own, volume)]
    images, of_row = _images(own, volume)
    own = own[of_row >= 0]
    if not len(own):
        raise LabelError(
            f"expected annotations of images that lie on the volume, got {len(annotations)} of "
            f"{annotations['path'].nunique()} images and none that does: by ImagePositionPatient, "
            "ImageOrientationPatient, PixelSpacing and FrameOfReferenceUID; load the volume of a "
            "stack that annotations[['SeriesInstanceUID', 'stack']] names"
        )
    names, off_grid = _names(annotations), 0
    marks: list[Mark] = []
    sections: dict[str, list[Section]] = {}
    for one, number in zip(own.itertuples(), of_row[of_row >= 0].tolist()):
        image = images[number]
        if one.shape == "mask":
            mask = _mask(one, image.shape)
            placed = _sections(mask, image, volume)
            off_grid += placed is None
            sections.setdefault(one.name, []).extend(placed or [])
            continue
        corners = [*_corners(one, *image.shape)]
        points = tuple(tuple(image.point(x, y)) for x, y in corners)
        marks.append(Mark(names[one.name], one.shape, points, one.name))
    found = _layered(
        own, names, sections, volume.affine, volume.array.shape, volume.frame_of_reference
    )
    return replace(found, marks=tuple(marks), remark=_remark(own, off_grid))


class _Image(NamedTuple):
    """One annotated image: `affine` (4, 3) takes (row, column, 1) to LPS mm."""

    shape: tuple[int, int]
    affine: np.ndarray

    def point(self, x: float, y: float) -> list[float]:
        """A place in the image, of whole numbers at the centres of pixels, in LPS mm."""
        return (self.affine @ (y, x, 1))[:3].tolist()


def _check(annotations: Any) -> None:
    require_type(annotations, pd.DataFrame, ANNOTATIONS)
    if missing := sorted(NEEDED_COLUMNS - {*annotations}):
        raise LabelError(f"expected a table {ANNOTATIONS}, got one without {', '.join(missing)}")


def drawable(annotations: pd.DataFrame) -> pd.DataFrame:
    """The annotations that have a place on an image; one that reaches beyond it has, too."""
    why = annotations["why"]
    is_placed = annotations["path"].notna() & annotations["name"].notna()
    return annotations[is_placed & (why.isna() | why.eq(REACHES_BEYOND))]


def pictured(annotations: pd.DataFrame) -> pd.DataFrame:
    """The annotations that pictures show: those with a place, without classes that are absent.

    A class of the value 0, as in ``epidural 0``, says that there is nothing to see.
    """
    found = drawable(annotations)
    return found[found["shape"].ne("class") | found["value"].ne(0)]


def _names(annotations: pd.DataFrame) -> dict[str, int]:
    """The value of each name in a table, counted from 1."""
    return {name: value for value, name in enumerate(annotations["name"].dropna().unique(), 1)}


def _shape(row: pd.Series, path: str | os.PathLike[str]) -> tuple[int, int]:
    """(rows, columns) of an image, as its header says."""
    size = numbers(row.to_frame().T, "Rows")[0], numbers(row.to_frame().T, "Columns")[0]
    if not np.isfinite(size).all():
        raise LabelError(f"expected shape=(rows, columns): the header of {path} has none")
    return int(size[0]), int(size[1])


def _mask(one: Any, shape: tuple[int, int]) -> np.ndarray:
    """The mask of an annotation on an image of so many rows and columns."""
    if not isinstance(one.mask_shape, tuple):
        return mask_of_runs(one.runs, shape, one.run_lengths)
    return resized_mask(mask_of_runs(one.runs, one.mask_shape, one.run_lengths), shape)


def _corners(one: Any, rows: int, columns: int) -> Iterator[tuple[float, float]]:
    """The points (x, y) of a mark, of whole numbers at the centres of pixels."""
    if one.shape == "point":
        yield one.x - CENTRE, one.y - CENTRE
        return
    left, top, width, height = (0, 0, columns, rows)
    if one.shape == "box":
        left, top, width, height = one.x, one.y, one.width, one.height
    for right, down in ((0, 0), (1, 0), (1, 1), (0, 1)):
        yield left + right * width - CENTRE, top + down * height - CENTRE


def _is_of_frame(own: pd.DataFrame, volume: Volume) -> np.ndarray:
    """Which annotations count from the volume's origin; one that is not known is no other."""
    frames = own["FrameOfReferenceUID"]
    if not volume.frame_of_reference:
        return np.ones(len(own), bool)
    return (frames.isna() | frames.eq(volume.frame_of_reference)).to_numpy(bool)


def _images(own: pd.DataFrame, volume: Volume) -> tuple[dict[int, _Image], np.ndarray]:
    """(the images that lie on a volume, the number of the image of each annotation or -1)"""
    codes = own.groupby(["path", "frame"], sort=False).ngroup().to_numpy(int)
    _, first = np.unique(codes, return_index=True)
    rows = own.iloc[first]
    sizes = np.stack([numbers(rows, "Rows"), numbers(rows, "Columns")], axis=1)
    spacings, positions = vectors(rows, "PixelSpacing", 2), vectors(rows, "ImagePositionPatient", 3)
    images = {}
    for number, orientation in enumerate(rows["ImageOrientationPatient"].tolist()):
        cosines = row_and_column(orientation)
        known = np.isfinite([*sizes[number], *spacings[number], *positions[number]]).all()
        if cosines is None or not known:
            continue
        row, column = cosines
        affine = np.zeros((4, 3))
        affine[:3, 0], affine[:3, 1] = column * spacings[number, 0], row * spacings[number, 1]
        affine[:, 2] = *positions[number], 1
        image = _Image((int(sizes[number, 0]), int(sizes[number, 1])), affine)
        if _lies_on(image, volume):
            images[number] = image
    return images, np.where(np.isin(codes, [*images]), codes, -1)


def _lies_on(image: _Image, volume: Volume) -> bool:
    """Whether an image and a volume have room in common."""
    corners = [
        (row, column, 1) for row in (0, image.shape[0] - 1) for column in (0, image.shape[1] - 1)
    ]
    voxels = np.linalg.solve(volume.affine, image.affine @ np.transpose(corners))[:3]
    last = np.array(volume.array.shape) - 1
    half = 0.5 + SAME_GRID
    return bool((voxels.max(1) >= -half).all() and (voxels.min(1) <= last + half).all())


def _sections(mask: np.ndarray, image: _Image, volume: Volume) -> list[Section] | None:
    """A mask of an image in the slices of a volume's array; None where their grids differ."""
    places = np.nonzero(mask)
    exact = np.linalg.solve(volume.affine, image.affine) @ (*places, np.ones(len(places[0])))
    voxels = np.round(exact[:3]).astype(int)
    if np.abs(exact[:3] - voxels).max(initial=0) > SAME_GRID or not _is_turned(image, volume):
        return None
    last = np.array(volume.array.shape)[:, None] - 1
    inside = ((voxels >= 0) & (voxels <= last)).all(0)
    voxels, sections = voxels[:, inside], []
    for index in np.unique(voxels[0]):
        rows, columns = voxels[1:, voxels[0] == index]
        own = np.zeros((np.ptp(rows) + 1, np.ptp(columns) + 1), bool)
        own[rows - rows.min(), columns - columns.min()] = True
        sections.append(Section(int(index), int(rows.min()), int(columns.min()), own))
    return sections


def _is_turned(image: _Image, volume: Volume) -> bool:
    """Whether a step in an image is a step of one voxel along an axis of a volume."""
    steps = np.linalg.solve(volume.affine, image.affine)[:3, :2]
    return bool((np.abs(np.round(steps)).sum(0) == 1).all())


def _layered(
    own: pd.DataFrame,
    names: Mapping[str, int],
    sections: Mapping[str, list[Section]],
    affine: np.ndarray,
    shape: tuple[int, ...],
    frame_of_reference: str,
) -> Labels:
    """The labels that annotations have, with maps of those that have sections.

    Values are those of the whole table, so that a name has one colour on all its images.
    """
    by = own.groupby("name", sort=False)["by"].agg(lambda one: ", ".join(one.dropna().unique()[:3]))
    source = next(iter(own["source"].dropna()), "")
    shape = (int(shape[0]), int(shape[1]), int(shape[2]))
    parts = [Part(name, sections.get(name, [])) for name in names]
    found = None
    if any(sections.values()):
        found = layered(
            parts, affine, shape, kind=KIND, source=source, frame_of_reference=frame_of_reference
        )
    labels, resized = [], {*own.loc[own["mask_shape"].notna(), "name"]}
    for name, author in by.items():
        value = names[str(name)]
        layer = found.labels[value - 1].layer if found and sections.get(str(name)) else None
        remark = RESIZED if name in resized else ""
        labels.append(Label(str(name), value, layer, KIND, source, author, remark))
    maps = found.maps if found else ()
    return Labels(maps, affine, shape, tuple(labels), (), frame_of_reference)


def _remark(own: pd.DataFrame, off_grid: int) -> str:
    """What has to be said of annotations on a volume."""
    words = []
    if (count := own["SeriesInstanceUID"].nunique()) > 1:
        words.append(f"annotations of {count} series that lie here")
    if off_grid:
        masks = f"{off_grid} mask{'s' * (off_grid > 1)} on another grid left out"
        words.append(f"{masks}: load the stack that was annotated")
    return "; ".join(words)
