"""What a text gives away is found, and named without being shown."""

import re
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import ClearError
from helpers.kernels.leaks import LocalSecrets, find_leaks, local_secrets

ROOT = Path(__file__).parents[1]
NOBODY = LocalSecrets(re.compile("/nowhere"), frozenset())


@given(
    st.lists(st.integers(0, 10**9), min_size=6, max_size=12), st.sampled_from(["", "'", " ", "("])
)
def test_any_uid_but_the_standards_is_found(parts, before):
    uid = ".".join(map(str, ["1.2", *parts]))
    assert find_leaks(f"x {before}{uid}", NOBODY) == (
        [] if parts[:2] == [840, 10008] else ["a UID"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "PS3.3 C.11.2.1.2.1 and 10.7.1.3",
        "pydicom 3.0.1.1.2.3 of 1.2.840",
        "CT is 1.2.840.10008.5.1.4.1.1.2, and 1.2.840.10008.1.2.4.70.",
        "/kaggle/input/home and https://example.org/home",
        "https://example.org/home/index.html",
    ],
)
def test_what_tells_nothing(text):
    assert find_leaks(text, NOBODY) == []


@pytest.mark.parametrize(
    "text", ["/home/joe", "'/Users/joe/x'", r"C:\Users\joe", r"'D:\\Users\\joe'"]
)
def test_homes_on_any_computer(text):
    assert find_leaks(text, NOBODY) == ["a path of somebody's computer"]


def test_folders_of_this_computer(tmp_path, monkeypatch):
    (tmp_path / "real" / "helpers").mkdir(parents=True)
    (tmp_path / "real" / "helpers" / "one.py").write_text("pass", encoding="utf-8")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setenv("HOME", "/")
    private = local_secrets(tmp_path / "link")
    for folder in ("real", "link"):
        assert find_leaks(f"in {tmp_path / folder}.", private) and not find_leaks(
            f"in {tmp_path / folder}2", private
        )
    assert not find_leaks("a / b and /usr/bin", private), (
        "a home that is the root of all tells nothing"
    )


def test_values_are_whole_words_of_the_collection(phantom, tmp_path, monkeypatch):
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    dataset.PatientName, dataset.PatientID, dataset.InstitutionName, dataset.StudyID = (
        "Li^Konstanze",
        "A.7(1",
        "Phantom",
        "12",
    )
    dataset.save_as(tmp_path / "1.dcm")
    monkeypatch.setenv("DICOM_ROOT", str(tmp_path))
    private = local_secrets(ROOT)
    assert {"Li^Konstanze", "Konstanze", "A.7(1", dataset.SOPInstanceUID} <= private.words
    assert private.words.isdisjoint({"Phantom", "phantom", "Li", "12"}), (
        "a word of the helpers, and what is too short"
    )
    for text, found in (
        ("Konstanzer Konzil", False),
        ("for Konstanze.", True),
        ("(A.7(1)", True),
        ("A.7(12", False),
    ):
        assert find_leaks(text, private) == ["an identifying value of the collection"] * found


def test_a_collection_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("DICOM_ROOT", str(tmp_path / "gone"))
    with pytest.raises(ClearError, match="expected a folder, found nothing"):
        local_secrets(ROOT)
