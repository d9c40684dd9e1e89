"""The house's plan: which module may import which sibling, and how large a room may be."""

import ast
from pathlib import Path

import pytest

import helpers

HELPERS = Path(helpers.__file__).parent
MAY_IMPORT = {
    "anatomy": set(),
    "jpeg": set(),
    "pixel_faults": {"jpeg"},
    "faults": {"pixel_faults"},
    "variants": {"pixel_faults"},
    "scans": set(),
    "phantom": {"anatomy", "faults", "pixel_faults", "scans", "variants"},
    "clinical": set(),
    "export": {"columns"},
    "keywords": set(),
    "summary": {"columns", "keywords"},
    "files": {"phantom"},
    "structure": set(),
    "identity": set(),
    "values": set(),
    "reading": {"structure", "values"},
    "meaning": {"structure", "values"},
    "elements": {"meaning", "reading", "structure"},
    "scan": {"reading"},
    "columns": set(),
    "cache": {"columns", "reading"},
    "tree": {"identity", "reading", "values"},
    "headers": {"cache", "columns", "elements", "files", "identity", "keywords", "reading", "scan", "summary", "tree"},
    "orientation": set(),
    "grid": {"orientation"},
    "splitting": {"files", "grid"},
    "images": {"grid"},
    "frames": {"columns", "identity", "images", "reading", "values"},
    "order": {"files", "grid"},
    "stacks": {"grid", "images", "order", "orientation", "splitting"},
    "decoders": {"codecs", "grid", "images"},
    "statistics": {"choice", "images", "pixels", "threads", "window"},
    "rules": {"decoders", "images", "series", "stacks", "statistics"},
    "file_rules": {"grid", "orientation", "rules"},
    "series": {"grid", "orientation"},
    "stack_rules": {"grid", "rules", "series"},
    "series_rules": {"grid", "orientation", "rules", "series", "splitting"},
    "privacy": {"identity", "keywords"},
    "disclosure": {"headers", "privacy"},
    "kernel_cells": set(),
    "kernel_facts": set(),
    "kaggle": {"disclosure", "kernel_cells", "kernel_facts"},
    "pixel_rules": {"grid", "rules", "statistics"},
    "audit": {"file_rules", "frames", "images", "pixel_rules", "rules", "series_rules", "stack_rules"},
    "threads": set(),
    "window": set(),
    "choice": {"window"},
    "host": set(),
    "codecs": {"host"},
    "frame_header": set(),
    "padding": set(),
    "luts": set(),
    "rescale": {"luts"},
    "views": {"luts", "rescale", "window"},
    "pixels": {"codecs", "frame_header", "padding", "rescale", "threads", "views"},
    "slice": {"choice", "frame_header", "identity", "orientation", "pixels", "window"},
    "native": {"elements", "frame_header", "padding", "rescale", "views"},
    "voxels": {"choice", "grid", "native", "padding", "pixels", "threads"},
    "planes": set(),
    "volume": {"choice", "grid", "orientation", "planes", "slice", "voxels", "window"},
    "conversion": {"host", "planes", "volume"},
    "saving": {"slice", "volume", "window"},
    "overlay": set(),
    "in_patient": {"orientation", "plots"},
    "pictures": {"in_patient", "overlay", "plots", "volume", "window"},
    "plots": set(),
    "evidence": {"grid", "pictures", "pixel_rules", "pixels", "plots", "slice", "stacks"},
    "exercises": {"phantom", "scans"},
    "still": {"overlay"},
    "viewer_data": {"choice", "planes", "window"},
    "page": {"choice", "planes", "still", "viewer_data", "volume"},
    "volume_browser": {"choice", "page", "planes", "still", "viewer_data", "window"},
    "stack_browser": {"audit", "evidence", "frames", "grid", "stacks", "volume", "volume_browser"},
    "header_browser": {"headers", "host"},
    "browser": {"frames", "grid", "header_browser", "host", "page", "stack_browser", "stacks", "volume", "volume_browser"},
    "outcomes": {"pictures", "plots", "slice"},
    "cohort": {"grid", "images", "orientation", "pixels", "slice", "stacks", "threads"},
    "learn": {"choice", "cohort", "images", "planes", "slice", "window"},
    "overview": {"audit", "frames", "images", "planes", "privacy", "stacks", "still", "volume"},
    "veil": {"identity", "privacy"},
    "binding": set(),
    "site": {"binding", "files", "headers", "overview", "veil"},
}
ONLY_THERE = {
    "matplotlib": {"evidence", "outcomes", "overlay", "pictures", "in_patient", "plots"},
    "imagecodecs": {"codecs"},
    "ipywidgets": {"browser", "header_browser", "stack_browser"},
    "anywidget": {"volume_browser"},
    "pyarrow": {"cache"},
    "nbclient": {"site"},
    "nbconvert": {"binding"},
    "fastai": {"learn"},
    "torch": {"learn"},
}
NUMPY_ALONE = {"orientation", "window", "choice", "anatomy", "planes"}
LONGEST = 250


def _imported(module):
    """Full names of what a module imports."""
    for node in ast.walk(ast.parse((HELPERS / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where a name comes from"
            assert all(alias.name != "*" for alias in node.names)
            yield node.module


def test_every_room_is_in_the_plan():
    assert {path.stem for path in HELPERS.glob("*.py")} == {*MAY_IMPORT, "__init__"}
    assert all(f"\n{module} " in helpers.__doc__ for module in MAY_IMPORT)


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_imports_point_only_where_the_plan_lets_them(module):
    siblings = {name.split(".")[1] for name in _imported(module) if name.startswith("helpers.")}
    assert siblings <= MAY_IMPORT[module]
    assert siblings == MAY_IMPORT[module], "the plan says more than is true"


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_libraries_live_where_the_plan_says(module):
    libraries = {name.split(".")[0] for name in _imported(module)}
    assert {library for library, rooms in ONLY_THERE.items() if module not in rooms}.isdisjoint(libraries)
    if module in NUMPY_ALONE:
        assert libraries <= {"numpy", "helpers", "itertools", "math", "re", "typing"}


def test_the_plan_is_one_direction():
    done = set()
    while rest := set(MAY_IMPORT) - done:
        ready = {module for module in rest if MAY_IMPORT[module] <= done}
        assert ready, f"a circle among {rest}"
        done |= ready


@pytest.mark.parametrize("module", [*MAY_IMPORT, "__init__"])
def test_a_room_can_be_read_in_one_sitting(module):
    assert len((HELPERS / f"{module}.py").read_text().splitlines()) <= LONGEST


def test_top_level_holds_what_the_design_names_and_nothing_else():
    folders = {path.name for path in HELPERS.parent.iterdir() if path.is_dir()}
    made_here = {".git", ".venv", "build", ".pytest_cache", ".ruff_cache", ".hypothesis", "dicom_notebook_suite.egg-info"}
    assert folders - made_here == {"notebooks", "helpers", "tests", ".github", ".ci"}
