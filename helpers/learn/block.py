"""How does a table of slices enter fastai? A block that decodes them, a splitter by patient.

The only module that needs fastai and torch. `fastai.medical.imaging` is not imported: it changes
classes of pydicom, pathlib and pandas for the whole process.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import ClearError, one_line
from helpers.files.opening import fingerprints_of, on_disk
from helpers.geometry.planes import PROJECTIONS
from helpers.learn.cohort import patient_split
from helpers.pixels.window import Window, WindowError, resolve_window
from helpers.slices.arrays import paths_of
from helpers.slices.stacks import checked_slices
from helpers.volume.slice import Slice, load_slice

with warnings.catch_warnings():  # torch 2.9 and later say this of fastai's own code
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    import torch
    from fastai.data.block import TransformBlock
    from fastai.data.transforms import Transform
    from fastai.torch_core import TensorImage, show_image
    from fastai.vision.augment import Resize, ResizeMethod

KIND_KEYWORDS = ["Modality", "PhotometricInterpretation", "RescaleIntercept", "NumberOfFrames"]
READING_COLUMNS = ["kind", "path", "reader", "shape", "low", "median", "high", "error"]
MAX_WORD = 24  # characters of a value in the name of a kind
MAX_ERROR = 120  # characters
MAX_KEPT = 2**28  # bytes of tensors that a block keeps

Places = Sequence[tuple[str, int]]  # (path, frame) of each image of a slab


class LearnError(ClearError, ValueError):
    """Slices that cannot be learned from as they are."""


class TensorSlice(TensorImage):
    """Grey values (channels, rows, columns) from 0 to 1, a channel for each window; float32."""

    def show(self, ctx: Any = None, **kwargs: Any) -> Any:
        """Draws the channels side by side; returns the Axes."""
        side_by_side = np.concatenate(list(self.detach().cpu().numpy()), axis=-1)
        return show_image(side_by_side, ctx=ctx, **{"cmap": "gray", "vmin": 0, "vmax": 1, **kwargs})


def PatientSplitter(
    valid_pct: float = 0.2, seed: int = 0
) -> Callable[[pd.DataFrame], tuple[list[int], list[int]]]:
    """A splitter for ``DataBlock`` that keeps every patient wholly on one side.

    It is `helpers.learn.cohort.patient_split`.

    Parameters
    ----------
    valid_pct : share of the patients (not of the slices) that are held out, from 0 to 1
    """
    return partial(patient_split, share=valid_pct, seed=seed)


def SliceBlock(
    windows: Any = ("body",), *, size: int | None = None, mm: float | None = None, how: str = "mean"
) -> TransformBlock:
    """A block for ``DataBlock`` that makes a `TensorSlice` of ``get_x=ColReader("images")``.

    An image is decoded when it is first asked for; its tensor is kept, up to 256 MB of them, as
    long as its file stays as it is. Values are rescaled, then windowed: the same tissue has the
    same grey whatever the file. Values in HU mean the same in MONOCHROME1 and MONOCHROME2; others
    are inverted where MONOCHROME1 says that low is white. Padding is 0, as what lies below the
    window. From the first block on, fastai's ``Resize`` takes a `TensorSlice`.

    Parameters
    ----------
    windows : one channel for each: names of `helpers.WINDOWS` (for HU alone), (center, width), or
        a window taken from each image's own values: "body", "most values", "whole range",
        "equal frequency"
    size : pixels along the side of a square that holds the image in its true shape (pixels that
        are not square become so), 0 beside it; None for the pixels as they are
    mm : of a pixel of that square, so that all patients have one scale: what is outside the
        square is cut off; None for as large as fits
    how : {"mean", "max", "min"}, what becomes of a slab

    Raises
    ------
    WindowError, LearnError
        Where there is no such window, size or projection.
    ImageError, LearnError
        When an image is asked for that cannot be decoded, is in colour, has no HU for a window of
        HU, or no mm.
    """
    windows = [windows] if isinstance(windows, (str, Window)) else list(windows)
    for window in windows:
        resolve_window(window, {}, np.zeros((2, 2)), unit="HU")
    if not windows or how not in PROJECTIONS or (mm is not None and size is None):
        raise LearnError(
            f"expected windows, how of {', '.join(PROJECTIONS)}, and a size with mm, "
            f"got {windows}, {how!r}, {size}"
        )
    _register_resize()
    return TransformBlock(type_tfms=_SliceReader(windows, size, mm, how))


def compare_readers(
    slices: pd.DataFrame, *, most: int = 8, **readers: Callable[[str], Any]
) -> pd.DataFrame:
    """What different readers make of the same files: one file of each kind, a row for each reader.

    Parameters
    ----------
    slices : DataFrame of `helpers.slice_table`
    most : how many kinds, the most frequent ones
    readers : name=function of a path to an array or tensor; "SliceBlock" is compared with them, in
        its default window

    Returns
    -------
    DataFrame: ``kind`` (of the file, in words), ``path``, ``reader``, ``shape`` (text), ``low``,
        ``median``, ``high`` (of the values), ``error`` (one line; empty where there is none)
    """
    kinds = _kinds_of_files(slices)
    readers["SliceBlock"] = lambda path: _tensor([(path, 0)], ["body"], None, None, "mean")
    most_frequent = kinds.value_counts().index[:most]
    examples = {kind: _middle(kinds.index[kinds == kind]) for kind in most_frequent}
    rows = [
        {"kind": kind, "path": path, "reader": name, **_reading(read, on_disk(path))}
        for kind, path in examples.items()
        for name, read in readers.items()
    ]
    return pd.DataFrame(rows, columns=READING_COLUMNS)


class _SliceReader(Transform):
    """Turns places into a `TensorSlice`; a class, for fastai cannot export a partial function.

    What it has made it keeps: later epochs read no file. An export leaves that out.
    """

    def __init__(self, windows, size, mm, how):
        super().__init__()
        self.windows, self.size, self.mm, self.how = windows, size, mm, how
        self._kept, self._kept_bytes = {}, 0

    def __getstate__(self):
        return {**self.__dict__, "_kept": {}, "_kept_bytes": 0}

    def encodes(self, images):
        _register_resize()  # a worker or a loaded learner has made no SliceBlock
        key = (*map(tuple, images), fingerprints_of(path for path, _ in images).tobytes())
        if key in self._kept:
            return self._kept[key].clone()
        tensor = _tensor(images, self.windows, self.size, self.mm, self.how)
        if self._kept_bytes + tensor.nbytes <= MAX_KEPT:
            self._kept_bytes += tensor.nbytes
            self._kept[key] = tensor.clone()  # the caller may change its own
        return tensor


@cache
def _register_resize():
    """Makes fastai's ``Resize`` take a slice, which it would leave as it is, in silence."""

    @Resize
    def encodes(self, x: TensorSlice):
        """As with a picture, but from the middle, and with 0 beside it."""
        (width, height), (rows, columns) = self.size, x.shape[-2:]
        if self.method == ResizeMethod.Squish:
            return _scaled(x, height, width)
        pick = min if self.method == ResizeMethod.Pad else max
        scale = pick(height / rows, width / columns)
        return _centred(_scaled(x, round(rows * scale), round(columns * scale)), height, width)


def _tensor(
    places: Places, windows: Iterable[Any], size: int | None, mm: float | None, how: str
) -> TensorSlice:
    """The `TensorSlice` of the images of one slab."""
    first = places[0][0]
    slab = _slab([load_slice(path, frame=frame) for path, frame in places], first, how)
    grey = np.stack([_grey(slab, window, first) for window in windows])
    tensor = TensorSlice(torch.from_numpy(grey))
    if size is None:
        return tensor
    if mm is not None and slab.spacing_unit != "mm":
        raise LearnError(
            f"expected pixels of known size in mm, got none in {first}: leave mm out, or the image"
        )
    extent = np.multiply(slab.array.shape, slab.spacing)
    pixel = extent.max() / size if mm is None else mm
    rows, columns = np.round(extent / pixel).astype(int).tolist()
    return _centred(_scaled(tensor, rows, columns), size, size)


def _slab(slices: list[Slice], path: str, how: str) -> Slice:
    """One `Slice` of several, value by value; padding counts only where there is nothing else."""
    first = slices[0]
    if any(slice.array.ndim != 2 for slice in slices):
        raise LearnError(f"expected grey values, got colour in {path}")
    if len({slice.array.shape for slice in slices}) > 1:
        raise LearnError(f"expected a slab of images of one size, got several from {path} on")
    if len({slice.inverted for slice in slices}) > 1:
        raise LearnError(
            "expected a slab of one Photometric Interpretation, got mixed MONOCHROME1 and "
            f"MONOCHROME2 from {path} on"
        )
    if len(slices) == 1:
        return first
    unpadded = np.zeros(first.array.shape, bool)
    padding = np.stack([unpadded if one.padding is None else one.padding for one in slices])
    values = PROJECTIONS[how](np.stack([one.array for one in slices]), padding, 0)
    return replace(first, array=values, padding=np.logical_and.reduce(padding))


def _grey(slab: Slice, window: Any, path: str) -> np.ndarray:
    """A slab through one window, float32 (rows, columns) from 0 to 1."""
    measured = replace(slab, windows={}, inverted=slab.inverted and slab.unit != "HU")
    try:
        return measured.grey(window)
    except WindowError as error:
        raise LearnError(f"{error}; in {path}") from None


def _scaled(x, rows, columns):
    """Images (channels, rows, columns) of another size, averaged where they shrink."""
    size = (max(1, rows), max(1, columns))
    scaled = torch.nn.functional.interpolate(x[None], size, mode="bilinear", antialias=True)[0]
    return scaled.clamp(0, 1)  # weights add up to a little more than 1


def _centred(x, rows, columns):
    """Images cut off or filled with 0 around their middle."""
    down, right = rows - x.shape[-2], columns - x.shape[-1]
    return torch.nn.functional.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))


def _kinds_of_files(slices):
    """What kind of file each is, index path, in the order of the slices; bad ones left out."""
    usable = checked_slices(slices)[slices["error"].isna()].reindex(columns=KIND_KEYWORDS)
    files = usable.set_axis(paths_of(usable))
    files = files[~files.index.duplicated()].astype(object)
    return pd.Series([_kind(*row) for row in files.itertuples(index=False)], files.index, object)


def _kind(modality, photometric, intercept, frames):
    """What kind of file it is, in words."""
    has_intercept = isinstance(intercept, (int, float)) and np.isfinite(intercept)
    rescale = f"intercept {intercept:g}" if has_intercept else "no rescale"
    words = [str(word)[:MAX_WORD] for word in (modality, photometric, rescale)]
    several = isinstance(frames, (int, float)) and frames > 1
    return " · ".join([*words, f"{frames:g} frames"] if several else words)


def _middle(paths):
    return paths[len(paths) // 2]


def _reading(read, path):
    """What one reader makes of one file."""
    try:
        values = np.asarray(read(path), float)
        low, median, high = np.quantile(values, [0, 0.5, 1])
    except Exception as error:  # whatever it is, it is what the reader makes of the file
        return {"error": one_line(error)[:MAX_ERROR]}
    shape = " × ".join(map(str, values.shape))
    return {"shape": shape, "low": low, "median": median, "high": high, "error": ""}
