"""What does a whole collection say of each keyword, from what its partitions say?"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from helpers.headers.columns import FIXED_COLUMNS
from helpers.headers.keywords import LEVELS, MAX_EXAMPLES, summary_row, summary_table
from helpers.headers.packed import Chunk
from helpers.scale.plan import COLUMN, Plan
from helpers.scale.reading import NO_VALUE, column_hashes, values_of
from helpers.scale.store import Store, write_arrays

NOT_SUMMED = set(FIXED_COLUMNS) - {"TransferSyntaxUID"}


def tags_of(
    rows: Chunk, numbers: np.ndarray, plan: Plan, partition: int, store: Store
) -> dict[str, Any]:
    """What the files of a partition say of each keyword; hashes of its values go to a file.

    Parameters
    ----------
    numbers : (n,) of the files in the collection
    """
    levels = {
        keyword: column_hashes(rows, keyword) for keyword in LEVELS if keyword in plan.columns
    }
    divided = {keyword: _divided(keyword, own, plan) for keyword, own in levels.items()}
    numbered = {name: np.unique(own, return_inverse=True)[1] for name, own in levels.items()}
    found, distinct = {}, {}
    for keyword in plan.columns.tolist():
        if keyword in NOT_SUMMED or keyword not in rows.columns:
            continue
        own = column_hashes(rows, keyword)
        present = np.flatnonzero(own != NO_VALUE)
        if len(present):
            distinct[keyword], first, code = np.unique(
                own[present], return_index=True, return_inverse=True
            )
            first = np.sort(first)[:MAX_EXAMPLES]
            found[keyword] = {
                "files": len(present),
                "examples": _examples(rows, keyword, numbers, present[first]),
                "complete": all((level[present] != NO_VALUE).all() for level in levels.values()),
                "within": {
                    name: _Within(level[present], numbered[name][present], code).said(
                        distinct[keyword], divided[name]
                    )
                    for name, level in levels.items()
                },
            }
    write_arrays(store.part("values", partition, ".npz"), distinct)
    return found


def _examples(rows: Chunk, keyword: str, numbers: np.ndarray, own: np.ndarray) -> list[list[Any]]:
    """(number of the file, value) of a keyword in some rows."""
    column = Chunk(rows.length, {keyword: rows.columns[keyword]})
    return [[*one] for one in zip(numbers[own].tolist(), values_of(column.take(own), keyword))]


def tag_table(found: list[dict[str, Any]], columns: list[str], files: int, store: Store) -> Any:
    """The table of `helpers.tag_summary` of the collection, from what its partitions give."""
    names = [name for name in columns if name not in NOT_SUMMED]
    rows = [
        _row(name, [(n, one[name]) for n, one in enumerate(found) if name in one], files, store)
        for name in names
    ]
    return summary_table(names, rows)


def _row(keyword: str, parts: list[tuple[int, dict[str, Any]]], files: int, store: Store) -> tuple:
    values = np.unique(np.concatenate([np.empty(0, np.uint64), *_values(keyword, parts, store)]))
    examples = sorted(
        (number, _value(own)) for _, part in parts for number, own in part["examples"]
    )
    kinds = list(dict.fromkeys(value for _, value in examples))[:MAX_EXAMPLES]
    count = sum(part["files"] for _, part in parts)
    varies = _varies([part for _, part in parts], len(values))
    return summary_row(keyword, count, files, len(values), kinds, varies)


def _values(
    keyword: str, parts: list[tuple[int, dict[str, Any]]], store: Store
) -> Iterable[np.ndarray]:
    for number, _ in parts:
        with np.load(store.part("values", number, ".npz"), allow_pickle=False) as arrays:
            yield arrays[keyword]


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _varies(parts: list[dict[str, Any]], distinct: int) -> str:
    """Where several values stand side by side, as of `helpers.tag_summary`."""
    if distinct < 2:
        return "constant" if distinct else "no value"
    for name, words in LEVELS.items():
        own = [part["within"][name] for part in parts if name in part["within"]]
        pairs = {tuple(pair) for one in own for pair in one["pairs"]}
        if any(one["several"] for one in own) or len({key for key, _ in pairs}) < len(pairs):
            return words
    complete = all(part["complete"] and part["within"] for part in parts)
    return "between patients" if complete else "between files"


def _divided(keyword: str, own: np.ndarray, plan: Plan) -> np.ndarray:
    """The values of a level here of which files lie in other partitions too."""
    name = {"SeriesInstanceUID": "series", "StudyInstanceUID": "study", "PatientID": "patient"}
    column = plan.kinds[:, COLUMN[name[keyword]]]
    here = np.unique(own[own != NO_VALUE])
    kept = np.isin(column, here)
    pairs = pd.DataFrame({"value": column[kept], "partition": plan.partition[kept]})
    values = pairs.drop_duplicates()["value"]
    return np.unique(values[values.duplicated()].to_numpy(np.uint64))


class _Within:
    """What the files of each thing of a level say of one keyword.

    Parameters
    ----------
    level : uint64 (n,), hashes of the things
    number : (n,) of each
    code : (n,) of the value
    """

    def __init__(self, level: np.ndarray, number: np.ndarray, code: np.ndarray) -> None:
        known = level != NO_VALUE
        self._level, self._number, self._code = level[known], number[known], code[known]

    def said(self, values: np.ndarray, divided: np.ndarray) -> dict[str, Any]:
        """Whether one thing has several values, and what those say that lie elsewhere too."""
        shared = np.isin(self._level, divided) if len(divided) else np.empty(0, int)
        if len(values) == 1 and not shared.any():
            return {"several": False, "pairs": []}
        pairs, first = np.unique(self._number * len(values) + self._code, return_index=True)
        several = len(pairs) > len(np.unique(self._number))
        kept = first[shared[first]] if shared.any() and not several else []
        hashed = zip(self._level[kept].tolist(), values[self._code[kept]].tolist())
        return {"several": several, "pairs": [*hashed] if len(kept) else []}
