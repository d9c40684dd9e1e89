"""Where does a page read headers, so that a de-identified report puts its stage behind it?"""

import ast
from copy import deepcopy

import nbformat

from helpers.pages import PageError, source_of

READS, STAGE = "header_table", "deidentify"
FIRST_CELL = f"""\
# This report is de-identified: in its pages, each table of headers passes through one more stage.
from helpers import {STAGE}"""


def with_stage(page: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """A copy of a page in which `helpers.deidentify` stands around each call of `header_table`.

    What is executed is what the report shows; the page itself stays as it is.

    Raises
    ------
    PageError
        For a page that uses `header_table` in another way than calling it by its name.

    Examples
    --------
    >>> cell = nbformat.v4.new_code_cell("headers = header_table(root)")
    >>> page = nbformat.v4.new_notebook(cells=[cell])
    >>> with_stage(page, "01_page").cells[-1].source
    'headers = deidentify(header_table(root))'
    """
    page = deepcopy(page)
    cells = [cell for cell in page.cells if cell.cell_type == "code"]
    reading = [cell for cell in cells if READS in source_of(cell)]
    for cell in reading:
        cell.source = _staged(source_of(cell), name)
    if reading:
        first = nbformat.v4.new_code_cell(FIRST_CELL, id="deidentified")
        page.cells.insert(page.cells.index(cells[0]), first)
    return page


def _staged(source: str, name: str) -> str:
    """The code of a cell, with the stage around each call."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # of IPython's own
        raise _refusal(name, source) from None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _reads(node.func)]
    called = {id(call.func) for call in calls}
    if any(_reads(node) and id(node) not in called for node in ast.walk(tree)):
        raise _refusal(name, source)
    starts = [0]
    for line in source.encode().splitlines(keepends=True):  # offsets are those of UTF-8
        starts.append(starts[-1] + len(line))
    code = source.encode()
    inserted = [
        place
        for call in calls
        for place in (
            (starts[call.lineno - 1] + call.col_offset, f"{STAGE}(".encode()),
            (starts[(call.end_lineno or 1) - 1] + (call.end_col_offset or 0), b")"),
        )
    ]
    for start, text in sorted(inserted, reverse=True):
        code = code[:start] + text + code[start:]
    return code.decode()


def _reads(node: ast.AST) -> bool:
    """Whether it is the name of what reads headers: alone, of a module, or for another one."""
    if isinstance(node, ast.Constant):
        return node.value == READS
    if isinstance(node, ast.alias):
        return node.name.split(".")[-1] == READS and node.asname is not None
    return (isinstance(node, ast.Name) and node.id == READS) or (
        isinstance(node, ast.Attribute) and node.attr == READS
    )


def _refusal(name: str, source: str) -> PageError:
    line = next(line for line in source.splitlines() if READS in line)
    expected = f"expected calls of {READS}(…) alone, behind which a de-identified report puts"
    return PageError(f"{name}: {expected} {STAGE}(…), got: {line.strip()}")
