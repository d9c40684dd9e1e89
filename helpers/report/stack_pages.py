"""How does a report show each stack? On a page of its own, within a number of bytes."""

from base64 import b64encode
from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from helpers.pictures.thumbnail import Thumbnail
from helpers.report.gallery import Gallery, Shown
from helpers.report.html_pages import stack_html
from helpers.report.processes import ProcessError, in_processes
from helpers.report.stack_pictures import StackPictures, stack_pictures
from helpers.report.stack_viewers import (
    CHOSEN_BY,
    StackViewer,
    chosen_stacks,
    is_first_of_group,
    stack_viewer,
)
from helpers.viewer.standalone_page import PAGE_SCRIPT

FOLDER, SCRIPT_NAME = "stacks", "viewer.js"
FILES = ("[0-9]*.html", "[0-9]*.webp", SCRIPT_NAME)  # what is written there
PICTURES_SHARE = 0.4  # of the bytes of a report, that thumbnails and contact sheets take at most
MAX_SHEET, MAX_VIEWER = 100_000, 3_000_000  # bytes
MIN_VIEWER = 300_000  # bytes; before they are smaller, there are fewer viewers
PAGE_BYTES = 20_000  # of a page, for what stands around pictures or a viewer
MAX_FINDINGS = 100  # that a page lists
MIN_FOR_PROGRESS = 20  # stacks, from which on a bar is shown
MORE_FINDINGS = "{} further findings are not listed here: the page on quality has them."
MB = 1e6


class StackPages:
    """The pages of all stacks of a gallery, below the folder of a report.

    Each is first a contact sheet, so that an interrupt leaves whole pages; some then get a viewer.

    Parameters
    ----------
    gallery : the stacks
    site : folder of the report
    max_bytes : that the whole report may take
    viewers : how many stacks get a viewer at most
    environment : of the processes that draw
    """

    def __init__(
        self,
        gallery: Gallery,
        site: Path,
        *,
        max_bytes: float,
        viewers: int,
        environment: Mapping[str, str],
    ) -> None:
        self.shown: dict[int, Shown] = {}
        self.note = ""  # which stacks have a viewer
        self._gallery, self._folder = gallery, site / FOLDER
        self._max_bytes, self._viewers, self._environment = max_bytes, viewers, environment
        self._written: dict[str, int] = {}  # bytes of each file
        self._sheets: dict[int, str] = {}  # number of a stack → what its contact sheet shows

    @property
    def size(self) -> int:
        """Bytes of all that is written."""
        return sum(self._written.values())

    def draw(self) -> None:
        """Writes a thumbnail and a page for each stack; a contact sheet if it gets no viewer."""
        numbers = range(1, len(self._gallery) + 1)
        alive = set(chosen_stacks(self._gallery, self._viewers))
        self._draw({number: 0 if number in alive else self._sheet_room for number in numbers})

    def add_viewers(self, others: float) -> None:
        """Puts viewers into pages, as many as there is room for, and sheets where one fails.

        Parameters
        ----------
        others : bytes of the report besides these pages
        """
        left = self._max_bytes - others - self.size - len(PAGE_SCRIPT)
        wanted = chosen_stacks(self._gallery, self._viewers)
        numbers = wanted[: max(0, int(left / MIN_VIEWER))]
        if numbers:
            room = min(MAX_VIEWER, left / len(numbers)) - PAGE_BYTES
            self._write(SCRIPT_NAME, PAGE_SCRIPT.encode())
            made = self._made(numbers, room)
            with closing(made), _bar("Making viewers", len(numbers)) as bar:
                for number, viewer in zip(numbers, made):
                    self._show_viewer(number, viewer)
                    bar.update()
        without = [number for number in wanted if not self.shown[number].is_alive]
        self._draw(dict.fromkeys(without, self._sheet_room))
        self.note = self._note(len(self._gallery))

    def documents(self) -> dict[str, str]:
        """Name of a stack in the page that holds all → its page, with its pictures in it.

        The script of the viewers is among them, once.
        """
        found = {"viewer": PAGE_SCRIPT} if SCRIPT_NAME in self._written else {}
        for number, shown in self.shown.items():
            if shown.page:
                text = (self._folder / _name(number)).read_text(encoding="utf-8")
                for name in (_sheet_name(number), _thumbnail_name(number)):
                    if (source := f'src="{name}"') in text:
                        text = text.replace(source, f'src="{_data_address(self._folder / name)}"')
                found[f"stack-{number}"] = text
        return found

    def in_one_page(self) -> dict[int, Shown]:
        """How stacks are shown where their pages and thumbnails are in the index itself."""
        return {
            number: shown._replace(
                thumb=_data_address(self._folder.parent / shown.thumb) if shown.thumb else "",
                page=f"#stack-{number}" if shown.page else "",
            )
            for number, shown in self.shown.items()
        }

    @property
    def _pictures_bytes(self) -> float:
        """What thumbnails and contact sheets may take together."""
        return PICTURES_SHARE * self._max_bytes

    @property
    def _sheet_room(self) -> float:
        """Bytes of one contact sheet."""
        share = self._pictures_bytes / max(1, len(self._gallery))
        return min(MAX_SHEET, max(0.0, share - PAGE_BYTES))

    def _draw(self, rooms: Mapping[int, float]) -> None:
        """Writes the pictures and the pages of stacks.

        Parameters
        ----------
        rooms : number of a stack → bytes of its contact sheet; 0 for none
        """
        work = ((self._gallery.input(number), room) for number, room in rooms.items())
        drawn = in_processes(stack_pictures, work, self._environment)
        with closing(drawn), _bar("Drawing stacks", len(rooms)) as bar:
            for number, pictures in zip(rooms, drawn):
                self._show_pictures(number, pictures)
                bar.update()

    def _made(self, numbers: list[int], room: float) -> Generator[StackViewer | ProcessError]:
        """Yields the viewer of each stack, or why it has none."""
        work = (
            (self._gallery.input(number, group=is_first_of_group(self._gallery, number)), room)
            for number in numbers
        )
        return in_processes(stack_viewer, work, self._environment)

    def _show_pictures(self, number: int, pictures: StackPictures | ProcessError) -> None:
        if isinstance(pictures, ProcessError):
            pictures = StackPictures(why=str(pictures))
        before = self.shown.get(number, Shown()).why
        why = "; ".join(dict.fromkeys(filter(None, (before, pictures.why))))
        shown, small, sheet = Shown(alt=pictures.alt, why=why), pictures.thumbnail, pictures.sheet
        if small is not None and self._has_room(small):
            name = _thumbnail_name(number)
            self._write(name, small.webp)
            shown = shown._replace(thumb=f"{FOLDER}/{name}", width=small.width, height=small.height)
        if sheet is not None and self._has_room(sheet):
            self._write(_sheet_name(number), sheet.webp)
            self._sheets[number] = pictures.sheet_alt
        self.shown[number] = shown
        self._write_page(number)

    def _has_room(self, picture: Thumbnail) -> bool:
        return self.size + len(picture.webp) <= self._pictures_bytes

    def _show_viewer(self, number: int, made: StackViewer | ProcessError) -> None:
        """Writes the page of a stack anew; where there is no viewer it says why."""
        shown = self.shown[number]
        if isinstance(made, ProcessError):
            reasons = [shown.why] if shown.why else []
            if shown.thumb or not reasons:  # else it is the same once more
                reasons.append(f"no viewer: {made}")
            self.shown[number] = shown._replace(why="; ".join(reasons))
            self._write_page(number)
            return
        self.shown[number] = shown._replace(is_alive=True, slices=made.slices)
        viewer = made.viewer._replace(data=self._gallery.cleaned(made.viewer.data))
        self._write_page(number, viewer=viewer.html, script=SCRIPT_NAME, message=made.message)

    def _write_page(self, number: int, *, message: str = "", **viewer: str) -> None:
        """Writes the page of a stack: with a viewer, a contact sheet, or the reason for neither."""
        gallery, alt = self._gallery, self._sheets.get(number, self.shown[number].alt)
        sheet = _sheet_name(number) if number in self._sheets else _thumbnail_name(number)
        self.shown[number] = self.shown[number]._replace(page=f"{FOLDER}/{_name(number)}")
        found = gallery.findings_of(number)
        more = len(found) - MAX_FINDINGS
        words = [message, self.shown[number].why, MORE_FINDINGS.format(more) if more > 0 else ""]
        page = stack_html(
            number=number,
            title=gallery.title_of(number),
            about=gallery.about(number),
            sheet=sheet if self.shown[number].thumb else "",
            alt=gallery.said(alt),
            why=gallery.said("; ".join(filter(None, words))),
            findings=[gallery.finding(one, self.shown) for one in found[:MAX_FINDINGS]],
            previous=_name(number - 1) if number > 1 else "",
            next=_name(number + 1) if number < len(gallery) else "",
            **viewer,
        )
        self._write(_name(number), page.encode("utf-8", "replace"))

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(exist_ok=True)
        (self._folder / name).write_bytes(content)
        self._written[name] = len(content)

    def _note(self, total: int) -> str:
        alive = sum(shown.is_alive for shown in self.shown.values())
        if alive == total:
            return "each stack has a viewer"
        have = f"{alive:,} of {total:,} stacks have a viewer ({CHOSEN_BY})"
        return f"{have}, the others a contact sheet or the reason that there is none"


def clear(site: Path) -> None:
    """Removes the pages of stacks of an earlier report; what else lies there stays."""
    folder = site / FOLDER
    for pattern in FILES:
        for old in folder.glob(pattern):
            old.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _name(number: int) -> str:
    return f"{number:04}.html"


def _thumbnail_name(number: int) -> str:
    return f"{number:04}.webp"


def _sheet_name(number: int) -> str:
    return f"{number:04}-sheet.webp"


def _data_address(picture: Path) -> str:
    """A picture as an address that holds it."""
    return f"data:image/webp;base64,{b64encode(picture.read_bytes()).decode()}"


def _bar(what: str, total: int) -> Any:
    """A progress bar, where there is much to do."""
    is_short = total < MIN_FOR_PROGRESS
    return tqdm(total=total, desc=what, unit=" stacks", leave=False, disable=is_short)
