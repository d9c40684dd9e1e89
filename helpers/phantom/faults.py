"""What can be wrong with a file or a stack? Functions that spoil the clean images of one scan.

Each takes the scan's files, a dict of file name to Dataset, changes it in place and returns the
names of what is wrong; None stands for the stack as a whole.
"""

from copy import deepcopy

import numpy as np
from pydicom.uid import generate_uid

from helpers.phantom.pixel_faults import PIXEL_FAULTS, content_of, middle, store, stored, without


def missing_slice(files):
    """One slice of the middle is not there; the gap lies behind the one before it, from feet to head."""
    names = list(files)
    place = len(names) // 2
    upwards = files[names[0]].ImagePositionPatient[2] < files[names[-1]].ImagePositionPatient[2]
    del files[names[place]]
    return [names[place - 1 if upwards else place + 1]]


def repeated_slice(files):
    """One image was stored twice under two names and two UIDs."""
    name = middle(files)
    return [_add(files, files[name])]


def same_instance_twice(files):
    """One file was copied: the same SOP Instance UID under two names."""
    name = f"copy of {middle(files)}"
    files[name] = deepcopy(files[middle(files)])
    return [name]


def second_scan(files):
    """The whole scan was made again a little later and put into the same folder and series, as in OSIC."""
    for dataset in list(files.values()):
        _add(files, dataset, AcquisitionNumber=2)
    return [None]


def several_phases(files):
    """Each place was scanned at two phases of the heart."""
    for dataset in list(files.values()):
        dataset.NominalPercentageOfCardiacPhase = 0
        _add(files, dataset, NominalPercentageOfCardiacPhase=50)
    return [None]


def displaced_slice(files):
    """One slice lies 30 mm beside the others."""
    name = middle(files)
    x, y, z = files[name].ImagePositionPatient
    files[name].ImagePositionPatient = [x + 30, y, z]
    return [name]


def localizer(files):
    """The scout lies among the slices that it was made for."""
    datasets = sorted(files.values(), key=lambda dataset: -dataset.ImagePositionPatient[2])
    pixels = np.stack([stored(dataset).mean(axis=0) for dataset in datasets])
    scout = deepcopy(datasets[0])
    scout.ImageType, scout.InstanceNumber = ["ORIGINAL", "PRIMARY", "LOCALIZER"], 0
    scout.SOPInstanceUID = generate_uid(entropy_srcs=[scout.SOPInstanceUID, "scout"])
    scout.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    scout.PixelSpacing = [
        abs(datasets[0].ImagePositionPatient[2] - datasets[1].ImagePositionPatient[2]),
        scout.PixelSpacing[1],
    ]
    scout.Rows = len(datasets)
    store(scout, pixels)
    files["0.dcm"] = scout
    return ["0.dcm"]


def no_position(files):
    """No image says where it is."""
    return without(files, "ImagePositionPatient")


def no_orientation(files):
    """No image says which way it lies."""
    return without(files, "ImageOrientationPatient")


def no_spacing(files):
    """No image says how large its pixels are."""
    return without(files, "PixelSpacing")


def bad_orientation(files):
    """The direction cosines are no unit vectors."""
    for dataset in files.values():
        dataset.ImageOrientationPatient = [
            round(1.05 * value, 4) for value in dataset.ImageOrientationPatient
        ]
    return list(files)


def several_orientations(files):
    """The second half is turned by 15 degrees in its plane."""
    for dataset in list(files.values())[len(files) // 2 :]:
        dataset.ImageOrientationPatient = [
            0.965925826,
            0.258819045,
            0,
            -0.258819045,
            0.965925826,
            0,
        ]
    return [None]


def several_spacings(files):
    """The pixels of the second half are larger, as in one patient of OSIC."""
    for dataset in list(files.values())[len(files) // 2 :]:
        dataset.PixelSpacing = [1.25 * value for value in dataset.PixelSpacing]
    return [None]


def several_sizes(files):
    """The second half has half the matrix."""
    for dataset in list(files.values())[len(files) // 2 :]:
        pixels = stored(dataset)[::2, ::2]
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.PixelSpacing = [2 * value for value in dataset.PixelSpacing]
        store(dataset, pixels)
    return [None]


def uneven_spacing(files):
    """One slice lies a third of a gap away from its place."""
    first, second = list(files.values())[:2]
    gap = first.ImagePositionPatient[2] - second.ImagePositionPatient[2]
    dataset = files[middle(files)]
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, y, round(z + gap / 3, 4)]
    return [None]


def wrong_declared_spacing(files):
    """Spacing Between Slices is twice what the positions say."""
    first, second = list(files.values())[:2]
    for dataset in files.values():
        dataset.SpacingBetweenSlices = 2 * abs(
            first.ImagePositionPatient[2] - second.ImagePositionPatient[2]
        )
    return [None]


def swapped_numbers(files):
    """Two files whose names and Instance Numbers were exchanged."""
    names = list(files)[3:5]
    one, other = (files[name] for name in names)
    one.InstanceNumber, other.InstanceNumber = other.InstanceNumber, one.InstanceNumber
    return names


def other_patient(files):
    """The Patient ID is not that of the folder."""
    for dataset in files.values():
        dataset.PatientID = f"{dataset.PatientID} (another)"
    return list(files)


def unknown_charset(files):
    """The character set is none that DICOM knows."""
    for name, dataset in files.items():
        files[name] = content_of(dataset).replace(b"ISO_IR 192", b"ISO_IR 999", 1)
    return list(files)


def not_dicom(files):
    """A text file lies among the images."""
    files["notes.txt"] = b"Patient moved, scan repeated.\n"
    return ["notes.txt"]


def unreadable_file(files):
    """The last file says that it is deflated, and is not."""
    name = list(files)[-1]
    plain, deflated = (
        bytes([len(uid), 0]) + uid for uid in (b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    )
    files[name] = content_of(files[name]).replace(plain, deflated, 1)
    return [name]


def truncated_file(files):
    """The file ends in the middle of its pixels."""
    name = middle(files)
    files[name] = content_of(files[name])[: -len(files[name].PixelData) // 2]
    return [name]


FAULTS = {
    fault.__name__.replace("_", "-"): fault
    for fault in (
        *(
            missing_slice,
            repeated_slice,
            same_instance_twice,
            second_scan,
            several_phases,
            localizer,
            displaced_slice,
        ),
        *(no_position, no_orientation, no_spacing),
        *(
            bad_orientation,
            several_orientations,
            several_spacings,
            several_sizes,
            uneven_spacing,
            wrong_declared_spacing,
            swapped_numbers,
        ),
        *(
            other_patient,
            unknown_charset,
            not_dicom,
            unreadable_file,
            truncated_file,
            *PIXEL_FAULTS,
        ),
    )
}
OF_OSIC = {  # what public notebooks report of that collection; the others are known from elsewhere
    *(
        "second-scan",
        "repeated-slice",
        "no-position",
        "several-spacings",
        "no-decoder",
        "undecodable",
        "black-slice",
    ),
    *("undeclared-padding", "zero-border", "wrong-rescale"),
}


def _add(files, dataset, **changes):
    """Adds a copy as the next instance and returns its file name."""
    again = deepcopy(dataset)
    again.InstanceNumber = len(files) + 1
    again.SOPInstanceUID = generate_uid(entropy_srcs=[dataset.SOPInstanceUID, "again"])
    again.update(changes)
    files[name := f"{again.InstanceNumber}.dcm"] = again
    return name
