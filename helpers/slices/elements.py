"""Which elements tell images of one position apart, and what do their values mean?

Elements of meaning change what the pixels are; elements of bookkeeping do not. Times are both: a
time point is a meaning, but its clock differs a little from slice to slice.
"""

import math
import re
from typing import Any

import numpy as np
import pandas as pd

from helpers.slices.arrays import Arrays

# whose values are compared; the first that does names the split
MEANING = (
    *("DiffusionBValue", "DiffusionGradientOrientation", "EchoTime", "EffectiveEchoTime"),
    *("EchoNumbers", "InversionTime", "InversionTimes", "FlipAngle", "RepetitionTime"),
    *("ComplexImageComponent", "ImageType", "FrameType", "(0043,xx2F) GEMS_PARM_01"),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "NominalPercentageOfCardiacPhase"),
    *("RespiratoryIntervalTime", "KVP", "ConvolutionKernel", "ReconstructionAlgorithm"),
    *("ContrastBolusAgent", "ContrastBolusAgentNumber", "Units", "CorrectedImage", "FilterType"),
    *("ScanningSequence", "SequenceVariant", "DiffusionDirectionality"),
    *("EnergyWindowVector", "PhaseVector", "TimeSlotVector", "RRIntervalVector", "DetectorVector"),
    *("AngularViewVector", "RotationVector", "DoseType", "DoseUnits", "DoseSummationType"),
)  # fmt: skip
# of these, what one measurement gives at once: magnitude and phase, water and fat, echoes
COMPONENTS = ("ComplexImageComponent", "ImageType", "FrameType", "EchoTime", "EffectiveEchoTime")
# times of the heart, of breath and of a series: equal in a time point, or nearly
TIMES = (
    *("TriggerTime", "NominalCardiacTriggerDelayTime", "ActualCardiacTriggerDelayTime"),
    *("FrameReferenceTime", "TemporalPositionTimeOffset", "TriggerDelayTime"),
)
# which say nothing of the pixels, but may number the scans of a series
BOOKKEEPING = (
    *("AcquisitionNumber", "AcquisitionUID", "SeriesNumber", "StackID", "SliceThickness"),
    *("SequenceName", "ProtocolName", "SeriesDescription", "ImageComments", "ScanOptions"),
    *("FrameOfReferenceUID", "file", "folder"),
)
CLOCKS = (  # date and time in one, or the keywords of both
    *("FrameAcquisitionDateTime", "FrameReferenceDateTime", "AcquisitionDateTime"),
    *("AcquisitionTime", "ContentTime", "InstanceCreationTime"),
)
DATE_OF = {
    "AcquisitionTime": "AcquisitionDate",
    "ContentTime": "ContentDate",
    "InstanceCreationTime": "InstanceCreationDate",
}
# (column, position of the value in it or None) that vendors give in place of a public element
PRIVATE_B_VALUES = (
    ("(0019,xx0C) SIEMENS MR HEADER", None),
    ("(0043,xx39) GEMS_PARM_01", 0),
    ("(2001,xx03) Philips Imaging DD 001", None),
)
PRIVATE_DIRECTIONS = ("(0019,xx0E) SIEMENS MR HEADER",)
GE_B_VALUE_OFFSET = 1_000_000_000  # is added to b-values by some of its software
DIGITS = 5  # of a number that count: 4.92 and 4.9200001 are one echo
VECTOR_DECIMALS = 3
SECONDS_A_DAY = 86_400
TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d+)?")
DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
DATE_TIME = re.compile(r"(\d{8})(\d{2}\d{0,4}(?:\.\d+)?)?")


def with_private_diffusion(table: pd.DataFrame) -> pd.DataFrame:
    """The table with b-values and directions that only private elements give, under public names.

    ``DiffusionBValue`` and ``DiffusionGradientOrientation`` stay as they are where they are given.
    """
    found = {
        "DiffusionBValue": [(name, place) for name, place in PRIVATE_B_VALUES if name in table],
        "DiffusionGradientOrientation": [
            (name, None) for name in PRIVATE_DIRECTIONS if name in table
        ],
    }
    for keyword, columns in found.items():
        if columns:
            table = table.assign(**{keyword: _filled(table, keyword, columns)})
    return table


def compared(arrays: Arrays, keyword: str, rows: np.ndarray) -> np.ndarray:
    """A number (m,) for the value of each of some rows; it rises with the value, -1 for none."""
    values = [_compared(value) for value in arrays.values(keyword, rows)]
    distinct = sorted({value for value in values if value is not None}, key=_rising)
    numbers = {value: number for number, value in enumerate(distinct)} | {None: -1}
    return np.array([numbers[value] for value in values], int)


def seconds(arrays: Arrays, keyword: str) -> np.ndarray:
    """A clock (n,) in seconds, its date included where that is given; NaN where there is none."""
    if keyword.endswith("DateTime"):
        return arrays.numbers_of(keyword, _date_time_seconds)
    days = arrays.numbers_of(DATE_OF[keyword], _day_seconds)
    return arrays.numbers_of(keyword, _time_seconds) + np.nan_to_num(days)


def shown(value: Any) -> Any:
    """A value as a split says it: a number, or text; "none" for one that is missing."""
    if value is None or value != value:
        return "none"
    if isinstance(value, tuple):
        return "\\".join(f"{one:.4g}" if isinstance(one, float) else str(one) for one in value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return value if isinstance(value, int) else str(value)


def _filled(table, keyword, columns):
    """The public values, and private ones in their place where they are missing."""
    values = table[keyword].tolist() if keyword in table else [None] * len(table)
    for name, place in columns:
        private = table[name].tolist()
        values = [
            _private_value(other, place) if value is None or value != value else value
            for value, other in zip(values, private)
        ]
    return pd.Series(values, table.index, dtype=object)


def _private_value(value, place):
    """A b-value, one of several numbers where `place` says so; a direction of three numbers."""
    if place is not None:
        value = value[place] if isinstance(value, tuple) and len(value) > place else value
        value = _number(value)
        return None if value is None else value % GE_B_VALUE_OFFSET
    if isinstance(value, tuple):
        return value if len(value) == 3 else None
    return _number(value)


def _number(value):
    """A finite number, which older files may have as a text; None where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _compared(value):
    """A value with the digits that count; None where there is none."""
    if value is None or value != value:
        return None
    if isinstance(value, tuple):
        return tuple(
            round(one, VECTOR_DECIMALS) if isinstance(one, float) else one for one in value
        )
    if isinstance(value, float) and value and math.isfinite(value):
        return round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return value


def _rising(value):
    """A key that sorts numbers by size, before texts."""
    if isinstance(value, (int, float)):
        return (0, value, "")
    return (1, 0, str(value))


def _time_seconds(value):
    match = TIME.match(str(value))
    if not match:
        return np.nan
    hours, minutes, whole, part = match.groups(default="0")
    return int(hours) * 3600 + int(minutes) * 60 + int(whole) + float(part)


def _day_seconds(value):
    match = DATE.match(str(value))
    if not match:
        return np.nan
    try:
        return pd.Timestamp(*map(int, match.groups())).toordinal() * SECONDS_A_DAY
    except ValueError:
        return np.nan


def _date_time_seconds(value):
    match = DATE_TIME.match(str(value))
    if not match:
        return np.nan
    date, time = match.groups()
    return _day_seconds(date) + (_time_seconds(time) if time else 0)
