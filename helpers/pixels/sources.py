"""Where is the image of each row, and what does the row say that its file may say differently?"""

from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import pandas as pd

from helpers.pixels.luts import WINDOW_KEYWORDS
from helpers.pixels.unchanged import expected_values
from helpers.slices.arrays import frames_of, paths_of
from helpers.slices.frame_rows import GROUPS

# what the header of a frame may say of its own, and what stands behind what is read of a file
RESCALE = ["RescaleSlope", "RescaleIntercept", "RescaleType"]
OF_FRAME = [*RESCALE, *WINDOW_KEYWORDS, "SliceThickness"]
KEYWORDS_BEHIND = ["PresentationLUTShape", "DoseGridScaling", "Units"]
MEANT = [  # what values mean, wherever in its file it stands
    *(*OF_FRAME[:-1], "ModalityLUTSequence", "VOILUTSequence"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
]


class Source(NamedTuple):
    """Where an image is, and what its row says that its file may say differently."""

    path: str
    frame: int
    offset: int | None  # of uncompressed values; None where frames stand in items
    expected: dict[str, Any]  # what the file must say for the row to be true
    own: tuple[tuple[str, Any], ...]  # what the row says of the frame
    said: frozenset[str]  # keywords of values that the row has, and must be found
    known: frozenset[str]  # the columns of its table, which may lack keywords of the file


def sources_of(rows: pd.DataFrame) -> list[Source]:
    """The Source of the image of each row.

    Parameters
    ----------
    rows : of `helpers.slice_table`, or of `helpers.slices.frame_rows.frame_rows`
    """
    offsets = [
        None if offset is None or not 0 < offset < 2**62 else int(offset)
        for offset in _values(rows, "pixel_offset")
    ]
    frames = rows["frame"].tolist() if "frame" in rows else frames_of(rows)
    own, known = _own_values(rows), repeat(frozenset(map(str, rows.columns)))
    expected, said = expected_values(rows), _said(rows)
    return list(map(Source, paths_of(rows), frames, offsets, expected, own, said, known))


def _own_values(rows: pd.DataFrame) -> list[tuple[tuple[str, Any], ...]]:
    """What each row says that the beginning of its file does not: of its frame, and further on."""
    behind = [_values(rows, keyword) for keyword in KEYWORDS_BEHIND]
    own = [
        tuple(pair for pair in zip(KEYWORDS_BEHIND, values) if pair[1] is not None)
        for values in zip(*behind)
    ]
    grouped = [
        one is not None or other is not None
        for one, other in zip(*map(partial(_values, rows), GROUPS))
    ]
    if any(grouped):
        of_frame = zip(*(_values(rows, keyword) for keyword in OF_FRAME))
        own = [
            (*one, *zip(OF_FRAME, values)) if is_grouped else one
            for one, values, is_grouped in zip(own, of_frame, grouped)
        ]
    return own


def _said(rows: pd.DataFrame) -> list[frozenset[str]]:
    """The keywords of `MEANT` that each row has a value of; rows that have the same share it."""
    there = [
        [keyword if value is not None else "" for value in _values(rows, keyword)]
        for keyword in MEANT
        if keyword in rows
    ]
    sets = {words: frozenset(words) - {""} for words in set(zip(*there))}
    return [sets[words] for words in zip(*there)] if there else [frozenset()] * len(rows)


def _values(rows: pd.DataFrame, keyword: str) -> list[Any]:
    """The values of a column, None where there is none."""
    if keyword not in rows:
        return [None] * len(rows)
    return [None if value != value else value for value in rows[keyword].tolist()]
