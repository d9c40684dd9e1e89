"""What does Kaggle need to know of a kernel: whose is it, what is it called, which data does it read?"""

import json
import os
import re
import tomllib
from pathlib import Path

from helpers.errors import ClearError

LONGEST_TITLE = 50  # characters, of a title on Kaggle
SOURCES = {  # key in pyproject.toml and in the metadata → what one entry looks like
    "competition_sources": r"[a-z0-9-]+",
    "dataset_sources": r"[\w-]+/[\w-]+",
    "kernel_sources": r"[\w-]+/[\w-]+",
    "model_sources": r"[\w-]+/[\w-]+/[\w-]+/[\w.-]+/\d+",
}


class MetadataError(ClearError):
    """Something that Kaggle would not take, or would misunderstand."""


def kernel_settings(file):
    """What all kernels share of their metadata, as a dict: the data they read; graphics card and internet off.

    Parameters
    ----------
    file : pyproject.toml, whose table ``tool.kaggle`` names the data: lists of names under the keys of `SOURCES`, each as
        in its address on Kaggle; and ``is_private``, true where it is not there

    Raises
    ------
    MetadataError
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("kaggle", {})
    except (OSError, ValueError) as error:
        raise MetadataError(
            f"expected a file of TOML, cannot read {file}: {' '.join(str(error).split())}"
        ) from error
    if unknown := table.keys() - SOURCES.keys() - {"is_private"}:
        raise MetadataError(
            f"{file}, tool.kaggle: expected {', '.join([*SOURCES, 'is_private'])}, got {', '.join(unknown)}"
        )
    sources = {key: table.get(key, []) for key in SOURCES}
    is_private = table.get("is_private", True)
    if not isinstance(is_private, bool):
        raise MetadataError(
            f"{file}, tool.kaggle, is_private: expected true or false, got {is_private!r}"
        )
    for key, names in sources.items():
        if not (
            isinstance(names, list) and all(re.fullmatch(SOURCES[key], str(name)) for name in names)
        ):
            raise MetadataError(
                f"{file}, tool.kaggle, {key}: expected a list of names as in addresses on Kaggle, got {names!r}"
            )
    off = dict.fromkeys(
        ("enable_gpu", "enable_tpu", "enable_internet"), False
    )  # written out: the client's default is on
    return {
        "language": "python",
        "kernel_type": "notebook",
        "is_private": is_private,
        **off,
        **sources,
    }


def owner(user=None):
    """The name of a Kaggle account: as given, else from where Kaggle's client has it; its keys and tokens are not used.

    These are ``KAGGLE_USERNAME``, ``kaggle.json`` in ``KAGGLE_CONFIG_DIR``, ``~/.kaggle`` or ``~/.config/kaggle``, and
    ``~/.kaggle/credentials.json``, which ``kaggle auth login`` writes.

    Raises
    ------
    MetadataError
    """
    home, configuration = Path.home(), os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    usual = home / ".kaggle" if (home / ".kaggle").exists() else Path(configuration, "kaggle")
    user = user or os.environ.get("KAGGLE_USERNAME")
    for file in (
        Path(os.environ.get("KAGGLE_CONFIG_DIR") or usual, "kaggle.json"),
        home / ".kaggle" / "credentials.json",
    ):
        user = user or _user_in(file)
    if not user:
        way = "give it by --user NAME, or make kaggle KAGGLE_USER=NAME"
        raise MetadataError(
            f"expected the name of a Kaggle account, found none in Kaggle's configuration: {way}"
        )
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(user)):
        raise MetadataError(
            f"expected a user name as in the address of a Kaggle profile, got {user!r}"
        )
    return user


def title_of(name, heading):
    """The title of a kernel: the heading of its page; of one that is too long for Kaggle, the clauses that fit.

    >>> title_of("05", "What is wrong with this collection, and what does it do to a picture or a number?")
    'What is wrong with this collection'
    """
    title = heading
    while len(title) > LONGEST_TITLE and "," in title:
        title = title.rpartition(",")[0]
    if not re.fullmatch(rf"[A-Za-z0-9 ,.:?!-]{{5,{LONGEST_TITLE}}}", title):
        expected = f"a heading of 5 to {LONGEST_TITLE} plain characters up to its end or a comma"
        raise MetadataError(f"{name}, cell 1: expected {expected}, got {heading!r}")
    return title


def slug(title):
    """The name that Kaggle makes of a title, for its address.

    >>> slug("Which way, 1,000 times?")
    'which-way-1000-times'
    """
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=\d),(?=\d)", "", title.lower())).strip("-")


def _user_in(file):
    try:
        return json.loads(file.read_text(encoding="utf-8"))["username"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
