"""One row per image, in its stack and its place: frames of real objects, all the way to letters."""

import numpy as np
import pandas as pd
import pytest

from helpers import (
    audit,
    header_table,
    load_slice,
    load_volume,
    slice_counts,
    slice_table,
    stack_table,
)
from helpers.errors import ClearError, WrongTypeError
from helpers.slices.arrays import frames_of, paths_of

ENHANCED = ["series/mr-enhanced-multiframe", "series/mr-enhanced-philips"]


def test_the_columns_are_those_of_the_headers_and_its_own(phantom_headers, phantom_slices):
    assert list(phantom_slices.index.names) == ["SeriesInstanceUID", "stack", "path", "frame"]
    assert set(phantom_headers) - {"SeriesInstanceUID"} <= set(phantom_slices)
    kinds = phantom_slices.dtypes
    assert kinds["position_mm"] == float and kinds["repeated"] == bool  # noqa: E721
    series = phantom_slices.index.get_level_values("SeriesInstanceUID")
    assert series.is_monotonic_increasing


def test_single_images_keep_what_their_headers_say(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"]
    slices = slice_table(rows).reset_index("frame", drop=True)
    same = slices.loc[(slices.index[0][0], 0)].reindex(rows.index)[
        list(rows.drop(columns="SeriesInstanceUID"))
    ]
    pd.testing.assert_frame_equal(same, rows.drop(columns="SeriesInstanceUID"), check_dtype=False)


@pytest.mark.parametrize("folder", ENHANCED)
def test_frames_make_stacks_in_spatial_order(real, folder):
    headers = header_table(real / folder, progress=False)
    slices = slice_table(headers)
    table = stack_table(slices)
    assert table["images"].sum() == 8 and table["order_grade"].eq("A").all()
    assert table["files"].eq(1).all() and table["kind"].eq("volume").all()
    counts = slice_counts(headers, slices).iloc[0]
    assert (counts["files"], counts["images"], counts["unique_images"]) == (1, 8, 8)
    for stack in table.index:
        rows = slices.loc[stack]
        row, column = np.reshape(rows["ImageOrientationPatient"].iloc[0], (2, 3))
        along = np.array(rows["ImagePositionPatient"].tolist()) @ np.cross(row, column)
        assert np.allclose(along, rows["position_mm"]) and (np.diff(along) >= -0.01).all()


@pytest.mark.filterwarnings("ignore::helpers.slices.grid.StackWarning")
@pytest.mark.parametrize("folder", ENHANCED)
def test_a_volume_of_frames_has_each_frames_values_at_its_place(real, folder):
    slices, loaded = slice_table(header_table(real / folder, progress=False)), 0
    for stack in stack_table(slices).index:
        rows = slices.loc[stack]
        volume = load_volume(rows, on_irregular="longest")
        for index in range(len(volume.array)):
            place = (volume.affine @ [index, 0, 0, 1])[:3]
            near = [np.allclose(own, place, atol=0.01) for own in rows["ImagePositionPatient"]]
            frame = frames_of(rows)[near.index(True)]
            single = load_slice(paths_of(rows)[0], frame=frame)
            assert np.allclose(volume.array[index], single.array)
            loaded += 1
        assert "?" not in "".join(volume.slice("axial").letters)
    assert loaded >= 2


def test_headers_are_no_stack(real):
    headers = header_table(real / ENHANCED[1], progress=False)
    with pytest.raises(ClearError, match="slice_table"):
        load_volume(headers)
    with pytest.raises(WrongTypeError, match="of header_table"):
        slice_table(headers.to_dict())
    for function in (slice_table, slice_counts, audit):
        with pytest.raises(WrongTypeError, match=r"^expected the table of header_table"):
            function(slice_table(headers))


def test_stacks_are_taken_from_a_wide_table_without_a_complaint(real_headers):
    slices = slice_table(real_headers)
    assert slices.shape[1] > 250
    for stack in stack_table(slices).index[:5]:
        assert len(slices.loc[stack]) > 0
