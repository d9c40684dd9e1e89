"""What are the values of a stack's images, as one array?"""

from functools import partial
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from helpers.choice import body_range
from helpers.grid import StackError, is_per_frame
from helpers.native import UnsureError, array_for, place_values, plain_headers, windows_of
from helpers.padding import with_mask
from helpers.pixels import Image, read_image, read_images
from helpers.threads import in_threads

KINDS = [np.dtype(kind) for kind in (np.int16, np.int32, np.float32)]  # each fits into those behind it
TOGETHER = 16  # images that a thread reads one after the other


class Voxels(NamedTuple):
    """Values (slices, rows, columns), where they are padding (or None), what was guessed, and what the files say of them."""

    array: np.ndarray
    padding: np.ndarray | None
    guess: float | None  # the value of padding that no header declares
    windows: dict
    first: Image


class WiderError(Exception):
    """Values that need a wider type than those before them."""

    def __init__(self, kind):
        self.kind = kind


def read_voxels(slices, progress=tqdm):
    """The `Voxels` of the slices, in their order; `progress` makes a progress bar as tqdm does.

    In threads, each image into its place: uncompressed values are read straight there (`helpers.native`), all
    others decoded; beside the result there are never more than a few images in memory.
    """
    frames = slices["frame"].tolist() if is_per_frame(slices) else [0] * len(slices)
    places = list(zip(slices.index.tolist(), frames))
    progress = partial(progress, desc="Loading slices", total=len(places))
    first = read_image(*places[0])
    if first.pixels.ndim != 2:
        raise StackError(f"expected grey values, got colour in {places[0][0]}: see load_slice(path)")
    array, padding, guesses, windows = _read(places, progress) or _decode(places, first, progress)
    guess = next((guess for guess in guesses if guess is not None), None)
    return Voxels(array, padding, guess, _common_windows(windows, array, padding), first)


def _read(places, progress):
    """(array, padding or None, guesses, windows) of uncompressed images; None where they are not surely plain."""
    headers = None if any(frame for _, frame in places) else plain_headers([path for path, _ in places])
    if headers is None:
        return None
    array = array_for(headers)
    place = partial(_place_plain, places, headers, windows_of(headers), array)
    try:
        return array, *_fill(array, place, places, progress)
    except UnsureError:
        return None


def _decode(places, first, progress):
    """(array, padding or None, guesses, windows) of the images at (path, frame), each like the `first`."""
    kind = first.pixels.dtype
    while True:
        array = np.empty((len(places), *first.pixels.shape), kind)
        try:
            return array, *_fill(array, partial(_place_decoded, places, array, first.inverted), places, progress)
        except WiderError as error:
            kind = error.kind


def _fill(array, place, places, progress):
    """(padding or None, guesses, windows) of what `place` puts into the array and tells of each image."""
    padding, guesses, windows = None, [], []
    with in_threads(place, _chunks(places)) as results, progress() as bar:
        for found in results:
            for number, mask, guess, own in found:
                padding = with_mask(padding, number, mask, array.shape)
                guesses.append(guess)
                windows.append(own)
            bar.update(len(found))
    return padding, guesses, windows


def _place_plain(places, headers, windows, array, numbers):
    """Reads some uncompressed images into their places; returns (number, padding or None, guess, windows) of each."""
    return [(number, *place_values(places[number][0], headers[number], array[number]), windows[number]) for number in numbers]


def _place_decoded(places, array, inverted, numbers):
    """Decodes some images into their places; returns (number, padding or None, guess, windows) of each."""
    found = []
    for number, image in zip(numbers, read_images([places[number] for number in numbers])):
        _check(image, array, inverted, places[number][0])
        if KINDS.index(image.pixels.dtype) > KINDS.index(array.dtype):
            raise WiderError(image.pixels.dtype)
        array[number] = image.pixels
        found.append((number, image.padding, image.guess, image.windows))
    return found


def _check(image, array, inverted, path):
    """Refuses an image that is not like the others of its stack."""
    if image.pixels.shape != array.shape[1:]:
        raise StackError(f"expected an image of {array.shape[1:]} pixels, got {image.pixels.shape} in {path}")
    if image.inverted != inverted:
        raise StackError(
            f"expected one sense of grey in all images, got MONOCHROME1 beside MONOCHROME2 in {path}: "
            "load the rows of each Photometric Interpretation by itself"
        )


def _chunks(places):
    """Lists of numbers of places that one thread takes together."""
    for start in range(0, len(places), TOGETHER):
        yield range(start, min(start + TOGETHER, len(places)))


def _common_windows(windows, array, padding):
    """The files' windows where all have the same; else one from the values, good for every slice."""
    if windows[0] and all(_alike(own, windows[0]) for own in windows):
        return windows[0]
    return {"body": body_range(array, padding=padding)}


def _alike(one, other):
    """Whether two files offer the same views."""
    if one is other:
        return True
    return list(one) == list(other) and all(np.array_equal(a, b) for name in one for a, b in zip(one[name], other[name]))
