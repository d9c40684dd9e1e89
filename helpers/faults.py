"""What can be wrong with a file or a stack? Functions that spoil the clean images of one scan.

Each takes the scan's files, a dict of file name to Dataset, changes it in place and returns the
names of what is wrong; None stands for the stack as a whole.
"""

import io
from copy import deepcopy

from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


def missing_slice(files):
    """One slice of the middle is not there."""
    del files[_middle(files)]
    return [None]


def repeated_slice(files):
    """One image was stored twice under two names and two UIDs."""
    name = _middle(files)
    return [_add(files, files[name])]


def second_scan(files):
    """The whole scan was made again a little later and put into the same folder and series, as in OSIC."""
    for dataset in list(files.values()):
        _add(files, dataset, AcquisitionNumber=2)
    return [None]


def no_position(files):
    """No image says where it is."""
    for dataset in files.values():
        del dataset.ImagePositionPatient
    return list(files)


def truncated_file(files):
    """The file ends in the middle of its pixels."""
    name = _middle(files)
    dataset, buffer = files[name], io.BytesIO()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(buffer, enforce_file_format=True)
    files[name] = buffer.getvalue()[: -len(dataset.PixelData) // 2]
    return [name]


FAULTS = {
    "missing-slice": missing_slice,
    "repeated-slice": repeated_slice,
    "second-scan": second_scan,
    "no-position": no_position,
    "truncated-file": truncated_file,
}


def _middle(files):
    return list(files)[len(files) // 2]


def _add(files, dataset, **changes):
    """Adds a copy as the next instance and returns its file name."""
    again = deepcopy(dataset)
    again.InstanceNumber = len(files) + 1
    again.SOPInstanceUID = generate_uid(entropy_srcs=[dataset.SOPInstanceUID, "again"])
    again.update(changes)
    files[name := f"{again.InstanceNumber}.dcm"] = again
    return name
