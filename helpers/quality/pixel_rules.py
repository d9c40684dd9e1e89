"""What can be wrong with the pixels? Rules that look at the statistics of every image."""

import numpy as np

from helpers.quality.rules import rule
from helpers.quality.statistics import BINS
from helpers.slices.grid import numbers

PIXEL_RULES = {}
MOST = 0.5  # share of a stack's images
AIR_HU, NEAR_HU = -1000, 150  # where the air of a CT image lies, and how far from it it may
LEAST_AIR = 0.02  # share of the pixels that makes a peak
UNIFORM_HU = 80  # deviation of corners that show nothing but air
LEAST_TISSUE = 0.02  # share of an image of a body
WATER_HU = -500  # above it, zeros are no air
FEW = 3  # images: too few to judge a stack
BODY_HU = 500  # from air to the densest part of a body, at least
MIDDLES = (BINS[1:] + BINS[:-1]) / 2  # of the histogram's bins


@rule(
    PIXEL_RULES,
    "error",
    effect="The image is lost.",
    clause="PS3.5 A.4",
    remedy="Copy the file again; load the longest even run meanwhile.",
)
def undecodable(case):
    """Images that cannot be decoded although a decoder is there."""
    errors = case.pixels[case.pixels["pixel_error"].notna()]
    for path, frame, reason in zip(errors.index, errors["frame"], errors["pixel_error"]):
        if case.syntax.get(path) not in case.no_decoders:
            yield (path, frame), None, reason.removeprefix(f"cannot decode {path}: ")


@rule(
    PIXEL_RULES,
    "warning",
    effect="Means, histograms and learning are drawn towards one value.",
    clause="PS3.3 C.7.6.3",
    remedy="Leave the image out.",
)
def black_slice(case):
    """Images of one value."""
    flat = case.pixels[case.pixels["min"] == case.pixels["max"]]
    for path, frame, value in zip(flat.index, flat["frame"], flat["min"]):
        yield (path, frame), None, f"{value:g} throughout"


@rule(
    PIXEL_RULES,
    "note",
    effect="The slice shows no body.",
    clause="PS3.3 C.8.2.1",
    remedy="Leave the image out where tissue is looked for.",
)
def empty_slice(case):
    """CT images that show air alone."""
    pixels = case.pixels[case.is_ct]
    empty = pixels[(pixels["tissue"] < LEAST_TISSUE) & (pixels["min"] < pixels["max"])]
    for path, frame, share in zip(empty.index, empty["frame"], empty["tissue"]):
        yield (path, frame), None, f"{share:.1%} tissue"


@rule(
    PIXEL_RULES,
    "warning",
    effect="One slice hides another; volumes repeat themselves.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Look at both; ask for the original files.",
)
def identical_images(case):
    """Slices with the pixels of another at a different position of their stack."""
    for stack, (slices, _) in case.stacks.items():
        if slices["order_grade"].iloc[0] != "A":
            continue
        kept = slices[~slices["repeated"].to_numpy(bool)]
        pixels = case.pixels_of(kept)
        known = pixels[(pixels["min"] < pixels["max"]).to_numpy()]
        again = known[known["checksum"].duplicated(keep=False)]
        for path, frame in zip(again.index, again["frame"]):
            yield (path, frame), stack, "as another slice"


@rule(
    PIXEL_RULES,
    "warning",
    effect="Means, histograms and automatic windows are drawn far below air.",
    clause="PS3.3 C.7.5.1.1.2",
    remedy="Mask the lowest value before anything is computed.",
)
def undeclared_padding(case):
    """CT stacks with a value far below all others, in the corners, that no Pixel Padding Value declares."""
    for stack, pixels in case.ct_stacks.items():
        guessed = pixels["guessed_padding"].notna()
        if guessed.mean() > MOST:
            value, share = (
                pixels["guessed_padding"][guessed].median(),
                pixels["padding"][guessed].median(),
            )
            yield None, stack, f"{value:g} in {share:.0%} of the image"


@rule(
    PIXEL_RULES,
    "warning",
    effect="A frame of water around the patient; means and histograms see it.",
    clause="PS3.3 C.11.1",
    remedy="Crop the border, or mask it.",
)
def zero_border(case):
    """CT stacks with a border of stored zeros that the rescale makes water."""
    for stack, pixels in case.ct_stacks.items():
        intercept = numbers(case.stacks[stack][0], "RescaleIntercept")[0]
        framed_html = pixels["border"] == intercept
        if intercept > WATER_HU and (framed_html & (pixels["min"] < intercept)).mean() > MOST:
            yield None, stack, f"{intercept:g} HU along all four edges"


@rule(
    PIXEL_RULES,
    "error",
    effect="Hounsfield units are off: every threshold and every window fails.",
    clause="PS3.3 C.11.1, C.8.2.1",
    remedy="Find the intercept that puts air at -1000; check it on the whole series; do not guess from one slice.",
)
def wrong_rescale(case):
    """CT stacks whose air is not near -1000 HU."""
    for stack, pixels in case.ct_stacks.items():
        corner = _middle(pixels["corner"])
        uniform = _middle(pixels["corner_sd"]) < UNIFORM_HU
        lowest = (
            corner - _middle(pixels["min"]) < NEAR_HU and _middle(pixels["max"]) - corner > BODY_HU
        )
        if (
            _airless(pixels)
            and uniform
            and lowest
            and abs(corner - AIR_HU) > NEAR_HU
            and _is_hu(case, stack)
        ):
            yield None, stack, f"air at {corner:.0f} HU"


@rule(
    PIXEL_RULES,
    "error",
    effect="Air is the brightest; everything below water is turned into bone.",
    clause="PS3.3 C.7.6.3.1, PS3.5 8.1.1",
    remedy="Read the stored values as signed, with the bits that are stored.",
)
def signed_as_unsigned(case):
    """CT stacks of 12 bits whose negative values were taken for large ones."""
    for stack, pixels in case.ct_stacks.items():
        if _airless(pixels) and _is_hu(case, stack) and _sign_lost(case, stack, pixels):
            yield None, stack, f"air at {_middle(pixels['corner']):.0f} HU"


def _airless(pixels):
    """Whether no image of a stack has a peak where air should be."""
    if len(pixels) < FEW:
        return False
    counts = np.sum(pixels["histogram"].tolist(), axis=0)
    near = np.abs(MIDDLES - AIR_HU) < NEAR_HU
    return counts[near].sum() < LEAST_AIR * counts.sum()


def _sign_lost(case, stack, pixels):
    """Whether air lies where a lost sign puts it."""
    slices = case.stacks[stack][0]
    signed, bits = numbers(slices, "PixelRepresentation")[0], numbers(slices, "BitsStored")[0]
    return signed == 0 and abs(_middle(pixels["corner"]) - (2**bits + AIR_HU)) < NEAR_HU


def _is_hu(case, stack):
    """Whether the values are meant to be Hounsfield units: no map that was computed, no other unit."""
    first = case.stacks[stack][0].iloc[0]
    derived = (
        isinstance(first["ImageType"], tuple)
        and first["ImageType"][0] == "DERIVED"
        and "REFORMATTED" not in first["ImageType"]
    )
    return not derived and first["RescaleType"] in (None, "HU")


def _middle(values):
    """The median of those that are known; NaN where none is."""
    known = values.dropna()
    return float(np.median(known)) if len(known) else np.nan
