"""Which cells carry the helpers that a page needs? One for each room."""

import json
import lzma
import re
from base64 import b85encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from helpers.kernels.kernel_facts import KaggleError
from helpers.kernels.suite_files import needed_files
from helpers.pages import title_of

HIDDEN = {
    "_kg_hide-input": True,
    "_kg_hide-output": True,
    "collapsed": True,
    "jupyter": {"outputs_hidden": True, "source_hidden": True},
}
INTRO = """\
The collapsed cells below write the {count} files of `helpers/` that this page needs, a room in \
each: a notebook without internet installs nothing, and what runs here can be read here. \
[The page begins below them](#{anchor}). Its links to other pages lead nowhere here."""
PACKED = """

Kaggle takes 1 MB of source, and as text these files are more: {rooms} are packed. Their cells \
unpack them into `helpers/`, where they can be read."""
DECODERS = """

Where an image cannot be decoded here, the page says so, with the line that installs a decoder \
from an attached dataset; `make kaggle` builds one."""
SETUP = '''\
# Each cell below writes one room of the suite. Its files are imported from there, whatever else is
# installed; a cell that was changed counts once it and the page's imports have run again.
import base64, importlib, lzma, pathlib, re, sys

from IPython.core.magic import register_cell_magic


@register_cell_magic
def room(folder, text):
    """Writes the files of a cell, each after the line that names it."""
    names_and_texts = re.split(r"^{separator}(.+)\\n", text, flags=re.MULTILINE)
    for name, content in zip(names_and_texts[1::2], names_and_texts[2::2]):
        file = pathlib.Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    for name in [name for name in sys.modules if name.split(".")[0] == "helpers"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@register_cell_magic
def packed_room(folder, text):
    """Writes the files of a cell whose text is packed."""
    room(folder, lzma.decompress(base64.b85decode("".join(text.split()))).decode())


sys.path.insert(0, str(pathlib.Path.cwd()))
sys.dont_write_bytecode = True'''
SEPARATOR = "# ======== "  # then the name of a file, whose lines follow
PACKED_LINE = ".{1,100}"  # characters in a line
MAX_BYTES = 850_000  # of the cells that write helpers, of the 1 MB that Kaggle takes
DECODING_MODULE = "pixels/codecs.py"


def room_cells(page: Mapping[str, Any], helpers: Path) -> list[dict[str, Any]]:
    """The cells before a page's own: what they are, what writes files, and one for each room.

    Of a room there are the files that the page needs, as they are. Where all would be more than
    `MAX_BYTES`, the largest rooms are packed, as few as do.

    Parameters
    ----------
    page : a notebook
    helpers : folder of the package

    Raises
    ------
    KaggleError
        Where a file is not there, or cannot be written exactly; where even packed they are too
        large.
    """
    files = needed_files(page, helpers)
    texts = {room: _room_text(helpers, room, names) for room, names in _rooms(files).items()}
    packed = _rooms_to_pack(texts)
    intro = INTRO.format(count=len(files), anchor=title_of(page).replace(" ", "-"))
    intro += PACKED.format(rooms=", ".join(packed)) if packed else ""
    intro += DECODERS if DECODING_MODULE in files else ""
    return [
        {"cell_type": "markdown", "id": "suite", "metadata": {}, "source": intro},
        _hidden("suite-writing", SETUP.format(separator=SEPARATOR)),
        *(
            _hidden(
                f"suite-{room or 'top'}",
                _packed(room, text) if room in packed else _cell(room, text),
            )
            for room, text in texts.items()
        ),
    ]


def _rooms(files: list[str]) -> dict[str, list[str]]:
    """Folder below the helpers → the names of its files; no folder is the first."""
    rooms: dict[str, list[str]] = {"": []}
    for file in files:
        folder, _, name = file.rpartition("/")
        rooms.setdefault(folder, []).append(name)
    return rooms


def _room_text(helpers: Path, room: str, names: list[str]) -> str:
    """The files of a room, each after the line that names it."""
    files = [(name, helpers / room / name) for name in names]
    return "".join(f"{SEPARATOR}{name}\n{_text_of(file)}" for name, file in files)


def _text_of(file: Path) -> str:
    """A file as it is; a notebook ends the last line of every cell itself."""
    text = file.read_bytes().decode("utf-8")
    if "\r" in text or not text.endswith("\n") or text.endswith("\n\n"):
        expected = "expected lines that end as on Linux, and no empty one at the end"
        raise KaggleError(f"{file}: {expected}")
    if any(line.startswith(SEPARATOR) for line in text.splitlines()):
        raise KaggleError(f"{file}: expected no line that begins with {SEPARATOR!r}")
    return text


def _rooms_to_pack(texts: Mapping[str, str]) -> list[str]:
    """The largest rooms, as few as must be packed so that all fit."""
    largest = sorted(texts, key=lambda room: -len(texts[room]))
    sizes = {room: _size(_cell(room, text)) for room, text in texts.items()}
    for count, room in enumerate(largest):
        if sum(sizes.values()) <= MAX_BYTES:
            return sorted(largest[:count])
        sizes[room] = _size(_packed(room, texts[room]))
    raise KaggleError(f"expected helpers of {MAX_BYTES} bytes at most, packed, got more")


def _size(cell: str) -> int:
    """Bytes that a cell takes in a notebook."""
    return len(json.dumps(cell, ensure_ascii=False).encode())


def _cell(room: str, text: str) -> str:
    return f"%%room {_folder(room)}\n{text[:-1]}"


@cache
def _packed(room: str, text: str) -> str:
    """A cell whose text is shorter: lines of letters and signs that JSON takes as they are."""
    letters = b85encode(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)).decode()
    lines = re.findall(PACKED_LINE, letters)
    return "\n".join([f"%%packed_room {_folder(room)}", *lines])


def _folder(room: str) -> str:
    return f"helpers/{room}".rstrip("/")


def _hidden(name: str, source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "execution_count": None, "id": name, "metadata": HIDDEN}
    return {**cell, "outputs": [], "source": source}
