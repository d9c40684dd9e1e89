"""The pages as notebooks that run elsewhere: as Kaggle kernels, for upload by hand, on Colab."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helpers.kernels.checked_pages import checked_pages
from helpers.kernels.dataset import DECODERS, build_dataset, project_name, wheel_name
from helpers.kernels.first_cells import attached_cell, installing_cell
from helpers.kernels.kernel_facts import (
    KaggleError,
    kernel_settings,
    kernel_title,
    owner,
    project_table,
    slug,
)
from helpers.kernels.room_cells import room_cells
from helpers.pages import needs_fastai, title_of

KAGGLE, COLAB = Path("build", "kaggle"), Path("build", "colab")
METADATA = "kernel-metadata.json"  # the name that Kaggle's client asks for
COLAB_LACKS = ("pydicom>=3.0.1", "anywidget>=0.9.21", *DECODERS)
FASTAI_LACKS = ("kornia>=0.9",)  # that fastai's medical part imports, and Colab has not


class Kernels(NamedTuple):
    """What was built: a folder to make a dataset of, one for each kernel, and what is not in it."""

    dataset: Path
    kernels: list[Path]
    lacking: list[str]  # lines that say which decoder, and how to add it


def build_kernels(user: str | None = None, *, project: str | os.PathLike[str] = ".") -> Kernels:
    """Writes ``build/kaggle/dataset`` with the suite, and ``build/kaggle/<slug>`` for each page.

    A kernel is the page after one collapsed cell, which takes the suite from the dataset that the
    metadata attaches. What an earlier build left is removed first.

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
        Where a page or a helper holds what should not leave this computer (see `checked_pages`);
        and where Kaggle would not take a title, the names of the data or of the owner. Nothing is
        written.
    """
    project = Path(project)
    shutil.rmtree(project / KAGGLE, ignore_errors=True)
    pages = checked_pages(project)
    shared, user = kernel_settings(project / "pyproject.toml"), owner(user)
    name = project_name(project)
    dataset, first = f"{user}/{name}", attached_cell(f"{user}/{name}", wheel_name(name))
    shared["dataset_sources"] = [dataset, *shared["dataset_sources"]]
    titles = {name: kernel_title(name, title_of(page)) for name, page in pages.items()}
    if len({slug(title) for title in titles.values()}) < len(titles):
        raise KaggleError(f"expected headings that differ, got {'; '.join(titles.values())}")
    folder = project / KAGGLE / "dataset"
    lacking = build_dataset(project, folder, dataset)
    kernels = []
    for name, page in pages.items():
        file = project / KAGGLE / slug(titles[name]) / f"{name}.ipynb"
        kernel = {"id": f"{user}/{slug(titles[name])}", "title": titles[name]}
        _write(file, {**page, "cells": [first, *page["cells"]]})
        _write(file.with_name(METADATA), {**kernel, "code_file": file.name, **shared})
        kernels.append(file.parent)
    return Kernels(folder, kernels, lacking)


def build_standalone(*, project: str | os.PathLike[str] = ".") -> list[Path]:
    """Writes ``build/kaggle/standalone/<page>.ipynb``, which carry the suite, and returns them.

    Raises
    ------
    PageError, KaggleError
        As `build_kernels`; and where a helper cannot be written by a cell (see `room_cells`).
    """
    project = Path(project)
    folder = project / KAGGLE / "standalone"
    shutil.rmtree(folder, ignore_errors=True)
    pages = checked_pages(project)
    cells = {name: room_cells(page, project / "helpers") for name, page in pages.items()}
    return _write_all(folder, pages, cells)


def build_colab(
    repository: str | None = None, *, project: str | os.PathLike[str] = "."
) -> list[Path]:
    """Writes ``build/colab/<page>.ipynb``, each with a cell that installs the suite; returns them.

    Parameters
    ----------
    repository : address of the git repository; None for ``project.urls.Repository`` of
        pyproject.toml

    Raises
    ------
    PageError, KaggleError
        As `build_kernels`; and where there is no address.
    """
    project = Path(project)
    folder = project / COLAB
    shutil.rmtree(folder, ignore_errors=True)
    pages = checked_pages(project)
    address = repository or _repository(project / "pyproject.toml")
    cells = {name: [_colab_cell(page, address)] for name, page in pages.items()}
    return _write_all(folder, pages, cells)


def _repository(file: Path) -> str:
    address = project_table(file).get("project", {}).get("urls", {}).get("Repository")
    if not address:
        expected = "expected the address of a git repository that Colab can reach"
        way = "give it by --colab ADDRESS, or make colab REPOSITORY=ADDRESS"
        raise KaggleError(f"{file}, project.urls: {expected}, found no Repository: {way}")
    return address


def _colab_cell(page: Mapping[str, Any], repository: str) -> dict[str, Any]:
    further = FASTAI_LACKS if needs_fastai(page) else ()
    return installing_cell(repository, [f'"{name}"' for name in (*COLAB_LACKS, *further)])


def _write_all(
    folder: Path, pages: Mapping[str, Mapping[str, Any]], cells: Mapping[str, list[dict[str, Any]]]
) -> list[Path]:
    """Writes each page after the cells that come before its own."""
    return [
        _write(folder / f"{name}.ipynb", {**page, "cells": cells[name] + page["cells"]})
        for name, page in pages.items()
    ]


def _write(file: Path, content: dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{json.dumps(content, indent=1, ensure_ascii=False)}\n", encoding="utf-8")
    return file
