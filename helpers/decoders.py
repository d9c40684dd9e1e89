"""Which transfer syntaxes are here, and can this environment decode them?"""

import numpy as np
import pandas as pd
from pydicom.pixels import get_decoder
from pydicom.uid import UID, JPEGExtended12Bit

from helpers.grid import numbers
from helpers.images import is_image

FREE = "python -m pip install python-gdcm"
JPEG_12_BIT = "python -m pip install pylibjpeg pylibjpeg-libjpeg  (GPL-3.0)"
NOTHING = "nothing decodes it; ask for another transfer syntax"
INSTALL = {  # transfer syntax → the line that installs a decoder which pydicom uses
    "1.2.840.10008.1.2.4.50": FREE,
    "1.2.840.10008.1.2.4.51": JPEG_12_BIT,
    "1.2.840.10008.1.2.4.57": FREE,
    "1.2.840.10008.1.2.4.70": FREE,
    "1.2.840.10008.1.2.4.80": FREE,
    "1.2.840.10008.1.2.4.81": FREE,
    "1.2.840.10008.1.2.4.90": "python -m pip install pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.91": "python -m pip install pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.201": "python -m pip install pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "python -m pip install pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "python -m pip install pylibjpeg pylibjpeg-openjpeg",
}


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
        patients = tuple(sorted(group["PatientID"].dropna().map(str).unique())) if "PatientID" in group else ()
        decodable = _is_decodable(syntax, np.nanmax(numbers(group, "BitsStored"), initial=0))
        install = "" if decodable else INSTALL.get(syntax, NOTHING)
        found.append(
            (syntax, UID(syntax).name, group.index.nunique(), len(patients), decodable, install, () if decodable else patients)
        )
    columns = ["TransferSyntaxUID", "name", "files", "patients", "decodable", "install", "brings_back"]
    return pd.DataFrame(found, columns=columns).set_index("TransferSyntaxUID").astype({"decodable": bool})


def _is_decodable(syntax, bits):
    """Whether pydicom has what it needs; for 12 bits in JPEG Extended only one of its decoders will do."""
    uid = UID(syntax)
    if uid.is_transfer_syntax and not uid.is_compressed:
        return True
    try:
        decoder = get_decoder(uid)
    except NotImplementedError:
        return False
    return "pylibjpeg" in decoder.available_plugins if uid == JPEGExtended12Bit and bits > 8 else decoder.is_available
