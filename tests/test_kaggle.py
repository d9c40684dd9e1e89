"""Kaggle kernels: what would be sent, what must never be, and that they run as on Kaggle."""

import ast
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from base64 import b64decode
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pydicom
import pytest
from conftest import REAL
from kaggle_layout import executed

from helpers.errors import ClearError
from helpers.kaggle import main
from helpers.publish.kernels import SOURCES, KaggleError, build_kernels
from helpers.publish.pages import PageError
from helpers.runtime import install_line

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [page.stem for page in PAGES]
KEYS = {
    "id",
    "title",
    "code_file",
    "language",
    "kernel_type",
    "is_private",
    "enable_gpu",
    "enable_tpu",
    "enable_internet",
}
PATIENTS = ["P01", "P04", "P08", "P09", "P11", "P30", "P31"]
MOUNTS = ["/kaggle/input/{}", "/kaggle/input/competitions/{}", "/kaggle/input/datasets/someone/{}"]
PAGE = [
    "# What is here?\n\nA page.",
    "from helpers import collection_root\n\nroot = collection_root()",
]


def _copy(folder):
    for name in ("notebooks", "helpers"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Every page's name with the folder of its kernel."""
    folders = build_kernels("someone", project=_copy(tmp_path_factory.mktemp("project")))
    return dict(zip(NAMES, folders, strict=True))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project of one page, built in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path.parent / "home"))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    shutil.copytree(
        ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__")
    )
    _page(tmp_path)
    return tmp_path


def _page(project, *more, name="01_page", first=PAGE[0]):
    """Writes a page whose last cells are those given, as text of markdown or as cells."""
    markdown = nbformat.v4.new_markdown_cell
    cells = [markdown(first), nbformat.v4.new_code_cell(PAGE[1])]
    cells += [markdown(cell) if isinstance(cell, str) else cell for cell in more]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "notebooks" / f"{name}.ipynb")


def _notebook(folder):
    return json.loads(next(folder.glob("*.ipynb")).read_text(encoding="utf-8"))


def _written(notebook):
    """File name → content, as the collapsed cells give it."""
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    cells = [source.split("\n", 1) for source in sources if source.startswith("%%writefile ")]
    written = {line.removeprefix("%%writefile helpers/"): f"{text}\n" for line, text in cells}
    for cell in notebook["cells"]:
        if cell["id"] == "helpers-packed":
            packed = b64decode("".join(cell["source"]).split('"""')[1])
            archive = zipfile.ZipFile(io.BytesIO(packed))
            written |= {name: archive.read(name).decode() for name in archive.namelist()}
    return written


# what would be sent


@pytest.fixture
def push(tmp_path, monkeypatch):
    """The real client's push, whose requests come back and go nowhere."""
    if find_spec("kaggle") is None:
        pytest.skip("Kaggle's client is with Kaggle's versions alone, see tests/kaggle-image.txt")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    for key, value in (("CONFIG_DIR", str(tmp_path)), ("USERNAME", "someone"), ("KEY", "none")):
        monkeypatch.setenv(f"KAGGLE_{key}", value)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network is asked"))
    from kaggle.api.kaggle_api_extended import KaggleApi

    client, sent = KaggleApi(), []
    api = SimpleNamespace(kernels_api_client=SimpleNamespace(save_kernel=sent.append))
    monkeypatch.setattr(
        client, "build_kaggle_client", lambda: nullcontext(SimpleNamespace(kernels=api))
    )

    def push(folder):
        client.kernels_push(str(folder))
        return sent.pop()

    return push


@pytest.mark.parametrize("name", NAMES)
def test_the_real_client_would_send_it(push, built, name, capsys):
    from slugify import slugify

    request, metadata = (
        push(built[name]),
        json.loads((built[name] / "kernel-metadata.json").read_text(encoding="utf-8")),
    )
    assert capsys.readouterr().out == "", "the client has nothing to remark"
    assert json.loads(request.text)["cells"][-1]["source"] == "".join(
        _notebook(built[name])["cells"][-1]["source"]
    )
    assert (
        request.slug
        == metadata["id"]
        == f"someone/{slugify(request.new_title)}"
        == f"someone/{built[name].name}"
    )
    assert (request.language, request.kernel_type, request.is_private) == (
        "python",
        "notebook",
        True,
    )
    assert (request.enable_internet, request.enable_gpu, request.enable_tpu) == (
        False,
        False,
        False,
    )
    assert request.competition_data_sources == ["osic-pulmonary-fibrosis-progression"]
    assert (
        request.dataset_data_sources
        == request.kernel_data_sources
        == request.model_data_sources
        == []
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_the_client_does_not_check(built, name):
    metadata = json.loads((built[name] / "kernel-metadata.json").read_text(encoding="utf-8"))
    assert metadata.keys() == KEYS | SOURCES.keys(), (
        "a key that the client does not know would be ignored in silence"
    )
    assert metadata["enable_internet"] is False, "without it the internet would be on"
    assert metadata["code_file"] == f"{name}.ipynb" and 5 <= len(metadata["title"]) <= 50
    assert all(re.fullmatch(r"[a-z0-9-]+", source) for source in metadata["competition_sources"])
    notebook = nbformat.read(built[name] / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert (built[name] / f"{name}.ipynb").stat().st_size < 1_000_000, "which is what Kaggle takes"


def test_sources_of_every_kind_reach_the_client(project, push):
    sources = {
        "dataset_sources": ["me/my-dicoms"],
        "kernel_sources": ["me/other-kernel"],
        "model_sources": ["me/model/pyTorch/default/1"],
        "competition_sources": [],
    }
    (project / "pyproject.toml").write_text(
        "\n".join(["[tool.kaggle]", "is_private = false", *_toml(sources)])
    )
    request = push(*build_kernels("me"))
    assert request.dataset_data_sources == ["me/my-dicoms"] and request.kernel_data_sources == [
        "me/other-kernel"
    ]
    assert (
        request.model_data_sources == ["me/model/pyTorch/default/1"]
        and request.competition_data_sources == []
    )
    assert request.is_private is False


def _toml(table):
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


# what a kernel carries


@pytest.mark.parametrize("name", NAMES)
def test_the_cells_of_the_page_are_its_own_byte_for_byte(built, name):
    page = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    kernel = (built[name] / f"{name}.ipynb").read_text(encoding="utf-8")
    cells = page.removeprefix('{\n "cells": [\n')
    assert cells != page and kernel.endswith(cells)
    assert len({cell["id"] for cell in json.loads(kernel)["cells"]}) == len(
        json.loads(kernel)["cells"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_other_cells_are_collapsed_and_say_what_they_are(built, name):
    cells, own = (
        _notebook(built[name])["cells"],
        len(
            json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
        ),
    )
    intro, *hidden = cells[:-own]
    title = "".join(cells[-own]["source"]).splitlines()[0].removeprefix("# ")
    assert f"](#{title.replace(' ', '-')})" in intro["source"]
    assert all(
        f"/someone/{folder.name})" in intro["source"]
        for other, folder in built.items()
        if other != name
    )
    tested = re.search(
        r"^imagecodecs>=(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M
    )[1]
    assert (f"pip download imagecodecs=={tested} " in intro["source"]) == (
        "pixels/codecs.py" in _written(_notebook(built[name]))
    )
    for cell in hidden:
        assert (
            cell["metadata"]["_kg_hide-input"]
            and cell["metadata"]["_kg_hide-output"]
            and cell["metadata"]["collapsed"]
        )
        assert cell["metadata"]["jupyter"] == {"source_hidden": True, "outputs_hidden": True}


HELPERS = {  # file → content, of which the page needs the first eight
    "__init__.py": '"""All."""',
    "collection.py": "def collection_root():\n    from helpers.deep.found import x\n    return x",
    "deep/__init__.py": '"""A room."""',
    "deep/found.py": "import helpers.last\nfrom helpers.wide import lone\n\nx = lone.TABLE",
    "last.py": '"""Not unused.csv itself."""',
    "wide/__init__.py": '"""A room."""',
    "wide/lone.py": 'TABLE = "table.csv"',
    "wide/table.csv": "a,b",
    "deep/table.csv": "a,b",  # beside a module that does not name it
    "deep/unused.py": "from helpers.wide import lone",
    "wide/unused.csv": "a,b",
    "empty/__init__.py": '"""A room."""',
    "__init__.pyi": "from helpers.collection import collection_root as collection_root",
}


def _write_helpers(project, files):
    shutil.rmtree(project / "helpers")
    for name, text in files.items():
        file = project / "helpers" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")


def test_files_are_those_that_are_imported_and_named(project):
    """Through the front door, functions and rooms, and no others."""
    _write_helpers(project, HELPERS)
    (folder,) = build_kernels("me")
    assert _written(_notebook(folder)) == {
        name: f"{text}\n" for name, text in list(HELPERS.items())[:8]
    }


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("deep/found.py", "import helpers.nowhere", r"expected a module .*helpers/nowhere\.py"),
        ("deep/found.py", "from helpers.wide import no", r"expected a module .*wide/no\.py"),
        ("__init__.pyi", "from helpers.gone import collection_root", r"module .*helpers/gone\.py"),
        ("__init__.pyi", "import os", r"public names, found none in helpers/__init__\.pyi"),
    ],
)
def test_what_is_not_found_is_said(project, file, text, said):
    _write_helpers(project, HELPERS | {file: text})
    with pytest.raises(KaggleError, match=said):
        build_kernels("me")


def test_helpers_that_are_not_there_are_not_passed_over(project):
    shutil.rmtree(project / "helpers")
    with pytest.raises(ClearError, match=r"expected the modules of this suite below helpers"):
        build_kernels("me")


RUN = """
import json, sys
import helpers.pixels.codecs
from IPython.core.interactiveshell import InteractiveShell

print(helpers.__file__)
cells, shell = json.load(open(sys.argv[1], encoding="utf-8")), InteractiveShell.instance()
line = "%%writefile helpers/errors.py"
for cell in cells + [cell.replace(line, line + "\\nEDITED = 1") for cell in cells]:
    shell.run_cell(cell).raise_error()
    if cell == cells[-1]:
        first = {name: __import__(name, fromlist=["x"]).__file__ for name in sys.argv[2:]}
from helpers.errors import EDITED
print(json.dumps(first))
"""


@pytest.mark.parametrize("name", NAMES)
def test_cells_write_exactly_the_files_and_these_are_imported(built, name, tmp_path):
    """Where the project is imported already, and again after a person edited a cell."""
    cells = [
        cell["source"]
        for cell in _notebook(built[name])["cells"]
        if cell["id"].startswith("helpers")
    ]
    (tmp_path / "cells.json").write_text(json.dumps(cells), encoding="utf-8")
    working = tmp_path / "working"
    working.mkdir()
    written = _written(_notebook(built[name]))
    files = {file: code for file, code in written.items() if file.endswith(".py")}
    modules = {
        f"helpers/{file.removesuffix('.py')}".replace("/", ".").removesuffix(".__init__"): file
        for file, code in files.items()
        if "fastai" not in _packages(code)
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)}
    command = [sys.executable, "-c", RUN, tmp_path / "cells.json", *modules]
    run = subprocess.run(
        command, cwd=working, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    installed, *_, imported = run.stdout.splitlines()
    assert installed == str(ROOT / "helpers/__init__.py")
    assert json.loads(imported) == {
        module: str(working / "helpers" / file) for module, file in modules.items()
    }
    there = [file for file in (working / "helpers").rglob("*") if file.is_file()]
    for file in there:
        name = file.relative_to(working / "helpers")
        edited = b"EDITED = 1\n" if str(name) == "errors.py" else b""
        assert file.read_bytes() == edited + (ROOT / "helpers" / name).read_bytes()
    assert len(there) == len(written)


def _packages(code):
    """Top-level packages that code imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


@pytest.mark.parametrize("text", ["a\r\nb\n", "a", "a\n\n", ""])
def test_a_file_that_no_cell_can_write_exactly_is_refused(project, text):
    (project / "helpers" / "files.py").write_bytes(text.encode())
    with pytest.raises(KaggleError, match=r"files\.py: expected lines that end as on Linux"):
        build_kernels("me")


# what must never be sent


def _with_output():
    output = nbformat.v4.new_output("stream", text="Doe")
    return nbformat.v4.new_code_cell("1", outputs=[output])


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (_with_output(), "outputs"),
        (nbformat.v4.new_code_cell("1", execution_count=3), "execution_count"),
        (
            nbformat.v4.new_markdown_cell(
                "![](attachment:a.png)", attachments={"a.png": {"image/png": "AA=="}}
            ),
            "attachments",
        ),
        ("see {home}/scans for more", "a path of somebody's computer"),
        ("see `{project}`", "a path of somebody's computer"),
        ("open('{data}/1.dcm')", "a path of somebody's computer"),
        ("open('/home/joe/1.dcm')", "a path of somebody's computer"),
        ("open('C:\\Users\\joe\\1.dcm')", "a path of somebody's computer"),
        ("stacks.loc['1.3.12.2.1107.5.1.4.48545']", "a UID"),
        ("stacks.loc['2.25.329800735698586629295641978511506172918']", "a UID"),
        ("the scan of Roe^Richard", "an identifying value of the collection"),
        ("line\nRichard's scan", "an identifying value of the collection"),
        ("the Hôpital Général's scanner", "an identifying value of the collection"),
        ("born on 19501224", "an identifying value of the collection"),
        (
            nbformat.v4.new_markdown_cell("here", metadata={"tags": ["of MRN-4711"]}),
            "an identifying value of the collection",
        ),
    ],
)
def test_a_page_that_gives_something_away_is_refused_by_page_and_cell(
    project, private, cell, found, capsys
):
    if isinstance(cell, str):
        for word, folder in (("{home}", Path.home()), ("{project}", project), ("{data}", private)):
            cell = cell.replace(word, str(folder))
    _page(project, "harmless", cell)
    build = project / "build" / "kaggle" / "what-is-here"
    build.mkdir(parents=True)
    (build / "kernel-metadata.json").write_text("of an earlier build", encoding="utf-8")
    assert main(["--user", "me"]) == 1
    said = capsys.readouterr().err.strip()
    id = nbformat.read(project / "notebooks/01_page.ipynb", as_version=4).cells[3].id
    expected = f"expected nothing private, found {found}: remove that and build again"
    assert said == f"01_page, cell 4 ({id}): {expected}"
    assert not build.exists(), "nothing is left that could be pushed"


@pytest.fixture
def private(phantom, tmp_path_factory, monkeypatch):
    """A collection of one file that names a person, as DICOM_ROOT."""
    dataset = pydicom.dcmread(phantom / "P01-reference" / "1.dcm")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = (
        "Roe^Richard",
        "MRN-4711",
        "19501224",
    )
    dataset.InstitutionName, dataset.StudyDescription, dataset.StudyID = (
        "Hôpital Général",
        "phantom",
        "4",
    )
    folder = tmp_path_factory.mktemp("secret")
    dataset.save_as(folder / "1.dcm")
    monkeypatch.setenv("DICOM_ROOT", str(folder))
    return folder


def test_what_gives_nothing_away_is_built(project, private):
    """Clauses, versions, the standard's own UIDs, common words, longer words that hold a name."""
    _page(
        project,
        "PS3.3 C.11.2.1.2.1 and 10.7.1.3, pydicom 3.0.1.1, 1.2.840.10008.1.2.4.70",
        "the phantom's Richardson, 195012241, M",
    )
    assert [folder.name for folder in build_kernels("me")] == ["what-is-here"]


def test_the_pages_hold_no_value_of_real_files(built, real, monkeypatch, tmp_path):
    monkeypatch.setenv("DICOM_ROOT", str(real))
    assert len(build_kernels("someone", project=_copy(tmp_path))) == len(PAGES)


def test_metadata_of_a_page_is_looked_at_too(project):
    path = project / "notebooks/01_page.ipynb"
    for key, value, found in (
        ("widgets", {}, "the state of widgets"),
        ("authors", [{"name": str(project)}], "a path"),
    ):
        page = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(PAGE[0])], metadata={key: value}
        )
        path.write_text(json.dumps(page), encoding="utf-8")
        with pytest.raises(
            KaggleError, match=f"^01_page, its metadata: expected nothing private, found {found}"
        ):
            build_kernels("me")


def test_a_helper_that_tells_of_this_computer_is_refused(project):
    with (project / "helpers/pixels/window.py").open("a", encoding="utf-8") as file:
        file.write(f'WHERE = "{Path.home()}/scans"\n')
    with pytest.raises(
        KaggleError,
        match=r"helpers/pixels/window\.py: expected nothing private, found a path of somebody's",
    ):
        build_kernels("me")


# what is not as Kaggle needs it


def test_titles_that_become_one_are_refused(project):
    _page(project, name="02_page", first="# What is here!")
    with pytest.raises(
        KaggleError, match=r"expected headings that differ, got What is here\?; What is here!"
    ):
        build_kernels("me")


def test_not_at_the_top_of_a_project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--user", "me"]) == 1
    assert re.match(
        r"expected pages, found no notebook in .*notebooks: start it at the top of the project\n$",
        capsys.readouterr().err,
    )


def test_a_page_that_is_no_notebook(project):
    (project / "notebooks/01_page.ipynb").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(PageError, match="01_page: expected a notebook"):
        build_kernels("me")
    _page(project, nbformat.v4.new_code_cell("%timeit 1"))
    with pytest.raises(KaggleError, match="01_page: expected Python in its cells"):
        build_kernels("me")


# a decoder where nothing can be installed from the internet


def test_the_line_that_installs_from_attached_data(tmp_path, monkeypatch):
    assert install_line("imagecodecs") == "python -m pip install imagecodecs"
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    line = install_line("imagecodecs")
    assert "\n" not in line and len(line) < 120, "a table of page 05 shows it whole"
    wheels = tmp_path / "input/datasets/someone/wheels"
    wheels.mkdir(parents=True)
    with zipfile.ZipFile(wheels / "imagecodecs-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("imagecodecs/__init__.py", "")
        wheel.writestr(
            "imagecodecs-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: imagecodecs\nVersion: 1.0\n",
        )
        wheel.writestr(
            "imagecodecs-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("imagecodecs-1.0.dist-info/RECORD", "")
    command = line.partition("%pip")[2].replace("/kaggle/input", str(tmp_path / "input"))
    environment = {**os.environ, "PIP_TARGET": str(tmp_path / "target")}
    subprocess.run(
        f"{sys.executable} -m pip {command}",
        shell=True,
        check=True,
        env=environment,
        capture_output=True,
    )
    assert (tmp_path / "target/imagecodecs/__init__.py").is_file()


# as Kaggle runs them


@pytest.fixture(scope="module")
def collections(phantom, tmp_path_factory):
    """Folders to attach: patients of the phantom and their clinical table; and real files."""
    osic, codecs = tmp_path_factory.mktemp("osic"), REAL / "series/one-slice-7-transfer-syntaxes"
    for patient in phantom.iterdir():
        if patient.name[:3] in PATIENTS:
            shutil.copytree(patient, osic / "train" / patient.name)
    shutil.copy(phantom.parent / "train.csv", osic)
    if codecs.is_dir():
        shutil.copytree(codecs, osic / "train/compressed")
    return [osic, osic, REAL / "series/chest-ct-8mm-siemens" if REAL.is_dir() else osic]


@pytest.mark.kernels
@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_runs_in_kaggles_layout_without_network_or_project(
    built, name, collections, tmp_path
):
    """One page after the other in each of the three places where Kaggle puts data."""
    files, own = (
        _written(_notebook(built[name])),
        nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4),
    )
    code = [cell.source for cell in own.cells if cell.cell_type == "code"]
    code += [content for file, content in files.items() if file.endswith(".py")]
    if (
        "fastai" in {package for one in code for package in _packages(one)}
        and find_spec("fastai") is None
    ):
        pytest.skip("fastai is left out of the environment of Kaggle's versions")
    form = NAMES.index(name) % len(MOUNTS)
    mount = MOUNTS[form].format("osic-pulmonary-fibrosis-progression")
    notebook, left = executed(built[name] / f"{name}.ipynb", tmp_path, collections[form], mount)
    text = _outputs_text(notebook)
    assert f"Collection: {mount}" in text and "Traceback" not in text
    assert set(left) == {f"helpers/{file}" for file in files}, "the saved version holds these"
    imported = ast.literal_eval(notebook["cells"][-1]["outputs"][0]["data"]["text/plain"][0])
    assert all(
        file.startswith("/kaggle/working/helpers/") for file in json.loads(imported).values()
    )
    _check_page(name, notebook, text)


@pytest.mark.kernels
def test_a_kernel_that_lacks_a_helper_fails_there(built, collections, tmp_path):
    notebook = _notebook(built["01_tags"])
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "helpers-files-py"]
    (tmp_path / "lacking.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"No module named 'helpers\.files'"):
        executed(tmp_path / "lacking.ipynb", tmp_path, collections[0], MOUNTS[0].format("osic"))


def test_where_the_system_gives_no_namespaces(tmp_path, monkeypatch):
    (tmp_path / "unshare").write_text(
        "#!/bin/sh\necho not permitted >&2\nexit 1\n", encoding="utf-8"
    )
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(
        RuntimeError,
        match=r"^expected namespaces .*, to run a kernel as Kaggle does: not permitted$",
    ):
        executed("page.ipynb", tmp_path, tmp_path, "/kaggle/input/x")


def _outputs(notebook):
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def _outputs_text(notebook):
    shown = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in _outputs(notebook)[:-1]
    ]
    return "\n".join(map("".join, shown))


def _check_page(name, notebook, text):
    """What the saved version of a page shows, where no kernel is."""
    data = [output.get("data", {}) for output in _outputs(notebook)]
    bundles = [bundle for bundle in data if "application/vnd.jupyter.widget-view+json" in bundle]
    assert all(re.match(r"[\w ]+: +\d+%\|", "".join(bundle["text/plain"])) for bundle in bundles), (
        "progress bars at most"
    )
    assert any("image/png" in bundle for bundle in data)
    if name == "06_browse":
        viewers = [bundle for bundle in data if "<iframe" in "".join(bundle.get("text/html", ""))]
        assert len(viewers) == 2 and all("image/png" in bundle for bundle in viewers)
        assert all("addEventListener" in "".join(bundle["text/html"]) for bundle in viewers), (
            "it scrolls by its own script"
        )
    if name == "05_quality" and REAL.is_dir():
        assert (install_line_there() in text) == (find_spec("imagecodecs") is None)


def install_line_there():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
        return install_line("imagecodecs")
