"""What stands in place of a value that could identify a person, where identity is to be left out?"""

import hashlib
import hmac
import os
import re
from functools import cache
from pathlib import Path

import pandas as pd
from pydicom.datadict import dictionary_VR, tag_for_keyword

PROFILE = Path(__file__).with_name("identifying.csv")  # keyword and action (PS3.15 Table E.1-1, the Basic Profile)
VARIABLE = "DICOM_HIDE_IDENTITY"  # of the environment; its value is the key that the stand-ins are made with
ALWAYS = {"PN", "DA", "DT", "TM"}  # value representations that identify whatever the element
UID_LIKE = re.compile(r"\d+(?:\.\d+){3,}")
SUFFIXES = {".dcm", ".dicom", ".ima", ".csv"}  # that tell nothing of a person
SHORTEST = 4  # characters of a value that is looked for inside the name of a file


def is_hidden():
    """Whether identity is left out: where the environment variable ``DICOM_HIDE_IDENTITY`` is set."""
    return bool(os.environ.get(VARIABLE))


@cache
def identifies(keyword):
    """Whether the values of an element can identify a person (PS3.15 Table E.1-1), as names, dates and times always do.

    So can private elements, the names of whose columns begin with a bracket (E.3.10).
    """
    known = tag_for_keyword(keyword)
    return keyword in _listed() or (dictionary_VR(known) in ALWAYS if known else keyword.startswith("("))


def stand_in(value):
    """What stands for a value: the same for the same text, another for another, and no way back without the key.

    A UID has a UID (PS3.5 B.2), all else ``hidden-`` and eight digits.

    Examples
    --------
    >>> os.environ[VARIABLE] = "a key"
    >>> stand_in("DOE^JANE"), stand_in("1.2.840.1")[:5]
    ('hidden-12b76f47', '2.25.')
    >>> del os.environ[VARIABLE]
    """
    digest = hmac.digest(os.environ[VARIABLE].encode(), str(value).encode("utf-8", "surrogateescape"), hashlib.sha256)
    if UID_LIKE.fullmatch(str(value)):
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"
    return f"hidden-{digest[:4].hex()}"


def veiled(keyword, value):
    """The value of an element; its stand-in where identity is hidden and it could identify a person."""
    empty = value is None or value == "" or (isinstance(value, float) and value != value)
    return stand_in(value) if is_hidden() and not empty and identifies(keyword) and not _is_sequence(keyword) else value


def veiled_table(table):
    """A table with a column per keyword, its identifying values replaced where identity is hidden."""
    if not is_hidden():
        return table
    new = {}
    for column in filter(identifies, table):
        values = table[column].astype(object)
        known = {value: veiled(column, value) for value in values.dropna().unique()}
        new[column] = pd.Series([known.get(value, value) for value in values], table.index, dtype=object)
    kept = {column: new.get(column, table[column]) for column in table}
    return pd.DataFrame(kept, index=table.index)


def veiled_name(name, values):
    """The name of a file or folder; its stand-in where it holds one of the values, or a UID."""
    stem, suffix = os.path.splitext(name)
    stem, suffix = (stem, suffix) if suffix.lower() in SUFFIXES else (name, "")
    if stem in values:
        return stand_in(stem) + suffix
    told = UID_LIKE.search(stem) or any(value.casefold() in stem.casefold() for value in values if len(value) >= SHORTEST)
    return stand_in(stem) + suffix if told else name


def _is_sequence(keyword):
    """Whether a value is the number of a sequence's items, which tells nothing."""
    return (tag := tag_for_keyword(keyword)) is not None and dictionary_VR(tag) == "SQ"


@cache
def _listed():
    return frozenset(pd.read_csv(PROFILE)["keyword"])
