"""How is a data set made, and how does it become a file?"""

import io
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

Files = dict[str, Any]  # name → Dataset, or bytes where pydicom would not write what stands in it


def data_set(**elements: Any) -> Dataset:
    """A data set, or an item of a sequence, of these elements by keyword."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def stored_values(dataset: Dataset) -> np.ndarray:
    """The stored values (rows, columns) of a data set of 16 bits that is not compressed yet."""
    values = np.frombuffer(dataset.PixelData, _dtype(dataset))
    return values.reshape(dataset.Rows, dataset.Columns)


def store(dataset: Dataset, values: np.ndarray) -> None:
    """Puts values (rows, columns) into a data set, signed or not as its header says."""
    dataset.PixelData = np.round(values).astype(_dtype(dataset)).tobytes()


def compress(dataset: Dataset) -> None:
    """Compresses the pixels without loss, in a way that every reader knows (PS3.5 annex G)."""
    set_transfer_syntax(dataset, ExplicitVRLittleEndian)
    dataset.compress(RLELossless, generate_instance_uid=False)


def set_transfer_syntax(dataset: Dataset, syntax: str) -> None:
    """Gives a data set its file meta information."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)


def encoded(dataset: Dataset) -> bytes:
    """The bytes of the file that a data set becomes; not compressed, unless it is already."""
    if not hasattr(dataset, "file_meta"):
        set_transfer_syntax(dataset, ExplicitVRLittleEndian)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _dtype(dataset):
    return "<i2" if dataset.PixelRepresentation else "<u2"
