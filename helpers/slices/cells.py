"""Which images could share a stack at all? What is always apart makes a cell of its own."""

from typing import NamedTuple

import numpy as np

from helpers.geometry.grids import (
    SAME_COSINE,
    SAME_SPACING,
    begins,
    distinct_counts,
    is_even,
    new_position,
    position_tolerance_mm,
    unit_normals,
)
from helpers.slices.arrays import Arrays
from helpers.slices.kinds import CINE, MOSAIC, SLIDE, VOLUME, kinds_of

MIN_FILES = 3  # from here on "another in every file" is no accident
MIN_RADIAL_PLANES = 4  # around one axis
MAX_CENTRE_SHIFT = 2.0  # pixels by which the centres of such planes may differ
MAX_OFF_PLANE = 0.05  # sine of the angle by which their normals may leave a plane


class Cells(NamedTuple):
    """Of every image (n,): where it could belong, and its place along the normal of that cell."""

    cell: np.ndarray  # int, equal for images that are not always apart
    series: np.ndarray  # int, in the order of the UIDs
    kind: np.ndarray  # int, of `helpers.slices.kinds.KINDS`
    along: np.ndarray  # mm along the cell's normal, NaN without a place in the patient
    tolerance: np.ndarray  # mm within which positions are one


class SeriesFacts(NamedTuple):
    """What is known of a series as a whole, where a table holds a part of it: whole folders."""

    folder: bool  # whether it has several folders, so that these tell its images apart
    number: bool  # whether it has several Series Numbers, not another in every file
    description: bool  # the same of Series Descriptions
    renamed: bool  # whether another study stands in every file
    one_patient: bool


def cells_of(
    arrays: Arrays,
    series: np.ndarray,
    paths: np.ndarray,
    uid_missing: np.ndarray,
    divided: dict[int, SeriesFacts] | None = None,
) -> Cells:
    """The `Cells` of images: of one patient, study, series, orientation, matrix and spacing.

    Parameters
    ----------
    series : (n,) number of the Series Instance UID, rows sorted by it
    paths : (n,) number of the file
    uid_missing : boolean (n,), whether the series has no UID
    divided : by number, the series of which more images are elsewhere
    """
    orientation = arrays.vectors("ImageOrientationPatient", 6)
    position, spacing = arrays.vectors("ImagePositionPatient", 3), arrays.vectors("PixelSpacing", 2)
    normals = unit_normals(orientation)
    placed = np.isfinite(normals).all(axis=1) & np.isfinite(position).all(axis=1)
    frames = np.bincount(paths)[paths]
    kind = kinds_of(
        arrays, placed, np.maximum(frames, np.nan_to_num(arrays.numbers("NumberOfFrames")))
    )
    placed &= kind != MOSAIC  # whose position is that of its corner, and of no slice
    plane = _alike(orientation, series, SAME_COSINE, relative=False)
    radial = _radial(arrays, series, plane, position, orientation, spacing) & (kind != MOSAIC)
    radial &= ~np.isin(series, [*(divided or ())])  # whose folders lie anywhere
    plane, placed, kind = np.where(radial, 0, plane), placed & ~radial, np.where(radial, CINE, kind)
    bad = arrays.codes("error") >= 0
    apart = bad | (kind == SLIDE) | ((frames > 1) & ~radial & ~(placed & (kind == VOLUME)))
    keys = [
        *_identity_keys(
            arrays, series, paths, uid_missing, placed, plane, normals, position, spacing, divided
        ),
        *(plane, _alike(spacing, series, SAME_SPACING, relative=True), arrays.codes("Rows")),
        *(arrays.codes("Columns"), arrays.codes("Modality"), placed, kind),
        np.where(apart, paths, -1),
        np.where(placed, -1, arrays.codes("StackID")),  # all that says where these belong
    ]
    cell = _joined(series, keys)
    order = np.argsort(cell, kind="stable")
    first = order[begins(cell[order])][cell]
    along = np.where(placed, np.einsum("ij,ij->i", position, normals[first]), np.nan)
    return Cells(cell, series, kind, along, position_tolerance_mm(spacing)[first])


def _joined(series, keys):
    """One number (n,) for the values of all keys, in the order of `series`, from 0."""
    cell, starts = series, np.flatnonzero(begins(series))
    for key in map(np.asarray, keys):
        low, high = np.minimum.reduceat(key, starts), np.maximum.reduceat(key, starts)
        if (low != high).any():  # else it tells nothing apart that the series does not
            _, cell = np.unique(cell * (int(key.max()) + 2) + key + 1, return_inverse=True)
    return np.unique(cell, return_inverse=True)[1] if len(cell) else cell


def _identity_keys(
    arrays, series, paths, uid_missing, placed, plane, normals, position, spacing, divided
):
    """Patient, study, and what stands for the series where its UID is missing or is shared."""
    patient, study, number = map(arrays.codes, ("PatientID", "StudyInstanceUID", "SeriesNumber"))
    folder, files = arrays.codes("folder"), _distinct_counts(series, paths)
    known = divided or {}

    def several(key):
        """Which rows' series have several values, but not another in every file."""
        counts = _distinct_counts(series, key)
        return (counts > 1) & ~((counts >= files) & (files >= MIN_FILES))

    shared = uid_missing | several(patient) | several(study) | several(number)
    shared |= np.isin(series, [*known])
    description = arrays.codes("SeriesDescription")
    words = {"folder": folder, "number": number, "description": description}
    tell_apart = {word: _as_known(series, several(key), known, word) for word, key in words.items()}
    keys = [np.where(shared & tell_apart[word], key, 0) for word, key in words.items()]
    pool = _joined(series, [np.where(uid_missing, folder, 0)])
    files, patients = _distinct_counts(pool, paths), _distinct_counts(pool, patient)
    by_uid = {one: facts for one, facts in known.items() if not uid_missing[series == one].any()}
    in_each_file = (files >= MIN_FILES) & (_distinct_counts(pool, study) >= files)
    in_each_file = _as_known(series, in_each_file, by_uid, "renamed")
    of_many = (files >= MIN_FILES) & (patients >= files) & ~np.isin(series, [*by_uid])
    one_scan = _on_even_grids(of_many, pool, placed, plane, normals, position, spacing)
    one_patient = _as_known(series, patients == 1, by_uid, "one_patient")
    one_person = placed & (one_patient | one_scan)
    return [*keys, np.where(one_scan, 0, patient), np.where(in_each_file & one_person, 0, study)]


def _as_known(series, own, known, word):
    """Which rows (n,) a fact is true of: of a series that is known as a whole, what is known."""
    for one, facts in known.items():
        own = np.where(series == one, getattr(facts, word), own)
    return own


def _on_even_grids(suspect, pool, placed, plane, normals, position, spacing):
    """Which rows (n,) belong to suspect series all of whose positions make even grids."""
    found = np.zeros(len(pool), bool)
    for one in np.unique(pool[suspect]):
        rows = np.flatnonzero(pool == one)
        planes = [rows[plane[rows] == number] for number in np.unique(plane[rows])]
        found[rows] = placed[rows].all() and all(
            _is_even(position[own] @ normals[own[0]], spacing[own[:1]]) for own in planes
        )
    return found


def _is_even(along, pixel_spacing):
    """Whether positions (m,) in mm, three at least and each perhaps twice, make an even grid."""
    order = np.sort(along)
    tolerance = position_tolerance_mm(pixel_spacing)
    distinct = order[new_position(order, np.arange(len(order)) == 0, tolerance)]
    return len(distinct) >= MIN_FILES and is_even(distinct)


def _distinct_counts(series, key):
    """For each row (n,) how many values its series has."""
    if key.min(initial=0) == key.max(initial=0):
        return np.ones(len(series), int)
    return distinct_counts(series, key, int(series.max()) + 1)[series]


def _alike(values, series, tolerance, *, relative):
    """Numbers (n,) that are equal for vectors (n, m) of one series that differ little.

    Vectors are compared with the first of their series, and only where that is not enough with
    each other. NaN equals NaN.
    """
    values = np.nan_to_num(values, nan=-1.0)
    starts = np.flatnonzero(begins(series))
    first = values[starts][np.cumsum(begins(series)) - 1] if len(series) else values
    scale = np.abs(first) if relative else 1.0
    differs = (np.abs(values - first) > tolerance * scale).any(axis=1)
    numbers = np.zeros(len(series), int)
    for one in np.unique(series[differs]):
        rows = np.flatnonzero(series == one)
        numbers[rows] = _grouped(values[rows], tolerance, relative)
    return numbers


def _grouped(values, tolerance, relative):
    """Numbers (m,): of the first vector, in the order of the rows, that each is like."""
    distinct, where = np.unique(values, axis=0, return_inverse=True)
    group, count = np.full(len(distinct), -1), 0
    for row in dict.fromkeys(where.reshape(-1).tolist()):
        if group[row] < 0:
            scale = np.abs(distinct[row]) if relative else 1.0
            near = (np.abs(distinct - distinct[row]) <= tolerance * scale).all(axis=1)
            group[near & (group < 0)] = count
            count += 1
    return group[where.reshape(-1)]


def _radial(arrays, series, plane, position, orientation, spacing):
    """Which images (n,) are planes around one axis, as of a heart: their series has little else."""
    found = np.zeros(len(series), bool)
    for one in np.unique(series[plane >= MIN_RADIAL_PLANES - 1]):
        rows = np.flatnonzero(series == one)
        centres = _centres(arrays, rows, position, orientation, spacing)
        normals = unit_normals(orientation[rows])
        if not (np.isfinite(centres).all() and np.isfinite(normals).all()):
            continue
        shift = np.abs(centres - centres.mean(axis=0)).max()
        around_axis = np.linalg.svd(normals, compute_uv=False)[-1] / np.sqrt(len(rows))
        found[rows] = (shift <= MAX_CENTRE_SHIFT * spacing[rows].max()) & (
            around_axis <= MAX_OFF_PLANE
        )
    return found


def _centres(arrays, rows, position, orientation, spacing):
    """The middle of each image (m, 3) in LPS mm."""
    down = (arrays.numbers("Rows")[rows] - 1) / 2 * spacing[rows, 0]
    right = (arrays.numbers("Columns")[rows] - 1) / 2 * spacing[rows, 1]
    along_row, along_column = orientation[rows, :3], orientation[rows, 3:]
    return position[rows] + right[:, None] * along_row + down[:, None] * along_column
