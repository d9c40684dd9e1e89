"""What is the one cell that a page needs before its own, where the suite is not installed?"""

from typing import Any

INPUT_HIDDEN = {"_kg_hide-input": True, "jupyter": {"source_hidden": True}}
ATTACHED = """\
# The suite comes from the attached dataset {dataset}: no internet is needed.
# Other pages: https://www.kaggle.com/{owner}/code
import pathlib, shutil, sys, tempfile, IPython
data, folder, wheel = pathlib.Path("/kaggle/input"), tempfile.mkdtemp(), "{wheel}"
if not (found := [*data.glob(f"*/{{wheel}}"), *data.glob(f"datasets/*/*/{{wheel}}")]):
    raise IPython.core.error.UsageError("{advice}")
for wheel in found[0].parent.glob("*.whl"):
    shutil.unpack_archive(wheel, folder, "zip")
sys.path.insert(0, folder)"""
ADVICE = (
    "expected the dataset {dataset} among the inputs, found none: "
    "choose Add Input, search for {name}, add it, and run all cells"
)
INSTALLED = """\
# Colab installs the suite from its repository, and what Colab lacks.
# For a folder of your own, mount your Drive and take the # from the next line.
# %env DICOM_ROOT=/content/drive/MyDrive/dicom
%pip install --quiet {packages} git+{repository}"""


def attached_cell(dataset: str, package: str) -> dict[str, Any]:
    """A cell that puts the suite on the path from a dataset on Kaggle.

    Wheels are unpacked, because a module reads files that lie beside it. Where the dataset is not
    attached, the cell stops with one line that says what to do.

    Parameters
    ----------
    dataset : ``owner/name`` on Kaggle
    package : name of the project, as its wheel has it
    """
    wheel = f"{package}-*.whl"
    owner, _, name = dataset.partition("/")
    advice = ADVICE.format(dataset=dataset, name=name)
    return _cell(ATTACHED.format(dataset=dataset, owner=owner, wheel=wheel, advice=advice))


def installing_cell(repository: str, packages: list[str]) -> dict[str, Any]:
    """A cell that installs the suite from a repository, and further packages, by pip.

    Parameters
    ----------
    repository : address of a git repository
    packages : requirements as pip has them
    """
    return _cell(INSTALLED.format(packages=" ".join(packages), repository=repository))


def _cell(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "id": "suite", "metadata": INPUT_HIDDEN}
    return {**cell, "outputs": [], "source": source}
