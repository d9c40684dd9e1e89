"""Transposed, straightened, handed over: every voxel stays where it is in the patient."""

import subprocess
import sys
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from stacks_of import best_stack

from helpers import Volume, load_volume, reoriented, straightened
from helpers.volume.conversion import ConversionError, to_nibabel, to_simpleitk

WAYS = ["".join(way) for pairs in permutations(["RL", "AP", "FH"]) for way in product(*pairs)]


def _volume(headers, patient):
    rows = headers[headers["PatientID"].str.startswith(patient, na=False)]
    return load_volume(best_stack(rows))


@pytest.fixture(scope="module", params=["P02", "P08", "P10", "P39"])
def volume(request, phantom_headers):
    """Axial with padding, oblique, sagittal, sheared."""
    return _volume(phantom_headers, request.param)


@pytest.mark.parametrize("toward", WAYS)
def test_a_reoriented_volume_has_the_same_voxels_in_the_same_places(volume, toward):
    moved = reoriented(volume, toward)
    rng = np.random.default_rng(0)
    for index in rng.integers(0, moved.array.shape, (40, 3)):
        place = moved.affine @ [*index, 1]
        there = np.linalg.solve(volume.affine, place)[:3]
        assert np.allclose(there, there.round(), atol=1e-6)
        there = tuple(there.round().astype(int))
        assert volume.array[there] == moved.array[tuple(index)]
        if volume.padding is not None:
            assert volume.padding[there] == moved.padding[tuple(index)]
    signs = {"R": -1, "L": 1, "A": -1, "P": 1, "F": -1, "H": 1}
    for axis, letter in enumerate(toward):
        lps = "RLAPFH".index(letter) // 2
        assert moved.affine[lps, axis] * signs[letter] > 0
    for plane in ("axial", "coronal", "sagittal"):
        one, other = (
            each.slice(plane, each.place_in(plane, volume.middle)[0]) for each in (volume, moved)
        )
        assert other.letters == one.letters and other.spacing == pytest.approx(one.spacing)
        assert np.array_equal(other.array, one.array) and np.ptp(one.array) > 1000
        assert other.caption["position"] == one.caption["position"]


@pytest.mark.parametrize("toward", ["", "HP", "HPX", "HHL", "HPF"])
def test_what_is_no_convention_is_refused(phantom_headers, toward):
    with pytest.raises(ConversionError, match=r"expected three letters such as HPL.*got"):
        reoriented(_volume(phantom_headers, "P02"), toward)


def test_nibabels_letters(phantom_headers):
    nibabel = pytest.importorskip("nibabel")
    moved = reoriented(_volume(phantom_headers, "P10"), "SAR")
    assert nibabel.aff2axcodes(to_nibabel(moved).affine) == ("R", "A", "S")


def test_nibabel_has_every_voxel_in_its_place(volume):
    image = to_nibabel(volume)
    assert image.header.get_xyzt_units()[0] == "mm"
    for index in np.random.default_rng(1).integers(0, volume.array.shape, (40, 3)):
        x, y, z = (volume.affine @ [*index, 1])[:3]
        there = np.linalg.solve(image.affine, [-x, -y, z, 1])[:3].round().astype(int)
        assert image.dataobj[tuple(there)] == volume.array[tuple(index)]


def test_simpleitk_has_every_voxel_in_its_place(volume):
    if volume.caption["patient"] == "P39-gantry-tilted":
        with pytest.raises(ConversionError, match=r"sheared by 1\d\.\d°, .*straightened"):
            to_simpleitk(volume)
        volume = straightened(volume)
    image = to_simpleitk(volume)
    for index in np.random.default_rng(2).integers(0, volume.array.shape, (40, 3)):
        there = image.TransformPhysicalPointToIndex((volume.affine @ [*index, 1])[:3].tolist())
        assert image[there] == volume.array[tuple(index)]


@pytest.mark.parametrize("toward", ["LPH", "PHL", "FLA"])
def test_a_sheared_volume_stays_sheared_however_it_is_reoriented(phantom_headers, toward):
    volume = _volume(phantom_headers, "P39")
    moved = reoriented(volume, toward)
    with pytest.raises(ConversionError, match="sheared by 12"):
        to_simpleitk(moved)
    straight, other = straightened(volume), straightened(moved)
    assert reoriented(straight, toward).array.shape == other.array.shape
    assert other.spacing == pytest.approx(reoriented(straight, toward).spacing)
    if not set(toward) & set("FRA"):  # not flipped: the same pixels are interpolated
        assert np.allclose(reoriented(straight, toward).array, other.array, atol=0.01)
        assert np.allclose(reoriented(straight, toward).affine, other.affine, atol=1e-6)
    assert moved.acquired_plane == volume.acquired_plane == "axial"
    for what in ("thickness", "spacing"):
        assert moved.slice("axial").caption[what] == volume.slice("axial").caption[what]
    assert "sheared" in moved.slice("sagittal").caption["remark"]


def test_rows_and_columns_that_are_not_at_right_angles_are_refused(phantom_headers):
    volume = _volume(phantom_headers, "P02")
    affine = volume.affine.copy()
    affine[0, 1] = affine[0, 2] * 0.08
    affine[:3, 0] += [2, 3, 0]
    with pytest.raises(ConversionError, match="expected a grid with right angles"):
        to_simpleitk(replace(volume, affine=affine))
    with pytest.raises(ConversionError, match="at right angles, got others"):
        straightened(replace(volume, affine=affine))


def test_what_was_not_measured_is_no_water(phantom_headers):
    straight = straightened(_volume(phantom_headers, "P39"))
    assert (straight.array[straight.padding] == _volume(phantom_headers, "P39").array.min()).all()


def test_a_straight_volume_is_left_as_it_is(phantom_headers):
    volume = _volume(phantom_headers, "P02")
    assert straightened(volume) is volume


@pytest.mark.parametrize("shift", [(2, 0), (-1, 3)])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
def test_a_shear_of_whole_pixels_only_moves_slices(shift, dtype):
    array = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype(dtype)
    affine = np.diag([5.0, 2.0, 3.0, 1.0])[[2, 1, 0, 3]]  # (slice, row, column) along z, y, x
    affine[:3, 0] += shift @ affine[:3, 1:3].T
    straight = straightened(Volume(array, affine))
    assert straight.array.dtype == np.float32 and straight.spacing == (5, 2, 3)
    assert (~straight.padding).sum() == array.size
    for index in np.ndindex(array.shape):
        there = np.linalg.solve(straight.affine, affine @ [*index, 1])[:3].round().astype(int)
        assert straight.array[tuple(there)] == array[index]
        assert not straight.padding[tuple(there)]


def test_scipy_is_loaded_when_a_volume_is_straightened_and_not_before():
    code = "import sys, helpers.volume.conversion; print('scipy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_straightening_keeps_values_in_place(phantom_headers):
    """Values at points of the patient, interpolated within a slice by other means, are the same."""
    volume = _volume(phantom_headers, "P39")
    straight = straightened(volume)
    step, row, column = straight.affine[:3, :3].T
    assert abs(step @ row) < 1e-6 and abs(step @ column) < 1e-6 and abs(row @ column) < 1e-6
    rng, compared = np.random.default_rng(3), 0
    for index in rng.integers(0, straight.array.shape, (300, 3)):
        slice, row, column = np.linalg.solve(volume.affine, straight.affine @ [*index, 1])[:3]
        assert slice == pytest.approx(index[0], abs=1e-6), "each slice stays in its plane"
        if straight.padding[tuple(index)]:
            continue
        top, left = int(np.floor(row + 1e-9)), int(np.floor(column + 1e-9))
        down, right = row - top, column - left
        corners = np.pad(volume.array[round(slice)], 1, mode="edge")[
            top + 1 : top + 3, left + 1 : left + 3
        ]
        expected = (corners * np.outer([1 - down, down], [1 - right, right])).sum()
        assert straight.array[tuple(index)] == pytest.approx(expected, abs=0.01)
        compared += 1
    assert compared > 150
    assert (~straight.padding).sum() > 0.93 * (~volume.padding).sum(), "nothing but a rim is lost"


@pytest.mark.parametrize(
    ("hand_over", "package"), [(to_simpleitk, "SimpleITK"), (to_nibabel, "nibabel")]
)
def test_a_package_that_is_not_there_is_named(phantom_headers, monkeypatch, hand_over, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ConversionError, match=f"expected the package {package}, .*pip install {package}"
    ):
        hand_over(_volume(phantom_headers, "P02"))
