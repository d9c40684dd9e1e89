"""The pages, executed and bound into one HTML report: ``python -m helpers.site [FOLDER]``."""

import argparse
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

from helpers.errors import ClearError
from helpers.report.report import MAX_MB, MAX_ONE_FILE_MB, PAGES, SITE, VIEWERS, build_site

PIP_PROGRESS = re.compile(r" *Downloading .* [MG]B\)|Installing collected packages")


def main(arguments: list[str] | None = None) -> int:
    """Command line: builds the site; exit status 1 with one clear line where it cannot."""
    parser = argparse.ArgumentParser(
        description="Execute the pages on a folder of DICOM files and bind them into one HTML site."
    )
    parser.add_argument(
        "folder",
        nargs="?",
        help="folder of DICOM files, archive, address or survey; without it $DICOM_ROOT, or else "
        "the phantom, which is made",
    )
    parser.add_argument(
        "--deidentify",
        action="store_true",
        help="show pseudonyms in place of values that could identify a person",
    )
    parser.add_argument(
        "--pages", default=PAGES, help=f"folder of the notebooks (default: {PAGES})"
    )
    parser.add_argument("--site", default=SITE, help=f"folder to write to (default: {SITE})")
    parser.add_argument(
        "--install",
        metavar="REQUIREMENTS",
        help="file of packages to install, once the pages that do without are made",
    )
    parser.add_argument(
        "--viewers",
        type=int,
        default=VIEWERS,
        help=f"how many stacks get a viewer, others a contact sheet (default: {VIEWERS})",
    )
    parser.add_argument(
        "--max-mb",
        type=float,
        help=f"how large it may be (default: {MAX_MB:g}, with --single {MAX_ONE_FILE_MB:g})",
    )
    parser.add_argument(
        "--single", action="store_true", help="also write the whole report into one file"
    )
    options = parser.parse_args(arguments)
    try:
        index = build_site(
            options.folder,
            pages=options.pages,
            site=options.site,
            deidentify=options.deidentify,
            install=partial(_install, options.install) if options.install else None,
            viewers=options.viewers,
            max_mb=options.max_mb,
            single=options.single,
        )
    except ClearError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        index = Path(options.site, "index.html").absolute()
        made = f"the pages made before are in {index}" if index.is_file() else "no page is made"
        print(f"\ninterrupted; {made}", file=sys.stderr)
        return 130
    print(f"Open {index}")
    return 0


def _install(requirements: str, folder: Path) -> None:
    """Installs packages and names the large ones; temporary files stay in the folder."""
    print(
        "Next: PyTorch and fastai for page 07: 6 GB on disk, some minutes; Ctrl-C keeps the others"
    )
    command = [sys.executable, "-m", "pip", "install", "--no-compile", "-r", requirements]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as pip:
        try:
            for line in pip.stdout or ():
                if found := PIP_PROGRESS.match(line):
                    print(f"  {found[0].strip()}", flush=True)
        except KeyboardInterrupt:
            pip.terminate()
            raise
    if pip.returncode:
        raise ClearError("pip failed, as it says above; the pages made before stay as they are")


if __name__ == "__main__":
    sys.exit(main())
