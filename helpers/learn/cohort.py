"""Which slices is a network given, of which patients, and what can it predict? No fastai here."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.errors import ClearError, require_type
from helpers.geometry.orientation import plane_name, slice_normal
from helpers.pixels.image import ImageError
from helpers.runtime import in_threads
from helpers.slices.grid import is_per_frame, numbers
from helpers.slices.images import images
from helpers.slices.stacks import all_stacks
from helpers.volume.slice import load_slice

PERSON_KEYWORDS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")  # shared by one person
MIN_PATIENTS = 2  # one to learn from, one held out


class CohortError(ClearError, ValueError):
    """Patients or slices that cannot be learned from as they are."""


def training_table(headers: pd.DataFrame, *, slab: int = 1) -> pd.DataFrame:
    """One row per image, those of a stack in spatial order: what a network sees and predicts.

    Parameters
    ----------
    headers : DataFrame of `helpers.frame_table`, or of `helpers.header_table`
    slab : how many neighbouring slices an item is made of, an odd number; at the ends of a stack
        it has fewer

    Returns
    -------
    DataFrame, index path, with the columns that stacks are made from, and

    - ``images``: list of (path, frame): the image, with its neighbours in spatial order where a
      slab is asked for
    - ``patient``: the person, as `person_ids` has it
    - ``plane``: axial, coronal, sagittal, oblique or unknown
    - ``position``: mm from the middle of what its series shows in this plane, towards the head
      (axial), the back (coronal) or the left (sagittal); missing where the header does not say
    - ``left_out``: why the image is of no use here; empty where it is of use

    Raises
    ------
    CohortError
        Where `slab` is no odd number.
    NoImageError, MissingColumnError
        As `helpers.stack_table`.
    """
    if not isinstance(slab, (int, np.integer)) or slab < 1 or slab % 2 == 0:
        raise CohortError(f"expected a slab of 1, 3, 5 … slices, got {slab!r}")
    images(headers)  # or an error that says what is there instead
    table = pd.concat([_described(slices, slab) for _, _, slices, _ in all_stacks(headers)])
    table["patient"] = person_ids(table)
    by_plane = table.groupby(["SeriesInstanceUID", "plane"], dropna=False)["position"]
    middle = (by_plane.transform("min") + by_plane.transform("max")) / 2
    return table.assign(position=table["position"] - middle, left_out=_why_left_out(table))


def person_ids(rows: pd.DataFrame) -> np.ndarray:
    """Who each row (n,) belongs to: rows that share a patient ID, a study or a series are one's.

    So nobody is two persons because an ID is missing or was mistyped in one file. A person has
    the name of all of their patient IDs; without any, that of the study, else series, else
    folder, and the name says so.

    Parameters
    ----------
    rows : DataFrame with index path; columns PatientID, StudyInstanceUID and SeriesInstanceUID as
        far as there are
    """
    keys = {keyword: _texts(rows[keyword]) for keyword in PERSON_KEYWORDS if keyword in rows}
    folders = pd.Series([os.path.dirname(path) for path in rows.index], dtype=object)
    keys["folder"] = folders.where(pd.DataFrame(keys, folders.index).isna().all(axis=1))
    person, before = pd.Series(range(len(rows))), None
    while not person.equals(before):  # the lowest number spreads over all that is shared
        before = person
        for key in keys.values():
            person = person.groupby(key).transform("min").where(key.notna(), person).astype(int)
    names = {
        number: _person_name({name: key[same] for name, key in keys.items()})
        for number, same in person.groupby(person).groups.items()
    }
    return person.map(names).to_numpy(object)


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
    drawn = _shuffled(table["patient"], table.index, seed)[:patients]
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
    names = _shuffled(people, table.index, seed)
    if len(names) < MIN_PATIENTS:
        raise CohortError(
            f"expected at least {MIN_PATIENTS} patients, so that one can be held out, "
            f"got {len(names)}"
        )
    count = min(max(1, round(share * len(names))), len(names) - 1)
    held_out = np.isin(people.astype(str), names[:count])
    return np.flatnonzero(~held_out).tolist(), np.flatnonzero(held_out).tolist()


def _described(slices: pd.DataFrame, slab: int) -> pd.DataFrame:
    """The rows of one stack with its images, plane and position."""
    orientation = slices["ImageOrientationPatient"].iloc[0]
    frames = slices["frame"].astype(int) if is_per_frame(slices) else [0] * len(slices)
    places, half = list(zip(slices.index, frames)), slab // 2
    slabs = [places[max(0, row - half) : row + half + 1] for row in range(len(places))]
    normal = slice_normal(orientation)
    along = normal[np.argmax(np.abs(normal))]
    known = (slices["order_grade"] == "A") & np.isfinite(along)
    return slices.assign(
        images=pd.Series(slabs, slices.index, dtype=object),
        plane=plane_name(orientation),
        position=(slices["position_mm"] * np.sign(along)).where(known),
    )


def _unit_and_error(places: Sequence[tuple[str, int]]) -> tuple[str, str]:
    """The unit of an item's values, and why it cannot be decoded; empty where it can."""
    try:
        units = [load_slice(path, frame=frame).unit for path, frame in places]
    except ImageError as error:
        return "", str(error)
    return units[0], ""


def _why_left_out(table: pd.DataFrame) -> np.ndarray:
    """Why an image is of no use (n,); empty where it is of use."""
    several = (np.nan_to_num(numbers(table, "NumberOfFrames")) > 1) & ~table["frame"].notna()
    tests = {
        "colour": np.nan_to_num(numbers(table, "SamplesPerPixel")) > 1,
        "several frames in one row: see frame_table": several,
        "position unknown": table["position"].isna(),
        "position repeated": table["repeated"],
    }
    return np.select(list(tests.values()), list(tests), "")


def _texts(column):
    """Values as text without blanks around them; missing where there is no value."""
    values = column.reset_index(drop=True).astype(object)
    return values.map(lambda value: str(value).strip() or None, na_action="ignore")


def _person_name(known: dict[str, pd.Series]) -> str:
    """The name of a person, from what each keyword says of them."""
    values = {keyword: sorted(set(column.dropna())) for keyword, column in known.items()}
    keyword = next(keyword for keyword, names in values.items() if names)
    if keyword == "PatientID":
        return " = ".join(values[keyword])
    return f"{keyword.removesuffix('InstanceUID').lower()} {values[keyword][0]}"


def _evenly(count, most):
    """At most so many rows out of a count, spread evenly from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def _shuffled(names, paths, seed):
    """Each name once, in an order that follows from the seed and from where the files lie.

    It does not depend on the names, which may be pseudonyms, or on the order of the rows.
    """
    first = pd.Series(np.asarray(paths, object)).groupby(np.asarray(names, object)).min()
    ordered = first.sort_values(kind="stable").index.to_numpy(str)
    return np.random.default_rng(seed).permutation(ordered)
