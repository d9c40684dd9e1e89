"""Where does a survey keep what it has made, so that nothing half-made is ever taken for whole?

survey.json          whose survey it is, and how it is divided
headers/             the header table, one Parquet file for each partition
stacks.parquet …     what was found
extent.json          how much there is
sample.parquet       the rows of some patients, which the pages take
work/list/           the names of the files, some in each part
work/read/           what their headers say, and the keys by which they are divided
work/sample/         the rows of the sample, of each partition
work/shuffled/       the same, cut into what goes to each partition
work/plan.npz        which partition each file belongs to
work/members/        the files of each stack of each partition
work/values/         hashes of what each keyword says in each partition
work/results/        what each partition gives
"""

import io
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from helpers.collection import MANIFEST
from helpers.errors import ClearError
from helpers.files.names import is_address, real_path

FORMAT = 3  # changes with what is stored
EXTENT = "extent.json"
TEMPORARY = ".part-"  # begins the end of names of what is being written


class SurveyError(ClearError):
    """A survey that cannot be made where or as it is asked for."""


class Sizes(NamedTuple):
    """How a collection is divided."""

    files: int = 2_000  # of a part that is read by one task
    rows: int = 20_000  # images of a partition, about
    most_rows: int = 60_000  # images that are kept together because of patient or study
    sample: int = 20_000  # files that stand for all


class Store(NamedTuple):
    """The folder of a survey."""

    folder: str

    def path(self, *names: str) -> str:
        """The path of something in it."""
        return os.path.join(self.folder, *names)

    def part(self, kind: str, number: int, end: str = "") -> str:
        """The path of one of many."""
        return self.path("work", kind, f"{number:06}{end}")

    def headers(self, partition: int) -> str:
        """The path of the header table of a partition."""
        return self.path("headers", f"{partition:06}.parquet")

    def has(self, *names: str) -> bool:
        """Whether something is in it."""
        return os.path.exists(self.path(*names))

    def read_json(self, *names: str) -> Any:
        """What a file of JSON says."""
        with open(self.path(*names), encoding="utf-8") as file:
            return json.load(file)

    def write_json(self, content: Any, *names: str) -> None:
        """Writes a file of JSON, whole or not at all."""
        with being_written(self.path(*names)) as path, open(path, "w", encoding="utf-8") as file:
            json.dump(content, file, default=_plain)


@contextmanager
def being_written(path: str) -> Iterator[str]:
    """Gives a name to write under; what is written there has its own name only once it is whole."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}{TEMPORARY}{uuid.uuid4().hex}"
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.remove(temporary)
        raise


def write_arrays(path: str, arrays: Mapping[str, Any]) -> None:
    """Writes arrays, made in memory: on a full disk numpy would leave an archive open."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    with being_written(path) as temporary, open(temporary, "wb") as file:
        file.write(content.getbuffer())


def opened_store(root: str, folder: str, sizes: Sizes) -> Store:
    """The folder of a survey of a collection: a new one, or one that was begun.

    Raises
    ------
    SurveyError
        Where the folder holds something else, another survey, or lies in the collection.
    """
    root, folder = real_path(root), os.path.realpath(folder)
    if not is_address(root) and os.path.commonpath([root, folder]) == root:
        raise SurveyError(f"expected a folder outside of the collection {root}, got {folder}")
    store, about = Store(folder), {"suite": FORMAT, "root": root, "sizes": list(sizes)}
    if store.has(MANIFEST):
        _check_same(store, about)
    elif os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise SurveyError(f"expected an empty folder or a survey, got something else at {folder}")
    else:
        store.write_json(about, MANIFEST)
    return store


def remove_leftovers(store: Store) -> None:
    """Removes what was being written when a survey was killed."""
    for folder, folders, names in os.walk(store.folder):
        for name in [*folders, *names]:
            if TEMPORARY in name:
                path = os.path.join(folder, name)
                shutil.rmtree(path) if name in folders else os.remove(path)


def _check_same(store: Store, about: dict[str, Any]) -> None:
    """Refuses the folder of another survey."""
    try:
        there = store.read_json(MANIFEST)
        found = there["suite"], there["root"], there["sizes"]
    except (ValueError, LookupError, TypeError) as error:
        raise SurveyError(
            f"expected a survey, got a damaged {MANIFEST} in {store.folder}"
        ) from error
    if found[1] != about["root"]:
        raise SurveyError(
            f"expected a survey of {about['root']}, got one of {found[1]} in {store.folder}"
        )
    if found != tuple(about.values()):
        raise SurveyError(
            f"expected a survey of this version of the suite, got another's in {store.folder}: "
            "take another folder"
        )


def _plain(value: Any) -> Any:
    """A value of numpy as Python's own."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"no value of JSON: {value!r}")
