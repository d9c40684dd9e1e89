"""The pages, each as a Kaggle kernel that carries the helpers it imports: ``python -m helpers.kaggle [--user NAME]``."""

import argparse
import ast
import json
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

from helpers import ClearError
from helpers.disclosure import given_away, private_here

KERNELS = Path("build", "kaggle")
LONGEST_TITLE = 50  # characters, of a title on Kaggle
SOURCES = {  # key in pyproject.toml and in the metadata → what one entry looks like
    "competition_sources": r"[a-z0-9-]+",
    "dataset_sources": r"[\w-]+/[\w-]+",
    "kernel_sources": r"[\w-]+/[\w-]+",
    "model_sources": r"[\w-]+/[\w-]+/[\w-]+/[\w.-]+/\d+",
}
HIDDEN = {
    "_kg_hide-input": True,
    "_kg_hide-output": True,
    "collapsed": True,
    "jupyter": {"outputs_hidden": True, "source_hidden": True},
}
SETUP = """\
# The helpers are written to this folder and taken from it, whatever is installed, however often the cells run.
import importlib
import os
import sys

os.makedirs("helpers", exist_ok=True)
sys.path.insert(0, os.getcwd())
sys.dont_write_bytecode = True
for name in [name for name in sys.modules if name.split(".")[0] == "helpers"]:
    del sys.modules[name]
importlib.invalidate_caches()"""
INTRO = """\
The collapsed cells below write into `helpers/` the {count} files that this page stands on: a kernel without internet \
installs nothing, and what runs here can be read here. [The page begins below them](#{anchor}).

Its links to other pages lead nowhere on Kaggle; those pages, once pushed: {others}."""
DECODERS = """

Where an image cannot be decoded here, the page says so, with the line that installs a decoder from an attached dataset. \
That dataset is one file, which any computer with internet gets by `pip download imagecodecs --no-deps \
--only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64`."""


class KaggleError(ClearError):
    """A kernel that is not built: what is in the way, and where."""


def build_kernels(user=None, *, project="."):
    """Writes ``build/kaggle/<slug>/`` for each page: a notebook that needs nothing else, and its metadata; returns the folders.

    Collapsed cells write the modules which the page imports, those which they import, and the files which these name; the
    cells of the page follow as they are. Kernels of an earlier build are removed first.

    Parameters
    ----------
    user : name of the owner on Kaggle, or None for the one that Kaggle's own configuration names
    project : folder of ``notebooks``, ``helpers`` and of ``pyproject.toml``, whose table ``tool.kaggle`` names the data

    Raises
    ------
    KaggleError
        Where a page holds outputs or what `helpers.disclosure` finds in it; where a title, the table or the owner is not as
        Kaggle needs it. No kernel is written then.
    """
    project = Path(project)
    pages = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((project / "notebooks").glob("*.ipynb"))}
    if not pages:
        raise KaggleError(
            f"expected pages, found none in {(project / 'notebooks').absolute()}: start it at the top of the project"
        )
    for old in (project / KERNELS).glob("*/kernel-metadata.json"):
        shutil.rmtree(old.parent)
    owner, settings = _owner(user), _settings(project / "pyproject.toml")
    private = private_here(project)
    for name, page in pages.items():
        _refuse_what_shall_not_leave(name, page, private)
    titles = {name: _title(name, page) for name, page in pages.items()}
    kernels = {name: f"{owner}/{slug(title)}" for name, title in titles.items()}
    if len(set(kernels.values())) < len(kernels):
        raise KaggleError(f"expected titles that differ, got {'; '.join(titles.values())}")
    built = []
    for name, page in pages.items():
        metadata = {"id": kernels[name], "title": titles[name], "code_file": f"{name}.ipynb", **settings}
        others = {other: kernel for other, kernel in kernels.items() if other != name}
        built.append((metadata, {**page, "cells": _carrier(page, project / "helpers", others) + page["cells"]}))
    return [_write(project / KERNELS / slug(metadata["title"]), metadata, notebook) for metadata, notebook in built]


def slug(title):
    """The name that Kaggle makes of a title, for its address.

    >>> slug("Which way, 1,000 times?")
    'which-way-1000-times'
    """
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=\d),(?=\d)", "", title.lower())).strip("-")


def _owner(user):
    """The name of the account, where Kaggle's client would find it; keys and tokens are not looked at."""
    home, configuration = Path.home(), os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    usual = home / ".kaggle" if (home / ".kaggle").exists() else Path(configuration, "kaggle")
    user = user or os.environ.get("KAGGLE_USERNAME")
    for file in (Path(os.environ.get("KAGGLE_CONFIG_DIR") or usual, "kaggle.json"), home / ".kaggle" / "credentials.json"):
        user = user or _user_in(file)
    if not user:
        raise KaggleError("expected the name of a Kaggle account, found none in Kaggle's configuration: give it with --user NAME")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", user):
        raise KaggleError(f"expected a user name as in the address of a Kaggle profile, got {user!r}")
    return user


def _user_in(file):
    try:
        return json.loads(file.read_text(encoding="utf-8"))["username"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _settings(file):
    """What all kernels share of their metadata: the data from the project's table; processors and internet off."""
    table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("kaggle", {})
    if unknown := table.keys() - SOURCES.keys() - {"is_private"}:
        raise KaggleError(f"{file}, tool.kaggle: expected {', '.join([*SOURCES, 'is_private'])}, got {', '.join(unknown)}")
    for key, form in SOURCES.items():
        for source in table.get(key, []):
            if not re.fullmatch(form, str(source)):
                raise KaggleError(f"{file}, tool.kaggle, {key}: expected names as in the address on Kaggle, got {source!r}")
    off = dict.fromkeys(("enable_gpu", "enable_tpu", "enable_internet"), False)
    sources = {key: table.get(key, []) for key in SOURCES}
    return {"language": "python", "kernel_type": "notebook", "is_private": table.get("is_private", True), **off, **sources}


def _refuse_what_shall_not_leave(name, page, private):
    _refuse(f"{name}, its metadata", ["the state of widgets"] * ("widgets" in page["metadata"]))
    _refuse(f"{name}, its metadata", given_away(str(page["metadata"]), private))
    for number, cell in enumerate(page["cells"], 1):
        found = [key for key in ("outputs", "execution_count", "attachments") if cell.get(key)]
        found += given_away(f"{''.join(cell['source'])}\n{cell['metadata']}", private)
        _refuse(f"{name}, cell {number} ({cell.get('id', 'without id')})", found)


def _refuse(where, found):
    if found:
        raise KaggleError(f"{where}: expected nothing private, found {', '.join(found)}: remove that and build again")


def _heading(page):
    return "".join(page["cells"][0]["source"]).splitlines()[0].removeprefix("# ")


def _title(name, page):
    """The page's first heading; of one that is too long for Kaggle, the clauses that fit."""
    title = _heading(page)
    while len(title) > LONGEST_TITLE and "," in title:
        title = title.rpartition(",")[0]
    if not re.fullmatch(rf"[A-Za-z0-9 ,.:?!()-]{{5,{LONGEST_TITLE}}}", title):
        expected = f"a heading of 5 to {LONGEST_TITLE} plain characters up to its end or a comma"
        raise KaggleError(f"{name}, cell 1: expected {expected}, got {_heading(page)!r}")
    return title


def _carrier(page, helpers, others):
    """The cells before the page's own: one that says what they are, one that makes their folder, one for each file."""
    code = "\n".join("".join(cell["source"]) for cell in page["cells"] if cell["cell_type"] == "code")
    files = sorted(_needed(code, helpers))
    links = ", ".join(f"[{name}](https://www.kaggle.com/code/{kernel})" for name, kernel in others.items())
    intro = INTRO.format(count=len(files), anchor=_heading(page).replace(" ", "-"), others=links or "there are none")
    intro += DECODERS if "codecs.py" in files else ""
    first = [{"cell_type": "markdown", "id": "kaggle", "metadata": {}, "source": intro}, _hidden("helpers", SETUP)]
    return first + [_hidden(f"helpers-{name.replace('.', '-')}", _writing(helpers / name)) for name in files]


def _hidden(name, source):
    return {"cell_type": "code", "execution_count": None, "id": name, "metadata": HIDDEN, "outputs": [], "source": source}


def _writing(path):
    """A cell that writes a file as it is; the end of its last line is what the notebook adds to every cell."""
    text = path.read_bytes().decode("utf-8")
    if "\r" in text or not text.endswith("\n") or text.endswith("\n\n"):
        raise KaggleError(f"{path}: expected lines that end as on Linux, and no empty one at the end")
    return f"%%writefile helpers/{path.name}\n{text[:-1]}"


def _needed(code, helpers):
    """Names of files in `helpers`: the package itself, the modules that code imports and they in turn, what these name."""
    needed, waiting = {"__init__.py"}, [code]
    while waiting:
        tree = ast.parse(waiting.pop())
        beside = {name for name in _texts(tree) if re.fullmatch(r"\w+\.(?!py$)\w+", name) and (helpers / name).is_file()}
        modules = {name for name in _modules(tree) if (helpers / name).is_file()} - needed
        waiting += [(helpers / name).read_text(encoding="utf-8") for name in modules]
        needed |= modules | beside
    return needed


def _texts(tree):
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _modules(tree):
    """Yields the files of what may be modules of `helpers` among all that is imported, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            names = [f"{node.module}.{name}" for name in names] if isinstance(node, ast.ImportFrom) else names
            yield from (f"{name.split('.')[1]}.py" for name in names if name.startswith("helpers."))


def _write(folder, metadata, notebook):
    folder.mkdir(parents=True)
    for name, content in ((metadata["code_file"], notebook), ("kernel-metadata.json", metadata)):
        (folder / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def main(arguments=None):
    """Command line: builds the kernels; exit status 1 with one clear line where it cannot."""
    parser = argparse.ArgumentParser(description="Build one Kaggle kernel per page, with the helpers that it imports.")
    parser.add_argument("--user", help="owner of the kernels on Kaggle (default: the one in Kaggle's own configuration)")
    try:
        folders = build_kernels(parser.parse_args(arguments).user)
    except ClearError as error:
        print(error, file=sys.stderr)
        return 1
    for folder in folders:
        print(f"kaggle kernels push -p {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
