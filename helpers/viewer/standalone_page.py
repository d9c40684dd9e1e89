"""What is a page made of that needs neither a kernel nor a network? Viewers, and their script."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from helpers.errors import ClearError
from helpers.viewer.script import SCRIPT

MAX_HTML_MB = 3.0
EXPORT = re.compile(r"^export (default)?", re.MULTILINE)
SPARE_BYTES = 50_000  # of a page, for padding and the HTML itself
DOCUMENT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>DICOM viewer</title>
<style>
:root {{ color-scheme: light dark }} body {{ margin: 8px; font: 13px system-ui, sans-serif }}
img {{ max-width: 100% }}
</style>
</head><body>{viewers}
<script type="module">{script}
standalone(document.querySelectorAll("section"));
</script></body></html>
"""
VIEWER = """<section><div></div><noscript>{picture}</noscript>
<script type="application/json">{data}</script></section>
"""
PICTURE = '<img alt="one slice" src="data:image/png;base64,{}">'
FRAME = """<div style="container-type: inline-size">
<div style="position: relative; min-height: {height}px; min-height: {fitted}">
<div style="position: absolute; max-width: 100%">{pictures}</div>
<iframe title="DICOM viewer" srcdoc="{document}" loading="lazy"
 sandbox="allow-scripts allow-downloads" style="position: absolute; width: 100%;
 height: {height}px; height: {fitted}; border: 0; background: Canvas">
</iframe></div></div>
"""
# {more} pixels more where a frame is narrower than {below}; less of them on a telephone, where
# pictures shrink. No script says how high a frame must be: a notebook may show it without one.
FITTED = "calc({height}px + clamp(0px, ({below}px - 100cqw) * 999, {phone}))"
PHONE = "min({more}px, (100cqw - 320px) * {more} / 160)"


PAGE_SCRIPT = (  # of pages that have it beside them: a browser loads no module from a disk
    '"use strict";\n(() => {\n'
    + EXPORT.sub(lambda found: "const widget =" if found[1] else "", SCRIPT)
    + '\nstandalone(document.querySelectorAll("section"));\n})();\n'
)


class HtmlError(ClearError, ValueError):
    """A page that cannot be written as it is asked for."""


class StandalonePage(NamedTuple):
    """A page that needs neither a kernel nor a network."""

    document: str
    note: str  # what was reduced to fit, a line for each volume
    snapshots: Sequence[bytes]  # PNG, for where scripts are off

    def framed(self, height: int, *, more: int = 0, below: int = 0) -> str:
        """The page in a frame, for a notebook's output.

        Where scripts or frames are off, the snapshots show.

        Parameters
        ----------
        height : of the frame, in CSS pixels
        more : by how many it is higher where it is narrower than `below`
        """
        fitted = FITTED.format(height=height, below=below, phone=PHONE.format(more=more))
        pictures, document = (
            "\n".join(map(picture_html, self.snapshots)),
            html.escape(self.document),
        )
        return FRAME.format(height=height, fitted=fitted, pictures=pictures, document=document)


class StoredViewer(NamedTuple):
    """One viewer as a page without a kernel holds it."""

    data: dict[str, Any]  # of JSON's own types
    note: str  # what was reduced to fit, in words
    snapshot: bytes  # PNG, for where scripts are off; empty where there is none
    rows: Sequence[int] = ()  # numbers of the images that are there; none for a volume

    @property
    def html(self) -> str:
        """The viewer as HTML."""
        return viewer_html(self.data, picture_html(self.snapshot) if self.snapshot else "")


def max_bytes_of_viewers(max_mb: float) -> float:
    """How many bytes of a page are left for its viewers, beside its script.

    Raises
    ------
    HtmlError
    """
    if not max_mb > 0:
        raise HtmlError(f"expected a size in MB above 0, got {max_mb!r}")
    return 1e6 * max_mb - len(SCRIPT) - SPARE_BYTES


def viewer_html(data: dict[str, Any], picture: str) -> str:
    """One viewer as HTML: what it shows, of JSON's own types, and a picture for it without scripts.

    No text of a header can end the script that it stands in.
    """
    return VIEWER.format(picture=picture, data=json.dumps(data).replace("<", "\\u003c"))


def page_html(*viewers: str) -> str:
    """The HTML of a page of viewers, one below the other."""
    return DOCUMENT.format(viewers="".join(viewers), script=SCRIPT)


def picture_html(png: bytes) -> str:
    """A PNG as HTML."""
    return PICTURE.format(b64encode(png).decode())


def check_is_new(path: str | Path) -> None:
    """Refuses the name of a file that is there.

    Raises
    ------
    HtmlError
    """
    if Path(path).exists():
        raise HtmlError(
            f"expected the name of a new file, got {path}, which is there already: "
            "nothing is overwritten"
        )
