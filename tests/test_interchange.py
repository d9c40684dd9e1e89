"""Volumes for other programs: what SimpleITK, nibabel, numpy and Pillow read is what was here."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stacks_of import best_stack

from helpers import Volume, Window, export_volume, load_volume, straightened
from helpers.errors import WrongTypeError
from helpers.interchange.grids import PICTURE_ORIENTATIONS, orientation_of
from helpers.interchange.targets import ExportError
from helpers.labels.labels import Label, LabelError, Labels

PATIENTS = {  # whose volumes lie or are in unusual ways
    "P02": "anisotropic, with padding",
    "P04": "feet first",
    "P08": "oblique",
    "P10": "sagittal",
    "P39": "sheared",
    "P67": "of fractional values",
}
SHEARED = "P39"
NIFTI_MM, EXACT_MM = 1e-3, 1e-9  # by which a place may differ: of numbers of 32 bits, of 64
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def volumes(phantom_headers):
    patients = phantom_headers["PatientID"].str[:3]
    return {name: load_volume(best_stack(phantom_headers[patients == name])) for name in PATIENTS}


def _read(path):
    """(array of axes (column, row, slice), affine to LPS mm) of a file, by another library."""
    if path.name.endswith((".nii", ".nii.gz")):
        image = pytest.importorskip("nibabel").load(path)
        return np.asanyarray(image.dataobj), RAS @ image.affine
    if path.suffix == ".npz":
        with np.load(path) as file:
            return file["array"].T, file["affine"][:, [2, 1, 0, 3]]
    return _by_itk(path)


def _by_itk(path):
    itk = pytest.importorskip("SimpleITK")
    image = itk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return itk.GetArrayFromImage(image).T, affine


def _same_voxels_at_the_same_mm(found, volume, tolerance_mm):
    """Every voxel of a file has the value that the volume has at its place, and none is missing."""
    array, affine = found
    assert array.size == volume.array.size and array.dtype == volume.array.dtype
    indices = np.indices(array.shape).reshape(3, -1)
    places = affine[:3, :3] @ indices + affine[:3, 3:]
    voxels = np.linalg.solve(volume.affine[:3, :3], places - volume.affine[:3, 3:]).round()
    back = volume.affine[:3, :3] @ voxels + volume.affine[:3, 3:]
    assert np.abs(back - places).max() <= tolerance_mm
    numbers = np.ravel_multi_index(tuple(voxels.astype(int)), volume.array.shape)
    assert np.array_equal(array.reshape(-1), volume.array.reshape(-1)[numbers])
    assert (np.bincount(numbers) == 1).all()


def _record(path):
    name = path / "export.json" if path.is_dir() else path.with_name(path.name + ".json")
    return json.loads(name.read_text(encoding="utf-8"))


# where a volume comes from


def test_a_volume_knows_its_series_and_its_files(phantom_slices, volumes):
    for patient, volume in volumes.items():
        rows = phantom_slices[phantom_slices["PatientID"].str[:3] == patient]
        assert volume.series in rows.index.unique("SeriesInstanceUID")
        assert {*volume.paths} == {*rows.loc[volume.series].index.get_level_values("path")}
    one = phantom_slices[phantom_slices["PatientID"] == "P42-one-file"]
    whole = load_volume(one)  # the index names the series; one file of several frames
    assert (whole.series, len(whole.paths)) == (one.index[0][0], 1)
    assert load_volume(one.droplevel(["SeriesInstanceUID", "stack"])).series == whole.series


# round trips


@pytest.mark.parametrize("orientation", [None, "RAS"])
@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha", ".npz"])
@pytest.mark.parametrize("patient", PATIENTS)
def test_round_trip(volumes, tmp_path, patient, ending, orientation):
    volume, name = volumes[patient], tmp_path / f"a{ending}"
    if patient == SHEARED and ending in (".nrrd", ".mha"):
        with pytest.raises(ExportError, match=r"right angles .* sheared by 12.0°.*\.nii\.gz or"):
            export_volume(volume, name)
        assert not any(tmp_path.iterdir())
        return
    path = export_volume(volume, name, orientation=orientation)
    assert path == name
    tolerance = NIFTI_MM if ".nii" in ending else EXACT_MM
    _same_voxels_at_the_same_mm(_read(path), volume, tolerance)
    if ".nii" in ending and patient != SHEARED:
        _same_voxels_at_the_same_mm(_by_itk(path), volume, tolerance)
    record, found = _record(path), _read(path)[1]
    assert {one.name for one in tmp_path.iterdir()} == {path.name, f"{path.name}.json"}
    own = orientation_of(found)
    assert orientation in (None, own)
    assert record["orientation"] == (own[::-1] if ending == ".npz" else own)
    said = np.array(record["affine"])
    said = said[:, [2, 1, 0, 3]] if ending == ".npz" else RAS @ said if ".nii" in ending else said
    assert np.abs(said - found).max() < tolerance
    assert record["unit"] == volume.unit and record["source"]["SeriesInstanceUID"] == volume.series
    assert record["source"]["files"] == len(volume.paths) > 0


def test_nibabel_and_itk_name_the_orientation_alike(volumes, tmp_path):
    nibabel, itk = pytest.importorskip("nibabel"), pytest.importorskip("SimpleITK")
    for orientation in ("RAS", "LPS", "PIL"):
        path = export_volume(
            volumes["P08"], tmp_path / f"{orientation}.nii", orientation=orientation
        )
        assert "".join(nibabel.aff2axcodes(nibabel.load(path).affine)) == orientation
        image = itk.ReadImage(str(path))
        named = itk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
        assert named == orientation


def test_nifti_says_its_place_in_both_ways_and_shear_in_one(volumes, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    for patient, qform in (("P08", 1), (SHEARED, 0)):
        image = nibabel.load(export_volume(volumes[patient], tmp_path / f"{patient}.nii"))
        assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, qform)
        assert image.header.get_slope_inter() == (None, None), "values are not scaled"
    record = _record(tmp_path / f"{SHEARED}.nii")
    assert "ITK refuses it" in record["frame"] and record["shear_deg"] == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize("dtype", [bool, "i1", "u2", ">i2", "u4", "i8", "u8", "f2", ">f4", "f8"])
@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha", ".npz"])
def test_values_of_every_type_are_kept(tmp_path, dtype, ending):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    volume = Volume(array, np.diag([3.0, 2, 1, 1])[[2, 1, 0, 3]])
    path = export_volume(volume, tmp_path / f"a{ending}")
    found, record = _read(path)[0], _record(path)
    assert np.array_equal(found.T.astype(float), array.astype(float))
    assert record["dtype"] == found.dtype.newbyteorder("=").name
    assert bool(record["done"]) == (array.dtype.newbyteorder("=") != found.dtype.newbyteorder("="))


def test_values_that_no_type_holds_are_refused(tmp_path):
    affine = np.eye(4)[[2, 1, 0, 3]]
    large = Volume(np.full((1, 2, 2), 2**60 + 1), affine)
    for volume in (large, replace(large, array=np.zeros((1, 2, 2), complex))):
        with pytest.raises(ExportError, match=r"expected values of a type .*, got (int64|complex)"):
            export_volume(volume, tmp_path / "a.nii")
    assert np.array_equal(
        _read(export_volume(replace(large, array=large.array - 1), tmp_path / "a.npz"))[0].T,
        large.array - 1.0,
    )


# another spacing


def test_a_linear_field_stays_one_at_another_spacing(volumes, tmp_path):
    """Values that rise evenly in the patient are at every new place what they are there."""
    for patient in ("P08", SHEARED, "P02"):
        volume = volumes[patient]
        where = np.indices(volume.array.shape).reshape(3, -1)
        places = volume.affine[:3, :3] @ where + volume.affine[:3, 3:]
        field = (np.array([1.0, 2.0, -3.0]) @ places).reshape(volume.array.shape)
        volume = replace(volume, array=field.astype(np.float32), padding=None)
        path = export_volume(
            volume, tmp_path / f"{patient}.nrrd", spacing_mm=(5, 7, 9), orientation="RAS"
        )
        array, affine = _read(path)
        assert np.linalg.norm(affine[:3, :3], axis=0) == pytest.approx((5, 7, 9))
        inner = np.indices(array.shape).reshape(3, -1)
        there = affine[:3, :3] @ inner + affine[:3, 3:]
        voxels = np.linalg.solve(volume.affine[:3, :3], there - volume.affine[:3, 3:])
        inside = ((voxels > 0) & (voxels < np.array(volume.array.shape)[:, None] - 1)).all(axis=0)
        assert inside.mean() > 0.6
        expected = np.array([1.0, 2.0, -3.0]) @ there[:, inside]
        assert np.abs(array.reshape(-1)[inside] - expected).max() < 0.01
        words = _record(path)["done"][-1]
        assert "linear between the eight nearest voxels" in words and "5 × 7 × 9 mm" in words
        assert ("a shear of 12.0°" in words) == (patient == SHEARED)


def test_the_middle_and_the_extent_stay(volumes, tmp_path):
    volume = volumes["P08"]
    array, affine = _read(export_volume(volume, tmp_path / "a.npz", spacing_mm=4))
    middle = (np.array(volume.array.shape) - 1) / 2
    assert affine @ [*((np.array(array.shape) - 1) / 2), 1] == pytest.approx(
        volume.affine @ [*middle, 1], abs=1e-6
    )
    extent = np.multiply(volume.array.shape, volume.spacing)[::-1]
    assert np.abs(np.array(array.shape) * 4 - extent).max() <= 2


def test_the_same_spacing_changes_nothing(volumes, tmp_path):
    volume = volumes["P02"]
    path = export_volume(volume, tmp_path / "a.nrrd", spacing_mm=volume.spacing[::-1])
    _same_voxels_at_the_same_mm(_read(path), volume, EXACT_MM)
    assert _record(path)["done"] == []


def test_what_was_done_before_is_said_too(volumes, tmp_path):
    path = export_volume(straightened(volumes[SHEARED]), tmp_path / "a.mha", orientation="LPI")
    first, second = _record(path)["done"]
    assert first == "straightened from a shear of 12.0°"
    assert second.startswith("reoriented from LPS to LPI: axes permuted and flipped")


def test_padding_is_named(volumes, tmp_path):
    volume = volumes["P02"]
    padding = _record(export_volume(volume, tmp_path / "a.npz"))["padding"]
    values = volume.array[volume.padding]
    assert padding["voxels"] == volume.padding.sum() > 0
    assert (padding["lowest_value"], padding["highest_value"]) == (values.min(), values.max())
    with np.load(tmp_path / "a.npz") as file:
        assert np.array_equal(file["padding"], volume.padding) and file["unit"] == "HU"
    finer = export_volume(volume, tmp_path / "b.npz", spacing_mm=3)
    assert _record(finer)["padding"]["highest_value"] == volume.array.min()
    assert _record(export_volume(volumes["P67"], tmp_path / "c.npz"))["padding"] is None


# pictures


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("patient", ["P02", "P04", "P08", "P10"])
def test_pictures_are_what_readers_look_at(volumes, tmp_path, patient, ending):
    volume = volumes[patient]
    folder = export_volume(volume, tmp_path / "ct" / f"no-*{ending}", window=(0, 2000))
    plane, count = volume.acquired_plane, len(volume.array)
    assert folder == tmp_path / "ct" and [one.name for one in tmp_path.iterdir()] == ["ct"]
    names = sorted(one.name for one in folder.glob(f"*{ending}"))
    assert names == _record(folder)["files"] and len(names) == count
    affine = np.array(_record(folder)["affine"])
    white = 255 if ending == ".png" else 65535
    for index in (0, count // 3, count - 1):
        there = (affine @ [0, 0, index, 1])[:3]
        shown = volume.slice(plane, volume.place_in(plane, there)[0])
        with Image.open(folder / names[index]) as image:
            found = np.asarray(image)
        assert np.abs(found - shown.grey((0, 2000)) * white).max() <= 0.51
        row, column = volume.place_in(plane, there)[1]
        assert (row, column) == pytest.approx((0, 0), abs=1e-6)
    assert f"0 is -1000, {white} is 999 HU" in " ".join(_record(folder)["done"])


def test_pictures_with_square_pixels_have_their_own_affine(volumes, tmp_path):
    volume = volumes["P02"]
    folder = export_volume(volume, tmp_path / "ct" / "*.png", orientation="LIP")
    record = _record(folder)
    with Image.open(folder / record["files"][0]) as image:
        assert [*image.size] == record["shape"][:2]
    affine, (columns, rows, count) = np.array(record["affine"]), record["shape"]
    assert record["spacing_mm"][0] == pytest.approx(record["spacing_mm"][1], rel=0.02)
    corners = [(-0.5, -0.5, 0), (columns - 0.5, rows - 0.5, count - 1)]
    own = [np.linalg.solve(volume.affine, affine @ [*corner, 1])[:3] for corner in corners]
    ends = [{-0.5, 0, number - 0.5, number - 1} for number in volume.array.shape]
    for corner in own:
        assert all(min(abs(x - end) for end in known) < 1e-6 for x, known in zip(corner, ends))
    assert any("pixels made square" in words for words in record["done"])


def test_jpeg_and_16_bits(volumes, tmp_path):
    for ending, mode in ((".jpg", "L"), (".tif", "I;16")):
        folder = export_volume(volumes["P04"], tmp_path / ending[1:] / f"*{ending}", window="lungs")
        with Image.open(folder / f"00{ending}") as image:
            assert image.mode == mode
    sigmoid = replace(volumes["P04"], inverted=True)
    folder = export_volume(sigmoid, tmp_path / "s" / "*.png", window=Window(40, 400, "", "SIGMOID"))
    assert "(SIGMOID); grey is not proportional to values" in " ".join(_record(folder)["done"])
    folder = export_volume(sigmoid, tmp_path / "i" / "*.png", window=(0, 2000))
    assert "0 is 999, 255 is -1000 HU" in " ".join(_record(folder)["done"])


def test_a_window_is_for_pictures(volumes, tmp_path):
    with pytest.raises(ExportError, match=r"expected no window for \.nii, which keeps values"):
        export_volume(volumes["P02"], tmp_path / "a.nii", window="lungs")


# labels


def _labels(volume, **changes):
    """Two boxes that overlap, on the volume's grid."""
    maps = [np.zeros(volume.array.shape, np.uint8) for _ in range(2)]
    maps[0][2:5, 10:20, 12:30] = 1
    maps[1][3:6, 15:25, 20:40] = 2
    named = (
        Label("heart (P02 Doe)", 1, 0, "NIfTI", "/masks/P02 Doe.nii.gz"),
        Label("lung", 2, 1, "SEG", "/masks/b.dcm", by="manual"),
    )
    frame = volume.frame_of_reference
    labels = Labels(tuple(maps), volume.affine, volume.array.shape, named, (), frame)
    return replace(labels, **changes)


@pytest.mark.parametrize("ending", [".nii.gz", ".mha", ".npz"])
def test_labels_lie_on_the_grid_of_their_volume(volumes, tmp_path, ending):
    volume = volumes["P02"]
    labels = _labels(volume)
    path = export_volume(volume, tmp_path / f"a{ending}", labels=labels, orientation="RAS")
    rows = _record(path)["labels"]
    for row, label_map in zip(rows, labels.maps):
        if ending == ".npz":
            file, key = row["file"].split(": ")
            with np.load(tmp_path / file) as content:
                found = content[key].T, _read(path)[1]
        else:
            found = _read(tmp_path / row["file"])
        _same_voxels_at_the_same_mm(found, replace(volume, array=label_map), NIFTI_MM)
        assert (found[0] == row["value"]).sum() == row["voxels"] == (label_map > 0).sum()
    assert [row["name"] for row in rows] == ["heart", "lung"], "not that of a file"
    assert rows[1]["by"] == "manual" and "source" not in rows[0]


def test_labels_follow_to_another_spacing(volumes, tmp_path):
    volume, nibabel = volumes[SHEARED], pytest.importorskip("nibabel")
    labels = _labels(volume)
    path = export_volume(volume, tmp_path / "a.nii.gz", labels=labels, spacing_mm=4)
    record = _record(path)
    for row, label in zip(record["labels"], labels.labels):
        image = nibabel.load(tmp_path / row["file"])
        assert image.shape == nibabel.load(path).shape
        assert np.allclose(image.affine, nibabel.load(path).affine)
        assert {*np.unique(image.dataobj)} == {0, row["value"]}
        assert row["ml"] == pytest.approx(labels.ml(label), rel=0.15), "of a small box"
    assert "nearest neighbour" in record["labels_remark"]


def test_labels_of_pictures_lie_on_them(volumes, tmp_path):
    volume = volumes["P02"]
    where = tmp_path / "ct" / "*.jpg"
    folder = export_volume(volume, where, labels=_labels(volume), orientation="PIL")
    files = _record(folder)["files"]
    pictures = [name for name in files if "/" not in name]
    for picture, *masks in zip(
        pictures, *(sorted(folder.glob(f"labels{n}/*")) for n in ("", "-2"))
    ):
        sizes = set()
        for path in (folder / picture, *masks):
            with Image.open(path) as image:
                sizes.add(image.size)
        assert len(sizes) == 1
    with Image.open(folder / "labels" / "020.png") as image:
        assert {*np.unique(np.asarray(image))} == {0, 1}
    assert len(files) == 3 * len(pictures)


def test_labels_of_elsewhere_are_refused(volumes, tmp_path):
    labels = _labels(volumes["P02"], frame_of_reference="1.2.3")
    with pytest.raises(LabelError, match="Frame of Reference"):
        export_volume(volumes["P02"], tmp_path / "a.nii", labels=labels)
    with pytest.raises(WrongTypeError, match="expected a Labels"):
        export_volume(volumes["P02"], tmp_path / "a.nii", labels={"heart": 1})
    assert not any(tmp_path.iterdir())


# identity, and where nothing is written


def test_nobody_is_named_unless_asked(volumes, tmp_path, monkeypatch):
    volume = volumes["P02"]
    text = (export_volume(volume, tmp_path / "a.npz").parent / "a.npz.json").read_text("utf-8")
    words = (volume.caption["patient"], volume.caption["series"], volume.paths[0])
    assert all(word and word not in text for word in words)
    source = _record(export_volume(volume, tmp_path / "b.npz", identity=True))["source"]
    assert (source["PatientID"], source["SeriesDescription"], source["paths"][0]) == words
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a secret")
    hidden = _record(export_volume(volume, tmp_path / "c.npz"))["source"]
    assert hidden["SeriesInstanceUID"].startswith("2.25.")


def test_nothing_is_overwritten_unless_told(volumes, tmp_path):
    volume = volumes["P02"]
    path = export_volume(volume, tmp_path / "a.npz")
    with pytest.raises(ExportError, match=r"got .*a\.npz, .* already: overwrite=True replaces it"):
        export_volume(volume, path)
    path.unlink()
    with pytest.raises(ExportError, match=r"a\.npz\.json, which is there already"):
        export_volume(volume, path)
    export_volume(volume, path, overwrite=True, orientation="RAS")
    assert _record(path)["orientation"] == "SAR"
    (tmp_path / "b-labels-2.nii").write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"no labels of another export beside b\.nii, got .*-2"):
        export_volume(volume, tmp_path / "b.nii", overwrite=True)
    folder = export_volume(volume, tmp_path / "ct" / "*.png")
    with pytest.raises(ExportError, match="expected a new or an empty folder"):
        export_volume(volume, folder / "*.png", overwrite=True)
    (tmp_path / "empty").mkdir()
    assert len([*export_volume(volume, tmp_path / "empty" / "*.png").iterdir()]) > 1


def test_nothing_is_written_into_the_collection(volumes, phantom, tmp_path, monkeypatch):
    volume = volumes["P02"]
    beside = Path(volume.paths[0]).parent
    for place in (beside, phantom, phantom.parent):
        with pytest.raises(ExportError, match=r"outside of the collection, got .*nothing is ever"):
            export_volume(volume, place / "a.npz")
    with pytest.raises(ExportError, match="outside of the collection"):
        export_volume(volume, beside / "ct" / "*.png")
    link = tmp_path / "link"
    link.symlink_to(beside)
    with pytest.raises(ExportError, match="outside of the collection"):
        export_volume(volume, link / "a.npz")
    monkeypatch.setenv("DICOM_ROOT", str(tmp_path))
    with pytest.raises(ExportError, match="outside of the collection"):
        export_volume(replace(volume, paths=()), tmp_path / "a.npz")
    monkeypatch.delenv("DICOM_ROOT")
    monkeypatch.chdir(phantom.parent.parent)  # a folder of people's own, with a collection in it
    export_volume(volume, "export-of-a-test.npz")
    for name in ("export-of-a-test.npz", "export-of-a-test.npz.json"):
        os.remove(name)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "ct/*.png"])
def test_what_ends_early_leaves_no_file(volumes, tmp_path, monkeypatch, error, name):
    def fails(*_args, **_kwargs):
        raise error("no space left on device")

    monkeypatch.setattr("helpers.interchange.exporting.as_json", fails)  # the last to be written
    with pytest.raises(error):
        export_volume(volumes["P02"], tmp_path / name)
    assert not any(tmp_path.iterdir())
    (tmp_path / "a.nii.gz").write_bytes(b"mine")
    with pytest.raises(error):
        export_volume(volumes["P02"], tmp_path / name, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["a.nii.gz"]
    assert (tmp_path / "a.nii.gz").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.dcm", r"expected a name that ends in \.nii, .*slices/\*\.png.*, got a\.dcm"),
        (".nii", r"expected a name that ends in"),
        ("a.png", r"expected a folder and names with one \*.*such as .*a/\*\.png; save_slice"),
        ("none/a.nii", r"expected a folder that is there, found none at"),
        ("none/ct/*.png", r"expected a folder that is there, found none at"),
    ],
)
def test_names_that_are_none(volumes, tmp_path, name, line):
    with pytest.raises(ExportError, match=line):
        export_volume(volumes["P02"], tmp_path / name)


def test_wrong_values_are_refused_in_a_line(volumes, tmp_path):
    volume, path = volumes["P02"], tmp_path / "a.nii"
    for orientation in ("RA", "RAX", "RRA", 5):
        with pytest.raises(ExportError, match=rf"such as RAS or LPS.*got {orientation!r}"):
            export_volume(volume, path, orientation=orientation)
    for spacing in (0, -1, "thin", (1, 2), np.nan, (1, 1, np.inf)):
        with pytest.raises(ExportError, match=r"expected a spacing in mm, or three of columns"):
            export_volume(volume, path, spacing_mm=spacing)
    with pytest.raises(ExportError, match="expected a spacing that makes at most"):
        export_volume(volume, path, spacing_mm=0.001)
    with pytest.raises(ExportError, match="expected the name of a file, got None"):
        export_volume(volume, None)
    with pytest.raises(WrongTypeError, match="expected a Volume"):
        export_volume("a folder", path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("ending", "package"), [(".nii", "nibabel"), (".nrrd", "SimpleITK")])
def test_a_package_that_is_not_there_is_named(volumes, tmp_path, monkeypatch, ending, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExportError, match=f"the package {package}, .*pip install {package}"):
        export_volume(volumes["P02"], tmp_path / f"a{ending}")


def test_a_bar_is_shown_where_it_is_asked_for(volumes, tmp_path, capsys):
    export_volume(volumes["P04"], tmp_path / "a" / "*.png")
    assert capsys.readouterr().err == ""
    export_volume(volumes["P04"], tmp_path / "b" / "*.png", progress=True)
    assert "Exporting: 100%" in capsys.readouterr().err


def test_pictures_are_turned_to_radiological_view(volumes):
    for plane, letters in PICTURE_ORIENTATIONS.items():
        seen = volumes["P02"].slice(plane).letters
        assert (seen.right, seen.bottom.replace("F", "I")) == (letters[0], letters[1])
    assert Window(0, 2000).limits == (-1000, 999)
