"""Which side and view of the body does an image show, by its header? Never guessed."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from helpers.pixels.frame_header import FrameHeader
from helpers.privacy.pseudonyms import deidentified
from helpers.slices.kinds import ANGIOGRAPHY, KIND_OF_MODALITY, PROJECTION

SIDE_KEYWORDS = ("FrameLaterality", "ImageLaterality", "Laterality")  # the nearest first
SIDES = {"R": "R", "L": "L", "B": "both sides", "U": ""}  # unpaired: no side
CODES_OF_VIEWS = {  # PS3.16 CID 4014, 4010: code value in SNOMED CT and, older, SNOMED RT
    "CC": ("399162004", "R-10242"),
    "MLO": ("399368009", "R-10226"),
    "ML": ("399260004", "R-10224"),
    "LM": ("399352003", "R-10228"),
    "LMO": ("399099002", "R-10230"),
    "FB": ("399196006", "R-10244"),
    "SIO": ("399188001", "R-102D0"),
    "ISO": ("441555000", "R-40AAA"),
    "XCCL": ("399192008", "R-1024A"),
    "XCCM": ("399101009", "R-1024B"),
    "AP": ("399348003", "R-10206"),
    "PA": ("272479007", "R-40888", "R-10214"),
    "lateral": ("399067008", "R-102CD"),
    "left lateral": ("399173006", "R-10236"),
    "right lateral": ("399198007", "R-10232"),
    "RAO": ("399356000", "R-40985", "R-10218"),
    "LAO": ("399135007", "R-10220"),
    "RPO": ("399038007", "R-10210"),
    "LPO": ("399006002", "R-10212"),
}
VIEW_OF_CODE = {code: view for view, codes in CODES_OF_VIEWS.items() for code in codes}
VIEW_POSITIONS = {  # defined terms of View Position (0018,5101) that need a word
    "LL": "left lateral",
    "RL": "right lateral",
    "LLD": "left lateral decubitus",
    "RLD": "right lateral decubitus",
    "LLO": "left lateral oblique",
    "RLO": "right lateral oblique",
}
ANGLES = {  # of angiography: keyword → the direction of its negative and positive values
    "PositionerPrimaryAngle": ("RAO", "LAO"),
    "PositionerSecondaryAngle": ("CAU", "CRA"),
}
BREAST = "BREAST"
MAX_WORDS = 48  # letters of a text of the file's own


class View(NamedTuple):
    """Side and view as the header has them.

    `side` is R or L where the header says one of them and nothing contradicts; `name` is the view,
    such as CC, MLO, PA or "left lateral", on the same condition; `text` is all that is said, with
    the part of the body and with what contradicts.
    """

    side: str
    name: str
    text: str


def view_of(header: FrameHeader, frame: int = 0) -> View:
    """The side and the view of one image.

    The side is that of the frame, else of the image, else of the series; the view is that of View
    Code Sequence, which replaces View Position, else View Position, else the angles of an
    angiography system.

    References
    ----------
    PS3.3 C.8.11.2 (Image Laterality), C.8.11.5.1.1 and C.8.11.7 (View Code Sequence), C.8.1.1
    (View Position), C.7.3.1 (Laterality), C.8.7.5 (positioner angles), C.8.4.11 (views of
    detectors)
    """
    side, other_side = _side(header)
    coded, modifiers = _coded(header, frame)
    position = _text(header, "ViewPosition")
    position = VIEW_POSITIONS.get(position.upper(), position)
    name = coded or position or _angles(header)
    differs = bool(coded and position) and not _agree(coded, position)
    contradiction = [other_side, f"View Position says {position}" if differs else ""]
    view = f"{name} ({', '.join(modifiers)})" if modifiers else name
    text = " ".join(filter(None, (SIDES.get(side, side), view)))
    region = _region(header, bool(view))
    if text or KIND_OF_MODALITY.get(_text(header, "Modality")) == PROJECTION:
        text = " · ".join(filter(None, (text, region)))
    if but := "; ".join(filter(None, contradiction)):
        text = f"{text} (but {but})"
    sure_side = side if side in ("R", "L") and not other_side else ""
    return View(sure_side, "" if differs else name, text)


def _side(header: FrameHeader) -> tuple[str, str]:
    """(the side, what another element says against it)"""
    said = {keyword: _text(header, keyword) for keyword in SIDE_KEYWORDS}
    said = {keyword: value for keyword, value in said.items() if value}
    if not said:
        return "", ""
    side = next(iter(said.values()))
    names = {"FrameLaterality": "Frame Laterality", "ImageLaterality": "Image Laterality"}
    against = [
        f"{names.get(keyword, keyword)} says {value}"
        for keyword, value in said.items()
        if value != side
    ]
    return side, "; ".join(against)


def _coded(header: FrameHeader, frame: int) -> tuple[str, list[str]]:
    """(view, its modifiers) by View Code Sequence, of the image or of the detector it came from."""
    item = next(_items(header.get("ViewCodeSequence")), None)
    if item is None and (detector := detector_of(header, frame)) is not None:
        item = next(_items(detector.get("ViewCodeSequence")), None)
    if item is None:
        return "", []
    code = str(item.get("CodeValue") or item.get("LongCodeValue") or "").strip()
    modifiers = [_meaning(one).lower() for one in _items(item.get("ViewModifierCodeSequence"))]
    return VIEW_OF_CODE.get(code) or _meaning(item), [one for one in modifiers if one]


def detector_of(header: FrameHeader, frame: int) -> Any | None:
    """The item of Detector Information Sequence (0054,0022) that a nuclear image came from.

    References
    ----------
    PS3.3 C.8.4.11 and C.8.4.8 (Detector Vector counts from 1)
    """
    detectors = list(_items(header.get("DetectorInformationSequence")))
    vector = header.floats("DetectorVector")
    number = int(vector[frame]) if frame < len(vector) else 1
    several = len(detectors) > 1 and frame >= len(vector)
    return None if several or not 0 < number <= len(detectors) else detectors[number - 1]


def _angles(header: FrameHeader) -> str:
    """From where an angiogram looks: "LAO 30° CRA 20°"."""
    if _text(header, "Modality") not in ANGIOGRAPHY:
        return ""
    found = [(ends, header.floats(keyword)) for keyword, ends in ANGLES.items()]
    rounded = [(ends, round(angle[0])) for ends, angle in found if len(angle) == 1]
    words = [f"{ends[angle > 0]} {abs(angle)}°" for ends, angle in rounded if angle]
    return " ".join(words) if words else "0°" if len(rounded) == len(ANGLES) else ""


def _region(header: FrameHeader, has_view: bool) -> str:
    """The part of the body; the breast goes without saying where there is a view of it."""
    item = next(_items(header.get("AnatomicRegionSequence")), None)
    region = "" if item is None else _meaning(item)
    region = region or _text(header, "BodyPartExamined")
    return "" if has_view and region.upper() == BREAST else region


def _agree(one: str, other: str) -> bool:
    """Whether two names of a view can both be true: "lateral" and "left lateral"."""
    known = {*CODES_OF_VIEWS, *VIEW_POSITIONS.values()}
    either = one in other or other in one
    return either or not {one, other} <= known


def _items(sequence: Any) -> Iterator[Any]:
    """The items of a sequence; none of what is no sequence."""
    if isinstance(sequence, Sequence) and not isinstance(sequence, str):
        yield from (item for item in sequence if hasattr(item, "get"))


def _meaning(item: Any) -> str:
    meaning = str(item.get("CodeMeaning") or "").strip()[:MAX_WORDS]
    return str(deidentified("CodeMeaning", meaning))


def _text(header: FrameHeader, keyword: str) -> str:
    value = header.get(keyword, "")
    text = value if isinstance(value, str) else ""
    return str(deidentified(keyword, text.strip()[:MAX_WORDS]))
