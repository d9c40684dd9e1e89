"""How are voxels written as a file, each value and its place as they are?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers.geometry.planes import shear_of
from helpers.interchange.grids import grid_facts
from helpers.interchange.targets import ExportError
from helpers.runtime import optional_package
from helpers.volume.conversion import LPS_TO_RAS, MAX_SHEAR_DEG, to_nibabel, to_simpleitk
from helpers.volume.volume import Volume

NAMES = {  # of the formats, by the endings of their files
    **{".nii": "NIfTI-1", ".nii.gz": "NIfTI-1"},
    **{".nrrd": "NRRD", ".mha": "MetaImage", ".npz": "NumPy's NPZ"},
}
PACKAGES = {  # that write them
    **{".nii": "nibabel", ".nii.gz": "nibabel"},
    **{".nrrd": "SimpleITK", ".mha": "SimpleITK", ".npz": "numpy"},
}
RIGHT_ANGLED = (".nrrd", ".mha")  # formats without a place for shear, or read by ITK alone
KEPT_DTYPES = {"i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"}  # that all formats have
WIDER = {"b1": np.uint8, "f2": np.float32}  # of others, which hold all their values
NARROWER = (np.int32, np.float64)  # for integers of 64 bits, where one holds all of them
LABEL_INTENT = "label"  # NIFTI_INTENT_LABEL of nifti1.h


def check_packages(ending: str) -> None:
    """Refuses a format whose package is not installed, before anything is done.

    Raises
    ------
    ExportError
        Says what to type.
    """
    optional_package(PACKAGES[ending], ExportError)


def check_shear(volume: Volume, ending: str) -> None:
    """Refuses a sheared volume where its format cannot say that it is.

    Raises
    ------
    ExportError
        Names the ways on.
    """
    shear = shear_of(volume.affine)
    if ending in RIGHT_ANGLED and shear >= MAX_SHEAR_DEG:
        raise ExportError(
            f"expected a grid with right angles for {ending}, got one sheared by {shear:.1f}° (a "
            "tilted gantry): a name that ends in .nii.gz or .npz keeps it; "
            "straightened(volume) or spacing_mm= interpolate it to right angles"
        )


def storable(volume: Volume) -> tuple[Volume, str]:
    """(the volume in a type that all formats have, with the same values; what was done in words).

    Raises
    ------
    ExportError
        Where no such type holds all its values.
    """
    array, dtype = volume.array, volume.array.dtype
    kind = f"{dtype.kind}{dtype.itemsize}"
    if kind in KEPT_DTYPES:
        native = dtype.newbyteorder("=")
        return (volume if dtype == native else replace(volume, array=array.astype(native))), ""
    candidates = [WIDER[kind]] if kind in WIDER else NARROWER if dtype.kind in "iu" else ()
    for candidate in candidates:
        stored = array.astype(candidate)
        if (stored.astype(dtype) == array).all() or kind == "f2":
            return replace(volume, array=stored), f"{dtype} stored as {stored.dtype}, same values"
    raise ExportError(
        f"expected values of a type that other programs have, got {dtype}: "
        "dataclasses.replace(volume, array=volume.array.astype(np.float32)) rounds them"
    )


def write_volume(
    path: Path, ending: str, volume: Volume, label_maps: Sequence[np.ndarray] = ()
) -> None:
    """Writes one file; label maps go into the same one where it is NPZ.

    References
    ----------
    nifti1.h (sform, qform); in NPZ the arrays are those of a `Volume`: ``array``, ``affine``
    (slice, row, column, 1) to LPS mm, ``unit``, ``padding`` where there is, ``labels``,
    ``labels-2`` …
    """
    if ending == ".npz":
        np.savez_compressed(path, allow_pickle=False, **_arrays(volume, label_maps))
    elif ending in RIGHT_ANGLED:
        optional_package("SimpleITK", ExportError).WriteImage(to_simpleitk(volume), str(path), True)
    else:
        to_nibabel(volume).to_filename(path)


def write_label_map(path: Path, ending: str, volume: Volume, label_map: np.ndarray) -> None:
    """Writes a label map on the grid of a volume as a file of its own."""
    own = replace(volume, array=label_map, unit="", padding=None)
    if ending in RIGHT_ANGLED:
        write_volume(path, ending, own)
        return
    image = to_nibabel(own)
    image.header.set_intent(LABEL_INTENT)
    image.to_filename(path)


def grid_in_file(volume: Volume, ending: str) -> dict[str, Any]:
    """What the axes of the array in a file are, and where its voxels lie, as its format has it."""
    if ending == ".npz":
        words = "(slice, row, column, 1) to LPS mm, as in DICOM"
        return grid_facts("slice, row, column", volume.affine, volume.array.shape, words)
    affine, shape = volume.affine[:, [2, 1, 0, 3]], volume.array.shape[::-1]
    words = "(column, row, slice, 1) to LPS mm, as in DICOM"
    if ending in RIGHT_ANGLED:
        return grid_facts("column, row, slice", affine, shape, words)
    words = "(column, row, slice, 1) to RAS mm, as in NIfTI: x and y of DICOM's LPS negated"
    if shear_of(affine) >= MAX_SHEAR_DEG:
        words += "; sheared, which the sform says: nibabel reads it, ITK refuses it"
    facts = grid_facts("column, row, slice", affine, shape, words)
    return {**facts, "affine": LPS_TO_RAS @ affine}


def _arrays(volume: Volume, label_maps: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    names = [npz_key(layer) for layer in range(len(label_maps))]
    padding = {} if volume.padding is None else {"padding": volume.padding}
    own = {"array": volume.array, "affine": volume.affine, "unit": np.array(volume.unit)}
    return {**own, **padding, **dict(zip(names, label_maps))}


def npz_key(layer: int) -> str:
    """The name of a label map in an NPZ file."""
    return f"labels-{layer + 1}" if layer else "labels"
