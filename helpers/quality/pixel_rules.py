"""What can be wrong with the pixels? Rules that look at the statistics of every image."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers.quality.rules import Collection, Finding, Rule, Stack, rule
from helpers.quality.statistics import HISTOGRAM_EDGES
from helpers.slices.grid import numbers

BIN_CENTERS = (HISTOGRAM_EDGES[1:] + HISTOGRAM_EDGES[:-1]) / 2
AIR_HU = -1000
MAX_AIR_ERROR_HU = 150  # air of a CT image that lies further off is wrong
MIN_AIR_SHARE = 0.02  # of the pixels, that makes a peak
MAX_UNIFORM_SD_HU = 80  # of corners that show nothing but air
MIN_TISSUE_SHARE = 0.02  # of an image of a body
MIN_WATER_HU = -500  # a border of zeros above it is no air
MIN_BODY_RANGE_HU = 500  # from air to the densest part of a body
MAJORITY = 0.5  # of a stack's images
MIN_IMAGES_TO_JUDGE = 3  # the air of a stack

PIXEL_RULES: dict[str, Rule] = {}


@rule(
    PIXEL_RULES,
    "error",
    effect="The image is lost.",
    clause="PS3.5 A.4",
    remedy="Copy the file again; load the longest even run meanwhile.",
)
def undecodable(collection: Collection) -> Iterator[Finding]:
    """Images that cannot be decoded although a decoder is there."""
    syntax = collection.column("TransferSyntaxUID").to_dict()
    for (path, frame), reason in collection.pixels["pixel_error"].dropna().items():
        if syntax[path] not in collection.no_decoders:
            yield Finding(reason.removeprefix(f"cannot decode {path}: "), path, frame)


@rule(
    PIXEL_RULES,
    "warning",
    effect="Means, histograms and learning are drawn towards one value.",
    clause="PS3.3 C.7.6.3",
    remedy="Leave the image out.",
)
def black_slice(collection: Collection) -> Iterator[Finding]:
    """Images of one value."""
    flat = collection.pixels[collection.pixels["min"] == collection.pixels["max"]]
    for (path, frame), value in flat["min"].items():
        yield Finding(f"{value:g} throughout", path, frame)


@rule(
    PIXEL_RULES,
    "note",
    effect="The slice shows no body.",
    clause="PS3.3 C.8.2.1",
    remedy="Leave the image out where tissue is looked for.",
)
def empty_slice(collection: Collection) -> Iterator[Finding]:
    """CT images that show air alone."""
    is_ct = collection.column("Modality")[collection.image] == "CT"
    pixels = collection.pixels[is_ct.to_numpy()]
    empty = pixels[(pixels["tissue"] < MIN_TISSUE_SHARE) & (pixels["min"] < pixels["max"])]
    for (path, frame), share in empty["tissue"].items():
        yield Finding(f"{share:.1%} tissue", path, frame)


@rule(
    PIXEL_RULES,
    "warning",
    effect="One slice hides another; volumes repeat themselves.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Look at both; ask for the original files.",
)
def identical_images(collection: Collection) -> Iterator[Finding]:
    """Slices with the pixels of another at a different position of their stack."""
    for stack, (slices, _, _) in collection.measured.items():
        pixels = collection.pixels_of(slices)
        pixels = pixels[(pixels["min"] < pixels["max"]) & ~pixels.index.duplicated()]
        for path, frame in pixels.index[pixels["checksum"].duplicated(keep=False)]:
            yield Finding("as another slice", path, frame, stack)


@rule(
    PIXEL_RULES,
    "warning",
    effect="Means, histograms and automatic windows are drawn far below air.",
    clause="PS3.3 C.7.5.1.1.2",
    remedy="Mask the lowest value before anything is computed.",
)
def undeclared_padding(collection: Collection) -> Iterator[Finding]:
    """CT stacks with a value far below all others, in the corners, that no header declares."""
    for stack, pixels in collection.ct_stacks.items():
        guessed = pixels[pixels["guessed_padding"].notna()]
        if len(guessed) > MAJORITY * len(pixels):
            value, share = guessed["guessed_padding"].median(), guessed["padding"].median()
            yield Finding(f"{value:g} in {share:.0%} of the image", stack=stack)


@rule(
    PIXEL_RULES,
    "warning",
    effect="A frame of water around the patient; means and histograms see it.",
    clause="PS3.3 C.11.1",
    remedy="Crop the border, or mask it.",
)
def zero_border(collection: Collection) -> Iterator[Finding]:
    """CT stacks with a border of stored zeros that the rescale makes water."""
    for stack, pixels in collection.ct_stacks.items():
        intercept = numbers(collection.stacks[stack][0], "RescaleIntercept")[0]
        framed = (pixels["border"] == intercept) & (pixels["min"] < intercept)
        if intercept > MIN_WATER_HU and framed.mean() > MAJORITY:
            yield Finding(f"{intercept:g} HU along all four edges", stack=stack)


@rule(
    PIXEL_RULES,
    "error",
    effect="Hounsfield units are off: every threshold and every window fails.",
    clause="PS3.3 C.11.1, C.8.2.1",
    remedy="Find the intercept that puts air at -1000; check it on the whole series; do not guess "
    "from one slice.",
)
def wrong_rescale(collection: Collection) -> Iterator[Finding]:
    """CT stacks whose air is not near -1000 HU."""
    for stack, pixels, corner in _airless_stacks(collection):
        uniform = pixels["corner_sd"].median() < MAX_UNIFORM_SD_HU
        darkest = corner - pixels["min"].median() < MAX_AIR_ERROR_HU
        has_body = pixels["max"].median() - corner > MIN_BODY_RANGE_HU
        if uniform and darkest and has_body and abs(corner - AIR_HU) > MAX_AIR_ERROR_HU:
            yield Finding(f"air at {corner:.0f} HU", stack=stack)


@rule(
    PIXEL_RULES,
    "error",
    effect="Air is the brightest; everything below water is turned into bone.",
    clause="PS3.3 C.7.6.3.1, PS3.5 8.1.1",
    remedy="Read the stored values as signed, with the bits that are stored.",
)
def signed_as_unsigned(collection: Collection) -> Iterator[Finding]:
    """CT stacks whose negative values were taken for large ones, as where air is at 3096."""
    for stack, _, corner in _airless_stacks(collection):
        slices = collection.stacks[stack][0]
        unsigned = numbers(slices, "PixelRepresentation")[0] == 0
        wrapped_air = AIR_HU + 2 ** numbers(slices, "BitsStored")[0]
        if unsigned and abs(corner - wrapped_air) < MAX_AIR_ERROR_HU:
            yield Finding(f"air at {corner:.0f} HU", stack=stack)


def _airless_stacks(collection: Collection) -> Iterator[tuple[Stack, pd.DataFrame, float]]:
    """(stack, its rows of pixels, its corners) of stacks in HU without a peak where air belongs."""
    near_air = np.abs(BIN_CENTERS - AIR_HU) < MAX_AIR_ERROR_HU
    for stack, pixels in collection.ct_stacks.items():
        counts = np.sum(pixels["histogram"].tolist(), axis=0)
        airless = counts[near_air].sum() < MIN_AIR_SHARE * counts.sum()
        if airless and len(pixels) >= MIN_IMAGES_TO_JUDGE and _is_hu(collection, stack):
            yield stack, pixels, pixels["corner"].median()


def _is_hu(collection, stack):
    """Whether values are meant to be in HU: no map that was computed, no other unit."""
    first = collection.stacks[stack][0].iloc[0]
    image_type = first["ImageType"] if isinstance(first["ImageType"], tuple) else ()
    derived = image_type[:1] == ("DERIVED",) and "REFORMATTED" not in image_type
    return not derived and (first["RescaleType"] == "HU" or pd.isna(first["RescaleType"]))
