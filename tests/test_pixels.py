"""Values of one image: what the header says of them is done, or refused; never half done."""

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_windowing

from helpers import load_slice
from helpers.pixels.image import ImageError
from helpers.pixels.window import WindowError


@pytest.fixture
def dataset(phantom):
    """A small clean CT image to change."""
    return pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")


def _slice(dataset, tmp_path):
    dataset.save_as(tmp_path / "image.dcm")
    return load_slice(tmp_path / "image.dcm")


@pytest.mark.parametrize(
    ("function", "width"),
    [("LINEAR", 900), ("LINEAR_EXACT", 900), ("LINEAR_EXACT", 0.5), ("SIGMOID", 900)],
)
def test_the_files_window_is_applied_by_its_own_function(dataset, tmp_path, function, width):
    dataset.VOILUTFunction, dataset.WindowCenter, dataset.WindowWidth = function, -200, width
    image = _slice(dataset, tmp_path)
    with np.errstate(over="ignore"):
        theirs = apply_windowing(image.array.astype(float), dataset)
    low, high = (-(2**15) + 0.0, 2**15 - 1.0)  # signed 16 bits, intercept 0
    assert np.allclose(image.grey(), (theirs - low) / (high - low), atol=1e-5)


def test_a_window_without_meaning_is_left_out(dataset, tmp_path):
    dataset.WindowCenter, dataset.WindowWidth = [40, 50], [0, 350]
    image = _slice(dataset, tmp_path)
    assert list(image.windows) == ["window 2"]


def test_windows_of_one_name_are_all_kept(dataset, tmp_path):
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.WindowCenterWidthExplanation = ["NORMAL", "NORMAL"]
    windows = _slice(dataset, tmp_path).windows
    assert {name: window[:2] for name, window in windows.items()} == {
        "NORMAL": (40, 400),
        "NORMAL 2": (-600, 1500),
    }


def test_a_rescale_that_is_no_number_is_refused(dataset, tmp_path):
    raw = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(0x00281052), "DS", 8, b"-1024;0 ", 0, False, True
    )
    dataset[0x00281052] = raw
    with pytest.raises(
        ImageError,
        match=r"cannot interpret the values of .*image.dcm: ValueError: .*RescaleIntercept.*1024;0",
    ):
        _slice(dataset, tmp_path)


def test_a_modality_lut_stands_for_the_rescale(dataset, tmp_path):
    item = pydicom.Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [4096, 0, 16], "US"
    item.add_new(0x00283006, "OW", (np.arange(4096, dtype="<u2") * 10).tobytes())
    del dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType
    dataset.ModalityLUTSequence = [item]
    stored = np.clip(dataset.pixel_array, 0, 4095).astype("<u2")
    dataset.PixelRepresentation, dataset.PixelData = 0, stored.tobytes()
    assert np.array_equal(_slice(dataset, tmp_path).array, apply_modality_lut(stored, dataset))


@pytest.mark.parametrize(
    ("signed", "padding", "limit", "masked"),
    [
        (1, -2000, None, [-2000]),
        (1, 63536, None, [-2000]),  # the same bits read without the sign
        (0, 10, 20, [10, 15, 20]),
        (0, 20, 10, [10, 15, 20]),  # MONOCHROME1 orders them the other way
        (1, None, None, []),
    ],
)
def test_declared_padding(dataset, tmp_path, signed, padding, limit, masked):
    values = np.array(
        [-2000, 0, 5, 10, 15, 20, 25, 30] if signed else [0, 5, 10, 15, 20, 25, 30, 40]
    )
    dataset.Rows, dataset.Columns, dataset.PixelRepresentation = 1, 8, signed
    dataset.PixelData = values.astype("<i2" if signed else "<u2").tobytes()
    if padding is not None:
        dataset.add_new(0x00280120, "US" if padding > 32767 or not signed else "SS", padding)
    if limit is not None:
        dataset.add_new(0x00280121, "US", limit)
    image = _slice(dataset, tmp_path)
    found = [] if image.padding is None else image.array[image.padding].tolist()
    assert found == masked


def test_numbers_that_are_none_are_padding_and_not_values(real, tmp_path):
    dataset = pydicom.dcmread(real / "odd/pydicom-data/parametric_map_float.dcm")
    values = np.frombuffer(dataset.FloatPixelData, "<f4").copy()
    values[:5] = np.nan
    dataset.FloatPixelData = values.tobytes()
    image = _slice(dataset, tmp_path)
    assert (
        np.isfinite(image.array).all()
        and image.padding.ravel()[:5].all()
        and np.isfinite(image.grey()).all()
    )


def test_a_patient_orientation_of_one_word_gives_no_letters(dataset, tmp_path):
    del dataset.ImageOrientationPatient
    dataset.PatientOrientation = "AR"
    assert _slice(dataset, tmp_path).letters == ("?",) * 4
    dataset.PatientOrientation = ["L", "P"]
    assert _slice(dataset, tmp_path).letters == ("R", "L", "A", "P")


def test_an_element_that_cannot_be_read_is_named(dataset, tmp_path):
    dataset[0x00280120] = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(0x00280120), "SS", 1, b"\x01", 0, False, True
    )
    with pytest.raises(
        ImageError, match=r"cannot interpret the values of .*image.dcm: BytesLengthException"
    ):
        _slice(dataset, tmp_path)


@pytest.fixture
def dose(dataset):
    """The image as a dose of two frames; takes it and the values that are stored."""

    def make(stored, scaling=0.0025, units="GY"):
        del dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType
        bits = 8 * stored.dtype.itemsize
        elements = {
            **{"Modality": "RTDOSE", "DoseGridScaling": scaling, "DoseUnits": units},
            **{"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1},
            **{"PixelRepresentation": 0, "NumberOfFrames": len(stored)},
            **{"Rows": stored.shape[1], "Columns": stored.shape[2]},
        }
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        del dataset.WindowCenter, dataset.WindowWidth
        dataset.PixelData = stored.tobytes()
        return dataset

    return make


@pytest.mark.parametrize("kind", ["<u2", "<u4"])
@pytest.mark.parametrize("scaling", [0.0025, 2.5e-8, 1, 2])
def test_a_dose_is_in_gray(dose, tmp_path, kind, scaling):
    stored = np.arange(24).reshape(2, 3, 4) * (np.iinfo(kind).max // 24)
    dose(stored.astype(kind), scaling).save_as(tmp_path / "dose.dcm")
    for frame in (0, 1):
        image = load_slice(tmp_path / "dose.dcm", frame=frame)
        assert image.unit == "Gy" and image.array.dtype == np.float32
        assert np.allclose(image.array, stored[frame] * float(scaling), rtol=1e-6)
        with pytest.raises(WindowError, match=r"expected values in HU .*'lungs', got Gy"):
            image.grey("lungs")


def test_a_relative_dose_has_no_unit(dose, tmp_path):
    dose(np.ones((1, 2, 2), "<u2"), 0.01, "RELATIVE").save_as(tmp_path / "dose.dcm")
    image = load_slice(tmp_path / "dose.dcm")
    assert image.unit == "" and image.array == pytest.approx(0.01)


def test_a_dose_shows_from_its_air_to_its_highest_values(dose, tmp_path):
    """Most of a plan's grid has next to no dose; the window is that of what was irradiated."""
    height, width = np.mgrid[:60, :80]
    gray = 60 * np.exp(-(((height - 30) / 8) ** 4) - ((width - 40) / 10) ** 4)
    stored = np.round(gray / 1e-3).astype("<u4")[None]
    dose(stored, 1e-3).save_as(tmp_path / "dose.dcm")
    name, window = load_slice(tmp_path / "dose.dcm").window()
    low, high = window.limits
    assert name == "body" and low < 10 and 55 < high <= 60


def test_a_dose_without_its_scaling_is_not_in_gray(dose, tmp_path):
    dataset = dose(np.full((1, 2, 2), 7, "<u2"))
    del dataset.DoseGridScaling
    dataset.save_as(tmp_path / "dose.dcm")
    image = load_slice(tmp_path / "dose.dcm")
    assert image.unit == "" and (image.array == 7).all()
