"""Which columns of a table name something by chance, and would take its place from a row?"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.labels.name_columns import NameColumn, are_short_numbers, sample_of
from helpers.labels.named import KINDS, LEVELS, Key, Names, named


def clashing(
    found: Mapping[Any, NameColumn], table: pd.DataFrame, names: Names, told: Collection[Any]
) -> dict[Any, str]:
    """Columns that are better not used → the columns whose rows they would lose, in words.

    Other columns of its level or above give way to a UID. Short numbers in a column whose name
    speaks of no level, as of a machine or a row, give way to all columns that name something.
    """
    loose = [name for name in found if name not in told and _is_loose(found[name], table[name])]
    firm = {name: one for name, one in found.items() if name not in loose and one.role in LEVELS}
    clashes: dict[Any, str] = {}
    by_uid = [name for name, one in firm.items() if one.keys[0].kind.endswith("UID")]
    if by_uid:
        finest = min(by_uid, key=lambda name: LEVELS.index(firm[name].role))
        for name, one in [*firm.items()]:
            is_beside = name != finest and name not in told
            is_above = LEVELS.index(one.role) >= LEVELS.index(firm[finest].role)
            if is_beside and is_above and _lost(names, firm[finest].keys, one.keys)[1].any():
                clashes[name] = str(finest).strip()
                del firm[name]
    keys = [key for one in firm.values() for key in one.keys]
    for name in loose if keys else []:
        if _gives_way(names, keys, found[name].keys, table[name]):
            clashes[name] = ", ".join(str(one).strip() for one in firm)
    return clashes


def _is_loose(one: NameColumn, column: pd.Series) -> bool:
    """Whether a column holds short numbers, and does not say of what."""
    says_nothing = one.role in LEVELS and not any(key.level for key in one.keys)
    return says_nothing and are_short_numbers(sample_of(column))


def _lost(names: Names, keys: list[Key], more: list[Key]) -> tuple[np.ndarray, np.ndarray]:
    """(rows (n,) that keys place, those of them that more keys take the place from)"""
    count = len(keys[0].codes)
    before = named(names, keys, count).row >= 0
    return before, before & (named(names, [*keys, *more], count).row < 0)


def _gives_way(names: Names, keys: list[Key], own: list[Key], column: pd.Series) -> bool:
    """Whether a column loses rows that keys place, without telling apart what these name.

    One that does is none either, where it loses half the rows of a patient, study or series.
    """
    before, lost = _lost(names, keys, own)
    if not lost.any():
        return False
    codes = np.stack([key.codes for key in keys], axis=1)[before]
    things = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
    pairs = np.unique(np.c_[things, pd.factorize(column[before].astype(str))[0]], axis=0)
    tells_apart = len(pairs) > things.max() + 1
    is_above = any(KINDS[key.kind] in LEVELS[1:] for key in keys)
    return not tells_apart or (is_above and lost.sum() * 2 >= before.sum())
