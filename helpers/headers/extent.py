"""How much is in a collection, in numbers that parts of it can add up?"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from helpers.privacy.identifying import BURNED_IN, identifying_names


class Extent(NamedTuple):
    """How much there is, of JSON's own types but for patients, who may have several IDs."""

    files: int
    bytes: int
    unreadable: int  # files
    patients: list[Any]  # that readable files name, each once
    modalities: dict[str, int]  # readable files of each
    identifying: list[str]  # elements with values that could identify a person
    burned_in: int  # files that say that their pixels show text


def extent_of(headers: pd.DataFrame) -> Extent:
    """The `Extent` of the files of a header table."""
    readable = headers[headers["error"].isna()].reindex(columns=["PatientID", "Modality"])
    modalities = readable["Modality"].astype(object).fillna("no modality").value_counts()
    burned = headers["BurnedInAnnotation"] if "BurnedInAnnotation" in headers else pd.Series()
    return Extent(
        files=len(headers),
        bytes=int(headers["file_size"].sum()),
        unreadable=len(headers) - len(readable),
        patients=readable["PatientID"].dropna().unique().tolist(),
        modalities=dict(zip(map(str, modalities.index), modalities.tolist())),
        identifying=[name for name in identifying_names(headers) if name != BURNED_IN],
        burned_in=int((burned == "YES").sum()),
    )


def added_up(parts: Iterable[Extent]) -> Extent:
    """The extent of all parts together."""
    parts = list(parts)
    patients = dict.fromkeys(one for part in parts for one in part.patients)
    modalities = sum((Counter(part.modalities) for part in parts), Counter[str]())
    identifying = dict.fromkeys(name for part in parts for name in part.identifying)
    return Extent(
        files=sum(part.files for part in parts),
        bytes=sum(part.bytes for part in parts),
        unreadable=sum(part.unreadable for part in parts),
        patients=list(patients),
        modalities=dict(modalities),
        identifying=list(identifying),
        burned_in=sum(part.burned_in for part in parts),
    )
