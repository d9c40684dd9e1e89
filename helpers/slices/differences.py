"""What differs between stacks of a patient that would read alike?"""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.geometry.grids import begins
from helpers.slices.elements import CLOCKS, compared
from helpers.slices.labels import UID_DIGITS, element_label, split_label
from helpers.slices.measures import Measures

# the elements that are named, the first that differ; those of meaning before bookkeeping
ELEMENTS = (
    *("ViewPosition", "ImageLaterality", "Laterality", "BodyPartExamined", "ConvolutionKernel"),
    *("SliceThickness", "PixelSpacing", "ReconstructionDiameter", "ImageType", "EchoTime"),
    *("RepetitionTime", "InversionTime", "FlipAngle", "ScanningSequence", "SequenceName"),
    *("DiffusionBValue", "ComplexImageComponent", "ContrastBolusAgent", "KVP", "FilterType"),
    *("ReconstructionAlgorithm", "ReconstructionMethod", "CorrectedImage", "Units", "ScanOptions"),
    *("PresentationIntentType", "PatientPosition", "ImageOrientationPatient", "ProtocolName"),
    *("DoseType", "DoseSummationType"),
)
STUDY = "StudyInstanceUID"
STUDY_TIMES = ("StudyDate", "StudyTime")
CLOCKS_AND_DATES = ("AcquisitionDate", *CLOCKS, "SeriesTime")  # are ranked, and never shown
COMPONENTS = ("ImageType", "CorrectedImage", "ScanningSequence", "ScanOptions")  # several words


def read_alike(measures: Measures) -> np.ndarray:
    """A number for each stack (s,), equal where all is that a name says beside a series' number.

    That is patient, modality, description, kind, plane, counts, size and what split the series.
    """
    first = [measures.first_of(word) for word in ("PatientID", "Modality", "SeriesDescription")]
    counts = measures.counts, measures.positions
    size = [measures.numbers(word)[measures.starts] for word in ("Rows", "Columns")]
    said = [*first, measures.kind, measures.plane, *counts, *size, _splits(measures)]
    return _joined(*(pd.factorize(one)[0] for one in said))


def differences(measures: Measures, alike: np.ndarray) -> np.ndarray:
    """What tells each stack (s,) from others that read alike: texts, empty where none does.

    Studies and times are numbered and not said: a date could identify a person. Stacks that no
    element tells apart have the end of their series' UID, or the name of their file.

    Parameters
    ----------
    alike : (s,) of `read_alike`
    """
    texts = np.full(len(measures.starts), "", object)
    stacks = np.flatnonzero(_shared(alike))
    if not len(stacks):
        return texts
    rest = _Alike(measures, stacks, alike[stacks])
    rest.rank(STUDY, "study", STUDY_TIMES)
    for keyword in (*ELEMENTS, "AcquisitionNumber"):
        rest.name(keyword)
    for keyword in CLOCKS_AND_DATES:
        rest.rank(keyword, "time", (keyword,))
    rest.name("InstanceNumber")
    rest.cut(measures.codes("SeriesNumber")[measures.starts[stacks]])  # which its name says
    rest.say("SeriesInstanceUID", lambda uid: f"series UID …{uid[-UID_DIGITS:]}")
    rest.say("path", lambda path: f"first file {os.path.basename(path)}")
    texts[stacks] = rest.texts
    return texts


def element_differences(
    measures: Measures, alike: np.ndarray, elements: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """What some elements tell of stacks that are alike: texts (s,), and their keywords (s,).

    Both are empty where these elements say the same; several keywords are joined by commas.

    Parameters
    ----------
    alike : (s,) numbers, equal for stacks that are alike
    elements : keywords, the first that differ are named
    """
    texts, keywords = (np.full(len(measures.starts), "", object) for _ in range(2))
    stacks = np.flatnonzero(_shared(alike))
    if len(stacks):
        rest = _Alike(measures, stacks, alike[stacks])
        for keyword in elements:
            rest.name(keyword)
        texts[stacks], keywords[stacks] = rest.texts, rest.keywords
    return texts, keywords


class _Alike:
    """Stacks (m,) that read alike, in parts that grow smaller with each element that differs."""

    def __init__(self, measures, stacks, part):
        self.measures, self.rows = measures, measures.starts[stacks]
        self.part = pd.factorize(part)[0]
        self.texts, self.keywords = (np.full(len(stacks), "", object) for _ in range(2))

    @property
    def is_told_apart(self):
        """Whether each is a part of its own."""
        return self.part.max() + 1 == len(self.part)

    def name(self, keyword):
        """Says the values of an element where they differ within a part."""
        if self.is_told_apart or self.measures.is_constant(keyword):
            return
        members = self._varying(self.measures.codes(keyword)[self.rows])
        if not len(members):
            return
        codes = np.full(len(self.rows), -1)
        codes[members] = compared(self.measures, keyword, self.rows[members])
        members = self._varying(codes)
        values = self.measures.values(keyword, self.rows[members])
        if keyword in COMPONENTS:
            values = _telling(values, self.part[members])
        numbers, distinct = pd.factorize(_objects(values))
        texts = [element_label(keyword, value) for value in distinct]
        _append(self.texts, members, _objects([*texts, element_label(keyword, None)])[numbers])
        _append(self.keywords, members, [keyword] * len(members))
        self.cut(codes)

    def rank(self, keyword, name, order_by):
        """Numbers the values of an element that differ within a part, in the order of others."""
        if self.is_told_apart:
            return
        codes = self.measures.codes(keyword)[self.rows]
        members = self._varying(codes)
        if not len(members):
            return
        own, part = codes[members], self.part[members]
        keys = [self._order(one, members, own) for one in order_by]
        order = np.lexsort([own, *keys[::-1], part])
        new_part = begins(part[order])
        starts, segment = np.flatnonzero(new_part), np.cumsum(new_part) - 1
        total = np.cumsum(begins(part[order], own[order]))
        number = total - total[starts][segment] + 1
        count = np.maximum.reduceat(number, starts)[segment]
        base = len(codes) + 1
        pairs, distinct = pd.factorize(number * base + count)
        texts = [f"{name} {one // base} of {one % base}" for one in distinct.tolist()]
        _append(self.texts, members[order], np.array(texts, object)[pairs])
        self.cut(codes)

    def say(self, level, text_of):
        """Says a text of the entries of a level of the index, where they differ within a part."""
        index = self.measures.slices.index
        level = index.names.index(level)
        codes = np.asarray(index.codes[level])[self.rows]
        members, entries = self._varying(codes), index.levels[level]
        _append(self.texts, members, [text_of(str(entries[code])) for code in codes[members]])
        self.cut(codes)

    def cut(self, codes):
        """Takes codes (m,) for told apart, and says nothing."""
        self.part = _joined(self.part, codes)

    def _varying(self, codes):
        """The members of parts with several codes."""
        if self.is_told_apart or codes.min() == codes.max():
            return np.empty(0, int)  # all are told apart, or the same
        first = np.unique(self.part, return_index=True)[1]
        other = np.bincount(self.part, codes != codes[first][self.part]) > 0
        return np.flatnonzero(other[self.part])

    def _order(self, keyword, members, codes):
        """The rank (k,) of the text that an element has where each code (k,) comes first."""
        _, first, same = np.unique(codes, return_index=True, return_inverse=True)
        values = self.measures.values(keyword, self.rows[members[first]])
        numbers, distinct = pd.factorize(values)
        ranks = np.argsort(np.argsort([*map(str, distinct)], kind="stable"), kind="stable")
        return np.r_[ranks, -1][numbers][same]


def _append(said, members, texts):
    """Puts texts behind what is said of members already."""
    before = said[members]
    if before.any():
        texts = [f"{one}, {text}" if one else text for one, text in zip(before, texts)]
    said[members] = texts


def _splits(measures):
    """What the name of each stack (s,) says of its split."""
    pairs = zip(measures.first_of("split_keyword"), measures.first_of("split_value"))
    return np.array([split_label(*one) if one[0] else None for one in pairs], object)


def _objects(values):
    """Values (m,) as an array of objects, of which some may be tuples."""
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _joined(*codes):
    """One number (m,) from 0 for the values of all codes."""
    joined = np.zeros(len(codes[0]), int)
    for own in codes:
        low, high = own.min(initial=0), own.max(initial=0)
        if low != high:
            joined = pd.factorize(joined * (high - low + 1) + own - low)[0]
    return joined


def _shared(part):
    """Which members (m,) have a part with others."""
    return np.bincount(part)[part] > 1


def _telling(values, part):
    """Values of several words without those that all of their part have."""
    words = [one if isinstance(one, tuple) else (one,) for one in values]
    common: dict[int, set] = {}
    for own, number in zip(words, part.tolist()):
        common[number] = common[number] & {*own} if number in common else {*own}
    return [
        tuple(word for word in own if word not in common[number]) or whole
        for own, number, whole in zip(words, part.tolist(), values)
    ]
