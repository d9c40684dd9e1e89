"""What does one header say, element by element, and in what do headers differ?"""

import os
import warnings
import zlib
from itertools import pairwise
from typing import NamedTuple

import pandas as pd
from pydicom.datadict import keyword_for_tag
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID
from tqdm.auto import tqdm

from helpers.errors import ClearError
from helpers.headers.elements import plain_value
from helpers.headers.pydicom_reader import one_line, read_header
from helpers.privacy.identifying import identifies
from helpers.privacy.pseudonyms import is_deidentified, is_foreign, pseudonym

SHOWN = 100  # characters of a value
MANY_FILES = 200  # from here on a progress bar is shown
COLUMNS = ["tag", "VR", "VM", "keyword", "name", "value"]


class HeaderError(ClearError):
    """A file whose header cannot be read."""


def header_of(path, *, search=None):
    """One header as a table: a row per data element, those inside a sequence indented below it.

    Parameters
    ----------
    path : file
    search : str or None
        Keeps the rows where it occurs, whatever its case: in tag, VR, keyword, name or value; and
        the sequences that they stand in.

    Returns
    -------
    DataFrame with columns ``tag``, ``VR``, ``VM``, ``keyword``, ``name``, ``value`` (text, shortened). The name
        of a private element begins with who made it (PS3.5 7.8.1); identifiers that the standard knows are
        named behind the value (PS3.6 A).

    Raises
    ------
    HeaderError
        Where the file holds no header that can be read.
    """
    entries = _entries(path)
    if search is not None:
        entries = _matching(entries, str(search).casefold().removeprefix("0x"))
    rows = [
        ("> " * entry.depth + entry.tag, *entry[2:6], _shortened(entry.value)) for entry in entries
    ]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def diff_headers(a, b=None):
    """What differs between two headers, or along a stack: a row per data element that is not the same in all.

    Parameters
    ----------
    a, b : two files; or `a` alone, the files of a stack in order: a list, or the DataFrame of
        `helpers.stack_slices`

    Returns
    -------
    DataFrame with columns ``tag`` (inside a sequence with the tags above it and the number of the item), ``VR``,
        ``keyword`` and ``name``. For two files ``a`` and ``b``, their values as text, None where a header lacks the
        element. Along a stack ``files`` (that have the element), ``distinct`` values, ``changes`` (steps from one
        file to the next at which it changes) and the values of the ``first`` and ``last`` file.

    Raises
    ------
    HeaderError
        Where a file holds no header that can be read, or one file is given alone.
    """
    if b is None and (isinstance(a, (str, os.PathLike)) or not hasattr(a, "__iter__")):
        raise HeaderError(f"expected two files, or the files of a stack, got one: {a}")
    if b is not None and not all(isinstance(file, (str, os.PathLike)) for file in (a, b)):
        raise HeaderError(f"expected two files, got {type(a).__name__} and {type(b).__name__}")
    files = [a, b] if b is not None else list(a.index if isinstance(a, pd.DataFrame) else a)
    headers = [
        _by_place(file)
        for file in tqdm(files, "Comparing headers", unit=" files", disable=len(files) < MANY_FILES)
    ]
    met = {place: entry for header in headers for place, entry in header.items()}
    rows = []
    for place, entry in sorted(met.items()):
        values = [header[place].value if place in header else None for header in headers]
        if len(set(values)) > 1:
            rows.append(
                (
                    _trail(place),
                    entry.VR,
                    entry.keyword,
                    entry.name,
                    *_differing(values, along=b is None),
                )
            )
    found = ["files", "distinct", "changes", "first", "last"] if b is None else ["a", "b"]
    return pd.DataFrame(rows, columns=["tag", "VR", "keyword", "name", *found], dtype=object)


class Entry(NamedTuple):
    """One data element of a header, as text."""

    depth: int  # how many sequences it stands in
    tag: str
    VR: str
    VM: int | str
    keyword: str
    name: str
    value: str
    place: tuple  # tags of the sequences above it, each with the number of its item, and its own


def _entries(path):
    """The Entry of every data element, those of a sequence's items after it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset, error, _ = read_header(path)
        if dataset is None:
            raise HeaderError(f"expected a DICOM header in {path}, got: {error}")
        entries = [*_of_dataset(dataset.file_meta), *_of_dataset(dataset)]
    return [_veiled(entry) for entry in entries] if is_deidentified() else entries


def _veiled(entry):
    """The entry, its value replaced where that could identify a person, or the sequence that it stands in could."""
    telling = any(map(_may_tell, entry.place[::2])) or any(
        is_foreign(entry.VR, text) for text in _plain(entry.value)
    )
    return (
        entry._replace(value=pseudonym(entry.value))
        if telling and entry.value and entry.VR != "SQ"
        else entry
    )


def _plain(text):
    """The values in the text of an entry, without the meaning in brackets behind a UID."""
    return text.partition(" (")[0].split("\\")


def _may_tell(tag):
    """Whether an element could identify a person; of one that the standard does not name nobody knows."""
    keyword = keyword_for_tag(tag)
    return identifies(keyword) if keyword else not Tag(tag).is_private_creator


def _of_dataset(dataset, place=()):
    for tag in dataset.keys():
        yield _entry(dataset, tag, (*place, int(tag)))
        element = dataset.get_item(tag, keep_deferred=True)
        if element.VR == "SQ" or (
            element.VR is None and isinstance(plain_value(dataset, tag), int)
        ):
            for number, item in enumerate(_items(dataset, tag), 1):
                yield from _of_dataset(item, (*place, int(tag), number))


def _items(dataset, tag):
    """The items of a sequence; none of one that cannot be read."""
    try:
        element = dataset[tag]
        return element.value if element.VR == "SQ" else ()
    except Exception:
        return ()


def _entry(dataset, tag, place):
    depth = len(place) // 2
    try:
        element = dataset[tag]
        text = _text(element)
        return Entry(
            depth,
            str(tag),
            element.VR,
            element.VM,
            element.keyword,
            _name(dataset, element),
            text,
            place,
        )
    except Exception as error:
        text = f"{plain_value(dataset, tag)} ({one_line(error)})"
        return Entry(
            depth,
            str(tag),
            dataset.get_item(tag, keep_deferred=True).VR,
            "",
            keyword_for_tag(tag),
            "",
            text,
            place,
        )


def _name(dataset, element):
    """The meaning of an element; of a private one with its creator."""
    if not element.tag.is_private or element.tag.is_private_creator:
        return element.name
    owner = (element.tag.group, element.tag.element >> 8)
    return f"{(owner in dataset and plain_value(dataset, owner)) or 'no creator'}: {element.name}"


def _text(element):
    value = element.value
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} bytes, checksum {zlib.crc32(value):08x}" if value else ""
    if isinstance(value, Sequence):
        return f"{len(value)} item{'s' * (len(value) != 1)}"
    values = value if isinstance(value, (MultiValue, list)) else [value]
    known = [uid.name for uid in values if isinstance(uid, UID) and uid.name != uid]
    return "\\".join("" if one is None else str(one) for one in values) + (
        f" ({', '.join(known)})" if known else ""
    )


def _shortened(text):
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def _matching(entries, text):
    """The entries in which the text occurs, and the sequences above them."""
    found = [
        entry
        for entry in entries
        if text in _words(entry) or text.replace(" ", "") in entry.tag.casefold()
    ]
    above = {entry.place[:end] for entry in found for end in range(1, len(entry.place) + 1, 2)}
    return [entry for entry in entries if entry.place in above]


def _words(entry):
    return " ".join(map(str, (*entry[1:7], f"{entry.place[-1]:08X}"))).casefold()


def _by_place(path):
    return {entry.place: entry for entry in _entries(path)}


def _trail(place):
    """A place as text: ``(0008,1140)[1] (0008,1150)``."""
    tags = [f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in place[::2]]
    return (
        " ".join(f"{tag}[{number}]" for tag, number in zip(tags, place[1::2]))
        + " " * (len(tags) > 1)
        + tags[-1]
    )


def _differing(values, along):
    if not along:
        return [None if value is None else _shortened(value) for value in values]
    present = [value for value in values if value is not None]
    changes = sum(one != other for one, other in pairwise(values))
    ends = [None if value is None else _shortened(value) for value in (values[0], values[-1])]
    return len(present), len(set(values)), changes, *ends
