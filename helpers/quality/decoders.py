"""Which transfer syntaxes are here, and can this environment decode them?"""

import numpy as np
import pandas as pd
from pydicom.pixels import get_decoder
from pydicom.uid import UID, JPEGExtended12Bit

from helpers.pixels.codecs import DECODERS, INSTALL, PLUGIN
from helpers.slices.grid import numbers
from helpers.slices.images import is_image

NOTHING = "nothing decodes it; ask for another transfer syntax"
TWELVE_BITS = {
    PLUGIN,
    "pylibjpeg",
}  # the plugins of pydicom that decode JPEG Extended with more than 8 bits


def decoder_table(headers):
    """One row per transfer syntax of the images: whether it can be decoded here, and what would.

    Returns
    -------
    DataFrame, index ``TransferSyntaxUID``: ``name``, ``files``, ``patients`` (a number), ``decodable`` (asked of
        pydicom), ``install`` (the line that would bring its images back; empty where nothing is needed) and
        ``brings_back`` (the patients, a tuple)
    """
    rows = headers[is_image(headers)]
    found = []
    for syntax, group in rows.groupby("TransferSyntaxUID") if len(rows) else ():
        patients = (
            tuple(sorted(group["PatientID"].dropna().map(str).unique()))
            if "PatientID" in group
            else ()
        )
        decodable = _is_decodable(syntax, np.nanmax(numbers(group, "BitsStored"), initial=0))
        install = "" if decodable else INSTALL if syntax in DECODERS else NOTHING
        found.append(
            (
                syntax,
                UID(syntax).name,
                group.index.nunique(),
                len(patients),
                decodable,
                install,
                () if decodable else patients,
            )
        )
    columns = [
        "TransferSyntaxUID",
        "name",
        "files",
        "patients",
        "decodable",
        "install",
        "brings_back",
    ]
    return (
        pd.DataFrame(found, columns=columns)
        .set_index("TransferSyntaxUID")
        .astype({"decodable": bool})
    )


def _is_decodable(syntax, bits):
    """Whether pydicom has what it needs; for 12 bits in JPEG Extended only some plugins will do."""
    uid = UID(syntax)
    if uid.is_transfer_syntax and not uid.is_compressed:
        return True
    try:
        decoder = get_decoder(uid)
    except NotImplementedError:
        return False
    plugins = set(decoder.available_plugins)
    return bool(
        plugins & TWELVE_BITS if uid == JPEGExtended12Bit and bits > 8 else decoder.is_available
    )
