"""Each rule of "When is a series one stack?", on the smallest series that shows it."""

import numpy as np
import pandas as pd
import pytest
from truth_headers import header_frame, header_row

from helpers import audit, slice_table, stack_table

STEP = 2.0  # mm from slice to slice


def _row(number, z, **values):
    """An axial image z steps up; its path says its number."""
    position = None if z is None else (0.0, 0.0, STEP * z)
    values = {"InstanceNumber": number, "ImagePositionPatient": position} | values
    return header_row(values.pop("path", f"scan/{number:03}.dcm"), **values)


def _stacks(rows):
    """The stacks of a series as lists of file numbers in order, the first of these first."""
    slices = slice_table(header_frame(rows), progress=False)
    assert len(slices) == len(rows), "an image has vanished"
    found = [
        [int(path[-7:-4]) for path in stack.index.get_level_values("path")]
        for _, stack in slices.groupby(level=[0, 1])
    ]
    return sorted(found)


def _table(rows):
    return stack_table(slice_table(header_frame(rows), progress=False))


def _alternating(keyword, values, count=8):
    """One even grid, of which an element changes from slice to slice."""
    return [_row(n, n, **{keyword: values[n % len(values)]}) for n in range(count)]


def _times(keyword, values, count=6):
    """A grid once for each value; Instance Numbers run from slice to slice."""
    pairs = [(z, value) for z in range(count) for value in values]
    return [_row(n, z, **{keyword: value}) for n, (z, value) in enumerate(pairs)]


def _each(repetitions, count=6):
    """What has to come of `_times`: one list of files for each repetition."""
    return [list(range(n, repetitions * count, repetitions)) for n in range(repetitions)]


# rule 1: always apart


@pytest.mark.parametrize(
    "own",
    [
        {"PatientID": "two"},
        {"StudyInstanceUID": "1.2.3.4"},
        {"ImageOrientationPatient": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)},
        {"Rows": 32},
        {"PixelSpacing": (0.9, 0.9)},
        {"ImagePositionPatient": None},
    ],
    ids=lambda own: next(iter(own)),
)
def test_rule_1_these_are_always_apart(own):
    rows = [_row(n, n) for n in range(5)] + [_row(n, n, **own) for n in range(5, 10)]
    turned = "ImageOrientationPatient" in own
    for n, row in enumerate(rows[5:]):
        if turned:  # a coronal stack runs along its own normal
            row["ImagePositionPatient"] = (0.0, STEP * n, 0.0)
    assert _stacks(rows) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_rule_1_two_studies_between_each_others_slices_are_apart():
    rows = _alternating("StudyInstanceUID", ["1.2.3", "1.2.4"])
    assert _stacks(rows) == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "PatientID"])
def test_rule_1_what_is_another_in_every_file_is_bookkeeping(keyword):
    rows = [_row(n, n, **{keyword: f"1.2.{n}"}) for n in range(8)]
    assert _stacks(rows) == [list(range(8))]
    headers = header_frame(rows)
    assert "identifiers-per-file" in set(audit(headers, slice_table(headers))["rule"])


@pytest.mark.parametrize("uid", [None, "1.2.3"], ids=["missing", "one for everything"])
@pytest.mark.parametrize("told_by", ["folder", "SeriesNumber", "SeriesDescription"])
def test_rule_1_without_a_series_uid_folder_number_and_description_tell(uid, told_by):
    rows = []
    for n in range(12):
        scan = n // 6
        own = {told_by: (scan + 1 if told_by == "SeriesNumber" else f"scan {scan}")}
        folder = own.pop("folder", "all")
        path = f"{folder}/{n:03}.dcm"
        rows.append(_row(n, n % 6, path=path, SeriesInstanceUID=uid, **own))
    assert _stacks(rows) == [list(range(6)), list(range(6, 12))]


def test_rule_1_a_missing_series_uid_is_said_in_words():
    slices = slice_table(header_frame([_row(n, n, SeriesInstanceUID=None) for n in range(4)]))
    assert set(slices.index.get_level_values(0)) == {"no SeriesInstanceUID"}


# rule 2: one even grid


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("AcquisitionNumber", [1, 2]),
        ("SliceThickness", [1.0, 1.25, 1.0]),
        ("SliceThickness", [2.0, 2.001, 1.999]),
        ("StackID", ["1", "2"]),
        ("TablePosition", [10.0, 20.0, 15.0]),
        ("FrameOfReferenceUID", [f"1.2.{n}" for n in range(8)]),
        ("AcquisitionTime", [f"1200{n:02}.5" for n in (5, 3, 1, 7, 2, 0, 4, 6)]),
        ("InstanceNumber", [5, 3, 1, 7, 2, 8, 4, 6]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rule_2_bookkeeping_cuts_no_even_grid(keyword, values):
    rows = _alternating(keyword, values)
    assert _stacks(rows) == [list(range(8))]
    stack = _table(rows).iloc[0]
    assert (stack["positions"], stack["kind"], stack["volume"]) == (8, "volume", "whole")
    assert stack["split_keyword"] is None and stack["split_value"] is None


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("EchoTime", [4.6, 9.2]),
        ("DiffusionBValue", [0.0, 1000.0]),
        ("ImageType", [("ORIGINAL", "PRIMARY", "M"), ("ORIGINAL", "PRIMARY", "P")]),
        ("ConvolutionKernel", ["B30f", "B70f"]),
    ],
)
def test_rule_2_meaning_cuts_into_grids_between_each_others_slices(keyword, values):
    rows = _alternating(keyword, values, count=12)
    assert _stacks(rows) == [list(range(0, 12, 2)), list(range(1, 12, 2))]
    table = _table(rows)
    assert set(table["split_keyword"]) == {keyword} and set(table["volume"]) == {"whole"}


def test_rule_2_meaning_that_changes_half_way_cuts_nothing_and_is_no_whole_volume():
    rows = [_row(n, n, KVP=100.0 if n < 5 else 120.0) for n in range(10)]
    assert _stacks(rows) == [list(range(10))]
    assert _table(rows)["volume"].iloc[0] != "whole"


# rule 3: positions that repeat


@pytest.mark.parametrize(
    ("keyword", "values", "said"),
    [
        ("DiffusionBValue", [0.0, 500.0, 1000.0], [0, 500, 1000]),
        ("(0019,xx0C) SIEMENS MR HEADER", [0, 500, 1000], [0, 500, 1000]),
        ("(0043,xx39) GEMS_PARM_01", [(b, 8, 0, 0) for b in (0, 500, 1000)], [0, 500, 1000]),
        ("(2001,xx03) Philips Imaging DD 001", [0.0, 500.0, 1000.0], [0, 500, 1000]),
        ("EchoTime", [2.3, 4.6], [2.3, 4.6]),
        ("InversionTime", [150.0, 400.0], [150, 400]),
        ("FlipAngle", [3.0, 15.0], [3, 15]),
        ("TemporalPositionIdentifier", [1, 2, 3], [1, 2, 3]),
        ("TriggerTime", [20.0, 60.0], [20, 60]),
        ("NominalPercentageOfCardiacPhase", [40.0, 75.0], [40, 75]),
        ("FrameReferenceTime", [5000.0, 15000.0], [5000, 15000]),
        ("KVP", [80.0, 140.0], [80, 140]),
        ("ConvolutionKernel", ["B30f", "B70f"], ["B30f", "B70f"]),
        ("ContrastBolusAgent", ["IOMERON", "OMNIPAQUE"], ["IOMERON", "OMNIPAQUE"]),
        ("AcquisitionNumber", [1, 2], [1, 2]),
    ],
)
def test_rule_3_one_element_tells_repetitions_apart(keyword, values, said):
    rows = _times(keyword, values)
    assert _stacks(rows) == _each(len(values))
    table = _table(rows)
    assert sorted(table["split_value"]) == said and table["group"].nunique() == 1
    assert set(table["split_keyword"]) <= {keyword, "DiffusionBValue"}
    assert set(table["volume"]) == {"whole"}


@pytest.mark.parametrize("names", [("M", "P"), ("M", "P", "R", "I"), ("W", "F", "IP", "OP")])
def test_rule_3_magnitude_and_phase_and_dixon_images_are_apart(names):
    rows = _times("ImageType", [("ORIGINAL", "PRIMARY", name, "NONE") for name in names])
    assert _stacks(rows) == _each(len(names))
    table = _table(rows)
    assert table["split_value"].nunique() == len(names) and table["group"].nunique() == 1


def test_rule_3_several_elements_where_one_is_not_enough():
    images = [(z, echo, name) for z in range(6) for echo in (2.3, 4.6) for name in "MP"]
    rows = [
        _row(n, z, EchoTime=echo, ImageType=("ORIGINAL", "PRIMARY", name))
        for n, (z, echo, name) in enumerate(images)
    ]
    assert _stacks(rows) == _each(4)
    assert _table(rows)["group"].nunique() == 1


@pytest.mark.parametrize("clock", [True, False])
def test_rule_3_clock_or_number_break_the_tie_of_several_b0(clock):
    sides = [None, None, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    images = [(z, n) for n in range(4) for z in range(6)]
    numbers = np.random.default_rng(3).permutation(24) if clock else range(24)
    rows = [
        _row(
            *(row, z),
            InstanceNumber=int(number),
            DiffusionBValue=0.0 if sides[n] is None else 700.0,
            DiffusionGradientOrientation=sides[n],
            AcquisitionTime=f"1200{n:02}" if clock else None,
        )
        for row, (number, (z, n)) in enumerate(zip(numbers, images, strict=True))
    ]
    assert _stacks(rows) == [list(range(6 * n, 6 * n + 6)) for n in range(4)]


def test_rule_3_meaning_goes_before_bookkeeping():
    images = [(z, b) for z in range(6) for b in (0.0, 800.0)]
    rows = [
        _row(n, z, DiffusionBValue=b, AcquisitionNumber=1 + (z + (b > 0)) % 2)
        for n, (z, b) in enumerate(images)
    ]
    assert _stacks(rows) == _each(2)
    assert set(_table(rows)["split_keyword"]) == {"DiffusionBValue"}


def test_rule_3_times_that_differ_a_little_are_ranked_within_each_position():
    rng = np.random.default_rng(1)
    images = [(z, 40.0 * phase) for z in range(6) for phase in range(5)]
    rows = [
        _row(n, z, TriggerTime=float(time + rng.uniform(0, 12)))
        for n, (z, time) in enumerate(images)
    ]
    assert _stacks(rows) == _each(5)
    table = _table(rows)
    assert set(table["split_keyword"]) == {"TriggerTime"} and table["group"].nunique() == 1


@pytest.mark.parametrize("acquisition", [1, 2])
def test_rule_3_a_retake_of_two_images_stays_as_repeated(acquisition):
    rows = [_row(n, n, AcquisitionNumber=1) for n in range(10)]
    rows += [_row(10 + n, 4 + n, AcquisitionNumber=acquisition) for n in range(2)]
    slices = slice_table(header_frame(rows))
    assert _stacks(rows) == [[0, 1, 2, 3, 4, 10, 5, 11, 6, 7, 8, 9]]
    assert slices["repeated"].sum() == 2
    assert list(slices.index.get_level_values("path")[slices["repeated"]]) == [
        "scan/010.dcm",
        "scan/011.dcm",
    ]


@pytest.mark.parametrize("copied", [1, 8])
def test_rule_3_copies_of_an_object_are_repeated(copied):
    rows = [_row(n, n) for n in range(8)]
    rows += [row | {"path": f"scan/{100 + n}.dcm"} for n, row in enumerate(rows[:copied])]
    (stack,) = _stacks(rows)
    assert len(stack) == 8 + copied
    assert slice_table(header_frame(rows))["repeated"].sum() == copied


# rule 4: positions that are uneven and do not repeat


@pytest.mark.parametrize("keyword", ["AcquisitionNumber", "EchoTime", "ConvolutionKernel"])
def test_rule_4_two_scans_at_offset_grids_are_apart(keyword):
    values = {"AcquisitionNumber": (1, 2), "EchoTime": (2.3, 4.6)}.get(keyword, ("B30f", "B70f"))
    rows = [_row(n, n, **{keyword: values[0]}) for n in range(8)]
    rows += [_row(8 + n, n + 0.3, **{keyword: values[1]}) for n in range(8)]
    assert _stacks(rows) == [list(range(8)), list(range(8, 16))]
    assert set(_table(rows)["split_keyword"]) == {keyword}


def test_rule_4_a_stack_of_two_spacings_stays_one():
    heights = [*np.arange(8) * 1.25, *(8.75 + np.arange(1, 9) * 2.5)]  # 2.5 mm base, 5 mm vertex
    rows = [
        _row(n, z, SliceThickness=2.5 if n < 8 else 5.0) for n, z in enumerate(map(float, heights))
    ]
    assert _stacks(rows) == [list(range(16))]
    assert _table(rows)["volume"].iloc[0] != "whole"


# rule 5: one position, many times


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("TriggerTime", [float(25 * n) for n in range(20)]),
        ("FrameReferenceTime", [float(1000 * n) for n in range(20)]),
        ("AcquisitionTime", [f"1200{n:02}" for n in range(20)]),
        ("InstanceNumber", list(range(1, 21))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rule_5_one_position_many_times_is_a_cine_over_time(keyword, values):
    order = np.random.default_rng(2).permutation(20)
    numbers = values if keyword == "InstanceNumber" else np.arange(20, 0, -1).tolist()
    rows = [
        _row(n, 3, **{"InstanceNumber": numbers[n], keyword: values[n], "Modality": "MR"})
        for n in order.tolist()
    ]
    assert _stacks(rows) == [list(range(20))]
    stack = _table(rows).iloc[0]
    assert (stack["kind"], stack["images"], stack["positions"]) == ("cine", 20, 1)


# rule 6: nothing tells repetitions apart


@pytest.mark.parametrize("by_place", [True, False])
def test_rule_6_instance_number_numbers_them_and_says_so(by_place):
    places = [(z, n) for z in range(6) for n in range(3)]
    ordered = places if by_place else sorted(places, key=lambda place: place[1])
    numbers = {place: number for number, place in enumerate(ordered)}
    rows = [_row(n, place[0], InstanceNumber=numbers[place]) for n, place in enumerate(places)]
    assert _stacks(rows) == _each(3)
    table = _table(rows)
    assert set(table["split_keyword"]) == {"InstanceNumber"}
    assert table["problems"].map(bool).all()
    headers = header_frame(rows)
    findings = audit(headers, slice_table(headers)).set_index("rule")
    assert set(findings.loc[["ambiguous-repetitions"], "severity"]) == {"warning"}


# rule 7: a part that lacks a position


@pytest.mark.parametrize("lacking", [0, 2, 5])
@pytest.mark.parametrize("keyword", ["DiffusionBValue", "EchoTime", "AcquisitionNumber"])
def test_rule_7_a_part_that_lacks_a_position_keeps_its_cut(keyword, lacking):
    rows = _times(keyword, [1, 2, 3])
    gone = 3 * lacking + 1
    expected = [[n for n in stack if n != gone] for stack in _each(3)]
    rows = [row for n, row in enumerate(rows) if n != gone]
    assert _stacks(rows) == sorted(expected)
    assert set(_table(rows)["split_keyword"]) == {keyword}


def test_rule_7_one_scan_that_lacks_a_position_is_one_stack_with_a_gap():
    rows = [_row(n, n) for n in range(10) if n != 4]
    assert _stacks(rows) == [[0, 1, 2, 3, 5, 6, 7, 8, 9]]
    stack = _table(rows).iloc[0]
    assert stack["gap_max_mm"] == pytest.approx(2 * STEP) and stack["volume"] != "whole"


def test_micrometres_are_positions_of_their_own():
    own = {"PixelSpacing": (0.005, 0.005), "SliceThickness": 0.005}
    rows = [_row(n, 0.0025 * n, **own) for n in range(12)]
    assert _stacks(rows) == [list(range(12))]
    stack = _table(rows).iloc[0]
    assert (stack["positions"], stack["volume"]) == (12, "whole")
    assert stack["spacing_mm"] == pytest.approx(0.005)


def test_no_image_gives_empty_tables_with_their_columns():
    headers = header_frame([_row(n, n) for n in range(3)]).iloc[:0]
    slices = slice_table(headers)
    assert slices.empty and {"position_mm", "repeated", "order_grade", "kind"} <= set(slices)
    stacks = stack_table(slices)
    assert stacks.empty and {"kind", "split_keyword", "problems"} <= set(stacks)
    assert isinstance(stacks, pd.DataFrame)
