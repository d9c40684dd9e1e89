"""Which files will an export write, and may they be written there?"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from helpers.errors import ClearError
from helpers.files.names import absolute, disk_folder, is_address
from helpers.labels.labels import Labels

VOLUME_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".mha", ".npz")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
NUMBER = "*"  # stands for the number of a slice in the name of its picture
RECORD = ".json"
UNFINISHED = ".unfinished-"  # how the folder begins in which files are until all are written
ROOT_VARIABLE = "DICOM_ROOT"  # names the collection's folder (see `helpers.collection`)


class ExportError(ClearError, ValueError):
    """A volume that is not written as it is asked for, or not there."""


class Target(NamedTuple):
    """A file of a volume, or a folder of pictures and how they are named."""

    path: Path
    ending: str
    pattern: str = ""  # of pictures: their names, with `NUMBER` in each

    @property
    def of_pictures(self) -> bool:
        """Whether it is a folder of pictures."""
        return bool(self.pattern)

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.path.name.removesuffix(self.ending)

    @property
    def record(self) -> Path:
        """Where it stands what was done: beside the file, or among the pictures."""
        if self.of_pictures:
            return self.path / f"export{RECORD}"
        return self.path.with_name(self.path.name + RECORD)

    def label_file(self, layer: int) -> Path:
        """The file of a label map, or the folder of its pictures; in NPZ the volume's own file."""
        number = f"-{layer + 1}" if layer else ""
        if self.of_pictures:
            return self.path / f"labels{number}"
        own = self.ending == ".npz"
        return self.path if own else self.path.with_name(f"{self.stem}-labels{number}{self.ending}")

    def picture(self, number: int, count: int) -> str:
        """The name of the picture of a slice; numbers have leading zeros, so that they sort."""
        return self.pattern.replace(NUMBER, f"{number:0{len(str(count - 1))}d}")


def target_of(path: str | os.PathLike[str]) -> Target:
    """What a name asks for: ``ct.nii.gz`` is a volume, ``ct/*.png`` a folder of pictures.

    Raises
    ------
    ExportError
    """
    try:
        path = Path(path).expanduser()
    except TypeError:
        raise ExportError(f"expected the name of a file, got {path!r}") from None
    name = path.name.lower()
    ending = next((end for end in (".nii.gz", path.suffix.lower()) if name.endswith(end)), "")
    if ending in VOLUME_ENDINGS and name != ending and NUMBER not in path.name:
        return Target(path.with_name(path.name[: -len(ending)] + ending), ending)
    has_folder = path.parent.name not in ("", "..")
    if ending in PICTURE_ENDINGS and path.name.count(NUMBER) == 1 and has_folder:
        return Target(path.parent, ending, path.name)
    if ending in PICTURE_ENDINGS:
        raise ExportError(
            f"expected a folder and names with one * for the number of a slice, got {path}: such "
            f"as {path.with_suffix('') / f'*{ending}'}; save_slice writes one picture"
        )
    raise ExportError(
        f"expected a name that ends in {', '.join(VOLUME_ENDINGS)}, or pictures such as "
        f"slices/*.png, slices/*.jpg, slices/*.tif, got {path.name}"
    )


def check_place(
    target: Target, paths: Sequence[str], labels: Labels | None, *, overwrite: bool
) -> None:
    """Refuses a place that is not there, taken, or in the collection.

    Parameters
    ----------
    paths : of the images, in whose folders nothing is ever written; nor in those of the labels
    overwrite : whether files that are there are replaced; a folder never is

    Raises
    ------
    ExportError
    """
    folder = target.path.parent
    if not folder.is_dir():
        raise ExportError(f"expected a folder that is there, found none at {folder.absolute()}")
    sources = [] if labels is None else [label.source for label in labels.labels if label.source]
    _check_outside(Path(os.path.realpath(target.path)), [*paths, *sources])
    if target.of_pictures:
        if target.path.exists() and (not target.path.is_dir() or any(target.path.iterdir())):
            raise ExportError(
                f"expected a new or an empty folder, got {target.path}: name another, or remove it"
            )
        return
    layers = 0 if labels is None else len(labels.maps)
    files = {target.path, target.record, *map(target.label_file, range(layers))}
    taken = sorted(str(one) for one in files if one.exists())
    if taken and not overwrite:
        raise ExportError(
            f"expected the name of a new file, got {taken[0]}, which is there already: "
            "overwrite=True replaces it"
        )
    if others := sorted(_other_labels(target, files)):
        raise ExportError(
            f"expected no labels of another export beside {target.path.name}, got {others[0]}: "
            "remove it, or take another name"
        )


@contextmanager
def written_together(target: Target) -> Iterator[Path]:
    """A folder to write into; its files take their places when all is done, and none before.

    Where it is left early, by an error or Ctrl-C, nothing of it stays.
    """
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=target.path.parent))
    try:
        yield unfinished
        for path in sorted(unfinished.iterdir()):
            if path.is_dir() and target.path.is_dir():
                target.path.rmdir()  # an empty one; not every system replaces it
            os.replace(path, target.path.parent / path.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _other_labels(target: Target, files: Iterable[Path]) -> Iterator[str]:
    """Yields files that would be taken for labels of this volume, and are not."""
    stem, ending = (re.escape(one) for one in (target.stem, target.ending))
    label = re.compile(rf"{stem}-labels(-\d+)?{ending}")
    for path in target.path.parent.iterdir():
        if label.fullmatch(path.name) and path not in files:
            yield str(path)


def _check_outside(place: Path, paths: Iterable[str]) -> None:
    """Refuses a place in the folder of a collection.

    Which folder that is, a volume does not know. So it is refused beside its images and below,
    where ``DICOM_ROOT`` leads, and in any folder above the images but those above the working
    directory or the home, in which people have their own files beside.
    """
    own = [Path.cwd(), Path(os.path.realpath(os.path.expanduser("~")))]
    named = os.environ.get(ROOT_VARIABLE)
    roots = {Path(os.path.realpath(named))} if named and not is_address(named) else set()
    folders = filter(None, map(disk_folder, map(absolute, paths)))  # of an archive that of itself
    images = {Path(os.path.realpath(folder)) for folder in folders}
    shared = any(one.is_relative_to(place.parent) for one in own)
    above = any(one.is_relative_to(place.parent) for one in images) and not shared
    if above or any(place.is_relative_to(root) for root in roots | images):
        raise ExportError(
            f"expected a place outside of the collection, got {place}: nothing is ever written "
            "among the images; name a folder of your own"
        )
