"""What is shown in place of a value that could identify a person?"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from functools import cache, partial

import pandas as pd

from helpers.errors import WrongTypeError, require_type
from helpers.privacy.identifying import identifies, vr_of

VARIABLE = "DICOM_HIDE_IDENTITY"  # of the environment: the secret that pseudonyms are made with
CHARACTERS = {  # of which the values of some value representations consist (PS3.5 6.2)
    "UI": re.compile(r"[\d.]*"),
    "DS": re.compile(r"[\d.+\-eE\s]*"),
    "IS": re.compile(r"[\d+\-\s]*"),
}
LOOKS_LIKE_UID = re.compile(r"\d+(\.\d+){3,}")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
WORDS = re.compile(r"hidden-[0-9a-f]{12}")  # that stand for any value but a UID
UID_START = int.from_bytes(b"hide", "big")  # the first 32 of the 128 bits of a UID
UUID_VERSION, UUID_VARIANT = 8, 2  # made by a way of one's own (RFC 9562 5.8 and 4.1)


def deidentify(headers: pd.DataFrame, *, secret: str | None = None) -> pd.DataFrame:
    """A table of headers with pseudonyms for all values that could identify a person.

    The same value has the same pseudonym in each table that is made with one secret, so that
    patients, series and dates stay apart, or together; a pseudonym stays as it is. Missing values
    stay missing, numbers of the image and terms of the standard as they are. What an error quotes
    is left out of it.

    Parameters
    ----------
    headers : of `helpers.header_table`, or a table made of it: its columns and the levels of its
        index that are called by keywords are replaced
    secret : whoever has it can find out which value a pseudonym stands for, by trying. None for
        that of the report which is being made, or else one that this process forgets.

    Returns
    -------
    DataFrame; the paths in its index stay, for they lead to the files: leave them out of what you
        hand on, for example by ``reset_index(drop=True)``.

    Raises
    ------
    WrongTypeError
        For what is no table, or an empty secret.

    Notes
    -----
    It is about the table alone. What reads a file again, such as `helpers.load_slice`,
    `helpers.header_of` or, of several frames, `helpers.slice_table`, shows what the file says:
    make the tables that you need first, and pass each through here. Names that somebody wrote
    into an element which is meant for something else (Manufacturer, say) stay too, and so does
    what is in the pixels.

    References
    ----------
    PS3.15 Table E.1-1

    Examples
    --------
    >>> headers = pd.DataFrame({"PatientID": ["A7", "A7"], "Rows": [512, 512]})
    >>> deidentify(headers, secret="a secret")["PatientID"].tolist()
    ['hidden-0ba79c1c0ac2', 'hidden-0ba79c1c0ac2']
    """
    require_type(headers, pd.DataFrame, "of header_table")
    if secret is not None and not (isinstance(secret, str) and secret):
        raise WrongTypeError(f"expected a secret, a text that is not empty, got {secret!r}")
    key = secret or os.environ.get(VARIABLE) or _secret_of_process()
    columns = {name: _deidentified_values(name, column, key) for name, column in headers.items()}
    table = pd.DataFrame(columns, index=headers.index)
    return table.set_axis(_deidentified_index(headers.index, key), axis=0)


def is_deidentified() -> bool:
    """Whether files that are read again show pseudonyms: in the processes of such a report.

    They have the secret in the environment variable ``DICOM_HIDE_IDENTITY``.
    """
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
    >>> pseudonym("DOE^JANE", "a secret"), pseudonym("1.2.840.1", "a secret")[:10]
    ('hidden-4f84b52dc4b2', '2.25.13878')
    """
    text = str(value)
    content = text.encode("utf-8", "surrogateescape")
    digest = hmac.digest(_key(secret or os.environ[VARIABLE]), content, hashlib.sha256)
    if LOOKS_LIKE_UID.fullmatch(text):
        return f"2.25.{_uuid_of(digest)}"
    return f"hidden-{digest[:6].hex()}"


def is_pseudonym(value: object) -> bool:
    """Whether a value is what `pseudonym` gives: it says nothing of what a file says."""
    if not isinstance(value, str):
        return False
    if value.startswith("2.25.") and value[5:].isdecimal() and len(value) < 50:
        number = int(value[5:])
        return number >> 96 == UID_START and number >> 76 & 15 == UUID_VERSION
    return WORDS.fullmatch(value) is not None


def deidentified(keyword: str, value: object) -> object:
    """The value of an element of a file that is read again, as this process shows it.

    Its pseudonym where identity is hidden and it could identify.
    """
    return _deidentified(keyword, value, os.environ[VARIABLE]) if is_deidentified() else value


def deidentified_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table of files that are read again, as this process shows it."""
    return deidentify(table) if is_deidentified() else table


def shown_error(error: str) -> str:
    """An error; without what it quotes, which may be a value, where identity is hidden."""
    return _without_quotes(error) if is_deidentified() else error


def _deidentified(keyword: str, value: object, secret: str) -> object:
    empty = value is None or value == "" or value != value
    VR = vr_of(keyword)
    if empty or VR == "SQ" or is_pseudonym(value):  # of a sequence it is the number of its items
        return value
    values = value if isinstance(value, tuple) else (value,)
    identifying = identifies(keyword) or any(violates_vr(VR, one) for one in values)
    return pseudonym(value, secret) if identifying else value


def _deidentified_values(name: object, column: pd.Series, secret: str) -> pd.Series:
    """A column, which stays the same one where nothing in it could identify."""
    change: Callable = partial(_deidentified, str(name), secret=secret)
    if name == "error":
        change = _without_quotes
    shown = {
        value: new for value in column.dropna().unique() if (new := change(value)) is not value
    }
    values = [shown.get(value, value) for value in column]
    return pd.Series(values, column.index, dtype=object) if shown else column


def _deidentified_index(index: pd.Index, secret: str) -> pd.Index:
    """An index, with pseudonyms in levels that are called like an element."""
    for number, name in enumerate(index.names):
        if not vr_of(str(name)):
            continue
        levels = index.levels[number] if isinstance(index, pd.MultiIndex) else index
        new = [_deidentified(str(name), value, secret) for value in levels]
        if isinstance(index, pd.MultiIndex):
            index = index.set_levels(pd.Index(new, dtype=levels.dtype), level=number)
        else:
            index = pd.Index(new, dtype=index.dtype, name=name)
    return index


def _without_quotes(error: str) -> str:
    """An error without what it quotes, which may be a value."""
    return QUOTED.sub("'…'", error)


def _uuid_of(digest: bytes) -> int:
    """A UUID as a number (PS3.5 B.2) that tells that it is a pseudonym's."""
    number = UID_START << 96 | int.from_bytes(digest[:12], "big")
    number = number & ~(15 << 76) | UUID_VERSION << 76
    return number & ~(3 << 62) | UUID_VARIANT << 62


@cache
def _secret_of_process() -> str:
    return secrets.token_hex(16)


@cache
def _key(secret: str) -> bytes:
    """The key of a secret; slow to compute, so that secrets cannot be guessed one after another."""
    return hashlib.scrypt(secret.encode(), salt=b"stand-ins", n=2**14, r=8, p=1)
