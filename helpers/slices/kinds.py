"""What is an image for a person: a slice of a volume, a view, a picture, a dose, a mask?"""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.slices.arrays import Arrays

KINDS = ("volume", "cine", "projection", "picture", "slide", "dose", "segmentation", "mosaic")
VOLUME, CINE, PROJECTION, PICTURE, SLIDE, DOSE, SEGMENTATION, MOSAIC = range(len(KINDS))
ON_A_GRID = (VOLUME, DOSE, SEGMENTATION)  # may be voxels
IN_TIME = (CINE, MOSAIC)  # whose images follow each other in time

IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1."
KIND_OF_CLASS = {  # SOP Class UID behind `IMAGE_STORAGE`, or its beginning → kind (PS3.4 B.5)
    **dict.fromkeys(("2", "4", "128", "130", "13.1", "6.2", "30", "501.1"), VOLUME),
    **dict.fromkeys(("77.1.5.4", "77.1.5.8"), VOLUME),  # slices of an eye
    **dict.fromkeys(("1", "5", "12", "20", "481.1", "481.23", "481.24", "501.2"), PROJECTION),
    **dict.fromkeys(("13.1.4", "13.1.5"), PROJECTION),  # from which tomosynthesis is made
    **dict.fromkeys(("3", "6", "14"), CINE),  # ultrasound, and light in a vessel
    **{"66": SEGMENTATION, "481.2": DOSE, "77.1.6": SLIDE, "77.1.9": SLIDE},
    **dict.fromkeys(("77", "7", "81.1", "82.1", "601"), PICTURE),
}
RADIOGRAPHY = ("CR", "DX", "DR", "RG")  # modalities; DR is none of the standard, yet met
DENTAL, MAMMOGRAPHY, ANGIOGRAPHY = ("IO", "PX"), "MG", ("XA", "RF")
X_RAY = (*RADIOGRAPHY, *DENTAL, MAMMOGRAPHY, *ANGIOGRAPHY)  # for diagnosis, no treatment beam
RETIRED_ANGIOGRAPHY = ("DF", "DS", "CF")  # PS3.3 C.7.3.1.1.1
KIND_OF_MODALITY = {
    **dict.fromkeys((*X_RAY, *RETIRED_ANGIOGRAPHY, "BMD", "RTIMAGE", "NM"), PROJECTION),
    **dict.fromkeys(("CT", "MR", "PT", "OPT"), VOLUME),
    **dict.fromkeys(("US", "IVUS", "IVOCT"), CINE),
    **{"SM": SLIDE, "SEG": SEGMENTATION, "RTDOSE": DOSE},
}
NUCLEAR_CLASSES = (f"{IMAGE_STORAGE}20", f"{IMAGE_STORAGE}5")  # today's, and the retired one
TOMOGRAPHIC_WORDS = ("RECON TOMO", "RECON GATED TOMO")  # Image Type of a nuclear volume
MOVING_WORDS = ("DYNAMIC", "GATED")
SCOUT = "LOCALIZER"
MOSAIC_WORD = "MOSAIC"  # in Image Type
MOSAIC_SLICES = "(0019,xx0A) SIEMENS MR HEADER"  # how many slices a mosaic holds


def kinds_of(arrays: Arrays, placed: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """The number in `KINDS` of each image (n,).

    A secondary capture of a radiograph is a projection, as many collections have them. What has a
    place in the patient is a slice, whatever made it, unless its class says that it is
    a dose, a mask, a tile or a picture; a CT scout is a projection. Several frames of one file
    without a place are a cine. One image that holds a volume's slices side by side is a mosaic.

    Parameters
    ----------
    placed : boolean (n,), whether position and orientation in the patient are known
    frames : (n,) number of frames of the image's file
    """
    own = _number(arrays, "SOPClassUID", _kind_of_class)
    of_modality = _number(arrays, "Modality", _kind_of_modality)
    own = np.where((own < 0) | ((own == PICTURE) & (of_modality == PROJECTION)), of_modality, own)
    own = np.where(own < 0, PICTURE, own)
    nuclear = _number(arrays, "SOPClassUID", _is_nuclear) > 0
    words = _number(arrays, "ImageType", _kind_of_image_type)
    own = np.where(nuclear & (words >= 0), words, own)
    fixed = np.isin(own, (SLIDE, DOSE, SEGMENTATION))
    several, grey = frames > 1, ~(arrays.numbers("SamplesPerPixel") > 1)
    kind = np.where(several & ~fixed & ~nuclear & (own != VOLUME), CINE, own)
    kind = np.where(~several & ~nuclear & (own == CINE), PICTURE, kind)
    kind = np.where(placed & ~fixed, np.where(grey, VOLUME, PICTURE), kind)
    is_ct = _number(arrays, "Modality", _is_ct) > 0
    scout = is_ct & (_number(arrays, "ImageType", _names_scout) > 0)
    kind = np.where((kind == VOLUME) & scout, PROJECTION, kind)
    return np.where(~several & (kind == VOLUME) & _are_mosaics(arrays), MOSAIC, kind)


def is_capture(arrays: Arrays) -> np.ndarray:
    """Which images (n,) are pictures by their class, such as secondary captures."""
    return _number(arrays, "SOPClassUID", _kind_of_class) == PICTURE


def _are_mosaics(arrays):
    """Which images (n,) are Siemens mosaics: Image Type says so, or how many slices they hold."""
    named = _number(arrays, "ImageType", _names_mosaic) > 0
    return named | (arrays.numbers(MOSAIC_SLICES) > 1)


def _number(arrays: Arrays, keyword: str, number_of: Callable[[Any], int]) -> np.ndarray:
    """A number (n,) for the value of each row; -1 where there is none."""
    return np.nan_to_num(arrays.numbers_of(keyword, number_of), nan=-1).astype(int)


def _kind_of_class(uid):
    """The kind of a SOP class; -1 where it does not say."""
    parts = str(uid).removeprefix(IMAGE_STORAGE).split(".")
    starts = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    is_image = str(uid).startswith(IMAGE_STORAGE)
    return next(
        (KIND_OF_CLASS[start] for start in starts if is_image and start in KIND_OF_CLASS), -1
    )


def _kind_of_modality(modality):
    return KIND_OF_MODALITY.get(modality, -1)


def _is_nuclear(uid):
    return int(uid in NUCLEAR_CLASSES)


def _is_ct(modality):
    return int(modality == "CT")


def _kind_of_image_type(image_type):
    """The kind that the Image Type of a nuclear image names (PS3.3 C.8.4.9.1.1)."""
    words = " ".join(map(str, image_type)) if isinstance(image_type, tuple) else str(image_type)
    if any(word in words for word in TOMOGRAPHIC_WORDS):
        return VOLUME
    return CINE if any(word in words for word in MOVING_WORDS) else PROJECTION


def _names_scout(image_type):
    return int(SCOUT in _words(image_type))


def _names_mosaic(image_type):
    return int(MOSAIC_WORD in _words(image_type))


def _words(image_type):
    return image_type if isinstance(image_type, tuple) else (image_type,)
