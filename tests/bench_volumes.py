"""Times the loading of volumes beside its limit and other readers: a part of `make bench`.

Files of real scanners are read where they are beside the project, further ones from the folders
that are named: ``python tests/bench_volumes.py FOLDER ...``
"""

import sys
import tempfile
import time
import tracemalloc
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
from conftest import REAL
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_rescale, pixel_array
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1
from stacks_of import best_stack
from tqdm import tqdm

from helpers import header_table, load_volume, phantom_root, pixel_table
from helpers.phantom.anatomy import chest
from helpers.quality.statistics import HISTOGRAM_EDGES
from helpers.slices.arrays import frames_of, paths_of

SLICES, COMPRESSED_SLICES, MATRIX, NOISE_HU = 300, 60, 512, 15
IMAGES, SMALL_MATRIX = 5_000, 128
REPEATS = 5  # of each reader, in turn; the fastest counts
CHEST, MR, ENHANCED_MR = (
    REAL / "series" / "chest-ct-8mm-siemens",
    REAL / "series" / "mr-sagittal-hfdl",
    REAL / "kinds" / "mr-enhanced-dwi",
)


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
    return best_stack(header_table(folder, progress=False))


def written_small(folder, count):
    """Images of a small matrix, all different."""
    dataset = pydicom.dcmread(phantom_root() / "P01-reference" / "1.dcm")
    dataset.Rows = dataset.Columns = SMALL_MATRIX
    rng = np.random.default_rng(0)
    for number in tqdm(range(count), f"Writing images of {SMALL_MATRIX} × {SMALL_MATRIX}"):
        pixels = rng.normal(1024, NOISE_HU, (SMALL_MATRIX, SMALL_MATRIX)).astype("<u2")
        dataset.InstanceNumber, dataset.PixelData = number + 1, pixels.tobytes()
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
            f"1.2.826.0.1.3680043.8.498.{number + 1}"
        )
        dataset.save_as(folder / f"{number + 1}.dcm")
    return header_table(folder, progress=False)


# the readers: each takes the slices in order and returns an array


def ours(slices):
    return load_volume(slices, progress=False).array


def limit(slices):
    """The same bytes into one array, and one pass of rescale, whose slope is 1."""
    shape = len(slices), int(slices["Rows"].iloc[0]), int(slices["Columns"].iloc[0])
    intercept = np.int16(slices["RescaleIntercept"].iloc[0])
    array = np.empty(shape, "<i2")
    for here, path, offset in zip(array, paths_of(slices), slices["pixel_offset"].astype(int)):
        with open(path, "rb", buffering=0) as file:
            file.seek(offset)
            file.readinto(memoryview(here).cast("B"))
        here += intercept
    return array


def simpleitk(slices):
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(paths_of(slices))
    return SimpleITK.GetArrayViewFromImage(reader.Execute())


def with_pydicom(slices, plugin=""):
    """One file after the other, each read once."""
    array, path_before = [], None
    for path, frame in zip(paths_of(slices), frames_of(slices)):
        if path != path_before:
            dataset = pydicom.dcmread(path)
            stored = pixel_array(dataset, decoding_plugin=plugin)
            path_before = path
        image = stored[frame] if stored.ndim == 3 else stored
        slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
        array.append((image * slope + intercept).astype(np.float32 if slope % 1 else np.int16))
    return np.stack(array)


def bare_decoder(slices):
    """A reader that decodes frames which are in memory already, and does nothing else."""
    import imagecodecs

    frames = [
        bytes(next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1)))
        for path in paths_of(slices)
    ]
    shape = int(slices["Rows"].iloc[0]), int(slices["Columns"].iloc[0])

    def read(slices):
        array = np.empty((len(frames), *shape), np.uint16)
        for here, frame in zip(array, frames):
            imagecodecs.jpeg8_decode(frame, out=here)
        return array

    return read


def statistics(headers):
    """Not an array, but the numbers of each image."""
    return pixel_table(headers, progress=False)


def statistics_with_pydicom(headers):
    """The same numbers, but for windows and padding, one image after the other."""
    for path in paths_of(headers):
        dataset = pydicom.dcmread(path)
        values = apply_rescale(dataset.pixel_array, dataset)
        corners = np.concatenate(
            [values[:4, :4], values[:4, -4:], values[-4:, :4], values[-4:, -4:]]
        )
        edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
        for number in (values.min, values.max, values.mean, values.std, corners.std):
            number()
        (values > -500).mean(), np.median(corners), (edge == edge[0]).all()
        np.histogram(values, HISTOGRAM_EDGES), zlib.crc32(values.tobytes())


PYDICOM, GDCM, PILLOW = "pydicom", "pydicom, GDCM", "pydicom, Pillow"
LIMIT, SIMPLEITK, BARE = "the bytes, one pass of rescale", "SimpleITK", "the bare decoder"
SLICE_READERS = {"load_volume": ours, SIMPLEITK: simpleitk}
PLAIN = {**SLICE_READERS, LIMIT: limit, PYDICOM: with_pydicom}
JPEG_2000 = {
    **SLICE_READERS,
    GDCM: partial(with_pydicom, plugin="gdcm"),
    PILLOW: partial(with_pydicom, plugin="pillow"),
}
NUMBERS = {"pixel_table": statistics, PYDICOM: statistics_with_pydicom}
TIMES_AS_LONG, TIMES_AS_FAST = "× as long as", "× as fast as"


class Goals:
    """What must be reached, and what was."""

    def __init__(self):
        self.rows = []

    def add(self, what, table, other, asked, aim, column="ms", as_long=False):
        """One row, from the first reader of a table and another one."""
        ratio = table[column].iloc[0] / table[column][other]
        ratio = ratio if as_long else 1 / ratio
        reached = ratio <= asked if as_long else ratio >= asked
        words = TIMES_AS_LONG if as_long else TIMES_AS_FAST
        self.rows.append((what, f"{ratio:.2f} {words} {other}", asked, aim, reached))

    def show(self):
        columns = ["what", "found", "asked", "aim", "reached"]
        print(f"\n{pd.DataFrame(self.rows, columns=columns).to_string(index=False)}\n")


def compared(readers, slices, title):
    """Prints and returns ms and CPU of each reader, the least of some runs taken in turn."""
    best = {name: [np.inf, np.inf] for name in readers}
    for _ in range(REPEATS):
        for name, read in readers.items():
            wall, processor = time.perf_counter(), time.process_time()
            read(slices)
            spent = time.perf_counter() - wall, time.process_time() - processor
            best[name] = [*map(min, best[name], spent)]
    table = pd.DataFrame(best, index=["ms", "CPU ms"]).T * 1000
    table["CPU ms an image"] = table["CPU ms"] / len(slices)
    table["× as long"] = table["ms"] / table["ms"].iloc[0]
    print(f"\n{title}\n{table.round(2).to_string()}\n", flush=True)
    return table


def uncompressed(goals, slices, title):
    table = compared(PLAIN, slices, f"{title}, uncompressed")
    goals.add(title, table, LIMIT, 1.6, 1.2, as_long=True)


def lossless(goals, slices, title):
    readers = {**SLICE_READERS, BARE: bare_decoder(slices), GDCM: JPEG_2000[GDCM]}
    table = compared(readers, slices, f"{title}, JPEG Lossless")
    goals.add(f"{title}, JPEG Lossless, CPU", table, BARE, 1.3, 1.15, "CPU ms", as_long=True)
    goals.add(f"{title}, JPEG Lossless", table, SIMPLEITK, 3, 4)


def peak_memory(slices):
    """Prints what loading asks for beside its result."""
    tracemalloc.start()
    volume = load_volume(slices, progress=False)
    ratio = tracemalloc.get_traced_memory()[1] / volume.array.nbytes
    tracemalloc.stop()
    print(f"peak memory {ratio:.2f} × the result (at most 1.2 × and a slice)")


def of_scanners(goals):
    """Series of real scanners, where they are beside the project."""
    if not REAL.is_dir():
        print(f"No {REAL}: real series are left out")
        return
    chest_ct, mr, enhanced = (
        best_stack(header_table(folder, progress=False)) for folder in (CHEST, MR, ENHANCED_MR)
    )
    uncompressed(goals, chest_ct, f"{len(chest_ct)} real CT slices of {MATRIX} × {MATRIX}")
    title = f"{len(mr)} real MR slices of 256 × 256"
    goals.add(title, compared({**SLICE_READERS, PYDICOM: with_pydicom}, mr, title), SIMPLEITK, 5, 8)
    title = f"{len(enhanced)} frames of a real enhanced MR"
    compared({"load_volume": ours, PYDICOM: with_pydicom}, enhanced, title)


def of_folder(goals, folder):
    """A series that is named on the command line."""
    slices = best_stack(header_table(folder, progress=False))
    title = f"{len(slices)} slices of {folder}"
    if slices["TransferSyntaxUID"].iloc[0] == JPEGLosslessSV1:
        lossless(goals, slices, title)
    else:
        compared(SLICE_READERS, slices, title)


def made(goals, folder):
    """Series that are written here."""
    size = f"{MATRIX} × {MATRIX}"
    folders = {name: folder / name for name in ("plain", "lossless", "j2k", "small")}
    for subfolder in folders.values():
        subfolder.mkdir()
    slices = written(folders["plain"], SLICES)
    uncompressed(goals, slices, f"{SLICES} made slices of {size}")
    peak_memory(slices)
    title = f"{COMPRESSED_SLICES} made slices of {size}"
    lossless(goals, written(folders["lossless"], COMPRESSED_SLICES, JPEGLosslessSV1), title)
    slices = written(folders["j2k"], COMPRESSED_SLICES, JPEG2000Lossless)
    table = compared(JPEG_2000, slices, f"{title}, JPEG 2000")
    goals.add(f"{title}, JPEG 2000", table, GDCM, 1.2, 1.5)
    headers = written_small(folders["small"], IMAGES)
    title = f"pixel_table of {IMAGES} images of {SMALL_MATRIX} × {SMALL_MATRIX}"
    table = compared(NUMBERS, headers, title)
    print(f"{IMAGES / table['ms'].iloc[0] * 1000:,.0f} images a second")
    goals.add(title, table, PYDICOM, 5, 5)  # beside which it took as long, one after the other


def main():
    """Prints the tables, and at the end what must be reached."""
    goals = Goals()
    of_scanners(goals)
    for folder in sys.argv[1:]:
        of_folder(goals, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        made(goals, Path(folder))
    goals.show()


if __name__ == "__main__":
    main()
