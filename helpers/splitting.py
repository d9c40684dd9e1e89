"""Which images of a series belong to one stack? Splits a series by geometry, then by repeated runs."""

import numpy as np
import pandas as pd

from helpers.grid import SAME_POSITION_MM, along_normal, is_regular, numbers, vectors

SAME_COSINE = 1e-3  # orientations that differ less belong to one stack
SAME_SPACING_MM = 1e-4
SEVERAL = 2  # positions that a part needs to be a stack beside another
RUN = 3  # positions that a run of instance numbers needs to count as a scan of its own
REPEATED_SHARE = 0.5  # from this share of repeated positions on, whole runs are repeated
SCAN_KEYWORDS = ("AcquisitionNumber", "EchoTime", "EchoNumbers", "TemporalPositionIdentifier")


def split_series(rows):
    """Parts of one series that are each geometrically consistent.

    A series splits by orientation, matrix size, pixel spacing, and by whether a position is given.
    Acquisition number, echo and time split what is left only where the parts overlap along the
    normal and each has several positions: sequential CT counts acquisitions up as the table moves,
    and stays one stack. What still repeats whole runs of positions splits into those runs. Single
    repeated positions stay where they are.

    Parameters
    ----------
    rows : DataFrame, image rows of one series of the header table

    Returns
    -------
    list of (rows of the part, text that says by what the series was split), in a stable order
    """
    geometry = _geometry(rows)
    keys = ["orientation", "size", "pixel spacing", "position given"]
    varying = [key for key in keys if geometry[key].nunique() > 1]
    parts = []
    for _, group in geometry.groupby(keys, sort=False):
        reasons = [*varying]
        runs = _split_runs(group, reasons)
        parts += [(rows.iloc[run["row"].to_numpy()], ", ".join(reasons)) for run in runs]
    return parts


def _geometry(rows):
    """What decides where an image belongs, one line per row of the series, sorted as they were taken."""
    cosines = vectors(rows, "ImageOrientationPatient", 6)
    geometry = pd.DataFrame(
        {
            "row": np.arange(len(rows)),
            "path": rows.index.get_level_values(0).astype(object),
            "orientation": _alike(cosines, SAME_COSINE),
            "size": numbers(rows, "Rows") * 1e6 + numbers(rows, "Columns"),
            "pixel spacing": _alike(vectors(rows, "PixelSpacing", 2), SAME_SPACING_MM),
            "instance": numbers(rows, "InstanceNumber"),
        }
    )
    for keyword in SCAN_KEYWORDS:
        geometry[keyword] = numbers(rows, keyword)
    geometry["along"] = np.nan
    for _, group in geometry.groupby("orientation"):
        geometry.loc[group.index, "along"] = along_normal(rows.iloc[group.index])
    geometry["position given"] = geometry["along"].notna()
    return geometry.sort_values(["instance", "path"], kind="stable")


def _alike(array, tolerance):
    """Numbers (n,) that are equal for rows of `array` that differ by less than `tolerance`."""
    unique, where = np.unique(np.nan_to_num(array, nan=1e9), axis=0, return_inverse=True)
    first, group = [], np.empty(len(unique), int)
    for i, values in enumerate(unique):
        near = [k for k, other in enumerate(first) if np.abs(values - other).max() <= tolerance]
        group[i] = near[0] if near else len(first)
        first += [] if near else [values]
    return group[where.reshape(-1)]


def _split_runs(group, reasons):
    """The scans that a geometrically consistent group holds; says in `reasons` what told them apart."""
    if not group["position given"].all() or len(group) < 2 * SEVERAL:
        return [group]
    for keyword in [keyword for keyword in SCAN_KEYWORDS if group[keyword].nunique(dropna=False) > 1]:
        scans = _apart([part for _, part in group.groupby(keyword, dropna=False)])
        if len(scans) > 1:
            reasons.append(keyword)
            return [run for scan in scans for run in _split_runs(scan, reasons)]
    if is_regular(np.sort(group["along"])):
        return [group]
    runs = _monotone_runs(group)
    if all(len(run) >= RUN and is_regular(np.sort(run["along"])) for run in runs):
        runs = _apart(runs)
    else:
        runs = _repeats(group)
    if len(runs) > 1:
        reasons.append("repeated run of positions")
    return runs


def _apart(parts):
    """Parts that abut joined into one, parts that overlap kept apart; all joined if any is too small."""
    spans = [(part["along"].min() + SAME_POSITION_MM, part["along"].max() - SAME_POSITION_MM) for part in parts]
    if any(_count(part["along"]) < SEVERAL for part in parts):
        return [pd.concat(parts)]
    scans = []
    for part, (low, high) in zip(parts, spans):
        fitting = [scan for scan in scans if all(high < a or low > b for a, b in scan["spans"])]
        scan = fitting[0] if fitting else {"spans": [], "parts": []}
        scans += [] if fitting else [scan]
        scan["spans"].append((low, high))
        scan["parts"].append(part)
    return [pd.concat(scan["parts"]) for scan in scans]


def _monotone_runs(group):
    """Runs, in the order of instance numbers, in which the position moves one way."""
    steps = np.sign(np.diff(group["along"]))
    way = 1 if (steps > 0).sum() >= (steps < 0).sum() else -1
    return [run for _, run in group.groupby(np.r_[0, np.cumsum(steps == -way)])]


def _repeats(group):
    """First images of each position, second ones, and so on, where most positions are repeated."""
    place = _places(group["along"].to_numpy())
    repeated = pd.Series(place).value_counts() > 1
    if repeated.mean() < REPEATED_SHARE or repeated.sum() < SEVERAL:
        return [group]
    return [run for _, run in group.groupby(group.groupby(place).cumcount().to_numpy())]


def _places(along):
    """A number for each image (n,), equal for images at one position."""
    order = np.argsort(along, kind="stable")
    place = np.empty(len(along), int)
    place[order] = np.r_[0, np.cumsum(np.diff(along[order]) > SAME_POSITION_MM)]
    return place


def _count(along):
    return _places(np.asarray(along)).max() + 1
