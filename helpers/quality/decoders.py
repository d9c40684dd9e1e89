"""Which transfer syntaxes are here, and can this environment decode them?"""

import numpy as np
import pandas as pd
from pydicom import config
from pydicom.pixels import get_decoder
from pydicom.uid import UID, JPEGExtended12Bit

from helpers.pixels.codecs import DECODERS, INSTALL, is_available
from helpers.runtime import quiet
from helpers.slices.arrays import numbers, paths_of
from helpers.slices.images import is_image

NO_DECODER = "nothing decodes it; ask for another transfer syntax"
TWELVE_BIT_PLUGIN = "pylibjpeg"  # the one of pydicom that decodes JPEG Extended of more than 8 bits


def decoder_table(headers: pd.DataFrame) -> pd.DataFrame:
    """One row per transfer syntax of the images: whether it can be decoded here, and what would.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table` or `helpers.slice_table`

    Returns
    -------
    DataFrame, index ``TransferSyntaxUID``: ``name``, ``files``, ``patients`` (a number),
        ``decodable``, ``install`` (the line that would bring its images back; empty where nothing
        is needed) and ``brings_back`` (the patients, a tuple)
    """
    rows = headers if "frame" in headers.index.names else headers[is_image(headers)]
    missing = missing_decoders(rows)
    found = {}
    for syntax, group in rows.groupby("TransferSyntaxUID"):
        patients = group["PatientID"].dropna().map(str) if "PatientID" in group else ()
        patients = tuple(sorted(set(patients)))
        decodable = syntax not in missing
        found[syntax] = {
            "name": name_of(syntax),
            "files": len(set(paths_of(group))),
            "patients": len(patients),
            "decodable": decodable,
            "install": missing.get(syntax, ""),
            "brings_back": () if decodable else patients,
        }
    columns = ["name", "files", "patients", "decodable", "install", "brings_back"]
    table = pd.DataFrame(found.values(), pd.Index(found, dtype=object), columns)
    return table.rename_axis("TransferSyntaxUID").astype({"decodable": bool})


def missing_decoders(images: pd.DataFrame) -> dict[str, str]:
    """The transfer syntaxes of some images that nothing here decodes, and what to install."""
    number, syntaxes = pd.factorize(images["TransferSyntaxUID"])
    bits = np.nan_to_num(numbers(images, "BitsStored"))
    with quiet():  # what is no UID is said by pydicom each time
        return {
            syntax: INSTALL if syntax in DECODERS else NO_DECODER
            for place, syntax in enumerate(syntaxes)
            if not _is_decodable(_uid(syntax), bits[number == place].max())
        }


def name_of(syntax: object) -> str:
    """The name of a transfer syntax; of one that pydicom does not know, its UID."""
    return _uid(syntax).name


def _uid(text: object) -> UID:
    """A UID of any text, whether it is one or not."""
    return UID(str(text), validation_mode=config.IGNORE)


def _is_decodable(syntax: UID, bits: float) -> bool:
    """Whether a transfer syntax can be decoded here, with so many bits."""
    if is_available(syntax) or (syntax.is_transfer_syntax and not syntax.is_compressed):
        return True
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return False
    if syntax == JPEGExtended12Bit and bits > 8:
        return TWELVE_BIT_PLUGIN in decoder.available_plugins
    return decoder.is_available
