"""Values of one volume at the places of another: SimpleITK and analytic fields have the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stacks_of import best_stack

from helpers import Volume, load_volume, resampled, straightened
from helpers.geometry.planes import PlaneError
from helpers.volume.conversion import to_simpleitk
from helpers.volume.resampling import ResamplingError, check_frames, slice_at

RNG = np.random.default_rng(7)
SHAPE = (9, 30, 30)


def _affine(spacing, start, angles=(0, 0, 0), shear=0.0):
    """(slice, row, column) to LPS mm: axial slices that are turned about x, y and z (degrees)."""
    matrix = np.zeros((3, 3))
    matrix[2, 0], matrix[1, 1], matrix[0, 2] = spacing
    matrix[1, 0] += shear
    for axis, angle in enumerate(np.radians(angles)):
        turn, (one, other) = np.eye(3), [n for n in range(3) if n != axis]
        turn[one, one] = turn[other, other] = np.cos(angle)
        turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, start
    return affine


def _around(middle, spacing, angles):
    """The affine of a grid of `SHAPE` around a point."""
    affine = _affine(spacing, middle, angles)
    affine[:3, 3] -= affine[:3, :3] @ np.divide(SHAPE, 2)
    return affine


def _volume(shape, affine, dtype=np.float32, **more):
    array = (RNG.random(shape) * 2000 - 1000).astype(dtype)
    return Volume(array, affine, frame_of_reference="1.2.3", **more)


PET = _volume((12, 20, 24), _affine((5, 4.07, 4.07), (-50, -40, -30)))
GRIDS = {  # affine, shape; the way through each plane and through none
    "aligned": (_affine((3.3, 0.9, 0.7), (-45.3, -38.2, -28.1)), (9, 60, 90)),
    "larger than the volume": (_affine((7, 3, 3), (-70, -60, -50)), (13, 40, 45)),
    "tilted": (_affine((3, 1.5, 1.1), (-40, -30, -20), (14, -9, 21)), (10, 30, 40)),
    "barely tilted": (_affine((3, 1.5, 1.1), (-40, -30, -20), (0.4, 0, 0)), (10, 30, 40)),
    "sagittal": (_around(PET.middle, (3, 2, 2), (0, 90, 0)), SHAPE),
    "coronal, flipped": (_around(PET.middle, (3, 2, 2), (-90, 0, 180)), SHAPE),
    "one slice": (_affine((3, 1, 1), (-40, -30, 2.5)), (1, 64, 64)),
}


def _by_simpleitk(volume, affine, shape, *, nearest=False):
    """(values, whether they are inside) of another grid."""
    import SimpleITK

    target = Volume(np.zeros(shape, np.float32), affine)
    way = SimpleITK.sitkNearestNeighbor if nearest else SimpleITK.sitkLinear
    kind = SimpleITK.sitkUnknown if nearest else SimpleITK.sitkFloat32
    outside = -9999
    image = SimpleITK.Resample(
        to_simpleitk(volume), to_simpleitk(target), SimpleITK.Transform(), way, outside, kind
    )
    values = SimpleITK.GetArrayFromImage(image)
    return values, values != outside


def _alike(found, values, inside):
    """Compares where both are inside; at the very rim of the volume ITK rounds otherwise."""
    known = np.ones(values.shape, bool) if found.padding is None else ~found.padding
    assert (known != inside).mean() < 0.002
    both = known & inside
    assert both.mean() > 0.1
    return found.array[both], values[both]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_values_are_those_of_simpleitk(grid, dtype):
    pytest.importorskip("SimpleITK")
    affine, shape = GRIDS[grid]
    volume = replace(PET, array=PET.array.astype(dtype))
    found = resampled(volume, affine, shape)
    ours, theirs = _alike(found, *_by_simpleitk(volume, affine, shape))
    assert found.array.dtype == np.float32
    assert ours == pytest.approx(theirs, abs=0.05 if grid == "barely tilted" else 2e-3)


@pytest.mark.parametrize("grid", GRIDS)
def test_labels_are_those_of_the_nearest_voxel(grid):
    pytest.importorskip("SimpleITK")
    affine, shape = GRIDS[grid]
    affine = affine.copy()
    affine[:3, 3] += [0.013, 0.017, 0.019]  # else some lie just between two
    labels = replace(PET, array=RNG.integers(0, 5, PET.array.shape).astype(np.int16))
    found = resampled(labels, affine, shape, how="nearest")
    ours, theirs = _alike(found, *_by_simpleitk(labels, affine, shape, nearest=True))
    assert found.array.dtype == np.int16
    assert (ours == theirs).mean() > 0.999 and set(np.unique(ours)) <= set(range(5))


def test_a_sheared_volume_needs_no_straightening():
    """ITK holds no shear: a field that is linear in mm is known everywhere."""
    sheared = _affine((5, 2, 3), (-30, -20, -10), (11, 5, -8), shear=1.3)
    places = np.indices((14, 20, 16)).reshape(3, -1)
    field = (sheared @ np.r_[places, np.ones((1, places.shape[1]))])[:3].T @ [2.0, -3.0, 5.0]
    volume = Volume(field.reshape(14, 20, 16).astype(np.float32), sheared)
    affine, shape = _affine((4, 2, 2), (-20, -10, 0), (0, 12, 0)), (8, 12, 12)
    found = resampled(volume, affine, shape)
    indices = np.argwhere(_inside(volume, affine, shape))
    assert len(indices) > 200
    for index in indices[::7]:
        place = (affine @ [*index, 1])[:3]
        assert found.array[tuple(index)] == pytest.approx(place @ [2.0, -3.0, 5.0], abs=1e-2)


def _inside(volume, affine, shape):
    """Where places of a grid lie between the centres of voxels."""
    places = np.r_[np.indices(shape).reshape(3, -1), np.ones((1, np.prod(shape)))]
    voxels = (np.linalg.inv(volume.affine) @ affine @ places)[:3]
    last = np.subtract(volume.array.shape, 1)[:, None]
    return ((voxels >= 0) & (voxels <= last)).all(axis=0).reshape(shape)


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.floats(-180, 180)] * 3), st.floats(0.5, 6), st.floats(-2, 2))
def test_a_linear_field_stays_linear_on_any_grid(angles, spacing, shear):
    places = np.indices(PET.array.shape).reshape(3, -1)
    field = (PET.affine @ np.r_[places, np.ones((1, places.shape[1]))])[:3].T @ [1.0, 2.0, 3.0]
    volume = Volume(field.reshape(PET.array.shape).astype(np.float32), PET.affine)
    middle = volume.middle
    affine = _affine((spacing, spacing, spacing), (0, 0, 0), angles, shear)
    affine[:3, 3] = middle - affine[:3, :3] @ [2, 3, 4]
    found = resampled(volume, affine, (5, 7, 9))
    for index in np.argwhere(_inside(volume, affine, (5, 7, 9)))[::11]:
        place = (affine @ [*index, 1])[:3]
        assert found.array[tuple(index)] == pytest.approx(place @ [1.0, 2.0, 3.0], abs=2e-2)


def test_its_own_grid_leaves_a_volume_as_it_is():
    found = resampled(PET, PET.affine, PET.array.shape)
    assert np.array_equal(found.array, PET.array) and found.padding is None
    assert np.array_equal(found.affine, PET.affine)


def test_a_voxel_reaches_half_a_step_around_its_centre():
    volume = Volume(np.full((1, 2, 2), 7, np.int16), np.eye(4)[[2, 1, 0, 3]])
    affine = volume.affine.copy()
    affine[:3, :3] *= 0.4
    affine[:3, 3] = [-1, 0, 0]  # x of -1, -0.6, -0.2, …, 1.8
    found = resampled(volume, affine, (1, 1, 8))
    assert found.padding[0, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 1]
    assert (found.array == 7).all()


def test_padding_takes_part_in_no_value():
    padding = np.zeros(PET.array.shape, bool)
    padding[:, :, :6] = True
    array = np.where(padding, -30_000, PET.array).astype(np.float32)
    volume = replace(PET, array=array, padding=padding)
    for grid in ("aligned", "tilted"):
        affine, shape = GRIDS[grid]
        found, whole = resampled(volume, affine, shape), resampled(PET, affine, shape)
        known = ~found.padding
        assert 0.05 < known.mean() < 0.95
        assert found.array[known] == pytest.approx(whole.array[known], abs=1e-3)
        assert (found.array[~known] == -30_000).all()
    nowhere = resampled(PET, _affine((1, 1, 1), (900, 900, 900)), (2, 3, 4))
    assert nowhere.padding.all() and (nowhere.array == PET.array.min()).all()


def test_a_stack_of_planes_is_the_volume_of_them():
    affine, shape = GRIDS["tilted"]
    whole = resampled(PET, affine, shape)
    for index in (0, 4, 9):
        at = affine.copy()
        at[:3, 3] += index * affine[:3, 0]
        plane = resampled(PET, at, (1, *shape[1:]))
        assert plane.array[0] == pytest.approx(whole.array[index], abs=1e-3)


@pytest.mark.parametrize("patient", ["P02", "P08", "P10", "P39"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_pixels_of_a_picture_lie_where_it_says(phantom_headers, patient, plane):
    """A volume at the pixels of its own picture is that picture, in every plane."""
    rows = phantom_headers["PatientID"].str.startswith(patient, na=False)
    volume = load_volume(best_stack(phantom_headers[rows]))
    own = volume.slice(plane, 3)
    found = slice_at(volume, volume, plane, 3)
    assert found.letters == own.letters and found.spacing == own.spacing
    assert found.caption["slice"] == own.caption["slice"]
    assert found.caption["position"] == own.caption["position"]
    known = ~(found.padding if found.padding is not None else np.zeros(own.array.shape, bool))
    assert known.mean() > 0.3
    assert found.array[known] == pytest.approx(own.array[known], abs=1e-2)
    row, column = np.argwhere(known)[len(np.argwhere(known)) // 3]
    place = volume.affine_of(plane, 3) @ [0, row, column, 1]
    assert volume.place_in(plane, place[:3])[0] == 3
    assert volume.place_in(plane, place[:3])[1] == pytest.approx((row, column), abs=1e-6)


def test_a_slice_of_one_lies_on_the_slice_of_the_other():
    """A hot point at one place of the patient is at one pixel of both pictures."""
    ct = _volume((30, 64, 80), _affine((2.5, 1.3, 1.2), (-45, -38, -25)), np.int16, unit="HU")
    place = (ct.affine @ [12, 30, 41, 1])[:3]
    voxels = PET.affine @ np.r_[np.indices(PET.array.shape).reshape(3, -1), np.ones((1, 5760))]
    hot = np.exp(-np.square(voxels[:3].T - place).sum(axis=1) / 60)
    pet = replace(PET, array=hot.reshape(PET.array.shape).astype(np.float32), unit="SUVbw")
    for plane in ("axial", "coronal", "sagittal"):
        index, (row, column) = ct.place_in(plane, place)
        over = slice_at(pet, ct, plane, index)
        assert over.array.shape == ct.slice(plane, index).array.shape
        assert over.unit == "SUVbw" and "interpolated" in over.caption["remark"]
        brightest = np.unravel_index(over.array.argmax(), over.array.shape)
        assert np.abs(np.subtract(brightest, (row, column))).max() <= 3  # PET voxels are 4 mm
    assert slice_at(pet, ct, "axial").caption["slice"] == ct.slice("axial").caption["slice"]


def test_frames_of_reference_must_be_one():
    check_frames(PET, replace(PET))
    for other, got in (("1.2.4", "two"), ("", "none")):
        with pytest.raises(ResamplingError, match=rf"one Frame of Reference UID .*got {got}: "):
            slice_at(PET, replace(PET, frame_of_reference=other), "axial")
    nameless = replace(PET, frame_of_reference="")
    with pytest.raises(ResamplingError, match="got none"):
        check_frames(nameless, nameless)


def test_a_volume_knows_its_frame_of_reference(phantom_headers):
    rows = best_stack(phantom_headers[phantom_headers["PatientID"].str.startswith("P02", na=False)])
    (uid,) = set(rows["FrameOfReferenceUID"])
    volume = load_volume(rows)
    assert volume.frame_of_reference == uid == straightened(volume).frame_of_reference
    assert load_volume(rows.drop(columns="FrameOfReferenceUID")).frame_of_reference == uid
    several = rows.assign(FrameOfReferenceUID=[uid] * (len(rows) - 1) + ["1.2"])
    assert load_volume(several).frame_of_reference == ""


@pytest.mark.parametrize(
    ("affine", "shape", "message"),
    [
        (np.eye(3), (1, 2, 3), r"an affine of \(4, 4\) numbers, got \(3, 3\)"),
        (np.full((4, 4), np.nan), (1, 2, 3), "an affine of"),
        (np.diag([1, 1, 0, 1]), (1, 2, 3), "three steps in mm that make a grid"),
        (np.eye(4), (2, 3), r"a shape of \(slices, rows, columns\), got \(2, 3\)"),
        (np.eye(4), (0, 2, 3), "a shape of"),
        (np.eye(4), 3, "an affine"),
        ("affine", (1, 2, 3), "an affine"),
    ],
)
def test_what_is_no_grid_is_refused(affine, shape, message):
    with pytest.raises(ResamplingError, match=message):
        resampled(PET, affine, shape)


@pytest.mark.parametrize("index", [12, -13, 1.5])
def test_a_slice_that_is_not_there_is_refused(index):
    for way in (PET.affine_of, lambda *which: slice_at(PET, PET, *which)):
        with pytest.raises(PlaneError, match="expected an index from 0 to 11 for the axial plane"):
            way("axial", index)
    assert np.array_equal(PET.affine_of("axial", -1), PET.affine_of("axial", 11))


def test_another_way_is_refused():
    with pytest.raises(ResamplingError, match="expected a way of linear, nearest, got 'cubic'"):
        resampled(PET, PET.affine, (1, 2, 3), how="cubic")
