"""Which pages are there, and what are they called?"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from helpers.errors import ClearError

IMPORTS_FASTAI = re.compile(r"^(from|import) fastai\b", re.M)


class PageError(ClearError):
    """A page that is not there, cannot be read or fails, with its name."""


def page_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The notebooks of a folder, in the order of their names.

    Raises
    ------
    PageError
        Where there is none.
    """
    files = sorted(Path(folder).glob("*.ipynb"))
    if not files:
        where = f"{Path(folder).absolute()}: start it at the top of the project"
        raise PageError(f"expected pages, found no notebook in {where}")
    return files


def read_page(path: Path) -> nbformat.NotebookNode:
    """The notebook of a page.

    Raises
    ------
    PageError
        Where the file is no notebook that begins with a title.
    """
    try:
        page = nbformat.read(path, as_version=4)
        title_of(page)
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        expected = "expected a notebook that begins with a title"
        raise PageError(f"{path.stem}: {expected}, cannot read {path}: {error!r}") from error
    return page


def title_of(page: Mapping[str, Any]) -> str:
    """The title of a page: its first line."""
    return source_of(page["cells"][0]).splitlines()[0].removeprefix("# ")


def code_of(page: Mapping[str, Any]) -> str:
    """The code of all cells of a page."""
    return "\n".join(source_of(cell) for cell in page["cells"] if cell["cell_type"] == "code")


def needs_fastai(page: Mapping[str, Any]) -> bool:
    """Whether a page imports fastai, which is large and trains."""
    return IMPORTS_FASTAI.search(code_of(page)) is not None


def source_of(cell: Mapping[str, Any]) -> str:
    """The source of a cell as one text; a file may have it as a list of lines."""
    return "".join(cell["source"])
