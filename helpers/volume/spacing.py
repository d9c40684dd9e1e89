"""How large is a pixel of one image, by its header, and where does that size hold?"""

from typing import Any, NamedTuple

import numpy as np

from helpers.pixels.frame_header import FrameHeader

AT_DETECTOR = "at the detector, not in the patient"
SPACING_REMARKS = {  # keywords of a spacing in mm, the preferred one first
    "PixelSpacing": "",
    "ImagerPixelSpacing": AT_DETECTOR,
    "NominalScannedPixelSpacing": "as scanned",
}
CENTIMETRES = 3  # Physical Units X and Y Direction (0018,6024), (0018,6026)
TWO_DIMENSIONAL = 1  # Region Spatial Format (0018,6012)
OVER_TIME = (2, 3)  # M-mode, spectral: an axis of such a region is no distance
SAME_SPACING_TOLERANCE = 0.01  # of the spacing of an ultrasound region, as a share
REGIONS_DIFFER = "mm in regions only, which differ"
REGIONS_OVER_TIME = "mm in regions only: others are over time"
OUTSIDE = "no mm: ultrasound regions reach outside the image, which was cut or resized"
BESIDE_TRACES = "of the 2D region, not of traces and graphics"


class Spacing(NamedTuple):
    """(row, column) spacing of an image in `unit`, mm or px, and where it holds, in words."""

    spacing: tuple[float, float]
    unit: str
    remark: str


def spacing_of(header: FrameHeader) -> Spacing:
    """The spacing of one image by its header.

    In mm by the regions of an ultrasound image, where these have one spacing; else by Pixel
    Spacing; else the spacing at the detector or as scanned, and the remark says so. Where none is
    given it is Pixel Aspect Ratio or 1:1, in px.

    References
    ----------
    PS3.3 10.7.1.3 (Pixel Spacing), C.8.5.5 (ultrasound regions)
    """
    regions = _of_regions(header)
    plain = _in_mm(header)
    if regions is None:
        return plain or _in_pixels(header, "")
    if regions.unit == "px":
        return plain or _in_pixels(header, regions.remark)
    if plain and not _is_same(plain.spacing, regions.spacing):
        other = " × ".join(f"{step:.3g}" for step in plain.spacing)
        return regions._replace(remark=f"of its region; Pixel Spacing says {other} mm")
    return regions


def _in_mm(header: FrameHeader) -> Spacing | None:
    for keyword, remark in SPACING_REMARKS.items():
        spacing = header.floats(keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            as_detected = spacing == header.floats("ImagerPixelSpacing")
            is_calibrated = bool(header.get("PixelSpacingCalibrationType"))
            remark = AT_DETECTOR if as_detected and not is_calibrated else remark
            return Spacing((spacing[0], spacing[1]), "mm", remark)
    return None


def _in_pixels(header: FrameHeader, remark: str) -> Spacing:
    aspect = header.floats("PixelAspectRatio")
    ratio = aspect[0] / aspect[1] if len(aspect) == 2 and min(aspect) > 0 else 1.0
    return Spacing((ratio, 1.0), "px", remark)


def _of_regions(header: FrameHeader) -> Spacing | None:
    """The one spacing of all 2D regions of an ultrasound image; None where it has no such region.

    Where they differ, or stand beside regions over time, there is no mm that holds everywhere; a
    region beyond the image tells that it was cut or resized, and its mm may be another image's.
    """
    regions = [one for one in header.get("SequenceOfUltrasoundRegions") or () if one]
    formats = [_number(region, "RegionSpatialFormat") for region in regions]
    measured = [
        (region, spacing)
        for region, kind in zip(regions, formats)
        if kind == TWO_DIMENSIONAL and (spacing := _region_spacing(region))
    ]
    if not measured:
        return None
    first = measured[0][1]
    if any(_is_outside(region, header) for region, _ in measured):
        return Spacing((1.0, 1.0), "px", OUTSIDE)
    if any(kind in OVER_TIME for kind in formats):
        return Spacing((1.0, 1.0), "px", REGIONS_OVER_TIME)
    if not all(_is_same(first, other) for _, other in measured):
        return Spacing((1.0, 1.0), "px", REGIONS_DIFFER)
    return Spacing(first, "mm", BESIDE_TRACES if len(measured) < len(regions) else "")


def _is_outside(region: Any, header: FrameHeader) -> bool:
    """Whether a region ends beyond the last row or column: it is of another size of the image."""
    sizes = {"X": header.floats("Columns"), "Y": header.floats("Rows")}
    return any(
        _number(region, f"RegionLocationMax{axis}1") > max(sizes[axis], default=np.inf)
        for axis in sizes
    )


def _region_spacing(region: Any) -> tuple[float, float] | None:
    """(row, column) spacing in mm of an ultrasound region; None where it is none in cm."""
    units = [_number(region, f"PhysicalUnits{axis}Direction") for axis in "YX"]
    steps = [abs(_number(region, f"PhysicalDelta{axis}")) * 10 for axis in "YX"]
    if units != [CENTIMETRES] * 2 or not all(0 < step < np.inf for step in steps):
        return None
    return steps[0], steps[1]


def _number(region: Any, keyword: str) -> float:
    try:
        return float(region.get(keyword))
    except (TypeError, ValueError):
        return np.nan


def _is_same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= SAME_SPACING_TOLERANCE * abs(a) for a, b in zip(one, other))
