"""A collection in a few lines, and its pictures."""

import io
import re

import pytest
from PIL import Image

from helpers import audit, header_table
from helpers.publish.summary import overview
from helpers.slices.images import NoImageError


def test_the_phantom_in_a_few_lines(phantom, phantom_headers, phantom_frames):
    facts = overview(phantom_headers).facts
    sizes = [path.stat().st_size for path in phantom.rglob("*") if path.is_file()]
    counts = f"{len(sizes)}, {sum(sizes) / 1e6:.1f} MB; 3 of {len(sizes)} cannot be read"
    assert facts["files"] == counts
    images = sum(int(frames or 1) for frames in phantom_headers["NumberOfFrames"].fillna(1)) - 3
    assert facts["images"] == f"{images} in 49 series" and facts["modalities"] == f"CT {images}"
    assert facts["patients"] == str(len(list(phantom.iterdir()))) == "49"
    assert re.fullmatch(
        r"5\d; 4\d of 5\d lie on a regular grid, 1\d of 5\d have a problem; "
        r"the largest has 96 positions; slices 3 to \d+ mm apart",
        facts["stacks"],
    )
    found = audit(phantom_frames)
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


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("series/chest-ct-8mm-siemens", ["axial", "coronal", "sagittal"]),
        ("series/ct-failing-missing-slice", ["image"]),
        ("odd/pydicom/SC_rgb_small_odd.dcm", ["image"]),
        ("odd/pydicom/test-SR.dcm", None),
    ],
)
def test_pictures_of_the_best_stack(real, folder, shown):
    headers = header_table(real / folder, progress=False)
    if shown is None:
        with pytest.raises(NoImageError):
            overview(headers)
        return
    pictures = overview(headers).pictures
    assert list(pictures) == shown
    assert all(max(Image.open(io.BytesIO(data)).size) == 512 for data in pictures.values())
