"""What does the gallery of a report say? A card for each stack, and the findings, as plain data."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from helpers.report.cleaned import clean_data
from helpers.report.stack_pictures import Stack, StackInput
from helpers.report.tables import Tables
from helpers.slices.groups import sister_stacks
from helpers.slices.labels import UID_DIGITS, split_label

MAX_FINDINGS = 2000  # that the index lists
MAX_TEXT = 200  # characters of a header's text on a card
MAX_WORDS = 600  # characters of what is said of a finding


class Shown(NamedTuple):
    """How a stack is shown in the report."""

    thumb: str = ""  # address of its thumbnail; empty without
    width: int = 0  # pixels of it
    height: int = 0
    alt: str = ""
    page: str = ""  # address of its own page; empty without
    is_alive: bool = False  # whether that has a viewer, not a contact sheet
    why: str = ""  # there is no picture, or no viewer
    slices: Mapping[int, int] = {}  # number of a finding → index in the viewer


class Gallery:
    """The stacks of a collection by number, from 1 in the order of the stack table.

    Parameters
    ----------
    tables : of the collection
    root : folder of the collection, which no text names
    clean : function of a text that gives the text to show instead; None to show it as it is
    """

    def __init__(
        self, tables: Tables, root: str, clean: Callable[[str], str] | None = None
    ) -> None:
        self.tables, self._root, self._clean = tables, root, clean
        self.stacks: list[Stack] = list(tables.stacks.index)
        self._rows = dict(zip(self.stacks, tables.stacks.itertuples()))
        self._numbers = {stack: number for number, stack in enumerate(self.stacks, 1)}
        self._places = tables.slices.groupby(level=[0, 1], sort=False).indices
        self._owners = _owners(tables, self._numbers)
        self._findings: dict[int, list[int]] = {}
        for finding, owner in enumerate(self._owners):
            if owner is not None:
                self._findings.setdefault(owner, []).append(finding)

    def __len__(self) -> int:
        return len(self.stacks)

    def number_of(self, stack: Stack) -> int:
        """The number of an entry of the stack table's index."""
        return self._numbers[stack]

    def input(self, number: int, *, group: bool = False) -> StackInput:
        """What is needed to draw a stack, and the others of its group if wanted."""
        stack, labels = self.stacks[number - 1], self.tables.labels
        members = [stack]
        if group:
            sisters = sister_stacks(self.tables.stacks, stack).index
            members = list(sisters) if stack in sisters else members
        rows = sorted(row for one in members for row in self._places[one])
        if labels is not None:
            own = labels["SeriesInstanceUID"].eq(stack[0]) & labels["stack"].eq(stack[1])
            labels = labels[own.to_numpy(bool)]
        return StackInput(
            stack,
            self.tables.slices.iloc[rows],
            self.tables.stacks.loc[members],
            self.tables.findings.iloc[self.findings_of(number)],
            labels,
        )

    def findings_of(self, number: int) -> list[int]:
        """The numbers of the findings about a stack, the worst first."""
        return self._findings.get(number, [])

    def severity_of(self, number: int) -> str:
        """The worst severity of the findings about a stack; empty without any."""
        found = self.findings_of(number)
        return str(self.tables.findings["severity"].iloc[found[0]]) if found else ""

    def title_of(self, number: int) -> str:
        """What a stack is called: its series' description, and what tells it from its sisters."""
        row = self._rows[self.stacks[number - 1]]
        split = split_label(row.split_keyword, row.split_value)
        name = _text(row.SeriesDescription) or _kind(row)
        return self.said(" · ".join(filter(None, (name, split, _text(row.differs)))))

    def about(self, number: int) -> str:
        """A stack in a line, for the head of its page."""
        card = self.card(number, Shown())
        count = f"{card['images']} image{'s' * (card['images'] != 1)}"
        series = card["series"] and f"series {card['series']}"
        words = [card["patient"], card["modality"], card["kind"], count, card["size"]]
        words += [card["spacing"] and f"{card['spacing']} apart", series]
        return " · ".join(filter(None, words))

    def card(self, number: int, shown: Shown) -> dict[str, Any]:
        """The card of a stack, of JSON's own types."""
        row = self._rows[self.stacks[number - 1]]
        found = self.tables.findings["rule"].iloc[self.findings_of(number)]
        spacing = f"{row.spacing_mm:.3g} mm" if row.spacing_mm > 0 else ""
        return {
            "id": number,
            "patient": self.said(_text(row.PatientID)),
            "modality": self.said(_text(row.Modality)),
            "kind": str(row.kind),
            "title": self.title_of(number),
            "series": self.said(_series(row)),
            "images": int(row.images),
            "positions": int(row.positions),
            "spacing": spacing,
            "size": f"{row.columns:.0f} × {row.rows:.0f}" if row.rows > 0 else "",
            "thumb": shown.thumb,
            "alt": self.said(shown.alt),
            "width": shown.width,
            "height": shown.height,
            "page": shown.page,
            "alive": shown.is_alive,
            "why": self.said(shown.why),
            "badges": [f"{rule} {count}" for rule, count in Counter(found).items()],
            "severity": self.severity_of(number),
        }

    def finding(self, number: int, shown: Mapping[int, Shown]) -> dict[str, Any]:
        """A finding, of JSON's own types, with the way to its slice.

        Parameters
        ----------
        shown : how each stack is shown, by its number
        """
        row, owner = self.tables.findings.iloc[number], self._owners[number]
        own = shown.get(owner, Shown()) if owner is not None else Shown()
        index = own.slices.get(number)
        place = "" if index is None else f"#index={index}"
        words = {name: _text(row[name], MAX_WORDS) for name in ("value", "effect", "remedy")}
        return {
            "rule": str(row["rule"]),
            "severity": str(row["severity"]),
            "card": owner,
            "where": self._where(row, owner),
            "slice": index,
            "href": f"{own.page}{place}" if own.page else "",
            **{name: self.said(text) for name, text in words.items()},
            "clause": _text(row["clause"]),
        }

    def data(self, shown: Mapping[int, Shown]) -> dict[str, Any]:
        """All that the index shows of stacks and findings, of JSON's own types."""
        count = len(self.tables.findings)
        listed = range(min(count, MAX_FINDINGS))
        cards = range(1, len(self) + 1)
        return {
            "cards": [self.card(number, shown.get(number, Shown())) for number in cards],
            "findings": [self.finding(number, shown) for number in listed],
            "more": count - len(listed),
        }

    def said(self, text: str) -> str:
        """A text as it is shown: without the collection's folder, with pseudonyms if wanted."""
        text = text.replace(f"{self._root}{os.sep}", "")
        return self._clean(text) if self._clean else text

    def cleaned(self, data: Any) -> Any:
        """All texts in the data of a viewer as they are shown; pictures are no texts."""
        return clean_data(data, self.said)

    def _where(self, finding: pd.Series, owner: int | None) -> str:
        """What a finding is about: a file, below the folder of the collection, or a stack."""
        if isinstance(finding["path"], str):
            frame = finding["frame"]
            words = f", frame {int(frame) + 1}" if frame == frame and frame is not None else ""
            return self.said(finding["path"]) + words
        return "" if owner is None else f"stack {owner}: {self.title_of(owner)}"


def _owners(tables: Tables, numbers: Mapping[Stack, int]) -> list[int | None]:
    """The number of the stack that each finding is about; None where it is about none."""
    findings, index = tables.findings, tables.slices.index
    named = index[index.isin(set(findings["path"].dropna()), level="path")]
    of_path: dict[Any, Stack] = {}
    for series, stack, path, frame in named:
        of_path[path, int(frame)] = (series, stack)
        of_path.setdefault(path, (series, stack))
    found = []
    for path, frame, stack in zip(findings["path"], findings["frame"], findings["stack"]):
        whole = frame is None or frame != frame
        owner = stack or of_path.get(path if whole else (path, int(frame))) or of_path.get(path)
        found.append(numbers.get(owner) if isinstance(owner, tuple) else None)
    return found


def _series(row: Any) -> str:
    """The number of a series, or else the end of its UID."""
    number = _text(row.SeriesNumber)
    return number or f"…{str(row.Index[0])[-UID_DIGITS:]}"


def _kind(row: Any) -> str:
    """What a stack is, where nothing describes it."""
    is_known = row.kind == "volume" and row.plane not in ("unknown", None)
    return f"{row.plane} {row.kind}" if is_known else str(row.kind)


def _text(value: Any, most: int = MAX_TEXT) -> str:
    """A header's value as a text, cut where it is long; empty where it is missing."""
    if value is None or value != value:
        return ""
    text = " ".join((" ".join(map(str, value)) if isinstance(value, tuple) else str(value)).split())
    return text if len(text) <= most else f"{text[:most]}…"
