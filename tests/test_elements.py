"""The fast way against pydicom's: equal for every file, silent where it is not sure, unharmed by any damage."""

import random
import warnings
from pathlib import Path

import pydicom
import pytest

from helpers.elements import Elements
from helpers.files import list_files
from helpers.headers import header_table
from helpers.reading import slow_row

PYDICOMS_OWN = Path(pydicom.__file__).parent / "data"


def _same(ours, theirs):
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return type(ours) is type(theirs) and (ours == theirs or (ours != ours and theirs != theirs))


def _compare(path, elements):
    """Whether the fast way took a file; where it did, its columns are those of the slow way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = elements.row(str(path)), slow_row(str(path))
    if ours is None:
        return False, theirs
    ours, theirs = ({k: v for k, v in row.items() if v is not None} for row in (ours, theirs))
    assert ours.keys() == theirs.keys(), path
    differing = {keyword: (ours[keyword], theirs[keyword]) for keyword in ours if not _same(ours[keyword], theirs[keyword])}
    assert not differing, path
    return True, theirs


def test_every_value_of_every_file_equals_pydicoms(real, phantom, capsys):
    elements, fast, slow, well_formed = Elements(), 0, 0, 0
    for root in (real, PYDICOMS_OWN, phantom):
        for path in list_files(root):
            took, theirs = _compare(path, elements)
            fast, slow = fast + took, slow + (not took)
            well_formed += "error" not in theirs
    with capsys.disabled():
        print(f"\n{fast} files the fast way, {slow} the slow way, {well_formed} well-formed")
    assert fast >= 0.95 * well_formed > 1000


HEADERS = ("series/mr-nonsquare-pixels-28x64/001.dcm", "odd/pydicom/nested_priv_SQ.dcm", "odd/pydicom/chrSQEncoding.dcm")


@pytest.mark.parametrize("name", HEADERS)
def test_a_file_cut_anywhere_has_its_row(real, tmp_path, name):
    whole, elements = (real / name).read_bytes(), Elements()
    end = min(len(whole), 6000)
    for kept in range(0, end, max(1, end // 400)):
        (tmp_path / "cut.dcm").write_bytes(whole[:kept])
        _compare(tmp_path / "cut.dcm", elements)


def test_damaged_files_have_their_rows(real, tmp_path):
    """Flipped, inserted and deleted bytes, from a seed: no exception, no hang, and equal values where the fast way is sure."""
    rng, elements = random.Random(1), Elements()
    sources = [(real / name).read_bytes()[:8000] for name in (*HEADERS, "odd/pydicom/MR_small_RLE.dcm")]
    for _ in range(1200):
        damaged = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(132, len(damaged))
            change = rng.choice(("flip", "insert", "delete"))
            if change == "flip":
                damaged[place] ^= 1 << rng.randrange(8)
            elif change == "insert":
                damaged[place:place] = rng.randbytes(rng.randint(1, 8))
            else:
                del damaged[place : place + rng.randint(1, 8)]
        (tmp_path / "damaged.dcm").write_bytes(damaged)
        _compare(tmp_path / "damaged.dcm", elements)


def test_a_lying_length_takes_no_memory_and_no_time(real, tmp_path):
    whole = (real / HEADERS[0]).read_bytes()
    sequence = whole.index(b"\x08\x00\x08\x00CS")
    (tmp_path / "1.dcm").write_bytes(whole[:sequence] + b"\x08\x00\x06\x00SQ\x00\x00\xf0\xff\xff\xff" + whole[sequence:])
    assert Elements().row(str(tmp_path / "1.dcm")) is None
    assert len(header_table(tmp_path)) == 1


def test_sequences_nested_too_deep_are_left_alone(real, tmp_path):
    whole = (real / HEADERS[0]).read_bytes()
    place = whole.index(b"\x08\x00\x08\x00CS")
    nested = b"\x08\x00\x06\x00SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3000
    (tmp_path / "1.dcm").write_bytes(whole[:place] + nested + whole[place:])
    assert Elements().row(str(tmp_path / "1.dcm")) is None


@pytest.mark.parametrize(
    ("character_set", "name"),
    [("ISO_IR 100", "M\u00fcller"), ("ISO_IR 192", "M\u00fcller"), ("ISO_IR 144", "\u041b\u044e\u0431\u0430")],
)
def test_the_character_set_decides_what_bytes_mean(phantom, tmp_path, character_set, name):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "1.dcm")
    dataset.SpecificCharacterSet, dataset.PatientName = character_set, name
    dataset.save_as(tmp_path / "1.dcm")
    took, theirs = _compare(tmp_path / "1.dcm", Elements())
    assert took and theirs["PatientName"] == name


@pytest.mark.parametrize("signed", [0, 1])
def test_the_sign_of_the_pixels_decides_in_implicit_vr(phantom, tmp_path, signed):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "1.dcm")
    dataset.PixelRepresentation = signed
    dataset.add_new(0x00280120, "SS" if signed else "US", -2000 if signed else 63536)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.save_as(tmp_path / "1.dcm", implicit_vr=True)
    took, theirs = _compare(tmp_path / "1.dcm", Elements())
    assert took and theirs["PixelPaddingValue"] == (-2000 if signed else 63536)


def test_one_memory_serves_files_of_different_kinds(real, phantom):
    """What one file taught must not be believed of the next: character sets and encodings in turn."""
    paths = [*(real / "odd/pydicom").glob("chr*"), *(real / "series/one-slice-7-transfer-syntaxes").iterdir()]
    elements = Elements()
    for seed in range(3):
        random.Random(seed).shuffle(paths)
        for path in paths:
            _compare(path, elements)


def test_runs_of_elements_follow_what_changes(phantom, tmp_path):
    """Files of one series in which elements come, go and change at different paces, private ones among them."""
    elements = Elements()
    for number in range(40):
        dataset = pydicom.dcmread(phantom / "P03-interspaced" / f"{1 + number % 15}.dcm")
        dataset.KVP, dataset.SeriesNumber = 120 + number // 7, number % 2
        dataset.private_block(0x0009, "MAKER", create=True).add_new(1, "LO", f"note {number // 5}")
        if number % 3:
            del dataset.BodyPartExamined
        if number % 11 == 0:
            dataset.PatientID = f"other {number}"
        dataset.save_as(tmp_path / f"{number}.dcm")
        took, theirs = _compare(tmp_path / f"{number}.dcm", elements)
        assert took and theirs["private_elements"] == 2
