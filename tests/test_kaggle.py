"""Kaggle kernels: what would be sent, what must never be, and that they run as on Kaggle."""

import ast
import base64
import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pydicom
import pytest
from conftest import REAL
from kaggle_layout import COLAB, executed

from helpers.errors import ClearError
from helpers.kaggle import main
from helpers.kernels.dataset import DECODERS
from helpers.kernels.kernel_facts import SOURCES, KaggleError
from helpers.kernels.kernels import build_colab, build_kernels, build_standalone
from helpers.pages import PageError
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
OSIC, SUITE = "osic-pulmonary-fibrosis-progression", "dicom-notebook-suite"
IN_A_WHEEL = ("pyproject.toml", "README.md", "LICENSE")
PAGE = [
    "# What is here?\n\nA page.",
    "from helpers import collection_root\n\nroot = collection_root()",
]
NO_CACHES = shutil.ignore_patterns("__pycache__", ".*")


def _copy(folder):
    """The project in another folder, with the wheels that were fetched already."""
    for name in ("notebooks", "helpers"):
        shutil.copytree(ROOT / name, folder / name, ignore=NO_CACHES)
    for name in IN_A_WHEEL:
        shutil.copy(ROOT / name, folder)
    _give_wheels(folder)
    return folder


def _give_wheels(project):
    """Wheels of decoders, for pip to fetch none; what stands for them where there are none."""
    wheels = project / "build/wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    for name in DECODERS:
        found = list((ROOT / "build/wheels").glob(f"{name.replace('==', '-')}-*.whl"))
        if found:
            (wheels / found[0].name).symlink_to(found[0])
        else:
            with zipfile.ZipFile(wheels / f"{name.replace('==', '-')}-py3-none-any.whl", "w"):
                pass


@pytest.fixture(scope="module")
def dataset_and_kernels(tmp_path_factory):
    return build_kernels("someone", project=_copy(tmp_path_factory.mktemp("project")))


@pytest.fixture(scope="module")
def built(dataset_and_kernels):
    """Every page's name with the folder of its kernel."""
    return dict(zip(NAMES, dataset_and_kernels.kernels, strict=True))


@pytest.fixture(scope="module")
def standalone(tmp_path_factory):
    """Every page's name with its notebook that carries the suite."""
    files = build_standalone(project=_copy(tmp_path_factory.mktemp("standalone")))
    return dict(zip(NAMES, files, strict=True))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project of one page, built in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path.parent / "home"))
    (tmp_path / "notebooks").mkdir()
    _write_pyproject(tmp_path)
    (tmp_path / "README.md").write_text("A project.\n", encoding="utf-8")
    (tmp_path / "LICENSE").write_text("Free.\n", encoding="utf-8")
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=NO_CACHES)
    _give_wheels(tmp_path)
    _page(tmp_path)
    return tmp_path


def _write_pyproject(project, *lines):
    """What the real one says of the project, without data on Kaggle, and further lines."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.kaggle]")[0]
    (project / "pyproject.toml").write_text("\n".join([text, *lines]), encoding="utf-8")


def _page(project, *more, name="01_page", first=PAGE[0]):
    """Writes a page whose last cells are those given, as text of markdown or as cells."""
    markdown = nbformat.v4.new_markdown_cell
    cells = [markdown(first), nbformat.v4.new_code_cell(PAGE[1])]
    cells += [markdown(cell) if isinstance(cell, str) else cell for cell in more]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "notebooks" / f"{name}.ipynb")


def _notebook(path):
    """The notebook of a file, or of a folder of one."""
    file = next(path.glob("*.ipynb")) if path.is_dir() else path
    return json.loads(file.read_text(encoding="utf-8"))


def _own_cells(name):
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def _written(notebook):
    """File name → content, as the collapsed cells give it."""
    written = {}
    for cell in notebook["cells"]:
        magic, _, text = "".join(cell["source"]).partition("\n")
        if magic.startswith("%%packed_room "):
            text = lzma.decompress(base64.b85decode(text.replace("\n", ""))).decode()[:-1]
        if magic.startswith(("%%room ", "%%packed_room ")):
            folder = magic.split()[1].removeprefix("helpers").lstrip("/")
            files = re.split(r"^# ======== (.+)\n", f"{text}\n", flags=re.MULTILINE)
            named = zip(files[1::2], files[2::2], strict=True)
            written |= {f"{folder}/{name}".lstrip("/"): content for name, content in named}
    return written


# what would be sent


@pytest.fixture
def client_and_sent(tmp_path, monkeypatch):
    """The real client, and the requests that it would send; none goes anywhere."""
    if find_spec("kaggle") is None:
        pytest.skip("Kaggle's client is with Kaggle's versions alone, see tests/kaggle-image.txt")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    for key, value in (("CONFIG_DIR", str(tmp_path)), ("USERNAME", "someone"), ("KEY", "none")):
        monkeypatch.setenv(f"KAGGLE_{key}", value)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network is asked"))
    from kaggle.api.kaggle_api_extended import KaggleApi

    client, sent = KaggleApi(), []
    client.authenticate()
    kernels = SimpleNamespace(kernels_api_client=SimpleNamespace(save_kernel=sent.append))
    datasets = SimpleNamespace(dataset_api_client=_Datasets(sent))
    blobs = SimpleNamespace(blob_api_client=_Blobs())
    kaggle = SimpleNamespace(kernels=kernels, datasets=datasets, blobs=blobs)
    monkeypatch.setattr(client, "build_kaggle_client", lambda: nullcontext(kaggle))
    monkeypatch.setattr(client, "upload_complete", _uploaded)
    return client, sent


class _Datasets:
    """Kaggle's side of datasets: there is none of that name, and one can be made."""

    def __init__(self, sent):
        self.sent = sent

    def get_dataset_status(self, request):
        from requests import HTTPError

        raise HTTPError("404")

    def create_dataset(self, request):
        self.sent.append(request)
        from kagglesdk.datasets.types.dataset_api_service import ApiCreateDatasetResponse

        response = ApiCreateDatasetResponse()
        response.status = "ok"
        return response


class _Blobs:
    """Kaggle's side of an upload: a place and a token, which here is the file's name."""

    def start_blob_upload(self, request):
        from kagglesdk.blobs.types.blob_api_service import ApiStartBlobUploadResponse

        response = ApiStartBlobUploadResponse()
        response.create_url, response.token = "nowhere", request.name
        return response


def _uploaded(path, url, quiet, resume=False):
    from kaggle.api.kaggle_api_extended import ResumableUploadResult

    assert Path(path).is_file() and url == "nowhere"
    return ResumableUploadResult.COMPLETE


@pytest.fixture
def push(client_and_sent):
    client, sent = client_and_sent

    def push(folder):
        client.kernels_push(str(folder))
        return sent.pop()

    return push


def test_the_real_client_would_create_the_dataset(dataset_and_kernels, client_and_sent, capsys):
    client, sent = client_and_sent
    folder = dataset_and_kernels.dataset
    client.dataset_create_new_cli(str(folder))
    assert "is being created" in capsys.readouterr().out
    (request,) = sent
    assert (request.owner_slug, request.slug) == ("someone", SUITE) and request.is_private
    assert 6 <= len(request.title) <= 50 and 20 <= len(request.subtitle) <= 80
    assert request.license_name == "other" and "MIT" in request.description
    wheels = sorted(file.token for file in request.files)
    assert wheels == sorted(path.name for path in folder.glob("*.whl"))
    assert [name.split("-")[0] for name in wheels] == ["dicom_notebook_suite", "imagecodecs"]
    assert not any(path.is_dir() for path in folder.iterdir()), "the client leaves out folders"


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
    assert request.competition_data_sources == [OSIC]
    assert request.dataset_data_sources == [f"someone/{SUITE}"]
    assert request.kernel_data_sources == request.model_data_sources == []


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


def test_sources_of_every_kind_reach_the_client(project, push):
    sources = {
        "dataset_sources": ["me/my-dicoms"],
        "kernel_sources": ["me/other-kernel"],
        "model_sources": ["me/model/pyTorch/default/1"],
        "competition_sources": [],
    }
    _write_pyproject(project, "[tool.kaggle]", "is_private = false", *_toml(sources))
    request = push(*build_kernels("me").kernels)
    assert request.dataset_data_sources == [f"me/{SUITE}", "me/my-dicoms"]
    assert request.kernel_data_sources == ["me/other-kernel"]
    assert (
        request.model_data_sources == ["me/model/pyTorch/default/1"]
        and request.competition_data_sources == []
    )
    assert request.is_private is False


def _toml(table):
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


# what a kernel carries


@pytest.mark.parametrize("name", NAMES)
def test_the_cells_of_the_page_are_its_own_byte_for_byte(built, standalone, name):
    page = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    own = page.removeprefix('{\n "cells": [\n')
    for file in (built[name] / f"{name}.ipynb", standalone[name]):
        text = file.read_text(encoding="utf-8")
        assert own != page and text.endswith(own)
        cells = json.loads(text)["cells"]
        assert len({cell["id"] for cell in cells}) == len(cells)
        nbformat.validate(nbformat.read(file, as_version=4))


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_is_the_page_and_one_short_cell(built, name):
    cells = _notebook(built[name])["cells"]
    first = cells[: -len(_own_cells(name))]
    (cell,) = first
    assert len(cell["source"].splitlines()) < 10
    assert (
        f"someone/{SUITE}" in cell["source"]
        and "https://www.kaggle.com/someone/code" in (cell["source"])
    )
    assert cell["metadata"] == {"_kg_hide-input": True, "jupyter": {"source_hidden": True}}, (
        "collapsed, and what it says of a missing dataset is seen"
    )
    ast.parse(cell["source"])


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_to_upload_has_one_collapsed_cell_for_each_room(standalone, name):
    cells = _notebook(standalone[name])["cells"]
    intro, setup, *rooms = cells[: -len(_own_cells(name))]
    title = "".join(cells[2 + len(rooms)]["source"]).splitlines()[0].removeprefix("# ")
    assert f"](#{title.replace(' ', '-')})" in intro["source"]
    assert 2 + len(rooms) <= 16
    folders = [cell["source"].split("\n")[0].split()[1] for cell in rooms]
    assert folders[0] == "helpers" and len(set(folders)) == len(folders)
    for cell in (setup, *rooms):
        hidden = {"source_hidden": True, "outputs_hidden": True}
        assert cell["metadata"]["jupyter"] == hidden and cell["metadata"]["collapsed"]
        assert cell["metadata"]["_kg_hide-input"] and cell["metadata"]["_kg_hide-output"]
    packed = [cell for cell in rooms if cell["source"].startswith("%%packed_room")]
    assert all(cell["id"].removeprefix("suite-") in intro["source"] for cell in packed)
    assert standalone[name].stat().st_size < 900_000, "Kaggle takes 1,000,000"
    assert {"helpers/report", "helpers/kernels"}.isdisjoint(folders), "no page needs them"


def test_rooms_are_packed_only_where_all_would_be_too_large(standalone):
    packed = {name: _packed_rooms(_notebook(file)) for name, file in standalone.items()}
    assert packed["03_slice_counts"] == []
    assert "suite-viewer" in packed["06_browse"]
    for name, rooms in packed.items():
        readable = [cell["id"] for cell in _notebook(standalone[name])["cells"] if "id" in cell]
        assert len([cell for cell in readable if cell.startswith("suite-")]) > len(rooms) + 3


def _packed_rooms(notebook):
    return [
        cell["id"] for cell in notebook["cells"] if "".join(cell["source"]).startswith("%%packed")
    ]


def test_the_dataset_holds_the_whole_suite(dataset_and_kernels, tmp_path):
    """And pip installs its wheel, without anything else."""
    (wheel,) = dataset_and_kernels.dataset.glob("dicom_notebook_suite-*.whl")
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run([*command, "--target", tmp_path, wheel], check=True, capture_output=True)
    files = {path for path in (ROOT / "helpers").rglob("*") if path.is_file()}
    files = {path for path in files if "__pycache__" not in path.parts}
    for file in files:
        assert (tmp_path / file.relative_to(ROOT)).read_bytes() == file.read_bytes()
    assert dataset_and_kernels.lacking == []


def test_a_decoder_that_pip_does_not_get_is_named_with_the_way(project, monkeypatch, capsys):
    shutil.rmtree(project / "build/wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert main(["--user", "me"]) == 0
    printed = capsys.readouterr()
    commands = printed.out.splitlines()
    assert commands == [
        "kaggle datasets create -p build/kaggle/dataset",
        "kaggle kernels push -p build/kaggle/what-is-here",
    ]
    (line,) = printed.err.splitlines()
    assert line.startswith(f"expected the wheel of {DECODERS[0]} for Kaggle, pip got none: ")
    assert f"pip download {DECODERS[0]} --no-deps" in line and line.endswith("--dest build/wheels")
    assert [path.suffix for path in (project / "build/kaggle/dataset").iterdir()].count(".whl") == 1


def test_the_decoder_is_the_one_that_is_tested_here():
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    tested = re.search(r"^imagecodecs>=(\S+)", requirements, re.M)[1]
    assert f"imagecodecs=={tested}" in DECODERS


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], r"pyproject\.toml, project: expected a name of 6 to 50 characters, got ''"),
        (['[project]\nname = "x-long-enough"'], "expected a project for a wheel, got "),
    ],
)
def test_a_project_that_makes_no_wheel(project, lines, said):
    (project / "pyproject.toml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(KaggleError, match=said) as caught:
        build_kernels("me")
    assert "\n" not in str(caught.value)


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
    (file,) = build_standalone()
    assert _written(_notebook(file)) == {
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
        build_standalone()


def test_helpers_that_are_not_there_are_not_passed_over(project):
    shutil.rmtree(project / "helpers")
    for build in (lambda: build_kernels("me"), build_standalone):
        with pytest.raises(ClearError, match=r"expected the modules of this suite below helpers"):
            build()


def test_more_than_kaggle_takes_even_packed_is_refused(project, monkeypatch):
    monkeypatch.setattr("helpers.kernels.room_cells.MAX_BYTES", 1_000)
    with pytest.raises(KaggleError, match=r"^expected helpers of 1000 bytes at most, packed"):
        build_standalone()


RUN = """
import json, sys
import helpers.pixels.codecs
from IPython.core.interactiveshell import InteractiveShell

print(helpers.__file__)
cells, shell = json.load(open(sys.argv[1], encoding="utf-8")), InteractiveShell.instance()
line = "# ======== errors.py"
for cell in cells + [cell.replace(line, line + "\\nEDITED = 1") for cell in cells]:
    shell.run_cell(cell).raise_error()
    if cell == cells[-1]:
        first = {name: __import__(name, fromlist=["x"]).__file__ for name in sys.argv[2:]}
from helpers.errors import EDITED
print(json.dumps(first))
"""


@pytest.mark.parametrize(
    "name",
    [
        "06_browse",
        pytest.param("02_headers", marks=pytest.mark.second_look),
        pytest.param("07_fastai", marks=pytest.mark.second_look),
    ],
)
def test_cells_write_exactly_the_files_and_these_are_imported(standalone, name, tmp_path):
    """Where the project is imported already, and again after a person edited a cell."""
    cells = [
        cell["source"]
        for cell in _notebook(standalone[name])["cells"]
        if cell["id"].startswith("suite-")
    ]
    (tmp_path / "cells.json").write_text(json.dumps(cells), encoding="utf-8")
    working = tmp_path / "working"
    working.mkdir()
    written = _written(_notebook(standalone[name]))
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((text, "expected lines that end as on Linux") for text in ("a\r\nb\n", "a", "a\n\n", "")),
        ("# ======== b.py\n", "expected no line that begins with '# ======== '"),
    ],
)
def test_a_file_that_no_cell_can_write_exactly_is_refused(project, text, said):
    (project / "helpers" / "errors.py").write_bytes(text.encode())
    with pytest.raises(KaggleError, match=rf"errors\.py: {said}"):
        build_standalone()


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
    (project / "build/kaggle/standalone").mkdir()
    assert main(["--standalone"]) == 1 and not (project / "build/kaggle/standalone").exists()
    capsys.readouterr()
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
    assert [folder.name for folder in build_kernels("me").kernels] == ["what-is-here"]


def test_the_pages_hold_no_value_of_real_files(built, real, monkeypatch, tmp_path):
    monkeypatch.setenv("DICOM_ROOT", str(real))
    assert len(build_kernels("someone", project=_copy(tmp_path)).kernels) == len(PAGES)


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
    osic, real = tmp_path_factory.mktemp("osic"), tmp_path_factory.mktemp("real")
    for patient in phantom.iterdir():
        if patient.name[:3] in PATIENTS:
            shutil.copytree(patient, osic / "train" / patient.name)
    shutil.copy(phantom.parent / "train.csv", osic)
    if not REAL.is_dir():
        return [osic, osic, osic]
    codecs = REAL / "series/one-slice-7-transfer-syntaxes"
    for folder in (osic / "train/compressed", real / "compressed"):
        shutil.copytree(codecs, folder)
    shutil.copytree(REAL / "series/chest-ct-8mm-siemens", real / "chest")
    return [osic, osic, real]


@pytest.mark.kernels
@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_runs_in_kaggles_layout_without_network_or_project(
    dataset_and_kernels, built, name, collections, tmp_path
):
    """One page after the other in each of the three places where Kaggle puts data."""
    _skip_without_fastai(name)
    form = NAMES.index(name) % len(MOUNTS)
    mount, suite = MOUNTS[form].format(OSIC), MOUNTS[form % 2 * 2].format(SUITE)
    mounts = {mount: collections[form], suite: dataset_and_kernels.dataset}
    notebook, left = executed(built[name] / f"{name}.ipynb", tmp_path, mounts)
    text = _outputs_text(notebook)
    assert f"Collection: {mount}" in text and "Traceback" not in text
    assert _but_headers(left) == set(), "the saved version holds nothing but the page"
    assert all(file.startswith("/scratch/run/tmp") for file in _imported_from(notebook))
    _check_page(name, notebook, text, decoder=_has_decoder(dataset_and_kernels))


@pytest.mark.kernels
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_to_upload_runs_with_nothing_but_data(standalone, name, collections, tmp_path):
    _skip_without_fastai(name)
    form = (NAMES.index(name) + 1) % len(MOUNTS)
    mount = MOUNTS[form].format(OSIC)
    notebook, left = executed(standalone[name], tmp_path, {mount: collections[form]})
    text = _outputs_text(notebook)
    assert f"Collection: {mount}" in text and "Traceback" not in text
    carried = _written(_notebook(standalone[name]))
    assert _but_headers(left) == {f"helpers/{file}" for file in carried}
    assert all(file.startswith("/kaggle/working/helpers/") for file in _imported_from(notebook))
    _check_page(name, notebook, text)


@pytest.mark.kernels
def test_a_fork_without_the_dataset_says_in_one_line_what_to_attach(built, collections, tmp_path):
    with pytest.raises(RuntimeError):
        mounts = {MOUNTS[0].format(OSIC): collections[0]}
        executed(built["01_tags"] / "01_tags.ipynb", tmp_path, mounts)
    cells = _notebook(tmp_path / "executed.ipynb")["cells"]
    (output,) = cells[1]["outputs"]
    assert output["output_type"] == "stream" and "".join(output["text"]) == (
        f"UsageError: expected the dataset someone/{SUITE} among the inputs, found none: "
        f"choose Add Input, search for {SUITE}, add it, and run all cells\n"
    )
    assert not any(cell.get("outputs") for cell in cells[2:]), "no cell runs after it"


@pytest.mark.kernels
def test_a_notebook_that_lacks_a_room_fails_there(standalone, collections, tmp_path):
    notebook = _notebook(standalone["01_tags"])
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "suite-headers"]
    (tmp_path / "lacking.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"No module named 'helpers\.headers'"):
        executed(tmp_path / "lacking.ipynb", tmp_path, {MOUNTS[0].format("osic"): collections[0]})


def _skip_without_fastai(name):
    """fastai is large; a page that needs it is executed where it is installed."""
    code = [cell["source"] for cell in _own_cells(name) if cell["cell_type"] == "code"]
    packages = {package for source in code for package in _packages("".join(source))}
    if "fastai" in packages and find_spec("fastai") is None:
        pytest.skip("fastai is left out of the environment of Kaggle's versions")


def _but_headers(files):
    """Without the table of headers that is left where reading took more than a second."""
    return {file for file in files if not file.startswith("dicom-headers/")}


def _has_decoder(built):
    """Whether the dataset has the true wheel of the decoder, or what stands for it in tests."""
    return any(path.stat().st_size > 1_000_000 for path in built.dataset.glob("imagecodecs-*.whl"))


def _imported_from(notebook):
    """The files from which modules of the suite were imported."""
    imported = ast.literal_eval(notebook["cells"][-1]["outputs"][0]["data"]["text/plain"][0])
    return json.loads(imported).values()


# on Colab


COLAB_PACKAGES = ROOT / "build/colab-packages"  # widgets of the generation before


def test_a_page_for_colab_has_one_cell_that_installs_it(project, capsys):
    assert main(["--colab"]) == 1
    assert re.match(
        r"pyproject\.toml, project\.urls: expected the address of a git repository .*REPOSITORY=",
        capsys.readouterr().err,
    )
    assert main(["--colab", "https://example.org/me/suite"]) == 0
    assert capsys.readouterr().out == "build/colab/01_page.ipynb\n"
    _write_pyproject(project, "[project.urls]", 'Repository = "https://example.org/my-own"')
    (file,) = build_colab()
    first, *own = _notebook(file)["cells"]
    command = first["source"].splitlines()[-1]
    assert command.startswith("%pip install --quiet ")
    assert command.endswith(" git+https://example.org/my-own") and len(own) == 2


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A git repository of the project."""
    folder = _copy(tmp_path_factory.mktemp("repository"))
    shutil.rmtree(folder / "build")
    name = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    for words in (["init", "-q"], ["add", "."], [*name, "commit", "-q", "-m", "All"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.kernels
@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_on_colab(name, repository, tmp_path, phantom):
    """With the widgets that Colab has, which are made here though nobody looks at them."""
    _skip_without_fastai(name)
    if not COLAB_PACKAGES.is_dir():
        pytest.skip("Colab's widgets are beside Kaggle's versions, see tests/colab-image.txt")
    file = tmp_path / f"{name}.ipynb"
    notebook = _notebook(build_colab_page(repository, name))
    notebook["cells"][:0] = [_colab_itself()]
    file.write_text(json.dumps(notebook), encoding="utf-8")
    environment = {
        "DICOM_ROOT": str(phantom),
        "SERVER_SOFTWARE": "voila",  # which serves widgets to a notebook executed at once
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",  # they are there
        "PIP_FIND_LINKS": str(ROOT / "build/wheels"),
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say that there is none
    }
    notebook, _ = executed(
        file, tmp_path, {}, working=COLAB, before=[COLAB_PACKAGES], environment=environment
    )
    text = _outputs_text(notebook)
    assert "Collection: " in text and "Traceback" not in text and "ERROR" not in text
    assert all("/site-packages/helpers/" in file for file in _imported_from(notebook))
    if name in ("00_start", "06_browse", "08_labels"):
        assert any("widget-view" in kind for kind in _kinds(notebook)), "a viewer that is alive"


def build_colab_page(repository, name):
    files = build_colab(f"file://{repository}", project=repository)
    return dict(zip(NAMES, files, strict=True))[name]


def _colab_itself():
    """A cell with what anywidget asks of Colab, and the version of the widgets there."""
    code = """
import sys, types, ipywidgets
assert ipywidgets.__version__.startswith("7.7.")
output = types.ModuleType("google.colab.output")
output.enable_custom_widget_manager = print
output._widgets = types.SimpleNamespace(_installed_url="x")
sys.modules["google.colab.output"] = output
"""
    return dict(nbformat.v4.new_code_cell(code, id="colab"))


def _kinds(notebook):
    return {kind for output in _outputs(notebook) for kind in output.get("data", {})}


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
        executed("page.ipynb", tmp_path, {"/kaggle/input/x": tmp_path})


def _outputs(notebook):
    return [output for cell in notebook["cells"] for output in cell.get("outputs", ())]


def _outputs_text(notebook):
    shown = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in _outputs(notebook)[:-1]
    ]
    return "\n".join(map("".join, shown))


def _check_page(name, notebook, text, *, decoder=False):
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
        lacks = find_spec("imagecodecs") is None and not decoder
        assert (install_line_there() in text) == lacks


def install_line_there():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
        return install_line("imagecodecs")
