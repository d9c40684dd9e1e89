"""What did a reader or a network make of the files, drawn."""

import numpy as np
from matplotlib import pyplot as plt

from helpers.pictures.slices import show_slice
from helpers.pictures.style import ACCENT_COLOUR, MUTED_COLOUR, SECOND_COLOUR
from helpers.volume.slice import load_slice

ACROSS = 3  # pictures side by side


def plot_readings(readings, *, ax=None):
    """Draws which values readers make of the same files: from the lowest to the highest, with the median.

    Parameters
    ----------
    readings : DataFrame of `helpers.compare_readers`
    """
    kinds, readers = readings["kind"].unique(), readings["reader"].unique()
    ax = (
        ax
        or plt.figure(figsize=(9, 1.4 + 0.24 * len(readings)), layout="constrained").add_subplot()
    )
    ax.axvspan(0, 1, color="0.93", zorder=0, label="0 to 1")
    for number, (reader, color) in enumerate(zip(readers, (SECOND_COLOUR, MUTED_COLOUR, ACCENT_COLOUR))):
        rows = readings[readings["reader"] == reader]
        places = np.arange(len(kinds)) + (number - (len(readers) - 1) / 2) * 0.8 / len(readers)
        ax.hlines(places, rows["low"], rows["high"], color=color, linewidth=4, label=reader)
        ax.plot(rows["median"], places, "k|", markersize=7)
        for place in places[rows["error"] != ""]:
            ax.text(0, place, " cannot read it", va="center", fontsize=7, color=color)
    ax.plot([], [], "k|", label="median")
    ax.set_yticks(range(len(kinds)), kinds, fontsize=8)
    ax.set(
        title="What a network would be given of the same files",
        xlabel="value, no unit",
        ylim=(len(kinds) - 0.4, -0.6),
    )
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_predictions(predictions, *, mean, ax=None):
    """Draws predicted against true positions, a point for each held-out slice; the patient with the largest errors stands out.

    Parameters
    ----------
    predictions : DataFrame with ``patient``, ``position`` (true) and ``predicted``, in mm
    mean : position of the slices that were learned from; a line, for it is what knowing nothing predicts
    """
    ax = ax or plt.figure(figsize=(7, 5), layout="constrained").add_subplot()
    worst = predictions["patient"] == _by_error(predictions).index[-1]
    for shown, mark, color in (
        (predictions[~worst], "o", ACCENT_COLOUR),
        (predictions[worst], "^", SECOND_COLOUR),
    ):
        name = shown["patient"].iloc[0] if mark == "^" else f"{shown['patient'].nunique()} patients"
        ax.plot(shown["position"], shown["predicted"], mark, color=color, markersize=4, label=name)
    ends = predictions[["position", "predicted"]].stack().agg(["min", "max"])
    ax.plot(ends, ends, color="black", linewidth=0.8, label="predicted = true")
    ax.axhline(mean, color=MUTED_COLOUR, linestyle="--", label="always the mean")
    ax.set(
        title="Slices of held-out patients",
        xlabel="true position in mm",
        ylabel="predicted position in mm",
        aspect="equal",
    )
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_errors(predictions, *, ax=None):
    """Draws how far off the prediction of each held-out slice is, a row for each patient, the best patient first.

    Parameters
    ----------
    predictions : as for `plot_predictions`
    """
    names = _by_error(predictions).index
    ax = ax or plt.figure(figsize=(9, 1.2 + 0.28 * len(names)), layout="constrained").add_subplot()
    off = predictions["predicted"] - predictions["position"]
    ax.plot(off, names.get_indexer(predictions["patient"]), "|", color=ACCENT_COLOUR, markersize=9)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set(
        title="Errors by held-out patient",
        xlabel="predicted minus true position in mm",
        ylim=(len(names) - 0.4, -0.6),
    )
    return ax


def show_predictions(predictions, *, count=6):
    """Draws held-out slices with true and predicted position, from the smallest error to the largest; returns the list of Axes.

    Parameters
    ----------
    predictions : DataFrame of `helpers.training_table` with ``predicted``, in mm
    count : how many, evenly chosen by error
    """
    rows = predictions.iloc[(predictions["predicted"] - predictions["position"]).abs().argsort()]
    rows = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))]
    figure = plt.figure(figsize=(12, 4.4 * -(-len(rows) // ACROSS)), layout="constrained")
    axes = [
        figure.add_subplot(-(-len(rows) // ACROSS), ACROSS, place + 1) for place in range(len(rows))
    ]
    for ax, row in zip(axes, rows.itertuples()):
        path, frame = row.images[len(row.images) // 2]
        show_slice(load_slice(path, frame=frame), ax=ax, corners=False, scale_bar=False)
        ax.set_title(f"true {row.position:+.0f} mm, predicted {row.predicted:+.0f} mm", fontsize=10)
    return axes


def _by_error(predictions):
    """The mean absolute error of each patient, the smallest first."""
    return (
        (predictions["predicted"] - predictions["position"])
        .abs()
        .groupby(predictions["patient"])
        .mean()
        .sort_values()
    )
