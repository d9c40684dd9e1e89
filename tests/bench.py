"""Times this project beside its peers on the same files, in one run: `make bench`.

No test: a figure depends on its machine.
"""

import argparse
import builtins
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pydicom
from tqdm import tqdm

from helpers import audit, header_table, phantom_root, slice_table

FOLDER = Path(__file__).parents[1] / "build" / "bench"
COUNTS = {
    1_000: 3,
    10_000: 2,
    33_026: 1,
}  # files → how often each way is timed, in turn; the best counts
SLICES = 188  # of a patient
MATRIX = 512
SLOW_OPEN = 0.005  # seconds that an open takes on the disk that is simulated
SCANNER_VALUES = {  # what the headers of a scanner hold beside what the phantom writes
    "AcquisitionDate": "20200102",
    "ContentDate": "20200102",
    "InstitutionName": "A hospital",
    "StationName": "CT01",
    "StudyDescription": "CT CHEST",
    "ManufacturerModelName": "SOMATOM Force",
    "SoftwareVersions": "syngo CT VA50A",
    "ProtocolName": "Thorax",
    "DataCollectionDiameter": 500,
    "DistanceSourceToDetector": 1085.6,
    "GantryDetectorTilt": 0,
    "TableHeight": 145,
    "RotationDirection": "CW",
    "ExposureTime": 500,
    "Exposure": 150,
}
CHOSEN = [
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("FrameOfReferenceUID", "StudyDate", "SeriesDate", "ContentDate", "StudyTime"),
    *("AcquisitionTime", "ContentTime", "Modality", "Manufacturer", "ManufacturerModelName"),
    *("SeriesDescription", "PatientID", "PatientSex", "PatientAge", "BodyPartExamined"),
    *("SliceThickness", "KVP", "ConvolutionKernel", "PatientPosition", "TableHeight"),
    *("ExposureTime", "XRayTubeCurrent", "Exposure", "SeriesNumber", "AcquisitionNumber"),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "SliceLocation"),
    *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "PixelSpacing"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation", "WindowCenter", "WindowWidth"),
    "RescaleIntercept",
]


def collection(count):
    """The first `count` files of a collection of CT headers, each before a sparse image."""
    files = [
        FOLDER / "headers" / f"patient {n // SLICES:03}" / f"{n % SLICES + 1}.dcm"
        for n in range(max(COUNTS))
    ]
    if not files[-1].exists():
        dataset = pydicom.dcmread(
            phantom_root() / "P01-reference" / "1.dcm", stop_before_pixels=True
        )
        dataset.Rows = dataset.Columns = MATRIX
        for keyword, value in SCANNER_VALUES.items():
            setattr(dataset, keyword, value)
        for number, file in enumerate(tqdm(files, "Writing headers", unit=" files")):
            _write(dataset, number, file)
    return list(map(str, files[:count]))


def _write(dataset, number, file):
    patient, n = divmod(number, SLICES)
    dataset.PatientID, dataset.PatientAge, dataset.KVP = (
        f"ID{patient:05}",
        f"0{40 + patient % 50}Y",
        (100, 120)[patient % 2],
    )
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = (
        f"1.2.826.0.1.3680043.8.498.{patient}",
        f"1.2.826.0.1.3680043.8.499.{patient}",
    )
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
        f"1.2.826.0.1.3680043.8.498.{patient}.{n + 1}"
    )
    dataset.InstanceNumber, dataset.XRayTubeCurrent = n + 1, 100 + n * 7 % 40
    dataset.ImagePositionPatient, dataset.SliceLocation = (
        [-171.5, -180.25, round(-300 + 1.2 * n, 3)],
        round(-300 + 1.2 * n, 3),
    )
    dataset.AcquisitionTime, dataset.ContentTime = (
        f"{101500 + n // 60 * 100 + n % 60}.{n:06}",
        f"{101600 + n // 60 * 100 + n % 60}.{n:06}",
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file)
    length = 2 * MATRIX * MATRIX
    with open(file, "ab") as out:
        out.write(b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little"))
        out.truncate(out.tell() + length)


# the ways: each takes a list of files and returns a row for each


def ours(files):
    return header_table(files, progress=False)


def ours_chosen(files):
    return header_table(files, keywords=CHOSEN, progress=False)


def ours_folder(files):
    return header_table(_folder(files), cache=False, progress=False)


def ours_cache_new(files):
    (FOLDER / f"{len(files)}.cache").unlink(missing_ok=True)
    return ours_cache_again(files)


def ours_cache_again(files):
    return header_table(_folder(files), cache=FOLDER / f"{len(files)}.cache", progress=False)


def _folder(files):
    """The folder of all files, which is listed too; fewer files are given as they are."""
    return FOLDER / "headers" if len(files) == max(COUNTS) else files


def ours_processes(files):
    with ProcessPoolExecutor() as executor:
        return header_table(files, executor=executor, progress=False)


def ours_one_at_a_time(files):
    with ThreadPoolExecutor(1) as executor:
        return header_table(files, executor=executor, progress=False)


def pydicom_all(files):
    return [
        {
            element.keyword: element.value
            for element in pydicom.dcmread(file, stop_before_pixels=True)
        }
        for file in files
    ]


def pydicom_chosen(files):
    datasets = (
        pydicom.dcmread(file, stop_before_pixels=True, specific_tags=CHOSEN) for file in files
    )
    return [{keyword: dataset.get(keyword) for keyword in CHOSEN} for dataset in datasets]


def fastai_all(files):
    import fastai.medical.imaging  # noqa: F401  gives DataFrame its from_dicoms

    return pd.DataFrame.from_dicoms(list(map(Path, files)), px_summ=False)


def gdcm_scanner(files):
    import gdcm

    scanner, tags = gdcm.Scanner(), {}
    for keyword in CHOSEN:
        tag = pydicom.tag.Tag(keyword)
        tags[keyword] = gdcm.Tag(tag.group, tag.element)
        scanner.AddTag(tags[keyword])
    assert scanner.Scan(files)
    return [
        {keyword: scanner.GetValue(file, tag) for keyword, tag in tags.items()} for file in files
    ]


def simpleitk_all(files):
    import SimpleITK

    rows, reader = [], SimpleITK.ImageFileReader()
    for file in files:
        reader.SetFileName(file)
        reader.ReadImageInformation()
        rows.append({key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()})
    return rows


def dicom_csv_all(files):
    from dicom_csv import join_tree

    return pd.concat(
        [join_tree(folder, verbose=0) for folder in dict.fromkeys(map(os.path.dirname, files))]
    )


def dicomsdl_chosen(files):
    import dicomsdl

    rows = []
    for file in files:
        dataset = dicomsdl.open(file)
        rows.append({keyword: getattr(dataset, keyword, None) for keyword in CHOSEN})
    return rows


def fastdicom_chosen(files):
    import fastdicom

    rows = []
    for file in files:
        dataset = fastdicom.dcmread(file, stop_before_pixels=True)
        rows.append({keyword: dataset.get(keyword) for keyword in CHOSEN})
    return rows


def ours_with_slices(files):
    headers = ours(files)
    return headers, slice_table(headers)


def audit_alone(tables):
    """Of headers that were read, and slices that were placed, before."""
    headers, slices = tables
    audit(headers, slices)
    return headers


GIVEN = {"audit, headers alone": ours_with_slices}  # what a way is given, if not a list of files
WAYS = {
    "header_table": ours,
    "audit, headers alone": audit_alone,
    "header_table, 44 keywords": ours_chosen,
    "header_table of a folder": ours_folder,
    "header_table, cache written": ours_cache_new,
    "header_table, cache found": ours_cache_again,
    "header_table, ProcessPoolExecutor": ours_processes,
    "pydicom, every value": pydicom_all,
    "pydicom, 44 keywords": pydicom_chosen,
    "fastai from_dicoms(px_summ=False)": fastai_all,
    "GDCM Scanner, 44 tags": gdcm_scanner,
    "SimpleITK ReadImageInformation": simpleitk_all,
    "dicom-csv join_tree": dicom_csv_all,
    "dicomsdl, 44 keywords": dicomsdl_chosen,
    "fastdicom, 44 keywords": fastdicom_chosen,
}
SLOW_WAYS = {
    "header_table": ours,
    "header_table, one at a time": ours_one_at_a_time,
    "pydicom, every value": pydicom_all,
}
REACH = [  # (this, against that, at least so many times as fast)
    ("header_table", "fastai from_dicoms(px_summ=False)", 25),
    ("header_table", "pydicom, every value", 14),
    ("header_table, 44 keywords", "GDCM Scanner, 44 tags", 2),
    ("header_table, 44 keywords", "fastdicom, 44 keywords", 1),
    ("header_table, cache written", "header_table of a folder", 1 / 1.2),
    ("header_table, cache found", "header_table of a folder", 10),
    ("audit, headers alone", "header_table", 1 / 0.15),
]


def measure(way, count, slow):
    """Prints as JSON the seconds and MB that one way takes for so many files, in this process."""
    files = collection(count)
    if slow:
        os.open, builtins.open = _slowed(os.open), _slowed(open)
    warnings.simplefilter("ignore")
    prepare = GIVEN.get(way, list)
    ALL[way](prepare(files[:1]))  # imports
    files = prepare(files)
    before, start = _memory(), time.perf_counter()
    rows = len(ALL[way](files))
    print(json.dumps([(time.perf_counter() - start) / rows, _memory() - before]))


def _slowed(opened):
    def slow(*args, **options):
        time.sleep(SLOW_OPEN)
        return opened(*args, **options)

    return slow


def _memory():
    """The most memory that this process and its children had so far, in MB."""
    return (
        sum(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / 1024
    )


def compared(ways, count, times, slow=False):
    """One row per way: µs a file (the best of some times, taken in turn), peak memory in MB."""
    best = {}
    for _ in range(times):
        for way in ways:
            command = [
                sys.executable,
                __file__,
                "--way",
                way,
                "--count",
                str(count),
                *["--slow"] * slow,
            ]
            child = subprocess.run(command, capture_output=True, text=True)
            if child.returncode:
                best[way] = (float("nan"), float("nan"), child.stderr.strip().rpartition("\n")[2])
                continue
            seconds, memory = json.loads(child.stdout.splitlines()[-1])
            best[way] = min(best.get(way, (float("inf"),)), (1e6 * seconds, memory, ""))
    return pd.DataFrame.from_dict(best, "index", columns=["µs a file", "peak MB", "failed"])


def main():
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way")
    parser.add_argument("--count", type=int, help="only so many files")
    parser.add_argument("--slow", action="store_true")
    asked = parser.parse_args()
    if asked.way:
        measure(asked.way, asked.count, asked.slow)
        return
    collection(1)
    for count in [asked.count] if asked.count else COUNTS:
        table = compared(WAYS, count, COUNTS.get(count, 3))
        speed = table["µs a file"]
        table["header_table is × as fast"] = speed / speed["header_table"]
        print(f"\n{count:,} CT headers of 67 elements, warm cache\n{table.round(1).to_string()}\n")
        for this, that, least in REACH:
            print(f"{this}: {speed[that] / speed[this]:.1f} × {that} (at least {least:.2g} ×)")
    table = compared(SLOW_WAYS, 1_000, 2, slow=True)
    speed = table["µs a file"]
    print(f"\n1,000 headers on a disk whose every open takes {1000 * SLOW_OPEN:g} ms (simulated)")
    print(f"{table.round(1).to_string()}\n")
    ratio = speed["header_table, one at a time"] / speed["header_table"]
    print(f"header_table: {ratio:.1f} × one at a time (at least 20 ×)")


ALL = WAYS | SLOW_WAYS
if __name__ == "__main__":
    main()
