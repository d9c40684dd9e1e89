"""How does a report show its collection: as it is, or so that it does not say whose it is?"""

import os
import secrets
from pathlib import Path, PurePath
from typing import NamedTuple

import pandas as pd

from helpers.collection import is_phantom
from helpers.privacy.pseudonyms import VARIABLE
from helpers.report.cleaned import Clean
from helpers.report.deidentified import DeidentifiedCollection

IDENTITY_SYNTHETIC = "they are shown, for the patients of the phantom are synthetic"
IDENTITY_SHOWN = (
    "they are in this report; make one to hand on by make run DEIDENTIFY=1, or "
    "python -m helpers.site --deidentify"
)
IDENTITY_LEFT_OUT = (
    "they are left out, and hidden-…, UIDs beginning with 2.25. and numbered file names stand for "
    "them; pixels are as they were taken"
)


class View(NamedTuple):
    """How a report shows its collection."""

    name: str  # of the collection; empty where that could identify a person
    identity: str  # what becomes of elements that could
    environment: dict[str, str]  # in which the pages explore it
    clean: Clean | None  # what their outputs pass through


def view_of(
    root: Path | str, headers: pd.DataFrame, site: Path, folder: str, deidentify: bool
) -> View:
    """The view of a collection; of a de-identified one, `folder` has links to its files."""
    if is_phantom(root):
        return View("the phantom", IDENTITY_SYNTHETIC, {}, None)
    if not deidentify:
        return View(PurePath(root).name, IDENTITY_SHOWN, {}, None)
    secret = os.environ.get(VARIABLE) or secrets.token_hex(16)
    links = DeidentifiedCollection(root, headers, folder, secret)
    links.names.to_csv(names_file(site), index=False, errors="surrogateescape")
    return View("", IDENTITY_LEFT_OUT, links.environment, links.clean)


def names_file(site: Path) -> Path:
    """Which file is which, beside the site and not in it."""
    return site.with_name(f"{site.name}-names.csv")
