"""The pages, executed on a collection and bound into one HTML site."""

import contextlib
import datetime
import importlib.metadata
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.collection import collection_root, named_root, part_in
from helpers.errors import ClearError
from helpers.files.listing import FolderError, has_more_files
from helpers.files.names import is_address
from helpers.headers.table import header_table
from helpers.pages import PageError, needs_fastai, page_files, read_page, title_of
from helpers.privacy.pseudonyms import VARIABLE, is_deidentified
from helpers.report.execution import execute_pages
from helpers.report.gallery import Gallery
from helpers.report.html_pages import PageEntry, index_html, message_page, page_html
from helpers.report.processes import ProcessError, in_processes
from helpers.report.stack_pages import MB, StackPages, clear
from helpers.report.stage import with_stage
from helpers.report.summary import Overview, facts_of_survey, overview
from helpers.report.tables import Tables, tables_of, tables_of_folder
from helpers.report.view import View, names_file, view_of

PAGES = Path("notebooks")
SITE = Path("build/html")
MARK = ".dicom-report"  # a file in the folder of a report, which says that it may be replaced
VIEWERS, MAX_MB = 50, 200.0
TOO_MANY_FILES = 200_000  # for pages that take them all
ONE_FILE = "report.html"
MAX_ONE_FILE_MB = 40.0  # of a report that is one file: a browser takes it in at once
LATER_BYTES = 2_000_000  # of each page that is made when its packages are there
FASTAI_NEEDS = {"torch", "fastai", "kornia", "scikit-image"}  # with its module for medical images


def build_site(
    collection: str | os.PathLike[str] | None = None,
    *,
    pages: str | os.PathLike[str] = PAGES,
    site: str | os.PathLike[str] = SITE,
    deidentify: bool = False,
    install: Callable[[Path], None] | None = None,
    viewers: int = VIEWERS,
    max_mb: float | None = None,
    single: bool = False,
) -> Path:
    """Executes every page on a collection and writes it as HTML; returns the path of the index.

    The index has the collection's summary, a gallery of its stacks, its findings, and lists the
    pages. It is written with each of them, and says which are not made yet: an interrupt leaves a
    report of those before. Each stack has a page of its own, with a viewer or a contact sheet.

    Parameters
    ----------
    collection : folder of DICOM files, or None for what `helpers.collection_root` finds
        Of the folder of a survey, the summary is of the whole collection, all else of a sample.
    pages : folder of notebooks
    site : folder to write to: a new one, an empty one or that of an earlier report
    deidentify : whether pseudonyms stand for what could identify a person, and numbers for the
        names of files; a table of these is written beside the site. So it is too where identity is
        hidden in the environment. The phantom is shown as it is.
    install : adds the packages that some pages lack, given a folder for temporary files; called
        when the other pages are made. Without it those pages are left out.
    viewers : how many stacks get a viewer at most
    max_mb : that the report may take: what is left of it beside the pages is for the stacks; None
        for 200, or for 40 where it is one file
    single : whether all is also written into one file, whose path is then returned

    Raises
    ------
    FolderError, NoImageError
        Where there is no such folder, or no DICOM file in it, or where the folder to write to
        holds other files.
    PageError
        Where pages fail, each with its reason, which stands in its place in the site too.
    """
    notebooks = {path: read_page(path) for path in page_files(pages)}
    max_bytes = MB * _checked_size(max_mb, single)
    site = Path(site).absolute()
    _clear(site)
    root, environment = _collection(collection)
    hidden, part = deidentify or is_deidentified(), part_in(root)
    if part is None:
        _advise(root)
    headers = header_table(root, cache=not hidden)  # no copy of names is left where they are hidden
    tables = tables_of(headers)
    summary = overview(headers, tables)
    if part is not None:
        summary = summary._replace(facts=facts_of_survey(Path(root).parent, part))
        root = part.root
    with tempfile.TemporaryDirectory(prefix="dicom-", ignore_cleanup_errors=True) as folder:
        view = view_of(root, headers, site, folder, hidden)
        summary.facts["identity"] += f"; {view.identity}"
        if view.clean is not None:
            summary = summary._replace(facts=summary.facts.map(view.clean))
            notebooks = {path: with_stage(page, path.stem) for path, page in notebooks.items()}
        gallery = _gallery(tables, root, view)
        stacks = StackPages(
            gallery, site, max_bytes=max_bytes, viewers=viewers, environment=view.environment
        )
        report = _Report(site, notebooks, summary, view, gallery, stacks, max_bytes)
        report.make({**environment, **view.environment}, Path(folder), install)
    index = report.write_one_file() if single else report.index
    if report.failures:
        raise PageError("\n".join([*report.failures, f"The other pages are in {index}"]))
    return index


class SizeError(ClearError, ValueError):
    """A size that no report can have."""


class _Report:
    """The files of a report that is being made."""

    def __init__(
        self,
        site: Path,
        notebooks: dict[Path, NotebookNode],
        summary: Overview,
        view: View,
        gallery: Gallery,
        stacks: StackPages,
        max_bytes: float,
    ):
        self.index = site / "index.html"
        self.failures: list[str] = []
        self._notebooks, self._summary, self._view = notebooks, summary, view
        self._gallery, self._stacks, self._max_bytes = gallery, stacks, max_bytes
        self._entries = {path.stem: PageEntry(title_of(page)) for path, page in notebooks.items()}
        self._sizes: dict[str, int] = {}  # bytes of each page

    def make(
        self,
        environment: Mapping[str, str],
        folder: Path,
        install: Callable[[Path], None] | None,
    ) -> None:
        """Makes stacks and the pages whose packages are there; then the others, if possible."""
        lacking = {path: _missing_packages(page) for path, page in self._notebooks.items()}
        later = [path for path, packages in lacking.items() if packages]
        self._draw_stacks()
        for path in later:
            reason = f"not made yet: {', '.join(lacking[path])} must be installed first"
            print(f"{path.stem} is {reason}")
            self._write(path, message_page(self._entries[path.stem].title, reason), reason)
        self._execute([path for path in lacking if path not in later], environment, folder)
        self._add_viewers(LATER_BYTES * len(later))
        if later and install:
            print(f"Open {self.index}", flush=True)
            install(folder)
            self._execute(later, environment, folder)

    def write_one_file(self) -> Path:
        """Writes the whole report into one file; returns its path."""
        path = self.index.with_name(ONE_FILE)
        pages = {name: self.index.with_name(f"{name}.html") for name in self._entries}
        documents = {name: page.read_text(encoding="utf-8") for name, page in pages.items()}
        gallery = self._gallery.data(self._stacks.in_one_page())
        path.write_text(
            self._index_html(gallery, {**documents, **self._stacks.documents()}),
            encoding="utf-8",
            errors="replace",
        )
        return path

    def _draw_stacks(self) -> None:
        if not len(self._gallery):
            return
        try:
            with _timed(f"{_counted(len(self._gallery), 'stack')} drawn"):
                self._stacks.draw()
        finally:  # an interrupt leaves those that are there
            self._write_index()

    def _add_viewers(self, reserved: int) -> None:
        """Adds viewers of stacks, as many as there is room for beside pages, made and to come."""
        if not len(self._gallery):
            return
        try:
            with _timed("Viewers made"):
                self._stacks.add_viewers(sum(self._sizes.values()) + reserved)
        finally:
            self._write_index()
        print(f"{self._stacks.note}: {self._size}", flush=True)

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
                    clean = self._view.clean
                    error = f"{path.stem} failed: {clean(error) if clean else error}"
                    self.failures.append(error)
                    page = message_page(self._entries[path.stem].title, error)
                self._write(path, page)
                print(f"{seconds:.1f} s", flush=True)

    def _write(self, path: Path, page: NotebookNode, missing: str = "") -> None:
        """Writes a page, and the index that lists it."""
        self._entries[path.stem] = self._entries[path.stem]._replace(missing=missing)
        html = page_html(page, path.stem, list(self._entries), self._view.clean)
        file = self.index.with_name(f"{path.stem}.html")
        file.write_text(html, encoding="utf-8")
        self._sizes[path.stem] = file.stat().st_size
        self._write_index()

    def _write_index(self) -> None:
        html = self._index_html(self._gallery.data(self._stacks.shown), {})
        self.index.write_text(html, encoding="utf-8", errors="replace")
        self._sizes["index"] = self.index.stat().st_size

    def _index_html(self, gallery: Mapping[str, Any], documents: Mapping[str, str]) -> str:
        return index_html(
            self._view.name,
            self._summary.facts,
            self._summary.pictures,
            self._entries,
            f"Made on {datetime.date.today()}.",
            gallery=gallery if gallery["cards"] or gallery["findings"] else None,
            size="; ".join(filter(None, (self._size, self._stacks.note))),
            documents=documents,
        )

    @property
    def _size(self) -> str:
        """How much the report takes, and may."""
        size = (sum(self._sizes.values()) + self._stacks.size) / MB
        return f"{size:.1f} MB, of at most {self._max_bytes / MB:g}"


@contextlib.contextmanager
def _timed(words: str) -> Iterator[None]:
    """A line that says what was done, and how long it took."""
    start = time.monotonic()
    yield
    print(f"{words} in {time.monotonic() - start:.1f} s", flush=True)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _checked_size(max_mb: float | None, single: bool) -> float:
    """How many MB a report may take.

    Raises
    ------
    SizeError
    """
    if max_mb is None:
        return MAX_ONE_FILE_MB if single else MAX_MB
    if not max_mb > 0:
        raise SizeError(f"expected a size of the report in MB above 0, got {max_mb!r}")
    return max_mb


def _gallery(tables: Tables, root: Path | str, view: View) -> Gallery:
    """The stacks as the pages show them: of de-identified links where identity is hidden.

    Raises
    ------
    ProcessError
    """
    if view.clean is None:
        return Gallery(tables, str(root))
    links = Path(view.environment["DICOM_ROOT"])
    (found,) = in_processes(tables_of_folder, [links], view.environment)
    if isinstance(found, ProcessError):
        raise found
    return Gallery(found, str(links), view.clean)


def _clear(site: Path) -> None:
    """Makes the folder and marks it as a report's, or removes an earlier report from it."""
    mark, beside = site / MARK, names_file(site)
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
    clear(site)


def _advise(root: Path | str) -> None:
    """Says that of very many files a survey is better, before they are read."""
    if not is_address(root) and has_more_files(root, TOO_MANY_FILES):
        print(
            f"more than {TOO_MANY_FILES:,} files, which all pages take into memory: a gigabyte for "
            "every 300,000; with helpers.survey(collection, folder) and a report of that folder, "
            "the numbers are of all and the pages of a sample",
            flush=True,
        )


def _collection(folder: str | os.PathLike[str] | None) -> tuple[Path | str, dict[str, str]]:
    """The folder to explore, and an environment that names it and hides no identity."""
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if folder is None:
        root = collection_root()
        return root if is_address(root) else Path(root).absolute(), environment
    root = named_root(folder)
    return root, {**environment, "DICOM_ROOT": str(root)}


def _missing_packages(page: NotebookNode) -> list[str]:
    """The packages that a page needs and that are not installed."""
    if not needs_fastai(page):
        return []
    installed = {package.name for package in importlib.metadata.distributions()}
    return sorted(FASTAI_NEEDS - installed)
