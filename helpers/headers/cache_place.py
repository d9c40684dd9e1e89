"""Where is a table remembered? In the user's cache folder, never in the collection.

On Kaggle it is written to the output of a kernel, and also looked for below the input: there lies
the output of an earlier kernel that was attached.
"""

import contextlib
import hashlib
import os
import re
import threading
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from helpers.errors import ClearError, WrongTypeError
from helpers.files.names import absolute, real_path
from helpers.privacy.pseudonyms import is_deidentified
from helpers.runtime import KAGGLE_INPUT, KAGGLE_WORKING, user_cache

VARIABLE = "DICOM_NO_CACHE"  # of the environment: where it is set, nothing is remembered unasked
FOLDER = "dicom-headers"  # in the user's cache folder
OUR_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}\.(headers|frames)")
MAX_BYTES = 2**30  # of all files in it together, about five million headers
MAX_DEPTH = 3  # folders between Kaggle's input and the output of a kernel in it

_said: set[str] = set()


class CacheError(ClearError):
    """A cache that cannot be where it was said to be."""


class Place(NamedTuple):
    """A file in which a table is remembered."""

    file: Path
    root: str  # real path of the folder that the table is of; empty for a list of files
    named: bool = False  # by the user; else it is one of ours
    attached: tuple[Path, ...] = ()  # where else it may be found, on Kaggle

    @property
    def is_mounted(self) -> bool:
        """Whether files are data of Kaggle, where times and mounts change and content does not."""
        data = os.path.realpath(KAGGLE_INPUT)
        return bool(self.root) and Path(self.root).is_relative_to(data)

    def names(self, paths: list[str], folder: str | None) -> list[str]:
        """What files are called in the table: their paths below the folder, or whole ones."""
        if folder is None:
            return list(map(absolute, paths))
        start = os.path.join(folder, "")
        return [path.removeprefix(start) for path in paths]

    def write(self, content: bytes) -> None:
        """Writes the file, under a temporary name that then becomes its own.

        Warns
        -----
        UserWarning
            Where it cannot be written; of a file of ours a line is printed, once.
        """
        if not self.named and is_deidentified():
            return
        temporary = Path(f"{self.file}.{os.getpid()}-{threading.get_ident()}")
        try:
            if self.named:
                temporary.write_bytes(content)
            else:
                _write_privately(temporary, content)
            os.replace(temporary, self.file)
        except OSError as error:
            message = f"cache: {self.file} could not be written ({error}); the table is complete"
            if self.named:
                warnings.warn(message, stacklevel=5)
            else:
                _say_once(message, "not written")
        else:
            self.say("remembered in", self.file)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if not self.named:
            _forget_oldest(self.file)

    def say(self, what: str, file: Path) -> None:
        """Says once where tables are remembered, unless the user named the file."""
        if self.named:
            return
        output = ", part of this kernel's output" if KAGGLE_WORKING in file.parents else ""
        how = f"cache=False or {VARIABLE}=1 does without"
        _say_once(
            f"Headers: {what} {file.parent}{output} (with names and IDs; {how})",
            about=str(file.parent),
        )


def place_of(cache: Any, folder: str | None, paths: list[str]) -> Place | None:
    """Where the header table of files is remembered; None where it is not.

    Parameters
    ----------
    cache : whether it is, or the name of a file
    folder : what the table is of; None for a list of files

    Raises
    ------
    CacheError
        For a cache that cannot be where it is said to be.
    """
    if isinstance(cache, bool):
        return our_place(folder, "headers") if cache and folder is not None else None
    if not isinstance(cache, (str, os.PathLike)):
        raise WrongTypeError(f"cache: expected the name of a file, True or False, got {cache!r}")
    root = "" if folder is None else real_path(folder)
    return Place(_checked(cache, root, paths), root, named=True)


def our_place(folder: str, kind: str, collection: str | None = None) -> Place | None:
    """Where a table of a folder is remembered unless another place is named; None: nowhere.

    Parameters
    ----------
    kind : the ending of its name, such as "headers"
    collection : the folder in which nothing is written, where that is more than `folder`
    """
    if os.environ.get(VARIABLE):
        return None
    root = real_path(folder)
    with contextlib.suppress(RuntimeError):  # who has no home has no cache
        on_kaggle = KAGGLE_INPUT.is_dir()
        parent = KAGGLE_WORKING if on_kaggle else user_cache()
        cache = Path(os.path.realpath(parent / FOLDER))
        if not parent.is_absolute():
            return None
        if cache.is_relative_to(real_path(collection or folder)):
            _say_once(f"Headers: not remembered, for {cache} lies in the collection", "inside")
            return None
        name, path = _digest(os.path.basename(root)), _digest(root)
        found = _attached(f"{name}-*.{kind}") if on_kaggle else ()
        return Place(cache / f"{name}-{path}.{kind}", root, attached=found)
    return None


def _say_once(sentence: str, about: str) -> None:
    """Prints a line, the first one about something in a process."""
    if about not in _said:
        _said.add(about)
        print(sentence)


def _checked(cache: str | os.PathLike[str], root: str, paths: list[str]) -> Path:
    """The full path of the cache, links followed, if it can be a file there.

    One in the folder that is read is refused: nothing is written there.
    """
    file = Path(os.path.realpath(os.path.expanduser(cache))) if os.fspath(cache) else Path()
    name = file.name
    alike = [path for path in paths if path.endswith(name)]
    if any(os.path.realpath(path) == str(file) for path in alike):
        raise CacheError(f"cache: expected a file of its own, got {file}, which is to be read")
    if root and file.is_relative_to(root):
        expected = "a file outside of the folder that is read"
        raise CacheError(f"cache: expected {expected}, got {cache}; it would be one of its files")
    if file.is_dir() or not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        expected = "the name of a file in a folder that can be written to"
        raise CacheError(f"cache: expected {expected}, got {str(cache)!r}")
    return file


def _write_privately(file: Path, content: bytes) -> None:
    """Writes a file that only the user can read, in a folder into which only the user can look."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as opened:
        opened.write(content)


def _forget_oldest(kept: Path) -> None:
    """Removes tables of ours that were not used for longest, down to `MAX_BYTES`, but one."""
    with contextlib.suppress(OSError), os.scandir(kept.parent) as entries:
        files = [
            (entry.stat().st_mtime_ns, entry.stat().st_size, entry.path)
            for entry in entries
            if OUR_NAME.fullmatch(entry.name) and entry.name != kept.name
        ]
        total = kept.stat().st_size
        for _, size, path in sorted(files, reverse=True):
            total += size
            if total > MAX_BYTES:
                os.remove(path)


def _attached(pattern: str) -> tuple[Path, ...]:
    """Tables of ours in the outputs of kernels that are attached to this one."""
    depths = ["/".join(["*"] * depth) for depth in range(1, MAX_DEPTH + 1)]
    found = [path for some in depths for path in KAGGLE_INPUT.glob(f"{some}/{FOLDER}/{pattern}")]
    return tuple(sorted(found))


def _digest(text: str) -> str:
    return hashlib.blake2b(os.fsencode(text), digest_size=8).hexdigest()
