"""What is a rule of the audit, and what can it ask of a collection?"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.quality.decoders import decoder_table
from helpers.quality.statistics import pixel_table
from helpers.slices.grid import REGULAR_GAP_TOLERANCE
from helpers.slices.images import is_image
from helpers.slices.stacks import all_stacks

SEVERITIES = ("error", "warning", "note")  # the worst first
CROSS_SECTIONAL = [  # SOP classes of CT, MR and PET: images with a position in the patient
    f"1.2.840.10008.5.1.4.1.1.{kind}"
    for kind in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")
]

CONTRAST_KEYWORDS = [  # what tells images of one position apart that are meant to be several
    *("DiffusionBValue", "TriggerTime", "NominalPercentageOfCardiacPhase", "FrameReferenceTime"),
    *("InversionTime", "FlipAngle", "TemporalPositionIdentifier", "TemporalPositionIndex"),
    *("EchoTime", "EchoNumbers", "SequenceName", "ImageType"),
    *("ContrastBolusAgent", "ConvolutionKernel", "KVP", "SliceThickness"),
]

Stack = tuple[str, int]  # Series Instance UID, number


class Finding(NamedTuple):
    """What a rule found, and where: in a file, in a frame of it, or in a stack."""

    value: str
    path: str | None = None
    frame: int | None = None  # from 0
    stack: Stack | None = None


class Rule(NamedTuple):
    """Something that can be wrong."""

    name: str
    severity: str  # error: a picture or number is wrong; warning: may be wrong; note: good to know
    effect: str  # what it does to a picture or a number
    clause: str  # where the standard speaks of it
    remedy: str  # what to do
    find: "Callable[[Collection], Iterator[Finding]]"


def rule(registry: dict[str, Rule], severity: str, **words: str) -> Callable:
    """Puts the function below into a registry, as a rule of its name.

    Parameters
    ----------
    words : ``effect``, ``clause`` and ``remedy`` of `Rule`
    """

    def register(find: Callable) -> Callable:
        name = find.__name__.replace("_", "-")
        registry[name] = Rule(name, severity, find=find, **words)
        return find

    return register


class Collection:
    """The headers, stacks and pixels that rules look at, each worked out once."""

    def __init__(self, headers: pd.DataFrame) -> None:
        self.headers = headers
        self.readable = headers["error"].isna().to_numpy()
        self.image = is_image(headers)

    def column(self, keyword: str) -> pd.Series:
        """A column; empty values where the table has none."""
        if keyword in self.headers:
            return self.headers[keyword]
        return pd.Series(None, self.headers.index, dtype=object)

    @cached_property
    def cross_sectional(self) -> np.ndarray:
        """Which rows (n,) are images with a position in the patient: CT, MR, PET (PS3.4 B.5)."""
        return self.image & self.column("SOPClassUID").isin(CROSS_SECTIONAL).to_numpy()

    @cached_property
    def stacks(self) -> dict[Stack, tuple[pd.DataFrame, str]]:
        """Slices in order, and why the series was split, of every stack of CT, MR or PET."""
        rows = self.headers
        if "SOPClassUID" in rows:
            rows = rows[self.cross_sectional | ~self.image]
        return {(uid, number): (slices, why) for uid, number, slices, why in all_stacks(rows)}

    @cached_property
    def series(self) -> dict[str, list[tuple[Stack, pd.DataFrame, str]]]:
        """The stacks of every series, the largest first: (stack, slices, why split)."""
        grouped: dict = {}
        for stack, (slices, split_by) in self.stacks.items():
            grouped.setdefault(stack[0], []).append((stack, slices, split_by))
        return grouped

    @cached_property
    def measured(self) -> dict[Stack, tuple[pd.DataFrame, np.ndarray, float]]:
        """Slices of distinct positions, gaps and typical spacing in mm, of stacks in order A."""
        found: dict = {}
        for stack, (slices, _) in self.stacks.items():
            if len(slices) > 1 and slices["order_grade"].iloc[0] == "A":
                distinct = slices[~slices["repeated"].to_numpy()]
                gaps = np.diff(distinct["position_mm"].to_numpy(float))
                found |= {stack: (distinct, gaps, typical_spacing(gaps))} if len(gaps) else {}
        return found

    @cached_property
    def no_decoders(self) -> dict[str, str]:
        """The transfer syntaxes that nothing here decodes: name, and what to install."""
        table = decoder_table(self.headers)
        missing = table[~table["decodable"]]
        return dict(zip(missing.index, missing["name"] + ": " + missing["install"]))

    @cached_property
    def pixels(self) -> pd.DataFrame:
        """The table of `helpers.pixel_table`, by path and frame."""
        return pixel_table(self.headers).set_index("frame", append=True)

    def pixels_of(self, slices: pd.DataFrame) -> pd.DataFrame:
        """The rows of `pixels` for some slices, in their order."""
        return self.pixels.loc[[*zip(slices.index, slices["frame"].fillna(0).astype(int))]]

    @cached_property
    def ct_stacks(self) -> dict[Stack, pd.DataFrame]:
        """The rows of `pixels` of every CT stack that has a position and could be decoded."""
        found = {
            stack: self.pixels_of(slices).dropna(subset="histogram")
            for stack, (slices, _) in self.stacks.items()
            if (slices["Modality"] == "CT").all()
        }
        return {stack: pixels for stack, pixels in found.items() if len(pixels)}


def typical_spacing(gaps: np.ndarray) -> float:
    """The gap in mm that most have, the smaller of two; gaps within a tenth count as one."""
    if np.ptp(gaps) <= REGULAR_GAP_TOLERANCE * gaps.min():
        return float(np.median(gaps))
    like = [np.abs(gaps - gap) <= REGULAR_GAP_TOLERANCE * gap for gap in gaps]
    most = max(map(np.sum, like))
    return float(min(np.median(gaps[those]) for those in like if those.sum() == most))


def differ(one: pd.Series, other: pd.Series) -> bool:
    """Whether two slices, rows of a stack, say what makes them two: a contrast or a time."""
    return not one.reindex(CONTRAST_KEYWORDS).equals(other.reindex(CONTRAST_KEYWORDS))
