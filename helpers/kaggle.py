"""The pages for Kaggle and Colab: ``python -m helpers.kaggle [--user NAME]``."""

import argparse
import sys

from helpers.errors import ClearError
from helpers.kernels.kernels import build_colab, build_kernels, build_standalone


def main(arguments: list[str] | None = None) -> int:
    """Command line: builds what is asked; exit status 1 with one clear line where it cannot."""
    parser = argparse.ArgumentParser(
        description="Build a Kaggle dataset that brings the suite, and one kernel per page."
    )
    parser.add_argument(
        "--user",
        help="owner of dataset and kernels (default: the one in Kaggle's own configuration)",
    )
    parser.add_argument(
        "--standalone", action="store_true", help="notebooks that carry the suite in their cells"
    )
    parser.add_argument(
        "--colab",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="notebooks for Colab, which install the suite from a git repository (default: the "
        "Repository among the addresses in pyproject.toml)",
    )
    asked = parser.parse_args(arguments)
    try:
        if asked.colab is not None:
            print(*build_colab(asked.colab), sep="\n")
        elif asked.standalone:
            print(*build_standalone(), sep="\n")
        else:
            _print_commands(asked.user)
    except ClearError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _print_commands(user: str | None) -> None:
    """Builds dataset and kernels, and prints the commands that push them."""
    built = build_kernels(user)
    print(f"kaggle datasets create -p {built.dataset}")
    for folder in built.kernels:
        print(f"kaggle kernels push -p {folder}")
    for line in built.lacking:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
