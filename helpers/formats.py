"""What is a file that is no DICOM? Told by its first bytes, whatever its name is."""

import codecs
import csv
import json
import os
import re
import shlex
import zlib

SNIFFED_BYTES = 512  # at the start of a file, which tell all that is told here
MARKS = (  # (where, bytes that stand there, what the file is); the first that fits
    (128, b"DICM", "DICOM file"),
    (0, b"PK\5\6", "ZIP archive"),
    (0, b"7z\xbc\xaf'\x1c", "7z archive"),
    (0, b"Rar!\x1a\7", "RAR archive"),
    (257, b"ustar", "tar archive"),
    (0, b"BZh", "bzip2-compressed file"),
    (0, b"\xfd7zXZ\0", "xz-compressed file"),
    (0, b"\x28\xb5\x2f\xfd", "zstd-compressed file"),
    (0, b"%PDF-", "PDF document"),
    (0, b"{\\rtf", "RTF document"),
    (0, b"\xff\xd8\xff", "JPEG picture"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG picture"),
    *((0, start, "TIFF picture") for start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (0, b"GIF8", "GIF picture"),
    *((0, start, "JPEG 2000 picture") for start in (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    (8, b"WEBPVP8", "WebP picture"),
    (4, b"ftyphei", "HEIC picture"),
    (4, b"ftyp", "MP4 video"),
    (8, b"AVI LIST", "AVI video"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (344, b"n+1\0", "NIfTI image"),
    (344, b"ni1\0", "NIfTI image"),
    (4, b"n+2\0\r\n\x1a\n", "NIfTI image"),
    (0, b"NRRD000", "NRRD image"),
    (0, b"\x93NUMPY", "NPY array"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5 file"),
    *((0, start, "MATLAB file") for start in (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")),
    (0, b"PAR1", "Parquet table"),
    (0, b"SQLite format 3\0", "SQLite database"),
    (0, b"\0\5\x16\7", "macOS AppleDouble file"),
    (0, b"\0\0\0\1Bud1", "macOS .DS_Store file"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office document or Thumbs.db"),
    (0, b"MZ", "Windows program"),
    (0, b"\x7fELF", "Linux program"),
    *((0, start, "macOS program") for start in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe\0\0\0")),
    (0, b"version https://git-lfs.github.com/spec/", "Git LFS pointer"),
    (0, b"ObjectType = Image", "MetaImage header"),
)
IN_ZIP = (  # how the first name in a ZIP archive begins or ends, which other formats are, too
    (re.compile(rb"\[Content_Types\]\.xml|_rels/|docProps/|word/|xl/|ppt/"), "Office document"),
    (re.compile(rb"mimetypeapplication/vnd\.oasis\.opendocument"), "Office document"),
    (re.compile(rb"META-INF/"), "Java archive"),
    (re.compile(rb"[^/]+\.npy$"), "NPZ arrays"),
    (re.compile(rb"[^/]+/(data\.pkl|\.format_version)$"), "PyTorch file"),
)
OPENED_BY = {  # what opens an archive: its name, and the command for a file and a new one
    "ZIP archive": ("unzip", "unzip {file} -d {opened}"),
    "tar archive": ("tar -xf", "mkdir -p {opened} && tar -xf {file} -C {opened}"),
    "7z archive": ("7z x", "7z x {file} -o{opened}"),
    "RAR archive": ("unrar x", "unrar x {file} {opened}/"),
    "bzip2-compressed file": ("bunzip2", "bunzip2 -c {file} > {opened}"),
    "xz-compressed file": ("unxz", "unxz -c {file} > {opened}"),
    "zstd-compressed file": ("unzstd", "unzstd -c {file} > {opened}"),
    "Git LFS pointer": ("git lfs pull", "git -C {folder} lfs pull"),
}
GZIP, GZIPPED = b"\x1f\x8b\x08", "gzip-compressed "
OPENED_BY[f"{GZIPPED}tar archive"] = OPENED_BY["tar archive"]
GUNZIP = ("gunzip", "gunzip -c {file} > {opened}")
CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # what no text has
JSON_START = re.compile(r"\{\s*(\"|\})|\[\s*([\[{\"]|-?\d[\d.eE+-]*\s*,)")
MIN_ASCII_SHARE = 0.7  # of a text that is not written in Unicode
DELIMITERS = ",;\t"
COLUMN_NAMES = re.compile(r"[^{}()=]*")


def format_of(start: bytes) -> str:
    """What a file is that begins with these bytes, as in ``ZIP archive``; empty where unknown.

    Parameters
    ----------
    start : its first `SNIFFED_BYTES`, or all where it has fewer

    Examples
    --------
    >>> format_of(b"%PDF-1.4 ...")
    'PDF document'
    """
    if start.startswith(GZIP):
        return GZIPPED + _inside_gzip(start)
    if start.startswith(b"PK\3\4"):
        return _zip_format(start)
    for place, mark, name in MARKS:
        if start.startswith(mark, place):
            return name
    if start.startswith(b"BM") and start.startswith(bytes(4), 6):
        return "BMP picture"
    if len(start) >= SNIFFED_BYTES and not start.strip(b"\0"):
        return "file that begins with zeros"
    return _text_format(start)


def opened_by(name: str) -> str:
    """The program that opens a file of this format, if it is an archive; else empty."""
    return _opener(name)[0]


def command_for(
    name: str, path: str | os.PathLike[str], *, into: str | os.PathLike[str] | None = None
) -> str:
    """The command that opens a file of this format, if it is an archive; else empty.

    Parameters
    ----------
    into : the folder in which the content will lie; None takes the file's own

    Examples
    --------
    >>> command_for("ZIP archive", "chest CT.zip")
    "unzip 'chest CT.zip' -d 'chest CT'"
    """
    file = os.fspath(path)
    stem = os.path.splitext(file.removesuffix(".gz") if "tar" in name else file)[0]
    opened = stem if stem != file else f"{file} opened"
    if into is not None:
        opened = os.path.join(into, os.path.basename(opened))
    names = {"file": file, "opened": opened, "folder": os.path.dirname(file) or "."}
    return _opener(name)[1].format(**{key: shlex.quote(one) for key, one in names.items()})


def _opener(name: str) -> tuple[str, str]:
    return OPENED_BY.get(name, GUNZIP if name.startswith(GZIPPED) else ("", ""))


def _inside_gzip(start: bytes) -> str:
    """What begins inside of gzip's bytes."""
    try:
        inside = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, SNIFFED_BYTES)
    except zlib.error:
        return "file"
    return format_of(inside) or "file"


def _zip_format(start: bytes) -> str:
    """What a ZIP archive is, by the name of its first file, and its content where it is stored."""
    length = int.from_bytes(start[26:28], "little")
    name, extra = start[30 : 30 + length], int.from_bytes(start[28:30], "little")
    if name == b"mimetype":
        name += start[30 + length + extra :]
    return next((found for begin, found in IN_ZIP if begin.match(name)), "ZIP archive")


def _text_format(start: bytes) -> str:
    """What a text is; empty for what is none."""
    text = _as_text(start)
    head = text.lstrip().lower()
    if not text or CONTROL.search(text):
        return ""
    if head.startswith(("<!doctype html", "<html")):
        return "HTML page"
    if head.startswith(("<?xml", "<svg")):
        return "HTML page" if "<html" in head else "XML file"
    if _is_json(text, whole=len(start) < SNIFFED_BYTES):
        return "JSON file"
    return "CSV table" if _is_table(text) else "text file"


def _as_text(start: bytes) -> str:
    """Bytes as text, in Unicode or else in an older encoding; empty where that is not likely."""
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:  # a character may be cut at the end
        return codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        ascii_share = sum(byte < 128 for byte in start) / len(start)
        return start.decode("latin-1") if ascii_share >= MIN_ASCII_SHARE else ""


def _is_json(text: str, whole: bool) -> bool:
    if not whole:
        return JSON_START.match(text.lstrip()) is not None
    try:
        return isinstance(json.loads(text), (dict, list))
    except (ValueError, RecursionError):
        return False


def _is_table(text: str) -> bool:
    """Whether every whole line has as many values as the first, and more than one.

    A single line is one where it could be names of columns: sentences and code have commas, too.
    """
    lines = text.splitlines()[: None if text.endswith("\n") else -1] or [text]
    if len(lines) == 1 and not COLUMN_NAMES.fullmatch(lines[0]):
        return False
    for delimiter in DELIMITERS:
        counts = {len(row) for row in csv.reader(filter(str.strip, lines), delimiter=delimiter)}
        if len(counts) == 1 and counts.pop() > (1 if len(lines) > 1 else 2):
            return f"{delimiter} " not in lines[0]
    return False
