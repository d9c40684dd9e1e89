"""What can be wrong with images of one modality? Functions that spoil those of one scan.

They work as those of `helpers.phantom.faults` do.
"""

from collections.abc import Callable

import numpy as np
from pydicom.uid import generate_uid

from helpers.phantom.encoding import Files, store, stored_values
from helpers.phantom.modalities import evidence
from helpers.phantom.spoiling import fault, remove

TILES = 3  # along a side of a mosaic

MODALITY_FAULTS: dict[str, Callable] = {}


@fault(MODALITY_FAULTS)
def mammogram_without_view(files: Files) -> list[str]:
    """One mammogram does not say which breast it is, another not from where it was taken."""
    sideless, viewless = list(files)[:2]
    del files[sideless].ImageLaterality
    del files[viewless].ViewPosition, files[viewless].ViewCodeSequence
    return [sideless, viewless]


@fault(MODALITY_FAULTS)
def radiograph_without_view(files: Files) -> list[str]:
    """A radiograph does not say from where it was taken."""
    return remove(files, "ViewPosition")


@fault(MODALITY_FAULTS)
def no_patient_orientation(files: Files) -> list[str]:
    """A radiograph does not say which way its rows and columns run."""
    return remove(files, "PatientOrientation")


@fault(MODALITY_FAULTS)
def spacing_at_detector(files: Files) -> list[str]:
    """A radiograph says how large a pixel is at the detector alone."""
    for dataset in files.values():
        del dataset.PixelSpacingCalibrationType, dataset.PixelSpacingCalibrationDescription
    return remove(files, "PixelSpacing")


@fault(MODALITY_FAULTS)
def ultrasound_without_regions(files: Files) -> list[str]:
    """Ultrasound without the regions in which distances are known, as exports drop them."""
    return remove(files, "SequenceOfUltrasoundRegions")


@fault(MODALITY_FAULTS)
def pet_without_suv(files: Files) -> None:
    """A PET without the patient's weight, as anonymisers leave it."""
    remove(files, "PatientWeight")


@fault(MODALITY_FAULTS)
def cine_without_frame_time(files: Files) -> None:
    """A loop that does not say how long its frames last."""
    for dataset in files.values():
        del dataset.FrameTime, dataset.FrameIncrementPointer


@fault(MODALITY_FAULTS)
def lossy_compression(files: Files) -> None:
    """Images that were compressed with loss, and stored as they were before again."""
    for dataset in files.values():
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 12
        dataset.LossyImageCompressionMethod = "ISO_10918_1"


@fault(MODALITY_FAULTS)
def missing_references(files: Files) -> list[str]:
    """A document that refers to an image of another series, which is not here."""
    name = list(files)[-1]
    image = next(iter(files.values()))
    item = evidence([image])
    (series,) = item.ReferencedSeriesSequence
    for holder, keyword in ((series, "SeriesInstanceUID"), (series.ReferencedSOPSequence[0], "")):
        keyword = keyword or "ReferencedSOPInstanceUID"
        uid = generate_uid(entropy_srcs=[getattr(holder, keyword), "elsewhere"])
        setattr(holder, keyword, uid)
    files[name].CurrentRequestedProcedureEvidenceSequence.append(item)
    return [name]


@fault(MODALITY_FAULTS)
def mosaic(files: Files) -> None:
    """All slices of a scan side by side in one image, as Siemens scanners store their series."""
    names = list(files)
    tiles = [stored_values(dataset)[::2, ::2] for dataset in files.values()][: TILES**2]
    tiles += [np.zeros_like(tiles[0])] * (TILES**2 - len(tiles))
    rows = [np.hstack(tiles[start : start + TILES]) for start in range(0, TILES**2, TILES)]
    first = files[names[0]]
    image = np.vstack(rows)
    first.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    first.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", len(files))
    first.Rows, first.Columns = image.shape
    first.PixelSpacing = [2 * value for value in first.PixelSpacing]
    store(first, image)
    for name in names[1:]:
        del files[name]
