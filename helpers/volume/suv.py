"""How much more tracer has a voxel of a PET than the mean of the body? SUV by body weight."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from pydicom import Dataset
from pydicom.datadict import dictionary_description
from pydicom.tag import Tag

from helpers.errors import ClearError, one_line, require_type
from helpers.headers.elements import element_value
from helpers.headers.pydicom_reader import read_header
from helpers.pixels.luts import PET_UNITS
from helpers.pixels.window import SUV_UNIT, presets_for
from helpers.runtime import in_threads_if_slow
from helpers.volume.decay import INJECTION, NEEDED_TIMES, DecayError, decay_until_scan
from helpers.volume.slice import remarked
from helpers.volume.volume import Volume

OF_SERIES = [  # that all files of a series must say alike
    *("Modality", "Units", "SUVType", "CorrectedImage", "DecayCorrection", "PatientWeight"),
    *("SeriesDate", "SeriesTime", "TimezoneOffsetFromUTC", "SOPClassUID"),
]
OF_IMAGE = ["AcquisitionDate", "AcquisitionTime", "FrameReferenceTime", "ActualFrameDuration"]
DOSE_SEQUENCE = "RadiopharmaceuticalInformationSequence"
OF_DOSE = ["RadionuclideTotalDose", "RadionuclideHalfLife", *INJECTION]  # in its item
PRIVATE = {  # name → (group, element, creator, how its Manufacturer begins)
    "GEScanDateTime": (0x0009, 0x0D, "GEMS_PETD_01", "GE"),
    "PhilipsSUVFactor": (0x7053, 0x00, "Philips PET Private Group", "PHILIPS"),
    "PhilipsActivityFactor": (0x7053, 0x09, "Philips PET Private Group", "PHILIPS"),
}
COMPARED = [*OF_SERIES, DOSE_SEQUENCE, *OF_DOSE, *PRIVATE]
ENHANCED = {  # with Legacy Converted
    "1.2.840.10008.5.1.4.1.1.130",
    "1.2.840.10008.5.1.4.1.1.128.1",
}
UNITS = ["BQML", "GML", "CNTS"]
BODY_WEIGHT = "BW"  # which is also what no SUV Type means
CORRECTIONS = ["ATTN", "DECY"]  # without which values are no activity at one moment
WEIGHTS_KG = (0.01, 650)  # from a mouse to the heaviest person
DOSES_PER_KG = (1e4, 1e10)  # Bq; a dose in MBq or mCi is less
GRAMS_PER_KG = 1000
WAY_ON = (
    "Correct in the header what you know, or take a factor of your own: "
    'dataclasses.replace(volume, array=volume.array * factor, unit="SUVbw")'
)

Facts: TypeAlias = Mapping[str, Any]  # values by keyword


class SuvError(ClearError, ValueError):
    """A series that does not say what SUV needs, or says what cannot be: each a text of `wrong`."""

    wrong: Sequence[str] = ()


class Factor(NamedTuple):
    """What values are multiplied by to become SUV by body weight."""

    value: float
    remark: str = ""


def suv(volume: Volume, slices: pd.DataFrame) -> Volume:
    """The volume of a PET in SUV by body weight (g/ml), as a `Volume` of unit "SUVbw", float32.

    1 is what a voxel would have, were the dose spread evenly over the body and nothing lost. Values
    in Bq/ml are multiplied by weight and divided by the dose that was left when the scan began
    (Decay Correction START) or by the dose itself (ADMIN); counts of Philips by its own factors;
    values in g/ml by body weight are SUV already. The headers of all files are read; what is
    guessed stands in the caption's remark.

    Parameters
    ----------
    volume : of `load_volume`
    slices : the rows that it was loaded from

    Raises
    ------
    SuvError
        Where something that is needed is missing, differs between files or cannot be; all of it is
        named.

    References
    ----------
    PS3.3 C.8.9.1 (Units, SUV Type, Decay Correction), C.8.9.2 (dose, in Bq), PS3.16 CID 84
    (g/ml{SUVbw}); QIBA, Standardized Uptake Value: vendor-neutral pseudo-code
    """
    require_type(volume, Volume, "of load_volume")
    require_type(slices, pd.DataFrame, "the rows that the volume was loaded from")
    if volume.unit == SUV_UNIT:
        raise SuvError(f"expected values that are not yet in {SUV_UNIT}, got {SUV_UNIT}")
    paths = slices.index.get_level_values("path").unique().tolist()
    files = list(in_threads_if_slow(_facts_of, paths))
    factor = _factor(files)
    if volume.unit != (unit := PET_UNITS[files[0]["Units"]]):
        raise SuvError(f"expected the volume of these slices, in {unit}, got {volume!r}")
    return replace(
        volume,
        array=np.multiply(volume.array, factor.value, dtype=np.float32),
        unit=SUV_UNIT,
        windows=presets_for(SUV_UNIT),
        caption=remarked(volume.caption, factor.remark),
    )


def why_no_suv(path: str) -> str:
    """What keeps a series of PET, of which one file is read, from SUV; empty for nothing."""
    try:
        _factor([_facts_of(path)])
    except SuvError as error:
        return ", ".join(error.wrong) or str(error)
    return ""


def _factor(files: Sequence[Facts]) -> Factor:
    """The `Factor` of a series.

    Raises
    ------
    SuvError
        Names all that is wrong.
    """
    series = files[0]
    _refuse([*_different(files), *_wrong_kind(series)], series)
    if series["Units"] == "GML":
        return Factor(1.0)
    wrong, bq_per_value = _wrong_corrections(series), 1.0
    if series["Units"] == "CNTS":
        if factor := _number(series["PhilipsSUVFactor"]):
            _refuse(wrong, series)
            return Factor(factor)
        if not (bq_per_value := _number(series["PhilipsActivityFactor"])):
            wrong.append("none of Philips' factors (7053,1000) and (7053,1009)")
    _refuse([*wrong, *_missing(files), *_implausible(series)], series)
    left, remark = _share_left(files)
    dose = series["RadionuclideTotalDose"] * left
    return Factor(bq_per_value * series["PatientWeight"] * GRAMS_PER_KG / dose, remark)


def _share_left(files: Sequence[Facts]) -> tuple[float, str]:
    """(Share of the dose that counts, a remark), after the decay until images are corrected to."""
    if files[0]["DecayCorrection"] == "ADMIN":
        return 1.0, ""
    half_life = files[0]["RadionuclideHalfLife"]
    try:
        decay = decay_until_scan(files, half_life)
    except DecayError as error:
        _refuse([str(error)], files[0])
    return 2 ** (-decay.seconds / half_life), decay.remark


def _refuse(wrong: Sequence[str], series: Facts) -> None:
    """Refuses a series of which something is wrong, and names it all."""
    if wrong:
        error = SuvError(
            f"expected a PET that says what SUV needs, got {'; '.join(wrong)} in "
            f"{series['path']}. {WAY_ON}"
        )
        error.wrong = wrong
        raise error


def _different(files: Sequence[Facts]) -> list[str]:
    """What files of a series must say alike, and do not."""
    counts = {keyword: len({file[keyword] for file in files}) for keyword in COMPARED}
    return [f"{count} values of {_name(keyword)}" for keyword, count in counts.items() if count > 1]


def _wrong_kind(series: Facts) -> Iterator[str]:
    """Values of which no SUV by body weight can be made."""
    if series["Modality"] != "PT":
        yield f"{_said(series, 'Modality')}, not PT"
    elif series["SOPClassUID"] in ENHANCED:
        yield "Enhanced PET, of which the elements for SUV are not read here"
    elif series["Units"] not in UNITS:
        yield f"{_said(series, 'Units')}, not {', '.join(UNITS)}"
    elif series["Units"] == "GML" and series["SUVType"] not in (None, BODY_WEIGHT):
        yield f"{_said(series, 'SUVType')}, not {BODY_WEIGHT}"


def _wrong_corrections(series: Facts) -> list[str]:
    corrected = series["CorrectedImage"]
    done = set(corrected if isinstance(corrected, tuple) else [corrected])
    wrong = [f"no {one} in {_name('CorrectedImage')}" for one in CORRECTIONS if one not in done]
    if series["DecayCorrection"] not in ("START", "ADMIN"):
        wrong.append(f"{_said(series, 'DecayCorrection')}, not START or ADMIN")
    return wrong


def _missing(files: Sequence[Facts]) -> Iterator[str]:
    """What a dose at the moment of the scan takes, and no file may lack."""
    series = files[0]
    if (items := series[DOSE_SEQUENCE] or 0) > 1:
        yield f"{items} items of {_name(DOSE_SEQUENCE)}, of which one counts"
    needed = ["PatientWeight", "RadionuclideTotalDose"]
    if series["DecayCorrection"] == "START":
        needed += ["RadionuclideHalfLife", *NEEDED_TIMES]
        if all(series[keyword] is None for keyword in INJECTION):
            yield f"no {_name(INJECTION[0])}"
    for keyword in needed:
        if any(file[keyword] is None for file in files):
            yield f"no {_name(keyword)}"


def _implausible(series: Facts) -> Iterator[str]:
    """Values that are none, or in another unit than the standard's."""
    weight, dose = series["PatientWeight"], series["RadionuclideTotalDose"]
    half_life = series["RadionuclideHalfLife"]
    if weight is not None and not _is_between(weight, WEIGHTS_KG):
        yield f"{_said(series, 'PatientWeight')} (in kg: {WEIGHTS_KG[0]:g} to {WEIGHTS_KG[1]:g})"
    elif None not in (weight, dose) and not (
        _is_positive(dose) and _is_between(dose / weight, DOSES_PER_KG)
    ):
        yield f"{_said(series, 'RadionuclideTotalDose')} (in Bq: 10 kBq to 10 GBq for each kg)"
    if half_life is not None and not _is_positive(half_life):
        yield f"{_said(series, 'RadionuclideHalfLife')} (in s)"


def _number(text: str | None) -> float:
    """A factor above 0; 0 where it is none, which is how Philips says that there is none."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if _is_positive(value) else 0.0


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 < value < math.inf


def _is_between(value: Any, limits: tuple[float, float]) -> bool:
    return _is_positive(value) and limits[0] <= value <= limits[1]


def _name(keyword: str) -> str:
    """An element as the standard names it, with its tag."""
    if keyword in PRIVATE:
        group, element, creator, _ = PRIVATE[keyword]
        return f"({group:04X},xx{element:02X}) of {creator}"
    return f"{dictionary_description(keyword)} {Tag(keyword)}"


def _said(series: Facts, keyword: str) -> str:
    """An element with its value."""
    value = series[keyword]
    return f"no {_name(keyword)}" if value is None else f"{_name(keyword)} {value}"


def _facts_of(path: str) -> dict[str, Any]:
    """What the header of a file says of SUV, by keyword; None of what it lacks.

    Raises
    ------
    SuvError
    """
    dataset, error, *_ = read_header(path)
    if dataset is not None:
        try:
            return {**_facts(dataset), "path": path}
        except Exception as broken:  # by what pydicom raises of bytes that are none of DICOM's
            error = one_line(broken)
    raise SuvError(f"expected a PET image in {path}, found {error} there")


def _facts(dataset: Dataset) -> dict[str, Any]:
    items = _value(dataset, DOSE_SEQUENCE)
    has_dose = isinstance(items, int) and items > 0
    item = dataset[DOSE_SEQUENCE].value[0] if has_dose else Dataset()
    return {
        **{keyword: _value(dataset, keyword) for keyword in [*OF_SERIES, *OF_IMAGE]},
        **{keyword: _value(item, keyword) for keyword in OF_DOSE},
        **{name: _private_value(dataset, name) for name in PRIVATE},
        DOSE_SEQUENCE: items,
    }


def _value(dataset: Dataset, keyword: str) -> Any:
    return element_value(dataset, Tag(keyword)) if keyword in dataset else None


def _private_value(dataset: Dataset, name: str) -> str | None:
    """The text of a private element; of one whose creator was lost by its maker and first block."""
    group, element, creator, maker = PRIVATE[name]
    try:
        tag = dataset.private_block(group, creator).get_tag(element)
    except KeyError:
        tag = Tag(group, 0x1000 | element)
        is_theirs = str(dataset.get("Manufacturer", "")).upper().startswith(maker)
        if not is_theirs or Tag(group, 0x10) in dataset:
            return None
    if tag not in dataset:
        return None
    raw = dataset.get_item(tag).value
    text = raw.decode("latin-1") if isinstance(raw, bytes) else str(raw)
    return text.strip("\0 ") or None
