"""Which series of each patient is the best, and why?"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import WrongTypeError, require_type
from helpers.files.names import natural_ranks
from helpers.geometry.grids import begins
from helpers.geometry.planes import PLANES
from helpers.slices.labels import series_label
from helpers.slices.stacks import WITHOUT_SLICES

USED_COLUMNS = (
    *("PatientID", "SeriesNumber", "SeriesDescription", "kind", "group", "volume", "problems"),
    *("plane", "positions", "spacing_mm", "extent_mm", "rows", "columns", "images", "differs"),
)
VOLUMES = ("whole", "in part", "no")  # the best first
VOLUME_WORDS = {
    "whole": "a whole volume",
    "in part": "a volume in part",
    "no": "no volume",
}
DECIMALS = 3  # of millimetres that are compared


class Criterion(NamedTuple):
    """What makes one stack better than another, and how that is said."""

    loss: np.ndarray  # (s,) the least is the best
    says: Callable[[Any, Any], str]  # of the rows of the best and of the next


def best_stacks(stacks: pd.DataFrame) -> pd.DataFrame:
    """The best stack of each patient, one row per patient, and the ``reason`` that it is.

    Slices of a patient stand before doses, masks and tiles; a whole volume before one in part and
    before none; one without problems before one with; then most positions, the smallest spacing,
    the largest extent, most pixels. Where all of that is equal, the first by Series Number is
    taken, and the reason says that it is no better, and what differs. Sister stacks, such as time
    points, are one: the first stands for all.

    Parameters
    ----------
    stacks : DataFrame of `helpers.stack_table`, or some of its rows, such as those of one plane:
        ``stacks[stacks["plane"] == "axial"]``

    Returns
    -------
    DataFrame as `stacks`, with ``reason`` as its first column, in the order of PatientID
        ``slices.loc[best.index[0]]`` are the images of the first patient's.
    """
    require_type(stacks, pd.DataFrame, "of stack_table")
    if missing := [word for word in USED_COLUMNS if word not in stacks]:
        raise WrongTypeError(f"expected the table of stack_table, got one without {missing[0]}")
    criteria = _criteria(stacks)
    rows = list(stacks.itertuples())
    reasons = {
        best: _reason(rows, criteria, best, others)
        for best, others in _by_patient(stacks, criteria)
    }
    table = stacks.iloc[list(reasons)].copy()
    table.insert(0, "reason", pd.Series(list(reasons.values()), table.index, dtype=object))
    names = [str(name) for name in table["PatientID"]]
    return table.iloc[np.argsort(natural_ranks(names), kind="stable")]


def _criteria(stacks: pd.DataFrame) -> list[Criterion]:
    """What makes a stack better, the weightiest first."""
    volume = stacks["volume"].map(VOLUMES.index).to_numpy()
    pixels = (stacks["rows"] * stacks["columns"]).to_numpy(float)
    return [
        Criterion(
            stacks["kind"].isin(WITHOUT_SLICES).to_numpy(), lambda a, b: f"{a.kind}, not {b.kind}"
        ),
        Criterion(volume, lambda a, b: f"{VOLUME_WORDS[a.volume]}, not {VOLUME_WORDS[b.volume]}"),
        Criterion((stacks["problems"] != "").to_numpy(), lambda a, b: "without problems"),
        Criterion(
            -stacks["positions"].to_numpy(float),
            lambda a, b: f"most positions: {a.positions}, not {b.positions}",
        ),
        Criterion(
            _rounded(stacks["spacing_mm"]),
            lambda a, b: f"smallest spacing: {a.spacing_mm:.3g} mm, not {b.spacing_mm:.3g} mm",
        ),
        Criterion(
            -_rounded(stacks["extent_mm"]),
            lambda a, b: f"largest extent: {a.extent_mm:.4g} mm, not {b.extent_mm:.4g} mm",
        ),
        Criterion(
            -pixels,
            lambda a, b: f"most pixels: {a.rows} × {a.columns}, not {b.rows} × {b.columns}",
        ),
    ]


def _by_patient(stacks, criteria):
    """Yields (the row of a patient's best stack, those of its other series, the best first)."""
    patient = pd.factorize(stacks["PatientID"], use_na_sentinel=False)[0]
    series, group = pd.factorize(stacks.index.get_level_values(0))[0], stacks["group"].to_numpy(int)
    group = series * (group.max(initial=0) + 1) + group
    number = pd.to_numeric(stacks["SeriesNumber"], errors="coerce").fillna(np.inf)
    order = np.lexsort([number, *(one.loss for one in reversed(criteria)), patient])
    order = order[np.sort(np.unique(group[order], return_index=True)[1])]  # the first of each group
    starts = np.flatnonzero(begins(patient[order]))
    for own in np.split(order, starts[1:]) if len(order) else []:
        yield int(own[0]), own[1:].tolist()


def _reason(rows, criteria, best, others):
    """Why the best of a patient's stacks stands before the next."""
    if not others:
        return "the only series"
    own, following = rows[best], rows[others[0]]
    for one in criteria:
        if one.loss[best] != one.loss[others[0]]:
            return f"{one.says(own, following)} ({_name(own, following)})"
    alike = [row for row in others if all(one.loss[row] == one.loss[best] for one in criteria)]
    more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    differs = f"; it has {own.differs}" if own.differs else ""
    return f"first by number, no better than {_name(own, following)}{more}{differs}"


def _name(own, following):
    """What the next stack is called; of the same series, by its plane, or else its kind."""
    if own.Index[0] != following.Index[0]:
        return series_label(following)
    known = following.plane in PLANES
    return f"{following.plane if known else following.kind} of the same series"


def _rounded(values):
    """Millimetres (s,) without the digits of rounding; infinity where there is none."""
    return np.round(values.fillna(np.inf).to_numpy(float), DECIMALS)
