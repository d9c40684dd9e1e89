"""What are the values of one image? Reads one file, decodes it and rescales it."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_icc_profile

from helpers.errors import error_text, one_line
from helpers.headers.pydicom_reader import LONGEST_VALUE
from helpers.pixels.codecs import stored_frames
from helpers.pixels.frame_header import FrameHeader, frame_count
from helpers.pixels.guesses import fill_gap
from helpers.pixels.layout import PIXEL_KEYWORDS, ImageError, check_frame_count
from helpers.pixels.luts import is_inverted, rescaled, unit_of, voi_luts_of
from helpers.pixels.padding import declared_padding, guessed_padding
from helpers.pixels.pixel_data import header_and_pixels
from helpers.pixels.window import VoiLut, Window
from helpers.runtime import quiet

SYNTAX_OF_ENCODING: dict[
    Any, pydicom.uid.UID
] = {  # (implicit, little endian), as pydicom assumed where a file names none
    (True, True): pydicom.uid.ImplicitVRLittleEndian,
    (False, True): pydicom.uid.ExplicitVRLittleEndian,
    (False, False): pydicom.uid.ExplicitVRBigEndian,
}


class Image(NamedTuple):
    """One frame: its values, and what the header says of them."""

    array: np.ndarray  # (rows, columns) after rescale; colour: (rows, columns, 3), uint8
    padding: np.ndarray | None  # boolean (rows, columns): stored there is no measured value
    guess: float | None  # the value of the padding, where no header declares it
    unit: str  # of the values; empty where the header does not say
    windows: Mapping[str, Window | VoiLut]  # the file's own, the first one its default
    inverted: bool  # low values are meant to be white
    header: FrameHeader
    remark: str  # what went otherwise than the header says; empty as a rule


def read_image(path: str | os.PathLike[str], frame: int = 0) -> Image:
    """One frame of a file as an `Image`.

    Raises
    ------
    ImageError
        Where the file holds no such image, or it cannot be decoded here; says why and what helps.

    References
    ----------
    PS3.3 C.11.1 (rescale), C.7.5.1.1.2 (padding, found before rescale), C.7.6.3.1.2 (MONOCHROME1),
    C.11.6 (Presentation LUT Shape)
    """
    return next(read_images([(path, frame)]))


def stored_values(path: str | os.PathLike[str], *, frame: int = 0) -> np.ndarray:
    """The numbers of one frame as the file stores them, decoded and before any rescale.

    Returns
    -------
    ndarray of whole numbers, or of floats where such are stored; (rows, columns), in colour
        (rows, columns, 3) as RGB; of a palette (rows, columns), the places in it

    Raises
    ------
    ImageError
        Where the file holds no such image, or it cannot be decoded here; says why and what helps.

    References
    ----------
    PS3.3 C.7.6.3 (Image Pixel module), PS3.5 8.1.1 (cells and the bits that are stored)
    """
    with quiet():  # odd headers are the audit's matter
        dataset, _ = _dataset(path)
        _check_frames(dataset, path, [frame])
        return next(stored_frames(path, dataset, [frame]))[0]


def read_images(wanted: Iterable[tuple[str | os.PathLike[str], int]]) -> Iterator[Image]:
    """An iterator over the `Image` of each (path, frame).

    Frames of one file that follow each other read its header once.
    """
    for path, group in groupby(wanted, key=lambda one: one[0]):
        frames = [frame for _, frame in group]
        with quiet():  # odd headers are the audit's matter
            dataset, guess = _dataset(path)
        yield from _images_of(dataset, path, frames, guess)


class OpenFiles:
    """Files of which several images are wanted, each read once and kept until its last image.

    Threads may ask at the same time.

    Parameters
    ----------
    paths : of the files, each as often as images are wanted of it
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._wanted = Counter(paths)
        self._locks = {path: Lock() for path in self._wanted}
        self._datasets: dict[str, tuple[pydicom.Dataset, str]] = {}

    def images(self, path: str, frames: list[int], *, keep: bool = False) -> Iterator[Image]:
        """Yields the `Image` of some frames of one file.

        Parameters
        ----------
        keep : whether these images will be asked for again
        """
        with self._locks[path], quiet():
            if path not in self._datasets:
                self._datasets[path] = _dataset(path)
            dataset, guess = self._datasets[path]
        try:
            yield from _images_of(dataset, path, frames, guess)
        finally:
            if not keep:
                self._done(path, len(frames))

    def _done(self, path: str, count: int) -> None:
        """Forgets a file whose last images have been read."""
        with self._locks[path]:
            self._wanted[path] -= count
            if self._wanted[path] <= 0:
                self._datasets.pop(path, None)


def _images_of(
    dataset: pydicom.Dataset, path: str | os.PathLike[str], frames: list[int], guess: str
) -> Iterator[Image]:
    """Yields the `Image` of some frames of a file that has been read, and was guessed about."""
    _check_frames(dataset, path, frames)
    decoded = stored_frames(path, dataset, frames)
    for frame in frames:
        with quiet():
            stored, remark = next(decoded)
            remark = "; ".join(filter(None, (guess, remark)))
            image = _image(stored, FrameHeader(dataset, frame), remark, path)
        yield image


def _dataset(path: str | os.PathLike[str]) -> tuple[pydicom.Dataset, str]:
    """(the header, and the pixel data unless it is large; what was guessed of it, in words)"""
    try:
        dataset = header_and_pixels(path)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"expected a DICOM image in {path}, got {one_line(error)}") from error
    has_pixels = any(keyword in dataset for keyword in PIXEL_KEYWORDS)
    if not has_pixels or "Rows" not in dataset:
        found = "pixels without Rows" if has_pixels else "no pixels"
        raise ImageError(
            f"expected a DICOM image in {path}, found {found} there: "
            "its row in header_table says what it is"
        )
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = SYNTAX_OF_ENCODING[dataset.original_encoding]
    guess = fill_gap(dataset, path)
    check_frame_count(dataset, path)
    return dataset, guess


def _check_frames(
    dataset: pydicom.Dataset, path: str | os.PathLike[str], frames: list[int]
) -> None:
    """Refuses frames that a file does not have."""
    count = frame_count(FrameHeader(dataset))
    for frame in frames:
        if not isinstance(frame, (int, np.integer)) or not 0 <= frame < count:
            raise ImageError(f"expected a frame from 0 to {count - 1}, got {frame!r} for {path}")


def _image(
    stored: np.ndarray, header: FrameHeader, remark: str, path: str | os.PathLike[str]
) -> Image:
    """Stored values with what the header makes of them."""
    try:
        if header.get("PhotometricInterpretation") == "PALETTE COLOR":
            for name in ("Red", "Green", "Blue"):
                _check_in_memory(header.dataset, f"{name}PaletteColorLookupTableData")
            colour = apply_color_lut(stored, header.dataset)
            return _colour(colour, 16 if colour.dtype != np.uint8 else 8, header, remark)
        if stored.ndim == 3:
            return _colour(stored, int(header.get("BitsStored", 8)), header, remark)
        return _grey(stored, header, remark)
    except Exception as error:
        why = error_text(error)
        raise ImageError(f"cannot interpret the values of {path}: {why}") from error


def _check_in_memory(dataset: pydicom.Dataset, keyword: str) -> None:
    """Refuses bulk data that was too long to be read with the header."""
    if keyword in dataset and (raw := dataset.get_item(keyword, keep_deferred=True)).value is None:
        length = getattr(raw, "length", 0)
        if length > LONGEST_VALUE:
            raise ImageError(f"expected at most {LONGEST_VALUE} bytes of {keyword}, got {length}")


def _grey(stored: np.ndarray, header: FrameHeader, remark: str) -> Image:
    padding, guess, pixels = declared_padding(stored, header), None, rescaled(stored, header)
    if pixels.dtype.kind == "f" and (lost := ~np.isfinite(pixels)).any():
        padding = lost if padding is None else padding | lost
        pixels = np.where(lost, np.float32(0), pixels)
    unit = unit_of(header)
    if padding is None and unit == "HU":
        padding, guess = guessed_padding(pixels)
    return Image(
        pixels, padding, guess, unit, voi_luts_of(header), is_inverted(header), header, remark
    )


def _colour(colour: np.ndarray, bits: int, header: FrameHeader, remark: str) -> Image:
    """Colour from 0 to 255: more bits lose their lowest, and an ICC profile makes it sRGB."""
    if colour.dtype != np.uint8:
        colour = (colour >> max(0, bits - 8)).astype(np.uint8)
    try:
        _check_in_memory(header.dataset, "ICCProfile")
        if header.get("ICCProfile"):
            colour = apply_icc_profile(colour, header.dataset, color_space="sRGB")
    except Exception as error:
        reason = f"colours as stored: the profile cannot be applied, {one_line(error)}"
        remark = "; ".join(filter(None, (remark, reason)))
    return Image(colour, None, None, "", {}, False, header, remark)
