"""What is in a collection, what is wrong with it, and what does it look like, in a few lines?"""

import contextlib
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.collection import Part
from helpers.errors import ClearError
from helpers.geometry.planes import PLANES
from helpers.headers.extent import Extent, extent_of
from helpers.pictures.slices import snapshot
from helpers.report.tables import Tables, tables_of
from helpers.scale.found import Survey
from helpers.slices.arrays import frames_of, paths_of
from helpers.volume.slice import load_slice
from helpers.volume.volume import load_volume

MEGABYTE = 1e6
MAX_STACKS_TRIED = 5  # of which one shall give the pictures
MAX_RULES_NAMED = 5
VOLUME = "volume"  # the kind of stacks of slices


class Overview(NamedTuple):
    """A collection at a glance."""

    facts: pd.Series  # text; index files, images, patients, modalities, stacks, findings, identity
    pictures: dict[str, bytes]  # plane → PNG, of the best stack; or one "image"; empty without any


def overview(headers: pd.DataFrame, tables: Tables | None = None) -> Overview:
    """The `Overview` of a collection; nothing in it names a person.

    Without any image, it says what the files are instead.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    tables : of these headers; None makes them

    Raises
    ------
    NoImageError
        Where no file is DICOM.
    """
    tables = tables_of(headers) if tables is None else tables
    facts = facts_of(extent_of(headers), tables.stacks, tables.findings)
    return Overview(facts, _best_pictures(tables.slices, tables.stacks))


def facts_of(extent: Extent, stacks: pd.DataFrame, findings: pd.DataFrame) -> pd.Series:
    """The facts of a collection.

    Parameters
    ----------
    stacks : DataFrame of `helpers.stack_table`
    findings : DataFrame of `helpers.audit`
    """
    facts = {
        "files": _files(extent),
        **(_of_images(extent, stacks) if len(stacks) else _without_images(extent)),
        "findings": _findings(findings),
        "identity": _identity(extent),
    }
    return pd.Series(facts)


def facts_of_survey(folder: Path, part: Part) -> pd.Series:
    """The facts of a whole collection that was surveyed, and what part of it the report shows."""
    found = Survey(folder)
    facts = facts_of(found.extent, found.stacks, found.findings)
    if part.files < part.of_files:
        facts["shown"] = f"{part.said}; all that is said above is of the whole collection"
    return facts


def _files(extent: Extent) -> str:
    unreadable = f"{extent.unreadable} of {extent.files}"
    return f"{extent.files}, {extent.bytes / MEGABYTE:.1f} MB; {unreadable} cannot be read"


def _of_images(extent: Extent, stacks: pd.DataFrame) -> dict[str, str]:
    """What the images are, and whose; of others there are documents or plans alone."""
    series, everybody = stacks.index.unique("SeriesInstanceUID"), len(extent.patients)
    imaged = stacks["PatientID"].nunique()
    of_all = f" with images, of {everybody}" if everybody > imaged else ""
    return {
        "images": f"{stacks['images'].sum()} in {len(series)} series",
        "patients": f"{imaged}{of_all}",
        "modalities": _modalities(stacks["Modality"], stacks["images"]),
        "stacks": _stacks(stacks),
    }


def _without_images(extent: Extent) -> dict[str, str]:
    """What the files are where none holds an image, and whose."""
    modality = pd.Series([*extent.modalities], dtype=object)
    files = _modalities(modality, pd.Series([*extent.modalities.values()], dtype=int))
    return {
        "images": "none: no file holds pixels that can be read",
        "patients": f"{len(extent.patients)}",
        "modalities": f"{files} (files)",
        "stacks": "none",
    }


def _best_pictures(slices: pd.DataFrame, stacks: pd.DataFrame) -> dict[str, bytes]:
    """The pictures of the first stack that can be drawn, of the best few; volumes before others."""
    volumes_first = (stacks["volume"] == "no").to_numpy().argsort(kind="stable")
    for stack in stacks.index[volumes_first[:MAX_STACKS_TRIED]]:
        with contextlib.suppress(ClearError):  # the pages say why
            return _pictures(slices.loc[stack])
    return {}


def _pictures(slices: pd.DataFrame) -> dict[str, bytes]:
    try:
        volume = load_volume(slices, progress=False)
    except ClearError:  # no regular grid, or no volume at all
        middle = len(slices) // 2
        one = load_slice(paths_of(slices)[middle], frame=frames_of(slices)[middle])
        return {"image": snapshot(one)}
    return {plane: snapshot(volume.slice(plane)) for plane in PLANES}


def _modalities(modality: pd.Series, count: pd.Series) -> str:
    """How many of each."""
    names = modality.astype(object).fillna("no modality")
    totals = count.groupby(names).sum().sort_values(ascending=False)
    return ", ".join(f"{name} {total}" for name, total in totals.items())


def _stacks(stacks: pd.DataFrame) -> str:
    """How many, of which kinds; how many are regular, and how far apart their slices are."""
    count, kinds = f"{len(stacks)}", stacks["kind"].value_counts()
    if [*kinds.index] != [VOLUME]:
        count += f" ({', '.join(f'{name} {number}' for name, number in kinds.items())})"
    parts = [count, f"{_share(stacks['problems'] != '')} have a problem"]
    volumes = stacks[stacks["kind"] == VOLUME]
    if len(volumes):
        parts[1] = f"{_share(volumes['volume'] == 'whole')} lie on a regular grid, {parts[1]}"
        parts.append(f"the largest has {volumes['positions'].max()} positions")
    spacing = volumes["spacing_mm"].dropna()
    if len(spacing):
        ends = dict.fromkeys(f"{size:.3g}" for size in (spacing.min(), spacing.max()))
        parts.append(f"slices {' to '.join(ends)} mm apart")
    return "; ".join(parts)


def _share(mask: pd.Series) -> str:
    return f"{int(mask.sum())} of {len(mask)}"


def _findings(findings: pd.DataFrame) -> str:
    """Counts by severity, and the rules that found most; pixels are not looked at."""
    rules = findings["rule"].value_counts().head(MAX_RULES_NAMED)
    found = ", ".join(f"{rule} ({count})" for rule, count in rules.items())
    severities = ", ".join(
        f"{count} {severity}{'s' * (count != 1)}"
        for severity, count in findings["severity"].value_counts(sort=False).items()
    )
    return f"{severities} in the headers; most of {found}" if found else "none"


def _identity(extent: Extent) -> str:
    """How many elements could identify a person, and how many files say that pixels do."""
    count, burned = len(extent.identifying), extent.burned_in
    elements = f"{count} elements with values that could identify a person"
    if not burned:
        return elements
    told = "1 file says that it has" if burned == 1 else f"{burned} files say that they have"
    return f"{elements}; {told} text burned in"
