"""Which cells carry the helpers that a page imports?"""

import ast
import re

from helpers.errors import ClearError

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
# newer wheels of imagecodecs ask for a newer numpy than Kaggle's, and without internet there is none
DECODERS = """

Where an image cannot be decoded here, the page says so, with the line that installs a decoder from an attached dataset. \
That dataset is one file, which any computer with internet gets by `pip download imagecodecs==2026.3.6 --no-deps \
--only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64`."""


class CellError(ClearError):
    """A file that no cell can write as it is."""


def helper_cells(page, helpers, others):
    """The cells before a page's own: one that says what they are, one that makes their folder, one for each file.

    Parameters
    ----------
    page : dict, a notebook
    helpers : folder of the package
    others : dict, name of each other page → its kernel as ``owner/slug``

    Raises
    ------
    CellError
    """
    code = "\n".join(text_of(cell) for cell in page["cells"] if cell["cell_type"] == "code")
    files = sorted(_needed(code, helpers))
    links = ", ".join(
        f"[{name}](https://www.kaggle.com/code/{kernel})" for name, kernel in others.items()
    )
    intro = INTRO.format(
        count=len(files), anchor=heading(page).replace(" ", "-"), others=links or "there are none"
    )
    intro += DECODERS if "codecs.py" in files else ""
    first = [
        {"cell_type": "markdown", "id": "kaggle", "metadata": {}, "source": intro},
        _hidden("helpers", SETUP),
    ]
    return first + [
        _hidden(f"helpers-{name.replace('.', '-')}", _writing(helpers / name)) for name in files
    ]


def heading(page):
    """The heading of a page: its first line."""
    return text_of(page["cells"][0]).splitlines()[0].removeprefix("# ")


def text_of(cell):
    """The source of a cell as one text, which a file may have as a list of lines."""
    return "".join(cell["source"])


def _needed(code, helpers):
    """Names of files in `helpers`: the package itself, the modules that code imports and they in turn, what these name."""
    needed, waiting = {"__init__.py"}, [code]
    while waiting:
        tree = ast.parse(waiting.pop())
        beside = {
            name
            for name in _texts(tree)
            if re.fullmatch(r"\w+\.(?!py$)\w+", name) and (helpers / name).is_file()
        }
        modules = {name for name in _modules(tree) if (helpers / name).is_file()} - needed
        waiting += [(helpers / name).read_text(encoding="utf-8") for name in modules]
        needed |= modules | beside
    return needed


def _texts(tree):
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _modules(tree):
    """Yields the files of what may be modules of `helpers` among all that is imported, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            names = (
                [f"{node.module}.{name}" for name in names]
                if isinstance(node, ast.ImportFrom)
                else names
            )
            yield from (f"{name.split('.')[1]}.py" for name in names if name.startswith("helpers."))


def _hidden(name, source):
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": HIDDEN,
        "outputs": [],
        "source": source,
    }


def _writing(path):
    """A cell that writes a file as it is; the end of its last line is what the notebook adds to every cell."""
    text = path.read_bytes().decode("utf-8")
    if "\r" in text or not text.endswith("\n") or text.endswith("\n\n"):
        raise CellError(f"{path}: expected lines that end as on Linux, and no empty one at the end")
    return f"%%writefile helpers/{path.name}\n{text[:-1]}"
