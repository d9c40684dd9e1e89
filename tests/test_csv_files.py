"""CSV files whose rows end in delimiters, and what is no CSV file on this computer."""

import gzip

import pytest

from helpers.headers.csv_files import AS_TEXT, read_csv


def test_a_delimiter_behind_each_row_moves_no_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image,x,label\n007,3,mass,\n008,4,,\n009,5\n")
    table = read_csv(path, **AS_TEXT)
    assert table.to_dict("list") == {
        **{"image": ["007", "008", "009"], "x": ["3", "4", "5"]},
        **{"label": ["mass", "", ""]},
    }
    assert read_csv(path)["x"].tolist() == [3, 4, 5]


def test_a_value_without_a_column_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image;label\na;1;x\nb;2;\n")
    with pytest.raises(ValueError, match="a row has more values than the 2 columns"):
        read_csv(path, **AS_TEXT)


@pytest.mark.parametrize("ending", ["zip", "xz", "gz", "bz2", "zst"])
def test_a_file_that_cannot_be_unpacked_is_refused(tmp_path, ending):
    path = tmp_path / f"a.csv.{ending}"
    path.write_text("image,label\na,1\n")
    with pytest.raises((ValueError, OSError)):
        read_csv(path)


def test_a_packed_file_is_read_and_a_cut_one_refused(tmp_path):
    path = tmp_path / "a.csv.gz"
    packed = gzip.compress(b"image,label\na,1\n")
    path.write_bytes(packed)
    assert read_csv(path).to_dict("list") == {"image": ["a"], "label": [1]}
    path.write_bytes(packed[:-9])
    with pytest.raises(ValueError, match="it cannot be unpacked"):
        read_csv(path)
