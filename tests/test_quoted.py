"""What outputs quote from headers: names are found, terms of the standard stay."""

import json
import time
from unicodedata import normalize

import pandas as pd
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.uid import UID_dictionary

from helpers.report.quoted import MODALITIES, QuotedText

NAMES = [
    *("White^Field", "SLICE^POSITION", "Baker^Li", "Ng^Jo", "O'Brien^Seán", "van de Berg^Jan"),
    *("Müller-Lüdenscheidt^Jörg", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Иванов^Пётр", "李^王"),
    *("Παπαδοπούλου^Ελένη", "अनीता^शर्मा", "image^header", "CT^Lo", "Nguyễn^Văn An"),
]


@pytest.fixture(scope="module")
def quoted():
    table = {
        "PatientName": NAMES,
        "PatientID": [f"TCGA-17-Z{number:03}" for number in range(len(NAMES))],
        "Modality": "CT",
        "StudyDate": "19610203",
        "StudyDescription": "JPEG-LS axial volume, seen by Quenby",
    }
    return QuotedText(pd.DataFrame(table, index=map(str, range(len(NAMES)))), "a key")


@pytest.mark.parametrize(
    "word",
    [
        *("White", "WHITE", "Field", "SLICE", "Slice", "Position", "Baker", "baker", "Li", "LI"),
        *("Ng", "Jo", "JO", "O'Brien", "o'brien", "Seán", "SEÁN", "Berg", "image", "Header"),
        *("Müller-Lüdenscheidt", "müller", "LÜDENSCHEIDT", "Jörg"),
        *("Yamada", "山田", "太郎", "やまだ"),
        *("Иванов", "ИВАНОВ", "пётр", "Παπαδοπούλου", "ελένη", "李", "王", "अनीता", "शर्मा"),
        *("Nguyễn", "nguyễn", "Văn", "An", "19610203", "TCGA-17-Z003", "Z003", "Quenby"),
    ],
)
def test_names_are_found_however_a_text_has_them(quoted, word):
    texts = [
        word,
        f"of {word}, aged 40",
        f"({word})",
        f"a_{word}_1.dcm",
        f"{word}'s",
        f"x-{word}^y",
    ]
    texts += [normalize("NFD", f"of {word}.")]
    for text in texts:
        assert word not in normalize("NFC", quoted.clean(text)), text
        assert "hidden-" in quoted.clean(text)
    escaped = [json.dumps(word)[1:-1], word.encode("ascii", "backslashreplace").decode()]
    escaped.append(word.encode("ascii", "xmlcharrefreplace").decode())
    assert all(one not in quoted.clean(f"of {one}.") for one in escaped)


def test_names_without_spaces_around_them_are_found(quoted):
    assert "山田" not in quoted.clean("患者は山田太郎さん") and "王" not in quoted.clean("王先生")


def test_names_of_elements_and_uids_stay_where_they_stand_as_such(quoted):
    names = [name for _, _, name, *_ in DicomDictionary.values()]
    names += [name for name, *_ in UID_dictionary.values()]
    several = [name for name in names if " " in name]
    assert len(several) > 4000
    assert [name for name in several if quoted.clean(f"0 ({name}): 1") != f"0 ({name}): 1"] == []
    words = [word for *_, word in DicomDictionary.values()] + list(UID_dictionary)
    assert [word for word in words if quoted.clean(word) != word] == []


@pytest.mark.parametrize(
    "text",
    [
        "1.2.840.10008.1.2.4.80 JPEG-LS Lossless Image Compression, JPEG-LS lossless, axial",
        "slice position_mm, white on black, of van de, an, li, CT, LO, [0.5, 1.25], -1024, 2 × 3",
        "hidden-0123456789ab",
    ],
)
def test_what_no_header_says_stays(quoted, text):
    assert quoted.clean(text) == text


def test_a_modality_that_the_collection_has_not_is_a_name():
    table = pd.DataFrame({"PatientName": ["Ko^Pa"], "Modality": "CT"}, index=["1"])
    assert {"KO", "PA", "CT"} <= set(MODALITIES.split())
    clean = QuotedText(table, "a key").clean
    assert "KO" not in clean("KO") and clean("CT") == "CT"
    assert QuotedText(table.assign(Modality="KO"), "a key").clean("KO") == "KO"


def test_many_files_take_no_long():
    count = 20_000
    table = pd.DataFrame(
        {
            "SOPInstanceUID": [f"1.2.3.4.{n}" for n in range(count)],
            "PatientName": [f"Name{n}^Of the image" for n in range(count)],
            "ImageComments": [f"comment {n} of many" for n in range(count)],
        }
    )
    start = time.process_time()
    quoted = QuotedText(table, "a key")
    assert "19999" not in quoted.clean("Name19999, 1.2.3.4.19999")
    quoted.clean("Image Position (Patient) of the image in the header\n" * 2000)
    assert time.process_time() - start < 20, "30 s where each text meets each value"
