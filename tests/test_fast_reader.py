"""The fast way against pydicom's: equal for every file, and silent where it is not sure."""

import random
import time
import tracemalloc
import warnings
from pathlib import Path

import pydicom
import pytest

from helpers import header_table, list_files
from helpers.headers.elements import DIFFUSION_COLUMNS
from helpers.headers.fast_reader import FastReader
from helpers.headers.pydicom_reader import pydicom_row
from helpers.privacy.identifying import identifies, vr_of

PYDICOMS_OWN = Path(pydicom.__file__).parent / "data"


def _same(ours, theirs):
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return type(ours) is type(theirs) and (ours == theirs or (ours != ours and theirs != theirs))


def _compare(path, elements):
    """Whether the fast way took a file; where it did, its columns are those of the slow way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = elements.row(str(path)), pydicom_row(str(path), elements.private)
    if ours is None:
        return False, theirs
    ours, theirs = ({k: v for k, v in row.items() if v is not None} for row in (ours, theirs))
    assert ours.keys() == theirs.keys(), path
    differing = {
        keyword: (ours[keyword], theirs[keyword])
        for keyword in ours
        if not _same(ours[keyword], theirs[keyword])
    }
    assert not differing, path
    return True, theirs


@pytest.mark.parametrize("private", [False, pytest.param(True, marks=pytest.mark.second_look)])
def test_every_value_of_every_file_equals_pydicoms(real, phantom, capsys, private):
    elements, fast, slow, well_formed = FastReader(private=private), 0, 0, 0
    for root in (real, PYDICOMS_OWN, phantom):
        for path in list_files(root):
            took, theirs = _compare(path, elements)
            fast, slow = fast + took, slow + (not took)
            well_formed += theirs.get("error") is None
    with capsys.disabled():
        what = "private elements too" if private else "public elements"
        print(f"\n{what}: {fast} files the fast way, {slow} the slow; {well_formed} well-formed")
    assert fast >= (0.9 if private else 0.95) * well_formed > 1000


HEADERS = (
    "series/mr-nonsquare-pixels-28x64/001.dcm",
    "odd/pydicom/nested_priv_SQ.dcm",
    "odd/pydicom/chrSQEncoding.dcm",
)
PARTS = 8  # for as many workers
LONGEST_HEADER = 8000  # bytes; what follows is pixels
MOST_SECONDS = 5  # for a damaged file; a hang takes longer


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", HEADERS)
def test_a_file_cut_anywhere_has_its_row(real, tmp_path, whole, name, part):
    """Cut at every byte; without ``--whole`` at every 20th."""
    content, elements = (real / name).read_bytes(), FastReader()
    places = range(0, min(len(content), LONGEST_HEADER), 1 if whole else 20)
    for kept in places[part::PARTS]:
        (tmp_path / "cut.dcm").write_bytes(content[:kept])
        _compare(tmp_path / "cut.dcm", elements)


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_files_have_their_rows(real, tmp_path, whole, part):
    """Flipped, inserted and deleted bytes, from a seed: no exception, no hang, no wrong value.

    20,000 of them; without ``--whole`` 1,200.
    """
    rng, elements = random.Random(part), FastReader()
    sources = [
        (real / name).read_bytes()[:LONGEST_HEADER]
        for name in (*HEADERS, "odd/pydicom/MR_small_RLE.dcm")
    ]
    for _ in range((20_000 if whole else 1200) // PARTS):
        (tmp_path / "damaged.dcm").write_bytes(_damaged(bytearray(rng.choice(sources)), rng))
        start = time.monotonic()
        _compare(tmp_path / "damaged.dcm", elements)
        assert time.monotonic() - start < MOST_SECONDS


def _damaged(content, rng):
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(132, len(content))
        change = rng.choice(("flip", "insert", "delete"))
        if change == "flip":
            content[place] ^= 1 << rng.randrange(8)
        elif change == "insert":
            content[place:place] = rng.randbytes(rng.randint(1, 8))
        else:
            del content[place : place + rng.randint(1, 8)]
    return content


@pytest.mark.parametrize("vr", [b"SQ", b"OB", b"UN", b"UT"])
@pytest.mark.parametrize("length", [0x7FFFFFF0, 0xFFFFFFF0, 0xFFFFFFFF])
def test_a_length_that_lies_takes_no_memory(real, tmp_path, vr, length):
    content = (real / HEADERS[0]).read_bytes()
    place = content.index(b"\x08\x00\x08\x00CS")
    (tmp_path / "1.dcm").write_bytes(
        content[:place]
        + b"\x08\x00\x06\x00"
        + vr
        + b"\0\0"
        + length.to_bytes(4, "little")
        + content[place:]
    )
    tracemalloc.start()
    table = header_table(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table["error"].notna().all() and most < 10_000_000


def test_sequences_nested_too_deep_are_left_alone(real, tmp_path):
    whole = (real / HEADERS[0]).read_bytes()
    place = whole.index(b"\x08\x00\x08\x00CS")
    nested = b"\x08\x00\x06\x00SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3000
    (tmp_path / "1.dcm").write_bytes(whole[:place] + nested + whole[place:])
    assert FastReader().row(str(tmp_path / "1.dcm")) is None


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "M\u00fcller"),
        ("ISO_IR 192", "M\u00fcller"),
        ("ISO_IR 144", "\u041b\u044e\u0431\u0430"),
    ],
)
def test_the_character_set_decides_what_bytes_mean(phantom, tmp_path, character_set, name):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "1.dcm")
    dataset.SpecificCharacterSet, dataset.PatientName = character_set, name
    dataset.save_as(tmp_path / "1.dcm")
    took, theirs = _compare(tmp_path / "1.dcm", FastReader())
    assert took and theirs["PatientName"] == name


@pytest.mark.parametrize("signed", [0, 1])
def test_the_sign_of_the_pixels_decides_in_implicit_vr(phantom, tmp_path, signed):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "1.dcm")
    dataset.PixelRepresentation = signed
    dataset.add_new(0x00280120, "SS" if signed else "US", -2000 if signed else 63536)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.save_as(tmp_path / "1.dcm", implicit_vr=True)
    took, theirs = _compare(tmp_path / "1.dcm", FastReader())
    assert took and theirs["PixelPaddingValue"] == (-2000 if signed else 63536)


def test_one_cache_serves_files_of_different_kinds(real, phantom):
    """What one file taught must not be believed of the next: character sets, encodings in turn."""
    paths = [
        *(real / "odd/pydicom").glob("chr*"),
        *(real / "series/one-slice-7-transfer-syntaxes").iterdir(),
    ]
    elements = FastReader()
    for seed in range(3):
        random.Random(seed).shuffle(paths)
        for path in paths:
            _compare(path, elements)


def test_runs_of_elements_follow_what_changes(phantom, tmp_path):
    """Files of one series in which elements, also private ones, come, go and change."""
    elements = FastReader()
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


DIFFUSION = {
    "(0019,xx0A) SIEMENS MR HEADER": ("US", 35),  # slices of a mosaic
    "(0019,xx0C) SIEMENS MR HEADER": ("IS", 1000),
    "(0019,xx0E) SIEMENS MR HEADER": ("FD", (0.0, -0.6, 0.8)),
    "(0043,xx2F) GEMS_PARM_01": ("SS", 2),
    "(0043,xx39) GEMS_PARM_01": ("IS", (1_000_000_050, 8, 0, 0)),
    "(2001,xx03) Philips Imaging DD 001": ("FL", 800.0),
    "(2001,xx04) Philips Imaging DD 001": ("CS", "P"),
}


@pytest.fixture(params=["explicit", "implicit", "unknown"])
def diffusion(request, phantom, tmp_path):
    """A file with private elements of diffusion, and one of each creator that is not of it."""
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    for name, (vr, value) in DIFFUSION.items():
        group, number, creator = int(name[1:5], 16), int(name[8:10], 16), name[12:]
        block = dataset.private_block(group, creator, create=True)
        block.add_new(number, vr, list(value) if isinstance(value, tuple) else value)
        if 0xF0 not in block:
            block.add_new(0xF0, "LO", "something else")
    implicit = request.param == "implicit"
    if implicit:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.save_as(tmp_path / "1.dcm", implicit_vr=implicit, little_endian=True)
    if request.param == "unknown":  # as an archive writes what it does not know
        content = (tmp_path / "1.dcm").read_bytes()
        for name, (vr, _) in DIFFUSION.items():
            tag = bytes.fromhex(name[3:5] + name[1:3] + name[8:10]) + b"\x10"
            place = content.index(tag + vr.encode())
            length = content[place + 6 : place + 8]
            head = tag + b"UN\0\0" + length + b"\0\0"
            content = content[:place] + head + content[place + 8 :]
        (tmp_path / "1.dcm").write_bytes(content)
    return tmp_path / "1.dcm"


def test_b_values_and_directions_are_read_unasked(diffusion):
    took, _ = _compare(diffusion, FastReader())
    row = FastReader().row(str(diffusion))
    assert took and {name: row[name] for name in row if name.startswith("(")} == {
        name: value for name, (_, value) in DIFFUSION.items()
    }
    _compare(diffusion, FastReader(private=True))
    assert "(0019,xxF0) SIEMENS MR HEADER" in header_table(diffusion, private=True)


def test_b_values_are_left_out_where_other_keywords_are_asked_for(diffusion):
    assert not any(name.startswith("(") for name in FastReader(["Rows"]).row(str(diffusion)))
    assert not any(name.startswith("(") for name in header_table(diffusion, keywords=["Rows"]))
    keywords = ["Rows", "(0019,xx0C) SIEMENS MR HEADER"]
    table = header_table(diffusion, keywords=keywords)
    assert [name for name in table if name.startswith("(")] == keywords[1:]


def test_another_creator_of_the_same_number_is_no_b_value(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    dataset.private_block(0x0019, "SIEMENS CT VA0", create=True).add_new(0x0C, "LO", "a name")
    dataset.save_as(tmp_path / "1.dcm")
    _compare(tmp_path / "1.dcm", FastReader())
    assert not any(name.startswith("(") for name in header_table(tmp_path))


def test_b_values_are_physics_and_identify_nobody():
    assert set(DIFFUSION) == DIFFUSION_COLUMNS
    assert not any(map(identifies, DIFFUSION_COLUMNS))
    assert identifies("(0019,xx0D) SIEMENS MR HEADER")
    assert all(vr_of(name) == vr for name, (vr, _) in DIFFUSION.items())


def test_a_number_of_frames_that_is_impossible_costs_nothing(phantom, tmp_path):
    for number in range(4):
        dataset = pydicom.dcmread(phantom / "P01-reference" / f"{number + 1}.dcm")
        if not number:
            dataset.NumberOfFrames = 2_000_000_000
        dataset.save_as(tmp_path / f"{number}.dcm")
    tracemalloc.start()
    table = header_table(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table["error"].isna().all() and table["NumberOfFrames"].iloc[0] == 2_000_000_000
    assert most < 10_000_000
