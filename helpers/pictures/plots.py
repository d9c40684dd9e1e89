"""What does a table show? Each function returns its Axes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.pictures.style import (
    ACCENT_COLOUR,
    LEGEND_BESIDE,
    MUTED_COLOUR,
    SECOND_COLOUR,
    axes_or_new,
)
from helpers.slices.arrays import paths_of
from helpers.slices.kinds import KINDS
from helpers.slices.labels import series_label
from helpers.slices.words import WHAT_IT_IS

MAX_PATIENTS = 80  # names that fit beside bars
MAX_DRAWN = 800  # bars, which are two pixels high then
MAX_KEYWORDS = 60  # names that can be read side by side in the width of a page
LINE_HEIGHT = 0.5  # inches of a figure that is a line of text
PAGE_WIDTH = 9.6  # inches; a wider figure is made smaller, and its words with it
MANY_FINDINGS = 20  # of one rule, before their axis is logarithmic
SEVERAL_SCANS = 1.5  # times as many files as the largest stack has slices: more than one scan
FEW_ALIKE, LOW, HIGH = 2.5, 0.2, 0.7  # patients of a bar, below which words about one stand low
POSITIONS = "positions (or views) of the largest stack"
NUMBERS = "number of files, number of positions"
MAX_BARS = 40  # of a histogram of counts
STEPS = {  # column of `slice_counts` → what is left there
    "files": "files",
    "readable": "files that can be read",
    "images": "images in them",
    "unique_images": "images not stored twice",
    "positions": "positions or views, all stacks",
    "largest_stack": "positions or views, largest stacks",
}
FILE_STEPS = 2  # the first steps count files, the others images, of which a file may hold many
KIND_STYLES = {  # kind → colour and pattern, told apart by colour-blind readers and in grey
    "volume": (ACCENT_COLOUR, ""),
    "cine": ("#e69f00", "//"),
    "projection": ("#56b4e9", ""),
    "picture": (SECOND_COLOUR, ".."),
    "slide": ("#cc79a7", ""),
    "dose": ("#009e73", "\\\\"),
    "segmentation": ("#000000", ""),
    "mosaic": ("#f0e442", "++"),
}
SEVERITY_COLOURS = {"error": SECOND_COLOUR, "warning": ACCENT_COLOUR, "note": MUTED_COLOUR}


def plot_slice_counts(counts: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws how many files there are, and how many positions the largest stack behind them has.

    Where images are of one view each, as radiographs are, each of them counts as a position; the
    frames of a clip are one.

    Parameters
    ----------
    counts : DataFrame of `helpers.slice_counts`
    """
    ax = axes_or_new(ax, 9, 4.5)
    if counts.empty:
        ax.set(title="No file to count", xticks=[], yticks=[])
        return ax
    name, positions = counts.index.name, counts["largest_stack"]
    most, median = max(counts["files"].max(), positions.max()), positions.median()
    width = -(-(most + 1) // MAX_BARS)
    bins = (np.arange(0, most + width + 1, width) - 0.5).tolist()  # each holds equally many numbers
    ax.hist(counts["files"], bins, color=MUTED_COLOUR, label="files")
    outline: dict[str, Any] = {"histtype": "step", "color": ACCENT_COLOUR, "linewidth": 2}
    ax.hist(positions, bins, label=POSITIONS, **outline)
    label = f"median of these positions: {median:g}"
    ax.axvline(median, color=SECOND_COLOUR, linestyle="--", label=label)
    ax.set(
        title=f"Files and positions per {name}", xlabel=NUMBERS, ylabel=f"number of {name} values"
    )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(**LEGEND_BESIDE)
    _explain_largest(counts, ax)
    return ax


def _explain_largest(counts: pd.DataFrame, ax: Axes) -> None:
    """Says what the largest number of files is made of, where it is not one stack."""
    name = counts["files"].idxmax()
    files, largest = counts.loc[name, ["files", "largest_stack"]]
    if largest > 1 and files > SEVERAL_SCANS * largest and "stacks" in counts:
        stacks = counts.loc[name, "stacks"]
        of_stacks = "1 stack" if stacks == 1 else f"{stacks} stacks"
        text = f"{name}: {files} files,\n{of_stacks} of at most {largest} positions"
        ax.annotate(
            text,
            xy=(files, 1),
            xytext=(-12, LOW if ax.get_ylim()[1] < FEW_ALIKE else HIGH),
            textcoords=("offset points", "axes fraction"),
            ha="right",
            color=SECOND_COLOUR,
            fontsize=9,
            parse_math=False,
            arrowprops={"arrowstyle": "->", "color": SECOND_COLOUR},
        )


def plot_waterfall(counts: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws what becomes of a collection's files, down to the positions of each largest stack.

    Files and images are two units: from one to the other alone there can be more, where a file
    holds several images, as frames. Each other step takes something away.

    Parameters
    ----------
    counts : DataFrame of `helpers.slice_counts`
    """
    totals = counts[list(STEPS)].sum().to_numpy()
    changes = np.diff(totals, prepend=totals[:1])
    ax = axes_or_new(ax, 9, 3, layout="constrained")
    colours = [MUTED_COLOUR] * FILE_STEPS + [ACCENT_COLOUR] * (len(STEPS) - FILE_STEPS)
    ax.barh(list(STEPS.values()), totals, color=colours)
    for row, (total, change) in enumerate(zip(totals, changes)):
        ax.text(total, row, f" {total:,}{_change_text(change)}", va="center", fontsize=9)
    ax.set(title="From files to positions, the whole collection", xlabel="number")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(0, 1.6 * max(totals.max(), 1))
    ax.invert_yaxis()
    return ax


def _change_text(change: int) -> str:
    """What a step takes away; it adds only where files hold several images."""
    if change > 0:
        return ", as some files hold several"
    return f" ({change:+,})" if change else ""


def plot_files_and_positions(counts: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws a bar of files per patient, the longest first, and a dot at its distinct positions.

    Of very many patients some are drawn, at even steps from the longest to the shortest.

    Parameters
    ----------
    counts : DataFrame of `helpers.slice_counts`
    """
    table, some = _evenly(counts.sort_values("files", kind="stable"))
    ax = axes_or_new(ax, 9, 0.8 + 0.22 * min(len(table), MAX_PATIENTS))
    rows = np.arange(len(table))
    ax.barh(rows, table["files"], color=MUTED_COLOUR, label="files")
    ax.plot(table["largest_stack"], rows, "o", color=ACCENT_COLOUR, markersize=5, label=POSITIONS)
    ax.set(title=f"Files and positions of each {counts.index.name}{some}", xlabel=NUMBERS)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(-0.7, len(table) - 0.3)
    named = len(table) <= MAX_PATIENTS
    ax.set_yticks(rows if named else [], table.index if named else [], parse_math=False)
    ax.legend(**LEGEND_BESIDE)
    return ax


def plot_kinds(counts: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws what images there are: a bar for each patient, the longest first, its parts by kind.

    Of very many patients some are drawn, at even steps from the longest to the shortest.

    Parameters
    ----------
    counts : DataFrame of `helpers.kind_counts`
    """
    order = np.argsort(counts.sum(axis=1).to_numpy(), kind="stable")
    drawn, some = _evenly(counts.loc[:, counts.sum() > 0].iloc[order])
    nothing = drawn.empty or not drawn.columns.size
    height = LINE_HEIGHT if nothing else 1.2 + 0.22 * min(max(len(drawn), 2), MAX_PATIENTS)
    ax = axes_or_new(ax, 9, height)
    if nothing:
        ax.set_title("No image to count")
        ax.set_axis_off()
        return ax
    rows, left = np.arange(len(drawn)), np.zeros(len(drawn))
    for kind in sorted(
        drawn, key=lambda one: (KINDS.index(one) if one in KINDS else len(KINDS), one)
    ):
        colour, hatch = KIND_STYLES.get(kind, (MUTED_COLOUR, "xx"))
        style: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white"}
        label = f"{kind} ({counts[kind].sum():,})"
        ax.barh(rows, drawn[kind], 0.9, left, label=label, linewidth=0, **style)
        left += drawn[kind].to_numpy()
    named = len(drawn) <= MAX_PATIENTS
    ax.set_yticks(rows if named else [], drawn.index if named else [], parse_math=False)
    ax.set_ylim(-0.7, len(drawn) - 0.3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    title = f"Images of each {counts.index.name}, by kind{some}"
    ax.set(title=title, xlabel="number of images (frames)")
    ax.legend(**LEGEND_BESIDE)
    return ax


def plot_positions(stacks: Mapping[Any, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Draws where the slices of stacks lie, in mm along the normal, with gaps and repetitions.

    Parameters
    ----------
    stacks : mapping of stack to its rows, ``slices.loc[stack]``, of `helpers.slice_table`
        A stack is an entry of the index of `helpers.stack_table`, or any name.
    """
    ax = axes_or_new(ax, 9, 1.2 + 0.45 * len(stacks) if stacks else LINE_HEIGHT)
    if not stacks:
        ax.set_title("No stack to draw")
        ax.set_axis_off()
        return ax
    for row, slices in enumerate(stacks.values()):
        once, again = (slices["position_mm"][slices["repeated"] == repeated] for repeated in (0, 1))
        label, again_label = (None, None) if row else ("an image", "again at the same position")
        ax.plot(once, [row] * len(once), "|", color=ACCENT_COLOUR, markersize=12, label=label)
        ax.plot(again, [row + 0.25] * len(again), "v", color=SECOND_COLOUR, label=again_label)
        if slices["position_mm"].isna().all():
            place = ax.get_yaxis_transform()
            ax.text(0.5, row, _without_position(slices), transform=place, ha="center", va="center")
    names = [_stack_label(*stack) for stack in stacks.items()]
    ax.set_yticks(range(len(stacks)), names, parse_math=False)
    ax.set(title="Positions of the images", ylim=(len(stacks) - 0.5, -0.6))
    if all(slices["position_mm"].isna().all() for slices in stacks.values()):
        ax.set(xlabel="no image has a position in the patient", xticks=[])
        return ax
    ax.set_xlabel("position along the normal in mm")
    ax.legend(**LEGEND_BESIDE)
    return ax


def _without_position(slices: pd.DataFrame) -> str:
    """What a stack without any position is, and how many images it has."""
    kind = slices["kind"].iloc[0] if "kind" in slices else ""
    count = "1 image" if len(slices) == 1 else f"{len(slices):,} images"
    return f"{WHAT_IT_IS.get(kind, 'position unknown')} ({count})"


def _stack_label(stack: Any, slices: pd.DataFrame) -> str:
    """Patient, series and number of a stack, and whether its order is a guess."""
    words, name = ["PatientID", "SeriesNumber", "SeriesDescription"], str(stack)
    if isinstance(stack, tuple):
        first = slices.reindex(columns=words).iloc[0]
        patient = first["PatientID"] if isinstance(first["PatientID"], str) else "?"
        name = f"{patient} · {series_label(first)} · stack {stack[1]}"
    grades = set(slices["order_grade"])
    frames_in_order = grades == {"C"} and len(set(paths_of(slices))) == 1  # of one file
    return name if grades == {"A"} or frames_in_order else f"{name} (a guess)"


def plot_findings(findings: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws how many findings of each rule there are, the worst rules first.

    The axis is logarithmic where there are many of one.

    Parameters
    ----------
    findings : DataFrame of `helpers.audit`
    """
    counts = findings.groupby(["severity", "rule"], sort=False).size()
    height = LINE_HEIGHT if counts.empty else 1.2 + 0.28 * max(len(counts), 2)
    ax = axes_or_new(ax, 9, height, layout="constrained")
    if counts.empty:
        ax.set_title("Nothing was found")
        ax.set_axis_off()
        return ax
    severities, rules = counts.index.get_level_values(0), counts.index.get_level_values(1)
    for severity, colour in SEVERITY_COLOURS.items():
        rows = np.flatnonzero(severities == severity)
        if len(rows):
            ax.barh(rows, counts.iloc[rows], color=colour, label=f"{severity}s")
    for row, count in enumerate(counts):
        ax.text(count, row, f" {count}", va="center", fontsize=8)
    ax.set_yticks(range(len(counts)), rules)
    ax.set(
        title="What the audit found", xlabel="number of findings", ylim=(len(counts) - 0.4, -0.6)
    )
    if counts.max() > MANY_FINDINGS:
        ax.set(xscale="log", xlim=(0.7, 2 * counts.max()))
    else:
        ax.set(xlim=(0, 1.1 * counts.max() + 0.5))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(**LEGEND_BESIDE)
    return ax


def plot_missing(headers: pd.DataFrame, *, by: str = "PatientID", ax: Axes | None = None) -> Axes:
    """Draws which elements have a value where: the share of files with one, per value of `by`.

    Elements with a value in every file are left out, and so are those without one in any.

    Parameters
    ----------
    headers : DataFrame of `helpers.header_table`
    """
    present = headers.drop(columns="error").notna()
    partly = present.loc[:, ~present.all() & present.any()]
    groups = headers[by].fillna("?").to_numpy() if by in headers else np.full(len(headers), "?")
    shares = partly.groupby(groups).mean()
    frequent = shares.mean().sort_values(ascending=False).index[:MAX_KEYWORDS]
    drawn = shares[frequent].iloc[_steps(len(shares), MAX_PATIENTS)]
    width, height = min(PAGE_WIDTH, 2 + 0.24 * max(drawn.shape[1], 8)), 3 + 0.2 * len(drawn)
    ax = axes_or_new(ax, width, LINE_HEIGHT if drawn.empty else height, layout="constrained")
    if drawn.empty:
        ax.set_title("No file lacks what another has")
        ax.set_axis_off()
        return ax
    image = ax.imshow(drawn, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(drawn.shape[1]), drawn.columns, rotation=90, fontsize=7)
    ax.set_yticks(range(len(drawn)), drawn.index, fontsize=7, parse_math=False)
    ax.set_title(f"Which elements have a value where{_part_shown(drawn, shares)}")
    ax.figure.colorbar(image, ax=ax, label="share of files", ticks=[0, 0.5, 1])
    return ax


def _evenly(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """(rows at even steps, which can be told apart as bars; words that say how many of how many)"""
    drawn = table.iloc[_steps(len(table), MAX_DRAWN)]
    return drawn, f"\n({len(drawn)} of {len(table):,}, evenly chosen)" * (len(drawn) < len(table))


def _steps(count: int, most: int) -> np.ndarray:
    """The numbers of rows at even steps, of so many at most."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def _part_shown(drawn: pd.DataFrame, whole: pd.DataFrame) -> str:
    """How many rows and columns of a table are drawn; empty where all are."""
    sizes = zip(drawn.shape, whole.shape, ("rows", "elements"))
    parts = [f"{count} of {total:,} {name}" for count, total, name in sizes if count < total]
    return f"\n({', '.join(parts)})" if parts else ""
