"""The table for other programs: every value arrives, in a form that they know."""

import os

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from helpers import export, header_table
from helpers.headers.export import ExportError


@pytest.fixture
def table():
    paths = pd.Index(["a/1.dcm", "a/2.dcm", os.fsdecode(b"caf\xe9.dcm")], dtype=object, name="path")
    columns = {
        "Rows": pd.Series([512, 256, 512]),
        "SliceLocation": pd.Series([1.5, None, 3.0]),
        "PixelSpacing": pd.Series([(0.5, 0.5), None, (1.0, 1.0)], dtype=object),
        "WindowCenter": pd.Series([(40.0, 400.0), 40.0, None], dtype=object),
        "ImageType": pd.Series([("ORIGINAL", "PRIMARY"), "DERIVED", ("A", "B", "C")], dtype=object),
        "InstanceNumber": pd.Series([1, "x", None], dtype=object),
        "StageNumber": pd.Series([2**60, 1, None], dtype=object),
        "EchoTime": pd.Series([None] * 3, dtype=object),
        "error": pd.Series([None, None, "not DICOM"], dtype=object),
    }
    return pd.DataFrame(columns).set_axis(paths)


def test_parquet(table, tmp_path):
    assert export(table, tmp_path / "t.parquet") == tmp_path / "t.parquet"
    stored = parquet.read_table(tmp_path / "t.parquet")
    assert stored["path"].to_pylist() == ["a/1.dcm", "a/2.dcm", "caf\\udce9.dcm"]
    assert stored["PixelSpacing"].to_pylist() == [[0.5, 0.5], None, [1.0, 1.0]]
    assert stored["WindowCenter"].to_pylist() == [[40.0, 400.0], [40.0], None]
    assert stored["ImageType"].to_pylist() == [
        ["ORIGINAL", "PRIMARY"],
        ["DERIVED"],
        ["A", "B", "C"],
    ]
    assert stored["InstanceNumber"].to_pylist() == ["1", "x", None]
    assert pa.types.is_int64(stored["Rows"].type) and pa.types.is_float64(
        stored["SliceLocation"].type
    )


def test_csv(table, tmp_path):
    export(table, tmp_path / "t.csv")
    stored = pd.read_csv(tmp_path / "t.csv")
    assert stored["path"].tolist() == ["a/1.dcm", "a/2.dcm", "caf\\udce9.dcm"]
    assert stored["PixelSpacing"].tolist()[::2] == ["0.5\\0.5", "1.0\\1.0"]
    assert stored["ImageType"].tolist() == ["ORIGINAL\\PRIMARY", "DERIVED", "A\\B\\C"]
    assert stored["Rows"].tolist() == [512, 256, 512]


def test_real_headers_keep_their_shape(real, real_headers, tmp_path):
    headers = header_table(real, private=True, progress=False)
    for name, read in (("t.csv", pd.read_csv), ("t.parquet", pd.read_parquet)):
        stored = read(
            export(headers, tmp_path / name), **({"low_memory": False} if name == "t.csv" else {})
        )
        assert stored.shape == (len(headers), headers.shape[1] + 1)
        assert (stored["Rows"].notna().to_numpy() == headers["Rows"].notna().to_numpy()).all()


def test_values_that_programs_trip_over(tmp_path):
    table = pd.DataFrame(
        {"name": ["a\rb", "c"], "large": [2**53 + 1, None], "pair": [(512, 512), None]},
        dtype=object,
    )
    read = pd.read_csv(export(table, tmp_path / "t.csv"))
    assert read.shape == (2, 3) and read["name"].tolist() == ["a\rb", "c"]
    stored = parquet.read_table(export(table, tmp_path / "t.parquet"))
    assert stored["large"].to_pylist() == [2**53 + 1, None] and stored["pair"].to_pylist() == [
        [512, 512],
        None,
    ]
    with pytest.raises(ExportError, match="different names, got name twice"):
        export(table.set_index(pd.Index(["x", "y"], name="name")), tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.xlsx", "t", "no/t.csv"])
def test_another_ending_is_refused(table, tmp_path, name):
    with pytest.raises(
        ExportError,
        match=r"expected a file that ends in .csv or .parquet, in a folder that exists, got",
    ):
        export(table, tmp_path / name)
