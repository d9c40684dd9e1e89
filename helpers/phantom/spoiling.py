"""How is a fault registered, and which of a scan's files does it change?"""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import generate_uid

from helpers.phantom.encoding import Files


def fault(registry: dict[str, Callable]) -> Callable:
    """Puts the function below into a registry, by the name of the rule that finds what it does."""

    def register(spoil: Callable) -> Callable:
        registry[spoil.__name__.replace("_", "-")] = spoil
        return spoil

    return register


def middle(files: Files) -> str:
    """The name of the file in the middle."""
    return list(files)[len(files) // 2]


def second_half(files: Files) -> list[Dataset]:
    """The data sets of the second half of the files."""
    return list(files.values())[len(files) // 2 :]


def gap(datasets: Sequence[Dataset]) -> float:
    """The distance in mm of the first two images, from feet to head."""
    return abs(datasets[0].ImagePositionPatient[2] - datasets[1].ImagePositionPatient[2])


def move(files: Files, by_mm: tuple[float, float, float]) -> str:
    """Moves the image in the middle; returns its file's name."""
    dataset = files[middle(files)]
    moved = np.add(dataset.ImagePositionPatient, by_mm)
    dataset.ImagePositionPatient = np.round(moved, 4).tolist()
    return middle(files)


def remove(files: Files, keyword: str) -> list[str]:
    """Takes an element out of every file; returns their names."""
    for dataset in files.values():
        delattr(dataset, keyword)
    return list(files)


def give_uids(datasets: Iterable[Dataset], keyword: str) -> None:
    """Gives each data set a UID of its own."""
    for dataset in datasets:
        setattr(dataset, keyword, generate_uid(entropy_srcs=[dataset.SOPInstanceUID, keyword]))


def add_copy(files: Files, dataset: Dataset, **changes: Any) -> str:
    """Adds a copy as the next instance and returns its file name."""
    added = deepcopy(dataset)
    added.InstanceNumber = len(files) + 1
    sources = [dataset.SOPInstanceUID, "again", str(added.InstanceNumber)]
    added.SOPInstanceUID = generate_uid(entropy_srcs=sources)
    for keyword, value in changes.items():
        setattr(added, keyword, value)
    files[name := f"{added.InstanceNumber}.dcm"] = added
    return name
