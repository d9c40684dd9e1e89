"""What do all partitions together say? Puts the small results of each together."""

import os
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd

from helpers.collection import MANIFEST, PART, SAMPLE, Part
from helpers.geometry.grids import begins
from helpers.headers.extent import Extent, added_up
from helpers.headers.parquet import join_headers, read_headers
from helpers.headers.parquet_tables import write_table
from helpers.quality.audit import COLUMNS, RULES, once_per_file
from helpers.quality.findings import SEVERITIES, Finding, said_once
from helpers.scale.collection_rules import SHARED, collection_findings
from helpers.scale.frames import joined
from helpers.scale.partition import NO_PATIENT
from helpers.scale.plan import Plan, read_plan
from helpers.scale.reading import hashes
from helpers.scale.store import EXTENT, Store, SurveyError, being_written
from helpers.scale.tags import tag_table
from helpers.slices.differences import differences, read_alike
from helpers.slices.measures import Measures
from helpers.slices.protocols import protocols_of
from helpers.slices.stacks import best_first, by_name
from helpers.slices.table import LEVELS, NO_UID

NUMBERS = ["files", "readable", "images", "unique_images", "stacks", "positions"]


def reduce_results(store: Store, files: int) -> None:
    """Writes the tables of the whole collection.

    Raises
    ------
    SurveyError
        Where the partitions have not as many files as the collection.
    """
    plan = read_plan(store)
    parts = [store.read_json("work", "results", f"{n:06}") for n in range(plan.partitions)]
    extent = added_up(_extent(part["extent"]) for part in parts)
    if extent.files != files:
        found = extent.files
        raise SurveyError(f"expected {files} files in the partitions, got {found}: begin anew")
    store.write_json(extent._asdict(), EXTENT)
    stacks = _stacks(parts, plan)
    first = joined([part["first images"] for part in parts])
    order = np.lexsort([stacks["stack"], stacks["SeriesInstanceUID"].to_numpy(str)])
    stacks = stacks.iloc[order].reset_index(drop=True)
    measures = _measures(stacks, first.iloc[order])
    stacks["differs"] = pd.Series(_differs(stacks, measures, plan), dtype=object)
    _write(store, "findings", _findings(store, parts, stacks))
    _write(store, "protocols", protocols_of(measures))
    _write(store, "counts", _counts(parts))
    _write_sample(store, plan, files)
    tags = tag_table([part["tags"] for part in parts], plan.columns.tolist(), files, store)
    _write(store, "tags", tags.reset_index())
    _write(store, "stacks", _in_order(stacks))


def _write_sample(store: Store, plan: Plan, files: int) -> None:
    """Puts the rows of the sample together, and says what part of the collection they are."""
    parts = [store.part("sample", n, ".parquet") for n in range(plan.partitions)]
    with being_written(store.path(SAMPLE)) as path:
        join_headers([part for part in parts if os.path.exists(part)], path)
    chosen, total = plan.patients.tolist()
    root = store.read_json(MANIFEST)["root"]
    about = Part(len(plan.sample), files, chosen, total, root)
    store.write_json(about, PART)


def _write(store: Store, name: str, table: pd.DataFrame) -> None:
    with being_written(store.path(f"{name}.parquet")) as path:
        write_table(table, path)


# stacks


def _stacks(parts: list[dict[str, Any]], plan: Plan) -> pd.DataFrame:
    """The stacks of all partitions, with the numbers that they have in the collection."""
    tables = [joined([part["stacks"]]).assign(partition=n) for n, part in enumerate(parts)]
    stacks = pd.concat([one for one in tables if len(one)] or tables[:1], ignore_index=True)
    stacks["_stack"] = stacks["stack"]
    uids = stacks["SeriesInstanceUID"]
    divided = np.isin(hashes(uids.where(uids != NO_UID, None).tolist()), plan.series)
    for _, rows in stacks[divided].groupby("SeriesInstanceUID"):
        number, group = _numbered(rows)
        stacks.loc[rows.index, "stack"] = number
        stacks.loc[rows.index, "group"] = group
    return stacks


def _numbered(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(numbers of the stacks of a series, of their groups), the largest group first.

    As `helpers.slices.order` numbers them: by the largest stack of a group, then by the first path
    and frame of its images.
    """
    group = rows.groupby(["partition", "group"], sort=False).ngroup().to_numpy()
    by_group = rows.assign(of=group).sort_values(["_first_path", "_first_frame"]).groupby("of")
    first = by_group[["_first_path", "_first_frame"]].first()
    size = rows["_size"].groupby(group).max()
    path = np.argsort(np.argsort(first["_first_path"].to_numpy(str), kind="stable"))
    order = np.lexsort([first["_first_frame"], path, -size.to_numpy()])
    rank = np.argsort(order)[group]
    stacks = np.lexsort([rows["_stack"], rank])
    return np.argsort(stacks), rank


def _measures(stacks: pd.DataFrame, first: pd.DataFrame) -> Measures:
    """Measures of the first images of stacks, each of which stands for all images of its stack."""
    levels = [stacks["SeriesInstanceUID"], stacks["stack"], stacks["_start_path"]]
    index = pd.MultiIndex.from_arrays([*levels, np.zeros(len(stacks), int)], names=LEVELS)
    slices = first.assign(group=stacks["group"].to_numpy()).set_axis(index)
    slices["repeated"] = slices["repeated"].astype(bool) if len(slices) else False
    measures = Measures(slices)
    measures.counts = stacks["images"].to_numpy(int)
    measures.__dict__["positions"] = stacks["positions"].to_numpy(int)
    return measures


def _differs(stacks: pd.DataFrame, measures: Measures, plan: Plan) -> np.ndarray:
    """What tells stacks apart that read alike; anew of patients that lie in several partitions."""
    found = stacks["differs"].to_numpy(object)
    own = np.isin(hashes(stacks["PatientID"].tolist()), plan.divided_patients)
    if own.any():
        alike = read_alike(measures)
        alike[~own] = alike.max() + 1 + np.arange((~own).sum())  # others have been told apart
        found = np.where(own, differences(measures, alike), found)
    return found


def _in_order(stacks: pd.DataFrame) -> pd.DataFrame:
    """The stacks in the order of `helpers.stack_table`, without what was for numbers alone."""
    series = pd.factorize(stacks["SeriesInstanceUID"])[0]
    columns = {
        name: stacks[name].to_numpy() for name in ("problems", "volume", "kind", "positions")
    }
    paths = np.unique(stacks["_start_path"].to_numpy(str), return_inverse=True)[1]
    group = np.cumsum(begins(series, stacks["group"].to_numpy(int)))
    order = best_first(columns, group, paths, stacks["_label"].to_numpy(bool))
    return stacks.iloc[order].drop(columns=["_size", "_first_path", "_first_frame", "_label"])


# findings


def _findings(store: Store, parts: list[dict[str, Any]], stacks: pd.DataFrame) -> pd.DataFrame:
    places = zip(stacks["partition"], stacks["SeriesInstanceUID"], stacks["_stack"])
    numbers = dict(zip(places, stacks["stack"].tolist()))
    divided = set(stacks["SeriesInstanceUID"][stacks["stack"] != stacks["_stack"]])
    several = stacks.groupby("SeriesInstanceUID")["partition"].nunique()
    divided |= set(several.index[several > 1])

    def stack_of(partition: int, series: str, stack: int) -> int:
        return numbers[partition, series, stack]

    found: dict[str, list[Finding]] = {name: [] for name in RULES}
    for partition, part in enumerate(parts):
        for name, finding in _of_part(part, partition, stack_of):
            if name != SHARED or finding.stack is None or finding.stack[0] not in divided:
                found[name].append(finding)
    rows = [part["rules"] for part in parts]
    files_alike = partial(_files_alike, lru_cache(1)(partial(_patients, store)))
    for name, finding in collection_findings(rows, stack_of, files_alike):
        found[name].append(finding)
    return _table(found)


def _files_alike(
    patients: Callable[[int], pd.DataFrame], partition: int, patient: Any, folder: str
) -> list[str]:
    """The readable files of a partition, of a patient in a folder."""
    headers = patients(partition)
    same = headers["PatientID"].map(lambda own: own == patient) & headers["error"].isna()
    return [path for path in headers.index[same] if path.rpartition(os.sep)[0] == folder]


def _patients(store: Store, partition: int) -> pd.DataFrame:
    """The patients of the files of a partition."""
    return read_headers(store.headers(partition), ["PatientID", "error"])


def _of_part(
    part: dict[str, Any], partition: int, stack_of: Callable[[int, str, int], int]
) -> Iterable[tuple[str, Finding]]:
    rows = joined([part["findings"]])
    for row in rows.itertuples(index=False):
        values = row._asdict()
        name, stack = values.pop("rule"), values["stack"]
        if stack is not None:
            values["stack"] = stack[0], stack_of(partition, *stack)
        yield name, Finding(**values)


def _table(found: dict[str, list[Finding]]) -> pd.DataFrame:
    rules = sorted(RULES.values(), key=lambda rule: SEVERITIES.index(rule.severity))
    rows = []
    for rule in rules:
        own = sorted(found[rule.name], key=lambda one: (one.stack or ("", 0), one.path or ""))
        kept = said_once(own) if rule.said_once else once_per_file(own)
        for finding in kept:
            row = {"rule": rule.name, **rule._asdict(), **finding._asdict()}
            rows.append(row | {"remedy": finding.remedy or rule.remedy})
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    series = [None if one is None else one[0] for one in table["stack"]]
    numbers = [None if one is None else one[1] for one in table["stack"]]
    table["stack"] = pd.Series(numbers, dtype=object)
    table["SeriesInstanceUID"] = pd.Series(series, dtype=object)
    return table


# numbers


def _counts(parts: list[dict[str, Any]]) -> pd.DataFrame:
    """The numbers of all patients; of files that name none, of who their folder's others name."""
    owners = joined([part["owners"] for part in parts]).drop_duplicates()
    named = owners.groupby("folder")["patient"].agg(list) if len(owners) else {}
    counts = joined([part["counts"] for part in parts])
    patients = [_owner(patient, named) for patient in counts["PatientID"]]
    by_patient = counts.drop(columns="PatientID").groupby(pd.Series(patients, dtype=object))
    table = by_patient[NUMBERS].sum().assign(largest_stack=by_patient["largest_stack"].max())
    table = table.loc[sorted(table.index, key=by_name)]
    return table.rename_axis("PatientID").reset_index()


def _owner(patient: Any, named: Any) -> Any:
    if not (isinstance(patient, str) and patient.startswith(NO_PATIENT)):
        return patient
    found = named.get(patient.removeprefix(NO_PATIENT), [])
    return found[0] if len(found) == 1 else "?"


def _extent(found: dict[str, Any]) -> Extent:
    """The extent of a partition; of several IDs of one patient JSON makes a list."""
    patients = [tuple(one) if isinstance(one, list) else one for one in found["patients"]]
    return Extent(**{**found, "patients": patients})
