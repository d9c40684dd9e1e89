"""Collections whose right answer is known come back as they were planned."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from truth_elements import B_VALUES, MEANING, TIMES
from truth_headers import headers_and_truth, renamed
from truth_plans import collections

from helpers import slice_counts, slice_table, stack_table

SHARES = 8  # of the truths, tried side by side
TRUTHS, ALL_TRUTHS = 100, 2000
POSITION_TOLERANCE = 0.01  # of the spacing


@pytest.mark.parametrize("share", range(SHARES))
def test_planned_stacks_come_back(share, whole):
    _holds(_assert_planned, share, whole)


@pytest.mark.parametrize("share", range(SHARES))
def test_neither_order_nor_names_of_uids_matter(share, whole):
    _holds(_assert_unmoved, share, whole)


def _holds(check, share, whole):
    """Tries a property on one share of the truths: the same ones in every run."""
    wanted = settings(
        max_examples=-(-(ALL_TRUTHS if whole else TRUTHS) // SHARES),
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    @wanted
    @given(collections())
    def property_of(plan):
        check(plan)

    seed(share)(property_of)()


def _assert_planned(plan):
    headers, truth = headers_and_truth(plan)
    slices = slice_table(headers, progress=False)
    _assert_nothing_vanished(headers, slices)
    found = _found(slices)
    assert sorted(map(_paths, found.values())) == sorted(_paths(one.positions) for one in truth)
    stacks = stack_table(slices)
    key_of = {frozenset().union(*places): key for key, places in found.items()}
    keys = [key_of[frozenset().union(*one.positions)] for one in truth]
    for one, key in zip(truth, keys, strict=True):
        _assert_agrees(one, key, stacks.loc[key], slices.loc[key])
    _assert_told(truth, keys, stacks)
    _assert_no_mixture(slices, stacks, truth)
    _assert_counts(headers, slices, stacks)


def _assert_unmoved(plan):
    headers, _ = headers_and_truth(plan)
    rng = np.random.default_rng(plan.seed)
    expected = _answer(headers)
    assert _answer(headers.iloc[rng.permutation(len(headers))]) == expected
    assert _answer(renamed(headers, rng, ordered=True)) == expected
    assert _answer(renamed(headers, rng, ordered=False)) == expected


def _found(slices):
    """Stack → its positions, in order, each a set of paths."""
    found = {}
    for key, rows in slices.groupby(level=[0, 1], sort=False):
        paths = rows.index.get_level_values("path")
        if rows["kind"].iloc[0] == "cine":
            found[key] = tuple(frozenset([path]) for path in paths)
        else:
            found[key] = _by_position(paths, rows["repeated"])
    return found


def _by_position(paths, repeated):
    """Sets of paths; the first of a position is not repeated, the others are."""
    places = []
    for path, again in zip(paths, repeated, strict=True):
        if again:
            places[-1].add(path)
        else:
            places.append({path})
    return tuple(map(frozenset, places))


def _paths(positions):
    return tuple(tuple(sorted(place)) for place in positions)


def _answer(headers):
    """Each stack's paths, which of them are repeated, and what told it: without names or order."""
    slices = slice_table(headers, progress=False)
    answer = Counter()
    for _, rows in slices.groupby(level=[0, 1]):
        paths = tuple(rows.index.get_level_values("path"))
        told = rows["split_keyword"].iloc[0]
        answer[paths, tuple(rows["repeated"]), None if pd.isna(told) else told] += 1
    return answer


def _assert_nothing_vanished(headers, slices):
    assert slices.index.names == ["SeriesInstanceUID", "stack", "path", "frame"]
    assert sorted(slices.index.get_level_values("path")) == sorted(headers.index)
    assert (slices.index.get_level_values("frame") == 0).all()
    assert "SeriesInstanceUID" not in slices
    assert set(headers.columns) - {"SeriesInstanceUID"} <= set(slices.columns)
    assert slices["error"].isna().all()


def _assert_agrees(one, key, stack, rows):
    """The row of a stack, and the rows of its slices, say what was planned."""
    paths = frozenset().union(*one.positions)
    assert key[0] == one.series
    assert (stack["files"], stack["images"]) == (len(paths), len(paths))
    assert stack["kind"] == one.kind
    if one.kind != "volume":
        assert stack["order_grade"] != "D"  # by the times in the headers, not by file names
        return
    assert set(rows["order_grade"]) == {stack["order_grade"]} == {"A"}
    assert stack["positions"] == len(one.positions)
    assert stack["spacing_mm"] == pytest.approx(one.spacing, rel=POSITION_TOLERANCE)
    steps = np.diff(rows["position_mm"].to_numpy(float)[~rows["repeated"].to_numpy(bool)])
    assert (steps / one.spacing > 1 - POSITION_TOLERANCE).all()
    if one.whole is not None:
        assert (stack["volume"] == "whole") == one.whole, stack["volume"]


def _assert_told(truth, keys, stacks):
    """What tells sister stacks apart is named, and they are of one group."""
    groups = {}
    for one, key in zip(truth, keys, strict=True):
        stack = stacks.loc[key]
        groups.setdefault((key[0], one.sisters), set()).add(stack["group"])
        if one.told in B_VALUES:
            assert stack["split_keyword"] in ("DiffusionBValue", one.told)
        elif one.told is not None:
            assert stack["split_keyword"] == one.told
        if one.value is not None:
            assert stack["split_value"] == one.value
    of_sisters = [numbers for (_, sisters), numbers in groups.items() if sisters is not None]
    assert all(len(numbers) == 1 for numbers in of_sisters)


def _assert_no_mixture(slices, stacks, truth):
    """No stack whose volume is whole holds two values of an element of meaning."""
    ranked = {path for one in truth if one.ranked for paths in one.positions for path in paths}
    for key in stacks.index[stacks["volume"] == "whole"]:
        rows = slices.loc[key]
        times = TIMES if ranked & set(rows.index.get_level_values("path")) else ()
        for keyword in set(MEANING) & set(rows.columns) - set(times):
            assert rows[keyword].map(str).nunique() == 1, (key, keyword)


def _assert_counts(headers, slices, stacks):
    """Counts of patients are sums over the stack table, given the slices or not."""
    counts = slice_counts(headers, slices)
    pd.testing.assert_frame_equal(counts, slice_counts(headers))
    volumes = stacks[stacks["kind"] == "volume"]
    for patient, row in counts.iterrows():
        own = headers[headers["PatientID"] == patient]
        mine = stacks[stacks["PatientID"] == patient]
        assert (row["files"], row["readable"], row["images"]) == (len(own),) * 3
        assert row["unique_images"] == own["SOPInstanceUID"].nunique()
        assert (row["stacks"], row["positions"]) == (len(mine), mine["positions"].sum())
        largest = volumes.loc[volumes["PatientID"] == patient, "positions"].max()
        if not pd.isna(largest):
            assert row["largest_stack"] == largest
