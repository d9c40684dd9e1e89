"""How is an image of 12 bits written as JPEG? As coarsely as can be: each block of 8 × 8 pixels by its mean.

The phantom needs a real stream of a kind that nothing decodes in DICOM any more, the same bytes everywhere; that is all
this module is for.
"""

import numpy as np

BLOCK = 8  # pixels along a side
CATEGORIES = 16  # of differences, by their number of bits; each has a code of 5 bits


def jpeg_of_blocks(pixels):
    """The bytes of a JPEG stream (ITU-T T.81, full progression with 12 bits).

    Parameters
    ----------
    pixels : (rows, columns) integers from 0 to 4095
    """
    rows, columns = pixels.shape
    padded = np.pad(pixels, ((0, -rows % BLOCK), (0, -columns % BLOCK)), mode="edge")
    means = padded.reshape(padded.shape[0] // BLOCK, BLOCK, -1, BLOCK).mean(axis=(1, 3))
    coefficients = np.round(BLOCK * (means.ravel() - 2048)).astype(int)
    differences = np.diff(coefficients, prepend=0).tolist()
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xDB, bytes([0]) + bytes([1] * BLOCK**2)),  # no quantisation
            _segment(0xC2, bytes([12, *divmod(rows, 256), *divmod(columns, 256), 1, 1, 0x11, 0])),
            _segment(0xC4, bytes([0x00, *[0] * 4, CATEGORIES, *[0] * 11, *range(CATEGORIES)])),
            _segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0])),  # first scan: the means
            _packed("".join(map(_bits, differences))),
            _segment(0xC4, bytes([0x10, 1, *[0] * 15, 0])),
            _segment(0xDA, bytes([1, 1, 0x00, 1, BLOCK**2 - 1, 0])),  # second scan: of each block "no other coefficient"
            _packed("0" * len(differences)),
            b"\xff\xd9",
        ]
    )


def _segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def _bits(difference):
    """Code of the category and the difference within it, as text of 0 and 1."""
    category = abs(difference).bit_length()
    within = difference if difference > 0 else difference + (1 << category) - 1
    return f"{category:05b}" + (f"{within:0{category}b}" if category else "")


def _packed(bits):
    """The bits as bytes, filled up with ones, a zero byte behind each 0xFF."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
