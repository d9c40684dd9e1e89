"""Headers that lack one thing give a picture with the guess on it; that lack two, none."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import RLELossless
from stacks_of import best_stack

from helpers import (
    audit,
    decoder_table,
    header_table,
    load_slice,
    load_volume,
    pixel_table,
    show_slice,
    slice_table,
    stack_table,
    straightened,
)
from helpers.pixels.image import ImageError
from helpers.slices.grid import StackError
from helpers.viewer.viewer_data import volume_data

UNSIGNED, SIGNED, ENHANCED = "P01-reference/40.dcm", "P03-interspaced/8.dcm", "P42-one-file/1.dcm"


@pytest.fixture
def read(phantom):
    """Reads a file of the phantom, to be changed."""
    return lambda name: pydicom.dcmread(phantom / name)


@pytest.fixture
def shown(tmp_path):
    """Writes a data set and loads its picture."""

    def load(dataset: Dataset, **options):
        dataset.save_as(tmp_path / "image.dcm")
        return load_slice(tmp_path / "image.dcm", **options)

    return load


def _write_text(dataset: Dataset, keyword: str, text: str) -> None:
    """Puts numbers into a data set as they would stand in a file, whatever pydicom thinks."""
    tag, value = Tag(tag_for_keyword(keyword)), text.encode()
    value += b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)


def _in_colour(dataset: Dataset) -> Dataset:
    """The same image as one of colours, no two alike."""
    grey = np.clip(dataset.pixel_array / 16, 0, 255).astype(np.uint8)
    colours = np.stack([grey, 255 - grey, grey // 2], axis=-1)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = colours.tobytes()
    return dataset


def _compressed(dataset: Dataset) -> Dataset:
    dataset.compress(RLELossless, generate_instance_uid=False)
    return dataset


# one thing that lacks


@pytest.mark.parametrize("change", [lambda dataset: dataset, _compressed])
@pytest.mark.parametrize(
    ("name", "keyword", "guess"),
    [
        (UNSIGNED, "PixelRepresentation", "Pixel Representation 0 (unsigned)"),
        (SIGNED, "PixelRepresentation", "Pixel Representation 1 (signed)"),
        (UNSIGNED, "SamplesPerPixel", "Samples per Pixel 1"),
        (UNSIGNED, "PhotometricInterpretation", "Photometric Interpretation MONOCHROME2"),
    ],
)
def test_a_grey_image_that_lacks_one_element(read, shown, change, name, keyword, guess):
    dataset = change(read(name))
    whole = shown(dataset)
    setattr(dataset, keyword, None)
    empty = shown(dataset)
    delattr(dataset, keyword)
    for picture in (empty, shown(dataset)):
        assert picture.caption["remark"] == f"guessed: {guess}"
        assert picture.array.dtype == whole.array.dtype and whole.caption["remark"] == ""
        assert np.array_equal(picture.array, whole.array)


@pytest.mark.parametrize(
    ("keyword", "guess"),
    [
        ("SamplesPerPixel", "Samples per Pixel 3"),
        ("PlanarConfiguration", "Planar Configuration 0 (colour by pixel)"),
        ("PhotometricInterpretation", "Photometric Interpretation RGB"),
    ],
)
def test_an_image_in_colour_that_lacks_one_element(read, shown, keyword, guess):
    dataset = _in_colour(read(UNSIGNED))
    whole = shown(dataset)
    delattr(dataset, keyword)
    picture = shown(dataset)
    assert picture.caption["remark"] == f"guessed: {guess}"
    assert np.array_equal(picture.array, whole.array) and whole.array.std(axis=2).any()


def test_colours_by_plane_are_told_by_their_rows(read, shown):
    dataset = _in_colour(read(UNSIGNED))
    whole = shown(dataset)
    by_pixel = np.frombuffer(dataset.PixelData, np.uint8).reshape(-1, 3)
    dataset.PlanarConfiguration, dataset.PixelData = 1, by_pixel.T.tobytes()
    del dataset.PlanarConfiguration
    picture = shown(dataset)
    assert picture.caption["remark"] == "guessed: Planar Configuration 1 (colour by plane)"
    assert np.array_equal(picture.array, whole.array)


def test_compressed_colours_need_no_configuration(read, shown):
    dataset = _compressed(_in_colour(read(UNSIGNED)))
    whole = shown(dataset)
    del dataset.PlanarConfiguration
    picture = shown(dataset)
    assert picture.caption["remark"].startswith("guessed: Planar Configuration")
    assert np.array_equal(picture.array, whole.array)


def test_a_palette_makes_grey_a_colour(read, shown):
    dataset = _in_colour(read(UNSIGNED))
    del dataset.PlanarConfiguration
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "PALETTE COLOR"
    dataset.PixelData = dataset.PixelData[::3]
    for number, colour in enumerate(("Red", "Green", "Blue")):
        entries = np.roll(np.arange(256, dtype="<u2") * 256, number)
        name = f"{colour}PaletteColorLookupTable"
        dataset.add_new(f"{name}Descriptor", "US", [256, 0, 16])
        setattr(dataset, f"{name}Data", entries.tobytes())
    whole = shown(dataset)
    assert whole.array.ndim == 3
    del dataset.PhotometricInterpretation
    picture = shown(dataset)
    assert picture.caption["remark"] == "guessed: Photometric Interpretation PALETTE COLOR"
    assert np.array_equal(picture.array, whole.array)


def test_monochrome_is_monochrome2(read, shown):
    dataset = read(UNSIGNED)
    whole = shown(dataset)
    dataset.PhotometricInterpretation = "MONOCHROME"
    picture = shown(dataset)
    assert np.array_equal(picture.grey(), whole.grey())
    assert picture.caption["remark"] == "guessed: Photometric Interpretation MONOCHROME2"


def test_the_guess_stands_on_the_picture(read, shown):
    dataset = read(UNSIGNED)
    del dataset.PixelRepresentation
    texts = " ".join(text.get_text() for text in show_slice(shown(dataset)).texts)
    assert "guessed: Pixel Representation 0 (unsigned)" in " ".join(texts.split())


def test_the_guess_stands_beside_another_remark(read, shown):
    dataset = _in_colour(read(UNSIGNED))
    dataset.ICCProfile = b"no profile"
    del dataset.PlanarConfiguration
    remark = shown(dataset).caption["remark"]
    assert remark.startswith("guessed: Planar Configuration 0 (colour by pixel); colours as stored")


# signed, or not


def _of_values(dataset: Dataset, values: np.ndarray, bits: int, **elements) -> Dataset:
    """An image of 16-bit cells without a sign in its header, of which some bits are stored."""
    dataset.PixelData = values.astype("<i2").view("<u2").tobytes()
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    del dataset.PixelRepresentation
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


RAMP = np.arange(64 * 64).reshape(64, 64)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("order", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_values_on_both_sides_of_0_are_signed(read, shown, bits, order, modality):
    values = RAMP // 2 - 1000
    dataset = _of_values(read(UNSIGNED), values, bits, Modality=modality, RescaleIntercept=0)
    dataset.file_meta.TransferSyntaxUID = order
    picture = shown(dataset)
    assert np.array_equal(picture.array, values)
    assert picture.caption["remark"] == "guessed: Pixel Representation 1 (signed)"


@pytest.mark.parametrize("bits", [12, 16])
def test_values_that_reach_from_0_into_the_upper_half_are_unsigned(read, shown, bits):
    values = RAMP * 10 if bits == 16 else RAMP // 2 + 1000
    dataset = _of_values(read(UNSIGNED), values, bits, RescaleIntercept=0)
    assert np.array_equal(shown(dataset).array, values)


def test_8_bits_are_never_signed(read, shown):
    dataset = _in_colour(read(UNSIGNED))
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelData = np.resize([0, 127, 191, 255], 128 * 128).astype(np.uint8).tobytes()
    dataset.RescaleIntercept = 0
    del dataset.PlanarConfiguration, dataset.PixelRepresentation
    assert np.unique(shown(dataset).array).tolist() == [0, 127, 191, 255]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_padding_is_read_with_the_guessed_sign(read, shown, syntax):
    dataset = read("P02-interspaced/12.dcm")
    whole = shown(dataset)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset["PixelPaddingValue"].VR = "SS"
    del dataset.PixelRepresentation
    picture = shown(dataset)
    assert picture.padding.sum() == whole.padding.sum() > 0 and not picture.caption["padding"]
    assert np.array_equal(picture.array, whole.array)


def test_big_endian_values_tell_their_sign_too(read, tmp_path):
    values = RAMP // 2 - 1000
    dataset = _of_values(read(UNSIGNED), values, 16, RescaleIntercept=0)
    dataset.PixelData = values.astype(">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    path = tmp_path / "image.dcm"
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False)
    assert np.array_equal(load_slice(path).array, values)


@pytest.mark.parametrize(
    ("elements", "sign"),
    [
        ({"Modality": "CT", "RescaleIntercept": 0}, "1 (signed)"),  # it could hold no air else
        ({"Modality": "CT", "RescaleIntercept": -66560}, "0 (unsigned)"),
        ({"Modality": "MR", "RescaleIntercept": 0}, "0 (unsigned)"),
        ({"Modality": "MR", "RescaleIntercept": 0, "PixelPaddingValue": -2000}, "1 (signed)"),
    ],
)
def test_of_values_that_all_lie_below_0_or_none_the_header_tells(read, shown, elements, sign):
    dataset = _of_values(read(UNSIGNED), -1000 - RAMP // 100, 16)
    if padding := elements.get("PixelPaddingValue"):
        dataset.add_new("PixelPaddingValue", "SS", padding)
    for keyword in ("Modality", "RescaleIntercept"):
        setattr(dataset, keyword, elements[keyword])
    assert shown(dataset).caption["remark"] == f"guessed: Pixel Representation {sign}"


# more than one thing, or nothing to guess from


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        (
            ["SamplesPerPixel", "PixelRepresentation"],
            "no Samples per Pixel, no Pixel Representation",
        ),
        (
            ["SamplesPerPixel", "PhotometricInterpretation"],
            "no Samples per Pixel, no Photometric Interpretation",
        ),
        (["BitsStored", "PixelRepresentation"], "no Bits Stored, no Pixel Representation"),
    ],
)
def test_two_things_are_never_guessed(read, shown, lacking, named):
    dataset = read(UNSIGNED)
    for keyword in lacking:
        delattr(dataset, keyword)
    with pytest.raises(ImageError, match=rf"got {named}: more than one thing is not guessed; ask"):
        shown(dataset)


def test_a_comma_and_a_missing_element_are_two_things(read, shown):
    dataset = read(UNSIGNED)
    del dataset.PixelRepresentation
    _write_text(dataset, "PixelSpacing", "0,75\\0,75")
    named = r"no Pixel Representation, 0,75\\0,75 as Pixel Spacing: more than one"
    with pytest.raises(ImageError, match=named):
        shown(dataset)


@pytest.mark.parametrize(
    ("change", "keyword", "named"),
    [
        (_compressed, "PhotometricInterpretation", "no Photometric Interpretation"),
        (lambda dataset: dataset, "BitsStored", "no Bits Stored"),
        (lambda dataset: dataset, "BitsAllocated", "no Bits Allocated"),
    ],
)
def test_what_nothing_supports_is_not_guessed(read, shown, change, keyword, named):
    dataset = change(_in_colour(read(UNSIGNED)))
    delattr(dataset, keyword)
    with pytest.raises(ImageError, match=f"got {named}: nothing supports a guess; ask"):
        shown(dataset)


def test_grey_that_has_the_bytes_of_a_colour_is_refused(read, shown):
    dataset = _in_colour(read(UNSIGNED))
    del dataset.SamplesPerPixel
    dataset.PhotometricInterpretation = "MONOCHROME2"
    with pytest.raises(ImageError, match="expected 3 as Number of Frames"):
        shown(dataset)


@pytest.mark.parametrize(
    ("keyword", "named"),
    [
        ("SamplesPerPixel", r"expected a DICOM image in .*BytesLengthException"),
        ("PixelRepresentation", "got Pixel Representation that cannot be read: nothing supports"),
        ("BitsStored", "got Bits Stored that cannot be read: nothing supports"),
    ],
)
def test_an_element_that_cannot_be_read_is_no_reason_for_a_guess(read, shown, keyword, named):
    dataset = read(UNSIGNED)
    tag = Tag(tag_for_keyword(keyword))
    dataset[tag] = RawDataElement(tag, "US", 1, b"\1", 0, False, True)
    with pytest.raises(ImageError, match=named):
        shown(dataset)


# decimal commas


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        ({"RescaleSlope": "1,0"}, "Rescale Slope"),
        ({"RescaleIntercept": "-1024,0"}, "Rescale Intercept"),
        ({"RescaleSlope": "1,0", "RescaleIntercept": "-1024,"}, "Rescale Slope, Rescale Intercept"),
        ({"WindowCenter": "-500\\40,0"}, "Window Center"),
        ({"WindowWidth": "1700,0\\400,0"}, "Window Width"),
        ({"PixelSpacing": "3,0\\3,000"}, "Pixel Spacing"),
        ({"PixelSpacing": "3,\\3", "WindowWidth": "1700,0\\400"}, "Pixel Spacing, Window Width"),
    ],
)
def test_decimal_commas_are_one_guess(read, shown, texts, names):
    dataset = read(UNSIGNED)
    whole = shown(dataset)
    for keyword, text in texts.items():
        _write_text(dataset, keyword, text)
    picture = shown(dataset)
    assert picture.caption["remark"] == f"guessed: decimal comma in {names}"
    assert np.array_equal(picture.array, whole.array) and picture.windows == whole.windows
    assert picture.spacing == whole.spacing == (3, 3) and picture.spacing_unit == "mm"


def test_a_comma_in_the_spacing_at_the_detector(read, shown):
    dataset = read("P20-no-spacing/8.dcm")
    _write_text(dataset, "ImagerPixelSpacing", "0,15\\0,2")
    picture = shown(dataset)
    assert picture.spacing == (0.15, 0.2)
    assert picture.caption["remark"] == "guessed: decimal comma in Imager Pixel Spacing"


def test_what_may_be_thousands_is_not_guessed(read, shown):
    dataset = read(UNSIGNED)
    _write_text(dataset, "WindowWidth", "1,700\\400")
    picture = shown(dataset)
    assert not picture.windows and not picture.caption["remark"]
    _write_text(dataset, "RescaleIntercept", "-1,024")
    with pytest.raises(ImageError, match="expected a number as RescaleIntercept, got '-1,024'"):
        shown(dataset)


# a slope of 0


def test_a_slope_of_0_is_named(read, shown, tmp_path):
    dataset = read(UNSIGNED)
    dataset.RescaleSlope = 0
    named = r"image.dcm: .* a Rescale Slope other than 0, got 0, .*: see .* pydicom, or ask for"
    with pytest.raises(ImageError, match=named):
        shown(dataset)
    assert "Rescale Slope other than 0" in pixel_table(header_table(tmp_path))["pixel_error"].item()


def test_a_slope_of_0_of_one_frame_is_named(read, shown, tmp_path):
    dataset = read(ENHANCED)
    groups = dataset.PerFrameFunctionalGroupsSequence
    (shared,) = dataset.SharedFunctionalGroupsSequence
    for number, group in enumerate(groups):
        (item,) = shared.PixelValueTransformationSequence
        own = pydicom.Dataset()
        own.update(item)
        own.RescaleSlope = 0 if number == 7 else 1
        group.PixelValueTransformationSequence = [own]
    del shared.PixelValueTransformationSequence
    assert shown(dataset, frame=6).array.any()
    with pytest.raises(ImageError, match="Rescale Slope other than 0"):
        shown(dataset, frame=7)
    headers = header_table(tmp_path)
    with pytest.raises(ImageError, match=r"image.dcm.*Rescale Slope other than 0"):
        load_volume(best_stack(headers))
    found = audit(headers).set_index("rule").loc["zero-slope"]
    assert found["path"] == headers.index[0] and found["value"].startswith("Rescale Slope 0")


# whole stacks


@pytest.fixture
def stack(phantom, tmp_path):
    """Writes a small stack, some of its files changed; returns its header table."""

    def write(change, files=slice(None)):
        paths = header_table(phantom / "P03-interspaced").index.map(Path)
        for path in paths:
            dataset = pydicom.dcmread(path)
            if path in paths[files]:
                change(dataset)
            dataset.save_as(tmp_path / path.name)
        return header_table(tmp_path)

    return write


@pytest.mark.parametrize("files", [slice(None), slice(4, 6)])
@pytest.mark.parametrize(
    ("texts", "lacking", "guess"),
    [
        ({}, "PixelRepresentation", "Pixel Representation 1 (signed)"),
        ({}, "SamplesPerPixel", "Samples per Pixel 1"),
        ({}, "PhotometricInterpretation", "Photometric Interpretation MONOCHROME2"),
        ({"RescaleSlope": "1,0"}, None, "decimal comma in Rescale Slope"),
        ({"WindowCenter": "-550,0"}, None, "decimal comma in Window Center"),
    ],
)
def test_a_volume_says_what_was_guessed(phantom, stack, files, texts, lacking, guess):
    def change(dataset):
        for keyword, text in texts.items():
            _write_text(dataset, keyword, text)
        if lacking:
            delattr(dataset, lacking)

    headers = stack(change, files)
    volume, whole = (
        load_volume(best_stack(table))
        for table in (headers, header_table(phantom / "P03-interspaced"))
    )
    assert np.array_equal(volume.array, whole.array) and volume.windows == whole.windows
    guessed = len(headers.index[files])
    some = "" if guessed == len(headers) else f" ({guessed} of {len(headers)} images)"
    assert volume.caption["remark"] == f"guessed: {guess}{some}"
    assert volume_data(volume, {})["planes"]["axial"]["words"][0] == f"guessed: {guess}{some}"
    assert (pixel_table(headers)["pixel_error"].isna()).all()
    found = audit(headers, pixels=True).query("rule == 'guessed-header'")
    assert found["path"].tolist() == headers.index[files].tolist()


def test_a_volume_with_several_windows_says_it_of_one(stack):
    texts = {"WindowCenter": "-550,0\\40", "WindowWidth": "1600\\400"}
    headers = stack(lambda dataset: [_write_text(dataset, *one) for one in texts.items()])
    volume = load_volume(best_stack(headers))
    assert [window[:2] for window in volume.windows.values()] == [(-550, 1600), (40, 400)]
    assert volume.caption["remark"] == "guessed: decimal comma in Window Center"


def test_a_stack_whose_spacing_has_a_comma_says_why_it_is_no_volume(stack):
    headers = stack(lambda dataset: _write_text(dataset, "PixelSpacing", "3,0\\3,0"))
    assert set(headers["PixelSpacing"]) == {("3,0", "3,0")}, "what the files hold"
    slices = slice_table(headers)
    (row,) = stack_table(slices).itertuples()
    assert row.volume == "no" and "no usable PixelSpacing in 15 of 15" in row.problems
    with pytest.raises(StackError, match=r"no usable PixelSpacing .* see load_slice\(path\)"):
        load_volume(best_stack(headers))
    values = audit(headers, slices).set_index("rule").loc["guessed-header", "value"]
    said = "3,0\\3,0 as Pixel Spacing; guessed: decimal comma in Pixel Spacing"
    assert values.tolist() == 15 * [said]


@pytest.mark.parametrize("files", [slice(None), slice(4, 5)])
def test_a_volume_with_a_slope_of_0_is_refused_by_its_name(stack, files):
    headers = stack(lambda dataset: setattr(dataset, "RescaleSlope", 0), files)
    with pytest.raises(ImageError, match=r"\d\.dcm: .* a Rescale Slope other than 0"):
        load_volume(best_stack(headers))


def test_a_straightened_volume_still_says_it(phantom, tmp_path):
    for path in (phantom / "P39-gantry-tilted").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PhotometricInterpretation = "MONOCHROME"
        dataset.save_as(tmp_path / path.name)
    remark = straightened(load_volume(best_stack(header_table(tmp_path)))).caption["remark"]
    assert remark.startswith("guessed: Photometric Interpretation MONOCHROME2; straightened from")


# findings


def test_findings_say_what_lacks_and_what_is_guessed(phantom_headers):
    found = audit(phantom_headers).set_index("rule")
    assert set(found.loc["guessed-header", "value"]) == {
        "no Pixel Representation; guessed: Pixel Representation from how the values lie",
        "MONOCHROME as Photometric Interpretation; guessed: Photometric Interpretation MONOCHROME2",
        "1600,0 as Window Width; guessed: decimal comma in Window Width",
    }
    lacks = "no Samples per Pixel, no Pixel Representation"
    assert found.loc["incomplete-header", "value"] == lacks
    assert set(found.loc["zero-slope", "value"]) == {"Rescale Slope 0, Rescale Intercept 0"}


def test_tables_agree_about_what_cannot_be_shown(phantom_headers):
    patients = ["P60-guessed-header", "P61-header-incomplete", "P62-slope-zero"]
    rows = phantom_headers[phantom_headers["PatientID"].isin(patients)]
    errors = pixel_table(rows)["pixel_error"].dropna()
    found = audit(rows)
    lost = found["rule"].isin(["incomplete-header", "zero-slope"])
    assert set(errors.index) == set(found["path"][lost])
    assert decoder_table(rows)["decodable"].all()


def test_a_slope_of_0_that_is_not_used_is_no_finding(read, shown, tmp_path):
    dataset = _in_colour(read(UNSIGNED))
    dataset.RescaleSlope = 0
    assert shown(dataset).array.any()
    assert "zero-slope" not in set(audit(header_table(tmp_path))["rule"])
