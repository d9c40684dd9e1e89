"""What do the headers of a plan say, and which stacks are in them? Tables without any file."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
from truth_elements import TIMES
from truth_plans import Collection

SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
UIDS = ("SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
MISSING_UID = "no SeriesInstanceUID"
JITTER = 15.0  # ms that a time differs at most from slice to slice; repetitions are 23 and more
COSINE_NOISE = 1e-7  # as two ways to write one orientation differ
FIRST_UID = "1.2.826.0.1.3680043.8.498"


@dataclass(frozen=True)
class Stack:
    """What has to come back: paths in spatial order, those at one position together."""

    series: str
    positions: tuple  # of frozensets of paths, one for each position, along the normal
    told: str | None
    value: object
    whole: bool | None
    kind: str
    ranked: bool
    spacing: float
    sisters: str | None  # equal for stacks of one grid that differ by meaning


def headers_and_truth(collection: Collection) -> tuple[pd.DataFrame, list[Stack]]:
    """The header table of a plan, its rows shuffled, and the stacks that are in it."""
    rng = np.random.default_rng(collection.seed)
    rows, stacks = [], []
    for number, series in enumerate(collection.series):
        images = _images(series)
        _number(images, series.numbering, rng)
        _fill(images, series, number, rng)
        images += _copied(images, series.copies, rng)
        stacks += _truth(images, series, f"{number}")
        rows += [image["row"] for image in images]
    return header_frame([rows[place] for place in rng.permutation(len(rows))]), stacks


def header_frame(rows: list[dict]) -> pd.DataFrame:
    """Rows as `header_table` gives them: numbers are numbers, all else objects, missing is None."""
    keywords = list(dict.fromkeys(keyword for row in rows for keyword in row if keyword != "path"))
    columns = {keyword: [row.get(keyword) for row in rows] for keyword in keywords}
    index = pd.Index([row["path"] for row in rows], dtype=object, name="path")
    table = {keyword: _column(values, index) for keyword, values in columns.items()}
    return pd.DataFrame(table, index=index)


def header_row(path: str, **values) -> dict:
    """A row of one axial image, as a header table has it; None takes an element away."""
    row = {
        "path": path,
        "ImageType": ("ORIGINAL", "PRIMARY", "AXIAL"),
        "SOPClassUID": SOP_CLASSES[values.get("Modality") or "CT"],
        "SOPInstanceUID": f"{FIRST_UID}.9.{crc32(path.encode())}",
        "Modality": "CT",
        "PatientID": "one",
        "StudyInstanceUID": f"{FIRST_UID}.1",
        "SeriesInstanceUID": f"{FIRST_UID}.2",
        "FrameOfReferenceUID": f"{FIRST_UID}.3",
        "SeriesNumber": 1,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 16,
        "Columns": 20,
        "PixelSpacing": (0.7, 0.7),
        "ImageOrientationPatient": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        "SliceThickness": 2.0,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleIntercept": 0.0,
        "RescaleSlope": 1.0,
        "error": None,
        "file_size": 2000,
        "pixel_offset": 1360,
        "TransferSyntaxUID": "1.2.840.10008.1.2.1",
        "private_elements": 0,
    }
    return row | values


def renamed(headers: pd.DataFrame, rng: np.random.Generator, ordered: bool) -> pd.DataFrame:
    """The table with other UIDs, whose order as text is the same or any."""
    table = headers.copy()
    for keyword in UIDS:
        old = sorted({uid for uid in headers[keyword] if uid is not None})
        numbers = np.arange(len(old)) if ordered else rng.permutation(len(old))
        new = {uid: f"1.3.{number:09}" for uid, number in zip(old, numbers, strict=True)}
        table[keyword] = pd.Series([new.get(uid) for uid in headers[keyword]], table.index, object)
    return table


def _column(values, index):
    numeric = [value for value in values if value is not None]
    if numeric and all(isinstance(value, (int, float)) for value in numeric):
        filled = [np.nan if value is None else value for value in values]
        huge = any(isinstance(value, int) and abs(value) >= 2**63 for value in numeric)
        return pd.Series(filled, index, dtype=object if huge else None)
    return pd.Series(values, index, dtype=object)


# images of a series, in the order of their parts


def _images(series):
    """One dictionary for each image: where it belongs, and `row`, what its header says."""
    images = []
    for block_number, block in enumerate(series.blocks):
        for part_number, part in enumerate(block.parts):
            where = {"block": block_number, "part": part_number}
            taken = [(n, False) for n in range(len(part.places))]
            for n, again in [*taken, *((n, True) for n in part.retaken)]:
                which = {"n": n, "place": part.places[n], "retaken": again}
                images.append(where | which | {"row": _values(part, n) | block.own})
    return images


def _values(part, n):
    """What the header of the n-th image of a part says that those of its sisters may not."""
    each = part.meaning.items()
    return {keyword: value[n] if isinstance(value, list) else value for keyword, value in each}


def _number(images, numbering, rng):
    """Instance Numbers: part by part, place by place, or any; a retake comes last."""
    order = {
        "part": ("block", "retaken", "part", "n"),
        "place": ("block", "retaken", "place", "part"),
        "shuffled": (),
    }[numbering]
    images = images if order else [images[n] for n in rng.permutation(len(images))]
    ordered = sorted(images, key=lambda image: [image[key] for key in order])
    for number, image in enumerate(ordered):
        image["row"]["InstanceNumber"] = number + 1


def _fill(images, series, number, rng):
    """Completes the rows of a series: names, geometry, bookkeeping."""
    folder = f"series{number}" if not series.named else f"disk{rng.integers(2)}/{number}"
    files = rng.permutation(len(images))
    for image, file in zip(images, files.tolist(), strict=True):
        block = series.blocks[image["block"]]
        own = {
            **_identity(series, number, file),
            **_geometry(block.grid, image["place"], series, rng),
            **_bookkeeping(image, file, block, series, rng),
        }
        row = header_row(f"{folder}/{file:04}.dcm", **own) | image["row"]
        part = block.parts[image["part"]]
        if part.ranked and part.kind == "volume":
            time = [keyword for keyword in part.meaning if keyword in TIMES][-1]
            row[time] = round(row[time] + float(rng.uniform(-JITTER, JITTER)), 4)
        image["row"] = row


def _identity(series, number, file):
    study = f"{FIRST_UID}.1.{number % 2}"
    per_file = f"{FIRST_UID}.8.{number}.{file}"
    return {
        "Modality": series.modality,
        "PatientID": f"patient {number % 2}",
        "StudyInstanceUID": per_file if "study" in series.distractors else study,
        "SeriesInstanceUID": f"{FIRST_UID}.2.{number}" if series.named else None,
        "SeriesNumber": number + 1,
        "SOPInstanceUID": f"{FIRST_UID}.4.{number}.{file}",
        "FrameOfReferenceUID": per_file if "frame" in series.distractors else f"{study}.3",
    }


def _geometry(grid, place, series, rng):
    position = grid.position(place)
    cosines = grid.axes[:2].ravel()
    if "noise" in series.distractors:
        cosines = cosines + rng.uniform(-COSINE_NOISE, COSINE_NOISE, 6)
    digits = 4 - int(np.floor(np.log10(grid.pixel_spacing)))  # a 10,000th of a pixel and less
    return {
        "Rows": grid.rows,
        "Columns": grid.columns,
        "PixelSpacing": (grid.pixel_spacing, grid.pixel_spacing),
        "ImageOrientationPatient": tuple(cosines.round(10).tolist()),
        "ImagePositionPatient": tuple(position.round(digits).tolist()),
        "SliceThickness": grid.step,
    }


def _bookkeeping(image, file, block, series, rng):
    """What varies without any meaning, and the clock where that breaks a tie."""
    place, step = int(image["place"]), block.grid.step
    digit = place if block.steady else place % 3
    clock = f"1{rng.integers(10)}{rng.integers(10, 60)}{rng.integers(10, 60)}.{file:06}"
    varying = {
        "thickness": {"SliceThickness": step * (1 + 0.001 * digit)},
        "acquisition": {"AcquisitionNumber": 1 + place % 2},
        "stack": {"StackID": str(1 + place % 2), "InStackPositionNumber": 1 + place},
        "clock": {"AcquisitionTime": clock, "ContentTime": clock},
        "table": {"TablePosition": round(-10.0 * step * place, 6)},
    }
    found = {}
    for name in varying.keys() & series.distractors:
        found |= varying[name]
    if block.numbers == "clock":
        found["AcquisitionTime"] = f"09{image['part']:02}00.000000"
    return found


def _copied(images, copies, rng):
    """Files of the same objects once more, beside them, under other names."""
    chosen = {"none": 0, "some": 2, "all": len(images)}[copies]
    return [
        images[n] | {"row": images[n]["row"] | {"path": images[n]["row"]["path"] + ".copy"}}
        for n in rng.permutation(len(images))[:chosen]
    ]


# what has to come back


def _truth(images, series, name):
    stacks = []
    for block_number, block in enumerate(series.blocks):
        for part_number, part in enumerate(block.parts):
            own = [i for i in images if (i["block"], i["part"]) == (block_number, part_number)]
            paths = [
                frozenset(image["row"]["path"] for image in own if image["n"] == n)
                for n in range(len(part.places))
            ]
            stacks.append(_stack(part, block, own, tuple(paths), f"{name}.{block_number}"))
    return stacks


def _stack(part, block, images, paths, sisters):
    uid = images[0]["row"]["SeriesInstanceUID"]
    once = len(images) == len(part.places)
    return Stack(
        series=MISSING_UID if uid is None else uid,
        positions=paths,
        told=part.told,
        value=part.value,
        whole=part.whole if once else None,
        kind=part.kind,
        ranked=part.ranked,
        spacing=block.grid.step,
        sisters=sisters if block.one_group else None,
    )
