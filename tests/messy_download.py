"""A download as they come: patients from a CD, from hospitals abroad and twice, among other files.

Everything in it is real: scans of the phantom, files that pydicom ships, a DICOMDIR that pydicom
writes, archives, pictures and documents that libraries make. What is there stands in `MESSY`.
"""

import gzip
import io
import json
import shutil
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.fileset import FileSet
from pydicom.uid import (
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    generate_uid,
)

from helpers.phantom.encoding import data_set, encoded
from helpers.phantom.scans import GE, Scan
from helpers.phantom.writing import write_phantom

ON_CD = Scan("CD-0001", 24, 8.0, 4.0, GE, matrix=128)
FROM_ABROAD = {  # folder → its scan
    "日本語/山田^太郎 検査 1": Scan("JP 0002", 12, 10.0, 5.0, matrix=64),
    "Zoë Müller 🩻/CT Thorax (2)": Scan("DE-0003", 12, 10.0, 5.0, matrix=64),
    "أشعة/مريض 4": Scan("EG-0004", 12, 10.0, 5.0, matrix=64),
}
APPLE_DOUBLE = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ".ljust(4096, b"\0")
WINDOWS_PROGRAM = (
    b"MZ\x90\0".ljust(60, b"\0") + b"\x80\0\0\0".ljust(68, b"\0") + b"PE\0\0".ljust(384)
)
ENDINGS = (".dcm", ".DCM", ".ima", ".IMA", "")  # of the files from abroad, in turn
DOCUMENTS = {  # name → what pydicom ships that is copied there
    "report 1.dcm": "reportsi.dcm",
    "report 2.dcm": "test-SR.dcm",
    "ecg.dcm": "waveform_ecg.dcm",
    "plan.dcm": "rtplan.dcm",
    "structures.dcm": "rtstruct.dcm",
}
# kind (`helpers.contents_table`) → how many files there are, the second copy of the CD included
MESSY = {
    "CT Image": 2 * 24 + 3 * 12 + 3 + 3,  # those of two archives
    "DICOMDIR": 2,
    "Basic Text SR document": 1,
    "Comprehensive SR document": 1,
    "12-lead ECG Waveform": 1,
    "RT Plan": 1,
    "RT Structure Set": 1,
    "Encapsulated PDF": 1,
    "Grayscale Softcopy Presentation State": 1,
    "Key Object Selection Document": 1,
    "gzip-compressed DICOM file": 1,
    "PDF document": 1,
    "JPEG picture": 1,
    "PNG picture": 1,
    "TIFF picture": 1,
    "CSV table": 1,
    "JSON file": 1,
    "HTML page": 1,
    "text file": 2,
    "NPY array": 1,
    "SQLite database": 1,
    "Office document": 1,
    "Windows program": 1,
    "empty file": 1,
}
HIDDEN = 5  # files that list_files leaves out


def write_messy_download(folder):
    """Writes a download as they come into a folder, which is made; what is there is `MESSY`."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    scan = _written_scan(root / "phantom", ON_CD)
    _write_cd(root / "CD 1", scan)
    shutil.copytree(root / "CD 1", root / "CD 1 (copy)", ignore=shutil.ignore_patterns("V*", ".*"))
    _write_archives(root / "downloads", scan)
    for place, one in FROM_ABROAD.items():
        _write_with_endings(root / place, one)
    _write_documents(root / "documents", scan)
    _write_other_files(root)
    shutil.rmtree(root / "phantom")
    return root


def _written_scan(folder, scan):
    """The files of a scan, by Instance Number."""
    write_phantom(folder, scans=[scan])
    return [folder / scan.patient / f"{number + 1}.dcm" for number in range(scan.slices)]


def _write_cd(folder, scan):
    """A patient CD: DICOMDIR and files without ending; the viewer of the CD; a Mac looked at it."""
    files = FileSet()
    for path in scan:
        image = dcmread(path)
        image.StudyID = "1"  # a DICOMDIR has it (PS3.3 F.5.2)
        files.add(image)
    files.write(folder)
    files._stage["t"].cleanup()  # pydicom leaves its scratch folder to a warning
    _write(folder / "Viewer" / "viewer.exe", WINDOWS_PROGRAM)
    _write(folder / "Viewer" / "autorun.inf", b"[autorun]\r\nopen=viewer.exe\r\n")
    _write(folder / "._DICOMDIR", APPLE_DOUBLE)
    _write(folder / ".DS_Store", b"\0\0\0\1Bud1".ljust(6148, b"\0"))


def _write_with_endings(folder, scan):
    """A scan whose files are named as an export tool does, with one ending and another."""
    for number, path in enumerate(_written_scan(folder / "as written", scan)):
        name = f"画像 ({number + 1}){ENDINGS[number % len(ENDINGS)]}"
        path.rename(folder / name)
    shutil.rmtree(folder / "as written")
    _write(
        folder / "._画像 (1).dcm", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ".ljust(4096, b"\0")
    )


def _write_archives(folder, scan):
    """The scan again, as ZIP, tar and gzip."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "CT export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in scan[:3]:
            archive.write(path, f"CT/{path.name}")
    with tarfile.open(folder / "series.tar.gz", "w:gz") as archive:
        for path in scan[:3]:
            archive.add(path, f"series/{path.name}")
    _write(folder / "1.dcm.gz", gzip.compress(scan[0].read_bytes()))


def _write_documents(folder, scan):
    """What stands beside images: reports, a PDF, a presentation state, key images, plans."""
    folder.mkdir()
    for name, shipped in DOCUMENTS.items():
        shutil.copyfile(get_testdata_file(shipped), folder / name)
    image = dcmread(scan[10])
    for name, dataset in (
        ("letter.dcm", encapsulated_pdf(image)),
        ("state.dcm", presentation_state(image)),
        ("key images.dcm", key_objects(image)),
    ):
        _write(folder / name, encoded(dataset))


def encapsulated_pdf(image):
    """A PDF document of the patient of an image (PS3.3 A.45.1)."""
    content = pdf_document("Discharge letter")
    return _beside(
        image,
        EncapsulatedPDFStorage,
        Modality="DOC",
        ConversionType="WSD",
        BurnedInAnnotation="YES",
        DocumentTitle="Discharge letter",
        MIMETypeOfEncapsulatedDocument="application/pdf",
        ConceptNameCodeSequence=[],
        EncapsulatedDocument=content + bytes(len(content) % 2),
    )


def presentation_state(image):
    """A presentation state that shows one image (PS3.3 A.33.1)."""
    series = data_set(
        SeriesInstanceUID=image.SeriesInstanceUID, ReferencedImageSequence=[_reference(image)]
    )
    area = data_set(
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[image.Columns, image.Rows],
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelSpacing=image.PixelSpacing,
    )
    return _beside(
        image,
        GrayscaleSoftcopyPresentationStateStorage,
        Modality="PR",
        ContentLabel="FINDING",
        ContentDescription="",
        ContentCreatorName="",
        PresentationCreationDate="20200101",
        PresentationCreationTime="120000",
        ReferencedSeriesSequence=[series],
        DisplayedAreaSelectionSequence=[area],
        PresentationLUTShape="IDENTITY",
    )


def key_objects(image):
    """A key object selection that names one image (PS3.3 A.35.4)."""
    title = data_set(CodeValue="113000", CodingSchemeDesignator="DCM", CodeMeaning="Of Interest")
    named = data_set(
        RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[_reference(image)]
    )
    series = data_set(
        SeriesInstanceUID=image.SeriesInstanceUID, ReferencedSOPSequence=[_reference(image)]
    )
    study = data_set(StudyInstanceUID=image.StudyInstanceUID, ReferencedSeriesSequence=[series])
    return _beside(
        image,
        KeyObjectSelectionDocumentStorage,
        Modality="KO",
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[title],
        CurrentRequestedProcedureEvidenceSequence=[study],
        ContentSequence=[named],
    )


def pdf_document(text):
    """The bytes of a PDF document of one page."""
    figure, content = Figure((3, 2)), io.BytesIO()
    figure.text(0.1, 0.5, text)
    figure.savefig(content, format="pdf")
    return content.getvalue()


def _beside(image, sop_class, **elements):
    """A data set of a SOP class in the study of an image."""
    general = {
        name: image[name].value
        for name in (
            *("SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber"),
            *("ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate"),
            *("PatientSex", "StudyInstanceUID", "StudyID"),
        )
    }
    own = data_set(
        **general,
        SOPClassUID=sop_class,
        SOPInstanceUID=generate_uid(entropy_srcs=["messy", sop_class]),
        SeriesInstanceUID=generate_uid(entropy_srcs=["messy series", sop_class]),
        Manufacturer="",
        SeriesNumber=99,
        InstanceNumber=1,
        ContentDate="20200101",
        ContentTime="120000",
    )
    own.update(data_set(**elements))
    return own


def _reference(image) -> Dataset:
    return data_set(
        ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID
    )


def _write_other_files(root):
    """What is no DICOM: text, tables, pictures, a document, a database, arrays."""
    _write(root / "README.txt", "Chest CT of four patients.\nDo not redistribute – Zoë\n".encode())
    _write(root / "metadata.csv", b"PatientID,Age,Sex\nCD-0001,61,M\nJP 0002,58,F\n")
    _write(root / "manifest.json", json.dumps({"series": 4, "modality": "CT"}).encode())
    _write(root / "licence.html", b"<!DOCTYPE html>\n<html><body><h1>Licence</h1></body></html>\n")
    _write(root / "documents" / "letter.pdf", pdf_document("Discharge letter"))
    _write(root / "documents" / "nothing.dcm", b"")
    grey = Image.fromarray(np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8))
    for ending in ("png", "jpg", "tif"):
        grey.save(root / "documents" / f"page.{ending}")
    with zipfile.ZipFile(root / "documents" / "letter.docx", "w") as document:
        document.writestr("[Content_Types].xml", "<?xml version='1.0'?><Types/>")
        document.writestr("word/document.xml", "<?xml version='1.0'?><document/>")
    np.save(root / "downloads" / "mask.npy", np.zeros((4, 4), np.uint8))
    database = sqlite3.connect(root / "downloads" / "index.db")
    database.execute("create table files (name text)")
    database.commit()
    database.close()


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
