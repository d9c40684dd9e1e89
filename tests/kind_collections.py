"""Eighteen kinds of collections, as hospitals and data sites have them: written, and real.

``write_kind(name, folder)`` writes a synthetic one that conforms to the standard; small ones have
few and small images, others the size that such images have. ``real_files(name, real)`` names real
files of the kind.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kind_mr import (
    write_brain,
    write_diffusion,
    write_enhanced,
    write_fmri,
    write_mosaic,
    write_spine,
)
from kind_others import write_documents, write_messy, write_osic, write_slides, write_with_objects
from kind_views import (
    write_angiography,
    write_clips,
    write_mammograms,
    write_nuclear,
    write_pet_ct,
    write_radiographs,
    write_ultrasound,
)
from pydicom import examples

SHIPPED = "pydicom:"  # before the name of one of `pydicom.examples`


class Kind(NamedTuple):
    """How a kind of collection is written, and where real files of it are."""

    write: Callable[[Path, bool], None]
    real: tuple[str, ...]  # below the folder of real files, or of `pydicom.examples`


KINDS = {
    "radiographs": Kind(write_radiographs, ("kinds/radiographs", "odd/highdicom/dx_image.dcm")),
    "mammograms": Kind(write_mammograms, ("kinds/mammogram",)),
    "ultrasound": Kind(write_ultrasound, ("odd/dicom-test-files/US1_UNC",)),
    "ultrasound clips": Kind(write_clips, ("pydicom:ybr_color",)),
    "angiography": Kind(write_angiography, ("odd/dicom-test-files/XA1_UNC",)),
    "nuclear medicine": Kind(write_nuclear, ("kinds/nuclear-medicine",)),
    "PET with CT": Kind(write_pet_ct, ("series/chest-ct-8mm-siemens",)),  # no PET is to be had
    "brain MR": Kind(write_brain, ("odd/dcmstack/2D_16Echo_qT2", "series/mr-3plane-localizer-ffs")),
    "spine MR": Kind(write_spine, ("series/mr-sagittal-hfdl",)),
    "diffusion": Kind(write_diffusion, ("kinds/mr-enhanced-dwi",)),
    "functional MR": Kind(write_fmri, ("kinds/mr-fmri-ge",)),
    "mosaic": Kind(write_mosaic, ("kinds/mr-mosaic-siemens",)),
    "enhanced": Kind(write_enhanced, ("kinds/mr-echoes-enhanced", "series/mr-enhanced-philips")),
    "CT with objects": Kind(
        write_with_objects, ("kinds/seg-ct-3slice", "odd/rt-utils", "pydicom:rt_dose")
    ),
    "slides": Kind(write_slides, ("odd/highdicom/sm_image.dcm",)),
    "documents": Kind(
        write_documents,
        ("pydicom:rgb_color", "odd/highdicom/sr_document.dcm", "odd/pydicom/waveform_ecg.dcm"),
    ),
    "messy download": Kind(write_messy, ("odd/dcm_qa_ct",)),
    "chest CT": Kind(write_osic, ("series/chest-ct-8mm-siemens", "series/ct-duplicate-positions")),
}


def write_kind(name: str, folder: Path, *, small: bool = True) -> Path:
    """Writes the collection of a kind into a folder, and returns the folder.

    Parameters
    ----------
    name : of `KINDS`
    small : few images of few pixels, for tests; else of the size that such images have
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    KINDS[name].write(folder, small)
    return folder


def real_files(name: str, real: Path) -> list[Path]:
    """Real files and folders of a kind, those of them that are here.

    Parameters
    ----------
    real : the folder of real files, of the fixture of that name
    """
    found = []
    for place in KINDS[name].real:
        if place.startswith(SHIPPED):
            found.append(Path(examples._get_path(place.removeprefix(SHIPPED))))
        elif Path(str(real), place).exists():
            found.append(Path(str(real), place))
    return found
