"""Do the pixels mean what the header says? Rules on encoding, greys and compression, by header."""

from collections.abc import Iterator

import numpy as np

from helpers.quality.decoders import NO_DECODER, name_of
from helpers.quality.findings import COLLECTION, Finding, Rule, rule
from helpers.quality.rules import Collection

ALWAYS_LOSSY = [  # transfer syntaxes that lose; of JPEG 2000 only the header knows
    *(f"1.2.840.10008.1.2.4.{number}" for number in (*range(50, 57), 81)),
    *(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109)),
    *(f"1.2.840.10008.1.2.4.{number}.1" for number in range(100, 107)),  # in fragments
]
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


@rule(
    ENCODING_RULES,
    "note",
    said_once=True,
    effect="Fine detail and noise are not those of the scanner; texture may differ.",
    clause="PS3.3 C.7.6.1.1.5",
    remedy="Compare images that were compressed alike; ask for the originals where detail counts.",
)
def lossy_compression(collection: Collection) -> Iterator[Finding]:
    """Stacks with images that were compressed with loss, whether their headers say so or not."""
    measures = collection.measures
    declared = measures.numbers("LossyImageCompression") == 1
    syntaxes = collection.slices.reindex(columns=["TransferSyntaxUID"])["TransferSyntaxUID"]
    compressed = syntaxes.isin(ALWAYS_LOSSY).to_numpy()
    lossy = (declared | compressed) & ~collection.unusable
    findings = []
    for stack in np.flatnonzero(measures.any_of(lossy)).tolist():
        rows = np.flatnonzero(lossy[measures.rows(stack)]) + measures.starts[stack]
        first = rows[0]
        value = "" if declared[first] else "undeclared, "
        value += _method(collection, first) or "by a method that is not said"
        said = f"; {len(rows)} of {measures.counts[stack]} images{_ratio(collection, rows)}"
        findings.append(collection.stack_finding(value + said, stack))
    yield from findings


@rule(
    ENCODING_RULES,
    "warning",
    scope=COLLECTION,
    effect="Programs that take stored values as they are see some pictures as negatives.",
    clause="PS3.3 C.7.6.3.1.2",
    remedy="Take the grey of load_slice(path).grey(), which is inverted where it must be.",
)
def mixed_monochrome(collection: Collection) -> Iterator[Finding]:
    """Collections whose images of one modality are partly MONOCHROME1 and partly MONOCHROME2."""
    measures = collection.measures
    modality = measures.codes("Modality")
    words = collection.slices.reindex(columns=["PhotometricInterpretation"]).iloc[:, 0]
    low, high = (
        (words == name).to_numpy(bool) & ~collection.unusable
        for name in ("MONOCHROME1", "MONOCHROME2")
    )
    for own in np.intersect1d(modality[low], modality[high]).tolist():
        of_modality = modality == own
        images = collection.image_counts
        counts = {"MONOCHROME1": int(images[low & of_modality].sum())}
        counts["MONOCHROME2"] = int(images[high & of_modality].sum())
        rarer = min(counts, key=lambda name: counts[name])
        row = int(np.flatnonzero((low if rarer == "MONOCHROME1" else high) & of_modality)[0])
        said = " beside ".join(
            f"{counts[name]:,} {name}" for name in sorted(counts, key=lambda name: counts[name])
        )
        name = measures.values("Modality", [row])[0] or "no modality"
        yield collection.image_finding(f"{name}: {said}", row)


def _method(collection, row):
    """By what an image was compressed with loss: as its header says, else its transfer syntax."""
    method = collection.measures.values("LossyImageCompressionMethod", [row])[0]
    if isinstance(method, tuple):
        method = method[-1]
    syntax = collection.measures.values("TransferSyntaxUID", [row])[0]
    return method or (name_of(syntax) if syntax in ALWAYS_LOSSY else "")


def _ratio(collection, rows):
    """The compression ratios of some images, in words; empty where none is said."""
    ratios = collection.measures.numbers("LossyImageCompressionRatio")[rows]
    ratios = ratios[np.isfinite(ratios)]
    if not len(ratios):
        return ""
    low, high = ratios.min(), ratios.max()
    return f", ratio {low:.3g}" + (f" to {high:.3g}" if high > low else "")
