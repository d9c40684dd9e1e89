"""How a stack is named for a person."""

import numpy as np
import pandas as pd
import pytest
from truth_headers import header_frame, header_row

from helpers import deidentify, header_table, slice_table, stack_table
from helpers.slices.labels import split_label, split_labels, stack_label

READABLE = {
    ("DiffusionBValue", 1000): "b = 1000 s/mm²",
    ("DiffusionBValue", "none"): "no b-value",
    ("DiffusionBValue, DiffusionGradientOrientation", "1000, 0.12\\0.3\\-0.9"): (
        "b = 1000 s/mm², direction (0.12, 0.3, -0.9)"
    ),
    ("EchoTime", 4.92): "TE 4.92 ms",
    ("EchoNumbers", 2): "echo 2",
    ("InversionTime", 150): "TI 150 ms",
    ("FlipAngle", 15): "flip angle 15°",
    ("TriggerTime", 1200.0): "1.2 s",
    ("TriggerTime", 40.5): "40.5 ms",
    ("TemporalPositionTimeOffset", 3.2): "3.2 s",
    ("TemporalPositionIdentifier", 3): "time point 3",
    ("NominalPercentageOfCardiacPhase", 30.0): "phase 30 %",
    ("ComplexImageComponent", "PHASE"): "phase",
    ("(0043,xx2F) GEMS_PARM_01", 1): "phase",
    ("(0043,xx2F) GEMS_PARM_01", 7): "component 7",
    ("ImageType", "M\\WATER"): "M WATER",
    ("KVP", 80): "80 kV",
    ("ConvolutionKernel", "B70f"): "kernel B70f",
    ("ConvolutionKernel", "none"): "no kernel",
    ("ReferencedSegmentNumber", 2): "segment 2",
    ("EnergyWindowVector", 1): "energy window 1",
    ("SliceThickness", 2.5): "thickness 2.5 mm",
    ("InstanceNumber", 3): "number 3",
    ("ConvolutionKernel, KVP", "a, b, 80"): "ConvolutionKernel, KVP a, b, 80",
}


@pytest.mark.parametrize("split", READABLE, ids=str)
def test_what_tells_stacks_apart_has_its_name_and_unit(split):
    assert split_label(*split) == READABLE[split]


def test_no_split_has_no_words():
    assert split_label(None, None) == split_label(np.nan, np.nan) == ""


def test_numbered_stacks_say_how_many_there_are():
    assert split_label("InstanceNumber", 3, 10) == "3 of 10"
    stacks = pd.DataFrame({"split_keyword": "InstanceNumber", "split_value": [1, 2, 3]})
    assert split_labels(stacks) == ["1 of 3", "2 of 3", "3 of 3"]


def test_a_clock_is_said_from_the_first_on():
    times = ["235958.5", "235959.75", "235959.9"]
    stacks = pd.DataFrame({"split_keyword": "AcquisitionTime", "split_value": times})
    assert split_labels(stacks) == ["0 s", "1.25 s", "1.4 s"]


# stacks that would read alike


def _series(number, count=4, **values):
    """Rows of one CT series of slices; all of one patient and study, if nothing says otherwise."""
    own = {"SeriesInstanceUID": f"1.2.{number}", "SeriesNumber": number, "SeriesDescription": "5mm"}
    return [
        header_row(
            f"{number}/{z}.dcm",
            **own | {"ImagePositionPatient": (0.0, 0.0, 5.0 * z), "InstanceNumber": z} | values,
        )
        for z in range(count)
    ]


def _stacks(*series):
    rows = [row for one in series for row in one]
    return stack_table(slice_table(header_frame(rows))).sort_index()


def test_two_reconstructions_of_a_chest_are_told_apart_by_their_kernel():
    kernels = [_series(n, 64, ConvolutionKernel=kernel) for n, kernel in ((2, "B31f"), (3, "B70f"))]
    stacks = _stacks(*kernels)
    assert stacks["differs"].tolist() == ["kernel B31f", "kernel B70f"]
    assert [stack_label(row) for row in stacks.itertuples()] == [
        f"{n} 5mm · axial · 64 slices · 16 × 20 · CT · kernel {kernel}"
        for n, kernel in ((2, "B31f"), (3, "B70f"))
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            [{"SliceThickness": 5.0}, {"SliceThickness": 1.25}],
            ["thickness 5 mm", "thickness 1.25 mm"],
        ),
        ([{"FlipAngle": 5.0}, {}], ["flip angle 5°", "no flip angle"]),
        (
            [{"PixelSpacing": (0.5, 0.5)}, {"PixelSpacing": (0.7, 0.7)}],
            ["pixels (0.5, 0.5) mm", "pixels (0.7, 0.7) mm"],
        ),
        (
            [
                {"ImageType": ("ORIGINAL", "PRIMARY", "M")},
                {"ImageType": ("DERIVED", "PRIMARY", "M")},
            ],
            ["ORIGINAL", "DERIVED"],
        ),
        (
            [
                {"StudyInstanceUID": "1.9", "StudyDate": "20210101"},
                {"StudyInstanceUID": "1.8", "StudyDate": "20200101"},
            ],
            ["study 2 of 2", "study 1 of 2"],
        ),
        (
            [{"AcquisitionTime": "120000"}, {"AcquisitionTime": "110000"}],
            ["time 2 of 2", "time 1 of 2"],
        ),
        (
            [{"SeriesNumber": 4, "ConvolutionKernel": "A"}, {"SeriesNumber": 4, "KVP": 80.0}],
            ["kernel A", "no kernel"],  # one is enough
        ),
        ([{"SeriesNumber": 4}, {"SeriesNumber": 5}], ["", ""]),  # which the label says
        ([{"PatientID": "a", "KVP": 80.0}, {"PatientID": "b", "KVP": 90.0}], ["", ""]),
        ([{"KVP": 80.0}, {"SeriesDescription": "other", "KVP": 90.0}], ["", ""]),
        ([{"KVP": 80.0}, {"KVP": 80.0000001}], ["", ""]),  # one number, written twice
    ],
)
def test_what_differs_first_is_named(values, expected):
    stacks = _stacks(*(_series(n, **own) for n, own in enumerate(values)))
    assert stacks["differs"].tolist() == expected


def test_what_nothing_tells_apart_has_the_end_of_its_uid():
    series = [_series(1, SeriesInstanceUID=f"1.2.3.{uid}") for uid in (111111, 222222)]
    stacks = _stacks(series[0], [row | {"path": "b" + row["path"]} for row in series[1]])
    assert stacks["differs"].tolist() == ["series UID …111111", "series UID …222222"]


def test_three_that_one_element_does_not_tell_apart_have_two():
    settings = [("A", 80.0), ("A", 90.0), ("B", 80.0)]
    series = [_series(n, ConvolutionKernel=k, KVP=v) for n, (k, v) in enumerate(settings)]
    assert _stacks(*series)["differs"].tolist() == [
        "kernel A, 80 kV",
        "kernel A, 90 kV",
        "kernel B",
    ]


def test_a_label_says_what_a_stack_is():
    frames = _series(1, 3, ImagePositionPatient=None, Modality="CT")
    frames = [
        row | {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"} for row in frames
    ]
    (row,) = _stacks([{**row, "SeriesDescription": None} for row in frames]).itertuples()
    assert stack_label(row) == "1 · picture · 3 images · 16 × 20 · US"
    (volume,) = _stacks(_series(7)).itertuples()
    assert stack_label(volume, sisters=40).endswith("CT · 40 volumes")


def test_identity_is_hidden_where_it_is_hidden_elsewhere(phantom):
    """Descriptions have pseudonyms in the header table, so that labels have them too."""
    headers = deidentify(header_table(phantom / "P01-reference", cache=False, progress=False))
    stacks = stack_table(slice_table(headers))
    assert all("hidden-" in stack_label(row) for row in stacks.itertuples())


def test_stacks_that_a_clock_tells_apart_are_numbered_and_no_time_of_day_is_said():
    times = ("101530", "101500", "101600")
    rows = [
        row | {"path": f"1/{k}-{z}.dcm", "SOPInstanceUID": f"1.{k}.{z}", "AcquisitionTime": clock}
        for k, clock in enumerate(times)
        for z, row in enumerate(_series(1, 5))
    ]
    stacks = _stacks(rows)
    assert set(stacks["split_keyword"]) == {"AcquisitionTime"}
    assert stacks["differs"].tolist() == ["time 1 of 3", "time 2 of 3", "time 3 of 3"]
    assert not any(clock in stack_label(row) for row in stacks.itertuples() for clock in times)
    assert split_labels(stacks) == ["0 s", "30 s", "60 s"]
