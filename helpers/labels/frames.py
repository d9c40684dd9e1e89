"""On which grid do the frames of a file lie? That of a volume's slices where it fits, else own."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.geometry.grids import SAME_COSINE, SAME_POSITION, SAME_SPACING, places_of
from helpers.geometry.orientation import row_and_column
from helpers.labels.labels import LabelError
from helpers.labels.placing import SAME_GRID
from helpers.volume.volume import Volume

MAX_SLICES = 2**16  # of a grid that frames lie on, most of which may be empty


class Grid(NamedTuple):
    """A grid, and which of its slices each frame is.

    `slices` (n,) counts from 0; one that is none of `shape` lies beyond the grid. `remark` says
    what is guessed.
    """

    affine: np.ndarray
    shape: tuple[int, int, int]
    slices: np.ndarray
    remark: str = ""

    @property
    def inside(self) -> np.ndarray:
        """Which frames (n,) lie on a slice of the grid."""
        return (self.slices >= 0) & (self.slices < self.shape[0])


def grid_of_frames(
    columns: Mapping[str, Sequence[Any]], size: tuple[int, int], volume: Volume
) -> Grid:
    """The grid of frames of one orientation, in any order and with slices left out.

    Where every frame is a slice of the volume, pixel on pixel, its grid is taken.

    Parameters
    ----------
    columns : what frames say, by keyword, as `helpers.slices.functional_groups` reads it
    size : rows, columns

    Raises
    ------
    LabelError
        Where frames have no place in the patient, or make no even grid.

    References
    ----------
    PS3.3 C.7.6.16.2.1 (Pixel Measures), C.7.6.16.2.3, C.7.6.16.2.4 (Plane Position, Orientation)
    """
    positions = _vectors(columns, "ImagePositionPatient", 3)
    orientation = _one_of(columns, "ImageOrientationPatient", 6, SAME_COSINE)
    spacing = _one_of(columns, "PixelSpacing", 2, SAME_SPACING)
    axes = row_and_column(orientation)
    if axes is None or (spacing <= 0).any():
        raise LabelError(
            "expected frames with orthogonal axes and a Pixel Spacing above 0, got "
            f"{orientation.tolist()} and {spacing.tolist()}"
        )
    row, column = axes
    in_plane = np.c_[column * spacing[0], row * spacing[1]]
    return _on_slices(positions, in_plane, size, volume) or _own_grid(
        positions, in_plane, size, _steps(columns, volume, np.cross(row, column))
    )


def _vectors(columns: Mapping[str, Sequence[Any]], keyword: str, length: int) -> np.ndarray:
    """The values (n, length) of a keyword."""
    values = columns.get(keyword) or [None]
    for number, value in enumerate(values):
        try:
            good = len(value) == length and np.isfinite(np.array(value, float)).all()
        except (TypeError, ValueError):
            good = False
        if not good:
            raise LabelError(
                f"expected {length} numbers as {keyword} of frame {number}, got {value!r}"
            )
    return np.array(values, float)


def _one_of(
    columns: Mapping[str, Sequence[Any]], keyword: str, length: int, tolerance: float
) -> np.ndarray:
    """The one value (length,) that all frames have."""
    values = columns.get(keyword) or [None]
    distinct = _vectors({keyword: list(dict.fromkeys(values))}, keyword, length)
    if (np.ptp(distinct, axis=0) > 2 * tolerance * np.abs(distinct).max()).any():
        raise LabelError(f"expected one {keyword} for all frames, got {distinct.tolist()[:3]}")
    return distinct[0]


def _on_slices(
    positions: np.ndarray, in_plane: np.ndarray, size: tuple[int, int], volume: Volume
) -> Grid | None:
    """The grid of a volume where frames are its slices, pixel on pixel; None where not."""
    shape = volume.array.shape
    if size != shape[1:]:
        return None
    to_voxel = np.linalg.inv(volume.affine)
    drift = to_voxel[:3, :3] @ in_plane - np.eye(3)[:, 1:]
    voxels = positions @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    whole = np.round(voxels)
    if (np.abs(drift) @ size > SAME_GRID).any() or (np.abs(voxels - whole) > SAME_GRID).any():
        return None
    return None if whole[:, 1:].any() else Grid(volume.affine, shape, whole[:, 0].astype(int))


def _steps(
    columns: Mapping[str, Sequence[Any]], volume: Volume, normal: np.ndarray
) -> dict[str, float]:
    """Distances in mm from slice to slice that may be meant, by who says so."""
    own = {
        name: _number(next(iter(columns.get(keyword) or [None])))
        for name, keyword in (("gap", "SpacingBetweenSlices"), ("thickness", "SliceThickness"))
    }
    own["volume"] = float(np.abs(normal @ volume.affine[:3, :3]).max())
    return {name: step for name, step in own.items() if np.isfinite(step) and step > 0}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _own_grid(
    positions: np.ndarray, in_plane: np.ndarray, size: tuple[int, int], steps: dict[str, float]
) -> Grid:
    """The grid that positions lie on, from the first along the normal to the last."""
    normal = np.cross(in_plane[:, 1], in_plane[:, 0])
    normal /= np.linalg.norm(normal)
    along = positions @ normal
    pixel = float(np.linalg.norm(in_plane, axis=0).min())
    places = places_of(along, SAME_POSITION * pixel)
    affine = np.eye(4)
    affine[:3, 1:3] = in_plane
    first = affine[:3, 3] = positions[along.argmin()]
    if not places.any():
        name = next((name for name in ("gap", "thickness", "volume") if name in steps), "")
        step = steps.get(name, 1.0)
        affine[:3, 0] = normal * step
        guess = "" if name in ("gap", "thickness") else _guessed(step)
        return Grid(affine, (1, *size), places, guess)
    gaps = np.diff([along[places == place].mean() for place in range(places.max() + 1)])
    whole = next(filter(None, (_in_steps(gaps, step) for step in _candidates(gaps, steps))), None)
    if whole is None:
        raise LabelError(
            f"expected frames on an even grid, got gaps of {gaps.min():.4g} to {gaps.max():.4g} mm "
            "that are no multiples of one step: convert it with other software"
        )
    affine[:3, 0] = (positions[along.argmax()] - first) / whole[-1]
    slices = np.array([0, *whole])[places]
    off = np.linalg.norm(positions - first - slices[:, None] * affine[:3, 0], axis=1)
    if off.max() > SAME_GRID * max(pixel, float(gaps.min())):
        raise LabelError(
            f"expected frames on one line, got one {off.max():.4g} mm off it: no even grid"
        )
    step = float(np.linalg.norm(affine[:3, 0]))
    smallest = float(gaps.min())
    is_said = _alike(step, steps.get("gap")) or (
        _alike(step, steps.get("thickness")) and _alike(step, smallest)
    )
    return Grid(affine, (whole[-1] + 1, *size), slices, "" if is_said else _guessed(step))


def _candidates(gaps: np.ndarray, steps: dict[str, float]) -> list[float]:
    """Steps in mm that may be meant, the best first.

    Slices as far apart as they are thick, some of which are left out, and thinner ones with gaps
    between them look alike: what is the volume's own step comes first.
    """
    smallest, volume = float(gaps.min()), steps.get("volume")
    thickness = steps.get("thickness", np.inf)
    guesses = [thickness] if thickness <= smallest * (1 + SAME_GRID) else []
    guesses = sorted([*guesses, smallest], key=lambda step: not _alike(step, volume))
    return [step for step in (steps.get("gap"), *guesses, volume) if step]


def _alike(step: float, other: float | None) -> bool:
    return other is not None and abs(step - other) <= SAME_GRID * step


def _guessed(step: float) -> str:
    return f"how far its slices are apart is a guess: {step:.4g} mm"


def _in_steps(gaps: np.ndarray, step: float) -> list[int]:
    """The number of steps (n,) to each position from the first; none where they do not fit."""
    along = np.cumsum(gaps)
    count = round(along[-1] / step)
    if not 0 < count < MAX_SLICES:
        return []
    steps = along * count / along[-1]  # as the named step may be rounded
    whole = np.round(steps).astype(int)
    near = abs(along[-1] / count - step) <= SAME_GRID * step
    return whole.tolist() if near and (np.abs(steps - whole) <= SAME_GRID).all() else []
