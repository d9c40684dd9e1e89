"""What changes the meaning of an image? Elements, and values of theirs that are no two alike.

Written from DESIGN.md ("When is a series one stack?") alone.
"""

import numpy as np

SIEMENS_B = "(0019,xx0C) SIEMENS MR HEADER"
GE_B = "(0043,xx39) GEMS_PARM_01"
PHILIPS_B = "(2001,xx03) Philips Imaging DD 001"
B_VALUES = ("DiffusionBValue", SIEMENS_B, GE_B, PHILIPS_B)
TIMES = ("TriggerTime", "FrameReferenceTime")  # may differ a little from slice to slice
MEANING = (  # columns of which a whole volume has one value each
    *B_VALUES,
    *("DiffusionGradientOrientation", "EchoTime", "InversionTime", "FlipAngle", "ImageType"),
    *("TemporalPositionIdentifier", "TriggerTime", "NominalPercentageOfCardiacPhase"),
    *("FrameReferenceTime", "KVP", "ConvolutionKernel", "ContrastBolusAgent"),
)


def evenly(first, step, digits=3):
    return lambda count: [round(first + step * number, digits) for number in range(count)]


def unit_directions(count):
    """Unit vectors that are no two alike, as Diffusion Gradient Orientation has them."""
    angles = np.arange(count) * 2.4
    height = (np.arange(count) + 0.5) / count
    flat = np.sqrt(1 - height**2)
    vectors = np.stack([flat * np.cos(angles), flat * np.sin(angles), height], axis=1)
    return [tuple(vector) for vector in vectors.round(6).tolist()]


def _images(names):
    return lambda count: [("ORIGINAL", "PRIMARY", *names(number)) for number in range(count)]


ELEMENTS = {  # keyword → count → values
    "DiffusionBValue": evenly(0.0, 350.0),
    SIEMENS_B: lambda count: [350 * number for number in range(count)],
    GE_B: lambda count: [(350 * number, 8, 0, 0) for number in range(count)],
    PHILIPS_B: evenly(0.0, 350.0),
    "DiffusionGradientOrientation": unit_directions,
    "EchoTime": evenly(2.3, 2.46),
    "InversionTime": evenly(120.0, 400.0),
    "FlipAngle": evenly(3.0, 6.0),
    "TemporalPositionIdentifier": lambda count: list(range(1, count + 1)),
    "TriggerTime": evenly(12.5, 47.5),
    "NominalPercentageOfCardiacPhase": evenly(0.0, 10.0),
    "FrameReferenceTime": evenly(15000.0, 30000.0),
    "KVP": evenly(80.0, 20.0),
    "ConvolutionKernel": lambda count: ["B30f", "B70f", "FC13", "STANDARD", "LUNG"][:count],
    "ContrastBolusAgent": lambda count: [None, "IOMERON 400", "OMNIPAQUE 350"][:count],
    "component": _images(lambda number: "MPRI"[number]),
    "Dixon": _images(lambda number: ("DIXON", ("W", "F", "IP", "OP")[number])),
}
MOST = {"component": 4, "Dixon": 4, "ConvolutionKernel": 5, "ContrastBolusAgent": 3, "KVP": 4}
FAMILIES = {  # modality → groups of which two elements may be crossed
    "MR": (
        B_VALUES,
        ("DiffusionGradientOrientation",),
        ("EchoTime",),
        ("InversionTime",),
        ("FlipAngle",),
        ("component", "Dixon"),
        ("TemporalPositionIdentifier", "TriggerTime", "NominalPercentageOfCardiacPhase"),
    ),
    "CT": (("KVP",), ("ConvolutionKernel",), ("ContrastBolusAgent",)),
    "PT": (("FrameReferenceTime",),),
}


def keyword_of(element):
    """The column of an element: component and Dixon are both values of Image Type."""
    return "ImageType" if element in ("component", "Dixon") else element


def said(element, value):
    """What a stack table says of a value: a number or a text; None where its form is open."""
    if element == GE_B:
        return value[0]
    return None if isinstance(value, tuple) else value
