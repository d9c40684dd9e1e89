"""Do the pixels mean what the header says? Rules on encoding, greys and compression, by header."""

from collections.abc import Iterator

import numpy as np

from helpers.quality.decoders import NO_DECODER, name_of
from helpers.quality.rules import Collection, Finding, Rule, rule

WHOSE = "decoder_table(headers) lists the patients whose images this concerns"

ENCODING_RULES: dict[str, Rule] = {}


@rule(
    ENCODING_RULES,
    "error",
    effect="The images can be neither drawn nor measured here.",
    clause="PS3.5 10, A.4",
    remedy="Each finding names the line that installs a decoder, or says that there is none.",
)
def no_decoder(collection: Collection) -> Iterator[Finding]:
    """Images in a transfer syntax that nothing here decodes."""
    syntaxes = collection.column("TransferSyntaxUID")[collection.image]
    for syntax, install in collection.no_decoders.items():
        remedy = f"{install[0].upper()}{install[1:]}" if install == NO_DECODER else install
        for path in syntaxes.index[syntaxes == syntax]:
            yield Finding(name_of(syntax), path, remedy=f"{remedy}; {WHOSE}.")


@rule(
    ENCODING_RULES,
    "error",
    effect="The file holds no such images, or not all of them; none of it can be used.",
    clause="PS3.3 C.7.6.6.1.1",
    remedy="Copy the file again, or ask for the original; the other files are unharmed.",
)
def impossible_frame_count(collection: Collection) -> Iterator[Finding]:
    """Files that cannot hold as many frames as they say."""
    errors = collection.slices["error"].dropna()
    return (Finding(error, path) for (_, _, path, _), error in errors.items())


@rule(
    ENCODING_RULES,
    "warning",
    effect="Programs take other bits for the value: it is too large or too small by a power of 2.",
    clause="PS3.3 C.7.6.3, PS3.5 8.1.1",
    remedy="Compare values with those of other images of their kind; ask for the original.",
)
def high_bit(collection: Collection) -> Iterator[Finding]:
    """Images whose High Bit is not one less than Bits Stored."""
    high, stored = map(collection.files.numbers, ("HighBit", "BitsStored"))
    known = np.isfinite(high - stored) & collection.image
    for row in np.flatnonzero(known & (high != stored - 1)).tolist():
        value = f"High Bit {high[row]:g} for {stored[row]:g} bits stored"
        yield Finding(value, collection.headers.index[row])


@rule(
    ENCODING_RULES,
    "warning",
    effect="Pictures and values rest on a guess, which is written on them.",
    clause="PS3.3 C.7.6.3.1, PS3.5 6.2",
    remedy="Look at the picture; compare its values with those of other images of its kind.",
)
def guessed_header(collection: Collection) -> Iterator[Finding]:
    """Images whose header lacks one thing, or has written it otherwise, that can be guessed."""
    for path, (gap, *_) in collection.gaps.items():
        if path not in collection.incomplete:
            yield Finding(f"{gap.lack}; guessed: {gap.guess}", path)


@rule(
    ENCODING_RULES,
    "error",
    effect="The image can be neither drawn nor measured: all of it would be guesses.",
    clause="PS3.3 C.7.6.3.1",
    remedy="Ask for the original files; what wrote these left elements out.",
)
def incomplete_header(collection: Collection) -> Iterator[Finding]:
    """Images whose header lacks more than one thing, or one that nothing supports a guess of."""
    return (Finding(lacks, path) for path, lacks in collection.incomplete.items())


@rule(
    ENCODING_RULES,
    "error",
    effect="Every value would be the intercept: the image can be neither drawn nor measured.",
    clause="PS3.3 C.11.1",
    remedy="Ask for the original files; the stored values may be whole, but not what they mean.",
)
def zero_slope(collection: Collection) -> Iterator[Finding]:
    """Images with a Rescale Slope of 0."""
    intercepts = collection.measures.numbers("RescaleIntercept")
    for row in collection.first_in_file(collection.zero_slope):
        value = f"Rescale Slope 0, Rescale Intercept {intercepts[row]:g}"
        yield Finding(value, collection.paths[row])
