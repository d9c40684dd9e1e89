"""Kinds of series that real collections hold and that are easy to read wrongly."""

import warnings

import numpy as np
import pytest
from pydicom import uid
from pydicom._uid_dict import UID_dictionary
from test_frame_rows import item, write
from truth_headers import header_frame, header_row

from helpers import (
    audit,
    header_table,
    kind_counts,
    load_slice,
    slice_counts,
    slice_table,
    stack_table,
)
from helpers.slices.images import MissingColumnError

STEP = 3.0  # mm from slice to slice
IMAGES = "1.2.840.10008.5.1.4.1.1."  # UIDs of the classes of images begin so


def _row(number, z, **values):
    """An axial image z steps up; its path says its number."""
    own = {"InstanceNumber": number, "ImagePositionPatient": (0.0, 0.0, STEP * z)} | values
    return header_row(own.pop("path", f"scan/{number:03}.dcm"), **own)


def _found(headers):
    """The stacks as sets of the numbers of their files."""
    slices = slice_table(headers, progress=False)
    paths = slices.reset_index().groupby(["SeriesInstanceUID", "stack"])["path"]
    return sorted(sorted(int(path[-7:-4]) for path in stack) for _, stack in paths)


def _shuffled(pairs, seed=5):
    """(number of the file, pair), where numbers say nothing of the pairs."""
    order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
    return [(n, pairs[k]) for n, k in enumerate(order)]


def _expected(numbered):
    """What has to come of (number, (repetition, z)): the numbers of each repetition."""
    repetitions = {part for _, (part, _) in numbered}
    return sorted(sorted(n for n, (own, _) in numbered if own == part) for part in repetitions)


# identifiers


@pytest.mark.parametrize("seed", range(3))
def test_stacks_told_by_folder_are_numbered_alike_in_any_order_of_rows(seed):
    rows = [_row(n, n % 6, path=f"scan{n // 6}/{n:03}.dcm", SeriesNumber=None) for n in range(18)]
    headers = header_frame(rows)
    mixed = headers.sample(frac=1, random_state=seed)
    assert slice_table(headers).index.equals(slice_table(mixed).index)


def test_a_series_of_two_modalities_is_two():
    own = [{"Modality": "CT"}, {"Modality": "PT"}]
    rows = [_row(n, n / 2, **own[n % 2]) for n in range(12)]
    assert _found(header_frame(rows)) == [list(range(0, 12, 2)), list(range(1, 12, 2))]


# values that are none


@pytest.mark.parametrize(
    "value",
    [10**400, float("inf"), float("nan"), "1e400", "", (), ("a", 1), (10**400, 0.0, 0.0), True],
    ids=lambda value: repr(value)[:12],
)
@pytest.mark.parametrize(
    "keyword",
    [
        *("InstanceNumber", "NumberOfFrames", "SliceThickness", "ImagePositionPatient"),
        *("PixelSpacing", "DiffusionBValue", "TriggerTime", "AcquisitionTime", "ImageType"),
        *("(0043,xx39) GEMS_PARM_01", "TemporalPositionIdentifier", "SamplesPerPixel"),
    ],
)
def test_a_value_that_is_none_raises_nothing_and_loses_no_image(keyword, value):
    rows = [_row(n, n) for n in range(6)]
    rows[2][keyword] = value
    headers = header_frame(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slices = slice_table(headers, progress=False)
        stacks = stack_table(slices)
        counts = slice_counts(headers, slices)
        audit(headers, slices)
    assert len(slices) == 6 and counts["stacks"].sum() == len(stacks)


def test_a_number_of_frames_that_is_none_is_said_as_it_is_written():
    rows = [_row(n, n, NumberOfFrames=-1.0 if n == 2 else None) for n in range(4)]
    errors = slice_table(header_frame(rows))["error"].dropna()
    assert errors.tolist() == ["expected a whole number of frames, got -1"]


# diffusion


@pytest.mark.parametrize("text", [True, False])
def test_private_b_values_may_be_texts(text):
    numbered = _shuffled([(b, z) for b in (0, 700, 1_000_001_400) for z in range(5)])
    rows = [
        _row(n, z, **{"(0043,xx39) GEMS_PARM_01": (str(b) if text else b, "8", "0", "0")})
        for n, (b, z) in numbered
    ]
    headers = header_frame(rows)
    assert _found(headers) == _expected(numbered)
    assert set(stack_table(slice_table(headers))["split_value"]) == {0, 700, 1400}


@pytest.mark.parametrize("told_by", ["EchoTime", "TriggerTime", "AcquisitionTime"])
def test_one_sop_uid_for_everything_hides_no_repetition(told_by):
    values = {"AcquisitionTime": ("100000", "100100")}.get(told_by, (2.0, 4.0))
    numbered = _shuffled([(value, z) for z in range(6) for value in values])
    rows = [
        _row(n, z, SOPInstanceUID="1.2.3", InstanceNumber=z + 1, **{told_by: value})
        for n, (value, z) in numbered
    ]
    headers = header_frame(rows)
    assert _found(headers) == _expected(numbered)
    assert not slice_table(headers)["repeated"].any()


def test_one_sop_uid_for_everything_at_one_place_is_a_cine():
    rows = [_row(n, 4, SOPInstanceUID="1.2.3", InstanceNumber=n + 1) for n in range(12)]
    headers = header_frame(rows)
    slices = slice_table(headers)
    assert stack_table(slices)["kind"].tolist() == ["cine"]
    assert slice_counts(headers, slices)["unique_images"].sum() == 12


# times and numbers that are ranked


@pytest.mark.parametrize("lacking", [(2, 0), (2, 4), (2, 9), (3, 5)])
def test_phases_of_a_heart_that_beats_faster_keep_their_numbers(lacking):
    beats = [900.0, 820.0, 1000.0, 760.0, 880.0]  # ms, of each slice
    images = [(p, z) for z in range(5) for p in range(10) if (z, p) != lacking]
    numbered = _shuffled(images)
    rows = [_row(n, z, TriggerTime=round(p * beats[z] / 10, 2)) for n, (p, z) in numbered]
    assert _found(header_frame(rows)) == _expected(numbered)


def test_inversion_times_that_differ_a_little_are_ranked_and_said():
    numbered = _shuffled([(ti, z) for z in range(5) for ti in (100.0, 180.0, 900.0, 2500.0)])
    rows = [_row(n, z, InversionTime=ti + 3.7 * (z * z % 5)) for n, (ti, z) in numbered]
    headers = header_frame(rows)
    assert _found(headers) == _expected(numbered)
    table = stack_table(slice_table(headers))
    assert set(table["split_keyword"]) == {"InversionTime"}
    assert "whole" not in set(table["volume"])  # each holds several inversion times


def _enhanced(path, frames):
    """Writes a multi-frame image; frames are the items of its functional groups."""
    groups = [item(**{key: [item(**own)] for key, own in frame.items()}) for frame in frames]
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.7, 0.7], SliceThickness=3)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    own = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1"}
    groups = {
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": groups,
    }
    no_place = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    write(path, len(frames), **own, **groups, **no_place)
    return header_table(path, progress=False)


def _stacks_of_frames(headers):
    slices = slice_table(headers, progress=False).reset_index()
    return sorted(frames.tolist() for _, frames in slices.groupby("stack")["frame"])


def _diffusion_frame(z, volume, **content):
    b_value = {"DiffusionBValue": 1000.0 if volume % 3 else 0.0}
    if volume % 3:
        direction = item(DiffusionGradientOrientation=[float(volume), 1.0, 0.0])
        b_value["DiffusionGradientDirectionSequence"] = [direction]
    position = {"ImagePositionPatient": [0, 0, STEP * z]}
    groups = {"PlanePositionSequence": position, "MRDiffusionSequence": b_value}
    return groups | ({"FrameContentSequence": content} if content else {})


def test_frames_with_several_b0_are_told_apart_by_their_order(tmp_path):
    frames = [_diffusion_frame(z, volume) for volume in range(6) for z in range(4)]
    headers = _enhanced(tmp_path / "b0.dcm", frames)
    assert _stacks_of_frames(headers) == [list(range(4 * v, 4 * v + 4)) for v in range(6)]
    stacks = stack_table(slice_table(headers, progress=False))
    guessed = stacks["split_keyword"] == "DiffusionGradientOrientation, frame"
    assert guessed.sum() == 2 and stacks["problems"][guessed].map(bool).all()


def test_frames_with_several_b0_are_told_apart_by_their_dimensions(tmp_path):
    numbered = _shuffled([(volume, z) for volume in range(12) for z in range(4)])
    frames = [
        _diffusion_frame(z, volume, DimensionIndexValues=[volume + 1, z + 1])
        for _, (volume, z) in numbered
    ]
    headers = _enhanced(tmp_path / "b0.dcm", frames)
    found = [sorted(stack) for stack in _stacks_of_frames(headers)]
    assert sorted(found) == _expected(numbered)
    assert not stack_table(slice_table(headers, progress=False))["problems"].any()


# positions that are uneven


@pytest.mark.parametrize("keyword", ["StackID", "AcquisitionNumber", "SeriesDescription"])
def test_blocks_of_slices_far_apart_are_cut_where_an_element_says_so(keyword):
    numbered = _shuffled([(block, 15 * block + z) for block in range(3) for z in range(5)])
    rows = [_row(n, z, **{keyword: block + 1}) for n, (block, z) in numbered]
    headers = header_frame(rows)
    assert _found(headers) == _expected(numbered)
    table = stack_table(slice_table(headers))
    assert set(table["split_keyword"]) == {keyword} and set(table["volume"]) == {"whole"}


def test_blocks_that_nothing_names_are_one_irregular_stack():
    rows = [_row(n, n + 20 * (n // 5)) for n in range(15)]
    assert _found(header_frame(rows)) == [list(range(15))]


def test_one_slice_that_lacks_where_an_element_changes_makes_no_blocks():
    heights = [0, 1, 2, 3, 4, 6.0, 8.0, 10.0, 12.0]  # base, vertex; between them one place is empty
    rows = [_row(n, z, SliceThickness=3.0 if z < 5 else 6.0) for n, z in enumerate(heights)]
    assert _found(header_frame(rows)) == [list(range(9))]


def test_offset_grids_are_told_apart_by_the_clock_where_numbers_say_nothing():
    numbered = _shuffled([(scan, z + 0.3 * scan) for scan in range(2) for z in range(10)])
    rows = [_row(n, z, AcquisitionTime=f"12{scan}0{int(z):02}") for n, (scan, z) in numbered]
    headers = header_frame(rows)
    assert _found(headers) == _expected(numbered)
    assert set(stack_table(slice_table(headers))["split_keyword"]) == {"AcquisitionTime"}


# frames without a place in the patient


def test_frames_of_an_ultrasound_volume_lie_in_its_own_frame_and_times_are_apart(tmp_path):
    numbered = _shuffled([(time, z) for time in range(3) for z in range(6)])
    groups = [
        item(
            PlanePositionVolumeSequence=[item(ImagePositionVolume=[0, 0, STEP * z])],
            FrameContentSequence=[item(TemporalPositionIndex=time + 1)],
        )
        for _, (time, z) in numbered
    ]
    shared = item(PlaneOrientationVolumeSequence=[item(ImageOrientationVolume=[1, 0, 0, 0, 1, 0])])
    write(
        tmp_path / "us.dcm",
        len(groups),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2",
        Modality="US",
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=groups,
    )
    slices = slice_table(header_table(tmp_path, progress=False), progress=False)
    found = [rows.index.get_level_values("frame").tolist() for _, rows in slices.groupby("stack")]
    expected = [
        [n for n, _ in sorted(numbered, key=lambda one: one[1]) if dict(numbered)[n][0] == time]
        for time in range(3)
    ]
    assert sorted(found) == sorted(expected)
    stacks = stack_table(slices)
    assert set(stacks["kind"]) == {"volume"} and set(stacks["volume"]) == {"no"}
    assert stacks["problems"].str.contains("Image Position (Volume)", regex=False).all()


def test_frames_without_a_position_lie_in_the_order_of_their_stack(tmp_path):
    numbered = _shuffled([(stack, z) for stack in (1, 2) for z in range(6)])
    frames = [
        {"FrameContentSequence": {"StackID": str(stack), "InStackPositionNumber": z + 1}}
        for _, (stack, z) in numbered
    ]
    slices = slice_table(_enhanced(tmp_path / "stacks.dcm", frames), progress=False)
    for _, rows in slices.groupby("stack"):
        assert rows["StackID"].nunique() == 1
        assert rows["InStackPositionNumber"].tolist() == list(range(1, 7))
    assert slices.index.get_level_values("stack").nunique() == 2


# one position


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("ImageType", [("ORIGINAL", "PRIMARY", name) for name in "MP"]),
        ("ComplexImageComponent", ["MAGNITUDE", "PHASE"]),
        ("EchoTime", [2.3, 4.6]),
    ],
)
def test_a_cine_of_two_components_is_two_cines(keyword, values):
    numbered = _shuffled([(value, time) for value in values for time in range(10)])
    rows = [_row(n, 2, TriggerTime=30.0 * t, **{keyword: value}) for n, (value, t) in numbered]
    headers = header_frame(rows)
    assert _found(headers) == _expected(numbered)
    slices = slice_table(headers)
    assert set(stack_table(slices)["kind"]) == {"cine"} and slices["group"].nunique() == 1
    for _, stack in slices.groupby(level=[0, 1]):
        assert stack["TriggerTime"].is_monotonic_increasing


@pytest.mark.parametrize("keyword", ["EchoTime", "InversionTime", "DiffusionBValue"])
def test_values_that_come_once_at_one_position_are_no_stacks_of_one(keyword):
    rows = [_row(n, 2, **{keyword: 10.0 * n}) for n in range(8)]
    assert _found(header_frame(rows)) == [list(range(8))]


def test_a_cine_is_ordered_by_its_time_points():
    numbered = _shuffled([(0, time) for time in range(12)])
    rows = [_row(n, 2, TemporalPositionIdentifier=time + 1) for n, (_, time) in numbered]
    points = slice_table(header_frame(rows))["TemporalPositionIdentifier"]
    assert points.tolist() == list(range(1, 13))


@pytest.mark.parametrize("keyword", ["DoseType", "DoseUnits", "DoseSummationType"])
def test_planes_of_two_doses_in_one_series_are_apart(keyword):
    dose = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2"}
    numbered = _shuffled([(value, z) for value in ("ONE", "TWO") for z in range(6)])
    rows = [_row(n, z, **dose, **{keyword: value}) for n, (value, z) in numbered]
    assert _found(header_frame(rows)) == _expected(numbered)


# Siemens mosaics


def _mosaics(count, **values):
    """Mosaics of one place, one after the other, numbered in the opposite of their time."""
    own = {"ImageType": ("ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"), **values}
    return header_frame(
        [_row(n, 0, AcquisitionTime=f"12{59 - n:02}00", **own) for n in range(count)]
    )


def test_mosaics_are_no_volume_and_no_cine_and_their_remedy_is_named():
    headers = _mosaics(4)
    slices = slice_table(headers)
    (stack,) = stack_table(slices).itertuples()
    assert (stack.kind, stack.volume, stack.images, stack.positions) == ("mosaic", "no", 4, 0)
    assert "several slices side by side; dcm2niix" in stack.problems
    assert slices["AcquisitionTime"].is_monotonic_increasing
    assert slices["position_mm"].isna().all() and not slices["repeated"].any()
    counts = slice_counts(headers, slices).iloc[0]
    assert (counts["images"], counts["stacks"], counts["positions"]) == (4, 1, 0)


def test_mosaics_that_lie_at_several_places_are_no_volume_either():
    rows = [_row(n, n, ImageType=("ORIGINAL", "PRIMARY", "M", "MOSAIC")) for n in range(6)]
    (stack,) = stack_table(slice_table(header_frame(rows))).itertuples()
    assert (stack.kind, stack.volume) == ("mosaic", "no")


def test_a_mosaic_is_known_by_its_number_of_slices_alone():
    number = {"(0019,xx0A) SIEMENS MR HEADER": 35}
    headers = _mosaics(2, ImageType=("ORIGINAL", "PRIMARY"), **number)
    (stack,) = stack_table(slice_table(headers)).itertuples()
    assert stack.kind == "mosaic" and "holds 35 slices" in stack.problems


@pytest.mark.parametrize(
    ("folder", "slices_each"),
    [("kinds/mr-mosaic-siemens", 5), ("series/one-slice-7-transfer-syntaxes", 35)],
)
def test_real_mosaics_are_named(real, folder, slices_each):
    """dcmdump shows so many images in (0019,100A)."""
    slices = slice_table(header_table(real / folder, progress=False), progress=False)
    stacks = stack_table(slices)
    shown = load_slice(slices.index.get_level_values("path")[0])
    assert shown.caption["position"] == "a mosaic of slices", "none of which is at its position"
    assert set(stacks["kind"]) == {"mosaic"} and set(stacks["volume"]) == {"no"}
    assert stacks["problems"].str.contains(f"holds {slices_each} slices").all()


# classes of the standard


@pytest.mark.parametrize(
    ("name", "frames", "kind"),
    [
        ("ComputedRadiographyImageStorage", 1, "projection"),
        ("DigitalMammographyXRayImageStorageForPresentation", 1, "projection"),
        ("DigitalIntraOralXRayImageStorageForPresentation", 1, "projection"),
        ("BreastProjectionXRayImageStorageForProcessing", 1, "projection"),
        ("BreastTomosynthesisImageStorage", 40, "volume"),
        ("XRayAngiographicImageStorage", 1, "projection"),
        ("XRayAngiographicImageStorage", 12, "cine"),
        ("EnhancedXAImageStorage", 12, "cine"),
        ("XRayRadiofluoroscopicImageStorage", 12, "cine"),
        ("NuclearMedicineImageStorage", 2, "projection"),
        ("UltrasoundImageStorage", 1, "picture"),
        ("UltrasoundMultiFrameImageStorage", 12, "cine"),
        ("EnhancedUSVolumeStorage", 12, "volume"),
        ("IntravascularOpticalCoherenceTomographyImageStorageForPresentation", 12, "cine"),
        ("SecondaryCaptureImageStorage", 1, "picture"),
        ("MultiFrameTrueColorSecondaryCaptureImageStorage", 12, "cine"),
        ("VideoEndoscopicImageStorage", 12, "cine"),
        ("VLPhotographicImageStorage", 1, "picture"),
        ("OphthalmicPhotography8BitImageStorage", 1, "picture"),
        ("OphthalmicTomographyImageStorage", 12, "volume"),
        ("VLWholeSlideMicroscopyImageStorage", 1, "slide"),
        ("SegmentationStorage", 1, "segmentation"),
        ("RTDoseStorage", 1, "dose"),
        ("RTImageStorage", 1, "projection"),
        ("ParametricMapStorage", 1, "volume"),
    ],
)
def test_a_class_of_the_standard_says_the_kind_of_an_image_without_a_place(name, frames, kind):
    row = _row(1, 0, ImagePositionPatient=None, ImageOrientationPatient=None, path="a.dcm")
    row |= {"SOPClassUID": getattr(uid, name), "Modality": "OT"}
    row |= {"NumberOfFrames": frames, "Rows": 4, "Columns": 4, "file_size": 10**6}
    assert set(slice_table(header_frame([row]))["kind"]) == {kind}


def test_every_class_of_images_in_the_standard_says_its_kind_whatever_the_modality():
    classes = [
        number
        for number, (name, what, *_) in UID_dictionary.items()
        if what == "SOP Class" and number.startswith(IMAGES) and " Image Storage" in name
    ]
    assert len(classes) > 60
    no_place = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    kinds = []
    for modality in ("CT", "SM"):
        rows = [
            _row(0, 0, path=f"{number}.dcm", SeriesInstanceUID=number, SOPInstanceUID=number)
            | no_place
            | {"SOPClassUID": number, "Modality": modality}
            for number in classes
        ]
        kinds.append(slice_table(header_frame(rows))["kind"].droplevel([1, 2, 3]))
    assert kinds[0].to_dict() == kinds[1].to_dict() and len(kinds[0]) == len(classes)


# how many of which


def test_images_are_counted_by_what_they_are():
    """A cine of three frames is three images and no slices."""
    cine = {"SOPClassUID": f"{IMAGES}3.1", "Modality": "US", "PatientID": "two"}
    rows = [_row(n, n) for n in range(5)]
    rows += [_row(10, 0, ImagePositionPatient=None, path="us.dcm", SeriesInstanceUID="1.9")]
    rows[-1] |= cine | {"NumberOfFrames": 3, "Rows": 2, "Columns": 2, "file_size": 10**6}
    rows += [_row(11, 0, PatientID=None, SeriesInstanceUID="1.8", path="x.dcm")]
    slices = slice_table(header_frame(rows))
    counts = kind_counts(slices)
    assert counts.to_dict("index") == {
        "?": {"volume": 1, "cine": 0},
        "one": {"volume": 5, "cine": 0},
        "two": {"volume": 0, "cine": 3},
    }
    assert kind_counts(slices, "Modality").sum().sum() == len(slices)
    assert kind_counts(slices, "SeriesInstanceUID").loc["1.9", "cine"] == 3
    assert kind_counts(slices, "AccessionNumber").index.tolist() == ["?"]
    assert kind_counts(slices.iloc[:0]).empty
    with pytest.raises(MissingColumnError, match="expected a column of the slice table"):
        kind_counts(slices, "nonsense")
