"""How long had the dose decayed when a PET scan began? Dates and times of a series, in seconds."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import expm1, log
from typing import Any, NamedTuple

NEEDED_TIMES = ["SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime"]
INJECTION = ["RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime"]  # one of them
SAME_TIME = timedelta(seconds=1)  # clocks of one moment, rounded differently
MAX_BED_SPREAD = timedelta(minutes=1)  # of scan starts that the images of one scan tell
MAX_BEFORE_INJECTION = timedelta(minutes=10)  # that a dynamic scan begins
MAX_SCAN = timedelta(hours=4)  # from the start of a scan to its first image
MAX_HALF_LIVES = 10  # from injection to scan; a thousandth is left then
MAX_UNDATED_HALF_LIFE_S = 6 * 3600  # for which an injection without date was on the scan's day
DAY, MS_PER_S = timedelta(days=1), 1000
LATE = "Series Time lies after Acquisition Time: scan start taken from "
OF_GE = f"{LATE}GE's (0009,100D)"
OF_FRAMES = f"{LATE}Frame Reference Time"
OF_FIRST = f"{LATE}the earliest Acquisition Time, a guess"
MOMENT = re.compile(r"(\d{8})(\d{2})(\d{2})(\d{2})?(?:\.(\d{1,6}))?([+-]\d{4})?")


class DecayError(ValueError):
    """Times of which no decay follows; its text names what is missing or cannot be."""


class Decay(NamedTuple):
    """How long a dose had decayed."""

    seconds: float
    remark: str  # where the start of the scan is not what Series Time says


def decay_until_scan(files: Sequence[Mapping[str, Any]], half_life: float) -> Decay:
    """The `Decay` from injection to the moment that images are corrected to (START).

    That is Series Date and Time, unless processing has set it anew: then GE's private scan date
    and time; else what Frame Reference Time says, if all images agree; else the earliest
    Acquisition Date and Time.

    Parameters
    ----------
    files : of each file its values by keyword, None where it lacks one; all of `NEEDED_TIMES`,
        and one of `INJECTION`
    half_life : seconds

    Raises
    ------
    DecayError
        Where a time cannot be read, or its date is needed; where the injection lies behind the
        scan, or more than `MAX_HALF_LIVES` before it.

    References
    ----------
    PS3.3 C.8.9.1.1.5 (Decay Correction), C.8.9.4.1.5 (Frame Reference Time); QIBA, Standardized
    Uptake Value: vendor-neutral pseudo-code
    """
    start, remark = _scan_start(files, half_life)
    passed = start - _injection(files[0], start, half_life)
    if passed < -MAX_BEFORE_INJECTION:
        raise DecayError(f"an injection {_duration(-passed)} after the start of the scan")
    half_lives = passed.total_seconds() / half_life
    if half_lives > MAX_HALF_LIVES:
        raise DecayError(
            f"an injection {_duration(passed)} or {half_lives:.3g} half-lives before the scan "
            f"(at most {MAX_HALF_LIVES}; Radionuclide Half Life is {half_life:g} s)"
        )
    return Decay(passed.total_seconds(), remark)


def _scan_start(files: Sequence[Mapping[str, Any]], half_life: float) -> tuple[datetime, str]:
    """(The moment that images are corrected to, a remark where it is not that of the series)."""
    series = _moment(files[0], "SeriesDate", "SeriesTime")
    acquired = [_moment(file, "AcquisitionDate", "AcquisitionTime") for file in files]
    first = min(acquired)
    if first - series > MAX_SCAN:
        raise DecayError(f"Series Time {_duration(first - series)} before all Acquisition Times")
    if series - first <= SAME_TIME:
        return series, ""
    if (scan := files[0]["GEScanDateTime"]) is not None:
        return _parsed(scan, "GE's scan date and time (0009,100D)", files[0]), OF_GE
    told = [
        moment + timedelta(seconds=average - reference)
        for moment, (average, reference) in zip(acquired, _frame_times(files, half_life))
    ]
    if told and max(told) - min(told) <= MAX_BED_SPREAD:
        return min(told) + (max(told) - min(told)) / 2, OF_FRAMES
    return first, OF_FIRST


def _frame_times(files: Sequence[Mapping[str, Any]], half_life: float) -> list[tuple[float, float]]:
    """Of each image, seconds from its start to its average count rate, and from the scan's start.

    Empty where they are not known of all.
    """
    times = []
    for file in files:
        reference, duration = file["FrameReferenceTime"], file["ActualFrameDuration"]
        if not all(isinstance(ms, (int, float)) and ms > 0 for ms in (reference, duration)):
            return []
        decay = log(2) / half_life * duration / MS_PER_S
        average = half_life / log(2) * log(decay / -expm1(-decay))
        times.append((average, reference / MS_PER_S))
    return times


def _injection(file: Mapping[str, Any], start: datetime, half_life: float) -> datetime:
    """The moment of injection; where only its time is known, the last one before the scan."""
    if (moment := file["RadiopharmaceuticalStartDateTime"]) is not None:
        return _parsed(moment, "Radiopharmaceutical Start DateTime (0018,1078)", file)
    if half_life > MAX_UNDATED_HALF_LIFE_S:
        raise DecayError(
            "no Radiopharmaceutical Start DateTime (0018,1078), whose date counts with a half-life "
            f"of {_duration(timedelta(seconds=half_life))}"
        )
    name = "Radiopharmaceutical Start Time (0018,1072)"
    same_day = _parsed(f"{start:%Y%m%d}{file['RadiopharmaceuticalStartTime']}", name, file)
    return same_day if same_day - start <= MAX_BEFORE_INJECTION else same_day - DAY


def _moment(file: Mapping[str, Any], date: str, time: str) -> datetime:
    return _parsed(f"{file[date]}{file[time]}", f"{date.removesuffix('Date')} Date and Time", file)


def _parsed(text: Any, name: str, file: Mapping[str, Any]) -> datetime:
    """A date with a time in the series' own time zone, at least to the minute."""
    match = MOMENT.fullmatch(str(text).strip())
    try:
        if match is None:
            raise ValueError(text)
        date, hour, minute, second, fraction, zone = match.groups()
        moment = datetime.strptime(f"{date}{hour}{minute}{second or '00'}", "%Y%m%d%H%M%S")
    except ValueError:
        raise DecayError(f"no date and time in {name}") from None
    moment += timedelta(seconds=float(f"0.{fraction or 0}"))
    own = file["TimezoneOffsetFromUTC"]
    return moment if zone is None or own is None else moment + _offset(own) - _offset(zone)


def _offset(zone: Any) -> timedelta:
    """Hours and minutes from UTC, as +0130."""
    try:
        found = datetime.strptime(str(zone).strip(), "%z").utcoffset()
    except ValueError:
        raise DecayError("no offset in Timezone Offset From UTC (0008,0201)") from None
    return found or timedelta()


def _duration(time: timedelta) -> str:
    """A time in the unit that people count it in."""
    seconds = time.total_seconds()
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
