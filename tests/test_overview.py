"""A collection in a few lines, and its pictures."""

import io

import pytest
from PIL import Image

from helpers import header_table
from helpers.publish.summary import overview
from helpers.slices.images import NoImageError


def test_the_phantom_in_a_few_lines(phantom_headers):
    facts = overview(phantom_headers).facts
    assert (
        facts["files"] == "1889, 25.7 MB; 3 of 1889 cannot be read"
        and facts["images"] == "1911 in 49 series"
    )
    assert facts["patients"] == "49" and facts["modalities"] == "CT 1911"
    assert facts["stacks"].startswith(
        "55; 46 of 55 lie on a regular grid, 10 of 55 have a problem; the largest has 96 positions; slices 3 to"
    )
    assert facts["findings"].startswith("81 errors, 60 warnings, 44 notes in the headers; most of ")


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
