"""Drawings of readings and of predictions, by what they show."""

import numpy as np
import pandas as pd
import pytest

from helpers import plot_errors, plot_predictions, plot_readings, show_predictions, training_table


@pytest.fixture
def predictions(phantom_headers):
    """Three patients; of the second every answer is 30 mm too high."""
    rows = training_table(phantom_headers)
    rows = rows[rows["patient"].isin(["P02-interspaced", "P03-interspaced", "P28-unknown-charset"])]
    off = np.where(
        rows["patient"] == "P03-interspaced", 30.0, np.tile([1.0, -1.0], len(rows))[: len(rows)]
    )
    return rows.assign(predicted=rows["position"] + off)


def test_predictions_against_truth(predictions):
    ax = plot_predictions(predictions, mean=4.0)
    others, worst, diagonal, mean = ax.lines
    assert worst.get_label() == "P03-interspaced" and others.get_label() == "2 patients"
    assert (worst.get_ydata() - worst.get_xdata()).tolist() == pytest.approx([30] * 15)
    assert len(others.get_xdata()) + len(worst.get_xdata()) == len(predictions)
    assert diagonal.get_xdata().tolist() == diagonal.get_ydata().tolist() and set(
        mean.get_ydata()
    ) == {4.0}
    assert ax.get_xlabel().endswith("in mm") and ax.get_ylabel().endswith("in mm")


def test_errors_by_patient_the_best_first(predictions):
    ax = plot_errors(predictions)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[-1] == "P03-interspaced" and sorted(names) == sorted(
        predictions["patient"].unique()
    )
    line = ax.lines[0]
    assert set(np.round(line.get_xdata()[line.get_ydata() == 2], 6)) == {30.0}


def test_one_held_out_patient_is_drawn_too(predictions):
    alone = predictions[predictions["patient"] == "P03-interspaced"]
    assert (
        len(plot_predictions(alone, mean=0).lines) == 4
        and len(plot_errors(alone).get_yticks()) == 1
    )


def test_slices_from_the_smallest_error_to_the_largest(predictions):
    axes = show_predictions(predictions, count=4)
    titles = [ax.get_title() for ax in axes]
    assert len(titles) == 4 and all(ax.images for ax in axes)
    true, answer = zip(
        *(
            [int(word) for word in title.replace(",", "").split() if word[0] in "+-"]
            for title in titles
        )
    )
    off = np.abs(np.subtract(true, answer))
    assert off[0] <= 2 and off[-1] in (29, 30, 31)
    assert len(show_predictions(predictions.iloc[:2])) == 2


def test_readings_and_failures():
    rows = [
        ("CT", "ours", 0, 0.2, 1, ""),
        ("CT", "theirs", -4, 0, 2, ""),
        ("MR", "ours", 0, 0.5, 1, ""),
    ]
    columns = ["kind", "reader", "low", "median", "high", "error"]
    readings = pd.DataFrame(
        [*rows, ("MR", "theirs", np.nan, np.nan, np.nan, "TypeError: no")], columns=columns
    )
    ax = plot_readings(readings)
    drawn = [line.get_segments() for line in ax.collections]  # ours, theirs
    assert drawn[1][0][:, 0].tolist() == [-4, 2]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["CT", "MR"]
    assert [text.get_text().strip() for text in ax.texts] == ["cannot read it"]
