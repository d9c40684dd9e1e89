"""How are organs handed on without a header of DICOM? As NIfTI-1 masks, one file an organ."""

import gzip
import struct

import numpy as np

HEADER_BYTES, FIRST_VOXEL = 348, 352  # four bytes without extensions stand between them
UINT8, BITS = 2, 8  # datatype, bitpix
MILLIMETRES = 2  # xyzt_units
SCANNER = 1  # sform_code: coordinates are those of the scanner
FORMAT = "<i35xB 8h 12xhhhh8f f2fhBB 4f2i 80s24s 2h6f12f16s4s"


def nifti_mask(mask: np.ndarray, affine: np.ndarray) -> bytes:
    """A compressed NIfTI-1 file of one mask, without the time at which it was made.

    Parameters
    ----------
    mask : boolean (slices, rows, columns)
    affine : (4, 4), takes (slice, row, column, 1) to LPS mm

    References
    ----------
    nifti1.h, "HEADER" and "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE", method 3: the
    first index runs along the columns, and the world is RAS
    """
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[:, [2, 1, 0, 3]]
    steps = np.linalg.norm(to_ras[:3, :3], axis=0)
    header = struct.pack(
        FORMAT,
        *(HEADER_BYTES, 0),
        *(3, *mask.shape[::-1], 1, 1, 1, 1),
        *(0, UINT8, BITS, 0),
        *(1.0, *steps, 0.0, 0.0, 0.0, 0.0),
        *(FIRST_VOXEL, 1.0, 0.0, 0, 0, MILLIMETRES),
        *(0.0, 0.0, 0.0, 0.0, 0, 0),
        *(b"phantom", b""),
        *(0, SCANNER, *[0.0] * 6),
        *to_ras[:3].ravel(),
        *(b"", b"n+1"),
    )
    values = mask.astype(np.uint8).tobytes()  # the columns run fastest, as the first index does
    return gzip.compress(header + bytes(FIRST_VOXEL - HEADER_BYTES) + values, mtime=0)
