"""The pages, executed and bound into one HTML report: ``python -m helpers.site [FOLDER]``."""

import argparse
import sys
from pathlib import Path

from helpers.errors import ClearError
from helpers.publish.report import PAGES, SITE, build_site


def main(arguments=None):
    """Command line: builds the site; exit status 1 with one clear line where it cannot."""
    parser = argparse.ArgumentParser(
        description="Execute the pages on a folder of DICOM files and bind them into one HTML site."
    )
    parser.add_argument(
        "folder",
        nargs="?",
        help="folder of DICOM files; without it the phantom is made and explored",
    )
    parser.add_argument(
        "--pages", default=PAGES, help=f"folder of the notebooks (default: {PAGES})"
    )
    parser.add_argument("--site", default=SITE, help=f"folder to write to (default: {SITE})")
    parser.add_argument(
        "--identity", action="store_true", help="show the values that could identify a person"
    )
    chosen = parser.parse_args(arguments)
    try:
        index = build_site(
            chosen.folder or None, pages=chosen.pages, site=chosen.site, identity=chosen.identity
        )
    except ClearError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\ninterrupted; the pages before are in {Path(chosen.site).absolute()}",
            file=sys.stderr,
        )
        return 130
    print(f"Open {index.absolute()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
