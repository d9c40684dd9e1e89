"""How does the header table leave for other programs? As CSV or Parquet."""

import csv
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from helpers.errors import ClearError, require_type


class ExportError(ClearError, ValueError):
    """A table, or a kind of file, that is not written."""


def export(table: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Writes a table of this suite as CSV or Parquet, by the end of the name; returns the path.

    In CSV several values stand as DICOM writes them, with backslashes between. In Parquet a
    column of numbers stays one, a column with several values in places becomes one of lists, and
    mixed kinds become text.

    Parameters
    ----------
    table : DataFrame, such as that of `helpers.header_table`
    path : file that ends in .csv or .parquet

    Raises
    ------
    ExportError
        For another ending, a folder that is not there, or a name that stands twice.
    """
    require_type(table, pd.DataFrame, "such as that of header_table")
    path = Path(path)
    if path.suffix not in (".csv", ".parquet") or not path.absolute().parent.is_dir():
        expected = "a file that ends in .csv or .parquet, in a folder that exists"
        raise ExportError(f"expected {expected}, got {path}")
    table = _with_index(table)
    change = _joined if path.suffix == ".csv" else _of_one_kind
    table = pd.DataFrame(
        {
            name: change(table[name]) if table[name].dtype == object else table[name]
            for name in table
        }
    )
    if path.suffix == ".csv":
        table.to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC)
    else:
        table.to_parquet(path, index=False)
    return path


def _with_index(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the named levels of its index as columns."""
    named = [name for name in table.index.names if name is not None]
    index = table.index.to_frame(index=False)[named]
    whole = pd.concat([index, table.reset_index(drop=True)], axis=1)
    if not whole.columns.is_unique:
        twice = ", ".join(map(str, whole.columns[whole.columns.duplicated()]))
        raise ExportError(f"expected columns and index of different names, got {twice} twice")
    return whole


def _joined(column: pd.Series) -> pd.Series:
    """The column as text, with backslashes between several values."""
    joined = ["\\".join(map(str, value)) if isinstance(value, tuple) else value for value in column]
    return pd.Series(map(_text, joined), dtype=object)


def _of_one_kind(column: pd.Series) -> pd.Series:
    """The column with values of one kind, or lists of them; text where Parquet has no such kind."""
    several = any(isinstance(value, tuple) for value in column)
    lists = [
        None if _is_missing(value) else list(value) if isinstance(value, tuple) else [value]
        for value in column
    ]
    try:
        pa.array(lists)
    except (ValueError, TypeError, OverflowError):
        lists = [values and list(map(_text, values)) for values in lists]
    return pd.Series(lists if several else [values and values[0] for values in lists], dtype=object)


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _text(value: Any) -> str | None:
    """A value as text that every program can read.

    Bytes of a file name that are no text stand as ``\\udce9``.
    """
    return None if _is_missing(value) else str(value).encode("utf-8", "backslashreplace").decode()
