"""How are files of other kinds written? Headers that conform, pixels, and slices on a grid."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.uid import generate_uid

from helpers.phantom.encoding import data_set, encoded

CLASSES = {  # PS3.4 B.5
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "enhanced CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "US cine": "1.2.840.10008.5.1.4.1.1.3.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "enhanced MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "SC RGB frames": "1.2.840.10008.5.1.4.1.1.7.4",
    "presentation": "1.2.840.10008.5.1.4.1.1.11.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "RF": "1.2.840.10008.5.1.4.1.1.12.2",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
    "photograph": "1.2.840.10008.5.1.4.1.1.77.1.4",
    "slide": "1.2.840.10008.5.1.4.1.1.77.1.6",
    "report": "1.2.840.10008.5.1.4.1.1.88.11",
    "PDF": "1.2.840.10008.5.1.4.1.1.104.1",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "dose": "1.2.840.10008.5.1.4.1.1.481.2",
    "structures": "1.2.840.10008.5.1.4.1.1.481.3",
    "plan": "1.2.840.10008.5.1.4.1.1.481.5",
}
IDENTITY = {"PresentationLUTShape": "IDENTITY"}


class Grid(NamedTuple):
    """Slices of a patient: where they lie, in LPS mm."""

    slices: int
    size: int  # rows and columns
    field: float  # mm that they cover
    gap: float
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0)
    centre: tuple[float, ...] = (0, 0, 0)

    @property
    def spacing(self) -> float:
        return round(self.field / self.size, 6)

    def points(self, number: int) -> np.ndarray:
        """The centres (rows, columns, 3) of the pixels of a slice."""
        row, column = np.reshape(self.orientation, (2, 3)).astype(float)
        along = (number - (self.slices - 1) / 2) * self.gap
        pixel = (np.arange(self.size) - (self.size - 1) / 2) * self.spacing
        place = np.array(self.centre) + along * np.cross(row, column)
        return place + pixel[:, None, None] * column + pixel[None, :, None] * row

    def plane(self, number: int) -> Dataset:
        """Image Plane (PS3.3 C.7.6.2) of a slice."""
        return data_set(
            ImagePositionPatient=np.round(self.points(number)[0, 0], 4).tolist(),
            ImageOrientationPatient=np.round(self.orientation, 6).tolist(),
            PixelSpacing=[self.spacing, self.spacing],
            SliceThickness=self.gap,
        )


def header(kind, modality, patient, series, number=1, *, study=1, description="", **elements):
    """A data set of the modules that every object has, and of these elements.

    Parameters
    ----------
    kind : of `CLASSES`
    patient : Patient ID; study, series, number : numbers, of which UIDs are made
    """
    birth, sex = "19500101", "FM"[sum(map(ord, patient)) % 2]
    own = data_set(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=CLASSES[kind],
        SOPInstanceUID=uid(patient, study, series, number),
        StudyDate="20240312",
        StudyTime="101500",
        SeriesDate="20240312",
        SeriesTime=f"10{series % 60:02d}00",
        ContentDate="20240312",
        ContentTime=f"11{series % 60:02d}{number % 60:02d}",
        AccessionNumber="",
        Modality=modality,
        Manufacturer="Synthetic",
        ReferringPhysicianName="",
        SeriesDescription=description,
        ManufacturerModelName="Kinds",
        PatientName=patient,
        PatientID=patient,
        PatientBirthDate=birth,
        PatientSex=sex,
        DeviceSerialNumber="1",
        SoftwareVersions="1",
        StudyInstanceUID=uid(patient, study),
        SeriesInstanceUID=uid(patient, study, series),
        StudyID=str(study),
        SeriesNumber=series,
        InstanceNumber=number,
    )
    for keyword, value in elements.items():
        setattr(own, keyword, value)
    return own


def frame_of_reference(patient, study=1, name="frame"):
    """The element that says that images share their millimetres."""
    return {
        "FrameOfReferenceUID": uid(patient, study, name),
        "PositionReferenceIndicator": "",
    }


def with_pixels(dataset, values, *, bits=12, signed=0, photometric="MONOCHROME2"):
    """The data set with pixels: (rows, columns), (frames, rows, columns), colour (…, 3)."""
    values = np.asarray(values)
    colour = 3 if photometric in ("RGB",) else 1
    rows, columns = values.shape[-3:-1] if colour == 3 else values.shape[-2:]
    allocated = 1 if bits == 1 else 8 if bits <= 8 else 16
    elements = {
        "SamplesPerPixel": colour,
        "PhotometricInterpretation": photometric,
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": allocated,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": signed,
    }
    if colour == 3:
        elements["PlanarConfiguration"] = 0
    if values.ndim > 2 + (colour == 3):
        elements["NumberOfFrames"] = len(values)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    if bits == 1:
        packed = np.packbits(values.astype(bool).ravel(), bitorder="little").tobytes()
    else:
        packed = np.round(values).astype(f"<{'i' if signed else 'u'}{allocated // 8}").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    dataset["PixelData"].VR = "OB" if allocated <= 8 else "OW"
    return dataset


def write_slices(
    folder, kind, modality, patient, series, grid, values_of, *, per_slice=None, **own
):
    """Writes one series of a grid into a folder, a file per slice; returns its data sets.

    Parameters
    ----------
    values_of : points (rows, columns, 3) → what is stored
    per_slice : number of a slice → elements of that slice alone
    own : elements of all slices, and of `header` and `with_pixels`
    """
    pixels = {word: own.pop(word) for word in ("bits", "signed") if word in own}
    written, first = [], own.pop("first", 1)
    for number in range(grid.slices):
        more = {**own, **(per_slice(number) if per_slice else {})}
        dataset = header(kind, modality, patient, series, first + number, **more)
        dataset.update(grid.plane(number))
        with_pixels(dataset, values_of(grid.points(number)), **pixels)
        written.append(write(folder, f"{series}-{first + number:03d}.dcm", dataset))
    return written


def write(folder, name, dataset):
    """Writes one file below a folder, and returns its data set."""
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(dataset))
    return dataset


def code(value, scheme, meaning):
    """A code sequence of one item (PS3.3 8.8)."""
    return [data_set(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)]


def reference(dataset, **elements):
    """An item that refers to an object."""
    return data_set(
        ReferencedSOPClassUID=dataset.SOPClassUID,
        ReferencedSOPInstanceUID=dataset.SOPInstanceUID,
        **elements,
    )


def uid(*names):
    """The UID that belongs to these names, the same in every run."""
    return generate_uid(entropy_srcs=["kinds", *map(str, names)])
