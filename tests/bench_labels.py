"""Times the loading of labels beside what is asked of it: a part of `make bench`."""

import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
from label_files import dataset_of, structure_set
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage
from tqdm import tqdm

from helpers import Volume, load_labels

SLICES, MATRIX, SEGMENTS = 300, 512, 5
CONTOURS, POINTS = 30, 75  # of each slice, of each contour
REPEATS = 3  # the fastest counts
MAX_SECONDS = {"segmentation": 2.0, "structures": 3.0}
MAX_MEMORY = 1.2  # times the label map


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
        write_structures(path)
        what = f"RTSTRUCT of {CONTOURS} contours a slice on {SLICES} slices"
        rows.append(timed(what, path, on, MAX_SECONDS["structures"]))
    columns = ["what", "found", "CPU", "asked at most", "reached"]
    table = pd.DataFrame(rows, columns=columns)
    print(f"\n{table.to_string(index=False)}\n")


if __name__ == "__main__":
    main()
