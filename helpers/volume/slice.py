"""What is one image, ready to be drawn? The value that drawing functions take, and its loading."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from helpers.geometry.orientation import EdgeLetters, plane_name, slice_normal
from helpers.pixels.frame_header import FrameHeader, frame_count
from helpers.pixels.image import Image, read_image
from helpers.pixels.window import VoiLut, Window, apply_window, resolve_window
from helpers.privacy.pseudonyms import deidentified
from helpers.runtime import quiet
from helpers.slices.kinds import MOSAIC_WORD
from helpers.volume.letters import letters_of, orientation_of
from helpers.volume.spacing import spacing_of
from helpers.volume.view import view_of


@dataclass(frozen=True, eq=False)
class Slice:
    """One image and all that a drawing of it needs.

    `array` has values (rows, columns), or colour (rows, columns, 3) from 0 to 255. `spacing` is
    (row, column) in `spacing_unit`: mm, or px where the header gives no distance. `padding` is a
    boolean mask or None. `windows` maps names to `Window` or `VoiLut`, the default first. Identity
    stands in `caption` alone, under "patient" and "series"; "view" there is the side and view that
    the header states, in words, "side" and "view_name" its parts where nothing contradicts.
    """

    array: np.ndarray
    spacing: tuple[float, float]
    letters: EdgeLetters
    padding: np.ndarray | None = None
    windows: Mapping[str, Window | VoiLut] = field(default_factory=dict)
    inverted: bool = False
    unit: str = ""
    caption: Mapping[str, str] = field(default_factory=dict)
    spacing_unit: str = "mm"

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.array.shape[:2]))
        spacing = " × ".join(f"{step:.4g}" for step in self.spacing)
        kind = f"{self.array.dtype} {self.unit}".strip() if self.array.ndim == 2 else "colour"
        where = [self.caption.get(name, "") for name in ("plane", "slice", "position", "view")]
        words = ", ".join(["", *filter(None, where)])
        return f"Slice of {shape} pixels, {spacing} {self.spacing_unit}, {kind}{words}"

    def window(self, wanted: object = None) -> tuple[str, Window | VoiLut]:
        """(name, Window or VoiLut) of a window as `helpers.pixels.window.resolve_window` has it."""
        return resolve_window(wanted, self.windows, self.array, self.padding, unit=self.unit)

    def grey(self, wanted: object = None) -> np.ndarray:
        """What is seen: float32 (rows, columns) in [0, 1], padding 0, inversion done.

        Of colour it is (rows, columns, 3), from 0 to 1 too.
        """
        if self.array.ndim == 3:
            return self.array.astype(np.float32) / 255
        grey = apply_window(self.array, self.window(wanted)[1], padding=self.padding)
        if not self.inverted:
            return grey
        return 1 - grey if self.padding is None else np.where(self.padding, 0, 1 - grey)


def load_slice(path: str | os.PathLike[str], *, frame: int = 0) -> Slice:
    """One image of a file as it is stored, as a `Slice`: any modality, any geometry, colour too.

    Letters come from Image Orientation, else from Patient Orientation, else they are ``?``:
    `helpers.why_no_letters` says why. Spacing is that of an ultrasound image's regions, where they
    have one; else Pixel Spacing; else the spacing at the detector, and the caption says so; else
    Pixel Aspect Ratio or 1:1, in px. The caption's "view" is the side and view that the header
    states, such as "R CC", "PA" or "L MLO", with what contradicts.

    Raises
    ------
    ImageError
        Where the file holds no such image or it cannot be decoded here.

    References
    ----------
    PS3.3 C.7.6.2.1.1 (orientation), C.7.6.1.1.1 (Patient Orientation), 10.7.1.3 (Pixel Spacing),
    C.8.5.5 (ultrasound regions), C.8.11.5 and C.8.11.7 (view)
    """
    return slice_of(read_image(path, frame), frame)


@quiet()  # odd headers are the audit's matter
def slice_of(image: Image, frame: int) -> Slice:
    """The `Slice` of an image that has been read, the `frame`-th of its file."""
    header = image.header
    spacing, spacing_unit, remark = spacing_of(header)
    view = view_of(header, frame)
    return Slice(
        array=image.array,
        spacing=spacing,
        letters=letters_of(header, frame),
        padding=image.padding,
        windows=image.windows,
        inverted=image.inverted,
        unit=image.unit,
        caption={
            **captions_of(image),
            "view": view.text,
            "side": view.side,
            "view_name": view.name,
            "plane": plane_name(orientation_of(header, frame)),
            "slice": _number(header, frame),
            "position": _position(header, frame),
            "spacing": remark,
        },
        spacing_unit=spacing_unit,
    )


@quiet()
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


def remarked(caption: Mapping[str, str], *words: str) -> dict[str, str]:
    """Captions with words behind what their remark says; empty words say nothing."""
    return {**caption, "remark": "; ".join(filter(None, (caption.get("remark"), *words)))}


def _number(header: FrameHeader, frame: int) -> str:
    """Which image this is: the frame of a multi-frame object, else the instance number."""
    if (frames := frame_count(header)) > 1:
        return f"frame {frame + 1} of {frames}"
    instance = header.get("InstanceNumber")
    return "" if instance is None else f"instance {instance}"


def _position(header: FrameHeader, frame: int) -> str:
    """Distance of the image along its normal; empty where the frame has none of its own.

    The position of a mosaic is that of no one slice (`helpers.slices.kinds`).
    """
    if MOSAIC_WORD in str(header.get("ImageType", "")):
        return "a mosaic of slices"
    if frame and not header.of_frame("ImagePositionPatient"):
        return ""
    position = header.floats("ImagePositionPatient")
    normal = slice_normal(header.floats("ImageOrientationPatient"))
    is_known = len(position) == 3 and not np.isnan(normal).any()
    return f"{np.dot(position, normal):+.1f} mm along the normal" if is_known else ""
