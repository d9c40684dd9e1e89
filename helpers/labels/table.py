"""How large is each label, where does it lie, and what do its images measure there?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.errors import ClearError, require_type
from helpers.labels.labels import Label, LabelError, Labels
from helpers.labels.loading import load_labels
from helpers.volume.volume import Volume, load_volume

LEVELS = ["SeriesInstanceUID", "stack", "label"]
NUMBERS = ["ml", "slices", "x_mm", "y_mm", "z_mm", "mean", "sd"]
COLUMNS = ["PatientID", *NUMBERS, "unit", "by", "kind", "path", "remark"]
SOURCES = "of labels_of"


def label_table(
    sources: pd.DataFrame,
    slices: pd.DataFrame,
    *,
    threshold: float = 0.5,
    progress: bool | None = None,
) -> pd.DataFrame:
    """How large each label is, where it lies, and what its images measure there: one row a label.

    Parameters
    ----------
    sources : DataFrame of `helpers.labels_of`
    slices : DataFrame of `helpers.slice_table`
    threshold : as of `helpers.load_labels`
    progress : whether to show a progress bar; None shows it for several sources

    Returns
    -------
    DataFrame, index ``(SeriesInstanceUID, stack, label)``

    - ``PatientID``; ``ml``; ``slices`` of the stack that it is on; ``x_mm``, ``y_mm``, ``z_mm``:
      how far it reaches along the axes of the patient
    - ``mean`` and ``sd`` of the image's values under it, padding left out, in ``unit``
    - ``by`` whom, ``kind`` and ``path`` of its file, ``remark``

    A source that cannot be read, or has no label, has one row, whose label is empty and whose
    remark is the reason.
    """
    require_type(sources, pd.DataFrame, SOURCES)
    require_type(slices, pd.DataFrame, "of slice_table")
    if missing := [name for name in ("SeriesInstanceUID", "stack", "why") if name not in sources]:
        raise LabelError(f"expected the table of labels_of, got one without {missing[0]}")
    shown = len(sources) > 1 if progress is None else progress
    rows: list[dict[str, Any]] = []
    with tqdm(total=len(sources), desc="Measuring labels", unit=" files", disable=not shown) as bar:
        for stack, some in _by_stack(sources):
            rows += _rows_of_stack(stack, some, slices, threshold, bar.update)
    table = pd.DataFrame(rows, columns=[*LEVELS, *COLUMNS]).astype(dict.fromkeys(NUMBERS, float))
    return table.set_index(LEVELS)


def _by_stack(sources: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    """The sources of each stack, and those of none."""
    keys = [
        (row.SeriesInstanceUID, row.stack) if isinstance(row.SeriesInstanceUID, str) else None
        for row in sources.itertuples()
    ]
    return [(key, sources[[one == key for one in keys]]) for key in dict.fromkeys(keys)]


def _rows_of_stack(
    stack: Any,
    sources: pd.DataFrame,
    slices: pd.DataFrame,
    threshold: float,
    done: Callable[[], Any],
) -> list[dict[str, Any]]:
    """The rows of the labels on one stack, whose images are read once."""
    rows: list[dict[str, Any]] = []
    volume: Volume | ClearError | None = None
    for path, source in sources.iterrows():
        try:
            if stack is None:
                raise LabelError(source["why"] or "belongs to no stack")
            volume = _loaded(stack, slices) if volume is None else volume
            if isinstance(volume, ClearError):
                raise volume
            labels = load_labels(source, volume, threshold=threshold)
            rows += [_measured(labels, one, volume) for one in labels.labels]
            said = None if labels.labels else _joined("has no label", labels.remark)
        except ClearError as error:
            said = str(error)
        if said is not None:
            rows.append({"label": "", "kind": source["kind"], "path": path, "remark": said})
        done()
    series, number = stack or (None, None)
    level = {"SeriesInstanceUID": series, "stack": number}
    patients = dict(zip(sources.index, sources["PatientID"]))
    return [{**row, **level, "PatientID": patients[row["path"]]} for row in rows]


def _loaded(stack: Any, slices: pd.DataFrame) -> Volume | ClearError:
    """The volume of a stack; else what is wrong with it, which all its sources say."""
    try:
        return load_volume(slices.loc[stack], progress=False)
    except KeyError as error:
        return LabelError(f"the stack is not among the slices: {error}")
    except ClearError as error:
        return error


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


def _measured(labels: Labels, label: Label, volume: Volume) -> dict[str, Any]:
    """What one label measures."""
    mask = labels.mask(label)
    row: dict[str, Any] = {
        "label": label.name,
        "ml": labels.ml(label),
        "slices": int(mask.any(axis=(1, 2)).sum()),
        "unit": volume.unit,
        "by": label.by,
        "kind": label.kind,
        "path": label.source,
        "remark": _joined(label.remark, labels.remark),
    }
    if not mask.any():
        return row
    row |= dict(zip(("x_mm", "y_mm", "z_mm"), extent_mm(mask, labels.affine).tolist()))
    if volume.padding is not None:
        mask = mask & ~volume.padding
    if mask.any():
        values = volume.array[mask].astype(float)
        row |= {"mean": float(values.mean()), "sd": float(values.std())}
    return row


def extent_mm(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """How far the voxels of a mask reach along the axes of the patient, (3,) mm, whole voxels.

    Parameters
    ----------
    mask : boolean (slices, rows, columns), not empty
    """
    slices, rows = np.nonzero(mask.any(axis=2))
    lines = mask[slices, rows]
    ends = lines.argmax(axis=1), mask.shape[2] - 1 - lines[:, ::-1].argmax(axis=1)
    voxels = np.concatenate([np.c_[slices, rows, one] for one in ends])
    places = voxels @ affine[:3, :3].T
    return np.ptp(places, axis=0) + np.abs(affine[:3, :3]).sum(axis=1)
