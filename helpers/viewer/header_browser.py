"""What do the headers of a stack say? Searched, and stepped through from file to file."""

import html
import os
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd

from helpers.errors import ClearError
from helpers.headers.dump import diff_headers, header_of
from helpers.runtime import is_live

COLUMNS = ["tag", "VR", "VM", "keyword", "name", "value"]
MAX_ROWS = 400  # of a table that are shown
STYLE = """<style>.dh table { border-collapse: collapse }
.dh-rows { max-height: 32em; overflow: auto }
.dh td, .dh th { text-align: left; vertical-align: top; padding: 1px 8px }
.dh th { white-space: nowrap }
.dh td:first-child { min-width: 9em }
.dh td:nth-child(n+6) { overflow-wrap: anywhere; min-width: 4em }
.dh .changed td { background: #e69f0055; font-weight: 600 }</style>"""


class HeaderBrowser(widgets.VBox):
    """A search field, a slider through the files, and the elements that match.

    What the last step of the slider changed is marked. ``search`` and ``file`` are the controls
    (read and set their ``.value``), ``rows`` is the table that is shown.

    Parameters
    ----------
    files : path of a file, list of paths, or DataFrame with paths in its index
        For example the slices of a stack: ``slices.loc[stack]``.
    search : what to look for at first: part of a keyword, tag, VR, name or value
    """

    def __init__(
        self,
        files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | pd.DataFrame,
        *,
        search: str = "",
    ) -> None:
        files = _paths(files) if isinstance(files, pd.DataFrame) else files
        self.paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
        if not self.paths:
            raise ClearError("expected the path of a file, or several, got none")
        last, layout = len(self.paths) - 1, {"width": "min(40em, 95%)"}
        hint = "keyword, tag, VR, name or value"
        self.search = widgets.Text(search, description="Search", placeholder=hint)
        self.file = widgets.IntSlider(0, 0, last, description="File", layout=layout)
        self.varying = widgets.ToggleButton(False, description="What changes along all files")
        self.words, self.table = widgets.Label(), widgets.HTML()
        self.rows: pd.DataFrame | None = None
        self.table.add_class("dh")
        for control in (self.search, self.file, self.varying):
            control.observe(self._show, "value")
        controls = widgets.HBox([self.search, self.varying])
        super().__init__([controls, self.file, self.words, self.table])
        self._show()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, or where no kernel will be there its table."""
        if is_live():
            return super()._repr_mimebundle_(**kwargs)
        shown = f"<p>{html.escape(self.words.value)}</p>{self.table.value}"
        return {"text/html": f'<div class="dh">{shown}</div>', "text/plain": self.words.value}

    def _show(self, change: Any = None) -> None:
        stepped = change is not None and change.owner is self.file
        try:
            if self.varying.value:
                self._show_varying()
            else:
                self._show_file(stepped_from=change.old if stepped else None)
        except ClearError as error:
            self.rows, self.table.value, self.words.value = None, "", str(error)

    def _show_file(self, stepped_from: int | None) -> None:
        path = self.paths[self.file.value]
        self.rows = header_of(path, search=self.search.value or None)
        count, changed = len(self.rows), [False] * len(self.rows)
        words = f"{os.path.basename(path)}: {count} element{'s' * (count != 1)}"
        if stepped_from is not None:
            before = header_of(self.paths[stepped_from], search=self.search.value or None)
            changed = _changed(self.rows, before)
            words += f", {sum(changed)} changed since the file before"
        self.words.value, self.table.value = words, _table(self.rows, changed)

    def _show_varying(self) -> None:
        rows = diff_headers(self.paths) if len(self.paths) > 1 else pd.DataFrame(columns=COLUMNS)
        texts = [" ".join(map(str, row)).casefold() for row in rows.itertuples(index=False)]
        self.rows = rows.loc[[self.search.value.casefold() in text for text in texts]]
        self.words.value = f"{len(self.rows)} elements change along {len(self.paths)} files"
        self.table.value = _table(self.rows, [False] * len(self.rows))


def _paths(table: pd.DataFrame) -> list[str]:
    """The files of a table in the order of its rows, each once."""
    level = "path" if "path" in table.index.names else 0
    return list(dict.fromkeys(table.index.get_level_values(level)))


def _changed(rows: pd.DataFrame, before: pd.DataFrame) -> list[bool]:
    """Of each row whether its element has another value, or none, in the file before."""
    known = dict(zip(zip(before["tag"], before["keyword"]), before["value"]))
    return [
        known.get((tag, keyword)) != value
        for tag, keyword, value in zip(rows["tag"], rows["keyword"], rows["value"])
    ]


def _table(rows: pd.DataFrame, changed: list[bool]) -> str:
    """The rows as HTML, in which every value is text."""
    head = "".join(f"<th scope='col'>{html.escape(str(name))}</th>" for name in rows.columns)
    lines = [
        f"<tr{' class=changed' * marked}>{''.join(map(_cell, row))}</tr>"
        for row, marked in zip(rows.head(MAX_ROWS).itertuples(index=False), changed)
    ]
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    more = len(rows) - MAX_ROWS
    rest = f"<p>and {more} more: search for what you want</p>" if more > 0 else ""
    return f'{STYLE}<div class="dh-rows" tabindex="0">{table}{rest}</div>'


def _cell(value: object) -> str:
    return f"<td>{'—' if value is None else html.escape(str(value))}</td>"
