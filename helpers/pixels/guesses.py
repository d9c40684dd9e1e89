"""What does a header lack of what its pixels are, and what can be guessed? Never two things."""

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pydicom import Dataset, config
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.uid import UID

from helpers.pixels.frame_header import SEVERAL_VALUES, FrameHeader
from helpers.pixels.layout import ASK, ImageError, is_compressed

SPACING_KEYWORDS = ("PixelSpacing", "ImagerPixelSpacing")
COMMA_KEYWORDS = (  # numbers as text that a picture is drawn with
    *SPACING_KEYWORDS,
    *("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"),
)
PIXEL_VALUES = (  # written as SS where pixels are signed (PS3.5 annex A.1)
    *("SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
)
DESCRIPTION = (  # of the pixels, for a decoder
    *("BitsAllocated", "BitsStored", "SamplesPerPixel", "PhotometricInterpretation"),
    *("PixelRepresentation", "PlanarConfiguration"),
)
PALETTE = "RedPaletteColorLookupTableDescriptor"
NEEDED_KEYWORDS = (  # to tell a header's gaps
    *(*DESCRIPTION, *COMMA_KEYWORDS, "TransferSyntaxUID", PALETTE),
)
EVIDENCE = ("Modality", "HighBit", "Columns")  # of a data set, for guesses
UNREADABLE = "?"  # stands for a value that is there, and that pydicom cannot convert
GREY, COLOUR = 1, 3  # samples a pixel
ONE_SAMPLE = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
UNFINISHED = "MONOCHROME"  # a Photometric Interpretation that does not say which
FLOAT_BITS = (32, 64)  # allocated; floats have neither Bits Stored nor a sign (PS3.3 C.7.6.24)
CELL_BITS = (8, 16, 32)  # allocated, of which sizes values can be looked at
MIN_SIGNED_BITS = 10  # stored: fewer are grey levels, not measured values
MIN_COLUMNS = 32  # of a picture in which one row is like the next
MAX_LOWEST_HU = -500  # what CT can store reaches below it: there is air around everyone
VALUE_DELIMITER = "\\"  # between the values of an element (PS3.5 6.4)
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")  # or three decimals: nobody can tell


class Gap(NamedTuple):
    """One thing that a header lacks or has written otherwise, and what is guessed of it."""

    lack: str  # such as "no Planar Configuration"
    guess: str  # such as "Planar Configuration 0"; empty where nothing supports one
    values: dict[str, Any]  # keyword → the guessed value


def fill_gap(dataset: Dataset, path: str | os.PathLike[str]) -> str:
    """Puts what can be guessed into a data set that lacks one thing; returns words that say so.

    They are empty where nothing is lacking, as a rule.

    Raises
    ------
    ImageError
        Where more than one thing is lacking, or one that nothing supports a guess of.

    References
    ----------
    PS3.3 C.7.6.3.1
    """
    gaps = gaps_of(dataset)
    if not gaps:
        return ""
    if not can_be_guessed(gaps):
        lacks = ", ".join(gap.lack for gap in gaps)
        why = "more than one thing is not guessed" if len(gaps) > 1 else "nothing supports a guess"
        raise ImageError(
            f"expected a header that says what the pixels are in {path}, got {lacks}: {why}; {ASK}"
        )
    for keyword, value in gaps[0].values.items():
        setattr(dataset, keyword, value)
    return f"guessed: {gaps[0].guess}"


def can_be_guessed(gaps: list[Gap]) -> bool:
    """Whether a header with these gaps still gives a picture."""
    return not gaps or (len(gaps) == 1 and bool(gaps[0].guess))


def gaps_of(header: Dataset | Mapping[str, Any]) -> list[Gap]:
    """All that an image's header lacks; decimal commas are one thing together.

    Parameters
    ----------
    header : pydicom's data set; or a dict with those of `NEEDED_KEYWORDS` that have a value, where
        what the values of the pixels would tell stays open
    """
    fields = FrameHeader(_known_values(header))
    samples = fields.get("SamplesPerPixel", _implied_samples(fields))
    needed = ["BitsAllocated"] if _is_float(fields) else ["BitsAllocated", "BitsStored"]
    found = [
        *(_unreadable(keyword) for keyword in DESCRIPTION if fields.get(keyword) == UNREADABLE),
        None if fields.get("SamplesPerPixel") is not None else _absent("SamplesPerPixel", samples),
        _photometric_gap(fields, samples),
        _planar_gap(fields, samples, header),
        *(_absent(keyword) for keyword in needed if fields.get(keyword) is None),
        None if _is_float(fields) else _sign_gap(fields, header),
        _comma_gap(fields),
    ]
    return [gap for gap in found if gap]


def _known_values(header: Dataset | Mapping[str, Any]) -> dict[str, Any]:
    """What a header says, as far as it is needed.

    pydicom keeps what it has read, and elements as it took them for, signed or not: none of these
    is asked for here.
    """
    meta = getattr(header, "file_meta", header)
    asked = (*DESCRIPTION, *COMMA_KEYWORDS, *EVIDENCE)
    known = {keyword: _readable(header, keyword) for keyword in asked}
    return known | {
        "TransferSyntaxUID": meta.get("TransferSyntaxUID"),
        PALETTE: PALETTE in header or None,
    }


def _readable(header: Dataset | Mapping[str, Any], keyword: str) -> Any:
    try:
        return header.get(keyword)
    except Exception:
        return UNREADABLE


def _absent(keyword: str, value: Any = None, meaning: str = "") -> Gap:
    """The gap of an element that is not there; without a value, nothing is guessed."""
    lack = f"no {_name(keyword)}"
    if value is None:
        return Gap(lack, "", {})
    return Gap(lack, f"{_name(keyword)} {value}{meaning}", {keyword: value})


def _from_values(keyword: str) -> Gap:
    """The gap of an element that values tell, for a header without them."""
    return Gap(f"no {_name(keyword)}", f"{_name(keyword)} from how the values lie", {})


def _unreadable(keyword: str) -> Gap:
    return Gap(f"{_name(keyword)} that cannot be read", "", {})


def _implied_samples(fields: FrameHeader) -> int | None:
    """Samples per Pixel as Photometric Interpretation has it; None where that does not say."""
    photometric = str(fields.get("PhotometricInterpretation"))
    if photometric in ONE_SAMPLE:
        return GREY
    return COLOUR if photometric == "RGB" or photometric.startswith("YBR_") else None


def _photometric_gap(fields: FrameHeader, samples: int | None) -> Gap | None:
    """By its samples and palette; what has three and is compressed may be of any kind."""
    written = fields.get("PhotometricInterpretation")
    if written not in (None, UNFINISHED):
        return None
    has_palette = fields.get(PALETTE) is not None and written is None
    value = ("PALETTE COLOR" if has_palette else "MONOCHROME2") if samples == GREY else None
    if samples == COLOUR and written is None and not _is_compressed(fields):
        value = "RGB"
    gap = _absent("PhotometricInterpretation", value)
    name = _name("PhotometricInterpretation")
    return gap if written is None else gap._replace(lack=f"{UNFINISHED} as {name}")


def _planar_gap(
    fields: FrameHeader, samples: int | None, header: Dataset | Mapping[str, Any]
) -> Gap | None:
    if samples != COLOUR or fields.get("PlanarConfiguration") is not None:
        return None
    if not isinstance(header, Dataset):
        return _from_values("PlanarConfiguration")
    is_by_plane = _is_by_plane(_stored_values(fields, header), fields.get("Columns"))
    meaning = " (colour by plane)" if is_by_plane else " (colour by pixel)"
    return _absent("PlanarConfiguration", int(is_by_plane), meaning)


def _is_by_plane(stored: np.ndarray, columns: Any) -> bool:
    """Whether values (n,) are more like those in the next row if each colour has its own plane."""
    if not isinstance(columns, int) or not MIN_COLUMNS <= columns < len(stored) / COLOUR:
        return False
    values = stored.astype(float)
    by_plane, by_pixel = (
        np.abs(values[width:] - values[:-width]).mean() for width in (columns, COLOUR * columns)
    )
    return bool(by_plane < by_pixel)


def _sign_gap(fields: FrameHeader, header: Dataset | Mapping[str, Any]) -> Gap | None:
    if fields.get("PixelRepresentation") is not None:
        return None
    if not isinstance(header, Dataset):
        return _from_values("PixelRepresentation")
    is_signed = _is_signed(fields, header)
    meaning = " (signed)" if is_signed else " (unsigned)"
    return _absent("PixelRepresentation", int(is_signed), meaning)


def _is_signed(fields: FrameHeader, dataset: Dataset) -> bool:
    """Whether pixels are signed: as a value of the header is, or as they lie closer together.

    Where the two are alike, CT is signed if it could store no air otherwise.
    """
    bits, stored = (*fields.floats("BitsStored"), 0)[0], _stored_values(fields, dataset)
    if any(_is_written_signed(dataset, keyword) for keyword in PIXEL_VALUES):
        return True
    if bits < MIN_SIGNED_BITS:
        return False
    if stored.size:
        spread = np.ptp(stored)
        spread_of_signed = np.ptp(stored ^ stored.dtype.type(2 ** (bits - 1)))
        if spread != spread_of_signed:
            return bool(spread_of_signed < spread)
    intercepts = fields.floats("RescaleIntercept")
    is_ct = fields.get("Modality") == "CT"
    return is_ct and any(intercept > MAX_LOWEST_HU for intercept in intercepts)


def _is_written_signed(dataset: Dataset, keyword: str) -> bool:
    """Whether an element has the VR that it has beside signed pixels."""
    return keyword in dataset and dataset.get_item(keyword).VR == "SS"


def _comma_gap(fields: FrameHeader) -> Gap | None:
    """Numbers with a comma for the decimal point, of which none could be thousands."""
    written = {keyword: _texts(fields.get(keyword)) for keyword in COMMA_KEYWORDS}
    odd = {key: texts for key, texts in written.items() if _has_decimal_comma(key, texts)}
    if not odd:
        return None
    lacks = [f"{VALUE_DELIMITER.join(texts)} as {_name(keyword)}" for keyword, texts in odd.items()]
    values = {key: [text.replace(",", ".") for text in texts] for key, texts in odd.items()}
    guess = f"decimal comma in {', '.join(map(_name, odd))}"
    return Gap(", ".join(lacks), guess, values)


def _texts(value: Any) -> list[str]:
    """The values of an element that pydicom could not read as numbers; none where it could."""
    values = value if isinstance(value, SEVERAL_VALUES) else [value]
    if not any(isinstance(one, str) for one in values):
        return []
    return [str(one).strip() for one in values]


def _has_decimal_comma(keyword: str, texts: list[str]) -> bool:
    """Whether texts are numbers, and a comma in one of them means the decimal point."""
    doubtful = keyword not in SPACING_KEYWORDS and any(map(THOUSANDS.fullmatch, texts))
    return "," in "".join(texts) and all(map(NUMBER.fullmatch, texts)) and not doubtful


def _is_float(fields: FrameHeader) -> bool:
    """Whether pixels are floats, which have no sign and no bits that are not stored."""
    needless = fields.get("BitsStored"), fields.get("PixelRepresentation")
    return fields.get("BitsAllocated") in FLOAT_BITS and needless == (None, None)


def _is_compressed(fields: FrameHeader) -> bool:
    name = str(fields.get("TransferSyntaxUID"))
    return is_compressed(UID(name, validation_mode=config.IGNORE))


def _stored_values(fields: FrameHeader, dataset: Dataset) -> np.ndarray:
    """The values (n,) of uncompressed pixels that were read with their header, without a sign.

    There are none where pixels are compressed or left in the file, or do not end at their last bit.
    """
    allocated, stored = map(fields.get, ("BitsAllocated", "BitsStored"))
    syntax, unknown = dataset.file_meta.TransferSyntaxUID, np.empty(0, np.uint16)
    is_usual = allocated in CELL_BITS and isinstance(stored, int) and 0 < stored <= allocated
    if (
        "PixelData" not in dataset
        or not is_usual
        or fields.get("HighBit", stored - 1) != stored - 1
    ):
        return unknown
    data = dataset.get_item("PixelData", keep_deferred=True).value
    if data is None or not syntax.is_transfer_syntax or syntax.is_encapsulated:
        return unknown
    dtype = np.dtype(f"{'<' if syntax.is_little_endian else '>'}u{allocated // 8}")
    return np.frombuffer(data, dtype, len(data) // dtype.itemsize) & dtype.type(2**stored - 1)


def _name(keyword: str) -> str:
    """An element in the words of the dictionary (PS3.6)."""
    return dictionary_description(tag_for_keyword(keyword) or 0)
