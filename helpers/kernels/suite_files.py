"""Which files of the helpers does a page need?"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from helpers.kernels.kernel_facts import KaggleError
from helpers.pages import code_of

DATA_FILE = re.compile(r"\w+\.(?!py$)\w+")  # a name in a module's code, of a file beside it


class Said(NamedTuple):
    """What a module's code says of other files."""

    imports: list[tuple[str, str]]  # module, and name or nothing
    data_files: list[str]  # names of what may lie beside it


def needed_files(page: Mapping[str, Any], helpers: Path) -> list[str]:
    """The files that a page needs: modules, those that they import, and data which these name.

    Parameters
    ----------
    page : a notebook
    helpers : folder of the package

    Returns
    -------
    list of paths below `helpers`, sorted

    Raises
    ------
    KaggleError
        Where a module is imported that is not there.
    """
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
        beside = map(file.with_name, _said(code).data_files)
        needed.update(filter(Path.is_file, beside))
    return sorted(file.relative_to(helpers).as_posix() for file in needed)


def _owners(stub: Path) -> dict[str, str]:
    """Public name → the module that owns it, as the package's stub imports it."""
    owners = {
        name: module for module, name in _said(stub.read_text(encoding="utf-8")).imports if name
    }
    if not owners:
        raise KaggleError(f"expected imports of the public names, found none in {stub}")
    return owners


def _imported(code: str, helpers: Path, owners: Mapping[str, str]) -> Iterator[Path]:
    """The files of the modules of the helpers that code imports."""
    for module, name in _said(code).imports:
        if module == "helpers" and name:
            module = owners.get(name, f"helpers.{name}")
        if module.startswith("helpers."):
            file = helpers.joinpath(*module.split(".")[1:])
            yield (file / (name or "__init__") if file.is_dir() else file).with_suffix(".py")


@cache  # one page after the other asks for the same modules
def _said(code: str) -> Said:
    """What code imports and names, inside functions too."""
    nodes = list(ast.walk(ast.parse(code)))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    names = [text for text in texts if isinstance(text, str) and DATA_FILE.fullmatch(text)]
    return Said([pair for node in nodes for pair in _imports(node)], names)


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name of each import of a statement; no name for ``import x``."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from ((node.module, alias.name) for alias in node.names)
