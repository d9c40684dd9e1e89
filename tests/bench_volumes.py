"""Times the loading of volumes beside its limit and other readers: a part of `make bench`."""

import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1
from tqdm import tqdm

from helpers import header_table, load_volume, phantom_root, pixel_table, slice_table, stack_table
from helpers.phantom.anatomy import chest
from helpers.slices.arrays import paths_of

SLICES, COMPRESSED_SLICES, MATRIX, NOISE_HU = 300, 60, 512, 15
REPEATS = 5  # of each reader, in turn; the fastest counts


def encoded(pixels, syntax):
    """One image as a JPEG stream."""
    import imagecodecs

    if syntax == JPEGLosslessSV1:
        return imagecodecs.ljpeg_encode(pixels, bitspersample=12)
    return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True, bitspersample=12)


def written(folder, count, syntax=None):
    """The slices of a synthetic chest of CT's full size, in spatial order."""
    dataset = pydicom.dcmread(phantom_root() / "P01-reference" / "1.dcm")
    dataset.Rows = dataset.Columns = MATRIX
    dataset.PixelSpacing, dataset.RescaleIntercept = [0.75, 0.75], -1024
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
    rng, ticks = np.random.default_rng(0), (np.arange(MATRIX) - MATRIX / 2) * 0.75
    for number in tqdm(range(count), f"Writing {syntax.name if syntax else 'uncompressed'}"):
        z = -140 + number
        points = np.stack(
            [*np.meshgrid(ticks, ticks), np.full((MATRIX, MATRIX), z, float)], axis=-1
        )
        pixels = np.clip(
            chest(points) + rng.normal(1024, NOISE_HU, (MATRIX, MATRIX)), 0, 4095
        ).astype("<u2")
        dataset.InstanceNumber, dataset.ImagePositionPatient = (
            number + 1,
            [-192.0, -192.0, float(z)],
        )
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
            f"1.2.826.0.1.3680043.8.498.{number + 1}"
        )
        dataset.PixelData = (
            pixels.tobytes() if syntax is None else encapsulate([encoded(pixels, syntax)])
        )
        if syntax is not None:
            dataset.file_meta.TransferSyntaxUID = syntax
            dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.save_as(folder / f"{number + 1}.dcm")
    slices = slice_table(header_table(folder, progress=False))
    return slices.loc[stack_table(slices).index[0]]


# the readers: each takes the slices in order and returns an array


def ours(slices):
    return load_volume(slices, progress=False).array


def limit(slices):
    """The same bytes into one array, the intercept added in place."""
    array = np.empty((len(slices), MATRIX, MATRIX), "<i2")
    for here, path, offset in zip(array, paths_of(slices), slices["pixel_offset"].astype(int)):
        with open(path, "rb", buffering=0) as file:
            file.seek(offset)
            file.readinto(memoryview(here).cast("B"))
        here += np.int16(-1024)
    return array


def simpleitk(slices):
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(paths_of(slices))
    return SimpleITK.GetArrayViewFromImage(reader.Execute())


def pydicom_one_at_a_time(slices, plugin=""):
    array = np.empty((len(slices), MATRIX, MATRIX), np.int16)
    for here, path in zip(array, paths_of(slices)):
        dataset = pydicom.dcmread(path)
        stored = pydicom.pixels.pixel_array(dataset, decoding_plugin=plugin)
        here[...] = stored * dataset.RescaleSlope + dataset.RescaleIntercept
    return array


def pydicom_gdcm(slices):
    return pydicom_one_at_a_time(slices, "gdcm")


def pydicom_pillow(slices):
    return pydicom_one_at_a_time(slices, "pillow")


def statistics(slices):
    """Not an array, but the numbers of each image."""
    return pixel_table(slices, progress=False)


UNCOMPRESSED = {
    "load_volume": ours,
    "the limit: readinto": limit,
    "SimpleITK ImageSeriesReader": simpleitk,
    "pydicom one at a time": pydicom_one_at_a_time,
    "pixel_table": statistics,
}
COMPRESSED = {"load_volume": ours, "pydicom one at a time, GDCM": pydicom_gdcm}
JPEG_2000 = {**COMPRESSED, "pydicom one at a time, Pillow": pydicom_pillow}


def compared(readers, slices, title):
    """Prints and returns ms a volume, the fastest of some runs taken in turn."""
    best = dict.fromkeys(readers, np.inf)
    for _ in range(REPEATS):
        for name, read in readers.items():
            start = time.perf_counter()
            read(slices)
            best[name] = min(best[name], time.perf_counter() - start)
    table = pd.DataFrame({"ms": pd.Series(best) * 1000})
    table["load_volume is × as fast"] = table["ms"] / table["ms"]["load_volume"]
    print(f"\n{title}\n{table.round(2).to_string()}\n")
    return table["ms"]


def main():
    """Prints the tables."""
    size = f"{MATRIX} × {MATRIX}"
    with tempfile.TemporaryDirectory() as folder:
        folders = {name: Path(folder) / name for name in ("plain", "lossless", "j2k")}
        for subfolder in folders.values():
            subfolder.mkdir()
        plain = written(folders["plain"], SLICES)
        ms = compared(UNCOMPRESSED, plain, f"{SLICES} slices of {size}, uncompressed, warm cache")
        ratio = ms["load_volume"] / ms["the limit: readinto"]
        print(f"load_volume takes {ratio:.2f} × the limit (at most 1.5 ×)")
        tracemalloc.start()
        volume = load_volume(plain, progress=False)
        ratio = tracemalloc.get_traced_memory()[1] / volume.array.nbytes
        tracemalloc.stop()
        print(f"peak memory {ratio:.2f} × the result (at most 1.2 × and a slice)")
        for name, syntax, readers in (
            ("lossless", JPEGLosslessSV1, COMPRESSED),
            ("j2k", JPEG2000Lossless, JPEG_2000),
        ):
            slices = written(folders[name], COMPRESSED_SLICES, syntax)
            ms = compared(readers, slices, f"{COMPRESSED_SLICES} slices of {size}, {syntax.name}")
            ratio = ms.iloc[1:].min() / ms["load_volume"]
            print(f"load_volume: {ratio:.1f} × the fastest of the others (at least 1.6 ×)")


if __name__ == "__main__":
    main()
