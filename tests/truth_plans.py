"""Which collections have one right answer? Plans of series, drawn by hypothesis.

Written from DESIGN.md ("When is a series one stack?") alone, without a look at what it tests. A
plan says what was scanned; `truth_headers` writes it as a header table. A `Part` is what has to
come back as one stack.
"""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from truth_elements import (
    ELEMENTS,
    FAMILIES,
    MOST,
    TIMES,
    evenly,
    keyword_of,
    said,
    unit_directions,
)

MAX_REPETITIONS = 8


@dataclass(frozen=True)
class Grid:
    """Where slices can lie: axes (3, 3) are row, column and normal; distances in mm."""

    axes: np.ndarray
    origin: np.ndarray
    pixel_spacing: float
    step: float
    shear: float  # mm along the rows from slice to slice
    count: int
    rows: int
    columns: int

    def position(self, place):
        """Image Position (Patient) of a place, counted in steps."""
        row, _, normal = self.axes
        return self.origin + place * (self.step * normal + self.shear * row)


@dataclass(frozen=True)
class Part:
    """Images that belong together, and what only they have.

    `told` is the element that alone tells the part from its sisters, `value` what a stack table
    says of it (None where that is a matter of taste). `whole` is None where DESIGN.md leaves open
    whether a volume is whole.
    """

    places: tuple
    meaning: dict  # keyword → value; a list has one for each place
    told: str | None = None
    value: object = None
    whole: bool | None = True
    kind: str = "volume"
    ranked: bool = False  # the last of its values differs a little from slice to slice
    retaken: tuple = ()


@dataclass(frozen=True)
class Block:
    """The parts on one grid, and what sets them always apart from other blocks of the series."""

    grid: Grid
    parts: tuple
    own: dict
    numbers: str = "any"  # what breaks ties: "number", "clock", "none" (no clock), "any"
    steady: bool = False  # bookkeeping that alternates would tell what it shall not
    one_group: bool = False  # sister stacks of one grid


@dataclass(frozen=True)
class Series:
    """A series of blocks, with the bookkeeping that distracts from them."""

    blocks: tuple
    modality: str
    named: bool  # has a Series Instance UID
    distractors: frozenset
    numbering: str  # part, place, shuffled
    copies: str  # none, some, all


@dataclass(frozen=True)
class Collection:
    """Some series; `seed` shuffles, names and jitters."""

    series: tuple
    seed: int


# grids

angles = st.integers(0, 359)


@st.composite
def grids(draw, lowest=3, least_step=0):
    """A grid anywhere; pixels of 0.002 to 5 mm, steps of 0.5 to 8 pixels."""
    turn = np.radians([draw(angles) for _ in range(3)])
    pixel = draw(st.sampled_from([0.002, 0.005, 0.07, 0.35, 0.7, 0.9765625, 1.5, 3.0, 5.0]))
    step = pixel * max(least_step, draw(st.sampled_from([0.5, 1, 1.43, 2.5, 4, 8])))
    near = 300 * min(1, pixel)  # an origin that its pixels let be written
    origin = [draw(st.integers(-100, 100)) / 100 * near for _ in range(3)]
    return Grid(
        axes=_rotation(*turn),
        origin=np.array(origin),
        pixel_spacing=pixel,
        step=step,
        shear=step * draw(st.sampled_from([0, 0, 0, 0.1, 0.35, -0.5])),
        count=draw(st.integers(lowest, 12)),
        rows=draw(st.sampled_from([16, 64, 512])),
        columns=draw(st.sampled_from([16, 20, 512])),
    )


def _rotation(a, b, c):
    """Axes (3, 3): the patient's own, turned about z, x and z; right angles stay exact."""
    turns = [_about(2, a), _about(0, b), _about(2, c)]
    return np.round(turns[0] @ turns[1] @ turns[2], 8)


def _about(axis, angle):
    one, other = [number for number in range(3) if number != axis]
    turn = np.eye(3)
    turn[[one, other], [one, other]] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return turn


# blocks, one for each kind of series that the rules tell apart


@st.composite
def plain(draw, grid, modality):
    """Rule 2: one scan; with a gap (7), or meaning that changes half-way and so cuts nothing."""
    places = tuple(range(grid.count))
    changing = {"MR": "EchoTime", "CT": "KVP"}.get(modality)
    flaws = ["none", "gap", *(["change"] if changing else [])] if grid.count >= 6 else ["none"]
    flaw = draw(st.sampled_from(flaws))
    part = Part(places, {}, whole=flaw == "none")
    if flaw == "gap":
        gap = draw(st.integers(1, grid.count - 2))
        part = replace(part, places=tuple(place for place in places if place != gap))
    if flaw == "change":
        two = ELEMENTS[changing](2)
        halves = [two[int(place >= grid.count // 2)] for place in places]
        part = replace(part, meaning={changing: halves})
    return Block(grid, (part,), {}, steady=flaw != "none")


@st.composite
def repeated(draw, grid, modality):
    """Rule 3: repetitions that one element or two tell apart; one may lack an image (7)."""
    elements = draw(_one_or_two(modality))
    limit = MAX_REPETITIONS if len(elements) == 1 else MAX_REPETITIONS // 2
    combinations = [()]
    for element in elements:
        most = min(MOST.get(element, limit), MAX_REPETITIONS // len(combinations), limit)
        values = ELEMENTS[element](draw(st.integers(2, most)))
        combinations = [(*done, value) for done in combinations for value in values]
    ranked = elements[-1] in TIMES and draw(st.booleans())
    parts = [_told(grid, elements, values, ranked) for values in combinations]
    if grid.count >= 6 and draw(st.booleans()):
        number = len(parts) - 1 if ranked else draw(st.integers(0, len(parts) - 1))
        parts[number] = _lacking(parts[number], draw(st.integers(0, grid.count - 1)))
    return Block(grid, tuple(parts), {}, one_group=True)


@st.composite
def _one_or_two(draw, modality):
    families = FAMILIES[modality]
    chosen = draw(st.permutations(range(len(families))))[: draw(st.integers(1, 2))]
    elements = [draw(st.sampled_from(families[number])) for number in chosen]
    return sorted(elements, key=lambda element: element in TIMES)  # what is ranked comes last


def _told(grid, elements, values, ranked=False, places=None):
    one = len(elements) == 1
    return Part(
        tuple(range(grid.count)) if places is None else places,
        {keyword_of(element): value for element, value in zip(elements, values, strict=True)},
        told=keyword_of(elements[0]) if one else None,
        value=said(elements[0], values[0]) if one and not ranked else None,
        whole=None if ranked else True,
        ranked=ranked,
    )


def _lacking(part, gap):
    inside = min(part.places) < gap < max(part.places)
    places = tuple(place for place in part.places if place != gap)
    return replace(part, places=places, whole=False if inside else None)


@st.composite
def directions(draw, grid, modality):
    """Rule 3: several b0 among directions; clock or Instance Number break the tie."""
    blank = draw(st.sampled_from([None, (0.0, 0.0, 0.0)]))
    weighted = unit_directions(draw(st.integers(2, 5)))
    baselines = [(0.0, blank)] * draw(st.integers(2, 3))
    rows = [*baselines, *((1000.0, direction) for direction in weighted)]
    names = ("DiffusionBValue", "DiffusionGradientOrientation")
    parts = tuple(_told(grid, names, values) for values in rows)
    return Block(grid, parts, {}, draw(st.sampled_from(["number", "clock"])), True, True)


@st.composite
def scanned_twice(draw, grid, modality):
    """Rule 3: Acquisition Number alone tells two scans apart; one may lack an image (7)."""
    keyword, first = "AcquisitionNumber", draw(st.integers(1, 7))
    parts = [_told(grid, (keyword,), (first + number,)) for number in range(2)]
    if grid.count >= 6 and draw(st.booleans()):
        parts[1] = _lacking(parts[1], draw(st.integers(0, grid.count - 1)))
    return Block(grid, tuple(parts), {}, "none", True)


@st.composite
def interleaved(draw, grid, modality):
    """Rules 2 and 4: grids between each other's slices, evenly or not."""
    shift = draw(st.sampled_from([0.5, 0.5, 0.25, 0.4]))
    even = shift == 0.5
    names = [element for family in FAMILIES[modality] for element in family]
    element = draw(st.sampled_from(names if even else [*names, "AcquisitionNumber"]))
    values = [3, 4] if element == "AcquisitionNumber" else ELEMENTS[element](2)
    places = tuple(range(grid.count))
    shifted = tuple(place + shift for place in places)
    parts = [
        _told(grid, (element,), (value,), places=own)
        for value, own in zip(values, (places, shifted), strict=True)
    ]
    return Block(grid, tuple(parts), {}, "none", True)


@st.composite
def retaken(draw, grid, modality):
    """Rule 3: one image or two taken again stay with their stack."""
    again = tuple(sorted(draw(st.sets(st.integers(0, grid.count - 1), min_size=1, max_size=2))))
    part = Part(tuple(range(grid.count)), {}, whole=None, retaken=again)
    return Block(grid, (part,), {}, "number", True)


@st.composite
def untold(draw, grid, modality):
    """Rule 6: repetitions that nothing but Instance Number tells apart."""
    told = {"told": "InstanceNumber", "whole": None}
    parts = [Part(tuple(range(grid.count)), {}, **told) for _ in range(draw(st.integers(2, 5)))]
    return Block(grid, tuple(parts), {}, "number", True)


@st.composite
def cine(draw, grid, modality):
    """Rule 5: one position, many times; the order is that of the times."""
    times = evenly(11.0, 23.5)(draw(st.integers(6, 20)))
    parts = Part((0,) * len(times), {"TriggerTime": times}, whole=None, kind="cine", ranked=True)
    return Block(grid, (parts,), {}, steady=True)


FAR = (interleaved, retaken)  # which need room: six positions, steps of two pixels and more
SHAPES = {
    "MR": (plain, *[repeated] * 5, directions, scanned_twice, *FAR, untold, cine),
    "CT": (plain, plain, repeated, repeated, scanned_twice, *FAR, untold),
    "PT": (plain, repeated, scanned_twice, untold),
}
APART = ("orientation", "matrix", "spacing", "patient", "study")
DISTRACTORS = ("thickness", "acquisition", "stack", "clock", "frame", "table", "study", "noise")


# series and collections


@st.composite
def series(draw):
    """One series: its blocks, how it is numbered, and what distracts."""
    modality = draw(st.sampled_from(["MR", "MR", "MR", "CT", "PT"]))
    blocks = draw(_blocks(modality))
    needed = {block.numbers for block in blocks}
    numberings = ["part", "place"] if "number" in needed else ["shuffled", "part", "place"]
    distractors = set(draw(st.sets(st.sampled_from(DISTRACTORS))))
    if len(blocks) > 1:
        distractors.discard("study")
    if any(block.steady for block in blocks):
        distractors -= {"acquisition", "stack"}
    if needed - {"any"}:
        distractors.discard("clock")
    unsteady = "study" in distractors or any(block.steady for block in blocks)
    copies = "none" if unsteady else draw(st.sampled_from(["none", "none", "some", "all"]))
    return Series(
        blocks=blocks,
        modality=modality,
        named=draw(st.sampled_from([True, True, True, False])),
        distractors=frozenset(distractors),
        numbering=draw(st.sampled_from(numberings)),
        copies=copies,
    )


@st.composite
def _blocks(draw, modality):
    """One block mostly; else two that something of rule 1 sets apart."""
    shape, count = st.sampled_from(SHAPES[modality]), draw(st.sampled_from([1, 1, 1, 2]))
    shapes = [draw(shape) for _ in range(count)]
    grid = draw(grids(*((6, 2) if any(shape in FAR for shape in shapes) else ())))
    blocks = [draw(shape(grid, modality)) for shape in shapes]
    if len(blocks) == 2:
        blocks[1] = _moved(blocks[1], draw(st.sampled_from(APART)))
    return tuple(blocks)


def _moved(block, apart):
    """The second block of a series, set apart from the first."""
    grid = block.grid
    if apart == "orientation":  # by 40 degrees, as blocks of a spine are, or as a localizer's
        block = replace(block, grid=replace(grid, axes=np.round(_about(0, 0.7) @ grid.axes, 8)))
    elif apart == "matrix":
        block = replace(block, grid=replace(grid, rows=grid.rows + 16))
    elif apart == "spacing":
        block = replace(block, grid=replace(grid, pixel_spacing=grid.pixel_spacing * 1.25))
    own = {"patient": {"PatientID": "other"}, "study": {"StudyInstanceUID": "1.2.9"}}.get(apart, {})
    return replace(block, own=own)


@st.composite
def collections(draw):
    """One to three series, and a seed."""
    return Collection(
        tuple(draw(st.lists(series(), min_size=1, max_size=3))),
        draw(st.integers(0, 2**32 - 1)),
    )
