"""What does a structure set label, and where? Closed planar contours, filled at pixel centres."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from helpers.labels.contours import Contour, Roi, frames_of, rois_of
from helpers.labels.filling import filled_sections
from helpers.labels.labels import Label, LabelError, Labels, Mark, Part, Section, layered
from helpers.labels.placing import SAME_GRID, check_meets
from helpers.volume.volume import Volume

KIND = "RTSTRUCT"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
CLASSES = (STRUCTURE_SET,)
FILLED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "")  # of Contour Geometric Type (PS3.3 C.8.8.6.1)
NOT_FILLED = {"OPEN_PLANAR", "OPEN_NONPLANAR"}
POINT = "POINT"
FLAT_SLICES = 0.25  # slices that a contour may reach over and yet is of one
DECIMALS = 2  # of a pixel, to which outlines are rounded: the text of points is no more exact
HALFWAY = 1e-3  # slices by which a plane may miss the middle of two and yet is in it
SAME_PLANE = 0.02  # slices by which contours of one plane differ at most
MAX_SLICES = 2**14  # of a grid of contours
MAX_BOX = 2**28  # pixels of a slice


def structure_labels(
    path: str,
    volume: Volume,
    *,
    threshold: float = 0.5,
    names: Collection[str] | None = None,
    trusted: bool = False,
) -> Labels:
    """The regions of interest of a file: on the grid of a volume whose slices they are drawn on.

    Where their planes are not those of the slices, they are on a grid of their own. A pixel belongs
    to a region whose contours its centre lies in; contours in one plane combine by even and odd, so
    that one inside another is a hole. Points are marks.

    Parameters
    ----------
    threshold : of no use here
    names : ROI Names that are wanted; None takes all
    trusted : whether the file names the images of the volume: then a frame of reference that it
        has in place of theirs is no hindrance

    Raises
    ------
    LabelError
        Where the file cannot be read, is of another frame of reference, or does not lie on the
        volume.

    References
    ----------
    PS3.3 C.8.8.6.1 (Contour Geometric Type), C.8.8.6.3 (holes)
    """
    if trusted and volume.frame_of_reference not in frames_of(path):
        volume = replace(volume, frame_of_reference="")
    rois, remark = _of_frame(rois_of(path, names), volume)
    affine, shape, guess = _grid(rois, volume)
    remark = "; ".join(filter(None, (remark, guess)))
    bare = Labels((), affine, shape, (), (), rois[0].frame_of_reference if rois else "", remark)
    check_meets(bare, volume)
    drawn = [_Drawn(roi, affine, shape) for roi in rois]
    _check_inside(drawn, bare, volume, path)
    labels = layered(
        [Part(one.roi.name, one, one.roi.by, one.remark) for one in drawn if one.is_filled],
        *(affine, shape),
        kind=KIND,
        source=path,
        frame_of_reference=bare.frame_of_reference,
        remark=remark,
    )
    return _in_order(labels, drawn, path)


def _of_frame(rois: list[Roi], volume: Volume) -> tuple[list[Roi], str]:
    """(regions of the volume's frame of reference, what is said of those of another).

    Where all are of another they are returned: what checks them says so.
    """
    own = volume.frame_of_reference
    same = [roi for roi in rois if not own or roi.frame_of_reference in ("", own)]
    others = [roi for roi in rois if roi not in same]
    if not same or not others:
        return rois, ""
    names = ", ".join(roi.name for roi in others)
    same.sort(key=lambda roi: not roi.frame_of_reference)
    return same, f"of another frame of reference, left out: {names}"


# grid


def _grid(rois: list[Roi], volume: Volume) -> tuple[np.ndarray, tuple[int, int, int], str]:
    """(affine, shape) of the grid to fill: the volume's, turned if its rows or columns lie so.

    Else it is one of the contours' own planes. Third is what is guessed about it.
    """
    contours = [one.points for roi in rois for one in roi.contours if _is_closed(one)]
    if not contours or _are_on_slices(contours, volume.affine):
        return volume.affine, volume.array.shape, ""
    for axes in ((1, 0, 2), (2, 0, 1)):
        affine = volume.affine[:, [*axes, 3]]
        if _are_on_slices(contours, affine) and _fill_all(contours, affine):
            slices, rows, columns = (volume.array.shape[axis] for axis in axes)
            return affine, (slices, rows, columns), ""
    return _own_grid(contours, volume)


def _is_closed(contour: Contour) -> bool:
    return contour.kind in FILLED and len(contour.points) > 2


def _are_on_slices(contours: list[np.ndarray], affine: np.ndarray) -> bool:
    """Whether most contours lie each in a slice of a grid."""
    _, reach, _ = _in_voxels(contours, np.linalg.inv(affine))
    return bool((reach <= FLAT_SLICES).mean() > 0.5)


def _fill_all(contours: list[np.ndarray], affine: np.ndarray) -> bool:
    """Whether contours lie on as many slices of a grid as there are between the first and last."""
    along, _, _ = _in_voxels(contours, np.linalg.inv(affine))
    nearest = _nearest(along)
    there = np.unique(nearest)
    return len(there) == np.ptp(there) + 1 and np.abs(along - nearest).max() <= SAME_GRID


def _nearest(along: np.ndarray) -> np.ndarray:
    """The slices nearest to places between them; halfway always the next."""
    return np.floor(along + 0.5 + HALFWAY).astype(int)


def _own_grid(
    contours: list[np.ndarray], volume: Volume
) -> tuple[np.ndarray, tuple[int, int, int], str]:
    """A grid whose slices are the planes of contours, with pixels as small as the volume's.

    One plane alone is as thick as a voxel of the volume across it.
    """
    normal = _normal(max(contours, key=len))
    along = np.array([points.mean(0) @ normal for points in contours])
    pixel = min(volume.spacing) / 2  # its centres are as near to any voxel's as that
    voxel = float(np.abs(normal @ volume.affine[:3, :3]).max())
    step, first, count = _planes(along, pixel, voxel)
    row = np.eye(3)[np.argmin(np.abs(normal))]
    row = row - normal * (row @ normal)
    row /= np.linalg.norm(row)
    column = np.cross(normal, row)
    flat = np.concatenate(contours) @ np.c_[column, row]
    low, high = flat.min(0) - pixel, flat.max(0) + pixel
    size = np.ceil((high - low) / pixel).astype(int) + 1
    if size.prod() > MAX_BOX:
        raise LabelError(
            f"expected contours near the volume, got some that reach over {size.max()} pixels"
        )
    affine = np.eye(4)
    affine[:3, :3] = np.c_[normal * step, column * pixel, row * pixel]
    affine[:3, 3] = normal * first + column * low[0] + row * low[1]
    guess = f"contours in one plane are taken as {step:.2g} mm thick" if count == 1 else ""
    return affine, (count, int(size[0]), int(size[1])), guess


def _normal(points: np.ndarray) -> np.ndarray:
    """The unit normal (3,) of the plane of a contour (n, 3)."""
    normal = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][2]
    return normal * np.sign(normal[np.abs(normal).argmax()])


def _planes(along: np.ndarray, pixel: float, voxel: float) -> tuple[float, float, int]:
    """(distance of planes, where the first is, how many), in mm along their normal.

    The distance is that from voxel to voxel where there is one plane.
    """
    ordered = np.sort(along)
    gaps = np.diff(ordered)
    gaps = gaps[gaps > SAME_PLANE * pixel]
    first, extent = float(ordered[0]), float(ordered[-1] - ordered[0])
    if not len(gaps):
        return voxel, first + HALFWAY * voxel, 1
    count = round(extent / gaps.min())
    step = extent / max(count, 1)
    off = np.abs((along - first) / step - np.round((along - first) / step))
    if count >= MAX_SLICES or (off > SAME_GRID).any():
        raise LabelError(
            f"expected contours in evenly spaced planes, got gaps of {gaps.min():.4g} to "
            f"{gaps.max():.4g} mm, oblique to the volume: load the series that they were drawn on"
        )
    return step, first, count + 1


# regions


class _Drawn:
    """The contours of a region on a grid; iterated, the sections that they fill."""

    def __init__(self, roi: Roi, affine: np.ndarray, shape: tuple[int, int, int]) -> None:
        self.roi, self._shape = roi, shape
        self.points = [one.points for one in roi.contours if one.kind == POINT]
        closed = [one.points for one in roi.contours if _is_closed(one)]
        along, reach, outlines = _in_voxels(closed, np.linalg.inv(affine))
        self._flat = np.flatnonzero(reach <= FLAT_SLICES)
        self._along, self._outlines = along, outlines
        self._index = _nearest(along)
        self._inside = self._flat[
            (self._index[self._flat] >= 0) & (self._index[self._flat] < shape[0])
        ]
        self.is_filled = bool(closed) or not self.points
        self.is_outside = len(self._flat) > 0 == len(self._inside)
        self.remark = "; ".join(filter(None, self._remarks(len(closed))))

    def __iter__(self) -> Iterator[Section]:
        planes: dict[tuple[int, int], list[np.ndarray]] = defaultdict(list)
        for one in self._inside.tolist():
            index = int(self._index[one])
            plane = round(float(self._along[one] - index) / SAME_PLANE)
            planes[index, plane].append(self._outlines[one])
        slices = [(index, planes[index, plane]) for index, plane in sorted(planes)]
        return filled_sections(slices, self._shape[1:])

    def _remarks(self, closed: int) -> Iterator[str]:
        """What is to be said of the contours that do not simply lie on slices."""
        own = self.roi.contours
        if not own:
            yield "has no contour"
        kinds = [one.kind for one in own if one.kind not in (*FILLED, POINT)]
        if kinds:
            terms = {one if one in NOT_FILLED else "of an unknown type" for one in kinds}
            yield f"{_count(len(kinds), 'contour')} not filled ({', '.join(sorted(terms))})"
        if small := len(own) - len(self.points) - len(kinds) - closed:
            yield f"{_count(small, 'contour')} of fewer than three points"
        if oblique := closed - len(self._flat):
            yield f"{_count(oblique, 'contour')} in no slice, left out"
        if outside := len(self._flat) - len(self._inside):
            yield f"{_count(outside, 'contour')} outside of the volume"
        off = np.abs(self._along - self._index)[self._inside].max(initial=0)
        if off > SAME_GRID:
            yield f"contours up to {off:.2g} slices off a slice are put on the nearest"
        there = np.unique(self._index[self._inside])
        if len(there) and (gaps := int(np.ptp(there)) + 1 - len(there)):
            yield f"{_count(gaps, 'slice')} between its contours without any"


def _in_voxels(
    contours: list[np.ndarray], to_voxel: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """(slice that each contour lies at, slices that it reaches over, (row, column) of its points).

    Parameters
    ----------
    contours : (n, 3) points in LPS mm each
    """
    if not contours:
        return np.zeros(0), np.zeros(0), []
    lengths = np.array([len(points) for points in contours])
    first = np.cumsum(lengths) - lengths
    voxels = np.concatenate(contours) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    voxels[:, 1:] = voxels[:, 1:].round(DECIMALS)
    along = voxels[:, 0]
    reach = np.maximum.reduceat(along, first) - np.minimum.reduceat(along, first)
    return np.add.reduceat(along, first) / lengths, reach, np.split(voxels[:, 1:], first[1:])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# labels


def _check_inside(drawn: list[_Drawn], bare: Labels, volume: Volume, path: str) -> None:
    """Refuses contours of which none lies in a slice of the volume."""
    closed = [one for one in drawn if one.is_filled and one.roi.contours]
    if closed and all(one.is_outside for one in closed) and not any(one.points for one in drawn):
        points = np.concatenate([c.points for one in closed for c in one.roi.contours])
        extent = ", ".join(
            f"{x} {low:.5g} to {high:.5g}"
            for x, low, high in zip("xyz", points.min(0), points.max(0))
        )
        corners = np.array([*np.ndindex(2, 2, 2)]) * np.subtract(volume.array.shape, 1)
        ends = volume.affine[:3] @ np.c_[corners, np.ones(8)].T
        there = ", ".join(
            f"{x} {low:.5g} to {high:.5g}" for x, low, high in zip("xyz", ends.min(1), ends.max(1))
        )
        raise LabelError(
            f"expected contours on the volume ({there} mm), got them at {extent} mm in {path}: "
            "load the series that they were drawn on"
        )


def _in_order(labels: Labels, drawn: list[_Drawn], path: str) -> Labels:
    """The labels with those of points alone in their place, and with the marks of all."""
    filled = iter(labels.labels)
    found, marks, value = [], [], len(labels.labels)
    for one in drawn:
        if one.is_filled:
            label = next(filled)
        else:
            value += 1
            label = Label(one.roi.name, value, None, KIND, path, one.roi.by, one.remark)
        found.append(label)
        points = np.concatenate(one.points).tolist() if one.points else []
        marks += [Mark(label.value, "point", (tuple(point),), one.roi.name) for point in points]
    return replace(labels, labels=tuple(found), marks=tuple(marks))
