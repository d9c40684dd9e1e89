"""Which keywords does DICOM know, and what do they mean? (PS3.6)"""

import difflib
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import DicomDictionary, RepeatersDictionary

from helpers import ClearError


class KeywordError(ClearError, ValueError):
    """A name that is no DICOM keyword."""


class Meaning(NamedTuple):
    """What the standard says of a keyword."""

    name: str
    VR: str
    VM: str
    retired: bool


@lru_cache
def meanings():
    """A dict of keyword to Meaning, of every element of the standard; those of repeating groups among them."""
    entries = (*RepeatersDictionary.values(), *DicomDictionary.values())
    return {keyword: Meaning(name, vr, vm, retired == "Retired") for vr, vm, name, retired, keyword in entries if keyword}


def check_keyword(keyword, also=()):
    """Refuses a keyword that DICOM does not know, with the nearest that it does.

    Parameters
    ----------
    also : collection of str; names that will do as well
    """
    if isinstance(keyword, str) and (keyword in also or keyword in meanings()):
        return
    near = difflib.get_close_matches(str(keyword), meanings(), 1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else " (PS3.6 lists them)"
    raise KeywordError(f"expected a DICOM keyword, got {keyword!r}{hint}")
