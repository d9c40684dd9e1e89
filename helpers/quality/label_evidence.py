"""What does a finding on labels look like? The labels, drawn on an image that they are of."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.errors import ClearError
from helpers.headers.table import header_table
from helpers.labels.labels import LabelError
from helpers.labels.loading import load_labels
from helpers.labels.sources import labels_of
from helpers.pictures.slices import show_slice
from helpers.quality.label_pixel_rules import LABEL_PIXEL_RULES
from helpers.runtime import quiet
from helpers.volume.volume import load_volume

RULES_OF_LABELS = {*LABEL_PIXEL_RULES, "label-of-another-frame"}


def show_labels_of(finding: Any, slices: pd.DataFrame, ax: Axes) -> bool:
    """Draws the labels of a finding where the largest section of those is that it names.

    Returns
    -------
    bool; False where the finding is of another rule, or its labels cannot be drawn
    """
    if finding.rule not in RULES_OF_LABELS:
        return False
    try:
        with quiet():
            _show(finding, slices, ax)
    except ClearError:
        return False
    return True


def _show(finding: Any, slices: pd.DataFrame, ax: Axes) -> None:
    headers = header_table([finding.path], cache=False, progress=False)
    source = labels_of(headers, slices).loc[finding.path]  # masks beside it are others
    if pd.isna(source["stack"]):
        raise LabelError(f"expected labels that lie on a stack, got {source['why']}")
    rows = slices.loc[source["SeriesInstanceUID"], source["stack"]]
    volume = load_volume(rows, on_irregular="longest", progress=False)
    labels, plane = load_labels(source, volume, progress=False), volume.acquired_plane
    said = [one for one in labels.labels if one.name in finding.value and labels.ml(one)]
    named = [one for one in said if not any(one.name in other.name != one.name for other in said)]
    counts = [labels.counts(one, plane) for one in named or labels.labels]
    index = int(np.sum(counts, axis=0).argmax())
    show_slice(volume.slice(plane, index), labels=labels.slice(plane, index), ax=ax)
