"""How is a stack named for a person? What it is, which series, and what tells it from others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pydicom.datadict import dictionary_description, tag_for_keyword

from helpers.slices.arrays import Arrays
from helpers.slices.elements import CLOCKS, TIMES, seconds, shown
from helpers.slices.parts import DIMENSIONS, GUESSES

GE_COMPONENTS = ("magnitude", "phase", "real", "imaginary")  # by number
SHOWN_IN_SECONDS = 1000.0  # ms from which on a time is shown in seconds
MAX_PROBLEM = 60  # characters of a problem in a label
UNKNOWN_PLANE = "unknown"
UID_DIGITS = 6  # of the end of a UID that are shown
NONE = "none"  # the value of a part whose images do not have the element
NAMES_AND_UNITS = {  # keyword → (what stands before its value, and behind it)
    **{"EchoTime": ("TE", " ms"), "EffectiveEchoTime": ("TE", " ms"), "EchoNumbers": ("echo", "")},
    **{
        "InversionTime": ("TI", " ms"),
        "InversionTimes": ("TI", " ms"),
        "FlipAngle": ("flip angle", "°"),
    },
    **{"RepetitionTime": ("TR", " ms"), "RespiratoryIntervalTime": ("breath", " ms")},
    **dict.fromkeys(("TemporalPositionIdentifier", "TemporalPositionIndex"), ("time point", "")),
    **{"NominalPercentageOfCardiacPhase": ("phase", " %"), "KVP": ("", " kV")},
    **{"ConvolutionKernel": ("kernel", ""), "ReconstructionAlgorithm": ("reconstruction", "")},
    **{"ContrastBolusAgent": ("contrast", ""), "ContrastBolusAgentNumber": ("contrast agent", "")},
    **{"Units": ("unit", ""), "CorrectedImage": ("corrected", ""), "FilterType": ("filter", "")},
    **{"ScanningSequence": ("sequence", ""), "SequenceVariant": ("variant", "")},
    **{"DiffusionDirectionality": ("diffusion", ""), "DoseType": ("", ""), "DoseUnits": ("", "")},
    **{"DoseSummationType": ("", ""), "EnergyWindowVector": ("energy window", "")},
    **{"PhaseVector": ("phase", ""), "TimeSlotVector": ("time slot", "")},
    **{"RRIntervalVector": ("R-R interval", ""), "DetectorVector": ("detector", "")},
    **{"AngularViewVector": ("view", ""), "RotationVector": ("rotation", "")},
    **{"AcquisitionNumber": ("acquisition", ""), "SeriesNumber": ("series", "")},
    **{"StackID": ("stack", ""), "SliceThickness": ("thickness", " mm"), "file": ("file", "")},
    **{
        "SequenceName": ("sequence", ""),
        "ProtocolName": ("protocol", ""),
        "folder": ("folder", ""),
    },
    **{"SeriesDescription": ("", ""), "ImageComments": ("", ""), "ScanOptions": ("options", "")},
    **{"ViewPosition": ("view", ""), "ImageLaterality": ("", ""), "Laterality": ("", "")},
    **{"BodyPartExamined": ("", ""), "ReconstructionDiameter": ("field of view", " mm")},
    **{"ReconstructionMethod": ("", ""), "PresentationIntentType": ("", "")},
    **{"PatientPosition": ("", "")},
    **{"ReferencedSegmentNumber": ("segment", ""), "ComplexImageComponent": ("component", "")},
}
NOUNS = {  # what an element is called where it has no value
    **{"DiffusionBValue": "b-value", "DiffusionGradientOrientation": "direction"},
    **{"ImageType": "image type", "FrameType": "frame type", "KVP": "kVp"},
    "(0043,xx2F) GEMS_PARM_01": "component",
}


def split_label(keyword: str | None, value: Any, count: int | None = None) -> str:
    """What tells a stack from its sisters, with its name and unit; empty where nothing does.

    A time of day is not said, as it could identify a person: `split_labels` says what has passed.

    Parameters
    ----------
    keyword, value : `split_keyword` and `split_value` of `helpers.stack_table`
    count : stacks in the group, for those that are only numbered: "3 of 10"

    Examples
    --------
    >>> split_label("DiffusionBValue", 1000), split_label("TriggerTime", 1200.0)
    ('b = 1000 s/mm²', '1.2 s')
    >>> split_label("EchoNumbers", 2), split_label("InstanceNumber", 3, count=10)
    ('echo 2', '3 of 10')
    >>> split_label("EchoTime, ComplexImageComponent", "80.0, PHASE")
    'TE 80 ms, phase'
    """
    if not isinstance(keyword, str) or not keyword:
        return ""
    keywords = keyword.split(", ")
    values = [value] if len(keywords) == 1 else str(value).split(", ")
    if len(values) != len(keywords):  # a value that has commas of its own
        return f"{keyword} {value}"
    said = [_one(*one, count) for one in zip(keywords, values) if one[0] not in CLOCKS]
    return ", ".join(said)


def split_labels(stacks: pd.DataFrame) -> list[str]:
    """As `split_label`, of each stack of one group: numbered ones "3 of 10", clocks from the first.

    Of times of day the first is "0 s", the others so much later.

    Parameters
    ----------
    stacks : rows of `helpers.stack_table`, the stacks of one group
    """
    since = _seconds_since_first(stacks)
    return [
        split_label(row.split_keyword, row.split_value, len(stacks))
        if np.isnan(later)
        else f"{later:.4g} s"
        for row, later in zip(stacks.itertuples(), since)
    ]


def stack_label(row: Any, *, sisters: int = 0) -> str:
    """A stack in a line: its series' number and description, what it is, and what tells it apart.

    Parameters
    ----------
    row : a row of `helpers.stack_table`, a named tuple of ``itertuples()`` or a Series
    sisters : stacks of its group, for an entry that stands for all of them
    """
    split = f"{sisters} volumes" if sisters else split_label(row.split_keyword, row.split_value)
    words = [
        _number_and_description(row),
        row.plane if row.kind == "volume" and row.plane != UNKNOWN_PLANE else row.kind,
        _count(row),
        f"{row.rows} × {row.columns}",
        *(row.Modality, split, row.differs, _short(row.problems)),
    ]
    return " · ".join(str(word) for word in words if _is_said(word))


def element_label(keyword: str, value: Any) -> str:
    """One element and its value, with name and unit: "kernel B70f", "thickness 5 mm"."""
    return _one(keyword, shown(value), None)


def series_label(row: Any) -> str:
    """The series of a stack or an image, a row of either's table: "series 3 5mm"."""
    return f"series {_number_and_description(row)}".strip()


def _number_and_description(row):
    words = row.SeriesNumber, row.SeriesDescription
    return " ".join(str(shown(word)) for word in words if _is_said(word))


def _is_said(word):
    return word is not None and word == word and str(word).strip() != ""


def _count(row):
    """How many images a stack has, in the word for its kind."""
    count, word = row.images, "frame" if row.kind == "cine" else "image"
    if row.volume != "no":
        count, word = row.positions, "slice"
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _short(problems):
    """The first of several problems, cut where it is long."""
    first = str(problems).split("; ")[0]
    return first if len(first) <= MAX_PROBLEM else f"{first[:MAX_PROBLEM]}…"


def _seconds_since_first(stacks):
    """Seconds (n,) after the earliest, of stacks that a clock alone tells apart; NaN of others."""
    keywords = stacks["split_keyword"].tolist()
    if not keywords or keywords[0] not in CLOCKS or len({*keywords}) > 1:
        return np.full(len(stacks), np.nan)
    times = pd.DataFrame({keywords[0]: stacks["split_value"].astype(object)})
    found = seconds(Arrays(times), keywords[0])
    return found - np.nanmin(found) if np.isfinite(found).all() else np.full(len(found), np.nan)


def _one(keyword, value, count):
    """One element and its value."""
    if keyword in (*GUESSES, DIMENSIONS):
        return f"{value} of {count}" if count else f"number {value}"
    if value is None or value == NONE or value != value:
        return f"no {_name_of(keyword)}"
    if keyword in FORMATS:
        return FORMATS[keyword](value)
    if keyword in TIMES:
        return _time(value)
    name, unit = NAMES_AND_UNITS.get(keyword, (_name_of(keyword), ""))
    return " ".join(filter(None, (name, f"{_plain(value)}{unit}")))


def _name_of(keyword):
    """The name of an element, as it stands before its value."""
    if keyword in NOUNS:
        return NOUNS[keyword]
    name, _ = NAMES_AND_UNITS.get(keyword, ("", ""))
    tag = tag_for_keyword(keyword)
    return name or (dictionary_description(tag) if tag else keyword)


def _plain(value):
    """A number with the digits that tell, or a text."""
    number = _number(value)
    return str(value) if number is None else f"{number:.6g}"


def _number(value):
    """A number, which may be in a text; None where there is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _time(ms):
    """A time in ms, or in seconds where it is long."""
    number = _number(ms)
    if number is None:
        return str(ms)
    return f"{number / 1000:.4g} s" if abs(number) >= SHOWN_IN_SECONDS else f"{number:.4g} ms"


def _seconds(value):
    number = _number(value)
    return str(value) if number is None else _time(1000 * number)


def _words(value):
    """The values of an Image Type, as words."""
    return str(value).replace("\\", " ").replace("_", " ")


def _ge_component(value):
    number = _number(value)
    known = number is not None and number in range(len(GE_COMPONENTS))
    return GE_COMPONENTS[int(number)] if known else f"component {value}"


def _direction(value):
    return f"direction {_vector(value)}"


def _vector(value):
    return f"({str(value).replace(chr(92), ', ')})"


FORMATS: dict[str, Callable[[Any], str]] = {
    "DiffusionBValue": lambda value: f"b = {_plain(value)} s/mm²",
    "DiffusionGradientOrientation": _direction,
    "ComplexImageComponent": lambda value: str(value).lower(),
    "ImageType": _words,
    "FrameType": _words,
    "(0043,xx2F) GEMS_PARM_01": _ge_component,
    "TemporalPositionTimeOffset": _seconds,
    "ImageOrientationPatient": lambda value: f"orientation {_vector(value)}",
    "PixelSpacing": lambda value: f"pixels {_vector(value)} mm",
    **dict.fromkeys(("CorrectedImage", "ScanningSequence", "ScanOptions"), _words),
    "FrameOfReferenceUID": lambda uid: f"frame of reference …{str(uid)[-UID_DIGITS:]}",
    "AcquisitionUID": lambda uid: f"acquisition …{str(uid)[-UID_DIGITS:]}",
}
