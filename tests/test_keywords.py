"""What a collection says of each keyword, against a table written by hand."""

import pandas as pd
import pytest
from pydicom.datadict import keyword_dict, repeater_has_keyword

from helpers import header_table, tag_summary
from helpers.headers.keywords import MODULES, KeywordError, dictionary_entries

TABLE = pd.DataFrame(
    {
        "PatientID": ["1", "1", "1", "1", "2", "2", None],
        "StudyInstanceUID": ["1.1", "1.1", "1.1", "1.2", "2.1", "2.1", None],
        "SeriesInstanceUID": ["a", "a", "b", "c", "d", "d", None],
        "Modality": ["CT", "CT", "CT", "MR", "MR", "MR", None],
        "InstanceNumber": [1, 2, 1, 1, 1, 2, None],
        "SeriesNumber": [1, 1, 2, 1, 1, 1, None],
        "StudyDate": ["x", "x", "x", "y", "x", "x", None],
        "PatientSex": ["M", "M", "M", "M", "F", "F", None],
        "PixelSpacing": [(1.0, 1.0)] * 6 + [None],
        "EchoTime": [None] * 7,
        "(0019,xx10) MAKER": ["p"] * 6 + [None],
        "error": [None] * 6 + ["not DICOM"],
    },
    dtype=object,
)


def test_where_values_vary():
    summary = tag_summary(TABLE)
    assert summary["varies"].to_dict() == {
        "PatientID": "between patients",
        "StudyInstanceUID": "between studies",
        "SeriesInstanceUID": "between series",
        "Modality": "between studies",
        "InstanceNumber": "within series",
        "SeriesNumber": "between series",
        "StudyDate": "between studies",
        "PatientSex": "between patients",
        "PixelSpacing": "constant",
        "EchoTime": "no value",
        "(0019,xx10) MAKER": "constant",
    }


def test_where_nothing_says_whose_a_file_is():
    assert tag_summary(pd.DataFrame({"Rows": [1, 2]}))["varies"].tolist() == ["between files"]
    assert tag_summary(TABLE.assign(PatientID=None))["varies"]["StudyDate"] == "between files"


def test_counts_examples_and_the_standards_words():
    summary = tag_summary(TABLE)
    assert summary.loc["PixelSpacing"].to_dict() == {
        "files": 6,
        "share": 6 / 7,
        "distinct": 1,
        "varies": "constant",
        "examples": "(1.0, 1.0)",
        "name": "Pixel Spacing",
        "VR": "DS",
        "VM": "2",
        "retired": False,
        "module": "Image Plane",
    }
    assert (
        summary.loc["StudyInstanceUID", "examples"] == "1.1, 1.2, 2.1"
        and summary.loc["InstanceNumber", "examples"] == "1, 2"
    )
    assert summary.loc["(0019,xx10) MAKER", ["name", "module"]].tolist() == ["private element", ""]
    assert summary.loc["EchoTime", "module"] == "MR Image"


def test_by_a_keyword():
    summary = tag_summary(TABLE, by="Modality")
    assert summary.index.names == ["Modality", "keyword"]
    assert summary.loc[("CT", "PatientID"), ["files", "distinct", "varies"]].tolist() == [
        3,
        1,
        "constant",
    ]
    assert summary.loc[("MR", "PatientID"), ["files", "distinct", "varies"]].tolist() == [
        3,
        2,
        "between patients",
    ]
    assert summary.loc[("no value", "PatientID"), "files"] == 0
    with pytest.raises(
        KeywordError, match="by: expected a column of the header table, got 'Modalities'"
    ):
        tag_summary(TABLE, by="Modalities")


def test_on_real_files_and_on_none(real_headers):
    summary = tag_summary(real_headers)
    assert (summary["files"] == real_headers[summary.index].notna().sum()).all()
    assert summary["retired"].sum() >= 3 and (summary["module"] != "").mean() > 0.5
    by_modality, ct = tag_summary(real_headers, by="Modality"), real_headers["Modality"] == "CT"
    count = real_headers.loc[ct, "RescaleIntercept"].notna().sum()
    assert by_modality.loc[("CT", "RescaleIntercept"), "files"] == count > 0
    assert len(tag_summary(header_table([]))) == 1
    assert (tag_summary(header_table([]).assign(Modality=None), by="Modality")["files"] == 0).all()


def test_the_table_of_modules_names_keywords_of_the_standard():
    table = pd.read_csv(MODULES)
    assert table["keyword"].is_unique and table["keyword"].is_monotonic_increasing
    assert all(
        keyword in keyword_dict or repeater_has_keyword(keyword) for keyword in table["keyword"]
    )
    assert set(table["keyword"]) <= set(dictionary_entries())
    known = table.set_index("keyword")["module"]
    expected = {  # PS3.3 C.7.1 to C.12.1
        "Patient": ["PatientID"],
        "Patient Study": ["PatientAge"],
        "General Study": ["StudyDate"],
        "General Series": ["Modality", "PatientPosition"],
        "General Equipment": ["Manufacturer", "PixelPaddingValue"],
        "General Image": ["ImageType"],
        "Image Plane": ["ImageOrientationPatient", "SliceThickness"],
        "Image Pixel": ["Rows", "PhotometricInterpretation"],
        "CT Image": ["KVP", "ConvolutionKernel"],
        "MR Image": ["EchoTime"],
        "PET Image": ["DecayFactor"],
        "Modality LUT": ["RescaleSlope"],
        "VOI LUT": ["WindowCenter"],
        "SOP Common": ["SOPClassUID"],
        "Frame of Reference": ["FrameOfReferenceUID"],
        "Overlay Plane": ["OverlayRows"],
        "Multi-frame Functional Groups": ["SharedFunctionalGroupsSequence"],
        "Content Identification": ["ConceptNameCodeSequence", "ContentLabel"],  # Table 10-12
    }
    for module, keywords in expected.items():
        assert set(known[keywords]) == {module}
