"""What is Kaggle told of a kernel: its title, its owner, its data?"""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from helpers.errors import ClearError

MAX_TITLE_LENGTH = 50  # characters, of a title on Kaggle
SOURCES = {  # key in pyproject.toml and in the metadata → what one entry looks like
    "competition_sources": r"[a-z0-9-]+",
    "dataset_sources": r"[\w-]+/[\w-]+",
    "kernel_sources": r"[\w-]+/[\w-]+",
    "model_sources": r"[\w-]+/[\w-]+/[\w-]+/[\w.-]+/\d+",
}
SWITCHED_OFF = ("enable_gpu", "enable_tpu", "enable_internet")  # the client's default is on


class KaggleError(ClearError):
    """What no kernel can be made of, or what Kaggle would not take: where, and why."""


def project_table(file: Path) -> dict[str, Any]:
    """What pyproject.toml says.

    Raises
    ------
    KaggleError
        Where the file cannot be read.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise KaggleError(f"expected a file of TOML, cannot read {file}: {reason}") from error


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
    table = project_table(file).get("tool", {}).get("kaggle", {})
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


def _user_in(file: Path) -> str | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["username"]
    except (OSError, ValueError, KeyError, TypeError):  # not there, or none that the client wrote
        return None
