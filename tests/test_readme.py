"""The README: its code and commands run, its links lead somewhere, its tables are complete."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / ".github").glob("*.md"))]
README = DOCUMENTS[0].read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
COMMANDS = [
    command
    for block in BLOCKS
    for line in block.splitlines()
    if (command := line.partition("#")[0].strip())
]
CHEST = "series/chest-ct-8mm-siemens"


def test_the_example_runs(phantom, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    names = {}
    exec(example, names)
    assert (
        names["volume"].array.ndim == 3
        and len(names["findings"]) > 100
        and "phantom" in capsys.readouterr().out
    )
    shown = example.splitlines()[-1].partition("#")[0].strip()
    assert "<iframe" in eval(shown, names)._repr_mimebundle_()["text/html"], (
        "the last line shows something, where no kernel runs too"
    )


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_works_as_written(line, real, tmp_path):
    """Those of make by what they would run, and that this is there; those of Python run, with the environment of this test."""
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = shlex.split(line.replace("/path/to/dicom", str(real / CHEST)))
    if words[0] == "make":
        said = _run(["make", "-n", *words[1:]], ROOT)
        assert re.search(r"-m (helpers\.\w+|pytest|pip)|jupyter lab", said) and all(
            word.partition("=")[2] in said for word in words[2:]
        )
    elif words[:3] == ["python", "-m", "venv"]:
        assert (ROOT / "Makefile").read_text().count(" ".join(words[1:])) == 1, "as make does"
    elif words[1:4] == ["-m", "pip", "install"]:
        assert (
            "pip install --quiet --requirement requirements.txt" in (ROOT / "Makefile").read_text()
        ), "as make does"
    elif words[1:3] == ["-m", "jupyter"]:
        if find_spec("jupyterlab") is None:
            pytest.skip("JupyterLab is left out of the environment of Kaggle's versions")
        _run([sys.executable, "-m", "jupyter", "lab", "--version"], tmp_path)
    elif words[1:3] == ["-m", "helpers.site"]:
        pages = tmp_path / "pages"
        pages.mkdir()
        shutil.copy(ROOT / "notebooks/03_slice_counts.ipynb", pages)
        _run([sys.executable, *words[1:], "--pages", str(pages)], tmp_path, environment)
        assert (tmp_path / "build/html/03_slice_counts.html").is_file() and (
            tmp_path / "build/html/index.html"
        ).is_file()
    else:
        assert words[:3] == ["kaggle", "kernels", "push"], f"no test for {line}"


def _run(command, folder, environment=None):
    run = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    assert links
    assert all((page.parent / link).exists() for link in links if not link.startswith("https://"))


def test_every_page_and_every_package_is_in_its_table():
    pages = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert re.findall(r"^\| \[(\d\d_\w+)\]", README, re.M) == pages
    required = re.findall(r"^([\w-]+)[>=]", (ROOT / "requirements.txt").read_text(), re.M)
    table = README[README.index("| package | why |") :]
    assert [package for package in required if not re.search(rf"\b{package}\b", table)] == []
    assert (ROOT / "requirements.txt").read_text().splitlines()[-1] == "-e ."


@pytest.mark.skipif(
    find_spec("fastai") is None, reason="fastai is left out of the environment of Kaggle's versions"
)
def test_the_requirements_are_all_that_fastai_medical_needs():
    run = subprocess.run(
        [sys.executable, "-c", "import fastai.medical.imaging"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
