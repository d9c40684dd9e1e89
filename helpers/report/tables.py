"""What does a report know of its collection? Its tables, each made once."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.errors import ClearError
from helpers.headers.table import header_table
from helpers.labels.sources import labels_of
from helpers.privacy.pseudonyms import deidentify
from helpers.quality.audit import audit
from helpers.slices.contents import images
from helpers.slices.stacks import stack_table
from helpers.slices.table import slice_table


class Tables(NamedTuple):
    """The tables of a collection, as `helpers` has them."""

    headers: pd.DataFrame
    slices: pd.DataFrame
    stacks: pd.DataFrame
    findings: pd.DataFrame
    labels: pd.DataFrame | None  # of `helpers.labels_of`; None where these cannot be told


def tables_of(headers: pd.DataFrame) -> Tables:
    """The tables of a collection, from its headers.

    Raises
    ------
    NoImageError
        Where no file is DICOM.
    """
    if headers["error"].notna().all():
        images(headers)  # an error that says what is there instead
    slices = slice_table(headers)
    return Tables(
        headers, slices, stack_table(slices), audit(headers, slices), _labels(headers, slices)
    )


def tables_of_folder(root: Path) -> Tables:
    """The tables of a folder, as de-identified pages see it."""
    return tables_of(deidentify(header_table(root, cache=False, progress=False)))


def _labels(headers: pd.DataFrame, slices: pd.DataFrame) -> pd.DataFrame | None:
    try:
        return labels_of(headers, slices)
    except ClearError:  # which the audit and the pages say
        return None
