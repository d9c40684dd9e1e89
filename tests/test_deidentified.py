"""What could identify a person is left out of tables, and of a report, on request."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pydicom
import pytest
from pydicom.uid import UID, CTImageStorage, JPEGLSLossless, RLELossless, generate_uid

from helpers import (
    audit,
    collection_root,
    deidentify,
    diff_headers,
    header_of,
    header_table,
    load_slice,
    slice_table,
    stack_table,
)
from helpers.errors import WrongTypeError
from helpers.files.listing import FolderError
from helpers.privacy.identifying import identifies, identifying_values
from helpers.privacy.pseudonyms import (
    VARIABLE,
    deidentified,
    deidentified_table,
    is_pseudonym,
    pseudonym,
)
from helpers.report.cleaned import clean_html
from helpers.report.deidentified import DeidentifiedCollection, _new_names

PAGES = Path(__file__).parents[1] / "notebooks"
CHEST = "series/chest-ct-8mm-siemens"
SECRETS = {
    "PatientName": "Doe^Jane Quenby",
    "PatientID": "MRN-0012345",
    "PatientBirthDate": "19610203",
    "PatientAddress": "12 Elm Street, Springfield",
    "InstitutionName": "St. Elsewhere",
    "ReferringPhysicianName": "Craig^Mark",
    "OperatorsName": ["Auschlander^Daniel", "Westphall^Donald"],
    "AccessionNumber": "ACC778899",
    "StudyDate": "20170915",
    "StudyDescription": "Follow-up of Jane",
    "PatientComments": "Lives beside the Springfield mill",
    "StudyID": "S7",
}
NESTED = {
    "RequestedProcedureDescription": "Doe family screening",
    "RequestedProcedureID": "RPID4711",
}
PRIVATE = "told by Jane's sister Quincy"


@pytest.fixture(scope="module")
def secret(real, tmp_path_factory):
    """A folder of files that identify a patient in every way, and the values that do."""
    folder = tmp_path_factory.mktemp("shelf") / "Doe_Jane"
    (folder / "MRN-0012345").mkdir(parents=True)
    told = {*NESTED.values(), PRIVATE, "Quenby", "Auschlander^Daniel"}
    for number, path in enumerate(sorted((real / CHEST).iterdir())[:12]):
        dataset = pydicom.dcmread(path)
        for keyword, value in SECRETS.items():
            setattr(dataset, keyword, value)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=[str(number)]
        )
        item = pydicom.Dataset()
        for keyword, value in NESTED.items():
            setattr(item, keyword, value)
        dataset.RequestAttributesSequence = [item]
        dataset.private_block(0x0011, "ELSEWHERE", create=True).add_new(1, "LO", PRIVATE)
        names = [f"{dataset.SOPInstanceUID}.dcm", f"Doe_{number}.dcm", f"CT.20170915.{number}"]
        dataset.save_as(folder / "MRN-0012345" / names[number % 3])
        told.add(str(dataset.SOPInstanceUID))
    (folder / "notes.txt").write_text("no image, and yet a row", encoding="utf-8")
    return folder, told | identifying_values(header_table(folder, private=True, progress=False))


@pytest.fixture
def hidden(monkeypatch):
    monkeypatch.setenv(VARIABLE, "a key")


def test_stand_ins_are_the_same_for_the_same_and_hold_nothing(hidden, monkeypatch):
    assert pseudonym("Doe^Jane") == pseudonym("Doe^Jane") != pseudonym("Doe^John")
    assert pydicom.uid.UID(pseudonym("1.2.840.1.5")).is_valid
    before = pseudonym("Doe^Jane")
    monkeypatch.setenv(VARIABLE, "another key")
    assert pseudonym("Doe^Jane") != before


def test_pseudonyms_are_told_from_all_else(hidden):
    made = [pseudonym("Doe^Jane"), pseudonym("1.2.840.1.5"), pseudonym("2.25.17.4.1")]
    assert all(map(is_pseudonym, made))
    others = ["Doe^Jane", "hidden-", "2.25.1", "2.25.", "2.25." + "9" * 39, "", None, 7]
    assert not any(map(is_pseudonym, others))


def test_other_tables_have_the_same_pseudonyms(phantom):
    headers = header_table(phantom / "P01-reference", progress=False)
    stacks = stack_table(slice_table(headers))
    before, after = (
        deidentify(stacks, secret="a key"),
        stack_table(slice_table(deidentify(headers, secret="a key"))),
    )
    pd.testing.assert_index_equal(before.index, after.index)
    assert before["PatientID"].tolist() == after["PatientID"].tolist()
    once, again = deidentify(headers), deidentify(headers)
    assert once.equals(again) and not once.equals(deidentify(headers, secret="a key"))


@pytest.mark.parametrize(
    ("table", "secret"), [("folder", "a key"), (pd.DataFrame(), ""), (pd.DataFrame(), 7)]
)
def test_what_is_no_table_or_no_secret_is_refused(table, secret):
    with pytest.raises(WrongTypeError, match="expected a"):
        deidentify(table, secret=secret)


def test_what_identifies(hidden):
    assert all(
        map(
            identifies,
            [
                "PatientName",
                "SOPInstanceUID",
                "StudyDate",
                "ConsultingPhysicianName",
                "(0011,ELSEWHERE,01)",
            ],
        )
    )
    assert not any(
        map(
            identifies,
            ["Rows", "Modality", "SOPClassUID", "TransferSyntaxUID", "error", "file_size", "frame"],
        )
    )


def test_the_table_keeps_what_is_told_apart(secret):
    open_ = header_table(secret[0], private=True, progress=False)
    closed = deidentify(open_, secret="a key")
    pd.testing.assert_frame_equal(deidentify(closed, secret="another key"), closed)
    assert not closed.equals(deidentify(open_, secret="another key"))
    assert (
        closed.shape == open_.shape
        and closed.columns.equals(open_.columns)
        and closed.index.equals(open_.index)
    )
    for column in open_:
        assert (closed[column].nunique(dropna=False), closed[column].isna().sum()) == (
            open_[column].nunique(dropna=False),
            open_[column].isna().sum(),
        )
    assert not secret[1] & {str(value) for column in closed for value in closed[column]} - {
        "1",
        "2",
        "3",
        "0",
    }
    slices = slice_table(closed)
    assert len(stack_table(slices)) == len(stack_table(slice_table(open_)))
    of_files = closed["PatientID"].loc[slices.index.get_level_values("path")]
    assert slices["PatientID"].tolist() == of_files.tolist()


def test_one_header_shows_no_value_that_tells(secret, hidden):
    folder, told = secret
    files = header_table(folder, progress=False).query("error.isna()").index
    header = header_of(files[0])
    assert not [
        value for value in told for shown in header["value"] if len(value) > 3 and value in shown
    ]
    assert header.set_index("keyword").loc["Modality", "value"] == "CT"
    differing = diff_headers(files)
    shown = {str(value) for column in differing for value in differing[column]}
    assert not told & shown and "hidden" in "".join(shown)
    assert load_slice(files[0]).caption["patient"] == pseudonym("MRN-0012345")


@pytest.fixture
def links(secret, tmp_path):
    """The links to the folder's files."""
    folder = secret[0]
    headers = header_table(folder, progress=False)
    return headers, DeidentifiedCollection(folder, headers, tmp_path, "a key")


def test_links_stand_for_the_files(links, tmp_path, monkeypatch):
    headers, collection = links
    patient = pseudonym("MRN-0012345", "a key")
    assert collection.names["path"].tolist() == headers.index.tolist()
    assert {name.rpartition("/")[0] for name in collection.names["shown"]} == {
        f"folder-001/{patient}",
        "folder-002",
    }
    assert collection.root.is_relative_to(tmp_path) and VARIABLE not in os.environ
    for name, value in collection.environment.items():
        monkeypatch.setenv(name, value)
    again = deidentify(header_table(collection_root(), progress=False))
    assert again["PatientID"].dropna().unique().tolist() == [patient], (
        "a folder called like the patient still is"
    )
    assert list(map(os.path.realpath, again.index)) == list(map(os.path.realpath, headers.index))


@pytest.mark.parametrize("refused", [(), ("symlink",), ("symlink", "link")])
def test_a_system_without_links_gets_hard_links_or_copies(secret, tmp_path, monkeypatch, refused):
    def refuse(*arguments):
        raise OSError(1314, "a required privilege is not held by the client")

    for name in refused:
        monkeypatch.setattr(os, name, refuse)
    folder = secret[0]
    headers = header_table(folder, progress=False)
    collection = DeidentifiedCollection(folder, headers, tmp_path, "a key")
    for shown, path in collection.names.itertuples(index=False):
        made = collection.root / shown
        assert made.read_bytes() == Path(path).read_bytes()
        assert made.is_symlink() == (not refused)
        assert made.samefile(path) == (refused != ("symlink", "link"))


def test_a_link_gets_a_hard_link_to_its_file(secret, tmp_path, monkeypatch):
    file = header_table(secret[0], progress=False).index[0]
    link = tmp_path / "link.dcm"
    link.symlink_to(file)
    monkeypatch.setattr(os, "symlink", lambda *_: (_ for _ in ()).throw(OSError("none")))
    headers = header_table([link], progress=False)
    collection = DeidentifiedCollection(tmp_path, headers, tmp_path / "new", "a key")
    (made,) = [path for path in collection.root.rglob("*") if path.is_file()]
    assert not made.is_symlink() and made.samefile(file)


def test_where_nothing_can_be_made_one_line_says_so(secret, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(28, "No space left on device")

    for place, name in ((os, "symlink"), (os, "link"), (shutil, "copyfileobj")):
        monkeypatch.setattr(place, name, refuse)
    headers = header_table(secret[0], progress=False)
    with pytest.raises(FolderError, match=r"expected to make a link .* No space left .* TMPDIR"):
        DeidentifiedCollection(secret[0], headers, tmp_path, "a key")


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        (["doe-1.dcm", "doe-2.ima", "doe-3.DCM"], ["0001.dcm", "0002.ima", "0003.dcm"]),
        (["19610203.dcm", "Doe"], ["0001.dcm", "0002"]),
        (["M\udcfcller.dcm"], ["0001.dcm"]),
    ],
)
def test_names_are_numbers_in_the_order_that_they_had(files, shown):
    names = [f"folder-001/{name}" for name in shown]
    assert _new_names([f"shelf/Li Wu/{file}" for file in files], {"A7"}, "a key") == names
    names = [f"folder-001/{pseudonym('A7', 'a key')}/{name}" for name in shown]
    assert _new_names([f"A7/{file}" for file in files], {"A7"}, "a key") == names


def test_what_a_page_quotes_all_the_same(links):
    clean, root = links[1].clean, links[1].root
    name, identity = pseudonym("Quenby", "a key"), pseudonym("MRN-0012345", "a key")
    assert (
        clean("of Quenby, id MRN-0012345, 512 × 512, -1024")
        == f"of {name}, id {identity}, 512 × 512, -1024"
    )
    assert (
        clean_html('<a title="x">QUENBY &amp; Co</a> <b>CT</b>', clean)
        == f'<a title="x">{pseudonym("QUENBY", "a key")} &amp; Co</a> <b>CT</b>'
    )
    assert clean("1.2.840.10008.1.2.1 CHEST, Slice") == "1.2.840.10008.1.2.1 CHEST, Slice"
    assert clean(f"{root}/folder-001/1.dcm") == "collection/folder-001/1.dcm"


def test_terms_of_the_standard_stay_whatever_a_description_says(tmp_path):
    """Names of UIDs and of elements, and keywords, as pydicom has them."""
    names = [UID(uid).name for uid in (JPEGLSLossless, RLELossless, CTImageStorage)]
    names += ["JPEG-LS lossless", "RLE", "Window Center", "PhotometricInterpretation"]
    headers = pd.DataFrame(
        {
            "DerivationDescription": [*names, "seen by Quenby, 12 Elm Street"],
            "PatientID": "MRN-0012345",
        },
        index=[str(tmp_path / f"{number}.dcm") for number in range(len(names) + 1)],
    )
    clean = DeidentifiedCollection(tmp_path, headers, tmp_path / "links", "a key").clean
    assert [clean(name) for name in names] == names
    assert not re.search("Quenby|Street|MRN", clean("Quenby of Elm Street, MRN-0012345"))


def test_real_transfer_syntaxes_keep_their_names(real, tmp_path):
    folder = real / "series/one-slice-7-transfer-syntaxes"
    headers = header_table(folder, progress=False)
    clean = DeidentifiedCollection(folder, headers, tmp_path, "a key").clean
    names = {UID(uid).name for uid in headers["TransferSyntaxUID"].dropna()}
    assert len(names) == 7 and all(clean(name) == name for name in names)


def test_a_value_that_is_none_of_its_kind_is_hidden(hidden):
    assert deidentified("SOPClassUID", "Quenby^Jane") == pseudonym("Quenby^Jane")
    assert deidentified("PixelSpacing", ("Quenby", 0.5)) == pseudonym(("Quenby", 0.5))
    assert (
        deidentified("PixelSpacing", (0.5, 0.5)) == (0.5, 0.5)
        and deidentified("SOPClassUID", "1.2.3") == "1.2.3"
    )
    errors = pd.DataFrame(
        {"error": ["ValueError: invalid value 'Quenby' for VR DS", None]}, dtype=object
    )
    assert deidentified_table(errors)["error"].tolist() == [
        "ValueError: invalid value '…' for VR DS",
        None,
    ]


def test_pseudonyms_change_no_result(real, tmp_path, monkeypatch):
    folder = real / "series"
    headers = header_table(folder, progress=False)
    slices = slice_table(headers)
    stacks, findings = stack_table(slices), audit(headers, slices)
    collection = DeidentifiedCollection(folder, headers, tmp_path, "a key")
    monkeypatch.setenv(VARIABLE, "a key")
    others = deidentify(header_table(collection.root, progress=False))
    other_slices = slice_table(others)
    other_stacks, other_findings = stack_table(other_slices), audit(others, other_slices)
    for one, other in zip(stacks.index, other_stacks.index, strict=True):
        files = [
            list(map(os.path.realpath, table.loc[stack].index.get_level_values("path")))
            for table, stack in ((slices, one), (other_slices, other))
        ]
        assert files[0] == files[1]
    same = ["positions", "plane", "spacing_mm", "order_grade"]
    pd.testing.assert_frame_equal(
        stacks[same].reset_index(drop=True), other_stacks[same].reset_index(drop=True)
    )
    assert findings["rule"].tolist() == other_findings["rule"].tolist()


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(False, id="shown", marks=pytest.mark.second_look),
        pytest.param(True, id="left out"),
    ],
)
def test_the_report_shows_or_leaves_out_and_says_which(secret, hidden, tmp_path):
    folder, told = secret
    (folder.parent / "patients.csv").write_text("ID,Age\nMRN-0012345,56\n", encoding="utf-8")
    pages, site = tmp_path / "pages", tmp_path / "site"
    pages.mkdir()
    for page in sorted(PAGES.glob("0[0-6]*.ipynb")):
        shutil.copy(page, pages)
    command = [sys.executable, "-m", "helpers.site", folder, "--pages", pages, "--site", site]
    command += ["--deidentify"] * hidden
    run = subprocess.run(
        list(map(str, command)), capture_output=True, encoding="utf-8", timeout=600, check=False
    )
    assert run.returncode == 0, run.stderr
    written = {page.name: page.read_text(encoding="utf-8") for page in site.glob("*.html")}
    assert len(written) == 8
    (identity,) = re.findall(r"<dt>identity</dt><dd>(.*?)</dd>", written["index.html"])
    assert re.match(r"\d+ elements with values that could identify a person; they are", identity)
    assert ("left out" if hidden else "they are in this report; make one to hand on") in identity
    assert ("DEIDENTIFY=1" in identity and "--deidentify" in identity) != hidden
    found = {
        value for value in told for page in written.values() if len(value) > 3 and value in page
    }
    if hidden:
        assert found <= {"CHEST"}
        texts = re.sub(r"[A-Za-z0-9+/=]{40,}", "", "".join(written.values()))  # no base64
        assert not re.search(r"\bdoe\b|quenby", texts, re.I)
        names = pd.read_csv(tmp_path / "site-names.csv", encoding="utf-8")
        assert len(names) == 13 and str(folder) in names["path"].iloc[0]
    else:
        assert {"MRN-0012345", "Doe^Jane Quenby"} <= found, "or this test could not fail"
        assert str(folder) in written["01_tags.html"]
        assert "patients.csv, column ID: 1 of 1 patients" in written["02_headers.html"]
        assert not (tmp_path / "site-names.csv").exists()
