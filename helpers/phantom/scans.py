"""Which scans make up the phantom? The table of its patients, and one as large as OSIC."""

from typing import Any, NamedTuple

import numpy as np

AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SAGITTAL = (0, 1, 0, 0, 0, -1)
PRONE = (-1, 0, 0, 0, -1, 0)
OBLIQUE, TILTED = (  # by 20 and by 12 degrees about the row
    (1, 0, 0, 0, *np.round([np.cos(np.radians(angle)), -np.sin(np.radians(angle))], 9).tolist())
    for angle in (20, 12)
)
# slices of each of OSIC's 176 patients, in the order of their IDs, as public notebooks list them
OSIC_COUNTS = [
    30, 394, 106, 31, 49, 31, 295, 29, 493, 27, 24, 239, 358, 433, 205, 574, 346, 497, 103, 26,
    122, 311, 275, 253, 30, 319, 118, 24, 355, 320, 64, 94, 1018, 266, 30, 36, 70, 37, 24, 25,
    233, 498, 53, 512, 300, 211, 302, 24, 30, 71, 71, 258, 398, 22, 17, 50, 48, 27, 57, 210,
    407, 52, 451, 337, 404, 304, 64, 271, 245, 28, 12, 221, 253, 115, 178, 31, 602, 577, 56, 62,
    408, 361, 245, 121, 102, 87, 825, 64, 303, 268, 18, 21, 64, 375, 465, 58, 54, 207, 347, 17,
    67, 405, 38, 296, 33, 253, 18, 16, 319, 28, 30, 61, 63, 74, 284, 25, 30, 306, 31, 26, 240,
    485, 35, 31, 33, 62, 61, 29, 469, 409, 521, 38, 106, 258, 260, 74, 30, 33, 64, 56, 30, 60,
    27, 39, 201, 29, 37, 312, 291, 33, 66, 266, 341, 217, 364, 396, 346, 423, 32, 429, 56, 478,
    49, 265, 24, 30, 54, 36, 278, 250, 56, 28, 62, 473, 290, 408,
]  # fmt: skip
MAX_INTERSPACED_SLICES = 75  # OSIC's scans of more slices are contiguous
COVERED_MM = 300.0


class Scan(NamedTuple):
    """One series of the collection: how many slices of which plane, how far apart in mm."""

    patient: str
    slices: int
    gap: float
    thickness: float
    vendor: str = "SIEMENS"
    image_orientation: tuple[float, ...] = AXIAL
    position: str = "HFS"
    matrix: int = 64  # pixels along a side
    faults: tuple[str, ...] = ()  # of helpers.phantom.faults
    variants: tuple[str, ...] = ()  # of helpers.phantom.variants
    feet_to_head: bool = False
    table: tuple[float, ...] | None = None  # the way the table moves past a tilted gantry


def _spoilt(patient: str, variant: str, fault: str) -> Scan:
    """A scan whose images become those of another modality, with something wrong."""
    return Scan(patient, 8, 12.0, 12.0, variants=(variant,), faults=(fault,), **CHEST)


def _mislabelled(patient: str, fault: str) -> Scan:
    """A scan on which organs are outlined, with something wrong in their outlines."""
    return Scan(patient, 8, 24.0, 24.0, matrix=32, variants=("labels",), faults=(fault,))


CHEST: dict[str, Any] = {"image_orientation": CORONAL, "matrix": 128}  # slices to be seen through
GE, SIEMENS, TOSHIBA = "GE MEDICAL SYSTEMS", "SIEMENS", "TOSHIBA"
PHILIPS, HITACHI = "Philips", "Hitachi Medical Corporation"
# as in OSIC: few slices far apart, or many thin ones; one patient has far more files than slices
SCANS = (
    Scan("P01-reference", 96, 3.0, 3.0, matrix=128),
    Scan("P02-interspaced", 24, 10.0, 1.25, GE, matrix=128),
    Scan("P03-interspaced", 15, 20.0, 1.0, TOSHIBA, matrix=128),
    Scan("P04-feet-first", 28, 10.0, 1.5, PHILIPS, AXIAL, "FFS", 128, feet_to_head=True),
    Scan("P05-prone", 30, 10.0, 1.5, SIEMENS, PRONE, "HFP", matrix=128),
    Scan("P06-large-matrix", 12, 20.0, 1.0, HITACHI, matrix=192),
    Scan("P07-thin", 70, 4.0, 4.0, GE, feet_to_head=True),
    Scan("P08-oblique", 30, 8.0, 2.0, PHILIPS, OBLIQUE, matrix=128),
    Scan("P09-two-scans", 94, 3.0, 3.0, SIEMENS, faults=("second-scan",)),
    Scan("P10-sagittal", 40, 8.0, 2.0, SIEMENS, SAGITTAL, matrix=128),
    Scan("P11-slice-missing", 26, 10.0, 1.25, GE, faults=("missing-slice",)),
    Scan("P12-no-position", 20, 15.0, 1.0, TOSHIBA, faults=("no-position",)),
    Scan("P13-truncated-file", 25, 12.0, 1.25, PHILIPS, faults=("truncated-file",)),
    Scan("P14-slice-twice", 32, 9.0, 2.0, SIEMENS, faults=("repeated-slice",)),
    Scan("P15-coronal", 28, 8.0, 2.0, GE, CORONAL, matrix=128),
    Scan("P16-thin", 60, 3.75, 3.75, TOSHIBA),
    Scan("P17-file-copied", 24, 10.0, 1.25, GE, faults=("same-instance-twice",)),
    Scan("P18-scout-inside", 26, 10.0, 1.5, SIEMENS, faults=("localizer",)),
    Scan("P19-no-orientation", 18, 15.0, 1.0, TOSHIBA, faults=("no-orientation",)),
    Scan("P20-no-spacing", 16, 15.0, 1.0, PHILIPS, faults=("no-spacing",)),
    Scan("P21-bad-cosines", 22, 10.0, 1.25, HITACHI, faults=("bad-orientation",)),
    Scan("P22-spacing-changes", 30, 10.0, 1.25, GE, faults=("several-spacings",)),
    Scan("P23-size-changes", 28, 10.0, 1.0, SIEMENS, faults=("several-sizes",)),
    Scan("P24-slice-displaced", 25, 12.0, 1.25, PHILIPS, faults=("uneven-spacing",)),
    Scan("P25-spacing-declared", 44, 5.0, 5.0, TOSHIBA, faults=("wrong-declared-spacing",)),
    Scan("P26-numbers-swapped", 34, 9.0, 1.25, GE, faults=("swapped-numbers",)),
    Scan("P27-other-patient", 20, 15.0, 1.0, SIEMENS, faults=("other-patient",)),
    Scan("P28-unknown-charset", 14, 20.0, 1.0, HITACHI, faults=("unknown-charset",)),
    Scan("P29-text-file", 33, 9.0, 1.5, PHILIPS, faults=("not-dicom",)),
    Scan("P30-retired-syntax", 17, 15.0, 1.0, SIEMENS, faults=("no-decoder",)),
    Scan("P31-rle-damaged", 31, 10.0, 1.5, PHILIPS, faults=("undecodable",)),
    Scan("P32-black-slice", 72, 4.0, 4.0, SIEMENS, faults=("black-slice",)),
    Scan("P33-air-slice", 21, 12.0, 1.0, PHILIPS, faults=("empty-slice",)),
    Scan("P34-same-pixels", 75, 4.0, 4.0, TOSHIBA, faults=("identical-images",)),
    Scan("P35-padding-undeclared", 84, 3.5, 3.5, GE, faults=("undeclared-padding",)),
    Scan("P36-water-border", 29, 10.0, 1.0, TOSHIBA, faults=("zero-border",)),
    Scan("P37-rescale-wrong", 27, 10.0, 1.25, PHILIPS, faults=("wrong-rescale",)),
    Scan("P38-sign-lost", 64, 4.5, 4.5, SIEMENS, faults=("signed-as-unsigned",)),
    Scan("P39-gantry-tilted", 24, 12.0, 1.5, GE, TILTED, table=(0, 0, 1)),
    Scan("P40-white-is-low", 19, 15.0, 1.0, HITACHI, variants=("monochrome1",)),
    Scan("P41-sigmoid", 72, 4.0, 4.0, PHILIPS, variants=("sigmoid", "accented")),
    Scan("P42-one-file", 26, 10.0, 1.25, SIEMENS, variants=("enhanced",)),
    Scan("P43-private", 23, 12.0, 1.25, GE, PRONE, "FFP", variants=("private",)),
    Scan("P44-no-extension", 32, 9.0, 2.0, TOSHIBA, variants=("no-extension", "run-length")),
    Scan("P45-turned-midway", 22, 12.0, 1.5, HITACHI, faults=("several-orientations",)),
    Scan("P46-rescale-varies", 36, 8.0, 2.0, SIEMENS, faults=("rescale-varies",)),
    Scan("P47-not-deflated", 52, 4.25, 4.25, GE, faults=("unreadable-file",)),
    Scan("P48-heart-phases", 17, 10.0, 10.0, PHILIPS, faults=("several-phases",)),
    Scan("P49-slice-aside", 23, 12.0, 1.25, HITACHI, faults=("displaced-slice",)),
    Scan("P50-frame-per-file", 24, 10.0, 10.0, SIEMENS, faults=("several-frames-of-reference",)),
    Scan("P51-thickness-varies", 28, 10.0, 1.25, GE, faults=("thickness-varies",)),
    Scan("P52-no-study", 18, 12.0, 1.5, TOSHIBA, faults=("missing-identifiers",)),
    Scan("P53-study-per-file", 21, 10.0, 1.25, PHILIPS, faults=("identifiers-per-file",)),
    Scan("P54-two-studies", 24, 10.0, 1.5, HITACHI, faults=("shared-series-uid",)),
    Scan("P55-three-runs", 12, 12.0, 12.0, SIEMENS, faults=("ambiguous-repetitions",)),
    Scan("P56-series-per-file", 20, 10.0, 10.0, GE, faults=("grid-of-single-slices",)),
    Scan("P57-upper-bits", 19, 15.0, 1.0, PHILIPS, faults=("high-bit",)),
    Scan("P58-frames-claimed", 22, 10.0, 1.25, TOSHIBA, faults=("impossible-frame-count",)),
    Scan("P59-two-kernels", 26, 9.0, 2.0, SIEMENS, faults=("mixed-meanings",)),
    Scan("P60-guessed-header", 21, 12.0, 1.25, PHILIPS, faults=("guessed-header",)),
    Scan("P61-header-incomplete", 20, 12.0, 1.0, SIEMENS, faults=("incomplete-header",)),
    Scan("P62-slope-zero", 18, 15.0, 1.5, HITACHI, faults=("zero-slope",)),
)
OTHER_MODALITIES = (  # of which a few views, or a small scan, show what is right and what is not
    Scan("P63-radiograph", 16, 12.0, 12.0, variants=("radiograph",), **CHEST),
    Scan("P64-mammograms", 8, 12.0, 12.0, variants=("mammogram",), **CHEST),
    Scan("P65-ultrasound", 8, 12.0, 12.0, variants=("ultrasound",), **CHEST),
    Scan("P66-ultrasound-loop", 10, 12.0, 12.0, variants=("ultrasound-cine",), **CHEST),
    Scan("P67-pet", 10, 18.0, 18.0, variants=("pet",)),
    Scan("P68-mr", 8, 12.0, 12.0, variants=("mr",)),
    Scan("P69-key-images", 12, 15.0, 15.0, variants=("key-images",)),
    _spoilt("P70-side-unsaid", "mammogram", "mammogram-without-view"),
    _spoilt("P71-view-unsaid", "radiograph", "radiograph-without-view"),
    _spoilt("P72-letters-unsaid", "radiograph", "no-patient-orientation"),
    _spoilt("P73-at-the-detector", "radiograph", "spacing-at-detector"),
    _spoilt("P74-no-regions", "ultrasound", "ultrasound-without-regions"),
    _spoilt("P75-no-frame-time", "ultrasound-cine", "cine-without-frame-time"),
    Scan("P76-no-weight", 12, 12.0, 12.0, variants=("pet",), faults=("pet-without-suv",)),
    Scan("P77-mosaic", 9, 12.0, 12.0, variants=("mr",), faults=("mosaic",)),
    Scan("P78-lossy", 10, 15.0, 15.0, PHILIPS, faults=("lossy-compression",)),
    Scan(
        "P79-reference-lost", 8, 15.0, 15.0,
        variants=("key-images",), faults=("missing-references",),
    ),
    Scan(
        "P80-two-reconstructions", 4, 15.0, 15.0,
        variants=("two-reconstructions",), faults=("series-read-alike",),
    ),
)  # fmt: skip
LABELLED = (
    Scan("P81-labels", 8, 25.0, 25.0, variants=("labels",)),
    _mislabelled("P82-label-of-another", "label-of-another-frame"),
    _mislabelled("P83-label-too-high", "label-outside-volume"),
    _mislabelled("P84-label-empty", "empty-label"),
    _mislabelled("P85-label-mirrored", "label-on-other-side"),
    _mislabelled("P86-label-in-air", "label-outside-body"),
    Scan(
        "P87-two-persons", 4, 15.0, 15.0, matrix=32,
        variants=("two-reconstructions",), faults=("several-persons",),
    ),
    Scan(
        "P88-label-shifted", 12, 20.0, 20.0, variants=("labels",), faults=("label-shifted",),
    ),
)  # fmt: skip
ALL_SCANS = (*SCANS, *OTHER_MODALITIES, *LABELLED)


def full_size(matrix: int = 64) -> tuple[Scan, ...]:
    """Scans of as many patients as OSIC has, with OSIC's own numbers of slices.

    Parameters
    ----------
    matrix : pixels along a side
    """
    vendors = (GE, SIEMENS, TOSHIBA, PHILIPS, HITACHI)
    return tuple(
        _of_count(number, count, vendors[number % 5], matrix)
        for number, count in enumerate(OSIC_COUNTS, 1)
    )


def _of_count(number, count, vendor, matrix):
    faults: tuple[str, ...] = ()
    if count == max(OSIC_COUNTS):  # two scans in one folder
        count, faults = count // 2, ("second-scan",)
    gap = round(COVERED_MM / count, 2)
    thickness = 1.25 if count <= MAX_INTERSPACED_SLICES else gap
    return Scan(f"F{number:03d}", count, gap, thickness, vendor, matrix=matrix, faults=faults)
