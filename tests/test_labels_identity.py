"""What is said of files of labels where identity is hidden: no name, wherever it stands."""

import traceback
import warnings
from copy import deepcopy
from dataclasses import replace

import pydicom
import pytest
from label_files import masks, write_images, write_segmentation, write_structures

from helpers import load_labels
from helpers.labels.labels import LabelError

pytest.importorskip("highdicom", reason="highdicom writes segmentations")
NAME, SECRET = "Smith^John", "a secret of this test"
SHOWN = {"SegmentAlgorithmName"}  # the name of a program: the profile keeps it (PS3.15 E.1)
NO_TEXTS = {"SQ", "OB", "OW", "US", "UL", "FD", "FL", "SS", "AT", "PN"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of labels, and the volume that they lie on, whose identity is hidden."""
    folder = tmp_path_factory.mktemp("images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DICOM_HIDE_IDENTITY", SECRET)
        made = write_images(folder, "axial")
    write_segmentation(folder / "seg.dcm", made.images, masks())
    write_structures(folder / "rt.dcm", masks(), made.volume.affine, images=made.images)
    return folder, made.volume


def _places(dataset, above=()):
    """(the sequences above, tag, value representation) of all elements, of first items."""
    for element in dataset:
        if element.keyword != "PixelData" and element.keyword not in SHOWN:
            yield above, element.tag, element.VR
        if element.VR == "SQ" and len(element.value):
            yield from _places(element.value[0], (*above, element.tag))


def _write_spoilt(path, plain, above, tag, VR):
    """Writes a data set with a name where something else belongs."""
    dataset = deepcopy(plain)
    item = dataset
    for one in above:
        item = item[one].value[0]
    del item[tag]
    item.add_new(tag, "LO", NAME)
    item[tag].VR = VR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no such value may be written
        dataset.save_as(path, enforce_file_format=True)


def _said(path, volume):
    """All that loading a file says, with what stands behind an error."""
    try:
        labels = load_labels(path, volume)
    except LabelError as error:
        return "".join(traceback.format_exception(error))
    return repr((labels, labels.labels, labels.remark))


@pytest.mark.parametrize("name", ["seg.dcm", "rt.dcm"])
def test_a_name_in_any_element_is_not_shown(made, name, tmp_path, monkeypatch, whole):
    folder, volume = made
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", SECRET)
    plain = pydicom.dcmread(folder / name)
    places = [*_places(plain)]
    assert len(places) > 40
    for above, tag, VR in places if whole else places[::8]:
        for written in {"LO", VR} - NO_TEXTS:
            _write_spoilt(tmp_path / "spoilt.dcm", plain, above, tag, written)
            said = _said(tmp_path / "spoilt.dcm", volume)
            assert "Smith" not in said, pydicom.datadict.keyword_for_tag(tag)


def test_what_is_quoted_is_said_where_nothing_is_hidden(made, tmp_path, monkeypatch):
    folder, volume = made
    dataset = pydicom.dcmread(folder / "seg.dcm")
    dataset.SegmentSequence[0].add_new(0x00620004, "LO", NAME)
    dataset.save_as(tmp_path / "spoilt.dcm", enforce_file_format=True)
    with pytest.raises(LabelError, match=r"expected a whole Segment Number, got 'Smith\^John'"):
        load_labels(tmp_path / "spoilt.dcm", replace(volume, frame_of_reference="1.2.3.4.5"))
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", SECRET)
    with pytest.raises(LabelError, match="expected a whole Segment Number, got '…'") as caught:
        load_labels(tmp_path / "spoilt.dcm", volume)
    assert caught.value.__cause__ is None
