"""What is shown of a stack that is no volume? One of its images, and a line that says so."""

import html
from base64 import b64encode
from pathlib import Path

import pandas as pd

from helpers.errors import ClearError
from helpers.pictures.slices import snapshot
from helpers.slices.arrays import frames_of, name_of, paths_of
from helpers.slices.words import why_no_volume
from helpers.viewer.standalone_html import PICTURE, check_is_new
from helpers.volume.slice import load_slice

NO_IMAGE = "No stack of images here."
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>DICOM image</title>
<style>:root {{ color-scheme: light dark }} img {{ max-width: 100% }}</style>
</head><body>{shown}</body></html>
"""


class StaticPicture:
    """One image as it is drawn, and a line that says what it is.

    Attributes
    ----------
    words : the line
    png : the drawing, as bytes; None where there is nothing that can be drawn
    """

    def __init__(self, words: str, png: bytes | None = None) -> None:
        self.words, self.png = words, png

    def __repr__(self) -> str:
        return self.words

    def save_html(self, path: str | Path) -> str:
        """Writes the picture and its line as a page; returns what was left out: nothing.

        `path` is the name of a file that is not there yet.
        """
        check_is_new(path)
        Path(path).write_text(PAGE.format(shown=self._html()), encoding="utf-8")
        return ""

    def _html(self) -> str:
        picture = PICTURE.format(b64encode(self.png).decode()) if self.png else ""
        return f"<p>{html.escape(self.words)}</p>{picture}"

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        bundle = {"text/html": self._html(), "text/plain": self.words}
        return bundle | ({"image/png": b64encode(self.png).decode()} if self.png else {})


def picture_of(
    slices: pd.DataFrame, *, reason: str | None = None, badge: str = ""
) -> StaticPicture:
    """The image in the middle of a stack, with what the stack is instead of a volume.

    Parameters
    ----------
    slices : the rows of one stack, ``slices.loc[stack]``
    reason : what keeps it from being a volume; None for what its headers say
    badge : a word of warning, such as `helpers.badge` gives
    """
    words, middle = reason or why_no_volume(slices) or "", len(slices) // 2
    if len(slices) > 1:
        words += f"; image {middle + 1} of {len(slices)}: {name_of(slices, middle)}"
    try:
        image = load_slice(paths_of(slices)[middle], frame=frames_of(slices)[middle])
        return StaticPicture(words, snapshot(image, badge=badge))
    except ClearError as error:
        return StaticPicture(words if str(error) in words else f"{words}; {error}")
