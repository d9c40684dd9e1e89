"""How does the header table leave for other programs? As CSV or Parquet."""

import csv
from pathlib import Path

import pandas as pd

from helpers.errors import ClearError, require_type
from helpers.headers.columns import any_inexact

LONGEST_INTEGER = 2**63  # what Parquet holds


class ExportError(ClearError, ValueError):
    """A kind of file that the table is not written as."""


def export(table, path):
    """Writes a table of this suite as CSV or Parquet, by the end of the name; returns the path.

    In CSV several values stand as DICOM writes them, with backslashes between. In Parquet a column of numbers
    stays one, a column with several values in places becomes one of lists, and mixed kinds become text.

    Parameters
    ----------
    table : DataFrame, such as that of `helpers.header_table`
    path : file that ends in .csv or .parquet

    Raises
    ------
    ExportError
        For another ending, or a folder that is not there.
    """
    require_type(table, pd.DataFrame, "such as that of header_table")
    path = Path(path)
    writers = {".csv": _to_csv, ".parquet": _to_parquet}
    if path.suffix not in writers or not path.absolute().parent.is_dir():
        raise ExportError(
            f"expected a file that ends in .csv or .parquet, in a folder that exists, got {path}"
        )
    writers[path.suffix](_with_index(table), path)
    return path


def _with_index(table):
    """The table with its index as columns; file names stay as they are, even where they are no text."""
    named = [name for name in table.index.names if name is not None]
    if twice := sorted(
        {str(name) for name in [*named, *table] if [*named, *table].count(name) > 1}
    ):
        raise ExportError(
            f"expected columns and index of different names, got {', '.join(twice)} twice"
        )
    levels = {
        name: pd.Series(list(table.index.get_level_values(name)), dtype=object) for name in named
    }
    return pd.DataFrame(levels | {name: table[name].reset_index(drop=True) for name in table})


def _to_csv(table, path):
    pd.DataFrame({name: _joined(table[name]) for name in table}).to_csv(
        path, index=False, quoting=csv.QUOTE_NONNUMERIC
    )


def _joined(column):
    """The column with its tuples as text."""
    if column.dtype != object:
        return column
    joined = ["\\".join(map(str, value)) if isinstance(value, tuple) else value for value in column]
    return pd.Series(map(_text, joined), dtype=object)


def _to_parquet(table, path):
    pd.DataFrame({name: _one_kind(table[name]) for name in table}).to_parquet(path, index=False)


def _one_kind(column):
    """The column with values of one kind, or lists of them."""
    if column.dtype != object:
        return column
    lists = [
        None if _is_missing(value) else list(value) if isinstance(value, tuple) else [value]
        for value in column
    ]
    kinds = {type(part) for values in lists if values for part in values}
    parts = [part for values in lists if values for part in values]
    whole = kinds == {int} and max(map(abs, parts)) < LONGEST_INTEGER
    exact = kinds <= {int, float} and not any_inexact(parts)
    one = int if whole else float if kinds and exact else _text
    lists = [values and [one(part) for part in values] for values in lists]
    several = any(isinstance(value, tuple) for value in column)
    return pd.Series(lists if several else [values and values[0] for values in lists], dtype=object)


def _is_missing(value):
    return value is None or value != value


def _text(value):
    """A value as text that every program can read; bytes of a file name that are no text stand as ``\\udce9``."""
    return None if _is_missing(value) else str(value).encode("utf-8", "backslashreplace").decode()
