"""Which names of a collection does a column of a table hold? By its values and its own name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.labels.named import CHUNK, KINDS, UNKNOWN, Key, Names

KINDS_OF = {  # a role → the kinds of names that its column may hold; the first where none is known
    "image": ("SOP Instance UID", "file name", "file stem"),
    "series": ("Series Instance UID", "folder", "folder above"),
    "study": ("Study Instance UID", "Accession Number", "Patient ID", "folder", "folder above"),
    "patient": ("Patient ID", "folder", "folder above"),
    "number": ("Instance Number", "file stem"),
    "frame": ("frame",),
}
FREE_KINDS = tuple(kind for kind, level in KINDS.items() if level not in ("number", "frame"))
ABOVE_NUMBER = tuple(kind for kind in FREE_KINDS if KINDS[kind] != "image")
LEVEL_WORDS = (  # what the name of a column says of that which its texts name
    ("image", re.compile(r"image|sop|file|dicom|dcm|path|slice|instance(?!uid)")),
    ("series", re.compile(r"series|scan|stack")),
    ("study", re.compile(r"study|exam|accession")),
    ("patient", re.compile(r"patient|subject|person|case")),
)
NAMED_AFTER = re.compile(  # the whole name of a column that may name these by short numbers
    r"(image|instance|sop|file|dicom|dcm|path|slice|series|scan|stack|study|exam|accession"
    r"|patient|subject|person|case)+(id|uid|name|number|num|no|nr|index|idx|key|file|path)?"
)
NAME_WORD = re.compile(  # no end of a disease, as in covid and in fluid
    r"(?<!cov)(?<!val)(?<!thyr)(?<!carot)(?<!u)id$|(?<![lq])uid|name$|folder|dir$|directory|key$"
)
INSTANCE = re.compile(r"instance(number|num|no|nr)?")
SLICE = re.compile(r"(slice|image)(number|num|no|nr|index|idx)|slice")
FRAME = re.compile(r"frame(number|num|no|nr|index|idx)?")
SHORT_NUMBER = re.compile(r"[-+]?\d{1,5}([.,]\d+)?")  # a name only where its column says so
SAMPLED = 2_000  # rows by which a column is judged before all are looked at
MAX_NAME = 300  # characters
MAX_BEHIND = 20  # different texts behind the last _ of a name, which are then a class


class ClassColumn(NamedTuple):
    """The classes of a column: `codes` (n,) number those in `distinct`; -1 where there is none."""

    name: str
    codes: np.ndarray
    distinct: list[Any]


class NameColumn(NamedTuple):
    """The names that a column holds: keys to look images up by, and what was found, in words."""

    role: str
    how: str
    keys: list[Key]
    behind: ClassColumn | None = None
    is_guess: bool = False


def name_column(column: pd.Series, names: Names, role: str = "") -> NameColumn | None:
    """What a column names; None where its values are no names of the collection.

    Parameters
    ----------
    role : of `KINDS_OF`, where it is known
    """
    plain = plain_name(column.name)
    if not role and not _may_be_name(column, plain):
        return None
    if role == "frame" or (not role and FRAME.fullmatch(plain)):
        return _frames(column, names, bool(role))
    if role == "number" or (not role and (INSTANCE.fullmatch(plain) or SLICE.fullmatch(plain))):
        return _number(column, names, plain, bool(role))
    found = _whole(column, names, role) or _in_parts(column, names, role)
    if found or not role:
        return found
    codes = np.full(len(column), UNKNOWN, np.int32)
    return NameColumn(
        role, "none of its values is a name here", [Key(KINDS_OF[role][0], codes, "")]
    )


def plain_name(name: Any) -> str:
    """The name of a column in small letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def texts_of(column: pd.Series) -> Iterator[np.ndarray]:
    """The values of a column as texts without spaces around, some at a time."""
    as_text = _number_text if pd.api.types.is_numeric_dtype(column.dtype) else _text
    for start in range(0, len(column), CHUNK):
        part = column.iloc[start : start + CHUNK].tolist()
        try:
            yield _array(map(str.strip, part))
        except TypeError:  # something else than texts is among them
            yield _array(map(as_text, part))


def sample_of(column: pd.Series) -> list[str]:
    """Texts of some rows from all over a column, without missing ones."""
    rows = np.unique(np.linspace(0, len(column) - 1, min(SAMPLED, len(column))).astype(int))
    return [text for part in texts_of(column.iloc[rows]) for text in part if text]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    return "" if value is None or value is pd.NA or value != value else str(value).strip()


def _number_text(value: Any) -> str:
    if value is pd.NA or value != value:
        return ""
    return f"{value:.0f}" if isinstance(value, float) and value == round(value, 0) else str(value)


def _may_be_name(column: pd.Series, plain: str) -> bool:
    """Whether texts may be names: not too long; no short numbers in a column named otherwise."""
    sample = sample_of(column)
    if not sample or max(map(len, sample)) > MAX_NAME:
        return False
    is_named_so = NAME_WORD.search(plain) or NAMED_AFTER.fullmatch(plain) or FRAME.fullmatch(plain)
    return bool(is_named_so) or not are_short_numbers(sample)


def are_short_numbers(texts: Sequence[str]) -> bool:
    """Whether half of the texts or more are short numbers, which measures are, too."""
    return sum(map(bool, map(SHORT_NUMBER.fullmatch, texts))) * 2 >= len(texts)


def _said(plain: str) -> str:
    """Which level the name of a column speaks of; empty for none."""
    return next((level for level, words in LEVEL_WORDS if words.search(plain)), "")


def _whole(column: pd.Series, names: Names, role: str) -> NameColumn | None:
    """A column whose texts are names as they stand."""
    plain = plain_name(column.name)
    codes = _concatenated(names.numbers(part) for part in texts_of(column))
    kinds = KINDS_OF.get(role, FREE_KINDS)
    if not role and not (NAME_WORD.search(plain) or _said(plain)):
        kinds = tuple(kind for kind in kinds if KINDS[kind] != "folder")
    kind, count = _best(codes, names, kinds, role or _said(plain))
    if not count:
        return None
    said = role or _said(plain)
    what = role or (KINDS[kind] if KINDS[kind] != "folder" else said or "series")
    return NameColumn(what, f"{kind} {_of(count, codes)}", [Key(kind, codes, said)])


def _best(codes: np.ndarray, names: Names, kinds: Sequence[str], said: str) -> tuple[str, int]:
    """(the kind of which most texts are names, how many they are).

    A file counts where its name is that of no other, or where the column speaks of images. Where it
    speaks of patients, studies or series and names such, a file counts where it is all of one.
    """
    counts = {}
    above = KINDS_OF[said] if said in ("patient", "study", "series") else ()
    if not any(names.known(kind)[codes].any() for kind in above):
        above = ()
    for kind in kinds:
        known = names.known(kind)
        if kind.startswith("file") and said != "image":
            known = known & names.stands_alone
        if kind.startswith("file") and above:
            known = known & np.logical_or.reduce([names.of_one_file(one) for one in above])
        counts[kind] = int(known[codes].sum())
    kind = max(kinds, key=lambda one: counts[one])
    return kind, counts[kind]


def _in_parts(column: pd.Series, names: Names, role: str) -> NameColumn | None:
    """A column whose texts are names on both sides of the last ``/``, or in front of the last _."""
    sample = [text.replace("\\", "/") for text in sample_of(column)]
    if not sample:
        return None
    if role in ("", "image") and sum("/" in text for text in sample) * 2 > len(sample):
        return _of_slashes(column, names)
    behind = {text.rpartition("_")[2] for text in sample if "_" in text}
    if not 1 < len(behind) <= MAX_BEHIND or sum("_" in text for text in sample) * 2 < len(sample):
        return None
    return _in_front(column, names, role)


def _of_slashes(column: pd.Series, names: Names) -> NameColumn | None:
    """Paths, and ``series/instance number``: the folder or series, and the file or number."""
    above, file, claims = [], [], set()
    for part in texts_of(column):
        halves = [text.replace("\\", "/").rstrip("/").rpartition("/") for text in part]
        above.append(names.numbers(_array(half[0].rpartition("/")[2] for half in halves)))
        file.append(names.numbers(_array(half[2] for half in halves)))
        claims |= {(half[0], code) for half, code in zip(halves, file[-1].tolist()) if code >= 0}
    folders, files = np.concatenate(above), np.concatenate(file)
    kind, count = _best(files, names, ("file name", "Instance Number", "file stem"), "image")
    upper, known = _best(folders, names, ABOVE_NUMBER, "")
    keys = [Key(kind, files, "image"), *([Key(upper, folders, "")] if known else [])]
    is_claimed_twice = len(claims) > len({code for _, code in claims})
    if not count or (not known and (is_claimed_twice or not names.stands_alone[files].any())):
        return None
    how = f"{upper} / {kind}" if known else f"{kind} at the end of a path"
    is_guess = not known or (kind in KINDS_OF["number"] and _differ(files, names))
    return NameColumn("image", f"{how} {_of(count, files)}", keys, None, is_guess)


def _differ(codes: np.ndarray, names: Names) -> bool:
    """Whether some texts name, as Instance Numbers, other images than as stems of files."""
    number, stem = KINDS_OF["number"]
    is_either = np.zeros(len(names.texts) + 2, bool)
    is_either[codes] = True
    is_either &= names.known(number) & names.known(stem)
    one, other = names.of_kind[number], names.of_kind[stem]
    return bool(((one != other) & (is_either[one] | is_either[other])).any())


def _in_front(column: pd.Series, names: Names, role: str) -> NameColumn | None:
    """A name and a class in one text, ``name_class``."""
    values: dict[str, int] = {}
    front, behind = [], []
    for part in texts_of(column):
        cuts = [text.rfind("_") for text in part]
        front.append(names.numbers(_array(text[:cut] for text, cut in zip(part, cuts))))
        own, distinct = pd.factorize(_array(text[cut + 1 :] for text, cut in zip(part, cuts)))
        numbers = [values.setdefault(one, len(values)) for one in distinct]
        behind.append(np.array(numbers, np.int32)[own])
    codes = np.concatenate(front)
    kind, count = _best(codes, names, KINDS_OF.get(role, FREE_KINDS), role or "image")
    if not count or len(values) > MAX_BEHIND:
        return None
    what = role or KINDS[kind]
    classes = ClassColumn("", np.concatenate(behind), [*values])
    how = f"{kind} in front of the last _ {_of(count, codes)}; a class behind it"
    return NameColumn(what, how, [Key(kind, codes, role)], classes)


def _number(column: pd.Series, names: Names, plain: str, is_told: bool) -> NameColumn | None:
    """A column of Instance Numbers, or of files that are named by numbers.

    Counted from 0 where that names more images, and none has the number 0; a guess.
    """
    codes = _concatenated(names.numbers(part) for part in texts_of(column))
    kind, count = _best(codes, names, KINDS_OF["number"], "image")
    is_guess, first = not is_told and not INSTANCE.fullmatch(plain), ""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    has_zero = any(
        names.known(kind)[names.numbers(_array("0"))].any() for kind in KINDS_OF["number"]
    )
    if (numbers == 0).any() and not has_zero:
        moved = _concatenated(names.numbers(part) for part in texts_of(pd.Series(numbers + 1)))
        other, more = _best(moved, names, KINDS_OF["number"], "image")
        if more > count:
            codes, kind, count, is_guess, first = moved, other, more, True, " and 1 more"
    if not count and not is_told:
        return None
    return NameColumn(
        "number", f"{kind}{first} {_of(count, codes)}", [Key(kind, codes, "")], None, is_guess
    )


def _frames(column: pd.Series, names: Names, is_told: bool) -> NameColumn | None:
    """A column of frames, counted from 1 as DICOM does where none is 0; a guess."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    if not is_told and (np.isnan(numbers).all() or not (names.of_frame > 0).any()):
        return None
    first = 0 if (numbers == 0).any() else 1
    texts = pd.Series(numbers - first)
    codes = _concatenated(names.numbers(part) for part in texts_of(texts))
    how = f"frames, counted from {first}"
    return NameColumn("frame", how, [Key("frame", codes, "")], None, True)


def _array(texts: Iterable[str]) -> np.ndarray:
    texts = [*texts]
    found = np.empty(len(texts), object)
    found[:] = texts
    return found


def _concatenated(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int32), *parts]).astype(np.int32)


def _of(count: int, codes: np.ndarray) -> str:
    """In how many rows a name of the collection stands."""
    return f"in {count:,} of {len(codes):,} rows"
