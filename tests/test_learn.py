"""What a network is given: known values, patients apart, any size; and what fastai itself gives."""

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pydicom
import pytest
from PIL import Image as Picture
from pydicom.pixels.processing import apply_windowing

pytest.importorskip("fastai", reason="fastai is left out of the environment of Kaggle's versions")

from helpers import (
    WINDOWS,
    PatientSplitter,
    SliceBlock,
    apply_window,
    compare_readers,
    folds,
    load_slice,
    slice_table,
    stack_table,
    training_table,
)
from helpers.errors import ClearError
from helpers.learn.block import TensorSlice

LUNGS, BONE = WINDOWS["lungs"], WINDOWS["spine_bone"]


@pytest.fixture(scope="module")
def table(phantom_slices):
    table = training_table(phantom_slices)
    return table[table["left_out"] == ""]


def _paths(table, patient=None):
    """The files of a patient's rows, or of all."""
    rows = table if patient is None else table[table["patient"] == patient]
    return rows.index.get_level_values("path")


def _block(*blocks, **more):
    from fastai.data.block import DataBlock, RegressionBlock
    from fastai.data.transforms import ColReader

    return DataBlock(
        (*blocks, RegressionBlock),
        get_x=ColReader("images"),
        get_y=ColReader("position"),
        splitter=PatientSplitter(0.5, seed=1),
        **more,
    )


def _read(images, *args, **more):
    """The tensor of a block, as an array."""
    read = SliceBlock(*args, **more).type_tfms[0]
    tensor = read(images if isinstance(images, list) else [(str(images), 0)])
    assert (
        type(tensor) is TensorSlice
        and tensor.dtype.is_floating_point
        and tensor.min() >= 0
        and tensor.max() <= 1
    )
    return tensor.numpy()


def _hu(path):
    dataset = pydicom.dcmread(path)
    return dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)


def _linear(values, window):
    """A window as pydicom applies it, from 0 to 1."""
    dataset = pydicom.Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored = "MONOCHROME2", 16
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = window.center, window.width
    return apply_windowing(np.asarray(values, float), dataset) / (2**16 - 1)


def _made(phantom, target, pixels=None, remove=(), **elements):
    """A file of the phantom with other pixels and elements."""
    dataset = pydicom.dcmread(phantom / "P07-thin/35.dcm")
    for keyword in remove:
        del dataset[keyword]
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    if pixels is not None:
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset.save_as(target)
    return target


@pytest.mark.parametrize("patient", ["P02-interspaced", "P40-white-is-low", "P43-private"])
def test_the_same_tissue_has_the_same_grey_whatever_the_storage(table, patient):
    path = _paths(table, patient)[9]
    tensor = _read(path, ["lungs", BONE, (50, 350)])
    dataset, hu = pydicom.dcmread(path), _hu(path)
    padding = dataset.pixel_array == dataset.get("PixelPaddingValue")
    for channel, window in zip(tensor, (LUNGS, BONE, WINDOWS["mediastinum"])):
        assert channel == pytest.approx(np.where(padding, 0, _linear(hu, window)), abs=1e-6)


def test_padding_is_dark_in_every_window(table):
    path = _paths(table, "P02-interspaced")[5]
    padding = pydicom.dcmread(path).pixel_array == pydicom.dcmread(path).PixelPaddingValue
    assert padding.any() and (_read(path, [(0, 20000)])[0][padding] == 0).all()
    assert (_read(path, [(0, 20000)])[0][~padding] > 0.4).all()


def test_without_a_unit_the_picture_decides_what_is_bright(phantom, tmp_path):
    pixels = np.arange(64 * 64).reshape(64, 64) % 4096
    plain = {"remove": ["RescaleSlope", "RescaleIntercept", "RescaleType"], "Modality": "DX"}
    dark = _made(phantom, tmp_path / "2.dcm", pixels, **plain)
    white = _made(
        phantom, tmp_path / "1.dcm", 4095 - pixels, **plain, PhotometricInterpretation="MONOCHROME1"
    )
    for window in ("whole range", [(2048, 4096)]):
        assert _read(white, window) == pytest.approx(_read(dark, window), abs=1e-6)
    padded = _made(
        phantom,
        tmp_path / "3.dcm",
        pixels,
        **plain,
        PhotometricInterpretation="MONOCHROME1",
        PixelPaddingValue=7,
    )
    grey = _read(padded, "whole range")[0]
    assert grey[0, 7] == 0 and grey[0, 0] == 1


def test_a_slab_is_made_value_by_value_without_padding(phantom_slices):
    slabs = training_table(phantom_slices, slab=3)
    images = slabs["images"][slabs["patient"] == "P02-interspaced"].iloc[7]
    stored = [pydicom.dcmread(path) for path, _ in images]
    values = np.stack(
        [
            np.where(one.pixel_array == one.PixelPaddingValue, np.nan, _hu(one.filename))
            for one in stored
        ]
    )
    outside = np.isnan(values).all(axis=0)
    for how, pick in (("mean", np.mean), ("max", np.max), ("min", np.min)):
        expected = _linear(pick(values[:, ~outside], axis=0), LUNGS)
        grey = _read(images, "lungs", how=how)[0]
        assert grey[~outside] == pytest.approx(expected, abs=1e-5) and (grey[outside] == 0).all()


def test_a_slab_is_of_one_size_and_one_photometric_interpretation(phantom, tmp_path):
    plain = str(_made(phantom, tmp_path / "1.dcm"))
    small = str(_made(phantom, tmp_path / "2.dcm", np.zeros((32, 64))))
    white = {"PhotometricInterpretation": "MONOCHROME1"}
    inverted = str(_made(phantom, tmp_path / "3.dcm", **white))
    for other, why in ((small, "one size"), (inverted, "got mixed MONOCHROME1 and MONOCHROME2")):
        with pytest.raises(ClearError, match=f"expected a slab of .*{why}.* from {plain} on"):
            _read([(plain, 0), (other, 0)], "lungs")


def test_pixels_that_are_not_square_become_so(phantom, tmp_path):
    path = _made(phantom, tmp_path / "1.dcm", np.full((32, 64), 4000), PixelSpacing=[4, 1])
    seen = _read(path, "lungs", size=64)[0]
    assert (
        seen.shape == (64, 64)
        and (seen[:, 16:48] == 1).all()
        and (seen[:, :16] == 0).all()
        and (seen[:, 48:] == 0).all()
    )


def test_one_scale_for_all_patients(phantom, table, tmp_path):
    path = _made(phantom, tmp_path / "1.dcm", np.full((32, 64), 4000), PixelSpacing=[4, 1])
    seen = _read(path, "lungs", size=40, mm=4)[0]
    assert seen.sum() == 32 * 16 and (seen[4:36, 12:28] == 1).all(), "128 × 64 mm in pixels of 4 mm"
    sizes = [
        _read(_paths(table, name)[6], "lungs", size=32, mm=8).shape
        for name in ("P06-large-matrix", "P01-reference")
    ]
    assert sizes == [(1, 32, 32)] * 2
    bare = _made(phantom, tmp_path / "2.dcm", remove=["PixelSpacing"])
    with pytest.raises(ClearError, match="expected pixels of known size in mm"):
        _read(bare, "lungs", size=32, mm=8)


@pytest.mark.parametrize("folder", ["series/mr-sagittal-hfdl", "series/mr-enhanced-multiframe"])
def test_what_has_no_hu_is_seen_through_its_own_values(real, folder):
    from helpers import header_table

    images = training_table(slice_table(header_table(real / folder, progress=False)))[
        "images"
    ].iloc[5]
    assert np.ptp(_read(images, "body")) > 0.9
    with pytest.raises(
        ClearError,
        match=r"^expected values in HU for the window 'lungs', got .*: use 'body', .*; in .*$",
    ):
        _read(images, "lungs")


def test_what_cannot_be_asked_for_is_one_clear_line(phantom, tmp_path):
    for wrong in ({"windows": "lung"}, {"windows": []}, {"how": "median"}, {"mm": 2}):
        with pytest.raises(ClearError, match=r"^expected"):
            SliceBlock(**wrong)
    colour = {
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "RGB",
        "BitsStored": 8,
        "HighBit": 7,
    }
    path = _made(
        phantom,
        tmp_path / "1.dcm",
        Rows=64,
        Columns=42,
        BitsAllocated=8,
        PixelRepresentation=0,
        **colour,
    )
    dataset = pydicom.dcmread(path)
    dataset.PixelData = bytes(64 * 42 * 3)
    dataset.save_as(path)
    with pytest.raises(ClearError, match="expected grey values, got colour"):
        _read(path)


def test_loaders_keep_patients_apart_and_sizes_together(table):
    rows = table[
        table["patient"].isin(["P01-reference", "P06-large-matrix", "P07-thin", "P42-one-file"])
    ].iloc[::6]
    dls = _block(SliceBlock(["lungs", "mediastinum"], size=48)).dataloaders(
        rows, bs=4, num_workers=0
    )
    assert set(dls.train.items["patient"]).isdisjoint(dls.valid.items["patient"])
    assert len(dls.train.items) + len(dls.valid.items) == len(rows)
    images, position = dls.valid.one_batch()
    assert type(images) is TensorSlice and images.shape == (4, 2, 48, 48)
    assert position.tolist() == pytest.approx(
        dls.valid.items["position"].iloc[:4].tolist(), abs=1e-3
    )


def test_fastais_own_transforms_resize_and_turn(table):
    from fastai.vision.augment import Resize, aug_transforms

    rows = table[
        table["patient"].isin(["P01-reference", "P02-interspaced", "P06-large-matrix", "P07-thin"])
    ].iloc[::3]
    block = _block(SliceBlock("lungs"), item_tfms=Resize(40), batch_tfms=aug_transforms(size=24))
    dls = block.dataloaders(rows, bs=4, num_workers=0)
    for images, _ in (*dls.train, *dls.valid):
        assert type(images) is TensorSlice and images.shape[1:] == (1, 24, 24)
        assert images.min() >= 0 and images.max() <= 1.0001


def test_resize_is_that_of_pictures(phantom, tmp_path):
    from fastai.vision.augment import Resize

    pixels = np.add.outer(np.arange(64), np.arange(128)) * 16
    tensor = SliceBlock([(1024, 2048)]).type_tfms[0](
        [(_made(phantom, tmp_path / "1.dcm", pixels), 0)]
    )
    seen = {
        method: Resize((30, 30), method=method)(tensor, split_idx=1)[0].numpy()
        for method in ("squish", "pad", "crop")
    }
    grey = tensor[0].numpy()
    assert {one.shape for one in seen.values()} == {(30, 30)}
    for method, part in (("squish", grey), ("pad", grey), ("crop", grey[:, 32:96])):
        height = 15 if method == "pad" else 30
        expected = np.asarray(
            Picture.fromarray(part).resize((30, height), Picture.Resampling.BILINEAR)
        )
        top = (30 - height) // 2
        inner = (
            np.s_[:, 1:-1] if method == "crop" else np.s_[:]
        )  # a tensor is cut off after it was scaled
        assert seen[method][top : top + height][inner] == pytest.approx(expected[inner], abs=0.002)
        assert (np.delete(seen[method], np.s_[top : top + height], axis=0) == 0).all()


@pytest.fixture
def asked(monkeypatch):
    """The files that blocks decode, one after the other."""
    paths = []
    monkeypatch.setattr(
        "helpers.learn.block.load_slice",
        lambda path, frame: paths.append(path) or load_slice(path, frame=frame),
    )
    return paths


def test_images_are_decoded_when_they_are_asked_for(table, asked):
    rows = table[table["patient"].isin(["P01-reference", "P02-interspaced"])]
    datasets = _block(SliceBlock("lungs")).datasets(rows)
    assert len(asked) <= 1, "fastai itself looks at the first"
    asked.clear()
    _ = datasets.valid[3], datasets.train[5]
    held_out, learned = (_paths(part.items) for part in (datasets.valid, datasets.train))
    assert asked == [held_out[3], learned[5]]


def test_an_image_is_decoded_once_as_long_as_its_file_stays(phantom, tmp_path, asked, monkeypatch):
    path, read = tmp_path / "1.dcm", SliceBlock("body").type_tfms[0]
    item = [(str(_made(phantom, path, np.full((4, 4), 10))), 0)]
    first = read(item)
    kept = first.clone()
    first.zero_()
    assert read(item).equal(kept) and read(item).equal(kept), "each caller has its own"
    assert len(asked) == 1
    assert len(pickle.dumps(read)) == len(pickle.dumps(SliceBlock("body").type_tfms[0]))
    _made(phantom, path, np.arange(25).reshape(5, 5))
    assert read(item).shape == (1, 5, 5) and len(asked) == 2
    monkeypatch.setattr("helpers.learn.block.MAX_KEPT", 0)
    other = [(str(_made(phantom, tmp_path / "2.dcm", np.eye(4))), 0)]
    assert read(other).equal(read(other)) and len(asked) == 4, "no more is kept than the limit"


def test_a_learner_can_be_exported(table, tmp_path):
    from fastai.layers import SimpleCNN
    from fastai.learner import Learner

    rows = table[table["patient"].isin(["P02-interspaced", "P03-interspaced"])]
    dls = _block(SliceBlock("lungs", size=16)).dataloaders(rows, bs=4, num_workers=0, path=tmp_path)
    Learner(dls, SimpleCNN([1, 1])).export("learner.pkl")
    assert (tmp_path / "learner.pkl").stat().st_size > 0


def test_channels_are_drawn_side_by_side(table):
    read = SliceBlock(["lungs", "mediastinum"], size=32).type_tfms[0]
    ax = read(table["images"].iloc[5]).show()
    assert ax.images[0].get_array().shape == (32, 64) and ax.images[0].get_clim() == (0, 1)


def test_readers_are_compared_with_their_failures(phantom_slices):
    def fails(path):
        raise NotImplementedError("not\nthis one")

    readings = compare_readers(
        phantom_slices, most=20, stored=lambda path: pydicom.dcmread(path).pixel_array, fails=fails
    )
    assert readings["reader"].unique().tolist() == ["stored", "fails", "SliceBlock"]
    assert {
        "CT · MONOCHROME1 · intercept 0",
        "CT · MONOCHROME2 · intercept -1024 · 26 frames",
    } <= set(readings["kind"])
    by = readings.groupby("reader")
    assert set(by["error"].get_group("fails")) == {"NotImplementedError: not this one"}
    assert (
        set(by["error"].get_group("SliceBlock")) == {""}
        and by["high"].get_group("SliceBlock").max() <= 1
    )
    first = readings.iloc[0]
    stored = pydicom.dcmread(first["path"]).pixel_array
    assert [first["low"], first["median"], first["high"]] == [
        stored.min(),
        np.median(stored),
        stored.max(),
    ]


def _run(code, *options):
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


RESIZED = """
def resized():
    tensor = helpers.learn.block.TensorSlice(torch.zeros(1, 8, 6))
    return tuple(Resize(4)(tensor, split_idx=1).shape)
"""


def test_importing_says_nothing_and_changes_nothing(phantom, tmp_path):
    """And a reader that is sent to a worker, or comes with a learner, brings its Resize along."""
    sent, path = tmp_path / "reader.pkl", str(phantom / "P07-thin" / "35.dcm")
    sent.write_bytes(pickle.dumps(SliceBlock("lungs").type_tfms[0]))
    code = f"""
import sys, pathlib, pandas, pickle, pydicom
import helpers.learn.block
assert "fastai.medical.imaging" not in sys.modules
assert not hasattr(pathlib.Path, "dcmread") and not hasattr(pandas.DataFrame, "from_dicoms")
assert not hasattr(pydicom.Dataset, "windowed")
import torch
from fastai.vision.augment import Resize
{RESIZED}
reader = pickle.loads(pathlib.Path({str(sent)!r}).read_bytes())
assert resized() == (1, 8, 6)
assert reader([({path!r}, 0)]).shape == (1, 64, 64)
assert resized() == (1, 4, 4)
"""
    assert _run(code, "-W", "error") == ""


def test_what_page_7_says_of_fastais_readers(phantom, table):
    """In a process of its own: fastai.medical.imaging changes other packages' classes.

    And Resize takes slices from the first block on, however many are made.
    """
    signed, frames = (_paths(table, name)[5] for name in ("P40-white-is-low", "P42-one-file"))
    code = f"""
import json, torch, helpers.learn.block
from fastai.medical.imaging import PILDicom, dicom_windows, get_dicom_files
from fastai.vision.all import IntToFloatTensor, Path, Pipeline, Resize, ToTensor, tensor
{RESIZED}
before, known = resized(), len(Resize.encodes.methods)
helpers.learn.block.SliceBlock("lungs"), helpers.learn.block.SliceBlock("body")
after, added = resized(), len(Resize.encodes.methods) - known
assert (before, after, added) == ((1, 8, 6), (1, 4, 4), 1)
seen = Pipeline([PILDicom.create, ToTensor(), IntToFloatTensor()])({signed!r}).numpy()
grey = tensor(range(27, 38)).float().windowed(*dicom_windows.stroke)
names = [path.name for path in get_dicom_files({str(phantom / "P44-no-extension")!r})]
lost = Path({frames!r}).dcmread().windowed(*dicom_windows.lungs)
print(json.dumps([float(seen.min()), float(seen.max()), grey.tolist(), names, float(lost.min())]))
"""
    low, high, grey, names, lost = json.loads(_run(code, "-W", "ignore"))
    stored = pydicom.dcmread(signed).pixel_array
    assert [low, high] == pytest.approx([stored.min() / 255, stored.max() / 255]), (
        "neither rescale nor MONOCHROME1"
    )
    hu = np.arange(27, 38)
    assert (
        grey == pytest.approx(np.clip((hu - 28) / 8, 0, 1))
        and np.abs(grey - _linear(hu, WINDOWS["stroke"])).max() == 0.125
    )
    assert names == [], "files without an ending are not found"
    assert lost > 0.8, "the rescale of functional groups is not seen"


# plain PyTorch, as page 07 has it


def _lines_of_the_page():
    """The code that the page shows for readers to copy, by what it is used with."""
    page = nbformat.read(Path(__file__).parents[1] / "notebooks/07_fastai.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    return re.findall(r"```python\n(.*?)```", text, re.S)


def test_the_datasets_of_the_page_give_slices_and_volumes(phantom_slices):
    import torch

    of_slices, of_volumes = _lines_of_the_page()
    assert len(of_slices.splitlines()) == 10, "as the page says"
    slices = phantom_slices[phantom_slices["PatientID"].isin(["P02-interspaced", "P04-feet-first"])]
    names = {"torch": torch, "slices": slices}
    names |= {one.__name__: one for one in (load_slice, apply_window)}  # as the page has them
    exec(of_slices + of_volumes, names)
    table = training_table(slices)
    rows = table[folds(table, n=2)["fold"] != 0]
    answers = rows["position"].tolist()
    own = names["Images"](rows["images"].tolist(), answers, names["read_slice"], (128, 128))
    ((path, frame),) = rows["images"].iloc[3]
    grey, answer = own[3]
    assert np.array_equal(grey[0], load_slice(path, frame=frame).grey("lungs"))
    assert answer == answers[3] and rows["patient"].nunique() == 1
    batch, positions = next(iter(torch.utils.data.DataLoader(own, batch_size=5)))
    assert batch.shape == (5, 1, 128, 128) and positions.tolist() == answers[:5]
    stacks = stack_table(slices).index.tolist()
    both = names["Images"](stacks, [0, 1], names["read_volume"], (8, 16, 16))
    batch, numbers = next(iter(torch.utils.data.DataLoader(both, batch_size=2)))
    assert batch.shape == (2, 1, 8, 16, 16) and numbers.tolist() == [0, 1]
    assert 0 <= batch.min() < batch.max() <= 1
