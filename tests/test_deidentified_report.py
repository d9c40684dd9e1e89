"""A report to hand on: searched byte by byte for names, and terms of the standard are in it."""

import html
import re
import shutil
import subprocess
import sys
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path
from unicodedata import normalize

import pydicom
import pytest
from pydicom.uid import UID, generate_uid

from helpers import header_table

PAGES = Path(__file__).parents[1] / "notebooks"
NAMES = {  # of a patient → what must not be in a report of it; the rest of a name is a term as well
    "White^Field": ["White", "WHITE"],
    "SLICE^Sagittal": ["SLICE", "Sagittal"],  # words of the source code
    "Baker^Li": ["Baker", "Li"],
    "Ng^Jo": ["Ng", "Jo"],
    "O'Brien^Seán": ["O'Brien", "Brien", "Seán"],
    "Müller-Lüdenscheidt^Jörg": ["Müller", "Lüdenscheidt", "Jörg"],
    "Yamada^Tarou=山田^太郎=やまだ^たろう": ["Yamada", "Tarou", "山田", "太郎", "やまだ", "たろう"],
    "Иванов^Пётр": ["Иванов", "Пётр"],
    "Παπαδοπούλου^Ελένη": ["Παπαδοπούλου", "Ελένη"],
}
WORDS = [word for words in NAMES.values() for word in words]
BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
PNG_START = b"\x89PNG\r\n\x1a\n"
ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
SUITE_SCRIPT = re.compile(r"<script(?! type=.application/json)[^>]*>.*?</script>", re.S)


@pytest.fixture(scope="module")
def named(phantom, tmp_path_factory):
    """A folder of patients, three files each, whose names are in many places."""
    folder = tmp_path_factory.mktemp("named")
    for number, name in enumerate(NAMES):
        family = name.partition("^")[0]
        (folder / family).mkdir()
        uids = [generate_uid(entropy_srcs=[name, str(k)]) for k in range(2)]
        for k in range(3):
            dataset = pydicom.dcmread(phantom / "P03-interspaced" / f"{k + 1}.dcm")
            dataset.SpecificCharacterSet = "ISO_IR 192"
            dataset.PatientName = name
            dataset.PatientID = family if number % 2 else f"{number}-{family}"
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uids
            uid = generate_uid(entropy_srcs=[name, str(k), "image"])
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
            dataset.StudyDescription = f"of {name.partition('=')[0].replace('^', ' ')}"
            dataset.SeriesDescription = f"seen by {family}"
            dataset.Manufacturer = f"made for {family}"  # where it does not belong
            dataset.LUTExplanation = f"by {family}"  # which a page prints by pydicom alone
            dataset.save_as(folder / family / f"{family}_{k}.dcm")
    return folder


def _report(folder, site, pages):
    """Runs the command line on some of the pages, and returns the files that it wrote."""
    some = site.with_name("pages")
    some.mkdir()
    for name in pages:
        shutil.copy(next(PAGES.glob(f"{name}*.ipynb")), some)
    command = [sys.executable, "-m", "helpers.site", folder, "--pages", some, "--site", site]
    run = subprocess.run(
        [*map(str, command), "--deidentify"],
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [path for path in site.rglob("*") if path.is_file()]


def _read(path):
    """A file's content in all the ways that it can be read; the programs of a page are known."""
    content = path.read_bytes()
    if content[8:12] == b"WEBP":
        content = b"".join(_beside_pixels(content))
    if path.suffix != ".html":
        yield content.decode("latin-1")
        yield content.decode("utf-8", "ignore")
        return
    text = SUITE_SCRIPT.sub("", content.decode("utf-8"))
    for _ in range(3):  # frames in pages hold pages
        yield text
        yield ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
        text = SUITE_SCRIPT.sub("", html.unescape(text))
    for found in BASE64.finditer(text):
        yield from _decoded(found[0])


def _beside_pixels(webp):
    """The chunks of a WebP picture without its pixels, in which letters stand by chance."""
    start = 12
    while start < len(webp):
        kind, size = webp[start : start + 4], int.from_bytes(webp[start + 4 : start + 8], "little")
        if kind not in (b"VP8 ", b"VP8L", b"ALPH"):
            yield webp[start : start + 8 + size]
        start += 8 + size + size % 2


def _decoded(text):
    """What stands in base64: texts, also compressed ones, and all of a PNG but its pixels."""
    try:
        content = b64decode(text, validate=True)
    except Base64Error:
        return
    if content.startswith(PNG_START):
        yield re.sub(rb"IDAT.*", b"", content, flags=re.S).decode("latin-1")
        yield content[-200:].partition(b"IEND")[2].decode("latin-1")
        return
    for unpacked in (bytes, zlib.decompress, lambda packed: zlib.decompress(packed, -15)):
        try:
            yield unpacked(content).decode("utf-8")
        except (zlib.error, UnicodeDecodeError):
            continue


def _finds(word):
    """A pattern that finds a word in text, and not in the midst of base64 or of a longer word."""
    bound = r"[A-Za-z0-9+/]"
    return re.compile(rf"(?<!{bound}){re.escape(word)}(?!{bound})" if word.isascii() else word)


def test_no_byte_of_a_report_names_a_patient(named, tmp_path):
    written = _report(named, tmp_path / "site", ["00", "01", "02", "06"])
    patterns = {word: _finds(word) for word in WORDS}
    assert len(written) > 4 + len(NAMES)
    found, searched = set(), 0
    for path in written:
        assert not any(word in path.name for word in WORDS)
        for text in _read(path):
            searched += len(text)
            plain = normalize("NFC", text)
            found |= {(path.name, word) for word, one in patterns.items() if one.search(plain)}
    assert found == set()
    assert searched > 1e6
    names = (tmp_path / "site-names.csv").read_text(encoding="utf-8")
    assert "Müller" in names, "or this test could not fail"
    page = (tmp_path / "site" / "02_headers.html").read_text(encoding="utf-8")
    assert "made for hidden-" in page
    assert "deidentify" in page and "Image Position (Patient)" in page


def test_the_search_of_this_test_finds_names(tmp_path):
    frame = html.escape('<b title="M&uuml;ller">1</b>')
    packed = zlib.compress(b"of Baker, and more of the same")
    texts = [
        "<p>Müller",
        f'<p srcdoc="{frame}">',
        '<script type="application/json">"M\\u00fcller"</script>',
        f"<p>{b64encode(packed).decode()}",
    ]
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.html"
        path.write_text(text, encoding="utf-8")
        assert any(_finds(word).search(one) for one in _read(path) for word in WORDS), text


@pytest.mark.second_look
def test_every_transfer_syntax_is_named_rightly(real, tmp_path):
    folder = real / "odd/cornerstone"
    syntaxes = header_table(folder, progress=False)["TransferSyntaxUID"].dropna().unique()
    assert len(syntaxes) == 15
    _report(folder, tmp_path / "site", ["05"])
    page = (tmp_path / "site" / "05_quality.html").read_text(encoding="utf-8")
    rows = re.findall(r"<th>(1\.2\.840[\d.]+)</th>\s*<td>([^<]*)</td>", page)
    assert {uid: html.unescape(name) for uid, name in rows} == {
        str(uid): UID(uid).name for uid in syntaxes
    }
