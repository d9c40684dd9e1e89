"""What does the viewer need to know of the labels on a volume? JSON, and bytes for each slice."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from helpers.errors import require_type
from helpers.geometry.planes import PLANES
from helpers.labels.labels import Label, LabelError, Labels, SliceLabels
from helpers.labels.placing import placed
from helpers.pictures.colours import is_repeated_colour, label_colour
from helpers.pictures.labelled import label_text
from helpers.viewer.stored_picture import png
from helpers.volume.volume import Volume

MAX_STORED = np.iinfo(np.uint8).max  # labels of a page, whose pictures have 8 bits


def checked_labels(labels: Labels, volume: Volume) -> Labels:
    """Labels that lie on the grid of a volume.

    Raises
    ------
    LabelError
        Where they lie on another grid.
    """
    require_type(labels, Labels, "of load_labels")
    if labels.shape != volume.array.shape or not np.allclose(labels.affine, volume.affine):
        raise LabelError(
            f"expected labels on the grid of {volume!r}, got {labels!r}: "
            "load_labels(source, volume)"
        )
    return labels


def labels_data(labels: Labels, shown: Labels | None = None) -> dict[str, Any]:
    """All that does not change while labels are looked at, as a dict of JSON's own types.

    ``items`` are the labels with their colours; ``counts`` says for each slice of each plane how
    many voxels, or marks, it has. ``marks`` have their ``places`` by plane and slice.

    Parameters
    ----------
    shown : the same labels on the grid that is looked at, where that is another
    """
    shown = shown or labels
    return {
        "items": [_item(label, labels, shown) for label in labels.labels],
        "layers": len(labels.maps),
        "bytes": _dtype(labels.maps).itemsize,
        "marks": _marks(shown),
        "remark": labels.remark,
    }


def label_bytes(labels: Labels, plane: str, index: int) -> list[bytes]:
    """The label maps of one slice, row by row."""
    dtype = _dtype(labels.maps)
    maps = labels.slice(plane, index).maps
    return [np.ascontiguousarray(one, dtype).tobytes() for one in maps]


def stored_labels(labels: Labels, volume: Volume) -> dict[str, Any]:
    """Labels as a page without a kernel holds them, on the grid of what is left of their volume.

    Raises
    ------
    LabelError
        Where there are more labels than a byte can name.
    """
    shown = placed(labels, volume)
    if len(labels.labels) > MAX_STORED:
        raise LabelError(
            f"expected at most {MAX_STORED} labels on a page without a kernel, got "
            f"{len(labels.labels)}: load_labels(source, volume, names=[…]) takes some"
        )
    maps = [[_picture(section) for section in one] for one in shown.maps]
    return {**labels_data(labels, shown), "maps": maps}


def stored_labels_size(labels: Labels) -> int:
    """Bytes that the pictures of labels take on a page, about: all as large as the largest."""
    fullest = (np.count_nonzero(one, axis=(1, 2)).argmax() for one in labels.maps)
    sizes = (len(_picture(one[index])) for one, index in zip(labels.maps, fullest))
    return labels.shape[0] * sum(sizes)


def shown_labels(labels: SliceLabels, hidden: Sequence[int]) -> SliceLabels:
    """The labels of a picture without those that are switched off, by their values."""
    kept = tuple(label for label in labels.labels if label.value not in hidden)
    marks = tuple(mark for mark in labels.marks if mark.value not in hidden)
    return SliceLabels(kept, labels.maps, marks, labels.ml)


def _dtype(maps: Sequence[np.ndarray]) -> np.dtype:
    """The little-endian type that holds the values of all label maps."""
    return np.result_type(np.uint8, *(one.dtype for one in maps)).newbyteorder("<")


def _picture(section: np.ndarray) -> str:
    """A slice of a label map as PNG in base64."""
    return png(section.astype(np.uint8))


def _item(label: Label, labels: Labels, shown: Labels) -> dict[str, Any]:
    ml = None if label.layer is None else labels.ml(label)
    return {
        "name": label.name,
        "text": label_text(label, ml),
        "about": "; ".join(filter(None, (label.kind, label.by, label.remark))),
        "value": label.value,
        "layer": label.layer,
        "colour": label_colour(label.value),
        "dashed": is_repeated_colour(label.value),
        "counts": {plane: shown.counts(label, plane).tolist() for plane in PLANES},
    }


def _marks(labels: Labels) -> list[dict[str, Any]]:
    """The marks, each with its places (row, column) in the slices of each plane that show it."""
    marks = []
    for mark in labels.marks:
        seen = {plane: labels.places(mark, plane) for plane in PLANES}
        marks.append(
            {"value": mark.value, "shape": mark.shape, "words": mark.words, "places": seen}
        )
    return marks
