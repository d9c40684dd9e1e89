"""How do readers hang mammograms? Chest walls together in the middle, lateral or head on top.

A picture is turned or mirrored only where its letters prove how it lies; they turn along, and its
remark says what was done.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np

from helpers.geometry.orientation import EdgeLetters
from helpers.volume.slice import Slice, remarked

FROM_ABOVE = ("CC", "XCCL", "XCCM", "FB")  # views through the breast from above or below
FROM_THE_SIDE = ("MLO", "ML", "LM", "LMO", "SIO", "ISO")
VIEWS = (*FROM_ABOVE, *FROM_THE_SIDE)  # in the order in which they hang, one below the other
SIDES = ("R", "L")  # from left to right: the reader faces the patient
RIGHT_EDGE = {"R": "P", "L": "A"}  # letter at the right edge: chest walls in the middle
MEDIAL = {"R": "L", "L": "R"}  # letter of the midline as a side sees it, at the bottom of CC


class Turn(NamedTuple):
    """What was done to the rows and columns of a picture, in this order."""

    transposed: bool
    upside_down: bool
    left_to_right: bool

    @property
    def words(self) -> str:
        """What was done, in words; empty for nothing."""
        if not any(self):
            return ""
        if sum(self) % 2 == 0:
            return "turned by 180°" if not self.transposed else "turned by 90°"
        if self.transposed:
            return "mirrored and turned by 90°"
        return "mirrored, left to right" if self.left_to_right else "mirrored, top to bottom"


TURNS = [Turn(*flags) for flags in product((False, True), repeat=3)]


def side_and_view(slice: Slice) -> tuple[str, str] | None:
    """(side, view) of an image that could hang as a mammogram; None where one is not known."""
    side, view = slice.caption.get("side", ""), slice.caption.get("view_name", "")
    return (side, view) if side in SIDES and view in VIEWS else None


def hung(slice: Slice) -> Slice:
    """A mammogram as it hangs: turned and mirrored as far as its letters prove how it lies.

    The right breast has its chest wall at the right edge, the left one at the left edge; views from
    above have the lateral side on top, all others the head. Where side, view or a letter is not
    known it stays as it is stored.

    References
    ----------
    PS3.3 C.7.6.1.1.1 (Patient Orientation), PS3.17 Annex A
    """
    known = side_and_view(slice)
    if known is None:
        return slice
    side, view = known
    wanted = RIGHT_EDGE[side], MEDIAL[side] if view in FROM_ABOVE else "F"
    for turn in TURNS:
        letters = _turned_letters(slice.letters, turn)
        if (letters.right[:1], letters.bottom[:1]) == wanted:
            return turned(slice, turn)
    return slice


def turned(slice: Slice, turn: Turn) -> Slice:
    """The same picture with rows and columns exchanged or reversed; letters turn along."""
    if not any(turn):
        return slice
    down, right = slice.spacing
    return replace(
        slice,
        array=_turned_pixels(slice.array, turn),
        padding=None if slice.padding is None else _turned_pixels(slice.padding, turn),
        spacing=(right, down) if turn.transposed else (down, right),
        letters=_turned_letters(slice.letters, turn),
        caption=remarked(slice.caption, turn.words),
    )


def rows_of_study(pictures: Mapping[int, Slice]) -> list[list[int | None]]:
    """Rows of a study's mammograms, each (number of a right one, of a left one or None).

    One row for each view, CC first; further rows where a side has several of one view.

    Parameters
    ----------
    pictures : number → `Slice` whose side and view are known
    """
    rows: list[list[int | None]] = []
    places = {number: side_and_view(slice) for number, slice in pictures.items()}
    for view in VIEWS:
        beside = [
            [number for number, place in places.items() if place == (side, view)] for side in SIDES
        ]
        for row in range(max(map(len, beside))):
            rows.append([one[row] if row < len(one) else None for one in beside])
    return rows


def _turned_pixels(pixels: np.ndarray, turn: Turn) -> np.ndarray:
    pixels = np.swapaxes(pixels, 0, 1) if turn.transposed else pixels
    return pixels[:: -1 if turn.upside_down else 1, :: -1 if turn.left_to_right else 1]


def _turned_letters(letters: EdgeLetters, turn: Turn) -> EdgeLetters:
    left, right, top, bottom = letters
    if turn.transposed:
        left, right, top, bottom = top, bottom, left, right
    if turn.upside_down:
        top, bottom = bottom, top
    if turn.left_to_right:
        left, right = right, left
    return EdgeLetters(left, right, top, bottom)
