"""Rows become columns: nothing is lost, whatever comes in between."""

import inspect
import sys

import numpy as np
import pandas as pd
import pytest

from helpers.headers.columns import Columns
from helpers.headers.packed import ABSENT, Chunk, Coded, Same

ROWS = [{"PatientID": str(n), **({"Rows": n} if n % 3 else {}), "error": None} for n in range(10)]


def _lists(columns):
    merged = columns.merged()
    return {name: merged.values(name) for name in merged.columns}


def _table(columns):
    return columns.table([str(n) for n in range(len(columns))])


def test_absent_and_empty_are_told_apart_until_the_table():
    columns = Columns()
    columns.add([{"A": None}, {"B": 1}, {"A": 2, "B": None}])
    assert _lists(columns)["A"] == [None, ABSENT, 2] and _lists(columns)["B"] == [ABSENT, 1, None]
    second = columns.merged().take(np.array([1]))
    assert second.values("B") == [1] and "A" not in second.columns
    np.testing.assert_array_equal(_table(columns)["A"], [np.nan, np.nan, 2.0])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int64"),
        ([1, None], "float64"),
        ([1, 2.5], "float64"),
        ([2**53 + 1, None], "object"),
        ([2**53, 1], "int64"),
        ([1e300, 1.0], "float64"),
        (["1", None], "object"),
        ([(1.0, 2.0), 1.0], "object"),
        ([None, None], "object"),
        ([10**400, 1], "object"),
        ([], "object"),
    ],
)
def test_numbers_where_none_loses_by_it(values, kind):
    columns = Columns()
    columns.add([{"A": value} for value in values])
    column = _table(columns)["A"] if values else _table(columns)["error"]
    assert column.dtype == kind
    assert all(
        pd.isna(ours) if theirs is None else ours == theirs for ours, theirs in zip(column, values)
    )


def _lines(function):
    lines, start = inspect.getsourcelines(function)
    return range(start + 1, start + len(lines))


@pytest.mark.parametrize("line", _lines(Columns._flush))
def test_an_interrupt_on_any_line_loses_no_row_and_repeats_none(line, monkeypatch):
    """As Ctrl-C does: an exception between two lines, after which the columns are asked for."""
    monkeypatch.setattr("helpers.headers.columns.MAX_ROWS", 4)
    columns, visits = Columns(), []

    def trace(frame, event, _):
        if frame.f_code is Columns._flush.__code__ and event == "line" and frame.f_lineno == line:
            visits.append(1)
            if len(visits) == 3:
                raise KeyboardInterrupt
        return trace

    taken = 0
    sys.settrace(trace)
    try:
        for row in ROWS:
            columns.add([row])
            taken += 1
    except KeyboardInterrupt:
        taken += 1
    finally:
        sys.settrace(None)
    assert len(columns) == taken
    clean = Columns()
    clean.add(ROWS[:taken])
    pd.testing.assert_frame_equal(_table(columns), _table(clean))


def test_values_that_rows_share_are_held_once_and_come_back(monkeypatch):
    monkeypatch.setattr("helpers.headers.columns.MAX_ROWS", 4)
    rows = [{"A": "x", "B": n, "C": n / 2, "D": (n, n), "E": 1 if n < 5 else 1.0} for n in range(9)]
    columns = Columns()
    for row in rows:
        columns.add([row])
    lists = _lists(columns)
    for name in "ABCDE":
        assert lists[name] == [row[name] for row in rows]
        assert list(map(type, lists[name])) == [type(row[name]) for row in rows]
    table = _table(columns)
    assert table[["A", "B", "C", "D", "E"]].dtypes.astype(str).tolist() == [
        *("object", "int64", "float64", "object", "float64")
    ]
    assert table["D"].tolist() == lists["D"] and len(table._mgr.blocks) == 3


def test_columns_of_no_rows_change_nothing():
    columns = Columns(Chunk(0, {"A": [], "B": []}))
    columns.add([{"B": 1}, {"B": 2}])
    assert _table(columns)["B"].dtype == "int64"
    columns = Columns(Chunk(2, {}))
    columns.add([{"B": 1}])
    assert _lists(columns)["B"] == [ABSENT, ABSENT, 1] and len(_table(columns)) == 3


def test_each_object_is_held_once_and_what_no_row_has_any_more_is_dropped():
    shared, columns = ("1.2", (0.5, 1.5)), Columns()
    for n in range(4):
        columns.add([{"UID": shared[0], "B": shared[1] if n else n, "C": float(n), "D": "x" * n}])
        columns._flush()
    merged = columns.merged()
    assert merged.columns["UID"] == Same("1.2")
    assert merged.columns["C"].dtype == "float64"
    assert isinstance(merged.columns["B"], Coded)
    assert merged.columns["B"].distinct == [ABSENT, 0, shared[1]]
    some = merged.take(np.array([3, 1, 2, 1]))
    assert some.columns["B"].distinct == [ABSENT, shared[1]] and some.values("D")[0] == "xxx"
    assert _table(Columns(merged.take(np.array([0]))))["B"].dtype == "int64"
    assert some.values("C") == [3.0, 1.0, 2.0, 1.0]
