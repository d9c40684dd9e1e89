"""How do many header tables lie in files as one? As Parquet, each keyword of one decided type.

The type of a column is that of its keyword in the dictionary (PS3.6), whatever the files say: text,
numbers, or lists of them where a keyword may have several values. So all files of a data set have
the same columns. What a file says otherwise, such as a text where a number should be, stands in
`OTHERWISE`, as JSON by keyword, and its own column is empty: nothing is lost, and nothing repaired.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable
from functools import cache
from itertools import repeat
from operator import is_
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute, dataset, parquet
from pydicom.datadict import private_dictionary_VM, private_dictionary_VR

from helpers.errors import ClearError, one_line
from helpers.headers.columns import Columns
from helpers.headers.keywords import dictionary_entries
from helpers.headers.packed import ABSENT, Chunk, Coded, Packed, Same

OTHERWISE = "said_otherwise"  # the column of what has another type than its keyword
FILE_NUMBER = "file_number"  # the column that gives the order of the files in the collection
FLOATS = {"DS", "FL", "FD", "OF", "OD"}
INTEGERS = {
    *("IS", "US", "SS", "UL", "SL", "SV", "UV", "US or SS", "US or OW", "US or SS or OW"),
    *("SQ", "OB", "OW", "OL", "OV", "UN", "OB or OW"),  # counted, or measured in bytes
}
FIXED_TYPES = {
    "error": pa.string(),
    "file_size": pa.int64(),
    "pixel_offset": pa.int64(),
    "private_elements": pa.int64(),
}
PRIVATE_NAME = re.compile(r"\((\w{4}),xx(\w{2})\) (.*)")
LONGEST_INTEGER = 2**63  # what is not below it has no column of integers
ROWS_PER_GROUP = 2**16


class TableError(ClearError):
    """A file that holds no header table."""


@cache
def column_type(keyword: str) -> pa.DataType:
    """The type that a keyword has in every file, or another column of the header table."""
    if keyword in FIXED_TYPES:
        return FIXED_TYPES[keyword]
    VR, VM = _vr_and_vm(keyword)
    kind = pa.float64() if VR in FLOATS else pa.int64() if VR in INTEGERS else pa.string()
    return kind if VM == "1" or VR == "SQ" else pa.list_(kind)


def write_headers(
    rows: Chunk, paths: list[str], numbers: np.ndarray, names: Iterable[str], file: str
) -> None:
    """Writes the rows of files as one file of a data set.

    Parameters
    ----------
    rows : what the files say
    paths : of the files (n,)
    numbers : (n,) of the files in the collection
    names : the columns of the data set, whether these files say something of them or not
    """
    otherwise: list[dict[str, Any]] = [{} for _ in paths]
    columns: dict[str, pa.Array] = {"path": _array(paths, "path", pa.string(), otherwise)}
    columns[FILE_NUMBER] = pa.array(numbers, pa.int64())
    for name in names:
        columns[name] = _column(rows, name, otherwise)
    texts = [json.dumps(said, separators=(",", ":")) if said else None for said in otherwise]
    columns[OTHERWISE] = pa.array(texts, pa.string())
    parquet.write_table(pa.table(columns), file, row_group_size=ROWS_PER_GROUP)


def read_headers(
    folder: str, names: Collection[str] | None = None, /, **values: Any
) -> pd.DataFrame:
    """The rows of a data set as `helpers.header_table` gives them, in the order of the collection.

    Parameters
    ----------
    names : the columns that are wanted, of which those come that say something; None for all
    values : what some columns must have: one value, or a list of which one, of their own types

    Raises
    ------
    TableError
        For other files, and values of a column that is not there or holds lists.
    """
    try:
        found = _read(folder, names, values)
    except (pa.ArrowException, OSError) as error:
        raise TableError(one_line(error)) from error
    return header_rows(found.take(compute.sort_indices(found[FILE_NUMBER])))


def join_headers(files: list[str], file: str) -> None:
    """Writes the rows of some files of a data set as one file, in the order of the collection."""
    table = pa.concat_tables([parquet.read_table(name) for name in files])
    parquet.write_table(table.take(compute.sort_indices(table[FILE_NUMBER])), file)


def header_rows(found: pa.Table) -> pd.DataFrame:
    """The rows of a header table, from those of a data set."""
    otherwise = found[OTHERWISE].to_pylist()
    said = {row: json.loads(text) for row, text in enumerate(otherwise) if text}
    values = {
        name: _values(found[name], name, said)
        for name in found.column_names
        if name not in (FILE_NUMBER, OTHERWISE)
    }
    paths = values.pop("path")
    columns: dict[str, Packed] = {}
    columns |= {name: own for name, own in values.items() if not all(map(is_, own, repeat(None)))}
    return Columns(Chunk(len(paths), columns)).table(paths)


def _vr_and_vm(keyword: str) -> tuple[str, str]:
    if entry := dictionary_entries().get(keyword):
        return entry.VR, entry.VM
    if found := PRIVATE_NAME.fullmatch(keyword):
        group, element, creator = found.groups()
        tag = int(f"{group}00{element}", 16)
        try:
            return private_dictionary_VR(tag, creator), private_dictionary_VM(tag, creator)
        except KeyError:
            pass
    return "LO", "1-n"


def _read(folder: str, names: Collection[str] | None, values: dict[str, Any]) -> pa.Table:
    source = dataset.dataset(folder, format="parquet")
    if not {"path", FILE_NUMBER, OTHERWISE} <= set(source.schema.names):
        raise TableError(f"no header table: {folder}")
    there, wanted = source.schema.names, None
    for name, value in values.items():
        kind = source.schema.field(name).type if name in there else None
        if kind is None or pa.types.is_list(kind):
            raise TableError(f"expected a column of {folder} with one value a file, got {name!r}")
        several = value if isinstance(value, (list, set, np.ndarray, pd.Series)) else [value]
        plain = [own.item() if isinstance(own, np.generic) else own for own in several]
        if pa.types.is_floating(kind):
            plain = [float(own) if type(own) is int else own for own in plain]
        elif pa.types.is_integer(kind):  # a column of a table has floats where some are missing
            plain = [int(own) if type(own) is float and own == own // 1 else own for own in plain]
        fits = _check(kind)
        one = dataset.field(name).isin(pa.array([own for own in plain if fits(own)], kind))
        wanted = one if wanted is None else wanted & one
    chosen = there if names is None else {"path", FILE_NUMBER, *names, OTHERWISE}
    return source.to_table([name for name in there if name in chosen], filter=wanted)


# there


def _column(rows: Chunk, name: str, otherwise: list[dict[str, Any]]) -> pa.Array:
    """One column, each distinct value converted once."""
    kind, held = column_type(name), rows.packed(name)
    if isinstance(held, Same):
        held = Coded([ABSENT, held.value], np.ones(rows.length, np.uint8))
    if isinstance(held, Coded):
        values = [None if value is ABSENT else value for value in held.distinct]
        fits = _check(kind)
        for number in [n for n, value in enumerate(values) if not fits(value)]:
            for row in np.flatnonzero(held.codes == number).tolist():
                otherwise[row][name] = values[number]
            values[number] = None
        return _typed(values, kind).take(pa.array(held.codes))
    if isinstance(held, np.ndarray) and kind == pa.from_numpy_dtype(held.dtype):
        return pa.array(held, kind, from_pandas=False)
    return _array(rows.values(name), name, kind, otherwise)


def _array(
    values: list[Any], name: str, kind: pa.DataType, otherwise: list[dict[str, Any]]
) -> pa.Array:
    """Values as an array; what does not fit is put into `otherwise`."""
    fits, kept = _check(kind), []
    for row, value in enumerate(values):
        value = None if value is ABSENT else value
        if not fits(value):
            otherwise[row][name], value = value, None
        kept.append(value)
    return _typed(kept, kind)


def _typed(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind):
        values = [value if value is None or type(value) is tuple else (value,) for value in values]
    return pa.array(values, kind, from_pandas=False)


def _check(kind: pa.DataType) -> Callable[[Any], bool]:
    """What tells whether a value can stand in a column, so that it comes back as it is."""
    if pa.types.is_list(kind):
        one = _check(kind.value_type)

        def fits(value):
            several = type(value) is tuple
            return (
                len(value) > 1 and all(part is not None and one(part) for part in value)
                if several
                else one(value)
            )

        return fits
    if pa.types.is_string(kind):
        return lambda value: value is None or (type(value) is str and is_unicode(value))
    if pa.types.is_integer(kind):
        return lambda value: (
            value is None or (type(value) is int and -LONGEST_INTEGER <= value < LONGEST_INTEGER)
        )
    return lambda value: value is None or type(value) is float


def is_unicode(text: str) -> bool:
    """Whether a text has no bytes of a file name that are no text."""
    return text.isascii() or text.encode("utf-8", "replace").decode() == text


# and back


def _values(column: pa.ChunkedArray, name: str, said: dict[int, dict[str, Any]]) -> list[Any]:
    """The values of a column as the header table has them; equal texts are one object."""
    array = column.combine_chunks()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_list(array.type):
        values = _tuples(array)
    elif pa.types.is_string(array.type):
        coded = array.dictionary_encode()
        texts = [*coded.dictionary.to_pylist(), None]
        numbers = coded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
        values = list(map(texts.__getitem__, numbers.tolist()))
    else:
        values = array.to_pylist()
    for row, others in said.items():
        if name in others:
            value = others[name]
            values[row] = tuple(value) if isinstance(value, list) else value
    return values


def _tuples(array: pa.ListArray) -> list[Any]:
    """The values of a column of lists: one is a scalar, several a tuple; equal ones one."""
    known: dict[Any, Any] = {}
    values: list[Any] = []
    for several in array.to_pylist():
        if several is None:
            values.append(None)
            continue
        value = several[0] if len(several) == 1 else tuple(several)
        values.append(known.setdefault((type(value), value), value))
    return values


def named_in_order(names: Iterable[str]) -> list[str]:
    """Columns of header tables in their order, each once."""
    empty = Chunk(1, dict.fromkeys([*names], Same(None)))
    return [*Columns(empty).table([""])]
