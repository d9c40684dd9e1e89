"""One header, element by element; and what differs between headers."""

import pandas as pd
import pydicom
import pytest

from helpers import diff_headers, header_of
from helpers.headers.dump import HeaderError

CHEST = "series/chest-ct-8mm-siemens"


def test_one_header_shown_and_searched(real):
    header = header_of(real / CHEST / "1-01.dcm")
    assert header.columns.tolist() == ["tag", "VR", "VM", "keyword", "name", "value"]
    orientation = header_of(real / CHEST / "1-01.dcm", search="orientation (pat")
    assert orientation[["tag", "VR", "VM", "value"]].to_numpy().tolist() == [
        ["(0020,0037)", "DS", 6, "1\\0\\0\\0\\1\\0"]
    ]
    assert header_of(real / CHEST / "1-01.dcm", search="no such text").empty


@pytest.mark.parametrize(
    "search",
    ["(0020,0032)", "00200032", "imagepositionPATIENT", "Image Position (Patient)", "-294.17"],
)
def test_found_by_tag_keyword_meaning_and_value(real, search):
    assert (
        "ImagePositionPatient"
        in header_of(real / CHEST / "1-01.dcm", search=search)["keyword"].tolist()
    )


def test_found_by_vr_and_by_the_name_of_an_identifier(real):
    header = header_of(real / CHEST / "1-01.dcm")
    assert set(header_of(real / CHEST / "1-01.dcm", search="DS")["keyword"]) >= set(
        header.loc[header["VR"] == "DS", "keyword"]
    )
    assert (
        "SOPClassUID"
        in header_of(real / CHEST / "1-01.dcm", search="CT Image Storage")["keyword"].tolist()
    )


def test_items_of_sequences_are_indented_below_them(real):
    header = header_of(real / "odd/pydicom/nested_priv_SQ.dcm")
    depths = header["tag"].str.count("> ").tolist()
    assert depths[-4:] == [0, 1, 2, 1]
    found = header_of(
        real / "odd/pydicom/nested_priv_SQ.dcm", search=header["tag"].iloc[-2].removeprefix("> > ")
    )
    assert found["tag"].str.count("> ").tolist()[-3:] == [0, 1, 2], (
        "what a match stands in is shown too"
    )


def test_private_elements_name_their_creator(real):
    path = sorted((real / "series/mr-sagittal-hfdl").iterdir())[0]
    header = header_of(path, search="SIEMENS MR HEADER: ")
    assert len(header) > 3 and header["tag"].str.match(r"\((0019|0051),").all()
    assert header_of(path, search="(0051,100E)")["name"].iloc[0].startswith("SIEMENS MR HEADER: ")


def test_no_header_to_show_is_one_clear_line(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(
        HeaderError, match=r"expected a DICOM header in .*notes.txt, got: not DICOM"
    ):
        header_of(tmp_path / "notes.txt")
    with pytest.raises(HeaderError, match="expected two files, or the files of a stack, got one"):
        diff_headers(tmp_path / "notes.txt")


def test_every_readable_file_has_a_tree(real, real_headers):
    for path in real_headers.index[real_headers["error"].isna()][::3]:
        assert len(header_of(path)) > 0


@pytest.fixture
def three(phantom, tmp_path):
    """Three files that differ in what the test planted, and nothing else."""
    for number in (1, 2, 3):
        dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
        dataset.InstanceNumber = number
        item, inner = pydicom.Dataset(), pydicom.Dataset()
        inner.CodeValue = "same" if number < 3 else "other"
        item.PurposeOfReferenceCodeSequence = [inner]
        dataset.SourceImageSequence = [pydicom.Dataset(), item]
        dataset.private_block(0x0009, "MAKER", create=True).add_new(
            1, "OB", bytes([number // 2, 0])
        )
        if number == 2:
            dataset.PatientComments = "only here"
        dataset.save_as(tmp_path / f"{number}.dcm")
    return [tmp_path / f"{number}.dcm" for number in (1, 2, 3)]


def test_what_differs_between_two_files(three):
    found = diff_headers(three[0], three[2]).set_index("tag")
    assert found.loc["(0020,0013)", ["a", "b"]].tolist() == ["1", "3"]
    assert found.loc[
        "(0008,2112)[2] (0040,A170)[1] (0008,0100)", ["keyword", "a", "b"]
    ].tolist() == [
        "CodeValue",
        "same",
        "other",
    ]
    assert found.loc["(0009,1001)", "name"].startswith("MAKER: ") and found.loc[
        "(0009,1001)", "a"
    ].startswith("2 bytes, checksum")
    assert len(found) == 3
    lacking = diff_headers(three[0], three[1]).set_index("keyword")
    assert lacking.loc["PatientComments", ["a", "b"]].tolist() == [None, "only here"]
    assert diff_headers(three[0], three[0]).empty


def test_what_changes_along_a_stack(three):
    found = diff_headers(three).set_index("keyword")
    assert found.loc[
        "InstanceNumber", ["files", "distinct", "changes", "first", "last"]
    ].tolist() == [3, 3, 2, "1", "3"]
    assert found.loc[
        "PatientComments", ["files", "distinct", "changes", "first", "last"]
    ].tolist() == [1, 2, 2, None, None]
    assert found.loc["CodeValue", ["distinct", "changes"]].tolist() == [2, 1]
    assert diff_headers(three[:1]).empty


def test_the_rows_of_a_stack_are_its_files_each_once(phantom_slices):
    patients = phantom_slices["PatientID"]
    single = phantom_slices[patients == "P02-interspaced"].droplevel(["SeriesInstanceUID", "stack"])
    files = single.index.get_level_values("path").tolist()
    pd.testing.assert_frame_equal(diff_headers(single), diff_headers(files))
    assert "ImagePositionPatient" in diff_headers(single)["keyword"].tolist()
    frames = phantom_slices[patients == "P42-one-file"].droplevel(["SeriesInstanceUID", "stack"])
    assert len(frames) > 1 and diff_headers(frames).empty, "one file does not differ from itself"


def test_real_neighbours_differ_in_place_and_number(real):
    files = sorted((real / CHEST).iterdir())
    assert {"ImagePositionPatient", "InstanceNumber", "SOPInstanceUID"} <= set(
        diff_headers(*files[:2])["keyword"]
    )
    assert {"ImagePositionPatient", "InstanceNumber", "SOPInstanceUID"} <= set(
        diff_headers(files)["keyword"]
    )
