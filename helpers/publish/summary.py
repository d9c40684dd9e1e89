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
TRIED = 5  # stacks of which one shall give the pictures


class Overview(NamedTuple):
    """A collection at a glance."""

    facts: pd.Series  # text; index files, images, patients, modalities, stacks, findings, identity
    pictures: dict  # what it is → PNG bytes: the middle slices of the best stack, or else one image; empty without any


def overview(headers):
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
    megabytes, series = (
        headers["file_size"].sum() / MEGABYTE,
        stacks.index.unique("SeriesInstanceUID"),
    )
    facts = {
        "files": f"{len(headers)}, {megabytes:.1f} MB; {_share(headers['error'].notna())} cannot be read",
        "images": f"{is_image(frames).sum()} in {len(series)} series",
        "patients": f"{stacks['PatientID'].nunique()}",
        "modalities": _modalities(stacks),
        "stacks": _stacks(stacks),
        "findings": _findings(audit(frames)),
        "identity": _identity(identifying(headers)),
    }
    return Overview(pd.Series(facts), _best_pictures(frames, stacks))


def _best_pictures(frames, stacks):
    """The pictures of the first stack that can be drawn, of the best few."""
    for stack in stacks.index[:TRIED]:
        with contextlib.suppress(ClearError):
            return _pictures(stack_slices(frames, stack))
    return {}


def _pictures(slices):
    try:
        volume = load_volume(slices, progress=False)
    except ClearError:  # no regular grid, or colour
        middle = slices.iloc[len(slices) // 2]
        return {"image": snapshot(load_slice(middle.name, frame=middle["frame"]), None)}
    return {plane: snapshot(volume.slice(plane), None) for plane in PLANES}


def _modalities(stacks):
    """How many images of each."""
    modality = stacks["Modality"].fillna("none said")
    images = stacks.groupby(modality)["images"].sum().sort_values(ascending=False)
    return ", ".join(f"{modality} {count}" for modality, count in images.items())


def _stacks(stacks):
    """How many, how many of them are volumes, and how far apart their slices are."""
    spacing = stacks["spacing_mm"].dropna()
    sizes = " to ".join(dict.fromkeys(f"{size:.3g}" for size in (spacing.min(), spacing.max())))
    apart = f"; slices {sizes} mm apart" if len(spacing) else ""
    volumes, odd = _share(stacks["volume"] == "whole"), _share(stacks["problems"] != "")
    largest = stacks["positions"].max()
    return f"{len(stacks)}; {volumes} lie on a regular grid, {odd} have a problem; the largest has {largest} positions{apart}"


def _share(mask):
    return f"{int(mask.sum())} of {len(mask)}"


def _findings(findings):
    """Counts by severity, and the rules that found most; pixels are not looked at."""
    counts = findings["severity"].value_counts()
    rules = findings["rule"].value_counts().head(TRIED)
    severities = ", ".join(
        f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts.items()
    )
    found = ", ".join(f"{rule} ({count})" for rule, count in rules.items())
    return f"{severities} in the headers; most of {found}" if found else "none"


def _identity(table):
    """How many elements could identify a person, and whether pixels say that they do."""
    burned = int(table["files"].get("burned-in annotation", 0))
    elements = f"{len(table) - bool(burned)} elements with values that could identify a person"
    return (
        f"{elements}; text is burned into the pixels of {burned} files, they say"
        if burned
        else elements
    )
