"""Header tables as a Parquet data set: one type for each keyword, and every value as it was."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from helpers.headers.columns import Columns
from helpers.headers.parquet import (
    OTHERWISE,
    column_type,
    named_in_order,
    read_headers,
    write_headers,
)
from helpers.headers.parquet_tables import read_table, write_table

ODD = [  # values that real files have, and hostile ones
    *(None, "", "007", "1\\2", 5, 2**70, -(2**63), 0.1, -0.0, float("inf"), "a\udce9b", "日本"),
    *((1.0, 2.0), (1, 2), ("a", "b"), ("", 1.0), (1, 2.5), ("a", None), (7,), 10**400),
]
NAMES = ["PatientID", "Rows", "ImagePositionPatient", "SliceThickness", "ImageType", "EchoTime"]


def written(rows, folder, names=NAMES):
    """The folder of a data set of two files with these rows."""
    half = len(rows) // 2
    for number, some in enumerate((rows[:half], rows[half:])):
        columns, first = Columns(), number * half
        columns.add([{"error": None, "file_size": 7, **row} for row in some])
        paths = [f"/data/{first + n}.dcm" for n in range(len(some))]
        numbers = np.arange(first, first + len(some))
        file = str(folder / f"{number}.parquet")
        write_headers(columns.merged(), paths, numbers, named_in_order(names), file)
    return str(folder)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_file_says_comes_back_as_it_was(name, tmp_path):
    rows = [{name: value} for value in [*ODD, *ODD[::-1]]]
    found = read_headers(written(rows, tmp_path))
    values = [row[name] for row in rows]
    assert [repr(value) for value in found[name]] == [repr(value) for value in values]


def test_a_missing_number_is_what_a_header_table_has(tmp_path):
    rows = [{"Rows": 512, "SliceThickness": 1.5}, {}, {"SliceThickness": 2.5}, {"Rows": 3}]
    found = read_headers(written(rows, tmp_path))
    assert found["Rows"].dtype == found["SliceThickness"].dtype == float
    assert found.index.tolist() == [f"/data/{n}.dcm" for n in range(4)]
    assert "PatientID" not in found


def test_all_files_of_a_data_set_have_the_same_types(tmp_path):
    written([{"Rows": 512}, {"Rows": "many"}, {"Rows": (1, 2)}, {}], tmp_path)
    schemas = [parquet.read_schema(file) for file in sorted(tmp_path.iterdir())]
    assert schemas[0] == schemas[1]
    assert schemas[0].field("Rows").type == pa.int64()
    table = pd.read_parquet(tmp_path)
    assert table["Rows"].notna().sum() == 1 and table[OTHERWISE].notna().sum() == 2


@pytest.mark.parametrize(
    ("keyword", "kind"),
    [
        ("PatientID", pa.string()),
        ("Rows", pa.int64()),
        ("SliceThickness", pa.float64()),
        ("PixelSpacing", pa.list_(pa.float64())),
        ("ImageType", pa.list_(pa.string())),
        ("PixelPaddingValue", pa.int64()),
        ("RedPaletteColorLookupTableData", pa.int64()),
        ("DirectoryRecordSequence", pa.int64()),
        ("(0019,xx0C) SIEMENS MR HEADER", pa.int64()),
        ("(0019,xx0E) SIEMENS MR HEADER", pa.list_(pa.float64())),
        ("(0011,xx01) nobody", pa.list_(pa.string())),
    ],
)
def test_the_type_of_a_keyword_is_decided_by_the_dictionary(keyword, kind):
    assert column_type(keyword) == kind


def test_files_are_chosen_by_what_they_say(tmp_path):
    rows = [{"PatientID": name, "Rows": n} for n, name in enumerate("ABCAB")]
    folder = written(rows, tmp_path)
    assert read_headers(folder, PatientID="A")["Rows"].tolist() == [0, 3]
    assert read_headers(folder, PatientID=["A", "C"])["Rows"].tolist() == [0, 2, 3]
    assert len(read_headers(folder, PatientID="D")) == 0


def test_a_phantom_comes_back_as_it_was(phantom_headers, tmp_path):
    rows = [
        {name: value for name, value in row.items() if not (value is None or value != value)}
        for row in phantom_headers.astype(object).to_dict("records")
    ]
    whole = {"file_size", "pixel_offset", "private_elements"}
    rows = [{n: int(v) if n in whole else v for n, v in row.items()} for row in rows]
    columns = Columns()
    columns.add(rows)
    merged, paths = columns.merged(), [*phantom_headers.index]
    file = str(tmp_path / "0.parquet")
    write_headers(merged, paths, np.arange(len(rows)), named_in_order([*phantom_headers]), file)
    found, expected = read_headers(str(tmp_path)), Columns(merged).table(paths)
    pd.testing.assert_frame_equal(found, expected)


def test_a_small_table_comes_back_as_it_was(tmp_path):
    table = pd.DataFrame(
        {
            "number": [1, 2, 3],
            "mixed": pd.Series([1, "one", (1.0, 2.0)], dtype=object),
            "places": pd.Series([(1.0, 2.0), None, (3.0, 4.0)], dtype=object),
            "text": pd.Series(["a", None, ""], dtype=object),
            "nothing": pd.Series([None] * 3, dtype=object),
            "whole": pd.Series([1, None, 3], dtype=object),
            "true": [True, False, True],
            "float": [1.5, np.nan, np.inf],
        }
    )
    file = str(tmp_path / "table.parquet")
    write_table(table, file)
    pd.testing.assert_frame_equal(read_table(file), table)
    assert pd.read_parquet(file)["mixed"].tolist() == ["1", "one", "1.0\\2.0"]
