"""How is a collection explored so that what comes of it does not say whose it is?"""

import html
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd
from pydicom.datadict import DicomDictionary
from pydicom.uid import UID_dictionary

from helpers.files import FolderError
from helpers.privacy.identifying import (
    STANDARD_ROOT,
    TOKEN,
    WORD,
    harmless_values,
    identifying_values,
    own_words,
    vr_of,
)
from helpers.privacy.pseudonyms import VARIABLE, pseudonym

HARMLESS_SUFFIXES = {".dcm", ".dicom", ".ima", ".csv", ".txt"}  # of file names
ID_KEYWORDS = {"PatientID", "OtherPatientIDs", "AccessionNumber"}
HTML_TAG = re.compile(r"(<[^>]*>)")
MIN_WORD_LENGTH, MIN_NAME_LENGTH, MIN_DIGITS = 4, 3, 6  # of what is looked for in other text


class DeidentifiedCollection:
    """Links to the files of a collection, named by numbers and pseudonyms.

    Attributes
    ----------
    root : the folder to explore
    environment : variables for the process that explores it, so that it reads pseudonyms
    names : which file a name in the pages stands for; columns ``shown`` and ``path``

    Raises
    ------
    FolderError
        Where the system makes no links.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        headers: pd.DataFrame,
        folder: str | os.PathLike[str],
        secret: str,
    ):
        """The collection in `root`, of files in the index of `headers`, as links in `folder`."""
        self._folder, self._secret = Path(folder), secret
        self.root: Path = self._folder / "collection"
        self.environment: dict[str, str] = {"DICOM_ROOT": str(self.root), VARIABLE: secret}
        patients = set(headers["PatientID"].dropna().map(str)) if "PatientID" in headers else set()
        paths = list(dict.fromkeys(headers.index))
        parent = Path(root).parent
        shown = _new_names([os.path.relpath(path, parent) for path in paths], patients, secret)
        for path, name in zip(paths, shown):
            _link(path, self.root / name)
        self.names: pd.DataFrame = pd.DataFrame({"shown": shown, "path": paths}, dtype=object)
        self._words = identifying_words(headers)

    def clean(self, text: str, is_html: bool = False) -> str:
        """A text with pseudonyms for what identifies, and without the name of the folder."""
        text = text.replace(f"{self._folder}{os.sep}", "")
        if not is_html:
            return TOKEN.sub(self._cleaned_token, text)
        parts = HTML_TAG.split(text)
        for number in range(0, len(parts), 2):  # between the tags
            plain = html.unescape(parts[number])
            if (cleaned := TOKEN.sub(self._cleaned_token, plain)) != plain:
                parts[number] = html.escape(cleaned)
        return "".join(parts)

    def _cleaned_token(self, found: re.Match[str]) -> str:
        token = found[0]
        if token.casefold() in self._words:
            return pseudonym(token, self._secret)
        return WORD.sub(self._cleaned_word, token)

    def _cleaned_word(self, found: re.Match[str]) -> str:
        word = found[0]
        identifies = word.casefold() in self._words and not word.isdigit()
        return pseudonym(word, self._secret) if identifies else word


def identifying_words(headers: pd.DataFrame) -> set[str]:
    """Words and IDs of identifying elements, in lower case, that must not be in a page.

    Left out are words that this suite uses itself, and in free text the standard's terms, such as
    "JPEG-LS" and "Patient Position", and what harmless elements hold as well.
    """
    own = [name for name in headers if vr_of(name) == "PN" or name in ID_KEYWORDS]
    times = [name for name in headers if vr_of(name) == "TM"]  # six digits mean many things
    names = _words(identifying_values(headers[own]), MIN_NAME_LENGTH)
    others = _words(identifying_values(headers.drop(columns=[*own, *times])), MIN_WORD_LENGTH)
    harmless = _words(harmless_values(headers), 1) | dictionary_words()
    return (names | (others - harmless)) - own_words()


@cache
def dictionary_words() -> frozenset[str]:
    """Keywords, and words in the names of elements and UIDs, in lower case.

    References
    ----------
    PS3.6 6, 7, 8 and Annex A
    """
    elements = {
        text for _, _, name, _, keyword in DicomDictionary.values() for text in (name, keyword)
    }
    return frozenset(_words(elements | {name for name, *_ in UID_dictionary.values()}, 1))


def _words(texts: Iterable[str], min_length: int) -> set[str]:
    """The tokens of texts and the words in them that are long enough to identify; lower case."""
    tokens = {token for text in texts for token in TOKEN.findall(text.casefold())}
    words = {word for token in tokens for word in WORD.findall(token) if not word.isdigit()}
    return {
        text
        for text in tokens | words
        if len(text) >= (MIN_DIGITS if text.replace(".", "", 1).isdigit() else min_length)
        and not text.startswith(STANDARD_ROOT)
    }


def _new_names(paths: list[str], patients: set[str], secret: str) -> list[str]:
    """New names for files in natural order, which they keep: folders and files are numbered.

    A folder that is called like a patient ID is called by its pseudonym.
    """
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(os.path.dirname(path), []).append(os.path.basename(path))
    new = {}
    for number, (folder, files) in enumerate(folders.items(), 1):
        ids = [pseudonym(part, secret) for part in Path(folder).parts if part in patients]
        for position, file in enumerate(files, 1):
            suffix = os.path.splitext(file)[1].lower()
            name = f"{position:04}{suffix if suffix in HARMLESS_SUFFIXES else ''}"
            new[os.path.join(folder, file)] = os.path.join(f"folder-{number:03}", *ids, name)
    return [new[path] for path in paths]


def _link(path: str, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(os.path.abspath(path))
    except OSError as error:
        way = "on Windows, switch Developer Mode on; or make the report without de-identification"
        expected = f"expected to make links in {link.parent}"
        raise FolderError(f"{expected}, got: {error}; {way}") from error
