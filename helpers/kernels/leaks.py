"""What would a text give away of this computer, or of a person?"""

import os
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.headers.table import header_table
from helpers.privacy.identifying import STANDARD_ROOT, identifying_values, own_words

MIN_VALUE_LENGTH = 4  # characters of an identifying value that is looked for
UID = re.compile(  # long enough to be no number of a version or a clause
    r"(?<![\w.])(?:[0-2](?:\.\d+){5,}|2\.25\.\d{9,})"
)
HOMES = re.compile(r"(?<!\w)/(?:home|Users)/\w|\b[A-Za-z]:\\+Users\\")


class LocalSecrets(NamedTuple):
    """What is looked for: folders of this computer, and values that identify somebody."""

    folders: re.Pattern[str]
    words: frozenset[str]


def local_secrets(project: str | os.PathLike[str]) -> LocalSecrets:
    """What no text that leaves this computer may hold: its folders, and values of the collection.

    The folders are the home, the project's and the collection's; the collection is the one that
    ``DICOM_ROOT`` names, where it is set. Its values are those of `identifying_values` and the
    parts of names. Left out are single words that the helpers use themselves ("phantom", "None")
    and values of fewer than 4 characters.

    Parameters
    ----------
    project : folder in which ``helpers`` lies

    Raises
    ------
    FolderError
        Where ``DICOM_ROOT`` names no folder with files.
    ClearError
        Where no module of the helpers is found.
    """
    common = own_words(Path(project, "helpers"))
    root = os.environ.get("DICOM_ROOT")
    folders = {
        rf"{re.escape(path)}(?!\w)"
        for folder in (Path.home(), project, root or project)
        for path in _spellings(folder)
    }
    headers = header_table(root, progress=False) if root else pd.DataFrame()
    values = {value for value in _values_and_parts(headers) if value.casefold() not in common}
    return LocalSecrets(re.compile("|".join(folders)), frozenset(values))


def find_leaks(text: str, secrets: LocalSecrets) -> list[str]:
    """What a text gives away, in words that do not show it.

    >>> secrets = LocalSecrets(re.compile("/srv/me"), frozenset({"Doe"}))
    >>> find_leaks("CT Image Storage is 1.2.840.10008.5.1.4.1.1.2", secrets)
    []
    >>> find_leaks("Doe's scan is in /srv/me", secrets)
    ["a path of somebody's computer", 'an identifying value of the collection']
    """
    found = {
        "a path of somebody's computer": secrets.folders.search(text) or HOMES.search(text),
        "a UID": any(not uid.startswith(STANDARD_ROOT) for uid in UID.findall(text)),
        "an identifying value of the collection": any(
            _holds_word(text, value) for value in secrets.words
        ),
    }
    return [words for words, is_there in found.items() if is_there]


def _spellings(folder: str | os.PathLike[str]) -> set[str]:
    """A folder as it is given and with links followed; not the root of all files."""
    given = Path(folder).expanduser()
    return {str(path) for path in (given.absolute(), given.resolve()) if len(path.parts) > 1}


def _values_and_parts(headers: pd.DataFrame) -> set[str]:
    values = identifying_values(headers)
    values |= {part.strip() for value in values for part in re.split(r"[\^=]", value)}
    return {value for value in values if len(value) >= MIN_VALUE_LENGTH}


def _holds_word(text: str, value: str) -> bool:
    """Whether a value stands in a text, and not as a part of a longer word."""
    return value in text and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None
