"""What would a text give away of this computer, or of a person?"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from helpers.headers.table import header_table
from helpers.privacy.identifying import STANDARD_ROOT, identifying_values, own_words

SHORTEST = 4  # characters of an identifying value that is looked for
UID = re.compile(
    r"(?<![\w.])(?:[0-2](?:\.\d+){5,}|2\.25\.\d{9,})"
)  # long enough for no number of a version or a clause
HOMES = re.compile(r"(?<!\w)/(?:home|Users)/\w|\b[A-Za-z]:\\+Users\\")


class Private(NamedTuple):
    """What is looked for: folders of this computer, and values that identify somebody."""

    folders: re.Pattern
    values: set


def local_secrets(project):
    """What no text that leaves may hold, as a `Private`: this computer's folders, and the values of the collection here.

    The folders are the home, the project's and the collection's; the collection is the one that ``DICOM_ROOT`` names, where
    it is set. Its values are those of `helpers.privacy.identifying.identifying_values` and the parts of names. Single words that the
    helpers use themselves ("phantom", "None") tell nothing, and neither do values of fewer than 4 characters.

    Parameters
    ----------
    project : folder in which ``helpers`` lies

    Raises
    ------
    FolderError
        Where ``DICOM_ROOT`` names no folder with files.
    """
    root = os.environ.get("DICOM_ROOT")
    folders = {
        str(one) for folder in (Path.home(), project, root or project) for one in _spellings(folder)
    }
    pattern = "|".join(rf"{re.escape(folder)}(?!\w)" for folder in folders)
    values = _telling(header_table(Path(root).expanduser(), progress=False)) if root else set()
    common = own_words(Path(project, "helpers"))
    return Private(
        re.compile(pattern), {value for value in values if value.casefold() not in common}
    )


def find_leaks(text, private):
    """What a text gives away, as a list of words that do not show it.

    >>> find_leaks("CT Image Storage is 1.2.840.10008.5.1.4.1.1.2", Private(re.compile("/srv/me"), {"Doe"}))
    []
    >>> find_leaks("Doe's scan is in /srv/me", Private(re.compile("/srv/me"), {"Doe"}))
    ["a path of somebody's computer", 'an identifying value of the collection']
    """
    found = {
        "a path of somebody's computer": private.folders.search(text) or HOMES.search(text),
        "a UID": any(not uid.startswith(STANDARD_ROOT) for uid in UID.findall(text)),
        "an identifying value of the collection": any(
            _holds(text, value) for value in private.values
        ),
    }
    return [words for words, there in found.items() if there]


def _spellings(folder):
    """A folder as it is given and as it is, where that tells something: not the root of all files."""
    folder = Path(folder).expanduser()
    return {path for path in (folder.absolute(), folder.resolve()) if len(path.parts) > 1}


def _telling(headers):
    values = identifying_values(headers)
    values |= {part.strip() for value in values for part in re.split(r"[\^=]", value)}
    return {value for value in values if len(value) >= SHORTEST}


def _holds(text, value):
    """Whether a value stands in a text, and not as a part of a longer word."""
    return value in text and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None
