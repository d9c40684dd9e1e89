"""What was done to a volume that was exported, for who finds its file: as JSON beside it."""

import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np

from helpers.labels.labels import Label, Labels
from helpers.privacy.pseudonyms import deidentified, shown_error
from helpers.volume.volume import Volume

SUITE = "dicom-notebook-suite"  # as its package is called


class Written(NamedTuple):
    """What was written, and how."""

    files: list[str]
    label_files: list[str]  # where each label map stands
    about: dict[str, Any]  # the format, what its axes are and where they lie
    done: list[str]  # what was done to write it, in words
    packages: list[str]  # that wrote it


def record_of(
    volume: Volume,
    original: Volume,
    labels: Labels | None,
    written: Written,
    done: Sequence[str],
    *,
    identity: bool,
) -> dict[str, Any]:
    """What a volume is, where it comes from and what was done, as JSON takes it.

    Parameters
    ----------
    volume, labels : as they were written
    original : as it was given
    done : what was done, in order and in words, after what was done to `original` before
    identity : whether patient, description and files are named
    """
    before = shown_error(original.caption.get("remark", ""))
    return {
        "files": written.files,
        **written.about,
        "source": _source(original, identity),
        "unit": volume.unit,
        "dtype": str(volume.array.dtype),
        "anatomical_orientation": volume.anatomical_orientation,
        "low_values_are_white": volume.inverted,
        "done": [*filter(None, (before, *done, *written.done))],
        "padding": _padding(volume),
        **({} if labels is None else _labels(labels, written.label_files, identity)),
        "versions": {"python": sys.version.split()[0], **_versions([SUITE, *written.packages])},
    }


def as_json(record: dict[str, Any]) -> str:
    """The record as text, with a line for each entry, and for each row of one that has several."""
    entries = [f" {_text(name)}: {_lines(value)}" for name, value in record.items()]
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _lines(value: Any) -> str:
    """A value in one line, or rows in one line each."""
    rows = _plain(value) if isinstance(value, np.ndarray) else value
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], (list, dict)):
        return _text(rows)
    return "[\n  " + ",\n  ".join(map(_text, rows)) + "\n ]"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)


def _source(volume: Volume, identity: bool) -> dict[str, Any]:
    """Where the voxels come from; who it is of only where that is asked for."""
    uids = {
        "SeriesInstanceUID": deidentified("SeriesInstanceUID", volume.series),
        "FrameOfReferenceUID": deidentified("FrameOfReferenceUID", volume.frame_of_reference),
        "files": len(volume.paths),
    }
    if not identity:
        return uids
    named = {"PatientID": "patient", "SeriesDescription": "series"}
    words = {keyword: volume.caption.get(key, "") for keyword, key in named.items()}
    return {**uids, **words, "paths": list(volume.paths)}


def _labels(labels: Labels, files: Sequence[str], identity: bool) -> dict[str, Any]:
    """The names of the values in label maps, how large each is, and what is not in the maps."""
    rows = [
        {
            "name": label.name if identity else _without_file(label),
            "value": label.value,
            "file": files[label.layer or 0],
            "voxels": int(np.count_nonzero(labels.mask(label))),
            "ml": round(labels.ml(label), 4),
            **_made(label, identity),
        }
        for label in labels.masks
    ]
    remark = shown_error(labels.remark)
    return {"labels": rows, "labels_remark": remark, "marks_left_out": len(labels.marks)}


def _padding(volume: Volume) -> dict[str, Any] | None:
    """Which values stand where nothing was measured; None where all was."""
    if volume.padding is None or not volume.padding.any():
        return None
    values = volume.array[volume.padding]
    guess = volume.caption.get("padding", "")
    low, high = values.min().item(), values.max().item()
    return {"voxels": len(values), "lowest_value": low, "highest_value": high, "remark": guess}


def _without_file(label: Label) -> str:
    """The name of a label; without that of its file, which may be a patient's."""
    stem = os.path.basename(label.source).partition(".")[0]
    return label.name.replace(f" ({stem})", "") if stem else label.name


def _made(label: Label, identity: bool) -> dict[str, str]:
    """Who made a label, as far as there is a word on it."""
    words = {"kind": label.kind, "by": label.by, "remark": label.remark}
    if identity:
        words["source"] = label.source
    return {name: word for name, word in words.items() if word}


def _versions(packages: Sequence[str]) -> dict[str, str]:
    return {name: _version(name) for name in dict.fromkeys(packages)}


def _version(package: str) -> str:
    """Its version; unknown for this suite where a page carries it along."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _plain(value: Any) -> Any:
    """Numbers of numpy as JSON has them; zero has no sign."""
    return np.add(value, 0).tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
