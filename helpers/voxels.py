"""What are the values of a stack's images, as one array?"""

from functools import partial

import numpy as np
from tqdm.auto import tqdm

from helpers.grid import StackError, is_per_frame
from helpers.native import read_native
from helpers.pixels import read_image, read_images
from helpers.window import SHARES, value_range


def read_voxels(slices, shown):
    """(array, padding or None, first image, windows) of the slices, in their order; `shown` shows a progress bar.

    Uncompressed values are read straight into the array (`helpers.native`), all others decoded image by image.
    """
    frames = slices["frame"].tolist() if is_per_frame(slices) else [0] * len(slices)
    paths = slices.index.tolist()
    plain = None if any(frames) else read_native(paths, partial(tqdm, desc="Loading slices", total=len(paths), disable=not shown))
    if plain is None:
        return _fill(tqdm(list(zip(paths, frames)), "Loading slices", disable=not shown))
    array, padding, windows = plain
    return array, padding, read_image(paths[0]), _common_windows(windows, array, padding)


def _fill(places):
    """(array, padding or None, first image, windows) of the images at (path, frame), in their order."""
    array = padding = None
    windows = []
    for i, image in enumerate(read_images(places)):
        if array is None:
            first, array = image, np.empty((len(places), *image.pixels.shape), image.pixels.dtype)
        if image.pixels.ndim != 2 or image.pixels.shape != array.shape[1:]:
            raise StackError(
                f"expected an image of {array.shape[1:]} values, got {image.pixels.shape} in image {i + 1} of the stack"
            )
        if image.pixels.dtype != array.dtype:
            array = array.astype(_wider(array.dtype, image.pixels.dtype))
        array[i] = image.pixels
        if image.padding is not None:
            padding = np.zeros(array.shape, bool) if padding is None else padding
            padding[i] = image.padding
        windows.append(image.windows)
    return array, padding, first, _common_windows(windows, array, padding)


def _common_windows(windows, array, padding):
    """The files' windows where all have the same; else one from the values, good for every slice."""
    if windows[0] and all(own == windows[0] for own in windows):
        return windows[0]
    return {"most values": value_range(array, padding=padding, share=SHARES["most values"])}


def _wider(one, other):
    """The type that both fit into: int16 < int32 < float32."""
    return max(one, other, key=[np.dtype(kind) for kind in (np.int16, np.int32, np.float32)].index)
