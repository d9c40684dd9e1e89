"""Drawings of readings and of predictions, by what they show."""

import re

import numpy as np
import pandas as pd
import pytest

from helpers import plot_errors, plot_predictions, plot_readings, show_predictions, training_table


@pytest.fixture(scope="module")
def predictions(phantom_slices):
    """Three patients; of the second every answer is 30 mm too high."""
    patients = ["P02-interspaced", "P03-interspaced", "P28-unknown-charset"]
    rows = training_table(phantom_slices[phantom_slices["PatientID"].isin(patients)])
    signs = np.resize([1.0, -1.0], len(rows))
    off = np.where(rows["patient"] == "P03-interspaced", 30.0, signs)
    return rows.assign(predicted=rows["position"] + off)


def test_predictions_against_truth(predictions):
    ax = plot_predictions(predictions, mean=4.0)
    others, worst, diagonal, mean = ax.lines
    assert worst.get_label() == "P03-interspaced" and others.get_label() == "2 patients"
    assert (worst.get_ydata() - worst.get_xdata()).tolist() == pytest.approx([30] * 15)
    assert len(others.get_xdata()) + len(worst.get_xdata()) == len(predictions)
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert set(mean.get_ydata()) == {4.0}
    assert ax.get_xlabel().endswith("in mm") and ax.get_ylabel().endswith("in mm")


def test_errors_by_patient_the_best_first(predictions):
    ax = plot_errors(predictions)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[-1] == "P03-interspaced"
    assert sorted(names) == sorted(predictions["patient"].unique())
    line = ax.lines[0]
    assert set(np.round(line.get_xdata()[line.get_ydata() == 2], 6)) == {30.0}


def test_one_held_out_patient_is_drawn_too(predictions):
    alone = predictions[predictions["patient"] == "P03-interspaced"]
    assert len(plot_predictions(alone, mean=0).lines) == 4
    assert len(plot_errors(alone).get_yticks()) == 1


def test_slices_from_the_smallest_error_to_the_largest(predictions):
    axes = show_predictions(predictions, count=4)
    titles = [ax.get_title() for ax in axes]
    assert len(titles) == 4 and all(ax.images for ax in axes)
    numbers = [[int(number) for number in re.findall(r"[+-]\d+", title)] for title in titles]
    off = [abs(true - predicted) for true, predicted in numbers]
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


def test_every_reader_is_drawn():
    names = ["ours", "first", "second", "third"]
    rows = [("CT", name, 0, 0.5, 1, "") for name in names]
    columns = ["kind", "reader", "low", "median", "high", "error"]
    legend = plot_readings(pd.DataFrame(rows, columns=columns)).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0 to 1", *names, "median"]
