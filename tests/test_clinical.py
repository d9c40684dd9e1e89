"""The clinical table beside a collection: found by its patients, joined by PatientID."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from helpers import clinical_table, header_table, slice_counts
from helpers.headers.clinical import ROWS_TRIED


@pytest.fixture
def one(phantom, tmp_path):
    """A collection of two patients in a folder of its own, and its headers."""
    for patient in ("P02-interspaced", "P03-interspaced"):
        (tmp_path / "train" / patient).mkdir(parents=True)
        for number in (1, 2):
            (tmp_path / "train" / patient / f"{number}.dcm").write_bytes(
                (phantom / patient / f"{number}.dcm").read_bytes()
            )
    return header_table(tmp_path / "train")


@pytest.fixture
def opened(monkeypatch):
    """(name of the file, rows at most) of every CSV file that was read since the test began."""
    calls, read = [], pd.read_csv

    def recorded(path, **options):
        calls.append((Path(path).name, options.get("nrows")))
        return read(path, **options)

    monkeypatch.setattr("helpers.headers.clinical.pd.read_csv", recorded)
    return calls


def test_the_phantoms_own(phantom_headers, phantom, capsys):
    clinical = clinical_table(phantom_headers)
    patients = set(phantom_headers["PatientID"].dropna())
    known = patients & set(clinical.index)
    count = f"{len(known)} of {len(patients)} patients"
    said = f"Clinical table: {phantom.parent / 'train.csv'}, column Patient: {count}\n"
    assert capsys.readouterr().out == said and 0 < len(known) < len(patients)
    assert clinical.columns.tolist() == ["Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"]
    assert clinical.groupby("PatientID").size().between(6, 10).all()
    joined = slice_counts(phantom_headers).join(clinical.groupby("PatientID").first())
    header_ages = (
        phantom_headers.groupby("PatientID")["PatientAge"].first().str.rstrip("Y").astype(int)
    )
    both = joined["Age"].notna()
    assert set(joined.index[both]) == known
    assert (joined["Age"][both] == header_ages.reindex(joined.index)[both]).all()
    assert clinical["FVC"].between(800, 6000).all()
    assert not clinical.reset_index().duplicated(["PatientID", "Weeks"]).any()


def test_the_table_that_knows_most_patients_is_taken(one, tmp_path, capsys):
    pd.DataFrame({"name": ["P02-interspaced"], "x": [1]}).to_csv(
        tmp_path / "train" / "few.csv", index=False
    )
    pd.DataFrame({"y": [5, 6], "who": ["P02-interspaced", "P03-interspaced"]}).to_csv(
        tmp_path / "all.csv", index=False
    )
    (tmp_path / "broken.csv").write_bytes(b'"\xff\xfe\n"unclosed,,,\n1\n')
    (tmp_path / "empty.csv").write_bytes(b"")
    assert clinical_table(one)["y"].to_dict() == {"P02-interspaced": 5, "P03-interspaced": 6}
    assert "all.csv, column who: 2 of 2 patients" in capsys.readouterr().out


def test_only_the_folder_and_its_parent_are_searched(one, tmp_path, opened, capsys):
    """A scan in a download folder leaves the tables of the home folder alone."""
    shelf = tmp_path / "train" / "shelf"
    shelf.mkdir()
    for patient in ("P02-interspaced", "P03-interspaced"):
        (tmp_path / "train" / patient).rename(shelf / patient)
    (tmp_path / "above.csv").write_text("Patient,x\nP02-interspaced,1\n", encoding="utf-8")
    assert clinical_table(header_table(shelf)).empty and opened == []
    (shelf.parent / "beside.csv").write_text("who,x\nP02-interspaced,1\n", encoding="utf-8")
    assert clinical_table(header_table(shelf))["x"].tolist() == [1]
    assert "above.csv" not in {name for name, _ in opened}


@pytest.mark.parametrize("kind", ["zip", "gztar"])
@pytest.mark.parametrize("place", ["all/train", "all", "."])
def test_a_table_in_an_archive_or_beside_it_is_found(one, tmp_path, capsys, kind, place):
    (tmp_path / "all").mkdir()
    (tmp_path / "train").rename(tmp_path / "all" / "train")
    pd.DataFrame({"who": ["P02-interspaced"], "x": [1]}).to_csv(tmp_path / place / "who.csv")
    study = shutil.make_archive(str(tmp_path / "study"), kind, tmp_path / "all")
    shutil.rmtree(tmp_path / "all")
    assert clinical_table(header_table(study))["x"].tolist() == [1]
    where = {"all/train": f"{study}/train", "all": study, ".": tmp_path}[place]
    assert f"Clinical table: {where}/who.csv" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["train", "."])
def test_of_a_table_of_something_else_a_few_rows_are_read(one, tmp_path, opened, capsys, place):
    rows = "".join(f"{number},{number}\n" for number in range(10_000))
    (tmp_path / place / "prices.csv").write_text(f"day,price\n{rows}", encoding="utf-8")
    (tmp_path / place / "late.csv").write_text(f"a,b\n{rows}P02-interspaced,1\n", encoding="utf-8")
    (tmp_path / "named.csv").write_text(f"patient,b\n{rows}P02-interspaced,7\n", encoding="utf-8")
    assert clinical_table(one)["b"].loc["P02-interspaced"] == 7, "a column says so"
    read_whole = {name for name, rows_read in opened if rows_read is None}
    assert read_whole == {"named.csv"}
    assert {name for name, rows_read in opened if rows_read == ROWS_TRIED} == {
        *("prices.csv", "late.csv", "named.csv")
    }
    assert clinical_table(one, tmp_path / place / "late.csv")["b"].loc["P02-interspaced"] == 1


def test_a_table_that_is_too_large_is_left_alone(one, tmp_path, opened, monkeypatch):
    monkeypatch.setattr("helpers.headers.clinical.MAX_BYTES", 100)
    (tmp_path / "large.csv").write_text("Patient,x\nP02-interspaced,1\n" * 5, encoding="utf-8")
    assert clinical_table(one).empty and opened == []


def test_a_table_that_cannot_be_read_is_named(one, tmp_path, capsys):
    (tmp_path / "broken.csv").write_bytes(b"\xff\xfePatient")
    assert clinical_table(one).empty
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1 and "broken.csv cannot be read: 'utf-8' codec" in printed


def test_identities_that_look_like_numbers(one, tmp_path):
    headers = one.assign(PatientID=["1", "1", "2", "2"])
    pd.DataFrame({"Patient": [1, 2, 3], "Age": [50, 60, 70]}).to_csv(
        tmp_path / "train.csv", index=False
    )
    assert clinical_table(headers)["Age"].to_dict() == {"1": 50, "2": 60, "3": 70}
    headers = one.assign(PatientID=["007", "007", "008", "008"])
    pd.DataFrame({"Patient": ["007", "008"], "Age": [50, 60]}).to_csv(
        tmp_path / "train.csv", index=False
    )
    assert clinical_table(headers)["Age"].to_dict() == {"007": 50, "008": 60}


def test_semicolons_and_a_column_named_like_patients(one, tmp_path):
    headers = one.assign(PatientID=["1", "1", "2", "2"])
    (tmp_path / "a.csv").write_text("Weeks,PatientID\n1,x\n2,y\n", encoding="utf-8")
    (tmp_path / "train.csv").write_text("Patient;Age\n1;50\n2;60\n", encoding="utf-8")
    assert clinical_table(headers)["Age"].to_dict() == {"1": 50, "2": 60}
    table = clinical_table(headers, tmp_path / "a.csv")
    assert table.columns.tolist() == [] and table.groupby("PatientID").size().to_dict() == {
        "1": 1,
        "2": 1,
    }


def test_none_is_an_empty_table_that_can_be_joined(one, capsys):
    clinical = clinical_table(one)
    assert "no CSV file" in capsys.readouterr().out
    counts = slice_counts(one)
    pd.testing.assert_frame_equal(counts.join(clinical.groupby("PatientID").first()), counts)
    assert clinical_table(header_table([])).empty
