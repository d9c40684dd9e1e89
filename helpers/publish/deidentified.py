"""How is a collection explored so that what comes of it does not say whose it is?"""

import html
import os
import re
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from helpers.errors import ClearError
from helpers.privacy.identifying import (
    STANDARD_ROOT,
    WORD,
    harmless_values,
    identifying_values,
    own_words,
    vr_of,
)
from helpers.privacy.pseudonyms import VARIABLE, pseudonym

SUFFIXES = {
    ".dcm",
    ".dicom",
    ".ima",
    ".csv",
    ".txt",
}  # of file names; these tell nothing of a person
TOKEN = re.compile(r"\w+(?:[.\-]\w+)*")  # an ID, a UID, a word
TAG = re.compile(r"(<[^>]*>)")
SHORTEST_WORD, SHORTEST_NAME, SHORTEST_NUMBER = (
    4,
    3,
    6,
)  # characters of what is looked for in other text


class VeilError(ClearError, OSError):
    """A collection that cannot be hidden."""


class Veil:
    """A folder of links to the files of a collection, named so that they tell of no person."""

    def __init__(self, root, headers, folder):
        self._folder = Path(folder)
        self.root = self._folder / "collection"
        patients = set(headers["PatientID"].dropna().map(str)) if "PatientID" in headers else set()
        paths = list(dict.fromkeys(headers.index))
        shown = _names([os.path.relpath(path, Path(root).parent) for path in paths], patients)
        for path, name in zip(paths, shown):
            _link(path, self.root / name)
        names = {"shown": shown, "path": paths}  # which file a name in the pages stands for
        self.names = pd.DataFrame(
            {name: pd.Series(values, dtype=object) for name, values in names.items()}
        )
        self._told = _telling(headers)

    def cleaned(self, text, is_html=False):
        """A text without what identifies a person and was quoted in it all the same, and without the name of the folder."""
        text = text.replace(f"{self._folder}{os.sep}", "")
        if not is_html:
            return TOKEN.sub(self._replaced, text)
        pieces = TAG.split(text)
        for place in range(0, len(pieces), 2):  # between the tags
            plain = html.unescape(pieces[place])
            if (cleaned := TOKEN.sub(self._replaced, plain)) != plain:
                pieces[place] = html.escape(cleaned)
        return "".join(pieces)

    def _replaced(self, found):
        """The stand-in of a token that tells something; else the token, with stand-ins for the words in it that do."""
        token = found[0]
        return (
            pseudonym(token)
            if token.casefold() in self._told
            else WORD.sub(self._word_replaced, token)
        )

    def _word_replaced(self, found):
        word = found[0]
        return pseudonym(word) if word.casefold() in self._told and not word.isdigit() else word


@contextmanager
def deidentified_collection(root, headers):
    """The Veil of a collection: within it this is the folder to explore, and headers are read with identity hidden.

    What is written to temporary files meanwhile goes with the folder. The secret is that of the environment, else a new one.

    Raises
    ------
    VeilError
        Where the system makes no links.
    """
    before = dict(os.environ)
    try:
        with tempfile.TemporaryDirectory(prefix="dicom-") as folder:
            os.environ[VARIABLE] = os.environ.get(VARIABLE) or secrets.token_hex(16)
            veil = Veil(root, headers, folder)
            os.environ["DICOM_ROOT"], os.environ["TMPDIR"] = str(veil.root), folder
            yield veil
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def identity_shown():
    """Within it headers are read as they are, whatever the environment says."""
    secret = os.environ.pop(VARIABLE, None)
    try:
        yield
    finally:
        if secret is not None:
            os.environ[VARIABLE] = secret


def _link(path, link):
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(os.path.abspath(path))
    except OSError as error:
        way = "on Windows, switch Developer Mode on; or let identity be shown"
        raise VeilError(f"expected to make links in {link.parent}, got: {error}; {way}") from None


def _names(paths, patients):
    """New names for files in natural order, which they keep: folders and files are numbered.

    A folder that is named by a patient ID has its stand-in, and a file that counts within its folder keeps that number.
    """
    folders = {}
    for path in paths:
        folders.setdefault(os.path.dirname(path), []).append(os.path.basename(path))
    shown = {}
    for number, (folder, files) in enumerate(folders.items(), 1):
        whose = [pseudonym(part) for part in Path(folder).parts if part in patients]
        counts = _counts(files)
        for place, (file, count) in enumerate(zip(files, counts), 1):
            suffix = os.path.splitext(file)[1].lower()
            name = f"{place:04}{count}{suffix if suffix in SUFFIXES else ''}"
            shown[os.path.join(folder, file)] = os.path.join(f"folder-{number:03}", *whose, name)
    return [shown[path] for path in paths]


def _counts(files):
    """The number in the name of each file, with a hyphen, where these count the files of the folder; else nothing."""
    numbers = [re.findall(r"\d+", os.path.splitext(file)[0]) for file in files]
    last = [int(found[-1]) if found else None for found in numbers]
    counting = None not in last and len(set(last)) == len(last) and max(last) <= 2 * len(last)
    return [f"-{number}" if counting else "" for number in last]


def _telling(headers):
    """Words and IDs, in lower case, that must not be in a page."""
    names = [
        name
        for name in headers
        if vr_of(name) == "PN" or name in ("PatientID", "OtherPatientIDs", "AccessionNumber")
    ]
    times = [
        name for name in headers if vr_of(name) == "TM"
    ]  # six digits are too many other things
    own = _words(identifying_values(headers[names]), SHORTEST_NAME)
    others = _words(identifying_values(headers.drop(columns=[*names, *times])), SHORTEST_WORD)
    return (own | (others - _words(harmless_values(headers), 1))) - own_words()


def _words(values, shortest):
    """The tokens of texts and the words in them, as far as they are long enough to tell something; in lower case."""
    tokens = {token for value in values for token in TOKEN.findall(value.casefold())}
    words = {word for token in tokens for word in WORD.findall(token) if not word.isdigit()}
    uids = {token for token in tokens if token.startswith(STANDARD_ROOT)}
    return {
        text
        for text in (tokens | words) - uids
        if len(text) >= (SHORTEST_NUMBER if _is_number(text) else shortest)
    }


def _is_number(text):
    return text.replace(".", "", 1).isdigit()
