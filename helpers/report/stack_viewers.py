"""Which stacks get a viewer in a report, and what does a page hold of it?"""

from bisect import bisect_left
from itertools import chain, zip_longest
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.report.gallery import Gallery
from helpers.report.stack_pictures import StackInput
from helpers.slices.arrays import frames_of, paths_of, vectors
from helpers.slices.best import best_stacks
from helpers.viewer.choices import Choices
from helpers.viewer.image_data import Images
from helpers.viewer.images_html import stored_images
from helpers.viewer.opening import Opened, Opener, Wanted
from helpers.viewer.standalone_html import stored_viewer
from helpers.viewer.standalone_page import StoredViewer
from helpers.viewer.stored_volume import stored_size

MAX_MEMORY_MB = 500  # of the volumes that one process keeps; of a larger one slices are left out
MAX_GROUP = 40  # volumes of a group that are tried to be put into one page
CHOSEN_BY = "in turn those with an error or a warning, the best of each patient, and the others"


class StackViewer(NamedTuple):
    """What a page holds of a stack."""

    viewer: StoredViewer
    message: str  # about what is shown, such as which slices were left out
    slices: dict[int, int]  # number of a finding → index in the viewer of what it is about


class NoViewerError(ClearError):
    """A stack that no viewer can show."""


def chosen_stacks(gallery: Gallery, count: int) -> list[int]:
    """The numbers of the stacks that get a viewer, at most so many: `CHOSEN_BY`."""
    numbers = range(1, len(gallery) + 1)
    severities = {number: gallery.severity_of(number) for number in numbers}
    found = [
        number
        for wanted in ("error", "warning")
        for number in numbers
        if severities[number] == wanted
    ]
    best = [gallery.number_of(stack) for stack in best_stacks(gallery.tables.stacks).index]
    in_turn = chain.from_iterable(zip_longest(found, sorted(best)))
    return list(dict.fromkeys(filter(None, chain(in_turn, numbers))))[:count]


def is_first_of_group(gallery: Gallery, number: int) -> bool:
    """Whether the others of a stack's group, such as times or b-values, may stand on its page."""
    work = gallery.input(number, group=True)
    members = [gallery.number_of(stack) for stack in work.stacks.index]
    return 1 < len(members) <= MAX_GROUP and number == min(members)


def stack_viewer(work: tuple[StackInput, float]) -> StackViewer:
    """The viewer of a stack, in so many bytes; of its group where all of it has room there.

    Raises
    ------
    ClearError
        Where there is none: its pixels cannot be decoded, or not even one slice fits.
    """
    stack, room = work
    opened = _opened(stack)
    if opened.volume is not None:
        options = dict(opened.options)
        members = options.get("members")
        if members is not None and stored_size(opened.volume) * len(members) > room:
            options["members"] = None
        viewer = stored_viewer(opened.volume, room, **options)
        return StackViewer(viewer, opened.message, _in_volume(stack, viewer))
    if opened.images is None:
        raise NoViewerError(opened.message)
    images = Images(opened.images, badges=opened.options["badges"], max_mb=MAX_MEMORY_MB)
    viewer = stored_images(images, room, len(images) // 2)
    if all("error" in one for one in viewer.data["pictures"]):
        raise NoViewerError(viewer.data["pictures"][0]["error"])
    return StackViewer(viewer, opened.message, _in_images(stack, viewer, opened.images))


def _opened(stack: StackInput) -> Opened:
    choices = Choices(stack.slices, stack.stacks)
    opener = Opener(choices, findings=stack.findings, labels=stack.labels, max_mb=MAX_MEMORY_MB)
    return opener.open(Wanted(choices.patient_of(stack.stack), stack.stack))


def _in_volume(stack: StackInput, viewer: StoredViewer) -> dict[int, int]:
    """Where in the viewer of a volume the images lie that findings are about."""
    plane = viewer.data["meta"]["planes"][viewer.data["state"]["plane"]]
    inverse = np.array(plane["inverse"], float).reshape(3, 4)
    rows = _rows_of_findings(stack.rows, stack.findings)
    positions = vectors(stack.rows, "ImagePositionPatient", 3)
    found = {}
    for finding, row in rows.items():
        index = inverse[0] @ [*positions[row], 1]
        if -1 < index < plane["count"]:  # of slices that were left out, the nearest
            found[finding] = int(np.clip(round(float(index)), 0, plane["count"] - 1))
    return found


def _in_images(stack: StackInput, viewer: StoredViewer, images: pd.DataFrame) -> dict[int, int]:
    """Where in the viewer of images those stand that findings are about, or the nearest."""
    shown = list(viewer.rows)
    rows = _rows_of_findings(images, stack.findings)
    return {finding: min(bisect_left(shown, row), len(shown) - 1) for finding, row in rows.items()}


def _rows_of_findings(slices: pd.DataFrame, findings: pd.DataFrame) -> dict[int, int]:
    """The row of the image that each finding is about; of a file the first of its frames."""
    row_of: dict[object, int] = {}
    for row, (path, frame) in enumerate(zip(paths_of(slices), frames_of(slices))):
        row_of.setdefault(path, row)
        row_of[path, frame] = row
    found = {}
    for number, path, frame in zip(findings.index, findings["path"], findings["frame"]):
        is_whole = frame is None or frame != frame
        place = path if is_whole else (path, int(frame))
        if place in row_of:
            found[int(number)] = row_of[place]
    return found
