"""Where do frames lie that have no functional groups? Doses and reconstructed nuclear medicine."""

import contextlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydicom.datadict import keyword_for_tag

from helpers.geometry.orientation import slice_normal
from helpers.headers.elements import element_value
from helpers.headers.pydicom_reader import read_header

OFFSET_TOLERANCE_MM = 0.01  # within which the first offset is zero, or the first plane's height
AXIAL = (1, 0, 0, 0, 1, 0)
AXIAL_TOLERANCE = 1e-3  # of the cosines of an axial plane
# Image Type, value 3, of frames that are slices of a volume (PS3.3 C.8.4.9.1.3)
RECONSTRUCTED, GATED = "RECON TOMO", {"RECON GATED TOMO", "GATED RECON TOMO"}
POSITION, ORIENTATION = "ImagePositionPatient", "ImageOrientationPatient"
USED_KEYWORDS = (
    *(POSITION, ORIENTATION, "FrameIncrementPointer", "GridFrameOffsetVector", "ImageType"),
    *("SliceVector", "SpacingBetweenSlices"),
)

Values = dict[str, Any]  # of one file, by keyword
Columns = dict[str, list[Any]]  # of its frames, by keyword


def pointed_keywords(pointer: Any) -> list[str]:
    """The keywords of the elements that a Frame Increment Pointer names (PS3.3 C.7.6.6.1.2)."""
    tags = pointer if isinstance(pointer, tuple) else (pointer,)
    return [name for tag in tags if isinstance(tag, (int, float)) and (name := _keyword(tag))]


def columns_of_frames(image: Values, count: int) -> Columns:
    """What tells several frames of a file apart by its header: keyword and `count` values.

    They lie nowhere, as the position in the header is that of the first alone, but where Grid
    Frame Offset Vector says where. The vectors that Frame Increment Pointer names are taken apart.

    Parameters
    ----------
    image : values of the file's header
    """
    columns: Columns = {POSITION: [None] * count, "SliceLocation": [None] * count}
    for keyword in pointed_keywords(image.get("FrameIncrementPointer")):
        vector = image.get(keyword)
        if isinstance(vector, tuple) and len(vector) == count:
            columns[keyword] = list(vector)
    columns[POSITION] = dose_positions(image, count) or columns[POSITION]
    return columns


def dose_positions(image: Values, count: int) -> list[tuple[float, ...]] | None:
    """Image Position (Patient) of each plane of a dose, in mm; None where it is not said.

    Offsets from zero on are relative: they lie along the cross product of row and column, whichever
    sign they have. Where the first is the height of an axial plane at Image Position (Patient),
    they are heights. Offsets that are neither, or not as many as frames, say nothing.

    References
    ----------
    PS3.3 C.8.8.3.2
    """
    offsets = _numbers(image.get("GridFrameOffsetVector"), count)
    position = _numbers(image.get(POSITION), 3)
    if offsets is None or position is None:
        return None
    if abs(offsets[0]) <= OFFSET_TOLERANCE_MM:
        return _along_normal(position, image.get(ORIENTATION), offsets)
    axial = _numbers(image.get(ORIENTATION), 6)
    is_axial = axial is not None and np.abs(axial - AXIAL).max() <= AXIAL_TOLERANCE
    if not is_axial or abs(offsets[0] - position[2]) > OFFSET_TOLERANCE_MM:
        return None
    return [(float(position[0]), float(position[1]), float(height)) for height in offsets]


def is_reconstructed(image: Values) -> bool:
    """Whether frames of nuclear medicine are slices of a volume, as Image Type says."""
    return _kind(image) in {RECONSTRUCTED, *GATED}


def detector_columns(path: str, image: Values, count: int) -> Columns:
    """Image Position and Orientation (Patient) of reconstructed frames; empty where not said.

    Slice n lies n - 1 times Spacing Between Slices from the first, along the cross product of row
    and column where it is positive, against it where it is negative: a picture's right and down
    make that product point away from who looks at it, which is the "behind" of the standard. GDCM
    and SimpleITK read the sign so; dcm2niix warns that it does not know the direction. Slice Vector
    numbers the slices; the position is that of the first frame, whichever its number is.

    Parameters
    ----------
    path : the file, whose first detector has the position of the first frame
    image : values of the file's header

    References
    ----------
    PS3.3 C.8.4.11 and C.8.4.15
    """
    vector = image.get("SliceVector")
    in_order = vector is None and (_kind(image) == RECONSTRUCTED or count == 1)
    slices = np.arange(count) if in_order else _numbers(vector, count)
    spacing = _numbers(image.get("SpacingBetweenSlices"), 1) if count > 1 else np.zeros(1)
    detector = _first_detector(path)
    position = _numbers(detector.get(POSITION), 3)
    if slices is None or position is None or spacing is None or (count > 1 and not spacing[0]):
        return {}
    distances = (slices - slices[0]) * spacing[0]
    positions = _along_normal(position, detector.get(ORIENTATION), distances)
    return {POSITION: positions, ORIENTATION: [detector[ORIENTATION]] * count} if positions else {}


def _first_detector(path: str) -> Values:
    """Position and orientation that the first detector of a file has; empty where it has none."""
    with contextlib.suppress(Exception):  # whatever is wrong with the file, its row says so
        detector = read_header(path).dataset["DetectorInformationSequence"].value[0]  # type: ignore[index]
        return {
            keyword: element_value(detector, detector[keyword].tag)
            for keyword in (POSITION, ORIENTATION)
        }
    return {}


def _keyword(tag: float) -> str:
    """The keyword of an element; empty for one that is not in the dictionary."""
    return keyword_for_tag(int(tag)) if 0 <= tag < 2**32 else ""


def _kind(image: Values) -> str | None:
    """Image Type, value 3."""
    kinds = image.get("ImageType")
    return kinds[2] if isinstance(kinds, tuple) and len(kinds) > 2 else None


def _numbers(value: Any, length: int) -> np.ndarray | None:
    """A value as (length,) floats; None where it is no such thing."""
    values = value if isinstance(value, tuple) else (value,)
    if len(values) != length or not all(isinstance(one, (int, float)) for one in values):
        return None
    array = np.array(values, float)
    return array if np.isfinite(array).all() else None


def _along_normal(
    position: np.ndarray, orientation: Any, distances: Iterable[float]
) -> list[tuple[float, ...]] | None:
    """Positions in mm at distances from the first; None without a usable orientation."""
    normal = slice_normal(orientation)
    if not np.isfinite(normal).all():
        return None
    places = position + np.multiply.outer(np.asarray(distances, float), normal)
    return list(map(tuple, places.tolist()))
