"""What stands for the rest: the middle of a stack, the phantom, a line for a table without rows."""

import numpy as np
import pandas as pd
import pytest
from kind_collections import write_kind

from helpers import (
    audit,
    header_table,
    images_or_phantom,
    load_slice,
    middle_image,
    neighbouring_files,
    stack_table,
    stored_values,
    table_or_line,
    volumes_or_phantom,
)
from helpers.errors import WrongTypeError
from helpers.pixels.image import ImageError
from helpers.viewer.stack_browser import StackBrowser

CLEAN = "P01-reference"


def _chest(slices):
    series = slices.index.get_level_values("SeriesInstanceUID")[slices["PatientID"] == CLEAN][0]
    return slices.loc[(series, 0)]


def test_a_collection_with_images_is_shown_itself(phantom_headers, capsys):
    headers, slices = images_or_phantom(phantom_headers)
    assert headers is phantom_headers and len(slices) and capsys.readouterr().out == ""


def test_a_folder_without_images_says_what_it_holds_and_shows_the_phantom(
    tmp_path, capsys, phantom_headers
):
    (tmp_path / "notes.txt").write_text("no image", encoding="utf-8")
    headers, slices = images_or_phantom(header_table(tmp_path, progress=False))
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first.startswith("No image in this collection")
    assert second == "The pictures show the phantom."
    assert len(headers) == len(phantom_headers) and len(slices)


def test_the_volumes_of_a_collection_are_its_own(phantom_slices, capsys):
    slices, volumes = volumes_or_phantom(phantom_slices)
    assert slices is phantom_slices and set(volumes["volume"]) <= {"whole", "in part"}
    assert set(volumes.index) < set(stack_table(slices).index) and capsys.readouterr().out == ""


def test_radiographs_give_way_to_the_phantoms_volumes(tmp_path, capsys):
    headers = header_table(write_kind("radiographs", tmp_path / "some"), progress=False)
    slices, volumes = volumes_or_phantom(images_or_phantom(headers)[1])
    assert "is a volume in the patient: here is the phantom instead" in capsys.readouterr().out
    assert len(volumes) and set(volumes["PatientID"]) <= set(slices["PatientID"])


def test_the_middle_image_has_as_many_before_it_as_behind(phantom_slices):
    images = _chest(phantom_slices)
    middle = middle_image(images)
    before = (images["position_mm"] < middle["position_mm"]).sum()
    assert middle.name in images.index and before == len(images) // 2
    with pytest.raises(WrongTypeError, match="got a table without a row"):
        middle_image(images.head(0))


def test_neighbours_are_slices_of_one_stack_and_no_file_is_left_out(
    phantom_headers, phantom_slices
):
    files = neighbouring_files(phantom_headers, phantom_slices)
    assert set(files) == set(phantom_headers.index[phantom_headers["error"].isna()])
    assert files.is_unique
    kinds = phantom_slices.reset_index("path").groupby("path")["kind"].first().reindex(files)
    is_slice = (kinds == "volume").to_numpy()
    assert is_slice[: is_slice.sum()].all()
    nothing = phantom_slices.head(0)
    assert list(neighbouring_files(phantom_headers.head(3), nothing)) == [
        *phantom_headers.index[:3]
    ]


def test_stored_values_become_those_of_the_image_by_the_rescale(phantom_slices):
    middle = middle_image(_chest(phantom_slices))
    path, frame = middle.name
    stored = stored_values(path, frame=frame)
    by_hand = stored * middle["RescaleSlope"] + middle["RescaleIntercept"]
    assert middle["RescaleIntercept"] != 0, "there is something to see"
    assert stored.dtype.kind in "iu" and np.array_equal(by_hand, load_slice(path).array)
    with pytest.raises(ImageError, match="expected a frame from 0 to 0"):
        stored_values(path, frame=1)


def test_a_table_without_a_row_is_a_line():
    table = pd.DataFrame({"rule": ["zero-border"]})
    assert table_or_line(table, "Nothing.") is table
    assert repr(table_or_line(table.head(0), "Nothing.")) == "Nothing."


def test_the_menu_of_findings_says_that_there_are_none(phantom_headers, phantom_slices):
    headers = phantom_headers[phantom_headers["PatientID"] == CLEAN]
    slices = phantom_slices[phantom_slices["PatientID"] == CLEAN]
    findings = audit(headers, slices)
    menu = StackBrowser(slices, findings=findings).finding
    assert findings.empty and menu.disabled
    assert [label for label, _ in menu.options] == ["the audit found nothing"]
