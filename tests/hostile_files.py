"""Files that were made to harm their reader: by name, what writes each into a folder."""

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate

from helpers.phantom.encoding import data_set, encoded, set_transfer_syntax
from helpers.pixels.codecs import imagecodecs  # None on Kaggle's image

GIGABYTE = 2**30
LONGEST = 0xFFFFFFFE
UNDEFINED = 0xFFFFFFFF
END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
PIXELS = 0x7FE00010
HUGE = 65535  # rows and columns

Write = Callable[[Path], None]


def element(tag: int, vr: str, value: bytes = b"", length: int | None = None) -> bytes:
    """One element in explicit VR; its length is the value's, or one that lies."""
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    length = len(value) if length is None else length
    long = vr in {"OB", "OW", "SQ", "UN", "UT", "UC", "OV"}
    return head + struct.pack("<HI" if long else "<H", *([0] if long else []), length) + value


def item(value: bytes = b"", length: int | None = None) -> bytes:
    """One item of a sequence, or of compressed pixels."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if length is None else length) + value


class HostileFiles:
    """What writes each file, by its name.

    Parameters
    ----------
    good : a file of the phantom, of which each hostile one has the header
    many : how many elements, items, values and fragments stand in a file
    """

    def __init__(self, good: Path, many: int) -> None:
        self._good, self._many = good, many

    def all(self) -> dict[str, Write]:
        """All of them."""
        return self.headers() | self.pixels() | self.names()

    def headers(self) -> dict[str, Write]:
        """Files whose headers harm."""
        deep, many = 100_000, self._many
        nested = element(0x00081140, "SQ", length=UNDEFINED) + item(length=UNDEFINED)
        private = element(0x00090010, "LO", b"ME")
        tags = np.zeros(many, "<u2,<u2,S2,<u2")
        tags["f0"] = 0x5101 + 2 * (np.arange(many) // 0xF000)
        tags["f1"], tags["f2"] = 0x1000 + np.arange(many) % 0xF000, b"SH"
        numbers = b"1\\" * many + b"1 "
        defined = b""
        for _ in range(2_000):
            defined = element(0x00081140, "SQ", item(defined))
        return {
            "nested": self._before(nested * deep),
            "nested in UN": self._before(
                (element(0x00081140, "UN", length=UNDEFINED) + item(length=UNDEFINED)) * deep
            ),
            "nested private": self._before(
                private
                + (element(0x00091001, "SQ", length=UNDEFINED) + item(length=UNDEFINED)) * deep
            ),
            "nested by lengths": self._before(defined),
            "nested, implicit": self._implicit(
                (struct.pack("<HHI", 8, 0x1140, UNDEFINED) + item(length=UNDEFINED)) * deep
            ),
            **{
                f"{vr} that claims 4 GB": self._before(element(0x00090001, vr, length=LONGEST))
                for vr in ("UT", "OB", "UN", "SQ")
            },
            **{
                f"{vr} of 4 GB": self._sparse(element(0x00090001, vr, length=LONGEST))
                for vr in ("UT", "OB", "UN", "SQ")
            },
            "elements": self._before(tags.tobytes(), PIXELS),
            "unsorted elements": self._before(tags[::-1].tobytes(), PIXELS),
            "items": self._before(
                element(0x00081140, "SQ", length=UNDEFINED) + item() * (many // 10) + END
            ),
            "items by length": self._before(element(0x00081140, "SQ", item() * many)),
            "elements of an item": self._before(element(0x00081140, "SQ", item(tags.tobytes()))),
            "values": self._implicit(struct.pack("<HHI", 0x0018, 0x1065, len(numbers)) + numbers),
            "binary values": self._implicit(
                struct.pack("<HHI", 0x0018, 0x9219, 2 * many) + bytes(2 * many)
            ),
            "text": self._before(
                b"".join(
                    element(0x00091000 + n, "UT", b"text" * 2**18) for n in range(many // 100_000)
                )
            ),
            "one text": self._sparse(element(0x00090001, "UT", length=100 * 2**20), 100 * 2**20),
            "character sets": self._implicit(
                struct.pack("<HHI", 8, 5, 2**20) + b"ISO 2022 IR 87\\".ljust(16) * 2**16, at=0
            ),
            "deflated zeros": self._deflated(element(0x00420001, "OB", length=LONGEST), 2**11),
            "empty pixels": self._before(b""),
        }

    def pixels(self) -> dict[str, Write]:
        """Files whose pixels harm."""
        grey = np.zeros((64, 64), np.uint16)
        streams = {
            **_encoded(grey),
            uid.RLELossless: struct.pack("<16I", 2, 64, 128, *[0] * 13) + b"\x81\0" * 64,
            uid.UID("1.2.840.10008.1.2.8.1"): zlib.compress(bytes(8192), 9, -zlib.MAX_WBITS),
            uid.UID("1.2.840.10008.1.2.1.98"): bytes(8192),
        }
        files = {}
        for syntax, stream in streams.items():
            name = syntax.name.split("(")[0].strip()
            bits = 8 if syntax == uid.JPEGBaseline8Bit else 16
            files[f"{name}, header of {HUGE}"] = self._image(
                syntax, encapsulate([stream]), rows=HUGE, columns=HUGE, bits=bits
            )
            if (huge := _enlarged(syntax, stream)) != stream:
                files[f"{name}, stream of {HUGE}"] = self._image(
                    syntax, encapsulate([huge]), rows=64, columns=64, bits=bits
                )
                files[f"{name}, both of {HUGE}"] = self._image(
                    syntax, encapsulate([huge]), rows=HUGE, columns=HUGE, bits=bits
                )
        rle = struct.pack("<16I", 2, 64, 0x7FFFFFFF, *[0] * 13) + b"\x81\0\x81\0"
        bomb = _deflated(b"", 1024)
        fragments = item() + item() * (4 * self._many) + END
        frame = streams[uid.RLELossless]
        native = uid.ExplicitVRLittleEndian
        return files | {
            f"uncompressed of {HUGE}": self._image(native, bytes(512), rows=HUGE, columns=HUGE),
            "uncompressed of 2^31 frames": self._image(native, bytes(512), frames=2**31 - 1),
            "RLE of 2^31 frames": self._image(
                uid.RLELossless, encapsulate([frame]), frames=2**31 - 1
            ),
            "RLE with segments outside": self._image(uid.RLELossless, encapsulate([rle])),
            "a deflated frame of 1 GB": self._image(
                uid.UID("1.2.840.10008.1.2.8.1"), encapsulate([bomb])
            ),
            "empty fragments": self._image(uid.RLELossless, fragments),
            "empty fragments as frames": self._image(
                uid.RLELossless, fragments, frames=4 * self._many
            ),
            "an offset table that claims 4 GB": self._image(
                uid.RLELossless, item(length=LONGEST) + item(frame) + END, frames=2
            ),
            "offsets outside": self._image(
                uid.RLELossless,
                item(struct.pack("<2I", 0, 0x7FFFFFF0)) + item(frame) * 2 + END,
                frames=2,
            ),
            "offsets in a loop": self._image(
                uid.RLELossless, item(struct.pack("<2I", 0, 0)) + item(frame) * 2 + END, frames=2
            ),
            "extended offsets outside": self._image(
                uid.RLELossless,
                item() + item(frame) * 2 + END,
                frames=2,
                ExtendedOffsetTable=struct.pack("<2Q", 0, 2**62),
                ExtendedOffsetTableLengths=struct.pack("<2Q", 72, 2**62),
            ),
            "pixels of 4 GB": self._sparse(
                element(PIXELS, "OW", length=LONGEST), rows=HUGE, columns=HUGE // 2
            ),
            "pixels of 4 GB behind one small image": self._sparse(
                element(PIXELS, "OW", length=LONGEST), rows=64, columns=64
            ),
            "deflated pixels of 2 GB": self._deflated(
                element(PIXELS, "OW", length=2**31), 2**11, rows=512, columns=512
            ),
            "deflated pixels of 2 GB that are claimed": self._deflated(
                element(PIXELS, "OW", length=2**31), 2**11, rows=32768, columns=32768
            ),
            "no rows": self._image(native, bytes(8192), rows=0, columns=64),
            "pixels of odd length": self._image(native, bytes(8191)),
            "a palette that lies": self._image(
                native,
                bytes(8192),
                PhotometricInterpretation="PALETTE COLOR",
                elements=[
                    *((0x00281101 + n, "US", [0, 0, 16]) for n in range(3)),
                    *((0x00281201 + n, "OW", bytes(16)) for n in range(3)),
                ],
            ),
            "windows of 65536 entries": self._image(
                native,
                bytes(8192),
                VOILUTSequence=[
                    data_set(LUTDescriptor=[0, 0, 16], LUTData=bytes(131072), LUTExplanation="x")
                ]
                * (self._many // 10_000),
            ),
            "an overlay of 65535": self._image(
                native,
                bytes(8192),
                elements=[
                    (0x60000010, "US", HUGE),
                    (0x60000011, "US", HUGE),
                    (0x60000040, "CS", "G"),
                    (0x60000050, "SS", [1, 1]),
                    (0x60000100, "US", 1),
                    (0x60000102, "US", 0),
                    (0x60003000, "OW", bytes(16)),
                ],
            ),
            "a profile of 1 GB": self._sparse(
                element(0x00282000, "OB", length=GIGABYTE), size=GIGABYTE, colour=True
            ),
        }

    def names(self) -> dict[str, Write]:
        """Files that are none, and names that are odd."""

        def pipe(path: Path) -> None:
            os.mkfifo(path)

        def listening(path: Path) -> None:
            with socket.socket(socket.AF_UNIX) as one:
                folder = os.open(path.parent, os.O_RDONLY)
                one.bind(f"/proc/self/fd/{folder}/{path.name}")
                os.close(folder)

        def device(path: Path) -> None:
            path.symlink_to("/dev/zero")

        def copy(path: Path) -> None:
            path.write_bytes(self._good.read_bytes()[:1000])

        return {
            "pipe": pipe,
            "socket": listening,
            "device": device,
            "line\nbreak": copy,
            "turned \u202egnp.mcd": copy,
        }

    # how they are written

    def _dataset(self, **values: object) -> pydicom.Dataset:
        dataset = pydicom.dcmread(self._good)
        set_transfer_syntax(dataset, uid.ExplicitVRLittleEndian)
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        return dataset

    def _before(self, inserted: bytes, tag: int = 0x00100010) -> Write:
        """Elements before one of a good file."""

        def write(path: Path) -> None:
            whole = self._whole()
            place = whole.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
            path.write_bytes(whole[:place] + inserted + whole[place:])

        return write

    def _whole(self, **values: object) -> bytes:
        return encoded(self._dataset(**values))

    def _implicit(self, inserted: bytes, at: int = 0x10) -> Write:
        def write(path: Path) -> None:
            dataset = self._dataset()
            dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
            whole = encoded(dataset)
            mark = struct.pack("<HH", 0x0010, 0x0010) if at else struct.pack("<HHI", 8, 8, 0)[:4]
            place = whole.index(mark, 132)
            path.write_bytes(whole[:place] + inserted + whole[place:])

        return write

    def _sparse(
        self,
        last: bytes,
        size: int = LONGEST,
        rows: int | None = None,
        columns: int | None = None,
        colour: bool = False,
    ) -> Write:
        """A header whose last element ends in zeros that stand on no disk."""

        def write(path: Path) -> None:
            values = {"Rows": rows, "Columns": columns} if rows else {}
            dataset = self._dataset(**values)
            if colour:
                dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
                dataset.PlanarConfiguration, dataset.BitsAllocated = 0, 8
                dataset.BitsStored, dataset.HighBit = 8, 7
                dataset.PixelData = bytes(3 * dataset.Rows * dataset.Columns)
            pixels = dataset["PixelData"].value
            whole = encoded(dataset)
            tag = int.from_bytes(last[:2], "little") << 16 | int.from_bytes(last[2:4], "little")
            following = [int(key) for key in sorted(dataset.keys()) if key > tag]
            if not following:
                place = whole.index(struct.pack("<HH", PIXELS >> 16, PIXELS & 0xFFFF))
            else:
                first = following[0]
                place = whole.index(struct.pack("<HH", first >> 16, first & 0xFFFF), 200)
            del pixels
            with open(path, "wb") as file:
                file.write(whole[:place] + last)
                file.truncate(file.tell() + size)
                file.seek(0, os.SEEK_END)
                file.write(whole[place:] if following else b"")

        return write

    def _deflated(self, tail: bytes, megabytes: int, **values: int) -> Write:
        def write(path: Path) -> None:
            dataset = self._dataset(**{key.title(): value for key, value in values.items()})
            del dataset.PixelData
            body = encoded(dataset)
            dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
            meta = io.BytesIO()
            pydicom.filewriter.write_file_meta_info(meta, dataset.file_meta, False)
            start = 144 + int.from_bytes(
                body[140:144], "little"
            )  # behind the file meta information
            deflated = _deflated(body[start:] + tail, megabytes)
            path.write_bytes(bytes(128) + b"DICM" + meta.getvalue() + deflated)

        return write

    def _image(
        self,
        syntax: uid.UID,
        pixels: bytes,
        rows: int = 64,
        columns: int = 64,
        bits: int = 16,
        frames: int | None = None,
        elements: Sequence[tuple] = (),
        **values: object,
    ) -> Write:
        def write(path: Path) -> None:
            dataset = self._dataset(**values)
            dataset.Rows, dataset.Columns = rows, columns
            dataset.BitsAllocated = dataset.BitsStored = bits
            dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
            if frames:
                dataset.NumberOfFrames = frames
            compressed = syntax != uid.ExplicitVRLittleEndian
            del dataset.PixelData
            for one in elements:
                dataset.add_new(*one)
            whole = encoded(dataset)
            wanted = syntax.encode() + b"\0" * (len(syntax) % 2)
            given = uid.ExplicitVRLittleEndian.encode() + b"\0"
            old = element(0x00020010, "UI", given)
            new = element(0x00020010, "UI", wanted)
            assert whole.count(old) == 1
            whole = whole.replace(old, new)
            place = whole.index(b"\2\0\0\0UL\4\0") + 8
            meta = int.from_bytes(whole[place : place + 4], "little") + len(new) - len(old)
            whole = whole[:place] + struct.pack("<I", meta) + whole[place + 4 :]
            head = element(
                PIXELS, "OB" if compressed else "OW", b"", UNDEFINED if compressed else len(pixels)
            )
            end = END if compressed and not pixels.endswith(END) else b""
            path.write_bytes(whole + head + pixels + end)

        return write


def _deflated(content: bytes, megabytes: int) -> bytes:
    """Some bytes and zeros behind them, deflated."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = squeeze.compress(content) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(bytes(2**20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return first + block * megabytes + squeeze.flush()


def _encoded(grey: np.ndarray) -> dict[uid.UID, bytes]:
    """An image as a stream of each syntax that can be written here; none on Kaggle's image."""
    if imagecodecs is None:
        return {}
    streams = {
        uid.JPEGBaseline8Bit: imagecodecs.jpeg8_encode(grey.astype(np.uint8)),
        uid.JPEGLosslessSV1: imagecodecs.jpeg8_encode(grey, lossless=True, bitspersample=16),
        uid.JPEGLSLossless: imagecodecs.jpegls_encode(grey),
        uid.JPEG2000Lossless: imagecodecs.jpeg2k_encode(
            grey, level=0, codecformat="j2k", reversible=True
        ),
    }
    if hasattr(imagecodecs, "htj2k_encode"):
        streams[uid.HTJ2KLossless] = imagecodecs.htj2k_encode(grey)
    return streams


def _enlarged(syntax: uid.UID, stream: bytes) -> bytes:
    """A stream whose own header claims 65535 rows and columns; as it is where it claims none."""
    huge = struct.pack(">HH", HUGE, HUGE)
    if stream[:4] == b"\xff\x4f\xff\x51":  # Xsiz, Ysiz; XTsiz, YTsiz
        sizes = struct.pack(">2I", HUGE, HUGE)
        return stream[:8] + sizes + stream[16:24] + sizes + stream[32:]
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7"):
        if stream[:2] == b"\xff\xd8" and (place := stream.find(marker)) >= 0:
            return stream[: place + 5] + huge + stream[place + 9 :]
    return stream
