"""Times what follows the headers, on whole collections, beside the reading: part of `make bench`.

    python tests/bench_collections.py --radiographs 5000 --series 110 1100

The collections are made here, in a temporary folder. pydicom writes the first file; each other
one is that file with other bytes in the places of a few values: UIDs, patient, numbers, position
and times.
"""

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pydicom
from bench import SCANNER_VALUES
from hostile_files import HostileFiles
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import DigitalXRayImageStorageForPresentation
from tqdm import tqdm

from helpers import (
    audit,
    header_of,
    header_table,
    list_files,
    load_slice,
    phantom_root,
    slice_counts,
    slice_table,
    stack_table,
)
from helpers.errors import ClearError
from helpers.phantom.encoding import data_set, encoded

REAL = Path(__file__).parents[2] / "shared" / "dicom"  # beside the project, where it is there
SLICES = 300  # of a CT series
MANY_SERIES = 200  # of which smaller files are written
LARGE_MATRIX, SMALL_MATRIX = 56, 16  # of images: files of 8 and of 2 kB
REPEATS = {5_000: 5, 50_000: 2}  # files at most → how often they are timed; more are once
HOSTILE = 10_000_000  # elements, items, values and fragments of a file that is made to harm
MAX_HOSTILE = 300  # MB of memory that all hostile files take at the peak, above the imports
MAX_BYTES_PER_ROW = 2_500  # of memory, header table and slice table together
ROOT = "1.2.826.0.1.3680043.8.498."  # pydicom's
RADIOGRAPH = {
    "SOPClassUID": DigitalXRayImageStorageForPresentation,
    "ImageType": ["ORIGINAL", "PRIMARY", ""],
    "Modality": "DX",
    "PresentationIntentType": "FOR PRESENTATION",
    "StationName": "DX01",
    "StudyDescription": "CHEST PA",
    "SeriesDescription": "PA",
    "Manufacturer": "Philips",
    "ManufacturerModelName": "DigitalDiagnost",
    "ProtocolName": "Chest PA",
    "ViewPosition": "PA",
    "PatientOrientation": ["L", "F"],
    "DistanceSourceToPatient": 1500,
    "ImagerPixelSpacing": [0.143, 0.143],
    "PixelSpacing": [0.143, 0.143],
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1,
    "RescaleIntercept": 0,
    "RescaleSlope": 1,
    "RescaleType": "US",
    "PresentationLUTShape": "IDENTITY",
    "WindowCenter": 2048,
    "WindowWidth": 4096,
}
CT_ALONE = [  # keywords that a radiograph does not have
    *("ImagePositionPatient", "ImageOrientationPatient", "SliceLocation", "SliceThickness"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "ConvolutionKernel", "TableHeight"),
    *("PatientPosition", "DataCollectionDiameter", "GantryDetectorTilt", "RotationDirection"),
    "WindowCenterWidthExplanation",
]


class Ratios(NamedTuple):
    """Times that are asked for at most, in those that the header table takes."""

    stacks: float = float("nan")  # slice_table, stack_table and slice_counts together
    audit: float = float("nan")


RADIOGRAPH_RATIOS, CT_RATIOS, PHANTOM_RATIOS = Ratios(0.5, 0.2), Ratios(0.2, 0.15), Ratios(0.5, 1)


class Collection(NamedTuple):
    """A folder that is measured."""

    name: str
    folder: Path
    asked: Ratios = Ratios()
    is_memory_asked: bool = False


# the files


class Template:
    """A file as pydicom writes it, in which the values of some elements can be exchanged.

    Parameters
    ----------
    dataset : what all files have in common
    values : text by keyword; no file has wider ones
    """

    def __init__(self, dataset: pydicom.Dataset, values: dict[str, str]) -> None:
        for keyword, text in values.items():
            setattr(dataset, keyword, text.split("\\") if "\\" in text else text)
        self._content = encoded(dataset)
        self._places = {keyword: self._place(keyword) for keyword in values}
        self._meta_place = self._place("MediaStorageSOPInstanceUID")

    def file(self, values: dict[str, str]) -> bytes:
        """The content of a file with these values."""
        content = bytearray(self._content)
        for keyword, text in values.items():
            start, end, padding = self._places[keyword]
            content[start:end] = text.encode().ljust(end - start, padding)
        start, end, _ = self._meta_place
        place = self._places["SOPInstanceUID"]
        content[start:end] = content[place[0] : place[1]]
        assert len(content) == len(self._content), "expected no wider value than the first"
        return bytes(content)

    def _place(self, keyword: str) -> tuple[int, int, bytes]:
        """(start, end, padding) of a value, which follows its tag, VR and length (PS3.5 7.1.2)."""
        tag, VR = tag_for_keyword(keyword), dictionary_VR(keyword)
        head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
        head += VR.encode()
        assert self._content.count(head) == 1, keyword
        start = self._content.index(head) + len(head) + 2
        length = int.from_bytes(self._content[start - 2 : start], "little")
        return start, start + length, b"\0" if VR == "UI" else b" "


def ct(matrix: int) -> pydicom.Dataset:
    """What the slices of all CT series have in common: 65 elements and a small image."""
    dataset = pydicom.dcmread(phantom_root() / "P01-reference" / "1.dcm")
    dataset.update(data_set(**SCANNER_VALUES))
    dataset.Rows = dataset.Columns = matrix
    dataset.PixelSpacing, dataset.SliceThickness = [0.75, 0.75], 1
    dataset.SeriesDescription = "Chest 1 mm B70f"
    dataset.PixelData = bytes(2 * matrix * matrix)
    return dataset


def radiograph() -> pydicom.Dataset:
    """What all radiographs have in common."""
    dataset = ct(SMALL_MATRIX)
    for keyword in CT_ALONE:
        del dataset[keyword]
    dataset.update(data_set(**RADIOGRAPH))
    return dataset


def radiograph_values(series: int, number: int) -> dict[str, str]:
    """What tells one radiograph from the others: all are of another patient."""
    return {
        "SOPInstanceUID": uid(1, series, number),
        "StudyInstanceUID": uid(2, series),
        "SeriesInstanceUID": uid(3, series),
        "PatientID": f"ID{series:06}",
        "PatientName": f"Name^{series:06}",
        "PatientAge": f"0{20 + series % 70}Y",
        "StudyDate": f"2020{1 + series % 12:02}{1 + series % 28:02}",
        "AcquisitionTime": clock(10, series),
        "ContentTime": clock(11, series),
        "XRayTubeCurrent": f"{100 + series * 7 % 400}",
    }


def ct_values(series: int, number: int) -> dict[str, str]:
    """What tells one CT slice from the others; each series is of another patient."""
    z = -150 + number
    return radiograph_values(series, number) | {
        "FrameOfReferenceUID": uid(4, series),
        "InstanceNumber": f"{number + 1}",
        "ImagePositionPatient": f"-171.50\\-180.25\\{z:+08.2f}",
        "SliceLocation": f"{z:+08.2f}",
        "AcquisitionTime": clock(10, number),
        "ContentTime": clock(11, number),
        "XRayTubeCurrent": f"{100 + number * 7 % 400}",
    }


def uid(kind: int, series: int, number: int = 0) -> str:
    """A UID of a common length."""
    return f"{ROOT}{kind}{series:015}{number:015}"


def clock(hour: int, seconds: int) -> str:
    """A time of day, so many seconds after the hour, with a fraction."""
    return f"{hour}{seconds // 60 % 60:02}{seconds % 60:02}.{seconds * 7919 % 1_000_000:06}"


def write(
    folder: Path,
    dataset: pydicom.Dataset,
    values: Callable[[int, int], dict[str, str]],
    series: int,
    slices: int,
) -> None:
    """Writes a folder for each series; the last values are the widest."""
    template = Template(dataset, values(series - 1, slices - 1))
    for number in tqdm(range(series), f"Writing {folder.name}", unit=" series"):
        subfolder = folder / f"{number:05}"
        subfolder.mkdir(parents=True)
        for n in range(slices):
            with open(f"{subfolder}/{n + 1}.dcm", "wb") as file:
                file.write(template.file(values(number, n)))


# the measurements, each in a process of its own


def seconds(folder: Path) -> dict[str, float]:
    """The seconds that each step takes on files in the page cache, and how many rows there are."""
    files = list_files(folder)
    for file in files:
        file.read_bytes()  # into the page cache
    took: dict[str, float] = {}

    def timed(step, *arguments, **options):
        start = time.perf_counter()
        table = step(*arguments, **options)
        took[step.__name__] = time.perf_counter() - start
        return table

    headers = timed(header_table, files, progress=False)
    slices = timed(slice_table, headers)
    stacks = timed(stack_table, slices)
    timed(slice_counts, headers, slices)
    findings = timed(audit, headers, slices)
    return took | {"files": len(headers), "stacks": len(stacks), "findings": len(findings)}


def memory(folder: Path) -> dict[str, float]:
    """Bytes a row that the header table and the slice table take at the peak."""
    before = peak_bytes()
    slices = slice_table(header_table(folder, progress=False))
    return {"bytes a row": (peak_bytes() - before) / len(slices)}


def hostile(folder: Path) -> dict[str, float]:
    """MB at the peak above the imports: of one table of all files, and of each one's image."""
    peaks, files = {}, sorted(folder.iterdir()) if folder.is_dir() else [folder]
    for name, step, argument in [
        ("table", header_table, [*map(str, files)]),
        *((path.name, read_anyway, path) for path in files),
    ]:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
        before = peak_bytes()
        step(argument)
        peaks[name] = (peak_bytes() - before) / 1e6
    return peaks


def read_anyway(path: Path) -> None:
    """Reads the image and the header of a file, whatever comes of it."""
    for step in (load_slice, header_of):
        with contextlib.suppress(ClearError):
            step(path)


def peak_bytes() -> int:
    """The most memory that this process had so far, by itself: what a parent had is not in it."""
    status = Path("/proc/self/status")  # of Linux; ru_maxrss is inherited there
    if not status.exists():
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


MEASURES = {"seconds": seconds, "memory": memory, "hostile": hostile}


def measure_here(what: str, folder: Path) -> dict[str, float]:
    """What one of the measures gives in this process, once all that it needs is imported."""
    warnings.simplefilter("ignore")
    MEASURES[what](phantom_root() / "P01-reference")
    return MEASURES[what](folder)


def measure(what: str, folder: Path) -> dict[str, float]:
    """The same in a new process."""
    command = [sys.executable, __file__, "--measure", what, str(folder)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(child.stdout.splitlines()[-1])


def measured(collection: Collection) -> pd.Series:
    """The row of a collection: the fastest of some processes, for each step."""
    count = len(list_files(collection.folder))
    repeats = next((times for most, times in REPEATS.items() if count <= most), 1)
    runs = [measure("seconds", collection.folder) for _ in range(repeats)]
    row = pd.DataFrame(runs).min()
    stacks = row["slice_table"] + row["stack_table"] + row["slice_counts"]
    return pd.Series(
        {
            "files": f"{row['files']:,.0f}",
            "stacks": f"{row['stacks']:,.0f}",
            "header_table s": f"{row['header_table']:.3f}",
            "slice_table": ratio(row["slice_table"], row),
            "stack_table": ratio(row["stack_table"], row),
            "slice_counts": ratio(row["slice_counts"], row),
            "the three": ratio(stacks, row, collection.asked.stacks),
            "audit": ratio(row["audit"], row, collection.asked.audit),
            "findings": f"{row['findings']:,.0f}",
        },
        name=collection.name,
    )


def ratio(time: float, row: pd.Series, most: float = float("nan")) -> str:
    """A time in those that the header table takes, beside what is asked for."""
    times = f"{time / row['header_table']:.2f} ×"
    return times if pd.isna(most) else f"{times} (at most {most:g} ×)"


def made(folder: Path, radiographs: int, series: list[int]) -> list[Collection]:
    """The collections that are asked for, written into a folder."""
    collections = [Collection("phantom", phantom_root(), PHANTOM_RATIOS)]
    if radiographs:
        name = f"{radiographs:,} radiographs"
        write(folder / name, radiograph(), radiograph_values, radiographs, 1)
        collections.append(Collection(name, folder / name, RADIOGRAPH_RATIOS))
    for number in series:
        name = f"{number:,} CT series"
        matrix = LARGE_MATRIX if number <= MANY_SERIES else SMALL_MATRIX
        write(folder / name, ct(matrix), ct_values, number, SLICES)
        collections.append(Collection(name, folder / name, CT_RATIOS, is_memory_asked=True))
    return collections


def main() -> None:
    """Prints the tables."""
    asked = arguments()
    if asked.measure:
        what, folder = asked.measure
        print(json.dumps(measure_here(what, Path(folder))))
        return
    with tempfile.TemporaryDirectory() as folder:
        collections = made(Path(folder), asked.radiographs, asked.series)
        collections += [Collection(path.name, path) for path in asked.folders]
        rows = [measured(one) for one in tqdm(collections, "Measuring", unit=" collections")]
        print("\nTimes as multiples of header_table's; files in the page cache, one process")
        print(pd.DataFrame(rows).to_string(), "\n")
        for name, path, _, is_memory_asked in collections:
            if is_memory_asked:
                size = measure("memory", path)["bytes a row"]
                said = f"{size:,.0f} bytes a row at the peak (at most {MAX_BYTES_PER_ROW:,})"
                print(f"{name}: header_table and slice_table take {said}")
    if asked.hostile:
        print_hostile(asked.hostile)


def print_hostile(count: int) -> None:
    """Prints what the files take that are made to harm."""
    with tempfile.TemporaryDirectory() as folder:
        files = HostileFiles(phantom_root() / "P01-reference" / "1.dcm", count).all()
        for name, write_file in tqdm(files.items(), "Writing hostile files"):
            write_file(Path(folder) / name)
        peaks = pd.Series(measure("hostile", Path(folder))).sort_values(ascending=False)
    print(f"\n{len(files)} hostile files: MB above the imports (at most {MAX_HOSTILE})")
    print(peaks[peaks >= 1].round().astype(int).to_string())


def arguments() -> argparse.Namespace:
    """What is to be measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    many = {"nargs": "*", "metavar": "N"}
    real = [path for path in (REAL / "series", REAL / "kinds") if path.is_dir()]
    parser.add_argument("--radiographs", type=int, default=5_000, help="each a series")
    parser.add_argument("--series", type=int, default=[110, 1_100], help="of CT", **many)
    parser.add_argument("--folders", type=Path, default=real, help="others", **many)
    parser.add_argument("--hostile", type=int, default=HOSTILE, help="elements; 0 for none")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
