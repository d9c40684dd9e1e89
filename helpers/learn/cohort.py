"""Which slices shall a network see, of whom, and what can it be asked? Plain tables, no fastai."""

import os

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

ONE_PERSON = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
)  # rows that share one of them are of one person
LEAST_PATIENTS = 2  # one to learn from, one to be asked about


class CohortError(ClearError, ValueError):
    """Patients or slices that cannot be learned from as they are."""


def training_table(headers, *, slab=1):
    """One row per image, those of a stack in spatial order: what a network can be shown, and what it can be asked.

    Parameters
    ----------
    headers : DataFrame of `helpers.frame_table`, or of `helpers.header_table`
    slab : how many neighbouring slices an item is made of, an odd number; at the ends of a stack it has fewer

    Returns
    -------
    DataFrame, index path, with the columns that stacks are made from, and

    - ``images``: list of (path, frame): the image, with its neighbours in spatial order where a slab is asked for
    - ``patient``: the person, as `person_ids` has it; ``plane``: axial, coronal, sagittal, oblique or unknown
    - ``position``: mm from the middle of what its series shows in this plane, towards the head (axial), the back
      (coronal) or the left (sagittal); missing where the header does not say
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
    shown = table.groupby([table["SeriesInstanceUID"].fillna("?"), "plane"])["position"]
    middle = (shown.transform("min") + shown.transform("max")) / 2
    return table.assign(position=table["position"] - middle, left_out=_obstacles(table))


def person_ids(rows):
    """Who each row (n,) belongs to, as text: rows that share a patient ID, a study or a series are of one person.

    So nobody is two person_ids because an ID is missing or was mistyped in one file. A person has the name of all his
    patient IDs; without any, that of his study, else series, else folder, and the name says so.

    Parameters
    ----------
    rows : DataFrame with index path; columns PatientID, StudyInstanceUID and SeriesInstanceUID as far as there are
    """
    keys = {keyword: _texts(rows[keyword]) for keyword in ONE_PERSON if keyword in rows}
    folders = pd.Series(
        [os.path.dirname(path) for path in rows.index], range(len(rows)), dtype=object
    )
    keys["folder"] = folders.where(pd.DataFrame(keys, folders.index).isna().all(axis=1))
    person, before = pd.Series(range(len(rows))), None
    while not person.equals(before):  # the lowest number spreads over all that is shared
        before = person
        for key in keys.values():
            person = person.groupby(key).transform("min").where(key.notna(), person).astype(int)
    names = {
        number: _name({what: key[same] for what, key in keys.items()})
        for number, same in person.groupby(person).groups.items()
    }
    return person.map(names).to_numpy(object)


def sample_slices(table, *, patients, slices, seed=0):
    """A part of a `training_table` that is soon learned from: patients at random, of each some slices spread evenly.

    Parameters
    ----------
    patients, slices : how many, and how many of each, at most
    seed : other numbers choose other patients
    """
    if table.empty:
        raise CohortError("expected rows of training_table, got none")
    chosen = table[table["patient"].isin(_shuffled(table["patient"], table.index, seed)[:patients])]
    ordered = chosen.sort_values(["patient", "position"], kind="stable")
    return pd.concat(
        [rows.iloc[_spread(len(rows), slices)] for _, rows in ordered.groupby("patient")]
    )


def largest_group(table):
    """The usable rows of that modality and plane of which there are most patients; no row where none is of use."""
    usable = table[table["left_out"] == ""]
    if usable.empty:
        return usable
    kinds = [usable["Modality"].fillna("?"), usable["plane"]]
    modality, plane = usable.groupby(kinds)["patient"].nunique().idxmax()
    return usable[(kinds[0] == modality) & (kinds[1] == plane)]


def check_decodable(table):
    """The table with every image decoded once, in threads.

    ``left_out`` says of which this cannot be done, and why; ``unit`` is that of the values, empty where the header does
    not say.
    """
    with in_threads(_tried, table["images"]) as found:
        units, errors = zip(*found) if len(table) else ((), ())
    return table.assign(
        unit=units, left_out=np.where(np.array(errors) == "", table["left_out"], errors)
    )


def patient_split(table, *, share=0.2, seed=0):
    """Row numbers to learn from and row numbers held out, two lists: every patient wholly on one side.

    Parameters
    ----------
    table : DataFrame of `training_table`, or any that `person_ids` takes
    share : of the patients (not of the slices) that are held out, from 0 to 1; at least one is, and one is not
    seed : the same patients are held out whatever the order of the rows

    Raises
    ------
    CohortError
        Where there are fewer than two patients.
    """
    require_type(table, pd.DataFrame, "of training_table")
    people = table["patient"].to_numpy() if "patient" in table else person_ids(table)
    names = _shuffled(people, table.index, seed)
    if len(names) < LEAST_PATIENTS:
        raise CohortError(
            f"expected at least {LEAST_PATIENTS} patients, so that one can be held out, got {len(names)}"
        )
    held = np.isin(
        people.astype(str), names[: min(max(1, round(share * len(names))), len(names) - 1)]
    )
    return np.flatnonzero(~held).tolist(), np.flatnonzero(held).tolist()


def _described(slices, slab):
    """The rows of one stack with its images, plane and place."""
    orientation = slices["ImageOrientationPatient"].iloc[0]
    frames = slices["frame"].astype(int) if is_per_frame(slices) else [0] * len(slices)
    places, half = list(zip(slices.index, frames)), slab // 2
    shown = pd.Series(
        [places[max(0, n - half) : n + half + 1] for n in range(len(places))],
        slices.index,
        dtype=object,
    )
    normal = slice_normal(orientation)
    along = normal[np.argmax(np.abs(normal))]
    known = (slices["order_grade"] == "A") & np.isfinite(along)
    position = (slices["position_mm"] * np.sign(along)).where(known)
    return slices.assign(images=shown, plane=plane_name(orientation), position=position)


def _tried(places):
    """(unit, why it cannot be decoded, or empty) of an item."""
    try:
        units = [load_slice(path, frame=frame).unit for path, frame in places]
    except ImageError as error:
        return "", str(error)
    return units[0], ""


def _obstacles(table):
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
    """Values as text without blanks around them; None where there is no value."""
    texts = column.reset_index(drop=True).astype(object)
    texts = texts.where(texts.notna(), "").astype(str).str.strip().astype(object)
    return texts.where(texts != "", None)


def _name(found):
    """The name of a person, from all that is known of him by kind."""
    for what, values in found.items():
        if names := sorted(set(values.dropna())):
            return (
                " = ".join(names)
                if what == "PatientID"
                else f"{what.removesuffix('InstanceUID').lower()} {names[0]}"
            )


def _spread(count, most):
    """At most so many places out of a count, spread evenly from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def _shuffled(names, paths, seed):
    """Each name once, in an order that the seed and where the files lie decide, not the names or the order of the rows."""
    first = pd.Series(np.asarray(paths, object)).groupby(np.asarray(names, object)).min()
    return np.random.default_rng(seed).permutation(
        first.sort_values(kind="stable").index.to_numpy(str)
    )
