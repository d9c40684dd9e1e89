"""The pages, each as a Kaggle kernel that carries the helpers it imports."""

import ast
import json
import shutil
from pathlib import Path

from helpers.errors import ClearError
from helpers.publish.kernel_cells import heading, helper_cells, text_of
from helpers.publish.kernel_metadata import kernel_settings, owner, slug, title_of
from helpers.publish.leaks import find_leaks, local_secrets

KERNELS = Path("build", "kaggle")
METADATA = "kernel-metadata.json"  # the name that Kaggle's client asks for


class KaggleError(ClearError):
    """A page that no kernel is made of: what is in the way, and where."""


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
        Where a page holds outputs, or what `helpers.publish.leaks` finds in it or in a helper; no kernel is written then.
    MetadataError
        Where Kaggle would not take a title, the names of the data or of the owner.
    """
    project = Path(project)
    pages = _pages(project / "notebooks")
    shared, user = kernel_settings(project / "pyproject.toml"), owner(user)
    for old in (project / KERNELS).glob(f"*/{METADATA}"):
        shutil.rmtree(old.parent)
    _refuse_what_shall_not_leave(pages, local_secrets(project), project / "helpers")
    titles = {name: title_of(name, heading(page)) for name, page in pages.items()}
    kernels = {name: f"{user}/{slug(title)}" for name, title in titles.items()}
    if len(set(kernels.values())) < len(kernels):
        raise KaggleError(f"expected headings that differ, got {'; '.join(titles.values())}")
    built = []
    for name, page in pages.items():
        others = {other: kernel for other, kernel in kernels.items() if other != name}
        notebook = {
            **page,
            "cells": helper_cells(page, project / "helpers", others) + page["cells"],
        }
        built.append(
            (
                {
                    "id": kernels[name],
                    "title": titles[name],
                    "code_file": f"{name}.ipynb",
                    **shared,
                },
                notebook,
            )
        )
    return [
        _write(project / KERNELS / slug(metadata["title"]), metadata, notebook)
        for metadata, notebook in built
    ]


def _pages(folder):
    """Name of a page → the notebook, as its file has it."""
    pages = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            pages[path.stem] = page = json.loads(path.read_text(encoding="utf-8"))
            heading(page)
            ast.parse(
                "\n".join(text_of(cell) for cell in page["cells"] if cell["cell_type"] == "code")
            )
        except (ValueError, LookupError, TypeError, SyntaxError) as error:
            raise KaggleError(
                f"{path.stem}: expected a notebook of a heading and Python, cannot read {path}"
            ) from error
    if not pages:
        raise KaggleError(
            f"expected pages, found none in {folder.absolute()}: start it at the top of the project"
        )
    return pages


def _refuse_what_shall_not_leave(pages, private, helpers):
    for name, page in pages.items():
        state = ["the state of widgets"] if "widgets" in page["metadata"] else []
        _refuse(f"{name}, its metadata", state + find_leaks(str(page["metadata"]), private))
        for number, cell in enumerate(page["cells"], 1):
            found = [key for key in ("outputs", "execution_count", "attachments") if cell.get(key)]
            found += find_leaks(f"{text_of(cell)}\n{cell['metadata']}", private)
            _refuse(f"{name}, cell {number} ({cell.get('id', 'without id')})", found)
    for path in sorted(helpers.glob("*.*")):
        _refuse(
            str(path), find_leaks(path.read_text(encoding="utf-8"), private._replace(values=set()))
        )


def _refuse(where, found):
    if found:
        raise KaggleError(
            f"{where}: expected nothing private, found {', '.join(found)}: remove that and build again"
        )


def _write(folder, metadata, notebook):
    folder.mkdir(parents=True)
    for name, content in ((metadata["code_file"], notebook), (METADATA, metadata)):
        (folder / name).write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return folder
