"""One row per frame: where frames lie, and how many there can be."""

import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

from helpers.headers.table import header_table
from helpers.slices.frame_rows import frame_rows
from helpers.slices.images import is_image

CASES = Path(__file__).parents[2] / "shared" / "cases"
NM, RTDOSE = "1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.481.2"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
ROWS, COLUMNS = 4, 6
FRAME_BYTES = 2 * ROWS * COLUMNS


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def write(path, frames=1, *, pixels=None, trailing=b"", syntax=ExplicitVRLittleEndian, **more):
    """Writes an image of some frames; None takes an element away."""
    values = {
        **{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": generate_uid()},
        **{"SeriesInstanceUID": "1.2.3", "StudyInstanceUID": "1.2", "PatientID": "P"},
        **{"Modality": "CT", "Rows": ROWS, "Columns": COLUMNS, "SamplesPerPixel": 1},
        **{"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0},
        **{"PhotometricInterpretation": "MONOCHROME2", "NumberOfFrames": frames},
        **{"ImagePositionPatient": [10, 20, 30], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        **more,
    }
    dataset = item(**{keyword: value for keyword, value in values.items() if value is not None})
    dataset.PixelData = bytes(FRAME_BYTES * (frames or 1)) if pixels is None else pixels
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    if trailing:
        path.write_bytes(path.read_bytes() + trailing)
    return path


def rows_of(*paths, **options):
    return frame_rows(header_table(list(paths), progress=False), **options)


def single_images(headers):
    one = ~(headers["NumberOfFrames"] > 1) & headers["SharedFunctionalGroupsSequence"].isna()
    return headers[is_image(headers) & one]


def positions(table):
    return table["ImagePositionPatient"].tolist()


# every row


def test_single_images_pass_through_as_they_are(phantom_headers):
    images = single_images(phantom_headers)
    frames = frame_rows(images)
    pd.testing.assert_frame_equal(frames[images.columns], images)
    assert frames["frame"].dtype == "int64" and frames["frame"].eq(0).all()
    assert "frame" not in images
    mixed = frame_rows(phantom_headers)
    assert mixed.index.isin(images.index).sum() == len(images) < len(phantom_headers)
    none = frame_rows(phantom_headers.iloc[:0])
    assert len(none) == 0 and {*images.columns, "frame"} == {*none.columns}


def test_many_single_images_cost_as_much_as_a_few(phantom_headers):
    """Calls of Python functions, which do not depend on the machine."""
    images = single_images(phantom_headers)

    def calls(table):
        counted = [0]
        sys.setprofile(lambda *_: counted.__setitem__(0, counted[0] + 1))
        try:
            frame_rows(table)
        finally:
            sys.setprofile(None)
        return counted[0]

    # both of concat, which makes another index and other blocks than a table that was read has
    assert calls(pd.concat([images] * 20)) < 1.1 * calls(pd.concat([images] * 2))


def test_frames_of_every_real_file_say_what_pydicom_reads(real_headers):
    frames = frame_rows(real_headers)
    groups = frames["PerFrameFunctionalGroupsSequence"].notna() & frames["error"].isna()
    checked = 0
    for path, rows in frames[groups].groupby(level="path"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        own = dataset.PerFrameFunctionalGroupsSequence
        assert rows["frame"].tolist() == list(range(dataset.NumberOfFrames)), path
        for group, position in zip(own, positions(rows)):
            plane = group.get("PlanePositionSequence")
            assert position == (tuple(plane[0].ImagePositionPatient) if plane else None)
            checked += 1
    assert checked >= 3
    assert frames["error"].dtype == object and set(frames["error"].dropna().map(type)) <= {str}


def test_mixed_tables_keep_the_types_of_a_fresh_one(tmp_path):
    group = item(
        PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 1])],
        FrameContentSequence=[item(InStackPositionNumber=3, StackID="1")],
        PixelMeasuresSequence=[item(SliceThickness=2)],
    )
    single = write(tmp_path / "1.dcm", SliceThickness=7, InstanceNumber=4)
    several = write(tmp_path / "2.dcm", 2, PerFrameFunctionalGroupsSequence=[group, group])
    table = rows_of(single, several, single)
    assert table.index.tolist() == [str(single), str(several), str(several), str(single)]
    assert table["frame"].tolist() == [0, 0, 1, 0]
    assert table["SliceThickness"].tolist() == [7, 2, 2, 7]
    assert table["SliceThickness"].dtype == table["InStackPositionNumber"].dtype == "float64"
    assert table["StackID"].tolist() == [None, "1", "1", None] and table["StackID"].dtype == object
    assert positions(table)[::3] == [(10.0, 20.0, 30.0)] * 2
    assert table["Rows"].dtype == "int64"


def test_an_executor_reads_the_same_and_one_that_fails_costs_nothing(tmp_path):
    group = item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 1])])
    path = write(tmp_path / "a.dcm", 1, PerFrameFunctionalGroupsSequence=[group])
    headers = header_table([path] * 40)
    here = frame_rows(headers)
    with ThreadPoolExecutor(2) as executor:
        pd.testing.assert_frame_equal(frame_rows(headers, executor=executor), here)
    with pytest.warns(RuntimeWarning, match="a worker failed"):  # it takes no work any more
        pd.testing.assert_frame_equal(frame_rows(headers, executor=executor), here)
    assert positions(here) == [(0.0, 0.0, 1.0)] * 40


def test_a_bar_is_shown_where_it_is_asked(tmp_path, capfd):
    group = item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 1])])
    path = write(tmp_path / "a.dcm", 1, PerFrameFunctionalGroupsSequence=[group])
    rows_of(path)
    assert "Reading frames" not in capfd.readouterr().err
    rows_of(path, progress=True)
    assert "Reading frames" in capfd.readouterr().err


def test_frames_of_other_files_and_tiles_of_slides_lie_nowhere(tmp_path):
    cine = write(tmp_path / "a.dcm", 3, FrameIncrementPointer=0x00181065, FrameTimeVector=[0, 5, 6])
    table = rows_of(cine)
    assert positions(table) == [None] * 3 and table["FrameTimeVector"].tolist() == [0, 5, 6]
    shared = item(PixelMeasuresSequence=[item(PixelSpacing=[0.1, 0.1])])
    slide = write(tmp_path / "b.dcm", 5, SOPClassUID=SLIDE, SharedFunctionalGroupsSequence=[shared])
    table = rows_of(slide)
    assert table["frame"].tolist() == [0] and table["error"].isna().all()
    assert table["PixelSpacing"].tolist() == [(0.1, 0.1)]


# doses


def dose(path, offsets, **more):
    return write(
        path, 3, SOPClassUID=RTDOSE, Modality="RTDOSE", GridFrameOffsetVector=offsets,
        FrameIncrementPointer=0x3004000C, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offsets", "orientation", "expected"),
    [
        ([0, 2, 5], [1, 0, 0, 0, 1, 0], [(10, 20, 30), (10, 20, 32), (10, 20, 35)]),
        ([0, -2, -5], [1, 0, 0, 0, 1, 0], [(10, 20, 30), (10, 20, 28), (10, 20, 25)]),
        ([0, 2, 5], [1, 0, 0, 0, -1, 0], [(10, 20, 30), (10, 20, 28), (10, 20, 25)]),
        ([0, 2, 5], [0, 1, 0, 0, 0, -1], [(10, 20, 30), (8, 20, 30), (5, 20, 30)]),
        ([30, 32, 35], [1, 0, 0, 0, 1, 0], [(10, 20, 30), (10, 20, 32), (10, 20, 35)]),
        ([30, 28, 25], [1, 0, 0, 0, 1, 0], [(10, 20, 30), (10, 20, 28), (10, 20, 25)]),
        ([30, 32, 35], [0, 1, 0, 0, 0, -1], [None] * 3),  # heights of what is not axial
        ([5, 7, 9], [1, 0, 0, 0, 1, 0], [None] * 3),  # neither form
        ([0, 2], [1, 0, 0, 0, 1, 0], [None] * 3),  # not as many as frames
        ([0, 2, 5], None, [None] * 3),
    ],
)
def test_planes_of_a_dose_lie_where_the_offsets_say(tmp_path, offsets, orientation, expected):
    path = dose(tmp_path / "a.dcm", offsets, ImageOrientationPatient=orientation)
    assert positions(rows_of(path)) == expected


# nuclear medicine


def nuclear(path, kind, frames=4, *, detector=None, **more):
    detector = detector or item(
        ImagePositionPatient=[10, 20, 30], ImageOrientationPatient=[1, 0, 0, 0, 0, -1]
    )
    return write(
        path, frames, SOPClassUID=NM, Modality="NM", DetectorInformationSequence=[detector],
        ImageType=["ORIGINAL", "PRIMARY", kind, "EMISSION"],
        ImagePositionPatient=None, ImageOrientationPatient=None, **more,
    )  # fmt: skip


@pytest.mark.parametrize("spacing", [3.0, -3.0])
def test_reconstructed_frames_lie_along_the_normal_as_simpleitk_reads_it(tmp_path, spacing):
    path = nuclear(
        tmp_path / "a.dcm", "RECON TOMO", SpacingBetweenSlices=spacing, PixelSpacing=[1, 1],
        FrameIncrementPointer=0x00540080, SliceVector=[1, 2, 3, 4],
    )  # fmt: skip
    table = rows_of(path)
    assert positions(table) == [(10.0, 20.0 + spacing * n, 30.0) for n in range(4)]
    assert table["ImageOrientationPatient"].tolist() == [(1, 0, 0, 0, 0, -1)] * 4
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    places = [image.TransformIndexToPhysicalPoint((0, 0, n)) for n in range(4)]
    assert np.allclose(places, positions(table))


def test_gated_slices_lie_where_the_slice_vector_says(tmp_path):
    path = nuclear(
        tmp_path / "a.dcm", "RECON GATED TOMO", SpacingBetweenSlices=3, SliceVector=[1, 2, 1, 2],
        TimeSlotVector=[1, 1, 2, 2], FrameIncrementPointer=[0x00540070, 0x00540080],
    )  # fmt: skip
    table = rows_of(path)
    assert positions(table) == [(10, 20, 30), (10, 23, 30)] * 2
    assert table["TimeSlotVector"].tolist() == [1, 1, 2, 2]
    assert table["SliceVector"].tolist() == [1, 2, 1, 2]
    table = rows_of(nuclear(tmp_path / "b.dcm", "RECON GATED TOMO", SpacingBetweenSlices=3))
    assert positions(table) == [None] * 4  # which slice a frame is, is not said


def test_without_a_spacing_or_a_detectors_place_there_is_none(tmp_path):
    nowhere = item(FieldOfViewShape="ROUND")
    table = rows_of(
        nuclear(tmp_path / "a.dcm", "RECON TOMO"),
        nuclear(tmp_path / "b.dcm", "RECON TOMO", SpacingBetweenSlices=0),
        nuclear(tmp_path / "c.dcm", "RECON TOMO", SpacingBetweenSlices=3, detector=nowhere),
    )
    assert positions(table) == [None] * 12 and table["error"].isna().all()


@pytest.mark.parametrize(
    ("kind", "pointer", "vector"),
    [
        ("TOMO", 0x00540050, "RotationVector"),
        ("DYNAMIC", 0x00540030, "PhaseVector"),
        ("GATED", 0x00540060, "RRIntervalVector"),
        ("STATIC", 0x00540010, "EnergyWindowVector"),
        ("STATIC", 0x00540020, "DetectorVector"),
    ],
)
def test_other_nuclear_frames_have_their_vectors_and_no_place(tmp_path, kind, pointer, vector):
    path = nuclear(
        tmp_path / "a.dcm", kind, SpacingBetweenSlices=3, FrameIncrementPointer=pointer,
        **{vector: [1, 1, 2, 2]},
    )  # fmt: skip
    table = rows_of(path)
    assert table[vector].tolist() == [1, 1, 2, 2] and table["frame"].tolist() == [0, 1, 2, 3]
    assert positions(table) == [None] * 4


# how many frames there are


def error_of(path, rows=1):
    table = rows_of(path)
    assert len(table) == rows, table
    error = table["error"].iloc[0]
    assert error is None or "\n" not in error
    return error


@pytest.mark.parametrize("number", [4, 2_000_000_000, 2**31 - 1])
def test_more_frames_than_bytes_are_refused(tmp_path, number):
    path = write(tmp_path / "a.dcm", 3, pixels=None)
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = number
    dataset.save_as(path)
    assert error_of(path).startswith("expected at most 3 frames")
    assert error_of(path).endswith(f"got {number}")


def test_compressed_files_have_bytes_and_groups_for_their_frames(tmp_path):
    pixels = encapsulate([b"\xff\xd8" + bytes(30) + b"\xff\xd9"] * 2)
    group = item(FrameContentSequence=[item(StackID="1")])
    written = {"pixels": pixels, "syntax": JPEGBaseline8Bit}
    path = write(tmp_path / "a.dcm", 2, **written)
    assert error_of(path, rows=2) is None
    path = write(tmp_path / "b.dcm", 2, **written, PerFrameFunctionalGroupsSequence=[group] * 3)
    assert error_of(path) == "expected 3 frames, as functional groups, got 2"
    path = write(tmp_path / "c.dcm", 2_000_000_000, **written)
    assert error_of(path).startswith("expected at most ")


@pytest.mark.parametrize("number", [None, 0])
def test_without_a_number_of_frames_there_is_one_or_an_error(tmp_path, number):
    one = bytes(FRAME_BYTES)
    group = item(FrameContentSequence=[item(StackID="1")])
    assert error_of(write(tmp_path / "a.dcm", number, pixels=one)) is None
    assert error_of(write(tmp_path / "b.dcm", number, pixels=one, trailing=2 * one)) is None
    assert error_of(write(tmp_path / "c.dcm", number, pixels=2 * one + b"\0\0\0\0")) is None
    several = write(tmp_path / "d.dcm", number, pixels=3 * one, trailing=b"\0")
    assert error_of(several) == "expected a Number of Frames, 3 as pixels are there, got none"
    grouped = write(
        tmp_path / "e.dcm", number, pixels=one, PerFrameFunctionalGroupsSequence=[group] * 2
    )
    assert "2 as functional groups" in error_of(grouped)


@pytest.mark.parametrize("text", [b"-5  ", b"1A  ", b"2.5 ", b"2\\3 "])
def test_what_is_no_number_of_frames_is_refused(tmp_path, text):
    path = write(tmp_path / "a.dcm", 1234)
    path.write_bytes(path.read_bytes().replace(b"IS\x04\x001234", b"IS\x04\x00" + text))
    assert error_of(path).startswith("expected a whole number of frames, got ")


def test_more_bytes_than_frames_need_are_no_error(tmp_path):
    pixels = bytes(2 * FRAME_BYTES)
    assert error_of(write(tmp_path / "a.dcm", 2, pixels=pixels, trailing=b"junk"), rows=2) is None
    assert error_of(write(tmp_path / "b.dcm", 2, pixels=pixels * 2), rows=2) is None
    odd = write(tmp_path / "c.dcm", 5, pixels=bytes(16), BitsAllocated=1, BitsStored=1, HighBit=0)
    assert error_of(odd, rows=5) is None  # 5 × 24 bits and a byte: frames go on within a byte
    odd = write(tmp_path / "d.dcm", 6, pixels=bytes(16), BitsAllocated=1, BitsStored=1, HighBit=0)
    assert error_of(odd).startswith("expected at most 5 frames")
    halved = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422"}
    path = write(tmp_path / "e.dcm", 2, pixels=bytes(4 * FRAME_BYTES), **halved)
    assert error_of(path, rows=2) is None


# the cases of others


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    if not CASES.is_dir():
        pytest.skip(f"no cases at {CASES}")
    sys.path.insert(0, str(CASES))
    try:
        build = import_module("build")
        build.CASES = [build.dose, build.two_segments, build.two_thousand_million_frames]
        build.build(folder := tmp_path_factory.mktemp("cases"))
    finally:
        sys.path.remove(str(CASES))
    return folder


def test_cases_are_right(cases):
    table = frame_rows(header_table(cases / "dose", progress=False))
    assert positions(table) == [(0.0, 0.0, -10.0 + 3 * n) for n in range(5)]
    table = frame_rows(header_table(cases / "two_segments", progress=False))
    assert table["ReferencedSegmentNumber"].tolist() == [1] * 8 + [2] * 6
    assert positions(table) == [(0.0, 0.0, float(n)) for n in range(14)]
    table = frame_rows(header_table(cases / "two_thousand_million_frames", progress=False))
    assert len(table) == 4 and table["error"].notna().tolist() == [True, False, False, False]
