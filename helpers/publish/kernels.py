"""The pages, each as a Kaggle kernel that carries the helpers it imports."""

import ast
import json
import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.publish.kernel_cells import KaggleError, helper_cells
from helpers.publish.leaks import LocalSecrets, find_leaks, local_secrets
from helpers.publish.pages import code_of, page_files, read_page, source_of, title_of

KERNELS = Path("build", "kaggle")
METADATA = "kernel-metadata.json"  # the name that Kaggle's client asks for
MAX_TITLE_LENGTH = 50  # characters, of a title on Kaggle
SOURCES = {  # key in pyproject.toml and in the metadata → what one entry looks like
    "competition_sources": r"[a-z0-9-]+",
    "dataset_sources": r"[\w-]+/[\w-]+",
    "kernel_sources": r"[\w-]+/[\w-]+",
    "model_sources": r"[\w-]+/[\w-]+/[\w-]+/[\w.-]+/\d+",
}
SWITCHED_OFF = ("enable_gpu", "enable_tpu", "enable_internet")  # the client's default is on


def build_kernels(user: str | None = None, *, project: str | os.PathLike[str] = ".") -> list[Path]:
    """Writes ``build/kaggle/<slug>/`` for each page and returns these folders.

    Each holds a notebook that needs nothing else, and its metadata. Collapsed cells write the
    modules that the page imports, those that they import, and the data which these name; the cells
    of the page follow as they are. Kernels of an earlier build are removed first.

    Parameters
    ----------
    user : name of the owner on Kaggle, or None for the one that Kaggle's own configuration names
    project : folder of ``notebooks``, ``helpers`` and of ``pyproject.toml``, whose table
        ``tool.kaggle`` names the data

    Raises
    ------
    PageError
        Where there is no page, or one that is no notebook.
    KaggleError
        Where a page holds outputs, or it or a helper what `helpers.publish.leaks` finds; and where
        Kaggle would not take a title, the names of the data or of the owner. No kernel is written.
    """
    project = Path(project)
    pages = _pages(project / "notebooks")
    shared, user = kernel_settings(project / "pyproject.toml"), owner(user)
    for old in (project / KERNELS).glob(f"*/{METADATA}"):
        shutil.rmtree(old.parent)
    _refuse_leaks(pages, project / "helpers", local_secrets(project))
    titles = {name: kernel_title(name, title_of(page)) for name, page in pages.items()}
    kernels = {name: f"{user}/{slug(title)}" for name, title in titles.items()}
    if len(set(kernels.values())) < len(kernels):
        raise KaggleError(f"expected headings that differ, got {'; '.join(titles.values())}")
    cells = {
        name: helper_cells(
            page,
            project / "helpers",
            {other: kernel for other, kernel in kernels.items() if other != name},
        )
        for name, page in pages.items()
    }
    return [
        _write(
            project / KERNELS / slug(titles[name]),
            {"id": kernels[name], "title": titles[name], "code_file": f"{name}.ipynb", **shared},
            {**page, "cells": cells[name] + page["cells"]},
        )
        for name, page in pages.items()
    ]


def kernel_settings(file: Path) -> dict[str, Any]:
    """What all kernels share of their metadata: the data they read; accelerators, internet off.

    Parameters
    ----------
    file : pyproject.toml, whose table ``tool.kaggle`` names the data: lists of names under the keys
        of `SOURCES`, each as in its address on Kaggle; and ``is_private``, true where it is not
        there

    Raises
    ------
    KaggleError
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("kaggle", {})
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise KaggleError(f"expected a file of TOML, cannot read {file}: {reason}") from error
    where = f"{file}, tool.kaggle"
    if unknown := table.keys() - SOURCES.keys() - {"is_private"}:
        expected = ", ".join([*SOURCES, "is_private"])
        raise KaggleError(f"{where}: expected {expected}, got {', '.join(unknown)}")
    is_private = table.get("is_private", True)
    if not isinstance(is_private, bool):
        raise KaggleError(f"{where}, is_private: expected true or false, got {is_private!r}")
    sources = {key: table.get(key, []) for key in SOURCES}
    for key, names in sources.items():
        is_list = isinstance(names, list)
        if not (is_list and all(re.fullmatch(SOURCES[key], str(name)) for name in names)):
            expected = "a list of names as in addresses on Kaggle"
            raise KaggleError(f"{where}, {key}: expected {expected}, got {names!r}")
    return {
        "language": "python",
        "kernel_type": "notebook",
        "is_private": is_private,
        **dict.fromkeys(SWITCHED_OFF, False),
        **sources,
    }


def owner(user: str | None = None) -> str:
    """The name of a Kaggle account: as given, else from where Kaggle's client has it.

    It is looked for in ``KAGGLE_USERNAME``, in ``kaggle.json`` in ``KAGGLE_CONFIG_DIR``,
    ``~/.kaggle`` or ``~/.config/kaggle``, and in ``~/.kaggle/credentials.json``, which
    ``kaggle auth login`` writes. Keys and tokens are not used.

    Raises
    ------
    KaggleError
    """
    home, configuration = Path.home(), os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    usual = home / ".kaggle" if (home / ".kaggle").exists() else Path(configuration, "kaggle")
    user = (
        user
        or os.environ.get("KAGGLE_USERNAME")
        or _user_in(Path(os.environ.get("KAGGLE_CONFIG_DIR") or usual, "kaggle.json"))
        or _user_in(home / ".kaggle" / "credentials.json")
    )
    if not user:
        expected = "expected the name of a Kaggle account, found none in Kaggle's configuration"
        way = "give it by --user NAME, or make kaggle KAGGLE_USER=NAME"
        raise KaggleError(f"{expected}: {way}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(user)):
        expected = "expected a user name as in the address of a Kaggle profile"
        raise KaggleError(f"{expected}, got {user!r}")
    return user


def kernel_title(name: str, title: str) -> str:
    """The title of a page on Kaggle: of one that is too long there, the clauses that fit.

    >>> kernel_title("05", "What is wrong with this collection, and what does it do to a picture?")
    'What is wrong with this collection'
    """
    shown = title
    while len(shown) > MAX_TITLE_LENGTH and "," in shown:
        shown = shown.rpartition(",")[0]
    if not re.fullmatch(rf"[A-Za-z0-9 ,.:?!-]{{5,{MAX_TITLE_LENGTH}}}", shown):
        expected = f"a heading of 5 to {MAX_TITLE_LENGTH} plain characters up to its end or a comma"
        raise KaggleError(f"{name}, cell 1: expected {expected}, got {title!r}")
    return shown


def slug(title: str) -> str:
    """The name that Kaggle makes of a title, for its address.

    >>> slug("Which way, 1,000 times?")
    'which-way-1000-times'
    """
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=\d),(?=\d)", "", title.lower())).strip("-")


def _pages(folder: Path) -> dict[str, dict[str, Any]]:
    """Name of a page → the notebook, as its file has it."""
    pages = {}
    for path in page_files(folder):
        read_page(path)  # refuses what is no page
        pages[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        try:
            ast.parse(code_of(pages[path.stem]))
        except SyntaxError as error:
            raise KaggleError(f"{path.stem}: expected Python in its cells, got {error}") from error
    return pages


def _refuse_leaks(
    pages: Mapping[str, Mapping[str, Any]], helpers: Path, private: LocalSecrets
) -> None:
    """Raises a KaggleError for a page or a helper with what should not leave this computer."""
    for name, page in pages.items():
        state = ["the state of widgets"] if "widgets" in page["metadata"] else []
        _refuse(f"{name}, its metadata", state + find_leaks(str(page["metadata"]), private))
        for number, cell in enumerate(page["cells"], 1):
            found = [key for key in ("outputs", "execution_count", "attachments") if cell.get(key)]
            found += find_leaks(f"{source_of(cell)}\n{cell['metadata']}", private)
            _refuse(f"{name}, cell {number} ({cell.get('id', 'without id')})", found)
    files = [path for path in sorted(helpers.rglob("*.*")) if path.suffix != ".pyc"]
    if not files:
        raise KaggleError(f"expected the helpers, found no file below {helpers.absolute()}")
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        _refuse(str(path), find_leaks(text, private._replace(words=frozenset())))


def _refuse(where: str, found: list[str]) -> None:
    if found:
        expected = f"expected nothing private, found {', '.join(found)}"
        raise KaggleError(f"{where}: {expected}: remove that and build again")


def _write(folder: Path, metadata: dict[str, Any], notebook: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    for name, content in ((metadata["code_file"], notebook), (METADATA, metadata)):
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
    return folder


def _user_in(file: Path) -> str | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["username"]
    except (OSError, ValueError, KeyError, TypeError):  # not there, or none that the client wrote
        return None
