"""The viewer's code: modules that are joined to one script, and functions that node runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.viewer import script
from helpers.viewer.script import LEFT_OUT, PARTS, SCRIPT

VIEWER = Path(script.__file__).parent
TESTS = sorted(Path(__file__).with_name("viewer").glob("*.test.mjs"))
IMPORT = re.compile(r"^import \{([^}]*)\} from \"\./([^\"]+)\";$", re.MULTILINE)


def _text(part):
    return (VIEWER / part).read_text(encoding="utf-8")


def _node(*arguments):
    """What node says; a test without node is skipped, but never where CI decides."""
    node = shutil.which("node")
    if node is None and not os.environ.get("CI"):
        pytest.skip("expected node for the viewer's code, found none: apt-get install nodejs")
    assert node, "expected node for the viewer's code: .ci/run installs it"
    run = subprocess.run([node, *map(str, arguments)], capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def test_every_module_is_part_of_the_script():
    assert sorted(PARTS) == sorted(path.name for path in VIEWER.glob("*.js"))


def test_types_are_checked_in_every_module():
    assert [part for part in PARTS if not _text(part).startswith("// @ts-check\n")] == []


@pytest.mark.parametrize("part", PARTS)
def test_modules_import_what_stands_before_them(part):
    imports = IMPORT.findall(_text(part))
    assert len(imports) == len(re.findall(r"^import ", _text(part), re.MULTILINE))
    for names, other in imports:
        assert PARTS.index(other) < PARTS.index(part), f"{part} imports {other}"
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^export .*\b{name}\b", _text(other), re.MULTILINE), (
                f"{name} of {other}"
            )


def test_no_name_is_given_twice():
    names = re.findall(
        r"^(?:export )?(?:async )?(?:function|const|let) (\w+)", SCRIPT, re.MULTILINE
    )
    assert sorted(names) == sorted(set(names))


def test_imports_comments_and_types_are_left_out():
    text = 'import {\n  one,\n} from "./x.js";\n/**\n * @param {T} a\n */\n// what\n'
    text += "f(/** @type {T} */ (a)); // why\n"
    assert LEFT_OUT.sub("", text) == "f((a)); // why\n"
    assert "/**" not in SCRIPT and "@ts-check" not in SCRIPT


def test_the_script_is_javascript(tmp_path):
    file = tmp_path / "script.mjs"
    file.write_text(SCRIPT, encoding="utf-8")
    assert _node("--check", file) == (0, "")


def test_functions_without_a_page():
    code, said = _node("--test", *TESTS)
    assert code == 0, said
