"""A collection in a few lines, and its pictures."""

import io
import re
from importlib.util import find_spec

import pandas as pd
import pytest
from PIL import Image

from helpers import audit, header_table
from helpers.report.summary import overview
from helpers.slices.images import NoImageError


def test_the_phantom_in_a_few_lines(phantom, phantom_headers, phantom_slices):
    facts = overview(phantom_headers).facts
    sizes = [path.stat().st_size for path in phantom.rglob("*") if path.is_file()]
    counts = f"{len(sizes)}, {sum(sizes) / 1e6:.1f} MB; 3 of {len(sizes)} cannot be read"
    assert facts["files"] == counts
    images = len(phantom_slices)
    series = phantom_slices.index.get_level_values("SeriesInstanceUID").nunique()
    assert facts["images"] == f"{images} in {series} series"
    counts = phantom_slices["Modality"].value_counts()
    assert facts["modalities"].startswith(f"CT {counts['CT']}, ") and counts.sum() == images
    assert facts["patients"] == str(len(list(phantom.iterdir())))
    assert re.fullmatch(
        r"\d+ \(volume \d+, segmentation 14, projection 7, picture 2, cine 2, mosaic 1\); "
        r"\d+ of \d+ lie on a regular grid, "
        r"\d\d of \d+ have a problem; "
        r"the largest has 96 positions; slices 3 to \d+ mm apart",
        facts["stacks"],
    )
    found = audit(phantom_headers, phantom_slices)
    severities = found["severity"].value_counts()
    assert facts["findings"].startswith(
        f"{severities['error']} errors, {severities['warning']} warnings, "
        f"{severities['note']} notes in the headers; most of interspaced "
        f"({(found['rule'] == 'interspaced').sum()})"
    )


def test_one_spacing_and_no_finding(real):
    facts = overview(header_table(real / "series/chest-ct-8mm-siemens", progress=False)).facts
    assert (
        facts["stacks"].endswith("the largest has 30 positions; slices 8 mm apart")
        and facts["findings"] == "none"
    )


def test_no_value_of_a_header_is_told(real_headers):
    told = " ".join(overview(real_headers).facts)
    texts = {
        str(value)
        for keyword in ("PatientID", "PatientName", "StudyDate")
        for value in real_headers[keyword].dropna()
    }
    assert not [text for text in texts if len(text) > 3 and text in told]


NEEDS_DECODERS = pytest.mark.skipif(
    find_spec("imagecodecs") is None, reason="Kaggle's image lacks the decoders"
)


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("series/chest-ct-8mm-siemens", ["axial", "coronal", "sagittal"]),
        ("series/ct-failing-missing-slice", ["image"]),
        ("odd/pydicom/SC_rgb_small_odd.dcm", ["image"]),
        ("kinds/radiographs", ["image"]),
        pytest.param("kinds/nuclear-medicine", ["image"], marks=NEEDS_DECODERS),
    ],
)
def test_pictures_of_the_best_stack(real, folder, shown):
    pictures = overview(header_table(real / folder, progress=False)).pictures
    assert list(pictures) == shown
    assert all(max(Image.open(io.BytesIO(data)).size) == 512 for data in pictures.values())


def test_radiographs_are_no_failed_volumes(real):
    facts = overview(header_table(real / "kinds/radiographs", progress=False)).facts
    assert facts["stacks"] == "3 (projection 3); 0 of 3 have a problem"


def test_a_patient_of_documents_alone_is_counted_apart(real):
    files = [real / "kinds/radiographs", real / "odd/pydicom/test-SR.dcm"]
    headers = pd.concat([header_table(file, progress=False) for file in files])
    imaged = headers["PatientID"].iloc[:-1].nunique()
    headers.iloc[-1, headers.columns.get_loc("PatientID")] = "of no image"
    headers["BurnedInAnnotation"] = [*[None] * (len(headers) - 1), "YES"]
    facts = overview(headers).facts
    assert facts["patients"] == f"{imaged} with images, of {imaged + 1}"
    assert facts["identity"].endswith("; 1 file says that it has text burned in")


def test_without_an_image_the_files_are_said(real):
    facts, pictures = overview(header_table(real / "odd/pydicom/test-SR.dcm", progress=False))
    assert facts["images"].startswith("none") and facts["stacks"] == "none"
    assert facts["modalities"] == "SR 1 (files)" and pictures == {}


def test_without_dicom_there_is_nothing_to_say(tmp_path):
    (tmp_path / "1.txt").write_text("no DICOM", encoding="utf-8")
    with pytest.raises(NoImageError, match=r"found none in .*: not DICOM: 1 text file$"):
        overview(header_table(tmp_path, progress=False))
