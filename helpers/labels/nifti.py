"""What does a NIfTI file label, and where? Its values by number, its RAS frame turned to LPS."""

import gzip
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from helpers.errors import one_line
from helpers.files.opening import open_file, size_of
from helpers.files.reading import SizeLimitedReader
from helpers.formats import GZIP
from helpers.labels.labels import Label, LabelError, Labels, check_memory, map_dtype
from helpers.labels.placing import check_meets
from helpers.runtime import optional_package, quiet
from helpers.volume.conversion import LPS_TO_RAS
from helpers.volume.volume import Volume

KIND = "NIfTI"
FORMAT = "NIfTI image"  # as `helpers.formats` names it
HEADER = 544  # bytes: that of NIfTI-2 is the longest, and the mark behind it
MAX_GZIP = 1_032  # times that gzip makes bytes of, at most
MAX_LABELS = 1_000  # different values, beyond which an image is no label map
MANY_LABELS = 100  # different values, from which on a file may be an image
MAX_RANGE = 2**17  # of whole values that are counted in a table
MIN_VOXEL = 1e-9  # mm³
MM = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}
SAME_AFFINE_MM = 0.1  # by which sform and qform may differ and yet say the same
NO_FRAME = "names no frame of reference: placed by its grid"


class NiftiGrid(NamedTuple):
    """Where the voxels of a NIfTI file lie: `affine` takes (slice, row, column, 1) to LPS mm."""

    affine: np.ndarray
    shape: tuple[int, int, int]
    remark: str


def nifti_labels(
    path: str,
    volume: Volume,
    *,
    threshold: float = 0.5,
    names: Collection[str] | None = None,
    trusted: bool = False,
) -> Labels:
    """The values of a NIfTI file as labels, on its own grid.

    Whole numbers above or below 0 are labels of their own; values from 0 to 1 are probabilities.

    Parameters
    ----------
    threshold : from which probability on a voxel belongs to the label
    names : such as "label 1"; None takes all
    trusted : of no use here: the file has no frame of reference

    Raises
    ------
    LabelError
        Where the file cannot be read, holds an image, or does not lie on the volume.
    """
    with quiet(), _opened(path) as file:
        image = _image(file, path, size_of(path) or 0)
        grid = _grid(image, path)
        bare = Labels((), grid.affine, grid.shape, (), (), "", grid.remark)
        check_meets(bare, volume)
        check_memory(_voxel_bytes(image), grid.shape)
        values = np.asanyarray(image.dataobj).reshape(grid.shape[::-1], order="F").T
    values, remark = _whole(values, threshold, path)
    distinct = _distinct(values, path)
    wanted = [one for one in distinct if names is None or _name(one) in names]
    labels = [Label(_name(one), n, 0, KIND, path) for n, one in enumerate(wanted, 1)]
    label_map = _numbered(values, distinct, wanted)
    many = f"{len(distinct)} labels: it may be an image" if len(distinct) >= MANY_LABELS else ""
    remarks = "; ".join(filter(None, (grid.remark, remark, many)))
    return replace(bare, maps=(label_map,), labels=tuple(labels), remark=remarks)


def nifti_grid(path: str) -> NiftiGrid:
    """Where the voxels of a file lie, by its header alone.

    Raises
    ------
    LabelError
    """
    with quiet(), _opened(path) as file:
        return _grid(_image(file, path, size_of(path) or 0), path)


# the file


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """A file as one object to read, inflated where it is compressed."""
    with SizeLimitedReader(open_file(path)) as file:
        is_compressed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        try:
            yield gzip.GzipFile(fileobj=file) if is_compressed else file
        except LabelError:
            raise
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise LabelError(
                f"expected a whole NIfTI file in {path}, got {one_line(error)}"
            ) from None


def _image(file: Any, path: str, size: int) -> Any:
    """A NIfTI image of nibabel, whose values are not read yet.

    Parameters
    ----------
    size : bytes of the file

    Raises
    ------
    LabelError
        Where its values stand in another file, or its file cannot hold as many as it says.
    """
    nibabel = optional_package("nibabel", LabelError)
    start = file.read(HEADER)
    file.seek(0)
    if start[344:347] == b"ni1":
        raise LabelError(
            f"expected a NIfTI file with its values (.nii), got a header without them in {path}"
        )
    kind = nibabel.Nifti2Image if start[4:7] == b"n+2" else nibabel.Nifti1Image
    try:
        image = kind.from_stream(file)
    except Exception as error:  # whatever a broken header does to nibabel
        raise LabelError(f"expected a NIfTI file in {path}, got {one_line(error)}") from error
    needed = prod(map(int, image.shape)) * image.get_data_dtype().itemsize
    is_compressed = isinstance(file, gzip.GzipFile)
    held = size * (MAX_GZIP if is_compressed else 1) - int(image.dataobj.offset)
    if needed > held:
        raise LabelError(
            f"expected values of at most {held} bytes in {path}, got {needed} for "
            f"{' × '.join(map(str, image.shape))} voxels: it is cut short or its header is wrong"
        )
    return image


def _grid(image: Any, path: str) -> NiftiGrid:
    """Where the voxels of an image lie: by its sform where it has a code, else by its qform.

    References
    ----------
    nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE": methods 3, 2 and 1
    """
    shape = (*map(int, image.shape), 1, 1)
    if len(image.shape) < 2 or prod(shape[3:]) != 1 or 0 in shape:
        said = " × ".join(map(str, image.shape))
        raise LabelError(f"expected a NIfTI file of three dimensions in {path}, got {said}")
    sform = image.get_sform(coded=True)[0]
    qform, guess = _qform(image, needed=sform is None, path=path)
    coded = [one for one in (sform, qform) if one is not None]
    ras = np.array(coded[0] if coded else image.affine, float)
    remarks = [NO_FRAME, *guess]
    if not coded:
        remarks.append("has neither sform nor qform: where it lies is a guess by its pixel sizes")
    elif len(coded) == 2 and np.abs(_corners(sform - qform, shape)).max() > SAME_AFFINE_MM:
        remarks.append("its sform and qform differ: the sform is taken")
    ras[:3] *= MM.get(image.header.get_xyzt_units()[0], 1.0)
    affine = (LPS_TO_RAS @ ras)[:, [2, 1, 0, 3]]
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < MIN_VOXEL:
        raise LabelError(f"expected a NIfTI file with a place in space, got none in {path}")
    return NiftiGrid(affine, (shape[2], shape[1], shape[0]), "; ".join(remarks))


def _qform(image: Any, *, needed: bool, path: str) -> tuple[np.ndarray | None, list[str]]:
    """(the affine of the qform where it has a code, what is said of one that is none)."""
    try:
        return image.get_qform(coded=True)[0], []
    except Exception as error:  # of nibabel or numpy, by what is wrong with it
        if needed:
            raise LabelError(
                f"expected a qform that is a rotation in {path}, got {one_line(error)}"
            ) from error
        return None, ["its qform is no rotation: the sform is taken"]


def _corners(affine: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Where the corners of a grid lie, (3, 8)."""
    corners = np.array([*np.ndindex(2, 2, 2)]) * np.subtract(shape[:3], 1)
    return affine[:3] @ np.c_[corners, np.ones(8)].T


# values


def _voxel_bytes(image: Any) -> int:
    """How many bytes a value takes that is read: more than it is stored in where it is scaled."""
    stored = int(image.get_data_dtype().itemsize)
    is_scaled = (image.dataobj.slope, image.dataobj.inter) != (1, 0)
    return max(stored, np.dtype(float).itemsize) if is_scaled else stored


def _whole(values: np.ndarray, threshold: float, path: str) -> tuple[np.ndarray, str]:
    """(values as whole numbers, what was done to them)."""
    if values.dtype.kind in "iub":
        return values.astype(np.uint8) if values.dtype.kind == "b" else values, ""
    if values.dtype.kind != "f":
        raise LabelError(f"expected numbers as values of {path}, got {values.dtype}")
    missing = int(np.isnan(values).sum())
    remark = f"{missing} voxels are no number, and no label" if missing else ""
    values = np.nan_to_num(values, copy=bool(missing), nan=0, posinf=np.inf, neginf=-np.inf)
    low, high = float(values.min()), float(values.max())
    if all((one == np.round(one)).all() for one in values) and max(-low, high) < 2**31:
        return values.astype(np.int32), remark
    if low < 0 or high > 1:
        raise LabelError(
            f"expected whole numbers, or probabilities from 0 to 1, in {path}, got values from "
            f"{low:.4g} to {high:.4g}: it is an image, and no label"
        )
    rule = f"a probability of {threshold:g} or more is taken as the label"
    return (values >= threshold).astype(np.uint8), "; ".join(filter(None, (rule, remark)))


def _distinct(values: np.ndarray, path: str) -> list[int]:
    """The values that there are but 0, in their order."""
    low, high = int(values.min()), int(values.max())
    found: set[int] = set()
    if high - low < MAX_RANGE:
        counts = np.zeros(high - low + 1, int)
        for one in values:
            counts += np.bincount(one.ravel().astype(int) - low, minlength=len(counts))
        found = {*(np.flatnonzero(counts) + low).tolist()}
    else:
        for one in values:
            found |= {*np.unique(one).tolist()}
            if len(found) > MAX_LABELS:
                break
    if len(found) > MAX_LABELS:
        raise LabelError(
            f"expected at most {MAX_LABELS} labels in {path}, got more, from {low} to {high}: it "
            "is an image, and no label"
        )
    return sorted(found - {0})


def _numbered(values: np.ndarray, distinct: list[int], wanted: list[int]) -> np.ndarray:
    """A label map with 1 for the first wanted value, 2 for the second, 0 for all else."""
    dtype = map_dtype(len(wanted))
    check_memory(dtype.itemsize, values.shape)
    label_map = np.zeros(values.shape, dtype)
    known = np.array([0, *distinct], np.int64)
    order = np.argsort(known)
    place = {value: n for n, value in enumerate(wanted, 1)}
    numbers = np.array([place.get(value, 0) for value in known[order].tolist()], dtype)
    for here, there in zip(label_map, values):
        here[...] = numbers[np.searchsorted(known[order], there)]
    return label_map


def _name(value: int) -> str:
    return f"label {value}"
