"""The pages: their contract, and that they run on the phantom and on real folders."""

import ast
import re
import shutil
import subprocess
import sys
from html import unescape
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from helpers.phantom.exercises import EXERCISES

PAGES = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
NAMES = [page.stem for page in PAGES]
MAX_CELL_LINES = 6  # lines; the cell of imports and the collection may be longer
MAX_LINE_LENGTH = 100  # characters, beyond which a report cuts a line off
MEAN_WORDS = (15, 18)  # of a sentence, over all pages
MAX_MEAN_WORDS = 20  # of a sentence, on any page
TEN_CELLS, MAX_WORDS_OF_THE_START = 10, 750  # which are read in five minutes
SEEN_ON_THE_PHANTOM = {  # page → what its text says is seen there, as its outputs have it
    "00_start": ["b'DICM'", "axial plane", "right='L'", "bottom='P'"],
    "01_tags": ["128 rows, 128 columns", r"intercept +-1024\.0", r"lowest value +-1024\.0"],
    "02_headers": ["P13-truncated-file", "P29-text-file", "P47-not-deflated", "SmokingStatus"],
    "03_slice_counts": [r"<th>P09-two-scans</th>\s*<td>188", "3.0 mm between slices, by hand"],
    "04_orientation": [r"by hand \[0\. 0\. 1\.\]", "P05-prone", "P08-oblique", "P10-sagittal"],
}
AGREE = {"01_tags": 2, "03_slice_counts": 0, "04_orientation": 2}  # times that both ways agree
CHEST = "series/chest-ct-8mm-siemens"
NO_FASTAI = pytest.mark.skipif(
    find_spec("fastai") is None, reason="page 07 needs fastai, which Kaggle's versions come without"
)
RUN_TOGETHER = [
    pytest.param([page for page in PAGES if page.stem != "07_fastai"], id="all but 07"),
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
    looks_at = r"^(show_|plot_|browse)|pydicom\.dcmread\("
    assert re.search(looks_at, fourth.source, re.M), "a picture, or the file as pydicom has it"


def test_contract_of_the_last_cell(page):
    last = page.cells[-1].source
    assert last.startswith("## What we saw") and last.count("\n- ") == 3
    assert re.search(r"\]\(\d\d_\w+\.ipynb\)$", last)


def test_contract_of_code(page):
    third, *rest = _sources(page, "code")
    assert len(third.splitlines()) <= 18
    imports = [node for node in ast.walk(ast.parse(third)) if isinstance(node, ast.ImportFrom)]
    own = [node.module for node in imports if node.module.startswith("helpers")]
    assert own == ["helpers"], "one import of this suite, through its front door"
    assert not re.search(r"^\s*import helpers", third, re.M)
    for source in rest:
        assert len(source.splitlines()) <= MAX_CELL_LINES, source
        assert max(map(len, source.splitlines())) <= MAX_LINE_LENGTH, source
        assert not re.search(
            r"^\s*(def|class|for|while|import|from) |sys\.path|^[!%]|interact\(|Output\(",
            source,
            re.M,
        ), source


def test_contract_of_expressions(page):
    """What has to be read twice is a function of the helpers."""
    tree = ast.parse("\n".join(_sources(page, "code")))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.NamedExpr), (
            f"a name given inside a call: line {node.lineno}"
        )
        if isinstance(node, ast.Subscript):
            built = isinstance(node.value, (ast.List, ast.Tuple, ast.ListComp))
            assert not built, f"a list made to take one of it: {ast.unparse(node)}"


def test_contract_of_the_start():
    """Ten cells and five minutes, and the questions that everybody asks first."""
    start = nbformat.read(PAGES[0], as_version=4)
    words = " ".join(_sources(start, "markdown"))
    assert len(_sources(start, "code")) == TEN_CELLS
    assert len(words.split()) <= MAX_WORDS_OF_THE_START
    asked = (
        "DICOM file",
        "header",
        "tag",
        "VR",
        "Image Type",
        "position",
        "Orientation",
        "letters",
    )
    assert all(word in words for word in asked)


def test_contract_of_prose(page):
    prose, code = (
        " ".join(_sources(page, "markdown")).split(),
        "\n".join(_sources(page, "code")).splitlines(),
    )
    assert len(prose) >= 7 * len([line for line in code if line.strip()])


def test_pages_say_what_is_seen_on_the_phantom(page):
    assert any(
        line.startswith("On the phantom: ")
        for source in _sources(page, "markdown")
        for line in source.splitlines()
    )


def test_questions_of_exercises_stand_above_their_cells():
    """A page asks what the checker asks, word for word, and tells which column answers it."""
    cells = nbformat.read(PAGES[0].with_name("05_quality.ipynb"), as_version=4).cells
    asked = {
        int(number[1]): above.source
        for above, cell in pairwise(cells)
        if (number := re.search(r"^check\((\d), None\)$", cell.source, re.M))
    }
    assert asked.keys() == EXERCISES.keys()
    for number, exercise in EXERCISES.items():
        column = re.search(r"column (\w+)", exercise.hint)[1]
        assert f"**{number}.** {exercise.question}\n" in asked[number]
        assert f"`{column}`" in asked[number]


def test_sentences_are_neither_breathless_nor_aphorisms():
    lengths = {path.stem: _sentence_lengths(nbformat.read(path, as_version=4)) for path in PAGES}
    means = {name: sum(own) / len(own) for name, own in lengths.items()}
    assert max(means.values()) <= MAX_MEAN_WORDS, means
    every = [length for own in lengths.values() for length in own]
    low, high = MEAN_WORDS
    assert low <= sum(every) / len(every) <= high, means


def _sentence_lengths(page):
    """Words of each sentence of a page; a link counts as its text, code as one word."""
    text = "\n\n".join(_sources(page, "markdown"))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "code", text))
    blocks = re.split(r"\n\s*\n|\n(?=- |\d\. )", text)
    prose = [block.strip() for block in blocks if not block.lstrip().startswith("#")]
    sentences = [part for block in prose for part in re.split(r"(?<=[.?!])\s+", block)]
    counts = [len(re.findall(r"[\w'-]+", sentence)) for sentence in sentences]
    return [count for count in counts if count > 1]  # one word is a number of a list


def test_contract_of_links(page):
    links = re.findall(r"\]\(([^)]+)\)", " ".join(_sources(page, "markdown")))
    local = [link for link in links if not link.startswith("https://")]
    assert all((PAGES[0].parent / link).is_file() for link in local)
    assert all(link.startswith("https://dicom.nema.org/") for link in links if link not in local)
    assert any(link not in local for link in links), "a claim about the standard links its clause"


def _site(target, pages, folder=None):
    """Runs the command line on some pages in a process of its own, as a person does."""
    some = target.with_name("pages")
    some.mkdir()
    for page in pages:
        shutil.copy(page, some)
    command = [sys.executable, "-m", "helpers.site", "--pages", str(some), "--site", str(target)]
    command += ["--viewers", "1"]  # the pages are meant here, and not the stacks
    command += [str(folder)] if folder else []
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600, check=False)


@pytest.mark.parametrize("pages", RUN_TOGETHER)
def test_all_pages_on_the_phantom(pages, phantom, tmp_path):
    site = tmp_path / "site"
    run = _site(site, pages)
    assert run.returncode == 0, run.stderr
    assert all(f"[{n}/{len(pages)}] {page.stem}" in run.stdout for n, page in enumerate(pages, 1))
    assert run.stdout.splitlines()[-1] == f"Open {site / 'index.html'}"
    for page in pages:
        html = (site / f"{page.stem}.html").read_text(encoding="utf-8")
        assert "data:image/png;base64," in html and "widget-view+json" not in html
        assert "Traceback" not in html and "Warning" not in html
        for seen in SEEN_ON_THE_PHANTOM.get(page.stem, ()):
            assert re.search(seen, unescape(html)), f"{page.stem} says that {seen} is seen"
        _by_hand_and_by_the_helper_agree(page.stem, html)
        if page.stem == "07_fastai":
            assert float(re.search(r"ratio ([\d.]+)\n", html)[1]) <= 0.5, "as the page says"
            right, usual = re.search(
                r"(\d+)% of \d+ held-out images are right; (\d+)%", html
            ).groups()
            assert int(right) > int(usual), "a class of the table is learned"
    _is_one_site(site, [page.stem for page in pages])


def _by_hand_and_by_the_helper_agree(name, html):
    """What a page computes by hand is what the helper gives, and the page says so."""
    assert html.count("<pre>True<") >= AGREE.get(name, 0) and "<pre>False<" not in html
    if name == "03_slice_counts":
        by_hand = re.search(r"([\d.]+|nan) mm between slices, by hand", html)[1]
        by_helper = re.search(r"([\d.]+|nan) mm, by stack_table", html)[1]
        assert float(by_hand) == pytest.approx(float(by_helper), abs=0.002, nan_ok=True)


def _is_one_site(site, names):
    """The index has summary, pictures and pages; pages lead on; nothing comes from the network."""
    index = (site / "index.html").read_text(encoding="utf-8")
    facts = dict(re.findall(r"<dt>(\w+)</dt><dd>(.*?)</dd>", index))
    readme = (PAGES[0].parents[1] / "README.md").read_text(encoding="utf-8")
    assert facts["patients"] == re.search(r"(\d+) synthetic patients", readme)[1]
    assert "116 series" in facts["images"]
    assert facts["identity"].endswith(
        "they are shown, for the patients of the phantom are synthetic"
    )
    assert re.match(r"\d+ errors, \d+ warnings", facts["findings"])
    assert index.count("data:image/png;base64,") == 3
    assert re.findall(r'<a href="(\w+).html"', index) == names
    for path in site.glob("*.html"):
        html = path.read_text(encoding="utf-8")
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
        assert not re.findall(r"(?:from|import\(?|url\()\s*[\"']?https?:", html)
        assert "index.html" in local or path.name == "index.html"
    for one, other in pairwise(names):
        assert _neighbour(site / f"{one}.html", "next") == f"{other}.html"
        assert _neighbour(site / f"{other}.html", "prev") == f"{one}.html"


def _neighbour(page, relation):
    links = re.findall(r"<a [^>]*>", page.read_text(encoding="utf-8"))
    (target,) = {
        re.search(r'href="([^"]*)"', link)[1] for link in links if f'rel="{relation}"' in link
    }
    return target


ALWAYS = [(CHEST, "all but 07")]
FOLDERS = [
    *(CHEST, "series/mr-sagittal-hfdl", "series/ct-duplicate-positions"),
    *("kinds/radiographs", "kinds/seg-small"),
]


def _marks(folder, pages):
    """All but a few folders and pages are looked at in the whole run."""
    return pages.marks if (folder, pages.id) in ALWAYS else (*pages.marks, pytest.mark.slow)


@pytest.mark.parametrize(
    ("folder", "pages"),
    [
        pytest.param(folder, *pages.values, id=f"{folder}, {pages.id}", marks=_marks(folder, pages))
        for folder in FOLDERS
        for pages in RUN_TOGETHER
    ],
)
def test_all_pages_on_a_real_folder(real, folder, pages, phantom, tmp_path):
    """A folder without any volume too: pages say so and go on with the phantom."""
    before = _state(real / folder)
    run = _site(tmp_path / "site", pages, real / folder)
    assert run.returncode == 0, run.stderr
    assert _state(real / folder) == before, "nothing is ever written into a user's folder"
    assert len(list((tmp_path / "site").glob("*.html"))) == len(pages) + 1
    for page in pages:
        html = (tmp_path / "site" / f"{page.stem}.html").read_text(encoding="utf-8")
        _by_hand_and_by_the_helper_agree(page.stem, html)


def _state(folder):
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}
