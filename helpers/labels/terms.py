"""Which words of a header may be said of a label? Terms that the standard defines, no names."""

from typing import Any

from helpers.privacy.pseudonyms import deidentified

ALGORITHM_TYPES = {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}  # of segments and regions
FRACTIONAL_TYPES = {"PROBABILITY", "OCCUPANCY"}
INTERPRETED_TYPES = {  # RT ROI Interpreted Type (PS3.3 C.8.8.8.1)
    *("EXTERNAL", "PTV", "CTV", "GTV", "TREATED_VOLUME", "IRRAD_VOLUME", "OAR", "BOLUS"),
    *("AVOIDANCE", "ORGAN", "MARKER", "REGISTRATION", "ISOCENTER", "CONTRAST_AGENT", "CAVITY"),
    *("BRACHY_CHANNEL", "BRACHY_ACCESSORY", "BRACHY_SRC_APP", "BRACHY_CHNL_SHLD", "SUPPORT"),
    *("FIXATION", "DOSE_REGION", "CONTROL", "DOSE_MEASUREMENT", "DEVICE"),
}


def defined_term(value: Any, terms: set[str]) -> str:
    """A code string in small letters where it is a term of these; else nothing.

    Examples
    --------
    >>> defined_term("TREATED_VOLUME", INTERPRETED_TYPES), defined_term("A^B", ALGORITHM_TYPES)
    ('treated volume', '')
    """
    term = str(value or "")
    return term.lower().replace("_", " ") if term in terms else ""


def quoted(keyword: str, value: Any) -> str:
    """What an error says that it got: the value; its pseudonym where identity is hidden."""
    return repr(deidentified(keyword, value))
