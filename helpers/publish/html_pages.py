"""How do executed pages become one site that can be sent to somebody?"""

import base64
import html
import re

import nbformat
from nbconvert import HTMLExporter

WIDGET = "application/vnd.jupyter.widget-view+json"
LINK = re.compile(r'href="(\d\d_\w+)\.ipynb(#[^"]*)?"')
FROM_AFAR = re.compile(
    r'<script[^>]*\bsrc="https://[^>]*>\s*</script>'
)  # formulas and old widgets, which no page has
NAVIGATION = """<style>.jp-OutputArea-output {{ overflow-x: auto }}</style>
<nav aria-label="Pages" style="display: flex; gap: 1.5em; padding: .6em 1em; font: 15px sans-serif">
{links}
</nav>"""
INDEX = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>DICOM collection</title>
<style>
body {{ font: 16px/1.6 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222 }}
th {{ text-align: left; vertical-align: top; padding: .15em 1.5em .15em 0; font-weight: 600 }}
img {{ height: 19em; max-width: 19em; object-fit: contain; margin-right: .4em }}
</style>
<h1>DICOM collection{collection}</h1>
{pictures}
<table>
{facts}
</table>
<h2>Pages</h2>
<ol>
{pages}
</ol>
<p>{made}</p>
</html>
"""


def page_html(notebook, name, names, cleaned=None):
    """An executed notebook as an HTML page that needs neither kernel nor network.

    Parameters
    ----------
    notebook : nbformat's notebook with outputs
    name, names : str and list of str, of this page and of all in their order
    cleaned : function of a text, and whether it is HTML, to a text, that outputs pass through; None for as they are
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [still for output in cell.outputs if (still := _without_widget(output))]
    if cleaned:
        _clean(notebook, cleaned)
    notebook.metadata.pop("widgets", None)
    page = HTMLExporter(template_name="lab").from_notebook_node(
        notebook, {"metadata": {"name": name}}
    )[0]
    page = LINK.sub(r'href="\1.html\2"', FROM_AFAR.sub("", page))
    bar = _navigation(name, names)
    start, end = re.search(r"<body[^>]*>", page).end(), page.rindex("</body>")
    return page[:start] + bar + page[start:end] + bar + page[end:]


def failed_page(notebook, reason):
    """A page in place of one that failed: its title and the reason."""
    cell = nbformat.v4.new_markdown_cell(f"# {title_of(notebook)}")
    said = nbformat.v4.new_output("stream", name="stderr", text=reason)
    return nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell("", outputs=[said])])


def index_html(collection, facts, pictures, titles, made):
    """The first page of the site.

    Parameters
    ----------
    collection : str, what the collection is called; empty where that could identify a person
    facts : mapping of name to text
    pictures : mapping of name to PNG bytes
    titles : mapping of the name of a page to its title
    made : str, how and when the site was made
    """
    rows = [
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
        for name, text in facts.items()
    ]
    shown = [
        f'<img alt="{html.escape(name)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
        for name, data in pictures.items()
    ]
    pages = [
        f'<li><a href="{name}.html">{html.escape(title)}</a></li>' for name, title in titles.items()
    ]
    name = f" <code>{html.escape(collection)}</code>" if collection else ""
    texts = {"collection": name, "made": html.escape(made)}
    return INDEX.format(
        **texts, facts="\n".join(rows), pictures="\n".join(shown), pages="\n".join(pages)
    )


def title_of(notebook):
    """The first heading of a page."""
    return notebook.cells[0].source.splitlines()[0].lstrip("# ")


def _navigation(name, names):
    """Links to the index and to the pages before and behind one."""
    place = names.index(name)
    links = ['<a href="index.html">The collection</a>']
    links += (
        [f'<a rel="prev" href="{names[place - 1]}.html">← {names[place - 1]}</a>'] if place else []
    )
    links += (
        [f'<a rel="next" href="{names[place + 1]}.html">{names[place + 1]} →</a>']
        if place + 1 < len(names)
        else []
    )
    return NAVIGATION.format(links="\n".join(links))


def _without_widget(output):
    """The output with a picture in place of its widget; None for a widget without one, such as a progress bar."""
    data = output.get("data", {})
    if WIDGET not in data:
        return output
    del data[WIDGET]
    return output if "image/png" in data else None


def _clean(notebook, cleaned):
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if "text" in output:
            output["text"] = cleaned(output["text"])
        data = output.get("data", {})
        data.update(
            {
                kind: cleaned(text, kind == "text/html")
                for kind, text in data.items()
                if kind.startswith("text/")
            }
        )
