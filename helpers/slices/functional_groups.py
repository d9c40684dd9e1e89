"""What does each frame of a multi-frame object say? Reads its functional groups (PS3.3 C.7.6.16).

A group is a sequence whose one item tells one thing, a macro: where a frame lies, when it was
taken. `helpers.slices.fast_groups` splits their bytes; pydicom reads what that leaves.
"""

import struct
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from helpers.headers.elements import (
    DIFFUSION_COLUMNS,
    DIFFUSION_GROUPS,
    FastPathNotApplicable,
    element_value,
    entry_of,
    private_creator,
    private_name,
)
from helpers.headers.pydicom_reader import read_header
from helpers.privacy.pseudonyms import deidentified, is_deidentified
from helpers.runtime import quiet
from helpers.slices.fast_groups import FRAME_GROUPS, SHARED_GROUPS, Values, split_groups


def read_frame_columns(path: str, count: int) -> dict[str, list[Any]]:
    """What each frame of a file says in its functional groups: keyword and `count` values.

    A value of the frame's own stands before one that all frames share; None where a frame says
    nothing. These are the elements of each functional group, and those one sequence deeper, such
    as the gradient's direction; of private ones b-values and directions alone, as columns of
    `helpers.header_table`. A file that cannot be read has no columns. Values are as they are, even
    where identity is hidden: `deidentified_columns` hides it.

    Parameters
    ----------
    path : file
    count : number of frames; those that the file does not list say what all frames share

    References
    ----------
    PS3.3 C.7.6.16
    """
    with quiet():
        shared, frames = _groups_of(path, count)
    keywords = dict.fromkeys(keyword for group in (shared, *frames) for keyword in group)
    frames += [{}] * (count - len(frames) if keywords else 0)
    return {
        keyword: [own.get(keyword, shared.get(keyword)) for own in frames] for keyword in keywords
    }


def read_shared_columns(path: str, count: int) -> dict[str, list[Any]]:
    """As `read_frame_columns`, of what all frames share alone."""
    with quiet():
        shared, _ = _groups_of(path, 0)
    return {keyword: [value] * count for keyword, value in shared.items()}


def deidentified_columns(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns, with pseudonyms for what identifies where that is hidden."""
    if not is_deidentified():
        return columns
    shown = {
        keyword: {value: deidentified(keyword, value) for value in dict.fromkeys(values)}
        for keyword, values in columns.items()
    }
    return {keyword: [shown[keyword][one] for one in values] for keyword, values in columns.items()}


def _groups_of(path: str, count: int) -> tuple[Values, list[Values]]:
    """(what all frames share, what each of the first `count` frames says)."""
    try:
        return split_groups(path, count)
    except (FastPathNotApplicable, OSError, ValueError, RecursionError, struct.error):
        pass
    try:
        return _by_pydicom(path, count)
    except Exception:  # whatever is wrong with the file, its row in the header table says so
        return {}, []


def _by_pydicom(path: str, count: int) -> tuple[Values, list[Values]]:
    dataset = read_header(path).dataset
    if dataset is None:
        return {}, []
    shared = _items(dataset, SHARED_GROUPS)[:1]
    frames = _items(dataset, FRAME_GROUPS)[:count]
    return (_values_of_group(shared[0]) if shared else {}), list(map(_values_of_group, frames))


def _values_of_group(group: Dataset) -> Values:
    """What one item of functional groups says."""
    own: Values = {}
    nested: Values = {}
    for tag in list(group.keys()):
        for macro in _items(group, tag)[:1]:
            own |= _values_of_item(macro, tag.is_private)
            for inner in list(macro.keys()):
                for item in _items(macro, inner)[:1]:
                    nested |= _values_of_item(item, tag.is_private or inner.is_private)
    return nested | own


def _items(dataset: Dataset, tag: BaseTag | int) -> list[Dataset]:
    """The items of a sequence; none where an element is no sequence, or cannot be read."""
    try:
        element = dataset[tag]
        return list(element.value) if element.VR == "SQ" else []
    except Exception:
        return []


def _values_of_item(item: Dataset, in_private: bool) -> Values:
    """The values of elements; in a private sequence only those of private ones."""
    names = {tag: _name(item, tag, in_private) for tag in list(item.keys())}
    return {name: element_value(item, tag) for tag, name in names.items() if name}


def _name(item: Dataset, tag: BaseTag, in_private: bool) -> str | None:
    """The column of an element; None for one that has none."""
    if not tag.is_private:
        return None if in_private else entry_of(tag)[0]
    if tag.group not in DIFFUSION_GROUPS or tag.is_private_creator:
        return None
    name = private_name(tag, private_creator(item, tag))
    return name if name in DIFFUSION_COLUMNS else None
