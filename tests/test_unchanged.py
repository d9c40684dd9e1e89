"""A file that is another than when its row was read is refused, and never misread."""

import os

import numpy as np
import pydicom
import pytest
from stacks_of import best_stack

from helpers import deidentify, header_table, load_volume, pixel_table
from helpers.pixels.layout import ImageError


@pytest.fixture(params=[False, True], ids=["uncompressed", "compressed"])
def files(request, phantom, tmp_path):
    """The rows of four slices, and the folder of their files."""
    for number in range(1, 5):
        dataset = pydicom.dcmread(phantom / "P03-interspaced" / f"{number}.dcm")
        if request.param:
            dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(tmp_path / f"{number}.dcm")
    return best_stack(header_table(tmp_path, progress=False)), tmp_path


def _moved(dataset):
    dataset.ImagePositionPatient = [*dataset.ImagePositionPatient[:2], "-123.45"]


def _turned(dataset):
    pixels = dataset.pixel_array[:, ::2]
    dataset.Columns, dataset.PixelData = pixels.shape[1], pixels.tobytes()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OW", False


def _renamed(dataset):
    uid = dataset.SOPInstanceUID
    dataset.SOPInstanceUID = uid[:-1] + str((int(uid[-1]) + 1) % 10)


def _commented(dataset):
    dataset.ImageComments = "anything"


def _other_syntax(dataset):
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress(generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_moved, "another ImagePositionPatient"),
        (_turned, "another (Columns|TransferSyntaxUID)"),
        (_renamed, r"another SOPInstanceUID: [\d.]+ then, [\d.]+ now"),
        (_commented, r"another file_size: \d+ then, \d+ now"),
        (_other_syntax, "another TransferSyntaxUID"),
    ],
)
def test_what_has_changed_is_named_with_the_file_and_the_way_on(files, change, said):
    slices, folder = files
    load_volume(slices)
    dataset = pydicom.dcmread(folder / "3.dcm")
    change(dataset)
    implicit = dataset.file_meta.TransferSyntaxUID.is_implicit_VR
    dataset.save_as(folder / "3.dcm", implicit_vr=implicit, little_endian=True)
    with pytest.raises(ImageError, match=rf"{said}.*read the headers again") as caught:
        load_volume(slices)
    assert str(folder / "3.dcm") in str(caught.value) and "\n" not in str(caught.value)
    if change not in (_moved, _turned):  # which make another stack
        load_volume(best_stack(header_table(folder, progress=False)))


def test_a_file_that_has_gone_is_named(files):
    slices, folder = files
    os.remove(folder / "3.dcm")
    with pytest.raises(ImageError, match=r"3\.dcm"):
        load_volume(slices)


def test_images_that_have_changed_or_gone_are_rows_with_their_reason(files):
    slices, folder = files
    dataset = pydicom.dcmread(folder / "2.dcm")
    _renamed(dataset)
    dataset.save_as(folder / "2.dcm")
    os.remove(folder / "3.dcm")
    table = pixel_table(slices, progress=False).droplevel("frame")
    table.index = map(os.path.basename, table.index)
    assert "another SOPInstanceUID" in table.loc["2.dcm", "pixel_error"]
    assert "expected a DICOM image" in table.loc["3.dcm", "pixel_error"]
    assert table["min"].notna().sum() == 2 and table["pixel_error"].notna().sum() == 2


def test_files_that_have_changed_places_are_refused(files):
    slices, folder = files
    os.rename(folder / "2.dcm", folder / "other")
    os.rename(folder / "3.dcm", folder / "2.dcm")
    os.rename(folder / "other", folder / "3.dcm")
    with pytest.raises(ImageError, match="another SOPInstanceUID"):
        load_volume(slices)


def test_identity_that_is_hidden_stays_so_and_is_no_change(files, monkeypatch):
    _, folder = files
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a secret")
    slices = best_stack(deidentify(header_table(folder, progress=False)))
    assert load_volume(slices).array.shape[0] == 4
    dataset = pydicom.dcmread(folder / "3.dcm")
    uid = str(dataset.SOPInstanceUID)
    _renamed(dataset)
    dataset.save_as(folder / "3.dcm")
    with pytest.raises(ImageError, match="another SOPInstanceUID") as caught:
        load_volume(slices)
    assert uid not in str(caught.value) and str(dataset.SOPInstanceUID) not in str(caught.value)
    monkeypatch.delenv("DICOM_HIDE_IDENTITY")
    assert load_volume(slices).array.shape[0] == 4, "a pseudonym that is not made says nothing"


def test_a_table_of_few_keywords_says_nothing_of_others(files):
    slices, _ = files
    few = slices.drop(columns=["SOPInstanceUID", "ImageComments"], errors="ignore")
    assert np.array_equal(load_volume(few).array, load_volume(slices).array)
