"""Which dataset on Kaggle brings the suite into a kernel, and the decoders that Kaggle lacks?"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from flit_core.config import ConfigError
from flit_core.wheel import make_wheel_in

from helpers.kernels.kernel_facts import KaggleError, project_table

METADATA = "dataset-metadata.json"  # the name that Kaggle's client asks for
DECODERS = ("imagecodecs==2026.3.6",)  # later ones ask for a newer numpy than Kaggle's
FOR_KAGGLE = (  # pip's words for the wheel that fits Kaggle's image
    *("--no-deps", "--only-binary=:all:", "--python-version", "3.12"),
    *("--platform", "manylinux_2_28_x86_64"),
)
SUBTITLE = "Python helpers for notebooks on any folder of DICOM files"
DESCRIPTION = """\
Attach it to a kernel without internet: the first cell of each page of the suite unpacks these \
wheels. MIT licence; the decoders have their own."""


def project_name(project: Path) -> str:
    """The name in pyproject.toml, which the dataset has too.

    Raises
    ------
    KaggleError
        Where there is none, or where Kaggle takes no dataset of that name.
    """
    file = project / "pyproject.toml"
    name = project_table(file).get("project", {}).get("name", "")
    if not 6 <= len(name) <= 50:
        raise KaggleError(f"{file}, project: expected a name of 6 to 50 characters, got {name!r}")
    return name


def build_dataset(project: Path, folder: Path, dataset: str) -> list[str]:
    """Writes a folder to be made a dataset, and says of decoders not in it how to add them.

    It holds the project's wheel, that of each decoder, and the metadata. Kaggle's client leaves out
    folders, and Kaggle unpacks archives; wheels stay what they are. Those of decoders are looked
    for in ``build/wheels`` first, and otherwise fetched into it by pip.

    Parameters
    ----------
    project : folder of ``helpers`` and ``pyproject.toml``
    folder : to be made
    dataset : ``owner/name`` on Kaggle

    Raises
    ------
    KaggleError
        Where no wheel can be made of the project.
    """
    folder.mkdir(parents=True)
    _make_wheel(project, folder)
    lacking = [_add_decoder(name, project / "build" / "wheels", folder) for name in DECODERS]
    metadata = {
        "id": dataset,
        "title": "DICOM notebook suite",
        "subtitle": SUBTITLE,
        "description": DESCRIPTION,
        "licenses": [{"name": "other"}],  # Kaggle's list has no MIT
    }
    (folder / METADATA).write_text(f"{json.dumps(metadata, indent=1)}\n", encoding="utf-8")
    return [line for line in lacking if line]


def wheel_name(project: str) -> str:
    """A project's name as files of wheels begin with it.

    >>> wheel_name("dicom-notebook-suite")
    'dicom_notebook_suite'
    """
    return project.replace("-", "_").replace(".", "_").lower()


def _make_wheel(project: Path, folder: Path) -> None:
    try:
        make_wheel_in(project / "pyproject.toml", folder)
    except (ConfigError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise KaggleError(f"{project}: expected a project for a wheel, got {reason}") from error


def _add_decoder(requirement: str, wheels: Path, folder: Path) -> str:
    """Copies the wheel of a decoder; where pip has none, says how to add it."""
    pattern = f"{requirement.replace('==', '-')}-*.whl"
    download = ["pip", "download", requirement, *FOR_KAGGLE, "--dest", str(wheels)]
    if not (found := sorted(wheels.glob(pattern))):
        soon = ["--quiet", "--retries", "1", "--timeout", "15"]
        subprocess.run([sys.executable, "-m", *download, *soon], capture_output=True, check=False)
        found = sorted(wheels.glob(pattern))
    if not found:
        expected = f"expected the wheel of {requirement} for Kaggle, pip got none"
        return f"{expected}: with internet, run this and build again: {' '.join(download)}"
    shutil.copy(found[0], folder)
    return ""
