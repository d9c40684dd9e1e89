"""What keeps images from being one volume, in words: with files and mm."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers.geometry.orientation import COSINE_TOLERANCE
from helpers.slices.elements import CLOCKS, MEANING, TIMES, shown
from helpers.slices.kinds import MOSAIC_SLICES
from helpers.slices.measures import GRID_KINDS, Measures

NO_POSITION = "no usable Image Position and Orientation (Patient)"
GUESS_REMARKS = {
    "B": f"{NO_POSITION}: ordered by Slice Location, a guess",
    "C": f"{NO_POSITION}: ordered by Instance Number, a guess",
    "D": f"{NO_POSITION}: ordered by file name, a guess",
}
FRAMES_IN_ORDER = f"{NO_POSITION}: frames in the order of their file"
IN_VOLUME_ORDER = f"{NO_POSITION}: ordered by Image Position (Volume), in a frame of its own"
IN_STACK_ORDER = f"{NO_POSITION}: frames in the order of In-Stack Position Number"
UNTOLD = "several files at one position, and no time or setting tells them apart"
NUMBERED = "nothing but numbers or names tells its repetitions apart: a guess"
WHAT_IT_IS = {
    "cine": "frames of one view over time",
    "projection": "images of one view each",
    "picture": "pictures, not slices of a patient",
    "slide": "tiles of a slide",
}
MOSAIC = "Siemens mosaic: each image holds {} slices side by side; dcm2niix takes them apart"
MAX_NAMED_VALUES = 4  # of an element that varies


def why_no_volume(slices: pd.DataFrame) -> str | None:
    """What keeps the images of one stack from being voxels at all; None where nothing does."""
    return reason_of(Measures(slices), 0)


def irregularities(slices: pd.DataFrame) -> list[str]:
    """What keeps the images of one stack from being one regular grid."""
    return list(irregularities_of(Measures(slices), 0))


def mixtures(slices: pd.DataFrame) -> list[str]:
    """The elements of meaning that have several values in one stack: a mixture of scans."""
    return list(mixtures_of(Measures(slices), 0))


def volume_of(measures: Measures) -> np.ndarray:
    """Of each stack (s,): whether it is "whole", to be had "in part", or "no" volume."""
    unusable = np.logical_or.reduce(list(measures.unusable.values()))
    colour = measures.numbers("SamplesPerPixel") > 1
    bad = measures.codes("error") >= 0
    no = measures.any_of(unusable | colour | bad) | ~np.isin(measures.kind, GRID_KINDS)
    no |= ~measures.on_grid
    mixed = np.isin(np.arange(len(no)), list(measures.mixed))
    part = measures.any_of(measures.repeated | measures.is_odd | measures.is_off_grid) | mixed
    return np.where(no, "no", np.where(part, "in part", "whole")).astype(object)


def problems_of(measures: Measures) -> np.ndarray:
    """What keeps each stack (s,) from being what its kind should be; texts, empty for nothing."""
    texts = np.full(len(measures.starts), "", object)
    guessed, alike = measures.guessed, _untold(measures)
    bad = measures.any_of(measures.codes("error") >= 0)
    voxels = np.isin(measures.kind, GRID_KINDS)
    inexact = measures.any_of(np.isfinite(measures.cosine_error) & _is_inexact(measures))
    suspect = (
        bad
        | alike
        | (measures.kind == "mosaic")
        | (voxels & ((volume_of(measures) != "whole") | guessed | inexact | measures.is_uneven))
    )
    for stack in np.flatnonzero(suspect):
        texts[stack] = "; ".join(_problems(measures, stack)) if not alike[stack] else UNTOLD
    return texts


def reason_of(measures: Measures, stack: int) -> str | None:
    """As `why_no_volume`, of one of several stacks."""
    rows, kind = measures.rows(stack), measures.kind[stack]
    if not len(measures.slices):
        return "no image"
    if errors := [error for error in measures.errors[rows] if isinstance(error, str)]:
        return errors[0]
    if kind == "mosaic":
        return _mosaic(measures.numbers(MOSAIC_SLICES)[rows])
    if kind not in GRID_KINDS:
        return f"{WHAT_IT_IS[kind]} ({kind}) in {_name(measures, stack, 0)}"
    colour = measures.numbers("SamplesPerPixel")[rows] > 1
    if colour.any():
        return f"colour in {_name(measures, stack, int(colour.argmax()))}"
    for keyword, missing in measures.unusable.items():
        if (lacking := missing[rows]).any():
            first = _name(measures, stack, int(lacking.argmax()))
            return f"no usable {keyword} in {lacking.sum()} of {len(lacking)}, first {first}"
    return None


def irregularities_of(measures: Measures, stack: int) -> Iterator[str]:
    """As `irregularities`, of one of several stacks."""
    rows = measures.rows(stack)
    repeated, odd = measures.repeated[rows], measures.is_odd[rows]
    along, gaps, median = measures.along[rows], measures.gap[rows], measures.median_gap[stack]
    if repeated.any():
        again = int(repeated.argmax())
        where = f"first {_name(measures, stack, again)} at {along[again]:g} mm"
        yield f"{_count(repeated.sum(), 'repeated position')}, {where}"
    off = measures.off_grid[rows]
    if odd.any():
        one = int(odd.argmax())
        other = one + 1 + int(measures.kept[rows][one + 1 :].argmax())
        yield (
            f"{_count(odd.sum(), 'gap')} off the median of {median:.4g} mm, "
            f"first {gaps[one]:.4g} mm between {_name(measures, stack, one)} "
            f"and {_name(measures, stack, other)}"
        )
    elif measures.is_off_grid[rows].any():
        name = _name(measures, stack, int(off.argmax()))
        yield f"{name} lies {off.max():.3g} mm off its place in an even grid"


def mixtures_of(measures: Measures, stack: int) -> Iterator[str]:
    """As `mixtures`, of one of several stacks."""
    for keyword, values in measures.mixed.get(int(stack), []):
        shown_values = ", ".join(str(shown(value)) for value in values[:MAX_NAMED_VALUES])
        more = ", …" if len(values) > MAX_NAMED_VALUES else ""
        yield f"a mixture of {len(values)} values of {keyword} ({shown_values}{more})"


def _problems(measures, stack):
    """What keeps one stack from being a regular grid of known place, one text each."""
    grade, rows, reason = measures.grade[stack], measures.rows(stack), reason_of(measures, stack)
    if (measures.codes("error")[rows] >= 0).any() or measures.kind[stack] == "mosaic":
        yield reason
        return
    if grade in GUESS_REMARKS:
        yield _order_remark(measures, stack, grade)
    elif reason:
        yield f"no volume: {reason}"
    broken = list(irregularities_of(measures, stack)) if measures.on_grid[stack] else []
    yield from (*broken, *mixtures_of(measures, stack))
    if measures.guessed[stack]:
        yield NUMBERED
    error = measures.cosine_error[rows]
    if COSINE_TOLERANCE < error.max() < np.inf:
        yield f"direction cosines are {error.max():.2g} off two perpendicular unit vectors"
    gaps = measures.gap[rows]
    if not broken and measures.is_uneven[stack]:
        yield f"uneven gaps, {np.nanmin(gaps):.4g} to {np.nanmax(gaps):.4g} mm"


def _untold(measures):
    """Which stacks (s,) are files at one position in the patient of which nothing says why."""
    position = np.isfinite(measures.vectors("ImagePositionPatient", 3)).all(axis=1)
    cine = (measures.kind == "cine") & position[measures.starts] & (measures.counts > 1)
    several = np.zeros(len(cine), bool)
    for keyword in (*MEANING, *TIMES, *CLOCKS):
        if not cine.any():
            break
        codes = measures.codes(keyword)
        low, high = (way.reduceat(codes, measures.starts) for way in (np.minimum, np.maximum))
        several |= low != high
    return cine & ~several


def _mosaic(counts):
    """What a mosaic is, with the number of its slices where all images say one."""
    known = np.isfinite(counts).all() and counts.min() == counts.max()
    return MOSAIC.format(f"{counts[0]:.0f}" if known else "several")


def _order_remark(measures, stack, grade):
    """By what a stack without positions is ordered; frames of one file are in no doubt."""
    files = measures.slices.index.get_level_values("path")[measures.rows(stack)]
    several_frames = len(files) > 1 and files.nunique() == 1
    rows = measures.rows(stack)
    if grade == "B" and np.isfinite(measures.vectors("ImagePositionVolume", 3)[rows]).all():
        return IN_VOLUME_ORDER
    if not several_frames or grade != "C":
        return GUESS_REMARKS[grade]
    known = np.isfinite(measures.numbers("InStackPositionNumber")[rows]).all()
    return IN_STACK_ORDER if known else FRAMES_IN_ORDER


def _is_inexact(measures):
    return (measures.cosine_error > COSINE_TOLERANCE) & (measures.cosine_error < np.inf)


def _name(measures, stack, row):
    return measures.name(measures.starts[stack] + row)


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"
