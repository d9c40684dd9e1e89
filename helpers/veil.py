"""How is a collection explored so that what comes of it does not say whose it is?"""

import os
import re
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from pydicom.datadict import dictionary_VR, tag_for_keyword

from helpers import ClearError
from helpers.identity import UID_LIKE, VARIABLE, identifies, stand_in
from helpers.privacy import identifying_values

SHORTEST = 4  # characters of a value that is looked for inside of other text
SHORTEST_NAME = 2  # of a word of a person's name that is a word there
SUFFIXES = {".dcm", ".dicom", ".ima", ".csv"}  # of file names; these tell nothing of a person
WORDS = re.compile(r"[\W\d_]+")
NUMBER = re.compile(r"\d+")


class VeilError(ClearError, OSError):
    """A collection that cannot be hidden."""


class Veil:
    """A folder of links to the files of a collection, named so that they tell of no person."""

    def __init__(self, root, headers, folder):
        # times of day are left out: six digits are too many other things
        values = {value for value in identifying_values(headers.drop(columns=_only(headers, "TM"))) if len(value) >= SHORTEST}
        self._values = values
        self._numbers = {value for value in values if value.isdigit()}
        words = {value for value in values - self._numbers if not UID_LIKE.fullmatch(value)}
        self._parts = _parts(words, SHORTEST)
        self._names = _parts(identifying_values(_only(headers, "PN")), SHORTEST_NAME)
        self._telling = values - _texts_of(headers[[name for name in headers if not identifies(name)]])
        self.root = Path(folder) / self._name(Path(root).name)
        shown = [self._shown(os.path.relpath(path, root)) for path in headers.index]
        for path, name in zip(headers.index, shown):
            _link(path, self.root / name)
        self.names = pd.DataFrame({"shown": shown, "path": headers.index})  # which file a name in the pages stands for

    def cleaned(self, text):
        """A text with stand-ins for the identifying values of the collection that are left in it.

        Values that elements which identify nobody have too, such as CHEST, are let be.
        """
        text = UID_LIKE.sub(lambda found: stand_in(found[0]) if found[0] in self._telling else found[0], text)
        for value in sorted(self._telling, key=len, reverse=True):
            if value in text:
                text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", stand_in(value), text)
        return text

    def _shown(self, path):
        return os.path.join(*map(self._name, Path(path).parts))

    def _name(self, name):
        """The name of a file or folder; its stand-in where it holds an identifying value or a UID."""
        stem, suffix = os.path.splitext(name)
        stem, suffix = (stem, suffix) if suffix.lower() in SUFFIXES else (name, "")
        telling = stem in self._values or UID_LIKE.search(stem) or self._numbers & set(NUMBER.findall(stem))
        telling = telling or self._names & _parts([stem], SHORTEST_NAME)
        telling = telling or any(part in stem.casefold() for part in self._parts)
        return (stand_in(stem) if telling else stem) + suffix


@contextmanager
def veiled(root, headers):
    """The Veil of a collection: within it this is the folder to explore, and headers are read with identity hidden.

    Raises
    ------
    VeilError
        Where the system makes no links.
    """
    before = dict(os.environ)
    os.environ[VARIABLE] = secrets.token_hex(16)
    try:
        with tempfile.TemporaryDirectory(prefix="dicom-") as folder:
            veil = Veil(root, headers, folder)
            os.environ["DICOM_ROOT"] = str(veil.root)
            yield veil
    finally:
        os.environ.clear()
        os.environ.update(before)


def _link(path, link):
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(os.path.abspath(path))
    except OSError as error:
        way = "on Windows, switch Developer Mode on; or let identity be shown"
        raise VeilError(f"expected to make links in {link.parent}, got: {error}; {way}") from None


def _only(headers, VR):
    """The columns of one value representation."""
    tags = {name: tag_for_keyword(name) for name in headers}
    return headers[[name for name, tag in tags.items() if tag and dictionary_VR(tag) == VR]]


def _parts(values, shortest):
    """Values and the words in them, as a name has several, that are long enough to tell something; in lower case."""
    parts = {part for value in values for part in (value, *WORDS.split(value))}
    return {part.casefold() for part in parts if len(part) >= shortest}


def _texts_of(table):
    """All texts of a table."""
    values = {value for name in table for value in table[name].dropna().unique()}
    several = (value if isinstance(value, tuple) else (value,) for value in values)
    return {text for texts in several for text in texts if isinstance(text, str)}
