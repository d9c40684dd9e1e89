"""Stacks of one grid: which belong together, in which order, and what tells them apart."""

import re

import pandas as pd
import pytest

from helpers import stack_table
from helpers.slices.groups import sister_stacks, stack_group


@pytest.mark.parametrize(
    ("patient", "name", "is_guess"),
    [("P48", "Phase", False), ("P55", "Volume", True), ("P09", "Volume", False)],
)
def test_a_group_is_the_same_whichever_of_its_stacks_is_asked(
    phantom_slices, patient, name, is_guess
):
    slices = phantom_slices[phantom_slices["PatientID"].str.startswith(patient, na=False)]
    stacks = stack_table(slices)
    groups = [stack_group(slices, stacks, stack) for stack in stacks.sort_index().index]
    assert all(group == groups[0] for group in groups)
    assert groups[0].stacks == [*sister_stacks(stacks, stacks.index[0]).index]
    assert (groups[0].name, groups[0].is_guess) == (name, is_guess)


def test_a_stack_by_itself_is_no_group(phantom_slices):
    slices = phantom_slices[phantom_slices["PatientID"].str.startswith("P02", na=False)]
    stacks = stack_table(slices)
    assert stack_group(slices, stacks, stacks.index[0]) is None
    assert sister_stacks(stacks, stacks.index[0]).empty


def test_stacks_go_by_b_value_and_those_that_read_alike_are_numbered():
    splits = [  # keyword, value, b-value
        ("DiffusionBValue, DiffusionGradientOrientation", "1000, 1\\0\\0", 1000.0),
        ("DiffusionBValue, InstanceNumber", "0, 1", 0.0),
        ("DiffusionGradientOrientation", "none", 0.0),
        ("DiffusionGradientOrientation", "none", 0.0),
    ]
    index = pd.MultiIndex.from_product(
        [["1.2"], range(len(splits))], names=["SeriesInstanceUID", "stack"]
    )
    stacks = pd.DataFrame(
        [{"split_keyword": keyword, "split_value": value} for keyword, value, _ in splits], index
    ).assign(group=0, kind="volume", problems="")
    rows = index.to_frame(index=False).assign(path="a.dcm", frame=range(len(splits)))
    slices = rows.assign(DiffusionBValue=[b for *_, b in splits]).set_index(
        ["SeriesInstanceUID", "stack", "path", "frame"]
    )
    group = stack_group(slices, stacks, index[0])
    assert [label.split(",")[0] for label in group.labels] == ["b = 0 s/mm²"] * 3 + [
        "b = 1000 s/mm²"
    ]
    assert group.stacks == [index[number] for number in (1, 2, 3, 0)] and not group.is_guess
    assert [re.search(r"\((\d of \d)\)$", label) is not None for label in group.labels] == [
        *(False, True, True, False)
    ]
