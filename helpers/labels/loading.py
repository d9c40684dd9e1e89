"""What is labelled in these files, on the voxels of this volume?"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.errors import ClearError, one_line, require_type
from helpers.files.opening import open_file
from helpers.formats import GZIPPED, SNIFFED_BYTES, format_of
from helpers.headers.table import header_table
from helpers.labels import nifti, segmentation, structures
from helpers.labels.annotation_marks import annotation_labels
from helpers.labels.labels import Label, LabelError, Labels, check_memory, map_dtype
from helpers.labels.nifti import nifti_labels
from helpers.labels.placing import placed
from helpers.labels.segmentation import segmentation_labels
from helpers.labels.structures import structure_labels
from helpers.privacy.pseudonyms import deidentified_table, is_deidentified, shown_error
from helpers.runtime import quiet
from helpers.volume.volume import Volume

Reader = Callable[..., Labels]
READERS: dict[str, Reader] = {  # SOP Class UID, or format → what reads it
    **dict.fromkeys(segmentation.CLASSES, segmentation_labels),
    **dict.fromkeys(structures.CLASSES, structure_labels),
    nifti.FORMAT: nifti_labels,
}
READABLE = "DICOM SEG, RTSTRUCT and NIfTI"
BY_REFERENCE = "references its images"  # how a row of `helpers.labels_of` was matched
FRAME_DIFFERS = "names another frame of reference than the images that it refers to"
SHOWN_FROM = 2  # sources, from which on a progress bar is shown


def load_labels(
    source: Any,
    volume: Volume,
    *,
    threshold: float = 0.5,
    names: Collection[str] | None = None,
    progress: bool | None = None,
) -> Labels:
    """What is labelled, on the voxels of a volume, as `Labels`.

    Where the grids differ each voxel takes the label at its centre, and a remark says so.

    Parameters
    ----------
    source : path, several paths, rows of `helpers.labels_of`, or of `helpers.annotation_table`
        DICOM segmentations, structure sets and NIfTI files; what a file is, its content says. A
        row of `labels_of` whose file names the images themselves is placed as its coordinates say
        even where it has another frame of reference, as some programs write it.
    volume : of `helpers.load_volume`, the images that the labels were drawn on
    threshold : share from which on a probability is taken for the label
    names : of the labels that are wanted, as their files have them or as they are shown; None takes
        all
    progress : whether to show a progress bar; None shows it for several sources

    Returns
    -------
    Labels; those of several sources together, with values counted on.

    Raises
    ------
    LabelError
        Where a source cannot be read, is of another frame of reference, or does not lie on the
        volume: names what was expected, and both geometries.
    """
    require_type(volume, Volume, "of load_volume")
    if isinstance(source, pd.DataFrame) and source.index.name != "path":
        return annotation_labels(_named(source, names), volume)
    paths = paths_of_source(source)
    if not isinstance(threshold, (int, float)) or not 0 < threshold <= 1:
        raise LabelError(f"expected a threshold above 0, of at most 1, got {threshold!r}")
    wanted = [names] if isinstance(names, str) else names
    trusted = _trusted(source)
    read = partial(_read, volume=volume, threshold=threshold, trusted=trusted)
    some = partial(read, names=wanted)
    shown = len(paths) >= SHOWN_FROM if progress is None else progress
    found = _together(map(some, tqdm(paths, "Loading labels", unit=" files", disable=not shown)))
    if wanted is None:
        return _with_unique_names(found)
    if not {label.name for label in found.labels}.issuperset(wanted):  # shown otherwise, or none
        found = _together(map(read, paths))
    return _chosen(found, wanted)


def readable_labels(sources: pd.DataFrame, volume: Volume) -> tuple[Labels | None, list[str]]:
    """(labels of those files that can be read, None where none can; why others cannot).

    Parameters
    ----------
    sources : rows of `helpers.labels_of`
    volume : of `helpers.load_volume`
    """
    found: Labels | None = None
    refused, trusted = [], _trusted(sources)
    for path in paths_of_source(sources):
        try:
            one = _read(path, volume, trusted=trusted)
            found = one if found is None else _both(found, one)
        except LabelError as error:
            refused.append(f"labels of {os.path.basename(path)} are not shown: {error}")
    return None if found is None else _with_unique_names(found), refused


def _named(annotations: pd.DataFrame, names: Collection[str] | None) -> pd.DataFrame:
    """The annotations that have one of some names; all where none are asked for."""
    if names is None or "name" not in annotations:
        return annotations
    return annotations[annotations["name"].isin([names] if isinstance(names, str) else names)]


def paths_of_source(source: Any) -> list[str]:
    """The paths that a source names: one, several, or rows of `helpers.labels_of`."""
    if isinstance(source, (str, os.PathLike)):
        return [os.fspath(source)]
    if isinstance(source, pd.DataFrame) and source.index.name == "path":
        return list(dict.fromkeys(map(os.fspath, source.index)))
    if isinstance(source, pd.Series) and isinstance(source.name, str) and "kind" in source:
        return [source.name]
    several = isinstance(source, (list, tuple)) and source
    if several and all(isinstance(one, (str, os.PathLike)) for one in source):
        return list(dict.fromkeys(map(os.fspath, source)))
    raise LabelError(
        f"expected a path, several, or rows of labels_of, got {type(source).__name__}"
        f"{' without any' if isinstance(source, (list, tuple, pd.DataFrame)) else ''}"
    )


def kind_of(path: str) -> str:
    """What a file is: its SOP Class UID, or its format as `helpers.formats` names it.

    Raises
    ------
    LabelError
        Where it cannot be read.
    """
    try:
        with open_file(path) as file:
            start = file.read(0, SNIFFED_BYTES)
    except OSError as error:
        raise LabelError(f"expected a file of labels, got {one_line(error)}") from None
    found = format_of(start)
    if found.removeprefix(GZIPPED) == nifti.FORMAT:
        return nifti.FORMAT
    headers = header_table([path], keywords=["SOPClassUID"], cache=False, progress=False)
    header = deidentified_table(headers).iloc[0]
    uid = header.get("SOPClassUID")
    if isinstance(uid, str):
        return uid
    raise LabelError(
        f"expected a file of labels ({READABLE}), got {header['error'] or found or 'no class'}: "
        f"{path}"
    )


def _trusted(source: Any) -> set[str]:
    """The paths of files that name the images that they belong to."""
    if isinstance(source, pd.Series):
        source = source.to_frame().T
    if not isinstance(source, pd.DataFrame) or "by" not in source:
        return set()
    return {*source.index[source["by"] == BY_REFERENCE].tolist()}


def _read(
    path: str,
    volume: Volume,
    threshold: float = 0.5,
    names: Collection[str] | None = None,
    trusted: Collection[str] = (),
) -> Labels:
    """The labels of one file on the grid of a volume; in one line what is wrong with it."""
    try:
        kind = kind_of(path)
        if kind not in READERS:
            raise LabelError(
                f"expected a file of labels ({READABLE}), got {_name_of(kind)}: {path}"
            )
        with quiet():  # pydicom's warnings quote values
            found = READERS[kind](
                path, volume, threshold=threshold, names=names, trusted=path in trusted
            )
        return _in_frame(found, volume)
    except Exception as error:  # whatever a broken file does to those that read it
        if isinstance(error, LabelError) and not is_deidentified():
            raise
        cause = None if is_deidentified() else error  # its words may quote a value
        raise LabelError(shown_error(_said(error, path))) from cause


def _said(error: Exception, path: str) -> str:
    """In one line why a file cannot be read."""
    if isinstance(error, LabelError):
        return str(error)
    if isinstance(error, ClearError):
        return f"cannot read labels: {error}"
    if isinstance(error, MemoryError):
        return f"expected labels that fit into memory, got more in {path}"
    return f"expected labels in {path}, got {one_line(error)}"


def _name_of(kind: str) -> str:
    from pydicom.uid import UID

    return UID(kind).name if kind[:1].isdigit() else kind


def _in_frame(labels: Labels, volume: Volume) -> Labels:
    """Labels on the grid of a volume, with a word where a file names another frame of reference.

    Its reader has asked whether it may.
    """
    own, other = labels.frame_of_reference, volume.frame_of_reference
    on_grid = placed(replace(labels, frame_of_reference=other), volume)
    remark = FRAME_DIFFERS if own and other and own != other else ""
    return replace(on_grid, remark="; ".join(filter(None, (on_grid.remark, remark))))


def _together(several: Iterable[Labels]) -> Labels:
    """Labels of several sources on one grid as one, with values counted on and their own names.

    A label map is laid into one that is there where it has room to itself.
    """
    together: Labels | None = None
    for one in several:
        together = one if together is None else _both(together, one)
    if together is None:
        raise LabelError("expected labels, got none")
    return together


def _with_unique_names(labels: Labels) -> Labels:
    """Labels of which none has the name of another: told apart by their files, else numbered."""
    sources: dict[str, set[str]] = defaultdict(set)
    for label in labels.labels:
        sources[label.name].add(label.source)
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    named = []
    for label in labels.labels:
        name = shown = label.name
        if len(sources[name]) > 1 and not is_deidentified():
            name = shown = f"{name} ({os.path.basename(label.source).partition('.')[0]})"
        while shown in taken or (shown in sources and shown != label.name):
            numbers[name] += 1
            shown = f"{name} ({numbers[name] + 1})"
        taken.add(shown)
        named.append(replace(label, name=shown))
    return replace(labels, labels=tuple(named))


def _both(first: Labels, second: Labels) -> Labels:
    start = max((label.value for label in first.labels), default=0)
    most = start + max((label.value for label in second.labels), default=0)
    dtype = map_dtype(most)
    check_memory((len(first.maps) + 1) * dtype.itemsize, first.shape)
    maps, layers = list(first.maps), []
    for label_map in second.maps:
        layer = next((n for n, one in enumerate(maps) if _have_room(one, label_map)), len(maps))
        if layer == len(maps):
            maps.append(np.zeros(first.shape, dtype))
        maps[layer] = _laid(maps[layer], label_map, start, dtype)
        layers.append(layer)
    labels = [_moved(label, start, layers) for label in second.labels]
    marks = [replace(mark, value=mark.value + start) for mark in second.marks]
    return replace(
        first,
        maps=tuple(maps),
        labels=(*first.labels, *labels),
        marks=(*first.marks, *marks),
        remark="; ".join(dict.fromkeys(filter(None, (first.remark, second.remark)))),
        _counts={},
    )


def _have_room(label_map: np.ndarray, other: np.ndarray) -> bool:
    """Whether two label maps have no voxel in common."""
    return not any(((one != 0) & (two != 0)).any() for one, two in zip(label_map, other))


def _laid(label_map: np.ndarray, other: np.ndarray, start: int, dtype: np.dtype) -> np.ndarray:
    """A label map with the labels of another one, whose values follow `start`."""
    fits = label_map.dtype == dtype and label_map.flags.writeable and label_map.flags.c_contiguous
    result = label_map if fits else np.array(label_map, dtype, order="C")
    for here, there in zip(result, other):
        np.add(there, start, out=here, where=there != 0, casting="unsafe", dtype=dtype)
    return result


def _moved(label: Label, start: int, layers: Sequence[int]) -> Label:
    layer = None if label.layer is None else layers[label.layer]
    return replace(label, value=label.value + start, layer=layer)


def _chosen(labels: Labels, names: Collection[str]) -> Labels:
    """The labels that have one of some names, in their files or as they are shown.

    Refuses a name that none has; says which there are.
    """
    shown = _with_unique_names(labels)
    both = [{one.name, own.name} for one, own in zip(shown.labels, labels.labels)]
    if missing := [name for name in names if not any(name in one for one in both)]:
        there = ", ".join(label.name for label in shown.labels) or "none"
        raise LabelError(f"expected labels of {there}, got {missing[0]!r}")
    kept = [one for one, own in zip(shown.labels, both) if not own.isdisjoint(names)]
    return shown if len(kept) == len(both) else _only(shown, kept)


def _only(labels: Labels, kept: Sequence[Label]) -> Labels:
    """Some of several labels, with values counted from 1."""
    values = np.zeros(max(label.value for label in labels.labels) + 1, int)
    values[[label.value for label in kept]] = np.arange(1, len(kept) + 1)
    return replace(
        labels,
        maps=tuple(values.astype(one.dtype)[one] for one in labels.maps),
        labels=tuple(replace(label, value=int(values[label.value])) for label in kept),
        marks=tuple(
            replace(mark, value=int(values[mark.value]))
            for mark in labels.marks
            if values[mark.value]
        ),
        _counts={},
    )
