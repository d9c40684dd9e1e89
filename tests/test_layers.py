"""The plan of the rooms: which may import from which, what lives where, how large a module is."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import helpers

HELPERS = Path(helpers.__file__).parent
MODULES = {
    ".".join(path.relative_to(HELPERS).with_suffix("").parts): path
    for path in HELPERS.rglob("*.py")
}
EARLIER = {  # room → the rooms that it may import from at most, besides errors and runtime
    "errors": set(),
    "runtime": set(),
    "files": set(),
    "formats": set(),
    "phantom": set(),
    "collection": {"files", "formats", "phantom"},
    "geometry": set(),
    "privacy": set(),
    "headers": {"files", "formats", "geometry", "privacy"},
    "slices": {"files", "formats", "collection", "geometry", "privacy", "headers"},
    "pixels": {"files", "geometry", "privacy", "headers", "slices"},
    "volume": {"geometry", "privacy", "headers", "slices", "pixels"},
    "labels": {
        *("files", "formats", "geometry", "privacy", "headers", "slices", "pixels", "volume"),
    },
    "interchange": {"files", "geometry", "privacy", "pixels", "volume", "labels"},
    "pictures": {"files", "geometry", "slices", "pixels", "volume", "labels"},
    "quality": {
        *("files", "geometry", "headers", "slices", "pixels", "volume", "labels", "pictures"),
    },
    "scale": {"files", "collection", "geometry", "headers", "slices", "quality"},
    "learn": {"files", "geometry", "slices", "pixels", "volume", "labels", "pictures"},
    "viewer": {
        *("geometry", "headers", "slices", "pixels", "volume", "labels", "pictures", "quality"),
    },
    "pages": set(),
    "report": {
        *("files", "collection", "geometry", "privacy", "headers", "slices", "pixels", "volume"),
        *("labels", "pictures", "quality", "scale", "viewer", "pages"),
    },
    "kernels": {"privacy", "headers", "pages"},
    "site": {"collection", "report"},
    "kaggle": {"kernels"},
}
ONLY_IN = {  # a library → the rooms that may import it at most
    "matplotlib": {"pictures", "quality", "learn"},
    "imagecodecs": {"pixels"},
    "ipywidgets": {"viewer"},
    "anywidget": {"viewer"},
    "pyarrow": {"headers"},
    "distributed": {"scale"},
    "nbclient": {"report"},
    "nbconvert": {"report"},
    "fastai": {"learn"},
    "torch": {"learn"},
}
NUMPY_ALONE = {"geometry", "pixels.window", "phantom.anatomy"}
LONGEST = 350  # lines


def _imported(path):
    """Full names of what a module imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where a name comes from"
            assert all(alias.name != "*" for alias in node.names)
            yield node.module


def _room(module):
    return module.split(".")[0]


def _own(path):
    """The modules of this suite that one imports, without the package's own name."""
    names = [name for name in _imported(path) if _room(name) == "helpers"]
    assert "helpers" not in names, "a room imports from rooms, the front door is for users"
    return {name.removeprefix("helpers.") for name in names}


def test_every_module_is_in_a_room_of_the_plan():
    assert len(MODULES) > 50, "modules were looked for in the wrong place"
    assert {_room(module) for module in MODULES} == {*EARLIER, "__init__"}
    rooms = set(EARLIER) - {"site", "kaggle"}
    assert all(
        f"\n{room}/ " in helpers.__doc__ or f"\n{room} " in helpers.__doc__ for room in rooms
    )


def test_the_plan_is_one_direction():
    order = list(EARLIER)
    assert all(order.index(to) < order.index(room) for room in order for to in EARLIER[room])


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"__init__"}))
def test_imports_point_only_where_the_plan_lets_them(module):
    rooms = {_room(name) for name in _own(MODULES[module])}
    assert rooms <= EARLIER[_room(module)] | {"errors", "runtime", _room(module)}


def test_no_circle_among_modules():
    waits_for = {module: _own(path) & set(MODULES) for module, path in MODULES.items()}
    done = set()
    while rest := set(MODULES) - done:
        ready = {module for module in rest if waits_for[module] <= done}
        assert ready, f"a circle among {rest}"
        done |= ready


@pytest.mark.parametrize("module", sorted(MODULES))
def test_libraries_live_where_the_plan_says(module):
    libraries = {name.split(".")[0] for name in _imported(MODULES[module])}
    elsewhere = {library for library, rooms in ONLY_IN.items() if _room(module) not in rooms}
    assert elsewhere.isdisjoint(libraries)
    if module in NUMPY_ALONE or _room(module) in NUMPY_ALONE:
        assert libraries <= {
            *("numpy", "helpers", "collections", "functools", "itertools", "math", "re", "typing"),
        }


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_can_be_read_in_one_sitting(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_a_room_begins_with_its_question_alone():
    rooms = list(HELPERS.glob("*/__init__.py"))
    assert len(rooms) == len([room for room in EARLIER if (HELPERS / room).is_dir()])
    for path in rooms:
        (statement,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(statement.value, ast.Constant)


def test_top_level_holds_what_the_design_names_and_nothing_else():
    folders = {path.name for path in HELPERS.parent.iterdir() if path.is_dir()}
    made_here = {
        *(".git", ".venv", "build", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"),
        "dicom_notebook_suite.egg-info",
    }
    assert folders - made_here == {"notebooks", "helpers", "tests", ".github", ".ci"}


def _public(body, owner=""):
    """Yields (name, function) of the public functions and methods of a module."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield owner + node.name, node


@pytest.mark.parametrize("module", sorted(MODULES))
def test_public_functions_are_annotated(module):
    body = ast.parse(MODULES[module].read_text(encoding="utf-8")).body
    for name, function in _public(body):
        own = function.args
        arguments = [*own.posonlyargs, *own.args, *own.kwonlyargs, own.vararg, own.kwarg]
        bare = [one.arg for one in arguments if one and one.annotation is None]
        assert set(bare) <= {"self", "cls"} and function.returns is not None, (name, bare)


# the front door


def test_stub_names_and_what_is_there_agree():
    stub = ast.parse((HELPERS / "__init__.pyi").read_text(encoding="utf-8"))
    imported = {
        alias.asname: (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(imported) == helpers.__all__ == sorted(set(helpers.__all__))
    assert set(helpers.__all__) <= set(dir(helpers))
    for name, (module, own) in imported.items():
        assert name == own and own in _defined(MODULES[module.removeprefix("helpers.")])
        if module != "helpers.learn.block":  # which needs fastai, and is tested where that is
            assert getattr(helpers, name) is getattr(import_module(module), own)


def _defined(path):
    """Names that a module defines at its top level."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_an_unknown_name_is_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'helpers' has no attribute 'nothing'"):
        _ = helpers.nothing


def _loaded(code):
    """Top-level packages that a new interpreter has loaded after some code."""
    code += "\nimport sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_importing_the_suite_loads_nothing():
    assert {"numpy", "pandas", "pydicom"}.isdisjoint(_loaded("import helpers"))


def test_the_header_table_loads_no_pictures_no_notebook_and_no_phantom(phantom):
    """Beyond what pandas and pydicom load themselves: pyarrow and PIL, where these are there."""
    code = f"""
from helpers import header_table
header_table({str(phantom / "P01-reference")!r})
import sys
assert {{"helpers.phantom.writing", "pyarrow.parquet"}}.isdisjoint(sys.modules)
"""
    unwanted = {"matplotlib", "IPython", "ipywidgets", "pyarrow", "PIL", "scipy", "torch"}
    assert unwanted.isdisjoint(_loaded(code) - _loaded("import numpy, pandas, pydicom"))
