"""What are the values of many images? Plain ones are read without pydicom, all others by it."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np

from helpers.headers.elements import FastPathNotApplicable
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.image import Image, read_images
from helpers.pixels.layout import ImageError
from helpers.pixels.luts import rescale
from helpers.pixels.padding import declared_padding, guessed_padding
from helpers.pixels.plain import PlainImage, PlainReader
from helpers.pixels.sources import Source
from helpers.pixels.unchanged import check_unchanged
from helpers.pixels.window import VoiLut, Window


class ImageReader:
    """Reads images and remembers what headers mean. Threads may ask at the same time."""

    def __init__(self) -> None:
        self._plain = PlainReader()
        self._windows: dict[tuple, dict[str, Window | VoiLut]] = {}

    def __reduce__(self) -> tuple:
        """A copy for another process begins with an empty memory."""
        return ImageReader, ()

    def images(self, sources: Sequence[Source]) -> Iterator[Image | ImageError]:
        """Yields the `Image` of each source, as `read_image` has it, or why there is none.

        The header of a plain image is what was read of it. Images of one file that follow each
        other open it once.
        """
        for _, group in groupby(sources, key=attrgetter("path")):
            of_file = list(group)
            try:
                for image in self._plain.images(of_file):
                    yield self._image(image)
                    of_file = of_file[1:]
            except ImageError as error:  # of the file, which has changed
                yield from [error] * len(of_file)
                continue
            except (FastPathNotApplicable, OSError):
                pass
            yield from _decoded(of_file)

    def _image(self, image: PlainImage) -> Image:
        layout, key = image.layout, image.window_values
        values, guess = np.empty(layout.shape, layout.rescaled), None
        padding = put_values(image, values)
        if padding is None and layout.unit == "HU":
            padding, guess = guessed_padding(values)
        if (windows := self._windows.get(key)) is None:
            windows = self._windows[key] = image.windows
        header = FrameHeader(image.header)
        return Image(values, padding, guess, layout.unit, windows, layout.inverted, header, "")


def put_values(image: PlainImage, out: np.ndarray) -> np.ndarray | None:
    """Puts the rescaled values of an image into `out` (rows, columns); returns where padding is.

    Raises
    ------
    FastPathNotApplicable
        Where they are not surely what pydicom would give.
    """
    layout = image.layout
    slope, intercept = layout.rescale
    in_place = out.dtype == np.int16 and slope == 1 and layout.stored.itemsize == 2
    stored = out.view(layout.stored) if in_place else np.empty(out.shape, layout.stored)
    image.read_into(stored)
    padding = declared_padding(stored, layout.header) if layout.padded else None
    rescale(stored, slope, intercept, out)
    return padding


def _decoded(sources: Sequence[Source]) -> Iterator[Image | ImageError]:
    """The images of one file by way of pydicom; behind one that has none it goes on."""
    while sources:
        images = read_images((source.path, source.frame) for source in sources)
        try:
            for source, image in zip(sources, images):
                check_unchanged(source.expected, image.header, source.path)
                yield image
                sources = sources[1:]
        except ImageError as error:
            yield error
            sources = sources[1:]
