"""Do labels lie where they can be? Rules that look at labels on the voxels of their images."""

from collections.abc import Iterator

import numpy as np

from helpers.quality.findings import Finding, Rule, rule
from helpers.quality.label_facts import LabelFacts, label_facts
from helpers.quality.label_shifts import Shift
from helpers.quality.label_words import SIDES
from helpers.quality.rules import Collection

IN_BOTH_HALVES = {  # words of organs of which one lies in each half of the trunk or head
    *("lung", "lungs", "kidney", "kidneys", "renal", "adrenal", "eye", "eyeball", "globe", "orbit"),
    *("lens", "parotid", "cochlea", "breast", "hemisphere", "hippocampus", "submandibular"),
}
LIMBS = {"femur", "femoral", "hip", "humerus", "scapula", "clavicle", "clavicula", "iliac"}
NOT_THERE = {  # words by which a name may say another side than that of the label
    *("minus", "without", "except", "not", "no", "non", "sub", "spared", "opposite", "mirror"),
    *("mirrored", "contralateral", "contra", "flipped", "shifted", "margin"),
}
MIN_WRONG_SHARE = 0.8  # of a label, on the side of the body that its name excludes
MIN_DISTANCE_MM = 20  # between left and right, from which on they are not the same place
MIN_AIR_SHARE = 0.5  # of a label
MAX_NAMED = 3
DIRECTIONS = (  # towards the negative and the positive end of each LPS axis
    ("to the right", "to the left"),
    ("towards the front", "towards the back"),
    ("towards the feet", "towards the head"),
)
MIN_PART = 0.15  # of a shift's length, from which on its part along an axis is said

LABEL_PIXEL_RULES: dict[str, Rule] = {}


@rule(
    LABEL_PIXEL_RULES,
    "warning",
    said_once=True,
    effect="A part of it is lost on the images, or it is of other images.",
    clause="PS3.3 C.7.6.2.1.1, C.8.8.6",
    remedy="Look whether it fits what is left; load the series that it was drawn on.",
)
def label_outside_volume(collection: Collection) -> Iterator[Finding]:
    """Segmentations and structures that reach beyond the images that they refer to."""
    found = (
        Finding(file.outside, file.path) for file in collection.once(label_facts) if file.outside
    )
    yield from found


@rule(
    LABEL_PIXEL_RULES,
    "note",
    said_once=True,
    effect="What is named is not there: a missing organ, or one that was not outlined.",
    clause="PS3.3 C.8.20.4, C.8.8.6",
    remedy="Do not count it as a label; ask whether it is missing or was left out.",
)
def empty_label(collection: Collection) -> Iterator[Finding]:
    """Segments and regions that are described and have no voxel."""
    yield from _findings(collection, lambda one: one.is_empty, lambda one: one.label.name)


@rule(
    LABEL_PIXEL_RULES,
    "error",
    said_once=True,
    effect="Left and right are exchanged: the label, or its name, is of the other side.",
    clause="PS3.3 C.7.6.2.1.1, C.8.20.4",
    remedy="Look at both on the images: the sides of heart and liver tell whether the label or the "
    "images are mirrored.",
)
def label_on_other_side(collection: Collection) -> Iterator[Finding]:
    """Labels of paired organs that lie on the other side of the body than their names say.

    Two of one file tell it by their order; one alone by the middle of the body, on CT that shows
    the air on both sides of it.
    """
    findings = []
    for file in collection.once(label_facts):
        values = [*_exchanged(file.labels), *_beyond_the_middle(file.labels)]
        if values:
            findings.append(Finding(_named(list(dict.fromkeys(values))), file.path))
    yield from findings


@rule(
    LABEL_PIXEL_RULES,
    "warning",
    said_once=True,
    effect="It is shifted, mirrored or of other images: what is learned under it is air.",
    clause="PS3.3 C.7.6.2.1.1",
    remedy="Look at it on its images; load the series that it was drawn on.",
)
def label_outside_body(collection: Collection) -> Iterator[Finding]:
    """Labels of which more than half lies in the air around the body, on CT; no couches."""
    yield from _findings(
        collection,
        lambda one: one.air_share > MIN_AIR_SHARE,
        lambda one: f"{one.label.name} ({one.air_share:.0%} in air)",
    )


@rule(
    LABEL_PIXEL_RULES,
    "warning",
    said_once=True,
    effect="What is learned under it is of what lies beside it.",
    clause="PS3.3 C.7.6.2.1.1, C.8.20.2",
    remedy="Look at it on its images: a guess, from the edges in them. Ask for it again with the "
    "origin of its images; a breath between two scans does it too.",
)
def label_shifted(collection: Collection) -> Iterator[Finding]:
    """Labels on CT that fit its edges far better a little beside where they lie; a guess.

    Nothing is said of a file with labels on the other side, or beyond its images.
    """
    findings = []
    for file in collection.once(label_facts):
        others = [*_exchanged(file.labels), *_beyond_the_middle(file.labels)]
        if file.shift and not others:
            findings.append(Finding(_moved(file.shift), file.path))
    yield from findings


def _moved(shift: Shift) -> str:
    """What is said of a shift: the names of the labels, and the way to where they fit."""
    way = [
        f"{abs(part):.3g} mm {words[part > 0]}"
        for part, words in zip(shift.mm, DIRECTIONS)
        if abs(part) >= MIN_PART * np.linalg.norm(shift.mm)
    ]
    return f"a guess: {_named([one.name for one in shift.labels])} would fit {', '.join(way)}"


def _findings(collection, is_wrong, words) -> Iterator[Finding]:
    """A finding of each file with labels that are wrong, which names them."""
    findings = []
    for file in collection.once(label_facts):
        values = [words(one) for one in file.labels if is_wrong(one)]
        if values:
            findings.append(Finding(_named(values), file.path))
    yield from findings


def _named(values: list[str]) -> str:
    more = f" and {len(values) - MAX_NAMED} more" if len(values) > MAX_NAMED else ""
    return f"{', '.join(values[:MAX_NAMED])}{more}"


def _side(one: LabelFacts) -> tuple[int, frozenset[str]]:
    """(1 for left, -1 for right, 0 for none or both, the other words) of a label's name."""
    sides = {SIDES[word] for word in one.words & set(SIDES)}
    if len(sides) != 1 or one.words & NOT_THERE:
        return 0, one.words
    return sides.pop(), one.words - set(SIDES)


def _exchanged(labels: tuple[LabelFacts, ...]) -> Iterator[str]:
    """Names of pairs of which the left one lies to the right of the other."""
    sided = [(*_side(one), one) for one in labels if np.isfinite(one.center_x)]
    for side, words, left in sided:
        if side != 1 or not words & (IN_BOTH_HALVES | LIMBS):
            continue
        others = [one for other, own, one in sided if other == -1 and own == words]
        if len(others) == 1 and others[0].center_x - left.center_x > MIN_DISTANCE_MM:
            yield f"{left.label.name} lies to the right of {others[0].label.name}"


def _beyond_the_middle(labels: tuple[LabelFacts, ...]) -> Iterator[str]:
    """Names of labels that lie on the wrong side of the body."""
    for one in labels:
        side, words = _side(one)
        wrong = 1 - one.left_share if side == 1 else one.left_share
        if side and words & IN_BOTH_HALVES and wrong > MIN_WRONG_SHARE:
            where = "right" if side == 1 else "left"
            yield f"{one.label.name} lies on the {where} ({wrong:.0%})"
