"""The clinical table beside a collection: found by its patients, joined by PatientID."""

import pandas as pd
import pytest

from helpers import clinical_table, header_table, slice_counts


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


def test_the_phantoms_own(phantom_headers, capsys):
    clinical = clinical_table(phantom_headers)
    assert "train.csv, column Patient: 48 of 49 patients" in capsys.readouterr().out
    assert clinical.columns.tolist() == ["Weeks", "FVC", "Percent", "Age", "Sex", "SmokingStatus"]
    assert clinical.groupby("PatientID").size().between(6, 10).all()
    joined = slice_counts(phantom_headers).join(clinical.groupby("PatientID").first())
    header_ages = (
        phantom_headers.groupby("PatientID")["PatientAge"].first().str.rstrip("Y").astype(int)
    )
    both = joined["Age"].notna()
    assert (
        both.sum() == 48 and (joined["Age"][both] == header_ages.reindex(joined.index)[both]).all()
    )
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
    (tmp_path / "a.csv").write_text("Weeks,PatientID\n1,x\n2,y\n")
    (tmp_path / "train.csv").write_text("Patient;Age\n1;50\n2;60\n")
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
