"""What does one partition give? Its header table, and all that is found from its slices."""

import os
from typing import Any

import numpy as np
import pandas as pd

from helpers.headers.columns import Columns
from helpers.headers.extent import extent_of
from helpers.headers.packed import Chunk
from helpers.headers.parquet import FILE_NUMBER, write_headers
from helpers.quality.audit import JUDGED_KEYWORDS, NEED_PIXELS, RULES, once_per_file
from helpers.quality.findings import STUDY, Finding, counted
from helpers.quality.rules import Collection
from helpers.scale.collection_rules import rows_for_rules
from helpers.scale.frames import as_json
from helpers.scale.plan import Plan, read_plan
from helpers.scale.reading import NO_VALUE, hashes, values_of
from helpers.scale.shuffle import row_of_file, rows_of_partition
from helpers.scale.store import Sizes, Store, being_written
from helpers.scale.tags import tags_of
from helpers.slices import differences, protocols
from helpers.slices.cells import SeriesFacts
from helpers.slices.images import MANDATORY_KEYWORDS, REQUIRED_KEYWORDS
from helpers.slices.measures import Measures
from helpers.slices.stacks import slice_counts, stack_table
from helpers.slices.table import NO_UID, Elsewhere, slice_table

ALWAYS_THERE = [*dict.fromkeys([*REQUIRED_KEYWORDS, *MANDATORY_KEYWORDS, *JUDGED_KEYWORDS])]
FIRST_IMAGES = [  # what is compared of the first image of each stack
    *dict.fromkeys(
        [
            *(*protocols.KEYS, *protocols.SETTINGS, "PatientID", "SeriesNumber"),
            *(differences.STUDY, *differences.STUDY_TIMES, *differences.ELEMENTS),
            *(*differences.CLOCKS_AND_DATES, "AcquisitionNumber", "InstanceNumber"),
            *("Rows", "Columns", "split_keyword", "split_value"),
            *("position_mm", "repeated", "order_grade", "error"),
        ]
    )
]
NO_PATIENT = "\0folder\0"  # begins the name of who is known by the other files of a folder alone


def place_partition(store: Store, partition: int, sizes: Sizes) -> None:
    """Writes the header table of a partition, and what is found in it."""
    plan = read_plan(store)
    rows, paths = rows_of_partition(store, plan, partition)
    numbers = np.asarray(rows.columns.pop(FILE_NUMBER))
    with being_written(store.headers(partition)) as path:
        write_headers(rows, paths, numbers, plan.columns.tolist(), path)
    _write_sample(store, partition, plan, rows, paths, numbers)
    tags = tags_of(rows, numbers, plan, partition, store)
    headers = Columns(rows).table(paths)
    extent = extent_of(headers)
    headers = _with_columns(headers, ALWAYS_THERE)
    elsewhere = elsewhere_of(headers, plan)
    slices = slice_table(headers, progress=False, cache=False, elsewhere=elsewhere)
    measures = Measures(slices)
    collection = Collection(headers, slices)
    collection.elsewhere = _references_elsewhere(collection, store, plan, sizes)
    found = {
        "extent": extent._asdict(),
        "tags": tags,
        "stacks": as_json(_stacks(slices, measures)),
        "first images": as_json(_first_images(measures)),
        "counts": as_json(_counts(headers, slices, elsewhere)),
        "owners": as_json(_owners(headers, plan)),
        "findings": as_json(_findings(collection)),
        "rules": rows_for_rules(collection, numbers, plan),
    }
    members = _members(slices, dict(zip(paths, numbers.tolist())))
    store.write_json(members, "work", "members", f"{partition:06}")
    store.write_json(found, "work", "results", f"{partition:06}")


def is_placed(store: Store, partition: int) -> bool:
    """Whether a partition has been made."""
    done = store.has("work", "results", f"{partition:06}")
    return done and os.path.exists(store.headers(partition))


def _write_sample(
    store: Store, partition: int, plan: Plan, rows: Chunk, paths: list[str], numbers: np.ndarray
) -> None:
    """Writes the rows of those files of a partition that are in the sample."""
    own = np.flatnonzero(np.isin(numbers, plan.sample))
    if len(own):
        names = [paths[row] for row in own.tolist()]
        with being_written(store.part("sample", partition, ".parquet")) as path:
            write_headers(rows.take(own), names, numbers[own], plan.columns.tolist(), path)


def elsewhere_of(headers: pd.DataFrame, plan: Plan) -> Elsewhere:
    """What the plan knows of the files of the collection that are not among these."""
    series = headers["SeriesInstanceUID"]
    facts = dict(zip(plan.series.tolist(), plan.facts.tolist()))
    uids = dict(zip(hashes(series.tolist()).tolist(), series))
    known = {
        (NO_UID if own == NO_VALUE else str(uid)): SeriesFacts(*facts[own])
        for own, uid in uids.items()
        if own in facts
    }
    instances = headers["SOPInstanceUID"]
    shared = np.isin(hashes(instances.tolist()), plan.elsewhere)
    return Elsewhere(known, frozenset(map(str, instances[shared])))


def _with_columns(headers: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The table with columns that none of these files has, so that rules know they were read."""
    missing = [name for name in names if name not in headers]
    empty = pd.DataFrame(None, headers.index, missing, dtype=object)
    return pd.concat([headers, empty], axis=1) if missing else headers


def _references_elsewhere(
    collection: Collection, store: Store, plan: Plan, sizes: Sizes
) -> dict[str, Any]:
    """Frame of Reference by SOP Instance UID, of what is referred to in other partitions."""
    here = set(collection.column("SOPInstanceUID").dropna())
    named = {one.instance for found in collection.references.values() for one in found}
    wanted = sorted(named - here)
    if not wanted or not len(plan.instances):
        return {}
    own = hashes(wanted)
    place = np.minimum(np.searchsorted(plan.instances, own), len(plan.instances) - 1)
    there = plan.instances[place] == own
    files = plan.files[place]
    return {
        uid: values_of(row_of_file(store, *divmod(file, sizes.files)), "FrameOfReferenceUID")[0]
        for uid, file, found in zip(wanted, files.tolist(), there)
        if found
    }


def _stacks(slices: pd.DataFrame, measures: Measures) -> pd.DataFrame:
    """The stack table in the order of the slices, with what numbers and orders stacks."""
    stacks = stack_table(slices).reindex(measures.stacks).reset_index()
    by_position = np.isin(measures.grade, ("A", "B"))
    places = measures.sums(~measures.repeated).astype(int)
    codes, names = (np.asarray(own) for own in (slices.index.codes[2], slices.index.levels[2]))
    frames = slices.index.get_level_values("frame").to_numpy(int)
    width = int(frames.max(initial=0)) + 1
    first = codes.astype(np.int64) * width + frames
    first = np.minimum.reduceat(first, measures.starts) if len(first) else first
    first_path, start_path = names[first // width], names[codes[measures.starts]]
    return stacks.assign(
        _size=np.where(by_position, places, measures.counts),
        _first_path=pd.Series(first_path, stacks.index, dtype=object),  # names may be no text
        _first_frame=first % width,
        _start_path=pd.Series(start_path, stacks.index, dtype=object),
        _label=measures.first_of("SpecimenLabelInImage") == "YES",
    )


def _members(slices: pd.DataFrame, numbers: dict[str, int]) -> dict[str, dict[int, list[int]]]:
    """The numbers of the files of each stack, by series and number here.

    Parameters
    ----------
    numbers : of the files in the collection, by path
    """
    found: dict[str, dict[int, dict[int, None]]] = {}
    for series, stack, path, _ in slices.index:
        found.setdefault(series, {}).setdefault(int(stack), {})[numbers[path]] = None
    return {
        series: {stack: [*files] for stack, files in stacks.items()}
        for series, stacks in found.items()
    }


def _first_images(measures: Measures) -> pd.DataFrame:
    """The first image of each stack, in the order of the slices."""
    rows = measures.slices.iloc[measures.starts]
    return rows[[name for name in FIRST_IMAGES if name in rows]].reset_index(drop=True)


def _counts(headers: pd.DataFrame, slices: pd.DataFrame, elsewhere: Elsewhere) -> pd.DataFrame:
    """Numbers by patient; files that name none are counted by their folder."""
    patients = headers["PatientID"].astype(object).to_numpy(copy=True)
    missing = pd.isna(patients)
    folders = [f"{NO_PATIENT}{path.rpartition(os.sep)[0]}" for path in headers.index[missing]]
    patients[missing] = folders
    named = headers.assign(PatientID=pd.Series(patients, headers.index, dtype=object))
    return slice_counts(named, slices, elsewhere=elsewhere).reset_index()


def _owners(headers: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The patients that files name in the folders where other files name none."""
    folders = np.array([path.rpartition(os.sep)[0] for path in headers.index], object)
    asked = np.isin(hashes(folders), plan.asked_folders) & headers["PatientID"].notna().to_numpy()
    of_folders = pd.Series(folders[asked], headers.index[asked], dtype=object)
    pairs = pd.DataFrame({"folder": of_folders, "patient": headers["PatientID"][asked]})
    return pairs.drop_duplicates()


def _findings(collection: Collection) -> pd.DataFrame:
    """What the rules find that look at a study alone."""
    rows = []
    for rule in RULES.values():
        if rule.scope == STUDY and rule.name not in NEED_PIXELS:
            found = rule.find(collection)
            kept = counted(found) if rule.said_once else once_per_file(found)
            rows += [{"rule": rule.name, **_plain(one)} for one in kept]
    return pd.DataFrame(rows, columns=["rule", *Finding._fields], dtype=object)


def _plain(finding: Finding) -> dict[str, Any]:
    stack = finding.stack and (str(finding.stack[0]), int(finding.stack[1]))
    return finding._replace(stack=stack)._asdict()
