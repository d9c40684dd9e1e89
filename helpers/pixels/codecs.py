"""Which decoder turns compressed bytes into values, and lets other threads work meanwhile?

A plugin of pydicom's decoders, made known to them when this module is imported. pydicom's own plugins hold Python's lock
while they decode, so threads gain nothing with them; they stay where this one fails or `imagecodecs` is not installed.
"""

from contextlib import suppress
from functools import partial

import numpy as np
from pydicom import uid
from pydicom.pixels import get_decoder

from helpers.runtime import install_line

try:
    import imagecodecs
except ImportError:
    imagecodecs = None

PLUGIN = "imagecodecs"
INSTALL = install_line(PLUGIN)
AS_STORED = {
    "colorspace": "RGB",
    "outcolorspace": "RGB",
}  # of several components: nothing is converted, pydicom does that
UNDONE = {"YBR_RCT", "YBR_ICT"}  # colour transforms of JPEG 2000, undone by its decoder
DECODERS = {  # transfer syntax → name of the function
    **dict.fromkeys([uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1], "jpeg8_decode"),
    **dict.fromkeys([uid.JPEGLSLossless, uid.JPEGLSNearLossless], "jpegls_decode"),
    **dict.fromkeys(
        [uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K],
        "jpeg2k_decode",
    ),
}
DECODER_DEPENDENCIES = dict.fromkeys(
    DECODERS, (PLUGIN,)
)  # pydicom asks for this name, and for the next two functions


def is_available(syntax):
    """Whether a transfer syntax can be decoded by this plugin, here."""
    return imagecodecs is not None and syntax in DECODERS


def decode_frame(encoded, runner):
    """The values of one frame as bytes, pixel by pixel; tells pydicom's `runner` how wide they are."""
    name = DECODERS[runner.transfer_syntax]
    decode = getattr(imagecodecs, name)
    if name == "jpeg8_decode" and runner.samples_per_pixel > 1:
        decode = partial(decode, **AS_STORED)
    values = np.ascontiguousarray(decode(bytes(encoded)))
    runner.set_option("bits_allocated", 8 * values.itemsize)
    if runner.photometric_interpretation in UNDONE:
        runner.set_option("photometric_interpretation", "RGB")
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return values.tobytes()


for syntax in DECODERS:
    with suppress(ValueError):  # of an earlier import of this module, where there was one
        get_decoder(syntax).remove_plugin(PLUGIN)
    get_decoder(syntax).add_plugin(PLUGIN, (__name__, "decode_frame"))
