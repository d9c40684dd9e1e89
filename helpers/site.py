"""The pages, executed and bound into one HTML site: ``python -m helpers.site [FOLDER]``."""

import argparse
import html
import os
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from helpers import ClearError
from helpers.files import collection_root

PAGES = Path("notebooks")
SITE = Path("build/html")
CELL_SECONDS = 900
INLINE = "module://matplotlib_inline.backend_inline"  # pictures come into the page whatever the environment asks for
WIDGET = "application/vnd.jupyter.widget-view+json"
INDEX = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>DICOM notebooks</title>
<style>body {{ font: 16px/1.6 sans-serif; max-width: 46em; margin: 3em auto; padding: 0 1em; color: #222 }}</style>
<h1>DICOM notebooks</h1>
<p>Collection: <code>{collection}</code></p>
<ul>
{pages}
</ul>
</html>
"""


class PageError(ClearError):
    """A page that failed, with its name."""


def build_site(collection=None, *, pages=PAGES, site=SITE):
    """Executes every page on a collection and writes it as HTML, with an index; returns the index's path.

    Parameters
    ----------
    collection : folder of DICOM files, or None for what `helpers.files.collection_root` finds

    Raises
    ------
    FolderError
        Where there is no such folder.
    PageError
        Where a page fails; the pages before it are written, those of an earlier run are gone.
    """
    notebooks = sorted(Path(pages).glob("*.ipynb"))
    if not notebooks:
        raise PageError(f"expected pages, found no notebook in {Path(pages).absolute()}: start it at the top of the project")
    if collection is not None:
        os.environ["DICOM_ROOT"] = os.path.abspath(os.path.expanduser(collection))
    root = collection_root()
    site = Path(site)
    site.mkdir(parents=True, exist_ok=True)
    for old in [site / "index.html", *(site / f"{path.stem}.html" for path in notebooks)]:
        old.unlink(missing_ok=True)
    links = []
    for number, path in enumerate(notebooks, 1):
        print(f"[{number}/{len(notebooks)}] {path.stem} ", end="", flush=True)
        start = time.monotonic()
        notebook = execute(path)
        (site / f"{path.stem}.html").write_text(to_html(notebook, path.stem), encoding="utf-8")
        print(f"{time.monotonic() - start:.1f} s", flush=True)
        links.append(f'<li><a href="{path.stem}.html">{path.stem}</a>: {html.escape(_title(notebook))}</li>')
    index = site / "index.html"
    index.write_text(INDEX.format(collection=html.escape(str(root)), pages="\n".join(links)), encoding="utf-8")
    return index


def execute(path):
    """The notebook with its outputs, run in a fresh kernel of this very Python.

    Raises
    ------
    PageError
    """
    notebook = nbformat.read(path, as_version=4)
    kernels = KernelSpecManager(kernel_dirs=[])  # no kernel but this environment's own
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # older kernels print a debugger's remark otherwise
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kernels)
    client = NotebookClient(notebook, manager, timeout=CELL_SECONDS, extra_arguments=["--log-level=ERROR"])
    client.resources = {"metadata": {"path": str(Path(path).parent)}}
    try:
        client.execute(env={**os.environ, "MPLBACKEND": INLINE})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise PageError(f"{Path(path).stem} failed: {_reason(notebook) or error}") from None
    return notebook


def to_html(notebook, title):
    """An executed notebook as an HTML page that needs no kernel: widgets give way to their pictures."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [still for output in cell.outputs if (still := _without_widget(output))]
    notebook.metadata.pop("widgets", None)
    return HTMLExporter(template_name="lab").from_notebook_node(notebook, {"metadata": {"name": title}})[0]


def _without_widget(output):
    """The output with a picture in place of its widget; None for a widget without one, such as a progress bar."""
    data = output.get("data", {})
    if WIDGET not in data:
        return output
    del data[WIDGET]
    return output if "image/png" in data else None


def _reason(notebook):
    """The error as the page shows it: one line where it is meant for people, else the traceback."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if output["output_type"] == "error"]
    return "\n".join(outputs[-1]["traceback"]) if outputs else None


def _title(notebook):
    return notebook.cells[0].source.splitlines()[0].lstrip("# ")


def main(arguments=None):
    """Command line: builds the site; exit status 1 with one clear line where it cannot."""
    parser = argparse.ArgumentParser(description="Execute the pages on a folder of DICOM files and bind them into one HTML site.")
    parser.add_argument("folder", nargs="?", help="folder of DICOM files; without it the phantom is made and explored")
    parser.add_argument("--pages", default=PAGES, help=f"folder of the notebooks (default: {PAGES})")
    parser.add_argument("--site", default=SITE, help=f"folder to write to (default: {SITE})")
    chosen = parser.parse_args(arguments)
    try:
        index = build_site(chosen.folder or None, pages=chosen.pages, site=chosen.site)
    except ClearError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"Open {index.absolute()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
