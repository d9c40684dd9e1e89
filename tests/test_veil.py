"""What could identify a person is left out of what is read, and of the report, on request."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pydicom
import pytest
from pydicom.uid import generate_uid

from helpers.frames import frame_table
from helpers.headers import diff_headers, header_of, header_table
from helpers.identity import VARIABLE, identifies, stand_in
from helpers.privacy import identifying_values
from helpers.stacks import stack_table
from helpers.veil import veiled
from helpers.volume import load_slice

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
NESTED = {"RequestedProcedureDescription": "Doe family screening", "RequestedProcedureID": "RPID4711"}
PRIVATE = "told by Jane's sister Quincy"


@pytest.fixture(scope="module")
def secret(real, tmp_path_factory):
    """A folder of a patient whose header, private elements, folders and file names all tell who it is; and what they tell."""
    folder = tmp_path_factory.mktemp("shelf") / "Doe_Jane"
    (folder / "MRN-0012345").mkdir(parents=True)
    told = {*NESTED.values(), PRIVATE, "Quenby", "Auschlander^Daniel"}
    for number, path in enumerate(sorted((real / CHEST).iterdir())[:12]):
        dataset = pydicom.dcmread(path)
        for keyword, value in SECRETS.items():
            setattr(dataset, keyword, value)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(number)])
        item = pydicom.Dataset()
        for keyword, value in NESTED.items():
            setattr(item, keyword, value)
        dataset.RequestAttributesSequence = [item]
        dataset.private_block(0x0011, "ELSEWHERE", create=True).add_new(1, "LO", PRIVATE)
        names = [f"{dataset.SOPInstanceUID}.dcm", f"Doe_{number}.dcm", f"CT.20170915.{number}"]
        dataset.save_as(folder / "MRN-0012345" / names[number % 3])
        told.add(str(dataset.SOPInstanceUID))
    (folder / "notes.txt").write_text("no image, and yet a row")
    return folder, told | identifying_values(header_table(folder, private=True, progress=False))


@pytest.fixture
def hidden(monkeypatch):
    monkeypatch.setenv(VARIABLE, "a key")


def test_stand_ins_are_the_same_for_the_same_and_hold_nothing(hidden, monkeypatch):
    assert stand_in("Doe^Jane") == stand_in("Doe^Jane") != stand_in("Doe^John")
    assert pydicom.uid.UID(stand_in("1.2.840.1.5")).is_valid
    before = stand_in("Doe^Jane")
    monkeypatch.setenv(VARIABLE, "another key")
    assert stand_in("Doe^Jane") != before


def test_what_identifies(hidden):
    assert all(map(identifies, ["PatientName", "SOPInstanceUID", "StudyDate", "ConsultingPhysicianName", "(0011,ELSEWHERE,01)"]))
    assert not any(map(identifies, ["Rows", "Modality", "SOPClassUID", "TransferSyntaxUID", "error", "file_size", "frame"]))


def test_the_header_table_keeps_what_is_told_apart(secret, monkeypatch):
    open_ = header_table(secret[0], private=True, progress=False)
    monkeypatch.setenv(VARIABLE, "a key")
    closed = header_table(secret[0], private=True, progress=False)
    assert closed.shape == open_.shape and closed.columns.equals(open_.columns) and closed.index.equals(open_.index)
    for column in open_:
        assert (closed[column].nunique(dropna=False), closed[column].isna().sum()) == (
            open_[column].nunique(dropna=False),
            open_[column].isna().sum(),
        )
    assert not secret[1] & {str(value) for column in closed for value in closed[column]} - {"1", "2", "3", "0"}
    assert len(stack_table(closed)) == len(stack_table(open_))
    assert frame_table(closed)["PatientID"].equals(closed["PatientID"])


def test_one_header_shows_no_value_that_tells(secret, hidden):
    folder, told = secret
    files = header_table(folder, progress=False).query("error.isna()").index
    header = header_of(files[0])
    assert not [value for value in told for shown in header["value"] if len(value) > 3 and value in shown]
    assert header.set_index("keyword").loc["Modality", "value"] == "CT"
    differing = diff_headers(files)
    shown = {str(value) for column in differing for value in differing[column]}
    assert not told & shown and "hidden" in "".join(shown)
    assert load_slice(files[0]).caption["patient"] == stand_in("MRN-0012345")


def test_links_stand_for_the_files(secret):
    folder, told = secret
    headers = header_table(folder, progress=False)
    with veiled(folder, headers) as veil:
        assert not [value for value in told for name in map(str, veil.names["shown"]) if len(value) > 3 and value in name]
        assert not [name for name in veil.names["shown"] if "doe" in name.casefold() or "20170915" in name]
        assert veil.names["path"].tolist() == headers.index.tolist() and veil.names["shown"].is_unique
        again = header_table(veil.root, progress=False)
        assert len(again) == len(headers) and veil.root.name == stand_in("Doe_Jane")
        assert sorted(again["file_size"]) == sorted(headers["file_size"])
        place = again["PatientID"].dropna().unique()
        assert (veil.root / place[0]).is_dir(), "a folder called like the patient still is"
        assert (
            veil.cleaned("of Doe^Jane Quenby, CT, 1.2.840.10008.1.2.1")
            == f"of {stand_in('Doe^Jane Quenby')}, CT, 1.2.840.10008.1.2.1"
        )
    assert not veil.root.exists() and header_table(folder, progress=False)["PatientID"].iloc[0] == "MRN-0012345"


@pytest.mark.parametrize("identity", [False, True], ids=["left out", "shown"])
def test_the_report_holds_none_of_it(secret, identity, tmp_path):
    folder, told = secret
    pages = tmp_path / "pages"
    pages.mkdir()
    for page in sorted(PAGES.glob("0[1-6]*.ipynb")):
        shutil.copy(page, pages)
    command = [sys.executable, "-m", "helpers.site", str(folder), "--pages", str(pages), "--site", str(tmp_path / "site")]
    run = subprocess.run([*command, *["--identity"] * identity], capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr
    written = {page.name: page.read_bytes() for page in (tmp_path / "site").iterdir()}
    assert len(written) == 7
    found = {value for value in told for page in written.values() if len(value) > 3 and value.encode() in page}
    if identity:
        assert {"MRN-0012345", "Doe^Jane Quenby"} <= found, "or this test could not fail"
    else:
        assert found <= {"CHEST"} and b"Doe_Jane" not in b"".join(written.values())
        names = pd.read_csv(tmp_path / "site-names.csv")
        assert len(names) == 13 and str(folder) in names["path"].iloc[0]
