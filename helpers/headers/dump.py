"""What does one header say, element by element, and in what do headers differ?"""

import os
import warnings
import zlib
from collections.abc import Iterator
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple

import pandas as pd
from pydicom.datadict import dictionary_description, dictionary_has_tag, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID
from tqdm.auto import tqdm

from helpers.errors import ClearError, one_line
from helpers.files.opening import open_file
from helpers.headers.elements import (
    BULK_VRS,
    check_element,
    element_value,
    private_creator,
)
from helpers.headers.limits import MAX_DEPTH, MAX_ELEMENTS, TOO_DEEP, HeaderTooLargeError
from helpers.headers.pydicom_reader import read_header
from helpers.privacy.identifying import identifies
from helpers.privacy.pseudonyms import is_deidentified, pseudonym, violates_vr
from helpers.runtime import MANY_FILES

LONGEST_VALUE = 100  # characters that are shown
MAX_CHECKED = 2**27  # bytes of bulk data of which a checksum tells whether they are the same
BLOCK_SIZE = 2**20  # bytes read at once
COLUMNS = ["tag", "VR", "VM", "keyword", "name", "value"]


class HeaderError(ClearError):
    """A file whose header cannot be read."""


class Entry(NamedTuple):
    """One data element of a header, as text."""

    tag: str
    VR: str
    VM: int | str
    keyword: str
    name: str
    value: str
    location: tuple[int, ...]  # tags of the sequences above it, with item numbers, and its own


def header_of(path: str | os.PathLike[str], *, search: str | None = None) -> pd.DataFrame:
    """One header as a table: a row per data element, those in a sequence indented below it.

    Parameters
    ----------
    path : file
    search : str or None
        Keeps the rows where it occurs, whatever its case: in tag, VR, keyword, name or value; and
        the sequences that they stand in.

    Returns
    -------
    DataFrame with columns ``tag``, ``VR``, ``VM``, ``keyword``, ``name``, ``value`` (short text).
        The name of a private element begins with who made it (PS3.5 7.8.1); identifiers that the
        standard knows are named behind the value (PS3.6 A).

    Raises
    ------
    HeaderError
        Where the file holds no header that can be read.
    """
    entries = _entries(path)
    if search is not None:
        entries = _matching(entries, str(search).casefold().removeprefix("0x"))
    rows = [
        ("> " * (len(entry.location) // 2) + entry.tag, *entry[1:5], _shortened(entry.value))
        for entry in entries
    ]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def diff_headers(a: Any, b: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """What differs between two headers, or along a stack: a row per element that is not the same.

    Parameters
    ----------
    a, b : two files; or `a` alone, the files of a stack in order: a list, or the rows of a stack,
        ``slices.loc[stack]``, of `helpers.slice_table`

    Returns
    -------
    DataFrame with columns ``tag`` (inside a sequence with the tags above it and the number of the
        item), ``VR``, ``keyword`` and ``name``. For two files ``a`` and ``b``, their values as
        text, None where a header lacks the element. Along a stack ``files`` (that have it),
        ``distinct`` values, ``changes`` (steps from one file to the next at which it changes) and
        the values of the ``first`` and ``last`` file.

    Raises
    ------
    HeaderError
        Where a file holds no header that can be read, or one file is given alone.
    """
    if b is None and (isinstance(a, (str, os.PathLike)) or not hasattr(a, "__iter__")):
        raise HeaderError(f"expected two files, or the files of a stack, got one: {a}")
    if b is not None and not all(isinstance(file, (str, os.PathLike)) for file in (a, b)):
        raise HeaderError(f"expected two files, got {type(a).__name__} and {type(b).__name__}")
    files = [a, b] if b is not None else _files_of(a)
    few = len(files) < MANY_FILES
    headers = [
        {entry.location: entry for entry in _entries(file)}
        for file in tqdm(files, "Comparing headers", unit=" files", disable=few)
    ]
    found = {location: entry for header in headers for location, entry in header.items()}
    rows = []
    for location, entry in sorted(found.items()):
        values = [header[location].value if location in header else None for header in headers]
        if len(set(values)) > 1:
            differing = _along(values) if b is None else map(_shortened, values)
            tag = _location_text(location)
            rows.append((tag, entry.VR, entry.keyword, entry.name, *differing))
    names = ["files", "distinct", "changes", "first", "last"] if b is None else ["a", "b"]
    return pd.DataFrame(rows, columns=["tag", "VR", "keyword", "name", *names], dtype=object)


def _files_of(stack: Any) -> list:
    """The files of a stack in order, each once; a multi-frame object has a row for every frame."""
    if isinstance(stack, pd.DataFrame):
        return stack.index.get_level_values("path").unique().tolist()
    return list(stack)


def _entries(path: str | os.PathLike[str]) -> list[Entry]:
    """The Entry of every data element, those of a sequence's items after it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset, error, *_ = read_header(path)
        if dataset is None:
            raise HeaderError(f"expected a DICOM header in {path}, got: {error}")
        read = chain(_of_dataset(dataset.file_meta, path), _of_dataset(dataset, path))
        entries = list(islice(read, MAX_ELEMENTS + 1))
    if len(entries) > MAX_ELEMENTS:
        raise HeaderError(f"expected at most {MAX_ELEMENTS} elements in {path}, got more")
    return list(map(_deidentified, entries)) if is_deidentified() else entries


def _of_dataset(
    dataset: Dataset, path: str | os.PathLike[str], above: tuple[int, ...] = ()
) -> Iterator[Entry]:
    for tag in dataset.keys():
        location = (*above, int(tag))
        raw = dataset.get_item(tag, keep_deferred=True)
        try:
            if (text := _text_on_disk(raw, path)) is not None:
                name = dictionary_description(tag) if dictionary_has_tag(tag) else ""
                yield Entry(str(tag), raw.VR, 1, keyword_for_tag(tag), name, text, location)
                continue
            check_element(raw)
            element = dataset[tag]
            name, text = _name(dataset, element), _text(element.value)
        except HeaderTooLargeError as error:
            text = f"{len(raw.value)} bytes ({one_line(error)})"
            yield Entry(str(tag), raw.VR, "", keyword_for_tag(tag), "", text, location)
            continue
        except Exception as error:  # it stands beside what the file holds
            text = f"{element_value(dataset, tag)} ({one_line(error)})"
            yield Entry(str(tag), raw.VR, "", keyword_for_tag(tag), "", text, location)
            continue
        items = element.value if element.VR == "SQ" else ()
        if items and len(location) > 2 * MAX_DEPTH:
            items, text = (), f"{text}, not shown: {TOO_DEEP}"
        yield Entry(str(tag), element.VR, element.VM, element.keyword, name, text, location)
        for number, item in enumerate(items, 1):
            yield from _of_dataset(item, path, (*location, number))


def _text_on_disk(raw: Any, path: str | os.PathLike[str]) -> str | None:
    """What is said of bulk data that was left on disk, for it is long; None of anything else."""
    is_left = getattr(raw, "length", 0) and raw.value is None and hasattr(raw, "value_tell")
    if not is_left or raw.VR not in BULK_VRS:
        return None
    checksum, checked = 0, min(raw.length, MAX_CHECKED)
    end = raw.value_tell + checked
    with open_file(path) as file:
        for start in range(raw.value_tell, min(end, file.size), BLOCK_SIZE):
            checksum = zlib.crc32(file.read(start, min(BLOCK_SIZE, end - start)), checksum)
    of_them = "" if checked == raw.length else f" of the first {checked}"
    return f"{raw.length} bytes, checksum{of_them} {checksum:08x}"


def _name(dataset: Dataset, element: DataElement) -> str:
    """The meaning of an element; of a private one with its creator."""
    if not element.tag.is_private or element.tag.is_private_creator:
        return element.name
    return f"{private_creator(dataset, element.tag) or 'no creator'}: {element.name}"


def _text(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} bytes, checksum {zlib.crc32(value):08x}" if value else ""
    if isinstance(value, Sequence):
        return f"{len(value)} item{'s' * (len(value) != 1)}"
    values = value if isinstance(value, (MultiValue, list)) else [value]
    known = [uid.name for uid in values if isinstance(uid, UID) and uid.name != uid]
    text = "\\".join("" if one is None else str(one) for one in values)
    return f"{text} ({', '.join(known)})" if known else text


def _deidentified(entry: Entry) -> Entry:
    """The entry, with a pseudonym for a value that could identify a person.

    So could all that stands in a sequence that could.
    """
    if not entry.value or entry.VR == "SQ":
        return entry
    values = entry.value.partition(" (")[0].split("\\")  # without the name of a UID
    odd = any(violates_vr(entry.VR, value) for value in values)
    if odd or any(map(_may_identify, entry.location[::2])):
        return entry._replace(value=pseudonym(entry.value))
    return entry


def _may_identify(tag: int) -> bool:
    """Whether an element could identify a person; one that the standard does not name could."""
    keyword = keyword_for_tag(tag)
    return identifies(keyword) if keyword else not BaseTag(tag).is_private_creator


def _matching(entries: list[Entry], text: str) -> list[Entry]:
    """The entries in which the text occurs, and the sequences above them."""
    found = [
        entry
        for entry in entries
        if text in _words(entry) or text.replace(" ", "") in entry.tag.casefold()
    ]
    above = {
        entry.location[:end] for entry in found for end in range(1, len(entry.location) + 1, 2)
    }
    return [entry for entry in entries if entry.location in above]


def _words(entry: Entry) -> str:
    return " ".join(map(str, (*entry[:6], f"{entry.location[-1]:08X}"))).casefold()


def _along(values: list[str | None]) -> tuple:
    """(files that have a value, distinct ones, changes from file to file, first, last)."""
    present = [value for value in values if value is not None]
    changes = sum(one != other for one, other in pairwise(values))
    ends = map(_shortened, (values[0], values[-1]))
    return len(present), len(set(values)), changes, *ends


def _location_text(location: tuple[int, ...]) -> str:
    """A location as text: ``(0008,1140)[1] (0008,1150)``."""
    tags = [f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in location[::2]]
    above = [f"{tag}[{number}]" for tag, number in zip(tags, location[1::2])]
    return " ".join([*above, tags[-1]])


def _shortened(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"
