"""Which rows of the header table hold an image?"""

import numpy as np
import pandas as pd
from pydicom.datadict import tag_for_keyword

from helpers.errors import ClearError, WrongTypeError, require_type
from helpers.slices.arrays import numbers

# transfer syntaxes whose pixel values start at the pixel offset
NATIVE_SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
REQUIRED_KEYWORDS = ("SeriesInstanceUID", "Rows", "Columns")  # to find images and their stacks
MANDATORY_KEYWORDS = (  # every image has these: type 1 in PS3.3 C.12.1, C.7.2.1, C.7.3.1, C.7.6.3
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Modality", "SamplesPerPixel"),
    *("PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
MIN_MANDATORY_SHARE = 0.5  # real images of odd formats lack three of ten at most


class NoImageError(ClearError):
    """No image where images were expected."""


class MissingColumnError(ClearError, ValueError):
    """A table without a column that is needed."""


def checked_headers(headers: pd.DataFrame) -> pd.DataFrame:
    """The table, if it has one row per file.

    Raises
    ------
    WrongTypeError
    """
    require_type(headers, pd.DataFrame, "of header_table")
    if headers.index.nlevels > 1:
        levels = ", ".join(map(str, headers.index.names))
        raise WrongTypeError(f"expected the table of header_table, got one with the index {levels}")
    return headers


def is_image(headers: pd.DataFrame) -> np.ndarray:
    """Which rows hold a readable image, boolean (n,).

    Raises
    ------
    MissingColumnError
        Where the table was made without the columns that tell.
    """
    require_type(headers, pd.DataFrame, "of header_table")
    missing = [keyword for keyword in REQUIRED_KEYWORDS if keyword not in headers]
    has_pixels = "pixel_offset" not in headers or headers["pixel_offset"].notna().any()
    if missing and has_pixels and has_few_keywords(headers):
        raise MissingColumnError(
            f"expected a header table with {', '.join(REQUIRED_KEYWORDS)}, "
            f"got one without {', '.join(missing)}"
        )
    has_size = np.isfinite(numbers(headers, "Rows")) & np.isfinite(numbers(headers, "Columns"))
    native = headers["TransferSyntaxUID"].isin([*NATIVE_SYNTAXES, None])
    has_pixels = headers["pixel_offset"].notna() | ~native
    return (headers["error"].isna() & has_size & has_pixels).to_numpy()


def has_few_keywords(headers: pd.DataFrame) -> bool:
    """Whether a table with images was made with ``keywords=`` that leave out most.

    A table of all keywords has no column for an element that no file has, so that a missing
    column alone tells nothing. But every image has the elements of `MANDATORY_KEYWORDS`. Where
    there is no keyword at all, files hold none.
    """
    known = sum(keyword in headers for keyword in MANDATORY_KEYWORDS)
    if known >= MIN_MANDATORY_SHARE * len(MANDATORY_KEYWORDS):
        return False
    return any(tag_for_keyword(name) and name != "TransferSyntaxUID" for name in headers)
