"""The pages: their contract, and that they run, on the phantom and on real folders, or say in one line why not."""

import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

PAGES = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
NAMES = [page.stem for page in PAGES]
LONGEST_CELL = 6  # lines; the cell of imports and the collection may be longer
CHEST = "series/chest-ct-8mm-siemens"
NO_FASTAI = pytest.mark.skipif(
    find_spec("fastai") is None, reason="page 07 needs fastai, which Kaggle's versions come without"
)
RUN_TOGETHER = [
    pytest.param([page for page in PAGES if page.stem != "07_fastai"], id="01 to 06"),
    pytest.param([page for page in PAGES if page.stem == "07_fastai"], id="07", marks=NO_FASTAI),
]


@pytest.fixture(params=PAGES, ids=NAMES)
def page(request):
    return nbformat.read(request.param, as_version=4)


def _sources(page, kind):
    return [cell.source for cell in page.cells if cell.cell_type == kind]


def test_contract_no_outputs_counts_or_widget_state(page):
    code = [cell for cell in page.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert page.metadata.keys() == {"kernelspec", "language_info"}
    assert page.metadata.language_info.keys() == {"name"}
    assert not any(cell.metadata for cell in page.cells)


def test_contract_of_the_first_cells(page):
    first, second, third, fourth = page.cells[:4]
    title, sentence, question = first.source.split("\n\n")
    assert (
        title.startswith("# ")
        and sentence.count("\n") == 0
        and question.startswith("*The question:*")
    )
    assert second.source.startswith("**What you need to know.**")
    assert third.cell_type == "code" and "collection_root()" in third.source
    assert fourth.cell_type == "code"
    assert re.search(r"^(show_|plot_|browse)", fourth.source, re.M), "something to look at"


def test_contract_of_the_last_cell(page):
    last = page.cells[-1].source
    assert last.startswith("## What we saw") and last.count("\n- ") == 3
    assert re.search(r"\]\(\d\d_\w+\.ipynb\)$", last)


def test_contract_of_code(page):
    third, *rest = _sources(page, "code")
    assert len(third.splitlines()) <= 18
    for source in rest:
        assert len(source.splitlines()) <= LONGEST_CELL, source
        assert not re.search(
            r"^\s*(def|class|for|while|import|from) |sys\.path|^[!%]|interact\(|Output\(",
            source,
            re.M,
        ), source


def test_contract_of_prose(page):
    prose, code = (
        " ".join(_sources(page, "markdown")).split(),
        "\n".join(_sources(page, "code")).splitlines(),
    )
    assert len(prose) >= 7 * len([line for line in code if line.strip()])


def test_contract_of_links(page):
    links = re.findall(r"\]\(([^)]+)\)", " ".join(_sources(page, "markdown")))
    local = [link for link in links if not link.startswith("https://")]
    assert all((PAGES[0].parent / link).is_file() for link in local)
    assert all(link.startswith("https://dicom.nema.org/") for link in links if link not in local)
    assert any(link not in local for link in links), "a claim about the standard links its clause"


def _command(target, folder, pages):
    options = ["--pages", str(pages), "--site", str(target)]
    return [sys.executable, "-m", "helpers.site", *([str(folder)] if folder else []), *options]


def _site(target, folder=None, pages=PAGES[0].parent):
    """Runs the command line in a process of its own, as a person does."""
    return subprocess.run(
        _command(target, folder, pages), capture_output=True, text=True, timeout=600, check=False
    )


def _folder(target, pages):
    """A folder with some of the pages."""
    target.mkdir()
    for page in pages:
        shutil.copy(page, target)
    return target


@pytest.mark.parametrize("pages", RUN_TOGETHER)
def test_all_pages_on_the_phantom(pages, phantom, tmp_path):
    site = tmp_path / "site"
    run = _site(site, pages=_folder(tmp_path / "pages", pages))
    assert run.returncode == 0, run.stderr
    assert all(f"[{n}/{len(pages)}] {page.stem}" in run.stdout for n, page in enumerate(pages, 1))
    assert run.stdout.splitlines()[-1] == f"Open {site / 'index.html'}"
    for page in pages:
        html = (site / f"{page.stem}.html").read_text()
        assert "data:image/png;base64," in html and "jupyter-widgets-view" not in html
        assert "Traceback" not in html and "Warning" not in html
        if page.stem == "07_fastai":
            assert float(re.search(r"ratio ([\d.]+)\n", html)[1]) <= 0.5, "as the page says"
    _is_one_site(site, [page.stem for page in pages])


def _is_one_site(site, names):
    """The index has summary, pictures and pages; pages lead on; nothing comes from the network, no link leads nowhere."""
    index = (site / "index.html").read_text()
    facts = dict(re.findall(r"<tr><th>(\w+)</th><td>(.*?)</td></tr>", index))
    assert (
        facts["patients"] == "49"
        and "49 series" in facts["images"]
        and "nobody" in facts["identity"]
    )
    assert "81 errors" in facts["findings"] and index.count("data:image/png;base64,") == 3
    assert re.findall(r'<a href="(\w+).html"', index) == names
    for path in site.glob("*.html"):
        html = path.read_text()
        local = {
            link
            for link in re.findall(r'<a [^>]*href="([^"#]+)', html)
            if not link.startswith("https://")
        }
        elsewhere = {
            f"{name}.html" for name in NAMES if name not in names
        }  # pages that this site was made without
        assert all((site / link).is_file() for link in local - elsewhere), local
        assert not re.findall(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=.https?:", html)
        assert "index.html" in local or path.name == "index.html"
    for one, other in pairwise(names):
        assert f'rel="next" href="{other}.html"' in (site / f"{one}.html").read_text()
        assert f'rel="prev" href="{one}.html"' in (site / f"{other}.html").read_text()


@pytest.mark.parametrize("pages", RUN_TOGETHER)
@pytest.mark.parametrize(
    "folder", [CHEST, "series/mr-sagittal-hfdl", "series/ct-duplicate-positions"]
)
def test_all_pages_on_a_real_folder(real, folder, pages, phantom, tmp_path):
    before = _state(real / folder)
    run = _site(tmp_path / "site", real / folder, _folder(tmp_path / "pages", pages))
    assert run.returncode == 0, run.stderr
    assert _state(real / folder) == before, "nothing is ever written into a user's folder"
    assert len(list((tmp_path / "site").glob("*.html"))) == len(pages) + 1


def _state(folder):
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def _empty(folder, real):
    pass


def _text(folder, real):
    (folder / "notes.txt").write_text("hello")


def _report(folder, real):
    (folder / "1.dcm").write_bytes((real / "odd/pydicom/test-SR.dcm").read_bytes())


def _gone(folder, real):
    folder.rmdir()


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (_gone, r"DICOM_ROOT: expected a folder, found none at .*/data"),
        (_empty, r"expected files, found none below .*/data"),
        (_text, r"expected DICOM images, found none in .*/data: of 1 file 1 could not be read"),
        (
            _report,
            r"expected DICOM images, found none in .*/data: of 1 file 0 .* 1 holds no pixels",
        ),
    ],
)
def test_a_bad_folder_gets_one_clear_line(make, line, real, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder, real)
    run = _site(tmp_path / "site", folder)
    said = run.stderr.strip()
    assert run.returncode == 1 and re.match(line, said) and said.count("\n") == 0, said


def test_a_page_that_fails_is_named_with_its_traceback_and_the_others_are_there(phantom, tmp_path):
    for name, code in (("98_broken", "1 / 0"), ("99_whole", "6 * 7")):
        page = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell("# A page"), nbformat.v4.new_code_cell(code)]
        )
        nbformat.write(page, tmp_path / f"{name}.ipynb")
    run = _site(tmp_path / "site", pages=tmp_path)
    assert (
        run.returncode == 1
        and "98_broken failed:" in run.stderr
        and "ZeroDivisionError" in run.stderr
    )
    assert run.stderr.splitlines()[-1] == f"The other pages are in {tmp_path / 'site/index.html'}"
    assert "98_broken failed:" in (tmp_path / "site/98_broken.html").read_text()
    assert (
        ">42<" in re.sub(r"\s", "", (tmp_path / "site/99_whole.html").read_text())
        and (tmp_path / "site/index.html").is_file()
    )
    run = _site(tmp_path / "site", pages=tmp_path / "nowhere")
    assert run.returncode == 1 and run.stderr.strip().startswith(
        "expected pages, found no notebook"
    )


def test_an_interrupt_stops_at_once_and_says_where_things_are(phantom, tmp_path):
    page = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Long"),
            nbformat.v4.new_code_cell("import time; time.sleep(99)"),
        ]
    )
    nbformat.write(page, tmp_path / "99_long.ipynb")
    with subprocess.Popen(
        _command(tmp_path / "site", None, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        shown = ""
        while not shown.endswith("99_long "):
            shown += run.stdout.read(1)
            assert run.poll() is None, shown
        time.sleep(2)
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[1].splitlines()
    assert (
        run.returncode == 130
        and f"interrupted; the pages before are in {tmp_path / 'site'}" in said
    )
