"""The report: its stages, its folder, what it leaves behind, and what it says where it fails."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from helpers import survey
from helpers.collection import part_in
from helpers.errors import ClearError
from helpers.privacy.pseudonyms import VARIABLE, pseudonym
from helpers.report import report
from helpers.report.report import MARK, build_site
from helpers.scale import survey as module
from helpers.site import main

REPOSITORY = Path(__file__).parents[1]
PAGES = REPOSITORY / "notebooks"
PATIENT = "P01-reference"
LATER = '"""\nimport fastai\n"""'  # code that seems to need the packages of the second stage


def _page(folder, name, code="6 * 7", text="# A page"):
    """Writes a page of one cell."""
    folder.mkdir(exist_ok=True)
    cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder


def _command(site, folder, pages):
    options = ["--pages", str(pages), "--site", str(site)]
    return [sys.executable, "-m", "helpers.site", str(folder), *options]


def _site(site, folder, pages=PAGES):
    """Runs the command line in a process of its own, as a person does."""
    command = _command(site, folder, pages)
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600, check=False)


def _index(site):
    """Links and other entries of the list of pages."""
    entries = re.findall(r"<li>(.*)</li>", (site / "index.html").read_text(encoding="utf-8"))
    linked = [entry for entry in entries if entry.startswith("<a href=")]
    return linked, [entry for entry in entries if entry not in linked]


def _text(path):
    """What a page says, without tags and white space."""
    html = path.read_text(encoding="utf-8")
    return re.sub(r"<[^>]*>|\s", "", html[html.index("<body") :])


# of a survey


@pytest.mark.parametrize("deidentify", [False, True])
def test_a_report_of_a_survey_says_what_is_in_all_and_shows_a_part(
    phantom, tmp_path, monkeypatch, deidentify
):
    monkeypatch.setattr(module, "SIZES", module.SIZES._replace(sample=120))
    root = tmp_path / "all"
    for name in (PATIENT, "P02-interspaced", "P03-interspaced"):
        shutil.copytree(phantom / name, root / name)
    found = survey(root, tmp_path / "survey")
    code = "from helpers import collection_root, header_table\nlen(header_table(collection_root()))"
    pages = _page(tmp_path / "pages", "01_first", code)
    build_site(found.folder, pages=pages, site=tmp_path / "site", deidentify=deidentify)
    said = _text(tmp_path / "site" / "index.html")
    files, part = len(found.header_table()), part_in(found.folder / "sample.parquet")
    assert f"files{files}," in said and f"patients{3}" in said
    assert f"shown{part.files}of{files}files:{part.patients}of3patients,evenlychosen" in said
    assert ("all" in said[:30]) != deidentify, "the collection's name"
    assert f"]:{part.files}" in _text(tmp_path / "site" / "01_first.html")
    assert (PATIENT in said) != deidentify


# two stages


@pytest.fixture
def two_stages(phantom, tmp_path, monkeypatch):
    """Pages of which the last needs a package that is not there, and the folder of the report."""
    monkeypatch.setattr(report, "FASTAI_NEEDS", {"a-package-that-nobody-has"})
    pages = _page(tmp_path / "pages", "01_first", text="# First\n\nSee [the last](07_last.ipynb).")
    _page(pages, "07_last", LATER, text="# Last")
    return {"collection": phantom / PATIENT, "pages": pages, "site": tmp_path / "site"}


def test_pages_that_need_more_come_when_it_is_installed(two_stages, monkeypatch, capsys):
    site = two_stages["site"]

    def install(folder):
        assert folder.is_dir()
        said = capsys.readouterr().out
        assert "07_last is not made yet: a-package-that-nobody-has must be installed" in said
        assert f"Open {site / 'index.html'}" in said, "before it is waited for"
        assert _index(site) == (
            ['<a href="01_first.html">First</a>'],
            ["Last (not made yet: a-package-that-nobody-has must be installed first)"],
        )
        assert 'href="07_last.html"' in (site / "01_first.html").read_text(encoding="utf-8")
        assert "mustbeinstalledfirst" in _text(site / "07_last.html")
        monkeypatch.setattr(report, "FASTAI_NEEDS", set())

    assert build_site(**two_stages, install=install) == site / "index.html"
    assert len(_index(site)[0]) == 2 and "importfastai" in _text(site / "07_last.html")
    assert re.match(r"\[2/2\] 07_last \d+\.\d s\n$", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("ending", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted; the pages made before are in {index}"),
        (ClearError("pip failed"), 1, "pip failed"),
        (None, 0, ""),
    ],
)
def test_without_the_second_stage_the_first_is_a_whole_report(
    two_stages, monkeypatch, capsys, ending, status, said
):
    popen = subprocess.Popen

    def pip_or_other(command, *args, **kwargs):
        if "pip" not in command:  # older versions of Jupyter look for libraries by a program
            return popen(command, *args, **kwargs)
        assert command[1:] == ["-m", "pip", "install", "--no-compile", "-r", "all.txt"]
        raise ending

    monkeypatch.setattr(subprocess, "Popen", pip_or_other)
    site = two_stages["site"]
    command = [str(two_stages["collection"]), "--pages", str(two_stages["pages"])]
    command += ["--site", str(site), *(["--install", "all.txt"] if ending else [])]
    assert main(command) == status
    error = capsys.readouterr().err.strip()  # old versions of ipykernel begin with a warning
    assert error.endswith(said.format(index=site / "index.html")) and "Traceback" not in error
    assert [len(entries) for entries in _index(site)] == [1, 1]
    assert {path.name for path in site.iterdir()} == {
        *("index.html", "01_first.html", "07_last.html", "stacks", MARK)
    }


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("", 0, ""),
        ("sys.exit('no such package')", 1, "pip failed, as it says above; the pages made .* stay"),
        (
            "time.sleep(1); os.kill(os.getppid(), signal.SIGINT); time.sleep(99)",
            130,
            "interrupted; the pages .*",
        ),
    ],
)
def test_pip_is_heard_and_ended(two_stages, tmp_path, code, status, said):
    """A program in place of pip, in a process of its own."""
    stub, site = tmp_path / "stub" / "pip", two_stages["site"]
    stub.mkdir(parents=True)
    (stub / "__init__.py").touch()
    lines = [
        "Collecting torch",
        "  Downloading torch-2.whl (899.1 MB)",
        "  Downloading six (11 kB)",
    ]
    lines += ["Requirement already satisfied: numpy", "Installing collected packages: six, torch"]
    program = f"import os, signal, sys, time\nprint(*{lines!r}, sep='\\n', flush=True)\n{code}\n"
    (stub / "__main__.py").write_text(program, encoding="utf-8")
    start = (
        "import sys; from helpers.report import report; from helpers.site import main; "
        "report.FASTAI_NEEDS = {'a-package-that-nobody-has'}; sys.exit(main(sys.argv[1:]))"
    )
    command = [
        *_command(site, two_stages["collection"], two_stages["pages"]),
        "--install",
        "all.txt",
    ]
    run = subprocess.run(
        [sys.executable, "-c", start, *command[3:]],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(stub.parent), str(REPOSITORY)])},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert run.returncode == status and re.search(said, run.stderr), run.stderr
    shown = run.stdout[run.stdout.index("Next: ") :].splitlines()[1:3]
    assert shown == ["  Downloading torch-2.whl (899.1 MB)", "  Installing collected packages"]
    assert len(_index(site)[0]) == (1 if status else 2)


# the folder


def test_only_a_new_an_empty_or_a_marked_folder_is_written_to(phantom, tmp_path):
    pages = _page(tmp_path / "pages", "01_page")
    site = tmp_path / "mine"
    site.mkdir()
    (site / "index.html").write_text("my home page", encoding="utf-8")
    (site / "01_page.html").write_text("mine too", encoding="utf-8")
    run = _site(site, phantom / PATIENT, pages)
    assert run.returncode == 1
    assert re.fullmatch(
        rf"expected a new or empty folder, .*, found {site}: remove it, or .* --site",
        run.stderr.strip(),
    )
    assert {path.name: path.read_text(encoding="utf-8") for path in site.iterdir()} == {
        "index.html": "my home page",
        "01_page.html": "mine too",
    }
    for path in site.iterdir():
        path.unlink()
    for _ in range(2):  # empty, then marked
        assert build_site(phantom / PATIENT, pages=pages, site=site) == site / "index.html"
        (pages / "01_page.ipynb").rename(pages / "02_page.ipynb")
        assert not (site / "02_page.html").exists()
        assert (
            build_site(phantom / PATIENT, pages=pages, site=site)
            and not (site / "01_page.html").exists()
        )
        (pages / "02_page.ipynb").rename(pages / "01_page.ipynb")


@pytest.mark.parametrize("name", ["mine", "mine-names.csv"])
def test_a_file_in_the_way_stays(tmp_path, name):
    pages = _page(tmp_path / "pages", "01_page")
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ClearError, match=f"expected a new or empty folder, .*found .*{name}: "):
        build_site(pages=pages, site=tmp_path / "mine")
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_nothing_else_is_changed_or_left_behind(phantom, tmp_path, monkeypatch):
    temporary, home = tmp_path / "tmp", tmp_path / "home"
    temporary.mkdir()
    home.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    environment = dict(os.environ)
    code = "import os, tempfile\nprint(os.environ['DICOM_ROOT'], tempfile.mkdtemp())"
    pages = _page(tmp_path / "pages", "01_page", code)
    index = build_site(phantom / PATIENT, pages=pages, site=tmp_path / "site")
    shown = _text(index.with_name("01_page.html"))
    assert f"{phantom / PATIENT}{temporary}" in shown
    assert dict(os.environ) == environment
    assert not list(temporary.iterdir()) and not list(home.iterdir())


def test_identity_that_is_hidden_in_the_environment_is_left_out(phantom, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "a key")
    code = "from helpers import collection_root, header_table\n"
    code += "print(header_table(collection_root())['PatientID'].iloc[0])"
    pages = _page(tmp_path / "pages", "01_page", code)
    index = build_site(phantom / PATIENT, pages=pages, site=tmp_path / "site")
    shown = index.with_name("01_page.html").read_text(encoding="utf-8")
    assert pseudonym(PATIENT, "a key") in shown and PATIENT not in shown
    assert "they are left out" in index.read_text(encoding="utf-8")
    assert os.environ[VARIABLE] == "a key"


# where it fails


def _empty(folder, real):
    pass


def _note(folder, real):
    (folder / "notes.txt").write_text("hello", encoding="utf-8")


def _gone(folder, real):
    folder.rmdir()


def _file(folder, real):
    folder.rmdir()
    folder.write_text("hello", encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (_gone, r"expected a folder of DICOM files, found nothing at .*/data"),
        (_file, r"expected a folder of DICOM files, found a file at .*/data"),
        (_empty, r"expected files, found none below .*/data"),
        (_note, r"expected DICOM images, found none in .*/data: not DICOM: 1 text file$"),
    ],
)
def test_a_bad_folder_gets_one_clear_line(make, line, real, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder, real)
    run = _site(tmp_path / "site", folder)
    said = run.stderr.strip()
    assert run.returncode == 1 and re.match(line, said) and said.count("\n") == 0, said


def test_a_collection_without_images_is_said_and_its_pages_are_made(real, tmp_path):
    folder, site = tmp_path / "data", tmp_path / "site"
    folder.mkdir()
    shutil.copy(real / "odd" / "pydicom" / "test-SR.dcm", folder / "1.dcm")
    run = _site(site, folder, _page(tmp_path / "pages", "01_page"))
    assert run.returncode == 0, run.stderr
    said = (site / "index.html").read_text(encoding="utf-8")
    assert "none: no file holds pixels that can be read" in said and "SR 1 (files)" in said
    assert len(_index(site)[0]) == 1 and "42" in _text(site / "01_page.html")


def test_a_page_that_fails_is_named_with_its_traceback_and_the_others_are_there(phantom, tmp_path):
    pages = _page(tmp_path / "pages", "98_broken", "1 / 0")
    _page(pages, "99_whole")
    site = tmp_path / "site"
    run = _site(site, phantom / PATIENT, pages)
    assert run.returncode == 1
    assert "98_broken failed:" in run.stderr and "ZeroDivisionError" in run.stderr
    assert run.stderr.splitlines()[-1] == f"The other pages are in {site / 'index.html'}"
    assert "98_brokenfailed:" in _text(site / "98_broken.html")
    assert "42" in _text(site / "99_whole.html") and len(_index(site)[0]) == 2


@pytest.mark.parametrize("content", [None, "<<<<<<< HEAD", '{"cells": []}'])
def test_no_page_at_all(tmp_path, content):
    line = f"expected pages, found no notebook in {tmp_path}: start it at the top of the project"
    if content:
        (tmp_path / "01_page.ipynb").write_text(content, encoding="utf-8")
        line = "01_page: expected a notebook that begins with a title, cannot read "
    with pytest.raises(ClearError, match=f"^{re.escape(line)}"):
        build_site(pages=tmp_path, site=tmp_path / "site")


def test_an_interrupt_stops_at_once_and_says_where_things_are(phantom, tmp_path):
    pages = _page(tmp_path / "pages", "01_short")
    for number in (2, 3, 4):  # more than run at a time
        _page(pages, f"{number:02}_long", "import os, time; print(os.getpid()); time.sleep(99)")
    site, temporary = tmp_path / "site", tmp_path / "tmp"
    temporary.mkdir()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        _command(site, phantom / PATIENT, pages), env=environment, **pipes
    ) as run:
        shown = ""
        while not shown.endswith("02_long "):
            shown += run.stdout.read(1)
            assert run.poll() is None, run.communicate()
        time.sleep(2)
        children = psutil.Process(run.pid).children(recursive=True)
        kernels = [child for child in children if "ipykernel_launcher" in child.cmdline()]
        assert len(kernels) == 2
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[1].splitlines()
    assert run.returncode == 130
    assert said[-1] == f"interrupted; the pages made before are in {site / 'index.html'}"
    assert [len(entries) for entries in _index(site)] == [1, 3]
    assert not any(kernel.is_running() for kernel in kernels)
    assert not list(temporary.iterdir())
