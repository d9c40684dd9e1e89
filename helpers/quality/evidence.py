"""What does a finding look like? A picture of the image, or the positions of the stack."""

import io
import textwrap
from dataclasses import replace

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers.pictures.plots import plot_positions
from helpers.pictures.slices import show_slice
from helpers.pixels.image import ImageError
from helpers.quality.pixel_rules import AIR_HU
from helpers.slices.grid import numbers
from helpers.slices.stacks import stack_slices
from helpers.volume.slice import load_slice

ACROSS = 3  # pictures side by side
WIDTH = 46  # characters of a title
BY_POSITION = {
    "missing-slice",
    "uneven-spacing",
    "repeated-slice",
    "second-scan",
    "interspaced",
    "wrong-declared-spacing",
}


def show_evidence(findings, headers, *, most=12):
    """Draws the first finding of each rule, the worst first: the image that it names, or its stack's positions.

    Parameters
    ----------
    findings : DataFrame of `helpers.audit`
    headers : DataFrame of `helpers.frame_table`, from which they were found
    most : how many are drawn

    Returns
    -------
    list of Axes
    """
    shown = findings.drop_duplicates("rule").head(most)
    rows = max(1, -(-len(shown) // ACROSS))
    figure = plt.figure(figsize=(4 * ACROSS, 3.6 * rows), layout="constrained")
    axes = [figure.add_subplot(rows, ACROSS, place + 1) for place in range(max(1, len(shown)))]
    if not len(shown):
        axes[0].set(title="Nothing was found", xticks=[], yticks=[])
    for ax, finding in zip(axes, shown.itertuples()):
        show_finding(finding, headers, ax=ax)
    return axes


def show_remedies(findings, headers):
    """Draws, for each rule whose remedy can be drawn, its first finding before and after; nothing is written.

    Returns
    -------
    list of Axes, two for each rule
    """
    shown = findings[findings["rule"].isin(REMEDIES)].drop_duplicates("rule")
    figure = plt.figure(figsize=(9, 4 * max(1, len(shown))), layout="constrained")
    axes = [
        figure.add_subplot(max(1, len(shown)), 2, place + 1)
        for place in range(2 * max(1, len(shown)))
    ]
    for pair, finding in zip(zip(axes[::2], axes[1::2]), shown.itertuples()):
        before = _decodable(finding, headers)
        if before is None:
            for ax in pair:
                _say_so(ax)
            continue
        if before.caption["padding"]:  # guessed: what is stored has none
            before = replace(before, padding=None, caption={**before.caption, "padding": ""})
        for ax, image, when in zip(
            pair, (before, REMEDIES[finding.rule](before)), ("as stored", "with the remedy")
        ):
            kept = image.pixels if image.padding is None else image.pixels[~image.padding]
            show_slice(image, ax=ax, window=(-500, 1700))
            ax.set_title(f"{finding.rule}, {when}\nmean {kept.mean():.0f} HU", fontsize=9)
    if not len(shown):
        for ax in axes:
            ax.set(title="No remedy to draw", xticks=[], yticks=[])
    return axes


def show_finding(finding, headers, *, ax=None):
    """Draws one finding: a row of the audit's table as `itertuples` gives it. Returns the Axes."""
    ax = ax or plt.figure(figsize=(6, 4), layout="constrained").add_subplot()
    if finding.stack is not None and finding.rule in BY_POSITION:
        stacks = (
            [finding.stack, (finding.stack[0], 1)]
            if finding.rule == "second-scan"
            else [finding.stack]
        )
        plot_positions(
            {str(number): stack_slices(headers, stack) for number, stack in enumerate(stacks)},
            ax=ax,
        )
        ax.set_yticks([])
        ax.get_legend().remove()
    else:
        _show_image(finding, headers, ax)
    where = f", frame {finding.frame}" if finding.frame else ""
    ax.set_title(
        "\n".join(
            [
                finding.rule + where,
                *textwrap.wrap(finding.value, WIDTH, max_lines=2, placeholder=" …"),
            ]
        ),
        fontsize=9,
    )
    return ax


def finding_png(finding, headers):
    """One finding (a row of the audit's table), drawn as by `show_finding`, as PNG bytes."""
    figure, buffer = Figure(figsize=(6, 4.5), layout="constrained"), io.BytesIO()
    FigureCanvasAgg(figure)
    show_finding(finding, headers, ax=figure.add_subplot())
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _show_image(finding, headers, ax):
    """The image; where there is none, words."""
    image = _decodable(finding, headers)
    if image is None:
        _say_so(ax)
    else:
        show_slice(image, ax=ax)


def _say_so(ax):
    ax.text(0.5, 0.5, "no image can be drawn", ha="center", va="center", transform=ax.transAxes)
    ax.set(xticks=[], yticks=[])


def _decodable(finding, headers):
    """The image; None where it cannot be decoded."""
    try:
        return _image_of(finding, headers)
    except ImageError:
        return None


def _image_of(finding, headers):
    """The Slice of the file, or of the middle of the stack."""
    if finding.path is not None:
        return load_slice(finding.path, frame=int(finding.frame or 0))
    slices = stack_slices(headers, finding.stack)
    place = len(slices) // 2
    frame = numbers(slices, "frame")[place]
    return load_slice(slices.index[place], frame=int(np.nan_to_num(frame)))


def _without_lowest(image):
    return replace(image, padding=image.pixels == image.pixels.min())


def _without_border(image):
    """The frame of equal values along the edges masked."""
    same = image.pixels == image.pixels[0, 0]
    inner = np.zeros(same.shape, bool)
    if same.all():
        return image
    rows, columns = np.flatnonzero(~same.all(axis=1)), np.flatnonzero(~same.all(axis=0))
    inner[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return replace(image, padding=~inner)


def _with_air_at_minus_1000(image):
    corners = [image.pixels[row, column] for row in (0, -1) for column in (0, -1)]
    return replace(image, pixels=image.pixels - np.round(np.median(corners)) + AIR_HU)


def _with_sign(image):
    return replace(
        image, pixels=np.where(image.pixels >= 2**11, image.pixels - 2**12, image.pixels)
    )


REMEDIES = {  # rule → what a Slice becomes
    "undeclared-padding": _without_lowest,
    "zero-border": _without_border,
    "wrong-rescale": _with_air_at_minus_1000,
    "signed-as-unsigned": _with_sign,
}
