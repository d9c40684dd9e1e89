"""How is a collection explored so that what comes of it does not say whose it is?"""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from helpers.files.listing import FolderError
from helpers.files.names import absolute, archive_part, is_address, real_path
from helpers.files.opening import copy_file
from helpers.files.reading import ArchiveError
from helpers.files.systems import ObjectError
from helpers.privacy.pseudonyms import VARIABLE, pseudonym
from helpers.report.quoted import QuotedText

UNREADABLE = "This file cannot be read in its archive or bucket.\n"  # a row stays a row
HARMLESS_SUFFIXES = {".dcm", ".dicom", ".ima", ".csv", ".txt"}  # of file names


class DeidentifiedCollection:
    """Links to the files of a collection, named by numbers and pseudonyms.

    A report of it is made in three steps. Pages put `helpers.deidentify` behind each call of
    `header_table`, for all to see (`helpers.report.stage`). What reads a file again, such as a
    header's listing, a caption or a label's name, finds the same secret in the environment and
    shows the same pseudonyms. What outputs quote all the same passes through
    `helpers.report.quoted`, which says what it guarantees; the prose and the code of pages are
    known texts, which hold no value, and stay.

    Attributes
    ----------
    root : the folder to explore
    environment : variables for the process that explores it, so that it shows pseudonyms
    names : which file a name in the pages stands for; columns ``shown`` and ``path``

    Raises
    ------
    FolderError
        Where the system makes neither links nor copies.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        headers: pd.DataFrame,
        folder: str | os.PathLike[str],
        secret: str,
    ):
        """The collection in `root`, of files in the index of `headers`, as links in `folder`."""
        self._folder = Path(folder)
        self.root: Path = self._folder / "collection"
        self.environment: dict[str, str] = {"DICOM_ROOT": str(self.root), VARIABLE: secret}
        patients = set(headers["PatientID"].dropna().map(str)) if "PatientID" in headers else set()
        paths = list(dict.fromkeys(headers.index))
        parent = Path(root).parent
        shown = _new_names([os.path.relpath(path, parent) for path in paths], patients, secret)
        for path, name in zip(paths, shown):
            _link(path, self.root / name)
        self.names: pd.DataFrame = pd.DataFrame({"shown": shown, "path": paths}, dtype=object)
        self._quoted = QuotedText(headers, secret)

    def clean(self, text: str) -> str:
        """A text with pseudonyms for what identifies, and without the name of the folder."""
        return self._quoted.clean(text.replace(f"{self._folder}{os.sep}", ""))


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
    """Makes a link to a file; where the system makes none, a copy.

    Windows makes symbolic links in Developer Mode alone, and hard links on one drive alone.
    """
    link.parent.mkdir(parents=True, exist_ok=True)
    ways: tuple[Callable, ...] = (os.symlink, os.link, copy_file)
    source, reasons = absolute(path), []
    if is_address(source) or (not os.path.lexists(source) and archive_part(source)):
        ways = (copy_file,)
    for way in ways:
        try:
            way(source, link)
            return
        except (ArchiveError, ObjectError):
            link.write_text(UNREADABLE, encoding="utf-8")
            return
        except OSError as error:
            reasons.append(str(error))
            source = real_path(source)  # of a link its file
    expected = f"expected to make a link to a file, or a copy of it, in {link.parent}"
    way_on = "make room there, or name another folder by TMPDIR (on Windows TEMP)"
    raise FolderError(f"{expected}, got: {reasons[-1]}; {way_on}")
