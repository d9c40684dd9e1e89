"""Can a file hold as many frames as it says? Judges Number of Frames by bytes and groups."""

import math

import numpy as np
import pandas as pd

from helpers.files.opening import open_file
from helpers.slices.arrays import numbers
from helpers.slices.images import NATIVE_SYNTAXES

DEFLATED_SYNTAX = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN_SYNTAX = "1.2.840.10008.1.2.2"
# Photometric Interpretations of which uncompressed pixels have two samples, not three (C.7.6.3.1.2)
HALVED_COLOURS = ["YBR_FULL_422", "YBR_PARTIAL_422"]  # two samples a pixel, not three
MIN_FRAME_BYTES = 8  # of a compressed frame: the tag and length of its item (PS3.5 A.4)
MAX_INFLATION = 1032  # times that deflating makes data smaller at most (RFC 1951)
MAX_FRAMES = 100_000  # of a file, each of which is a row; tiles of a slide are none
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"  # SOP class whose frames are tiles of one image
MAX_SHOWN = 40  # characters of a value in an error
FRAME_GROUPS = "PerFrameFunctionalGroupsSequence"


def counts_and_errors(images: pd.DataFrame) -> tuple[np.ndarray, dict[int, str]]:
    """(number of frames of each row (n,), why it cannot be by row number); 1 where it cannot be.

    None and 0 are one frame where nothing speaks against it. Uncompressed frames must fit into
    the bytes of their file, compressed ones have a few bytes each, and as many functional groups
    as frames. More bytes than frames need are no error.

    Parameters
    ----------
    images : rows of `helpers.header_table` that hold an image

    References
    ----------
    PS3.3 C.7.6.6.1.1
    """
    claimed = numbers(images, "NumberOfFrames")
    given = _given(images, "NumberOfFrames")
    errors = _not_a_number(images, given & ~((claimed >= 0) & (claimed % 1 == 0)))
    errors |= _silent_about_several(images, np.flatnonzero(~given | (claimed == 0)))
    several = np.flatnonzero(claimed % 1 == 0) if given.any() else np.array([], int)
    several = several[claimed[several] > 1]
    errors |= _too_many(images, several, claimed[several])
    counts = np.ones(len(images), int)
    possible = [row for row in several if row not in errors]
    counts[possible] = claimed[possible]
    return counts, errors


def are_slides(images: pd.DataFrame) -> np.ndarray:
    """Which rows are whole-slide images, boolean (n,)."""
    if "SOPClassUID" not in images:
        return np.zeros(len(images), bool)
    return (images["SOPClassUID"] == WHOLE_SLIDE).to_numpy(bool)


def _given(images: pd.DataFrame, keyword: str) -> np.ndarray:
    """Which rows have an element (n,)."""
    if keyword not in images:
        return np.zeros(len(images), bool)
    return images[keyword].notna().to_numpy()


def _not_a_number(images, wrong):
    """Errors of rows whose Number of Frames is none."""
    rows = np.flatnonzero(wrong)
    values = images["NumberOfFrames"].iloc[rows].tolist() if len(rows) else []
    return {
        row: f"expected a whole number of frames, got {_short(value)}"
        for row, value in zip(rows, values)
    }


def _short(value):
    """A value as it is written, a long one cut; a whole number without its point."""
    shown = repr(int(value) if isinstance(value, float) and value.is_integer() else value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"


def _silent_about_several(images, silent):
    """Errors of rows that do not say how many frames there are, where there are several."""
    bits, available = _frame_bits(images, silent), _pixel_bytes(images, silent)
    groups = numbers(images, FRAME_GROUPS)[silent]
    errors = {}
    several = np.flatnonzero(8 * available >= 2 * bits)
    rows = silent[several]
    said = [images[name].to_numpy()[rows] for name in ("TransferSyntaxUID", "pixel_offset")]
    for row, own_bits, syntax, offset in zip(rows, bits[several], *said):
        if frames := _whole_frames(images.index[row], syntax, int(offset), own_bits):
            errors[row] = f"expected a Number of Frames, {frames} as pixels are there, got none"
    for row, listed in zip(silent[groups > 1], groups[groups > 1]):
        errors[row] = f"expected a Number of Frames, {listed:.0f} as functional groups, got none"
    return errors


def _frame_bits(images: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Bits of one uncompressed frame (m,) of some rows; NaN where they are not known."""
    wanted = ["Rows", "Columns", "SamplesPerPixel", "BitsAllocated"]
    height, width, samples, bits = (numbers(images, keyword)[rows] for keyword in wanted)
    if "PhotometricInterpretation" in images:
        coloured = np.flatnonzero(samples == 3)
        names = images["PhotometricInterpretation"].iloc[rows[coloured]]
        samples[coloured[names.isin(HALVED_COLOURS)]] = 2
    with np.errstate(over="ignore"):
        product = height * width * samples * bits
    return np.where(product > 0, product, np.nan)


def _pixel_bytes(images: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Bytes of a file from where its pixel values start (m,); NaN where that is not known."""
    return numbers(images, "file_size")[rows] - numbers(images, "pixel_offset")[rows]


def _whole_frames(path: str, syntax: str | None, offset: int, bits: float) -> int | None:
    """How many frames of so many bits, from two on, the pixel values are; None where they are not.

    What a file has behind its pixel values is none of them, so their own length counts; it may
    have a byte that makes it even (PS3.5 8.1.1).
    """
    if syntax not in (*NATIVE_SYNTAXES, None):
        return None
    length = _pixel_length(path, offset, syntax == BIG_ENDIAN_SYNTAX)
    frames = int(8 * length // bits)
    beyond = length - math.ceil(frames * bits / 8)
    several = length > math.ceil(bits / 8) + 1 and frames > 1
    return frames if several and beyond in (0, 1) else None


def _pixel_length(path: str, offset: int, big_endian: bool) -> int:
    """Bytes of the pixel values, as their element says; 0 where it cannot be read.

    Elements of bulk data have their length in the four bytes before the values (PS3.5 7.1).
    """
    try:
        with open_file(path) as file:
            return int.from_bytes(file.read(offset - 4, 4), "big" if big_endian else "little")
    except OSError:
        return 0


def _too_many(images, several, claimed):
    """Errors of rows that claim more frames than their file can hold."""
    groups = numbers(images, FRAME_GROUPS)[several]
    most, compressed = _possible_frames(images, several)
    errors = {}
    for row, number, limit in zip(several, claimed, most):
        if number > limit:
            size = f"a file of {images['file_size'].iloc[row]:.0f} bytes"
            errors[row] = f"expected at most {limit:.0f} frames in {size}, got {number:.0f}"
    for place in np.flatnonzero((claimed > MAX_FRAMES) & ~are_slides(images)[several]):
        expected = f"expected at most {MAX_FRAMES} frames in a file"
        errors.setdefault(several[place], f"{expected}, got {claimed[place]:.0f}")
    for place in np.flatnonzero(compressed & (groups != claimed) & np.isfinite(groups)):
        listed = f"{groups[place]:.0f} frames, as functional groups"
        errors.setdefault(several[place], f"expected {listed}, got {claimed[place]:.0f}")
    return errors


def _possible_frames(images: pd.DataFrame, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(how many frames each of some files can hold at most, whether they are compressed), (m,)."""
    syntax, size = images["TransferSyntaxUID"].iloc[rows], numbers(images, "file_size")[rows]
    compressed = ~syntax.isin([*NATIVE_SYNTAXES, None]).to_numpy()
    deflated = (syntax == DEFLATED_SYNTAX).to_numpy(bool)
    available = np.where(compressed, np.nan, _pixel_bytes(images, rows))
    available = np.where(deflated, size * MAX_INFLATION, available)
    with np.errstate(over="ignore"):
        most = 8 * available // _frame_bits(images, rows)
    return np.where(np.isfinite(most), most, size // MIN_FRAME_BYTES), compressed
