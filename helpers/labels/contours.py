"""Which contours does a structure set hold? Split from its bytes, without an object for each."""

import io
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from helpers.files.opening import open_file
from helpers.headers.elements import LONG_VRS, FastPathNotApplicable
from helpers.headers.limits import MAX_VALUE
from helpers.headers.pydicom_reader import read_header
from helpers.headers.split_header import SplitHeader, content_of, item_at, item_end, spans_of
from helpers.labels.labels import LabelError
from helpers.labels.terms import ALGORITHM_TYPES, INTERPRETED_TYPES, defined_term, quoted
from helpers.privacy.pseudonyms import deidentified

ROI_CONTOURS, CONTOURS = 0x30060039, 0x30060040
ROI_NUMBER, KIND, DATA = 0x30060084, 0x30060042, 0x30060050
MAX_CONTOURS = 500_000  # of a file
MAX_MM = 1e6  # from the origin of the frame of reference
MAX_FILE = 2**29  # bytes that are read of one

Span = tuple[int, int | None]


class Contour(NamedTuple):
    """One contour: its Contour Geometric Type and points (n, 3) in LPS mm."""

    kind: str
    points: np.ndarray


class Roi(NamedTuple):
    """A region of interest: its name, who made it, its frame of reference, and its contours."""

    number: int
    name: str
    by: str
    frame_of_reference: str
    contours: list[Contour]


def rois_of(path: str, names: Collection[str] | None = None) -> list[Roi]:
    """The regions of interest of a structure set, in its order.

    Parameters
    ----------
    names : ROI Names that are wanted; None takes all

    Raises
    ------
    LabelError
        Where the file cannot be read, or a contour is none.

    References
    ----------
    PS3.3 C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour), C.8.8.8 (RT ROI Observations)
    """
    header = _split(path)
    dataset = header.dataset((ROI_CONTOURS,))
    described = described_rois(dataset)
    wanted = {one.number for one in described if names is None or one.name in names}
    known = {one.number for one in described}
    if len(known) < len(described):
        ((number, count),) = Counter(one.number for one in described).most_common(1)
        raise LabelError(f"expected each ROI Number once in {path}, got {number} {count} times")
    found: dict[int, list[Contour]] = {one.number: [] for one in described}
    for number, contours in _contours(header, path, wanted, known):
        if number not in known and names is None:
            described.append(_undescribed(number))
            known.add(number)
            wanted.add(number)
        found.setdefault(number, []).extend(contours)
    return [one._replace(contours=found[one.number]) for one in described if one.number in wanted]


def frames_of(path: str) -> set[str]:
    """The frames of reference that the regions of a structure set are in."""
    described = described_rois(_split(path).dataset((ROI_CONTOURS,)))
    return {one.frame_of_reference for one in described}


def described_rois(dataset: Dataset) -> list[Roi]:
    """The regions of interest that a header describes, in its order, without their contours."""
    types: dict[Any, str] = {}
    for item in dataset.get("RTROIObservationsSequence") or []:
        types.setdefault(item.get("ReferencedROINumber"), item.get("RTROIInterpretedType") or "")
    frame = str(dataset.get("FrameOfReferenceUID") or "")
    return [_roi(item, types, frame) for item in dataset.get("StructureSetROISequence") or []]


def _roi(item: Dataset, types: dict[Any, str], frame_of_reference: str) -> Roi:
    number = item.get("ROINumber")
    if not isinstance(number, int):
        raise LabelError(f"expected a whole ROI Number, got {quoted('ROINumber', number)}")
    name = str(deidentified("ROIName", str(item.get("ROIName") or ""))).strip()
    made = defined_term(item.get("ROIGenerationAlgorithm"), ALGORITHM_TYPES)
    kind = defined_term(types.get(number), INTERPRETED_TYPES)
    uid = str(item.get("ReferencedFrameOfReferenceUID") or frame_of_reference)
    frame = str(deidentified("FrameOfReferenceUID", uid))
    by = ", ".join(filter(None, (made, kind)))
    return Roi(int(number), name or f"ROI {number}", by, frame, [])


def _undescribed(number: int) -> Roi:
    return Roi(number, f"ROI {number}", "", "", [])


def _split(path: str) -> SplitHeader:
    """The bytes of a file and where its elements stand; converted where it is written otherwise."""
    try:
        with open_file(path) as file:
            return SplitHeader(file, most=MAX_FILE)
    except (FastPathNotApplicable, ValueError):
        pass
    dataset, wrong, *_ = read_header(path)
    if dataset is None or wrong:
        raise LabelError(f"expected a structure set in {path}, got {wrong}")
    for _ in dataset.iterall():  # converts what would be written as it was read
        pass
    buffer, dataset.preamble = io.BytesIO(), bytes(128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    return SplitHeader(_InMemory(buffer.getvalue()))


class _InMemory:
    """Bytes as those of a file."""

    def __init__(self, content: bytes) -> None:
        self._content, self.size = content, len(content)

    def read(self, start: int, length: int) -> bytes:
        return self._content[start : start + length]


def _contours(
    header: SplitHeader, path: str, wanted: Collection[int], known: Collection[int]
) -> Iterator[tuple[int, list[Contour]]]:
    """Yields (ROI number, its contours) of each item; none of those that nobody wants."""
    if ROI_CONTOURS not in header.spans:
        return
    data, implicit, left = header.data, header.implicit, MAX_CONTOURS
    try:
        start = header.spans[ROI_CONTOURS][0]
        for item in _items(data, content_of(data, start, implicit), implicit):
            number = _number(data, item.get(ROI_NUMBER), implicit)
            if CONTOURS not in item or (number not in wanted and number in known):
                yield number, []
                continue
            spans = []
            for one in _items(data, content_of(data, item[CONTOURS][0], implicit), implicit):
                spans.append(one)
                left -= 1
                if left < 0:
                    raise LabelError(
                        f"expected at most {MAX_CONTOURS} contours in {path}, got more"
                    )
            yield (
                number,
                [
                    _contour(data, one, implicit, f"contour {n} of ROI {number} in {path}")
                    for n, one in enumerate(spans, 1)
                ],
            )
    except FastPathNotApplicable as error:
        raise LabelError(f"expected contours in {path}, got {error}") from None


def _items(data: bytes, span: Span, implicit: bool) -> Iterator[dict[int, tuple[int, int]]]:
    """Yields where the elements of each item of a sequence stand, by tag."""
    pos, stop = span
    while item := item_at(data, pos, stop):
        end = item[0]
        found = {}
        for tag, start, end in spans_of(data, *item, implicit):
            found[tag] = (start, end)
        yield found
        pos = item_end(end, item[1])


def _number(data: bytes, span: tuple[int, int] | None, implicit: bool) -> int:
    text = _value(data, span, implicit)
    try:
        return int(text)
    except ValueError:
        number = quoted("ReferencedROINumber", text.decode("latin-1"))
        raise LabelError(f"expected a whole Referenced ROI Number, got {number}") from None


def _contour(data: bytes, item: dict[int, tuple[int, int]], implicit: bool, where: str) -> Contour:
    kind = _value(data, item.get(KIND), implicit).decode("latin-1")
    text = _value(data, item.get(DATA), implicit)
    if len(text) > MAX_VALUE:
        raise LabelError(f"expected at most {MAX_VALUE} bytes of {where}, got {len(text)}")
    try:
        values = np.array([*map(float, text.split(b"\\"))] if text else [], float)
    except ValueError:
        raise LabelError(f"expected numbers as Contour Data of {where}, got others") from None
    if len(values) % 3:
        raise LabelError(f"expected x, y and z of each point of {where}, got {len(values)} numbers")
    if not (np.abs(values) <= MAX_MM).all():  # NaN is not, either
        raise LabelError(f"expected Contour Data within {MAX_MM:g} mm in {where}, got others")
    return Contour(kind, values.reshape(-1, 3))


def _value(data: bytes, span: tuple[int, int] | None, implicit: bool) -> bytes:
    """The bytes of a value, without what fills them up; none of an element that is missing."""
    if span is None:
        return b""
    start, end = span
    long = not implicit and data[start + 4 : start + 6] in LONG_VRS
    return data[start + (12 if long else 8) : end].strip(b" \0")
