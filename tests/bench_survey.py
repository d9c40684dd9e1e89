"""Times a survey beside all stages in one process, on a generated collection: `make bench-scale`.

    python tests/bench_survey.py --headers 330000 --workers 2

The collection is made of CT series of 300 slices, each of another patient, in a temporary folder.
Each measurement is a process of its own; files are in the page cache.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pandas as pd
from bench_collections import SLICES, SMALL_MATRIX, ct, ct_values, peak_bytes, write
from distributed import Client

from helpers import (
    audit,
    header_table,
    protocol_table,
    slice_counts,
    slice_table,
    stack_table,
    survey,
)
from helpers.files.listing import file_names
from helpers.scale.engine import Engine, local_cluster

MOST_ALL, MOST_READING = 0.95, 0.65  # of the time in one process that is asked for, two workers
MAX_WORKER_MB = 1000


def one_process(folder: str) -> dict[str, float]:
    """Seconds of listing and reading, and of all stages, in this process."""
    start, begun = time.perf_counter(), time.process_time()
    headers = header_table(file_names(folder), progress=False)
    read, read_cpu = time.perf_counter() - start, time.process_time() - begun
    slices = slice_table(headers, progress=False)
    tables = stack_table(slices), slice_counts(headers, slices), protocol_table(slices)
    findings = audit(headers, slices)
    sizes = {"stacks": len(tables[0]), "findings": len(findings), "files": len(headers)}
    took = {"reading": read, "all": time.perf_counter() - start}
    cpu = {"reading CPU": read_cpu, "all CPU": time.process_time() - begun}
    return took | cpu | sizes | {"peak MB": peak_bytes() / 1e6}


def in_partitions(folder: str, workers: int) -> dict[str, float]:
    """The same of a survey, with the memory of its processes."""
    took: dict[str, float] = {}
    run = Engine.run

    def timed(self, name, function, arguments):
        start, begun = time.perf_counter(), sum(client.run(time.process_time).values())
        run(self, name, function, arguments)
        took[name] = time.perf_counter() - start
        took[f"{name} CPU"] = sum(client.run(time.process_time).values()) - begun

    Engine.run = timed
    with (
        tempfile.TemporaryDirectory(dir=Path(folder).parent) as place,
        local_cluster(n_workers=workers) as cluster,
        Client(cluster) as client,
    ):
        client.run(warm)
        before = sum(client.run(time.process_time).values())
        start = time.perf_counter()
        found = survey(folder, Path(place) / "survey", client, progress=False)
        took["all"] = time.perf_counter() - start
        took["reading"], took["reading CPU"] = took["Reading headers"], took["Reading headers CPU"]
        took["all CPU"] = sum(client.run(time.process_time).values()) - before
        peaks = client.run(peak_bytes).values()
        sizes = {"stacks": len(found.stacks), "findings": len(found.findings)}
        disk = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
    return (
        took
        | sizes
        | {
            "worker MB": max(peaks) / 1e6,
            "client MB": peak_bytes() / 1e6,
            "disk MB": disk / 1e6,
        }
    )


def warm() -> None:
    """Imports what tasks need, as the process that is compared has it imported."""
    warnings.simplefilter("ignore")
    import helpers.scale.reduction  # noqa: F401


def measured(what: str, folder: str, workers: int) -> dict[str, float]:
    """What one of the measures gives in a new process."""
    command = [sys.executable, __file__, "--measure", what, folder, "--workers", str(workers)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(child.stdout.splitlines()[-1])


def measures(folder: str, asked: argparse.Namespace) -> pd.DataFrame:
    """All measures of a turn."""
    rows = {}
    if not asked.survey_alone:
        rows["one process"] = measured("one", folder, 0)
    for workers in asked.workers:
        rows[f"survey, {workers} workers"] = measured("survey", folder, workers)
    return pd.DataFrame(rows)


def main() -> None:
    """Prints the table."""
    asked = arguments()
    if asked.measure:
        what, folder = asked.measure
        warnings.simplefilter("ignore")
        os.environ["DICOM_NO_CACHE"] = "1"
        found = one_process(folder) if what == "one" else in_partitions(folder, asked.workers[0])
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory(dir=asked.place) as place:
        folder = Path(place) / "collection"
        write(folder, ct(SMALL_MATRIX), ct_values, asked.headers // SLICES, SLICES)
        turns = [measures(str(folder), asked) for _ in range(asked.turns)]
    table = pd.concat(turns).groupby(level=0, sort=False).min()  # of a noisy machine, the best
    print(table.round(1).to_string())
    if "one process" in table:
        for name in ("all", "reading", "all CPU", "reading CPU"):
            print(f"{name}:", (table.loc[name] / table.loc[name, "one process"]).round(2).to_dict())
        print(f"asked with two workers: all {MOST_ALL}, reading {MOST_READING}, {MAX_WORKER_MB} MB")


def arguments() -> argparse.Namespace:
    """What is to be measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--headers", type=int, default=330_000)
    parser.add_argument("--workers", type=int, default=[2], nargs="+")
    parser.add_argument("--turns", type=int, default=1, help="of all measures, the best counts")
    parser.add_argument("--place", type=Path, help="where the collection is made")
    parser.add_argument("--survey-alone", action="store_true", help="no process beside it")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
