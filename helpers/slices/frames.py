"""What does every frame of a multi-frame object say? One row per frame, as of single images."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pydicom import Dataset

from helpers.headers.columns import column_of
from helpers.headers.elements import python_value
from helpers.headers.pydicom_reader import read_header
from helpers.privacy.pseudonyms import deidentified
from helpers.slices.images import frame_counts, is_image

# where a frame says nothing of its own, these are of the first frame alone
POSITION_KEYWORDS = ["ImagePositionPatient", "SliceLocation"]


def frame_table(headers: pd.DataFrame) -> pd.DataFrame:
    """One row per frame; rows of single images and of what is no image pass through.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`

    Returns
    -------
    DataFrame, index ``path`` as in `headers`, with the column ``frame`` (from 0)
        What an enhanced object says in its functional groups, shared and per frame, stands in the
        columns that single-frame objects have: ``ImagePositionPatient``, ``PixelSpacing`` and so
        on. Frames of other multi-frame objects have no position: theirs is that of the first
        frame alone.

    References
    ----------
    PS3.3 C.7.6.16.2 (functional groups)
    """
    counts = np.where(is_image(headers), frame_counts(headers), 1)
    repeated = np.repeat(np.arange(len(headers)), counts)
    frames = headers.iloc[repeated].assign(
        frame=np.concatenate([np.arange(count) for count in counts]) if len(counts) else []
    )
    own: dict[int, dict[str, Any]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start, count in zip(np.cumsum(counts) - counts, counts):
            if count > 1:
                own |= {
                    start + n: columns
                    for n, columns in enumerate(_frames_of(frames.index[start], count))
                }
    return _filled(frames, own)


def _frames_of(path: str, count: int) -> Iterator[dict[str, Any]]:
    """The columns of each frame of one file, as dicts."""
    dataset = read_header(path).dataset or Dataset()
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    common = _columns_of(shared[0]) if shared else {}
    for number in range(count):
        own = _columns_of(per_frame[number]) if number < len(per_frame) else {}
        yield {**(dict.fromkeys(POSITION_KEYWORDS) if not own else {}), **common, **own}


def _columns_of(group):
    """Keyword and value of what the macros of one functional group hold."""
    public = [element for element in group if element.VR == "SQ" and not element.tag.is_private]
    macros = [element.value[0] for element in public if len(element.value)]
    elements = [element for macro in macros for element in macro if element.keyword]
    return {
        element.keyword: deidentified(element.keyword, python_value(element.value))
        for element in elements
    }


def _filled(frames: pd.DataFrame, own: dict[int, dict[str, Any]]) -> pd.DataFrame:
    """The table with the frames' own columns put in; `own` maps row numbers to columns."""
    if not own:
        return frames
    values: dict[str, list[Any]] = {}
    for row, columns in own.items():
        for keyword, value in columns.items():
            if keyword not in values:
                values[keyword] = (
                    frames[keyword].tolist() if keyword in frames else [None] * len(frames)
                )
            values[keyword][row] = value
    filled = pd.DataFrame(
        {keyword: column_of(column) for keyword, column in values.items()}
    ).set_axis(frames.index)
    kept = frames.drop(columns=[keyword for keyword in filled if keyword in frames])
    # copied, so that it is in one piece and rows of it are quickly taken
    return pd.concat([kept, filled], axis=1).copy()
