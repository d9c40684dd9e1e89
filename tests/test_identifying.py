"""What could identify a person is counted, and not shown."""

import os
import warnings

import pandas as pd
import pydicom
import pytest

from helpers import header_table, identifying
from helpers.errors import ClearError
from helpers.headers.keywords import dictionary_entries
from helpers.privacy.identifying import (
    PROFILE,
    folders_with,
    identifies,
    identifying_values,
    own_words,
)


def test_counts_by_element(phantom_headers):
    table = identifying(phantom_headers)
    readable = phantom_headers["PatientName"].notna()
    assert table.loc["PatientName", ["kind", "files", "patients", "action"]].tolist() == [
        "name",
        readable.sum(),
        88,
        "Z",
    ]
    assert table.loc[["PatientName", "private elements"], "folders"].tolist() == [88, 2]
    assert (
        table.loc["StudyDate", "kind"] == "date"
        and table.loc["SOPInstanceUID", "kind"] == "identifier (UID)"
    )
    assert table.loc["private elements", ["kind", "files", "patients"]].tolist() == [
        "private",
        24,
        2,
    ]
    assert "Rows" not in table.index and "AccessionNumber" not in table.index, (
        "that is empty everywhere"
    )


def test_where_an_element_has_a_value(phantom_headers):
    found = folders_with(phantom_headers, "VOILUTFunction")
    assert [os.path.basename(folder) for folder in found.index] == [
        "P41-sigmoid"
    ] and found.tolist() == [72]
    assert folders_with(phantom_headers, "PatientAddress").empty


def test_no_value_is_shown(real_headers):
    text = identifying(real_headers).to_string()
    names = real_headers["PatientName"].dropna().map(str)
    assert not [name for name in names.unique() if len(name) > 4 and name in text]
    assert not [uid for uid in real_headers["SOPInstanceUID"].dropna().unique() if uid in text]


def test_burned_in_annotation(phantom_headers):
    table = identifying(phantom_headers.assign(BurnedInAnnotation="NO"))
    assert "burned-in annotation" not in table.index
    marked = phantom_headers.assign(
        BurnedInAnnotation=["YES"] * 5 + [None] * (len(phantom_headers) - 5)
    )
    assert identifying(marked).loc[
        "burned-in annotation", ["kind", "files", "patients"]
    ].tolist() == ["pixels", 5, 1]


def test_texts_of_identifying_elements_are_gathered(phantom_headers):
    values = identifying_values(phantom_headers)
    assert {"P01-reference", "20200101", "055Y", "M"} <= values
    assert set(phantom_headers["SOPInstanceUID"].dropna()) <= values, "UIDs can be looked up"
    assert (
        "MONOCHROME2" not in values and "CT" not in values and "1.2.840.10008.1.2.1" not in values
    )


def test_every_text_is_one_that_an_element_of_the_file_holds(real):
    """pydicom reads the same files itself, sequences left out."""
    folder = real / "odd/pydicom"
    values, seen = identifying_values(header_table(folder, progress=False)), set()
    for path in folder.iterdir():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for element in pydicom.dcmread(path, stop_before_pixels=True, force=True):
                held = element.value if element.VM > 1 else [element.value]
                if (
                    element.keyword
                    and identifies(element.keyword)
                    and element.VR not in ("SQ", "OB", "OW")
                ):
                    seen |= (
                        {str(value).strip() for value in held}
                        if element.VR not in ("DS", "IS", "US")
                        else set()
                    )
    assert values - seen == set() and len(values) > 100


def test_several_values_private_ones_and_what_is_no_text():
    headers = pd.DataFrame(
        {
            "OtherPatientNames": [("Doe^Jane", "", " Roe^Jane "), None],
            "PatientWeight": [71.5, 80.0],
            "(0009,xx01) MAKER": ["Doe^J", 7],
            "Rows": ["secret", "secret"],
        }
    )
    assert identifying_values(headers) == {"Doe^Jane", "Roe^Jane", "Doe^J"}


def test_the_profile_names_keywords_of_the_standard():
    profile = pd.read_csv(PROFILE)
    assert profile["keyword"].is_unique and len(profile) > 600
    assert set(profile["keyword"]) <= set(dictionary_entries())
    assert set("".join(profile["action"])) <= set("XZDUKC/*")
    known = profile.set_index("keyword")["action"]  # PS3.15 Table E.1-1
    assert known[
        [
            "PatientName",
            "PatientBirthDate",
            "StudyInstanceUID",
            "StudyDescription",
            "PatientAddress",
        ]
    ].tolist() == [
        "Z",
        "Z",
        "U",
        "X",
        "X",
    ]


def test_the_suites_own_words_are_those_of_every_room(tmp_path):
    words = own_words()
    assert {"pseudonym", "montage", "fastai"} <= words, "of privacy/, pictures/ and learn/"
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "module.py").write_text("# Zyzzyva", encoding="utf-8")
    assert "zyzzyva" in own_words(tmp_path) - words
    with pytest.raises(
        ClearError, match=r"expected the modules of this suite below .*, found none"
    ):
        own_words(tmp_path / "nowhere")


def test_nothing_and_what_is_no_table():
    assert identifying(header_table([])).empty
    with pytest.raises(ClearError, match="expected a DataFrame"):
        identifying("folder")
    assert identifying_values(header_table([])) == set()
    with pytest.raises(ClearError, match="expected a DataFrame"):
        identifying_values("folder")
