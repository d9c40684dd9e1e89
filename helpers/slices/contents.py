"""What is in a folder, by what it is: images, other DICOM objects, and files that are no DICOM?"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from pydicom.uid import UID_dictionary

from helpers.files.listing import hidden_entries
from helpers.files.names import absolute, folder_of
from helpers.formats import command_for
from helpers.headers.pydicom_reader import EMPTY_FILE, NOT_DICOM, NOT_READ
from helpers.slices.arrays import numbers
from helpers.slices.images import NoImageError, checked_headers, is_image

PARTS = IMAGES, OBJECTS, NO_DICOM, UNREADABLE, LEFT_OUT = (
    *("images", "other DICOM objects", "not DICOM", "cannot be read", "left out"),
)
COLUMNS = ["Modality", "files", "patients", "series", "size_mb", "example", "how_to_open"]
NUMBERS = {"files": int, "patients": int, "series": int, "size_mb": float}
SAID = ["error", "SOPClassUID", "Modality", "DirectoryRecordSequence"]  # which tells the kind
COUNTED = ["Modality", "PatientID", "SeriesInstanceUID", "file_size"]
TRUNCATED = "truncated"  # begins the error of a file whose header says what it is
NOT_OPENED = ("no such file", "not a regular file", NOT_READ)  # begin errors of the disk
STANDARD_ROOT = "1.2.840.10008."  # of the SOP classes that are not private
NOT_IN_NAMES = re.compile(r" Storage| \(Retired\)")  # of what the names of SOP classes have
NOT_ASKED_FOR = ""  # in place of a SOP class, of headers that were read with few keywords
CAPTURE = "Secondary Capture"  # in names of SOP classes whose images are of any modality
BEHIND_NOUN = re.compile(r"(?= (?:that|whose|without|or|-|\() ?)")  # where a noun of a name ends
ALREADY_PLURAL = ("s", "SR", "Data")  # ends of nouns that stay as they are
CODE = re.compile(r"[\w .-]{1,16}")
MAX_NAMED = 6  # kinds of each part, in one line, and modalities of each kind
MB = 1e6  # bytes

Kind = tuple[str, str]  # (part, name)


def contents_table(headers: pd.DataFrame) -> pd.DataFrame:
    """What is in a folder: one row for each kind of file, by what it is and not by its name.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`

    Returns
    -------
    DataFrame, index ``(part, kind)``, the most frequent kind of each part first.

    - ``part``: ``images`` (with pixels), ``other DICOM objects`` (reports, plans, DICOMDIR, headers
      without pixels), ``not DICOM``, ``cannot be read`` (column ``error`` of `headers` says why),
      ``left out`` (hidden files and folders in the same folders, which no table lists)
    - ``kind``: for DICOM the name of its SOP class (PS3.4 B.5), as in ``CT Image``, or what its
      Modality says where the class is missing or private; else its format, as in ``ZIP archive``
    - ``Modality``: the values that there are, with commas between
    - ``files``; how many ``patients`` and ``series`` they name; ``size_mb`` (10⁶ bytes)
    - ``example``: the path of the first; ``how_to_open``: the command for it where it is an
      archive, else empty

    Raises
    ------
    ClearError
        For another table, or one without the columns that tell images.
    """
    headers = checked_headers(headers)
    headers = headers[~headers.index.duplicated()]
    kinds, counted = _kinds_of(headers), headers.reindex(columns=COUNTED)
    number_of = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
    numbered = np.array([number_of[kind] for kind in kinds], int)
    rows = [
        (kind, *_counts(kind, counted[numbered == number])) for kind, number in number_of.items()
    ]
    rows += _hidden(headers.index)
    rows.sort(key=lambda row: (PARTS.index(row[0][0]), -row[2]))
    table = pd.DataFrame([row[1:] for row in rows], columns=COLUMNS, dtype=object)
    table = table.astype(NUMBERS)
    return table.set_axis(_index([row[0] for row in rows]))


def contents_line(headers: pd.DataFrame) -> str:
    """What is in a folder, in one line; it begins with ``No image`` where there is none.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    """
    contents = contents_table(headers)
    if IMAGES in contents.index:
        return _sentence(contents)
    mark = ":" if OBJECTS in contents.index else ";"
    return f"No image in this collection{mark} {_sentence(contents)}"


def images(headers: pd.DataFrame) -> pd.DataFrame:
    """The rows of `headers` that hold a readable image.

    Raises
    ------
    NoImageError
        Where there is none; says what there is.
    """
    found = headers[is_image(headers)]
    if len(found):
        return found
    where = folder_of(map(absolute, headers.index)) or (
        "several places" if len(headers) else "an empty list"
    )
    there = _sentence(contents_table(headers))
    raise NoImageError(f"expected DICOM images, found none in {where}: {there or 'no file'}")


def _kinds_of(headers: pd.DataFrame) -> list[Kind]:
    """The `Kind` of every file, worked out once for those that say the same."""
    said = headers.reindex(columns=SAID)
    if "SOPClassUID" not in headers:
        said["SOPClassUID"] = NOT_ASKED_FOR
    said["error"] = said["error"].map(_without_values, na_action="ignore")
    said["DirectoryRecordSequence"] = said["DirectoryRecordSequence"].notna()
    said = said.astype(object).where(said.notna(), None)
    has_size = np.isfinite(numbers(headers, "Rows")).tolist()
    columns = [said[name].tolist() for name in said]
    return [_kind(*row) for row in zip(*columns, has_size, is_image(headers).tolist())]


def _without_values(error: str) -> str:
    """An error without its numbers; of one that says what a file is, that."""
    return TRUNCATED if error.startswith(TRUNCATED) else error.partition(";")[0]


@lru_cache(2**10)
def _kind(
    error: str | None, uid: Any, modality: Any, is_directory: bool, has_size: bool, is_image: bool
) -> Kind:
    """The `Kind` of a file that says this of itself."""
    if error == EMPTY_FILE:
        return NO_DICOM, error
    if error is not None and error.startswith(NOT_DICOM):
        return NO_DICOM, error.partition(": ")[2] or "file of unknown format"
    if error is not None and error != TRUNCATED:
        why = "that cannot be opened" if error.startswith(NOT_OPENED) else "that cannot be read"
        return UNREADABLE, f"file {why}"
    name = "DICOMDIR" if is_directory else _class_name(uid, modality, has_size)
    if error == TRUNCATED:
        return UNREADABLE, f"{TRUNCATED} {name}"
    if is_image:
        word = _word(modality) if CAPTURE in name else ""
        return IMAGES, f"{name} ({word})" if word else name
    return OBJECTS, f"{name} without pixels" if "Image" in name.split() else name


def _class_name(uid: Any, modality: Any, has_size: bool) -> str:
    """The name of a SOP class, or what the Modality says where it has none."""
    if uid in UID_dictionary:
        name = NOT_IN_NAMES.sub("", UID_dictionary[uid][0])
        return f"{name} document" if name.endswith(" SR") else name
    name = f"{_word(modality) or 'DICOM'} {'Image' if has_size else 'object'}"
    if uid == NOT_ASKED_FOR:
        return name
    of_standard = str(uid).startswith(STANDARD_ROOT)
    why = f"{'unknown' if of_standard else 'private'} SOP class" if uid else "no SOP class"
    return f"{name} ({why})"


def _word(modality: Any) -> str:
    """A Modality as a word; empty for what could not be one (PS3.5 6.2, CS)."""
    return modality if isinstance(modality, str) and CODE.fullmatch(modality) else ""


def _counts(kind: Kind, files: pd.DataFrame) -> tuple:
    """The row of files of one kind, without their kind."""
    words = sorted({_word(one) or "?" for one in files["Modality"].dropna().unique()})
    modalities = ", ".join(words[:MAX_NAMED]) + ", …" * (len(words) > MAX_NAMED)
    patients, series = (files[name].nunique() for name in ("PatientID", "SeriesInstanceUID"))
    size = round(np.nansum(numbers(files, "file_size")) / MB, 3)
    example = files.index[0]
    command = command_for(kind[1], example) if kind[0] == NO_DICOM else ""
    return modalities, len(files), patients, series, size, example, command


def _hidden(paths: pd.Index) -> Iterator[tuple]:
    """The rows of hidden files and folders beside files."""
    found = hidden_entries(paths)
    for name, are_folders in (("hidden file", False), ("hidden folder", True)):
        own = [entry for entry, is_folder in found.items() if is_folder == are_folders]
        if own:
            yield (LEFT_OUT, name), "", len(own), 0, 0, np.nan, own[0], ""


def _index(kinds: list[Kind]) -> pd.MultiIndex:
    """An index of kinds in their order, which is that of its levels too: so it counts as sorted."""
    columns = [pd.Series(column, dtype=object) for column in zip(*kinds)] or [pd.Series([])] * 2
    codes, levels = zip(*map(pd.factorize, columns))
    return pd.MultiIndex(levels, codes, names=["part", "kind"])


def _sentence(contents: pd.DataFrame) -> str:
    """A contents table in one line, as in ``3 CT Images; not DICOM: 1 text file``."""
    parts: list[str] = []
    for part, rows in contents.groupby(level="part", sort=False):
        names = [
            _counted(kind, count, command)
            for (_, kind), count, command in zip(rows.index, rows["files"], rows["how_to_open"])
        ]
        more = [f"{len(names) - MAX_NAMED} more kinds"] if len(names) > MAX_NAMED else []
        begin = f"{part}: " if parts or part not in (IMAGES, OBJECTS) else ""
        parts.append(begin + ", ".join([*names[:MAX_NAMED], *more]))
    return "; ".join(parts)


def _counted(kind: str, count: int, command: str) -> str:
    """A kind with its number, and the command that opens one, where it fits into a line."""
    noun, *behind = BEHIND_NOUN.split(kind, maxsplit=1)
    noun += "" if count == 1 or noun.endswith(ALREADY_PLURAL) else "s"
    opens = f" ({command} opens {'it' if count == 1 else 'the first'})"
    return f"{count} {noun}{''.join(behind)}" + (opens if command and command.isprintable() else "")
