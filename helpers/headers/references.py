"""Which other objects does a file refer to? Read from the beginning of its header alone."""

from collections.abc import Iterator
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import Tag

from helpers.files.opening import open_file
from helpers.headers.limits import MeteredReader
from helpers.privacy.pseudonyms import deidentified
from helpers.runtime import quiet

STORAGE = "1.2.840.10008.5.1.4.1.1."  # begins the class of what is stored in a file
REFERENCES = {  # what a class of objects is, behind `STORAGE` → where it lists what it refers to
    **dict.fromkeys(
        ("66", "67", "11", "30", "91"),  # segmentations, registrations, presentation states, maps
        ("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"),
    ),
    "88": ("CurrentRequestedProcedureEvidenceSequence",),  # reports and key objects
    "481.2": ("ReferencedRTPlanSequence",),
    "481.3": ("ReferencedFrameOfReferenceSequence",),
    "481.5": ("ReferencedStructureSetSequence",),
    "481.8": ("ReferencedStructureSetSequence",),
}
HOLDERS = ("SeriesInstanceUID", "FrameOfReferenceUID")  # what items say of all references in them
MAX_LENGTH = 2**20  # bytes of a value, none of which is a reference, that is read


class Reference(NamedTuple):
    """An object that another one refers to, by UID; pseudonyms where identity is hidden.

    `frame_of_reference` is what the other one says of it, as structure sets do.
    """

    instance: str
    series: str | None
    frame_of_reference: str | None = None


def sequences_of(sop_class: object) -> tuple[str, ...]:
    """Keywords of the sequences in which objects of a SOP class list others; none for images.

    References
    ----------
    PS3.3 C.12.2 (common), C.17.2 (evidence of reports), C.8.8.3 to C.8.8.10 (radiotherapy)
    """
    if not str(sop_class).startswith(STORAGE):
        return ()
    parts = str(sop_class).removeprefix(STORAGE).split(".")
    names = (".".join(parts[:count]) for count in (2, 1))
    return next((REFERENCES[name] for name in names if name in REFERENCES), ())


def references_of(path: str, sequences: tuple[str, ...]) -> list[Reference]:
    """The objects that a file lists in some sequences, each once; none where it cannot be read."""
    try:
        with quiet(), MeteredReader(open_file(path)) as file:
            dataset = read_partial(file, _behind(sequences), defer_size=MAX_LENGTH, force=True)
            lists = [dataset[keyword].value for keyword in sequences if keyword in dataset]
            found = [one for items in lists for item in items for one in _within(item, {})]
    except Exception:  # whatever it is, the header table has said what is wrong with the file
        return []
    return list(dict.fromkeys(found))


def _behind(sequences):
    """Stops reading behind the last of some sequences."""
    last = max(map(Tag, sequences))
    return lambda tag, *_: tag > last


def _within(item: Dataset, above: dict[str, str]) -> Iterator[Reference]:
    """The references to stored objects in an item, and in the items below it.

    Parameters
    ----------
    above : what the items around it say of all that is in them, by keyword
    """
    own = {word: str(deidentified(word, str(item.get(word)))) for word in HOLDERS if item.get(word)}
    around = {**above, **own}
    instance = item.get("ReferencedSOPInstanceUID")
    if instance and str(item.get("ReferencedSOPClassUID", STORAGE)).startswith(STORAGE):
        uid = str(deidentified("SOPInstanceUID", str(instance)))
        yield Reference(uid, *map(around.get, HOLDERS))
    for element in item:
        if element.VR == "SQ":
            for below in element.value:
                yield from _within(below, around)
