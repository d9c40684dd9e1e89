"""Which words that a text quotes from headers could identify a person?"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from unicodedata import normalize

import pandas as pd
from pydicom.datadict import DicomDictionary
from pydicom.uid import UID_dictionary
from pydicom.valuerep import VR

from helpers.privacy.identifying import (
    STANDARD_ROOT,
    harmless_values,
    identifying_values,
    own_words,
    vr_of,
)
from helpers.privacy.pseudonyms import WORDS, pseudonym

ID_KEYWORDS = {"PatientID", "OtherPatientIDs", "AccessionNumber"}
MIN_WORD_LENGTH, MIN_ID_LENGTH, MIN_NAME_LENGTH, MIN_DIGITS = 4, 3, 2, 6  # characters
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff"
LETTERS = rf"(?:[^\W_]|[{MARKS}])+"  # with what is written above and below them
WORD = re.compile(LETTERS)
TOKEN = re.compile(rf"[\w{MARKS}]+(?:[.\-'’][\w{MARKS}]+)*")  # an ID, a UID, a word
PART = re.compile(r"[^_'’\-]+")  # of a token that is several
UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
MODALITIES = """\
ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DMS DOC DG DX ECG EEG EMG EOG EPS ES FID GM HC HD IO
IOL IVOCT IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA PLAN
POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG
SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC"""  # defined terms (PS3.3 C.7.3.1.1.1)
VRS = frozenset(str(one.value) for one in VR if len(one.value) == 2)  # PS3.5 6.2


class QuotedText:
    """What becomes of texts that may quote headers: pseudonyms stand for what identifies.

    It is a net below the pages' own stage, for outputs alone. What it guarantees:

    - Of the names of persons and of the IDs of patients and of orders, each word of two letters
      or more (one where a script has no spaces), each ID of three characters or more, and of
      numbers those of six digits or more: none is in the text as the header writes it, nor in
      capitals or with one capital. Other ways to write it are found too, unless the word is one of
      this suite, or of two letters: "white" stays where a patient is called White.
    - So are dates, UIDs and the words of four letters or more of other identifying elements,
      unless the suite or the standard has the word, or a harmless element holds it.
    - UIDs of the standard stay, and where they stand as such the names of UIDs and elements of
      several words ("Slice Thickness" of a patient called Slice), value representations (LO), and
      modalities that the collection has.

    What it does not: times of day, single letters, names in sequences that no other element has,
    words that somebody misspelt, what is drawn in pixels.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`, with the values as they are
    secret : that pseudonyms are made with

    References
    ----------
    PS3.6 6, 7, 8 and Annex A
    """

    def __init__(self, headers: pd.DataFrame, secret: str) -> None:
        self._secret = secret
        names = [name for name in headers if vr_of(name) == "PN"]
        ids = [name for name in headers if name in ID_KEYWORDS]
        values = {normalize("NFC", one) for one in identifying_values(headers[[*names, *ids]])}
        words = set(_words_of(identifying_values(headers[names]), MIN_NAME_LENGTH))
        words |= set(_words_of(identifying_values(headers[ids]), MIN_ID_LENGTH))
        own = own_words()
        terms = VRS | set(MODALITIES.split()).intersection(_texts(headers.get("Modality")))
        ordinary = {
            word for word in words if len(word) <= MIN_NAME_LENGTH or word.casefold() in own
        }
        whole = {part.strip() for value in values for part in re.split(r"[\^=]", value)}
        self._as_written = {form for word in ordinary for form in _forms(word, whole)} - terms
        others = _other_words(headers.drop(columns=[*names, *ids]), own)
        self._in_any_case = {word.casefold() for word in words - ordinary} | others
        self._unspaced = _alternatives(word for word in words if UNSPACED.fullmatch(word))
        self._spelled = _alternatives(one for word in words for one in _spellings(word))
        self._pieces = _pieces({word.casefold() for word in ordinary})

    def clean(self, text: str) -> str:
        """The text, with pseudonyms in it."""
        if not text.isascii():
            text = normalize("NFC", text)
        if self._spelled and ("\\" in text or "&#" in text):
            text = self._spelled.sub(self._replaced, text)
        return self._pieces.sub(self._cleaned_piece, text)

    def _cleaned_piece(self, found: re.Match[str]) -> str:
        piece = found[0]
        if found["kept"] is not None:
            return piece
        return self._replaced(found) if self._identifies(piece) else self._cleaned_words(piece)

    def _cleaned_words(self, token: str) -> str:
        token = PART.sub(self._cleaned_part, token)
        if self._unspaced and UNSPACED.search(token):
            token = self._unspaced.sub(self._replaced, token)
        return token

    def _cleaned_part(self, found: re.Match[str]) -> str:
        is_found = self._identifies(found[0])
        return self._replaced(found) if is_found else WORD.sub(self._cleaned_word, found[0])

    def _cleaned_word(self, found: re.Match[str]) -> str:
        word = found[0]
        is_number = word.isdigit()
        return self._replaced(found) if self._identifies(word) and not is_number else word

    def _identifies(self, text: str) -> bool:
        return text in self._as_written or text.casefold() in self._in_any_case

    def _replaced(self, found: re.Match[str]) -> str:
        return pseudonym(found[0], self._secret)


@cache
def dictionary_words() -> frozenset[str]:
    """Keywords, and words in the names of elements and UIDs, in lower case.

    References
    ----------
    PS3.6 6, 7, 8 and Annex A
    """
    elements = {text for _, _, name, _, word in DicomDictionary.values() for text in (name, word)}
    return frozenset(_words(elements | {name for name, *_ in UID_dictionary.values()}, 1))


@cache
def standard_names() -> frozenset[str]:
    """The names of elements and UIDs that are several words."""
    names = {name for _, _, name, *_ in DicomDictionary.values()}
    names |= {name for name, *_ in UID_dictionary.values()}
    return frozenset(name for name in names if len(WORD.findall(name)) > 1)


def _words_of(values: Iterable[str], min_letters: int) -> Iterator[str]:
    """The words in names or IDs, and tokens of several, that are long enough to be looked for."""
    for value in values:
        for token in TOKEN.findall(normalize("NFC", value)):
            for word in {token, *WORD.findall(token)}:
                if _is_long_enough(word, min_letters):
                    yield word


def _is_long_enough(word: str, min_letters: int) -> bool:
    if word.startswith(STANDARD_ROOT):
        return False
    if word.replace(".", "", 1).isdigit():
        return len(word) >= MIN_DIGITS
    if word.isalpha():
        return len(word) >= (1 if UNSPACED.fullmatch(word) else min_letters)
    return len(word) >= MIN_ID_LENGTH


def _forms(word: str, whole: set[str]) -> set[str]:
    """How an ordinary word is written as a name.

    In small letters only where it is a whole one, as "van" and "of" are not.
    """
    forms = {word, word.upper(), word.capitalize()}
    return forms - {word} if word.islower() and word not in whole else forms


def _other_words(headers: pd.DataFrame, own: frozenset[str]) -> set[str]:
    """Words of other identifying elements, in lower case, that are those of nothing else."""
    times = [name for name in headers if vr_of(name) == "TM"]  # six digits mean many things
    found = _words(identifying_values(headers.drop(columns=times)), MIN_WORD_LENGTH)
    known = {word for word in own | dictionary_words() if not word.isdigit()}
    return found - _words(harmless_values(headers), 1) - known


def _words(texts: Iterable[str], min_length: int) -> set[str]:
    """The tokens of texts and the words in them that are long enough to identify; lower case."""
    tokens = {token for text in texts for token in TOKEN.findall(normalize("NFC", text))}
    words = {word for token in tokens for word in WORD.findall(token) if not word.isdigit()}
    return {
        text.casefold()
        for text in tokens | words
        if len(text) >= (MIN_DIGITS if text.replace(".", "", 1).isdigit() else min_length)
        and not text.startswith(STANDARD_ROOT)
    }


def _texts(column: pd.Series | None) -> list[str]:
    return [] if column is None else [one for one in column.unique() if isinstance(one, str)]


def _spellings(word: str) -> set[str]:
    """How a word that is not ASCII stands in JSON, in Python's and in HTML's ASCII."""
    if word.isascii():
        return set()
    forms = {word, word.upper(), word.lower(), word.capitalize()}
    escaped = {json.dumps(form)[1:-1] for form in forms}
    handlers = ("backslashreplace", "xmlcharrefreplace")
    return escaped | {form.encode("ascii", one).decode() for form in forms for one in handlers}


def _alternatives(texts: Iterable[str]) -> re.Pattern[str] | None:
    found = sorted(set(texts), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, found))) if found else None


def _pieces(words: set[str]) -> re.Pattern[str]:
    """What a text consists of: a pseudonym, a name of the standard that has such words, or a token.

    The first two are kept.
    """
    names = [
        name
        for name in standard_names()
        if not words.isdisjoint(map(str.casefold, WORD.findall(name)))
    ]
    kept = [re.escape(name) for name in sorted(names, key=len, reverse=True)]
    return re.compile(
        rf"(?P<kept>(?<!\w)(?:{'|'.join([WORDS.pattern, *kept])})(?!\w))|{TOKEN.pattern}"
    )
