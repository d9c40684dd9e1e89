"""What of all that is labelled is worth a look first?"""

from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import ClearError, require_type
from helpers.labels.annotation_marks import pictured
from helpers.labels.labels import Label, LabelError, Labels
from helpers.slices.grid import longest_regular_run

MIN_ALIKE = 3  # labels of one name, from which on a median says what is usual
SPREAD_FLOOR = 1e-6  # of values under a label that are all one


def labelled_stack(
    slices: pd.DataFrame,
    sources: pd.DataFrame,
    table: pd.DataFrame,
    annotations: pd.DataFrame | None = None,
) -> tuple[tuple[str, int] | None, Any]:
    """The stack with the largest label, and all that lies on it, as `helpers.load_labels` takes it.

    Without any label that has voxels, the volume whose slices have most annotations; of one with
    gaps or repeated positions, its longest even run has to have some.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    sources : DataFrame of `helpers.labels_of`
    table : DataFrame of `helpers.label_table`
    annotations : DataFrame of `helpers.annotation_table`

    Returns
    -------
    (an entry of the index of `helpers.stack_table`, rows of `sources` or of `annotations`); (None,
    None) where nothing is labelled in a volume
    """
    measured = table[table["ml"] > 0]
    if len(measured):
        series, stack, _ = measured["ml"].idxmax()
        levels = measured.index.get_level_values
        is_there = (levels("SeriesInstanceUID") == series) & (levels("stack") == stack)
        return (series, stack), sources.loc[measured.loc[is_there, "path"].unique()]
    if annotations is None or annotations.empty:
        return None, None
    placed = pictured(annotations)
    placed = placed[placed["ImagePositionPatient"].notna()]
    for stack, rows in sorted(
        placed.groupby(["SeriesInstanceUID", "stack"], sort=False), key=lambda one: -len(one[1])
    ):
        if slices.loc[stack, "kind"].eq("volume").all() and _are_on_run(rows, slices.loc[stack]):
            return stack, rows
    return None, None


def _are_on_run(annotations: pd.DataFrame, images: pd.DataFrame) -> bool:
    """Whether some annotations lie on the longest even run of a stack, which can be loaded."""
    try:
        kept = longest_regular_run(images)[0]
    except ClearError:
        return False
    return bool(annotations["ImagePositionPatient"].isin(kept["ImagePositionPatient"]).any())


def label_middle(labels: Labels, label: Label | str | int | None = None) -> np.ndarray:
    """The middle of a label, (3,) in LPS mm: as much of it lies on either side, axis by axis.

    Parameters
    ----------
    labels : of `helpers.load_labels`
    label : None for the largest one; where none has voxels, the first mark

    Raises
    ------
    LabelError
        Where there is no such label, or nothing of it on the volume.
    """
    require_type(labels, Labels, "of load_labels")
    if label is None and labels.masks:
        label = max(labels.masks, key=labels.ml)
    wanted = label if label is None or isinstance(label, Label) else labels.label(label)
    if wanted is not None and labels.ml(wanted):
        mask = labels.mask(wanted)
        middle = [_median(mask.sum(axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        return (labels.affine @ (*middle, 1))[:3]
    for mark in labels.marks:
        if wanted is None or mark.value == wanted.value:
            return np.mean(mark.points, axis=0)
    raise LabelError(f"expected a label with voxels or marks, got {labels!r}")


def strangest_labels(table: pd.DataFrame, *, most: int = 10) -> pd.DataFrame:
    """The labels that are farthest from what is usual for their name, the farthest first.

    Usual is the median of all labels of a name, at least three. A volume is as far as it is times
    larger or smaller; a mean, as far as it is spreads away that the values under such labels have.

    Parameters
    ----------
    table : DataFrame of `helpers.label_table`

    Returns
    -------
    DataFrame, the rows of `table` with ``times`` (volume over the usual one), ``off`` (how many
    spreads the mean is away) and ``why``, in words; none of names that are seldom
    """
    require_type(table, pd.DataFrame, "of label_table")
    read = table[table["ml"].notna()]
    alike = read.groupby(["label", "unit"], dropna=False, sort=False)
    usual = alike[["ml", "mean", "sd"]].transform("median")
    times = read["ml"] / usual["ml"]
    off = (read["mean"] - usual["mean"]) / usual["sd"].clip(lower=SPREAD_FLOOR)
    with np.errstate(divide="ignore"):
        by_volume = np.abs(np.log2(times.fillna(1)))
    far = np.maximum(by_volume, off.abs().fillna(0))
    why = [
        _why(row, usual_row, is_by_volume)
        for row, usual_row, is_by_volume in zip(
            read.to_dict("records"), usual.to_dict("records"), by_volume >= far
        )
    ]
    rows = read.assign(times=times, off=off, why=why, far=far)
    rows = rows[(alike["ml"].transform("size") >= MIN_ALIKE) & (far > 0)]
    return rows.sort_values("far", ascending=False, kind="stable").drop(columns="far").head(most)


def _why(row: dict, usual: dict, is_by_volume: bool) -> str:
    if is_by_volume:
        return f"{_text(row['ml'])} ml; usual is {_text(usual['ml'])} ml"
    unit = f" {row['unit']}".rstrip()
    return f"mean {_text(row['mean'])}{unit}; usual is {_text(usual['mean'])}{unit}"


def _text(number: float) -> str:
    """A number in three digits, more where it is large."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _median(counts: np.ndarray) -> int:
    """The place that has half of a count on either side."""
    return int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
