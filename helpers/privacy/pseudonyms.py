"""What stands in place of a value that could identify a person, where identity is to be left out?"""

import hashlib
import hmac
import os
import re
from functools import cache, partial

import pandas as pd

from helpers.privacy.identifying import identifies, vr_of

VARIABLE = "DICOM_HIDE_IDENTITY"  # of the environment; its value is the secret that the stand-ins are made with
SHAPES = {
    "UI": re.compile(r"[\d.]*"),
    "DS": re.compile(r"[\d.+\-eE\s]*"),
    "IS": re.compile(r"[\d+\-\s]*"),
}
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def is_deidentified():
    """Whether identity is left out: where the environment variable ``DICOM_HIDE_IDENTITY`` is set."""
    return bool(os.environ.get(VARIABLE))


def is_foreign(VR, value):
    """Whether a text is none of its value representation, a name among numbers for example (PS3.5 6.2)."""
    return VR in SHAPES and isinstance(value, str) and not SHAPES[VR].fullmatch(value)


def pseudonym(value):
    """What stands for a value: the same for the same text, another for another, and no way back without the secret.

    A UID has a UID (PS3.5 B.2), all else ``hidden-`` and twelve digits.

    Examples
    --------
    >>> os.environ[VARIABLE] = "a secret"
    >>> pseudonym("DOE^JANE"), pseudonym("1.2.840.1")[:5]
    ('hidden-4f84b52dc4b2', '2.25.')
    >>> del os.environ[VARIABLE]
    """
    digest = hmac.digest(
        _key(os.environ[VARIABLE]), str(value).encode("utf-8", "surrogateescape"), hashlib.sha256
    )
    if re.fullmatch(r"\d+(\.\d+){3,}", str(value)):
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"
    return f"hidden-{digest[:6].hex()}"


def deidentified(keyword, value):
    """The value of an element; its stand-in where identity is hidden and it could identify a person."""
    empty = value is None or value == "" or (isinstance(value, float) and value != value)
    if empty or not is_deidentified():
        return value
    VR = vr_of(keyword)
    if VR == "SQ":  # the number of its items, which tells nothing
        return value
    values = value if isinstance(value, tuple) else (value,)
    return (
        pseudonym(value)
        if identifies(keyword) or any(is_foreign(VR, one) for one in values)
        else value
    )


def deidentified_table(table):
    """A table with a column per keyword, its identifying values replaced where identity is hidden, and what errors quote."""
    if not is_deidentified():
        return table
    return pd.DataFrame(
        {name: _deidentified_column(table[name]) for name in table}, index=table.index
    )


def _deidentified_column(column):
    change = _unquoted if column.name == "error" else partial(deidentified, column.name)
    changed = {
        value: new for value in column.dropna().unique() if (new := change(value)) is not value
    }
    values = [changed.get(value, value) for value in column]
    return pd.Series(values, column.index, dtype=object) if changed else column


def _unquoted(error):
    """An error without what it quotes, which may be a value."""
    return QUOTED.sub("'…'", error)


@cache
def _key(secret):
    """The key of a secret, dear to try out."""
    return hashlib.scrypt(secret.encode(), salt=b"stand-ins", n=2**14, r=8, p=1)
