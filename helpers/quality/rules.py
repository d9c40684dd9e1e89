"""What is a rule of the audit, and what can it ask of a collection and of its series?"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.geometry.orientation import slice_normal
from helpers.quality.decoders import decoder_table
from helpers.quality.statistics import pixel_table
from helpers.slices.grid import EVEN_GAP, REGULAR_GAP, SAME_COSINE, along_normal, numbers, vectors
from helpers.slices.images import is_image
from helpers.slices.stacks import all_stacks

SLICED = [
    f"1.2.840.10008.5.1.4.1.1.{kind}"
    for kind in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")
]
SEVERITIES = ("error", "warning", "note")  # the worst first


class Rule(NamedTuple):
    """Something that can be wrong."""

    name: str
    severity: str  # error: a picture or number is wrong or missing; warning: it may be; note: good to know
    effect: str  # what it does to a picture or a number
    clause: str  # where the standard speaks of it
    remedy: str  # what to do
    find: object  # function of a Case; yields (path, (path, frame) or None, stack or None, text)


def rule(registry, severity, *, effect, clause, remedy):
    """Puts the function below into a registry, as a rule of its name."""

    def put(find):
        name = find.__name__.replace("_", "-")
        registry[name] = Rule(name, severity, effect, clause, remedy, find)
        return find

    return put


class Case:
    """A collection as the rules see it: its rows, its stacks, each worked out once."""

    def __init__(self, headers):
        self.headers = headers
        self.readable = headers["error"].isna().to_numpy()
        self.image = is_image(headers)

    def column(self, keyword):
        """A column as a Series; empty values where the table has none."""
        return (
            self.headers[keyword]
            if keyword in self.headers
            else pd.Series(None, self.headers.index, dtype=object)
        )

    def having(self, keyword):
        """Which rows (n,) have a value."""
        return self.column(keyword).notna().to_numpy()

    @cached_property
    def sliced(self):
        """Which rows (n,) are images of a kind that has a place in the patient: CT, MR, PET (PS3.4 B.5)."""
        return self.image & self.column("SOPClassUID").isin(SLICED).to_numpy()

    @cached_property
    def stacks(self):
        """A dict of (Series Instance UID, number) to (slices in order, why the series was split), of CT, MR, PET."""
        known = (
            self.headers
            if "SOPClassUID" not in self.headers
            else self.headers[self.sliced | ~self.image]
        )
        return {
            (uid, number): (slices, split_by) for uid, number, slices, split_by in all_stacks(known)
        }

    @cached_property
    def series(self):
        """A dict of Series Instance UID to its stacks, the largest first: lists of (stack, slices, why split)."""
        grouped = {}
        for stack, (slices, split_by) in self.stacks.items():
            grouped.setdefault(stack[0], []).append((stack, slices, split_by))
        return grouped

    @cached_property
    def measured(self):
        """A dict of stack to (slices of distinct positions, their gaps in mm, the usual gap), where position gave the order."""
        found = {}
        for stack, (slices, _) in self.stacks.items():
            if len(slices) > 1 and slices["order_grade"].iloc[0] == "A":
                distinct = slices[~slices["repeated"].to_numpy()]
                gaps = np.diff(distinct["position_mm"].to_numpy(float))
                found |= {stack: (distinct, gaps, typical_spacing(gaps))} if len(gaps) else {}
        return found

    @cached_property
    def no_decoders(self):
        """A dict of the transfer syntaxes that nothing here decodes: name, and what to install."""
        table = decoder_table(self.headers)
        missing = table[~table["decodable"]]
        return dict(zip(missing.index, missing["name"] + ": " + missing["install"]))

    @cached_property
    def syntax(self):
        """A dict of path to transfer syntax."""
        return self.column("TransferSyntaxUID").to_dict()

    @cached_property
    def is_ct(self):
        """Which images (of `pixels`) are CT."""
        return (self.column("Modality")[self.image] == "CT").to_numpy()

    @cached_property
    def pixels(self):
        """The table of `helpers.pixel_table`."""
        return pixel_table(self.headers)

    def pixels_of(self, slices):
        """The rows of `pixels` for some slices, in their order."""
        return self.pixels.iloc[[self._places[key] for key in _keys(slices)]]

    @cached_property
    def ct_stacks(self):
        """A dict of CT stacks to their rows of `pixels`, those that could be decoded and have a place in the patient."""
        ct = {
            stack: slices
            for stack, (slices, _) in self.stacks.items()
            if (slices["Modality"] == "CT").all()
        }
        found = {stack: self.pixels_of(slices) for stack, slices in ct.items()}
        decoded = {
            stack: pixels[pixels["histogram"].notna().to_numpy()] for stack, pixels in found.items()
        }
        return {stack: pixels for stack, pixels in decoded.items() if len(pixels)}

    @cached_property
    def _places(self):
        return {key: place for place, key in enumerate(_keys(self.headers[self.image]))}


def _keys(rows):
    """What tells images apart: (path, frame)."""
    return zip(rows.index, rows["frame"].fillna(0) if "frame" in rows else np.zeros(len(rows)))


MOST_MISSING = 5  # times the usual gap: more, and it is another part of the body
SCOUT_IMAGES = 3  # at most so many in one plane beside a stack of many make a scout
SCOUT_TURN = 0.7  # cosine of the angle between a scout's normal and that of the stack: less, and it is another plane

CONTRASTS = [  # what tells images of one place apart that are meant to be several
    *(
        "DiffusionBValue",
        "TriggerTime",
        "NominalPercentageOfCardiacPhase",
        "FrameReferenceTime",
        "InversionTime",
        "FlipAngle",
    ),
    *(
        "TemporalPositionIdentifier",
        "TemporalPositionIndex",
        "EchoTime",
        "EchoNumbers",
        "SequenceName",
        "ImageType",
    ),
    *("ContrastBolusAgent", "ConvolutionKernel", "KVP", "SliceThickness"),
]


def typical_spacing(gaps):
    """The gap in mm that most have, the smaller of two; gaps within a tenth of each other count as one."""
    if np.ptp(gaps) <= REGULAR_GAP * gaps.min():
        return float(np.median(gaps))
    like = [np.abs(gaps - gap) <= REGULAR_GAP * gap for gap in gaps]
    most = max(map(np.sum, like))
    return float(min(np.median(gaps[those]) for those in like if those.sum() == most))


def differ(one, other):
    """Whether two slices say what makes them two, by a contrast or a time."""
    return any(
        one.get(keyword) != other.get(keyword)
        for keyword in CONTRASTS
        if _known(one.get(keyword)) or _known(other.get(keyword))
    )


def _known(value):
    return value is not None and value == value


def is_multiple(gaps, usual):
    """Which gaps (n,) are a whole number of the usual one: twice or more, but no part of the body away."""
    steps = np.round(gaps / usual) if usual > 0 else np.ones(len(gaps))
    return (
        (steps > 1)
        & (steps <= MOST_MISSING)
        & (np.abs(gaps - steps * usual) <= REGULAR_GAP * usual)
    )


def explained_by_bad_files(case, slices, place, usual):
    """Whether files that cannot be read or placed are as many as slices are missing behind a slice."""
    headers = case.headers
    if "SeriesInstanceUID" not in slices:
        return False
    same = (case.column("SeriesInstanceUID") == slices["SeriesInstanceUID"].iloc[0]).to_numpy()
    bad, unplaced = (
        headers[~case.readable & same],
        case.image & same & ~case.having("ImagePositionPatient"),
    )
    along = along_normal(bad) if len(bad) else np.array([])
    ends = slices["position_mm"].to_numpy(float)[place : place + 2]
    inside = ((along > ends[0] + EVEN_GAP) & (along < ends[1] - EVEN_GAP)).sum() + unplaced.sum()
    return bool(inside >= round((ends[1] - ends[0]) / usual) - 1)


def consecutive(slices, place):
    """Whether a slice and the next have consecutive Instance Numbers: then nothing was lost between them."""
    instance = numbers(slices, "InstanceNumber")[place : place + 2]
    return bool(abs(np.diff(instance)[0]) == 1)


def lateral_offset_mm(slices):
    """How far each position (n,) lies beside the line through them, in mm; few that do cannot bend it (it is of medians)."""
    places = vectors(slices, "ImagePositionPatient", 3)
    along = slices["position_mm"].to_numpy(float)
    steps = np.diff(places, axis=0) / np.diff(along)[:, None]
    straight = places - along[:, None] * np.median(steps, axis=0)
    return np.linalg.norm(straight - np.median(straight, axis=0), axis=1)


def is_scout(slices, largest):
    """Whether a stack is a scout beside the largest stack of its series."""
    kinds = slices["ImageType"].iloc[0] if "ImageType" in slices else None
    if "LOCALIZER" in (kinds if isinstance(kinds, tuple) else (kinds,)):
        return True
    if len(slices) > SCOUT_IMAGES or len(largest) <= SCOUT_IMAGES**2:
        return False
    one, other = (
        slice_normal(rows["ImageOrientationPatient"].iloc[0]) if _oriented(rows) else None
        for rows in (slices, largest)
    )
    return one is not None and other is not None and bool(abs(one @ other) < SCOUT_TURN)


def _oriented(rows):
    return bool(np.isfinite(vectors(rows.iloc[:1], "ImageOrientationPatient", 6)).all())


def same_orientation(stacks):
    """The (stack, slices) that lie as the largest one does."""
    largest = vectors(stacks[0][1].iloc[:1], "ImageOrientationPatient", 6)
    one = [
        (stack, slices, vectors(slices.iloc[:1], "ImageOrientationPatient", 6))
        for stack, slices, _ in stacks
    ]
    return [
        (stack, slices)
        for stack, slices, other in one
        if not np.abs(other - largest).max() > SAME_COSINE
    ]


def sizes(stacks):
    """The matrix sizes (rows, columns) of the stacks that lie as the largest one does."""
    return dict.fromkeys(
        (slices["Rows"].iloc[0], slices["Columns"].iloc[0])
        for _, slices in same_orientation(stacks)
    )


def distinct(stacks, keyword, length, tolerance):
    """The distinct values of the first images of stacks, as tuples; missing ones left out."""
    found = []
    for _, slices in stacks:
        value = vectors(slices.iloc[:1], keyword, length)[0]
        if np.isfinite(value).all() and all(
            np.abs(value - other).max() > tolerance for other in found
        ):
            found.append(value)
    return [tuple(value.tolist()) for value in found]
