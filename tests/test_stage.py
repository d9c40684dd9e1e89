"""A de-identified report puts its stage behind each reading of headers, for all to see."""

import re
from pathlib import Path

import nbformat
import pytest

from helpers.pages import PageError, code_of, page_files, read_page
from helpers.report.stage import FIRST_CELL, with_stage

PAGES = Path(__file__).parents[1] / "notebooks"


def _page(*sources):
    cells = [nbformat.v4.new_markdown_cell("# A page of header_table")]
    return nbformat.v4.new_notebook(cells=[*cells, *map(nbformat.v4.new_code_cell, sources)])


@pytest.mark.parametrize(
    ("source", "staged"),
    [
        ("h = header_table(root)", "h = deidentify(header_table(root))"),
        ("f(header_table(\n  root, g()\n))[0]", "f(deidentify(header_table(\n  root, g()\n)))[0]"),
        ("'ä'; helpers.header_table(x); 1", "'ä'; deidentify(helpers.header_table(x)); 1"),
        (
            "a, b = header_table(header_table(x).index), 2",
            "a, b = deidentify(header_table(deidentify(header_table(x)).index)), 2",
        ),
        ("from helpers import header_table", "from helpers import header_table"),
        ("# header_table(root)\n'header_table(x)'", "# header_table(root)\n'header_table(x)'"),
    ],
)
def test_each_call_is_followed_by_the_stage(source, staged):
    page = _page("1", source)
    before = nbformat.writes(page)
    text, *code = with_stage(page, "a page").cells
    assert [cell.source for cell in code] == [FIRST_CELL, "1", staged]
    assert text.source == page.cells[0].source and nbformat.writes(page) == before


@pytest.mark.parametrize(
    "source",
    [
        "from helpers import header_table as read",
        "read = header_table",
        "list(map(header_table, roots))",
        "getattr(helpers, 'header_table')(root)",
        "%time header_table(root)",
    ],
)
def test_what_would_go_around_it_is_refused(source):
    with pytest.raises(PageError, match=r"01_page: expected calls of header_table.*got") as caught:
        with_stage(_page(source), "01_page")
    assert source in str(caught.value)


def test_a_page_without_headers_stays():
    page = _page("6 * 7")
    assert with_stage(page, "a page") == page


@pytest.mark.parametrize("path", page_files(PAGES), ids=lambda path: path.stem)
def test_all_pages_have_it(path):
    code = code_of(with_stage(read_page(path), path.stem))
    staged = re.findall(r"deidentify\((?:\w+\.)?header_table\(", code)
    assert code.count("header_table(") == len(staged) > 0
    nbformat.validate(with_stage(read_page(path), path.stem))
