"""One row per frame: against pydicom, and all the way to a volume with letters."""

import numpy as np
import pandas as pd
import pydicom
import pytest

from helpers import (
    frame_table,
    header_table,
    load_slice,
    load_volume,
    slice_counts,
    stack_slices,
    stack_table,
)
from helpers.slices.grid import StackError

ENHANCED = ["series/mr-enhanced-multiframe", "series/mr-enhanced-philips"]


@pytest.mark.parametrize("folder", ENHANCED)
def test_a_row_per_frame_with_its_own_values(real, folder):
    frames = frame_table(header_table(real / folder, progress=False))
    dataset = pydicom.dcmread(frames.index[0], stop_before_pixels=True)
    assert frames["frame"].tolist() == list(range(8)) and frames.index.nunique() == 1
    for (_, row), group in zip(
        frames.iterrows(), dataset.PerFrameFunctionalGroupsSequence, strict=True
    ):
        assert row["ImagePositionPatient"] == tuple(
            group.PlanePositionSequence[0].ImagePositionPatient
        )
        assert row["PixelSpacing"] == tuple(group.PixelMeasuresSequence[0].PixelSpacing)
        assert row["ImageOrientationPatient"] == tuple(
            group.PlaneOrientationSequence[0].ImageOrientationPatient
        )


def test_single_images_and_bad_files_pass_through(real):
    headers = header_table(real / "series/mr-sagittal-hfdl", progress=False)
    frames = frame_table(headers)
    pd.testing.assert_frame_equal(frames.drop(columns="frame"), headers)
    assert frames["frame"].eq(0).all()
    mixed = header_table([*headers.index[:2], *(real / ENHANCED[0]).iterdir(), real / "README.md"])
    assert frame_table(mixed)["frame"].tolist() == [0, 0, *range(8), 0]
    assert frame_table(mixed)["error"].notna().sum() == 1


@pytest.mark.parametrize("folder", ENHANCED)
def test_frames_make_stacks_in_spatial_order(real, folder):
    headers = header_table(real / folder, progress=False)
    frames = frame_table(headers)
    table = stack_table(frames)
    assert (
        table["images"].sum() == 8
        and table["order_grade"].eq("A").all()
        and table["files"].eq(1).all()
    )
    counts = slice_counts(frames).iloc[0]
    assert (counts["files"], counts["images"], counts["unique_images"]) == (1, 8, 8)
    for stack in table.index:
        slices = stack_slices(frames, stack)
        row, column = np.reshape(slices["ImageOrientationPatient"].iloc[0], (2, 3))
        along = np.array(slices["ImagePositionPatient"].tolist()) @ np.cross(row, column)
        assert np.allclose(along, slices["position_mm"]) and (np.diff(along) >= -0.01).all()


@pytest.mark.filterwarnings("ignore::helpers.slices.grid.StackWarning")
@pytest.mark.parametrize("folder", ENHANCED)
def test_a_volume_of_frames_has_each_frames_values_at_its_place(real, folder):
    headers = header_table(real / folder, progress=False)
    frames = frame_table(headers)
    loaded = 0
    for stack in stack_table(frames).index:
        slices = stack_slices(frames, stack)
        volume = load_volume(slices, on_irregular="longest")
        for index in range(len(volume.array)):
            place = (volume.affine @ [index, 0, 0, 1])[:3]
            frame = next(
                f
                for f, p in zip(slices["frame"], slices["ImagePositionPatient"])
                if np.allclose(p, place, atol=0.01)
            )
            single = load_slice(slices.index[0], frame=int(frame))
            assert np.allclose(volume.array[index], single.pixels)
            loaded += 1
        assert "?" not in "".join(volume.slice("axial").letters)
    assert loaded >= 2


def test_without_the_frame_table_a_multi_frame_object_is_refused(real):
    headers = header_table(real / ENHANCED[1], progress=False)
    assert stack_table(headers)["volume"].tolist() == ["no"]
    with pytest.raises(StackError):
        load_volume(headers)


def test_frames_of_other_multi_frame_objects_have_no_position(real):
    headers = header_table([real / "odd/pydicom/rtdose.dcm"])
    frames = frame_table(headers)
    assert len(frames) == headers["NumberOfFrames"].iloc[0] > 1
    assert frames["ImagePositionPatient"].isna().all()


def test_stacks_are_taken_from_a_wide_table_without_a_complaint(real_headers):
    frames = frame_table(real_headers)
    assert frames.shape[1] > 250
    for stack in stack_table(frames).index[:5]:
        assert len(stack_slices(frames, stack)) > 0
