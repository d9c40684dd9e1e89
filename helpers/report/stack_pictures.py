"""What does one stack look like? A thumbnail and a contact sheet, or why there is none."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from helpers.errors import error_text
from helpers.pictures.thumbnail import Thumbnail, contact_sheet, thumbnail
from helpers.slices.arrays import numbers
from helpers.viewer.image_data import Images
from helpers.volume.slice import Slice

Stack: TypeAlias = tuple[str, int]  # an entry of the index of `helpers.stack_table`
SHEETS = ((12, 192), (8, 160), (6, 128), (4, 96))  # (pictures, pixels of each); the first that fits
SINGLE_SIZES = (640, 480, 320, 192)  # pixels of one picture alone
SHEET_COLUMNS = 4
MAX_MEMORY_MB = 300  # of decoded images that one process keeps
SAMPLED = 7  # images of a mask or a dose, of which that with most in it is shown
MOSTLY_EMPTY = ("segmentation", "dose")  # kinds whose middle may well hold nothing
WORDS = {
    **{"R": "right", "L": "left", "A": "anterior", "P": "posterior", "H": "head", "F": "feet"},
}


class StackInput(NamedTuple):
    """A stack, and what is needed to draw it in another process."""

    stack: Stack
    slices: pd.DataFrame  # its rows of `helpers.slice_table`, and those of its group if wanted
    stacks: pd.DataFrame  # the same of `helpers.stack_table`
    findings: pd.DataFrame  # what `helpers.audit` found in it
    labels: pd.DataFrame | None  # what lies on it, of `helpers.labels_of`

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of the slice table that are its own, with all of their index."""
        levels = ["SeriesInstanceUID", "stack"]
        return self.slices.xs(self.stack, level=levels, drop_level=False)

    @property
    def kind(self) -> str:
        """What its images are, as the stack table says."""
        return str(self.stacks.loc[self.stack, "kind"])


class StackPictures(NamedTuple):
    """How a stack is shown without a viewer."""

    thumbnail: Thumbnail | None = None
    alt: str = ""  # what the thumbnail shows, in words
    sheet: Thumbnail | None = None
    sheet_alt: str = ""
    why: str = ""  # there is no picture, or only a part of them


def stack_pictures(work: tuple[StackInput, float]) -> StackPictures:
    """The thumbnail of a stack, and a contact sheet of at most so many bytes.

    It is that of the image in the middle as it was acquired; of masks and doses that of the one of
    several with most in it, of slides that of the overview, or of a tile. Where it cannot be
    decoded another one stands for it. A stack of which none can is said to have no picture, and
    why.
    """
    stack, room = work
    images = Images(_shown_alone(stack.rows, stack.kind), max_mb=MAX_MEMORY_MB)
    first, why = _first_that_opens(images, stack.kind)
    if first is None:
        return StackPictures(why=why)
    count, small = len(images), thumbnail(images.slice(first))
    sheet, shown = _sheet(images, first, room)
    why = f"one image cannot be decoded: {why}" if why else ""
    return StackPictures(
        small, _alt(images.slice(first), first, count), sheet, _sheet_words(shown, count), why
    )


def _shown_alone(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The images of a stack that are pictures by themselves; of tiles one of the fewest."""
    if kind != "slide":
        return rows
    tiles = np.nan_to_num(numbers(rows, "NumberOfFrames"), nan=1)
    if (tiles <= 1).any():
        return rows[tiles <= 1]
    fewest = rows.iloc[[int(tiles.argmin())]]
    return fewest.assign(kind="picture")  # which is shown, as a tile is not


def _first_that_opens(images: Images, kind: str) -> tuple[int | None, str]:
    """(the number of the first image that can be decoded, why one before it cannot)"""
    why = ""
    for number in _order(images, kind):
        try:
            images.slice(number)
            return number, why
        except Exception as error:  # a file may be broken in any way
            why = why or error_text(error)
    return None, why


def _order(images: Images, kind: str) -> list[int]:
    """In which order images are tried: from the middle, or from the one with most in it."""
    count = len(images)
    if kind in MOSTLY_EMPTY and count > 1:
        sampled = _evenly(range(count), SAMPLED)
        return sorted(sampled, key=lambda number: -_content(images, number))
    return list(dict.fromkeys((count // 2, count // 4, 3 * count // 4, 0)))


def _content(images: Images, number: int) -> float:
    """How much is in an image of a mask or a dose; nothing in one that cannot be decoded."""
    try:
        return float(np.abs(images.slice(number).array).sum(dtype=float))
    except Exception:  # the reason is told where it is drawn
        return -1


def _sheet(images: Images, first: int, room: float) -> tuple[Thumbnail | None, list[int]]:
    """(a contact sheet that fits, the numbers of its images); None where none fits."""
    if room <= 0:
        return None, []
    if len(images) == 1:
        image = images.slice(first)
        most = max(*image.array.shape[:2], SINGLE_SIZES[-1])  # it is not enlarged
        for pixels in dict.fromkeys(min(size, most) for size in SINGLE_SIZES):
            picture = thumbnail(image, pixels=pixels)
            if len(picture.webp) <= room:
                return picture, [first]
        return None, []
    there = [number for number in _wanted(len(images), first) if _opens(images, number)]
    for count, pixels in SHEETS:
        shown = _evenly(there, count)
        slices = [images.slice(number) for number in shown]
        sheet = contact_sheet(slices, columns=SHEET_COLUMNS, pixels=pixels)
        if len(sheet.webp) <= room:
            return sheet, shown
    return None, []


def _wanted(count: int, first: int) -> list[int]:
    """The numbers of the images of a contact sheet: evenly chosen, and that of the thumbnail."""
    numbers_shown = _evenly(range(count), SHEETS[0][0])
    nearest = min(numbers_shown, key=lambda number: abs(number - first))
    return [first if number == nearest else number for number in numbers_shown]


def _opens(images: Images, number: int) -> bool:
    try:
        images.slice(number)
        return True
    except Exception:  # its page and the audit say why
        return False


def _evenly(items: Sequence[Any], count: int) -> list[Any]:
    """At most so many of some items, evenly chosen."""
    if len(items) <= count:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _alt(image: Slice, number: int, count: int) -> str:
    """What a thumbnail shows, in words."""
    plane = image.caption.get("plane") or ""
    what = f"{plane} slice" if plane and plane != "unknown" else "image"
    words = [f"{what} {number + 1} of {count}" if count > 1 else what]
    edges = {"on the left": image.letters.left, "at the top": image.letters.top}
    words += [
        f"{' '.join(WORDS[letter] for letter in letters)} is {where}"
        for where, letters in edges.items()
        if letters and set(letters) <= set(WORDS)
    ]
    if not image.array.any():
        words.append("nothing is in it")
    return ", ".join(filter(None, (image.caption.get("view"), *words)))


def _sheet_words(numbers_shown: Sequence[int], count: int) -> str:
    if not numbers_shown:
        return ""
    shown = ", ".join(str(number + 1) for number in numbers_shown)
    return f"images {shown} of {count}" if count > 1 else "the one image"
