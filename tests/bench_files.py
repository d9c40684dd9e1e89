"""Times an archive beside its folder, and a bucket beside its objects one by one.

No test: a figure depends on its machine. Part of `make bench`.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from time import perf_counter

import numpy as np
from range_server import BUCKET, once_answers
from s3fs import S3FileSystem

from helpers import header_table, phantom_root
from helpers.files import objects, opening
from helpers.files.objects import listed
from helpers.headers.fast_reader import FastReader
from helpers.phantom.encoding import encoded

FILES, MATRIX, TURNS, ONE_BY_ONE = 2_000, 512, 5, 100
DELAY = 0.02  # seconds that are added to each request
TESTS = Path(__file__).parent


def main():
    """Prints the ratios."""
    os.environ["DICOM_NO_CACHE"] = "1"
    with tempfile.TemporaryDirectory(prefix="dicom-bench-") as folder:
        scan = _write_scan(Path(folder, "scan"))
        archives(scan)
        for name, command in SERVERS.items():
            bucket(scan, name, command)


def archives(scan):
    """The headers of a ZIP archive, stored and deflated, its directory read anew each time."""
    roots = {"folder": scan}
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        roots[name] = scan.with_name(f"{name}.zip")
        with zipfile.ZipFile(roots[name], "w", method) as archive:
            for path in scan.iterdir():
                archive.write(path, path.name)
    best = dict.fromkeys(roots, float("inf"))
    for _ in range(TURNS):
        for name, root in roots.items():
            opening._archives.clear()
            best[name] = min(best[name], _seconds(header_table, root, progress=False))
    for name, asked in (("stored", 1.5), ("deflated", 3.5)):
        ratio = best[name] / best["folder"]
        print(f"headers of {FILES} files, ZIP {name}: {ratio:.2f} × the folder (at most {asked} ×)")


SERVERS = {  # what answers as S3 does → its command, and what is asked
    "a server of ranges": ([str(TESTS / "range_server.py"), "{scan}"], 15),
    "moto": ([str(TESTS / "range_server.py"), "{scan}", "--moto"], 5),
}


def bucket(scan, name, about):
    """Objects of a bucket, many at once and one by one, each request delayed."""
    command, asked = about
    command = [part.format(scan=scan) for part in command]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, *command, "--delay", str(DELAY)]
    with subprocess.Popen(command, text=True, **pipes) as server:
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        once_answers(address)
        os.environ |= {"AWS_ENDPOINT_URL": address, "AWS_DEFAULT_REGION": "us-east-1"}
        os.environ |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "bench")
        S3FileSystem.clear_instance_cache()  # it knows the server before this one
        for known in (objects._listed, objects._ranges, objects._folders):
            known.clear()
        root, reader = f"s3://{BUCKET}", FastReader()
        names = listed(root)[:ONE_BY_ONE]
        alone = _seconds(lambda: [reader.row(path) for path in names]) / ONE_BY_ONE
        together = _seconds(header_table, root, progress=False) / FILES
        print(
            f"{FILES} objects of {name}: {alone / together:.1f} × one by one (at least {asked} ×)"
        )
        if "--moto" not in command:
            with urllib.request.urlopen(f"{address}/counts") as answer:
                requests, sent = (sum(one.values()) for one in json.load(answer))
            count = FILES + ONE_BY_ONE
            print(f"  {requests / count:.2f} requests (at most 1.1), {sent / count / 1000:.1f} kB")
        server.stdin.close()


def _write_scan(folder):
    """A chest CT of 2,000 slices; pixels of noise, which are as real ones to what packs them."""
    import pydicom

    folder.mkdir()
    dataset = pydicom.dcmread(phantom_root() / "P01-reference" / "1.dcm")
    dataset.Rows = dataset.Columns = MATRIX
    noise = np.random.default_rng(0).normal(0, 20, (MATRIX, MATRIX)).astype(np.int16)
    dataset.PixelData = noise.tobytes()
    for number in range(FILES):
        dataset.InstanceNumber = number + 1
        dataset.SOPInstanceUID = f"1.2.3.{number + 1}"
        dataset.ImagePositionPatient = [0, 0, number]
        (folder / f"{number + 1}.dcm").write_bytes(encoded(dataset))
    return folder


def _seconds(function, *arguments, **options):
    start = perf_counter()
    function(*arguments, **options)
    return perf_counter() - start


if __name__ == "__main__":
    main()
