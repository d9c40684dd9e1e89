"""The README: its code runs, its links lead somewhere, its picture is the project's own, its tables are complete."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_example_runs(phantom, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    names = {}
    exec(example, names)
    assert names["volume"].array.ndim == 3 and "phantom" in capsys.readouterr().out


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / ".github/CHANGELOG.md"], ids=["README", "CHANGELOG"])
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


@pytest.mark.skipif(find_spec("fastai") is None, reason="fastai is left out of the environment of Kaggle's versions")
def test_the_requirements_are_all_that_fastai_medical_needs():
    run = subprocess.run([sys.executable, "-c", "import fastai.medical.imaging"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
