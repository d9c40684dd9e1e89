"""Which stacks are here, how far apart do their slices lie, and how many are there, honestly?"""

import os

import numpy as np
import pandas as pd
from pydicom.datadict import tag_for_keyword

from helpers.errors import WrongTypeError, require_type
from helpers.geometry.grids import begins, distinct_counts
from helpers.geometry.orientation import tilt_deg
from helpers.slices.arrays import of_distinct
from helpers.slices.assignment import originals_of
from helpers.slices.differences import differences, read_alike
from helpers.slices.elements import shown
from helpers.slices.images import MissingColumnError, checked_headers
from helpers.slices.kinds import KINDS
from helpers.slices.measures import Measures
from helpers.slices.table import LEVELS, NOTHING_ELSEWHERE, Elsewhere, slice_table
from helpers.slices.words import problems_of, volume_of

# kinds whose images are no slices of a patient, or hold many whose number may not be said
WITHOUT_SLICES = ("dose", "segmentation", "slide", "mosaic")


def stack_table(slices: pd.DataFrame) -> pd.DataFrame:
    """One row per stack: without problems and with most positions first, doses and masks last.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`

    Returns
    -------
    DataFrame, index ``(SeriesInstanceUID, stack)``

    - ``PatientID``, ``Modality``, ``SeriesNumber``, ``SeriesDescription``, ``kind``, ``group``,
      ``split_keyword``, ``split_value``: as of its images
    - ``ImageOrientationPatient`` as its first image has it; ``plane``; ``tilt_deg``, the angle of
      the normal to the nearest patient axis; ``shear_deg``, the angle between the normal and the
      line of positions: a tilted gantry
    - ``files``, ``images`` (frames), ``positions`` (distinct; one for a cine; where none is known
      every image counts), ``rows``, ``columns``
    - ``spacing_mm`` (median gap along the normal), ``gap_min_mm``, ``gap_max_mm``, ``extent_mm``:
      measured; ``thickness_mm`` and ``declared_spacing_mm``: what the header says, to stand beside
      them
    - ``order_grade``: A by position; B by Slice Location, a guess; C by time, number or frame; D
      by file name
    - ``volume``: whether `helpers.load_volume` takes it: whole, in part (its longest even run), or
      no
    - ``problems``: text, empty for none
    - ``differs``: what tells it from stacks of its patient that would read alike, such as "kernel
      B70f"; text, empty where none does. `helpers.stack_label` names a stack in a line.

    References
    ----------
    PS3.3 C.7.6.2.1.1 (position, orientation), C.7.6.2.1.2 (Slice Location is relative to no known
    point)
    """
    measures = Measures(checked_slices(slices))
    low, high = measures.ends
    orientations = measures.first_of("ImageOrientationPatient")
    columns = {
        **{word: measures.first_of(word) for word in ("PatientID", "Modality")},
        "SeriesNumber": of_distinct(measures.first_of("SeriesNumber"), _plain),
        "SeriesDescription": measures.first_of("SeriesDescription"),
        "kind": measures.kind,
        "group": measures.first_of("group").astype(int),
        **{word: measures.first_of(word) for word in ("split_keyword", "split_value")},
        "ImageOrientationPatient": orientations,
        "plane": measures.plane,
        "tilt_deg": np.round(of_distinct(orientations, tilt_deg).astype(float), 2),
        "shear_deg": np.round(measures.shear, 2),
        "files": _files(measures),
        "images": measures.counts,
        "positions": measures.positions,
        "rows": _whole(measures, "Rows"),
        "columns": _whole(measures, "Columns"),
        "spacing_mm": measures.median_gap,
        "gap_min_mm": low,
        "gap_max_mm": high,
        "thickness_mm": measures.numbers("SliceThickness")[measures.starts],
        "declared_spacing_mm": measures.numbers("SpacingBetweenSlices")[measures.starts],
        "extent_mm": np.where(np.isfinite(low), measures.sums(np.nan_to_num(measures.gap)), np.nan),
        "order_grade": measures.grade,
        "volume": volume_of(measures),
        "problems": problems_of(measures),
        "differs": differences(measures, read_alike(measures)),
    }
    best = _best_first(columns, measures)
    index = measures.stacks[best]
    return pd.DataFrame(
        {name: pd.Series(one[best], index, one.dtype) for name, one in columns.items()}, index
    )


def slice_counts(
    headers: pd.DataFrame,
    slices: pd.DataFrame | None = None,
    by: str = "PatientID",
    *,
    elsewhere: Elsewhere = NOTHING_ELSEWHERE,
) -> pd.DataFrame:
    """How many slices, counted honestly: from files down to distinct positions.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    slices : DataFrame of `helpers.slice_table` for these headers; None makes it
    by : a column of `headers`. A file that does not say belongs to the one its folder's other
        files agree on, else to ``"?"``; a stack to what its first image says.
    elsewhere : as of `helpers.slice_table`

    Returns
    -------
    DataFrame, index `by`: ``files``, ``readable`` (without error), ``images`` (frames),
        ``unique_images`` (no object stored twice), ``stacks``, ``positions`` (sum over stacks),
        ``largest_stack`` (positions). Doses, masks and tiles are no slices of a patient: they are
        images in stacks, and no positions.
    """
    headers = checked_headers(headers)
    measures = Measures(slice_table(headers) if slices is None else checked_slices(slices))
    owner, names = pd.factorize(
        pd.Series(_owners(headers, by), dtype=object), use_na_sentinel=False
    )
    row_of = pd.Series(owner, headers.index)
    row_of = row_of[~row_of.index.duplicated()]
    of_image = row_of.reindex(measures.slices.index.get_level_values("path")).to_numpy(int)
    of_stack = of_image[measures.starts]
    of_patient = ~np.isin(measures.kind, WITHOUT_SLICES)
    frames = measures.slices.index.get_level_values("frame").to_numpy()
    original = originals_of(measures, measures.segment, measures.along, frames, elsewhere.instances)
    first = ~headers.index.duplicated()
    counts = {
        "files": np.bincount(owner, first, len(names)),
        "readable": np.bincount(owner, first & headers["error"].isna(), len(names)),
        "images": np.bincount(of_image, minlength=len(names)),
        "unique_images": np.bincount(of_image, original == np.arange(len(original)), len(names)),
        "stacks": np.bincount(of_stack, minlength=len(names)),
        "positions": np.bincount(of_stack, of_patient * measures.positions, len(names)),
        "largest_stack": np.zeros(len(names)),
    }
    np.maximum.at(counts["largest_stack"], of_stack, of_patient * measures.positions)
    table = pd.DataFrame(counts, index=pd.Index(names, name=by)).astype(int)
    return table.loc[sorted(names, key=by_name)]


def kind_counts(slices: pd.DataFrame, by: str = "PatientID") -> pd.DataFrame:
    """How many images of each kind: a cine of 96 frames is 96 images of one view, no 96 slices.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    by : a column or level of `slices`; an image that does not say counts as ``"?"``

    Returns
    -------
    DataFrame, index `by`: a column for each kind that is here, in the order of
        `helpers.slices.kinds.KINDS`, with numbers of images (frames)
    """
    slices = checked_slices(slices)
    values = slices.index.get_level_values(by) if by in slices.index.names else slices.get(by)
    if values is None and tag_for_keyword(str(by)) is None:
        raise MissingColumnError(f"expected a column of the slice table, got {by!r}")
    owners = pd.Series(values, dtype=object).reset_index(drop=True).reindex(range(len(slices)))
    owner, names = pd.factorize(owners.where(owners.notna(), "?"))
    kind, kinds = pd.factorize(slices["kind"])
    counts = np.bincount(owner * len(kinds) + kind, minlength=len(names) * len(kinds))
    table = pd.DataFrame(
        counts.reshape(len(names), len(kinds)), pd.Index(names, name=by), columns=kinds
    )
    columns = [one for one in KINDS if one in kinds]
    return table.loc[sorted(names, key=by_name), columns]


def checked_slices(slices: pd.DataFrame) -> pd.DataFrame:
    """The table, if it is one of `slice_table`; its rows may be fewer, but no other table's."""
    require_type(slices, pd.DataFrame, "of slice_table")
    if list(slices.index.names) != LEVELS:
        raise WrongTypeError(
            "expected the table of slice_table(headers), got one with the index "
            f"{', '.join(map(str, slices.index.names))}"
        )
    return slices


def _best_first(columns, measures):
    """Row numbers of the stacks in their order."""
    series = np.asarray(measures.slices.index.codes[0])[measures.starts]
    group = np.cumsum(begins(series, columns["group"]))
    paths = _path_codes(measures)[measures.starts]
    label = measures.first_of("SpecimenLabelInImage") == "YES"
    return best_first(columns, group, paths, label)


def best_first(
    columns: dict[str, np.ndarray], group: np.ndarray, paths: np.ndarray, label: np.ndarray
) -> np.ndarray:
    """Row numbers: slices of a patient, without problems, volumes, with most positions, first.

    Sister stacks stay together in their order, groups in that of their paths. Pictures of a slide's
    label, on which names may stand, are the last.

    Parameters
    ----------
    columns : of the stack table, (s,) each
    group : (s,) a number from 0 or 1 for the stacks of a series that lie alike
    paths : (s,) the rank of the path of each stack's first image
    label : boolean (s,), whether a stack shows the label of a slide
    """
    rank = 2 * (columns["problems"] == "") + (columns["volume"] != "no")
    of_patient = ~np.isin(columns["kind"], WITHOUT_SLICES)
    first_path = np.full(group.max(initial=0) + 1, paths.max(initial=0) + 1)
    np.minimum.at(first_path, group, paths)
    number = np.arange(len(group))
    keys = number, first_path[group], -columns["positions"], -rank, label, ~of_patient
    return np.lexsort(keys)


def _plain(value):
    """A value as it is said; None where there is none."""
    return None if value is None or value != value else shown(value)


def _files(measures):
    """How many files each stack has (s,)."""
    return distinct_counts(measures.segment, _path_codes(measures), len(measures.starts))


def _path_codes(measures):
    """A number for the file of each image (n,), in the order of their paths."""
    return np.asarray(measures.slices.index.codes[LEVELS.index("path")])


def _whole(measures, keyword):
    return measures.numbers(keyword)[measures.starts].astype(int)


def _owners(headers, by):
    """For every file the value of `by` (n,), taken from its folder where it has none of its own."""
    if by not in headers and tag_for_keyword(str(by)) is None:
        raise MissingColumnError(f"expected a column of the header table, got {by!r}")
    own = np.full(len(headers), None, object)
    own[:] = headers.get(by)
    missing = pd.isna(own)
    if not missing.any():
        return own
    folders = [path.rpartition(os.sep)[0] for path in headers.index]
    asked: dict[str, set] = {folders[row]: set() for row in np.flatnonzero(missing)}
    for folder, value, unknown in zip(folders, own, missing):
        if folder in asked and not unknown:
            asked[folder].add(value)
    agreed = {folder: values.pop() if len(values) == 1 else "?" for folder, values in asked.items()}
    own[missing] = [agreed[folders[row]] for row in np.flatnonzero(missing)]
    return own


def by_name(name: object) -> tuple:
    """A key that sorts numbers before texts."""
    return (0, name, "") if isinstance(name, (int, float)) else (1, 0, str(name))
