"""What each frame of a multi-frame object says: against a plain walk with pydicom."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from helpers.headers.elements import DIFFUSION_COLUMNS, FastPathNotApplicable, python_value
from helpers.headers.table import header_table
from helpers.privacy.pseudonyms import VARIABLE
from helpers.slices.fast_groups import split_groups
from helpers.slices.functional_groups import (
    _by_pydicom,
    deidentified_columns,
    read_frame_columns,
)

MR = "1.2.840.10008.5.1.4.1.1.4.1"
SHIPPED = Path(pydicom.__file__).parent / "data"  # files of pydicom
FIRST_FRAMES = 20  # of a file that are compared


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def write(path, frames, *, shared=None, syntax=ExplicitVRLittleEndian, **more):
    """Writes an enhanced MR image with the functional groups of each frame."""
    dataset = item(
        **{"SOPClassUID": MR, "SOPInstanceUID": generate_uid(), "SeriesInstanceUID": "1.2.3"},
        **{"Modality": "MR", "Rows": 2, "Columns": 3, "SamplesPerPixel": 1},
        **{"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0},
        **{"PhotometricInterpretation": "MONOCHROME2", "NumberOfFrames": len(frames)},
        **{"StudyInstanceUID": "1.2", "PatientID": "P"},
        **more,
    )
    if shared is not None:
        dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = bytes(2 * 6 * len(frames))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return str(path)


def undelimited(datasets):
    """Gives all sequences and items of datasets an undefined length, with delimiters."""
    for dataset in datasets:
        dataset.is_undefined_length_sequence_item = True
        for element in dataset:
            if element.VR == "SQ":
                element.is_undefined_length = True
                undelimited(element.value)
    return datasets


def diffusion(number):
    """What one frame of a diffusion scan says."""
    direction = item(DiffusionGradientOrientation=[0.6, 0.8, number % 3])
    return item(
        FrameContentSequence=[
            item(
                **{"FrameAcquisitionDateTime": f"20200101120000.{number:06}", "StackID": "A"},
                **{"InStackPositionNumber": number + 1, "TemporalPositionIndex": 1},
                **{
                    "DimensionIndexValues": [1, number + 1],
                    "FrameAcquisitionDuration": 1.5 * number,
                },
            )
        ],
        PlanePositionSequence=[item(ImagePositionPatient=[0.5, -1.5, 2.0 * number])],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        MRDiffusionSequence=[
            item(
                DiffusionBValue=100.0 * (number % 7),
                DiffusionGradientDirectionSequence=[direction] if number % 7 else [],
            )
        ],
        MREchoSequence=[item(EffectiveEchoTime=30.0)],
        MRImageFrameTypeSequence=[
            item(FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"], ComplexImageComponent="MAGNITUDE")
        ],
        PixelValueTransformationSequence=[
            item(RescaleIntercept=0, RescaleSlope=1.0 + number % 2, RescaleType="US")
        ],
    )


def measures(**values):
    return item(PixelMeasuresSequence=[item(PixelSpacing=[0.7, 0.8], **values)])


# by pydicom alone, in the plainest way


def plain_columns(path, count):
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    shared = [plain_group(group) for group in dataset.get("SharedFunctionalGroupsSequence") or []]
    frames = [plain_group(group) for group in dataset.get("PerFrameFunctionalGroupsSequence") or []]
    frames = [(shared[0] if shared else {}) | own for own in frames[:count]]
    frames += [shared[0] if shared else {}] * (count - len(frames))
    names = {name for frame in frames for name in frame}
    return {name: [frame.get(name) for frame in frames] for name in names}


def plain_group(group):
    own, nested = {}, {}
    for sequence in group:
        if sequence.VR == "SQ" and not sequence.tag.is_private:
            for element in sequence.value[0] if sequence.value else []:
                if element.keyword:
                    own[element.keyword] = python_value(element.value)
                if element.VR == "SQ" and element.value and not element.tag.is_private:
                    nested |= {
                        inner.keyword: python_value(inner.value)
                        for inner in element.value[0]
                        if inner.keyword
                    }
    return nested | own


def public(columns):
    return {name: values for name, values in columns.items() if name not in DIFFUSION_COLUMNS}


def test_every_file_reads_as_with_pydicom(real_headers):
    shipped = [path for path in SHIPPED.rglob("*") if path.is_file()]
    paths, fast = [], 0
    for headers in (real_headers, header_table(shipped, progress=False)):
        groups = headers["PerFrameFunctionalGroupsSequence"]
        paths += headers.index[groups.notna() & headers["error"].isna()].tolist()
    for path in paths:
        columns = read_frame_columns(path, FIRST_FRAMES)
        assert public(columns) == plain_columns(path, FIRST_FRAMES), path
        try:
            assert split_groups(path, FIRST_FRAMES) == _by_pydicom(path, FIRST_FRAMES)
            fast += 1
        except FastPathNotApplicable:
            pass
    assert len(paths) >= 2 and fast >= len(paths) // 2


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("delimited", [True, False])
def test_known_answers_of_every_encoding(tmp_path, syntax, delimited):
    frames = [diffusion(number) for number in range(9)]
    if not delimited:
        undelimited(frames)
    path = write(tmp_path / "a.dcm", frames, shared=measures(SliceThickness=3), syntax=syntax)
    columns = read_frame_columns(path, 9)
    assert split_groups(path, 9) == _by_pydicom(path, 9)
    assert columns == plain_columns(path, 9)
    assert columns["ImagePositionPatient"][4] == (0.5, -1.5, 8.0)
    assert columns["PixelSpacing"] == [(0.7, 0.8)] * 9
    assert columns["DiffusionBValue"] == [0, 100, 200, 300, 400, 500, 600, 0, 100]
    assert columns["DiffusionGradientOrientation"][2] == (0.6, 0.8, 2.0)
    assert columns["DiffusionGradientOrientation"][0] is None
    assert columns["DimensionIndexValues"][3] == (1, 4)
    assert columns["FrameType"][0] == ("ORIGINAL", "PRIMARY", "M", "NONE")
    assert "ImageType" not in columns


def test_a_frames_own_value_stands_before_the_shared_one(tmp_path):
    frames = [measures(SliceThickness=1), item(), item(PixelMeasuresSequence=[item()])]
    path = write(tmp_path / "a.dcm", frames, shared=measures(SliceThickness=5))
    assert read_frame_columns(path, 3)["SliceThickness"] == [1, 5, 5]
    assert read_frame_columns(path, 5)["SliceThickness"] == [1, 5, 5, 5, 5]  # more than are listed
    assert read_frame_columns(path, 1)["SliceThickness"] == [1]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_private_b_values_in_private_sequences_and_unknown_groups(tmp_path, syntax):
    def frame(number):
        group, inner, nested = Dataset(), Dataset(), Dataset()
        philips = inner.private_block(0x2001, "Philips Imaging DD 001", create=True)
        philips.add_new(0x03, "FL", 100.0 * number)
        inner.PatientComments = "of the private sequence"
        block = group.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
        block.add_new(0x0F, "SQ", Sequence([inner]))
        siemens = nested.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        siemens.add_new(0x0C, "IS", "50")
        siemens.add_new(0x0E, "FD", [0.0, 0.6, 0.8])
        siemens.add_new(0x77, "LO", "no b-value")
        group.MRDiffusionSequence = [item(DiffusionGradientDirectionSequence=[nested])]
        other = Dataset()
        other.private_block(0x0019, "SOMEBODY ELSE", create=True).add_new(0x0C, "IS", "7")
        group.MRModifierSequence = [other]
        return group

    path = write(tmp_path / "a.dcm", [frame(0), frame(1)], syntax=syntax)
    columns = read_frame_columns(path, 2)
    assert columns["(2001,xx03) Philips Imaging DD 001"] == [0.0, 100.0]
    assert columns["(0019,xx0C) SIEMENS MR HEADER"] == [50, 50]
    assert columns["(0019,xx0E) SIEMENS MR HEADER"] == [(0.0, 0.6, 0.8)] * 2
    assert {name for name in columns if name.startswith("(")} <= DIFFUSION_COLUMNS
    assert "PatientComments" not in columns


def test_an_items_own_character_set_is_left_to_pydicom(tmp_path):
    inner = item(SpecificCharacterSet="ISO_IR 192", FrameComments="Größe")
    frames = [item(FrameContentSequence=[inner])]
    path = write(tmp_path / "a.dcm", frames, SpecificCharacterSet="ISO_IR 100")
    with pytest.raises(FastPathNotApplicable):
        split_groups(path, 1)
    assert read_frame_columns(path, 1)["FrameComments"] == ["Größe"]


def test_what_identifies_is_hidden_where_that_is_asked(tmp_path, monkeypatch):
    path = write(tmp_path / "a.dcm", [diffusion(0), diffusion(1), diffusion(1)])
    shown = deidentified_columns(read_frame_columns(path, 3))
    monkeypatch.setenv(VARIABLE, "a secret")
    hidden = deidentified_columns(read_frame_columns(path, 3))
    times = hidden["FrameAcquisitionDateTime"]
    assert times[0] != times[1] == times[2] and times[0].startswith("hidden-")
    assert hidden["ImagePositionPatient"] == shown["ImagePositionPatient"]


def test_hostile_files_have_no_columns_or_those_of_pydicom(tmp_path):
    write(tmp_path / "a.dcm", undelimited([diffusion(n) for n in range(3)]), shared=item())
    content = (tmp_path / "a.dcm").read_bytes()
    random = np.random.default_rng(3)
    for size in random.integers(0, len(content), 60):
        (tmp_path / "cut").write_bytes(content[:size])
        assert isinstance(read_frame_columns(str(tmp_path / "cut"), 3), dict)
    for place in random.integers(132, len(content) - 36, 150):
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.integers(8)
        (tmp_path / "damaged").write_bytes(damaged)
        columns = read_frame_columns(str(tmp_path / "damaged"), 3)
        assert all(len(values) == 3 for values in columns.values())
    assert (
        read_frame_columns(str(tmp_path), 3) == read_frame_columns(str(tmp_path / "none"), 3) == {}
    )
    assert read_frame_columns(__file__, 3) == {}


def test_other_processes_read_too(tmp_path):
    path = write(tmp_path / "a.dcm", [diffusion(0), diffusion(1)])
    with ProcessPoolExecutor(1) as executor:
        assert executor.submit(read_frame_columns, path, 2).result() == read_frame_columns(path, 2)
