"""What do the name and the codes of a label say: which side, and what may lie in air?"""

import re
from typing import Any

from pydicom import Dataset, dcmread

from helpers.files.opening import open_file
from helpers.files.reading import SizeLimitedReader
from helpers.labels.segmentation import segments_of
from helpers.runtime import quiet

AROUND_BODY = {  # words of what lies around a body, or marks it
    *("couch", "table", "tabletop", "tisch", "board", "support", "external", "bolus", "marker"),
    *("fixation", "mask", "frame", "immobilization", "immobilisation", "headrest", "cushion"),
    *("outside", "outer", "air", "background", "skin", "clip", "wire", "tube", "catheter", "coil"),
    *("isocenter", "isocentre", "registration", "fiducial", "device", "implant", "room", "bed"),
}
HOLD_AIR = {  # words of what holds air itself, which reaches to the border of a cropped image
    *("lung", "lungs", "lobe", "pulmonary", "airway", "airways", "trachea", "bronchus", "bronchi"),
    *("bronchial", "emphysema", "pneumothorax", "nodule", "gas", "bowel", "colon", "sinus"),
    *("sinuses", "nasal", "pharynx", "larynx", "oral", "ear", "mastoid"),
}
SIDES = {"left": 1, "l": 1, "lt": 1, "right": -1, "r": -1, "rt": -1}  # word → along x of LPS
SIDE_CODES = {  # of SNOMED CT, and as it was coded before (PS3.16 CID 244)
    **{"7771000": "left", "G-A101": "left"},
    **{"24028007": "right", "G-A100": "right"},
}
CODED_BY = (  # sequence of a segment → that of its modifiers, in it
    ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyTypeModifierCodeSequence"),
    ("AnatomicRegionSequence", "AnatomicRegionModifierSequence"),
)
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
NUMBERED = re.compile(r"(?<![A-Za-z])[LR](?=\d)", re.IGNORECASE)  # a vertebra, a number; no side


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case.

    Examples
    --------
    >>> words_of("Lung_L"), words_of("leftKidney 2"), words_of("L1 body")
    (['lung', 'l'], ['left', 'kidney'], ['body'])
    """
    return [word.lower() for word in WORDS.findall(NUMBERED.sub(" ", name))]


def coded_words(path: str) -> dict[str, list[str]]:
    """Words of the codes of each segment of a file, by its name, where they say a side.

    References
    ----------
    PS3.3 C.8.20.4 (Segment Description), 10.5 (General Anatomy)
    """
    try:
        with quiet(), SizeLimitedReader(open_file(path)) as file:
            dataset = dcmread(file, specific_tags=["SegmentSequence"], stop_before_pixels=True)
            names = [one.name for one in segments_of(dataset)]
            found = dict(zip(names, map(_coded, dataset.get("SegmentSequence") or [])))
    except Exception:  # whatever it is, the header table has said what is wrong with the file
        return {}
    return {name: words for name, words in found.items() if not set(SIDES).isdisjoint(words)}


def _coded(segment: Dataset) -> list[str]:
    """The words of what a segment is by its codes, and of the side that modifies them."""
    words: list[str] = []
    for keyword, of_modifiers in CODED_BY:
        for code in segment.get(keyword) or []:
            modifiers: Any = code.get(of_modifiers) or []
            sides = [SIDE_CODES.get(str(one.get("CodeValue"))) for one in modifiers]
            words += [*words_of(str(code.get("CodeMeaning") or "")), *filter(None, sides)]
    return words
