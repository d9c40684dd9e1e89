"""What does a CSV file say? Values between commas, semicolons or tabs, in Unicode or older text."""

import os
from typing import Any

import pandas as pd

DELIMITERS = (",", ";", "\t")
AS_TEXT: dict[str, Any] = {"dtype": str, "keep_default_na": False}


def read_csv(path: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
    """A CSV file as a table, whichever delimiter it has; letters of no Unicode are Latin-1.

    Parameters
    ----------
    **options : of ``pandas.read_csv``; `AS_TEXT` keeps every value as it is written

    Raises
    ------
    ValueError, OSError
        As ``pandas.read_csv`` does.
    """
    try:
        return _of_any_delimiter(path, encoding="utf-8-sig", **options)
    except UnicodeDecodeError as error:
        with open(path, "rb") as file:
            is_wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
        try:
            return _of_any_delimiter(path, encoding="utf-16" if is_wide else "latin-1", **options)
        except UnicodeError:
            raise error from None


def _of_any_delimiter(path: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
    """The table, whose delimiter is the one that stands in the names of its columns."""
    names = pd.read_csv(path, **{**options, "nrows": 0})
    text = "" if names.shape[1] > 1 else "".join(map(str, names))
    delimiter = next((one for one in DELIMITERS[1:] if one in text), DELIMITERS[0])
    return pd.read_csv(path, sep=delimiter, **options)
