"""What does the viewer need to know of images? Numbers and words as JSON, pixels as bytes."""

import os
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from helpers.errors import ClearError, error_text, require_type
from helpers.pixels.image import OpenFiles, read_image
from helpers.pixels.layout import ImageError
from helpers.pixels.window import COMPUTED, VoiLut, Window, WindowError, presets_for
from helpers.slices.arrays import frames_of, numbers, paths_of
from helpers.slices.cine import FrameTimes, frame_times_ms
from helpers.slices.labels import stack_label
from helpers.slices.stacks import stack_table
from helpers.slices.table import LEVELS
from helpers.viewer.image_pixels import histogram
from helpers.viewer.viewer_data import CORNER_CAPTIONS, window_data
from helpers.volume.slice import Slice, slice_of

MAX_MEMORY_MB = 500  # of decoded images that are kept
MAX_OPEN_FILES = 2  # of several frames, whose headers and compressed pixels are kept
UPPER_CAPTIONS = ["view", "slice", "position"]  # in the upper left corner; identity in none
Badges: TypeAlias = Mapping[Any, str] | str  # by path, or by (path, frame); or one for all


class NoSuchImageError(ClearError, LookupError):
    """An image that is not among those of a viewer."""


class Run(NamedTuple):
    """Images that follow each other in time or in a file: rows from `start` on, before `stop`."""

    start: int
    stop: int


class Images:
    """The images of some rows of the slice table, each decoded when it is asked for.

    Nothing of any file is read before. Those used last are kept, up to `max_mb`, and so are the
    headers of the last files of several frames.

    Parameters
    ----------
    slices : rows of `helpers.slice_table`: all of a collection, of a patient, or of a stack
    badges : words of warning, by path or by (path, frame), or one for all
    max_mb : of decoded images that are kept
    """

    def __init__(
        self, slices: pd.DataFrame, *, badges: Badges = "", max_mb: float = MAX_MEMORY_MB
    ) -> None:
        require_type(slices, pd.DataFrame, "of slice_table")
        if "path" not in slices.index.names:
            raise NoSuchImageError(
                "expected rows of slice_table(headers), got a table with the index "
                f"{', '.join(map(str, slices.index.names))}"
            )
        tiled = _are_tiled(slices)
        levels = slices[tiled].to_dict("records") if tiled.any() else []
        self.tiled = [_level(row) for row in levels]
        self.slices = slices[~tiled] if tiled.any() else slices
        self.badges, self.max_mb = badges, max_mb
        self.paths, self.frames = paths_of(self.slices), frames_of(self.slices)
        self._stack_starts = np.flatnonzero(_stacks_begin(self.slices))
        self._run_starts = np.flatnonzero(_runs_begin(self.slices, self.paths))
        self._slices: OrderedDict[int, Slice] = OrderedDict()
        self._files: OrderedDict[str, OpenFiles] = OrderedDict()
        self._windows: dict[tuple[int, str], Window | VoiLut] = {}
        self._times: dict[int, FrameTimes] = {}  # of the run that begins at a row
        self._labels: dict[int, str] = {}  # of the stack that begins at a row

    def __len__(self) -> int:
        return len(self.paths)

    def row_of(self, path: str, frame: int = 0) -> int:
        """The row of an image.

        Raises
        ------
        NoSuchImageError
        """
        for row, place in enumerate(zip(self.paths, self.frames)):
            if place == (path, frame):
                return row
        raise NoSuchImageError(f"expected an image of these slices, got frame {frame} of {path}")

    def run(self, row: int) -> Run:
        """The images that are played with one: frames of its file, or files of its cine."""
        return Run(*_around(self._run_starts, row, len(self)))

    def slice(self, row: int) -> Slice:
        """The image of a row.

        Raises
        ------
        ImageError
            Where it cannot be decoded: why, in one line.
        """
        if row in self._slices:
            self._slices.move_to_end(row)
            return self._slices[row]
        self._slices[row] = found = self._decoded(row)
        kept = self._slices.values()
        while len(kept) > 1 and sum(map(_bytes_of, kept)) > 1e6 * self.max_mb:
            self._slices.popitem(last=False)
        return found

    def window(self, row: int, wanted: object = None) -> tuple[str, Window | VoiLut]:
        """(name, Window or VoiLut) of an image, as `Slice.window` gives it.

        One that is taken from values is that of the middle image of a run, for all of the run.

        Raises
        ------
        ImageError, WindowError
        """
        image, run = self.slice(row), self.run(row)
        known = {**presets_for(image.unit), **image.windows}
        name = next(iter(image.windows), "body") if wanted is None else wanted
        if not isinstance(name, str) or name in known or run.stop - run.start == 1:
            return image.window(wanted)
        key = run.start, name
        if key not in self._windows:
            middle = self.slice((run.start + run.stop) // 2)
            self._windows[key] = middle.window(name)[1]
        return name, self._windows[key]

    def window_or_default(self, row: int, preset: str) -> tuple[str, Window | VoiLut]:
        """As `window`; where an image does not have it, its own default."""
        try:
            return self.window(row, preset or None)
        except WindowError:
            return self.window(row)

    def badge(self, row: int) -> str:
        """The word of warning of an image; empty without one."""
        if isinstance(self.badges, str):
            return self.badges
        path, frame = self.paths[row], self.frames[row]
        return self.badges.get((path, frame)) or self.badges.get(path) or ""

    def value(self, keyword: str, row: int) -> Any:
        """What the slice table says of an image; None where it has no such column."""
        return self.slices[keyword].iloc[row] if keyword in self.slices else None

    def label(self, row: int) -> str:
        """Which image that is, in words: of which stack, and which of its images.

        Of the rows of one stack, ``slices.loc[stack]``, it names the file.
        """
        words = [f"{row + 1} of {len(self)}"] if len(self) > 1 else []
        if self._stacks is None:
            return " · ".join([*words, os.path.basename(self.paths[row])])
        start, stop = _around(self._stack_starts, row, len(self))
        words.append(self._stack_label(start))
        if 1 < stop - start < len(self):
            words.append(f"{row - start + 1} of {stop - start}")
        return " · ".join(words)

    def frame_times(self, run: Run) -> FrameTimes:
        """How long each image of a run is shown."""
        if run.start not in self._times:
            self._times[run.start] = frame_times_ms(self.slices.iloc[run.start : run.stop])
        return self._times[run.start]

    def _stack_label(self, start: int) -> str:
        """The label of the stack that begins at a row."""
        if start not in self._labels and self._stacks is not None:
            self._labels[start] = stack_label(self._stacks[self.slices.index[start][:2]])
        return self._labels.get(start, "")

    @cached_property
    def _stacks(self) -> dict[Any, Any] | None:
        """The row of each stack, by what stands in the index; None of the rows of one stack."""
        if list(self.slices.index.names) != LEVELS:
            return None
        stacks = stack_table(self.slices)
        return dict(zip(stacks.index, stacks.itertuples()))

    def _decoded(self, row: int) -> Slice:
        path, frame, run = self.paths[row], self.frames[row], self.run(row)
        if isinstance(why := self.value("error", row), str):
            raise ImageError(f"cannot show frame {frame} of {path}: {why}")
        if run.stop - run.start == 1:
            return slice_of(read_image(path, frame), frame)
        if path not in self._files:
            self._files[path] = OpenFiles([path])
        self._files.move_to_end(path)
        while len(self._files) > MAX_OPEN_FILES:
            self._files.popitem(last=False)
        return slice_of(next(self._files[path].images(path, [frame], keep=True)), frame)


def image_data(images: Images, row: int, preset: str = "") -> dict[str, Any]:
    """All that is said of one image, as a dict of JSON's own types; `error` where there is none.

    ``windows`` are those to choose from; those without numbers are taken from the values when they
    are chosen. ``voi`` is that of the name `preset`, or else its default; None for colour.
    ``upper`` and ``words`` stand in its corners. Identity is not among them.
    """
    data = {
        "index": row,
        "run": run_data(images, row),
        "label": images.label(row),
        "badge": images.badge(row),
    }
    try:
        image = images.slice(row)
        data |= {**_geometry(image), "words": words_of(images, row)}
        return data | (_grey_data(images, row, preset) if image.array.ndim == 2 else {})
    except Exception as error:  # the others go on
        return data | {"error": error_text(error)}


def words_of(images: Images, row: int) -> list[str]:
    """Remarks on an image: what was guessed, what was lost, where its millimetres hold."""
    caption = images.slice(row).caption
    words = [caption[name] for name in CORNER_CAPTIONS if caption.get(name)]
    if str(images.value("LossyImageCompression", row)) == "01":
        ratio = images.value("LossyImageCompressionRatio", row)
        known = isinstance(ratio, (int, float)) and ratio > 1
        words.append("lossy compression" + (f" {ratio:.3g}:1" if known else ""))
    if images.value("kind", row) == "slide" and images.tiled:
        words.append("levels, not shown: " + "; ".join(images.tiled))
    return words


def run_data(images: Images, row: int) -> dict[str, Any]:
    """How the run of an image is played: its rows, and how long each is shown, in ms."""
    start, stop = run = images.run(row)
    if stop - start == 1:
        return {"start": start, "stop": stop}
    ms, source, is_guess, sweeps = images.frame_times(run)
    ms = np.round(ms, 3).tolist()
    return {
        "start": start,
        "stop": stop,
        "ms": ms if len(set(ms)) > 1 else ms[:1],
        "source": source,
        "is_guess": is_guess,
        "sweeps": sweeps,
    }


def length_unit(image: Slice) -> str:
    """What a length on an image is in: "mm", "mm at the detector", or "px"."""
    where = re.split("[,;]", image.caption.get("spacing", ""))[0]
    return f"mm {where}".strip() if image.spacing_unit == "mm" else image.spacing_unit


def _geometry(image: Slice) -> dict[str, Any]:
    caption = image.caption
    return {
        "rows": image.array.shape[0],
        "columns": image.array.shape[1],
        "spacing": list(image.spacing),
        "spacing_unit": image.spacing_unit,
        "length_unit": length_unit(image),
        "letters": list(image.letters),
        "upper": [caption[name] for name in UPPER_CAPTIONS if caption.get(name)],
        "unit": image.unit,
        "inverted": image.inverted,
        "voi": None,
        "windows": [],
    }


def _grey_data(images: Images, row: int, preset: str) -> dict[str, Any]:
    """What is said of an image that has values and not colours."""
    image = images.slice(row)
    name, window = images.window_or_default(row, preset)
    shown = {**image.windows, **presets_for(image.unit), **{name: window}, **image.windows}
    windows = [window_data(one, known) for one, known in shown.items()]
    return {
        "voi": window_data(name, window),
        "windows": windows + [{"name": one} for one in COMPUTED if one not in shown],
        "histogram": histogram(image.array, image.padding),
    }


def _bytes_of(slice: Slice) -> int:
    return slice.array.nbytes + (0 if slice.padding is None else slice.padding.nbytes)


def _stacks_begin(slices: pd.DataFrame) -> np.ndarray:
    """At which rows another stack begins, boolean (n,)."""
    begins = np.arange(len(slices)) == 0
    for level in set(LEVELS[:2]) & set(slices.index.names):
        codes = pd.factorize(slices.index.get_level_values(level))[0]
        begins |= np.diff(codes, prepend=-1) != 0
    return begins


def _runs_begin(slices: pd.DataFrame, paths: list[str]) -> np.ndarray:
    """At which rows another run begins, boolean (n,): another file, or another cine."""
    files = pd.factorize(np.array(paths, object))[0]
    begins = np.diff(files, prepend=-1) != 0
    if "kind" in slices:
        begins &= (slices["kind"] != "cine").to_numpy(bool)
    return begins | _stacks_begin(slices)


def _around(starts: np.ndarray, row: int, count: int) -> tuple[int, int]:
    """(first row, row behind the last) of the part of `count` rows in which a row is."""
    number = int(np.searchsorted(starts, row, side="right"))
    return int(starts[number - 1]), int(starts[number]) if number < len(starts) else count


def _are_tiled(slices: pd.DataFrame) -> np.ndarray:
    """Which rows are levels of a whole slide, of several tiles each, boolean (n,)."""
    if "kind" not in slices:
        return np.zeros(len(slices), bool)
    return (slices["kind"] == "slide").to_numpy(bool) & (numbers(slices, "NumberOfFrames") > 1)


def _level(row: dict[str, Any]) -> str:
    sizes = [row.get(f"TotalPixelMatrix{name}") for name in ("Columns", "Rows")]
    tiles = f"{row['NumberOfFrames']:.0f} tiles of {row['Columns']:.0f} × {row['Rows']:.0f}"
    known = [size for size in sizes if size and size == size]
    return "{:.0f} × {:.0f} pixels in ".format(*known) + tiles if len(known) == 2 else tiles
