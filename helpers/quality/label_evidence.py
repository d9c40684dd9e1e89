"""What does a finding on labels look like? The labels, drawn on an image that they are of."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from helpers.errors import ClearError
from helpers.headers.table import header_table
from helpers.labels.labels import LabelError, Labels
from helpers.labels.loading import load_labels
from helpers.labels.sources import labels_of
from helpers.pictures.annotations import TEXT_OUTLINE
from helpers.pictures.labelled import outline
from helpers.pictures.slices import show_slice
from helpers.quality.label_facts import shift_of
from helpers.quality.label_pixel_rules import LABEL_PIXEL_RULES
from helpers.quality.label_shifts import Shift
from helpers.runtime import quiet
from helpers.volume.volume import load_volume

DOTTED: dict[str, Any] = {"colors": "white", "linewidths": 1.6, "linestyles": ":"}
BELOW_CAPTIONS = (0.015, 0.8)  # of the picture: those of its upper left corner
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
    picture = volume.slice(plane, index)
    show_slice(picture, labels=labels.slice(plane, index), ax=ax)
    shift = shift_of(labels, volume) if finding.rule == "label-shifted" else None
    if shift:
        _show_where_it_fits(shift, labels, plane, index, picture.spacing, ax)


def _show_where_it_fits(
    shift: Shift,
    labels: Labels,
    plane: str,
    index: int,
    spacing: tuple[float, float],
    ax: Axes,
) -> None:
    """Draws the outlines of labels where they fit: white and dotted, where they lie in colour."""
    moved = replace(labels, maps=tuple(_moved(one, shift.voxels) for one in labels.maps))
    there = moved.slice(plane, index)
    for label in shift.labels:
        mask = there.mask(label)
        if mask is None:
            continue
        edges = outline(mask) * spacing[::-1]
        ax.add_collection(
            LineCollection(list(edges), path_effects=TEXT_OUTLINE, **DOTTED),
            autolim=False,
        )
    style: dict[str, Any] = {"color": "white", "fontsize": 8, "path_effects": TEXT_OUTLINE}
    ax.text(*BELOW_CAPTIONS, "dotted: where it fits", transform=ax.transAxes, **style)


def _moved(label_map: np.ndarray, voxels: tuple[int, ...]) -> np.ndarray:
    """A label map moved by whole voxels; what leaves it is cut off."""
    moved = np.zeros_like(label_map)
    moved[
        tuple(slice(max(0, one), size + min(0, one)) for one, size in zip(voxels, moved.shape))
    ] = label_map[
        tuple(slice(max(0, -one), size - max(0, one)) for one, size in zip(voxels, moved.shape))
    ]
    return moved
