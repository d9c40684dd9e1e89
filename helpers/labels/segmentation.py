"""What does a DICOM segmentation label, and where? Binary, fractional, or as a label map."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from pydicom import Dataset

from helpers.labels.frames import Grid, grid_of_frames
from helpers.labels.labels import (
    Label,
    LabelError,
    Labels,
    Part,
    Section,
    check_memory,
    layered,
    map_dtype,
)
from helpers.labels.placing import check_meets
from helpers.labels.terms import ALGORITHM_TYPES, FRACTIONAL_TYPES, defined_term, quoted
from helpers.pixels.codecs import stored_frames
from helpers.pixels.layout import check_frame_count
from helpers.pixels.pixel_data import header_and_pixels
from helpers.privacy.pseudonyms import deidentified
from helpers.slices.fast_groups import FRAME_GROUPS, SHARED_GROUPS
from helpers.slices.functional_groups import read_frame_columns
from helpers.volume.volume import Volume

KIND = "SEG"
SEGMENTATION, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
CLASSES = (SEGMENTATION, LABEL_MAP)
BACKGROUND_CODE = "125040"  # of DCM: Segmented Property Type of what is no segment
PLACED_BY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
MAX_STORED = 2**16  # different values of a label map


class Segment(NamedTuple):
    """One segment as the header describes it."""

    number: int
    name: str
    by: str = ""
    remark: str = ""
    is_background: bool = False


def segmentation_labels(
    path: str,
    volume: Volume,
    *,
    threshold: float = 0.5,
    names: Collection[str] | None = None,
    trusted: bool = False,
) -> Labels:
    """The segments of a file, on the grid of a volume where they are its slices, else on their own.

    Parameters
    ----------
    threshold : share of Maximum Fractional Value from which on a pixel belongs to its segment
    names : Segment Labels that are wanted; None takes all
    trusted : whether the file names the images of the volume: then another frame of reference than
        theirs is no hindrance

    Raises
    ------
    LabelError, ImageError
        Where the file is no segmentation that can be read, or does not lie on the volume.

    References
    ----------
    PS3.3 A.51, C.8.20.2 (Segmentation Image), C.8.20.4 (Segment Description)
    """
    dataset = header_and_pixels(path, without=(SHARED_GROUPS, FRAME_GROUPS))
    count = _frame_count(dataset, path)
    columns = _columns(path, dataset, count)
    grid = grid_of_frames(columns, (dataset.Rows, dataset.Columns), volume)
    said = _joined(grid.remark, _outside(grid))
    bare = Labels((), grid.affine, grid.shape, (), (), _frame_of_reference(dataset), said)
    check_meets(bare, replace(volume, frame_of_reference="") if trusted else volume)
    if not grid.inside.any():
        raise LabelError(f"expected frames on slices of the volume, got none of {count} in {path}")
    if dataset.get("SegmentationType") == "LABELMAP" or dataset.get("SOPClassUID") == LABEL_MAP:
        return _LabelMap(path, dataset, grid, names).labels(bare)
    numbers = _segment_numbers(columns, segments_of(dataset), count)
    return _layered(path, dataset, grid, numbers, bare, threshold, names)


def segments_of(dataset: Dataset) -> list[Segment]:
    """The segments that a header describes, in its order."""
    return [_segment(item) for item in dataset.get("SegmentSequence") or []]


def _segment(item: Dataset) -> Segment:
    number = item.get("SegmentNumber")
    if not isinstance(number, int):
        said = quoted("SegmentNumber", number)
        raise LabelError(f"expected a whole Segment Number, got {said}")
    keyword = next((one for one in ("SegmentLabel", "SegmentDescription") if item.get(one)), "")
    said = str(deidentified(keyword, str(item.get(keyword)))) if keyword else ""
    kind = defined_term(item.get("SegmentAlgorithmType"), ALGORITHM_TYPES)
    algorithm = str(deidentified("SegmentAlgorithmName", item.get("SegmentAlgorithmName") or ""))
    codes = item.get("SegmentedPropertyTypeCodeSequence") or []
    is_background = any(code.get("CodeValue") == BACKGROUND_CODE for code in codes)
    return Segment(
        int(number),
        said.strip() or f"segment {number}",
        ", ".join(filter(None, (kind, algorithm))),
        "" if said.strip() else "has no Segment Label",
        is_background or said.strip().lower() == "background",
    )


def _frame_of_reference(dataset: Dataset) -> str:
    uid = str(dataset.get("FrameOfReferenceUID") or "")
    return str(deidentified("FrameOfReferenceUID", uid))


def _frame_count(dataset: Dataset, path: str) -> int:
    """How many frames there are, as many as the pixel data has."""
    if "PixelData" not in dataset:
        raise LabelError(f"expected a segmentation with Pixel Data, got none in {path}")
    allocated, stored = dataset.get("BitsAllocated"), dataset.get("BitsStored")
    if dataset.get("SamplesPerPixel", 1) != 1 or None in (allocated, stored) or stored > allocated:
        raise LabelError(
            f"expected one sample a pixel and no more Bits Stored than Allocated in {path}, got "
            f"{dataset.get('SamplesPerPixel')!r} samples, {stored!r} bits stored of {allocated!r}"
        )
    check_frame_count(dataset, path)
    count = int(dataset.get("NumberOfFrames") or 1)
    if count < 1:
        raise LabelError(f"expected a segmentation with frames, got none in {path}")
    return count


def _columns(path: str, dataset: Dataset, count: int) -> dict[str, list[Any]]:
    """What each frame says, by keyword; where groups do not, what the header does."""
    columns = read_frame_columns(path, count)
    for keyword in PLACED_BY:
        general = dataset.get(keyword)
        if keyword not in columns and general:
            columns[keyword] = [tuple(general)] * count
    if "ImagePositionPatient" not in columns:
        raise LabelError(
            f"expected a segmentation with a place in the patient, got one without Plane Position "
            f"in {path}: it may lie on a picture or a slide, and on no volume"
        )
    return columns


def _segment_numbers(
    columns: dict[str, list[Any]], segments: list[Segment], count: int
) -> np.ndarray:
    """The segment (n,) that each frame is of."""
    said = columns.get("ReferencedSegmentNumber") or [None] * count
    alone = segments[0].number if len(segments) == 1 else None
    numbers = [alone if one is None else one for one in said]
    if not all(isinstance(one, int) for one in numbers):
        number = next(n for n, one in enumerate(numbers) if not isinstance(one, int))
        raise LabelError(
            f"expected a Referenced Segment Number for frame {number}, got {numbers[number]!r}"
        )
    return np.array(numbers)


def _with_undescribed(segments: list[Segment], numbers: np.ndarray) -> list[Segment]:
    known = [segment.number for segment in segments]
    if len({*known}) < len(known):
        raise LabelError(f"expected each Segment Number once, got {known}")
    return [*segments, *(_undescribed(int(one)) for one in np.setdiff1d(numbers, known))]


def _undescribed(number: int) -> Segment:
    return Segment(number, f"segment {number}", remark="not described in Segment Sequence")


def _rule(dataset: Dataset, threshold: float) -> tuple[float, str]:
    """(the stored value from which on a pixel belongs to its segment, what is to be said)."""
    if dataset.get("SegmentationType") != "FRACTIONAL":
        return 1, ""
    most, guessed = dataset.get("MaximumFractionalValue"), ""
    if not isinstance(most, int) or most < 1:
        most, guessed = 255, " (not said, guessed)"
    meant = defined_term(dataset.get("SegmentationFractionalType"), FRACTIONAL_TYPES) or "fraction"
    words = f"{meant} of {threshold:g} or more of {most}{guessed} is taken as the label"
    return max(threshold * most, np.nextafter(0, 1)), words


def _layered(
    path: str,
    dataset: Dataset,
    grid: Grid,
    numbers: np.ndarray,
    bare: Labels,
    threshold: float,
    names: Collection[str] | None,
) -> Labels:
    """The labels of frames that are of one segment each, whose `numbers` (n,) are given."""
    least, rule = _rule(dataset, threshold)
    parts = []
    for one in _with_undescribed(segments_of(dataset), numbers):
        if names is None or one.name in names:
            own = _Sections(path, dataset, grid, np.flatnonzero(numbers == one.number), least)
            parts.append(Part(one.name, own, one.by, _joined(one.remark, own.remark)))
    return layered(
        parts,
        bare.affine,
        bare.shape,
        kind=KIND,
        source=path,
        frame_of_reference=bare.frame_of_reference,
        remark=_joined(rule, bare.remark),
    )


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


class _Sections:
    """The frames of one segment, decoded each time they are iterated: they take no memory."""

    def __init__(
        self, path: str, dataset: Dataset, grid: Grid, frames: np.ndarray, least: float
    ) -> None:
        self._path, self._dataset, self._least = path, dataset, least
        inside = frames[grid.inside[frames]]
        self._frames = inside[np.argsort(grid.slices[inside], kind="stable")]
        self._slices = grid.slices[self._frames]
        self.remark = "" if len(frames) else "has no frame"
        if len(np.unique(self._slices)) < len(self._slices):
            self.remark = "several frames at one place are joined"

    def __iter__(self) -> Iterator[Section]:
        stored = stored_frames(self._path, self._dataset, self._frames.tolist())
        for index, (values, _) in zip(self._slices.tolist(), stored):
            yield Section(index, 0, 0, values >= self._least)


class _LabelMap:
    """The frames of a segmentation whose values are segment numbers."""

    def __init__(
        self, path: str, dataset: Dataset, grid: Grid, names: Collection[str] | None
    ) -> None:
        self._path, self._dataset, self._grid, self._names = path, dataset, grid, names
        self._taken: list[Segment] = []
        self._values = np.full(MAX_STORED, -1, np.int32)  # by number; -1 for one not described
        segments = _with_undescribed(segments_of(dataset), np.array([], int))
        for number in _background(dataset, segments):
            self._values[_checked(number)] = 0
        self._take([one for one in segments if self._values[_checked(one.number)] < 0])

    def labels(self, bare: Labels) -> Labels:
        """The labels, on the grid of `bare`."""
        frames = np.flatnonzero(self._grid.inside)
        slices = self._grid.slices[frames]
        if len(np.unique(slices)) < len(slices):
            raise LabelError(f"expected one frame at each place, got several in {self._path}")
        dtype = map_dtype(len(self._taken))
        check_memory(dtype.itemsize, bare.shape)
        label_map = np.zeros(bare.shape, dtype)
        for index, stored in zip(slices.tolist(), self._stored(frames.tolist())):
            values = self._values[stored]
            if values.min() < 0:
                self._take([_undescribed(int(one)) for one in np.unique(stored[values < 0])])
                label_map = label_map.astype(map_dtype(len(self._taken)), copy=False)
                values = self._values[stored]
            label_map[index] = values
        labels = [
            Label(one.name, value, 0, KIND, self._path, one.by, one.remark)
            for value, one in enumerate(self._taken, 1)
        ]
        return replace(bare, maps=(label_map,), labels=tuple(labels))

    def _stored(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        for stored, _ in stored_frames(self._path, self._dataset, frames):
            if stored.dtype.kind not in "ui" or stored.ndim > 2 or stored.min() < 0:
                raise LabelError(f"expected segment numbers from 0 on in {self._path}")
            yield stored

    def _take(self, segments: list[Segment]) -> None:
        """Gives values to further segments, in their order; none to those that nobody wants."""
        for one in segments:
            wanted = self._names is None or one.name in self._names
            self._taken += [one] if wanted else []
            self._values[_checked(one.number)] = len(self._taken) if wanted else 0


def _background(dataset: Dataset, segments: list[Segment]) -> set[int]:
    """The stored values that are no segment."""
    padding = dataset.get("PixelPaddingValue")
    found = {one.number for one in segments if one.is_background}
    found |= {padding} if isinstance(padding, int) else set()
    return found | ({0} - {one.number for one in segments})


def _checked(number: int) -> int:
    if not 0 <= number < MAX_STORED:
        raise LabelError(f"expected a Segment Number of 0 to {MAX_STORED - 1}, got {number}")
    return number


def _outside(grid: Grid) -> str:
    """What is said of frames beyond the volume."""
    count = int((~grid.inside).sum())
    return f"{count} of {len(grid.slices)} frames lie outside the volume" if count else ""
