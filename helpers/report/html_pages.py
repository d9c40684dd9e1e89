"""How do executed pages become one site that can be sent to somebody?"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup
from nbconvert import HTMLExporter

from helpers.report.cleaned import Clean, clean_output

TEMPLATES = Path(__file__).with_name("templates")
SCRIPT = (  # of the index, each part after those it uses
    "filters.js",
    "elements.js",
    "cards.js",
    "findings.js",
    "documents.js",
    "index.js",
)
WIDGET = "application/vnd.jupyter.widget-view+json"
IMPORT = re.compile(r"^import .*\n", re.MULTILINE)  # what stands before it in the same script
LINK = re.compile(r"\]\((\w+)\.ipynb(#[^)]*)?\)")  # in Markdown, to another page


class PageEntry(NamedTuple):
    """A page as the index lists it."""

    title: str
    missing: str = "not made yet"  # why it is not there; empty where it is


def page_html(
    notebook: nbformat.NotebookNode,
    name: str,
    names: list[str],
    clean: Clean | None = None,
) -> str:
    """An executed notebook as an HTML page that needs neither kernel nor network.

    Parameters
    ----------
    notebook : with outputs
    name, names : of this page, and of all pages in their order
    clean : function of a text that gives the text to show instead, for all that outputs hold
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(r"](\1.html\2)", cell.source)
        elif cell.cell_type == "code":
            cell.outputs = list(filter(None, map(_without_widget, cell.outputs)))
            if clean:
                for output in cell.outputs:
                    clean_output(output, clean)
    notebook.metadata.pop("widgets", None)
    before, after = _neighbours(name, names)
    resources = {"metadata": {"name": name}, "previous": before, "next": after}
    return _exporter().from_notebook_node(notebook, resources)[0]


def message_page(title: str, message: str) -> nbformat.NotebookNode:
    """A page that stands where another one cannot: its title, and the reason."""
    output = nbformat.v4.new_output("stream", name="stderr", text=message)
    cells = [nbformat.v4.new_markdown_cell(f"# {title}")]
    cells += [nbformat.v4.new_code_cell("", outputs=[output])]
    return nbformat.v4.new_notebook(cells=cells)


def index_html(
    collection: str,
    facts: Mapping[str, str],
    pictures: Mapping[str, bytes],
    pages: Mapping[str, PageEntry],
    made: str,
    *,
    gallery: Mapping[str, Any] | None = None,
    size: str = "",
    documents: Mapping[str, str] | None = None,
) -> str:
    """The first page of the site.

    Parameters
    ----------
    collection : what the collection is called; empty where that could identify a person
    facts : name → text
    pictures : name → PNG
    pages : name of a page → how it is listed
    made : how and when the site was made
    gallery : `cards` and `findings`, and how many `more` findings there are, of JSON's own types
    size : of the report, and what it may be
    documents : name of a page, or stack-17 → its HTML; those in this page instead of beside it
    """
    script = _script(*SCRIPT)
    return _template("index.html.j2").render(
        collection=collection,
        facts=facts,
        pictures={name: base64.b64encode(png).decode() for name, png in pictures.items()},
        pages=pages,
        made=made,
        size=size,
        gallery=gallery,
        gallery_json=_embedded(gallery),
        documents={name: _embedded(page) for name, page in (documents or {}).items()},
        style=_style("index.css"),
        script=Markup(script),
        # pages in this page obey its policy, and have scripts of their own
        script_source=Markup("'unsafe-inline'") if documents else _hash_source(script),
    )


def stack_html(**shown: Any) -> str:
    """The page of one stack, in the folder stacks/.

    Parameters
    ----------
    shown : number of the stack; title; about, in a line; `viewer` (HTML of `viewer_html`) with the
        `script` beside it (name of a file) or `inline_script`, or else a contact `sheet` (address
        of a picture) and what it shows (`alt`); `why` there is no more than this; findings of the
        gallery; names of the files of the `previous` and the `next` stack
    """
    safe = {name: Markup(shown.pop(name)) for name in ("viewer", "inline_script") if name in shown}
    return _template("stack.html.j2").render(style=_style("stack.css"), **safe, **shown)


@cache
def _template(name: str) -> Template:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template(name)


@cache
def _style(name: str) -> Markup:
    """The style of one page, after that of all."""
    return Markup("".join(map(_read, ("base.css", name))))


def _script(*names: str) -> str:
    """Modules as one, each after those it uses."""
    return "\n".join(IMPORT.sub("", _read(name)) for name in names)


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _embedded(content: object) -> Markup:
    """JSON for a script element, which no text in it can end."""
    return Markup(json.dumps(content, ensure_ascii=False).replace("<", "\\u003c"))


def _hash_source(script: str) -> Markup:
    """A script as a policy names it, so that the browser runs no other one (CSP 3, 2.3.1)."""
    digest = hashlib.sha256(script.encode()).digest()
    return Markup(f"'sha256-{base64.b64encode(digest).decode()}'")


@cache
def _exporter() -> HTMLExporter:
    """One for all pages, so that its templates are compiled once."""
    return HTMLExporter(template_name="page", extra_template_basedirs=[str(TEMPLATES)])


def _neighbours(name: str, names: list[str]) -> tuple[str | None, str | None]:
    """The names of the pages before and after one."""
    padded = [None, *names, None]
    number = padded.index(name)
    return padded[number - 1], padded[number + 1]


def _without_widget(output: Any) -> Any:
    """The output with a picture in place of its widget; None for a widget without a picture.

    Progress bars are such widgets.
    """
    data = output.get("data", {})
    if data.pop(WIDGET, None) is None:
        return output
    return output if "image/png" in data else None
