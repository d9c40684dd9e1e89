"""Which files of a collection label its images, and which images are these?"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import accumulate
from operator import and_, eq
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydicom import Dataset

from helpers.errors import ClearError, one_line, require_type
from helpers.files.names import absolute
from helpers.files.opening import open_file
from helpers.formats import GZIPPED
from helpers.headers.clinical import files_beside
from helpers.headers.elements import FastPathNotApplicable
from helpers.headers.pydicom_reader import NOT_DICOM, read_header
from helpers.headers.references import references_of, sequences_of
from helpers.headers.split_header import SplitHeader
from helpers.labels import nifti, segmentation, structures
from helpers.labels.contours import described_rois
from helpers.labels.loading import BY_REFERENCE
from helpers.labels.nifti import nifti_grid
from helpers.labels.placing import SAME_GRID
from helpers.labels.segmentation import segments_of
from helpers.privacy.pseudonyms import deidentified, shown_error
from helpers.runtime import quiet
from helpers.slices.functional_groups import read_frame_columns
from helpers.slices.grid import StackError, grid_affine
from helpers.slices.images import checked_headers
from helpers.slices.stacks import WITHOUT_SLICES, stack_table

COLUMNS = ["kind", "names", "PatientID", "SeriesInstanceUID", "stack", "by", "why"]
KINDS = {
    **dict.fromkeys(segmentation.CLASSES, segmentation.KIND),
    **dict.fromkeys(structures.CLASSES, structures.KIND),
}
BY_FRAME, BY_GRID = "same frame of reference", "same grid"
LAST_TAGS = {  # the last element that is read of a header, by kind
    segmentation.KIND: 0x52009229,  # Shared Functional Groups
    structures.KIND: 0x30060020,  # Structure Set ROI Sequence
}
SAID_OF_NIFTI = (f"{NOT_DICOM}: {nifti.FORMAT}", f"{NOT_DICOM}: {GZIPPED}{nifti.FORMAT}")
NIFTI_NAMES = ("*.nii", "*.nii.gz")
ON_NO_GRID = "no stack has the same grid"
MAX_FRAMES = 2**20  # of a file

Stack = tuple[str, int]


class Found(NamedTuple):
    """What a file of labels says of itself, and the stack that it lies on."""

    kind: str
    names: tuple[str, ...] = ()
    stack: Stack | None = None
    by: str = ""
    why: str = ""


def labels_of(
    headers: pd.DataFrame, slices: pd.DataFrame, stack: Stack | None = None
) -> pd.DataFrame:
    """The files of a collection that hold labels, and the stack that each lies on: one row a file.

    A file belongs to the stack whose images it names; where it names none that is here, to the best
    stack of its frame of reference; a NIfTI file, which has none, to one of the same grid, of
    several to that in the nearest folder, and to none where these are of several patients.
    NIfTI files are also looked for where `helpers.annotations_beside` looks for tables: in the
    collection's folder and the one above. There, one that has the grid of no stack is left out.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    slices : DataFrame of `helpers.slice_table`
    stack : an entry of the index of `helpers.stack_table`, to which the files must belong; None for
        all files, those that belong to no stack too

    Returns
    -------
    DataFrame, index ``path``; `helpers.load_labels` takes its rows

    - ``kind``: SEG, RTSTRUCT or NIfTI; ``names`` of the labels as a tuple, empty where only the
      values of the file tell
    - ``PatientID`` as the file says, else as the stack; ``SeriesInstanceUID`` and ``stack`` of the
      images, missing where none were found
    - ``by``: "references its images", "same frame of reference" or "same grid"; ``why`` there is
      no stack, or what is wrong with the file

    References
    ----------
    PS3.3 C.7.4.1 (Frame of Reference), C.12.2 (Common Instance Reference)
    """
    headers = checked_headers(headers)
    require_type(slices, pd.DataFrame, "of slice_table")
    headers = headers[~headers.index.duplicated()]
    kinds = _kinds(headers)
    candidates = headers[[kind != "" for kind in kinds]]
    beside = _nifti_beside(headers, slices) if len(headers) else []
    if not len(candidates) and not beside:
        return pd.DataFrame(columns=COLUMNS, index=pd.Index([], dtype=object, name="path"))
    targets = _Targets(slices)
    rows = {
        path: _row(_found(path, kind, row, targets), row, targets)
        for path, kind, row in zip(
            candidates.index, filter(None, kinds), candidates.to_dict("records")
        )
    }
    for path in beside:
        found = _found(path, nifti.KIND, {}, targets)
        if found.why != ON_NO_GRID:
            rows[path] = _row(found, {}, targets)
    index = pd.Index([*rows], dtype=object, name="path")
    table = pd.DataFrame([*rows.values()], columns=COLUMNS, index=index, dtype=object)
    if stack is None:
        return table
    own = [(row.SeriesInstanceUID, row.stack) == tuple(stack) for row in table.itertuples()]
    return table[np.array(own, bool)]


def _kinds(headers: pd.DataFrame) -> list[str]:
    """What kind of labels each file holds; empty for none."""
    classes = headers["SOPClassUID"] if "SOPClassUID" in headers else [None] * len(headers)
    return [
        KINDS.get(uid, nifti.KIND if str(error).startswith(SAID_OF_NIFTI) else "")
        for uid, error in zip(classes, headers["error"])
    ]


def _nifti_beside(headers: pd.DataFrame, slices: pd.DataFrame) -> list[str]:
    """The NIfTI files beside the images that the headers do not list."""
    files = files_beside(slices.index.unique("path"), *NIFTI_NAMES)
    listed = set(map(absolute, headers.index)) if files else set()
    return [path for path in files if path not in listed]


def _row(found: Found, row: dict[str, Any], targets: "_Targets") -> list[Any]:
    series, stack = found.stack or (None, None)
    patient = row.get("PatientID")
    if not isinstance(patient, str):
        patient = targets.patient(found.stack) if found.stack else None
    return [found.kind, found.names, patient, series, stack, found.by, found.why]


def _found(path: str, kind: str, row: dict[str, Any], targets: "_Targets") -> Found:
    """What a file says of itself, and where it belongs."""
    found = Found(kind)
    try:
        if kind == nifti.KIND:
            return _by_grid(path, targets)
        if isinstance(row.get("error"), str):
            return found._replace(why=row["error"])
        dataset = _beginning(path, LAST_TAGS[kind])
        found = found._replace(names=_names(dataset, kind))
        return _by_reference(path, found, row, dataset, targets)
    except ClearError as error:
        return found._replace(why=shown_error(str(error)))
    except Exception as error:  # whatever a broken file does to those that read it
        return found._replace(why=shown_error(one_line(error)))


def _names(dataset: Dataset, kind: str) -> tuple[str, ...]:
    """The names of the labels that a header describes."""
    if kind == structures.KIND:
        return tuple(one.name for one in described_rois(dataset))
    return tuple(one.name for one in segments_of(dataset) if not one.is_background)


def _beginning(path: str, last: int) -> Dataset:
    """The data set of a file as far as an element."""
    with quiet():
        try:
            with open_file(path) as file:
                return SplitHeader(file, last=last).dataset(())
        except (FastPathNotApplicable, ValueError):
            return read_header(path).dataset or Dataset()


def _by_reference(
    path: str, found: Found, row: dict[str, Any], dataset: Dataset, targets: "_Targets"
) -> Found:
    """The stack most of whose images a file names; else one of its frame of reference."""
    references = references_of(path, sequences_of(row.get("SOPClassUID")))
    instances = [one.instance for one in references] or _sources_of_frames(path, dataset)
    named = Counter(stack for one in instances for stack in targets.by_instance.get(one, ()))
    if named:
        most = max(named.values())
        best = min((stack for stack in named if named[stack] == most), key=targets.rank)
        return found._replace(stack=best, by=BY_REFERENCE)
    frames = _frames_of_reference(dataset, found.kind)
    alike = [stack for uid in frames for stack in targets.by_frame.get(uid, ())]
    if alike:
        return found._replace(stack=targets.best(alike, dataset), by=BY_FRAME)
    here = (
        f"none of the {len(instances)} images that it names is here"
        if instances
        else ("names no image")
    )
    frame = "nor any of its frame of reference" if frames else "and has no frame of reference"
    return found._replace(why=f"{here}, {frame}")


def _sources_of_frames(path: str, dataset: Dataset) -> list[str]:
    """The images that frames were derived from, where the header lists none."""
    count = dataset.get("NumberOfFrames") if "Rows" in dataset else None
    if not isinstance(count, int) or not 0 < count <= MAX_FRAMES:
        return []
    said = read_frame_columns(path, count).get("ReferencedSOPInstanceUID") or []
    uids = dict.fromkeys(one for one in said if isinstance(one, str))
    return [str(deidentified("SOPInstanceUID", uid)) for uid in uids]


def _frames_of_reference(dataset: Dataset, kind: str) -> list[str]:
    """The frames of reference that a file names, as the slice table has them."""
    found = [dataset.get("FrameOfReferenceUID")]
    if kind == structures.KIND:
        items = dataset.get("ReferencedFrameOfReferenceSequence") or []
        rois = dataset.get("StructureSetROISequence") or []
        found += [item.get("FrameOfReferenceUID") for item in items]
        found += [item.get("ReferencedFrameOfReferenceUID") for item in rois]
    uids = dict.fromkeys(str(uid) for uid in found if uid)
    return [str(deidentified("FrameOfReferenceUID", uid)) for uid in uids]


def _by_grid(path: str, targets: "_Targets") -> Found:
    """The stack on whose voxels those of a NIfTI file lie."""
    grid, found = nifti_grid(path), Found(nifti.KIND)
    corners = np.array([*np.ndindex(2, 2, 2)]) * np.subtract(grid.shape, 1)
    own = grid.affine[:3] @ np.c_[corners, np.ones(8)].T
    fitting = [
        stack
        for stack, (affine, shape) in targets.grids()
        if sorted(shape) == sorted(grid.shape) and _have_corners(affine, shape, own)
    ]
    if not fitting:
        return found._replace(why=ON_NO_GRID)
    near = targets.nearest(path, fitting)
    if len({str(targets.patient(stack)) for stack in near}) > 1:
        return found._replace(why=f"{len(near)} stacks of several patients have the same grid")
    more = "" if len(fitting) == 1 else f", of {len(fitting)} the nearest by its folder"
    return found._replace(stack=near[0], by=BY_GRID + more)


def _have_corners(affine: np.ndarray, shape: tuple[int, ...], corners: np.ndarray) -> bool:
    """Whether a grid has its corner voxels at corners (3, 8) in LPS mm."""
    voxels = (np.linalg.solve(affine, np.r_[corners, np.ones((1, 8))])[:3]).T
    ends = np.sort(voxels, axis=0)[[0, -1]]
    off = np.abs(ends - [[0, 0, 0], np.subtract(shape, 1)])
    whole = np.abs(voxels - np.round(voxels)) <= SAME_GRID
    return bool((off <= SAME_GRID).all() and whole.all())


class _Targets:
    """The stacks of images that labels may lie on, the best first."""

    def __init__(self, slices: pd.DataFrame) -> None:
        self._slices, table = slices, stack_table(slices)
        self._table = table[~table["kind"].isin(WITHOUT_SLICES)]
        self._ranks = {stack: n for n, stack in enumerate(self._table.index)}
        self._grids: dict[Stack, tuple[np.ndarray, tuple[int, ...]]] | None = None
        own = slices[slices.index.droplevel(["path", "frame"]).isin(self._table.index)]
        self.by_instance = self._by(own, "SOPInstanceUID")
        self.by_frame = self._by(own, "FrameOfReferenceUID")

    def rank(self, stack: Stack) -> int:
        """The place of a stack among those of `stack_table`."""
        return self._ranks[stack]

    def patient(self, stack: Stack) -> Any:
        """The Patient ID of a stack."""
        return self._table["PatientID"].get(stack)

    def best(self, stacks: list[Stack], dataset: Dataset) -> Stack:
        """The best of some stacks: a volume, then one with pixels as a segmentation has them."""
        size = dataset.get("Rows"), dataset.get("Columns")
        return min(
            stacks,
            key=lambda one: (not self._is_volume(one), self._size(one) != size, self.rank(one)),
        )

    def nearest(self, path: str, stacks: list[Stack]) -> list[Stack]:
        """Those of some stacks whose files share the longest path of folders with a file."""
        shared = [self._shared_folders(path, stack) for stack in stacks]
        return [stack for stack, count in zip(stacks, shared) if count == max(shared)]

    def grids(self) -> Iterator[tuple[Stack, tuple[np.ndarray, tuple[int, ...]]]]:
        """The affine and shape of each stack that is a volume."""
        if self._grids is None:
            self._grids = {}
            for stack in filter(self._is_volume, self._ranks):
                rows = self._slices.loc[stack]
                try:
                    shape = (len(rows), *self._size(stack))
                    self._grids[stack] = grid_affine(rows), shape
                except StackError:
                    continue
        yield from self._grids.items()

    def _shared_folders(self, path: str, stack: Stack) -> int:
        """How many folders, from the first on, a file and one of a stack have in common."""
        own = PurePath(path).parts[:-1]
        folders = {PurePath(one).parts[:-1] for one in self._slices.loc[stack].index.unique("path")}
        return max(sum(accumulate(map(eq, own, other), and_)) for other in folders)

    def _is_volume(self, stack: Stack) -> bool:
        return bool(self._table.loc[stack, "volume"] == "whole")

    def _size(self, stack: Stack) -> tuple[int, int]:
        row = self._table.loc[stack]
        return int(row["rows"]), int(row["columns"])

    def _by(self, slices: pd.DataFrame, keyword: str) -> dict[str, list[Stack]]:
        """The stacks that have each value of a keyword."""
        found: dict[str, dict[Stack, None]] = defaultdict(dict)
        if keyword in slices:
            stacks = slices.index.droplevel(["path", "frame"])
            pairs = pd.DataFrame({"value": slices[keyword].to_numpy(), "stack": stacks.to_numpy()})
            for value, stack in pairs.drop_duplicates().dropna().itertuples(index=False):
                found[value][stack] = None
        return {value: list(stacks) for value, stacks in found.items()}
