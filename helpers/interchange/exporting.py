"""How does a volume leave for other programs? As files that they read, and a record of them."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from helpers.errors import require_type
from helpers.interchange.grids import PICTURE_ORIENTATIONS, oriented, respaced
from helpers.interchange.record import Written, as_json, record_of
from helpers.interchange.slice_files import (
    FORMATS,
    grid_of_pictures,
    squared_in_words,
    window_in_words,
    write_label_slices,
    write_slices,
)
from helpers.interchange.targets import (
    ExportError,
    Target,
    check_place,
    target_of,
    written_together,
)
from helpers.interchange.volume_files import (
    NAMES,
    PACKAGES,
    check_packages,
    check_shear,
    grid_in_file,
    npz_key,
    storable,
    write_label_map,
    write_volume,
)
from helpers.labels.labels import Labels
from helpers.labels.placing import placed
from helpers.volume.volume import MIN_SLICES_FOR_BAR, Volume


def export_volume(
    volume: Volume,
    path: str | os.PathLike[str],
    *,
    labels: Labels | None = None,
    spacing_mm: Any = None,
    orientation: str | None = None,
    window: object = None,
    identity: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
) -> Path:
    """Writes a volume for other programs, and what was done as JSON beside it; returns the path.

    Values are those of the volume, in its unit, each where it was in the patient; NIfTI has its
    places as numbers of 32 bits, which is to a thousandth of a mm. Where it ends early, by an error
    or Ctrl-C, no file of it stays.

    Parameters
    ----------
    volume : of `helpers.load_volume`, or made of one
    path : a new file, outside of the collection
        ``ct.nii.gz`` or ``.nii`` (nibabel), ``ct.nrrd`` or ``.mha`` (SimpleITK), ``ct.npz``; or a
        new folder of pictures: ``ct/*.png``, ``ct/*.jpg`` through a window in 8 bits with square
        pixels, ``ct/*.tif`` in 16 bits. ``*`` becomes the number of the slice, from 0.
    labels : of `helpers.load_labels`; they are written on the same grid, in ``ct-labels.nii.gz``,
        in the NPZ itself, or as PNG in ``ct/labels``: by nearest neighbour where grids differ. In
        further files where they overlap; their names stand in the JSON.
    spacing_mm : of all axes, or of (column, row, slice), x first; interpolates where it differs.
        Then a sheared volume comes to right angles, too.
    orientation : three letters towards which columns, rows and slices run, such as "RAS" (nibabel)
        or "LPS" (ITK), each axis to the nearest; voxels are only reordered. None leaves the order
        of the files; pictures are turned as readers look at the acquired plane.
    window : of all pictures, as `Volume.window` takes it
    identity : whether the JSON names the patient, the series and the files
    overwrite : whether files that are there are replaced; a folder never is
    progress : whether to show a progress bar; None shows it from 100 slices on

    Raises
    ------
    ExportError
        For another ending, a place that is taken or in the collection, a sheared volume where the
        format has no place for shear, and a package that is missing: says what to type.
    LabelError
        Where the labels do not lie on the volume.
    WindowError
    """
    require_type(volume, Volume, "of load_volume")
    require_type(labels, (Labels, type(None)), "of load_labels")
    target = target_of(path)
    check_place(target, volume.paths, labels, overwrite=overwrite)
    _check_form(volume, target, spacing_mm, window)
    exported, done = _brought(volume, target, spacing_mm, orientation, progress)
    on_grid = None if labels is None else placed(labels, exported)
    shown = len(exported.array) >= MIN_SLICES_FOR_BAR if progress is None else progress
    new_bar = partial(tqdm, desc="Exporting", unit=" files", disable=not shown)
    with written_together(target) as folder:
        maps = () if on_grid is None else on_grid.maps
        write = partial(_write_pictures, window=window) if target.of_pictures else _write_volume
        written = write(folder / target.path.name, target, exported, maps, new_bar)
        record = record_of(exported, volume, on_grid, written, done, identity=identity)
        place = folder / target.record.relative_to(target.path.parent)
        place.write_text(as_json(record), encoding="utf-8")
    return target.path


def _check_form(volume: Volume, target: Target, spacing_mm: Any, window: object) -> None:
    """Refuses what a format has no place for, before anything is worked out."""
    if target.of_pictures:
        volume.window(window)
        return
    if window is not None:
        raise ExportError(
            f"expected no window for {target.ending}, which keeps values, got {window!r}: a window "
            "is for pictures, such as slices/*.png"
        )
    check_packages(target.ending)
    if spacing_mm is None:
        check_shear(volume, target.ending)


def _brought(
    volume: Volume,
    target: Target,
    spacing_mm: Any,
    orientation: str | None,
    progress: bool | None,
) -> tuple[Volume, list[str]]:
    """(the volume as it is to be written, what was done to it in words)."""
    if target.of_pictures and orientation is None:
        orientation = PICTURE_ORIENTATIONS[volume.acquired_plane]
    moved, turned = (volume, "") if orientation is None else oriented(volume, orientation)
    spaced, resampled = (moved, "") if spacing_mm is None else respaced(moved, spacing_mm, progress)
    exported, stored = storable(spaced)
    return exported, [turned, resampled, stored]


def _write_volume(
    path: Path,
    target: Target,
    volume: Volume,
    maps: Sequence[np.ndarray],
    new_bar: Callable[..., Any],
) -> Written:
    """One file of the volume, and one for each label map; in NPZ all are in one."""
    inside = maps if target.ending == ".npz" else ()
    own = [] if inside else [target.label_file(layer).name for layer in range(len(maps))]
    with new_bar(total=1 + len(own)) as bar:
        write_volume(path, target.ending, volume, inside)
        bar.update()
        for name, label_map in zip(own, maps):
            write_label_map(path.with_name(name), target.ending, volume, label_map)
            bar.update()
    return Written(
        files=[path.name, *own],
        label_files=own or [f"{path.name}: {npz_key(layer)}" for layer in range(len(maps))],
        about={"format": NAMES[target.ending], **grid_in_file(volume, target.ending)},
        done=[],
        packages=["numpy", PACKAGES[target.ending]],
    )


def _write_pictures(
    path: Path,
    target: Target,
    volume: Volume,
    maps: Sequence[np.ndarray],
    new_bar: Callable[..., Any],
    *,
    window: object,
) -> Written:
    """A folder of pictures, and in it one for each label map."""
    named, files = volume.window(window), []
    folders = [path / target.label_file(layer).name for layer in range(len(maps))]
    with new_bar(total=len(volume.array) * (1 + len(maps))) as bar:
        path.mkdir()
        for name in write_slices(path, target, volume, named[1]):
            files.append(name)
            bar.update()
        for folder, label_map in zip(folders, maps):
            folder.mkdir()
            for name in write_label_slices(folder, target, volume, label_map):
                files.append(f"{folder.name}/{name}")
                bar.update()
    return Written(
        files=files,
        label_files=[f"{folder.name}/" for folder in folders],
        about={"format": FORMATS[target.ending], **grid_of_pictures(volume, target.ending)},
        done=[window_in_words(volume, named, target.ending), squared_in_words(volume, target)],
        packages=["numpy", "pillow"],
    )
