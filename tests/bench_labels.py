"""Times the loading of labels beside what is asked of it: a part of `make bench`."""

import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
from label_files import dataset_of, structure_set
from playwright.sync_api import sync_playwright
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage
from tqdm import tqdm
from viewer_picture import FLAGS, chromium_path

from helpers import Volume, load_labels
from helpers.viewer.standalone_html import save_html

SLICES, MATRIX, SEGMENTS = 300, 512, 5
CONTOURS, POINTS = 30, 75  # of each slice, of each contour
REPEATS = 3  # the fastest counts
MAX_SECONDS = {"segmentation": 2.0, "structures": 3.0}
MAX_MEMORY = 1.2  # times the label map
SCROLLED = 40  # slices of the page that is scrolled, of full width and height
MAX_SCROLL_MS = 12
SCROLL = """
async (count) => {
  const slider = document.querySelector('.dv input[type=range]');
  const canvas = document.querySelector('.dv-views > canvas'), times = [];
  const move = async (index) => {
    const start = performance.now();
    slider.value = index;
    slider.dispatchEvent(new Event('input'));
    while (!canvas.dataset.slice.endsWith(` ${index}`) || canvas.dataset.waiting)
      await new Promise((go) => setTimeout(go, 0));
    return performance.now() - start;
  };
  for (let round = 0; round < 2; round++) for (let index = 0; index < count; index++) {
    times.push(await move(index));
    await new Promise((go) => setTimeout(go, 40));
  }
  return times.slice(count);
}
"""


def volume():
    """A volume of CT's full size whose values are of no matter."""
    affine = np.eye(4)[:, [2, 1, 0, 3]] * [1.0, 0.75, 0.75, 1.0]
    affine[:3, 3] = -192, -192, 0
    return Volume(
        np.zeros((SLICES, MATRIX, MATRIX), np.int16), affine, frame_of_reference="1.2.3.4.5"
    )


def item(**values):
    """A data set with some values."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def disc(number, index):
    """A disc (rows, columns) that is another for each segment and slice."""
    rows, columns = np.ogrid[:MATRIX, :MATRIX]
    middle = 100 + 75 * number
    return (rows - middle) ** 2 + (columns - middle - index % 20) ** 2 < (45 + index % 7) ** 2


def write_segmentation(path):
    """Five organs on every slice, a frame each: one bit a pixel."""
    dataset = dataset_of(SegmentationStorage)
    dataset.Modality, dataset.SegmentationType = "SEG", "BINARY"
    dataset.Rows = dataset.Columns = MATRIX
    dataset.NumberOfFrames, dataset.BitsAllocated, dataset.BitsStored = SLICES * SEGMENTS, 1, 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.SegmentSequence = [
        item(SegmentNumber=n + 1, SegmentLabel=f"organ {n + 1}", SegmentAlgorithmType="AUTOMATIC")
        for n in range(SEGMENTS)
    ]
    measures = item(PixelSpacing=[0.75, 0.75], SliceThickness=1.0, SpacingBetweenSlices=1.0)
    orientation = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared = item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    frames, pixels = [], []
    for number in range(SEGMENTS):
        for index in tqdm(range(SLICES), f"Writing segment {number + 1}"):
            source = item(ReferencedSOPInstanceUID=f"1.2.3.{index}", ReferencedSOPClassUID="1.2")
            frames.append(
                item(
                    PlanePositionSequence=[item(ImagePositionPatient=[-192, -192, index])],
                    SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number + 1)],
                    FrameContentSequence=[item(DimensionIndexValues=[number + 1, index + 1])],
                    DerivationImageSequence=[item(SourceImageSequence=[source])],
                )
            )
            pixels.append(np.packbits(disc(number, index).ravel(), bitorder="little").tobytes())
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = b"".join(pixels)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)


def write_structures(path):
    """Thirty regions on every slice."""
    turn = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    drawn = {}
    for number in tqdm(range(CONTOURS), "Writing regions"):
        middle = np.array([-150 + 55 * (number % 6), -150 + 65 * (number // 6)])
        drawn[f"region {number + 1}"] = [
            (
                "CLOSED_PLANAR",
                np.c_[
                    middle + (20 + 4 * np.sin(index / 20)) * np.c_[np.cos(turn), np.sin(turn)],
                    np.full(POINTS, index),
                ].round(3),
            )
            for index in range(SLICES)
        ]
    structure_set(drawn, None).save_as(path, enforce_file_format=True)


def seconds(path, on):
    """The least (time, CPU time) that loading takes, with one slice cut."""
    best = [np.inf, np.inf]
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        load_labels(path, on).slice("axial", SLICES // 2)
        best = [*map(min, best, (time.perf_counter() - wall, time.process_time() - processor))]
    return best


def timed(what, path, on, asked):
    """A row of the table: what a time is of, what it is, and what is asked."""
    wall, processor = seconds(path, on)
    return (
        f"{what}, loaded, a slice cut",
        f"{wall:.2f} s",
        f"{processor:.2f} s",
        f"{asked} s",
        wall <= asked,
    )


def memory(path, on):
    """What loading asks for at most, as a share of the label maps."""
    tracemalloc.start()
    labels = load_labels(path, on)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / sum(one.nbytes for one in labels.maps)


def scrolled(path, folder):
    """Milliseconds from a move of the slider to the picture with all outlines; the median.

    A page from disk with slices of full size, each of which has been seen once.
    """
    whole = volume()
    few = Volume(whole.array[:SCROLLED], whole.affine, frame_of_reference=whole.frame_of_reference)
    page_file = Path(folder) / "viewer.html"
    said = save_html(page_file, few, labels=load_labels(path, few, progress=False), max_mb=100)
    assert f"{SCROLLED} of {SCROLLED} slices" in said and "larger" not in said, said
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        page.goto(page_file.as_uri())
        page.wait_for_selector(".dv-views > canvas[data-slice]")
        page.wait_for_timeout(5000)
        times = page.evaluate(SCROLL, SCROLLED)
        browser.close()
    return float(np.median(times))


def main():
    """Prints what was found beside what is asked."""
    on, rows = volume(), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.dcm"
        write_segmentation(path)
        what = f"SEG of {SEGMENTS} segments on {SLICES} × {MATRIX} × {MATRIX}"
        rows.append(timed(what, path, on, MAX_SECONDS["segmentation"]))
        share = memory(path, on)
        found, asked = f"{share:.2f} × the label map", f"{MAX_MEMORY} ×"
        rows.append(("its memory", found, "", asked, share <= MAX_MEMORY))
        found = scrolled(path, folder)
        what = f"scrolling {SEGMENTS} outlines on {MATRIX} × {MATRIX}, a page from disk"
        asked = f"{MAX_SCROLL_MS} ms"
        rows.append((what, f"{found:.1f} ms", "", asked, found <= MAX_SCROLL_MS))
        write_structures(path)
        what = f"RTSTRUCT of {CONTOURS} contours a slice on {SLICES} slices"
        rows.append(timed(what, path, on, MAX_SECONDS["structures"]))
    columns = ["what", "found", "CPU", "asked at most", "reached"]
    table = pd.DataFrame(rows, columns=columns)
    print(f"\n{table.to_string(index=False)}\n")


if __name__ == "__main__":
    main()
