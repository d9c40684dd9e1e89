"""Which files form a stack, in which order, how far apart? From the header table alone."""

import os
from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydicom.datadict import tag_for_keyword

from helpers.errors import ClearError
from helpers.geometry.orientation import COSINE_TOLERANCE, cosine_error, plane_name, tilt_deg
from helpers.slices.grid import (
    EVEN_GAP_TOLERANCE,
    irregularities,
    numbers,
    shear_deg,
    vectors,
    why_no_volume,
)
from helpers.slices.images import (
    REQUIRED_KEYWORDS,
    MissingColumnError,
    frame_counts,
    images,
    is_image,
)
from helpers.slices.order import GUESS_REMARKS, in_order
from helpers.slices.splitting import SCAN_KEYWORDS, split_series

STACK_KEYWORDS = [  # the columns that stacks are made from
    *(*REQUIRED_KEYWORDS, "PatientID", "FrameOfReferenceUID", "Modality", "NumberOfFrames"),
    *("SamplesPerPixel", "PixelSpacing", "frame", "ImageOrientationPatient"),
    *("ImagePositionPatient", "SliceLocation", "SpacingBetweenSlices", "InstanceNumber"),
    *SCAN_KEYWORDS,
]
AUDIT_KEYWORDS = [  # and those that rules ask about
    *("SOPInstanceUID", "SOPClassUID", "RescaleSlope", "RescaleIntercept", "RescaleType"),
    *("PixelRepresentation", "BitsStored", "DiffusionBValue", "TriggerTime"),
    *("NominalPercentageOfCardiacPhase", "FrameReferenceTime", "InversionTime", "FlipAngle"),
    *("SequenceName", "ContrastBolusAgent", "StudyInstanceUID"),
]


class UnknownStackError(ClearError, KeyError):
    """A stack that the headers do not have."""

    __str__ = Exception.__str__  # KeyError's would quote the sentence


def stack_table(headers: pd.DataFrame) -> pd.DataFrame:
    """One row per stack of one geometry: without problems and with most positions first.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.frame_table`

    Returns
    -------
    DataFrame, index ``(SeriesInstanceUID, stack)``; stacks of a series count from 0, the largest
        first

    - ``ImageOrientationPatient`` as its first image has it; ``plane``; ``tilt_deg``, the angle of
      the normal to the nearest patient axis; ``shear_deg``, the angle between the normal and the
      line of positions: a tilted gantry
    - ``files``, ``images`` (frames), ``positions`` (distinct), ``rows``, ``columns``
    - ``spacing_mm`` (median gap along the normal), ``gap_min_mm``, ``gap_max_mm``, ``extent_mm``:
      measured; ``thickness_mm`` and ``declared_spacing_mm``: what the header says, to stand beside
      them
    - ``order_grade``: A by position; B by Slice Location, a guess; C by Instance Number; D by file
      name
    - ``volume``: whether `helpers.load_volume` takes it: whole, in part (its longest even run), or
      no
    - ``split_by``: why its series has several stacks; ``problems``: text, empty for none

    Raises
    ------
    NoImageError
        Where no row of `headers` holds an image; says what was looked at.
    MissingColumnError
        Where the header table was made with ``keywords=`` that leave out what is needed.

    References
    ----------
    PS3.3 C.7.6.2.1.1 (position, orientation), C.7.6.2.1.2 (Slice Location is relative to no known
    point)
    """
    rows = images(headers).reindex(columns=STACK_KEYWORDS)
    described = [
        _describe(uid, number, slices, split_by) for uid, number, slices, split_by in _stacks(rows)
    ]
    table = pd.DataFrame(described).set_index(["SeriesInstanceUID", "stack"])
    table["rank"] = 2 * (table["problems"] == "") + (table["volume"] != "no")
    return table.sort_values(["rank", "positions"], ascending=False, kind="stable").drop(
        columns="rank"
    )


def stack_slices(headers: pd.DataFrame, stack: tuple[str, int]) -> pd.DataFrame:
    """The rows of one stack in spatial order, along ``+cross(row cosines, column cosines)``.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.frame_table`
    stack : (SeriesInstanceUID, number), an entry of the index of `stack_table`

    Returns
    -------
    DataFrame: rows of `headers` with ``position_mm`` (along the normal; Slice Location for order
        grade B; missing for C and D), ``repeated`` (an earlier row has the same position) and
        ``order_grade``

    Raises
    ------
    UnknownStackError
    """
    rows = headers[is_image(headers)]
    uid, number = stack if isinstance(stack, tuple) and len(stack) == 2 else (stack, None)
    found = {n: slices for _, n, slices, _ in _stacks(rows[_series(rows) == uid])}
    if number not in found:
        raise UnknownStackError(
            f"expected an entry of stack_table's index, got {stack!r}: "
            "these headers have no such stack"
        )
    return found[number]


def all_stacks(headers: pd.DataFrame) -> Iterator[tuple[str, int, pd.DataFrame, str]]:
    """Every stack: Series Instance UID, number, slices as of `stack_slices`, why it was split."""
    columns = [*dict.fromkeys([*STACK_KEYWORDS, *AUDIT_KEYWORDS])]
    yield from _stacks(headers.reindex(columns=columns)[is_image(headers)])


def slice_counts(headers: pd.DataFrame, by: str = "PatientID") -> pd.DataFrame:
    """How many slices, counted honestly: from files down to distinct positions.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.frame_table`
    by : a column of it. A file that does not say belongs to the one its folder's other files agree
        on, else to ``"?"``; a stack to what its first image says.

    Returns
    -------
    DataFrame, index `by`: ``files``, ``readable`` (without error), ``images`` (frames),
        ``unique_images`` (no SOP Instance UID twice), ``stacks``, ``positions`` (sum over stacks),
        ``largest_stack`` (positions)
    """
    image = is_image(headers)
    owner = _owners(headers, by)
    frames = frame_counts(headers) * image
    steps = {
        "files": ~headers.index.duplicated(),
        "readable": headers["error"].isna() & ~headers.index.duplicated(),
        "images": frames,
        "unique_images": frames * _first_stored(headers, image),
    }
    counts = pd.DataFrame(
        {name: np.asarray(step) for name, step in steps.items()}, index=range(len(headers))
    )
    counts = counts.astype(int).groupby(owner).sum()
    rows = headers.reindex(columns=STACK_KEYWORDS).assign(owner=owner)[image]
    found = [(slices["owner"].iloc[0], _positions(slices)) for _, _, slices, _ in _stacks(rows)]
    stacks = (
        pd.DataFrame(found, columns=["owner", "positions"])
        .astype({"positions": int})
        .groupby("owner")
        .positions
    )
    counts = counts.join(stacks.agg(stacks="size", positions="sum", largest_stack="max"))
    return counts.astype(float).fillna(0).astype(int).rename_axis(by)


def _first_stored(headers, image):
    """Which images are the first of their SOP Instance UID; one without a UID is."""
    if "SOPInstanceUID" not in headers:
        return True
    rows = headers.loc[:, ["SOPInstanceUID", *(["frame"] if "frame" in headers else [])]][image]
    first = np.zeros(len(headers), bool)
    first[image] = (~rows.duplicated() | rows["SOPInstanceUID"].isna()).to_numpy()
    return first


def _series(rows):
    """The Series Instance UID of every row; "?" where there is none."""
    uids = rows.reindex(columns=["SeriesInstanceUID"])["SeriesInstanceUID"].astype(object)
    return uids.where(uids.notna(), "?")


def _stacks(rows):
    """(series, number, slices in order, why split) of every stack; in a series by falling size."""
    for uid, series in rows.groupby(_series(rows).to_numpy(), sort=False):
        parts = [(in_order(part), split_by) for part, split_by in split_series(series)]
        parts.sort(key=lambda part: (-_positions(part[0]), str(part[0].index[0])))
        for number, (slices, split_by) in enumerate(parts):
            yield uid, number, slices, split_by


def _positions(slices):
    """Distinct positions; where none is known, each image counts as one."""
    known = slices["position_mm"].notna().all()
    return int((~slices["repeated"]).sum()) if known else int(frame_counts(slices).sum())


def _owners(headers, by):
    """For every file the value of `by` (n,), taken from its folder where it has none of its own."""
    if by not in headers and tag_for_keyword(str(by)) is None:
        raise MissingColumnError(f"expected a column of the header table, got {by!r}")
    own = pd.Series(
        headers[by].tolist() if by in headers else None, range(len(headers)), dtype=object
    )
    folders = pd.Series([os.path.dirname(path) for path in headers.index], own.index, dtype=object)
    agreed = {}
    for folder, values in own.groupby(folders):
        found = values.dropna().unique()
        agreed[folder] = found[0] if len(found) == 1 else "?"
    return own.where(own.notna(), folders.map(agreed)).to_numpy(object)


def _describe(uid, number, slices, split_by):
    """One row of the stack table."""
    first, along = slices.iloc[0], slices["position_mm"][~slices["repeated"]]
    gaps = np.diff(along) if len(along) > 1 else np.array([np.nan])
    orientation = first.get("ImageOrientationPatient")
    broken = irregularities(slices) if first["order_grade"] == "A" else []
    reason = why_no_volume(slices)
    return {
        "SeriesInstanceUID": uid,
        "stack": number,
        "PatientID": first.get("PatientID"),
        "Modality": first.get("Modality"),
        "ImageOrientationPatient": orientation,
        "plane": plane_name(orientation),
        "tilt_deg": round(tilt_deg(orientation), 2),
        "shear_deg": round(shear_deg(slices), 2),
        "files": slices.index.nunique(),
        "images": int(frame_counts(slices).sum()),
        "positions": _positions(slices),
        "rows": int(first["Rows"]),
        "columns": int(first["Columns"]),
        "spacing_mm": float(np.median(gaps)),
        "gap_min_mm": float(np.min(gaps)),
        "gap_max_mm": float(np.max(gaps)),
        "thickness_mm": float(numbers(slices, "SliceThickness")[0]),
        "declared_spacing_mm": float(numbers(slices, "SpacingBetweenSlices")[0]),
        "extent_mm": float(np.sum(gaps)),
        "order_grade": first["order_grade"],
        "volume": "no" if reason else "in part" if broken else "whole",
        "split_by": split_by,
        "problems": "; ".join(_problems(slices, gaps, broken, reason)),
    }


def _problems(slices, gaps, broken, reason):
    """What keeps the stack from being a regular grid of known place, one text each."""
    grade = slices["order_grade"].iloc[0]
    if grade in GUESS_REMARKS:
        yield GUESS_REMARKS[grade]
    elif reason:
        yield f"no volume: {reason}"
    yield from broken
    error = cosine_error(vectors(slices, "ImageOrientationPatient", 6)).max()
    if COSINE_TOLERANCE < error < np.inf:
        yield f"direction cosines are {error:.2g} off two perpendicular unit vectors"
    if not broken and np.ptp(gaps) > 2 * EVEN_GAP_TOLERANCE * np.median(gaps):
        yield f"uneven gaps, {gaps.min():.4g} to {gaps.max():.4g} mm"
