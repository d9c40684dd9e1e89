"""Times the report of the phantom, as a person makes it, with everything set up: `make bench`.

No test: a figure depends on its machine.
"""

import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 2  # the first may write the phantom and byte code; the better one counts
LIMIT = 60  # seconds
PAGE_LINE = re.compile(r"\[\d/\d\] (\S+) (\S+) s")


def main() -> None:
    """Makes the report several times and prints a line for each."""
    print("\nThe report of the phantom, all pages: python -m helpers.site")
    seconds = [_timed() for _ in range(RUNS)]
    print(f"best of {RUNS}: {min(seconds):.1f} s (at most {LIMIT} on two cores)")


def _timed() -> float:
    """The seconds that one report takes; prints them, those of the processors and of each page."""
    start, before = time.perf_counter(), _processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "helpers.site", "--site", str(Path(folder, "site"))]
        run = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    seconds, busy = time.perf_counter() - start, _processor_seconds() - before
    pages = ", ".join(f"{name} {took}" for name, took in PAGE_LINE.findall(run.stdout))
    print(f"{seconds:.1f} s, {busy:.1f} s of all processors; page by page {pages}", flush=True)
    return seconds


def _processor_seconds() -> float:
    """What all processes that were started here and have ended took, and those started by them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
