"""Which files stand for all, where a collection is too large to look at? Whole patients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from helpers.collection import MANIFEST, PART, SAMPLE, Part
from helpers.headers.parquet import copy_headers, read_headers
from helpers.scale.frames import joined
from helpers.scale.partition import counted_as
from helpers.scale.store import Store, being_written

MOST_FILES = 20_000


def write_sample(
    store: Store, parts: list[dict[str, Any]], counts: pd.DataFrame, owner_of: Callable[[Any], Any]
) -> None:
    """Writes the header table of some patients, with what part of the collection they are.

    Parameters
    ----------
    parts : what the partitions give
    counts : of the whole collection, a row for each patient
    owner_of : the patient in `counts` of one that the numbers of a partition name
    """
    chosen = evenly_chosen(counts["files"].to_numpy(int), MOST_FILES)
    patients = set(counts["PatientID"].iloc[chosen])
    rows = {}
    for number, part in enumerate(parts):
        here = joined([part["counts"]])["PatientID"]
        if own := {one for one in here if owner_of(one) in patients}:
            file = store.headers(number)
            named = counted_as(read_headers(file, ["PatientID"]))
            rows[file] = np.array([one in own for one in named])
    with being_written(store.path(SAMPLE)) as path:
        files = copy_headers(rows, MOST_FILES, path)
    total, root = int(counts["files"].sum()), store.read_json(MANIFEST)["root"]
    store.write_json(Part(files, total, len(patients), len(counts), root), PART)


def evenly_chosen(files: np.ndarray, most: int) -> np.ndarray:
    """The numbers of patients at even steps, as many as have at most so many files; one at least.

    Parameters
    ----------
    files : (n,) of each patient
    """
    count = len(files) if files.sum() <= most else max(1, int(most / files.mean()))
    while True:
        chosen = np.linspace(0, len(files) - 1, count).round().astype(int)
        if count == 1 or files[chosen].sum() <= most:
            return chosen
        count -= 1
