"""Which cells carry the helpers that a page imports?"""

import ast
import io
import json
import re
import zipfile
from base64 import encodebytes
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from helpers.errors import ClearError
from helpers.publish.pages import code_of, title_of

HIDDEN = {
    "_kg_hide-input": True,
    "_kg_hide-output": True,
    "collapsed": True,
    "jupyter": {"outputs_hidden": True, "source_hidden": True},
}
SETUP = """\
# The helpers are written to this folder and imported from it, whatever is installed, and however
# often the cells run.
import importlib
import os
import sys

for folder in [{folders}]:
    os.makedirs(folder, exist_ok=True)
sys.path.insert(0, os.getcwd())
sys.dont_write_bytecode = True
for name in [name for name in sys.modules if name.split(".")[0] == "helpers"]:
    del sys.modules[name]
importlib.invalidate_caches()"""
INTRO = """\
The collapsed cells below write the {count} files of `helpers/` that this page needs: a kernel \
without internet installs nothing, and what runs here can be read here. \
[The page begins below them](#{anchor}).

Its links to other pages lead nowhere on Kaggle; those pages, once pushed: {others}."""
# newer wheels of imagecodecs ask for a newer numpy than Kaggle's, which no internet brings
DECODERS = """

Where an image cannot be decoded here, the page says so, with the line that installs a decoder \
from an attached dataset. That dataset is one file, which any computer with internet gets by \
`pip download imagecodecs==2026.3.6 --no-deps --only-binary=:all: --python-version 3.12 \
--platform manylinux_2_28_x86_64`."""
PACKED = """

Kaggle takes 1 MB of source, and as text these files are more: the {count} largest are packed in \
one cell, which unpacks them into `helpers/`, where they can be read."""
UNPACKING = """\
# {names}
import base64
import io
import zipfile

packed = \"\"\"
{packed}\"\"\"
zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))).extractall("helpers")"""
MAX_BYTES = 900_000  # of the cells that write helpers, of the 1 MB that Kaggle takes
OLDEST = (1980, 1, 1, 0, 0, 0)  # date of packed files, so that two builds are the same
DECODING_MODULE = "pixels/codecs.py"
DATA_FILE = re.compile(r"\w+\.(?!py$)\w+")  # a name in a module's code, of a file beside it


class KaggleError(ClearError):
    """What no kernel can be made of, or what Kaggle would not take: where, and why."""


def helper_cells(
    page: Mapping[str, Any], helpers: Path, others: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The cells before a page's own: what they are, their folders, and one cell for each file.

    Parameters
    ----------
    page : a notebook
    helpers : folder of the package
    others : name of each other page → its kernel as ``owner/slug``

    Raises
    ------
    KaggleError
    """
    files = sorted(file.relative_to(helpers).as_posix() for file in _needed(page, helpers))
    links = [f"[{name}](https://www.kaggle.com/code/{kernel})" for name, kernel in others.items()]
    intro = INTRO.format(
        count=len(files),
        anchor=title_of(page).replace(" ", "-"),
        others=", ".join(links) or "there are none",
    )
    intro += DECODERS if DECODING_MODULE in files else ""
    written, packed = _fitting(helpers, files)
    intro += PACKED.format(count=len(packed)) if packed else ""
    folders = sorted({f"helpers/{file}".rpartition("/")[0] for file in files})
    setup = SETUP.format(folders=", ".join(f'"{folder}"' for folder in folders))
    return [
        {"cell_type": "markdown", "id": "kaggle", "metadata": {}, "source": intro},
        _hidden("helpers", setup),
        *([_hidden("helpers-packed", _unpacking(helpers, packed))] if packed else []),
        *(
            _hidden(f"helpers-{re.sub('[/.]', '-', file)}", _writing(helpers, file))
            for file in written
        ),
    ]


def _fitting(helpers: Path, files: list[str]) -> tuple[list[str], list[str]]:
    """(files that are written as text, the largest, which are packed so that all fit)"""
    largest = sorted(files, key=lambda file: -(helpers / file).stat().st_size)
    size_of = {file: len(json.dumps(_writing(helpers, file)).encode()) for file in files}
    for count in range(len(files) + 1):
        packed = sorted(largest[:count])
        left = sum(size_of[file] for file in files if file not in packed)
        if left + (len(_unpacking(helpers, packed)) if packed else 0) <= MAX_BYTES:
            return [file for file in files if file not in packed], packed
    raise KaggleError(f"expected helpers of {MAX_BYTES} bytes at most, packed, got more")


def _unpacking(helpers: Path, files: list[str]) -> str:
    """A cell that writes files from a ZIP archive in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file, OLDEST), (helpers / file).read_bytes(), 8, 9)
    packed = encodebytes(buffer.getvalue()).decode("ascii")
    return UNPACKING.format(names=", ".join(files), packed=packed)


def _needed(page: Mapping[str, Any], helpers: Path) -> set[Path]:
    """The files that a page needs: modules, those that they import, and data beside these."""
    owners = _owners(helpers / "__init__.pyi")
    needed: set[Path] = set()
    waiting = [helpers / "__init__.py", *_imported(code_of(page), helpers, owners)]
    while waiting:
        file = waiting.pop()
        if file in needed:
            continue
        if not file.is_file():
            raise KaggleError(f"expected a module of the helpers, found none at {file}")
        needed.add(file)
        code = file.read_text(encoding="utf-8")
        waiting += [file.with_name("__init__.py"), *_imported(code, helpers, owners)]
        beside = map(file.with_name, filter(DATA_FILE.fullmatch, _texts(code)))
        needed.update(filter(Path.is_file, beside))
    return needed


def _owners(stub: Path) -> dict[str, str]:
    """Public name → the module that owns it, as the package's stub imports it."""
    owners = {name: module for module, name in _imports(stub.read_text(encoding="utf-8")) if name}
    if not owners:
        raise KaggleError(f"expected imports of the public names, found none in {stub}")
    return owners


def _imported(code: str, helpers: Path, owners: Mapping[str, str]) -> Iterator[Path]:
    """The files of the modules of the helpers that code imports."""
    for module, name in _imports(code):
        if module == "helpers" and name:
            module = owners.get(name, f"helpers.{name}")
        if module.startswith("helpers."):
            file = helpers.joinpath(*module.split(".")[1:])
            yield (file / (name or "__init__") if file.is_dir() else file).with_suffix(".py")


def _imports(code: str) -> Iterator[tuple[str, str]]:
    """Module and name of all that is imported, inside functions too; no name for ``import x``."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def _texts(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _hidden(name: str, source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "id": name, "metadata": HIDDEN}
    return {**cell, "outputs": [], "source": source}


def _writing(helpers: Path, file: str) -> str:
    """A cell that writes a file as it is; a notebook ends the last line of every cell itself."""
    text = (helpers / file).read_bytes().decode("utf-8")
    if "\r" in text or not text.endswith("\n") or text.endswith("\n\n"):
        expected = "expected lines that end as on Linux, and no empty one at the end"
        raise KaggleError(f"{helpers / file}: {expected}")
    return f"%%writefile helpers/{file}\n{text[:-1]}"
