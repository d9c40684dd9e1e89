"""What can be wrong with the pixels? Rules that look at the statistics of every image."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers.geometry.grids import segment_medians
from helpers.quality.findings import Finding, Rule, rule
from helpers.quality.rules import Collection
from helpers.quality.statistics import HISTOGRAM_EDGES

BIN_CENTERS = (HISTOGRAM_EDGES[1:] + HISTOGRAM_EDGES[:-1]) / 2
AIR_HU = -1000
MAX_AIR_ERROR_HU = 150  # air of a CT image that lies further off is wrong
MIN_AIR_SHARE = 0.02  # of the pixels, that makes a peak
MAX_UNIFORM_SD_HU = 80  # of corners that show nothing but air
MIN_TISSUE_SHARE = 0.02  # of an image of a body
MIN_WATER_HU = -500  # a border of zeros above it is no air
MIN_BODY_RANGE_HU = 500  # from air to the densest part of a body
MAJORITY = 0.5  # of a stack's images
CT_KINDS = ["volume", "cine"]  # of stacks that a CT scanner makes: no scouts, no captures
MAY_BE_EMPTY = ["segmentation", "dose"]  # kinds of stacks
MIN_IMAGES_TO_JUDGE = 3  # the air of a stack

PIXEL_RULES: dict[str, Rule] = {}


@rule(
    PIXEL_RULES,
    "error",
    effect="The image is lost.",
    clause="PS3.5 A.4",
    remedy="Copy the file again, or ask for the original; the other images are unharmed.",
)
def undecodable(collection: Collection) -> Iterator[Finding]:
    """Images that cannot be decoded although a decoder is there and their header is whole."""
    reasons = collection.pixels["pixel_error"]
    syntaxes = collection.slices["TransferSyntaxUID"].isin(list(collection.no_decoders))
    explained = pd.Index(collection.paths).isin(list(collection.incomplete)) | collection.zero_slope
    wrong = reasons.notna() & ~syntaxes & ~collection.unusable & ~explained
    for row in np.flatnonzero(wrong).tolist():
        path = collection.paths[row]
        yield _finding(collection, reasons.iloc[row].removeprefix(f"cannot decode {path}: "), row)


@rule(
    PIXEL_RULES,
    "warning",
    effect="Means, histograms and learning are drawn towards one value.",
    clause="PS3.3 C.7.6.3",
    remedy="Leave the image out.",
)
def black_slice(collection: Collection) -> Iterator[Finding]:
    """Images of one value; masks and doses may be empty."""
    low, high = _statistic(collection, "min"), _statistic(collection, "max")
    may_be_empty = np.isin(collection.measures.kind, MAY_BE_EMPTY)[collection.measures.segment]
    for row in np.flatnonzero((low == high) & ~may_be_empty).tolist():
        yield _finding(collection, f"{low[row]:g} throughout", row)


@rule(
    PIXEL_RULES,
    "note",
    effect="The slice shows no body.",
    clause="PS3.3 C.8.2.1",
    remedy="Leave the image out where tissue is looked for.",
)
def empty_slice(collection: Collection) -> Iterator[Finding]:
    """CT images that show air alone."""
    low, high = _statistic(collection, "min"), _statistic(collection, "max")
    tissue, measures = _statistic(collection, "tissue"), collection.measures
    slices = collection.cross_sectional & np.isin(measures.kind, CT_KINDS)
    of_body = _is_ct(collection) & slices[measures.segment]
    for row in np.flatnonzero(of_body & (tissue < MIN_TISSUE_SHARE) & (low < high)).tolist():
        yield _finding(collection, f"{tissue[row]:.1%} tissue", row)


@rule(
    PIXEL_RULES,
    "warning",
    effect="One slice hides another; volumes repeat themselves.",
    clause="PS3.3 C.12.1.1.1",
    remedy="Look at both; ask for the original files.",
)
def identical_images(collection: Collection) -> Iterator[Finding]:
    """Slices with the pixels of another at a different position of their stack."""
    measures = collection.measures
    low, high = _statistic(collection, "min"), _statistic(collection, "max")
    compared = (low < high) & measures.kept & collection.measured[measures.segment]
    keys = pd.DataFrame({"stack": measures.segment, "sum": _statistic(collection, "checksum")})
    rows = np.flatnonzero(compared)
    for row in rows[keys.iloc[rows].duplicated(keep=False)]:
        yield collection.image_finding("as another slice", row)


@rule(
    PIXEL_RULES,
    "warning",
    effect="Means, histograms and automatic windows are drawn far below air.",
    clause="PS3.3 C.7.5.1.1.2",
    remedy="Mask the lowest value before anything is computed.",
)
def undeclared_padding(collection: Collection) -> Iterator[Finding]:
    """CT stacks with a value far below all others, in the corners, that no header declares."""
    measures, decoded = collection.measures, _decoded_ct(collection)
    guess = np.where(decoded, _statistic(collection, "guessed_padding"), np.nan)
    guessed = np.isfinite(guess)
    value = _medians(collection, guess)
    share = _medians(collection, np.where(guessed, _statistic(collection, "padding"), np.nan))
    most = measures.sums(guessed) > MAJORITY * measures.sums(decoded)
    for stack in np.flatnonzero(most).tolist():
        yield collection.stack_finding(
            f"{value[stack]:g} in {share[stack]:.0%} of the image", stack
        )


@rule(
    PIXEL_RULES,
    "warning",
    effect="A frame of water around the patient; means and histograms see it.",
    clause="PS3.3 C.11.1",
    remedy="Crop the border, or mask it.",
)
def zero_border(collection: Collection) -> Iterator[Finding]:
    """CT stacks with a border of stored zeros that the rescale makes water."""
    measures, decoded = collection.measures, _decoded_ct(collection)
    intercept = measures.numbers("RescaleIntercept")
    zero = _statistic(collection, "border") == intercept
    framed = decoded & zero & (_statistic(collection, "min") < intercept)
    framed &= intercept > MIN_WATER_HU
    for stack in np.flatnonzero(measures.sums(framed) > MAJORITY * measures.sums(decoded)).tolist():
        value = f"{intercept[measures.starts[stack]]:g} HU along all four edges"
        yield collection.stack_finding(value, stack)


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
    corner, low, high, deviation = (
        _medians(collection, _of_ct(collection, word))
        for word in ("corner", "min", "max", "corner_sd")
    )
    uniform, darkest = deviation < MAX_UNIFORM_SD_HU, corner - low < MAX_AIR_ERROR_HU
    has_body = high - corner > MIN_BODY_RANGE_HU
    off = np.abs(corner - AIR_HU) > MAX_AIR_ERROR_HU
    for stack in np.flatnonzero(_airless(collection) & uniform & darkest & has_body & off).tolist():
        yield collection.stack_finding(f"air at {corner[stack]:.0f} HU", stack)


@rule(
    PIXEL_RULES,
    "error",
    effect="Air is the brightest; everything below water is turned into bone.",
    clause="PS3.3 C.7.6.3.1, PS3.5 8.1.1",
    remedy="Read the stored values as signed, with the bits that are stored.",
)
def signed_as_unsigned(collection: Collection) -> Iterator[Finding]:
    """CT stacks whose negative values were taken for large ones, as where air is at 3096."""
    measures, corner = collection.measures, _medians(collection, _of_ct(collection, "corner"))
    unsigned = measures.numbers("PixelRepresentation")[measures.starts] == 0
    wrapped_air = AIR_HU + 2 ** measures.numbers("BitsStored")[measures.starts]
    near = np.abs(corner - wrapped_air) < MAX_AIR_ERROR_HU
    for stack in np.flatnonzero(_airless(collection) & unsigned & near).tolist():
        yield collection.stack_finding(f"air at {corner[stack]:.0f} HU", stack)


def _finding(collection, value, row):
    """A finding of one image, whatever stack it belongs to."""
    return collection.image_finding(value, row, stack=False)


def _statistic(collection, column):
    """A column of `pixels` as (n,) floats."""
    return collection.pixels[column].to_numpy(float)


def _medians(collection, values):
    """The median of values (n,) over each stack (s,)."""
    measures = collection.measures
    return segment_medians(values, measures.segment, len(measures.starts))


def _is_ct(collection):
    """Which images (n,) are CT."""
    return collection.measures.values("Modality") == "CT"


def _decoded_ct(collection):
    """Which images (n,) are slices of CT whose values are known."""
    slices = collection.sections[collection.measures.segment]
    return slices & _is_ct(collection) & collection.pixels["histogram"].notna().to_numpy()


def _of_ct(collection, column):
    """A column of `pixels` (n,), NaN where no decoded slice of CT is."""
    return np.where(_decoded_ct(collection), _statistic(collection, column), np.nan)


def _airless(collection):
    """Which stacks (s,) in HU have no peak where air belongs."""
    measures, decoded = collection.measures, _decoded_ct(collection)
    near_air = np.abs(BIN_CENTERS - AIR_HU) < MAX_AIR_ERROR_HU
    air, total, rows = np.zeros(len(measures)), np.zeros(len(measures)), np.flatnonzero(decoded)
    histograms = collection.pixels["histogram"].to_numpy()[rows]
    air[rows] = [counts[near_air].sum() for counts in histograms]
    total[rows] = [counts.sum() for counts in histograms]
    enough = measures.sums(decoded) >= MIN_IMAGES_TO_JUDGE
    without = measures.sums(air) < MIN_AIR_SHARE * measures.sums(total)
    return enough & without & _are_hu(collection)


def _are_hu(collection):
    """Which stacks (s,) are meant to be in HU: no map that was computed, no other unit."""
    types, units = map(collection.measures.first_of, ("ImageType", "RescaleType"))
    return np.array([_is_hu(*one) for one in zip(types, units)], bool)


def _is_hu(image_type, unit):
    image_type = image_type if isinstance(image_type, tuple) else ()
    derived = image_type[:1] == ("DERIVED",) and "REFORMATTED" not in image_type
    return not derived and (unit == "HU" or pd.isna(unit))
