"""What did a reader or a network make of the files? Drawn."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.pictures.slices import show_slice
from helpers.pictures.style import (
    ACCENT_COLOUR,
    LEGEND_BESIDE,
    MUTED_COLOUR,
    SECOND_COLOUR,
    axes_grid,
    axes_or_new,
)
from helpers.volume.slice import load_slice

MAX_COLUMNS = 3  # of pictures


def plot_readings(readings: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws from which lowest to which highest value readers see the same files, and the median.

    Parameters
    ----------
    readings : DataFrame of `helpers.compare_readers`
    """
    kinds, readers = readings["kind"].unique(), readings["reader"].unique()
    ax = axes_or_new(ax, 9, 1.4 + 0.24 * len(readings), layout="constrained")
    ax.axvspan(0, 1, color="0.93", zorder=0, label="0 to 1")
    colours = cycle((SECOND_COLOUR, MUTED_COLOUR, ACCENT_COLOUR))
    for number, (reader, colour) in enumerate(zip(readers, colours)):
        rows = readings[readings["reader"] == reader]
        heights = np.arange(len(kinds)) + (number - (len(readers) - 1) / 2) * 0.8 / len(readers)
        ax.hlines(heights, rows["low"], rows["high"], color=colour, linewidth=4, label=reader)
        ax.plot(rows["median"], heights, "k|", markersize=7)
        for height in heights[rows["error"] != ""]:
            ax.text(0, height, " cannot read it", va="center", fontsize=7, color=colour)
    ax.plot([], [], "k|", label="median")
    ax.set_yticks(range(len(kinds)), kinds, fontsize=8)
    ax.set(title="What a network would be given of the same files", xlabel="value, no unit")
    ax.set_ylim(len(kinds) - 0.4, -0.6)
    ax.legend(**LEGEND_BESIDE)
    return ax


def plot_predictions(predictions: pd.DataFrame, *, mean: float, ax: Axes | None = None) -> Axes:
    """Draws predicted against true positions; the patient with the largest errors stands out.

    Parameters
    ----------
    predictions : DataFrame with ``patient``, ``position`` (true) and ``predicted``, in mm, a row
        for each slice that was held out
    mean : position of the slices that were learned from, drawn as what a blind guess predicts
    """
    ax = axes_or_new(ax, 7, 5, layout="constrained")
    worst = _by_error(predictions).index[-1]
    is_worst = predictions["patient"] == worst
    others = f"{predictions['patient'].nunique() - 1} patients"
    for rows, mark, colour, label in (
        (predictions[~is_worst], "o", ACCENT_COLOUR, others),
        (predictions[is_worst], "^", SECOND_COLOUR, worst),
    ):
        ax.plot(rows["position"], rows["predicted"], mark, color=colour, ms=4, label=label)
    values = predictions[["position", "predicted"]].to_numpy(float)
    ends = values.min(), values.max()
    ax.plot(ends, ends, color="black", linewidth=0.8, label="predicted = true")
    ax.axhline(mean, color=MUTED_COLOUR, linestyle="--", label="always the mean")
    ax.set(title="Slices of held-out patients", aspect="equal")
    ax.set(xlabel="true position in mm", ylabel="predicted position in mm")
    ax.legend(**LEGEND_BESIDE)
    return ax


def plot_errors(predictions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws how far off each prediction is, a row for each patient, the best patient first.

    Parameters
    ----------
    predictions : as for `plot_predictions`
    """
    names = _by_error(predictions).index
    ax = axes_or_new(ax, 9, 1.2 + 0.28 * len(names), layout="constrained")
    off = predictions["predicted"] - predictions["position"]
    ax.plot(off, names.get_indexer(predictions["patient"]), "|", color=ACCENT_COLOUR, markersize=9)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set(title="Errors by held-out patient", xlabel="predicted minus true position in mm")
    ax.set_ylim(len(names) - 0.4, -0.6)
    return ax


def show_predictions(predictions: pd.DataFrame, *, count: int = 6) -> list[Axes]:
    """Draws held-out slices with true and predicted position, the smallest error first.

    Parameters
    ----------
    predictions : DataFrame of `helpers.training_table` with ``predicted``, in mm
    count : how many, evenly chosen by error
    """
    by_error = (predictions["predicted"] - predictions["position"]).abs().argsort()
    shown = np.unique(np.linspace(0, len(predictions) - 1, count).round().astype(int))
    rows = predictions.iloc[by_error].iloc[shown]
    axes = axes_grid(len(rows), MAX_COLUMNS, 4, 4.4)
    for ax, row in zip(axes, rows.itertuples()):
        path, frame = row.images[len(row.images) // 2]
        show_slice(load_slice(path, frame=frame), ax=ax, corners=False, scale_bar=False)
        ax.set_title(f"true {row.position:+.0f} mm, predicted {row.predicted:+.0f} mm", fontsize=10)
    return axes


def _by_error(predictions):
    """The mean absolute error of each patient, the smallest first."""
    errors = (predictions["predicted"] - predictions["position"]).abs()
    return errors.groupby(predictions["patient"]).mean().sort_values()
