"""The pages, executed on a collection and bound into one HTML site."""

import contextlib
import datetime
import importlib.metadata
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from nbformat import NotebookNode

from helpers.collection import collection_root, is_phantom, what_is_at
from helpers.files import FolderError
from helpers.headers.table import read_headers
from helpers.privacy.pseudonyms import VARIABLE, is_deidentified
from helpers.publish.deidentified import DeidentifiedCollection
from helpers.publish.execution import execute_pages
from helpers.publish.html_pages import PageEntry, index_html, message_page, page_html
from helpers.publish.pages import PageError, needs_fastai, page_files, read_page, title_of
from helpers.publish.summary import overview

PAGES = Path("notebooks")
SITE = Path("build/html")
MARK = ".dicom-report"  # a file in the folder of a report, which says that it may be replaced
FASTAI_NEEDS = {"torch", "fastai", "kornia", "scikit-image"}  # with its module for medical images
IDENTITY_SYNTHETIC = "they are shown, for the patients of the phantom are synthetic"
IDENTITY_SHOWN = "they are shown, as this report was made without DEIDENTIFY=1"
IDENTITY_LEFT_OUT = (
    "they are left out, and hidden-…, UIDs beginning with 2.25. and numbered file names stand for "
    "them; pixels are as they were taken"
)


def build_site(
    collection: str | os.PathLike[str] | None = None,
    *,
    pages: str | os.PathLike[str] = PAGES,
    site: str | os.PathLike[str] = SITE,
    deidentify: bool = False,
    install: Callable[[Path], None] | None = None,
) -> Path:
    """Executes every page on a collection and writes it as HTML; returns the path of the index.

    The index has the collection's summary and lists the pages. It is written with each of them,
    and says which are not made yet: an interrupt leaves a report of those before.

    Parameters
    ----------
    collection : folder of DICOM files, or None for what `helpers.collection_root` finds
    pages : folder of notebooks
    site : folder to write to: a new one, an empty one or that of an earlier report
    deidentify : whether pseudonyms stand for what could identify a person, and numbers for the
        names of files; a table of these is written beside the site. So it is too where identity is
        hidden in the environment. The phantom is shown as it is.
    install : adds the packages that some pages lack, given a folder for temporary files; called
        when the other pages are made. Without it those pages are left out.

    Raises
    ------
    FolderError, NoImageError
        Where there is no such folder, or no DICOM file in it, or where the folder to write to
        holds other files.
    PageError
        Where pages fail, each with its reason, which stands in its place in the site too.
    """
    notebooks = {path: read_page(path) for path in page_files(pages)}
    site = Path(site).absolute()
    _clear(site)
    root, environment = _collection(collection)
    hidden = deidentify or is_deidentified()
    headers = read_headers(root, cache=not hidden)  # no copy of names is left where they are hidden
    facts, pictures = overview(headers)
    with tempfile.TemporaryDirectory(prefix="dicom-", ignore_cleanup_errors=True) as folder:
        view = _view(root, headers, site, folder, hidden)
        facts["identity"] += f"; {view.identity}"
        index = partial(index_html, view.name, facts, pictures)
        report = _Report(site, notebooks, index, view.clean)
        report.make({**environment, **view.environment}, Path(folder), install)
    if report.failures:
        raise PageError("\n".join([*report.failures, f"The other pages are in {report.index}"]))
    return report.index


class _View(NamedTuple):
    """How a report shows its collection."""

    name: str  # of the collection; empty where that could identify a person
    identity: str  # what becomes of elements that could
    environment: dict[str, str]  # in which the pages explore it
    clean: Callable[..., str] | None  # what their outputs pass through


class _Report:
    """The files of a report that is being made."""

    def __init__(
        self,
        site: Path,
        notebooks: dict[Path, NotebookNode],
        index: Callable[[Mapping[str, PageEntry], str], str],
        clean: Callable[..., str] | None,
    ):
        self.index = site / "index.html"
        self.failures: list[str] = []
        self._notebooks, self._index_html, self._clean = notebooks, index, clean
        self._entries = {path.stem: PageEntry(title_of(page)) for path, page in notebooks.items()}

    def make(
        self,
        environment: Mapping[str, str],
        folder: Path,
        install: Callable[[Path], None] | None,
    ) -> None:
        """Makes the pages whose packages are there; then the others, where these can be added."""
        lacking = {path: _missing_packages(page) for path, page in self._notebooks.items()}
        later = [path for path, packages in lacking.items() if packages]
        for path in later:
            reason = f"not made yet: {', '.join(lacking[path])} must be installed first"
            print(f"{path.stem} is {reason}")
            self._write(path, message_page(self._entries[path.stem].title, reason), reason)
        self._execute([path for path in lacking if path not in later], environment, folder)
        if later and install:
            print(f"Open {self.index}", flush=True)
            install(folder)
            self._execute(later, environment, folder)

    def _execute(self, paths: list[Path], environment: Mapping[str, str], folder: Path) -> None:
        """Executes pages and writes them, with a line for each."""
        names = list(self._entries)
        pages = {path: self._notebooks[path] for path in paths}
        with contextlib.closing(execute_pages(pages, environment, folder)) as executions:
            for path, page in pages.items():
                number = f"{names.index(path.stem) + 1}/{len(names)}"
                print(f"[{number}] {path.stem} ", end="", flush=True)
                seconds, error = next(executions)
                if error:
                    error = f"{path.stem} failed: {self._clean(error) if self._clean else error}"
                    self.failures.append(error)
                    page = message_page(self._entries[path.stem].title, error)
                self._write(path, page)
                print(f"{seconds:.1f} s", flush=True)

    def _write(self, path: Path, page: NotebookNode, missing: str = "") -> None:
        """Writes a page, and the index that lists it."""
        self._entries[path.stem] = self._entries[path.stem]._replace(missing=missing)
        made = f"Made on {datetime.date.today()}."
        for name, content in (
            (path.stem, page_html(page, path.stem, list(self._entries), self._clean)),
            ("index", self._index_html(self._entries, made)),
        ):
            self.index.with_name(f"{name}.html").write_text(content, encoding="utf-8")


def _clear(site: Path) -> None:
    """Makes the folder and marks it as a report's, or removes an earlier report from it."""
    mark, beside = site / MARK, _names_file(site)
    if not mark.exists():
        is_free = not site.exists() or (site.is_dir() and not any(site.iterdir()))
        if not is_free or beside.exists():
            found = beside if is_free else site
            expected = "expected a new or empty folder, or that of an earlier report"
            raise FolderError(f"{expected}, found {found}: remove it, or name another by --site")
        site.mkdir(parents=True, exist_ok=True)
        mark.write_text("The pages here are replaced by the next report.\n", encoding="utf-8")
    for old in (beside, *site.glob("*.html")):
        old.unlink(missing_ok=True)


def _names_file(site: Path) -> Path:
    """Which file is which, beside the site and not in it."""
    return site.with_name(f"{site.name}-names.csv")


def _collection(folder: str | os.PathLike[str] | None) -> tuple[Path, dict[str, str]]:
    """The folder to explore, and an environment that names it and hides no identity."""
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if folder is None:
        return collection_root().absolute(), environment
    root = Path(folder).expanduser().absolute()
    if not root.is_dir():
        raise FolderError(f"expected a folder of DICOM files, found {what_is_at(root)}")
    return root, {**environment, "DICOM_ROOT": str(root)}


def _view(root: Path, headers: pd.DataFrame, site: Path, folder: str, deidentify: bool) -> _View:
    if is_phantom(root):
        return _View("the phantom", IDENTITY_SYNTHETIC, {}, None)
    if not deidentify:
        return _View(root.name, IDENTITY_SHOWN, {}, None)
    secret = os.environ.get(VARIABLE) or secrets.token_hex(16)
    links = DeidentifiedCollection(root, headers, folder, secret)
    links.names.to_csv(_names_file(site), index=False, errors="surrogateescape")
    return _View("", IDENTITY_LEFT_OUT, links.environment, links.clean)


def _missing_packages(page: NotebookNode) -> list[str]:
    """The packages that a page needs and that are not installed."""
    if not needs_fastai(page):
        return []
    installed = {package.name for package in importlib.metadata.distributions()}
    return sorted(FASTAI_NEEDS - installed)
