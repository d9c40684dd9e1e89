"""The pages, each as a Kaggle kernel: ``python -m helpers.kaggle [--user NAME]``."""

import argparse
import sys

from helpers.errors import ClearError
from helpers.publish.kernels import build_kernels


def main(arguments: list[str] | None = None) -> int:
    """Command line: builds the kernels; exit status 1 with one clear line where it cannot."""
    parser = argparse.ArgumentParser(
        description="Build one Kaggle kernel per page, with the helpers that it imports."
    )
    parser.add_argument(
        "--user",
        help="owner of the kernels on Kaggle (default: the one in Kaggle's own configuration)",
    )
    try:
        folders = build_kernels(parser.parse_args(arguments).user)
    except ClearError as error:
        print(error, file=sys.stderr)
        return 1
    for folder in folders:
        print(f"kaggle kernels push -p {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
