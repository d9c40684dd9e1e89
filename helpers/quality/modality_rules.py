"""What does an image of its kind lack? Radiographs, mammograms, ultrasound, PET, cines, mosaics."""

from collections.abc import Iterator

import numpy as np

from helpers.quality.findings import Finding, Rule, rule
from helpers.quality.rules import Collection
from helpers.runtime import in_threads_if_slow
from helpers.slices.cine import frame_times_ms
from helpers.slices.kinds import MAMMOGRAPHY, MOSAIC_SLICES, RADIOGRAPHY
from helpers.volume.suv import why_no_suv

DIGITAL_X_RAY = ("1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1")  # SOP classes
MAMMOGRAMS = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1")
ULTRASOUND = tuple(f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("6", "6.1", "3", "3.1"))
PAIRED = {  # Body Part Examined of which a person has two (PS3.16 annex L)
    *("BREAST", "CLAVICLE", "SCAPULA", "SHOULDER", "HUMERUS", "ARM", "ELBOW", "FOREARM", "RADIUS"),
    *("ULNA", "RADIUSULNA", "WRIST", "HAND", "FINGER", "THUMB", "HIP", "FEMUR", "THIGH", "KNEE"),
    *("PATELLA", "LEG", "TIBIA", "FIBULA", "TIBIAFIBULA", "ANKLE", "FOOT", "TOE", "CALCANEUS"),
    *("EXTREMITY", "UPPER EXTREMITY", "LOWER EXTREMITY", "EYE", "EAR"),
}
SIDES = ("ImageLaterality", "Laterality", "FrameLaterality")
VIEWS = ("ViewPosition", "ViewCodeSequence")

MODALITY_RULES: dict[str, Rule] = {}


@rule(
    MODALITY_RULES,
    "warning",
    said_once=True,
    effect="Which breast, or which view of it, is not known: it cannot be compared with others.",
    clause="PS3.3 C.8.11.2, C.8.11.7",
    remedy="Ask for the original files; do not read the side off the shape of the breast.",
)
def mammogram_without_view(collection: Collection) -> Iterator[Finding]:
    """Mammograms that do not say which side or which view they show."""
    lacking = {"side": ~collection.has(*SIDES), "view": ~collection.has(*VIEWS)}
    yield from _lacking(collection, _are_mammograms(collection), lacking)


@rule(
    MODALITY_RULES,
    "note",
    said_once=True,
    effect="A network learns left and right, or from behind and from the front, as one.",
    clause="PS3.3 C.7.3.1, C.8.1.1, C.8.11.2, C.8.11.5",
    remedy="Take side and view from the report or the Series Description, or sort them by eye.",
)
def radiograph_without_view(collection: Collection) -> Iterator[Finding]:
    """Radiographs without a view, or of one of two sides without the side."""
    body_part = collection.measures.numbers_of("BodyPartExamined", _is_paired)
    classes = collection.measures.numbers_of("SOPClassUID", _is_digital_x_ray)
    needs_side = (body_part > 0) | (classes > 0)
    lacking = {
        "side": needs_side & ~collection.has(*SIDES),
        "view": ~collection.has(*VIEWS),
    }
    yield from _lacking(collection, _are_radiographs(collection), lacking)


@rule(
    MODALITY_RULES,
    "note",
    said_once=True,
    effect="No letters can be drawn: whether the picture is mirrored cannot be told.",
    clause="PS3.3 C.7.6.1.1.1, C.8.11.3",
    remedy="Look for a marker of lead in the picture; do not mirror pictures by a guess.",
)
def no_patient_orientation(collection: Collection) -> Iterator[Finding]:
    """Radiographs and mammograms that do not say which way their rows and columns run."""
    cosines = collection.measures.vectors("ImageOrientationPatient", 6)
    known = collection.has("PatientOrientation") | np.isfinite(cosines).all(axis=1)
    asked = _are_mammograms(collection) | _are_radiographs(collection)
    yield from _lacking(collection, asked, {"Patient Orientation": ~known})


@rule(
    MODALITY_RULES,
    "note",
    said_once=True,
    effect="Distances are those at the detector; in the patient they are shorter.",
    clause="PS3.3 10.7.1.1, C.8.11.4",
    remedy="Do not measure before it is calibrated by something of known size in the picture.",
)
def spacing_at_detector(collection: Collection) -> Iterator[Finding]:
    """X-ray images whose only pixel spacing is that of the detector, which is not calibrated."""
    measures = collection.measures
    detector, patient = (
        measures.vectors(word, 2) for word in ("ImagerPixelSpacing", "PixelSpacing")
    )
    alone = (detector > 0).all(axis=1) & ~(patient > 0).all(axis=1)
    equal = (detector > 0).all(axis=1) & (detector == patient).all(axis=1)
    equal &= ~collection.has("PixelSpacingCalibrationType")
    views = np.isin(measures.kind, ("projection", "cine"))[measures.segment]
    views &= ~collection.unusable
    values = np.where(alone, "Imager Pixel Spacing alone", "Pixel Spacing as at the detector")
    yield from collection.file_findings(values, views & (alone | equal))


@rule(
    MODALITY_RULES,
    "warning",
    said_once=True,
    effect="There are no millimetres: lengths and areas are unknown.",
    clause="PS3.3 C.8.5.5",
    remedy="Do not measure; ask for the original files, whose regions an export may have dropped.",
)
def ultrasound_without_regions(collection: Collection) -> Iterator[Finding]:
    """Ultrasound without calibrated regions, and without another pixel spacing."""
    spacing = (collection.measures.vectors("PixelSpacing", 2) > 0).all(axis=1)
    known = collection.has("SequenceOfUltrasoundRegions") | spacing
    classes = collection.slices.reindex(columns=["SOPClassUID"])["SOPClassUID"]
    asked = classes.isin(ULTRASOUND).to_numpy()
    lacking = {"Sequence of Ultrasound Regions": ~known}
    yield from _lacking(collection, asked & ~collection.unusable, lacking)


@rule(
    MODALITY_RULES,
    "note",
    effect="Values of patients cannot be compared: there is no SUV of them.",
    clause="PS3.3 C.7.2.2, C.8.9.1, C.8.9.2",
    remedy="Ask for what is named; where you know it, helpers.volume.suv says how to go on.",
)
def pet_without_suv(collection: Collection) -> Iterator[Finding]:
    """Series of PET that do not say what SUV by body weight needs; one file of each is read."""
    measures = collection.measures
    is_pet = (measures.first_of("Modality") == "PT") & collection.sections
    stacks = np.flatnonzero(is_pet)
    stacks = stacks[np.sort(np.unique(collection.series[stacks], return_index=True)[1])]
    paths = collection.paths[measures.starts[stacks]]
    for stack, reason in zip(stacks.tolist(), in_threads_if_slow(why_no_suv, paths.tolist())):
        if reason:
            yield collection.stack_finding(reason, stack)


@rule(
    MODALITY_RULES,
    "note",
    effect="It is played at a guessed rate: motion looks faster or slower than it was.",
    clause="PS3.3 C.7.6.5",
    remedy="Look up the frame rate of the device; do not measure times by frames.",
)
def cine_without_frame_time(collection: Collection) -> Iterator[Finding]:
    """Frames of one file over time that do not say how long each lasts.

    Nuclear images are not asked: they say it of each phase (PS3.3 C.8.4.14), in a sequence.
    """
    measures = collection.measures
    one_file = ~collection.several(collection.path_codes) & (measures.counts > 1)
    cine = (measures.kind == "cine") & (measures.first_of("Modality") != "NM")
    stacks = np.flatnonzero(cine & one_file & ~_has_errors(collection))
    for stack in stacks.tolist():
        times = frame_times_ms(measures.of(stack))
        if times.is_guess:
            yield collection.stack_finding(times.source, stack)


@rule(
    MODALITY_RULES,
    "warning",
    effect="Each image is a whole volume, its slices side by side: no volume, and no positions.",
    clause="PS3.3 C.8.3.1",
    remedy="Take them apart with dcm2niix, or ask for the same scan as enhanced MR.",
)
def mosaic(collection: Collection) -> Iterator[Finding]:
    """Mosaics of Siemens scanners."""
    measures = collection.measures
    slices = measures.numbers(MOSAIC_SLICES)
    values = {}
    for stack in np.flatnonzero(measures.kind == "mosaic").tolist():
        held = np.unique(slices[measures.rows(stack)])
        number = f"{held[0]:g} slices" if len(held) == 1 and held[0] > 0 else "several slices"
        count = measures.counts[stack]
        images = "one image" if count == 1 else f"{count} images, each"
        values[stack] = f"{images} of {number} side by side"
    yield from collection.group_findings(values)


def _lacking(collection, asked, lacking):
    """Findings of the files of which images (n,) are asked for what they lack, by its name."""
    wrong = np.logical_or.reduce(list(lacking.values())) & asked
    values = np.full(len(wrong), "", object)
    for name, missing in lacking.items():
        joined = np.where(values == "", "no ", values + " and no ") + name
        values = np.where(missing, joined, values)
    yield from collection.file_findings(values, wrong)


def _are_mammograms(collection):
    """Which images (n,) are mammograms: projections of a breast."""
    measures = collection.measures
    is_mammogram = (measures.numbers_of("SOPClassUID", _is_mammogram) > 0) | (
        measures.numbers_of("Modality", _is_mammography) > 0
    )
    return is_mammogram & _are_projections(collection)


def _are_radiographs(collection):
    """Which images (n,) are radiographs, and no mammograms."""
    is_radiograph = collection.measures.numbers_of("Modality", _is_radiography) > 0
    return is_radiograph & _are_projections(collection) & ~_are_mammograms(collection)


def _are_projections(collection):
    measures = collection.measures
    return (measures.kind == "projection")[measures.segment] & ~collection.unusable


def _has_errors(collection):
    """Which stacks (s,) have an image that cannot be used."""
    return collection.measures.any_of(collection.unusable)


def _is_paired(body_part):
    return int(str(body_part).upper() in PAIRED)


def _is_mammography(modality):
    return int(modality == MAMMOGRAPHY)


def _is_radiography(modality):
    return int(modality in RADIOGRAPHY)


def _is_digital_x_ray(uid):
    return int(uid in DIGITAL_X_RAY)


def _is_mammogram(uid):
    return int(uid in MAMMOGRAMS)
