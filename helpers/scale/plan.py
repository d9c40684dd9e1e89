"""Which files must be looked at together, and in which partition do they go?

What shares a patient, study or series belongs together, as rules and names of stacks compare it.
Where that is more than a partition holds, as where an anonymiser gave all files one ID, only the
study holds it together, else the series; a series UID that is one for everything is divided by
folder, as `helpers.slices.cells` divides it, and so are images without one.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from helpers.headers.parquet import named_in_order
from helpers.scale.reading import KEYS, NO_VALUE, Keys, part_keys
from helpers.scale.sample import sampled
from helpers.scale.store import Sizes, Store, write_arrays
from helpers.slices.cells import MIN_FILES, SeriesFacts

LINKS = (("patient", "study", "series"), ("study", "series"), ("series",))
COLUMN = {name: column for column, name in enumerate(KEYS)}


class Plan(NamedTuple):
    """How a collection is divided: (t,) kinds of files of all parts, and what is known of it."""

    kinds: np.ndarray  # uint64 (t, len(KEYS))
    partition: np.ndarray  # (t,) of each kind
    starts: np.ndarray  # (parts + 1,) where the kinds of each part begin
    columns: np.ndarray  # names of all columns, in their order
    series: np.ndarray  # uint64, hashes of the series that lie in several partitions
    facts: np.ndarray  # bool, the `SeriesFacts` of each
    elsewhere: np.ndarray  # uint64, hashes of the instances of images in several partitions
    twice: np.ndarray  # uint64, hashes of the instances that several readable files have
    instances: np.ndarray  # uint64, hashes of all instances, rising
    files: np.ndarray  # the number of the last file that has each instance
    asked_folders: np.ndarray  # uint64, hashes of folders with files that name no patient
    divided_patients: np.ndarray  # uint64, hashes of patients that lie in several partitions
    sample: np.ndarray  # the numbers of the files that stand for all, rising
    patients: np.ndarray  # (2,) how many these are of, and how many there are

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return int(self.partition.max()) + 1

    def parts_of(self, partition: int) -> list[int]:
        """The parts with files of a partition."""
        own = np.flatnonzero(self.partition == partition)
        return np.unique(np.searchsorted(self.starts, own, "right") - 1).tolist()

    def of_part(self, part: int) -> np.ndarray:
        """The partition of each kind of file of a part."""
        return self.partition[self.starts[part] : self.starts[part + 1]]


def make_plan(store: Store, parts: int, sizes: Sizes) -> None:
    """Works out, and writes, how what was read is divided."""
    keys = [part_keys(store, part) for part in range(parts)]
    plan = _planned(keys, sizes)
    write_arrays(store.path("work", "plan.npz"), plan._asdict())


def read_plan(store: Store) -> Plan:
    """The plan of a survey."""
    with np.load(store.path("work", "plan.npz"), allow_pickle=False) as arrays:
        return Plan(**{name: arrays[name] for name in Plan._fields})


def _planned(keys: list[Keys], sizes: Sizes) -> Plan:
    kinds = np.concatenate([one.kinds for one in keys])
    starts = np.cumsum([0, *(len(one.kinds) for one in keys)])
    weight = np.concatenate([np.bincount(one.kind, one.weight, len(one.kinds)) for one in keys])
    files = np.concatenate([np.bincount(one.kind, minlength=len(one.kinds)) for one in keys])
    columns = named_in_order(dict.fromkeys(name for one in keys for name in one.columns.tolist()))
    facts = _Facts(kinds, files)
    partition = _partitions(kinds, weight, facts, sizes)
    kind = np.concatenate([at + one.kind for at, one in zip(starts, keys)])
    sample, *patients = sampled(kinds, kind, sizes.sample)
    series = _in_several(kinds[:, COLUMN["series"]], partition, kinds[:, COLUMN["image"]] > 0)
    folder, patient = kinds[:, COLUMN["folder"]], kinds[:, COLUMN["patient"]]
    everyone = np.ones(len(kinds), bool)
    return Plan(
        kinds=kinds,
        partition=partition,
        starts=starts,
        columns=np.array(columns, str),
        series=series,
        facts=np.array([facts.of(one) for one in series], bool).reshape(
            -1, len(SeriesFacts._fields)
        ),
        **_instances(keys, kinds, kind, partition),
        asked_folders=np.unique(folder[patient == NO_VALUE]),
        divided_patients=_in_several(patient, partition, everyone),
        sample=sample,
        patients=np.array(patients),
    )


class _Facts:
    """What is true of whole series, by hash."""

    def __init__(self, kinds: np.ndarray, files: np.ndarray) -> None:
        image = kinds[:, COLUMN["image"]] > 0
        self._kinds, self._files = kinds[image], files[image]
        self._series = self._kinds[:, COLUMN["series"]]

    def of(self, series: np.uint64) -> SeriesFacts:
        """The facts of one."""
        rows = self._series == series
        files = self._files[rows].sum()

        def several(name: str) -> bool:
            count = self._count(rows, name)
            return count > 1 and not (count >= files and files >= MIN_FILES)

        renamed = files >= MIN_FILES and self._count(rows, "study") >= files
        one_patient = self._count(rows, "patient") == 1
        folder, number, description = map(several, ("folder", "number", "description"))
        return SeriesFacts(folder, number, description, bool(renamed), one_patient)

    def is_shared(self, series: np.uint64) -> bool:
        """Whether a series is told apart by its folders, and by what they say alone."""
        rows = self._series == series
        files, counts = self._files[rows].sum(), {}
        for word in ("patient", "study", "number", "folder"):
            counts[word] = self._count(rows, word)
        several = {n for n, count in counts.items() if count > 1 and count < files}
        return "folder" in several and len(several) > 1 and counts["patient"] < files

    def _count(self, rows: np.ndarray, name: str) -> int:
        return len(np.unique(self._kinds[rows, COLUMN[name]]))


def _partitions(kinds: np.ndarray, weight: np.ndarray, facts: _Facts, sizes: Sizes) -> np.ndarray:
    """The partition (t,) of each kind of files."""
    group = np.zeros(len(kinds), int)
    for links in LINKS:
        big = np.bincount(group, weight)[group] > sizes.most_rows
        rows = np.flatnonzero(big) if links != LINKS[0] else np.arange(len(kinds))
        group[rows] = group.max() + 1 + _components(kinds[rows], links)
        group = pd.factorize(group)[0]
    big = np.bincount(group, weight)[group] > sizes.most_rows
    series = kinds[:, COLUMN["series"]]
    for one in np.unique(series[big & (series != NO_VALUE)]).tolist():
        if facts.is_shared(np.uint64(one)):
            rows = np.flatnonzero(series == one)
            group[rows] = group.max() + 1 + pd.factorize(kinds[rows, COLUMN["folder"]])[0]
    return _packed(pd.factorize(group)[0], weight, sizes.rows)


def _components(kinds: np.ndarray, links: tuple[str, ...]) -> np.ndarray:
    """A number (t,) for kinds of files that are linked, directly or through others."""
    rows, nodes, count = [np.empty(0, int)], [np.empty(0, int)], len(kinds)
    no_series = (kinds[:, COLUMN["series"]] == NO_VALUE) & (kinds[:, COLUMN["image"]] > 0)
    linked = [(kinds[:, COLUMN[name]], kinds[:, COLUMN[name]] != NO_VALUE) for name in links]
    for values, known in [*linked, (kinds[:, COLUMN["folder"]], no_series)]:
        own = np.flatnonzero(known)
        codes, distinct = pd.factorize(values[own])
        rows.append(own)
        nodes.append(count + codes)
        count += len(distinct)
    ends = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(count, count))
    return connected_components(graph, directed=False)[1][: len(kinds)]


def _packed(group: np.ndarray, weight: np.ndarray, rows: int) -> np.ndarray:
    """The partition (t,) of each kind: groups in the order of their first files, until full."""
    sums = np.bincount(group, weight)
    partition, filled, number = np.empty(len(sums), int), 0.0, 0
    for one, own in enumerate(sums.tolist()):
        if filled and filled + own > rows:
            number, filled = number + 1, 0.0
        partition[one], filled = number, filled + own
    return partition[group]


def _in_several(values: np.ndarray, partition: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The distinct values (t,) that lie in several partitions."""
    pairs = pd.DataFrame({"value": values[counted], "partition": partition[counted]})
    pairs = pairs.drop_duplicates()
    return np.unique(pairs["value"][pairs["value"].duplicated()].to_numpy(np.uint64))


def _instances(
    keys: list[Keys], kinds: np.ndarray, kind: np.ndarray, partition: np.ndarray
) -> dict[str, np.ndarray]:
    """What a `Plan` says of SOP Instance UIDs."""
    instance = np.concatenate([one.instance for one in keys])
    readable = np.concatenate([one.readable for one in keys])
    image = (kinds[:, COLUMN["image"]] > 0)[kind]
    known = instance != NO_VALUE
    elsewhere = _in_several(instance, partition[kind], image & known)
    own = np.sort(instance[readable & known])
    twice = np.unique(own[1:][own[1:] == own[:-1]])
    files = np.flatnonzero(known)
    order = np.argsort(instance[files], kind="stable")
    found = instance[files][order]
    last = np.r_[found[1:] != found[:-1], True][: len(found)]
    return {
        "elsewhere": elsewhere,
        "twice": twice,
        "instances": found[last],
        "files": files[order][last],
    }
