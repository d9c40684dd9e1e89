"""Which slices is a network given, of which patients, and what can it predict? No fastai here."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from helpers.errors import ClearError, require_type
from helpers.geometry.orientation import plane_name
from helpers.pixels.image import ImageError
from helpers.runtime import in_threads
from helpers.slices.arrays import frames_of, paths_of
from helpers.slices.measures import Measures
from helpers.slices.persons import person_ids, row_paths
from helpers.slices.stacks import checked_slices
from helpers.volume.slice import load_slice

KEPT_COLUMNS = [  # of the table of slices; its index leads to the others
    *(
        "PatientID",
        "PatientSex",
        "PatientBirthDate",
        "StudyInstanceUID",
        "Modality",
        "Rows",
        "Columns",
        "SamplesPerPixel",
    ),
    *("PhotometricInterpretation", "NumberOfFrames", "InstanceNumber", "PixelSpacing"),
    *("ImageOrientationPatient", "ImagePositionPatient", "position_mm", "repeated"),
    *("order_grade", "kind", "group", "split_keyword", "split_value"),
]
NO_SLICE, POSITION_UNKNOWN = "no slice of a volume: ", "position unknown"  # why left out
POSITION_REPEATED = "position repeated"
MIN_PATIENTS = 2  # one to learn from, one held out


class CohortError(ClearError, ValueError):
    """Patients or slices that cannot be learned from as they are."""


def training_table(slices: pd.DataFrame, *, slab: int = 1) -> pd.DataFrame:
    """One row per image, those of a stack in spatial order: what a network sees and predicts.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    slab : how many neighbouring slices an item is made of, an odd number; at the ends of a stack
        it has fewer

    Returns
    -------
    DataFrame in the order of `slices` and with their index, so that any of their columns can be
    joined to it; it has those that say where an image belongs, and

    - ``images``: list of (path, frame): the image, with its neighbours in spatial order where a
      slab is asked for
    - ``patient``: the person, as `person_ids` has it
    - ``plane``: axial, coronal, sagittal, oblique or unknown
    - ``position``: mm from the middle of what its series shows in this plane, towards the head
      (axial), the back (coronal) or the left (sagittal); missing for what is no slice of a volume,
      and where the header does not say
    - ``left_out``: why the image is of no use here; empty where it is of use

    Without any image it is empty, with its columns.

    Raises
    ------
    CohortError
        Where `slab` is no odd number.
    """
    if not isinstance(slab, (int, np.integer)) or slab < 1 or slab % 2 == 0:
        raise CohortError(f"expected a slab of 1, 3, 5 … slices, got {slab!r}")
    measures = Measures(checked_slices(slices))
    table = slices.reindex(columns=KEPT_COLUMNS).assign(
        images=pd.Series(_slabs(measures, int(slab) // 2), slices.index, dtype=object),
        patient=person_ids(slices),
        plane=_planes(measures)[measures.segment],
        position=_heights(measures),
    )
    by_plane = table.groupby(["SeriesInstanceUID", "plane"])["position"]
    middle = (by_plane.transform("min") + by_plane.transform("max")) / 2
    return table.assign(position=table["position"] - middle, left_out=_why_left_out(measures))


def sample_slices(
    table: pd.DataFrame, *, patients: int, slices: int, seed: int = 0
) -> pd.DataFrame:
    """A part of a `training_table`: patients at random, and of each some slices spread evenly.

    Parameters
    ----------
    patients, slices : how many, and how many of each, at most
    seed : other numbers choose other patients
    """
    if table.empty:
        raise CohortError("expected rows of training_table, got none")
    drawn = shuffled(table["patient"], row_paths(table), seed)[:patients]
    ordered = table[table["patient"].isin(drawn)].sort_values(
        ["patient", "position"], kind="stable"
    )
    by_patient = [rows for _, rows in ordered.groupby("patient")]
    return pd.concat([rows.iloc[_evenly(len(rows), slices)] for rows in by_patient])


def largest_group(table: pd.DataFrame) -> pd.DataFrame:
    """The usable rows of the modality and plane with most patients; none where none is usable."""
    usable = table[table["left_out"] == ""]
    if usable.empty:
        return usable
    groups = [usable["Modality"].astype(object).fillna("?"), usable["plane"]]
    modality, plane = usable.groupby(groups)["patient"].nunique().idxmax()
    return usable[(groups[0] == modality) & (groups[1] == plane)]


def check_decodable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every image decoded once, in threads.

    ``left_out`` says of which this cannot be done, and why; ``unit`` is that of the values, empty
    where the header does not say.
    """
    with in_threads(_unit_and_error, table["images"]) as found:
        units, errors = zip(*found) if len(table) else ((), ())
    left_out = np.where(np.array(errors) == "", table["left_out"], errors)
    return table.assign(unit=units, left_out=left_out)


def patient_split(
    table: pd.DataFrame, *, share: float = 0.2, seed: int = 0
) -> tuple[list[int], list[int]]:
    """Row numbers to learn from and row numbers held out: every patient wholly on one side.

    Parameters
    ----------
    table : DataFrame of `training_table`, or any that `person_ids` takes
    share : of the patients (not of the slices) that are held out, from 0 to 1; at least one is,
        and one is not
    seed : the same patients are held out whatever the order of the rows

    Raises
    ------
    CohortError
        Where there are fewer than two patients.
    """
    require_type(table, pd.DataFrame, "of training_table")
    people = table["patient"].to_numpy() if "patient" in table else person_ids(table)
    names = shuffled(people, row_paths(table), seed)
    if len(names) < MIN_PATIENTS:
        raise CohortError(
            f"expected at least {MIN_PATIENTS} patients, so that one can be held out, "
            f"got {len(names)}"
        )
    count = min(max(1, round(share * len(names))), len(names) - 1)
    held_out = np.isin(people.astype(str), names[:count])
    return np.flatnonzero(~held_out).tolist(), np.flatnonzero(held_out).tolist()


def shuffled(names: np.ndarray, paths: pd.Index, seed: int) -> np.ndarray:
    """Each name once, in an order that follows from the seed and from where the files lie.

    It does not depend on the names, which may be pseudonyms, or on the order of the rows.
    """
    first = pd.Series(np.asarray(paths, object)).groupby(np.asarray(names, object)).min()
    ordered = first.sort_values(kind="stable").index.to_numpy(str)
    return np.random.default_rng(seed).permutation(ordered)


def _slabs(measures: Measures, half: int) -> list[list[tuple[str, int]]]:
    """(path, frame) of each image and of up to `half` neighbours on either side in its stack."""
    places = list(zip(paths_of(measures.slices), frames_of(measures.slices)))
    rows, first = np.arange(len(measures)), measures.starts[measures.segment]
    low = np.maximum(first, rows - half)
    high = np.minimum(first + measures.counts[measures.segment], rows + half + 1)
    return [places[start:end] for start, end in zip(low.tolist(), high.tolist())]


def _planes(measures: Measures) -> np.ndarray:
    """The name of the plane of each stack (s,)."""
    orientations = measures.first_of("ImageOrientationPatient")
    return np.array([*map(cache(plane_name), orientations)], object)


def _heights(measures: Measures) -> np.ndarray:
    """The place of each slice of a volume along the patient axis nearest to its normal, (n,) mm."""
    normals = np.nan_to_num(measures.normal)
    largest = np.abs(normals).argmax(axis=1)
    is_placed = measures.on_grid & (measures.kind == "volume")
    sign = np.sign(normals[np.arange(len(normals)), largest])
    return measures.along * np.where(is_placed, sign, np.nan)[measures.segment]


def _unit_and_error(places: Sequence[tuple[str, int]]) -> tuple[str, str]:
    """The unit of an item's values, and why it cannot be decoded; empty where it can."""
    try:
        units = [load_slice(path, frame=frame).unit for path, frame in places]
    except ImageError as error:
        return "", str(error)
    return units[0], ""


def _why_left_out(measures: Measures) -> np.ndarray:
    """Why an image is of no use (n,); empty where it is of use."""
    kind = measures.kind[measures.segment]
    tests = [
        (measures.slices["error"].notna().to_numpy(), measures.slices["error"].to_numpy(object)),
        (measures.numbers("SamplesPerPixel") > 1, "colour"),
        (kind != "volume", NO_SLICE + kind),
        (~measures.on_grid[measures.segment], POSITION_UNKNOWN),
        (measures.repeated, POSITION_REPEATED),
    ]
    found = np.full(len(measures), "", object)
    for applies, reason in reversed(tests):  # the first one that applies is what is said
        found = np.where(applies, reason, found)
    return found


def _evenly(count, most):
    """At most so many rows out of a count, spread evenly from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
