"""Is a file still the one whose header a row has?"""

from typing import Any

import numpy as np
import pandas as pd

from helpers.files.opening import size_of
from helpers.headers.columns import Row
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.layout import ImageError
from helpers.privacy.pseudonyms import deidentified, is_deidentified, is_pseudonym
from helpers.slices.arrays import numbers
from helpers.slices.frame_rows import GROUPS

POSITION = "ImagePositionPatient"
COMPARED = ["SOPInstanceUID", "TransferSyntaxUID", "Rows", "Columns", POSITION, "file_size"]
PLACED_BY = [*GROUPS, "GridFrameOffsetVector"]  # elements that give each frame its position


def expected_values(slices: pd.DataFrame) -> list[dict[str, Any]]:
    """What each row says of its file, as `check_unchanged` takes it."""
    known = [keyword for keyword in COMPARED if keyword in slices]
    columns = [slices[keyword].tolist() for keyword in known]
    found = [dict(zip(known, values)) for values in zip(*columns)] or [
        {} for _ in range(len(slices))
    ]
    for row in np.flatnonzero(_are_placed_by_frame(slices)):
        found[row].pop(POSITION, None)
    return found


def check_unchanged(expected: dict[str, Any], header: FrameHeader | Row, path: str) -> None:
    """Refuses a file that is another than when its row was read.

    Compares what identifies an image and what says how to read it; a row that lacks one of these
    says nothing about it, and neither does a pseudonym where it cannot be made anew.

    Raises
    ------
    ImageError
        Names the file and what differs.
    """
    for keyword, old in expected.items():
        if header.get(keyword) == old or (is_pseudonym(old) and not is_deidentified()):
            continue
        own = header if isinstance(header, FrameHeader) else FrameHeader(header)
        new = _value(keyword, own, path)
        if is_pseudonym(old):
            new = deidentified(keyword, new)
        if new != old and _is_said(old):
            raise ImageError(
                f"expected {path} as its row says, got another {keyword}: {_text(old)} then, "
                f"{_text(new)} now. The file has changed: read the headers again, "
                "slice_table(header_table(...))"
            )


def _value(keyword: str, header: FrameHeader, path: str) -> Any:
    """What the file says now."""
    if keyword == "file_size":
        return header.get("file_size") or size_of(path)
    if keyword == POSITION:
        return header.floats(POSITION)
    meta = getattr(header.dataset, "file_meta", header.dataset)
    value = (meta if keyword == "TransferSyntaxUID" else header).get(keyword)
    return value if value is None or isinstance(value, int) else str(value)


def _is_said(value: Any) -> bool:
    return isinstance(value, (tuple, str)) or (value is not None and value == value)


def _text(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _are_placed_by_frame(slices: pd.DataFrame) -> np.ndarray:
    """Whose position (n,) is that of a frame, and not of the header of a file."""
    found = numbers(slices, "NumberOfFrames") > 1
    for keyword in PLACED_BY:
        if keyword in slices:
            found |= slices[keyword].notna().to_numpy()
    return found
