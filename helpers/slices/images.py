"""Which rows of the header table hold an image?"""

import os

import numpy as np
import pandas as pd

from helpers.errors import ClearError, require_type
from helpers.slices.grid import is_per_frame, numbers

NATIVE = {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
}  # these have a pixel offset
NEEDED = (
    "SeriesInstanceUID",
    "Rows",
    "Columns",
)  # an image's header has these; where no row has, they were not asked for


class NoImageError(ClearError):
    """No image where images were expected."""


class MissingColumnError(ClearError, ValueError):
    """A table without a column that is needed."""


def images(headers):
    """The rows of `headers` that hold a readable image.

    Raises
    ------
    NoImageError
        Where there is none; says what was looked at.
    """
    found = headers[is_image(headers)]
    if len(found):
        return found
    bad = int(headers["error"].notna().sum())
    without = len(headers) - bad
    files, why = (
        ("file" if len(headers) == 1 else "files"),
        (" (column error of the header table says why)" if bad else ""),
    )
    raise NoImageError(
        f"expected DICOM images, found none in {_place(headers)}: of {len(headers)} {files} {bad} could not be read{why} "
        f"and {without} {'holds' if without == 1 else 'hold'} no pixels"
    )


def is_image(headers):
    """Which rows hold a readable image, boolean (n,).

    Raises
    ------
    MissingColumnError
        Where the table was made without the columns that tell.
    """
    require_type(headers, pd.DataFrame, "of header_table")
    missing = [keyword for keyword in NEEDED if keyword not in headers]
    if missing and ("pixel_offset" not in headers or headers["pixel_offset"].notna().any()):
        raise MissingColumnError(
            f"expected a header table with {', '.join(NEEDED)}, got one without {', '.join(missing)}"
        )
    has_size = np.isfinite(numbers(headers, "Rows")) & np.isfinite(numbers(headers, "Columns"))
    has_pixels = headers["pixel_offset"].notna() | ~headers["TransferSyntaxUID"].isin(
        [*NATIVE, None]
    )
    return (headers["error"].isna() & has_size & has_pixels).to_numpy()


def frame_counts(rows):
    """Number of Frames of each row (n,); 1 where it does not say, and where a row is one frame."""
    if is_per_frame(rows):
        return np.ones(len(rows), int)
    return np.maximum(np.nan_to_num(numbers(rows, "NumberOfFrames"), nan=1), 1).astype(int)


def _place(headers):
    """The folder that all files lie in, as far as there is one."""
    folders = [os.path.dirname(os.path.abspath(path)) for path in headers.index]
    return os.path.commonpath(folders) if folders else "an empty list"
