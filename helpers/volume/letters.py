"""Which letters stand on the edges of one image, and why does it have none?"""

from numbers import Number
from typing import Any

from pydicom import Dataset

from helpers.errors import WrongTypeError
from helpers.geometry.orientation import EdgeLetters, edge_letters, row_and_column
from helpers.headers.pydicom_reader import read_header
from helpers.pixels.frame_header import FrameHeader
from helpers.slices.kinds import DENTAL, IMAGE_STORAGE, MAMMOGRAPHY, RADIOGRAPHY
from helpers.volume.view import detector_of

DETECTORS = "DetectorInformationSequence"
TURNING = ("TOMO", "GATED TOMO")  # Image Type, value 3: a detector lies so in its first frame only
KIND_OF_CLASS = {  # SOP Class UID behind `IMAGE_STORAGE`, or its beginning → what it is
    "3": "ultrasound",
    "6": "ultrasound",
    "77.1.2": "slide",  # slide coordinates and plain microscopy
    "77.1.6": "slide",
    "77.1": "photograph",
    "7": "capture",
}
KIND_OF_MODALITY = {
    **dict.fromkeys(("US", "IVUS", "EPS"), "ultrasound"),
    **dict.fromkeys(("SM", "GM"), "slide"),
    **dict.fromkeys(("XC", "ES", "OP", "DMS"), "photograph"),
    **{MAMMOGRAPHY: "mammogram", "XA": "angiogram", "RF": "fluoroscopy image"},
    **dict.fromkeys((*RADIOGRAPHY, *DENTAL, "RTIMAGE"), "radiograph"),
    **{"NM": "nuclear medicine image", "OT": "capture", "SC": "capture"},
}
REASONS = {
    "ultrasound": "an ultrasound image has no place in the patient: the probe is held by hand",
    "slide": "a slide is of tissue taken out of the patient",
    "photograph": "a photograph says nothing of directions in the patient",
    "capture": "a secondary capture is a picture, and this one names no direction in the patient",
}
MAX_VALUE = 60  # letters of a value that is quoted


def letters_of(header: FrameHeader, frame: int = 0) -> EdgeLetters:
    """The letters of one image as it is stored; `?` where the header does not say.

    Of Image Orientation, else of the detector of a nuclear image, else of Patient Orientation.

    References
    ----------
    PS3.3 C.7.6.2.1.1, C.8.4.11 (detectors), C.7.6.1.1.1 (Patient Orientation)
    """
    return edge_letters(
        orientation_of(header, frame),
        patient_orientation=header.get("PatientOrientation"),
        anatomical_orientation=header.get("AnatomicalOrientationType", "BIPED"),
    )


def orientation_of(header: FrameHeader, frame: int = 0) -> tuple[float, ...]:
    """Image Orientation (Patient) of one image; empty where there is none.

    That of a detector stands for all its frames, unless the detector turns around the patient.
    """
    orientation = header.floats("ImageOrientationPatient")
    detector = None if orientation else detector_of(header, frame)
    words: Any = header.get("ImageType") or ()
    turns = len(words) > 2 and words[2] in TURNING and frame > 0
    if detector is None or turns:
        return orientation
    return FrameHeader(detector).floats("ImageOrientationPatient")


def why_no_letters(header: Any, *, frame: int = 0) -> str:
    """One line that says why an image has no letters on its edges; empty where it has all four.

    Parameters
    ----------
    header : a row of the slice or header table, a pydicom Dataset, or anything with ``get``
    frame : of a Dataset with several

    References
    ----------
    PS3.3 C.7.6.1.1.1: Patient Orientation is there where neither Image Orientation nor Image
    Position are, and may be empty.
    """
    if not hasattr(header, "get"):
        kind = type(header).__name__
        raise WrongTypeError(f"expected a header (a row of slice_table, a Dataset), got {kind}")
    header, frame = _with_detectors(header, frame)
    header = FrameHeader(header if isinstance(header, Dataset) else _present(header), frame)
    letters = letters_of(header, frame)
    if "?" not in letters:
        return ""
    orientation, words = header.get("ImageOrientationPatient"), header.get("PatientOrientation")
    if words is not None:
        return (
            f"Patient Orientation is {_quoted(words)}: expected two directions, of its row and of "
            "its column, such as P\\F"
        )
    if orientation is not None and row_and_column(header.floats("ImageOrientationPatient")) is None:
        return f"Image Orientation (Patient) is {_quoted(orientation)}, which describes no plane"
    kind = _kind(header)
    return REASONS.get(kind) or _missing(header, kind)


def _with_detectors(header: Any, frame: int) -> tuple[Any, int]:
    """(the header of the file of a nuclear image, its frame), where a row but counts detectors."""
    name: Any = getattr(header, "name", None)  # of a row: ends with a path and frame, or is a path
    place: Any = (name, frame) if isinstance(name, str) else name
    counted = isinstance(place, tuple) and isinstance(header.get(DETECTORS), Number)
    if not counted or header.get("ImageOrientationPatient"):
        return header, frame
    dataset = read_header(place[-2]).dataset
    return (header, frame) if dataset is None else (dataset, int(place[-1]))


def _missing(header: FrameHeader, kind: str) -> str:
    if kind:
        return f"Patient Orientation is missing or empty in this {kind}"
    modality = str(header.get("Modality") or "")[:16]
    what = f"{modality} image" if modality else "image"
    return f"neither Image Orientation (Patient) nor Patient Orientation has a value in this {what}"


def _kind(header: FrameHeader) -> str:
    """What the image is, by its modality, else by its class; empty for slices."""
    modality, uid = str(header.get("Modality") or ""), str(header.get("SOPClassUID") or "")
    if kind := KIND_OF_MODALITY.get(modality):
        return kind
    rest = uid.removeprefix(IMAGE_STORAGE) if uid.startswith(IMAGE_STORAGE) else ""
    starts = [start for start in KIND_OF_CLASS if f"{rest}.".startswith(f"{start}.")]
    return KIND_OF_CLASS[max(starts, key=len)] if starts else ""


def _present(row: Any) -> dict[str, Any]:
    """The values of a row that are there, without sequences, of which it has the number alone."""
    keywords = (
        *("ImageOrientationPatient", "PatientOrientation", "AnatomicalOrientationType"),
        *("Modality", "SOPClassUID", "ImageType"),
    )
    values = {keyword: row.get(keyword) for keyword in keywords}
    return {
        keyword: value
        for keyword, value in values.items()
        if value is not None and not (isinstance(value, float) and value != value)
    }


def _quoted(value: Any) -> str:
    several = not isinstance(value, str) and hasattr(value, "__iter__")
    text = "\\".join(map(_shown, value)) if several else str(value)
    return f"'{text[:MAX_VALUE]}'"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
