"""How do the rows of a partition come from the parts that they were read in?"""

import json

import numpy as np

from helpers.headers.columns import Columns
from helpers.headers.packed import Chunk
from helpers.headers.parquet import FILE_NUMBER
from helpers.scale.plan import Plan, read_plan
from helpers.scale.reading import packed_rows, part_keys, unpacked_rows
from helpers.scale.store import Store, being_written

HEAD = 16  # digits of the length of the text that says where each partition's rows are


def is_mixed(plan: Plan, part: int) -> bool:
    """Whether the files of a part belong to several partitions."""
    return len(np.unique(plan.of_part(part))) > 1


def shuffle_part(store: Store, part: int) -> None:
    """Writes the rows of a part sorted by the partition that they belong to."""
    rows, paths = unpacked_rows(_content(store.part("read", part)))
    partition = read_plan(store).of_part(part)[part_keys(store, part).kind]
    places, bodies, start = {}, [], 0
    for one in np.unique(partition).tolist():
        own = np.flatnonzero(partition == one)
        bodies.append(packed_rows(rows.take(own), [paths[row] for row in own.tolist()]))
        places[one] = [start, len(bodies[-1])]
        start += len(bodies[-1])
    text = json.dumps(places).encode()
    with being_written(store.part("shuffled", part)) as temporary, open(temporary, "wb") as file:
        file.write(b"".join([f"{len(text):0{HEAD}}".encode(), text, *bodies]))


def rows_of_partition(store: Store, plan: Plan, partition: int) -> tuple[Chunk, list[str]]:
    """(what its files say, their paths), in the order of the collection."""
    found = [_segment(store, plan, part, partition) for part in plan.parts_of(partition)]
    rows = Columns(*(chunk for chunk, _ in found)).merged()
    paths = [path for _, names in found for path in names]
    numbers = rows.columns[FILE_NUMBER]
    assert isinstance(numbers, np.ndarray)
    order = np.argsort(numbers)
    if (np.diff(numbers) > 0).all():
        return rows, paths
    return rows.take(order), [paths[row] for row in order.tolist()]


def row_of_file(store: Store, part: int, row: int) -> Chunk:
    """What one file of a part says."""
    rows, _ = unpacked_rows(_content(store.part("read", part)))
    return rows.take(np.array([row]))


def _segment(store: Store, plan: Plan, part: int, partition: int) -> tuple[Chunk, list[str]]:
    if not is_mixed(plan, part):
        return unpacked_rows(_content(store.part("read", part)))
    with open(store.part("shuffled", part), "rb") as file:
        length = int(file.read(HEAD))
        start, size = json.loads(file.read(length))[str(partition)]
        file.seek(HEAD + length + start)
        return unpacked_rows(file.read(size))


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
