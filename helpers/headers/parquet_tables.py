"""How does a small table of this suite lie in a Parquet file, and come back as it was?

A column of one kind of value has that type; one of several kinds is text for other programs, and
its values stand beside it as JSON.
"""

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from helpers.headers.parquet import OTHERWISE, is_unicode

DTYPES = b"dtypes"  # what the schema says of the columns beside their types
KINDS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def write_table(table: pd.DataFrame, file: str) -> None:
    """Writes a table without its index, as one that other programs read too."""
    otherwise: list[dict[str, Any]] = [{} for _ in range(len(table))]
    columns = {name: _column(name, table[name], otherwise) for name in table}
    texts = [json.dumps(said) if said else None for said in otherwise]
    if any(texts):
        columns[OTHERWISE] = pa.array(texts, pa.string())
    dtypes = json.dumps({name: str(table[name].dtype) for name in table})
    whole = pa.table(columns).replace_schema_metadata({DTYPES: dtypes})
    parquet.write_table(whole, file)


def read_table(file: str) -> pd.DataFrame:
    """A table as it was written."""
    found = parquet.read_table(file)
    dtypes = json.loads(found.schema.metadata[DTYPES])
    said = found[OTHERWISE].to_pylist() if OTHERWISE in found.column_names else []
    exact = {row: json.loads(text) for row, text in enumerate(said) if text}
    columns = {name: _values(name, found[name].to_pylist(), exact) for name in dtypes}
    index = pd.RangeIndex(found.num_rows)
    return pd.DataFrame(
        {name: pd.Series(own, index, dtypes[name]) for name, own in columns.items()}, index
    )


def _column(name: str, column: pd.Series, otherwise: list[dict[str, Any]]) -> pa.Array:
    if column.dtype != object:
        return pa.array(column.to_numpy(), from_pandas=False)
    values = column.tolist()
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values), pa.string())
    if len(kinds) == 1 and kinds <= set(KINDS):
        with suppress(UnicodeEncodeError):  # names of files that are no text
            return pa.array(values, KINDS[next(iter(kinds))], from_pandas=False)
    inside = {type(one) for value in values if type(value) is tuple for one in value}
    if kinds == {tuple} and len(inside) == 1 and inside <= set(KINDS):
        return pa.array(values, pa.list_(KINDS[inside.pop()]), from_pandas=False)
    for row, value in enumerate(values):
        if value is not None and (type(value) is not str or not is_unicode(value)):
            otherwise[row][name] = value
    texts = [None if value is None else _text(value) for value in values]
    return pa.array(texts, pa.string())


def _text(value: Any) -> str:
    """A value as DICOM writes it."""
    parts = value if isinstance(value, tuple) else (value,)
    return "\\".join(map(str, parts)).encode("utf-8", "backslashreplace").decode()


def _values(name: str, values: list[Any], exact: dict[int, dict[str, Any]]) -> np.ndarray:
    held = np.empty(len(values), object)
    held[:] = [tuple(value) if type(value) is list else value for value in values]
    for row, said in exact.items():
        if name in said:
            held[row] = tuple(said[name]) if type(said[name]) is list else said[name]
    return held
