"""What does a finding look like? The image, labels on one, or the positions of the stack."""

import io
import os
import textwrap
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers.pictures.plots import plot_positions
from helpers.pictures.slices import show_slice
from helpers.pictures.style import axes_grid, axes_or_new, line_of_text
from helpers.pixels.image import ImageError
from helpers.quality.label_evidence import show_labels_of
from helpers.quality.pixel_rules import AIR_HU
from helpers.slices.arrays import frames_of, paths_of
from helpers.volume.slice import Slice, load_slice

MAX_COLUMNS = 3  # of pictures
TITLE_COLUMNS = 46  # characters
CHEST_WINDOW = (-500, 1700)  # HU
TWELVE_BITS = 2**12
RULES_OF_POSITIONS = {
    *("missing-slice", "uneven-spacing", "repeated-slice", "second-scan", "interspaced"),
    *("wrong-declared-spacing", "ambiguous-repetitions", "several-frames-of-reference"),
}
RULES_OF_GROUPS = {"second-scan", "ambiguous-repetitions"}


def show_evidence(findings: pd.DataFrame, slices: pd.DataFrame, *, most: int = 12) -> list[Axes]:
    """Draws the first finding of each rule, the worst first: its image, or its stack's positions.

    Parameters
    ----------
    findings : DataFrame of `helpers.audit`
    slices : DataFrame of `helpers.slice_table`, from which they were found
    most : how many are drawn
    """
    shown = findings.drop_duplicates("rule").head(most)
    if shown.empty:
        return [line_of_text("Nothing was found")]
    axes = axes_grid(len(shown), MAX_COLUMNS, 4, 3.6)
    for ax, finding in zip(axes, shown.itertuples()):
        show_finding(finding, slices, ax=ax)
    return axes


def show_remedies(findings: pd.DataFrame, slices: pd.DataFrame) -> list[Axes]:
    """Draws the first finding of each rule before and after its remedy; nothing is written.

    Returns
    -------
    list of Axes, two for each rule whose remedy can be drawn; one with a line of text for none
    """
    shown = findings[findings["rule"].isin(REMEDIES)].drop_duplicates("rule")
    if shown.empty:
        return [line_of_text("None of these findings has a remedy that can be drawn")]
    axes = axes_grid(2 * len(shown), 2, 4.5, 4)
    for before, after, finding in zip(axes[::2], axes[1::2], shown.itertuples()):
        try:
            image = _without_guess(_image_of(finding, slices))
        except ImageError as error:
            _write_error(error, before)
            _write_error(error, after)
            continue
        _show_remedy(image, f"{finding.rule}, as stored", before)
        _show_remedy(REMEDIES[finding.rule](image), f"{finding.rule}, with the remedy", after)
    return axes


def show_finding(finding: Any, slices: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draws one finding: a row of the audit's table as `itertuples` gives it."""
    ax = axes_or_new(ax, 6, 4, layout="constrained")
    if finding.stack is not None and finding.rule in RULES_OF_POSITIONS:
        _show_positions(finding, slices, ax)
    elif not show_labels_of(finding, slices, ax):
        try:
            show_slice(_image_of(finding, slices), ax=ax)
        except ImageError as error:
            _write_error(error, ax)
    frame = f", frame {finding.frame}" if finding.frame else ""
    value = textwrap.wrap(finding.value, TITLE_COLUMNS, max_lines=2, placeholder=" …")
    ax.set_title("\n".join([finding.rule + frame, *value]), fontsize=9)
    return ax


def finding_png(finding: Any, slices: pd.DataFrame) -> bytes:
    """What `show_finding` draws, as PNG bytes."""
    figure, buffer = Figure(figsize=(6, 4.5), layout="constrained"), io.BytesIO()
    FigureCanvasAgg(figure)
    show_finding(finding, slices, ax=figure.add_subplot())
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _show_positions(finding, slices, ax):
    """The positions of the stack; of repeated scans those of its group's two largest stacks."""
    stacks = [slices.loc[finding.stack]]
    if finding.rule in RULES_OF_GROUPS:
        series = slices.loc[finding.stack[0]]
        same = series[(series["group"] == stacks[0]["group"].iloc[0]).to_numpy()]
        stacks = [rows for _, rows in same.groupby(level="stack")]
        stacks = sorted(stacks, key=len, reverse=True)[:2]
    plot_positions({str(row): rows for row, rows in enumerate(stacks)}, ax=ax)
    ax.set_yticks([])
    ax.get_legend().remove()


def _image_of(finding: Any, slices: pd.DataFrame) -> Slice:
    """The image of the file, or of the middle of the stack; an error names the file alone."""
    path, frame = finding.path, finding.frame or 0
    if path is None:
        rows = slices.loc[finding.stack]
        middle = len(rows) // 2
        path, frame = paths_of(rows)[middle], frames_of(rows)[middle]
    try:
        return load_slice(path, frame=int(frame))
    except ImageError as error:
        raise ImageError(str(error).replace(path, os.path.basename(path))) from error


def _write_error(error, ax):
    """Why there is no picture, in its place."""
    reason = textwrap.wrap(str(error), TITLE_COLUMNS, max_lines=4, placeholder=" …")
    words = "\n".join(["no image can be drawn", *reason])
    ax.text(0.5, 0.5, words, ha="center", va="center", fontsize=8, transform=ax.transAxes)
    ax.set(xticks=[], yticks=[])


def _show_remedy(image, title, ax):
    kept = image.array if image.padding is None else image.array[~image.padding]
    show_slice(image, ax=ax, window=CHEST_WINDOW)
    ax.set_title(f"{title}\nmean {kept.mean():.0f} HU", fontsize=9)


def _without_guess(image):
    """An image with the padding that its header declares alone: that is what is stored."""
    if not image.caption["padding"]:
        return image
    return replace(image, padding=None, caption={**image.caption, "padding": ""})


def _without_lowest(image):
    return replace(image, padding=image.array == image.array.min())


def _without_border(image):
    """The frame of equal values along the edges masked."""
    differs = image.array != image.array[0, 0]
    if not differs.any():
        return image
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    border = np.ones(differs.shape, bool)
    border[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = False
    return replace(image, padding=border)


def _with_air_at_minus_1000(image):
    corners = image.array[[0, 0, -1, -1], [0, -1, 0, -1]]
    return replace(image, array=image.array - np.round(np.median(corners)) + AIR_HU)


def _with_sign(image):
    values = image.array
    negative = values >= TWELVE_BITS // 2
    return replace(image, array=np.where(negative, values - TWELVE_BITS, values))


REMEDIES: dict[str, Callable[[Slice], Slice]] = {
    "undeclared-padding": _without_lowest,
    "zero-border": _without_border,
    "wrong-rescale": _with_air_at_minus_1000,
    "signed-as-unsigned": _with_sign,
}
