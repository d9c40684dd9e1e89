"""With which scanners and settings was a collection made, and which series deviate?"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from helpers.files.names import natural_key
from helpers.geometry.grids import distinct_counts
from helpers.slices.elements import shown
from helpers.slices.kinds import X_RAY
from helpers.slices.labels import element_label
from helpers.slices.measures import Measures
from helpers.slices.stacks import checked_slices

SCANNER = ("Manufacturer", "ManufacturerModelName", "MagneticFieldStrength")
PROTOCOL = ("ProtocolName", "SeriesDescription")
KEYS = ("Modality", *SCANNER, *PROTOCOL, "kind")
SETTINGS = {  # keyword → the modalities of which it is a setting
    "ConvolutionKernel": ("CT",),
    "ReconstructionMethod": ("PT",),
    "CorrectedImage": ("PT", "NM"),
    **dict.fromkeys(("ScanningSequence", "SequenceName"), ("MR",)),
    **dict.fromkeys(("RepetitionTime", "EchoTime", "EffectiveEchoTime"), ("MR",)),
    **dict.fromkeys(("InversionTime", "FlipAngle"), ("MR",)),
    "KVP": ("CT", *X_RAY),
    "ViewPosition": X_RAY,
    "Exposure": X_RAY,
    "SliceThickness": ("CT", "MR", "PT"),
    "PixelSpacing": ("CT", "MR", "PT", "NM"),
    "Rows": ("CT", "MR", "PT", "NM", "US", *X_RAY),
    "Columns": ("CT", "MR", "PT", "NM", "US", *X_RAY),
}
FROM_TO = ("Exposure", "PixelSpacing")  # follow the patient's size: a range, and no deviation
MIN_SERIES = 3  # of a protocol, before one of them can deviate
MAX_VALUES = 4  # of a setting that are shown, the most frequent first
MAX_NAMED = 3  # deviating series that are named
NONE = ""  # for a value that is missing


def protocol_table(slices: pd.DataFrame) -> pd.DataFrame:
    """Scanners and protocols: how much there is of each, its settings, and what deviates.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`

    Returns
    -------
    DataFrame, one row per scanner, protocol and kind of image, the most images of a modality first

    - ``Modality``, ``Manufacturer``, ``ManufacturerModelName``, ``MagneticFieldStrength``,
      ``ProtocolName``, ``SeriesDescription``, ``kind``: texts, empty where the header says nothing
    - ``patients``, ``series``, ``stacks``, ``images``: numbers
    - settings of its modality, such as ``ConvolutionKernel``, ``KVP``, ``RepetitionTime``: texts,
      the most frequent value first, with the number of series where there are several; Pixel
      Spacing and Exposure from the least to the most. What no series says has no column.
    - ``deviating``: how many series have another value than more than half of their protocol's,
      where these are three at least; ``deviates`` names them. Pixel Spacing and Exposure, which
      follow the size of the patient, do not count.
    """
    return protocols_of(Measures(checked_slices(slices)))


def protocols_of(measures: Measures) -> pd.DataFrame:
    """The table of `protocol_table`, from the first image of each stack and their numbers."""
    protocol, table = _protocols(measures)
    series = _series(measures, protocol)
    values = {word: _values(measures, word, series) for word in SETTINGS if word in measures.table}
    settings = {
        word: _summaries(own, series.rows["protocol"], word) for word, own in values.items()
    }
    numbers = np.arange(len(table))
    table = table.assign(
        patients=distinct_counts(
            protocol, measures.codes("PatientID")[measures.starts], len(table)
        ),
        series=series.rows.groupby("protocol").size().reindex(numbers),
        stacks=np.bincount(protocol, minlength=len(table)),
        images=np.bincount(protocol, measures.counts, len(table)).astype(int),
        **{word: own.reindex(numbers, fill_value=NONE) for word, own in settings.items()},
        **_deviating(values, series.rows, len(table)),
    )
    silent = [word for word in (*SCANNER, *PROTOCOL, *settings) if (table[word] == NONE).all()]
    order = np.lexsort([-table["images"], table["Modality"]])
    return table.drop(columns=silent).iloc[order].reset_index(drop=True)


class _Series:
    """The series of each protocol: a series whose stacks have several protocols is several.

    `of_stack` (s,) is the number of each stack's; `rows` has their protocol, modality and name.
    """

    def __init__(self, of_stack: np.ndarray, rows: pd.DataFrame) -> None:
        self.of_stack, self.rows = of_stack, rows


def _protocols(measures: Measures) -> tuple[np.ndarray, pd.DataFrame]:
    """(the number of the protocol of each stack (s,), what each is: a row of texts)"""
    texts = pd.DataFrame({word: _texts(measures.first_of(word)) for word in KEYS}, dtype=object)
    protocol = texts.groupby(list(KEYS), sort=False).ngroup().to_numpy()
    return protocol, texts.drop_duplicates().reset_index(drop=True)


def _series(measures: Measures, protocol: np.ndarray) -> _Series:
    uid = np.asarray(measures.slices.index.codes[0])[measures.starts]
    of_stack, _ = pd.factorize(protocol * (int(uid.max(initial=0)) + 1) + uid)
    first = np.unique(of_stack, return_index=True)[1]
    said = {word: _texts(measures.first_of(word)[first]) for word in ("PatientID", "SeriesNumber")}
    names = [f"{patient or '?'} series {number or '?'}" for patient, number in zip(*said.values())]
    modality = _texts(measures.first_of("Modality")[first])
    rows = pd.DataFrame({"protocol": protocol[first], "modality": modality, "name": names})
    return _Series(of_stack, rows)


def _values(measures: Measures, keyword: str, series: _Series) -> pd.Series:
    """What the stacks of each series have of an element: texts, several joined."""
    texts = _texts(measures.first_of(keyword))
    pairs = pd.DataFrame({"series": series.of_stack, "text": texts}).drop_duplicates()
    pairs = pairs[pairs["text"] != NONE]
    found = pairs.drop_duplicates("series").set_index("series")["text"]
    several = pairs[pairs["series"].duplicated(keep=False)]
    for one, own in several.groupby("series")["text"]:
        found[one] = ", ".join(own)
    found = found.reindex(series.rows.index, fill_value=NONE)
    return found.where(series.rows["modality"].isin(SETTINGS[keyword]), NONE)


def _summaries(values: pd.Series, protocol: pd.Series, keyword: str) -> pd.Series:
    """The values of the series of each protocol, in a text."""
    known = values != NONE
    counts = values[known].groupby([protocol[known], values[known]]).size()
    summary = _range if keyword in FROM_TO else _frequencies
    rows: dict[int, list[tuple[str, int]]] = {}
    for (one, text), count in counts.items():
        rows.setdefault(one, []).append((text, count))
    return pd.Series({one: summary(own) for one, own in rows.items()}, dtype=object)


def _frequencies(values: list[tuple[str, int]]) -> str:
    """The most frequent values, with the number of series where there are several."""
    if len(values) == 1:
        return values[0][0]
    ordered = sorted(values, key=lambda one: (-one[1], natural_key(one[0])))
    words = [f"{text} ({count})" for text, count in ordered[:MAX_VALUES]]
    more = len(ordered) - MAX_VALUES
    return ", ".join([*words, *([f"{more} more"] if more > 0 else [])])


def _range(values: list[tuple[str, int]]) -> str:
    """From the least to the most of numbers; of several in one the first, as rows' spacing."""
    numbers = [number for text, _ in values if (number := _number(text)) is not None]
    if not numbers:
        return _frequencies(values)
    low, high = min(numbers), max(numbers)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _deviating(values: dict[str, pd.Series], rows: pd.DataFrame, count: int) -> dict[str, list]:
    """The columns that say how many series deviate, and which."""
    words: dict[int, list[str]] = {}  # of each series
    for keyword in values.keys() - {*FROM_TO}:
        for series, own, usual in _unusual(values[keyword], rows["protocol"]):
            said = f"{element_label(keyword, own or None)}, not {usual or 'none'}"
            words.setdefault(series, []).append(said)
    named: list[list[str]] = [[] for _ in range(count)]
    for series, settings in words.items():
        name = f"{rows['name'][series]}: {', '.join(sorted(settings))}"
        named[rows["protocol"][series]].append(name)
    return {"deviating": [len(own) for own in named], "deviates": [*map(_listed, named)]}


def _unusual(values: pd.Series, protocol: pd.Series) -> Iterable[tuple[int, str, str]]:
    """Yields (series, its value, the one of more than half) where it has another."""
    counts = values.groupby([protocol, values]).size()
    total = protocol.value_counts()
    owners, texts = (counts.index.get_level_values(level) for level in (0, 1))
    most = counts.to_numpy() > owners.map(total) / 2
    usual = dict(zip(owners[most], texts[most]))
    expected = protocol.map(usual).where(protocol.map(total) >= MIN_SERIES)
    other = expected.notna() & (values != expected)
    yield from zip(np.flatnonzero(other).tolist(), values[other], expected[other])


def _listed(names: list[str]) -> str:
    ordered = sorted(names, key=natural_key)
    more = len(ordered) - MAX_NAMED
    return "; ".join([*ordered[:MAX_NAMED], *([f"{more} more"] if more > 0 else [])])


def _texts(values: np.ndarray) -> np.ndarray:
    """Values as texts (n,), each distinct one made once; empty where there is none."""
    codes, distinct = pd.factorize(values)
    return np.array([*map(_text, distinct), NONE], object)[codes]


def _text(value: Any) -> str:
    """A value with the digits that tell."""
    return f"{value:.5g}" if isinstance(value, float) else str(shown(value))


def _number(text: str) -> float | None:
    try:
        return float(text.split("\\")[0])
    except ValueError:
        return None
