"""What stands in place of a value that could identify a person, where identity is to be left out?"""

import hashlib
import hmac
import os
import re
from functools import cache, partial
from pathlib import Path

import pandas as pd
from pydicom.datadict import dictionary_VR, tag_for_keyword

PROFILE = Path(__file__).with_name("identifying.csv")  # keyword and action (PS3.15 Table E.1-1, the Basic Profile)
VARIABLE = "DICOM_HIDE_IDENTITY"  # of the environment; its value is the secret that the stand-ins are made with
TELLING = {"PN", "DA", "DT", "TM", "LT", "ST", "UT", "UC", "UR", "AE"}  # value representations of names, dates, free text
NAMED_TELLING = re.compile(r"Comment|Calendar|OrderNumber|Label$|(?<!U)IDs?$")  # newer and retired elements, listed or not
SHAPES = {"UI": re.compile(r"[\d.]*"), "DS": re.compile(r"[\d.+\-eE\s]*"), "IS": re.compile(r"[\d+\-\s]*")}
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def is_hidden():
    """Whether identity is left out: where the environment variable ``DICOM_HIDE_IDENTITY`` is set."""
    return bool(os.environ.get(VARIABLE))


@cache
def identifies(keyword):
    """Whether the values of an element can identify a person: those of the Basic Profile, and all names, dates and free text.

    So can private elements, the names of whose columns begin with a bracket.

    References
    ----------
    PS3.15 Table E.1-1 and E.3.10
    """
    if keyword in _listed():
        return True
    VR = vr_of(keyword)
    return VR in TELLING or bool(NAMED_TELLING.search(keyword)) if VR else keyword.startswith("(")


def vr_of(keyword):
    """The value representation of an element; empty for a column that is no element of the standard."""
    return dictionary_VR(tag) if (tag := tag_for_keyword(keyword)) else ""


def is_foreign(VR, value):
    """Whether a text is none of its value representation, a name among numbers for example (PS3.5 6.2)."""
    return VR in SHAPES and isinstance(value, str) and not SHAPES[VR].fullmatch(value)


def stand_in(value):
    """What stands for a value: the same for the same text, another for another, and no way back without the secret.

    A UID has a UID (PS3.5 B.2), all else ``hidden-`` and twelve digits.

    Examples
    --------
    >>> os.environ[VARIABLE] = "a secret"
    >>> stand_in("DOE^JANE"), stand_in("1.2.840.1")[:5]
    ('hidden-4f84b52dc4b2', '2.25.')
    >>> del os.environ[VARIABLE]
    """
    digest = hmac.digest(_key(os.environ[VARIABLE]), str(value).encode("utf-8", "surrogateescape"), hashlib.sha256)
    if re.fullmatch(r"\d+(\.\d+){3,}", str(value)):
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"
    return f"hidden-{digest[:6].hex()}"


def veiled(keyword, value):
    """The value of an element; its stand-in where identity is hidden and it could identify a person."""
    empty = value is None or value == "" or (isinstance(value, float) and value != value)
    if empty or not is_hidden():
        return value
    VR = vr_of(keyword)
    if VR == "SQ":  # the number of its items, which tells nothing
        return value
    values = value if isinstance(value, tuple) else (value,)
    return stand_in(value) if identifies(keyword) or any(is_foreign(VR, one) for one in values) else value


def veiled_table(table):
    """A table with a column per keyword, its identifying values replaced where identity is hidden, and what errors quote."""
    if not is_hidden():
        return table
    return pd.DataFrame({name: _veiled_column(table[name]) for name in table}, index=table.index)


def _veiled_column(column):
    change = _unquoted if column.name == "error" else partial(veiled, column.name)
    changed = {value: new for value in column.dropna().unique() if (new := change(value)) is not value}
    values = [changed.get(value, value) for value in column]
    return pd.Series(values, column.index, dtype=object) if changed else column


def _unquoted(error):
    """An error without what it quotes, which may be a value."""
    return QUOTED.sub("'…'", error)


@cache
def _key(secret):
    """The key of a secret, dear to try out."""
    return hashlib.scrypt(secret.encode(), salt=b"stand-ins", n=2**14, r=8, p=1)


@cache
def _listed():
    return frozenset(pd.read_csv(PROFILE)["keyword"])
