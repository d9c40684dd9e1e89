"""How do small tables go from the partitions to where they are put together? As JSON, exactly."""

from typing import Any

import numpy as np
import pandas as pd

from helpers.headers.columns import dtype_of

OBJECT = "object"


def as_json(table: pd.DataFrame) -> dict[str, Any]:
    """A table without its index, as JSON holds it."""
    return {
        "length": len(table),
        "columns": {str(name): column.tolist() for name, column in table.items()},
        "dtypes": {str(name): str(column.dtype) for name, column in table.items()},
    }


def joined(parts: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows of several tables of `as_json`, whose columns may differ, behind each other.

    A column of several types becomes one of numbers where none loses by it, as in a header table.
    """
    names = list(dict.fromkeys(name for part in parts for name in part["columns"]))
    return pd.DataFrame({name: _column(name, parts) for name in names})


def _column(name: str, parts: list[dict[str, Any]]) -> pd.Series:
    values: list[Any] = []
    dtypes = set()
    for part in parts:
        if name in part["columns"]:
            values += part["columns"][name]
        else:
            values += [None] * part["length"]
        if part["length"]:
            dtypes.add(part["dtypes"].get(name, OBJECT))
    values = [tuple(value) if type(value) is list else value for value in values]
    if len(dtypes) == 1 and dtypes != {OBJECT}:
        return pd.Series(values, dtype=dtypes.pop())
    values = [None if value != value else value for value in values]  # as objects it is None
    if dtypes <= {"int64", "float64", OBJECT} and len(dtypes) > 1 and dtype_of(values) != OBJECT:
        return pd.Series(values, dtype=float)
    held = np.empty(len(values), object)
    held[:] = values
    return pd.Series(held, dtype=object)
