"""What does a CSV file say? Values between commas, semicolons or tabs, in Unicode or older text."""

import lzma
import os
import warnings
import zipfile
import zlib
from typing import Any

import pandas as pd

from helpers.files.opening import on_disk

DELIMITERS = (",", ";", "\t")
PACKED_BADLY = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, ImportError)
AS_TEXT: dict[str, Any] = {"dtype": str, "keep_default_na": False}


def read_csv(path: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
    """A CSV file as a table, whichever delimiter it has; letters of no Unicode are Latin-1.

    Parameters
    ----------
    **options : of ``pandas.read_csv``; `AS_TEXT` keeps every value as it is written

    Raises
    ------
    ValueError, OSError
        As ``pandas.read_csv`` does; where a packed file cannot be unpacked, or a row has more
        values than there are columns.
    """
    try:
        return _of_any_encoding(on_disk(path), **options)
    except PACKED_BADLY as error:
        raise ValueError(f"it cannot be unpacked: {error}") from None


def _of_any_encoding(path: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(path, sep=delimiter, index_col=False, **options)
    except pd.errors.ParserWarning:
        return _without_surplus(path, sep=delimiter, **options)


def _without_surplus(path: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
    """A table whose rows end in delimiters that the names of its columns have not.

    pandas takes what is too much for an index, at the front.
    """
    shifted = pd.read_csv(path, **{**options, "nrows": 1})
    columns, count = [*shifted], shifted.index.nlevels
    more = [f"surplus {number}" for number in range(count)]
    wide = pd.read_csv(path, header=0, names=[*columns, *more], index_col=False, **options)
    surplus = wide[more].fillna("").astype(str)
    if surplus.ne("").any(axis=None):
        raise ValueError(f"a row has more values than the {len(columns)} columns")
    return wide[columns]
