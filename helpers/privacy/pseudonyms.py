"""What is shown in place of a value that could identify a person, where identity is hidden?"""

import hashlib
import hmac
import os
import re
from functools import cache, partial

import pandas as pd

from helpers.privacy.identifying import identifies, vr_of

VARIABLE = "DICOM_HIDE_IDENTITY"  # of the environment: the secret that pseudonyms are made with
CHARACTERS = {  # of which the values of some value representations consist (PS3.5 6.2)
    "UI": re.compile(r"[\d.]*"),
    "DS": re.compile(r"[\d.+\-eE\s]*"),
    "IS": re.compile(r"[\d+\-\s]*"),
}
LOOKS_LIKE_UID = re.compile(r"\d+(\.\d+){3,}")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def is_deidentified() -> bool:
    """Whether identity is hidden: where the environment variable ``DICOM_HIDE_IDENTITY`` is set."""
    return bool(os.environ.get(VARIABLE))


def violates_vr(VR: str, value: object) -> bool:
    """Whether a text does not fit its value representation: a name among numbers, for example."""
    return VR in CHARACTERS and isinstance(value, str) and not CHARACTERS[VR].fullmatch(value)


def pseudonym(value: object, secret: str | None = None) -> str:
    """What stands for a value: the same for the same text, and no way back without the secret.

    A UID has a UID (PS3.5 B.2), all else ``hidden-`` and twelve digits. Without a secret it is
    made with the environment's.

    Examples
    --------
    >>> pseudonym("DOE^JANE", "a secret"), pseudonym("1.2.840.1", "a secret")[:5]
    ('hidden-4f84b52dc4b2', '2.25.')
    """
    text = str(value)
    content = text.encode("utf-8", "surrogateescape")
    digest = hmac.digest(_key(secret or os.environ[VARIABLE]), content, hashlib.sha256)
    if LOOKS_LIKE_UID.fullmatch(text):
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"
    return f"hidden-{digest[:6].hex()}"


def deidentified(keyword: str, value: object) -> object:
    """The value of an element; its pseudonym where identity is hidden and it could identify."""
    empty = value is None or value == "" or value != value
    VR = vr_of(keyword)
    if empty or VR == "SQ" or not is_deidentified():  # of a sequence it is the number of its items
        return value
    values = value if isinstance(value, tuple) else (value,)
    identifying = identifies(keyword) or any(violates_vr(VR, one) for one in values)
    return pseudonym(value) if identifying else value


def deidentified_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table with a column per keyword, with pseudonyms for what identifies where that is hidden.

    What an error quotes is left out of it.
    """
    if not is_deidentified():
        return table
    columns = {name: _deidentified_column(column) for name, column in table.items()}
    return pd.DataFrame(columns, index=table.index)


def _deidentified_column(column: pd.Series) -> pd.Series:
    change = _without_quotes if column.name == "error" else partial(deidentified, column.name)
    shown = {
        value: new for value in column.dropna().unique() if (new := change(value)) is not value
    }
    values = [shown.get(value, value) for value in column]
    return pd.Series(values, column.index, dtype=object) if shown else column


def shown_error(error: str) -> str:
    """An error; without what it quotes, which may be a value, where identity is hidden."""
    return _without_quotes(error) if is_deidentified() else error


def _without_quotes(error: str) -> str:
    """An error without what it quotes, which may be a value."""
    return QUOTED.sub("'…'", error)


@cache
def _key(secret: str) -> bytes:
    """The key of a secret; slow to compute, so that secrets cannot be guessed one after another."""
    return hashlib.scrypt(secret.encode(), salt=b"stand-ins", n=2**14, r=8, p=1)
