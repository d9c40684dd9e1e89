"""How does a table of slices enter fastai? A block that decodes and windows, a splitter that keeps patients apart.

The only module that needs fastai and torch. `fastai.medical.imaging` is not imported: it changes classes of pydicom,
pathlib and pandas for the whole process.
"""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from helpers.errors import ClearError
from helpers.geometry.planes import PROJECTIONS
from helpers.learn.cohort import patient_split
from helpers.pixels.window import Window, WindowError, resolve_window
from helpers.slices.images import images
from helpers.volume.slice import load_slice

with warnings.catch_warnings():  # torch 2.9 and later say this of fastai's own code
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    import torch
    from fastai.data.block import TransformBlock
    from fastai.data.transforms import Transform
    from fastai.torch_core import TensorImage, show_image
    from fastai.vision.augment import Resize, ResizeMethod

KIND = [
    "Modality",
    "PhotometricInterpretation",
    "RescaleIntercept",
    "NumberOfFrames",
]  # files that differ in one are compared


class LearnError(ClearError, ValueError):
    """Slices that cannot be learned from as they are."""


class TensorSlice(TensorImage):
    """Grey values (channels, rows, columns) from 0 to 1, a channel for each window; float32."""

    def show(self, ctx=None, **kwargs):
        """Draws the channels side by side; returns the Axes."""
        wide = np.concatenate(list(self.detach().cpu().numpy()), axis=-1)
        return show_image(wide, ctx=ctx, **{"cmap": "gray", "vmin": 0, "vmax": 1, **kwargs})


def PatientSplitter(valid_pct=0.2, seed=0):
    """A splitter for ``DataBlock``: every patient wholly on one side, as `helpers.learn.cohort.patient_split` has it.

    Parameters
    ----------
    valid_pct : share of the patients (not of the slices) that are held out, from 0 to 1
    """
    return partial(patient_split, share=valid_pct, seed=seed)


def SliceBlock(windows=("body",), *, size=None, mm=None, how="mean"):
    """A block for ``DataBlock`` that makes of ``get_x=ColReader("images")`` a `TensorSlice`, decoded when it is asked for.

    Values are rescaled, then windowed: the same tissue has the same grey whatever the file. Values in HU mean the same in
    MONOCHROME1 and MONOCHROME2; others are turned where MONOCHROME1 says that low is white. Padding is 0, as what lies
    below the window.

    Parameters
    ----------
    windows : one channel for each: names of `helpers.WINDOWS` (for HU alone), (center, width), or a view taken
        from each image's own values: "body", "most values", "whole range", "equal frequency"
    size : pixels along the side of a square that holds the image in its true shape (pixels that are not square become
        so), 0 beside it; None for the pixels as they are
    mm : of a pixel of that square, so that all patients have one scale: what is outside the square is cut off; None for
        as large as fits
    how : {"mean", "max", "min"}, what becomes of a slab

    Raises
    ------
    WindowError, LearnError
        Where there is no such window, size or projection.
    ImageError, LearnError
        When an image is asked for that cannot be decoded, is in colour, has no HU for a window of HU, or no mm.
    """
    windows = [windows] if isinstance(windows, (str, Window)) else list(windows)
    for window in windows:
        resolve_window(window, {}, np.zeros((2, 2)), unit="HU")
    if not windows or how not in PROJECTIONS or (mm is not None and size is None):
        raise LearnError(
            f"expected windows, how of {', '.join(PROJECTIONS)}, and a size with mm, got {windows}, {how!r}, {size}"
        )
    return TransformBlock(type_tfms=_SliceReader(windows, size, mm, how))


class _SliceReader(Transform):
    """Turns a list of (path, frame) into a `TensorSlice`; a class, for fastai cannot export a partial function."""

    def __init__(self, windows, size, mm, how):
        super().__init__()
        self.windows, self.size, self.mm, self.how = windows, size, mm, how

    def encodes(self, images):
        return _tensor(images, self.windows, self.size, self.mm, self.how)


@Resize
def encodes(self, x: TensorSlice):
    """What fastai's ``Resize`` does with a slice: as with a picture, but from the middle, and with 0 beside it.

    Without this it would leave a tensor as it is, in silence.
    """
    (width, height), (rows, columns) = self.size, x.shape[-2:]
    if self.method == ResizeMethod.Squish:
        return _scaled(x, height, width)
    pick = min if self.method == ResizeMethod.Pad else max
    scale = pick(height / rows, width / columns)
    return _centred(_scaled(x, round(rows * scale), round(columns * scale)), height, width)


def compare_readers(headers, *, most=8, **readers):
    """What different readers make of the same files: one file of each kind, a row for each reader, failures among them.

    Parameters
    ----------
    headers : DataFrame of `helpers.frame_table` or `helpers.header_table`
    most : how many kinds, the most frequent ones
    readers : name=function of a path to an array or tensor; "SliceBlock" is compared with them, in its default window

    Returns
    -------
    DataFrame: ``kind`` (of the file, in words), ``path``, ``reader``, ``shape`` (text), ``low``, ``median``, ``high`` (of
        the values), ``error`` (one line; empty where there is none)
    """
    rows = images(headers)
    kinds = rows.reindex(columns=KIND).astype(object).apply(lambda row: _kind(*row), axis=1)
    files = [
        (kind, _middle(kinds.index[kinds == kind])) for kind in kinds.value_counts().index[:most]
    ]
    readers["SliceBlock"] = lambda path: _tensor([(path, 0)], ["body"], None, None, "mean")
    pairs = [(kind, path, reader) for kind, path in files for reader in readers]
    found = [_read(readers[reader], path) for _, path, reader in pairs]
    return pd.DataFrame(pairs, columns=["kind", "path", "reader"]).join(pd.DataFrame(found))


def _tensor(images, windows, size, mm, how):
    """The `TensorSlice` of a list of (path, frame)."""
    values = _slab([load_slice(path, frame=frame) for path, frame in images], images, how)
    grey = TensorSlice(
        torch.from_numpy(np.stack([_grey(values, window, images[0][0]) for window in windows]))
    )
    if size is None:
        return grey
    if mm is not None and values.spacing_unit != "mm":
        raise LearnError(
            f"expected pixels of known size in mm, got none in {images[0][0]}: leave mm out, or the image"
        )
    extent = np.multiply(values.pixels.shape, values.spacing)
    rows, columns = (
        np.maximum(1, np.round(extent / (mm or extent.max() / size))).astype(int).tolist()
    )
    return _centred(_scaled(grey, rows, columns), size, size)


def _slab(slices, images, how):
    """One `Slice` of several, value by value; padding counts only where there is nothing else."""
    first = slices[0]
    if any(slice.pixels.ndim != 2 for slice in slices):
        raise LearnError(f"expected grey values, got colour in {images[0][0]}")
    if len(slices) == 1:
        return first
    if any(
        (slice.pixels.shape, slice.inverted) != (first.pixels.shape, first.inverted)
        for slice in slices
    ):
        raise LearnError(
            f"expected a slab of images of one size and sense of grey, got several from {images[0][0]} on"
        )
    padding = np.stack(
        [
            np.zeros(first.pixels.shape, bool) if slice.padding is None else slice.padding
            for slice in slices
        ]
    )
    values = PROJECTIONS[how](np.stack([slice.pixels for slice in slices]), padding, 0)
    return replace(first, pixels=values, padding=padding.all(axis=0))


def _grey(values, window, path):
    """A slice through one window, float32 (rows, columns) from 0 to 1."""
    measured = replace(values, windows={}, inverted=values.inverted and values.unit != "HU")
    try:
        return measured.grey(window)
    except WindowError as error:
        raise LearnError(f"{error}; in {path}") from None


def _scaled(x, rows, columns):
    """Images (channels, rows, columns) of another size, averaged where they shrink."""
    size = (max(1, rows), max(1, columns))
    scaled = torch.nn.functional.interpolate(
        x[None], size, mode="bilinear", antialias=True, align_corners=False
    )[0]
    return scaled.clamp(0, 1)  # weights add up to a little more than 1


def _centred(x, rows, columns):
    """Images cut off or filled with 0 around their middle."""
    down, right = rows - x.shape[-2], columns - x.shape[-1]
    return torch.nn.functional.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))


def _kind(modality, photometric, intercept, frames):
    """What kind of file it is, in words."""
    words = [modality, photometric, _intercept(intercept)]
    several = isinstance(frames, (int, float)) and frames > 1
    return " · ".join(f"{word:.24}" for word in map(str, words)) + (
        f" · {frames:g} frames" if several else ""
    )


def _intercept(value):
    return (
        f"intercept {value:g}"
        if isinstance(value, (int, float)) and np.isfinite(value)
        else "no rescale"
    )


def _middle(paths):
    return paths[len(paths) // 2]


def _read(read, path):
    """What one reader makes of one file."""
    try:
        values = np.asarray(read(path), float)
        low, median, high = np.quantile(values, [0, 0.5, 1])
    except Exception as error:
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:120]}
    return {
        "shape": " × ".join(map(str, values.shape)),
        "low": low,
        "median": median,
        "high": high,
        "error": "",
    }
