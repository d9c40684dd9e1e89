"""The pages, executed and bound into one HTML site."""

import asyncio
import datetime
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from helpers.collection import collection_root, is_phantom
from helpers.errors import ClearError
from helpers.headers.table import header_table
from helpers.publish.deidentified import deidentified_collection, identity_shown
from helpers.publish.html_pages import failed_page, index_html, page_html, title_of
from helpers.publish.summary import overview

PAGES = Path("notebooks")
SITE = Path("build/html")
CELL_SECONDS = 900
INLINE = "module://matplotlib_inline.backend_inline"  # pictures come into the page whatever the environment asks for


class PageError(ClearError):
    """A page that failed, with its name."""


def build_site(collection=None, *, pages=PAGES, site=SITE, identity=False):
    """Executes every page on a collection and writes it as HTML, with the collection's summary as index; returns its path.

    Parameters
    ----------
    collection : folder of DICOM files, or None for what `helpers.collection_root` finds
    pages : folder of notebooks
    site : folder to write to; a table of the names that stand for files is written beside it
    identity : bool
        Whether values that could identify a person are shown. The phantom's are: it is nobody.

    Raises
    ------
    FolderError, NoImageError
        Where there is no such folder, or no image in it.
    PageError
        Where pages fail, each with its reason, which stands in its place in the site too.
    """
    notebooks = sorted(Path(pages).glob("*.ipynb"))
    if not notebooks:
        raise PageError(
            f"expected pages, found no notebook in {Path(pages).absolute()}: start it at the top of the project"
        )
    site = Path(site).absolute()
    _cleared(site, notebooks)
    if collection is not None:
        os.environ["DICOM_ROOT"] = os.path.abspath(os.path.expanduser(collection))
    root = collection_root().absolute()
    with identity_shown():
        headers = header_table(root)
        facts, pictures = overview(headers)
    if identity or is_phantom(root):
        facts["identity"] += (
            "; they are shown" if identity else "; they are the phantom's, which is nobody"
        )
        with identity_shown():
            return _bind(
                "the phantom" if is_phantom(root) else root.name, site, notebooks, facts, pictures
            )
    facts["identity"] += (
        "; left out of the pages, where hidden-…, UIDs beginning with 2.25. and numbered names of files "
    )
    facts["identity"] += "stand for them. The pictures are as they were taken"
    with deidentified_collection(root, headers) as veil:
        veil.names.to_csv(_names_file(site), index=False, errors="surrogateescape")
        return _bind("", site, notebooks, facts, pictures, veil.cleaned)


def _cleared(site, notebooks):
    """Removes what an earlier run has left: it speaks of another collection."""
    site.mkdir(parents=True, exist_ok=True)
    for old in [
        _names_file(site),
        site / "index.html",
        *(site / f"{path.stem}.html" for path in notebooks),
    ]:
        old.unlink(missing_ok=True)


def _names_file(site):
    """Which file is which, beside the site and not in it."""
    return site.with_name(f"{site.name}-names.csv")


def _bind(name, site, notebooks, facts, pictures, cleaned=None):
    """Writes pages and index of a collection called `name`; what the pages show passes through `cleaned`."""
    titles, failures = {}, []
    for number, path in enumerate(notebooks, 1):
        print(f"[{number}/{len(notebooks)}] {path.stem} ", end="", flush=True)
        start, page = time.monotonic(), nbformat.read(path, as_version=4)
        titles[path.stem] = title_of(page)
        try:
            page = execute(page, path)
        except PageError as error:
            failures.append(cleaned(str(error)) if cleaned else str(error))
            page = failed_page(page, failures[-1])
        html = page_html(page, path.stem, [path.stem for path in notebooks], cleaned)
        (site / f"{path.stem}.html").write_text(html, encoding="utf-8")
        print(f"{time.monotonic() - start:.1f} s", flush=True)
    made = f"Made on {datetime.date.today()}."
    (site / "index.html").write_text(
        index_html(name, facts, pictures, titles, made), encoding="utf-8"
    )
    if failures:
        raise PageError("\n".join([*failures, f"The other pages are in {site / 'index.html'}"]))
    return site / "index.html"


def execute(notebook, path):
    """The notebook with its outputs, run beside its file `path` in a fresh kernel of this very Python.

    Raises
    ------
    PageError
    """
    kernels = KernelSpecManager(kernel_dirs=[])  # no kernel but this environment's own
    os.environ.setdefault(
        "PYDEVD_DISABLE_FILE_VALIDATION", "1"
    )  # older kernels print a debugger's remark otherwise
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kernels)
    client = NotebookClient(
        notebook, manager, timeout=CELL_SECONDS, extra_arguments=["--log-level=ERROR"]
    )
    client.resources = {"metadata": {"path": str(Path(path).parent)}}
    try:
        _in_thread(partial(client.execute, env={**os.environ, "MPLBACKEND": INLINE}), manager)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise PageError(f"{Path(path).stem} failed: {_reason(notebook) or error}") from None
    return notebook


def _in_thread(work, manager):
    """Does the work in a thread of its own; the main one takes an interrupt, which the client would take for the page's end."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(work)
        try:
            running.result()
        except KeyboardInterrupt:
            asyncio.run(manager.shutdown_kernel(now=True))
            raise


def _reason(notebook):
    """The error as the page shows it: one line where it is meant for people, else the traceback."""
    outputs = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "error"
    ]
    return "\n".join(outputs[-1]["traceback"]) if outputs else None
