"""What does a finding look like? A picture of the image, or the positions of the stack."""

import textwrap

from matplotlib import pyplot as plt

from helpers.pictures import show_slice
from helpers.pixels import ImageError
from helpers.plots import plot_positions
from helpers.slice import load_slice
from helpers.stacks import stack_slices

ACROSS = 3  # pictures side by side
WIDTH = 46  # characters of a title
BY_POSITION = {"missing-slice", "uneven-spacing", "repeated-slice", "second-scan", "interspaced", "wrong-declared-spacing"}


def show_evidence(findings, headers, *, most=12):
    """Draws the first finding of each rule, the worst first: the image that it names, or its stack's positions.

    Parameters
    ----------
    findings : DataFrame of `helpers.audit.audit`
    headers : DataFrame of `helpers.frames.frame_table`, from which they were found
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


def show_finding(finding, headers, *, ax=None):
    """Draws one finding: a row of the audit's table as `itertuples` gives it. Returns the Axes."""
    ax = ax or plt.figure(figsize=(6, 4), layout="constrained").add_subplot()
    if finding.stack is not None and finding.rule in BY_POSITION:
        stacks = [finding.stack, (finding.stack[0], 1)] if finding.rule == "second-scan" else [finding.stack]
        plot_positions({str(number): stack_slices(headers, stack) for number, stack in enumerate(stacks)}, ax=ax)
        ax.set_yticks([])
        ax.get_legend().remove()
    else:
        _show_image(finding, headers, ax)
    ax.set_title("\n".join([finding.rule, *textwrap.wrap(finding.value, WIDTH, max_lines=2, placeholder=" …")]), fontsize=9)
    return ax


def _show_image(finding, headers, ax):
    """The image of the file, or of the middle of the stack; where there is none, words."""
    try:
        if finding.path is not None:
            show_slice(load_slice(finding.path), ax=ax)
            return
        slices = stack_slices(headers, finding.stack)
        middle = slices.iloc[len(slices) // 2]
        show_slice(
            load_slice(slices.index[len(slices) // 2], frame=int(middle["frame"] if middle["frame"] == middle["frame"] else 0)),
            ax=ax,
        )
    except ImageError:
        ax.text(0.5, 0.5, "no image can be drawn", ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
