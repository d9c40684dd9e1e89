"""The README: its code and commands run, its links lead somewhere, its tables are complete."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / ".github").glob("*.md"))]
README = DOCUMENTS[0].read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
COMMANDS = [
    command
    for block in BLOCKS
    for line in block.splitlines()
    if (command := line.partition("#")[0].strip())
]
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
CHEST = "series/chest-ct-8mm-siemens"


EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.S)


def test_the_example_runs(phantom, capsys, tmp_path, monkeypatch):
    example, further, next_steps, _ = EXAMPLES
    assert re.findall(r"^(?:from|import) (\w+)", example, re.M) == ["helpers"]
    names = {}
    exec(example, names)
    assert names["volume"].array.ndim == 3 and len(names["findings"]) > 100
    assert "phantom" in capsys.readouterr().out
    shown = example.splitlines()[-1].partition("#")[0].strip()
    assert "<iframe" in eval(shown, names)._repr_mimebundle_()["text/html"], (
        "the last line shows something, where no kernel runs too"
    )
    exec(further, names)  # goes on from the first
    contents = names["contents_table"](names["headers"])
    assert contents["files"].sum() == len(names["headers"])
    monkeypatch.chdir(tmp_path)  # it writes pictures
    name = "ct.nii.gz" if find_spec("nibabel") else "ct.npz"  # which Kaggle's versions are without
    exec(next_steps.replace("ct.nii.gz", name), names)
    volume, picture = names["volume"], names["picture"]
    point = volume.affine_of("axial", names["index"]) @ [0, names["row"], names["column"], 1]
    slice_, row, column = np.round(np.linalg.solve(volume.affine, point)[:3]).astype(int)
    value = picture.array[round(names["row"]), round(names["column"])]
    assert value == volume.array[slice_, row, column]
    assert np.allclose(point[:3] - volume.middle, (40, 0, 20), atol=max(volume.spacing))
    written = {"with-letters.png", "pixels.png", name, f"{name}.json"}
    assert {path.name for path in tmp_path.iterdir()} == written


def test_the_example_of_a_survey_runs(phantom, tmp_path):
    pytest.importorskip("duckdb", reason="duckdb is left out of this environment")
    own = {
        "/path/to/dicom": str(phantom / "P01-reference"),
        "/path/to/an/empty/folder": str(tmp_path),
        '"P01"': '"P01-reference"',
    }
    example = EXAMPLES[-1]
    for word, value in own.items():
        assert word in example
        example = example.replace(word, value)
    lines = [line for line in example.splitlines() if line]
    names = {}
    exec("\n".join(lines[:-1]), names)
    stacks, counts, *_ = eval(lines[2].partition("#")[0], names)
    assert len(stacks) == len(counts) == 1
    assert eval(lines[-1].partition("#")[0], names).iloc[0].tolist() == ["CT", 96]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_works_as_written(line, real, tmp_path):
    """Those of make by what they would run; those of Python run, in this test's environment."""
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = shlex.split(line.replace("/path/to/dicom", str(real / CHEST)))
    if words[0] == "make":
        said = _run(["make", "-n", *words[1:]], ROOT)
        assert re.search(r"-m (helpers\.\w+|pytest|pip)|jupyter lab", said)
        switches = {"DEIDENTIFY=1": "=--deidentify", "STANDALONE=1": "=--standalone"}
        options = [switches.get(word, word) for word in words[2:]]
        assert all(option.partition("=")[2] in said for option in options)
    elif words[:3] == ["python", "-m", "venv"]:
        assert " ".join(words[1:]) in _run(["make", "-n", "-B", "run"], ROOT), "as make does"
    elif words[1:4] == ["-m", "pip", "install"]:
        said = _run(["make", "-n", "-B", "lab"], ROOT)
        parts = re.findall(r"pip install .*--requirement .venv/(\w+)\.txt", said)
        assert parts == ["first", "later"] and said.count("requirements.txt >") == 2, "as make does"
    elif words[1:3] == ["-m", "jupyter"]:
        if find_spec("jupyterlab") is None:
            pytest.skip("JupyterLab is left out of the environment of Kaggle's versions")
        _run([sys.executable, "-m", "jupyter", "lab", "--version"], tmp_path)
    elif words[1:3] == ["-m", "helpers.site"]:
        pages = tmp_path / "pages"
        pages.mkdir()
        shutil.copy(ROOT / "notebooks/03_slice_counts.ipynb", pages)
        _run([sys.executable, *words[1:], "--pages", str(pages)], tmp_path, environment)
        assert (tmp_path / "build/html/03_slice_counts.html").is_file()
        assert (tmp_path / "build/html/index.html").is_file()
    else:
        assert re.search(r"\bkaggle (kernels push|datasets create) -p", line), f"no test for {line}"


def _run(command, folder, environment=None):
    run = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert links
    assert all((page.parent / link).exists() for link in links if not link.startswith("https://"))


def test_every_page_and_every_package_is_in_its_table():
    pages = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert re.findall(r"^\| \[(\d\d_\w+)\]", README, re.M) == pages
    table = README[README.index("| package | why |") :]
    missing = [name for name in _names(REQUIREMENTS) if not re.search(rf"\b{name}\b", table)]
    assert missing == []


def test_the_first_pages_need_no_package_that_comes_later():
    """All that the helpers and all pages but 07 import comes with the first part."""
    script = re.search(r"sed '(.*?)' requirements.txt", _run(["make", "-n", "-B", "run"], ROOT))[1]
    first = _run(["sed", script, "requirements.txt"], ROOT)
    assert first.rstrip().endswith("\n-e .") and set(_names(first)) < set(_names(REQUIREMENTS))
    installed, waiting = set(), [*map(_canonical, _names(first))]
    while waiting:
        if (name := waiting.pop()) not in installed:
            installed.add(name)
            waiting += _needs(name)
    assert not {"torch", "fastai", "kornia", "scikit-image", "jupyterlab"} & installed
    files = [path for path in (ROOT / "helpers").rglob("*.py") if path.parent.name != "learn"]
    codes = [path.read_text(encoding="utf-8") for path in files]
    codes += [_code(path) for path in sorted((ROOT / "notebooks").glob("0[!7]*.ipynb"))]
    imported = {package for code in codes for package in _packages(code)}
    owners = packages_distributions()
    strangers = {
        package
        for package in imported - set(sys.stdlib_module_names) - {"helpers"}
        if not installed & set(map(_canonical, owners.get(package, installed)))
    }
    assert len(codes) > 50 and len(imported) > 20 and strangers == set()


def _names(requirements):
    return re.findall(r"^([\w-]+)[>=]", requirements, re.M)


def _needs(package):
    """The packages that one asks for, without extras; none where it is not installed."""
    try:
        lines = requires(package) or []
    except PackageNotFoundError:
        return []
    lines = [line for line in lines if "extra ==" not in line]
    return [_canonical(re.match(r"[\w.-]+", line)[0]) for line in lines]


def _canonical(package):
    return package.lower().replace("_", "-")


def _code(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def _packages(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


@pytest.mark.skipif(
    find_spec("fastai") is None, reason="fastai is left out of the environment of Kaggle's versions"
)
def test_the_requirements_are_all_that_fastai_medical_needs():
    run = subprocess.run(
        [sys.executable, "-c", "import fastai.medical.imaging"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_lines_end_as_on_linux_on_every_system():
    """Else a checkout on Windows has helpers that no Kaggle kernel can carry as they are."""
    names = _run(["git", "ls-files", "helpers", "notebooks", "tests"], ROOT).split()
    said = _run(["git", "check-attr", "eol", "text", "--", *names], ROOT).splitlines()
    assert len(names) > 100 and len(said) == 2 * len(names)
    assert {line.split(": ", 1)[1] for line in said} == {"eol: lf", "text: auto"}
    (picture,) = _run(["git", "check-attr", "text", "--", ".github/viewer.gif"], ROOT).splitlines()
    assert picture.endswith("text: unset")
