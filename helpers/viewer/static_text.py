"""What stands where nothing can be shown? One line."""

import html
from pathlib import Path

from helpers.viewer.standalone_page import check_is_new

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>DICOM images</title>
<style>:root {{ color-scheme: light dark }}</style>
</head><body><p>{words}</p></body></html>
"""


class StaticText:
    """A line in place of a viewer, ``words``: what is there instead of images."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words

    def save_html(self, path: str | Path) -> str:
        """Writes the line as a page; returns what was left out: nothing.

        `path` is the name of a file that is not there yet.
        """
        check_is_new(path)
        Path(path).write_text(PAGE.format(words=html.escape(self.words)), encoding="utf-8")
        return ""

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/html": f"<p>{html.escape(self.words)}</p>", "text/plain": self.words}
