"""Look-up tables against pydicom where it is right, and against the standard's words everywhere."""

from fractions import Fraction

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from helpers import apply_window, load_slice
from helpers.pixels.frame_header import FrameHeader
from helpers.pixels.luts import read_lut, rescaled, voi_luts_of
from helpers.pixels.window import VoiLut


@st.composite
def tables(draw, depths):
    """(entries, their bits, the VR in which they are written) of a look-up table."""
    bits = draw(st.sampled_from(depths))
    entries = draw(st.lists(st.integers(0, 2**bits - 1), min_size=2, max_size=300))
    return np.array(entries), bits, draw(st.sampled_from(["US", "OW"]))


def _item(entries, first, bits, explanation="a curve", vr="US"):
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries) % 2**16, first, bits])
    item.LUTExplanation = explanation
    data = entries.tolist() if vr == "US" else entries.astype("<u2").tobytes()
    item.add_new("LUTData", vr, data)
    return item


def _header(**sequences):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    for keyword, value in sequences.items():
        setattr(dataset, keyword, value)
    return dataset


@settings(deadline=None)
@given(
    tables([8, 10, 12, 16]),
    st.integers(-3000, 3000),
    st.lists(st.integers(-4000, 4000), min_size=1, max_size=30),
)
def test_a_voi_lut_is_the_standards_and_pydicoms(table, first, values):
    entries, bits, vr = table
    dataset = _header(VOILUTSequence=[_item(entries, first, bits, vr=vr)])
    ((name, curve),) = voi_luts_of(FrameHeader(dataset)).items()
    assert name == "a curve"
    grey = apply_window(values, curve)
    for value, ours in zip(values, grey):
        entry = entries[min(max(value - first, 0), len(entries) - 1)]
        assert ours == pytest.approx(entry / (2**bits - 1), abs=1e-6)
    if bits > 8:  # with 8 pydicom lets indices beyond 255 wrap around
        theirs = apply_voi_lut(np.array(values, np.int16), dataset) / (2**bits - 1)
        assert np.allclose(grey, theirs, atol=1e-6)


@settings(deadline=None)
@given(
    tables([8, 16]),
    st.integers(0, 3000),
    st.lists(st.integers(0, 60_000), min_size=1, max_size=30),
)
def test_a_modality_lut_is_pydicoms_where_nothing_is_negative(table, first, stored):
    entries, bits, vr = table
    dataset = _header(ModalityLUTSequence=[_item(entries, first, bits, vr=vr)])
    values = np.array(stored, np.uint16)
    ours = rescaled(values, FrameHeader(dataset))
    assert ours.dtype == np.int32 and np.array_equal(ours, apply_modality_lut(values, dataset))


@given(
    st.lists(st.integers(-3000, 3000), min_size=1, max_size=30),
    st.integers(-2000, 2000),
    st.integers(1, 500),
)
def test_a_modality_lut_is_the_standards_everywhere(stored, first, count):
    entries = np.arange(count) * 7 + 3
    found = rescaled(
        np.array(stored, np.int16),
        FrameHeader(_header(ModalityLUTSequence=[_item(entries, first, 16)])),
    )
    for value, ours in zip(stored, found):
        assert ours == entries[0 if value <= first else min(value - first, count - 1)]


@given(
    st.sampled_from([np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32]),
    st.sampled_from([1, -1, 2, 40, 0.5, 1e-3]),
    st.sampled_from([0, -1024, 40_000, -70_000, 0.25]),
    st.data(),
)
def test_a_rescale_is_pythons_own_arithmetic(dtype, slope, intercept, data):
    """In any type of stored values, and into the narrowest that holds what the header allows."""
    limits = np.iinfo(dtype)
    stored = data.draw(st.lists(st.integers(limits.min, limits.max), min_size=1, max_size=20))
    header = _header(
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        BitsStored=limits.bits,
        PixelRepresentation=int(limits.min < 0),
    )
    found = rescaled(np.array(stored, dtype), FrameHeader(header))
    expected = [Fraction(str(slope)) * value + Fraction(str(intercept)) for value in stored]
    ends = [slope * end + intercept for end in (limits.min, limits.max)]
    if slope % 1 or intercept % 1 or min(ends) < -(2**31) or max(ends) >= 2**31:
        assert found.dtype == np.float32
        assert found == pytest.approx(list(map(float, expected)), rel=1e-6)
    else:
        fits = min(ends) >= -(2**15) and max(ends) < 2**15
        assert found.dtype == (np.int16 if fits else np.int32) and found.tolist() == expected


def test_entries_of_eight_bits_may_be_packed_two_in_a_word():
    item = _item(np.array([0x0201, 0x0403]), 5, 8, vr="OW")
    item.LUTDescriptor = [4, 5, 8]
    lut = read_lut(item, "VOILUTSequence", signed=False)
    assert lut.entries.tolist() == [1, 2, 3, 4] and lut.first == 5


def test_a_first_value_written_unsigned_is_negative_where_values_are():
    item = _item(np.arange(3), 64_536, 16)
    assert read_lut(item, "VOILUTSequence", signed=True).first == -1000
    assert read_lut(item, "VOILUTSequence", signed=False).first == 64_536


@pytest.mark.parametrize("descriptor", [None, [3, 0], [9, 0, 16]])
def test_a_table_that_is_not_whole_is_refused(descriptor):
    item = _item(np.arange(3), 0, 16)
    if descriptor is None:
        del item.LUTDescriptor
    else:
        item.LUTDescriptor = descriptor
    header = FrameHeader(
        _header(
            ModalityLUTSequence=[item], VOILUTSequence=[item, _item(np.arange(3), 0, 16, "whole")]
        )
    )
    with pytest.raises(ValueError, match=r"expected .* ModalityLUTSequence"):
        rescaled(np.zeros((2, 2), np.uint16), header)
    assert list(voi_luts_of(header)) == ["whole"], "a table that is not whole is left out"


def test_windows_and_tables_are_alternatives_by_name(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.VOILUTSequence = [
        _item(np.arange(256), -128, 8, "SOFT"),
        _item(np.arange(256), -500, 8, ""),
    ]
    dataset.save_as(tmp_path / "image.dcm")
    image = load_slice(tmp_path / "image.dcm")
    assert (
        list(image.windows) == ["window 1", "SOFT", "look-up table 2"]
        and image.window()[0] == "window 1"
    )
    assert isinstance(image.window("SOFT")[1], VoiLut)
    expected = np.clip(image.array + 128, 0, 255) / 255
    assert np.allclose(image.grey("SOFT"), expected, atol=1e-6)


def test_names_that_clash_cost_no_window():
    header = _header(
        WindowCenter=[1, 2, 3],
        WindowWidth=[10, 10, 10],
        WindowCenterWidthExplanation=["A 3", "A", "A"],
    )
    assert [window.center for window in voi_luts_of(FrameHeader(header)).values()] == [1, 2, 3]


@pytest.mark.parametrize("pixels", [[-900, 0], [0, 900]])
def test_the_sign_of_a_table_depends_on_the_header_and_not_on_the_image(phantom, tmp_path, pixels):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")
    dataset.PixelRepresentation, dataset.RescaleIntercept, dataset.BitsStored, dataset.HighBit = (
        0,
        -1024,
        12,
        11,
    )
    dataset.Rows, dataset.Columns, dataset.PixelData = (
        1,
        2,
        (np.array(pixels) + 1024).astype("<u2").tobytes(),
    )
    del dataset.WindowCenter, dataset.WindowWidth
    dataset.VOILUTSequence = [_item(np.arange(4096), 64_512, 12)]
    dataset.save_as(tmp_path / "image.dcm")
    assert load_slice(tmp_path / "image.dcm").grey().tolist() == [
        pytest.approx([(value + 1024) / 4095 for value in pixels])
    ]


def test_a_modality_lut_of_one_frame_is_that_frames(real, tmp_path):
    """Where pydicom looks at the top of the file alone."""
    path = next((real / "series/mr-enhanced-philips").iterdir())
    dataset = pydicom.dcmread(path)
    plain = load_slice(path, frame=2).array
    group = dataset.PerFrameFunctionalGroupsSequence[3]
    entries = np.arange(4096) % 97
    item = _item(entries, 0, 16)
    item.ModalityLUTType = "US"
    group.PixelValueTransformationSequence[0].ModalityLUTSequence = [item]
    dataset.save_as(tmp_path / "image.dcm")
    stored = dataset.pixel_array[3].astype(int)
    assert np.array_equal(
        load_slice(tmp_path / "image.dcm", frame=3).array, entries[np.clip(stored, 0, 4095)]
    )
    assert np.array_equal(load_slice(tmp_path / "image.dcm", frame=2).array, plain)


def test_a_table_of_a_frame_is_offered_for_that_frame(real, tmp_path):
    path = next((real / "series/mr-enhanced-philips").iterdir())
    dataset = pydicom.dcmread(path)
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        group.FrameVOILUTSequence[0].VOILUTSequence = [
            _item(np.arange(256), 0, 8, f"of frame {number}")
        ]
    dataset.save_as(tmp_path / "image.dcm")
    assert "of frame 4" in load_slice(tmp_path / "image.dcm", frame=4).windows
