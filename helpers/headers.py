"""What does every header say? One row per file."""

import difflib
import os
import warnings
from pathlib import Path

import pandas as pd
from pydicom.datadict import DicomDictionary, RepeatersDictionary, keyword_for_tag, tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from tqdm.auto import tqdm

from helpers import ClearError
from helpers.elements import Elements
from helpers.files import list_files
from helpers.reading import one_line, read_header
from helpers.structure import private_name
from helpers.values import plain, plain_value

ALWAYS = ["error", "file_size", "pixel_offset", "TransferSyntaxUID", "private_elements"]
EXACT_INTEGER = 2**53  # integers up to it are exact as floats
MANY_FILES = 200  # from here on a progress bar is shown
SHOWN = 100  # characters of a value in `header_of`


class HeaderError(ClearError):
    """A file whose header cannot be read."""


class KeywordError(ClearError, ValueError):
    """A name that is no DICOM keyword."""


def header_table(files_or_root, *, keywords=None, private=False, progress=None):
    """One row per file, always: a file that cannot be read has its reason in ``error``.

    Parameters
    ----------
    files_or_root : a folder, or a list of files
    keywords : list of str, or None
        The DICOM keywords wanted as columns; None gives every public one that is met.
    private : bool
        Also a column for each private element, named after its group, creator and element.
    progress : bool or None
        Whether to show a progress bar; None shows it for more than 200 files.

    Returns
    -------
    DataFrame, index ``path`` (str, object dtype), in natural order for a folder.
        One value is a scalar, several are a tuple, missing is None or NaN; a sequence is its
        number of items, bulk data its length in bytes. Beside the keywords: ``error``,
        ``file_size`` and ``pixel_offset`` (bytes; the latter where uncompressed pixel values
        start, else missing), ``TransferSyntaxUID`` and ``private_elements`` (a count).

    Raises
    ------
    KeywordError
        For a keyword that DICOM does not know (PS3.6), with the nearest that it does.
    FolderError
        For a folder that is not there or is empty.
    """
    if isinstance(keywords, str):
        raise KeywordError(f"expected a list of keywords, got the text {keywords!r}")
    for keyword in keywords or ():
        _check_keyword(keyword)
    paths = _paths(files_or_root)
    shown = len(paths) >= MANY_FILES if progress is None else progress
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydicom warns of stands in the values or in `error`
        elements = Elements(keywords, private)
        rows = [
            elements.row(path) or slow_row(path, private)
            for path in tqdm(paths, "Reading headers", unit=" files", disable=not shown)
        ]
    table = pd.DataFrame(_columns(rows)).set_axis(pd.Index(paths, dtype=object, name="path"))
    return table if keywords is None else _only(table, keywords)


def header_of(path, *, search=None):
    """One header as a table: a row per data element, those inside a sequence indented below it.

    Parameters
    ----------
    path : file
    search : str or None
        Keeps the rows where it occurs, whatever its case: in tag, VR, keyword, name or value.

    Returns
    -------
    DataFrame with columns ``tag``, ``VR``, ``VM``, ``keyword``, ``name``, ``value`` (text, shortened)

    Raises
    ------
    HeaderError
        Where the file holds no header that can be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset, error, _ = read_header(path)
        if dataset is None:
            raise HeaderError(f"expected a DICOM header in {path}, got: {error}")
        rows = [*_element_rows(dataset.file_meta), *_element_rows(dataset)]
    table = pd.DataFrame(rows, columns=["tag", "VR", "VM", "keyword", "name", "value"], dtype=object)
    if search is not None:
        everything = table.astype(str).agg(" ".join, axis=1)
        table = table[everything.str.contains(search, case=False, regex=False)]
    return table.reset_index(drop=True)


def split_values(headers, keyword):
    """A multi-valued column as one column per value, ``value 1`` and so on; missing values are None.

    Examples
    --------
    >>> split_values(pd.DataFrame({"ImageType": [("ORIGINAL", "PRIMARY"), "DERIVED"]}), "ImageType")
        value 1  value 2
    0  ORIGINAL  PRIMARY
    1   DERIVED     None
    """
    _check_keyword(keyword)
    column = headers[keyword] if keyword in headers else pd.Series(None, headers.index, dtype=object)
    rows = [value if isinstance(value, tuple) else (value,) for value in column]
    longest = max(map(len, rows), default=1)
    table = pd.DataFrame([(*row, *[None] * (longest - len(row))) for row in rows], index=headers.index, dtype=object)
    return table.set_axis([f"value {n + 1}" for n in range(longest)], axis=1)


def _check_keyword(keyword):
    known = [entry[4] for entry in (*DicomDictionary.values(), *RepeatersDictionary.values()) if entry[4]]
    if keyword in ALWAYS or keyword in known:
        return
    near = difflib.get_close_matches(str(keyword), known, 1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else " (PS3.6 lists them)"
    raise KeywordError(f"expected a DICOM keyword, got {keyword!r}{hint}")


def _only(table, keywords):
    """The chosen keywords, met or not, with private elements and the fixed columns."""
    own = [name for name in table if name in ALWAYS or name.startswith("(")]
    chosen = [*dict.fromkeys(keyword for keyword in keywords if keyword not in own), *own]
    return table.reindex(columns=chosen)


def _paths(files_or_root):
    if not isinstance(files_or_root, (str, os.PathLike)):
        return [os.fsdecode(path) for path in files_or_root]
    root = Path(files_or_root)
    return [os.fsdecode(path) for path in ([root] if root.is_file() else list_files(root))]


def slow_row(path, private=False):
    """One file's columns as a dict, read by pydicom; what `helpers.elements` reads faster must equal it."""
    dataset, error, pixel_offset = read_header(path)
    row = {"error": error, "file_size": os.path.getsize(path) if os.path.exists(path) else None}
    if dataset is None:
        return row
    row["TransferSyntaxUID"] = plain(dataset.file_meta.get("TransferSyntaxUID"))
    row["pixel_offset"] = pixel_offset
    row["private_elements"] = sum(tag.is_private for tag in dataset.keys())
    for tag in dataset.keys():
        name = _name(dataset, tag, private)
        if name and name not in row:
            row[name] = plain_value(dataset, tag)
    return row


def _name(dataset, tag, private):
    """The column of an element; empty for one that has none."""
    if not tag.is_private:
        return keyword_for_tag(tag) if tag.element else ""
    if not private or tag.is_private_creator:
        return ""
    owner = (tag.group, tag.element >> 8)
    creator = plain_value(dataset, owner) if owner in dataset else None
    return private_name(tag, creator)


def _columns(rows):
    """Columns of the table: keywords in the order of their tags, private elements, then those that are always there."""
    met = {name for row in rows for name in row} - set(ALWAYS)
    in_order = sorted(met, key=lambda name: (tag_for_keyword(name) or float("inf"), name))
    return {name: column_of([row.get(name) for row in rows]) for name in in_order + ALWAYS}


def column_of(values):
    """A Series of plain values: numbers where all are numbers and none loses by it, else objects."""
    kinds = set(map(type, values))
    numeric = kinds - {type(None)} and kinds <= {int, float, type(None)}
    if not numeric or any(abs(value or 0) > EXACT_INTEGER for value in values):
        return pd.Series(values, dtype=object)
    return pd.Series(values, dtype="int64" if kinds == {int} else "float64")


def _element_rows(dataset, depth=0):
    """One tuple per element, those of a sequence's items after it."""
    for tag in dataset.keys():
        shown = "> " * depth + str(tag)
        try:
            element = dataset[tag]
        except Exception as error:
            yield (
                shown,
                dataset.get_item(tag).VR,
                "",
                keyword_for_tag(tag),
                "",
                _shortened(f"{plain_value(dataset, tag)} ({one_line(error)})"),
            )
            continue
        yield shown, element.VR, element.VM, element.keyword, element.name, _text(element)
        for item in element.value if element.VR == "SQ" else ():
            yield from _element_rows(item, depth + 1)


def _text(element):
    value = element.value
    if isinstance(value, (bytes, bytearray, Sequence)):
        return f"{len(value)} {'item(s)' if isinstance(value, Sequence) else 'bytes'}"
    several = isinstance(value, (MultiValue, list))
    return _shortened("" if value is None else "\\".join(map(str, value)) if several else str(value))


def _shortened(text):
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"
