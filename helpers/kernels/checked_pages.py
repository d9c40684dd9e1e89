"""Which pages may leave this computer? Those that give away nothing, and nor do the helpers."""

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.kernels.kernel_facts import KaggleError
from helpers.kernels.leaks import LocalSecrets, find_leaks, local_secrets
from helpers.pages import code_of, page_files, read_page, source_of

ALSO_IN_A_WHEEL = ("README.md", "LICENSE", "pyproject.toml")


def checked_pages(project: Path) -> dict[str, dict[str, Any]]:
    """Name of a page → the notebook, as its file has it.

    Parameters
    ----------
    project : folder of ``notebooks`` and ``helpers``

    Raises
    ------
    PageError
        Where there is no page, or one that is no notebook.
    KaggleError
        Where a cell is no Python; where a page holds outputs, or it, a helper or what goes into
        the project's wheel with them holds what `helpers.kernels.leaks` finds.
    """
    pages = {path.stem: _page(path) for path in page_files(project / "notebooks")}
    private = local_secrets(project)
    for name, page in pages.items():
        _refuse_page(name, page, private)
    _refuse_files(project, private)
    return pages


def _page(path: Path) -> dict[str, Any]:
    read_page(path)  # refuses what is no page
    page = json.loads(path.read_text(encoding="utf-8"))
    try:
        ast.parse(code_of(page))
    except SyntaxError as error:
        raise KaggleError(f"{path.stem}: expected Python in its cells, got {error}") from error
    return page


def _refuse_page(name: str, page: Mapping[str, Any], private: LocalSecrets) -> None:
    state = ["the state of widgets"] if "widgets" in page["metadata"] else []
    _refuse(f"{name}, its metadata", state + find_leaks(str(page["metadata"]), private))
    for number, cell in enumerate(page["cells"], 1):
        found = [key for key in ("outputs", "execution_count", "attachments") if cell.get(key)]
        found += find_leaks(f"{source_of(cell)}\n{cell['metadata']}", private)
        _refuse(f"{name}, cell {number} ({cell.get('id', 'without id')})", found)


def _refuse_files(project: Path, private: LocalSecrets) -> None:
    """Raises a KaggleError for a helper, or what a wheel holds beside them; values may be words."""
    helpers = project / "helpers"
    files = [path for path in sorted(helpers.rglob("*.*")) if path.suffix != ".pyc"]
    if not files:
        raise KaggleError(f"expected the helpers, found no file below {helpers.absolute()}")
    files += [path for name in ALSO_IN_A_WHEEL if (path := project / name).is_file()]
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        _refuse(str(path), find_leaks(text, private._replace(words=frozenset())))


def _refuse(where: str, found: list[str]) -> None:
    if found:
        expected = f"expected nothing private, found {', '.join(found)}"
        raise KaggleError(f"{where}: {expected}: remove that and build again")
