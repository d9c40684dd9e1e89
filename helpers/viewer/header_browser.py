"""The headers of a stack, browsed: searched, and stepped through from slice to slice."""

import html
import os

import ipywidgets as widgets
import pandas as pd

from helpers.errors import ClearError
from helpers.headers.dump import diff_headers, header_of
from helpers.runtime import is_live

COLUMNS = ["tag", "VR", "VM", "keyword", "name", "value"]
WIDE = widgets.Layout(width="min(40em, 95%)")
MANY = 400  # rows of a table that are shown
STYLE = """<style>.dh table { border-collapse: collapse } .dh td, .dh th { text-align: left; vertical-align: top;
padding: 1px 8px; overflow-wrap: anywhere } .dh .changed td { background: #e69f0055; font-weight: 600 }</style>"""


class HeaderBrowser(widgets.VBox):
    """A search field, a slider through the files, and the elements that match; what the last step changed is marked.

    ``search`` and ``file`` are the controls (read and set their ``.value``), ``rows`` is the table that is shown.

    Parameters
    ----------
    files : path of a file, list of paths, or DataFrame with paths as its index, such as that of
        `helpers.stack_slices`
    search : what to look for at first: part of a keyword, tag, VR, name or value
    """

    def __init__(self, files, *, search=""):
        files = files.index if isinstance(files, pd.DataFrame) else files
        self.paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
        if not self.paths:
            raise ClearError("expected the path of a file, or several, got none")
        self.search = widgets.Text(
            search, description="Search", placeholder="keyword, tag, VR, name or value"
        )
        self.file = widgets.IntSlider(0, 0, len(self.paths) - 1, description="File", layout=WIDE)
        self.varying = widgets.ToggleButton(False, description="What changes along all files")
        self.words, self.table, self.rows = widgets.Label(), widgets.HTML(), None
        self.table.add_class("dh")
        for control in (self.search, self.file, self.varying):
            control.observe(self._show, "value")
        super().__init__(
            [widgets.HBox([self.search, self.varying]), self.file, self.words, self.table]
        )
        self._show()

    def _repr_mimebundle_(self, **kwargs):
        """The widget, or where no kernel will be there its table."""
        if is_live():
            return super()._repr_mimebundle_(**kwargs)
        shown = f"<p>{html.escape(self.words.value)}</p>{self.table.value}"
        return {"text/html": f'<div class="dh">{shown}</div>', "text/plain": self.words.value}

    def _show(self, change=None):
        try:
            if self.varying.value:
                self._show_varying()
            else:
                self._show_file(
                    stepped_from=change.old
                    if change is not None and change.owner is self.file
                    else None
                )
        except ClearError as error:
            self.rows, self.table.value, self.words.value = None, "", str(error)

    def _show_file(self, stepped_from):
        path = self.paths[self.file.value]
        self.rows = header_of(path, search=self.search.value or None)
        changed = (
            _changed(self.rows, self.paths[stepped_from], self.search.value)
            if stepped_from is not None
            else set()
        )
        known = f"{os.path.basename(path)}: {len(self.rows)} elements"
        self.words.value = known + (
            f", {len(changed)} changed since the file before" if stepped_from is not None else ""
        )
        self.table.value = _table(self.rows, changed)

    def _show_varying(self):
        rows = diff_headers(self.paths) if len(self.paths) > 1 else pd.DataFrame(columns=COLUMNS)
        wanted = self.search.value.casefold()
        kept = [
            wanted in " ".join(map(str, row)).casefold() for row in rows.itertuples(index=False)
        ]
        self.rows = rows[kept]
        self.words.value = f"{len(self.rows)} elements change along {len(self.paths)} files"
        self.table.value = _table(self.rows, set())


def _changed(rows, path, search):
    """Places of the rows whose element has another value, or none, in another file."""
    before = {
        (row.tag, row.keyword): row.value
        for row in header_of(path, search=search or None).itertuples()
    }
    return {
        place
        for place, row in enumerate(rows.itertuples())
        if before.get((row.tag, row.keyword)) != row.value
    }


def _table(rows, changed):
    """The rows as HTML, in which every value is text."""
    head = "".join(f"<th scope='col'>{html.escape(str(name))}</th>" for name in rows.columns)
    body = []
    for place, row in enumerate(rows.head(MANY).itertuples(index=False)):
        cells = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row)
        body.append(f"<tr{' class=changed' if place in changed else ''}>{cells}</tr>")
    more = (
        f"<p>and {len(rows) - MANY} more: search for what you want</p>" if len(rows) > MANY else ""
    )
    return (
        f"{STYLE}<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{more}"
    )
