"""What does one name hide? Series of a patient that would read alike, and were made otherwise."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from helpers.geometry.grids import begins
from helpers.quality.findings import Finding, Rule, rule
from helpers.quality.rules import Collection, several_of
from helpers.slices.differences import ELEMENTS, element_differences, read_alike
from helpers.slices.labels import UID_DIGITS, series_label

MAX_SHIFT = 0.5  # of their extent, by which series of one place begin apart
COSINE_DECIMALS = 2  # of orientations that are compared
MAX_NAMED_VALUES = 4  # of what differs
LABELS = (  # elements that say nothing of how an image was made, or where it lies
    *("ViewPosition", "ImageLaterality", "Laterality", "BodyPartExamined", "PatientPosition"),
    *("ImageOrientationPatient", "ProtocolName", "SequenceName", "PresentationIntentType"),
)
SISTERS = ("EchoTime", "DiffusionBValue", "ComplexImageComponent")  # of one scan, as is expected
NAME = ("SeriesNumber", "SeriesDescription")
MADE_OTHERWISE = tuple(word for word in ELEMENTS if word not in {*LABELS, *SISTERS})

NAMING_RULES: dict[str, Rule] = {}


@rule(
    NAMING_RULES,
    "note",
    said_once=True,
    effect="Who picks series by name pools images of other sharpness, noise or contrast as one.",
    clause="PS3.3 C.7.3.1, C.8.2.1, C.8.9.1",
    remedy="Take one of each patient, by what differs or with best_stacks(stacks); or keep them "
    "apart by the element that is named. Never pool them.",
)
def series_read_alike(collection: Collection) -> Iterator[Finding]:
    """Series of one study, name, size and place that were made otherwise: two reconstructions.

    Descriptions that differ tell a person which is which, and what a series holds several times
    (echoes, b-values, phases) is a group of it: neither is found here.
    """
    stacks, place = _one_of_each_series(collection)
    alike = np.arange(len(collection.series)) + place.max(initial=0) + 1  # others are like none
    alike[stacks] = place
    texts, keywords = element_differences(collection.measures, alike, MADE_OTHERWISE)
    told = _by_number(collection, stacks[texts[stacks] != ""])
    words = {word: collection.measures.first_of(word) for word in NAME}
    for own in several_of(told, alike[told]):
        yield _finding(collection, own, texts[own], keywords[own], words)


def _one_of_each_series(collection):
    """The first stack of each series at a place (m,), and a number (m,) for name and place."""
    measures, series = collection.measures, collection.series
    group = measures.first_of("group").astype(int)
    stacks = np.flatnonzero(begins(series, group) & collection.measured)
    place = _places(collection, stacks)
    first = np.unique(np.c_[place, series[stacks]], axis=0, return_index=True)[1]
    return stacks[first], place[first]


def _places(collection, stacks):
    """A number (m,) for the name, study and place of some stacks."""
    measures = collection.measures
    starts = measures.starts[stacks]
    cosines = measures.vectors("ImageOrientationPatient", 6)[starts]
    study = measures.codes("StudyInstanceUID")[starts]
    keys = np.c_[read_alike(measures)[stacks], study, np.round(cosines, COSINE_DECIMALS) + 0.0]
    part = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    low = measures.along[starts]
    order = np.lexsort([low, part])
    extent = measures.sums(np.nan_to_num(measures.gap))[stacks][order]
    apart = ~(np.diff(low[order], prepend=np.nan) <= MAX_SHIFT * extent)
    place = np.empty(len(stacks), int)
    place[order] = np.cumsum(begins(part[order]) | apart)
    return place


def _by_number(collection, stacks):
    """Stacks in the order of their Series Numbers."""
    numbers = collection.measures.numbers("SeriesNumber")[collection.measures.starts[stacks]]
    return stacks[np.argsort(numbers, kind="stable")]


def _finding(collection, stacks, texts, keywords, words):
    """The finding of series that are alike: what differs, its element, and which they are."""
    values = [*dict.fromkeys(texts.tolist())]
    more = " beside others" if len(values) > MAX_NAMED_VALUES else ""
    said = " beside ".join(values[:MAX_NAMED_VALUES])
    elements = ", ".join(dict.fromkeys(", ".join(keywords).split(", ")))
    names = ", ".join(_names(collection, stacks, words))
    return collection.stack_finding(f"{said}{more} ({elements}); {names}", stacks[0])


def _names(collection, stacks, words):
    """What the series of stacks are called; by the ends of their UIDs where that is all one."""
    rows = zip(*(words[word][stacks] for word in NAME))
    names = [series_label(SimpleNamespace(**dict(zip(NAME, row)))) for row in rows]
    if len({*names}) == len(names):
        return names
    return [f"{name} …{collection.stack(one)[0][-UID_DIGITS:]}" for name, one in zip(names, stacks)]
