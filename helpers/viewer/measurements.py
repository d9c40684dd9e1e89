"""What was measured in a viewer? Lengths, angles, areas, and the values of the pixels in them.

A measurement is a dict of JSON's own types. In a volume it has ``kind``, ``plane`` and
``points_mm`` in LPS mm; on an image ``kind``, ``index`` (of the image in its viewer) and
``points``, (row, column) of its pixels. A rectangle and an ellipse lie along the rows and columns
of their picture, between two opposite corners.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from helpers.errors import ClearError, wrong_name
from helpers.geometry.planes import PLANES
from helpers.viewer.image_data import Images, length_unit
from helpers.viewer.viewer_data import nearest_slice, picture_affine
from helpers.volume.slice import Slice
from helpers.volume.volume import Volume

POINTS = {"distance": 2, "angle": 3, "rectangle": 2, "ellipse": 2}  # how many each kind has
AREAS = ("rectangle", "ellipse")
VALUE_COLUMNS = ["n", "mean", "sd", "min", "max", "padding", "unit"]
VOLUME_COLUMNS = [
    *("kind", "plane", "index", "points_mm", "length_mm", "angle_deg", "area_mm2"),
    *VALUE_COLUMNS,
]
IMAGE_COLUMNS = [
    *("kind", "path", "frame", "points_px", "length", "angle_deg", "area", "length_unit"),
    *VALUE_COLUMNS,
]
ON_EDGE = 1e-6  # pixels by which a middle may lie outside, for numbers are rounded
ONE_SLICE = 0.5  # of a slice, that the corners of an area may be apart
Measurement: TypeAlias = Mapping[str, Any]


class MeasurementError(ClearError, ValueError):
    """A measurement that has no meaning in what is shown."""


# tables


def volume_measurements(volume: Volume, measured: Sequence[Measurement]) -> pd.DataFrame:
    """A row for each measurement in a volume.

    Columns are ``kind``, ``plane`` and ``index`` of its slice, ``points_mm``, ``length_mm``,
    ``angle_deg`` or ``area_mm2``; of areas ``n``, ``mean``, ``sd``, ``min`` and ``max`` of the
    values in them, with their ``unit``, and ``padding``, the number of pixels that are none and
    were left out. See `shape_values`. Lengths and angles are those in the patient, on sheared
    volumes too.
    """
    rows = [_volume_row(volume, item) for item in measured]
    return _table(rows, VOLUME_COLUMNS)


def image_measurements(images: Images, measured: Sequence[Measurement]) -> pd.DataFrame:
    """A row for each measurement on images.

    As `volume_measurements`, but with ``path`` and ``frame`` of the image, ``points_px`` as
    (row, column), and ``length`` and ``area`` in ``length_unit``: "mm", "mm at the detector", or
    "px" where the header gives no distance.
    """
    rows = [_image_row(images, item) for item in measured]
    return _table(rows, IMAGE_COLUMNS)


def _table(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"n": "Int64", "padding": "Int64"})


def _volume_row(volume: Volume, item: Measurement) -> dict[str, Any]:
    plane, kind = item["plane"], item["kind"]
    affine, voxels = picture_affine(volume, plane)[:3], _voxels(volume, item)
    names = {"length": "length_mm", "angle": "angle_deg", "area": "area_mm2"}
    figures = {names[name]: value for name, value in _figures(kind, voxels, affine).items()}
    index = nearest_slice(volume, plane, item["points_mm"][0])
    points = [tuple(map(float, point)) for point in item["points_mm"]]
    values = volume_values(volume, item) if kind in AREAS else None
    unit = {"unit": volume.unit} if values else {}
    about = {"kind": kind, "plane": plane, "index": index, "points_mm": points}
    return {**about, **figures, **(values or {}), **unit}


def _image_row(images: Images, item: Measurement) -> dict[str, Any]:
    image, kind, row = images.slice(item["index"]), item["kind"], item["index"]
    down, right = image.spacing
    affine = np.array([[0, 0, right, 0], [0, down, 0, 0], [0, 0, 0, 0]])
    voxels = np.insert(np.asarray(item["points"], float), 0, 0, axis=1)
    names = {"length": "length", "angle": "angle_deg", "area": "area"}
    figures = {names[name]: value for name, value in _figures(kind, voxels, affine).items()}
    values = image_values(images, item) if kind in AREAS else None
    return {
        **{"kind": kind, "path": images.paths[row], "frame": images.frames[row]},
        "points_px": [tuple(map(float, point)) for point in item["points"]],
        **figures,
        "length_unit": length_unit(image),
        **({**values, "unit": image.unit} if values else {}),
    }


def _figures(kind: str, voxels: np.ndarray, affine: np.ndarray) -> dict[str, float]:
    """{length} or {angle} or {area} of voxels (n, 3), by an affine (3, 4)."""
    points = voxels @ affine[:, :3].T
    if kind == "distance":
        return {"length": float(np.linalg.norm(points[1] - points[0]))}
    if kind == "angle":
        one, other = points[0] - points[1], points[2] - points[1]
        across = np.linalg.norm(np.cross(one, other))
        return {"angle": float(np.degrees(np.arctan2(across, one @ other)))}
    pixel = np.linalg.norm(np.cross(affine[:, 1], affine[:, 2]))
    _, tall, wide = np.abs(voxels[1] - voxels[0])
    return {"area": float(tall * wide * pixel * (np.pi / 4 if kind == "ellipse" else 1))}


# values


def volume_values(volume: Volume, item: Measurement) -> dict[str, Any] | None:
    """`shape_values` of an area in a volume; None of what is none."""
    if item["kind"] not in AREAS:
        return None
    index = nearest_slice(volume, item["plane"], item["points_mm"][0])
    picture = volume.slice(item["plane"], index)
    return shape_values(picture, item["kind"], _voxels(volume, item)[:, 1:])


def image_values(images: Images, item: Measurement) -> dict[str, Any] | None:
    """`shape_values` of an area on an image; None of what is none, and of colours."""
    if item["kind"] not in AREAS:
        return None
    return shape_values(images.slice(item["index"]), item["kind"], np.asarray(item["points"]))


def shape_values(picture: Slice, kind: str, corners: np.ndarray) -> dict[str, Any] | None:
    """{n, mean, sd, min, max, padding} of the pixels in a rectangle or an ellipse; None of colours.

    A pixel belongs to a shape when its middle lies in it or on its edge. Padding is left out and
    counted. ``sd`` is that of a population (numpy's, ddof=0). Without a pixel they are None.

    Parameters
    ----------
    corners : (2, 2), two opposite ones as (row, column), whole numbers in the middle of pixels
    """
    if picture.array.ndim == 3:
        return None
    inside = shape_mask(kind, corners, picture.array.shape)
    padding = np.zeros_like(inside) if picture.padding is None else picture.padding
    values = picture.array[inside & ~padding].astype(float)
    n, lost = len(values), int((inside & padding).sum())
    found = (values.mean(), values.std(), values.min(), values.max()) if n else [None] * 4
    numbers = [None if one is None else float(one) for one in found]
    return {"n": n, **dict(zip(("mean", "sd", "min", "max"), numbers)), "padding": lost}


def shape_mask(kind: str, corners: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Which pixels of a picture lie in a rectangle or an ellipse, boolean (rows, columns)."""
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    middle, half = (low + high) / 2, (high - low) / 2 + ON_EDGE
    down, right = ((np.arange(n) - m) / h for n, m, h in zip(shape, middle, half))
    if kind == "rectangle":
        return (np.abs(down) <= 1)[:, None] & (np.abs(right) <= 1)
    return down[:, None] ** 2 + right**2 <= 1


def _voxels(volume: Volume, item: Measurement) -> np.ndarray:
    """The points as (index, row, column) of the plane's pictures, (n, 3)."""
    points = np.asarray(item["points_mm"], float)
    inverse = np.linalg.inv(picture_affine(volume, item["plane"]))
    return points @ inverse[:3, :3].T + inverse[:3, 3]


# checks


def checked_in_volume(volume: Volume, item: Measurement) -> dict[str, Any]:
    """A measurement as the viewer of a volume keeps it.

    Raises
    ------
    MeasurementError, PlaneError
        Of another kind or plane, with too few points, or outside the volume.
    """
    kind, points = _checked_points(item, "points_mm", "(x, y, z) in LPS mm", 3)
    plane = item.get("plane")
    if plane not in PLANES:
        raise MeasurementError(f"expected a plane of {', '.join(PLANES)}, got {plane!r}")
    for point in points:
        volume.place_in(plane, point)
    checked = {"kind": kind, "plane": plane, "points_mm": points}
    slices = _voxels(volume, checked)[:, 0]
    if kind in AREAS and np.ptp(slices) > ONE_SLICE:
        numbers = " and ".join(f"{slice + 1:.1f}" for slice in slices)
        raise MeasurementError(
            f"expected the corners of the {kind} on one {plane} slice, got slices {numbers}"
        )
    return checked


def checked_in_images(images: Images, item: Measurement) -> dict[str, Any]:
    """A measurement as the viewer of images keeps it.

    Raises
    ------
    MeasurementError
        Of another kind, with too few points, or outside the image.
    """
    kind, points = _checked_points(item, "points", "(row, column)", 2)
    index = item.get("index")
    if not isinstance(index, int) or not 0 <= index < len(images):
        raise MeasurementError(f"expected an index from 0 to {len(images) - 1}, got {index!r}")
    sizes = [images.value(keyword, index) for keyword in ("Rows", "Columns")]
    if all(isinstance(size, (int, float, np.number)) and size > 0 for size in sizes):
        beyond = [point for point in points if not _is_within(point, sizes)]
        if beyond:
            expected = "expected pixels of an image of {:.0f} × {:.0f}".format(*sizes)
            raise MeasurementError(f"{expected}, got {tuple(beyond[0])}")
    return {"kind": kind, "index": index, "points": points}


def renumbered(measured: Sequence[Measurement], rows: Sequence[int]) -> list[dict[str, Any]]:
    """Measurements on those images that are in `rows`, by their numbers among these."""
    numbers = {row: number for number, row in enumerate(rows)}
    kept = [item for item in measured if item["index"] in numbers]
    return [{**item, "index": numbers[item["index"]]} for item in kept]


def _is_within(point: Sequence[float], sizes: Sequence[float]) -> bool:
    return all(-0.5 <= place <= size - 0.5 for place, size in zip(point, sizes))


def _checked_points(
    item: Measurement, name: str, words: str, length: int
) -> tuple[str, list[list[float]]]:
    """(kind, points) of a measurement."""
    kind, points = item.get("kind"), item.get(name)
    if not isinstance(kind, str) or kind not in POINTS:
        raise MeasurementError(f"expected one of {wrong_name(str(kind), list(POINTS))}")
    expected = f"expected {POINTS[kind]} points {words} of a {kind}"
    try:
        numbers = np.asarray(points, float)
    except (TypeError, ValueError) as error:
        raise MeasurementError(f"{expected}, got {points!r}") from error
    if numbers.shape != (POINTS[kind], length) or not np.isfinite(numbers).all():
        raise MeasurementError(f"{expected}, got {points!r}")
    return kind, numbers.tolist()
