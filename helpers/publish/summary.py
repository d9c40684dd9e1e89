"""What is in a collection, what is wrong with it, and what does it look like, in a few lines?"""

import contextlib
from typing import NamedTuple

import pandas as pd

from helpers.errors import ClearError
from helpers.geometry.planes import PLANES
from helpers.pictures.slices import snapshot
from helpers.privacy.identifying import identifying
from helpers.quality.audit import audit
from helpers.slices.frames import frame_table
from helpers.slices.images import is_image
from helpers.slices.stacks import stack_slices, stack_table
from helpers.volume.slice import load_slice
from helpers.volume.volume import load_volume

MEGABYTE = 1e6
MAX_STACKS_TRIED = 5  # of which one shall give the pictures
MAX_RULES_NAMED = 5


class Overview(NamedTuple):
    """A collection at a glance."""

    facts: pd.Series  # text; index files, images, patients, modalities, stacks, findings, identity
    pictures: dict[str, bytes]  # plane → PNG, of the best stack; or one "image"; empty without any


def overview(headers: pd.DataFrame) -> Overview:
    """The `Overview` of a collection; nothing in it names a person.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`

    Raises
    ------
    NoImageError
        Where the collection holds no image.
    """
    frames = frame_table(headers)
    stacks = stack_table(frames)
    megabytes = headers["file_size"].sum() / MEGABYTE
    unreadable = _share(headers["error"].notna())
    series = stacks.index.unique("SeriesInstanceUID")
    facts = {
        "files": f"{len(headers)}, {megabytes:.1f} MB; {unreadable} cannot be read",
        "images": f"{is_image(frames).sum()} in {len(series)} series",
        "patients": f"{stacks['PatientID'].nunique()}",
        "modalities": _modalities(stacks),
        "stacks": _stacks(stacks),
        "findings": _findings(audit(frames)),
        "identity": _identity(identifying(headers)),
    }
    return Overview(pd.Series(facts), _best_pictures(frames, stacks))


def _best_pictures(frames: pd.DataFrame, stacks: pd.DataFrame) -> dict[str, bytes]:
    """The pictures of the first stack that can be drawn, of the best few."""
    for stack in stacks.index[:MAX_STACKS_TRIED]:
        with contextlib.suppress(ClearError):  # the pages say why
            return _pictures(stack_slices(frames, stack))
    return {}


def _pictures(slices: pd.DataFrame) -> dict[str, bytes]:
    try:
        volume = load_volume(slices, progress=False)
    except ClearError:  # no regular grid, or colour
        middle = slices.iloc[len(slices) // 2]
        return {"image": snapshot(load_slice(middle.name, frame=middle["frame"]))}
    return {plane: snapshot(volume.slice(plane)) for plane in PLANES}


def _modalities(stacks: pd.DataFrame) -> str:
    """How many images of each."""
    modality = stacks["Modality"].fillna("no modality")
    images = stacks.groupby(modality)["images"].sum().sort_values(ascending=False)
    return ", ".join(f"{modality} {count}" for modality, count in images.items())


def _stacks(stacks: pd.DataFrame) -> str:
    """How many, how many of them are volumes, and how far apart their slices are."""
    spacing = stacks["spacing_mm"].dropna()
    sizes = " to ".join(dict.fromkeys(f"{size:.3g}" for size in (spacing.min(), spacing.max())))
    return (
        f"{len(stacks)}; {_share(stacks['volume'] == 'whole')} lie on a regular grid, "
        f"{_share(stacks['problems'] != '')} have a problem; "
        f"the largest has {stacks['positions'].max()} positions"
        + (f"; slices {sizes} mm apart" if len(spacing) else "")
    )


def _share(mask: pd.Series) -> str:
    return f"{int(mask.sum())} of {len(mask)}"


def _findings(findings: pd.DataFrame) -> str:
    """Counts by severity, and the rules that found most; pixels are not looked at."""
    rules = findings["rule"].value_counts().head(MAX_RULES_NAMED)
    found = ", ".join(f"{rule} ({count})" for rule, count in rules.items())
    severities = ", ".join(
        f"{count} {severity}{'s' * (count != 1)}"
        for severity, count in findings["severity"].value_counts().items()
    )
    return f"{severities} in the headers; most of {found}" if found else "none"


def _identity(table: pd.DataFrame) -> str:
    """How many elements could identify a person, and how many files say that pixels do."""
    burned = int(table["files"].get("burned-in annotation", 0))
    elements = f"{len(table) - bool(burned)} elements with values that could identify a person"
    text = f"; {burned} files say that text is burned into their pixels" if burned else ""
    return elements + text
