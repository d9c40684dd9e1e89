"""What is one image, ready to be drawn? The value that `pictures` and `browser` take, and how to load one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from helpers.geometry.orientation import EdgeLetters, edge_letters, plane_name, slice_normal
from helpers.pixels.auto_window import resolve_window
from helpers.pixels.frame_header import frame_count
from helpers.pixels.image import read_image
from helpers.pixels.window import VoiLut, Window, apply_window
from helpers.privacy.pseudonyms import deidentified

DETECTOR_SPACINGS = {
    "ImagerPixelSpacing": "at the detector, not in the patient",
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

    def window(self, wanted=None):
        """(name, Window or VoiLut) of a view, as `helpers.pixels.window.resolve_window` has it."""
        return resolve_window(wanted, self.windows, self.pixels, self.padding)

    def grey(self, wanted=None):
        """What is seen: float32 (rows, columns) in [0, 1], padding 0, inversion done; or colour, float (rows, columns, 3)."""
        if self.pixels.ndim == 3:
            return self.pixels.astype(np.float32) / 255
        grey = apply_window(self.pixels, self.window(wanted)[1], padding=self.padding)
        if not self.inverted:
            return grey
        return 1 - grey if self.padding is None else np.where(self.padding, 0, 1 - grey)


def load_slice(path, *, frame=0):
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
    words = header.get("PatientOrientation")
    letters = edge_letters(
        orientation, patient_orientation=words, anatomical_orientation=anatomy(header)
    )
    spacing, spacing_unit, remark = _spacing(header)
    caption = {
        **identity(header),
        "plane": plane_name(orientation),
        "slice": _number(header, frame),
        "position": _position(header, frame),
        "spacing": remark,
        "thickness": thickness(header),
        "padding": padding_remark(image.guess, image.unit),
        "remark": image.remark,
    }
    return Slice(
        image.pixels,
        spacing,
        letters,
        image.padding,
        image.windows,
        image.inverted,
        image.unit,
        caption,
        spacing_unit,
    )


def identity(header):
    """What names the patient, for a caption."""
    said = {"patient": "PatientID", "series": "SeriesDescription"}
    return {
        name: deidentified(keyword, str(header.get(keyword, ""))) for name, keyword in said.items()
    }


def thickness(header):
    """Slice Thickness, for a caption; empty where the header has none."""
    values = header.floats("SliceThickness")
    return f"{values[0]:g} mm thick" if values else ""


def padding_remark(guess, unit):
    """What is said of padding that no header declares, for a caption; empty where none was guessed."""
    return "" if guess is None else f"padding guessed: {guess:g} {unit}"


def anatomy(header):
    """Anatomical Orientation Type (0010,2210); BIPED where the header has none."""
    return str(header.get("AnatomicalOrientationType", "BIPED"))


def _position(header, frame):
    """Distance of the image along its normal, as `helpers.stack_slices` has it; empty where the frame has no own."""
    if frame and not header.of_frame("ImagePositionPatient"):
        return ""
    position, normal = (
        header.floats("ImagePositionPatient"),
        slice_normal(header.floats("ImageOrientationPatient")),
    )
    known = len(position) == 3 and not np.isnan(normal).any()
    return f"{np.dot(position, normal):+.1f} mm along the normal" if known else ""


def _number(header, frame):
    """Which image this is: the frame of a multi-frame object, else the instance number."""
    frames = frame_count(header)
    instance = header.get("InstanceNumber")
    return (
        f"frame {frame + 1} of {frames}"
        if frames > 1
        else f"instance {instance}"
        if instance is not None
        else ""
    )


def _spacing(header):
    """((row, column) spacing, its unit, a remark where it is not Pixel Spacing)."""
    for keyword, remark in {"PixelSpacing": "", **DETECTOR_SPACINGS}.items():
        spacing = header.floats(keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            uncalibrated = spacing == header.floats("ImagerPixelSpacing") and not header.get(
                "PixelSpacingCalibrationType"
            )
            return (
                spacing,
                "mm",
                DETECTOR_SPACINGS["ImagerPixelSpacing"] if uncalibrated else remark,
            )
    aspect = header.floats("PixelAspectRatio")
    ratio = aspect[0] / aspect[1] if len(aspect) == 2 and min(aspect) > 0 else 1.0
    return (ratio, 1.0), "px", ""
