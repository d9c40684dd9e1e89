"""What is one image, ready to be drawn? The value that drawing functions take, and its loading."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from helpers.geometry.orientation import EdgeLetters, edge_letters, plane_name, slice_normal
from helpers.pixels.frame_header import FrameHeader, frame_count
from helpers.pixels.image import Image, read_image
from helpers.pixels.window import VoiLut, Window, apply_window, resolve_window
from helpers.privacy.pseudonyms import deidentified

AT_DETECTOR = "at the detector, not in the patient"
SPACING_REMARKS = {  # keywords of a spacing in mm, the preferred one first
    "PixelSpacing": "",
    "ImagerPixelSpacing": AT_DETECTOR,
    "NominalScannedPixelSpacing": "as scanned",
}


@dataclass(frozen=True, eq=False)
class Slice:
    """One image and all that a drawing of it needs.

    `pixels` are values (rows, columns), or colour (rows, columns, 3) from 0 to 255. `spacing` is
    (row, column) in `spacing_unit`: mm, or px where the header gives no distance. `padding` is a
    boolean mask or None. `windows` maps names to `Window` or `VoiLut`, the default first. Identity
    stands in `caption` alone, under "patient" and "series".
    """

    pixels: np.ndarray
    spacing: tuple[float, float]
    letters: EdgeLetters
    padding: np.ndarray | None = None
    windows: Mapping[str, Window | VoiLut] = field(default_factory=dict)
    inverted: bool = False
    unit: str = ""
    caption: Mapping[str, str] = field(default_factory=dict)
    spacing_unit: str = "mm"

    def window(self, wanted: object = None) -> tuple[str, Window | VoiLut]:
        """(name, Window or VoiLut) of a window as `helpers.pixels.window.resolve_window` has it."""
        return resolve_window(wanted, self.windows, self.pixels, self.padding, unit=self.unit)

    def grey(self, wanted: object = None) -> np.ndarray:
        """What is seen: float32 (rows, columns) in [0, 1], padding 0, inversion done.

        Of colour it is (rows, columns, 3), from 0 to 1 too.
        """
        if self.pixels.ndim == 3:
            return self.pixels.astype(np.float32) / 255
        grey = apply_window(self.pixels, self.window(wanted)[1], padding=self.padding)
        if not self.inverted:
            return grey
        return 1 - grey if self.padding is None else np.where(self.padding, 0, 1 - grey)


def load_slice(path: str | os.PathLike[str], *, frame: int = 0) -> Slice:
    """One image of a file as it is stored, as a `Slice`: any modality, any geometry, colour too.

    Letters come from Image Orientation, else from Patient Orientation, else they are ``?``. Spacing
    is Pixel Spacing; else the spacing at the detector, and the caption says so; else Pixel Aspect
    Ratio or 1:1, in px.

    Raises
    ------
    ImageError
        Where the file holds no such image or it cannot be decoded here.

    References
    ----------
    PS3.3 C.7.6.2.1.1 (orientation), C.7.6.1.1.1 (Patient Orientation), 10.7.1.3 (Pixel Spacing)
    """
    image = read_image(path, frame)
    header = image.header
    orientation = header.floats("ImageOrientationPatient")
    spacing, spacing_unit, remark = _spacing(header)
    return Slice(
        pixels=image.pixels,
        spacing=spacing,
        letters=edge_letters(
            orientation,
            patient_orientation=header.get("PatientOrientation"),
            anatomical_orientation=header.get("AnatomicalOrientationType", "BIPED"),
        ),
        padding=image.padding,
        windows=image.windows,
        inverted=image.inverted,
        unit=image.unit,
        caption={
            **captions_of(image),
            "plane": plane_name(orientation),
            "slice": _number(header, frame),
            "position": _position(header, frame),
            "spacing": remark,
        },
        spacing_unit=spacing_unit,
    )


def captions_of(image: Image) -> dict[str, str]:
    """Captions that an image and a stack have in common; empty where there is nothing to say.

    "padding" speaks of padding that no header declares.
    """
    header, guess = image.header, image.guess
    names = {"patient": "PatientID", "series": "SeriesDescription"}
    thickness = header.floats("SliceThickness")
    return {
        **{name: str(deidentified(key, str(header.get(key, "")))) for name, key in names.items()},
        "thickness": f"{thickness[0]:g} mm thick" if thickness else "",
        "padding": "" if guess is None else f"padding guessed: {guess:g} {image.unit}",
        "remark": image.remark,
    }


def _number(header: FrameHeader, frame: int) -> str:
    """Which image this is: the frame of a multi-frame object, else the instance number."""
    if (frames := frame_count(header)) > 1:
        return f"frame {frame + 1} of {frames}"
    instance = header.get("InstanceNumber")
    return "" if instance is None else f"instance {instance}"


def _position(header: FrameHeader, frame: int) -> str:
    """Distance of the image along its normal; empty where the frame has none of its own."""
    if frame and not header.of_frame("ImagePositionPatient"):
        return ""
    position = header.floats("ImagePositionPatient")
    normal = slice_normal(header.floats("ImageOrientationPatient"))
    is_known = len(position) == 3 and not np.isnan(normal).any()
    return f"{np.dot(position, normal):+.1f} mm along the normal" if is_known else ""


def _spacing(header: FrameHeader) -> tuple[tuple[float, float], str, str]:
    """((row, column) spacing, its unit, a remark where it is not Pixel Spacing)."""
    for keyword, remark in SPACING_REMARKS.items():
        spacing = header.floats(keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            as_detected = spacing == header.floats("ImagerPixelSpacing")
            is_calibrated = bool(header.get("PixelSpacingCalibrationType"))
            remark = AT_DETECTOR if as_detected and not is_calibrated else remark
            return (spacing[0], spacing[1]), "mm", remark
    aspect = header.floats("PixelAspectRatio")
    ratio = aspect[0] / aspect[1] if len(aspect) == 2 and min(aspect) > 0 else 1.0
    return (ratio, 1.0), "px", ""
