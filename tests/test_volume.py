"""Voxels and where they are: against headers, SimpleITK, and every transposition of the axes."""

import threading
import tracemalloc
import warnings
from itertools import permutations, product
from time import sleep

import numpy as np
import pydicom
import pytest
import SimpleITK
from matplotlib import pyplot as plt
from pydicom.pixels import get_decoder
from stacks_of import best_stack

from helpers import (
    Volume,
    header_table,
    load_slice,
    load_volume,
    show_slice,
    slice_table,
    stack_table,
)
from helpers.geometry.planes import PlaneError
from helpers.phantom.anatomy import chest
from helpers.pixels import codecs
from helpers.pixels.codecs import DAMAGED, INSTALL
from helpers.pixels.image import ImageError
from helpers.pixels.pixel_data import header_and_pixels
from helpers.slices.arrays import frames_of, paths_of
from helpers.slices.grid import StackError, StackWarning

REGULAR = [
    *("chest-ct-8mm-siemens", "ct-failing-gantrytilt", "head-ct-64x64"),
    *("mr-3plane-localizer-ffs", "mr-failing-two-orientations", "mr-nonsquare-pixels-28x64"),
    *("mr-rows-anterior-cols-left", "mr-sagittal-hfdl"),
]
COUCH_HU, LIVER_HU = -820, 62


def _stacks(real, folder):
    headers = header_table(real / "series" / folder, progress=False)
    slices = slice_table(headers)
    return [slices.loc[stack] for stack in stack_table(slices).index]


@pytest.mark.parametrize("folder", REGULAR)
def test_the_affine_gives_each_slices_own_position(real, folder):
    for slices in _stacks(real, folder):
        volume = load_volume(slices)
        for index, path in enumerate(paths_of(slices)):
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            row, column = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
            corner = np.array(dataset.ImagePositionPatient, float)
            assert np.allclose((volume.affine @ [index, 0, 0, 1])[:3], corner, atol=0.01)
            far = (
                corner
                + row * float(dataset.PixelSpacing[1]) * 5
                + column * float(dataset.PixelSpacing[0]) * 7
            )
            assert np.allclose((volume.affine @ [index, 7, 5, 1])[:3], far, atol=0.01)


@pytest.mark.parametrize("folder", [name for name in REGULAR if name != "ct-failing-gantrytilt"])
def test_values_at_given_millimetres_equal_simpleitks(real, folder):
    rng = np.random.default_rng(0)
    for slices in _stacks(real, folder):
        volume, reader = load_volume(slices), SimpleITK.ImageSeriesReader()
        reader.SetFileNames(paths_of(slices))
        reader.SetOutputPixelType(SimpleITK.sitkFloat64)
        theirs = reader.Execute()
        for voxel in rng.integers(0, volume.array.shape, (200, 3)):
            place = (volume.affine @ [*voxel, 1])[:3]
            index = theirs.TransformPhysicalPointToIndex(place.tolist())
            value = float(volume.array[tuple(voxel)])
            assert value == pytest.approx(theirs[index], abs=1e-3, rel=1e-6)


def _pydicoms(path):
    """The rescaled values of one file in double precision, by pydicom alone."""
    dataset = pydicom.dcmread(path)
    return dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)


def test_tilted_values_equal_pydicoms_by_index(real):
    (slices,) = _stacks(real, "ct-failing-gantrytilt")
    volume = load_volume(slices)
    for ours, path in zip(volume.array, paths_of(slices), strict=True):
        assert np.array_equal(ours, _pydicoms(path))
    normal, step = volume.affine[:3, 1:3].T, volume.affine[:3, 0]
    assert abs(np.dot(np.cross(normal[1], normal[0]), step)) > 0 and abs(normal[0] @ step) > 0.1, (
        "the shear stays in the affine"
    )


@pytest.mark.filterwarnings("ignore::helpers.slices.grid.StackWarning")
def test_types_hold_every_possible_value(real, phantom_headers):
    kinds = {
        "chest-ct-8mm-siemens": np.int16,
        "mr-nonsquare-pixels-28x64": np.float32,
        "ct-failing-missing-slice": np.int32,
    }
    for folder, kind in kinds.items():
        (slices,) = _stacks(real, folder)
        assert (
            load_volume(
                slices, on_irregular="longest" if "missing" in folder else "raise"
            ).array.dtype
            == kind
        )


def test_rescale_that_differs_from_slice_to_slice(real):
    (slices,) = _stacks(real, "mr-nonsquare-pixels-28x64")
    volume = load_volume(slices)
    for ours, path in zip(volume.array, paths_of(slices), strict=True):
        assert np.allclose(ours, _pydicoms(path), rtol=1e-6)
    assert volume.spacing == pytest.approx((0.5, 4.0, 6.39995861), abs=1e-4)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        (
            "ct-failing-missing-slice",
            "1 gap off the median of 5 mm, first 10 mm "
            "between IM-0001-0009-0001.dcm and IM-0001-0010",
        ),
        ("ct-duplicate-positions", r"1 repeated position, first CT28.dcm at -90 mm; 8 gaps"),
    ],
)
def test_what_is_no_regular_grid_is_refused_by_file_and_gap(real, folder, reason):
    (slices,) = _stacks(real, folder)
    with pytest.raises(
        StackError, match=reason + r".*Ways on: .*on_irregular='longest'.*load_slice"
    ):
        load_volume(slices)


def test_the_longest_even_run_says_what_it_leaves_out(real):
    (slices,) = _stacks(real, "ct-failing-missing-slice")
    with pytest.warns(StackWarning, match="has 3 of 4 images; left out: IM-0001-0010-0001.dcm"):
        volume = load_volume(slices, on_irregular="longest")
    assert volume.array.shape == (3, 512, 512)
    (slices,) = _stacks(real, "ct-duplicate-positions")
    with pytest.warns(StackWarning, match=r"has 3 of 11 images; left out: CT23.dcm, .* and 5 more"):
        assert load_volume(slices, on_irregular="longest").array.shape[0] == 3


def test_a_mixture_is_never_loaded_without_a_word(phantom_headers):
    rows = best_stack(phantom_headers[phantom_headers["PatientID"] == "P59-two-kernels"])
    mixture = r"a mixture of 2 values of ConvolutionKernel \(B70f, SHARP\)"
    with pytest.raises(StackError, match=f"^expected a regular grid of one scan, got {mixture}"):
        load_volume(rows)
    with pytest.warns(StackWarning, match=f"^{mixture}$"):
        volume = load_volume(rows, on_irregular="longest")
    assert len(volume.array) == len(rows)


def test_a_regular_stack_loads_whole_and_without_a_warning(real):
    (slices,) = _stacks(real, "chest-ct-8mm-siemens")
    assert np.array_equal(
        load_volume(slices, on_irregular="longest").array, load_volume(slices).array
    )


def test_other_ways_to_ask_for_what_cannot_be(phantom_headers, phantom_slices, real):
    rows = phantom_headers[phantom_headers["PatientID"] == "P12-no-position"]
    with pytest.raises(
        StackError,
        match=r"expected grey images .* got no usable ImagePositionPatient in 20 of 20, "
        r"first \d+.dcm.*load_slice",
    ):
        load_volume(best_stack(rows))
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"]
    slices = best_stack(rows)
    with pytest.raises(StackError, match="expected rows in spatial order"):
        load_volume(slices.sample(frac=1, random_state=1))
    with pytest.raises(StackError, match="got none"):
        load_volume(slices.iloc[:0])
    with pytest.raises(ValueError, match="on_irregular"):
        load_volume(slices, on_irregular="hope")
    with pytest.raises(StackError, match=r"got pictures, .*in IM-.*load_slice"):
        load_volume(*_rgb(real))
    rows_of_a_stack = r"expected the rows of one stack, slices.loc\[stack\] of .*slice_table"
    with pytest.raises(StackError, match=rf"{rows_of_a_stack}.*; got a table with the index path"):
        load_volume(rows)
    with pytest.raises(StackError, match=rf"{rows_of_a_stack}.*; got those of \d+ stacks"):
        load_volume(phantom_slices)


def test_rows_of_the_whole_table_are_a_stack_too(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P03-interspaced"]
    slices = slice_table(rows)
    (stack,) = stack_table(slices).index
    one, other = load_volume(slices), load_volume(slices.loc[stack])
    assert np.array_equal(one.array, other.array) and np.array_equal(one.affine, other.affine)


def test_rows_that_are_left_are_judged_by_themselves(real):
    """The second of two images at one position is no repetition once the first is dropped."""
    slices = _stacks(real, "ct-duplicate-positions")[0]
    again = int(np.flatnonzero(slices["repeated"])[0])
    left = slices.iloc[[again, again + 1]]
    assert load_volume(left).array.shape[0] == 2


def _rgb(real):
    headers = header_table(real / "odd/dicom2nifti/rgb", progress=False)
    return [best_stack(headers)]


@pytest.fixture(scope="module")
def voxels():
    """A coarse chest, (slices, rows, columns), and its affine."""
    shape, step = np.array([40, 44, 48]), np.array([9.0, 8.5, 8.0])
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[::-1] * step[:, None].T
    affine[:3, 3] = -((shape - 1) / 2 * step)[::-1]
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return chest(grid @ affine[:3, :3].T + affine[:3, 3]), affine


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((1, -1), repeat=3)))
def test_every_order_and_direction_of_the_axes_shows_the_same_pictures(voxels, order, flips):
    """48 ways to store one patient: the same letters, at the same anatomy."""
    array, affine = voxels
    stored = array.transpose(order)[:: flips[0], :: flips[1], :: flips[2]]
    matrix = affine.copy()
    matrix[:3, :3] = affine[:3, :3][:, order] * flips
    starts = [0 if flip > 0 else n - 1 for flip, n in zip(flips, stored.shape)]
    matrix[:3, 3] = affine[:3, 3] - matrix[:3, :3] @ starts
    volume, plain = Volume(stored, matrix), Volume(array, affine)
    for plane, letters in (("axial", "RLAP"), ("coronal", "RLHF"), ("sagittal", "APHF")):
        assert volume.shape_of(plane) == plain.shape_of(plane)
        point = (-60, -6, -122)  # in the liver
        (index, place), (plain_index, plain_place) = (
            volume.place_in(plane, point),
            plain.place_in(plane, point),
        )
        assert place == pytest.approx(plain_place)
        cut, expected = volume.slice(plane, index), plain.slice(plane, plain_index)
        assert "".join(cut.letters) == letters
        assert np.array_equal(cut.array, expected.array)
        assert cut.spacing == pytest.approx(expected.spacing)
        assert cut.caption["position"] == expected.caption["position"]
        assert cut.array[tuple(np.round(place).astype(int))] == LIVER_HU


def test_anatomy_stands_where_the_letters_say(voxels):
    """Liver under R and towards F, couch under P: found in the pictures by their density."""
    volume = Volume(*voxels)
    axial = volume.slice("axial", volume.place_in("axial", (0, 0, -110))[0]).array
    assert _middle(axial == LIVER_HU)[1] < _middle(axial > -200)[1] < axial.shape[1] / 2 + 1
    assert _middle(axial == COUCH_HU)[0] > _middle(axial > -200)[0] + 5
    coronal = volume.slice("coronal", volume.place_in("coronal", (0, -6, 0))[0]).array
    assert _middle(coronal == LIVER_HU)[0] > coronal.shape[0] * 0.7
    sagittal = volume.slice("sagittal", volume.place_in("sagittal", (-60, 0, 0))[0]).array
    assert _middle(sagittal == COUCH_HU)[1] > sagittal.shape[1] * 0.7


@pytest.mark.parametrize(
    "patient", ["P04-feet-first", "P05-prone", "P08-oblique", "P10-sagittal", "P15-coronal"]
)
def test_every_patient_of_the_phantom_has_the_heart_under_l(phantom_headers, patient):
    """However a patient lay and was scanned: the stomach bubble is left, the couch beneath."""
    rows = phantom_headers[phantom_headers["PatientID"] == patient]
    volume = load_volume(best_stack(rows))
    cut = volume.slice("axial", volume.place_in("axial", (68, -42, -98))[0])
    assert (
        cut.letters.left[0],
        cut.letters.right[0],
        cut.letters.top[0],
        cut.letters.bottom[0],
    ) == ("R", "L", "A", "P")
    rows_, columns = np.array(cut.array.shape)
    inside = cut.array[rows_ // 4 : 3 * rows_ // 4, columns // 4 : 3 * columns // 4] < -900
    assert _middle(inside)[1] > inside.shape[1] * 0.55, (
        "the bubble is on the left of the patient, the right of the picture"
    )
    if patient != "P15-coronal":  # whose slices do not reach the couch
        dense = np.flatnonzero((cut.array > -400).any(axis=1))
        assert (dense.mean() > rows_ / 2) == (patient != "P05-prone"), (
            "the couch is behind, for the prone patient in front"
        )


def test_an_oblique_volume_has_compound_letters(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P08-oblique"]
    volume = load_volume(best_stack(rows))
    assert volume.slice("axial", 3).letters == ("R", "L", "AH", "PF")
    assert volume.slice("sagittal", 3).letters == ("AH", "PF", "HP", "FA")


def test_declared_padding_is_a_mask_and_no_nan(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    volume = load_volume(best_stack(rows))
    assert (
        volume.padding.shape == volume.array.shape
        and volume.padding[:, 0, 0].all()
        and not volume.padding[:, 64, 64].any()
    )
    assert (volume.array[volume.padding] == -3024).all()
    assert volume.slice("axial", 0).padding[0, 0] and volume.slice("axial", 0).grey()[0, 0] == 0


def test_planes_and_indices_that_are_not_there(voxels):
    volume = Volume(*voxels)
    with pytest.raises(
        PlaneError, match="expected an index from 0 to 39 for the axial plane, got 40"
    ):
        volume.slice("axial", 40)
    with pytest.raises(
        PlaneError, match="expected a plane of axial, coronal, sagittal, got 'transverse'"
    ):
        volume.slice("transverse", 0)
    assert np.array_equal(volume.slice("axial", -1).array, volume.slice("axial", 39).array)


def test_a_single_image_makes_a_volume_of_one_slice(real):
    (slices,) = _stacks(real, "chest-ct-8mm-siemens")
    volume = load_volume(slices.iloc[:1])
    assert volume.array.shape == (1, 512, 512) and volume.spacing[0] == 8


def test_every_image_of_the_odd_files_is_drawn_or_refused_in_one_line(real, real_headers):
    refused, odd = {}, f"{(real / 'odd' / 'cornerstone').parent}/"  # of which the reasons are known
    for path in real_headers.index[[path.startswith(odd) for path in real_headers.index]]:
        try:
            image = load_slice(path)
            assert image.grey().min() >= 0 and image.grey().max() <= 1
            assert image.array.shape[:2] == (
                real_headers.loc[path, "Rows"],
                real_headers.loc[path, "Columns"],
            )
            drawn = show_slice(image).images[0].get_array()
            assert np.ma.masked_invalid(drawn).count() and drawn.max() > drawn.min()
        except ImageError as error:
            refused[path.rsplit("/", 1)[1]] = str(error)
        plt.close("all")
    assert all("\n" not in reason and len(reason) < 600 for reason in refused.values())
    without = [
        name
        for name, reason in refused.items()
        if " there: its row in header_table says what it is" in reason
    ]
    for name in without:
        dataset = pydicom.dcmread(_path(real_headers, name), force=True)
        assert not {"PixelData", "Rows"} <= set(dataset.dir()), name
    undecodable = {name: reason for name, reason in refused.items() if name not in without}
    assert "expected a whole Number of Frames, got '1A' in" in undecodable.pop("badVR.dcm")
    assert "less than expected" in undecodable["MR_truncated.dcm"] and undecodable.pop(
        "MR_truncated.dcm"
    ).endswith(DAMAGED)
    if codecs.is_available(pydicom.uid.JPEGLossless):
        assert len(undecodable) == 3 and all(
            "pydicom has no decoder for" in reason for reason in undecodable.values()
        )
    assert all(
        reason.endswith((INSTALL, "convert it with other software"))
        for reason in undecodable.values()
    )


def _path(headers, name):
    return next(path for path in headers.index if path.endswith(f"/{name}"))


def test_a_frame_has_the_geometry_of_its_functional_groups(real):
    path = next((real / "series/mr-enhanced-philips").iterdir())
    dataset = pydicom.dcmread(path)
    for frame in (0, 5):
        cut = load_slice(path, frame=frame)
        groups = dataset.PerFrameFunctionalGroupsSequence[frame]
        value = groups.PixelValueTransformationSequence[0]
        expected = dataset.pixel_array[frame] * float(value.RescaleSlope) + float(
            value.RescaleIntercept
        )
        assert np.allclose(cut.array, expected, rtol=1e-5, atol=1e-5)
        assert cut.spacing == tuple(map(float, groups.PixelMeasuresSequence[0].PixelSpacing))
        assert "?" not in cut.letters and cut.caption["slice"] == f"frame {frame + 1} of 8"
    with pytest.raises(ImageError, match="expected a frame from 0 to 7, got 8"):
        load_slice(path, frame=8)


def test_what_the_header_does_not_say_is_not_claimed(real, tmp_path):
    colour = load_slice(real / "odd/dicom-test-files/US1_UNC")
    assert colour.array.ndim == 3 and colour.letters == ("?",) * 4
    assert colour.spacing == (1, 1) and colour.spacing_unit == "px"
    echo = load_slice(real / "odd/cornerstone/no-pixel-spacing.dcm")  # but with a region in cm
    assert echo.spacing == pytest.approx((0.33054, 0.33054), abs=1e-5)
    assert echo.spacing_unit == "mm" and "of the 2D region" in echo.caption["spacing"]
    projection = pydicom.dcmread(real / "odd/highdicom/dx_image.dcm")
    assert "?" not in load_slice(projection.filename).letters, (
        "Patient Orientation gives the letters of a projection image"
    )
    del projection.PixelSpacing
    projection.save_as(tmp_path / "detector.dcm")
    detector = load_slice(tmp_path / "detector.dcm")
    assert detector.spacing_unit == "mm" and "detector" in detector.caption["spacing"]
    del projection.ImagerPixelSpacing
    projection.PixelAspectRatio = [4, 3]
    projection.save_as(tmp_path / "aspect.dcm")
    aspect = load_slice(tmp_path / "aspect.dcm")
    assert aspect.spacing_unit == "px" and aspect.spacing == pytest.approx((4 / 3, 1))


@pytest.mark.parametrize("syntax", range(1, 10))
def test_one_image_in_seven_transfer_syntaxes(real, syntax):
    folder = real / "series/one-slice-7-transfer-syntaxes"
    plain, other = (
        load_slice(folder / "1.dcm"),
        pydicom.dcmread(folder / f"{syntax}.dcm", stop_before_pixels=True),
    )
    try:
        assert np.array_equal(load_slice(folder / f"{syntax}.dcm").array, plain.array)
    except ImageError as error:
        syntax = other.file_meta.TransferSyntaxUID
        assert not codecs.is_available(syntax) and not get_decoder(syntax).is_available
        assert str(error).endswith(INSTALL)


def _middle(mask):
    return np.argwhere(mask).mean(axis=0)


@pytest.mark.parametrize("how", ["max", "min", "mean"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_slab_is_the_projection_of_its_slices(phantom_headers, plane, how):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    volume = load_volume(best_stack(rows))
    slab, step = (
        volume.slab(plane, 12, thickness_mm=30, how=how),
        {"axial": 10, "coronal": 3, "sagittal": 3}[plane],
    )
    count = 30 // step
    places = range(12 - (count - 1) // 2, 12 - (count - 1) // 2 + count)
    cuts = [volume.slice(plane, place) for place in places]
    values = np.ma.array([cut.array for cut in cuts], mask=[cut.padding for cut in cuts])
    expected = getattr(np.ma, how)(values, axis=0)
    assert np.array_equal(slab.padding, np.ma.getmaskarray(expected))
    assert np.allclose(slab.array[~slab.padding], expected.compressed(), rtol=1e-6)
    assert slab.letters == cuts[0].letters and slab.spacing == cuts[0].spacing
    assert slab.caption["thickness"] == f"{how} of {count} slices, 30 mm"


def test_slabs_at_the_ends_and_of_one_slice(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    volume = load_volume(best_stack(rows))
    assert np.array_equal(
        volume.slab("axial", 3, thickness_mm=0).array, volume.slice("axial", 3).array
    )
    assert volume.slab("axial", 0, thickness_mm=30).caption["thickness"] == "max of 2 slices, 20 mm"
    with pytest.raises(PlaneError, match="expected a projection of max, min, mean, got 'median'"):
        volume.slab("axial", how="median")


def _compressed(folder, slices, pixels_of=lambda dataset: dataset.pixel_array):
    for path in paths_of(slices):
        dataset = pydicom.dcmread(path)
        pixels = pixels_of(dataset)
        dataset.compress(pydicom.uid.RLELossless, pixels, generate_instance_uid=False)
        dataset.save_as(folder / path.rsplit("/", 1)[1])
    headers = header_table(folder, progress=False)
    return best_stack(headers)


def test_compressed_slices_give_the_same_volume(phantom_headers, tmp_path):
    rows = phantom_headers[phantom_headers["PatientID"] == "P02-interspaced"]
    slices = best_stack(rows)
    one, other = load_volume(slices), load_volume(_compressed(tmp_path, slices))
    assert np.array_equal(one.array, other.array) and np.array_equal(one.padding, other.padding)
    assert one.windows == other.windows and np.array_equal(one.affine, other.affine)


def test_a_type_that_proves_too_narrow_is_widened(phantom_headers, tmp_path):
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"].iloc[:12]
    slices = best_stack(rows)
    changed = _compressed(tmp_path, slices)
    for number, slope in ((5, 40), (9, 0.5)):
        dataset = pydicom.dcmread(paths_of(changed)[number])
        dataset.RescaleSlope = slope
        dataset.save_as(paths_of(changed)[number])
    changed = best_stack(header_table(tmp_path, progress=False))
    volume, plain = load_volume(changed), load_volume(slices)
    assert volume.array.dtype == np.float32
    stored = plain.array[5].astype(int) - int(slices["RescaleIntercept"].iloc[0])
    assert np.array_equal(volume.array[5], 40 * stored + slices["RescaleIntercept"].iloc[0])
    assert np.array_equal(volume.array[4], plain.array[4])


@pytest.mark.parametrize("compressed", [False, True])
def test_loading_takes_little_more_memory_than_the_result(phantom, tmp_path, compressed):
    """One slice, and a fifth of the result; of headers and code about 2 MB."""
    dataset = pydicom.dcmread(phantom / "P02-interspaced" / "1.dcm")
    dataset.Rows = dataset.Columns = 512
    for number in range(24):
        pixels = np.full((512, 512), dataset.PixelPaddingValue, np.int16)
        pixels[100:400, 100:400] = number
        dataset.InstanceNumber, dataset.ImagePositionPatient = number + 1, [0, 0, 10.0 * number]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        dataset.PixelData = pixels.tobytes()
        if compressed:
            dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(tmp_path / f"{number}.dcm")
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OW", False
    headers = header_table(tmp_path, progress=False)
    slices = best_stack(headers)
    load_volume(slices.iloc[:2])
    tracemalloc.start()
    volume = load_volume(slices, progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    result = volume.array.nbytes + volume.padding.nbytes
    assert result > 15e6 and peak < 1.2 * result + volume.array[0].nbytes + 2e6


def test_a_large_file_of_many_frames_is_read_frame_by_frame(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    frames = dataset.pixel_array
    tall = np.tile(frames, (1, 7, 7))
    dataset.Rows, dataset.Columns, dataset.PixelData = *tall.shape[1:], tall.tobytes()
    dataset.save_as(tmp_path / "1.dcm")
    rows = header_table(tmp_path, progress=False)
    slices = best_stack(rows)
    tracemalloc.start()
    volume = load_volume(slices, progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    order = frames_of(slices)
    assert np.array_equal(
        volume.array - volume.array[0, 0, 0], tall[order].astype(int) - int(tall[order[0], 0, 0])
    )
    assert tall.nbytes > 2**23 and peak < 1.2 * volume.array.nbytes + volume.array[0].nbytes + 4e6


def test_an_error_in_a_thread_leaves_warnings_as_they_were(phantom_headers):
    rows = phantom_headers[phantom_headers["PatientID"] == "P31-rle-damaged"]
    before = list(warnings.filters)
    for _ in range(10):
        with pytest.raises(ImageError, match=r"cannot decode .*RLE"):
            load_volume(best_stack(rows))
        assert warnings.filters == before


def _changed(phantom, tmp_path, change):
    """The rows of four slices after ``change(number, dataset)``."""
    for number in range(1, 5):
        dataset = pydicom.dcmread(phantom / "P03-interspaced" / f"{number}.dcm")
        change(number, dataset)
        dataset.save_as(tmp_path / f"{number}.dcm")
    headers = header_table(tmp_path, progress=False)
    return best_stack(headers)


def test_mixed_monochrome1_and_monochrome2_are_no_volume(phantom, tmp_path):
    def change(number, dataset):
        dataset.PhotometricInterpretation = f"MONOCHROME{1 + number % 2}"

    mixed = r"expected one Photometric Interpretation .*, got mixed MONOCHROME1 and MONOCHROME2 in"
    with pytest.raises(StackError, match=mixed):
        load_volume(_changed(phantom, tmp_path, change))


def test_a_slope_that_is_no_number_is_refused(phantom, tmp_path):
    def change(number, dataset):
        if number == 2:
            tag = pydicom.tag.Tag(0x00281053)
            dataset[tag] = pydicom.dataelem.RawDataElement(tag, "DS", 4, b"nan ", 0, False, True)

    with pytest.raises(ImageError, match="expected a number as RescaleSlope"):
        load_volume(_changed(phantom, tmp_path, change))


def test_a_large_deflated_file_is_read_whole(phantom, tmp_path):
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    tall = np.tile(dataset.pixel_array, (1, 7, 7))
    dataset.Rows, dataset.Columns, dataset.PixelData = *tall.shape[1:], tall.tobytes()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "1.dcm")
    rows = header_table(tmp_path, progress=False)
    assert load_volume(best_stack(rows)).array.shape == tall.shape


@pytest.mark.parametrize("thickness", [-5, np.nan, np.inf, "10", None])
def test_a_thickness_that_is_none_is_refused(voxels, thickness):
    with pytest.raises(PlaneError, match="expected a thickness in mm, 0 or more, got"):
        Volume(*voxels).slab("axial", thickness_mm=thickness)


@pytest.mark.parametrize("point", [(np.nan, 0, 0), ("a", 0, 0), (0, 0), None])
def test_a_point_that_is_none_is_refused(voxels, point):
    with pytest.raises(PlaneError, match="expected a point as"):
        Volume(*voxels).place_in("axial", point)


def test_a_unit_that_is_unspecified_is_not_hounsfields(real):
    headers = header_table(real / "series/head-ct-64x64", progress=False)
    assert (headers["RescaleType"] == "US").all()
    assert load_slice(headers.index[0]).unit == ""


def test_a_frame_without_a_position_of_its_own_has_none(real):
    first, other = (
        load_slice(real / "odd/pydicom/rtdose.dcm", frame=frame).caption["position"]
        for frame in (0, 7)
    )
    assert first and not other


def test_stopping_drops_what_is_not_begun(phantom_headers, monkeypatch):
    rows = phantom_headers[phantom_headers["PatientID"] == "P01-reference"]
    slices, begun = best_stack(rows), []

    def interrupted(image, out):
        begun.append(image)
        if len(begun) == 20:
            raise KeyboardInterrupt
        sleep(0.002)
        return None

    monkeypatch.setattr("helpers.volume.voxels.put_values", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_volume(slices)
    assert len(begun) < len(slices)
    count = threading.active_count()
    sleep(0.1)
    assert threading.active_count() <= count, "no thread goes on"


def _written(folder, phantom, count, spacing_mm, **elements):
    """The best stack of some images `spacing_mm` apart, with changed elements."""
    for number in range(count):
        dataset = pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [0, 0, round(spacing_mm * number, 6)]
        for keyword, value in elements.items():
            if value is None and keyword in dataset:
                delattr(dataset, keyword)
            elif value is not None:
                setattr(dataset, keyword, value)
        dataset.save_as(folder / f"{number}.dcm")
    return best_stack(header_table(folder, progress=False))


@pytest.mark.parametrize("micrometres", [0.5, 5, 50, 5000])
def test_a_volume_of_any_size_is_one(phantom, tmp_path, micrometres):
    step = micrometres / 1000
    slices = _written(tmp_path, phantom, 9, step, PixelSpacing=[step, step])
    assert load_volume(slices).spacing == pytest.approx((step,) * 3)
    with pytest.raises(StackError, match="1 gap off the median"):
        load_volume(slices.drop(index=slices.index[4]))
    with pytest.warns(StackWarning, match="has 4 of 8 images"):
        kept = load_volume(slices.drop(index=slices.index[4]), on_irregular="longest")
    assert kept.array.shape[0] == 4


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("projection", {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"}),
        ("picture", {"Modality": "OT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}),
        ("slide", {"Modality": "SM", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.6"}),
        ("cine", {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"}),
    ],
)
def test_what_is_no_volume_says_what_it_is_and_how_to_look_at_it(phantom, tmp_path, kind, elements):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    if kind == "cine":
        dataset.NumberOfFrames, dataset.PixelData = 2, 2 * dataset.PixelData
    dataset.save_as(tmp_path / "1.dcm")
    slices = best_stack(header_table(tmp_path, progress=False))
    assert set(slices["kind"]) == {kind}
    ways_on = rf"\({kind}\) in 1.dcm.*: no volume; see load_slice\(path\) or browse"
    with pytest.raises(StackError, match=ways_on) as caught:
        load_volume(slices)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["<u2", "<u4"])
def test_a_dose_is_a_volume_in_gray(phantom, tmp_path, kind):
    dataset = pydicom.dcmread(phantom / "P03-interspaced" / "8.dcm")
    del dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType
    stored = np.repeat(np.arange(1000, 6000, 1000, kind), 12).reshape(5, 3, 4)
    bits = 8 * stored.dtype.itemsize
    elements = {
        **{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2", "Modality": "RTDOSE"},
        **{"DoseGridScaling": 0.001, "DoseUnits": "GY", "NumberOfFrames": 5, "Rows": 3},
        **{"Columns": 4, "GridFrameOffsetVector": [0.0, 3.0, 6.0, 9.0, 12.0]},
        **{"FrameIncrementPointer": 0x3004000C, "PixelRepresentation": 0},
        **{"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1},
        **{"ImagePositionPatient": [0, 0, -10], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
    }
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = stored.tobytes()
    dataset.save_as(tmp_path / "dose.dcm")
    volume = load_volume(best_stack(header_table(tmp_path, progress=False)))
    assert volume.unit == "Gy" and volume.array.dtype == np.float32
    assert np.allclose(volume.array[:, 0, 0], [1, 2, 3, 4, 5])
    assert volume.spacing[0] == pytest.approx(3) and volume.affine[2, 3] == -10


def test_the_dose_of_a_plan_shows_what_was_irradiated(real):
    slices = best_stack(header_table([real / "odd/pydicom/rtdose.dcm"], progress=False))
    volume = load_volume(slices)
    low, high = volume.window()[1].limits
    assert set(slices["DoseUnits"]) == {"RELATIVE"} and volume.unit == ""
    assert 0 <= low < high <= volume.array.max()
    assert (volume.array > low).mean() > 0.05


@pytest.mark.parametrize("name", ["seg-ct-3slice/liver.dcm", "seg-ct-3slice/partial_overlaps.dcm"])
def test_each_segment_is_a_volume_of_its_frames(real, name):
    path, loaded = real / "kinds" / name, 0
    slices = slice_table(header_table([path], progress=False))
    whole, stacks = pydicom.dcmread(path).pixel_array, stack_table(slices)
    for stack in stacks.index[stacks["volume"] == "whole"]:
        rows = slices.loc[stack]
        volume = load_volume(rows)
        assert volume.unit == "" and set(np.unique(volume.array)) <= {0, 1}
        assert np.array_equal(volume.array, whole[frames_of(rows)])
        loaded += 1
    assert loaded == slices["ReferencedSegmentNumber"].nunique()


def test_files_of_several_frames_are_read_once(phantom, tmp_path, monkeypatch):
    """Frames of two files lie between each other, and of each in a shuffled order."""
    dataset = pydicom.dcmread(phantom / "P42-one-file" / "1.dcm")
    groups, frames = dataset.PerFrameFunctionalGroupsSequence, dataset.pixel_array
    lut = pydicom.Dataset()  # which is not plain
    lut.LUTDescriptor, lut.LUTData = [2, 0, 16], b"\0\0\xff\xff"
    dataset.VOILUTSequence = [lut]
    order = np.random.default_rng(0).permutation(len(frames))
    for part in (0, 1):
        own = order[part::2]
        dataset.PerFrameFunctionalGroupsSequence = [groups[n] for n in own]
        dataset.NumberOfFrames, dataset.PixelData = len(own), frames[own].tobytes()
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{part}"
        dataset.save_as(tmp_path / f"{part}.dcm")
    slices = best_stack(header_table(tmp_path, progress=False))
    assert len(slices) == len(frames) and len({*paths_of(slices)[:4]}) == 2
    monkeypatch.setattr("helpers.volume.voxels.IMAGES_PER_CHUNK", 3)
    opened = []

    def counted(path):
        opened.append(str(path))
        return header_and_pixels(path)

    monkeypatch.setattr("helpers.pixels.image.header_and_pixels", counted)
    volume = load_volume(slices)
    assert sorted(opened) == sorted({*paths_of(slices)})
    for ours, path, frame in zip(volume.array, paths_of(slices), frames_of(slices), strict=True):
        assert np.array_equal(ours, load_slice(path, frame=frame).array)


def test_values_that_are_no_numbers_are_padding():
    array = np.ones((2, 3, 4), np.float32)
    array[0, 1, 2], array[1, 0, 0] = np.nan, np.inf
    volume = Volume(array, np.eye(4)[[2, 1, 0, 3]])
    assert volume.padding.sum() == 2 and volume.padding[0, 1, 2] and volume.padding[1, 0, 0]
    assert Volume(np.ones((2, 3, 4), np.float32), np.eye(4)).padding is None
    known = np.zeros(array.shape, bool)
    known[0, 0, 0] = True
    assert Volume(array, np.eye(4), padding=known).padding.sum() == 3
    assert np.isfinite(volume.window("whole range")[1].limits).all()
