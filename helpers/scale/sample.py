"""Which files stand for all, where a collection is too large to look at? Whole patients."""

import numpy as np
import pandas as pd

from helpers.scale.reading import KEYS, NO_VALUE

GOLDEN_RATIO = (5**0.5 - 1) / 2  # whose multiples, modulo 1, leave no large gap
PATIENT, FOLDER, SERIES = (KEYS.index(name) for name in ("patient", "folder", "series"))


def sampled(kinds: np.ndarray, kind: np.ndarray, most: int) -> tuple[np.ndarray, int, int]:
    """(the numbers of files that stand for all, how many patients' they are, of how many).

    Patients are chosen all over the collection. Where each has too many files, of the one with the
    fewest the first series are taken, or the first files of the first series.

    Parameters
    ----------
    kinds : uint64 (t, len(KEYS)), the kinds of files
    kind : (n,) the number of each file's
    most : files
    """
    patient = pd.factorize(_owners(kinds))[0]
    files = np.bincount(patient[kind])
    chosen = evenly_chosen(files, most)
    found = np.flatnonzero(np.isin(patient, chosen)[kind])
    if len(found) > most:
        series = kinds[kind[found[: most + 1]], SERIES]
        ends = np.flatnonzero(series[1:] != series[:-1]) + 1
        found = found[: ends[-1] if len(ends) else most]
    return found, len(chosen), len(files)


def evenly_chosen(files: np.ndarray, most: int) -> np.ndarray:
    """The numbers of patients all over the collection, with at most so many files; one at least.

    They are taken in an order whose beginnings are spread evenly; who alone has more than half of
    so many is passed over where there is no room.

    Parameters
    ----------
    files : (n,) of each patient
    """
    order = np.argsort(np.arange(len(files)) * GOLDEN_RATIO % 1, kind="stable")
    chosen, left = [], most
    for patient, own in zip(order.tolist(), files[order].tolist()):
        if own <= left:
            chosen.append(patient)
            left -= own
        elif own <= most / 2:
            break
    return np.sort(chosen or [int(np.argmin(files))])


def _owners(kinds: np.ndarray) -> np.ndarray:
    """The patient (t,) of each kind of file: who it names, else whom alone its folder names."""
    patient, folder = kinds[:, PATIENT], kinds[:, FOLDER]
    named = np.unique(np.stack([folder, patient], axis=1)[patient != NO_VALUE], axis=0)
    folders, first, count = np.unique(named[:, 0], return_index=True, return_counts=True)
    folders, alone = folders[count == 1], named[first[count == 1], 1]
    if not len(folders):
        return patient
    place = np.minimum(np.searchsorted(folders, folder), len(folders) - 1)
    beside = np.where(folders[place] == folder, alone[place], NO_VALUE)
    return np.where(patient == NO_VALUE, beside, patient)
