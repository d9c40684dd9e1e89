"""How does all that an output of a page holds become what may be shown?"""

import html
import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any

from helpers.viewer.script import SCRIPT

Clean = Callable[[str], str]  # gives the text to show instead

TAG = re.compile(r"""<!--.*?-->|<[a-zA-Z/!?][^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*>""", re.S)
SCRIPT_ELEMENT = re.compile(r"(<script\b[^>]*>)(.*?)(</script\s*>)", re.S | re.I)
STYLE = re.compile(r"<style\b[^>]*>.*?</style\s*>", re.S | re.I)
ATTRIBUTE = re.compile(r"""(?P<name>[\w:-]+)(?P<is>\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""")
DATA = re.compile(r"data:(?P<kind>[\w.+/-]*)(?P<more>[^,]*),(?P<content>.*)", re.S)
NAMES_NOTHING = {"class", "style"}  # attributes of which the suite's and pandas' pages have many
PICTURES = {"pictures", "masks", "maps", "jpeg"}  # of a viewer's data: what is in base64 there
BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
PNG_START, PNG_TEXTS = b"\x89PNG\r\n\x1a\n", {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}


def clean_output(output: Any, clean: Clean) -> None:
    """Cleans all that an output of a notebook holds, in place."""
    for name in ("text", "ename", "evalue"):
        if name in output:
            output[name] = clean(output[name])
    if "traceback" in output:
        output["traceback"] = [clean(line) for line in output["traceback"]]
    data = output.get("data", {})
    for kind in data:
        data[kind] = _of_kind(kind, data[kind], clean)


def clean_html(text: str, clean: Clean) -> str:
    """HTML whose texts, attributes, data and programs are clean; its tags and styles stay.

    So do a document in a frame (srcdoc) and an address that holds what it names (data:).
    """
    parts, end = [], 0
    for found in SCRIPT_ELEMENT.finditer(text):
        parts.append(_without_scripts(text[end : found.start()], clean))
        parts.append(_tag(found[1], clean) + _script(found[1], found[2], clean) + found[3])
        end = found.end()
    return "".join([*parts, _without_scripts(text[end:], clean)])


def clean_data(data: Any, clean: Clean) -> Any:
    """Data of JSON's own types whose texts are clean; the pictures of a viewer are no texts."""
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, dict):
        return {
            name: clean_data(value, _except_base64(clean) if name in PICTURES else clean)
            for name, value in data.items()
        }
    return [clean_data(one, clean) for one in data] if isinstance(data, (list, tuple)) else data


def without_texts(png: bytes) -> bytes:
    """A PNG without the texts that stand beside its pixels (PNG 11.3.3)."""
    if not png.startswith(PNG_START):
        return png
    kept, start = [PNG_START], len(PNG_START)
    while start < len(png):
        size = 12 + int.from_bytes(png[start : start + 4], "big")
        if png[start + 4 : start + 8] not in PNG_TEXTS:
            kept.append(png[start : start + size])
        start += size
    return b"".join(kept)


def _of_kind(kind: str, content: Any, clean: Clean) -> Any:
    """What an output has of one MIME type."""
    if not isinstance(content, str):
        return clean_data(content, clean)
    if kind in ("text/html", "image/svg+xml", "text/markdown"):
        return clean_html(content, clean)
    if kind.startswith("image/"):
        return _picture(content)
    return clean(content)


def _without_scripts(text: str, clean: Clean) -> str:
    parts, end = [], 0
    for found in STYLE.finditer(text):
        parts += [_tags_and_texts(text[end : found.start()], clean), found[0]]
        end = found.end()
    return "".join([*parts, _tags_and_texts(text[end:], clean)])


def _tags_and_texts(text: str, clean: Clean) -> str:
    parts, end = [], 0
    for found in TAG.finditer(text):
        parts += [_escaped(text[end : found.start()], clean), _tag(found[0], clean)]
        end = found.end()
    return "".join([*parts, _escaped(text[end:], clean)])


def _escaped(text: str, clean: Clean) -> str:
    """A text between tags; as it was written, where nothing is replaced."""
    plain = html.unescape(text)
    cleaned = clean(plain)
    return text if cleaned == plain else html.escape(cleaned)


def _tag(tag: str, clean: Clean) -> str:
    if tag.startswith("<!"):
        return clean(tag)
    return ATTRIBUTE.sub(lambda found: _attribute(found, clean), tag)


def _attribute(found: re.Match[str], clean: Clean) -> str:
    name, written = found["name"].lower(), found[3]
    if name in NAMES_NOTHING:
        return found[0]
    value = html.unescape(written[1:-1] if written[0] in "\"'" else written)
    if name == "srcdoc":
        cleaned = clean_html(value, clean)
    elif data := DATA.fullmatch(value):
        cleaned = _address(data, clean)
    else:
        cleaned = clean(value)
    return found[0] if cleaned == value else f'{found["name"]}{found["is"]}"{html.escape(cleaned)}"'


def _address(data: re.Match[str], clean: Clean) -> str:
    """An address that holds what it names."""
    start, content = f"data:{data['kind']}{data['more']},", data["content"]
    if not data["more"].endswith(";base64"):
        return start + clean(content)
    if data["kind"].startswith("image/") and data["kind"] != "image/svg+xml":
        return start + _picture(content)
    try:
        text = b64decode(content, validate=True).decode()
    except (Base64Error, UnicodeDecodeError):
        return start + clean(content)
    cleaned = _of_kind(data["kind"] or "text/plain", text, clean)
    return start + (content if cleaned == text else b64encode(cleaned.encode()).decode())


def _picture(content: str) -> str:
    """A picture in base64; as it was written, where it holds no text."""
    try:
        png = b64decode(content)
    except Base64Error:
        return content
    shorter = without_texts(png)
    return content if shorter == png else b64encode(shorter).decode()


def _script(tag: str, script: str, clean: Clean) -> str:
    """The content of a script element: data as such; the viewer's own program stays."""
    if "json" not in tag:
        return script if SCRIPT in script else clean(script)
    try:
        data = json.loads(script)
    except ValueError:
        return clean(script)
    cleaned = clean_data(data, clean)
    return script if cleaned == data else json.dumps(cleaned).replace("<", "\\u003c")


def _except_base64(clean: Clean) -> Clean:
    """What cleans texts, and leaves pictures and masks as they are."""
    return lambda text: text if BASE64.fullmatch(text) else clean(text)
