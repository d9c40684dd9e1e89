"""Do labels belong to the images that they are said to be of? Rules that look at headers alone.

What is wrong with labels as they lie, `helpers.quality.label_pixel_rules` finds.
"""

from collections.abc import Iterator

import numpy as np

from helpers.labels import segmentation, structures
from helpers.quality.findings import COLLECTION, Finding, Rule, rule
from helpers.quality.rules import Collection
from helpers.slices.persons import PERSONAL, of_several_values

LABEL_CLASSES = (*segmentation.CLASSES, *structures.CLASSES)

LABEL_RULES: dict[str, Rule] = {}


@rule(
    LABEL_RULES,
    "warning",
    said_once=True,
    effect="Where it lies on its images is not known: positions count from different origins.",
    clause="PS3.3 C.7.4.1, C.8.8.5",
    remedy="Ask for the original files; take it for one of these images only where its outlines "
    "were seen to fit.",
)
def label_of_another_frame(collection: Collection) -> Iterator[Finding]:
    """Segmentations and structures of another Frame of Reference than the images they refer to."""
    rows = np.flatnonzero(collection.column("SOPClassUID").isin(LABEL_CLASSES))
    if not len(rows):
        return
    own_frames = collection.column("FrameOfReferenceUID")
    frame_of = {
        **collection.elsewhere,
        **dict(zip(collection.column("SOPInstanceUID"), own_frames)),
    }
    findings = []
    for row in rows.tolist():
        path, own = collection.headers.index[row], own_frames.iloc[row]
        pairs = [
            (one.frame_of_reference or own, frame_of.get(one.instance))
            for one in collection.references.get(path, ())
        ]
        known = [pair for pair in pairs if all(isinstance(uid, str) for uid in pair)]
        if known and not any(own == other for own, other in known):
            own, other = known[0]
            findings.append(Finding(f"of {own}, its images of {other}", path))
    yield from findings


@rule(
    LABEL_RULES,
    "warning",
    scope=COLLECTION,
    effect="What is learned of a patient is of several; splits by patient may leak.",
    clause="PS3.3 C.7.1.1",
    remedy="Find out who is meant; an anonymiser may have given one Patient ID to several, or "
    "changed the other elements.",
)
def several_persons(collection: Collection) -> Iterator[Finding]:
    """Patient IDs under which several sexes or birth dates stand.

    Names are not compared: one person's may be written in several ways.
    """
    found: dict[int, dict[str, np.ndarray]] = {}
    for keyword in PERSONAL:
        for rows in of_several_values(collection.files, keyword, collection.file_counts):
            patient = int(collection.files.codes("PatientID")[rows[0]])
            found.setdefault(patient, {})[keyword] = rows
    for own in found.values():
        words = [f"{len(rows)} {PERSONAL[word]} ({word})" for word, rows in own.items()]
        row = int(next(iter(own.values()))[-1])
        named = collection.column("PatientID").iloc[row]
        yield Finding(f"{' and '.join(words)} of {named}", collection.headers.index[row])
