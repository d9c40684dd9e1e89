"""How a stack is named for a person."""

import numpy as np
import pandas as pd
import pytest

from helpers.slices.labels import split_label, split_labels

READABLE = {
    ("DiffusionBValue", 1000): "b = 1000 s/mm²",
    ("DiffusionBValue", "none"): "no b-value",
    ("DiffusionBValue, DiffusionGradientOrientation", "1000, 0.12\\0.3\\-0.9"): (
        "b = 1000 s/mm², direction (0.12, 0.3, -0.9)"
    ),
    ("EchoTime", 4.92): "TE 4.92 ms",
    ("EchoNumbers", 2): "echo 2",
    ("InversionTime", 150): "TI 150 ms",
    ("FlipAngle", 15): "flip 15°",
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
