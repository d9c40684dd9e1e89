"""Which images of a series belong to one stack? Splits by geometry, then by repeated runs."""

import os

import numpy as np
import pandas as pd

from helpers.files import natural_ranks
from helpers.slices.grid import (
    REGULAR_GAP_TOLERANCE,
    SAME_COSINE_TOLERANCE,
    SAME_POSITION_MM,
    SAME_SPACING_MM,
    along_normal,
    numbers,
    vectors,
)

MIN_POSITIONS = 2  # positions that a part needs to be a stack beside another
MIN_RUN_POSITIONS = 3  # that a run of instance numbers needs to be a scan of its own
GEOMETRY_KEYS = [
    *("patient", "folder", "frame of reference", "orientation", "size", "pixel spacing"),
    "position given",
]
SCAN_KEYWORDS = (
    *("AcquisitionNumber", "EchoTime", "EffectiveEchoTime", "EchoNumbers"),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "KVP", "ConvolutionKernel"),
    *("SliceThickness", "ImageType"),
)


def split_series(rows: pd.DataFrame) -> list[tuple[pd.DataFrame, str]]:
    """Parts of one series that are each geometrically consistent.

    A series splits by patient (and folder, where it has no UID), frame of reference, orientation,
    matrix size, pixel spacing, and by whether a position is given. Acquisition, echo, time, tube
    voltage, kernel, thickness and Image Type split what is left only where the parts overlap along
    the normal and each has several positions: sequential CT counts acquisitions up as the table
    moves, and stays one stack. What still repeats whole runs of positions splits into those runs.
    Single repeated positions stay where they are. A missing slice makes no new stack.

    Parameters
    ----------
    rows : DataFrame, image rows of one series of the header table

    Returns
    -------
    list of (rows of the part, text that says by what the series was split), in a stable order
    """
    geometry = _geometry(rows)
    varying = [key for key in GEOMETRY_KEYS if _varies(geometry[key])]
    parts = []
    for group in (
        [group for _, group in geometry.groupby(varying, sort=False)] if varying else [geometry]
    ):
        reasons = [*varying]
        runs = _split_runs(group, reasons)
        parts += [
            (rows.iloc[run["row"].to_numpy()], ", ".join(dict.fromkeys(reasons))) for run in runs
        ]
    return parts


def _geometry(rows):
    """What decides where an image belongs, a row for each, sorted as they were taken."""
    paths = rows.index
    orientation = _alike(vectors(rows, "ImageOrientationPatient", 6), SAME_COSINE_TOLERANCE)
    along = np.full(len(rows), np.nan)
    for one in np.unique(orientation):
        along[orientation == one] = along_normal(rows[orientation == one])
    geometry = pd.DataFrame(
        {
            "row": np.arange(len(rows)),
            "patient": _codes(rows, "PatientID"),
            "folder": _folders(rows),
            "frame of reference": _codes(rows, "FrameOfReferenceUID"),
            "orientation": orientation,
            "size": numbers(rows, "Rows") * 1e6 + numbers(rows, "Columns"),
            "pixel spacing": _alike(vectors(rows, "PixelSpacing", 2), SAME_SPACING_MM),
            "along": along,
            "position given": np.isfinite(along),
            **{keyword: _codes(rows, keyword) for keyword in SCAN_KEYWORDS},
        }
    )
    instance = numbers(rows, "InstanceNumber")
    by_name = natural_ranks(paths) if len(np.unique(instance)) < len(instance) else instance
    order = np.lexsort((numbers(rows, "frame"), by_name, instance))
    return geometry.iloc[order].reset_index(drop=True)


def _varies(column):
    values = column.to_numpy()
    return bool((values != values[0]).any())


def _codes(rows, keyword):
    """A number for each row (n,), equal for equal values and rising with numbers; -1 for none."""
    column = rows[keyword].tolist() if keyword in rows else [None] * len(rows)
    known = {value for value in column if value is not None and value == value}
    in_order = sorted(
        known,
        key=lambda value: (0, value, "") if isinstance(value, (int, float)) else (1, 0, str(value)),
    )
    number = {value: n for n, value in enumerate(in_order)}
    return np.array([number.get(value, -1) for value in column])


def _folders(rows):
    """A number for each row's folder where the series has no UID, else 0.

    So files of two folders are two series.
    """
    if "SeriesInstanceUID" in rows and rows["SeriesInstanceUID"].notna().all():
        return np.zeros(len(rows), int)
    return pd.factorize(np.array([os.path.dirname(path) for path in rows.index], object))[0]


def _alike(array, tolerance):
    """Numbers (n,) that are equal for rows of `array` that differ by less than `tolerance`."""
    unique, where = np.unique(np.nan_to_num(array, nan=1e9), axis=0, return_inverse=True)
    first: list = []
    group = np.empty(len(unique), int)
    for i, values in enumerate(unique):
        near = [k for k, other in enumerate(first) if np.abs(values - other).max() <= tolerance]
        group[i] = near[0] if near else len(first)
        first += [] if near else [values]
    return group[where.reshape(-1)]


def _split_runs(group, reasons):
    """The scans that a group of one geometry holds; says in `reasons` what told them apart."""
    if not group["position given"].all() or len(group) < 2 * MIN_POSITIONS:
        return [group]
    for keyword in [keyword for keyword in SCAN_KEYWORDS if _varies(group[keyword])]:
        scans = _apart([part for _, part in group.groupby(keyword)])
        if len(scans) > 1:
            reasons.append(keyword)
            return [run for scan in scans for run in _split_runs(scan, reasons)]
    runs = [group] if _on_one_grid(group["along"]) else _repeated_runs(group)
    if len(runs) > 1:
        reasons.append("repeated run of positions")
    return runs


def _apart(parts, several=MIN_POSITIONS):
    """Parts that abut joined into one, parts that overlap kept apart.

    Parts too small to tell go with the largest.
    """
    large = [part for part in parts if _count(part["along"]) >= several]
    scans: list = []
    for part in large:
        if scans and not any(_overlap(part, other) for other in scans[-1]):
            scans[-1].append(part)
        else:
            scans.append([part])
    if len(scans) < 2:
        return [pd.concat(parts)]
    max(scans, key=lambda scan: sum(map(len, scan))).extend(
        part for part in parts if _count(part["along"]) < several
    )
    return [pd.concat(scan).sort_index() for scan in scans]


def _overlap(part, other):
    """Whether two parts share more than an end along the normal."""
    low, high = (
        max(part["along"].min(), other["along"].min()),
        min(part["along"].max(), other["along"].max()),
    )
    return high - low > SAME_POSITION_MM


def _repeated_runs(group):
    """Runs of instance numbers in which the position moves one way, each a grid of its own.

    Where they are none: whole repetitions.
    """
    steps = np.sign(np.diff(group["along"]))
    runs = [run for _, run in group.groupby(np.r_[0, np.cumsum(steps == -_main(steps))])]
    large = [run for run in runs if len(run) >= MIN_RUN_POSITIONS]
    if len(large) > 1 and all(_on_one_grid(run["along"]) for run in large):
        return _apart(runs, MIN_RUN_POSITIONS)
    place = _places(group["along"].to_numpy())
    if len(set(np.bincount(place))) > 1:  # some positions more often than others: no whole run
        return [group]
    return (
        [run for _, run in group.groupby(group.groupby(place).cumcount().to_numpy())]
        if place.max()
        else [group]
    )


def _main(steps):
    return 1 if (steps > 0).sum() >= (steps < 0).sum() else -1


def _on_one_grid(along):
    """Whether positions lie on one even grid, none twice, some perhaps missing."""
    gaps = np.diff(np.sort(along))
    if not len(gaps) or (gaps <= SAME_POSITION_MM).any():
        return not len(gaps)
    steps = gaps / np.median(gaps)
    return bool((np.abs(steps - np.maximum(np.round(steps), 1)) <= REGULAR_GAP_TOLERANCE).all())


def _places(along):
    """A number for each image (n,), equal for images at one position."""
    order = np.argsort(along, kind="stable")
    place = np.empty(len(along), int)
    place[order] = np.r_[0, np.cumsum(np.diff(along[order]) > SAME_POSITION_MM)]
    return place


def _count(along):
    return _places(np.asarray(along)).max() + 1
