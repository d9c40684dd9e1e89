"""Findings, shown; and exercises that can be solved with the suite."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import helpers
from helpers import (
    audit,
    check,
    exercise,
    header_table,
    pixel_table,
    plot_findings,
    show_evidence,
    show_remedies,
    slice_counts,
    slice_table,
    stack_table,
)
from helpers.errors import ClearError
from helpers.phantom.exercises import EXERCISES, LINE_LENGTH
from helpers.quality.pixel_rules import AIR_HU


@pytest.fixture(scope="module")
def findings(phantom_headers, phantom_slices):
    return audit(phantom_headers, phantom_slices)


def test_one_picture_for_each_rule_the_worst_first(findings, phantom_slices):
    axes = show_evidence(findings, phantom_slices, most=100)
    titles = [ax.get_title().split("\n")[0] for ax in axes]
    assert titles == list(dict.fromkeys(findings["rule"]))
    by_rule = dict(zip(titles, axes))
    (words,) = by_rule["truncated-file"].texts
    assert words.get_text().startswith("no image can be drawn\ncannot decode 13.dcm: ")
    strokes = [line for line in by_rule["second-scan"].lines if line.get_marker() == "|"]
    assert [len(line.get_xdata()) for line in strokes if len(line.get_xdata())] == [94, 94]
    assert "?" in [text.get_text() for text in by_rule["no-orientation"].texts]


def test_nothing_found_is_said(findings, phantom_slices):
    (ax,) = show_evidence(findings[:0], phantom_slices)
    assert [text.get_text() for text in ax.texts] == ["Nothing was found"]
    assert plot_findings(findings[:0]).get_title() == "Nothing was found"


def test_bars_count_findings(findings):
    ax = plot_findings(findings)
    names = [label.get_text() for label in ax.get_yticklabels()]
    bars = {
        names[round(patch.get_y() + patch.get_height() / 2)]: patch.get_width()
        for patch in ax.patches
    }
    assert bars == findings.groupby("rule").size().to_dict()


def test_exercises_can_be_solved_with_what_the_hints_name(capsys):
    corner = pixel_table(header_table(exercise(3)))["corner"].median()
    answers = {
        1: slice_counts(header_table(exercise(1)))["largest_stack"],  # a column of one value
        2: stack_table(slice_table(header_table(exercise(2))))["gap_max_mm"].iloc[0],
        3: corner - AIR_HU,
    }
    assert answers.keys() == EXERCISES.keys()
    capsys.readouterr()
    for number, answer in answers.items():
        assert check(number, answer) is None
        said = capsys.readouterr().out
        assert " ".join(said.split()) == f"Right: {EXERCISES[number].planted}."
        assert "was planted: " in said and max(map(len, said.splitlines())) <= LINE_LENGTH
    assert exercise(1) is exercise(1)


def test_the_audit_names_what_is_planted_in_exercises():
    for number, known in EXERCISES.items():
        headers = header_table(exercise(number))
        found = audit(headers, slice_table(headers), pixels=True)
        assert tuple(found["rule"]) == known.scan.faults


def test_hints_name_what_a_user_can_import():
    named = {
        name for known in EXERCISES.values() for name in re.findall(r"(\w+_\w+)\(", known.hint)
    }
    assert named == {"slice_counts", "slice_table", "stack_table", "pixel_table"}
    assert named <= set(helpers.__all__)


def test_the_folder_of_an_exercise_goes_with_its_process():
    code = "from helpers import exercise; print(exercise(2), len([*exercise(2).rglob('*.dcm')]))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    folder, count = run.stdout.split()
    assert count == "19" and not Path(folder).exists()


def test_wrong_answers_are_told_what_they_are_and_get_a_hint(capsys):
    def said(number, answer):
        check(number, answer)
        return " ".join(capsys.readouterr().out.split())

    assert said(1, 36).startswith("Exercise 1: not 36: these are all files, and ")
    assert said(1, 17) == f"Exercise 1: not 17. Hint: {EXERCISES[1].hint}."
    assert "above -1000 HU? Hint: look at the column corner " in said(3, 0)
    assert len({said(3, wrong) for wrong in (0, -1000, 7)}) == 3
    assert said(2, None).startswith("Exercise 2: no answer yet. How many millimetres")
    assert "slice_table(second), then" in said(2, 1)
    assert said(3, "much") == "Exercise 3: expected a number, got 'much'."
    several = said(3, pd.Series([1.0, 2.0]))
    assert several.startswith("Exercise 3: expected one number, got 2 values. Take one of them")
    with pytest.raises(ClearError, match="expected an exercise from 1 to 3, got 4"):
        check(4, 1)


def test_before_and_after(phantom_headers):
    """The remedy is drawn, not done: means come near those of a chest, and no file changes."""
    patients = ["P35-padding-undeclared", "P36-water-border", "P37-rescale-wrong", "P38-sign-lost"]
    headers = phantom_headers[phantom_headers["PatientID"].isin(patients)]
    slices = slice_table(headers)
    stored = {path: Path(path).read_bytes() for path in headers.index}
    found = audit(headers, slices, pixels=True)
    axes = show_remedies(found, slices)
    assert stored == {path: Path(path).read_bytes() for path in headers.index}
    means = {
        tuple(ax.get_title().split("\n")[0].split(", ")): float(ax.get_title().split()[-2])
        for ax in axes
    }
    for rule in ("wrong-rescale", "signed-as-unsigned"):
        assert means[rule, "as stored"] - means[rule, "with the remedy"] > 900
        assert -750 < means[rule, "with the remedy"] < -300
    changed = {rule: means[rule, "with the remedy"] - means[rule, "as stored"] for rule, _ in means}
    assert changed["undeclared-padding"] > 100 and changed["zero-border"] < -50


def test_no_remedy_to_draw_is_a_line_of_text(findings, phantom_slices):
    (ax,) = show_remedies(findings[:0], phantom_slices)
    assert [text.get_text() for text in ax.texts] == [
        "None of these findings has a remedy that can be drawn"
    ]
    assert not ax.axison and ax.figure.get_size_inches()[1] < 1
