"""How are rules asked that compare files of the whole collection? With few rows, and no other.

Each of these rules looks at some elements alone. Of files or images that say the same of them one
is kept in each partition, with their number; or only those that can matter at all. The rule itself
then sees what it would see among all files.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from helpers.headers.parquet import FILE_NUMBER
from helpers.quality.audit import RULES, once_per_file
from helpers.quality.findings import COLLECTION, Finding
from helpers.quality.rules import Collection
from helpers.scale.frames import as_json, joined
from helpers.scale.plan import Plan
from helpers.scale.reading import hashes
from helpers.slices.persons import PERSONAL
from helpers.slices.table import LEVELS, NO_UID

PERSONS, FOLDERS, TWICE = "several-persons", "other-patient", "same-instance-twice"
GREYS, SINGLES, SHARED = "mixed-monochrome", "grid-of-single-slices", "shared-series-uid"
SINGLE_SLICES = [
    *("PatientID", "Modality", "Rows", "Columns", "StudyInstanceUID", "SOPClassUID"),
    *("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "NumberOfFrames"),
    *("position_mm", "repeated", "order_grade", "kind", "group", "error"),
]
IDENTIFIERS = ["PatientID", "StudyInstanceUID", "SeriesNumber"]
COUNT = "count"
NOTHING_SAID = dict.fromkeys(["error", "TransferSyntaxUID", "pixel_offset"])


def rows_for_rules(
    collection: Collection, numbers: np.ndarray, plan: Plan
) -> dict[str, dict[str, Any]]:
    """The rows of a partition that the rules of the whole collection need, by rule.

    Parameters
    ----------
    numbers : (n,) of the files in the collection
    """
    files = _flat(collection.headers.assign(**{FILE_NUMBER: numbers}).rename_axis("path"))
    images = _flat(collection.slices)
    return {
        PERSONS: as_json(_distinct(files, ["PatientID", *PERSONAL])),
        FOLDERS: as_json(_folders(files)),
        TWICE: as_json(_twice(files, plan)),
        GREYS: as_json(_greys(images)),
        SINGLES: as_json(_single_slices(collection, images, plan)),
        SHARED: as_json(_first_stacks(images, plan)),
    }


def collection_findings(
    parts: list[dict[str, Any]],
    stack_of: Callable[[int, str, int], int],
    files_alike: Callable[[int, Any, str], list[str]],
) -> Iterator[tuple[str, Finding]]:
    """Yields (rule, finding) of the rules that look at the whole collection.

    Parameters
    ----------
    parts : of `rows_for_rules`, by partition
    stack_of : gives the number of a stack, from its partition, series, and number there
    files_alike : gives the readable files of a partition, of a patient in a folder
    """
    assert {PERSONS, FOLDERS, TWICE, GREYS, SINGLES} == {
        rule.name for rule in RULES.values() if rule.scope == COLLECTION
    }
    tables = {name: _joined(name, parts) for name in parts[0]}
    for name in (PERSONS, TWICE, FOLDERS):
        for finding in once_per_file(RULES[name].find(_files(tables[name]))):
            others = (
                _alike(finding, tables[name], files_alike) if name == FOLDERS else [finding.path]
            )
            yield from ((name, finding._replace(path=path)) for path in others)
    for name in (GREYS, SINGLES, SHARED):
        images = _renumbered(tables[name], stack_of)
        for finding in once_per_file(RULES[name].find(_images(images))):
            yield name, finding


# of a partition


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its index as columns, first; names of files stay objects: some are no text."""
    columns = table.reset_index(drop=True)
    for place, name in enumerate(table.index.names):
        values = table.index.get_level_values(place).to_numpy()
        columns.insert(place, name, pd.Series(values, dtype=values.dtype))
    return columns


def _distinct(rows: pd.DataFrame, keywords: list[str], more: tuple[str, ...] = ()) -> pd.DataFrame:
    """The first of the rows that say the same of some keywords, with their number."""
    said = rows.reindex(columns=keywords)
    codes = [pd.factorize(said[keyword].to_numpy())[0] for keyword in keywords]
    if not len(rows):
        return rows.reindex(columns=["path", *keywords, *more, COUNT])
    _, first, counts = np.unique(
        np.stack(codes, axis=1), axis=0, return_index=True, return_counts=True
    )
    kept = rows.iloc[first].reindex(columns=["path", FILE_NUMBER, *keywords, *more])
    return kept.assign(**{COUNT: counts})


def _folders(files: pd.DataFrame) -> pd.DataFrame:
    """The first readable file of each patient in each folder, with the number of them."""
    read = files[files["error"].isna() & files["PatientID"].notna()]
    folders = [path.rpartition(os.sep)[0] for path in read["path"]]
    folder = pd.Series(folders, read.index, dtype=object)
    return _distinct(read.assign(folder=folder), ["folder", "PatientID"])


def _twice(files: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Readable files whose SOP Instance UID another one has, wherever that is."""
    again = np.isin(hashes(files["SOPInstanceUID"].tolist()), plan.twice)
    kept = files[again & files["error"].isna().to_numpy()]
    return kept[["path", FILE_NUMBER, "SOPInstanceUID"]].assign(**{COUNT: 1})


def _greys(images: pd.DataFrame) -> pd.DataFrame:
    """The first image of each modality, photometric interpretation and error."""
    levels = tuple(name for name in LEVELS if name != "path")
    return _distinct(images, ["Modality", "PhotometricInterpretation", "error"], levels)


def _single_slices(collection: Collection, images: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Stacks of one slice, each alone in its series, that have a place in the patient."""
    measures = collection.measures
    uid = np.asarray(collection.slices.index.codes[0])[measures.starts]
    alone = (measures.counts == 1) & (np.bincount(uid, minlength=1)[uid] == 1)
    placed = np.isfinite(measures.along[measures.starts])
    rows = images.iloc[measures.starts[alone & placed & collection.sections]]
    rows = rows[~_is_divided(rows, plan)]
    return rows.reindex(columns=[*LEVELS, *SINGLE_SLICES]).assign(**{COUNT: 1})


def _first_stacks(images: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Of series with a UID that lie in several partitions: their first stack, a row of others."""
    own = images[_is_divided(images, plan) & (images["SeriesInstanceUID"] != NO_UID)]
    first = ~own.duplicated(["SeriesInstanceUID", "stack"])
    kept = own[first | (own["stack"] == 0)]
    return kept.reindex(columns=[*LEVELS, *IDENTIFIERS, "error"]).assign(**{COUNT: 1})


def _is_divided(images: pd.DataFrame, plan: Plan) -> np.ndarray:
    """Which images (n,) are of a series that lies in several partitions."""
    uids = images["SeriesInstanceUID"]
    own = hashes(uids.where(uids != NO_UID, None).tolist())
    return np.isin(own, plan.series)


# of all


def _joined(name: str, parts: list[dict[str, Any]]) -> pd.DataFrame:
    tables = [joined([part[name]]).assign(partition=n) for n, part in enumerate(parts)]
    return joined([as_json(table) for table in tables])


def _files(rows: pd.DataFrame) -> Collection:
    """What a rule of files sees, in the order of the collection."""
    rows = rows.sort_values(FILE_NUMBER, kind="stable") if FILE_NUMBER in rows else rows
    headers = rows.set_index(pd.Index(rows["path"], dtype=object, name="path"))
    headers = headers.drop(columns="path").assign(
        error=None, TransferSyntaxUID=None, pixel_offset=None
    )
    return Collection(headers, _no_images(), file_counts=rows[COUNT].to_numpy(int))


def _alike(
    finding: Finding, rows: pd.DataFrame, files_alike: Callable[[int, Any, str], list[str]]
) -> list[str]:
    """The files that a finding is of, of which `rows` have the first in each partition."""
    assert finding.path is not None
    row = rows.iloc[int(np.flatnonzero(rows["path"] == finding.path)[0])]
    return files_alike(int(row["partition"]), row["PatientID"], row["folder"])


def _images(rows: pd.DataFrame) -> Collection:
    """What a rule of images sees, stack by stack."""
    index = pd.MultiIndex.from_frame(rows[LEVELS]) if len(rows) else _no_images().index
    slices = rows.drop(columns=LEVELS).set_index(index)
    headers = _no_files()
    return Collection(headers, slices, image_counts=rows[COUNT].to_numpy(int))


def _renumbered(rows: pd.DataFrame, stack_of: Callable[[int, str, int], int]) -> pd.DataFrame:
    """Rows of images with the numbers that their stacks have in the collection, in order."""
    places = zip(rows["partition"], rows["SeriesInstanceUID"], rows["stack"])
    rows = rows.assign(stack=[stack_of(*place) for place in places])
    return rows.sort_values(["SeriesInstanceUID", "stack"], kind="stable", ignore_index=True)


def _no_files() -> pd.DataFrame:
    names = ["error", "TransferSyntaxUID", "pixel_offset", "PatientID", "SeriesInstanceUID"]
    return pd.DataFrame(columns=[*names, "Rows", "Columns"], dtype=object).rename_axis("path")


def _no_images() -> pd.DataFrame:
    empty: list[list] = [[], [], [], []]
    index = pd.MultiIndex(levels=empty, codes=empty, names=LEVELS)
    return pd.DataFrame({"error": pd.Series(dtype=object)}, index=index)
